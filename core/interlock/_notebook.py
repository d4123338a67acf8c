"""What a notebook shows: text always, and a picture if graphviz is there, else a table.

IPython asks for it by `_repr_mimebundle_(include, exclude)`, which returns texts by their MIME types. Whatever is
missing or too large for a picture, there is something to show.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Container, Iterable, Sequence
from html import escape
from typing import TYPE_CHECKING

from interlock import _colours, _dot, _flow_picture, _focus, _grid_text, _visualize
from interlock._brief import MOST, children, counted, counts, picked
from interlock._errors import FlowError
from interlock._flat import prose
from interlock._flow_text import waits
from interlock._grid import Grid, Part
from interlock._results import TaskStates

if TYPE_CHECKING:
    from interlock._flow import Flow
    from interlock._machine import Machine
    from interlock._run import Run
    from interlock._story import Step
    from interlock.states import State

    Mimes = Container[str] | None

TEXT, SVG, HTML = "text/plain", "image/svg+xml", "text/html"
LARGEST = 200  # states or tasks in a picture: more can be neither read nor laid out in time
COLUMNS = 120  # of text, where no terminal says how many it has

Bundle = dict[str, str]


class _Html(str):
    """A text that is HTML already. Whatever else is shown may have come from anywhere, and is escaped."""

    __slots__ = ()


def machine(machine: Machine, include: Mimes = None, exclude: Mimes = None) -> Bundle:
    """Return what is shown of a machine: its life cycle as a picture, its grid."""
    small = len(machine.rows) <= LARGEST
    columns = shutil.get_terminal_size((COLUMNS, 0)).columns
    return _bundle(
        include,
        exclude,
        lambda: f"{machine!r}\n{_grid_text.grid(machine, columns)}" if small else repr(machine),
        lambda: _dot.svg(_dot.dot(machine)) if small else None,
        lambda: _grid(machine) if small else _html(repr(machine)),
    )


def run(run: Run, include: Mimes = None, exclude: Mimes = None) -> Bundle:
    """Return what is shown of a run: where it is in the picture of its machine, and its story."""
    small = len(run.machine.rows) <= LARGEST
    return _bundle(
        include,
        exclude,
        lambda: "\n".join([repr(run), *_arrows(run)]),
        lambda: _dot.svg(_dot.dot(run.machine, _focus.of_run(run))) if small else None,
        lambda: _story(run),
    )


def flow(flow: Flow, include: Mimes = None, exclude: Mimes = None) -> Bundle:
    """Return what is shown of a flow: its tasks, and what each of them waits for."""
    small = len(flow) <= LARGEST
    return _bundle(
        include,
        exclude,
        lambda: _tasks(flow),
        lambda: _graph(flow) if small else None,
        lambda: _upstreams(flow),
    )


def state(state: State, include: Mimes = None, exclude: Mimes = None) -> Bundle:
    """Return what is shown of a state: its name and message, and those of a flow's tasks.

    There is no picture: a state does not know the flow. `flow.visualize(state)` makes one.
    """
    return _bundle(include, exclude, lambda: repr(state), lambda: None, lambda: _states(state))


def _bundle(
    include: Mimes,
    exclude: Mimes,
    text: Callable[[], str],
    picture: Callable[[], str | None],
    table: Callable[[], str],
) -> Bundle:
    """Return what is asked for, by MIME type: as in IPython, nothing named is everything, and `exclude` goes first."""

    def wanted(mime: str) -> bool:
        return (not include or mime in include) and not (exclude and mime in exclude)

    bundle: Bundle = {}
    if wanted(TEXT):
        bundle[TEXT] = _sendable(text())
    if wanted(SVG) and (drawn := picture()) is not None:
        bundle[SVG] = drawn
    elif wanted(HTML):
        bundle[HTML] = _sendable(table())
    return bundle


def _sendable(text: str) -> str:
    """Return a text without what UTF-8 has no bytes for: a notebook could not be told of it."""
    return text.encode("utf-8", "replace").decode("utf-8")


# Text


def _arrows(run: Run) -> list[str]:
    steps, before = _last(run)
    if not steps:
        return []
    arrows = steps[0].before + "".join(f" -{step.signal}-> {step.after}" for step in steps)
    return [f"{before:,} steps before, then {arrows}" if before else arrows]


def _last(run: Run) -> tuple[Sequence[Step], int]:
    """Return the last steps of a run, and how many there were before."""
    story = run.story
    steps = story[-MOST:]
    return steps, story.skipped + len(story) - len(steps)


def _tasks(flow: Flow) -> str:
    lines = [f"  {slug} <- {sources}" if sources else f"  {slug}" for slug, sources in _rows(flow)]
    return "\n".join([repr(flow), *lines])


def _rows(flow: Flow) -> list[tuple[str, str]]:
    """Return tasks and what they wait for, the first ones where they are many."""
    slugs = flow.slugs
    rows = [(slugs[task], waits(flow.edges_to(task), slugs)) for task in flow.sorted_tasks()[:MOST]]
    return rows if len(flow) <= MOST else [*rows, (f"{len(flow) - MOST:,} more", "")]


# Picture


def _graph(flow: Flow) -> str | None:
    try:
        source = _flow_picture.dot(flow)
    except FlowError:  # too many edges
        return None
    return _dot.svg(source)


# HTML


def _html(text: object) -> _Html:
    return text if isinstance(text, _Html) else _Html(escape(str(text)))


def _join(*parts: object) -> _Html:
    return _Html("".join(map(_html, parts)))


def _chip(name: str, colour: str) -> _Html:
    """Return a name on a colour that lets the page's ground through, so that the page's own ink can be read on it."""
    return _Html(f'<span style="background:{escape(colour)};padding:1px 6px;border-radius:4px">{escape(name)}</span>')


def _table(head: Iterable[object], rows: Iterable[Iterable[object]]) -> _Html:
    top = "".join(f'<th style="text-align:left">{_html(cell)}</th>' for cell in head)
    lines = ("".join(f'<td style="text-align:left">{_html(cell)}</td>' for cell in row) for row in rows)
    body = "".join(f"<tr>{line}</tr>" for line in lines)
    return _Html(f"<table><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table>")


def _grid(machine: Machine) -> _Html:
    """Return the control table: states down, signals across."""
    grid = Grid(machine)
    head = [_Html(f'<span style="writing-mode:vertical-rl">{escape(signal.name)}</span>') for signal in grid.signals]
    body = [
        [_join(_Html("<b>"), ", ".join(row.states), _Html("</b>")), *(_cell(grid, cell) for cell in row.cells.values())]
        for row in grid.rows
    ]
    lines = [f"{name} carries one of: {', '.join(states)}" for states, name in grid.sets.items()]
    lines.append(f"Final, and refuse everything: {', '.join(grid.finals)}")
    notes = _join(*(_join(_Html("<div>"), line, _Html("</div>")) for line in lines))
    return _join(_Html("<div><b>"), machine.name, _Html("</b></div>"), _table(["", *head], body), notes)


def _cell(grid: Grid, parts: tuple[Part, ...]) -> _Html:
    """Return the answers of a cell below each other; what a guard means is shown where the pointer rests."""
    lines: list[object] = []
    for part in parts:
        colour = grid.colours.get(part.target)
        lines.append(part.target if colour is None else _chip(part.target, colour.tint))
        if part.guard:
            means = escape(prose(grid.table.guards[part.guard].means))
            lines[-1] = _join(lines[-1], _Html(f'<span title="{means}"> if {escape(part.guard)}</span>'))
    return _join(*(_join(_Html("<div>"), line, _Html("</div>")) for line in lines or ["·"]))


def _story(run: Run) -> _Html:
    """Return a run's steps as a table, the last ones where they are many."""
    steps, before = _last(run)
    colours = _colours.colours(run.machine)

    def chip(state: str) -> _Html:
        return _chip(state, colours[state].line + "80")

    rows: list[list[object]] = [[f"{before:,} before"]] if before else []
    rows += [[step.number, chip(step.before), _signal(step), chip(step.after)] for step in steps]
    closed = ", closed" if run.closed else ""
    table = _table(["step", "before", "signal", "after"], rows) if rows else ""
    return _join(_Html("<div><b>"), run.machine.name, _Html("</b>: "), chip(run.state), closed, _Html("</div>"), table)


def _signal(step: Step) -> str:
    return f"{step.signal} (asked: {step.asked}, chosen by {step.plugin})" if step.plugin else step.signal


def _upstreams(flow: Flow) -> _Html:
    """Return a flow's tasks and what they wait for as a table."""
    return _join(_Html("<div><b>"), flow.name, _Html("</b></div>"), _table(["task", "waits for"], _rows(flow)))


def _states(state: State) -> _Html:
    """Return a state, and those of a flow's tasks as a table; where they are many, those that went as usual counted."""
    own = counts(children(state)) or state.message or ""
    head = _join(_Html("<div>"), _named(state), _Html("&ensp;"), own, _Html("</div>"))
    if not isinstance(state.result, TaskStates):
        return head
    shown, rest = picked(state.result.by_slug().items())
    told = state.result.children
    rows: list[list[object]] = [
        [slug, _named(ended), counts(told(slug)) or ended.message or ""] for slug, ended in shown
    ]
    if rest:
        rows.append([f"{rest.total():,} more", "", counted(rest)])
    return _join(head, _table(["task", "state", "message"], rows))


def _named(state: State) -> _Html:
    return _chip(type(state).__name__, _visualize.colour_of(state))
