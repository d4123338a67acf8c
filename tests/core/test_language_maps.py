"""`mapped`, `unmapped` and `flatten` as marks of arguments."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from acts import does

from interlock import Flow, apply_map, flatten, mapped, states, task, triggers, unmapped
from interlock.signals import FAIL, PAUSE, SKIP


@task
def same(x: Any) -> Any:
    return x


@task
def upto(n: int) -> list[int]:
    return list(range(n))


@task
def pair(x: object, y: object) -> object:
    return x, y


def test_a_mark_of_one_argument() -> None:
    """`mapped(...)` maps one argument of a call, `unmapped(...)` keeps one of a map whole; the inner mark counts."""
    with Flow("marks") as flow:
        a = pair(mapped(same([1, 2])), "x")
        b = pair.map(same([1, 2]), unmapped(same([3, 4])))
        c = pair.map([1, 2], unmapped(mapped([3, 4])))
        d = pair(mapped([1, 2]), [3, 4])
    results = flow.run().result
    assert [results[node].result for node in (a, b, c, d)] == [
        [(1, "x"), (2, "x")],
        [(1, [3, 4]), (2, [3, 4])],
        [(1, 3), (2, 4)],
        [(1, [3, 4]), (2, [3, 4])],
    ]


NESTED: dict[str, tuple[object, list[object]]] = {
    "lists": ([[1, 2], [], [3]], [1, 2, 3]),
    "mixed": ([[1], 2, "ab", None, {"a": 1}, (3, 4)], [1, 2, "ab", None, {"a": 1}, 3, 4]),
    "deep": ([[[1], [2]], [[3]]], [[1], [2], [3]]),
    "flat": ([1, 2], [1, 2]),
    "empty": ([], []),
    "tuple of sets": (({1}, {2}), [1, 2]),
}


@pytest.mark.parametrize("name", NESTED)
def test_one_level_is_taken_out(name: str) -> None:
    """`flatten` takes one level out of a list of lists, to map over it or whole; texts and dicts are no levels."""
    value, flat = NESTED[name]
    with Flow("flat") as flow:
        each, whole = same.map(flatten(same(value))), same(flatten(same(value)))
        constant = same.map(flatten(value))
    results = flow.run().result
    assert results[each].result == results[whole].result == results[constant].result == flat


@pytest.mark.parametrize("value", [5, None, "text", {"a": [1]}])
def test_what_has_no_levels_stays(value: object) -> None:
    """Whole, what is no collection is taken as it is; to be mapped over it is one element."""
    with Flow("none") as flow:
        whole, each = same(flatten(same(value))), same.map(flatten(same(value)))
    results = flow.run().result
    assert (results[whole].result, results[each].result) == (value, [value])


def test_children_are_taken_apart() -> None:
    """Over a map, the children's lists are laid end to end, once they are all over; chains may go on from there."""
    with Flow("children") as flow:
        lists = upto.map([2, 0, 3])
        each = pair.map(flatten(lists), unmapped("x"))
        again = same.map(flatten(upto.map(flatten(lists))))
        whole = same(flatten(lists))
        two = pair.map(flatten(lists), flatten(lists))
    results = flow.run().result
    assert results[each].result == [(0, "x"), (1, "x"), (0, "x"), (1, "x"), (2, "x")]
    assert results[again].result == [0, 0, 0, 1]
    assert results[whole].result == [0, 1, 0, 1, 2]
    assert results[two].result == [(x, x) for x in (0, 1, 0, 1, 2)]


def test_children_without_a_list_are_one_element() -> None:
    """A child that failed or was skipped is one element, whose task sees how it ended; another value is one too."""
    bodies = [[1, 2], FAIL("no"), SKIP("none"), 7, None]
    with Flow("ends") as flow:
        lists = task(lambda place: does(bodies[place])()).map(list(range(5)))
        each = same.map(flatten(lists))
        kept = task(trigger=triggers.all_finished, skip_on_upstream_skip=False)(lambda x: x).map(flatten(lists))
    results = flow.run().result
    assert [type(child) for child in results[each].map_states] == [
        states.Success,
        states.Success,
        states.TriggerFailed,
        states.Skipped,
        states.Success,
        states.Success,
    ]
    assert results[kept].result == [1, 2, None, None, 7, None]


def test_a_flow_that_waits_goes_on_with_what_is_flat() -> None:
    """A child that pauses holds the flattened map up until it is resumed, also in a flow that was stored."""
    with Flow("waits") as flow:
        lists = task(lambda n: does(PAUSE("look"))() if n == 2 and not resumed() else list(range(n))).map([1, 2])
        each = same.map(flatten(lists))
        after = same(each)
    rested = flow.run()
    assert type(rested) is states.Paused
    assert flow.resume(rested).result[after].result == [0, 0, 1]


def resumed() -> bool:
    from interlock import context

    return bool(context.get("resume"))


def test_a_result_that_cannot_be_taken_apart_fails() -> None:
    """What raises while it is looked through fails the task that asked for it, before it starts, and nothing else."""

    class Torn:
        def __iter__(self) -> Iterator[int]:
            yield 1
            raise ValueError("torn")

    with Flow("torn") as flow:
        torn = same(Torn())
        each, whole, other = same.map(flatten(torn)), same(flatten(torn)), same(1)
    results = flow.run().result
    assert results[each].message == "Cannot map over the result of same: ValueError: torn"
    assert results[whole].message == "Before the start: ValueError: torn"
    assert [type(results[node]) for node in (each, whole, other)] == [states.Failed, states.Failed, states.Success]


def test_flatten_in_a_function_that_is_mapped() -> None:
    """`apply_map` takes no flattened arguments, and says what to do."""
    with Flow("applied"), pytest.raises(ValueError, match="map over flatten"):
        apply_map(same, flatten(same([1])))
