"""A token bucket with a line in front of it.

The arithmetic is that of the generic cell rate algorithm (GCRA), in its form of virtual scheduling, of ITU-T I.371:
all that is kept of the past is one time, that at which the next start would come if they came evenly.
"""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
TICK = 1000  # nanoseconds: times come and go in microseconds, as states have them; between them all sums are exact
SECOND = 1_000_000 * TICK
KEPT = 3600 * SECOND  # so long behind its time a place in the line is kept for one that does not come


def moment(seconds: float) -> datetime:
    """Return a time in seconds since 1970 as a datetime."""
    return EPOCH + timedelta(microseconds=round(seconds * 1e6))


class Bucket:
    """Says who may start when: `rate` in `per` seconds evenly, and after a pause up to `burst` at once.

    In no `per` seconds there are more than `rate + burst` starts. Not safe for threads: `RateLimit` has the lock.

    Args:
        rate: how many may start in `per` seconds.
        per: so many seconds.
        burst: how many may start at once; as many as `rate` otherwise.

    Raises:
        ValueError: a number has no meaning.
    """

    def __init__(self, rate: float, per: float, burst: int | None = None) -> None:
        for name, number in (("rate", rate), ("per", per)):
            if isinstance(number, bool) or not isinstance(number, int | float) or not 0 < number < float("inf"):
                raise ValueError(f"{name}={number!r}; it must be a number over 0")
        burst = max(1, int(rate)) if burst is None else burst
        if type(burst) is not int or burst < 1:
            raise ValueError(f"burst={burst!r}; it must be a whole number from 1 on")
        self.every = per / rate
        """Seconds between two starts, if they come evenly."""
        self._every = math.ceil(self.every * SECOND)
        self._early = (burst - 1) * self._every  # so much before its even time one may start
        # So much later than it was told one may come without being one too many: every clock wakes a little late, and
        # each would push the next one otherwise.
        self._late = max(0, self._every - TICK)
        self._next = 0  # when the next start would come evenly, behind all that have a place in the line
        self._started = 0  # the same, behind those that have started
        self._until = 0  # nothing starts before
        self._line: dict[str, int] = {}  # who waits, each with its time; in the order of the times

    def __len__(self) -> int:
        """Return how many have a place in the line."""
        return len(self._line)

    def ask(self, who: str, now: float) -> float | None:
        """Return None if somebody may start now, and take a token; else when to come again.

        The place in the line is kept: who comes at that time may start, unless others came so late that there would be
        too many at once; then it goes to the end of the line.
        """
        time, at = _exact(now), self._line.get(who)
        if at is None or at <= time < self._started - self._early - self._late:
            at = self._enter(who, time)
        if time < at:
            return at / SECOND
        del self._line[who]
        self._started = max(self._started, time) + self._every
        self._next = max(self._next, self._started)
        return None

    def shut(self, until: float, first: str | None = None) -> float:
        """Let nothing start before a time, and no burst behind it. `first`: who is first then.

        Returns the time before which nothing starts now, for it may have been shut for longer.
        """
        even = self._until = max(_exact(until), self._until)
        line = {} if first is None else {first: even}
        line |= {who: at for who, at in self._line.items() if who != first}
        for who, at in line.items():
            line[who] = _told(max(at, even))
            even = line[who] + self._every
        self._line = line
        self._next = max(self._next, even + self._early)
        return self._until / SECOND

    def _enter(self, who: str, time: int) -> int:
        """Put somebody at the end of the line, and return the time that it is given."""
        self._forget(time)
        self._line.pop(who, None)
        even = max(self._next, time)
        at = self._line[who] = max(time, _told(even - self._early))
        self._next = even + self._every
        return at

    def _forget(self, time: int) -> None:
        """Drop those who did not come: their flow run was cancelled, or has gone."""
        while self._line:
            who, at = next(iter(self._line.items()))
            if at + KEPT >= time:
                return
            del self._line[who]


def _exact(seconds: float) -> int:
    return round(seconds * 1e6) * TICK


def _told(at: int) -> int:
    """Return a time as those will have it who are told: in microseconds, and never earlier."""
    return -(-at // TICK) * TICK
