"""All drivers end a flow in the same states: in-line, threads, an event loop, executors of others."""

from __future__ import annotations

import asyncio
import dataclasses
import random
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, TypeVar

import pytest
from acts import Told, does, flow_of, refused
from flows_drawn import Drawn, Scripted, World, built, flows
from hypothesis import given, settings
from hypothesis import strategies as st

from interlock import Flow, context, pause_task, signals, states, task
from interlock.executors import Executor, ThreadExecutor
from interlock.signals import FAIL, RETRY
from interlock.states import Failed, Paused, State, Success

T = TypeVar("T")
LONG = 60.0  # seconds that a test waits for what comes at once


class Shuffled:
    """An executor that calls what it was given in an order of its own."""

    def __init__(self, seed: int = 0) -> None:
        self.todo: list[Callable[[], None]] = []
        self.chance = random.Random(seed)
        self.threads = ThreadExecutor("shuffled")

    def submit(self, function: Callable[..., T], /, *args: Any) -> Future[T]:
        future: Future[T] = Future()

        def work() -> None:
            future.set_result(function(*args))

        self.todo.append(work)
        self.threads.submit(self.one)
        return future

    def one(self) -> None:
        self.todo.pop(self.chance.randrange(len(self.todo)))()


@contextmanager
def made(name: str) -> Iterator[dict[str, Any]]:
    """Yield the options by which a flow is run. Any: options have no common type."""
    if name == "pool":
        with ThreadPoolExecutor(3) as pool:
            yield {"executor": pool}
    elif name == "shuffled":
        executor = Shuffled()
        with executor.threads:
            yield {"executor": executor}
    else:
        yield {"in-line": {}, "one thread": {"executor": "threads", "workers": 1}}.get(name, {"executor": name})


DRIVERS = ["in-line", "threads", "one thread", "async", "pool", "shuffled"]
OTHERS = DRIVERS[1:]


class Awaiting(Scripted):
    """A task whose body is async."""

    async def run(self, **inputs: object) -> list[int]:  # type: ignore[override]  # what is awaited is the same
        await asyncio.sleep(0)
        return super().run(**inputs)


def told(state: State) -> object:
    """Return what is to be equal of a state: exceptions are made anew by every run."""
    result = state.result
    if isinstance(state, states.Mapped):
        return (type(state), [told(child) for child in state.map_states])
    same = type(result) if isinstance(result, BaseException) else repr(result)
    return (type(state), state.message, same)


def ends(drawn: Drawn, awaiting: bool, **how: Any) -> list[object]:
    """Run a flow until it is over, and return what is to be equal of each pass. Any: options of a run."""
    flow = built(drawn, World())
    if awaiting:
        for node in flow.tasks:
            node.__class__ = Awaiting
    state = flow.run(**how)
    found: list[object] = []
    while True:
        found.append((type(state), [told(each) for each in state.result.values()]))
        if type(state) is not Paused:
            return found
        state = flow.resume(state, **how)


@settings(derandomize=True, deadline=None, max_examples=60)
@given(drawn=flows(8), awaiting=st.booleans())
@pytest.mark.parametrize("name", OTHERS)
def test_every_driver_ends_a_flow_alike(name: str, drawn: Drawn, awaiting: bool) -> None:
    """Whatever its tasks do, at every pass each task run, and the flow run, is where it is with the in-line driver."""
    with made(name) as how:
        assert ends(drawn, awaiting, **how) == ends(drawn, False)


class Meeting:
    """Bodies that are under way at once: each waits until so many are there."""

    def __init__(self, parties: int) -> None:
        self.barrier = threading.Barrier(parties)

    def body(self, x: int) -> int:
        self.barrier.wait(LONG)
        return x


@pytest.mark.parametrize("name", ["threads", "pool"])
def test_threads_have_several_bodies_under_way(name: str) -> None:
    """Three bodies that wait for each other meet; each in a thread that is not the caller's."""
    meeting = Meeting(3)
    with Flow("met") as flow:
        node = task(meeting.body).map([1, 2, 3])
    with made(name) as how:
        assert flow.run(**how).result[node].result == [1, 2, 3]


def test_async_bodies_go_on_beside_each_other() -> None:
    """Three async bodies that wait for each other meet on one loop, in the caller's thread."""
    there: list[int] = []
    threads: set[threading.Thread] = set()

    async def body(x: int) -> int:
        there.append(x)
        threads.add(threading.current_thread())
        while len(there) < 3:
            await asyncio.sleep(0)
        return x

    with Flow("met") as flow:
        node = task(body).map([1, 2, 3])
    assert flow.run(executor="async").result[node].result == [1, 2, 3]
    assert threads == {threading.current_thread()}
    there.clear()
    assert asyncio.run(flow.run_async()).result[node].result == [1, 2, 3]


@pytest.mark.parametrize("name", DRIVERS)
def test_async_bodies_run_everywhere(name: str) -> None:
    """Each driver awaits an async body: what it returns and raises, and its context, are those of any other."""

    async def body(x: int) -> tuple[int, object]:
        await asyncio.sleep(0)
        if x == 2:
            raise FAIL("two")
        if x == 3:
            raise SystemExit(3)
        return x, context.map_index

    with Flow("awaited") as flow:
        node = task(body).map([1, 2, 3])
    with made(name) as how:
        children = flow.run(**how).result[node].map_states
    assert children[:2] == (Success(None, (1, 0)), Failed("two"))
    assert (type(children[2]), children[2].message) == (Failed, "SystemExit: 3")


@pytest.mark.parametrize("name", DRIVERS)
def test_a_flow_runs_inside_of_an_event_loop(name: str) -> None:
    """`flow.run` works where a loop is running already, as it is in a notebook; async bodies too, with a limit too."""

    async def body() -> int:
        await asyncio.sleep(0)
        return 5

    flow, (node, limited, sync) = flow_of(body, body, does(7))
    limited.timeout = LONG

    async def notebook() -> State:
        with made(name) as how:
            return flow.run(**how)

    result = asyncio.run(notebook()).result
    assert (result[node].result, result[limited].result, result[sync].result) == (5, 5, 7)


def test_run_async_with_threads() -> None:
    """Bodies that are not async go to the executor, so that they do not hold up the loop; async ones stay on it."""
    meeting = threading.Barrier(2)
    home = threading.current_thread()
    seen: list[bool] = []

    def sync() -> None:
        meeting.wait(LONG)

    async def awaits() -> None:
        seen.append(threading.current_thread() is home)

    flow, _ = flow_of(sync, sync, awaits)
    assert asyncio.run(flow.run_async(executor="threads", workers=2)).is_successful()
    assert seen == [True]


def test_the_workers_bound_what_is_under_way() -> None:
    """No more bodies are under way at once than there are workers."""
    lock, most, now = threading.Lock(), [0], [0]
    gate = threading.Semaphore(0)

    def body(x: int) -> int:
        with lock:
            now[0] += 1
            most[0] = max(most[0], now[0])
            if now[0] == 3:
                gate.release(20)
        gate.acquire(timeout=LONG)
        with lock:
            now[0] -= 1
        return x

    with Flow("bounded") as flow:
        node = task(body).map(list(range(20)))
    assert flow.run(executor="threads", workers=3).result[node].result == list(range(20))
    assert most == [3]


def test_what_an_executor_loses_is_retried() -> None:
    """A call whose future raises was lost: LOST, which counts as a failure; so does one that is not taken at all."""

    class Losing:
        """Loses every other call."""

        def __init__(self) -> None:
            self.calls = 0

        def submit(self, function: Callable[..., T], /, *args: Any) -> Future[T]:
            self.calls += 1
            if self.calls == 1:
                raise RuntimeError("no room")
            future: Future[T] = Future()
            if self.calls == 2:
                future.set_exception(BrokenProcessPool("it is gone"))
            else:
                future.set_result(function(*args))
            return future

    seen = Told()
    flow, (node,) = flow_of(does(4), max_retries=2)
    state = flow.run(executor=Losing(), plugins=[seen])
    assert state.result[node] == Success(None, 4)
    assert seen.tasks.count("Running -LOST-> Retrying") == 2
    flow, (node,) = flow_of(does(4))
    lost = flow.run(executor=Losing()).result[node]
    assert (type(lost), lost.message) == (Failed, "RuntimeError: no room")


def test_what_an_executor_makes_up_is_lost() -> None:
    """An executor that returns something else than what the call returned has lost it."""

    class Wrong:
        """Answers everything with 5."""

        def submit(self, function: Callable[..., T], /, *args: Any) -> Future[Any]:
            future: Future[Any] = Future()
            future.set_result(5)
            return future

    flow, (node,) = flow_of(does(4))
    lost = flow.run(executor=Wrong()).result[node]
    assert (type(lost), lost.message) == (Failed, "The executor returned 5 in the place of what the call did")


class Sync:
    """Calls at once, where it is asked to."""

    def submit(self, function: Callable[..., T], /, *args: Any) -> Future[T]:
        future: Future[T] = Future()
        future.set_result(function(*args))
        return future


class Nothing:
    """Gives no future."""

    def submit(self, function: Callable[..., Any], /, *args: Any) -> Any:
        return None


class Odd(Future[Any]):
    """A future that cannot be asked."""

    def exception(self, timeout: float | None = None) -> BaseException | None:
        raise ConnectionError("no route")


class Asking(Sync):
    def submit(self, function: Callable[..., Any], /, *args: Any) -> Any:
        odd = Odd()
        odd.set_result(None)
        return odd


class Repeating(Sync):
    """Tells twice of each end."""

    class Twice(Future[Any]):
        """Calls each callback twice."""

        def add_done_callback(self, fn: Callable[[Future[Any]], object]) -> None:
            super().add_done_callback(fn)
            super().add_done_callback(fn)

    def submit(self, function: Callable[..., Any], /, *args: Any) -> Any:
        future = self.Twice()
        future.set_result(function(*args))
        return future


LOSE: list[tuple[type[Any], str]] = [
    (Nothing, "AttributeError: 'NoneType' object has no attribute 'add_done_callback'"),
    (Asking, "ConnectionError: no route"),
]


@pytest.mark.parametrize(("kind", "text"), LOSE)
def test_executors_that_do_something_else_lose_calls(kind: type[Any], text: str) -> None:
    """Whatever is wrong with what they return, the task run is told so, and the flow run goes on."""
    flow, nodes = flow_of(does(1), does(2))
    result = flow.run(executor=kind()).result
    assert [(type(result[node]), result[node].message) for node in nodes] == [(Failed, text)] * 2


@pytest.mark.parametrize("kind", [Sync, Repeating])
def test_executors_that_call_at_once(kind: type[Any]) -> None:
    """One may call the body before it returns, and tell of an end more than once; Ctrl-C raised there cancels."""
    flow, nodes = flow_of(does(1), does(2))
    assert [flow.run(executor=kind()).result[node].result for node in nodes] == [1, 2]
    flow, (node,) = flow_of(does(KeyboardInterrupt()))
    assert flow.run(executor=kind()).result[node].is_cancelled()


def test_a_callback_may_wait_for_another_call() -> None:
    """Who submits in a callback of a future, and waits, does not wait for itself."""
    with ThreadExecutor() as executor:
        told: list[int] = []
        done = threading.Event()

        def tell(_: object) -> None:
            told.append(executor.submit(len, "four").result(LONG))
            done.set()

        executor.submit(threading.Event().wait, 0.05).add_done_callback(tell)
        assert done.wait(LONG)
    assert told == [4]


def test_threads_see_the_context_of_the_caller() -> None:
    """Context variables are those of who runs the flow, with every driver of this process."""
    flow, (node,) = flow_of(lambda: COLOUR.get())
    token = COLOUR.set("red")
    for name in ("in-line", "threads", "async"):
        with made(name) as how:
            assert flow.run(**how).result[node].result == "red"
    assert flow.start(executor="threads").result(LONG).result[node].result == "red"
    COLOUR.reset(token)


COLOUR: ContextVar[str] = ContextVar("colour", default="none")


def test_processes_send_what_pickles_by_value() -> None:
    """Results and exceptions too; what cannot be sent, or read, fails one attempt and no other."""

    class Local(Exception):
        def __init__(self, one: int, two: int) -> None:
            super().__init__(f"{one} {two}")

    @dataclasses.dataclass
    class Point:
        x: int = 0

    def fails() -> None:
        raise Local(1, 2)

    flow, (value, generator, unreadable) = flow_of(lambda: Point(3), lambda: (x for x in [1]), fails)
    with ProcessPoolExecutor(1) as pool:
        result = flow.run(executor=pool).result
    assert result[value].result.x == 3
    assert result[generator].message == (
        "What the body did cannot be sent: TypeError: cannot pickle 'generator' object"
    )
    assert str(result[unreadable].message).startswith("What the body did cannot be read here: TypeError: ")


def test_processes() -> None:
    """Calls pickle, so that a pool of processes is an executor: bodies by value, inputs, signals, the context."""
    attempts: list[int] = []

    def body(x: int) -> object:
        if context.task_run_count == 1:
            raise RETRY("once more")
        attempts.append(x)
        return x, context.map_index, context.task_name, context.parameters, context.get("extra"), len(attempts)

    async def awaits() -> str:
        await asyncio.sleep(0)
        return str(context.logger.name)

    with Flow("apart") as flow:
        node = task(name="body")(body).map([5])
        other = task(name="awaits")(awaits)()
    with ProcessPoolExecutor(1) as pool:
        result = flow.run(executor=pool, context={"extra": 3}).result
    assert result[node].result == [(5, 0, "body", {}, 3, 1)]
    assert result[other].result == "interlock.task.awaits"
    assert attempts == []


def test_an_executor_of_ones_own_is_not_ended() -> None:
    """Who makes an executor ends it; it serves many flow runs."""
    flow, (node,) = flow_of(does(1))
    with ThreadExecutor() as executor:
        assert isinstance(executor, ThreadExecutor)
        checked: Executor = executor
        for _ in range(3):
            assert flow.run(executor=checked).result[node].result == 1
        assert executor.submit(len, "four").result(LONG) == 4
    with pytest.raises(RuntimeError, match="the executor has been shut down"):
        executor.submit(len, "four")


def test_threads_end_with_the_flow_run() -> None:
    """Nothing is left of the threads of a flow run when their bodies have ended."""
    flow, _ = flow_of(does(1), does(2))
    before = set(threading.enumerate())
    for _ in range(20):
        flow.run(executor="threads")
    for thread in set(threading.enumerate()) - before:
        thread.join(LONG)
        assert not thread.is_alive()


def at_most(limits: dict[str, int], tags: dict[str, tuple[str, ...]], **how: Any) -> dict[str, int]:
    """Return, by tag, how many of a flow's bodies were under way at once at most. Any: options of a run."""
    lock, now, most = threading.Lock(), dict.fromkeys(limits, 0), dict.fromkeys(limits, 0)

    def body(x: int) -> int:
        mine = [tag for tag in context.task_tags if tag in limits]
        with lock:
            for tag in mine:
                now[tag] += 1
                most[tag] = max(most[tag], now[tag])
        threading.Event().wait(0.001)
        with lock:
            for tag in mine:
                now[tag] -= 1
        return x

    with Flow("limited") as flow:
        for name, wanted in tags.items():
            task(name=name, tags=wanted)(body).map(list(range(12)))
    state = flow.run(tag_limits=limits, **how)
    assert state.is_successful()
    return most


@pytest.mark.parametrize("name", DRIVERS)
def test_tags_limit_what_is_under_way(name: str) -> None:
    """At most so many bodies of a tag are under way at once, also of tasks with several tags, and all are run."""
    tags = {"a": ("db",), "b": ("web", "db"), "c": ("web",), "d": ()}
    with made(name) as how:
        if name == "threads":
            how = {**how, "workers": 16}
        most = at_most({"db": 2, "web": 3}, tags, **how)
    assert most["db"] <= 2
    assert most["web"] <= 3
    if name == "threads":
        assert most["db"] == 2


def test_a_limit_of_one_orders_retries_and_loops() -> None:
    """A place is given back between attempts and turns, when a body is skipped, and when a kept result serves."""

    @task(tags=["one"], max_retries=2)
    def tries() -> int:
        if context.task_run_count < 3:
            raise FAIL("again")
        return 1

    @task(tags=["one"])
    def turns() -> int:
        if context.get("task_loop_count", 1) < 3:
            raise signals.LOOP(result=0)
        return 2

    @task(tags=["one"], trigger=lambda upstreams: False)
    def never() -> int:
        raise AssertionError

    with Flow("one") as flow:
        nodes = [tries(), turns(), never(), tries(), turns()]
    state = flow.run(executor="threads", tag_limits={"one": 1})
    assert [state.result[node].result for node in nodes] == [1, 2, None, 1, 2]


OPTIONS: list[tuple[dict[str, Any], str]] = [
    (
        {"executor": "thread"},
        "executor='thread'; it must be 'threads', 'async', the name of one that a plugin makes, or an executor. "
        "Did you mean 'threads'?",
    ),
    ({"executor": 5}, "executor=5 has no submit; see interlock.executors.Executor"),
    ({"workers": 2}, "workers=2 without an executor; say executor='threads'"),
    ({"executor": "threads", "workers": 0}, "workers=0; it must be a number from 1 on"),
    ({"executor": "threads", "workers": True}, "workers=True; it must be a number from 1 on"),
    ({"grace": -1}, "grace=-1; it must be seconds from 0 on, or a timedelta"),
    ({"tag_limits": {"dbs": 1}}, "tag_limits: no task has the tag 'dbs'. Did you mean 'db'?"),
    ({"tag_limits": {"db": 0}}, "tag_limits: 'db' has 0; it must be a number from 1 on"),
]


@pytest.mark.parametrize(("options", "text"), OPTIONS, ids=[text.partition(";")[0] for _, text in OPTIONS])
def test_options_without_a_meaning_are_refused(options: dict[str, Any], text: str) -> None:
    """Before anything runs, with what would have been right."""
    flow, _ = flow_of(does(1), tags=["db"])
    wanted = f"flow 'of tasks': {text}"
    assert refused(lambda: flow.run(**options)) == wanted
    assert refused(lambda: flow.start(**options)) == wanted
    assert refused(lambda: asyncio.run(flow.run_async(**options))) == wanted


def test_resume_takes_the_same_options() -> None:
    """A flow that rests goes on in threads, or on a loop."""

    def body() -> bool:
        pause_task()
        return threading.current_thread() is threading.main_thread()

    flow, (node,) = flow_of(body)
    state = flow.run(executor="threads")
    assert type(state) is Paused
    assert flow.resume(state, executor="threads").result[node].result is False
    assert asyncio.run(flow.resume_async(state)).result[node].result is True
