"""For the tests of those who extend Interlock: what an executor must keep."""

from __future__ import annotations

import operator
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Any

from interlock import signals, states
from interlock._context import context
from interlock._flow import Flow
from interlock._tasks import task
from interlock.executors import Executor
from interlock.triggers import all_finished

__all__ = ["check_executor"]


def check_executor(make: Callable[[], Executor], *, patience: float = 60.0) -> None:
    """See that an executor keeps what flows need of it; raise `AssertionError` with what it does not keep.

    What it is given can be pickled, and takes a few seconds at most. To be called in a test of your own::

        def test_my_executor():
            check_executor(MyExecutor)

    Args:
        make: returns an executor to try; it is called once for each thing that is tried. What it returns is ended by
            `shutdown`, where it has one.
        patience: for how many seconds a call may take to come back.
    """
    for check in CHECKS:
        executor = make()
        try:
            check(executor, patience)
        finally:
            if callable(end := getattr(executor, "shutdown", None)):
                end()


def _ended(future: Future[Any], patience: float) -> None:
    """Wait until a future has told of its end, as flows wait."""
    told = threading.Event()
    future.add_done_callback(lambda _: told.set())
    assert told.wait(patience), f"a callback of a future was not called within {patience:g} s"


def _calls_once(executor: Executor, patience: float) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "calls")
        _ended(executor.submit(_note, str(path)), patience)
        times = path.stat().st_size
        assert times == 1, f"a call was made {times} times"


def _note(path: str) -> None:
    with Path(path).open("a", encoding="ascii") as file:
        file.write("x")


def _tells_what_was_returned(executor: Executor, patience: float) -> None:
    future = executor.submit(operator.add, 2, 3)
    assert hasattr(future, "add_done_callback"), f"submit returned {future!r}; it must be a future"
    _ended(future, patience)
    assert future.result() == 5, f"a future of 2 + 3 has the result {future.result()!r}"
    assert future.exception() is None, "a future of a call that returned has an exception"
    assert not future.cancelled(), "a future of a call that returned says that it was cancelled"


def _says_what_was_raised(executor: Executor, patience: float) -> None:
    future = executor.submit(operator.truediv, 1, 0)
    _ended(future, patience)
    error = future.exception()
    assert isinstance(error, ZeroDivisionError), f"a future of 1 / 0 has the exception {error!r}"


def _comes_back_at_once(executor: Executor, patience: float) -> None:
    began = time.monotonic()
    slow = executor.submit(time.sleep, 1.0)
    took = time.monotonic() - began
    assert took < 0.5, f"submit took {took:.1f} s for a call of 1 s; it must not wait for the call"
    _ended(slow, patience)


def _takes_many(executor: Executor, patience: float) -> None:
    futures = [executor.submit(operator.mul, number, 2) for number in range(200)]
    for future in futures:
        _ended(future, patience)
    assert [future.result() for future in futures] == [2 * number for number in range(200)], "results were mixed up"


@task
def _numbers(count: int) -> list[int]:
    return list(range(count))


@task(max_retries=1)
def _does(number: int) -> object:
    if number == 1:
        raise signals.SKIP("one")
    if number == 2 and context.task_run_count == 1:
        raise ValueError("two, at first")
    if number == 3:
        raise signals.FAIL("three", result=[3])
    if number == 4 and context.get("task_loop_count", 1) < 3:
        raise signals.LOOP(result=context.get("task_loop_result", 0) + 1)
    return (number, context.map_index, context.parameters["size"], context.get("task_loop_result"))


@task(trigger=all_finished)
def _over(ended: object) -> object:
    """End the flow well, so that it is not logged: its children fail on purpose."""
    return ended


def _ends_flows_alike(executor: Executor, patience: float) -> None:
    from interlock._values import Parameter

    with Flow("checked") as flow:
        children = _does.map(_numbers(Parameter("size")))
        _over(children)
    wanted, found = flow.run(size=8), flow.start(size=8, executor=executor).result(patience)
    assert repr(found) == repr(wanted), f"a flow ended in {found!r}; without the executor it ends in {wanted!r}"
    pairs = zip(_children(wanted, children), _children(found, children), strict=True)
    for index, (here, there) in enumerate(pairs):
        assert repr(there) == repr(here), f"child {index} ended in {there!r}; without the executor it ends in {here!r}"
        same = repr(there.result) == repr(here.result)
        assert same, f"child {index} has the result {there.result!r}; without the executor it is {here.result!r}"


def _children(state: states.State, node: object) -> Sequence[states.State]:
    mapped = state.result[node]
    assert isinstance(mapped, states.Mapped), f"the mapped task ended in {mapped!r}"
    return mapped.map_states


CHECKS = (
    _tells_what_was_returned,
    _calls_once,
    _says_what_was_raised,
    _comes_back_at_once,
    _takes_many,
    _ends_flows_alike,
)
