"""What the command line tells programs: events as lines of JSON while a flow runs, and how it ended."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from interlock._results import TaskStates
from interlock.states import Mapped

if TYPE_CHECKING:
    from interlock._flow import Flow
    from interlock._tally import Line, News, Tally
    from interlock._task_runner import TaskRunner
    from interlock.states import State


class Events:
    """Writes a line of JSON for each task of which something has changed, and for each run that has failed.

    Args:
        file: where to.
    """

    def __init__(self, file: TextIO) -> None:
        self._file = file
        self._began: float | None = None

    def open(self) -> None:
        """Nothing to be made ready."""

    def show(self, tally: Tally, news: News, now: float, time: float) -> None:
        """Write what has happened since the last time."""
        if self._began is None:
            self._began = now
            self._write({"event": "begin", "flow": tally.name, "tasks": tally.tasks})
        seconds = round(now - self._began, 3)
        for line in news.lines:
            self._write({"event": "task", "seconds": seconds, **_progress(tally, line, now, time)})
        for runner in news.failed:
            self._write({"event": "failure", "seconds": seconds, **_failure(runner)})
        self._file.flush()

    def close(self) -> None:
        """Nothing to be put away."""

    def _write(self, event: Mapping[str, object]) -> None:
        self._file.write(json.dumps(event) + "\n")


def _progress(tally: Tally, line: Line, now: float, time: float) -> dict[str, object]:
    left = line.left(now)
    return {
        "task": line.name,
        "over": line.done,
        "total": line.total,
        "states": dict(line.counts()),
        "left": None if left is None else round(left, 1),
        "waits": tally.why(line, time) or None,
    }


def _failure(runner: TaskRunner) -> dict[str, object]:
    told = {"task": runner.node.slug, "index": runner.index, "attempt": runner.attempt}
    return {**told, "state": type(runner.state).__name__, "message": runner.state.message}


def end(flow: Flow, state: State, saved: Path | None) -> str:
    """Return how a flow ended as one line of JSON."""
    result = state.result
    tasks = {slug: _data(result, slug) for slug in flow.slugs.values()} if isinstance(result, TaskStates) else {}
    kept = None if saved is None else str(saved)
    told = {"event": "end", "flow": flow.name, "state": type(state).__name__, "message": state.message}
    return json.dumps({**told, "saved": kept, "tasks": tasks})


def _data(result: TaskStates, slug: str) -> dict[str, object]:
    state, children = result[slug], result.children(slug)
    data: dict[str, object] = {"state": type(state).__name__, "message": state.message}
    if children or isinstance(state, Mapped):
        data["children"] = dict(Counter(type(child).__name__ for child in children))
    return data
