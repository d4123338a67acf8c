"""The states of task runs and flow runs, as immutable objects with a payload.

The class tree is that of the spec: `isinstance` and the predicates follow it. A run itself holds only names; these
objects say what went with them.
"""

from __future__ import annotations

import collections.abc
from collections.abc import Container, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

import attrs

from interlock import _gone

__all__ = [
    "Cached",
    "Cancelled",
    "Cancelling",
    "Failed",
    "Finished",
    "Looped",
    "Mapped",
    "Mapping",
    "Paused",
    "Pending",
    "Retrying",
    "Running",
    "Scheduled",
    "Skipped",
    "State",
    "Success",
    "TimedOut",
    "TriggerFailed",
    "ValidationFailed",
]


@attrs.frozen(repr=False)
class State:
    """What a run is.

    Attributes:
        message: what there is to say about it.
        result: what the work returned, or what it raised. Any: whatever that was.
    """

    message: str | None = None
    result: Any = None

    def is_pending(self) -> bool:
        """Whether the run has not started, or waits to go on."""
        return isinstance(self, Pending)

    def is_scheduled(self) -> bool:
        """Whether it waits for a time or a person."""
        return isinstance(self, Scheduled)

    def is_retrying(self) -> bool:
        """Whether it waits for its next attempt."""
        return isinstance(self, Retrying)

    def is_paused(self) -> bool:
        """Whether it waits for a person."""
        return isinstance(self, Paused)

    def is_running(self) -> bool:
        """Whether the work is being done, by itself or by its children."""
        return isinstance(self, Running)

    def is_mapping(self) -> bool:
        """Whether its children are the work."""
        return isinstance(self, Mapping)

    def is_looped(self) -> bool:
        """Whether it is between two turns of a loop."""
        return isinstance(self, Looped)

    def is_finished(self) -> bool:
        """Whether it is over."""
        return isinstance(self, Finished)

    def is_successful(self) -> bool:
        """Whether it ended well; a skipped run did."""
        return isinstance(self, Success)

    def is_cached(self) -> bool:
        """Whether its result is kept, or was."""
        return isinstance(self, Cached)

    def is_mapped(self) -> bool:
        """Whether its children are all over."""
        return isinstance(self, Mapped)

    def is_skipped(self) -> bool:
        """Whether there was nothing to do."""
        return isinstance(self, Skipped)

    def is_failed(self) -> bool:
        """Whether it failed, in whatever way."""
        return isinstance(self, Failed)

    def is_timed_out(self) -> bool:
        """Whether it took longer than allowed."""
        return isinstance(self, TimedOut)

    def is_cancelled(self) -> bool:
        """Whether it was stopped on request."""
        return isinstance(self, Cancelled)

    def is_queued(self) -> bool:
        """Always False: no state of this version waits for a free place."""
        return False

    def is_submitted(self) -> bool:
        """Always False: no state of this version is handed over without being begun."""
        return False

    def is_meta_state(self) -> bool:
        """Always False: no state wraps another one."""
        return False

    def __repr__(self) -> str:
        return f'<{type(self).__name__}: "{self.message}">' if self.message else f"<{type(self).__name__}>"

    def _repr_mimebundle_(
        self, include: Container[str] | None = None, exclude: Container[str] | None = None
    ) -> dict[str, str]:
        """Return what a notebook shows, by MIME type."""
        from interlock import _notebook

        return _notebook.state(self, include, exclude)


@attrs.frozen(repr=False)
class Pending(State):
    """Not started; nothing stands in its way but time and its upstreams."""


def _is_a_time(state: State, _attribute: object, value: datetime | None) -> None:
    if value is not None and getattr(value, "tzinfo", None) is None:
        raise TypeError(
            f"{type(state).__name__}: start_time is {value!r}; it must be a datetime with a time zone, such as "
            "datetime.now(timezone.utc) + timedelta(minutes=5)"
        )


def _is_a_count(state: State, attribute: attrs.Attribute[int | None], value: int | None) -> None:
    if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < 1):
        raise TypeError(f"{type(state).__name__}: {attribute.name} is {value!r}; it must be a whole number from 1 on")


@attrs.frozen(repr=False)
class Scheduled(Pending):
    """Waits for a time.

    `start_time` is that time, with a time zone; without one, a run that was ended in this state waits for a person.
    """

    start_time: datetime | None = attrs.field(default=None, validator=_is_a_time)


@attrs.frozen(repr=False)
class Retrying(Scheduled):
    """Waits for its next attempt. `run_count` says how many attempts there were."""

    run_count: int | None = attrs.field(default=None, validator=_is_a_count)


@attrs.frozen(repr=False)
class Paused(Scheduled):
    """Waits for a person."""


@attrs.frozen(repr=False)
class Running(State):
    """The work is being done."""


@attrs.frozen(repr=False)
class Mapping(Running):
    """A child was made for each element; the children are the work."""

    map_states: Sequence[State] = ()


@attrs.frozen(repr=False)
class Cancelling(Running):
    """Asked to stop; the work has not ended yet."""


@attrs.frozen(repr=False)
class Looped(State):
    """Between two turns of a loop. `loop_count` is the number of the turn that ended."""

    loop_count: int | None = attrs.field(default=None, validator=_is_a_count)


@attrs.frozen(repr=False)
class Finished(State):
    """Over."""


@attrs.frozen(repr=False)
class Success(Finished):
    """The work is done."""


@attrs.frozen(repr=False)
class Cached(Success):
    """Done, and the result is kept; or a kept result served."""

    cached_parameters: collections.abc.Mapping[str, Any] | None = None  # Any: parameters are the user's
    cached_result_expiration: datetime | None = None
    hashed_inputs: collections.abc.Mapping[str, str] | None = None


@attrs.frozen(repr=False)
class Mapped(Success):
    """Every child is over, however it ended. `map_states` are the children's states, `result` their results."""

    map_states: Sequence[State] = ()

    @property
    def n_map_states(self) -> int:
        """How many children there were."""
        return len(self.map_states)


@attrs.frozen(repr=False)
class Skipped(Success):
    """There was nothing to do."""


@attrs.frozen(repr=False)
class Failed(Finished):
    """The work failed."""


@attrs.frozen(repr=False)
class TimedOut(Failed):
    """It took longer than allowed."""


@attrs.frozen(repr=False)
class TriggerFailed(Failed):
    """The trigger said no."""


@attrs.frozen(repr=False)
class ValidationFailed(Failed):
    """The result was not valid."""


@attrs.frozen(repr=False)
class Cancelled(Finished):
    """Stopped on request: neither success nor failure."""


BY_NAME: collections.abc.Mapping[str, type[State]] = {
    name: kind
    for name, kind in list(globals().items())
    if isinstance(kind, type) and issubclass(kind, State) and kind is not State
}
"""The classes by the names that the spec gives them."""


def _hash(state: State) -> int:
    return hash((type(state), state.message))


def hashed(kind: type[State]) -> None:
    """Give a class of states the hash of all: results need not be hashable for their states to be."""
    setattr(kind, "__hash__", _hash)  # noqa: B010  # `attrs` made another one, of all fields


hashed(State)
for _kind in BY_NAME.values():
    hashed(_kind)


class _Draft(Success):
    """A `Success` that is being filled in: until it is one, it is not frozen."""

    __slots__ = ()
    __init__ = object.__init__  # pyright: ignore[reportAssignmentType]  # it takes nothing, and costs nothing
    __setattr__ = object.__setattr__
    __delattr__ = object.__delattr__


class _LoopDraft(Looped):
    """A `Looped` that is being filled in."""

    __slots__ = ()
    __init__ = object.__init__  # pyright: ignore[reportAssignmentType]  # as above
    __setattr__ = object.__setattr__
    __delattr__ = object.__delattr__


def success(message: str | None, result: Any) -> Success:
    """Return `Success(message, result)`, in half its time: nearly every task run ends in one. Any: as there."""
    state: Any = _Draft()
    state.message = message
    state.result = result
    state.__class__ = Success
    return state  # type: ignore[no-any-return]  # it is one now


def looped(message: str | None, result: Any, loop_count: int) -> Looped:
    """Return `Looped(message, result, loop_count)` in the same way: a loop makes one in each turn. Any: as there."""
    state: Any = _LoopDraft()
    state.message = message
    state.result = result
    state.loop_count = loop_count
    state.__class__ = Looped
    return state  # type: ignore[no-any-return]  # as above


if not TYPE_CHECKING:  # a type checker is to say itself that a name is not there
    __getattr__ = _gone.of("states")
