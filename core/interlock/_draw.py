"""A table drawn: the control table as a grid, and a Mermaid state diagram.

Both are generated from the table alone, so that a change of behaviour is seen wherever they are checked in. A third
drawing shows which of its rows were taken.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from interlock._machine import Machine
from interlock._table import REFUSED, Cell, Table

Rows = dict[tuple[str, ...], dict[str, str]]
Way = tuple[str, str, str]
"""A row: the state before, the signal, the state behind it."""

# Blue and full against grey, thin and dashed: whoever sees no colours sees the difference too.
TAKEN = "stroke:#0072b2,stroke-width:3px"
UNTAKEN = "stroke:#999999,stroke-width:1px,stroke-dasharray:4 4"


def codes(table: Table) -> dict[str, str]:
    """Return a short code for each state, two letters where that is enough, unique in the table."""
    found: dict[str, str] = {}
    for name in table.concrete():
        capitals = "".join(letter for letter in name if letter.isupper())
        wanted = [capitals] if len(capitals) == 2 else []
        wanted += [name[:1] + letter for letter in name[1:]] + [name]
        found[name] = next(code for code in wanted if code not in found.values())
    return found


def _show(cell: Cell | None, codes: dict[str, str]) -> str:
    if cell is None:
        return "."
    if cell.refused:
        return "x"
    if cell.carries:
        return "{" + " ".join(codes[target] for target in cell.carries) + "}"
    parts = ["x" if c.target == REFUSED else codes[c.target] + ("?" if c.guard else "") for c in cell.choices]
    return "/".join(parts)


def alike(table: Table) -> list[tuple[str, ...]]:
    """Return the states with a way out, those together that answer every signal alike, by the same guards."""
    found: dict[object, tuple[str, ...]] = {}
    for state in table.concrete():
        if not table.states[state].final:
            answers = tuple((signal, cell.choices, cell.carries) for signal, cell in table.row(state).items())
            found[answers] = (*found.get(answers, ()), state)
    return list(found.values())


def _shown(table: Table) -> Rows:
    """Return the shown cells by the states that share them."""
    short = codes(table)
    return {
        states: {signal: _show(table.cells.get((states[0], signal)), short) for signal in table.signals}
        for states in alike(table)
    }


def _sets(rows: Rows) -> dict[str, str]:
    """Return a name for each set of carried states, so that a cell stays narrow: {1}, {2}, ..."""
    cells = [cell for row in rows.values() for cell in row.values() if cell.startswith("{")]
    return {cell: f"{{{number}}}" for number, cell in enumerate(dict.fromkeys(cells), start=1)}


def grid(machine: Machine, width: int | None = None) -> str:
    """Return the control table as text: states down, signals across.

    Args:
        machine: the machine.
        width: columns of the terminal; where the table is wider, signals go into several blocks. None: one block.
    """
    rows, columns = narrowed(machine)
    first = max(len(" ".join(states)) for states in rows)
    blocks = _blocks(rows, columns, first, width)
    tables = ["\n".join(_lines(rows, block, first)) for block in blocks]
    return "\n\n".join([*tables, "\n".join(legend(machine, width))])


def narrowed(machine: Machine) -> tuple[Rows, list[str]]:
    """Return the grid's cells by the states that share them, and the signals that head its columns."""
    table = machine._table
    rows = _shown(table)
    sets = _sets(rows)
    return {states: {g: sets.get(c, c) for g, c in row.items()} for states, row in rows.items()}, list(table.signals)


def _blocks(rows: Rows, columns: list[str], first: int, width: int | None) -> list[list[str]]:
    blocks: list[list[str]] = [[]]
    used = first
    for signal in columns:
        room = 1 + max(len(signal), *(len(row[signal]) for row in rows.values()))
        if width is not None and used + room > width and blocks[-1]:
            blocks.append([])
            used = first
        blocks[-1].append(signal)
        used += room
    return blocks


def _lines(rows: Rows, signals: Iterable[str], first: int) -> list[str]:
    widths = {signal: max(len(signal), *(len(row[signal]) for row in rows.values())) for signal in signals}
    lines = [" ".join([" " * first, *(signal.ljust(widths[signal]) for signal in widths)]).rstrip()]
    for states, row in rows.items():
        cells = (row[signal].ljust(widths[signal]) for signal in widths)
        lines.append(" ".join([" ".join(states).ljust(first), *cells]).rstrip())
    return lines


def legend(machine: Machine, width: int | None) -> list[str]:
    """Return lines that say what the cells of the grid mean."""
    import textwrap

    table = machine._table
    names = [f"{code}\N{NO-BREAK SPACE}{name}" for name, code in codes(table).items()]
    lines = textwrap.wrap("  ".join(names), width or 120, break_on_hyphens=False)
    for cell, name in _sets(_shown(table)).items():
        lines += textwrap.wrap(f"{name} carries one of {cell[1:-1]}", width or 120, subsequent_indent="    ")
    lines += textwrap.wrap(
        ". refused   x refused, with a reason   ? if its guard says yes, else the next", width or 120
    )
    return [line.replace("\N{NO-BREAK SPACE}", " ") for line in lines]


def markdown_grid(machine: Machine) -> str:
    """Return the control table as a Markdown table, states down and signals across, with full names in the cells."""
    table = machine._table
    lines = ["| state | " + " | ".join(table.signals) + " |", "| --- " * (1 + len(table.signals)) + "|"]
    rows = named(table)
    sets = _sets(rows)
    for states, row in rows.items():
        cells = [sets.get(cell, cell) for cell in row.values()]
        lines.append(f"| **{'**, **'.join(states)}** | " + " | ".join(cells) + " |")
    for cell, name in sets.items():
        lines += ["", f"{name} carries one of: {', '.join(cell[1:-1].split())}."]
    reasons = [cell for cell in table.cells.values() if cell.because]
    by_place = dict.fromkeys((cell.place.removeprefix("from."), cell.because) for cell in reasons)
    lines += ["", "Why:", "", *(f"- `{place}`: {because}." for place, because in by_place)]
    return "\n".join(lines)


def named(table: Table) -> Rows:
    """Return the cells with the names of states in full, by the states that share them."""
    same = {name: name for name in table.concrete()}
    rows: Rows = {}
    for states in alike(table):
        cells = {signal: _show(table.cells.get((states[0], signal)), same) for signal in table.signals}
        rows[states] = {s: {".": "·", "x": "refused"}.get(c, c).replace("/", " / ") for s, c in cells.items()}
    return rows


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
