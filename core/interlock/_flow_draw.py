"""Everything that the graph of a flow can be drawn as, by name."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from interlock import _exports
from interlock._errors import shown
from interlock._flow import Flow
from interlock._flow_picture import dot, mermaid
from interlock._flow_text import plain
from interlock.states import State

Drawn = str | bytes


def draw(flow: object, format: str, given: Sequence[str], state: State | None) -> Drawn:  # noqa: A002  # as there
    """Return the graph of a flow in another form; see `interlock.draw`. `given`: what is only for life cycles."""
    if not isinstance(flow, Flow):
        raise ValueError(f"draw: {shown(flow)} is no Machine and no Flow; Machine.load(...) makes one")
    if not isinstance(format, str) or format not in FORMATS:
        raise ValueError(f"draw: {_exports.unknown(format, _exports.GRAPHS)}")
    if given:
        raise ValueError(f"draw: {given[0]}= is for life cycles; this is a flow")
    if state is not None and not isinstance(state, State):
        raise ValueError(f"draw: {shown(state)} is no state; give what flow.run() returned")
    return FORMATS[format](flow, state)


def _svg(flow: Flow, state: State | None) -> Drawn:
    return _exports.picture(dot(flow, state), "svg", flow.name).decode("utf-8", "replace")


def _png(flow: Flow, state: State | None) -> Drawn:
    return _exports.picture(dot(flow, state), "png", flow.name)


FORMATS: dict[str, Callable[[Flow, State | None], Drawn]] = {
    "mermaid": mermaid,
    "dot": dot,
    "svg": _svg,
    "png": _png,
    "text": plain,
}
