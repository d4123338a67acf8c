"""A table as a state diagram of PlantUML: families are frames, and a legend says which signals carry which states."""

from __future__ import annotations

import re
from collections.abc import Iterator

from interlock._draw import alike
from interlock._flat import prose
from interlock._machine import Machine
from interlock._table import Table

TAKEN = {"as", "caption", "center", "end", "footer", "header", "hide", "left", "legend", "note", "right", "scale"}
TAKEN |= {"skinparam", "state", "title", "top"}
"""What a line may not begin with, if it is the name of a state."""


def plantuml(machine: Machine) -> str:
    """Return the diagram."""
    table = machine._table
    names = _names(table)
    lines = ["@startuml", f"title {prose(table.name)}", "hide empty description", *_frame(table, names, None, "")]
    lines.append(f"[*] --> {names[table.initial]}")
    for (before, after, guard), signals in _arrows(table).items():
        asked = f" [{guard}]" if guard else ""
        lines.append(f"{names[before]} --> {names[after]} : {', '.join(signals)}{asked}")
    lines += [f"{names[state]} --> [*]" for state in table.concrete() if table.states[state].final]
    return "\n".join([*lines, *_legend(table), "@enduml"]) + "\n"


def _names(table: Table) -> dict[str, str]:
    """Return by state what the diagram calls it."""
    plain = {name for name in table.states if re.fullmatch("[A-Za-z][A-Za-z0-9_]*", name) and name not in TAKEN}
    return {name: name if name in plain else f"state.{place}" for place, name in enumerate(table.states)}


def _frame(table: Table, names: dict[str, str], family: str | None, indent: str) -> Iterator[str]:
    """Yield the states of a family; one that is a family itself is a frame, and the first in it if a run can be so."""
    for name, state in table.states.items():
        if state.is_ != family:
            continue
        members = len(table.family(name)) > 1
        if members:
            yield f'{indent}state "{name}" as family.{names[name]} {{'
        inner = indent + "  " if members else indent
        if not state.abstract:
            yield f'{inner}state "{name}" as {names[name]} : {prose(state.means)}'
        if members:
            yield from _frame(table, names, name, inner)
            yield f"{indent}}}"


def _arrows(table: Table) -> dict[tuple[str, str, str | None], list[str]]:
    """Return by state, state that follows and guard: the signals that lead there."""
    found: dict[tuple[str, str, str | None], list[str]] = {}
    for cell, choice in table.edges():
        found.setdefault((cell.state, choice.target, choice.guard), []).append(cell.signal)
    return found


def _legend(table: Table) -> list[str]:
    told: dict[tuple[str, tuple[str, ...]], list[str]] = {}
    for states in alike(table):
        for signal, cell in table.row(states[0]).items():
            if cell.carries:
                told.setdefault((signal, cell.carries), []).extend(states)
    lines = [
        f"{signal} from {', '.join(states)} carries one of {', '.join(carries)}"
        for (signal, carries), states in told.items()
    ]
    return ["legend", *lines, "endlegend"] if lines else []
