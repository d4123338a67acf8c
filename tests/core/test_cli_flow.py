"""`interlock draw flow`, and what a kept run is drawn from: what `run --save` and `resume` keep."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

FLOW = """
import threading
from interlock import *
from interlock.signals import PAUSE

print("a module that prints")

@task
def numbers(n): return list(range(n))

@task
def half(i):
    if i == LOCKED and not context.get("resume"): raise PAUSE("look")
    return threading.Lock()  # no pickle knows it

LOCKED = 1
with Flow("halves") as flow:
    half.map(numbers(Parameter("n", 3)))
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in a folder with two flows of one name: in one a child waits for a person."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file.py").write_text(FLOW.replace("LOCKED = 1", "LOCKED = 9"), encoding="utf-8")
    (tmp_path / "waits.py").write_text(FLOW.replace("threading.Lock()", "i"), encoding="utf-8")
    return tmp_path


def interlock(*words: str) -> subprocess.CompletedProcess[str]:
    """Run a command, whose home is the folder."""
    here = os.getcwd()
    env = {**os.environ, "HOME": here, "USERPROFILE": here}
    command = [sys.executable, "-m", "interlock", *words]
    return subprocess.run(command, capture_output=True, text=True, encoding="utf-8", check=False, env=env)


def drawn(*words: str) -> list[str]:
    """Return the lines that a command prints, which must succeed."""
    done = interlock(*words)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_a_flow_is_drawn(folder: Path) -> None:
    """Its graph goes to the output or to a file; what the user's module prints is no part of it."""
    assert drawn("draw", "flow", "file.py")[:4] == ["---", 'title: "halves"', "---", "flowchart TD"]
    assert drawn("draw", "flow", "file.py:flow", "--as", "text")[1:] == [
        "task       waits for",
        "n",
        "numbers-1  n=n",
        "half-1     i=each of numbers-1",
    ]
    for name, begins in (("f.gv", "digraph"), ("f.txt", "halves: 3 tasks"), ("f.mmd", "---"), ("f", "---")):
        assert drawn("draw", "flow", "file.py", "-o", name) == []
        assert (folder / name).read_text(encoding="utf-8").startswith(begins)


def test_a_run_that_succeeded_is_kept_where_a_file_is_named(folder: Path) -> None:
    """It is drawn with its states, also if its results could not be kept; without --save nothing is kept."""
    done = interlock("run", "file.py", "--save", "a.state")
    assert (done.returncode, "To go on" in done.stdout, done.stderr.count("Warning")) == (0, False, 0)
    assert drawn("draw", "flow", "file.py", "--run", "a.state", "--as", "text")[:2] == [
        "halves: 3 tasks, Success",
        "task       state              waits for",
    ]
    assert '["half<br/>Mapped<br/>3 Success"]' in "\n".join(drawn("draw", "flow", "file.py", "--run", "a.state"))
    before = set(folder.rglob("*.state"))
    assert interlock("run", "file.py").returncode == 0
    assert interlock("run", "file.py", "--save", "b.state", "--no-save").returncode == 0
    assert set(folder.rglob("*.state")) == before == {folder / "a.state"}


def test_what_is_done_is_not_done_again(folder: Path) -> None:
    """A run that succeeded is not gone on with: that is said in a line, and is no mistake."""
    interlock("run", "file.py", "--save", "a.state")
    kept = (folder / "a.state").read_bytes()
    told = drawn("resume", "file.py", "a.state")
    assert told == ["a module that prints", "halves: Success: it has ended, and there is nothing to do"]
    end = json.loads(drawn("resume", "file.py", "a.state", "--json")[-1])
    assert (end["state"], end["saved"], end["tasks"]["half-1"]["children"]) == ("Success", None, {"Success": 3})
    assert drawn("resume", "file.py", "a.state", "-q") == ["a module that prints"]
    assert (folder / "a.state").read_bytes() == kept
    over = "what is over stays over, run it again"
    done = interlock("resume", "file.py", "a.state", "--task", "half-1")
    assert (done.returncode, over in done.stderr) == (2, True)
    with (folder / "file.py").open("a", encoding="utf-8") as file:
        file.write("    numbers(1)\n")  # a task that did not run
    for words in ((), ("--json",)):
        done = interlock("resume", "file.py", "a.state", *words)
        assert (done.returncode, over in done.stderr) == (2, True)
    assert "numbers-2" in drawn("draw", "flow", "file.py", "--run", "a.state", "--as", "text")  # with no state


def test_how_a_resumed_run_ended_is_kept() -> None:
    """The file of a run that rested holds its end once it was gone on with: it cannot be gone on with twice."""
    assert interlock("run", "waits.py", "--save", "a.state").returncode == 3
    rested = drawn("draw", "flow", "waits.py", "--run", "a.state", "--as", "text")
    assert rested[0] == "halves: 3 tasks, Paused"
    assert re.split(r" {2,}", rested[-1]) == ["half-1", "Mapping: 2 Success, 1 Paused", "i=each of numbers-1"]
    assert interlock("resume", "waits.py", "a.state").returncode == 0
    assert drawn("resume", "waits.py", "a.state")[-1].endswith("it has ended, and there is nothing to do")
    ended = drawn("draw", "flow", "waits.py", "--run", "a.state", "--as", "text")
    assert re.split(r" {2,}", ended[-1])[1] == "Mapped: 3 Success"


def test_a_state_that_cannot_be_kept_leaves_the_file_as_it_is(folder: Path) -> None:
    """What was kept before can still be gone on with."""
    assert interlock("run", "waits.py", "--save", "a.state").returncode == 3
    kept = (folder / "a.state").read_bytes()
    (folder / "waits.py").write_text(FLOW.replace("LOCKED = 1", "LOCKED = 0"), encoding="utf-8")
    done = interlock("run", "waits.py", "--save", "a.state")
    assert (done.returncode, "Warning: a.state: the state cannot be kept: TypeError" in done.stderr) == (3, True)
    assert (folder / "a.state").read_bytes() == kept
    assert sorted(file.name for file in folder.iterdir() if "state" in file.name) == ["a.state"]


MISUSES = [
    (["flow"], "Error: draw flow: TARGET is missing: file.py, file.py:flow, package.module or package.module:flow"),
    (["flow", "fil.py"], "Error: fil.py: there is no such file. Did you mean 'file.py'?"),
    (["flow", "file.py:flaw"], "Error: file.py: has no flow 'flaw'; its flows: flow. Did you mean 'flow'?"),
    (["flow", "bad.py"], "Error: bad.py could not be imported:"),
    (["flow", "file.py", "--as", "grid"], "'grid' is no format. There are: mermaid, dot, svg, png, text"),
    (["flow", "file.py", "-o", "x.tla"], "Error: x.tla: no format is known by '.tla'. End it in one of .mmd,"),
    (["flow", "file.py", "--run", "no.state"], "Error: no.state: there is no such file"),
    (["flow", "other.py", "--run", "a.state"], "Error: a.state: it is of flow 'halves', not of 'other'"),
    (["flow", "fewer.py", "--run", "a.state"], "Error: flow 'halves': the run is of a flow with a task 'n'."),
    (["flow", "file.py", "--plugin", "quarantine"], "Error: draw flow: --plugin is for life cycles"),
    (
        ["task-run", "file.py"],
        "Error: draw task-run: 'file.py' is one word too many; the graph of a flow: draw flow file.py",
    ),
    (
        ["task-run", "--run", "a.state"],
        "Error: draw task-run: --run is for the graph of a flow: draw flow TARGET --run",
    ),
]


@pytest.mark.parametrize(("words", "said"), MISUSES, ids=[" ".join(words) for words, _ in MISUSES])
def test_misuse(words: list[str], said: str, folder: Path) -> None:
    """A mistake is told in a line or two, and nothing is drawn."""
    (folder / "bad.py").write_text("import interlock\n1 / 0\n", encoding="utf-8")
    (folder / "other.py").write_text("from interlock import Flow\nflow = Flow('other')\n", encoding="utf-8")
    (folder / "fewer.py").write_text("from interlock import Flow\nflow = Flow('halves')\n", encoding="utf-8")
    if "a.state" in words:
        interlock("run", "file.py", "--save", "a.state")
    done = interlock("draw", *words)
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr
    assert "interlock/_" not in done.stderr.replace("\\", "/")


@pytest.mark.skipif(sys.platform == "win32", reason="there are no pseudo-terminals on Windows")
@pytest.mark.parametrize("no_color", ["", "1"])
def test_on_a_terminal_states_have_colours(no_color: str) -> None:
    """The text is in colours on a terminal, unless NO_COLOR is set."""
    import pexpect

    interlock("run", "file.py", "--save", "a.state")
    words = ["-m", "interlock", "draw", "flow", "file.py", "--run", "a.state", "--as", "text"]
    env = {**os.environ, "NO_COLOR": no_color, "TERM": "xterm-256color"}
    child = pexpect.spawn(sys.executable, words, env=env, dimensions=(40, 100))
    shown = child.read().decode()
    child.close()
    assert child.exitstatus == 0
    assert ("\x1b[38;5;" in shown) is (no_color == "")
    assert "Mapped" in shown
