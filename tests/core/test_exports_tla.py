"""The modules of TLA+: tree-sitter reads them, and what they say is what our runs do."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator

import hypothesis.strategies as st
import pytest
from exported import IDS, NAMED, QUIET, Edge, Life, agreed, drawn, missing, named_lives
from hypothesis import given, settings
from tla import Module, of, parser

import interlock
from interlock import Machine


@pytest.fixture(autouse=True, scope="module")
def tree_sitter() -> None:
    """See that tree-sitter is there."""
    try:
        parser()
    except ImportError:
        missing("tree-sitter-tlaplus is not installed: pip install 'interlock[test]'")


def module(machine: Machine, limits: dict[str, float] | None = None) -> Module:
    return Module(interlock.draw(machine, "tla", limits=limits))


def table_edges(found: Module) -> Iterator[Edge]:
    """Yield the edges that a module tells."""
    _, answer = found.operators["Answer"]
    for arm in [arm for arm in answer.named_children if arm.type == "case_arm"]:
        asked, _, call = arm.named_children
        states = found.value(asked.named_children[-1], {})
        _, row = found.operators[of(call.named_children[0])]
        for state, cell in itertools.product(states, [one for one in row.named_children if one.type == "case_arm"]):
            test, _, what = cell.named_children
            signal = of(test.named_children[-1])[1:-1]
            while what.type == "if_then_else":
                condition, then, what = what.named_children
                if condition.type == "bound_op":
                    yield state, signal, of(condition.named_children[0]), of(then)[1:-1]
                else:
                    carried = found.value(condition.named_children[-1], {})
                    yield from ((state, signal, None, target) for target in carried)
            if of(what) != "Refused":
                yield state, signal, None, of(what)[1:-1]


def sets(found: Module) -> dict[str, object]:
    return {
        name: found.call(name) for name in ("States", "Initial", "Final", "Signals", "Sealing", "Counted", "Opaque")
    }


def holds(machine: Machine) -> None:
    """See that a module has the vocabulary and the edges of its table, in order, and the operators of one run."""
    found = module(machine)
    agreed(list(table_edges(found)), machine)
    assert sets(found) == {
        "States": {*machine.rows},
        "Initial": machine.initial,
        "Final": {*machine.final},
        "Signals": {*machine.signals},
        "Sealing": {name for name, signal in machine.signals.items() if signal.seals},
        "Counted": {*machine.counters},
        "Opaque": {name for name, guard in machine._table.guards.items() if guard.when == "?"},
    }
    families = {name: {*machine.family(name)} & {*machine.rows} for name in machine.states}
    assert found.call("Family") == families
    assert {"Init", "Next", "Spec", "Send", "TypeOK", "FinalIsForEver", "SealedIsForEver"} <= {*found.operators}


def ran(life: Life) -> list[tuple[str, dict[str, int], bool]]:
    """Return the trace of a life by the operators of its module."""
    found = module(life.machine, life.limits)
    state, counts, sealed = found.call("Initial"), found.call("NoCounts"), False
    trace = []
    for event, answers in zip(life.events, life.answers, strict=True):
        signal, carried = sent(life.machine, event)
        after = found.call("Answer", state, signal, carried, counts, answers)
        if not sealed and after != found.call("Refused"):
            state, counts = after, found.call("Counts", counts, signal, after)
            sealed = signal in found.call("Sealing")
        trace.append((state, dict(counts), sealed and state not in life.machine.final))
    return trace


def sent(machine: Machine, event: str) -> tuple[str, str]:
    """Return the signal and the carried state of an event."""
    for signal, defined in machine.signals.items():
        if defined.seals and event.startswith(f"{signal}_"):
            return signal, event.removeprefix(f"{signal}_")
    return event, "nothing"


@pytest.mark.parametrize("machine", NAMED, ids=IDS)
def test_named_tables_are_told(machine: Machine) -> None:
    """The operators of a module tell its table, and nothing else."""
    holds(machine)


def test_drawn_tables_are_told() -> None:
    """So it is for any table."""
    for life in drawn():
        holds(life.machine)


@pytest.mark.parametrize("machine", NAMED, ids=IDS)
@settings(QUIET)
@given(data=st.data())
def test_named_tables_answer_alike(machine: Machine, data: st.DataObject) -> None:
    """The operators lead where our run goes, with the same counts."""
    life = data.draw(named_lives(machine))
    assert ran(life) == life.trace


def test_drawn_tables_answer_alike() -> None:
    """So it is for any table, any limits and any answers of opaque guards."""
    for life in drawn():
        assert ran(life) == life.trace, life


FRACTION = """
lifecycle = "2nd try: a fraction"
initial = "A"
[states]
A = { means = "one" }
Z = { means = "the end", final = true }
[signals]
GO = { means = "on", recurs = "it may" }
[limits]
part = { default = 0.5, means = "no whole number" }
whole = { default = 4, means = "a whole number" }
[guards]
States = { when = "taken(GO) + 1 - entered(A) SIGN whole - part", means = "its name is that of an operator" }
[from.A]
GO = { to = ["A if States", "Z"], because = "it stays" }
"""


@pytest.mark.parametrize("sign", ["<", "<=", ">", ">=", "==", "!="])
@pytest.mark.parametrize("part", [0, 0.5, 1, 1.25])
def test_fractions_are_no_integers(sign: str, part: float) -> None:
    """A limit that is no whole number decides as it does here, for TLA+ counts in integers."""
    machine = Machine.from_toml(FRACTION.replace("SIGN", sign))
    found = module(machine, {"part": part})
    for taken, entered in itertools.product(range(6), range(3)):
        counts = {"taken(GO)": taken, "entered(A)": entered}
        after = machine.next("A", "GO", counts=counts, limits={"part": part})
        assert found.call("Answer", "A", "GO", "nothing", counts, {}) == after


def test_names_that_tla_has_already() -> None:
    """A guard that is called like an operator of the module gets another name; the module's name is a name."""
    found = module(Machine.from_toml(FRACTION.replace("SIGN", "<")))
    assert found.name == "Life2ndTryAFraction"
    assert "States_" in found.operators
    assert re.fullmatch("-+ MODULE TaskRun -+", interlock.draw(Machine.load("task-run"), "tla").splitlines()[0])
