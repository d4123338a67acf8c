"""Running a flow: what bodies do, and where the task and the flow end."""

from __future__ import annotations

import asyncio
import inspect
import sys
import traceback
from collections.abc import Callable
from typing import Any

import pytest
from acts import does, run_one

from interlock import Flow, Parameter, Task, context, signals, states, task
from interlock.signals import FAIL, LOOP, RETRY, SKIP, SUCCESS, Signal
from interlock.states import State

# What a body does


@pytest.mark.parametrize("value", [None, 5, states.Failed("data"), ValueError("data"), FAIL], ids=repr)
def test_what_a_body_returns_is_its_result(value: object) -> None:
    """What a body returns is the result, whatever it is: a state, an exception or a signal's class are data."""
    returned = [value]
    state, steps = run_one(lambda: returned[0])
    assert type(state) is states.Success
    assert state.result is value
    assert state.message is None
    assert steps == ["Pending -START-> Running", "Running -SUCCESS-> Success"]


OUTCOMES = {
    "SUCCESS": "Success",
    "FAIL": "Failed",
    "VALIDATIONFAIL": "ValidationFailed",
    "TRIGGERFAIL": "TriggerFailed",
    "SKIP": "Skipped",
    "TIMEOUT": "TimedOut",
    "LOST": "Failed",
    "BROKEN": "Failed",
}


@pytest.mark.parametrize("name", OUTCOMES)
def test_a_signal_ends_the_task(name: str) -> None:
    """A signal that ends the work leads where the table says, with its message and result, and no more."""
    kind = getattr(signals, name)
    after = getattr(states, OUTCOMES[name])
    path = ["Pending -START-> Running", f"Running -{name}-> {OUTCOMES[name]}"]
    assert run_one(does(kind("why", result=5))) == (after("why", 5), path)
    assert run_one(does(kind())) == (after(), path)


ERRORS: list[tuple[BaseException, str]] = [
    (ValueError("no"), "ValueError: no"),
    (KeyError(), "KeyError"),
    (StopIteration(3), "StopIteration: 3"),
    (SystemExit(2), "SystemExit: 2"),
    (GeneratorExit(), "GeneratorExit"),
    (BaseException("odd"), "BaseException: odd"),
    (RecursionError("deep"), "RecursionError: deep"),
    (asyncio.CancelledError(), "CancelledError"),
]


@pytest.mark.parametrize(("error", "message"), ERRORS, ids=repr)
def test_an_exception_fails_the_task(error: BaseException, message: str) -> None:
    """Whatever a body raises fails its task alone, with its text as the message and itself as the result."""
    assert run_one(does(error)) == (
        states.Failed(message, error),
        ["Pending -START-> Running", "Running -FAIL-> Failed"],
    )


def test_a_body_that_exits_does_not_end_the_program() -> None:
    """`sys.exit` in a body fails its task; the other tasks run."""
    with Flow("exits") as flow:
        first: object = task(lambda: sys.exit(3))()
        second = task(does("ran"))()
    result = flow.run().result
    assert result[first].message == "SystemExit: 3"
    assert result[second].result == "ran"


def test_an_exception_that_cannot_be_told() -> None:
    """An exception whose own text raises fails its task, and not the flow."""

    class Mute(Exception):
        def __str__(self) -> str:
            raise ValueError("not for your ears")

    error = Mute()
    state, _ = run_one(does(error))
    assert (type(state), state.result) == (states.Failed, error)
    assert state.message is not None
    assert state.message.startswith("Mute")


def test_a_traceback_begins_in_the_body() -> None:
    """The traceback of a failure shows the user's own frames, the body first."""

    def inner() -> None:
        raise ValueError("no")

    def body() -> None:
        inner()

    for work in (body, does(ValueError("no"))):
        state, _ = run_one(work)
        frames = traceback.extract_tb(state.result.__traceback__)
        assert [frame.name for frame in frames] == (["body", "inner"] if work is body else ["work"])


def test_except_exception_in_a_body_lets_signals_through() -> None:
    """A body that catches every `Exception` around a signal does not swallow it."""

    def body() -> str:
        try:
            raise SKIP("nothing to do")
        except Exception:  # noqa: BLE001  # it is the point
            return "swallowed"

    assert run_one(body)[0] == states.Skipped("nothing to do")


@pytest.mark.parametrize("name", ["START", "RESUME", "SCHEDULE", "CACHE", "MAP", "GATHER"])
def test_a_signal_that_the_table_refuses_is_a_failure(name: str) -> None:
    """A signal that a running task does not accept is `FAIL` with the refusal's text, and is retried like a failure."""
    text = (
        f"task-run: {name} is refused in Running; Running accepts: SUCCESS, FAIL, VALIDATIONFAIL, TRIGGERFAIL, RETRY, "
        "LOOP, SKIP, PAUSE, ENDRUN, TIMEOUT, LOST, BROKEN, CANCEL; the story ends: Pending -START-> Running"
    )
    signal = getattr(signals, name)("why")
    assert run_one(does(signal)) == (states.Failed(text), ["Pending -START-> Running", "Running -FAIL-> Failed"])
    assert run_one(does(signal, "done"), max_retries=1)[0] == states.Success(None, "done")


def test_a_body_that_cancels_itself_is_over() -> None:
    """`CANCEL` out of a body ends the work, so that the run does not wait for it to end once more."""
    state, _ = run_one(does(signals.CANCEL("enough")))
    assert type(state) is states.Cancelled


def test_a_signal_that_no_table_has_fails_the_task() -> None:
    """A signal that is none of the table's fails its task, and is named."""
    state, _ = run_one(does(Signal("what?")))
    assert type(state) is states.Failed
    assert "unknown signal Signal('what?')" in str(state.message)


def test_a_users_own_kind_of_signal() -> None:
    """A subclass of a signal behaves like it, and keeps its own class where plugins look."""

    class TooLate(FAIL):
        """It came too late."""

    assert run_one(does(TooLate("by an hour", result=1)))[0] == states.Failed("by an hour", 1)


def test_async_bodies() -> None:
    """An async function is a body like any other: it returns, raises exceptions and signals, and sees the context."""

    async def work() -> object:
        await asyncio.sleep(0)
        turn = context.get("task_loop_count", 1)
        if context.task_run_count == 2:
            raise SKIP("enough", result=turn)
        if turn == 3:
            raise ValueError("no")
        raise LOOP(result=turn)

    state, steps = run_one(work, max_retries=1)
    assert state == states.Skipped("enough", 3)
    assert [step for step in steps if "START" not in step] == [
        *["Running -LOOP-> Looped"] * 2,
        "Running -FAIL-> Retrying",
        "Running -SKIP-> Skipped",
    ]


# Skips


def chain(body: Callable[[], object], **options: Any) -> list[State]:
    """Return the states of a task, of one that takes its result, and of one that takes that one's."""
    below = task(**options)(lambda x: ("got", x))
    with Flow("chain") as flow:
        nodes = [first := task(body)(), second := below(first), below(second)]
    result = flow.run().result
    return [result[node] for node in nodes]


def test_a_skip_skips_what_is_behind_it() -> None:
    """By default a skipped task skips the tasks behind it, one after the other."""
    why = "An upstream run was skipped; skip_on_upstream_skip is set"
    assert chain(does(SKIP("no news"))) == [states.Skipped("no news"), states.Skipped(why), states.Skipped(why)]


def test_a_skip_counts_as_a_success() -> None:
    """With `skip_on_upstream_skip=False` a task acts as if the skipped one had succeeded, with its result if any."""
    for signal, result in ((SKIP("no news"), None), (SKIP("no news", result=3), 3)):
        below = chain(does(signal), skip_on_upstream_skip=False)[1:]
        assert below == [states.Success(None, ("got", result)), states.Success(None, ("got", ("got", result)))]


@pytest.mark.parametrize("skips_first", [True, False])
def test_a_failure_is_never_hidden_by_a_skip(skips_first: bool) -> None:
    """Behind one task that failed and one that was skipped, a task and the flow fail."""
    bodies = [does(SKIP("no news")), does(FAIL("broken"))]
    with Flow("both") as flow:
        above = [task(body)() for body in (bodies if skips_first else bodies[::-1])]
        node = Task.__call__(task(does(1)), upstream_tasks=above)
        last = Task.__call__(task(does(2)), upstream_tasks=[node])
    state = flow.run()
    assert (type(state.result[node]), type(state.result[last])) == (states.TriggerFailed, states.TriggerFailed)
    assert type(state) is states.Failed


# Loops


def test_a_loop_counts_its_turns() -> None:
    """Each turn finds its number and the last one's result in the context; the first finds neither."""
    seen: list[tuple[object, object]] = []

    def body() -> int:
        seen.append((context.get("task_loop_count"), context.get("task_loop_result", "none")))
        if len(seen) < 4:
            raise LOOP("once more", result=len(seen)) if len(seen) != 2 else LOOP()
        return len(seen)

    state, steps = run_one(body)
    assert state == states.Success(None, 4)
    assert seen == [(None, "none"), (2, 1), (3, None), (4, 3)]
    assert steps == [
        "Pending -START-> Running",
        *["Running -LOOP-> Looped", "Looped -START-> Running"] * 3,
        "Running -SUCCESS-> Success",
    ]


def test_ten_thousand_turns_do_not_recurse() -> None:
    """A loop goes on as long as it likes, and no turn is called from inside another."""
    depths: set[int] = set()

    def body() -> int:
        turn: int = context.get("task_loop_count", 1)
        if turn in (1, 2, 10_000):
            depths.add(len(inspect.stack(0)))
        if turn < 10_000:
            raise LOOP(result=turn)
        return turn

    assert run_one(body)[0] == states.Success(None, 10_000)
    assert len(depths) == 1


@pytest.mark.parametrize("most", [1, 2, 5])
@pytest.mark.parametrize("signal", [LOOP(), LOOP("once more"), LOOP(result=7)], ids=repr)
def test_turns_can_be_bounded(most: int, signal: LOOP) -> None:
    """A loop has `max_turns` turns; one that asks for more fails, and says why."""
    state, steps = run_one(does(signal), max_turns=most)
    assert steps.count("Running -LOOP-> Looped") == most - 1
    assert steps[-1] == "Running -LOOP-> Failed"
    assert state.result == signal.result
    assert state.message is not None
    assert state.message.startswith("LOOP was not granted")
    assert run_one(does(*[signal] * (most - 1), "done"), max_turns=most)[0] == states.Success(None, "done")


def test_a_loop_goes_on_behind_a_retry() -> None:
    """An attempt that fails in a turn is followed by another of the same turn."""
    seen: list[tuple[object, object, int]] = []
    acts = does(LOOP(result=1), FAIL("odd"), LOOP(result=2), RETRY("wait"), "done")

    def body() -> object:
        seen.append((context.get("task_loop_count"), context.get("task_loop_result"), context.task_run_count))
        return acts()

    assert run_one(body, max_retries=1)[0] == states.Success(None, "done")
    assert seen == [(None, None, 1), (2, 1, 1), (2, 1, 2), (3, 2, 1), (3, 2, 2)]


# The end of the flow

GOOD, BAD, NONE, OFF = does(1), does(FAIL("bad")), does(SKIP("none")), does(signals.ENDRUN(states.Cancelled("off")))
ENDS: list[tuple[list[Callable[[], object]], State]] = [
    ([GOOD], states.Success("All reference tasks succeeded.")),
    ([GOOD, NONE], states.Success("All reference tasks succeeded.")),
    ([NONE, NONE], states.Skipped("All reference tasks were skipped.")),
    ([GOOD, BAD], states.Failed("Some reference tasks failed.")),
    ([NONE, BAD], states.Failed("Some reference tasks failed.")),
    ([OFF, BAD], states.Failed("Some reference tasks failed.")),
    ([GOOD, OFF], states.Cancelled("Some reference tasks were cancelled.")),
    ([NONE, OFF], states.Cancelled("Some reference tasks were cancelled.")),
]


@pytest.mark.parametrize(("bodies", "end"), ENDS)
def test_the_end_follows_from_the_reference_tasks(bodies: list[Callable[[], object]], end: State) -> None:
    """A flow fails if a reference task failed, else is cancelled, skipped or successful as they are."""
    with Flow("ends") as flow:
        nodes = [task(body)() for body in bodies]
        behind = Task.__call__(task(does(FAIL("behind"))), upstream_tasks=nodes)
    flow.set_reference_tasks(nodes)
    state = flow.run()
    assert (type(state), state.message) == (type(end), end.message)
    assert state.result[behind].is_finished()


def test_a_flow_without_tasks_succeeds() -> None:
    """Where there is nothing to do, all of it is done."""
    state = Flow("empty").run()
    assert (type(state), dict(state.result)) == (states.Success, {})


def test_the_result_has_every_task() -> None:
    """The result of a flow is the state of each task, by task and by slug, in an order in which they may run."""
    with Flow("results") as flow:
        size = Parameter("size", 2)
        total = task(lambda values: sum(values))([size, 3])
    result = flow.run().result
    assert list(result) == list(flow.sorted_tasks())
    assert len(result) == 3
    assert result["size"] is result[size] is result.by_slug()["size"]
    assert result[total] == states.Success(None, 5)
    assert repr(result) == "{size: <Success>, List-1: <Success>, <lambda>-1: <Success>}"


def test_each_run_is_a_new_one() -> None:
    """A flow may be run as often as one likes: no run knows of another."""
    acts = does(LOOP(result=1), FAIL("once"), 1, LOOP(result=2), 2)
    with Flow("again") as flow:
        node = task(max_retries=1)(acts)()
    assert [flow.run().result[node].result for _ in range(2)] == [1, 2]


def test_a_flow_may_run_in_a_body() -> None:
    """A body may run another flow; behind it, the context is that of the body again."""
    with Flow("inner") as inner:
        node = task(lambda x: (x, context.flow_name))(Parameter("x"))

    def body() -> object:
        found = inner.run(x=context["parameters"]["y"]).result[node].result
        return (found, context.flow_name, context["parameters"])

    with Flow("outer") as outer:
        Parameter("y")()
        result = task(body)()
    assert outer.run(y=5).result[result].result == ((5, "inner"), "outer", {"y": 5})


def test_success_may_be_raised() -> None:
    """`SUCCESS` ends the work from anywhere in it, with its message and result."""
    assert run_one(does(SUCCESS("early", result=[1]))) == (
        states.Success("early", [1]),
        ["Pending -START-> Running", "Running -SUCCESS-> Success"],
    )
