"""What goes wrong in code that is not ours: each case has an end that is defined, and the rest of the flow goes on."""

from __future__ import annotations

import os
import pickle
import sys
import threading
import tracemalloc
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from acts import Told, does, flow_of, it, refused

from interlock import Flow, Parameter, context, states, task
from interlock.results import LocalResult
from interlock.signals import FAIL
from interlock.states import Failed, State, Success


class Plain(BaseException):
    """An exception that is no `Exception`."""


class Mute(Exception):
    """An exception that cannot say what it is."""

    def __str__(self) -> str:
        raise ValueError("no")

    __repr__ = __str__


class Hostile:
    """A value that refuses every question."""

    def __eq__(self, other: object) -> bool:
        raise ValueError("eq")

    def __bool__(self) -> bool:
        raise ValueError("bool")

    def __len__(self) -> int:
        raise ValueError("len")

    def __repr__(self) -> str:
        raise ValueError("repr")

    __hash__ = None  # type: ignore[assignment]


def deeper(depth: int = 0) -> int:
    return deeper(depth + 1)


def one(body: Callable[..., object], **options: Any) -> tuple[State, State]:
    """Run a task beside another; return the states of the task and of the flow. The other one always succeeds."""
    with Flow("one") as flow:
        node = it(task(name="t", **options)(body)())
        beside = it(task(lambda: "beside")())
    state = flow.run()
    assert state.result[beside] == Success(None, "beside")
    return state.result[node], state


RAISED: dict[str, tuple[Callable[[], object], str]] = {
    "an exception": (does(ValueError("no")), "ValueError: no"),
    "one without a text": (does(ValueError()), "ValueError"),
    "sys.exit": (lambda: sys.exit(3), "SystemExit: 3"),
    "GeneratorExit": (does(GeneratorExit()), "GeneratorExit"),
    "a bare BaseException": (does(Plain("no")), "Plain: no"),
    "one that cannot be told": (does(Mute()), "Mute: <its text raised ValueError>"),
    "an exception group": (does(ExceptionGroup("both", [ValueError("a")])), "ExceptionGroup: both (1 sub-exception)"),
}


@pytest.mark.parametrize("name", RAISED)
def test_a_body_that_raises_fails_its_task(name: str) -> None:
    """Whatever it raises is the result, and its text the message; the other tasks are not its own."""
    body, message = RAISED[name]
    state, flow = one(body)
    assert (type(state), state.message) == (Failed, message)
    assert isinstance(state.result, BaseException)
    assert (type(flow), flow.message) == (Failed, "Some reference tasks failed.")


def test_a_body_that_recurses_too_deeply() -> None:
    """It fails as any other; our own frames leave it nearly all of the depth that there is."""
    state, _ = one(deeper)
    assert str(state.message).startswith("RecursionError: maximum recursion depth exceeded")

    def frames() -> int:
        frame, count = sys._getframe(), 0
        while frame is not None:
            frame, count = frame.f_back, count + 1  # type: ignore[assignment]  # None ends the loop
        return count

    here = frames()
    assert one(frames)[0].result - here < 12


def test_a_body_that_raises_keyboard_interrupt_means_the_program() -> None:
    """The flow run is cancelled, with the state of every task known, and `flow.run` returns."""
    with Flow("stopped") as flow:
        before = task(lambda: 1)()
        node = task(does(KeyboardInterrupt()))(upstream_tasks=[before])  # type: ignore[call-arg]
        behind = task(lambda x: x)(node)
    state = flow.run()
    assert [type(each) for each in state.result.values()] == [Success, states.Cancelled, states.Cancelled]
    assert (type(state), state.result[it(behind)].message) == (states.Cancelled, "The flow run was cancelled")


@pytest.mark.parametrize(
    "value",
    [
        Failed("data"),
        FAIL("data"),
        FAIL,
        ValueError("data"),
        (x for x in [1]),
        threading.Lock(),
        Hostile(),
        NotImplemented,
    ],
    ids=["state", "signal", "class", "exception", "generator", "lock", "hostile", "not implemented"],
)
def test_what_a_body_returns_is_a_result(value: object) -> None:
    """Anything that is returned is data, and handed on as it is: nothing looks into it, nothing copies it."""
    with Flow("any") as flow:
        first = it(task(lambda: value)())
        same = it(task(lambda x: x is value)(first))
    state = flow.run()
    assert state.result[first].result is value
    assert state.result[same].result is True


def test_a_value_that_cannot_be_pickled_only_cannot_be_stored() -> None:
    """The run is as ever; pickling its state says what it is that cannot be."""
    state, flow = one(lambda: threading.Lock())  # a lock does not tell its arguments
    assert type(state) is Success
    with pytest.raises(TypeError, match=r"cannot pickle '_thread\.lock' object"):
        pickle.dumps(flow)


def test_a_value_of_a_gigabyte_is_not_copied() -> None:
    """It goes from task to task by reference."""
    size = 2**30
    with Flow("large") as flow:
        x = task(lambda: bytes(size))()
        for _ in range(3):
            x = task(lambda x: x)(x)
        node = it(task(lambda x: len(x))(x))
    tracemalloc.start()
    try:
        assert flow.run().result[node].result == size
        assert tracemalloc.get_traced_memory()[1] < 1.01 * size
    finally:
        tracemalloc.stop()


def test_inputs_are_not_copied() -> None:
    """A task that changes an input changes it for all that have it: the flow's constants as well."""

    def change(x: list[int]) -> list[int]:
        x.append(2)
        return x

    with Flow("changes") as flow:
        made = task(lambda: [1])()
        changed = task(change)(made)
        seen = it(task(lambda x, after: (x, after))(made, changed))
        constant = it(task(change)([1]))
    states_of = flow.run().result
    assert states_of[seen].result == ([1, 2], [1, 2])
    assert states_of[constant].result == [1, 2]
    assert flow.run().result[constant].result == [1, 2, 2]


def test_a_body_that_changes_the_working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The folder is the process's, and stays changed; a place for results stays where it was when it was made."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "other").mkdir()
    place = LocalResult("results")

    def moves() -> str:
        os.chdir("other")
        return os.getcwd()

    with Flow("moves") as flow:
        first = it(task(target="first", result=place)(moves)())
        second = it(task(lambda x: os.getcwd())(first))
    state = flow.run()
    assert Path(state.result[second].result) == (tmp_path / "other").resolve()
    assert (tmp_path / "results" / "first").is_file()


def never(*_: object, **__: object) -> Any:
    raise ZeroDivisionError("no")


ASKED: dict[str, tuple[dict[str, Any], type[State], str]] = {
    "trigger": ({"trigger": lambda up: never()}, states.TriggerFailed, "The trigger raised ZeroDivisionError: no"),
    "a trigger's answer": ({"trigger": lambda up: 5}, states.TriggerFailed, "The trigger answered 5"),
    "state_handler": (
        {"state_handlers": [lambda it, old, new: never()]},
        Failed,
        "PluginError: plugin '<lambda>', state_handler: raised ZeroDivisionError('no')",
    ),
    "a handler's answer": (
        {"state_handlers": [lambda it, old, new: 5]},
        Failed,
        "PluginError: plugin '<lambda>', state_handler: returned 5; it must be a state, or None",
    ),
    "task_run_name": ({"task_run_name": lambda **known: never()}, Failed, "Before the start: ZeroDivisionError: no"),
    "a template": ({"task_run_name": "{nobody}"}, Failed, "Before the start: KeyError: 'nobody'"),
    "a name": (
        {"task_run_name": lambda **known: 5},
        Failed,
        "Before the start: TypeError: task_run_name gave 5, which is no name",
    ),
}


@pytest.mark.parametrize("name", ASKED)
def test_code_that_is_asked_before_the_start(name: str) -> None:
    """What raises or answers nonsense fails its task, says so, and is not asked again by a retry."""
    options, kind, message = ASKED[name]
    ran: list[int] = []
    state, _ = one(lambda: ran.append(1), max_retries=2, **options)
    assert (type(state), state.message, ran) == (kind, message, [])


@pytest.mark.parametrize(
    ("delay", "message"),
    [
        (lambda retry: never(), "retry_delay: ZeroDivisionError: no"),
        (lambda retry: "soon", "retry_delay gave 'soon', which is no time to wait"),
        (lambda retry: -1, "retry_delay gave -1, which is no time to wait"),
        (lambda retry: float("nan"), "retry_delay gave nan, which is no time to wait"),
    ],
)
def test_a_retry_delay_that_fails(delay: Any, message: str) -> None:
    """The run is broken: it is not retried at once, nor never, but fails with the reason."""
    told = Told()
    flow, (node,) = flow_of(does(ValueError("no")), max_retries=2, retry_delay=delay)
    state = flow.run(plugins=[told]).result[node]
    assert (type(state), state.message) == (Failed, message)
    assert told.tasks == ["Pending -START-> Running", "Running -FAIL-> Retrying", "Retrying -BROKEN-> Failed"]


def test_on_failure_that_raises(caplog: pytest.LogCaptureFixture) -> None:
    """It changes nothing; what it raised is logged."""
    state, _ = one(does(ValueError("no")), on_failure=never)
    assert state.message == "ValueError: no"
    assert caplog.messages[0] == "never raised ZeroDivisionError('no'), which changes nothing"


def test_parameters() -> None:
    """What is missing, misspelt or of another type is said before anything runs."""
    ran: list[int] = []
    with Flow("asks") as flow:
        task(lambda x, n: ran.append(1))(Parameter("table"), Parameter("number", 1, type=int))
    assert refused(flow.run) == "flow 'asks' needs a value for its parameter 'table': run(table=...)"
    assert refused(lambda: flow.run(tabel=1)) == (
        "flow 'asks' has no parameter 'tabel'; it has: table, number. Did you mean 'table'?"
    )
    assert refused(lambda: flow.run(table=1, number="5")) == "parameter 'number' is '5'; it must be of type int"
    assert ran == []


def test_a_flow_without_tasks() -> None:
    """There was nothing to do, and all of it succeeded."""
    told = Told()
    state = Flow("empty").run(plugins=[told])
    assert state == Success("All reference tasks succeeded.", state.result)
    assert (dict(state.result), told.steps[-1]) == ({}, ("flow-run", "Running -SUCCESS-> Success"))


def test_one_flow_that_is_run_several_times_at_once() -> None:
    """Runs of a flow have nothing in common but the flow."""
    barrier = threading.Barrier(4, timeout=30)

    def body(x: int) -> tuple[int, str]:
        barrier.wait()
        return x, context.flow_run_id

    with Flow("at once") as flow:
        node = it(task(body)(Parameter("x")))
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda x: flow.run(x=x).result[node].result, range(4)))
    assert [x for x, _ in found] == [0, 1, 2, 3]
    assert len({identity for _, identity in found}) == 4


def test_flows_that_are_built_and_run_meanwhile() -> None:
    """A body may build and run a flow, and another thread may build one: each call knows its own flow."""
    begun, built = threading.Event(), threading.Event()

    def build(name: str) -> Any:
        with Flow(name) as inner:
            node = it(task(lambda: name)())
        return inner.run().result[node].result

    def other() -> Any:
        with Flow("other") as flow:
            begun.set()
            assert built.wait(30)
            node = it(task(lambda: "other")())
        return list(flow.tasks) == [node]

    with ThreadPoolExecutor(1) as pool:
        elsewhere = pool.submit(other)
        assert begun.wait(30)
        state, _ = one(lambda: build("inner"))
        with Flow("outer"):
            assert build("within") == "within"
        built.set()
        assert state.result == "inner"
        assert elsewhere.result(30) is True
