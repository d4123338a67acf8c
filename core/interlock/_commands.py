"""What the runners ask of their driver: call this, wait until then, it is done."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

import attrs

if TYPE_CHECKING:
    from interlock._context import Layers
    from interlock._task_runner import TaskRunner
    from interlock.signals import Signal
    from interlock.states import State


@attrs.define(eq=False)
class Call:
    """Call a function in a context, and hand back what it did as a signal: here the body of a task, for an attempt.

    Any: bodies are the user's.
    """

    runner: TaskRunner
    attempt: int
    function: Callable[..., Any]
    arguments: Mapping[str, Any]
    layers: Layers
    """The context to call it in."""


@attrs.define(eq=False)
class Look(Call):
    """Look whether a kept result serves: call the function, which is ours; it returns a `Found`.

    To a driver it is a call like any other, but that a task's timeout is not meant for it.
    """

    inputs: Mapping[str, Any]
    """What the body is called with if nothing serves."""


@attrs.define(eq=False)
class Store(Call):
    """Store a result before its outcome counts: call the function, which is ours. As `Look` to a driver."""

    outcome: Signal
    """What counts once it is stored."""
    inputs: Mapping[str, Any]
    """What the body was called with."""


@attrs.define(eq=False)
class Wait:
    """Do nothing until a time, in seconds since 1970, or until a call that is under way has ended."""

    until: float | None


@attrs.define(eq=False)
class Done:
    """The flow run rests in this state."""

    state: State


Command: TypeAlias = Call | Wait | Done
