"""The benchmarks, as far as they can be held without a clock and a network: who is measured, what is told and drawn."""

from __future__ import annotations

import ast
import importlib
import importlib.util
import json
import os
import select
import subprocess
import sys
import xml.etree.ElementTree
from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from benchmarks import chart, environment, peer_prefect1, report
from benchmarks.__main__ import main
from benchmarks.clock import Level, Measure, grown, proved
from benchmarks.environment import Environment, interpreter
from benchmarks.processes import Done, finished
from benchmarks.subjects import FULL, LARGE, OURS, PACKAGE, QUICK, Pace, peer_names

ROOT = Path(__file__).parent.parent
RESULTS = PACKAGE / "results"
NAMES = (*OURS, *peer_names())
posix = pytest.mark.skipif(sys.platform == "win32", reason="interpreters and processes are found otherwise on Windows")


def measures(name: str) -> list[Measure]:
    found: list[Measure] = importlib.import_module(f"benchmarks.{name}").MEASURES
    return found


def read(name: str) -> Any:
    return json.loads((RESULTS / name).read_text(encoding="utf-8"))


# Who is measured


@pytest.mark.parametrize("name", NAMES)
def test_every_measure_has_a_row(name: str) -> None:
    """A measure stands in a row that there is, and no two subjects of a row have one name."""
    assert all(measure.row in report.ROWS for measure in measures(name))
    assert len({(measure.row, measure.subject) for measure in measures(name)}) == len(measures(name))


def test_only_peers_are_not_ours() -> None:
    """Interlock is told from the others by its name, and by the mark that colours its bars."""
    assert all(measure.ours == measure.subject.startswith("Interlock") for name in NAMES for measure in measures(name))


@pytest.mark.parametrize("name", peer_names())
def test_peers_are_pinned(name: str) -> None:
    """What pip installs for a peer is the same each time."""
    requires = importlib.import_module(f"benchmarks.{name}").REQUIRES
    assert requires
    assert all(pin.count("==") == 1 for pin in requires)


def test_paces() -> None:
    """A quick run is a part of a full one; what is large is measured alone."""
    assert set(QUICK.levels) < set(FULL.levels)
    assert set(FULL.levels) | set(LARGE.levels) == set(Level)
    assert not set(FULL.levels) & set(LARGE.levels)


@pytest.mark.parametrize("name", ["__init__", "clock", "worker", "peer_prefect1"])
def test_what_an_old_interpreter_reads_is_old(name: str) -> None:
    """What is imported where a peer needs an old Python is written in the language of the oldest that it takes."""
    oldest = min(tuple(map(int, version.split("."))) for version in peer_prefect1.PYTHONS)
    ast.parse((PACKAGE / f"{name}.py").read_text(encoding="utf-8"), feature_version=(oldest[0], oldest[1]))


def test_wrong_work_is_not_measured() -> None:
    """What a peer did is held to be right before it is measured."""
    assert proved(lambda: 1, 1)() == 1
    with pytest.raises(AssertionError, match="2 and not 1"):
        proved(lambda: 2, 1)


@posix
def test_growth_of_the_process() -> None:
    """The height of a process is found, though what made it so high is gone."""
    assert grown(lambda: bytearray(50_000_000).count(1), 1)[0] > 20_000_000


# Peers that cannot be had


def executable(file: Path, status: int) -> str:
    """Make a program that ends with a status, whatever it is asked."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(f"#!/bin/sh\nexit {status}\n", encoding="utf-8")
    file.chmod(0o755)
    return str(file)


@pytest.fixture
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    """Return the only folder on PATH, and that in which pyenv keeps its interpreters: both empty."""
    path, pyenv = tmp_path / "path", tmp_path / "pyenv"
    monkeypatch.setenv("PATH", str(path))
    monkeypatch.setenv("PYENV_ROOT", str(pyenv))
    return path, pyenv / "versions"


@posix
def test_interpreters_of_pyenv(places: tuple[Path, Path]) -> None:
    """The newest patch counts as a number; what is no plain release does not count; stand-ins on PATH do not work."""
    path, versions = places
    executable(path / "python3.10", 127)
    for name in ("3.10.9", "3.10.14-debug", "3.10-dev", "3.1.20", "3.9.30"):
        executable(versions / name / "bin" / "python", 0)
    executable(versions / "3.10.15" / "bin" / "python", 1)  # it was built without what is needed
    newest = executable(versions / "3.10.13" / "bin" / "python", 0)
    assert interpreter(("3.10", "3.9")) == newest


@posix
def test_interpreters_on_path_come_first(places: tuple[Path, Path]) -> None:
    """PATH is asked before pyenv, and each version before the next."""
    path, versions = places
    executable(versions / "3.9.18" / "bin" / "python", 0)
    on_path = executable(path / "python3.9", 0)
    assert interpreter(("3.10", "3.9")) == on_path
    better = executable(versions / "3.10.1" / "bin" / "python", 0)
    assert interpreter(("3.10", "3.9")) == better


def test_no_interpreter(places: tuple[Path, Path]) -> None:
    """Where there is none, nothing is installed, and it is told what was looked for."""
    assert interpreter(("3.10", "3.9")) is None
    folder = places[0].parent / "environment"
    assert (
        Environment(folder, ("3.10", "3.9")).missing(["a==1"])
        == "no Python 3.10, 3.9 that works is on PATH or in pyenv"
    )
    assert not folder.exists()


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (subprocess.CalledProcessError(1, "pip", stderr="Looking\nERROR: No matching\n\n"), "ERROR: No matching"),
        (subprocess.CalledProcessError(7, "pip", stderr=""), "pip gave up: 7"),
        (subprocess.TimeoutExpired(["/somewhere/python"], 600), "pip took longer than 600 s"),
        (OSError("disk full"), "disk full"),
    ],
)
def test_what_pip_says_is_told(error: Exception, told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A peer that pip cannot install says why, in one line and without the places of this machine."""

    def fails(*_command: str) -> str:
        raise error

    monkeypatch.setattr(environment, "_run", fails)
    assert Environment(tmp_path).missing(["a==1"]) == told


def test_a_peer_that_cannot_be_had_is_a_line(
    places: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It stands in the table and in the JSON with the reason, and the run has not failed."""
    file = tmp_path / "found.json"
    assert main(["--only", "prefect 1", "--peers", str(places[0]), "--json", str(file)]) == 0
    told = "no Python 3.10, 3.9, 3.8 that works is on PATH or in pyenv"
    assert f"  Prefect 1, 50 tasks: {told}\n" in capsys.readouterr().out
    found = json.loads(file.read_text(encoding="utf-8"))
    assert {row["subject"].partition(",")[0] for row in found["rows"]} == {"Prefect 1"}
    assert all((row["why_not"], row["min"], row["times_interlock"]) == (told, None, None) for row in found["rows"])
    assert found["facts"]["peers"]["peer_prefect1"]["python"] is None


# Processes


def python(code: str, longest: float) -> Done:
    return finished([sys.executable, "-c", code], ROOT, os.environ, longest)


def test_what_a_process_tells() -> None:
    """Its status and what it wrote are known."""
    done = python("import sys; print('out'); sys.stderr.write('err'); sys.exit(3)", 60)
    assert done == (3, "out" + os.linesep, "err")


SERVER = "import sys, time; file = open(sys.argv[1], 'w'); print('there', flush=True); time.sleep(600)"
LEAVES = """
import subprocess, sys
server = subprocess.Popen([sys.executable, "-c", {server!r}, {file!r}], stdout=subprocess.PIPE)
server.stdout.readline()
"""


def test_a_process_leaves_nobody_behind(tmp_path: Path) -> None:
    """A server that a peer has begun ends with it, and is not waited for: it closes what it held open."""
    if sys.platform == "win32":
        pytest.skip("on Windows only the process itself is ended")
    file = tmp_path / "pipe"
    os.mkfifo(file)
    reader = os.open(file, os.O_RDONLY | os.O_NONBLOCK)
    try:
        assert python(LEAVES.format(server=SERVER, file=str(file)), 60).status == 0
        assert select.select([reader], [], [], 60)[0], "the server is still there"
        assert os.read(reader, 1) == b""
    finally:
        os.close(reader)


def test_a_process_that_takes_too_long() -> None:
    """It is ended, and it is told how long it was waited for, and nothing of where it was."""
    with pytest.raises(TimeoutError, match=r"^it took longer than 0\.2 s$"):
        python("import time; time.sleep(600)", 0.2)


# The chart


@pytest.fixture
def draws() -> None:
    """See that there is matplotlib; in CI it is a failure if there is none, elsewhere the tests are skipped."""
    if importlib.util.find_spec("matplotlib") is None:
        if os.environ.get("CI"):
            pytest.fail("matplotlib is not installed, and CI must have it")
        pytest.skip("matplotlib is not installed: pip install -e '.[bench]'")


def small() -> dict[str, Any]:
    """Return a run in which next to nothing was measured."""
    values = {"Interlock, 10 tasks": 9.5, "limit: plain calls": 0.1, "Slow & sons": 12_345.0, "Absent": None}
    rows = [
        {
            "key": key,
            "subject": subject,
            "ours": subject.startswith("Interlock"),
            "min": None if value is None else value / 2,
            "median": value,
            "budget": 8.0 if subject.startswith("Interlock") else None,
            "why_not": "nobody <has> it" if value is None else None,
        }
        for key in ("chain", "turn", "import")
        for subject, value in values.items()
    ]
    facts = {
        "date": "2026-01-02T03:04:05+00:00",
        "command": "python -m tests.benchmarks",
        "python": "CPython 3.11",
        "platform": "Linux",
        "processor": None,
        "processors": 2,
        "rounds": 5,
        "load_before": [1.5, 1.0, 0.5],
        "load_after": [2.5, 1.5, 1.0],
    }
    return {"facts": facts, "rows": rows}


def texts(file: Path) -> list[str]:
    """Return the texts of a drawing, in order."""
    root = xml.etree.ElementTree.parse(file).getroot()
    return ["".join(text.itertext()) for text in root.iter("{http://www.w3.org/2000/svg}text")]


@pytest.mark.usefixtures("draws")
def test_chart_from_json(tmp_path: Path) -> None:
    """`--from` measures nothing: it draws each subject with its value, or why there is none, the shortest first."""
    given, file = tmp_path / "found.json", tmp_path / "chart.svg"
    given.write_text(json.dumps(small()), encoding="utf-8")
    assert main(["--from", str(given), "--chart", str(file)]) == 0
    found = texts(file)
    panel = ["100 ns", "plain calls", "9.5 µs", "Interlock, 10 tasks", "12 ms", "Slow & sons"]
    panel += ["not measured: nobody <has> it", "Absent"]
    assert [text for text in found if text in panel] == ["100 ns", *panel] * 2  # once on the axis, once at the bar
    assert {"A task in a chain", "A turn of a loop", "Interlock's budget on an idle machine: 8 µs"} <= set(found)
    assert "A mapped child" not in found
    assert "2026-01-02, CPython 3.11, Linux, 2 processors; load 1.5 before, 2.5 after" in found
    assert "python -m tests.benchmarks" in found


@pytest.mark.usefixtures("draws")
def test_chart_is_the_same_each_time(tmp_path: Path) -> None:
    """The same numbers give the same file, which is small and knows of no other day."""
    files = [tmp_path / "one.svg", tmp_path / "other.svg"]
    for file in files:
        chart.draw(small(), file)
    assert files[0].read_bytes() == files[1].read_bytes()
    assert files[0].stat().st_size < 100_000
    assert "<metadata" not in files[0].read_text(encoding="utf-8")


def test_from_is_for_charts(capsys: pytest.CaptureFixture[str]) -> None:
    """An earlier run without a chart to draw is a mistake of whoever asked, and told at once."""
    with pytest.raises(SystemExit):
        main(["--from", "found.json"])
    assert "--chart" in capsys.readouterr().err


def test_chart_without_matplotlib(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """That it cannot be drawn is told before anything is measured."""
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)
    with pytest.raises(SystemExit):
        main(["--chart", "chart.svg"])
    assert "interlock[bench]" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (0.0123, "12 ns"),
        (0.996, "1.0 µs"),
        (7.04, "7.0 µs"),
        (9.96, "10 µs"),
        (123.4, "120 µs"),
        (996.0, "1.0 ms"),
        (13_456.0, "13 ms"),
        (2_500_000.0, "2.5 s"),
    ],
)
def test_times_are_told_shortly(value: float, told: str) -> None:
    assert chart.time(value) == told


# What is checked in


def known(pace: Pace) -> set[tuple[str, str]]:
    """Return the rows and subjects that a run measures."""
    every = (measure for name in NAMES for measure in measures(name))
    return {(measure.row, measure.subject) for measure in every if measure.level in pace.levels}


@posix
@pytest.mark.parametrize(("name", "pace"), [("latest.json", FULL), ("large.json", LARGE)])
def test_results_are_of_what_is_measured_now(name: str, pace: Pace) -> None:
    """What was measured last is what would be measured today: every subject, and of peers the same versions."""
    found = read(name)
    assert {(row["key"], row["subject"]) for row in found["rows"]} == known(pace)
    assert {row["key"]: row["row"] for row in found["rows"]}.items() <= {
        key: row.title for key, row in report.ROWS.items()
    }.items()
    asked = [name for name in peer_names() if any(measure.level in pace.levels for measure in measures(name))]
    pins = {name: list(importlib.import_module(f"benchmarks.{name}").REQUIRES) for name in asked}
    assert {name: peer["requires"] for name, peer in found["facts"]["peers"].items()} == pins
    assert found["facts"]["rounds"] == pace.rounds
    assert all(row["min"] is not None for row in found["rows"] if row["ours"])


def in_order(wanted: Iterable[str], found: Iterable[str]) -> bool:
    """Return whether some texts stand among others, in this order."""
    rest = iter(found)
    return all(text in rest for text in wanted)


def test_chart_is_of_the_results() -> None:
    """The chart that is checked in has every bar of the numbers beside it, and no other."""
    found, told = read("latest.json"), texts(RESULTS / "latest.svg")
    for key, title in chart.PANELS.items():
        each = chart.bars(found, key)
        assert in_order([text for bar in each for text in (bar.text, bar.label)], told)
        assert title in told
    names = [bar.label for key in chart.PANELS for bar in chart.bars(found, key)]
    assert sorted(text for text in told if text in names) == sorted(names)
    assert in_order(chart.notes(found["facts"]), told)
    assert (RESULTS / "latest.svg").stat().st_size < 100_000


def test_bars_grow() -> None:
    """In a panel, none is shorter than the one before."""
    found = read("latest.json")
    for key in chart.PANELS:
        values = [bar.value for bar in chart.bars(found, key) if bar.value is not None]
        assert all(one <= other for one, other in pairwise(values))


def test_readme_shows_the_results() -> None:
    """The README has the chart, the day on which it was measured, and the command that does it again."""
    text, facts = (ROOT / "README.md").read_text(encoding="utf-8"), read("latest.json")["facts"]
    assert '<img src="tests/benchmarks/results/latest.svg"' in text
    assert facts["date"][:10] in text
    assert facts["command"] in text


@pytest.mark.parametrize("file", ["latest.json", "latest.svg", "large.json"])
def test_results_tell_nothing_of_whose_machine_it_was(file: str) -> None:
    """No folder, and no name, of the machine on which it was measured."""
    text = (RESULTS / file).read_text(encoding="utf-8")
    assert not [place for place in (str(Path.home()), "/home/", "/root", "/tmp", "/Users/") if place in text]
