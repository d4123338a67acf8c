"""Pausing, resuming and ending a run early: what a flow waits for, and how it goes on."""

from __future__ import annotations

import pickle
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import cloudpickle
import pytest
from acts import Told, does, flow_of

from interlock import Flow, FlowError, Parameter, Task, context, states, task, triggers
from interlock.signals import ENDRUN, FAIL, LOOP, PAUSE, RESUME, RETRY, SKIP
from interlock.states import Paused, State, Success

RESTS = "Nothing can go on until a person resumes a task"


def asks(value: object = "done") -> object:
    """Pause until a person resumes the task."""
    if not context.get("resume"):
        raise PAUSE("look first")
    return value


# Pausing


def test_a_flow_that_waits_for_a_person_rests() -> None:
    """What can run runs; then the flow rests in `Paused`, and says how far each task came."""
    with Flow("rests") as flow:
        waits, other = task(asks)(), task(does(1))()
        behind = task(lambda x: x)(waits)
    state = flow.run()
    assert (type(state), state.message) == (Paused, RESTS)
    assert state.result[waits] == Paused("look first")
    assert state.result[other] == Success(None, 1)
    assert state.result[behind] == states.Pending("The task was not run.")


def test_a_resumed_flow_goes_on() -> None:
    """`resume` calls the body again, tells it so, and goes on behind it; what is over is not run again."""
    ran: list[str] = []

    def note(text: str) -> str:
        ran.append(text)
        return text

    @task
    def looks() -> str:
        return note(str(asks("seen")))

    with Flow("goes on") as flow:
        first = task(note)("first")
        waits = Task.__call__(looks, upstream_tasks=[first])
        behind = task(lambda x: note(f"behind {x}"))(waits)
    rested = flow.run()
    assert ran == ["first"]
    state = flow.resume(rested)
    assert ran == ["first", "seen", "behind seen"]
    assert (type(state), state.result[behind].result) == (Success, "behind seen")
    assert state.result[first] == rested.result[first]


def test_a_body_may_pause_again() -> None:
    """Each pause is one; a person may be asked as often as the work likes."""
    steps = Told()
    flow, (node,) = flow_of(does(PAUSE("one"), PAUSE("two"), "done"))
    state = flow.run(plugins=[steps])
    for message in ("one", "two"):
        assert (type(state), state.result[node]) == (Paused, Paused(message))
        state = flow.resume(state, plugins=[steps])
    assert (type(state), state.result[node].result) == (Success, "done")
    again = ["Paused -RESUME-> Scheduled", "Scheduled -START-> Running"]
    pause = "Running -PAUSE-> Paused"
    assert steps.tasks == ["Pending -START-> Running", pause, *again, pause, *again, "Running -SUCCESS-> Success"]


def test_who_resumed_is_known_until_the_next_pause() -> None:
    """`context.resume` is set from the resumption to the next pause, through retries and turns."""
    seen: list[bool] = []
    acts = does(PAUSE(), FAIL(), LOOP(), PAUSE(), "done")

    def body() -> object:
        seen.append(context.get("resume", False))
        return acts()

    flow, _ = flow_of(body, max_retries=1)
    assert flow.resume(flow.resume(flow.run())).is_successful()
    assert seen == [False, True, True, True, True]


def test_manual_only_waits_for_a_person() -> None:
    """A task with the trigger `manual_only` runs when it was resumed."""
    flow, (node,) = flow_of(does("done"), trigger=triggers.manual_only)
    state = flow.run()
    assert state.result[node] == Paused("Trigger 'manual_only' waits for a person")
    assert flow.resume(state).result[node] == Success(None, "done")


def test_a_pause_with_a_time_ends_by_itself() -> None:
    """`PAUSE(start_time=...)` waits for that time, not for a person; where another waits for one, the flow rests."""
    past = datetime(2026, 5, 1, tzinfo=UTC)
    soon = datetime.now(UTC) + timedelta(milliseconds=20)
    steps = Told()
    flow, nodes = flow_of(does(PAUSE(start_time=past), 1), does(PAUSE(start_time=soon), 2), asks)
    state = flow.run(plugins=[steps])
    assert [state.result[node] for node in nodes] == [Success(None, 1), Success(None, 2), Paused("look first")]
    assert steps.tasks.count("Paused -RESUME-> Scheduled") == 2


def test_a_failure_elsewhere_does_not_end_a_flow_that_waits() -> None:
    """A flow does not end before each of its task runs is over, though its end is known."""
    flow, _ = flow_of(does(FAIL("no")), asks)
    rested = flow.run()
    assert type(rested) is Paused
    assert flow.resume(rested).message == "Some reference tasks failed."


# Resuming


def test_a_state_may_be_resumed_twice() -> None:
    """A state is a value: going on from it twice gives the same twice, and leaves it as it was."""
    calls: list[object] = []

    def body(x: int) -> int:
        calls.append((context.get("task_loop_count", 1), context.get("task_loop_result")))
        if len(calls) == 1:
            raise LOOP(result=x)
        value: int = asks(context.task_loop_result + x)  # type: ignore[assignment]  # it hands an int on
        return value

    with Flow("twice") as flow:
        node = task(body)(Parameter("x"))
        other = task(asks)()
    rested = flow.run(x=5)
    told = repr(rested.result), pickle.dumps(rested)
    for _ in range(3):
        state = flow.resume(rested, [node])
        assert (type(state), state.result[node], state.result[other]) == (
            Paused,
            Success(None, 10),
            Paused("look first"),
        )
        assert (repr(rested.result), pickle.dumps(rested)) == told
    assert calls == [(1, None), *[(2, 5)] * 4]


def test_chosen_tasks_go_on() -> None:
    """Tasks that are named, by themselves or by slug, go on; the others wait on, as they were."""
    flow, (a, b, c) = flow_of(asks, asks, asks)
    state = flow.run()
    for chosen, done in (([b], [b]), ([c.slug], [c]), ([a, b.slug], [a, b]), ([], [])):
        result = flow.resume(state, chosen).result
        assert [node for node in (a, b, c) if result[node].is_successful()] == done
        assert all(result[node] == state.result[node] for node in (a, b, c) if node not in done)
    assert flow.resume(flow.resume(state, [a]), [b, c]).is_successful()


def test_budgets_and_turns_go_on_where_they_stood() -> None:
    """A retry that was used is used, a turn that was taken is taken, and what is left is left."""
    wait = PAUSE("wait")
    flow, nodes = flow_of(
        does(FAIL("a"), wait, FAIL("b"), "never"),
        does(RETRY(), wait, RETRY(), "never"),
        does(LOOP(), wait, LOOP(), "never"),
        does(FAIL("a"), RETRY(), LOOP(), wait, "done"),
        max_retries=1,
        retry_limit=1,
        max_turns=2,
    )
    result = flow.resume(flow.run()).result
    assert [type(result[node]).__name__ for node in nodes] == ["Failed", "Failed", "Failed", "Success"]


def test_parameters_are_kept() -> None:
    """A resumed flow runs with the values that it was begun with."""
    with Flow("kept") as flow:
        x, y = Parameter("x"), Parameter("y", 2)
        gate = task(asks)()
        node = Task.__call__(task(lambda a, b: (a, b, context["parameters"])), x, y, upstream_tasks=[gate])
    state = flow.resume(flow.run(x=1))
    assert state.result[node].result == (1, 2, {"x": 1, "y": 2})


PICKLES: list[Callable[[State], bytes]] = [pickle.dumps, cloudpickle.dumps]


@pytest.mark.parametrize("dump", PICKLES)
def test_a_pickled_state_goes_on(dump: Callable[[State], bytes]) -> None:
    """A state that was stored and loaded says the same, and goes on like the state itself."""
    flow, (node, done, failed) = flow_of(asks, does(5), does(FAIL("no")))
    rested = flow.run()
    again: State = pickle.loads(dump(rested))
    assert (type(again), again.message) == (Paused, rested.message)
    assert [again.result[each] for each in (node, done, failed)] == [
        rested.result[each] for each in (node, done, failed)
    ]
    assert again.result.by_slug() == rested.result.by_slug()
    assert flow.resume(again).result.by_slug() == flow.resume(rested).result.by_slug()


def test_a_pickled_result_is_a_whole_mapping() -> None:
    """The values of a loaded result are all the states: whoever asks whether all succeeded is not told of none."""
    flow, _ = flow_of(does(FAIL("no")), does(1))
    result = flow.run().result
    again = pickle.loads(pickle.dumps(result))
    assert list(again.values()) == list(result.values())
    assert len(list(again)) == len(again) == 2


PROGRAM = """
import pickle, sys
from pathlib import Path
from interlock import Flow, Parameter, Task, context, task, unmapped
from interlock.signals import FAIL, LOOP, PAUSE

log, stored = Path(sys.argv[2]), Path(sys.argv[3])

def note(*words):
    with log.open("a") as file:
        print(*words, file=file)

@task
def load(size):
    note("load")
    return list(range(size))

@task(max_retries=1, retry_on=FAIL)
def work(x, factor):
    note("work", x, context.get("task_loop_count", 1), context.task_run_count, context.get("resume", False))
    if x == 0:
        return 0
    if context.get("task_loop_count", 1) == 1:
        raise LOOP(result=x * factor)
    if x == 2 and context.task_run_count == 1 or x == 3 and context.get("resume"):
        raise FAIL("once")
    if x == 3 and context.task_run_count == 1:
        raise FAIL("once")
    if not context.get("resume"):
        raise PAUSE(f"look at {x}")
    return context.task_loop_result

@task(trigger=lambda upstreams: True)
def total(values):
    note("total", [v if isinstance(v, int) else None for v in values])
    return len(values)

with Flow("far") as flow:
    values = work.map(load(Parameter("size")), unmapped(10))
    end = total(values)

if sys.argv[1] == "run":
    state = flow.run(size=4)
else:
    state = flow.resume(pickle.loads(stored.read_bytes()))
stored.write_bytes(pickle.dumps(state))
print(state, *state.result["work-1"].map_states)
"""


def test_another_process_goes_on(tmp_path: Path) -> None:
    """Children, turns, budgets and parameters of a flow that rests go on in a process that has the same flow."""
    program = tmp_path / "far.py"
    program.write_text(PROGRAM, encoding="utf-8")
    log, stored = tmp_path / "log", tmp_path / "state"
    told = []
    for what in ("run", "resume"):
        done = subprocess.run(
            [sys.executable, str(program), what, str(log), str(stored)], capture_output=True, text=True, check=False
        )
        assert done.stderr == ""
        told.append(done.stdout.strip())
    assert told == [
        f'<Paused: "{RESTS}"> <Success> <Paused: "look at 1"> <Paused: "look at 2"> <Paused: "look at 3">',
        '<Success: "All reference tasks succeeded."> <Success> <Success> <Success> <Failed: "once">',
    ]
    first, second = log.read_text(encoding="utf-8").split("work 1 2 1 True\n")
    assert first.splitlines()[0] == "load"
    assert len(first.splitlines()) == 1 + 1 + 2 + 3 + 3
    assert second.splitlines() == ["work 2 2 2 True", "work 3 2 2 True", "total [0, 10, 20, None]"]
    state: State = pickle.loads(stored.read_bytes())
    assert state.result["total-1"] == Success(None, 4)
    assert state.result["size"] == Success(None, 4)


def refused(resume: Callable[[], object]) -> str:
    with pytest.raises(FlowError) as caught:
        resume()
    return str(caught.value)


def test_what_cannot_be_resumed_is_refused() -> None:
    """A state that is over, of another flow or of none, and a task that does not wait, are refused in words."""
    flow, (waits, done) = flow_of(asks, does(1))
    rested = flow.run()
    over = flow.resume(rested)
    other = Flow("other", tasks=[Task("<lambda>")])
    assert refused(lambda: flow.resume(over)) == (
        "flow 'of tasks': it ended in <Success: \"All reference tasks succeeded.\">; "
        "what is over stays over, run it again"
    )
    for state in (Paused("x"), Success("x", {"a": 1})):
        assert refused(lambda state=state: flow.resume(state)) == (  # type: ignore[misc]  # a default is no argument
            f"flow 'of tasks': resume needs the state that run or resume returned, not {state!r}"
        )
    assert refused(lambda: other.resume(rested)) == "flow 'other': the state is of a flow with a task 'asks-1'."
    why = f"task {done.slug!r} does not wait for a person"
    assert refused(lambda: flow.resume(rested, [waits, done])) == f"flow 'of tasks': {why}"
    for name, why in (
        ("asks-2", "there is no task 'asks-2'. Did you mean 'asks-1'?"),
        ("asks-1[0]", "task 'asks-1[0]' does not wait for a person"),
    ):
        assert refused(lambda one=name: flow.resume(rested, [waits, one])) == f"flow 'of tasks': {why}"  # type: ignore[misc]  # as above


def test_a_flow_that_has_grown_does_not_leave_tasks_out() -> None:
    """A flow with further tasks refuses the state, or runs them: it does not end before all of them are over."""
    flow, _ = flow_of(asks)
    rested = flow.run()
    ran: list[int] = []
    flow.add_task(task(lambda: ran.append(1)))
    try:
        state = flow.resume(rested)
    except FlowError:
        return
    assert ran == [1]
    assert all(each.is_finished() for each in state.result.values())


# What waits


def test_what_waits_is_told_by_its_place() -> None:
    """Tasks by slug, children with their number; what waits for a time, or is over, is not among them."""
    with Flow("places") as flow:
        task(name="one")(asks)()
        task(name="some")(lambda x: asks() if x else x).map([0, 1, 2])
        task(name="ended")(does(ENDRUN(states.Scheduled("ended"))))()
        task(name="over")(does(1))()
    places = {"ended-1": "ended", "one-1": "look first", "some-1[1]": "look first", "some-1[2]": "look first"}
    rested = flow.run()
    assert {place: state.message for place, state in sorted(rested.result.waiting().items())} == places
    handle = flow.start()
    handle.result()
    assert handle.waiting().keys() == places.keys()
    for place in ("one-1", "some-1", "ended-1"):
        handle.send(place, SKIP("no"))
    assert handle.result().result.waiting() == handle.waiting() == {}


def test_an_answer_holds_until_the_next_question() -> None:
    """A body finds what it was answered, and the state that it waited in; not what it was answered before that."""
    seen: list[tuple[object, object]] = []
    acts: list[BaseException | None] = [PAUSE("one"), FAIL("again"), ENDRUN(states.Scheduled("two")), None]

    def body() -> None:
        seen.append((context.get("answer"), context.get("answered")))
        act = acts.pop(0)
        if act is not None:
            raise act

    flow, (node,) = flow_of(body, max_retries=1)
    said = RESUME("go")
    rested = flow.resume(flow.run(), signals={node: said})
    assert flow.resume(rested).is_successful()
    assert [(repr(answer), answered) for answer, answered in seen] == [
        ("None", None),
        (repr(said), Paused("one")),
        (repr(said), Paused("one")),
        ("None", None),
    ]
