"""What an extension may add to a table, and how the two are put together."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from interlock._errors import SpecError, shown, suggest
from interlock._table import Table

PARTS = ("states", "groups", "signals", "limits", "guards", "from")


def merged(table: Table, extension: object, file: str) -> dict[str, Any]:
    """Return the mapping of the extended table. Any: what a TOML file may hold.

    Raises:
        SpecError: the extension is no mapping, or touches what the table says already.
    """
    if not isinstance(extension, Mapping):
        raise SpecError(file, (f"is {type(extension).__name__!r}, not a mapping",))
    problems = [f"unknown key {shown(key)}.{suggest(key, PARTS)}" for key in extension if key not in PARTS]
    parts = {key: extension.get(key, {}) for key in PARTS}
    problems += [
        f"{key}: is {shown(part)}; it must be a section" for key, part in parts.items() if not isinstance(part, Mapping)
    ]
    if not problems:
        problems = _touched(table, parts)
    if problems:
        raise SpecError(file, tuple(problems))
    both = {**table.source, **{key: {**table.source.get(key, {}), **part} for key, part in parts.items() if part}}
    if parts["from"]:
        rows = dict(table.source["from"])
        for section, row in parts["from"].items():
            rows[section] = {**rows.get(section, {}), **row} if isinstance(row, Mapping) else row
        both["from"] = rows
    return both


def _touched(table: Table, parts: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Return what the extension would change, a line each."""
    there: dict[str, Mapping[str, object]] = {
        "states": table.states,
        "groups": table.groups,
        "signals": table.signals,
        "limits": table.limits,
        "guards": table.guards,
    }
    problems = [
        f"{key}.{name}: {table.name} has it already; an extension adds and changes nothing"
        for key, names in there.items()
        for name in parts[key]
        if name in names
    ]
    for name, entry in parts["states"].items():
        if name in table.states or not isinstance(entry, Mapping):
            continue
        family = entry.get("is")
        if not isinstance(family, str) or family not in {**table.states, **parts["states"]}:
            near = suggest(name if family is None else family, table.states)
            problems.append(f"states.{name}: belongs to no family; say is = 'STATE'.{near}")
    for section, row in parts["from"].items():
        old = _old(table, section, parts["groups"])
        for signal in row if isinstance(row, Mapping) else ():
            if old and signal in table.signals:
                problems.append(
                    f"from.{section}.{signal}: the answer of {old[0]} to {signal} is closed; "
                    "rows are only for a new signal or from a new state"
                )
    return problems


def _old(table: Table, section: str, groups: Mapping[str, Any]) -> list[str]:
    """Return the states of the table that a section of an extension is about."""
    members = {**table.groups, **groups}.get(section, (section,))
    if not isinstance(members, list | tuple):
        return []
    return [state for state in members if isinstance(state, str) and state in table.states]
