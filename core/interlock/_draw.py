"""The rows of a table, as they are drawn."""

from __future__ import annotations

from interlock._table import Table

Way = tuple[str, str, str]
"""A row: the state before, the signal, the state behind it."""


def alike(table: Table) -> list[tuple[str, ...]]:
    """Return the states with a way out, those together that answer every signal alike, by the same guards."""
    found: dict[object, tuple[str, ...]] = {}
    for state in table.concrete():
        if not table.states[state].final:
            answers = tuple((signal, cell.choices, cell.carries) for signal, cell in table.row(state).items())
            found[answers] = (*found.get(answers, ()), state)
    return list(found.values())


def ways(table: Table) -> list[Way]:
    """Return the rows of a table, in its order: each state that a signal may lead to from a state is one."""
    return [
        (state, signal, target)
        for state in table.concrete()
        for signal, cell in table.row(state).items()
        for target in cell.targets
    ]
