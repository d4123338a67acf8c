"""A picture of a flow, by graphviz: tasks as nodes, edges with the arguments that they give, states as colours."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from interlock._errors import FlowError
from interlock._values import ParameterTask
from interlock.states import Mapped, State
from interlock.states import Mapping as Mapped_

if TYPE_CHECKING:
    from interlock._graph import Graph
    from interlock._tasks import Task

COLOURS: dict[str, str] = {
    "is_retrying": "#f66a0a",
    "is_paused": "#99a8e8",
    "is_scheduled": "#ffab00",
    "is_pending": "#7ebdff",
    "is_running": "#3d67ff",
    "is_looped": "#003ccb",
    "is_cached": "#34d058",
    "is_mapped": "#2a9d8f",
    "is_skipped": "#62757f",
    "is_successful": "#28a745",
    "is_timed_out": "#ff4e33",
    "is_failed": "#eb0000",
    "is_cancelled": "#bdbdbd",
}
"""By predicate, the first that holds: the colour of a state."""
FORMATS = ("dot", "gv", "pdf", "png", "svg")


def colour_of(state: State) -> str:
    """Return the colour of a state, half transparent; grey for one of no kind that is known."""
    return next((colour for name, colour in COLOURS.items() if getattr(state, name)()), "#9e9e9e") + "80"


def visualize(
    flow: Graph, state: State | None, filename: str | Path | None, horizontal: bool, kind: str | None = None
) -> Any:
    """Return the picture of a flow, and write it to a file if one is named. See `Flow.visualize`; any: as there."""
    try:
        import graphviz
    except ImportError:
        raise FlowError("visualize: graphviz is not installed; pip install 'interlock[viz]'") from None
    if state is not None and not hasattr(state.result, "by_slug"):
        raise FlowError(f"visualize: {state!r} has no states of tasks; give what flow.run() returned")
    graph = graphviz.Digraph(_text(flow.name), graph_attr={"rankdir": "LR"} if horizontal else None)
    found = {} if state is None else state.result.by_slug()
    slugs = flow.slugs
    for task in flow.tasks:
        _node(graph, flow, task, found.get(slugs[task]), _id(slugs[task]))
    for edge in flow.edges:
        label = _text(edge.key or "")
        style = {"style": "dashed"} if edge.mapped else {}
        graph.edge(_id(slugs[edge.upstream]), _id(slugs[edge.downstream]), label=label, **style)
    if filename is not None:
        path = Path(filename)
        _written(graph, path if path.suffix and kind is None else path.with_name(f"{path.name}.{kind or 'pdf'}"))
    return graph


def _id(slug: str) -> str:
    """Return the name of a task's node: its slug, without what graphviz would read as a port, HTML or an escape."""
    for sign in "%:<\\":
        slug = slug.replace(sign, f"%{ord(sign):02X}")
    return slug


def _text(text: str) -> Any:
    """Return a text that graphviz shows as it stands. Any: it is a text that graphviz knows again."""
    import graphviz

    return graphviz.escape(text.replace("&", "&amp;"))


def _node(graph: Any, flow: Graph, task: Task, state: State | None, name: str) -> None:
    is_mapped = any(edge.mapped for edge in flow.edges_to(task))
    options = {"shape": "box" if is_mapped else "invhouse" if isinstance(task, ParameterTask) else "ellipse"}
    label = f"{task.name} <map>" if is_mapped else task.name
    if state is not None:
        options |= {"style": "filled", "fillcolor": colour_of(state), "colorscheme": "svg"}
        if isinstance(state, Mapped | Mapped_) and state.map_states:
            counts: dict[str, int] = {}
            for child in state.map_states:
                counts[type(child).__name__] = counts.get(type(child).__name__, 0) + 1
            label += "".join(f"\n{count} {name}" for name, count in counts.items())
    graph.node(name, _text(label), **options)


def _written(graph: Any, path: Path) -> None:
    import graphviz

    kind = path.suffix.removeprefix(".")
    if kind not in FORMATS:
        raise FlowError(f"visualize: {str(path)!r} does not say what to write; end it in one of .{', .'.join(FORMATS)}")
    if kind in ("dot", "gv"):
        path.write_text(graph.source, encoding="utf-8")
        return
    try:
        path.write_bytes(graph.pipe(format=kind))
    except graphviz.ExecutableNotFound:
        raise FlowError(
            f"visualize: {path.name} needs the program dot of graphviz, which is not on the PATH; a .dot file does not"
        ) from None
