"""Building flows: tasks, their arguments and edges, and every mistake that is refused before anything runs."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any, NamedTuple

import pytest

from interlock import Flow, FlowError, Parameter, Task, states, task, triggers, unmapped
from interlock._tasks import Collection, Constant, Edge, ParameterTask
from interlock.signals import FAIL


@task
def add(x: int, y: int = 1) -> int:
    """Add two numbers."""
    return x + y


@task
def echo(value: object) -> object:
    return value


@task
def pair(x: object, y: object) -> object:
    return x, y


@task
def seven() -> int:
    return 7


def it(node: object) -> Task:
    """Return the task that a call in a flow gave: to a type checker it stands for its result."""
    assert isinstance(node, Task)
    return node


def placed(what: Task, *args: object, **options: Any) -> Task:
    """Call a task in a flow with what its function does not take, `upstream_tasks` say. Any: such options."""
    return it(what(*args, **options))


def fail() -> None:
    raise ValueError("no")


def refused(build: Callable[[], object]) -> str:
    """Return the whole text of the error that something is refused with."""
    with pytest.raises(FlowError) as caught:
        build()
    return str(caught.value)


def value(flow: Flow, node: object, **parameters: object) -> object:
    """Run a flow and return the result of a task that succeeded."""
    state = flow.run(parameters).result[node]
    assert state == states.Success(None, state.result)
    result: object = state.result
    return result


# Tasks


def test_a_task_without_arguments() -> None:
    """`@task` makes a task that is called like its function, and knows its name, text and function."""
    with Flow("plain") as flow:
        node = it(add(2))
    assert value(flow, node) == 3
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
    assert (work.max_retries, work.retry_delay, work.retry_on) == (2, 60.0, (KeyError, FAIL))
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
    assert value(flow, twelve) == 12
    assert (six.name, twelve.name, twelve.max_retries) == ("Times", "Double", 1)
    assert [node.slug for node in flow] == ["Times-1", "Double-1"]


def test_a_task_without_work_fails_when_it_runs() -> None:
    """A task that has no `run` may stand in a flow, and says what it lacks when it is its turn."""
    with Flow("empty") as flow:
        node = Task("gate")()
    state = flow.run().result[node]
    assert type(state) is states.Failed
    assert state.message == "NotImplementedError: task 'gate' has no run method"


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
    assert value(flow, own) == 2


def test_a_task_of_a_task() -> None:
    """A copy of a task in a flow may be called again: it does the same, without the other's arguments."""
    with Flow("again") as flow:
        one = it(echo(1))
        two = one(2)
    assert (value(flow, one), value(flow, two), flow.edges) == (1, 2, ())


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
    assert [value(flow, node) for node in nodes] == [2, 3, 3, 8, 9, 8]


def test_any_name_where_the_function_takes_any() -> None:
    """A function with `**kwargs` takes arguments of any name, tasks and values."""

    @task
    def collect(first: int, **rest: object) -> object:
        return first, rest

    with Flow("kwargs") as flow:
        node = collect(1, a=seven(), b=2, value=None)
    assert value(flow, node) == (1, {"a": 7, "b": 2, "value": None})


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
    assert value(flow, node) is constant


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
    assert [value(flow, node) for node in nodes] == [
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
    assert value(flow, node) == [7, 7, [7]]
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
    assert value(flow, node) == 2


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
    assert [value(flow, node) for node in (a, b, c, d)] == [5, 5, (5, [1, 5]), 5]
    assert value(flow, e) == [(5, [1, 5]), 5]


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


@pytest.mark.parametrize("length", [1, 2, 5])
def test_a_circle_is_refused(length: int) -> None:
    """Tasks that wait for each other in a circle are named, before anything runs."""
    ran: list[int] = []
    nodes = [Task(f"t{number}") for number in range(length)]
    flow = Flow("round", tasks=[task(lambda: ran.append(1))])
    for place, node in enumerate(nodes):
        flow.add_edge(node, nodes[(place + 1) % length])
    text = f"flow 'round': tasks wait for each other in a circle, among them: {', '.join(t.name for t in nodes)}"
    assert refused(flow.run) == refused(flow.sorted_tasks) == text
    assert ran == []


def test_a_flow_that_grew_runs_as_it_is() -> None:
    """A flow may be added to after it has run: the next run is of the flow as it is then."""
    with Flow("growing") as flow:
        one = add(1)
    assert value(flow, one) == 2
    with flow:
        two = add(one)
    assert value(flow, two) == 3
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
    assert [value(flow, node, x=1), value(flow, node, x=1, y=2)] == [11, 3]
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
        total = add(size, size)
    assert flow.parameters() == (size,)
    assert value(flow, total, size=4) == 8


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
    assert value(flow, node) == default


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


# Mistakes


def test_a_flow_needs_a_name() -> None:
    """A flow without a name, or with one that is no text, is refused."""
    name: Any = 5  # Any: what no type checker would let through
    assert refused(lambda: Flow("")) == "Flow: '' is no name; give a text, as in Flow('nightly')"
    assert refused(lambda: Flow(name)) == "Flow: 5 is no name; give a text, as in Flow('nightly')"
    assert refused(lambda: Parameter("")) == "Parameter: '' is no name"
    assert refused(lambda: Parameter(name)) == "Parameter: 5 is no name"


BAD_OPTIONS: list[tuple[str, list[object], str]] = [
    ("max_retries", [-1, True, 1.0, "1", None, float("inf")], "it must be a whole number from 0 on"),
    ("retry_limit", [-1, False, 1.5, float("inf")], "it must be a whole number from 0 on"),
    ("max_turns", [0, -1, True, 1.5, "2", float("nan"), -float("inf")], "it must be a whole number from 1 on"),
    (
        "retry_delay",
        [-1, -0.5, "1", True, None, float("nan"), float("inf"), timedelta(-1), 1e12, timedelta.max],
        "it must be seconds from 0 to 3155760000 (100 years), or a timedelta",
    ),
    ("retry_on", [5, [5], "ValueError", [ValueError, "x"], ValueError("x")], "it must be exception classes"),
]


@pytest.mark.parametrize(
    ("option", "given", "right"), [(option, v, right) for option, values, right in BAD_OPTIONS for v in values]
)
def test_an_option_without_a_meaning_is_refused(option: str, given: object, right: str) -> None:
    """An option that has no meaning is refused when the task is made, with the value and what would be right."""
    options: dict[str, Any] = {option: given}
    text = f"task 'work': {option}={given!r}; {right}"
    assert refused(lambda: Task("work", **options)) == text
    assert refused(lambda: task(name="work", **options)(lambda: None)) == text


@pytest.mark.parametrize("option", ["name", "slug"])
@pytest.mark.parametrize("given", [5, ["x"], ""])
def test_a_name_that_is_no_text_is_refused(option: str, given: object) -> None:
    """A name or slug that is no text, or an empty one, is refused when the task is made."""
    options: dict[str, Any] = {option: given}
    assert refused(lambda: Task(**options)) == f"task: {option}={given!r}; it must be a text that is not empty"


def test_other_options_without_a_meaning() -> None:
    """A trigger that cannot be called, tags in one text, and an option that does not exist are refused."""
    bad: dict[str, Any] = {"trigger": "all"}
    assert refused(lambda: Task("t", **bad)) == "task 't': trigger='all' cannot be called; see interlock.triggers"
    assert refused(lambda: Task("t", tags="etl")) == "task 't': tags='etl' is one text; give a list such as ['etl']"
    unknown: dict[str, Any] = {"retries": 3}
    with pytest.raises(TypeError, match="unexpected keyword argument 'retries'"):
        Task("t", **unknown)
    with pytest.raises(TypeError, match="unexpected keyword argument 'retries'"):
        task(**unknown)(lambda: None)


def test_a_function_that_edges_cannot_reach_is_refused() -> None:
    """A function whose arguments have no names, or names that calling uses, is refused when the task is made."""

    def by_place(x: int, /) -> None: ...
    def starred(*xs: int) -> None: ...
    def reserved(upstream_tasks: int) -> None: ...
    def also(mapped: int) -> None: ...
    def too(flow: int) -> None: ...

    text = "an argument may not be called"
    nothing: Any = 5
    assert refused(lambda: task(by_place)) == "task 'by_place': 'x' is positional only; edges go by name"
    assert refused(lambda: task(starred)) == "task 'starred': *xs cannot be named by an edge; take a list instead"
    assert refused(lambda: task(reserved)) == f"task 'reserved': {text} 'upstream_tasks'; calling uses it"
    assert refused(lambda: task(also)) == f"task 'also': {text} 'mapped'; calling uses it"
    assert refused(lambda: task(too)) == f"task 'too': {text} 'flow'; calling uses it"
    assert refused(lambda: task(nothing)) == "task: 5 is no function"
    assert refused(lambda: task(max)) == (
        "task 'max': <built-in function max> does not tell its arguments; wrap it in a def"
    )

    class Reserved(Task):
        def run(self, flow: int) -> None: ...

    assert refused(Reserved) == f"task 'Reserved': {text} 'flow'; calling uses it"


def test_a_call_outside_of_a_flow_is_refused() -> None:
    """A task that is called where no flow is built says so, and how its function is called."""
    assert refused(lambda: add(1)) == (
        "task 'add' was called outside of a flow; call it inside `with Flow(...):`, or its function by add.run(...)"
    )
    assert refused(lambda: add.set_upstream(seven)) == (
        "task 'add': set_upstream needs a flow; call it inside `with Flow(...):`"
    )
    with Flow("one") as flow:
        pass
    assert placed(add, 1, flow=flow) in flow
    with pytest.raises(KeyError), flow:
        raise KeyError
    assert refused(lambda: add(1)).startswith("task 'add' was called outside of a flow")


def test_flows_may_be_built_inside_each_other() -> None:
    """The innermost `with` block takes the calls; behind it the outer one does again."""
    with Flow("outer") as outer:
        one = it(add(1))
        with Flow("inner") as inner:
            two = it(add(2))
        three = it(add(3))
    assert (list(outer), list(inner)) == ([one, three], [two])


BAD_CALLS: list[tuple[Callable[..., object], str]] = [
    (lambda call: call(), "missing a required argument: 'x'"),
    (lambda call: call(1, 2, 3), "too many positional arguments"),
    (lambda call: call(1, z=3), "got an unexpected keyword argument 'z'"),
    (lambda call: call(1, x=3), "multiple values for argument 'x'"),
]


@pytest.mark.parametrize(("call", "problem"), BAD_CALLS)
def test_arguments_that_do_not_fit_are_refused(call: Callable[..., object], problem: str) -> None:
    """A call that the function could not take is refused when the flow is built, and adds nothing."""
    text = rf"task 'add': {problem}; its run takes \(x: 'int', y: 'int' = 1\) -> 'int'"
    with Flow("calls") as flow:
        for made in (add, add.map):
            with pytest.raises(FlowError, match=f"^{text}$"):
                call(made)
    assert len(flow) == 0


def test_edges_that_have_no_meaning_are_refused() -> None:
    """An edge to an argument that does not exist or has a source, and what is no task, are refused."""
    a, b = add.copy(), add.copy()
    flow = Flow("edges")
    flow.add_edge(a, b, key="x")
    flow.set_dependencies(b, keyword_tasks={"y": 5})
    assert refused(lambda: flow.add_edge(a, b, key="x")) == "task 'add': argument 'x' has a source already"
    assert refused(lambda: flow.add_edge(a, b, key="y")) == "task 'add': argument 'y' has a source already"
    assert refused(lambda: flow.add_edge(a, b, key="z")) == "task 'add': has no argument 'z'."
    assert refused(lambda: flow.add_edge(a, seven, key="x")) == "task 'seven': has no argument 'x'."
    assert refused(lambda: flow.set_dependencies(b, keyword_tasks={"x": 1})) == (
        "task 'add': argument 'x' has a source already"
    )
    assert refused(lambda: flow.add_edge(a, echo, key="valeu")) == (
        "task 'echo': has no argument 'valeu'. Did you mean 'value'?"
    )
    assert refused(lambda: flow.set_dependencies(b, upstream_tasks=[5])) == (
        "task 'add': 5 is no task, so it cannot come before one"
    )
    assert refused(lambda: flow.add_task(5)) == "flow 'edges': 5 is no task; make one with @task"
    assert refused(lambda: flow.add_edge(a, "b")) == "flow 'edges': 'b' is no task; make one with @task"
    assert flow.edges == (Edge(a, b, "x"),)


def test_one_task_in_the_place_of_a_list_is_refused() -> None:
    """`upstream_tasks` takes a list; a task alone is refused in words, like every other mistake."""
    with Flow("lists"):
        first = seven()
        text = "upstream_tasks=<Task: seven> is one task; give a list such as [seven]"
        assert refused(lambda: placed(add, 1, upstream_tasks=first)) == f"task 'add': {text}"


def test_an_argument_without_a_source_is_refused() -> None:
    """A task built by hand whose argument has neither value nor source is refused before anything runs."""
    ran: list[int] = []
    flow = Flow("by hand", tasks=[task(lambda: ran.append(1)), add.copy()])
    assert refused(flow.run) == "task 'add': argument 'x' has no value and no source"
    assert ran == []


def test_tasks_of_other_flows_are_refused() -> None:
    """What is not in a flow cannot be asked for in it: a call adds a copy, and the copy is meant."""
    with Flow("mine") as flow:
        node = it(add(1))
    text = "flow 'mine': <Task: add> is not in it; a call of a task adds a copy: use what it returns"
    assert refused(lambda: flow.edges_to(add)) == text
    assert refused(lambda: flow.downstream_tasks(add)) == text
    assert refused(lambda: flow.set_reference_tasks([node, add])) == text
    assert refused(lambda: flow.set_reference_tasks([])) == (
        "flow 'mine': reference tasks are none; name one, or leave it to those at the end"
    )
    assert refused(lambda: Flow("other", reference_tasks=[node])) == text.replace("'mine'", "'other'")
    assert flow.reference_tasks() == (node,)
    with pytest.raises(KeyError) as caught:
        flow.run().result[add.copy()]
    assert caught.value.args == (
        "<Task: add> is no task of this flow; a call of a task adds a copy: use what it returns. Did you mean 'add'?",
    )


def test_a_flow_that_is_being_built_does_not_run() -> None:
    """A flow is run behind its `with` block; another one may be run inside."""
    with Flow("other") as other:
        node = add(1)
    with Flow("mine") as flow:
        add(1)
        assert refused(flow.run) == "flow 'mine' is still being built; run it behind its `with` block"
        assert value(other, node) == 2
    assert len(flow) == 1
    assert flow.run().is_successful()
