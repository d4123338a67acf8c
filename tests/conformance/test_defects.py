"""The defects that were reproduced on Prefect 1.4.1, group by group: each is shown not to be here."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
from acts import Told, does, flow_of, placed

from interlock import Flow, context, merge, signals, states, task, triggers
from interlock.control_flow import FilterTask
from interlock.results import LocalResult
from interlock.signals import ENDRUN, FAIL, LOOP, PAUSE, RETRY, SKIP, SUCCESS, TIMEOUT
from interlock.states import Failed, Paused, Running, State, Success


def ended(body: Any, **options: Any) -> State:
    """Return the state of one task, run in a flow. Any: bodies and options of tasks."""
    flow, (node,) = flow_of(body, **options)
    state: State = flow.run().result[node]
    return state


def test_1_nothing_goes_round_for_ever() -> None:
    """A signal that the table does not know, a handler that undoes an end, RETRY without end, and pauses all rest."""
    assert type(ended(does(signals.Signal("base")))) is Failed
    assert (
        type(ended(does(1), state_handlers=[lambda it, old, new: Running() if new.is_finished() else None])) is Failed
    )
    assert "RETRY was not granted" in str(ended(does(RETRY()), retry_limit=50).message)
    with Flow("child") as flow:
        node = task(lambda x: does(PAUSE("look") if x else 1)()).map([0, 1])
    rested = flow.run()
    assert (type(rested), rested.result[node].is_mapping()) == (Paused, True)
    flow, nodes = flow_of(does(PAUSE("always")))
    rested = flow.run()
    for _ in range(3):
        rested = flow.resume(rested)
        assert rested.result[nodes[0]] == Paused("always")


def test_2_a_merge_has_no_exception_as_its_result() -> None:
    """A branch that skips itself gives no result, and never the signal."""
    with Flow("merge") as flow:
        node = merge(task(does(SKIP("no")))(), task(does("b"))())
    assert flow.run().result[node].result == "b"


def test_3_a_filter_keeps_no_signal() -> None:
    """What failed or was skipped leaves nothing for a filter to keep."""
    acts = [FAIL("no"), SKIP("no"), 1]
    with Flow("filter") as flow:
        node = FilterTask()(task(lambda place: does(acts[place])()).map([0, 1, 2]))
    assert flow.run().result[node].result == [1]


@pytest.mark.parametrize("signal", [SUCCESS(), SKIP(), FAIL()], ids=lambda signal: signal.name)
def test_4_a_signal_without_a_result_hands_on_none(signal: signals.Signal) -> None:
    """A task behind one gets None."""
    with Flow("none") as flow:
        node = task(trigger=triggers.all_finished, skip_on_upstream_skip=False)(lambda x: x)(task(does(signal))())
    assert flow.run().result[node] == Success(None, None)


def test_5_no_handler_and_no_signal_breaks_the_flow_run() -> None:
    """A last word without a result keeps the tasks' states, a PAUSE of a flow's handler rests, ENDRUN takes a state."""
    flow = Flow("last", terminal_state_handler=lambda flow, state, found: Failed("enough"))
    node = flow.add_task(task(does(7)))
    state = flow.run()
    assert (type(state), state.result[node].result) == (Failed, 7)

    def paused(it: object, old: State, new: State) -> None:
        if new.is_successful():
            raise PAUSE("look")

    flow = Flow("pause", state_handlers=[paused], tasks=[task(does(1))])
    assert isinstance(flow.run(), State)
    wrong: Any = "Success"
    assert str(ended(lambda: does(ENDRUN(wrong))()).message).startswith("TypeError: ENDRUN: 'Success' is no state")


def test_6_the_context_outlives_a_retry_and_ids_are_of_one_run() -> None:
    """A key that a run was given is there in every attempt; two runs have two ids."""
    seen: list[tuple[object, object]] = []
    acts: list[object] = [ValueError("no"), 1, 1]

    def body() -> object:
        seen.append((context.get("colour"), context.flow_run_id))
        return does(acts.pop(0))()

    flow, _ = flow_of(body, max_retries=1)
    flow.run(context={"colour": "red"})
    flow.run(context={"colour": "blue"})
    assert [colour for colour, _ in seen] == ["red", "red", "blue"]
    assert seen[0][1] == seen[1][1] != seen[2][1]


def test_7_raise_on_exception_changes_no_signal() -> None:
    """Retries, handlers and skips are as ever; a failure is raised behind them."""
    changes: list[str] = []
    handler = lambda it, old, new: changes.append(type(new).__name__)  # noqa: E731  # a handler as people write them
    flow, _ = flow_of(does(FAIL("no"), "done"), max_retries=1, state_handlers=[handler])
    assert flow.run(raise_on_exception=True).is_successful()
    assert changes == ["Running", "Retrying", "Running", "Success"]


def test_8_a_flow_whose_task_was_cancelled_has_not_succeeded() -> None:
    """A cancelled reference task cancels the flow."""
    flow, _ = flow_of(does(ENDRUN(states.Cancelled("off"))), does(1))
    assert type(flow.run()) is states.Cancelled


def test_9_what_is_cached_does_not_fail_behind_that(tmp_path: Path) -> None:
    """The trigger is asked before a target or a kept result is looked for, so that nothing is Cached and then fails.

    A trigger that a failed upstream satisfies lets the target serve.
    """
    place = LocalResult(tmp_path)
    place.write("there", 7)
    kept: list[dict[str, Any]] = [{"target": "there"}, {"cache_for": 60, "cache_key": "9"}]
    for options in kept:
        if "cache_for" in options:
            assert ended(does(7), **options).is_cached()
        for trigger, end in ((triggers.all_successful, "TriggerFailed"), (triggers.all_finished, "Cached")):
            with Flow("ninth") as flow:
                above = task(does(FAIL("no")))()
                node = placed(task(result=place, trigger=trigger, **options)(does(1)), upstream_tasks=[above])
            told = Told()
            state = flow.run(plugins=[told]).result[node]
            assert type(state).__name__ == end
            assert told.tasks[-1].endswith(end)
            assert len(told.tasks) == 3, "two steps of the first, one of the second"
            assert state.result == (7 if end == "Cached" else None)


def test_10_triggers_count_what_there_is() -> None:
    """No upstream is no skipped one, and a float is a share."""
    assert triggers.not_all_skipped({}) is True
    with Flow("share") as flow:
        nodes = [task(does(FAIL("no")))(), task(does(1))()]
        all_, one = (task(trigger=triggers.some_failed(at_least=bound))(lambda: 1) for bound in (1.0, 1))
        for node in (all_, one):
            flow.set_dependencies(node, upstream_tasks=nodes)
    result = flow.run().result
    assert (type(result[all_]), type(result[one])) == (states.TriggerFailed, Success)


def test_11_one_budget_for_all_turns_and_every_failure_may_be_named() -> None:
    """Failures of all turns count together; `retry_on` matches FAIL and what took too long."""
    assert type(ended(does(ValueError("1"), LOOP(), ValueError("2"), "done"), max_retries=1)) is Failed
    assert ended(does(FAIL("no"), "done"), max_retries=1, retry_on=FAIL).result == "done"
    naps = [0.2, 0.0]

    def slow() -> str:
        time.sleep(naps.pop(0))
        return "done"

    assert ended(slow, timeout=0.05, max_retries=1, retry_on=TIMEOUT).result == "done"


def test_12_a_run_does_not_end_between_two_turns() -> None:
    """A trigger cannot ask for a turn, and nothing ends a run in a state that it would go on from."""
    assert type(ended(does(1), trigger=lambda upstreams: does(LOOP())())) is states.TriggerFailed
    message = str(ended(lambda: does(ENDRUN(states.Looped()))()).message)
    assert message.startswith("ValueError: ENDRUN: no run may be ended in Looped")
