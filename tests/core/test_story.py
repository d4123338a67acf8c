"""A story: a run's steps as a value, the last of them where there are many, and enough to take them again."""

from __future__ import annotations

import copy
import pickle
import random
from collections.abc import Sequence
from typing import Any

import pytest

from interlock import Machine, NoTransition, ReplayError, Run, RunView, Step, Story, hookimpl, signals
from interlock._story import origin

SHIFT = Machine.from_toml("""
lifecycle = "shift"
initial = "Idle"
attempt = ["Working", "Stopping"]
limits.breaks = { default = inf, means = "how often somebody may rest" }
[states]
Idle.means = "nothing to do"
Working.means = "at it"
Resting.means = "not at it"
Stopping.means = "told to go"
Home = { means = "over", final = true }
[signals]
WORK = { means = "here is something", recurs = "there is always something" }
REST.means = "enough for now"
CALL = { means = "the telephone", recurs = "it never stops" }
LEAVE.means = "enough"
ASIDE = { means = "put it aside", seals = true }
[guards]
tired = { when = "?", default = true, means = "it has been long" }
may_rest = { when = "entered(Resting) < breaks and tired", means = "a break is granted" }
noisy = { when = "taken(CALL) < 3", means = "the telephone is still heard" }
[from]
Idle.WORK = "Working"
Idle.LEAVE = "Home"
Idle.CALL = { to = "Idle", because = "nobody hears it" }
Idle.ASIDE.carries = ["Idle", "Resting", "Home"]
Resting.WORK = "Working"
Resting.ASIDE.carries = ["Resting"]
Working.REST = ["Resting if may_rest", "Idle"]
Working.CALL = { to = ["Working if noisy", "Idle"], because = "work goes on" }
Working.LEAVE = "Stopping"
Stopping.WORK = { to = "Working", because = "it was a misunderstanding" }
Stopping.LEAVE = "Home"
""")
HELD = ("Working", "Stopping")
COUNTERS = ("entered(Resting)", "taken(CALL)")


class Overtime:
    """A plugin that chooses now and then, so that stories have steps with two names."""

    @hookimpl
    def before_step(self, run: RunView, signal: object, now: float | None) -> object:
        return "REST" if signal == "CALL" and run.state == "Working" and now is not None else None


def counted(steps: Sequence[Step], start: dict[str, int] | None = None) -> dict[str, int]:
    """Return what the guards of the table have counted behind some steps."""
    counts = dict(start or dict.fromkeys(COUNTERS, 0))
    for step in steps:
        counts["entered(Resting)"] += step.after == "Resting"
        counts["taken(CALL)"] += step.signal == "CALL"
    return counts


class Diary:
    """Sends to a run at random, never home, and writes every step down by itself."""

    def __init__(self, seed: int, **options: Any) -> None:  # Any: the options of `Run`
        self.rng = random.Random(seed)
        self.run = Run(SHIFT, **options)
        self.steps: list[Step] = []
        self.attempts, self.is_open = 0, False

    def walk(self, steps: int) -> None:
        while len(self.steps) < steps:
            before = self.run.state
            if self.run.closed:
                self.run.reopen()
            signal = self.rng.choice(
                [s for s in self.run.accepts() if (before, s) not in (("Idle", "LEAVE"), ("Stopping", "LEAVE"))]
            )
            at = self.rng.choice([None, None, float(len(self.steps))])
            after = self.run.send(signal, at, carried="Resting")
            self.steps.append(self.written(before, signal, after, at))

    def written(self, before: str, signal: str, after: str, at: float | None) -> Step:
        attempt = self.attempts if before in HELD and self.is_open else None
        if after == "Working" and not (before in HELD and self.is_open):
            self.attempts, self.is_open = self.attempts + 1, True
        asked = None
        if after == "Resting" and before == "Working" and signal == "CALL":
            signal, asked = "REST", "CALL"
        if after in HELD:
            attempt = self.attempts
        return Step(len(self.steps) + 1, before, signal, after, attempt, at, asked, "Overtime" if asked else None)


def shift(path: str, **options: Any) -> Run:
    """Return a run that took the signals of `path`. Any: the options of `Run`."""
    run = Run(SHIFT, **options)
    for signal in path.split():
        run.send(signal)
    return run


# Steps


def test_a_step_says_all_of_a_change() -> None:
    """A step has its number, states, signal, attempt and time, and both names where a plugin chose another signal."""
    run = Run(SHIFT, plugins=[Overtime()])
    run.send("CALL")
    run.send("WORK", at=1)
    run.send("LEAVE")
    run.send("WORK", at=2.5)
    run.send("CALL", at=3)
    run.send("ASIDE", carried="Resting")
    assert list(run.story) == [
        Step(1, "Idle", "CALL", "Idle"),
        Step(2, "Idle", "WORK", "Working", attempt=1, at=1),
        Step(3, "Working", "LEAVE", "Stopping", attempt=1),
        Step(4, "Stopping", "WORK", "Working", attempt=1, at=2.5),
        Step(5, "Working", "REST", "Resting", attempt=1, at=3, asked="CALL", plugin="Overtime"),
        Step(6, "Resting", "ASIDE", "Resting"),
    ]
    assert str(run.story[4]) == "Working -REST-> Resting (asked: CALL, chosen by Overtime)"
    assert str(run.story[5]) == "Resting -ASIDE-> Resting"
    assert run.story[4].to_dict() == {
        "number": 5,
        "before": "Working",
        "signal": "REST",
        "after": "Resting",
        "attempt": 1,
        "at": 3,
        "asked": "CALL",
        "plugin": "Overtime",
    }
    assert run.story[5].to_dict() == {"number": 6, "before": "Resting", "signal": "ASIDE", "after": "Resting"}


@pytest.mark.parametrize("field", Step._fields)
def test_a_step_is_frozen(field: str) -> None:
    """No field of a step can be set."""
    step = shift("WORK").story[0]
    with pytest.raises(AttributeError):
        setattr(step, field, None)


@pytest.mark.parametrize("keep", [1000, 7, 3])
def test_a_story_is_a_sequence(keep: int) -> None:
    """Indexes from both ends, slices, length, membership and the rest are those of the list of its steps."""
    diary = Diary(1, story=keep)
    diary.walk(40)
    story, steps = diary.run.story, diary.steps[-keep:]
    assert (len(story), list(story), list(reversed(story))) == (len(steps), steps, steps[::-1])
    for index in range(-len(steps), len(steps)):
        assert story[index] == steps[index]
    for index in (len(steps), -len(steps) - 1):
        with pytest.raises(IndexError):
            story[index]
    for part in (
        slice(None),
        slice(-2, None),
        slice(2),
        slice(None, None, -1),
        slice(1, -1, 2),
        slice(50, 60),
        slice(-50, 2),
    ):
        assert story[part] == steps[part]
    assert steps[0] in story
    assert story.index(steps[-1]) == len(steps) - 1
    assert steps[0]._replace(number=99) not in story


def test_a_story_is_read_as_arrows() -> None:
    """As text, a story is its states with the signals between them; without a step it is where it starts."""
    assert str(Run(SHIFT).story) == "Idle"
    run = shift("WORK REST WORK LEAVE LEAVE")
    assert str(run.story) == "Idle -WORK-> Working -REST-> Resting -WORK-> Working -LEAVE-> Stopping -LEAVE-> Home"
    assert repr(run.story).startswith("<Story of shift, 5 steps: Working -REST-> Resting")
    assert str(shift("WORK REST", story=1).story) == "Working -REST-> Resting"
    assert str(shift("WORK REST", story=0).story) == "Resting"


def test_a_story_says_under_which_rules_it_came() -> None:
    """A story knows life cycle, spec hash, limits and whether its last step sealed the run."""
    run = Run(SHIFT, limits={"breaks": 3})
    assert (run.story.lifecycle, run.story.spec, run.story.limits) == ("shift", SHIFT.hash, {"breaks": 3})
    assert not run.story.closed
    run.send("ASIDE", carried="Resting")
    assert run.story.closed
    run.reopen()
    assert not run.story.closed


# The cut


@pytest.mark.parametrize("keep", [0, 1, 2, 5, 16, 17, 100, 1000])
@pytest.mark.parametrize("plugins", [None, [Overtime()]], ids=["bare", "plugin"])
def test_the_story_keeps_exactly_the_last_steps(keep: int, plugins: list[object] | None) -> None:
    """However long the run, the story is its last steps, and the counts at the cut are those of all before."""
    diary = Diary(keep, story=keep, plugins=plugins)
    for length in [*range(60), 99, 100, 101, 199, 200, 201, 999, 1000, 1001, 1999, 2000, 2001, 2002, 3500]:
        diary.walk(length)
        run, steps = diary.run, diary.steps
        gone, kept = steps[: max(0, length - keep)], steps[max(0, length - keep) :]
        story = run.story
        assert (len(story), story.skipped, list(story)) == (len(kept), len(gone), kept)
        assert story.start == (gone[-1].after if gone else "Idle")
        assert (story.counts, run.counts) == (counted(gone), counted(steps))
        assert (run.state, run.attempt) == (steps[-1].after if steps else "Idle", diary.attempts)


def test_the_story_keeps_a_thousand_steps_unless_told_otherwise() -> None:
    """Of ten thousand steps the last thousand are kept, and what a run stores no longer grows."""
    diary = Diary(3)
    diary.walk(2500)
    size = len(str(diary.run.to_dict()))
    diary.walk(10_000)
    assert list(diary.run.story) == diary.steps[-1000:]
    assert diary.run.counts == counted(diary.steps)
    assert len(str(diary.run.to_dict())) < 1.1 * size


# Replay


@pytest.mark.parametrize("keep", [0, 1, 5, 40, 1000])
@pytest.mark.parametrize("seed", range(6))
def test_a_story_replayed_gives_the_run(keep: int, seed: int) -> None:
    """A replayed run is equal to the run, wherever the story was cut, and goes on like it."""
    diary = Diary(seed, story=keep, plugins=[Overtime()], limits={"breaks": 100})
    for length in range(0, 150, 7):
        diary.walk(length)
        run, again = diary.run, diary.run.story.replay()
        assert again == run
        assert (again.story, again.closed, again.attempt) == (run.story, run.closed, run.attempt)
        assert again.accepts() == run.accepts()


@pytest.mark.parametrize("keep", [0, 1, 1000])
@pytest.mark.parametrize("carried", ["Idle", "Resting", "Home"])
def test_a_sealed_run_replayed_is_sealed(keep: int, carried: str) -> None:
    """A replayed run is sealed where the run is, also where the story keeps no step of it."""
    run = Run(SHIFT, story=keep)
    run.send("ASIDE", carried=carried)
    again = run.story.replay()
    assert (again.closed, again.accepts()) == (True, ())
    assert again == run


def test_replay_does_not_ask_opaque_guards_again() -> None:
    """A step taken is believed if some answers of the opaque guards allow it; they are not asked a second time."""
    answers = [True, False, True]
    run = Run(SHIFT, guards={"tired": lambda run, signal: answers.pop(0)})
    for signal in ["WORK", "REST", "WORK", "REST", "WORK", "REST"]:
        run.send(signal, at=1.0)
    assert answers == []
    again = run.story.replay()
    assert again == run
    assert [step.after for step in again.story] == ["Working", "Resting", "Working", "Idle", "Working", "Resting"]


def tampered(run: Run, place: int, **changes: str) -> dict[str, Any]:
    """Return the stored run with one step changed. Any: JSON."""
    data = copy.deepcopy(run.to_dict())
    data["story"]["steps"][place].update(changes)
    data["state"] = data["story"]["steps"][-1]["after"]
    return data


TAMPERED: list[tuple[int, dict[str, str], str]] = [
    (0, {"before": "Resting"}, "step 1: WORK was taken in Resting, but the run was in Idle"),
    (0, {"before": "Nowhere"}, "step 1: WORK was taken in Nowhere, but the run was in Idle"),
    (1, {"before": "Idle"}, "step 2: REST was taken in Idle, but the run was in Working"),
    (0, {"after": "Home"}, "step 1: Idle -WORK-> Home is no step; it may lead to: Working"),
    (2, {"signal": "REST"}, "step 3: Resting -REST-> Working is no step; it may lead to: nothing"),
    (2, {"signal": "NONSENSE"}, "step 3: Resting -NONSENSE-> Working is no step; it may lead to: nothing"),
    (3, {"after": "Resting"}, "step 4: Working -REST-> Resting is no step; it may lead to: Idle"),
    (1, {"after": "Idle"}, "step 3: WORK was taken in Resting, but the run was in Idle"),
    (1, {"after": "Home"}, "step 2: Working -REST-> Home is no step; it may lead to: Idle, Resting"),
    (4, {"after": "Working"}, "step 5: Idle -ASIDE-> Working is no step; it may lead to: Home, Idle, Resting"),
]


@pytest.mark.parametrize(("place", "changes", "message"), TAMPERED)
def test_a_story_that_is_no_path_is_not_replayed(place: int, changes: dict[str, str], message: str) -> None:
    """A step that the table does not have, or that the counts there do not allow, is named by its number."""
    run = shift("WORK REST WORK REST", limits={"breaks": 1})
    run.send("ASIDE", carried="Home")
    with pytest.raises(ReplayError) as caught:
        Run.from_dict(SHIFT, tampered(run, place, **changes))
    assert str(caught.value) == f"shift: {message}"


def test_steps_are_numbered_over_the_whole_life() -> None:
    """Where a story was cut, an error counts from the first step of the run."""
    run = shift("WORK REST WORK REST WORK", story=2)
    with pytest.raises(ReplayError, match=r"shift: step 5: REST was taken in Working, but the run was in Resting"):
        Run.from_dict(SHIFT, tampered(run, 1, signal="REST", before="Working"))


# A value


def test_a_story_does_not_grow() -> None:
    """What was read of a story stays as it was, whatever the run does after."""
    diary = Diary(5, story=30, plugins=[Overtime()])
    taken: list[tuple[Story, list[Step], str, Run]] = []
    for length in range(0, 120, 10):
        diary.walk(length)
        story = diary.run.story
        taken.append((story, list(story), str(story), copy.copy(diary.run)))
    for story, steps, text, run in taken:
        assert (list(story), len(story), str(story)) == (steps, len(steps), text)
        assert story == run.story
        assert story.replay() == run
    assert len({str(story) for story, *_ in taken}) == len(taken)


def test_stories_are_equal_by_what_they_say() -> None:
    """Two stories are equal if table, limits, cut and steps are; a story is no list, and has no hash."""
    assert shift("WORK REST").story == shift("WORK REST").story
    others = [shift("WORK"), shift("WORK REST", limits={"breaks": 9}), shift("WORK REST", story=1), shift("WORK CALL")]
    for other in others:
        assert other.story != shift("WORK REST").story
    assert shift("WORK").story != [Step(1, "Idle", "WORK", "Working", 1)]
    with pytest.raises(TypeError, match="unhashable"):
        hash(shift("WORK").story)


def test_what_a_story_hands_out_changes_nothing() -> None:
    """The dictionary of a story is its reader's own."""
    story = shift("WORK REST WORK", story=1).story
    was = copy.deepcopy(story.to_dict())
    story.to_dict()["counts"].clear()
    story.to_dict()["steps"].clear()
    assert story.to_dict() == was
    assert story.replay().counts == {"entered(Resting)": 1, "taken(CALL)": 0}


def test_runs_that_ended_alike_share_their_rows_and_nothing_else() -> None:
    """What runners step holds no list of its own once it is over; its story and its copies are as whole as any."""
    machine = Machine.load("task-run")
    cut = origin(machine._plain, 100)
    runs = [Run._of(machine, cut, None, None, [None]) for _ in range(3)]
    for at, run in enumerate(runs):
        run._quick(signals.START, at)
        run._quick(signals.SUCCESS if at < 2 else signals.SKIP, at + 0.5)
    first, second, other = runs
    assert first._rows is second._rows
    assert (first.state, second.state, other.state) == ("Success", "Success", "Skipped")
    for at, run in enumerate(runs):
        plain = Run(machine, story=100)
        plain.send("START", at=at)
        plain.send("SUCCESS" if at < 2 else "SKIP", at=at + 0.5)
        assert list(run.story) == list(plain.story)
        for same in (copy.copy(run), pickle.loads(pickle.dumps(run))):
            assert same == run == plain
            with pytest.raises(NoTransition):
                same.send("START")
