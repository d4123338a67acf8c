"""Triggers of the user's own: what they see, answer and raise."""

from __future__ import annotations

from typing import Any, NoReturn

import pytest
from acts import flow_of

from interlock import Flow, Machine, context, signals, states, task
from interlock._edges import Edge
from interlock.signals import ENDRUN, FAIL, LOOP, PAUSE, SKIP, TRIGGERFAIL
from interlock.states import BY_NAME, State
from interlock.triggers import Trigger


def gated(trigger: Trigger) -> State:
    """Return how a task with this trigger ends, in a flow of its own."""
    flow, (node,) = flow_of(lambda: "ran", trigger=trigger)
    state: State = flow.run().result[node]
    return state


def _raises(signal: BaseException) -> Trigger:
    def trigger(_upstreams: object) -> NoReturn:
        raise signal

    return trigger


def test_what_a_trigger_sees() -> None:
    """A trigger is called once, with the states of the upstreams by edge, in the context of the task."""
    seen: list[tuple[dict[Edge, State], str]] = []

    def trigger(found: Any) -> bool:
        seen.append((dict(found), context.task_name))
        return True

    @task
    def one() -> int:
        return 1

    @task
    def two() -> int:
        return 2

    @task(trigger=trigger)
    def add(x: int, y: int) -> int:
        return x + y

    with Flow("seen") as flow:
        total = add(one(), y=two())
    assert flow.run().result[total].result == 3
    assert [(edge.key, edge.upstream.name, state.result) for edge, state in seen[0][0].items()] == [
        ("x", "one", 1),
        ("y", "two", 2),
    ]
    assert [name for _, name in seen] == ["add"]


@pytest.mark.parametrize("answer", [False, None, 1, 0, "yes", [True], object])
def test_only_true_is_a_yes(answer: object) -> None:
    """What a trigger answers beside True fails the task, and is quoted."""
    state = gated(lambda _: answer)  # type: ignore[arg-type,return-value]  # wrong on purpose
    assert state == states.TriggerFailed(f"The trigger answered {answer!r}")


def test_an_answer_that_cannot_be_shown() -> None:
    """An answer whose own repr raises fails the task, and not the flow."""

    class Shy:
        def __repr__(self) -> str:
            raise ValueError("not for your eyes")

    assert type(gated(lambda _: Shy())) is states.TriggerFailed  # type: ignore[arg-type,return-value]  # as above


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (ValueError("no"), "The trigger raised ValueError: no"),
        (KeyError(), "The trigger raised KeyError"),
        (SystemExit(3), "The trigger raised SystemExit: 3"),
        (GeneratorExit(), "The trigger raised GeneratorExit"),
        (BaseException("odd"), "The trigger raised BaseException: odd"),
    ],
    ids=repr,
)
def test_a_trigger_that_raises_fails_the_task(error: BaseException, text: str) -> None:
    """Whatever a trigger raises fails its task, with the exception as the result; it is never retried."""
    assert gated(_raises(error)) == states.TriggerFailed(text, error)


OUTCOMES = {
    "SUCCESS": "Success",
    "FAIL": "Failed",
    "VALIDATIONFAIL": "ValidationFailed",
    "TRIGGERFAIL": "TriggerFailed",
    "SKIP": "Skipped",
    "CACHE": "Cached",
    "CANCEL": "Cancelled",
    "BROKEN": "Failed",
}


@pytest.mark.parametrize("name", OUTCOMES)
def test_a_signal_of_a_trigger_ends_the_task(name: str) -> None:
    """A signal that a trigger raises leads where the table says, with its message and result; no body is called."""
    state = gated(_raises(getattr(signals, name)("why", result=5)))
    assert state == BY_NAME[OUTCOMES[name]]("why", 5)
    assert Machine.load("task-run").next("Pending", name) == OUTCOMES[name]


def test_a_failure_that_a_trigger_raises_is_that_failure() -> None:
    """`FAIL` with an exception as its result is still `FAIL`: only what was no signal becomes `TRIGGERFAIL`."""
    error = ValueError("no")
    assert gated(_raises(FAIL("why", result=error))) == states.Failed("why", error)
    assert gated(_raises(TRIGGERFAIL("why", result=error))) == states.TriggerFailed("why", error)


@pytest.mark.parametrize("name", ["LOOP", "TIMEOUT", "LOST", "RESUME", "GATHER"])
def test_a_signal_that_the_table_refuses_fails_the_task(name: str) -> None:
    """What the table refuses before the start is `TRIGGERFAIL`, with the refusal's text."""
    state = gated(_raises(getattr(signals, name)("why")))
    assert type(state) is states.TriggerFailed
    assert state.message is not None
    assert state.message.startswith(f"task-run: {name} is refused in Pending")
    because = Machine.load("task-run").rows["Pending"].get(name)
    assert because is None or because.because in state.message


@pytest.mark.parametrize("name", ["START", "MAP"])
def test_a_trigger_does_not_run_the_engine(name: str) -> None:
    """A signal that would begin the work without its body, or make children of nothing, ends no flow in between."""
    state = gated(_raises(getattr(signals, name)()))
    assert state.is_finished()


@pytest.mark.parametrize(
    "name",
    ["Success", "Skipped", "Failed", "TimedOut", "TriggerFailed", "ValidationFailed", "Cancelled"],
)
def test_a_trigger_may_end_the_run(name: str) -> None:
    """`ENDRUN` in a trigger ends the run in the very state that it carries."""
    carried = BY_NAME[name]("why", 5)
    assert gated(_raises(ENDRUN(carried))) is carried


def test_a_trigger_may_pause_and_ask_again() -> None:
    """After `PAUSE` and `RETRY` the trigger is asked again, and may say yes."""
    script: list[BaseException] = [PAUSE("look first"), signals.RETRY("not yet")]

    def trigger(_: object) -> bool:
        if script:
            raise script.pop(0)
        return True

    @task(trigger=trigger)
    def work() -> str:
        return "done"

    with Flow("asked") as flow:
        node = work()
    rested = flow.run()
    assert rested.result[node] == states.Paused("look first")
    assert flow.resume(rested).result[node] == states.Success(None, "done")
    assert script == []


def test_a_trigger_is_asked_again_at_each_turn() -> None:
    """All gates are asked again whenever a run becomes due: at each attempt, and at each turn of a loop."""
    asked: list[tuple[int, int]] = []

    def trigger(_: object) -> bool:
        asked.append((context.get("task_loop_count", 1), context.task_run_count))
        return len(asked) < 5

    @task(trigger=trigger, max_retries=1)
    def work() -> None:
        if len(asked) == 2:
            raise FAIL("once more")
        raise LOOP(result=len(asked))

    with Flow("asked") as flow:
        node = work()
    assert flow.run().result[node] == states.TriggerFailed("The trigger answered False")
    assert asked == [(1, 1), (2, 1), (2, 2), (3, 1), (4, 1)]


def test_a_skip_of_a_trigger_has_no_result() -> None:
    """A signal without a result does not put itself into the result."""
    assert gated(_raises(SKIP("nothing"))) == states.Skipped("nothing", None)
