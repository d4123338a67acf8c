"""Which choices of a cell can be chosen at all: what shadowed ones are found by."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable

import pytest
from guard_trees import DRY, GO, SETTINGS, answers, counts, limits, parse, trees, value
from hypothesis import given
from hypothesis import strategies as st

from interlock import _guards
from interlock._guards import BadGuard, Both, Compare, Const, Count, Not, Opaque, Test


def chosen(choices: list[Test | None], each: Callable[[Test], bool]) -> int | None:
    """Return the first choice that asks nothing or whose test holds."""
    return next((place for place, test in enumerate(choices) if test is None or each(test)), None)


@SETTINGS
@given(st.lists(trees, max_size=3), st.booleans(), counts, limits, answers)
def test_what_is_chosen_was_selectable(
    asked: list[Test], last: bool, counts: dict[Count, int], limits: dict[str, float], answers: dict[str, bool]
) -> None:
    """No run chooses what was said to be out of reach."""
    choices: list[Test | None] = [*asked, *([None] if last else [])]
    place = chosen(choices, lambda test: value(test, counts, limits, answers))
    assert place is None or place in _guards.selectable(choices)


free = st.recursive(
    st.builds(Opaque, st.sampled_from("abcd")),
    lambda inner: st.builds(Not, inner) | st.builds(Both, st.sampled_from(["and", "or"]), inner, inner),
    max_leaves=4,
)


@SETTINGS
@given(st.lists(free, max_size=4))
def test_what_is_selectable_is_chosen_by_some_answers(asked: list[Test]) -> None:
    """Where nothing but opaque guards is asked, the choices within reach are those that some answers choose."""
    choices: list[Test | None] = [*asked, None]
    found: set[int | None] = set()
    for each in itertools.product((True, False), repeat=4):
        given_answers = dict(zip("abcd", each, strict=True))
        found.add(chosen(choices, functools.partial(value, counts={}, limits={}, answers=given_answers)))
    assert _guards.selectable(choices) == found


@pytest.mark.parametrize(
    ("texts", "found"),
    [
        ([], set()),
        ([None], {0}),
        (["dry"], {0}),
        (["dry", None], {0, 1}),
        (["dry", "dry", None], {0, 2}),
        (["dry", "dry and warm", None], {0, 2}),
        (["dry and warm", "dry", None], {0, 1, 2}),
        (["dry", "not dry", None], {0, 1}),
        (["dry or not dry", None], {0}),
        (["dry and not dry", None], {1}),
        ([None, "dry", None], {0}),
        (["taken(GO) < 1", "taken(GO) < 1", None], {0, 2}),
        (["taken(GO) < 2", "taken(GO) < 1", None], {0, 1, 2}),
    ],
)
def test_which_choices_are_selectable(texts: list[str | None], found: set[int]) -> None:
    """A choice whose answer is always given before is found; comparisons are taken as independent of each other."""
    assert _guards.selectable([text if text is None else parse(text) for text in texts]) == found


def test_a_cell_may_ask_ten_things() -> None:
    """Ten different atoms are looked at in all their combinations, and the eleventh is one too many."""
    ten: list[Test | None] = [Compare("==", GO, Const(number)) for number in range(10)]
    assert _guards.selectable([*ten, *ten, None]) == {*range(10), 20}
    with pytest.raises(BadGuard) as caught:
        _guards.selectable([*ten, DRY, None])
    assert str(caught.value) == "asks 11 different comparisons and opaque guards; at most 10 can be checked"
