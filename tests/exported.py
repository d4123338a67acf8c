"""What the tests of the exports share: the tables, their edges, and one life of a machine in our own words."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

import hypothesis.strategies as st
import pytest
import strategies
from hypothesis import HealthCheck, given, settings
from parcel import PARCEL

from interlock import Machine, Run

JS = Path(__file__).parent / "js"
QUARANTINE: dict[str, Any] = {  # Any: what a TOML file may hold
    "states": {"Quarantined": {"is": "Scheduled", "means": "waits until it was looked at"}},
    "signals": {
        "SUSPECT": {"raised_by": "plugin", "means": "it may do harm"},
        "CLEAR": {"raised_by": "person", "means": "it does no harm"},
    },
    "limits": {"suspicions": {"default": 2, "means": "how often it is looked at"}},
    "guards": {
        "trusted": {"when": "?", "default": False, "means": "whoever wrote it is known"},
        "suspicious": {"when": "taken(SUSPECT) < suspicions and not trusted", "means": "it is looked at once more"},
    },
    "from": {
        "Running": {"SUSPECT": ["Quarantined if suspicious", "Failed"]},
        "Quarantined": {"CLEAR": "Scheduled", "CANCEL": "Cancelled", "BROKEN": "Failed"},
    },
}
NAMED = [
    Machine.load("task-run"),
    Machine.load("flow-run"),
    Machine.load("task-run").extend(QUARANTINE, "quarantine"),
    Machine.from_toml(PARCEL),
]
IDS = ["task-run", "flow-run", "extended", "parcel"]

QUIET = settings(
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    max_examples=25,
)
UNKNOWN = "UNHEARD"
"""An event that no table has."""
Edge = tuple[str, str, str | None, str]
"""A state, a signal, the guard that is asked if any, and the state that follows."""


def edges(machine: Machine) -> list[Edge]:
    """Return the edges of a table in order, those of carried states last of their signal."""
    return [
        edge
        for state, row in machine.rows.items()
        for signal, cell in row.items()
        for edge in [
            *((state, signal, one.guard, one.target) for one in cell.choices if one.target in machine.rows),
            *((state, signal, None, carried) for carried in cell.carries),
        ]
    ]


def agreed(found: Sequence[Edge], machine: Machine) -> None:
    """See that edges are those of a table, the choices of a state and signal in its order."""
    told = edges(machine)
    assert sorted(found, key=repr) == sorted(told, key=repr)
    for pair in {edge[:2] for edge in told if machine.rows[edge[0]][edge[1]].choices}:
        assert [edge for edge in found if edge[:2] == pair] == [edge for edge in told if edge[:2] == pair]


def signal_of(machine: Machine, event: str, target: str) -> str:
    """Return the signal of a flat machine's event, which may be that of a carried state."""
    if event in machine.signals and not machine.signals[event].seals:
        return event
    signal = event.rstrip("_").removesuffix(f"_{target}")
    assert event.rstrip("_") == f"{signal}_{target}"
    assert machine.signals[signal].seals
    return signal


class Life(NamedTuple):
    """What a machine is sent, and where our own run of it is after each signal."""

    machine: Machine
    limits: dict[str, float]
    events: list[str]
    answers: list[dict[str, bool]]
    """Of the opaque guards, for each event."""
    trace: list[tuple[str, dict[str, int], bool]]
    """The state, the counts, and whether the run is sealed."""


@st.composite
def lives(draw: st.DrawFn, table: Mapping[str, Any], machine: Machine) -> Life:
    """Return a life under drawn limits; behind a seal it goes on, in vain. Any: what a TOML file may hold."""
    limits = draw(strategies.limits(table))
    now: dict[str, bool] = {}

    def guard(name: str) -> Callable[[object, object], bool]:
        return lambda run, signal: now[name]

    run = Run(machine, limits, {name: guard(name) for name in strategies.opaque(table)})
    found = Life(machine, limits, [], [], [])
    for signal, carried in draw(strategies.signals(machine, limits)):
        now = draw(strategies.answers(table))
        event = signal if carried is None or not machine.signals[signal].seals else f"{signal}_{carried}"
        if draw(st.integers(0, 15)) == 0:
            event = UNKNOWN
        else:
            strategies.took(run, signal, carried)
        found.events.append(event)
        found.answers.append(now)
        found.trace.append((run.state, dict(run.counts), run.closed and not run.is_final))
    return found


@cache
def drawn() -> list[Life]:
    """Return lives of 150 drawn tables, always the same; drawing them takes longer than most that is done with them."""
    found: list[Life] = []

    @settings(QUIET, max_examples=150)
    @given(data=st.data())
    def draw(data: st.DataObject) -> None:
        table = data.draw(strategies.mappings())
        found.append(data.draw(lives(table, Machine.from_mapping(table))))

    draw()
    return found


def named_lives(machine: Machine) -> st.SearchStrategy[Life]:
    """Return lives of one machine."""
    return lives(machine._table.source, machine)


def needed(program: str, why: str) -> str:
    """Return where a program is; in CI a missing one is a failure, elsewhere its tests are skipped."""
    found = shutil.which(program)
    if found is None:
        missing(f"the program {program} is not installed: {why}")
    return str(found)


def missing(what: str) -> NoReturn:
    """Fail in CI, skip elsewhere."""
    if os.environ.get("CI"):
        pytest.fail(what)
    pytest.skip(what)


class Program:
    """A program of `tests/js` under way: it answers each line of JSON with one."""

    def __init__(self, script: str, package: str) -> None:
        node = needed("node", f"it runs {package}")
        if not (JS / "node_modules" / package).is_dir():
            missing(f"{package} is not installed: run npm ci in tests/js")
        self.process = subprocess.Popen(
            [node, str(JS / script)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "NODE_ENV": "production"},  # else XState warns of each event behind the end
            text=True,
            encoding="utf-8",
        )

    def told(self, question: object) -> Any:
        """Return the answer. Any: what JSON may hold."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps(question) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        assert line, "the program has stopped"
        return json.loads(line)

    def close(self) -> None:
        self.process.communicate()
        assert self.process.returncode == 0


class XState(Program):
    """A process that runs life cycles in XState."""

    def __init__(self) -> None:
        super().__init__("driver.mjs", "xstate")

    def lived(self, config: object, life: Life) -> list[list[Any]]:
        """Return the state, the counts and the seal after each event. Any: what JSON may hold."""
        found: list[list[Any]] = self.told({"config": config, "events": life.events, "answers": life.answers})
        return found


def running() -> Iterator[XState]:
    """Yield the process, and end it."""
    process = XState()
    yield process
    process.close()
