"""What an extension may add to a table, and how the two are put together."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from interlock._errors import SpecError, listed, shown, suggest
from interlock._table import Table

PARTS = ("states", "groups", "signals", "limits", "guards", "from")


class Part:
    """What an extension adds to a life cycle, as a machine takes it: see `interlock.Extension`."""

    file: str
    """The name that errors give."""
    lifecycle: str
    """The name of the life cycle."""
    table: Mapping[str, Any]  # Any: what a TOML file may hold
    """What it adds, in the notation of a table."""
    guards: Mapping[str, Callable[[Any, Any], bool]]  # Any: a run and a signal of whatever kind
    """What answers its opaque guards."""

    @property
    def classes(self) -> Mapping[str, type]:
        """The classes of its states and signals, by name, where there are classes."""
        raise NotImplementedError

    def missing(self) -> list[str]:
        """Return what keeps its classes from being imported by name, a line each."""
        raise NotImplementedError


def own_part(table: object, file: str) -> tuple[str, dict[str, Any]]:
    """Return the life cycle that an extension names, and what it adds. Any: what a TOML file may hold.

    Raises:
        SpecError: it is no mapping, or names none.
    """
    if not isinstance(table, Mapping):
        raise SpecError(file, (f"is {type(table).__name__!r}, not a mapping",))
    name = table.get("lifecycle")
    if not isinstance(name, str) or not name:
        raise SpecError(file, (f"lifecycle: is {shown(name)}; it must be the name of the one that it adds to",))
    return name, {key: part for key, part in table.items() if key != "lifecycle"}


def merged(table: Table, extension: object, file: str) -> dict[str, Any]:
    """Return the mapping of the extended table. Any: what a TOML file may hold.

    Raises:
        SpecError: the extension is no mapping, or touches what the table says already.
    """
    if not isinstance(extension, Mapping):
        raise SpecError(file, (f"is {type(extension).__name__!r}, not a mapping",))
    known = ("lifecycle", *PARTS)
    problems = [f"unknown key {shown(key)}.{suggest(key, known)}" for key in extension if key not in known]
    if (name := extension.get("lifecycle", table.name)) != table.name:
        problems.append(f"lifecycle: adds to {shown(name)}, not to {table.name!r}")
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


def check(before: Table, after: Table, file: str) -> None:
    """See that what is there keeps its meaning.

    A new state accepts what plugins are only told of, where every other state does: so a run can be cancelled, and told
    that something broke, wherever it is. And no new row opens an attempt but by the signal that does: else nobody would
    do the work.

    Raises:
        SpecError: a row is missing, or jumps the gates.
    """
    live = [name for name in before.concrete() if not before.states[name].final]
    new = [name for name in after.concrete() if name not in before.states and not after.states[name].final]
    told = [name for name, signal in before.signals.items() if signal.plugins == "told" and not signal.seals]
    always = [signal for signal in told if all(_accepts(before, state, signal) for state in live)]
    problems = list(_into_attempts(before, after))
    problems += [
        f"from.{state}: refuses {signal}, which every state of {before.name} accepts that is not final; give it a row"
        for state in new
        for signal in always
        if not _accepts(after, state, signal)
    ]
    if problems:
        raise SpecError(file, tuple(problems))


def _into_attempts(before: Table, after: Table) -> Iterator[str]:
    """Yield what is wrong with new rows that lead into an attempt from outside of it."""
    if not before.attempt:
        return
    entered = [(cell, target) for cell in before.cells.values() for target in cell.targets]
    opening = {c.signal for c, target in entered if target == before.attempt[0] and c.state not in before.attempt}
    for place, cell in after.cells.items():
        if place in before.cells or cell.state in before.attempt:
            continue
        for target in cell.targets:
            if target in before.attempt and not (target == before.attempt[0] and cell.signal in opening):
                yield f"{cell.place}: enters {target}, but only {listed(sorted(opening))} opens an attempt"


def clashes(extensions: Iterable[tuple[str, Mapping[str, Any]]]) -> list[tuple[str, str, str]]:
    """Return what two extensions add, each with the names of both: (what, first, second). Any: as above."""
    first: dict[str, str] = {}
    found = []
    for name, extension in extensions:
        for what in _adds(extension):
            if what in first:
                found.append((what, first[what], name))
            else:
                first[what] = name
    return found


def _adds(extension: Mapping[str, Any]) -> Iterator[str]:
    for key in PARTS:
        part = extension.get(key)
        for entry, row in part.items() if isinstance(part, Mapping) else ():
            if key != "from":
                yield f"{key}.{entry}"
            else:
                yield from (f"{key}.{entry}.{signal}" for signal in row) if isinstance(row, Mapping) else ()


def _accepts(table: Table, state: str, signal: str) -> bool:
    cell = table.cells.get((state, signal))
    return cell is not None and not cell.refused
