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
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, ClassVar

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
        sys.stdout.write(payload + "\\n")  # one write, or two threads may mix theirs
        sys.stdout.flush()
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


BUSY = """
import sys, time
from concurrent.futures import ThreadPoolExecutor
from interlock.examples.job_queue import Queue

def work(payload):
    sys.stdout.write(payload + "\\n")
    sys.stdout.flush()
    if int(payload) >= 500:  # in case that nobody comes to kill it before
        time.sleep(3600)
    return payload

with ThreadPoolExecutor(2) as pool:
    list(pool.map(lambda _: Queue(sys.argv[1]).work(work), range(2)))
"""


def test_a_process_killed_at_any_moment_loses_nothing(tmp_path: Path) -> None:
    """Processes are killed while they claim and end jobs as fast as they can: still every job ends once."""
    with opened(tmp_path / "jobs") as queue:
        queue.put(map(str, range(600)))
    begun: list[str] = []
    for many in (150, 1, 1):
        command = [sys.executable, "-c", BUSY, "jobs"]
        with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, encoding="utf-8") as process:
            assert process.stdout is not None
            begun += [process.stdout.readline().strip() for _ in range(many)]
            process.kill()
            begun += process.stdout.read().split()
    with opened(tmp_path / "jobs", lambda: time.time() + 3600) as late:
        left = late.db.execute("SELECT count(*) FROM jobs WHERE due IS NOT NULL").fetchone()[0]
        assert 0 < left < 600  # they were killed in the middle
        late.work(lambda payload: begun.append(payload) or payload)  # type: ignore[func-returns-value]
        assert [row[:4] for row in rows(late)] == [(str(n), "Done", str(n), None) for n in range(600)]
        told = [story.count("-DONE->") for story in stories(late)]
        lost = sum(story.count("-LOST->") for story in stories(late))
    assert told == [1] * 600
    assert lost <= 6  # what the two threads of three processes had in hand
    assert len(begun) <= 600 + lost


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


# The service that keeps orders


class Service:
    """The program, started as a user starts it, and requests to it over sockets."""

    def __init__(self, folder: Path) -> None:
        command = [sys.executable, "-m", "interlock.examples.orders", "orders.sqlite", "0"]
        self.process = subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, encoding="utf-8")
        assert self.process.stdout is not None
        self.port = int(self.process.stdout.readline().removesuffix("/orders\n").rpartition(":")[2])

    def kill(self) -> None:
        self.process.kill()
        self.process.communicate()

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=60)

    def send(self, request: bytes) -> tuple[int, dict[str, str], dict[str, Any]]:
        """Return status, headers and content of the answer; nothing comes behind the request. Any: JSON."""
        with self.connect() as client:
            client.sendall(request)
            client.shutdown(socket.SHUT_WR)
            return answer(client)

    def ask(self, method: str, path: str, content: object = None) -> tuple[int, dict[str, Any]]:
        """Any: JSON."""
        body = b"" if content is None else json.dumps(content).encode()
        head = f"{method} {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n\r\n"
        status, _, said = self.send(head.encode() + body)
        return status, said


def answer(client: socket.socket) -> tuple[int, dict[str, str], dict[str, Any]]:
    """Read an answer to its end, and check its form. Any: JSON."""
    with client.makefile("rb") as file:
        head, _, body = file.read().partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    version, status, _ = first.split(" ", 2)
    headers = dict(line.split(": ", 1) for line in lines)
    assert version == "HTTP/1.1"
    assert (headers["Content-Length"], headers["Content-Type"]) == (str(len(body)), "application/json")
    said = json.loads(body)
    assert isinstance(said, dict)
    return int(status), headers, said


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    started = Service(tmp_path)
    yield started
    started.kill()


def test_an_order_goes_its_way(service: Service) -> None:
    """An order is placed, paid and sent; whatever the table refuses is answered with 409, the reason, and what goes."""
    placed = {"id": 1, "content": {"item": "book"}, "state": "Placed", "accepts": ["PAY", "DROP"], "story": "Placed"}
    assert service.ask("POST", "/orders", {"item": "book"}) == (201, placed)
    assert service.ask("POST", "/orders", {"item": "pen"})[1]["id"] == 2
    early = "order: SEND is refused in Placed: nobody has paid; Placed accepts: PAY, DROP"
    refused = {"error": early, "state": "Placed", "accepts": ["PAY", "DROP"]}
    assert service.ask("POST", "/orders/1/signals", {"signal": "SEND"}) == (409, refused)
    assert service.ask("GET", "/orders/1?pretty=1") == (200, placed)
    paid = {**placed, "state": "Paid", "accepts": ["SEND", "DROP"], "story": "Placed -PAY-> Paid"}
    assert service.ask("POST", "/orders/1/signals", {"signal": "PAY"}) == (200, paid)
    status, said = service.ask("POST", "/orders/1/signals", {"signal": "PAY"})
    assert (status, said["accepts"]) == (409, ["SEND", "DROP"])
    assert "PAY is refused in Paid: it is paid already" in said["error"]
    status, said = service.ask("POST", "/orders/1/signals", {"signal": "SEND"})
    assert (status, said["state"], said["accepts"]) == (200, "Sent", [])
    status, said = service.ask("POST", "/orders/1/signals", {"signal": "DROP"})
    assert (status, said["accepts"]) == (409, [])
    assert service.ask("GET", "/orders/2")[1]["state"] == "Placed"


SIGNALS = b"POST /orders/1/signals HTTP/1.1\r\n"


def posted(body: bytes) -> bytes:
    """Return a request whose head is right, whatever its body is."""
    return SIGNALS + f"Content-Length: {len(body)}\r\n\r\n".encode() + body


MALFORMED = {
    "no request": b"hello\r\n\r\n",
    "no version": b"GET /orders/1\r\n\r\n",
    "another version": b"GET /orders/1 HTTP/2\r\n\r\n",
    "an old version": b"GET /orders/1 HTTP/0.9\r\n\r\n",
    "too many words": b"GET /orders/1 and HTTP/1.1\r\n\r\n",
    "no colon": b"GET /orders/1 HTTP/1.1\r\nHost localhost\r\n\r\n",
    "no end": b"GET /orders/1 HTTP/1.1\r\nHost: localhost\r\n",
    "nothing": b"",
    "a head without end": b"GET /orders/1 HTTP/1.1\r\nHost: " + b"x" * (65_540 - 32),
    "a length in words": SIGNALS + b"Content-Length: ten\r\n\r\n",
    "a negative length": SIGNALS + b"Content-Length: -1\r\n\r\n",
    "a length with a sign": posted(b'{"signal": "PAY"}').replace(b": 17", b": +17"),
    "a length as Python writes it": posted(b'{"signal": "PAY"}').replace(b": 17", b": 1_7"),
    "an empty length": SIGNALS + b"Content-Length: \r\n\r\n",
    "two lengths": SIGNALS + b"content-length: 99\r\n" + posted(b'{"signal": "PAY"}').removeprefix(SIGNALS),
    "too large a length": SIGNALS + b"Content-Length: 100000\r\n\r\n",
    "chunks": SIGNALS + b"Transfer-Encoding: chunked\r\n" + posted(b'{"signal": "PAY"}').removeprefix(SIGNALS),
    "less than was said": SIGNALS + b"Content-Length: 20\r\n\r\n{}",
    "no JSON": posted(b"PAY"),
    "no UTF-8": posted(b"\xff\xff"),
    "no object": posted(b'["PAY"]'),
    "too deep": posted(b"[" * 90_000),
    "no signal": posted(b"{}"),
    "no content": SIGNALS + b"\r\n",
    "a signal that is a number": posted(b'{"signal": 5}'),
    "a signal that is a list": posted(b'{"signal": ["PAY"]}'),
    "an unknown signal": posted(b'{"signal": "PYA"}'),
}


def test_what_is_malformed_is_answered_with_400(service: Service) -> None:
    """Whatever a client sends, it is told that it was wrong, nothing changes, and others are served."""
    before = service.ask("POST", "/orders", {"item": "book"})[1]
    for name, request in MALFORMED.items():
        status, _, said = service.send(request)
        assert (status, "error" in said) == (400, True), name
    status, said = service.ask("POST", "/orders/1/signals", {"signal": "PYA"})
    assert (status, "Did you mean 'PAY'?" in said["error"]) == (400, True)
    assert service.ask("GET", "/orders/1") == (200, before)


def test_what_is_not_there_or_not_allowed(service: Service) -> None:
    """Unknown paths and orders are 404; a method that a path does not have is 405, with the one that it has."""
    service.ask("POST", "/orders")
    for path in ("/", "/order", "/orders/", "/orders/2", "/orders/x", "/orders/1/signal", "/orders/1/signals/PAY"):
        assert service.ask("GET", path)[0] == 404, path
    assert service.ask("POST", "/orders/2/signals", {"signal": "PAY"})[0] == 404
    assert service.ask("POST", "/orders/1/payments", {"signal": "PAY"})[0] == 404
    for method, path, allowed in (
        ("GET", "/orders", "POST"),
        ("POST", "/orders/1", "GET"),
        ("DELETE", "/orders/1", "GET"),
        ("GET", "/orders/1/signals", "POST"),
    ):
        status, headers, _ = service.send(f"{method} {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        assert (status, headers.get("Allow")) == (405, allowed)
    assert service.ask("GET", "/orders/1")[1]["story"] == "Placed"


def test_one_of_many_clients_pays(service: Service) -> None:
    """Of twenty clients that pay the same order at once, one has paid, and all the others are told that it is paid."""
    for order in (1, 2, 3):
        service.ask("POST", "/orders", {"item": "book"})
        barrier = threading.Barrier(20)

        def pay(_: int, order: int = order, barrier: threading.Barrier = barrier) -> tuple[int, str]:
            barrier.wait()
            status, said = service.ask("POST", f"/orders/{order}/signals", {"signal": "PAY"})
            return status, said.get("error", "")

        with ThreadPoolExecutor(20) as pool:
            answers = sorted(pool.map(pay, range(20)))
        assert [status for status, _ in answers] == [200] + [409] * 19
        assert all("it is paid already" in error for _, error in answers[1:])
        assert service.ask("GET", f"/orders/{order}")[1]["story"] == "Placed -PAY-> Paid"


def test_a_slow_client_keeps_nobody_waiting(service: Service) -> None:
    """While one client has sent half of its request, another is served; then the first one is."""
    service.ask("POST", "/orders", {"item": "book"})
    with service.connect() as slow:
        request = posted(b'{"signal": "SEND"}')
        slow.sendall(request[:-10])
        assert service.ask("POST", "/orders/1/signals", {"signal": "PAY"})[0] == 200
        slow.sendall(request[-10:])
        status, _, said = answer(slow)
    assert (status, said["story"]) == (200, "Placed -PAY-> Paid -SEND-> Sent")


def test_a_killed_service_goes_on(tmp_path: Path) -> None:
    """What was answered is there after a kill, and goes on by the same table."""
    first = Service(tmp_path)
    try:
        first.ask("POST", "/orders", {"item": "book"})
        first.ask("POST", "/orders/1/signals", {"signal": "PAY"})
        with first.connect() as client:  # a request that is under way when it ends changes nothing
            client.sendall(posted(b'{"signal": "DROP"}')[:-1])
            before = first.ask("GET", "/orders/1")
    finally:
        first.kill()
    second = Service(tmp_path)
    try:
        assert second.ask("GET", "/orders/1") == before
        assert before[1]["story"] == "Placed -PAY-> Paid"
        assert second.ask("POST", "/orders/1/signals", {"signal": "PAY"})[0] == 409
        assert second.ask("POST", "/orders/1/signals", {"signal": "SEND"})[1]["state"] == "Sent"
        assert second.ask("POST", "/orders", {})[1]["id"] == 2
    finally:
        second.kill()


# The agent


def dangerous(run: object, call: PROPOSE) -> bool:
    return call.tool != "look"


def agent(*wishes: PROPOSE | str, max_turns: int = 8, **tools: Callable[[str], str]) -> Agent:
    """Return an agent whose model wants some calls one after the other, and whose tools return their argument."""
    script = iter(wishes)
    known = {"look": lambda place: f"saw {place}", "delete": lambda file: f"deleted {file}", **tools}
    run = Run(AGENT, limits={"max_turns": max_turns}, guards={"dangerous": dangerous})
    return Agent(run, lambda said: next(script), known)


LOOK, DELETE = PROPOSE("look", "here"), PROPOSE("delete", "it")


def test_harmless_calls_need_nobody() -> None:
    """What the guard calls harmless is called at once, and the model is told what came of it."""
    one = agent(LOOK, "all is well")
    assert one.work() == "Answered"
    assert str(one.run.story) == "Thinking -PROPOSE-> Acting -RETURN-> Thinking -ANSWER-> Answered"
    assert one.said == [LOOK, "saw here", "all is well"]


def test_a_dangerous_call_waits_for_a_yes_from_another_thread() -> None:
    """Nothing is called before the yes; the thread that brings it goes on with the work."""
    called: list[str] = []
    one = agent(DELETE, "done", delete=lambda file: called.append(file) or "gone")  # type: ignore[func-returns-value]
    assert one.work() == "AwaitingApproval"
    assert called == []
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(one.decide, one.run.attempt, True).result() == "Answered"
    assert called == ["it"]
    assert str(one.run.story) == (
        "Thinking -PROPOSE-> AwaitingApproval -APPROVE-> Acting -RETURN-> Thinking -ANSWER-> Answered"
    )
    assert [step.attempt for step in one.run.story] == [1, 1, None, None]


def test_a_no_is_told_to_the_model() -> None:
    """A call that is rejected is not made, and the model goes on."""
    one = agent(DELETE, LOOK, "then not")
    one.work()
    assert one.decide(1, False) == "Answered"
    assert one.said == [DELETE, "a person said no", LOOK, "saw here", "then not"]


def test_a_late_answer_is_not_taken_for_the_next_call() -> None:
    """A yes that names an earlier call is dropped, and so is a second answer; the present call goes on waiting."""
    one = agent(DELETE, PROPOSE("delete", "all"), "done")
    one.work()
    assert one.decide(1, False) == "AwaitingApproval"
    said = list(one.said)
    assert [one.decide(1, True), one.decide(1, False), one.decide(3, True)] == [None, None, None]
    assert (one.run.state, one.run.dropped, one.said) == ("AwaitingApproval", 3, said)
    assert one.decide(2, True) == "Answered"


def test_of_ten_who_say_yes_at_once_one_counts() -> None:
    """The tool is called once, however many approve the call at the same moment."""
    for _ in range(20):
        called: list[str] = []
        one = agent(DELETE, "done", delete=lambda file, called=called: called.append(file) or "gone")  # type: ignore[misc]
        one.work()
        barrier = threading.Barrier(10)

        def yes(_: int, one: Agent = one, barrier: threading.Barrier = barrier) -> str | None:
            barrier.wait()
            return one.decide(1, True)

        with ThreadPoolExecutor(10) as pool:
            ends = list(pool.map(yes, range(10)))
        assert (called, ends.count("Answered"), ends.count(None)) == (["it"], 1, 9)


class Hurried(Run):
    """A run that is approved, and whose tool is at work, before whoever proposed the call knows where it led."""

    __slots__ = ()
    soon: ClassVar[list[Callable[[], None]]] = []

    def send(self, signal: object, at: float | None = None, *, carried: str | None = None) -> str:
        state = super().send(signal, at, carried=carried)
        if state == "AwaitingApproval":
            self.soon.pop()()
        return state


def test_who_proposed_a_call_does_not_make_it_beside_who_approved_it() -> None:
    """The thread whose proposal waits for a person stops there, however soon the person answers."""
    called: list[str] = []
    begun, go_on = threading.Event(), threading.Event()

    def delete(file: str) -> str:
        called.append(file)
        begun.set()
        assert len(called) > 1 or go_on.wait(60)
        return "gone"

    script: Iterator[PROPOSE | str] = iter([DELETE, "done"])
    one = Agent(Hurried(AGENT), lambda said: next(script), {"delete": delete})
    with ThreadPoolExecutor(1) as pool:

        def approve() -> None:
            ends.append(pool.submit(one.decide, 1, True))
            assert begun.wait(60)

        ends: list[Future[str | None]] = []
        Hurried.soon.append(approve)
        try:
            assert one.work() == "AwaitingApproval"
        finally:
            go_on.set()
        assert ends[0].result() == "Answered"
    assert called == ["it"]


@pytest.mark.parametrize(("turns", "calls"), [(0, 1), (1, 2), (3, 4)])
def test_the_turns_are_bounded(turns: int, calls: int) -> None:
    """A model that never answers is given up after as many turns as the limit says; rejected calls count too."""
    looks = agent(*[LOOK] * 9, max_turns=turns)
    assert looks.work() == "GivenUp"
    assert looks.said == [LOOK, "saw here"] * calls
    asks = agent(*[DELETE] * 9, max_turns=turns)
    asks.work()
    while not asks.run.is_final:
        asks.decide(asks.run.attempt, False)
    assert (asks.run.state, asks.run.attempt) == ("GivenUp", calls)


def test_it_is_cancelled_while_a_person_is_asked() -> None:
    """A yes that comes behind the cancelling does nothing."""
    one = agent(DELETE)
    one.work()
    assert one.run.send("CANCEL") == "Stopped"
    assert one.decide(1, True) is None
    assert one.said == [DELETE]
    with pytest.raises(NoTransition, match="CANCEL is refused in Stopped: Stopped is final"):
        one.run.send("CANCEL")


@pytest.mark.parametrize("place", ["model", "tool"])
def test_it_is_cancelled_while_the_model_thinks_or_a_tool_works(place: str) -> None:
    """Cancelling takes effect at once, in whatever thread; what is under way is let end, and nothing follows."""
    begun, go_on = threading.Event(), threading.Event()

    def slow(said: object) -> str:
        begun.set()
        assert go_on.wait(60)
        return "too late"

    run = Run(AGENT, guards={"dangerous": dangerous})
    one = Agent(run, slow if place == "model" else lambda said: LOOK, {"look": slow})
    with ThreadPoolExecutor(1) as pool:
        end = pool.submit(one.work)
        assert begun.wait(60)
        assert run.send("CANCEL") == "Stopped"
        go_on.set()
        assert end.result() == "Stopped"
    assert len(run.story) == (1 if place == "model" else 2)


def test_without_a_guard_everything_is_dangerous() -> None:
    """Whoever forgets to say what is harmless is asked about every call."""
    one = Agent(Run(AGENT), lambda said: LOOK, {})
    assert one.work() == "AwaitingApproval"


def test_a_tool_that_raises_or_is_not_there_is_told_to_the_model() -> None:
    """The loop outlives its tools, and a model that names a tool that there is none of."""
    one = agent(PROPOSE("look", "x"), PROPOSE("lok", "x"), "done", look=lambda place: str(1 // 0))
    one.work()
    assert one.decide(1, True) == "Answered"
    assert one.said[1::2] == ["ZeroDivisionError('integer division or modulo by zero')", "KeyError('lok')"]


def test_a_stored_agent_goes_on_elsewhere() -> None:
    """A run that waits for a person is stored, and decided in another program."""
    one = agent(DELETE)
    one.work()
    run = Run.from_dict(AGENT, json.loads(json.dumps(one.run.to_dict())), guards={"dangerous": dangerous})
    other = Agent(run, lambda said: "done", {"delete": lambda file: "gone"}, list(one.said))
    assert other.decide(1, True) == "Answered"
    assert other.said == [DELETE, "gone", "done"]


def test_the_agent_s_program(tmp_path: Path) -> None:
    """The command of the page asks on the terminal; where nobody is there it cancels."""
    words = ("-m", "interlock.examples.agent")
    begin = "Thinking -PROPOSE-> Acting -RETURN-> Thinking -PROPOSE-> AwaitingApproval"
    yes, no, nobody = (python(*words, cwd=tmp_path, given=given) for given in ("y\n", "n\n", ""))
    assert f"{begin} -APPROVE-> Acting -RETURN-> Thinking -ANSWER-> Answered\n" in yes
    assert "old.txt would be gone" in yes
    assert f"{begin} -REJECT-> Thinking -ANSWER-> Answered\n" in no
    assert "old.txt would be gone" not in no
    assert f"{begin} -CANCEL-> Stopped\n" in nobody
