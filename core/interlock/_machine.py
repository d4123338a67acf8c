"""A machine: one control table, checked when it is made and never changed.

`Machine` does not know that tasks exist. It reads no clock, starts no thread and does no I/O but to load a file.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Mapping
from functools import cache, cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Self, TypeVar, overload

from interlock import _notation, _rows, _rules
from interlock._bring import Bringing
from interlock._errors import GuardError, NoTransition, SpecError, shown, suggest
from interlock._rows import Compiled, Decision
from interlock._table import REFUSED, Cell, SignalDef, StateDef, Table

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable
    from pathlib import Path

    import transitions

    from interlock._explore import Report
    from interlock._extend import Part

M = TypeVar("M", bound="transitions.Machine")
NONE: Mapping[str, Any] = MappingProxyType({})
SHIPPED = "interlock_spec"
MOST_COMPILED = 256  # sets of limits whose rows are kept; a set beyond these is compiled when it is used


class Machine(Bringing):
    """An immutable table: states x signals -> next state.

    Make one with `load`, `from_toml`, `from_mapping` or `from_json`, or bring one of another library with
    `from_transitions`, `from_scxml` or `from_xstate`; all check every rule of the notation and raise `SpecError` with
    all breaches.
    """

    def __init__(
        self, table: Table, classes: Mapping[str, type] = NONE, guards: Mapping[str, Callable[[Any, Any], bool]] = NONE
    ) -> None:
        self._table = table
        self._classes = classes
        """Of the states and signals of extensions, by name: for engines that have classes. The table has names."""
        self._answers = guards
        """For opaque guards of extensions: what answers where a run has nothing bound to them."""
        self._compiled: dict[tuple[float, ...], Compiled] = {}
        self._names: dict[type, str | None] = {}
        self._bounding = _rules.bounding_limits(table)
        self._plain = self._compile()
        self._sealing = frozenset(name for name, signal in table.signals.items() if signal.seals)

    @classmethod
    def load(cls, source: str | Path) -> Machine:
        """Return a shipped life cycle by its name ("task-run", "flow-run"), or the one in a TOML file.

        Raises:
            SpecError: there is no such life cycle or file, or the table breaks a rule.
        """
        if str(source) in _shipped():
            return _load_shipped(str(source))
        try:
            with open(source, "rb") as file:
                data = file.read()
        except OSError as error:
            names = _shipped()
            why = f"{error.strerror or error}; neither a file nor a shipped life cycle ({', '.join(names)})."
            raise SpecError(str(source), (why + suggest(source, names),)) from None
        except ValueError as error:  # a NUL in the path, say
            raise SpecError(repr(str(source)), (str(error),)) from None
        return cls._read(_notation.decode(data, str(source)), str(source))

    @classmethod
    def from_toml(cls, text: str, file: str = "<text>") -> Machine:
        """Return the life cycle that a TOML text describes. `file` is the name that errors give."""
        return cls._read(_notation.decode(text.encode("utf-8", "surrogatepass"), file), file)

    @classmethod
    def from_mapping(cls, mapping: Mapping[str, Any], file: str = "<mapping>") -> Machine:
        """Return the life cycle that a mapping describes; its shape is that of the TOML notation.

        Any: the mapping is checked here, whatever it holds.
        """
        return cls._read(mapping, file)

    @classmethod
    def _read(
        cls,
        source: object,
        file: str,
        classes: Mapping[str, type] = NONE,
        guards: Mapping[str, Callable[[Any, Any], bool]] = NONE,
    ) -> Machine:
        table = _notation.read(source, file)
        _rules.check(table)
        return cls(table, classes, guards)

    @property
    def name(self) -> str:
        """The life cycle's name."""
        return self._table.name

    @property
    def initial(self) -> str:
        """The state in which a run begins."""
        return self._table.initial

    @property
    def states(self) -> Mapping[str, StateDef]:
        """The states by name, abstract ones included, in the order of the file."""
        return MappingProxyType(dict(self._table.states))

    @property
    def signals(self) -> Mapping[str, SignalDef]:
        """The signals by name, in the order of the file."""
        return MappingProxyType(dict(self._table.signals))

    @cached_property
    def rows(self) -> Mapping[str, Mapping[str, Cell]]:
        """For each state that a run can be in: its cells by signal, written refusals included."""
        return MappingProxyType({state: MappingProxyType(self._table.row(state)) for state in self._table.concrete()})

    @property
    def limits(self) -> Mapping[str, float]:
        """The limits and their defaults."""
        return {name: limit.default for name, limit in self._table.limits.items()}

    @cached_property
    def counters(self) -> tuple[str, ...]:
        """What the guards count, such as "entered(Retrying)": the names of a run's counts."""
        return tuple(str(count) for count in self._table.counted())

    @cached_property
    def final(self) -> frozenset[str]:
        """The states with no way out."""
        return frozenset(name for name in self._table.concrete() if self._table.states[name].final)

    @cached_property
    def hash(self) -> str:
        """The spec hash: equal for tables that behave alike, whatever their prose."""
        return self._table.hash()

    @cached_property
    def facts(self) -> str:
        """A short digest of each fact that decides behaviour: what a stored run compares its table by."""
        return " ".join(self._table.fingerprints())

    def family(self, state: str) -> tuple[str, ...]:
        """Return the states that are `state`, itself included."""
        return self._table.family(state)

    def accepts(self, state: str) -> tuple[str, ...]:
        """Return the signals that a state answers with anything but a refusal."""
        return tuple(signal for signal, cell in self.rows[self._state(state)].items() if not cell.refused)

    def next(
        self,
        state: str,
        signal: object,
        *,
        carried: str | None = None,
        counts: Mapping[str, int] | None = None,
        limits: Mapping[str, float] | None = None,
        guards: Mapping[str, bool] | None = None,
    ) -> str:
        """Return the state that follows. Pure: the same arguments always give the same answer.

        Args:
            state: the present state.
            signal: a signal's name, class or instance.
            carried: the state that a sealing signal carries, where the signal itself does not say it.
            counts: by the names in `counters`; what is missing is 0.
            limits: what is missing has its default.
            guards: the answers of opaque guards; what is missing has its default.

        Raises:
            NoTransition: the table refuses the signal in this state.
            ValueError: a name in counts, limits or guards is unknown.
        """
        compiled = self._compile(limits)
        _known("count", counts or {}, self.counters)
        opaque = self._opaque(guards or {})
        name, carried = self._signal(signal, carried)
        entry = compiled.cells[self._state(state)].get(name)
        if isinstance(entry, Decision):
            values = compiled.values(counts or {}, 0, False)
            entry = entry.decide(values, _Answers(opaque), signal, carried)
        if entry is None:
            raise self._refusal(state, name, carried)
        assert isinstance(entry, _rows.Row)
        return entry.after

    def extend(self, extension: Mapping[str, Any] | Part, file: str = "<extension>") -> Machine:
        """Return this table with new signals, states, groups, limits, guards and rows, in the same notation.

        Rows only for a new signal or from a new state: an existing state's answer to an existing signal is closed, also
        where it is a refusal. A new state accepts what plugins are only told of, where every other state does. Any: the
        mapping is checked here, whatever it holds.

        Raises:
            SpecError: the extension changes what is there, or the table that it makes breaks a rule.
        """
        from interlock import _extend

        added, classes, answers = extension, NONE, NONE
        if isinstance(extension, _extend.Part):
            added = {"lifecycle": extension.lifecycle, **extension.table}
            classes, answers, file = extension.classes, extension.guards, extension.file
        source = _extend.merged(self._table, added, file)
        where = f"{self._table.file} + {file}"
        machine = type(self)._read(source, where, {**self._classes, **classes}, {**self._answers, **answers})
        _extend.check(self._table, machine._table, file)
        machine._check_guards(machine._answers)
        return machine

    def check(self) -> Report:
        """Explore one run under every signal at every time, and report which rows can fire and what they lead to."""
        from interlock import _explore

        return _explore.explore(self)

    @overload
    def to_transitions(self, model: object = None, *, cls: None = None, **options: Any) -> transitions.Machine: ...

    @overload
    def to_transitions(self, model: object = None, *, cls: type[M], **options: Any) -> M: ...

    def to_transitions(self, model: object = None, *, cls: Any = None, **options: Any) -> Any:
        """Return a machine of `transitions` that behaves like this table.

        A sealing signal is triggered with the state that it carries: `model.ENDRUN(carried="Paused")`. What the table
        refuses raises `transitions.MachineError`; where a guard says no to all choices, or the model is sealed, the
        trigger returns False. With the plain class, a trigger runs at the speed of a table where nobody is to be
        called. Any: a class of `transitions`, or a subclass of one, and its options.

        Args:
            model: what the machine moves, as there; None for a new object.
            cls: `Machine`, `LockedMachine`, `AsyncMachine`, `HierarchicalMachine`, `GraphMachine`, or a subclass.
            **options: `limits`, and `guards` (callables of model and event name); `compiled=False`, to have every
                trigger go through `transitions`; all others are those of the class.
        """
        import transitions

        from interlock import _transitions

        return _transitions.build(self._table, transitions.Machine if cls is None else cls, model, **options)

    def _compile(self, limits: Mapping[str, float] | None = None) -> Compiled:
        """Return the rows under some limits, from the store of those compiled before."""
        full = self.limits if not limits else {**self.limits, **self._checked(limits)}
        key = tuple(full.values())
        compiled = self._compiled.get(key)
        if compiled is None:
            compiled = Compiled(self._table, full)
            if len(self._compiled) < MOST_COMPILED:
                self._compiled[key] = compiled
        return compiled

    def _checked(self, limits: Mapping[str, float]) -> Mapping[str, float]:
        _known("limit", limits, self._table.limits)
        for name, value in limits.items():
            if isinstance(value, bool) or not isinstance(value, int | float) or not value >= 0:
                raise ValueError(f"{self.name}: limit {name!r} is {value!r}; it must be a number from 0 on, or inf")
            if 2**63 <= value < float("inf"):  # larger ones are no numbers to compare a float with
                raise ValueError(f"{self.name}: limit {name!r} has more than 63 bits; for no limit at all say inf")
            if value == float("inf") and name in self._bounding:
                raise ValueError(f"{self.name}: limit {name!r} is inf; it must be finite, for it alone ends a cycle")
        return limits

    def _opaque(self, guards: Mapping[str, bool]) -> dict[str, bool]:
        defaults = {n: g.default for n, g in self._table.guards.items() if g.when == "?"}
        _known("opaque guard", guards, defaults)
        for name, answer in guards.items():
            if answer is not True and answer is not False:
                raise GuardError(name, repr(answer))
        return {**defaults, **guards}

    def _check_guards(self, guards: Mapping[str, object]) -> None:
        self._opaque(dict.fromkeys(guards, True))
        for name, guard in guards.items():
            if not callable(guard):
                raise ValueError(
                    f"{self.name}: guard {name!r} is bound to {guard!r}; bind a callable of run and signal"
                )

    def _state(self, state: object) -> str:
        if not isinstance(state, str) or state not in self.rows:
            raise ValueError(f"{self.name}: unknown state {state!r}.{suggest(state, self.rows)}")
        return state

    def _name(self, kind: type) -> str | None:
        """Return the name of a class of signals, or of the nearest of its bases that is one."""
        if kind not in self._names:
            self._names[kind] = next((c.__name__ for c in kind.__mro__ if c.__name__ in self._table.signals), None)
        return self._names[kind]

    def _signal(self, signal: object, carried: str | None) -> tuple[str, str | None]:
        """Return the name of a signal given by name, class or instance, and of the state that it carries."""
        if isinstance(signal, str):
            name: str | None = signal
        else:
            name = self._name(signal if isinstance(signal, type) else type(signal))
            if carried is None and not isinstance(signal, type):
                carried = getattr(signal, "carried", None)
        if name is None or name not in self._table.signals:
            given = shown(signal) if name is None else repr(str(name))
            raise ValueError(f"{self.name}: unknown signal {given}.{suggest(name or given, self._table.signals)}")
        return name, carried

    def _refusal(
        self,
        state: str,
        signal: str,
        carried: str | None = None,
        story: str = "",
        accepts: tuple[str, ...] | None = None,
    ) -> NoTransition:
        """Return the error for a signal that the table refuses."""
        cell = self.rows[state].get(signal)
        says_no = cell is not None and any(choice.target == REFUSED for choice in cell.choices)
        because = cell.because if cell is not None and says_no else ""
        if cell is not None and cell.carries:
            may = f"here it may carry: {', '.join(cell.carries)}"
            because = f"it carries {carried}; {may}" if carried else f"it must carry a state; {may}"
        elif self._table.states[state].final:
            because = f"{state} is final"
        accepts = self.accepts(state) if accepts is None else accepts
        return NoTransition(self.name, state, signal, because, accepts, story)

    def __eq__(self, other: object) -> bool:
        return self.hash == other.hash if isinstance(other, Machine) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.hash)

    def __repr__(self) -> str:
        return f"<Machine {self.name}: {len(self.rows)} states, {len(self._table.signals)} signals>"

    def _repr_mimebundle_(
        self, include: Container[str] | None = None, exclude: Container[str] | None = None
    ) -> dict[str, str]:
        """Return what a notebook shows, by MIME type."""
        from interlock import _notebook

        return _notebook.machine(self, include, exclude)

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: object) -> Self:
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        if self.name in _shipped() and _load_shipped(self.name) is self:
            return Machine.load, (self.name,)
        return Machine._read, (self._table.source, self._table.file, dict(self._classes), dict(self._answers))


class _Answers:
    """Stands for a run whose opaque guards answer as given."""

    def __init__(self, answers: Mapping[str, bool]) -> None:
        self.answers = answers

    def _ask(self, guard: str, signal: object) -> bool:
        return self.answers[guard]


def _known(kind: str, given: Mapping[str, object], names: Iterable[str]) -> None:
    known = tuple(names)
    for name in given:
        if name not in known:
            raise ValueError(f"unknown {kind} {name!r}.{suggest(name, known)}")


def _spec() -> Traversable:
    from importlib.resources import files

    return files(SHIPPED)


@cache
def _shipped() -> tuple[str, ...]:
    files = _spec().iterdir()
    return tuple(sorted(file.name.removesuffix(".toml").replace("_", "-") for file in files if ".toml" in file.name))


@cache
def _load_shipped(name: str) -> Machine:
    file = name.replace("-", "_") + ".toml"
    data = _spec().joinpath(file).read_bytes()
    return Machine._read(_notation.decode(data, file), file)
