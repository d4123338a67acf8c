"""A life cycle as a flowchart of Mermaid, for Markdown.

Mermaid's diagrams of states know neither bold signals nor colours of arrows nor links that nobody sees, and come out
nearly twice as wide; so this is a flowchart. The place of a page decides which release draws it, and what lays it out:
dagre, or elk where it is there. Both are led by the order of the links. What the colours say is also said by a name, a
frame or a width, and they are read on white and on black.
"""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import TYPE_CHECKING

from interlock._colours import BLUE, GREY, colours
from interlock._flat import prose
from interlock._folds import Arrow, Card, Folds, Frame
from interlock._machine import Machine

if TYPE_CHECKING:
    from interlock._focus import Focus

LONG = 72  # characters of a line of the note
MIXED = BLUE.line  # what stands out and leads to several families
FAINT = f"fill:none,stroke:{GREY.line},stroke-dasharray:4 4,color:{GREY.line}"
FRAME = f"fill:{GREY.line}14,stroke:{GREY.line}66"
BEGIN = f"fill:{GREY.line},stroke:{GREY.line}"
NOTE = "fill:none,stroke:none"
SPACED = "{nodeSpacing: 24, rankSpacing: 40, padding: 10, subGraphTitleMargin: {top: 4, bottom: 6}}"


def mermaid(machine: Machine, focus: Focus | None = None) -> str:
    """Return the diagram.

    Args:
        machine: the life cycle.
        focus: what stands out, by thick arrows and bold signals; all else is dashed. None: nothing does.
    """
    return "\n".join(_Diagram(machine, focus).lines())


class _Diagram:
    """What is known of a diagram while it is written."""

    def __init__(self, machine: Machine, focus: Focus | None) -> None:
        self.name = machine.name
        self.focus = focus
        self.states = machine._table.states
        self.folds = Folds(machine, focus)
        self.colours = colours(machine)
        self.touched = self.folds.touched()
        self.looks: dict[str, list[str]] = {}
        """By style: the nodes and frames that have it."""
        self.links: list[str] = []
        """The style of each link; that of a plain one is empty."""

    def lines(self) -> list[str]:
        return [
            "---",
            f"title: {json.dumps(prose(self.name), ensure_ascii=False)}",
            "config:",
            "  layout: elk",
            f"  flowchart: {SPACED}",
            "---",
            "flowchart TB",
            *self._frame(self.folds.root, "    "),
            *self._begin(),
            *self._held(),
            *map(self._arrow, self.folds.arrows),
            *self._note(),
            *self._means(),
            *self._styles(),
        ]

    def _id(self, state: str) -> str:
        """Return what the diagram calls a state: its name, unless that may mean something else."""
        return state if re.fullmatch("[A-Z][A-Za-z0-9]*", state) else f"state{list(self.states).index(state)}"

    def _look(self, node: str, style: str) -> str:
        self.looks.setdefault(style, []).append(node)
        return node

    def _link(self, end: str, style: str = "") -> str:
        self.links.append(style)
        return end

    # Frames, and what stands in them

    def _frame(self, frame: Frame, indent: str) -> Iterator[str]:
        for part in self._order(frame):
            if isinstance(part, Frame):
                yield f'{indent}subgraph {self._look(f"family_{self._id(part.name)}", FRAME)}["{part.name}"]'
                if self._final(part):
                    yield f"{indent}    direction {'LR' if self._final(frame) else 'TB'}"
                yield from self._frame(part, indent + "    ")
                yield f"{indent}end"
            elif isinstance(part, str):
                yield f'{indent}{self._node((part,))}(["{_unbroken(self.folds.named(part))}"])'
            else:
                yield f'{indent}{self._node(part)}["{self._card(part)}"]'

    def _order(self, frame: Frame) -> Iterable[Card | str | Frame]:
        """Return the parts of a frame, those of final states such that Mermaid draws the first frame first."""
        if not self._final(frame):
            return frame.parts
        within = [part for part in frame.parts if isinstance(part, Frame)]
        return [*(part for part in frame.parts if part not in within), *reversed(within)]

    def _final(self, frame: Frame) -> bool:
        return bool(frame.name) and self.states[frame.name].final

    def _card(self, card: Card) -> str:
        heads = "<br>".join(f"<b>{self.folds.named(state)}</b>" for state in card)
        rows = "<br>".join(text for line in self.folds.within(card) for text in self.folds.worded(line))
        return f"<div align=left>{_unbroken(f'{heads}<hr>{rows}')}</div>" if rows else _unbroken(heads)

    def _node(self, states: Card) -> str:
        """Return what the diagram calls a card or a final state, whose style is taken down."""
        found = {self.colours[state] for state in states}
        colour = found.pop() if len(found) == 1 else GREY
        if self.focus is not None and self.focus.now in states:
            style = f"fill:{colour.dark},stroke:{colour.dark},color:#ffffff"
        else:
            style = f"fill:{colour.tint},stroke:{colour.line}" if self.touched.intersection(states) else FAINT
        return self._look(self._id(states[0]), style)

    # Links

    def _begin(self) -> Iterator[str]:
        initial = self.folds.table.initial
        first, *others = self.folds.home[initial]
        label = f'|"{_unbroken(f"→ {initial}")}"|' if others else ""
        yield f"    {self._look('begin', BEGIN)}(( ))"
        yield f"    begin -->{label} {self._link(self._id(first))}"

    def _held(self) -> Iterator[str]:
        """Yield links that nobody sees, which hold families in the order of the table, from top to bottom.

        Else a state that a later family leads back to might be drawn below it, with all of its own family between.
        """
        parts = [Frame("", (part,)).nodes() for part in self.folds.root.parts]
        families = [cards for nodes in parts if (cards := [node for node in nodes if isinstance(node, tuple)])]
        place = {card: number for number, cards in enumerate(families) for card in cards}
        home = self.folds.home
        ways = {(arrow.card, home[arrow.end]) for arrow in self.folds.arrows if arrow.end in home}
        back = {after for before, after in ways if place[after] < place[before]}
        path = [card for cards in families for card in cards if card == cards[0] or card in back]
        held = [way for way in pairwise(path) if way not in ways]
        held += [(one[-1], other[0]) for one, other in pairwise(families) if one[-1] not in path]
        yield from (f"    {self._id(one[0])} ~~~ {self._link(self._id(other[0]))}" for one, other in held)

    def _arrow(self, arrow: Arrow) -> str:
        line = "-->" if self.focus is None else "==>" if arrow.lit else "-.->"
        text = _unbroken("<br>".join(self.folds.labels(arrow)))
        label = f'|"{text}"|' if text else ""
        return f"    {self._id(arrow.card[0])} {line}{label} {self._link(self._end(arrow), self._arrow_style(arrow))}"

    def _end(self, arrow: Arrow) -> str:
        return f"family_{self._id(arrow.end)}" if arrow.framed else self._id(arrow.end)

    def _arrow_style(self, arrow: Arrow) -> str:
        """Return the style of an arrow: the colour of what it leads to."""
        if not arrow.lit or (self.focus is None and arrow.end not in self.folds.home):
            return f"stroke:{GREY.line}"
        found = {self.colours[line.target].line for line in arrow.lines if line.lit}
        return f"stroke:{found.pop() if len(found) == 1 else MIXED},stroke-width:{2 if self.focus is None else 3}px"

    # What stands below, and what is told when a node is pointed at

    def _note(self) -> Iterator[str]:
        told = self.folds.legend()
        if self.focus is not None and self.focus.told:
            told[0] = _escaped(told[0])
        lines = [line for text in told for line in textwrap.wrap(text, LONG, break_long_words=False)]
        if lines:
            lowest = next(arrow for arrow in self.folds.arrows if arrow.end not in self.folds.home)
            yield f'    {self._look("note", NOTE)}["<div align=left>{_unbroken("<br>".join(lines))}</div>"]'
            yield f"    {self._end(lowest)} ~~~ {self._link('note')}"

    def _means(self) -> Iterator[str]:
        for node in self.folds.root.nodes():
            states = (node,) if isinstance(node, str) else node
            yield f'    click {self._id(states[0])} call means() "{_escaped(self.folds.means(states))}"'

    def _styles(self) -> Iterator[str]:
        for number, (style, nodes) in enumerate(self.looks.items()):
            yield f"    classDef look{number} {style}"
            yield f"    class {','.join(nodes)} look{number}"
        for style in dict.fromkeys(filter(None, self.links)):
            places = ",".join(str(place) for place, one in enumerate(self.links) if one == style)
            yield f"    linkStyle {places} {style}"


def _unbroken(text: str) -> str:
    """Return a text whose lines are not broken but where it says so: Mermaid would break them where it likes."""
    return text.replace(" - ", " \N{NON-BREAKING HYPHEN} ").replace(" ", "\N{NO-BREAK SPACE}")


def _escaped(text: str) -> str:
    """Return prose in which Mermaid finds nothing but prose."""
    safe = re.sub(r"(?![:;] )[^\w .,()'-]", lambda found: f"#{ord(found[0])};", text)
    return safe.replace("direction", "direc#116;ion")  # a line that says `direction LR` is a statement, wherever it is
