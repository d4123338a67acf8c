"""The documents: generated parts are as the tables say, and every block of code runs."""

from __future__ import annotations

import importlib
import io
import os
import re
import shlex
import shutil
import subprocess
import sys
import tokenize
import tomllib
from pathlib import Path

import pytest
from generate import FILES, PICTURES, ROOT, generated, stamp

import interlock
from interlock import Machine, draw

DOCUMENTS = [
    ROOT / "README.md",
    ROOT / "core" / "README.md",
    ROOT / "core" / "coming-from-transitions.md",
    ROOT / "core" / "coming-from-python-statemachine.md",
    ROOT / "spec" / "README.md",
    ROOT / "plugins" / "README.md",
    ROOT / "plugins" / "HOOKS.md",
    *sorted((ROOT / "plugins").glob("interlock_*/README.md")),
]
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
SETS_UP = "python3 -m venv .venv && "  # these blocks are run by .ci/run, in a fresh clone


WALK = ("plugins/README.md", "## Write one")
"""From here on that page describes a plugin, which tests/plugins/test_walk.py builds, installs and runs."""


def read(document: Path) -> str:
    """Return a document, as far as its blocks stand for themselves."""
    text = document.read_text(encoding="utf-8")
    name, end = WALK
    return text[: text.index(end)] if document.relative_to(ROOT).as_posix() == name else text


def blocks(language: str) -> list[tuple[str, str]]:
    """Return the blocks of a language in all documents, each with its place."""
    return [
        (f"{document.relative_to(ROOT)}:{text[: found.start()].count(chr(10)) + 1}", found[2])
        for document in DOCUMENTS
        for text in [read(document)]
        for found in BLOCK.finditer(text)
        if found[1] == language
    ]


@pytest.mark.parametrize("picture", PICTURES, ids=lambda file: file.name)
def test_pictures_are_up_to_date(picture: Path) -> None:
    """What graphviz drew them from is what it would draw them from now; and the words in them are those of now."""
    text, name = picture.read_text(encoding="utf-8"), PICTURES[picture]
    assert text.endswith(stamp(name))
    if shutil.which("dot"):
        words = re.compile("<text[^>]*>(.*?)</text>")
        assert words.findall(text) == words.findall(draw(Machine.load(name), "svg"))


@pytest.mark.parametrize("document", FILES, ids=lambda file: str(file.relative_to(ROOT)))
def test_generated_parts_are_up_to_date(document: Path) -> None:
    """Each generated part equals what the tables give: `python -m tests.generate` makes them anew."""
    text = document.read_text(encoding="utf-8")
    assert "<!-- generated: " in text
    assert generated(text) == text


@pytest.mark.parametrize(("place", "code"), [pytest.param(*block, id=block[0]) for block in blocks("python")])
def test_python_blocks_run(place: str, code: str, tmp_path: Path) -> None:
    """Every Python block of the documents runs as it stands, in an interpreter of its own."""
    file = tmp_path / "block.py"
    file.write_text(code, encoding="utf-8")
    # A flow that fails on purpose is logged, which is no error of the block; a warning or a traceback is.
    (tmp_path / "sitecustomize.py").write_text(
        "import logging\nlogging.lastResort = logging.NullHandler()\n", encoding="utf-8"
    )
    environ = {**os.environ, "PYTHONPATH": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, str(file)], cwd=tmp_path, env=environ, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, ""), place


PUBLIC = ("cache_validators", "control_flow", "notifications", "results", "signals", "states", "triggers")
LATE = ("executors", "testing")
"""Public modules that are loaded when they are used."""


@pytest.mark.parametrize("module", ["", *PUBLIC, *LATE])
def test_every_public_name_stands_in_an_example(module: str) -> None:
    """Each name that a module offers is used in a block of core/README.md, all of which are run."""
    names = set(importlib.import_module(f"interlock.{module}".rstrip(".")).__all__)
    used = {
        token.string
        for place, code in blocks("python")
        if Path(place).parts[0] == "core"
        for token in tokenize.generate_tokens(io.StringIO(code).readline)
        if token.type == tokenize.NAME
    }
    assert names - used == set()
    assert set(PUBLIC) <= set(interlock.__all__)


def test_every_wish_is_answered() -> None:
    """The table of wishes has an answer in each line, and every issue that was asked about is in one line."""
    text = (ROOT / "core" / "README.md").read_text(encoding="utf-8")
    lines = re.findall(r"^\| ([\d, ]+): [^|]+ \| ([^|]+) \|$", text, re.MULTILINE)
    asked = [number for numbers, _ in lines for number in numbers.split(", ")]
    assert len(lines) == 45
    assert len(asked) == len(set(asked)) == 89
    assert all(len(answer) > 10 for _, answer in lines)


@pytest.mark.parametrize(("place", "code"), [pytest.param(*block, id=block[0]) for block in blocks("toml")])
def test_toml_blocks_are_tables(place: str, code: str) -> None:
    """Every TOML block of the documents is a table that keeps all rules."""
    assert Machine.from_mapping(tomllib.loads(code), place).check().ok


@pytest.mark.parametrize(("place", "code"), [pytest.param(*block, id=block[0]) for block in blocks("sh")])
def test_shell_blocks_run(place: str, code: str, tmp_path: Path) -> None:
    """Every command of the documents runs; the two that set up an environment are run by .ci/run, word for word."""
    for line in code.splitlines():
        words = shlex.split(line, comments=True)
        if line.startswith(SETS_UP):
            continue
        assert words[0] == "interlock"
        command = [sys.executable, "-m", *words]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, encoding="utf-8", check=False)
        assert (done.returncode, done.stderr) == (0, ""), place


@pytest.mark.parametrize(("place", "code"), [pytest.param(*block, id=block[0]) for block in blocks("js")])
def test_javascript_blocks_are_what_is_run(place: str, code: str) -> None:
    """The JavaScript that is shown stands word for word in what drives the tests of the exports."""
    assert code.strip() in (ROOT / "tests" / "js" / "driver.mjs").read_text(encoding="utf-8"), place


def test_all_kinds_of_blocks_are_known() -> None:
    """No block of the documents is of a kind that no test looks at."""
    found = {found[1] for document in DOCUMENTS for found in BLOCK.finditer(document.read_text(encoding="utf-8"))}
    assert found == {"js", "python", "toml", "sh", "mermaid"}


def test_what_must_hold_is_listed() -> None:
    """The list of properties has each of them once, in the order of their groups."""
    text = (ROOT / "spec" / "README.md").read_text(encoding="utf-8")
    listed = re.findall(r"^- ([TREAPFL]\d): ", text, re.MULTILINE)
    counts = {"T": 3, "R": 9, "E": 4, "A": 2, "P": 3, "F": 5, "L": 4}
    assert listed == [f"{group}{number}" for group, count in counts.items() for number in range(1, count + 1)]
