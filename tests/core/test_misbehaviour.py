"""Whatever a plugin does wrong, at every hook: each story is a path, the flow ends, and the report names the plugin."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging
from collections.abc import Callable
from typing import Any

import attrs
import holds
import pytest
from click.testing import CliRunner
from misbehaving import APART, HOOKS, IMPLEMENTED, WAYS, Act, Ran, drawn, elsewhere, in_a_thread, plugin, raises, ran
from misbehaving import told_by as messages

from interlock import PluginError, Plugins, Run, _begin, _drive, _listed
from interlock._cli import cli
from interlock._plugins import ARGUMENTS
from interlock.executors import ThreadExecutor
from interlock.signals import BROKEN, CANCEL, ENDRUN, FAIL, RESUME, SKIP, Signal
from interlock.states import Success
from interlock.testing import Clock

LIVES, MOMENTS = ("task-run", "flow-run"), ("START", "SUCCESS")


@attrs.frozen
class Scene:
    """Where a hook is called: on a bare run, on a run of one life cycle in a flow run, or for a flow run as a whole."""

    way: str
    """How the flow is run; or "bare", or "command line"."""
    life: str = "task-run"
    moment: str = "START"
    """The signal at which it is."""
    handled: bool = False
    """Whether the flow and its tasks have state handlers, which are asked behind the plugins."""

    def __str__(self) -> str:
        return f"{self.way}, {self.life}, {self.moment}{', with handlers' if self.handled else ''}"


BARE, LINE = Scene("bare"), Scene("command line")
STEPS = [Scene(*scene) for scene in itertools.product(WAYS, LIVES, MOMENTS)]
HANDLED = [Scene("in line", *scene, handled=True) for scene in itertools.product(LIVES, MOMENTS)]
ONCE = [Scene(way) for way in WAYS]
SCENES: dict[str, list[Scene]] = {
    "before_step": [BARE, *STEPS, *HANDLED],
    "after_step": [BARE, *STEPS, *HANDLED],
    "after_flow": ONCE,
    "extend": [BARE, *(scene for scene in STEPS if scene.moment == "START")],
    "make_executor": ONCE,
    "add_commands": [LINE],
}
"""Of each hook: all places where it is called."""


# What may come of it

FAILS, LOGGED, ERROR, WARNED = "fails", "logged", "error", "warned"
PASSES, SLOW, CHOSEN = "passes", "slow", "chosen"
COMES = {FAILS, LOGGED, ERROR, WARNED, PASSES, SLOW}
NOTHING = "nothing: "
BLAMED = {
    "before_step": FAILS,
    "after_step": LOGGED,
    "after_flow": LOGGED,
    "extend": ERROR,
    "make_executor": ERROR,
    "add_commands": WARNED,
}
"""What comes of an error: the run is BROKEN, or it is logged, or whoever asked for the plugin is told."""
UNREAD = f"{NOTHING}nobody reads what an observer returns"
ANSWERED = {**BLAMED, "after_step": UNREAD, "after_flow": UNREAD}
"""What comes of an answer that is none."""
NO_RUN = f"{NOTHING}it is given no run"


@attrs.frozen
class Case:
    """Something that a plugin does wrong, and what comes of it, at each hook."""

    does: Callable[[Villain], Act]
    comes: dict[str, str]
    everywhere: bool = True
    """Whether it is played in all ways to run a flow; else in line: the driver makes no difference to it."""


class Villain:
    """One plugin with one hook, in one scene."""

    def __init__(self, hook: str, scene: Scene, case: Case) -> None:
        self.hook, self.scene = hook, scene
        self.calls = 0
        self.known: list[Any] = []  # Any: what it was given before
        self.clock = Clock()
        self.act = case.does(self)
        self.plugin = plugin(hook, self.called)
        self.plugins = Plugins(self.plugin)

    def called(self, *given: Any) -> object:
        """Do it, where it is the scene for it. Any: the arguments of the hook."""
        usual = {"make_executor": ThreadExecutor(), "add_commands": []}.get(self.hook)
        if not self.here(*given):
            return usual
        self.calls += 1
        said = self.act(*given)
        return usual if said is None else said

    def here(self, *given: Any) -> bool:
        """Return whether it is called in its scene. Any: as above."""
        if self.hook == "extend":
            return bool(given[0] == self.scene.life)
        if self.hook == "before_step":
            name = given[1] if isinstance(given[1], str) else type(given[1]).__name__
            return bool(given[0].lifecycle == self.scene.life and name == self.scene.moment)
        if self.hook == "after_step":
            return bool(given[0].lifecycle == self.scene.life and given[1].signal == self.scene.moment)
        return True

    def leave(self, *given: object) -> None:
        """Unregister itself, the first time."""
        if self.plugins.names:
            self.plugins.unregister(self.plugin)

    def take_long(self, *given: object) -> None:
        """Let two seconds pass."""
        self.clock.sleep(2.0)

    def send(self, *given: Any) -> None:
        """Send to a run that it was given, and to one that it was given before. Any: as above."""
        run = given[1].result.run if self.hook == "after_flow" else given[0]._run
        self.known.append(run)
        self.known[0].send("CANCEL")

    def try_to_send(self, *given: Any) -> None:
        """Send likewise, and say nothing of what comes of it. Any: as above."""
        # By private names: no public one leads from a view to its run, or from one run to another.
        others = [] if self.scene.handled else self.known  # those with handlers are stepped on their own
        for run in [*others, given[0]._run]:
            with pytest.raises(Exception, match=r"is refused in|from inside a step"):
                run.send("SUCCESS")
        self.known.append(given[0]._run)

    def change(self, *given: Any) -> None:
        """Change whatever lets itself be changed. Any: as above."""
        for thing in given:
            for name in [name for name in dir(thing) if not name.startswith("_")]:
                with contextlib.suppress(AttributeError, TypeError):  # as it should be
                    setattr(thing, name, "changed")
            if isinstance(thing, Signal):
                thing.message, thing.fields = "changed", {"result": "changed"}
            if self.hook == "after_flow" and hasattr(thing, "result"):
                thing.result.context.clear()
                thing.result.parameters["changed"] = True
                thing.result.run = None


class Unshown(Exception):
    """An error that cannot even be shown."""

    def __repr__(self) -> str:
        raise SKIP("never")

    __str__ = __repr__


class Unread(FAIL):
    """A signal that cannot be read."""

    @property
    def carried(self) -> str:
        raise KeyError("carried")


class Text(str):
    """A text that cannot be looked up."""

    __slots__ = ()

    def __hash__(self) -> int:
        raise KeyError("hash")


def broken(kind: type[Signal], **attributes: object) -> Signal:
    """Return a signal that nobody made as signals are made."""
    signal = kind.__new__(kind)
    for name, value in attributes.items():
        setattr(signal, name, value)
    return signal


def always(act: Act, comes: dict[str, str], everywhere: bool = True) -> Case:
    return Case(lambda villain: act, comes, everywhere)


ERRORS = [ValueError("no"), type("Own", (BaseException,), {})("no"), SKIP("no"), StopIteration(), Unshown()]
ERRORS += [asyncio.CancelledError(), PluginError("Somebody", "else", "did it"), RecursionError("deep"), MemoryError()]
ESCAPES = [KeyboardInterrupt(), SystemExit(3), GeneratorExit()]
NONE: dict[str, object] = {
    "a number": 5,
    "an unknown name": "NONSENSE",
    "a class": int,
    "no hash": [1],
    "what cannot be shown": Unshown(),
    "what cannot be read": Unread("no"),
    "what cannot be looked up": Text("FAIL"),
    "an empty signal": broken(SKIP),
    "wrong fields": broken(SKIP, message=None, fields=5),
    "no field of the state": broken(SKIP, message=None, fields={"speed": 5}),
    "a state": Success("done"),
    "a signal that is refused": "GATHER",
    "START": "START",
    "RESUME": RESUME,
    "CANCEL": CANCEL("stop"),
    "BROKEN": BROKEN("no"),
    "ENDRUN": ENDRUN(Success("over")),
    "an ENDRUN without a state": broken(ENDRUN, message=None, fields={}),
}
ALL_WAYS = ("an unknown name", "a signal that is refused", "START", "what cannot be shown")
FIELDS = ("an empty signal", "wrong fields", "no field of the state")
"""What is wrong in these is no part of a bare run: there a signal is its name."""
CASES: dict[str, Case] = {
    **{f"raises {type(error).__name__}": always(raises(error), BLAMED, error in ERRORS[:3]) for error in ERRORS},
    **{f"raises {type(error).__name__}": always(raises(error), dict.fromkeys(HOOKS, PASSES)) for error in ESCAPES},
    **{
        f"answers with {name}": always(lambda *given, it=it: it, ANSWERED, name in ALL_WAYS)
        for name, it in NONE.items()
    },
    "raises in a worker thread": always(elsewhere(raises(ValueError("no"))), BLAMED),
    "changes what it is given": Case(
        lambda villain: villain.change,
        {
            "before_step": f"{NOTHING}the signal is a copy, and a view takes no assignment",
            "after_step": f"{NOTHING}a step and a view take no assignment",
            "after_flow": f"{NOTHING}a state takes no assignment, and its result is made anew",
            "extend": f"{NOTHING}a text cannot be changed",
            "make_executor": f"{NOTHING}a text and a number cannot be changed",
            "add_commands": f"{NOTHING}it is given nothing",
        },
    ),
    "sends to the run from inside": Case(
        lambda villain: villain.send,
        {**BLAMED, "extend": NO_RUN, "make_executor": NO_RUN, "add_commands": NO_RUN},
    ),
    "sends from inside, and hides it": Case(
        lambda villain: villain.try_to_send,
        {
            "before_step": f"{NOTHING}it is refused, and nothing changes",
            "after_step": f"{NOTHING}it is refused, and nothing changes",
            "after_flow": f"{NOTHING}it is refused, and nothing changes",
            "extend": NO_RUN,
            "make_executor": NO_RUN,
            "add_commands": NO_RUN,
        },
    ),
    "unregisters itself": Case(
        lambda villain: villain.leave, dict.fromkeys(HOOKS, f"{NOTHING}runs that began go on calling it")
    ),
    "is slow": Case(lambda villain: villain.take_long, dict.fromkeys(HOOKS, SLOW)),
}
ROWS = [
    pytest.param(name, hook, scene, id=f"{name}-{hook}-{scene}")
    for name in CASES
    for hook in HOOKS
    for scene in SCENES[hook]
    if CASES[name].comes[hook] != NO_RUN and (CASES[name].everywhere or scene.way not in WAYS or scene.way == "in line")
]


def test_every_hook_has_every_row() -> None:
    """A new hook without an entry in each case fails here; so does a hook without a scene."""
    assert set(SCENES) == set(IMPLEMENTED) == set(ARGUMENTS) == set(HOOKS)
    for name, case in CASES.items():
        assert set(case.comes) == set(HOOKS), name
        for hook, comes in case.comes.items():
            assert comes in COMES or len(comes) > len(NOTHING), (name, hook)
            assert (comes == NO_RUN) <= ("run" not in ARGUMENTS[hook]), (name, hook)
    assert all(SCENES.values())


# What does come of it


@attrs.define
class Came:
    """What came of one row of the matrix."""

    error: BaseException | None = None
    text: str = ""
    """What was reported beside an error."""
    same: bool = True
    """Whether all is as without the plugin."""


def outcome(villain: Villain, patch: pytest.MonkeyPatch) -> Came:
    """Play a scene, and see that what must hold holds."""
    scene = villain.scene
    if scene is BARE:
        return in_a_thread(lambda: bare(villain))  # type: ignore[no-any-return]  # what the work returns
    if scene is LINE:
        return command_line(villain, patch)
    patch.setattr(_begin, "steady", villain.clock.time)
    executor = "mine" if villain.hook == "make_executor" else None
    found = ran(drawn(scene.handled), villain.plugins, scene.way, executor)
    if found.runner is not None:
        holds.check(found.runner, found.state)
    if found.state is None:
        return Came(found.error, same=False)
    usual = ran(drawn(), [], scene.way)
    same = repr(found.state.result) == repr(usual.state.result) and stories(found) == stories(usual)  # type: ignore[union-attr]
    return Came(found.error, messages(found), same)


def stories(found: Ran) -> list[str]:
    assert found.runner is not None
    return sorted(str(run.story) for run in holds.runs_of(found.runner))


def bare(villain: Villain) -> Came:
    """Play it on a bare run; where it raises, see that nothing has changed."""
    try:
        machine = villain.plugins.machine("task-run", villain.clock.time)
    except BaseException as error:  # noqa: BLE001  # it is what the test is about
        return Came(error, same=False)
    run = Run(machine, plugins=villain.plugins.hooks(villain.clock.time))
    found: BaseException | None = None
    for signal in MOMENTS:
        was = run.to_dict()
        try:
            run.send(signal)
        except BaseException as error:  # noqa: BLE001  # as above
            found = error
            assert villain.hook == "after_step" or run.to_dict() == was
        assert holds.broken_rules(run) == []
    other = Run(machine)
    assert [other.send(signal) for signal in MOMENTS]
    assert run.failures == () or villain.hook == "after_step"
    return Came(found, "\n".join(map(str, run.failures)), run == other)


def command_line(villain: Villain, patch: pytest.MonkeyPatch) -> Came:
    patch.setattr(_listed, "installed", lambda: villain.plugins)
    patch.setattr(_drive, "steady", villain.clock.time)
    try:
        done = in_a_thread(lambda: CliRunner().invoke(cli, ["--help"], catch_exceptions=False, standalone_mode=False))
    except BaseException as error:  # noqa: BLE001  # as above
        return Came(error, same=False)
    assert done.exit_code or "Commands:" in done.stdout
    return Came(done.exception, done.stderr, done.stderr == "")


@pytest.mark.parametrize(("name", "hook", "scene"), ROWS)
def test_whatever_a_plugin_does(
    name: str, hook: str, scene: Scene, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Each row of the matrix: what was done wrong has no other effect than the one that is listed, and is named."""
    case = CASES[name]
    villain = Villain(hook, scene, case)
    comes = case.comes[hook]
    if "worker" in name and not is_apart(hook, scene):
        comes = f"{NOTHING}it is called in the main thread"
    if name.removeprefix("answers with ") in FIELDS and scene is BARE and hook == "before_step":
        comes = CHOSEN
    with caplog.at_level(logging.WARNING, "interlock.plugins"):
        came = outcome(villain, monkeypatch)
    logged = [record.getMessage() for record in caplog.records if record.name == "interlock.plugins"]
    assert villain.calls
    named = f"plugin 'Villain', {hook}: "
    if comes in (FAILS, ERROR) and (comes == ERROR or scene is BARE):
        assert isinstance(came.error, PluginError)
        assert str(came.error).startswith(named)
        assert logged == []
    elif comes == FAILS:
        assert came.error is None
        assert named in came.text
        assert not came.same
    elif comes == LOGGED:
        assert (came.error, came.same) == (None, True)
        assert [line.startswith(named) for line in logged] == [True]
        assert villain.calls == 1
    elif comes == WARNED:
        assert came.text.count(f"Warning: {named}") == came.text.count("\n") == 1
    elif comes == PASSES:
        assert came.error is not None
        assert name.split()[-1] in (type(came.error).__name__, type(came.error.__cause__).__name__)  # click's Abort
        assert logged == []
    elif comes == CHOSEN:
        assert "Pending -SKIP-> Skipped" in str(came.error)  # the refusal of what comes behind it
        assert logged == []
    elif comes == SLOW:
        assert (came.error, came.same) == (None, True)
        assert logged == [f"{named}took 2.0 s, and everything waited for it"]
    else:
        assert comes.startswith(NOTHING)
        assert (came.error, came.same, logged) == (None, True, [])


def is_apart(hook: str, scene: Scene) -> bool:
    """Return whether a hook is called by another thread than the main one."""
    if scene in (BARE, LINE):
        return True
    asks = hook in (
        "extend",
        "make_executor",
    )  # so they are before it begins, and `flow.start` begins where it is called
    return scene.way in APART and not (scene.way == "started" and (asks or str(scene) == "started, flow-run, START"))
