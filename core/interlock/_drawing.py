"""The command `interlock draw`: what is drawn, and where it goes."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from interlock import _exports, _flow_draw, _saved, _target
from interlock._errors import InterlockError, suggest
from interlock._machine import Machine
from interlock._words import PLUGIN, SUCCESS, Misuse, chosen_plugins

if TYPE_CHECKING:
    from rich.text import Text

    Shown = Callable[[int, str], Text]
    """shown(columns, what rules are made of): a text for a terminal."""

Drawn = str | bytes
FLOW = "flow"
"""The word behind which a flow is named."""
FILE = click.Path(dir_okay=False, path_type=Path)


@click.command()
@click.argument("lifecycle", metavar="LIFECYCLE|flow")
@click.argument("target", required=False)
@click.option(
    "--as",
    "form",
    metavar="FORMAT",
    help=f"One of {', '.join(_exports.FORMATS)}; of a flow: {', '.join(_flow_draw.FORMATS)}. Else the ending of FILE "
    "says it, else it is mermaid.",
)
@click.option("--output", "-o", metavar="FILE", type=FILE, help="Write to a file.")
@click.option("--run", metavar="FILE", type=FILE, help="A run of the flow, as run --save FILE kept it.")
@PLUGIN
def draw(
    lifecycle: str, target: str | None, form: str | None, output: Path | None, run: Path | None, plugin: tuple[str, ...]
) -> int:
    """Draw a life cycle, or the graph of a flow.

    LIFECYCLE is task-run, flow-run or a TOML file; with plugins, as they extend it. Behind the word flow stands a
    TARGET as for run; with --run its tasks have the states of that run.
    """
    known, suffixes = list(_exports.FORMATS), _exports.SUFFIXES
    if lifecycle == FLOW:
        known, suffixes = list(_flow_draw.FORMATS), _flow_draw.SUFFIXES
    if form is not None and form not in known:
        raise click.BadParameter(_exports.unknown(form, known), param_hint="'--as'")
    form = form or _form(output, suffixes)
    on_terminal = output is None and sys.stdout.isatty()
    try:
        if lifecycle == FLOW:
            drawn = _flow(target, form, run, plugin, on_terminal)
        else:
            drawn = _lifecycle(lifecycle, form, _only(lifecycle, target, run, plugin), on_terminal)
    except InterlockError as error:
        raise Misuse(str(error)) from None
    except _target.UserCodeError as error:
        raise Misuse(f"{target} could not be imported:\n{error}") from None
    if callable(drawn):
        _shown(drawn)
    else:
        _written(drawn, output)
    return SUCCESS


def _only(lifecycle: str, target: str | None, run: Path | None, plugin: tuple[str, ...]) -> tuple[str, ...]:
    """Return the plugins of a life cycle; what only a flow has may not be there."""
    if target is not None:
        raise Misuse(f"draw {lifecycle}: {target!r} is one word too many; the graph of a flow: draw flow {target}")
    if run is not None:
        raise Misuse(f"draw {lifecycle}: --run is for the graph of a flow: draw flow TARGET --run {run}")
    return plugin


def _lifecycle(name: str, form: str, plugin: tuple[str, ...], on_terminal: bool) -> Drawn | Shown:
    machine = Machine.load(name)
    plugins = chosen_plugins(plugin) if plugin else None
    machine = machine if plugins is None else plugins.machine(machine)
    if form == "grid" and on_terminal:
        from interlock._grid_text import text

        return lambda width, rule: text(machine, width, None, rule)
    return _exports.draw(machine, form)


def _flow(target: str | None, form: str, run: Path | None, plugin: tuple[str, ...], on_terminal: bool) -> Drawn | Shown:
    if target is None:
        raise Misuse(
            "draw flow: TARGET is missing: file.py, file.py:flow, package.module or package.module:flow; "
            "a life cycle in a file of this name is ./flow"
        )
    if plugin:
        raise Misuse("draw flow: --plugin is for life cycles; no plugin changes the graph of a flow")
    with contextlib.redirect_stdout(sys.stderr):  # what the user's module prints is no part of the picture
        flow = _target.find(target)
        state = None if run is None else _saved.load(flow, run)
    if form == "text" and on_terminal:
        from interlock._flow_text import FEW, text

        return lambda width, rule: text(flow, state, FEW)
    return _exports.draw(flow, form, state=state)


def _form(output: Path | None, suffixes: Mapping[str, str]) -> str:
    """Return the format that a file's name asks for; one without an ending, or no file, is Mermaid."""
    if output is None or not output.suffix:
        return "mermaid"
    form = suffixes.get(output.suffix.lower())
    if form is None:
        raise Misuse(
            f"{output}: no format is known by {output.suffix!r}.{suggest(output.suffix, suffixes)} "
            f"End it in one of {', '.join(suffixes)}, or say --as"
        )
    return form


def _shown(text: Shown) -> None:
    """Print a text on the terminal, in colours unless NO_COLOR is set."""
    from rich.console import Console

    console = Console()
    rule = "\N{BOX DRAWINGS LIGHT HORIZONTAL}" if console.encoding.startswith("utf") else "-"
    console.print(text(console.width, rule), soft_wrap=True)


def _written(drawn: str | bytes, output: Path | None) -> None:
    text = drawn if isinstance(drawn, bytes) else drawn.rstrip("\n") + "\n"
    if output is None:
        if isinstance(text, bytes) and sys.stdout.isatty():
            raise Misuse("a picture is nothing for a terminal; write it to a file with -o FILE")
        click.echo(text, nl=False)
        return
    try:
        output.write_bytes(text if isinstance(text, bytes) else text.encode("utf-8", "backslashreplace"))
    except OSError as error:
        raise Misuse(f"{output}: {error.strerror}") from None
