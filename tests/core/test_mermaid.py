"""The diagrams of Mermaid, read by mermaid's own parser: their edges are the table's, their frames its families."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import hypothesis.strategies as st
import pytest
from diagrams import MEANS, Diagram, holds, of_mermaid, row_of, spaced, stands_out
from exported import IDS, NAMED, QUIET, Program, drawn, edges
from hypothesis import given, settings

import interlock
from interlock import Machine, Run
from interlock._draw import ways
from interlock._flat import prose
from interlock._focus import Focus, of
from interlock._mermaid import mermaid
from interlock.testing import Covered


@pytest.fixture(scope="module")
def parser() -> Iterator[Program]:
    program = Program("mermaid.mjs", "mermaid")
    yield program
    program.close()


def told(parser: Program, machine: Machine, focus: Focus | None = None) -> dict[str, Any]:
    """Return what the parser found. Any: JSON."""
    found: dict[str, Any] = parser.told(mermaid(machine, focus))
    return found


def diagram(parser: Program, machine: Machine, focus: Focus | None = None) -> Diagram:
    return of_mermaid(told(parser, machine, focus))


def of_nodes(found: dict[str, Any], key: str) -> dict[str, Any]:
    """Return by id what is told of the nodes. Any: JSON."""
    return {node["id"]: node[key] for node in found["nodes"]}


def test_mistakes_are_found(parser: Program) -> None:
    """The parser says no to what is no diagram."""
    assert "Parse error on line 2" in parser.told("flowchart TB\n  a ->> b")["error"]


@pytest.mark.parametrize("machine", NAMED, ids=IDS)
def test_named_tables(machine: Machine, parser: Program) -> None:
    """Mermaid reads every edge of the table and no other, its families, and where it begins and ends."""
    assert interlock.draw(machine, "mermaid") == mermaid(machine)
    found = diagram(parser, machine)
    holds(found, machine)
    for family, inner in found.frames.values():
        states = [state for each in inner for state in found.within(each)]
        assert family not in states or family in found.within(inner[0])


def test_drawn_tables(parser: Program) -> None:
    """So it is for any table."""
    for life in drawn():
        holds(diagram(parser, life.machine), life.machine)


def test_few_arrows(parser: Program) -> None:
    """A task run has over a hundred edges, and an arrow for each pair of cards, and from each to the end."""
    found = diagram(parser, NAMED[0])
    assert sorted(map(len, found.cards.values())) == [1, 1, 1, 1, 1, 3]
    assert len(found.links) == 1 + 6 + 12
    assert len(edges(NAMED[0])) > 100


def test_signals_of_user_code_are_bold(parser: Program) -> None:
    """They stand out wherever they are sent, and no other signal does; what carries a state is told below."""
    machine = NAMED[0]
    found = diagram(parser, machine)
    users = {name for name, signal in machine.signals.items() if signal.raised_by == "user"}
    assert len(users) == 9
    assert {(state, signal) for state, signal, _ in found.lit()} == {
        (state, signal) for state, signal, _, _ in edges(machine) if signal in users - {"ENDRUN"}
    }
    assert spaced(found.note).startswith("Signals in **bold** are raised by user code. **ENDRUN** from Pending, ")
    assert "bold" not in diagram(parser, NAMED[3]).note


def test_meanings_are_told_of_what_is_pointed_at(parser: Program) -> None:
    """They are tooltips, those of a card with the names of its states."""
    found = of_nodes(told(parser, NAMED[1]), "means")
    means = {name: state.means for name, state in NAMED[1].states.items()}
    assert found["Cancelling"] == means["Cancelling"]
    assert found["Pending"] == f"Pending: {means['Pending']}; Scheduled: {means['Scheduled']}"


def test_families_have_colours(parser: Program) -> None:
    """States of one family look alike, those of different families do not; text has the colour of the page."""
    found = told(parser, NAMED[0])
    looks = of_nodes(found, "styles")
    families = [("Pending", "Paused"), ("Running", "Mapping", "Cancelling"), ("Looped",), ("Success", "Mapped")]
    families += [("Failed", "TimedOut"), ("Cancelled",)]
    assert len({str(looks[state]) for family in families for state in family}) == len(families)
    assert all(len({str(looks[state]) for state in family}) == 1 for family in families)
    assert not any(style.startswith("color:") for look in looks.values() for style in look)
    assert {frame["direction"] for frame in found["frames"] if "nish" in frame["text"]} == {"TB"}


# What stands out


def test_rows_that_stand_out(parser: Program) -> None:
    """What is asked for is bold with thick arrows, all else is dashed and faint; every edge is still there."""
    machine = NAMED[0]
    focus = of(machine, from_="Running", only=["SUCCESS", "FAIL", "ENDRUN"])
    assert focus is not None
    found = told(parser, machine, focus)
    stands_out(of_mermaid(found), machine, focus)
    faint = {name for name, look in of_nodes(found, "styles").items() if "stroke-dasharray:4 4" in look}
    assert faint == {"Mapping", "Cancelling", "Looped", "Mapped"}


def test_a_story_stands_out(parser: Program) -> None:
    """The steps of a run have their numbers, and where it is has its name in white; the note says so."""
    machine = NAMED[0]
    run = Run(machine, limits={"max_retries": 1})
    for signal, carried in (("START", None), ("FAIL", None), ("START", None), ("ENDRUN", "Paused")):
        run.send(signal, carried=carried)
    focus = of(machine, story=run)
    assert focus is not None
    nodes = told(parser, machine, focus)
    found = of_mermaid(nodes)
    stands_out(found, machine, focus)
    texts = [spaced(link.text) for link in found.links if link.stroke == "thick"]
    assert "**START (Pending 1; Retrying 3)**" in texts
    assert "PAUSE **ENDRUN (4)** carries Paused" in texts
    assert spaced(of_nodes(nodes, "text")["Paused"]).startswith("**Paused \N{NON-BREAKING HYPHEN} now, sealed** ")
    assert "color:#ffffff" in of_nodes(nodes, "styles")["Paused"]
    assert spaced(found.note).startswith(f"{focus.told} ")


def test_anything_stands_out(parser: Program) -> None:
    """So it is for any rows of any table, with notes and without."""

    @settings(QUIET, max_examples=60)
    @given(data=st.data())
    def check(data: st.DataObject) -> None:
        machine = data.draw(st.sampled_from([*NAMED, *(life.machine for life in drawn()[:40])]))
        lit = data.draw(st.sets(st.sampled_from(ways(machine._table))))
        noted = data.draw(st.booleans())
        kinds = st.sampled_from(["1", "2, 4, 6, ...", "12,000 times"])
        focus = Focus(frozenset(lit), {way: data.draw(kinds) for way in sorted(lit) if noted})
        stands_out(diagram(parser, machine, focus), machine, focus)

    check()


def test_coverage_stands_out(parser: Program) -> None:
    """A recording is drawn with how often each row was taken, and how many were."""
    machine = NAMED[3]
    taken = dict.fromkeys(ways(machine._table), 0) | {("Packed", "SEND", "Moving"): 12, ("Held", "STOP", "Lost"): 1}
    covered = Covered(machine, taken)
    focus = of(machine, coverage=covered)
    assert focus is not None
    assert covered.mermaid() == mermaid(machine, focus)
    found = diagram(parser, machine, focus)
    stands_out(found, machine, focus)
    assert spaced(found.note).startswith("parcel: 2 of 18 rows were taken (11 %); these stand out. ")


# Names and prose that may mean something else

WORDS = """
state note class end default direction style click subgraph graph flowchart TB LR begin o x v call href linkStyle
classDef interpolate Paused family_Paused state0 state1 __proto__ constructor hasOwnProperty Größe ﬂ ª 状态 _ a_b_
End Note Default Style Class Graph Subgraph Direction Click TD BT RL O X V Begin Object
"""


def test_words_of_mermaid_are_names(parser: Program) -> None:
    """States, signals and guards may be called as mermaid calls things of its own, and prose may say anything."""
    names = WORDS.split()
    for place in range(0, len(names), 6):
        machine = row_of(names[place:] + names[:place], MEANS)
        found = told(parser, machine)
        holds(of_mermaid(found), machine)
        assert set(of_nodes(found, "means").values()) == {"", prose(MEANS)}
        assert json.loads(mermaid(machine).splitlines()[1].removeprefix("title: ")) == prose(MEANS)
    machine = row_of(names[:6], MEANS)
    focus = of(machine, coverage=Covered(machine, dict.fromkeys(ways(machine._table), 0)))
    assert focus is not None
    found = told(parser, machine, focus)
    stands_out(of_mermaid(found), machine, focus)
    assert spaced(of_nodes(found, "text")["note"]).startswith(prose(focus.told))


def test_any_word_is_a_name(parser: Program) -> None:
    """So it is for any names and any prose that a table may have."""
    letters = st.characters(categories=["Lu", "Ll", "Lt", "Lm", "Lo", "Nl", "Nd", "Mn", "Pc"])
    words = st.text(letters, min_size=1, max_size=6).filter(lambda word: word.isidentifier() and word != "HALT")
    words_of_it = st.sampled_from(["style", "classDef", ": ", "; ", ":", ";", "#", "35", "direction", "TB", "%%", " "])
    proses = st.one_of(st.text(min_size=1), st.lists(words_of_it, min_size=1).map("".join)).filter(prose)

    @settings(QUIET, max_examples=150)
    @given(names=st.lists(words, min_size=3, max_size=6, unique=True), means=proses)
    def check(names: list[str], means: str) -> None:
        machine = row_of(names, means)
        found = told(parser, machine)
        holds(of_mermaid(found), machine)
        assert set(of_nodes(found, "means").values()) == {"", prose(means)}

    check()
