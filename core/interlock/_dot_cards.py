"""The cards of a life cycle's picture, in the HTML of graphviz.

A card has the names of its states, then a row for each state that may follow: the signals that lead there, the guard
that must hold, and the name of that state behind an arrow that points to where it stands. So the whole table can be
read on the cards, and what connects them needs no text.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape

from interlock._colours import DIM, FAINT, GREY, PALE, Colour
from interlock._dot_places import LEFT, RIGHT, Card, Frame, Part
from interlock._dot_rows import Row, Rows
from interlock._focus import Focus

Piece = tuple[str, str]
"""A text, and how it is drawn."""

WIDTH = 24  # characters of a line of signals
WIDER = 38  # characters of a line that has a card for itself
BRIEF = 34  # characters of what is said of a state behind its name
TALL = 12  # final states, or families of them, on top of each other
SMALL, LARGE = 10, 12  # points
SPACE = "\N{NO-BREAK SPACE}"  # between a text and a stripe
INDENT = 4 * SPACE
WHITE, GROUND = "#ffffff", "#f6f8fa"


class Cards:
    """How the cards of a table are drawn."""

    def __init__(self, rows: Rows, colours: Mapping[str, Colour]) -> None:
        self.rows = rows
        self.places = rows.places
        self.table = rows.table
        self.colours = colours
        self.focus: Focus | None = rows.focus
        self.users = {name for name, signal in self.table.signals.items() if signal.raised_by == "user"}
        """The signals that stand out by themselves: what a user's code says."""

    def part(self, part: Part) -> str:
        """Return a card, or a frame with what is in it."""
        if isinstance(part, Frame):
            return self._frame(part.family, [[self.part(inner)] for inner in part.parts])
        return self._card(part)

    def last(self) -> str:
        """Return the final states in the frames of their families."""
        parts = [self._last(part) for part in self.places.last]
        return parts[0] if len(parts) == 1 else self._frame(None, _piles(parts), 4)

    def _frame(self, family: str | None, parts: Sequence[Sequence[str]], space: int = 8) -> str:
        rows = _cells(parts)
        if family is not None:
            title = _sized(_font(escape(family), FAINT), SMALL)
            rows.insert(0, _cell(title, colspan=max(map(len, parts)), **self._means(family)))
        return _table(rows, border=1, style="rounded", color=PALE, bgcolor=GROUND, cellspacing=space)

    # Cards

    def _card(self, card: Card) -> str:
        several = len({self.colours[state] for state in card}) > 1
        rows = [self._carry(card, row) if row.carries else self._row(card, row) for row in self.rows.of(card)]
        colour = FAINT if several else self.colours[card[0]].line
        return _table([*map(self._head, card), *rows], border=1, cellspacing=0, color=colour, bgcolor=WHITE)

    def _head(self, state: str) -> str:
        colour, means = self.colours[state], self.table.states[state].means
        name, ground, brief = f"<b>{escape(state)}</b>", colour.tint, _brief(state, means)
        if self.focus is not None and state == self.focus.now:
            name, ground, brief = _font(f"{name} - {escape(self.focus.here)}", WHITE), colour.dark, ""
        text = _sized(name, LARGE) + (_sized(_font(f"{2 * SPACE}{escape(brief)}", FAINT), SMALL - 1) if brief else "")
        return _cell(
            text, port=self.places.number(state), colspan=2, cellpadding=3, bgcolor=ground, **self._means(state)
        )

    def _row(self, card: Card, row: Row) -> str:
        """Return a row; a stripe in the colour of the state that follows is where its arrow begins."""
        (target,) = row.targets
        way, colour = self.places.way(card, target), self.colours[target]
        tone = self.rows.tone(card, row.signals, row.targets)
        ground = {"bgcolor": colour.tint} if tone == "lit" else {}
        stripe = {"plain": colour.line, "lit": colour.dark, "dim": PALE}[tone]
        begin = {"port": self.rows.port(card, row), "border": 2, "color": stripe, "cellpadding": 0}
        left = begin | {"sides": "L"} if way == LEFT else {}
        right = begin | {"sides": "R"} if way == RIGHT else {}
        arrow = _font(way, DIM if tone == "dim" else colour.dark)
        name = _sized(f"{arrow} {self._target(card, row, target)}{SPACE}", SMALL)
        signals = _lines(self._signals(card, row))
        return _cell(signals, **left, **ground, **self._told(card, row)) + _cell(
            name, **right, **ground, **self._means(target)
        )

    def _carry(self, card: Card, row: Row) -> str:
        tone = self.rows.tone(card, row.signals, row.targets)
        stripe = {"plain": GREY.line, "lit": GREY.dark, "dim": PALE}[tone]
        ends = {"sides": "R", "border": 2, "color": stripe, "cellpadding": 0}
        more = ends if any(state not in self.places.home for state in row.targets) else {}
        more |= {"bgcolor": GREY.tint} if tone == "lit" else {}
        lines = _lines([line + SPACE for line in self._carried(card, row)])
        return _cell(lines, port=self.rows.port(card, row), colspan=2, **more, **self._told(card, row))

    # Texts

    def _signal(self, card: Card, signal: str, targets: Sequence[str]) -> Piece:
        tone, note = self.rows.tone(card, [signal], targets), self.rows.note(card, signal, targets)
        text = f"{signal} ({note})" if note else signal
        if tone == "lit" or (tone == "plain" and signal in self.users):
            return text, f"<b>{escape(text)}</b>"
        usual = tone == "plain" and not self.users
        return text, escape(text) if usual else _font(escape(text), self._faint(card, [signal], targets))

    def _signals(self, card: Card, row: Row) -> list[str]:
        """Return the signals of a row as lines that are not too long, each guard behind its own."""
        lines: list[str] = []
        for guard, signals in row.guarded.items():
            pieces = self._listed([self._signal(card, signal, row.targets) for signal in signals])
            if guard:
                faint = self._faint(card, signals, row.targets)
                pieces.append((f" if {guard}", " " + _font(f"<i>if {escape(guard)}</i>", faint)))
            lines += _wrapped(pieces, WIDTH)
        return lines

    def _carried(self, card: Card, row: Row) -> list[str]:
        """Return signals and the states that they may carry as lines; final states that are most of all are "any"."""
        ends = [state for state in row.targets if state not in self.places.home]
        missing = [state for state in self.places.finals if state not in ends]
        most = len(ends) > max(1, len(missing))
        names = [state for state in row.targets if not most or state in self.places.home]
        words = [(state, self._target(card, row, state)) for state in names]
        if most:
            text = "any final" + (f" but {', '.join(missing)}" if missing else "")
            words.append((text, _font(escape(text), self._faint(card, row.signals, ends))))
        signals = self._listed([self._signal(card, signal, row.targets) for signal in row.signals])
        arrow = f" {RIGHT} ", _font(f" {RIGHT} ", self._faint(card, row.signals, row.targets))
        return _wrapped([*signals, arrow, *self._listed(words)], WIDER, INDENT)

    def _listed(self, pieces: Sequence[Piece]) -> list[Piece]:
        """Return texts with commas between them."""
        comma = _font(",", FAINT if self.focus is None else DIM) + " "
        return [(f"{text}, ", drawn + comma) for text, drawn in pieces[:-1]] + list(pieces[-1:])

    def _target(self, card: Card, row: Row, state: str) -> str:
        if self.rows.tone(card, row.signals, [state]) == "dim":
            return _font(escape(state), DIM)
        return _font(f"<b>{escape(state)}</b>", self.colours[state].dark)

    def _faint(self, card: Card, signals: Iterable[str], targets: Iterable[str]) -> str:
        return DIM if self.rows.tone(card, signals, targets) == "dim" else FAINT

    def _told(self, card: Card, row: Row) -> dict[str, object]:
        """Return what is shown of a row to whoever points at it: what its signals mean, and what its guards ask."""
        said = []
        for name in dict.fromkeys(row.signals):
            cell = self.table.cells[card[0], name]
            choices = ", else ".join(map(str, cell.choices)) if len(cell.choices) > 1 else ""
            said.append(" - ".join(filter(None, [f"{name}: {self.table.signals[name].means}", choices, cell.because])))
        guards = (self.table.guards[name] for name in row.guarded if name)
        said += [f"{guard.name}: {guard.means} - {guard.when}" for guard in guards]
        return _tip(*said)

    def _means(self, state: str) -> dict[str, object]:
        return _tip(f"{state}: {self.table.states[state].means}")

    # Final states

    def _last(self, part: Part) -> str:
        if not isinstance(part, Frame):
            return self._chip(part[0])
        return self._frame(part.family, _piles([self._last(inner) for inner in part.parts]), 4)

    def _chip(self, state: str) -> str:
        """Return a final state, which has a double border."""
        colour, name = self.colours[state], escape(state)
        ground = colour.tint
        if self.focus is not None and state == self.focus.now:
            name, ground = _font(f"{name} - {escape(self.focus.here)}", WHITE), colour.dark
        style = {"align": "center", "border": 1, "style": "rounded", "bgcolor": ground}
        inner = _cell(name, port=self.places.number(state), **style, **self._means(state))
        return _table([inner], border=1, style="rounded", color=colour.line, cellspacing=1)


# HTML


def _tag(name: str, content: str, attributes: Mapping[str, object]) -> str:
    """Return an element. A line break in an attribute would be read as a space."""
    told = "".join(f' {key}="{escape(str(value))}"' for key, value in attributes.items())
    return f"<{name}{told}>{content}</{name}>".replace("\n", "&#10;")


def _font(text: str, colour: str) -> str:
    return _tag("font", text, {"color": colour})


def _sized(text: str, points: int) -> str:
    return _tag("font", text, {"point-size": points})


def _cell(content: str, **attributes: object) -> str:
    return _tag("td", content, {"align": "left", **attributes})


def _cells(rows: Iterable[Iterable[str]]) -> list[str]:
    """Return rows of cells that hold what has a border of its own."""
    return ["".join(_cell(content, align="center", cellpadding=0) for content in row) for row in rows]


def _piles(parts: Sequence[str]) -> list[Sequence[str]]:
    """Return what stands in a frame in rows, so many to a row that they are not too high."""
    across = -(-len(parts) // TALL)
    return [parts[at : at + across] for at in range(0, len(parts), across)]


def _table(rows: Iterable[str], **attributes: object) -> str:
    body = "".join(_tag("tr", row, {}) for row in rows)
    return _tag("table", body, {"cellborder": 0, "cellpadding": 2, **attributes})


def _lines(lines: Sequence[str]) -> str:
    """Return lines of text. Each of several is a cell: lines of one text would stand too close together."""
    drawn = [_sized(f"{SPACE}{line}", SMALL) for line in lines]
    if len(drawn) == 1:
        return drawn[0]
    return _table(map(_cell, drawn), border=0, cellspacing=0, cellpadding=0)


def _tip(*lines: str) -> dict[str, object]:
    """Return the attributes of a cell that is told about; only one with a reference is, and it may be empty."""
    text = "\n".join(" ".join(line.split()) for line in lines)
    return {"href": "", "title": text.replace("\\", "\\\\")}


# Text


def _brief(state: str, means: str) -> str:
    """Return the first words of what a state means, if they make sense alone; nothing where they only say its name."""
    for signs in ";:", ";:,":
        words = " ".join(means.translate({ord(sign): "\n" for sign in signs}).partition("\n")[0].split())
        if len(words) <= BRIEF:
            return "" if words.removeprefix("state ").casefold() in state.casefold() else words
    return ""


def _wrapped(pieces: Iterable[Piece], width: int, indent: str = "") -> list[str]:
    """Return texts as lines of which none but a single text is too long."""
    lines, room = [""], width
    for text, drawn in pieces:
        if len(text.rstrip()) > room and lines[-1] not in ("", indent):
            lines.append(indent)
            room = width - len(indent)
            drawn = drawn.lstrip()
        lines[-1] += drawn
        room -= len(text)
    return lines
