"""Three interpreters of a table agree on every state and every refusal after every signal.

They are a naive scan of the rows (`naive`), `Run` over the compiled table, and `transitions` over the machine that
`to_transitions` builds, once through `transitions` alone and once compiled; `Machine.next` is asked beside them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from functools import cache

import hypothesis.strategies as st
import naive
import pytest
import strategies
import transitions
from hypothesis import given, settings

from interlock._errors import NoTransition
from interlock._ledger import Ledger, ledger
from interlock._machine import Machine
from interlock._run import Run

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
        self.models = [Model(), Model()]
        self.events = [
            machine.to_transitions(model, limits=limits, guards=self.asked.guards(), compiled=compiled).events
            for model, compiled in zip(self.models, (False, True), strict=True)
        ]
        self.idle = 0
        self.seen = Counter[str]()

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
        assert self.triggered(0, signal, carried) == expected, f"transitions: {place}"
        assert self.triggered(1, signal, carried) == expected, f"transitions, compiled: {place}"
        self.agree(place)
        refused_seal = expected is None and self.machine.signals[signal].seals
        self.seen.update(["sent", "refused" if expected is None else "taken"])
        self.seen.update({"sealed": self.life.sealed and expected is not None, "not to be carried": refused_seal})
        self.reopen(refused=expected is None)

    def pure(self, signal: str, carried: str | None) -> str | None:
        counts = {name: self.life.counts[name] for name in self.machine.counters}
        try:
            return self.machine.next(
                self.life.state, signal, carried=carried, counts=counts, limits=self.limits, guards=self.asked.now
            )
        except NoTransition:
            return None

    def triggered(self, number: int, signal: str, carried: str | None) -> str | None:
        model = self.models[number]
        try:
            went = self.events[number][signal].trigger(model, carried=carried)
        except transitions.MachineError:
            return None
        return model.state if went else None

    def agree(self, place: str) -> None:
        for run in (self.quick, self.timed):
            assert (run.state, run.closed) == (self.life.state, self.life.sealed), place
            assert run.is_final is naive.is_final(self.life.table, run.state), place
            assert run.counts == {name: self.life.counts[name] for name in self.machine.counters}, place
        for model in self.models:
            kept = ledger(model)
            assert (model.state, kept.closed) == (self.life.state, self.life.sealed), place
            assert {name: kept.counts[name] for name in self.machine.counters} == self.quick.counts, place

    def reopen(self, refused: bool) -> None:
        """Open a new pass of all of them, once a sealed run has refused two signals."""
        self.idle = self.idle + 1 if refused and self.life.sealed else 0
        if self.idle == 2 and not naive.is_final(self.life.table, self.life.state):
            self.quick.reopen()
            self.timed.reopen()
            self.life.sealed = False
            for model in self.models:
                ledger(model).closed = False


class Model:
    """What `transitions` moves."""

    state: str
    interlock: Ledger


def hold(data: st.DataObject, table: naive.Table, machine: Machine) -> Counter[str]:
    """Draw limits, signals and answers, send them to three interpreters, and return what came up how often."""
    trio = Trio(table, machine, data.draw(strategies.limits(table), label="limits"))
    answers = strategies.answers(table)
    for signal, carried in data.draw(strategies.signals(machine, trio.limits), label="signals"):
        trio.send(signal, carried, data.draw(answers))
    trio.seen["long"] += trio.seen["taken"] >= 6
    return trio.seen


@cache
def compared() -> Counter[str]:
    """Compare the interpreters over 300 drawn tables, and return what came up how often."""
    seen = Counter[str]()

    @settings(QUIET, max_examples=300)
    @given(data=st.data())
    def compare(data: st.DataObject) -> None:
        table = data.draw(strategies.mappings(), label="table")
        seen.update(hold(data, table, Machine.from_mapping(table)))
        seen.update(["table", *kinds(table)])

    compare()
    return seen


def test_three_interpreters_agree_on_every_drawn_table() -> None:
    """Whatever the table, its limits and the answers of its opaque guards: state and refusal are the same in all."""
    assert compared()["table"] >= 300


@pytest.mark.parametrize("name", SHIPPED)
@settings(QUIET, max_examples=100)
@given(data=st.data())
def test_three_interpreters_agree_on_the_shipped_tables(name: str, data: st.DataObject) -> None:
    """The two tables that come with Interlock mean the same to all three."""
    hold(data, naive.shipped(name), Machine.load(name))


KINDS: dict[str, Callable[[naive.Table], bool]] = {
    "groups that share rows": lambda table: any(name in table["from"] for name in table.get("groups", {})),
    "guards with counts": lambda table: any("entered(" in when or "taken(" in when for when in guards(table)),
    "limits": lambda table: bool(table.get("limits")),
    "opaque guards": lambda table: "?" in guards(table),
    "a signal that seals": lambda table: any(signal.get("seals") for signal in table["signals"].values()),
    "a signal that recurs": lambda table: any("recurs" in signal for signal in table["signals"].values()),
    "families two deep": lambda table: any(len(lineage(table, name)) > 2 for name in table["states"]),
    "attempts": lambda table: "attempt" in table,
}
"""What a table may have that an interpreter could get wrong."""


def guards(table: naive.Table) -> list[str]:
    return [guard["when"] for guard in table.get("guards", {}).values()]


def lineage(table: naive.Table, state: str) -> list[str]:
    kin = table["states"][state].get("is")
    return [state, *(lineage(table, kin) if kin else ())]


def kinds(table: naive.Table) -> list[str]:
    """Return the kinds of things that a table has."""
    return [kind for kind, has in KINDS.items() if has(table)]


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_of_table_is_compared_often(kind: str) -> None:
    """More than a tenth of the drawn tables have groups, counts, opaque guards, a seal, deep families, and so on."""
    assert compared()[kind] * 10 > compared()["table"]


def test_signals_of_every_sort_are_compared() -> None:
    """Of the signals drawn many are taken and many refused; seals carry what they may not; some lives are long."""
    seen = compared()
    assert seen["taken"] > seen["sent"] / 4
    assert seen["refused"] > seen["sent"] / 10
    assert seen["sealed"] > seen["table"] / 10
    assert seen["not to be carried"] > seen["table"] / 20
    assert seen["long"] > seen["table"] / 20
