"""What simulated flow runs have found, each reduced to as little as shows it."""

from __future__ import annotations

import threading
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest
from acts import Gate, does, flow_of

from interlock import Flow, task
from interlock._commands import Call, Command, Wait
from interlock._flow_runner import FlowRunner
from interlock._plan import plan
from interlock.executors import ThreadExecutor
from interlock.results import LocalResult
from interlock.signals import FAIL, TIMEOUT
from interlock.states import Cancelling, Failed, Mapped


def called(command: Command) -> Call:
    assert isinstance(command, Call)
    return command


def waited(command: Command) -> float | None:
    assert isinstance(command, Wait)
    return command.until


@pytest.mark.parametrize("executor", [None, "threads"])
def test_failing_fast_ends_maps_whose_children_are_over(executor: str | None) -> None:
    """What fails is a child of a map over another map, whose own children are over while it is not."""
    with Flow("fast") as flow:
        first = task(name="first")(lambda x: x).map([1])
        second = task(name="second")(lambda x: x / 0).map(first)
    state = flow.run(fail_fast=True, executor=executor)
    assert type(state) is Failed
    assert type(state.result[first]) is type(state.result[second]) is Mapped


def test_an_older_body_that_ends_does_not_end_the_wait_for_a_newer_one() -> None:
    """Two attempts were given up, and the grace period of the first is over: the third waits for the second's."""
    flow, _ = flow_of(does(1), max_retries=2, timeout=1)
    runner = FlowRunner(plan(flow), {"parameters": {}})
    runner.start(0.0)
    first = called(runner.next(0.0))
    runner.hold(first, 10.0)
    runner.receive(first, TIMEOUT("too long"), 1.0)
    assert waited(runner.next(1.0)) == 10.0
    second = called(runner.next(10.0))
    runner.hold(second, 20.0)
    runner.receive(second, TIMEOUT("too long"), 11.0)
    assert waited(runner.next(11.0)) == 20.0
    runner.late(first, FAIL("at last"), 12.0)
    assert waited(runner.next(12.0)) == 20.0
    runner.late(second, FAIL("at last"), 13.0)
    assert called(runner.next(13.0)).attempt == 3


class Forgets:
    """An executor that calls the first function that it is given, and none behind it."""

    def __init__(self) -> None:
        self.threads = ThreadExecutor()
        self.futures: list[Future[Any]] = []

    def submit(self, function: Any, /, *args: Any) -> Future[Any]:  # Any: as for an executor
        self.futures.append(Future() if self.futures else self.threads.submit(function, *args))
        return self.futures[-1]

    def shutdown(self) -> None:
        """End all that it has forgotten."""
        for future in self.futures:
            future.cancel()
        self.threads.shutdown()


def test_a_result_that_is_never_stored_does_not_hold_up_a_flow_that_was_cancelled(gate: Gate, tmp_path: Path) -> None:
    """The body ends in time, and is stored by a worker that does not answer: that is given up, too."""
    flow, (node,) = flow_of(gate, result=LocalResult(tmp_path))
    forgets = Forgets()
    handle = flow.start(executor=forgets, grace=0.5)
    gate.reached()
    handle.cancel()
    while not isinstance(handle.state, Cancelling):
        threading.Event().wait(0.01)
    gate.event.set()
    try:
        state = handle.result(10)
    finally:
        forgets.shutdown()
    assert len(forgets.futures) == 2
    assert state.result[node].is_cancelled()
