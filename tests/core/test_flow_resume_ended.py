"""Resuming a flow run that failed or was cancelled: another begins, in which nothing that went well is done again."""

from __future__ import annotations

import pickle
from typing import Any

import pytest
from acts import flow_of, it, placed, refused

from interlock import Flow, Parameter, context, flatten, resource_manager, states, task, triggers
from interlock.signals import ENDRUN, FAIL, LOOP, SKIP
from interlock.states import Cancelled, Failed, Mapped, Skipped, Success, TriggerFailed


class Work:
    """Bodies that note each call, and fail as long as they are told to."""

    def __init__(self) -> None:
        self.calls: list[object] = []
        self.bad: set[object] = set()

    def body(self, x: str) -> str:
        self.calls.append(x)
        if x in self.bad:
            raise KeyboardInterrupt if x == "stop" else FAIL(f"no {x}")
        return x

    def again(self) -> list[object]:
        """Return the calls up to now, forget them, and let everything go well from now on."""
        calls, self.calls, self.bad = self.calls, [], set()
        return calls


def _skips() -> None:
    raise SKIP("nothing")


def test_only_what_failed_is_done_again() -> None:
    """Those that ended well keep their states, their bodies are not called, and those behind a failure are run."""
    work = Work()
    work.bad = {"b"}
    with Flow("failed") as flow:
        a, b = (task(work.body)(x) for x in "ab")
        skips = task(_skips)()
        c = placed(task(work.body), "c", upstream_tasks=[b])
        d = placed(task(work.body), "d", upstream_tasks=[a, c])
    first = flow.run()
    assert (type(first), work.again()) == (Failed, ["a", "b"])
    assert type(first.result[d]) is TriggerFailed
    second = flow.resume(pickle.loads(pickle.dumps(first)))
    assert (type(second), work.again()) == (Success, ["b", "c", "d"])
    assert [second.result[node] for node in (a, b, c, d)] == [Success(None, x) for x in "abcd"]
    assert second.result[skips] == Skipped("nothing")
    assert type(first.result[b]) is Failed


@pytest.mark.parametrize("stopped", [True, False])
@pytest.mark.parametrize("stored", [True, False])
def test_children_that_went_well_are_not_done_again(stopped: bool, stored: bool) -> None:
    """Also where their parent was cancelled: their states are known, and are as they were in the next run."""
    work = Work()
    wrong = "stop" if stopped else "bad"
    work.bad = {wrong}
    with Flow("children") as flow:
        node = it(task(work.body).map(["x", wrong, "y"]))
        behind = task(lambda x: x * 2).map(node)
    first = flow.run()
    assert type(first.result[node]) is (Cancelled if stopped else Mapped)
    kinds = [type(child) for child in first.result.children(node)]
    assert kinds == [Success, Cancelled if stopped else Failed, Cancelled if stopped else Success]
    assert len(first.result.children(behind)) == 3
    assert first.result.children("body-1") == first.result.children(node)
    state = pickle.loads(pickle.dumps(first)) if stored else first
    work.again()
    second = flow.resume(state)
    assert work.again() == (["stop", "y"] if stopped else ["bad"])
    assert type(second) is Success
    assert second.result[behind].result == ["xx", wrong * 2, "yy"]


def test_parameters_and_context_are_those_of_before() -> None:
    """But for the ids, which are those of the new run; what is given overrides what was."""
    told: list[tuple[object, ...]] = []

    def body(x: int) -> None:
        told.append((x, context.extra, context.flow_run_id, context.date))
        if len(told) == 1:
            raise ValueError("no")

    with Flow("context") as flow:
        placed(task(body), Parameter("x"))
    first = flow.run(x=4, context={"extra": 1})
    assert flow.resume(first).is_successful()
    assert [(x, extra) for x, extra, _, _ in told] == [(4, 1)] * 2
    assert told[0][2] != told[1][2]
    assert told[0][3] == told[1][3]
    told.clear()
    flow.resume(flow.run(x=5, context={"extra": 1}), context={"extra": 2})
    assert [extra for _, extra, _, _ in told] == [1, 2]


def test_what_was_kept_is_kept() -> None:
    """A result that was looked up, or ended early, is not looked at again; a turn is no end."""
    work = Work()
    work.bad = {"b"}
    turns: list[int] = []

    def loops() -> int:
        turns.append(1)
        if context.get("task_loop_count", 1) < 2:
            raise LOOP(result=1)
        return 2

    def ends() -> None:
        work.calls.append("end")
        raise ENDRUN(Success("early", 3))

    with Flow("kept") as flow:
        cached = task(cache_for=3600)(work.body)("c")
        looped = task(loops)()
        early = placed(task(ends))
        task(work.body)("b")
    first = flow.run()
    assert (work.again(), turns) == (["c", "end", "b"], [1, 1])
    assert type(first.result[cached]) is states.Cached
    second = flow.resume(first)
    assert (work.again(), turns) == (["b"], [1, 1])
    assert [second.result[node].result for node in (cached, looped, early)] == ["c", 2, 3]
    assert second.result[early].message == "early"


def test_what_there_is_nothing_to_do_for_is_refused() -> None:
    """A flow run that succeeded, and words for a person where nobody is waited for."""
    flow, _ = flow_of(lambda: 1)
    over = flow.run()
    assert refused(lambda: flow.resume(over)) == (
        "flow 'of tasks': it ended in <Success: \"All reference tasks succeeded.\">; "
        "what is over stays over, run it again"
    )
    flow, (node,) = flow_of(lambda: 1 / 0)
    bad = flow.run()
    text = "flow 'of tasks': it ended in <Failed: \"Some reference tasks failed.\">; no task of it waits for a person"
    given: list[dict[str, Any]] = [{"tasks": [node]}, {"signals": {node: SKIP()}}]
    for more in given:
        assert refused(lambda more=more: flow.resume(bad, **more)) == text  # type: ignore[misc]  # a default is none


def test_what_stands_on_what_is_done_again_is_done_again() -> None:
    """A task that ran whatever happened before it saw a failure: it is to see what comes of the second time."""
    work = Work()
    work.bad = {"b"}

    def report(a: str | None, b: str | None) -> tuple[object, object]:
        work.calls.append("report")
        return a, b

    with Flow("reported") as flow:
        a, b = task(work.body)("a"), task(work.body)("b")
        told = task(trigger=triggers.all_finished)(report)(a, b)
    flow.set_reference_tasks([a, b, told])
    first = flow.run()
    assert (first.result[told].result, work.again()) == (("a", None), ["a", "b", "report"])
    second = flow.resume(first)
    assert (second.result[told].result, work.again()) == (("a", "b"), ["b", "report"])


def test_children_of_a_flattened_list_stand_only_where_it_does() -> None:
    """Places in it move when one of its parts comes to more, so nothing of it is taken for something else."""
    bad = {1}

    def pair(x: int) -> list[int]:
        if x in bad:
            raise OSError("no")
        return [x, x]

    with Flow("flattened") as flow:
        each = task(lambda v: v * 10).map(flatten(task(pair).map([0, 1, 2])))
    first = flow.run()
    bad.clear()
    assert flow.resume(first).result[each].result == flow.run().result[each].result == [0, 0, 10, 10, 20, 20]


def test_a_child_stands_on_its_own_upstream_child() -> None:
    """In a chain of maps one that is done again is followed by its own alone, whatever their triggers say."""
    work = Work()
    work.bad = {"b"}

    def then(x: str) -> str:
        work.calls.append(f"then {x}")
        return x

    with Flow("chained") as flow:
        first_map = task(work.body).map(["a", "b", "c"])
        second_map = task(trigger=triggers.all_finished)(then).map(first_map)
    flow.set_reference_tasks([first_map, second_map])
    first = flow.run()
    work.again()
    second = flow.resume(first)
    assert work.again() == ["b", "then b"]
    assert second.result[second_map].result == ["a", "b", "c"]


def test_a_resource_is_set_up_again_for_what_is_done_again() -> None:
    """What it was before is cleaned up already; those that went well with it are not done again."""
    calls: list[str] = []
    bad = {"second"}

    class Cluster:
        def setup(self) -> str:
            calls.append("setup")
            return "cluster"

        def cleanup(self, cluster: str) -> None:
            calls.append("cleanup")

    def body(cluster: str, name: str) -> str:
        calls.append(name)
        if name in bad:
            raise OSError("no")
        return name

    with Flow("resource") as flow, resource_manager(Cluster)() as cluster:
        for name in ("first", "second"):
            task(body)(cluster, name)
    first = flow.run()
    assert (type(first), sorted(calls)) == (Failed, ["cleanup", "first", "second", "setup"])
    calls.clear()
    bad.clear()
    assert flow.resume(first).is_successful()
    assert calls == ["setup", "second", "cleanup"]
