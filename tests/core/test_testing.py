"""`interlock.testing`: the kit passes executors that keep what is promised, and says what others do not keep."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor
from typing import Any, TypeVar

import pytest

from interlock.executors import Executor, ThreadExecutor
from interlock.testing import check_executor

T = TypeVar("T")


@pytest.mark.parametrize("make", [ThreadExecutor, ThreadPoolExecutor, lambda: ProcessPoolExecutor(2)])
def test_executors_that_keep_it(make: Callable[[], Executor]) -> None:
    """Ours, and those of the standard library: threads and processes."""
    check_executor(make)


class Broken:
    """An executor that does something wrong."""

    def submit(self, function: Callable[..., Any], /, *args: Any) -> Any:
        future: Future[Any] = Future()
        try:
            future.set_result(function(*args))
        except (ArithmeticError, OSError) as error:
            future.set_exception(error)
        return future


class NoFuture(Broken):
    def submit(self, function: Callable[..., Any], /, *args: Any) -> Any:
        return function(*args)


class Silent(Broken):
    def submit(self, function: Callable[..., Any], /, *args: Any) -> Any:
        return Future()


class Wrong(Broken):
    def submit(self, function: Callable[..., Any], /, *args: Any) -> Any:
        return super().submit(lambda: 7)


class Swallowing(Broken):
    def submit(self, function: Callable[..., Any], /, *args: Any) -> Any:
        future = super().submit(function, *args)
        return super().submit(lambda: None) if future.exception() else future


class Mixing(Broken):
    def __init__(self) -> None:
        self.inner = ThreadExecutor()
        self.calls = 0

    def submit(self, function: Callable[..., Any], /, *args: Any) -> Any:
        self.calls += 1
        return self.inner.submit(function, *args) if self.calls != 7 else super().submit(lambda: 7)


class Twice(Broken):
    """Makes each call twice."""

    def submit(self, function: Callable[..., Any], /, *args: Any) -> Any:
        super().submit(function, *args)
        return super().submit(function, *args)


class Losing(Mixing):
    """Loses every call of a flow."""

    def submit(self, function: Callable[..., Any], /, *args: Any) -> Any:
        if function.__name__ == "called":
            raise RuntimeError("no room")
        return self.inner.submit(function, *args)


WRONG: list[tuple[type[Broken], str]] = [
    (NoFuture, "submit returned 5; it must be a future"),
    (Silent, "a callback of a future was not called within 0.2 s"),
    (Wrong, "a future of 2 + 3 has the result 7"),
    (Swallowing, "a future of 1 / 0 has the exception None"),
    (Broken, "submit took 1.0 s for a call of 1 s; it must not wait for the call"),
    (Mixing, "results were mixed up"),
    (Losing, "a flow ended in <Failed"),
    (Twice, "a call was made 2 times"),
]


@pytest.mark.parametrize(("kind", "text"), WRONG)
def test_executors_that_do_not(kind: type[Broken], text: str) -> None:
    """Each is told what is wrong with it, by the kind of thing that it does wrong."""
    with pytest.raises(AssertionError) as caught:
        check_executor(kind, patience=0.2 if kind is Silent else 60.0)
    assert str(caught.value).startswith(text)
