"""How often each row of a life cycle was taken: told, stored, read again, drawn."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

import attrs

from interlock import _draw, _focus
from interlock._draw import Way
from interlock._errors import StoredError, shown
from interlock._machine import Machine
from interlock._mermaid import mermaid

FORMAT = 1


@attrs.frozen
class Covered:
    """How often each row of a life cycle was taken."""

    machine: Machine
    taken: Mapping[Way, int]
    """Every row, in the order of the table: (state, signal, state behind it) and how often, 0 if not given."""

    def __attrs_post_init__(self) -> None:
        every = {way: self.taken.get(way, 0) for way in _draw.ways(self.machine._table)}
        object.__setattr__(self, "taken", every)

    @property
    def missing(self) -> tuple[str, ...]:
        """The rows that were not taken, as "Pending -SKIP-> Skipped"."""
        return tuple(_arrow(way) for way, times in self.taken.items() if not times)

    @property
    def percent(self) -> float:
        """How many of a hundred rows were taken."""
        return 100.0 * (len(self.taken) - len(self.missing)) / len(self.taken)

    def __str__(self) -> str:
        rows, reached = len(self.taken), len(self.taken) - len(self.missing)
        return f"{self.machine.name}: {reached} of {rows} rows were taken ({int(self.percent)} %)"

    def mermaid(self) -> str:
        """Return a Mermaid flowchart in which the rows that were taken stand out."""
        return mermaid(self.machine, _focus.of(self.machine, coverage=self))

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
        return cls(machine, times)


def _arrow(way: Way) -> str:
    """Return a row as text: "Pending -SKIP-> Skipped"."""
    before, signal, after = way
    return f"{before} -{signal}-> {after}"
