"""One step at a time, from however many threads: by stress, and by every point at which one may overtake another."""

from __future__ import annotations

import copy
import itertools
import random
import signal as signals
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from types import FrameType, SimpleNamespace
from typing import Any

import pytest

from interlock import Machine, NestedSend, NoTransition, PluginError, Run, RunView, _turns, hookimpl

JOB = Machine.from_toml("""
lifecycle = "job"
initial = "Queued"
attempt = ["Running"]
limits.failures = { default = 3, means = "failures that are forgiven" }
[states]
Queued.means = "waits for its turn"
Held.means = "waits for a person"
Running.means = "at work"
Done = { means = "worked", final = true }
Broken = { means = "did not", final = true }
[signals]
GO = { means = "your turn", recurs = "turns come and go" }
BACK.means = "not now"
HOLD.means = "somebody must look first"
NOTE = { means = "something to tell", recurs = "there is always something" }
FAIL.means = "it went wrong"
END.means = "it is over"
STOP = { means = "nothing more in this pass", seals = true }
[guards]
forgiven = { when = "?", default = true, means = "somebody is in a good mood" }
again = { when = "taken(FAIL) < failures and forgiven", means = "it may try again" }
[from]
Queued.GO = "Running"
Queued.HOLD = "Held"
Held.GO = "Running"
Running.BACK = "Queued"
Running.NOTE = { to = "Running", because = "it goes on" }
Running.FAIL = ["Queued if again", "Broken"]
Running.END = "Done"
Running.STOP.carries = ["Held", "Broken"]
""")
PATIENCE = 30.0  # seconds until a thread that hangs is a failure; nothing is measured by it

Act = Callable[[Run], Any]  # Any: what comes out of it


def job(path: str = "", **options: Any) -> Run:
    """Return a run that took the signals of `path`: "STOP" carries Held, "GO@1" has a time. Any: as for `Run`."""
    run = Run(JOB, **options)
    for word in path.split():
        signal, _, at = word.partition("@")
        run.send(signal, float(at) if at else None, carried="Held")
    return run


def assert_sound(run: Run) -> None:
    """The story is a path from the first state, nothing leaves a final one, and the counts are those of the steps."""
    state = "Queued"
    for number, step in enumerate(run.story, start=1):
        assert (step.number, step.before) == (number, state)
        assert state not in JOB.final
        state = step.after
    assert run.state == state
    assert run.counts == {"taken(FAIL)": sum(step.signal == "FAIL" for step in run.story)}
    assert run.attempt == sum(step.after == "Running" != step.before for step in run.story)


# Stress


@pytest.fixture
def hasty() -> Iterator[None]:
    """Let threads overtake each other as often as the interpreter allows."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(interval)


def at_once(*acts: Callable[[], None]) -> None:
    """Run all in threads of their own that start together, and fail if one raises or hangs."""
    start, done = threading.Barrier(len(acts)), list[object]()

    def play(act: Callable[[], None]) -> None:
        start.wait(PATIENCE)
        act()
        done.append(act)

    threads = [threading.Thread(target=play, args=(act,), daemon=True) for act in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    assert len(done) == len(acts)


@pytest.mark.usefixtures("hasty")
@pytest.mark.parametrize("timed", [False, True])
@pytest.mark.parametrize("seed", range(3))
def test_sends_of_many_threads_make_one_path(seed: int, timed: bool) -> None:
    """Every send that succeeded is in the story exactly once, and the story is a path, also while others read it."""
    run = job(story=10**6, limits={"failures": 10**6})
    taken: list[list[tuple[str, float | None]]] = [[], [], [], []]

    def send(number: int) -> None:
        rng = random.Random(f"{seed} {number}")
        for turn in range(1500):
            signal, at = rng.choice(["GO", "BACK", "NOTE", "FAIL"]), turn + number / 10 if timed else None
            with suppress(NoTransition):
                run.send(signal, at)
                taken[number].append((signal, at))

    def read() -> None:
        for _ in range(15):
            story = run.story
            assert all(one.after == other.before for one, other in itertools.pairwise(story))
            assert story.replay().story == story

    at_once(*[partial(send, number) for number in range(4)], read)
    assert_sound(run)
    assert Counter((step.signal, step.at) for step in run.story) == Counter(itertools.chain(*taken))
    for number in range(4) if timed else ():
        mine = [(step.signal, step.at) for step in run.story if round(10 * (step.at or 0)) % 10 == number]
        assert mine == taken[number]


@pytest.mark.usefixtures("hasty")
@pytest.mark.parametrize("how", ["send", "deliver"])
def test_one_outcome_commits(how: str) -> None:
    """Of several outcomes of one attempt exactly one is taken; the others are refused, or dropped and counted."""
    for _ in range(250):
        run = job("GO", limits={"failures": 0})
        said: list[str | None] = []

        def act(signal: str, run: Run = run, said: list[str | None] = said) -> None:
            with suppress(NoTransition):
                said.append(run.send(signal) if how == "send" else run.deliver(signal, attempt=1))

        at_once(*[partial(act, signal) for signal in ("END", "FAIL", "END", "BACK")])
        assert_sound(run)
        (state,) = [state for state in said if state is not None]
        assert (run.state, len(run.story)) == (state, 2)
        assert run.dropped == (3 if how == "deliver" else 0)


# Every way in which one thread may overtake another


def outcome(act: Callable[[], Any]) -> Any:
    """Return what an act returns, or the kind of its error, which is an outcome like any other."""
    try:
        return act()
    except (NoTransition, NestedSend) as error:
        return type(error)


class Overtaking:
    """Acts in this thread, and lets another thread act behind one of the interpreter's operations in between.

    The other goes on to its end, or to where it waits for its turn; then this one ends, and then the other.
    """

    def __init__(self) -> None:
        self.settled = self.over = threading.Event()
        self.other: threading.Thread | None = None
        self.ran = self.stop = 0

    def nap(self, seconds: float) -> None:
        self.settled.set()
        assert self.over.wait(PATIENCE)

    def trace(self, frame: FrameType, event: str, arg: object) -> Any:
        frame.f_trace_opcodes, frame.f_trace_lines = True, False
        if self.other is None:
            return None
        if event == "opcode":
            self.ran += 1
            if self.ran == self.stop:
                self.other.start()
                assert self.settled.wait(PATIENCE)
        return self.trace

    def __call__(self, first: Callable[[], Any], second: Callable[[], Any], stop: int) -> tuple[Any, Any]:
        """Return both outcomes."""
        said: list[Any] = []

        def act() -> None:
            said.append(outcome(second))
            self.settled.set()

        self.settled, self.over = threading.Event(), threading.Event()
        self.ran, self.stop, self.other = 0, stop, (other := threading.Thread(target=act, daemon=True))
        mine = outcome(first)
        self.other = None
        self.over.set()
        if self.ran < stop:
            other.start()
        other.join(PATIENCE)
        return mine, said[0]


@pytest.fixture
def overtaking(monkeypatch: pytest.MonkeyPatch) -> Iterator[Overtaking]:
    """Trace the whole test: some versions of CPython trace all operations only of what was traced the last time."""
    overtaking, old = Overtaking(), sys.gettrace()
    monkeypatch.setattr(_turns, "time", SimpleNamespace(sleep=overtaking.nap))
    sys._getframe().f_trace_opcodes = True
    sys.settrace(overtaking.trace)
    yield overtaking
    sys.settrace(old)


def outcomes(make: Callable[[], Run], first: Act, second: Act) -> list[object]:
    """Return what comes out if one follows the other, in both orders."""
    one, other = make(), make()
    said = outcome(partial(first, one)), outcome(partial(second, one)), one.to_dict()
    late = outcome(partial(second, other))
    return [said, (outcome(partial(first, other)), late, other.to_dict())]


def sends(signal: str, at: float | None = None) -> Act:
    return lambda run: run.send(signal, at, carried="Held")


def delivers(signal: str) -> Act:
    return lambda run: run.deliver(signal, attempt=1)


PAIRS: dict[str, tuple[str, Act, Act]] = {
    "quick": ("GO", sends("END"), sends("BACK")),
    "guarded": ("GO", sends("FAIL"), sends("END")),
    "timed": ("GO", sends("END", 1.0), sends("FAIL", 2.0)),
    "sealed": ("GO", sends("STOP"), sends("NOTE")),
    "delivered": ("GO", delivers("END"), delivers("FAIL")),
    "late": ("GO", delivers("FAIL"), sends("BACK")),
    "opened": ("GO STOP", Run.reopen, sends("GO")),
    "opened twice": ("GO STOP", Run.reopen, Run.reopen),
    "counts": ("GO", lambda run: run.counts, sends("FAIL")),
    "counts timed": ("GO@1 FAIL@2 GO@3", lambda run: run.counts, sends("FAIL", 1.0)),
    "story": ("GO", lambda run: run.story, sends("FAIL", 1.0)),
    "story cut": ("GO@1" + " NOTE@2" * 31, lambda run: run.story, sends("FAIL", 3.0)),
    "copied": ("GO", copy.copy, sends("FAIL", 1.0)),
    "stored": ("GO", lambda run: run.to_dict(), sends("STOP")),
    "stored open": ("GO STOP", lambda run: run.to_dict(), Run.reopen),
}


@pytest.mark.parametrize("turned", [False, True], ids=["", "turned round"])
@pytest.mark.parametrize("name", PAIRS)
def test_wherever_a_thread_is_overtaken_one_follows_the_other(name: str, turned: bool, overtaking: Overtaking) -> None:
    """With another thread's act behind any operation of an act, it comes out as if one had followed the other."""
    path, *acts = PAIRS[name]
    first, second = acts[::-1] if turned else acts
    make = partial(job, path, story=16) if len(path) < 50 else partial(copy.copy, job(path, story=16))
    expected = outcomes(make, first, second)
    overtaking(partial(first, make()), partial(second, make()), sys.maxsize)
    assert overtaking.ran > 30
    for stop in range(1, overtaking.ran + 2, 1 if overtaking.ran < 500 else 17):
        run = make()
        said = overtaking(partial(first, run), partial(second, run), stop)
        assert (*said, run.to_dict()) in expected


class Unguarded:
    """A run as one would write it first: look the next state up, then append the step."""

    def __init__(self) -> None:
        self.steps = [("", "", "Running")]

    def send(self, signal: str) -> str:
        before = self.steps[-1][2]
        after = JOB.next(before, signal)
        self.steps.append((before, signal, after))
        return after


def test_without_the_turn_the_same_harness_breaks_a_run(overtaking: Overtaking) -> None:
    """A look-up and an append without the turn tear the path and leave final states: the harness would see it."""
    torn = left = False
    for first, second in (("END", "BACK"), ("BACK", "END")):
        overtaking(partial(Unguarded().send, first), partial(Unguarded().send, second), sys.maxsize)
        for stop in range(1, overtaking.ran):
            run = Unguarded()
            overtaking(partial(run.send, first), partial(run.send, second), stop)
            befores, afters = [step[0] for step in run.steps[1:]], [step[2] for step in run.steps[:-1]]
            torn = torn or befores != afters
            left = left or not JOB.final.isdisjoint(afters)
    assert (torn, left) == (True, True)


# Waiting, and not waiting for oneself


def test_a_second_send_waits_for_the_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """While a guard takes its time, another thread's send waits, and everybody can read; then it gets its turn."""
    asked, answer, waits = threading.Event(), threading.Event(), threading.Event()

    def nap(seconds: float) -> None:
        waits.set()
        answer.wait(PATIENCE)

    def forgiven(run: RunView, signal: object) -> bool:
        asked.set()
        return answer.wait(PATIENCE)

    monkeypatch.setattr(_turns, "time", SimpleNamespace(sleep=nap))
    run = job("GO", guards={"forgiven": forgiven})
    threads = [threading.Thread(target=run.send, args=(signal,), daemon=True) for signal in ("FAIL", "HOLD")]
    for thread, sign in zip(threads, (asked, waits), strict=True):
        thread.start()
        assert sign.wait(PATIENCE)
    assert (run.state, str(run.story), threads[1].is_alive()) == ("Running", "Queued -GO-> Running", True)
    answer.set()
    for thread in threads:
        thread.join(PATIENCE)
    assert str(run.story) == "Queued -GO-> Running -FAIL-> Queued -HOLD-> Held"


NESTED: dict[str, Act] = {"NOTE": sends("NOTE"), "END": delivers("END"), "reopen": Run.reopen, "copy": copy.deepcopy}
each_nested = pytest.mark.parametrize(("name", "nested"), NESTED.items(), ids=NESTED)
REFUSED = "job: {} was sent in Running from inside a step of the same run; answer with a signal, or send after the step"


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a thread that would wait for itself fail at once."""
    monkeypatch.setattr(_turns, "time", None)


@pytest.mark.usefixtures("impatient")
@each_nested
@pytest.mark.parametrize("handled", [False, True], ids=["guard", "handler"])
@pytest.mark.parametrize("at", [None, 1.0])
def test_nothing_inside_a_step_takes_another(name: str, nested: Act, handled: bool, at: float | None) -> None:
    """A guard, or a handler of the system's signals, that sends to the run is refused; nothing has changed."""
    other = job("GO")

    def forgiven(view: RunView, signal: object) -> bool:
        other.send("NOTE")  # another run is not concerned
        if handled:
            signals.raise_signal(signals.SIGINT)
        return bool(handled or nested(run))

    run = job("GO", guards={"forgiven": forgiven})
    was, old = run.to_dict(), signals.signal(signals.SIGINT, lambda number, frame: nested(run))
    try:
        with pytest.raises(NestedSend) as caught:
            run.send("FAIL", at)
    finally:
        signals.signal(signals.SIGINT, old)
    assert (str(caught.value), run.to_dict()) == (REFUSED.format(name), was)
    assert (len(other.story), run.send("END")) == (2, "Done")


@pytest.mark.usefixtures("impatient")
@each_nested
def test_a_plugin_may_not_send_to_its_run(name: str, nested: Act) -> None:
    """Before a step it is the plugin's error and nothing has changed; behind one it is reported, and the step stays."""

    class Eager:
        @hookimpl
        def before_step(self, signal: object) -> object:
            return nested(run) if signal == "FAIL" else None

        @hookimpl
        def after_step(self) -> None:
            nested(run)

    run = Run(JOB, plugins=[Eager()])
    assert run.send("GO") == "Running"
    (failure,) = run.failures
    assert str(failure).startswith("plugin 'Eager', after_step: raised NestedSend(")
    was = run.to_dict()
    with pytest.raises(PluginError) as caught:
        run.send("FAIL")
    assert (str(caught.value.__cause__), run.to_dict()) == (REFUSED.format(name), was)
    assert isinstance(caught.value.__cause__, NestedSend)
    assert run.send("END") == "Done"
