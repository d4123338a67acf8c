"""What may look on while a flow runs."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from interlock._flow_runner import FlowRunner
    from interlock._task_runner import TaskRunner


class Watch(Protocol):
    """Looks on. It is told of every change, in the thread of the driver: what is slow here makes the flow slow."""

    @property
    def changed(self) -> Callable[[TaskRunner], object]:
        """Is called with a task run that has changed its state, and is not over."""
        ...

    @property
    def ended(self) -> Callable[[TaskRunner], object]:
        """Is called once with each task run that is over."""
        ...

    def begins(self, runner: FlowRunner) -> None:
        """Take note of the flow run, before anything has happened to it."""


def look_back(watch: Watch | None, runners: Iterable[TaskRunner]) -> None:
    """Tell of the runs that were put back where they rested."""
    if watch is None:
        return
    for runner in runners:
        (watch.ended if runner.over else watch.changed)(runner)
