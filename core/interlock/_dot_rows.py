"""What stands on the cards of a life cycle's picture, row by row, and which of it stands out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Literal, NamedTuple

from interlock._dot_places import LEFT, RIGHT, Card, Places
from interlock._focus import MOST, Focus
from interlock._table import REFUSED

Tone = Literal["plain", "lit", "dim"]
"""How a row is drawn: as always, or because something stands out, as that or as the rest."""


FAR = 8  # columns that an arrow goes at most; beyond that nobody follows it, and the program takes long to draw it
FEW = 2  # final states that a card has arrows to, each its own


class Row(NamedTuple):
    """A row of a card: where it leads, and the signals that lead there by their guards; no guard is an empty one."""

    targets: tuple[str, ...]
    """The state that follows; or the states that the signals may carry."""
    guarded: Mapping[str, list[str]]
    carries: bool

    @property
    def signals(self) -> list[str]:
        """All its signals."""
        return [signal for signals in self.guarded.values() for signal in signals]


class Arrow(NamedTuple):
    """An arrow from a row of a card to a state of another column; or, with no state, to the final states."""

    row: Row
    way: str
    target: str | None
    tone: Tone


class Rows:
    """The rows of all cards."""

    def __init__(self, places: Places, focus: Focus | None) -> None:
        self.places = places
        self.table = places.table
        self.focus = focus

    def of(self, card: Card) -> list[Row]:
        """Return the rows of a card: first those that lead on, last those to final states."""
        found: dict[str, dict[str, list[str]]] = {}
        carried: dict[tuple[str, ...], list[str]] = {}
        for signal, cell in self.table.row(card[0]).items():
            for choice in cell.choices:
                if choice.target != REFUSED:
                    found.setdefault(choice.target, {}).setdefault(choice.guard or "", []).append(signal)
            if cell.carries:
                carried.setdefault(cell.carries, []).append(signal)

        def order(target: str) -> tuple[bool, int, tuple[int, int]]:
            way = self.places.way(card, target)
            return target not in self.places.home, {RIGHT: 0, LEFT: 2}.get(way, 1), self.places.order(target)

        rows = [Row((target,), found[target], False) for target in sorted(found, key=order)]
        return rows + [Row(states, {"": signals}, True) for states, signals in carried.items()]

    def tone(self, card: Card, signals: Iterable[str], targets: Iterable[str]) -> Tone:
        """Return how signals that lead from a card to states are drawn."""
        if self.focus is None:
            return "plain"
        ways = {(state, signal, target) for state in card for signal in signals for target in targets}
        return "dim" if ways.isdisjoint(self.focus.lit) else "lit"

    def note(self, card: Card, signal: str, targets: Sequence[str]) -> str:
        """Return what is said behind a signal; numbers of steps are in order, whichever state they were taken in."""
        notes = {} if self.focus is None else self.focus.notes
        ways = [(state, signal, target) for state in card for target in targets]
        said = [(way, notes[way]) for way in ways if way in notes]
        parts = [part for _, text in said for part in text.split(", ")]
        numbers = sorted(int(part) for part in parts if part.isdecimal())
        if len(said) > 1 and numbers:
            more = ["..."] if len(numbers) > MOST or "..." in parts else []
            return ", ".join([*map(str, numbers[:MOST]), *more])
        if len(said) == 1:
            return said[0][1]
        return ", ".join(f"{after if len(targets) > 1 else before} {text}" for (before, _, after), text in said)

    def port(self, card: Card, row: Row) -> str:
        """Return the name of the place where the arrow of a row begins; that of a state is its number.

        Graphviz takes names for one that differ in their capitals alone, as those of states and signals may.
        """
        if row.carries:
            return f"{self.places.number(card[0])} carries {list(self.table.signals).index(row.signals[0])}"
        return f"{self.places.number(card[0])} to {self.places.number(row.targets[0])}"

    def arrows(self, card: Card) -> Iterator[Arrow]:
        """Yield the arrows from a card: one to each card of another column, and one to final states if they are many.

        What stands out stands for the rest, and each row of it has an arrow of its own.
        """
        rows, homes = self.of(card), self.places.home
        for home in dict.fromkeys(homes.get(target) for row in rows for target in row.targets):
            ways = [(row, target) for row in rows for target in row.targets if homes.get(target) == home]
            way = self.places.way(card, ways[0][1])
            far = abs(self.places.column(ways[0][1]) - self.places.column(card[0]))
            lit = [(row, target) for row, target in ways if self.tone(card, row.signals, [target]) == "lit"]
            if self.places.apart(card, ways[0][1]) and (lit or far <= FAR):
                tone: Tone = "plain" if self.focus is None else "lit" if lit else "dim"
                chosen = _ends(lit or ways) if home is None else _ons(lit or ways, tone)
                yield from (Arrow(row, way, target, tone) for row, target in chosen)


def _ends(ways: Sequence[tuple[Row, str]]) -> list[tuple[Row, str | None]]:
    """Return rows to have arrows to final states: if these are few, one for each, else the row in the middle."""
    first = {target: row for row, target in reversed(ways)}
    if len(first) <= FEW:
        return [(row, target) for target, row in reversed(first.items())]
    rows = [row for place, (row, _) in enumerate(ways) if place == 0 or ways[place - 1][0] is not row]
    return [(rows[(len(rows) - 1) // 2], None)]


def _ons(ways: Sequence[tuple[Row, str]], tone: Tone) -> list[tuple[Row, str]]:
    """Return rows to have arrows to a card: what a signal may carry goes nearly everywhere, and has none as a rule."""
    plain = [(row, target) for row, target in ways if not row.carries]
    if tone == "lit":
        return plain or list(ways)
    return plain[(len(plain) - 1) // 2 :][:1]
