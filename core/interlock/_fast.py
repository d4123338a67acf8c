"""A `transitions.Machine` whose triggers run at the speed of a table where nobody would be called.

An event learns, for each state that it is triggered in, what `transitions` would do there: change the state, answer
False because a guard says no, or something that only `transitions` can do. What it learned rests on lists of callbacks
being empty, on transitions and on states; each of these knows what rests on it, and lets it be forgotten when it
changes. So whatever is added later holds from the next trigger on.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from enum import Enum
from typing import Any, SupportsIndex

import transitions
from transitions.core import Condition

from interlock import _guards
from interlock._ledger import LEDGER, Allowed, Counted, Ledger, ledger

listened = logging.getLogger("transitions.core").isEnabledFor
TOLD = logging.INFO  # what `transitions` says at each trigger; where that is listened to, it must say it itself

Fast = Callable[[object, Mapping[str, Any]], "bool | None"]
"""What is learned where it is not just a state: called with the model and what the trigger was given by name (Any: the
user's), it returns what the trigger returns, or None where `transitions` must do it."""
Rows = dict[object, "str | Fast"]
"""By the value of a state: the one that follows, or what decides."""


def _long(_model: object, _given: Mapping[str, Any]) -> None:
    """Leave it to `transitions`."""


class Rested:
    """Something that what was learned rests on."""

    # Each of the classes below has a `__dict__`, which is not looked for before something rests on it.
    def rest(self, rows: Rows) -> None:
        """Remember rows that rest on this."""
        self.__dict__.setdefault("_resting", {})[id(rows)] = rows

    def forget(self) -> None:
        """Let everything be learned anew that rests on this."""
        for rows in self.__dict__.pop("_resting", {}).values():
            rows.clear()

    def __getstate__(self) -> dict[str, Any]:
        """Return what is copied and pickled: what was learned is not. Any: attributes of `transitions`."""
        return {name: value for name, value in self.__dict__.items() if name != "_resting"}


class Watched(Rested, list[Any]):
    """A list of callbacks, conditions or transitions. Any: `transitions` takes many things for one."""

    def append(self, item: Any) -> None:
        super().append(item)
        self.forget()

    def extend(self, items: Iterable[Any]) -> None:
        super().extend(items)
        self.forget()

    def insert(self, index: SupportsIndex, item: Any) -> None:
        super().insert(index, item)
        self.forget()

    def remove(self, item: Any) -> None:
        super().remove(item)
        self.forget()

    def pop(self, index: SupportsIndex = -1) -> Any:
        self.forget()
        return super().pop(index)

    def clear(self) -> None:
        super().clear()
        self.forget()

    def sort(self, **by: Any) -> None:
        super().sort(**by)
        self.forget()

    def reverse(self) -> None:
        super().reverse()
        self.forget()

    def __setitem__(self, index: Any, item: Any) -> None:
        super().__setitem__(index, item)
        self.forget()

    def __delitem__(self, index: Any) -> None:
        super().__delitem__(index)
        self.forget()

    def __iadd__(self, items: Iterable[Any]) -> Watched:  # type: ignore[misc]  # list's own says Self
        self.extend(items)
        return self

    def __imul__(self, times: SupportsIndex) -> Watched:
        self[:] = list(self) * times
        return self


def _watched(value: Any) -> Any:
    """Return what `transitions` makes of an argument for callbacks, watched. Any: many things are callbacks.

    A list or tuple that somebody else may hold stays what it is; see `_Learned.held`.
    """
    if value is None:
        return Watched()
    return value if isinstance(value, list | tuple) else Watched([value])


class Noticing(Rested):
    """What lets everything be learned anew when one of its attributes is set."""

    def __setattr__(self, name: str, value: object) -> None:
        super().__setattr__(name, value)
        self.forget()

    def __delattr__(self, name: str) -> None:
        super().__delattr__(name)
        self.forget()


class FastState(Noticing, transitions.State):
    """A state whose callbacks are watched."""

    def __init__(self, name: Any, on_enter: Any = None, on_exit: Any = None, **options: Any) -> None:
        super().__init__(name, on_enter, on_exit, **options)
        self.on_enter, self.on_exit = _watched(on_enter or None), _watched(on_exit or None)


class FastTransition(Noticing, transitions.Transition):
    """A transition whose callbacks and conditions are watched."""

    def __init__(  # the order is that of `transitions`
        self,
        source: str,
        dest: Any,
        conditions: Any = None,
        unless: Any = None,
        before: Any = None,
        after: Any = None,
        prepare: Any = None,
        **options: Any,
    ) -> None:
        super().__init__(source, dest, conditions, unless, before, after, prepare, **options)
        self.conditions = Watched(self.conditions)
        self.before, self.after, self.prepare = _watched(before), _watched(after), _watched(prepare)


class FastEvent(Noticing, transitions.Event):
    """An event that does what it has learned, and all else as `transitions` does it."""

    rows: Rows

    def __init__(self, name: str, machine: transitions.Machine) -> None:
        super().__init__(name, machine)
        self.__dict__["rows"] = {}

    def __setattr__(self, name: str, value: Any) -> None:
        if name == "transitions":
            value = defaultdict(Watched, {source: Watched(ways) for source, ways in value.items()})
        super().__setattr__(name, value)
        self.__dict__.get("rows", {}).clear()

    def __getstate__(self) -> dict[str, Any]:
        return {**super().__getstate__(), "rows": {}}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)

    def add_transition(self, transition: transitions.Transition) -> None:
        super().add_transition(transition)
        self.rows.clear()

    def trigger(self, model: Any, *args: Any, **kwargs: Any) -> bool:
        try:
            row = self.rows[model.state]
        except (AttributeError, KeyError, TypeError):
            row = self.learn(model)
        if not listened(TOLD):
            if row.__class__ is str:
                model.state = row
                return True
            done: bool | None = row(model, kwargs)  # type: ignore[operator]  # it is no str
            if done is not None:
                return done
        return super().trigger(model, *args, **kwargs)

    def learn(self, model: Any) -> str | Fast:
        """Return what a trigger does with the model in its present state, and remember it. Any: the user's object."""
        state = getattr(model, "state", None)
        name = state.name if isinstance(state, Enum) else state
        known = self.machine.states.get(name) if isinstance(name, str) else None
        if known is None or type(self.machine) is not FastMachine:
            return _long
        row = _Learned(self.machine, self.rows).row(self, known)
        self.rows[state] = row
        return row


class FastMachine(transitions.Machine):
    """What `to_transitions` makes where the plain class is asked for."""

    state_cls = FastState
    transition_cls = FastTransition
    event_cls = FastEvent

    def add_states(self, *arguments: Any, **options: Any) -> None:
        """Add states: a transition may lead to one of them that led nowhere. Any: as in `transitions`."""
        super().add_states(*arguments, **options)
        self.forget()

    def forget(self) -> None:
        """Let everything be learned anew."""
        for event in self.events.values():
            if isinstance(event, FastEvent):
                event.rows.clear()


CALLED = ("prepare_event", "before_state_change", "after_state_change", "finalize_event", "on_exception", "on_final")


def _attribute(name: str, kept: str, convert: Callable[[Any], Any]) -> property:
    """Return an attribute that lets all be learned anew when it is set. Any: what users set."""

    def get(machine: FastMachine) -> Any:
        return machine.__dict__[kept]

    def put(machine: FastMachine, value: Any) -> None:
        machine.__dict__[kept] = convert(value)
        if "events" in machine.__dict__:
            machine.forget()

    return property(get, put, doc=f"As in `transitions`: {name}.")


for _name in CALLED:
    setattr(FastMachine, _name, _attribute(_name, f"_{_name}", _watched))
for _name in ("model_attribute", "_queued"):
    setattr(FastMachine, _name, _attribute(_name, f"{_name}_", lambda value: value))


KEPT = (
    "try:",
    f"    kept = model.{LEDGER}",
    "except AttributeError:",
    "    kept = None",
    "if kept.__class__ is not Ledger:",
    "    kept = ledger(model)",
)
"""Lines that have the ledger at hand. They stand where `transitions` would first need it."""


class _Learned:
    """How one row is learned: what it rests on, and the source of what it does."""

    def __init__(self, machine: FastMachine, rows: Rows) -> None:
        self.machine = machine
        self.rows = rows
        self.held: list[Any] = []  # lists that somebody else may hold: they are looked into at each trigger
        self.names: dict[str, Any] = {"Ledger": Ledger, "ledger": ledger, "held": self.held}
        self.fast = not machine.has_queue and machine.model_attribute == "state"

    def row(self, event: FastEvent, state: transitions.State) -> str | Fast:
        """Return what the event does in a state."""
        if not self.fast or state.name not in event.transitions:
            return _long
        ways: Any = event.transitions[state.name]  # Any: it is `Watched`, see `FastEvent.__setattr__`
        ways.rest(self.rows)
        for name in CALLED[:-1]:
            self.empty(getattr(self.machine, name))
        self.plain(state, FastState, "exit")
        self.empty(state.on_exit)
        lines: list[str] = []
        for number, way in enumerate(ways):
            self.way(way)
            if not self.fast:
                break
            lines += self.lines(number, way)
            if not way.conditions:
                break
        if not self.fast:
            return _long
        if ways and not (ways[0].conditions or ways[0].after or self.held) and ways[0].dest:
            value = self.machine.states[ways[0].dest].value
            if type(value) is str:
                return value
        return self.made(lines)

    def plain(self, thing: Any, cls: type[Noticing], *methods: str) -> None:
        """See that a thing is of our class, and has no method of its own. Any: what users add may be of any class."""
        if type(thing) is cls and not thing.__dict__.keys() & {*methods}:
            thing.rest(self.rows)
        else:
            self.fast = False

    def empty(self, called: Any, ours: type | None = None) -> None:
        """See that nothing is called but what is ours. Any: see `_watched`."""
        if isinstance(called, Watched):
            called.rest(self.rows)
            self.fast &= all(type(one) is ours for one in called)
        elif isinstance(called, list):
            self.held.append(called)
        else:
            self.fast &= called == ()

    def way(self, way: Any) -> None:
        """See that a transition does nothing that we do not know. Any: see `plain`."""
        self.plain(way, FastTransition, "execute", "_change_state", "_eval_conditions")
        if not self.fast:
            return
        for called in (way.prepare, way.before):
            self.empty(called)
        self.empty(way.after, Counted)
        self.empty(way.conditions, Condition)
        self.fast &= all(type(one.func) is Allowed and one.target is True for one in way.conditions)
        if way.dest:
            follows = self.machine.states.get(way.dest)
            self.plain(follows, FastState, "enter")
            self.empty(getattr(follows, "on_enter", ()))
            if getattr(follows, "final", False):
                self.empty(self.machine.on_final)

    def lines(self, number: int, way: Any) -> list[str]:
        """Return what a transition does, as lines of a function that returns. Any: see `plain`."""
        asks: list[str] = []
        for place, condition in enumerate(way.conditions):
            name = f"allowed_{number}_{place}"
            self.names[name], self.names[f"{name}_limits"] = condition.func, condition.func.limits
            asks.append(f"({_asked(condition.func, name)}) == True")
        does: list[str] = [] if asks or not way.after else [*KEPT]
        if way.dest:
            self.names[f"after_{number}"] = self.machine.states[way.dest].value
            does.insert(0, f"model.state = after_{number}")
        for counted in way.after:
            does += [f"kept.counts[{count!r}] += 1" for count in counted.counts]
            does += ["kept.closed = True"] * counted.seals
        does.append("return True")
        return (
            [*(KEPT if number == 0 else ()), f"if {' and '.join(asks)}:", *(f"    {line}" for line in does)]
            if asks
            else does
        )

    def made(self, lines: list[str]) -> Fast:
        """Return the function with these lines."""
        first = ["if any(held):", "    return None"] if self.held else []
        body = "".join(f"    {line}\n" for line in [*first, *lines, "return False"])
        exec(f"def row(model, given):\n{body}", self.names)  # exec: its source holds only our words, and names quoted
        row: Fast = self.names["row"]
        return row


def _asked(allowed: Allowed, name: str) -> str:
    """Return the source of what `Allowed.__call__` does."""
    answer = "True"
    if allowed.cell.carries:
        answer = f"given.get('carried') == {allowed.target!r}"
    elif allowed.test is not None:
        answer = _source(allowed.test, name)
    return f"not kept.closed and {answer}"


def _source(tree: _guards.Test | _guards.Number, name: str) -> str:
    """Return the source of a guard, which asks what `Allowed.holds` asks, in its order."""
    match tree:
        case _guards.Both():
            return f"({_source(tree.left, name)} {tree.word} {_source(tree.right, name)})"
        case _guards.Not():
            return f"(not {_source(tree.test, name)})"
        case _guards.Compare() | _guards.Sum():
            return f"({_source(tree.left, name)} {tree.sign} {_source(tree.right, name)})"
        case _guards.Opaque():
            return f"{name}.ask({tree.name!r}, model)"
        case _guards.Count():
            return f"kept.counts[{str(tree)!r}]"
        case _guards.Limit():
            return f"{name}_limits[{tree.name!r}]"
        case _guards.Const():
            return repr(tree.value)
