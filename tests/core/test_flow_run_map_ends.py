"""Maps: what they wait for, what there is to map over, and what is gathered of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from acts import placed
from flows_mapped import add, double, each, gather, same

from interlock import Flow, Task, context, states, task, triggers, unmapped
from interlock.signals import ENDRUN, FAIL, LOOP, MAP, PAUSE, SKIP
from interlock.states import Failed, Mapped, Paused, Skipped, State, Success, TriggerFailed


def result_of(values: object, what: Task = double, **more: object) -> State:
    """Return the state of a map over what a task returns."""
    with Flow("map") as flow:
        node = placed(what, same(unmapped(values)), mapped=True, **more)
    state: State = flow.run().result[node]
    return state


# Whole upstreams


def test_children_wait_for_what_they_take_whole() -> None:
    """A failed or skipped upstream that is not mapped fails or skips each child."""
    for signal, kind in ((FAIL("bad"), TriggerFailed), (SKIP("none"), Skipped)):
        with Flow("whole") as flow:
            node = add.map([1, 2], unmapped(task(each(signal)).map([1])))
            other = add.map([1, 2], unmapped(placed(task(_raises(signal)))))
        result = flow.run().result
        assert [type(child) for child in result[node].map_states] == [kind] * 2
        assert [type(child) for child in result[other].map_states] == [kind] * 2


def _raises(signal: BaseException) -> Callable[[], object]:
    def body() -> object:
        raise signal

    return body


def test_an_empty_map_waits_for_its_upstreams() -> None:
    """A map over nothing is over when its other upstreams are, so that what is behind it does not overtake them."""
    ran: list[str] = []

    def setup() -> None:
        if not context.get("resume"):
            raise PAUSE("look first")

    with Flow("empty") as flow:
        first = placed(task(setup))
        node = double.map([], upstream_tasks=[first])
        task(lambda x: ran.append("behind"))(node)
    state = flow.run()
    assert (type(state), ran) == (Paused, [])
    assert flow.resume(state).is_successful()
    assert ran == ["behind"]


@pytest.mark.parametrize(
    "signal", [FAIL("again"), PAUSE(start_time=datetime(2026, 5, 1, tzinfo=UTC)), LOOP()], ids=repr
)
def test_a_map_is_gathered_when_all_children_are_over(signal: BaseException) -> None:
    """A map that waits last for what it takes whole is gathered once, and not while a child is to go on."""
    acts = {1: [signal], 2: [signal]}

    def body(x: int, whole: list[int]) -> int:
        if acts[x]:
            raise acts[x].pop()
        return x

    with Flow("once") as flow:
        values = same([1, 2])
        node = task(max_retries=1)(body).map(values, unmapped(same(values)))
    assert flow.run().result[node] == Mapped(None, [1, 2], (Success(None, 1), Success(None, 2)))


def test_a_child_that_changes_the_list_changes_no_child() -> None:
    """What the children are made of is settled when they are made: a body that empties the list takes nothing away."""

    def body(x: int, whole: list[int]) -> int:
        whole.clear()
        return x

    with Flow("changed") as flow:
        values = same(unmapped([1, 2, 3]))
        node = task(body).map(values, unmapped(values))
    assert flow.run(plugins=[]).result[node].result == [1, 2, 3]


@pytest.mark.parametrize("slow", [False, True])
def test_a_failure_is_not_hidden_by_what_cannot_be_mapped(slow: bool) -> None:
    """Over a skipped upstream nothing is mapped; but where another one failed, the task fails, whoever is first."""
    with Flow("hidden") as flow:
        fails = placed(task(max_retries=int(slow))(_raises(FAIL("bad"))))
        none = placed(task(_raises(SKIP("none"))))
        node = add.map(none, unmapped(fails))
    state = flow.run()
    assert state.result[node].is_failed()
    assert state.is_failed()


# What there is to map over


OVER: list[tuple[BaseException, State]] = [
    (SKIP("none"), Skipped("There is nothing to map over: an upstream run was skipped")),
    (FAIL("bad"), TriggerFailed('There is nothing to map over: body ended in <Failed: "bad">')),
    (
        ENDRUN(states.Cancelled("off")),
        TriggerFailed('There is nothing to map over: body ended in <Cancelled: "off">'),
    ),
]


@pytest.mark.parametrize(("signal", "state"), OVER)
def test_a_map_over_what_did_not_succeed(signal: BaseException, state: State) -> None:
    """Over a skipped, failed or cancelled upstream nothing is mapped: the task is skipped, or fails."""
    with Flow("over") as flow:
        source = placed(task(_raises(signal)))
        nodes = [double.map(source), add.map([1, 2], source), add.map(source, double.map([1]))]
        behind = double.map(nodes[0])
    result = flow.run().result
    assert [result[node] for node in nodes] == [state] * 3
    assert type(result[behind]) is type(state)


def test_a_failure_among_several_to_map_over() -> None:
    """Where one of several upstreams was skipped and another failed, the task fails."""
    with Flow("several") as flow:
        node = add.map(placed(task(_raises(SKIP()))), placed(task(_raises(FAIL("bad")))))
    assert flow.run().result[node] == TriggerFailed('There is nothing to map over: body ended in <Failed: "bad">')


# Reduce


def test_a_reduce_takes_what_there_is() -> None:
    """A task that takes a map whole has the children's results: None for a child without one, or its exception."""
    error = ValueError("no")
    acts = (1, SKIP("none"), FAIL("bad"), error, FAIL("kept", result=5), SKIP("kept", result=6))
    with Flow("reduce") as flow:
        a = task(each(*acts)).map([0] * len(acts))
        node = gather(a)
    result = flow.run().result
    assert result[node] == Success(None, [1, None, None, error, 5, 6])
    assert result[a].result == [1, None, None, error, 5, 6]
    assert [type(child).__name__ for child in result[a].map_states] == ["Success", "Skipped"] + ["Failed"] * 3 + [
        "Skipped"
    ]


REDUCED: list[tuple[tuple[object, ...], dict[str, Any], State]] = [
    ((1, 2), {}, Success(None, [1, 2])),
    ((1, SKIP("n")), {}, Skipped("An upstream run was skipped; skip_on_upstream_skip is set")),
    ((1, SKIP("n")), {"skip_on_upstream_skip": False}, Success(None, [1, None])),
    ((1, FAIL("b")), {}, TriggerFailed("Trigger 'all_successful' says no: 1 of 2 upstream runs do not fit")),
    (
        (SKIP("n"), FAIL("b"), 3),
        {},
        TriggerFailed("Trigger 'all_successful' says no: 1 of 3 upstream runs do not fit"),
    ),
    ((SKIP("n"), FAIL("b")), {"trigger": triggers.any_failed}, Success(None, [None, None])),
    ((1, FAIL("b")), {"trigger": triggers.any_successful}, Success(None, [1, None])),
]


@pytest.mark.parametrize(("acts", "options", "state"), REDUCED)
def test_the_gates_of_a_reduce_look_at_each_child(
    acts: tuple[object, ...], options: dict[str, Any], state: State
) -> None:
    """Trigger and skips behind a map count each child like an upstream of its own."""
    with Flow("reduce") as flow:
        node = task(**options)(lambda values: values)(task(each(*acts)).map([0] * len(acts)))
    assert flow.run().result[node] == state


@pytest.mark.parametrize(
    ("acts", "end"),
    [((1, 2), Success), ((1, SKIP()), Success), ((SKIP(), SKIP()), Skipped), ((1, FAIL()), Failed), ((), Success)],
)
def test_the_children_of_a_reference_task_decide(acts: tuple[object, ...], end: type[State]) -> None:
    """A flow whose reference task is mapped ends as the children say."""
    with Flow("ends") as flow:
        task(each(*acts)).map([0] * len(acts))
    assert type(flow.run()) is end


def test_a_generator_is_used_up_by_nobody() -> None:
    """A generator cannot be mapped over, and is left as it was."""

    def values() -> Iterator[int]:
        yield 1

    generator = values()
    assert result_of(generator).is_failed()
    assert next(generator) == 1


def test_a_map_over_a_task_that_says_map_of_itself() -> None:
    """A trigger may say MAP of a task that is mapped over nothing: what maps over it is told of its end."""

    def trigger(upstreams: object) -> bool:
        raise MAP()

    with Flow("says map") as flow:
        above = task(trigger=trigger)(lambda: [1])()
        node = task(lambda x: x).map(above)
    state = flow.run()
    assert (type(state), state.result[above], state.result[node]) == (Success, Mapped(None, []), Mapped(None, []))
