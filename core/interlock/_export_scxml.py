"""A table as SCXML: states, transitions in the order in which they are asked, and a datamodel of counts and limits.

Data have prefixes, so that none is a word of the reader's: `entered_Retrying`, `taken_RETRY`, `limit_max_retries`,
`guard_retryable`, which is 1 or 0 and for the host to set, and `sealed`. An event that a state refuses is dropped, as
SCXML has it. What SCXML has no word for stands in attributes of a namespace of its own.
"""

from __future__ import annotations

from xml.etree import ElementTree

from interlock import _ecmascript
from interlock._flat import Flat, Way, number, prose, slug
from interlock._guards import Count, Limit, Opaque

SCXML = "http://www.w3.org/2005/07/scxml"
OWN = "urn:interlock"


def scxml(flat: Flat) -> str:
    """Return the document."""
    root = ElementTree.Element(
        "scxml",
        {
            "xmlns": SCXML,
            "xmlns:interlock": OWN,
            "version": "1.0",
            "name": slug(flat.name),
            "datamodel": "ecmascript",
            "initial": flat.table.initial,
            "interlock:spec": flat.machine.hash,
        },
    )
    _datamodel(flat, root)
    tests = {name: _ecmascript.expression(test, _named) for name, test in flat.asked().items()}
    for state in flat.states:
        _state(flat, state, tests, root)
    ElementTree.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ElementTree.tostring(root, encoding="unicode")


def _datamodel(flat: Flat, root: ElementTree.Element) -> None:
    data = {_named(count): "0" for count in flat.counts}
    data |= {_named(Limit(name)): number(value) for name, value in flat.finite().items()}
    data |= {_named(Opaque(name)): str(int(default)) for name, default in flat.opaque.items()}
    if flat.sealable:
        data["sealed"] = "0"
    if data:
        model = ElementTree.SubElement(root, "datamodel")
        for name, value in data.items():
            ElementTree.SubElement(model, "data", {"id": name, "expr": value})


def _state(flat: Flat, state: str, tests: dict[str, str], root: ElementTree.Element) -> None:
    kind = "final" if state in flat.machine.final else "state"
    means = prose(flat.table.states[state].means)
    element = ElementTree.SubElement(root, kind, {"id": state, "interlock:means": means})
    row = flat.row(state)
    if state in flat.sealable:  # without a target: nothing happens
        ElementTree.SubElement(element, "transition", {"event": " ".join(row), "cond": "sealed == 1"})
    for ways in row.values():
        for way in ways:
            _way(way, tests, element, seals=way.target in flat.sealable and way.seals)


def _way(way: Way, tests: dict[str, str], state: ElementTree.Element, seals: bool) -> None:
    attributes = {"event": way.event, "target": way.target}
    if way.guard:
        attributes |= {"cond": tests[way.guard], "interlock:guard": way.guard}
    element = ElementTree.SubElement(state, "transition", attributes)
    for count in way.counts:
        name = _named(count)
        ElementTree.SubElement(element, "assign", {"location": name, "expr": f"{name} + 1"})
    if seals:
        ElementTree.SubElement(element, "assign", {"location": "sealed", "expr": "1"})


def _named(leaf: Count | Limit | Opaque) -> str:
    match leaf:
        case Count():
            return f"{leaf.kind}_{leaf.name}"
        case Limit():
            return f"limit_{leaf.name}"
        case Opaque():
            return f"guard_{leaf.name}"
