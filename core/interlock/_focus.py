"""What stands out in a picture of a life cycle: some of its rows, and where a run is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

import attrs

from interlock._draw import Way, ways
from interlock._errors import listed, shown, suggest
from interlock._run import Run
from interlock._story import Story

if TYPE_CHECKING:
    from interlock._covered import Covered
    from interlock._machine import Machine
    from interlock._table import Table

MOST = 3  # numbers of steps at one row


@attrs.frozen
class Focus:
    """What stands out: all else is drawn too, and fainter."""

    lit: frozenset[Way]
    """The rows that stand out."""
    notes: Mapping[Way, str] = attrs.field(factory=dict)
    """What is said behind the signal of a row: the numbers of the steps that took it, or how often it was taken."""
    now: str | None = None
    """The state that a run is in."""
    here: str = "now"
    """What is said behind the name of that state."""
    told: str = ""
    """What the picture's legend says of it, as a sentence."""


def of_run(run: Run) -> Focus:
    """Return a focus on where a run is, and on what it went through."""
    return _of_story(run.story, run.is_final)


def of(
    machine: Machine,
    from_: str | Iterable[str] = (),
    only: str | Iterable[str] = (),
    story: Run | Story | None = None,
    coverage: Covered | None = None,
) -> Focus | None:
    """Return what stands out when these are asked for; what several ask for is what all of them do.

    Raises:
        ValueError: a state or signal is unknown, a story or coverage is of another life cycle, or both are given.
    """
    if story is not None and coverage is not None:
        raise ValueError("draw: give a story or the coverage of many; one picture cannot show both")
    from_, only = _named(from_), _named(only)
    states, signals = _states(machine._table, from_), _signals(machine._table, only)
    if all(asked is None for asked in (states, signals, story, coverage)):
        return None
    focus = Focus(frozenset(ways(machine._table)), told=_chosen(from_, only))
    if story is not None:
        focus = _story(machine, story)
    elif coverage is not None:
        focus = _coverage(machine, coverage)
    chosen = {way for way in focus.lit if states is None or way[0] in states}
    return attrs.evolve(focus, lit=frozenset(way for way in chosen if signals is None or way[1] in signals))


def _named(names: str | Iterable[str]) -> Sequence[str]:
    return (names,) if isinstance(names, str) else tuple(names)


def _chosen(from_: Sequence[str], only: Sequence[str]) -> str:
    """Return what the legend says of states and signals that were asked for."""
    states, signals = listed(from_, ""), listed(only, "")
    if not signals:
        return f"What leads out of {states} stands out."
    return f"What stands out: {signals}{f', sent in {states}' if states else ''}."


def _story(machine: Machine, story: Run | Story) -> Focus:
    told = story.story if isinstance(story, Run) else story
    if not isinstance(told, Story):
        raise ValueError(f"draw: {shown(story)} is no run and no story")
    if told.spec != machine.hash:
        raise ValueError(f"draw: the story is of {told.lifecycle!r}, and not of this {machine.name!r}")
    return _of_story(told, machine.states[told.end()[0]].final)


def _of_story(story: Story, final: bool) -> Focus:
    numbers: dict[Way, list[int]] = {}
    for step in story:
        numbers.setdefault((step.before, step.signal, step.after), []).append(step.number)
    notes = {way: ", ".join(map(str, n[:MOST])) + (", ..." if len(n) > MOST else "") for way, n in numbers.items()}
    here = "now, sealed" if story.closed and not final else "now"
    told = "What stands out was taken; the numbers are those of the steps."
    return Focus(frozenset(numbers), notes, story.end()[0], here, told)


def _coverage(machine: Machine, coverage: Covered) -> Focus:
    if coverage.machine.hash != machine.hash:
        raise ValueError(f"draw: the coverage is of {coverage.machine.name!r}, and not of this {machine.name!r}")
    taken = {way: times for way, times in coverage.taken.items() if times}
    notes = {way: f"{times:,} times" if times > 1 else "once" for way, times in taken.items()}
    return Focus(frozenset(taken), notes, told=f"{coverage}; these stand out.")


def _states(table: Table, names: Sequence[str]) -> set[str] | None:
    """Return the states of these names: a group's members, those of a family that is no state; None for no name."""
    found: set[str] = set()
    for name in names:
        if name in table.groups:
            found |= set(table.groups[name])
        elif name in table.states:
            found |= set(table.family(name)) if table.states[name].abstract else {name}
        else:
            raise ValueError(f"draw: {_unknown('state', name, [*table.states, *table.groups])}")
    return found or None


def _signals(table: Table, names: Sequence[str]) -> set[str] | None:
    for name in names:
        if name not in table.signals:
            raise ValueError(f"draw: {_unknown('signal', name, table.signals)}")
    return set(names) or None


def _unknown(kind: str, name: object, known: Iterable[str]) -> str:
    names = list(known)
    return f"unknown {kind} {shown(name)}.{suggest(name, names)} There are: {listed(names)}"
