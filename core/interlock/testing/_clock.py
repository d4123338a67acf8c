"""A clock that a test turns: for code of one's own, and for flows, so that a retry in an hour takes no time."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

from interlock import _drive
from interlock._drive import Drive
from interlock._options import seconds as seconds_of
from interlock._task_payload import moment
from interlock.states import State

Steps = Generator[float | None, None, State]

START = datetime(2026, 1, 1, tzinfo=UTC)
_turned = threading.Lock()
"""Held while flows run by some clock: there is one time in a process."""


class Clock:
    """Stands in the place of time: it goes on only when somebody sleeps by it, or turns it.

    It is called as `time.time` is, and has `time` and `sleep` as the module of that name has. Any thread may use it.

    Args:
        now: when it begins, in seconds since 1970 or as an aware datetime.
    """

    def __init__(self, now: float | datetime = START) -> None:
        self._lock = threading.RLock()  # who is interrupted while it turns may read it
        self._now = _since_1970(now)

    def __call__(self) -> float:
        """Return the seconds since 1970."""
        return self._now

    time = __call__

    @property
    def now(self) -> float:
        """The seconds since 1970. What is set may lie before: clocks are put back, too."""
        return self._now

    @now.setter
    def now(self, now: float) -> None:
        self._now = _since_1970(now)

    @property
    def date(self) -> datetime:
        """The same as a datetime, in UTC."""
        return moment(self._now)

    def sleep(self, seconds: float) -> None:
        """Let so many seconds go by, at once."""
        self.advance(seconds)

    def advance(self, by: float | timedelta) -> float:
        """Turn the clock on, and return the seconds since 1970 behind that."""
        seconds = seconds_of(by)
        if seconds is None:
            raise ValueError(f"advance: {by!r}; it must be seconds from 0 on, or a timedelta")
        with self._lock:
            self._now += seconds
            return self._now

    @contextmanager
    def flows(self) -> Iterator[Clock]:
        """Let the flow runs of this process go by this clock, whichever thread and executor they use.

        Where a flow run has nothing to do but to wait for a retry, a pause or its own time, the clock is turned to
        then. While a body is under way in another thread it is waited for as usual, and how long it may take, as by
        `timeout` and `grace`, is measured by the true clock. A body is the user's code, which asks this clock only if
        it is given it.

        Flow runs are to begin and to end inside. One clock at a time can be used so.

        Raises:
            RuntimeError: flow runs go by a clock already.
        """
        if not _turned.acquire(blocking=False):
            raise RuntimeError("flows() was called inside of another; there is one time in a process")
        usual = Drive.steps
        try:
            _put(_Time(self), _leaping(usual, self))
            yield self
        finally:
            _put(time, usual)
            _turned.release()


class _Time:
    """What the drivers see as the module `time`. What lasts is measured truly, and nobody sleeps for long."""

    sleep = staticmethod(time.sleep)
    monotonic = staticmethod(time.monotonic)

    def __init__(self, clock: Clock) -> None:
        self.time = clock.time


def _leaping(usual: Callable[[Drive], Steps], clock: Clock) -> Callable[[Drive], Steps]:
    """Return the steps of a drive which waits for a time by turning a clock."""

    def steps(drive: Drive) -> Steps:
        on = usual(drive)
        while True:
            try:
                seconds = next(on)
            except StopIteration as end:
                state: State = end.value
                return state
            if seconds and not drive.flights.open:
                clock.sleep(seconds)
                seconds = 0.0  # not nothing: whoever waits lets Ctrl-C in
            yield seconds

    return steps


def _put(clock: object, steps: Callable[[Drive], Steps]) -> None:
    """Have all drivers use these. By `setattr`, as a type checker knows them as what they usually are."""
    setattr(_drive, "time", clock)  # noqa: B010  # see above
    setattr(Drive, "steps", steps)  # noqa: B010  # so here


def _since_1970(now: object) -> float:
    if isinstance(now, datetime):
        if now.tzinfo is None:
            raise ValueError(f"now: {now!r} has no time zone; say now.replace(tzinfo=UTC), or which it is")
        return now.timestamp()
    if isinstance(now, bool) or not isinstance(now, int | float):
        raise ValueError(f"now: {now!r}; it must be seconds since 1970, or an aware datetime")
    return float(now)
