"""What tasks are written with inside a flow: operators, several results, tags, chains and names."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, Tuple  # noqa: UP035  # users write both

import pytest
from acts import it, placed, refused, value_of

from interlock import Flow, Task, context, states, tags, task
from interlock._edges import Edge


@task
def same(x: Any) -> Any:
    return x


OPERATORS: dict[str, tuple[Callable[[Any, Any], Any], object, object, object]] = {
    "Add": (lambda x, y: x + y, 7, 2, 9),
    "Sub": (lambda x, y: x - y, 7, 2, 5),
    "Mul": (lambda x, y: x * y, 7, 2, 14),
    "Div": (lambda x, y: x / y, 7, 2, 3.5),
    "FloorDiv": (lambda x, y: x // y, 7, 2, 3),
    "Mod": (lambda x, y: x % y, 7, 2, 1),
    "Pow": (lambda x, y: x**y, 7, 2, 49),
    "And": (lambda x, y: x & y, 7, 0, 0),
    "LessThan": (lambda x, y: x < y, 7, 2, False),
    "LessThanOrEqual": (lambda x, y: x <= y, 2, 2, True),
    "GreaterThan": (lambda x, y: x > y, 7, 2, True),
    "GreaterThanOrEqual": (lambda x, y: x >= y, 7, 9, False),
}


@pytest.mark.parametrize("sides", ["both", "left", "right"])
@pytest.mark.parametrize("name", OPERATORS)
def test_an_operator_makes_a_task(name: str, sides: str) -> None:
    """An operator between two tasks, or a task and a value on either side, is a task with that result."""
    operator, x, y, result = OPERATORS[name]
    with Flow("operators") as flow:
        left = x if sides == "right" else same(x)
        right = y if sides == "left" else same(y)
        node = it(operator(left, right))
    assert value_of(flow, node) == result
    mirrored = {"LessThan": "GreaterThan", "GreaterThan": "LessThan"}
    mirrored |= {"LessThanOrEqual": "GreaterThanOrEqual", "GreaterThanOrEqual": "LessThanOrEqual"}
    assert node.name == (mirrored.get(name, name) if sides == "right" else name)


def test_what_has_no_operator_of_its_own() -> None:
    """Equality, truth and items are methods and brackets; `==` and `in` compare tasks, not results."""
    with Flow("methods") as flow:
        x = same({"a": [1, 2]})
        nodes = [x["a"], x["a"][1], x.is_equal(3), x.is_not_equal(3), x.not_(), same(0).or_(5), same(4).or_(5)]
    state = flow.run()
    assert [state.result[node].result for node in nodes] == [[1, 2], 2, False, True, False, 5, 4]
    assert x == x
    assert x != nodes[0]
    assert x in [x]


def test_an_operator_that_fails_fails_its_task() -> None:
    """What an operator raises is the failure of the task that it made."""
    with Flow("fails") as flow:
        node = same(1) / 0
    assert flow.run().result[node].message == "ZeroDivisionError: division by zero"


def test_an_operator_needs_a_flow() -> None:
    """Outside of a flow there is nothing that an operator could add a task to."""
    assert refused(lambda: same + 1) == (
        "task 'Add' was called outside of a flow; call it inside `with Flow(...):`, or its function by Add.run(...)"
    )


def pair() -> tuple[int, str]:
    return 1, "a"


def typed() -> Tuple[int, str, float]:  # noqa: UP006
    return 1, "a", 2.0


def many() -> tuple[int, ...]:
    return 1, 2


def silent():  # type: ignore[no-untyped-def]  # what says nothing
    return 1, 2


def test_several_results() -> None:
    """A task whose annotation says how many results it has, or that is told so, can be unpacked."""
    with Flow("several") as flow:
        a, b = it(task(pair)())
        c, d, e = it(task(typed)())
        f, g = it(task(nout=2)(silent)())
    state = flow.run()
    assert [state.result[node].result for node in (a, b, c, d, e, f, g)] == [1, "a", 1, "a", 2.0, 1, 2]
    assert (task(pair).nout, task(many).nout, task(silent).nout, task(nout=0)(silent).nout) == (2, None, None, 0)


def test_results_that_nobody_counted() -> None:
    """A task that does not say how many results it has cannot be unpacked, and says how it could."""
    with Flow("unknown"):
        text = (
            "task 'many': how many results it has is not known before it runs; say so with nout=..., "
            "or return a tuple[...] of known length"
        )
        assert refused(lambda: list(it(task(many)()))) == text


def test_tags_of_a_block() -> None:
    """Tasks that are made or called inside a `tags` block have its tags beside their own; blocks may be nested."""
    with tags("etl", "night"):
        made = Task("made", tags=["own"])
        with tags("deep"), Flow("tags") as flow:
            called = it(same(1))
    assert made.tags == {"own", "etl", "night"}
    assert called.tags == {"etl", "night", "deep"}
    assert same.tags == frozenset()
    assert flow.get_tasks(tags=["etl", "deep"]) == (called,)
    assert Task("behind").tags == frozenset()
    assert refused(lambda: tags("").__enter__()) == "tags: '' is no tag; a tag is a text that is not empty"


def test_order_without_values() -> None:
    """`|`, `chain`, `set_upstream` and `set_downstream` say what comes first."""
    log: list[str] = []

    def noted(name: str) -> Task:
        return task(name=name)(lambda: log.append(name))

    a, b, c, d, e = map(noted, "abcde")
    with Flow("order") as flow:
        assert (a | b | c) is c
        d.set_downstream(a)
        assert flow.chain(e, d) == [e, d]
    assert flow.run().is_successful()
    assert log == ["e", "d", "a", "b", "c"]
    with pytest.raises(TypeError, match="unsupported operand"):
        assert a | 5


def test_a_pipe() -> None:
    """`pipe` hands a result to the next task as its first argument."""

    @task
    def less(x: int, by: int) -> int:
        return x - by

    with Flow("pipe") as flow:
        node = it(same(9)).pipe(less, by=2).pipe(less, by=3)
    assert value_of(flow, node) == 4
    wrong: Any = 5
    assert refused(lambda: it(node).pipe(wrong)) == "task 'less': pipe needs a task, not 5"


def test_dependencies_at_once() -> None:
    """`set_dependencies` of a task is that of its flow."""
    first, last, middle = Task("first"), Task("last"), task(name="middle")(lambda x: x)
    flow = Flow("at once")
    middle.set_dependencies(flow, upstream_tasks=[first], downstream_tasks=[last], keyword_tasks={"x": 5})
    assert set(flow.edges) == {Edge(first, middle), Edge(middle, last)}
    assert flow.constants == {middle: {"x": 5}}


def test_a_call_with_other_attributes() -> None:
    """`task_args` and `copy` change attributes of one copy; what a task does not have is refused."""
    with Flow("other") as flow:
        node = placed(same, 1, task_args={"name": "renamed", "max_retries": 3})
    assert (node.name, node.max_retries, same.name, same.max_retries) == ("renamed", 3, "same", 0)
    assert value_of(flow, node) == 1
    assert refused(lambda: same.copy(max_retry=1)) == (
        "task 'same': it has no 'max_retry' to copy. Did you mean 'max_retries'?"
    )


def test_the_name_of_a_run() -> None:
    """A run is named by a template, or by a callable, from its inputs, the flow's parameters and the context."""

    def known(**found: Any) -> str:
        return f"{found['x']} of {found['flow_name']}"

    def body(x: object) -> str:
        return str(context.task_run_name)

    with Flow("named") as flow:
        one = task(task_run_name="{x} in {task_name}, child {map_index}")(body).map([5, 6])
        two = task(task_run_name=known)(body)(same(7))
    state = flow.run()
    assert state.result[one].result == ["5 in body, child 0", "6 in body, child 1"]
    assert state.result[two].result == "7 of named"


@pytest.mark.parametrize(
    ("naming", "message"),
    [
        ("load {tabel}", "Before the start: KeyError: 'tabel'"),
        (lambda **known: 1 / 0, "Before the start: ZeroDivisionError: division by zero"),
        (lambda **known: 5, "Before the start: TypeError: task_run_name gave 5, which is no name"),
    ],
    ids=["missing", "raises", "number"],
)
def test_a_name_that_cannot_be_made_fails_the_task(naming: Any, message: str) -> None:
    """A template that names what is not there, or a callable that raises or gives no text, fails its task alone."""
    with Flow("unnamed") as flow:
        node, other = task(task_run_name=naming)(lambda: 1)(), same(2)
    state = flow.run()
    assert (type(state.result[node]), state.result[node].message) == (states.Failed, message)
    assert state.result[other].result == 2


def test_a_template_is_read_when_the_task_is_made() -> None:
    """A template that is none is refused before anything runs."""
    assert refused(lambda: Task("t", task_run_name="load {")) == (
        "task 't': task_run_name='load {': Single '{' encountered in format string"
    )


@pytest.mark.parametrize("how", [{}, {"executor": "threads"}, {"executor": "async"}], ids=str)
@pytest.mark.parametrize("limit", [None, 60])
def test_what_is_printed_is_logged(
    how: dict[str, Any], limit: float | None, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    """With `log_stdout` the lines that a body prints go to its log; what others print goes where it went."""

    def loud() -> int:
        print("one\ntwo")
        print("half", end="")
        return 1

    async def later() -> int:
        print("async")
        return 2

    def quiet() -> None:
        print("plain")

    with Flow("loud") as flow:
        a, b = (task(log_stdout=True, timeout=limit)(body)() for body in (loud, later))
        it(task(quiet)())
    with caplog.at_level(logging.INFO, "interlock"):
        state = flow.run(**how)
    assert (state.result[a].result, state.result[b].result) == (1, 2)
    said = [(record.name, record.getMessage()) for record in caplog.records]
    assert [text for name, text in said if name == "interlock.task.loud"] == ["one", "two", "half"]
    assert [text for name, text in said if name == "interlock.task.later"] == ["async"]
    assert capsys.readouterr().out == "plain\n"
