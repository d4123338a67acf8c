"""Tasks and the edges between them: what a flow is before anything runs."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Self

from interlock._edges import Edge, annotated, blocks
from interlock._errors import FlowError, suggest
from interlock._order import Order
from interlock._tasks import Task
from interlock._values import Constant, ParameterTask, collect

if TYPE_CHECKING:
    from interlock._plan import Plan


class Graph:
    """Tasks and the edges between them; no edge may close a circle."""

    name: str
    constants: dict[Task, dict[str, Any]]
    """By task: arguments that are known already. Any: they are the user's."""

    def __init__(self) -> None:
        self.constants = {}
        self._up: dict[Task, dict[object, Edge]] = {}
        """By task: the edges that end in it, by argument, or by upstream task where an edge gives none."""
        self._down: dict[Task, list[Edge]] = {}
        self._slugs: dict[str, Task] = {}
        self._numbers: dict[str, int] = {}
        self._references: tuple[Task, ...] | None = None
        self._plan: Plan | None = None
        self._order = Order(self._before, self._behind)

    def __getstate__(self) -> dict[str, Any]:
        # The order is a linked list, which pickle would follow link by link until the stack is used up.
        return {**self.__dict__, "_order": None, "_plan": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._order = Order(self._before, self._behind)
        for task in self.sorted_tasks():
            self._order.add(task)

    def _before(self, task: Task) -> Iterator[Task]:
        return (edge.upstream for edge in self._up[task].values())

    def _behind(self, task: Task) -> Iterator[Task]:
        return (edge.downstream for edge in self._down[task])

    # Building

    def add_task(self, task: object) -> Task:
        """Add a task; one that the flow has already is left as it is.

        Raises:
            FlowError: it is no task, or another task of the flow has its slug.
        """
        if not isinstance(task, Task):
            raise FlowError(f"flow {self.name!r}: {task!r} is no task; make one with @task")
        if task in self._up:
            return task
        slug = task._given_slug or task.slug
        if slug is None or (slug in self._slugs and not task._given_slug):  # or of another flow
            slug = self._slug(task.name)
        if slug in self._slugs:
            raise FlowError(f"flow {self.name!r}: two tasks with the slug {slug!r}; a slug is for one task")
        self._slugs[slug] = task
        if task.slug is None:
            task.slug = slug
        self._up[task], self._down[task] = {}, []
        self._order.add(task)
        self._plan = None
        for block in reversed(blocks.get()):
            block.added(task, self)
        return task

    def _slug(self, name: str) -> str:
        while True:
            number = self._numbers[name] = self._numbers.get(name, 0) + 1
            if (slug := f"{name}-{number}") not in self._slugs:
                return slug

    def add_edge(
        self,
        upstream_task: object,
        downstream_task: object,
        key: str | None = None,
        mapped: bool = False,
        flattened: bool = False,
    ) -> Edge:
        """Let one task be over before another, and give its result as the argument `key`, if one is named.

        Args:
            upstream_task: the task that comes first.
            downstream_task: the task that waits.
            key: the argument of the downstream task.
            mapped: whether each child of the downstream task takes one element.
            flattened: whether one level of nesting is taken out of the result first.

        Raises:
            FlowError: the argument is unknown, or has a source already, or the edge would close a circle.
        """
        upstream, downstream = self.add_task(upstream_task), self.add_task(downstream_task)
        if isinstance(downstream, ParameterTask | Constant):
            raise FlowError(f"flow {self.name!r}: {downstream!r} waits for nothing; it is there from the start")
        edge = Edge(upstream, downstream, key, mapped, flattened)
        if key is not None:
            self._free(downstream, key)
        elif (present := self._up[downstream].get(upstream)) is not None:
            return present
        if circle := self._order.connect(upstream, downstream):
            names = " -> ".join(str(task.slug) for task in [*circle, circle[0]])
            raise FlowError(f"flow {self.name!r}: this edge would close a circle: {names}")
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

    def chain(self, *tasks: Task) -> list[Task]:
        """Let each of some tasks be over before the next one, and return them."""
        for upstream, downstream in itertools.pairwise(tasks):
            self.add_edge(upstream, downstream)
        return [self.add_task(task) for task in tasks]

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
            self._depend(task, other, None, mapped and (not isinstance(other, Task) or self._has_children(other)))
        for downstream in downstream_tasks or ():
            self.add_edge(task, downstream)
        for key, value in (keyword_tasks or {}).items():
            self._depend(task, value, key, mapped)

    def _depend(self, task: Task, value: Any, key: str | None, mapped: bool) -> None:
        value, said, flattened = annotated(value)
        mapped = mapped if said is None else said
        if not isinstance(value, Task) and (collection := collect(value)) is not None:
            value, items = collection
            for name, item in items.items():
                self.add_edge(item, value, name, self._by_block(item, value))
        if isinstance(value, Task):
            mapped = mapped or (said is None and self._by_block(value, task))
            self.add_edge(value, task, key, mapped, flattened)
        elif mapped or flattened:
            self.add_edge(Constant(value), task, key, mapped, flattened)
        elif key is None:
            raise FlowError(f"task {task.name!r}: {value!r} is no task, so it cannot come before one")
        else:
            self._free(task, key)
            self.constants.setdefault(task, {})[key] = value
            self._plan = None

    def _has_children(self, task: Task) -> bool:
        return any(edge.mapped for edge in self._up.get(task, {}).values())

    def _by_block(self, upstream: Task, downstream: Task) -> bool:
        return any(block.is_mapped(upstream, downstream) for block in blocks.get())

    def update(self, other: Graph, merge_parameters: bool = False) -> None:
        """Add the tasks and edges of another flow.

        Args:
            other: the other flow; it stays as it is.
            merge_parameters: whether a parameter that both have is this flow's.

        Raises:
            FlowError: both have a task with one slug, or a parameter with one name.
        """
        if not isinstance(other, Graph):
            raise FlowError(f"flow {self.name!r}: update needs a flow, not {other!r}")
        own = {parameter.name: parameter for parameter in self.parameters()} if merge_parameters else {}
        place = {task: own.get(task.name, task) if isinstance(task, ParameterTask) else task for task in other.tasks}
        for task in place.values():
            self.add_task(task)
        for edge in other.edges:
            self.add_edge(place[edge.upstream], place[edge.downstream], edge.key, edge.mapped, edge.flattened)
        for task, values in other.constants.items():
            self.constants.setdefault(place[task], {}).update(values)
        self._plan = None

    def replace(self, old: Task, new: Task) -> None:
        """Put one task in the place of another, with all its edges and constants.

        Raises:
            FlowError: the old task is not in the flow, the new one is, or its arguments are others.
        """
        self._own(old)
        if new in self:
            raise FlowError(f"flow {self.name!r}: {new!r} is in it already")
        for key in [*self.constants.get(old, {}), *(edge.key for edge in self._up[old].values())]:
            if key is not None and key not in new.signature.parameters:
                names = new.signature.parameters
                raise FlowError(
                    f"task {new.name!r}: has no argument {key!r}, which {old.name!r} has.{suggest(key, names)}"
                )
        edges, constants, references = self.edges, dict(self.constants), self._references
        tasks = [new if task is old else task for task in self._up]
        name, numbers = self.name, self._numbers
        Graph.__init__(self)
        self.name, self._numbers = name, numbers
        for task in tasks:
            self.add_task(task)
        for edge in edges:
            up, down = (new if end is old else end for end in (edge.upstream, edge.downstream))
            self.add_edge(up, down, edge.key, edge.mapped, edge.flattened)
        self.constants = {new if task is old else task: values for task, values in constants.items()}
        self._references = None if references is None else tuple(new if t is old else t for t in references)

    def copy(self) -> Self:
        """Return another flow of the same tasks and edges."""
        twin = type(self).__new__(type(self))
        twin.__dict__.update(self.__dict__)
        Graph.__init__(twin)
        twin.update(self)
        twin._references, twin._numbers = self._references, dict(self._numbers)
        return twin

    def set_reference_tasks(self, tasks: Iterable[object]) -> None:
        """Let the states of these tasks decide how the flow ends.

        Raises:
            FlowError: there are none, or one is not in the flow.
        """
        if isinstance(tasks, Task):
            raise FlowError(f"flow {self.name!r}: {tasks!r} is one task; give a list such as [{tasks.name}]")
        chosen = tuple(self._own(task) for task in tasks)
        if not chosen:
            raise FlowError(f"flow {self.name!r}: reference tasks are none; name one, or leave it to those at the end")
        self._references = chosen
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

    @property
    def slugs(self) -> dict[Task, str]:
        """What identifies each task."""
        return {task: slug for slug, task in self._slugs.items()}

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
        """Return the tasks whose states decide how the flow ends: those at the end, but for what only cleans up."""
        if self._references is not None:
            return self._references
        return tuple(
            task
            for task, edges in self._down.items()
            if not task.tidies and all(edge.downstream.tidies for edge in edges)
        )

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

    def get_tasks(
        self,
        name: str | None = None,
        slug: str | None = None,
        tags: Iterable[str] = (),
        task_type: type[Task] = Task,
    ) -> tuple[Task, ...]:
        """Return the tasks with a name, a slug, all of some tags, and of a class, as far as these are given."""
        wanted = frozenset(tags)
        return tuple(
            task
            for task in self._up
            if (name is None or task.name == name)
            and (slug is None or self._slugs.get(slug) is task)
            and wanted <= task.tags
            and isinstance(task, task_type)
        )

    def sorted_tasks(self) -> tuple[Task, ...]:
        """Return the tasks so that each stands behind those that it waits for."""
        missing = {task: len(edges) for task, edges in self._up.items()}
        found = [task for task, count in missing.items() if not count]
        for task in found:
            for edge in self._down[task]:
                missing[edge.downstream] -= 1
                if not missing[edge.downstream]:
                    found.append(edge.downstream)
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
