"""The graph of a flow: what is drawn is what the flow has, plain or with the states of a run, and in every format."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections import Counter
from collections.abc import Callable
from functools import partial
from html import unescape
from typing import Any, NamedTuple

import pytest
from acts import does, refused
from exported import JS, QUIET, missing, needed
from flows_drawn import Drawn, World, built, flows
from hypothesis import given
from rich.text import Text

import interlock
from interlock import Flow, Machine, Parameter, Task, _colours, _exports, _flow_draw, _flow_picture, states, task
from interlock._flow_text import FEW, text
from interlock.signals import FAIL, SKIP
from interlock.states import State

ODD = [
    'a"b',
    "<b>&amp;</b>",
    "x\\ny\\",
    "{|}",
    "%%{init}%%",
    "#35;",
    "`md`",
    "1. one",
    "- two",
    "_x_ y_z",
    "$$e$$",
    "end",
]
"""Names that some language would read as something of its own."""


class Seen(NamedTuple):
    """What was read from a drawing."""

    tasks: dict[str, list[str]]
    """By name: what is told of the task's state."""
    edges: Counter[tuple[str, str, str, bool]]
    """How often a task gives another one an argument, or each of its elements."""
    kinds: dict[str, str]
    """By name: whether it is an input, a map or a task; where the format shows it."""
    colours: dict[str, str]
    """By name: its ground, where it has one."""


def named(flow: Flow) -> dict[Task, str]:
    """Return what each task is called in a picture."""
    times = Counter(node.name for node in flow.tasks)
    return {node: node.name if times[node.name] == 1 else flow.slugs[node] for node in flow.tasks}


def in_dot(flow: Flow, state: State | None) -> Seen:
    """Read a graph by graphviz."""
    program = needed("dot", "it reads what is written for it")
    source = interlock.draw(flow, "dot", state=state)
    done = subprocess.run([program, "-Tjson"], input=source.encode(), capture_output=True, check=True)
    assert done.stderr == b""
    read = json.loads(done.stdout)
    seen = Seen({}, Counter(), {}, {})
    names: dict[int, str] = {}
    shapes = {"note": "input", "box3d": "map", "box": "task"}
    for node in read["objects"]:
        name, *told = (unescape(re.sub("<[^>]*>", "", line)) for line in node["label"].split("<br/>"))
        names[node["_gvid"]] = name
        seen.tasks[name] = told
        seen.kinds[name] = shapes[node["shape"]]
        seen.colours[name] = node["fillcolor"]
    for edge in read.get("edges", []):
        before, after = names[edge["tail"]], names[edge["head"]]
        _arrow(seen, before, after, unescape(edge.get("label", "")).strip(), edge.get("style") == "dashed")
    return seen


def in_mermaid(flow: Flow, state: State | None) -> Seen:
    """Read a flowchart line by line: each must be of a form that Mermaid has."""
    front, title, end, first, *lines = interlock.draw(flow, "mermaid", state=state).splitlines()
    assert (front, end, first) == ("---", "---", "flowchart TD")
    assert json.loads(title.removeprefix("title: ")).startswith(
        re.sub(r"\s+", " ", flow.name).translate(_flow_picture.WIDE)
    )
    seen = Seen({}, Counter(), {}, {})
    names: dict[str, str] = {}
    classes: dict[str, str] = {}
    for line in lines:
        if found := re.fullmatch(r'    (t\d+)(\(|\[/|\[\[)"([^"]*)"(\)|/\]|\]\])(?::::(c\d+))?', line):
            name, *told = (_shown(part) for part in found[3].split("<br/>"))
            names[found[1]] = name
            seen.tasks[name] = told
            seen.kinds[name] = {"()": "task", "[//]": "input", "[[]]": "map"}[found[2] + found[4]]
            classes[name] = found[5]
        elif found := re.fullmatch(r'    (t\d+) (-->|-\.->)(?:\|"([^"]+)"\|)? (t\d+)', line):
            _arrow(seen, names[found[1]], names[found[4]], _shown(found[3] or ""), found[2] == "-.->")
        else:
            found = re.fullmatch(r"    classDef (c\d+) fill:(#\w{6}),stroke:#\w{6},color:#\w{6}", line)
            assert found, line
            seen.colours.update({name: found[2] for name, kind in classes.items() if kind == found[1]})
    return seen


def _shown(escaped: str) -> str:
    """Return what Mermaid shows; nothing in it may begin something of its own."""
    assert not re.search(r"[<>`{}\"&%$*]|#(?!\d+;)|^\d+[.)]|^[-+]", escaped), escaped
    return re.sub(r"#(\d+);", lambda found: chr(int(found[1])), escaped)


def _arrow(seen: Seen, before: str, after: str, label: str, mapped: bool) -> None:
    for key in label.split(", "):
        seen.edges[before, after, key.removeprefix("each").strip() if mapped else key, mapped] += 1


def parsed(drawings: list[str]) -> list[Seen]:
    """Read flowcharts by mermaid's own parser: in one process, for it takes a while to begin."""
    node = needed("node", "it runs mermaid")
    if not (JS / "node_modules" / "mermaid").is_dir():
        missing("mermaid is not installed: run npm ci in tests/js")
    given = "".join(json.dumps(drawn) + "\n" for drawn in drawings)
    command = [node, str(JS / "mermaid.mjs")]
    done = subprocess.run(command, input=given, capture_output=True, text=True, encoding="utf-8", check=True)
    return [_parsed(json.loads(line)) for line in done.stdout.splitlines()]


def _parsed(read: dict[str, Any]) -> Seen:  # Any: what JSON may hold
    assert "error" not in read, read
    seen = Seen({}, Counter(), {}, {})
    names: dict[str, str] = {}
    shapes = {"round": "task", "lean_right": "input", "subroutine": "map"}
    for node in read["nodes"]:
        name, *told = node["text"].split("\n")
        names[node["id"]] = name
        seen.tasks[name] = told
        seen.kinds[name] = shapes[node["shape"]]
        for style in node["styles"]:
            if style.startswith("fill:"):
                seen.colours[name] = style.removeprefix("fill:")
    for link in read["links"]:
        _arrow(seen, names[link["start"]], names[link["end"]], link["text"], link["stroke"] == "dotted")
    return seen


def in_text(flow: Flow, state: State | None) -> Seen:
    """Read the lines of text by their columns."""
    head, columns, *lines = interlock.draw(flow, "text", state=state).splitlines()
    assert head.startswith(f"{flow.name}: {len(flow)} task")
    starts = [columns.index(name) for name in ("task", "state", "waits for") if name in columns]
    seen = Seen({}, Counter(), {}, {})
    names = {flow.slugs[node]: name for node, name in named(flow).items()}
    for line in lines:
        parts = [line[start:end].strip() for start, end in zip(starts, [*starts[1:], None], strict=True)]
        name = names[parts[0]]
        seen.tasks[name] = parts[1].split(": ") if state is not None else []
        for waited in filter(None, parts[-1].split(", ")):
            found = re.fullmatch(r"(?:(\w+)=)?(each of )?(.*)", waited)
            assert found
            seen.edges[names[found[3]], name, found[1] or "", found[2] is not None] += 1
    return seen


READERS: dict[str, Callable[[Flow, State | None], Seen]] = {"dot": in_dot, "mermaid": in_mermaid, "text": in_text}


def agrees(seen: Seen, flow: Flow, state: State | None) -> None:
    """See that what was read is what the flow has."""
    names = named(flow)
    edges = Counter((names[e.upstream], names[e.downstream], e.key or "", e.mapped) for e in flow.edges)
    for before, after, key, mapped in list(edges) if seen.kinds else ():  # in a picture, what gives nothing beside them
        if not (key or mapped) and any(other[:2] == (before, after) and other[2] and not other[3] for other in edges):
            del edges[before, after, key, mapped]
    assert seen.edges == edges
    assert set(seen.tasks) == set(names.values())
    for node, name in names.items():
        if name in seen.kinds:
            assert (seen.kinds[name] == "map") is any(edge.mapped for edge in flow.edges_to(node))
        if state is None:
            assert seen.tasks[name] == []
            assert seen.colours.get(name, "#ffffff") == "#ffffff"
        else:
            told, *counts = seen.tasks[name]
            ended = state.result[node]
            assert told == type(ended).__name__
            children = Counter(type(child).__name__ for child in state.result.children(node))
            assert counted(counts) == children
            colour = _colours.of_kind(type(ended))
            assert colour is not None
            assert seen.colours.get(name, colour.on_white) == colour.on_white


def counted(counts: list[str]) -> Counter[str]:
    """Return what "2 Success, 1 Failed" says."""
    pairs = [part.split() for line in counts for part in line.split(", ")]
    return Counter({name: int(number.replace(",", "")) for number, name in pairs})


def made() -> Flow:
    """Return a flow with parameters, a map, two tasks of one name, and a task that is skipped."""
    with Flow("made") as flow:
        numbers = task(name="numbers")(lambda size: list(range(size)))(Parameter("size", 4))
        half = task(name="half")(lambda x, by: does(FAIL("odd") if x % by else x // by)()).map(
            numbers, interlock.unmapped(Parameter("by", 2))
        )
        first = task(name="add", trigger=interlock.triggers.any_successful)(lambda xs: 1)(half)
        task(name="add")(lambda a, b, c: 2)(first, numbers, numbers)
        skipped = task(name="skipped")(does(SKIP("nothing")))()
    flow.add_edge(first, skipped)
    return flow


def odd() -> Flow:
    flow = Flow("odd <b>")
    flow.chain(*(task(name=name)(does(1)).copy() for name in ODD))
    return flow


# What is drawn


@pytest.mark.parametrize("ran", [False, True])
@pytest.mark.parametrize("form", READERS)
def test_tasks_and_edges(form: str, ran: bool) -> None:
    """Tasks, edges, arguments, maps and states are those of the flow and of its run."""
    flow = made()
    state = flow.run() if ran else None
    seen = READERS[form](flow, state)
    agrees(seen, flow, state)
    if ran:
        assert seen.tasks["half"] == ["Mapped", "2 Success, 2 Failed"]
    if seen.kinds:
        assert seen.kinds["size"] == seen.kinds["by"] == "input"
        assert [name for name, kind in seen.kinds.items() if kind == "map"] == ["half"]


@pytest.mark.parametrize("form", READERS)
def test_drawn_flows(form: str) -> None:
    """So it is for flows drawn at random, and however their runs went."""

    @QUIET
    @given(drawn=flows())
    def test(drawn: Drawn) -> None:
        flow = built(drawn, World())
        agrees(READERS[form](flow, None), flow, None)
        state = flow.run()
        agrees(READERS[form](flow, state), flow, state)

    test()


@pytest.mark.parametrize("form", READERS)
def test_odd_names(form: str) -> None:
    """No name of a task is read as a part of the language that it stands in."""
    agrees(READERS[form](odd(), None), odd(), None)


def test_mermaids_own_parser_reads_the_same() -> None:
    """What Mermaid finds in a flowchart is what the flow has, also for odd names and for flows drawn at random."""
    found: list[tuple[Flow, State | None]] = [(made(), None), (odd(), None)]

    @QUIET
    @given(drawn=flows())
    def draw(drawn: Drawn) -> None:
        flow = built(drawn, World())
        found.append((flow, flow.run()))

    draw()
    found.append((found[0][0], found[0][0].run()))
    drawings = [interlock.draw(flow, state=state) for flow, state in found]
    for seen, (flow, state) in zip(parsed(drawings), found, strict=True):
        agrees(seen, flow, state)


def test_control_characters_are_left_out() -> None:
    """What would end a line, or steer a terminal, does not get through."""
    flow = Flow("a\nb\x1b[31m")
    flow.add_task(task(name="c\n\x1b]0;d\x07")(does(1)).copy())
    for form in READERS:
        drawn = interlock.draw(flow, form)
        assert isinstance(drawn, str)
        assert "\x1b" not in drawn
        assert "c \N{REPLACEMENT CHARACTER}]0;d" in drawn or "c #65533;#93;0#59;d" in drawn


def test_a_failure_shows_through() -> None:
    """Where a child has failed, the colour of failures is around the box of its map."""
    flow = made()
    lines = interlock.draw(flow, "mermaid", state=flow.run()).splitlines()
    (half,) = (line for line in lines if '"half<br/>' in line)
    assert f"classDef {half[-2:]} fill:{_colours.GREEN.on_white},stroke:{_colours.VERMILION.line}" in "\n".join(lines)


def test_a_terminal_names_few_upstreams() -> None:
    """On a terminal states have their colours, and of many upstreams the first are named."""
    with Flow("wide") as flow:
        task(name="add")(lambda xs: 1)([task(name="one")(does(1))() for _ in range(FEW + 4)])
    shown = text(flow, flow.run(), FEW)
    assert "item_5=one-6, and 4 more" in shown.plain
    assert colours_of(shown)["Success"] == {_colours.GREEN.tone}


def colours_of(shown: Text) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for span in shown.spans:
        found.setdefault(shown.plain[span.start : span.end], set()).add(str(span.style))
    return found


# Many tasks


def chained(names: list[str]) -> Flow:
    flow = Flow("many")
    one = task(does(1))
    flow.chain(*(one.copy(name=name) for name in names))
    return flow


def test_of_many_tasks_those_of_one_name_share_a_node() -> None:
    """Ten thousand tasks are a picture of a few nodes that says how many there are, and how they ended."""
    flow = chained(["load", "check"] * 5_000)
    state = flow.run()
    source = interlock.draw(flow, state=state)
    assert 'title: "many: Success (10,000 tasks; those of one name share a node)"' in source
    assert '("load (\N{MULTIPLICATION SIGN} 5,000)<br/>5,000 Success"):::c0' in source
    assert re.findall(r"t\d --> t\d", source) == ["t0 --> t1", "t1 --> t0"]
    assert interlock.draw(flow, "text").count("\n") == 10_001


def test_with_too_many_names_there_is_no_picture() -> None:
    """What no program could lay out is told of in a line, which says what there is instead."""
    flow = chained([f"n{number}" for number in range(10_000)])
    for form in ("mermaid", "dot", "svg", "png"):
        assert refused(partial(interlock.draw, flow, form)) == (
            "flow 'many': 10,000 tasks and 9,999 edges are too many for a picture, also with one node for all tasks of"
            " a name: 10,000 nodes. The format text lists them"
        )


@pytest.mark.skipif(not shutil.which("dot") and not os.environ.get("CI"), reason="the program dot is not installed")
def test_the_largest_picture_is_drawn() -> None:
    """As many nodes and arrows as a picture may have are no more than the program dot is given."""
    flow = chained([f"n{number}" for number in range(_flow_picture.NODES)])
    for place in range(_flow_picture.ARROWS - len(flow.edges)):
        flow.add_edge(flow.tasks[place], flow.tasks[place + 2])
    assert interlock.draw(flow, "svg").count('<g id="edge') == _flow_picture.ARROWS


# Pictures and mistakes


def test_every_format_is_there() -> None:
    """What the command line offers is what there is."""
    assert tuple(_flow_draw.FORMATS) == _exports.GRAPHS
    assert set(_exports.GRAPH_SUFFIXES.values()) == set(_exports.GRAPHS)


@pytest.mark.skipif(not shutil.which("dot") and not os.environ.get("CI"), reason="the program dot is not installed")
def test_pictures() -> None:
    """An SVG is text, a PNG is bytes."""
    assert "<svg" in interlock.draw(made(), "svg")
    assert interlock.draw(made(), "png").startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"format": "grid"}, "draw: 'grid' is no format. There are: mermaid, dot, svg, png, text"),
        ({"limits": {}}, "draw: limits= is for life cycles; this is a flow"),
        ({"only": "SKIP"}, "draw: only= is for life cycles; this is a flow"),
        ({"state": "Success"}, "draw: 'Success' is no state; give what flow.run() returned"),
        ({"state": states.Success()}, "draw: <Success> has no states of tasks; give what flow.run() returned"),
        ({"machine": Machine.load("task-run"), "state": states.Success()}, "draw: state= is for flows"),
    ],
)
def test_mistakes(arguments: dict[str, Any], said: str) -> None:  # Any: some are wrong on purpose
    """What cannot be drawn is told with what could be."""
    wrong: dict[str, Any] = {"machine": made(), **arguments}
    with pytest.raises(ValueError, match=re.escape(said)):
        interlock.draw(**wrong)


def test_states_of_another_flow_are_refused() -> None:
    """A run of a flow with other tasks is none of this one."""
    assert refused(lambda: interlock.draw(made(), state=chained(["numbers", "other"]).run())) == (
        "flow 'made': the run is of a flow with a task 'other-1'."
    )
