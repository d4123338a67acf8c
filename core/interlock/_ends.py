"""How a flow run ends, and what it waits for."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from interlock._data import Record
from interlock._errors import FlowError
from interlock._results import TaskStates
from interlock.signals import CANCEL, ENDRUN, FAIL, RESUME, SKIP, SUCCESS, Signal, cached
from interlock.states import Cached, Mapped, Paused, Pending, Retrying, Scheduled, State
from interlock.triggers import each

if TYPE_CHECKING:
    from interlock._flow import Flow
    from interlock._plan import Node, Plan
    from interlock._run import Run
    from interlock._task_runner import TaskRunner

STOPPED, FAST = "The flow run was cancelled", "Another task run failed, and the flow run fails fast"
"""Why a task run is ended that is not over."""
_NOT_RUN = Pending("The task was not run.")


def verdict_of(references: Collection[State], cancelling: bool) -> Signal:
    """Return what the states of the reference tasks say of their flow."""
    ended = each(references)
    if any(state.is_failed() for state in ended):
        return FAIL._of("Some reference tasks failed.")
    if any(state.is_cancelled() for state in ended):
        return (FAIL if cancelling else CANCEL)._of("Some reference tasks were cancelled.")
    if ended and all(state.is_skipped() for state in ended):
        return SKIP._of("All reference tasks were skipped.")
    return SUCCESS._of("All reference tasks succeeded.")


def for_a_person(runner: TaskRunner) -> bool:
    """Return whether a run waits for a person: it is paused, or was ended in a waiting state, without a time."""
    state, run = runner.state, runner.run
    waits = isinstance(state, Paused) or (run.closed and isinstance(state, Scheduled))
    return waits and not runner.over and isinstance(state, Scheduled) and state.start_time is None


def refuses_resume(runner: TaskRunner) -> bool:
    """Return whether a run waits for another answer than RESUME: one of a plugin's signals."""
    cell = runner.run._machine._table.cells.get((runner.run.state, RESUME.__name__))
    return not runner.run.closed and (cell is None or cell.refused)


def wakes(runner: TaskRunner, said: dict[TaskRunner, Signal]) -> Signal:
    """Return what lets a paused run go on; what was said of it is taken, where that does."""
    direct = runner in said and (isinstance(said[runner], RESUME) or refuses_resume(runner))
    return said.pop(runner) if direct else RESUME._of()


def kept(plan: Plan, runners: Sequence[TaskRunner | None]) -> Iterator[tuple[str, Cached]]:
    """Yield what is to be kept for later flow runs, each result with its cache key."""
    for node in plan.caching:
        parent, keeping = runners[node.index], node.keeping
        for runner in () if parent is None else (parent, *(parent.children or ())):
            state, found = runner.state, runner.data.found
            if found is None or found.kept is not None or keeping is None or keeping.target:
                continue  # it was not made in this flow run, or its target is what serves
            if isinstance(state, Cached) and state.hashed_inputs is not None:
                yield keeping.key, state


def signal_to(state: State) -> Signal | None:
    """Return the signal that brings a run which nothing has happened to into a state that it is to begin in.

    None where it is there already. A run that waits for a retry begins as one that waits for its time.

    Raises:
        FlowError: no run can begin in it.
    """
    if type(state) is Pending:
        return None
    if isinstance(state, Retrying):
        state = Scheduled(state.message, state.result, state.start_time)
    if isinstance(state, Cached):
        return cached(state)
    try:
        return ENDRUN(state)
    except ValueError:
        raise FlowError(f"task_states: {state!r}; no run can begin in it, leave it out to have the task run") from None


def begins_as_given(node: Node, state: State) -> bool:
    """Return whether a state that a task run is to begin in is looked at when its turn comes: see `Flow.run`."""
    if isinstance(state, Cached):
        return node.keeping is not None and node.keeping.asks and not node.mapped
    return isinstance(state, Mapped) and node.mapped


def kept_children(parent: TaskRunner, state: State) -> Iterator[tuple[TaskRunner, Signal]]:
    """Yield the children of a mapped task that was over before, as far as they were good, and what ends each so."""
    for child, ended in zip(parent.children or (), getattr(state, "map_states", ()), strict=False):
        if ended.is_successful() and (signal := signal_to(ended)) is not None:
            yield child, signal


def begins_over(flow: Flow, state: State) -> bool:
    """Return whether a state that a flow run is to begin in is one in which it is over.

    Raises:
        FlowError: no flow run can begin in it.
    """
    if not isinstance(state, State):
        raise FlowError(f"flow {flow.name!r}: state={state!r} is no state; give one such as Scheduled(start_time=...)")
    if state.is_finished():
        return True
    if isinstance(state.result, TaskStates):
        raise FlowError(f"flow {flow.name!r}: it rests in {state!r}; go on with flow.resume(state)")
    if not isinstance(state, Pending):
        raise FlowError(f"flow {flow.name!r}: state={state!r}; no flow run can begin in it, leave it out")
    return False


def result_of(plan: Plan, runners: Sequence[TaskRunner | None], layers: Mapping[str, Any], run: Run) -> TaskStates:
    """Return the states of a flow's tasks, and what it takes to go on from there. Any: the context of the flow run."""
    shown = [_NOT_RUN if runner is None else runner.shown() for runner in runners]

    def records() -> dict[str, Record]:
        pairs = zip(plan.nodes, runners, strict=True)
        return {node.slug: runner.record() for node, runner in pairs if runner is not None}

    states = dict(zip(plan.slugs, shown, strict=True))
    context = {name: value for name, value in layers.items() if name not in ("parameters", "caches")}
    children = {}
    for node in plan.mapped:
        parent = runners[node.index]
        if parent is not None and parent.children is not None and not isinstance(parent.state, Mapped):
            children[node.slug] = tuple(child.state for child in parent.children)
    parameters = layers.get("parameters", {})
    return TaskStates(plan.slugs, states, parameters, run, records, plan.slug_of, context, children)
