"""A machine that was written for another library, read, and made into a table: flat, with families for nested states.

A reader of a format fills a `Draft` with states and the ways out of them, and says what has no meaning here. What the
table needs and other formats lack is put in: a meaning for each name, and a reason for each self-loop.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from keyword import iskeyword
from typing import Any

import attrs

from interlock import _guards
from interlock._errors import listed, shown, suggest
from interlock._guards import BadGuard
from interlock._table import REFUSED

STAYS = "imported: it leads back to where it is"
IGNORES = "imported: it is accepted, and changes nothing"
FORBIDS = "imported: it is forbidden here"
STOPPED = "Stopped"
UNSAID = "imported: nobody has said why it ends"
"""Why a signal recurs of which only this is known: that it stands on a cycle."""


@attrs.frozen
class Asked:
    """A guard by name, and the answer that lets the way be taken."""

    name: str
    wanted: bool = True


@attrs.frozen
class Way:
    """A transition as it was written. Without a target it changes nothing; `REFUSED` is one that is forbidden."""

    signal: str
    target: str | None
    guards: tuple[Asked, ...]
    place: str


@attrs.define
class Node:
    """A state as it was written, or one with states in it."""

    key: str
    """By what the other states know it; no two states have one."""
    path: tuple[str, ...]
    """The names of the states around it, from the outermost on, and its own."""
    place: str
    name: str | None = None
    """What it is called, if not by the last part of its path."""
    initial: str | None = None
    final: bool = False
    means: str | None = None
    rests: bool = False
    """Whether a run may be in it though there are states in it."""
    ways: list[Way] = attrs.field(factory=list)


@attrs.define
class Draft:
    """What was read of a machine."""

    file: str
    name: str = "imported"
    initial: str | None = None
    nodes: dict[str, Node] = attrs.field(factory=dict)
    problems: list[str] = attrs.field(factory=list)
    notes: list[str] = attrs.field(factory=list)
    mapping: dict[str, Any] | None = None
    """Where the machine is a table of ours: what was read of that. Any: what a TOML file may hold."""
    _paths: dict[tuple[str, ...], Node] = attrs.field(factory=dict)
    _inside: dict[tuple[str, ...], list[Node]] = attrs.field(factory=dict)
    """By the path of a state, those right inside of it."""
    _last: Counter[str] = attrs.field(factory=Counter)
    """How many paths end in a name."""
    _guards: dict[str, dict[str, Any]] = attrs.field(factory=dict)
    _names: dict[str, dict[str, str]] = attrs.field(factory=dict)
    """By kind: our names for theirs."""
    _taken: dict[tuple[str, str], str] = attrs.field(factory=dict)
    """By kind and our name: theirs."""

    def refuse(self, place: str, why: str) -> None:
        """Keep a problem."""
        self.problems.append(f"{place}: {why}")

    def note(self, place: str, what: str) -> None:
        """Keep something that whoever imports should know of, and that stands in nobody's way."""
        line = f"{place}: {what}"
        if line not in self.notes:
            self.notes.append(line)

    def node(self, node: Node) -> Node:
        """Add a state."""
        if node.key in self.nodes:
            self.refuse(node.place, f"there is a state {shown(node.key)} already, in {self.nodes[node.key].place}")
        else:
            self.nodes[node.key] = self._paths[node.path] = node
            self._inside.setdefault(node.path[:-1], []).append(node)
            self._last[node.path[-1]] += 1
        return node

    def known(self, key: str | None, place: str) -> bool:
        """Return whether there is such a state; if not, keep the problem."""
        if key in self.nodes:
            return True
        self.refuse(place, f"there is no state {shown(key)}.{suggest(key, self.nodes)}")
        return False

    # Names

    def named(self, kind: str, text: str) -> str:
        """Return a name of ours for one of theirs: a word. Two of theirs that become one are a problem."""
        names = self._names.setdefault(kind, {})
        if text not in names:
            name = re.sub(r"\W", "_", text)
            name = name if name.isidentifier() else f"_{name}"
            name = f"{name}_" if name == REFUSED or (kind == "guard" and iskeyword(name)) else name
            other = self._taken.setdefault((kind, name), text)
            if other != text:
                self.refuse(f"{kind} {text}", f"becomes {name!r}, and so does {kind} {other!r}; rename one of both")
            if name != text:
                self.note(f"{kind} {text}", f"is called {name!r} here, for a name is a word")
            names[text] = name
        return names[text]

    def state(self, node: Node) -> str:
        """Return the name of a state: its own, or with those around it where others have the same."""
        if node.name is not None:
            return self.named("state", node.name)
        return self.named("state", node.path[-1] if self._last[node.path[-1]] == 1 else "_".join(node.path))

    # The tree

    def inside(self, node: Node) -> list[Node]:
        """Return the states right inside of one."""
        return self._inside.get(node.path, [])

    def around(self, node: Node) -> Iterator[Node]:
        """Yield a state, the one around it, and so on."""
        for length in range(len(node.path), 0, -1):
            if node.path[:length] in self._paths:
                yield self._paths[node.path[:length]]

    def rest(self, key: str, place: str) -> Node | None:
        """Return the state that a run is in once it enters one: that, or what the initial ones inside lead to."""
        seen: list[str] = []
        while self.known(key, place):
            node = self.nodes[key]
            if node.rests or not self.inside(node):
                return node
            if node.initial is None or key in seen:
                self.refuse(node.place, "has states inside, and none of them is its initial one")
                return None
            seen.append(key)
            key, place = node.initial, f"{node.place}, initial"
        return None

    # The table

    def table(self) -> dict[str, Any]:
        """Return the table as a mapping; see `problems` for what stands in its way. Any: what a TOML file may hold."""
        if self.mapping is not None:
            return self.mapping
        states = {self.state(node): self._state(node) for node in self.nodes.values()}
        rows: dict[str, dict[str, Any]] = {}
        for node in self.nodes.values():
            if node.rests or not self.inside(node):
                row = self._row(node)
                self._end(node, row, states)
                if row:
                    rows[self.state(node)] = row
        first = self.rest(self.initial, "initial") if self.initial is not None else None
        if self.initial is None:
            self.refuse("initial", "is missing; it must be a state")
        signals = {signal: {"means": f"signal {signal}"} for row in rows.values() for signal in row}
        parts = {
            "lifecycle": self.name,
            "initial": self.state(first) if first else None,
            "states": states,
            "signals": signals,
            "guards": self._guards,
            "from": rows,
        }
        return {key: part for key, part in parts.items() if part or key != "guards"}

    def _state(self, node: Node) -> dict[str, Any]:
        around = list(self.around(node))[1:]
        entry: dict[str, Any] = {"means": node.means or f"state {node.path[-1]}"}
        if around:
            entry["is"] = self.state(around[0])
        if self.inside(node) and not node.rests:
            entry["abstract"] = True
        if node.final and around:
            self.refuse(node.place, "is final inside of another state, and ends only that; here a final state ends all")
        return entry

    def _end(self, node: Node, row: dict[str, Any], states: dict[str, Any]) -> None:
        """Say which states are final: those that say so, and those that nothing leads out of."""
        out = [signal for signal, cell in row.items() if cell["to"] != [REFUSED]]
        if node.final and out:
            self.refuse(node.place, f"is final, and {listed(out)} leads out of it; over is over")
        if not out and not node.final:
            self.note(node.place, "nothing leads out of it, so it is final; say so, or give it a way on")
        if not out and not self.inside(node):
            states[self.state(node)]["final"] = True
            row.clear()

    def _row(self, node: Node) -> dict[str, Any]:
        """Return the cells of a state: its own ways, then those of the states around it."""
        ways: dict[str, list[tuple[Way, bool]]] = {}
        for other in self.around(node):
            for way in other.ways:
                ways.setdefault(self.named("signal", way.signal), []).append((way, other is not node))
        return {signal: self._cell(node, found) for signal, found in ways.items()}

    def _cell(self, node: Node, found: list[tuple[Way, bool]]) -> dict[str, Any]:
        """Return one cell: each way that some answers of the guards let be taken, in order."""
        tests = [_test(way.guards) for way, _ in found]
        try:
            chosen = _guards.selectable([*tests, None])
        except BadGuard as error:
            self.refuse(found[0][0].place, str(error))
            return {"to": [REFUSED], "because": FORBIDS}
        for number, (way, inherited) in enumerate(found):
            if number not in chosen and not inherited:
                self.refuse(way.place, "is never taken: what stands before it always answers first")
        ways = [way for number, (way, _) in enumerate(found) if number in chosen]
        ends = len(found) not in chosen  # the last of them answers whenever the others do not
        texts = [self._choice(node, way, ends and way is ways[-1]) for way in ways]
        cell: dict[str, Any] = {"to": texts if ends else [*texts, REFUSED]}
        stays = [way.target is None for way in ways if way.target is None or self._goes(node, way) == self.state(node)]
        if stays:
            cell["because"] = IGNORES if all(stays) else STAYS
        elif texts == [REFUSED]:
            cell["because"] = FORBIDS
        return cell

    def _choice(self, node: Node, way: Way, last: bool) -> str:
        target = self._goes(node, way)
        return target if last or not way.guards else f"{target} if {self._guard(way.guards)}"

    def _goes(self, node: Node, way: Way) -> str:
        if way.target is None or way.target == REFUSED:
            return self.state(node) if way.target is None else REFUSED
        follows = self.rest(way.target, way.place)
        return self.state(follows) if follows else REFUSED

    def _guard(self, asked: tuple[Asked, ...]) -> str:
        """Return the name of a guard that asks for all of these."""
        parts: list[str] = []
        for one in asked:
            name = self.named("guard", one.name)
            self._guards.setdefault(name, {"when": "?", "default": False, "means": f"guard {one.name}"})
            parts.append(name if one.wanted else f"not {name}")
        if len(asked) == 1 and asked[0].wanted:
            return parts[0]
        when = " and ".join(parts)
        name = self.named("guard", when)
        self._guards[name] = {"when": when, "means": when}
        return name


def _test(asked: tuple[Asked, ...]) -> _guards.Test | None:
    """Return what a way asks as a tree."""
    test: _guards.Test | None = None
    for one in asked:
        leaf: _guards.Test = _guards.Opaque(one.name)
        leaf = leaf if one.wanted else _guards.Not(leaf)
        test = leaf if test is None else _guards.Both("and", test, leaf)
    return test


def stopped(table: dict[str, Any], signal: str, states: list[str]) -> None:
    """Add a signal that ends a table in those of its states that cannot end. Any: what a TOML file may hold."""
    name = STOPPED
    while name in table["states"]:
        name += "_"
    table["states"][name] = {"means": "it was stopped", "final": True}
    table["signals"][signal] = {"means": "it is stopped"}
    for state in states:
        table["from"].setdefault(state, {})[signal] = name
