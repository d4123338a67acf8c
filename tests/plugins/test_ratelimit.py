"""The plugin `ratelimit`: so many starts in so many seconds, at the right times, and everything ends."""

from __future__ import annotations

import pickle
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any, Literal

import pytest
from acts import Told, it
from hypothesis import given
from hypothesis import strategies as st

from interlock import Flow, Machine, Plugins, Run, RunView, Step, Task, context, hookimpl, states, task
from interlock.signals import CANCEL, FAIL, LOOP
from interlock.states import State
from interlock.testing import Clock
from interlock_ratelimit import EXTENSION, THROTTLE, Bucket, RateLimit


class Starts:
    """Takes note of when task runs with a tag start: what is mapped over is a task of its own, without one."""

    def __init__(self, tag: str = "api") -> None:
        self.times: list[float] = []
        self.held = 0
        self._tag = tag

    @hookimpl
    def after_step(self, run: RunView, step: Step) -> None:
        if run.lifecycle == "task-run" and self._tag in context.task_tags:
            if step.signal == "START":
                assert step.at is not None
                self.times.append(step.at)
            self.held += step.signal == "SCHEDULE"


class Shared(Clock):
    """A clock that several threads sleep by: it goes to the time at which who sleeps longest wakes."""

    def sleep(self, seconds: float) -> None:
        until = self.time() + seconds
        with self._lock:
            self._now = max(self._now, until)


@pytest.fixture
def clock() -> Iterator[Clock]:
    with Clock(1000.0).flows() as clock:
        yield clock


def most(times: Sequence[float], per: float) -> int:
    """Return the most that start in so many seconds."""
    ordered, first, found = sorted(times), 0, 0
    for place, time in enumerate(ordered):
        while ordered[first] <= time - per:
            first += 1
        found = max(found, place - first + 1)
    return found


def limit(rate: float, burst: int, per: float = 1.0) -> RateLimit:
    """Return a limit of the tasks below."""
    return RateLimit(rate, per, burst, tags="api")


def mapped(count: int, body: Callable[..., object] = lambda x: x, **options: Any) -> tuple[Flow, Task]:
    """Return a flow of a mapped task, and the task. Any: its options."""
    with Flow("mapped") as flow:
        node = it(task(tags=["api"], **options)(body).map(list(range(count))))
    return flow, node


# When they start


def test_they_start_at_the_right_times(clock: Clock) -> None:
    """A burst at once, then one after each interval; what waits is scheduled once, with the reason."""
    starts, told = Starts(), Told()
    flow, node = mapped(6)
    state = flow.run(plugins=[limit(rate=2, burst=3), starts, told])
    assert state.result[node].result == [0, 1, 2, 3, 4, 5]
    assert starts.times == [1000.0, 1000.0, 1000.0, 1000.5, 1001.0, 1001.5]
    assert starts.held == 3
    assert told.tasks.count("Pending -SCHEDULE-> Scheduled (asked: START, chosen by RateLimit)") == 3


def test_the_state_says_why_it_waits(clock: Clock) -> None:
    """While it waits, a run is scheduled for the time at which it starts."""
    seen: list[State] = []
    with Flow("why") as flow:
        task(lambda: 1)()
        task(state_handlers=[lambda task, old, new: seen.append(new)])(lambda: 1)()
    flow.run(plugins=[RateLimit(rate=1, per=60, burst=1)])
    assert seen[0] == states.Scheduled("at most 1 in 60 s", start_time=datetime.fromtimestamp(1060, UTC))


def test_ten_thousand_children(clock: Clock) -> None:
    """Each child is held at most once, and the last starts when the last token comes."""
    starts = Starts()
    flow, node = mapped(10_000)
    state = flow.run(plugins=[limit(rate=700, burst=100), starts])
    assert len(state.result[node].result) == len(starts.times) == 10_000
    assert starts.held == 9900
    assert most(starts.times, 1.0) <= 800
    assert max(starts.times) == pytest.approx(1000 + 9900 / 700)


def test_slow_bodies_lose_no_time(clock: Clock) -> None:
    """Bodies that take longer than an interval start one behind the other: late is not to the end of the line."""
    starts = Starts()
    flow, _ = mapped(20, lambda x: clock.sleep(10.0))
    assert flow.run(plugins=[limit(rate=1, burst=1), starts]).is_successful()
    assert starts.times == [1000.0 + 10 * place for place in range(20)]


def test_two_flows_at_once_share_the_bucket() -> None:
    """Over two flows in two threads, no more start than one bucket gives, and both end."""
    starts, ended = Starts(), dict[int, State]()
    plugins = Plugins(limit(rate=10, burst=2), starts)

    def run(number: int) -> None:
        ended[number] = mapped(100)[0].run(plugins=plugins)

    with Shared(1000.0).flows():
        threads = [threading.Thread(target=run, args=(number,)) for number in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
    assert [ended[number].is_successful() for number in range(2)] == [True, True]
    assert len(starts.times) == 200
    assert most(starts.times, 1.0) <= 12


@pytest.mark.parametrize("executor", ["threads", "async"])
def test_other_executors(executor: Literal["threads", "async"]) -> None:
    """Where bodies are under way elsewhere, the same holds."""
    starts = Starts()
    flow, _ = mapped(30)
    assert flow.run(executor=executor, plugins=[limit(rate=1000, burst=3), starts]).is_successful()
    assert len(starts.times) == 30
    assert most(starts.times, 0.01) <= 13


def test_every_attempt_and_turn_is_a_start(clock: Clock) -> None:
    """Retries and the turns of a loop take a token each; they keep what they have."""
    starts = Starts()
    acts = [FAIL("no"), LOOP(result=1), LOOP(result=2), 3]

    def body() -> object:
        act = acts.pop(0)
        if isinstance(act, BaseException):
            raise act
        return act

    with Flow("again") as flow:
        node = it(task(max_retries=1, tags=["api"])(body)())
    state = flow.run(plugins=[limit(rate=1, burst=1), starts])
    assert state.result[node].result == 3
    assert starts.times == [1000.0, 1001.0, 1002.0, 1003.0]


def test_only_tasks_with_a_tag(clock: Clock) -> None:
    """Several limits go together, each for its tags; what has none of them is not held."""
    starts = [Starts(tag) for tag in ("api", "db", "none")]
    with Flow("tags") as flow:
        for tag in ("api", "db", "none"):
            task(tags=[tag], name=tag)(lambda x: x).map([1, 2, 3])
    limits = [RateLimit(1, burst=1, tags="api"), RateLimit(2, burst=1, tags=["db", "other"])]
    assert flow.run(plugins=[*limits, *starts]).is_successful()
    times = [[1000.0, 1001.0, 1002.0], [1000.0, 1000.5, 1001.0], [1000.0] * 3]
    assert [each.times for each in starts] == times


def test_what_is_cancelled_leaves_places_that_pass(clock: Clock) -> None:
    """A flow run that is cancelled while it waits holds others no longer than until its places have passed."""
    limited = limit(rate=1, burst=1)

    def stop(x: int) -> None:
        if x == 1:
            raise KeyboardInterrupt

    assert mapped(6, stop)[0].run(plugins=[limited]).is_cancelled()
    starts = Starts()
    assert clock.now == 1001.0
    assert mapped(2)[0].run(plugins=[limited, starts]).is_successful()
    assert starts.times == [1006.0, 1007.0]


def test_a_bare_run_is_not_limited() -> None:
    """A run outside of a flow has no id by which it could come again; nothing holds it."""
    for _ in range(3):
        run = Run(Machine.load("task-run"), plugins=[RateLimit(rate=1, per=60, burst=1)])
        assert run.send("START") == run.state == "Running"


# THROTTLE


def throttled(*acts: object, limit: RateLimit | None = None, tag: str = "api") -> tuple[State, list[str], list[float]]:
    """Run a flow of one task; return its state, its steps, and when it started."""
    starts, told, left = Starts(tag), Told(), list(acts)

    def body() -> object:
        act = left.pop(0)
        if isinstance(act, BaseException):
            raise act
        return act

    with Flow("throttled") as flow:
        node = it(task(tags=[tag])(body)())
    state = flow.run(plugins=[limit or RateLimit(), starts, told])
    return state.result[node], told.tasks, starts.times


AT = datetime.fromtimestamp(1030, UTC)


@pytest.mark.parametrize(
    "until", [AT, AT.astimezone(timezone(timedelta(hours=5))), 30, 30.0, timedelta(seconds=30)], ids=str
)
def test_throttle_comes_again_and_charges_nothing(clock: Clock, until: Any) -> None:
    """The run is scheduled for that time, and goes on then; it has no retries, and needs none. Any: a kind of time."""
    state, steps, times = throttled(THROTTLE("429", until=until, clock=clock.time), 1)
    assert (state.result, times) == (1, [1000.0, 1030.0])
    assert steps[1] == "Running -THROTTLE-> Scheduled (asked: THROTTLE, chosen by RateLimit)"


def test_throttle_without_a_time_waits_for_an_interval(clock: Clock) -> None:
    """Where nothing is said, one interval of the limit is waited for."""
    for made in (THROTTLE(), THROTTLE._of()):
        clock.now = 1000.0
        assert throttled(made, 1, limit=RateLimit(1, per=7))[2] == [1000.0, 1007.0]


def test_throttle_holds_all_that_are_limited(clock: Clock) -> None:
    """Nothing that is limited starts before, and no burst comes behind; who was throttled is first, then the others."""
    order = list[int]()

    def body(x: int) -> int:
        order.append(x)
        if x == 2 and order.count(2) == 1:
            raise THROTTLE("429", until=20, clock=clock.time)
        return x

    starts = Starts()
    flow, node = mapped(6, body)
    state = flow.run(plugins=[limit(rate=1, burst=4), starts])
    assert state.result[node].result == [0, 1, 2, 3, 4, 5]
    assert starts.times == [1000.0, 1000.0, 1000.0, 1020.0, 1021.0, 1022.0, 1023.0]
    assert order == [0, 1, 2, 2, 3, 4, 5]


def test_those_in_the_line_move_behind_it(clock: Clock) -> None:
    """Who has a place before the time is told a later one, in the same order; who has one behind it keeps that."""
    bucket = Bucket(1, 1.0, 1)
    assert [bucket.ask(who, 0.0) for who in "abcd"] == [None, 1.0, 2.0, 3.0]
    assert bucket.shut(2.5, "a") == 2.5
    assert [bucket.ask(who, 1.0) for who in "bcdae"] == [3.5, 4.5, 5.5, 2.5, 6.5]


def test_a_longer_shut_holds(clock: Clock) -> None:
    """Who is told to come earlier than another was waits as long as the other."""
    bucket = Bucket(1, 1.0, 2)
    assert bucket.shut(40.0, "a") == 40.0
    assert bucket.shut(30.0, "b") == 40.0
    assert [bucket.ask(who, 39.0) for who in "ba"] == [40.0, 41.0]
    assert [bucket.ask("b", 40.0), bucket.ask("a", 41.0)] == [None, None]


def test_other_tags_are_not_held(clock: Clock) -> None:
    """A task that the limit is not for is throttled for itself alone."""
    other = limit(1, burst=1)
    state, steps, times = throttled(THROTTLE("429", until=30, clock=clock.time), 1, limit=other, tag="db")
    assert (state.result, steps[1], times) == (1, "Running -THROTTLE-> Scheduled", [1000.0, 1030.0])
    clock.now = 1001.0
    assert throttled(1, limit=other)[2] == [1001.0]


def test_what_is_cancelled_does_not_come_again() -> None:
    """A run that is asked to stop ends, whatever its work wants to wait for."""
    machine = Plugins(RateLimit()).machine("task-run")
    assert machine.check().ok
    assert [machine.next(state, THROTTLE) for state in ("Running", "Cancelling")] == ["Scheduled", "Cancelled"]
    run = Run(machine, plugins=[RateLimit()])
    for signal in ("START", CANCEL(), THROTTLE(until=5)):
        run.send(signal)
    assert run.state == "Cancelled"


def test_throttle_pickles() -> None:
    """It may be raised in another process."""
    made = THROTTLE("429", until=AT, result=3)
    again = pickle.loads(pickle.dumps(made))
    assert (type(again), again.message, again.fields) == (THROTTLE, "429", {"start_time": AT, "result": 3})
    assert EXTENSION.missing() == []


WRONG: list[tuple[Any, type[Exception], str]] = [
    (datetime(2030, 1, 1), TypeError, "has no time zone"),
    ("30", TypeError, "it must be seconds, a timedelta, or a datetime"),
    (True, TypeError, "it must be seconds"),
    (-1, ValueError, "until=-1; it must be seconds from 0 on"),
    (float("nan"), ValueError, "from 0 on"),
]


@pytest.mark.parametrize(("until", "kind", "problem"), WRONG)
def test_what_is_no_time(until: Any, kind: type[Exception], problem: str) -> None:
    """What is no time is refused where it is said. Any: so."""
    with pytest.raises(kind, match=problem):
        THROTTLE(until=until)


NUMBERS: list[tuple[dict[str, Any], str]] = [
    ({"rate": 0}, "rate=0; it must be a number over 0"),
    ({"rate": "5"}, "rate='5'"),
    ({"per": -1}, "per=-1"),
    ({"rate": float("inf")}, "rate=inf"),
    ({"burst": 0}, "burst=0; it must be a whole number from 1 on"),
    ({"burst": 1.5}, "burst=1.5"),
]


@pytest.mark.parametrize(("options", "problem"), NUMBERS)
def test_numbers_without_a_meaning(options: dict[str, Any], problem: str) -> None:
    """What is no limit is refused where it is made."""
    with pytest.raises(ValueError, match=problem):
        RateLimit(**options)


# The bucket

SECONDS = st.floats(0, 30)


@given(
    rate=st.integers(1, 20),
    per=st.floats(0.1, 10),
    burst=st.integers(1, 5),
    waits=st.lists(st.tuples(SECONDS, st.sampled_from([0.0, 0.0, 0.001, 0.3, 20.0])), max_size=60),
    never=st.sets(st.integers(0, 60)),
    shuts=st.dictionaries(st.integers(0, 60), SECONDS, max_size=3),
)
def test_no_more_than_the_limit_and_everything_ends(
    rate: int, per: float, burst: int, waits: list[tuple[float, float]], never: set[int], shuts: dict[int, float]
) -> None:
    """Whoever comes when, or never: no `per` seconds have more than `rate + burst` starts, and all that come start.

    Each waits from a time on, comes by so many seconds later than it was told, and is told so a few times at most.
    """
    bucket = Bucket(rate, per, burst)
    due = [(1000.0 + at, number) for number, (at, _) in enumerate(waits)]
    starts: list[float] = []
    started: set[int] = set()
    asked = 0
    while due:
        due.sort()
        now, number = due.pop(0)
        asked += 1
        assert asked <= 100 * len(waits)
        at = bucket.ask(str(number), now)
        if at is None:
            starts.append(now)
            started.add(number)
            if number in shuts:
                until = bucket.shut(now + shuts.pop(number), str(number))
                due.append((until, number))
        else:
            assert at > now
            if number not in never:
                due.append((at + waits[number][1], number))
    assert most(starts, per) <= rate + burst
    assert started >= set(range(len(waits))) - never


@given(rate=st.integers(1, 50), burst=st.integers(1, 10), count=st.integers(0, 100))
def test_who_is_on_time_is_held_once_and_in_order(rate: int, burst: int, count: int) -> None:
    """Those who come at once start in their order: `burst` of them now, each of the others at the time it is told."""
    bucket = Bucket(rate, 1.0, burst)
    told = [bucket.ask(str(number), 1000.0) for number in range(count)]
    assert told[:burst] == [None] * min(burst, count)
    later = [at for at in told if at is not None]
    assert later == sorted(later)
    assert later == pytest.approx([1000.0 + place / rate for place in range(1, len(later) + 1)])
    for number, at in enumerate(later, burst):
        assert bucket.ask(str(number), at) is None
    assert len(bucket) == 0


def test_those_who_come_late_leave_no_token_for_others() -> None:
    """Who has a place and comes late starts as far as the bucket allows; then there is nothing for newcomers."""
    bucket = Bucket(1, 1.0, 2)
    line = "abcdef"
    assert [bucket.ask(who, 0.0) for who in line] == [None, None, 1.0, 2.0, 3.0, 4.0]
    assert [bucket.ask(who, 100.0) for who in "cdef"] == [None, None, 101.0, 102.0]
    assert [bucket.ask(who, 100.0) for who in "xy"] == [103.0, 104.0]


def test_who_is_late_is_behind_those_that_wait() -> None:
    """The end of the line is behind all others, also when the line moves."""
    bucket = Bucket(1, 1.0, 1)
    assert [bucket.ask(who, 0.0) for who in "abcd"] == [None, 1.0, 2.0, 3.0]
    assert [bucket.ask(who, 10.0) for who in "bc"] == [None, 11.0]
    bucket.shut(20.0)
    assert [bucket.ask(who, 11.0) for who in "cd"] == [21.0, 20.0]


def test_a_place_is_not_kept_for_ever() -> None:
    """Who does not come for an hour has no place any more."""
    bucket = Bucket(1, 1.0, 1)
    assert [bucket.ask(str(number), 0.0) for number in range(4)] == [None, 1.0, 2.0, 3.0]
    assert len(bucket) == 3
    assert bucket.ask("new", 4000.0) is None
    assert len(bucket) == 0


def test_where_there_are_tokens_for_all_nothing_differs(clock: Clock) -> None:
    """A flow does the same with the plugin as without, as long as nothing is held."""
    plain, limited = Told(), Told()
    flow, _ = mapped(3)
    flow.run(plugins=[plain])
    flow.run(plugins=[limited, RateLimit(rate=100)])
    assert plain.steps == limited.steps


# The command line

SOURCE = """
from interlock import Flow, task

def tell(task, old, new):
    print(new.message)

@task(tags=["api"], state_handlers=[tell])
def fetch(page):
    return page

with Flow("fetching") as flow:
    fetch.map([1, 2, 3])
"""


def test_the_command_line_has_options(tmp_path: Path) -> None:
    """Numbers and a tag are given with the name; what is no limit is told without a traceback."""
    (tmp_path / "fetching.py").write_text(SOURCE, encoding="utf-8")
    ran = {}
    for options in ("rate=20,per=1,burst=1,tags=api", "rate=0"):
        line = [sys.executable, "-m", "interlock", "run", "fetching.py", "--plugin", f"ratelimit:{options}"]
        done = subprocess.run(line, cwd=tmp_path, capture_output=True, text=True, encoding="utf-8", check=False)
        ran[options] = done.returncode, done.stdout + done.stderr
    code, said = ran["rate=20,per=1,burst=1,tags=api"]
    assert (code, "at most 20 in 1 s" in said) == (0, True), said
    code, said = ran["rate=0"]
    assert (code, "rate=0; it must be a number over 0" in said, "Traceback" in said) == (2, True, False), said
