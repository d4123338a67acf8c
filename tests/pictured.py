"""A life cycle's picture as graphviz itself reads it: what stands on its cards, where these are, what connects them."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from typing import Any, NamedTuple
from xml.etree import ElementTree

import pytest
from exported import Edge

from interlock import Machine, _dot
from interlock._focus import Focus

Element = ElementTree.Element
SPACE = "\N{NO-BREAK SPACE}"
FOLDED = re.compile(r"(.*?)(?:, )?any final(?: but (.*))?")
GROUP = re.compile(r"((?:\w+(?: \([^)]*\))?, )*\w+(?: \([^)]*\))?)(?: if (\w+))?")
needs_dot = pytest.mark.skipif(
    not shutil.which("dot") and not os.environ.get("CI"), reason="the program dot is not installed"
)


class Line(NamedTuple):
    """A row of a card, as it can be read."""

    lines: list[str]
    """The signals, with what stands behind them."""
    way: str
    """Where it points."""
    targets: tuple[str, ...]
    carries: bool
    """Whether its signals may carry these states."""
    port: str | None
    """Where its arrow would begin."""
    grounds: set[str | None]
    """The colours that it stands on."""
    bold: list[str]
    """What is written in bold, the states that follow left out."""
    tips: list[str]
    """What is said to whoever points at it."""

    @property
    def signals(self) -> Iterator[tuple[str, str | None]]:
        """The signals, each with its guard."""
        for names, guard in GROUP.findall(" ".join(self.lines)):
            for name in re.sub(r" \([^)]*\)", "", names).split(", "):
                yield name, guard or None


class Card(NamedTuple):
    """A card: its states, its rows, and where it is: column, height in the picture, and place within its node."""

    states: list[str]
    heads: list[str]
    rows: list[Line]
    place: tuple[float, float, int]


class Arrow(NamedTuple):
    """An arrow: from which row of which card to which state; no state is the node of all final ones."""

    card: Card
    row: Line
    state: str | None
    sides: tuple[str, str]
    points: tuple[tuple[float, ...], tuple[float, ...]]
    """Where it begins and ends."""
    style: dict[str, str]


class Picture:
    """What is in a picture."""

    def __init__(self, machine: Machine, focus: Focus | None = None) -> None:
        self.states = list(machine.rows)
        self.finals = [state for state in self.states if state in machine.final]
        self.source = _dot.dot(machine, focus)
        data = told(self.source, "json")
        objects = {thing["_gvid"]: thing for thing in data["objects"]}
        self.nodes = {name: thing for name, thing in objects.items() if thing["name"] and "pos" in thing}
        self.labels = {name: ElementTree.fromstring(thing["label"]) for name, thing in self.nodes.items()}
        self.cards = [card for name in self.nodes for card in self._cards(name)]
        self.last = {name for name, label in self.labels.items() if not list(_cards(label))}
        edges = [edge for edge in data["edges"] if edge.get("style") != "invis"]
        self.first = [self._state(edge) for edge in edges if not objects[edge["tail"]]["name"]]
        self.arrows = [self._arrow(edge) for edge in edges if objects[edge["tail"]]["name"]]

    def card(self, state: str) -> Card:
        """Return the card of a state."""
        return next(card for card in self.cards if state in card.states)

    def row(self, state: str, target: str) -> Line:
        """Return the row of a state's card that leads to another."""
        return next(row for row in self.card(state).rows if row.targets == (target,))

    def carrying(self, state: str) -> Line:
        """Return the row of a state's card with signals that carry states."""
        return next(row for row in self.card(state).rows if row.carries)

    def thick(self) -> set[tuple[str, str, str | None]]:
        """Return the arrows that stand out: the card, the first signal of the row, and the state."""
        thick = [arrow for arrow in self.arrows if arrow.style.get("penwidth") == "3"]
        return {(arrow.card.states[0], next(arrow.row.signals)[0], arrow.state) for arrow in thick}

    def edges(self) -> Iterator[Edge]:
        """Yield the ways that can be read on the cards."""
        for card in self.cards:
            for row in card.rows:
                for signal, guard in row.signals:
                    yield from ((state, signal, guard, target) for state in card.states for target in row.targets)

    def frames(self) -> list[tuple[str, list[str]]]:
        """Return the names of the frames, and the states in each."""
        found = []
        for label in self.labels.values():
            for table in label.iter("table"):
                title = table.find("tr/td")
                if table.get("style") == "rounded" and title is not None and "colspan" in title.attrib:
                    ports = [cell.get("port", "") for cell in table.iter("td")]
                    found.append((text(title), [self.states[int(port)] for port in ports if port.isdigit()]))
        return found

    def _heads(self, table: Element) -> list[tuple[str, Element]]:
        """Return the first rows of a card, those of its states, each with the state."""
        cells = [row.findall("td")[0] for row in table.findall("tr")]
        ports = [(cell.get("port", ""), cell) for cell in cells]
        return [(self.states[int(port)], cell) for port, cell in ports if port.isdigit()]

    def _cards(self, name: int) -> Iterator[Card]:
        x, y = (float(number) for number in self.nodes[name]["pos"].split(","))
        for number, table in enumerate(_cards(self.labels[name])):
            heads = self._heads(table)
            lines = [self._line(row.findall("td")) for row in table.findall("tr")[len(heads) :]]
            yield Card([state for state, _ in heads], [text(cell) for _, cell in heads], lines, (x, -y, number))

    def _line(self, cells: list[Element]) -> Line:
        parts = [list(map(text, cell.findall(".//td"))) or [text(cell)] for cell in cells]
        bold = [text(piece) for piece in cells[0].iter("b")]
        port = next((cell.attrib["port"] for cell in cells if "port" in cell.attrib), None)
        common = (port, {cell.get("bgcolor") for cell in cells})
        tips = [cell.attrib["title"] for cell in cells]
        if len(cells) == 2:
            way, target = parts[1][0].split(" ")
            return Line(parts[0], way, (target,), False, *common, bold, tips)
        signals, way, names = re.split(" (→) ?", " ".join(parts[0]))
        folded = FOLDED.fullmatch(names)
        if folded is None:
            return Line([signals], way, tuple(names.split(", ")), True, *common, bold, tips)
        missing = (folded[2] or "").split(", ")
        targets = [name for name in folded[1].split(", ") if name]
        targets += [state for state in self.finals if state not in missing]
        return Line([signals], way, tuple(targets), True, *common, bold, tips)

    def _arrow(self, edge: dict[str, Any]) -> Arrow:  # Any: JSON
        port, out = edge["tailport"].rsplit(":", 1)
        node = [card for card in self._cards(edge["tail"]) if any(row.port == port for row in card.rows)]
        (card,) = node
        (row,) = (row for row in card.rows if row.port == port)
        into = edge.get("headport", ":").rsplit(":", 1)[1]
        first, begin, *_ = edge["pos"].split(" ")
        points = [tuple(map(float, point.split(","))) for point in (begin, first.removeprefix("e,"))]
        return Arrow(card, row, self._state(edge), (out, into), (points[0], points[1]), edge)

    def _state(self, edge: dict[str, Any]) -> str | None:  # Any: JSON
        if "headport" not in edge:
            assert edge["head"] in self.last
            return None
        port: str = edge["headport"].rsplit(":", 1)[0]
        assert port in [cell.get("port") for cell in self.labels[edge["head"]].iter("td")]
        return self.states[int(port)]


def _cards(label: Element) -> Iterator[Element]:
    for table in label.iter("table"):
        cell = table.find("tr/td")
        if cell is not None and cell.get("port", "").isdigit() and "colspan" in cell.attrib:
            yield table


def text(element: Element) -> str:
    """Return the text in an element."""
    return "".join(element.itertext()).replace(SPACE, " ").strip()


def told(source: str, form: str) -> Any:  # Any: JSON
    """Return what graphviz makes of a text, to which it has nothing to say."""
    done = subprocess.run(["dot", f"-T{form}"], input=source.encode(), capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
    return json.loads(done.stdout) if form == "json" else done.stdout.decode()
