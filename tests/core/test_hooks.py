"""Plugins of a run: they choose signals, never states, and what they do wrong is named and stays without effect."""

from __future__ import annotations

import logging
import random
import types
from collections.abc import Generator
from typing import Any

import pytest

from interlock import GuardError, Machine, NoTransition, PluginError, Plugins, Run, RunView, Step, hookimpl

BASE = Machine.from_toml("""
lifecycle = "play"
initial = "Curtain"
attempt = ["Stage", "Leaving"]
limits.encores = { default = 1, means = "how often it is played again" }
[states]
Curtain.means = "not begun"
Break.means = "the audience drinks"
Stage.means = "they play"
Leaving.means = "the audience was asked to go"
Applause = { means = "they liked it", final = true }
Silence = { means = "they did not", final = true }
[signals]
START = { means = "the curtain rises", plugins = "asked" }
RESUME = { means = "the bell rings", recurs = "after every break", plugins = "asked" }
SUCCESS.means = "the last word"
FAIL.means = "somebody forgot the words"
PAUSE.means = "a break"
CANCEL = { means = "there is a fire", plugins = "told" }
BROKEN = { means = "the stage broke", plugins = "told" }
ENDRUN = { means = "the theatre says so", seals = true }
[guards]
liked = { when = "?", default = true, means = "they clap" }
again = { when = "taken(FAIL) < encores and liked", means = "it is begun once more" }
[from]
Curtain = { START = "Stage", SUCCESS = "Applause", FAIL = "Silence" }
Break = { RESUME = "Stage", ENDRUN.carries = ["Break", "Silence"] }
Stage.SUCCESS = ["Applause if liked", "Silence"]
Stage.FAIL = ["Curtain if again", "Silence"]
Stage.PAUSE = "Break"
Stage.CANCEL = "Leaving"
Stage.BROKEN = "Silence"
Stage.ENDRUN.carries = ["Break", "Silence"]
Leaving = { SUCCESS = "Applause", FAIL = "Silence", CANCEL = { to = "Leaving", because = "one fire is enough" } }
""")
PROMPT = {"means": "a whisper", "recurs": "actors forget"}
STAYS = {"to": "Stage", "because": "they play on"}
PLAY = BASE.extend({"signals": {"PROMPT": PROMPT}, "from": {"Stage": {"PROMPT": STAYS}}})


class Chooser:
    """Answers as it was told to, or raises, and writes down what it was asked."""

    def __init__(self, **answers: object) -> None:
        self.answers = answers
        self.asked: list[tuple[str, object, float | None]] = []

    @hookimpl
    def before_step(self, run: RunView, signal: object, now: float | None) -> object:
        self.asked.append((run.state, signal, now))
        answer = self.answers.get(str(signal))
        if isinstance(answer, Exception | KeyboardInterrupt | SystemExit | GeneratorExit):
            raise answer
        return answer


class Second(Chooser): ...


class Recorder:
    """Writes down what it is told, and how the run stands then."""

    def __init__(self) -> None:
        self.steps: list[Step] = []
        self.seen: list[tuple[str, int, bool]] = []

    @hookimpl
    def after_step(self, run: RunView, step: Step) -> None:
        self.steps.append(step)
        self.seen.append((run.state, len(run.story), run.closed))


class Failing:
    """Raises when it is told of one signal."""

    def __init__(self, signal: str, error: BaseException) -> None:
        self.signal, self.error = signal, error
        self.told = 0

    @hookimpl
    def after_step(self, step: Step) -> None:
        self.told += 1
        if step.signal == self.signal:
            raise self.error


def play(path: str = "", *plugins: object, **options: Any) -> Run:
    """Return a run that took the signals of `path`; "ENDRUN" carries Break. Any: the options of `Run`."""
    run = Run(PLAY, plugins=list(plugins), **options)
    for signal in path.split():
        run.send(signal, carried="Break")
    return run


# Observing


def test_observers_are_told_in_the_order_of_the_story() -> None:
    """Every step is told once, behind its commit, and no refusal; without observers the story is the same."""
    recorder, failing, other = Recorder(), Failing("START", ValueError()), Recorder()
    watched, bare = (play("START PROMPT FAIL START", *them) for them in ([recorder, failing, other], []))
    for run in (watched, bare):
        with pytest.raises(NoTransition):
            run.send("RESUME")
        run.send("PAUSE", at=7.0)
        assert run.deliver("SUCCESS", attempt=2) is None
        run.send("ENDRUN", carried="Break")
        run.reopen()
        run.send("RESUME")
        assert run.deliver("SUCCESS", attempt=3, at=8.0) == "Applause"
    assert watched == bare
    assert recorder.steps == other.steps == list(bare.story)
    expected = [(step.after, step.number, step.signal == "ENDRUN") for step in bare.story]
    assert recorder.seen == other.seen == expected


@pytest.mark.parametrize("error", [ValueError("dry"), AssertionError(), BaseException("odd")], ids=repr)
def test_an_observer_that_raises_is_told_no_more(error: BaseException, caplog: pytest.LogCaptureFixture) -> None:
    """The step stays, the others are told, the log and `run.failures` name it, and it is not called again."""
    failing, before, behind = Failing("START", error), Recorder(), Recorder()
    run = play("START PROMPT SUCCESS", before, failing, behind)
    assert (run.state, failing.told) == ("Applause", 1)
    assert before.steps == behind.steps == list(run.story)
    assert [(failure.plugin, failure.hook) for failure in run.failures] == [("Failing", "after_step")]
    told = f"plugin 'Failing', after_step: raised {error!r}; it is told nothing more of this run"
    assert str(run.failures[0]) == told
    assert caplog.record_tuples == [("interlock.plugins", logging.ERROR, told)]
    assert repr(error) in caplog.text


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit, GeneratorExit])
def test_a_plugin_is_not_blamed_for_an_interrupt(error: type[BaseException]) -> None:
    """What is to stop the program comes through, before the step or behind it; a plugin is called the next time too."""
    chooser, failing = Chooser(SUCCESS=error()), Failing("START", error())
    run = play("", chooser, failing)
    for signal in ("SUCCESS", "START"):
        with pytest.raises(error):
            run.send(signal)
    assert (str(run.story), run.failures, run.send("FAIL")) == ("Curtain -START-> Stage", (), "Curtain")
    assert (len(chooser.asked), failing.told) == (3, 2)


# Choosing

PAUSE = type("PAUSE", (BaseException,), {})
CHOSEN: list[tuple[str, object]] = [("FAIL", "PAUSE"), ("FAIL", PAUSE), ("FAIL", PAUSE("tea")), ("SUCCESS", "FAIL")]
CHOSEN += [("PROMPT", "FAIL"), ("PROMPT", "PROMPT"), ("FAIL", "FAIL")]  # what keeps the attempt open; the signal itself


@pytest.mark.parametrize(("signal", "answer"), CHOSEN)
@pytest.mark.parametrize("how", ["send", "deliver"])
def test_a_plugin_chooses_another_signal(signal: str, answer: object, how: str) -> None:
    """The step is that of the answer, in whatever form; the story names what was sent and who chose."""
    run, bare = play("START", Chooser(**{signal: answer})), play("START")
    after = run.send(signal, at=3.0) if how == "send" else run.deliver(signal, attempt=1, at=3.0)
    assert bare.send(answer, at=3.0) == after
    assert run.story[-1] == bare.story[-1]._replace(asked=signal, plugin="Chooser")
    assert run.counts == bare.counts


def test_the_first_answer_wins() -> None:
    """Plugins are asked in pluggy's order, the last registered first, until one answers; there is one substitution."""
    silent, first, late = Chooser(), Second(FAIL="SUCCESS", SUCCESS="FAIL"), Chooser(FAIL="FAIL", SUCCESS="FAIL")
    run = play("FAIL", late, first, silent)
    assert (run.state, run.story[-1].plugin) == ("Applause", "Second")
    assert (silent.asked, first.asked, late.asked) == ([("Curtain", "FAIL", None)], [("Curtain", "FAIL", None)], [])


def test_plugins_are_asked_only_about_what_they_may_change() -> None:
    """Nobody is asked about CANCEL, BROKEN, a sealing signal, or one that the state refuses; all else is asked once."""
    chooser = Chooser()
    run = play("START FAIL START PAUSE", chooser)
    with pytest.raises(NoTransition):
        run.send("START")
    run.send("ENDRUN", carried="Break")
    run.reopen()
    run.send("RESUME", at=4.0)
    for signal in ("CANCEL", "CANCEL", "SUCCESS"):
        run.send(signal)
    play("START BROKEN", other := Chooser())
    said = [("Curtain", "START"), ("Stage", "FAIL"), ("Curtain", "START"), ("Stage", "PAUSE")]
    asked = [(*pair, None) for pair in said]
    assert chooser.asked == [*asked, ("Break", "RESUME", 4.0), ("Leaving", "SUCCESS", None)]
    assert other.asked == asked[:1]


NEVER = "of it, never the source"
WRONG: list[tuple[str, str, object, str]] = [
    ("", "SUCCESS", "START", f"answered START; plugins are asked {NEVER}"),
    ("START PAUSE", "RESUME", "RESUME", f"answered RESUME; plugins are asked {NEVER}"),
    ("START", "FAIL", "CANCEL", f"answered CANCEL; plugins are told {NEVER}"),
    ("START", "FAIL", "BROKEN", f"answered BROKEN; plugins are told {NEVER}"),
    ("START", "FAIL", "ENDRUN", f"answered ENDRUN; plugins are told {NEVER}"),
    ("START", "FAIL", "PROMPT", "answered PROMPT, which leaves the attempt open; FAIL would have closed it"),
    ("START", "FAIL", ValueError("dry"), "raised ValueError('dry')"),
    ("START", "FAIL", NoTransition("a", "b", "c", "d", ()), "raised NoTransition(lifecycle='a', state='b', signal='c'"),
    ("START", "FAIL", "NONSENSE", "answered NONSENSE: play: unknown signal 'NONSENSE'."),
    ("START", "FAIL", False, "answered False: play: unknown signal False."),
    (
        "",
        "FAIL",
        "PROMPT",
        "answered PROMPT: play: PROMPT is refused in Curtain; Curtain accepts: START, SUCCESS, FAIL",
    ),
]


@pytest.mark.parametrize(("path", "signal", "answer", "problem"), WRONG, ids=[str(wrong[:3]) for wrong in WRONG])
def test_a_wrong_answer_is_the_plugins_error(path: str, signal: str, answer: object, problem: str) -> None:
    """What is no answer is a `PluginError` that names the plugin, nothing has changed, and nobody is told."""
    late, chooser, recorder = Chooser(), Second(), Recorder()
    run, chooser.answers = play(path, late, chooser, recorder), {signal: answer}
    was, told = run.to_dict(), len(recorder.steps)
    with pytest.raises(PluginError) as caught:
        run.send(signal)
    assert str(caught.value).startswith(f"plugin 'Second', before_step: {problem}")
    assert caught.value.__cause__ is (answer if isinstance(answer, Exception) else None)
    assert (run.to_dict(), len(recorder.steps), run.failures) == (was, told, ())
    assert signal not in [asked for _, asked, _ in late.asked]
    chooser.answers.clear()
    run.send(signal)
    assert run.story[-1] == recorder.steps[-1]


@pytest.mark.parametrize("liked", [True, False, None])
def test_guards_are_asked_about_the_answer(liked: Any) -> None:
    """The answer's own choices and guards decide where it leads; a guard sees the answer as it is."""
    answer, seen = type("SUCCESS", (BaseException,), {})("bravo"), list[object]()

    def guard(run: RunView, signal: object) -> Any:
        seen.append(signal)
        return liked

    run = play("START", Chooser(FAIL=answer), guards={"liked": guard}, limits={"encores": 0})
    if liked is None:
        with pytest.raises(GuardError, match="guard 'liked' answered None"):
            run.send("FAIL")
    else:
        assert run.send("FAIL") == ("Applause" if liked else "Silence")
    assert (seen, len(run.story)) == ([answer], 1 if liked is None else 2)


@pytest.mark.parametrize("seed", range(40))
def test_whatever_plugins_answer_the_run_is_a_path(seed: int) -> None:
    """Plugins that answer at random, raise, or answer nonsense never leave the table."""
    rng = random.Random(seed)

    class Wild:
        @hookimpl
        def before_step(self) -> object:
            if rng.random() < 0.1:
                raise ValueError
            return rng.choice([None, None, "NONSENSE", 7, *PLAY.signals])

    run = play("", Wild(), Wild())
    for _ in range(40):
        was = run.to_dict()
        try:
            run.send(rng.choice(list(PLAY.signals)), carried="Break")
        except (PluginError, NoTransition):
            assert run.to_dict() == was
        if run.closed and not run.is_final:
            run.reopen()
    assert run.story.replay() == run
    assert {step.signal for step in run.story if step.asked} <= {"SUCCESS", "FAIL", "PAUSE", "PROMPT"}
    assert {step.asked for step in run.story}.isdisjoint(["CANCEL", "BROKEN", "ENDRUN"])


# Registering


def test_a_misspelt_hook_is_an_error() -> None:
    """A hook, or an argument of one, that does not exist is refused by name, and the plugins before stay."""

    class Misspelt:
        @hookimpl
        def befor_step(self) -> None: ...

    class Greedy:
        @hookimpl
        def after_step(self, runs: object) -> None: ...

    plugins = Plugins(recorder := Recorder())
    for plugin, word in ((Misspelt(), "befor_step"), (Greedy(), "runs"), (recorder, "")):
        with pytest.raises(PluginError, match=rf"^plugin '{type(plugin).__name__}[-0-9a-f]*', register: .*{word}"):
            plugins.register(plugin)
    Run(PLAY, plugins=plugins).send("START")
    assert len(recorder.steps) == 1
    with pytest.raises(TypeError, match="give Plugins"):
        Run(PLAY, plugins=recorder)  # type: ignore[arg-type]


def test_runs_keep_the_plugins_they_began_with() -> None:
    """What is registered or removed later is for later runs, and no run sees the failures of another."""
    plugins = Plugins(first := Recorder(), Failing("START", ValueError()))
    run, other = Run(PLAY, plugins=plugins), Run(PLAY, plugins=plugins)
    plugins.register(second := Recorder())
    plugins.unregister(first)
    run.send("START")
    Run(PLAY, plugins=plugins).send("FAIL")
    assert ([step.signal for step in first.steps], [step.signal for step in second.steps]) == (["START"], ["FAIL"])
    assert (len(run.failures), len(other.failures)) == (1, 0)
    assert (other.send("START"), len(other.failures)) == ("Stage", 1)


def test_a_hook_takes_the_arguments_it_wants() -> None:
    """An implementation may take fewer arguments, in any order; a module with functions is a plugin too."""
    seen: list[tuple[object, ...]] = []

    @hookimpl
    def after_step(step: Step) -> None:
        seen.append(("module", step.after))

    class Turned:
        @hookimpl
        def before_step(self, now: float | None, signal: object, run: RunView) -> None:
            seen.append((now, signal, run.state))

        @hookimpl
        def after_step(self) -> None:
            seen.append(())

    module = types.ModuleType("house_rules")
    vars(module).update(after_step=after_step)
    Run(PLAY, plugins=[module, Turned()]).send("START", at=1.0)
    assert seen == [(1.0, "START", "Curtain"), (), ("module", "Stage")]


def test_two_plugins_of_one_class_are_two() -> None:
    """Both are asked and told, under names of their own; where one fails, the other goes on."""
    failing = [Failing("START", ValueError("1")), Failing("PROMPT", ValueError("2"))]
    choosers = [Chooser(PAUSE="PROMPT"), Chooser(FAIL="PAUSE")]
    run = play("START PROMPT PROMPT", *failing, *choosers)
    assert [plugin.told for plugin in failing] == [1, 2]
    assert len({failure.plugin for failure in run.failures}) == 2
    assert [failure.plugin.partition("-")[0] for failure in run.failures] == ["Failing", "Failing"]
    assert run.send("FAIL") == "Break"
    assert [len(chooser.asked) for chooser in choosers] == [3, 4]


def test_wrappers_see_the_calls_of_the_others() -> None:
    """A wrapper goes round all other implementations, and may change an answer; an observer's failure stays one."""
    seen: list[object] = []

    class Round:
        @hookimpl(wrapper=True)
        def before_step(self, signal: object) -> Generator[None, object, object]:
            answer = yield
            seen.append((signal, answer))
            return "PAUSE" if answer == "SUCCESS" else answer

        @hookimpl(wrapper=True)
        def after_step(self) -> Generator[None, object, object]:
            seen.append("told")
            return (yield)

    recorder = Recorder()
    run = play("START FAIL", Round(), Chooser(FAIL="SUCCESS"), recorder)
    assert (run.state, run.story[-1].asked, recorder.steps) == ("Break", "FAIL", list(run.story))
    assert seen == [("START", None), "told", ("FAIL", "SUCCESS"), "told"]
    run = play("START PROMPT", Round(), Failing("START", ValueError("no")))
    assert (["Failing" in failure.plugin for failure in run.failures], run.state) == ([True], "Stage")


def test_a_plugin_cannot_change_what_it_sees() -> None:
    """A view and a step take no assignment and no deletion, and a view has no way to send."""
    views: list[tuple[RunView, Step]] = []

    class Curious:
        @hookimpl
        def after_step(self, run: RunView, step: Step) -> None:
            views.append((run, step))

    run = play("START", Curious())
    ((view, step),) = views
    for thing in (view, step):
        for name in [*(name for name in dir(thing) if not name.startswith("_")), "anything"]:
            with pytest.raises(AttributeError):
                setattr(thing, name, None)
    assert {"send", "deliver", "reopen"}.isdisjoint(dir(view))
    assert (view.lifecycle, view.closed, view.is_final, view.attempt) == ("play", False, False, 1)
    assert all(getattr(view, name) == getattr(run, name) for name in ("state", "story", "counts", "limits"))
    assert (view.accepts(), repr(view)) == (run.accepts(), f"<view of {run!r}>")
