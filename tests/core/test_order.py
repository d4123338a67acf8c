"""The order that is kept while edges are added: against a naive search, and what it costs."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Callable, Iterator
from types import FrameType

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from interlock import Flow, Task
from interlock._order import Order

PAIRS = st.tuples(st.integers(0, 11), st.integers(0, 11))


class Naive:
    """A graph that searches for a way back before each edge."""

    def __init__(self, size: int) -> None:
        self.downs: dict[int, list[int]] = {item: [] for item in range(size)}

    def reaches(self, start: int, end: int) -> bool:
        seen, todo = {start}, [start]
        for item in todo:
            for other in self.downs[item]:
                if other not in seen:
                    seen.add(other)
                    todo.append(other)
        return end in seen


@settings(max_examples=300, deadline=None)
@given(st.lists(PAIRS, max_size=60))
def test_an_edge_is_refused_where_a_search_finds_a_way_back(pairs: list[tuple[int, int]]) -> None:
    """For any sequence of edges, those that would close a circle are refused, with the circle, and no others."""
    naive = Naive(12)
    ups: dict[int, list[int]] = {item: [] for item in range(12)}
    order: Order[int] = Order(lambda item: ups[item], lambda item: naive.downs[item])
    for item in range(12):
        order.add(item)
    for up, down in pairs:
        back = naive.reaches(down, up)
        before = list(order)
        circle = order.connect(up, down)
        assert bool(circle) is back
        if circle:
            assert list(order) == before
            assert (circle[0], circle[-1]) == (down, up)
            assert all(b in naive.downs[a] for a, b in itertools.pairwise(circle))
            continue
        naive.downs[up].append(down)
        ups[down].append(up)
        places = {item: place for place, item in enumerate(order)}
        assert len(places) == 12
        assert all(places[one] < places[other] for one, others in naive.downs.items() for other in others)
        labels = [order._places[item].label for item in order]
        assert labels == sorted(set(labels))


def test_a_crowded_place_is_given_room() -> None:
    """Ten thousand items put one after the other between the same two stay in order."""
    ups: dict[int, list[int]] = {}
    downs: dict[int, list[int]] = {}
    order: Order[int] = Order(lambda item: ups.get(item, []), lambda item: downs.get(item, []))
    count = 10_000
    for item in range(2 * count + 2):
        order.add(item)
    expected = [1, 0]
    downs[1], ups[0] = [0], [1]
    assert order.connect(1, 0) == []
    for item in range(2, 2 * count, 2):  # each, with one behind it, must go between the first two
        downs[item], ups[item + 1] = [item + 1], [item]
        assert order.connect(item, item + 1) == []
        assert order.connect(item, 0) == []
        downs[item].append(0)
        ups[0].append(item)
        expected.append(item)
    found = list(order)
    assert len(found) == len(set(found)) == 2 * count + 2
    labels = [order._places[item].label for item in found]
    assert labels == sorted(set(labels))
    places = {item: place for place, item in enumerate(found)}
    assert all(places[item] < places[0] for item in expected if item)


def chain_down(tasks: Iterator[Task], flow: Flow, size: int) -> None:
    last = flow.add_task(next(tasks))
    for _ in range(size):
        node = next(tasks)
        flow.add_edge(last, node)
        last = node


def chain_up(tasks: Iterator[Task], flow: Flow, size: int) -> None:
    last = flow.add_task(next(tasks))
    for _ in range(size):
        node = next(tasks)
        flow.add_edge(node, last)
        last = node


def chain_of_all_from_the_end(tasks: Iterator[Task], flow: Flow, size: int) -> None:
    nodes = [flow.add_task(next(tasks)) for _ in range(size + 1)]
    for place in range(size, 0, -1):
        flow.add_edge(nodes[place - 1], nodes[place])


def chain_of_all_against_the_order(tasks: Iterator[Task], flow: Flow, size: int) -> None:
    nodes = [flow.add_task(next(tasks)) for _ in range(size + 1)]
    for place in range(size):
        flow.add_edge(nodes[place + 1], nodes[place])


def fan_out(tasks: Iterator[Task], flow: Flow, size: int) -> None:
    root = flow.add_task(next(tasks))
    for _ in range(size):
        flow.add_edge(root, next(tasks))


def fan_in(tasks: Iterator[Task], flow: Flow, size: int) -> None:
    root = flow.add_task(next(tasks))
    for _ in range(size):
        flow.add_edge(next(tasks), root)


def diamonds(tasks: Iterator[Task], flow: Flow, size: int) -> None:
    last = flow.add_task(next(tasks))
    for _ in range(size // 3):
        left, right, end = next(tasks), next(tasks), next(tasks)
        for up, down in ((right, end), (left, end), (last, left), (last, right)):
            flow.add_edge(up, down)
        last = end


SHAPES = [chain_down, chain_up, chain_of_all_from_the_end, chain_of_all_against_the_order, fan_out, fan_in, diamonds]


@pytest.mark.parametrize("build", SHAPES, ids=lambda build: build.__name__)
def test_building_is_linear(build: Callable[[Iterator[Task], Flow, int], None]) -> None:
    """From 1,000 to 10,000 tasks an edge costs the same number of calls, in whichever direction a flow is built."""

    def cost(size: int) -> int:
        flow = Flow("large")
        tasks = iter([Task("t") for _ in range(size + 2)])
        count = 0

        def tell(frame: FrameType, event: str, argument: object) -> None:
            nonlocal count
            count += event in ("call", "c_call")

        before = sys.getprofile()
        sys.setprofile(tell)
        try:
            build(tasks, flow, size)
        finally:
            sys.setprofile(before)
        return count

    cost(10)
    assert cost(10_000) <= 10.5 * cost(1_000)
