"""Flows: tasks that depend on each other, and how they are put together."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextvars import Token
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from interlock._errors import FlowError, listed, suggest
from interlock._tasks import Constant, Edge, ParameterTask, Task, building, collect, unmapped

if TYPE_CHECKING:
    from interlock._plan import Plan
    from interlock.states import State


class Flow:
    """Tasks and the edges between them.

    Inside `with Flow("name") as flow:`, calling a task adds it. Building a flow runs nothing; `flow.run()` does.

    Args:
        name: how it is called.
        tasks: tasks that it has from the start.
        reference_tasks: the tasks whose states decide how the flow ends; those with no downstream task otherwise.

    Raises:
        FlowError: an argument has no meaning.
    """

    def __init__(
        self, name: str, *, tasks: Iterable[Task] = (), reference_tasks: Iterable[object] | None = None
    ) -> None:
        if not isinstance(name, str) or not name:
            raise FlowError(f"Flow: {name!r} is no name; give a text, as in Flow('nightly')")
        self.name = name
        self.constants: dict[Task, dict[str, Any]] = {}
        """By task: arguments that are known already. Any: they are the user's."""
        self._up: dict[Task, dict[object, Edge]] = {}
        """By task: the edges that end in it, by argument, or by upstream task where an edge gives none."""
        self._down: dict[Task, list[Edge]] = {}
        self._slugs: dict[str, Task] = {}
        self._numbers: dict[str, int] = {}
        self._references: tuple[Task, ...] | None = None
        self._plan: Plan | None = None
        self._entered: list[Token[Flow | None]] = []
        for task in tasks:
            self.add_task(task)
        if reference_tasks is not None:
            self.set_reference_tasks(reference_tasks)

    # Building

    def __enter__(self) -> Self:
        self._entered.append(building.set(self))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        building.reset(self._entered.pop())

    def add_task(self, task: object) -> Task:
        """Add a task; one that the flow has already is left as it is.

        Raises:
            FlowError: it is no task, or another task of the flow has its slug.
        """
        if not isinstance(task, Task):
            raise FlowError(f"flow {self.name!r}: {task!r} is no task; make one with @task")
        if task in self._up:
            return task
        slug = task.slug if task.slug is not None else self._slug(task.name)
        if slug in self._slugs:
            raise FlowError(f"flow {self.name!r}: two tasks with the slug {slug!r}; a slug is for one task")
        self._slugs[slug] = task
        task.slug = slug
        self._up[task], self._down[task] = {}, []
        self._plan = None
        return task

    def _slug(self, name: str) -> str:
        while True:
            number = self._numbers[name] = self._numbers.get(name, 0) + 1
            if (slug := f"{name}-{number}") not in self._slugs:
                return slug

    def add_edge(self, upstream: object, downstream: object, key: str | None = None, mapped: bool = False) -> Edge:
        """Let one task be over before another, and give its result as the argument `key`, if one is named.

        Raises:
            FlowError: the argument is unknown, or has a source already.
        """
        upstream, downstream = self.add_task(upstream), self.add_task(downstream)
        edge = Edge(upstream, downstream, key, mapped)
        if key is not None:
            self._free(downstream, key)
        elif upstream in self._up[downstream]:
            return edge
        self._up[downstream][upstream if key is None else key] = edge
        self._down[upstream].append(edge)
        self._plan = None
        return edge

    def _free(self, task: Task, key: str) -> None:
        parameters = task.signature.parameters
        if key not in parameters and not any(p.kind is p.VAR_KEYWORD for p in parameters.values()):
            raise FlowError(f"task {task.name!r}: has no argument {key!r}.{suggest(key, parameters)}")
        if key in self.constants.get(task, {}) or key in self._up[task]:
            raise FlowError(f"task {task.name!r}: argument {key!r} has a source already")

    def set_dependencies(
        self,
        task: object,
        upstream_tasks: Iterable[object] | None = None,
        downstream_tasks: Iterable[object] | None = None,
        keyword_tasks: Mapping[str, Any] | None = None,
        mapped: bool = False,
    ) -> None:
        """Set what a task waits for, what waits for it, and its arguments: tasks, values, or collections of both.

        Any: arguments are the user's.
        """
        task = self.add_task(task)
        for name, given in (("upstream_tasks", upstream_tasks), ("downstream_tasks", downstream_tasks)):
            if isinstance(given, Task):
                raise FlowError(f"task {task.name!r}: {name}={given!r} is one task; give a list such as [{given.name}]")
        for other in upstream_tasks or ():
            self._depend(task, other, None, mapped and not isinstance(other, unmapped | Task))
        for downstream in downstream_tasks or ():
            self.add_edge(task, downstream)
        for key, value in (keyword_tasks or {}).items():
            self._depend(task, value, key, mapped)

    def _depend(self, task: Task, value: Any, key: str | None, mapped: bool) -> None:
        if isinstance(value, unmapped):
            value, mapped = value.value, False
        if isinstance(value, Task):
            self.add_edge(value, task, key, mapped)
        elif (collection := collect(value)) is not None:
            made, items = collection
            for name, item in items.items():
                self.add_edge(item, made, name)
            self.add_edge(made, task, key, mapped)
        elif mapped:
            self.add_edge(Constant(value), task, key, mapped=True)
        elif key is None:
            raise FlowError(f"task {task.name!r}: {value!r} is no task, so it cannot come before one")
        else:
            self._free(task, key)
            self.constants.setdefault(task, {})[key] = value
            self._plan = None

    # Reading

    @property
    def tasks(self) -> tuple[Task, ...]:
        """The tasks, in the order in which they were added."""
        return tuple(self._up)

    @property
    def edges(self) -> tuple[Edge, ...]:
        """The edges, by downstream task."""
        return tuple(edge for edges in self._up.values() for edge in edges.values())

    def edges_to(self, task: object) -> tuple[Edge, ...]:
        """Return the edges that end in a task."""
        return tuple(self._up[self._own(task)].values())

    def edges_from(self, task: object) -> tuple[Edge, ...]:
        """Return the edges that begin in a task."""
        return tuple(self._down[self._own(task)])

    def upstream_tasks(self, task: object) -> tuple[Task, ...]:
        """Return the tasks that must be over before a task."""
        return tuple(dict.fromkeys(edge.upstream for edge in self.edges_to(task)))

    def downstream_tasks(self, task: object) -> tuple[Task, ...]:
        """Return the tasks that wait for a task."""
        return tuple(dict.fromkeys(edge.downstream for edge in self.edges_from(task)))

    def root_tasks(self) -> tuple[Task, ...]:
        """Return the tasks that wait for none."""
        return tuple(task for task, edges in self._up.items() if not edges)

    def terminal_tasks(self) -> tuple[Task, ...]:
        """Return the tasks that none waits for."""
        return tuple(task for task, edges in self._down.items() if not edges)

    def reference_tasks(self) -> tuple[Task, ...]:
        """Return the tasks whose states decide how the flow ends."""
        return self._references if self._references is not None else self.terminal_tasks()

    def set_reference_tasks(self, tasks: Iterable[object]) -> None:
        """Let the states of these tasks decide how the flow ends.

        Raises:
            FlowError: there are none, or one is not in the flow.
        """
        chosen = tuple(self._own(task) for task in tasks)
        if not chosen:
            raise FlowError(f"flow {self.name!r}: reference tasks are none; name one, or leave it to those at the end")
        self._references = chosen
        self._plan = None

    def parameters(self) -> tuple[ParameterTask, ...]:
        """Return the parameters."""
        return tuple(task for task in self._up if isinstance(task, ParameterTask))

    def get_task(self, slug: str) -> Task:
        """Return the task with a slug.

        Raises:
            FlowError: there is none.
        """
        if slug not in self._slugs:
            raise FlowError(f"flow {self.name!r}: no task has the slug {slug!r}.{suggest(slug, self._slugs)}")
        return self._slugs[slug]

    def get_tasks(self, name: str | None = None, tags: Iterable[str] = ()) -> tuple[Task, ...]:
        """Return the tasks with a name and with all of some tags."""
        wanted = frozenset(tags)
        return tuple(t for t in self._up if (name is None or t.name == name) and wanted <= t.tags)

    def sorted_tasks(self) -> tuple[Task, ...]:
        """Return the tasks so that each stands behind those that it waits for.

        Raises:
            FlowError: tasks wait for each other in a circle.
        """
        missing = {task: len(edges) for task, edges in self._up.items()}
        found = [task for task, count in missing.items() if not count]
        for task in found:
            for edge in self._down[task]:
                missing[edge.downstream] -= 1
                if not missing[edge.downstream]:
                    found.append(edge.downstream)
        if len(found) < len(missing):
            left = [task.name for task, count in missing.items() if count]
            raise FlowError(
                f"flow {self.name!r}: tasks wait for each other in a circle, among them: {listed(left[:5])}"
            )
        return tuple(found)

    def _own(self, task: object) -> Task:
        if not isinstance(task, Task) or task not in self._up:
            raise FlowError(
                f"flow {self.name!r}: {task!r} is not in it; a call of a task adds a copy: use what it returns"
            )
        return task

    def __contains__(self, task: object) -> bool:
        return task in self._up

    def __iter__(self) -> Iterator[Task]:
        return iter(self._up)

    def __len__(self) -> int:
        return len(self._up)

    def __repr__(self) -> str:
        return f"<Flow: {self.name}, {len(self._up)} tasks>"

    # Running

    def run(
        self,
        parameters: Mapping[str, Any] | None = None,
        *,
        context: Mapping[str, Any] | None = None,
        plugins: Any = None,
        **more: Any,
    ) -> State:
        """Run the flow here and now, and return the state in which it rests.

        Its `result` has the state of each task: `flow.run().result[task]`. A flow in which nothing can go on until a
        person acts rests in `Paused`; `resume` goes on from there.

        Args:
            parameters: values for the flow's parameters. Any: they are the user's.
            context: further keys of `interlock.context`.
            plugins: `Plugins`, or a list of plugin objects. Any: as for `Run`.
            **more: parameters by name.

        Raises:
            FlowError: a parameter is missing or unknown, or the flow is still being built.
        """
        from interlock import _inline

        return _inline.run(self, {**(parameters or {}), **more}, context or {}, plugins)

    def resume(self, state: State, tasks: Iterable[object] | None = None, *, plugins: Any = None) -> State:
        """Go on from a state in which the flow rested, and return the next one.

        No task run that is over is run again; budgets and turns go on where they stood.

        Args:
            state: what `run` or an earlier `resume` returned; it may come from another process.
            tasks: the paused tasks, or their slugs, that may go on; all of them otherwise.
            plugins: as for `run`.

        Raises:
            FlowError: the state is not of this flow, does not rest, or a task named is not paused.
        """
        from interlock import _inline

        return _inline.resume(self, state, tasks, plugins)
