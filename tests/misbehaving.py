"""Plugins that misbehave, and all the ways to run a flow under them."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from typing import Any

import attrs
from acts import does

from interlock import Extension, Flow, _begin, hookimpl, task
from interlock._flow_runner import FlowRunner
from interlock._hooks import HookSpecs
from interlock.executors import ThreadExecutor
from interlock.signals import LOOP, SKIP
from interlock.states import State

HOOKS = tuple(name for name in vars(HookSpecs) if not name.startswith("_"))
Act = Callable[..., object]
"""What a hook does: act(*its arguments)."""
LONG = 30.0  # seconds: how long a test waits for what comes at once


def before_step(self: Any, run: Any, signal: Any, now: Any) -> object:
    return self.act(run, signal, now)


def after_step(self: Any, run: Any, step: Any) -> object:
    return self.act(run, step)


def after_flow(self: Any, run: Any, state: Any) -> object:
    return self.act(run, state)


def extend(self: Any, lifecycle: Any) -> object:
    return self.act(lifecycle)


def make_executor(self: Any, name: Any, workers: Any) -> object:
    return self.act(name, workers)


def add_commands(self: Any) -> object:
    return self.act()


IMPLEMENTED: Mapping[str, Callable[..., object]] = {
    function.__name__: function
    for function in (before_step, after_step, after_flow, extend, make_executor, add_commands)
}
"""An implementation of each hook. Any: the tests are about what the core makes of them, whatever they are given."""


def plugin(hook: str, act: Act, name: str = "Villain") -> Any:
    """Return a plugin with one hook. Any: plugins have no common type."""
    made: Any = type(name, (), {hook: hookimpl(IMPLEMENTED[hook])})()
    made.act = act
    return made


def elsewhere(act: Act) -> Act:
    """Return what does something only in a thread that is not the main one."""

    def acts(*given: object) -> object:
        return None if threading.current_thread() is threading.main_thread() else act(*given)

    return acts


def raises(error: BaseException) -> Act:
    """Return what raises an error."""

    def act(*given: object) -> object:
        raise error

    return act


def in_a_thread(work: Callable[[], Any]) -> Any:
    """Do some work in a thread of its own; return or raise what it does. Any: what it returns."""
    with ThreadExecutor() as threads:
        return threads.submit(work).result(LONG)


def drawn(handled: bool = False) -> Flow:
    """Return a flow in which each kind of thing happens: a retry, a skip, a loop, a map, a failure.

    `handled`: with state handlers, who say nothing.
    """
    with Flow("all of it") as flow:
        first = task(name="first", max_retries=1)(does(ValueError("no"), [1, 2]))()
        task(name="skipped")(does(SKIP("not today")))()
        looped = task(name="looped")(does(LOOP(result=1), 2))()
        mapped = task(name="mapped")(lambda x: x).map(first)
        last = task(name="last")(lambda x, y: 5)(mapped, looped)
        task(name="failed")(does(KeyError("gone")))()
    flow.set_reference_tasks([last])
    if handled:
        for each in flow.tasks:
            each.state_handlers = [lambda it, old, new: None]
        flow.state_handlers = (lambda it, old, new: None,)
    return flow


Way = Callable[["_begin.Asked"], State]
WAYS: Mapping[str, tuple[str | None, Way]] = {
    "in line": (None, lambda asked: asked.run()),
    "threads": ("threads", lambda asked: asked.run()),
    "async": ("async", lambda asked: asked.run()),
    "awaited": (None, lambda asked: asyncio.run(asked.run_async())),
    "started": (None, lambda asked: asked.start().result(LONG)),
    "in a thread": ("threads", lambda asked: in_a_thread(asked.run)),
}
"""How a flow is run: its executor, and who calls the driver."""
APART = ("started", "in a thread")
"""Those in which the driver, and so every hook, is called by another thread than the main one."""


@attrs.define
class Ran:
    """What came of a flow run."""

    runner: FlowRunner | None = None
    state: State | None = None
    error: BaseException | None = None


def ran(flow: Flow, plugins: Any, way: str, executor: str | None = None) -> Ran:
    """Run a flow in one of the ways, and return what came of it. Any: as for `flow.run`."""
    usual, carry_out = WAYS[way]
    found = Ran()

    def look(runner: FlowRunner) -> None:
        found.runner = runner

    try:
        asked = _begin.asked(flow, plugins=plugins, how=_begin.How(executor=executor or usual))
        found.state = carry_out(attrs.evolve(asked, looks=look))
    except BaseException as error:  # noqa: BLE001  # it is what the test is about
        found.error = error
    return found


def told_by(found: Ran) -> str:
    """Return all that the states of a flow run say."""
    assert found.state is not None
    states = [found.state, *found.state.result.by_slug().values()]
    return "\n".join(str(state.message) for state in states)


class Here:
    """An executor that calls at once."""

    def submit(self, function: Callable[..., Any], /, *args: Any) -> Future[Any]:
        future: Future[Any] = Future()
        future.set_result(function(*args))
        return future


ADDED = {
    "lifecycle": "task-run",
    "states": {"Checked": {"is": "Paused", "means": "somebody looks at it"}},
    "signals": {
        "CHECK": {"raised_by": "user", "means": "look at it"},
        "ACCEPT": {"raised_by": "person", "means": "it is good", "recurs": "people look as often as they like"},
    },
    "from": {
        "Running": {"CHECK": "Checked"},
        "Checked": {"ACCEPT": "Scheduled", "CANCEL": "Cancelled", "BROKEN": "Failed"},
    },
}
EXTENSION = Extension(ADDED, module=__name__)
Checked, CHECK, ACCEPT = (EXTENSION.classes[name] for name in ("Checked", "CHECK", "ACCEPT"))
