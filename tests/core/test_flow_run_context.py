"""The context: what a body, a trigger and a hook may know of the run that they are called in."""

from __future__ import annotations

import copy
import logging
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from interlock import Flow, Parameter, Task, context, states, task
from interlock.signals import FAIL, LOOP, PAUSE

FLOW_KEYS = {
    "flow_name",
    "flow_run_id",
    "flow_run_name",
    "flow_id",
    "caches",
    "parameters",
    "date",
    "scheduled_start_time",
    "yesterday",
    "today",
    "tomorrow",
    "yesterday_nodash",
    "today_nodash",
    "tomorrow_nodash",
}
TASK_KEYS = {
    "task_name",
    "task_full_name",
    "task_id",
    "task_run_id",
    "checkpointing",
    "task_slug",
    "task_tags",
    "map_index",
    "task_run_count",
    "task_start_time",
    "logger",
}


def found(body: Callable[[], object], **options: Any) -> Any:
    """Return what a body returns in a flow that is run with these options. Any: whatever that is."""
    with Flow("asked") as flow:
        node = task(name="asks", tags=["a"])(body)()
    return flow.run(**options).result[node].result


def test_outside_of_a_run_there_is_nothing() -> None:
    """Outside of a run the context is empty, and an attribute says so."""
    assert (dict(context), len(context), list(context), context.to_dict(), context.get("date")) == ({}, 0, [], {}, None)
    assert "date" not in context
    with pytest.raises(KeyError, match="date"):
        context["date"]
    with pytest.raises(AttributeError) as caught:
        _ = context.date
    assert str(caught.value) == "the context has no 'date'; it has: nothing: no run is under way here"
    assert repr(context) == "<Context: >"


def test_the_keys_of_a_task() -> None:
    """A body finds the flow's keys and its own; those of loops and resumptions only where there was one."""
    known = found(lambda: (set(context), len(context), set(context.to_dict()), repr(context)))
    keys = FLOW_KEYS | TASK_KEYS
    assert known == (keys, len(keys), keys, f"<Context: {', '.join(sorted(keys))}>")
    seen: list[set[str]] = []
    left = [LOOP(), PAUSE(), FAIL()]

    def body() -> None:
        seen.append(set(context) - keys)
        if left:
            raise left.pop(0)

    with Flow("more") as flow:
        task(max_retries=1)(body)()
    assert flow.resume(flow.run()).is_successful()
    turns = {"task_loop_count", "task_loop_result"}
    told = turns | {"resume", "answer", "answered"}
    assert seen == [set(), turns, told, told]


def test_what_the_keys_say() -> None:
    """The flow is told by name, the task by name, slug and tags, the dates are those of the run."""
    before = datetime.now(UTC)
    told = found(context.to_dict)
    assert before <= told["date"] <= datetime.now(UTC)
    assert told["scheduled_start_time"] == told["date"]
    for name, days in (("yesterday", -1), ("today", 0), ("tomorrow", 1)):
        day = told["date"] + timedelta(days=days)
        assert (told[name], told[f"{name}_nodash"]) == (f"{day:%Y-%m-%d}", f"{day:%Y%m%d}")
    assert (told["flow_name"], told["task_name"], told["task_full_name"]) == ("asked", "asks", "asks")
    assert (told["task_slug"], told["task_tags"], told["map_index"]) == ("asks-1", frozenset("a"), None)
    assert (told["task_run_count"], told["parameters"]) == (1, {})
    assert (told["flow_id"], told["task_id"], told["checkpointing"]) == ("asked", "asks-1", False)
    assert told["task_run_id"] == f"{told['flow_run_id']}/asks-1"
    assert told["flow_run_name"] == f"asked-{told['flow_run_id'][:8]}"


def test_every_run_has_an_id_of_its_own() -> None:
    """Two runs of a flow have different ids; all tasks of one run have the same."""
    with Flow("ids") as flow:
        nodes = [task(lambda: context.flow_run_id)() for _ in range(2)]
    first, second = ({flow.run().result[node].result for node in nodes} for _ in range(1)), flow.run()
    (ids,) = first
    assert len({second.result[node].result for node in nodes}) == 2 - 1
    assert ids != {second.result[nodes[0]].result}


def test_keys_and_attributes_are_the_same() -> None:
    """A key can be read as an attribute; one that is not there is named, with those that are."""

    def body() -> object:
        with pytest.raises(
            AttributeError, match=r"the context has no 'task_loop_count'; it has: caches, checkpointing, date, "
        ):
            _ = context.task_loop_count
        return context.task_name == context["task_name"] == context.get("task_name")

    assert found(body) is True


def test_further_keys() -> None:
    """`context=` gives further keys, which every body of the run finds; a task's own keys come first."""
    options = {"context": {"colour": "red", "task_name": "mine", "today": "never"}}
    assert found(lambda: (context.colour, context.task_name, context.today), **options) == ("red", "asks", "never")
    assert found(lambda: "colour" in context) is False


def test_parameters_are_in_the_context() -> None:
    """A body finds the values of all parameters, those with a default too."""
    with Flow("parameters") as flow:
        flow.add_task(Parameter("x"))
        flow.add_task(Parameter("y", 2))
        node = task(lambda: context.parameters)()
    assert flow.run(x=1).result[node].result == {"x": 1, "y": 2}


def test_the_context_is_left_behind() -> None:
    """Behind a body, whatever it did, the context is what it was; between two tasks there is none."""

    def fails() -> None:
        raise FAIL("no")

    with Flow("left") as flow:
        task(fails)()
        task(context.to_dict)()
    flow.run()
    assert context.to_dict() == {}


def test_a_logger_of_the_task() -> None:
    """A body finds a logger that is named after the task, and says which run it is of."""
    records: list[logging.LogRecord] = []

    class Keeps(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            records.append(record)

    logger = logging.getLogger("interlock.task.logs")
    handler = Keeps()
    logger.addHandler(handler)
    try:
        with Flow("logged") as flow:
            task(name="logs")(lambda x: context.logger.warning("at %s", x, extra={"mine": x})).map([7, 8])
        hows: list[Any] = [{}, {"executor": "threads", "workers": 1}]
        for how in hows:
            flow.run(context={"flow_run_id": "id"}, **how)
    finally:
        logger.removeHandler(handler)
    said = [(record.name, record.getMessage()) for record in records]
    assert said == [("interlock.task.logs", "at 7"), ("interlock.task.logs", "at 8")] * 2
    for number, record in enumerate(records):
        assert (
            record.__dict__.items()
            >= {
                "flow": "logged",
                "flow_run_id": "id",
                "task": "logs",
                "run": f"logs[{number % 2}]",
                "map_index": number % 2,
                "attempt": 1,
                "mine": 7 + number % 2,
            }.items()
        )


def test_another_thread_has_a_context_of_its_own() -> None:
    """A flow in another thread does not see the context of this one, and leaves it alone."""
    told: list[object] = []

    def body() -> object:
        def elsewhere() -> None:
            told.append(dict(context))
            told.append(found(lambda: context.flow_name))

        thread = threading.Thread(target=elsewhere)
        thread.start()
        thread.join()
        return context.colour

    assert found(body, context={"colour": "red"}) == "red"
    assert told == [{}, "asked"]


def test_a_context_taken_away_is_a_copy() -> None:
    """What `to_dict` returns stays as it is when the run goes on."""
    taken: list[dict[str, Any]] = []

    def body() -> None:
        taken.append(context.to_dict())
        if len(taken) < 3:
            raise LOOP(result=len(taken))

    with Flow("taken") as flow:
        task(body)()
    flow.run()
    assert [each.get("task_loop_count") for each in taken] == [None, 2, 3]
    assert [each.get("task_loop_result") for each in taken] == [None, 1, 2]


def test_a_body_cannot_write_into_it() -> None:
    """The context is read only."""

    def body() -> None:
        writable: Any = context
        writable["x"] = 1

    state = Flow("read")
    node = state.add_task(task(body))
    result = state.run().result[node]
    assert type(result) is states.Failed
    assert result.message == "TypeError: 'Context' object does not support item assignment"
    assert copy.copy(context.to_dict()) == {}


def test_a_function_without_a_flow_has_no_context() -> None:
    """A task's function, called by itself, runs outside of any flow."""
    asks = task(lambda: context.get("task_name", "nobody"))
    assert asks.run() == "nobody"
    assert isinstance(asks, Task)
