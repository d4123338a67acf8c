"""Triggers: what each says to every combination of upstream states, and what a custom one may do."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

import pytest

from interlock import Flow, Task, states, task, triggers
from interlock._edges import Edge
from interlock.signals import ENDRUN, Signal
from interlock.states import BY_NAME, State
from interlock.triggers import Trigger, some_failed, some_successful

KINDS: list[State] = [
    states.Success("done", 1),
    states.Skipped("nothing to do"),
    states.Failed("broken"),
    states.TriggerFailed("not met"),
    states.Cancelled("stopped"),
]
COMBINATIONS = [found for length in range(4) for found in itertools.combinations_with_replacement(KINDS, length)]
"""Every combination of up to three upstream states, none included."""

GOOD, BAD = ("Success", "Skipped"), ("Failed", "TriggerFailed")

ORACLES: dict[str, tuple[Callable[[list[str]], bool], Callable[[str], bool]]] = {
    "all_successful": (lambda names: all(n in GOOD for n in names), lambda n: n not in GOOD),
    "all_failed": (lambda names: all(n in BAD for n in names), lambda n: n not in BAD),
    "any_successful": (lambda names: not names or any(n in GOOD for n in names), lambda n: n not in GOOD),
    "any_failed": (lambda names: not names or any(n in BAD for n in names), lambda n: n not in BAD),
    "all_finished": (lambda names: True, lambda n: False),
}
"""By trigger: whether it says yes to states with these names, and which of them do not fit."""


def upstreams(found: Sequence[State]) -> dict[Edge, State]:
    """Return upstreams in these states, each by an edge of its own."""
    below = Task("below")
    return {Edge(Task(f"above-{number}"), below): state for number, state in enumerate(found)}


def verdict(trigger: Trigger, found: Sequence[State]) -> tuple[str, str]:
    """Return what a trigger says: "yes", or the signal that it raises, with its message."""
    try:
        answer = trigger(upstreams(found))
    except Signal as signal:
        return signal.name, str(signal)
    assert answer is True
    return "yes", ""


# The shipped ones


@pytest.mark.parametrize("name", ORACLES)
def test_what_a_trigger_says(name: str) -> None:
    """A trigger says yes where its name says so, else it counts those that do not fit."""
    yes, misfit = ORACLES[name]
    for found in COMBINATIONS:
        names = [type(state).__name__ for state in found]
        count = sum(map(misfit, names))
        message = f"Trigger {name!r} says no: {count} of {len(found)} upstream runs do not fit"
        for order in itertools.permutations(found):
            expected = ("yes", "") if yes(names) else ("TRIGGERFAIL", message)
            assert verdict(getattr(triggers, name), order) == expected


def test_not_all_skipped() -> None:
    """`not_all_skipped` wants successes, and skips the task where every upstream was skipped."""
    for found in COMBINATIONS:
        names = [type(state).__name__ for state in found]
        said = verdict(triggers.not_all_skipped, found)
        if names and set(names) == {"Skipped"}:
            assert said == ("SKIP", "Every upstream run was skipped")
        elif all(name in GOOD for name in names):
            assert said == ("yes", "")
        else:
            count = sum(name not in GOOD for name in names)
            message = f"Trigger 'not_all_skipped' says no: {count} of {len(names)} upstream runs do not fit"
            assert said == ("TRIGGERFAIL", message)


def test_manual_only_asks_a_person() -> None:
    """Whatever the upstreams, `manual_only` pauses a run that no person has resumed."""
    for found in COMBINATIONS:
        assert verdict(triggers.manual_only, found) == ("PAUSE", "Trigger 'manual_only' waits for a person")


def test_always_run_is_another_name() -> None:
    """`always_run` is `all_finished`, which wants every upstream to be over."""
    assert triggers.always_run is triggers.all_finished
    message = "Trigger 'all_finished' says no: 2 of 3 upstream runs do not fit"
    assert verdict(triggers.all_finished, [KINDS[0], states.Running(), states.Retrying()]) == ("TRIGGERFAIL", message)


@pytest.mark.parametrize("name", ["TimedOut", "ValidationFailed", "Cached", "Mapped"])
def test_a_state_counts_as_its_family(name: str) -> None:
    """A state of the failed or successful family counts as failed or successful."""
    state = states.Mapped("why", map_states=(KINDS[0],)) if name == "Mapped" else BY_NAME[name]("why")
    failed = name in ("TimedOut", "ValidationFailed")
    assert verdict(triggers.any_failed, [state])[0] == ("yes" if failed else "TRIGGERFAIL")
    assert verdict(triggers.all_successful, [state])[0] == ("TRIGGERFAIL" if failed else "yes")


# Mapped upstreams

EVERY = [
    *(getattr(triggers, name) for name in [*ORACLES, "not_all_skipped", "manual_only"]),
    some_failed(1, 2),
    some_failed(0.5),
    some_successful(at_most=0.5),
]


@pytest.mark.parametrize("trigger", EVERY, ids=lambda trigger: trigger.__name__)
def test_a_mapped_upstream_counts_with_each_child(trigger: Trigger) -> None:
    """The children of a mapped upstream count like upstreams of their own, however they are divided."""
    for found in COMBINATIONS:
        for cut in range(len(found)):
            mapped = states.Mapped("all over", map_states=found[cut:])
            assert verdict(trigger, [*found[:cut], mapped]) == verdict(trigger, found)
            assert verdict(trigger, [mapped, *found[:cut]]) == verdict(trigger, found)


@pytest.mark.parametrize(
    ("trigger", "said"),
    [
        (triggers.all_successful, "yes"),
        (triggers.all_failed, "yes"),
        (triggers.all_finished, "yes"),
        (triggers.not_all_skipped, "yes"),
        (triggers.any_successful, "TRIGGERFAIL"),
        (triggers.any_failed, "TRIGGERFAIL"),
        (some_failed(at_least=1), "TRIGGERFAIL"),
        (some_failed(at_most=1), "yes"),
        (some_successful(at_least=0.5), "yes"),
        (triggers.manual_only, "PAUSE"),
    ],
)
def test_a_map_over_nothing(trigger: Trigger, said: str) -> None:
    """A mapped upstream without children has none that fits, and none that does not."""
    assert verdict(trigger, [states.Mapped("all over")])[0] == said


# Bounds

BOUNDS: list[float | None] = [None, 0, 2, 5, 0.0, 0.3, 1.0]


@pytest.mark.parametrize("least", BOUNDS)
@pytest.mark.parametrize(("make", "family"), [(some_failed, BAD), (some_successful, GOOD)])
def test_bounds(make: Callable[..., Trigger], family: tuple[str, ...], least: float | None) -> None:
    """A whole number bounds the count, a float the share; both bounds hold, and none counts for no upstream."""
    for most, found in itertools.product(BOUNDS, COMBINATIONS):
        trigger = make(least, most)
        count, total = sum(type(state).__name__ in family for state in found), len(found)
        low = 0.0 if least is None else least * total if isinstance(least, float) else least
        high = float(total) if most is None else most * total if isinstance(most, float) else most
        said = verdict(trigger, found)
        if not found or low <= count <= high:
            assert said == ("yes", "")
        else:
            message = f"Trigger {make.__name__!r} says no: {total - count} of {total} upstream runs do not fit"
            assert said == ("TRIGGERFAIL", message)


@pytest.mark.parametrize("bound", [-1, 1.5, -0.1, True, False, "1", float("nan"), float("inf")])
@pytest.mark.parametrize("make", [some_failed, some_successful])
@pytest.mark.parametrize("place", ["at_least", "at_most"])
def test_a_bound_without_a_meaning_is_refused(make: Callable[..., Trigger], place: str, bound: object) -> None:
    """A bound that is neither a whole number nor a share is refused when the trigger is made."""
    with pytest.raises(ValueError, match="is no bound") as caught:
        make(**{place: bound})
    assert str(caught.value) == (
        f"{make.__name__}: {bound!r} is no bound; give a whole number from 0 on, or a share from 0.0 to 1.0"
    )


def test_a_bounded_trigger_has_a_name() -> None:
    """A trigger that was made says in a traceback what it is."""
    assert (some_failed(1).__name__, some_successful(1).__name__) == ("some_failed", "some_successful")


# In a flow


def ends(state: State) -> Task:
    """Return a task whose run ends in a state."""

    @task(trigger=_raises(ENDRUN(state)))
    def above() -> None:
        raise AssertionError

    return above


def _raises(signal: BaseException) -> Trigger:
    def trigger(_upstreams: object) -> NoReturn:
        raise signal

    return trigger


def below(found: Sequence[State], trigger: Trigger | None = None, *, skip: bool = True) -> State:
    """Return how a task ends in a flow whose upstreams are in these states. Without a trigger: the usual one."""
    options: dict[str, Any] = {} if trigger is None else {"trigger": trigger}

    class Below(Task):
        def run(self, above: list[object]) -> str:
            return "ran"

    with Flow("gates") as flow:
        waits = [Task.__call__(ends(state)) for state in found]
        node = Below(skip_on_upstream_skip=skip, **options)([], upstream_tasks=waits)
    result: State = flow.run().result[node]
    return result


@pytest.mark.parametrize("skip", [True, False])
def test_the_usual_trigger_is_no_exception(skip: bool) -> None:
    """A task without a trigger of its own behaves like one with a trigger that calls `all_successful`."""
    for found in COMBINATIONS:
        usual = below(found, skip=skip)
        assert usual == below(found, lambda states: triggers.all_successful(states), skip=skip)
        names = {type(state).__name__ for state in found}
        if skip and "Skipped" in names and not names & set(BAD):
            assert usual == states.Skipped("An upstream run was skipped; skip_on_upstream_skip is set")
        elif names <= set(GOOD):
            assert usual == states.Success(None, "ran")
        else:
            assert type(usual) is states.TriggerFailed


@pytest.mark.parametrize("name", [*ORACLES, "not_all_skipped"])
def test_a_trigger_decides_where_skips_do_not(name: str) -> None:
    """With `skip_on_upstream_skip=False` the trigger alone decides: its yes starts the task, its signal ends it."""
    for found in COMBINATIONS:
        said, message = verdict(getattr(triggers, name), found)
        state = below(found, getattr(triggers, name), skip=False)
        if said == "yes":
            assert state == states.Success(None, "ran")
        else:
            assert state == BY_NAME["Skipped" if said == "SKIP" else "TriggerFailed"](message)


@pytest.mark.parametrize("name", [*ORACLES, "not_all_skipped", "manual_only"])
def test_a_failure_is_never_hidden_by_a_skip(name: str) -> None:
    """A skipped upstream skips the task before its trigger is asked, but not where another upstream has failed."""
    for found in COMBINATIONS:
        names = {type(state).__name__ for state in found}
        state = below(found, getattr(triggers, name))
        if "Skipped" in names and not names & set(BAD):
            assert state == states.Skipped("An upstream run was skipped; skip_on_upstream_skip is set")
        else:
            assert state == below(found, getattr(triggers, name), skip=False)
