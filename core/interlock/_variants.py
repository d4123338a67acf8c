"""What some classes of `transitions` need, so that they hold a table as it is.

`LockedMachine` and `GraphMachine` need nothing: the first keeps the ledger under its lock, as conditions and callbacks
run inside of it; the second draws conditions by their names.
"""

from __future__ import annotations

from typing import Any

import transitions
from transitions.extensions.asyncio import AsyncMachine, AsyncTransition
from transitions.extensions.nesting import HierarchicalMachine, NestedState

from interlock._ledger import Allowed, Awaited, Counted
from interlock._table import Table


class AsyncWay(AsyncTransition):
    """A transition that keeps the ledger in the moment in which the state changes, and else does what others do.

    A callback behind it would come too late: a trigger of the same model cancels those that are under way, and the
    state would have changed without being counted.
    """

    # Any: callbacks, and an event whose class says less than it holds; the signatures are those of `transitions`.
    def __init__(self, *arguments: Any, counted: Counted | None = None, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.counted = counted

    async def _change_state(self, event_data: Any) -> None:  # type: ignore[override]  # so it is in `AsyncTransition`
        machine = event_data.machine
        await machine.get_state(self.source).exit(event_data)
        machine.set_state(self.dest, event_data.model)
        if self.counted is not None:
            self.counted.keep(event_data.model)
        event_data.update(getattr(event_data.model, machine.model_attribute))
        entered = machine.get_state(self.dest)
        await entered.enter(event_data)
        if entered.final:
            await machine.callbacks(machine.on_final, event_data)


class AsyncWays(AsyncMachine):
    """An `AsyncMachine` with such transitions."""

    transition_cls = AsyncWay


class Flat(NestedState):
    """A state whose name may have a `_` in it, which else stands between a nested state and the one around it."""

    separator = "."


class FlatMachine(HierarchicalMachine):
    """A `HierarchicalMachine` with such states."""

    state_cls = Flat


def variant(table: Table, cls: type[transitions.Machine]) -> tuple[type[transitions.Machine], type[Allowed], str]:
    """Return the class that holds a table, itself or its subclass; what asks there; and the argument for what counts.

    Families are no nested states: a nested state takes the transitions of the one around it, and a family has no rows.
    So a table is flat in every class.

    Raises:
        ValueError: the class would take a state's name for a path.
    """
    if issubclass(cls, HierarchicalMachine):
        cls = _flat(table, cls)
    asks = Awaited if issubclass(cls, AsyncMachine) else Allowed
    return (AsyncWays, asks, "counted") if cls is AsyncMachine else (cls, asks, "after")


def _flat(table: Table, cls: type[HierarchicalMachine]) -> type[HierarchicalMachine]:
    between = cls.state_cls.separator
    paths = [name for name in table.concrete() if between in name]
    if paths and cls is not HierarchicalMachine:
        raise ValueError(
            f"{table.name}: {cls.__name__} takes {paths[0]!r} for a nested state: {between!r} stands between such "
            "names; give it a state_cls with another separator, such as '.'"
        )
    return FlatMachine if paths else cls
