"""Bodies with a time limit, for a driver that calls them one after the other.

A body is called in a thread of its own, since nothing can stop it where it stands: when its time is over the run goes
on without it, and its thread is left behind. No further attempt of the run starts while the old body is at work, for a
grace period at most. What it still returns or raises counts for nothing. An async body is stopped where it waits.
"""

from __future__ import annotations

import contextvars
import inspect
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from interlock._capture import capture
from interlock.signals import TIMEOUT, Signal

if TYPE_CHECKING:
    from interlock._commands import Call
    from interlock._task_runner import TaskRunner

GRACE = 30.0  # seconds that a body which is out of time may hold up the next attempt
LOOK = 0.2  # seconds between two looks at whether one has ended; Ctrl-C gets in then, on every system


def timed(call: Call, limit: float, body: Callable[[Call], Signal], behind: Behind) -> tuple[Signal, bool]:
    """Call a body, and return what it did, or TIMEOUT; then whether its thread was left behind.

    Args:
        call: the call.
        limit: how long it may take, in seconds.
        body: calls the body, whatever there is around it.
        behind: takes note of the thread, which may be left at any moment by Ctrl-C too.
    """
    over = TIMEOUT._of(f"The work took longer than {limit:g} s", result=TimeoutError(f"longer than {limit:g} s"))
    if inspect.iscoroutinefunction(call.function):
        return capture(_within, {"call": call, "limit": limit, "over": over}, call.layers), False
    found: list[Signal | BaseException] = []
    ended = threading.Event()  # Thread.is_alive says no of a thread whose `join` was interrupted, on Python 3.11

    def work() -> None:
        try:
            found.append(body(call))
        except KeyboardInterrupt as error:
            found.append(error)  # raised by the body itself: it means the program, as it does without a limit
        finally:
            ended.set()

    thread = threading.Thread(target=contextvars.copy_context().run, args=(work,), daemon=True)
    thread.name = f"interlock {call.runner.name}"
    behind.add(ended, call.runner)
    thread.start()
    left = limit
    while left > 0 and not ended.wait(min(left, LOOK)):
        left -= LOOK
    if not found:
        return over, True
    if isinstance(found[0], BaseException) and not isinstance(found[0], Signal):
        raise found[0]
    return found[0], False


async def _waited(call: Call, limit: float, over: TIMEOUT) -> Any:
    import asyncio

    clock = asyncio.timeout(limit)
    try:
        async with clock:
            return await call.function(**call.arguments)
    except TimeoutError:
        if not clock.expired():
            raise  # the body's own
        raise over from None


def _within(call: Call, limit: float, over: TIMEOUT) -> Any:
    import asyncio

    return asyncio.run(_waited(call, limit, over))


class Behind:
    """The bodies that may have been left behind, by task run."""

    def __init__(self) -> None:
        self.bodies: list[tuple[threading.Event, TaskRunner]] = []
        """Those that have not ended, as far as was looked: what is set when one has, and its run."""

    def add(self, ended: threading.Event, runner: TaskRunner) -> None:
        """Take note of a body that nobody may wait for."""
        self.bodies.append((ended, runner))

    def ended(self) -> list[TaskRunner]:
        """Return the runs whose old bodies have ended since the last time."""
        over: list[tuple[threading.Event, TaskRunner]] = []
        still: list[tuple[threading.Event, TaskRunner]] = []
        for body in self.bodies:
            (over if body[0].is_set() else still).append(body)
        self.bodies = still
        return [runner for _, runner in over]

    def tell(self) -> None:
        """Warn of those that are still at work when the flow run is over."""
        import logging

        self.ended()
        for _, runner in self.bodies:
            log = logging.getLogger(f"interlock.task.{runner.node.task.name}")
            log.warning("%s: its work goes on in a thread, though nobody waits for it any more", runner.name)
