"""Results that are kept for later flow runs of a process: for how long, for whom, and what a validator says."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import attrs
import pytest
from acts import Told, does, flow_of, it, placed, refused
from hypothesis import given
from hypothesis import strategies as st

from interlock import Flow, Parameter, RunView, cache_validators, context, hookimpl, results, signals, task
from interlock.cache_validators import UNKNOWN, Validator, digest, digests
from interlock.results import LocalResult, caches
from interlock.signals import FAIL, LOOP
from interlock.states import Cached, Failed, Mapped, Skipped, State, Success, TriggerFailed
from interlock.testing import Clock

NOW = datetime(2026, 5, 1, tzinfo=UTC)


@pytest.fixture(autouse=True)
def forgotten() -> Iterator[None]:
    """Every test begins with nothing kept."""
    caches.clear()
    yield
    caches.clear()


@pytest.fixture
def clock() -> Iterator[Clock]:
    with Clock(NOW).flows() as clock:
        yield clock


class Counted:
    """A body that counts its calls."""

    def __init__(self) -> None:
        self.calls: list[object] = []

    def __call__(self, x: int = 0) -> object:
        self.calls.append(x)
        return x * 2


def one(body: Callable[..., object], name: str = "one", **options: Any) -> Flow:
    """Return a flow of one task of a parameter."""
    with Flow(name) as flow:
        placed(task(name="work", **{"cache_for": 60, **options})(body), Parameter("x", 1))
        flow.add_task(it(Parameter("y", 1)))
    return flow


def end(flow: Flow, **parameters: object) -> Any:
    """Run a flow and return the state of its task."""
    return flow.run(parameters).result["work-1"]


# What is kept, and for how long


def test_a_result_serves_the_next_flow_run(clock: Clock) -> None:
    """A success ends in Cached, with what it was made of; the next run of the flow takes it, and calls nothing."""
    body = Counted()
    flow = one(body)
    told = Told()
    first = flow.run(plugins=[told]).result["work-1"]
    assert first == Cached(None, 2, {"x": 1, "y": 1}, NOW + timedelta(seconds=60), {"x": digest(1)})
    assert "Running -SUCCESS-> Cached" in told.tasks
    told = Told()
    assert flow.run(plugins=[told]).result["work-1"] == first
    assert "Pending -CACHE-> Cached" in told.tasks
    assert body.calls == [1]


def test_a_result_expires(clock: Clock) -> None:
    """It serves until its time is over, to the moment, and is forgotten behind it."""
    body = Counted()
    flow = one(body, cache_for=timedelta(minutes=1), cache_validator=cache_validators.duration_only)
    first = end(flow)
    clock.now += 59.9
    assert end(flow, x=2) == first
    clock.now += 0.1
    assert end(flow, x=2).result == 4
    assert body.calls == [1, 2]
    assert [state.result for state in caches["one/work-1"]] == [4]


def test_only_what_succeeded_is_kept() -> None:
    """A skip, a failure, a pause, ENDRUN are not kept; SUCCESS is, and the last turn of a loop."""
    for act in (signals.SKIP("no"), FAIL("no"), signals.ENDRUN(Success()), signals.PAUSE()):
        flow, (node,) = flow_of(does(act), cache_for=60)
        assert not isinstance(flow.run().result[node], Cached)
        assert dict(caches) == {}
    flow, (node,) = flow_of(does(LOOP(result=1), signals.SUCCESS(result=2)), cache_for=60, name="loop")
    assert flow.run().result[node].result == 2
    assert [state.result for state in caches["of tasks/loop-1"]] == [2]


def test_a_retry_looks_again() -> None:
    """A failure and its retry are as ever; the attempt that succeeds is kept."""
    flow, (node,) = flow_of(does(FAIL("no"), 5), cache_for=60, max_retries=1)
    told = Told()
    assert flow.run(plugins=[told]).result[node].result == 5
    assert told.tasks == [
        "Pending -START-> Running",
        "Running -FAIL-> Retrying",
        "Retrying -START-> Running",
        "Running -SUCCESS-> Cached",
    ]


def test_gates_come_first() -> None:
    """A kept result serves nobody whose upstream was skipped or failed."""
    work = task(name="work", cache_for=60)(lambda x=None: 5)
    for act, kind in ((1, Cached), (signals.SKIP("no"), Skipped), (FAIL("no"), TriggerFailed)):
        with Flow("gates") as flow:
            node = placed(work, upstream_tasks=[task(does(act))()])
        assert type(flow.run().result[node]) is kind


def test_children_are_kept_each_by_its_inputs() -> None:
    """Mapped tasks keep the results of their children; another order and another number make no difference."""
    body = Counted()
    work = task(name="work", cache_for=60)(body)
    for numbers, calls in (([1, 2, 2], 3), ([2, 1], 3), ([3, 1], 4)):
        with Flow("many") as flow:
            node = it(work.map(numbers))
        state = flow.run().result[node]
        assert state == Mapped(None, [2 * n for n in numbers], state.map_states)
        assert len(body.calls) == calls


def test_who_shares_results() -> None:
    """Results belong to a task of a flow; those with one `cache_key` share them."""
    body = Counted()
    for flow in (one(body), one(body, "two"), one(body)):
        end(flow)
    assert body.calls == [1, 1]
    for flow in (one(body, cache_key="k"), one(body, "two", cache_key="k")):
        end(flow)
    assert body.calls == [1, 1, 1]
    assert list(caches) == ["one/work-1", "two/work-1", "k"]
    assert (len(caches), repr(caches)) == (3, "<Caches: one/work-1 1, two/work-1 1, k 1>")


def test_the_context_has_the_caches() -> None:
    """A body may look at what is kept, and make it forgotten."""
    flow, (node,) = flow_of(lambda: context.caches, name="asks", cache_for=60)
    assert flow.run().result[node].result is results.caches
    assert list(caches) == ["of tasks/asks-1"]


def test_no_more_is_kept_than_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """The oldest results of a task make room."""
    monkeypatch.setattr(results, "MOST", 3)
    with Flow("many") as flow:
        task(name="work", cache_for=60)(lambda x: x).map(list(range(5)))
    flow.run()
    assert [state.result for state in caches["many/work-1"]] == [2, 3, 4]


def test_a_target_alone_says_whether_there_is_a_result(tmp_path: Any) -> None:
    """With a target nothing else is looked at: what is kept under other inputs cannot be served by mistake."""
    body = Counted()
    flow = one(body, target="{x}", result=LocalResult(tmp_path), cache_validator=cache_validators.duration_only)
    assert [end(flow, x=x).result for x in (1, 2, 1)] == [2, 4, 2]
    assert body.calls == [1, 2]


# Validators


def serves(validator: Validator, flow_of_two: dict[str, object], other: dict[str, object]) -> bool:
    """Return whether a result that was made with parameters serves a flow run with others."""
    body = Counted()
    flow = one(body, cache_validator=validator)
    end(flow, **flow_of_two)
    end(flow, **other)
    return len(body.calls) == 1


CASES: list[tuple[str, Validator | None, list[bool]]] = [
    # the same; another input; another parameter
    ("none given", None, [True, False, True]),
    ("never_use", cache_validators.never_use, [False, False, False]),
    ("duration_only", cache_validators.duration_only, [True, True, True]),
    ("all_inputs", cache_validators.all_inputs, [True, False, True]),
    ("all_parameters", cache_validators.all_parameters, [True, False, False]),
    ("partial_inputs_only()", cache_validators.partial_inputs_only(), [True, False, True]),
    ("partial_inputs_only(x)", cache_validators.partial_inputs_only(["x"]), [True, False, True]),
    ("partial_inputs_only(none)", cache_validators.partial_inputs_only([]), [True, True, True]),
    ("partial_parameters_only()", cache_validators.partial_parameters_only(), [True, False, False]),
    ("partial_parameters_only(y)", cache_validators.partial_parameters_only(["y"]), [True, True, False]),
    ("own", lambda state, inputs, parameters: inputs["x"] < 2 < 3 - state.result * 0, [True, False, True]),
]


@pytest.mark.parametrize(("validator", "expected"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_what_a_validator_says(validator: Any, expected: list[bool]) -> None:
    """Each validator looks at what its name says."""
    others: list[dict[str, object]] = [{}, {"x": 2}, {"y": 2}]
    found = []
    for other in others:
        caches.clear()
        found.append(serves(validator, {}, other))
    assert found == expected


def test_a_validator_that_fails_fails_the_task() -> None:
    """What it raises is told; it is asked only when there is something to ask about."""
    flow = one(Counted(), cache_validator=does(ZeroDivisionError("no")), max_retries=2)
    assert end(flow).result == 2
    assert end(flow).message.startswith("Before the start, looking for a kept result: cache_validator: TypeError: ")

    def validator(*arguments: object) -> bool:
        raise ZeroDivisionError("no")

    flow = one(Counted(), cache_validator=validator)
    state = end(flow)
    assert isinstance(state, Failed)
    assert state.message == "Before the start, looking for a kept result: cache_validator: ZeroDivisionError: no"
    assert isinstance(state.result, ZeroDivisionError)


def test_a_validator_that_looks_at_what_is_not_there_fails_the_task() -> None:
    """A misspelt name is no name that always fits."""
    asked = {
        cache_validators.partial_inputs_only(["xx"]): "partial_inputs_only: the task has no input 'xx'; it has: x. "
        "Did you mean 'x'?",
        cache_validators.partial_parameters_only(["z"]): "partial_parameters_only: the flow has no parameter 'z'; "
        "it has: x, y.",
    }
    for validator, message in asked.items():
        flow = one(Counted(), cache_key="k", cache_validator=validator)
        end(flow)
        why = "Before the start, looking for a kept result: cache_validator: ValueError: "
        assert end(flow).message == why + message


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"cache_for": 0}, "task 't': cache_for=0; it must be seconds above 0, or a timedelta"),
    ({"cache_for": "1h"}, "task 't': cache_for='1h'; it must be seconds above 0, or a timedelta"),
    ({"cache_key": ""}, "task: cache_key=''; it must be a text that is not empty"),
    ({"cache_validator": "all"}, "task 't': cache_validator='all'; it must be a callable"),
]


@pytest.mark.parametrize(("options", "message"), REFUSED, ids=[str(options) for options, _ in REFUSED])
def test_options_are_refused_when_the_task_is_made(options: dict[str, Any], message: str) -> None:
    """Bad values are refused at once, with what would have been right."""
    assert refused(lambda: task(name="t", **options)(lambda: 1)) == message


# A kept result that a run is given to begin with


@pytest.mark.parametrize(("validator", "called"), [(None, []), (cache_validators.never_use, [1])])
def test_a_cached_state_to_begin_in_is_asked_about(validator: Any, called: list[int]) -> None:
    """A task that keeps results asks its validator about one that it is given; behind its gates."""
    body = Counted()
    flow = one(body, cache_validator=validator)
    state = Cached("mine", 7, hashed_inputs={"x": digest(1)})
    found = flow.run(task_states={"work-1": state}).result["work-1"]
    assert body.calls == called
    assert (found == state) is not bool(called)
    old = attrs.evolve(state, cached_result_expiration=datetime(2000, 1, 1, tzinfo=UTC))
    caches.clear()
    assert flow.run(task_states={"work-1": old}).result["work-1"].result == 2
    with Flow("behind") as flow:
        node = placed(task(cache_for=60)(lambda: 1), upstream_tasks=[task(does(FAIL("no")))()])
    assert type(flow.run(task_states={node: state}).result[node]) is TriggerFailed


def test_a_cached_state_of_a_map_is_taken() -> None:
    """A mapped task that is given one stays in it: its children would each have one of their own."""
    with Flow("map") as flow:
        node = it(task(name="work", cache_for=60)(lambda x: x).map([1, 2]))
    state = Cached("mine", [9, 9])
    assert flow.run(task_states={node: state}).result[node] == state


def test_a_handler_may_change_what_is_kept() -> None:
    """A state of the same kind is the same signal with other fields."""

    def tells(it: object, old: State, new: State) -> State | None:
        return attrs.evolve(new, message="seen") if new.is_finished() else None

    flow, (node,) = flow_of(lambda: 5, cache_for=60, state_handlers=[tells])
    state = flow.run().result[node]
    assert (type(state), state.message, state.result) == (Cached, "seen", 5)


def test_what_a_plugin_says_is_not_kept() -> None:
    """A `CACHE` that no look found ends the run, and no later one."""

    class Says:
        @hookimpl
        def before_step(self, run: RunView, signal: object) -> object:
            asked = isinstance(signal, signals.START) and run.lifecycle == "task-run"
            return signals.CACHE() if asked else None

    flow, (node,) = flow_of(lambda: 5, cache_for=60)
    assert flow.run(plugins=[Says()]).result[node] == Cached()
    assert flow.run().result[node].result == 5


def test_what_parameters_were_is_kept() -> None:
    """A body that changes a parameter changes nothing that was kept; one that cannot be compared serves nobody."""
    calls: list[int] = []

    def body(p: list[int]) -> int:
        calls.append(len(p))
        p.append(2)
        return sum(p)

    with Flow("kept") as flow:
        task(name="work", cache_for=60, cache_validator=cache_validators.all_parameters)(body)(Parameter("p"))
    for numbers in ([1], [1, 2], [1]):
        flow.run(p=numbers)
    assert calls == [1, 2]

    class Odd:
        def __eq__(self, other: object) -> bool:
            raise ValueError("no")

        __hash__ = None  # type: ignore[assignment]

    with Flow("odd") as flow:
        node = task(cache_for=60, cache_validator=cache_validators.all_parameters)(lambda p: 1)(Parameter("p"))
    for odd in (Odd(), threading.Lock()):
        assert [flow.run(p=odd).result[node].result for _ in range(2)] == [1, 1]


def test_a_validator_is_asked_about_the_last_hundred() -> None:
    """A lookup does not grow with what is kept: beside the result of the same inputs, the newest are asked about."""
    asked: list[int] = []

    def validator(state: Cached, inputs: object, parameters: object) -> bool:
        asked.append(state.result)
        return False

    with Flow("many") as flow:
        task(name="work", cache_for=60, cache_validator=validator)(lambda x: x).map(list(range(150)))
    flow.run()
    assert asked == []
    flow.run()
    assert asked[:101] == [0, *range(149, 49, -1)]
    assert len(asked) <= 150 * 101


# Digests

PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.binary(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(), inner, max_size=3)
        | st.tuples(inner, inner)
        | st.frozensets(st.integers(), max_size=3)
    ),
)


def exact(value: object) -> object:
    """Return a value that is equal only to what is the same, type and all: 1 is not True, and 0.0 is not -0.0."""
    if isinstance(value, list | tuple):
        return (type(value), [exact(item) for item in value])
    if isinstance(value, dict):
        return (dict, {key: exact(item) for key, item in value.items()})
    return (type(value), repr(value) if isinstance(value, float) else value)


@given(PLAIN, PLAIN)
def test_digests_are_equal_as_values_are(one: object, other: object) -> None:
    """Equal values of the same types have equal digests, others have not."""
    assert (digest(one) == digest(other)) is (exact(one) == exact(other))


def test_order_does_not_count_where_there_is_none() -> None:
    """Dictionaries and sets are told by what is in them; objects by their pickles."""
    assert digest({"a": 1, "b": 2}) == digest({"b": 2, "a": 1})
    assert digest({"x", "y", "z"}) == digest({"z", "y", "x"})
    assert digest([1, 2]) != digest([2, 1])
    assert digest(["ab"]) != digest(["a", "b"])
    assert digest({1, 2}) != digest(frozenset({1, 2}))
    assert digest(datetime(2026, 1, 1)) == digest(datetime(2026, 1, 1)) != digest(datetime(2026, 1, 2))
    assert list(digests({"b": 1, "a": 2})) == ["a", "b"]


class Raises:
    """A value that will not be pickled."""

    def __reduce__(self) -> Any:
        raise ValueError("no")


@pytest.mark.parametrize("value", [threading.Lock(), [Raises()]], ids=["lock", "raises"])
def test_what_has_no_digest_is_equal_to_nothing(value: object) -> None:
    """An input that cannot be pickled is never taken for another, not even for itself."""
    assert digest(value) == UNKNOWN
    body = Counted()
    flow = one(lambda x: body(3), cache_for=60)
    for _ in range(2):
        assert end(flow, x=value).result == 6
    assert body.calls == [3, 3]
