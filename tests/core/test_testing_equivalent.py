"""`interlock.testing.assert_equivalent`: what answers alike passes, and where two part is told by the shortest way."""

from __future__ import annotations

import itertools
import re
from copy import deepcopy
from typing import Any

import hypothesis.strategies as st
import naive
import pytest
import strategies
from hypothesis import given, reject, settings
from orders import order, parcel

from interlock import Machine, Run, SpecError
from interlock.testing import assert_equivalent
from interlock.testing._equivalent import _Pair
from interlock.testing._strategies import answering

QUIET = settings(derandomize=True, deadline=None, database=None)


def parting(one: Machine, two: Machine, **options: Any) -> str:
    """Return what is said of two life cycles that part. Any: the options of `assert_equivalent`."""
    with pytest.raises(AssertionError) as caught:
        assert_equivalent(one, two, **options)
    return str(caught.value).splitlines()[0]


@pytest.mark.parametrize("name", ["task-run", "flow-run"])
def test_the_shipped_ones_answer_as_themselves(name: str) -> None:
    """Counts, opaque guards, attempts and seals of real size."""
    machine = Machine.load(name)
    assert_equivalent(machine, machine)


@settings(QUIET, max_examples=50)
@given(table=strategies.mappings())
def test_drawn_ones_answer_as_themselves(table: strategies.Raw) -> None:
    """Whatever is in a table."""
    machine = Machine.from_mapping(table)
    assert_equivalent(machine, Machine.from_mapping(deepcopy(table)), limits={})


def test_how_it_is_written_makes_no_difference() -> None:
    """A row for a group is the same as one for each, guards may be put otherwise, and names of guards do not count."""
    grouped = order(
        ("[states]", 'groups.unpaid = ["New", "Reminded"]\n[states]'),
        ('[from.New]\nPAY = "Paid"\n', '[from.unpaid]\nPAY = "Paid"\n[from.New]\n'),
        ('[from.Reminded]\nPAY = "Paid"\n', "[from.Reminded]\n"),
    )
    assert_equivalent(order(), grouped)
    put = ("entered(Reminded) < reminders and known", "known and not (reminders <= entered(Reminded))")
    assert_equivalent(order(), order(put, ("patient", "may_wait")))
    assert_equivalent(grouped, order(put))


def test_states_may_have_other_names() -> None:
    """They are mapped; several may be one where they answer alike."""
    other = order(("Lost", "Gone"), ("Paid", "Good"))
    assert "goes to Paid (final), the second order goes to Good (final)" in parting(order(), other)
    assert_equivalent(order(), other, states={"Lost": "Gone", "Paid": "Good"})
    assert_equivalent(parcel(("Kept", "AtHand")), parcel(), states={"AtHand": "Kept"})
    two = order(
        ("Lost =", 'Gone = { means = "as well", final = true }\nLost ='), ('patient", "Lost"]\n', 'patient", "Gone"]\n')
    )
    assert_equivalent(two, order(), states={"Gone": "Lost"})


DIFFERENT: list[tuple[tuple[str, str], str]] = [
    (
        ("Reminded) < reminders", "Reminded) <= reminders"),
        "New -WAIT-> : the first order goes to Lost (final), the second order goes to Reminded; "
        "reminders = 0, known says yes",
    ),
    (
        (" and known", " or known"),
        "New -WAIT-> : the first order goes to Lost (final), the second order goes to Reminded; "
        "reminders = 2, known says no",
    ),
    (
        ('[from.Reminded]\nPAY = "Paid"\n', "[from.Reminded]\n"),
        "New -WAIT-> Reminded -PAY-> : the first order goes to Paid (final), the second order refuses it; reminders",
    ),
    (
        (
            '"some need to be told again" }',
            '"some need to be told again" }\nDROP = "Lost"\n[signals.DROP]\nmeans = "x"',
        ),
        "New -WAIT-> Reminded -DROP-> : the first order refuses it, the second order goes to Lost (final); "
        "reminders = 2",
    ),
    (("default = 2", "default = 3"), "the default of the limit 'reminders': the first order has 2, the second"),
    (("default = true", "default = false"), "the default of the opaque guard 'known': the first order has True"),
    (('initial = "New"', 'initial = "Reminded"'), "at the start : the first order begins in New, the second"),
]


@pytest.mark.parametrize(("change", "message"), DIFFERENT)
def test_where_two_part_is_told(change: tuple[str, str], message: str) -> None:
    """By the shortest way, what each answers, and under which limits and answers."""
    if change[0].startswith("initial"):
        other = order(change, ('[from.Reminded]\nPAY = "Paid"\n', '[from.Reminded]\nPAY = "New"\n'))
    else:
        other = order(change)
    assert parting(order(), other).startswith(message)


def test_seals_and_attempts_are_compared() -> None:
    """A state that may be carried, whether an attempt is open, and what is so behind a new pass."""
    fewer = parcel(('STOP = { carries = ["Kept", "There"] }', 'STOP = { carries = ["There"] }'))
    assert parting(parcel(), fewer) == (
        "Packed -STOP(Kept)-> : the first parcel goes to Kept (sealed), the second parcel refuses it"
    )
    assert parting(fewer, parcel()) == (
        "Packed -STOP(Kept)-> : the first parcel refuses it, the second parcel goes to Kept (sealed)"
    )
    without = parcel(('attempt = ["OnTour"]\n', ""))
    assert parting(parcel(), without) == (
        "Packed -GO-> : the first parcel goes to OnTour (an attempt is open, it is a new one), "
        "the second parcel goes to OnTour"
    )
    renewed = parcel(('BACK = "Kept"', 'BACK = "Kept"\nGO = { to = "OnTour", because = "again" }'))
    assert "OnTour -GO-> : " in parting(parcel(), renewed)
    kept = ('[from.Kept]\nGO = "OnTour"', '[from.Kept]\nGO = "OnTour"\nHAND = "There"')
    assert "Packed -STOP(Kept)-> Kept -HAND-> : the first parcel refuses it" in parting(parcel(), parcel(kept))


def test_names_that_differ_are_told() -> None:
    other = order(('"order"', '"shop"'), ('[from.Reminded]\nPAY = "Paid"\n', "[from.Reminded]\n"))
    assert "-PAY-> : order goes to Paid (final), shop refuses it" in parting(order(), other)


COUNTED = """
lifecycle = "counted"
initial = "A"
[states]
A.means = "here"
B.means = "there"
Z = { means = "over", final = true }
[signals]
UP = { means = "more", recurs = "it may" }
DOWN = { means = "less", recurs = "it may" }
END.means = "stop"
[guards]
enough = { when = "FORM", means = "it is enough" }
[from.A]
UP = { to = "A", because = "it is counted" }
DOWN = { to = "A", because = "it is counted" }
END = ["Z if enough", "B"]
[from.B]
END = "Z"
"""


def test_counts_are_followed_as_far_as_they_matter() -> None:
    """Sums without a bound: the difference that comes at the five hundredth signal is found, at the exact one."""

    def counted(form: str) -> Machine:
        return Machine.from_toml(COUNTED.replace("FORM", form))

    assert_equivalent(counted("taken(UP) > 500"), counted("501 <= taken(UP)"))
    text = parting(counted("taken(UP) > 500"), counted("taken(UP) > 501"))
    assert text.count("-UP->") == 501
    text = parting(counted("taken(UP) + taken(DOWN) > 6"), counted("taken(UP) + taken(DOWN) >= 6"))
    assert len(re.findall("-(?:UP|DOWN)->", text)) == 6
    text = parting(counted("0 - taken(UP) < 0 - 3"), counted("0 - taken(UP) <= 0 - 3"))
    assert text.count("-UP->") == 3


def test_differences_are_followed_to_a_bound() -> None:
    """What can go up and down without end is followed so far beyond what it is compared with; it ends."""

    def counted(form: str) -> Machine:
        return Machine.from_toml(COUNTED.replace("FORM", form))

    one = counted("taken(UP) - taken(DOWN) > 2")
    assert_equivalent(one, counted("taken(DOWN) + 2 < taken(UP)"))
    assert parting(one, counted("taken(UP) - taken(DOWN) >= 2")).count("-UP->") == 2
    # The second one asks what it does not tell: a difference that is far away from what the first one compares.
    far = counted("taken(UP) - taken(DOWN) > 2 and taken(UP) - taken(DOWN) < 20")
    assert parting(one, far).count("-UP->") == 20
    assert_equivalent(one, far, most=-1)


def test_limits_are_tried() -> None:
    """Small ones and the defaults, unless one says which."""
    far = order(("Reminded) < reminders", "Reminded) < reminders and entered(Reminded) < 20"))
    assert_equivalent(order(), far)
    text = parting(order(), far, limits={"reminders": 30})
    assert text.count("-WAIT->") == 21
    assert text.endswith("reminders = 30, known says yes")
    tight = order(("Reminded) < reminders", "Reminded) < reminders and entered(Reminded) < 1"))
    assert_equivalent(order(), tight, limits={"reminders": 1})
    assert parting(order(), tight).endswith("reminders = 2, known says yes")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"states": {"Nwe": "New"}}, "states: the first life cycle has no state 'Nwe'. Did you mean 'New'?"),
        ({"states": {"New": "Lots"}}, "states: the second life cycle has no state 'Lots'. Did you mean 'Lost'?"),
        ({"limits": {"reminder": 1}}, "limits: neither life cycle has a limit 'reminder'. Did you mean 'reminders'?"),
        ({"limits": {"reminders": -1}}, "order: limit 'reminders' is -1; it must be a number from 0 on, or inf"),
    ],
)
def test_what_does_not_exist_is_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        assert_equivalent(order(), order(), **options)


# Against chance, and against an interpreter that knows nothing of this


@st.composite
def pairs(draw: st.DrawFn) -> tuple[strategies.Raw, strategies.Raw]:
    """Return a drawn table, and one in which a target or a comparison is another."""
    one = draw(strategies.mappings())
    two = deepcopy(one)
    counting = [guard for guard in two.get("guards", {}).values() if guard["when"] != "?"]
    in_a_guard: bool = draw(st.booleans())
    if counting and in_a_guard:
        guard = draw(st.sampled_from(counting))
        guard["when"] = guard["when"].replace("<=", "<") if "<=" in guard["when"] else guard["when"].replace("<", "<=")
    else:
        cells = [c for row in two["from"].values() for c in row.values() if isinstance(c, dict) and "to" in c]
        cell = draw(st.sampled_from(cells))
        targets = [cell["to"]] if isinstance(cell["to"], str) else list(cell["to"])
        place = draw(st.integers(0, len(targets) - 1))
        names = [name for name, state in two["states"].items() if not state.get("abstract")]
        targets[place] = " ".join([draw(st.sampled_from(names)), *targets[place].split(" ")[1:]])
        cell["to"] = targets
    return one, two


@settings(QUIET, max_examples=50)
@given(pair=pairs(), data=st.data())
def test_it_says_what_runs_do(pair: tuple[strategies.Raw, strategies.Raw], data: st.DataObject) -> None:
    """Where it sees no difference, runs that are sent the same do the same; else the way that it tells leads to one."""
    try:
        one, two = map(Machine.from_mapping, pair)
    except SpecError:
        reject()
    limits = data.draw(strategies.limits(pair[0]))
    found = _Pair(one, two, {name: name for name in one.rows}, 10).parting(limits)
    if found is None:
        walk(one, two, limits, data, pair[0])
        return
    sent = re.findall(r"-(\w+)(?:\((\w+)\))?->", " ".join(found.arrows))
    assert different(pair, limits, sent), str(found)
    assert not any(different(pair, limits, sent[:end]) for end in range(1, len(sent))), f"not the shortest: {found}"


def walk(one: Machine, two: Machine, limits: dict[str, float], data: st.DataObject, table: strategies.Raw) -> None:
    """Send the same to two runs, and see that they do the same."""
    answers: dict[str, bool] = {}
    guards = {name: answering(answers, name) for name in strategies.opaque(table)}
    runs = [Run(machine, limits, guards) for machine in (one, two)]
    for signal, carried in data.draw(strategies.signals(one, limits)):
        answers.update(data.draw(strategies.answers(table)))
        first, second = (strategies.took(run, signal, carried) for run in runs)
        assert first == second
        look, other = ((run.state, run.closed, run.is_final, run.attempt) for run in runs)
        assert look == other
        for run in runs:
            if run.closed and not run.is_final:
                run.reopen()


def different(
    pair: tuple[strategies.Raw, strategies.Raw], limits: dict[str, float], sent: list[tuple[str, str]]
) -> bool:
    """Return whether some answers of the opaque guards let two lives part at the last of these signals."""
    names = strategies.opaque(pair[0])
    lives = [tuple(naive.Life(table, limits) for table in pair)]
    for number, (signal, carried) in enumerate(sent, start=1):
        forked: dict[object, tuple[naive.Life, ...]] = {}
        for values in itertools.product((True, False), repeat=len(names)):
            for life in lives:
                both = tuple(naive.fork(each, dict(zip(names, values, strict=True))) for each in life)
                if any(each.sealed for each in both):
                    for each in both:
                        each.sealed = False
                said = [each.send(signal, carried or None) for each in both]
                looks = [(each.state, each.sealed, naive.is_final(each.table, each.state)) for each in both]
                if said[0] != said[1] or looks[0] != looks[1] or opened(both[0]) != opened(both[1]):
                    if number == len(sent):
                        return True
                    continue
                forked[tuple((each.state, tuple(sorted(each.counts.items()))) for each in both)] = both
        lives = list(forked.values())
    return False


def opened(life: naive.Life) -> bool:
    """Return whether a life is where an attempt can be open."""
    return life.state in life.table.get("attempt", ())
