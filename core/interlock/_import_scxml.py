"""From SCXML: states, flat and nested, `initial`, `final`, and transitions with an event and a guard's name.

The text is read by expat itself, which tells the line of each element; a document type, and with it every entity of
its own, is refused.
"""

from __future__ import annotations

import re
from pathlib import Path
from xml.parsers import expat

import attrs

from interlock._draft import Asked, Draft, Node, Way
from interlock._errors import listed, shown
from interlock._notation import LARGEST

DEEPEST = 50  # levels of elements
GUARD = re.compile(r"(?P<no>!|not\s+)?\s*(?P<name>[A-Za-z_]\w*)(\(\))?")
FLAG = re.compile(r"(guard_)?(?P<name>[A-Za-z_]\w*)\s*===?\s*(?P<yes>[01])")
"""A datum of 0 or 1 that is asked, as in what `draw` writes, which is no other than a guard's name."""
NOT_HERE = {
    "parallel": "a run is in one state",
    "history": "a state is entered as it is written, whatever was there before",
    "invoke": "a table calls nobody",
    "script": "a table runs no code",
    "send": "a table sends nothing: the event must come from outside",
    "raise": "a table sends nothing: the event must come from outside",
    "cancel": "a table sends nothing that could be taken back",
}
"""Elements without a meaning here, and why."""
DATA = ("datamodel", "data", "assign", "log", "if", "elseif", "else", "foreach", "donedata", "content", "param")
"""Elements that change no state: they are left out, with a note."""
READ = ("scxml", "state", "final", "transition", "initial", "onentry", "onexit")


class Refused(Exception):
    """The text is no XML, or none that is read; the text of the exception says why."""


@attrs.define
class Element:
    """An element with its place."""

    tag: str
    attributes: dict[str, str]
    line: int
    inside: list[Element] = attrs.field(factory=list)

    @property
    def place(self) -> str:
        """Where it stands, and which it is."""
        name = self.attributes.get("id") or self.attributes.get("event")
        return f"line {self.line}, <{self.tag}{f' {name}' if name else ''}>"


def read(source: str | Path) -> Draft:
    """Return what SCXML says, as text or in a file."""
    inline = isinstance(source, str) and "<" in source
    draft = Draft(file="<scxml>" if inline else str(source))
    try:
        data = str(source).encode("utf-8", "surrogatepass") if inline else Path(source).read_bytes()
        root = _parsed(data, inline)
    except (OSError, ValueError) as error:
        draft.refuse("file", getattr(error, "strerror", None) or str(error))
    except Refused as error:
        draft.refuse("file", str(error))
    else:
        _Reader(draft).root(root)
    return draft


def _parsed(data: bytes, inline: bool) -> Element:
    """Return the root of a document.

    Raises:
        Refused: it is too large or too deep, is no XML, or has a document type.
    """
    if len(data) > LARGEST:
        raise Refused(f"is {len(data):,} bytes long; a state chart has at most {LARGEST:,}")
    parser = expat.ParserCreate("utf-8" if inline else None, namespace_separator=" ")
    top = Element("", {}, 0)
    around = [top]

    def start(name: str, attributes: dict[str, str]) -> None:
        if len(around) > DEEPEST:
            raise Refused(f"line {parser.CurrentLineNumber}: is nested more than {DEEPEST} levels deep")
        own = {key.rpartition(" ")[2]: value for key, value in attributes.items()}
        element = Element(name.rpartition(" ")[2], own, parser.CurrentLineNumber)
        around[-1].inside.append(element)
        around.append(element)

    def end(_name: str) -> None:
        around.pop()

    def doctype(*_what: object) -> None:
        raise Refused(f"line {parser.CurrentLineNumber}: has a document type, which may hold entities; drop it")

    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.StartDoctypeDeclHandler = doctype
    try:
        parser.Parse(data, True)
    except expat.ExpatError as error:
        raise Refused(f"is no XML: {error}") from None
    return top.inside[0]


class _Reader:
    """A document that is being read."""

    def __init__(self, draft: Draft) -> None:
        self.draft = draft
        self.events: dict[str, str] = {}

    def root(self, root: Element) -> None:
        """Read all of it."""
        if root.tag != "scxml":
            self.draft.refuse(root.place, "must be <scxml>")
            return
        self.draft.name = root.attributes.get("name") or "imported"
        first = self.level(root, ())
        self.draft.initial = root.attributes.get("initial") or first
        for event, place in self.events.items():
            under = next((other for other in self.events if event.startswith(f"{other}.")), None)
            if under:
                self.draft.refuse(place, f"{under!r} takes {event!r}, too; here a signal has one name")

    def level(self, element: Element, path: tuple[str, ...]) -> str | None:
        """Read the states right inside of an element, and return the first of them."""
        first: str | None = None
        for inner in element.inside:
            if inner.tag in ("state", "final"):
                key = self.state(inner, path)
                first = first or key
            elif inner.tag in NOT_HERE:
                self.draft.refuse(inner.place, f"has no meaning here: {NOT_HERE[inner.tag]}")
            elif inner.tag in DATA:
                self.draft.note(inner.place, "is left out: it changes no state")
            elif inner.tag not in READ:
                self.draft.refuse(inner.place, f"is not known; a state holds {listed(READ[1:])}")
        return first

    def state(self, element: Element, path: tuple[str, ...]) -> str | None:
        """Read a state, and return its name."""
        key = element.attributes.get("id")
        if key is None:
            self.draft.refuse(element.place, "has no id; a state needs a name")
            return None
        here = (*path, key)
        node = self.draft.node(Node(key, here, element.place, final=element.tag == "final"))
        node.means = element.attributes.get("means")
        first = self.level(element, here)
        node.initial = element.attributes.get("initial") or first
        for inner in element.inside:
            if inner.tag == "transition":
                self.transition(node, inner)
            elif inner.tag == "initial":
                node.initial = next((one.attributes.get("target") for one in inner.inside), None)
            elif inner.tag in ("onentry", "onexit"):
                self.called(inner)
        return key

    def called(self, element: Element) -> None:
        """Read what is run on the way: it may change no state."""
        for inner in element.inside:
            if inner.tag in NOT_HERE:
                self.draft.refuse(inner.place, f"has no meaning here: {NOT_HERE[inner.tag]}")
            else:
                self.draft.note(inner.place, "is left out: it changes no state")
            self.called(inner)

    def transition(self, node: Node, element: Element) -> None:
        """Read a transition: one way for each event that it names."""
        self.called(element)
        targets, events = (element.attributes.get(key, "").split() for key in ("target", "event"))
        if not events:
            self.draft.refuse(element.place, "has no event; here nothing happens by itself: give it one, and send that")
        if len(targets) > 1:
            self.draft.refuse(element.place, f"has {len(targets)} targets; a run is in one state")
            return
        cond = element.attributes.get("cond", "").strip()
        asked = _asked(cond)
        if cond and asked is None:
            self.draft.refuse(element.place, f"asks {shown(cond)}; only a guard's name has a meaning, or 'not NAME'")
            return
        guards = () if asked is None else (asked,)
        for event in events:
            name = event.removesuffix(".*").removesuffix(".")
            if name != event or event == "*":
                self.draft.refuse(element.place, f"takes {event!r}; a signal is taken by its name, so name each")
            elif name.startswith(("done.", "error.")):
                self.draft.refuse(element.place, f"takes {event!r}, which the interpreter sends; here nobody does")
            else:
                self.events.setdefault(name, element.place)
                node.ways.append(Way(name, targets[0] if targets else None, guards, element.place))


def _asked(cond: str) -> Asked | None:
    """Return the guard that a condition asks; None where it asks no more and no less than one."""
    if (flag := FLAG.fullmatch(cond)) is not None:
        return Asked(flag["name"], flag["yes"] == "1")
    found = GUARD.fullmatch(cond)
    return None if found is None or cond == "not" else Asked(found["name"], not found["no"])
