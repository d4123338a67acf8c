"""The states of a flow's tasks, as the result of its run, and what it takes to go on from there."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import attrs

from interlock._data import Record
from interlock._errors import FlowError, suggest
from interlock._tasks import Task
from interlock.states import Cached, Mapped, Scheduled, State, TriggerFailed
from interlock.states import Mapping as Mapped_

if TYPE_CHECKING:
    from interlock._run import Run


class TaskStates(Mapping[object, State]):
    """The state of each task, by task or by slug.

    It pickles: another process that has the same flow finds its tasks by their slugs.
    """

    __slots__ = ("_children", "_records", "_slugs", "_states", "_tasks", "context", "parameters", "run")

    def __init__(
        self,
        tasks: Mapping[str, Task],
        states: Mapping[str, State],
        parameters: Mapping[str, Any],
        run: Run | None,
        records: Callable[[], Mapping[str, Record]],
        own: Mapping[Any, str] | None = None,
        context: Mapping[str, Any] | None = None,
        children: Mapping[str, tuple[State, ...]] | None = None,
    ) -> None:
        self._tasks = tasks
        self._slugs: Mapping[object, str] = {task: slug for slug, task in tasks.items()} if own is None else own
        self._states = states
        self._records = records
        self._children = children or {}
        self.parameters = dict(parameters)
        self.context = dict(context or {})
        """What the flow run has in its context, for those that go on with it."""
        self.run = run
        """The flow run's own life."""

    def __getitem__(self, task: object) -> State:
        slug = task if isinstance(task, str) else self._slugs.get(task, getattr(task, "slug", None))
        if slug not in self._states or (isinstance(task, Task) and self._tasks.get(str(slug), task) is not task):
            near = suggest(getattr(task, "name", task), [t.name for t in self._tasks.values()] or self._states)
            raise KeyError(
                f"{task!r} is no task of this flow; a call of a task adds a copy: use what it returns.{near}"
            )
        return self._states[str(slug)]

    def __iter__(self) -> Iterator[object]:
        # Where the tasks stayed in another process, their slugs stand for them.
        return (self._tasks.get(slug, slug) for slug in self._states)

    def __len__(self) -> int:
        return len(self._states)

    def apart(self) -> TaskStates:
        """Return the same with a life of its own: what is done to that is not done to the flow run, nor told of."""
        run = None if self.run is None else self.run._again(None, None)
        return TaskStates(
            self._tasks, self._states, self.parameters, run, self._records, self._slugs, self.context, self._children
        )

    def records(self) -> Mapping[str, Record]:
        """Return what it takes to go on, by slug; nothing where the flow is over."""
        return {} if self.run is None or self.run.is_final else self._records()

    def children(self, task: object) -> Sequence[State]:
        """Return the states of a mapped task's children, also where it ended before they did; else nothing."""
        state = self[task]
        slug = task if isinstance(task, str) else self._slugs.get(task, getattr(task, "slug", None))
        known: Sequence[State] = self._children.get(str(slug)) or getattr(state, "map_states", None) or ()
        return known

    def waiting(self) -> dict[str, State]:
        """Return the states of the runs that wait for a person, by slug; of a mapped task its children, "slug[3]"."""
        found: dict[str, State] = {}
        for slug, state in self._states.items():
            children = self.children(slug)
            runs = [(f"{slug}[{i}]", child) for i, child in enumerate(children)] if children else [(slug, state)]
            found.update((place, run) for place, run in runs if isinstance(run, Scheduled) and run.start_time is None)
        return found

    def failures(self) -> Iterator[tuple[str, State]]:
        """Yield the runs that failed, each with its name: of a mapped task its children, `check[2]`."""
        for task, state in self.items():
            name = task.name if isinstance(task, Task) else str(task)
            children = self.children(task)
            runs = [(f"{name}[{i}]", child) for i, child in enumerate(children)] if children else [(name, state)]
            yield from ((run, ended) for run, ended in runs if ended.is_failed())

    def causes(self) -> list[tuple[str, State]]:
        """Return those of them that are not just the echo of another; all, if there are no others."""
        failures = list(self.failures())
        return [failure for failure in failures if not isinstance(failure[1], TriggerFailed)] or failures

    def without_errors(self) -> TaskStates:
        """Return what is the same, but for what failed tasks raised, which other processes may be unable to read."""
        states = {slug: _without_error(state) for slug, state in self._states.items()}
        children = {slug: tuple(map(_without_error, found)) for slug, found in self._children.items()}
        return _loaded(states, self.parameters, self.run, {}, self.context, children)

    def without_results(self) -> TaskStates:
        """Return how each task ended, and nothing that is the user's: no result, parameter or context."""
        states = {slug: _without_result(state) for slug, state in self._states.items()}
        children = {slug: tuple(map(_without_result, found)) for slug, found in self._children.items()}
        return _loaded(states, {}, self.run, {}, {}, children)

    def by_slug(self) -> dict[str, State]:
        """Return the states by slug: also where the tasks themselves stayed in another process."""
        return dict(self._states)

    def __repr__(self) -> str:
        return "{" + ", ".join(f"{slug}: {state!r}" for slug, state in self._states.items()) + "}"

    def __reduce__(self) -> tuple[Any, ...]:
        context = {name: value for name, value in self.context.items() if _pickles(value)}
        return _loaded, (self._states, self.parameters, self.run, self.records(), context, self._children)


def _pickles(value: object) -> bool:
    """Return whether a value of the context can be stored; one that cannot is given anew by who resumes."""
    try:
        pickle.dumps(value)
    except Exception:  # noqa: BLE001  # pickling calls code of the value's class, which may raise anything
        return False
    return True


def _loaded(
    states: Mapping[str, State],
    parameters: Mapping[str, Any],
    run: Run | None,
    records: Mapping[str, Record],
    context: Mapping[str, Any],
    children: Mapping[str, tuple[State, ...]] | None = None,
) -> TaskStates:
    return TaskStates({}, states, parameters, run, lambda: records, context=context, children=children)


def _without_error(state: State) -> State:
    if isinstance(state, Mapped):
        return attrs.evolve(state, map_states=tuple(map(_without_error, state.map_states)))
    return attrs.evolve(state, result=None) if isinstance(state.result, BaseException) else state


def _without_result(state: State) -> State:
    state = attrs.evolve(state, result=None)
    if isinstance(state, Mapped | Mapped_):
        return attrs.evolve(state, map_states=tuple(map(_without_result, state.map_states or ())))
    return attrs.evolve(state, cached_parameters=None) if isinstance(state, Cached) else state


def rested(state: State, flow: str, slugs: Mapping[str, object]) -> TaskStates:
    """Return the result of a flow that rests.

    Raises:
        FlowError: it is no such result, or of a flow with other tasks, or there is nothing left to do.
    """
    result = state.result
    if not isinstance(result, TaskStates) or result.run is None:
        raise FlowError(f"flow {flow!r}: resume needs the state that run or resume returned, not {state!r}")
    for slug in result.by_slug():
        if slug not in slugs:
            raise FlowError(f"flow {flow!r}: the state is of a flow with a task {slug!r}.{suggest(slug, slugs)}")
    if state.is_successful():
        raise FlowError(f"flow {flow!r}: it ended in {state!r}; what is over stays over, run it again")
    return result
