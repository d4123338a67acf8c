"""Task runs that wait for a time."""

from __future__ import annotations

import heapq
import itertools
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from interlock._task_runner import TaskRunner


class Timers:
    """Task runs by the time when each is due; those that are due at the same time keep their order."""

    __slots__ = ("_heap", "_order", "_waiting", "held")

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, TaskRunner]] = []
        self._order = itertools.count()
        self._waiting: dict[TaskRunner, int] = {}
        self.held: dict[TaskRunner, tuple[int, float]] = {}
        """By run: the attempt whose body may still be at work, and until when that is waited for."""

    def add(self, due: float, runner: TaskRunner) -> None:
        """Let a run wait for a time, in seconds since 1970, and for no other."""
        number = self._waiting[runner] = next(self._order)
        heapq.heappush(self._heap, (due, number, runner))

    def earliest(self) -> float | None:
        """Return when the next run is due; None if nothing waits."""
        heap = self._heap
        while heap and self._waiting.get(heap[0][2]) != heap[0][1]:
            heapq.heappop(heap)  # it waits no longer, or for another time
        return heap[0][0] if heap else None

    def pop(self) -> TaskRunner:
        """Take the run that is due next: the one that `earliest` spoke of."""
        runner = heapq.heappop(self._heap)[2]
        del self._waiting[runner]
        return runner

    def holds(self, runner: TaskRunner, now: float) -> bool:
        """Return whether an old body of a run may be at work; then the run waits for it, or for a grace period."""
        _, until = self.held.get(runner, (0, now))
        if until > now:
            self.add(until, runner)
        return until > now

    def release(self, runner: TaskRunner, attempt: int, now: float) -> bool:
        """Hold a run no longer for the body of an attempt; return whether it waited, which it does no more."""
        held, until = self.held.get(runner, (attempt, now))
        if held != attempt:
            return False  # it is the body of a later one that is waited for
        self.held.pop(runner, None)
        return until > now and self._waiting.pop(runner, None) is not None

    def clear(self) -> None:
        """Let nothing wait any longer."""
        self._heap.clear()
        self._waiting.clear()
