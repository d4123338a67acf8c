"""`interlock draw` of a life cycle of which a part stands out."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from parcel import PARCEL

from interlock import Machine, Run, draw
from interlock._cli import _main
from interlock.testing import Coverage, Covered

TASK = Machine.load("task-run")
SEEN = ("mermaid", "dot", "plantuml", "grid", "markdown", "html")


@pytest.fixture
def run() -> Run:
    """Return a run in the middle of its life."""
    run = Run(TASK)
    for signal in ("START", "LOOP", "START", "PAUSE"):
        run.send(signal)
    return run


@pytest.fixture
def story(run: Run, tmp_path: Path) -> Path:
    """Return a file with that run."""
    return written(tmp_path / "run.json", run.to_dict())


def written(path: Path, data: object) -> Path:
    path.write_text(json.dumps(data), encoding="utf-8")
    return path


class Said:
    """What a command said."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self.monkeypatch = monkeypatch
        self.capsys = capsys

    def __call__(self, *words: object) -> tuple[int, str, str]:
        self.monkeypatch.setattr(sys, "argv", ["interlock", *map(str, words)])
        code = _main()
        out, err = self.capsys.readouterr()
        return code, out, err


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Said:
    return Said(monkeypatch, capsys)


@pytest.mark.parametrize("form", SEEN)
def test_a_part_stands_out(form: str, said: Said, run: Run, story: Path, tmp_path: Path) -> None:
    """The command draws what `draw` does; with each option it is another picture, and so with two of them."""
    with Coverage() as coverage:
        Run(TASK).send("SKIP")
    (covered,) = coverage.lifecycles
    rows = written(tmp_path / "task-run.json", covered.to_dict())
    asked: list[tuple[list[object], str]] = [
        ([], str(draw(TASK, form))),
        (["--from", "Running"], str(draw(TASK, form, from_="Running"))),
        (["--only", "SKIP,PAUSE", "--only", "LOOP"], str(draw(TASK, form, only=["SKIP", "PAUSE", "LOOP"]))),
        (["--from", "Running", "--only", "LOOP"], str(draw(TASK, form, from_="Running", only="LOOP"))),
        (["--story", story], str(draw(TASK, form, story=run))),
        (["--coverage", rows], str(draw(TASK, form, coverage=covered))),
    ]
    for words, drawn in asked:
        assert said("draw", "task-run", "--as", form, *words) == (0, drawn.rstrip("\n") + "\n", "")
    assert len({drawn for _, drawn in asked}) == len(asked)


def test_numbers_for_limits(said: Said) -> None:
    """What is run elsewhere has the limits that it is given."""
    code, out, _ = said("draw", "task-run", "--as", "tla", "--limit", "max_retries=2", "--limit", "max_turns=inf")
    assert code == 0
    assert "max_retries == 2" in out
    assert out.rstrip() == draw(TASK, "tla", limits={"max_retries": 2, "max_turns": float("inf")}).rstrip()


def test_mistakes(said: Said, story: Path, tmp_path: Path) -> None:
    """What cannot be is said in one line, with the nearest name."""
    (tmp_path / "parcel.toml").write_text(PARCEL, encoding="utf-8")
    empty, torn = written(tmp_path / "empty.json", {}), tmp_path / "torn.json"
    torn.write_text("{", encoding="utf-8")
    rows = written(tmp_path / "rows.json", Covered(TASK, {}).to_dict())
    wrong: list[tuple[list[object], str]] = [
        (["--from", "Runing"], "draw: unknown state 'Runing'. Did you mean 'Running'? There are: "),
        (["--only", "SKIP,PUASE"], "draw: unknown signal 'PUASE'. Did you mean 'PAUSE'? There are: "),
        (["--only", "SKIP", "--as", "tla"], "draw: nothing stands out in tla, which is for programs; it does in "),
        (["--story", story, "--coverage", rows], "draw: give a story or the coverage of many; one picture cannot show"),
        (["--story", empty], f"{empty}: not a stored run: "),
        (["--story", torn], f"{torn}: is no JSON: "),
        (["--story", tmp_path / "none.json"], f"{tmp_path / 'none.json'}: No such file"),
        (["--coverage", empty], f"{empty}: not a stored run: it is {{}}; it must be what a recording of rows has "),
        (["--limit", "max_retries"], "--limit 'max_retries': write NAME=NUMBER, as in --limit max_retries=2"),
        (["--limit", "max_retires=2", "--as", "tla"], "unknown limit 'max_retires'. Did you mean 'max_retries'?"),
        (["--limit", "max_retries=2"], "draw: mermaid has limits by name only; numbers are for scxml, xstate, tla"),
    ]
    for words, told in wrong:
        code, out, err = said("draw", "task-run", *words)
        assert (code, out) == (2, "")
        assert err.startswith(f"Error: {told}")
        assert err.count("\n") == 1
    code, _, err = said("draw", tmp_path / "parcel.toml", "--coverage", rows)
    assert (code, err) == (
        2,
        f"Error: {rows}: not a stored run: its rows are of 'task-run', and not of this 'parcel'\n",
    )


@pytest.mark.parametrize("form", [form for form in SEEN if form != "plantuml"])
def test_a_console_that_has_few_signs(form: str) -> None:
    """What it has no sign for is told by its number, and not by a traceback."""
    command = [sys.executable, "-m", "interlock", "draw", "task-run", "--as", form]
    env = {**os.environ, "PYTHONIOENCODING": "ascii"}
    done = subprocess.run(command, capture_output=True, check=True, env=env)
    assert done.stderr == b""
    shown = str(draw(TASK, form)).encode("ascii", "backslashreplace")
    assert done.stdout.splitlines() == (shown.rstrip(b"\n") + b"\n").splitlines()
