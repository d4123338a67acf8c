"""The drivers: they carry out the commands of a flow runner, in the caller's thread, in others, or on an event loop.

There is one loop, `_steps`. It stops only where there is nothing to do, and says for how long; who calls it waits then,
as a thread or as a coroutine does. This is one of the few places that read the clock, sleep, and mind Ctrl-C.
"""

from __future__ import annotations

import contextlib
import math
import threading
import time
from collections.abc import Callable, Generator
from types import CoroutineType
from typing import Any

import attrs

from interlock._bodies import LOOK, body_of, called, finished, landed
from interlock._capture import capture, failure
from interlock._commands import Call, Done
from interlock._ends import kept
from interlock._errors import FlowError
from interlock._flights import Flights, Under
from interlock._flow_runner import FlowRunner
from interlock._interrupts import Interrupts, late
from interlock._task_payload import moment
from interlock._task_runner import TaskRunner
from interlock.executors import Executor, ThreadExecutor
from interlock.results import caches
from interlock.signals import Signal
from interlock.states import State

LONGEST_NAP = 3600.0  # seconds: the clock may be set while we sleep, so it is read again now and then
GRACE = 30.0  # seconds that a body which is to stop is waited for


@attrs.frozen
class Driving:
    """How a flow is run.

    Attributes:
        executor: where bodies are called; None: by who runs the flow.
        workers: how many bodies may be under way at once; None: as many as there are.
        fail_fast: whether the first failure of a task run stops the others.
        grace: for how many seconds a body that is to stop is waited for.
    """

    executor: Executor | None = None
    workers: int | None = None
    fail_fast: bool = False
    grace: float = GRACE


INLINE = Driving()


class Failing:
    """Watches for the first task run that fails in the end."""

    def __init__(self, watch: Callable[[TaskRunner], None] | None) -> None:
        self.seen = False
        """Whether there is one."""
        self.done = False
        """Whether the others were stopped for it."""
        self._watch = watch

    def __call__(self, runner: TaskRunner) -> None:
        """Take note of a task run that has changed its state."""
        if runner.over and not self.done and runner.state.is_failed():
            self.seen = True
        if self._watch is not None:
            self._watch(runner)


class Loop:
    """Awaits async bodies on the event loop that is running."""

    def __init__(self) -> None:
        import asyncio

        self._loop = asyncio.get_running_loop()
        self._bell = asyncio.Event()
        self._home = threading.get_ident()

    def ring(self) -> None:
        """Wake who waits, from any thread."""
        if threading.get_ident() == self._home:
            self._bell.set()  # it is awake, and need not be woken through its socket
        else:
            with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
                self._loop.call_soon_threadsafe(self._bell.set)

    def begin(self, call: Call, work: CoroutineType[Any, Any, Any]) -> Under:
        """Let an async body go on beside others. Any: the user's."""
        coroutine = landed(work, call.runner.node.logs, call.layers)
        begun = self._loop.create_task(coroutine, name=f"interlock {call.runner.name}")
        begun.add_done_callback(lambda _: work.close())  # of one that was cancelled before its first step
        return begun

    async def wait(self, seconds: float | None) -> None:
        """Wait for so long, or until it rings."""
        # Not `asyncio.timeout`: on Python 3.11 it takes its own end for a cancellation behind one that was kept back.
        timer = None if seconds is None else self._loop.call_later(seconds, self._bell.set)
        try:
            await self._bell.wait()
        finally:
            self._bell.clear()
            if timer is not None:
                timer.cancel()


class Drive:
    """One flow run on its way.

    Args:
        runner: the flow run.
        driving: how it is run.
        interrupts: who asks it to stop.
        ring: wakes who waits; called in any thread.
        loop: awaits async bodies, where an event loop is running.
    """

    def __init__(
        self,
        runner: FlowRunner,
        driving: Driving,
        interrupts: Interrupts,
        ring: Callable[[], object],
        loop: Loop | None = None,
    ) -> None:
        self.flights = Flights(runner, self._interrupted, ring, driving.grace, steady)
        self._runner = runner
        self._driving = driving
        self._interrupts = interrupts
        self._loop = loop
        self._threads: ThreadExecutor | None = None  # for those that have a time limit, where there is no executor
        self._failing = Failing(runner.watch) if driving.fail_fast else None
        if self._failing is not None:
            runner.watch = self._failing

    def steps(self) -> Generator[float | None, None, State]:
        """Carry out commands; yield where there is nothing to do, and for how many seconds: None for no known time."""
        runner, flights, interrupts, loop = self._runner, self.flights, self._interrupts, self._loop
        here, slots, under_way = self._driving.executor is None, self._slots(), flights.under_way
        failing = self._failing
        now = time.time()
        while True:
            if under_way:
                now = time.time()
                flights.land(now)
                if interrupts.said:
                    self._hear()
                if len(flights.open) >= slots and not interrupts.pending:
                    yield flights.wait(None, now)
                    continue
            if interrupts.pending or (failing is not None and failing.seen):
                self._stop(now)
                continue
            command = runner.next(now)
            if failing is not None and failing.seen and not isinstance(command, Done):
                runner.take_back(command)  # a gate has failed meanwhile
            elif isinstance(command, Call):
                node = command.runner.node
                if (here and not node.leaves) or (loop is not None and node.awaits):
                    try:
                        interrupts.allowed = True  # `let_in`, written out
                        if interrupts.pending:
                            raise KeyboardInterrupt
                        if node.logs:
                            outcome = body_of(command).begun()
                        else:
                            outcome = capture(command.function, command.arguments, command.layers)
                        interrupts.allowed = False
                    except KeyboardInterrupt as error:
                        outcome = _interrupted(interrupts, error)
                    if type(outcome.fields.get("result")) is CoroutineType:
                        begun = self._awaited(command, outcome.result, now)
                        if begun is None:
                            continue
                        outcome = begun
                    now = time.time()
                    if interrupts.pending:
                        self._stop(now)
                    runner.receive(command, outcome, now)
                    if loop is not None and flights.open:
                        yield 0.0  # others have waited for this one
                else:
                    self._hand_over(command, now)
            elif isinstance(command, Done):
                if interrupts.pending and not runner.run.is_final:
                    continue  # somebody asked to stop while the last thing was decided: what rests is cancelled too
                if runner.plan.caching:
                    _keep(runner, now)
                return command.state
            elif interrupts.said:
                self._hear()
            else:
                yield flights.wait(command.until, now)
                now = time.time()

    def _slots(self) -> float:
        workers, loop = self._driving.workers, self._loop
        if workers is not None:
            return workers
        return 1 if self._driving.executor is None and loop is None else math.inf

    def _interrupted(self, now: float) -> None:
        if self._interrupts.leaving:
            raise KeyboardInterrupt
        self._interrupts.pending = True
        self._stop(now)

    def _stop(self, now: float) -> None:
        if self._failing is not None and self._failing.seen:
            self._failing.seen, self._failing.done = False, True
            self._runner.stop(now, failing=True)
        if self._interrupts.pending:
            self._interrupts.pending = False
            self._runner.cancel(now)
        self.flights.stop()

    def _hear(self) -> None:
        """Tell the runner what people say to task runs that wait for them."""
        while self._interrupts.said:
            slug, said = self._interrupts.said.popleft()
            try:
                self._runner.say({slug: said})
            except FlowError as error:
                late({slug: said}, error)

    def _hand_over(self, call: Call, now: float) -> None:
        executor = self._driving.executor
        if executor is None:
            executor = self._threads = self._threads or ThreadExecutor(f"interlock {self._runner.plan.flow.name}")
        body = body_of(call)
        self.flights.begin(call, now, lambda: executor.submit(called, body), stops=call.runner.node.awaits)

    def _awaited(self, call: Call, work: CoroutineType[Any, Any, Any], now: float) -> Signal | None:
        """Return what an async body does; None if it goes on beside others."""
        loop, interrupts = self._loop, self._interrupts
        if loop is not None:
            self.flights.begin(call, now, lambda: loop.begin(call, work))
            return None
        node = call.runner.node
        arguments = {
            "work": work,
            "limit": None,
            "logs": node.logs,
            "layers": call.layers,
            "begun": interrupts.stops,
        }
        try:
            if interrupts.pending:
                return failure(KeyboardInterrupt())
            return capture(finished, arguments, call.layers)
        except KeyboardInterrupt as error:
            return _interrupted(interrupts, error)
        finally:
            interrupts.work = None
            work.close()  # where it has not taken its first step

    def close(self) -> None:
        """End what goes on beside the flow run; what cannot be ended is told of."""
        for flight in self.flights.open:
            if flight.under is not None:
                flight.under.cancel()
        self.flights.tell()
        if self._threads is not None:
            self._threads.shutdown()


def now() -> float:
    """Return the time, in seconds since 1970."""
    return time.time()


def steady() -> float:
    """Return the seconds on a clock that nobody sets."""
    return time.monotonic()


def carry_out(runner: FlowRunner, driving: Driving = INLINE, interrupts: Interrupts | None = None) -> State:
    """Carry out a runner's commands until its flow run rests, and return the state.

    Ctrl-C cancels the flow run: the body that is being called gets the `KeyboardInterrupt`, and nothing else starts. A
    second one, while the first is being seen to, leaves at once.
    """
    bell = threading.Event()  # not a queue: `SimpleQueue.get` may wait for ever where its timeout is very short
    with interrupts or Interrupts() as asked:
        drive = Drive(runner, driving, asked, bell.set)
        if interrupts is not None:
            interrupts.ring = bell.set
        steps = drive.steps()
        try:
            while True:
                seconds = next(steps)
                try:
                    asked.let_in()
                    if interrupts is not None or drive.flights.under_way:
                        bell.wait(LOOK if seconds is None else min(seconds, LOOK))
                        bell.clear()
                    else:
                        assert seconds is not None  # nothing is under way beside us
                        time.sleep(min(seconds, LONGEST_NAP))
                    asked.allowed = False
                except KeyboardInterrupt:
                    if asked.leaving:
                        raise
                    asked.allowed = False
                    asked.pending = True
        except StopIteration as end:
            state: State = end.value
            return state
        finally:
            drive.close()


async def carry_out_async(runner: FlowRunner, driving: Driving = INLINE, interrupts: Interrupts | None = None) -> State:
    """Carry out a runner's commands as `carry_out` does; async bodies go on beside each other, on the running loop.

    To cancel the call cancels the flow run, and raises when it has ended; to cancel it again leaves at once.
    """
    import asyncio

    loop = Loop()
    asked = interrupts or Interrupts()
    asked.ring = loop.ring
    drive = Drive(runner, driving, asked, loop.ring, loop)
    steps = drive.steps()
    cancelled = False
    try:
        while True:
            seconds = next(steps)
            try:
                if seconds == 0.0:
                    await asyncio.sleep(0)
                else:
                    longest = LOOK if asked.ours else LONGEST_NAP
                    await loop.wait(longest if seconds is None else min(seconds, longest))
            except asyncio.CancelledError:
                if cancelled or asked.leaving:
                    raise
                cancelled = asked.pending = True
    except StopIteration as end:
        if cancelled:
            raise asyncio.CancelledError from None
        state: State = end.value
        return state
    finally:
        drive.close()


def _keep(runner: FlowRunner, seconds: float) -> None:
    """Keep results for later flow runs of this process."""
    now = moment(seconds)
    caches.expire(now)
    for key, state in kept(runner.plan, runner.board.runners):
        caches.keep(key, state)


def _interrupted(interrupts: Interrupts, error: KeyboardInterrupt) -> Signal:
    """Return the outcome of a body that Ctrl-C came into."""
    if interrupts.leaving:
        raise error
    interrupts.allowed = False
    interrupts.pending = True
    return failure(error)
