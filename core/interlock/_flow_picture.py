"""The graph of a flow as a picture: tasks as nodes, edges as arrows, and the states of a run as colours.

A task is a rounded box with its name, what a flow is given a sheet or a slanted box, a mapped task a box with depth or
double sides. With a run, the name of the state stands below that of the task, and of a map how its children ended; a
failure in it has its colour around the box. An arrow has the argument that it gives; it is dashed where each child
takes one element.

Of many tasks, those of one name share a node: nobody reads a thousand boxes, and no program lays them out in time.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING

import attrs

from interlock._brief import counts
from interlock._colours import FAINT, INK, Colour, of_kind
from interlock._dot import FONT
from interlock._errors import FlowError, suggest
from interlock._results import TaskStates
from interlock._values import Constant, ParameterTask

if TYPE_CHECKING:
    from interlock._edges import Edge
    from interlock._graph import Graph
    from interlock._tasks import Task
    from interlock.states import State

NODES = 200  # of a picture: more can be neither read nor laid out in time
ARROWS = 350  # likewise; and renderers of Mermaid take no more than 500
KEYS = 3  # arguments that an arrow between nodes of many tasks has names for
INPUT, MAP, TASK = "input", "map", "task"
UNSEEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
"""What XML has no place for, or would steer a terminal."""
WIDE = {ord(sign): ord(sign) + 0xFEE0 for sign in "<>&"}
"""Signs that Mermaid has no way to show in a title: wide ones stand for them."""


@attrs.frozen
class Box:
    """A node: a task, or several of one name."""

    name: str
    kind: str
    tasks: int
    told: tuple[str, ...]
    """In a run: the state, or those of several tasks; and how the children of a map ended."""
    colour: Colour | None
    """That of the state; None where there is none, or several."""
    rim: Colour | None
    """That of a failure where one is hidden in it: in a child, or in one of several tasks."""

    @property
    def style(self) -> tuple[str, str] | None:
        """The colours of the ground, on white, and of the line around it; None where there is no state."""
        if self.colour is None and self.rim is None:
            return None
        line = self.rim or self.colour
        return "#ffffff" if self.colour is None else self.colour.on_white, "" if line is None else line.line


@attrs.frozen
class Arrow:
    """An edge between two boxes, by their places; or several."""

    before: int
    after: int
    label: str
    mapped: bool


class Picture:
    """What a picture shows of a flow.

    Args:
        flow: the flow.
        state: what a run of it returned, for the states of its tasks.

    Raises:
        FlowError: the state is not one of this flow, or there are too many names for a picture.
    """

    def __init__(self, flow: Graph, state: State | None = None) -> None:
        result = None if state is None else states_of(flow, state)
        self.found: Mapping[str, State] = {} if result is None else result.by_slug()
        self.children = (lambda slug: ()) if result is None else result.children
        self.slugs = flow.slugs
        edges = flow.edges
        self.mapped = {edge.downstream for edge in edges if edge.mapped}
        self.folded = len(flow) > NODES or len(edges) > ARROWS
        self.title = readable(flow.name) + (f": {type(state).__name__}" if state is not None else "")
        self.names = Counter(task.name for task in flow.tasks)
        groups: dict[object, list[Task]] = {}
        for task in flow.tasks:
            groups.setdefault((task.name, self._kind(task)) if self.folded else task, []).append(task)
        self.boxes = [self._box(tasks) for tasks in groups.values()]
        places = {task: place for place, tasks in enumerate(groups.values()) for task in tasks}
        self.arrows = _arrows(edges, places, KEYS if self.folded else None)
        if len(self.boxes) > NODES or len(self.arrows) > ARROWS:
            raise FlowError(
                f"flow {flow.name!r}: {len(flow):,} tasks and {len(edges):,} edges are too many for a picture, also "
                f"with one node for all tasks of a name: {len(self.boxes):,} nodes. The format text lists them"
            )
        if self.folded:
            self.title += f" ({len(flow):,} tasks; those of one name share a node)"

    def _kind(self, task: Task) -> str:
        return MAP if task in self.mapped else INPUT if isinstance(task, ParameterTask | Constant) else TASK

    def _box(self, tasks: Sequence[Task]) -> Box:
        first = tasks[0]
        name = first.name if self.folded or self.names[first.name] == 1 else self.slugs[first]
        ended = [(slug, self.found[slug]) for slug in map(self.slugs.__getitem__, tasks) if slug in self.found]
        states = [state for _, state in ended]
        children = [child for slug, _ in ended for child in self.children(slug)]
        told = [counts(states) if len(tasks) > 1 else type(state).__name__ for state in states[:1]]
        told += [counts(children)] if children else []
        colours = {of_kind(type(state)) for state in states}
        failed = next((of_kind(type(state)) for state in (*states, *children) if state.is_failed()), None)
        one = colours.pop() if len(colours) == 1 else None
        return Box(readable(name), self._kind(first), len(tasks), tuple(told), one, failed)


def states_of(flow: Graph, state: State) -> TaskStates:
    """Return the states of a flow's tasks.

    Raises:
        FlowError: there are none, or they are of tasks that the flow does not have.
    """
    result = state.result
    if not isinstance(result, TaskStates):
        raise FlowError(f"draw: {state!r} has no states of tasks; give what flow.run() returned")
    known = set(flow.slugs.values())
    for slug in result.by_slug():
        if slug not in known:
            raise FlowError(f"flow {flow.name!r}: the run is of a flow with a task {slug!r}.{suggest(slug, known)}")
    return result


def _arrows(edges: Iterable[Edge], places: Mapping[Task, int], most: int | None) -> list[Arrow]:
    """Return the arrows between boxes; edges between the same two share one, which names so many arguments at most."""
    found: dict[tuple[int, int, bool], list[str]] = {}
    for edge in edges:
        key = (places[edge.upstream], places[edge.downstream], edge.mapped)
        found.setdefault(key, []).append(_label(edge))
    return [Arrow(*key[:2], _joined(labels, most), key[2]) for key, labels in found.items()]


def _label(edge: Edge) -> str:
    """Return what an edge gives: an argument, of which each child takes one element; or nothing."""
    words = ["each"] if edge.mapped else []
    return " ".join([*words, *([readable(edge.key)] if edge.key else [])])


def _joined(labels: Sequence[str], most: int | None) -> str:
    names = list(dict.fromkeys(filter(None, labels)))
    if most is not None and len(names) > most:
        names[most:] = [f"and {len(names) - most:,} more"]
    return ", ".join(names)


def readable(text: str) -> str:
    """Return a name on one line, with a sign that can be seen for each that cannot."""
    return " ".join(UNSEEN.sub("\N{REPLACEMENT CHARACTER}", text).split()) or "\N{REPLACEMENT CHARACTER}"


def mermaid(flow: Graph, state: State | None = None) -> str:
    """Return the graph of a flow as a flowchart of Mermaid."""
    picture = Picture(flow, state)
    kinds = dict.fromkeys(box.style for box in picture.boxes if box.style is not None)
    names = {style: f"c{place}" for place, style in enumerate(kinds)}
    title = json.dumps(picture.title.translate(WIDE), ensure_ascii=False).replace("%", "\\u0025")
    lines = ["---", f"title: {title}", "---", "flowchart TD"]
    for place, box in enumerate(picture.boxes):
        left, right = {INPUT: ("[/", "/]"), MAP: ("[[", "]]"), TASK: ("(", ")")}[box.kind]
        label = "<br/>".join(map(_entities, _lines(box)))
        kind = "" if box.style is None else f":::{names[box.style]}"
        lines.append(f'    t{place}{left}"{label}"{right}{kind}')
    for arrow in picture.arrows:
        line = "-.->" if arrow.mapped else "-->"
        label = f'|"{_entities(arrow.label)}"|' if arrow.label else ""
        lines.append(f"    t{arrow.before} {line}{label} t{arrow.after}")
    for (ground, line), name in names.items():
        lines.append(f"    classDef {name} fill:{ground},stroke:{line},color:{INK}")
    return "\n".join(lines)


def _lines(box: Box) -> Iterator[str]:
    yield f"{box.name} (\N{MULTIPLICATION SIGN} {box.tasks:,})" if box.tasks > 1 else box.name
    yield from box.told


def _entities(text: str) -> str:
    """Return a text that Mermaid shows as it stands: no sign that it, Markdown or HTML would read as one of theirs."""
    text = re.sub(r"[^\w\s,.()/'=?\N{MULTIPLICATION SIGN}-]|(?<![^\W_])_|_(?![^\W_])", _entity, text)
    return re.sub(r"^\s*-|(?<=^\d)[.)]|(?<=^\d\d)[.)]", _entity, text)


def _entity(found: re.Match[str]) -> str:
    return "".join(f"#{ord(letter)};" for letter in found[0])


def dot(flow: Graph, state: State | None = None) -> str:
    """Return the graph of a flow in the language of graphviz."""
    picture = Picture(flow, state)
    title = f'<b>{escape(picture.title)}</b><br align="left"/>'
    if any(arrow.mapped for arrow in picture.arrows):
        title += f'<font point-size="10" color="{FAINT}">Dashed: once for each element.</font><br align="left"/>'
    lines = [
        "digraph flow {",
        f'  graph [ranksep=0.45 nodesep=0.3 pad=0.2 bgcolor="#ffffff" fontname="{FONT}" labelloc=b labeljust=l'
        f" label=<{title}>]",
        f'  node [shape=box style="rounded,filled" fillcolor="#ffffff" color="{FAINT}" fontname="{FONT}" fontsize=12'
        f' fontcolor="{INK}" margin="0.14,0.06" height=0.35]',
        f'  edge [arrowsize=0.7 color="{FAINT}" fontname="{FONT}" fontsize=10 fontcolor="{FAINT}"]',
    ]
    for place, box in enumerate(picture.boxes):
        lines.append(f"  t{place} [label=<{''.join(_html(box))}>{_style(box)}]")
    for arrow in picture.arrows:
        label = f" label=< {escape(arrow.label)}>" if arrow.label else ""
        style = " style=dashed" if arrow.mapped else ""
        lines.append(f"  t{arrow.before} -> t{arrow.after} [{label}{style}]")
    return "\n".join([*lines, "}"]) + "\n"


def _html(box: Box) -> Iterator[str]:
    first, *rest = _lines(box)
    yield f"<b>{escape(first)}</b>"
    for line in rest:
        yield f'<br/><font point-size="10">{escape(line)}</font>'


def _style(box: Box) -> str:
    shape = {INPUT: " shape=note style=filled", MAP: " shape=box3d style=filled", TASK: ""}[box.kind]
    if box.style is None:
        return shape
    return f'{shape} fillcolor="{box.style[0]}" color="{box.style[1]}" penwidth={2 if box.rim else 1}'
