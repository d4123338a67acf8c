"""A control table as plain data: what a spec says, checked for its shape, before anything is compiled from it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Literal

import attrs

from interlock import _guards
from interlock._guards import Count

REFUSED = "refused"  # the one target that is no state: the cell exists, and its answer is no

Plugins = Literal["free", "asked", "told"]


@attrs.frozen
class StateDef:
    """A state of the vocabulary. `is_` names its family; `final` holds for the whole family of a final state."""

    name: str
    means: str
    is_: str | None = None
    final: bool = False
    abstract: bool = False


@attrs.frozen
class SignalDef:
    """A signal of the vocabulary.

    `plugins` says what a plugin may do with it: "free" (replace it, answer with it), "asked" (replace it only),
    "told" (neither).
    """

    name: str
    means: str
    raised_by: str = ""
    recurs: str | None = None
    seals: bool = False
    plugins: Plugins = "free"


@attrs.frozen
class LimitDef:
    """A number that a run may be given."""

    name: str
    means: str
    default: float


@attrs.frozen
class GuardDef:
    """A question that chooses between a cell's choices. `default` answers an opaque one that nothing is bound to."""

    name: str
    means: str
    when: str
    default: bool
    test: _guards.Test = attrs.field(repr=False)


@attrs.frozen
class Choice:
    """One answer of a cell: the state that follows, if the guard holds."""

    target: str
    guard: str | None = None

    def __str__(self) -> str:
        return f"{self.target} if {self.guard}" if self.guard else self.target


@attrs.frozen
class Cell:
    """The answer to one signal in one state: choices in order, or the states that the signal may carry."""

    state: str
    signal: str
    choices: tuple[Choice, ...] = ()
    carries: tuple[str, ...] = ()
    because: str = ""
    section: str = ""
    """The section that it was written in: the state's own, or a group's."""

    @property
    def refused(self) -> bool:
        """Whether the cell is a written refusal."""
        return self.choices == (Choice(REFUSED),)

    @property
    def targets(self) -> tuple[str, ...]:
        """The states that may follow, in order, each once."""
        named = [choice.target for choice in self.choices if choice.target != REFUSED]
        return tuple(dict.fromkeys([*named, *self.carries]))

    @property
    def place(self) -> str:
        """Where the cell is written."""
        return f"from.{self.section}.{self.signal}"


@attrs.frozen
class Table:
    """One life cycle, as its file says it."""

    file: str
    name: str
    initial: str
    attempt: tuple[str, ...]
    states: Mapping[str, StateDef]
    groups: Mapping[str, tuple[str, ...]]
    signals: Mapping[str, SignalDef]
    limits: Mapping[str, LimitDef]
    guards: Mapping[str, GuardDef]
    cells: Mapping[tuple[str, str], Cell]
    source: Mapping[str, Any] = attrs.field(repr=False, eq=False)  # Any: what a TOML file may hold
    """The mapping that the table was read from."""

    def lineage(self, state: str) -> Iterator[str]:
        """Yield a state, its family, that one's family, and so on."""
        name: str | None = state
        while name is not None:
            yield name
            name = self.states[name].is_

    def family(self, state: str) -> tuple[str, ...]:
        """Return the states that are `state`, itself included, in the order of the file."""
        return tuple(name for name in self.states if state in self.lineage(name))

    def concrete(self) -> tuple[str, ...]:
        """Return the states that a run can be in."""
        return tuple(name for name, state in self.states.items() if not state.abstract)

    def row(self, state: str) -> dict[str, Cell]:
        """Return a state's cells by signal, in the order of the vocabulary, written refusals included."""
        return {signal: self.cells[state, signal] for signal in self.signals if (state, signal) in self.cells}

    def test(self, choice: Choice) -> _guards.Test | None:
        """Return what a choice asks."""
        return self.guards[choice.guard].test if choice.guard else None

    def edges(self) -> Iterator[tuple[Cell, Choice]]:
        """Yield every way from a state to a state that carries nothing."""
        for cell in self.cells.values():
            for choice in cell.choices:
                if choice.target != REFUSED:
                    yield cell, choice

    def counted(self) -> tuple[Count, ...]:
        """Return what the guards count, in the order in which they first ask for it."""
        asked = [leaf for guard in self.guards.values() for leaf in _guards.leaves(guard.test)]
        return tuple(dict.fromkeys(leaf for leaf in asked if isinstance(leaf, Count)))

    def facts(self) -> list[str]:
        """Return all that decides behaviour, a line each: what the spec hash covers, and prose does not."""
        lines = [f"initial {self.initial}", f"attempt {' '.join(self.attempt)}"]
        for state in self.states.values():
            lines.append(f"state {state.name} is={state.is_} final={state.final} abstract={state.abstract}")
        for signal in self.signals.values():
            recurs = signal.recurs is not None
            lines.append(f"signal {signal.name} recurs={recurs} seals={signal.seals} plugins={signal.plugins}")
        lines += [f"limit {limit.name} {float(limit.default)}" for limit in self.limits.values()]
        opaque = [guard for guard in self.guards.values() if guard.when == "?"]
        lines += [f"opaque {guard.name} {guard.default}" for guard in opaque]
        for cell in self.cells.values():
            asked = [f"{choice.target} if {self.test(choice)}" for choice in cell.choices]
            lines.append(f"{cell.state} {cell.signal} -> {asked} {sorted(cell.carries)}")
        return lines

    def fingerprints(self) -> list[str]:
        """Return a short digest of each fact, so that a stored run can tell whether a table only adds to its own."""
        return sorted(_digest(fact)[:8] for fact in self.facts())

    def hash(self) -> str:
        """Return the spec hash: equal for tables that behave alike, whatever their prose and order."""
        return _digest("\n".join([self.name, *sorted(self.facts())]))


def _digest(text: str) -> str:
    import hashlib

    return hashlib.sha256(text.encode()).hexdigest()
