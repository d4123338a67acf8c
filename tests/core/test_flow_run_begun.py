"""How a flow run is begun and gone on with: parameters of a class, given states, what a person says, what is raised."""

from __future__ import annotations

import pickle
import signal as interrupt
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import pytest
from acts import Told, does, flow_of, it, refused

from interlock import DateTimeParameter, Flow, FlowError, Parameter, context, pause_task, signals, states, task
from interlock.signals import ENDRUN, FAIL, LOOP, PAUSE, SKIP, SUCCESS
from interlock.states import Cached, Failed, Paused, Scheduled, Skipped, State, Success, TriggerFailed
from interlock.testing import Clock


@pytest.fixture
def clock() -> Iterator[Clock]:
    with Clock(1000.0).flows() as clock:
        yield clock


@task
def same(x: Any) -> Any:
    return x


# Parameters of a class

READ: list[tuple[type, object, object]] = [
    (int, 5, 5),
    (float, 5, 5.0),
    (str, "x", "x"),
    (bool, True, True),
    (list, [1], [1]),
    (timedelta, 90, timedelta(seconds=90)),
    (timedelta, 0.5, timedelta(seconds=0.5)),
    (datetime, "2026-05-01T12:00", datetime(2026, 5, 1, 12)),
    (date, "2026-05-01", date(2026, 5, 1)),
    (time, "12:30", time(12, 30)),
    (Path, "a/b", Path("a/b")),
]


@pytest.mark.parametrize(("kind", "given", "value"), READ)
def test_a_parameter_is_of_its_class(kind: type, given: object, value: object) -> None:
    """A value of the class, or one that stands for it, comes out as one of the class; as a default too."""
    with Flow("typed") as flow:
        node = same(Parameter("x", type=kind))
        other = same(Parameter("y", given, type=kind))
    result = flow.run(x=given).result
    assert (result[node].result, result[other].result) == (value, value)
    assert type(result[node].result) is type(value)


NOT_READ: list[tuple[type, object, str]] = [
    (int, "5", "parameter 'x' is '5'; it must be of type int"),
    (int, True, "parameter 'x' is True; it must be of type int"),
    (int, 5.0, "parameter 'x' is 5.0; it must be of type int"),
    (float, True, "parameter 'x' is True; it must be of type float"),
    (str, None, "parameter 'x' is None; it must be of type str"),
    (datetime, "noon", "parameter 'x' is 'noon': Invalid isoformat string: 'noon'"),
    (timedelta, 1e300, "parameter 'x' is 1e+300: "),
]


@pytest.mark.parametrize(("kind", "given", "message"), NOT_READ)
def test_a_value_of_another_class_is_refused(kind: type, given: object, message: str) -> None:
    """A value that does not stand for the class is refused before anything runs, with what it must be."""
    ran: list[int] = []
    with Flow("typed") as flow:
        flow.add_task(task(lambda: ran.append(1)))
        flow.add_task(it(Parameter("x", type=kind)))
    assert refused(lambda: flow.run(x=given)).startswith(message)
    assert ran == []
    if given is not None:
        assert refused(lambda: Parameter("x", given, type=kind)).startswith(message)


def test_a_parameter_of_time() -> None:
    """`DateTimeParameter` is a parameter of the class datetime."""
    with Flow("time") as flow:
        node = same(DateTimeParameter("when"))
        maybe = same(DateTimeParameter("maybe", required=False))
    result = flow.run(when="2026-05-01").result
    assert (result[node].result, result[maybe].result) == (datetime(2026, 5, 1), None)
    assert "needs a value" in refused(flow.run)


# States that task runs begin in

KEPT: list[State] = [
    Success("kept", 5),
    Skipped("kept"),
    Failed("kept", 5),
    TriggerFailed("kept"),
    states.TimedOut("kept"),
    states.Cancelled("kept"),
    Cached("kept", 5, {"x": 1}),
]


@pytest.mark.parametrize("state", KEPT, ids=lambda state: type(state).__name__)
def test_a_task_that_is_given_an_end_does_not_run(state: State) -> None:
    """A final state stays as it is, and those behind the task see it."""
    ran: list[int] = []
    with Flow("given") as flow:
        node = it(task(lambda: ran.append(1))())
        behind = task(skip_on_upstream_skip=False, trigger=lambda up: True)(lambda x: x)(node)
    told = Told()
    result = flow.run(task_states={node: state}, plugins=[told]).result
    assert (result[node], result[behind].result, ran) == (state, state.result, [])
    assert len([step for step in told.tasks if "START" in step]) == 1


def test_a_flow_goes_on_from_its_failures() -> None:
    """Given the states of the tasks that succeeded, a flow that failed does the rest."""
    acts = [ValueError("no"), "done"]
    ran: list[str] = []

    def begin() -> int:
        ran.append("first")
        return 1

    with Flow("again") as flow:
        first = it(task(begin)())
        second = task(lambda x: does(acts.pop(0))())(first)
        third = same(second)
    failed = flow.run()
    kept = {slug: state for slug, state in failed.result.by_slug().items() if state.is_successful()}
    state = flow.run(task_states=kept)
    assert (ran, state.result[third].result) == (["first"], "done")


def test_a_task_that_is_given_a_rest_waits() -> None:
    """A run may begin paused, for a person, or scheduled, for a time."""
    flow, (paused, later) = flow_of(does(1), does(2))
    past = datetime(2020, 1, 1, tzinfo=UTC)
    state = flow.run(task_states={paused: Paused("look"), str(later.slug): Scheduled(start_time=past)})
    assert (type(state), state.result[later].result) == (Paused, 2)
    assert flow.resume(pickle.loads(pickle.dumps(state))).result[paused].result == 1


def test_a_map_that_is_given_its_end() -> None:
    """A mapped task may be given a list as its result: no child is made."""
    with Flow("map") as flow:
        node = it(same.map([1, 2]))
        behind = same.map(node)
    result = flow.run(task_states={node: Success(None, [7, 8, 9])}).result
    assert result[behind].result == [7, 8, 9]


def test_states_that_no_run_begins_in_are_refused() -> None:
    """A state that only work leads to, what is no state, and unknown tasks are refused."""
    flow, (node,) = flow_of(does(1), name="work")
    wrong: Any = {node: "Success"}
    assert refused(lambda: flow.run(task_states={node: states.Running()})) == (
        "task_states: <Running>; no run can begin in it, leave it out to have the task run"
    )
    assert refused(lambda: flow.run(task_states=wrong)) == (
        "flow 'of tasks': task_states: 'Success', for 'work-1', is no state"
    )
    assert refused(lambda: flow.run(task_states={"work": Success()})) == (
        "flow 'of tasks': task_states: no task has the slug 'work'. Did you mean 'work-1'?"
    )


# What a person says


def test_a_person_may_say_how_it_goes_on() -> None:
    """A paused task that is given a signal takes it in the place of its gates and its work."""
    flow, nodes = flow_of(*[does(PAUSE("look"), "work") for _ in range(4)])
    rested = flow.run()
    kept, skipped, failed, worked = nodes
    said = {skipped: SKIP("not needed"), str(failed.slug): FAIL("no good"), kept: SUCCESS("by hand", 9)}
    result = flow.resume(rested, signals=said).result
    assert (result[kept], result[skipped], result[failed]) == (
        Success("by hand", 9),
        Skipped("not needed"),
        Failed("no good"),
    )
    assert result[worked].result == "work"


def test_a_person_may_end_a_run_or_be_refused() -> None:
    """ENDRUN seals the run; what the table refuses fails the task with the reason."""
    flow, (one, two) = flow_of(does(PAUSE()), does(PAUSE()))
    result = flow.resume(flow.run(), signals={one: ENDRUN(Success("end", 1)), two: LOOP()}).result
    assert result[one] == Success("end", 1)
    assert (type(result[two]), "LOOP is refused in Scheduled" in str(result[two].message)) == (TriggerFailed, True)


def test_what_a_person_says_of_others_is_refused() -> None:
    """A task that waits for nobody, and what is no signal, are refused, and nothing has gone on."""
    flow, (one, two) = flow_of(does(PAUSE()), does(1), name="work")
    rested = flow.run()
    wrong: Any = {one: Skipped()}
    assert refused(lambda: flow.resume(rested, signals=wrong)) == (
        "flow 'of tasks': signals: <Skipped>, for 'work-1', is no signal; give one such as SKIP()"
    )
    assert refused(lambda: flow.resume(rested, signals={two: SKIP()})) == (
        "flow 'of tasks': task 'work-2' does not wait for a person"
    )
    assert flow.resume(rested, tasks=[], signals={one: SKIP()}).result[one] == Skipped()


# pause_task


def test_a_task_pauses_in_its_work() -> None:
    """`pause_task` pauses until a person resumes the task, and then goes on behind the call."""

    def work() -> str:
        pause_task("look first")
        return "done"

    flow, (node,) = flow_of(work)
    rested = flow.run()
    assert rested.result[node] == Paused("look first")
    assert flow.resume(rested).result[node].result == "done"


def test_a_task_pauses_for_a_time(clock: Clock) -> None:
    """With a duration it goes on by itself, so long after the start of the attempt."""

    def work() -> datetime:
        pause_task(duration=timedelta(minutes=1))
        found: datetime = context.task_start_time
        return found

    flow, (node,) = flow_of(work)
    state = flow.run()
    assert state.result[node].result == datetime.fromtimestamp(1060, UTC)
    assert clock.now == 1060


def test_a_pause_without_a_meaning_is_refused() -> None:
    """Outside of a task there is nothing to pause; a duration that is none fails the task."""
    assert refused(pause_task) == "pause_task: no task is under way here; call it in the work of a task"
    flow, (node,) = flow_of(lambda: pause_task(duration=-1))
    assert flow.run().result[node].message == (
        "FlowError: pause_task: duration=-1; it must be seconds from 0 on, or a timedelta"
    )


# raise_on_exception


def test_a_failure_is_raised_when_the_flow_is_over() -> None:
    """What the first failed task raised is raised behind the end; retries, handlers and other tasks are as ever."""
    error = ValueError("no")
    ran: list[int] = []
    flow, _ = flow_of(does(error), lambda: ran.append(1))
    with pytest.raises(ValueError, match="no") as caught:
        flow.run(raise_on_exception=True)
    assert (caught.value, ran) == (error, [1])
    flow, _ = flow_of(does(error, "done"), max_retries=1)
    assert flow.run(raise_on_exception=True).is_successful()


def test_a_failure_without_an_exception_is_raised_as_an_error_of_the_flow() -> None:
    """A task that failed by a signal names itself."""
    flow, _ = flow_of(does(FAIL("no")), name="work")
    with pytest.raises(FlowError) as caught:
        flow.run(raise_on_exception=True)
    assert str(caught.value) == (
        'flow \'of tasks\': it ended in <Failed: "Some reference tasks failed.">; work ended in <Failed: "no">'
    )


def test_a_failed_child_is_raised_too() -> None:
    """What is raised is what went wrong, not that something behind it could not begin."""
    with Flow("mapped") as flow:
        below = task(name="below")(lambda xs: xs)
        below(task(name="divide")(lambda x: 1 // x).map(task(name="numbers")(lambda: [1, 0])()))
    with pytest.raises(ZeroDivisionError):
        flow.run(raise_on_exception=True)
    failures = flow.run().result.failures()
    assert [(name, type(state).__name__) for name, state in failures] == [
        ("divide[1]", "Failed"),
        ("below", "TriggerFailed"),
    ]


def test_a_flow_that_fails_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    """Who does not look at the state that `run` returns still sees what went wrong, and where."""
    flow, _ = flow_of(does(ValueError("no"), "done"), does(ValueError("neither")), name="work")
    flow.run()
    (record,) = caplog.records
    assert (record.name, record.levelname) == ("interlock.flow", "ERROR")
    assert record.getMessage() == (
        "flow 'of tasks': it ended in <Failed: \"Some reference tasks failed.\">; "
        'work ended in <Failed: "ValueError: no">, and 1 more'
    )
    assert record.exc_info is not None
    assert isinstance(record.exc_info[1], ValueError)


def test_a_failure_that_is_raised_is_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    """Whoever catches it decides what becomes of it."""
    flow, _ = flow_of(does(ValueError("no")))
    with pytest.raises(ValueError, match="no"):
        flow.run(raise_on_exception=True)
    assert caplog.records == []


# Given states that wait, behind upstreams that are not over


@pytest.mark.parametrize(
    "given",
    [
        Scheduled(start_time=datetime.fromtimestamp(500, UTC)),
        states.Retrying(start_time=datetime.fromtimestamp(1500, UTC)),
    ],
    ids=["past", "soon"],
)
def test_a_run_whose_time_comes_before_its_upstreams_waits_for_them(given: State, clock: Clock) -> None:
    """A given time makes no gate fall: the task runs when its upstreams are over, and only then."""
    with Flow("early") as flow:
        slow = task(max_retries=1, retry_delay=1000)(does(ValueError("no"), 5))()
        node = it(task(lambda x: (x, clock.time()))(slow))
    assert flow.run(task_states={node: given}).result[node].result == (5, 2000.0)


def test_a_run_whose_upstreams_are_over_waits_for_its_time(clock: Clock) -> None:
    """The end of an upstream does not start what is not due, nor what waits for a person."""
    later = datetime.fromtimestamp(5000, UTC)
    with Flow("late") as flow:
        first = task(lambda: 1)()
        due = it(task(name="due")(lambda x: clock.time())(first))
        held = it(task(name="held")(lambda x: x)(first))
        paused = it(task(name="paused")(lambda x: x)(first))
    begun = {due: Scheduled(start_time=later), held: Scheduled("look"), paused: Paused("look")}
    state = flow.run(task_states=begun)
    assert type(state) is Paused
    assert (state.result[due].result, state.result[held], state.result[paused]) == (5000.0, begun[held], begun[paused])
    state = flow.resume(state, held)
    assert (state.result[held].result, state.result[paused]) == (1, begun[paused])
    assert flow.resume(state).result[paused].result == 1


# The state that a flow run begins in


def test_a_flow_run_begins_at_its_time(clock: Clock) -> None:
    """One that is scheduled waits for its time; Ctrl-C meanwhile cancels it, and nothing has run."""
    told = Told()
    flow, (node,) = flow_of(lambda: clock.time())
    state = flow.run(state=Scheduled(start_time=datetime.fromtimestamp(5000, UTC)), plugins=[told])
    assert (type(state), state.result[node].result) == (Success, 5000.0)
    steps = ["Pending -SCHEDULE-> Scheduled", "Scheduled -START-> Running", "Running -SUCCESS-> Success"]
    assert told.of("flow-run") == steps


def test_a_flow_run_that_is_over_stays_so() -> None:
    """A final state is returned as it is; states of tasks in the result of another one are taken."""
    ran: list[int] = []
    flow, (node,) = flow_of(lambda: ran.append(1))
    for ended in (Success(result=1), Failed("why")):
        assert flow.run(state=ended) is ended
    given = Success("kept", 5)
    assert flow.run(state=states.Pending(result={node: given})).result[node] == given
    assert flow.run(state=states.Pending(result={node: Failed()}), task_states={node: given}).is_successful()
    assert ran == []


def test_states_that_no_flow_run_begins_in_are_refused() -> None:
    """What rests is resumed; the middle of a run, and what is no state, is refused."""
    flow, _ = flow_of(does(signals.PAUSE()))
    rested = flow.run()
    assert refused(lambda: flow.run(state=rested)) == (
        "flow 'of tasks': it rests in <Paused: \"Nothing can go on until a person resumes a task\">; go on with "
        "flow.resume(state)"
    )
    assert refused(lambda: flow.run(state=states.Running())) == (
        "flow 'of tasks': state=<Running>; no flow run can begin in it, leave it out"
    )
    wrong: Any = "Success"
    assert refused(lambda: flow.run(state=wrong)) == (
        "flow 'of tasks': state='Success' is no state; give one such as Scheduled(start_time=...)"
    )


def test_a_flow_run_that_waits_for_its_time_is_cancelled(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C while nothing has begun yet cancels the flow run and its tasks; no body is called."""
    monkeypatch.setattr(clock, "sleep", lambda seconds: interrupt.raise_signal(interrupt.SIGINT))
    ran: list[int] = []
    flow, (node,) = flow_of(lambda: ran.append(1))
    told = Told()
    state = flow.run(state=Scheduled(start_time=datetime.fromtimestamp(5000, UTC)), plugins=[told])
    assert (type(state), type(state.result[node]), ran) == (states.Cancelled, states.Cancelled, [])
    assert told.of("flow-run") == ["Pending -SCHEDULE-> Scheduled", "Scheduled -CANCEL-> Cancelled"]
