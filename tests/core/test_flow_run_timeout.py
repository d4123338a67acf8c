"""Time limits: what takes too long is given up, and what it still does counts for nothing."""

from __future__ import annotations

import asyncio
import logging
import signal
import threading
import time
from datetime import timedelta
from typing import Any

import pytest
from acts import LONG, Gate, Told, does, flow_of, refused

from interlock import Flow, Task, context, states, task
from interlock.signals import FAIL, SKIP, TIMEOUT
from interlock.states import Failed, Success, TimedOut

SHORT = 0.05


def test_work_in_time_is_as_ever() -> None:
    """A limit that is kept changes nothing: results, signals, exceptions, context and several results."""
    flow, nodes = flow_of(
        does(1),
        does(SKIP("no")),
        does(ValueError("no")),
        lambda: (context.task_name, threading.current_thread() is threading.main_thread()),
        timeout=LONG,
        name="timed",
    )
    result = flow.run().result
    assert [result[node] for node in nodes[:2]] == [Success(None, 1), states.Skipped("no")]
    assert type(result[nodes[2]].result) is ValueError
    assert result[nodes[3]].result == ("timed", False)


def test_work_that_takes_too_long_is_given_up(gate: Gate, caplog: pytest.LogCaptureFixture) -> None:
    """The run is over at once, and so is the flow, for everyone else; the thread that is left behind is told of."""
    told = Told()
    flow, (slow, quick) = flow_of(gate, does(2), timeout=timedelta(seconds=SHORT), name="slow")
    with caplog.at_level(logging.WARNING, "interlock"):
        result = flow.run(plugins=[told]).result
    assert (type(result[slow]), result[slow].message) == (TimedOut, "The work took longer than 0.05 s")
    assert isinstance(result[slow].result, TimeoutError)
    assert result[quick].result == 2
    assert "Running -TIMEOUT-> TimedOut" in told.tasks
    assert "slow: its work goes on, though nobody waits for it any more" in caplog.text


def test_what_comes_late_counts_for_nothing(gate: Gate) -> None:
    """What the old body returns when its time is over changes no state and no story."""
    flow, (node,) = flow_of(gate, timeout=SHORT)
    state = flow.run()
    before = repr(state.result[node])
    gate.event.set()
    for thread in threading.enumerate():
        if thread.name.startswith("interlock "):
            thread.join(LONG)
    assert repr(state.result[node]) == before


def test_a_timeout_is_retried_as_a_failure() -> None:
    """It uses up the failure budget, and the next attempt starts when the old body has ended, not before."""
    at_work: list[int] = []
    together: list[int] = []

    def body() -> str:
        at_work.append(1)
        together.append(len(at_work))
        first = len(together) == 1
        time.sleep(4 * SHORT if first else 0)
        at_work.pop()
        return "done"

    told = Told()
    flow, (node,) = flow_of(body, timeout=SHORT, max_retries=1)
    assert flow.run(plugins=[told]).result[node] == Success(None, "done")
    assert together == [1, 1]
    assert told.tasks[1:4] == [
        "Running -TIMEOUT-> Retrying",
        "Retrying -START-> Running",
        "Running -SUCCESS-> Success",
    ]


def test_the_next_attempt_waits_no_longer_than_a_grace_period(gate: Gate) -> None:
    """An old body that does not end holds up the next attempt for so long, and nobody else."""
    order: list[str] = []
    attempts: list[int] = []

    def body() -> str:
        attempts.append(1)
        return gate() if len(attempts) == 1 else "second"

    with Flow("grace") as flow:
        node = task(timeout=SHORT, max_retries=1)(body)()
        task(lambda: order.append("other"))()
    state = flow.run(grace=2 * SHORT)
    assert (state.result[node].result, order) == ("second", ["other"])


KINDS: list[tuple[Any, type[states.State]]] = [
    (TimeoutError, Success),
    (TIMEOUT, Success),
    (OSError, Success),  # TimeoutError is one
    (ValueError, TimedOut),
    (FAIL, TimedOut),
]


@pytest.mark.parametrize(("kind", "ended"), KINDS)
def test_what_is_retried_may_be_a_timeout(kind: Any, ended: type[states.State]) -> None:
    """`retry_on` matches a timeout by its signal and by `TimeoutError`."""
    attempts: list[int] = []

    def body() -> None:
        attempts.append(1)
        time.sleep(3 * SHORT if len(attempts) == 1 else 0)

    flow, (node,) = flow_of(body, timeout=SHORT, max_retries=1, retry_on=kind)
    assert type(flow.run().result[node]) is ended


def test_async_work_is_stopped_where_it_waits() -> None:
    """A body that awaits is cancelled, and nothing of it goes on; its own `TimeoutError` is its own failure."""
    stopped: list[str] = []

    async def slow() -> None:
        try:
            await asyncio.sleep(LONG)
        except asyncio.CancelledError:
            stopped.append("slow")
            raise

    async def own() -> None:
        raise TimeoutError("mine")

    async def quick() -> int:
        await asyncio.sleep(0)
        return 3

    flow, (a, b, c) = flow_of(slow, own, quick, timeout=10 * SHORT)
    result = flow.run().result
    assert (type(result[a]), stopped) == (TimedOut, ["slow"])
    assert (type(result[b]), result[b].message, result[c].result) == (Failed, "TimeoutError: mine", 3)


def test_children_have_a_limit_each(gate: Gate) -> None:
    """A child that takes too long fails alone."""
    flow = Flow("children")

    def each(x: int) -> object:
        return gate() if x == 2 else x

    node: Any = task(timeout=SHORT)(each).map([1, 2, 3], flow=flow)
    state = flow.run().result[node]
    assert [type(child) for child in state.map_states] == [Success, TimedOut, Success]


def test_an_interrupt_gets_in() -> None:
    """What a body raises to end the program ends it with a limit too."""
    flow, (node, other) = flow_of(does(KeyboardInterrupt()), does(1), timeout=LONG)
    state = flow.run()
    assert type(state) is states.Cancelled
    assert (type(state.result[node]), type(state.result[other])) == (states.Cancelled, states.Cancelled)


def test_a_body_that_ctrl_c_leaves_behind_is_told_of(gate: Gate, caplog: pytest.LogCaptureFixture) -> None:
    """Ctrl-C waits a grace period for a body that nothing can stop; that its thread goes on is said in the end."""

    def body() -> object:
        signal.raise_signal(signal.SIGINT)
        return gate()

    flow, (node,) = flow_of(body, timeout=LONG, name="slow")
    state = flow.run(grace=SHORT)
    assert (type(state), type(state.result[node])) == (states.Cancelled, states.Cancelled)
    assert [message for message in caplog.messages if message.startswith("slow: its work goes on")]


@pytest.mark.parametrize("given", [0, -1, "5", True, timedelta(0), float("inf"), float("nan")])
def test_a_limit_without_a_meaning_is_refused(given: Any) -> None:
    """A limit is a time above zero."""
    assert refused(lambda: Task("t", timeout=given)) == (
        f"task 't': timeout={given!r}; it must be seconds above 0, or a timedelta"
    )
