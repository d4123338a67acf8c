"""From a machine of `transitions`, plain or hierarchical: what its states and transitions say."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import Enum
from typing import Any

import transitions

from interlock._draft import Asked, Draft, Node, Way
from interlock._errors import listed, shown
from interlock._ledger import Allowed
from interlock._table import REFUSED, Table
from interlock._transitions import TABLE

MACHINE = ("prepare_event", "before_state_change", "after_state_change", "finalize_event", "on_exception", "on_final")
FEW = 3  # so many callbacks are named
LAMBDA = "<lambda>"
PARALLEL = "is parallel: a run is in one state"


def read(source: object) -> Draft:
    """Return what a machine says. One that was made from a table gives that table, if it is as it was made."""
    draft = Draft(file=f"<{type(source).__name__}>")
    if not isinstance(source, transitions.Machine):
        draft.refuse("source", f"is {shown(source)}; it must be a machine of transitions")
        return draft
    table = getattr(source, TABLE, None)
    if isinstance(table, Table):
        _same(draft, source, table)
        draft.mapping = {**table.source}
        return draft
    _Reader(draft, source).machine()
    return draft


def _same(draft: Draft, machine: transitions.Machine, table: Table) -> None:
    """See that a machine that was made from a table still says what the table says."""
    seals = "not sealed" if any(signal.seals for signal in table.signals.values()) else ""
    made: dict[tuple[str, str], list[tuple[str | None, str]]] = {}
    for cell in table.cells.values():
        said = [(one.target, one.guard or seals) for one in cell.choices if one.target != REFUSED]
        if said or cell.carries:
            made[cell.state, cell.signal] = [*said, *((state, f"carries {state}") for state in cell.carries)]
    found = {
        (source, event.name): [(way.dest, _asks(way)) for way in each]
        for event in machine.events.values()
        for source, each in event.transitions.items()
        if each
    }
    for source, signal in {**made, **found}:
        if made.get((source, signal)) != found.get((source, signal)):
            draft.refuse(f"{source} -{signal}->", "was changed behind to_transitions; change the table: machine.extend")


def _asks(way: transitions.Transition) -> str:
    """Return what the conditions of a transition that we made ask."""
    return " and ".join(str(one.func) if isinstance(one.func, Allowed) else shown(one.func) for one in way.conditions)


class _Reader:
    """A machine that is being read. Any, in all methods: `transitions` says less of its types than it takes."""

    def __init__(self, draft: Draft, source: transitions.Machine) -> None:
        self.draft = draft
        self.source: Any = source
        self.between: str | None = getattr(source.state_cls, "separator", None)

    def machine(self) -> None:
        """Read all of it."""
        source, draft = self.source, self.draft
        draft.name = source.name.removesuffix(": ") or "imported"
        self.states(source.states, ())
        self.events(source.events, ())
        if isinstance(source.initial, str):
            draft.initial = source.initial
        elif source.initial is not None:
            draft.refuse("initial", PARALLEL)
        self.callbacks("the machine", {name: getattr(source, name) for name in MACHINE})
        if source.ignore_invalid_triggers:
            draft.note("the machine", "ignores what a state does not take; here it is refused")
        if source.auto_transitions:
            draft.note("the machine", "lets everybody go anywhere by to_...(); left out: only the table moves a run")

    def states(self, states: Mapping[str, Any], path: tuple[str, ...]) -> None:
        """Read the states of one level, and those inside of them."""
        for state in states.values():
            own = _plain(getattr(state, "_name", state.name))
            inner = getattr(state, "states", {})
            initial = _plain(getattr(state, "initial", None))
            here = (*path, own)
            node = self.draft.node(Node(self.key(here), here, f"state {self.key(here)}", name=self.key(here)))
            node.final, node.rests = bool(state.final), not initial
            if isinstance(initial, list):
                self.draft.refuse(node.place, PARALLEL)
                node.rests = True  # so that nothing more is said of it
            elif initial:
                node.initial = self.key((*here, initial))
            self.callbacks(node.place, {"on_enter": state.on_enter, "on_exit": state.on_exit})
            self.states(inner, here)
            self.events(getattr(state, "events", {}), here)

    def key(self, path: tuple[str, ...]) -> str:
        """Return the name by which a state is known in the whole machine."""
        return (self.between or "_").join(path)

    def events(self, events: Mapping[str, Any], path: tuple[str, ...]) -> None:
        """Read the events that were added at one level; their states are named from there."""
        for event in events.values():
            if self.source.auto_transitions and self.auto(event.name):
                continue
            for source, each in event.transitions.items():
                for number, way in enumerate(each):
                    self.way(event.name, self.key((*path, source)), way, path, number)

    def auto(self, name: str) -> bool:
        """Return whether an event is one of those that `transitions` adds for each state."""
        state = name.removeprefix("to_").removeprefix(f"{self.source.model_attribute}_")
        return name.startswith("to_") and (state in self.source.states or state in self.keys())

    def keys(self) -> set[str]:
        return set(self.draft.nodes)

    def way(self, signal: str, source: str, way: Any, path: tuple[str, ...], number: int) -> None:
        """Read one transition."""
        dest = self.key((*path, way.dest)) if way.dest else None
        place = f"{source} -{signal}-> {dest or 'itself'}"
        if not self.draft.known(source, place) or (dest is not None and not self.draft.known(dest, place)):
            return
        guards = tuple(self.guards(way.conditions, place, f"{signal}_in_{source}_{number + 1}"))
        self.draft.nodes[source].ways.append(Way(signal, dest, guards, place))
        self.callbacks(place, {name: getattr(way, name) for name in ("prepare", "before", "after")})

    def guards(self, conditions: list[Any], place: str, otherwise: str) -> Iterator[Asked]:
        """Yield what a transition asks: by the names of its conditions."""
        for number, condition in enumerate(conditions):
            name = condition.func if isinstance(condition.func, str) else _called(condition.func)
            if name == LAMBDA or not name:
                name = otherwise if number == 0 else f"{otherwise}_{number + 1}"
                self.draft.note(place, f"asks something without a name, which is called {name!r} here")
            yield Asked(name, bool(condition.target))

    def callbacks(self, place: str, called: Mapping[str, Any]) -> None:
        """Say that callbacks are no part of a table."""
        names = [f"{kind} {_called(one)}" for kind, each in called.items() for one in each]
        if names:
            told = listed(names[:FEW]) + (f" and {len(names) - FEW} more" if len(names) > FEW else "")
            self.draft.note(place, f"calls {told}; a table calls nobody: hooks do, or callbacks behind to_transitions")


def _called(func: Any) -> str:
    """Return the name of a callback. Any: it may be anything."""
    return func if isinstance(func, str) else str(getattr(func, "__name__", "") or "")


def _plain(name: Any) -> Any:
    """Return the name of a state that may be a member of an Enum. Any: `initial` may be a list of them."""
    return name.name if isinstance(name, Enum) else name
