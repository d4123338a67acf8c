"""The graph of a flow as lines of text: each task with its state, and what it waits for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from interlock._brief import counted
from interlock._colours import of_kind
from interlock._flow_picture import readable, states_of

if TYPE_CHECKING:
    from rich.text import Text

    from interlock._edges import Edge
    from interlock._graph import Graph
    from interlock._results import TaskStates
    from interlock._tasks import Task
    from interlock.states import State

FEW = 6  # upstreams of a task that a line of a terminal names


def plain(flow: Graph, state: State | None = None) -> str:
    """Return the tasks of a flow, each on a line behind those that it waits for."""
    return text(flow, state).plain


def text(flow: Graph, state: State | None = None, most: int | None = None) -> Text:
    """Return the same for a terminal.

    Args:
        flow: the flow.
        state: what a run of it returned, for the states of its tasks.
        most: how many upstreams of a task are named; None: all.
    """
    from rich.text import Text

    states = None if state is None else states_of(flow, state)
    slugs = flow.slugs
    rows = [
        (Text(readable(slugs[task])), _state(states, slugs[task]), Text(waits(flow.edges_to(task), slugs, most)))
        for task in flow.sorted_tasks()
    ]
    shown = [[row[0], row[1], row[2]] if states is not None else [row[0], row[2]] for row in rows]
    heads = [Text(head, "bold") for head in (["task", "state", "waits for"] if states else ["task", "waits for"])]
    widths = [max(line[place].cell_len for line in [heads, *shown]) for place in range(len(heads))]
    told = Text(readable(flow.name), "bold").append(f": {len(flow):,} {'task' if len(flow) == 1 else 'tasks'}")
    if state is not None:
        told = Text.assemble(told, ", ", _styled(state))
    lines = [told, *(_line(line, widths) for line in [heads, *shown])]
    return Text("\n").join(lines)


def waits(edges: Iterable[Edge], slugs: Mapping[Task, str], most: int | None = None) -> str:
    """Return what a task waits for: "x=slug" where that gives an argument; of a map, "x=each of slug"."""
    found = [
        readable((f"{edge.key}=" if edge.key else "") + ("each of " if edge.mapped else "") + slugs[edge.upstream])
        for edge in edges
    ]
    if most is not None and len(found) > most:
        found[most:] = [f"and {len(found) - most:,} more"]
    return ", ".join(found)


def _line(cells: list[Text], widths: list[int]) -> Text:
    from rich.text import Text

    *others, last = cells  # the last column is as wide as it is: of a task with many upstreams, very
    padded = [Text.assemble(cell, " " * (wide - cell.cell_len)) for cell, wide in zip(others, widths, strict=False)]
    line = Text("  ").join([*padded, last])
    line.rstrip()
    return line


def _state(states: TaskStates | None, slug: str) -> Text:
    from rich.text import Text

    if states is None or slug not in states.by_slug():
        return Text()
    children = Counter(type(child).__name__ for child in states.children(slug))
    return Text.assemble(_styled(states[slug]), f": {counted(children)}" if children else "")


def _styled(state: State) -> Text:
    from rich.text import Text

    colour = of_kind(type(state))
    return Text(type(state).__name__, "" if colour is None else colour.tone)
