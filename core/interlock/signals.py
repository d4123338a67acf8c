"""The signals of task runs and flow runs, as exceptions, since a task's body raises them.

They stand under `BaseException`, so that a user's `except Exception` cannot swallow one. A signal carries a message and
the fields of the state that it leads to; which state that is, the table alone decides.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Any, ClassVar, Self, cast

import attrs

from interlock import _gone, states
from interlock._errors import listed, suggest
from interlock._machine import Machine
from interlock.states import BY_NAME, State

__all__ = [
    "BROKEN",
    "CACHE",
    "CANCEL",
    "ENDRUN",
    "FAIL",
    "GATHER",
    "LOOP",
    "LOST",
    "MAP",
    "PAUSE",
    "RESUME",
    "RETRY",
    "SCHEDULE",
    "SKIP",
    "START",
    "SUCCESS",
    "TIMEOUT",
    "TRIGGERFAIL",
    "VALIDATIONFAIL",
    "Signal",
    "signal_from_state",
]


class Signal(BaseException):
    """What happened, or what the work asks for: the base of all signals.

    Args:
        message: what there is to say about it. Any: it is turned into text.
        *args: further fields of the state that it leads to, in their order. Any: they are the state's.
        **fields: such fields by name.

    Raises:
        TypeError: the state has no such field, or a field is given twice.
    """

    __slots__ = ("fields", "message")  # one is made for each outcome: a dictionary fewer

    leads_to: ClassVar[type[State]] = State
    """The state whose fields it takes."""

    message: str | None
    fields: dict[str, Any]

    def __init__(self, message: Any = None, *args: Any, **fields: Any) -> None:
        if not args and (not fields or (len(fields) == 1 and "result" in fields)):
            # `_fill`, written out for what nearly all are raised with, and every state takes.
            self.message = None if message is None else str(message)
            self.args = () if message is None else (self.message,)
            self.fields = fields
            return
        names = _fields(self.leads_to)
        given = dict(zip(names[1:], args, strict=False))
        if len(args) >= len(names):
            raise TypeError(f"{self.name}: takes at most {len(names)} fields, not {1 + len(args)}: {listed(names)}")
        for name in fields:
            if name in given:
                raise TypeError(f"{self.name}: field {name!r} is given twice")
            if name not in names:
                raise TypeError(
                    f"{self.name}: unknown field {name!r}; it takes: {listed(names)}.{suggest(name, names)}"
                )
        self._fill(None if message is None else str(message), {**given, **fields})
        self.leads_to(self.message, **self.fields)  # a value that the state does not take is refused where it is raised

    def _fill(self, message: str | None, fields: dict[str, Any]) -> None:
        self.args = () if message is None else (message,)
        self.message = message
        self.fields = fields

    @classmethod
    def _of(cls, message: str | None = None, **fields: Any) -> Self:
        """Return a signal whose fields are known to be right."""
        signal = cls.__new__(cls) if message is None else cls.__new__(cls, message)
        signal.message = message
        signal.fields = fields
        return signal

    @property
    def name(self) -> str:
        """The signal's name."""
        return type(self).__name__

    @property
    def result(self) -> Any:
        """The result that it hands on. Any: whatever the work gave."""
        return self.fields.get("result")

    @property
    def state(self) -> State:
        """The state that it leads to where the table says nothing else."""
        return self.leads_to(self.message, **self.fields)

    def __str__(self) -> str:
        return self.message or ""

    def __repr__(self) -> str:
        fields = "".join(f", {name}={value!r}" for name, value in self.fields.items())
        return f"{self.name}({self.message!r}{fields})" if self.message else f"{self.name}({fields[2:]})"

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuilt, (type(self), self.message, self.fields)

    def __copy__(self) -> Self:
        copied = type(self).__new__(type(self))
        copied._fill(self.message, dict(self.fields))
        return copied


def _rebuilt(kind: type[Signal], message: str | None, fields: dict[str, Any]) -> Signal:
    signal = kind.__new__(kind)
    signal._fill(message, fields)
    return signal


_KNOWN_FIELDS: dict[type[State], tuple[str, ...]] = {}


def _fields(state: type[State]) -> tuple[str, ...]:
    if state not in _KNOWN_FIELDS:
        _KNOWN_FIELDS[state] = tuple(field.name for field in attrs.fields(state))
    return _KNOWN_FIELDS[state]


PrefectStateSignal = Signal  # the name that `except` clauses of flows from Prefect 1 have for it


class SUCCESS(Signal):
    """The work is done."""

    __slots__ = ()
    leads_to = states.Success


class FAIL(Signal):
    """The work failed."""

    __slots__ = ()
    leads_to = states.Failed


class VALIDATIONFAIL(FAIL):
    """The result is not valid."""

    __slots__ = ()
    leads_to = states.ValidationFailed


class TRIGGERFAIL(FAIL):
    """The trigger says no."""

    __slots__ = ()
    leads_to = states.TriggerFailed


class RETRY(Signal):
    """The work asks for another attempt. `start_time` says when; without it, at once."""

    __slots__ = ()
    leads_to = states.Retrying


class LOOP(Signal):
    """The work asks for another turn. The next turn finds `result` in the context, as `task_loop_result`."""

    __slots__ = ()
    leads_to = states.Looped


class SKIP(Signal):
    """There is nothing to do. Downstream tasks act as if the task had succeeded, or are skipped too."""

    __slots__ = ()
    leads_to = states.Skipped


class PAUSE(Signal):
    """A person must look first."""

    __slots__ = ()
    leads_to = states.Paused


class ENDRUN(Signal):
    """All processing stops in the state that it carries.

    Raises:
        TypeError: `state` is no state.
        ValueError: it is a state that no run may be ended in.
    """

    __slots__ = ()

    def __init__(self, state: State) -> None:
        if not isinstance(state, State):
            raise TypeError(f"ENDRUN: {state!r} is no state; give one such as Failed('why') from interlock.states")
        name, allowed = type(state).__name__, _carried()
        added = name not in BY_NAME and type(state) is not State  # by a plugin: the table alone says where it may be
        if name not in allowed and not added:
            raise ValueError(f"ENDRUN: no run may be ended in {name}; it may carry: {listed(allowed)}")
        self._fill(state.message, {"state": state})

    @property
    def state(self) -> State:
        """The state that it carries."""
        state: State = self.fields["state"]
        return state

    @property
    def carried(self) -> str:
        """The name of the state that it carries."""
        return type(self.state).__name__

    @property
    def result(self) -> Any:
        """The result of the state that it carries. Any: whatever that is."""
        return self.state.result

    def __repr__(self) -> str:
        return f"ENDRUN({self.state!r})"


class SCHEDULE(Signal):
    """Not before a time."""

    __slots__ = ()
    leads_to = states.Scheduled


class START(Signal):
    """Every gate is open: the work may be called."""

    __slots__ = ()
    leads_to = states.Running


class CACHE(Signal):
    """A kept result serves."""

    __slots__ = ()
    leads_to = states.Cached


class MAP(Signal):
    """A child is made for each element."""

    __slots__ = ()
    leads_to = states.Mapping


class GATHER(Signal):
    """Its children are all over."""

    __slots__ = ()
    leads_to = states.Mapped


class TIMEOUT(Signal):
    """The time allowed is over."""

    __slots__ = ()
    leads_to = states.TimedOut


class LOST(Signal):
    """The worker that holds it is gone."""

    __slots__ = ()
    leads_to = states.Failed


class BROKEN(Signal):
    """A plugin or the engine itself failed."""

    __slots__ = ()
    leads_to = states.Failed


class RESUME(Signal):
    """Go on."""

    __slots__ = ()
    leads_to = states.Scheduled


class CANCEL(Signal):
    """Stop."""

    __slots__ = ()
    leads_to = states.Cancelled


@cache
def _carried() -> tuple[str, ...]:
    """Return the states that some run may be ended in, by the shipped tables."""
    tables = (Machine.load(name) for name in ("task-run", "flow-run"))
    names = (
        name for machine in tables for row in machine.rows.values() for cell in row.values() for name in cell.carries
    )
    return tuple(dict.fromkeys(names))


def succeeded(result: Any) -> SUCCESS:
    """Return the signal of a body that returned something. Any: whatever that was."""
    signal = SUCCESS.__new__(SUCCESS)
    signal.message = None
    signal.fields = {"result": result}
    return signal


def cached(state: states.Cached) -> CACHE:
    """Return the signal that a kept result serves."""
    fields = {field.name: getattr(state, field.name) for field in attrs.fields(states.Cached)}
    return CACHE._of(fields.pop("message"), **fields)


NAMED: Mapping[str, type[Signal]] = {
    name: kind
    for name, kind in list(globals().items())
    if name.isupper() and isinstance(kind, type) and issubclass(kind, Signal)
}
"""The classes by the names that the spec gives them."""
ENGINES = (ENDRUN, SCHEDULE, START, CACHE, MAP, GATHER, TIMEOUT, LOST, BROKEN, RESUME, CANCEL)
"""The signals that no user raises; and the one that carries its state."""


def made(signal: object, machine: Machine) -> Signal:
    """Return a signal of a machine as an instance, also where a plugin gave its name, or a class of its own for it."""
    if isinstance(signal, Signal):
        return signal
    if isinstance(signal, type) and issubclass(signal, Signal):
        return signal._of()
    return named(machine._signal(signal, None)[0], machine)._of()


def named(name: str, machine: Machine) -> type[Signal]:
    """Return the class of a signal of a machine."""
    return NAMED.get(name) or cast("type[Signal]", machine._classes[name])  # an extension has seen to what that is


def signal_from_state(state: State) -> type[Signal]:
    """Return the class of the signal that leads to a state.

    Raises:
        ValueError: no signal of a user leads to that very state.
    """
    shipped = [kind for kind in NAMED.values() if kind not in ENGINES]
    kinds = shipped if type(state) in BY_NAME.values() else [*shipped, *_added(Signal)]
    for kind in kinds:
        if kind.leads_to is type(state):
            return kind
    known = [kind.leads_to.__name__ for kind in shipped]
    raise ValueError(f"no signal leads to {state!r}; there is one for: {listed(known)}")


def _added(family: type[Signal]) -> list[type[Signal]]:
    """Return the signals of plugins that were imported: what leads to their states."""
    found: list[type[Signal]] = []
    for kind in family.__subclasses__():
        found += [] if kind in NAMED.values() else [kind]
        found += _added(kind)
    return found


if not TYPE_CHECKING:  # a type checker is to say itself that a name is not there
    __getattr__ = _gone.of("signals")
