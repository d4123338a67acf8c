"""What is shown while a flow runs: the tally of it, lines, bars, events, and what is printed meanwhile."""

from __future__ import annotations

import io
import json
import logging
import re
import shlex
import subprocess
import sys
import textwrap
import threading
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import attrs
import pytest
from flows_drawn import Drawn, World, built, flows
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console
from rich.text import Text

from interlock import Flow, _begin, _tally, pause_task, signals, task
from interlock._events import Events
from interlock._flow_runner import FlowRunner
from interlock._printed import Foot
from interlock._progress import Bars, Lines, View, Watcher, clock
from interlock._tally import News, Tally, left
from interlock.states import BY_NAME, Scheduled, State
from interlock.triggers import manual_only


def state_over(name: str) -> bool:
    """Return whether a state of this name is final."""
    return BY_NAME[name]().is_finished()


class Looks:
    """A view that keeps what it was shown, of a flow whose tasks look themselves."""

    def __init__(self, view: View | None = None) -> None:
        self.now = 0.0
        self.shown: list[list[tuple[str, int, int, dict[str, int], str]]] = []
        self.failed: list[str] = []
        self.view = view
        self.watcher = Watcher(self, lambda: self.now)

    def open(self) -> None:
        raise AssertionError("nobody enters it")

    def close(self) -> None:
        raise AssertionError("nobody leaves it")

    def show(self, tally: Tally, news: News, now: float, time: float) -> None:
        lines = [(line.name, line.done, line.total, dict(line.counts()), tally.why(line, time)) for line in tally.lines]
        self.shown.append(lines)
        self.failed += [runner.name for runner in news.failed]
        if self.view is not None:
            self.view.show(tally, news, now, time)

    def look(self, seconds: float = 0.1, closely: bool = True) -> None:
        self.now += seconds
        self.watcher.look(closely)

    def run(self, flow: Flow, **options: Any) -> State:
        state = attrs.evolve(_begin.asked(flow, how=_begin.How(**options)), looks=self.watcher.tally.looks_at).run()
        self.look()
        return state


def test_a_tally_tells_how_far_each_task_is_and_what_it_waits_for() -> None:
    """Counts by state, totals of maps as soon as they are known, upstreams by name, retries by their time."""
    looks = Looks()

    @task
    def numbers() -> list[int]:
        looks.look()
        return [1, 2, 3]

    @task(max_retries=1, retry_delay=0.01)
    def check(x: int) -> int:
        if x == 2:
            raise ValueError("two is bad")
        if x == 3:
            looks.look()
        return x

    @task
    def add(xs: list[int], a: list[int], b: list[int]) -> int:
        return sum(xs + a + b)

    with Flow("demo") as flow:
        checked = check.map(numbers())
        add(checked, numbers(), numbers())
    looks.run(flow)
    first, middle = looks.shown[0], looks.shown[1]
    assert first == [
        ("numbers-1", 0, 1, {"Running": 1}, ""),
        ("numbers-2", 0, 1, {}, ""),
        ("numbers-3", 0, 1, {}, ""),
        ("check-1", 0, 0, {}, "numbers-1"),
        ("add-1", 0, 1, {}, "check-1, numbers-2 and 1 more"),
    ]
    assert middle[3] == ("check-1", 1, 3, {"Success": 1, "Retrying": 1, "Running": 1}, "its retry, in 0 s")
    assert looks.shown[-1][3:] == [
        ("check-1", 3, 3, {"Success": 2, "Failed": 1}, ""),
        ("add-1", 1, 1, {"TriggerFailed": 1}, ""),
    ]
    assert looks.failed == ["check[1]", "add"]


def test_a_tally_tells_who_waits_for_a_person_a_time_or_a_place() -> None:
    """Paused tasks, tasks that are to begin later, and those whose tag has no place left."""
    looks = Looks()

    @task(tags=["db", "far"])
    def tagged() -> None:
        looks.look()

    @task(trigger=manual_only)
    def asks() -> None:
        raise AssertionError("nobody has said that it may go on")

    with Flow("waits") as flow:
        asks()
        tagged()
        tagged()
    looks.run(flow, executor="threads", workers=3, tag_limits={"db": 1})
    assert [line[-1] for line in looks.shown[0]] == ["a person", "", "a place: db"]
    later = datetime.now(UTC) + timedelta(days=1)
    for begun, options in (("its time, in 86,", {"task_states": {"asks-1": Scheduled(start_time=later)}}), ("", {})):
        looks = Looks()
        asked = _begin.asked(flow, **options)  # type: ignore[arg-type]  # what it takes
        runner = asked.begin()
        assert isinstance(runner, FlowRunner)
        looks.watcher.tally.looks_at(runner)
        for _ in range(3):
            runner.next(time.time())
        looks.look()
        assert looks.shown[0][0][-1].startswith(begun)


def test_a_flow_that_is_to_begin_later_says_so() -> None:
    """There is nothing else to tell of it."""
    later = datetime.now(UTC) + timedelta(seconds=90)
    with Flow("later") as flow:
        task(name="one")(lambda: 1)()
    console = Console(file=io.StringIO(), width=80)
    looks = Looks(Bars(console))
    runner = _begin.asked(flow, state=Scheduled(start_time=later)).begin()
    assert isinstance(runner, FlowRunner)
    looks.watcher.tally.looks_at(runner)
    looks.look()
    assert re.search(r"later: begins in 1:(29|30)\n", shown(console))


def shown(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


@settings(max_examples=50, deadline=None)
@given(drawn=flows(), often=st.integers(1, 5), close=st.integers(1, 3), few=st.booleans())
def test_a_tally_ends_with_the_states_of_the_flow(drawn: Drawn, often: int, close: int, few: bool) -> None:
    """However often one looks, and how closely, each run is counted once, and in the state in which it ended."""
    looks = Looks()
    world, begun = World(), 0

    class Often(World):
        def act(self, kind: str, place: int, script: tuple[str, ...]) -> str | None:
            nonlocal begun
            begun += 1
            if begun % often == 0:
                looks.look(closely=begun // often % close == 0)
            return world.act(kind, place, script)

    flow = built(drawn, Often())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_tally, "MOST", 40 if few else 0)
        state = looks.run(flow)
        tally = looks.watcher.tally
        ended: Counter[str] = Counter()
        for one in flow.tasks:
            children = state.result.children(one)
            ended.update(type(child).__name__ for child in children or [state.result[one]])
        del ended["Pending"], ended["Mapping"]  # nothing has happened to those, and these wait and have no children
    assert sum((line.counts() for line in tally.lines), Counter()) == ended
    assert tally.totals()[0] == sum(state_over(name) * number for name, number in ended.items())
    assert all(line[1] <= line[2] or not line[2] for lines in looks.shown for line in lines)


def test_a_glance_tells_how_many_children_are_over() -> None:
    """It looks at none of them: which states they ended in is told by the next look, that counts none twice."""
    looks = Looks()

    @task
    def child(number: int) -> int:
        if number in (0, 2, 3):
            looks.look(closely=number == 2)
        if number == 1:
            raise signals.SKIP("one")
        return number

    with Flow("glances") as flow:
        child.map(task(name="numbers")(lambda: list(range(5)))())
    looks.run(flow)
    told = [lines[1][1:4] for lines in looks.shown]
    assert told == [
        (0, 5, {}),
        (2, 5, {"Success": 1, "Skipped": 1, "Running": 1}),
        (3, 5, {"Success": 1, "Skipped": 1, "over": 1}),
        (5, 5, {"Success": 4, "Skipped": 1}),
    ]


def test_what_was_over_before_is_counted_too() -> None:
    """A flow run that goes on shows what was done before, and estimates by what is done now."""
    first, again = Looks(), Looks()
    current = [first]

    @task
    def work(x: int) -> int:
        current[-1].look(1.0)
        if x == 90 and current == [first]:
            pause_task("look")
        return x

    with Flow("on") as flow:
        work.map(task(name="numbers")(lambda: list(range(100)))())
    state = first.run(flow)
    assert state.is_paused()
    current.append(again)
    ended = attrs.evolve(
        _begin.resumed(flow, state, None, None, None, None, _begin.How()), looks=again.watcher.tally.looks_at
    ).run()
    again.look()
    assert ended.is_successful()
    assert again.shown[-1][1] == ("work-1", 100, 100, {"Success": 100}, "")
    assert again.watcher.tally.lines[1].before == 99


def test_estimates() -> None:
    """By what was done in which time; nothing before that can be told, and of the last second."""
    assert left(10, 20, 5.0) == 10.0
    assert [left(2, 20, 5.0), left(10, 20, 0.5), left(100, 1, 5.0)] == [None] * 3
    assert [clock(seconds) for seconds in (0.4, 59.6, 754.0, 3723.0)] == ["0:00", "1:00", "12:34", "1:02:03"]


def many(number: int) -> Flow:
    """Return a flow of so many tasks of different names; every tenth fails."""
    with Flow("many") as flow:
        for place in range(number):
            task(name=f"t{place}")(lambda n: n if n % 10 else 1 // n)(place % 20)
    return flow


def test_lines_are_for_few_tasks_and_counts_for_many() -> None:
    """Where there are too many for a line each, counts are told now and then, and the first failures at once."""
    console = Console(file=io.StringIO(), width=60)
    looks = Looks(Lines(console))
    flow = many(60)
    for place, one in enumerate(flow.tasks):
        if place % 17 == 16:
            one.run = looked(one.run, looks)  # type: ignore[method-assign]  # it looks too
    looks.run(flow)
    zero = "Failed: ZeroDivisionError: integer division or modulo by zero"
    assert shown(console).splitlines() == [
        f"t0: {zero}",
        f"t20: {zero}",
        "many: 33 of 60 are over: 31 Success, 2 Failed, 1 Running",
        f"t40: {zero}",
        "many: 50 of 60 are over: 47 Success, 3 Failed, 1 Running",
    ]


def looked(body: Any, looks: Looks) -> Any:
    def run(n: int) -> object:
        looks.look(6.0)
        return body(n)

    return run


def test_bars_fit_the_terminal() -> None:
    """What is under way comes first, then what ended last; the rest is counted; old lines are taken away."""
    console = Console(file=io.StringIO(), width=70, height=8, force_terminal=True, color_system=None)
    looks = Looks(Bars(console))
    with Flow("wide") as flow:
        for place in range(12):
            task(name=f"t{place}")(lambda: looks.look(1.5))()
        task(name="mapped")(lambda x: looks.look(1.5)).map(task(name="five")(lambda: [1, 2, 3, 4, 5])())
    looks.run(flow)
    frames = [plain(frame).splitlines() for frame in shown(console).split("\r")]
    assert [line.rstrip() for line in frames[9]] == [
        "t5-1   0:02 Success",
        "t6-1   0:02 Success",
        "t7-1   0:02 Success",
        "t8-1   0:00 Running",
        "10 more: 5 over, 5 not",
        "wide: 8 of 13, 0:12, about 0:08 left",
    ]
    assert [line.rstrip() for line in frames[-2]][-3:] == [
        "mapped-1 ━━━━━━━━   4/5 0:06, 0:02 left 4 Success, 1 Running",
        "10 more: 10 over, 0 not",
        "wide: 17 of 18, 0:24, about 0:01 left",
    ]
    assert {frame.count("\x1b[1A\x1b[2K") for frame in shown(console).split("\r")[2:]} == {6}
    assert max(len(line) for frame in frames for line in frame) <= 70


def plain(text: str) -> str:
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text)


def test_events_are_lines_of_json() -> None:
    """What changed of each task, and each failure, as it happens."""
    file = io.StringIO()
    looks = Looks(Events(file))

    @task
    def check(x: int) -> int:
        looks.look(1.0)
        return 6 // (x - 2)

    with Flow("told") as flow:
        check.map(task(name="numbers")(lambda: [3, 2])())
    looks.run(flow)
    events = [json.loads(line) for line in file.getvalue().splitlines()]
    assert events.pop(1)["task"] == "numbers-1"
    told = {"total": 2, "left": None, "waits": None, "task": "check-1"}
    assert events == [
        {"event": "begin", "flow": "told", "tasks": 2},
        {"event": "task", "seconds": 0.0, "over": 0, "states": {"Running": 1}, **told},
        {"event": "task", "seconds": 1.0, "over": 1, "states": {"Success": 1, "Running": 1}, **told},
        {"event": "task", "seconds": 1.1, "over": 2, "states": {"Success": 1, "Failed": 1}, **told},
        {
            "event": "failure",
            "seconds": 1.1,
            "task": "check-1",
            "index": 1,
            "attempt": 1,
            "state": "Failed",
            "message": "ZeroDivisionError: integer division or modulo by zero",
        },
    ]


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def __init__(self, name: str, log: list[tuple[str, str]]) -> None:
        super().__init__()
        self.name, self.log = name, log

    def write(self, text: str, /) -> int:
        self.log.append((self.name, text))
        return len(text)

    def isatty(self) -> bool:
        return True


def test_what_is_printed_stands_above_the_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whole lines go to the stream that they were meant for, in their order; nothing is lost at the end."""
    log: list[tuple[str, str]] = []
    out, err = Terminal("out", log), Terminal("err", log)
    monkeypatch.setattr(sys, "stdout", out)
    monkeypatch.setattr(sys, "stderr", err)
    handler = logging.StreamHandler(err)
    logging.getLogger().addHandler(handler)
    foot = Foot(Console(file=Terminal("foot", log), force_terminal=True, color_system=None, width=40))
    try:
        with foot.shown():
            foot.draw(Text("one line"))
            del log[:]
            print("a", 1)
            print("rest", end="")
            logging.getLogger().warning("logged")
            print("b", file=sys.stderr)
            assert log == []
            foot.draw(Text("another"))
            assert [part for part in log if part[1].strip()] == [
                ("foot", "\r\x1b[1A\x1b[2K"),
                ("out", "a 1\n"),
                ("err", "logged\nb\n"),
                ("foot", "another".ljust(7) + "\n"),
            ]
            print(" of it\r50 %\r100 %", end="")
            foot.draw(Text("another"))
            del log[:]
        assert [part for part in log if part[0] == "out"] == [("out", "100 %")]
    finally:
        logging.getLogger().removeHandler(handler)
    assert (sys.stdout, sys.stderr, handler.stream) == (out, err, err)


def test_who_flushes_is_written_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A program that dies has shown what it flushed before; but not more often than one can read."""
    log: list[tuple[str, str]] = []
    monkeypatch.setattr(sys, "stdout", Terminal("out", log))
    now = 10.0
    monkeypatch.setattr("interlock._printed.time.monotonic", lambda: now)
    foot = Foot(Console(file=Terminal("foot", []), force_terminal=True, color_system=None))
    with foot.shown():
        print("first", flush=True)
        print("second", flush=True)
        assert log == [("out", "first\n")]
        now += 1.0
        print("third", flush=True)
        assert log == [("out", "first\n"), ("out", "second\nthird\n")]


def test_a_watcher_looks_in_a_thread_of_its_own() -> None:
    """It shows what is new while a task goes on, and a last time in the end; it leaves no thread."""
    seen = threading.Event()

    class Until(Lines):
        def show(self, tally: Tally, news: News, now: float, time: float) -> None:
            super().show(tally, news, now, time)
            seen.set()

    console = Console(file=io.StringIO(), width=60)
    with Flow("slow") as flow:
        task(name="waits")(lambda: seen.wait(60))()
    threads = threading.active_count()
    with Watcher(Until(console)) as watcher:
        state = attrs.evolve(_begin.asked(flow), looks=watcher.tally.looks_at).run()
    assert next(iter(state.result.values())).result is True
    assert shown(console) == "waits: Success\n"
    assert threading.active_count() == threads


@pytest.mark.parametrize("words", [[], ["--json"]])
def test_who_stops_looking_does_not_stop_the_flow(words: list[str], tmp_path: Path) -> None:
    """A pipe that nobody reads any more is no reason to end, and what did not succeed is kept as ever."""
    text = """
        import time
        from interlock import *

        @task
        def one(i):
            time.sleep(0.3)
            if i == 2: raise ValueError("two")

        with Flow("f") as f:
            one(0)
            one(1)
            one(2)
    """
    (tmp_path / "file.py").write_text(textwrap.dedent(text), encoding="utf-8")
    process = subprocess.Popen(
        [sys.executable, "-m", "interlock", "run", "file.py", "--save", "kept", *words],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    (process.stdout if words else process.stderr).close()
    (process.stderr if words else process.stdout).read()
    assert process.wait() == 1
    assert (tmp_path / "kept").exists()
    process.stdout.close()
    process.stderr.close()


@pytest.mark.skipif(sys.platform == "win32", reason="there are no pseudo-terminals on Windows")
def test_what_is_piped_stays_in_the_pipe(tmp_path: Path) -> None:
    """Bars on the terminal do not take what is printed from a standard output that goes elsewhere."""
    import pexpect

    text = "from interlock import *\n@task\ndef one(): print('printed')\nwith Flow('f') as f: one()\n"
    (tmp_path / "file.py").write_text(text, encoding="utf-8")
    for words, printed in ((" > out", b""), ("", b"printed\r\n")):
        command = f"{shlex.quote(sys.executable)} -m interlock run file.py{words}"
        child = pexpect.spawn("/bin/sh", ["-c", command], cwd=str(tmp_path), timeout=60)
        terminal = child.read()
        child.close()
        assert child.exitstatus == 0
        assert b"f: 1 of 1" in terminal
        assert (printed in terminal) if printed else (b"printed" not in terminal)
    assert (tmp_path / "out").read_text(encoding="utf-8").splitlines()[0] == "printed"
