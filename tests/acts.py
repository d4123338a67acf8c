"""What the tests of flows are made of: bodies that do as told, an observer that takes notes, and calls in a flow."""

from __future__ import annotations

import builtins
import threading
from collections.abc import Callable
from typing import Any

import pytest

from interlock import Flow, FlowError, Task, hookimpl, task
from interlock._hooks import RunView
from interlock._story import Step
from interlock.states import State, Success

LONG = 60.0  # seconds that nothing takes: no test waits for it


def does(*acts: object) -> Callable[[], object]:
    """Return a body that does one of these after the other, the last one for ever.

    It raises what is an exception, and returns the rest.
    """
    left = list(acts)

    def work() -> object:
        act = left.pop(0) if len(left) > 1 else left[0]
        if isinstance(act, BaseException):
            raise act
        return act

    return work


class Gate:
    """What bodies wait at until a test opens it."""

    def __init__(self) -> None:
        self.event = threading.Event()
        self.there = threading.Semaphore(0)

    def __call__(self) -> str:
        self.there.release()
        self.event.wait(LONG)
        return "late"

    def reached(self) -> None:
        """Wait until one more body is there."""
        assert self.there.acquire(timeout=LONG)


class Told:
    """An observer that takes note of every step, as an arrow."""

    def __init__(self) -> None:
        self.steps: list[tuple[str, str]] = []
        """The life cycle and the arrow of each step."""

    @hookimpl
    def after_step(self, run: RunView, step: Step) -> None:
        self.steps.append((run.lifecycle, str(step)))

    def of(self, lifecycle: str) -> list[str]:
        """Return the steps of a life cycle."""
        return [arrow for name, arrow in self.steps if name == lifecycle]

    @property
    def tasks(self) -> list[str]:
        """The steps of task runs."""
        return self.of("task-run")


def it(node: object) -> Task:
    """Return the task that a call in a flow gave: to a type checker it stands for its result."""
    assert isinstance(node, Task)
    return node


def placed(what: Task, *args: object, **options: Any) -> Task:
    """Call a task in a flow with what its function does not take, `upstream_tasks` say. Any: such options."""
    return it(what(*args, **options))


def flow_of(*bodies: Callable[..., object], **options: Any) -> tuple[Flow, list[Task]]:
    """Return a flow of tasks with these bodies, and the tasks. Any: the options of a task."""
    with Flow("of tasks") as flow:
        nodes = [placed(task(**options)(body)) for body in bodies]
    return flow, nodes


def run_one(body: Callable[..., object], **options: Any) -> tuple[State, list[str]]:
    """Run a flow of one task; return the task's state and its steps. Any: the options of a task."""
    told = Told()
    flow, (node,) = flow_of(body, **options)
    state: State = flow.run(plugins=[told]).result[node]
    return state, told.tasks


def refused(act: Callable[[], object]) -> str:
    """Return the whole text of the `FlowError` that something is refused with."""
    with pytest.raises(FlowError) as caught:
        act()
    return str(caught.value)


def value_of(flow: Flow, node: object, **parameters: object) -> object:
    """Run a flow and return the result of a task that succeeded."""
    state = flow.run(parameters).result[node]
    assert state == Success(None, state.result)
    result: object = state.result
    return result


def without(patch: pytest.MonkeyPatch, module: str) -> None:
    """Let a module seem not to be installed. Any: what `__import__` takes."""
    usual = builtins.__import__

    def absent(name: str, *args: Any) -> Any:
        if name == module:
            raise ImportError(name)
        return usual(name, *args)

    patch.setattr(builtins, "__import__", absent)
