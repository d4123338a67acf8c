"""What a life cycle can be drawn as: in every format its edges are those of the table, and mistakes are told."""

from __future__ import annotations

import json
import math
import os
import re
import shutil
from collections.abc import Callable, Iterator
from functools import cache
from importlib.resources import files
from typing import Any
from xml.etree import ElementTree

import pytest
from exported import IDS, NAMED, Edge, agreed, drawn, missing, needed, signal_of
from transitions.extensions.markup import MarkupMachine

import interlock
from interlock import InterlockError, Machine, SpecError, _exports

SCXML = "{http://www.w3.org/2005/07/scxml}"
OWN = "{urn:interlock}"


# The edges, read again


def in_json(machine: Machine) -> Iterator[Edge]:
    for row in json.loads(interlock.draw(machine, "json"))["rows"]:
        for choice in row["choices"]:
            if choice["target"] != "refused":
                yield row["state"], row["signal"], choice["guard"], choice["target"]
        yield from ((row["state"], row["signal"], None, target) for target in row["carries"])


def in_xstate(machine: Machine) -> Iterator[Edge]:
    for state, entry in json.loads(interlock.draw(machine, "xstate"))["states"].items():
        assert (entry.get("type") == "final") == (state in machine.final)
        for event, ways in entry.get("on", {}).items():
            for way in ways:
                if "target" in way:
                    yield state, signal_of(machine, event, way["target"]), way.get("guard"), way["target"]


def in_scxml(machine: Machine) -> Iterator[Edge]:
    root = ElementTree.fromstring(interlock.draw(machine, "scxml"))
    assert {element.get("id") for element in root.iter(f"{SCXML}final")} == machine.final
    for state in root.iter(f"{SCXML}state"):
        for way in state.iter(f"{SCXML}transition"):
            target = way.get("target")
            if target is not None:
                guard = way.get(f"{OWN}guard")
                assert (guard is None) == (way.get("cond") is None)
                yield state.attrib["id"], signal_of(machine, way.attrib["event"], target), guard, target


def in_transitions(machine: Machine) -> Iterator[Edge]:
    built = MarkupMachine(markup=json.loads(interlock.draw(machine, "transitions")))
    assert {name for name, state in built.states.items() if state.final} == machine.final
    for way in built.markup["transitions"]:
        (guard,) = way.get("conditions", [None])
        yield way["source"], signal_of(machine, way["trigger"], way["dest"]), guard, way["dest"]


READERS: dict[str, Callable[[Machine], Iterator[Edge]]] = {
    "json": in_json,
    "xstate": in_xstate,
    "scxml": in_scxml,
    "transitions": in_transitions,
}


@pytest.mark.parametrize("form", READERS)
@pytest.mark.parametrize("machine", NAMED, ids=IDS)
def test_edges_of_named_tables(machine: Machine, form: str) -> None:
    """The edges of an export are those of the table, in the order in which they are asked."""
    agreed(list(READERS[form](machine)), machine)


@pytest.mark.parametrize("form", READERS)
def test_edges_of_drawn_tables(form: str) -> None:
    """So it is for any table."""
    for life in drawn():
        agreed(list(READERS[form](life.machine)), life.machine)


# JSON


@cache
def validator() -> Any:  # Any: jsonschema tells type checkers nothing
    """Return what holds JSON against the schema."""
    try:
        from jsonschema import Draft202012Validator
    except ImportError:
        missing("jsonschema is not installed: pip install 'interlock[test]'")
    schema = json.loads(files("interlock").joinpath("lifecycle.schema.json").read_text(encoding="utf-8"))
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema)


def valid(data: object) -> None:
    """Hold JSON against the schema."""
    validator().validate(data)


def told(machine: Machine) -> tuple[object, ...]:
    """Return all that a machine says of itself."""
    table = machine._table
    return (
        table.name,
        table.initial,
        table.attempt,
        machine.states,
        machine.signals,
        machine.rows,
        table.guards,
        (
            table.limits,
            table.groups,
            machine.hash,
        ),
    )


@pytest.mark.parametrize("machine", NAMED, ids=IDS)
def test_json_of_named_tables(machine: Machine) -> None:
    """The JSON keeps the schema, says all that the table says, and makes the same machine again."""
    text = interlock.draw(machine, "json")
    data = json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))
    valid(data)
    assert told(Machine.from_json(text)) == told(machine)
    assert [state["name"] for state in data["states"]] == list(machine.states)
    assert [(signal["name"], signal["means"]) for signal in data["signals"]] == [
        (name, signal.means) for name, signal in machine.signals.items()
    ]
    assert {one["name"]: math.inf if one["default"] == "inf" else one["default"] for one in data["limits"]} == dict(
        machine.limits
    )
    reasons = {(row["state"], row["signal"]): row["because"] for row in data["rows"]}
    assert reasons == {pair: cell.because for pair, cell in machine._table.cells.items()}
    assert data["hash"] == machine.hash


def test_json_of_drawn_tables() -> None:
    """So it is for any table."""
    for life in drawn()[:50]:
        text = interlock.draw(life.machine, "json")
        valid(json.loads(text))
        assert told(Machine.from_json(text)) == told(life.machine)


def test_guards_are_trees_in_json() -> None:
    """A guard is told as it is written and as a tree, with the guards that it asks put in."""
    guards = {guard["name"]: guard for guard in json.loads(interlock.draw(NAMED[0], "json"))["guards"]}
    assert guards["retries_left"]["when"] == "entered(Retrying) - taken(RETRY) < max_retries and retryable"
    assert guards["retries_left"]["test"] == {
        "and": [
            {"<": [{"-": [{"entered": "Retrying"}, {"taken": "RETRY"}]}, {"limit": "max_retries"}]},
            {"ask": "retryable"},
        ]
    }
    assert (guards["retryable"]["default"], "default" in guards["retries_left"]) == (True, False)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "<json>: is not JSON: "),
        ("[" * 100_000, "<json>: is not JSON"),
        ("[]", "<json>: is no life cycle in JSON of the form 1; interlock draw --as json writes one"),
        ('{"form": 2, "source": {}}', "is no life cycle in JSON of the form 1"),
        ('{"form": 1, "source": {"limits": 3}}', "limits: is 3; it must be a section [limits]"),
        ('{"form": 1, "source": {"limits": {"a": 3}}}', "limits.a: is 3; it must be a table"),
    ],
)
def test_what_is_no_life_cycle_in_json(text: str, said: str) -> None:
    """A text that nobody drew is refused with what is wrong with it."""
    with pytest.raises(SpecError) as caught:
        Machine.from_json(text)
    assert said in str(caught.value)


def test_the_schema_says_no() -> None:
    """The schema is no net without meshes: what is missing, unknown or of another kind is found."""
    data = json.loads(interlock.draw(NAMED[0], "json"))
    guards, rows = data["guards"], data["rows"]
    for wrong in (
        {**data, "form": 2},
        {**data, "more": 1},
        {key: value for key, value in data.items() if key != "rows"},
        {**data, "guards": [{**guards[0], "test": {"xor": []}}]},
        {**data, "rows": [{**rows[0], "choices": ["Running"]}]},
        {**data, "limits": [{"name": "a", "means": "b", "default": "infinity"}]},
    ):
        assert not validator().is_valid(wrong)


# What the exports keep beside the edges

MEANS = 'of <b>all</b> & "nothing"\n\x00\x1b[31m \\n *) --> x'


def strange() -> Machine:
    """Return a table whose prose is no prose, and whose names are those of others."""
    return Machine.from_mapping(
        {
            "lifecycle": 'a "b"\n<c> -- *)',
            "initial": "state",
            "states": {
                "state": {"means": MEANS},
                "note": {"means": MEANS},
                "Größe": {"means": MEANS, "final": True},
            },
            "signals": {
                "HALT_note": {"means": MEANS},
                "HALT": {"means": MEANS, "seals": True},
                "end": {"means": MEANS},
            },
            "guards": {"sealed": {"means": MEANS, "when": "?", "default": True}},
            "from": {
                "state": {"HALT_note": ["note if sealed", "refused"], "HALT": {"carries": ["note"]}},
                "note": {"end": "Größe"},
            },
        }
    )


def test_a_signal_is_no_event_of_a_carried_state() -> None:
    """Where a signal is called like the event of a carried state, the event is called otherwise."""
    on = json.loads(interlock.draw(strange(), "xstate"))["states"]["state"]["on"]
    assert on["HALT_note"] == [{"target": "note", "guard": "sealed"}]
    assert on["HALT_note_"] == [{"target": "note", "actions": [{"type": "seal"}]}]


def test_a_guard_is_not_what_says_that_the_run_is_sealed() -> None:
    """A guard that is called `sealed` is kept apart from the one that an export adds."""
    config = json.loads(interlock.draw(strange(), "xstate"))
    assert config["states"]["note"]["on"]["end"] == [{"guard": "sealed_"}, {"target": "Größe"}]
    assert config["meta"]["guards"]["sealed"]["expression"] == 'context.answers["sealed"] == 1'
    assert config["meta"]["guards"]["sealed_"]["expression"] == "context.sealed"
    ways = json.loads(interlock.draw(strange(), "transitions"))["transitions"]
    assert ways[0]["conditions"] == ["sealed_"]
    assert ways[-1]["unless"] == ["sealed"]


@pytest.mark.parametrize("form", [name for name in _exports.FORMATS if name != "png"])
def test_every_format_takes_any_prose(form: str) -> None:
    """Names of others and prose of any kind stand in no format's way, and no control character gets through."""
    if form == "svg":
        needed("dot", "it draws")
    drawn = interlock.draw(strange(), form)
    assert isinstance(drawn, str)
    assert form == "dot" or not re.search("[\x00-\x08\x0b-\x1f]", drawn)
    if form == "scxml":
        means = ElementTree.fromstring(drawn).find(f"{SCXML}state")
        assert means is not None
        assert means.attrib[f"{OWN}means"] == 'of <b>all</b> & "nothing" [31m \\n *) --> x'


def test_limits_are_numbers() -> None:
    """Limits have their defaults or what is given; an infinite one decides its guards."""
    machine = Machine.load("task-run")
    config = json.loads(interlock.draw(machine, "xstate", limits={"max_retries": 3}))
    assert config["context"]["limits"] == {"max_retries": 3, "retry_limit": 1000, "caching": 0}
    assert config["meta"]["guards"]["turns_left"]["expression"] == "true"
    text = interlock.draw(machine, "scxml", limits={"max_turns": 2})
    assert '<data id="limit_max_turns" expr="2" />' in text
    assert "\nmax_turns == 2\n" in interlock.draw(machine, "tla", limits={"max_turns": 2})
    assert "\nturns_left(n, ask) == TRUE\n" in interlock.draw(machine, "tla")


# Pictures, and mistakes


@pytest.mark.skipif(not shutil.which("dot") and not os.environ.get("CI"), reason="the program dot is not installed")
def test_pictures() -> None:
    """A PNG is bytes, an SVG is text."""
    assert interlock.draw(Machine.load("flow-run"), "png").startswith(b"\x89PNG\r\n")
    assert "</svg>" in interlock.draw(Machine.load("flow-run"), "svg")


def test_without_graphviz(monkeypatch: pytest.MonkeyPatch) -> None:
    """A picture that cannot be drawn says what is missing, and that text needs nothing."""
    monkeypatch.setenv("PATH", "")
    with pytest.raises(
        InterlockError, match=r"png needs the program dot of graphviz, which is not on the PATH; the fo"
    ):
        interlock.draw(Machine.load("flow-run"), "png")
    assert interlock.draw(Machine.load("flow-run"), "dot").startswith("digraph")


def test_a_table_that_is_too_large_for_a_picture() -> None:
    """A picture that would take minutes is not begun."""
    needed("dot", "it draws")
    states = {f"S{number}": {"means": "one of many"} for number in range(300)}
    machine = Machine.from_mapping(
        {
            "lifecycle": "long",
            "initial": "S0",
            "states": {**states, "Z": {"means": "the end", "final": True}},
            "signals": {"GO": {"means": "on"}},
            "from": {f"S{n}": {"GO": f"S{n + 1}" if n < 299 else "Z"} for n in range(300)},
        }
    )
    with pytest.raises(InterlockError, match="svg: graphviz could not draw long, or not in time; try the format dot"):
        interlock.draw(machine, "svg")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"format": "mermade"}, "draw: 'mermade' is no format. Did you mean 'mermaid'? There are: mermaid, dot, "),
        ({"format": 3}, "draw: 3 is no format."),
        ({"format": "mermaid", "limits": {"max_retries": 1}}, "draw: mermaid has limits by name only; numbers are for"),
        ({"format": "tla", "limits": {"max_retry": 1}}, "unknown limit 'max_retry'. Did you mean 'max_retries'?"),
        ({"format": "tla", "limits": {"max_retries": -1}}, "limit 'max_retries' is -1; it must be a number from 0 on"),
        ({"machine": "task-run"}, "draw: 'task-run' is no Machine and no Flow; Machine.load(...) makes one"),
    ],
)
def test_mistakes(arguments: dict[str, Any], said: str) -> None:  # Any: some are wrong on purpose
    """What cannot be drawn is told with what could be."""
    wrong: dict[str, Any] = {"machine": Machine.load("task-run"), **arguments}
    with pytest.raises(ValueError, match=re.escape(said)):
        interlock.draw(**wrong)
