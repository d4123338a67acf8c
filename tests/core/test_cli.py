"""The command line, from outside: exit codes, what is said, pipes, narrow terminals, and no traceback of ours."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import textwrap
from functools import partial
from pathlib import Path

import pytest

FLOW = """
from interlock import *
from interlock.signals import *

n = Parameter("n", default=3)

@task
def numbers(n): return list(range(n))

@task
def check(i):
    if i == 2: raise ValueError("two is bad")
    if i == 1: raise SKIP("one")
    return i

with Flow("demo") as flow:
    checked = check.map(numbers(n))
"""


def write(folder: Path, text: str, name: str = "file.py") -> Path:
    file = folder / name
    file.write_text(textwrap.dedent(text), encoding="utf-8")
    return file


def interlock(*words: str, cwd: Path, **env: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "interlock", *words]
    home = {"HOME": str(cwd), "USERPROFILE": str(cwd)}
    env = {**os.environ, **home, **env}
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, encoding="utf-8", check=False, env=env)


def one_task(body: str) -> str:
    lines = textwrap.indent(textwrap.dedent(body), "    ")
    head = "from interlock import *\nfrom interlock.signals import *\nfrom interlock.states import *\n"
    return f"{head}@task\ndef work():\n{lines}\nwith Flow('one') as flow:\n    work()\n"


@pytest.mark.parametrize(
    ("body", "code", "said"),
    [
        ("return 1", 0, "one: Success: All reference tasks succeeded."),
        ("raise SKIP('nothing')", 0, "one: Skipped: All reference tasks were skipped."),
        ("raise FAIL('why')", 1, "work: Failed: why"),
        ("raise ENDRUN(TimedOut('late'))", 1, "work: TimedOut: late"),
        ("raise PAUSE('look')", 3, "one: Paused: Nothing can go on until a person resumes a task"),
        ("raise ENDRUN(Cancelled('stop'))", 4, "one: Cancelled: Some reference tasks were cancelled."),
        ("raise KeyboardInterrupt", 4, "one: Cancelled"),
    ],
)
def test_exit_codes(body: str, code: int, said: str, tmp_path: Path) -> None:
    """0 success, 1 failed, 3 paused, 4 cancelled; the reason is on the standard output."""
    done = interlock("run", str(write(tmp_path, one_task(body))), cwd=tmp_path)
    assert (done.returncode, said in done.stdout) == (code, True), done.stdout + done.stderr


RESUMED = """
from pathlib import Path
from interlock import *

@task
def load(x):
    print("load", x)
    if x == 2 and not Path("there").exists():
        raise OSError("no route")
    return x

@task
def asks(xs):
    pause_task("look")
    return len(xs)

with Flow("resumed") as flow:
    asks(load.map([1, 2, 3]))
"""


def test_a_run_that_failed_is_gone_on_with(tmp_path: Path) -> None:
    """What failed is kept, the summary ends with the command that goes on, and only what failed is done again."""
    write(tmp_path, RESUMED)
    failed = interlock("run", "file.py", cwd=tmp_path)
    words = shlex.split(failed.stdout.splitlines()[-1].removeprefix("To go on: interlock "))
    assert (failed.returncode, words[:2]) == (1, ["resume", "file.py"])
    assert Path(words[2]).parent == tmp_path / ".interlock" / "runs"
    assert [line for line in failed.stdout.splitlines() if line.startswith("load ")] == ["load 1", "load 2", "load 3"]
    write(tmp_path, "", "there")
    paused = interlock(*words, "--executor", "threads", cwd=tmp_path)
    assert paused.returncode == 3
    assert [line for line in paused.stdout.splitlines() if line.startswith("load ")] == ["load 2"]
    assert shlex.split(paused.stdout.splitlines()[-1].removeprefix("To go on: interlock ")) == words
    assert interlock(*words, "--task", "load-1", cwd=tmp_path).returncode == 2
    done = interlock(*words, "--task", "asks-1", cwd=tmp_path)
    assert (done.returncode, "To go on" in done.stdout) == (0, False)
    assert [line for line in done.stdout.splitlines() if line.startswith("load ")] == []


ANSWERED = """
from interlock import Flow, context, task
from interlock.signals import PAUSE

@task
def asks(x):
    if not context.get("resume"):
        raise PAUSE("look")
    print("answered", x, context.answer.name, context.answer.message)

with Flow("answered") as flow:
    asks(1), asks(2), asks(3)
"""


def test_what_a_person_says(tmp_path: Path) -> None:
    """`--signal` says it to one task; the others keep waiting, and what has no meaning is refused before anything."""
    write(tmp_path, ANSWERED)
    paused = interlock("run", "file.py", "--save", "a.state", cwd=tmp_path)
    assert paused.returncode == 3
    resume = ("resume", "file.py", "a.state")
    for wrong, why in (
        ("asks-1", "write SLUG=NAME or SLUG=NAME:TEXT, as in --signal load-1=SKIP"),
        ("asks-1=RESUM", "unknown signal 'RESUM'. Did you mean 'RESUME'? There are: SUCCESS, FAIL"),
        ("asks-1=START", "unknown signal 'START'"),
    ):
        done = interlock(*resume, "--signal", wrong, cwd=tmp_path)
        assert (done.returncode, f"Error: --signal {wrong!r}: {why}" in done.stderr) == (2, True), done.stderr
    done = interlock(*resume, "--signal", "ask-1=RESUME", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (
        2,
        "Error: flow 'answered': there is no task 'ask-1'. Did you mean 'asks-1'?\n",
    )
    done = interlock(*resume, "--signal", "asks-1=RESUME:yes: a=b", "--signal", "asks-3=SKIP:not now", cwd=tmp_path)
    assert done.returncode == 3
    assert "answered 1 RESUME yes: a=b" in done.stdout
    assert "asks-3  Skipped  not now" in done.stdout
    done = interlock(*resume, cwd=tmp_path)
    assert (done.returncode, "answered 2 RESUME None" in done.stdout) == (0, True)


def test_where_a_run_is_kept(tmp_path: Path) -> None:
    """`--save` names the file, `--no-save` keeps nothing; what cannot be kept is told of, and so is a wrong file."""
    write(tmp_path, RESUMED)
    assert interlock("run", "file.py", "--save", "a b.state", cwd=tmp_path).stdout.endswith("file.py 'a b.state'\n")
    assert (tmp_path / "a b.state").exists()
    assert "To go on" not in interlock("run", "file.py", "--no-save", cwd=tmp_path).stdout
    assert not (tmp_path / ".interlock").exists()
    write(tmp_path, one_task("raise PAUSE(result=(x for x in ()))"), "bad.py")
    wrong = interlock("run", "bad.py", "--save", "bad.state", cwd=tmp_path)
    assert wrong.returncode == 3
    assert "Warning: bad.state: the state cannot be kept: TypeError: cannot pickle 'generator' object" in wrong.stderr
    assert not (tmp_path / "bad.state").exists()
    write(tmp_path, "nonsense", "text.state")
    for words, text in (
        (("file.py", "none.state"), "Error: none.state: there is no such file"),
        (("file.py", "text.state"), "Error: text.state: no state can be read from it: "),
        (("bad.py", "a b.state"), "Error: a b.state: it is of flow 'resumed', not of 'one'"),
    ):
        done = interlock("resume", *words, cwd=tmp_path)
        assert (done.returncode, done.stdout, text in done.stderr) == (2, "", True), done.stderr
        assert "Traceback" not in done.stderr


@pytest.mark.parametrize("executor", ["threads", "async"])
def test_executors(executor: str, tmp_path: Path) -> None:
    """`--executor` has several bodies under way at once; what is said of the flow is the same."""
    file = str(write(tmp_path, FLOW.replace("@task", "@task(tags=['db'])", 1)))
    usual = interlock("run", file, "--no-save", cwd=tmp_path)
    done = interlock(
        "run", file, "--no-save", "--executor", executor, "--workers", "3", "--limit", "db=1", cwd=tmp_path
    )
    assert (done.returncode, done.stdout) == (1, usual.stdout)


def test_failing_fast(tmp_path: Path) -> None:
    """With `--fail-fast` nothing starts behind the first failure."""
    tasks = "@task\ndef bad(): raise ValueError('no')\n@task\ndef good(): print('ran')\n"
    file = str(write(tmp_path, f"from interlock import *\n{tasks}with Flow('f') as f: bad(); good()\n"))
    assert "ran" in interlock("run", file, cwd=tmp_path).stdout
    done = interlock("run", file, "--fail-fast", cwd=tmp_path)
    assert (done.returncode, "ran" in done.stdout) == (1, False)
    assert "TriggerFailed" in done.stdout


def test_a_failed_flow_says_why_with_the_bodys_own_traceback(tmp_path: Path) -> None:
    """Two lines say why; the traceback begins in the user's file and has no frame of ours."""
    done = interlock("run", str(write(tmp_path, FLOW)), cwd=tmp_path)
    lines = done.stdout.splitlines()
    start = lines.index("demo: Failed: Some reference tasks failed.")
    assert done.returncode == 1
    assert lines[start + 1] == "check[2]: Failed: ValueError: two is bad"
    assert lines[start + 2] == "Traceback (most recent call last):"
    assert [line for line in lines if line.startswith("  File ")] == [
        f'  File "{tmp_path / "file.py"}", line 12, in check'
    ]
    assert "check-1    Mapped   1 Success, 1 Skipped, 1 Failed" in done.stdout


WIDE = """
from interlock import *
from interlock.signals import *

@task
def check(i):
    if i % 1000 == 7: raise ValueError(f"{i} is bad")
    return i

@task
def one(i):
    if i == 3: raise SKIP("three")
    return i

with Flow("wide") as flow:
    check.map(list(range(10_000)))
    for i in range(100):
        one(i)
"""


def test_a_summary_fits_a_screen(tmp_path: Path) -> None:
    """Ten thousand children are a row, a hundred tasks that went well another; the first failures show why."""
    done = interlock("run", str(write(tmp_path, WIDE)), "--no-save", cwd=tmp_path)
    lines = done.stdout.splitlines()
    assert done.returncode == 1
    assert [line.split() for line in lines[:4]] == [
        ["task", "state", "message"],
        ["check-1", "Mapped", "9,990", "Success,", "10", "Failed"],
        ["one-4", "Skipped", "three"],
        ["100", "more", "100", "Success"],
    ]
    assert lines[4] == "wide: Failed: Some reference tasks failed."
    assert [line for line in lines if line.startswith("check[")] == [
        f"check[{i}]: Failed: ValueError: {i} is bad" for i in (7, 1007, 2007)
    ]
    assert lines[-1] == "7 more failed"
    assert len(lines) < 40
    first = [f"check[{i}]: Failed: ValueError: {i} is bad" for i in range(7, 5007, 1000)]
    assert [line for line in done.stderr.splitlines() if "are over" not in line] == first


def test_what_took_longest_is_told(tmp_path: Path) -> None:
    """Runs of more than a second are named, the slowest first, children too."""
    text = """
        import time
        from interlock import *

        @task
        def sleep(s): time.sleep(s)

        with Flow("slow") as flow:
            sleep.map([0.01, 1.05, 1.3])
    """
    done = interlock("run", str(write(tmp_path, text)), "--executor", "threads", cwd=tmp_path)
    slowest = next(line for line in done.stdout.splitlines() if line.startswith("slowest: "))
    assert re.fullmatch(r"slowest: sleep\[2\] 1\.[3-9] s, sleep\[1\] 1\.[0-9] s", slowest), slowest


def test_piped_progress_is_plain_lines_on_the_standard_error(tmp_path: Path) -> None:
    """Where nobody watches a terminal, each task that is over is one line, without colours."""
    done = interlock("run", str(write(tmp_path, FLOW)), "-p", "n=1", cwd=tmp_path)
    assert done.stderr.splitlines() == ["n: Success", "numbers: Success", "check: Mapped: 1 Success"]
    assert "\x1b" not in done.stdout


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["run", "nofile.py"], "Error: nofile.py: there is no such file."),
        (["run", "fil.py"], "Error: fil.py: there is no such file. Did you mean 'file.py'?"),
        (["run", "file.py:flwo"], "Error: file.py: has no flow 'flwo'; its flows: flow. Did you mean 'flow'?"),
        (["run", "no.such.module"], "Error: no.such.module: there is no such module; a file is named with its ending"),
        (["run", "empty.py"], "Error: empty.py: has no flow"),
        (["run", "two.py"], "Error: two.py: has several flows: a, b; name one: two.py:a"),
        (["run", "file.py", "-p", "m=2"], "Error: flow 'demo' has no parameter 'm'; it has: n."),
        (["run", "file.py", "-p", "m"], "Error: --param 'm': write NAME=VALUE, as in --param size=3"),
        (["run"], "Error: Missing argument 'TARGET'."),
        (["run", "file.py", "--log-level", "loud"], "Error: Invalid value for '--log-level'"),
        (["run", "file.py", "--executor", "thread"], "Error: flow 'demo': executor='thread'; it must be"),
        (
            ["run", "file.py", "--workers", "2"],
            "Error: flow 'demo': workers=2 without an executor",
        ),
        (["run", "file.py", "--workers", "0"], "Error: Invalid value for '--workers'"),
        (["run", "file.py", "--limit", "db"], "Error: --limit 'db': write TAG=NUMBER, as in --limit database=2"),
        (["run", "file.py", "--limit", "db=1"], "Error: flow 'demo': tag_limits: no task has the tag 'db'."),
        (["rum"], "Error: No such command 'rum'"),
        (["draw", "task-rum"], "Error: task-rum: No such file or directory; neither a file nor a shipped life cycle"),
        (["draw", "bad.toml"], "Error: bad.toml: is not TOML"),
        (["draw", "task-run", "-o", "no/such/folder/file"], "Error: no/such/folder/file: No such file or directory"),
        (
            ["draw", "task-run", "--as", "poem"],
            "Error: Invalid value for '--as': 'poem' is no format. There are: mermaid,",
        ),
        (["draw", "task-run", "--as", "plantum"], "'plantum' is no format. Did you mean 'plantuml'?"),
        (
            ["draw", "task-run", "-o", "x.scmxl"],
            "Error: x.scmxl: no format is known by '.scmxl'. Did you mean '.scxml'?",
        ),
    ],
)
def test_misuse_exits_with_2_and_no_traceback(words: list[str], said: str, tmp_path: Path) -> None:
    """A mistake is told in a line or two that name what would have been right."""
    write(tmp_path, FLOW)
    write(tmp_path, "x = 1", "empty.py")
    write(tmp_path, "from interlock import Flow\na, b = Flow('a'), Flow('b')", "two.py")
    write(tmp_path, "= 3", "bad.toml")
    done = interlock(*words, cwd=tmp_path)
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


def test_a_module_that_raises_shows_its_own_traceback(tmp_path: Path) -> None:
    """What goes wrong in the user's file is shown from the user's file on."""
    write(tmp_path, "def f():\n    return 1 / 0\n\nf()\n")
    for target in ("file.py", "file"):
        done = interlock("run", target, cwd=tmp_path)
        assert done.returncode == 2
        files = [line.split('"')[1] for line in done.stderr.splitlines() if line.startswith("  File ")]
        assert {Path(file).name for file in files} == {"file.py"}
        assert "ZeroDivisionError: division by zero" in done.stderr


@pytest.mark.parametrize("target", ["file.py", "file.py:flow", "package.module", "package.module:flow"])
def test_targets(target: str, tmp_path: Path) -> None:
    """A flow is named by its file or its module, with or without its name."""
    (tmp_path / "package").mkdir()
    write(tmp_path / "package", FLOW, "__init__.py")
    write(tmp_path / "package", FLOW, "module.py")
    write(tmp_path, FLOW)
    assert interlock("run", target, "-p", "n=1", cwd=tmp_path).returncode == 0


def test_parameters_are_json_or_text(tmp_path: Path) -> None:
    """A value that is JSON is read as such, any other is text; the last of several counts."""
    text = "@task\ndef show(p): print(repr(p))\nwith Flow('f') as f: show(p)\n"
    write(tmp_path, f"from interlock import *\np = Parameter('p')\n{text}")
    for value, said in (
        ("3", "3"),
        ("[1, 2]", "[1, 2]"),
        ("text", "'text'"),
        ('"3"', "'3'"),
        ("a=b", "'a=b'"),
        ("", "''"),
    ):
        assert interlock("run", "file.py", "-p", "p=0", "-p", f"p={value}", cwd=tmp_path).stdout.splitlines()[0] == said


def test_json_is_all_there_is_on_the_standard_output(tmp_path: Path) -> None:
    """With --json the output is events, the last one how the flow ended, whatever the tasks print; quiet: only that."""
    write(tmp_path, one_task("print('noise')\nraise FAIL('why')"))
    for words in ([], ["--quiet"]):
        done = interlock("run", "file.py", "--json", "--save", "kept", *words, cwd=tmp_path)
        *events, end = map(json.loads, done.stdout.splitlines())
        assert done.returncode == 1
        assert end == {
            "event": "end",
            "flow": "one",
            "state": "Failed",
            "message": "Some reference tasks failed.",
            "saved": "kept",
            "tasks": {"work-1": {"state": "Failed", "message": "why"}},
        }
        kinds = dict.fromkeys(event["event"] for event in events)  # of "task" there may be several
        assert list(kinds) == ([] if words else ["begin", "task", "failure"])
        assert done.stderr == "noise\n"


def test_quiet_says_nothing_but_errors(tmp_path: Path) -> None:
    """With --quiet a flow that succeeds is silent, and one that fails is not."""
    write(tmp_path, one_task("return 1"))
    done = interlock("run", "file.py", "--quiet", cwd=tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    write(tmp_path, one_task("raise FAIL('why')"))
    done = interlock("run", "file.py", "-q", cwd=tmp_path)
    assert (done.returncode, done.stdout, "work: Failed: why" in done.stderr) == (1, "", True)


def test_only_the_command_line_configures_logging(tmp_path: Path) -> None:
    """The library logs under `interlock`; the command line shows what --log-level asks for."""
    write(tmp_path, one_task("context.logger.info('hello')"))
    assert "hello" not in interlock("run", "file.py", cwd=tmp_path).stderr
    assert "INFO interlock.task.work: hello" in interlock("run", "file.py", "--log-level", "info", cwd=tmp_path).stderr
    code = (
        "import interlock, logging\n"
        "assert not logging.getLogger().handlers and not logging.getLogger('interlock').handlers"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_broken_pipe_is_no_error_of_ours(tmp_path: Path) -> None:
    """Who stops reading gets no traceback."""
    for words in (["draw", "task-run"], ["run", str(write(tmp_path, FLOW))]):
        process = subprocess.Popen(
            [sys.executable, "-m", "interlock", *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=tmp_path
        )
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        said = process.stderr.read().decode()
        process.stderr.close()
        assert process.wait() in (0, 1)
        assert "Traceback" not in said
        assert "BrokenPipe" not in said


def test_drawing(tmp_path: Path) -> None:
    """A life cycle is drawn as Mermaid or as a grid, to the output or to a file."""
    assert interlock("draw", "task-run", cwd=tmp_path).stdout.startswith("---\ntitle: ")
    assert "Pending, Scheduled, Retrying" in interlock("draw", "task-run", "--as", "grid", cwd=tmp_path).stdout
    assert interlock("draw", "flow-run", "-o", "flow.mmd", cwd=tmp_path).stdout == ""
    assert (tmp_path / "flow.mmd").read_text(encoding="utf-8").startswith("---\ntitle: ")


@pytest.mark.parametrize(
    ("name", "begins"),
    [
        ("flow.gv", "digraph"),
        ("flow.puml", "@startuml"),
        ("flow.scxml", "<?xml"),
        ("FlowRun.TLA", "-----"),
        ("flow.json", '{\n  "form": 1,'),
        ("flow.txt", "raised by engine -"),
        ("flow.md", "| state | *SUCCESS* |"),
        ("flow.html", "<!DOCTYPE html>"),
        ("flow", "---\ntitle: "),
    ],
)
def test_the_ending_of_a_file_says_what_is_drawn(name: str, begins: str, tmp_path: Path) -> None:
    """What a file is called decides what is written to it; --as decides before."""
    assert interlock("draw", "flow-run", "-o", name, cwd=tmp_path).returncode == 0
    text = (tmp_path / name).read_text(encoding="utf-8")
    assert text.startswith(begins)
    assert text.endswith("\n")
    assert not text.endswith("\n\n")
    assert interlock("draw", "flow-run", "--as", "xstate", "-o", name, cwd=tmp_path).returncode == 0
    assert (tmp_path / name).read_text(encoding="utf-8").startswith('{\n  "id": "flow-run"')


@pytest.mark.skipif(not shutil.which("dot") and not os.environ.get("CI"), reason="the program dot is not installed")
def test_a_picture_is_written_as_it_is(tmp_path: Path) -> None:
    """A PNG is bytes, in a file and in a pipe."""
    assert interlock("draw", "flow-run", "-o", "flow.png", cwd=tmp_path).returncode == 0
    written = (tmp_path / "flow.png").read_bytes()
    assert written.startswith(b"\x89PNG")
    command = [sys.executable, "-m", "interlock", "draw", "flow-run", "--as", "png"]
    assert subprocess.run(command, capture_output=True, check=True, cwd=tmp_path).stdout == written


pexpect_needed = pytest.mark.skipif(sys.platform == "win32", reason="there are no pseudo-terminals on Windows")


@pexpect_needed
@pytest.mark.parametrize("columns", [60, 100])
def test_a_terminal_is_not_overrun(columns: int, tmp_path: Path) -> None:
    """On a terminal the table and the grid fit its width, with colours unless NO_COLOR is set."""
    import pexpect

    write(tmp_path, FLOW)
    for words in (["run", "file.py", "-p", "n=2"], ["draw", "task-run", "--as", "grid"]):
        for no_color in ("", "1"):
            env = {**os.environ, "NO_COLOR": no_color, "TERM": "xterm-256color", "COLUMNS": str(columns)}
            child = pexpect.spawn(
                sys.executable, ["-m", "interlock", *words], cwd=str(tmp_path), env=env, dimensions=(40, columns)
            )
            shown = child.read().decode()
            child.close()
            plain = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", shown)
            assert child.exitstatus == 0
            assert max(len(line) for line in plain.replace("\r", "\n").splitlines()) <= columns
            assert ("\x1b[38;5;" in shown) is (no_color == "")


@pexpect_needed
def test_ctrl_c_cancels_and_tells_every_state(tmp_path: Path) -> None:
    """Ctrl-C ends the flow in Cancelled, with each task's state, and without a traceback of ours."""
    write(tmp_path, one_task("import sys, time\nprint('ready', flush=True)\ntime.sleep(60)"))
    process = subprocess.Popen(
        [sys.executable, "-m", "interlock", "run", "file.py"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=tmp_path,
        text=True,
        preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),  # a shell's background job ignores it
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    process.send_signal(signal.SIGINT)
    out, err = process.communicate()
    assert process.returncode == 4
    assert "one: Cancelled: Some reference tasks were cancelled." in out
    assert "work-1  Cancelled" in out
    assert "interlock/_" not in err


def test_a_summary_counts_the_children_of_a_map_that_was_stopped(tmp_path: Path) -> None:
    """What they did before is told, in words and as JSON."""
    text = """
        from interlock import *

        @task
        def numbers(): return [0, 1, 2, 3]

        @task
        def one(i):
            if i == 2: raise KeyboardInterrupt

        with Flow("stopped") as flow:
            one.map(numbers())
    """
    file = str(write(tmp_path, text))
    done = interlock("run", file, "--no-save", cwd=tmp_path)
    assert done.returncode == 4
    assert "one-1      Cancelled  2 Success, 2 Cancelled" in done.stdout
    end = json.loads(interlock("run", file, "--no-save", "--json", cwd=tmp_path).stdout.splitlines()[-1])
    assert end["tasks"]["one-1"]["children"] == {"Success": 2, "Cancelled": 2}
