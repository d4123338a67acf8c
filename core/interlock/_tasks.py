"""Tasks: what a flow author writes, before anything runs."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Generic, ParamSpec, Self, TypeVar, overload

from interlock._edges import building, present_tags, tagged
from interlock._errors import FlowError, suggest
from interlock._operators import Operators
from interlock._options import (
    OPTIONS,
    Delay,
    Handler,
    Kinds,
    Seconds,
    outputs,
    text,
)
from interlock.cache_validators import Validator
from interlock.results import Result
from interlock.triggers import Trigger, all_successful

if TYPE_CHECKING:
    import logging

    from interlock._flow import Flow

P = ParamSpec("P")
R = TypeVar("R")

NO_TAGS: frozenset[str] = frozenset()  # one for all tasks that have none
RESERVED = ("upstream_tasks", "mapped", "flow", "task_args")


class Task(Operators):
    """A piece of work. Subclass it with a `run` method, or decorate a function with `task`.

    Calling a task inside a flow adds a copy of it to the flow.

    Args:
        name: how it is called; the class's name otherwise.
        slug: what identifies it in its flow; a name and a number otherwise.
        tags: words to find it by.
        max_retries: further attempts that failures are given.
        retry_delay: how long to wait between a failure and the next attempt: seconds, a timedelta, a sequence of these
            (one for each retry, the last one for all further), or a callable that is given the number of the retry.
        retry_on: exception classes that are retried; all otherwise.
        retry_limit: further attempts that `RETRY` is given.
        max_turns: turns that `LOOP` is given; as many as it likes otherwise.
        timeout: how long one attempt may take, in seconds or as a timedelta. A body that takes longer is left behind,
            for no thread can be stopped where it stands; its run goes on. An async body is stopped where it waits.
        trigger: what the upstreams' states must be.
        skip_on_upstream_skip: whether the task is skipped when an upstream was, and none failed.
        task_run_name: the name of one run: a template such as "load {table}", or a callable that takes such keys.
        log_stdout: whether what the body prints is logged.
        state_handlers: callables (task, old state, new state) that see each change before it counts, in order; one may
            return another state, or raise a signal, and the signal that leads there is taken, if the table has it.
        on_failure: a callable (task, state) that is told once if the run ends in a failure.
        cache_for: for how long the result serves later flow runs of this process, in seconds or as a timedelta.
        cache_validator: whether a kept result serves; see `interlock.cache_validators`. `all_inputs` otherwise.
        cache_key: what tasks have in common that share their kept results; the flow's name and the slug otherwise.
        result: where results are stored, such as `LocalResult("folder")`; the flow's otherwise. A result that is None
            is not stored.
        target: where the result is stored, and looked for before the start: what is there already serves. A template
            such as "{date:%Y-%m-%d}/{table}.csv", or a callable that takes such keys.
        checkpoint: whether results are stored; they are where there is a `result` or `target`.
        nout: how many results there are, for `a, b = task()`; taken from a `tuple[int, str]` annotation otherwise.

    Raises:
        FlowError: an argument has no meaning.
    """

    gates = False
    """Whether a skip of this task always skips those behind it: it says which branch is taken."""
    tidies = False
    """Whether it only cleans up, so that its end is not the flow's."""

    def __init__(
        self,
        name: str | None = None,
        *,
        slug: str | None = None,
        tags: Iterable[str] = (),
        max_retries: int = 0,
        retry_delay: Delay = 0.0,
        retry_on: Kinds = None,
        retry_limit: int = 1000,
        max_turns: float = float("inf"),
        timeout: Seconds | None = None,
        trigger: Trigger = all_successful,
        skip_on_upstream_skip: bool = True,
        task_run_name: str | Callable[..., str] | None = None,
        log_stdout: bool = False,
        state_handlers: Sequence[Handler] | Handler | None = None,
        on_failure: Callable[[Any, Any], object] | None = None,
        cache_for: Seconds | None = None,
        cache_validator: Validator | None = None,
        cache_key: str | None = None,
        result: Result | None = None,
        target: str | Callable[..., str] | None = None,
        checkpoint: bool | None = None,
        nout: int | None = None,
    ) -> None:
        self.name = type(self).__name__ if name is None else name
        self.slug = self._given_slug = None if slug is None else text("slug", slug)
        self.tags = frozenset(tagged(f"task {self.name!r}", tags) | present_tags.get()) or NO_TAGS
        self.max_retries = max_retries
        self.retry_delay = retry_delay
        self.retry_on: tuple[type[BaseException], ...] | None = retry_on  # type: ignore[assignment]  # made of it
        self.retry_limit = retry_limit
        self.max_turns = max_turns
        self.timeout = timeout
        self.trigger = trigger
        self.skip_on_upstream_skip = skip_on_upstream_skip
        self.task_run_name = task_run_name
        self.log_stdout = log_stdout
        self.state_handlers: list[Handler] = state_handlers  # type: ignore[assignment]  # `__setattr__` makes a list
        self.on_failure = on_failure
        self.cache_for = cache_for
        self.cache_validator = cache_validator
        self.cache_key = cache_key
        self.result: Result | None = result
        self.target = target
        self.checkpoint = checkpoint
        self.nout = outputs(self.name, nout, self.run)
        self.signature = self._signature()

    def __setattr__(self, name: str, value: Any) -> None:
        # Whoever sets an option, in a subclass, a copy or by hand, is told of one that has no meaning. Any: options.
        keeps = OPTIONS.get(name)
        super().__setattr__(
            name, value if keeps is None else keeps(self.__dict__.get("name", type(self).__name__), value)
        )

    @property
    def caching(self) -> int:
        """Whether results are kept for later flow runs: 1 or 0, a limit of the table."""
        return int(self.cache_for is not None)

    @property
    def logger(self) -> logging.Logger:
        """The logger of the task; that of one run is `interlock.context.logger`."""
        import logging

        return logging.getLogger(f"interlock.task.{self.name}")

    def run(self, *args: Any, **kwargs: Any) -> Any:
        """Do the work; a task without any of its own only joins others. Any: arguments and result are its own."""

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

    def copy(self, **options: Any) -> Self:
        """Return another task that does the same, with some attributes changed. Any: they have no common type.

        Raises:
            FlowError: there is no such attribute.
        """
        twin = copy.copy(self)
        twin.slug = twin._given_slug
        twin.state_handlers = self.state_handlers
        for name, value in options.items():
            if name not in vars(self):
                raise FlowError(f"task {self.name!r}: it has no {name!r} to copy.{suggest(name, vars(self))}")
            setattr(twin, name, value)
        if present_tags.get():
            twin.tags |= present_tags.get()
        twin._given_slug = options.get("slug", twin._given_slug)
        return twin

    def __call__(
        self,
        *args: Any,
        upstream_tasks: Iterable[object] | None = None,
        mapped: bool = False,
        flow: Flow | None = None,
        task_args: Mapping[str, Any] | None = None,
        **kwargs: Any,
    ) -> Any:
        """Add a copy of the task to a flow and return it. Any: arguments and result are the task's own.

        Args:
            *args: values, tasks whose results are taken, or collections of both.
            **kwargs: the same, by name.
            upstream_tasks: tasks that must be over before, without giving a result.
            mapped: make a child for each element of the arguments; see `map`.
            flow: the flow, where it is not the one whose `with` block this is in.
            task_args: attributes of the task that the copy has otherwise. Any: as for `copy`.
        """
        return self.copy(**(task_args or {})).bind(
            *args, upstream_tasks=upstream_tasks, mapped=mapped, flow=flow, **kwargs
        )

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
        self,
        *args: Any,
        upstream_tasks: Iterable[object] | None = None,
        flow: Flow | None = None,
        task_args: Mapping[str, Any] | None = None,
        **kwargs: Any,
    ) -> Any:
        """Add a copy that makes a child for each element of its arguments, to the shortest of them.

        Arguments in `unmapped(...)` go whole to each child. Any: arguments and result are the task's own.
        """
        return self(*args, upstream_tasks=upstream_tasks, mapped=True, flow=flow, task_args=task_args, **kwargs)

    def set_upstream(
        self, task: object, flow: Flow | None = None, key: str | None = None, mapped: bool = False
    ) -> None:
        """Let another task be over before this one, and give its result as the argument `key`, if one is named."""
        target = self._flow(flow, "set_upstream")
        keyed = {key: task} if key is not None else None
        target.set_dependencies(self, upstream_tasks=None if keyed else [task], keyword_tasks=keyed, mapped=mapped)

    def set_downstream(
        self, task: Task, flow: Flow | None = None, key: str | None = None, mapped: bool = False
    ) -> None:
        """Let this task be over before another, and give its result as the argument `key`, if one is named."""
        target = self._flow(flow, "set_downstream")
        target.add_task(task).set_upstream(self, target, key, mapped)

    def set_dependencies(
        self,
        flow: Flow | None = None,
        upstream_tasks: Iterable[object] | None = None,
        downstream_tasks: Iterable[object] | None = None,
        keyword_tasks: Mapping[str, Any] | None = None,
        mapped: bool = False,
    ) -> None:
        """Set what this task waits for, what waits for it, and its arguments. Any: as for `Flow.set_dependencies`."""
        target = self._flow(flow, "set_dependencies")
        target.set_dependencies(self, upstream_tasks, downstream_tasks, keyword_tasks, mapped)

    def pipe(self, task: Task, **kwargs: Any) -> Any:
        """Call another task with this one as its first argument: `a.pipe(b, 1).pipe(c)`. Any: as for a call."""
        if not isinstance(task, Task):
            raise FlowError(f"task {self.name!r}: pipe needs a task, not {task!r}")
        return task(self, **kwargs)

    def __or__(self, other: Any) -> Any:
        """Let this task be over before another, and return that one: `a | b | c`."""
        if not isinstance(other, Task):
            return NotImplemented
        other.set_upstream(self)
        return other

    def _flow(self, flow: Flow | None, what: str) -> Flow:
        flow = flow if flow is not None else building.get()
        if flow is None:
            raise FlowError(f"task {self.name!r}: {what} needs a flow; call it inside `with Flow(...):`, or give flow=")
        return flow

    def _made(self, name: str, function: Callable[[Any, Any], Any], x: object, y: object) -> Any:
        return FunctionTask(function, name=name, checkpoint=False).bind(x=x, y=y)

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
    retry_delay: Delay = 0.0,
    retry_on: Kinds = None,
    retry_limit: int = 1000,
    max_turns: float = float("inf"),
    timeout: Seconds | None = None,
    trigger: Trigger = all_successful,
    skip_on_upstream_skip: bool = True,
    task_run_name: str | Callable[..., str] | None = None,
    log_stdout: bool = False,
    state_handlers: Sequence[Handler] | Handler | None = None,
    on_failure: Callable[[Any, Any], object] | None = None,
    cache_for: Seconds | None = None,
    cache_validator: Validator | None = None,
    cache_key: str | None = None,
    result: Result | None = None,
    target: str | Callable[..., str] | None = None,
    checkpoint: bool | None = None,
    nout: int | None = None,
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
