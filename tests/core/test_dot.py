"""The picture of a life cycle: what graphviz is told."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from strategies import machines

from interlock import Machine, Run, _colours, _dot, _draw

LIVES = [Machine.load("task-run"), Machine.load("flow-run")]
ARROW = re.compile(
    r'^  "(\w+)":"(left|right) ([\w ]+)":([ew]) -> "(\w+)"(?::"in (\w+)")?:([ew]) \[(.*)\]$', re.MULTILINE
)
ROW = re.compile(r'port="left ([\w ]+)" align="left">(.*?)</table></td>')
needs_dot = pytest.mark.skipif(
    not shutil.which("dot") and not os.environ.get("CI"), reason="the program dot is not installed"
)


def arrows(drawn: str) -> dict[tuple[str, str, str], str]:
    """Return the style of each arrow by card, row and the state that it ends in."""
    found = ARROW.findall(drawn)
    assert len(found) == drawn.count(" -> ") - 1  # and the one to the beginning
    for _, side, _, out, _, _, into, _ in found:
        assert (side, out, into) in (("left", "w", "e"), ("right", "e", "w"))
    return {(card, row, inner or target): style for card, _, row, _, target, inner, _, style in found}


def rows(drawn: str, card: str) -> dict[str, list[str]]:
    """Return the lines of a card by the state that they lead to, without their marks."""
    line = next(line for line in drawn.splitlines() if line.startswith(f'  "{card}" [label=<'))
    cut = {row: text.removesuffix("</tr>").split("</tr>") for row, text in ROW.findall(line)}
    return {row: [re.sub("<[^>]*>", "", text).strip() for text in texts] for row, texts in cut.items()}


MIXED = """
lifecycle = "mixed"
initial = "S"
[states]
S = { means = "the beginning" }
F = { means = "a family", abstract = true }
A = { is = "F", means = "one" }
C = { is = "F", means = "another" }
G = { means = "a family", abstract = true }
B = { is = "G", means = "one" }
D = { is = "G", means = "another" }
Z = { means = "the end", final = true }
[signals]
GO = { means = "on" }
OUT = { means = "out" }
NEXT = { means = "to the next" }
[from.S]
GO = "A"
NEXT = "B"
[from.A]
GO = "C"
OUT = "Z"
[from.B]
GO = "C"
OUT = "Z"
[from.C]
NEXT = "D"
OUT = "Z"
[from.D]
OUT = "Z"
"""


def ways(machine: Machine) -> Iterator[tuple[str, str, str, str | None]]:
    """Yield each way of a table, by the card that it leaves: card, signal, state that follows, guard."""
    for card in _draw.alike(machine._table):
        for signal, cell in machine.rows[card[0]].items():
            for choice in cell.choices:
                if choice.target != "refused":
                    yield card[0], signal, choice.target, choice.guard


@pytest.mark.parametrize("machine", LIVES, ids=lambda machine: machine.name)
def test_every_way_is_drawn_and_no_other(machine: Machine) -> None:
    """Each signal stands in its card's row for the state that follows, with its guard, and each row has an arrow."""
    drawn = _dot.dot(machine)
    home = {state: card for card in _draw.alike(machine._table) for state in card}
    expected: dict[str, dict[str, set[tuple[str, str | None]]]] = {}
    for card, signal, target, guard in ways(machine):
        expected.setdefault(card, {}).setdefault(target, set()).add((signal, guard))
    for card, targets in expected.items():
        found = rows(drawn, card)
        carried = {signal for signal, cell in machine.rows[card].items() if cell.carries}
        assert set(found) == set(targets) | {f"{signal} carries" for signal in carried}
        for target, told in targets.items():
            for signal, guard in told:
                assert re.search(rf"\b{signal}\b", " ".join(found[target]))
                assert guard is None or f"[{guard}]" in " ".join(found[target])
            assert len(re.findall(r"\b[A-Z]+\b", " ".join(found[target]))) == len(told)
    inner = {(card, target, target) for card, targets in expected.items() for target in targets}
    assert set(arrows(drawn)) == {way for way in inner if home.get(way[1], ("",))[0] != way[0]}


@pytest.mark.parametrize("machine", LIVES, ids=lambda machine: machine.name)
def test_final_states_and_families_are_marked(machine: Machine) -> None:
    """Every final state has a double border; a family of several is a frame with its name."""
    drawn = _dot.dot(machine)
    assert set(re.findall(r'^ +"(\w+)" .*peripheries=2', drawn, re.MULTILINE)) == machine.final
    frames = re.findall(r'subgraph "cluster_(\w+)"', drawn)
    assert sorted(frames) == ["Failed", "Finished", "Pending", "Running", "Success"]
    assert all(f'label="{name}" labelloc=t' in drawn for name in frames)
    for states in {cell.carries for row in machine.rows.values() for cell in row.values() if cell.carries}:
        assert f"is one of {', '.join(states)}." in drawn
    assert ("guard in brackets" in drawn) == bool(machine._table.guards)


def test_what_leads_back_leads_to_the_left() -> None:
    """An arrow to a state that is nearer to the beginning leaves its card to the left, and moves no card."""
    drawn = _dot.dot(Machine.load("task-run"))
    back = {(card, target) for card, side, _, _, _, target, _, _ in ARROW.findall(drawn) if side == "left"}
    assert back == {
        ("Paused", "Scheduled"),
        ("Running", "Retrying"),
        *(("Looped", state) for state in ("Scheduled", "Retrying", "Paused", "Running")),
    }
    assert all(("constraint=false" in style) == (side == "left") for _, side, *_, style in ARROW.findall(drawn))


def test_a_card_of_two_families_stands_in_neither() -> None:
    """A frame holds the cards whose states are all of its family; one with a single card is not drawn."""
    drawn = _dot.dot(Machine.from_toml(MIXED))
    assert re.findall(r'subgraph "cluster_(\w+)"', drawn) == []
    drawn = _dot.dot(Machine.from_toml(MIXED.replace('[from.B]\nGO = "C"', '[from.B]\nGO = "D"')))
    frames = re.findall(r'subgraph "cluster_(\w+)" \{\n.*\n.*\n((?:  ".*\n)+)  \}', drawn)
    assert [(name, re.findall(r'^  "(\w+)"', nodes, re.MULTILINE)) for name, nodes in frames] == [
        ("F", ["A", "C"]),
        ("G", ["B", "D"]),
    ]


def test_lines_of_signals_are_short() -> None:
    """Many signals are broken into lines, and each guard stands behind its own."""
    drawn = _dot.dot(LIVES[0])
    assert rows(drawn, "Running")["Retrying"] == [
        "FAIL, VALIDATIONFAIL,",
        "TRIGGERFAIL, TIMEOUT, LOST",
        "[retries_left]",
        "RETRY [retry_allowed]",
    ]


def test_states_of_one_family_have_one_colour() -> None:
    """The colour is that of the family, and the families of a shipped table have one each."""
    for machine in LIVES:
        colours = _colours.colours(machine)
        assert set(colours) == set(machine.rows)
        tops = ["Pending", "Running", "Success", "Failed", "Cancelled"]
        assert len({colours[top].line for top in tops}) == len({colours[top].dark for top in tops}) == len(tops)
        for top in tops:
            assert {colours[state] for state in machine.family(top)} == {colours[top]}


def light(colour: str) -> float:
    """Return the relative luminance of a colour, as WCAG has it."""
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return sum(share * part for share, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


@pytest.mark.parametrize(
    "colour", [_colours.INK, _colours.FAINT, *(colour.dark for colour in _colours.OPEN + _colours.FINAL)]
)
def test_text_can_be_read(colour: str) -> None:
    """Text and ground differ as much as WCAG asks for small text, be the text dark or the ground."""
    assert 1.05 / (light(colour) + 0.05) >= 4.5


def test_a_run_is_where_it_is_and_came() -> None:
    """The steps taken are thick and numbered, all else is pale; where the run is stands out."""
    machine = Machine.load("task-run")
    run = Run(machine, limits={"max_retries": 5})
    for signal in [*("START", "FAIL") * 4, "START", "LOOP"]:
        run.send(signal)
    drawn = _dot.dot(machine, run)
    thick = {way for way, style in arrows(drawn).items() if "penwidth=3" in style}
    assert set(list(arrows(drawn))[-3:]) == thick  # they lie on top
    assert thick == {
        ("Pending", "Running", "Running"),
        ("Running", "Retrying", "Retrying"),
        ("Running", "Looped", "Looped"),
    }
    assert {style for way, style in arrows(drawn).items() if way not in thick} <= {
        f'color="{_colours.PALE}"',
        f'color="{_colours.PALE}" constraint=false',
    }
    assert rows(drawn, "Running")["Looped"] == ["LOOP (10) [turns_left]"]
    assert rows(drawn, "Running")["Retrying"][0] == "FAIL (2, 4, 6, ...),"
    assert rows(drawn, "Pending")["Running"] == ["START (1, 3, 5, ...)"]
    assert re.findall(r"<b>(\w+)</b> - now<", drawn) == ["Looped"]
    assert set(arrows(drawn)) == set(arrows(_dot.dot(machine)))  # nothing is in another place
    assert "now" not in _dot.dot(machine)


def test_a_run_that_is_over_is_in_a_final_state() -> None:
    """A final state stands out as any other."""
    run = Run(Machine.load("flow-run"))
    run.send("SKIP")
    assert '"Skipped" [label="Skipped - now" ' in _dot.dot(run.machine, run)


def test_what_a_signal_carried_is_drawn_when_it_was_taken() -> None:
    """A signal that may carry many states has an arrow to the one that it carried; a sealed run says so."""
    run = Run(Machine.load("task-run"))
    run.send("START")
    run.send("ENDRUN", carried="Paused")
    drawn = _dot.dot(run.machine, run)
    assert "penwidth=3" in arrows(drawn)["Running", "ENDRUN carries", "Paused"]
    assert rows(drawn, "Running")["ENDRUN carries"] == ["ENDRUN (2)"]
    assert "<b>Paused</b> - now, sealed<" in drawn
    run.reopen()
    assert "<b>Paused</b> - now<" in _dot.dot(run.machine, run)
    for signal in ("RESUME", "START"):
        run.send(signal)
    run.send("ENDRUN", carried="Scheduled")
    run.reopen()
    run.send("ENDRUN", carried="Scheduled")
    drawn = _dot.dot(run.machine, run)
    assert rows(drawn, "Running")["ENDRUN carries"] == ["ENDRUN (2, 5)"]
    assert rows(drawn, "Pending")["ENDRUN carries"] == ["ENDRUN (6)"]
    assert ("Pending", "ENDRUN carries", "Scheduled") not in arrows(drawn)  # it stays in its card
    run.reopen()
    run.send("ENDRUN", carried="Success")
    assert '[label="Success - now" ' in _dot.dot(run.machine, run)  # a final state is sealed anyway


@needs_dot
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(machine=machines())
def test_graphviz_reads_what_it_is_told(machine: Machine) -> None:
    """The program dot reads the picture of any table, and has nothing to say to it."""
    for drawn in (_dot.dot(machine), _dot.dot(machine, Run(machine))):
        done = subprocess.run(["dot", "-Tsvg"], input=drawn.encode(), capture_output=True, check=False)
        assert (done.returncode, done.stderr) == (0, b"")
