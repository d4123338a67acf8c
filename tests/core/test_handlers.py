"""State handlers: they see each change before it counts, choose another signal by naming a state, and break nothing."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import holds
import pytest
from acts import Told, does, flow_of, refused
from misbehaving import WAYS, plugin, ran

from interlock import Flow, RunView, Task, context, hookimpl, states, task
from interlock.signals import ENDRUN, FAIL, LOOP, PAUSE, RETRY, SKIP, SUCCESS
from interlock.states import Cached, Cancelled, Cancelling, Failed, Running, Skipped, State, Success, TriggerFailed


class Watch:
    """A handler that takes note of what it sees."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, str]] = []

    def __call__(self, it: object, old: State, new: State) -> None:
        self.seen.append((type(old).__name__, type(new).__name__))


def at(kind: type[State], act: object) -> Callable[..., Any]:
    """Return a handler that returns or raises something where a run is about to be in a state of one kind."""

    def handler(it: object, old: State, new: State) -> Any:
        if type(new) is not kind:
            return None
        if isinstance(act, BaseException):
            raise act
        return act

    return handler


def run(body: Callable[..., object], *handlers: Callable[..., Any], **options: Any) -> tuple[State, list[str]]:
    """Run one task with handlers; return its state and its steps."""
    told = Told()
    flow, (node,) = flow_of(body, state_handlers=list(handlers), **options)
    state: State = flow.run(plugins=[told]).result[node]
    return state, told.tasks


def handle(it: Task | Flow, *handlers: Callable[..., Any]) -> None:
    """Give a task or a flow its handlers. Any: what they return may be wrong on purpose."""
    if isinstance(it, Task):
        it.state_handlers = list(handlers)
    else:
        it.state_handlers = handlers


def test_every_change_is_seen_once() -> None:
    """A handler sees each change of a run as it counts: no failure before a retry, and the end once."""
    watch = Watch()
    state, _ = run(does(ValueError("no"), LOOP(result=1), "done"), watch, max_retries=1)
    assert state == Success(None, "done")
    assert watch.seen == [
        ("Pending", "Running"),
        ("Running", "Retrying"),
        ("Retrying", "Running"),
        ("Running", "Looped"),
        ("Looped", "Running"),
        ("Running", "Success"),
    ]


def test_what_a_handler_is_given() -> None:
    """The task, the old and the proposed state with its payload, in the context of the run."""
    seen: list[tuple[Any, Any, str]] = []

    def handler(it: Task, old: State, new: State) -> None:
        seen.append((it, new.result, context.task_full_name))

    flow, (node,) = flow_of(does([1, 2]), name="given", state_handlers=[handler])
    flow.run()
    assert seen == [(node, None, "given"), (node, [1, 2], "given")]


CHOICES: dict[str, tuple[type[State], object, State, list[str]]] = {
    "success becomes failure": (Success, Failed("bad", 3), Failed("bad", 3), ["Running -FAIL-> Failed"]),
    "failure becomes success": (Failed, Success("fine", 4), Success("fine", 4), ["Running -SUCCESS-> Success"]),
    "raised": (Success, SKIP("never mind"), Skipped("never mind"), ["Running -SKIP-> Skipped"]),
    "other payload": (Success, Success("m", 9), Success("m", 9), ["Running -SUCCESS-> Success"]),
}


@pytest.mark.parametrize("name", CHOICES)
def test_a_handler_chooses_a_signal_by_its_state(name: str) -> None:
    """A state that is returned, or a signal that is raised, is taken in the place of the one proposed."""
    kind, act, expected, steps = CHOICES[name]
    body = does(ValueError("no")) if kind is Failed else does(1)
    state, told = run(body, at(kind, act))
    assert state == expected
    assert [step.split(" (")[0] for step in told] == ["Pending -START-> Running", *steps]
    assert "chosen by handler" in told[-1]


def test_before_the_start() -> None:
    """At the start a handler may skip or pause the task: its body is not called."""
    called: list[int] = []
    state, _ = run(lambda: called.append(1), at(Running, SKIP("not today")))
    assert (state, called) == (Skipped("not today"), [])


def test_what_a_handler_makes_of_an_outcome_is_an_outcome() -> None:
    """A failure that a handler makes of a success is retried as any other; the table says so, not the handler."""
    acts = [Failed("not good enough"), None]

    def handler(it: object, old: State, new: State) -> State | None:
        return acts.pop(0) if type(new) is Success else None

    state, told = run(does("first", "second"), handler, max_retries=2)
    assert state == Success(None, "second")
    assert "Running -FAIL-> Retrying" in told[1]


def test_all_handlers_are_asked_in_order() -> None:
    """Each handler sees what the last one left proposed, the old state is the true one, and one signal is taken."""
    seen: list[tuple[str, str]] = []

    def first(it: object, old: State, new: State) -> State | None:
        return Failed("first") if type(new) is Success else None

    def second(it: object, old: State, new: State) -> State | None:
        seen.append((type(old).__name__, str(new.message)))
        return Success("second", 2) if type(new) is Failed else None

    state, told = run(does(1), first, second)
    assert state == Success("second", 2)
    assert seen == [("Pending", "None"), ("Running", "first")]
    assert told[-1] == "Running -SUCCESS-> Success (asked: SUCCESS, chosen by second)"


BROKEN: dict[str, tuple[object, str]] = {
    "running": (Running(), "plugin 'handler', state_handler: returned <Running>: no signal leads to <Running>"),
    "cached": (Cached(), "plugin 'handler', state_handler: returned <Cached>: no signal leads to <Cached>"),
    "text": ("Failed", "plugin 'handler', state_handler: returned 'Failed'; it must be a state, or None"),
    "error": (ValueError("mine"), "plugin 'handler', state_handler: raised ValueError('mine')"),
    "ENDRUN": (
        ENDRUN(Failed("end")),
        "plugin 'handler', state_handler: raised ENDRUN(<Failed: \"end\">); only the work itself may end its run",
    ),
    "refused": (LOOP(), "plugin 'handler', before_step: answered LOOP("),
}


@pytest.mark.parametrize(
    ("name", "when"),
    [*((name, Running) for name in BROKEN), *((name, Success) for name in BROKEN if name != "refused")],
)
def test_a_handler_that_breaks_fails_its_run(name: str, when: type[State]) -> None:
    """A state that nothing leads to, what is no state, and an error fail the run, with the handler's name."""
    act, message = BROKEN[name]
    state, _ = run(does(1), at(when, act), max_retries=3)
    assert type(state) is Failed
    assert message in str(state.message)


def test_what_nothing_may_change_is_only_told(caplog: pytest.LogCaptureFixture) -> None:
    """Of ENDRUN handlers are told when it is over; their answer is ignored, and a warning says so."""
    watch = Watch()
    with caplog.at_level(logging.WARNING, "interlock"):
        state, _ = run(does(ENDRUN(Success("end", 5))), watch, at(Success, Failed("no")))
    assert state == Success("end", 5)
    assert watch.seen == [("Pending", "Running"), ("Running", "Success")]
    assert [record.getMessage() for record in caplog.records] == [
        'state handler \'handler\' returned <Failed: "no"> for <Success: "end">, which nothing may change'
    ]


def stops(lifecycle: str) -> Any:
    """Return a plugin that breaks the runs of a life cycle at their outcome. Any: plugins have no common type."""

    def act(run: RunView, signal: object, now: object) -> None:
        if run.lifecycle == lifecycle and isinstance(signal, SUCCESS):
            raise ValueError("not mine")

    return plugin("before_step", act)


@pytest.mark.parametrize("signal", ["CANCEL", "BROKEN"])
@pytest.mark.parametrize("of", ["task-run", "flow-run"])
def test_of_what_plugins_are_only_told_handlers_are_too(signal: str, of: str, caplog: pytest.LogCaptureFixture) -> None:
    """Of CANCEL and BROKEN handlers are told, and what they answer or raise is ignored, with a warning."""
    seen, end = (Cancelling, Cancelled) if signal == "CANCEL" else (Failed, Failed)
    for act, said in ((Success("mine"), 'returned <Success: "mine"> for'), (ValueError("mine"), "raised ValueError")):
        caplog.clear()
        watch = Watch()
        flow, (node,) = flow_of(does(KeyboardInterrupt() if signal == "CANCEL" else 1))
        handle(flow if of == "flow-run" else node, watch, at(seen, act))
        state = flow.run(plugins=[] if signal == "CANCEL" else [stops(of)])
        assert type(state.result[node] if of == "task-run" else state) is end
        assert ("Running", seen.__name__) in watch.seen
        messages = [record.getMessage() for record in caplog.records if record.name == "interlock.handlers"]
        assert ["'handler'" in message and said in message for message in messages] == [True]


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit])
def test_what_stops_the_program_in_a_handler(error: type[BaseException]) -> None:
    """Ctrl-C in a handler speaks to the program; `sys.exit` fails the run, as it does in a body."""
    flow, (node,) = flow_of(does(1), state_handlers=[at(Success, error())])
    if error is KeyboardInterrupt:
        with pytest.raises(KeyboardInterrupt):
            flow.run()
    else:
        assert "plugin 'handler', state_handler: raised SystemExit()" in str(flow.run().result[node].message)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("of", ["task", "flow"])
def test_a_handler_that_breaks_is_named_by_every_driver(way: str, of: str) -> None:
    """However the flow is run, each story is a path, and the failure names the handler, whatever it raised."""

    class Unshown(Exception):
        def __repr__(self) -> str:
            raise ValueError

    for act in (ValueError("no"), Unshown(), 5, FAIL("no")):
        flow, (node, _) = flow_of(does(1), does(2), max_retries=1)
        handle(flow if of == "flow" else node, at(Success, act))
        found = ran(flow, None, way)
        assert found.runner is not None
        assert found.state is not None
        holds.check(found.runner, found.state)
        ended = found.state.result[node] if of == "task" else found.state
        assert type(ended) is Failed
        assert ("plugin 'handler', state_handler: " in str(ended.message)) is (not isinstance(act, FAIL))


def test_handlers_make_one_substitution() -> None:
    """Whatever is proposed on the way, one signal is taken; who proposed the last state is named."""
    asked: list[str] = []

    def goes_round(it: object, old: State, new: State) -> State:
        asked.append(type(new).__name__)
        turns: dict[type[State], State] = {Success: Failed("1"), Failed: Skipped("2"), Skipped: Success("3", 7)}
        return turns[type(new)]

    flow, (node,) = flow_of(does(1))

    def handler(it: object, old: State, new: State) -> State | None:
        return None if type(new) is Running else goes_round(it, old, new)

    node.state_handlers = [handler] * 3
    told = Told()
    state = flow.run(plugins=[told]).result[node]
    assert (state, asked) == (Success("3", 7), ["Success", "Failed", "Skipped"])
    assert told.tasks[1:] == ["Running -SUCCESS-> Success (asked: SUCCESS, chosen by handler)"]


def test_what_breaks_while_it_is_told_changes_nothing(caplog: pytest.LogCaptureFixture) -> None:
    """An error of a handler that is only told is logged."""
    with caplog.at_level(logging.ERROR, "interlock"):
        state, _ = run(does(ENDRUN(Skipped("end"))), at(Skipped, ValueError("mine")))
    assert state == Skipped("end")
    assert "raised ValueError('mine')" in caplog.text


def test_handlers_of_maps_and_gates() -> None:
    """Each child has its handlers, and so has the parent; a verdict of a gate is seen as well."""
    watch, gates = Watch(), Watch()
    with Flow("maps") as flow:
        node = task(state_handlers=[watch])(lambda x: x).map([1, 2])
        behind = task(state_handlers=gates)(lambda x: x)(task(does(FAIL("no")))())
    state = flow.run()
    assert state.result[node].result == [1, 2]
    assert sorted(watch.seen) == sorted(
        [("Pending", "Running"), ("Running", "Success")] * 2 + [("Pending", "Mapping"), ("Mapping", "Mapped")]
    )
    assert (type(state.result[behind]), gates.seen) == (TriggerFailed, [("Pending", "TriggerFailed")])


def test_a_handler_sees_what_a_plugin_chose() -> None:
    """A plugin is asked first; the handler sees the state that its answer leads to, and has the last word."""

    class Strict:
        @hookimpl
        def before_step(self, signal: object) -> object:
            return FAIL("strict") if type(signal).__name__ == "SUCCESS" else None

    watch = Watch()
    flow, (one, two) = flow_of(does(1), does(2), state_handlers=[watch])
    two.state_handlers = [at(Failed, Success("after all"))]
    state = flow.run(plugins=[Strict()])
    assert (state.result[one], watch.seen[-1]) == (Failed("strict"), ("Running", "Failed"))
    assert state.result[two] == Success("after all")


@pytest.mark.parametrize("answer", [5, "NONSENSE", "GATHER"])
def test_a_plugin_that_answers_nonsense_is_told_so(answer: object) -> None:
    """What is no answer of a plugin is the plugin's error, with handlers behind it too."""

    class Odd:
        @hookimpl
        def before_step(self, signal: object) -> object:
            return answer if type(signal).__name__ == "SUCCESS" else None

    flow, (node,) = flow_of(does(1), state_handlers=[Watch()])
    state = flow.run(plugins=[Odd()]).result[node]
    assert type(state) is Failed
    assert str(state.message).startswith(f"PluginError: plugin 'Odd', before_step: answered {answer}: ")


def test_handlers_of_a_flow_that_rests() -> None:
    """A run that goes on in another pass has its handlers again."""
    watch = Watch()
    flow, (node,) = flow_of(does(PAUSE("look"), "done"), state_handlers=[watch])
    state = flow.resume(flow.run())
    assert state.result[node].result == "done"
    assert watch.seen[1:4] == [("Running", "Paused"), ("Paused", "Scheduled"), ("Scheduled", "Running")]


# on_failure


def test_a_failure_is_told_once() -> None:
    """`on_failure` is told of the end, when all retries are used up, and of no success."""
    told: list[tuple[Task, State]] = []
    flow, (bad, again) = flow_of(
        does(ValueError("no")),
        does(RETRY(), 1),
        max_retries=3,
        on_failure=lambda it, state: told.append((it, state)),
    )
    result = flow.run().result
    assert told == [(bad, result[bad])]
    assert result[again].is_successful()


def test_what_is_a_failure_in_the_end() -> None:
    """Each child that failed, a trigger that said no, and what a plugin broke are told of; a cancelled run is not."""
    told: list[tuple[str, str]] = []

    def tell(it: Task, state: State) -> None:
        told.append((context.task_full_name, type(state).__name__))

    with Flow("failures") as flow:
        bad = task(name="bad", on_failure=tell)(lambda x: 1 / x).map([1, 0])
        task(name="behind", on_failure=tell)(lambda x: x)(bad)
        task(name="gate", on_failure=tell)(lambda x: x)(task(does(FAIL("no")))())
    flow.run()
    assert sorted(told) == [("bad[1]", "Failed"), ("behind", "TriggerFailed"), ("gate", "TriggerFailed")]
    told.clear()
    flow_of(does(KeyboardInterrupt()), on_failure=tell, name="cancelled")[0].run()
    flow_of(does(1), on_failure=tell, name="broken")[0].run(plugins=[stops("task-run")])
    assert told == [("broken", "Failed")]


def test_who_is_told_of_a_failure_changes_nothing(caplog: pytest.LogCaptureFixture) -> None:
    """What `on_failure` raises or returns is no part of the run; an error is logged."""
    with caplog.at_level(logging.ERROR, "interlock"):
        flow, (node,) = flow_of(does(FAIL("no")), on_failure=lambda it, state: 1 / 0, name="told")
        assert flow.run().result[node] == Failed("no")
    assert "raised ZeroDivisionError" in caplog.text


# Flows


def test_handlers_of_a_flow() -> None:
    """A flow's handlers see its changes, with the states of its tasks as the result of those that are no work."""
    seen: list[tuple[Flow, str, str]] = []

    def handler(it: Flow, old: State, new: State) -> State | None:
        seen.append((it, type(old).__name__, type(new).__name__))
        return Failed("not good enough") if type(new) is Success and new.result[node].result == 1 else None

    failures: list[State] = []
    flow = Flow("handled", state_handlers=[handler], on_failure=lambda it, state: failures.append(state))
    node = flow.add_task(task(does(1)))
    state = flow.run()
    assert (type(state), state.message, state.result[node].result) == (Failed, "not good enough", 1)
    assert [change[1:] for change in seen] == [("Pending", "Running"), ("Running", "Success")]
    assert failures == [state]


def test_a_flow_handler_that_breaks_fails_the_flow() -> None:
    """An error of a flow's handler is the flow's failure, and never an exception of `run`."""
    flow = Flow("broken", state_handlers=at(Success, ValueError("mine")), tasks=[task(does(1))])
    state = flow.run()
    assert type(state) is Failed
    assert "raised ValueError('mine')" in str(state.message)


TERMINAL: dict[str, tuple[object, str, str]] = {
    "nothing": (None, "Success", "All reference tasks succeeded."),
    "failed": (Failed("enough"), "Failed", "enough"),
    "raised": (SKIP("nothing to do"), "Skipped", "nothing to do"),
    "error": (ValueError("mine"), "Failed", "terminal raised ValueError('mine')"),
    "text": ("Failed", "Failed", "terminal returned 'Failed'; it must be a state, or None"),
    "running": (Running(), "Failed", "terminal returned <Running>: no signal leads to <Running>"),
    "looped": (states.Looped(), "Failed", "terminal returned <Looped>; LOOP is refused here"),
}


@pytest.mark.parametrize("name", TERMINAL)
def test_the_last_word_on_a_flow(name: str) -> None:
    """`terminal_state_handler` may choose how a flow ends; the states of its tasks stay the result."""
    act, kind, message = TERMINAL[name]
    given: list[object] = []

    def terminal(flow: Flow, state: State, found: tuple[State, ...]) -> Any:
        given.append((flow, type(state), [one.result for one in found]))
        if isinstance(act, BaseException):
            raise act
        return act

    flow = Flow("terminal", terminal_state_handler=terminal)
    node = flow.add_task(task(does([7])))
    state = flow.run()
    assert type(state).__name__ == kind
    assert str(state.message).startswith(message)
    assert state.result[node].result == [7]
    assert given == [(flow, Success, [[7]])]


def test_handlers_without_a_meaning_are_refused() -> None:
    """What cannot be called is refused when the task or flow is made."""
    wrong: Any = ["mail"]
    text = "state_handlers=['mail']; it must be a list of callables (it, old, new)"
    assert refused(lambda: Task("t", state_handlers=wrong)) == f"task 't': {text}"
    assert refused(lambda: Flow("f", state_handlers=wrong)) == f"flow 'f': {text}"
    callable_ = "=['mail']; it must be a callable"
    assert refused(lambda: Task("t", on_failure=wrong)) == f"task 't': on_failure{callable_}"
    assert refused(lambda: Flow("f", terminal_state_handler=wrong)) == f"flow 'f': terminal_state_handler{callable_}"
