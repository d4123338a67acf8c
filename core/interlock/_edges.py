"""Edges between tasks, what an argument may say of them, and the blocks that tasks are written in."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Protocol

import attrs

from interlock._errors import FlowError

if TYPE_CHECKING:
    from interlock._flow import Flow
    from interlock._graph import Graph
    from interlock._tasks import Task

building: ContextVar[Flow | None] = ContextVar("interlock.building", default=None)
"""The flow whose `with` block is being run."""


class Block(Protocol):
    """A `with` block, or a call, inside the building of a flow that wants to know what is added in it."""

    def added(self, task: Task, flow: Graph) -> None:
        """Take note of a task that was added to a flow, before it has any edge."""

    def is_mapped(self, upstream: Task, downstream: Task) -> bool:
        """Return whether an edge that is being added is mapped, though it does not say so."""
        raise NotImplementedError


blocks: ContextVar[tuple[Block, ...]] = ContextVar("interlock.blocks", default=())
"""The blocks that are open, outermost first."""

present_tags: ContextVar[frozenset[str]] = ContextVar("interlock.tags", default=frozenset())
"""What the `tags` blocks that are open give to each task made in them."""


@contextmanager
def inside(block: Block) -> Iterator[None]:
    """Let a block know of what is added to flows until the end of a `with`."""
    token = blocks.set((*blocks.get(), block))
    try:
        yield
    finally:
        blocks.reset(token)


@contextmanager
def tags(*names: str) -> Iterator[None]:
    """Give tags to every task that is made, or called, inside a `with` block.

    Raises:
        FlowError: a tag is no text.
    """
    token = present_tags.set(present_tags.get() | tagged("tags", names))
    try:
        yield
    finally:
        present_tags.reset(token)


def tagged(place: str, names: Iterable[str]) -> frozenset[str]:
    """Return tags that were given. Raises `FlowError` where they are none."""
    if isinstance(names, str):
        raise FlowError(f"{place}: tags={names!r} is one text; give a list such as [{names!r}]")
    found = frozenset(names)
    for name in found:
        if not isinstance(name, str) or not name:
            raise FlowError(f"{place}: {name!r} is no tag; a tag is a text that is not empty")
    return found


@attrs.frozen
class Edge:
    """An upstream and a downstream task; `key` is the argument that takes the upstream's result, if one does."""

    upstream: Task
    downstream: Task
    key: str | None = None
    mapped: bool = False
    """Whether each child of the downstream task takes one element."""
    flattened: bool = False
    """Whether one level of nesting is taken out of the result first."""

    @property
    def upstream_task(self) -> Task:
        """The upstream task, by the name that Prefect 1 has for it."""
        return self.upstream

    @property
    def downstream_task(self) -> Task:
        """The downstream task, by the name that Prefect 1 has for it."""
        return self.downstream

    def __repr__(self) -> str:
        kind = "=> each of" if self.mapped else "->"
        return f"<Edge: {self.upstream.name} {kind} {self.downstream.name}{f'({self.key})' if self.key else ''}>"


@attrs.frozen
class Mark:
    """Something that is said of an argument. Any: arguments are the user's."""

    value: Any


class unmapped(Mark):  # these three read as adverbs: f.map(xs, unmapped(y))
    """Marks an argument of `map` that every child takes whole."""

    __slots__ = ()


class mapped(Mark):
    """Marks an argument of a call of which each child takes one element: `add(mapped(xs), 1)`."""

    __slots__ = ()


class flatten(Mark):
    """Marks an argument out of which one level of nesting is taken: `add.map(flatten(lists))`."""

    __slots__ = ()


def annotated(value: Any) -> tuple[Any, bool | None, bool]:
    """Return what stands in an argument's marks, whether they say that it is mapped, and whether it is flattened.

    Any: arguments are the user's.
    """
    said, flattened = None, False
    while isinstance(value, Mark):
        if isinstance(value, flatten):
            flattened = True
        else:
            said = isinstance(value, mapped)
        value = value.value
    return value, said, flattened
