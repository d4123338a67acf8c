"""A table as the configuration of XState 5: what `createMachine` takes, as JSON.

Guards and actions stand by name, as JSON has no functions. `meta.guards` says what each guard asks, as an expression of
ECMAScript over `context`; the three actions are few lines. `core/README.md` has all that is needed beside the file.
An event that a state refuses is ignored, as XState ignores any that it does not know.
"""

from __future__ import annotations

import json
from typing import Any

from interlock import _ecmascript
from interlock._flat import Flat, Way, number, prose, slug, unique
from interlock._guards import Count, Limit, Opaque

Entry = dict[str, Any]  # Any: what JSON may hold


def xstate(flat: Flat) -> str:
    """Return the configuration."""
    return json.dumps(_config(flat), indent=2)


def _config(flat: Flat) -> Entry:
    sealed = unique("sealed", flat.table.guards)
    guards = {name: {"expression": _ecmascript.expression(test, _named)} for name, test in flat.asked().items()}
    for name, guard in guards.items():
        guard["means"] = prose(flat.table.guards[name].means)
    if flat.sealable:
        guards[sealed] = {"expression": "context.sealed", "means": "the run is sealed: nothing is accepted"}
    return {
        "id": slug(flat.name),
        "description": prose(f"The life cycle {flat.name}, spec {flat.machine.hash}."),
        "initial": flat.table.initial,
        "context": {
            "counts": {str(count): 0 for count in flat.counts},
            "limits": {name: json.loads(number(value)) for name, value in flat.finite().items()},
            "answers": flat.opaque,
            "sealed": False,
        },
        "states": {state: _state(flat, state, sealed) for state in flat.states},
        "meta": {"guards": guards},
    }


def _state(flat: Flat, state: str, sealed: str) -> Entry:
    entry: Entry = {"description": prose(flat.table.states[state].means)}
    if state in flat.machine.final:
        return {"type": "final", **entry}
    first = [{"guard": sealed}] if state in flat.sealable else []  # without a target: nothing happens
    return {**entry, "on": {event: [*first, *map(_way, ways)] for event, ways in flat.row(state).items()}}


def _way(way: Way) -> Entry:
    entry: Entry = {"target": way.target}
    if way.guard:
        entry["guard"] = way.guard
    actions: list[Entry] = [{"type": "count", "params": {"count": str(count)}} for count in way.counts]
    if way.seals:
        actions.append({"type": "seal"})
    return {**entry, "actions": actions} if actions else entry


def _named(leaf: Count | Limit | Opaque) -> str:
    part = {Count: "counts", Limit: "limits", Opaque: "answers"}[type(leaf)]
    return f"context.{part}[{json.dumps(str(leaf))}]"
