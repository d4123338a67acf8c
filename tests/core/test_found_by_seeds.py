"""What `python -m tests.simulate` has found, each reduced to as little as shows it."""

from __future__ import annotations

import pytest

from interlock import Flow, task
from interlock.states import Failed, Mapped


@pytest.mark.parametrize("executor", [None, "threads"])
def test_failing_fast_ends_maps_whose_children_are_over(executor: str | None) -> None:
    """What fails is a child of a map over another map, whose own children are over while it is not."""
    with Flow("fast") as flow:
        first = task(lambda x: x, name="first").map([1])
        second = task(lambda x: 1 / 0, name="second").map(first)
    state = flow.run(fail_fast=True, executor=executor)
    assert type(state) is Failed
    assert type(state.result[first]) is type(state.result[second]) is Mapped
