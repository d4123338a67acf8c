"""What a mapped task is mapped over: the elements of an upstream's result."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import attrs

from interlock._capture import Answer, capture, failure
from interlock.signals import FAIL, Signal
from interlock.states import Mapped, State

if TYPE_CHECKING:
    from interlock._context import Layers


@attrs.frozen
class Ended:
    """Stands for an upstream child without a result to take apart: the child that takes it sees how it ended."""

    state: State


def elements_of(state: State, flat: bool, layers: Layers) -> Sequence[Any] | Signal:
    """Return the elements of a result that a task is mapped over, or why it has none. Any: the user's."""
    value = state.result
    if flat:
        found = _of_children(state.map_states) if isinstance(state, Mapped) else _flat(value)
        said = capture(lambda: list(found), {}, layers, Answer, failure)
        return said if isinstance(said, Signal) else list(said.value)
    if isinstance(value, tuple | range | str):
        return value
    if type(value) is list:
        return value.copy()  # a body may change it, and its children are made already
    kind = type(value)
    if not (hasattr(kind, "__len__") and hasattr(kind, "__getitem__")) or isinstance(value, Mapping):
        return FAIL._of(f"{kind.__name__!r} has no length and order")
    said = capture(lambda: [value[place] for place in range(len(value))], {}, layers, Answer, failure)
    return said if isinstance(said, Signal) else list(said.value)


def flattened(value: Any) -> Any:
    """Return a collection without its outermost level of nesting; what is none, as it is. Any: the user's."""
    return list(_flat(value)) if _nests(value) else value


def _flat(value: Any) -> Iterator[Any]:
    for item in value if _nests(value) else (value,):
        if _nests(item):
            yield from item
        else:
            yield item


def _of_children(states: Iterable[State]) -> Iterator[Any]:
    for state in states:
        if not state.is_successful() or state.is_skipped():
            yield Ended(state)
        elif _nests(state.result):
            yield from state.result
        else:
            yield state.result


def _nests(value: object) -> bool:
    return isinstance(value, Iterable) and not isinstance(value, str | bytes | Mapping)
