"""The executable exports, run by those whom they are for, step by step beside our own runs.

They are XState, python-statemachine for SCXML, and `transitions` for its markup. What is sent is drawn: signals that
are taken and that are refused, carried states that may not be carried, events that nobody knows, and more behind the
end.
"""

from __future__ import annotations

import contextlib
import json
import math
from collections.abc import Callable, Iterator

import hypothesis.strategies as st
import pytest
import transitions
from exported import IDS, NAMED, QUIET, UNKNOWN, Life, XState, drawn, missing, named_lives, running
from hypothesis import given, settings
from transitions.extensions.markup import MarkupMachine

import interlock
from interlock import Machine
from interlock._export_markup import Model

Trace = list[tuple[str, dict[str, int], bool]]


@pytest.fixture(scope="module")
def xstate() -> Iterator[XState]:
    yield from running()


def in_xstate(life: Life, process: XState) -> Trace:
    config = json.loads(interlock.draw(life.machine, "xstate", limits=life.limits))
    found = process.lived(config, life)
    over = life.machine.final
    return [(state, counts, sealed and state not in over) for state, counts, sealed in found]


def in_statemachine(life: Life) -> Trace:
    try:
        from statemachine.io import load
    except ImportError:
        missing("python-statemachine is not installed: pip install 'interlock[test]'")
    text = interlock.draw(life.machine, "scxml", limits=life.limits)
    chart = load(text, format="scxml")()
    found = []
    for event, answers in zip(life.events, life.answers, strict=True):
        for name, answer in answers.items():
            setattr(chart.model, f"guard_{name}", int(answer))
        chart.send(event)
        (state,) = chart.configuration_values
        counts = {name: getattr(chart.model, data(name)) for name in life.machine.counters}
        found.append((state, counts, bool(getattr(chart.model, "sealed", 0))))
    return found


def data(count: str) -> str:
    """Return what SCXML calls a count: entered_Retrying for entered(Retrying)."""
    return count.replace("(", "_").removesuffix(")")


def in_transitions(life: Life) -> Trace:
    now: dict[str, bool] = {}

    def asked(name: str) -> Callable[[], bool]:
        return lambda: now[name]

    names = [name for name, guard in life.machine._table.guards.items() if guard.when == "?"]
    model = Model(life.machine, life.limits, {name: asked(name) for name in names})
    machine = MarkupMachine(markup=json.loads(interlock.draw(life.machine, "transitions")))
    machine.add_model(model)
    found = []
    for event, answers in zip(life.events, life.answers, strict=True):
        now = answers
        with contextlib.suppress(KeyError, transitions.MachineError):  # there is no such event, or it is refused
            machine.events[event].trigger(model)
        found.append((model.state, model.counts, model.sealed and model.state not in life.machine.final))
    return found


Runner = Callable[[Life], Trace]


@pytest.fixture(params=["xstate", "scxml", "transitions"])
def runner(request: pytest.FixtureRequest) -> Runner:
    """Return what runs an export."""
    if request.param == "xstate":
        process: XState = request.getfixturevalue("xstate")
        return lambda life: in_xstate(life, process)
    return in_statemachine if request.param == "scxml" else in_transitions


@pytest.mark.parametrize("machine", NAMED, ids=IDS)
@settings(QUIET)
@given(data=st.data())
def test_named_tables_are_run_alike(machine: Machine, runner: Runner, data: st.DataObject) -> None:
    """Whoever runs the export is where our run is after every event, with the same counts."""
    life = data.draw(named_lives(machine))
    assert runner(life) == life.trace


def test_drawn_tables_are_run_alike(runner: Runner) -> None:
    """So it is for any table, any limits and any answers of opaque guards."""
    for life in drawn():
        assert runner(life) == life.trace, life


KINDS: dict[str, Callable[[Life], bool]] = {
    "moves": lambda life: len({state for state, _, _ in life.trace}) > 2,
    "sealed, and sent more": lambda life: any(sealed for _, _, sealed in life.trace[:-1]),
    "over, and sent more": lambda life: any(state in life.machine.final for state, _, _ in life.trace[:-1]),
    "counts": lambda life: any(sum(counts.values()) > 1 for _, counts, _ in life.trace),
    "infinite limits": lambda life: math.inf in {**life.machine.limits, **life.limits}.values(),
    "no such event": lambda life: UNKNOWN in life.events,
    "answers that change": lambda life: len({str(answers) for answers in life.answers}) > 1,
}
"""What an export could get wrong."""


@pytest.mark.parametrize("kind", KINDS)
def test_lives_of_every_sort_are_compared(kind: str) -> None:
    """More than a tenth of the drawn lives have each."""
    assert sum(map(KINDS[kind], drawn())) * 10 > len(drawn()) >= 150
