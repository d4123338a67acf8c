"""What comes of a machine that a team brings from another library: one of ours, and what there is to say of it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

import attrs

from interlock import _draft, _notation, _rules
from interlock._draft import UNSAID, Draft
from interlock._errors import SpecError, suggest
from interlock._machine import Machine
from interlock._table import Table

ENDLESS = "mark the state that it ends in as final, or name a signal that ends it: stop='STOP'"


@attrs.frozen
class Import:
    """A machine that was brought, as far as it can be had, and what was found in it.

    Args of every `from_...`:
        source: what is brought.
        recurs: reasons for signals that may come for ever. Each cycle needs one of them; see `draft`.
        draft: whether signals on other cycles are taken as such too, with a note, and not as a problem.
        stop: a signal that ends the machine where nothing else does, in a final state `Stopped`.
    """

    machine: Machine | None
    """The machine, or None where there are problems."""
    problems: tuple[str, ...]
    """What stands in the way, one breach each: place, what is wrong, what would be right."""
    notes: tuple[str, ...]
    """What was put in or left out."""
    file: str = "<import>"

    @classmethod
    def from_transitions(cls, source: object, **options: Any) -> Self:
        """Return what comes of a machine of `transitions`. Any: the options are those of `Import`."""
        from interlock import _import_transitions

        return cls._of(_import_transitions.read(source), **options)

    @classmethod
    def from_scxml(cls, source: str | Path, **options: Any) -> Self:
        """Return what comes of a state chart: SCXML as text, or in a file. Any: the options are those of `Import`."""
        from interlock import _import_scxml

        return cls._of(_import_scxml.read(source), **options)

    @classmethod
    def from_xstate(cls, source: Mapping[str, Any] | str | Path, **options: Any) -> Self:
        """Return what comes of the configuration of a machine of XState: a mapping, JSON as text, or a file of it.

        Any: the mapping is checked here, whatever it holds; the options are those of `Import`.
        """
        from interlock import _import_xstate

        return cls._of(_import_xstate.read(source), **options)

    def made(self) -> Machine:
        """Return the machine.

        Raises:
            SpecError: with all problems.
        """
        if self.machine is None:
            raise SpecError(self.file, self.problems)
        return self.machine

    @classmethod
    def _of(
        cls, read: Draft, recurs: Mapping[str, str] | None = None, draft: bool = True, stop: str | None = None
    ) -> Self:
        if read.problems and not read.nodes:
            return cls(None, tuple(read.problems), (), read.file)  # there was nothing to be read
        table = read.table()
        for signal, reason in (recurs or {}).items():
            if signal in table["signals"]:
                table["signals"][signal]["recurs"] = reason
            else:
                read.refuse("recurs", f"there is no signal {signal!r}.{suggest(signal, table['signals'])}")
        if stop in table["signals"]:
            read.refuse("stop", f"there is a signal {stop!r} already; the one that ends it needs a name of its own")
        machine: Machine | None = None
        if not read.problems:
            try:
                machine = _made(read, table, draft, stop)
            except SpecError as error:
                read.problems += error.problems
        return cls(machine, tuple(dict.fromkeys(read.problems)), tuple(read.notes), read.file)


def _made(read: Draft, table: dict[str, Any], draft: bool, stop: str | None) -> Machine:
    """Return the machine of a table. Any: what a TOML file may hold.

    Raises:
        SpecError: the table breaks a rule.
    """
    parsed = _notation.read(table, read.file)
    final = [name for name in parsed.concrete() if parsed.states[name].final]
    endless = [name for name in parsed.concrete() if name not in _ending(parsed, final)]
    if stop is not None and endless:
        _draft.stopped(table, stop, endless)
        parsed = _notation.read(table, read.file)
    elif endless and not final:
        raise SpecError(read.file, (f"states: none of them is final, so that nothing ends it; {ENDLESS}",))
    if draft and read.mapping is None:
        for signal in _recurring(parsed):
            table["signals"][signal]["recurs"] = UNSAID
            read.note(f"signals.{signal}", f"stands on a cycle, and may come for ever: recurs={{{signal!r}: 'why'}}")
    try:
        return Machine.from_mapping(table, read.file)
    except SpecError as error:
        trapped = any(": is a trap: " in problem for problem in error.problems)
        raise SpecError(error.file, (*error.problems, *([f"states: {ENDLESS}"] if trapped else []))) from None


def _ending(table: Table, final: list[str]) -> set[str]:
    """Return the states that can end."""
    back: dict[str, set[str]] = {}
    for cell, choice in table.edges():
        back.setdefault(choice.target, set()).add(cell.state)
    return _rules.reach(final, back)


def _recurring(table: Table) -> list[str]:
    """Return the signals that stand on a cycle, in the order of the table."""
    found = {cell.signal for part in _rules.knots(table) for cell, choice in part if cell.state != choice.target}
    return [signal for signal in table.signals if signal in found]
