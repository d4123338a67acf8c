"""One life in a machine: what a run takes, what it refuses, and that a refusal leaves no trace."""

from __future__ import annotations

import math
import random
import re
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from enum import StrEnum
from typing import Any

import pytest

from interlock import GuardError, Machine, NoTransition, Run, RunView, Step

# Three life cycles that have nothing to do with each other, so that nothing here holds for one table only.

ORDER = Machine.from_toml("""
lifecycle = "order"
initial = "New"
attempt = ["Packing", "Recalling"]
[states]
New.means = "placed"
Held.means = "waits for a person"
Again.means = "to be packed once more"
Packing.means = "on the table"
Sorting.means = "split over several tables"
Recalling.means = "asked to stop"
Shipped = { means = "gone", final = true }
Lost = { means = "over", final = true }
[signals]
PACK.means = "begin"
SORT.means = "split it"
SHIP.means = "done"
BREAK.means = "something broke"
HOLD = { means = "look first", recurs = "people look as often as they like" }
FREE.means = "go on"
RECALL.means = "stop"
STOP = { means = "nothing follows in this pass", seals = true }
[limits]
repacks = { default = 1, means = "further packings" }
holds = { default = 2, means = "how often it may be held" }
[guards]
insured = { when = "?", default = true, means = "somebody pays" }
again = { when = "entered(Again) < repacks and insured", means = "pack once more" }
may_hold = { when = "taken(HOLD) < holds", means = "hold it" }
[from]
New.PACK = "Packing"
New.SORT = "Sorting"
New.HOLD = { to = ["Held if may_hold", "refused"], because = "it was held often enough" }
New.STOP.carries = ["Held", "Lost"]
Held.FREE = { to = ["New if insured", "refused"], because = "nobody pays" }
Held.PACK = { to = "refused", because = "a person looks at it: FREE it first" }
Again.PACK = "Packing"
Packing = { SHIP = "Shipped", BREAK = ["Again if again", "Lost"], RECALL = "Recalling", STOP.carries = ["Held"] }
Sorting = { SHIP = "Shipped", RECALL = "Recalling" }
Recalling = { SHIP = "Shipped", BREAK = "Lost", RECALL = { to = "Recalling", because = "asking twice is asking once" } }
""")

TICKET = Machine.from_toml("""
lifecycle = "ticket"
initial = "Open"
states = { Open.means = "ours", Waiting.means = "theirs", Solved.means = "-", Closed = { means = "-", final = true } }
limits.patience = { default = 2, means = "how often it may come back" }
guards.listen = { when = "taken(AGAIN) < patience", means = "it is heard again" }
signals = {ASK.means = "?", REPLY = { means = "!", recurs = "-" }, TELL.means = "-", AGAIN.means = "-", END.means = "-"}
[from]
Open = { ASK = "Waiting", REPLY = { to = "Open", because = "more is told" }, TELL = "Solved", END = "Closed" }
Waiting = { ASK = { to = "refused", because = "it was asked already" }, REPLY = "Open", END = "Closed" }
Solved = { AGAIN = ["Open if listen", "Closed"], END = "Closed" }
""")

DEPLOYMENT = Machine.from_toml("""
lifecycle = "deployment"
initial = "Planned"
attempt = ["Rolling"]
limits.rollouts = { default = 2, means = "attempts in all" }
groups = { waiting = ["Planned", "Frozen"], endings = ["Live", "Failed"] }
[states]
Planned.means = "written down"
Frozen = { is = "Planned", means = "nobody touches it" }
Rolling.means = "on its way"
Over = { means = "over", final = true, abstract = true }
Live = { is = "Over", means = "serves" }
Failed = { is = "Over", means = "never served" }
[signals]
ROLL.means = "go"
DONE.means = "all machines have it"
FAULT.means = "some machine has it not"
FREEZE = { means = "hands off", recurs = "there are many holidays" }
HALT = { means = "stop where you are", seals = true }
[guards]
more = { when = "entered(Rolling) < rollouts", means = "it may be tried" }
healthy = { when = "?", default = true, means = "it answers" }
[from]
waiting.ROLL = ["Rolling if more", "Failed"]
waiting.FREEZE = { to = "Frozen", because = "frozen twice is frozen once" }
waiting.HALT.carries = ["Frozen", "endings"]
Rolling = { DONE = ["Live if healthy", "Planned"], FAULT = "Planned", HALT.carries = ["Frozen", "endings"] }
""")

each_machine = pytest.mark.parametrize("machine", [ORDER, TICKET, DEPLOYMENT], ids=lambda machine: machine.name)
each_time = pytest.mark.parametrize("at", [None, 3.5])

PACK, BREAK, STOP = (type(name, (BaseException,), {"carried": None}) for name in ("PACK", "BREAK", "STOP"))
HURRY = type("HURRY", (PACK,), {})  # a kind of PACK that the table has never heard of
Word = type("Word", (str,), {})
Words = StrEnum("Words", {"PACK": "PACK"})


def after(machine: Machine, path: str, **options: Any) -> Run:
    """Return a run that took the signals of `path`; "STOP:Held" carries Held. Any: the options of `Run`."""
    run = Run(machine, **options)
    for word in path.split():
        signal, _, carried = word.partition(":")
        run.send(signal, carried=carried or None)
    return run


@contextmanager
def refused(run: Run, error: type[BaseException], message: str) -> Iterator[None]:
    """Expect an error with exactly this message, and a run that is as it was."""
    was = run.to_dict()
    with pytest.raises(error) as caught:
        yield
    assert (str(caught.value), run.to_dict()) == (message, was)


# Signals


@pytest.mark.parametrize("signal", ["PACK", PACK, PACK("gently"), HURRY, HURRY(), Word("PACK"), Words.PACK], ids=repr)
@each_time
def test_a_signal_is_a_name_a_class_or_an_instance(signal: object, at: float | None) -> None:
    """Every form of a signal takes the same step, and the story holds plain names."""
    run = Run(ORDER)
    assert run.send(signal, at) == run.state == "Packing"
    assert list(run.story) == [Step(1, "New", "PACK", "Packing", attempt=1, at=at)]
    assert type(run.story[0].signal) is str


UNKNOWN: list[tuple[object, str]] = [
    ("PAKC", "'PAKC'. Did you mean 'PACK'?"),
    (Word("PAKC"), "'PAKC'. Did you mean 'PACK'?"),
    (None, "None."),
    (7, "7."),
    (["PACK"], "['PACK']. Did you mean 'PACK'?"),
    (ValueError, "<class 'ValueError'>."),
    (ValueError("x"), "ValueError('x')."),
]


@pytest.mark.parametrize(("signal", "message"), UNKNOWN)
@each_time
def test_an_unknown_signal_is_named(signal: object, message: str, at: float | None) -> None:
    """A signal that the table does not have is a `ValueError` that suggests the nearest, and nothing changes."""
    run = after(ORDER, "PACK")
    with refused(run, ValueError, f"order: unknown signal {message}"):
        run.send(signal, at)
    with refused(run, ValueError, f"order: unknown signal {message}"):
        run.deliver(signal, 1, at)


# Refusals

NEW = "New accepts: PACK, SORT, HOLD, STOP"
CARRY = f"here it may carry: Held, Lost; {NEW}"
SEALED = "STOP sealed the run in Held; only a new pass, reopen(), lets it go on; Held accepts: nothing"
ASKED = "it was asked already; Waiting accepts: REPLY, END"
OFTEN = "it was held often enough; New accepts: PACK, SORT, STOP"
REFUSALS = [
    (ORDER, "", "SHIP", f"; {NEW}", ""),
    (ORDER, "", "STOP", f": it must carry a state; {CARRY}", ""),
    (ORDER, "", "STOP:x", f": it carries x; {CARRY}", ""),
    (ORDER, "HOLD FREE HOLD FREE", "HOLD", f": {OFTEN}", f"New{' -HOLD-> Held -FREE-> New' * 2}"),
    (ORDER, "HOLD", "PACK", ": a person looks at it: FREE it first; Held accepts: FREE", "New -HOLD-> Held"),
    (ORDER, "SORT SHIP", "PACK", ": Shipped is final; Shipped accepts: nothing", "New -SORT-> Sorting -SHIP-> Shipped"),
    (ORDER, "STOP:Held", "FREE", f": {SEALED}", "New -STOP-> Held"),
    (TICKET, "REPLY", "AGAIN", "; Open accepts: ASK, REPLY, TELL, END", "Open -REPLY-> Open"),
    (TICKET, f"ASK{' REPLY ASK' * 4}", "ASK", f": {ASKED}", f"Waiting{' -REPLY-> Open -ASK-> Waiting' * 4}"),
    (DEPLOYMENT, "ROLL", "FREEZE", "; Rolling accepts: DONE, FAULT, HALT", "Planned -ROLL-> Rolling"),
]


@pytest.mark.parametrize(("machine", "path", "signal", "why", "story"), REFUSALS)
@each_time
def test_a_refusal_says_all(machine: Machine, path: str, signal: str, why: str, story: str, at: float | None) -> None:
    """A refusal names life cycle, state, signal, reason, what is accepted and the last eight steps; nothing changes."""
    run = after(machine, path)
    name, _, carried = signal.partition(":")
    end = f"; the story ends: {story}" if story else ""
    with refused(run, NoTransition, f"{machine.name}: {name} is refused in {run.state}{why}{end}"):
        run.send(name, at, carried=carried or None)


@pytest.mark.parametrize("seed", range(20))
@each_machine
def test_accepts_and_send_agree(machine: Machine, seed: int) -> None:
    """On any walk `send` takes what `accepts` lists, to where `Machine.next` says, and refuses all else."""
    rng, run = random.Random(seed), Run(machine, story=seed % 3 * 500)
    while accepted := run.accepts():
        cells = machine.rows[run.state]
        for signal in (signal for signal in machine.signals if signal not in accepted):
            was = run.to_dict()
            with pytest.raises(NoTransition):
                run.send(signal, carried=run.state)
            assert run.to_dict() == was
        signal = rng.choice(accepted)
        carried = rng.choice(cells[signal].carries or (None,))
        foretold = machine.next(run.state, signal, carried=carried, counts=run.counts)
        assert run.send(signal, rng.choice([None, 1.0]), carried=carried) == run.state == foretold
        if run.closed and not run.is_final:
            run.reopen()
    assert run.is_final


# Sealing


def test_sealed_in_a_final_state_is_for_ever() -> None:
    """A run sealed in a final state accepts nothing, and no new pass either."""
    run = after(ORDER, "STOP:Lost")
    assert (run.closed, run.is_final, run.accepts()) == (True, True, ())
    end = f"Lost is final; Lost accepts: nothing; the story ends: {run.story}"
    for signal in ORDER.signals:
        with refused(run, NoTransition, f"order: {signal} is refused in Lost: {end}"):
            run.send(signal, carried="Lost")
    with refused(run, NoTransition, f"order: reopen() is refused in Lost: {end.replace('Lost', 'it', 1)}"):
        run.reopen()


@pytest.mark.parametrize("path", ["HALT:Frozen", "ROLL HALT:Frozen", "HALT:Frozen reopen HALT:Frozen"])
@pytest.mark.parametrize("keep", [0, 1, 1000])
def test_sealed_in_an_unfinished_state_waits_for_a_new_pass(path: str, keep: int) -> None:
    """Nothing but `reopen` lets a sealed run go on; then the state's own row holds, and the story is as before."""
    run = Run(DEPLOYMENT, story=keep)
    for word in path.split():
        run.reopen() if word == "reopen" else run.send(word.split(":")[0], carried="Frozen")
    steps = list(run.story)
    assert (run.state, run.closed, run.is_final, run.accepts()) == ("Frozen", True, False, ())
    for signal in DEPLOYMENT.signals:
        with pytest.raises(NoTransition, match=r"HALT sealed the run in Frozen; only a new pass, reopen\(\), lets"):
            run.send(signal, carried="Frozen")
    run.reopen()
    assert (run.state, run.closed, run.accepts()) == ("Frozen", False, ("ROLL", "FREEZE", "HALT"))
    assert list(run.story) == steps
    with pytest.raises(NoTransition, match=r"^deployment: reopen\(\) is refused in Frozen: it is not sealed; Frozen"):
        run.reopen()
    assert run.send("ROLL") == "Rolling"


def test_a_signal_says_itself_what_it_carries() -> None:
    """An instance's `carried` is the state that it carries; what the caller says comes first."""
    signal = STOP()
    with pytest.raises(NoTransition, match="it must carry a state"):
        Run(ORDER).send(signal)
    signal.carried = "Held"
    assert Run(ORDER).send(signal) == "Held"
    assert Run(ORDER).send(signal, carried="Lost") == "Lost"


# Attempts

ATTEMPTS = [
    (ORDER, "", 0, False),
    (ORDER, "PACK", 1, True),
    (ORDER, "PACK RECALL RECALL", 1, True),
    (ORDER, "PACK BREAK", 1, False),
    (ORDER, "PACK BREAK PACK", 2, True),
    (ORDER, "PACK BREAK PACK SHIP", 2, False),
    (ORDER, "PACK STOP:Held", 1, False),
    (ORDER, "SORT RECALL", 0, False),
    (DEPLOYMENT, "ROLL FAULT ROLL", 2, True),
    (DEPLOYMENT, "ROLL DONE", 1, False),
]


@pytest.mark.parametrize(("machine", "path", "attempt", "is_open"), ATTEMPTS)
def test_only_the_open_attempt_is_heard(machine: Machine, path: str, attempt: int, is_open: bool) -> None:
    """A message of any attempt but the open one is dropped and counted, whatever it says."""
    run = after(machine, path)
    was = run.to_dict()
    others: list[Any] = [number for number in (-1, 0, 1, 2, 3, None) if not (is_open and number == attempt)]
    for number in others:
        assert run.deliver("NONSENSE", attempt=number) is None
        assert run.deliver(next(iter(machine.signals)), attempt=number) is None
    assert run.to_dict() == {**was, "dropped": 2 * len(others)}
    assert (run.dropped, run.attempt) == (2 * len(others), attempt)
    if is_open:
        assert run.deliver(run.accepts()[0], attempt, 4.0) == run.state
        assert (run.story[-1].attempt, run.story[-1].at) == (attempt, 4.0)


def test_an_outcome_comes_once() -> None:
    """The second outcome of an attempt is a duplicate, and one of an earlier attempt is late: both are dropped."""
    run = after(ORDER, "PACK")
    assert run.deliver("BREAK", attempt=1) == "Again"
    assert run.deliver("SHIP", attempt=1) is None
    run.send("PACK")
    assert run.deliver("SHIP", attempt=1) is None
    assert run.deliver("STOP", attempt=2, carried="Held") == "Held"
    run.reopen()
    assert run.deliver("BREAK", attempt=2) is None
    assert (run.dropped, [step.attempt for step in run.story]) == (3, [1, 1, 2, 2])


def test_a_message_is_held_against_the_table() -> None:
    """One of the open attempt is refused like any signal; where no attempt is declared, none can belong to one."""
    run, ticket = after(ORDER, "PACK"), Run(TICKET)
    end = "Packing accepts: SHIP, BREAK, RECALL, STOP; the story ends: New -PACK-> Packing"
    with refused(run, NoTransition, f"order: FREE is refused in Packing; {end}"):
        run.deliver("FREE", attempt=1)
    with refused(ticket, ValueError, "ticket: declares no attempt, so no message can belong to one"):
        ticket.deliver("END", attempt=0)


# Limits and guards

NUMBER = "it must be a number from 0 on, or inf"
BAD: list[tuple[dict[str, Any], str]] = [
    ({"limits": {"repack": 1}}, "unknown limit 'repack'. Did you mean 'repacks'?"),
    ({"limits": {"repacks": -1}}, f"order: limit 'repacks' is -1; {NUMBER}"),
    ({"limits": {"holds": math.nan}}, f"order: limit 'holds' is nan; {NUMBER}"),
    ({"limits": {"holds": True}}, f"order: limit 'holds' is True; {NUMBER}"),
    ({"limits": {"holds": "3"}}, f"order: limit 'holds' is '3'; {NUMBER}"),
    (
        {"limits": {"repacks": 10**19}},
        "order: limit 'repacks' has more than 63 bits; for no limit at all say inf",
    ),
    ({"limits": {"repacks": math.inf}}, "order: limit 'repacks' is inf; it must be finite, for it alone ends a cycle"),
    ({"guards": {"insurd": bool}}, "unknown opaque guard 'insurd'. Did you mean 'insured'?"),
    ({"guards": {"again": bool}}, "unknown opaque guard 'again'."),
    ({"guards": {"insured": True}}, "order: guard 'insured' is bound to True; bind a callable of run and signal"),
    ({"story": -1}, "story: -1; it must be a number of steps from 0 on"),
    ({"story": True}, "story: True; it must be a number of steps from 0 on"),
    ({"story": 1000.0}, "story: 1000.0; it must be a number of steps from 0 on"),
]


@pytest.mark.parametrize(("options", "message"), BAD, ids=lambda value: value if isinstance(value, str) else "")
def test_what_a_run_is_given_is_checked(options: dict[str, Any], message: str) -> None:
    """A limit, guard or length of the story that has no such name or value is refused when the run is made."""
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        Run(ORDER, **options)


@pytest.mark.parametrize("patience", [0, 1, 2.5, 4])
def test_a_limit_bounds_what_a_guard_counts(patience: float) -> None:
    """A signal that a limit bounds is granted as often as it says, and no more."""
    run, granted = Run(TICKET, limits={"patience": patience}), 0
    while run.send("TELL") and run.send("AGAIN") == "Open":
        granted += 1
    assert (granted, run.state) == (math.ceil(patience), "Closed")
    assert (run.limits, run.counts) == ({"patience": patience}, {"taken(AGAIN)": granted + 1})


@pytest.mark.parametrize("limits", [{"holds": math.inf}, {"holds": 2**63 - 1}], ids=["inf", "huge"])
def test_a_limit_may_hold_nothing_back(limits: dict[str, float]) -> None:
    """Where something that recurs ends the cycle, a limit may be inf, or a number that nothing reaches."""
    run = after(ORDER, "HOLD FREE " * 50, limits=limits)
    assert (run.counts["taken(HOLD)"], "HOLD" in run.accepts()) == (50, True)
    assert Run.from_dict(ORDER, run.to_dict()) == run


@pytest.mark.parametrize("answer", [1, 0, None, "yes", [], KeyError, TypeError, IndexError, PACK], ids=repr)
@each_time
def test_a_guard_that_fails_changes_nothing(answer: Any, at: float | None) -> None:
    """What a guard raises comes out as it is, an answer but True or False as a `GuardError`; the run goes on."""

    def insured(run: RunView, signal: object) -> Any:
        if isinstance(answer, type):
            raise answer(7)
        return answer

    run = after(ORDER, "PACK", guards={"insured": insured})
    said = f"guard 'insured' answered {answer!r}; it must answer True or False"
    with refused(run, *((answer, "7") if isinstance(answer, type) else (GuardError, said))):
        run.send("BREAK", at)
    assert run.send("SHIP") == "Shipped"


@pytest.mark.parametrize("signal", ["BREAK", BREAK, BREAK("glass"), "FREE"], ids=repr)
@pytest.mark.parametrize("answer", [True, False])
@pytest.mark.parametrize("earlier", [None, 1.0])
@each_time
def test_a_guard_is_asked_once(signal: object, answer: bool, earlier: float | None, at: float | None) -> None:
    """An opaque guard sees the run before the step and the very signal that was sent, once for each signal."""
    asked: list[tuple[str, int]] = []

    def insured(run: RunView, given: object) -> bool:
        asked.append((run.state, id(given)))
        return answer

    run = Run(ORDER, guards={"insured": insured})
    before = run.send("HOLD" if signal == "FREE" else "PACK", earlier)
    with nullcontext() if answer or signal != "FREE" else pytest.raises(NoTransition, match="nobody pays"):
        assert run.send(signal, at) == ("New" if signal == "FREE" else "Again" if answer else "Lost")
    assert asked == [(before, id(signal))]
