"""What a notebook shows: bundles of text, pictures and tables, and a notebook that is executed."""

from __future__ import annotations

import ast
import asyncio
import importlib.resources
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Container
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import nbformat
import pytest
from acts import does, without
from nbclient import NotebookClient

from interlock import Flow, Machine, Run, _dot, hookimpl, states, task
from interlock.signals import FAIL, SKIP
from interlock.states import BY_NAME, State

TEXT, SVG, HTML = "text/plain", "image/svg+xml", "text/html"
EVIL = "<script>alert('&')</script>"
TAGS = {"div", "b", "span", "pre", "table", "thead", "tbody", "tr", "th", "td"}
needs_dot = pytest.mark.skipif(
    not shutil.which("dot") and not os.environ.get("CI"), reason="the program dot is not installed"
)


def shown(thing: Any, **how: Any) -> dict[str, str]:
    """Return what a notebook is told of a thing. Any: machines, runs, flows and states have no base in common."""
    bundle = thing._repr_mimebundle_(**how)
    assert all(type(text) is str and text for text in bundle.values())
    return dict(bundle)


def table(thing: Any) -> tuple[str, list[list[str]]]:
    """Return what stands before the rows of a thing's HTML, and the cells of its rows."""
    read = Read(shown(thing, include={HTML})[HTML])
    return read.before.strip(), read.rows


class Read(HTMLParser):
    """Reads HTML, and is only content with what we write: known tags, each closed, and no attribute that acts."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.before = ""
        self.rows: list[list[str]] = []
        self._open: list[str] = []
        self.feed(html)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in TAGS
        assert {name for name, _ in attrs} <= {"style", "title"}
        self._open.append(tag)
        if tag == "tr":
            self.rows.append([])
        elif tag in ("td", "th"):
            self.rows[-1].append("")

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "td" in self._open or "th" in self._open:
            self.rows[-1][-1] += data
        elif not self.rows:
            self.before += data


def texts(svg: str) -> list[str]:
    """Return the texts of a picture, which must be XML in which nothing acts."""
    tree = ElementTree.fromstring(svg)
    names = {element.tag.split("}")[-1] for element in tree.iter()} - {"a"}
    assert names <= {"svg", "g", "title", "text", "polygon", "polyline", "path", "ellipse", "linearGradient", "stop"}
    links = [{name.split("}")[-1] for name in element.attrib} for element in tree.iter() if element.tag.endswith("}a")]
    assert all(link == {"title"} for link in links)  # they say something, and lead nowhere
    return [element.text or "" for element in tree.iter() if element.tag.endswith("text")]


@pytest.fixture
def no_dot(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Let the program dot be missing."""
    monkeypatch.setenv("PATH", str(tmp_path))


def sent(*signals: str, limits: dict[str, float] | None = None) -> Run:
    run = Run(Machine.load("task-run"), limits)
    for signal in signals:
        run.send(signal)
    return run


def halves() -> Flow:
    with Flow("halves") as flow:
        numbers = task(name="numbers")(does([0, 1, 2]))()
        half = task(name="half")(lambda x: does(SKIP("odd") if x % 2 else x // 2)()).map(numbers)
        task(name="add", skip_on_upstream_skip=False)(lambda xs, start: start)(half, numbers)
    return flow


def chain(length: int) -> Flow:
    flow = Flow("chain")
    flow.chain(*(task(name="link")(does(1)).copy() for _ in range(length)))
    return flow


def wide(states: int) -> Machine:
    """Return a machine with that many states: one leads to all others, each of which is final."""
    names = [f"S{number}" for number in range(states)]
    return Machine.from_mapping(
        {
            "lifecycle": "wide",
            "initial": names[0],
            "states": {name: {"means": "one", "final": name != names[0]} for name in names},
            "signals": {f"TO_{name}": {"means": "there"} for name in names[1:]},
            "from": {names[0]: {f"TO_{name}": name for name in names[1:]}},
        }
    )


# What there is always


@pytest.mark.usefixtures("no_dot")
def test_without_graphviz_there_are_text_and_html() -> None:
    """Machines, runs, flows and states show themselves where there is no program dot."""
    flow = halves()
    for thing in (Machine.load("task-run"), sent("START"), flow, flow.run(), states.Success()):
        assert set(shown(thing)) == {TEXT, HTML}


@needs_dot
def test_with_graphviz_there_are_text_and_svg() -> None:
    """Machines, runs and flows show pictures; states, which do not know the flow, show tables."""
    flow = halves()
    for thing in (Machine.load("task-run"), sent("START"), flow):
        assert set(shown(thing)) == {TEXT, SVG}
    assert set(shown(flow.run())) == {TEXT, HTML}


@needs_dot
def test_pictures_need_the_program_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """No picture is made by the package graphviz."""
    without(monkeypatch, "graphviz")
    for thing in (halves(), Machine.load("task-run")):
        assert set(shown(thing)) == {TEXT, SVG}


def test_a_program_that_fails_is_as_good_as_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """A program dot that says no, or cannot be started, leads to HTML and to no error."""
    for program in (sys.executable, "no/such/program"):
        monkeypatch.setattr(shutil, "which", lambda _name, found=program: found)
        for thing in (Machine.load("task-run"), sent("START"), halves()):
            assert set(shown(thing)) == {TEXT, HTML}


def test_a_program_that_takes_too_long_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    """The program dot has a few seconds, then there is HTML."""
    usual, slow = subprocess.run, [sys.executable, "-c", "import time; time.sleep(60)"]
    monkeypatch.setattr(shutil, "which", lambda _name: "dot")
    monkeypatch.setattr(subprocess, "run", lambda _command, **how: usual(slow, **how))
    monkeypatch.setattr(_dot, "SECONDS", 0.1)
    assert set(shown(Machine.load("flow-run"))) == {TEXT, HTML}


def test_nothing_is_loaded_until_something_is_shown() -> None:
    """`import interlock` loads nothing of this, and showing a state needs no graphviz."""
    code = (
        "import interlock, sys\n"
        "print(*sys.modules)\n"
        "interlock.states.Success()._repr_mimebundle_()\n"
        "print('interlock._notebook' in sys.modules, 'graphviz' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    modules, later = done.stdout.splitlines()
    assert {"interlock._notebook", "interlock._dot", "interlock._visualize", "graphviz"} & set(modules.split()) == set()
    assert later == "True False"


# What is asked for


@pytest.mark.parametrize(
    ("include", "exclude", "there"),
    [
        (None, None, {TEXT, SVG}),
        ([], [], {TEXT, SVG}),  # IPython takes both as not said
        ({TEXT}, None, {TEXT}),
        ({HTML}, None, {HTML}),
        ([SVG, HTML], None, {SVG}),
        (None, [SVG], {TEXT, HTML}),
        (None, (SVG, HTML), {TEXT}),
        ({TEXT, SVG}, {SVG}, {TEXT}),
        ({"image/png"}, None, set()),
    ],
)
def test_what_is_asked_for_is_there(
    include: Container[str] | None, exclude: Container[str] | None, there: set[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing named is everything, `exclude` goes before `include`; the program is not called for nothing."""
    called: list[str] = []

    def svg(source: str) -> str:
        called.append(source)
        return "<svg/>"

    monkeypatch.setattr(_dot, "svg", svg)
    for thing in (Machine.load("flow-run"), sent("START"), halves()):
        called.clear()
        assert set(shown(thing, include=include, exclude=exclude)) == there
        assert len(called) == (SVG in there)


def test_what_is_asked_of_a_state_is_there() -> None:
    """The same holds for states, which have no picture."""
    state = states.Success()
    assert set(shown(state)) == {TEXT, HTML}
    assert set(shown(state, include=[SVG, HTML])) == {HTML}
    assert set(shown(state, include=[SVG])) == set()
    assert set(shown(state, exclude=[HTML])) == {TEXT}


# Text and HTML


@pytest.mark.usefixtures("no_dot")
def test_a_machine_is_its_grid(monkeypatch: pytest.MonkeyPatch) -> None:
    """The text is the grid, as wide as the terminal; the HTML too, and each cell says in full what it means."""
    monkeypatch.setenv("COLUMNS", "60")
    bundle = shown(Machine.load("flow-run"))
    assert bundle[TEXT].startswith("<Machine flow-run: 10 states, 11 signals>\n")
    assert max(map(len, bundle[TEXT].splitlines())) <= 60
    assert "Pending, Scheduled -" in bundle[TEXT]
    before, rows = table(Machine.load("flow-run"))
    assert before == "flow-run"
    assert rows[0][1:3] == ["SUCCESS", "FAIL"]
    assert rows[1][:5] == ["Pending, Scheduled", "Success", "Failed", "Skipped", "refused"]
    assert len(rows) == 5
    html = shown(Machine.load("task-run"), include={HTML})[HTML]
    assert '<span title="a failure is given another attempt"> if retries_left</span>' in html


@pytest.mark.usefixtures("no_dot")
def test_a_run_is_its_story() -> None:
    """The text has the story as arrows, the HTML a row for each step."""
    run = sent("START", "FAIL", "START", limits={"max_retries": 1})
    assert shown(run)[TEXT] == (
        "<Run of task-run: Running, 3 steps>\nPending -START-> Running -FAIL-> Retrying -START-> Running"
    )
    before, rows = table(run)
    assert before == "task-run: Running"
    assert rows == [
        ["step", "before", "signal", "after"],
        ["1", "Pending", "START", "Running"],
        ["2", "Running", "FAIL", "Retrying"],
        ["3", "Retrying", "START", "Running"],
    ]


@pytest.mark.usefixtures("no_dot")
def test_runs_without_steps_and_with_too_many() -> None:
    """A run that was just made shows where it is; of a long one the last 40 steps are shown, the others counted."""
    run = sent()
    assert shown(run)[TEXT] == "<Run of task-run: Pending, 0 steps>"
    assert table(run) == ("task-run: Pending", [])
    for _ in range(1500):
        run.send("SCHEDULE")
    assert shown(run)[TEXT].splitlines()[1].startswith("1,460 steps before, then Scheduled -SCHEDULE-> Scheduled")
    assert shown(run)[TEXT].count("-SCHEDULE->") == 40
    _, rows = table(run)
    assert rows[1:3] == [["1,460 before"], ["1461", "Scheduled", "SCHEDULE", "Scheduled"]]
    assert len(rows) == 42


@pytest.mark.usefixtures("no_dot")
def test_a_run_says_what_a_plugin_chose_and_that_it_is_sealed() -> None:
    """A signal that a plugin chose stands there with the one that was asked for; a sealed run is closed."""

    class Skips:
        @hookimpl
        def before_step(self, run: object, signal: object) -> object:
            return "SKIP" if signal == "FAIL" else None

    run = Run(Machine.load("task-run"), plugins=[Skips()])
    run.send("START")
    run.send("FAIL")
    assert table(run)[1][-1] == ["2", "Running", "SKIP (asked: FAIL, chosen by Skips)", "Skipped"]
    assert table(run)[0] == "task-run: Skipped"
    run = sent("START")
    run.send("ENDRUN", carried="Paused")
    assert table(run)[0] == "task-run: Paused, closed"


@pytest.mark.usefixtures("no_dot")
def test_a_flow_is_its_tasks() -> None:
    """Each task stands there with what it waits for, behind its upstreams."""
    flow = halves()
    told = [
        ("numbers-1", ""),
        ("half-1", "x=each of numbers-1"),
        ("add-1", "xs=half-1, start=numbers-1"),
    ]
    assert table(flow) == ("halves", [["task", "waits for"], *map(list, told)])
    lines = [f"  {slug} <- {sources}" if sources else f"  {slug}" for slug, sources in told]
    assert shown(flow)[TEXT].splitlines() == ["<Flow: halves, 3 tasks>", *lines]


def test_a_state_is_a_chip() -> None:
    """A state shows its name and message on its colour, and a map how its children ended."""
    assert shown(states.Skipped("nothing to do"))[TEXT] == '<Skipped: "nothing to do">'
    assert table(states.Skipped("nothing to do")) == ("Skipped\N{EN SPACE}nothing to do", [])
    mapped = states.Mapped(map_states=(states.Success(), states.Failed(), states.Success()))
    assert table(mapped)[0] == "Mapped\N{EN SPACE}2 Success, 1 Failed"
    assert len({shown(kind())[HTML] for kind in BY_NAME.values()}) == len(BY_NAME)
    assert table(State())[0] == "State"  # of no kind that has a colour
    assert table(type(EVIL, (State,), {})())[0] == EVIL


def test_a_flow_s_state_is_those_of_its_tasks() -> None:
    """The state of a flow run has a row for each task; the children of a map are counted."""
    state = halves().run()
    before, rows = table(state)
    assert before.startswith("Success")
    assert rows == [
        ["task", "state", "message"],
        ["numbers-1", "Success", ""],
        ["half-1", "Mapped", "2 Success, 1 Skipped"],
        ["add-1", "Success", ""],
    ]


def test_of_many_tasks_those_that_went_as_usual_are_counted() -> None:
    """At most 40 tasks of a state are shown, and the others counted, as the command line does."""
    with Flow("many") as flow:
        for number in range(100):
            task(name="many")(does(SKIP("no") if number % 2 else 1))()
    _, rows = table(flow.run())
    assert len(rows) == 42
    assert {row[1] for row in rows[1:-1]} == {"Skipped"}
    assert rows[-1] == ["60 more", "", "50 Success, 10 Skipped"]


# Limits


def test_what_is_too_large_has_no_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    """Above 200 states or tasks the program is not called: it could take minutes."""
    monkeypatch.setattr(_dot, "svg", lambda _source: "<svg/>")
    assert set(shown(wide(200))) == set(shown(Run(wide(200)))) == set(shown(chain(200))) == {TEXT, SVG}
    assert set(shown(wide(201))) == set(shown(Run(wide(201)))) == set(shown(chain(201))) == {TEXT, HTML}


def test_what_is_too_large_is_counted() -> None:
    """Of large machines and flows, numbers are shown."""
    said = "<Machine wide: 201 states, 200 signals>"
    assert shown(wide(201))[TEXT] == said
    assert table(wide(201)) == (said, [])
    lines = shown(chain(201))[TEXT].splitlines()
    assert len(lines) == 42
    assert lines[-1] == "  161 more"
    assert table(chain(201))[1][-1] == ["161 more", ""]


def test_too_many_edges_have_no_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    """Few tasks with very many edges would take the program as long: it is not called either."""
    called: list[object] = []

    def run(command: object, **_how: object) -> None:
        called.append(command)
        raise OSError

    monkeypatch.setattr(shutil, "which", lambda _name: "dot")
    monkeypatch.setattr(subprocess, "run", run)
    for edges, calls in ((500, 1), (600, 0)):
        called.clear()
        assert _dot.svg("digraph {\n" + "a -> b\n" * edges + "}") is None
        assert len(called) == calls


# Whatever stands in names and messages


NAMES = [EVIL, "<b>bold</b>", "<a<b>", "a:b", "back\\", "\\n", '"quoted"', "&amp;", "nul\0", "\x1b[1m", "\ud800", "%3A"]


def named(name: str) -> Machine:
    return Machine.from_mapping(
        {
            "lifecycle": name,
            "initial": "On",
            "states": {"On": {"means": "on"}, "Off": {"means": "off", "final": True}},
            "signals": {"PULL": {"means": "pull"}},
            "from": {"On": {"PULL": "Off"}},
        }
    )


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.usefixtures("no_dot")
def test_html_is_escaped(name: str) -> None:
    """A name or message is shown as it is, and never acts; no kernel stumbles over it."""
    with Flow(name) as flow:
        task(name=name)(does(FAIL(name)))()
    for thing in (flow, flow.run(), states.Failed(name), named(name), Run(named(name))):
        bundle = shown(thing)
        assert json.dumps(bundle, ensure_ascii=False).encode("utf-8")
        before, rows = table(thing)
        assert name.replace("\ud800", "?") in before + "".join(map("".join, rows))


@pytest.mark.parametrize("name", NAMES)
@needs_dot
def test_pictures_are_escaped(name: str) -> None:
    """A name is shown as it is in a picture, and is taken for neither a port, nor HTML, nor an escape."""
    with Flow(name) as flow:
        task(name=name)(lambda x: x)(task(name=name)(does(1))())
    readable = "".join("\N{REPLACEMENT CHARACTER}" if sign in "\0\x1b\ud800" else sign for sign in name)
    assert sorted(map(str.strip, texts(shown(flow)[SVG]))) == sorted([readable, f"{readable}-1", f"{readable}-2", "x"])
    assert readable in texts(shown(named(name))[SVG])
    assert readable in texts(shown(Run(named(name)))[SVG])


# A notebook that is executed

TOUR = importlib.resources.files("interlock") / "examples" / "tour.ipynb"
MORE = """
@task
async def waits() -> int:
    await asyncio.sleep(0)
    return 1

with Flow("async bodies") as flow:
    one = waits()

assert flow.run(executor="async").result[one].result == 1
assert (await flow.run_async()).result[one].result == 1
"""


@pytest.fixture
def kernel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Return the name of a kernel that is this interpreter, in a place where nothing of the user's is read."""
    arguments = [sys.executable, "-X", "frozen_modules=off", "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    folder = tmp_path / "jupyter" / "kernels" / "under-test"
    folder.mkdir(parents=True)
    spec = {"argv": arguments, "display_name": "under test", "language": "python"}
    (folder / "kernel.json").write_text(json.dumps(spec), encoding="utf-8")
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path / "jupyter"))
    for name in ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR"):
        monkeypatch.setenv(name, str(tmp_path / name))
    monkeypatch.setenv("JUPYTER_NO_CONFIG", "1")
    monkeypatch.setenv("JUPYTER_PLATFORM_DIRS", "1")  # older versions warn where nobody has chosen
    return folder.name


def executed(notebook: nbformat.NotebookNode, kernel: str, folder: Path) -> dict[str, list[nbformat.NotebookNode]]:
    """Execute a notebook, see that its kernel is gone, and return the outputs by the names of their cells."""
    client = NotebookClient(notebook, kernel_name=kernel, timeout=120, resources={"metadata": {"path": str(folder)}})
    manager = client.km = client.create_kernel_manager()
    started: list[subprocess.Popen[bytes]] = []

    def begun(**_: object) -> None:
        provisioner: Any = manager.provisioner  # Any: it is one of those that start a process, and have it
        started.append(provisioner.process)

    client.on_notebook_start = begun
    # Elsewhere than on Windows this loop is the usual one; there, the usual one cannot watch the sockets of a kernel.
    with asyncio.Runner(loop_factory=asyncio.SelectorEventLoop) as runner:
        runner.run(client.async_execute())
    assert [process.poll() is not None for process in started] == [True]
    return {cell.id: cell.outputs for cell in notebook.cells if cell.cell_type == "code"}


@pytest.mark.parametrize("form", [pytest.param(SVG, marks=needs_dot), HTML])
def test_the_tour_is_executed(form: str, kernel: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The shipped notebook runs from top to bottom in a kernel, with and without graphviz, and shows what it says."""
    if form == HTML:
        monkeypatch.setenv("PATH", str(tmp_path))
    notebook = nbformat.reads(TOUR.read_text(encoding="utf-8"), as_version=4)
    for name, code in (("where", "import asyncio, sys\n[sys.prefix, sys.version]"), ("more", MORE)):
        notebook.cells.append(nbformat.v4.new_code_cell(code, id=name))
    outputs = executed(notebook, kernel, tmp_path)
    data = {name: found[0].data for name, found in outputs.items() if found and found[0].output_type != "stream"}
    assert {name: set(told) for name, told in data.items()} == {
        "machine": {TEXT, form},
        "run": {TEXT, form},
        "flow": {TEXT, form},
        "states": {TEXT, HTML},
        "awaited": {TEXT},
        "where": {TEXT},
    }
    assert ast.literal_eval(data["where"][TEXT]) == [sys.prefix, sys.version]
    assert "Scheduled" in data["machine"][form]
    assert ("START (1, 3)" in data["run"][form]) == (form == SVG)
    assert data["run"][TEXT].endswith("-START-> Running")
    assert "numbers" in data["flow"][form]
    assert "3 Success, 2 Skipped" in data["states"][HTML]
    assert data["awaited"][TEXT] == "3"
    assert outputs["refused"][0].text.startswith("task-run: RESUME is refused in Running")
    assert {name for name, found in outputs.items() if len(found) != 1} == {"more"}  # and it wrote no error
    assert outputs["more"] == []


def test_the_tour_is_stored_clean() -> None:
    """The notebook is valid, has no outputs, and names no interpreter but Python 3."""
    notebook = nbformat.reads(TOUR.read_text(encoding="utf-8"), as_version=4)
    nbformat.validate(notebook)
    assert {cell.execution_count for cell in notebook.cells if cell.cell_type == "code"} == {None}
    assert [cell.outputs for cell in notebook.cells if cell.cell_type == "code" and cell.outputs] == []
    assert notebook.metadata.kernelspec == {"display_name": "Python 3", "language": "python", "name": "python3"}
