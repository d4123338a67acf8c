"""The control table as a grid: on a terminal, in Markdown and in HTML its cells are those of the table."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from html.parser import HTMLParser
from typing import NamedTuple

import pytest
from exported import IDS, NAMED, drawn
from markdown_it import MarkdownIt
from markdown_it.token import Token
from rich.text import Text

from interlock import Machine, Run, _colours, _focus, draw
from interlock._draw import Way, ways
from interlock._focus import Focus
from interlock._grid import Grid
from interlock._grid_html import html
from interlock._grid_markdown import markdown
from interlock._grid_text import grid, text


class Answer(NamedTuple):
    """One answer of a cell as it was read."""

    target: str
    guard: str | None = None
    lit: bool = False
    note: str = ""


Cells = dict[tuple[str, str], list[Answer]]
"""By state and signal; where a pair is refused without a reason, nothing is read."""


class Told(NamedTuple):
    """What was read from a grid."""

    cells: Cells
    sets: dict[str, list[str]]
    """By the name of a set: the states that are carried."""
    finals: list[str]
    guards: dict[str, str]
    """By the name of a guard: what it means."""
    now: str | None = None


# On a terminal


def in_text(machine: Machine, focus: Focus | None, width: int | None) -> Told:
    """Read a grid by its columns."""
    shown = grid(machine, width, focus)
    assert width is None or max(map(len, shown.splitlines())) <= width
    *blocks, legend = (part.splitlines() for part in shown.split("\n\n"))
    lines: list[tuple[str, str]] = []
    for line in legend:
        if line.startswith("  "):
            lines[-1] = (lines[-1][0], f"{lines[-1][1]} {line.strip()}")
        else:
            sign, _, rest = line.partition(" ") if line[0] in "{?.x*" and " " in line[:5] else ("", "", line)
            lines.append((sign, rest.strip()))
    guards = {sign: re.fullmatch(r"if (\w+): (.*); else what stands below", said) for sign, said in lines}
    numbered = {sign: found for sign, found in guards.items() if found}
    told = Told({}, {}, [], {found[1]: found[2] for found in numbered.values()})
    for sign, said in lines:
        if sign.startswith("{"):
            told.sets[sign] = said.removeprefix("carries one of ").split(", ")
        if said.startswith("Final, and refuse everything: "):
            told.finals.extend(re.sub(r" \(.*?\)", "", said.partition(": ")[2]).split(", "))
    now = [re.findall(r"(\w+) \(now", line) for block in blocks for line in [*block, *(said for _, said in lines)]]
    for block in blocks:
        _block(block, {sign: found[1] for sign, found in numbered.items()}, focus is not None, told.cells)
    return told._replace(now=next((found[0] for found in now if found), None))


def _block(lines: list[str], guards: dict[str, str], focused: bool, cells: Cells) -> None:
    """Read a block: a line of who raises the signals if that is known, the signals, and row after row."""
    head = next(place for place, line in enumerate(lines) if "--" not in line and not line.endswith("-"))
    starts = [found.start() for found in re.finditer(r"\S+", lines[head])]
    signals = lines[head].split()
    states: list[str] = []
    begun = False
    for line in lines[head + 1 :]:
        if line.endswith((",", "---")):
            states = [] if begun else states
            begun = not line.endswith(",")
            states += re.sub(r" \(.*?\)", "", line.rstrip("-, ")).split(", ")
            continue
        assert begun
        for signal, start, end in zip(signals, starts, [*starts[1:], 10_000], strict=True):
            assert start == 0 or line[start - 1 : start] in ("", " ")
            shown = line[start:end].strip()
            found = _answer(shown, guards, focused)
            for state in states:
                if shown.startswith("("):
                    answers = cells[state, signal]
                    answers[-1] = answers[-1]._replace(note=shown.strip("()"))
                elif found is not None:
                    cells.setdefault((state, signal), []).append(found)
        begun = True


def _answer(shown: str, guards: dict[str, str], focused: bool) -> Answer | None:
    if shown in ("", ".") or shown.startswith("("):
        return None
    found = re.fullmatch(r"(\*?)(\{\d+\}|\w+)(\?\d+)?", shown)
    assert found
    assert focused or not found[1]
    target = "refused" if found[2] == "x" else found[2]
    return Answer(target, guards[found[3]] if found[3] else None, found[1] == "*")


# In Markdown


def in_markdown(machine: Machine, focus: Focus | None) -> Told:
    """Read a grid by a parser of Markdown that we did not write."""
    tokens = MarkdownIt("commonmark").enable("table").parse(markdown(machine, focus))
    inline = [(before.type, token) for before, token in itertools.pairwise(tokens) if token.type == "inline"]
    heads = [_words(token) for kind, token in inline if kind == "th_open"]
    cells = [token for kind, token in inline if kind == "td_open"]
    told = Told({}, {}, [], {})
    now: list[str] = []
    for place in range(0, len(cells), len(heads)):
        first, *rest = cells[place : place + len(heads)]
        states = re.sub(r" \(.*?\)", "", _words(first)).split(", ")
        now += re.findall(r"(\w+) \(now", _words(first))
        for signal, token in zip(heads[1:], rest, strict=True):
            for state in states:
                if answers := list(_answers(token.children or [])):
                    told.cells[state, signal] = answers
    for kind, token in inline:
        words = _words(token)
        if kind == "paragraph_open" and (found := re.fullmatch(r"(\{\d+\}) carries one of: (.*)\.", words)):
            told.sets[found[1]] = found[2].split(", ")
        if words.startswith("Final, and refuse everything: "):
            now += re.findall(r"(\w+) \(now", words)
            told.finals.extend(re.sub(r" \(.*?\)", "", words.partition(": ")[2].rstrip(".")).split(", "))
    items = [_words(token).rstrip(".") for kind, token in inline if (token.children or [])[0].type == "code_inline"]
    listed = dict(item.split(": ", 1) for item in items)
    known = {name: said for name, said in listed.items() if name in machine._table.guards}
    return told._replace(guards=known, now=now[0] if now else None)


def _words(token: Token) -> str:
    return "".join(child.content for child in token.children or [])


def _answers(children: Sequence[Token]) -> Iterator[Answer]:
    """Yield the answers of a cell: "A if `g`, else B", or "{1}, **C** (2)"."""
    bold, shown = False, ""
    for child in children:
        if child.type in ("strong_open", "strong_close"):
            bold = child.type == "strong_open"
        else:
            text = child.content
            shown += f"*{text}*" if bold else f"`{text}`" if child.type == "code_inline" else text
    for one in [] if shown == "·" else re.split(r", (?:else )?(?![^(]*\))", shown):
        found = re.fullmatch(r"(\*?)([\w{}]+)\*?(?: \((.*)\))?(?: if `(\w+)`)?", one)
        assert found, shown
        yield Answer(found[2], found[4], bool(found[1]), found[3] or "")


# In HTML


class Page(HTMLParser):
    """Reads a page: every tag is closed, nothing is fetched and nothing acts."""

    EMPTY = ("meta", "br")

    def __init__(self, shown: str) -> None:
        super().__init__()
        self.open: list[tuple[str, dict[str, str]]] = []
        self.rows: list[list[list[tuple[str, dict[str, str]]]]] = []
        """By row and cell: the texts with the attributes of all that they stand in."""
        self.terms: list[tuple[str, list[str]]] = []
        """By section: a term, or what is told of it."""
        self.heading = ""
        self.titles: dict[str, str] = {}
        """By text: what is shown where the pointer rests."""
        self.feed(shown)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        assert tag not in ("script", "link", "img", "iframe")
        assert set(given) <= {"class", "title", "colspan", "lang", "charset", "name", "content"}
        if tag not in self.EMPTY:
            self.open.append((tag, given))
        if tag == "tr":
            self.rows.append([])
        elif tag in ("td", "th"):
            self.rows[-1].append([])
        elif tag in ("dt", "dd"):
            self.terms.append((self.heading, []))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop()[0] == tag

    def handle_data(self, data: str) -> None:
        tags = [tag for tag, _ in self.open]
        kinds = {name: " ".join(given.get(name, "") for _, given in self.open).strip() for name in ("class", "title")}
        if "table" in tags and data.strip():
            self.rows[-1][-1].append((data.strip(), {**kinds, "tag": tags[-1]}))
            self.titles[data.strip()] = kinds["title"]
        elif tags[-1:] == ["h2"]:
            self.heading = data
        elif self.terms and data.strip():
            self.terms[-1][1].append(data.strip())


def in_html(machine: Machine, focus: Focus | None) -> Told:
    """Read a page by the parser of the standard library."""
    page = Page(html(machine, focus))
    told = Told({}, {}, [], {})
    _, heads, *rows, last = page.rows
    told.finals.extend(shown for shown, how in last[1] if "state" in how["class"].split())
    now = [shown for row in [*rows, last] for cell in row for shown, how in cell if "now" in how["class"].split()]
    signals = [shown for cell in heads[1:] for shown, _ in cell]
    for first, *rest in rows:
        states = [shown for shown, how in first if "state" in how["class"].split()]
        for signal, cell in zip(signals, rest, strict=True):
            for state in states:
                if answers := list(_parts(cell)):
                    told.cells[state, signal] = answers
    terms = list(zip(page.terms[::2], page.terms[1::2], strict=True))
    told.sets.update((term[1][0], said[1]) for term, said in terms if term[0] == "What a signal carries one of")
    guards = {term[1][0]: said[1][0] for term, said in terms if term[0] == "Guards"}
    assert set(guards) == set(machine._table.guards)
    told.guards.update((name, said) for name, said in guards.items() if name in Grid(machine).guards)
    return told._replace(now=now[0] if now else None)


def _parts(cell: Sequence[tuple[str, Mapping[str, str]]]) -> Iterator[Answer]:
    found: list[Answer] = []
    for shown, how in cell:
        kinds = how["class"].split()
        if "note" in kinds:
            found[-1] = found[-1]._replace(note=shown)
        elif how["tag"] == "small":
            found[-1] = found[-1]._replace(guard=shown.removeprefix("if "))
        elif "part" in kinds:
            found.append(Answer(shown, lit="lit" in kinds))
    yield from found


# All of them

FORMS: dict[str, Callable[[Machine, Focus | None], Told]] = {
    "markdown": in_markdown,
    "html": in_html,
    "text": lambda machine, focus: in_text(machine, focus, None),
    "text-100": lambda machine, focus: in_text(machine, focus, 100),
    "text-60": lambda machine, focus: in_text(machine, focus, 60),
}


def agrees(told: Told, machine: Machine, focus: Focus | None) -> None:
    """See that what was read is what the table says, and that as much stands out as should."""
    lit = focus.lit if focus else frozenset()
    for state, row in machine.rows.items():
        for signal in machine.signals:
            cell = row.get(signal)
            answers = told.cells.get((state, signal), [])
            if cell is None:
                assert answers == []
            elif cell.carries:
                first, *rest = answers
                assert told.sets[first.target] == list(cell.carries)
                bright = [target for target in cell.carries if (state, signal, target) in lit]
                assert (first.lit and bright) == (bright if first.lit else False)
                assert [one.target for one in rest] == ([] if first.lit else bright)
                assert first.lit <= (bright == list(cell.carries))
            else:
                assert [one[:2] for one in answers] == [(choice.target, choice.guard) for choice in cell.choices]
            for one in answers:
                if one.target in machine.rows:
                    way: Way = (state, signal, one.target)
                    assert one.lit == (way in lit)
                    assert one.note == (focus.notes.get(way, "") if focus and one.lit else "")
    assert told.finals == [state for state in machine.rows if state in machine.final]
    assert told.now == (focus.now if focus else None)
    asked = {choice.guard for row in machine.rows.values() for cell in row.values() for choice in cell.choices}
    assert set(told.guards) == {name for name in asked if name}


def lights(machine: Machine) -> Focus:
    """Return a focus on every third row of a table, and on the last state."""
    lit = ways(machine._table)[::3]
    notes = {way: ("1, 4", "12 times", "1, 2, 3, ...")[place % 3] for place, way in enumerate(lit) if place % 4}
    return Focus(frozenset(lit), notes, list(machine.rows)[-1], "now, sealed", "Every third row.")


@pytest.mark.parametrize("focused", [False, True])
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("machine", NAMED, ids=IDS)
def test_cells_of_named_tables(machine: Machine, form: str, focused: bool) -> None:
    """The cells of a grid are those of the table, and what stands out is what should."""
    focus = lights(machine) if focused else None
    told = FORMS[form](machine, focus)
    agrees(told, machine, focus)
    assert told.guards == {name: machine._table.guards[name].means for name in told.guards}


@pytest.mark.parametrize("form", FORMS)
def test_cells_of_drawn_tables(form: str) -> None:
    """So it is for any table."""
    for place, life in enumerate(drawn()):
        focus = lights(life.machine) if place % 2 else None
        agrees(FORMS[form](life.machine, focus), life.machine, focus)


@pytest.mark.parametrize("form", FORMS)
def test_a_story_stands_out(form: str) -> None:
    """States share no row of whose answers others stand out; a run's state is named, and carried states are too."""
    run = Run(Machine.load("task-run"), {"max_retries": 1})
    for signal in ("START", "FAIL", "START"):
        run.send(signal)
    run.send("ENDRUN", carried="Paused")
    told = FORMS[form](run.machine, _focus.of_run(run))
    agrees(told, run.machine, _focus.of_run(run))
    assert told.now == "Paused"
    assert [told.cells[state, "START"][0].note for state in ("Pending", "Scheduled", "Retrying")] == ["1", "", "3"]
    assert told.cells["Running", "ENDRUN"][1:] == [Answer("Paused", None, True, "4")]


def test_the_signals_of_the_work_stand_out() -> None:
    """In a terminal of 100 columns they are a block of their own; elsewhere they look otherwise than the rest."""
    machine = Machine.load("task-run")
    users = [name for name, signal in machine.signals.items() if signal.raised_by == "user"]
    assert len(users) == 9
    first, second, _ = grid(machine, 100).split("\n\n")
    assert first.startswith("raised by user ---")
    assert second.startswith("raised by engine ---")
    assert first.splitlines()[1].split() == users
    assert "| *SCHEDULE* |" in draw(machine, "markdown")
    page = Page(draw(machine, "html"))
    heads = [(shown, "user" in how["class"].split()) for cell in page.rows[1][1:] for shown, how in cell]
    assert [name for name, stands_out in heads if stands_out] == users


def test_reasons_are_told() -> None:
    """Why a signal is refused stands in every form, in HTML also where the pointer rests."""
    machine = Machine.load("task-run")
    why = "only work that runs can ask for another turn"
    assert why in " ".join(grid(machine, 100).split())
    assert f"- `LOOP` refused in Pending, Scheduled, Retrying, Looped: {why}." in draw(machine, "markdown")
    assert f'<td class="user" title="{why}"><div class="part"><span class="no">refused</span>' in draw(machine, "html")
    page = Page(draw(machine, "html"))
    for shown in ("Paused", "ENDRUN", "if retries_left"):
        assert page.titles[shown]


def test_a_terminal_has_colours() -> None:
    """The names of states have the colours that they have in pictures; what does not stand out is dim."""
    machine = Machine.load("task-run")
    styles = styled(text(machine))
    colours = _colours.colours(machine)
    for state in machine.rows:
        assert {style.split()[-1] for style in styles[state]} == {colours[state].tone}
    assert styles["SUCCESS"] == {"bold"}
    assert "SCHEDULE" not in styles
    styles = styled(text(machine, None, Focus(frozenset({("Pending", "START", "Running")}))))
    assert styles["*Running"] == {f"bold {colours['Running'].tone}"}
    assert styles["Retrying?2"] == styles["x"] == {"dim"}
    assert "dim" in styles["Running"]


def styled(shown: Text) -> dict[str, set[str]]:
    """Return the styles of each piece of a text that has one."""
    found: dict[str, set[str]] = {}
    for span in shown.spans:
        found.setdefault(shown.plain[span.start : span.end], set()).add(str(span.style).strip())
    return found


def luminance(colour: str) -> float:
    """Return how bright a colour is, by the formula of WCAG."""
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("colour", [*_colours.OPEN, *_colours.FINAL])
def test_colours_can_be_read_on_any_ground(colour: _colours.Colour) -> None:
    """A tone can be read on white and on black, a dark one on white and with white on it."""
    assert min(1.05 / (luminance(colour.tone) + 0.05), (luminance(colour.tone) + 0.05) / 0.05) >= 3.5
    assert 1.05 / (luminance(colour.dark) + 0.05) >= 4.5
