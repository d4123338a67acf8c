"""A token bucket with a line in front of it.

The arithmetic is that of the generic cell rate algorithm (GCRA), in its form of virtual scheduling, of ITU-T I.371:
all that is kept of the past is one time, that at which the next start would come if they came evenly.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
TICK = 1e-6  # seconds: what is less apart is the same time, for states have theirs in microseconds
KEPT = 3600.0  # seconds behind its time that a place in the line is kept for one that does not come


def moment(seconds: float) -> datetime:
    """Return a time in seconds since 1970 as a datetime that is not before it."""
    made = EPOCH + timedelta(seconds=seconds)
    return made if made.timestamp() >= seconds else made + timedelta(microseconds=1)


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
        self._early = (burst - 1) * self.every  # so much before its even time one may start
        self._next = 0.0  # when the next start would come evenly, behind all that have a place in the line
        self._started = 0.0  # the same, behind those that have started
        self._until = 0.0  # nothing starts before
        self._line: dict[str, float] = {}  # who waits, each with its time; in the order of the times

    def __len__(self) -> int:
        """Return how many have a place in the line."""
        return len(self._line)

    def ask(self, who: str, now: float) -> float | None:
        """Return None if somebody may start now, and take a token; else when to come again.

        The place in the line is kept: who comes at that time may start, unless others came so late that there would be
        too many at once; then it goes to the end of the line.
        """
        at = self._line.get(who)
        if at is None:
            at = self._enter(who, now)
        elif at <= now < self._started - self._early - self.every:
            # One interval is given to those who come a little late, as every clock makes them: else each would push
            # the next one.
            at = self._enter(who, now)
        if now < at:
            return at
        del self._line[who]
        self._started = max(self._started, now) + self.every
        self._next = max(self._next, self._started)
        return None

    def shut(self, until: float, first: str | None = None) -> float:
        """Let nothing start before a time, and no burst behind it. `first`: who is first then.

        Returns the time before which nothing starts now, for it may have been shut for longer.
        """
        until = self._until = max(_told(until), self._until)
        line = {} if first is None else {first: until}
        line |= {who: at for who, at in self._line.items() if who != first}
        even = until
        for who, at in line.items():
            line[who] = _told(max(at, even))
            even = line[who] + self.every
        self._line = line
        self._next = max(self._next, even + self._early)
        self._started = max(self._started, until + self._early)
        return until

    def _enter(self, who: str, now: float) -> float:
        """Put somebody at the end of the line, and return the time that it is given."""
        self._forget(now)
        self._line.pop(who, None)
        even = max(self._next, now)
        at = even - self._early
        at = self._line[who] = now if at < now + TICK else _told(at)
        self._next = even + self.every
        return at

    def _forget(self, now: float) -> None:
        """Drop those who did not come: their flow run was cancelled, or has gone."""
        while self._line:
            who, at = next(iter(self._line.items()))
            if at + KEPT >= now:
                return
            del self._line[who]


def _told(at: float) -> float:
    """Return a time as those will have it who are told: in microseconds, and never earlier."""
    return moment(at).timestamp()
