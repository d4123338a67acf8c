"""What must hold, for both shipped tables, and for each property a change that it sees."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from interlock._errors import SpecError
from interlock._machine import Machine
from interlock._run import Run

from . import plugged, properties
from .mutants import CHANGES, REFUSED_BY_THE_LOADER, RUNS, Change

Test = Callable[[Machine], None]

TASK = pytest.param(Machine.load("task-run"), id="task-run")
FLOW = pytest.param(Machine.load("flow-run"), id="flow-run")
of_both = pytest.mark.parametrize("machine", [TASK, FLOW])
of_tasks = pytest.mark.parametrize("machine", [TASK])


@of_both
def test_T1(machine: Machine) -> None:
    """Every cell answers exactly once."""
    properties.holds_T1(machine)


@of_both
def test_T2(machine: Machine) -> None:
    """Every state is reachable, every state can end, every row can fire."""
    properties.holds_T2(machine)


@of_both
def test_T3(machine: Machine) -> None:
    """Final states accept nothing."""
    properties.holds_T3(machine)


@of_both
def test_R1(machine: Machine) -> None:
    """A final state is for ever."""
    properties.holds_R1(machine)


@of_both
def test_R2(machine: Machine) -> None:
    """A refused or dropped signal changes nothing."""
    properties.holds_R2(machine)


@of_tasks
def test_R3(machine: Machine) -> None:
    """Only `START` enters `Running`, never out of `Paused`; a flow has no work of its own, and `RESUME` may."""
    properties.holds_R3(machine)


@of_both
def test_R4(machine: Machine) -> None:
    """Plain `Success` is entered only from a gate's verdict, the `Running` family or by `ENDRUN`."""
    properties.holds_R4(machine)


@of_tasks
def test_R5(machine: Machine) -> None:
    """Failures retried, RETRYs and turns keep within their limits; each step raises a count by at most one."""
    properties.holds_R5(machine)


@of_both
def test_R6(machine: Machine) -> None:
    """`Paused` is left only by RESUME, CANCEL, BROKEN or ENDRUN."""
    properties.holds_R6(machine)


@of_both
def test_R7(machine: Machine) -> None:
    """`CANCEL` is accepted in every state that is not final."""
    properties.holds_R7(machine)


@of_both
def test_R8(machine: Machine) -> None:
    """The same story from the same start gives the same run."""
    properties.holds_R8(machine)


@of_both
def test_E1(machine: Machine) -> None:
    """Behind `ENDRUN` the state is exactly the one carried."""
    properties.holds_E1(machine)


@of_both
def test_E2(machine: Machine) -> None:
    """Nothing that could change the state follows `ENDRUN` in the pass; observers are told once."""
    properties.holds_E2(machine)


@of_both
def test_E3(machine: Machine) -> None:
    """Final and carried: for ever."""
    properties.holds_E3(machine)


@of_both
def test_E4(machine: Machine) -> None:
    """A state that may not be carried is refused where it is raised."""
    properties.holds_E4(machine)


@of_tasks
def test_A1(machine: Machine) -> None:
    """Only messages of the open attempt count."""
    properties.holds_A1(machine)


@of_tasks
def test_A2(machine: Machine) -> None:
    """One outcome per attempt."""
    properties.holds_A2(machine)


@of_both
def test_P1(machine: Machine) -> None:
    """Every step is a row enabled for the signal that was applied."""
    plugged.holds_P1(machine)


@of_both
def test_P2(machine: Machine) -> None:
    """With and without observers the story is equal."""
    plugged.holds_P2(machine)


@of_both
def test_P3(machine: Machine) -> None:
    """A plugin that fails leaves a story that is a path and says who failed."""
    plugged.holds_P3(machine)


@pytest.mark.parametrize("change", REFUSED_BY_THE_LOADER, ids=lambda change: change.holds.__name__)
def test_the_loader_sees_what_breaks_a_property_of_the_table(change: Change) -> None:
    """A table without T1, T2 or T3 is no machine."""
    with pytest.raises(SpecError):
        change.apply()


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.holds.__name__)
def test_a_property_sees_the_line_that_breaks_it(change: Change) -> None:
    """One line of the table changed, and the property that the line stands for fails."""
    machine = change.apply()
    with pytest.raises(AssertionError):
        change.holds(machine)


@pytest.mark.parametrize("kind", RUNS)
def test_a_property_sees_the_protection_that_is_gone(kind: type[Run]) -> None:
    """A run without the protection that a property stands for, and the property fails."""
    with pytest.raises(AssertionError):
        RUNS[kind](Machine.load("task-run"), kind)


def test_every_property_is_seen_to_fail() -> None:
    """No property is kept that no change breaks."""
    every = {name for module in (properties, plugged) for name in vars(module) if name.startswith("holds_")}
    seen = {change.holds.__name__ for change in CHANGES} | {holds.__name__ for holds in RUNS.values()}
    assert seen == every
