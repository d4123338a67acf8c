"""How a flow run ends, and what it waits for."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from interlock.signals import CANCEL, FAIL, SKIP, SUCCESS, Signal
from interlock.states import Paused, Scheduled, State
from interlock.triggers import each

if TYPE_CHECKING:
    from interlock._task_runner import TaskRunner


def verdict_of(references: Collection[State], cancelling: bool) -> Signal:
    """Return what the states of the reference tasks say of their flow."""
    ended = each(references)
    if any(state.is_failed() for state in ended):
        return FAIL._of("Some reference tasks failed.")
    if any(state.is_cancelled() for state in ended):
        return (FAIL if cancelling else CANCEL)._of("Some reference tasks were cancelled.")
    if ended and all(state.is_skipped() for state in ended):
        return SKIP._of("All reference tasks were skipped.")
    return SUCCESS._of("All reference tasks succeeded.")


def for_a_person(runner: TaskRunner) -> bool:
    """Return whether a run waits for a person: it is paused, or was ended in a waiting state, without a time."""
    state, run = runner.state, runner.run
    waits = isinstance(state, Paused) or (run.closed and isinstance(state, Scheduled))
    return waits and not runner.over and isinstance(state, Scheduled) and state.start_time is None
