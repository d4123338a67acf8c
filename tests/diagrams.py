"""What the tests of the diagrams share: what a parser found in one, and that its table says the same."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple
from xml.etree import ElementTree

import attrs
from exported import Edge, edges

from interlock import Machine
from interlock._draw import Way
from interlock._focus import Focus

NAME = r"[^\s,()\[\]*]+"
SAID = rf"(?:\*\*)?{NAME}(?: \([^()]*\))?(?:\*\*)?"
LINE = re.compile(rf"({SAID}(?:, {SAID})*)(?: \[({NAME})\])?(?: (→|carries) ({NAME}))?")
UML = "{href://org.omg/UML/1.3}"


class Said(NamedTuple):
    """A signal as it stands in a diagram."""

    signal: str
    note: str
    bold: bool


class Line(NamedTuple):
    """A line of a card or at an arrow: signals, a guard, and where they lead."""

    signals: list[Said]
    guard: str | None
    target: str | None
    carried: bool


class Link(NamedTuple):
    """An arrow: the ids of its ends, its text with marks where it is bold, and how it is drawn."""

    start: str
    end: str
    text: str
    stroke: str


@attrs.frozen
class Diagram:
    """What a parser found in a diagram. Texts have marks where they are bold: two asterisks."""

    cards: Mapping[str, list[str]]
    """By id, the states of each card."""
    rows: Mapping[str, str]
    """By id, what stands in each card below its states."""
    finals: Mapping[str, str]
    """By id, each final state."""
    frames: Mapping[str, tuple[str, list[str]]]
    """By id, the name of each frame and the ids of what stands in it."""
    links: list[Link]
    """Those that are seen; the first leads from "begin"."""
    note: str

    def lines(self) -> Iterator[tuple[str, Line]]:
        """Yield each line with the id of the card that it is of."""
        for card, states in self.cards.items():
            for line in read(self.rows[card]):
                assert line.target in states or line.target in self.finals.values()
                yield card, line
        for link in self.links[1:]:
            for line in read(link.text):
                end = self.cards[link.end]
                assert line.carried or (line.target in end if len(end) > 1 else line.target is None)
                yield link.start, line._replace(target=line.target or end[0])

    def edges(self) -> list[Edge]:
        """Return all edges, those of carried states from the note."""
        found = [
            (state, signal, line.guard, str(line.target))
            for card, line in self.lines()
            for state in self.cards[card]
            for signal, _, _ in line.signals
            if not line.carried
        ]
        return [*found, *self.carried()]

    def carried(self) -> Iterator[Edge]:
        """Yield the edges of the note, which says of most final states which are missing."""
        for signal, sentence in re.findall(r"\*\*(\S+)\*\* from (.*?)(?=$| \*\*)", spaced(self.note)):
            states, _, told = sentence.partition(" carries ")
            told, most, missing = told.partition("any final")
            targets = list(filter(None, told.split(", ")))
            if most:
                but = missing.removeprefix(" but ").split(", ")
                targets += [name for name in self.finals.values() if name not in but]
            for state in states.split(", "):
                yield from ((state, signal, None, target) for target in targets)

    def ends(self) -> list[tuple[Link, list[str]]]:
        """Return the links to final states, each with the states that it may mean."""
        return [(link, self.within(link.end)) for link in self.links if link.end not in self.cards]

    def within(self, end: str) -> list[str]:
        """Return the states of a card, of a frame with all that is in it, or a final one."""
        if end in self.frames:
            return [state for inner in self.frames[end][1] for state in self.within(inner)]
        return self.cards.get(end) or [self.finals[end]]

    def lit(self) -> dict[Way, str]:
        """Return the rows that stand out, with what is noted of them."""
        return {
            (state, said.signal, str(line.target)): note
            for card, line in self.lines()
            for said in line.signals
            if said.bold
            for state, note in noted(self.cards[card], said.note).items()
        }


def spaced(text: str) -> str:
    """Return a text on one line, with spaces where it may be broken or not."""
    return text.replace("\n", " ").replace("\N{NO-BREAK SPACE}", " ")


def read(text: str) -> Iterator[Line]:
    """Yield the lines of a text, those that are broken put together."""
    found = list(LINE.finditer(spaced(text)))
    assert " ".join(each[0] for each in found) == spaced(text)
    for each in found:
        said = [said.partition(" (") for said in re.findall(SAID, each[1])]
        signals = [Said(name.strip("*"), note.strip("*)"), name.startswith("**")) for name, _, note in said]
        yield Line(signals, each[2], each[4], each[3] == "carries")


def noted(states: list[str], note: str) -> dict[str, str]:
    """Return the states of a card that a note is of, with what it says; one that names none is of all."""
    parts = [part.partition(" ") for part in note.split("; ")]
    if note and all(name in states for name, _, _ in parts):
        return {name: told for name, _, told in parts}
    return dict.fromkeys(states, note)


def named(head: str) -> str:
    """Return the state of a card's head, which may say that a run is there."""
    return spaced(head).replace("**", "").partition(" \N{NON-BREAKING HYPHEN} ")[0]


# From the parsers


def of_mermaid(found: Mapping[str, Any]) -> Diagram:
    """Return what `mermaid.mjs` told. Any: JSON."""
    assert "error" not in found, found
    assert found["type"] == "flowchart-v2"
    nodes = {node["id"]: node for node in found["nodes"] if node["id"] not in ("begin", "note")}
    heads = {name: node["text"].partition("\n\n")[0].split("\n") for name, node in nodes.items()}
    links = [Link(link["start"], link["end"], link["text"], link["stroke"]) for link in found["links"]]
    return Diagram(
        {name: list(map(named, heads[name])) for name, node in nodes.items() if node["shape"] != "stadium"},
        {name: node["text"].partition("\n\n")[2] for name, node in nodes.items()},
        {name: named(*heads[name]) for name, node in nodes.items() if node["shape"] == "stadium"},
        {frame["id"]: (spaced(frame["text"]), frame["nodes"]) for frame in found["frames"]},
        [link for link in links if link.stroke != "invisible"],
        "".join(node["text"] for node in found["nodes"] if node["id"] == "note"),
    )


def of_plantuml(text: str, xmi: ElementTree.Element, svg: str) -> Diagram:
    """Return what PlantUML found in a text, by its states in XMI and its arrows in SVG; only ids are ours."""
    ids: dict[str, str] = dict(re.findall(r'^ *state "(.*?)" as (\w+) \[', text, re.MULTILINE))
    families: dict[str, str] = dict(re.findall(r'^ *state "(.*?)" as (\w+) \{', text, re.MULTILINE))
    rows: dict[str, str] = {}
    frames: dict[str, tuple[str, list[str]]] = {}

    def met(state: ElementTree.Element) -> str:
        inner = [met(each) for each in state.findall(f"{UML}State")]
        name = state.attrib["name"]
        if inner:
            frames[families[name]] = (name, inner)
            return families[name]
        rows[ids[name]] = marked("\n".join(each.attrib["name"] for each in state.iter(f"{UML}Attribute")))
        return ids[name]

    (owned,) = xmi.iter(f"{UML}Namespace.ownedElement")
    for state in owned.findall(f"{UML}State"):
        if not state.attrib["name"].startswith("*"):
            met(state)
    links = sorted(in_svg(svg), key=lambda link: link.start != "begin")
    over = [state for link in links if link.end == "*end" for state in inside(link.start, frames)]
    heads = {key: re.sub("</?b>| - now(, sealed)?", "", name).split(", ") for name, key in ids.items()}
    return Diagram(
        {key: names for key, names in heads.items() if key not in over},
        rows,
        {key: names[0] for key, names in heads.items() if key in over},
        frames,
        [link for link in links if link.end != "*end"],
        marked("".join(re.findall("(?s)^legend left\n(.*)\nendlegend$", text, re.MULTILINE))),
    )


def inside(place: str, frames: Mapping[str, tuple[str, list[str]]]) -> list[str]:
    """Return the ids of the states in a frame, or that of a state."""
    return [key for inner in frames[place][1] for key in inside(inner, frames)] if place in frames else [place]


def marked(text: str) -> str:
    """Return a text of PlantUML with marks where it is bold."""
    return re.sub("</?b>", "**", text)


def in_svg(svg: str) -> Iterator[Link]:
    """Yield the arrows of a picture of PlantUML that are seen, with the lines of their texts."""
    for back, one, other, drawn in re.findall(r"\n(reverse )?link (\S+) to (\S+?)-->(<path.*?)<!--", svg, re.DOTALL):
        lines: dict[str, list[str]] = {}
        for attributes, text in re.findall(r"<text ([^>]*)>([^<]*)", drawn):
            bold = "**" if 'font-weight="bold"' in attributes else ""
            (height,) = re.findall(r' y="([\d.]+)"', attributes)
            lines.setdefault(height, []).append(f"{bold}{text.strip()}{bold}")
        told = "\n".join(" ".join(words) for words in lines.values()).replace(" ,", ",")
        stroke = "dotted" if "stroke-dasharray" in drawn else "thick" if "stroke-width: 3" in drawn else "normal"
        start, end = (other, one) if back else (one, other)
        yield Link(start.replace("*start", "begin"), end, told, stroke)


# What must hold


def holds(found: Diagram, machine: Machine) -> None:
    """See that a diagram says what its table says."""
    assert sorted(found.edges(), key=repr) == sorted(edges(machine), key=repr)
    assert set(found.finals.values()) == machine.final
    assert sorted(state for states in found.cards.values() for state in states) == sorted(
        set(machine.rows) - machine.final
    )
    begins(found, machine)
    ends(found)
    framed(found, machine)


def begins(found: Diagram, machine: Machine) -> None:
    """See that one arrow leads to where a run begins; where that is one of several states, it says which."""
    state = machine._table.initial
    (card,) = [card for card, states in found.cards.items() if state in states]
    (link,) = [link for link in found.links if link.start == "begin"]
    assert (link.end, spaced(link.text)) == (card, f"→ {state}" if len(found.cards[card]) > 1 else "")


def ends(found: Diagram) -> None:
    """See that a card is linked to what ends it, and to nothing else that is final."""
    told = {(card, str(line.target)) for card, line in found.lines() if line.target in found.finals.values()}
    assert told <= {(link.start, state) for link, states in found.ends() for state in states}
    for link, states in found.ends():
        assert any((link.start, state) in told for state in states)


def framed(found: Diagram, machine: Machine) -> None:
    """See that a frame is a family: all of it but cards that other families share; its own state is in none within."""
    for family, inner in found.frames.values():
        members = {name for name in machine._table.family(family) if name in machine.rows}
        shared = {name for card in found.cards.values() if not set(card) <= members for name in card}
        states = [state for each in inner for state in found.within(each)]
        assert sorted(states) == sorted(members - shared)
        if family in members - shared:
            assert any(family in found.within(each) for each in inner if each not in found.frames)


def stands_out(found: Diagram, machine: Machine, focus: Focus) -> None:
    """See that what stands out does, and nothing else, and that every edge is still there."""
    assert set(found.edges()) == set(edges(machine))
    assert found.lit() == {way: focus.notes.get(way, "") for way in focus.lit}
    lit = {(card, after) for card, states in found.cards.items() for before, _, after in focus.lit if before in states}
    for link in found.links[1:]:
        thick = any((link.start, state) in lit for state in found.within(link.end))
        assert link.stroke == ("thick" if thick else "dotted")


MEANS = """of <b>all</b> & "nothing"\n\x00\x1b[31m \\n *) --> x #35; %%{init: {}}%% `a` ]|"; $$x$$ {%date()}
direction LR fa:fa-x"""


def row_of(names: Sequence[str], means: str) -> Machine:
    """Return a machine that goes through these states, each by a signal and a guard of the same name."""
    *live, good, bad = names
    said, after = {"means": means}, [*live[1:], bad]
    return Machine.from_mapping(
        {
            "lifecycle": means,
            "initial": live[0],
            "states": {
                **dict.fromkeys(live, said),
                bad: {**said, "final": True},
                good: {**said, "is": bad} if len(live) > 2 else {**said, "final": True},
            },
            "signals": {**dict.fromkeys(after, said), "HALT": {**said, "seals": True}},
            "guards": {name: {**said, "when": "?", "default": True} for name in after},
            "from": {
                state: {name: [f"{name} if {name}", good], "HALT": {"carries": [state, good]}}
                for state, name in zip(live, after, strict=True)
            },
        }
    )
