"""What the command line shows: progress while a flow runs, and how it ended."""

from __future__ import annotations

import heapq
import json
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from interlock import states
from interlock._flow import Flow
from interlock._results import TaskStates
from interlock._tally import MOST, children, counted, counts, picked
from interlock._task_runner import TaskRunner
from interlock.states import State

SHOWN = 5  # of the slowest runs, and of failures that are told while a flow of many tasks runs
CAUSES = 3  # failures whose tracebacks are shown in the end
SLOW = 1.0  # seconds from which on a run is called slow
RARELY = 5.0  # seconds between two lines that say how far a flow of many tasks is
OFTEN = 0.1  # seconds between two updates of the progress: more can be neither read nor afforded

STYLES: Mapping[type[State], str] = {
    states.Skipped: "dim",
    states.Success: "green",
    states.Failed: "red",
    states.Cancelled: "yellow",
    states.Scheduled: "magenta",
}


class Watcher:
    """Shows how far a flow run is: a bar on a terminal; elsewhere a line for each task, or for a flow of many, counts.

    Args:
        flow: the flow.
        console: where to.
        clock: tells the seconds on a clock that nobody sets.
    """

    def __init__(self, flow: Flow, console: Console, clock: Callable[[], float] = time.monotonic) -> None:
        self.slowest: list[tuple[float, str]] = []
        """The runs that took longest, in seconds, with their names; no order."""
        self._name = flow.name
        self._console = console
        self._clock = clock
        self._tasks = len(flow)
        self._told = 0
        self._ended: Counter[str] = Counter()
        self._children = self._children_over = 0
        self._next = clock() + RARELY if self._tasks > MOST else 0.0
        self._bar: Progress | None = None
        self._line: TaskID | None = None
        if console.is_terminal:
            columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
            bar = self._bar = Progress(*columns, console=console, transient=True)
            self._line = bar.add_task(flow.name, total=self._tasks)

    def __enter__(self) -> Self:
        if self._bar is not None:
            self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    def __call__(self, runner: TaskRunner) -> None:
        """Take note of a task run that has changed its state."""
        if not runner.over:
            if runner.children is not None and isinstance(runner.state, states.Mapping):
                self._children += len(runner.children)
            return
        if runner.children is None:
            self._note_time(runner)
        if runner.index is None:
            self._ended[type(runner.state).__name__] += 1
            if self._bar is None and (self._tasks <= MOST or (runner.state.is_failed() and self._told < SHOWN)):
                self._told += 1
                self._say(f"{runner.name}: {_said(runner.state)}")
        else:
            self._children_over += 1
        if (now := self._clock()) >= self._next and (self._bar is not None or self._tasks > MOST):
            self._refresh(now)

    def _note_time(self, runner: TaskRunner) -> None:
        took = runner.took()
        if len(self.slowest) < SHOWN:
            heapq.heappush(self.slowest, (took, runner.name))
        elif took > self.slowest[0][0]:
            heapq.heapreplace(self.slowest, (took, runner.name))

    def _refresh(self, now: float) -> None:
        over = self._ended.total()
        if self._bar is not None and self._line is not None:
            total = self._tasks + max(self._children, self._children_over)
            self._bar.update(self._line, completed=over + self._children_over, total=total, refresh=True)
            self._next = now + OFTEN
        else:
            self._say(f"{self._name}: {over:,} of {self._tasks:,} tasks are over: {counted(self._ended)}")
            self._next = now + RARELY

    def _say(self, line: str) -> None:
        self._console.print(Text(line), soft_wrap=True)


def summary(flow: Flow, state: State, console: Console, slowest: Iterable[tuple[float, str]] = ()) -> None:
    """Print a table of tasks and states, what took longest, and why the flow failed: what one screen can hold."""
    result = state.result
    if isinstance(result, TaskStates) and len(result):
        _table(flow, result, console)
    slow = [f"{name} {took:,.1f} s" for took, name in sorted(slowest, reverse=True) if took >= SLOW]
    if slow:
        console.print(Text(f"slowest: {', '.join(slow)}"), soft_wrap=True)
    console.print(Text.assemble(f"{flow.name}: ", _named(state), f": {state.message}" if state.message else ""))
    if state.is_failed() and isinstance(result, TaskStates):
        for line in _why(flow, result):
            console.print(line, soft_wrap=True)


def _table(flow: Flow, result: TaskStates, console: Console) -> None:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("task", "state", "message"):
        table.add_column(column, overflow="fold")
    shown, rest = picked((slug, result[slug]) for slug in flow.slugs.values())
    for slug, ended in shown:
        table.add_row(Text(slug), _named(ended), Text(counts(ended) or ended.message or ""))
    if rest:
        table.add_row(Text(f"{rest.total():,} more"), Text(""), Text(counted(rest)))
    console.print(table)


def as_json(flow: Flow, state: State, saved: Path | None) -> str:
    """Return how a flow ended as one line of JSON."""
    result = state.result
    tasks = {slug: _data(result[task]) for task, slug in flow.slugs.items()} if isinstance(result, TaskStates) else {}
    kept = None if saved is None else str(saved)
    told = {"flow": flow.name, "state": type(state).__name__, "message": state.message, "saved": kept, "tasks": tasks}
    return json.dumps(told)


def _data(state: State) -> dict[str, object]:
    data: dict[str, object] = {"state": type(state).__name__, "message": state.message}
    found = children(state)
    if found is not None:
        data["children"] = dict(Counter(type(child).__name__ for child in found))
    return data


def _named(state: State) -> Text:
    style = next((style for kind, style in STYLES.items() if isinstance(state, kind)), "")
    return Text(type(state).__name__, style=style)


def _said(state: State) -> str:
    said = counts(state) or state.message
    return f"{type(state).__name__}: {said}" if said else type(state).__name__


def _failures(flow: Flow, result: TaskStates) -> Iterator[tuple[str, State]]:
    for task in flow.tasks:
        ended = result[task]
        found = children(ended)
        named = [(f"{task.name}[{i}]", child) for i, child in enumerate(found)] if found else [(task.name, ended)]
        yield from ((name, state) for name, state in named if state.is_failed())


def _why(flow: Flow, result: TaskStates) -> Iterator[Text]:
    """Yield the first failures that are not just the echo of another, each with its own traceback."""
    failures = list(_failures(flow, result))
    causes = [failure for failure in failures if not isinstance(failure[1], states.TriggerFailed)] or failures
    for name, state in causes[:CAUSES]:
        yield Text(f"{name}: {_said(state)}")
        if isinstance(state.result, BaseException):
            yield Text("".join(traceback.format_exception(state.result)).rstrip())
    if len(causes) > CAUSES:
        yield Text(f"{len(causes) - CAUSES:,} more failed")
