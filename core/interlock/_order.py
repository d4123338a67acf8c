"""An order of tasks that is kept while edges are added, so that a circle is seen when it would be closed.

The algorithm of Pearce and Kelly (2006): an edge that goes along the order costs nothing; one that goes against it
reorders only what lies between. A task without upstreams can go to the very front, and one without downstreams to the
very end, for nothing: chains and fans are linear, in whichever direction they are built.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Generic, TypeVar

T = TypeVar("T")


class Order(Generic[T]):
    """Numbers for items, such that every edge goes from a lower one to a higher one.

    Args:
        ups: returns the items that have an edge to an item.
        downs: returns the items that an item has an edge to.
    """

    def __init__(self, ups: Callable[[T], Iterable[T]], downs: Callable[[T], Iterable[T]]) -> None:
        self._ups = ups
        self._downs = downs
        self._places: dict[T, int] = {}
        self._first = 0
        self._last = -1

    def add(self, item: T) -> None:
        """Add an item without edges."""
        self._last += 1
        self._places[item] = self._last

    def connect(self, up: T, down: T) -> list[T]:
        """Make way for an edge that is about to be added. Returns the circle that it would close, or nothing.

        Where it would close one, nothing has changed.
        """
        places = self._places
        if places[up] < places[down]:
            return []
        if up != down and not any(True for _ in self._ups(up)):
            self._first -= 1
            places[up] = self._first
            return []
        if up != down and not any(True for _ in self._downs(down)):
            self._last += 1
            places[down] = self._last
            return []
        came: dict[T, T | None] = {down: None}
        behind = [down]
        for item in behind:
            if item == up:
                return self._circle(came, up)
            for other in self._downs(item):
                if other not in came and places[other] <= places[up]:
                    came[other] = item
                    behind.append(other)
        self._reorder(behind, self._before(up, places[down]))
        return []

    def _circle(self, came: dict[T, T | None], last: T) -> list[T]:
        path = [last]
        while (item := came[path[-1]]) is not None:
            path.append(item)
        return path[::-1]

    def _before(self, item: T, floor: int) -> list[T]:
        seen = {item}
        found = [item]
        for one in found:
            for other in self._ups(one):
                if other not in seen and self._places[other] >= floor:
                    seen.add(other)
                    found.append(other)
        return found

    def _reorder(self, behind: list[T], before: list[T]) -> None:
        places = self._places
        items = [*sorted(before, key=places.__getitem__), *sorted(behind, key=places.__getitem__)]
        for item, place in zip(items, sorted(places[item] for item in items), strict=True):
            places[item] = place
