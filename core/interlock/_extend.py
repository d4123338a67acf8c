"""What an extension may add to a table, and how the two are put together."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from interlock._errors import SpecError, suggest
from interlock._table import Table

PARTS = ("states", "groups", "signals", "limits", "guards", "from")


def merged(table: Table, extension: object, file: str) -> dict[str, Any]:
    """Return the mapping of the extended table. Any: what a TOML file may hold.

    Raises:
        SpecError: the extension is no mapping, or touches what the table says already.
    """
    if not isinstance(extension, Mapping):
        raise SpecError(file, (f"is {type(extension).__name__!r}, not a mapping",))
    problems = [f"unknown key {key!r}.{suggest(key, PARTS)}" for key in extension if key not in PARTS]
    parts = {key: extension.get(key, {}) for key in PARTS}
    problems += [f"{key}: is {part!r}; it must be a section" for key, part in parts.items() if not _is_map(part)]
    if not problems:
        problems = _touched(table, parts)
    if problems:
        raise SpecError(file, tuple(problems))
    both = {**table.source, **{key: {**table.source.get(key, {}), **part} for key, part in parts.items() if part}}
    if parts["from"]:
        rows = dict(table.source["from"])
        for section, row in parts["from"].items():
            rows[section] = {**rows.get(section, {}), **row} if _is_map(row) else row
        both["from"] = rows
    return both


def _is_map(part: object) -> bool:
    return isinstance(part, Mapping)


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
        if name in table.states:
            continue
        family = entry.get("is") if isinstance(entry, Mapping) else name
        if not isinstance(family, str) or family not in {**table.states, **parts["states"]}:
            near = suggest(name if family is None else family, table.states)
            problems.append(f"states.{name}: belongs to no family; say is = 'STATE'.{near}")
    for section, row in parts["from"].items():
            rows[section] = {**rows.get(section, {}), **row} if _is_map(row) else row
        both["from"] = rows
    return both


def _is_map(part: object) -> bool:
    return isinstance(part, Mapping)


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
        if name in table.states:
            continue
        if (
            isinstance(entry, Mapping)
            and entry.get("is") not in table.states
            and entry.get("is") not in parts["states"]
        ):
            problems.append(f"states.{name}: belongs to no family; say is = 'STATE'.{suggest(name, table.states)}")
    for section, row in parts["from"].items():
        members = {**table.groups, **parts["groups"]}.get(section, (section,))
        named = [state for state in members if isinstance(state, str)] if isinstance(members, list | tuple) else []
        old = [state for state in named if state in table.states]
        for signal in row if isinstance(row, Mapping) else ():
            if old and signal in table.signals:
                problems.append(
                    f"from.{section}.{signal}: the answer of {old[0]} to {signal} is closed; "
                    "rows are only for a new signal or from a new state"
                )
    return problems
