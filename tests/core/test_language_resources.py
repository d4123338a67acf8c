"""Resources: set up before the tasks of their block, cleaned up behind them, however they end."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from acts import does, it, refused

from interlock import Flow, resource_manager, states, task, unmapped
from interlock.signals import ENDRUN, FAIL, PAUSE, SKIP


class Cluster:
    """A cluster that takes note of what is done to it."""

    log: list[str]

    def __init__(self, size: int = 1) -> None:
        self.size = size
        self.log.append(f"made {size}")

    def setup(self) -> str:
        self.log.append("up")
        return f"cluster of {self.size}"

    def cleanup(self, resource: str) -> None:
        self.log.append(f"down {resource}")


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is done to clusters."""
    monkeypatch.setattr(Cluster, "log", [], raising=False)
    return Cluster.log


def test_a_resource_is_there_for_its_block(log: list[str]) -> None:
    """The tasks of the block come between setup and cleanup, also those that do not take the resource."""
    manager = resource_manager(Cluster)

    @task
    def use(cluster: str, step: int) -> int:
        log.append(f"use {cluster}")
        return step + 1

    with Flow("resources") as flow:
        size = task(does(3))()
        with manager(size) as cluster:
            first = use(cluster, 1)
            second = use(cluster, first)
            it(task(lambda: log.append("beside"))())
        task(lambda x: log.append(f"behind {x}"))(second)
    state = flow.run()
    assert state.result[second].result == 3
    assert log[:2] == ["made 3", "up"]
    assert "behind 3" in log
    assert log.index("down cluster of 3") > max(log.index("beside"), log.index("use cluster of 3"))
    assert (manager.name, manager.__doc__) == ("Cluster", Cluster.__doc__)


ENDS: dict[str, BaseException] = {
    "fails": FAIL("no"),
    "raises": ValueError("no"),
    "is skipped": SKIP("no"),
    "is cancelled": ENDRUN(states.Cancelled("no")),
}


@pytest.mark.parametrize("name", ENDS)
def test_a_resource_is_cleaned_up_however_its_tasks_end(name: str, log: list[str]) -> None:
    """The cleanup runs behind failures and skips; how the flow ends is decided by the tasks, not by the cleanup."""
    with Flow("ends") as flow, resource_manager(Cluster)() as cluster:
        node = task(lambda c: does(ENDS[name])())(cluster)
    state = flow.run()
    assert log == ["made 1", "up", "down cluster of 1"]
    assert flow.reference_tasks() == (node,)
    assert type(state) is type(state.result[node])


@pytest.mark.parametrize("broken", ["__init__", "setup"])
def test_what_was_not_set_up_is_not_cleaned_up(broken: str, log: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the resource cannot be had its tasks fail, and the cleanup is skipped."""

    def no(self: object, size: int = 1) -> None:
        raise ValueError("no")

    monkeypatch.setattr(Cluster, broken, no)
    with Flow("broken") as flow, resource_manager(Cluster)() as cluster:
        node = task(lambda c: c)(cluster)
    state = flow.run()
    assert type(state.result[node]) is states.TriggerFailed
    assert type(state.result["Cluster.cleanup-1"]) is states.Skipped
    assert "down cluster of 1" not in log
    assert state.is_failed()


def test_a_cleanup_that_fails_is_seen_and_decides_nothing(log: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """A failed cleanup is in the result; the flow ends as its tasks did."""
    monkeypatch.setattr(Cluster, "cleanup", lambda self, resource: 1 / 0)
    with Flow("cleanup") as flow, resource_manager(Cluster)() as cluster:
        it(task(lambda c: c)(cluster))
    state = flow.run()
    assert state.is_successful()
    assert state.result["Cluster.cleanup-1"].message == "ZeroDivisionError: division by zero"


def test_a_paused_task_keeps_its_resource(log: list[str]) -> None:
    """Nothing is cleaned up while a task of the block waits for a person."""
    acts = [PAUSE("look"), "done"]
    with Flow("paused") as flow, resource_manager(Cluster)() as cluster:
        node = task(lambda c: does(acts.pop(0))())(cluster)
    rested = flow.run()
    assert log == ["made 1", "up"]
    assert flow.resume(rested).result[node].result == "done"
    assert log == ["made 1", "up", "down cluster of 1"]


def test_resources_in_each_other_and_twice(log: list[str]) -> None:
    """Blocks may be nested, and a manager used for several blocks; an inner one is cleaned up before the outer."""
    manager = resource_manager(name="Pool")(Cluster)
    with Flow("nested") as flow, manager(1) as outer:
        with manager(2) as inner:
            node = task(lambda a, b: (a, b))(outer, inner)
        with manager(3):
            it(task(does("third"))())
    state = flow.run()
    assert state.result[node].result == ("cluster of 1", "cluster of 2")
    assert log.index("down cluster of 2") < log.index("down cluster of 1")
    assert log.index("down cluster of 3") < log.index("down cluster of 1")
    assert manager.name == "Pool"


def test_a_mapped_task_in_a_block(log: list[str]) -> None:
    """A block may hold maps; the cleanup waits for the last child."""
    with Flow("mapped") as flow, resource_manager(Cluster)() as cluster:
        node = task(lambda x, c: log.append(f"child {x}")).map([1, 2], c=unmapped(cluster))
    assert flow.run().result[node].is_successful()
    assert log == ["made 1", "up", "child 1", "child 2", "down cluster of 1"]


def test_resources_without_a_meaning_are_refused() -> None:
    """A class without both methods, no class, and a block outside of a flow are refused."""

    class Half:
        def setup(self) -> None: ...

    manage: Callable[..., Any] = resource_manager
    needs = "it needs setup() and cleanup(resource)"
    assert refused(lambda: manage(Half)) == f"resource_manager: {Half!r} has no method 'cleanup'; {needs}"
    assert refused(lambda: manage(5)) == f"resource_manager: 5 has no method 'setup'; {needs}"
    where = "no flow is being built; write `with Cluster(...):` inside `with Flow(...):`"
    assert refused(lambda: resource_manager(Cluster)().__enter__()) == f"Cluster: {where}"
