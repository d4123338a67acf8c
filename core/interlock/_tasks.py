"""Tasks: what a flow author writes, before anything runs."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from contextvars import ContextVar
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Generic, ParamSpec, Self, TypeVar, overload

import attrs

from interlock._errors import FlowError
from interlock._options import count, delay, exceptions, text
from interlock.triggers import Trigger, all_successful

if TYPE_CHECKING:
    from interlock._flow import Flow

P = ParamSpec("P")
R = TypeVar("R")

building: ContextVar[Flow | None] = ContextVar("interlock.building", default=None)
"""The flow whose `with` block is being run."""

RESERVED = ("upstream_tasks", "mapped", "flow")


@attrs.frozen
class Edge:
    """An upstream and a downstream task; `key` is the argument that takes the upstream's result, if one does."""

    upstream: Task
    downstream: Task
    key: str | None = None
    mapped: bool = False

    def __repr__(self) -> str:
        kind = "=> each of" if self.mapped else "->"
        return f"<Edge: {self.upstream.name} {kind} {self.downstream.name}{f'({self.key})' if self.key else ''}>"


@attrs.frozen
class unmapped:  # it reads as an adverb: f.map(xs, unmapped(y))
    """Marks an argument of `map` that every child takes whole. Any: arguments are the user's."""

    value: Any


class Task:
    """A piece of work. Subclass it with a `run` method, or decorate a function with `task`.

    Calling a task inside a flow adds a copy of it to the flow.

    Args:
        name: how it is called; the class's name otherwise.
        slug: what identifies it in its flow; a name and a number otherwise.
        tags: words to find it by.
        max_retries: further attempts that failures are given.
        retry_delay: seconds, or a timedelta, between a failure and the next attempt.
        retry_on: exception classes that are retried; all otherwise.
        retry_limit: further attempts that `RETRY` is given.
        max_turns: turns that `LOOP` is given; as many as it likes otherwise.
        trigger: what the upstreams' states must be.
        skip_on_upstream_skip: whether the task is skipped when an upstream was, and none failed.

    Raises:
        FlowError: an argument has no meaning.
    """

    def __init__(
        self,
        name: str | None = None,
        *,
        slug: str | None = None,
        tags: Iterable[str] = (),
        max_retries: int = 0,
        retry_delay: float | timedelta = 0.0,
        retry_on: type[BaseException] | Sequence[type[BaseException]] | None = None,
        retry_limit: int = 1000,
        max_turns: float = float("inf"),
        trigger: Trigger = all_successful,
        skip_on_upstream_skip: bool = True,
    ) -> None:
        self.name = type(self).__name__ if name is None else text("name", name)
        self.slug = self._given_slug = None if slug is None else text("slug", slug)
        if isinstance(tags, str):
            raise FlowError(f"task {self.name!r}: tags={tags!r} is one text; give a list such as [{tags!r}]")
        self.tags = frozenset(tags)
        self.max_retries = count(self.name, "max_retries", max_retries)
        self.retry_limit = count(self.name, "retry_limit", retry_limit)
        self.max_turns = max_turns if max_turns == float("inf") else count(self.name, "max_turns", max_turns, 1)
        self.retry_delay = delay(self.name, retry_delay)
        self.retry_on = exceptions(self.name, retry_on)
        if not callable(trigger):
            raise FlowError(f"task {self.name!r}: trigger={trigger!r} cannot be called; see interlock.triggers")
        self.trigger = trigger
        self.skip_on_upstream_skip = skip_on_upstream_skip
        self.signature = self._signature()

    def run(self, *args: Any, **kwargs: Any) -> Any:
        """Do the work. Any: each task has its own arguments and result."""
        raise NotImplementedError(f"task {self.name!r} has no run method")

    def _signature(self) -> inspect.Signature:
        try:
            signature = inspect.signature(self.run)
        except (TypeError, ValueError):
            raise FlowError(f"task {self.name!r}: {self.run!r} does not tell its arguments; wrap it in a def") from None
        if getattr(self.run, "__func__", None) is Task.run:
            return signature  # of a task that only stands for others
        for parameter in signature.parameters.values():
            if parameter.kind is parameter.VAR_POSITIONAL:
                raise FlowError(
                    f"task {self.name!r}: *{parameter.name} cannot be named by an edge; take a list instead"
                )
            if parameter.kind is parameter.POSITIONAL_ONLY:
                raise FlowError(f"task {self.name!r}: {parameter.name!r} is positional only; edges go by name")
            if parameter.name in RESERVED:
                raise FlowError(
                    f"task {self.name!r}: an argument may not be called {parameter.name!r}; calling uses it"
                )
        return signature

    def copy(self) -> Self:
        """Return another task that does the same."""
        twin = copy.copy(self)
        twin.slug = twin._given_slug
        return twin

    def __call__(
        self,
        *args: Any,
        upstream_tasks: Iterable[object] | None = None,
        mapped: bool = False,
        flow: Flow | None = None,
        **kwargs: Any,
    ) -> Any:
        """Add a copy of the task to a flow and return it. Any: arguments and result are the task's own.

        Args:
            *args: values, tasks whose results are taken, or collections of both.
            **kwargs: the same, by name.
            upstream_tasks: tasks that must be over before, without giving a result.
            mapped: make a child for each element of the arguments; see `map`.
            flow: the flow, where it is not the one whose `with` block this is in.
        """
        return self.copy().bind(*args, upstream_tasks=upstream_tasks, mapped=mapped, flow=flow, **kwargs)

    def bind(
        self,
        *args: Any,
        upstream_tasks: Iterable[object] | None = None,
        mapped: bool = False,
        flow: Flow | None = None,
        **kwargs: Any,
    ) -> Self:
        """Add this very task to a flow, and return it. Arguments as for a call; Any: they are the task's own.

        Raises:
            FlowError: no flow is being built, or the arguments do not fit `run`.
        """
        flow = flow if flow is not None else building.get()
        if flow is None:
            raise FlowError(
                f"task {self.name!r} was called outside of a flow; call it inside `with Flow(...):`, "
                f"or its function by {self.name}.run(...)"
            )
        try:
            bound = self.signature.bind(*args, **kwargs).arguments
        except TypeError as error:
            raise FlowError(f"task {self.name!r}: {error}; its run takes {self.signature}") from None
        arguments: dict[str, Any] = {}
        for name, value in bound.items():
            if self.signature.parameters[name].kind is inspect.Parameter.VAR_KEYWORD:
                arguments.update(value)
            else:
                arguments[name] = value
        flow.set_dependencies(self, upstream_tasks=upstream_tasks, keyword_tasks=arguments, mapped=mapped)
        return self

    def map(
        self, *args: Any, upstream_tasks: Iterable[object] | None = None, flow: Flow | None = None, **kwargs: Any
    ) -> Any:
        """Add a copy that makes a child for each element of its arguments, to the shortest of them.

        Arguments in `unmapped(...)` go whole to each child. Any: arguments and result are the task's own.
        """
        return self(*args, upstream_tasks=upstream_tasks, mapped=True, flow=flow, **kwargs)

    def set_upstream(
        self, task: object, flow: Flow | None = None, key: str | None = None, mapped: bool = False
    ) -> None:
        """Let another task be over before this one."""
        target = flow if flow is not None else building.get()
        if target is None:
            raise FlowError(f"task {self.name!r}: set_upstream needs a flow; call it inside `with Flow(...):`")
        keyed = {key: task} if key is not None else None
        target.set_dependencies(self, upstream_tasks=None if keyed else [task], keyword_tasks=keyed, mapped=mapped)

    def __repr__(self) -> str:
        return f"<Task: {self.name}>"


class FunctionTask(Task, Generic[P, R]):
    """A task made from a function. To a type checker a call of it has the function's types."""

    def __init__(self, function: Callable[P, Any], name: str | None = None, **options: Any) -> None:
        if not callable(function):
            raise FlowError(f"task: {function!r} is no function")
        self.function = function
        self.run = function  # type: ignore[method-assign]  # the function is the work, without a frame of ours around it
        super().__init__(name or getattr(function, "__name__", type(function).__name__), **options)
        self.__doc__ = function.__doc__
        self.__wrapped__ = function

    if TYPE_CHECKING:
        # In a flow a call returns the task, and stands for its result: tasks fit together where their values do.
        def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R: ...  # type: ignore[override]
        # object: an element of each argument goes to each child, which ParamSpec cannot say.
        def map(self, *args: object, **kwargs: object) -> list[R]: ...


@overload
def task(function: Callable[P, Coroutine[Any, Any, R]], /) -> FunctionTask[P, R]: ...
@overload
def task(function: Callable[P, R], /) -> FunctionTask[P, R]: ...
@overload
def task(
    *,
    name: str | None = None,
    slug: str | None = None,
    tags: Iterable[str] = (),
    max_retries: int = 0,
    retry_delay: float | timedelta = 0.0,
    retry_on: type[BaseException] | Sequence[type[BaseException]] | None = None,
    retry_limit: int = 1000,
    max_turns: float = float("inf"),
    trigger: Trigger = all_successful,
    skip_on_upstream_skip: bool = True,
) -> Decorator: ...
def task(function: Callable[..., Any] | None = None, /, **options: Any) -> Any:
    """Make a task from a function: `@task` or `@task(max_retries=3)`. The options are those of `Task`.

    Any: the overloads give the types.
    """
    if function is None:
        return lambda function: FunctionTask(function, **options)
    return FunctionTask(function, **options)


class Decorator:
    """What `task(...)` with options returns, to a type checker."""

    @overload
    def __call__(self, function: Callable[P, Coroutine[Any, Any, R]], /) -> FunctionTask[P, R]: ...
    @overload
    def __call__(self, function: Callable[P, R], /) -> FunctionTask[P, R]: ...
    def __call__(self, function: Callable[..., Any], /) -> Any:
        """Make the task. Any: the overloads give the types."""
        raise NotImplementedError


_REQUIRED = object()


class ParameterTask(Task):
    """A value that a flow is run with: what `Parameter` makes.

    Args:
        name: how `flow.run` and the command line call it.
        default: what it is where nothing is given; without one it must be given. Any: the user's.
        required: whether it must be given though it has a default.
        tags: words to find it by.
    """

    def __init__(
        self, name: str, default: Any = _REQUIRED, *, required: bool | None = None, tags: Iterable[str] = ()
    ) -> None:
        if not isinstance(name, str) or not name:
            raise FlowError(f"Parameter: {name!r} is no name")
        self.required = default is _REQUIRED if required is None else required
        self.default = None if default is _REQUIRED else default
        super().__init__(name, slug=name, tags=tags)

    def run(self) -> Any:
        """Return the value that the flow runs with. Any: the user's."""
        from interlock._context import context

        return context["parameters"][self.name]

    def copy(self) -> Self:
        """Return the same parameter: there is one of a name in a flow."""
        return self

    def __repr__(self) -> str:
        return f"<Parameter: {self.name}>"


if TYPE_CHECKING:
    # In a flow a parameter stands for its value, as the call of a task stands for its result.
    @overload
    def Parameter(name: str, *, required: bool | None = None, tags: Iterable[str] = ()) -> Any: ...
    @overload
    def Parameter(name: str, default: R, *, required: bool | None = None, tags: Iterable[str] = ()) -> R: ...
    def Parameter(name: str, default: Any = None, *, required: bool | None = None, tags: Iterable[str] = ()) -> Any: ...
else:
    Parameter = ParameterTask


class Constant(Task):
    """A value that is known when the flow is built. Any: the user's."""

    def __init__(self, value: Any, name: str | None = None) -> None:
        self.value = value
        super().__init__(name or type(value).__name__)

    def run(self) -> Any:
        """Return the value. Any: the user's."""
        return self.value


class Collection(Task):
    """A list, tuple, set or dict, nested as it may be, some of whose items are tasks. Any: the items are the user's."""

    def __init__(self, template: Any) -> None:
        self.template = template
        super().__init__(type(template).__name__.capitalize())

    def run(self, **items: Any) -> Any:
        """Return the collection with the tasks' results in their places."""
        return _filled(self.template, items)


@attrs.frozen
class Slot:
    """The place of a task's result in a collection."""

    key: str


def collect(value: Any) -> tuple[Collection, dict[str, Task]] | None:
    """Return a task that puts a collection together, and the tasks in it by key; None where there are none in it."""
    tasks: dict[str, Task] = {}
    template = _emptied(value, tasks)
    return (Collection(template), tasks) if tasks else None


def _emptied(value: Any, tasks: dict[str, Task]) -> Any:
    match value:
        case Task():
            key = next((key for key, other in tasks.items() if other is value), f"item_{len(tasks)}")
            tasks[key] = value
            return Slot(key)
        case list() | tuple() | set() | frozenset() if type(value) in (list, tuple, set, frozenset):
            return type(value)(_emptied(item, tasks) for item in value)
        case dict() if type(value) is dict:
            return {_emptied(key, tasks): _emptied(item, tasks) for key, item in value.items()}
        case _:
            return value


def _filled(template: Any, items: Mapping[str, Any]) -> Any:
    match template:
        case Slot(key=key):
            return items[key]
        case list() | tuple() | set() | frozenset() if type(template) in (list, tuple, set, frozenset):
            return type(template)(_filled(item, items) for item in template)
        case dict() if type(template) is dict:
            return {_filled(key, items): _filled(item, items) for key, item in template.items()}
        case _:
            return template
