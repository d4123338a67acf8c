"""Maps: a child for each element, chains of maps depth first, and what is gathered of them."""

from __future__ import annotations

from typing import Any

import pytest
from acts import placed
from flows_mapped import add, double, each, gather, same

from interlock import Flow, Parameter, Task, context, hookimpl, states, task, triggers, unmapped
from interlock._hooks import RunView
from interlock._story import Step
from interlock.signals import ENDRUN, FAIL, LOOP, PAUSE, RETRY, SKIP, VALIDATIONFAIL
from interlock.states import Failed, Mapped, Paused, Skipped, State, Success, TriggerFailed

UPSTREAM = "Trigger 'all_successful' says no: 1 of 1 upstream runs do not fit"


def noted(log: list[str], name: str) -> Task:
    """Return a task that writes down which of its children was called, and hands its element on."""

    def body(x: object) -> object:
        index = context.map_index
        log.append(name if index is None else f"{name}{index}")
        return x

    return task(name=name)(body)


def result_of(values: object, what: Task = double, **more: Any) -> State:
    """Return the state of a map over what a task returns."""
    with Flow("map") as flow:
        node = placed(what, same(unmapped(values)), mapped=True, **more)
    state: State = flow.run().result[node]
    return state


# One map


@pytest.mark.parametrize("length", [1, 2, 7, 100])
def test_a_map_makes_a_child_for_each_element(length: int) -> None:
    """A mapped task ends in `Mapped`, with the children's states and their results in order."""
    state = result_of(list(range(length)))
    doubled = [2 * x for x in range(length)]
    assert state == Mapped(None, doubled, tuple(Success(None, x) for x in doubled))
    assert isinstance(state, Mapped)
    assert state.n_map_states == length


def test_the_steps_of_a_map() -> None:
    """The parent is `Mapping` from before its first child starts until behind the end of the last."""
    told: list[str] = []

    class Steps:
        @hookimpl
        def after_step(self, run: RunView, step: Step) -> None:
            if run.lifecycle == "task-run":
                told.append(str(step))

    with Flow("steps") as flow:
        double.map(Parameter("values"))
    flow.run(values=[1, 2], plugins=[Steps()])
    child = ["Pending -START-> Running", "Running -SUCCESS-> Success"]
    assert told == [*child, "Pending -MAP-> Mapping", *child, *child, "Mapping -GATHER-> Mapped"]


@pytest.mark.parametrize("values", [[1, 2], (1, 2), range(1, 3), "12", b"12", {"a": 1}.values(), {1, 2}, {"a": 1}])
def test_what_can_be_mapped_over(values: object) -> None:
    """What has a length and elements by number can be mapped over; anything else fails the task, in words."""
    state = result_of(values, same)
    if isinstance(values, list | tuple | range | str | bytes):
        assert state.result == list(values)
    else:
        kind = type(values).__name__
        assert state == Failed(f"Cannot map over the result of same: {kind!r} has no length and order")


@pytest.mark.parametrize("values", [5, None, iter([1]), object(), Ellipsis])
def test_what_cannot_be_mapped_over(values: object) -> None:
    """A number, an iterator and the like have no elements by number: the task fails, in words."""
    kind = type(values).__name__
    assert result_of(values) == Failed(f"Cannot map over the result of same: {kind!r} has no length and order")


class Odd:
    """A collection that fails where it is told to."""

    def __init__(self, **wrong: BaseException) -> None:
        self.wrong = wrong

    def __len__(self) -> int:
        if "length" in self.wrong:
            raise self.wrong["length"]
        return 2

    def __getitem__(self, place: int) -> int:
        if "item" in self.wrong:
            raise self.wrong["item"]
        return [10, 20][place]


def test_a_collection_of_the_users_own() -> None:
    """A class with a length and elements by number can be mapped over."""
    assert result_of(Odd()).result == [20, 40]


@pytest.mark.parametrize(
    "values",
    [Odd(length=ValueError("no")), Odd(item=KeyError(0)), list, Odd(item=SystemExit(1))],
    ids=["length", "item", "class", "exit"],
)
def test_a_collection_that_fails_does_not_end_the_flow(values: object) -> None:
    """A collection whose length or elements cannot be had fails what is mapped over it, and nothing else."""
    with Flow("odd") as flow:
        other = Task.__call__(task(lambda: "ran"))
        node = double.map(same(unmapped(values)))
        behind = gather(node)
    state = flow.run()
    assert state.result[other] == Success(None, "ran")
    found = state.result[node]
    failed = [found] if found.is_failed() else list(found.map_states)
    assert all(child.is_failed() for child in failed)
    assert state.result[behind].is_finished()


def test_a_map_over_nothing() -> None:
    """A map over nothing ends in `Mapped`, with no children; so do those behind it."""
    with Flow("nothing") as flow:
        one = double.map([])
        two = add.map(one, unmapped(1))
        last = gather(two)
    state = flow.run()
    assert [state.result[node] for node in (one, two, last)] == [Mapped(None, []), Mapped(None, []), Success(None, [])]
    assert state.is_successful()


@pytest.mark.parametrize(("xs", "ys"), [([1, 2, 3], [10]), ([1], [10, 20]), ([], [1, 2]), ([1, 2], [10, 20])])
def test_the_shortest_decides(xs: list[int], ys: list[int]) -> None:
    """A map over several has as many children as the shortest has elements."""
    with Flow("shortest") as flow:
        node = add.map(Parameter("xs"), same(Parameter("ys")))
        other = add.map(double.map(Parameter("zs", xs)), ys)
    result = flow.run(xs=xs, ys=ys).result
    pairs = list(zip(xs, ys, strict=False))
    assert result[node].result == [x + y for x, y in pairs]
    assert result[other].result == [2 * x + y for x, y in pairs]


def test_what_each_child_knows() -> None:
    """A child knows its number and its full name; a task that is not mapped has the number None."""
    seen = task(name="seen")(
        lambda x: (context.map_index, context.task_full_name, context.task_name, context.task_slug)
    )
    with Flow("names") as flow:
        mapped, single = seen.map([7, 8]), seen(7)
    result = flow.run().result
    assert result[mapped].result == [(0, "seen[0]", "seen", "seen-1"), (1, "seen[1]", "seen", "seen-1")]
    assert result[single].result == (None, "seen", "seen", "seen-2")


def test_a_task_twice_in_a_map() -> None:
    """The same task may be two arguments of a map, mapped twice or once."""
    with Flow("twice") as flow:
        values = same([1, 2])
        doubled = double.map(values)
        nodes = [add.map(values, values), add.map(doubled, doubled), add.map(doubled, values)]
        pairs = task(lambda x, y: (x, y)).map(doubled, unmapped(doubled))
    result = flow.run().result
    assert [result[node].result for node in nodes] == [[2, 4], [4, 8], [3, 6]]
    assert result[pairs].result == [(2, [2, 4]), (4, [2, 4])]


# Chains


def test_chains_of_maps_go_depth_first() -> None:
    """The children behind an element run before the next element's: what one makes is not kept for all to be made."""
    log: list[str] = []
    with Flow("chain") as flow:
        a = noted(log, "a").map([1, 2, 3])
        b = noted(log, "b").map(a)
        c = noted(log, "c").map(b)
        noted(log, "last")(c)
    assert flow.run().is_successful()
    assert log == ["a0", "b0", "c0", "a1", "b1", "c1", "a2", "b2", "c2", "last"]


def test_a_chain_that_joins() -> None:
    """A map over two chains waits, element by element, for both."""
    log: list[str] = []
    with Flow("joins") as flow:
        a, b = noted(log, "a").map([1, 2]), noted(log, "b").map([10, 20, 30])
        node = add.map(a, b)
    assert flow.run().result[node].result == [11, 22]
    assert sorted(log) == ["a0", "a1", "b0", "b1", "b2"]


def test_what_is_not_mapped_waits_for_all() -> None:
    """A task that takes a map whole starts behind its last child; so does a child with that task as an argument."""
    log: list[str] = []

    def both_noted(x: object, y: object) -> object:
        log.append(f"c{context.map_index}")
        return x, y

    with Flow("waits") as flow:
        a = noted(log, "a").map([1, 2])
        b = noted(log, "b")(a)
        both = task(name="c")(both_noted)
        c = both.map(a, unmapped(b))
    assert flow.run().result[c].result == [(1, [1, 2]), (2, [1, 2])]
    assert log == ["a0", "a1", "b", "c0", "c1"]


def test_a_chain_goes_on_where_a_child_ended_badly() -> None:
    """Skips and failures stay with their element: the others behind them run."""
    with Flow("chain") as flow:
        a = task(each(0, SKIP("none"), FAIL("bad"), ENDRUN(states.Cancelled("off")))).map([1, 2, 3, 4])
        b = same.map(a)
        c = gather.map(b)
    state = flow.run()
    assert state.result[b].map_states == (
        Success(None, 0),
        Skipped("An upstream run was skipped; skip_on_upstream_skip is set"),
        TriggerFailed(UPSTREAM),
        TriggerFailed(UPSTREAM),
    )
    assert [child.is_successful() for child in state.result[c].map_states] == [True] * 4
    assert state.result[c].result == [0, None, None, None]
    assert state.is_successful()


# Children


def test_children_retry_and_loop_by_themselves() -> None:
    """Each child has its own budget, its own turns and its own state."""
    seen: list[tuple[int, int, int]] = []

    def body(x: int) -> object:
        turn, attempt = context.get("task_loop_count", 1), context.task_run_count
        seen.append((x, turn, attempt))
        if x == 1 and attempt < 3:
            raise FAIL("again")
        if x == 2 and turn < 3:
            raise LOOP(result=turn)
        if x == 3:
            raise VALIDATIONFAIL("never")
        if x == 4 and attempt < 4:
            raise RETRY()
        return x, turn, attempt

    with Flow("own") as flow:
        node = task(max_retries=2)(body).map([1, 2, 3, 4])
    state = flow.run()
    ended = state.result[node].map_states
    assert ended == (
        Success(None, (1, 1, 3)),
        Success(None, (2, 3, 1)),
        states.ValidationFailed("never"),
        Success(None, (4, 1, 4)),
    )
    assert sorted(seen) == [(1, 1, n) for n in (1, 2, 3)] + [(2, n, 1) for n in (1, 2, 3)] + [
        (3, 1, n) for n in (1, 2, 3)
    ] + [(4, 1, n) for n in (1, 2, 3, 4)]
    assert type(state.result[node]) is Mapped
    assert state.is_failed()


def test_children_pause_and_are_resumed() -> None:
    """A child that waits for a person lets the others go on; resumed, it runs alone, and the parent gathers all."""
    log: list[str] = []

    def body(x: int) -> int:
        log.append(f"a{x}")
        if x % 2 and not context.get("resume"):
            raise PAUSE(f"look at {x}")
        return x

    with Flow("pauses") as flow:
        a = task(body).map([0, 1, 2, 3])
        b = double.map(a)
        end = gather(b)
    state = flow.run()
    waiting = states.Mapping(None, None, (Success(None, 0), Paused("look at 1"), Success(None, 2), Paused("look at 3")))
    assert (type(state), state.result[a]) == (Paused, waiting)
    assert state.result[b].map_states[0] == Success(None, 0)
    assert [type(child) for child in state.result[b].map_states] == [Success, states.Pending] * 2
    log.clear()
    for chosen in (None, [a], [getattr(a, "slug", "")]):
        result = flow.resume(state, chosen).result
        assert result[end] == Success(None, [0, 2, 4, 6])
        assert log == ["a1", "a3"]
        log.clear()


def test_a_gate_of_a_child_asks_about_its_own_element() -> None:
    """A mapped task's trigger is asked by each child, with the state of its own upstream child, not by the parent."""
    asked: list[tuple[object, list[str]]] = []

    def trigger(found: Any) -> bool:
        asked.append((context.map_index, [type(state).__name__ for state in found.values()]))
        return triggers.all_failed(found)

    with Flow("gates") as flow:
        a = task(each(0, FAIL("bad"))).map([1, 2])
        node = task(trigger=trigger)(lambda x: str(x)).map(a)
    state = flow.run().result[node]
    assert asked == [(0, ["Success"]), (1, ["Failed"])]
    assert [type(child) for child in state.map_states] == [TriggerFailed, Success]
