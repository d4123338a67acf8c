"""A run is never torn or locked by an interrupt: at random moments of tight loops, and at each one that there is."""

from __future__ import annotations

import _thread
import copy
import dis
import gc
import itertools
import random
import signal as signals
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import cache, partial
from queue import SimpleQueue
from types import CodeType, FrameType, SimpleNamespace
from typing import Any

import pytest

from interlock import Machine, NestedSend, NoTransition, Run, RunView, Step, _turns, hookimpl

WATCH = Machine.from_toml("""
lifecycle = "watch"
initial = "Below"
attempt = ["Duty"]
limits.naps = { default = 1000000, means = "how often somebody may nap" }
[states]
Below.means = "asleep"
Duty.means = "on deck"
Napping.means = "asleep on deck"
Ashore = { means = "over", final = true }
[signals]
CALL = { means = "your watch", recurs = "every four hours" }
BELL = { means = "half an hour is over", recurs = "eight times a watch" }
NAP.means = "eyes closed"
WAKE = { means = "eyes open", recurs = "naps end" }
RELIEF.means = "somebody else's watch"
LAND.means = "in port"
ANCHOR = { means = "no more watches for now", seals = true }
[guards]
calm = { when = "?", default = true, means = "the sea is" }
may_nap = { when = "entered(Napping) < naps and calm", means = "nobody minds" }
[from]
Below.CALL = "Duty"
Below.LAND = "Ashore"
Below.ANCHOR.carries = ["Below", "Ashore"]
Duty.BELL = { to = "Duty", because = "it goes on" }
Duty.NAP = ["Napping if may_nap", "Below"]
Duty.RELIEF = "Below"
Napping.WAKE = "Duty"
Napping.BELL = { to = "Napping", because = "it is not heard" }
""")
NEXT = {"Below": ["CALL"], "Duty": ["BELL", "NAP", "RELIEF"], "Napping": ["WAKE", "BELL"]}
PATIENCE = 30.0  # seconds until a thread that hangs is a failure; nothing is measured by it

Act = Callable[[Run], object]


class Interrupted(KeyboardInterrupt):
    """What comes from outside."""


class Officer:
    """A plugin that now and then chooses another signal, and writes down what it is told."""

    def __init__(self) -> None:
        self.told: list[Step] = []

    @hookimpl
    def before_step(self, run: RunView, signal: object) -> object:
        return "RELIEF" if signal == "NAP" and run.counts["entered(Napping)"] % 3 == 2 else None

    @hookimpl
    def after_step(self, step: Step) -> None:
        self.told.append(step)


def calm(run: RunView, signal: object) -> bool:
    return run.attempt % 5 != 4


def assert_free(run: Run) -> None:
    """Somebody else gets the turn."""
    thread = threading.Thread(target=copy.copy, args=(run,), daemon=True)
    thread.start()
    thread.join(PATIENCE)
    assert not thread.is_alive()


def assert_sound(run: Run) -> None:
    """The state is that of the last row, the story is a path, and the counts are those of its steps."""
    story = run.story
    assert all(step.after == other.before for step, other in itertools.pairwise(story))
    assert [step.number for step in story] == [*range(story.skipped + 1, story.skipped + len(story) + 1)]
    assert run.state == (story[-1].after if story else story.start)
    naps = story.counts["entered(Napping)"] + sum(step.after == "Napping" for step in story)
    assert run.counts == {"entered(Napping)": naps}
    assert story.replay().story == story


# Random moments


class Timer:
    """Interrupts by the system's timer."""

    signal = "SIGALRM"

    def arm(self, seconds: float) -> None:
        if sys.platform != "win32":
            signals.setitimer(signals.ITIMER_REAL, seconds)

    def off(self) -> None:
        if sys.platform != "win32":
            signals.setitimer(signals.ITIMER_REAL, 0)


class Thread:
    """Interrupts from another thread, the way that every platform has."""

    signal = "SIGINT"

    def __init__(self) -> None:
        self.turns = SimpleQueue[int]()
        self.thread = threading.Thread(target=self.spin, daemon=True)
        self.thread.start()

    def spin(self) -> None:
        while turns := self.turns.get():
            for _ in range(turns):
                pass
            _thread.interrupt_main()

    def arm(self, seconds: float) -> None:
        self.turns.put(int(seconds * 3e7))

    def off(self) -> None:
        self.turns.put(0)
        self.thread.join(PATIENCE)


SOURCES = [source for source in (Timer, Thread) if hasattr(signals, source.signal)]


@pytest.fixture
def hurry() -> Iterator[None]:
    """Let the thread that interrupts come in between, and nothing be collected: there, an interrupt is swallowed."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    gc.disable()
    yield
    gc.enable()
    sys.setswitchinterval(interval)


@pytest.mark.usefixtures("hurry")
@pytest.mark.parametrize("kind", SOURCES)
@pytest.mark.parametrize("timed", [False, True], ids=["", "timed"])
@pytest.mark.parametrize("plugin", [False, True], ids=["", "plugin"])
def test_a_run_is_whole_behind_every_interrupt(kind: type[Timer | Thread], timed: bool, plugin: bool) -> None:
    """Interrupted at any moment of a tight loop, a run is sound, unlocked, and goes on; no step has another's time."""
    rng, source, officer = random.Random(f"{kind} {timed} {plugin}"), kind(), Officer()
    run = Run(WATCH, guards={"calm": calm}, plugins=[officer] if plugin else None, story=40)
    at, came, lost = 0.0, 0, set[float]()

    def handle(number: int, frame: FrameType | None) -> None:
        nonlocal came
        came += 1
        raise Interrupted

    def work(interrupts: int) -> None:
        # In a function of its own: what comes as a loop jumps back is not caught by a `with` around it on Python 3.13.
        nonlocal at
        source.arm(rng.uniform(1e-4, 1e-3))
        while came == interrupts:
            at += 1
            run.send(rng.choice(NEXT[run.state]), at if timed and at % 3 else None)
            if at % 5000 == 0:
                time.sleep(0)  # CPython may overlook a signal until its lock changes hands

    number = getattr(signals, kind.signal)
    old = signals.signal(number, handle)
    try:
        for interrupts in range(150):
            with suppress(Interrupted):
                work(interrupts)
            assert_free(run)
            assert_sound(run)
            times = [step.at for step in run.story if step.at is not None]
            assert lost.isdisjoint(times)
            assert times == sorted(set(times))
            lost |= {at} - set(times)
    finally:
        signals.signal(number, lambda number, frame: None)
        source.off()
        signals.signal(number, old)
    numbers = [step.number for step in officer.told]
    assert numbers == sorted(set(numbers))
    assert {step for step in officer.told if step.number > run.story.skipped} <= set(run.story)
    assert plugin is (len(numbers) > 1000)


# Every moment


@cache
def loops(code: CodeType) -> frozenset[int]:
    """Return where the code is jumped back to by instructions that let an interrupt in."""
    jumps = [i for i in dis.get_instructions(code) if "BACKWARD" in i.opname and "NO_INTERRUPT" not in i.opname]
    return frozenset(jump.argval for jump in jumps)


class Moments:
    """Lets something come in at the n-th moment at which CPython lets an interrupt into Interlock's code.

    These are: where a function begins, behind a call of C code (an error of a profile function comes from the calling
    instruction itself, as an interrupt does), and where a loop jumps back.
    """

    def __init__(self, moment: int, come: Callable[[], object]) -> None:
        self.left = moment
        self.come = come
        self.places: dict[FrameType, int] = {}

    @property
    def came(self) -> bool:
        return self.left <= 0

    def __enter__(self) -> Moments:
        self.old = sys.gettrace(), sys.getprofile()
        sys.settrace(self.trace)
        sys.setprofile(self.profile)
        return self

    def __exit__(self, *error: object) -> None:
        sys.setprofile(self.old[1])
        sys.settrace(self.old[0])

    def profile(self, frame: FrameType, event: str, arg: object) -> None:
        if event in ("call", "c_return"):
            self.count(frame)

    def trace(self, frame: FrameType, event: str, arg: object) -> Any:
        if event == "line":
            if frame.f_lasti in loops(frame.f_code) and frame.f_lasti < self.places.get(frame, 0):
                self.count(frame)
            self.places[frame] = frame.f_lasti
        return self.trace

    def count(self, frame: FrameType) -> None:
        if frame.f_globals.get("__name__", "interlock").startswith(
            "interlock"
        ):  # what is compiled for guards has no name
            self.left -= 1
            if self.left == 0:
                self.come()


def interrupted() -> None:
    raise Interrupted


def watch(path: str, **options: Any) -> Run:
    """Return a run that took the signals of `path`: "ANCHOR" carries Below, "CALL@1" has a time. Any: as for `Run`."""
    run = Run(WATCH, guards={"calm": calm}, **options)
    for word in path.split():
        signal, _, at = word.partition("@")
        run.send(signal, float(at) if at else None, carried="Below")
    return run


def sends(signal: str, at: float | None = None) -> Act:
    return lambda run: run.send(signal, at, carried="Below")


LONG = "CALL" + " NAP WAKE BELL RELIEF CALL" * 6
MOMENTS: dict[str, tuple[str, Act, str]] = {
    "quick": ("CALL", sends("RELIEF"), "CALL"),
    "counted": ("CALL", sends("NAP"), "WAKE"),
    "class": ("CALL", sends("NAP"), "WAKE"),
    "first time": ("CALL", sends("NAP", 1.0), "RELIEF"),
    "time after none": ("CALL@1 BELL BELL", sends("NAP", 2.0), "RELIEF"),
    "time after times": ("CALL@1 BELL@2", sends("RELIEF", 3.0), "RELIEF"),
    "none after times": ("CALL@1 BELL@2", sends("NAP"), "RELIEF"),
    "sealed": ("CALL RELIEF", sends("ANCHOR"), "CALL"),
    "opened": ("CALL RELIEF ANCHOR", Run.reopen, "CALL"),
    "delivered": ("CALL", lambda run: run.deliver("NAP", attempt=1, at=1.0), "RELIEF"),
    "dropped": ("CALL", lambda run: run.deliver("NAP", attempt=2), "RELIEF"),
    "refused": ("CALL", sends("LAND"), "RELIEF"),
    "copied": ("CALL@1", copy.copy, "RELIEF"),
    "read": ("CALL@1", lambda run: (run.story, run.to_dict(), run.accepts()), "RELIEF"),
    "marked": ("CALL" + " BELL" * 15, sends("BELL"), "RELIEF"),
    "cut": ("CALL" + " BELL" * 31, sends("BELL"), "RELIEF"),
    "cut with times": ("CALL@1" + " BELL@2" * 31, sends("BELL", 3.0), "RELIEF"),
}


def tried(act: Act, run: Run) -> None:
    with suppress(Interrupted, NoTransition):
        act(run)


@pytest.mark.parametrize("plugin", [False, True], ids=["bare", "plugin"])
@pytest.mark.parametrize("name", MOMENTS)
def test_at_every_moment_an_act_is_done_or_not(name: str, plugin: bool) -> None:
    """Interrupted at each moment that there is, a run is as before the act or as behind it, and goes on so."""
    path, act, following = MOMENTS[name]
    make = partial(watch, path, plugins=[Officer()] if plugin else None, story=16)
    undone, done = make(), make()
    tried(act, done)
    for moment in itertools.count(1):
        run = make()
        with Moments(moment, interrupted) as moments:
            tried(act, run)
        assert_free(run)
        assert run in (undone, done)
        like = copy.copy(done if run == done else undone)
        for one in (run, like):
            tried(sends(following), one)
            tried(sends("CALL", 9.0), one)
        assert run == like
        assert_sound(run)
        if not moments.came:
            assert moment > 3
            return


WAITING: dict[str, Act] = {
    "send": sends("WAKE"),
    "time": sends("WAKE", 1.0),
    "deliver": lambda run: run.deliver("BELL", attempt=1),
    "reopen": Run.reopen,
    "copy": copy.copy,
}


@pytest.mark.parametrize("name", WAITING)
def test_at_every_moment_of_waiting_the_turn_is_not_lost(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Interrupted while another thread has the turn, or as it comes back, an act is done or not, nothing is locked."""
    undone, done = watch("CALL NAP"), watch("CALL NAP")
    tried(WAITING[name], done)
    waited = 0
    for moment in itertools.count(1):
        asked, answer = threading.Event(), threading.Event()

        def slow(
            run: RunView, signal: object, asked: threading.Event = asked, answer: threading.Event = answer
        ) -> bool:
            asked.set()
            return answer.wait(PATIENCE)

        run = Run.from_dict(WATCH, watch("CALL").to_dict(), guards={"calm": slow})
        other = threading.Thread(target=run.send, args=("NAP",), daemon=True)

        def nap(seconds: float, other: threading.Thread = other, answer: threading.Event = answer) -> None:
            nonlocal waited
            waited += 1
            answer.set()
            other.join(PATIENCE)

        monkeypatch.setattr(_turns, "time", SimpleNamespace(sleep=nap))
        other.start()
        assert asked.wait(PATIENCE)
        with Moments(moment, interrupted) as moments:
            tried(WAITING[name], run)
        nap(0.0)
        assert_free(run)
        assert run in (undone, done)
        if not moments.came:
            assert run == done
            assert waited > moment
            return


@pytest.mark.parametrize("at", [None, 1.0])
def test_at_every_moment_a_handler_sends_whole_or_is_refused(at: float | None, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a signal handler sends inside another send comes before it, behind it, or not at all."""
    monkeypatch.setattr(_turns, "time", None)  # to wait for oneself is an error at once
    seen = set()
    for moment in itertools.count(1):
        run = watch("CALL")
        with Moments(moment, partial(run.send, "BELL")) as moments:
            try:
                run.send("NAP", at)
            except NestedSend:
                seen.add("refused")
        assert_free(run)
        assert_sound(run)
        seen.add(str(run.story).removeprefix("Below -CALL-> "))
        if not moments.came:
            break
    taken = {"Duty -NAP-> Napping", "Duty -BELL-> Duty -NAP-> Napping", "Duty -NAP-> Napping -BELL-> Napping"}
    assert seen == {"refused", "Duty", *taken}
