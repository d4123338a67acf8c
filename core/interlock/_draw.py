"""A table drawn: a Mermaid state diagram, and a flowchart that shows which of its rows were taken.

The diagram is generated from the table alone, so that a change of behaviour is seen wherever it is checked in.
"""

from __future__ import annotations

from collections.abc import Mapping

from interlock._machine import Machine
from interlock._table import REFUSED, Table

Way = tuple[str, str, str]
"""A row: the state before, the signal, the state behind it."""

# Blue and full against grey, thin and dashed: whoever sees no colours sees the difference too.
TAKEN = "stroke:#0072b2,stroke-width:3px"
UNTAKEN = "stroke:#999999,stroke-width:1px,stroke-dasharray:4 4"


def alike(table: Table) -> list[tuple[str, ...]]:
    """Return the states with a way out, those together that answer every signal alike, by the same guards."""
    found: dict[object, tuple[str, ...]] = {}
    for state in table.concrete():
        if not table.states[state].final:
            answers = tuple((signal, cell.choices, cell.carries) for signal, cell in table.row(state).items())
            found[answers] = (*found.get(answers, ()), state)
    return list(found.values())


def mermaid(machine: Machine) -> str:
    """Return a Mermaid state diagram: states with equal rows share a frame, carried states are a note."""
    table = machine._table
    frames: dict[tuple[str, ...], str] = {states: "_".join(states) for states in alike(table) if len(states) > 1}
    lines = ["stateDiagram-v2", "    direction LR"]
    for states, frame in frames.items():
        lines += [f'    state "{" · ".join(states)}" as {frame} {{', *(f"        {state}" for state in states), "    }"]
    lines.append(f"    [*] --> {table.initial}")
    lines += [f"    {before} --> {after} : {text}" for (before, after), text in _arrows(table, frames).items()]
    carries: dict[tuple[str, ...], list[str]] = {}
    for states in alike(table):
        for cell in table.row(states[0]).values():
            if cell.carries:
                carries.setdefault(states, []).append(f"{cell.signal} may carry: {', '.join(cell.carries)}")
    for states, texts in carries.items():
        lines += [
            f"    note right of {frames.get(states, states[0])}",
            *(f"        {t}" for t in texts),
            "    end note",
        ]
    lines += [f"    {state} --> [*]" for state in table.concrete() if table.states[state].final]
    return "\n".join(lines)


def _arrows(table: Table, frames: dict[tuple[str, ...], str]) -> dict[tuple[str, str], str]:
    arrows: dict[tuple[str, str], list[str]] = {}
    for states in alike(table):
        for signal, cell in table.row(states[0]).items():
            for choice in cell.choices:
                if choice.target == REFUSED:
                    continue
                label = f"{signal} [{choice.guard}]" if choice.guard else signal
                # Mermaid cannot draw from a frame to what is in it: those arrows leave each member.
                sources = states if choice.target in states else (frames.get(states, states[0]),)
                for source in sources:
                    arrows.setdefault((source, choice.target), []).append(label)
    return {way: ", ".join(dict.fromkeys(labels)) for way, labels in arrows.items()}


def covered(machine: Machine, taken: Mapping[Way, int]) -> str:
    """Return a Mermaid flowchart in which the rows that were taken stand out; a state diagram has no colours of arrows.

    Args:
        machine: the life cycle.
        taken: by row, how often it was taken; those that are missing were not.
    """
    table = machine._table
    ids = {state: f"s{place}" for place, state in enumerate(table.concrete())}
    lines = ["flowchart LR"]
    for state, name in ids.items():
        lines.append(f'    {name}(["{state}"])' if table.states[state].final else f'    {name}["{state}"]')
    arrows: dict[tuple[str, str, bool], list[str]] = {}
    for before, signal, after in ways(table):
        arrows.setdefault((before, after, taken.get((before, signal, after), 0) > 0), []).append(signal)
    for (before, after, was), names in arrows.items():
        arrow = "-->" if was else "-.->"
        lines.append(f'    {ids[before]} {arrow}|"{", ".join(names)}"| {ids[after]}')
    for style, kind in ((TAKEN, True), (UNTAKEN, False)):
        links = [str(place) for place, (_, _, was) in enumerate(arrows) if was is kind]
        lines += [f"    linkStyle {','.join(links)} {style}"] if links else []
    lines += ["    begin(( ))", f"    begin --> {ids[table.initial]}"]
    return "\n".join(lines)


def ways(table: Table) -> list[Way]:
    """Return the rows of a table, in its order: each state that a signal may lead to from a state is one."""
    return [
        (state, signal, target)
        for state in table.concrete()
        for signal, cell in table.row(state).items()
        for target in cell.targets
    ]
