"""Guards as trees, drawn by Hypothesis, and what they mean: said once more and in the plainest way."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Mapping

from hypothesis import settings
from hypothesis import strategies as st

from interlock import _guards
from interlock._guards import BadGuard, Both, Compare, Const, Count, Limit, Names, Not, Number, Opaque, Sum, Test

SETTINGS = settings(deadline=None, max_examples=200, derandomize=True)  # the same examples in every run

STATES = ("Open", "Shut")
SIGNALS = ("GO", "BACK")
LIMITS = ("few", "many", "none")
OPAQUE = ("dry", "warm")
COUNTS = [*(Count("entered", state) for state in STATES), *(Count("taken", signal) for signal in SIGNALS)]
PLACES = {count: place for place, count in enumerate(COUNTS)}
SIGNS: dict[str, Callable[[float, float], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
}

GO, BACK = Count("taken", "GO"), Count("taken", "BACK")
FEW, MANY = Limit("few"), Limit("many")
DRY, WARM = Opaque("dry"), Opaque("warm")
LESS = Compare("<", GO, FEW)


def check(kind: str, name: str) -> None:
    """Raise `BadGuard` for a name that is not of the kind."""
    if name not in {"state": STATES, "signal": SIGNALS, "limit": LIMITS}[kind]:
        raise BadGuard(f"no {kind} {name}")


def guard(name: str) -> Test:
    """Return what another guard asks."""
    if name not in OPAQUE:
        raise BadGuard(f"no guard {name}")
    return Opaque(name)


NAMES = Names(check, dict.fromkeys(LIMITS), guard)


def parse(text: str) -> Test:
    """Return the tree of a text."""
    return _guards.parse(text, NAMES)


def number(tree: Number, counts: Mapping[Count, int], limits: Mapping[str, float]) -> float:
    """Return the value of a number."""
    match tree:
        case Const(value):
            return value
        case Limit(name):
            return limits[name]
        case Count():
            return counts[tree]
        case Sum("+", left, right):
            return number(left, counts, limits) + number(right, counts, limits)
        case Sum(_, left, right):
            return number(left, counts, limits) - number(right, counts, limits)


def value(tree: Test, counts: Mapping[Count, int], limits: Mapping[str, float], answers: Mapping[str, bool]) -> bool:
    """Return the answer of a test."""
    match tree:
        case Opaque(name):
            return answers[name]
        case Not(inner):
            return not value(inner, counts, limits, answers)
        case Both("and", left, right):
            return value(left, counts, limits, answers) and value(right, counts, limits, answers)
        case Both(_, left, right):
            return value(left, counts, limits, answers) or value(right, counts, limits, answers)
        case Compare(sign, left, right):
            return SIGNS[sign](number(left, counts, limits), number(right, counts, limits))


numbers: st.SearchStrategy[Number] = st.recursive(
    st.builds(Const, st.integers(0, 3)) | st.sampled_from(COUNTS) | st.builds(Limit, st.sampled_from(LIMITS)),
    lambda inner: st.builds(Sum, st.sampled_from("+-"), inner, inner),
    max_leaves=5,
)
trees: st.SearchStrategy[Test] = st.recursive(
    st.builds(Compare, st.sampled_from(sorted(SIGNS)), numbers, numbers) | st.builds(Opaque, st.sampled_from(OPAQUE)),
    lambda inner: st.builds(Not, inner) | st.builds(Both, st.sampled_from(["and", "or"]), inner, inner),
    max_leaves=5,
)
counts = st.fixed_dictionaries({count: st.integers(0, 4) for count in COUNTS})
limits = st.fixed_dictionaries({name: st.integers(0, 4) | st.sampled_from([0.5, math.inf]) for name in LIMITS})
answers = st.fixed_dictionaries({name: st.booleans() for name in OPAQUE})
