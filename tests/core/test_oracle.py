"""Three interpreters of a table agree on every state and every refusal after every signal.

They are a naive scan of the rows (`naive`), `Run` over the compiled table, and `transitions` over the machine that
`to_transitions` builds; `Machine.next` is asked beside them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import hypothesis.strategies as st
import naive
import pytest
import strategies
import transitions
from hypothesis import given, settings

from interlock._errors import NoTransition
from interlock._machine import Machine
from interlock._run import Run
from interlock._transitions import Ledger, ledger

SHIPPED = ("task-run", "flow-run")
QUIET = settings(derandomize=True, deadline=None, database=None)


class Asked:
    """The answers of the opaque guards at the present step, for each interpreter in its own way."""

    def __init__(self, table: naive.Table) -> None:
        self.now: dict[str, bool] = {}
        self.names = strategies.opaque(table)

    def guards(self) -> dict[str, Callable[[object, object], bool]]:
        return {name: self._guard(name) for name in self.names}

    def _guard(self, name: str) -> Callable[[object, object], bool]:
        return lambda run, signal: self.now[name]


class Trio:
    """One life in three interpreters; `quick` sends as most callers do, `timed` takes the long way through `Run`."""

    def __init__(self, table: naive.Table, machine: Machine, limits: dict[str, float]) -> None:
        self.machine = machine
        self.limits = limits
        self.asked = Asked(table)
        self.life = naive.Life(table, limits)
        self.quick = Run(machine, limits, self.asked.guards())
        self.timed = Run(machine, limits, self.asked.guards())
        self.model = Model()
        self.events = machine.to_transitions(self.model, limits=limits, guards=self.asked.guards()).events
        self.idle = 0

    def send(self, signal: str, carried: str | None, answers: dict[str, bool]) -> None:
        """Send one signal to all of them, and see that they say the same."""
        self.asked.now = answers
        self.life.answers = dict(answers)
        place = f"{signal}({carried}) in {self.life.state}, story {self.quick.story}"
        if not self.life.sealed:
            assert self.pure(signal, carried) == self.life.answer(signal, carried), f"next: {place}"
        number = len(self.quick.story)
        expected = self.life.send(signal, carried)
        assert strategies.took(self.quick, signal, carried) == expected, place
        assert strategies.took(self.timed, signal, carried, at=float(number)) == expected, f"with a time: {place}"
        assert self.triggered(signal, carried) == expected, f"transitions: {place}"
        self.agree(place)
        self.reopen(refused=expected is None)

    def pure(self, signal: str, carried: str | None) -> str | None:
        counts = {name: self.life.counts[name] for name in self.machine.counters}
        try:
            return self.machine.next(
                self.life.state, signal, carried=carried, counts=counts, limits=self.limits, guards=self.asked.now
            )
        except NoTransition:
            return None

    def triggered(self, signal: str, carried: str | None) -> str | None:
        try:
            went = self.events[signal].trigger(self.model, carried=carried)
        except transitions.MachineError:
            return None
        return self.model.state if went else None

    def agree(self, place: str) -> None:
        for run in (self.quick, self.timed):
            assert (run.state, run.closed) == (self.life.state, self.life.sealed), place
            assert run.is_final is naive.is_final(self.life.table, run.state), place
            assert run.counts == {name: self.life.counts[name] for name in self.machine.counters}, place
        assert (self.model.state, ledger(self.model).closed) == (self.life.state, self.life.sealed), place

    def reopen(self, refused: bool) -> None:
        """Open a new pass of all of them, once a sealed run has refused two signals."""
        self.idle = self.idle + 1 if refused and self.life.sealed else 0
        if self.idle == 2 and not naive.is_final(self.life.table, self.life.state):
            self.quick.reopen()
            self.timed.reopen()
            self.life.sealed = ledger(self.model).closed = False


class Model:
    """What `transitions` moves."""

    state: str
    interlock: Ledger


def hold(data: st.DataObject, table: naive.Table, machine: Machine) -> None:
    """Draw limits, signals and answers, and send them to three interpreters."""
    trio = Trio(table, machine, data.draw(strategies.limits(table), label="limits"))
    answers = strategies.answers(table)
    for signal, carried in data.draw(strategies.signals(machine, trio.limits), label="signals"):
        trio.send(signal, carried, data.draw(answers))


@settings(QUIET, max_examples=300)
@given(data=st.data())
def test_three_interpreters_agree_on_every_drawn_table(data: st.DataObject) -> None:
    """Whatever the table, its limits and the answers of its opaque guards: state and refusal are the same in all."""
    table = data.draw(strategies.mappings(), label="table")
    hold(data, table, Machine.from_mapping(table))


@pytest.mark.parametrize("name", SHIPPED)
@settings(QUIET, max_examples=200)
@given(data=st.data())
def test_three_interpreters_agree_on_the_shipped_tables(name: str, data: st.DataObject) -> None:
    """The two tables that come with Interlock mean the same to all three."""
    hold(data, naive.shipped(name), Machine.load(name))


def kinds(table: naive.Table) -> set[str]:
    """Return the kinds of things that a table has, of those that an interpreter could get wrong."""
    guards = [guard["when"] for guard in table.get("guards", {}).values()]
    family = {name: state.get("is") for name, state in table["states"].items()}
    has = {
        "groups that share rows": any(name in table["from"] for name in table.get("groups", {})),
        "guards with counts": any("entered(" in when or "taken(" in when for when in guards),
        "limits": bool(table.get("limits")),
        "opaque guards": "?" in guards,
        "a signal that seals": any(signal.get("seals") for signal in table["signals"].values()),
        "a signal that recurs": any("recurs" in signal for signal in table["signals"].values()),
        "families two deep": any(family.get(kin or "") is not None for kin in family.values()),
        "attempts": "attempt" in table,
    }
    return {kind for kind, there in has.items() if there}


def test_each_kind_of_table_is_drawn_often() -> None:
    """More than a tenth of the drawn tables have groups, counts, opaque guards, a seal, deep families, and so on."""
    seen = Counter[str]()
    drawn = 0

    @settings(QUIET, max_examples=300)
    @given(strategies.mappings())
    def draw(table: naive.Table) -> None:
        nonlocal drawn
        drawn += 1
        seen.update(kinds(table))

    draw()
    assert drawn >= 300
    assert {kind: count for kind, count in seen.items() if count * 10 > drawn}.keys() == {
        "groups that share rows",
        "guards with counts",
        "limits",
        "opaque guards",
        "a signal that seals",
        "a signal that recurs",
        "families two deep",
        "attempts",
    }


def test_drawn_signals_are_of_every_sort() -> None:
    """Of the signals drawn for drawn tables, many are taken and many refused, and some runs are long."""
    sorts = Counter[str]()

    @settings(QUIET, max_examples=100)
    @given(data=st.data())
    def draw(data: st.DataObject) -> None:
        table = data.draw(strategies.mappings())
        life = naive.Life(table, {})
        steps = 0
        for signal, carried in data.draw(strategies.signals(Machine.from_mapping(table))):
            went = life.send(signal, carried) is not None
            steps += went
            sorts.update({"sent": 1, "taken": went, "may not be carried": bool(signal == strategies.HALT and not went)})
        sorts.update({"long": steps >= 8})

    draw()
    assert sorts["taken"] > sorts["sent"] / 4
    assert sorts["sent"] - sorts["taken"] > sorts["sent"] / 10
    assert sorts["may not be carried"] > 5
    assert sorts["long"] > 5
