"""An order of tasks that is kept while edges are added, so that a circle is seen when it would be closed.

An edge that goes along the order costs nothing. For one that goes against it, what is behind its end and what is before
its beginning are searched in turns, and the search that is through first says what must move: the smaller side pays
(as in Bender, Fineman, Gilbert and Tarjan, "A new approach to incremental cycle detection", 2016). Where things stand
is told by labels with gaps between them, made anew around a place that has grown too narrow (Bender, Cole, Demaine,
Farach-Colton and Zito, "Two simplified algorithms for maintaining order in a list", 2002).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Generic, TypeVar

T = TypeVar("T")

GAP = 1 << 32  # between labels at both ends: room for what is put between them later
ROOM = 4 / 3  # so many times more labels may be in use in a range twice as wide


class _Place(Generic[T]):
    __slots__ = ("after", "before", "item", "label")

    def __init__(self, item: T) -> None:
        self.item = item
        self.label = 0
        self.before: _Place[T] | None = None
        self.after: _Place[T] | None = None


class Order(Generic[T]):
    """Items in an order in which every edge goes forwards.

    Args:
        ups: returns the items that have an edge to an item.
        downs: returns the items that an item has an edge to.
    """

    def __init__(self, ups: Callable[[T], Iterable[T]], downs: Callable[[T], Iterable[T]]) -> None:
        self._ups = ups
        self._downs = downs
        self._places: dict[T, _Place[T]] = {}
        self._first: _Place[T] | None = None
        self._last: _Place[T] | None = None

    def __iter__(self) -> Iterator[T]:
        place = self._first
        while place is not None:
            yield place.item
            place = place.after

    def add(self, item: T) -> None:
        """Put an item without edges at the end."""
        place = self._places[item] = _Place(item)
        self._insert(place, self._last)

    def connect(self, up: T, down: T) -> list[T]:
        """Make way for an edge that is about to be added. Returns the circle that it would close, or nothing.

        Where it would close one, nothing has changed.
        """
        begin, end = self._places[up], self._places[down]
        if begin.label < end.label:
            return []
        if begin is end:
            return [up]
        if not any(True for _ in self._ups(up)) and not any(True for _ in self._downs(up)):
            self._move([up], None)  # nothing holds it: the front has room for all
            return []
        ahead: dict[T, T | None] = {down: None}
        back: dict[T, T | None] = {up: None}
        forwards = self._search(ahead, self._downs, lambda label: label <= begin.label)
        backwards = self._search(back, self._ups, lambda label: label >= end.label)
        while up not in ahead and down not in back:
            if next(forwards, False) is False:
                self._move(ahead, begin)
                return []
            if next(backwards, False) is False:
                self._move(back, end.before)
                return []
        return _path(ahead, up)[::-1] if up in ahead else _path(back, down)

    def _search(
        self, found: dict[T, T | None], neighbours: Callable[[T], Iterable[T]], within: Callable[[int], bool]
    ) -> Iterator[bool]:
        """Add what can be reached, and where from; yield once for each edge, so that two searches take turns fairly."""
        todo = list(found)
        for item in todo:
            for other in neighbours(item):
                if other not in found and within(self._places[other].label):
                    found[other] = item
                    todo.append(other)
                yield True

    def _move(self, items: Iterable[T], behind: _Place[T] | None) -> None:
        for place in sorted((self._places[item] for item in items), key=lambda place: place.label):
            self._take_out(place)
            self._insert(place, behind)
            behind = place

    def _take_out(self, place: _Place[T]) -> None:
        before, after = place.before, place.after
        if before is None:
            self._first = after
        else:
            before.after = after
        if after is None:
            self._last = before
        else:
            after.before = before

    def _insert(self, place: _Place[T], before: _Place[T] | None) -> None:
        after = self._first if before is None else before.after
        place.before, place.after = before, after
        if before is None:
            self._first = place
        else:
            before.after = place
        if after is None:
            self._last = place
        else:
            after.before = place
        if before is not None and after is not None:
            if after.label - before.label < 2:
                self._spread(before, place)
            place.label = (before.label + after.label) // 2
        elif before is not None:
            place.label = before.label + GAP
        elif after is not None:
            place.label = after.label - GAP

    def _spread(self, crowded: _Place[T], new: _Place[T]) -> None:
        """Make labels anew in the narrowest range around a place that has room; `new` has none yet."""
        low = high = crowded
        count, bits = 1, 1
        while True:
            bits += 1
            start = crowded.label >> bits << bits
            while (before := low.before) is not None and before.label >= start:
                low, count = before, count + 1
            while (after := high.after if high.after is not new else new.after) is not None and after.label < start + (
                1 << bits
            ):
                high, count = after, count + 1
            if count <= ROOM**bits and (1 << bits) // count >= 2:
                break
        step = (1 << bits) // count
        place: _Place[T] | None = low
        for label in range(start, start + step * count, step):
            assert place is not None
            place.label = label
            place = place.after if place.after is not new else new.after


def _path(came: dict[T, T | None], last: T) -> list[T]:
    """Return the way that a search took, from what it found back to where it began."""
    path = [last]
    while (item := came[path[-1]]) is not None:
        path.append(item)
    return path
