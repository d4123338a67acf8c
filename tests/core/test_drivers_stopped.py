"""Time limits, cancelling and failing fast, with every driver: the flow ends, and every task's state is known."""

from __future__ import annotations

import _thread
import asyncio
import contextlib
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest
from acts import LONG, Gate, Told, does, flow_of, placed

from interlock import Flow, context, states, task, triggers
from interlock.executors import ThreadExecutor
from interlock.signals import FAIL, PAUSE
from interlock.states import Cancelled, Failed, Success, TimedOut

SHORT = 0.05

STOPPED = Cancelled("The flow run was cancelled")


@contextmanager
def made(name: str) -> Iterator[dict[str, Any]]:
    """Yield the options by which a flow is run. Any: options have no common type."""
    if name == "pool":
        pool = ThreadPoolExecutor(4)
        yield {"executor": pool}
        pool.shutdown(wait=False)
    elif name == "own":
        with ThreadExecutor() as executor:
            yield {"executor": executor}
    else:
        yield {} if name == "in-line" else {"executor": name}


DRIVERS = ["in-line", "threads", "async", "pool", "own"]
THREADED = ["threads", "pool", "own"]


async def sleeps() -> None:
    await asyncio.sleep(LONG)


# Time limits


@pytest.mark.parametrize("name", DRIVERS)
def test_what_takes_too_long_is_given_up(name: str, gate: Gate) -> None:
    """Its run is over at once, and what it still returns counts for nothing; those behind it go on."""
    seen = Told()
    flow, (slow, quick) = flow_of(gate, does(2), timeout=SHORT, name="slow")
    behind = placed(task(trigger=triggers.any_failed)(does(3)), flow=flow, upstream_tasks=[slow])
    with made(name) as how:
        state = flow.run(plugins=[seen], **how)
    before = repr(state.result[slow])
    gate.event.set()
    assert (type(state.result[slow]), state.result[slow].message) == (TimedOut, "The work took longer than 0.05 s")
    assert (state.result[quick].result, state.result[behind].result) == (2, 3)
    assert "Running -TIMEOUT-> TimedOut" in seen.tasks
    assert repr(state.result[slow]) == before


@pytest.mark.parametrize("name", DRIVERS)
def test_the_next_attempt_waits_for_the_old_body(name: str, gate: Gate) -> None:
    """It begins when the old body has returned, and the late answer of that one is dropped."""
    order: list[str] = []

    def body() -> str:
        if context.task_run_count == 1:
            gate()
            order.append("old")
            return "late"
        order.append("new")
        return "done"

    def opens() -> None:
        gate.reached()
        while flow_runs[-1].state.is_running():
            if "Running -TIMEOUT-> Retrying" in seen.tasks:
                break
            threading.Event().wait(SHORT / 5)
        gate.event.set()

    seen = Told()
    flow, (node,) = flow_of(body, timeout=SHORT, max_retries=1)
    with made(name) as how:
        flow_runs = [flow.start(plugins=[seen], **how)]
        opens()
        state = flow_runs[0].result(LONG)
    assert state.result[node] == Success(None, "done")
    assert order == ["old", "new"]
    assert seen.tasks == [
        "Pending -START-> Running",
        "Running -TIMEOUT-> Retrying",
        "Retrying -START-> Running",
        "Running -SUCCESS-> Success",
    ]


@pytest.mark.parametrize("name", ["in-line", "threads", "pool"])
def test_an_old_body_knows_which_attempt_it_is(name: str) -> None:
    """Its context is that of its own attempt, also when the next one has begun."""
    told: list[tuple[int, int, object]] = []
    begun = threading.Event()

    def body() -> None:
        first = context.task_run_count, context.task_start_time
        if first[0] == 1:
            assert begun.wait(LONG)
            told.append((first[0], context.task_run_count, context.task_start_time == first[1]))
            told_all.set()
        begun.set()

    told_all = threading.Event()
    flow, _ = flow_of(body, timeout=SHORT, max_retries=1)
    with made(name) as how:
        assert flow.run(grace=SHORT, **how).is_successful()
        assert told_all.wait(LONG)
    assert told == [(1, 1, True)]


@pytest.mark.parametrize("name", DRIVERS)
def test_the_old_body_is_waited_for_no_longer_than_a_grace_period(name: str, gate: Gate) -> None:
    """Behind the grace period the next attempt begins beside it."""
    flow, (node,) = flow_of(lambda: gate() if context.task_run_count == 1 else "new", timeout=SHORT, max_retries=1)
    with made(name) as how:
        assert flow.run(grace=SHORT, **how).result[node] == Success(None, "new")


@pytest.mark.parametrize("name", DRIVERS)
def test_async_bodies_are_stopped_where_they_wait(name: str) -> None:
    """A body that awaits is cancelled when its time is over, and its next attempt begins at once."""
    stopped: list[int] = []

    async def body() -> str:
        try:
            await asyncio.sleep(0 if context.task_run_count == 2 else LONG)
        except asyncio.CancelledError:
            stopped.append(1)
            raise
        return "done"

    flow, (node,) = flow_of(body, timeout=2 * SHORT, max_retries=1)
    with made(name) as how:
        assert flow.run(grace=LONG, **how).result[node] == Success(None, "done")
    assert stopped == [1]


# Cancelling


@pytest.mark.parametrize("name", DRIVERS)
def test_cancelled_from_another_thread(name: str, gate: Gate) -> None:
    """What is over stays, what is under way and does not end is given up, nothing else starts."""
    ran: list[int] = []
    with Flow("cancelled") as flow:
        done = task(lambda: 1)()
        slow = placed(task(gate), upstream_tasks=[done])
        behind = placed(task(lambda: ran.append(1)), upstream_tasks=[slow])
        later = placed(task(max_retries=1, retry_delay=3600)(does(FAIL("no"))), upstream_tasks=[done])
        asks = placed(task(does(PAUSE("a person"))), upstream_tasks=[done])
    with made(name) as how:
        handle = flow.start(grace=SHORT, **how)
        gate.reached()
        assert not handle.done()
        assert type(handle.state) is states.Running
        handle.cancel()
        if name in ("in-line", "async"):
            gate.event.set()  # it is called by who runs the flow, and cannot be left
        state = handle.result(LONG)
    assert handle.done()
    result = state.result
    assert type(state) is Cancelled
    assert result[done] == Success(None, 1)
    given_up = Cancelled("The work did not end in 0.05 s after it was to stop")
    assert result[slow] == (Success(None, "late") if name in ("in-line", "async") else given_up)
    assert all(result[node].is_cancelled() for node in (behind, later, asks))
    assert ran == []
    assert result.run.story.replay() == result.run


def test_asking_twice_is_asking_once(gate: Gate) -> None:
    """Who cancels a flow run that is being cancelled changes nothing."""
    seen = Told()
    flow, (node,) = flow_of(gate)
    handle = flow.start(executor="threads", plugins=[seen])
    gate.reached()
    while "Cancelling -CANCEL-> Cancelling" not in seen.tasks:
        handle.cancel()
        threading.Event().wait(SHORT / 5)
    gate.event.set()
    state = handle.result(LONG)
    assert (type(state), state.result[node]) == (Success, Success(None, "late"))  # there was nothing else to stop
    assert "Cancelling -CANCEL-> Cancelling" in seen.of("flow-run")


@pytest.mark.parametrize("name", THREADED)
def test_what_ends_within_the_grace_period_keeps_its_value(name: str, gate: Gate) -> None:
    """A body that finished first has its success; the flow is cancelled all the same."""
    flow, (slow, behind) = flow_of(gate, does(1))
    slow.set_downstream(behind, flow=flow)
    with made(name) as how:
        handle = flow.start(grace=LONG, **how)
        gate.reached()
        handle.cancel()
        while type(handle.state) is not states.Cancelling:
            threading.Event().wait(SHORT / 5)
        gate.event.set()
        state = handle.result(LONG)
    assert type(state) is Cancelled
    assert state.result[slow] == Success(None, "late")
    assert state.result[behind].is_cancelled()


@pytest.mark.parametrize("name", DRIVERS)
def test_cancelled_while_it_waits_for_a_time(name: str) -> None:
    """A flow that waits an hour for a retry is cancelled at once."""
    flow, (node,) = flow_of(does(FAIL("no")), max_retries=1, retry_delay=3600)
    with made(name) as how:
        handle = flow.start(**how)
        while not handle.state.is_running():
            threading.Event().wait(SHORT / 5)
        handle.cancel()
        state = handle.result(LONG)
    assert (type(state), type(state.result[node])) == (Cancelled, Cancelled)


def test_a_handle_tells_how_it_goes() -> None:
    """It has the state, whether it rests, and the result; what the run raises is raised where one asks for it."""
    flow, (node,) = flow_of(does(5))
    handle = flow.start()
    state = handle.result(LONG)
    assert (state.result[node].result, handle.done(), handle.state) == (5, True, state)
    assert repr(handle) == "<Handle of 'of tasks': <Success: \"All reference tasks succeeded.\">>"
    handle.cancel()
    assert handle.result() is state
    flow, _ = flow_of(does(ZeroDivisionError("no")))
    with pytest.raises(ZeroDivisionError, match="no"):
        flow.start(raise_on_exception=True).result(LONG)
    over = Success("before")
    assert flow.start(state=over).result(LONG) is over


def test_a_result_is_waited_for_as_long_as_told(gate: Gate) -> None:
    """The flow run goes on when the time is over."""
    flow, (node,) = flow_of(gate)
    handle = flow.start()
    with pytest.raises(TimeoutError):
        handle.result(SHORT)
    gate.event.set()
    assert handle.result(LONG).result[node].result == "late"


def test_a_very_short_wait_ends() -> None:
    """However short the time is that a flow run waits for, it goes on."""

    def again() -> int:
        if context.task_run_count < 4:
            raise FAIL("again")
        return 1

    with Flow("short") as flow:
        for _ in range(20):
            placed(task(max_retries=3, retry_delay=0)(again))
    for _ in range(150):
        assert flow.start().result(LONG).is_successful()


def test_an_old_body_that_ends_while_all_places_are_taken(gate: Gate) -> None:
    """Its run is begun once more, not twice: what the next attempt gives counts."""
    others = threading.Event()

    def slow() -> str:
        if context.task_run_count == 1:
            gate()
            others.set()
        return "ok"

    def other() -> None:
        gate.event.set()
        others.wait(LONG)

    with Flow("full") as flow:
        node = task(timeout=SHORT, max_retries=1)(slow)()
        for _ in range(4):
            placed(task(other))
    for _ in range(5):
        gate.event.clear()
        others.clear()
        result = flow.run(executor="threads", workers=2).result[node]
        assert result == Success(None, "ok")


@pytest.mark.parametrize("name", ["async", "threads"])
def test_to_cancel_what_is_over_does_nothing(name: str) -> None:
    """A handle may be used at any time, also when the event loop of the flow run is closed."""
    flow, (node,) = flow_of(does(1))
    for _ in range(20):
        handle = flow.start(executor=name)
        while not handle.done():
            handle.cancel()
        assert handle.result(LONG).result[node].is_finished()
        handle.cancel()


def test_asking_again_does_not_make_the_wait_longer(gate: Gate) -> None:
    """The grace period counts from the first time, and clean-up is not disturbed a second time."""
    flow, (node,) = flow_of(gate)
    handle = flow.start(executor="threads", grace=4 * SHORT)
    gate.reached()
    while not handle.done():
        handle.cancel()
        threading.Event().wait(SHORT)
    assert handle.result(LONG).result[node].is_cancelled()


@pytest.mark.parametrize("name", ["in-line", "threads", "async"])
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # what is left behind is not closed
def test_an_async_body_that_never_stops_is_left_behind(name: str, caplog: pytest.LogCaptureFixture) -> None:
    """However often it is cancelled: the flow run does not wait for it."""
    over: list[int] = []

    async def stubborn() -> None:
        while not over:
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.sleep(SHORT)

    flow, (node, other) = flow_of(stubborn, does(1), timeout=SHORT, name="stubborn")
    with made(name) as how:
        state = flow.run(grace=SHORT, **how)
    over.append(1)
    assert (type(state.result[node]), state.result[other].result) == (TimedOut, 1)
    assert "stubborn: its work goes on, though nobody waits for it any more" in caplog.messages


@pytest.mark.parametrize("name", DRIVERS)
def test_an_async_body_that_holds_up_its_loop_is_out_of_time(name: str) -> None:
    """Nobody can give it up while it blocks, but it has taken too long all the same."""

    async def blocks() -> str:
        threading.Event().wait(3 * SHORT)
        return "blocked"

    flow, (node,) = flow_of(blocks, timeout=SHORT)
    with made(name) as how:
        assert type(flow.run(**how).result[node]) is TimedOut


def test_a_body_that_is_cancelled_keeps_its_limit(gate: Gate) -> None:
    """It is waited for no longer than it was allowed to take."""
    flow, (node,) = flow_of(gate, timeout=4 * SHORT)
    handle = flow.start(executor="threads", grace=LONG)
    gate.reached()
    handle.cancel()
    assert handle.result(LONG / 2).result[node].is_cancelled()


@pytest.mark.parametrize("name", ["in-line", "threads", "async"])
def test_an_async_body_that_does_not_stop_is_given_up(name: str) -> None:
    """One that swallows its cancellation is out of time all the same."""
    ended = []

    async def late() -> str:
        try:
            await asyncio.sleep(LONG)
        except asyncio.CancelledError:
            ended.append(1)
        return "late"

    flow, (node,) = flow_of(late, timeout=SHORT)
    with made(name) as how:
        assert type(flow.run(**how).result[node]) is TimedOut


INTERRUPTS: list[Callable[[], object]] = [_thread.interrupt_main, lambda: signal.raise_signal(signal.SIGINT)]


@pytest.mark.parametrize("press", INTERRUPTS, ids=["main thread", "here"])
@pytest.mark.parametrize("name", ["threads", "async", "pool"])
def test_an_interrupt_cancels_the_flow(name: str, press: Callable[[], object]) -> None:
    """Ctrl-C cancels the flow run, whoever calls the bodies."""
    ran: list[int] = []

    def body() -> str:
        press()
        return "pressed"

    with Flow("stopped") as flow:
        node = task(body)()
        waits = placed(task(max_retries=1, retry_delay=3600)(does(FAIL("no"))))
        behind = placed(task(lambda: ran.append(1)), upstream_tasks=[waits])
    with made(name) as how:
        state = flow.run(**how)
    assert type(state) is Cancelled
    assert state.result[node].is_finished()
    assert (type(state.result[waits]), state.result[behind], ran) == (Cancelled, STOPPED, [])
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


@pytest.mark.parametrize("name", DRIVERS)
def test_a_body_that_raises_an_interrupt_cancels_the_flow(name: str) -> None:
    """`KeyboardInterrupt` means the program, wherever a body raises it; that of an async one too."""

    async def awaits() -> None:
        await asyncio.sleep(0)
        raise KeyboardInterrupt

    for body in (does(KeyboardInterrupt()), awaits):
        flow, (node, other) = flow_of(body, does(1))
        node.set_downstream(other, flow=flow)
        with made(name) as how:
            state = flow.run(**how)
        assert [type(each) for each in (state, state.result[node], state.result[other])] == [Cancelled] * 3


@pytest.mark.parametrize("name", ["threads", "async", "pool"])
def test_a_second_interrupt_leaves_at_once(name: str, gate: Gate) -> None:
    """It does not wait for bodies, nor for the grace period; the handler is what it was."""

    def presses() -> None:
        for _ in range(2):
            _thread.interrupt_main()
            threading.Event().wait(6 * SHORT)

    async def waits() -> None:
        threading.Thread(target=presses).start()
        try:
            await asyncio.sleep(LONG)
        except asyncio.CancelledError:
            await asyncio.sleep(LONG)  # it does not want to stop

    def blocks() -> None:
        threading.Thread(target=presses).start()
        gate()

    flow, _ = flow_of(waits if name == "async" else blocks)
    with made(name) as how, pytest.raises(KeyboardInterrupt):
        flow.run(grace=LONG, **how)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_cancelled_call_cancels_the_flow() -> None:
    """To cancel `run_async` cancels the flow run, which ends, with its async bodies; then the call raises."""
    seen = Told()
    stopped: list[int] = []

    async def body() -> None:
        try:
            await asyncio.sleep(LONG)
        except asyncio.CancelledError:
            await asyncio.sleep(0)  # it may clean up
            stopped.append(1)
            raise

    flow, _ = flow_of(body, body)

    async def program() -> None:
        running = asyncio.ensure_future(flow.run_async(plugins=[seen]))
        while len(seen.tasks) < 2:
            await asyncio.sleep(0)
        await asyncio.sleep(0)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        assert len(asyncio.all_tasks()) == 1
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(SHORT):
                await flow.run_async()

    asyncio.run(program())
    assert len(stopped) == 4
    assert seen.of("flow-run")[-1] == "Cancelling -FAIL-> Cancelled"


def test_a_call_that_is_cancelled_twice_leaves_at_once() -> None:
    """Who cannot wait for the bodies to end cancels again."""

    async def stubborn() -> None:
        while True:
            try:
                await asyncio.sleep(LONG)
            except asyncio.CancelledError:
                if leaving:
                    raise

    leaving: list[int] = []
    flow, _ = flow_of(stubborn)

    async def program() -> None:
        running = asyncio.ensure_future(flow.run_async())
        for _ in range(2):
            await asyncio.sleep(SHORT)
            running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        leaving.append(1)

    asyncio.run(program())


# Failing fast


@pytest.mark.parametrize("name", DRIVERS)
def test_failing_fast_stops_the_others(name: str, gate: Gate) -> None:
    """The first task run that fails in the end stops all others, and the flow ends as its reference tasks say."""
    ran: list[int] = []
    with Flow("fast") as flow:
        good = task(lambda: 1)()
        waits = placed(task(max_retries=1, retry_delay=3600)(does(FAIL("not yet"))), upstream_tasks=[good])
        bad = placed(task(does(FAIL("no"))), upstream_tasks=[good])
        others = [placed(task(lambda: ran.append(1)), upstream_tasks=[bad]) for _ in range(2)]
    with made(name) as how:
        state = flow.run(fail_fast=True, **how)
    assert type(state) is Failed
    assert (state.result[good], state.result[bad]) == (Success(None, 1), Failed("no"))
    verdict = states.TriggerFailed("Another task run failed, and the flow run fails fast")
    assert [state.result[node] for node in others] == [verdict] * 2
    assert state.result[waits] == verdict or (name in THREADED and type(state.result[waits]) is Cancelled)
    assert ran == []


@pytest.mark.parametrize("name", THREADED)
def test_failing_fast_gives_up_what_is_under_way(name: str, gate: Gate) -> None:
    """A body that does not end is waited for a grace period; a child that fails counts too."""

    def body(x: int) -> object:
        if x:
            gate.reached()
            raise FAIL("no")
        return gate()

    with Flow("fast") as flow:
        node = task(body).map([0, 1])
    with made(name) as how:
        state = flow.run(fail_fast=True, grace=SHORT, **how)
    parent = state.result[node]
    assert (type(state), type(parent)) == (Failed, states.Mapped)
    assert [type(child) for child in parent.map_states] == [Cancelled, Failed]


@pytest.mark.parametrize("name", DRIVERS)
def test_failing_fast_in_a_gate(name: str) -> None:
    """A trigger that says no, a state that was given: it is no Ctrl-C, and waits for nothing else."""
    with Flow("gate") as flow:
        good = task(lambda: 1)()
        never = placed(task(trigger=lambda _: False)(lambda: 2), upstream_tasks=[good])
        other = placed(task(lambda: 3), upstream_tasks=[good])
        waits = placed(task(max_retries=1, retry_delay=3600)(does(FAIL("not yet"))), upstream_tasks=[good])
    with made(name) as how:
        state = flow.run(fail_fast=True, **how)
        given = flow.run(fail_fast=True, task_states={good: Failed("given")}, **how)
    assert (type(state), type(given)) == (Failed, Failed)
    assert type(state.result[never]) is states.TriggerFailed
    assert "KeyboardInterrupt" not in repr(state.result)
    assert all(state.result[node].is_finished() for node in (other, waits))


def test_failing_fast_raises() -> None:
    """What the first failed task raised is raised, where that is asked for, a child's too."""

    def body(x: int) -> int:
        if x == 1:
            raise ZeroDivisionError("one")
        return x

    with Flow("fast") as flow:
        task(body).map([0, 1, 2])
    with pytest.raises(ZeroDivisionError, match="one"):
        flow.run(fail_fast=True, raise_on_exception=True)


def test_a_failure_that_is_retried_is_no_failure_yet() -> None:
    """Failing fast is about how a task run ends."""
    flow, (node,) = flow_of(does(FAIL("no"), 1), max_retries=1)
    assert flow.run(fail_fast=True).result[node] == Success(None, 1)
