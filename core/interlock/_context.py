"""The ambient view of the current run: `interlock.context`.

A `contextvars` variable holds the layers of the run that is under way; a key is looked up when it is asked for, so that
entering a task costs one small object.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextvars import ContextVar
from typing import Any

current: ContextVar[Mapping[str, Any]] = ContextVar("interlock.context")
"""The layers of the run that is under way; who calls a body sets it, and sets it back."""
_NOTHING: Mapping[str, Any] = {}


class Context(Mapping[str, Any]):
    """What a task, trigger or handler may know of the run that it is called in.

    Read it as a mapping or by attributes: `context.get("task_loop_result", 0)`, `context["parameters"]`,
    `context.map_index`. Outside of a run it is empty. Any: the values have no common type.
    """

    def __getitem__(self, key: str) -> Any:
        return current.get(_NOTHING)[key]

    def __getattr__(self, key: str) -> Any:
        try:
            return current.get(_NOTHING)[key]
        except KeyError:
            known = ", ".join(sorted(self)) or "nothing: no run is under way here"
            raise AttributeError(f"the context has no {key!r}; it has: {known}") from None

    def __iter__(self) -> Iterator[str]:
        return iter(current.get(_NOTHING))

    def __len__(self) -> int:
        return len(current.get(_NOTHING))

    def to_dict(self) -> dict[str, Any]:
        """Return all keys and values, as they are now."""
        return dict(self)

    def __repr__(self) -> str:
        return f"<Context: {', '.join(sorted(self))}>"


context = Context()
