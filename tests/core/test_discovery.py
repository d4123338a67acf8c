"""Plugins that are installed: found, loaded by name, blocked, left out where they are broken, and listed.

Each test installs distributions of its own: a folder on `sys.path` with their metadata and modules.
"""

from __future__ import annotations

import importlib.metadata
import io
import json
import logging
import sys
import textwrap
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import attrs
import pytest
from acts import does, flow_of

from interlock import PluginError, load_plugins
from interlock._cli import _main
from interlock._discovery import BLOCK, blocked, found, installed

GOOD = """
    from interlock import hookimpl

    seen = []

    @hookimpl
    def after_step(step):
        seen.append(str(step))
    """
OPTIONS = """
    from interlock import hookimpl

    class Limit:
        def __init__(self, rate=1):
            self.rate = rate

        @hookimpl
        def before_step(self):
            return None
    """
BROKEN = "raise ValueError('it was never tried')"
NEEDS = "import a_library_that_nobody_has"
MISSPELT = """
    from interlock import hookimpl

    @hookimpl
    def after_stpe(step): ...
    """
ADDS = """
    import sys
    from interlock import Extension, hookimpl

    EXTENSION = Extension.from_toml('''
        lifecycle = "task-run"
        [states]
        {state} = {{ is = "Paused", means = "somebody looks at it" }}
        [signals]
        {signal} = {{ raised_by = "user", means = "look at it" }}
        ACCEPT{signal} = {{ raised_by = "person", means = "good", recurs = "people look as often as they like" }}
        [from.Running]
        {signal} = "{state}"
        [from.{state}]
        ACCEPT{signal} = "Scheduled"
        CANCEL = "Cancelled"
        {broken}
        ''', module=__name__)
    vars(sys.modules[__name__]).update(EXTENSION.classes)

    @hookimpl
    def extend(lifecycle):
        return EXTENSION if lifecycle == "task-run" else None
    """
COMMANDS = """
    import click
    from interlock import hookimpl

    @click.command()
    def greet():
        "Say hello."
        click.echo("hello")

    @click.command(name="run")
    def another():
        "Something else."

    @hookimpl
    def add_commands():
        return {commands}
    """
EXECUTOR = """
    from concurrent.futures import Future
    from interlock import hookimpl

    log = []

    class Mine:
        def submit(self, function, *args):
            log.append("submit")
            future = Future()
            future.set_result(function(*args))
            return future

        def shutdown(self):
            log.append("shutdown")

    @hookimpl
    def make_executor(name, workers):
        if name == "mine":
            log.append(f"made for {workers}")
            return Mine()
    """


class Site:
    """A folder on `sys.path` into which distributions are put."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.modules: list[str] = []

    def install(self, name: str, source: str, entry: str = "", distribution: str = "", group: str = "interlock") -> str:
        """Install a plugin of this name; return the name of its module.

        Args:
            name: the name of the plugin.
            source: its module.
            entry: what stands behind the module's name in its entry point, such as ":Limit" or " [extra]".
            distribution: its distribution; one of its own otherwise.
            group: the group of its entry point.
        """
        distribution = distribution or f"interlock-{name}"
        module = f"installed_{distribution}_{name}".replace("-", "_")
        self.modules.append(module)
        (self.folder / f"{module}.py").write_text(textwrap.dedent(source), encoding="utf-8")
        info = self.folder / f"{distribution.replace('-', '_')}-1.5.dist-info"
        info.mkdir()
        metadata = f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.5\n"
        (info / "METADATA").write_text(metadata, encoding="utf-8")
        (info / "entry_points.txt").write_text(f"[{group}]\n{name} = {module}{entry}\n", encoding="utf-8")
        return module

    def was_imported(self, module: str) -> bool:
        return module in sys.modules


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    """Return an empty site, the first one on the path, which is looked at anew; what else is installed is not seen."""
    monkeypatch.delenv(BLOCK, raising=False)
    monkeypatch.syspath_prepend(tmp_path)
    every = importlib.metadata.distributions
    monkeypatch.setattr(importlib.metadata, "distributions", lambda: every(path=[str(tmp_path)]))
    made = Site(tmp_path)
    yield made
    for module in made.modules:
        sys.modules.pop(module, None)


def errors(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.name == "interlock.plugins"]


def refused(name: str, **options: object) -> str:
    """Return the text of the error that a plugin which was named is refused with."""
    with pytest.raises(PluginError) as caught:
        load_plugins({name: options})
    return str(caught.value)


@attrs.frozen
class Done:
    """What a command did."""

    exit_code: int
    stdout: str
    stderr: str


def command(*words: str) -> Done:
    """Call the command line, as the program `interlock` does."""
    out, err = io.StringIO(), io.StringIO()
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
        patch.setattr(sys, "argv", ["interlock", *words])
        code = _main()
    return Done(code, out.getvalue(), err.getvalue())


def flow_file(folder: Path) -> str:
    """Write a flow of one task, and return its file."""
    file = folder / "a_flow.py"
    file.write_text(
        "from interlock import Flow, task\nwith Flow('of one') as flow:\n    task(lambda: 1)()\n", encoding="utf-8"
    )
    return str(file)


# What is used


def test_what_is_installed_is_used_by_every_flow_run(site: Site) -> None:
    """A third party's plugin is used without being named; `plugins=[]` is none; a bare run never looks at it."""
    module = site.install("good", GOOD)
    flow, _ = flow_of(does(1))
    flow.run(plugins=[])
    assert not site.was_imported(module)
    flow.run()
    seen = vars(sys.modules[module])["seen"]
    assert seen[:2] == ["Pending -START-> Running"] * 2
    count = len(seen)
    flow.run()
    assert len(seen) == 2 * count
    assert load_plugins().names == ("good",)
    assert load_plugins(["good"]).names == ("good",)


def test_who_is_installed_is_looked_up_once(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """A second flow run reads no metadata: what is installed is kept for as long as the path is the same."""
    site.install("good", GOOD)
    site.install("extra", NEEDS, distribution="interlock")
    flow, _ = flow_of(does(1))
    flow.run()
    monkeypatch.delattr(importlib.metadata.Distribution, "metadata")
    flow.run()
    assert [(each.name, each.version, each.shipped) for each in found()] == [
        ("extra", "1.5", True),
        ("good", "1.5", False),
    ]


def test_where_nothing_is_installed_nothing_is_used(site: Site) -> None:
    """Without plugins there is nothing to call; entry points of another group are none."""
    site.install("other", GOOD, group="elsewhere")
    assert (installed(), load_plugins().names, found()) == (None, (), ())
    assert command("plugins").stdout == "No plugin is installed.\n"
    assert command("plugins", "--json").stdout == ""


@pytest.mark.parametrize("how", ["environment", "all", "argument"])
def test_what_is_blocked_is_not_even_imported(site: Site, how: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the environment, by `*`, or by `block=`; the others are loaded all the same."""
    bad, good = site.install("bad", BROKEN), site.install("good", GOOD)
    if how != "argument":
        monkeypatch.setenv(BLOCK, "*" if how == "all" else " bad , ")
    names = load_plugins(block=["bad"] if how == "argument" else ()).names
    assert names == (() if how == "all" else ("good",))
    assert not site.was_imported(bad)
    if how != "argument":
        flow, _ = flow_of(does(1))
        flow.run()
        assert refused("bad") == "plugin 'bad', load: is blocked, by block=... or INTERLOCK_BLOCK_PLUGINS"
        listed = [json.loads(line) for line in command("plugins", "--json").stdout.splitlines()]
        assert [(each["name"], each["why"]) for each in listed if each["status"] == "blocked"] == [
            ("bad", "by INTERLOCK_BLOCK_PLUGINS"),
            *([("good", "by INTERLOCK_BLOCK_PLUGINS")] if how == "all" else []),
        ]
        assert not site.was_imported(bad)
        assert site.was_imported(good) is (how != "all")


def test_who_blocks_is_heard_at_any_time(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment is read whenever a flow begins, and what was loaded stays loaded for the others."""
    module = site.install("good", GOOD)
    flow, _ = flow_of(does(1))
    flow.run()
    seen = vars(sys.modules[module])["seen"]
    count = len(seen)
    monkeypatch.setenv(BLOCK, "good")
    flow.run()
    assert len(seen) == count
    monkeypatch.setenv(BLOCK, "")
    flow.run()
    assert len(seen) == 2 * count
    assert blocked(["more"]) == {"more"}


# What is broken

WRONG = [
    pytest.param(BROKEN, "", "load: raised ValueError('it was never tried')", id="at import"),
    pytest.param("import sys\nraise SystemError('deep')", "", "load: raised SystemError('deep')", id="system error"),
    pytest.param("x = 1", ":missing", "load: raised AttributeError(", id="no such name"),
    pytest.param("x = 1", ":x", "register: it implements no hook", id="no plugin"),
    pytest.param("x = None", ":x", "register: is no plugin", id="nothing"),
    pytest.param(
        OPTIONS.replace("rate=1", "rate"), ":Limit", "load: raised TypeError(", id="options that must be given"
    ),
    pytest.param(MISSPELT, "", "register: unknown hook 'after_stpe'. Did you mean 'after_step'?", id="misspelt"),
    pytest.param(NEEDS, "", "load: needs a_library_that_nobody_has, which is not installed: install a_lib", id="needs"),
    pytest.param(
        NEEDS,
        " [fast]",
        "load: needs a_library_that_nobody_has, which is not installed: pip install '{}[fast]'",
        id="extra",
    ),
    pytest.param(
        ADDS.format(state="Seen", signal="SEE", broken=""),
        "",
        "extend: extension of installed_interlock_bad_bad: from.Seen: refuses BROKEN, which every state of task-run",
        id="breaks a rule",
    ),
]


@pytest.mark.parametrize(("source", "entry", "problem"), WRONG)
def test_what_is_broken_is_left_out_and_named(
    site: Site, source: str, entry: str, problem: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Unless it was named itself it is logged, and every flow run goes on without it; `interlock plugins` says why."""
    site.install("bad", source, entry)
    site.install("good", GOOD)
    said = f"plugin 'bad', {problem.format('interlock-bad')}"
    flow, _ = flow_of(does(1))
    assert flow.run().is_successful()
    (logged,) = errors(caplog)
    assert logged.startswith(said)
    assert logged.endswith("; it is left out")
    assert flow.run().is_successful()
    assert len(errors(caplog)) == 1
    assert refused("bad").startswith(said)
    assert load_plugins().names == ("good",)
    (bad, good) = (json.loads(line) for line in command("plugins", "--json").stdout.splitlines())
    assert (bad["status"], bad["hooks"], good["status"]) == ("broken", [], "loaded")
    assert bad["why"].startswith(said)


def test_what_stops_the_program_is_not_held_up(site: Site) -> None:
    """`KeyboardInterrupt` out of an import is nobody's failure."""
    site.install("bad", "raise KeyboardInterrupt")
    with pytest.raises(KeyboardInterrupt):
        load_plugins()


def test_two_that_disagree_are_both_named(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    """Of two that add the same name, the second one is left out; each of them alone is good."""
    for name in ("first", "second"):
        site.install(name, ADDS.format(state="Seen", signal="SEE", broken="BROKEN = 'Failed'"))
    said = "plugin 'second', extend: states.Seen: plugin 'first' adds it to task-run, too"
    assert load_plugins().names == ("first",)
    assert errors(caplog) == [f"{said}; it is left out"]
    with pytest.raises(PluginError) as caught:
        load_plugins(["first", "second"])
    assert str(caught.value) == said
    assert load_plugins(["second"]).names == ("second",)
    assert load_plugins(block=["first"]).names == ("second",)


def test_two_distributions_with_one_name(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    """Nobody can say which one is meant: neither is imported, until the name is blocked."""
    modules = [site.install("good", GOOD, distribution=distribution) for distribution in ("one-dist", "two-dist")]
    assert load_plugins().names == ()
    (said,) = errors(caplog)
    assert "plugin 'good', load: is the name of plugins of several distributions: " in said
    assert {"one-dist", "two-dist"} <= set(said.replace(",", " ").replace(";", " ").split())
    assert "several distributions" in refused("good")
    assert not any(map(site.was_imported, modules))
    assert load_plugins(block=["good"]).names == ()
    assert len(errors(caplog)) == 1


# By name


def test_what_is_shipped_is_loaded_by_name_alone(site: Site) -> None:
    """Interlock's own plugins are not imported until they are asked for; what they need is named then."""
    shipped = site.install("extra", NEEDS, " [fast]", distribution="interlock")
    assert (installed(), load_plugins().names) == (None, ())
    flow, _ = flow_of(does(1))
    flow.run()
    assert not site.was_imported(shipped)
    assert refused("extra") == (
        "plugin 'extra', load: needs a_library_that_nobody_has, which is not installed: pip install 'interlock[fast]'"
    )


def test_what_is_shipped_and_there_is_listed(site: Site) -> None:
    """It is told how it is asked for."""
    module = site.install("good", GOOD, distribution="interlock")
    assert load_plugins().names == ()
    assert load_plugins(["good"]).names == ("good",)
    assert command("plugins").stdout == ("good 1.5 (interlock), by name, --plugin good\n  hooks: after_step\n")
    done = command("run", flow_file(site.folder), "--plugin", "good", "--no-save", "--quiet")
    assert (done.exit_code, done.stderr) == (0, "")
    assert len(vars(sys.modules[module])["seen"]) == 4


def test_options_are_for_classes(site: Site) -> None:
    """A class is called with its options; what is no class takes none."""
    site.install("limit", OPTIONS, ":Limit")
    site.install("good", GOOD)
    plugins = load_plugins({"limit": {"rate": 5}, "good": {}})
    limit = plugins._manager.get_plugin("limit")
    assert vars(limit) == {"rate": 5}
    assert load_plugins(["limit"]).names == ("limit",)
    assert refused("good", rate=5) == "plugin 'good', load: takes no options; it was given: rate"
    assert refused("limit", speed=5).startswith("plugin 'limit', load: raised TypeError(")
    done = command("run", flow_file(site.folder), "--plugin", "limit:speed=5")
    assert (done.exit_code, done.stderr.startswith("Error: plugin 'limit', load: raised TypeError(")) == (2, True)


def test_a_name_that_is_misspelt(site: Site) -> None:
    """The nearest one is named, and all that there are."""
    site.install("approval", GOOD)
    assert refused("aproval") == (
        "plugin 'aproval', load: is not installed. Did you mean 'approval'? There are: approval"
    )
    with pytest.raises(TypeError, match=r"give a list of names, as in load_plugins\(\['approval'\]\)"):
        load_plugins("approval")


def test_a_plugin_that_was_loaded_twice(site: Site) -> None:
    """One that every flow run uses, and is named again, is loaded once, with the options that were said."""
    site.install("limit", OPTIONS, ":Limit")
    done = command("run", flow_file(site.folder), "--plugin", "limit:rate=7", "--no-save", "--quiet")
    assert (done.exit_code, done.stderr) == (0, "")
    plugins = load_plugins(["limit"])
    with pytest.raises(PluginError, match="registered already"):
        plugins.register(plugins._manager.get_plugin("limit"))


# The command line


def test_the_list_of_plugins(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """Version, distribution, hooks, what it adds, and why one is blocked or broken: as text, and as JSON."""
    site.install("adds", ADDS.format(state="Seen", signal="SEE", broken="BROKEN = 'Failed'"))
    site.install("bad", BROKEN)
    site.install("late", GOOD)
    monkeypatch.setenv(BLOCK, "late")
    assert command("plugins").stdout == textwrap.dedent("""\
        adds 1.5 (interlock-adds), loaded
          hooks: extend
          adds to task-run: signals SEE, ACCEPTSEE; states Seen
        bad 1.5 (interlock-bad), broken: plugin 'bad', load: raised ValueError('it was never tried')
        late 1.5 (interlock-late), blocked: by INTERLOCK_BLOCK_PLUGINS
        """)
    adds, bad, late = (json.loads(line) for line in command("plugins", "--json").stdout.splitlines())
    assert adds == {
        "name": "adds",
        "version": "1.5",
        "distribution": "interlock-adds",
        "status": "loaded",
        "why": "",
        "hooks": ["extend"],
        "adds": {"task-run": {"signals": ["SEE", "ACCEPTSEE"], "states": ["Seen"]}},
    }
    assert (bad["status"], bad["why"]) == ("broken", "plugin 'bad', load: raised ValueError('it was never tried')")
    assert (late["status"], late["hooks"]) == ("blocked", [])


def test_a_command_of_a_plugin(site: Site) -> None:
    """It stands beside the others, and is called like them; the plugin is asked once."""
    site.install("greets", COMMANDS.format(commands="[greet]"))
    shown = command("--help").stdout
    assert "greet    Say hello." in shown
    assert "run      Run a flow." in shown
    assert command("greet").stdout == "hello\n"
    assert command("greeet").exit_code == 2


CLASHES = [
    ("[another, greet]", "plugin 'greets', add_commands: there is a command 'run' already"),
    ("[greet, greet]", "plugin 'greets', add_commands: there is a command 'greet' already"),
    ("[greet, 5]", "plugin 'greets', add_commands: returned 5, which is no click command"),
    (
        "[greet, click.Command(None)]",
        "plugin 'greets', add_commands: returned <Command None>, which is no click command",
    ),
]


@pytest.mark.parametrize(("commands", "problem"), CLASHES)
def test_a_command_that_cannot_be_had(site: Site, commands: str, problem: str) -> None:
    """It is left out, and a warning says so once; the other commands are there."""
    site.install("greets", COMMANDS.format(commands=commands))
    done = command("--help")
    assert (done.exit_code, done.stderr) == (0, f"Warning: {problem}\n")
    assert "Run a flow." in done.stdout
    assert "Something else." not in done.stdout
    assert command("greet").stdout == "hello\n"


@pytest.mark.parametrize("commands", ["1 / 0", "5", "greet"])
def test_a_plugin_whose_commands_break(site: Site, commands: str) -> None:
    """That too is a warning; and a command of ours does not even ask."""
    site.install("greets", COMMANDS.format(commands=commands))
    site.install("others", COMMANDS.format(commands="[greet]"))
    done = command("--help")
    assert (done.exit_code, done.stderr.count("Warning: plugin 'greets', add_commands: "), done.stderr.count("\n")) == (
        0,
        1,
        1,
    )
    assert "greet    Say hello." in done.stdout
    done = command("draw", "flow-run")
    assert (done.exit_code, done.stderr) == (0, "")


# Executors


def test_an_executor_by_name(site: Site) -> None:
    """`flow.run(executor="mine")` asks the plugins, and shuts it down behind the run, also where that fails."""
    module = site.install("executes", EXECUTOR)
    flow, (good, bad) = flow_of(does(1), does(ValueError("no")))
    state = flow.run(executor="mine", workers=2)
    assert (state.result[good].result, state.result[bad].is_failed()) == (1, True)
    log = vars(sys.modules[module])["log"]
    assert log == ["made for 2", "submit", "submit", "shutdown"]
    log.clear()
    assert flow.start(executor="mine").result(30).is_failed()
    assert log == ["made for None", "submit", "submit", "shutdown"]


def test_an_executor_by_name_on_the_command_line(site: Site) -> None:
    """`--executor mine` likewise; a name that nobody knows is told of, with the nearest one."""
    module = site.install("executes", EXECUTOR)
    file = flow_file(site.folder)
    done = command("run", file, "--executor", "mine", "--workers", "3", "--no-save", "--quiet")
    assert (done.exit_code, done.stderr) == (0, "")
    assert vars(sys.modules[module])["log"] == ["made for 3", "submit", "shutdown"]
    done = command("run", file, "--executor", "thread", "--no-save", "--quiet")
    assert done.exit_code == 2
    assert done.stderr == (
        "Error: flow 'of one': executor='thread'; it must be 'threads', 'async', the name of one that a plugin makes, "
        "or an executor. Did you mean 'threads'?\n"
    )


def test_a_broken_executor_on_the_command_line(site: Site) -> None:
    """No traceback: the plugin is named, in a line."""
    site.install("executes", EXECUTOR.replace("return Mine()", "raise ValueError('no')"))
    done = command("run", flow_file(site.folder), "--executor", "mine", "--no-save", "--quiet")
    assert done == Done(2, "", "Error: plugin 'executes', make_executor: raised ValueError('no')\n")


def test_loading_logs_nothing_that_is_good(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    """A good plugin is loaded without a word."""
    site.install("good", GOOD)
    with caplog.at_level(logging.DEBUG):
        load_plugins()
    assert errors(caplog) == []
