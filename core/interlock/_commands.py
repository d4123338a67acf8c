"""What the runners ask of their driver: call this, wait until then, it is done."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

import attrs

if TYPE_CHECKING:
    from interlock._context import Layers
    from interlock._task_runner import TaskRunner
    from interlock.states import State


@attrs.define(eq=False)
class Call:
    """Call the body of a task, and hand back a signal for this attempt. Any: bodies are the user's."""

    runner: TaskRunner
    attempt: int
    function: Callable[..., Any]
    arguments: Mapping[str, Any]
    layers: Layers
    """The context to call it in."""


@attrs.define(eq=False)
class Wait:
    """Do nothing until a time, in seconds since 1970, or until a call that is under way has ended."""

    until: float | None


@attrs.define(eq=False)
class Done:
    """The flow run rests in this state."""

    state: State


Command: TypeAlias = Call | Wait | Done
