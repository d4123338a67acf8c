"""What type checkers say about the public names: all that is right passes, all that is wrong is found."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

TYPING = Path(__file__).parent / "typing"
WRONG = {
    number
    for number, line in enumerate((TYPING / "mistakes.py").read_text(encoding="utf-8").splitlines(), start=1)
    if line.endswith("# error")
}


def tool(name: str) -> list[str]:
    """Return the command of a checker; in CI a missing one is a failure, elsewhere its tests are skipped."""
    if importlib.util.find_spec(name) is None:
        if os.environ.get("CI"):
            pytest.fail(f"{name} is not installed, and CI must have it")
        pytest.skip(f"{name} is not installed: pip install -e '.[dev]'")
    return [sys.executable, "-m", name]


def mypy(file: str, folder: Path) -> set[int]:
    """Return the lines in which mypy finds errors, as a user runs it: strict, outside of the project."""
    command = [
        *tool("mypy"),
        "--strict",
        "--no-incremental",
        "--config-file=",
        "--hide-error-context",
        str(TYPING / file),
    ]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode in (0, 1), done.stdout + done.stderr
    return {int(line.split(":")[1]) for line in done.stdout.splitlines() if ": error:" in line and file in line}


def pyright(file: str, folder: Path) -> set[int]:
    """Return the lines in which pyright finds errors, as a user runs it."""
    command = [*tool("pyright"), "--outputjson", "--pythonpath", sys.executable, str(TYPING / file)]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode in (0, 1), done.stdout + done.stderr
    found = json.loads(done.stdout)["generalDiagnostics"]
    return {item["range"]["start"]["line"] + 1 for item in found if item["severity"] == "error"}


@pytest.mark.parametrize("check", [mypy, pyright])
def test_right_code_passes(check: object, tmp_path: Path) -> None:
    """Types go through tasks, flows, machines and runs as the annotations of the user's functions say."""
    assert callable(check)
    assert check("api.py", tmp_path) == set()


@pytest.mark.parametrize("check", [mypy, pyright])
def test_mistakes_are_found(check: object, tmp_path: Path) -> None:
    """A misspelt signal or state, and arguments of the wrong type or name, are errors in their own lines."""
    assert callable(check)
    assert len(WRONG) == 8
    assert check("mistakes.py", tmp_path) == WRONG
