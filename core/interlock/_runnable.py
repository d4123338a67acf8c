"""How flows are run, resumed, and started."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar, cast

from interlock._graph import Graph

if TYPE_CHECKING:
    from interlock._begin import Asked
    from interlock._flow import Flow
    from interlock._handle import Handle
    from interlock.executors import Executor
    from interlock.signals import Signal
    from interlock.states import State

P = ParamSpec("P")
T = TypeVar("T")


def _as(method: Callable[P, object]) -> Callable[[Callable[..., T]], Callable[P, T]]:
    """Give a method the arguments of another, for type checkers and for `inspect.signature`."""

    def same(other: Callable[..., T]) -> Callable[P, T]:
        made = inspect.signature(method).replace(return_annotation=other.__annotations__["return"])
        setattr(other, "__signature__", made)  # noqa: B010  # what `inspect` reads; functions do not declare it
        return other

    return same


class Runnable(Graph):
    """What makes a graph of tasks a flow that runs."""

    name: str

    def _asked(
        self,
        parameters: Mapping[str, Any] | None = None,
        *,
        context: Mapping[str, Any] | None = None,
        plugins: Any = None,
        state: State | None = None,
        task_states: Mapping[Any, State] | None = None,
        raise_on_exception: bool = False,
        executor: str | Executor | None = None,
        workers: int | None = None,
        tag_limits: Mapping[str, int] | None = None,
        fail_fast: bool = False,
        grace: float | timedelta = 30.0,
        **more: Any,
    ) -> Asked:
        """Return the flow run that is asked for. Any: values of parameters, plugins, the keys of a `Mapping`."""
        from interlock import _begin

        how = _begin.How(executor=executor, workers=workers, tag_limits=tag_limits, fail_fast=fail_fast, grace=grace)
        given = {**(parameters or {}), **more}
        return _begin.asked(
            cast("Flow", self), given, context or {}, plugins, task_states, state, how, raises=raise_on_exception
        )

    @_as(_asked)
    def run(self, *given: Any, **options: Any) -> State:  # noqa: D417  # its arguments are those of `_asked`
        """Run the flow, and return the state in which it rests.

        Its `result` has the state of each task: `flow.run().result[task]`. A flow in which nothing can go on until a
        person acts rests in `Paused`; `resume` goes on from there. Ctrl-C cancels the flow run; a second one leaves.

        Args:
            parameters: values for the flow's parameters. Any: they are the user's.
            context: further keys of `interlock.context`.
            plugins: `Plugins`, or a list of plugin objects. Any: as for `Run`.
            state: what the flow run is to begin in: `Scheduled(start_time=...)` waits for that time; one that is final
                is returned as it is, and nothing runs. States of tasks in its result are as `task_states`.
            task_states: by task or slug: states that task runs begin in. One that is final stays: the task is not run.
                A `Mapped` one gives its good children; the others are run. Any: the keys of a `Mapping` are invariant.
            raise_on_exception: whether a flow run that fails raises, when it is over, what the first failed task did.
            executor: where bodies are called: one after the other in this thread; "threads": several at once, each in a
                thread; "async": in this thread, where async ones go on beside each other; the name of one that a plugin
                makes; or an executor of your own, see `interlock.executors`.
            workers: how many bodies an executor is given at once. Threads: 4 more than there are processors, and at
                most 32, unless told; others: as many as there are, and time limits count while they wait there.
            tag_limits: by tag: how many task runs that have it may be under way at once.
            fail_fast: whether the first task run that fails in the end stops all others.
            grace: for how long a body that is to stop is waited for, as time or in seconds: one that was cancelled, or,
                before the next attempt, one that is out of time.
            **more: parameters by name.

        Raises:
            FlowError: a parameter is missing, unknown or of another type, a state is none that a run can begin in, an
                option has no meaning, or the flow is still being built.
        """
        return self._asked(*given, **options).run()

    @_as(_asked)
    async def run_async(self, *given: Any, **options: Any) -> State:
        """Run the flow as `run` does, on the event loop that is running: async bodies go on beside each other.

        Others are called in this thread, or by the executor that is given, and hold up the loop as any call does. To
        cancel the call cancels the flow run, and raises when it has ended; to cancel it again leaves at once. Ctrl-C is
        for whoever runs the loop. Any: as for `run`.
        """
        return await self._asked(*given, **options).run_async()

    @_as(_asked)
    def start(self, *given: Any, **options: Any) -> Handle:
        """Run the flow as `run` does, in a thread of its own, and return what asks for its end and waits for it.

        Any: as for `run`.
        """
        return self._asked(*given, **options).start()

    def resume(
        self,
        state: State,
        tasks: Iterable[object] | None = None,
        *,
        signals: Mapping[Any, Signal] | None = None,
        context: Mapping[str, Any] | None = None,
        plugins: Any = None,
        executor: str | Executor | None = None,
        workers: int | None = None,
        tag_limits: Mapping[str, int] | None = None,
        fail_fast: bool = False,
        grace: float | timedelta = 30.0,
    ) -> State:
        """Go on from a state in which the flow rested, and return the next one.

        Where it was paused, no task run that is over is run again; budgets and turns go on where they stood. Where it
        failed or was cancelled, a new flow run begins with the same parameters and context, in which the task runs, and
        children, that ended well are as they were; the others begin anew.

        Args:
            state: what `run` or an earlier `resume` returned; it may come from another process.
            tasks: the paused tasks, or their slugs, that may go on; all of them otherwise.
            signals: by such a task or slug: what happens to it then, in the place of its gates and its work:
                `{task: SKIP("not needed")}`. Any: as above.
            context: further keys of `interlock.context`, beside those of the run that is gone on with.
            plugins: as for `run`, and so are the others.
            executor: where bodies are called.
            workers: how many bodies an executor is given at once.
            tag_limits: by tag: how many task runs that have it may be under way at once.
            fail_fast: whether the first task run that fails in the end stops all others.
            grace: for how long a body that is to stop is waited for.

        Raises:
            FlowError: the state is not of this flow, or it succeeded; a task named is not paused; an option has no
                meaning.
        """
        from interlock import _begin

        how = _begin.How(executor=executor, workers=workers, tag_limits=tag_limits, fail_fast=fail_fast, grace=grace)
        return _begin.resumed(cast("Flow", self), state, tasks, signals, context, plugins, how).run()

    @_as(resume)
    async def resume_async(
        self,
        state: State,
        tasks: Iterable[object] | None = None,
        *,
        signals: Mapping[Any, Signal] | None = None,
        context: Mapping[str, Any] | None = None,
        plugins: Any = None,
        **how: Any,
    ) -> State:
        """Go on as `resume` does, on the event loop that is running: see `run_async`. Any: as for `resume`."""
        from interlock import _begin

        return await _begin.resumed(
            cast("Flow", self), state, tasks, signals, context, plugins, _begin.How(**how)
        ).run_async()
