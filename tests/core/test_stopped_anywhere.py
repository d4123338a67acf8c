"""A flow that is stopped at any moment: every story is a path, it can be gone on with, and nothing leaks."""

from __future__ import annotations

import asyncio
import gc
import itertools
import os
import signal
import sys
import threading
import time
import tracemalloc
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from interlock import Flow, Machine, context, pause_task, results, task
from interlock._commands import Call, Command, Store
from interlock._flow_runner import FlowRunner
from interlock._run import Run
from interlock.signals import LOOP, LOST, RETRY, SKIP
from interlock.states import Paused, State

TASK, FLOW = Machine.load("task-run"), Machine.load("flow-run")
MOST = 60  # more than the flow has commands
LONG = 60.0  # seconds that a test waits for what comes at once


class Done:
    """Which bodies have finished, and how often."""

    def __init__(self) -> None:
        self.times: Counter[str] = Counter()

    def __call__(self, value: object = None) -> object:
        self.times[context.task_full_name] += 1
        return value


def mixed(done: Done, folder: Path) -> Flow:
    """Return a flow with a bit of everything."""

    @task(result=results.LocalResult(str(folder)), target="numbers.pickle")
    def numbers() -> object:
        return done([1, 2, 3])

    @task(max_retries=1)
    def tries(x: int) -> object:
        if context.task_run_count == 1 and x == 2:
            raise ValueError("at first")
        return done(x)

    @task(timeout=LONG)
    async def awaits(x: int) -> object:
        await asyncio.sleep(0)
        return done(x)

    @task(timeout=LONG, checkpoint=True, result=results.LocalResult(str(folder)))
    def turns() -> object:
        if context.get("task_loop_count", 1) < 3:
            raise LOOP(result=0)
        return done(5)

    @task(retry_limit=5)
    def asks() -> object:
        if context.task_run_count == 1:
            raise RETRY(start_time=context.date)
        pause_task("a person")
        return done(1)

    @task
    def skips() -> None:
        done()
        raise SKIP("nothing")

    @task
    def last(xs: object, turned: object, asked: object, skipped: object) -> object:
        return done((xs, turned, asked, skipped))

    with Flow("mixed") as flow:
        children = awaits.map(tries.map(numbers()))
        last(children, turns(), asks(), skips())
    for node in flow.tasks:
        node.skip_on_upstream_skip = False
    return flow


class Stop:
    """Stops a flow run at its n-th command."""

    def __init__(self, how: str, at: int) -> None:
        self.how, self.at = how, at
        self.seen = 0
        self.stopped: Call | None = None

    def command(self, runner: FlowRunner, now: float) -> Command:
        command = NEXT(runner, now)
        if isinstance(command, Call):
            self.seen += 1
            if self.seen == self.at:
                self.stopped = command
                STOPS[self.how](command)
        return command


NEXT = FlowRunner.next


def cancel(_call: Call) -> None:
    signal.raise_signal(signal.SIGINT)


def fail(call: Call) -> None:
    def fails(**_: object) -> None:
        raise OSError("the disk is gone")

    call.function = fails


def kill(call: Call) -> None:
    def dies(**_: object) -> None:
        raise LOST("the worker died")

    call.function = dies


STOPS: dict[str, Callable[[Call], None]] = {"cancel": cancel, "fail": fail, "kill": kill}


@contextmanager
def made(name: str) -> Iterator[dict[str, Any]]:
    """Yield the options by which a flow is run. Any: options have no common type."""
    if name == "pool":
        with ThreadPoolExecutor(3) as pool:
            yield {"executor": pool}
    else:
        yield {} if name == "in-line" else {"executor": name}


def check(runners: list[FlowRunner]) -> None:
    """See that each story is a path of its table, and each state that of its run."""
    for flow in runners:
        found: list[tuple[Machine, Run, State]] = [(FLOW, flow.run, flow.state)]
        found += [(TASK, runner.run, runner.state) for runner in flow.board.all()]
        for machine, run, state in found:
            assert run.story.replay() == run
            assert run.state == type(state).__name__
            for step in run.story:
                cell = machine.rows[step.before][step.signal]
                assert step.after in cell.targets
        if flow.run.is_final:
            assert all(runner.over for runner in flow.board.all())


@pytest.mark.parametrize("how", STOPS)
@pytest.mark.parametrize("name", ["in-line", "threads", "async", "pool"])
def test_stopped_at_every_command(name: str, how: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Cancelled, failed or killed at each of its commands, a flow goes on where it was: nothing is done twice."""
    places = itertools.count(1)
    for at in places:
        assert at < MOST
        done = Done()
        runners: list[FlowRunner] = []
        stop = Stop(how, at)

        def command(runner: FlowRunner, now: float, stop: Stop = stop, runners: list[FlowRunner] = runners) -> Command:
            if runner not in runners:
                runners.append(runner)
            return stop.command(runner, now)

        monkeypatch.setattr(FlowRunner, "next", command)
        folder = tmp_path / str(at)
        flow = mixed(done, folder)
        with made(name) as options:
            state = flow.run(**options)
            for _ in range(6):
                if state.is_successful():
                    break
                assert state.is_finished() or type(state) is Paused
                state = flow.resume(state, **options)
        check(runners)
        assert state.is_successful(), (at, state.result)
        again = [full for full, times in done.times.items() if times > 1]
        if isinstance(stop.stopped, Store):
            again = [full for full in again if full != stop.stopped.runner.name]  # its result could not be kept
        assert again == []
        assert len(done.times) == 11
        if stop.stopped is None:
            assert at > 20
            return


DRIVERS = ["in-line", "threads", "async"]


def quick() -> Flow:
    """Return a flow of a few runs of each kind."""

    async def awaits(x: int) -> int:
        await asyncio.sleep(0)
        return x

    with Flow("quick") as flow:
        node = task(lambda x: x + 1).map([1, 2, 3])
        task(awaits).map(node)
        task(timeout=LONG)(lambda: 1)()
    return flow


def ours() -> set[threading.Thread]:
    return {thread for thread in threading.enumerate() if thread.name.startswith("interlock")}


def descriptors() -> int:
    """Return how many file descriptors are open; -1 where the system does not tell."""
    folder = Path("/proc/self/fd") if sys.platform == "linux" else Path("/dev/fd")
    return len(os.listdir(folder)) if folder.exists() else -1


@pytest.mark.parametrize("name", DRIVERS)
def test_nothing_leaks(name: str) -> None:
    """A thousand runs leave no thread, no file descriptor, no task of an event loop and no memory behind."""
    flow = quick()
    with made(name) as options:

        def runs(times: int) -> None:
            for _ in range(times):
                assert flow.run(**options).is_successful()
            gc.collect()

        runs(20)
        before = descriptors()
        tracemalloc.start()
        runs(50)
        first = tracemalloc.take_snapshot()
        runs(1000)
        grown = tracemalloc.take_snapshot().compare_to(first, "lineno")
        tracemalloc.stop()
    until = time.monotonic() + LONG
    while ours() and time.monotonic() < until:
        time.sleep(0.01)
    assert ours() == set()
    assert descriptors() <= before
    # What one more run leaves: not what grows once in a while, such as the table of all names of the interpreter.
    assert [str(line) for line in grown if line.count_diff > 500] == []
