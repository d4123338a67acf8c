"""The state that a signal leads a task run to, with what it carries. It is made once, on entry."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from interlock._capture import text_of
from interlock.signals import BROKEN, CACHE, ENDRUN, Signal
from interlock.states import BY_NAME, Cached, Failed, Looped, Paused, Pending, Retrying, Scheduled, State

if TYPE_CHECKING:
    from interlock._machine import Machine
    from interlock._task_runner import TaskRunner

FRESH = Pending()
"""The state of every task run that nothing has happened to."""
BARE = {name: kind() for name, kind in BY_NAME.items()}
"""A state of each kind that says nothing beside its name; states are immutable, so one is enough."""


def payload(runner: TaskRunner, after: str, signal: Signal, now: float) -> State:
    """Return the state that a signal led to, with what it carries. It is made once, on entry."""
    if isinstance(signal, ENDRUN):
        return signal.state
    kind = kind_of(after, runner.run._machine)
    fields = signal.fields
    refused = issubclass(kind, Failed) and not issubclass(signal.leads_to, Failed)
    if not fields and signal.message is None and not refused and not issubclass(kind, Scheduled | Looped):
        return BARE.get(after) or kind()
    if kind is Cached and not isinstance(signal, CACHE):
        fields = _kept(runner, signal, now)
    elif kind is not signal.leads_to:
        fields = {} if issubclass(kind, Scheduled) else {"result": signal.result}
    message = signal.message
    if issubclass(kind, Retrying):
        message = message or f"{signal.name} in attempt {runner.data.tries}"
        if fields.get("start_time") is None:
            fields = {**fields, "start_time": moment(now)}
        fields = {**fields, "run_count": fields.get("run_count") or runner.data.tries}
    elif issubclass(kind, Scheduled) and not issubclass(kind, Paused) and fields.get("start_time") is None:
        fields = {**fields, "start_time": moment(now)}
    elif kind is Looped and fields.get("loop_count") is None:
        fields = {**fields, "loop_count": runner.data.turn}
    elif refused:
        message = f"{signal.name} was not granted{f': {message}' if message else ''}"
    return kind(message, **fields)


def kind_of(state: str, machine: Machine) -> type[State]:
    """Return the class of a state of a machine."""
    return BY_NAME.get(state) or machine._classes[state]


def _kept(runner: TaskRunner, signal: Signal, now: float) -> dict[str, Any]:
    """Return the fields of the state of a result that is kept for later flow runs. Any: they have no common type."""
    keeping, found = runner.node.keeping, runner.data.found
    if keeping is None or keeping.cache_for is None or found is None:
        return {"result": signal.result}
    return {
        "result": signal.result,
        "cached_parameters": found.parameters,
        "cached_result_expiration": moment(now + keeping.cache_for),
        "hashed_inputs": found.digests,
    }


def moment(seconds: float) -> datetime:
    """Return a time given in seconds since 1970 as a datetime, in UTC."""
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)


def broken(error: BaseException) -> BROKEN:
    """Return the signal that a plugin, a guard or the engine itself failed."""
    return BROKEN._of(text_of(error), result=error)
