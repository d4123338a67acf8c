"""From the configuration of a machine of XState, version 4 or 5: states, flat and nested, and events with guards."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from interlock._draft import Asked, Draft, Node, Way
from interlock._errors import listed, shown, suggest
from interlock._notation import LARGEST
from interlock._table import REFUSED

DEEPEST = 50  # levels of states
NOT_HERE = {
    "always": "here nothing happens by itself",
    "after": "a table reads no clock: let a timer send a signal",
    "invoke": "a table calls nobody",
    "onDone": "a final state ends all, not what is around it",
    "history": "a state is entered as it is written, whatever was there before",
}
"""Keys of a state without a meaning here, and why."""
LEFT = ("context", "entry", "exit", "actions", "activities", "meta", "tags", "output", "data", "params")
"""Keys that change no state: they are left out, with a note."""
STATE = ("id", "key", "initial", "states", "on", "type", "description")
ABOUT = (
    "version",
    "$schema",
    "strict",
    "predictableActionArguments",
    "preserveActionOrder",
    "schema",
    "types",
    "order",
)
"""Keys about the configuration itself."""
WAY = ("target", "guard", "cond", "description", "reenter", "internal")
Names = tuple[str, ...]
"""The names of the states around a state, and its own."""
KINDS = ("atomic", "compound", "final")


def read(source: Mapping[str, Any] | str | Path) -> Draft:
    """Return what a configuration says: a mapping, JSON as text, or in a file. Any: it is checked here."""
    draft = Draft(file="<xstate>")
    config: Any = source
    if isinstance(source, Path) or (isinstance(source, str) and not source.lstrip().startswith("{")):
        draft.file = str(source)
        try:
            config = Path(source).read_text(encoding="utf-8")
        except (OSError, ValueError) as error:
            draft.refuse("file", getattr(error, "strerror", None) or str(error))
            return draft
    if isinstance(config, str):
        try:
            config = _parsed(config)
        except ValueError as error:
            draft.refuse("file", str(error))
            return draft
    if isinstance(config, Mapping):
        _Reader(draft, config).machine()
    else:
        draft.refuse("machine", f"is {shown(config)}; it must be a mapping with initial and states")
    return draft


def _parsed(text: str) -> object:
    """Return what JSON says.

    Raises:
        ValueError: it is too large, or no JSON.
    """
    if len(text) > LARGEST:
        raise ValueError(f"is {len(text):,} characters long; a machine has at most {LARGEST:,}")
    try:
        found: object = json.loads(text)
    except RecursionError:
        raise ValueError("is nested too deeply") from None
    except ValueError as error:
        raise ValueError(f"is no JSON: {error}") from None
    return found


class _Reader:
    """A configuration that is being read. Any, in all methods: what a mapping may hold, checked where it is read."""

    def __init__(self, draft: Draft, config: Mapping[str, Any]) -> None:
        self.draft = draft
        self.config = config
        self.ids: dict[str, tuple[str, ...]] = {}
        """By an id that a state has of its own: its path."""

    def machine(self) -> None:
        """Read all of it: first the states, then the ways, whose targets must be known."""
        config, draft = self.config, self.draft
        name = config.get("id")
        draft.name = name if isinstance(name, str) and name.strip() else "imported"
        self.keys(config, "machine")
        if config.get("type", "compound") not in KINDS:
            draft.refuse("machine.type", f"is {shown(config['type'])}; a run is in one state")
        everywhere = config.get("on")
        if everywhere:
            draft.refuse("machine.on", "is taken in every state; write it into those that take it")
        every = list(self.states(config, ()))
        first = config.get("initial")
        draft.initial = _key((first,)) if isinstance(first, str) else None
        for path, inner in every:
            node = draft.nodes[_key(path)]
            for signal, way in self.on(inner.get("on"), f"{node.place}.on"):
                self.way(node, signal, way)

    def states(
        self, config: Mapping[str, Any], path: tuple[str, ...]
    ) -> Iterator[tuple[tuple[str, ...], dict[str, Any]]]:
        """Read the states inside of one, and yield them all with what is written for them."""
        place = f"{'.'.join(path) or 'machine'}.states"
        states = config.get("states") or {}
        if not isinstance(states, Mapping) or len(path) >= DEEPEST:
            self.draft.refuse(place, f"is {shown(states)}; it must be a mapping, and not too deep")
            return
        for name, inner in states.items():
            inner = {} if inner is None else inner
            if not isinstance(name, str) or not isinstance(inner, Mapping):
                self.draft.refuse(f"{place}.{name}", f"is {shown(inner)}; it must be a mapping")
                continue
            yield from self.state((*path, name), {**inner})

    def state(self, path: Names, config: dict[str, Any]) -> Iterator[tuple[Names, dict[str, Any]]]:
        """Read a state."""
        node = self.draft.node(Node(_key(path), path, ".".join(path)))
        self.keys(config, node.place)
        kind, own, means = config.get("type", "atomic"), config.get("id"), config.get("description")
        if kind not in KINDS:
            why = "a run is in one state" if kind == "parallel" else NOT_HERE.get(str(kind), f"it is {listed(KINDS)}")
            self.draft.refuse(f"{node.place}.type", f"is {shown(kind)}, which has no meaning here: {why}")
        node.final = kind == "final"
        node.means = means if isinstance(means, str) and means.strip() else None
        if isinstance(own, str):
            self.ids[own] = path
        inner = list(self.states(config, path))
        first = config.get("initial")
        node.initial = _key((*path, first)) if isinstance(first, str) else None
        yield path, config
        yield from inner

    def keys(self, config: Mapping[str, Any], place: str) -> None:
        """See that every key has a meaning here, or none that matters."""
        for key, value in config.items():
            if key in NOT_HERE and value not in (None, [], {}):
                self.draft.refuse(f"{place}.{key}", f"has no meaning here: {NOT_HERE[key]}")
            elif key in LEFT:
                self.draft.note(f"{place}.{key}", "is left out: it changes no state")
            elif key not in (*STATE, *ABOUT, *NOT_HERE):
                self.draft.refuse(f"{place}.{key}", f"is not known.{suggest(key, STATE)}")

    def on(self, section: Any, place: str) -> Iterator[tuple[str, Any]]:
        """Yield the events of a state, each with one of the ways that are written for it."""
        if section is not None and not isinstance(section, Mapping):
            self.draft.refuse(place, f"is {shown(section)}; it must be a mapping from events to targets")
            return
        for event, ways in (section or {}).items():
            name = str(event)
            if not name or "*" in name:
                self.draft.refuse(f"{place}.{name}", "takes any event; a signal is taken by its name, so name each")
            elif name.startswith(("done.", "error.", "xstate.")):
                self.draft.refuse(f"{place}.{name}", "is sent by the interpreter; here nobody does")
            elif isinstance(ways, list):
                yield from ((name, way) for way in ways or [None])
            else:
                yield name, ways

    def way(self, node: Node, signal: str, way: Any) -> None:
        """Read a transition: a target, or a mapping. Nothing at all forbids the event here."""
        place = f"{node.place}.on.{signal}"
        if way is None:
            node.ways.append(Way(signal, REFUSED, (), place))
            return
        config = {"target": way} if isinstance(way, str | list) else way
        if not isinstance(config, Mapping):
            self.draft.refuse(place, f"is {shown(way)}; it must be a target, or a mapping with one")
            return
        for key in config:
            if key in LEFT:
                self.draft.note(f"{place}.{key}", "is left out: it changes no state")
            elif key not in WAY:
                why = f": {NOT_HERE[key]}" if key in NOT_HERE else ""
                self.draft.refuse(f"{place}.{key}", f"has no meaning here{why}.{suggest(key, WAY)}")
        target, fits = self.target(node, config.get("target"), place)
        asked = self.guard(config.get("guard", config.get("cond")), place)
        if fits and asked is not None:
            node.ways.append(Way(signal, target, asked, place))

    def target(self, node: Node, target: Any, place: str) -> tuple[str | None, bool]:
        """Return the state that a target names, if it names any, and whether it could be understood."""
        if isinstance(target, list) and len(target) == 1:
            (target,) = target
        if target is None or target == []:
            return None, True
        if not isinstance(target, str):
            self.draft.refuse(place, f"leads to {shown(target)}; a run is in one state")
            return None, False
        if target.startswith("#"):
            own = next((one for one in sorted(self.ids, key=len, reverse=True) if _under(target[1:], one)), None)
            below = target[1 + len(own or self.draft.name) :].removeprefix(".")
            path = self.ids[own] if own is not None else () if _under(target[1:], self.draft.name) else None
            known = _key((*(path or ()), *filter(None, below.split(".")))) if path is not None else target
        else:
            path = node.path if target.startswith(".") else node.path[:-1]
            known = _key((*path, *target.removeprefix(".").split(".")))
        return known, self.draft.known(known, place)

    def guard(self, guard: Any, place: str) -> tuple[Asked, ...] | None:
        """Return what a way asks; None where it cannot be understood."""
        if guard is None:
            return ()
        name = guard.get("type") if isinstance(guard, Mapping) else guard
        if isinstance(guard, Mapping) and guard.keys() & {"guards", "children", "in"}:
            name = None
        if isinstance(name, str) and name.strip():
            return (Asked(name),)
        self.draft.refuse(place, f"asks {shown(guard)}; only the name of a guard has a meaning here")
        return None


def _key(path: tuple[str, ...]) -> str:
    """Return the one text for a path."""
    return ".".join(path)


def _under(text: str, name: str) -> bool:
    """Return whether a target that begins with an id names that state, or one inside of it."""
    return text == name or text.startswith(f"{name}.")
