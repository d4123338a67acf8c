"""Extensions: signals, states and rows that a plugin adds to a life cycle, with the classes that Python code uses.

What a table may be extended by, and how, says `_extend`; here a plugin's part becomes one object, which makes the
classes of its states and signals where the life cycle has classes: those of task runs and flow runs do.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import attrs

from interlock import _notation, states
from interlock._errors import SpecError, listed, shown, suggest
from interlock._extend import Part, own_part
from interlock._machine import Machine
from interlock.signals import NAMED, Signal
from interlock.states import BY_NAME, State

if TYPE_CHECKING:
    from pathlib import Path  # not when it runs: `import interlock` is to be quick

WITH_CLASSES = ("task-run", "flow-run")
"""The life cycles whose states and signals are classes; those of all others are names."""


class Extension(Part):
    """What a plugin adds to a life cycle: signals, states, groups, limits, guards, and rows for them.

    `PROPOSE = EXTENSION.signals["PROPOSE"]` gives such a class its name in the plugin's module, from where it can be
    imported, and pickled. That it has it there is checked when the extension is put to use.

    Args:
        table: in the notation of a table, with the name of the life cycle that it adds to under "lifecycle". Any: it is
            checked here, whatever it holds.
        module: the module that the classes are of: say `__name__`.
        classes: classes of some states and signals that were written by hand, for fields of their own: frozen `attrs`
            classes under that of the family, and classes under `Signal` with `leads_to`. The others are made.
        guards: callables for its opaque guards: guard(run, signal) answers True or False.
        file: the name that errors give.

    Raises:
        SpecError: the table is none, a class does not fit, or a guard is not there.
    """

    def __init__(
        self,
        table: Mapping[str, Any],
        *,
        module: str,
        classes: Iterable[type] = (),
        guards: Mapping[str, Callable[[Any, Any], bool]] | None = None,
        file: str | None = None,
    ) -> None:
        self.file = file or f"extension of {module}"
        self.module = module
        self.lifecycle, self.table = own_part(table, self.file)
        self.guards: Mapping[str, Callable[[Any, Any], bool]] = dict(guards or {})
        made = _Classes(self, list(classes))
        self.states: Mapping[str, type[State]] = MappingProxyType(made.states)
        """The classes of its states, by name; none where the life cycle has no classes."""
        self.signals: Mapping[str, type[Signal]] = MappingProxyType(made.signals)
        """The classes of its signals, by name."""

    @classmethod
    def from_toml(
        cls,
        text: str,
        *,
        module: str,
        classes: Iterable[type] = (),
        guards: Mapping[str, Callable[[Any, Any], bool]] | None = None,
        file: str | None = None,
    ) -> Extension:
        """Return the extension that a TOML text describes; the rest is as for `Extension`."""
        file = file or f"extension of {module}"
        raw = _notation.decode(text.encode("utf-8", "surrogatepass"), file)
        return cls(raw, module=module, classes=classes, guards=guards, file=file)

    @classmethod
    def load(
        cls,
        path: str | Path,
        *,
        module: str,
        classes: Iterable[type] = (),
        guards: Mapping[str, Callable[[Any, Any], bool]] | None = None,
    ) -> Extension:
        """Return the extension that a TOML file describes, such as `Path(__file__).with_name("approval.toml")`."""
        try:
            with open(path, "rb") as file:
                data = file.read()
        except OSError as error:
            raise SpecError(str(path), (str(error.strerror or error),)) from None
        raw = _notation.decode(data, str(path))
        return cls(raw, module=module, classes=classes, guards=guards, file=os.path.basename(path))

    @property
    def classes(self) -> Mapping[str, type]:
        """Its classes, of states and of signals, by name."""
        return {**self.states, **self.signals}

    def missing(self) -> list[str]:
        """Return what its module has to say so that the classes can be imported from there, a line each."""
        module = sys.modules.get(self.module)
        kinds = (("states", self.states), ("signals", self.signals))
        return [
            f"{self.module} must have {name}, so that it can be imported and pickled: "
            f"write {name} = EXTENSION.{of}[{name!r}]"
            for of, classes in kinds
            for name, kind in classes.items()
            if getattr(module, name, None) is not kind
        ]

    def __repr__(self) -> str:
        names = listed([*self.table.get("signals", {}), *self.table.get("states", {})])
        return f"<Extension of {self.lifecycle}: {names}>"


class _Classes:
    """The classes of an extension's states and signals: those given, and made for the rest."""

    def __init__(self, extension: Extension, given: list[type]) -> None:
        self._extension = extension
        self._table = extension.table
        self.states: dict[str, type[State]] = {}
        self.signals: dict[str, type[Signal]] = {}
        self._given = {kind.__name__: kind for kind in given}
        if extension.lifecycle not in WITH_CLASSES:
            self._refuse(given, f"{extension.lifecycle} has no classes: its states and signals are names")
            return
        base = Machine.load(extension.lifecycle)
        self._old = set(base.states)
        known = tuple(self._named(key, name) for key in ("states", "signals") for name in self._section(key))
        self._refuse(
            [kind for kind in given if kind.__name__ not in known],
            f"the extension adds no such state or signal; it adds: {listed(known)}",
        )
        for name in self._section("states"):
            self._state(name, ())
        for name in self._section("signals"):
            self.signals[name] = self._signal(name)

    def _section(self, key: str) -> Mapping[str, Any]:
        section = self._table.get(key, {})
        if not isinstance(section, Mapping):
            raise self._bad(f"{key}: is {shown(section)}; it must be a section")
        return section

    def _named(self, key: str, name: object) -> str:
        """Return the name of a state or signal, which is to be that of a class."""
        if not isinstance(name, str) or name in BY_NAME or name in NAMED or not name.isidentifier():
            problem = "the name of a class of its own is needed, and this is none, or taken"
            raise self._bad(f"{key}.{name}: {problem}")
        return name

    def _refuse(self, kinds: Iterable[type], why: str) -> None:
        problems = tuple(f"class {kind.__name__}: {why}" for kind in kinds)
        if problems:
            raise SpecError(self._extension.file, problems)

    def _bad(self, problem: str) -> SpecError:
        return SpecError(self._extension.file, (problem,))

    def _state(self, name: str, inner: tuple[str, ...]) -> type[State]:
        """Return the class of a state; `inner`: the states whose families are being looked for."""
        if name in self.states:
            return self.states[name]
        if name in self._old:
            return BY_NAME[name]
        entry = self._section("states").get(name)
        family = entry.get("is") if isinstance(entry, Mapping) else None
        if not isinstance(family, str) or family not in {*self._old, *self._section("states")} or family in inner:
            near = suggest(family or name, self._old - {name})
            raise self._bad(f"states.{name}: belongs to no family; say is = 'STATE'.{near}")
        parent = self._state(family, (*inner, name))
        if issubclass(parent, states.Running):
            why = "only the work itself, or the engine, leads out of that family: nothing would ever leave it"
            raise self._bad(f"states.{name}: is a {family}; {why}")
        kind = self._given.get(name)
        if kind is None:
            means = str(entry.get("means", "")) if isinstance(entry, Mapping) else ""
            kind = attrs.frozen(repr=False)(type(name, (parent,), {"__doc__": means, "__module__": self._module}))
        elif not (issubclass(kind, parent) and "__attrs_attrs__" in vars(kind)):
            raise self._bad(f"class {name}: must be an @attrs.frozen class under {parent.__name__}, as its family is")
        states.hashed(kind)
        self.states[name] = kind
        return kind

    @property
    def _module(self) -> str:
        return self._extension.module

    def _signal(self, name: str) -> type[Signal]:
        kind = self._given.get(name)
        if kind is not None:
            if not issubclass(kind, Signal):
                raise self._bad(f"class {name}: must be a class under interlock.signals.Signal")
            return kind
        entry = self._section("signals")[name]
        means = str(entry.get("means", "")) if isinstance(entry, Mapping) else ""
        body = {"__doc__": means, "__module__": self._module, "__slots__": (), "leads_to": self._leads_to(name)}
        return type(name, (Signal,), body)

    def _leads_to(self, signal: str) -> type[State]:
        """Return the class of the state whose fields a signal takes: that of its first row, behind all guards."""
        for section, row in self._section("from").items():
            cell = row.get(signal) if isinstance(row, Mapping) else None
            to = cell.get("to") if isinstance(cell, Mapping) else cell
            last = to[-1] if isinstance(to, list) and to else to
            target = last.split(" if ")[0] if isinstance(last, str) else None
            if target is None or target == "refused":
                continue
            if target in self.states or target in self._old:
                return self._state(target, ())
            near = suggest(target, {*self._old, *self._section("states")})
            raise self._bad(f"from.{section}.{signal}: unknown state {shown(target)}.{near}")
        raise self._bad(f"signals.{signal}: no row of it leads anywhere; give it one under [from.STATE], or a class")
