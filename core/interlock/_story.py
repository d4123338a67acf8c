"""Stories: the steps of a run, as a value that can be read, stored and replayed.

A run keeps references to shared rows; a `Step` is a view made when somebody reads one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple, overload

from interlock._errors import ReplayError
from interlock._rows import FIRST, Compiled, Row, Values, possible

if TYPE_CHECKING:
    from interlock._run import Run

Notes = Mapping[int, tuple[str, str]]
"""By number of the step: the signal that was asked for, and the plugin that chose another."""


class Cut:
    """What stands before the first row that a run still has: the state there, the counts, and the rules."""

    __slots__ = ("after", "cells", "closed", "compiled", "held", "keep", "kinds", "mark", "most", "number", "values")

    def __init__(self, compiled: Compiled, after: str, number: int, values: Values, keep: int) -> None:
        self.compiled = compiled
        self.after = after
        self.cells = compiled.cells[after]
        self.kinds = compiled.kinds[after]
        self.closed = False
        self.held = after in compiled.table.attempt
        self.number = number
        """Steps taken before."""
        self.values = values
        self.keep = keep
        """How many steps the story keeps."""
        self.mark: tuple[int, Values] | None = None
        """Where the next cut will be, and the counts there: taken when the run comes by, and not recounted."""
        self.most = self.span
        """How long the list of rows may grow until something is cut or marked."""

    @property
    def opened(self) -> Cut:
        """The same cut once a new pass was opened."""
        return Cut(self.compiled, self.after, self.number, self.values, self.keep)

    @property
    def span(self) -> int:
        """Steps between two cuts: not fewer than the story keeps, so that cutting costs little a step."""
        return max(self.keep, 16)


def origin(compiled: Compiled, keep: int) -> Cut:
    """Return the cut before the first step, shared by all runs that keep as much."""
    cut = compiled.origins.get(keep)
    if cut is None:
        cut = compiled.origins[keep] = Cut(compiled, compiled.table.initial, 0, compiled.start, keep)
    return cut


class Step(NamedTuple):
    """One change of a run. A tuple, since observers get one a step; read its fields by name, for more may come."""

    number: int
    """Counted from 1 over the whole life of the run."""
    before: str
    signal: str
    after: str
    attempt: int | None = None
    """The attempt that was open when the step was taken, or that it opened; None outside of attempts."""
    at: float | None = None
    """When, in the seconds that the sender counts in; None if it did not say."""
    asked: str | None = None
    """The signal that was sent, where a plugin chose another."""
    plugin: str | None = None
    """The plugin that chose."""

    def __str__(self) -> str:
        asked = f" (asked: {self.asked}, chosen by {self.plugin})" if self.plugin else ""
        return f"{self.before} -{self.signal}-> {self.after}{asked}"

    def to_dict(self) -> dict[str, str | int | float]:
        """Return the stable JSON form; fields that are None are left out."""
        return {name: value for name, value in self._asdict().items() if value is not None}


class Story(Sequence[Step]):
    """A run's steps in order: the last ones, where the run was told not to keep all.

    `start` is the state before the first step, `counts` the counts there, `skipped` how many steps are gone.
    """

    __slots__ = ("_cut", "_make", "_notes", "_rows", "_times", "closed", "skipped", "start")

    def __init__(
        self,
        rows: Sequence[Cut | Row],
        times: Sequence[float | None] | None,
        notes: Notes,
        make: Callable[[Story], Run],
    ) -> None:
        cut = rows[0]
        assert isinstance(cut, Cut)
        own = [row for row in rows if isinstance(row, Row)]
        hidden = max(0, len(own) - cut.keep)
        values = cut.values
        for row in own[:hidden]:
            values = row.bump(values, 0) if row.bump else values
        self._cut = Cut(cut.compiled, own[hidden - 1].after if hidden else cut.after, cut.number, values, cut.keep)
        self._rows: tuple[Row, ...] = tuple(own[hidden:])
        self.skipped = self._cut.number = cut.number + hidden
        self.start = self._cut.after
        self.closed = rows[-1].closed
        """Whether the run was sealed when the story was told."""
        self._times = times
        self._notes = notes
        self._make = make

    @property
    def lifecycle(self) -> str:
        """The name of the life cycle."""
        return self._cut.compiled.table.name

    @property
    def limits(self) -> Mapping[str, float]:
        """The limits that the run was given."""
        return dict(self._cut.compiled.limits)

    @property
    def spec(self) -> str:
        """The spec hash of the table."""
        return self._cut.compiled.table.hash()

    @property
    def counts(self) -> Mapping[str, int]:
        """What the guards had counted before the first step."""
        return dict(zip(map(str, self._cut.compiled.counts), self._cut.values[FIRST:], strict=True))

    def end(self) -> tuple[str, Values]:
        """Return the state and the counts behind the last step."""
        values = self._cut.values
        for row in self._rows:
            values = row.bump(values, 0) if row.bump else values
        return (self._rows[-1].after if self._rows else self.start), values

    def replay(self) -> Run:
        """Return a new run that took these steps.

        Opaque guards are not asked again: a step must be one of its cell's choices under some answers of theirs.

        Raises:
            ReplayError: a step is no step of the table.
        """
        return self._make(self)

    def __len__(self) -> int:
        return len(self._rows)

    @overload
    def __getitem__(self, index: int) -> Step: ...
    @overload
    def __getitem__(self, index: slice) -> list[Step]: ...
    def __getitem__(self, index: int | slice) -> Step | list[Step]:
        if isinstance(index, slice):
            return list(self)[index]
        return next(islice(self._steps(range(len(self))[index]), 1))

    def __iter__(self) -> Iterator[Step]:
        return self._steps(0)

    def _steps(self, first: int) -> Iterator[Step]:
        values = self._cut.values
        for place, row in enumerate(self._rows):
            before, values = values, row.bump(values, 0) if row.bump else values
            if place >= first:
                number = self.skipped + place + 1
                asked, plugin = self._notes.get(number, (None, None))
                attempt = attempt_of(row, self._cut.compiled.table.attempt, before, values)
                yield Step(number, row.before, row.signal, row.after, attempt, self._at(number), asked, plugin)

    def _at(self, number: int) -> float | None:
        if self._times is None:
            return None
        place = number - int(self._times[0] or 0)
        return self._times[place] if 0 < place < len(self._times) else None

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Story):
            return NotImplemented
        mine, its = (story._key() for story in (self, other))
        return mine == its

    __hash__ = None  # type: ignore[assignment]  # as for a list of steps

    def _key(self) -> tuple[object, ...]:
        return self.spec, self.skipped, self.start, self.counts, self.limits, list(self)

    def __str__(self) -> str:
        return arrows(self._rows, self.start)

    def __repr__(self) -> str:
        return f"<Story of {self.lifecycle}, {self.skipped + len(self)} steps: {arrows(self._rows[-4:], self.start)}>"

    def to_dict(self) -> dict[str, Any]:
        """Return the stable JSON form. Any: JSON."""
        cut = self._cut
        return {
            "start": self.start,
            "skipped": self.skipped,
            "counts": self.counts,
            "attempts": cut.values[1],
            "open": bool(cut.values[2]),
            "steps": [step.to_dict() for step in self],
        }


def attempt_of(row: Row, held: Sequence[str], before: Values, after: Values) -> int | None:
    """Return the attempt that a step opened, or that was open when it was taken."""
    if row.after in held and after[2]:
        return after[1]
    return before[1] if row.before in held and before[2] else None


def arrows(rows: Sequence[Row], start: str) -> str:
    """Return steps as arrows: "Pending -START-> Running -FAIL-> Failed"."""
    first = rows[0].before if rows else start
    return first + "".join(f" -{row.signal}-> {row.after}" for row in rows)


def walk(cut: Cut, steps: Sequence[tuple[str, str, str]]) -> tuple[Row, ...]:
    """Return the rows that these (before, signal, after) take from a cut.

    Raises:
        ReplayError: a step does not begin where the last one ended, or no answers of the opaque guards allow it.
    """
    compiled = cut.compiled
    table = compiled.table
    state, values, rows = cut.after, cut.values, list[Row]()
    for number, (before, signal, after) in enumerate(steps, start=cut.number + 1):
        cell = table.cells.get((before, signal))
        if before != state:
            raise ReplayError(table.name, number, f"{signal} was taken in {before}, but the run was in {state}")
        allowed = set[str]() if cell is None else set(cell.carries) or possible(compiled, cell, values)
        row = compiled.rows.get((before, signal, after))
        if row is None or after not in allowed:
            others = ", ".join(sorted(allowed - {"refused"})) or "nothing"
            raise ReplayError(table.name, number, f"{before} -{signal}-> {after} is no step; it may lead to: {others}")
        values = row.bump(values, 0) if row.bump else values
        state = after
        rows.append(row)
    return tuple(rows)
