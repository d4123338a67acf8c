"""States that a flow run begins in, beside what Prefect 1.4.1 makes of them: equal, or listed with the reason."""

from __future__ import annotations

import tomllib
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from acts import flow_of

from interlock import FlowError, states
from interlock.states import State
from interlock.testing import Clock

DIFFERENCES = Path(__file__).parent.parent / "differences.toml"
DIFFERENT: dict[str, dict[str, Any]] = tomllib.loads(DIFFERENCES.read_text(encoding="utf-8"))["flow-entries"]
NOW = datetime(2026, 5, 1, tzinfo=UTC)
PAST, FUTURE = datetime(2026, 4, 1, tzinfo=UTC), datetime(2026, 6, 1, tzinfo=UTC)

# What the original does: its tasks run at once, or when it is time, or the state is what comes back and nothing runs.
# A text is the name of a state that is not here.
ORIGINAL: dict[str, tuple[State | str | None, str]] = {
    "nothing": (None, "runs"),
    "pending": (states.Pending(), "runs"),
    "scheduled": (states.Scheduled(), "runs"),
    "scheduled-for-the-past": (states.Scheduled(start_time=PAST), "runs"),
    "scheduled-for-later": (states.Scheduled(start_time=FUTURE), "stays"),
    "retrying-since-the-past": (states.Retrying(start_time=PAST), "runs"),
    "retrying-later": (states.Retrying(start_time=FUTURE), "stays"),
    "paused": (states.Paused(), "runs"),
    "paused-until-the-past": (states.Paused(start_time=PAST), "runs"),
    "paused-for-later": (states.Paused(start_time=FUTURE), "stays"),
    "resume": ("Resume", "runs"),
    "queued": ("Queued", "runs"),
    "submitted": ("Submitted", "runs"),
    "client-failed": ("ClientFailed", "runs"),
    "running": (states.Running(), "runs"),
    "cancelling": (states.Cancelling(), "runs"),
    "looped": (states.Looped(), "stays"),
    "state": (states.State(), "stays"),
    "finished": (states.Finished(), "stays"),
    "success": (states.Success(result=1), "stays"),
    "skipped": (states.Skipped(), "stays"),
    "cached": (states.Cached(result=1), "stays"),
    "mapped": (states.Mapped(result=[1]), "stays"),
    "failed": (states.Failed(), "stays"),
    "timed-out": (states.TimedOut(), "stays"),
    "trigger-failed": (states.TriggerFailed(), "stays"),
    "validation-failed": (states.ValidationFailed(), "stays"),
    "cancelled": (states.Cancelled(), "stays"),
}


def ours(given: State | str | None, clock: Clock) -> str:
    """Return what Interlock makes of a state that a flow run begins in."""
    if isinstance(given, str):
        with pytest.raises(ImportError, match=given):
            getattr(states, given)
        return "is not kept"
    ran: list[str] = []
    flow, _ = flow_of(lambda: ran.append("runs later" if clock.now >= FUTURE.timestamp() else "runs"))
    try:
        state = flow.run(state=given)
    except FlowError:
        return "is refused"
    if ran:
        assert state.is_successful()
        return ran[0]
    assert state is given
    return "stays"


@pytest.mark.parametrize("name", ORIGINAL)
def test_an_entry_is_equal_or_listed(name: str) -> None:
    """A flow run that is given a state goes on as in the original, or as the list of differences says."""
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
