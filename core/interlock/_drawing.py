"""The command `interlock draw`: what is drawn, and where it goes."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from interlock import _exports
from interlock._errors import InterlockError, suggest
from interlock._machine import Machine
from interlock._words import PLUGIN, SUCCESS, Misuse, chosen_plugins

if TYPE_CHECKING:
    from collections.abc import Callable

    from rich.text import Text

    Shown = Callable[[int, str], Text]
    """shown(columns, what rules are made of): a text for a terminal."""


def _known(_context: click.Context, _option: click.Parameter, value: str | None) -> str | None:
    if value is not None and value not in _exports.FORMATS:
        raise click.BadParameter(_exports.unknown(value))
    return value


@click.command()
@click.argument("lifecycle")
@click.option(
    "--as",
    "form",
    metavar="FORMAT",
    callback=_known,
    help=f"One of {', '.join(_exports.FORMATS)}. Else the ending of FILE says it, else it is mermaid.",
)
@click.option(
    "--output", "-o", metavar="FILE", type=click.Path(dir_okay=False, path_type=Path), help="Write to a file."
)
@PLUGIN
def draw(lifecycle: str, form: str | None, output: Path | None, plugin: tuple[str, ...]) -> int:
    """Draw a life cycle: task-run, flow-run, or a TOML file; with plugins, as they extend it."""
    form = form or _form(output)
    try:
        machine = Machine.load(lifecycle)
        plugins = chosen_plugins(plugin) if plugin else None
        machine = machine if plugins is None else plugins.machine(machine)
        if form == "grid" and output is None and sys.stdout.isatty():
            from interlock._grid_text import text

            _shown(lambda width, rule: text(machine, width, None, rule))
            return SUCCESS
        drawn = _exports.draw(machine, form)
    except InterlockError as error:
        raise Misuse(str(error)) from None
    _written(drawn, output)
    return SUCCESS


def _form(output: Path | None) -> str:
    """Return the format that a file's name asks for; one without an ending, or no file, is Mermaid."""
    if output is None or not output.suffix:
        return "mermaid"
    form = _exports.of_suffix(output.suffix)
    if form is None:
        known = _exports.SUFFIXES
        raise Misuse(
            f"{output}: no format is known by {output.suffix!r}.{suggest(output.suffix, known)} "
            f"End it in one of {', '.join(known)}, or say --as"
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
