"""The picture of a life cycle: what graphviz is told, and what it makes of that."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from xml.etree import ElementTree

import pytest
from exported import IDS, NAMED, drawn, edges
from hypothesis import HealthCheck, given, settings
from parcel import PARCEL
from pictured import Picture, needs_dot, told
from strategies import machines

from interlock import Machine, Run, _colours, _dot, _focus
from interlock._colours import Colour
from interlock._dot_places import HIGH, Places, flat
from interlock._dot_rows import FAR, FEW

TASK, FLOW = NAMED[:2]


def table(rows: Mapping[str, str], more: Mapping[str, Mapping[str, object]] = MappingProxyType({})) -> Machine:
    """Return a machine in which each signal has the name of the state that it leads to; `End` is final.

    Args:
        rows: by state, those that may follow, with blanks between them.
        more: what is said of states, families and further final states.
    """
    names = dict.fromkeys(" ".join(rows.values()).split())
    told: dict[str, Mapping[str, object]] = {**{state: {"means": "one"} for state in [*rows, *more]}, **more}
    return Machine.from_mapping(
        {
            "lifecycle": "some",
            "initial": next(iter(rows)),
            "states": told | {"End": {"means": "the end", "final": True}},
            "signals": {f"TO_{name}": {"means": "there", "recurs": "as it likes"} for name in names},
            "from": {state: {f"TO_{target}": target for target in targets.split()} for state, targets in rows.items()},
        }
    )


def columns(machine: Machine) -> list[list[str]]:
    """Return the first states of the cards in each column."""
    return [[card[0] for card in flat(parts)] for parts in Places(machine._table).columns]


# What is drawn is the table


def read(picture: Picture, machine: Machine) -> None:
    """See that the ways on the cards are those of the table, and that rows and arrows lead where they say."""
    assert sorted(picture.edges(), key=repr) == sorted(edges(machine), key=repr)
    assert picture.first == [machine.initial]
    for card in picture.cards:
        for row in card.rows:
            if row.carries or row.targets[0] in machine.final:
                assert row.way == "→"
                continue
            there, here = picture.card(row.targets[0]).place, card.place
            if abs(there[0] - here[0]) > 1:
                assert row.way == ("→" if there[0] > here[0] else "←")
            else:
                assert row.way == ("↓" if there[1:] > here[1:] else "↑")
    for arrow in picture.arrows:
        assert not set(arrow.row.targets).isdisjoint({arrow.state} if arrow.state else machine.final)
        back = arrow.state is not None and not arrow.row.carries and arrow.row.way == "←"
        assert (arrow.style.get("constraint") == "false") == (arrow.sides[0] == "w")  # what leads back moves no card
        if not arrow.row.carries:
            assert arrow.sides == (("w", "e") if back else ("e", "w" if arrow.state else ""))

    rows = {(arrow.card.states[0], arrow.row.port) for arrow in picture.arrows}
    assert len({arrow.points[0] for arrow in picture.arrows}) == len(rows)  # each begins at its own row


def connected(picture: Picture, machine: Machine) -> None:
    """See that each card has an arrow to each card of another column, and to final states one or a few."""
    found = [(card.states[0], home(picture, state)) for card, _, state, *_ in picture.arrows]
    expected: set[tuple[str, str | None]] = set()
    for card in picture.cards:
        ends = {state for row in card.rows for state in row.targets if state in machine.final}
        expected |= {(card.states[0], end) for end in (ends if len(ends) <= FEW else {None})}
        ons = [row.targets[0] for row in card.rows if row.way in "→←" and not row.carries]
        expected |= {(card.states[0], home(picture, state)) for state in ons if state not in machine.final}
    assert len(found) == len(set(found))
    assert set(found) == expected


def home(picture: Picture, state: str | None) -> str | None:
    """Return the first state of a state's card; final states have none."""
    return next((card.states[0] for card in picture.cards if state in card.states), state)


@needs_dot
@pytest.mark.parametrize("machine", NAMED, ids=IDS)
def test_the_edges_are_those_of_the_table(machine: Machine) -> None:
    """Every way can be read on the cards, with its guard, and no other; arrows connect what they should."""
    picture = Picture(machine)
    read(picture, machine)
    connected(picture, machine)


@needs_dot
def test_the_edges_are_those_of_any_table() -> None:
    """So it is for any table, and whatever stands out in it."""
    for life in drawn()[:50]:
        picture = Picture(life.machine)
        read(picture, life.machine)
        connected(picture, life.machine)
        read(Picture(life.machine, _focus.of(life.machine, from_=life.machine.initial)), life.machine)


@needs_dot
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(machine=machines())
def test_graphviz_reads_what_it_is_told(machine: Machine) -> None:
    """The program dot reads the picture of any table and any run, and has nothing to say to it."""
    for focus in (None, _focus.of_run(Run(machine))):
        assert "</svg>" in told(_dot.dot(machine, focus), "svg")


@needs_dot
def test_names_of_any_kind() -> None:
    """Names from right to left, such as differ in capitals alone, and prose that is none."""
    means = 'of <b>all</b> & "nothing"\\N \\n'
    rows = {"מצב": "حالة stop Stop", "حالة": "מצב End", "stop": "End", "Stop": "stop End", "node": "End"}
    rows["מצב"] += " node"
    machine = table(rows, {"node": {"means": means}})
    picture = Picture(machine)
    read(picture, machine)
    connected(picture, machine)
    assert f"node: {means}" in tips(machine)


@pytest.mark.parametrize("machine", NAMED, ids=IDS)
def test_any_console_can_be_told(machine: Machine) -> None:
    """The text of a picture needs no characters but those of its names, and is text, whatever these are."""
    assert _dot.dot(machine).isascii()
    strange = Machine.from_mapping({**machine._table.source, "lifecycle": "nul\0 \ud800 \x1b[1m"})
    assert _dot.NO_TEXT.search(_dot.dot(strange)) is None


# Where things stand


def test_cards_stand_in_columns() -> None:
    """What waits stands before what works, and what belongs together stands together, from above as in the table."""
    assert columns(TASK) == [["Pending", "Paused", "Looped"], ["Running", "Mapping", "Cancelling"]]
    assert columns(FLOW) == [["Pending", "Paused"], ["Running", "Cancelling"]]
    assert columns(Machine.from_toml(PARCEL)) == [["Packed", "Held"], ["Moving"]]


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ({"A": "B End", "B": "C A", "C": "A B"}, [["A", "C"], ["B"]]),  # C leads back to both, and ends nowhere new
        ({"A": "B", "B": "C A", "C": "A B End"}, [["A"], ["B"], ["C"]]),  # C leads to an end
        ({"A": "B End", "B": "C A", "C": "B"}, [["A"], ["B"], ["C"]]),  # back to one place only
        ({"A": "B End", "B": "A"}, [["A"], ["B"]]),
        ({"A": "B C D End", "B": "A C", "C": "A", "D": "A B"}, [["A"], ["B", "C", "D"]]),
        ({"A": "End"}, [["A"]]),
    ],
)
def test_columns_are_steps_from_the_beginning(rows: dict[str, str], expected: list[list[str]]) -> None:
    """A card that leads back, to several places, stands with the first of them; all others where they are reached."""
    assert columns(table(rows)) == expected


def test_a_family_is_not_the_only_column() -> None:
    """Where all states are of one family, they stand where they are reached all the same."""
    states = {name: {"is": "A", "means": "one"} for name in "BC"}
    assert columns(table({"A": "B", "B": "C", "C": "End"}, states)) == [["A"], ["B"], ["C"]]


@needs_dot
def test_the_way_on_is_straight() -> None:
    """The arrow from the beginning to what usually follows goes neither up nor down."""
    for machine in (TASK, FLOW):
        (arrow,) = (
            arrow
            for arrow in Picture(machine).arrows
            if arrow.row.lines == ["START"] and arrow.card.states[0] == "Pending"
        )
        assert abs(arrow.points[0][1] - arrow.points[1][1]) < 2


@needs_dot
def test_families_are_frames() -> None:
    """A family of several cards is a frame; the first state in it has its name, if it has one of its own."""
    assert Picture(TASK).frames()[:2] == [
        ("Pending", ["Pending", "Scheduled", "Retrying", "Paused"]),
        ("Running", ["Running", "Mapping", "Cancelling"]),
    ]
    finals = dict(Picture(TASK).frames()[2:])
    assert finals.keys() == {"Finished", "Success", "Failed"}
    assert (finals["Success"][0], finals["Failed"][0]) == ("Success", "Failed")
    assert set(finals["Finished"]) == TASK.final
    assert [name for name, _ in Picture(NAMED[2]).frames()[:2]] == ["Pending", "Running"]  # Scheduled is on a card


MIXED = {family: {"abstract": True, "means": "a family"} for family in "FG"} | {
    state: {"is": family, "means": "one"} for state, family in zip("ACBD", "FFGG", strict=True)
}


@needs_dot
def test_a_card_of_two_families_stands_in_neither() -> None:
    """A frame holds the cards whose states are all of its family; in each column that has some there is one."""
    rows = {"S": "A B", "A": "C End", "B": "C End", "C": "D End", "D": "End"}
    assert Picture(table(rows, MIXED)).frames() == []
    assert Picture(table(rows | {"B": "C D End"}, MIXED)).frames() == [
        ("F", ["A"]),
        ("G", ["B"]),
        ("F", ["C"]),
        ("G", ["D"]),
    ]


@needs_dot
def test_final_states_have_a_double_border() -> None:
    """Each is a box in a box."""
    for machine in (TASK, table({"A": "End"})):
        (last,) = (label for node, label in Picture(machine).labels.items() if node in Picture(machine).last)
        boxes = [table for table in last.iter("table") if table.find("tr/td[@port]") is not None]
        assert len(boxes) == len(machine.final)
        for box in boxes:
            (cell,) = box.iter("td")
            assert (box.attrib["border"], cell.attrib["border"]) == ("1", "1")


# What would be too large


@needs_dot
def test_what_is_far_has_no_arrow() -> None:
    """An arrow goes no further than eight columns, unless it stands out; the row is there all the same."""
    names = [f"S{number}" for number in range(FAR + 3)]
    rows = {name: f"{after} End" for name, after in zip(names, [*names[1:], ""], strict=True)}
    rows[names[-1]] = "S0 End"
    machine = table(rows)
    picture = Picture(machine)
    read(picture, machine)
    ended = [card.states[0] for card, _, state, *_ in picture.arrows if state == "End"]
    assert ended == names[-FAR:]
    assert {way for way in picture.arrows if way.state == "S0"} == set()
    lit = Picture(machine, _focus.of(machine, from_=["S0", names[-1]]))
    assert lit.thick() == {("S0", "TO_S1", "S1"), ("S0", "TO_End", "End"), (names[-1], "TO_S0", "S0")} | {
        (names[-1], "TO_End", "End")
    }


@needs_dot
def test_a_high_column_goes_on_in_the_next() -> None:
    """Cards of many rows stand beside each other; between such columns there are no arrows."""
    names = [f"S{number}" for number in range(12)]
    machine = table({name: " ".join(["End", *(other for other in names if other != name)]) for name in names})
    found = columns(machine)
    assert [len(column) for column in found] == [1, 4, 4, 3]
    assert sum(len(column) * 13 > HIGH for column in found) == 0
    picture = Picture(machine)
    read(picture, machine)
    assert all("S0" in (card.states[0], state) or state == "End" for card, _, state, *_ in picture.arrows)
    assert len({card.place[0] for card in picture.cards}) == 4


@needs_dot
def test_many_final_states_stand_beside_each_other() -> None:
    """Of thirteen ends, two are in a row, and so on."""
    ends = [f"E{number}" for number in range(13)]
    states = {end: {"means": "one", "final": True} for end in ends}
    picture = Picture(table({"A": " ".join(["End", *ends])}, states))
    (last,) = (label for node, label in picture.labels.items() if node in picture.last)
    assert [len(row.findall("td")) for row in last.findall("tr")] == [2] * 7


# What can be read


@needs_dot
def test_rows_lead_on_before_they_lead_back_and_end() -> None:
    """The first row of a card is where it goes on, the last ones are how it ends."""
    rows = Picture(TASK).card("Running").rows
    assert [(row.way, row.targets[0]) for row in rows[:5]] == [
        ("↓", "Cancelling"),
        ("←", "Retrying"),
        ("←", "Paused"),
        ("←", "Looped"),
        ("→", "Success"),
    ]
    assert Picture(TASK).card("Pending").rows[0].targets == ("Running",)


@needs_dot
def test_lines_of_signals_are_short() -> None:
    """Many signals are broken into lines, and each guard stands behind its own."""
    assert Picture(TASK).row("Running", "Retrying").lines == [
        "FAIL, VALIDATIONFAIL,",
        "TRIGGERFAIL, TIMEOUT,",
        "LOST if retries_left",
        "RETRY if retry_allowed",
    ]


@needs_dot
def test_what_a_user_raises_stands_out() -> None:
    """Those signals are bold, and that is said, where there are any."""
    said = "raised by a user&#x27;s code"
    for machine in NAMED:
        users = {name for name, signal in machine.signals.items() if signal.raised_by == "user"}
        picture = Picture(machine)
        rows = [row for card in picture.cards for row in card.rows]
        assert {name for row in rows if not row.carries for name in row.bold} <= users
        for row in rows:
            assert {name for name, _ in row.signals} & users <= set(row.bold)
        assert (said in picture.source) == bool(users)
    assert len({name for name, signal in TASK.signals.items() if signal.raised_by == "user"}) == 9


@needs_dot
def test_what_names_mean_is_told() -> None:
    """The first words stand behind a state's name; pointing at states, signals and guards tells the rest."""
    assert Picture(TASK).card("Retrying").heads == [
        "Pending  not started",
        "Scheduled  waits for a time",
        "Retrying  waits for its next attempt",
    ]
    found = tips(TASK)
    for name, state in TASK.states.items():
        assert f"{name}: {state.means}" in found or name == "Scheduled"  # a family whose state is on a card
    lines = {line for tip in found for line in tip.splitlines()}
    for name, signal in TASK.signals.items():
        assert any(line.startswith(f"{name}: {signal.means}") for line in lines)
    assert "SUCCESS: the work is done - Cached if keeps_result, else Success" in lines
    assert "keeps_result: a success is kept - caching > 0" in lines
    assert "SKIP: there is nothing to do - it finished first" in lines


def tips(machine: Machine) -> set[str]:
    """Return what a browser shows to whoever points at something."""
    drawn = ElementTree.fromstring(told(_dot.dot(machine), "svg"))
    return {element.get("{http://www.w3.org/1999/xlink}title", "") for element in drawn.iter()}


# What stands out


def sent(*signals: str, limits: Mapping[str, float] | None = None) -> Run:
    run = Run(TASK, limits=limits)
    for signal in signals:
        run.send(signal)
    return run


@needs_dot
def test_a_run_is_where_it_is_and_came() -> None:
    """The steps taken are thick and numbered, all else is pale; where the run is stands out."""
    run = sent(*("START", "FAIL") * 4, "START", "LOOP", limits={"max_retries": 5})
    picture = Picture(TASK, _focus.of_run(run))
    assert picture.thick() == {
        ("Pending", "START", "Running"),
        ("Running", "FAIL", "Retrying"),
        ("Running", "LOOP", "Looped"),
    }
    pale = [arrow.style["color"] for arrow in picture.arrows if arrow.style.get("penwidth") != "3"]
    assert set(pale) == {_colours.PALE}
    covered = {state for _, _, state in picture.thick()}
    for arrow in picture.arrows:  # no pale head covers a thick one
        assert (arrow.style.get("arrowhead") == "none") == (
            arrow.style["color"] == _colours.PALE and arrow.state in covered
        )
    assert picture.row("Running", "Looped").lines == ["LOOP (10) if turns_left"]
    assert picture.row("Running", "Retrying").lines[0] == "FAIL (2, 4, 6, ...),"
    assert picture.row("Running", "Retrying").bold == ["FAIL (2, 4, 6, ...)"]
    assert picture.row("Pending", "Running").lines == ["START (1, 3, 5, ...)"]
    heads = [head for card in picture.cards for head in card.heads]
    assert [head for head in heads if "now" in head] == ["Looped - now"]
    lit = [row for card in picture.cards for row in card.rows if row.grounds != {None}]
    assert [row.targets[0] for row in lit] == ["Running", "Retrying", "Looped"]
    assert "What stands out was taken; the numbers are those of the steps." in picture.source
    assert " - now" not in _dot.dot(TASK)


@needs_dot
def test_what_stands_out_leaves_all_in_its_place() -> None:
    """Cards, rows and arrows are the same, and the cards in the same order, whatever stands out."""
    plain = Picture(TASK)
    for focus in (_focus.of_run(sent("START", "RETRY", "SCHEDULE")), _focus.of(TASK, only="FAIL")):
        found = Picture(TASK, focus)
        assert list(found.edges()) == list(plain.edges())
        assert [card.states for card in found.cards] == [card.states for card in plain.cards]
        assert found.frames() == plain.frames()
        ways = [
            {(card.states[0], home(drawn, state)) for card, _, state, *_ in drawn.arrows} for drawn in (found, plain)
        ]
        ends = {(card, state) for card, state in ways[0] if state in TASK.final}  # of these there was one arrow for all
        assert {(card, None if (card, state) in ends else state) for card, state in ways[0]} == ways[1]


@needs_dot
def test_a_run_that_is_over_is_in_a_final_state() -> None:
    """A final state stands out as any other, and an arrow leads to it alone."""
    picture = Picture(TASK, _focus.of_run(sent("START", "SUCCESS", limits={"caching": 1})))
    assert picture.thick() == {("Pending", "START", "Running"), ("Running", "SUCCESS", "Cached")}
    assert "Cached - now</font></td>" in picture.source


@needs_dot
def test_what_a_signal_carried_is_drawn_when_it_was_taken() -> None:
    """A signal that may carry many states has an arrow to the one that it carried; a sealed run says so."""
    run = sent("START")
    run.send("ENDRUN", carried="Paused")
    picture = Picture(TASK, _focus.of_run(run))
    assert ("Running", "ENDRUN", "Paused") in picture.thick()
    assert picture.carrying("Running").bold == ["ENDRUN (2)", "Paused"]
    assert picture.card("Paused").heads == ["Paused - now, sealed"]
    run.reopen()
    assert Picture(TASK, _focus.of_run(run)).card("Paused").heads == ["Paused - now"]
    for signal in ("RESUME", "START"):
        run.send(signal)
    for _ in range(2):
        run.send("ENDRUN", carried="Scheduled")
        run.reopen()
    picture = Picture(TASK, _focus.of_run(run))
    assert picture.carrying("Running").bold == ["ENDRUN (2, 5)", "Scheduled", "Paused"]
    assert picture.carrying("Pending").bold == ["ENDRUN (6)", "Scheduled"]
    run.send("ENDRUN", carried="Success")
    assert "Success - now</font></td>" in _dot.dot(TASK, _focus.of_run(run))  # a final state is sealed anyway


@needs_dot
def test_parts_of_a_table_stand_out() -> None:
    """Of a state all its rows, of a signal the rows that it leads along; more than two ends have one arrow."""
    picture = Picture(TASK, _focus.of(TASK, from_="Running"))
    assert picture.thick() == {
        ("Running", "FAIL", "Retrying"),
        ("Running", "PAUSE", "Paused"),
        ("Running", "LOOP", "Looped"),
        ("Running", "FAIL", None),
    }
    assert {row.grounds == {None} for row in picture.card("Running").rows} == {False}
    picture = Picture(TASK, _focus.of(TASK, only="TIMEOUT"))
    assert picture.thick() == {
        ("Running", "FAIL", "Retrying"),
        ("Running", "TIMEOUT", "TimedOut"),
        ("Cancelling", "FAIL", "Cancelled"),
    }
    assert picture.row("Running", "Retrying").bold == ["TIMEOUT"]


def test_what_is_said_of_several_states_on_a_card() -> None:
    """How often a row was taken is said by state where there are several; numbers of steps are put in order."""
    ways = [("Pending", "START", "Running"), ("Retrying", "START", "Running")]
    often = _focus.Focus(frozenset(ways), dict(zip(ways, ["once", "1,200 times"], strict=True)))
    assert "<b>START (Pending once, Retrying 1,200 times)</b>" in _dot.dot(TASK, often)
    steps = _focus.Focus(frozenset(ways), dict(zip(ways, ["4, 11", "2"], strict=True)))
    assert "<b>START (2, 4, 11)</b>" in _dot.dot(TASK, steps)
    alone = _focus.Focus(frozenset(ways[:1]), {ways[0]: "12 times"})
    assert "<b>START (12 times)</b>" in _dot.dot(TASK, alone)


# Colours


def test_states_of_one_family_have_one_colour() -> None:
    """The colour is that of the family, and the families of a shipped table have one each."""
    for machine in (TASK, FLOW):
        found = _colours.colours(machine)
        assert set(found) == set(machine.rows)
        tops = ["Pending", "Running", "Success", "Failed", "Cancelled"]
        assert len({found[top].line for top in tops}) == len({found[top].dark for top in tops}) == len(tops)
        for top in tops:
            assert {found[state] for state in machine.family(top)} == {found[top]}


def light(colour: str) -> float:
    """Return the relative luminance of a colour on a white ground, as WCAG has it."""
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    alpha = int(colour[7:] or "ff", 16) / 255
    mixed = [alpha * part + 1 - alpha for part in parts]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in mixed]
    return sum(share * part for share, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


@pytest.mark.parametrize("colour", _colours.OPEN + _colours.FINAL)
def test_text_can_be_read(colour: Colour) -> None:
    """Text and ground differ as much as WCAG asks for small text, be the text dark or the ground."""
    for ground, texts in {
        "#ffffff": [colour.dark, _colours.INK, _colours.FAINT],
        colour.tint: [colour.dark, _colours.INK, _colours.FAINT],
        colour.dark: ["#ffffff"],
    }.items():
        for written in texts:
            least, most = sorted([light(ground), light(written)])
            assert (most + 0.05) / (least + 0.05) >= 4.5
