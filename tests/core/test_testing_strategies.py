"""The strategies and the state machine of `interlock.testing`: what they draw is so, and what is wrong is caught."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from typing import Any

import acts
import pytest
from hypothesis import Phase, find, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import invariant, rule, run_state_machine_as_test
from orders import order, parcel

import interlock.testing
from interlock import Machine, NoTransition, Run, Story
from interlock._story import Step
from interlock.testing import machines, signals, state_machine, stories

QUIET = settings(derandomize=True, deadline=None, database=None)
FAST = settings(QUIET, max_examples=100, stateful_step_count=15, phases=(Phase.generate,), report_multiple_bugs=False)
SHRUNK = settings(FAST, phases=(Phase.generate, Phase.shrink))


# The strategies


@settings(QUIET, max_examples=50)
@given(data=st.data())
def test_what_is_drawn_fits(data: st.DataObject) -> None:
    """Signals are of the machine, and a story is one of its paths that a run can take again."""
    machine = data.draw(machines())
    sent = data.draw(signals(machine))
    assert {signal for signal, _ in sent} <= set(machine.signals)
    story = data.draw(stories(machine))
    assert isinstance(story, Story)
    assert (story.start, story.skipped, story.lifecycle) == (machine.initial, 0, machine.name)
    assert all(step.after in machine.rows[step.before][step.signal].targets for step in story)
    assert story.replay().story == story
    assert type(story.replay()) is Run


def test_limits_are_kept() -> None:
    """With none, nobody is reminded; else stories with many reminders come up, and those in which a guard said no."""

    def reminded(story: Story) -> int:
        return sum(step.after == "Reminded" for step in story)

    machine = order()
    assert reminded(find(stories(machine, {"reminders": 5}), lambda story: reminded(story) == 5)) == 5
    find(stories(machine), lambda story: str(story) == "New -WAIT-> Lost")
    find(stories(machine), lambda story: len(story) > 1 and story[1].at is not None)

    @QUIET
    @given(story=stories(machine, {"reminders": 0}))
    def never(story: Story) -> None:
        assert reminded(story) == 0

    never()


# Without Hypothesis


def test_the_rest_works_without_hypothesis() -> None:
    """`import interlock.testing` does not load it."""
    code = (
        "import sys; import interlock.testing as t; t.Clock, t.Coverage, t.assert_equivalent, t.check_executor;"
        "assert 'hypothesis' not in sys.modules; t.machines; assert 'hypothesis' in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("name", ["machines", "signals", "stories", "state_machine"])
def test_what_needs_it_says_so(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the command that installs it."""
    acts.without(monkeypatch, "hypothesis")
    with pytest.raises(ImportError) as caught:
        getattr(interlock.testing, name)
    assert str(caught.value) == f"interlock.testing.{name} needs Hypothesis: pip install interlock[testing]"


def test_other_names_are_none() -> None:
    with pytest.raises(AttributeError, match=r"module 'interlock.testing' has no attribute 'machine'"):
        vars(interlock.testing)["__getattr__"]("machine")


# The state machine


class Shop:
    """Keeps the life cycle of an order, in a way of its own. Any: mutants change what they like."""

    def __init__(self) -> None:
        self.state = "New"
        self.known = True
        self.reminders = 0

    def answer(self, guard: str, yes: bool) -> None:
        assert guard == "known"
        self.known = yes

    def send(self, signal: str) -> None:
        if self.state in ("Paid", "Lost"):
            raise ValueError("it is over")
        getattr(self, signal.lower())()

    def pay(self) -> None:
        self.state = "Paid"

    def wait(self) -> None:
        again = self.may_wait()
        self.reminders += again
        self.state = "Reminded" if again else "Lost"

    def may_wait(self) -> bool:
        return self.known and self.reminders < 2


class Office:
    """Keeps the life cycle of a parcel."""

    def __init__(self) -> None:
        self.state = "Packed"
        self.sealed = False
        self.ways = {
            ("Packed", "GO"): "OnTour",
            ("Kept", "GO"): "OnTour",
            ("OnTour", "HAND"): "There",
            ("OnTour", "BACK"): "Kept",
        }

    def send(self, signal: str, carried: str | None = None) -> None:
        if self.sealed:
            raise ValueError("it is sealed")
        if signal == "STOP":
            self.stop(carried)
        else:
            self.state = self.ways.get((self.state, signal), self.state)

    def stop(self, carried: str | None) -> None:
        if self.state == "Packed" and carried in ("Kept", "There"):
            self.state, self.sealed = carried, True

    def reopen(self) -> None:
        self.sealed = False


TestOrders = state_machine(order(), Shop, refuses=ValueError).TestCase
TestParcels = state_machine(parcel(), Office, refuses=ValueError).TestCase
TestAlone = state_machine(order(), limits={"reminders": 3}, guards={"known": lambda run, signal: True}).TestCase
TestRuns = state_machine(parcel(), lambda: Beside(parcel())).TestCase
for _case in (TestOrders, TestParcels, TestAlone, TestRuns):
    _case.settings = settings(QUIET, max_examples=50, stateful_step_count=20)


class Beside:
    """Another run: what `send` takes is what `state_machine` gives."""

    def __init__(self, machine: Machine) -> None:
        self.run = Run(machine)
        self.reopen = self.run.reopen

    @property
    def state(self) -> str:
        return self.run.state

    def send(self, signal: str, carried: str | None = None) -> str:
        return self.run.send(signal, carried=carried)


class Patient(Shop):
    def may_wait(self) -> bool:
        return self.known and self.reminders < 3


class Forgetful(Shop):
    def may_wait(self) -> bool:
        return self.reminders < 2


class Generous(Shop):
    def send(self, signal: str) -> None:
        getattr(self, signal.lower())()


class Shy(Shop):
    def pay(self) -> None:
        if self.state == "Reminded":
            raise ValueError("too late")
        super().pay()


class Early(Shop):
    def __init__(self) -> None:
        super().__init__()
        self.state = "Reminded"


class Breaking(Shop):
    def pay(self) -> None:
        raise KeyError("a mistake that is no refusal")


class Leaking(Office):
    def stop(self, carried: str | None) -> None:
        super().stop(carried)
        self.sealed = False


class Careless(Office):
    def stop(self, carried: str | None) -> None:
        self.state, self.sealed = carried or self.state, True


class Closed(Office):
    def reopen(self) -> None:
        """Forget to."""


WRONG: list[tuple[Machine, Callable[[], object], str]] = [
    (
        order(),
        Patient,
        "order: behind WAIT the run is in Lost, and what make returned is in 'Reminded'; the run's",
    ),
    (
        order(),
        Forgetful,
        "order: behind WAIT the run is in Lost, and what make returned is in 'Reminded'; the run's",
    ),
    (order(), Generous, " the run is in "),
    (order(), Shy, "order: behind PAY the run is in Paid, and what make returned refuses it: ValueError('too late')"),
    (order(), Early, "order: behind nothing the run is in New, and what make returned is in 'Reminded'"),
    (parcel(), Leaking, "parcel: behind GO the run is in Kept, and what make returned is in 'OnTour'"),
    (parcel(), Careless, "parcel: behind "),
    (parcel(), Closed, "parcel: behind GO the run is in OnTour, and what make returned refuses it: ValueError("),
]


@pytest.mark.parametrize(("machine", "make", "message"), WRONG, ids=lambda value: getattr(value, "__name__", ""))
def test_a_wrong_implementation_is_caught(machine: Machine, make: Callable[[], object], message: str) -> None:
    """By the kind of thing that it does wrong; what is told ends with the story that leads there."""
    with pytest.raises(AssertionError) as caught:
        run_state_machine_as_test(state_machine(machine, make, refuses=ValueError), settings=FAST)
    assert message in str(caught.value)


def test_only_what_refuses_is_a_refusal() -> None:
    """Another error of an implementation is its own, and comes through."""
    with pytest.raises(KeyError, match="a mistake that is no refusal"):
        run_state_machine_as_test(state_machine(order(), Breaking, refuses=ValueError), settings=FAST)


class Torn(Run):
    """Drops a step from its story now and then."""

    __slots__ = ()

    def send(self, signal: object, at: float | None = None, *, carried: str | None = None) -> str:
        after = super().send(signal, at, carried=carried)
        if len(self._rows) == 3:
            self._rows.pop(1)
        return after


class Undead(Run):
    """Goes on behind a final state."""

    __slots__ = ()

    def send(self, signal: object, at: float | None = None, *, carried: str | None = None) -> str:
        if self.is_final:
            self._rows.pop()
        return super().send(signal, at, carried=carried)


class Marked(Run):
    """Changes when it refuses."""

    __slots__ = ()

    def send(self, signal: object, at: float | None = None, *, carried: str | None = None) -> str:
        try:
            return super().send(signal, at, carried=carried)
        except NoTransition:
            if len(self._rows) > 1:
                self._rows.pop()
            raise


class Unstored(Run):
    """Stores how often it was stored."""

    __slots__ = ()
    stored = 0

    def to_dict(self) -> dict[str, Any]:
        Unstored.stored += 1
        return {**super().to_dict(), "dropped": Unstored.stored}


@pytest.mark.parametrize(
    ("kind", "message"),
    [(Torn, "step 1"), (Undead, "is final"), (Marked, "something has changed"), (Unstored, "stored and loaded")],
)
def test_a_wrong_run_is_caught(kind: type[Run], message: str) -> None:
    """What is checked of a run alone: its story, its end, its refusals, its stored form."""

    class Wrong(state_machine(order())):  # type: ignore[misc]  # mypy knows no bases that a function returns
        def begin(self) -> Run:
            return kind(self.machine, self.limits, self.bound)

    with pytest.raises((AssertionError, interlock.ReplayError)) as caught:
        run_state_machine_as_test(Wrong, settings=FAST)
    assert message in str(caught.value)


def test_it_can_be_subclassed() -> None:
    """Rules and invariants can be added; so a user finds what the table does not say."""
    seen: list[Step] = []

    class Told(state_machine(order())):  # type: ignore[misc]  # as above
        @rule()
        def look(self) -> None:
            seen.extend(self.run.story)

        @invariant()
        def reminded_once(self) -> None:
            assert self.run.counts["entered(Reminded)"] < 2, "reminded twice"

    with pytest.raises(AssertionError, match="reminded twice"):
        run_state_machine_as_test(Told, settings=FAST)
    assert seen


class Mute:
    state = "New"


@pytest.mark.parametrize(
    ("machine", "make", "message"),
    [
        (order(), Mute, "which has no 'send'; see interlock.testing.state_machine"),
        (order(), lambda: Beside(order()), "which has no 'answer'; see interlock.testing.state_machine; or bind the"),
        (parcel(), Shop, "which has no 'reopen'; see"),
        (order(), lambda: None, "state_machine(order): make returned None; it must return what is to be driven"),
    ],
)
def test_what_cannot_be_driven_is_told(machine: Machine, make: Callable[[], object], message: str) -> None:
    """Before anything is sent."""
    with pytest.raises(TypeError) as caught:
        run_state_machine_as_test(state_machine(machine, make), settings=FAST)
    assert message in str(caught.value)


def test_options_are_checked_at_once() -> None:
    with pytest.raises(ValueError, match="unknown limit 'reminder'"):
        state_machine(order(), limits={"reminder": 1})
    with pytest.raises(ValueError, match="unknown opaque guard 'patient'"):
        state_machine(order(), guards={"patient": lambda run, signal: True})


def test_what_fails_is_a_program() -> None:
    """The name of the class is that of the life cycle, and the steps are those that matter."""
    made = state_machine(order(), Generous)
    assert made.__name__ == "Order"
    with pytest.raises(AssertionError) as caught:
        run_state_machine_as_test(made, settings=SHRUNK)
    program = "\n".join(caught.value.__notes__)
    assert "state = Order()\nstate.send(" in program
    assert program.count("state.send") == 2
