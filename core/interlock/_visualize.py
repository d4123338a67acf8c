"""A picture of a flow, by graphviz: tasks as nodes, edges with the arguments that they give, states as colours."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from interlock._colours import GREY, of_kind
from interlock._errors import FlowError
from interlock._results import TaskStates
from interlock._values import ParameterTask
from interlock.states import State

if TYPE_CHECKING:
    from interlock._graph import Graph
    from interlock._tasks import Task

FORMATS = ("dot", "gv", "pdf", "png", "svg")


def colour_of(state: State) -> str:
    """Return the colour of a state, half transparent: as everywhere that of its family; grey for one of none."""
    return (of_kind(type(state)) or GREY).line + "80"


def visualize(
    flow: Graph, state: State | None, filename: str | Path | None, horizontal: bool, kind: str | None = None
) -> Any:
    """Return the picture of a flow, and write it to a file if one is named. See `Flow.visualize`; any: as there."""
    try:
        import graphviz
    except ImportError:
        raise FlowError("visualize: graphviz is not installed; pip install 'interlock[viz]'") from None
    found = None if state is None else _states(state)
    graph = graphviz.Digraph(_text(flow.name), graph_attr={"rankdir": "LR"} if horizontal else None)
    slugs = flow.slugs
    for task in flow.tasks:
        _node(graph, flow, task, found, slugs[task])
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


def _states(state: State) -> TaskStates:
    if not isinstance(state.result, TaskStates):
        raise FlowError(f"visualize: {state!r} has no states of tasks; give what flow.run() returned")
    return state.result


def _node(graph: Any, flow: Graph, task: Task, states: TaskStates | None, slug: str) -> None:
    is_mapped = any(edge.mapped for edge in flow.edges_to(task))
    options = {"shape": "box" if is_mapped else "invhouse" if isinstance(task, ParameterTask) else "ellipse"}
    label = f"{task.name} <map>" if is_mapped else task.name
    state = None if states is None else states.by_slug().get(slug)
    if states is not None and state is not None:
        options |= {"style": "filled", "fillcolor": colour_of(state), "colorscheme": "svg"}
        ended = Counter(type(child).__name__ for child in states.children(slug))
        label += "".join(f"\n{line}" for line in [type(state).__name__, *(f"{n} {name}" for name, n in ended.items())])
    graph.node(_id(slug), _text(label), **options)


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
