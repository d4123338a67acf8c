"""`apply_map`: a function that builds tasks for one element, mapped over many."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from interlock._edges import annotated, building, inside
from interlock._errors import FlowError
from interlock._flow import Flow
from interlock._tasks import Task
from interlock._values import Constant

R = TypeVar("R")


class _Applied:
    """The block of one `apply_map`: what comes from an element is mapped, and so is what is made from it."""

    def __init__(self) -> None:
        self.mapped: set[Task] = set()

    def added(self, task: Task, flow: object) -> None:
        """Take no note: only its edges say whether a task is mapped."""

    def is_mapped(self, upstream: Task, downstream: Task) -> bool:
        """Return whether an upstream task is mapped; then what is behind it is too."""
        if upstream not in self.mapped:
            return False
        self.mapped.add(downstream)
        return True


def apply_map(function: Callable[..., R], *args: Any, flow: Flow | None = None, **kwargs: Any) -> R:
    """Call a function that adds tasks for one element, so that each of them is mapped over all elements.

    Args:
        function: is called once; what it calls with its arguments, or with what comes from these, is mapped.
        *args: tasks or collections that are mapped over; those in `unmapped(...)` are not. Any: the user's.
        flow: the flow, where it is not the one whose `with` block this is in.
        **kwargs: the same, by name. Any: as above.

    Raises:
        FlowError: no flow is being built.
    """
    flow = flow if flow is not None else building.get()
    if flow is None:
        raise FlowError(
            f"apply_map({function!r}): no flow is being built; call it inside `with Flow(...):`, or give flow="
        )
    block = _Applied()

    def prepared(value: Any) -> Any:
        inner, said, flattened = annotated(value)
        if said is False:
            return inner
        if not isinstance(inner, Task):
            inner = Constant(inner)
        if flattened:
            raise FlowError("apply_map: flatten(...) cannot be given to a function; map over flatten(...) inside it")
        block.mapped.add(inner)
        return inner

    token = building.set(flow)
    try:
        with inside(block):
            return function(*map(prepared, args), **{name: prepared(value) for name, value in kwargs.items()})
    finally:
        building.reset(token)
