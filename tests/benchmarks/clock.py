"""How a subject is measured: time per operation, bytes per object. Standard library only: peers use it too.

Time is that of the wall (`perf_counter`), with the garbage collector on, as the user of a library would have it.
A peer may be so old that it needs Python 3.8, so that nothing here is newer when it runs.
"""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import tracemalloc
from collections.abc import Callable
from enum import IntEnum
from time import perf_counter
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from typing import TypeAlias

Sample: TypeAlias = "Callable[[float], list[float]]"
"""Measures for about so many seconds, and returns what it found, in the unit of the row that the measure is in."""

PASSES = 5
MANY = 1_000_000
LEAST = 100  # objects: fewer are not measured, however long they take
MICRO = 1e6


class Level(IntEnum):
    """How long it takes to measure something."""

    QUICK = 0
    SLOW = 1
    """Left out of a quick run."""
    LARGE = 2
    """Minutes, for one of them: only if it is asked for."""


class Measure(NamedTuple):
    """One subject in one row of the table."""

    row: str
    """A key of `report.ROWS`."""
    subject: str
    sample: Sample
    level: Level = Level.QUICK
    rounds: int = MANY
    """In how many rounds it is taken, at most: what is counted and not timed needs only one."""
    ours: bool = False
    """Whether it is Interlock; the first such subject of a row is what the others are held to."""
    budgeted: bool = True
    """Whether the budget of the row is meant for it, if it is ours."""


def per_operation(work: Callable[[int], object], operations: int, seconds: float) -> list[float]:
    """Return the microseconds per operation of some passes; `work(n)` does n times so many operations.

    The passes are made so long that all together take about so many seconds. The first calls, which find out how long,
    are the warm-up.
    """
    number = 1
    while (taken := _timed(work, number)) < seconds / PASSES / 4:
        number *= 2
    number = max(1, round(number * seconds / PASSES / taken))
    return [_timed(work, number) / number / operations * MICRO for _ in range(PASSES)]


def per_part(work: Callable[[], object], parts: int, seconds: float) -> list[float]:
    """Return the microseconds per part of each call of `work`, as many calls as there is time for. Warm up before."""
    found: list[float] = []
    end = perf_counter() + seconds
    while not found or perf_counter() < end:
        begin = perf_counter()
        work()
        found.append((perf_counter() - begin) / parts * MICRO)
    return found


def proved(work: Callable[[], object], wanted: object) -> Callable[[], object]:
    """Return some work that was done once, as a warm-up; it is held that its result was what it should be."""
    found = work()
    assert found == wanted, f"{found!r} and not {wanted!r}"
    return work


def paired(one: Sample, other: Sample, seconds: float) -> list[float]:
    """Return how much more the first takes than the second, measured in turns."""
    found: list[float] = []
    for _ in range(PASSES):
        more = sorted(one(seconds / PASSES / 2))
        less = sorted(other(seconds / PASSES / 2))
        found.append(more[len(more) // 2] - less[len(less) // 2])
    return found


def _timed(work: Callable[[int], object], number: int) -> float:
    begin = perf_counter()
    work(number)
    return perf_counter() - begin


def traced(make: Callable[[], object], seconds: float) -> list[float]:
    """Return the bytes that one object of many keeps allocated, by tracemalloc. What all share is made before."""
    for _ in range(10):
        make()
    kept: list[object] = [None] * 5_000
    gc.collect()
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    count = _fill(kept, make, seconds)
    after = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    return [(after - before) / count]


def resident(make: Callable[[], object], seconds: float) -> list[float]:
    """Return the bytes by which the process grows for one object of many. It needs a fresh process."""
    for _ in range(10):
        make()
    kept: list[object] = [None] * 50_000
    gc.collect()
    before = _size()
    count = _fill(kept, make, seconds)
    return [(_size() - before) / count]


def _fill(kept: list[object], make: Callable[[], object], seconds: float) -> int:
    """Fill a list with objects as long as there is time, and return how many there are."""
    end = perf_counter() + seconds
    for place in range(len(kept)):
        if place >= LEAST and perf_counter() > end:
            return place
        kept[place] = make()
    return len(kept)


def peak(work: Callable[[], object], parts: int) -> list[float]:
    """Return the bytes per part that `work` has allocated at its height, by tracemalloc. Warm up before."""
    gc.collect()
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    work()
    height = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return [(height - before) / parts]


def grown(work: Callable[[], object], parts: int) -> list[float]:
    """Return the bytes per part by which the process is larger at its height. It needs a fresh process and large work.

    Unlike tracemalloc it makes nothing slower, and needs no memory of its own. What was freed before and is used again
    is not seen; if the process was larger before than the work made it, the answer is too high.
    """
    gc.collect()
    before = _size()
    work()
    return [(_highest() - before) / parts]


def _highest() -> int:
    """Return the bytes of memory that this process held when it held most."""
    if sys.platform == "win32":
        raise NotImplementedError("grown: the height of a process is read from resource")
    import resource

    height = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return height if sys.platform == "darwin" else height * 1024


def _size() -> int:
    """Return the bytes of memory that this process holds."""
    if sys.platform == "win32":
        raise NotImplementedError("resident: the size of a process is read from /proc or resource")
    try:
        with open("/proc/self/statm", "rb") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGESIZE")
    except OSError:
        return _highest()  # where there is no /proc; here nothing is freed in between


def lives(subject: str, prepare: Callable[[], Callable[[], object]], ours: bool = False) -> list[Measure]:
    """Return the measures of a run from its making to its end, with five steps: time, and what a run keeps.

    `prepare` makes what all runs share, and returns what makes and steps one.
    """

    def life(seconds: float) -> list[float]:
        make = prepare()

        def turns(number: int) -> None:
            for _ in range(number):
                make()

        return per_operation(turns, 1, seconds)

    measures = [
        Measure("life", subject, life, ours=ours),
        Measure("traced", subject, lambda seconds: traced(prepare(), seconds), rounds=1, ours=ours),
    ]
    if sys.platform != "win32":  # `_size` cannot tell there
        measures.append(Measure("resident", subject, lambda seconds: resident(prepare(), seconds), rounds=2, ours=ours))
    return measures


def imported(module: str) -> Sample:
    """Return what measures an import, in milliseconds: a fresh interpreter with it less one without it, in turns."""

    def sample(seconds: float) -> list[float]:
        _started(f"import {module}")  # so that the byte code is there
        found: list[float] = []
        end = perf_counter() + seconds
        while not found or perf_counter() < end:
            bare = _started("pass")
            found.append((_started(f"import {module}") - bare) * 1e3)
        return found

    return sample


def _started(code: str) -> float:
    begin = perf_counter()
    subprocess.run([sys.executable, "-c", code], check=True)
    return perf_counter() - begin
