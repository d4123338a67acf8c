"""One step of a run: the cell is looked up, guards and plugins are asked, the row is committed, observers are told."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from interlock._errors import ESCAPES, GuardError, NoTransition, PluginError, shown
from interlock._hooks import RunView
from interlock._record import Record
from interlock._rows import Decision, Row

if TYPE_CHECKING:
    from interlock._hooks import Hooks

Guard = Callable[[Any, Any], bool]
"""Answers an opaque guard: guard(view of the run, signal as it was sent). Any: a signal may be a name or an object."""


class Stepper(Record):
    """What takes a step, once it is its turn (`Run` sees to that)."""

    __slots__ = ("_guards", "_hooks")

    _guards: Mapping[str, Guard] | None
    _hooks: Hooks | None

    def _step(
        self,
        signal: object,
        at: float | None,
        carried: str | None,
        hooks: Hooks | None,
        prepare: Callable[[Row], None] | None = None,
    ) -> tuple[Row, object]:
        machine = self._machine
        name = machine._names.get(type(signal))
        if name is None or name in machine._sealing:
            name, carried = machine._signal(signal, carried)
        row = self._rows[-1].cells.get(name)
        if row is None or row.decide is not None:
            row = self._choose(name, signal, carried)
        note = None
        if hooks is not None and hooks.before and machine._table.signals[name].plugins != "told":
            answer = hooks.ask(RunView(self), signal, at)
            if answer is not None:
                row, note = self._substitute(row, *answer)
                signal = answer[0]
        if prepare is not None:
            prepare(row)
        self._commit(row, at, note)
        if hooks is not None:
            hooks.tell(self)
        return row, signal

    def _quick(self, kind: type, at: float, attempt: int | None = None) -> Row | None:
        """Take a step for which nobody is to be asked, and return its row; None where it is not as simple as that.

        `_step` and `_commit`, written out for what nearly all steps of task runs are. It takes no turn: only who steps
        a run alone may call it.

        Args:
            kind: the signal's class.
            at: the time.
            attempt: the attempt that the signal is a message of; None where it is none.
        """
        rows, times, values = self._rows, self._times, self._counts
        last = rows[-1]
        try:
            row: Row | None = last.kinds[kind]
        except KeyError:
            row = self._learn(kind)
        # With as many times as rows, no step that never came has left anything: the time is the first that one leaves.
        if row is None or self._hooks is not None or times is None or len(times) != len(rows) or self._notes:
            return None
        if attempt is not None and not (attempt == values[1] and values[2] and last.held):
            return None
        times.append(at)
        if row.bump is not None:
            self._older = values
            number = rows[0].number + len(rows)
            memo = row.memo
            if memo[0] is not values or memo[1] != number:
                memo = row.memo = (values, number, row.bump(values, number))
            self._counts = memo[2]
        rows.append(row)
        if row.final:
            # Nothing follows: runs that went alike share their rows, and a tuple of times is none of the collector's.
            whole = tuple(rows)
            if row.whole != whole:
                row.whole = whole
            self._rows = row.whole  # type: ignore[assignment]  # nothing is appended any more
            self._times = tuple(times)  # type: ignore[assignment]  # so here
        elif not row.brief and len(rows) > rows[0].most:
            self._trim()
        return row

    def _learn(self, kind: type) -> Row | None:
        """Return the row that all signals of a class take in this state; note it. None if there is none, or several."""
        last, name = self._rows[-1], self._machine._name(kind)
        entry = None if name is None else last.cells.get(name)
        row = entry if isinstance(entry, Row) and entry.after not in self._machine._classes else None
        last.kinds[kind] = row
        return row

    def _choose(self, name: str, signal: object, carried: str | None) -> Row:
        entry = self._rows[-1].cells.get(name)
        if isinstance(entry, Decision):
            entry = entry.decide(self._values(), self, signal, carried)
        if entry is None:
            raise self._refusal(name, carried)
        return entry  # type: ignore[no-any-return]  # see _rows

    def _would_take(self, signal: object) -> Row:
        """Return the row that a signal would take now. Raises `NoTransition` or `ValueError` if there is none."""
        name, carried = self._machine._signal(signal, None)
        return self._choose(name, signal, carried)

    def _ask(self, guard: str, signal: object) -> bool:
        bound = self._guards.get(guard) if self._guards else None
        if bound is None:
            bound = self._machine._answers.get(guard)
        if bound is None:
            return self._machine._table.guards[guard].default
        answer = bound(RunView(self), signal)
        if answer is not True and answer is not False:
            raise GuardError(guard, repr(answer))
        return answer

    def _substitute(self, asked: Row, answer: object, plugin: str) -> tuple[Row, tuple[str, str]]:
        """Return the row of a plugin's answer. Raises `PluginError` where it is no answer."""
        try:
            name, carried = self._machine._signal(answer, None)
            signal = self._machine._table.signals[name]
        except ESCAPES:
            raise
        except ValueError as error:
            raise PluginError(plugin, "before_step", f"answered {text_of(answer)}: {error}") from None
        except BaseException as error:  # what it answered is a stranger's code too
            problem = f"answered what cannot be read: {shown(error)}"
            raise PluginError(plugin, "before_step", problem) from error
        if signal.plugins != "free":
            problem = f"answered {signal.name}; plugins are {signal.plugins} of it, never the source"
            raise PluginError(plugin, "before_step", problem)
        try:
            row = self._choose(signal.name, answer, carried)
        except (ValueError, NoTransition) as error:
            raise PluginError(plugin, "before_step", f"answered {text_of(answer)}: {error}") from None
        held = self._machine._table.attempt
        if self._open() and asked.after not in held and row.after in held:
            problem = f"answered {signal.name}, which leaves the attempt open; {asked.signal} would have closed it"
            raise PluginError(plugin, "before_step", problem)
        return row, (asked.signal, plugin)


def text_of(signal: object) -> str:
    """Return a signal as it was given, for an error."""
    return signal if isinstance(signal, str) else shown(signal)
