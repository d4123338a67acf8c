"""Bodies under way elsewhere: begun, ended, given up when their time is over, left behind.

A body that is given up may go on, for nothing can stop a thread where it stands. The run goes on without it; what it
still does counts for nothing, and no further attempt of the run starts while it is at work, for a grace period at most.
"""

from __future__ import annotations

import heapq
import itertools
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

from interlock._bodies import Sent, out_of_time
from interlock._capture import failure, text_of
from interlock._commands import Call, Look, Store
from interlock.signals import FAIL, LOST, Signal
from interlock.states import Cancelling

if TYPE_CHECKING:
    from interlock._flow_runner import FlowRunner


class Under(Protocol):
    """What tells of a call under way: a future of `concurrent.futures`, or a task of `asyncio`. Any: as there."""

    def add_done_callback(self, tell: Callable[[Any], object], /) -> object: ...
    def cancel(self) -> bool: ...
    def cancelled(self) -> bool: ...
    def exception(self) -> BaseException | None: ...
    def result(self) -> Any: ...


class Flight:
    """One call under way."""

    __slots__ = ("call", "due", "stopped", "under")

    def __init__(self, call: Call) -> None:
        self.call = call
        self.due: float | None = None
        """When it is given up."""
        self.stopped = False
        """Whether it was asked to stop."""
        self.under: Under | None = None


class Flights:
    """The calls of one flow run that are under way elsewhere.

    Args:
        runner: the flow run.
        stop: stops the flow run, at a time: for a body that speaks to the whole program.
        ring: wakes who waits for an end; called in any thread.
        grace: for how many seconds a body that is out of time, or was cancelled, is waited for.
        clock: tells the seconds on a clock that nobody sets, for what lasts; called in any thread.
    """

    def __init__(
        self,
        runner: FlowRunner,
        stop: Callable[[float], None],
        ring: Callable[[], object],
        grace: float,
        clock: Callable[[], float],
    ) -> None:
        self.under_way: dict[Flight, None] = {}
        """All that may be at work, in their order."""
        self.open: set[Flight] = set()
        """Those that are waited for; the others were given up."""
        self._ended: deque[tuple[Flight, Under, float]] = deque()
        self._due: list[tuple[float, int, Flight]] = []
        self._order = itertools.count()
        self._runner = runner
        self._stop = stop
        self._ring = ring
        self._grace = grace
        self._clock = clock

    def begin(self, call: Call, now: float, hand_over: Callable[[], Under], stops: bool = False) -> None:
        """Hand a call over. `stops`: whether the body stops itself when its time is over, so that it is waited for."""
        flight = Flight(call)
        self.under_way[flight] = None
        self.open.add(flight)
        if call.runner.node.limit is not None and not isinstance(call, Look | Store):
            self._give(flight, call.runner.node.limit + (self._grace if stops else 0.0))
        if isinstance(call.runner.state, Cancelling):  # the result of what was stopped is stored: that is to end, too
            flight.stopped = True
            self._give(flight, self._grace)
        try:
            flight.under = hand_over()
            flight.under.add_done_callback(partial(self._has_ended, flight))
        except Exception as error:  # noqa: BLE001  # an executor may fail in any way; the call is lost
            self.open.remove(flight)
            self.under_way.pop(flight, None)
            self._runner.receive(call, LOST._of(text_of(error), result=error), now)

    def _has_ended(self, flight: Flight, under: Under) -> None:
        self._ended.append((flight, under, self._clock()))
        self._ring()

    def _give(self, flight: Flight, seconds: float) -> None:
        until = self._clock() + seconds
        if flight.due is not None and flight.due < until:
            return
        flight.due = until
        heapq.heappush(self._due, (until, next(self._order), flight))

    def land(self, now: float) -> None:
        """Take what has ended, and give up what is out of time."""
        while self._ended:
            flight, under, at = self._ended.popleft()
            if self.under_way.pop(flight, flight) is flight:
                continue  # it has told of its end before
            signal = self._said(under, now)
            if flight in self.open:
                self.open.remove(flight)
                limit = flight.call.runner.node.limit
                if flight.due is not None and at > flight.due and limit is not None and not flight.stopped:
                    signal = out_of_time(limit)  # it held up whoever would have given it up
                self._runner.receive(flight.call, signal, now)
            else:
                self._runner.late(flight.call, signal, now)
        while self._due and self._due[0][0] <= self._clock():
            due, _, flight = heapq.heappop(self._due)
            if flight in self.open and flight.due == due:
                self._give_up(flight, now)

    def _give_up(self, flight: Flight, now: float) -> None:
        call = flight.call
        self.open.remove(flight)
        self._runner.hold(call, now + self._grace)
        limit = call.runner.node.limit
        if limit is None or isinstance(call.runner.state, Cancelling):
            signal: Signal = LOST._of(f"The work did not end in {self._grace:g} s after it was to stop")
        else:
            signal = out_of_time(limit)
        self._runner.receive(call, signal, now)
        if flight.under is not None:
            flight.under.cancel()

    def stop(self) -> None:
        """Ask everything under way to stop; it is given up after the grace period."""
        for flight in [flight for flight in self.under_way if flight in self.open and not flight.stopped]:
            flight.stopped = True
            self._give(flight, self._grace)
            if flight.under is not None and not isinstance(flight.call, Store):  # else what was done would be lost
                flight.under.cancel()

    def wait(self, until: float | None, now: float) -> float | None:
        """Return for how many seconds there is nothing to do, unless something ends; None for as long as it takes."""
        due = self._due
        while due and (due[0][2] not in self.open or due[0][2].due != due[0][0]):
            heapq.heappop(due)  # it has ended, or is due at another time
        seconds = None if until is None else until - now
        if due:
            left = due[0][0] - self._clock()
            seconds = left if seconds is None else min(seconds, left)
        return None if seconds is None else max(0.0, seconds)

    def _said(self, under: Under, now: float) -> Signal:
        try:
            if under.cancelled():
                return FAIL._of("The work was cancelled before it began")
            error = under.exception()
            value = under.result() if error is None else error
        except Exception as failed:  # noqa: BLE001  # it is somebody else's future
            return LOST._of(text_of(failed), result=failed)
        if isinstance(value, Sent):
            value = value.unpacked()
        if isinstance(value, Signal) and error is None:
            return value
        if isinstance(value, KeyboardInterrupt):
            self._stop(now)
            return failure(value)
        if error is None:
            return LOST._of(f"The executor returned {value!r} in the place of what the call did")
        return LOST._of(text_of(error), result=error)

    def tell(self) -> None:
        """Warn of those that are still at work when the flow run is over."""
        import logging

        ended = {flight for flight, _, _ in list(self._ended)}
        for flight in self.under_way:
            if flight not in ended and flight not in self.open:
                log = logging.getLogger(f"interlock.task.{flight.call.runner.node.task.name}")
                log.warning("%s: its work goes on, though nobody waits for it any more", flight.call.runner.name)
