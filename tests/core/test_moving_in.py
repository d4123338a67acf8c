"""What flows that were written for Prefect 1 do beyond the tables: each idiom works, or says what to do instead."""

from __future__ import annotations

import logging
import pickle
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from acts import does, flow_of, it, placed, refused

from interlock import (
    Flow,
    Task,
    apply_map,
    context,
    flatten,
    resource_manager,
    signals,
    states,
    tags,
    task,
    unmapped,
)
from interlock.signals import FAIL, Signal
from interlock.states import Cached, Failed, Mapped, Retrying, State, Success
from interlock.testing import Clock


def ended(node: object, flow: Flow, **options: Any) -> State:
    state: State = flow.run(**options).result[node]
    return state


# Options that are set behind the making of a task


@pytest.fixture
def clock() -> Iterator[Clock]:
    with Clock(1000.0).flows() as clock:
        yield clock


def test_options_of_a_copy_are_options(clock: Clock) -> None:
    """`task_args`, `copy` and an assignment set what the making of a task sets, and are checked as it is."""

    def body(x: int = 1) -> object:
        if context.task_run_count < 2:
            raise KeyError("no")
        return context.task_run_name, clock.time()

    usual = task(name="usual")(body)
    given: dict[str, Any] = {
        "max_retries": 1,
        "retry_delay": timedelta(seconds=5),
        "retry_on": [KeyError],
        "task_run_name": "n-{x}",
        "tags": ["a"],
        "cache_for": 60,
    }
    with Flow("copies") as flow, tags("q"):
        called = placed(usual, 1, task_args=given)
        copied = usual.copy(**given).bind(1, flow=flow)
        assigned = usual.copy().bind(1, flow=flow)
        for name, value in given.items():
            setattr(assigned, name, value)
    for node in (called, copied, assigned):
        state = ended(node, flow)
        assert isinstance(state, Cached)
        assert state.result == ("n-1", 1005.0)
    assert flow.get_tasks(tags=["a"]) == (called, copied, assigned)
    assert [sorted(node.tags) for node in (called, copied)] == [["a", "q"]] * 2
    assert refused(lambda: usual.copy(timeout=-1)) == (
        "task 'usual': timeout=-1; it must be seconds above 0, or a timedelta"
    )
    assert refused(lambda: setattr(usual, "max_retries", "many")) == (
        "task 'usual': max_retries='many'; it must be a whole number from 0 on"
    )


class Late(Task):
    """A task that sets its options when the usual ones are set."""

    def __init__(self) -> None:
        super().__init__(name="late")
        self.timeout = 0.05
        self.state_handlers.append(lambda it, old, new: self.seen.append(type(new).__name__))
        self.seen: list[str] = []

    def run(self) -> None:
        import time

        self.logger.info("begun")
        time.sleep(5)


def test_options_that_a_subclass_sets(caplog: pytest.LogCaptureFixture) -> None:
    """They count, also behind `super().__init__()`; a task has a logger of its own."""
    caplog.set_level(logging.INFO)
    with Flow("late") as flow:
        node = Late().bind()
    assert ended(node, flow).is_timed_out()
    assert node.seen == ["Running", "TimedOut"]
    assert [(record.name, record.message) for record in caplog.records][:1] == [("interlock.task.late", "begun")]


def test_handlers_of_copies_are_their_own() -> None:
    """Who adds a handler to a copy adds it to no other."""
    one = task(name="one")(lambda: 1)
    two = one.copy()
    two.state_handlers.append(lambda it, old, new: None)
    assert (len(one.state_handlers), len(two.state_handlers)) == (0, 1)


# Maps


def test_a_map_behind_a_map_waits_child_by_child() -> None:
    """An upstream that is mapped is waited for child by child; one in `unmapped`, or that is not mapped, as a whole."""

    def first(x: int) -> int:
        if x == 1:
            raise FAIL("no")
        return x

    for mark, ends in ((lambda node: node, ["Success", "TriggerFailed"]), (unmapped, ["TriggerFailed"] * 2)):
        with Flow("child by child") as flow:
            above = task(first).map([0, 1])
            node = it(Task.map(task(lambda y: y), [5, 6], upstream_tasks=[mark(above)]))
        assert [type(child).__name__ for child in flow.run().result[node].map_states] == ends
    with Flow("whole") as flow:
        node = it(Task.map(task(lambda y: y), [5, 6], upstream_tasks=[task(lambda: None)()]))
    assert ended(node, flow).result == [5, 6]


def test_the_good_children_of_a_map_are_kept() -> None:
    """A flow that failed goes on from its states: good children are not run again, the others are."""
    ran: list[int] = []
    bad = {2}

    def body(x: int) -> int:
        ran.append(x)
        if x in bad:
            raise FAIL("no")
        return x * 10

    with Flow("again") as flow:
        node = it(task(body).map([1, 2, 3]))
        total = it(task(lambda xs: sum(xs))(node))
    failed = flow.run()
    assert failed.is_failed()
    bad.clear()
    kept = {each: state for each, state in failed.result.items() if state.is_successful()}
    assert isinstance(kept[node], Mapped)
    state = flow.run(task_states=kept)
    assert (ran, state.result[total].result) == ([1, 2, 3, 2], 60)
    assert flow.run(task_states={node: Mapped(result=[1])}).result[total].result == 60
    assert ran[4:] == [1, 2, 3]
    other, (plain,) = flow_of(does(1))
    assert "no run can begin in it" in refused(lambda: other.run(task_states={plain: Mapped()}))


def test_flatten_is_not_lost() -> None:
    """`apply_map` takes no `flatten`, whatever it is of."""
    with Flow("flat"):
        for value in ([[1], [2]], task(lambda: [[1]])()):
            assert "flatten(...) cannot be given" in refused(lambda: apply_map(lambda x: x, flatten(value)))  # noqa: B023


# Flows


def test_flows_have_slugs_of_their_own() -> None:
    """A task in two flows is found in both; flows that name tasks alike can be put together."""
    add = task(name="add")(lambda x: x)
    with Flow("one") as one:
        first = it(add(1))
    with Flow("two") as two:
        second = it(add(2))
    one.update(two)
    result = pickle.loads(pickle.dumps(one.run())).result
    assert (one.run().result[first].result, one.run().result[second].result) == (1, 2)
    assert (one.slugs[first], one.slugs[second], two.slugs[second]) == ("add-1", "add-2", "add-1")
    assert [result[slug].result for slug in ("add-1", "add-2")] == [1, 2]
    assert two.run().result[second].result == 2
    assert one.run(task_states={second: Success(None, 7)}).result[second].result == 7
    alone, both = Flow("alone"), Flow("both")
    alone.add_task(first)
    both.add_task(first.copy())
    both.add_task(first)
    assert both.slugs[first] == "add-2"


def test_edges_by_the_names_that_are_known() -> None:
    """`add_edge(upstream_task=..., downstream_task=...)`, and edges in triggers."""
    asked: list[tuple[str, str]] = []

    def trigger(upstreams: Mapping[Any, State]) -> bool:
        asked.extend((edge.upstream_task.name, edge.downstream_task.name) for edge in upstreams)
        return len(set(upstreams.values())) == 1

    flow = Flow("edges")
    above, below = task(name="above")(lambda: [1]), task(name="below", trigger=trigger)(lambda x: x)
    flow.add_edge(upstream_task=above, downstream_task=below, key="x")
    assert ended(below, flow) == Success(None, [1])
    assert asked == [("above", "below")]


def test_states_can_be_hashed() -> None:
    """Equal states have equal hashes, whatever their results are."""
    assert hash(Success("a", [1])) == hash(Success("a", [1]))
    assert len({Success("a", [1]), Success("a", [1]), Success("a", [2]), Failed("a")}) == 3


def test_what_a_flow_does_not_have_cannot_be_set() -> None:
    """An option that is not kept is refused as an attribute too."""
    flow = Flow("set")
    wrong: Any = flow
    for name in ("executor", "schedule", "storage", "run_config"):
        assert refused(lambda: setattr(wrong, name, object())).startswith(  # noqa: B023
            f"flow 'set': {name} of Prefect 1 is not kept; "
        )
    flow.name = "other"
    assert flow.name == "other"


def test_the_date_of_a_flow_run() -> None:
    """The `date` of the context drives the days; what is none is refused before anything runs."""
    days = ("yesterday", "today", "tomorrow", "today_nodash")
    flow, (node,) = flow_of(lambda: (context.date, *(context[day] for day in days)))
    for date in ("2020-03-01", datetime(2020, 3, 1), datetime(2020, 3, 1, tzinfo=UTC)):
        found = ended(node, flow, context={"date": date}).result
        assert found == (datetime(2020, 3, 1, tzinfo=UTC), "2020-02-29", "2020-03-01", "2020-03-02", "20200301")
    for wrong in ("noon", 5):
        assert refused(lambda: flow.run(context={"date": wrong})) == (  # noqa: B023
            f"flow 'of tasks': context: date={wrong!r}; it must be a datetime, or a text in ISO 8601"
        )


def test_the_context_is_only_looked_at() -> None:
    """What is set on it would be lost: it says where to give it."""
    with pytest.raises(AttributeError) as caught:
        context.mine = 1
    assert str(caught.value) == "the context is only looked at: give mine=... to flow.run(context={...})"


def test_a_retry_that_is_gone_on_with_counts_on() -> None:
    """A run that is given a retry knows how many attempts there were."""
    flow, (node,) = flow_of(lambda: context.task_run_count)
    given = Retrying(start_time=datetime(2020, 1, 1, tzinfo=UTC), run_count=2)
    assert ended(node, flow, task_states={node: given}).result == 3


def test_signals_are_caught_by_the_name_that_is_known() -> None:
    """An `except` clause for the base of all signals works under both names."""
    assert signals.PrefectStateSignal is Signal


# Resources and pictures


def test_options_of_the_tasks_of_a_resource() -> None:
    """Each of the three tasks takes options."""

    class Thing:
        def setup(self) -> str:
            return str(context.task_name)

        def cleanup(self, thing: str) -> None:
            raise ValueError("stuck")

    manager = resource_manager(
        name="thing",
        init_task_kwargs={"tags": ["made"]},
        setup_task_kwargs={"name": "opens", "max_retries": 3},
        cleanup_task_kwargs={"name": "closes", "trigger": lambda up: False},
    )(Thing)
    with Flow("resource") as flow, manager() as thing:
        node = it(task(lambda x: x)(thing))
    state = flow.run()
    assert state.result[node].result == "opens"
    assert [each.name for each in flow.tasks if each.tags == {"made"}] == ["thing"]
    assert isinstance(state.result["closes-1"], states.TriggerFailed)


def test_a_picture_without_an_end_of_its_name(tmp_path: Path) -> None:
    """A name without an end is written as PDF, or as `format` says."""
    flow, _ = flow_of(does(1))
    flow.visualize(filename=tmp_path / "v")
    assert (tmp_path / "v.pdf").read_bytes().startswith(b"%PDF")
    flow.visualize(flow_state=flow.run(), filename=tmp_path / "w", format="gv")
    assert (tmp_path / "w.gv").read_text(encoding="utf-8").startswith("digraph")
