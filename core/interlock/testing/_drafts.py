"""Life cycles that are valid by construction, drawn part by part.

A drawn table grows from a tree. Each live state but the first, and each final state, is given a parent that stands
before it; a live state without a child is given a final one. So every state is reached and can end by going forward.
Whatever is added goes forward too, or stays where it is, or goes back by a signal that recurs or under a guard with a
limit of its own. The guards of a cell share no comparison, and no guard asks one twice, so that each can be chosen.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, TypeVar

from hypothesis import strategies as st

T = TypeVar("T")
Raw = dict[str, Any]  # Any: what a TOML file may hold

COMPARISONS = [
    form.replace("?", sign)
    for form in (
        "{first} ? {number}",
        "{number} ? {first}",
        "{first} + {second} ? {number} + 1",
        "{first} - {second} ? {number}",
        "{number} - {other} ? {first}",
        "{number} - ({first} + 1) ? {second} - 1",
    )
    for sign in ("<", "<=", ">", ">=", "==", "!=")
]
NUMBERS = ("0", "1", "2", "", "", "")  # no text: a limit
HALT = "HALT"
"""The sealing signal of drawn tables."""
FAMILY = "Ended"
"""The abstract state that final ones may be."""


class Draft:
    """A table under construction. A cell has up to three guards of up to three questions; ten are allowed."""

    def __init__(self, draw: st.DrawFn) -> None:
        self.draw = draw
        self.live = [f"Live{n}" for n in range(draw(st.integers(2, 5)))]
        self.over = [f"Over{n}" for n in range(draw(st.integers(1, 3)))]
        self.states: Raw = {}
        self.groups: dict[str, list[str]] = {}
        self.signals: Raw = {}
        self.limits: Raw = {}
        self.guards: Raw = {}
        self.rows: dict[str, Raw] = {}
        self.filled: set[tuple[str, str]] = set()
        """The pairs of state and signal that have a cell."""
        self.atoms: dict[str, frozenset[str]] = {}
        """By guard: the comparisons and opaque guards that it asks."""
        self.attempt = self.some(self.live[1:]) if self.rarely(3) else []

    def one(self, among: Sequence[T]) -> T:
        return self.draw(st.sampled_from(among))

    def some(self, among: Sequence[str], least: int = 1) -> list[str]:
        return self.draw(st.lists(st.sampled_from(among), min_size=least, unique=True))

    def rarely(self, one_in: int) -> bool:
        return self.draw(st.integers(1, one_in)) == one_in

    def mapping(self) -> Raw:
        self.families()
        for parent, signal, child in self.tree():
            self.put(parent, signal, self.choices([parent], signal, must=child))
        for number in range(self.draw(st.integers(0, 2))):
            self.group(f"group{number}")
        for _ in range(self.draw(st.integers(2, 8))):
            self.extra(self.one([*self.live, *self.groups]))
        if self.draw(st.booleans()):
            self.seal()
        parts = {
            "attempt": self.attempt,
            "groups": self.groups,
            "limits": self.limits,
            "guards": self.guards,
        }
        return {
            "lifecycle": "drawn",
            "initial": self.live[0],
            "states": self.states,
            "signals": self.signals,
            "from": self.rows,
            **{key: part for key, part in parts.items() if part},
        }

    # The vocabulary

    def families(self) -> None:
        """Name the states; each may be an earlier one of its kind, so that families grow as deep as they like."""
        root = self.draw(st.booleans())
        if root:
            self.states[FAMILY] = {"means": "over", "final": True, "abstract": True}
        for place, name in enumerate(self.live):
            self.states[name] = {"means": "not over", **self.kin(self.live[:place])}
        for place, name in enumerate(self.over):
            first = root and place == 0  # an abstract state has a member
            kin = {"is": FAMILY} if first else self.kin([*[FAMILY] * root, *self.over[:place]])
            self.states[name] = {"means": "over", **(kin or {"final": True})}

    def kin(self, elders: list[str]) -> Raw:
        related = elders and not self.rarely(3)
        return {"is": self.one(elders)} if related else {}

    def tree(self) -> list[tuple[str, str, str]]:
        """Return the ways by which every state is reached and can end: parent, signal, child."""
        ways = [(self.one(self.live[:place]), name) for place, name in enumerate(self.live) if place]
        ways += [(self.one(self.live), name) for name in self.over]
        parents = {parent for parent, _ in ways}
        ways += [(name, self.one(self.over)) for name in self.live if name not in parents]
        found: list[tuple[str, str, str]] = []
        for parent, child in ways:
            used = [signal for before, signal, _ in found if before == parent]
            free = [signal for signal in self.signals if signal not in used]
            signal = self.one([*free, f"S{len(self.signals)}"])
            self.signals.setdefault(signal, {"means": "go on"})
            found.append((parent, signal, child))
        return found

    # Cells

    def put(self, section: str, signal: str, cell: object) -> None:
        self.rows.setdefault(section, {})[signal] = cell
        self.filled |= {(state, signal) for state in self.members(section)}

    def members(self, section: str) -> list[str]:
        return self.groups.get(section, [section])

    def group(self, name: str) -> None:
        """Add a group of live states and a row that they share."""
        self.groups[name] = self.some(self.live, least=2)
        signal = f"S{len(self.signals)}"
        self.signals[signal] = {"means": "go on together", **({"recurs": "it may"} if self.rarely(3) else {})}
        self.put(name, signal, self.choices(self.groups[name], signal))

    def extra(self, section: str) -> None:
        """Add a cell, if the signal drawn has no answer yet in any state of the section."""
        recurring = self.rarely(2)
        signal = f"R{self.draw(st.integers(0, 1))}" if recurring else self.one(list(self.signals))
        members = self.members(section)
        if any((state, signal) in self.filled for state in members):
            return
        if not recurring and self.rarely(4):
            self.put(section, signal, {"to": "refused", "because": "it makes no sense here"})
            return
        if recurring:
            self.signals.setdefault(signal, {"means": "again", "recurs": "it may"})
        self.put(section, signal, self.choices(members, signal))

    def choices(self, members: list[str], signal: str, must: str | None = None) -> Raw:
        """Return a cell of one to three choices, with `must` among its targets."""
        forward = [*self.live[1 + max(map(self.live.index, members)) :], *self.over]
        anywhere = [*self.live, *self.over]
        recurs = "recurs" in self.signals[signal]
        stays = len(members) == 1
        asked: set[str] = set()
        found: list[str] = []
        for _ in range(self.draw(st.integers(0, 2))):
            target = self.one(anywhere)
            free = recurs or target in forward or (stays and target == members[0])
            guard = self.guard(asked) if free else self.bound(signal, target, asked)
            found.append(f"{target} if {guard}")
        if must is not None and self.draw(st.booleans()):
            found.append(f"{must} if {self.guard(asked)}")
            must = None
        refused = ["refused"] if found else []
        found.append(must or self.one([*(anywhere if recurs else forward), *refused, *(members if stays else [])]))
        return {"to": found[0] if len(found) == 1 and self.draw(st.booleans()) else found, "because": "it is drawn so"}

    def seal(self) -> None:
        """Let some sections take the sealing signal, and one refuse it."""
        self.signals[HALT] = {"means": "stop here", "seals": True}
        may = [name for name in [*self.live, *self.over] if name not in self.attempt]
        may += [name for name, members in self.groups.items() if not {*members} & {*self.attempt}]
        if self.rarely(2):
            self.groups["ends"] = self.over
        for section in self.some([*self.live, *(name for name in self.groups if name != "ends")]):
            if not any((state, HALT) in self.filled for state in self.members(section)):
                ends = ["ends"] if "ends" in self.groups else []
                self.put(section, HALT, {"carries": [*self.some(may), *ends]})
        rest = [state for state in self.live if (state, HALT) not in self.filled]
        if rest and self.rarely(2):
            self.put(rest[0], HALT, {"to": "refused", "because": "it may not stop here"})

    # Guards

    def guard(self, asked: set[str], most: int = 3) -> str:
        """Return a guard that asks at most so much, and nothing that is in `asked`; add its questions to them."""
        shared = self.apart(asked, most)
        if shared and self.rarely(3):
            name = self.one(shared)
        elif self.rarely(4):
            name = self.new("?")
        else:
            name = self.formula(asked, most)
        asked |= self.atoms[name]
        return name

    def apart(self, asked: set[str], most: int) -> list[str]:
        return [name for name, atoms in self.atoms.items() if len(atoms) <= most and not atoms & asked]

    def formula(self, asked: set[str], most: int) -> str:
        """Return a new guard: comparisons and other guards, joined."""
        text, atoms = "", frozenset[str]()
        for _ in range(self.draw(st.integers(1, most))):
            if len(atoms) == most:
                break
            others = self.apart({*asked, *atoms}, most - len(atoms))
            part = self.one(others) if others and self.rarely(3) else self.comparison()
            inner = self.atoms.get(part, frozenset((part,)))
            if not inner & {*asked, *atoms}:
                part = f"not {part}" if self.rarely(4) else part
                text = f"({text}) {self.one(('and', 'or'))} ({part})" if text else part
                atoms |= inner
        return self.new(text, atoms) if text else self.new("?")

    def new(self, when: str, atoms: frozenset[str] = frozenset()) -> str:
        name = f"guard{len(self.guards)}"
        default = {"default": self.draw(st.booleans())} if when == "?" else {}
        self.guards[name] = {"means": "it holds", "when": when, **default}
        self.atoms[name] = atoms or frozenset((name,))
        return name

    def bound(self, signal: str, target: str, asked: set[str]) -> str:
        """Return a new guard under which a way back is taken finitely often."""
        limit = self.limit((0, 1, 2, 3))
        count = self.one((f"taken({signal})", f"entered({target})"))
        text = self.one((f"{count} < {limit}", f"{count} + 1 <= {limit}", f"{limit} > {count}"))
        atoms = frozenset((text,))
        if self.rarely(2):
            other = self.guard(asked, most=2)
            text, atoms = f"{text} and {other}", atoms | self.atoms[other]
        asked |= atoms
        return self.new(text, atoms)

    def limit(self, defaults: Sequence[float]) -> str:
        name = f"limit{len(self.limits)}"
        self.limits[name] = {"means": "a number", "default": self.one(defaults)}
        return name

    def comparison(self) -> str:
        """Return a comparison with a count in it."""
        form = self.one(COMPARISONS)
        counts = [f"entered({name})" for name in [*self.live, *self.over]] + [f"taken({name})" for name in self.signals]
        first = self.one(counts)
        second = self.one(counts) if "{second}" in form else ""
        number = self.number()
        other = self.number() if "{other}" in form else ""
        return form.format(first=first, second=second, number=number, other=other)

    def number(self) -> str:
        return self.one(NUMBERS) or self.limit((0, 1, 2, math.inf))
