"""Building flows: tasks, their arguments and edges, and every mistake that is refused before anything runs."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, NamedTuple

import pytest
from acts import it, placed, refused, value_of
from flows_small import add, echo, pair, seven

from interlock import Flow, Task, states, task, triggers, unmapped
from interlock._edges import Edge
from interlock._values import Collection, Constant
from interlock.signals import FAIL

# Tasks


def test_a_task_without_arguments() -> None:
    """`@task` makes a task that is called like its function, and knows its name, text and function."""
    with Flow("plain") as flow:
        node = it(add(2))
    assert value_of(flow, node) == 3
    assert (add.name, add.__doc__, add.function(2), add.run(2)) == ("add", "Add two numbers.", 3, 3)
    assert repr(add) == "<Task: add>"
    assert node is not it(add)


def test_a_task_with_options() -> None:
    """`@task(...)` takes the options of `Task`; what is not given has its default."""

    @task(
        name="other",
        slug="it",
        tags=["a", "b", "a"],
        max_retries=2,
        retry_delay=timedelta(minutes=1),
        retry_on=[KeyError, FAIL],
        retry_limit=5,
        max_turns=3,
        trigger=triggers.any_failed,
        skip_on_upstream_skip=False,
    )
    def work() -> None: ...

    assert (work.name, work.slug, work.tags) == ("other", "it", frozenset("ab"))
    assert (work.max_retries, work.retry_delay, work.retry_on) == (2, timedelta(minutes=1), (KeyError, FAIL))
    assert (work.retry_limit, work.max_turns) == (5, 3)
    assert (work.trigger, work.skip_on_upstream_skip) == (triggers.any_failed, False)
    assert (add.slug, add.tags, add.max_retries, add.retry_delay, add.retry_on) == (None, frozenset(), 0, 0.0, None)
    assert (add.retry_limit, add.max_turns) == (1000, float("inf"))
    assert (add.trigger, add.skip_on_upstream_skip) == (triggers.all_successful, True)


def test_a_subclass_of_task() -> None:
    """A subclass with a `run` method is a task; its name is that of the class, its arguments are its own."""

    class Times(Task):
        def __init__(self, factor: int, **options: Any) -> None:
            self.factor = factor
            super().__init__(**options)

        def run(self, x: int) -> int:
            return x * self.factor

    with Flow("classes") as flow:
        six = Times(3)(2)
        twelve = Times(2, name="Double", max_retries=1)(six)
    assert value_of(flow, twelve) == 12
    assert (six.name, twelve.name, twelve.max_retries) == ("Times", "Double", 1)
    assert [node.slug for node in flow] == ["Times-1", "Double-1"]


def test_a_task_without_work_joins_others() -> None:
    """A task that has no `run` of its own succeeds when it is its turn, with no result."""
    with Flow("empty") as flow:
        node = Task("gate")()
    state = flow.run().result[node]
    assert state == states.Success()


def test_each_call_adds_a_copy() -> None:
    """A task may be called as often as it is needed; each call is a task of its own, of the same kind."""
    with Flow("copies") as flow:
        one, two = it(add(1)), it(add(2))
    assert len(flow) == 2
    assert one is not two
    assert add not in flow
    assert (one.name, one.slug, two.name, two.slug, add.slug) == ("add", "add-1", "add", "add-2", None)
    assert (one in flow, list(flow), flow.tasks) == (True, [one, two], (one, two))


def test_bind_adds_the_very_task() -> None:
    """`bind` adds the task itself."""
    own = add.copy()
    with Flow("bound") as flow:
        assert own.bind(1) is own
    assert own in flow
    assert value_of(flow, own) == 2


def test_a_task_of_a_task() -> None:
    """A copy of a task in a flow may be called again: it does the same, without the other's arguments."""
    with Flow("again") as flow:
        one = it(echo(1))
        two = one(2)
    assert (value_of(flow, one), value_of(flow, two), flow.edges) == (1, 2, ())


# Names, slugs and tags


def test_slugs_tell_tasks_apart() -> None:
    """A task's slug is its name and a number, the next one that is free."""
    taken = echo.copy()
    taken.slug = "add-2"
    with Flow("slugs", tasks=[taken]) as flow:
        nodes = [it(add(1)), it(add(1)), it(seven()), it(add(1))]
    assert [node.slug for node in nodes] == ["add-1", "add-3", "seven-1", "add-4"]
    assert flow.get_task("add-2") is taken
    assert flow.get_task("seven-1") is nodes[2]


def test_a_slug_that_was_given_is_kept() -> None:
    """A slug is what identifies a task in its flow, so that the first call of the task has it."""

    @task(slug="load")
    def work() -> None: ...

    with Flow("slugs") as flow:
        node = placed(work)
    assert node.slug == "load"
    assert flow.get_task("load") is node


def test_two_tasks_with_a_slug_are_refused() -> None:
    """A slug is for one task."""
    first, second = Task(slug="it"), Task(slug="it")
    flow = Flow("twice", tasks=[first, first])
    assert (
        refused(lambda: flow.add_task(second)) == "flow 'twice': two tasks with the slug 'it'; a slug is for one task"
    )
    assert flow.tasks == (first,)


def test_tasks_are_found_by_slug_name_and_tags() -> None:
    """`get_task` finds one by its slug, `get_tasks` those with a name and with all of some tags."""
    a, b, c = Task("a", tags=["x"]), Task("b", tags=["x", "y"]), Task("a", tags=["y"])
    flow = Flow("found", tasks=[a, b, c])
    assert flow.get_task("a-2") is c
    assert flow.get_tasks() == (a, b, c)
    assert flow.get_tasks("a") == (a, c)
    assert flow.get_tasks(tags=["x"]) == (a, b)
    assert flow.get_tasks(tags=["y", "x"]) == (b,)
    assert flow.get_tasks("a", tags=["y"]) == (c,)
    assert flow.get_tasks("z") == ()
    assert refused(lambda: flow.get_task("a-3")) == "flow 'found': no task has the slug 'a-3'. Did you mean 'a-2'?"
    assert refused(lambda: flow.get_task("zzz")) == "flow 'found': no task has the slug 'zzz'."


# Arguments


def test_arguments_by_place_and_by_name() -> None:
    """A task's arguments are values or other tasks, by place or by name; a default may stay."""
    with Flow("arguments") as flow:
        nodes = [add(1), add(1, 2), add(x=1, y=2), add(seven()), add(seven(), y=add(1)), add(y=seven(), x=1)]
    assert [value_of(flow, node) for node in nodes] == [2, 3, 3, 8, 9, 8]


def test_any_name_where_the_function_takes_any() -> None:
    """A function with `**kwargs` takes arguments of any name, tasks and values."""

    @task
    def collect(first: int, **rest: object) -> object:
        return first, rest

    with Flow("kwargs") as flow:
        node = collect(1, a=seven(), b=2, value=None)
    assert value_of(flow, node) == (1, {"a": 7, "b": 2, "value": None})


class Point(NamedTuple):
    x: object
    y: object


CONSTANTS: list[object] = [
    None,
    5,
    "text",
    [1, [2]],
    (1, {"a": (2,)}),
    {"a": [1]},
    {1, 2},
    frozenset({3}),
    Point(1, 2),
    add,
    ValueError,
]


@pytest.mark.parametrize("constant", [c for c in CONSTANTS if not isinstance(c, Task)], ids=repr)
def test_a_constant_is_handed_on_as_it_is(constant: object) -> None:
    """A value without tasks in it is no task of the flow, and arrives as the very object."""
    with Flow("constants") as flow:
        node = echo(constant)
    assert len(flow) == 1
    assert value_of(flow, node) is constant


def test_collections_of_tasks() -> None:
    """Lists, tuples, sets and dictionaries, nested as they may be, arrive with results in the places of their tasks."""
    with Flow("collections") as flow:
        a, b = seven(), add(7)
        nodes = [
            echo([a, 1, b]),
            echo((a, [b, (a,)])),
            echo({"a": a, "b": {"c": [b]}, "d": 2}),
            echo({a, 1}),
            echo(frozenset([b])),
            echo({a: b}),
            echo([[[[a]]]]),
        ]
    assert [value_of(flow, node) for node in nodes] == [
        [7, 1, 8],
        (7, [8, (7,)]),
        {"a": 7, "b": {"c": [8]}, "d": 2},
        {7, 1},
        frozenset([8]),
        {7: 8},
        [[[[7]]]],
    ]
    assert [node.name for node in flow if isinstance(node, Collection)] == [
        "List",
        "Tuple",
        "Dict",
        "Set",
        "Frozenset",
        "Dict",
        "List",
    ]


def test_a_task_twice_in_a_collection_is_one_edge() -> None:
    """A collection waits once for a task that stands in it twice."""
    with Flow("twice") as flow:
        a = seven()
        node = echo([a, a, [a]])
    assert value_of(flow, node) == [7, 7, [7]]
    assert len(flow.edges) == 2


def test_a_collection_that_cannot_be_put_together_fails() -> None:
    """A collection whose results do not fit it fails like any task, and what waits for it is not run."""
    with Flow("unhashable") as flow:
        node = echo({echo([1]), 2})
    state = flow.run().result
    made = next(node for node in flow if isinstance(node, Collection))
    assert (type(state[made]), state[made].message) == (states.Failed, "TypeError: unhashable type: 'list'")
    assert type(state[node]) is states.TriggerFailed


def test_map_makes_constants_tasks() -> None:
    """What a map goes over is a task, also where it is a constant; `unmapped` values and `upstream_tasks` are not."""
    with Flow("mapped") as flow:
        first = it(seven())
        node = it(add.map([1, 2], unmapped(10), upstream_tasks=[first]))
    (values,) = (each for each in flow if isinstance(each, Constant))
    assert flow.edges_to(node) == (Edge(first, node), Edge(values, node, "x", mapped=True))
    assert flow.constants[node] == {"y": 10}
    assert values.name == "list"


def test_unmapped_tasks_and_collections() -> None:
    """A task or a collection in `unmapped` goes whole to each child."""
    with Flow("unmapped") as flow:
        nodes = [echo.map(unmapped(seven())), add.map([1], unmapped(seven())), add.map([seven(), 2], y=[3, 4])]
        pairs = pair.map([1, 2], unmapped([seven(), 0]))
    results = flow.run().result
    assert results[nodes[1]].result == [8]
    assert results[nodes[2]].result == [10, 6]
    assert results[pairs].result == [(1, [7, 0]), (2, [7, 0])]
    assert results[nodes[0]].result == 7
