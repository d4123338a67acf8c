"""Interlock as an engine: a task in a chain, a mapped child, a turn of a loop; what they take and what they allocate.

A flow is built once and run again and again; its plan is made by the run that warms up. The tasks do next to nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter
from typing import Literal

import interlock
from interlock.signals import LOOP

from .clock import MICRO, Level, Measure, Sample, peak, per_part


@interlock.task
def inc(x: int) -> int:
    return x + 1


def chain(length: int) -> interlock.Flow:
    """Return a flow of tasks that each take the result of the one before."""
    with interlock.Flow("chain") as flow:
        x = inc(0)
        for _ in range(length - 1):
            x = inc(x)
    return flow


@interlock.task
async def later(x: int) -> int:
    return x + 1


def fan(width: int, body: interlock.Task = inc) -> interlock.Flow:
    """Return a flow of one task that is mapped over a list."""
    numbers = list(range(width))
    with interlock.Flow("fan") as flow:
        body.map(numbers)
    return flow


def loop(turns: int) -> interlock.Flow:
    """Return a flow of one task that asks for so many turns, and hands a number on from each to the next."""

    @interlock.task
    def turn() -> int:
        number: int = interlock.context.get("task_loop_result", 1)
        if number < turns:
            raise LOOP(result=number + 1)
        return number

    with interlock.Flow("loop") as flow:
        turn()
    return flow


Build = Callable[[int], interlock.Flow]


def run(build: Build, size: int) -> Sample:
    """Return what measures `flow.run()`, in microseconds per task, child or turn."""

    def sample(seconds: float) -> list[float]:
        flow = _warm(build(size))
        return per_part(flow.run, size, seconds)

    return sample


def driven(body: interlock.Task, width: int, executor: Literal["threads", "async"]) -> Sample:
    """Return what measures a map whose bodies are handed to threads, or to an event loop: microseconds per child.

    Both are begun and ended with the run, as they are if nothing else is said.
    """

    def sample(seconds: float) -> list[float]:
        flow = _warm(fan(width, body))
        return per_part(lambda: flow.run(executor=executor), width, seconds)

    return sample


def memory(build: Build, size: int) -> Sample:
    """Return what measures the height of the memory of `flow.run()`, in bytes per task, child or turn."""

    def sample(_seconds: float) -> list[float]:
        flow = _warm(build(size))
        return peak(flow.run, size)

    return sample


def built(length: int) -> Sample:
    """Return what measures calling the tasks of a chain inside `with Flow(...)`, in microseconds per task."""

    def sample(seconds: float) -> list[float]:
        found: list[float] = []
        end = perf_counter() + seconds
        while not found or perf_counter() < end:
            begin = perf_counter()
            chain(length)
            found.append((perf_counter() - begin) / length * MICRO)
        return found

    return sample


def _warm(flow: interlock.Flow) -> interlock.Flow:
    """Run a flow once, which makes its plan, and hold that it does what it should."""
    state = flow.run()
    assert state.is_successful(), state
    return flow


MEASURES = [
    Measure("chain", "Interlock, 1,000 tasks", run(chain, 10**3), ours=True),
    Measure("chain", "Interlock, 10,000 tasks", run(chain, 10**4), ours=True),
    Measure("chain", "Interlock, 100,000 tasks", run(chain, 10**5), level=Level.SLOW, rounds=2, ours=True),
    Measure("task bytes", "Interlock, 1,000 tasks", memory(chain, 10**3), rounds=1, ours=True),
    Measure("task bytes", "Interlock, 10,000 tasks", memory(chain, 10**4), level=Level.SLOW, rounds=1, ours=True),
    Measure("task bytes", "Interlock, 100,000 tasks", memory(chain, 10**5), level=Level.SLOW, rounds=1, ours=True),
    Measure("child", "Interlock, 10,000 children", run(fan, 10**4), ours=True),
    Measure("child", "Interlock, 100,000 children", run(fan, 10**5), level=Level.SLOW, rounds=2, ours=True),
    Measure("child", "Interlock, 10,000 children, threads", driven(inc, 10**4, "threads"), ours=True, budgeted=False),
    Measure("child", "Interlock, 10,000 children, async", driven(later, 10**4, "async"), ours=True, budgeted=False),
    Measure("child bytes", "Interlock, 10,000 children", memory(fan, 10**4), rounds=1, ours=True),
    Measure("child bytes", "Interlock, 100,000 children", memory(fan, 10**5), level=Level.SLOW, rounds=1, ours=True),
    Measure("turn", "Interlock, 10,000 turns", run(loop, 10**4), ours=True),
    Measure("build", "Interlock, 1,000 tasks", built(10**3), ours=True),
]
