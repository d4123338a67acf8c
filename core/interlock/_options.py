"""Options of tasks: what each may be, and what is said of anything else."""

from __future__ import annotations

import inspect
import typing
import zlib
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any, TypeAlias

from interlock._edges import tagged
from interlock._errors import FlowError
from interlock.results import Result

if typing.TYPE_CHECKING:
    from interlock.states import State

LONGEST_DELAY = 100 * 365.25 * 86400  # seconds: beyond that, calendars end

Seconds: TypeAlias = "float | timedelta"
Delay: TypeAlias = "Seconds | Sequence[Seconds] | Callable[[int], Seconds] | None"
Kinds: TypeAlias = "type[BaseException] | Sequence[type[BaseException]] | None"

Handler: TypeAlias = "Callable[[Any, State, State], State | None]"
"""handler(task or flow, old state, new state): another state in the place of the new one, or None. Any: see there."""


def text(option: str, value: object) -> str:
    """Return a name that was given. Raises `FlowError` for anything else."""
    if not isinstance(value, str) or not value:
        raise FlowError(f"task: {option}={value!r}; it must be a text that is not empty")
    return value


def flag(task: str, name: str, value: object) -> bool:
    """Return True or False that was given. Raises `FlowError` for anything else."""
    if not isinstance(value, bool):
        raise FlowError(f"task {task!r}: {name}={value!r}; it must be True or False")
    return value


def count(task: str, name: str, value: object, least: int = 0) -> int:
    """Return a whole number that was given. Raises `FlowError` for anything else."""
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise FlowError(f"task {task!r}: {name}={value!r}; it must be a whole number from {least} on")
    return value


def seconds(value: object) -> float | None:
    """Return seconds that were given as such, or as a timedelta; None where they are no time to wait."""
    number = value.total_seconds() if isinstance(value, timedelta) else value
    if isinstance(number, bool) or not isinstance(number, int | float) or not 0 <= number <= LONGEST_DELAY:
        return None
    return float(number)


def limit(task: str, name: str, value: object) -> float | None:
    """Return a time limit that was given, in seconds. Raises `FlowError` for anything else."""
    if value is None:
        return None
    found = seconds(value)
    if not found:
        raise FlowError(f"task {task!r}: {name}={value!r}; it must be seconds above 0, or a timedelta")
    return found


def delays(task: str, value: object) -> Callable[[int], object]:
    """Return a callable that gives the time to wait before a retry, by its number from 1 on.

    Raises:
        FlowError: the value is none of what `Task` takes.
    """
    if callable(value):
        return value
    given = value if isinstance(value, list | tuple) else [0.0 if value is None else value]
    waits = [seconds(one) for one in given]
    if not waits or None in waits:
        allowed = f"seconds from 0 to {LONGEST_DELAY:.0f} (100 years), a timedelta, a list of these, or a callable"
        raise FlowError(f"task {task!r}: retry_delay={value!r}; it must be {allowed}")
    return lambda retry: waits[min(retry, len(waits)) - 1]


def exponential_backoff(
    first: Seconds, *, factor: float = 2.0, most: Seconds = 3600.0, jitter: float = 0.0
) -> Callable[[int], float]:
    """Return a `retry_delay` that grows with each retry: first, first * factor, first * factor², ... up to `most`.

    Args:
        first: how long to wait before the first retry.
        factor: by how much each wait is longer than the last one.
        most: the longest wait.
        jitter: by what share a wait is longer at most, from 0 to 1, so that many tasks do not come back at once. It
            follows from the task run and the number of the retry: the same run waits as long when it is replayed.

    Raises:
        FlowError: an argument has no meaning.
    """
    start, end = seconds(first), seconds(most)
    for name, value, fits in (
        ("first", first, start is not None),
        ("factor", factor, factor >= 1),
        ("most", most, end is not None),
        ("jitter", jitter, 0 <= jitter <= 1),
    ):
        if not fits:
            raise FlowError(f"exponential_backoff: {name}={value!r}; times are seconds, factor ≥ 1, 0 ≤ jitter ≤ 1")
    assert start is not None
    assert end is not None

    def wait(retry: int) -> float:
        from interlock._context import context

        name = f"{context.get('flow_run_id')} {context.get('task_slug')} {context.get('map_index')} {retry}"
        share = zlib.crc32(name.encode()) / 2**32
        grown = start * factor ** min(retry - 1, 1000) if factor ** min(retry - 1, 1000) < end + 1 else end
        return min(grown, end) * (1 + jitter * share)

    return wait


def exceptions(task: str, value: object) -> tuple[type[BaseException], ...] | None:
    """Return exception classes that were given: one, several, or none. Raises `FlowError` for anything else."""
    if value is None:
        return None
    kinds: list[type[BaseException]] = []
    for kind in value if isinstance(value, list | tuple | set | frozenset) else (value,):
        if not (isinstance(kind, type) and issubclass(kind, BaseException)):
            raise FlowError(f"task {task!r}: retry_on={value!r}; it must be exception classes")
        kinds.append(kind)
    return tuple(kinds)


def place(where: str, value: Any) -> Any:
    """Return a place for results that was given, or None. Raises `FlowError` for anything else. Any: it may be."""
    if value is None:
        return None
    if isinstance(value, type) or not isinstance(value, Result):
        raise FlowError(f"{where}: result={value!r}; it must be a place for results, such as LocalResult('folder')")
    return value


def maybe(task: str, name: str, value: object) -> bool | None:
    """Return True, False or None that was given. Raises `FlowError` for anything else."""
    if value is not None and not isinstance(value, bool):
        raise FlowError(f"task {task!r}: {name}={value!r}; it must be True, False or None")
    return value


def called(place: str, name: str, value: object) -> Callable[..., Any] | None:
    """Return a callable that was given, or None. Raises `FlowError` for anything else."""
    if value is not None and not callable(value):
        raise FlowError(f"{place}: {name}={value!r}; it must be a callable")
    return value


def handlers(place: str, value: Any) -> tuple[Handler, ...]:
    """Return state handlers that were given. Raises `FlowError` for anything else. Any: it may be."""
    found = () if value is None else tuple(value) if isinstance(value, list | tuple) else (value,)
    for handler in found:
        if not callable(handler) or isinstance(value, str):
            raise FlowError(f"{place}: state_handlers={value!r}; it must be a list of callables (it, old, new)")
    return found


def template(task: str, name: str, value: object) -> Callable[[Mapping[str, Any]], object] | None:
    """Return a callable that makes a name from what is known of a task run: its context and inputs.

    Raises:
        FlowError: the value is neither a template nor a callable.
    """
    if value is None or callable(value):
        return None if value is None else (lambda known: value(**known))
    if not isinstance(value, str) or not value:
        raise FlowError(
            f"task {task!r}: {name}={value!r}; it must be a template such as 'load {{table}}', or a callable"
        )
    import string

    try:
        list(string.Formatter().parse(value))
    except ValueError as error:
        raise FlowError(f"task {task!r}: {name}={value!r}: {error}") from None
    return value.format_map


def outputs(task: str, value: object, run: Callable[..., Any]) -> int | None:
    """Return how many results a task has: what was given, else what its annotation says; None where neither does.

    Raises:
        FlowError: what was given is no number.
    """
    if value is not None:
        return count(task, "nout", value)
    said = getattr(run, "__annotations__", {}).get("return")
    if isinstance(said, str):
        if not said.lower().startswith(("tuple[", "typing.tuple[")):
            return None
        try:
            said = typing.get_type_hints(inspect.unwrap(run))["return"]
        except (NameError, TypeError, AttributeError, KeyError):
            return None  # the names of the annotation are not there yet, or only for a type checker
    items = typing.get_args(said)
    if typing.get_origin(said) is not tuple or Ellipsis in items:
        return None
    return len(items) or None


def _checked(check: Callable[[str, Any], object]) -> Callable[[str, Any], Any]:
    """Return what refuses a value that has no meaning, and keeps any other as it was given. Any: values."""

    def kept(task: str, value: Any) -> Any:
        check(task, value)
        return value

    return kept


def _trigger(task: str, value: Any) -> Any:
    if not callable(value):
        raise FlowError(f"task {task!r}: trigger={value!r} cannot be called; see interlock.triggers")
    return value


OPTIONS: dict[str, Callable[[str, Any], Any]] = {
    "name": lambda task, value: text("name", value),
    "tags": lambda task, value: tagged(f"task {task!r}", value),
    "max_retries": lambda task, value: count(task, "max_retries", value),
    "retry_delay": _checked(delays),
    "retry_on": exceptions,
    "retry_limit": lambda task, value: count(task, "retry_limit", value),
    "max_turns": lambda task, value: value if value == float("inf") else count(task, "max_turns", value, 1),
    "timeout": _checked(lambda task, value: limit(task, "timeout", value)),
    "trigger": _trigger,
    "skip_on_upstream_skip": lambda task, value: flag(task, "skip_on_upstream_skip", value),
    "task_run_name": _checked(lambda task, value: template(task, "task_run_name", value)),
    "log_stdout": lambda task, value: flag(task, "log_stdout", value),
    "state_handlers": lambda task, value: list(handlers(f"task {task!r}", value)),
    "on_failure": lambda task, value: called(f"task {task!r}", "on_failure", value),
    "cache_for": _checked(lambda task, value: limit(task, "cache_for", value)),
    "cache_validator": lambda task, value: called(f"task {task!r}", "cache_validator", value),
    "cache_key": lambda task, value: None if value is None else text("cache_key", value),
    "result": lambda task, value: place(f"task {task!r}", value),
    "target": _checked(lambda task, value: template(task, "target", value)),
    "checkpoint": lambda task, value: maybe(task, "checkpoint", value),
    "nout": lambda task, value: None if value is None else count(task, "nout", value),
}
"""By option of a task: what is kept of a value that was given. Each raises `FlowError` for any other. Any: values."""
