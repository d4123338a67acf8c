"""Triggers: what the states of a task's upstreams must be for it to start.

A trigger is called with the states by edge, once all of them are over, and returns True or raises a signal; anything
else than True is a `TRIGGERFAIL`. An upstream that was mapped counts with each of its children. A skipped upstream
counts as a success. Where there is no upstream, every trigger but `manual_only` says yes.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING, TypeAlias

from interlock._context import context
from interlock.signals import PAUSE, SKIP, TRIGGERFAIL
from interlock.states import Mapped, State

if TYPE_CHECKING:
    from interlock._edges import Edge

Upstreams: TypeAlias = "Mapping[Edge, State]"
Trigger = Callable[[Upstreams], bool]

__all__ = [
    "Trigger",
    "all_failed",
    "all_finished",
    "all_successful",
    "always_run",
    "any_failed",
    "any_successful",
    "each",
    "manual_only",
    "not_all_skipped",
    "some_failed",
    "some_successful",
]


def each(upstreams: Collection[State]) -> Collection[State]:
    """Return the states that count: those of the children in the place of a mapped upstream."""
    for state in upstreams:
        if isinstance(state, Mapped):
            return [one for other in upstreams for one in (other.map_states if isinstance(other, Mapped) else (other,))]
    return upstreams


def _demand(fits: bool, trigger: str, found: Collection[State], missed: Callable[[State], bool]) -> bool:
    """Raise `TRIGGERFAIL` with the reason unless the upstreams fit."""
    if not fits:
        count = sum(map(missed, found))
        raise TRIGGERFAIL(f"Trigger {trigger!r} says no: {count} of {len(found)} upstream runs do not fit")
    return True


def all_successful(upstreams: Upstreams) -> bool:
    """Say yes if every upstream succeeded. The trigger of a task that names no other."""
    found = each(upstreams.values())
    return _demand(all(s.is_successful() for s in found), "all_successful", found, lambda s: not s.is_successful())


def all_failed(upstreams: Upstreams) -> bool:
    """Say yes if every upstream failed."""
    found = each(upstreams.values())
    return _demand(all(s.is_failed() for s in found), "all_failed", found, lambda s: not s.is_failed())


def any_successful(upstreams: Upstreams) -> bool:
    """Say yes if some upstream succeeded, or there is none."""
    found = each(upstreams.values())
    fits = not upstreams or any(s.is_successful() for s in found)
    return _demand(fits, "any_successful", found, lambda s: not s.is_successful())


def any_failed(upstreams: Upstreams) -> bool:
    """Say yes if some upstream failed, or there is none."""
    found = each(upstreams.values())
    return _demand(not upstreams or any(s.is_failed() for s in found), "any_failed", found, lambda s: not s.is_failed())


def all_finished(upstreams: Upstreams) -> bool:
    """Say yes once every upstream is over, however it ended."""
    found = each(upstreams.values())
    return _demand(all(s.is_finished() for s in found), "all_finished", found, lambda s: not s.is_finished())


always_run = all_finished
"""Another name of `all_finished`."""


def not_all_skipped(upstreams: Upstreams) -> bool:
    """Say yes if every upstream succeeded and not all were skipped; where all were, the task is skipped too."""
    found = each(upstreams.values())
    if found and all(s.is_skipped() for s in found):
        raise SKIP("Every upstream run was skipped")
    return _demand(all(s.is_successful() for s in found), "not_all_skipped", found, lambda s: not s.is_successful())


def manual_only(upstreams: Upstreams) -> bool:
    """Pause until a person resumes the task."""
    if not context.get("resume"):
        raise PAUSE("Trigger 'manual_only' waits for a person")
    return True


def some_failed(at_least: float | None = None, at_most: float | None = None) -> Trigger:
    """Return a trigger that says yes if the number of failed upstreams lies between two bounds.

    Args:
        at_least: the lower bound; a whole number counts runs, a float from 0.0 to 1.0 is a share of them.
        at_most: the upper bound, likewise.

    Raises:
        ValueError: a bound is neither.
    """
    return _between("some_failed", at_least, at_most, lambda state: state.is_failed())


def some_successful(at_least: float | None = None, at_most: float | None = None) -> Trigger:
    """Return a trigger that says yes if the number of successful upstreams lies between two bounds.

    Args and Raises: as `some_failed`.
    """
    return _between("some_successful", at_least, at_most, lambda state: state.is_successful())


def _between(name: str, low: float | None, high: float | None, fits: Callable[[State], bool]) -> Trigger:
    for bound in (low, high):
        whole = isinstance(bound, int) and not isinstance(bound, bool) and bound >= 0
        if bound is not None and not whole and not (isinstance(bound, float) and 0.0 <= bound <= 1.0):
            raise ValueError(
                f"{name}: {bound!r} is no bound; give a whole number from 0 on, or a share from 0.0 to 1.0"
            )

    def trigger(upstreams: Upstreams) -> bool:
        found = each(upstreams.values())
        count = sum(map(fits, found))
        least, most = (b * len(found) if isinstance(b, float) else b for b in (low, high))
        enough = not upstreams or ((least is None or count >= least) and (most is None or count <= most))
        return _demand(enough, name, found, lambda state: not fits(state))

    trigger.__name__ = trigger.__qualname__ = name
    return trigger
