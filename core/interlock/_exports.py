"""Everything that a table can be drawn as, by name.

Each format is a function here, which loads what it needs when it is called: whoever draws nothing loads nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Literal, overload

from interlock._errors import InterlockError, listed, shown, suggest
from interlock._machine import Machine

if TYPE_CHECKING:
    from interlock._flat import Flat

Drawn = str | bytes
Limits = Mapping[str, float] | None
Text = Literal[
    "mermaid", "dot", "svg", "plantuml", "grid", "markdown", "html", "scxml", "xstate", "transitions", "tla", "json"
]


@overload
def draw(machine: Machine, format: Text = "mermaid", *, limits: Limits = None) -> str: ...
@overload
def draw(machine: Machine, format: Literal["png"], *, limits: Limits = None) -> bytes: ...
@overload
def draw(machine: Machine, format: str, *, limits: Limits = None) -> Drawn: ...
def draw(machine: Machine, format: str = "mermaid", *, limits: Limits = None) -> Drawn:  # noqa: A002  # users say it
    """Return a life cycle in another form: text, but for "png", which is bytes.

    Args:
        machine: the life cycle.
        format: "mermaid", "dot", "svg", "png", "plantuml", "grid", "markdown" and "html" are for people; "scxml",
            "xstate" and "tla" are for machines that run or check it; "transitions" is markup; "json" is all that the
            table says.
        limits: numbers for "scxml", "xstate" and "tla"; what is missing has its default.

    Raises:
        ValueError: there is no such format or limit, or the format has no numbers for limits.
        InterlockError: graphviz is needed and not there, or could not draw it.
    """
    if not isinstance(machine, Machine):
        raise ValueError(f"draw: {shown(machine)} is no Machine; Machine.load(...) makes one")
    if not isinstance(format, str) or format not in FORMATS:
        raise ValueError(f"draw: {unknown(format)}")
    if limits is not None and format not in NUMBERED:
        raise ValueError(f"draw: {format} has limits by name only; numbers are for {listed(NUMBERED)}")
    return FORMATS[format](machine, limits)


def unknown(format: object) -> str:  # noqa: A002  # as in `draw`
    """Return what is to be said of a format that there is not."""
    return f"{shown(format)} is no format.{suggest(format, FORMATS)} There are: {listed(FORMATS)}"


def of_suffix(suffix: str) -> str | None:
    """Return the format that the ending of a file's name asks for; None where it asks for none."""
    return SUFFIXES.get(suffix.lower())


def _mermaid(machine: Machine, limits: Limits) -> Drawn:
    from interlock._draw import mermaid

    return mermaid(machine)


def _grid(machine: Machine, limits: Limits) -> Drawn:
    from interlock._grid_text import grid

    return grid(machine)


def _markdown(machine: Machine, limits: Limits) -> Drawn:
    from interlock._grid_markdown import markdown

    return markdown(machine)


def _html(machine: Machine, limits: Limits) -> Drawn:
    from interlock._grid_html import html

    return html(machine)


def _dot(machine: Machine, limits: Limits) -> Drawn:
    from interlock._dot import dot

    return dot(machine)


def _svg(machine: Machine, limits: Limits) -> Drawn:
    return _picture(machine, "svg").decode("utf-8", "replace")


def _png(machine: Machine, limits: Limits) -> Drawn:
    return _picture(machine, "png")


def _picture(machine: Machine, kind: str) -> bytes:
    from interlock import _dot

    if not _dot.is_there():
        raise InterlockError(
            f"{kind} needs the program dot of graphviz, which is not on the PATH; the format dot is drawn without it"
        )
    picture = _dot.picture(_dot.dot(machine), kind)
    if picture is None:
        raise InterlockError(f"{kind}: graphviz could not draw {machine.name}, or not in time; try the format dot")
    return picture


def _plantuml(machine: Machine, limits: Limits) -> Drawn:
    from interlock._export_plantuml import plantuml

    return plantuml(machine)


def _flat(machine: Machine, limits: Limits) -> Flat:
    from interlock._flat import Flat

    return Flat(machine, limits)


def _scxml(machine: Machine, limits: Limits) -> Drawn:
    from interlock._export_scxml import scxml

    return scxml(_flat(machine, limits))


def _xstate(machine: Machine, limits: Limits) -> Drawn:
    from interlock._export_xstate import xstate

    return xstate(_flat(machine, limits))


def _transitions(machine: Machine, limits: Limits) -> Drawn:
    from interlock._export_markup import markup

    return markup(_flat(machine, limits))


def _tla(machine: Machine, limits: Limits) -> Drawn:
    from interlock._export_tla import tla

    return tla(_flat(machine, limits))


def _json(machine: Machine, limits: Limits) -> Drawn:
    from interlock._export_json import as_json

    return as_json(machine)


FORMATS: dict[str, Callable[[Machine, Limits], Drawn]] = {
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
