"""States that a task run begins in, beside what Prefect 1.4.1 makes of them: equal, or listed with the reason."""

from __future__ import annotations

import tomllib
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from acts import does, flow_of, placed

from interlock import Flow, FlowError, context, signals, states, task
from interlock.cache_validators import digests, duration_only, never_use
from interlock.results import LocalResult
from interlock.states import State
from interlock.testing import Clock

DIFFERENCES = Path(__file__).parent.parent / "differences.toml"
DIFFERENT: dict[str, dict[str, Any]] = tomllib.loads(DIFFERENCES.read_text(encoding="utf-8"))["entries"]
NOW = datetime(2026, 5, 1, tzinfo=UTC)
PAST, FUTURE = datetime(2026, 4, 1, tzinfo=UTC), datetime(2026, 6, 1, tzinfo=UTC)

# What the original does: the body runs at once, runs with `resume` in the context, runs when it is time, or the run
# stays in its state.
# A text is the name of a state that is not here.
ORIGINAL: dict[str, tuple[State | str | None, str]] = {
    "nothing": (None, "runs"),
    "pending": (states.Pending(), "runs"),
    "scheduled-for-the-past": (states.Scheduled(start_time=PAST), "runs"),
    "scheduled-for-later": (states.Scheduled(start_time=FUTURE), "runs later"),
    "retrying-since-the-past": (states.Retrying(start_time=PAST), "runs"),
    "retrying-later": (states.Retrying(start_time=FUTURE), "runs later"),
    "paused-until-the-past": (states.Paused(start_time=PAST), "runs, resumed"),
    "paused": (states.Paused(), "stays"),
    "cached": (states.Cached(result=1), "runs"),
    "mapped": (states.Mapped(result=[1]), "stays"),
    "resume": ("Resume", "runs, resumed"),
    "queued": ("Queued", "runs"),
    "submitted": ("Submitted", "runs"),
    "client-failed": ("ClientFailed", "runs"),
    "running": (states.Running(), "stays"),
    "cancelling": (states.Cancelling(), "stays"),
    "looped": (states.Looped(result=1), "stays"),
    "state": (states.State(), "stays"),
    "finished": (states.Finished(), "stays"),
    "success": (states.Success(result=1), "stays"),
    "skipped": (states.Skipped(), "stays"),
    "failed": (states.Failed(), "stays"),
    "timed-out": (states.TimedOut(), "stays"),
    "trigger-failed": (states.TriggerFailed(), "stays"),
    "validation-failed": (states.ValidationFailed(), "stays"),
    "cancelled": (states.Cancelled(), "stays"),
}


# The same for tasks that keep results: a state, options of the task, what its upstream does, what becomes of it.
KEPT = states.Cached(result=1, hashed_inputs=digests({"x": 1}))
KEEPING: dict[str, tuple[State, dict[str, Any], BaseException | None, str]] = {
    "cached-and-valid": (KEPT, {"cache_for": 60, "cache_validator": duration_only}, None, "stays"),
    "cached-and-not-valid": (KEPT, {"cache_for": 60, "cache_validator": never_use}, None, "runs"),
    "cached-without-its-target": (states.Cached(result=1), {"target": "absent"}, None, "stays"),
    "cached-behind-a-skip": (KEPT, {"cache_for": 60}, signals.SKIP(), "becomes Skipped"),
    "cached-behind-a-failure": (KEPT, {"cache_for": 60}, signals.FAIL(), "becomes TriggerFailed"),
    "a-target-is-there": (states.Pending(), {"target": "there"}, None, "becomes Cached"),
    "a-target-behind-a-failure": (states.Pending(), {"target": "there"}, signals.FAIL(), "becomes TriggerFailed"),
    "behind-one-that-waits": (states.Pending(), {}, signals.PAUSE(), "stays"),
    "later-behind-one-that-waits": (states.Scheduled(start_time=PAST), {}, signals.PAUSE(), "stays"),
}


@pytest.mark.parametrize("name", KEEPING)
def test_an_entry_of_a_task_that_keeps_results_is_equal(name: str, tmp_path: Path) -> None:
    """A kept result that a run is given, or a target, serves behind the gates, where the validator says so."""
    given, options, upstream, original = KEEPING[name]
    place = LocalResult(tmp_path)
    place.write("there", 7)
    ran: list[str] = []
    with Flow("keeping") as flow:
        above = task(lambda: does(upstream)())()
        node = placed(task(result=place, **options)(lambda x: ran.append("runs")), 1, upstream_tasks=[above])
    state = flow.run(task_states={node: given}).result[node]
    found = "runs" if ran else "stays" if state in (given, states.Pending("The task was not run.")) else None
    assert (found or f"becomes {type(state).__name__}") == original


def ours(given: State | str | None, clock: Clock) -> str:
    """Return what Interlock makes of a state that a task run begins in."""
    if isinstance(given, str):
        with pytest.raises(ImportError, match=given):
            getattr(states, given)
        return "is not kept"
    ran: list[str] = []

    def body() -> str:
        later = ", later" if clock.now >= FUTURE.timestamp() else ""
        ran.append("runs" + later.replace(",", "") + (", resumed" if context.get("resume") else ""))
        return "done"

    flow, (node,) = flow_of(body)
    try:
        state = flow.run(task_states={} if given is None else {node: given}).result[node]
    except FlowError:
        return "is refused"
    if ran:
        return ran[0]
    assert state == given
    return "stays"


@pytest.mark.parametrize("name", ORIGINAL)
def test_an_entry_is_equal_or_listed(name: str) -> None:
    """A run that is given a state goes on as in the original, or as the list of differences says, with a reason."""
    given, original = ORIGINAL[name]
    with Clock(NOW).flows() as clock:
        found = ours(given, clock)
    listed = [entry for entry in DIFFERENT.values() if name in entry["entries"]]
    if found == original:
        assert listed == [], "it is no difference"
        return
    assert len(listed) == 1, f"{original} became {found}, and no entry, or more than one, says why"
    assert listed[0]["ours"] == found
    assert listed[0]["because"]


def test_every_entry_is_of_some_state() -> None:
    """The list of differences names entries that there are."""
    assert {name for entry in DIFFERENT.values() for name in entry["entries"]} <= set(ORIGINAL)
