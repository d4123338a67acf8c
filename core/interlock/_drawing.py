"""The command `interlock draw`: what is drawn, and where it goes."""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from interlock import _exports, _target
from interlock._errors import InterlockError, suggest
from interlock._machine import Machine
from interlock._words import PLUGIN, SUCCESS, Misuse, chosen_plugins

if TYPE_CHECKING:
    from rich.text import Text

    Shown = Callable[[int, str], Text]
    """shown(columns, what rules are made of): a text for a terminal."""

T = TypeVar("T")
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
    help=f"One of {', '.join(_exports.FORMATS)}; of a flow: {', '.join(_exports.GRAPHS)}. Else the ending of FILE "
    "says it, else it is mermaid.",
)
@click.option("--output", "-o", metavar="FILE", type=FILE, help="Write to a file.")
@click.option("--from", "from_", metavar="STATE,...", multiple=True, help="Let what leads out of states stand out.")
@click.option("--only", metavar="SIGNAL,...", multiple=True, help="Let signals stand out.")
@click.option("--story", metavar="FILE", type=FILE, help="Let stand out what a run did: its to_dict(), as JSON.")
@click.option("--coverage", metavar="FILE", type=FILE, help="Let the rows stand out that tests took, as recorded.")
@click.option("--limit", metavar="NAME=NUMBER", multiple=True, help="A number for a limit, where it is to be run.")
@click.option("--run", metavar="FILE", type=FILE, help="A run of the flow, as run --save FILE kept it.")
@PLUGIN
def draw(lifecycle: str, target: str | None, form: str | None, output: Path | None, **how: Any) -> int:
    """Draw a life cycle, or the graph of a flow.

    LIFECYCLE is task-run, flow-run or a TOML file; with plugins, as they extend it. Behind the word flow stands a
    TARGET as for run; with --run its tasks have the states of that run.
    """
    known, suffixes = tuple(_exports.FORMATS), _exports.SUFFIXES
    if lifecycle == FLOW:
        known, suffixes = _exports.GRAPHS, _exports.GRAPH_SUFFIXES
    if form is not None and form not in known:
        raise click.BadParameter(_exports.unknown(form, known), param_hint="'--as'")
    form = form or _form(output, suffixes)
    on_terminal = output is None and sys.stdout.isatty()
    try:
        if lifecycle == FLOW:
            drawn = _flow(target, form, how, on_terminal)
        else:
            _no_flow(lifecycle, target, how["run"])
            drawn = _lifecycle(lifecycle, form, how, on_terminal)
    except InterlockError as error:
        raise Misuse(str(error)) from None
    except _target.UserCodeError as error:
        raise Misuse(f"{target} could not be imported:\n{error}") from None
    if callable(drawn):
        _shown(drawn)
    else:
        _written(drawn, output)
    return SUCCESS


def _no_flow(lifecycle: str, target: str | None, run: Path | None) -> None:
    """See that nothing is asked of a life cycle that only a flow has."""
    if target is not None:
        raise Misuse(f"draw {lifecycle}: {target!r} is one word too many; the graph of a flow: draw flow {target}")
    if run is not None:
        raise Misuse(f"draw {lifecycle}: --run is for the graph of a flow: draw flow TARGET --run {run}")


def _lifecycle(name: str, form: str, how: Mapping[str, Any], on_terminal: bool) -> Drawn | Shown:
    machine = Machine.load(name)
    plugins = chosen_plugins(how["plugin"]) if how["plugin"] else None
    machine = machine if plugins is None else plugins.machine(machine)
    lit, numbers = _lit(machine, how), _numbers(how["limit"])
    try:
        if form == "grid" and on_terminal and numbers is None:
            from interlock import _focus
            from interlock._grid_text import text

            focus = _focus.of(machine, **lit)
            return lambda width, rule: text(machine, width, focus, rule)
        return _exports.draw(machine, form, limits=numbers, **lit)
    except ValueError as error:  # a name that is unknown, or what the format has no place for
        raise Misuse(str(error)) from None


def _lit(machine: Machine, how: Mapping[str, Any]) -> _exports.Lit:
    """Return what is to stand out."""
    story, coverage = how["story"], how["coverage"]
    from interlock._covered import Covered
    from interlock._run import Run

    return {
        "from_": _names(how["from_"]),
        "only": _names(how["only"]),
        "story": None if story is None else _read(story, lambda data: Run.from_dict(machine, data)),
        "coverage": None if coverage is None else _read(coverage, lambda data: Covered.from_dict(machine, data)),
    }


def _numbers(texts: Sequence[str]) -> dict[str, float] | None:
    """Return the limits that were given, by name."""
    found = {}
    for text in texts:
        name, _, number = text.partition("=")
        try:
            found[name] = float(number)
        except ValueError:
            raise Misuse(f"--limit {text!r}: write NAME=NUMBER, as in --limit max_retries=2; inf is none") from None
    return found or None


def _names(texts: Sequence[str]) -> list[str]:
    return [name.strip() for text in texts for name in text.split(",") if name.strip()]


def _read(path: Path, of: Callable[[Any], T]) -> T:
    """Return what a file of JSON holds. Any: JSON."""
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise Misuse(f"{path}: {getattr(error, 'strerror', None) or f'is no JSON: {error}'}") from None
    try:
        return of(data)
    except InterlockError as error:
        raise Misuse(f"{path}: {error}") from None


def _flow(target: str | None, form: str, how: Mapping[str, Any], on_terminal: bool) -> Drawn | Shown:
    if target is None:
        raise Misuse(
            "draw flow: TARGET is missing: file.py, file.py:flow, package.module or package.module:flow; "
            "a life cycle in a file of this name is ./flow"
        )
    for name in ("plugin", "from_", "only", "story", "coverage", "limit"):
        if how[name]:
            raise Misuse(f"draw flow: --{name.strip('_')} is for life cycles, and not for the graph of a flow")
    from interlock import _saved

    with contextlib.redirect_stdout(sys.stderr):  # what the user's module prints is no part of the picture
        flow = _target.find(target)
        state = None if how["run"] is None else _saved.load(flow, how["run"])
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
        if isinstance(text, str):  # what the encoding of a console or pipe has no sign for
            encoding = sys.stdout.encoding or "utf-8"
            text = text.encode(encoding, "backslashreplace").decode(encoding)
        click.echo(text, nl=False)
        return
    try:
        output.write_bytes(text if isinstance(text, bytes) else text.encode("utf-8", "backslashreplace"))
    except OSError as error:
        raise Misuse(f"{output}: {error.strerror}") from None
