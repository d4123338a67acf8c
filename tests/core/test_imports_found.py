"""Ten machines such as the documentation of other libraries has them, and what the check finds in each.

They were written for this test, after what users of `transitions`, SCXML and XState are shown first.
"""

from __future__ import annotations

import re
import runpy
from pathlib import Path

import pytest

from interlock import Import

ROOT = Path(__file__).parent.parent.parent
FOLDER = ROOT / "tests" / "imports"
FILES = sorted(file for file in FOLDER.iterdir() if file.suffix in (".py", ".scxml", ".json"))
KINDS = {".py": "`transitions`", ".scxml": "SCXML", ".json": "XState"}


def brought(file: Path, stop: str | None = None) -> Import:
    """Return what comes of a file."""
    if file.suffix == ".py":
        return Import.from_transitions(runpy.run_path(str(file))["machine"], stop=stop)
    return Import.from_scxml(file, stop=stop) if file.suffix == ".scxml" else Import.from_xstate(file, stop=stop)


def found(file: Path) -> str:
    """Return what the README says of a file."""
    read = brought(file)
    if read.machine is None:
        stopped = brought(file, stop="STOP").machine
        with_it = "" if stopped is None else f"; with `stop`, it is in: {drafted(stopped.check().unsaid)}"
        return "; ".join(read.problems) + with_it
    return f"it is in: {drafted(read.machine.check().unsaid)}"


def drafted(unsaid: tuple[str, ...]) -> str:
    return f"nobody has said why these end: {', '.join(unsaid)}" if unsaid else "every run ends"


def table() -> dict[str, tuple[str, str]]:
    """Return the rows of the README by file."""
    text = (ROOT / "core" / "README.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| \[([a-z_ ]+)\]\(\.\./tests/imports/(\S+)\) \| ([^|]+) \| (.+) \|$", text, re.MULTILINE)
    assert all(Path(file).stem.replace("_", " ") == name for name, file, _, _ in rows)
    return {file: (kind, told) for _, file, kind, told in rows}


def test_there_are_ten() -> None:
    """Each of them stands in the README, and no other."""
    assert len(FILES) == 10
    assert {*table()} == {file.name for file in FILES}


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.stem))
def test_what_the_readme_says_is_what_is_found(file: Path) -> None:
    """Word for word, but for the bars, which a table cannot have."""
    assert table()[file.name] == (KINDS[file.suffix], found(file).replace("|", "\\|"))
