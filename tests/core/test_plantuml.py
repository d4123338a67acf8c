"""The diagrams of PlantUML, read by PlantUML: their edges are the table's, their frames its families."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Sequence
from pathlib import Path
from xml.etree import ElementTree

import pytest
from diagrams import MEANS, Diagram, holds, of_plantuml, row_of, spaced, stands_out
from exported import IDS, NAMED, drawn, needed

import interlock
from interlock import Machine, Run
from interlock._draw import ways
from interlock._export_plantuml import plantuml
from interlock._focus import of
from interlock.testing import Covered

WIDEST = 4096  # pixels: what is beyond them PlantUML cuts off


def read(texts: Sequence[str], folder: Path) -> list[Diagram]:
    """Return what PlantUML finds in texts; it must find no mistake."""
    program = needed("plantuml", "it reads what is written for it")
    paths = [folder / f"{number}.puml" for number in range(len(texts))]
    for path, text in zip(paths, texts, strict=True):
        path.write_text(text, encoding="utf-8")
    for kind in ("-tsvg", "-txmi:star"):
        command = [program, "-charset", "UTF-8", "-failfast2", kind, *map(str, paths)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stdout) == (0, ""), done.stderr
    return [
        of_plantuml(
            text, ElementTree.parse(path.with_suffix(".xmi")).getroot(), path.with_suffix(".svg").read_text("utf-8")
        )
        for text, path in zip(texts, paths, strict=True)
    ]


def test_edges_of_named_and_drawn_tables(tmp_path: Path) -> None:
    """PlantUML reads every edge of a table and no other, its families, where it begins and ends; all is drawn."""
    machines = [*NAMED, *(life.machine for life in drawn()[:30])]
    assert interlock.draw(NAMED[0], "plantuml") == plantuml(NAMED[0])
    for machine, found in zip(machines, read([plantuml(machine) for machine in machines], tmp_path), strict=True):
        holds(found, machine)
    for number in range(len(machines)):
        size = re.search(r'viewBox="0 0 (\d+) (\d+)"', (tmp_path / f"{number}.svg").read_text("utf-8"))
        assert size is not None
        assert all(int(length) < WIDEST / 2 for length in size.groups())


@pytest.mark.parametrize("machine", NAMED, ids=IDS)
def test_it_is_a_state_diagram(machine: Machine) -> None:
    """`plantuml -syntax` takes the text for a diagram of states."""
    program = needed("plantuml", "it reads what is written for it")
    command = [program, "-charset", "UTF-8", "-syntax"]
    done = subprocess.run(command, input=plantuml(machine), capture_output=True, encoding="utf-8", check=False)
    assert done.stdout.splitlines()[0] == "STATE"


def test_meanings_are_told_of_what_is_pointed_at(tmp_path: Path) -> None:
    """They are tooltips, those of a card with the names of its states."""
    read([plantuml(NAMED[1])], tmp_path)
    found = re.findall(' title="([^"]*)"', (tmp_path / "0.svg").read_text("utf-8"))
    means = {name: state.means for name, state in NAMED[1].states.items()}
    assert means["Cancelling"] in found
    assert f"Pending: {means['Pending']}; Scheduled: {means['Scheduled']}" in found


def test_a_story_stands_out(tmp_path: Path) -> None:
    """The steps of a run are bold and thick, with their numbers; all else is dashed, and still there."""
    machine = NAMED[0]
    run = Run(machine, limits={"max_retries": 1})
    for signal, carried in (("START", None), ("FAIL", None), ("START", None), ("ENDRUN", "Paused")):
        run.send(signal, carried=carried)
    focuses = [of(machine, story=run), of(machine, from_="Running", only=["SUCCESS", "SKIP", "ENDRUN"])]
    texts = [plantuml(machine, focus) for focus in focuses]
    for focus, found in zip(focuses, read(texts, tmp_path), strict=True):
        assert focus is not None
        stands_out(found, machine, focus)
    assert 'state "<b>Paused - now, sealed</b>" as Paused' in texts[0]
    assert (
        "\nlegend left\nWhat stands out was taken; the numbers are those of the steps.\n<b>ENDRUN</b> from " in texts[0]
    )


def test_words_of_plantuml_are_names(tmp_path: Path) -> None:
    """States, signals and guards may be called as PlantUML calls things of its own, and prose may say anything."""
    program = needed("plantuml", "it reads what is written for it")
    told = subprocess.run([program, "-language"], capture_output=True, encoding="utf-8", check=True).stdout
    words = [word for word in told.partition(";skinparameter")[0].split() if word.isidentifier()]
    assert {"state", "note", "title", "legend", "hide"} < {*words}
    names = list(dict.fromkeys([*map(str.capitalize, words), *words, "Größe", "状态", "family_A", "__proto__"]))
    machines = [row_of(names[place : place + 30], MEANS) for place in range(0, len(names) - 3, 30)]
    texts = [plantuml(machine) for machine in machines]
    for number, (machine, found) in enumerate(zip(machines, read(texts, tmp_path), strict=True)):
        holds(found, machine)
        assert spaced(found.note).startswith("**HALT** from ")
        assert not re.search("^ *(note|legend|hide|state|scale) [-:]", texts[number], re.MULTILINE | re.IGNORECASE)
        assert "(% date())" in (tmp_path / f"{number}.svg").read_text("utf-8").partition("@startuml")[0]
    machine = machines[0]
    focus = of(machine, coverage=Covered(machine, dict.fromkeys(ways(machine._table), 0)))
    assert focus is not None
    (found,) = read([plantuml(machine, focus)], tmp_path)
    stands_out(found, machine, focus)
