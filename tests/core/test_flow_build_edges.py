"""Building flows: upstreams, parameters and reference tasks."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import FrameType

import pytest
from acts import it, placed, refused, value_of
from flows_small import add, echo, pair, seven

from interlock import Flow, Parameter, Task, states, task
from interlock._edges import Edge
from interlock._values import Collection, ParameterTask


def fail() -> None:
    raise ValueError("no")


# Upstreams


def test_upstream_tasks_give_order_and_no_value() -> None:
    """`upstream_tasks` come before a task, and hand nothing on; to name one twice is to name it once."""
    ran: list[str] = []

    @task
    def note(text: str) -> str:
        ran.append(text)
        return text

    with Flow("order") as flow:
        last = note.copy()
        first = it(note("first"))
        second = placed(note, "second", upstream_tasks=[first])
        last.bind("third", upstream_tasks=[second, second])
    flow.run()
    assert ran == ["first", "second", "third"]
    assert flow.edges == (Edge(first, second), Edge(second, last))


def test_a_collection_may_come_before() -> None:
    """A collection in `upstream_tasks` waits for all of its tasks."""
    with Flow("order") as flow:
        node = placed(add, 1, upstream_tasks=[[seven(), seven()]])
    assert [edge.upstream.name for edge in flow.edges_to(node)] == ["List"]
    assert value_of(flow, node) == 2


def test_edges_by_hand() -> None:
    """`add_task`, `add_edge`, `set_dependencies` and `set_upstream` build what calls build."""
    a, b, c, d, e = (echo.copy(), echo.copy(), pair.copy(), echo.copy(), echo.copy())
    flow = Flow("by hand")
    assert flow.add_task(a) is a
    flow.set_dependencies(a, keyword_tasks={"value": 5})
    edge = flow.add_edge(a, b, key="value")
    assert edge == Edge(a, b, "value")
    flow.set_dependencies(c, upstream_tasks=[b], downstream_tasks=[d, e], keyword_tasks={"x": b, "y": [1, a]})
    d.set_upstream(a, flow, key="value")
    e.set_upstream(a, flow=flow)
    flow.set_dependencies(e, keyword_tasks={"value": [c, d]})
    assert flow.add_edge(a, e) == Edge(a, e)
    collected = next(node for node in flow if isinstance(node, Collection) and flow.downstream_tasks(node) == (c,))
    assert flow.upstream_tasks(c) == (b, collected)
    assert flow.downstream_tasks(c)[:2] == (d, e)
    assert flow.edges_to(d) == (Edge(c, d), Edge(a, d, "value"))
    assert flow.edges_from(b) == (Edge(b, c), Edge(b, c, "x"))
    assert flow.root_tasks() == (a,)
    assert flow.terminal_tasks() == (e,)
    assert sorted(flow.sorted_tasks(), key=flow.tasks.index) == list(flow.tasks)
    assert [value_of(flow, node) for node in (a, b, c, d)] == [5, 5, (5, [1, 5]), 5]
    assert value_of(flow, e) == [(5, [1, 5]), 5]


def test_a_map_by_hand() -> None:
    """An edge with `mapped=True` makes a child for each element."""
    a, b = echo.copy(), add.copy()
    flow = Flow("by hand")
    flow.set_dependencies(a, keyword_tasks={"value": [1, 2]})
    flow.add_edge(a, b, key="x", mapped=True)
    assert flow.run().result[b].result == [2, 3]


def test_edges_as_text() -> None:
    """An edge shows both ends, the argument, and whether it is mapped."""
    a, b = Task("a"), Task("b")
    assert repr(Edge(a, b)) == "<Edge: a -> b>"
    assert repr(Edge(a, b, "x")) == "<Edge: a -> b(x)>"
    assert repr(Edge(a, b, "x", mapped=True)) == "<Edge: a => each of b(x)>"
    assert repr(Flow("f", tasks=[a, b])) == "<Flow: f, 2 tasks>"


def test_a_flow_that_grew_runs_as_it_is() -> None:
    """A flow may be added to after it has run: the next run is of the flow as it is then."""
    with Flow("growing") as flow:
        one = add(1)
    assert value_of(flow, one) == 2
    with flow:
        two = add(one)
    assert value_of(flow, two) == 3
    flow.set_reference_tasks([one])
    failing = task(fail)
    flow.add_task(failing)
    assert flow.run().is_successful()
    flow.set_reference_tasks([failing])
    assert flow.run().is_failed()


# Parameters


def test_parameters() -> None:
    """A parameter is what `run` was given, by name or in a mapping, or its default; the name wins."""
    with Flow("parameters") as flow:
        x, y = Parameter("x"), Parameter("y", default=10)
        node = add(x, y)
    assert [value_of(flow, node, x=1), value_of(flow, node, x=1, y=2)] == [11, 3]
    assert flow.run({"x": 1, "y": 5}, y=2).result[node].result == 3
    assert flow.run(x=3).result["x"] == states.Success(None, 3)
    assert [(p.name, p.slug, p.required, p.default) for p in flow.parameters()] == [
        ("x", "x", True, None),
        ("y", "y", False, 10),
    ]
    assert repr(flow.parameters()) == "(<Parameter: x>, <Parameter: y>)"


def test_a_parameter_that_is_called_is_itself() -> None:
    """There is one parameter of a name in a flow: calling it adds it, and using it twice is one task."""
    size = ParameterTask("size", default=1)
    with Flow("parameters") as flow:
        assert size() is size
        total = placed(add, size, size)
    assert flow.parameters() == (size,)
    assert value_of(flow, total, size=4) == 8


def test_a_parameter_may_be_mapped_over() -> None:
    """A parameter's value may be what a map goes over, and stand in a collection."""
    with Flow("parameters") as flow:
        values = ParameterTask("values")
        node = add.map(values)
        both = echo([values, 1])
    results = flow.run(values=[1, 2, 3]).result
    assert (results[node].result, results[both].result) == ([2, 3, 4], [[1, 2, 3], 1])


@pytest.mark.parametrize("default", [None, 0, ""])
def test_a_default_that_is_falsy_is_a_default(default: object) -> None:
    """None and other falsy values are defaults like any other."""
    with Flow("parameters") as flow:
        node = echo(Parameter("x", default))
    assert value_of(flow, node) == default


def test_parameters_that_are_missing_or_unknown() -> None:
    """A parameter without a default must be given, also one that says so, and no other may be."""
    with Flow("nightly") as flow:
        add(Parameter("size"), Parameter("count", 2, required=True))
    assert refused(flow.run) == "flow 'nightly' needs a value for its parameter 'size': run(size=...)"
    assert refused(lambda: flow.run(size=1)) == "flow 'nightly' needs a value for its parameter 'count': run(count=...)"
    assert refused(lambda: flow.run(size=1, cuont=2)) == (
        "flow 'nightly' has no parameter 'cuont'; it has: size, count. Did you mean 'count'?"
    )
    assert refused(lambda: Flow("bare").run({"x": 1})) == "flow 'bare' has no parameter 'x'; it has: none."
    with Flow("two", tasks=[ParameterTask("x")]) as two:
        assert refused(lambda: echo(Parameter("x"))) == (
            "flow 'two': two tasks with the slug 'x'; a slug is for one task"
        )
    assert len(two.parameters()) == 1


# Reference tasks


def test_reference_tasks() -> None:
    """The tasks at the end decide how a flow ends, unless others are named."""
    flow = Flow("references")
    first, last = Task("first"), Task("last")
    flow.add_edge(first, last)
    assert flow.reference_tasks() == flow.terminal_tasks() == (last,)
    flow.set_reference_tasks([first])
    assert flow.reference_tasks() == (first,)
    named = Flow("named", tasks=[first, last], reference_tasks=[last])
    assert named.reference_tasks() == (last,)


def test_reference_tasks_decide() -> None:
    """A failed task at the end does not fail a flow whose reference tasks succeeded, and the other way round."""
    with Flow("references") as flow:
        good = seven()
        bad = placed(task(fail), upstream_tasks=[good])
    assert flow.run().is_failed()
    flow.set_reference_tasks([good])
    assert flow.run().is_successful()
    flow.set_reference_tasks([good, bad])
    assert flow.run().is_failed()


# Size


def calls(work: Callable[[], object]) -> int:
    """Return how many Python functions and steps of generators some work takes: the same on every machine."""
    count = 0

    def tell(_frame: FrameType, event: str, _argument: object) -> None:
        nonlocal count
        count += event == "call"

    before = sys.getprofile()
    sys.setprofile(tell)
    try:
        work()
    finally:
        sys.setprofile(before)
    return count


def gathered(length: int) -> None:
    with Flow("long"):
        echo([seven() for _ in range(length)])


def waited(length: int) -> None:
    with Flow("long"):
        placed(seven, upstream_tasks=[seven() for _ in range(length)])


def named(length: int) -> None:
    with Flow("long"):
        placed(task(lambda **values: values), **{f"x{place}": seven() for place in range(length)})


@pytest.mark.parametrize("build", [gathered, waited, named])
def test_an_edge_costs_the_same_in_a_large_flow(build: Callable[[int], None]) -> None:
    """The work of building grows with the number of edges, not faster: as much from 200 to 300 as from 100 to 200."""
    build(10)
    first, second, third = (calls(lambda length=length: build(length)) for length in (100, 200, 300))  # type: ignore[misc]
    assert third - second <= 1.05 * (second - first)
