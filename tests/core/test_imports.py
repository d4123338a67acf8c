"""Machines of other libraries become tables that do the same, or it is said where and why they cannot."""

from __future__ import annotations

import json
import re
from enum import Enum
from functools import partial
from pathlib import Path
from typing import Any

import hypothesis.strategies as st
import pytest
import strategies
import transitions
from hypothesis import assume, given, settings
from transitions.extensions import GraphMachine, HierarchicalMachine, LockedMachine
from transitions.extensions.asyncio import AsyncMachine

from interlock import Import, Machine, Run, SpecError, draw
from interlock._draft import UNSAID
from interlock._draw import ways
from interlock._errors import NoTransition
from interlock.testing import assert_equivalent

QUIET = settings(derandomize=True, deadline=None, database=None, max_examples=150)


def plain(states: list[Any], ways: list[Any], **options: Any) -> transitions.Machine:
    """Return a machine of `transitions`. Any: it takes many things."""
    options = {"initial": "a", "auto_transitions": False, **options}
    return transitions.Machine(model=None, states=states, transitions=ways, **options)


def problems(source: Any, **options: Any) -> tuple[str, ...]:
    """Return what is refused. Any: what is brought."""
    read = brought(source, **options)
    assert (read.machine is None) is bool(read.problems)
    return read.problems


def brought(source: Any, **options: Any) -> Import:
    if isinstance(source, transitions.Machine):
        return Import.from_transitions(source, **options)
    if isinstance(source, str) and "<" in source:
        return Import.from_scxml(source, **options)
    return Import.from_xstate(source, **options)


# Round trips


@QUIET
@given(machine=strategies.machines())
def test_what_was_made_from_a_table_is_that_table(machine: Machine) -> None:
    """Guards, counts, seals, families, meanings: all come back, from the compiled machine and from the plain one."""
    for compiled in (True, False):
        back = Machine.from_transitions(machine.to_transitions(compiled=compiled))
        assert back == machine
        assert back.states == machine.states


@pytest.mark.parametrize("name", ["task-run", "flow-run"])
def test_shipped_tables_come_back(name: str) -> None:
    machine = Machine.load(name)
    assert Machine.from_transitions(machine.to_transitions()) == machine


def test_a_table_that_was_changed_behind_its_back_is_refused() -> None:
    """What was added to the projection is named; the table is the source."""
    made = Machine.load("flow-run").to_transitions()
    made.add_transition("EXPLODE", "Running", "Failed")
    made.remove_transition("SKIP", "Running")
    with pytest.raises(SpecError) as caught:
        Machine.from_transitions(made)
    why = "was changed behind to_transitions; change the table: machine.extend"
    assert set(caught.value.problems) == {f"Running -EXPLODE->: {why}", f"Running -SKIP->: {why}"}


@pytest.mark.parametrize("form", ["scxml", "xstate"])
@QUIET
@given(data=st.data())
def test_what_was_brought_is_drawn_and_brought_again(form: str, data: st.DataObject) -> None:
    """A chart that is written from a brought machine is read as one that answers alike, whatever its guards say.

    Those of several guards at once are written as expressions, and these are not read.
    """
    read = Import.from_transitions(data.draw(machines(most=1, unless=False)))
    assume(read.machine is not None)
    assert read.machine is not None
    again = brought(draw(read.machine, form))
    assert again.machine is not None, again.problems
    assert_equivalent(read.machine, again.machine)


@pytest.mark.parametrize("form", ["scxml", "xstate"])
def test_the_shipped_flow_run_is_drawn_and_brought_again(form: str) -> None:
    """What is carried is an event for each state there, and a seal is a guard that keeps a run where it is."""
    table = Machine.load("flow-run")
    again = brought(draw(table, form)).machine
    assert again is not None
    assert list(again._table.guards) == ["sealed"]
    named = {(b, f"{s}_{a}" if s == "ENDRUN" else s, a) for b, s, a in ways(table._table)}
    sealed = {(b, s, b) for b, s, _ in named if b in ("Paused", "Scheduled")}
    assert set(ways(again._table)) == named | sealed


@st.composite
def machines(draw: st.DrawFn, most: int = 2, unless: bool = True) -> transitions.Machine:
    """Return a machine as people write them: guarded, internal and reflexive transitions, and one way to an end.

    `most`: guards of a transition, at most; `unless`: whether some of them must say no.
    """
    states = [f"s{number}" for number in range(draw(st.integers(2, 5)))]
    every = [*states, "end"]
    made = transitions.Machine(
        model=None, states=[*states, {"name": "end", "final": True}], initial="s0", auto_transitions=False
    )
    for before, after in zip(states, every[1:], strict=True):
        made.add_transition("next", before, after, conditions=draw(st.sampled_from([None, "ready"])))
    for _ in range(draw(st.integers(0, 6))):
        signal, dest = draw(st.sampled_from(["go", "back", "stay"])), draw(st.sampled_from([*every, "=", None]))
        asked: list[Any] = draw(st.lists(st.sampled_from(["ready", "rich", "tall"]), unique=True, max_size=most))
        cut = draw(st.integers(0, len(asked))) if unless else len(asked)
        made.add_transition(signal, draw(st.sampled_from(states)), dest, conditions=asked[:cut], unless=asked[cut:])
    return made


class Model:
    state: str
    ready = rich = tall = False


def answer(model: Model, name: str, _run: object, _signal: object) -> bool:
    return bool(getattr(model, name))


@QUIET
@given(data=st.data())
def test_what_is_brought_does_what_it_did(data: st.DataObject) -> None:
    """Whatever is sent and whatever the guards answer, the table goes where the machine of `transitions` went."""
    source = data.draw(machines())
    read = Import.from_transitions(source)
    if read.machine is None:
        assert all("never taken" in problem for problem in read.problems)
        return
    model = Model()
    source.add_model(model)
    asked = [name for name in ("ready", "rich", "tall") if name in read.machine._table.guards]
    run = Run(read.machine, guards={name: partial(answer, model, name) for name in asked})
    for _ in range(12):
        signal = data.draw(st.sampled_from(sorted(source.events)))
        for name in ("ready", "rich", "tall"):
            setattr(model, name, data.draw(st.booleans()))
        try:
            went = source.events[signal].trigger(model)
        except transitions.MachineError:
            went = False
        assert (strategies.took(run, signal) is not None) is went
        assert run.state == model.state


# One machine in each notation

FETCH = {"idle", "loading", "waiting", "done", "failed"}
SCXML = """<?xml version="1.0"?>
<scxml xmlns="http://www.w3.org/2005/07/scxml" version="1.0" name="fetch" initial="idle">
  <state id="idle"><transition event="FETCH" target="busy"/></state>
  <state id="busy" initial="loading">
    <transition event="CANCEL" target="failed"/>
    <state id="loading">
      <transition event="OK" target="done"/>
      <transition event="ERROR" cond="retries_left" target="waiting"/>
      <transition event="ERROR" target="failed"/>
      <transition event="TICK"/>
    </state>
    <state id="waiting"><transition event="FETCH" target="loading"/></state>
  </state>
  <final id="done"/>
  <final id="failed"/>
</scxml>
"""
XSTATE = {
    "id": "fetch",
    "initial": "idle",
    "states": {
        "idle": {"on": {"FETCH": "busy"}},
        "busy": {
            "initial": "loading",
            "on": {"CANCEL": {"target": "failed"}},
            "states": {
                "loading": {
                    "on": {
                        "OK": "#fetch.done",
                        "ERROR": [{"guard": "retries_left", "target": "waiting"}, "#failed"],
                        "TICK": {},
                    }
                },
                "waiting": {"on": {"FETCH": {"target": ["loading"]}}},
            },
        },
        "done": {"type": "final"},
        "failed": {"id": "failed", "type": "final"},
    },
}


def nested() -> HierarchicalMachine:
    """Return the same as a hierarchical machine; its nested states have long names."""
    return HierarchicalMachine(
        model=None,
        name="fetch",
        initial="idle",
        auto_transitions=False,
        states=[
            "idle",
            {"name": "busy", "initial": "loading", "children": ["loading", "waiting"]},
            {"name": "done", "final": True},
            {"name": "failed", "final": True},
        ],
        transitions=[
            ["FETCH", "idle", "busy"],
            ["CANCEL", "busy", "failed"],
            ["OK", "busy_loading", "done"],
            {"trigger": "ERROR", "source": "busy_loading", "dest": "busy_waiting", "conditions": "retries_left"},
            ["ERROR", "busy_loading", "failed"],
            {"trigger": "TICK", "source": "busy_loading", "dest": None},
            ["FETCH", "busy_waiting", "busy_loading"],
        ],
    )


WROTE: dict[str, Any] = {"scxml": SCXML, "xstate": XSTATE, "transitions": nested()}


@pytest.mark.parametrize("kind", WROTE)
def test_one_machine_in_each_notation(kind: str) -> None:
    """Nested states become members of an abstract family, and take the ways of the state around them."""
    machine = brought(WROTE[kind]).made()
    long = "busy_" if kind == "transitions" else ""
    names = {name: f"{long}{name}" if name in ("loading", "waiting") else name for name in FETCH}
    assert {*machine.rows} == {*names.values()}
    assert machine.states["busy"].abstract
    assert {*machine.family("busy")} == {"busy", names["loading"], names["waiting"]}
    assert machine.final == {"done", "failed"}
    loading, waiting = names["loading"], names["waiting"]
    assert machine.next("idle", "FETCH") == machine.next(waiting, "FETCH") == loading
    assert machine.next(loading, "ERROR") == "failed"
    assert machine.next(loading, "ERROR", guards={"retries_left": True}) == waiting
    assert machine.next(loading, "TICK") == loading
    assert machine.rows[loading]["TICK"].because == "imported: it is accepted, and changes nothing"
    for state in (loading, waiting):
        assert machine.next(state, "CANCEL") == "failed"
    with pytest.raises(NoTransition):
        machine.next("idle", "CANCEL")
    assert machine.check().unsaid == ("FETCH", "ERROR")


def test_files(tmp_path: Path) -> None:
    """What is brought may stand in a file; what cannot be read is said as for a table."""
    chart, config, wrong = tmp_path / "fetch.scxml", tmp_path / "fetch.json", tmp_path / "wrong.json"
    chart.write_text(SCXML, encoding="utf-8")
    config.write_text(json.dumps(XSTATE), encoding="utf-8")
    wrong.write_text("{", encoding="utf-8")
    assert Machine.from_scxml(chart) == Machine.from_scxml(SCXML) == Machine.from_scxml(str(chart))
    assert Machine.from_xstate(config) == Machine.from_xstate(json.dumps(XSTATE)) == Machine.from_xstate(str(config))
    assert Import.from_xstate(wrong).file == str(wrong)
    assert problems(str(wrong))[0].startswith("file: is no JSON: ")
    for name in ("none.scxml", "none\0"):
        for read in (Import.from_scxml(tmp_path / name), Import.from_xstate(tmp_path / name)):
            assert len(read.problems) == 1


# What a table needs and other notations lack


def test_cycles_are_drafts_until_somebody_says_why() -> None:
    """A signal on a cycle recurs for no known reason; a reason takes its place; without drafts it is a problem."""
    source = plain(["a", "b", "c"], [["go", "a", "b"], ["back", "b", "a"], ["end", "b", "c"]])
    read = Import.from_transitions(source)
    assert {name: one.recurs for name, one in read.made().signals.items()} == {
        "go": UNSAID,
        "back": UNSAID,
        "end": None,
    }
    assert read.made().check().unsaid == ("go", "back")
    said = Import.from_transitions(source, recurs={"back": "people change their minds"})
    assert said.made().check().unsaid == ()
    assert said.made().signals["back"].recurs == "people change their minds"
    assert problems(source, draft=False) == (
        "from.a.go: the cycle a -go-> b -back-> a has no end: let one of its signals recur, with the reason, or guard "
        "a choice by a finite limit on what it raises: taken(its signal) or entered(its target)",
    )
    assert problems(source, recurs={"beck": "?"}) == ("recurs: there is no signal 'beck'. Did you mean 'back'?",)


def test_what_never_ends_can_be_stopped() -> None:
    """A machine without a final state is refused, and a signal that ends it is all that it needs."""
    source = plain(["a", "b"], [["flip", "a", "b"], ["flip", "b", "a"]])
    assert problems(source) == (
        "states: none of them is final, so that nothing ends it; mark the state that it ends in as final, or name a "
        "signal that ends it: stop='STOP'",
    )
    machine = Machine.from_transitions(source, stop="OFF")
    assert machine.next("a", "OFF") == machine.next("b", "OFF") == "Stopped"
    assert problems(source, stop="flip") == (
        "stop: there is a signal 'flip' already; the one that ends it needs a name of its own",
    )


def test_traps_and_islands_are_found() -> None:
    """What the rules find is told in the words of the rules, with the way out."""
    ways = [["go", "a", "b"], ["spin", "a", "c"], ["spin", "c", "d"], ["spin", "d", "c"], ["x", "e", "b"]]
    told = problems(plain(["a", "b", "c", "d", "e"], ways))
    assert "states.e: cannot be reached from a; give some cell the target 'e'" in told
    assert "states.c: is a trap: no final state can be reached from it (b)" in told
    assert told[-1] == ("states: mark the state that it ends in as final, or name a signal that ends it: stop='STOP'")
    assert Machine.from_transitions(plain(["a", "b", "c", "d"], ways[:4]), stop="OFF").accepts("d") == ("spin", "OFF")


class Light(Enum):
    RED = 1
    GREEN = 2


def test_states_of_an_enum_and_names_that_are_no_words() -> None:
    """Members are known by their names; what is no word becomes one, with a note; two that become one are refused."""
    source = plain(Light, [["go", Light.RED, Light.GREEN]], initial=Light.RED)  # type: ignore[arg-type]  # an Enum is one
    assert {*Machine.from_transitions(source).rows} == {"RED", "GREEN"}
    read = Import.from_transitions(
        plain(["a", "on hold", "2nd"], [["go on", "a", "on hold"], ["go on", "on hold", "2nd"]])
    )
    assert {*read.made().rows} == {"a", "on_hold", "_2nd"}
    assert "signal go on: is called 'go_on' here, for a name is a word" in read.notes
    assert problems(plain(["a", "a-b", "a b"], [["x", "a", "a-b"], ["y", "a", "a b"]])) == (
        "state a b: becomes 'a_b', and so does state 'a-b'; rename one of both",
    )


def test_notes_tell_what_is_left_out() -> None:
    """Callbacks, conditions without a name, jumps, silence, and states that just end."""
    source = plain(
        ["a", {"name": "b", "on_enter": "greet"}],
        [{"trigger": "go", "source": "a", "dest": "b", "conditions": lambda: True, "before": ["x", "y", "z", "w"]}],
        auto_transitions=True,
        ignore_invalid_triggers=True,
        after_state_change="saved",
        name="it",
    )
    read = Import.from_transitions(source)
    assert read.made().name == "it"
    calls = "a table calls nobody: hooks do, or callbacks behind to_transitions"
    assert set(read.notes) == {
        f"state b: calls on_enter greet; {calls}",
        f"a -go-> b: calls before x, before y, before z and 1 more; {calls}",
        f"the machine: calls after_state_change saved; {calls}",
        "a -go-> b: asks something without a name, which is called 'go_in_a_1' here",
        "the machine: ignores what a state does not take; here it is refused",
        "the machine: lets everybody go anywhere by to_...(); left out: only the table moves a run",
        "state b: nothing leads out of it, so it is final; say so, or give it a way on",
    }


def test_guards_that_answer_everything_need_no_refusal() -> None:
    """Of `ready` and `not ready` the second is what is left; where both may say no, the signal is refused."""
    ways: list[dict[str, Any]] = [
        {"trigger": "go", "source": "a", "dest": "b", "conditions": "ready"},
        {"trigger": "go", "source": "a", "dest": "c", "unless": "ready"},
        {"trigger": "try", "source": "a", "dest": "b", "conditions": ["ready", "class"], "unless": "tired"},
    ]
    machine = Machine.from_transitions(plain(["a", "b", "c"], ways))
    cells = machine.rows["a"]
    assert [str(choice) for choice in cells["go"].choices] == ["b if ready", "c"]
    assert [str(choice) for choice in cells["try"].choices] == ["b if ready_and_class__and_not_tired", "refused"]
    assert machine._table.guards["ready_and_class__and_not_tired"].when == "ready and class_ and not tired"


@pytest.mark.parametrize("cls", [LockedMachine, AsyncMachine, GraphMachine], ids=lambda cls: cls.__name__)
def test_every_class_is_read(cls: type[transitions.Machine]) -> None:
    """What a machine locks, awaits or draws makes no difference to its table."""
    drawn: dict[str, Any] = {"graph_engine": "mermaid"} if cls is GraphMachine else {}
    ways: list[Any] = [["go", "a", "b"], ["end", ["a", "b"], "c"]]
    source = cls(states=["a", "b", "c"], initial="a", transitions=ways, **drawn)
    machine = Machine.from_transitions(source)
    assert machine == Machine.from_transitions(plain(["a", "b", "c"], ways))
    assert machine.rows["b"].keys() == {"end"}


def test_meanings_come_along() -> None:
    """A description says what a state means; in SCXML an attribute `means`, of whatever name space."""
    told = config(description="it waits")
    assert Machine.from_xstate(told).states["a"].means == "it waits"
    text = chart("").replace('id="a"', 'id="a" xmlns:i="urn:i" i:means="it waits"')
    assert Machine.from_scxml(text).states["a"].means == "it waits"


def test_large_machines_are_read() -> None:
    """Three hundred states inside of three hundred others: each is read, and leads to the next."""
    inner: list[dict[str, Any]] = [{"x": {"on": {"n": f"#m.s{number + 1}"}}} for number in range(300)]
    states: dict[str, Any] = {f"s{number}": {"initial": "x", "states": one} for number, one in enumerate(inner)}
    machine = Machine.from_xstate({"id": "m", "initial": "s0", "states": {**states, "s300": {"type": "final"}}})
    assert len(machine.rows) == 301
    assert machine.next("s299_x", "n") == "s300"


# What is refused, and where

TRANSITIONS: dict[str, tuple[Any, str]] = {
    "no machine": ("a machine", "source: is 'a machine'; it must be a machine of transitions"),
    "shadowed": (
        plain(["a", "b", "c"], [["go", "a", "b"], ["go", "a", "c"], ["x", "a", "c"]]),
        "a -go-> c: is never taken: what stands before it always answers first",
    ),
    "twice": (
        plain(["a", "b"], [["go", "a", "b"], ["go", "a", "b"]]),
        "a -go-> b: is never taken: what stands before it always answers first",
    ),
    "no source": (plain(["a", "b"], [["go", "a", "b"], ["go", "c", "b"]]), "c -go-> b: there is no state 'c'."),
    "no target": (plain(["a", "bee"], [["go", "a", "be"]]), "a -go-> be: there is no state 'be'. Did you mean 'bee'?"),
    "over is over": (
        plain(["a", {"name": "b", "final": True}], [["go", "a", "b"], ["x", "b", "a"]]),
        "state b: is final, and x leads out of it; over is over",
    ),
    "parallel": (
        HierarchicalMachine(
            model=None,
            initial="a",
            auto_transitions=False,
            states=["a", {"name": "p", "parallel": ["x", "y"]}],
            transitions=[["go", "a", "p"]],
        ),
        "state p: is parallel: a run is in one state",
    ),
}


@pytest.mark.parametrize("kind", TRANSITIONS)
def test_what_a_machine_of_transitions_may_not_say(kind: str) -> None:
    source, told = TRANSITIONS[kind]
    assert Import.from_transitions(source).problems == (told,)
    with pytest.raises(SpecError, match=re.escape(told)):
        Machine.from_transitions(source)


def chart(inside: str, state: str = "") -> str:
    return f"""<scxml xmlns="http://www.w3.org/2005/07/scxml">
<state id="a">{inside}
<transition event="end" target="z"/></state>
<final id="z"/>{state}</scxml>"""


CHARTS: dict[str, tuple[str, str]] = {
    "parallel": (chart("", '<parallel id="p"/>'), "line 4, <parallel p>: has no meaning here: a run is in one state"),
    "history": (
        chart('<history id="h"/>'),
        "line 2, <history h>: has no meaning here: a state is entered as it is written, whatever was there before",
    ),
    "invoke": (chart("<invoke/>"), "line 2, <invoke>: has no meaning here: a table calls nobody"),
    "script": (
        chart("<onentry><script>x=1</script></onentry>"),
        "line 2, <script>: has no meaning here: a table runs no code",
    ),
    "raise": (
        chart('<onexit><if cond="x"><raise event="e"/></if></onexit>'),
        "line 2, <raise e>: has no meaning here: a table sends nothing: the event must come from outside",
    ),
    "eventless": (
        chart('<transition target="z"/>'),
        "line 2, <transition>: has no event; here nothing happens by itself: give it one, and send that",
    ),
    "wildcard": (
        chart('<transition event="*" target="z"/>'),
        "line 2, <transition *>: takes '*'; a signal is taken by its name, so name each",
    ),
    "prefix": (
        chart('<transition event="e" target="z"/><transition event="e.f" target="z"/>'),
        "line 2, <transition e.f>: 'e' takes 'e.f', too; here a signal has one name",
    ),
    "done": (
        chart('<transition event="done.state.a" target="z"/>'),
        "line 2, <transition done.state.a>: takes 'done.state.a', which the interpreter sends; here nobody does",
    ),
    "expression": (
        chart('<transition event="e" cond="x &gt; 3" target="z"/>'),
        "line 2, <transition e>: asks 'x > 3'; only a guard's name has a meaning, or 'not NAME'",
    ),
    "two targets": (
        chart('<transition event="e" target="a z"/>'),
        "line 2, <transition e>: has 2 targets; a run is in one state",
    ),
    "no target": (chart('<transition event="e" target="y"/>'), "line 2, <transition e>: there is no state 'y'."),
    "no id": (chart("", "<state/>"), "line 4, <state>: has no id; a state needs a name"),
    "twice": (chart("", '<state id="a"/>'), "line 4, <state a>: there is a state 'a' already, in line 2, <state a>"),
    "unknown": (
        chart("<sate/>"),
        "line 2, <sate>: is not known; a state holds state, final, transition, initial, onentry, onexit",
    ),
    "inner final": (
        chart("", '<state id="p"><final id="q"/></state>').replace('"end" target="z"', '"end" target="p"'),
        "line 4, <final q>: is final inside of another state, and ends only that; here a final state ends all",
    ),
    "no root": ("<state/>", "line 1, <state>: must be <scxml>"),
    "no XML": ("<scxml>", "file: is no XML: no element found: line 1, column 7"),
    "document type": (
        '<!DOCTYPE scxml [<!ENTITY a "aaaa">]><scxml/>',
        "file: line 1: has a document type, which may hold entities; drop it",
    ),
    "too deep": ("<s>" * 60 + "</s>" * 60, "file: line 1: is nested more than 50 levels deep"),
    "too large": ("<s>" + " " * 1_000_000, "file: is 1,000,003 bytes long; a state chart has at most 1,000,000"),
    "empty": ('<scxml name="e"/>', "initial: is missing; it must be a state"),
}


@pytest.mark.parametrize("kind", CHARTS)
def test_what_a_chart_may_not_say(kind: str) -> None:
    """Each problem has its line, its element, and what would be right."""
    text, told = CHARTS[kind]
    assert told in problems(text)
    with pytest.raises(SpecError, match=re.escape(told)):
        Machine.from_scxml(text)


def config(**state: Any) -> dict[str, Any]:
    """Return a configuration whose first state says something. Any: what JSON may hold."""
    first = {**state, "on": {"end": "z", **state.get("on", {})}}
    return {"id": "m", "initial": "a", "states": {"a": first, "z": {"type": "final"}}}


CONFIGS: dict[str, tuple[Any, str]] = {
    "always": (config(always="z"), "a.always: has no meaning here: here nothing happens by itself"),
    "after": (
        config(after={"1000": "z"}),
        "a.after: has no meaning here: a table reads no clock: let a timer send a signal",
    ),
    "invoke": (config(invoke={"src": "x"}), "a.invoke: has no meaning here: a table calls nobody"),
    "onDone": (config(onDone="z"), "a.onDone: has no meaning here: a final state ends all, not what is around it"),
    "parallel": (
        config(type="parallel"),
        "a.type: is 'parallel', which has no meaning here: a run is in one state",
    ),
    "history": (
        config(type="history"),
        "a.type: is 'history', which has no meaning here: a state is entered as it is written, whatever was there "
        "before",
    ),
    "all parallel": ({**config(), "type": "parallel"}, "machine.type: is 'parallel'; a run is in one state"),
    "everywhere": (
        {**config(), "on": {"X": "a"}},
        "machine.on: is taken in every state; write it into those that take it",
    ),
    "wildcard": (config(on={"*": "z"}), "a.on.*: takes any event; a signal is taken by its name, so name each"),
    "eventless": (config(on={"": "z"}), "a.on.: takes any event; a signal is taken by its name, so name each"),
    "done": (config(on={"done.invoke.x": "z"}), "a.on.done.invoke.x: is sent by the interpreter; here nobody does"),
    "two targets": (config(on={"e": ["z", "y"]}), "a.on.e: there is no state 'y'."),
    "many targets": (
        config(on={"e": {"target": ["z", "a"]}}),
        "a.on.e: leads to ['z', 'a']; a run is in one state",
    ),
    "no target": (config(on={"e": "#m.y"}), "a.on.e: there is no state 'y'."),
    "no id": (config(on={"e": "#q"}), "a.on.e: there is no state '#q'."),
    "inside": (config(on={"e": ".y"}), "a.on.e: there is no state 'a.y'."),
    "guard": (
        config(on={"e": {"target": "z", "guard": {"type": "not", "guards": ["x"]}}}),
        "a.on.e: asks {'type': 'not', 'guards': ['x']}; only the name of a guard has a meaning here",
    ),
    "delay": (
        config(on={"e": {"target": "z", "delay": 100}}),
        "a.on.e.delay: has no meaning here.",
    ),
    "a way": (config(on={"e": 3}), "a.on.e: is 3; it must be a target, or a mapping with one"),
    "unknown": (config(inital="b"), "a.inital: is not known. Did you mean 'initial'?"),
    "on": (config() | {"states": {"a": {"on": "z"}}}, "a.on: is 'z'; it must be a mapping from events to targets"),
    "states": ({"initial": "a", "states": ["a"]}, "machine.states: is ['a']; it must be a mapping, and not too deep"),
    "a state": ({"initial": "a", "states": {"a": 3}}, "machine.states.a: is 3; it must be a mapping"),
    "no initial": (config(states={"b": {}}), "a: has states inside, and none of them is its initial one"),
    "no mapping": (
        "{",
        "file: is no JSON: Expecting property name enclosed in double quotes: line 1 column 2 (char 1)",
    ),
    "too large": ("{" + " " * 1_000_000, "file: is 1,000,001 characters long; a machine has at most 1,000,000"),
    "too deep": ('{"a":' * 100_000, "file: is nested too deeply"),
    "inner final": (
        config(initial="b", states={"b": {"type": "final"}}),
        "a.b: is final inside of another state, and ends only that; here a final state ends all",
    ),
}


@pytest.mark.parametrize("kind", CONFIGS)
def test_what_a_configuration_may_not_say(kind: str) -> None:
    """Each problem has its path, and what would be right."""
    source, told = CONFIGS[kind]
    found = Import.from_xstate(source).problems
    assert told.rstrip(".") in [problem.rstrip(".") for problem in found]
    with pytest.raises(SpecError, match=re.escape(told.rstrip("."))):
        Machine.from_xstate(source)


def test_a_forbidden_event_is_a_refusal() -> None:
    """An event that is given nothing is refused here, also where the state around it takes it."""
    source = config(initial="b", states={"b": {"on": {"end": None, "c": "c"}}, "c": {}})
    machine = Machine.from_xstate(source)
    with pytest.raises(NoTransition, match="imported: it is forbidden here"):
        machine.next("b", "end")
    assert machine.next("c", "end") == "z"


def test_states_of_one_name_are_told_apart() -> None:
    """Where two nested states have one name, each has those around it in front."""
    inner = {"initial": "x", "states": {"x": {}, "y": {}}}
    source = config(on={"b": "b"}) | {}
    source["states"]["a"] |= {**inner, "states": {"x": {"on": {"n": "y"}}, "y": {}}}
    source["states"]["b"] = {"initial": "x", "states": {"x": {"on": {"end": "#m.z"}}}}
    assert {*Machine.from_xstate(source).rows} == {"a_x", "y", "b_x", "z"}


def test_all_problems_come_at_once() -> None:
    source = config(always="z", invoke={}, after={"1": "z"}, on={"*": "a"})
    assert len(problems(source)) == 3


def test_what_changes_no_state_is_left_out() -> None:
    """Data and actions of both notations are noted with their places."""
    text = chart('<onentry><log label="x"/></onentry>', "<datamodel><data id='n'/></datamodel>")
    assert Import.from_scxml(text).notes == (
        "line 2, <log>: is left out: it changes no state",
        "line 4, <datamodel>: is left out: it changes no state",
    )
    source = config(entry="x", on={"e": {"actions": ["y"]}}) | {"context": {"n": 0}}
    assert set(Import.from_xstate(source).notes) == {
        "machine.context: is left out: it changes no state",
        "a.entry: is left out: it changes no state",
        "a.on.e.actions: is left out: it changes no state",
    }
