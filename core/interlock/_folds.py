"""A table folded, so that its picture has few arrows: what the diagrams in text languages are written from.

States that answer alike are one card. In a card stands what keeps a run in it or ends it; all else that leads from one
card to another stands at one arrow between them. The states that a signal may carry stand in a note.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, NamedTuple

import attrs

from interlock._draw import alike
from interlock._flat import prose
from interlock._machine import Machine
from interlock._table import REFUSED

if TYPE_CHECKING:
    from interlock._focus import Focus

Card = tuple[str, ...]
"""States that answer alike."""

WIDTH = 34  # characters of a line of signals


class Said(NamedTuple):
    """A signal as it stands in a picture."""

    signal: str
    lit: bool = True
    note: str = ""

    def __str__(self) -> str:
        return f"{self.signal} ({self.note})" if self.note else self.signal


@attrs.frozen
class Line:
    """Signals that lead from a card to one state, and the guard that must say yes to them."""

    target: str
    guard: str | None
    carried: bool
    signals: tuple[Said, ...]

    @property
    def lit(self) -> bool:
        """Whether any of its signals stands out."""
        return any(said.lit for said in self.signals)


@attrs.frozen
class Arrow:
    """All that leads from a card to another one, to a final state, or into a frame of final states."""

    card: Card
    end: str
    """The first state of the other card, the final state, or the family of the frame."""
    framed: bool
    lines: tuple[Line, ...]

    @property
    def lit(self) -> bool:
        """Whether any of its signals stands out."""
        return any(line.lit for line in self.lines)


@attrs.frozen
class Frame:
    """A family, and what stands in it: cards, final states and smaller families. The outermost one has no name."""

    name: str
    parts: tuple[Card | str | Frame, ...]

    def nodes(self) -> Iterator[Card | str]:
        """Yield the cards and the final states."""
        for part in self.parts:
            if isinstance(part, Frame):
                yield from part.nodes()
            else:
                yield part

    def frames(self) -> Iterator[Frame]:
        """Yield the frames within, larger ones first."""
        for part in self.parts:
            if isinstance(part, Frame):
                yield part
                yield from part.frames()


class Folds:
    """A table, folded."""

    def __init__(self, machine: Machine, focus: Focus | None = None) -> None:
        self.table = table = machine._table
        self.focus = focus
        self.cards = alike(table)
        self.home = {state: card for card in self.cards for state in card}
        self.finals = [state for state in table.concrete() if state not in self.home]
        self.root = Frame("", tuple(self._parts(None)))
        self._framed = {frame.name for frame in self.root.frames()}
        self._lines = {card: self._led(card) for card in self.cards}
        self.arrows = self._arrows()
        """All arrows, those of each card together: first to other cards, then to where it ends."""
        self.users = {name for name, signal in table.signals.items() if signal.raised_by == "user"}
        """The signals that user code raises."""

    def _parts(self, family: str | None) -> Iterator[Card | str | Frame]:
        """Yield what stands in a family; a smaller one with a single thing in it is no frame."""
        yield from (card for card in self.cards if self._family(card) == family)
        if family is not None and family in self.finals:
            yield family
        for name, state in self.table.states.items():
            if state.is_ == family:
                parts = tuple(self._parts(name))
                yield from parts if len(parts) < 2 else [Frame(name, parts)]

    def _family(self, card: Card) -> str | None:
        """Return the smallest family that has all states of a card; a state is a family of its own."""
        lineage = self.table.lineage
        return next((name for name in lineage(card[0]) if all(name in lineage(state) for state in card)), None)

    # What leads where

    def _led(self, card: Card) -> list[Line]:
        """Return all that leads on from a card, as it is first met; of what is carried only what stands out."""
        found: dict[tuple[str, str | None, bool], list[Said]] = {}
        for signal, cell in self.table.row(card[0]).items():
            for choice in cell.choices:
                if choice.target != REFUSED:
                    way = (choice.target, choice.guard, False)
                    found.setdefault(way, []).append(self._said(card, signal, choice.target))
            for target in cell.carries if self.focus is not None else ():
                said = self._said(card, signal, target)
                if said.lit:
                    found.setdefault((target, None, True), []).append(said)
        return [Line(*way, tuple(signals)) for way, signals in found.items()]

    def _said(self, card: Card, signal: str, target: str) -> Said:
        """Return a signal with what is noted of it; where states of a card differ in that, by state."""
        if self.focus is None:
            return Said(signal)
        lit = [state for state in card if (state, signal, target) in self.focus.lit]
        notes = [self.focus.notes.get((state, signal, target), "") for state in lit]
        if len(lit) == len(card) and len(set(notes)) == 1:
            return Said(signal, True, notes[0])
        told = (f"{state} {note}".strip() for state, note in zip(lit, notes, strict=True))
        return Said(signal, bool(lit), "; ".join(told))

    def within(self, card: Card) -> list[Line]:
        """Return what stands in a card: what leads to itself, and to final states. Nothing stands in those."""
        return [line for line in self._lines.get(card, ()) if self.home.get(line.target, card) == card]

    def _arrows(self) -> list[Arrow]:
        found: dict[tuple[Card, str, bool], list[Line]] = {}
        for card in self.cards:
            for line in self._lines[card]:
                if self.home.get(line.target) != card:
                    found.setdefault((card, *self._end(line.target)), []).append(line)
        places = {node: place for place, node in enumerate(self.root.nodes())}
        last = len(places)

        def place(arrow: Arrow) -> tuple[int, int]:
            return places[arrow.card], places.get(self.home.get(arrow.end, ()), last)

        return sorted((Arrow(*way, tuple(lines)) for way, lines in found.items()), key=place)

    def _end(self, state: str) -> tuple[str, bool]:
        """Return where an arrow to a state ends, and whether that is a frame: the largest that is final."""
        if state in self.home:
            return self.home[state][0], False
        families = [n for n in self.table.lineage(state) if n in self._framed and self.table.states[n].final]
        return (families[-1], True) if families else (state, False)

    def touched(self) -> set[str]:
        """Return the states that stand out: what stands out leads from them or to them, or the run is there."""
        if self.focus is None:
            return set(self.table.concrete())
        return {state for before, _, after in self.focus.lit for state in (before, after)} | {self.focus.now or ""}

    # Words

    def loud(self, said: Said) -> bool:
        """Return whether a signal is drawn bold: it stands out, or where nothing does, user code raises it."""
        return said.signal in self.users if self.focus is None else said.lit

    def worded(self, line: Line, *, plain: bool = False) -> list[str]:
        """Return what leads to a state as lines of text, signals that are loud in bold.

        Args:
            line: what leads there.
            plain: whether the arrow alone says where it leads.
        """
        told = [(str(said), f"<b>{said}</b>" if self.loud(said) else str(said)) for said in line.signals]
        parts = [(f"{text},", f"{drawn},") for text, drawn in told[:-1]] + [told[-1]]
        target = f" carries {line.target}" if line.carried else "" if plain else f" → {line.target}"
        behind = "".join(filter(None, (f" [{line.guard}]" if line.guard else "", target)))
        if not line.guard and len(parts[-1][0] + behind) <= WIDTH:
            parts[-1] = (parts[-1][0] + behind, parts[-1][1] + behind)
        else:
            parts.append((behind.strip(), behind.strip()))
        lines, room = [parts[0][1]], WIDTH - len(parts[0][0])
        for text, drawn in parts[1:]:
            if len(text) < room:
                lines[-1] += f" {drawn}"
                room -= len(text) + 1
            elif text:
                lines.append(drawn)
                room = WIDTH - len(text)
        return lines

    def labels(self, arrow: Arrow) -> list[str]:
        """Return what stands at an arrow; nothing where the card says it."""
        if arrow.end not in self.home:
            return []
        plain = len(self.home[arrow.end]) == 1
        return [text for line in arrow.lines for text in self.worded(line, plain=plain)]

    def named(self, state: str) -> str:
        """Return a state's name, with what is said of a run that is in it."""
        if self.focus is None or self.focus.now != state:
            return state
        return f"{state} - {self.focus.here}"

    def means(self, states: Card) -> str:
        """Return what the states of a card mean; of several, each with its name."""
        means = [(state, prose(self.table.states[state].means)) for state in states]
        return means[0][1] if len(means) == 1 else "; ".join(f"{state}: {text}" for state, text in means)

    def legend(self) -> list[str]:
        """Return sentences: what stands out, and which states are carried, each behind its signal in bold."""
        told = []
        if self.focus is not None:
            told = [prose(self.focus.told)] if self.focus.told else []
        elif self.users:
            told = ["Signals in <b>bold</b> are raised by user code."]
        return [*told, *self._carried()]

    def _carried(self) -> Iterator[str]:
        told: dict[tuple[str, tuple[str, ...]], list[str]] = {}
        for card in self.cards:
            for signal, cell in self.table.row(card[0]).items():
                if cell.carries:
                    told.setdefault((signal, cell.carries), []).extend(card)
        for (signal, carries), states in told.items():
            yield f"<b>{signal}</b> from {', '.join(states)} carries {', '.join(self._set(carries))}"

    def _set(self, states: Iterable[str]) -> Iterator[str]:
        """Yield the states of a set; most of the final ones by those that are missing."""
        carried = list(states)
        missing = [state for state in self.finals if state not in carried]
        final = len(self.finals) - len(missing)
        if final < len(missing) + 2:
            yield from carried
            return
        yield from (state for state in carried if state in self.home)
        yield f"any final but {', '.join(missing)}" if missing else "any final"
