"""Resources: something that is set up before some tasks and cleaned up behind them, however they end."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Any, overload

from interlock._edges import Edge, building, inside
from interlock._errors import FlowError
from interlock._graph import Graph
from interlock._tasks import FunctionTask, Task
from interlock._values import Constant, ParameterTask
from interlock.signals import SKIP, TRIGGERFAIL
from interlock.states import State


def resource_cleanup_trigger(upstreams: Mapping[Edge, State]) -> bool:
    """Say yes once all upstreams are over, if there is something to clean up; skip otherwise."""
    if not all(state.is_finished() for state in upstreams.values()):
        raise TRIGGERFAIL("Trigger 'resource_cleanup_trigger' says no: not every upstream run is over")
    for edge, state in upstreams.items():
        if edge.key is not None and (state.is_skipped() or not state.is_successful()):
            raise SKIP(f"There is nothing to clean up: {edge.upstream.name} ended in {state!r}")
    return True


class _Cleanup(Task):
    tidies = True

    def run(self, manager: Any, resource: Any) -> Any:
        return manager.cleanup(resource)


class Resource:
    """The block of one resource: its tasks start behind the setup, and the cleanup behind them all.

    Any: what a resource is, is the user's.
    """

    def __init__(self, manager: ResourceManager, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        self._manager = manager
        self._args, self._kwargs = args, kwargs
        self._stack = contextlib.ExitStack()
        self._tasks: list[Task] = []

    def __enter__(self) -> Any:
        name, kind = self._manager.name, self._manager.kind
        flow = building.get()
        if flow is None:
            raise FlowError(f"{name}: no flow is being built; write `with {name}(...):` inside `with Flow(...):`")
        self._flow: Graph = flow
        manager = self._manager
        self._made: Task = FunctionTask(kind, **{"name": name, "checkpoint": False, **manager.made})
        self._made.bind(*self._args, **self._kwargs)
        setup = {"name": f"{name}.setup", "checkpoint": False, **manager.setup}
        self._setup: Task = FunctionTask(lambda manager: manager.setup(), **setup)
        self._setup.bind(self._made)
        usual: dict[str, Any] = {"trigger": resource_cleanup_trigger, "skip_on_upstream_skip": False}
        self._cleanup = _Cleanup(**{"name": f"{name}.cleanup", **usual, **manager.cleanup})
        self._cleanup.bind(self._made, self._setup)
        self._tasks = []
        self._stack.enter_context(inside(self))
        return self._setup

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()
        if error is not None:
            return
        own = set(self._tasks)
        for task in self._tasks:
            if own.isdisjoint(self._flow.upstream_tasks(task)):
                self._flow.add_edge(self._setup, task)
            if own.isdisjoint(self._flow.downstream_tasks(task)):
                self._flow.add_edge(task, self._cleanup)

    def added(self, task: Task, flow: Graph) -> None:
        """Take note of a task that was added in the block."""
        if flow is self._flow and not isinstance(task, Constant | ParameterTask):
            self._tasks.append(task)

    def is_mapped(self, upstream: Task, downstream: Task) -> bool:
        """Return False: a resource maps nothing."""
        return False


class ResourceManager:
    """What `resource_manager` makes of a class: calling it in a flow gives a `with` block."""

    def __init__(
        self, kind: type[Any], name: str | None = None, options: Sequence[Mapping[str, Any] | None] = (None,) * 3
    ) -> None:
        self.kind = kind
        self.made, self.setup, self.cleanup = ({**(given or {})} for given in options)
        """Options of the three tasks. Any: as `task` takes them."""
        self.name = name or kind.__name__
        self.__doc__ = kind.__doc__

    def __call__(self, *args: Any, **kwargs: Any) -> Resource:
        """Return the block: `with Cluster(size) as cluster:`. Any: as the class takes them, tasks too."""
        return Resource(self, args, kwargs)


@overload
def resource_manager(kind: type[Any], /) -> ResourceManager: ...
@overload
def resource_manager(
    *,
    name: str | None = None,
    init_task_kwargs: Mapping[str, Any] | None = None,
    setup_task_kwargs: Mapping[str, Any] | None = None,
    cleanup_task_kwargs: Mapping[str, Any] | None = None,
) -> Callable[[type[Any]], ResourceManager]: ...
def resource_manager(
    kind: type[Any] | None = None,
    /,
    *,
    name: str | None = None,
    init_task_kwargs: Mapping[str, Any] | None = None,
    setup_task_kwargs: Mapping[str, Any] | None = None,
    cleanup_task_kwargs: Mapping[str, Any] | None = None,
) -> Any:
    """Make resources from a class with `setup()` and `cleanup(resource)`: `@resource_manager`, or with options.

    The class is called with the block's arguments when the flow runs; what its `setup` returns is the resource.
    Any: the overloads give the types; options are as `task` takes them.

    Args:
        kind: the class.
        name: how it is called; the class's name otherwise.
        init_task_kwargs: options of the task that makes an object of the class.
        setup_task_kwargs: options of the task that calls `setup`.
        cleanup_task_kwargs: options of the task that calls `cleanup`.

    Raises:
        FlowError: it is no such class.
    """

    def decorate(kind: type[Any]) -> ResourceManager:
        for method in ("setup", "cleanup"):
            if not (isinstance(kind, type) and callable(getattr(kind, method, None))):
                needs = "it needs setup() and cleanup(resource)"
                raise FlowError(f"resource_manager: {kind!r} has no method {method!r}; {needs}")
        return ResourceManager(kind, name, (init_task_kwargs, setup_task_kwargs, cleanup_task_kwargs))

    return decorate if kind is None else decorate(kind)
