"""The keys of `interlock.context`, beside those of Prefect 1.4.1: the same, or listed with the reason."""

from __future__ import annotations

import tomllib
from datetime import datetime
from pathlib import Path

from acts import does, flow_of

from interlock import context
from interlock.signals import LOOP, PAUSE

DIFFERENCES = Path(__file__).parent.parent / "differences.toml"
DIFFERENT: dict[str, dict[str, str]] = tomllib.loads(DIFFERENCES.read_text(encoding="utf-8"))["context"]

# What a task finds there in a flow that is run on one machine, with the type of each.
ORIGINAL: dict[str, type] = {
    "caches": object,
    "checkpointing": bool,
    "config": object,
    "date": datetime,
    "today": str,
    "yesterday": str,
    "tomorrow": str,
    "today_nodash": str,
    "yesterday_nodash": str,
    "tomorrow_nodash": str,
    "flow_id": str,
    "flow_name": str,
    "flow_run_id": str,
    "flow_run_name": str,
    "scheduled_start_time": datetime,
    "parameters": dict,
    "map_index": object,
    "logger": object,
    "task_id": str,
    "task_slug": str,
    "task_run_id": str,
    "task_name": str,
    "task_full_name": str,
    "task_tags": object,
    "task_run_count": int,
    # where there is something to say
    "task_loop_count": int,
    "task_loop_result": object,
    "resume": bool,
    "task_run_name": str,
    "task_run_version": object,
}


def test_the_keys_are_the_same_or_listed() -> None:
    """A task in its second turn that was resumed and has a name of its own finds every key, or the list says why."""
    acts = does(PAUSE(), LOOP(result=1), "done")
    found: dict[str, object] = {}

    def body() -> object:
        found.update(context.to_dict())
        return acts()

    flow, (node,) = flow_of(body, task_run_name="mine")
    state = flow.resume(flow.run(context={"colour": "red"}))
    assert state.result[node].result == "done"
    missing = set(ORIGINAL) - set(found)
    assert missing == set(DIFFERENT)
    assert all(entry["because"] for entry in DIFFERENT.values())
    assert [key for key in set(ORIGINAL) - missing if not isinstance(found[key], ORIGINAL[key])] == []
