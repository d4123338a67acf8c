"""What people say to task runs that wait for them: from another thread, and from the command line."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from acts import LONG, Gate, Told, does, flow_of, it, placed, refused

from interlock import Flow, FlowError, context, task
from interlock.signals import CANCEL, FAIL, LOOP, PAUSE, RESUME, SKIP
from interlock.states import Cancelled, Paused, Skipped, Success

DRIVERS = [{}, {"executor": "threads"}, {"executor": "async"}]


def asks() -> str:
    """Pause until a person answers, and return the answer."""
    if not context.get("resume"):
        raise PAUSE("look first")
    return f"{context.answer.name} {context.answer.message}"


@pytest.mark.parametrize("how", DRIVERS, ids=str)
def test_an_answer_while_others_go_on(how: dict[str, Any], gate: Gate) -> None:
    """The flow run does not rest meanwhile. Any: options of a flow run."""
    with Flow("answered") as flow:
        waits = task(asks)()
        slow = placed(task(gate), upstream_tasks=[])
    told = Told()
    handle = flow.start(plugins=[told], **how)
    gate.reached()
    while "Running -PAUSE-> Paused" not in told.tasks:
        threading.Event().wait(0.001)
    handle.send(waits, RESUME("by Ann"))
    gate.event.set()
    state = handle.result(LONG)
    assert (state.result[waits].result, state.result[slow].result) == ("RESUME by Ann", "late")
    if how == {
        "executor": "threads"
    }:  # else it is heard when the body has ended, and all may have come to rest by then
        assert told.of("flow-run") == ["Pending -START-> Running", "Running -SUCCESS-> Success"]


@pytest.mark.parametrize("how", DRIVERS, ids=str)
def test_an_answer_to_a_flow_run_that_rests(how: dict[str, Any]) -> None:
    """It goes on, as often as somebody answers; what is over is not done again. Any: as above."""
    ran: list[int] = []
    with Flow("rests") as flow:
        before = task(lambda: ran.append(1))()
        first = placed(task(asks), upstream_tasks=[before])
        second = placed(task(asks), upstream_tasks=[first])
    handle = flow.start(**how)
    assert type(handle.result(LONG)) is Paused
    handle.send(it(first).slug, RESUME("one"))
    assert type(handle.result(LONG)) is Paused
    handle.send(second, SKIP("not needed"))
    state = handle.result(LONG)
    assert (state.result[first].result, state.result[second]) == ("RESUME one", Skipped("not needed"))
    assert ran == [1]
    assert handle.done()


def test_answers_from_many_threads() -> None:
    """A hundred tasks wait, a hundred threads answer, one each: none is lost, none counts twice."""
    with Flow("many") as flow:
        nodes = [it(task(asks)()) for _ in range(100)]
    handle = flow.start(executor="threads")
    while handle.state.is_running() or (handle.state.is_scheduled() is False and not handle.done()):
        threading.Event().wait(0.001)
    started = threading.Barrier(len(nodes))

    def answer(number: int) -> None:
        started.wait(LONG)
        handle.send(nodes[number], RESUME(str(number)))

    threads = [threading.Thread(target=answer, args=(number,)) for number in range(len(nodes))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(LONG)
    while (state := handle.result(LONG)).is_paused():
        threading.Event().wait(0.001)
    assert [state.result[node].result for node in nodes] == [f"RESUME {number}" for number in range(len(nodes))]


def test_what_cannot_be_answered_is_refused() -> None:
    """A task that is not there, that does not wait, what is no signal: `FlowError`, and nothing changes."""
    flow, (waits, other) = flow_of(asks, does(5))
    handle = flow.start()
    assert type(handle.result(LONG)) is Paused
    said: Any
    for task_, said, why in (
        (waits, "RESUME", "'RESUME' is no signal; send one such as RESUME()"),
        (waits, RESUME, "<class 'interlock.signals.RESUME'> is no signal; send one such as RESUME()"),
        (other, RESUME(), f"task {other.slug!r} does not wait for a person"),
        ("ask-1", RESUME(), "there is no task 'ask-1'. Did you mean 'asks-1'?"),
    ):
        assert refused(lambda to=task_, what=said: handle.send(to, what)) == f"flow 'of tasks': {why}"  # type: ignore[misc]  # defaults are no arguments
    assert handle.result(LONG).result[waits].is_paused()
    handle.send(waits, CANCEL("no more"))
    assert handle.result(LONG).result[waits] == Cancelled("no more")
    assert "no task of it waits for a person" in refused(lambda: handle.send(waits, RESUME()))


@pytest.mark.parametrize("how", DRIVERS, ids=str)
def test_an_answer_that_comes_too_late_is_logged(
    how: dict[str, Any], caplog: pytest.LogCaptureFixture, gate: Gate
) -> None:
    """What a task run has gone on from meanwhile changes nothing, and is not lost without a word. Any: as above."""
    flow, (slow, over) = flow_of(gate, does(5))
    slow.set_upstream(over, flow=flow)
    handle = flow.start(**how)
    gate.reached()
    handle._interrupts.say("work-1", RESUME("late"))  # as `send` does behind its check, which it would not pass now
    gate.event.set()
    assert handle.result(LONG).result[over] == Success(None, 5)
    while not caplog.records:
        threading.Event().wait(0.001)
    assert [(record.name, record.levelname) for record in caplog.records] == [("interlock.flow", "WARNING")]
    assert "what was said comes too late: {'work-1': RESUME('late')}" in caplog.text


def test_a_handle_that_failed_says_so_to_who_answers() -> None:
    """A flow run that is over takes no answer."""
    flow, (node,) = flow_of(does(FAIL("no")))
    handle = flow.start()
    assert handle.result(LONG).is_failed()
    with pytest.raises(FlowError, match="no task of it waits for a person"):
        handle.send(node, RESUME())


def test_the_answer_is_known_until_the_next_pause() -> None:
    """`context.answer` is what a person said; turns and retries behind it still know it, and a second pause forgets."""
    seen: list[object] = []

    def body() -> None:
        answer = context.get("answer")
        seen.append(None if answer is None else answer.message)
        if len(seen) == 1:
            raise PAUSE("first")
        if len(seen) == 2:
            raise LOOP()
        if len(seen) == 3:
            raise PAUSE("second")

    flow, (node,) = flow_of(body)
    state = flow.resume(flow.run(), signals={})
    assert state.is_paused()
    state = flow.resume(state, signals={node: RESUME("again")})
    assert state.is_successful()
    assert seen == [None, None, None, "again"]
