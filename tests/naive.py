"""A table read anew at every question, by a scan of the rows as they are written.

Slow, plain, and all its own: nothing here knows how Interlock parses, compiles or counts. It is what other interpreters
of a table are held against.
"""

from __future__ import annotations

import ast
import importlib.resources
import operator
import tomllib
from collections import Counter
from collections.abc import Callable, Mapping
from copy import copy
from functools import cache
from typing import Any

Table = Mapping[str, Any]  # Any: what a TOML file may hold

COMPARED: dict[type[ast.cmpop], Callable[[float, float], bool]] = {
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
}


def shipped(name: str) -> Table:
    """Return what the file of a shipped life cycle says."""
    file = importlib.resources.files("interlock_spec").joinpath(name.replace("-", "_") + ".toml")
    return tomllib.loads(file.read_text(encoding="utf-8"))


def states(table: Table) -> list[str]:
    """Return the states that a run can be in."""
    return [name for name, state in table["states"].items() if not state.get("abstract")]


def is_final(table: Table, state: str | None) -> bool:
    """Return whether a state, or one of its family above it, is said to be final."""
    entry = table["states"].get(state, {})
    return bool(entry.get("final")) or ("is" in entry and is_final(table, entry["is"]))


def cell(table: Table, state: str, signal: str) -> Any:
    """Return what is written for a state and a signal, in a section of the state or of a group that it is in.

    Any: a choice, a list of them, or a table of these and reasons.
    """
    for section, row in table["from"].items():
        if signal in row and state in table.get("groups", {}).get(section, [section]):
            return row[signal]
    return None


class Life:
    """One run, told by the rows alone."""

    def __init__(self, table: Table, limits: Mapping[str, float], answers: Mapping[str, bool] | None = None) -> None:
        self.table = table
        self.limits = {name: limit["default"] for name, limit in table.get("limits", {}).items()} | dict(limits)
        self.answers = {name: guard["default"] for name, guard in table.get("guards", {}).items() if "default" in guard}
        self.answers |= answers or {}
        self.state: str = table["initial"]
        self.counts = Counter[str]()
        """What happened how often, in the words of the guards."""
        self.sealed = False

    def __copy__(self) -> Life:
        other = Life(self.table, self.limits, self.answers)
        other.state, other.sealed = self.state, self.sealed
        other.counts.update(self.counts)
        return other

    def send(self, signal: str, carried: str | None = None) -> str | None:
        """Return the next state and be in it; None for a refusal."""
        after = None if self.sealed else self.answer(signal, carried)
        if after is not None:
            self.state = after
            self.counts.update((f"entered({after})", f"taken({signal})"))
            self.sealed = self.table["signals"][signal].get("seals", False)
        return after

    def answer(self, signal: str, carried: str | None = None) -> str | None:
        """Return what the rows answer in the present state, whether the run is sealed or not."""
        written = cell(self.table, self.state, signal)
        if isinstance(written, Mapping) and "carries" in written:
            groups = self.table.get("groups", {})
            return carried if any(carried in groups.get(name, [name]) for name in written["carries"]) else None
        to = written["to"] if isinstance(written, Mapping) else written
        for choice in [to] if isinstance(to, str) else to or ():
            target, _, guard = choice.partition(" if ")
            if not guard or self.holds(guard):
                return None if target == "refused" else str(target)
        return None

    def holds(self, guard: str) -> bool:
        """Return the answer of a guard."""
        when = self.table["guards"][guard]["when"]
        return self.answers[guard] if when == "?" else bool(self.value(_tree(when)))

    def value(self, node: ast.expr) -> float:
        """Return the value of an expression; a test is 1 or 0."""
        match node:
            case ast.Constant(value=int(number)):
                return number
            case ast.Name(id=name):
                return self.limits[name] if name in self.limits else self.holds(name)
            case ast.Call():
                return self.counts[ast.unparse(node)]
            case ast.BinOp(left=left, op=sign, right=right):
                return self.value(left) + (1 if isinstance(sign, ast.Add) else -1) * self.value(right)
            case ast.Compare(left=left, ops=[sign], comparators=[right]):
                return COMPARED[type(sign)](self.value(left), self.value(right))
            case ast.BoolOp(op=word, values=parts):
                return (all if isinstance(word, ast.And) else any)(self.value(part) for part in parts)
            case ast.UnaryOp(operand=part):
                return not self.value(part)
        raise AssertionError(f"no guard: {ast.dump(node)}")


@cache
def _tree(text: str) -> ast.expr:
    return ast.parse(text, mode="eval").body


def fork(life: Life, answers: Mapping[str, bool]) -> Life:
    """Return a copy of a life with other answers of the opaque guards."""
    other = copy(life)
    other.answers |= answers
    return other
