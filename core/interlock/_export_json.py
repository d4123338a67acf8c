"""A table as JSON: all that it says, for programs in any language, and what is needed to read it again.

`lifecycle.schema.json`, beside this module, describes the form. JSON has no infinity: a limit without end is "inf".
Classes and callables of plugins are not in it.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

from interlock._errors import SpecError
from interlock._guards import Both, Compare, Const, Count, Limit, Not, Number, Opaque, Sum, Test
from interlock._machine import Machine
from interlock._table import Cell, GuardDef, Table

FORM = 1
"""The number of the form: another one would be read in another way."""
SCHEMA = "lifecycle.schema.json"

Entry = dict[str, Any]  # Any: what JSON may hold


def as_json(machine: Machine) -> str:
    """Return the table as JSON."""
    table = machine._table
    return json.dumps(
        {
            "form": FORM,
            "lifecycle": table.name,
            "hash": machine.hash,
            "initial": table.initial,
            "attempt": list(table.attempt),
            "states": [_state(table, name) for name in table.states],
            "groups": {name: list(members) for name, members in table.groups.items()},
            "signals": [_signal(table, name) for name in table.signals],
            "limits": [
                {"name": one.name, "means": one.means, "default": _limit(one.default)} for one in table.limits.values()
            ],
            "guards": [_guard(guard) for guard in table.guards.values()],
            "rows": [_row(cell) for cell in table.cells.values()],
            "source": _source(table),
        },
        indent=2,
    )


def source(text: str, file: str) -> Entry:
    """Return the mapping that a table was made from, for `Machine.from_mapping`.

    Raises:
        SpecError: the text is not what `as_json` writes.
    """
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise SpecError(file, (f"is not JSON: {error}",)) from None
    if not isinstance(data, dict) or data.get("form") != FORM or not isinstance(data.get("source"), dict):
        raise SpecError(file, (f"is no life cycle in JSON of the form {FORM}; interlock draw --as json writes one",))
    found: Entry = data["source"]
    limits = found.get("limits")
    for limit in limits.values() if isinstance(limits, dict) else ():
        if isinstance(limit, dict) and limit.get("default") == "inf":
            limit["default"] = math.inf
    return found


def machine(text: str, file: str) -> Machine:
    """Return the life cycle that a text tells of; it raises what `source` does, and what any table does."""
    return Machine.from_mapping(source(text, file), file)


def _state(table: Table, name: str) -> Entry:
    state = table.states[name]
    return {
        "name": name,
        "means": state.means,
        "is": list(table.lineage(name))[1:],
        "final": state.final,
        "abstract": state.abstract,
    }


def _signal(table: Table, name: str) -> Entry:
    signal = table.signals[name]
    return {
        "name": name,
        "means": signal.means,
        "raised_by": signal.raised_by,
        "recurs": signal.recurs,
        "seals": signal.seals,
        "plugins": signal.plugins,
    }


def _guard(guard: GuardDef) -> Entry:
    opaque = guard.when == "?"
    entry: Entry = {"name": guard.name, "means": guard.means, "when": guard.when, "test": _test(guard.test)}
    return {**entry, "default": guard.default} if opaque else entry


def _row(cell: Cell) -> Entry:
    return {
        "state": cell.state,
        "signal": cell.signal,
        "choices": [{"target": choice.target, "guard": choice.guard} for choice in cell.choices],
        "carries": list(cell.carries),
        "because": cell.because,
        "section": cell.section,
    }


def _test(test: Test) -> Entry:
    match test:
        case Both():
            return {test.word: [_test(test.left), _test(test.right)]}
        case Not():
            return {"not": _test(test.test)}
        case Compare():
            return {test.sign: [_number(test.left), _number(test.right)]}
        case Opaque():
            return {"ask": test.name}


def _number(number: Number) -> Entry:
    match number:
        case Sum():
            return {number.sign: [_number(number.left), _number(number.right)]}
        case Count():
            return {number.kind: number.name}
        case Limit():
            return {"limit": number.name}
        case Const():
            return {"number": number.value}


def _limit(value: float) -> float | str:
    return "inf" if math.isinf(value) else value


def _source(table: Table) -> Mapping[str, Any]:
    limits = table.source.get("limits", {})
    if not limits:
        return table.source
    told = {name: {**limit, "default": _limit(limit["default"])} for name, limit in limits.items()}
    return {**table.source, "limits": told}
