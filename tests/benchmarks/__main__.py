"""The command line: `python -m tests.benchmarks [--quick] [--json FILE] [--peers-venv DIR] [--only WORD]`."""

from __future__ import annotations

import argparse
import importlib
import json
import os
import pkgutil
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from . import report
from .clock import Measure
from .environment import Environment, last_line, usual
from .report import Result

OURS = ("machines", "flows", "limits")
PACKAGE = Path(__file__).parent
"""Processes are started in the folder above it, where nothing that is installed can hide it."""

LONGEST = 300  # seconds for one process


class Pace(NamedTuple):
    """How thoroughly is measured."""

    rounds: int
    seconds: float
    """For one subject in one round."""
    slow: bool
    """Whether what is large is measured too."""


FULL = Pace(5, 0.3, slow=True)
QUICK = Pace(2, 0.04, slow=False)


class Subject(NamedTuple):
    """A measure, and the command that takes it."""

    result: Result
    command: tuple[str, ...]


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print the table, and return 0; 1 if one of our own subjects did not work at all."""
    description = "Measure Interlock and others side by side, and print a table."
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=description)
    parser.add_argument("--quick", action="store_true", help="a rougher measurement, in less than half a minute")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all that was measured to a file")
    parser.add_argument("--peers-venv", type=Path, metavar="DIR", help="where peers are, or get, installed")
    parser.add_argument("--only", metavar="WORD", default="", help="only rows and subjects with this word")
    options = parser.parse_args(arguments)
    pace = QUICK if options.quick else FULL
    environment = Environment((options.peers_venv or usual()).absolute())
    chosen = list(_subjects(pace, environment, options.only.lower()))
    facts = _facts(pace)
    began = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        for number in range(pace.rounds):
            sys.stderr.write(f"round {number + 1} of {pace.rounds}\n")
            _round(chosen, number, pace, _environ(folder))
    facts |= {"load_after": _load(), "seconds": round(time.perf_counter() - began, 1)}
    results = [subject.result for subject in chosen]
    sys.stdout.write(report.table(results) + "\n\n" + _footer(facts) + "\n")
    if options.json:
        options.json.write_text(json.dumps({"facts": facts, "rows": report.data(results)}, indent=1) + "\n")
    return int(any(result.measure.ours and not result.measured for result in results))


def _subjects(pace: Pace, environment: Environment, word: str) -> Iterator[Subject]:
    for name in (*OURS, *_peers()):
        module = importlib.import_module(f".{name}", __package__)
        measures: list[Measure] = module.MEASURES
        wanted = [
            (number, measure)
            for number, measure in enumerate(measures)
            if (pace.slow or not measure.slow) and word in f"{report.ROWS[measure.row].title} {measure.subject}".lower()
        ]
        python, why_not = sys.executable, None
        if name not in OURS and wanted:
            python, why_not = str(environment.python), environment.missing(module.REQUIRES)
        for number, measure in wanted:
            command = (python, "-m", f"{PACKAGE.name}.worker", name, str(number), str(pace.seconds))
            yield Subject(Result(measure, why_not), command)


def _peers() -> list[str]:
    return [module.name for module in pkgutil.iter_modules([str(PACKAGE)]) if module.name.startswith("peer_")]


def _round(subjects: Sequence[Subject], number: int, pace: Pace, environ: dict[str, str]) -> None:
    """Measure every subject once. Each round begins with another one, and every second goes backwards."""
    first = len(subjects) * number // pace.rounds
    order = [*subjects[first:], *subjects[:first]][:: -1 if number % 2 else 1]
    for subject in order:
        result = subject.result
        skipped = result.why_not is not None or number >= result.measure.rounds
        result.rounds.append([] if skipped else _measured(subject, environ))


def _environ(folder: str) -> dict[str, str]:
    """Return the environment of the processes: byte code is kept, as it is where a package is installed, but apart."""
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return {**kept, "PYTHONPYCACHEPREFIX": folder}


def _measured(subject: Subject, environ: dict[str, str]) -> list[float]:
    try:
        done = subprocess.run(
            subject.command,
            cwd=PACKAGE.parent,
            env=environ,
            capture_output=True,
            text=True,
            timeout=LONGEST,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        subject.result.why_not = str(error)
        return []
    if done.returncode:
        subject.result.why_not = last_line(done.stderr) or f"exit status {done.returncode}"
        return []
    found: list[float] = json.loads(last_line(done.stdout))
    return found


def _facts(pace: Pace) -> dict[str, Any]:
    """Return what one must know to read the numbers. Any: JSON."""
    return {
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "platform": platform.platform(),
        "processors": os.cpu_count(),
        "rounds": pace.rounds,
        "seconds_per_subject_and_round": pace.seconds,
        "peers": [pin for name in _peers() for pin in importlib.import_module(f".{name}", __package__).REQUIRES],
        "load_before": _load(),
    }


def _load() -> list[float] | None:
    return [round(load, 2) for load in os.getloadavg()] if hasattr(os, "getloadavg") else None


def _footer(facts: dict[str, Any]) -> str:
    load = f"; load {facts['load_before'][0]} before, {facts['load_after'][0]} after" if facts["load_before"] else ""
    return (
        f"{facts['python']}, {facts['platform']}, {facts['processors']} processors{load}.\n"
        f"{facts['rounds']} rounds of fresh processes in {facts['seconds']} s; wall time, garbage collector on; "
        "budgets are meant for an idle machine.\n"
        f"Peers: {', '.join(facts['peers'])}. They have neither story nor counts, and no safety between threads."
    )


if __name__ == "__main__":
    sys.exit(main())
