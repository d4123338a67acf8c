"""The physical limits: what the plainest Python does. No check, no guard, no count, no safety between threads."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor

from .clock import Measure, lives, per_operation, per_part, proved

MANY = 10**4
WORKERS = 8

TABLE = {
    "pending": {"start": "running"},
    "running": {"fail": "retrying", "succeed": "success"},
    "retrying": {"retry": "pending"},
}


class Slotted:
    """A state, and the list of those before."""

    __slots__ = ("history", "state")

    def __init__(self) -> None:
        self.state = "pending"
        self.history: list[str] = []

    def send(self, signal: str) -> None:
        try:
            after = TABLE[self.state][signal]
        except KeyError:
            raise ValueError(f"{self.state}: no {signal}") from None
        self.history.append(after)
        self.state = after


def call(seconds: float) -> list[float]:
    """Measure the call of a function that returns its argument."""

    def same(value: str) -> str:
        return value

    def calls(number: int) -> None:
        for _ in range(number):
            same("start")
            same("fail")
            same("retry")

    return per_operation(calls, 3, seconds)


def lookup(seconds: float) -> list[float]:
    """Measure a step of a local variable through a dictionary of dictionaries."""
    table = TABLE

    def steps(number: int) -> None:
        state = "pending"
        for _ in range(number):
            state = table[state]["start"]
            state = table[state]["fail"]
            state = table[state]["retry"]

    return per_operation(steps, 3, seconds)


def slotted(seconds: float) -> list[float]:
    """Measure a step of the slotted object. Its history is begun anew every 1,000 turns."""

    def steps(number: int) -> None:
        for begin in range(0, number, 1_000):
            send = Slotted().send
            for _ in range(begin, min(begin + 1_000, number)):
                send("start")
                send("fail")
                send("retry")

    return per_operation(steps, 3, seconds)


def _lived() -> Slotted:
    run = Slotted()
    send = run.send
    send("start")
    send("fail")
    send("retry")
    send("start")
    send("succeed")
    return run


def _inc(x: int) -> int:
    return x + 1


async def _later(x: int) -> int:
    return x + 1


def chain(seconds: float) -> list[float]:
    """Measure calls, each with the result of the one before."""

    def work() -> int:
        x = 0
        for _ in range(MANY):
            x = _inc(x)
        return x

    return per_part(proved(work, MANY), MANY, seconds)


def turn(seconds: float) -> list[float]:
    """Measure calls, until one has returned enough."""

    def work() -> int:
        x = 0
        while x < MANY:
            x = _inc(x)
        return x

    return per_part(proved(work, MANY), MANY, seconds)


def child(seconds: float) -> list[float]:
    """Measure calls in a list comprehension."""
    numbers = range(MANY)

    def work() -> list[int]:
        return [_inc(x) for x in numbers]

    return per_part(proved(work, list(range(1, MANY + 1))), MANY, seconds)


def gathered(seconds: float) -> list[float]:
    """Measure coroutines that are gathered; the event loop is there before."""
    numbers = range(MANY)

    async def work() -> list[int]:
        return await asyncio.gather(*(_later(x) for x in numbers))

    with asyncio.Runner() as runner:
        return per_part(proved(lambda: runner.run(work()), list(range(1, MANY + 1))), MANY, seconds)


def pooled(seconds: float) -> list[float]:
    """Measure calls in a pool of threads that are there before."""
    numbers = range(MANY)

    with ThreadPoolExecutor(WORKERS) as pool:
        return per_part(proved(lambda: list(pool.map(_inc, numbers)), list(range(1, MANY + 1))), MANY, seconds)


MEASURES = [
    Measure("step", "limit: a function call", call),
    Measure("step", "limit: a dictionary of dictionaries", lookup),
    Measure("step", "limit: a slotted object with a history", slotted),
    *lives("limit: a slotted object with a history", lambda: _lived),
    Measure("chain", "limit: plain calls", chain),
    Measure("child", "limit: plain calls", child),
    Measure("child", "limit: asyncio.gather", gathered),
    Measure("child", f"limit: a pool of {WORKERS} threads", pooled),
    Measure("turn", "limit: plain calls", turn),
]
