"""Which subjects are measured, where, and how: in rounds of fresh processes, in which they take turns."""

from __future__ import annotations

import importlib
import json
import os
import pkgutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from . import report
from .clock import Level, Measure
from .environment import Environment, last_line
from .processes import finished
from .report import Result
from .worker import MARK

OURS = ("machines", "flows", "growth", "limits")
PACKAGE = Path(__file__).parent
"""Processes are started in the folder above it, where nothing that is installed can hide it."""


class Pace(NamedTuple):
    """What is measured, and how thoroughly."""

    levels: tuple[Level, ...]
    rounds: int
    seconds: float
    """For one subject in one round."""
    longest: float
    """So many seconds may one process take."""


QUICK = Pace((Level.QUICK,), 2, 0.04, 300)
FULL = Pace((Level.QUICK, Level.SLOW), 5, 0.3, 300)
LARGE = Pace((Level.LARGE,), 1, 2.0, 3600)


class Peer(NamedTuple):
    """A peer that is to be measured."""

    name: str
    python: str
    """The interpreter, with which it is run."""
    requires: tuple[str, ...]
    version: str | None
    """That of its Python, or None if it cannot be had."""
    why_not: str | None


class Subject(NamedTuple):
    """A measure, and the command that takes it."""

    result: Result
    command: tuple[str, ...]


def peer_names() -> list[str]:
    """Return the modules that measure a peer."""
    return [module.name for module in pkgutil.iter_modules([str(PACKAGE)]) if module.name.startswith("peer_")]


def wanted(name: str, pace: Pace, word: str) -> list[tuple[int, Measure]]:
    """Return the measures of a module that are asked for, with their numbers."""
    measures: list[Measure] = importlib.import_module(f".{name}", __package__).MEASURES
    return [
        (number, measure)
        for number, measure in enumerate(measures)
        if measure.level in pace.levels and word in f"{report.ROWS[measure.row].title} {measure.subject}".lower()
    ]


def peers(pace: Pace, word: str, folder: Path) -> Iterator[Peer]:
    """Yield the peers of which something is asked for, each installed in an environment of its own, if it can be."""
    for name in peer_names():
        if wanted(name, pace, word):
            module = importlib.import_module(f".{name}", __package__)
            environment = Environment(folder / name.removeprefix("peer_"), getattr(module, "PYTHONS", ()))
            why_not = environment.missing(module.REQUIRES)
            version = environment.version() if why_not is None else None
            yield Peer(name, str(environment.python), module.REQUIRES, version, why_not)


def subjects(pace: Pace, word: str, chosen: Sequence[Peer]) -> Iterator[Subject]:
    """Yield what is to be measured."""
    modules = [(name, sys.executable, None) for name in OURS]
    for name, python, why_not in (*modules, *((peer.name, peer.python, peer.why_not) for peer in chosen)):
        for number, measure in wanted(name, pace, word):
            command = (python, "-m", f"{PACKAGE.name}.worker", name, str(number), str(pace.seconds))
            yield Subject(Result(measure, why_not), command)


def round_(everything: Sequence[Subject], number: int, pace: Pace, environ: Mapping[str, str]) -> None:
    """Measure every subject once. Each round begins with another one, and every second goes backwards."""
    first = len(everything) * number // pace.rounds
    order = [*everything[first:], *everything[:first]][:: -1 if number % 2 else 1]
    for subject in order:
        result = subject.result
        skipped = result.why_not is not None or number >= result.measure.rounds
        result.rounds.append([] if skipped else _measured(subject, environ, pace.longest))


def environ(folder: str) -> dict[str, str]:
    """Return the environment of the processes: byte code is kept, as it is where a package is installed, but apart."""
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return {**kept, "PYTHONPYCACHEPREFIX": folder}


def _measured(subject: Subject, environ: Mapping[str, str], longest: float) -> list[float]:
    try:
        done = finished(subject.command, PACKAGE.parent, environ, longest)
    except OSError as error:  # that it took too long is one, too
        subject.result.why_not = str(error)
        return []
    if done.status:
        subject.result.why_not = last_line(done.errors) or f"exit status {done.status}"
        return []
    found: list[float] = json.loads(done.output.rpartition(MARK)[2].partition("\n")[0])
    return found
