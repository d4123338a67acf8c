"""Limits on how many task runs with a tag may be under way at once."""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from interlock._task_runner import TaskRunner


class Places:
    """The places that runs with certain tags need one of, for as long as their bodies are under way.

    Args:
        limits: by tag: how many there are.
        ready: where runs go that waited and may ask again.
    """

    def __init__(self, limits: Mapping[str, int], ready: deque[TaskRunner]) -> None:
        self._limits = dict(limits)
        self._ready = ready
        self._taken: Counter[str] = Counter()
        self._held: dict[TaskRunner, list[str]] = {}
        self._waiting: defaultdict[str, deque[TaskRunner]] = defaultdict(deque)  # each run for one tag at a time

    def take(self, runner: TaskRunner) -> bool:
        """Take a place for each of a run's tags; where one has none left, let the run wait, and return False."""
        wanted = [tag for tag in runner.node.task.tags if tag in self._limits]
        full = next((tag for tag in wanted if self._taken[tag] >= self._limits[tag]), None)
        if full is not None:
            self._waiting[full].append(runner)
            self._wake(tag for tag in wanted if self._taken[tag] < self._limits[tag])  # it needs both: others go first
            return False
        if wanted:
            self._taken.update(wanted)
            self._held[runner] = wanted
        return True

    def full(self, tag: str) -> bool:
        """Return whether a tag has no place left."""
        return tag in self._limits and self._taken[tag] >= self._limits[tag]

    def leave(self, runner: TaskRunner) -> None:
        """Give a run's places back, if it has any; who waited for one of them may ask again."""
        left = self._held.pop(runner, ())
        self._taken.subtract(left)
        self._wake(left)

    def _wake(self, tags: Iterable[str]) -> None:
        for tag in tags:
            if self._waiting[tag]:
                self._ready.appendleft(self._waiting[tag].popleft())
