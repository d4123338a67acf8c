"""Facts about maps, loops and the ends of flows, beside those of Prefect 1.4.1: equal, or listed with the reason."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from acts import does, flow_of

from interlock import Flow, context, states, task, triggers
from interlock.signals import ENDRUN, FAIL, LOOP, PAUSE, SKIP
from interlock.states import State

DIFFERENCES = Path(__file__).parent.parent / "differences.toml"
DIFFERENT: dict[str, dict[str, Any]] = tomllib.loads(DIFFERENCES.read_text(encoding="utf-8"))["facts"]
FACTS: dict[str, tuple[Callable[[], object], object]] = {}

Fact = Callable[[], object]


def fact(original: object) -> Callable[[Fact], Fact]:
    """Add a fact, with what the original was seen to do."""

    def add(measure: Fact) -> Fact:
        FACTS[measure.__name__.replace("_", "-")] = (measure, original)
        return measure

    return add


@task
def same(x: Any) -> Any:
    return x


def mapped(over: object) -> State:
    """Return how a map over a result ends."""
    with Flow("map") as flow:
        node = same.map(task(does(over))())
    state: State = flow.run().result[node]
    return state


def named(state: State) -> str:
    return type(state).__name__


# Maps


@fact("Mapped 0")
def a_map_over_nothing() -> object:
    state = mapped([])
    return f"{named(state)} {len(state.result)}"


@fact(["a", "b"])
def a_map_over_a_text() -> object:
    return mapped("ab").result


@fact("Mapped")
def a_map_over_a_dictionary() -> object:
    return named(mapped({"a": 1}))


@fact("Failed")
def a_map_over_a_generator() -> object:
    return named(mapped(x for x in [1]))


@fact("Failed")
def a_map_over_a_failure() -> object:
    return named(mapped(FAIL("no")))


@fact([(1, 5), (2, 6)])
def a_map_over_lists_of_two_lengths() -> object:
    with Flow("two") as flow:
        node = task(lambda x, y: (x, y)).map([1, 2, 3], [5, 6])
    return flow.run().result[node].result


def of_children(behind: Callable[[Any], Any], **options: Any) -> State:
    """Return how a task behind a map ends, of which one child succeeds, one is skipped and one fails."""
    acts = [1, SKIP("none"), FAIL("bad")]
    with Flow("children") as flow:
        children = task(lambda place: does(acts[place])()).map([0, 1, 2])
        node = behind(task(**options)(lambda x: x))(children)
    state: State = flow.run().result[node]
    return state


@fact(["Success", "Skipped", "TriggerFailed"])
def each_child_stands_for_itself() -> object:
    state: Any = of_children(lambda node: node.map)
    return [named(child) for child in state.map_states]


@fact("Skipped")
def one_child_that_was_skipped_skips_the_reduce() -> object:
    with Flow("reduce") as flow:
        node = same(task(lambda x: does(SKIP() if x else 1)()).map([0, 1]))
    return named(flow.run().result[node])


@fact("Skipped")
def a_skip_hides_a_failure_from_the_reduce() -> object:
    return named(of_children(lambda node: node))


@fact([1, "SKIP", "FAIL"])
def what_a_reduce_gets_of_children_without_a_result() -> object:
    state = of_children(lambda node: node, skip_on_upstream_skip=False, trigger=triggers.all_finished)
    return [item if isinstance(item, int) else "none" if item is None else type(item).__name__ for item in state.result]


@fact("Mapped")
def the_parent_asks_no_trigger() -> object:
    with Flow("parent") as flow:
        node = task(trigger=triggers.any_failed)(lambda x: x).map(same([1]))
    return named(flow.run().result[node])


# Loops


def turns(*acts: object, **options: Any) -> list[tuple[object, object, object]]:
    """Return what each call of a body finds: the number of the turn, the last result, and the number of the attempt."""
    left, found = list(acts), []

    def body() -> object:
        found.append((context.get("task_loop_count"), context.get("task_loop_result"), context.task_run_count))
        return does(left.pop(0))()

    flow, _ = flow_of(body, **options)
    state = flow.run()
    if state.is_paused():
        flow.resume(state)
    return found


@fact([(None, None, 1), (2, 10, 1), (3, 20, 1)])
def what_a_turn_finds() -> object:
    return turns(LOOP(result=10), LOOP(result=20), "done")


@fact([(None, None, 1), (11, 5, 1)])
def a_turn_may_be_given_a_number() -> object:
    return turns(LOOP(result=5, loop_count=10), "done")


@fact([(None, None, 1), (2, 10, 1), (2, 10, 2)])
def a_retry_inside_a_turn() -> object:
    return turns(LOOP(result=10), ValueError("no"), "done", max_retries=1)


@fact(5)
def the_retries_of_two_turns() -> object:
    calls = [ValueError("no"), LOOP(result=1), ValueError("no"), LOOP(result=2), "done"]
    return len(turns(*calls, max_retries=1))


@fact([(None, None, 1), (None, None, 2), (None, None, 2)])
def a_pause_is_no_attempt() -> object:
    return turns(ValueError("no"), PAUSE("look"), "done", max_retries=1)


# Ends


def ends(*acts: object) -> str:
    """Return how a flow ends whose tasks do these."""
    return named(flow_of(*map(does, acts))[0].run())


@fact("Failed")
def a_flow_with_a_failure() -> object:
    return ends(1, FAIL("no"), SKIP())


@fact("Success")
def a_flow_with_a_skip() -> object:
    return ends(1, SKIP())


@fact("Success")
def a_flow_of_skips() -> object:
    return ends(SKIP(), SKIP())


@fact("Success")
def a_flow_with_a_cancelled_task() -> object:
    return ends(1, ENDRUN(states.Cancelled("off")))


@fact("Success")
def a_flow_without_tasks() -> object:
    return named(Flow("empty").run())


@pytest.mark.parametrize("name", FACTS)
def test_a_fact_is_equal_or_listed(name: str) -> None:
    """What was seen there is so here, or is as the list of differences says, with a reason."""
    measure, original = FACTS[name]
    found = measure()
    if name not in DIFFERENT:
        assert found == original
        return
    assert found == DIFFERENT[name]["ours"] != original
    assert DIFFERENT[name]["because"]


def test_every_entry_is_of_some_fact() -> None:
    """The list of differences names facts that there are."""
    assert set(DIFFERENT) <= set(FACTS)
