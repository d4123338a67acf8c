"""The examples that embed `Machine` and `Run`: a job queue, a service that keeps orders, an agent that asks."""

from __future__ import annotations

import ast
import importlib
import json
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from interlock import Machine, NoTransition, Run
from interlock.examples.agent import AGENT, PROPOSE, Agent
from interlock.examples.job_queue import JOB, Queue
from interlock.examples.orders import ORDER

NAMES = ["job_queue", "orders", "agent"]


@pytest.mark.parametrize("name", NAMES)
def test_an_example_is_short_and_uses_what_is_public_and_generic(name: str) -> None:
    """Each is under a hundred lines, imports the generic core alone, and touches no private name."""
    text = Path(str(importlib.import_module(f"interlock.examples.{name}").__file__)).read_text(encoding="utf-8")
    nodes = list(ast.walk(ast.parse(text)))
    froms = [node for node in nodes if isinstance(node, ast.ImportFrom)]
    ours = {alias.name for node in froms if str(node.module).split(".")[0] == "interlock" for alias in node.names}
    plain = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    assert len(text.splitlines()) < 100
    assert all(line == line.rstrip() and len(line) <= 120 for line in text.splitlines())
    assert {"Machine", "Run"} <= ours <= {"Machine", "Run", "NoTransition"}
    assert "interlock" not in {name.split(".")[0] for name in plain}
    assert [node.module for node in froms if str(node.module).startswith("interlock.")] == []
    assert [node.attr for node in nodes if isinstance(node, ast.Attribute) and node.attr.startswith("_")] == []


@pytest.mark.parametrize("machine", [JOB, ORDER, AGENT], ids=NAMES)
def test_a_table_holds_what_every_table_must(machine: Machine) -> None:
    """Each table passes the check that explores it under every signal at every time."""
    assert machine.check().ok


def python(*words: str, cwd: Path, given: str = "") -> str:
    done = subprocess.run(
        [sys.executable, *words], cwd=cwd, input=given, capture_output=True, text=True, encoding="utf-8", check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


# The job queue


class Clock:
    """A time that stands until a test moves it."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


@contextmanager
def opened(file: Path, clock: Callable[[], float] = time.time) -> Iterator[Queue]:
    queue = Queue(str(file), 30, clock)
    with closing(queue.db):
        yield queue


def rows(queue: Queue) -> list[Any]:  # Any: what SQLite holds
    return queue.db.execute("SELECT payload, state, result, due, run FROM jobs ORDER BY key").fetchall()


def stories(queue: Queue) -> list[str]:
    return [str(Run.from_dict(JOB, json.loads(row[4])).story) for row in rows(queue)]


WORKERS = """
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from interlock.examples.job_queue import Queue

def worker(number):
    def work(payload):
        worked.append(payload)
        return payload * 2
    worked = []
    queue = Queue(sys.argv[1])
    queue.db.execute("PRAGMA synchronous = OFF")  # what the system holds survives a kill; the disk is not the matter
    with closing(queue.db):
        queue.work(work)
    return worked

with ThreadPoolExecutor(2) as pool:
    print(*[payload for worked in pool.map(worker, range(2)) for payload in worked])
"""


def test_ten_thousand_jobs_end_once_each(tmp_path: Path) -> None:
    """Two processes with two threads each work off ten thousand jobs: each is worked on once, and ends once."""
    with opened(tmp_path / "jobs") as queue:
        queue.put(map(str, range(10_000)))
        with ThreadPoolExecutor(2) as pool:
            told = list(pool.map(lambda _: python("-c", WORKERS, "jobs", cwd=tmp_path).split(), range(2)))
        assert sorted(map(int, told[0] + told[1])) == list(range(10_000))
        found = rows(queue)
        assert [row[:4] for row in found] == [(str(n), "Done", str(n) * 2, None) for n in range(10_000)]
        assert {tuple(step["signal"] for step in json.loads(row[4])["story"]["steps"]) for row in found} == {
            ("TAKE", "DONE")
        }


HANGS = """
import sys, time
from concurrent.futures import ThreadPoolExecutor
from interlock.examples.job_queue import Queue

def work(payload):
    if payload >= "5":
        print(payload, flush=True)
        time.sleep(3600)
    return "by the first"

with ThreadPoolExecutor(2) as pool:
    list(pool.map(lambda _: Queue(sys.argv[1]).work(work), range(2)))
"""


def test_a_killed_process_loses_nothing(tmp_path: Path) -> None:
    """What a killed process had in hand is done by another once the leases are over; what it did stays done."""
    with opened(tmp_path / "jobs") as queue:
        queue.put("0123456789")
    with subprocess.Popen(
        [sys.executable, "-c", HANGS, "jobs"], cwd=tmp_path, stdout=subprocess.PIPE, encoding="utf-8"
    ) as process:
        assert process.stdout is not None
        held = sorted(process.stdout.readline().strip() for _ in range(2))
        process.kill()
    assert held == ["5", "6"]
    with opened(tmp_path / "jobs") as early:
        assert early.claim() == (8, 1, "7")  # the leases are not over: nobody else gets what was in hand
        assert early.end(8, 1, "DONE", "by hand") == "Done"
    with opened(tmp_path / "jobs", lambda: time.time() + 3600) as late:
        late.work(lambda payload: "by the second")
        results = ["by the first"] * 5 + ["by the second"] * 2 + ["by hand"] + ["by the second"] * 2
        assert [row[1:3] for row in rows(late)] == [("Done", result) for result in results]
        plain = "Waiting -TAKE-> Working -DONE-> Done"
        lost = "Waiting -TAKE-> Working -LOST-> Waiting -TAKE-> Working -DONE-> Done"
        assert stories(late) == [plain] * 5 + [lost] * 2 + [plain] * 3


def test_what_a_lost_worker_says_is_dropped(tmp_path: Path) -> None:
    """A worker whose lease was over changes nothing any more, whatever it says and however often."""
    clock = Clock()
    with opened(tmp_path / "jobs", clock) as slow, opened(tmp_path / "jobs", clock) as quick:
        slow.put(["a"])
        assert slow.claim() == (1, 1, "a")
        assert quick.claim() is None
        clock.now += 31
        assert quick.claim() == (1, 2, "a")
        before = rows(quick)
        assert [slow.end(1, 1, signal, "late") for signal in ("DONE", "FAIL", "LOST")] == [None] * 3
        assert rows(quick) == before
        assert quick.end(1, 2, "DONE", "right") == "Done"
        assert slow.end(1, 1, "DONE", "late") is None
        assert quick.end(1, 2, "DONE", "twice") is None
        assert rows(quick)[0][:4] == ("a", "Done", "right", None)


def test_a_lease_that_nobody_else_took_still_counts(tmp_path: Path) -> None:
    """A slow worker's result is kept as long as nobody has sent LOST."""
    clock = Clock()
    with opened(tmp_path / "jobs", clock) as queue:
        queue.put(["a"])
        assert queue.claim() == (1, 1, "a")
        clock.now += 1_000
        assert queue.end(1, 1, "DONE", "slow") == "Done"


def test_retries_are_bounded(tmp_path: Path) -> None:
    """Work that raises is tried three times; so is work whose workers die, and then the next job's turn comes."""
    tried = []

    def work(payload: str) -> str:
        tried.append(payload)
        raise OSError(payload)

    clock = Clock()
    with opened(tmp_path / "jobs", clock) as queue:
        queue.put(["a"])
        queue.work(work)
        assert tried == ["a"] * 3
        assert rows(queue)[0][:4] == ("a", "Dead", "OSError('a')", None)
        queue.put(["b"])
        for attempt in (1, 2, 3):
            assert queue.claim() == (2, attempt, "b")
            clock.now += 31
        queue.put(["c"])
        assert queue.claim() == (3, 1, "c")  # in passing, b was given up
        assert [row[1] for row in rows(queue)] == ["Dead", "Dead", "Working"]
        again = " -LOST-> Waiting -TAKE-> Working"
        assert stories(queue)[1] == f"Waiting -TAKE-> Working{again}{again} -LOST-> Dead"


def test_a_mistake_leaves_the_job_as_it_was(tmp_path: Path) -> None:
    """What the table does not know changes nothing and holds no lock."""
    with opened(tmp_path / "jobs") as queue, opened(tmp_path / "jobs") as other:
        queue.put(["a", "b"])
        queue.claim()
        before = rows(queue)
        with pytest.raises(ValueError, match="Did you mean 'DONE'"):
            queue.end(1, 1, "DOEN", "")
        with pytest.raises(NoTransition, match="TAKE is refused in Working"):
            queue.end(1, 1, "TAKE", "")
        assert rows(queue) == before
        assert other.claim() == (2, 1, "b")


def test_one_of_many_gets_the_job(tmp_path: Path) -> None:
    """Of eight threads that claim at once, each with its own connection, one gets the one job that there is."""
    barrier = threading.Barrier(8)

    def claim(_: int) -> object:
        with opened(tmp_path / "jobs") as queue:  # the first ones also make the file
            barrier.wait()
            job = queue.claim()
            barrier.wait()
            return job

    with opened(tmp_path / "jobs") as queue, ThreadPoolExecutor(8) as pool:
        for number in range(1, 11):
            queue.put(["x"])
            assert [job for job in pool.map(claim, range(8)) if job] == [(number, 1, "x")]


def test_the_queue_s_program(tmp_path: Path) -> None:
    """The command of the page works off what it is given, and what an earlier one left."""
    words = ("-m", "interlock.examples.job_queue", "jobs.sqlite")
    dead = "ValueError(\"invalid literal for int() with base 10: 'nine'\")"
    lines = [("Done", "7", "49"), ("Done", "8", "64"), ("Dead", "nine", dead)]
    assert python(*words, "7", "8", "nine", cwd=tmp_path).splitlines() == [str(line) for line in lines]
    with opened(tmp_path / "jobs.sqlite") as queue:
        queue.put(["10"])
    assert python(*words, cwd=tmp_path).splitlines()[3:] == [str(("Done", "10", "100"))]
