"""One task run: where it is, and what is known of it beside that."""

from __future__ import annotations

import copy
from datetime import datetime
from typing import TYPE_CHECKING

import attrs

from interlock._data import PLAIN, Data, Record
from interlock._run import Run
from interlock._task_payload import FRESH, moment
from interlock.states import Mapping, Scheduled, State

if TYPE_CHECKING:
    from interlock._plan import Node
    from interlock._task_runner import TaskRunner


class TaskRun:
    """One task run: its life, its payload, and the data of it that is no state; see `TaskRunner`."""

    __slots__ = (
        "called",
        "children",
        "data",
        "index",
        "left",
        "missing",
        "node",
        "over",
        "run",
        "state",
    )

    def __init__(self, node: Node, run: Run, index: int | None = None) -> None:
        self.node = node
        self.run = run
        self.index = index
        """The number of the child, from 0, where this is one."""
        self.state: State = FRESH
        """The payload of the present state."""
        self.over = False
        """Whether the state is final."""
        self.called = 0
        """The attempt whose body was called last."""
        self.data = PLAIN
        """To be read; what is to be changed is `own()`."""
        self.children: list[TaskRunner] | None = None
        self.left = 0
        """Children that are not over."""
        self.missing = 0
        """Upstream children that a child waits for."""

    @property
    def name(self) -> str:
        """The task's name, with the number of the child."""
        return self.node.task.name if self.index is None else f"{self.node.task.name}[{self.index}]"

    @property
    def attempt(self) -> int:
        """The number of the attempt that is open, or of the last one."""
        return self.run.attempt

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {self.name}: {self.state!r}>"

    def own(self) -> Data:
        """Return the run's own data, made when there is first something to say."""
        if self.data is PLAIN:
            self.data = Data()
        return self.data

    def began(self) -> datetime:
        """Return when the last step was taken: while the body is called, that is the start of the attempt."""
        return moment(self.at())

    def at(self) -> float:
        """Return the same in seconds since 1970."""
        return self.run._times[-1] or 0.0 if self.run._times else 0.0

    def took(self) -> float:
        """Return the seconds from the first step of the run to the last."""
        times = self.run._times
        return 0.0 if not times or len(times) < 3 else (times[-1] or 0.0) - (times[1] or 0.0)

    def due(self) -> float | None:
        """Return the time that the run waits for, in seconds since 1970; None if it waits for none."""
        state = self.state
        return state.start_time.timestamp() if isinstance(state, Scheduled) and state.start_time is not None else None

    def shown(self) -> State:
        """Return the state as a flow's result shows it: with the children's, where they are the work."""
        if self.children is None or not isinstance(self.state, Mapping):
            return self.state
        return Mapping(self.state.message, None, tuple(child.state for child in self.children))

    def restore(self, record: Record) -> None:
        """Go on from where a run rested; its life goes on already."""
        self.state, self.called = record.state, record.called
        self.data = record.data if record.data is PLAIN else copy.copy(record.data)
        self.over = self.run.is_final

    def record(self) -> Record:
        """Return what it takes to go on from here later."""
        children = None if self.children is None else [child.record() for child in self.children]
        # What was found and named is so again in the next pass.
        data = PLAIN if self.data is PLAIN else attrs.evolve(self.data, found=None, run_name=None)
        return Record(self.state, copy.copy(self.run), self.called, data, children)
