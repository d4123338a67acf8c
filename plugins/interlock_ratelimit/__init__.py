"""A rate limit: so many task runs start in so many seconds, over all flows and threads that use the same plugin object.

A task run that may not start yet is scheduled for the time at which it may. `THROTTLE(until=...)` in a body says that
the other side wants no more before a time: the run comes again then, no retry is charged, and nothing else that is
limited starts before.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from interlock import Extension, RunView, context, hookimpl
from interlock.signals import SCHEDULE, START, Signal
from interlock.states import Scheduled
from interlock_ratelimit._bucket import Bucket, moment

__all__ = ["EXTENSION", "THROTTLE", "Bucket", "RateLimit"]


class THROTTLE(Signal):
    """The other side wants no more before a time. The body is called again then, and no retry is charged.

    Args:
        message: what there is to say about it. Any: it is turned into text.
        until: seconds from now, a timedelta, or a datetime with a time zone; one interval of the limit otherwise.
        result: what the run is to keep meanwhile. Any: the user's.
        clock: tells the seconds since 1970, from which `until` counts.

    Raises:
        TypeError, ValueError: `until` is no such time.
    """

    __slots__ = ()
    leads_to = Scheduled

    def __init__(
        self,
        message: Any = None,
        until: float | timedelta | datetime | None = None,
        result: Any = None,
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        super().__init__(message, start_time=_time(until, clock), result=result)


def _time(until: object, clock: Callable[[], float]) -> datetime | None:
    if until is None:
        return None
    if isinstance(until, datetime):
        if until.tzinfo is None:
            raise TypeError(f"THROTTLE: until={until!r} has no time zone; write datetime.now(timezone.utc) + ...")
        return until
    wait = until.total_seconds() if isinstance(until, timedelta) else until
    if isinstance(wait, bool) or not isinstance(wait, int | float):
        raise TypeError(f"THROTTLE: until={until!r}; it must be seconds, a timedelta, or a datetime with a time zone")
    if not 0 <= wait < float("inf"):
        raise ValueError(f"THROTTLE: until={until!r}; it must be seconds from 0 on")
    return moment(clock() + wait)


EXTENSION = Extension.load(Path(__file__).with_name("ratelimit.toml"), module=__name__, classes=[THROTTLE])


class RateLimit:
    """The plugin: one bucket for all task runs that it limits.

    Args:
        rate: how many may start in `per` seconds, evenly.
        per: so many seconds.
        burst: how many may start at once after a pause; as many as `rate` otherwise.
        tags: only task runs that have one of these are limited, a name or several; all otherwise.
        clock: tells the seconds since 1970 where a run does not.

    Raises:
        ValueError: a number has no meaning.
    """

    def __init__(
        self,
        rate: float = 5,
        per: float = 1.0,
        burst: int | None = None,
        tags: str | Iterable[str] | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._bucket = Bucket(rate, per, burst)
        self._tags = None if tags is None else frozenset([tags] if isinstance(tags, str) else tags)
        self._clock = clock
        self._lock = threading.Lock()
        self._why = f"at most {rate:g} in {per:g} s"

    @hookimpl
    def extend(self, lifecycle: str) -> Extension | None:
        """Add THROTTLE to task runs."""
        return EXTENSION if lifecycle == EXTENSION.lifecycle else None

    @hookimpl
    def before_step(self, run: RunView, signal: object, now: float | None) -> Signal | None:
        """Let a task run start when there is a token, and hold back all when one was told to come later."""
        if not isinstance(signal, START | THROTTLE) or run.lifecycle != EXTENSION.lifecycle:
            return None
        who = context.get("task_run_id")
        if who is None or not (self._tags is None or self._tags.intersection(context.task_tags)):
            return None
        now = self._clock() if now is None else now
        if isinstance(signal, THROTTLE):
            return self._shut(run, signal, who, now)
        with self._lock:
            at = self._bucket.ask(who, now)
        return None if at is None else SCHEDULE(self._why, start_time=moment(at))

    def _shut(self, run: RunView, signal: THROTTLE, who: str, now: float) -> Signal | None:
        until = signal.fields.get("start_time")
        goes_on = run.next(signal) == Scheduled.__name__
        with self._lock:
            at = self._bucket.shut(
                now + self._bucket.every if until is None else until.timestamp(), who if goes_on else None
            )
        return THROTTLE(signal.message, moment(at), signal.result)
