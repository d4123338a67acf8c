"""How a `Machine` is made of what was drawn of one, or of one that was written for another library."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    from interlock._machine import Machine


class Bringing:
    """The ways in. Each raises `SpecError` with all problems; of other libraries, `Import` tells the rest."""

    __slots__ = ()

    @staticmethod
    def from_json(text: str, file: str = "<json>") -> Machine:
        """Return the life cycle that `interlock.draw(machine, "json")` wrote. `file` is the name that errors give."""
        from interlock import _export_json

        return _export_json.machine(text, file)

    @staticmethod
    def from_transitions(source: object, **options: Any) -> Machine:
        """Return a machine of `transitions` as a table; see `Import`, also for the options (Any: its own)."""
        from interlock import _imported

        return _imported.Import.from_transitions(source, **options).made()

    @staticmethod
    def from_scxml(source: str | Path, **options: Any) -> Machine:
        """Return a state chart, SCXML as text or in a file, as a table; see `Import`. Any: its options."""
        from interlock import _imported

        return _imported.Import.from_scxml(source, **options).made()

    @staticmethod
    def from_xstate(source: Mapping[str, Any] | str | Path, **options: Any) -> Machine:
        """Return a machine of XState, as a mapping, JSON or a file, as a table; see `Import`. Any: what it holds."""
        from interlock import _imported

        return _imported.Import.from_xstate(source, **options).made()
