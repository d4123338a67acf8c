"""Building flows: every mistake is refused before anything runs, in words."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from acts import it, placed, refused, value_of
from flows_small import add, echo, seven

from interlock import Flow, FlowError, Parameter, Task, task
from interlock._edges import Edge


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
        [-1, -0.5, "1", True, [], [1, "2"], float("nan"), float("inf"), timedelta(-1), 1e12, timedelta.max],
        "it must be seconds from 0 to 3155760000 (100 years), a timedelta, a list of these, or a callable",
    ),
    ("skip_on_upstream_skip", [None, 0, "yes"], "it must be True or False"),
    ("log_stdout", [None, 1], "it must be True or False"),
    ("nout", [-1, True, "2"], "it must be a whole number from 0 on"),
    ("task_run_name", [5, ""], "it must be a template such as 'load {table}', or a callable"),
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
        "task 'add': set_upstream needs a flow; call it inside `with Flow(...):`, or give flow="
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
        assert value_of(other, node) == 2
    assert len(flow) == 1
    assert flow.run().is_successful()


@pytest.mark.parametrize("length", [1, 2, 5])
def test_a_circle_is_refused(length: int) -> None:
    """An edge that would close a circle is refused when it is added, with the circle, and nothing changes."""
    ran: list[int] = []
    nodes = [task(name=f"t{number}")(lambda: None) for number in range(length)]
    flow = Flow("round", tasks=[task(lambda: ran.append(1)), *nodes])
    flow.chain(*nodes)
    edges = flow.edges
    circle = " -> ".join(f"t{place % length}-1" for place in range(length + 1))
    text = f"flow 'round': this edge would close a circle: {circle}"
    assert refused(lambda: flow.add_edge(nodes[-1], nodes[0])) == text
    assert flow.edges == edges
    assert flow.run().is_successful()
    assert ran == [1]
