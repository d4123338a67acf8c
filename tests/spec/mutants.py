"""For each property, a change that breaks it: of one line of the task run's table, or a `Run` with a protection less.

Where the loader itself forbids the change, its rules are left out (`unchecked`): the property must see it alone.
Where no table can break a property, because its mechanism is in `Run`, the mutant is a `Run`.
"""

from __future__ import annotations

import importlib.resources
from collections.abc import Callable, Mapping
from typing import Any

import attrs

from interlock import _notation
from interlock._errors import NoTransition, PluginError
from interlock._machine import Machine
from interlock._rows import Row
from interlock._run import Run

from . import plugged, properties
from .properties import Property


def text() -> str:
    """Return the table of the task run."""
    return importlib.resources.files("interlock_spec").joinpath("task_run.toml").read_text(encoding="utf-8")


def checked(changed: str) -> Machine:
    """Return the machine of a changed table; `SpecError` where it breaks a rule."""
    return Machine.from_toml(changed)


def unchecked(changed: str) -> Machine:
    """Return the machine of a changed table that may break any rule but those of the notation's shape."""
    return Machine(_notation.read(_notation.decode(changed.encode(), "<mutant>"), "<mutant>"))


@attrs.frozen
class Change:
    """A passage of the table, and what stands there instead."""

    holds: Property
    old: str
    new: str
    build: Callable[[str], Machine] = checked

    def apply(self) -> Machine:
        """Return the machine of the changed table; the passage must stand there exactly once."""
        assert text().count(self.old) == 1, self.old
        return self.build(text().replace(self.old, self.new))


def wakes(state: str, row: str) -> tuple[str, str]:
    """Return the passage, and what stands there instead, that gives a final state a row."""
    return "[from.untouched]", f"[from.{state}]\n{row}\n\n[from.untouched]"


REFUSED_BY_THE_LOADER = [
    Change(properties.holds_T1, 'CACHE          = "Cached"', 'CACHE          = "Cached"\nSKIP = "Cached"'),
    Change(properties.holds_T1, '["Looped if turns_left", "Failed"]', '["Looped if turns_left"]'),
    Change(properties.holds_T2, 'MAP            = "Mapping"', 'MAP            = "Cached"'),
    Change(properties.holds_T2, 'GATHER         = "Mapped"', 'GATHER         = "Failed"'),
    Change(properties.holds_T3, *wakes("Failed", 'RETRY = "Retrying"')),
]
"""What breaks a property of the table is seen before there is a machine."""

CHANGES = [
    Change(properties.holds_T2, 'when = "caching > 0"', 'when = "caching > 0 and caching < 0"'),
    Change(properties.holds_T2, 'GATHER         = "Mapped"', 'GATHER         = "Failed"', unchecked),
    Change(
        properties.holds_T3,
        "[from.untouched]",
        '[from.Skipped]\nSKIP           = "Cached"\n\n[from.untouched]',
        unchecked,
    ),
    Change(
        properties.holds_R1,
        "[from.untouched]",
        '[from.Failed]\nRETRY          = "Retrying"\n\n[from.untouched]',
        unchecked,
    ),
    Change(properties.holds_R3, 'RESUME         = "Scheduled"', 'RESUME         = "Running"'),
    Change(properties.holds_R4, 'RESUME         = "Scheduled"', 'RESUME         = "Scheduled"\nSUCCESS = "Success"'),
    Change(properties.holds_R5, "- taken(RETRY) < max_retries", "- taken(RETRY) <= max_retries"),
    Change(properties.holds_R5, '"taken(RETRY) < retry_limit"', '"taken(RETRY) <= retry_limit"'),
    Change(properties.holds_R5, '"entered(Looped) + 1 < max_turns"', '"entered(Looped) < max_turns"'),
    Change(
        properties.holds_R6,
        'SCHEDULE       = { to = "refused", because = "it waits for a person, not for a time: RESUME it first" }',
        'SCHEDULE       = "Scheduled"',
    ),
    Change(
        properties.holds_R7,
        'CANCEL         = { to = "Cancelling", because',
        'CANCEL         = { to = "refused", because',
    ),
    Change(
        properties.holds_E1,
        'ENDRUN         = { carries = ["endings"], because = "children cannot be taken back, ',
        'ENDRUN         = { to = "Failed", because = "children cannot be taken back, ',
        unchecked,
    ),
    Change(properties.holds_E2, "seals = true }", "seals = false }", unchecked),
    Change(properties.holds_E3, "{ final = true, abstract = true,", "{ abstract = true,", unchecked),
    Change(
        properties.holds_E4,
        'carries = ["endings"], because = "what is being cancelled',
        'carries = ["Scheduled", "endings"], because = "what is being cancelled',
    ),
    Change(properties.holds_A1, '["Running", "Cancelling"]', '["Running"]'),
    Change(properties.holds_A1, '["Running", "Cancelling"]', '["Running", "Cancelling", "Retrying"]'),
    Change(properties.holds_A2, '["Running", "Cancelling"]', '["Running", "Cancelling", "Looped"]'),
]
"""What breaks a property and is a machine all the same."""


class Wavering(Run):
    """Grants a skip only now and then: the cell does not answer once and for all."""

    asked = 0

    def send(self, signal: object, at: float | None = None, *, carried: str | None = None) -> str:
        Wavering.asked += signal == "SKIP"
        return super().send("BROKEN" if signal == "SKIP" and Wavering.asked % 2 else signal, at, carried=carried)


class Marked(Run):
    """Remembers that a signal was refused."""

    def send(self, signal: object, at: float | None = None, *, carried: str | None = None) -> str:
        try:
            return super().send(signal, at, carried=carried)
        except NoTransition:
            self._dropped += 1
            raise


class Open(Run):
    """Opens a new pass whatever was carried."""

    def reopen(self) -> None:
        if self.closed:
            self._rows[-1] = self._rows[-1].opened
        else:
            super().reopen()


class Uncounted(Run):
    """Does not count when it is rebuilt from a story."""

    def _fill(self, loaded: Any) -> None:  # Any: a type of the module that stores runs
        super()._fill(loaded)
        self._counts = self._older = (0,) * len(self._counts)


class Forged(Run):
    """Takes the step of the signal that was sent, under the name of the one that a plugin chose."""

    def _substitute(self, asked: Row, answer: object, plugin: str) -> tuple[Row, tuple[str, str]]:
        row, note = super()._substitute(asked, answer, plugin)
        return Row(asked.before, row.signal, asked.after), note


class Swayed(Run):
    """Loses the time of a step when observers are there."""

    def send(self, signal: object, at: float | None = None, *, carried: str | None = None) -> str:
        return super().send(signal, None if self._hooks else at, carried=carried)


class Silent(Run):
    """Does not say which plugin failed."""

    @property
    def failures(self) -> tuple[PluginError, ...]:
        return ()


class Hasty(Run):
    """Takes the step first and asks afterwards: a plugin that fails leaves a step behind."""

    def send(self, signal: object, at: float | None = None, *, carried: str | None = None) -> str:
        try:
            return super().send(signal, at, carried=carried)
        except PluginError:
            plain = type(self).from_dict(self._machine, self.to_dict(), guards=self._guards)
            plain.send(signal, at, carried=carried)
            self._rows, self._counts = plain._rows, plain._counts
            raise


RUNS: Mapping[type[Run], Property] = {
    Wavering: properties.holds_T1,
    Marked: properties.holds_R2,
    Open: properties.holds_E3,
    Uncounted: properties.holds_R8,
    Forged: plugged.holds_P1,
    Swayed: plugged.holds_P2,
    Silent: plugged.holds_P3,
    Hasty: plugged.holds_P3,
}
"""What breaks a property without a change of the table."""
