"""How a body is called, wherever that is: here, in a thread, in another process."""

from __future__ import annotations

import contextvars
import copy
import threading
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext, suppress
from functools import partial
from types import CoroutineType
from typing import TYPE_CHECKING, Any

import attrs

from interlock._capture import capture, ended_by, text_of
from interlock._context import context, current
from interlock._data import PLAIN
from interlock._task_payload import moment
from interlock.signals import FAIL, TIMEOUT, Signal, succeeded

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop, Task
    from datetime import datetime

    from interlock._commands import Call
    from interlock._context import Layers
    from interlock._task_runner import TaskRunner


@attrs.define(eq=False)
class Body:
    """A call, as it is handed to whoever makes it. Any: bodies are the user's."""

    function: Callable[..., Any]
    arguments: Mapping[str, Any]
    layers: Layers
    logs: bool
    limit: float | None
    """How long an async body may take, in seconds; others cannot be stopped where they stand."""
    sent: bool = False
    """Whether it has come from another process."""

    def __call__(self) -> Signal:
        """Call the body, and return what it did."""
        outcome = self.begun()
        if type(outcome.fields.get("result")) is CoroutineType:
            work = {"work": outcome.result, "limit": self.limit, "logs": self.logs, "layers": self.layers}
            return capture(finished, work, self.layers)
        return outcome

    def begun(self) -> Signal:
        """Call the body, and return what it did; an async one has only been begun, and its coroutine is the result."""
        with logging(self.logs, self.layers):
            return capture(self.function, self.arguments, self.layers)

    def __reduce__(self) -> tuple[Any, ...]:
        import cloudpickle

        token = current.set(self.layers)
        try:
            known = {name: value for name, value in context.items() if name not in NOT_SENT}
        finally:
            current.reset(token)
        sent = cloudpickle.dumps((self.function, dict(self.arguments), (known, None), self.logs, self.limit))
        return _received, (sent,)


LOOK = 0.2  # seconds between two looks while Ctrl-C may come: on Windows nothing else lets it in
NOT_SENT = ("caches",)
"""Keys of the context that stay where they are: what is kept for other flow runs of this process."""


def _received(sent: bytes) -> Body:
    import pickle

    function, arguments, layers, logs, limit = pickle.loads(sent)
    return Body(function, arguments, layers, logs, limit, sent=True)


class Seen:
    """What a body may know of its task run, as it was when it was called: if it is given up, the run goes on."""

    __slots__ = ("_at", "attempt", "data", "index", "name", "node")

    def __init__(self, runner: TaskRunner, attempt: int) -> None:
        self.node = runner.node
        self.index = runner.index
        self.name = runner.name
        self.data = runner.data if runner.data is PLAIN else copy.copy(runner.data)
        self.attempt = attempt
        self._at = runner.at()

    def began(self) -> datetime:
        """Return when the attempt began."""
        return moment(self._at)


def body_of(call: Call) -> Body:
    """Return a call as it is handed over."""
    node = call.runner.node
    layers = (call.layers[0], Seen(call.runner, call.attempt))
    return Body(call.function, call.arguments, layers, node.logs, node.limit)


def called(body: Body) -> Signal | KeyboardInterrupt | Sent:
    """Call a body, and return what it did: what executors are given. It raises nothing."""
    try:
        outcome: Signal | KeyboardInterrupt = body()
    except KeyboardInterrupt as error:
        outcome = error
    return Sent.of(outcome) if body.sent else outcome


@attrs.frozen
class Sent:
    """What a body did in another process, pickled by what pickles more than `pickle` does."""

    outcome: bytes

    @classmethod
    def of(cls, outcome: Signal | KeyboardInterrupt) -> Sent:
        """Pack it; where it cannot be sent, the failure that says so."""
        import cloudpickle

        try:
            return cls(cloudpickle.dumps(outcome))
        except Exception as error:  # noqa: BLE001  # pickling calls code of the value's class, which may raise anything
            return cls(cloudpickle.dumps(FAIL._of(f"What the body did cannot be sent: {text_of(error)}")))

    def unpacked(self) -> Signal | KeyboardInterrupt:
        """Return what the body did; where it cannot be read, the failure that says so."""
        import pickle

        try:
            outcome: Signal | KeyboardInterrupt = pickle.loads(self.outcome)
        except Exception as error:  # noqa: BLE001  # as above
            return FAIL._of(f"What the body did cannot be read here: {text_of(error)}")
        return outcome


def logging(logs: bool, layers: Layers) -> AbstractContextManager[None]:
    """Return what logs that which is printed inside, where the task says so."""
    if not logs:
        return nullcontext()
    from interlock._stdout import logged

    return logged(layers)


def finished(
    work: CoroutineType[Any, Any, Any],
    limit: float | None,
    logs: bool,
    layers: Layers,
    begun: Callable[[Callable[[], object]], object] | None = None,
) -> Any:
    """Run an async body to its end on an event loop of its own, and return what it gives. Any: the user's.

    `begun` is told what stops it, from any thread.
    """
    import asyncio

    with logging(logs, layers):
        run = partial(asyncio.run, _within(work, limit, begun))
        return apart(run) if on_a_loop() else run()


def on_a_loop() -> bool:
    """Return whether an event loop is running in this thread, as it is in a notebook."""
    import asyncio

    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


def apart(work: Callable[[], Any]) -> Any:
    """Do some work in a thread of its own, in the context of this one, and wait for it. Any: what it returns."""
    found: list[Any] = []

    def call() -> None:
        try:
            found[:] = work(), None
        except BaseException as error:  # noqa: BLE001  # it is raised again in the thread that waits
            found[:] = None, error

    thread = threading.Thread(target=contextvars.copy_context().run, args=(call,), daemon=True)
    thread.start()
    while thread.is_alive():
        thread.join(LOOK)
    value, error = found
    if error is not None:
        raise error
    return value


async def _within(
    work: CoroutineType[Any, Any, Any],
    limit: float | None,
    begun: Callable[[Callable[[], object]], object] | None,
) -> Any:
    import asyncio

    task, loop = asyncio.current_task(), asyncio.get_running_loop()
    if begun is not None and task is not None:
        begun(partial(_stop, loop, task))
    if limit is None:
        return await work
    clock, until = asyncio.timeout(limit), loop.time() + limit
    try:
        async with clock:
            value = await work
    except TimeoutError:
        if not clock.expired():
            raise  # the body's own
    else:
        if not clock.expired() and loop.time() <= until:
            return value
    raise out_of_time(limit) from None  # also where it would not be stopped


def _stop(loop: AbstractEventLoop, task: Task[Any]) -> None:
    with suppress(RuntimeError):  # it has ended, and its loop is closed
        loop.call_soon_threadsafe(task.cancel)


async def landed(work: CoroutineType[Any, Any, Any], logs: bool, layers: Layers) -> Signal | KeyboardInterrupt:
    """Await an async body on the loop that is running, and return what it did."""
    current.set(layers)
    with logging(logs, layers):
        try:
            value = await work
        except KeyboardInterrupt as error:
            return error
        except BaseException as error:  # noqa: BLE001  # as in `capture`
            return ended_by(error)
    return succeeded(value)


def out_of_time(limit: float) -> TIMEOUT:
    """Return the signal for a body that took too long."""
    return TIMEOUT._of(f"The work took longer than {limit:g} s", result=TimeoutError(f"longer than {limit:g} s"))
