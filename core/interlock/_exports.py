"""Everything that a table can be drawn as, by name; the graph of a flow has a module of its own.

Each format is a function here, which loads what it needs when it is called: whoever draws nothing loads nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Literal, NamedTuple, TypedDict, Unpack, overload

from interlock._errors import InterlockError, listed, shown, suggest
from interlock._machine import Machine

if TYPE_CHECKING:
    from interlock._covered import Covered
    from interlock._flat import Flat
    from interlock._flow import Flow
    from interlock._focus import Focus
    from interlock._run import Run
    from interlock._story import Story
    from interlock.states import State

Drawn = str | bytes
Limits = Mapping[str, float] | None
Text = Literal[
    "mermaid", "dot", "svg", "plantuml", "grid", "markdown", "html", "scxml", "xstate", "transitions", "tla", "json"
]
GraphText = Literal["mermaid", "dot", "svg", "text"]


class Lit(TypedDict, total=False):
    """What stands out in the picture of a life cycle."""

    from_: str | Iterable[str]
    only: str | Iterable[str]
    story: Run | Story | None
    coverage: Covered | None


@overload
def draw(machine: Machine, format: Text = "mermaid", *, limits: Limits = None, **lit: Unpack[Lit]) -> str: ...
@overload
def draw(machine: Machine, format: Literal["png"], *, limits: Limits = None, **lit: Unpack[Lit]) -> bytes: ...
@overload
def draw(machine: Flow, format: GraphText = "mermaid", *, state: State | None = None) -> str: ...
@overload
def draw(machine: Flow, format: Literal["png"], *, state: State | None = None) -> bytes: ...
@overload
def draw(
    machine: Machine | Flow, format: str, *, limits: Limits = None, state: State | None = None, **lit: Unpack[Lit]
) -> Drawn: ...
def draw(
    machine: Machine | Flow,
    format: str = "mermaid",  # noqa: A002  # users say it
    *,
    limits: Limits = None,
    from_: str | Iterable[str] = (),
    only: str | Iterable[str] = (),
    story: Run | Story | None = None,
    coverage: Covered | None = None,
    state: State | None = None,
) -> Drawn:
    """Return a life cycle, or the graph of a flow, in another form: text, but for "png", which is bytes.

    What is for people can let a part of a life cycle stand out; where several are asked for, what all of them let.

    Args:
        machine: the life cycle, or the flow.
        format: of a life cycle, "mermaid", "dot", "svg", "png", "plantuml", "grid", "markdown" and "html" are for
            people; "scxml", "xstate" and "tla" are for machines that run or check it; "transitions" is markup; "json"
            is all that the table says. Of a flow there are "mermaid", "dot", "svg", "png" and "text".
        limits: numbers for "scxml", "xstate" and "tla"; what is missing has its default.
        from_: states, families or groups: what leads out of them stands out.
        only: signals: they stand out.
        story: a run or its story: the steps that it took, and where it is.
        coverage: the rows that were taken, as `interlock.testing.Coverage` found them.
        state: of a flow: what a run of it returned, for the states of its tasks.

    Raises:
        ValueError: there is no such format, limit, state or signal, or the format has no place for what is given.
        InterlockError: graphviz is needed and not there, or could not draw it; or the state is not one of the flow.
    """
    if not isinstance(machine, Machine):
        from interlock import _flow_draw  # a flow knows its life cycles, and not the other way round

        given = {"limits": limits, "from_": from_, "only": only, "story": story, "coverage": coverage}
        said = [name for name, value in given.items() if value not in (None, ())]
        return _flow_draw.draw(machine, format, said, state)
    if not isinstance(format, str) or format not in FORMATS:
        raise ValueError(f"draw: {unknown(format)}")
    if state is not None:
        raise ValueError("draw: state= is for flows; a life cycle has no states of tasks")
    if limits is not None and format not in NUMBERED:
        raise ValueError(f"draw: {format} has limits by name only; numbers are for {listed(NUMBERED)}")
    focus = _focus(machine, from_, only, story, coverage)
    if focus is not None and format not in SEEN:
        raise ValueError(f"draw: nothing stands out in {format}, which is for programs; it does in {listed(SEEN)}")
    return FORMATS[format](machine, Asked(limits, focus))


class Asked(NamedTuple):
    """What a picture is to show beside the table."""

    limits: Limits = None
    focus: Focus | None = None


def _focus(
    machine: Machine,
    from_: str | Iterable[str],
    only: str | Iterable[str],
    story: Run | Story | None,
    coverage: Covered | None,
) -> Focus | None:
    from interlock import _focus

    return _focus.of(machine, from_, only, story, coverage)


def unknown(format: object, known: Iterable[str] | None = None) -> str:  # noqa: A002  # as in `draw`
    """Return what is to be said of a format that there is not among those that are known; of life cycles, if none."""
    names = list(FORMATS if known is None else known)
    return f"{shown(format)} is no format.{suggest(format, names)} There are: {listed(names)}"


def _mermaid(machine: Machine, asked: Asked) -> Drawn:
    from interlock._mermaid import mermaid

    return mermaid(machine, focus=asked.focus)


def _grid(machine: Machine, asked: Asked) -> Drawn:
    from interlock._grid_text import grid

    return grid(machine, focus=asked.focus)


def _markdown(machine: Machine, asked: Asked) -> Drawn:
    from interlock._grid_markdown import markdown

    return markdown(machine, focus=asked.focus)


def _html(machine: Machine, asked: Asked) -> Drawn:
    from interlock._grid_html import html

    return html(machine, focus=asked.focus)


def _dot(machine: Machine, asked: Asked) -> str:
    from interlock._dot import dot

    return dot(machine, focus=asked.focus)


def _svg(machine: Machine, asked: Asked) -> Drawn:
    return picture(_dot(machine, asked), "svg", machine.name).decode("utf-8", "replace")


def _png(machine: Machine, asked: Asked) -> Drawn:
    return picture(_dot(machine, asked), "png", machine.name)


def picture(source: str, kind: str, name: str) -> bytes:
    """Return the picture that the program `dot` makes.

    Raises:
        InterlockError: it is not there, or could not draw it.
    """
    from interlock import _dot

    if not _dot.is_there():
        raise InterlockError(
            f"{kind} needs the program dot of graphviz, which is not on the PATH; the format dot is drawn without it"
        )
    drawn = _dot.picture(source, kind)
    if drawn is None:
        raise InterlockError(f"{kind}: graphviz could not draw {name}, or not in time; try the format dot")
    return drawn


def _plantuml(machine: Machine, asked: Asked) -> Drawn:
    from interlock._export_plantuml import plantuml

    return plantuml(machine, focus=asked.focus)


def _flat(machine: Machine, asked: Asked) -> Flat:
    from interlock._flat import Flat

    return Flat(machine, asked.limits)


def _scxml(machine: Machine, asked: Asked) -> Drawn:
    from interlock._export_scxml import scxml

    return scxml(_flat(machine, asked))


def _xstate(machine: Machine, asked: Asked) -> Drawn:
    from interlock._export_xstate import xstate

    return xstate(_flat(machine, asked))


def _transitions(machine: Machine, asked: Asked) -> Drawn:
    from interlock._export_markup import markup

    return markup(_flat(machine, asked))


def _tla(machine: Machine, asked: Asked) -> Drawn:
    from interlock._export_tla import tla

    return tla(_flat(machine, asked))


def _json(machine: Machine, asked: Asked) -> Drawn:
    from interlock._export_json import as_json

    return as_json(machine)


FORMATS: dict[str, Callable[[Machine, Asked], Drawn]] = {
    "mermaid": _mermaid,
    "dot": _dot,
    "svg": _svg,
    "png": _png,
    "plantuml": _plantuml,
    "grid": _grid,
    "markdown": _markdown,
    "html": _html,
    "scxml": _scxml,
    "xstate": _xstate,
    "transitions": _transitions,
    "tla": _tla,
    "json": _json,
}
NUMBERED = ("scxml", "xstate", "tla")
"""The formats in which limits are numbers."""
SEEN = ("mermaid", "dot", "svg", "png", "plantuml", "grid", "markdown", "html")
"""The formats in which something can stand out: those for people."""
SUFFIXES = {
    ".mmd": "mermaid",
    ".mermaid": "mermaid",
    ".dot": "dot",
    ".gv": "dot",
    ".svg": "svg",
    ".png": "png",
    ".puml": "plantuml",
    ".plantuml": "plantuml",
    ".txt": "grid",
    ".md": "markdown",
    ".html": "html",
    ".htm": "html",
    ".scxml": "scxml",
    ".tla": "tla",
    ".json": "json",
}
"""By the ending of a file's name: what it holds."""
GRAPHS = ("mermaid", "dot", "svg", "png", "text")
"""The formats of the graph of a flow, which are made elsewhere."""
GRAPH_SUFFIXES = {suffix: form for suffix, form in SUFFIXES.items() if form in GRAPHS} | {".txt": "text"}
"""Of these: by the ending of a file's name, what it holds."""
