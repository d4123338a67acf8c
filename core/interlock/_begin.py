"""How a flow run is begun, and how it goes on: here, on an event loop, or in a thread of its own."""

from __future__ import annotations

import os
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from contextlib import nullcontext
from datetime import timedelta
from functools import partial
from types import MappingProxyType
from typing import Any

import attrs

from interlock._again import kept
from interlock._bodies import apart, on_a_loop
from interlock._discovery import installed
from interlock._drive import GRACE, Driving, carry_out, carry_out_async, now, steady
from interlock._edges import building
from interlock._ends import begins_over
from interlock._errors import FlowError, shown, suggest
from interlock._flow import Flow
from interlock._flow_hooks import tell_rest
from interlock._flow_runner import FlowRunner
from interlock._given import date_of, layers_of, parameters_of, slug_of, states_of
from interlock._handle import Begun, Handle
from interlock._interrupts import Interrupts
from interlock._options import seconds
from interlock._owned import OwnedExecutor
from interlock._plan import plan
from interlock._plugins import Plugins, plugins_of
from interlock._results import TaskStates, rested
from interlock._tasks import Task
from interlock.executors import Executor, ThreadExecutor
from interlock.signals import Signal
from interlock.states import Scheduled, State

LEAVING = 0.1  # seconds that async bodies have to stop when their loop is closed
NAMED = ("threads", "async")
"""The executors that have a name."""


@attrs.frozen(kw_only=True)
class How:
    """How a flow is run: the options of `Flow.run` of these names, as they were given."""

    executor: str | Executor | None = None
    workers: int | None = None
    tag_limits: Mapping[str, int] | None = None
    fail_fast: bool = False
    grace: float | timedelta = GRACE

    def opened(self, flow: Flow, plugins: Plugins | None) -> How:
        """Return the same, where an executor that a plugin has a name for is made.

        Raises:
            FlowError: there is none of such a name.
            PluginError: a plugin cannot make its executor.
        """
        executor = self.executor
        if not isinstance(executor, str) or executor in NAMED:
            return self
        self.check(flow)
        made = None if plugins is None else plugins.executor(executor, self.workers, steady)
        if made is None:
            near = suggest(executor, NAMED)
            what = "it must be 'threads', 'async', the name of one that a plugin makes, or an executor"
            raise FlowError(f"flow {flow.name!r}: executor={executor!r}; {what}.{near}")
        return attrs.evolve(self, executor=made)

    def close(self) -> None:
        """Shut down the executor that a plugin made for this flow run alone."""
        if isinstance(self.executor, OwnedExecutor):
            self.executor.shutdown()

    def check(self, flow: Flow) -> None:
        """Raise `FlowError` where an option has no meaning for a flow."""
        where, executor, workers, grace = f"flow {flow.name!r}", self.executor, self.workers, self.grace
        if executor is not None and not isinstance(executor, str) and not callable(getattr(executor, "submit", None)):
            raise FlowError(f"{where}: executor={shown(executor)} has no submit; see interlock.executors.Executor")
        if workers is not None and not _is_count(workers):
            raise FlowError(f"{where}: workers={workers!r}; it must be a number from 1 on")
        if workers is not None and executor is None:
            raise FlowError(f"{where}: workers={workers!r} without an executor; say executor='threads'")
        if seconds(grace) is None:
            raise FlowError(f"{where}: grace={grace!r}; it must be seconds from 0 on, or a timedelta")
        known = {tag for task in flow.tasks for tag in task.tags} if self.tag_limits else set()
        for tag, limit in (self.tag_limits or {}).items():
            if tag not in known:
                raise FlowError(f"{where}: tag_limits: no task has the tag {tag!r}.{suggest(tag, known)}")
            if not _is_count(limit):
                raise FlowError(f"{where}: tag_limits: {tag!r} has {limit!r}; it must be a number from 1 on")

    def driving(self, executor: Executor | None) -> Driving:
        """Return what a driver is to know."""
        workers = self.workers
        if self.executor == "threads" and workers is None:
            workers = min(32, (os.cpu_count() or 1) + 4)  # as for the pools of the standard library
        return Driving(executor, workers, self.fail_fast, seconds(self.grace) or 0.0)


USUAL = How()
EMPTY: Mapping[str, Any] = MappingProxyType({})


def _is_count(value: object) -> bool:
    return type(value) is int and value >= 1


@attrs.frozen
class Asked:
    """A flow run that was asked for, and has not begun."""

    flow: Flow
    begin: Callable[[], FlowRunner | State]
    """Returns its runner, once it has begun, or the state where it is over already."""
    how: How
    plugins: Plugins | None = None
    raises: bool = False
    """Whether it raises if it fails."""
    looks: Callable[[FlowRunner], object] | None = None
    """Is given its runner, to look at from another thread."""
    tells: bool = True
    """Whether it is logged if it fails."""

    def run(self) -> State:
        """Run it here, and return the state in which it rests."""
        return self._on(*self._begun())

    def _begun(self) -> tuple[FlowRunner | State, How]:
        """Return what has begun, and how it is run: what cannot be had for it is told of before anything happens."""
        how = self.how.opened(self.flow, self.plugins)
        try:
            begun = self.begin()
            if self.looks is not None and isinstance(begun, FlowRunner):
                self.looks(begun)
        except BaseException:
            how.close()
            raise
        return begun, how

    def _on(self, begun: FlowRunner | State, how: How, interrupts: Interrupts | None = None) -> State:
        try:
            if isinstance(begun, State):
                return self._ended(begun)
            state = driven(begun, how, interrupts)
            tell_rest(begun, state)
        finally:
            how.close()
        return self._ended(state)

    async def run_async(self) -> State:
        """Run it on the event loop that is running, and return the state in which it rests."""
        begun, how = self._begun()
        try:
            if isinstance(begun, State):
                return self._ended(begun)
            state = await driven_async(begun, how)
            tell_rest(begun, state)
        finally:
            how.close()
        return self._ended(state)

    def start(self) -> Handle:
        """Run it in a thread of its own."""
        return Handle(self.flow, self._start(), self._start_again)

    def _start(self) -> Begun:
        begun, how = self._begun()
        return begun, partial(self._on, begun, how)

    def _start_again(self, state: State, said: Mapping[str, Signal]) -> Begun:
        spoken = dict[object, Signal](said.items())
        again = resumed(self.flow, state, tuple(said), spoken, None, self.plugins or (), self.how)
        return attrs.evolve(again, raises=self.raises)._start()

    def _ended(self, state: State) -> State:
        if state.is_failed():
            if self.raises:
                raise raised_by(self.flow, state)
            if self.tells:
                _log(self.flow, state)
        return state


def asked(
    flow: Flow,
    parameters: Mapping[str, Any] = EMPTY,
    context: Mapping[str, Any] = EMPTY,
    plugins: Any = None,
    task_states: Mapping[object, State] | None = None,
    state: State | None = None,
    how: How = USUAL,
    *,
    raises: bool = False,
) -> Asked:
    """Return what `Flow.run` is asked for. Any: as there."""
    chosen = chosen_of(plugins)
    work = partial(begin, flow, parameters, context, chosen, task_states, state, how)
    return Asked(flow, work, how, chosen, raises)


def resumed(
    flow: Flow,
    state: State,
    tasks: Iterable[object] | None,
    signals: Mapping[object, Signal] | None,
    context: Mapping[str, Any] | None,
    plugins: Any,
    how: How,
) -> Asked:
    """Return what `Flow.resume` is asked for. Any: as there."""
    chosen = chosen_of(plugins)
    return Asked(flow, partial(go_on, flow, state, tasks, chosen, signals, context, how), how, chosen)


def chosen_of(plugins: Any) -> Plugins | None:
    """Return the plugins of a flow run: those given, or else those of third parties that are installed. Any: as above.

    Raises:
        TypeError, PluginError: what was given is no plugins.
    """
    return installed() if plugins is None else plugins_of(plugins)


def begin(
    flow: Flow,
    parameters: Mapping[str, Any],
    context: Mapping[str, Any],
    plugins: Plugins | None,
    task_states: Mapping[object, State] | None,
    state: State | None,
    how: How,
) -> FlowRunner | State:
    """Return the runner of a flow run that has begun, or the state where it is over already. Any: as for `Flow.run`."""
    if building.get() is flow:
        raise FlowError(f"flow {flow.name!r} is still being built; run it behind its `with` block")
    how.check(flow)
    if state is not None and begins_over(flow, state):
        return state
    layers = {**layers_of(flow, parameters_of(flow, parameters), context.get("date")), **context}
    layers["date"] = date_of(flow, layers["date"])
    runner = _runner(flow, layers, plugins, how)
    earlier = state.result if state is not None and isinstance(state.result, Mapping) else {}
    given = states_of(flow, runner.plan, {**earlier, **(task_states or {})})
    runner.start(now(), given, state.start_time if isinstance(state, Scheduled) else None)
    return runner


def go_on(
    flow: Flow,
    state: State,
    tasks: Iterable[object] | None,
    plugins: Plugins | None,
    signals: Mapping[object, Signal] | None,
    context: Mapping[str, Any] | None,
    how: How,
) -> FlowRunner:
    """Return the runner of a flow run that rested, and goes on. Any: as for `Flow.resume`."""
    how.check(flow)
    nodes = plan(flow)
    result = rested(state, flow.name, nodes.slugs)
    said = {slug_of(nodes, task): given for task, given in (signals or {}).items()}
    for slug, given in said.items():
        if not isinstance(given, Signal):
            raise FlowError(
                f"flow {flow.name!r}: signals: {given!r}, for {slug!r}, is no signal; give one such as SKIP()"
            )
    if state.is_finished():
        return _anew(flow, state, tasks, said, plugins, context, how)
    one = isinstance(tasks, Task | str)  # what a person most likely has at hand
    chosen = None if tasks is None else [*(slug_of(nodes, task) for task in ([tasks] if one else tasks)), *said]
    layers = {**layers_of(flow, result.parameters), **result.context, **(context or {})}
    runner = _runner(flow, layers, plugins, how)
    runner.resume(result, chosen, now(), said)
    return runner


def _anew(
    flow: Flow,
    ended: State,
    tasks: object,
    said: object,
    plugins: Plugins | None,
    context: Mapping[str, Any] | None,
    how: How,
) -> FlowRunner:
    """Return the runner of a new flow run, in which what ended well before is not done again."""
    if tasks is not None or said:
        raise FlowError(f"flow {flow.name!r}: it ended in {ended!r}; no task of it waits for a person")
    result = ended.result
    before = {name: value for name, value in result.context.items() if name not in ("flow_run_id", "flow_run_name")}
    layers = {**layers_of(flow, result.parameters), **before, **(context or {})}
    runner = _runner(flow, layers, plugins, how)
    runner.start(now(), kept(runner.plan, result))
    return runner


def _runner(flow: Flow, layers: Mapping[str, Any], plugins: Plugins | None, how: How) -> FlowRunner:
    """Return the runner of a flow run that nothing has happened to. Any: as above."""
    if plugins is None:
        return FlowRunner(plan(flow), layers, tag_limits=how.tag_limits)
    tasks, life = plugins.machine("task-run", steady), plugins.machine("flow-run", steady)
    hooks = plugins.hooks(steady)
    return FlowRunner(plan(flow), layers, tasks=tasks, flow=life, hooks=hooks, tag_limits=how.tag_limits)


def driven(runner: FlowRunner, how: How, interrupts: Interrupts | None = None) -> State:
    """Carry out a flow run as it was asked for, and return the state in which it rests."""
    if how.executor == "async":
        with interrupts or Interrupts() as asked:
            work = partial(_on_a_loop, carry_out_async(runner, how.driving(None), asked))
            state: State = apart(work) if on_a_loop() else work()
            return state
    if isinstance(how.executor, str):
        with ThreadExecutor(f"interlock {runner.plan.flow.name}") as threads:
            return carry_out(runner, how.driving(threads), interrupts)
    return carry_out(runner, how.driving(how.executor), interrupts)


def _on_a_loop(work: Coroutine[Any, Any, State]) -> State:
    """Do some work on an event loop of its own. `asyncio.run` waits for bodies that do not stop; this does not."""
    import asyncio

    loop = asyncio.new_event_loop()
    try:
        return loop.run_until_complete(work)
    finally:
        left = asyncio.all_tasks(loop)
        for each in left:
            each.cancel()
        if left:
            loop.run_until_complete(asyncio.wait(left, timeout=LEAVING))
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.close()


async def driven_async(runner: FlowRunner, how: How) -> State:
    """Carry out a flow run on the event loop that is running, and return the state in which it rests."""
    threads = ThreadExecutor(f"interlock {runner.plan.flow.name}") if how.executor == "threads" else None
    with threads or nullcontext():
        executor = None if isinstance(how.executor, str) else how.executor
        return await carry_out_async(runner, how.driving(threads or executor))


def raised_by(flow: Flow, state: State) -> BaseException:
    """Return what a failed flow run is to be raised as: what the first of its failed task runs raised."""
    causes = state.result.causes() if isinstance(state.result, TaskStates) else []
    for _, ended in causes:
        if _raised(ended):
            return ended.result  # type: ignore[no-any-return]  # it is an exception
    return FlowError(f"flow {flow.name!r}: {_why(state, causes)}")


def _why(state: State, causes: Sequence[tuple[str, State]]) -> str:
    more = f", and {len(causes) - 1:,} more" if len(causes) > 1 else ""
    return f"it ended in {state!r}" + "".join(f"; {name} ended in {ended!r}{more}" for name, ended in causes[:1])


def _raised(ended: State) -> bool:
    return isinstance(ended.result, BaseException) and not isinstance(ended.result, Signal)


def _log(flow: Flow, state: State) -> None:
    """Log that a flow run failed, with what the first of its failed task runs raised."""
    import logging  # here, as not every program needs it

    causes = state.result.causes() if isinstance(state.result, TaskStates) else []
    error = causes[0][1].result if causes and _raised(causes[0][1]) else None
    logging.getLogger("interlock.flow").error("flow %r: %s", flow.name, _why(state, causes), exc_info=error)
