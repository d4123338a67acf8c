"""The colours of states, shared by everything that shows states: pictures, tables and states in progress.

They are those that Okabe and Ito chose for all kinds of eyes. Whatever a colour says is also said by a name, a frame
or a width.
"""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

from interlock._machine import Machine


class Colour(NamedTuple):
    """The colour of a family."""

    line: str
    """For lines and tints."""
    dark: str
    """One that text can be read in, or on, where the ground is white."""
    tone: str
    """One that text can be read in on white and on black: whoever writes to a terminal does not know its ground."""

    @property
    def tint(self) -> str:
        """The ground of a name: so thin that ink can be read on it."""
        return self.line + "3d"

    @property
    def on_white(self) -> str:
        """The same where nothing can be seen through: on a white ground, with ink on it."""
        parts = (int(self.line[place : place + 2], 16) for place in (1, 3, 5))
        return "#" + "".join(f"{255 - (255 - part) * 0x3D // 255:02x}" for part in parts)


SKY = Colour("#56b4e9", "#1b6f9f", "#2b8cc4")
BLUE = Colour("#0072b2", "#00568a", "#0a6acb")
PINK = Colour("#cc79a7", "#96456f", "#b85f92")
ORANGE = Colour("#e69f00", "#855c00", "#a87500")
GREEN = Colour("#009e73", "#006b4e", "#009068")
VERMILION = Colour("#d55e00", "#a04500", "#d55e00")
GREY = Colour("#8a8f98", "#57606a", "#777c85")
OLIVE = Colour("#b3a200", "#6b6100", "#857900")

OPEN = (SKY, BLUE, PINK, ORANGE)
"""For families with a way out, in the order of the file, and round again."""
FINAL = (GREEN, VERMILION, GREY, OLIVE)
"""For families of final states, likewise."""

INK, FAINT, DIM, PALE = "#1f2328", "#57606a", "#8a8f98", "#d0d4d9"
"""For text, for text that says less, for what does not stand out, and for lines that only hold something together."""


def colours(machine: Machine) -> dict[str, Colour]:
    """Return the colour of each state: that of its largest family that a run can be in."""
    table = machine._table
    found: dict[str, Colour] = {}
    used = {False: 0, True: 0}
    for state in table.concrete():
        top = [name for name in table.lineage(state) if not table.states[name].abstract][-1]
        if top not in found:
            final = table.states[top].final
            offered = FINAL if final else OPEN
            found[top] = offered[used[final] % len(offered)]
            used[final] += 1
        found[state] = found[top]
    return found


def of_kind(kind: type) -> Colour | None:
    """Return the colour of a class of states: that of the nearest of its bases that a task run can be in."""
    known = _of_task_runs()
    return next((known[base.__name__] for base in kind.__mro__ if base.__name__ in known), None)


@cache
def _of_task_runs() -> dict[str, Colour]:
    return colours(Machine.load("task-run"))
