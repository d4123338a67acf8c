"""Guards: small expressions over counts and limits, as data.

One grammar, parsed once into a tree of about ten kinds of node, so that every reader of a table (Python here, TLA+ and
SMT elsewhere) is rendered from the same tree:

    test   = test and test | test or test | not test | number < number (also <= > >= == !=) | GUARD
    number = number + number | number - number | entered(STATE) | taken(SIGNAL) | LIMIT | 0..1000

A guard whose text is "?" is opaque: a callable of the run and the signal answers it, and checks count it as either.
"""

from __future__ import annotations

import ast
import itertools
import math
import operator
from collections.abc import Callable, Iterator, Mapping

import attrs

LONGEST = 500  # characters of one expression: more than any rule of a life cycle needs, and a bound for the parser
LARGEST = 1000  # a constant beyond this is a limit, and belongs into [limits], where it has a name and a meaning
LEVELS = 50  # how deep an expression, or guards that ask guards, may go
PARTS = 1000  # of a guard with all that it asks: each is rendered where it is asked
MOST_ATOMS = 10  # comparisons and opaque guards that one cell may ask: 2**10 answers are still looked at one by one

COMPARE: dict[str, Callable[[float, float], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
}
_SIGNS: dict[type[ast.AST], str] = {
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
    ast.Eq: "==",
    ast.NotEq: "!=",
    ast.Add: "+",
    ast.Sub: "-",
}


@attrs.frozen
class Const:
    """A number written in the expression, or a limit once its value is known."""

    value: float

    def __str__(self) -> str:
        return str(self.value)


@attrs.frozen
class Count:
    """How often a state was entered, or a signal taken, in the life of the run."""

    kind: str  # "entered" or "taken"
    name: str

    def __str__(self) -> str:
        return f"{self.kind}({self.name})"


@attrs.frozen
class Limit:
    """A limit of the table, by name."""

    name: str

    def __str__(self) -> str:
        return self.name


@attrs.frozen
class Sum:
    """`left + right` or `left - right`."""

    sign: str
    left: Number
    right: Number

    def __str__(self) -> str:
        right = f"({self.right})" if isinstance(self.right, Sum) else str(self.right)
        return f"{self.left} {self.sign} {right}"


@attrs.frozen
class Compare:
    """Two numbers compared."""

    sign: str
    left: Number
    right: Number

    def __str__(self) -> str:
        return f"{self.left} {self.sign} {self.right}"


@attrs.frozen
class Opaque:
    """A question that only a callable can answer."""

    name: str

    def __str__(self) -> str:
        return self.name


@attrs.frozen
class Not:
    """The opposite of a test."""

    test: Test

    def __str__(self) -> str:
        return f"not {_inside(self.test)}"


@attrs.frozen
class Both:
    """`left and right`, or `left or right`."""

    word: str  # "and" or "or"
    left: Test
    right: Test

    def __str__(self) -> str:
        return f"{_inside(self.left)} {self.word} {_inside(self.right)}"


Number = Const | Count | Limit | Sum
Test = Compare | Opaque | Not | Both


def _inside(test: Test) -> str:
    return f"({test})" if isinstance(test, Both) else str(test)


class BadGuard(Exception):
    """An expression is no guard; the text says why. The loader turns it into a line of its `SpecError`."""


@attrs.frozen
class Names:
    """What an expression may refer to. `guard` returns the test of another guard, or raises `BadGuard`."""

    check: Callable[[str, str], None]
    """check(kind, name): raises `BadGuard` for a state, signal or limit that does not exist."""
    limits: Mapping[str, object]
    guard: Callable[[str], Test]


def parse(text: str, names: Names) -> Test:
    """Return the tree of a guard's text.

    Raises:
        BadGuard: the text is not in the grammar above, or names something that does not exist.
    """
    if len(text) > LONGEST:
        raise BadGuard(f"is {len(text)} characters long; {LONGEST} are enough for a guard")
    try:
        body = ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise BadGuard(f"{text!r} is no expression") from error
    if _deep(body):
        raise BadGuard(f"{text!r} is nested too deeply; {LEVELS} levels are enough for a guard")
    tree = _test(body, names)
    parts, levels = size(tree)
    if parts > PARTS or levels > LEVELS:
        raise BadGuard(
            f"has {parts} parts on {levels} levels with the guards that it asks; "
            f"{PARTS} on {LEVELS} are enough for a guard"
        )
    return tree


def _deep(body: ast.expr) -> bool:
    """Return whether an expression has more than `LEVELS` levels."""
    level: list[ast.AST] = [body]
    for _ in range(LEVELS):
        level = [child for node in level for child in ast.iter_child_nodes(node) if isinstance(child, ast.expr)]
        if not level:
            return False
    return True


def size(tree: Test | Number) -> tuple[int, int]:
    """Return how many parts a tree has, and on how many levels."""
    match tree:
        case Both() | Compare() | Sum():
            (parts, levels), (more, others) = size(tree.left), size(tree.right)
            return 1 + parts + more, 1 + max(levels, others)
        case Not():
            parts, levels = size(tree.test)
            return 1 + parts, 1 + levels
        case _:
            return 1, 1


def _test(node: ast.expr, names: Names) -> Test:
    match node:
        case ast.BoolOp(op=op, values=values):
            word = "and" if isinstance(op, ast.And) else "or"
            tree = _test(values[0], names)
            for value in values[1:]:
                tree = Both(word, tree, _test(value, names))
            return tree
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            return Not(_test(operand, names))
        case ast.Compare(left=left, ops=[op], comparators=[right]) if type(op) in _SIGNS:
            return Compare(_SIGNS[type(op)], _number(left, names), _number(right, names))
        case ast.Name(id=name) if name not in names.limits:
            return names.guard(name)
    raise BadGuard(f"{ast.unparse(node)!r} is no test; write a comparison, a guard's name, and, or, not")


def _number(node: ast.expr, names: Names) -> Number:
    match node:
        case ast.Constant(value=int(value)) if not isinstance(value, bool) and 0 <= value <= LARGEST:
            return Const(value)
        case ast.Name(id=name):
            names.check("limit", name)
            return Limit(name)
        case ast.BinOp(left=left, op=ast.Add() | ast.Sub() as op, right=right):
            return Sum(_SIGNS[type(op)], _number(left, names), _number(right, names))
        case ast.Call(func=ast.Name(id="entered" | "taken" as kind), args=[ast.Name(id=name)], keywords=[]):
            names.check("state" if kind == "entered" else "signal", name)
            return Count(kind, name)
    raise BadGuard(
        f"{ast.unparse(node)!r} is no number; write entered(STATE), taken(SIGNAL), a limit, "
        f"a constant from 0 to {LARGEST}, + or -"
    )


def leaves(tree: Test | Number) -> Iterator[Const | Count | Limit | Opaque]:
    """Yield what an expression is made of, from left to right."""
    match tree:
        case Both() | Compare() | Sum():
            yield from leaves(tree.left)
            yield from leaves(tree.right)
        case Not():
            yield from leaves(tree.test)
        case _:
            yield tree


def fold(test: Test, limits: Mapping[str, float]) -> Test | bool:
    """Return the test with the limits put in: simpler, or decided, where the counts no longer matter."""
    match test:
        case Opaque():
            return test
        case Not():
            inner = fold(test.test, limits)
            return not inner if isinstance(inner, bool) else Not(inner)
        case Both():
            left, right = fold(test.left, limits), fold(test.right, limits)
            decides = test.word == "or"  # True decides an `or`, False an `and`; the other value drops out
            if isinstance(left, bool):
                return left if left is decides else right
            if isinstance(right, bool):
                return right if right is decides else left
            return Both(test.word, left, right)
        case Compare():
            return _fold_compare(test, limits)


def _fold_compare(test: Compare, limits: Mapping[str, float]) -> Test | bool:
    left, right = fold_number(test.left, limits), fold_number(test.right, limits)
    if (isinstance(left, Const) and isinstance(right, Const)) or _endless(left) or _endless(right):
        return COMPARE[test.sign](_value(left), _value(right))  # beside an infinity a count weighs nothing
    return Compare(test.sign, left, right)


def _endless(number: Number) -> bool:
    """Return whether a number is infinite, or the difference of two infinities, whatever is counted."""
    return isinstance(number, Const) and not (-math.inf < number.value < math.inf)


def _value(number: Number) -> float:
    return number.value if isinstance(number, Const) else 0.0


def fold_number(number: Number, limits: Mapping[str, float]) -> Number:
    """Return the number with the limits put in, added up as far as it goes."""
    match number:
        case Limit():
            return Const(limits[number.name])
        case Sum():
            left, right = fold_number(number.left, limits), fold_number(number.right, limits)
            sign = 1 if number.sign == "+" else -1
            if (isinstance(left, Const) and isinstance(right, Const)) or _endless(left) or _endless(right):
                return Const(_value(left) + sign * _value(right))  # a count is finite: an infinity swallows it
            return Sum(number.sign, left, right)
        case _:
            return number


def python(tree: Test | Number, counts: Mapping[Count, int]) -> str:
    """Return Python source: counts are `v[i]`, an opaque guard is `run._ask(name, signal)`."""
    match tree:
        case Both():
            return f"({python(tree.left, counts)} {tree.word} {python(tree.right, counts)})"
        case Not():
            return f"(not {python(tree.test, counts)})"
        case Compare():
            return f"({python(tree.left, counts)} {tree.sign} {python(tree.right, counts)})"
        case Sum():
            return f"({python(tree.left, counts)} {tree.sign} {python(tree.right, counts)})"
        case Opaque():
            return f"run._ask({tree.name!r}, signal)"
        case Count():
            return f"v[{counts[tree]}]"
        case Const():
            return repr(tree.value)
        case Limit():
            raise AssertionError(f"{tree.name}: fold the limits in first")


def atoms(test: Test) -> Iterator[Compare | Opaque]:
    """Yield the comparisons and opaque guards of a test."""
    match test:
        case Both():
            yield from atoms(test.left)
            yield from atoms(test.right)
        case Not():
            yield from atoms(test.test)
        case _:
            yield test


def holds(test: Test, answers: Mapping[Compare | Opaque, bool]) -> bool:
    """Return the value of a test whose comparisons and opaque guards answer as given."""
    match test:
        case Both(word="and"):
            return holds(test.left, answers) and holds(test.right, answers)
        case Both():
            return holds(test.left, answers) or holds(test.right, answers)
        case Not():
            return not holds(test.test, answers)
        case _:
            return answers[test]


def selectable(tests: list[Test | None]) -> set[int]:
    """Return which of a cell's choices some answers of their atoms select; None stands for "no guard".

    Atoms are taken as independent of each other, so what is missing from the set can surely never be selected.

    Raises:
        BadGuard: the cell asks more than `MOST_ATOMS` different things.
    """
    asked = list(dict.fromkeys(atom for test in tests if test is not None for atom in atoms(test)))
    if len(asked) > MOST_ATOMS:
        raise BadGuard(
            f"asks {len(asked)} different comparisons and opaque guards; at most {MOST_ATOMS} can be checked"
        )
    found: set[int] = set()
    for values in itertools.product((True, False), repeat=len(asked)):
        answers = dict(zip(asked, values, strict=True))
        found.add(next((i for i, test in enumerate(tests) if test is None or holds(test, answers)), -1))
    return found - {-1}


def linear(number: Number) -> dict[Count, int]:
    """Return how often each count enters a number, with its sign; constants and limits are left out."""
    match number:
        case Count():
            return {number: 1}
        case Sum():
            sign = 1 if number.sign == "+" else -1
            total = linear(number.left)
            for count, factor in linear(number.right).items():
                total[count] = total.get(count, 0) + sign * factor
            return total
        case _:
            return {}


def bounds(test: Test) -> Iterator[tuple[Number, Number]]:
    """Yield (what grows, what bounds it) for every conjunct `A < B` or `A <= B` (or turned round) of a test."""
    match test:
        case Both(word="and"):
            yield from bounds(test.left)
            yield from bounds(test.right)
        case Compare(sign="<" | "<="):
            yield test.left, test.right
        case Compare(sign=">" | ">="):
            yield test.right, test.left
        case _:
            return
