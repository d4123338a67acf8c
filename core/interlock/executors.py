"""Where the bodies of tasks are called: `flow.run(executor=...)`.

An executor is anything with a `submit` like that of `concurrent.futures`, so that the pools of the standard library,
and what the libraries of clusters offer in that form, are executors as they are. `ThreadExecutor` is what
`executor="threads"` uses. `interlock.testing.check_executor` tells whether one of your own keeps what is promised.
"""

from __future__ import annotations

import contextvars
import threading
from collections.abc import Callable
from concurrent.futures import Future
from queue import SimpleQueue
from types import TracebackType
from typing import TYPE_CHECKING, Any, Protocol, Self, TypeVar

from interlock import _gone

__all__ = ["Executor", "ThreadExecutor"]

T = TypeVar("T")


class Executor(Protocol):
    """Calls functions elsewhere.

    What a flow hands over are calls that raise nothing, each once; where they are called does not matter, but that it
    is soon: a time limit counts from `submit` on. Calls and what they return can be pickled, if the bodies, inputs and
    results of the tasks can. A future that ends in an exception says that the call was lost, with the process that made
    it, say: the task run gets the signal `LOST`, and is tried again as far as `max_retries` allows. Who makes an
    executor ends it too: a flow run does not.
    """

    def submit(self, function: Callable[..., T], /, *args: Any) -> Future[T]:
        """Have a function called, and return what tells of it. Any: what a function takes."""
        ...


class ThreadExecutor:
    """Calls functions in threads, each at once: in an idle one if there is one, else in a new one.

    How many there are is for the caller to bound. They are daemons: a body that never ends holds up neither the others
    nor the end of the program, which the pools of the standard library wait for.
    """

    def __init__(self, name: str = "interlock") -> None:
        self._name = name
        self._idle: list[_Worker] = []  # `append` and `pop` are atomic
        self._closed = False

    def submit(self, function: Callable[..., T], /, *args: Any) -> Future[T]:
        """Have a function called. Any: what it takes.

        Raises:
            RuntimeError: the executor has been shut down.
        """
        if self._closed:
            raise RuntimeError("the executor has been shut down")
        future: Future[T] = Future()
        try:
            worker = self._idle.pop()
        except IndexError:
            worker = None
        if worker is None or worker is threading.current_thread():  # who submits in a callback may wait for it
            if worker is not None:
                self._idle.append(worker)
            worker = _Worker(self, self._name)
            worker.start()
        context = contextvars.copy_context()
        worker.work.put((future, context.run, (function, *args)))
        return future

    def shutdown(self) -> None:
        """Let the threads end, each when its present call has ended; nobody waits for them."""
        self._closed = True
        self._dismiss()

    def _dismiss(self) -> None:
        while True:
            try:
                worker = self._idle.pop()
            except IndexError:
                return
            worker.work.put(None)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.shutdown()


class _Worker(threading.Thread):
    def __init__(self, executor: ThreadExecutor, name: str) -> None:
        super().__init__(name=name, daemon=True)
        self.work: SimpleQueue[tuple[Future[Any], Callable[..., Any], tuple[Any, ...]] | None] = SimpleQueue()
        self._executor = executor

    def run(self) -> None:
        executor = self._executor
        while (work := self.work.get()) is not None:
            future, function, args = work
            if not future.set_running_or_notify_cancel():
                self._rest(executor)
                continue
            try:
                value = function(*args)
            except BaseException as error:  # noqa: BLE001  # whatever it is, it is for who waits for the future
                self._rest(executor)
                future.set_exception(error)
            else:
                self._rest(executor)  # first: who hears of the end may have the next call at once
                future.set_result(value)
            del work, future, function, args  # nothing of it is kept while there is nothing to do
            value = None

    def _rest(self, executor: ThreadExecutor) -> None:
        executor._idle.append(self)
        if executor._closed:
            executor._dismiss()


if not TYPE_CHECKING:  # a type checker is to say itself that a name is not there
    __getattr__ = _gone.of("executors")
