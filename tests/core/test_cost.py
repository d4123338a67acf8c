"""What a step, a task, a child and a turn cost, held without a clock: function calls are counted, and bytes.

The numbers are exact and the same on every machine, so that whoever makes the hot path longer sees it here. A bound is
what was counted when it was set, and a little more. It is a ratchet: make it lower when the path has become shorter.
How long it all takes is measured by `python -m tests.benchmarks`.
"""

from __future__ import annotations

import gc
import sys
import tracemalloc
from collections.abc import Callable
from functools import partial
from types import FrameType

import pytest
from benchmarks.flows import chain, fan, loop
from benchmarks.machines import CYCLE, TABLE

from interlock import Flow, Machine, Plugins, Run, RunView, Step, hookimpl, task

SMALL, LARGE = 10**3, 10**4

Work = Callable[[], object]


def calls(work: Work) -> int:
    """Return how many Python functions are called by some work that was done once before."""
    count = 0

    def tell(_frame: FrameType, event: str, _argument: object) -> None:
        nonlocal count
        count += event == "call"

    work()
    before = sys.getprofile()
    gc.disable()  # its callbacks, which other tests may have set, are no calls of ours
    sys.setprofile(tell)
    try:
        work()
    finally:
        sys.setprofile(before)
        gc.enable()
    return count


def growth(cost: Callable[[Work], int], prepare: Callable[[int], Work]) -> tuple[float, float]:
    """Return what one more part costs, and what the whole of a large work costs beside its parts, as a share of it."""
    small, large = cost(prepare(SMALL)), cost(prepare(LARGE))
    each = (large - small) / (LARGE - SMALL)
    return each, abs(large - each * LARGE) / large


def kept(make: Callable[[], object]) -> float:
    """Return the bytes that one object of many keeps allocated."""
    make()
    objects: list[object] = [None] * SMALL
    gc.collect()
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    for place in range(SMALL):
        objects[place] = make()
    after = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    return (after - before) / SMALL


def height(work: Work) -> int:
    """Return the bytes that some work, which was done once before, has allocated at its height."""
    work()
    gc.collect()
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    work()
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return most - before


def cycles(number: int, plugins: Plugins | None = None) -> Work:
    """Return what takes so many times three steps of one run: two plain ones, and one that is guarded and counted."""
    send = Run(Machine.from_toml(TABLE), plugins=plugins).send

    def work() -> None:
        for _ in range(number):
            for signal in CYCLE:
                send(signal)

    return work


@task
def nothing(x: int) -> None:
    """Give no result, so that what is allocated is ours."""


def barren(width: int) -> Flow:
    numbers = list(range(width))
    with Flow("barren") as flow:
        nothing.map(numbers)
    return flow


def running(build: Callable[[int], Flow]) -> Callable[[int], Work]:
    return lambda size: build(size).run


def test_calls_of_a_step() -> None:
    """A plain step is one call, `send` itself; a guarded and counted one is three. A story is cut now and then."""
    each, rest = growth(calls, cycles)
    assert 5 <= each <= 5.05  # ratchet
    assert rest < 0.01


class Observer:
    @hookimpl
    def after_step(self, run: RunView, step: Step) -> None: ...


class Silent:
    @hookimpl
    def before_step(self, run: RunView, signal: object, now: float | None) -> None: ...


@pytest.mark.parametrize(
    ("plugins", "most"),
    [  # ratchets: of three steps, with the plugins' own calls in them
        pytest.param([], 5.05, id="none"),
        pytest.param([Observer], 14.05, id="one observer"),
        pytest.param([Observer, Observer], 17.05, id="two observers"),
        pytest.param([Silent], 31.05, id="one that is asked"),
    ],
)
def test_calls_of_a_step_with_plugins(plugins: list[Callable[[], object]], most: float) -> None:
    """`Plugins` without any cost nothing; an observer takes three calls a step, with its own, and each other one."""
    each, rest = growth(calls, lambda number: cycles(number, Plugins(*(make() for make in plugins))))
    assert each <= most
    assert rest < 0.01


@pytest.mark.parametrize(
    ("build", "most"),
    [  # ratchets, with the body's own call in them; a turn also asks the context and raises LOOP, which takes five
        pytest.param(chain, 19, id="a chained task"),
        pytest.param(fan, 26, id="a mapped child"),
        pytest.param(loop, 17.05, id="a turn of a loop"),
    ],
)
def test_calls_are_the_same_for_each(build: Callable[[int], Flow], most: int) -> None:
    """One more costs as much as any before, to the call; what the flow run itself costs is less than a hundredth.

    A turn adds a step to a story that is cut every 1,000 steps, which is less than a hundredth too. `Plugins` without
    any cost nothing.
    """
    each, rest = growth(calls, running(build))
    idle, _ = growth(calls, lambda size: partial(build(size).run, plugins=Plugins()))
    assert idle == each
    assert each <= most
    assert build is loop or each == int(each)
    assert each - int(each) < 0.01 * each
    assert rest < 0.01


def test_bytes_of_a_run() -> None:
    """A run and its five steps take 368 bytes on CPython 3.11; the budget is 400."""
    machine = Machine.from_toml(TABLE)

    def life() -> Run:
        run = Run(machine)
        for signal in ("start", "fail", "retry", "start", "succeed"):
            run.send(signal)
        return run

    assert kept(life) <= 400


def test_bytes_of_a_mapped_child() -> None:
    """At the height of a flow run, with all children alive, one takes less than a kilobyte beside the user's result."""
    each, rest = growth(height, running(barren))
    assert each <= 450  # ratchet: 441 on Python 3.11, 450 on 3.12 and 3.13; the budget is 1,000
    assert rest < 0.05


def test_bytes_of_a_turn() -> None:
    """A loop takes constant memory, once the story is as long as it may grow; with what turns leave it would be double.

    It is not exact, for exceptions lie about until the garbage collector comes.
    """
    assert height(loop(6 * SMALL).run) < 1.5 * height(loop(3 * SMALL).run)
