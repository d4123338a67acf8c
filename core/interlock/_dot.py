"""A life cycle as a graph, in the language of graphviz.

It reads from left to right: cards of states in columns, the final states in the last. A card tells each of its ways in
a row; an arrow from it shows where that is, if it is not in the same column, and all ways to final states share one.

The picture brings its own white ground, so that it reads the same on a light page and on a dark one.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from html import escape
from itertools import pairwise

from interlock._colours import FAINT, GREY, INK, PALE, colours
from interlock._dot_cards import Cards
from interlock._dot_places import LEFT, Card, Places, flat
from interlock._dot_rows import Arrow, Rows
from interlock._focus import Focus
from interlock._machine import Machine

LONG = 120  # characters of a line of the legend
LINES = 600  # of the language that the program is given: with more it may take minutes
SECONDS = 10.0  # that the program may take all the same
FONT = "Helvetica,Arial,sans-serif"
NO_TEXT = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")  # what XML has no place for
BOLD = "Signals in bold are raised by a user's code."
BREAK = '<br align="left"/>'
BEGINNING = ""  # no state has that name


def dot(machine: Machine, focus: Focus | None = None) -> str:
    """Return the picture of a life cycle, as text for the program `dot`.

    Args:
        machine: the life cycle.
        focus: what stands out.
    """
    return _Picture(machine, focus).text()


class _Picture:
    """What is known of a table while its picture is written."""

    def __init__(self, machine: Machine, focus: Focus | None) -> None:
        self.name = machine.name
        self.focus = focus
        self.places = Places(machine._table)
        self.colours = colours(machine)
        self.rows = Rows(self.places, focus)
        self.cards = Cards(self.rows, self.colours)
        self.node = {
            card: next(flat([part]))[0] for parts in self.places.columns for part in parts for card in flat([part])
        }
        """The node that a card is in: it has the name of the first state in it."""
        self.last = self.places.finals[0]
        """The node that all final states are in; there is one in every table."""

    def text(self) -> str:
        arrows = [(card, arrow) for card in self.places.cards for arrow in self.rows.arrows(card)]
        lines = [
            f"digraph {_quoted(self.name)} {{",
            f'  graph [rankdir=LR ranksep=0.55 nodesep=0.25 pad=0.2 bgcolor="#ffffff" fontname="{FONT}"'
            f" labelloc=t labeljust=l label={_html(self._legend())}]",
            f'  node [shape=plain fontname="{FONT}" fontsize=11 fontcolor="{INK}"]',
            f'  edge [arrowsize=0.7 color="{INK}"]',
            f'  {_quoted(BEGINNING)} [shape=point width=0.14 color="{INK}"]',
            *self._columns(arrows),
            f"  {_quoted(BEGINNING)} -> {self._end(self.places.table.initial, 'w')}",
            *self._arrows(arrows),
            "}",
        ]
        return "\n".join(lines) + "\n"

    def _columns(self, arrows: Iterable[tuple[Card, Arrow]]) -> Iterator[str]:
        """Yield the columns: nodes on top of each other, held in order by lines that nobody sees."""
        columns = []
        for parts in self.places.columns:
            columns.append([self.node[next(flat([part]))] for part in parts])
            for name, part in zip(columns[-1], parts, strict=True):
                yield f"  {_quoted(name)} [label={_html(self.cards.part(part))}]"
        columns.append([self.last])
        yield f"  {_quoted(self.last)} [label={_html(self.cards.last())}]"
        for names in columns:
            yield f"  {{ rank=same edge [style=invis] {' -> '.join(map(_quoted, names))} }}"
        column = self.places.column
        joined = {(column(card[0]), column(arrow.target or self.last)) for card, arrow in arrows}
        for number, (names, after) in enumerate(pairwise(columns)):
            if (number, number + 1) not in joined:
                yield f"  {_quoted(names[0])} -> {_quoted(after[0])} [style=invis weight=0]"

    # Arrows

    def _arrows(self, arrows: Sequence[tuple[Card, Arrow]]) -> Iterator[str]:
        """Yield the arrows; the first that leads on from a card is as straight as can be, first from the beginning."""
        straight: set[Card] = set()
        lit = {arrow.target for _, arrow in arrows if arrow.tone == "lit"}
        for card, arrow in arrows:
            back = arrow.way == LEFT
            begin = f"{_quoted(self.node[card])}:{_quoted(self.rows.port(card, arrow.row))}:{'w' if back else 'e'}"
            end = _quoted(self.last) if arrow.target is None else self._end(arrow.target, "e" if back else "w")
            told = f"{', '.join(arrow.row.signals)} -> {arrow.target}" if arrow.target else "to a final state"
            weight = 1 if back or card in straight else 9 if self.places.table.initial in card else 4
            more = " constraint=false" if back else f" weight={weight}"
            more += " arrowhead=none" if arrow.tone == "dim" and arrow.target in lit else ""
            straight |= set() if back else {card}
            yield f"  {begin} -> {end} [{self._style(arrow)}{more} tooltip={_quoted(told)}]"

    def _end(self, state: str, side: str) -> str:
        """Return where an arrow to a state ends."""
        home = self.places.home.get(state)
        node = self.last if home is None else self.node[home]
        return f"{_quoted(node)}:{_quoted(str(self.places.number(state)))}:{side}"

    def _style(self, arrow: Arrow) -> str:
        """Return how an arrow is drawn: what stands out is thicker and darker, which all kinds of eyes see."""
        if arrow.tone == "dim":
            return f'color="{PALE}"'
        colour = GREY if arrow.target is None else self.colours[arrow.target]
        if arrow.tone == "lit":
            return f'color="{colour.dark}" penwidth=3'
        on = arrow.target in self.places.home
        return f'color="{colour.line}" penwidth=1.6' if on else f'color="{GREY.line}" penwidth=1.2'

    def _legend(self) -> str:
        """Return the name of the table, and what else there is to say; graphviz wants no empty text."""
        told = BOLD if self.cards.users else ""
        if self.focus is not None:
            told = self.focus.told
        lines = "".join(escape(line) + BREAK for line in textwrap.wrap(told, LONG))
        return f"<b>{escape(self.name)}</b>{BREAK}" + (
            f'<font point-size="10" color="{FAINT}">{lines}</font>' if lines else ""
        )


def _html(text: str) -> str:
    """Return a label, which any console can be told, whatever characters it knows."""
    return f"<{_text(text).encode('ascii', 'xmlcharrefreplace').decode('ascii')}>"


def _text(text: str) -> str:
    return NO_TEXT.sub("\N{REPLACEMENT CHARACTER}", text)


def _quoted(text: str) -> str:
    """Return a text in quotation marks, which graphviz reads as it stands."""
    return '"' + _text(text).replace("\\", "\\\\").replace('"', '\\"') + '"'


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
    data = _text(source).encode("utf-8")
    hidden = getattr(subprocess, "CREATE_NO_WINDOW", 0)  # on Windows a console would be shown while it runs
    try:
        done = subprocess.run(
            [program, f"-T{kind}"], input=data, capture_output=True, check=True, timeout=SECONDS, creationflags=hidden
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout
