"""Where the states of a life cycle stand in its picture: in columns, from the beginning on the left to the end.

States that answer alike are one card. A card stands as many columns from the first as it is steps from the beginning,
but for two kinds that would make the picture wide and tell nobody anything: states of one family stand together, and a
card that only leads back, to several places, stands with the first of them, so that its way on points forward again.
A column that would be too high goes on in the next.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import attrs

from interlock._draw import alike
from interlock._table import REFUSED, Table

Card = tuple[str, ...]
"""States that answer alike, or one final state."""

HIGH = 60  # lines of a column; that of one card may be more

RIGHT, LEFT, ABOVE, BELOW = "→←↑↓"


@attrs.frozen
class Frame:
    """A family, and what stands in it."""

    family: str
    parts: tuple[Card | Frame, ...]


Part = Card | Frame


class Places:
    """The cards of a table, and where each of them stands."""

    def __init__(self, table: Table) -> None:
        self.table = table
        self.cards = alike(table)
        self.home = {state: card for card in self.cards for state in card}
        """The card of each state that has one; final states have none."""
        self.finals = [state for state in table.concrete() if state not in self.home]
        self.depths = _columns(table, self.cards, self.home)
        """Which column each card would be in, were they as high as they like."""
        self.columns = [self._framed(cards, self.cards) for cards in self._cut()]
        self.last = self._framed([(state,) for state in self.finals])
        """The final states."""
        ordered = [(column, card) for column, parts in enumerate(self.columns) for card in flat(parts)]
        self._numbers = {state: number for number, state in enumerate(table.concrete())}
        self._place = {card: (column, row) for row, (column, card) in enumerate(ordered)}

    def _cut(self) -> Iterator[list[Card]]:
        """Yield the cards of each column; one that is too high goes on in the next."""
        for depth in range(1 + max(self.depths.values())):
            whole = self._framed([card for card in self.cards if self.depths[card] == depth], self.cards)
            cards: list[Card] = []
            lines = 0
            for card in flat(whole):
                more = len(card) + len(_next(self.table, card))
                if cards and lines + more > HIGH:
                    yield cards
                    cards, lines = [], 0
                cards.append(card)
                lines += more
            yield cards

    def number(self, state: str) -> int:
        """Return the number of a state in its table."""
        return self._numbers[state]

    def column(self, state: str) -> int:
        """Return the number of the column that a state stands in; final states stand in the last."""
        home = self.home.get(state)
        return len(self.columns) if home is None else self._place[home][0]

    def way(self, card: Card, target: str) -> str:
        """Return in which direction a state is from a card."""
        here, there = self.column(card[0]), self.column(target)
        if here != there:
            return LEFT if there < here else RIGHT
        return BELOW if self.order(target)[0] > self._place[card][1] else ABOVE

    def apart(self, card: Card, target: str) -> bool:
        """Return whether a state is another number of steps from the beginning than a card."""
        home = self.home.get(target)
        return home is None or self.depths[home] != self.depths[card]

    def order(self, target: str) -> tuple[int, int]:
        """Return numbers by which states are in order as they are read: by columns, and within them from above."""
        home = self.home.get(target)
        if home is None:
            return len(self.cards), self.finals.index(target)
        return self._place[home][1], home.index(target)

    def _framed(self, cards: Sequence[Card], others: Sequence[Card] = ()) -> list[Part]:
        """Return cards in the frames of their families.

        A family has none that has no other card, or whose first state is on a card with those of a larger family.

        Args:
            cards: those of one column.
            others: what else may be of their families.
        """

        def within(family: str | None) -> list[Part]:
            parts: list[Part] = [card for card in cards if _family(self.table, card) == family]
            for name, state in self.table.states.items():
                if state.is_ == family:
                    inner = within(name)
                    several = len(inner) > 1 or sum(_is(self.table, card, name) for card in others) > 1
                    led = state.abstract or _is(self.table, self.home.get(name, (name,)), name)
                    parts += [Frame(name, tuple(inner))] if inner and several and led else inner
            return sorted(parts, key=lambda part: cards.index(next(flat([part])))) if family is None else parts

        return within(None)


def flat(parts: Iterable[Part]) -> Iterator[Card]:
    """Yield the cards in frames, from above."""
    for part in parts:
        if isinstance(part, Frame):
            yield from flat(part.parts)
        else:
            yield part


def _family(table: Table, card: Card) -> str | None:
    """Return the smallest family that has all states of a card; a state is a family of its own."""
    return next((name for name in table.lineage(card[0]) if _is(table, card, name)), None)


def _is(table: Table, card: Card, family: str) -> bool:
    return all(family in table.lineage(state) for state in card)


def _columns(table: Table, cards: Sequence[Card], home: dict[str, Card]) -> dict[Card, int]:
    """Return the column of each card."""
    steps = {card: _next(table, card) for card in cards}
    depths = _depths(home[table.initial], cards, {c: [home[s] for s in steps[c] if s in home] for c in cards})
    found = {card: min(depths[other] for other in cards if _top(table, other) == _top(table, card)) for card in cards}
    if len(set(found.values())) == 1:
        found = depths
    for card in sorted(cards, key=lambda card: depths[card]):
        on = {found[home[state]] for state in steps[card] if state in home and home[state] != card}
        ends = {state for state in steps[card] if state not in home}
        before = {state for other in cards if depths[other] < depths[card] for state in steps[other]}
        if len(on) > 1 and max(on) < found[card] and ends <= before:
            found[card] = min(on)
    used = sorted(set(found.values()))
    return {card: used.index(column) for card, column in found.items()}


def _next(table: Table, card: Card) -> list[str]:
    """Return the states that may follow those of a card; not those that a signal may carry, which are nearly all."""
    targets = (choice.target for cell in table.row(card[0]).values() for choice in cell.choices)
    return list(dict.fromkeys(target for target in targets if target != REFUSED))


def _top(table: Table, card: Card) -> str:
    """Return the largest family of a card that a run can be in."""
    return [name for name in table.lineage(card[0]) if not table.states[name].abstract][-1]


def _depths(first: Card, cards: Iterable[Card], steps: dict[Card, list[Card]]) -> dict[Card, int]:
    """Return how many steps each card is away from the first; what no step leads to is as far as the last."""
    todo = [first]
    found = {first: 0}
    for card in todo:
        for other in steps[card]:
            if other not in found:
                found[other] = found[card] + 1
                todo.append(other)
    last = max(found.values())
    return {card: found.get(card, last) for card in cards}
