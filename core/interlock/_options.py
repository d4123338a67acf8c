"""Options of tasks: what each may be, and what is said of anything else."""

from __future__ import annotations

from datetime import timedelta

from interlock._errors import FlowError

LONGEST_DELAY = 100 * 365.25 * 86400  # seconds: beyond that, calendars end


def text(option: str, value: object) -> str:
    """Return a name that was given. Raises `FlowError` for anything else."""
    if not isinstance(value, str) or not value:
        raise FlowError(f"task: {option}={value!r}; it must be a text that is not empty")
    return value


def count(task: str, name: str, value: object, least: int = 0) -> int:
    """Return a whole number that was given. Raises `FlowError` for anything else."""
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise FlowError(f"task {task!r}: {name}={value!r}; it must be a whole number from {least} on")
    return value


def delay(task: str, value: float | timedelta) -> float:
    """Return seconds that were given as such, or as a timedelta. Raises `FlowError` for anything else."""
    seconds = value.total_seconds() if isinstance(value, timedelta) else value
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 0 <= seconds <= LONGEST_DELAY:
        allowed = f"seconds from 0 to {LONGEST_DELAY:.0f} (100 years), or a timedelta"
        raise FlowError(f"task {task!r}: retry_delay={value!r}; it must be {allowed}")
    return float(seconds)


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
