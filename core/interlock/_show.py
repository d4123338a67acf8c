"""What the command line shows: progress while a flow runs, and how it ended."""

from __future__ import annotations

import json
import time
import traceback
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
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
from interlock._task_runner import TaskRunner
from interlock.states import State

OFTEN = 0.1  # seconds between two updates of the progress: more can be neither read nor afforded

STYLES: Mapping[type[State], str] = {
    states.Skipped: "dim",
    states.Success: "green",
    states.Failed: "red",
    states.Cancelled: "yellow",
    states.Scheduled: "magenta",
}


class Watcher:
    """Shows how far a flow run is: a bar on a terminal, a line for each task elsewhere."""

    def __init__(self, flow: Flow, console: Console) -> None:
        self._console = console
        self._tasks = len(flow)
        self._over = 0
        self._children = self._children_over = 0
        self._next = 0.0
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
        if runner.index is None:
            self._over += runner.over
            self._children += len(runner.children or ()) if isinstance(runner.state, states.Mapping) else 0
            if runner.over and self._bar is None:
                self._console.print(Text(f"{runner.name}: {_said(runner.state)}"), soft_wrap=True)
        else:
            self._children_over += runner.over
        if self._bar is not None and self._line is not None and (now := time.monotonic()) >= self._next:
            self._next = now + OFTEN
            self._bar.update(self._line, completed=self._over + self._children_over, total=self._total(), refresh=True)

    def _total(self) -> int:
        return self._tasks + max(self._children, self._children_over)


def summary(flow: Flow, state: State, console: Console) -> None:
    """Print a table of tasks and states, and why the flow failed."""
    result = state.result
    if isinstance(result, TaskStates) and len(result):
        table = Table(box=None, pad_edge=False, header_style="bold")
        table.add_column("task", overflow="fold")
        table.add_column("state", overflow="fold")
        table.add_column("message", overflow="fold")
        for task, slug in flow.slugs.items():
            ended = result[task]
            table.add_row(Text(slug), _named(ended), Text(_counts(ended) or ended.message or ""))
        console.print(table)
    console.print(Text.assemble(f"{flow.name}: ", _named(state), f": {state.message}" if state.message else ""))
    if state.is_failed() and isinstance(result, TaskStates):
        for line in _why(flow, result):
            console.print(line, soft_wrap=True)


def as_json(flow: Flow, state: State, saved: Path | None) -> str:
    """Return how a flow ended as one line of JSON."""
    result = state.result
    tasks = {slug: _data(result[task]) for task, slug in flow.slugs.items()} if isinstance(result, TaskStates) else {}
    kept = None if saved is None else str(saved)
    told = {"flow": flow.name, "state": type(state).__name__, "message": state.message, "saved": kept, "tasks": tasks}
    return json.dumps(told)


def _data(state: State) -> dict[str, object]:
    data: dict[str, object] = {"state": type(state).__name__, "message": state.message}
    children = _children(state)
    if children is not None:
        data["children"] = dict(Counter(type(child).__name__ for child in children))
    return data


def _children(state: State) -> Sequence[State] | None:
    return state.map_states if isinstance(state, states.Mapped | states.Mapping) else None


def _counts(state: State) -> str:
    counts = Counter(type(child).__name__ for child in _children(state) or ())
    return ", ".join(f"{count} {name}" for name, count in counts.most_common())


def _named(state: State) -> Text:
    style = next((style for kind, style in STYLES.items() if isinstance(state, kind)), "")
    return Text(type(state).__name__, style=style)


def _said(state: State) -> str:
    said = _counts(state) or state.message
    return f"{type(state).__name__}: {said}" if said else type(state).__name__


def _failures(flow: Flow, result: TaskStates) -> Iterator[tuple[str, State]]:
    for task in flow.tasks:
        ended = result[task]
        children = _children(ended)
        named = [(f"{task.name}[{i}]", child) for i, child in enumerate(children)] if children else [(task.name, ended)]
        yield from ((name, state) for name, state in named if state.is_failed())


def _why(flow: Flow, result: TaskStates) -> Iterator[Text]:
    """Yield the first failure that is not just the echo of another, and its own traceback."""
    failures = list(_failures(flow, result))
    causes = [failure for failure in failures if not isinstance(failure[1], states.TriggerFailed)] or failures
    if not causes:
        return
    name, state = causes[0]
    others = len(causes) - 1
    more = f" ({others} more failed)" if others else ""
    yield Text(f"{name}: {_said(state)}{more}")
    if isinstance(state.result, BaseException):
        yield Text("".join(traceback.format_exception(state.result)).rstrip())
