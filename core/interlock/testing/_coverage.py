"""Which rows of life cycles runs have taken: recorded, told, stored, drawn.

Nothing in the core knows of it. While rows are recorded, the three places where a step is committed are wrapped; at all
other times they are as they were made, and recording costs nothing.
"""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Callable
from functools import wraps
from typing import Any, Self

from interlock import _draw
from interlock._covered import Covered
from interlock._machine import Machine
from interlock._record import Record
from interlock._rows import Row
from interlock._run import Run
from interlock._step import Stepper

DRAWN = "<drawn>"
"""The file of a life cycle that `machines()` drew: it is nobody's, and is not recorded."""

Way = _draw.Way


class Scout(Run):
    """A run that a strategy looks ahead with: nobody's test, and not recorded."""

    __slots__ = ()


class Coverage:
    """Records the rows that runs take while it is entered: all runs of the process, in every thread, in flows too.

    Not recorded are runs of other processes, what `Machine.next` answers, what `to_transitions` makes, runs that are
    loaded or replayed, for they were taken before, life cycles that `machines()` drew, and the runs by which `signals`
    and `stories` are drawn, for they are nobody's.
    Several may be entered at once.
    """

    def __init__(self) -> None:
        self._machines: dict[str, Machine] = {}
        self._taken: dict[str, Counter[Way]] = {}

    @property
    def lifecycles(self) -> list[Covered]:
        """The life cycles of which some row was taken, by name."""
        with _lock:
            found = [(machine, Counter(self._taken[spec])) for spec, machine in self._machines.items()]
        covered = [Covered(machine, taken) for machine, taken in found]
        return sorted(covered, key=lambda each: (each.machine.name, each.machine.hash))

    def note(self, machine: Machine, way: Way, times: int = 1) -> None:
        """Take note that a row was taken."""
        if machine._table.file == DRAWN:
            return
        with _lock:
            self._machines.setdefault(machine.hash, machine)
            self._taken.setdefault(machine.hash, Counter())[way] += times

    def __enter__(self) -> Self:
        with _lock:
            _entered.append(self)
            if len(_entered) == 1:
                _wrap()
        return self

    def __exit__(self, *raised: object) -> None:
        with _lock:
            _entered.remove(self)
            if not _entered:
                _unwrap()

    def dumps(self) -> str:
        """Return all of it as a text, tables included, for another process."""
        lifecycles = [(c.machine._table.source, c.machine._table.file, c.to_dict()) for c in self.lifecycles]
        return json.dumps(lifecycles)

    def add(self, text: str) -> None:
        """Add what `dumps` of another one returned."""
        for source, file, rows in json.loads(text):
            machine = Machine.from_mapping(source, file)
            for way, times in Covered.from_dict(machine, rows).taken.items():
                if times:
                    self.note(machine, way, times)


_entered: list[Coverage] = []
_lock = threading.RLock()  # a handler of a signal may take a step inside of `note`
_usual: dict[tuple[type, str], Any] = {}
"""What is wrapped at present, by class and name. Any: methods of several types."""


def _note(record: Record, row: Row) -> None:
    for coverage in tuple(_entered) if type(record) is not Scout else ():
        coverage.note(record._machine, (row.before, row.signal, row.after))


def _wrap() -> None:
    _replace(Run, "send", _sending)
    _replace(Stepper, "_quick", _quickly)
    _replace(Record, "_commit", _committing)


def _replace(owner: type, name: str, wrapper: Callable[[Any], Any]) -> None:
    """Wrap a method. Any: methods of several types."""
    method = _usual[owner, name] = vars(owner)[name]
    setattr(owner, name, wrapper(method))


def _unwrap() -> None:
    for (owner, name), method in _usual.items():
        setattr(owner, name, method)
    _usual.clear()


def _sending(send: Callable[..., str]) -> Callable[..., str]:
    """Return a `send` that leaves the short ways out, which commit by themselves: the long one does the same."""

    @wraps(send)
    def sent(run: Run, signal: object, at: float | None = None, *, carried: str | None = None) -> str:
        applied = run._apply(signal, at, carried)
        assert applied is not None  # only a message can be dropped
        return applied[0].after

    return sent


def _quickly(quick: Callable[..., Row | None]) -> Callable[..., Row | None]:
    @wraps(quick)
    def stepped(stepper: Stepper, kind: type, at: float, attempt: int | None = None) -> Row | None:
        row = quick(stepper, kind, at, attempt)
        if row is not None:
            _note(stepper, row)
        return row

    return stepped


def _committing(commit: Callable[..., None]) -> Callable[..., None]:
    @wraps(commit)
    def committed(record: Record, row: Row, at: float | None, note: tuple[str, str] | None) -> None:
        commit(record, row, at, note)
        _note(record, row)

    return committed
