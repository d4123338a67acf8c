"""A life cycle as a state diagram of PlantUML: families are frames, a legend says which states are carried."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise
from typing import TYPE_CHECKING

from interlock._colours import BLUE, GREY, colours
from interlock._flat import prose
from interlock._folds import Arrow, Card, Folds, Frame
from interlock._machine import Machine

if TYPE_CHECKING:
    from interlock._focus import Focus

MIXED = BLUE.line  # what stands out and leads to several families
LOOK = """skinparam shadowing false
skinparam ArrowColor #57606a
skinparam StateBackgroundColor #ffffff
skinparam StateBorderColor #8a8f98
skinparam LegendBackgroundColor #ffffff
skinparam LegendBorderColor #ffffff"""
TAKEN = {"as", "caption", "center", "end", "footer", "header", "hide", "left", "legend", "note", "right", "scale"}
TAKEN |= {"skinparam", "state", "title", "top"}
"""What a line may not begin with, if it is the name of a state."""


def plantuml(machine: Machine, focus: Focus | None = None) -> str:
    """Return the diagram.

    Args:
        machine: the life cycle.
        focus: what stands out, by thick arrows and bold signals; all else is dashed. None: nothing does.
    """
    return "\n".join(_Diagram(machine, focus).lines()) + "\n"


class _Diagram:
    """What is known of a diagram while it is written."""

    def __init__(self, machine: Machine, focus: Focus | None) -> None:
        self.focus = focus
        self.states = machine._table.states
        self.folds = Folds(machine, focus)
        self.colours = colours(machine)
        self.touched = self.folds.touched()
        self.places = {node: place for place, node in enumerate(self.folds.root.nodes())}

    def lines(self) -> Iterator[str]:
        table = self.folds.table
        yield from ("@startuml", f"title {_safe(table.name)}", "hide empty description", *LOOK.splitlines())
        yield from self._frame(self.folds.root, "")
        first = self.folds.home[table.initial]
        yield f"[*] --> {self._id(first[0])}{f' : → {table.initial}' if len(first) > 1 else ''}"
        yield from map(self._arrow, self.folds.arrows)
        ends = dict.fromkeys(self._end(arrow) for arrow in self.folds.arrows if not self._live(arrow))
        yield from (f"{end} --> [*]" for end in ends)
        legend = self.folds.legend()
        if self.focus is not None and self.focus.told:
            legend[0] = _safe(legend[0])
        yield from ["legend left", *legend, "endlegend"] if legend else []
        yield "@enduml"

    def _id(self, state: str) -> str:
        """Return what the diagram calls a state: its name, unless that may mean something else."""
        plain = re.fullmatch("[A-Z][A-Za-z0-9]*", state) and state.lower() not in TAKEN
        return state if plain else f"state{list(self.states).index(state)}"

    def _live(self, arrow: Arrow) -> bool:
        return arrow.end in self.folds.home

    # Frames, and what stands in them

    def _frame(self, frame: Frame, indent: str) -> Iterator[str]:
        """Yield what stands in a frame; final states that nothing else holds stand one below the other."""
        for part in frame.parts:
            if isinstance(part, Frame):
                yield f'{indent}state "{part.name}" as family_{self._id(part.name)} {{'
                yield from self._frame(part, indent + "  ")
                yield f"{indent}}}"
            else:
                yield from self._node((part,) if isinstance(part, str) else part, indent)
        finals = [part for part in frame.parts if isinstance(part, str)]
        yield from (f"{indent}{self._id(one)} -[hidden]-> {self._id(other)}" for one, other in pairwise(finals))

    def _node(self, states: Card, indent: str) -> Iterator[str]:
        name, heads = self._id(states[0]), ", ".join(map(self._head, states))
        yield f'{indent}state "{heads}" as {name} [[{{{_safe(self.folds.means(states))}}}]] {self._look(states)}'
        for line in self.folds.within(states):
            yield from (f"{indent}{name} : {text}" for text in self.folds.worded(line))

    def _head(self, state: str) -> str:
        name = self.folds.named(state)
        return name if name == state else f"<b>{name}</b>"

    def _look(self, states: Card) -> str:
        """Return the colours of a card or of a final state."""
        found = {self.colours[state] for state in states}
        colour = found.pop() if len(found) == 1 else GREY
        if self.focus is not None and self.focus.now in states:
            return f"{colour.line};line:{colour.dark[1:]}"
        if self.touched.intersection(states):
            return f"{colour.on_white};line:{colour.line[1:]}"
        return f"#ffffff;line:{GREY.line[1:]};line.dashed"

    # Arrows

    def _arrow(self, arrow: Arrow) -> str:
        """Return an arrow; one that leads to what stands before it in the table leads upwards, and so moves nothing."""
        up = "up" if self._live(arrow) and self.places[self.folds.home[arrow.end]] < self.places[arrow.card] else ""
        text = "\\n".join(self.folds.labels(arrow))
        line = f"{self._id(arrow.card[0])} -{up}[{self._style(arrow)}]-> {self._end(arrow)}"
        return f"{line} : {text}" if text else line

    def _end(self, arrow: Arrow) -> str:
        return f"family_{self._id(arrow.end)}" if arrow.framed else self._id(arrow.end)

    def _style(self, arrow: Arrow) -> str:
        """Return the style of an arrow: the colour of what it leads to."""
        if not arrow.lit:
            return f"{GREY.line},dashed"
        if self.focus is None and not self._live(arrow):
            return GREY.line
        found = {self.colours[line.target].line for line in arrow.lines if line.lit}
        return f"{found.pop() if len(found) == 1 else MIXED},thickness={2 if self.focus is None else 3}"


def _safe(text: str) -> str:
    """Return prose on one line, without what may end it or mean something else."""
    return prose(text).translate(str.maketrans('[]{}\\"', "()()/'")).replace("%", "% ")
