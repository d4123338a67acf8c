"""Which rows of life cycles runs have taken: recorded, told, stored, drawn.

Nothing in the core knows of it. While rows are recorded, the three places where a step is committed are wrapped; at all
other times they are as they were made, and recording costs nothing.
"""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any, Self

import attrs

from interlock import _draw
from interlock._errors import StoredError, shown
from interlock._machine import Machine
from interlock._record import Record
from interlock._rows import Row
from interlock._run import Run
from interlock._step import Stepper

FORMAT = 1
DRAWN = "<drawn>"
"""The file of a life cycle that `machines()` drew: it is nobody's, and is not recorded."""

Way = _draw.Way


class Scout(Run):
    """A run that a strategy looks ahead with: nobody's test, and not recorded."""

    __slots__ = ()


@attrs.frozen
class Covered:
    """How often each row of a life cycle was taken."""

    machine: Machine
    taken: Mapping[Way, int]
    """Every row, in the order of the table: (state, signal, state behind it) and how often."""

    @property
    def missing(self) -> tuple[str, ...]:
        """The rows that were not taken, as "Pending -SKIP-> Skipped"."""
        return tuple(arrow(way) for way, times in self.taken.items() if not times)

    @property
    def percent(self) -> float:
        """How many of a hundred rows were taken."""
        return 100.0 * (len(self.taken) - len(self.missing)) / len(self.taken)

    def __str__(self) -> str:
        rows, reached = len(self.taken), len(self.taken) - len(self.missing)
        return f"{self.machine.name}: {reached} of {rows} rows were taken ({int(self.percent)} %)"

    def mermaid(self) -> str:
        """Return a Mermaid flowchart in which the rows that were taken stand out."""
        return _draw.covered(self.machine, self.taken)

    def to_dict(self) -> dict[str, Any]:
        """Return the stable JSON form. Any: JSON."""
        rows = [{"before": b, "signal": s, "after": a, "taken": times} for (b, s, a), times in self.taken.items()]
        return {"format": FORMAT, "lifecycle": self.machine.name, "spec": self.machine.hash, "rows": rows}

    @classmethod
    def from_dict(cls, machine: Machine, data: Mapping[str, Any]) -> Self:
        """Return what `to_dict` stored of a life cycle. Any: JSON.

        Raises:
            StoredError: the data is none, or of another life cycle.
        """
        if not isinstance(data, Mapping) or data.get("format") != FORMAT:
            raise StoredError(f"it is {shown(data)}; it must be what a recording of rows has written")
        if data.get("spec") != machine.hash:
            raise StoredError(f"its rows are of {shown(data.get('lifecycle'))}, and not of this {machine.name!r}")
        times = {(row["before"], row["signal"], row["after"]): row["taken"] for row in data["rows"]}
        return cls(machine, {way: times.get(way, 0) for way in _draw.ways(machine._table)})


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
        covered = [Covered(m, {way: taken[way] for way in _draw.ways(m._table)}) for m, taken in found]
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


def arrow(way: Way) -> str:
    """Return a row as text: "Pending -SKIP-> Skipped"."""
    before, signal, after = way
    return f"{before} -{signal}-> {after}"


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
