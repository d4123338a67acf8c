"""What a run has done, kept so that an interrupt at any moment leaves it whole.

A step is committed by one append to the list of rows, and the state is that of the last row. What else a step leaves
(counts, time, who chose) is written before, under the number of the step, and is not read unless the step came.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from interlock._errors import NoTransition
from interlock._machine import Machine
from interlock._rows import FIRST, Row, Values, possible
from interlock._story import Cut, Step, Story, arrows, attempt_of

if TYPE_CHECKING:
    from interlock._run import Run

NOBODY = (None, None)  # asked for another signal, and chose this one
_new = tuple.__new__
TOLD = 8  # steps of the story that an error tells


class Record:
    """The rows that a run took, what its guards count, and a sparse side record."""

    __slots__ = ("_counts", "_machine", "_notes", "_older", "_rows", "_times")

    _machine: Machine
    _rows: list[Any]  # a Cut, then Rows: one type for both would cost a test on the hot path
    _counts: Values  # with the number of the step that they were made for
    _older: Values  # those before, in case that step never comes
    _times: list[float | None] | None  # the number of the step before the first, then a time for each row
    _notes: dict[int, tuple[str, str]] | None  # by number of the step: what was asked, and the plugin that chose

    @property
    def machine(self) -> Machine:
        """The table."""
        return self._machine

    @property
    def state(self) -> str:
        """The present state."""
        return self._rows[-1].after  # type: ignore[no-any-return]  # see _rows

    @property
    def closed(self) -> bool:
        """Whether the run is sealed: every signal is refused until `reopen`, and for ever if it is final."""
        return self._rows[-1].closed  # type: ignore[no-any-return]  # see _rows

    @property
    def is_final(self) -> bool:
        """Whether the present state has no way out."""
        return self.state in self._machine.final

    @property
    def attempt(self) -> int:
        """The number of the attempt that is open, or of the last one; 0 before the first."""
        return self._values()[1]

    @property
    def counts(self) -> Mapping[str, int]:
        """What the guards have counted, by the names in `machine.counters`."""
        return dict(zip(self._machine.counters, self._values()[FIRST:], strict=True))

    @property
    def limits(self) -> Mapping[str, float]:
        """The limits of the run."""
        return dict(self._rows[0].compiled.limits)

    @property
    def story(self) -> Story:
        """The steps up to now, as a value: it does not grow with the run."""
        while True:
            held = self._rows
            rows = tuple(held)  # first: what else a step leaves is written before it
            times = None if self._times is None else tuple(self._times)
            notes = dict(self._notes or {})
            if held is self._rows and rows[0] is held[0]:  # else another thread has cut the story meanwhile
                return Story(rows, times, notes, self._from_story)

    def _from_story(self, story: Story) -> Run:
        raise NotImplementedError  # `Run` makes another run of its kind

    def _would_take(self, signal: object) -> Row:
        raise NotImplementedError  # `Stepper` chooses

    def accepts(self) -> tuple[str, ...]:
        """Return the signals that the run accepts now. Opaque guards are not asked: what one may allow is listed."""
        return self._accepts()

    def _accepts(self) -> tuple[str, ...]:
        last, compiled = self._rows[-1], self._rows[0].compiled
        row = compiled.table.row(last.after) if last.cells else {}
        values = self._values()
        return tuple(s for s, cell in row.items() if cell.carries or possible(compiled, cell, values) - {"refused"})

    def _open(self) -> bool:
        return bool(self.state in self._machine._table.attempt and self._values()[2])

    def _refusal(self, name: str, carried: str | None) -> NoTransition:
        last, told = self._rows[-1], self._told()
        if last.closed and last.after not in self._machine.final:
            who = f"{last.signal} sealed the run" if isinstance(last, Row) else "the run is sealed"
            because = f"{who} in {last.after}; only a new pass, reopen(), lets it go on"
            return NoTransition(self._machine.name, last.after, name, because, (), told)
        return self._machine._refusal(last.after, name, carried, told, self._accepts())

    def _told(self) -> str:
        rows = [row for row in self._rows[-TOLD:] if isinstance(row, Row)]
        return arrows(rows, self.state) if rows else ""

    def _values(self) -> Values:
        values, rows = self._counts, self._rows
        return values if values[0] < rows[0].number + len(rows) else self._older

    def _last_step(self) -> Step:
        rows = self._rows
        row, cut = rows[-1], rows[0]
        number = cut.number + len(rows) - 1
        at = self._times[-1] if self._times else None
        asked, plugin = self._notes.get(number, NOBODY) if self._notes else NOBODY
        attempt = None
        if held := cut.compiled.table.attempt:
            values = self._counts
            attempt = attempt_of(row, held, self._older if values[0] == number else values, values)
        # `Step(...)` at a third of its time: an observer may take no longer than a microsecond.
        return _new(Step, (number, row.before, row.signal, row.after, attempt, at, asked, plugin))

    def _commit(self, row: Row, at: float | None, note: tuple[str, str] | None) -> None:
        rows = self._rows
        cut = rows[0]
        number = cut.number + len(rows)
        times = self._times
        if times is not None and len(times) == number - times[0]:
            times.append(at)
        elif at is not None or times is not None:
            self._stamp(number, at)
        if note is not None or self._notes is not None:
            self._note(number, note)
        if row.bump is not None:
            values = self._counts
            if values[0] >= number:  # of a step that never came
                values = self._older
            self._older = values
            self._counts = row.bump(values, number)
        rows.append(row)
        if len(rows) > cut.most:
            self._trim()

    def _stamp(self, number: int, at: float | None) -> None:
        if self._times is None:  # it begins where the rows do, so that a step half written shows by its length
            self._times = [self._rows[0].number]
        times = self._times
        place = number - int(times[0] or 0)
        del times[place:]  # of a step that never came
        times.extend([None] * (place - len(times)))
        times.append(at)

    def _note(self, number: int, note: tuple[str, str] | None) -> None:
        if self._notes is None:
            self._notes = {}
        self._notes.pop(number, None)
        if note is not None:
            self._notes[number] = note

    def _trim(self) -> None:
        """Cut the story where the run was marked a span ago.

        Each new list is whole before it takes the place of the old one.
        """
        rows, cut = self._rows, self._rows[0]
        now = (cut.number + len(rows) - 1, self._values())
        if cut.mark is None:
            marked = Cut(cut.compiled, cut.after, cut.number, cut.values, cut.keep)
            marked.closed, marked.cells, marked.kinds = cut.closed, cut.cells, cut.kinds
            marked.mark, marked.most = now, len(rows) - 1 + cut.span
            rows[0] = marked
            return
        number, values = cut.mark
        place = number - cut.number
        after = Cut(cut.compiled, rows[place].after, number, values, cut.keep)
        after.mark, after.most = now, now[0] - number + cut.span
        if self._times is not None and number > (first := int(self._times[0] or 0)):
            self._times = [number, *self._times[number - first + 1 :]]
        if self._notes is not None:
            self._notes = {step: note for step, note in self._notes.items() if step > number}
        self._rows = [after, *rows[place + 1 :]]
