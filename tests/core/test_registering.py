"""What may be registered, what a plugin is not that looks like one, and what wrappers and several plugins do."""

from __future__ import annotations

import logging
import pickle
import sys
from collections.abc import Callable, Generator
from types import SimpleNamespace
from typing import Any

import holds
import pytest
from acts import does, flow_of
from misbehaving import ADDED, EXTENSION, HOOKS, IMPLEMENTED, WAYS, Here, drawn, plugin, raises, ran, told_by

from interlock import Extension, Flow, FlowError, Machine, PluginError, Plugins, Run, RunView, hookimpl, task
from interlock.executors import ThreadExecutor
from interlock.signals import PAUSE, SKIP
from interlock.states import State, Success
from interlock.testing import Clock

TASKS = Machine.load("task-run")


def refused(*plugins: object) -> str:
    """Return the whole text of the error that plugins are refused with."""
    with pytest.raises(PluginError) as caught:
        Plugins(*plugins)
    return str(caught.value)


def use(plugins: Plugins, hook: str) -> object:
    """Call one hook, as the core does, and return what comes of it."""
    if hook == "extend":
        return plugins.machine("task-run")
    if hook == "make_executor":
        return plugins.executor("mine", 1)
    if hook == "add_commands":
        return list(plugins.commands())
    if hook == "after_flow":
        return flow_of(does(1))[0].run(plugins=plugins)
    return Run(TASKS, plugins=plugins).send("START")


# What is refused


@pytest.mark.parametrize("hook", HOOKS)
def test_a_misspelt_hook_is_refused(hook: str) -> None:
    """A hook that does not exist is refused, and the nearest one named."""
    wrong = hook[:-2] + hook[-1] + hook[-2]
    text = refused(type("Villain", (), {wrong: hookimpl(IMPLEMENTED[hook])})())
    assert text == (
        f"plugin 'Villain', register: unknown hook {wrong!r}. Did you mean {hook!r}? There are: {', '.join(HOOKS)}"
    )


@pytest.mark.parametrize("hook", HOOKS)
def test_a_misspelt_argument_is_refused(hook: str) -> None:
    """An implementation may take fewer arguments than there are, but no other."""

    def wrong(self: object, speed: object) -> None: ...

    text = refused(type("Villain", (), {hook: hookimpl(wrong)})())
    assert text.startswith("plugin 'Villain', register: ")
    assert "Argument(s) {'speed'} are declared in the hookimpl but can not be found in the hookspec" in text


@pytest.mark.parametrize("hook", HOOKS)
def test_what_could_never_work_is_refused(hook: str) -> None:
    """A hook that is async, or has a yield, would silently do nothing."""

    async def waits(self: object) -> None: ...

    def yields(self: object) -> Generator[None, None, None]:
        yield

    def stops(self: object) -> None: ...

    said = "plugin 'Villain', register: "
    assert refused(type("Villain", (), {hook: hookimpl(waits)})()) == f"{said}{hook} is async, and nobody awaits a hook"
    why = "has a yield, and is no wrapper: nobody would go through it"
    assert refused(type("Villain", (), {hook: hookimpl(yields)})()) == f"{said}{hook} {why}"
    text = refused(type("Villain", (), {hook: hookimpl(wrapper=True)(stops)})())
    assert "Declared as wrapper=True" in text


class Observer:
    """A plugin that is right, as an object."""

    @hookimpl
    def after_step(self, step: object) -> None: ...


def test_what_is_no_plugin_is_refused() -> None:
    """Something without hooks is no plugin, nothing is none, and a class has no object that its hooks are called on."""
    text = "plugin 'Observer', register: after_step needs an object; give Observer(...), not the class"
    assert refused(Observer) == text
    assert refused(None) == "plugin 'NoneType', register: is no plugin"
    assert refused(5) == "plugin 'int', register: it implements no hook; mark its methods with @hookimpl"


@pytest.mark.parametrize("hook", HOOKS)
def test_a_plugin_that_is_loaded_twice_is_called_once(hook: str) -> None:
    """The second time it is refused by name, and those that are there stay as they are."""
    called: list[int] = []
    villain = plugin(hook, lambda *given: called.append(1))
    plugins = Plugins(villain)
    with pytest.raises(PluginError) as caught:
        plugins.register(villain)
    assert str(caught.value).startswith("plugin 'Villain-")
    assert str(caught.value).endswith(", register: it is registered already")
    use(plugins, hook)
    assert (called, plugins.names) == ([1], ("Villain",))


@pytest.mark.parametrize("hook", HOOKS)
def test_what_is_unregistered_is_not_called(hook: str) -> None:
    """A plugin that unregistered itself while it was called is not called by what begins later."""
    called: list[int] = []
    plugins = Plugins()

    def leave(*given: object) -> None:
        called.append(1)
        plugins.unregister(villain)

    villain = plugin(hook, leave)
    plugins.register(villain)
    use(plugins, hook)
    assert (called, plugins.names) == ([1], ())
    use(plugins, hook)
    assert called == [1]
    with pytest.raises(PluginError, match=r"^plugin 'Villain', unregister: it is not registered$"):
        plugins.unregister(villain)


# Several


@pytest.mark.parametrize("hook", ["before_step", "make_executor"])
def test_the_first_answer_counts(hook: str) -> None:
    """Of two plugins that answer, the one that was registered last is heard, and the other is not asked."""
    asked: list[str] = []

    def says(who: str, answer: object) -> Any:
        def act(*given: object) -> object:
            asked.append(who)
            return answer

        return plugin(hook, act, who)

    plugins = Plugins(
        says("First", raises(ValueError("no"))), says("Last", "FAIL" if hook == "before_step" else Here())
    )
    use(plugins, hook)
    assert asked == ["Last"]


@pytest.mark.parametrize("way", WAYS)
def test_two_that_extend_the_same_are_both_named(way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two plugins that add the same name are an error, before anything begins; each of them alone is none."""
    other = Extension(ADDED, module="of_another")
    monkeypatch.setitem(sys.modules, "of_another", SimpleNamespace(**other.classes))
    extensions = {"First": EXTENSION, "Second": other}

    def adds(name: str) -> Any:
        return plugin("extend", lambda lifecycle: extensions[name] if lifecycle == "task-run" else None, name)

    found = ran(drawn(), [adds("First"), adds("Second")], way)
    assert str(found.error) == ("plugin 'Second', extend: states.Checked: plugin 'First' adds it to task-run, too")
    assert found.runner is None
    for name in ("First", "Second"):
        alone = ran(drawn(), [adds(name)], way)
        assert alone.error is None
        assert alone.runner is not None
        holds.check(alone.runner, alone.state)


def test_observers_are_all_told() -> None:
    """Two observers of one hook are both told, the last registered first."""
    told: list[str] = []
    both = [plugin("after_flow", lambda *given, who=who: told.append(who), who) for who in ("First", "Last")]
    flow_of(does(1))[0].run(plugins=both)
    assert told == ["Last", "First"]


# Wrappers


def wrapper(hook: str, before: Callable[[], object], behind: Callable[[object], object], twice: bool = False) -> Any:
    """Return a plugin that wraps a hook. Any: plugins have no common type."""

    def wrap(self: object) -> Generator[None, object, object]:
        before()
        answer = yield
        if twice:
            yield
        return behind(answer)

    return type("Wrapper", (), {hook: hookimpl(wrapper=True)(wrap)})()


def nothing() -> None:
    """Do nothing."""


@pytest.mark.parametrize("when", ["before", "behind", "twice", "never"])
@pytest.mark.parametrize("hook", HOOKS)
def test_a_wrapper_that_breaks_is_named(hook: str, when: str, caplog: pytest.LogCaptureFixture) -> None:
    """A wrapper that raises, yields twice, or does not yield is the plugin's error as any."""
    breaks = raises(ValueError("no"))
    if when == "never":

        def wrap(self: object) -> Generator[None, object, object]:
            return None
            yield

        villain = type("Wrapper", (), {hook: hookimpl(wrapper=True)(wrap)})()
    else:
        villain = wrapper(
            hook,
            breaks if when == "before" else nothing,
            breaks if when == "behind" else lambda answer: answer,
            when == "twice",
        )
    found = ran(drawn(), [villain], "in line", "mine" if hook == "make_executor" else None)
    said = str(found.error) if found.error is not None else told_by(found) + caplog.text
    if hook == "add_commands":
        said = "\n".join(str(each) for each in Plugins(villain).commands())
    assert f"plugin 'Wrapper', {hook}: raised " in said
    if found.runner is not None:
        holds.check(found.runner, found.state)
    if hook in ("after_step", "after_flow"):
        assert len(caplog.records) == 1


@pytest.mark.parametrize("hook", HOOKS)
def test_a_plugin_is_named_through_a_wrapper(hook: str, caplog: pytest.LogCaptureFixture) -> None:
    """Behind a wrapper the plugin that raised is blamed, among two of one class too, and the others go on."""
    told: list[object] = []
    good, bad = plugin(hook, lambda *given: None), plugin(hook, raises(ValueError("no")))
    around = wrapper(hook, lambda: told.append(1), lambda answer: answer)
    plugins = Plugins(bad, good, around)
    plugins.unregister(bad)
    plugins.register(bad, "Bad")
    found = ran(drawn(), plugins, "in line", "mine" if hook == "make_executor" else None)
    said = str(found.error) if found.error is not None else told_by(found) + caplog.text
    if hook == "add_commands":
        said = "\n".join(str(each) for each in plugins.commands())
    assert f"plugin 'Bad', {hook}: raised ValueError('no')" in said
    assert told
    if hook == "after_step":
        assert len(told) > 10
        assert [failure.plugin for failure in failures(plugins)] == ["Bad"]


def failures(plugins: Plugins) -> tuple[PluginError, ...]:
    """Return what went wrong on a bare run of two steps."""
    run = Run(TASKS, plugins=plugins)
    run.send("START")
    run.send("SUCCESS")
    return run.failures


def test_a_wrapper_changes_nothing_for_runs_that_began() -> None:
    """With a wrapper too, a run calls the plugins that it began with, whatever is registered or removed later."""
    told: list[str] = []
    first, second = (plugin("after_step", lambda *given, who=who: told.append(who), who) for who in ("One", "Two"))
    plugins = Plugins(first, wrapper("after_step", nothing, lambda answer: answer))
    run = Run(TASKS, plugins=plugins)
    plugins.register(second)
    plugins.unregister(first)
    run.send("START")
    assert told == ["One"]
    Run(TASKS, plugins=plugins).send("START")
    assert told == ["One", "Two"]


def test_nobody_can_say_which_of_several_broke_a_wrapper() -> None:
    """A wrapper that yields twice breaks in pluggy's code: all that were called are named, and told no more."""
    villain = wrapper("after_step", nothing, lambda answer: answer, twice=True)
    (failure,) = failures(Plugins(plugin("after_step", nothing_of, "Other"), villain))
    assert failure.plugin == "Other, Wrapper"


def nothing_of(*given: object) -> None:
    """Take whatever is given."""


def test_wrappers_of_what_extends(caplog: pytest.LogCaptureFixture) -> None:
    """Behind a wrapper, and on a clock, an extension is one as without."""
    adds = plugin("extend", lambda lifecycle: EXTENSION if lifecycle == "task-run" else None)
    plugins = Plugins(adds, wrapper("extend", nothing, lambda answer: answer))
    clock = Clock()
    assert "Checked" in plugins.machine("task-run", clock.time).states
    assert "Checked" not in plugins.machine("flow-run", clock.time).states
    clock.now = 0.0
    slow = wrapper("extend", lambda: clock.sleep(3.0), lambda answer: answer)
    with caplog.at_level(logging.WARNING):
        Plugins(adds, slow).machine("task-run", clock.time)
    assert caplog.messages == ["plugin 'Villain, Wrapper', extend: took 3.0 s, and everything waited for it"]


# What a plugin gives to be called later


def guarded(guard: Callable[[Any, Any], Any]) -> Plugins:
    """Return a plugin that extends the task run by a guard of its own. Any: as guards are."""
    table = {
        "lifecycle": "task-run",
        "signals": {"ASK": {"raised_by": "user", "means": "may it?"}},
        "guards": {"may": {"when": "?", "default": True, "means": "it may"}},
        "from": {"Running": {"ASK": ["Success if may", "Failed"]}},
    }
    extension = Extension(table, module="asking", guards={"may": guard})
    module = type(sys)("asking")
    vars(module)["ASK"] = extension.signals["ASK"]
    sys.modules["asking"] = module
    return Plugins(plugin("extend", lambda lifecycle: extension if lifecycle == "task-run" else None))


GUARDS: list[tuple[Callable[[Any, Any], Any], str]] = [
    (raises(ValueError("no")), "raised ValueError('no')"),
    (raises(SKIP("no")), "raised SKIP('no')"),
    (lambda run, signal: 5, "answered 5; it must answer True or False"),
]


@pytest.mark.parametrize(("guard", "problem"), GUARDS)
def test_a_guard_of_a_plugin_that_breaks_is_named(guard: Callable[[Any, Any], Any], problem: str) -> None:
    """On a bare run it is an error and nothing changes; in a flow the run fails; the plugin is named."""
    plugins = guarded(guard)
    said = f"plugin 'Villain', extend: guard 'may' {problem}"
    run = Run(plugins.machine("task-run"))
    run.send("START")
    with pytest.raises(PluginError) as caught:
        run.send("ASK")
    assert (str(caught.value), run.state) == (said, "Running")
    flow, (node,) = flow_of(does(sys.modules["asking"].ASK("now")), max_retries=2)
    state = flow.run(plugins=plugins).result[node]
    assert (type(state).__name__, state.message) == ("Failed", f"PluginError: {said}")


def test_a_guard_of_a_plugin_changes_nothing() -> None:
    """It is given a copy of the signal; and what stops the program passes through it."""

    def change(run: RunView, signal: Any) -> bool:
        signal.message = "changed"
        return True

    plugins = guarded(change)
    flow, (node,) = flow_of(does(sys.modules["asking"].ASK("as it was")))
    assert flow.run(plugins=plugins).result[node] == Success("as it was")
    run = Run(guarded(raises(SystemExit(3))).machine("task-run"))
    run.send("START")
    with pytest.raises(SystemExit):
        run.send("ASK")


class Wild:
    """An executor that does as told."""

    def __init__(self, submit: Callable[..., Any], shutdown: Callable[[], object] = nothing) -> None:
        self.submit, self.shutdown = submit, shutdown


SUBMITS: list[tuple[Callable[..., Any], str]] = [
    (raises(ValueError("no")), "its submit raised ValueError('no')"),
    (raises(SKIP("no")), "its submit raised SKIP('no')"),
    (lambda *given: 5, "its submit returned 5, which is no future"),
]


@pytest.mark.parametrize(("submit", "problem"), SUBMITS)
@pytest.mark.parametrize("way", WAYS)
def test_an_executor_of_a_plugin_that_breaks_is_named(submit: Callable[..., Any], problem: str, way: str) -> None:
    """A call that it cannot make is lost, the task run fails when its retries are used up, and the plugin is named."""
    found = ran(drawn(), [plugin("make_executor", lambda *given: Wild(submit))], way, "mine")
    assert found.error is None
    assert found.runner is not None
    holds.check(found.runner, found.state)
    assert f"PluginError: plugin 'Villain', make_executor: {problem}" in told_by(found)


@pytest.mark.parametrize("error", [ValueError("no"), SKIP("no")])
@pytest.mark.parametrize("way", WAYS)
def test_an_executor_of_a_plugin_that_cannot_be_shut_down_is_named(
    error: BaseException, way: str, caplog: pytest.LogCaptureFixture
) -> None:
    """That is logged, with the plugin's name; the flow run is over, and its state is returned."""
    with ThreadExecutor() as threads:
        executor = Wild(threads.submit, raises(error))
        found = ran(flow_of(does(1))[0], [plugin("make_executor", lambda *given: executor)], way, "mine")
    assert type(found.state) is Success
    assert caplog.messages == [f"plugin 'Villain', make_executor: its shutdown raised {error!r}"]


ENDS: list[tuple[Callable[[], object], type[BaseException] | None]] = [
    (does(1), None),
    (does(ValueError("no")), None),
    (does(PAUSE("look")), None),
]


@pytest.mark.parametrize(("body", "error"), ENDS)
@pytest.mark.parametrize("way", WAYS)
def test_an_executor_is_shut_down_behind_the_run(body: Callable[[], object], error: object, way: str) -> None:
    """However the flow run ends or rests, its executor is shut down once, and each run has one of its own."""
    made: list[str] = []

    def make(name: str, workers: int | None) -> Any:
        made.append(f"made {name} {workers}")
        threads = ThreadExecutor()

        def end() -> None:
            made.append("shut down")
            threads.shutdown()

        return Wild(threads.submit, end)

    for _ in range(2):
        found = ran(flow_of(body)[0], [plugin("make_executor", make)], way, "mine")
        assert found.error is error
    assert made == ["made mine None", "shut down"] * 2


def test_an_executor_is_shut_down_where_nothing_could_begin() -> None:
    """A flow run that cannot begin leaves none behind; where none can be made, nothing has begun."""
    ended: list[int] = []
    maker = plugin("make_executor", lambda *given: Wild(nothing_of, lambda: ended.append(1)))
    flow, _ = flow_of(does(1))
    with pytest.raises(FlowError, match="speed"):
        flow.run(speed=5, executor="mine", plugins=[maker])
    with pytest.raises(FlowError, match="speed"):
        flow.start(speed=5, executor="mine", plugins=[maker])
    assert ended == [1, 1]
    with pytest.raises(FlowError, match="no task has the tag"):
        flow.run(executor="mine", plugins=[maker], tag_limits={"speed": 1})
    assert ended == [1, 1]
    told: list[object] = []
    watch = plugin("after_step", lambda *given: told.append(given))
    with pytest.raises(PluginError, match="raised ValueError"):
        flow.run(executor="mine", plugins=[watch, plugin("make_executor", raises(ValueError("no")))])
    with pytest.raises(FlowError) as caught:
        flow.run(executor="treads", plugins=[watch, maker_of_nothing()])
    assert str(caught.value).endswith("Did you mean 'threads'?")
    assert told == []


def maker_of_nothing() -> Any:
    return plugin("make_executor", nothing_of)


# What observers are given at the end


def test_a_flow_that_rests_cannot_be_moved_by_who_is_told() -> None:
    """What an observer does to the life in the result it is given is not done to the flow run: it can be resumed."""

    def meddle(run: RunView, state: State) -> None:
        state.result.run.send("RESUME")
        for record in state.result.records().values():
            record.run.send("CANCEL")

    flow, (node,) = flow_of(does(PAUSE("look"), "done"))
    state = flow.run(plugins=[plugin("after_flow", meddle)])
    assert type(state).__name__ == "Paused"
    assert flow.resume(state, plugins=[]).result[node].result == "done"


def test_what_an_observer_is_given_at_the_end_can_be_kept() -> None:
    """It is enough to go on from, also when it was pickled."""
    kept: list[bytes] = []
    keeper = plugin("after_flow", lambda run, state: kept.append(pickle.dumps(state)))
    flow, (node,) = flow_of(does(PAUSE("look"), "done"))
    flow.run(plugins=[keeper])
    assert flow.resume(pickle.loads(kept[0])).result[node].result == "done"


def test_a_plugin_that_reads_the_state_of_all() -> None:
    """`after_flow` is told once for each pass, with the state in which the flow rests and the run at that."""
    seen: list[tuple[str, str, bool]] = []
    watch = plugin("after_flow", lambda run, state: seen.append((run.lifecycle, run.state, state.is_finished())))
    with Flow("twice") as flow:
        task(does(PAUSE("look"), "done"))()
    state = flow.resume(flow.run(plugins=[watch]), plugins=[watch])
    assert seen == [("flow-run", "Paused", False), ("flow-run", "Success", True)]
    assert flow.run(plugins=[watch], state=state) is state
    assert len(seen) == 2
