"""Flows drawn at random, under plugins that do anything at random: every story is a path, and every flow ends or rests.

What plugins do is a list of acts that is drawn, and each call of a hook takes the next one; behind the end they are
silent, for plugins that postpone for ever are no defect of the core.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from typing import Any

import holds
import pytest
from flows_drawn import Drawn, World, built, flows
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from misbehaving import ACCEPT, CHECK, EXTENSION, in_a_thread, plugin

from interlock import Flow, Machine, PluginError, Plugins, Run, RunView, Step, hookimpl
from interlock._begin import How, begin, go_on
from interlock._drive import carry_out, carry_out_async
from interlock._flow_hooks import tell_rest
from interlock._flow_runner import FlowRunner
from interlock.executors import Executor, ThreadExecutor
from interlock.signals import ENDRUN, NAMED, SKIP, Signal
from interlock.states import Failed, Paused, State

USUAL = settings(derandomize=True, deadline=None, phases=[Phase.generate, Phase.shrink])
PASSES = 300  # more than all scripts of a flow, and all acts of its plugins, have together
Act = Callable[["Dice", tuple[Any, ...]], object]
"""What a plugin does, with the arguments of its hook. Any: whatever those are."""

# What plugins do


class Own(BaseException):
    """An error that is no `Exception`."""


def answer(what: object) -> Act:
    return lambda dice, given: what


def error(what: BaseException) -> Act:
    def act(dice: Dice, given: tuple[Any, ...]) -> object:
        raise what

    return act


def elsewhere(dice: Dice, given: tuple[Any, ...]) -> None:
    """Raise in threads that are not the main one."""
    if threading.current_thread() is not threading.main_thread():
        raise ValueError("only here")


def change(dice: Dice, given: tuple[Any, ...]) -> None:
    """Change a signal that it is given."""
    for thing in given:
        if isinstance(thing, Signal):
            thing.message, thing.fields = "changed", {"result": "changed", "loop_count": 99}


def send(dice: Dice, given: tuple[Any, ...]) -> None:
    """Send to the run from inside."""
    given[0]._run.send("CANCEL")


def register(dice: Dice, given: tuple[Any, ...]) -> None:
    """Register another plugin; one that only observes where this one does."""
    hook = "before_step" if isinstance(dice, Chooser) else "after_step"
    dice.plugins.register(plugin(hook, lambda *given: "SKIP", "ExecutingLate"))


def leave(dice: Dice, given: tuple[Any, ...]) -> None:
    """Unregister itself; the second time that is an error."""
    dice.plugins.unregister(dice)


KINDS: Mapping[str, type[Signal]] = {**NAMED, "CHECK": CHECK, "ACCEPT": ACCEPT}
ANSWERS: dict[str, Act] = {
    **{f"{name} by name": answer(name) for name in KINDS},
    **{f"{name} by class": answer(kind) for name, kind in KINDS.items()},
    **{f"an instance of {name}": answer(kind("chosen")) for name, kind in KINDS.items() if kind is not ENDRUN},
    "an instance of ENDRUN": answer(ENDRUN(Failed("chosen"))),
}
MISCHIEF: dict[str, Act] = {
    "garbage": answer(5),
    "an unknown name": answer("NONSENSE"),
    "an empty signal": answer(SKIP.__new__(SKIP)),
    "raises": error(ValueError("no")),
    "raises a signal": error(SKIP("no")),
    "raises its own": error(Own("no")),
    "raises elsewhere": elsewhere,
    "changes": change,
    "sends": send,
    "registers": register,
    "leaves": leave,
}
ESCAPES: dict[str, Act] = {"Ctrl-C": error(KeyboardInterrupt()), "exits": error(SystemExit(3))}
ACTS: dict[str, Act] = {"nothing": answer(None), **ANSWERS, **MISCHIEF, **ESCAPES}


def chances(*kinds: Mapping[str, Act]) -> st.SearchStrategy[list[str]]:
    """Return lists of acts: half of them nothing, and the kinds equally often."""
    acts = st.one_of(st.just("nothing"), st.just("nothing"), *(st.sampled_from(sorted(kind)) for kind in kinds))
    return st.lists(acts, max_size=25)


class Dice:
    """A plugin that does what was drawn, whichever hook is called."""

    def __init__(self, acts: Sequence[str]) -> None:
        self.acts = deque(acts)
        self.plugins = Plugins()

    def _next(self, *given: Any) -> object:
        return ACTS[self.acts.popleft()](self, given) if self.acts else None

    @hookimpl
    def after_step(self, run: RunView, step: Step) -> object:
        return self._next(run, step)

    @hookimpl
    def after_flow(self, run: RunView, state: State) -> object:
        return self._next(run, state)


class Chooser(Dice):
    """One that is asked, too."""

    @hookimpl
    def before_step(self, run: RunView, signal: object, now: float | None) -> object:
        return self._next(run, signal, now)


class Executing(Chooser):
    """One that makes an executor that loses calls as often as something is done wrong."""

    @hookimpl
    def make_executor(self, name: str) -> object:
        return Losing(self) if name == "mine" else None


class Losing:
    """Threads, but for the calls that are lost. Any: as for an executor."""

    def __init__(self, dice: Dice) -> None:
        self._dice, self._threads = dice, ThreadExecutor()

    def submit(self, function: Callable[..., Any], /, *args: Any) -> Future[Any]:
        name = self._dice.acts.popleft() if self._dice.acts else "nothing"
        if name in MISCHIEF and name.startswith("raises"):
            raise ValueError("lost")
        return self._threads.submit(function, *args)

    def shutdown(self) -> None:
        self._threads.shutdown()


class Watch:
    """Sees that no task starts while its flow does not run. What it notes is judged in the end: it only observes."""

    def __init__(self) -> None:
        self.runner: FlowRunner | None = None
        self.wrong: list[str] = []

    @hookimpl
    def after_step(self, run: RunView, step: Step) -> None:
        begins = run.lifecycle == "task-run" and step.signal == "START"
        if begins and self.runner is not None and self.runner.run.state != "Running":
            self.wrong.append(f"{step} in {self.runner.run.state}")


class Adds:
    """Extends the task run."""

    @hookimpl
    def extend(self, lifecycle: str) -> object:
        return EXTENSION if lifecycle == "task-run" else None


# How flows are run


def threads(runner: FlowRunner, executor: Executor | None) -> State:
    with ThreadExecutor() as pool:
        return carry_out(runner, How(executor="threads", workers=3).driving(executor or pool))


DRIVERS: dict[str, Callable[[FlowRunner, Executor | None], State]] = {
    "in line": lambda runner, _: carry_out(runner),
    "threads": threads,
    "mine": threads,
    "async": lambda runner, _: asyncio.run(carry_out_async(runner)),
    "in a thread": lambda runner, _: in_a_thread(lambda: carry_out(runner)),
}


def passes(flow: Flow, plugins: Plugins | None, watch: Watch, driver: str) -> Iterator[tuple[FlowRunner, State | None]]:
    """Run a flow, and resume it until it is over; yield the runner and the state of each pass, None if it was left."""
    state: State | None = None
    how = How(executor="mine") if driver == "mine" else How()
    for _ in range(PASSES):
        opened, watch.runner = how.opened(flow, plugins), None
        if state is None:
            begun = begin(flow, {}, {}, plugins, None, None, How())
        else:
            waits = [
                slug for slug, kept in state.result.by_slug().items() if isinstance(kept, EXTENSION.states["Checked"])
            ]
            begun = go_on(flow, state, None, plugins, {slug: ACCEPT("yes") for slug in waits}, None, How())
        assert isinstance(begun, FlowRunner)
        watch.runner = begun
        try:
            state = DRIVERS[driver](begun, opened.executor if driver == "mine" else None)  # type: ignore[arg-type]  # made
            tell_rest(begun, state)
        except (KeyboardInterrupt, SystemExit):
            yield begun, None
            return
        finally:
            opened.close()
        yield begun, state
        if not isinstance(state, Paused):
            return
    raise AssertionError("the flow goes round for ever")


def registered(dice: Sequence[Dice], *others: object) -> Plugins:
    """Return plugins, each of which knows where it is registered."""
    plugins = Plugins(*others, *dice)
    for each in dice:
        each.plugins = plugins
    return plugins


class Heard(logging.Handler):
    """Takes note of what is logged, and shows no traceback: there are thousands."""

    def __init__(self) -> None:
        super().__init__()
        self.said: set[str] = set()

    def emit(self, record: logging.LogRecord) -> None:
        self.said.add(record.getMessage())


@pytest.fixture(autouse=True)
def heard() -> Iterator[set[str]]:
    """Hear what is logged, and let nobody else hear it."""
    handler, logger = Heard(), logging.getLogger("interlock")
    logger.addHandler(handler)
    logger.propagate = False
    yield handler.said
    logger.propagate = True
    logger.removeHandler(handler)


@pytest.mark.parametrize("driver", DRIVERS)
def test_whatever_plugins_do(driver: str, heard: set[str]) -> None:
    """Every run is a path of the table as extended, keeps the invariants, and each flow ends, or waits for a person."""
    kinds = (ANSWERS, MISCHIEF) if driver != "in line" else (ANSWERS, ANSWERS, MISCHIEF, ESCAPES)

    @settings(USUAL, max_examples=200 if driver == "in line" else 60)
    @given(drawn=flows(7), acts=st.lists(chances(*kinds), min_size=1, max_size=3))
    def holds_for(drawn: Drawn, acts: list[list[str]]) -> None:
        watch = Watch()
        plugins = registered([Executing(each) for each in acts], Adds(), watch)
        for runner, state in left_alone(passes(built(drawn, World()), plugins, watch, driver)):
            holds.check(runner, state)
            assert watch.wrong == []
            if state is not None:
                judge(runner)

    holds_for()
    assert any("plugin 'Executing" in message for message in heard)


def left_alone(found: Iterator[tuple[FlowRunner, State | None]]) -> Iterator[tuple[FlowRunner, State | None]]:
    """Yield the passes; a plugin that ends the program before a flow run has begun ends them."""
    try:
        yield from found
    except (KeyboardInterrupt, SystemExit):
        return


def judge(runner: FlowRunner) -> None:
    """P3: a run that is broken says by whom: nothing but plugins breaks one here."""
    for each in runner.board.all():
        broke = [step for step in each.run.story if step.signal == "BROKEN"]
        if broke and not str(each.state.message).startswith("BROKEN"):  # that is what some bodies raise
            assert isinstance(each.state.result, PluginError), each.state
            assert each.state.result.plugin.startswith("Executing")


@pytest.mark.parametrize("driver", DRIVERS)
def test_observers_change_nothing(driver: str) -> None:
    """P2: under observers that do what they like, stories and states are those without any."""

    @settings(USUAL, max_examples=80 if driver == "in line" else 30)
    @given(drawn=flows(7), acts=st.lists(chances(ANSWERS, MISCHIEF), min_size=1, max_size=3))
    def holds_for(drawn: Drawn, acts: list[list[str]]) -> None:
        quiet = None if driver != "mine" else registered([Executing([])])
        bare = list(passes(built(drawn, World()), quiet, Watch(), driver))
        observed = registered([Dice(each) for each in acts], Watch(), *([Executing([])] if driver == "mine" else []))
        seen = list(passes(built(drawn, World()), observed, Watch(), driver))
        assert [told(*each) for each in seen] == [told(*each) for each in bare]

    holds_for()


def told(runner: FlowRunner, state: State | None) -> tuple[str, list[str]]:
    assert state is not None
    return repr(state.result), [str(run.story) for run in holds.runs_of(runner)]


# The predicates themselves

WRONG: dict[str, list[tuple[str, str, str]]] = {
    "path": [("Pending", "START", "Running"), ("Pending", "SKIP", "Skipped")],
    "final_for_ever": [("Success", "START", "Running")],
    "started": [("Paused", "START", "Running")],
    "earned": [("Paused", "SUCCESS", "Success")],
    "bounded": [("Running", "FAIL", "Retrying")],
    "waits_for_a_person": [("Paused", "START", "Running")],
    "one_outcome": [("Running", "FAIL", "Failed"), ("Running", "SUCCESS", "Success")],
    "carried": [("Running", "ENDRUN", "Cached")],
}


@pytest.mark.parametrize("name", WRONG)
def test_a_rule_that_is_broken_is_seen(name: str) -> None:
    """Each predicate says no to steps that break its rule."""
    (rule,) = [rule for rule in holds.RULES if rule.__name__ == name]
    run = Run(Machine.load("task-run"))
    assert rule(run, [])
    assert not rule(run, [Step(number, *step, attempt=1) for number, step in enumerate(WRONG[name], start=1)])


SMALL = """
lifecycle = "small"
initial = "A"
[states]
A.means = "begins"
B.means = "goes on"
C = { means = "ends", final = true }
[signals]
GO.means = "go"
CANCEL = { means = "stop", plugins = "told" }
[from]
A = { GO = "B", CANCEL = "C" }
B = { GO = "C" }
"""


def test_a_table_and_a_choice_that_break_a_rule_are_seen() -> None:
    """So do those that are about the table, and about who chose."""
    run = Run(Machine.from_toml(SMALL))
    step = Step(1, "A", "GO", "B")
    assert holds.can_be_cancelled(run, [])
    assert not holds.can_be_cancelled(run, [step])
    assert holds.chosen(run, [step, step._replace(asked="GO", plugin="Somebody")])
    wrong = [
        step._replace(asked="GO"),
        step._replace(asked="CANCEL", plugin="Somebody"),
        step._replace(asked="GO", plugin="Somebody", signal="CANCEL"),
    ]
    assert not any(holds.chosen(run, [each]) for each in wrong)
