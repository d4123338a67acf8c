"""Retries: two budgets, when the next attempt is due, and which failures are given one."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import attrs
import pytest
from acts import Told, does

from interlock import Flow, FlowError, _begin, _drive, context, exponential_backoff, hookimpl, states, task
from interlock._hooks import RunView
from interlock._story import Step
from interlock._task_runner import TaskRunner
from interlock.signals import FAIL, LOOP, PAUSE, RETRY, SKIP, TRIGGERFAIL, VALIDATIONFAIL, Signal
from interlock.states import State

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)


class Clock:
    """Stands in the place of the `time` module, so that waiting takes none."""

    def __init__(self) -> None:
        self.now = NOON.timestamp()
        self.naps: list[float] = []

    def time(self) -> float:
        return self.now

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.naps.append(seconds)
        self.now += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Let the in-line driver read a clock of ours."""
    clock = Clock()
    monkeypatch.setattr(_drive, "time", clock)
    return clock


class Steps:
    """Takes note of the steps of task runs, as arrows, without the starts."""

    def __init__(self) -> None:
        self.seen: list[str] = []

    @hookimpl
    def after_step(self, run: RunView, step: Step) -> None:
        if run.lifecycle == "task-run" and step.signal != "START":
            self.seen.append(str(step))


def run(*acts: object, **options: Any) -> tuple[State, list[str]]:
    """Run a task that does these, and return its state and its steps. Any: the options of a task."""
    steps = Steps()
    with Flow("one") as flow:
        node = task(**options)(does(*acts))()
    state: State = flow.run(plugins=[steps]).result[node]
    return state, steps.seen


def watched(*acts: object, **options: Any) -> list[State]:
    """Run a task that does these, and return every state that it was in. Any: the options of a task."""
    seen: list[State] = []

    def watch(runner: TaskRunner) -> None:
        seen.append(runner.state)

    with Flow("one") as flow:
        task(**options)(does(*acts))()
    attrs.evolve(_begin.asked(flow), looks=lambda runner: setattr(runner, "watch", watch)).run()
    return seen


AGAIN = "Running -FAIL-> Retrying"
ASKED = "Running -RETRY-> Retrying"
DONE = "Running -SUCCESS-> Success"

# The budget of failures


@pytest.mark.parametrize("most", [0, 1, 2, 5])
def test_a_failure_is_given_further_attempts(most: int) -> None:
    """A task is called once, and `max_retries` times more while it fails; then it stays failed."""
    error = ValueError("no")
    assert run(error, max_retries=most) == (
        states.Failed("ValueError: no", error),
        [AGAIN] * most + ["Running -FAIL-> Failed"],
    )
    assert run(*[error] * most, "done", max_retries=most) == (states.Success(None, "done"), [AGAIN] * most + [DONE])


@pytest.mark.parametrize("signal", [FAIL("no"), VALIDATIONFAIL("no"), TRIGGERFAIL("no")], ids=repr)
def test_each_kind_of_failure_is_given_them(signal: Signal) -> None:
    """Every failure of a body uses the same budget, and ends as its own kind."""
    again, name = f"Running -{signal.name}-> Retrying", signal.leads_to.__name__
    assert run(signal, max_retries=2) == (signal.state, [again, again, f"Running -{signal.name}-> {name}"])
    assert run(FAIL("other"), signal, max_retries=1) == (signal.state, [AGAIN, f"Running -{signal.name}-> {name}"])


def test_the_budget_is_one_for_all_turns_and_passes() -> None:
    """A loop's next turn, and a pause, do not bring the failures' budget back."""
    assert run(FAIL("one"), LOOP(), FAIL("two"), "done", max_retries=1) == (
        states.Failed("two"),
        [AGAIN, "Running -LOOP-> Looped", "Running -FAIL-> Failed"],
    )
    with Flow("paused") as flow:
        node = task(max_retries=1)(does(FAIL("one"), PAUSE("look"), FAIL("two"), "done"))()
    assert flow.resume(flow.run()).result[node] == states.Failed("two")


def test_a_gate_is_not_retried() -> None:
    """What a trigger says before the start is final: it would say the same next time."""
    asked: list[int] = []

    def trigger(_: object) -> bool:
        asked.append(1)
        raise FAIL("no")

    assert run("done", max_retries=3, trigger=trigger) == (states.Failed("no"), ["Pending -FAIL-> Failed"])
    assert len(asked) == 1


def test_attempts_are_counted() -> None:
    """A body finds the number of its attempt in the context: it begins again with each turn of a loop."""
    seen: list[int] = []
    acts = does(FAIL("a"), RETRY("b"), LOOP(), FAIL("c"), PAUSE("d"), "done")

    def body() -> object:
        seen.append(context.task_run_count)
        return acts()

    with Flow("counted") as flow:
        node = task(max_retries=5)(body)()
    assert flow.resume(flow.run()).result[node].result == "done"
    assert seen == [1, 2, 3, 1, 2, 2]


# retry_on

RETRY_ON: list[tuple[object, BaseException, bool]] = [
    (ValueError, ValueError("x"), True),
    (ValueError, UnicodeError("x"), True),
    (ValueError, KeyError("x"), False),
    ([KeyError, ValueError], ValueError("x"), True),
    ((KeyError, OSError), FileNotFoundError("x"), True),
    ({KeyError}, ValueError("x"), False),
    ([], ValueError("x"), False),
    (Exception, SystemExit(1), False),
    (BaseException, SystemExit(1), True),
    (FAIL, FAIL("x"), True),
    (FAIL, VALIDATIONFAIL("x"), True),
    (VALIDATIONFAIL, FAIL("x"), False),
    (VALIDATIONFAIL, VALIDATIONFAIL("x"), True),
    (Signal, TRIGGERFAIL("x"), True),
    (Exception, FAIL("x"), False),
    (ValueError, FAIL("x"), False),
    (ValueError, FAIL("x", result=ValueError()), True),
    (ValueError, FAIL("x", result=KeyError()), False),
    (ValueError, VALIDATIONFAIL("x", result=UnicodeError()), True),
    (BaseException, FAIL("x"), True),
    (FAIL, ValueError("x"), False),
    (VALIDATIONFAIL, ValueError("x"), False),
]


@pytest.mark.parametrize(("kinds", "error", "again"), RETRY_ON, ids=repr)
def test_retry_on_chooses_the_failures(kinds: object, error: BaseException, again: bool) -> None:
    """A failure is retried if it is of a named class: an exception by its own, one without by its signal's."""
    state, steps = run(error, max_retries=1, retry_on=kinds)
    assert len(steps) == 1 + again
    assert state.is_failed()


def test_retry_on_does_not_ask_a_request() -> None:
    """`RETRY` is granted whatever `retry_on` says, for it is no failure."""
    assert run(RETRY(), "done", retry_on=ValueError) == (states.Success(None, "done"), [ASKED, DONE])


def test_retry_on_is_asked_each_time() -> None:
    """A failure of another class ends the task at once, whatever is left of the budget."""
    assert run(ValueError("a"), KeyError("b"), max_retries=5, retry_on=ValueError)[1] == [
        AGAIN,
        "Running -FAIL-> Failed",
    ]


# RETRY


@pytest.mark.parametrize("most", [0, 1, 3])
@pytest.mark.parametrize("signal", [RETRY(), RETRY("later"), RETRY("later", result=5), RETRY(result=5)], ids=repr)
def test_a_request_has_a_budget_of_its_own(most: int, signal: RETRY) -> None:
    """`RETRY` is granted `retry_limit` times; then the task fails, and says why, with its result."""
    state, steps = run(signal, retry_limit=most)
    assert steps == [ASKED] * most + ["Running -RETRY-> Failed"]
    assert (type(state), state.result) == (states.Failed, signal.result)
    assert state.message is not None
    assert state.message.startswith("RETRY was not granted")
    assert (signal.message or "") in state.message
    assert run(*[signal] * most, "done", retry_limit=most) == (states.Success(None, "done"), [ASKED] * most + [DONE])


def test_the_budget_of_requests_is_generous() -> None:
    """Unless told otherwise, a task may ask a thousand times."""
    state, steps = run(RETRY())
    assert type(state) is states.Failed
    assert steps == [ASKED] * 1000 + ["Running -RETRY-> Failed"]


def test_the_two_budgets_do_not_mix() -> None:
    """A request is no failure, and a failure is no request: neither uses the other's budget."""
    acts = [RETRY(), FAIL("a"), RETRY(), FAIL("b"), RETRY()]
    expected = [ASKED, AGAIN, ASKED, AGAIN, ASKED]
    assert run(*acts, "done", max_retries=2, retry_limit=3) == (states.Success(None, "done"), [*expected, DONE])
    assert run(*acts, FAIL("c"), max_retries=2, retry_limit=3)[1] == [*expected, "Running -FAIL-> Failed"]
    assert run(*acts, RETRY(), max_retries=2, retry_limit=3)[1] == [*expected, "Running -RETRY-> Failed"]


def test_a_gate_may_ask_for_another_attempt() -> None:
    """A trigger that raises `RETRY` is asked again, as often as a body may ask."""
    left = [RETRY("not yet"), RETRY()]

    def trigger(_: object) -> bool:
        if left:
            raise left.pop()
        return True

    assert run("done", trigger=trigger, retry_limit=2) == (
        states.Success(None, "done"),
        ["Pending -RETRY-> Retrying", "Retrying -RETRY-> Retrying", DONE],
    )
    left.extend([RETRY(), RETRY()])
    assert run("done", trigger=trigger, retry_limit=1)[1] == ["Pending -RETRY-> Retrying", "Retrying -RETRY-> Failed"]


# When

DELAYS: list[tuple[object, list[float]]] = [
    (0, []),
    (30, [30.0]),
    (0.5, [0.5]),
    (timedelta(minutes=2), [120.0]),
    (timedelta(hours=2, seconds=5), [3600.0, 3600.0, 5.0]),
]


@pytest.mark.parametrize(("delay", "naps"), DELAYS)
def test_a_failure_waits_for_its_next_attempt(clock: Clock, delay: object, naps: list[float]) -> None:
    """Between a failure and the next attempt lie `retry_delay` seconds; a long wait reads the clock now and then."""
    state, _ = run(FAIL("a"), FAIL("b"), "done", max_retries=2, retry_delay=delay)
    assert state.result == "done"
    assert clock.naps == naps * 2


def test_a_request_does_not_wait_unless_it_says_so(clock: Clock) -> None:
    """`RETRY` is followed by the next attempt at once, or at its `start_time`; `retry_delay` is for failures."""
    later = NOON + timedelta(minutes=5)
    acts = [RETRY(), RETRY(start_time=later), RETRY(start_time=NOON), "done"]
    assert run(*acts, retry_delay=30)[0].result == "done"
    assert clock.naps == [300.0]


def test_what_a_retrying_run_says(clock: Clock) -> None:
    """Between two attempts the state has a message, the time of the next one, and the number of those there were."""
    minute = timedelta(minutes=1)
    seen = watched(
        ValueError("no"), FAIL(), RETRY(), RETRY("wait", start_time=NOON + 9 * minute), 5, max_retries=2, retry_delay=60
    )
    assert [state for state in seen if state.is_retrying()] == [
        states.Retrying("ValueError: no", None, NOON + minute, 1),
        states.Retrying("FAIL in attempt 2", None, NOON + 2 * minute, 2),
        states.Retrying("RETRY in attempt 3", None, NOON + 2 * minute, 3),
        states.Retrying("wait", None, NOON + 9 * minute, 4),
    ]
    assert [type(state) for state in seen] == [states.Running, states.Retrying] * 4 + [states.Running, states.Success]
    assert clock.naps == [60.0, 60.0, 420.0]


def test_others_run_while_one_waits(clock: Clock) -> None:
    """A task that waits for its next attempt holds nobody up; those that are due at the same time keep their order."""
    order: list[str] = []

    def noted(name: str, *acts: object) -> Callable[[], object]:
        body = does(*acts)

        def work() -> object:
            order.append(f"{name}{clock.now - NOON.timestamp():.0f}")
            return body()

        return work

    with Flow("waits") as flow:
        slow = task(max_retries=1, retry_delay=60)(noted("slow", FAIL(), 1))()
        task(max_retries=2, retry_delay=30)(noted("quick", FAIL(), FAIL(), 1))()
        task(noted("other", 1))()
        task(lambda x: order.append("behind"))(slow)
    assert flow.run().is_successful()
    assert order == ["slow0", "quick0", "other0", "quick30", "slow60", "behind", "quick60"]


@pytest.mark.parametrize("start", [datetime(2026, 5, 1), "tomorrow", 5])
@pytest.mark.parametrize("kind", [RETRY, PAUSE])
def test_a_time_that_is_none_fails_the_task(kind: Callable[..., Signal], start: object) -> None:
    """A signal with a start time that has no zone, or is no time, fails its task with the reason, and not the flow."""

    def body() -> None:
        raise kind("later", start_time=start)

    with Flow("when") as flow:
        first, second = task(body)(), task(does(1))()
    result = flow.run().result
    assert type(result[first]) is states.Failed
    assert f"start_time is {start!r}; it must be a datetime with a time zone" in result[first].message
    assert result[second].is_successful()


def test_a_signal_that_ends_the_work_is_not_retried() -> None:
    """Only failures are given further attempts: a skip is an end."""
    assert run(SKIP("none"), max_retries=3) == (states.Skipped("none"), ["Running -SKIP-> Skipped"])


# How long to wait


def waits(clock: Clock, delay: Any, retries: int = 3) -> list[float]:
    """Return how long a task that fails waits before each of its retries."""
    begins: list[float] = []

    def body() -> None:
        begins.append(clock.now)
        raise ValueError("no")

    with Flow("waits") as flow:
        task(max_retries=retries, retry_delay=delay)(body)()
    flow.run()
    return [later - earlier for earlier, later in itertools.pairwise(begins)]


def test_waits_follow_the_number_of_the_retry(clock: Clock) -> None:
    """A sequence gives a wait for each retry, its last one for all further; a callable is given the number."""
    assert waits(clock, [1, timedelta(seconds=20)]) == [1, 20, 20]
    assert waits(clock, lambda retry: retry * 10) == [10, 20, 30]
    assert waits(clock, None) == [0, 0, 0]


def test_waits_that_grow(clock: Clock) -> None:
    """`exponential_backoff` multiplies, up to a longest wait; its jitter is a share, and the same for the same run."""
    assert waits(clock, exponential_backoff(1, factor=3, most=10), 4) == [1, 3, 9, 10]
    assert waits(clock, exponential_backoff(timedelta(seconds=2), most=timedelta(seconds=3))) == [2, 3, 3]
    jittered = waits(clock, exponential_backoff(10, factor=1, jitter=0.5))
    assert all(10 <= wait <= 15 for wait in jittered)
    assert len(set(jittered)) == 3
    grown = exponential_backoff(1, jitter=1.0)
    assert [grown(retry) for retry in (1, 2, 5000)] == [grown(retry) for retry in (1, 2, 5000)]
    assert 3600 <= grown(5000) <= 7200


@pytest.mark.parametrize(
    "options", [{"first": -1}, {"first": "1"}, {"factor": 0.5}, {"most": -1}, {"jitter": 2}], ids=str
)
def test_a_backoff_without_a_meaning_is_refused(options: dict[str, Any]) -> None:
    """A time that is none, a wait that shrinks, and a share above 1 are refused when the task is made."""
    with pytest.raises(FlowError) as caught:
        exponential_backoff(**{"first": 1, **options})
    name, value = next(iter(options.items()))
    assert str(caught.value) == (
        f"exponential_backoff: {name}={value!r}; times are seconds, factor ≥ 1, 0 ≤ jitter ≤ 1"
    )


@pytest.mark.parametrize(
    ("delay", "message"),
    [
        (lambda retry: 1 / 0, "retry_delay: ZeroDivisionError: division by zero"),
        (lambda retry: "soon", "retry_delay gave 'soon', which is no time to wait"),
        (lambda retry: -1, "retry_delay gave -1, which is no time to wait"),
    ],
    ids=["raises", "text", "negative"],
)
def test_a_wait_that_cannot_be_told_fails_the_run(clock: Clock, delay: Any, message: str) -> None:
    """A `retry_delay` that raises or gives no time fails its task with the reason, and no other."""
    told = Told()
    with Flow("told") as flow:
        node, other = task(max_retries=5, retry_delay=delay)(does(ValueError("no")))(), task(does(1))()
    result = flow.run(plugins=[told]).result
    assert result[node].message == message
    assert result[other].result == 1
    assert told.tasks[1:3] == ["Running -FAIL-> Retrying", "Retrying -BROKEN-> Failed"]
