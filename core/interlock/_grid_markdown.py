"""The control table as a table of Markdown, and behind it what its cells cannot say."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from interlock._flat import prose
from interlock._grid import USER, Grid, Part
from interlock._machine import Machine

if TYPE_CHECKING:
    from interlock._focus import Focus

SPECIAL = re.compile(r"[\\`*\[\]<>|~&$]|(?<![^\W_])_|_(?![^\W_])")
"""What Markdown would not show as it stands; an underscore within a word is one."""


def markdown(machine: Machine, focus: Focus | None = None) -> str:
    """Return the control table with full names in its cells, and then guards and reasons.

    Args:
        machine: the life cycle.
        focus: what stands out: in the cells it is bold, and nothing else is.
    """
    grid = Grid(machine, focus)
    heads = [_head(signal.name, signal.raised_by) for signal in grid.signals]
    lines = [f"| state | {' | '.join(heads)} |", "| --- " * (1 + len(heads)) + "|"]
    for row in grid.rows:
        lines.append(f"| {_states(grid, row.states)} | {' | '.join(map(_cell, row.cells.values()))} |")
    for paragraph in _paragraphs(grid):
        lines += ["", paragraph]
    for title, items in (("Guards:", list(_guards(grid))), ("Why:", list(_reasons(grid)))):
        lines += ["", title, "", *items] if items else []
    return "\n".join(lines)


def _head(signal: str, who: str) -> str:
    return _plain(signal) if who in (USER, "") else f"*{_plain(signal)}*"


def _cell(parts: tuple[Part, ...]) -> str:
    """Return a cell in words: "Cached if `keeps_result`, else Success"."""
    shown = []
    for part in parts:
        text = f"**{_plain(part.target)}**{_behind(part.note)}" if part.lit else _plain(part.target)
        shown.append(f"{text} if `{part.guard}`" if part.guard else text)
    return (", else " if parts and parts[0].guard else ", ").join(shown) or "·"


def _states(grid: Grid, states: Iterable[str]) -> str:
    return ", ".join(f"**{_plain(state)}**{_behind(grid.here(state))}" for state in states)


def _behind(text: str) -> str:
    return f" ({text})" if text else ""


def _paragraphs(grid: Grid) -> Iterator[str]:
    if grid.focus is not None:
        yield f"What is bold in the cells stands out. {_plain(grid.told)}".rstrip()
    yield f"Final, and refuse everything: {_states(grid, grid.finals)}."
    if any(signal.raised_by not in (USER, "") for signal in grid.signals):
        yield "The work itself raises the signals that stand upright; those in italics come from elsewhere."
    for states, name in grid.sets.items():
        yield f"{name} carries one of: {', '.join(map(_plain, states))}."


def _guards(grid: Grid) -> Iterator[str]:
    for name in grid.guards:
        yield f"- `{name}`: {_plain(grid.table.guards[name].means)}."


def _reasons(grid: Grid) -> Iterator[str]:
    for why in grid.reasons():
        refused = " refused" if why.refused else ""
        yield f"- `{why.signal}`{refused} in {', '.join(map(_plain, why.states))}: {_plain(why.because)}."


def _plain(text: str) -> str:
    """Return a text that Markdown shows as it stands."""
    return SPECIAL.sub(lambda found: f"\\{found[0]}", prose(text))
