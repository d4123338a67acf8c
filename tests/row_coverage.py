"""Which rows of the two shipped tables the tests take through `flow.run`: recorded while they run, judged at the end.

A row that is never taken fails the suite, unless `rows.toml` gives the reason; so does an entry there of a row that is
taken after all. A run of some of the tests does not judge.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from interlock import Machine
from interlock._flow_runner import FlowRunner
from interlock._rows import Row
from interlock.states import State

LISTED = Path(__file__).parent / "rows.toml"
MACHINES = {name: Machine.load(name) for name in ("task-run", "flow-run")}

Place = tuple[str, str, str, str]
"""A life cycle, a state, a signal, and the state behind it."""


class Recorder:
    """Takes note of the rows that flow runs take."""

    def __init__(self) -> None:
        self._rows: dict[str, set[object]] = {name: set() for name in MACHINES}

    def around(self, driven: Callable[..., State]) -> Callable[..., State]:
        """Return `driven`, by which `flow.run` and `flow.resume` go: what tests drive themselves is not recorded."""

        def recorded(runner: FlowRunner, *how: object) -> State:
            try:
                return driven(runner, *how)
            finally:
                self.note(runner)

        return recorded

    def note(self, runner: FlowRunner) -> None:
        """Take note of the rows of a flow run and its task runs. It calls no function for each: tests count calls."""
        tasks, flows = self._rows["task-run"], self._rows["flow-run"]
        if runner.run.machine == MACHINES["flow-run"]:
            flows.update(runner.run._rows)
        if runner._machine != MACHINES["task-run"]:
            return
        for each in runner.board.runners:
            if each is not None:
                tasks.update(each.run._rows)
                for child in each.children or ():
                    tasks.update(child.run._rows)

    def taken(self) -> set[Place]:
        """Return the rows that were taken."""
        found = ((name, row) for name, rows in self._rows.items() for row in rows if isinstance(row, Row))
        return {(name, row.before, row.signal, row.after) for name, row in found}


def every() -> set[Place]:
    """Return all rows of both tables."""
    cells = [
        (name, cell) for name, machine in MACHINES.items() for row in machine.rows.values() for cell in row.values()
    ]
    return {(name, cell.state, cell.signal, target) for name, cell in cells for target in cell.targets}


def listed(data: Mapping[str, Any]) -> tuple[set[Place], list[str]]:
    """Return the rows of a list, and what is wrong with the list. Any: TOML."""
    found: set[Place] = set()
    wrong = []
    for entry in data["never"]:
        if not entry.get("because"):
            wrong.append(f"rows.toml: {entry} gives no reason")
        for arrow in entry["rows"]:
            before, signal, after = arrow.split()
            found.add((entry["of"], before, signal.strip("->"), after))
    wrong += [f"rows.toml: {told(row)} is no row of the table" for row in sorted(found - every())]
    return found, wrong


def told(row: Place) -> str:
    """Return a row as text."""
    return f"{row[0]}: {row[1]} -{row[2]}-> {row[3]}"


def judged(taken: Iterable[Place], data: Mapping[str, Any]) -> list[str]:
    """Return what is wrong: rows that nobody took, and entries of the list that somebody did. Any: TOML."""
    seen = set(taken)
    expected, wrong = listed(data)
    wrong += [
        f"{told(row)}: no test takes it through flow.run, and rows.toml does not say why"
        for row in sorted(every() - seen - expected)
    ]
    wrong += [f"{told(row)}: it is taken after all; take it from rows.toml" for row in sorted(seen & expected)]
    return wrong


def whole(arguments: Iterable[str], root: Path, keyword: str, marker: str, left_out: int) -> bool:
    """Return whether a run of pytest was of the whole suite, by what it was told."""
    places = [(root / argument).resolve() for argument in arguments]
    everything = all(place in (root.resolve(), (root / "tests").resolve()) for place in places)
    return everything and not keyword and not marker and not left_out


def read() -> dict[str, Any]:
    """Return the list. Any: TOML."""
    return tomllib.loads(LISTED.read_text(encoding="utf-8"))
