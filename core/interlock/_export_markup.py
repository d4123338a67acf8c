"""A table as markup of `transitions`: what `transitions.extensions.markup.MarkupMachine(markup=...)` takes, as JSON.

Markup has names only. Its machine asks its model for them: `unless` names `sealed`, `conditions` a guard, `after` what
is counted, `count_entered_Retrying`, and `seal`. `Model` has them all. `machine.to_transitions` builds such a machine
without a detour, with signals that carry their states.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from interlock import _guards
from interlock._flat import Flat, Way, unique
from interlock._guards import Count
from interlock._machine import Machine

Entry = dict[str, Any]  # Any: what JSON may hold
OWN = ("state", "trigger", "may_trigger", "sealed", "seal", "counts", "_values", "_places", "_answers")
"""What a model has beside its guards, and beside its methods."""


def markup(flat: Flat) -> str:
    """Return the markup."""
    names = _names(flat)
    return json.dumps(
        {
            "name": flat.name,
            "states": [{"name": state, "final": state in flat.machine.final} for state in flat.states],
            "initial": flat.table.initial,
            "transitions": [_way(flat, way, names) for way in flat.ways],
            "auto_transitions": False,
            "send_event": False,
            "queued": False,
        },
        indent=2,
    )


def _way(flat: Flat, way: Way, names: Mapping[str, str]) -> Entry:
    entry: Entry = {"trigger": way.event, "source": way.state, "dest": way.target}
    if way.guard:
        entry["conditions"] = [names[way.guard]]
    if way.state in flat.sealable:
        entry["unless"] = ["sealed"]
    after = [_counter(count) for count in way.counts] + ["seal"] * way.seals
    return {**entry, "after": after} if after else entry


def _names(flat: Flat) -> dict[str, str]:
    """Return what the model calls each guard: its name, unless that is taken."""
    used = {*OWN, *dir(Model), *flat.table.signals, *flat.events.values(), *map(_counter, flat.counts)}
    used |= {f"is_{state}" for state in flat.states}
    found: dict[str, str] = {}
    for name in flat.table.guards:
        found[name] = unique(name, {*used, *found.values()})
    return found


def _counter(count: Count) -> str:
    return f"count_{count.kind}_{count.name}"


class Model:
    """A model for the markup of a machine: it answers its guards, and keeps its counts."""

    state: str

    def __init__(
        self,
        machine: Machine,
        limits: Mapping[str, float] | None = None,
        guards: Mapping[str, Callable[[], bool]] | None = None,
    ) -> None:
        flat = Flat(machine, limits)
        machine._check_guards(guards or {})
        self.sealed = False
        self._values = [0] * len(flat.counts)
        self._places = {count: place for place, count in enumerate(flat.counts)}
        self._answers: dict[str, bool | Callable[[], bool]] = {**flat.opaque, **(guards or {})}
        for count, place in self._places.items():
            setattr(self, _counter(count), self._counting(place))
        for name, own in _names(flat).items():
            setattr(self, own, self._asking(_guards.fold(flat.table.guards[name].test, flat.limits)))

    @property
    def counts(self) -> dict[str, int]:
        """What the guards count, by names such as "entered(Retrying)"."""
        return {str(count): self._values[place] for count, place in self._places.items()}

    def seal(self) -> None:
        """Accept nothing more."""
        self.sealed = True

    def _ask(self, guard: str, signal: object) -> bool:
        answer = self._answers[guard]
        return answer if isinstance(answer, bool) else answer()

    def _counting(self, place: int) -> Callable[[], None]:
        def add() -> None:
            self._values[place] += 1

        return add

    def _asking(self, test: _guards.Test | bool) -> Callable[[], bool]:
        if isinstance(test, bool):
            return lambda: test
        # eval: as for the rows of a machine; the tree that it comes from is ours
        asks = eval(f"lambda v, run, signal: {_guards.python(test, self._places)}")
        return lambda: bool(asks(self._values, self, None))
