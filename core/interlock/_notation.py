"""The notation of a table: from TOML or a mapping to a `Table`, with every breach of its shape named.

What each part of a file may say stands in `SHAPE`; what the parts must make together stands in `_rules`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any

import attrs

from interlock import _guards
from interlock._errors import SpecError, listed, shown, suggest
from interlock._guards import BadGuard
from interlock._table import REFUSED, Cell, Choice, GuardDef, LimitDef, Plugins, SignalDef, StateDef, Table

DEEPEST = 8  # levels of a mapping: a table has five, lists of choices included
TOO_DEEP = "is nested too deeply; a table is three levels deep"
LARGEST = 1_000_000  # bytes of a file: the largest table known has 8,000
PLUGINS = ("free", "asked", "told")
TOP = ("lifecycle", "initial", "attempt", "states", "groups", "signals", "limits", "guards", "from")

# For each key of an entry: what it must be, in words, and the test for it. Any: values come from a file.
Kind = tuple[str, Callable[[Any], bool]]
TEXT: Kind = ("a text that is not empty", lambda value: isinstance(value, str) and bool(value.strip()))
FLAG: Kind = ("true or false", lambda value: isinstance(value, bool))
NUMBER: Kind = (
    "a number from 0 on, or inf",
    lambda value: (
        (isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 2**63) or value == math.inf
    ),
)
POWER: Kind = (f"one of {listed(map(repr, PLUGINS))}", lambda value: value in PLUGINS)
SHAPE: dict[str, dict[str, Kind]] = {
    "states": {"means": TEXT, "is": TEXT, "final": FLAG, "abstract": FLAG},
    "signals": {"means": TEXT, "raised_by": TEXT, "recurs": TEXT, "seals": FLAG, "plugins": POWER},
    "limits": {"means": TEXT, "default": NUMBER},
    "guards": {"means": TEXT, "when": TEXT, "default": FLAG},
}
NEEDED = {"states": ("means",), "signals": ("means",), "limits": ("means", "default"), "guards": ("means", "when")}
CELL: dict[str, Kind] = {
    "to": ("a state or a list of choices", lambda value: isinstance(value, str | list)),
    "carries": ("a list of states and groups", lambda value: isinstance(value, list)),
    "because": TEXT,
}

Raw = Mapping[str, Any]  # what a TOML file may hold


def decode(data: bytes, file: str) -> dict[str, Any]:
    """Return the mapping that a TOML file holds.

    Raises:
        SpecError: the file is too large, not UTF-8, not TOML, or nested too deeply.
    """
    import tomllib

    if len(data) > LARGEST:
        raise SpecError(file, (f"is {len(data):,} bytes long; a table has at most {LARGEST:,}",))
    try:
        return tomllib.loads(data.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise SpecError(file, (f"is not UTF-8: byte {data[error.start]:#04x} at offset {error.start}",)) from None
    except tomllib.TOMLDecodeError as error:
        raise SpecError(file, (f"is not TOML: {error}",)) from None
    except RecursionError:
        raise SpecError(file, (TOO_DEEP,)) from None
    except ValueError as error:  # a number of more digits than Python reads
        raise SpecError(file, (f"is not TOML: {error}",)) from None


def read(source: object, file: str) -> Table:
    """Return the table that a mapping describes.

    Raises:
        SpecError: with every breach of the notation's shape: of the entries first, then of what they make together.
    """
    if not isinstance(source, Mapping) or not source:
        what = "is empty" if source == {} else f"is {type(source).__name__!r}, not a mapping"
        raise SpecError(file, (f"{what}; a table starts with lifecycle, initial, [states], [signals], [from.STATE]",))
    return _Reader(_plain(source, file), file).table()


def _plain(value: Any, file: str, depth: int = 0) -> Any:
    """Return a value of a spec in dictionaries and lists of our own. Any: what a spec may hold."""
    if depth > DEEPEST:
        raise SpecError(file, (TOO_DEEP,))
    if isinstance(value, Mapping):
        keys = [_plain(key, file) if isinstance(key, int) else key for key in value]
        return {key: _plain(inner, file, depth + 1) for key, inner in zip(keys, value.values(), strict=True)}
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        raise SpecError(file, ("holds a whole number of more than 64 bits",))
    if isinstance(value, list | tuple):
        return [_plain(inner, file, depth + 1) for inner in value]
    return value


@attrs.define
class _Reader:
    source: Raw
    file: str
    bad: list[str] = attrs.field(factory=list)
    tests: dict[str, _guards.Test] = attrs.field(factory=dict)
    asking: list[str] = attrs.field(factory=list)  # guards under way, to see a circle

    def table(self) -> Table:
        for key in self.source:
            self.known(key, TOP, "the top level", "key")
        sections = {key: self.section(key) for key in SHAPE}
        self.section("groups")
        self.section("from")
        for key, entries in sections.items():
            for name, entry in entries.items():
                self.entry(key, name, entry)
        self.stop()
        states = self.states(sections["states"])
        groups = self.groups(states)
        signals = {name: self.signal(name, entry) for name, entry in sections["signals"].items()}
        limits = {n: LimitDef(n, e["means"], e["default"]) for n, e in sections["limits"].items()}
        self.unambiguous(states, groups, limits)
        for name in sections["guards"]:
            self.guard(name)
        guards = {
            n: GuardDef(n, e["means"], e["when"], e.get("default", False), self.tests[n])
            for n, e in sections["guards"].items()
            if n in self.tests
        }
        name, initial, attempt = self.head(states)
        cells = self.cells(states, groups, signals)
        self.stop()
        return Table(
            self.file, name, initial, attempt, states, groups, signals, limits, guards, cells, source=self.source
        )

    def stop(self) -> None:
        if self.bad:
            raise SpecError(self.file, tuple(dict.fromkeys(self.bad)))

    def known(self, name: object, names: Collection[str], place: str, kind: str) -> bool:
        if isinstance(name, str) and name in names:
            return True
        self.bad.append(f"{place}: unknown {kind} {shown(name)}.{suggest(name, names)}")
        return False

    def once(self, names: Sequence[str], place: str) -> None:
        twice = dict.fromkeys(name for name in names if names.count(name) > 1)
        self.bad += [f"{place}: {shown(name)} stands in it twice" for name in twice]

    def section(self, key: str) -> dict[str, Raw]:
        section = self.source.get(key, {})
        if not isinstance(section, Mapping):
            self.bad.append(f"{key}: is {shown(section)}; it must be a section [{key}]")
            return {}
        return dict(section)

    def named(self, key: str, name: object) -> bool:
        if isinstance(name, str) and name.isidentifier() and name != REFUSED:
            return True
        rule = f"a name is a word of letters, digits and _, not {REFUSED!r}"
        self.bad.append(f"{key}.{name}: {shown(name)} is no name; {rule}")
        return False

    def entry(self, key: str, name: str, entry: object) -> None:
        place = f"{key}.{name}"
        self.named(key, name)
        if not isinstance(entry, Mapping):
            self.bad.append(f"{place}: is {shown(entry)}; it must be a table such as {{ means = '...' }}")
            return
        self.fields(entry, SHAPE[key], place)
        for field in NEEDED[key]:
            if field not in entry:
                self.bad.append(f"{place}: {field!r} is missing; it must be {SHAPE[key][field][0]}")

    def fields(self, entry: Raw, kinds: Mapping[str, Kind], place: str) -> None:
        for field, value in entry.items():
            if self.known(field, kinds, place, "key"):
                words, fits = kinds[field]
                if not fits(value):
                    self.bad.append(f"{place}.{field}: is {shown(value)}; it must be {words}")

    def states(self, section: Mapping[str, Raw]) -> dict[str, StateDef]:
        final: dict[str, bool] = {}  # of the states whose families were followed to their end
        for name in section:
            line: dict[str, None] = {}
            family: str | None = name
            while family is not None and family not in final:
                if family in line:
                    names = list(line)
                    circle = [*names[names.index(family) :], family]
                    self.bad.append(f"states.{family}: its families go round in a circle: {' is '.join(circle)}")
                    break
                line[family] = None
                above = section[family].get("is")
                if above is not None and not self.known(above, section, f"states.{family}.is", "state"):
                    break
                family = above
            over = family is not None and final.get(family, False)
            for member in reversed(line):
                if over and section[member].get("final") is False:
                    self.bad.append(f"states.{member}.final: is false, but its family is final; drop one of both")
                final[member] = over = over or section[member].get("final", False)
        self.stop()
        return {
            name: StateDef(name, entry["means"], entry.get("is"), final[name], entry.get("abstract", False))
            for name, entry in section.items()
        }

    def groups(self, states: Mapping[str, StateDef]) -> dict[str, tuple[str, ...]]:
        groups: dict[str, tuple[str, ...]] = {}
        for name, members in self.section("groups").items():
            if not self.named("groups", name):
                continue
            if not isinstance(members, list) or not members:
                self.bad.append(f"groups.{name}: is {shown(members)}; it must be a list of states")
                continue
            known = [member for member in members if self.known(member, states, f"groups.{name}", "state")]
            groups[name] = tuple(dict.fromkeys(known))
            self.once(known, f"groups.{name}")
        return groups

    def unambiguous(self, states: Iterable[str], groups: Iterable[str], limits: Iterable[str]) -> None:
        for name in sorted({*states} & {*groups}):
            self.bad.append(f"groups.{name}: is a state too; one name, one thing")
        for name in sorted({*limits} & {*self.section("guards")}):
            self.bad.append(f"guards.{name}: is a limit too; one name, one thing")

    def head(self, states: Mapping[str, StateDef]) -> tuple[str, str, tuple[str, ...]]:
        name, initial, attempt = (self.source.get(key) for key in ("lifecycle", "initial", "attempt"))
        if not isinstance(name, str) or not name.strip():
            self.bad.append(f"lifecycle: is {shown(name)}; it must be the name of the life cycle")
        if initial is None:
            self.bad.append("initial: is missing; it must be a state")
        else:
            self.known(initial, states, "initial", "state")
        if attempt is not None and not isinstance(attempt, list):
            self.bad.append(f"attempt: is {shown(attempt)}; it must be a list of states")
            attempt = []
        held = tuple(state for state in attempt or () if self.known(state, states, "attempt", "state"))
        self.once(held, "attempt")
        return str(name), str(initial), held

    def guard(self, name: str) -> _guards.Test:
        """Return a guard's test, parsed once. What is wrong with it is told of it alone, not of those that ask it.

        Raises:
            BadGuard: there is no such guard, or too many are on the way to it.
        """
        entries = self.section("guards")
        if name in self.tests:
            return self.tests[name]
        if name not in entries:
            raise BadGuard(f"unknown guard {name!r}.{suggest(name, [*entries, *self.section('limits')])}")
        if name in self.asking:
            circle = self.asking[self.asking.index(name) :]
            self.bad.append(f"guards.{name}: asks itself: {' -> '.join([*circle, name])}")
            return _guards.Opaque(name)
        if len(self.asking) >= _guards.LEVELS:
            raise BadGuard(f"asks guards that ask guards, more than {_guards.LEVELS} deep")
        when = entries[name]["when"]
        if (when == "?") is not ("default" in entries[name]):
            self.bad.append(f"guards.{name}: an opaque guard ('?') has a default, and no other has one")
        self.asking.append(name)
        test: _guards.Test = _guards.Opaque(name)
        try:
            test = test if when == "?" else _guards.parse(when, self.names())
        except BadGuard as error:
            self.bad.append(f"guards.{name}: {error}")
        finally:
            self.asking.pop()
        self.tests[name] = test
        return test

    def names(self) -> _guards.Names:
        def check(kind: str, name: str) -> None:
            known = self.section(kind + "s")
            if name not in known:
                raise BadGuard(f"unknown {kind} {shown(name)}.{suggest(name, known)}")
            if kind == "state" and known[name].get("abstract"):
                raise BadGuard(f"entered({name}): {name} is abstract: no run can be in it")

        return _guards.Names(check, self.section("limits"), self.guard)

    def cells(
        self, states: Mapping[str, StateDef], groups: Mapping[str, tuple[str, ...]], signals: Mapping[str, SignalDef]
    ) -> dict[tuple[str, str], Cell]:
        cells: dict[tuple[str, str], Cell] = {}
        for section, row in self.section("from").items():
            place = f"from.{section}"
            if not self.known(section, [*states, *self.section("groups")], place, "state or group"):
                continue
            if section not in states and section not in groups:
                continue  # a group that is none, and told of there
            if not isinstance(row, Mapping):
                self.bad.append(f"{place}: is {shown(row)}; it must be a section [{place}]")
                continue
            for signal, value in row.items():
                if not self.known(signal, signals, place, "signal"):
                    continue
                for state in groups.get(section, (section,)):
                    if (state, signal) in cells:
                        other = cells[state, signal].place
                        self.bad.append(f"{place}.{signal}: {state} has this cell already, from {other}")
                        continue
                    cells[state, signal] = self.cell(state, signal, section, value, groups)
        return cells

    def cell(self, state: str, signal: str, section: str, value: object, groups: Mapping[str, tuple[str, ...]]) -> Cell:
        place = f"from.{section}.{signal}"
        given = value if isinstance(value, Mapping) else {"to": value}
        before = len(self.bad)
        self.fields(given, CELL, place)
        if len(self.bad) > before:
            return Cell(state, signal, section=section)
        to, carries, because = given.get("to"), given.get("carries"), given.get("because", "")
        if (to is None) is (carries is None):
            says = "neither 'to' nor 'carries'" if to is None else "both 'to' and 'carries'"
            self.bad.append(f"{place}: says {says}; a cell says one")
            return Cell(state, signal, section=section)
        texts: list[object] = [to] if isinstance(to, str) else to if isinstance(to, list) else []
        choices = tuple(self.choice(text, place) for text in texts)
        if to is not None and not choices:
            self.bad.append(f"{place}: has no choice; write the state that follows, or 'refused' with a reason")
        names = carries if isinstance(carries, list) else []
        if carries is not None and not names:
            self.bad.append(f"{place}: carries nothing; write the states that it may carry")
        known = [*self.section("states"), *self.section("groups")]
        named = [name for name in names if self.known(name, known, place, "state or group")]
        self.once(named, place)
        carried = tuple(dict.fromkeys(state for name in named for state in groups.get(name, (name,))))
        return Cell(state, signal, choices, carried, because if isinstance(because, str) else "", section)

    def choice(self, text: object, place: str) -> Choice:
        if not isinstance(text, str):
            self.bad.append(f"{place}: {shown(text)} is no choice; write 'STATE' or 'STATE if GUARD'")
            return Choice(REFUSED)
        target, _, guard = (part.strip() for part in text.strip().partition(" if "))
        if target != REFUSED:
            self.known(target, self.section("states"), place, "state")
        if guard:
            self.known(guard, self.section("guards"), place, "guard")
        return Choice(target, guard or None)

    def signal(self, name: str, entry: Raw) -> SignalDef:
        seals = entry.get("seals", False)
        plugins: Plugins = entry.get("plugins", "told" if seals else "free")
        if seals and plugins != "told":
            self.bad.append(f"signals.{name}.plugins: is {plugins!r}; of a signal that seals plugins are told")
        return SignalDef(name, entry["means"], entry.get("raised_by", ""), entry.get("recurs"), seals, plugins)
