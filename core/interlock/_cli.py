"""The command line: `interlock run`, `interlock draw`.

Exit codes: 0 success, 1 failed, 2 misuse, 3 paused, 4 cancelled. What a user can mistake is told in a line or two,
never by a traceback of ours.
"""

from __future__ import annotations

import contextlib
import logging
import os
import shlex
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
import click

from interlock import _drawing, _target
from interlock._errors import InterlockError, listed, suggest
from interlock._flow import Flow
from interlock._machine import Machine
from interlock._words import CANCELLED, FAILED, MISUSE, PAUSED, PLUGIN, SUCCESS, Misuse, chosen_plugins, parameter
from interlock.signals import Signal, named
from interlock.states import State

if TYPE_CHECKING:
    from interlock._begin import Asked
    from interlock._plugins import Plugins

    Slowest = Iterable[tuple[float, str]]

ADDED = "interlock.commands"
"""Where click keeps the commands of plugins for us."""
LEVELS = ("debug", "info", "warning", "error", "critical")


class Commands(click.Group):
    """The commands, and behind them those that plugins add: what is installed is looked at when there is need to."""

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        return super().get_command(ctx, cmd_name) or self._added(ctx).get(cmd_name)

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [*super().list_commands(ctx), *self._added(ctx)]

    def _added(self, ctx: click.Context) -> dict[str, click.Command]:
        from interlock._listed import commands

        if ADDED not in ctx.meta:  # plugins are asked once, and each warning is printed once
            ctx.meta[ADDED] = commands(self.commands)
        added: dict[str, click.Command] = ctx.meta[ADDED]
        return added


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="interlock")
def cli() -> None:
    """Run flows, and draw life cycles."""


cli.add_command(_drawing.draw)


def _how(command: Callable[..., int]) -> Callable[..., int]:
    """Give a command the options that say how a flow is run."""
    for option in (
        click.option(
            "--save", type=click.Path(dir_okay=False, path_type=Path), help="Where the run is kept, however it ends."
        ),
        click.option("--no-save", is_flag=True, help="Keep nothing; else a run that did not succeed is kept."),
        click.option("--fail-fast", is_flag=True, help="Stop everything when a task has failed."),
        click.option("--limit", multiple=True, metavar="TAG=NUMBER", help="How many of the tasks that have a tag."),
        click.option("--workers", type=click.IntRange(min=1), help="How many of them."),
        click.option("--executor", metavar="NAME", help="Have several bodies under way at once: threads, async, ..."),
        PLUGIN,
        click.option(
            "--json",
            "as_json",
            is_flag=True,
            help="Print what happens as lines of JSON, the last one how the flow ended, and nothing else.",
        ),
        click.option("--quiet", "-q", is_flag=True, help="Show nothing but errors."),
        click.option(
            "--log-level", type=click.Choice(LEVELS, case_sensitive=False), default="warning", show_default=True
        ),
    ):
        command = option(command)
    return command


@cli.command(name="run")
@click.argument("target")
@click.option("--param", "-p", multiple=True, metavar="NAME=VALUE", help="A parameter; the value is JSON, else text.")
@_how
def run_command(target: str, param: tuple[str, ...], **how: Any) -> int:
    """Run a flow.

    TARGET is file.py, file.py:flow, package.module or package.module:flow.
    """
    return _carried_out(
        target,
        lambda flow, begin: begin.asked(
            flow, dict(map(parameter, param)), plugins=chosen_plugins(how["plugin"]), how=begin.How(**_driving(how))
        ),
        how,
    )


@cli.command(name="resume")
@click.argument("target")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--task", multiple=True, metavar="SLUG", help="A paused task that may go on; all of them otherwise.")
@click.option(
    "--signal", multiple=True, metavar="SLUG=NAME[:TEXT]", help="What a person says of a task: RESUME, SKIP:not needed."
)
@_how
def resume_command(target: str, file: Path, task: tuple[str, ...], signal: tuple[str, ...], **how: Any) -> int:
    """Go on with a flow that rests, or failed: TARGET as for run, FILE as run said in the end."""
    from interlock import _saved

    def asked(flow: Flow, begin: Any) -> Any:
        plugins = chosen_plugins(how["plugin"])
        state = _saved.load(flow, file)
        if _saved.is_done(flow, state) and not (task or signal):
            return state
        said = _said(signal, plugins) if signal else None
        chosen = task or (tuple(said) if said else None)
        return begin.resumed(flow, state, chosen, said, None, plugins, begin.How(**_driving(how)))

    return _carried_out(target, asked, {**how, "save": how["save"] or file})


def _driving(how: Mapping[str, Any]) -> dict[str, Any]:
    kept = {name: how[name] for name in ("executor", "workers", "fail_fast")}
    return {**kept, "tag_limits": _limits(how["limit"])}


def _carried_out(target: str, asks: Callable[[Flow, Any], Any], how: Mapping[str, Any]) -> int:
    """Find a flow, carry out what is asked of it, tell how it ended, and return the exit code.

    Any: `asks` takes the module of how flow runs begin, which is loaded here, and gives what that module has for it; or
    the state of a flow run that is over already.
    """
    from interlock import _saved

    quiet, as_json = how["quiet"], how["as_json"]
    _log(how["log_level"])
    try:
        from interlock import _begin

        flow = _target.find(target)
        asked = asks(flow, _begin)
        if isinstance(asked, State):
            return _over(flow, asked, quiet, as_json)
        state, slowest = _run(asked, quiet, as_json)
        saved = None if how["no_save"] else _save(flow, state, how["save"])
    except InterlockError as error:
        raise Misuse(str(error)) from None
    except _target.UserCodeError as error:
        raise Misuse(f"{target} could not be imported:\n{error}") from None
    _report(flow, state, quiet, as_json, saved, slowest)
    if saved is not None and not (quiet or as_json or state.is_successful()):
        used = "".join(f" --plugin {shlex.quote(text)}" for text in how["plugin"])
        click.echo(f"To go on: interlock resume {shlex.quote(target)} {shlex.quote(str(saved))}{used}")
        for slug, answers in _saved.asking(state):
            click.echo(f"To answer: --signal {shlex.quote(slug)}=NAME, one of: {listed(answers)}")
    sys.stdout.flush()
    return code(state)


def _over(flow: Flow, state: State, quiet: bool, as_json: bool) -> int:
    """Tell that there is nothing to do."""
    if as_json:
        from interlock import _events

        click.echo(_events.end(flow, state, None))
    elif not quiet:
        click.echo(f"{flow.name}: {type(state).__name__}: it has ended, and there is nothing to do")
    return code(state)


def _save(flow: Flow, state: State, path: Path | None) -> Path | None:
    """Keep a flow run that did not succeed, or any where a file is named; return where."""
    from interlock import _saved

    if state.is_successful() and path is None:
        return None
    path = path or _saved.usual(state)
    try:
        _saved.save(flow, state, path)
    except InterlockError as error:
        click.echo(f"Warning: {error}", err=True)
        return None
    return path


@cli.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object for each plugin, a line each.")
def plugins(as_json: bool) -> int:
    """List the plugins that are installed: what they add, and which are blocked or broken and why."""
    from interlock import _listed

    for line in _listed.as_json() if as_json else _listed.as_text():
        click.echo(line)
    return SUCCESS


def _run(asked: Asked, quiet: bool, as_json: bool) -> tuple[State, Slowest]:
    """Run a flow, and show how far it is; return its state, and what took longest."""
    if quiet:
        with contextlib.redirect_stdout(sys.stderr) if as_json else contextlib.nullcontext():
            return attrs.evolve(asked, tells=False).run(), ()
    from rich.console import Console

    from interlock._events import Events
    from interlock._progress import Bars, Lines, Watcher

    console = Console(stderr=True)
    view = Events(sys.stdout) if as_json else Bars(console) if console.is_terminal else Lines(console)
    with contextlib.redirect_stdout(sys.stderr) if as_json else contextlib.nullcontext(), Watcher(view) as watcher:
        state = attrs.evolve(asked, looks=watcher.tally.looks_at, tells=False).run()
    return state, watcher.tally.slowest


def _limits(texts: tuple[str, ...]) -> dict[str, int]:
    found = {}
    for text in texts:
        tag, _, number = text.rpartition("=")
        if not tag or not number.isdecimal():
            raise Misuse(f"--limit {text!r}: write TAG=NUMBER, as in --limit database=2")
        found[tag] = int(number)
    return found


def _report(flow: Flow, state: State, quiet: bool, as_json: bool, saved: Path | None, slowest: Slowest = ()) -> None:
    """Tell how a flow ended, on the standard output."""
    if as_json:
        from interlock import _events

        click.echo(_events.end(flow, state, saved))
    elif not quiet or state.is_failed():
        from rich.console import Console

        from interlock._summary import summary

        summary(flow, state, Console(stderr=quiet), slowest)


def _said(texts: tuple[str, ...], plugins: Plugins | None) -> dict[str, Signal]:
    """Return what a person says, by slug."""
    from interlock._discovery import installed

    chosen = plugins or installed()
    machine = Machine.load("task-run") if chosen is None else chosen.machine("task-run")
    people = [name for name, signal in machine.signals.items() if signal.raised_by != "engine" and not signal.seals]
    said = {}
    for text in texts:
        head, _, message = text.partition(":")
        slug, equals, name = head.rpartition("=")
        if not equals or not slug:
            raise Misuse(f"--signal {text!r}: write SLUG=NAME or SLUG=NAME:TEXT, as in --signal load-1=SKIP")
        if name not in people:
            raise Misuse(
                f"--signal {text!r}: unknown signal {name!r}.{suggest(name, people)} There are: {listed(people)}"
            )
        said[slug] = named(name, machine)(message or None)
    return said


def _log(level: str) -> None:
    logging.basicConfig(
        level=level.upper(), format="%(asctime)s %(levelname)s %(name)s: %(message)s", stream=sys.stderr
    )


def code(state: State) -> int:
    """Return the exit code for the state in which a flow rests."""
    if state.is_successful():
        return SUCCESS
    if state.is_cancelled():
        return CANCELLED
    return FAILED if state.is_failed() else PAUSED


def main() -> None:
    """Run the command line, and exit."""
    sys.exit(_main())


def _main() -> int:
    try:
        done = cli.main(standalone_mode=False)
        return done if isinstance(done, int) else SUCCESS
    except click.ClickException as error:
        error.show()
        return MISUSE
    except (click.Abort, KeyboardInterrupt):
        return CANCELLED
    except BrokenPipeError:
        # Who read our output has gone: nobody is left to tell, and Python must not try again when it exits.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
