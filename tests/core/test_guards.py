"""Guards as trees: what a text means, what is left of it once the limits are known, and what it bounds."""

from __future__ import annotations

import math
from collections.abc import Mapping

import pytest
from guard_trees import (
    BACK,
    COUNTS,
    DRY,
    FEW,
    GO,
    LESS,
    LIMITS,
    MANY,
    NAMES,
    PLACES,
    SETTINGS,
    WARM,
    answers,
    check,
    counts,
    limits,
    number,
    numbers,
    parse,
    trees,
    value,
)
from hypothesis import given
from hypothesis import strategies as st

from interlock import _guards
from interlock._guards import BadGuard, Both, Compare, Const, Count, Limit, Names, Not, Number, Opaque, Sum, Test


class Run:
    """What the source of a guard asks for opaque answers."""

    def __init__(self, answers: Mapping[str, bool]) -> None:
        self.answers = answers

    def _ask(self, name: str, signal: object) -> bool:
        assert signal == "GO"
        return self.answers[name]


def rendered(test: Test, counts: Mapping[Count, int], answers: Mapping[str, bool]) -> object:
    """Return what the Python source of a test evaluates to."""
    values = tuple(counts[count] for count in COUNTS)
    names = {"v": values, "run": Run(answers), "signal": "GO", "__builtins__": {}}
    return eval(_guards.python(test, PLACES), names)  # eval: it is source that is under test


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("dry", DRY),
        ("taken(GO) < few", LESS),
        ("  taken(GO)<few ", LESS),
        ("(((taken(GO)) < (few)))", LESS),
        ("entered(Open) >= 2", Compare(">=", Count("entered", "Open"), Const(2))),
        ("few != 1000", Compare("!=", FEW, Const(1000))),
        ("0 == many", Compare("==", Const(0), MANY)),
        ("taken(GO) + 1 > 0", Compare(">", Sum("+", GO, Const(1)), Const(0))),
        ("taken(GO) - few + 1 <= 0", Compare("<=", Sum("+", Sum("-", GO, FEW), Const(1)), Const(0))),
        ("taken(GO) - (few + 1) <= 0", Compare("<=", Sum("-", GO, Sum("+", FEW, Const(1))), Const(0))),
        ("not dry", Not(DRY)),
        ("not not dry", Not(Not(DRY))),
        ("not taken(GO) < few", Not(LESS)),
        ("dry and warm and taken(GO) < few", Both("and", Both("and", DRY, WARM), LESS)),
        ("dry and (warm and dry)", Both("and", DRY, Both("and", WARM, DRY))),
        ("dry or warm and dry", Both("or", DRY, Both("and", WARM, DRY))),
        ("(dry or warm) and dry", Both("and", Both("or", DRY, WARM), DRY)),
        ("not (dry or warm)", Not(Both("or", DRY, WARM))),
        ("not dry or warm", Both("or", Not(DRY), WARM)),
    ],
)
def test_a_text_has_one_meaning(text: str, tree: Test) -> None:
    """`not` binds before `and`, `and` before `or`, and what stands in a row is taken from the left."""
    assert parse(text) == tree


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("few", "'few' is no test; write a comparison, a guard's name, and, or, not"),
        ("wet", "no guard wet"),
        ("taken(STAY) < 1", "no signal STAY"),
        ("entered(Ajar) < 1", "no state Ajar"),
        ("taken(GO) < lots", "no limit lots"),
        ("taken(GO) < dry", "no limit dry"),
        ("taken(GO) <", "'taken(GO) <' is no expression"),
    ],
)
def test_a_text_that_is_no_guard(text: str, problem: str) -> None:
    """What is wrong is said, whether the text or a name in it."""
    with pytest.raises(BadGuard) as caught:
        parse(text)
    assert str(caught.value) == problem


def test_a_text_as_long_as_a_guard_may_be() -> None:
    """The length that is named is let through, and one character more is not."""
    assert parse("dry".ljust(500)) == DRY
    with pytest.raises(BadGuard) as caught:
        parse("dry".ljust(501))
    assert str(caught.value) == "is 501 characters long; 500 are enough for a guard"


def test_a_guard_may_ask_another() -> None:
    """The tree of a guard stands where its name does."""
    names = Names(check, NAMES.limits, {"again": parse("taken(GO) < few or dry")}.__getitem__)
    assert _guards.parse("again and not again", names) == Both("and", Both("or", LESS, DRY), Not(Both("or", LESS, DRY)))


@SETTINGS
@given(trees)
def test_a_tree_is_read_back_from_its_text(tree: Test) -> None:
    """The text of a tree means that tree and no other."""
    assert parse(str(tree)) == tree


@SETTINGS
@given(trees, counts, limits, answers)
def test_the_source_of_a_folded_tree_answers_as_the_tree(
    tree: Test, counts: dict[Count, int], limits: dict[str, float], answers: dict[str, bool]
) -> None:
    """Whether the limits are put in first or last, and whoever evaluates it, the answer is the same."""
    folded = _guards.fold(tree, limits)
    answer = folded if isinstance(folded, bool) else rendered(folded, counts, answers)
    assert answer is value(tree, counts, limits, answers)


@SETTINGS
@given(trees, limits)
def test_a_folded_tree_is_as_small_as_the_limits_allow(tree: Test, limits: dict[str, float]) -> None:
    """What is left names no limit, asks nothing that is decided, and is not made smaller by folding it once more."""
    folded = _guards.fold(tree, limits)
    if isinstance(folded, bool):
        return
    for atom in _guards.atoms(folded):
        left = [*_guards.leaves(atom)]
        assert any(isinstance(leaf, Count | Opaque) for leaf in left)
        assert all(math.isfinite(leaf.value) for leaf in left if isinstance(leaf, Const))
        assert not any(isinstance(leaf, Limit) for leaf in left)
    assert _guards.fold(folded, {}) == folded


@pytest.mark.parametrize(
    ("text", "limits", "folded"),
    [
        ("few < many", {"few": 1, "many": 2}, True),
        ("few < many", {"few": 2, "many": 2}, False),
        ("few < many", {"few": 2, "many": math.inf}, True),
        ("taken(GO) < few", {"few": math.inf}, True),
        ("few <= taken(GO)", {"few": math.inf}, False),
        ("taken(GO) != few", {"few": math.inf}, True),
        ("taken(GO) - few > taken(BACK)", {"few": math.inf}, False),
        ("taken(GO) < few", {"few": 2}, Compare("<", GO, Const(2))),
        ("taken(GO) < few + 1", {"few": 2}, Compare("<", GO, Const(3))),
        ("taken(GO) + few < 1", {"few": 2}, Compare("<", Sum("+", GO, Const(2)), Const(1))),
        ("dry and few > 0", {"few": 1}, DRY),
        ("dry and few > 0", {"few": 0}, False),
        ("few > 0 or dry", {"few": 1}, True),
        ("few > 0 or dry", {"few": 0}, DRY),
        ("not (few > 0 and dry)", {"few": 0}, True),
        ("not (few > 0 and dry)", {"few": 1}, Not(DRY)),
        ("few - many < taken(GO)", {"few": math.inf, "many": math.inf}, False),
        ("few - many != taken(GO)", {"few": math.inf, "many": math.inf}, True),
        ("few - many + taken(GO) < 1", {"few": math.inf, "many": math.inf}, False),
    ],
)
def test_what_limits_leave_of_a_guard(text: str, limits: dict[str, float], folded: Test | bool) -> None:
    """A limit decides what it can; infinity minus infinity is no number, and compares like none."""
    assert _guards.fold(parse(text), limits) == folded


@pytest.mark.parametrize(
    ("text", "source"),
    [
        ("taken(GO) < 3", "(v[2] < 3)"),
        ("not dry and entered(Shut) - 1 == 0", "((not run._ask('dry', signal)) and ((v[1] - 1) == 0))"),
    ],
)
def test_the_source_of_a_tree(text: str, source: str) -> None:
    """Counts are looked up by their place, and opaque guards are asked of the run."""
    assert _guards.python(parse(text), PLACES) == source


def test_a_limit_has_no_source() -> None:
    """A tree is rendered once its limits are known, for a run has no place to look them up."""
    with pytest.raises(AssertionError, match="few: fold the limits in first"):
        _guards.python(LESS, PLACES)


@SETTINGS
@given(trees, counts, limits, answers)
def test_a_tree_is_what_its_atoms_make_of_it(
    tree: Test, counts: dict[Count, int], limits: dict[str, float], answers: dict[str, bool]
) -> None:
    """The answers of its comparisons and opaque guards decide the answer of a tree."""
    each = {atom: value(atom, counts, limits, answers) for atom in _guards.atoms(tree)}
    assert _guards.holds(tree, each) is value(tree, counts, limits, answers)


def test_leaves_and_atoms_from_left_to_right() -> None:
    """Both are yielded in the order of the text, as often as they stand in it."""
    tree = parse("not (dry or taken(GO) - 1 < few) and dry")
    assert [*_guards.leaves(tree)] == [DRY, GO, Const(1), FEW, DRY]
    assert [*_guards.atoms(tree)] == [DRY, Compare("<", Sum("-", GO, Const(1)), FEW), DRY]


@SETTINGS
@given(numbers, counts, st.fixed_dictionaries({name: st.integers(0, 9) for name in LIMITS}))
def test_a_number_is_linear(tree: Number, counts: dict[Count, int], limits: dict[str, int]) -> None:
    """A number grows from its value at no counts by each count times its factor."""
    grown = sum(factor * counts[count] for count, factor in _guards.linear(tree).items())
    assert number(tree, counts, limits) == number(tree, dict.fromkeys(COUNTS, 0), limits) + grown


@pytest.mark.parametrize(
    ("text", "factors"),
    [
        ("few + 3", {}),
        ("taken(GO)", {GO: 1}),
        ("taken(GO) + taken(GO) + 1", {GO: 2}),
        ("taken(GO) - taken(BACK)", {GO: 1, BACK: -1}),
        ("few - (taken(GO) - taken(BACK))", {GO: -1, BACK: 1}),
        ("taken(GO) - taken(GO)", {GO: 0}),
    ],
)
def test_the_factors_of_a_number(text: str, factors: dict[Count, int]) -> None:
    """Each count has the sign and the number of times with which it stands in the sum."""
    tree = parse(f"{text} < 0")
    assert isinstance(tree, Compare)
    assert _guards.linear(tree.left) == factors


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("taken(GO) < few", [(GO, FEW)]),
        ("taken(GO) <= few", [(GO, FEW)]),
        ("few > taken(GO)", [(GO, FEW)]),
        ("few >= taken(GO)", [(GO, FEW)]),
        ("taken(GO) < few and dry and many > taken(BACK)", [(GO, FEW), (BACK, MANY)]),
        ("taken(GO) == few", []),
        ("taken(GO) != few", []),
        ("not taken(GO) >= few", []),
        ("taken(GO) < few or dry", []),
        ("(taken(GO) < few or dry) and taken(BACK) < few", [(BACK, FEW)]),
        ("dry", []),
    ],
)
def test_what_a_guard_bounds(text: str, found: list[tuple[Number, Number]]) -> None:
    """A conjunct that keeps one number below another is a bound; what only may hold is none."""
    assert [*_guards.bounds(parse(text))] == found


@SETTINGS
@given(trees, counts, limits, answers)
def test_a_guard_that_holds_keeps_its_bounds(
    tree: Test, counts: dict[Count, int], limits: dict[str, float], answers: dict[str, bool]
) -> None:
    """Where a guard says yes, each number that it bounds is at most its bound."""
    if value(tree, counts, limits, answers):
        for grows, bound in _guards.bounds(tree):
            assert number(grows, counts, limits) <= number(bound, counts, limits)
