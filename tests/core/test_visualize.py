"""The picture of a flow."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from acts import does, refused, without

from interlock import Flow, Machine, Parameter, _colours, _visualize, states, task
from interlock.states import BY_NAME


@task
def same(x: object) -> object:
    return x


def made() -> Flow:
    """Return a flow with a parameter, a map and a plain task."""
    with Flow("picture") as flow:
        same.map(same(Parameter("xs", [1, 2])))
    return flow


def test_tasks_and_edges_are_drawn() -> None:
    """Every task is a node and every edge an arrow with its argument; maps are boxes, mapped edges dashed."""
    source = made().visualize().source
    assert source.startswith("digraph picture {")
    for line in (
        "xs [label=xs shape=invhouse]",
        '"same-1" [label=same shape=ellipse]',
        '"same-2" [label="same <map>" shape=box]',
        'xs -> "same-1" [label=x]',
        '"same-1" -> "same-2" [label=x style=dashed]',
    ):
        assert line in source, source
    assert "rankdir=LR" in made().visualize(horizontal=True).source


def test_states_are_colours() -> None:
    """With what a run returned, each node has the colour of its state, and a map says how its children ended."""
    with Flow("colours") as flow:
        task(lambda x: does(ValueError("no") if x == 2 else x)()).map([1, 2, 3])
    source = flow.visualize(flow.run()).source
    assert "Mapped\n2 Success\n1 Failed" in source
    assert f'fillcolor="{_colours.GREEN.line}80"' in source


@pytest.mark.parametrize("name", [name for name in BY_NAME if name != "Finished"])
def test_every_state_has_the_colour_of_its_family(name: str) -> None:
    """A state has the colour that it has in a picture of its table; a failure never has that of a success."""
    kind = BY_NAME[name]
    assert _visualize.colour_of(kind()) == _colours.colours(Machine.load("task-run"))[name].line + "80"
    assert (_colours.of_kind(kind) == _colours.GREEN) is issubclass(kind, states.Success)
    assert (_colours.of_kind(kind) == _colours.VERMILION) is issubclass(kind, states.Failed)


def test_both_tables_have_one_palette() -> None:
    """A state that a flow run and a task run can be in has one colour."""
    flow = _colours.colours(Machine.load("flow-run"))
    assert flow == {name: _colours.of_kind(BY_NAME[name]) for name in flow}


def test_states_of_plugins_have_the_colour_of_their_family() -> None:
    """A class that a plugin adds is of the family that it is derived from."""

    class Quarantined(states.Scheduled):
        pass

    assert _colours.of_kind(Quarantined) == _colours.of_kind(states.Pending) == _colours.SKY


def test_a_state_of_no_known_kind_is_grey() -> None:
    """What has no colour of its own, such as a bare `State`, has one all the same."""
    grey = _colours.GREY.line + "80"
    assert _visualize.colour_of(states.State()) == _visualize.colour_of(states.Finished()) == grey


def test_names_are_taken_as_they_are() -> None:
    """No name of a task, a flow or an argument is taken for a port, for HTML or for an escape."""
    with Flow("<b>") as flow:
        first = task(name="a:b")(lambda: 1)()
        task(name="<i>\\n &amp;")(lambda **given: given)(**{"x:<y>": first})
    source = flow.visualize().source
    for line in (
        'digraph "<b>" {',
        '"a%3Ab-1" [label="a:b" shape=ellipse]',
        '"%3Ci>%5Cn &amp;-1" [label="<i>\\\\n &amp;amp;" shape=ellipse]',
        '"a%3Ab-1" -> "%3Ci>%5Cn &amp;-1" [label="x:<y>"]',
    ):
        assert line in source, source


@pytest.mark.parametrize("end", ["dot", "gv"])
def test_the_text_is_written(end: str, tmp_path: Path) -> None:
    """A .dot or .gv file needs no program."""
    path = tmp_path / f"flow.{end}"
    graph = made().visualize(filename=path)
    assert path.read_text(encoding="utf-8") == graph.source


@pytest.mark.skipif(not shutil.which("dot") and not os.environ.get("CI"), reason="the program dot is not installed")
def test_a_picture_is_written(tmp_path: Path) -> None:
    """The program dot makes the pictures."""
    path = tmp_path / "flow.svg"
    made().visualize(filename=str(path))
    assert "<svg" in path.read_text(encoding="utf-8")


def test_a_picture_needs_a_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the program dot an error says what is missing, and nothing is written."""
    monkeypatch.setenv("PATH", str(tmp_path))
    path = tmp_path / "flow.svg"
    assert refused(lambda: made().visualize(filename=path)) == (
        "visualize: flow.svg needs the program dot of graphviz, which is not on the PATH; a .dot file does not"
    )
    assert not path.exists()


def test_pictures_without_a_meaning_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another end of the name, a state without those of tasks, and a missing graphviz say what would be right."""
    flow = made()
    assert refused(lambda: flow.visualize(filename="flow.doc")) == (
        "visualize: 'flow.doc' does not say what to write; end it in one of .dot, .gv, .pdf, .png, .svg"
    )
    assert refused(lambda: flow.visualize(states.Success())) == (
        "visualize: <Success> has no states of tasks; give what flow.run() returned"
    )
    without(monkeypatch, "graphviz")
    assert refused(flow.visualize) == "visualize: graphviz is not installed; pip install 'interlock[viz]'"
