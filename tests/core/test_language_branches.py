"""Branches: `case`, `switch`, `ifelse`, `merge` and `FilterTask`, and what a branch that is not taken does."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from acts import does, it, refused

from interlock import Flow, Parameter, apply_map, case, ifelse, merge, states, switch, task, unmapped
from interlock.control_flow import CompareValue, FilterTask
from interlock.signals import FAIL, SKIP
from interlock.states import State


@task
def same(x: Any) -> Any:
    return x


@task
def inc(x: int) -> int:
    return x + 1


@task(skip_on_upstream_skip=False)
def stubborn(x: object) -> object:
    return x


def names(flow: Flow, **parameters: object) -> dict[str, str]:
    """Return the states of the tasks of a flow that has ended, by slug."""
    result = flow.run(parameters).result
    return {slug: type(state).__name__ for slug, state in result.by_slug().items()}


def choosing(value: object) -> tuple[Flow, Any]:
    """Return a flow that takes a branch for True, False or 5, and the task behind the branches."""
    with Flow("choosing") as flow:
        chosen = same(value)
        with case(chosen, True):
            yes = inc(inc(10))
        with case(chosen, False):
            no = inc(20)
        with case(chosen, 5):
            five = inc(30)
        node = merge(yes, no, five)
    return flow, node


@pytest.mark.parametrize(("value", "result"), [(True, 12), (False, 21), (5, 31)])
def test_one_branch_runs(value: object, result: int) -> None:
    """The tasks in the block of the value run, those in the others are skipped; `merge` has the branch's result."""
    flow, node = choosing(value)
    state = flow.run()
    assert state.result[node] == states.Success(None, result)
    assert sum(type(s) is states.Skipped for s in state.result.values()) == (4 if value is True else 5)


def test_no_branch_runs() -> None:
    """Where no branch is taken, what brings them together is skipped, and so is the flow."""
    flow, node = choosing("else")
    state = flow.run()
    assert type(state.result[node]) is states.Skipped
    assert type(state) is states.Skipped


def test_everything_in_a_branch_that_is_not_taken_is_skipped() -> None:
    """Also what would run behind a skip, a merge in the branch, and a branch in the branch."""
    with Flow("deep") as flow:
        with case(same(1), 2):
            a = stubborn(5)
            b = merge(a, same(6))
            with case(same(3), 3):
                inc(b)
        behind = stubborn(b)
    found = names(flow)
    assert found.pop("same-1") == found.pop(it(behind).slug or "") == "Success"
    assert set(found.values()) == {"Skipped"}


def test_a_failure_is_not_hidden_by_a_branch() -> None:
    """A task in a branch that is not taken, with an upstream that failed, failed."""
    with Flow("fails") as flow:
        bad = it(task(does(FAIL("no")))())
        with case(same(1), 2):
            node = stubborn(bad)
    assert type(flow.run().result[node]) is states.TriggerFailed


def test_a_branch_of_parameters_and_constants() -> None:
    """What is there from the start stands in no branch; a block without tasks adds nothing."""
    with Flow("values") as flow:
        size = Parameter("size", 3)
        with case(size, 3):
            node = inc(size)
            inc.map([1, 2])
        with case(size, 4):
            pass
    assert flow.run().result[node].result == 4
    assert [t.name for t in flow.get_tasks(task_type=CompareValue)] == ["CompareValue: 3"]
    assert flow.upstream_tasks(size) == ()


@pytest.mark.parametrize(
    ("value", "name"),
    [(1, "1"), ("a", "'a'"), (None, "None"), (True, "True"), (object(), "object"), ([1], "list")],
    ids=["1", "a", "None", "True", "object", "list"],
)
def test_the_name_of_a_condition(value: object, name: str) -> None:
    """A condition is named by its value where that is plain, else by its class: in every process the same."""
    assert CompareValue(value).name == f"CompareValue: {name}"


def test_a_failed_condition_fails_its_branch() -> None:
    """A condition that cannot be had is a failure of everything behind it."""
    with Flow("broken") as flow:
        with case(task(does(ValueError("no")))(), True):
            node = inc(1)
        joined = merge(node, inc(2))
    result = flow.run().result
    assert type(result[node]) is states.TriggerFailed
    assert type(result[joined]) is states.TriggerFailed


def test_switch_and_ifelse() -> None:
    """`switch` picks a task by a value, `ifelse` by truth; one without an else just runs or does not."""
    with Flow("switch") as flow:
        a, b, c, d, e, f = (it(task(name=name)(does(name))()) for name in "abcdef")
        switch(same("b"), {"a": a, "b": b})
        ifelse(same([1]), c, d)
        ifelse(same(""), e)
        ifelse(same(1), f)
    assert {k[0]: v for k, v in names(flow).items() if len(k) == 3} == dict.fromkeys("bcf", "Success") | dict.fromkeys(
        "ade", "Skipped"
    )


def test_a_mapped_branch() -> None:
    """A branch may be chosen for each element, by `switch(mapped=True)` or in a function that is mapped."""
    with Flow("mapped") as flow:
        numbers = same([1, 2, 3])
        odd, even = inc.map(numbers), same.map(numbers)
        switch(task(lambda x: x % 2).map(numbers), {1: odd, 0: even}, mapped=True)
        joined = merge(odd, even, mapped=True)

        def each(x: int) -> Any:
            with case(task(lambda x: x % 2)(x), 1):
                up = inc(x)
            return merge(up, same(x))

        applied = apply_map(each, numbers)
    result = flow.run().result
    assert [child.result for child in result[joined].map_states] == [2, 2, 4]
    assert [child.result for child in result[applied].map_states] == [2, 2, 4]


def test_merge_takes_the_first_that_there_is() -> None:
    """`merge` takes results in the order of its arguments; one that was skipped gives none, and no exception."""
    with Flow("merge") as flow:
        none, skipped = task(does(None))(), task(does(SKIP("not me")))()
        node = merge(none, skipped, same("third"), same("fourth"), name="joined", max_retries=2)
        given = merge(task(does(SKIP(result="kept")))(), same("other"))
    result = flow.run().result
    assert result[node] == states.Success(None, "third")
    assert result[given].result == "kept"
    assert (node.name, node.max_retries) == ("joined", 2)


def test_a_filter() -> None:
    """Without a rule a filter keeps what is there and no exception, whatever happened to the children."""
    with Flow("filter") as flow:
        bodies = [1, None, FAIL("no"), SKIP("no"), ValueError("no"), 0]
        children = task(lambda place: does(bodies[place])()).map(list(range(6)))
        node = FilterTask()(children)
        own = FilterTask(filter_func=lambda x: bool(x) and not isinstance(x, Exception))(children)
    result = flow.run().result
    assert result[node].result == [1, 0]
    assert result[own].result == [1]


def test_a_filter_that_logs(caplog: pytest.LogCaptureFixture) -> None:
    """What is not kept can be logged."""
    with Flow("log") as flow:
        node = FilterTask(lambda x: x > 1, log_func=lambda left: f"left: {left}")(same([1, 2, 0]))
    with caplog.at_level(logging.INFO, "interlock"):
        assert flow.run().result[node].result == [2]
    assert [record.getMessage() for record in caplog.records] == ["left: [1, 0]"]


def test_branches_without_a_meaning_are_refused() -> None:
    """Outside of a flow, by a task, or with what is no task, there is no branch."""
    wrong: Any = {1: 5}
    where = "no flow is being built; write it inside `with Flow(...):`"
    assert refused(lambda: case(5, 5).__enter__()) == f"case: {where}"
    assert refused(lambda: switch(5, {})) == f"switch: {where}"
    assert refused(lambda: ifelse(5, same)) == f"ifelse: {where}"
    assert refused(lambda: case(5, same)) == (
        "case: <Task: same> is a task; a branch is chosen by a value that is known, such as True"
    )
    with Flow("wrong"):
        assert refused(lambda: switch(same(1), wrong)) == "switch: 5, for 1, is no task"


def test_a_block_that_raises_is_closed() -> None:
    """An error in a block leaves nothing behind: the next task stands in no branch."""
    with Flow("error") as flow:
        with pytest.raises(KeyError), case(same(1), 2):
            raise KeyError
        node = inc(1)
    assert flow.upstream_tasks(node) == ()


# apply_map


def test_a_function_is_mapped() -> None:
    """What a function makes from an element is made for each; the rest goes whole to each child."""
    ran: list[int] = []

    def once() -> int:
        ran.append(1)
        return 100

    def each(x: int, y: int, whole: list[int]) -> Any:
        hundred = task(once)()
        return task(lambda a, b, c, d: (a, b, c, d))(inc(x), y, whole, hundred)

    with Flow("applied") as flow:
        node = apply_map(each, same([1, 2]), y=[5, 6, 7], whole=unmapped(same([8, 9])))
    state: State = flow.run().result[node]
    assert [child.result for child in state.map_states] == [(2, 5, [8, 9], 100), (3, 6, [8, 9], 100)]  # type: ignore[attr-defined]
    assert ran == [1]


def test_a_function_may_keep_an_element_whole() -> None:
    """Inside the function `unmapped` says that a task takes the whole list."""
    with Flow("whole") as flow:
        node = apply_map(lambda x: task(lambda one, all_: (one, all_))(x, unmapped(x)), same([1, 2]))
    assert flow.run().result[node].result == [(1, [1, 2]), (2, [1, 2])]


def test_apply_map_needs_a_flow() -> None:
    """Outside of a flow it is refused; a flow may be given by name."""
    text = refused(lambda: apply_map(inc, [1]))
    assert text.endswith("no flow is being built; call it inside `with Flow(...):`, or give flow=")
    flow = Flow("given")
    node: Any = apply_map(inc, [1, 2], flow=flow)
    assert flow.run().result[node].result == [2, 3]
