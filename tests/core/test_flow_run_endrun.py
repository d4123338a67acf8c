"""`ENDRUN`: a run is ended in the state that it carries, for ever or until a new pass."""

from __future__ import annotations

import pickle
from datetime import UTC, datetime, timedelta

import pytest
from acts import Told, does, flow_of

from interlock import context, hookimpl, states, triggers
from interlock._hooks import RunView
from interlock._story import Step
from interlock.signals import ENDRUN, FAIL, LOOP, PAUSE, RETRY
from interlock.states import BY_NAME, Paused, Scheduled, State, Success

RESTS = "Nothing can go on until a person resumes a task"
FINAL = ["Success", "Skipped", "Failed", "TimedOut", "TriggerFailed", "ValidationFailed", "Cancelled"]


@pytest.mark.parametrize("name", FINAL)
def test_endrun_ends_the_work(name: str) -> None:
    """`ENDRUN` in a body ends the run in the very state that it carries: no retry, no turn, nothing follows."""
    carried = BY_NAME[name]("why", 5)
    told = Told()
    flow, nodes = flow_of(
        does(ENDRUN(carried)),
        does(FAIL(), ENDRUN(carried)),
        does(LOOP(), RETRY(), ENDRUN(carried)),
        max_retries=5,
    )
    state = flow.run(plugins=[told])
    assert all(state.result[node] is carried for node in nodes)
    assert told.tasks.count(f"Running -ENDRUN-> {name}") == 3
    assert len(told.tasks) == 2 + 4 + 6
    assert state.is_finished()


@pytest.mark.parametrize("name", FINAL)
def test_endrun_is_told_and_not_asked(name: str) -> None:
    """A plugin is told of `ENDRUN` once, and is not asked: nothing can change what it carries."""
    asked, told = [], []

    class Nosy:
        @hookimpl
        def before_step(self, run: RunView, signal: object) -> object:
            asked.append(type(signal).__name__)
            return None

        @hookimpl
        def after_step(self, run: RunView, step: Step) -> None:
            told.append(step.signal)

    carried = BY_NAME[name]("why")
    flow, (node,) = flow_of(does(ENDRUN(carried)))
    assert flow.run(plugins=[Nosy()]).result[node] is carried
    assert "ENDRUN" not in asked
    assert told.count("ENDRUN") == 1


WAITING: list[State] = [Paused("wait"), Paused(), Scheduled("wait"), Scheduled("wait", 5)]


@pytest.mark.parametrize("carried", WAITING, ids=repr)
@pytest.mark.parametrize("gate", [False, True])
def test_a_run_ended_unfinished_waits_for_a_person(carried: State, gate: bool) -> None:
    """A carried state that is not final and has no time rests, closed, until the flow is resumed; then it goes on."""
    acts = does(ENDRUN(carried), True)
    trigger = (lambda _: acts()) if gate else triggers.all_successful
    flow, (node,) = flow_of(does("done") if gate else acts, max_retries=5, trigger=trigger)
    state = flow.run()
    assert (type(state), state.message) == (Paused, RESTS)
    assert state.result[node] is carried
    record = state.result.records()[node.slug]
    assert (record.run.closed, record.run.accepts()) == (True, ())
    for stored in (state, pickle.loads(pickle.dumps(state))):
        acts = does(True)
        resumed = flow.resume(stored, [node])
        assert (type(resumed), type(resumed.result[node])) == (Success, Success)


def test_an_ended_run_comes_back_as_the_next_attempt() -> None:
    """The pass that was ended is over; the next one is a further attempt, and it is known who let it go on."""
    told, seen = Told(), []
    acts = does(FAIL(), ENDRUN(Paused("wait")), "done")

    def body() -> object:
        seen.append((context.task_run_count, context.get("resume", False)))
        return acts()

    flow, _ = flow_of(body, max_retries=1)
    assert flow.resume(flow.run(plugins=[told]), plugins=[told]).is_successful()
    assert seen == [(1, False), (2, False), (2, True)]
    assert told.tasks[3:] == [
        "Running -ENDRUN-> Paused",
        "Paused -RESUME-> Scheduled",
        "Scheduled -START-> Running",
        "Running -SUCCESS-> Success",
    ]


@pytest.mark.parametrize("kind", [Scheduled, Paused])
def test_who_let_an_ended_run_go_on_is_known(kind: type[Scheduled]) -> None:
    """A run that was ended unfinished finds in its context, once resumed, that a person let it go on."""

    def body() -> str:
        if not context.get("resume"):
            raise ENDRUN(kind("wait"))
        return "done"

    flow, (node,) = flow_of(body)
    assert flow.resume(flow.run()).result[node] == Success(None, "done")


@pytest.mark.parametrize("kind", [Scheduled, Paused])
@pytest.mark.parametrize("ahead", [-1000.0, 0.0, 0.02])
@pytest.mark.parametrize("gate", [False, True])
def test_a_run_ended_until_a_time_goes_on_by_itself(kind: type[Scheduled], ahead: float, gate: bool) -> None:
    """A carried state with a time is a new pass at that time, without anybody's help."""
    due = datetime.now(UTC) + timedelta(seconds=ahead)
    acts = does(ENDRUN(kind("later", start_time=due)), True)
    trigger = (lambda _: acts()) if gate else triggers.all_successful
    flow, (node,) = flow_of(does(True) if gate else acts, trigger=trigger)
    state = flow.run()
    assert (type(state), state.result[node]) == (Success, Success(None, True))
    assert datetime.now(UTC) >= due


@pytest.mark.parametrize("name", FINAL)
def test_endrun_in_a_gate_between_attempts(name: str) -> None:
    """A trigger may end the run also between two attempts or turns, and behind a pause."""
    carried = BY_NAME[name]("why")
    for act in (FAIL(), LOOP(), PAUSE(start_time=datetime.now(UTC))):
        yes = does(True, ENDRUN(carried))
        flow, (node,) = flow_of(does(act), max_retries=1, trigger=lambda _, yes=yes: yes())
        assert flow.run().result[node] is carried


def test_what_may_not_be_carried_fails_where_it_is_raised() -> None:
    """`ENDRUN` with a state that no run may be ended in is an error of the body, like any other."""

    def body() -> None:
        raise ENDRUN(states.Cached("kept"))

    flow, (node,) = flow_of(body)
    state = flow.run().result[node]
    assert type(state) is states.Failed
    assert str(state.message).startswith("ValueError: ENDRUN: no run may be ended in Cached; it may carry: Scheduled,")
