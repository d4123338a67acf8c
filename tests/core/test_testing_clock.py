"""`interlock.testing.Clock`: it goes on when it is turned, and flows that wait turn it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

import pytest
from acts import does, flow_of

from interlock import Flow, Step, _drive, context, hookimpl, pause_task, task
from interlock._drive import Drive
from interlock.states import Retrying, Scheduled, Success
from interlock.testing import Clock

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
HOUR = 3600.0


NO_TIME: Any = "noon"  # Any: it has the wrong type


def test_it_goes_on_when_it_is_turned() -> None:
    """Sleeping, advancing and setting it are the ways; it reads as seconds and as a date in UTC."""
    clock = Clock(NOON)
    assert clock() == clock.time() == clock.now == NOON.timestamp()
    clock.sleep(1.5)
    assert clock.advance(timedelta(minutes=1)) == clock() == NOON.timestamp() + 61.5
    assert clock.date == NOON + timedelta(seconds=61.5)
    assert clock.date.tzinfo is UTC
    clock.now = 7.0
    assert (clock(), Clock(5)()) == (7.0, 5.0)
    assert Clock()() == Clock()()


@pytest.mark.parametrize(
    ("act", "message"),
    [
        (lambda: Clock(datetime(2026, 5, 1)), "has no time zone"),
        (lambda: Clock(NO_TIME), "now: 'noon'; it must be seconds since 1970, or an aware datetime"),
        (lambda: Clock(True), "now: True; it must be"),
        (lambda: Clock().advance(-1), "advance: -1; it must be seconds from 0 on, or a timedelta"),
        (lambda: Clock().sleep(-1), "advance: -1; it must be"),
    ],
)
def test_what_is_no_time_is_refused(act: Any, message: str) -> None:
    """Any: what is wrong has no type."""
    with pytest.raises(ValueError, match=message):
        act()


def test_threads_may_turn_it() -> None:
    """No second is lost."""
    clock = Clock(0)
    threads = [threading.Thread(target=lambda: [clock.advance(1) for _ in range(1000)]) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert clock() == 4000


@pytest.mark.parametrize("executor", [None, "threads", "async"])
def test_a_retry_in_an_hour_takes_no_time(executor: Literal["threads", "async"] | None) -> None:
    """Whatever executor bodies are given to, the clock is turned to the retry."""
    begun: list[float] = []
    clock = Clock(NOON)
    fails = does(ValueError("first"), ValueError("second"), "done")

    def work() -> object:
        begun.append(clock() - NOON.timestamp())
        return fails()

    flow, (node,) = flow_of(work, max_retries=2, retry_delay=timedelta(hours=1))
    with clock.flows() as same:
        assert same is clock
        state = flow.run(executor=executor)
    assert state.result[node] == Success(None, "done")
    assert begun == [0, HOUR, 2 * HOUR]


def test_a_flow_run_in_a_thread_of_its_own() -> None:
    """`flow.start` and `flow.run_async` go by it, too."""
    import asyncio

    clock = Clock(NOON)
    flow, (node,) = flow_of(does(ValueError("no"), "done", ValueError("no"), "done"), max_retries=1, retry_delay=HOUR)
    with clock.flows():
        assert flow.start().result(60).result[node].result == "done"
        assert asyncio.run(flow.run_async()).result[node].result == "done"
    assert clock() == NOON.timestamp() + 2 * HOUR


def test_other_waits() -> None:
    """A pause, and the time of the flow run itself; and today is the day of the clock."""
    clock = Clock(NOON)

    def work() -> str:
        pause_task(duration=timedelta(days=1))
        return f"{context.today} {context.task_start_time.isoformat()}"

    flow, (node,) = flow_of(work)
    with clock.flows():
        state = flow.run(state=Scheduled(start_time=NOON + timedelta(days=2)))
    assert state.result[node].result == "2026-05-01 2026-05-04T12:00:00+00:00"


class Waits:
    """Rings when a task run waits for its retry."""

    def __init__(self) -> None:
        self.bell = threading.Event()

    @hookimpl
    def after_step(self, step: Step) -> None:
        if step.after == Retrying.__name__:
            self.bell.set()


def test_a_body_under_way_is_waited_for() -> None:
    """While a body is at work, the clock stands, though another task waits for its retry."""
    clock, waits = Clock(NOON), Waits()
    stood: list[bool] = []

    def slow() -> None:
        assert waits.bell.wait(60)
        time.sleep(0.3)  # the driver looks again meanwhile, and must not turn the clock
        stood.append(clock.date == NOON)

    fails = does(ValueError("no"), "done")
    with Flow("two") as flow:
        task(slow)()
        node = task(max_retries=1, retry_delay=HOUR)(fails)()
    with clock.flows():
        state = flow.run(executor="threads", workers=2, plugins=[waits])
    assert state.result[node] == Success(None, "done")
    assert stood == [True]
    assert clock() == NOON.timestamp() + HOUR


def test_a_body_that_was_given_up_is_not_waited_for() -> None:
    """Nobody waits for its end, so the grace period goes by at once."""
    clock, end = Clock(NOON), threading.Event()
    acts: list[Callable[[], object]] = [lambda: end.wait(60), lambda: "done"]
    flow, (node,) = flow_of(lambda: acts.pop(0)(), timeout=0.05, max_retries=1)
    try:
        with clock.flows():
            state = flow.run(executor="threads", grace=timedelta(hours=1))
    finally:
        end.set()
    assert state.result[node] == Success(None, "done")
    assert clock() == pytest.approx(NOON.timestamp() + HOUR)


def test_there_is_one_time() -> None:
    """A second clock is refused, and behind the block all is as it was, whatever happened in it."""
    usual = Drive.steps

    def fails() -> None:
        assert Drive.steps is not usual
        raise KeyError

    with Clock().flows(), pytest.raises(RuntimeError, match=r"flows\(\) was called inside of another"):
        Clock().flows().__enter__()
    with pytest.raises(KeyError), Clock().flows():
        fails()
    assert (vars(_drive)["time"], Drive.steps) == (time, usual)
