"""Flows as graphs: found, copied, joined, and with one task put in the place of another."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import cloudpickle
import pytest
from acts import does, flow_of, it, placed, refused, value_of

from interlock import Flow, Parameter, Task, task, unmapped
from interlock._edges import Edge
from interlock._values import ParameterTask
from interlock.signals import PAUSE


@task
def add(x: int, y: int = 1) -> int:
    return x + y


@task
def double(x: int) -> int:
    return 2 * x


def sums() -> tuple[Flow, Task, Task]:
    """Return a flow that adds and doubles, and its tasks."""
    with Flow("sums") as flow:
        total = placed(add, Parameter("x", 3), y=5)
        twice = placed(double, total)
    return flow, total, twice


def test_tasks_are_found() -> None:
    """`get_tasks` finds by name, slug, tags and class, and by all of these at once."""
    flow, total, twice = sums()
    flow.add_task(Task("add", slug="other", tags=["a", "b"]))
    assert [t.slug for t in flow.get_tasks("add")] == ["add-1", "other"]
    assert flow.get_tasks(slug="double-1") == (twice,)
    assert [t.slug for t in flow.get_tasks("add", tags=["a"])] == ["other"]
    assert [t.name for t in flow.get_tasks(task_type=ParameterTask)] == ["x"]
    assert flow.get_tasks("none") == ()
    assert flow.slugs[total] == "add-1"
    assert flow.sorted_tasks().index(total) < flow.sorted_tasks().index(twice)


def test_a_copy_is_a_flow_of_its_own() -> None:
    """What is added to a copy is not in the flow that it is of; edges, constants and reference tasks come along."""
    flow, total, twice = sums()
    flow.set_reference_tasks([total])
    twin = flow.copy()
    with twin:
        third = placed(double, twice)
    assert (len(flow), len(twin), third in flow) == (3, 4, False)
    assert set(flow.edges) < set(twin.edges)
    assert twin.reference_tasks() == (total,)
    assert (value_of(flow, twice), value_of(twin, third, x=0)) == (16, 20)
    assert (twin.name, type(twin)) == ("sums", Flow)


@pytest.mark.parametrize("how", [lambda flow: cloudpickle.loads(cloudpickle.dumps(flow)), copy.deepcopy, copy.copy])
def test_a_large_flow_moves(how: Callable[[Flow], Flow]) -> None:
    """A flow pickles and is copied, however long; the copy runs, grows, and sees a circle as the flow does."""
    with Flow("long") as flow:
        node = placed(double, 1)
        for _ in range(5000):
            node = placed(add, node, y=0)
    twin = how(flow)
    assert (len(twin), len(twin.edges)) == (5001, 5000)
    last = twin.get_task(str(node.slug))
    assert value_of(twin, last) == 2
    with twin:
        more = placed(double, last)
    assert value_of(twin, more) == 4
    assert "would close a circle" in refused(lambda: twin.add_edge(more, twin.get_task("double-1")))
    assert len(flow) == 5001


def test_a_copy_inside_a_block_is_not_inside() -> None:
    """A flow that is copied while it is being built is whole, and may be built on by itself."""
    with Flow("outer") as flow:
        first = placed(double, 1)
        twin = flow.copy()
        with twin:
            second = placed(double, first)
        third = placed(double, first)
    assert (second in flow, third in flow, third in twin) == (False, True, False)


def test_one_task_in_the_place_of_several() -> None:
    """Where reference tasks are asked for, one is refused; where a paused one is resumed, it is taken."""
    flow, (node, other) = flow_of(does(PAUSE(), 1), does(PAUSE(), 2), name="work")
    assert refused(lambda: flow.set_reference_tasks(node)) == (
        "flow 'of tasks': <Task: work> is one task; give a list such as [work]"
    )
    rested = flow.run()
    assert flow.resume(rested, tasks=node).result[node].result == 1
    flow, (node, other) = flow_of(does(PAUSE(), 1), does(PAUSE(), 2), name="work")
    state = flow.resume(flow.run(), tasks="work-2")
    assert (state.result[other].result, state.result[node].is_paused()) == (2, True)


def test_a_flow_takes_another_in() -> None:
    """`update` adds tasks, edges and constants; the other flow stays as it is. Parameters may be merged by name."""
    flow, _, twice = sums()
    with Flow("other") as other:
        more = placed(task(name="more")(lambda n, m: n * m), Parameter("x"), m=10)
    flow.update(other, merge_parameters=True)
    assert [p.name for p in flow.parameters()] == ["x"]
    state = flow.run(x=4)
    assert (state.result[twice].result, state.result[more].result) == (18, 40)
    assert (len(other), [e.upstream.slug for e in other.edges]) == (2, ["x"])
    twin, _, _ = sums()
    assert refused(lambda: twin.update(other)) == "flow 'sums': two tasks with the slug 'x'; a slug is for one task"
    wrong: Any = 5
    assert refused(lambda: twin.update(wrong)) == "flow 'sums': update needs a flow, not 5"


def test_a_task_takes_the_place_of_another() -> None:
    """`replace` hands edges, constants, the place in the order and in the reference tasks to the new task."""
    flow, total, twice = sums()
    flow.set_reference_tasks([total, twice])
    new = task(name="sub")(lambda x, y: x - y)
    flow.replace(total, new)
    assert [t.name for t in flow.tasks] == ["sub", "x", "double"]
    assert value_of(flow, twice) == -4
    assert flow.reference_tasks() == (new, twice)
    assert total not in flow


def test_a_task_that_does_not_fit_takes_no_place() -> None:
    """A task with other arguments, one that is there already, and one for none are refused, and nothing changes."""
    flow, total, twice = sums()
    other = task(name="other")(lambda z: z)
    assert refused(lambda: flow.replace(total, other)) == "task 'other': has no argument 'y', which 'add' has."
    assert refused(lambda: flow.replace(total, twice)) == "flow 'sums': <Task: double> is in it already"
    assert "is not in it" in refused(lambda: flow.replace(other, add))
    assert value_of(flow, twice) == 16


def test_a_flow_of_edges() -> None:
    """A flow may be made of edges, which bring their tasks."""
    one, two = task(name="one")(lambda: [1, 2]), task(name="two")(lambda x: x + 1)
    flow = Flow("edges", edges=[Edge(one, two, "x", mapped=True)])
    assert flow.tasks == (one, two)
    assert value_of_map(flow, two) == [2, 3]


def value_of_map(flow: Flow, node: Task) -> object:
    return flow.run().result[node].result


def test_what_waits_for_nothing() -> None:
    """A parameter and a constant are there from the start: nothing can come before them."""
    flow, total, _ = sums()
    parameter = flow.parameters()[0]
    assert refused(lambda: flow.add_edge(total, parameter)) == (
        "flow 'sums': <Parameter: x> waits for nothing; it is there from the start"
    )


@pytest.mark.parametrize("mapped", [False, True])
def test_an_edge_twice_is_one(mapped: bool) -> None:
    """An edge without an argument that is there already is returned as it is."""
    a, b = Task("a"), Task("b")
    flow = Flow("twice")
    edge = flow.add_edge(a, b, mapped=mapped)
    assert flow.add_edge(a, b) is edge
    assert flow.edges == (edge,)


def test_upstreams_of_a_map_are_whole_unless_they_say_so() -> None:
    """`upstream_tasks` of a map come before all children; a list among them is mapped over, `unmapped` is not."""
    with Flow("whole") as flow:
        first = it(double(1))
        node = placed(double, [1, 2], mapped=True, upstream_tasks=[first, unmapped(it(double(2)))])
    assert [edge.mapped for edge in flow.edges_to(node)] == [False, False, True]
    assert flow.run().result[node].result == [2, 4]
