"""Plugins on a flow: they are told of every step, and may choose another signal, but nothing else."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from acts import Told, does

from interlock import (
    Flow,
    Machine,
    PluginError,
    Plugins,
    Task,
    context,
    hookimpl,
    states,
    task,
    triggers,
    unmapped,
)
from interlock._hooks import RunView
from interlock._story import Step
from interlock.results import LocalResult
from interlock.signals import (
    FAIL,
    LOOP,
    MAP,
    PAUSE,
    RESUME,
    RETRY,
    SKIP,
    START,
    SUCCESS,
    TRIGGERFAIL,
    Signal,
)
from interlock.states import State

Choose = Callable[[RunView, Any], object]
"""Any: signals have no common type that a plugin must know."""


class Chooser:
    """Answers what a function says."""

    def __init__(self, choose: Choose) -> None:
        self.choose = choose

    @hookimpl
    def before_step(self, run: RunView, signal: object, now: float | None) -> object:
        return self.choose(run, signal)


def instead(of: type[Signal], answer: object, lifecycle: str = "task-run", times: int = 1000) -> Chooser:
    """Return a plugin that answers some signals of a life cycle, the first times they come."""
    left = [times]

    def choose(run: RunView, signal: object) -> object:
        if run.lifecycle != lifecycle or type(signal) is not of or not left[0]:
            return None
        left[0] -= 1
        return answer

    return Chooser(choose)


def breaks(at: type[Signal], lifecycle: str = "task-run", error: BaseException | None = None) -> Chooser:
    """Return a plugin that raises where a signal is sent in a life cycle."""

    def choose(run: RunView, signal: object) -> object:
        if run.lifecycle == lifecycle and type(signal) is at:
            raise error or ValueError("not mine")
        return None

    return Chooser(choose)


def one(body: Callable[..., object], **options: Any) -> tuple[Flow, Any]:
    """Return a flow of one task, and the task. Any: to a type checker it is a result."""
    with Flow("one") as flow:
        node = task(**options)(body)()
    return flow, node


# Observing


def test_an_observer_sees_every_step() -> None:
    """An observer is told of each step of the flow run and of the task runs, children too, once and in order."""
    told = Told()
    with Flow("seen") as flow:
        first = task(max_retries=1)(does(FAIL(), 1))()
        task(lambda x: x).map([1, 2], upstream_tasks=[first])
    assert flow.run(plugins=[told]).is_successful()
    assert told.of("flow-run") == ["Pending -START-> Running", "Running -SUCCESS-> Success"]
    start, end = "Pending -START-> Running", "Running -SUCCESS-> Success"
    tasks = [start, "Running -FAIL-> Retrying", start, end, "Pending -MAP-> Mapping"]
    tasks += ["Retrying -START-> Running", end, start, end, start, end, "Mapping -GATHER-> Mapped"]
    assert sorted(told.of("task-run")) == sorted(tasks)
    assert [told.steps[0], told.steps[-1]] == [("flow-run", step) for step in told.of("flow-run")]


@pytest.mark.parametrize(
    "plugins", [[], None, Plugins(), [Told()], Plugins(Told()), [Chooser(lambda run, signal: None)]]
)
def test_observers_change_nothing(plugins: Any) -> None:
    """With and without plugins that only look, a flow does the same. Any: what plugins are given as."""
    with Flow("same") as flow:
        nodes = [task(max_retries=1)(does(ValueError("no"), LOOP(result=1), SKIP("x"), LOOP(), PAUSE("y")))()]
        nodes.append(task(lambda x: x)(nodes[0]))
    bare, watched = flow.run(), None
    with Flow("same") as again:
        node = task(max_retries=1)(does(ValueError("no"), LOOP(result=1), SKIP("x"), LOOP(), PAUSE("y")))()
        task(lambda x: x)(node)
    watched = again.run(plugins=plugins)
    assert repr(watched.result) == repr(bare.result)
    assert (type(watched), watched.message) == (type(bare), bare.message)


def test_an_observer_that_raises_is_told_no_more(caplog: pytest.LogCaptureFixture) -> None:
    """An observer that raises is reported once, by its name; the flow goes on without it, the others are told all."""

    class Clumsy:
        calls = 0

        @hookimpl
        def after_step(self, run: RunView, step: Step) -> None:
            self.calls += 1
            raise ValueError("not mine")

    clumsy, told = Clumsy(), Told()
    with Flow("reported") as flow:
        task(lambda x: x).map([1, 2, 3])
    plugins = Plugins(told, clumsy)
    with caplog.at_level(logging.ERROR, "interlock.plugins"):
        assert flow.run(plugins=plugins).is_successful()
    assert clumsy.calls == 1
    assert [record.getMessage() for record in caplog.records] == [
        "plugin 'Clumsy', after_step: raised ValueError('not mine'); it is told nothing more of this run"
    ]
    assert len(told.steps) == 2 + 2 + 3 * 2 + 2
    with caplog.at_level(logging.CRITICAL, "interlock.plugins"):
        assert flow.run(plugins=plugins).is_successful()
    assert clumsy.calls == 2


def test_an_observer_cannot_send() -> None:
    """What an observer has is a view: it reads the run and cannot change it."""
    seen: list[tuple[str, bool, int]] = []

    class Reads:
        @hookimpl
        def after_step(self, run: RunView, step: Step) -> None:
            assert not hasattr(run, "send")
            assert run.state == step.after
            seen.append((run.state, run.is_final, run.attempt))

    flow, _ = one(does(FAIL(), 1), max_retries=1)
    assert flow.run(plugins=[Reads()]).is_successful()
    assert seen[1:-1] == [("Running", False, 1), ("Retrying", False, 1), ("Running", False, 2), ("Success", True, 2)]


# Choosing


def test_a_plugin_replaces_a_failure_by_a_skip() -> None:
    """The answer is taken in the place of the signal: its message and result count, and the step says who chose."""
    told = Told()
    flow, node = one(does(ValueError("no")), max_retries=3)
    state = flow.run(plugins=[told, instead(FAIL, SKIP("kept out", result=4))])
    assert state.result[node] == states.Skipped("kept out", 4)
    assert type(state) is states.Skipped
    assert told.of("task-run")[1:] == ["Running -SKIP-> Skipped (asked: FAIL, chosen by Chooser)"]


@pytest.mark.parametrize("answer", ["SKIP", SKIP, SKIP()], ids=["name", "class", "instance"])
def test_a_signal_is_named_in_any_way(answer: object) -> None:
    """A plugin may answer with a signal's name, its class or an instance, as everywhere a signal is given."""
    flow, node = one(does(ValueError("no")))
    assert flow.run(plugins=[instead(FAIL, answer)]).result[node] == states.Skipped()
    assert type(flow.run(plugins=[instead(START, answer)]).result[node]) is states.Skipped
    assert type(flow.run(plugins=[instead(FAIL, answer, "flow-run")])) is states.Skipped


ANSWERS: list[tuple[type[Signal], object, str]] = [
    (SUCCESS, FAIL("found wanting"), "Failed"),
    (SUCCESS, PAUSE("look first"), "Paused"),
    (START, SKIP("not today"), "Skipped"),
    (START, TRIGGERFAIL("not today"), "TriggerFailed"),
    (START, SUCCESS("known", result=1), "Success"),
]


@pytest.mark.parametrize(("of", "answer", "after"), ANSWERS)
def test_what_a_plugin_may_choose(of: type[Signal], answer: Signal, after: str) -> None:
    """A plugin chooses among the signals that the state accepts, also before the body is called."""
    called: list[int] = []
    flow, node = one(lambda: called.append(1))
    state = flow.run(plugins=[instead(of, answer)])
    assert (type(state.result[node]).__name__, state.result[node].message) == (after, answer.message)
    assert len(called) == (of is SUCCESS)
    assert type(state).__name__ in (after, "Failed")


def test_a_plugin_may_ask_for_more() -> None:
    """Answers that go on are granted from the run's own budgets: further attempts, further turns."""
    flow, node = one(does(1, 2, 3, 4, 5, 6))
    again = [instead(SUCCESS, RETRY("once more"), times=2), instead(SUCCESS, LOOP(result="turn"), times=2)]
    assert flow.run(plugins=again).result[node].result == 5
    flow, node = one(does(1), retry_limit=3)
    state = flow.run(plugins=[instead(SUCCESS, RETRY())])
    assert type(state.result[node]) is states.Failed
    assert Machine.load("task-run").limits["retry_limit"] == 1000


def test_a_plugin_may_retry_the_making_of_children() -> None:
    """A map that is put off is made when it is due again; a pause of it waits for a person."""
    with Flow("maps") as flow:
        node = task(lambda x: x).map([1, 2])
    answers: list[tuple[Signal, bool]] = [(RETRY("later"), False), (PAUSE("look"), True), (SKIP("no"), False)]
    for answer, waits in answers:
        state = flow.run(plugins=[instead(MAP, answer, times=1)])
        assert state.result[node].is_paused() is waits
        if waits:
            state = flow.resume(state)
        assert state.result[node].result == (None if type(answer) is SKIP else [1, 2])


def test_a_flow_s_own_signals_may_be_chosen_too() -> None:
    """A plugin may let a flow end otherwise; the result has every task all the same."""
    flow, node = one(does(1))
    for answer in (FAIL("not enough"), SKIP("for nothing")):
        state = flow.run(plugins=[instead(SUCCESS, answer, "flow-run")])
        assert (type(state), state.message) == (answer.leads_to, answer.message)
        assert state.result[node] == states.Success(None, 1)
        state = flow.run(plugins=[instead(START, answer, "flow-run")])
        assert (type(state), state.message) == (answer.leads_to, answer.message)
        assert state.result[node] == states.Pending("The task was not run.")


def test_a_flow_that_a_plugin_pauses_goes_on() -> None:
    """A flow that is paused at its end rests with all that its tasks did, and ends when it is resumed."""
    called: list[int] = []
    flow, node = one(lambda: called.append(1))
    state = flow.run(plugins=[instead(SUCCESS, PAUSE("look first"), "flow-run")])
    assert (type(state), state.message) == (states.Paused, "look first")
    assert state.result[node].is_successful()
    state = flow.resume(state)
    assert (type(state), called) == (states.Success, [1])
    assert state.result[node].is_successful()


def test_a_flow_that_a_plugin_ends_leaves_nothing_open() -> None:
    """Where a plugin ends a flow that would wait for a person, its task runs are over or closed."""
    flow, node = one(does(PAUSE("look")))
    state = flow.run(plugins=[instead(PAUSE, FAIL("nobody is here"), "flow-run")])
    assert (type(state), state.message) == (states.Failed, "nobody is here")
    assert state.result[node].is_finished()


def test_a_plugin_does_not_make_children_of_nothing() -> None:
    """`MAP` for a task that is not mapped leads nowhere: it is refused like every answer that is none."""
    flow, node = one(does(1))
    state = flow.run(plugins=[instead(START, MAP())])
    assert state.is_finished()
    assert state.result[node].is_finished()


# Answers that are none


def broken(flow: Flow, node: object, plugin: object) -> str:
    """Run a flow whose plugin breaks its task, and return what is said of it."""
    state = flow.run(plugins=[plugin])
    found: State = state.result[node]
    assert type(state) is type(found) is states.Failed
    assert isinstance(found.result, PluginError)
    assert found.message == f"PluginError: {found.result}"
    return str(found.result)


@pytest.mark.parametrize("at", [START, SUCCESS])
def test_a_plugin_that_raises_breaks_the_task(at: type[Signal]) -> None:
    """A plugin that raises fails the task by `BROKEN`: it is never retried, and the plugin is named."""
    told = Told()
    called: list[int] = []
    flow, node = one(lambda: called.append(1), max_retries=3)
    for error in (ValueError("not mine"), FAIL("not mine")):
        text = f"plugin 'Chooser', before_step: raised {error!r}"
        assert broken(flow, node, breaks(at, error=error)) == text
    flow.run(plugins=[told, breaks(at)])
    assert told.of("task-run")[-1].endswith("-BROKEN-> Failed")
    assert len(called) == (3 if at is SUCCESS else 0)


def test_a_plugin_that_breaks_one_task_leaves_the_others() -> None:
    """The other tasks run, the plugin is asked again, and the flow ends as its reference tasks do."""
    with Flow("others") as flow:
        bad = task(does(ValueError("no")))()
        good = task(does(1))()
        behind = Task.__call__(task(trigger=triggers.all_finished)(does(2)), upstream_tasks=[bad, good])
    state = flow.run(plugins=[breaks(FAIL)])
    assert [type(state.result[node]).__name__ for node in (bad, good, behind)] == ["Failed", "Success", "Success"]
    assert state.is_successful()


NONE: list[tuple[type[Signal], object, str]] = [
    (SUCCESS, "DONE", "answered DONE: task-run: unknown signal 'DONE'."),
    (SUCCESS, 5, "answered 5: task-run: unknown signal 5."),
    (SUCCESS, "START", "answered START; plugins are asked of it, never the source"),
    (SUCCESS, "RESUME", "answered RESUME; plugins are asked of it, never the source"),
    (SUCCESS, "CANCEL", "answered CANCEL; plugins are told of it, never the source"),
    (SUCCESS, "BROKEN", "answered BROKEN; plugins are told of it, never the source"),
    (START, "LOOP", "answered LOOP: task-run: LOOP is refused in Pending: only work that runs can ask"),
]


@pytest.mark.parametrize(("of", "answer", "problem"), NONE)
def test_an_answer_that_is_none_breaks_the_task(of: type[Signal], answer: object, problem: str) -> None:
    """A signal that is no answer, or that the state does not accept, fails the task, and the plugin is named."""
    flow, node = one(does(1))
    said = broken(flow, node, instead(of, answer))
    assert said.startswith(f"plugin 'Chooser', before_step: {problem}")


@pytest.mark.parametrize("signal", [SUCCESS, PAUSE])
def test_a_plugin_that_breaks_the_end_of_a_flow_fails_it(signal: type[Signal]) -> None:
    """A plugin that raises at the end of a flow fails the flow; the result has the state of every task all the same."""
    flow, node = one(does(1 if signal is SUCCESS else PAUSE("look")))
    state = flow.run(plugins=[breaks(signal, "flow-run")])
    text = "PluginError: plugin 'Chooser', before_step: raised ValueError('not mine')"
    assert (type(state), state.message) == (states.Failed, text)
    assert state.result[node].is_finished()


def test_a_plugin_that_breaks_the_beginning_of_a_flow_fails_it() -> None:
    """A plugin that raises at the start of a flow fails it before any task ran."""
    called: list[int] = []
    flow, node = one(lambda: called.append(1))
    state = flow.run(plugins=[breaks(START, "flow-run")])
    assert (type(state), called) == (states.Failed, [])
    assert state.result[node] == states.Pending("The task was not run.")


def test_a_plugin_that_breaks_a_resumption_fails_the_flow() -> None:
    """A plugin that raises when a flow is resumed fails the flow, and nothing of it starts any more."""
    called: list[int] = []

    def body() -> None:
        called.append(1)
        raise PAUSE("look")

    flow, node = one(body)
    state = flow.resume(flow.run(), plugins=[breaks(RESUME, "flow-run")])
    assert (type(state), called) == (states.Failed, [1])
    assert state.result[node].is_finished()


def test_no_plugin_is_blamed_for_the_end_of_the_program() -> None:
    """`SystemExit` out of a plugin is nobody's failure: it ends the program."""
    flow, _ = one(does(1))
    with pytest.raises(SystemExit):
        flow.run(plugins=[breaks(SUCCESS, error=SystemExit(3))])


def test_what_is_no_plugin_is_refused() -> None:
    """Plugins are `Plugins` or a list; a hook that does not exist is refused before anything runs."""

    class Wrong:
        @hookimpl
        def before_stpe(self) -> None: ...

    called: list[int] = []
    flow, _ = one(lambda: called.append(1))
    with pytest.raises(TypeError) as caught:
        flow.run(plugins=Told)
    assert str(caught.value) == f"plugins: {Told!r}; give Plugins(...), or a list of plugin objects"
    with pytest.raises(PluginError, match="Wrong"):
        flow.run(plugins=[Wrong()])
    assert called == []


# What a plugin may know


@pytest.mark.parametrize("stored", [False, True])
def test_a_plugin_sees_what_the_body_was_called_with(stored: bool, tmp_path: Path) -> None:
    """Where a body has ended, the context has its arguments, stored or not; where none has, it has none."""
    result = LocalResult(tmp_path) if stored else None
    seen: list[tuple[str, object]] = []

    def look(run: RunView, signal: object) -> None:
        if run.lifecycle == "task-run":
            seen.append((type(signal).__name__, context.get("task_inputs")))

    with Flow("inputs") as flow:
        task(result=result)(lambda x, y: x + y).map([1, 2], unmapped(5))
    assert flow.run(plugins=[Chooser(look)]).is_successful()
    assert [inputs for name, inputs in seen if name == "SUCCESS"][-2:] == [{"x": 1, "y": 5}, {"x": 2, "y": 5}]
    assert {repr(inputs) for name, inputs in seen if name != "SUCCESS"} == {"None"}


def test_a_plugin_sees_where_a_signal_would_lead() -> None:
    """Guards are asked, so that a plugin can tell a last failure from one that is given another attempt."""
    seen: list[object] = []

    def look(run: RunView, signal: object) -> None:
        if isinstance(signal, FAIL) and run.lifecycle == "task-run":
            seen.append((run.next(signal), run.next("SUCCESS"), run.next(RESUME)))

    flow, _ = one(does(ValueError("no")), max_retries=1)
    flow.run(plugins=[Chooser(look)])
    assert seen == [("Retrying", "Success", None), ("Failed", "Success", None)]
