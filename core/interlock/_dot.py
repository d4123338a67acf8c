"""A life cycle as a graph, in the language of graphviz.

States that answer alike are one card: their names, then a line for each state that may follow, with the signals that
lead there and the guard that must say yes. So a signal stands beside the state that it is sent in, and an arrow needs
no text of its own. Families are frames, final states have a double border.

The picture brings its own white ground, so that it reads the same on a light page and on a dark one.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import textwrap
from collections.abc import Iterable, Iterator, Mapping
from html import escape
from typing import TYPE_CHECKING

from interlock._colours import FAINT, INK, PALE, colours
from interlock._draw import alike
from interlock._machine import Machine
from interlock._table import REFUSED, Cell, Table

if TYPE_CHECKING:
    from interlock._run import Run

Card = tuple[str, ...]
"""States that answer alike."""
Way = tuple[Card, str, str]
"""A card, a signal that is sent there, and the state that follows."""

WIDTH = 30  # characters of a line of signals
LONG = 150  # characters of a line of the legend
LINES = 600  # of the language that the program is given: with more it may take minutes
SECONDS = 10.0  # that the program may take all the same
FONT = "Helvetica,Arial,sans-serif"
NO_TEXT = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")  # what XML has no place for


def dot(machine: Machine, run: Run | None = None) -> str:
    """Return the picture of a life cycle, as text for the program `dot`.

    Args:
        machine: the life cycle.
        run: a run of it: where it is stands out, and the steps of its story with their numbers.
    """
    return _Picture(machine, run).text()


class _Picture:
    """What is known of a table, and of a run in it, while its picture is written."""

    def __init__(self, machine: Machine, run: Run | None) -> None:
        self.name = machine.name
        self.table = table = machine._table
        self.cards = alike(table)
        self.home = {state: card for card in self.cards for state in card}
        self.colours = colours(machine)
        self.depths = _depths(table, self.home)
        self.order = {state: place for place, state in enumerate(table.concrete())}
        self.now = None if run is None else run.state
        self.here = "now, sealed" if run is not None and run.closed and not run.is_final else "now"
        self.taken: dict[Way, list[int]] = {}
        """By way, the numbers of the steps that took it."""
        for step in [] if run is None else run.story:
            self.taken.setdefault((self.home[step.before], step.signal, step.after), []).append(step.number)
        carried = [cell.carries for cell in table.cells.values() if cell.carries]
        self.sets = {states: f"{{{number}}}" for number, states in enumerate(dict.fromkeys(carried), start=1)}
        """A name for each set of states that a signal may carry, as in the grid."""

    def text(self) -> str:
        finals = [state for state in self.order if state not in self.home]
        arrows = [arrow for card in self.cards for arrow in self._arrows(card)]
        arrows.sort(key=lambda arrow: arrow[0])  # those taken are drawn last, and lie on top
        lines = [
            f"digraph {_quoted(self.name)} {{",
            f'  graph [rankdir=LR newrank=true ranksep=0.7 nodesep=0.16 pad=0.2 bgcolor="#ffffff" fontname="{FONT}"'
            f" labelloc=b labeljust=l label=<{self._legend()}>]",
            f'  node [shape=plain fontname="{FONT}" fontsize=12 fontcolor="{INK}"]',
            f'  edge [arrowsize=0.7 color="{INK}"]',
            f'  "" [shape=point width=0.14 color="{INK}"]',
            *self._frame(None),
            f"  {{ rank=max {' '.join(map(_quoted, finals))} }}",
            f'  "" -> {self._entry(self.table.initial, "w")}',
            *(line for _, line in arrows),
            "}",
        ]
        return "\n".join(lines) + "\n"

    # Frames: families, and what stands in them

    def _frame(self, family: str | None) -> Iterator[str]:
        """Yield what stands in a family, in a frame where that is more than one thing."""
        parts = [[node] for node in self._members(family)]
        parts += [list(self._frame(name)) for name, state in self.table.states.items() if state.is_ == family]
        content = [line for part in parts for line in part]
        if family is None or sum(map(bool, parts)) < 2:
            yield from content
            return
        yield f"  subgraph {_quoted('cluster_' + family)} {{"
        yield f'  graph [label={_quoted(family)} labelloc=t labeljust=l style="rounded,filled" fillcolor="#f6f8fa"'
        yield f'    color="{PALE}" fontcolor="{FAINT}" fontsize=11]'
        yield from content
        yield "  }"

    def _members(self, family: str | None) -> Iterator[str]:
        """Yield what stands in a family and in none within it."""
        for card in self.cards:
            if self._family(card) == family:
                yield self._card(card)
        if family in self.order and family not in self.home:
            yield self._final(family)

    def _family(self, card: Card) -> str | None:
        """Return the smallest family that has all states of a card; a state is a family of its own."""
        lineage = self.table.lineage
        return next((name for name in lineage(card[0]) if all(name in lineage(state) for state in card)), None)

    # Nodes

    def _card(self, card: Card) -> str:
        rows = "".join(map(self._head, card)) + "".join(self._rows(card))
        colour = self.colours[card[0]].line if len({self.colours[state] for state in card}) == 1 else FAINT
        table = f'<table border="1" cellborder="0" cellspacing="0" cellpadding="2" color="{colour}"'
        return f'  {_quoted(card[0])} [label=<{table} bgcolor="#ffffff">{rows}</table>>]'

    def _head(self, state: str) -> str:
        colour = self.colours[state]
        name = f"<b>{escape(state)}</b>"
        ground = colour.line + "3d"
        if state == self.now:
            name, ground = f'<font color="#ffffff">{name} - {self.here}</font>', colour.dark
        return f'<tr><td port={_port("in", state)} colspan="2" align="left" bgcolor="{ground}">{name}</td></tr>'

    def _final(self, state: str) -> str:
        name, colour = state, self.colours[state]
        style = f'style="rounded,filled" fillcolor="{colour.line}3d" color="{colour.line}"'
        if state == self.now:
            name += f" - {self.here}"
            style = f'style="rounded,filled" fillcolor="{colour.dark}" color="{colour.dark}" fontcolor="#ffffff"'
        return f"  {_quoted(state)} [label={_quoted(name)} shape=box margin=0.08 height=0.3 peripheries=2 {style}]"

    def _rows(self, card: Card) -> Iterator[str]:
        """Yield the lines of a card: one for each state that may follow, then one for each that a signal carries."""
        for target, guarded in self._ways(card).items():
            lines = [line for guard, signals in guarded.items() for line in self._signals(card, target, guard, signals)]
            yield _row(lines, target, f'<font color="{self.colours[target].dark}"><b>{escape(target)}</b></font>')
        for signal, cell in self._carrying(card):
            numbers = sorted(number for state in cell.carries for number in self.taken.get((card, signal, state), ()))
            yield _row([_signal(signal, numbers)[1]], f"{signal} carries", self.sets[cell.carries])

    def _ways(self, card: Card) -> Mapping[str, Mapping[str, list[str]]]:
        """Return the signals by the state that follows, and by guard; no guard is an empty one."""
        found: dict[str, dict[str, list[str]]] = {}
        for signal, cell in self.table.row(card[0]).items():
            for choice in cell.choices:
                if choice.target != REFUSED:
                    found.setdefault(choice.target, {}).setdefault(choice.guard or "", []).append(signal)
        return dict(sorted(found.items(), key=lambda item: self.order[item[0]]))

    def _carrying(self, card: Card) -> Iterator[tuple[str, Cell]]:
        return ((signal, cell) for signal, cell in self.table.row(card[0]).items() if cell.carries)

    def _signals(self, card: Card, target: str, guard: str, signals: Iterable[str]) -> list[str]:
        """Return signals as lines that are not too long, with the guard in brackets behind them."""
        lines, room = [""], WIDTH
        told = [_signal(signal, self.taken.get((card, signal, target), [])) for signal in signals]
        parts = [(f"{text}, ", f"{drawn}, ") for text, drawn in told[:-1]] + [told[-1]]
        if guard:
            parts.append((f" [{guard}]", f' <font color="{FAINT}">[{escape(guard)}]</font>'))
        for text, drawn in parts:
            if len(text) > room and lines[-1]:
                lines.append("")
                room = WIDTH
            lines[-1] += drawn if lines[-1] else drawn.lstrip()
            room -= len(text)
        return lines

    # Arrows

    def _arrows(self, card: Card) -> Iterator[tuple[bool, str]]:
        """Yield an arrow to each state of another card that may follow, behind whether it was taken."""
        for target, guarded in self._ways(card).items():
            taken = any((card, signal, target) in self.taken for signals in guarded.values() for signal in signals)
            if target not in card:
                yield taken, self._arrow(card, target, target, taken)
        for signal, cell in self._carrying(card):
            for state in cell.carries:  # so many that only those that were taken are drawn
                if (card, signal, state) in self.taken and state not in card:
                    yield True, self._arrow(card, f"{signal} carries", state, True)

    def _arrow(self, card: Card, row: str, target: str, taken: bool) -> str:
        """Return an arrow from a row of a card; one that leads back leaves to the left, and bends no other."""
        back = target in self.home and self.depths[self.home[target]] < self.depths[card]
        colour = self.colours[target].line
        if self.now is None:
            style = f'color="{colour}" penwidth=1.5' if target in self.home else f'color="{colour}a0"'
        else:
            style = f'color="{self.colours[target].dark}" penwidth=3' if taken else f'color="{PALE}"'
        if back:
            return (
                f"  {_quoted(card[0])}:{_port('left', row)}:w -> {self._entry(target, 'e')} [{style} constraint=false]"
            )
        return f"  {_quoted(card[0])}:{_port('right', row)}:e -> {self._entry(target, 'w')} [{style}]"

    def _entry(self, state: str, side: str) -> str:
        """Return where an arrow to a state ends."""
        if state in self.home:
            return f"{_quoted(self.home[state][0])}:{_port('in', state)}:{side}"
        return f"{_quoted(state)}:{side}"

    def _legend(self) -> str:
        texts = [f"{name} is one of {', '.join(states)}." for states, name in self.sets.items()]
        if self.table.guards:
            texts.append("A guard in brackets must say yes for the signals before it.")
        if self.now is not None:
            texts.append("Thick arrows were taken; the numbers are those of the steps.")
        lines = [line for text in texts for line in textwrap.wrap(text, LONG, subsequent_indent="    ")]
        told = "".join(f'{escape(line)}<br align="left"/>' for line in lines)
        small = f'<font point-size="10" color="{FAINT}">{told}</font>' if told else ""  # graphviz wants no empty one
        return f'<b>{escape(self.name)}</b><br align="left"/>{small}'


def _depths(table: Table, home: Mapping[str, Card]) -> dict[Card, int]:
    """Return how many steps each card is away from the beginning."""
    todo = [home[table.initial]]
    found = dict.fromkeys(todo, 0)
    for card in todo:
        for cell in table.row(card[0]).values():
            for choice in cell.choices:
                if choice.target in home and home[choice.target] not in found:
                    found[home[choice.target]] = found[card] + 1
                    todo.append(home[choice.target])
    return found


def _signal(signal: str, numbers: list[int]) -> tuple[str, str]:
    """Return a signal as text and as it is drawn; one that was taken is bold, with the numbers of the first steps."""
    if not numbers:
        return signal, escape(signal)
    text = f"{signal} ({', '.join(map(str, numbers[:3]))}{', ...' if len(numbers) > 3 else ''})"
    return text, f"<b>{escape(text)}</b>"


def _row(lines: Iterable[str], port: str, target: str) -> str:
    """Return a row of a card. Each line is a cell of its own: lines of one text would stand too close together."""
    text = "".join(f'<tr><td align="left"><font point-size="10">{line}</font></td></tr>' for line in lines)
    left = f'<table border="0" cellborder="0" cellspacing="0" cellpadding="1">{text}</table>'
    right = f'<font point-size="10">{target}</font>'
    cells = f'<td port={_port("left", port)} align="left">{left}</td>'
    return f'<tr>{cells}<td port={_port("right", port)} align="right">{right}</td></tr>'


def _quoted(text: str) -> str:
    """Return a text in quotation marks, which graphviz reads as it stands."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _port(side: str, name: str) -> str:
    return f'"{side} {escape(name)}"'


def is_there() -> bool:
    """Return whether the program `dot` is there."""
    return shutil.which("dot") is not None


def svg(source: str) -> str | None:
    """Return the picture that the program `dot` makes; None where it is not there, fails, or would take too long."""
    drawn = picture(source, "svg")
    return None if drawn is None else drawn.decode("utf-8", "replace")


def picture(source: str, kind: str) -> bytes | None:
    """Return the picture as a file of its kind; None as for `svg`."""
    program = shutil.which("dot")
    if program is None or source.count("\n") > LINES:
        return None
    data = NO_TEXT.sub("\N{REPLACEMENT CHARACTER}", source).encode("utf-8")
    hidden = getattr(subprocess, "CREATE_NO_WINDOW", 0)  # on Windows a console would be shown while it runs
    try:
        done = subprocess.run(
            [program, f"-T{kind}"], input=data, capture_output=True, check=True, timeout=SECONDS, creationflags=hidden
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout
