"""How the cost of Interlock's flows grows to a million tasks, children and turns: it should stay the same for each.

Time is that of a run after the first, which makes the plan; a flow is built before. Memory is that of the first run, by
which the process grows: tracemalloc would take as much again, and many times as long. It is the plan of a flow and the
states of its run, with the results. Fewer than 100,000 would drown in what the process has at hand; for them, see
`flows`, where tracemalloc counts.
"""

from __future__ import annotations

import sys
from random import Random

import interlock

from .clock import Level, Measure, Sample, grown
from .flows import Build, chain, fan, inc, loop, run

SEED = 12
MAPS = 3
MOST = 3


@interlock.task
def later(one: int, other: int = 0, third: int = 0) -> int:
    return max(one, other, third) + 1


def apart(width: int) -> interlock.Flow:
    """Return a flow of tasks that do not need each other."""
    with interlock.Flow("apart") as flow:
        for _ in range(width):
            inc(0)
    return flow


def graph(size: int) -> interlock.Flow:
    """Return a flow in which each task takes the results of one to three of those before, drawn by lot."""
    random = Random(SEED)
    with interlock.Flow("graph") as flow:
        tasks = [later(0)]
        for _ in range(size - 1):
            tasks.append(later(*random.choices(tasks, k=random.randint(1, MOST))))
    return flow


def maps(children: int) -> interlock.Flow:
    """Return a flow of three maps, each over the one before, with so many children in all."""
    numbers = list(range(children // MAPS))
    with interlock.Flow("maps") as flow:
        inc.map(inc.map(inc.map(numbers)))
    return flow


def memory(build: Build, size: int) -> Sample:
    """Return what measures the height of the process in the first run of a flow: bytes per task, child or turn."""

    def sample(_seconds: float) -> list[float]:
        flow = build(size)
        return grown(lambda: _done(flow), size)

    return sample


def _done(flow: interlock.Flow) -> interlock.states.State:
    state = flow.run()
    assert state.is_successful(), state
    return state


def _measures(row: str, what: str, build: Build, *sizes: int) -> list[Measure]:
    return [
        Measure(row, f"Interlock, {size:,} {what}", run(build, size), level=Level.LARGE, rounds=1, ours=True)
        for size in sizes
    ]


def _heights(row: str, what: str, build: Build, *sizes: int) -> list[Measure]:
    if sys.platform == "win32":  # the height of a process is not known there
        return []
    return [
        Measure(row, f"Interlock, {size:,} {what}", memory(build, size), level=Level.LARGE, rounds=1, ours=True)
        for size in sizes
    ]


MEASURES = [
    *_measures("grown chain", "tasks", chain, 10**3, 10**4, 10**5, 10**6),
    *_measures("grown apart", "tasks", apart, 10**3, 10**4, 10**5, 10**6),
    *_measures("grown graph", "tasks", graph, 10**3, 10**4, 10**5, 10**6),
    *_measures("grown child", "children", fan, 10**3, 10**4, 10**5, 10**6),
    *_measures("grown children", "children", maps, 3 * 10**3, 3 * 10**4, 3 * 10**5),
    *_measures("grown turn", "turns", loop, 10**3, 10**4, 10**5, 10**6),
    *_heights("grown bytes", "tasks in a chain", chain, 10**5, 10**6),
    *_heights("grown bytes", "tasks apart", apart, 10**5, 10**6),
    *_heights("grown bytes", "tasks in a random graph", graph, 10**5, 10**6),
    *_heights("grown child bytes", "children", fan, 10**5, 10**6),
    *_heights("grown child bytes", "children in three maps", maps, 3 * 10**5),
    *_heights("grown turn bytes", "turns", loop, 10**5, 10**6),
]
