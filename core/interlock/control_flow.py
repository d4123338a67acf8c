"""Branches: which tasks run follows from what others return.

A condition is a task that skips where it does not hold, and what stands in its branch is skipped with it, whatever its
`skip_on_upstream_skip` says: a branch that is not taken is not taken. A failure is never hidden by that.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from datetime import timedelta
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from interlock._edges import building, inside
from interlock._edges import mapped as mapping
from interlock._errors import FlowError, shown
from interlock._options import seconds
from interlock._tasks import FunctionTask, Task
from interlock._values import Constant, ParameterTask
from interlock.signals import PAUSE, SKIP
from interlock.triggers import all_finished, not_all_skipped

if TYPE_CHECKING:
    from interlock._graph import Graph

__all__ = ["CompareValue", "FilterTask", "Merge", "case", "ifelse", "merge", "pause_task", "switch"]


class CompareValue(Task):
    """A condition: skips unless it is given a value. Any: values are the user's.

    Args:
        value: what it must be given.
        name: how the condition is called.
    """

    gates = True

    def __init__(self, value: Any, name: str | None = None) -> None:
        self.value = value
        # The name is part of the slug, by which another process finds the task: no address of an object may be in it.
        plain = value is None or isinstance(value, str | bytes | int | float | complex)
        super().__init__(name or f"CompareValue: {shown(value) if plain else type(value).__name__}", checkpoint=False)

    def run(self, value: Any) -> None:
        """Skip unless the values are equal."""
        if value != self.value:
            raise SKIP(f"{value!r} is not {self.value!r}")


class case:  # it reads as a statement: with case(check(), True): ...
    """A branch: tasks that are added inside `with case(task, value):` run if the task's result is that value.

    Args:
        task: the task whose result is looked at. Any: in a flow a call stands for its result.
        value: what it must be. Any: the user's.
    """

    def __init__(self, task: Any, value: Any) -> None:
        if isinstance(value, Task):
            raise FlowError(f"case: {value!r} is a task; a branch is chosen by a value that is known, such as True")
        self._task = task
        self._value = value
        self._condition: CompareValue | None = None
        self._stack = contextlib.ExitStack()

    def __enter__(self) -> Self:
        if building.get() is None:
            raise FlowError("case: no flow is being built; write it inside `with Flow(...):`")
        self._condition = None
        self._stack.enter_context(inside(self))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def added(self, task: Task, flow: Graph) -> None:
        """Put a task that was added in the block behind the condition."""
        if isinstance(task, Constant | ParameterTask) or task is self._condition:
            return
        if self._condition is None:
            # Made with the first task of the block: one that nothing waits for would decide how the flow ends.
            self._condition = CompareValue(self._value)
            flow.set_dependencies(self._condition, keyword_tasks={"value": self._task})
        flow.set_dependencies(task, upstream_tasks=[self._condition])

    def is_mapped(self, upstream: Task, downstream: Task) -> bool:
        """Return False: a branch maps nothing."""
        return False


def switch(condition: Any, cases: Mapping[Any, Any], mapped: bool = False) -> None:
    """Let the result of a task choose which one of several tasks runs.

    Args:
        condition: the task. Any: in a flow a call stands for its result.
        cases: by value: the task that runs then. Any: values are the user's, tasks stand for their results.
        mapped: whether that is chosen for each element.

    Raises:
        FlowError: no flow is being built, or a case is no task.
    """
    flow = building.get()
    if flow is None:
        raise FlowError("switch: no flow is being built; write it inside `with Flow(...):`")
    for value, task in cases.items():
        if not isinstance(task, Task):
            raise FlowError(f"switch: {task!r}, for {value!r}, is no task")
        compare = CompareValue(value)
        flow.set_dependencies(compare, keyword_tasks={"value": condition}, mapped=mapped)
        flow.set_dependencies(task, upstream_tasks=[mapping(compare) if mapped else compare])


def ifelse(condition: Any, true_task: Any, false_task: Any = None, mapped: bool = False) -> None:
    """Let one task run if the result of another is true, and a second one, if there is one, otherwise.

    Any: in a flow a call stands for its result.

    Raises:
        FlowError: as `switch`.
    """

    def truth(value: Any) -> bool:
        return bool(value)

    flow = building.get()
    if flow is None:
        raise FlowError("ifelse: no flow is being built; write it inside `with Flow(...):`")
    cast: Task = FunctionTask(truth, name="CastToBool", checkpoint=False)
    cast.bind(condition, mapped=mapped)
    branches = {True: true_task, False: false_task}
    switch(cast, {value: task for value, task in branches.items() if task is not None}, mapped)


class Merge(Task):
    """Takes the first result that is not None, in the order of its arguments. Skipped if all of them were."""

    def __init__(self, name: str | None = None, **options: Any) -> None:
        usual = {"skip_on_upstream_skip": False, "trigger": not_all_skipped}
        super().__init__(name, **{**usual, **options})

    def run(self, **results: Any) -> Any:
        """Return the first result that there is. Any: results are the user's."""
        return next((value for value in results.values() if value is not None), None)


def merge(*tasks: Any, flow: Any = None, mapped: bool = False, **options: Any) -> Any:
    """Bring branches together: a task with the result of the one that ran.

    Args:
        *tasks: the last tasks of the branches. Any: in a flow a call stands for its result.
        flow: the flow, where it is not the one whose `with` block this is in.
        mapped: whether that is done for each element.
        **options: options of the task that is made. Any: as for `Task`.
    """
    named = {f"task_{number}": task for number, task in enumerate(tasks, start=1)}
    return Merge(**options).bind(flow=flow, mapped=mapped, **named)


class FilterTask(Task):
    """Keeps some items of a list: those that are not None and no exceptions, unless it is told otherwise.

    Args:
        filter_func: says whether an item is kept. Any: items are the user's.
        log_func: makes a line of the items that are not kept, which is logged. Any: as above.
        **options: options of the task. Any: as for `Task`.
    """

    def __init__(
        self,
        filter_func: Callable[[Any], bool] | None = None,
        log_func: Callable[[list[Any]], object] | None = None,
        **options: Any,
    ) -> None:
        self.filter_func = filter_func or _is_result
        self.log_func = log_func
        usual = {"skip_on_upstream_skip": False, "trigger": all_finished}
        super().__init__(**{**usual, **options})

    def run(self, task_results: list[Any]) -> list[Any]:
        """Return the items that are kept, in their order."""
        from interlock._context import context

        kept = [item for item in task_results if self.filter_func(item)]
        if self.log_func is not None:
            context.logger.info(self.log_func([item for item in task_results if not self.filter_func(item)]))
        return kept


def pause_task(message: str | None = None, duration: float | timedelta | None = None) -> None:
    """Pause the task that calls this, until a person resumes it or a time is over; then it goes on behind the call.

    The task's work is called anew when it is resumed, so what stands before the call is done again.

    Args:
        message: what the person is to do.
        duration: how long to wait, from the start of the attempt; for a person otherwise.

    Raises:
        FlowError: no task is under way here, or the duration is none.
    """
    from interlock._context import context

    if "task_name" not in context:
        raise FlowError("pause_task: no task is under way here; call it in the work of a task")
    if context.get("resume"):
        return
    if duration is None:
        raise PAUSE(message)
    wait = seconds(duration)
    if wait is None:
        raise FlowError(f"pause_task: duration={duration!r}; it must be seconds from 0 on, or a timedelta")
    raise PAUSE(message, start_time=context.task_start_time + timedelta(seconds=wait))


def _is_result(item: object) -> bool:
    return item is not None and not isinstance(item, BaseException)
