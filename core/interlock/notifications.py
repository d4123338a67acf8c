"""Telling somebody of what happens: state handlers that call when a state fits."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from interlock._errors import FlowError
from interlock.states import State

__all__ = ["callback_factory"]


def callback_factory(
    fn: Callable[[Any, State], object], check: Callable[[State], bool]
) -> Callable[[Any, State, State], None]:
    """Return a state handler that calls a function of each new state that fits, and changes nothing.

    `@task(state_handlers=[callback_factory(notify, check=lambda state: state.is_failed())])`

    Args:
        fn: called with the task or flow and the new state; what it returns is ignored. Any: a task or a flow.
        check: says of a state whether it fits.

    Raises:
        FlowError: one of them cannot be called.
    """
    for name, given in (("fn", fn), ("check", check)):
        if not callable(given):
            raise FlowError(f"callback_factory: {name}={given!r}; it must be a callable")

    def handler(it: Any, old: State, new: State) -> None:
        if check(new):
            fn(it, new)

    handler.__name__ = handler.__qualname__ = str(getattr(fn, "__name__", "callback"))
    return handler
