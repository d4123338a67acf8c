"""A table in each class of `transitions`: the same states and refusals, counted in the same ledger."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from typing import Any

import hypothesis.strategies as st
import naive
import pytest
import strategies
import transitions
from hypothesis import given, settings
from transitions.extensions import GraphMachine, HierarchicalGraphMachine, HierarchicalMachine, LockedMachine
from transitions.extensions.asyncio import AsyncMachine
from transitions.extensions.nesting import NestedState

from interlock import Machine
from interlock._fast import FastMachine
from interlock._ledger import ledger

QUIET = settings(derandomize=True, deadline=None, database=None, max_examples=25)

CLASSES: dict[type[transitions.Machine], dict[str, Any]] = {
    transitions.Machine: {},
    LockedMachine: {},
    AsyncMachine: {},
    HierarchicalMachine: {},
    GraphMachine: {"graph_engine": "mermaid"},
}

FETCH = """
lifecycle = "fetch"
initial = "Pending"

[states]
Pending = { means = "not asked for" }
In_Flight = { means = "asked for, not answered" }
Waiting = { is = "Pending", means = "to be asked for again" }
Done = { final = true, means = "answered" }
Failed = { final = true, means = "given up" }

[signals]
ASK = { means = "it is asked for" }
ANSWER = { means = "it is answered" }
FAIL = { means = "there is no answer" }
HALT = { means = "nobody needs it any more", seals = true }

[limits]
most = { default = 3, means = "failures that are forgiven" }

[guards]
again = { when = "taken(FAIL) < most and useful", means = "it is asked for again" }
useful = { when = "?", default = true, means = "another time may help" }

[from.Pending]
ASK = "In_Flight"
HALT = { carries = ["Pending", "Failed"] }
[from.Waiting]
ASK = "In_Flight"
[from.In_Flight]
ANSWER = "Done"
FAIL = ["Waiting if again", "Failed"]
"""


class Model:
    state: str


RUNNER = asyncio.Runner()
"""One event loop for all: a loop for each trigger would take longer than the trigger."""


@pytest.fixture(scope="module", autouse=True)
def closed() -> Iterator[None]:
    """Close the loop behind the last test."""
    with RUNNER:
        yield


def sent(machine: transitions.Machine, model: object, name: str, carried: str | None = None) -> str | None:
    """Trigger, and return the state that follows; None for a refusal."""
    try:
        done = getattr(model, name)(carried=carried)
        went = RUNNER.run(awaited(done)) if isinstance(machine, AsyncMachine) else done
    except transitions.MachineError:
        return None
    return getattr(model, "state") if went else None  # noqa: B009  # what `transitions` puts on it no checker knows


async def awaited(done: Any) -> bool:
    """Return what a trigger of an `AsyncMachine` returns. Any: it is an awaitable."""
    return bool(await done)


@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)
@QUIET
@given(data=st.data())
def test_every_class_holds_every_table(cls: type[transitions.Machine], data: st.DataObject) -> None:
    """Whatever the table and the signals: the states, refusals, counts and seals are those of the rows."""
    table = data.draw(strategies.mappings())
    machine, limits = Machine.from_mapping(table), data.draw(strategies.limits(table))
    answers: dict[str, bool] = {}
    guards = {name: guard(answers, name) for name in strategies.opaque(table)}
    life, model = naive.Life(table, limits), Model()
    made = machine.to_transitions(model, cls=cls, limits=limits, guards=guards, **CLASSES[cls])
    for signal, carried in data.draw(strategies.signals(machine, limits)):
        answers.update(data.draw(strategies.answers(table)))
        life.answers = dict(answers)
        assert sent(made, model, signal, carried) == life.send(signal, carried)
        kept = ledger(model)
        assert (model.state, kept.closed) == (life.state, life.sealed)
        assert {name: kept.counts[name] for name in machine.counters} == {
            name: life.counts[name] for name in machine.counters
        }


def guard(answers: dict[str, bool], name: str) -> Callable[[object, str], bool]:
    return lambda model, event: answers[name]


@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)
@pytest.mark.parametrize("name", ["task-run", "flow-run"])
def test_shipped_tables_in_every_class(cls: type[transitions.Machine], name: str) -> None:
    """What is asked for is what is made, and the shipped tables fit into it."""
    machine = Machine.load(name)
    made = machine.to_transitions(cls=cls, **CLASSES[cls])
    assert isinstance(made, cls)
    assert list(made.states) == list(machine.rows)
    assert {state.name for state in made.states.values() if state.final} == machine.final
    assert Machine.from_transitions(made) == machine


def test_the_plain_class_is_compiled_and_its_subclass_is_not() -> None:
    class Own(transitions.Machine):
        pass

    machine = Machine.from_toml(FETCH)
    assert type(machine.to_transitions()) is FastMachine
    assert type(machine.to_transitions(cls=transitions.Machine)) is FastMachine
    assert type(machine.to_transitions(compiled=False)) is transitions.Machine
    assert type(machine.to_transitions(cls=Own)) is Own


def test_callbacks_of_a_table_are_the_users_own() -> None:
    """Finals are final there, too: `on_final` is called, and all other options are those of the class."""
    called: list[str] = []
    made = Machine.from_toml(FETCH).to_transitions(on_final=lambda event: called.append(event.model.state))
    for name in ("ASK", "ANSWER"):
        assert made.events[name].trigger(made.models[0])
    assert called == ["Done"]


# LockedMachine


def test_threads_share_a_locked_model() -> None:
    """Eight threads trigger one model: no step is lost, and none is counted twice."""
    machine = Machine.from_toml(FETCH)
    model = Model()
    made = machine.to_transitions(model, cls=LockedMachine, limits={"most": 10**6})
    done: list[str] = []

    def work() -> None:
        for _ in range(100):
            for name in ("ASK", "FAIL"):
                if sent(made, model, name):
                    done.append(name)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert 0 <= done.count("ASK") - done.count("FAIL") <= 1
    assert ledger(model).counts["taken(FAIL)"] == done.count("FAIL") > 0


# AsyncMachine


def test_guards_may_be_awaited() -> None:
    """An opaque guard may be an async function, wherever it stands in a test."""
    asked: list[tuple[str, str]] = []

    async def useful(model: Model, event: str) -> bool:
        await asyncio.sleep(0)
        asked.append((model.state, event))
        return len(asked) < 2

    async def life() -> list[str]:
        model: Any = Model()  # Any: its triggers are put on it
        Machine.from_toml(FETCH).to_transitions(model, cls=AsyncMachine, guards={"useful": useful})
        found: list[str] = []
        for name in ("ASK", "FAIL", "ASK", "FAIL"):
            await model.trigger(name)
            found.append(model.state)
        return found

    assert asyncio.run(life()) == ["In_Flight", "Waiting", "In_Flight", "Failed"]
    assert asked == [("In_Flight", "FAIL")] * 2


def test_a_trigger_that_is_cancelled_is_counted() -> None:
    """A later trigger cancels one that has changed the state and whose callback is under way: its count stands."""

    async def life() -> tuple[str, int, list[object]]:
        model: Any = Model()  # Any: its triggers are put on it
        entered = asyncio.Event()

        async def slow(_event: object) -> None:
            entered.set()
            await asyncio.sleep(60)

        made = Machine.from_toml(FETCH).to_transitions(model, cls=AsyncMachine)
        made.states["Waiting"].add_callback("enter", slow)  # type: ignore[arg-type]  # it says less than it takes
        await asyncio.create_task(model.ASK())  # tasks, for what runs in one task is not cancelled by itself
        first = asyncio.create_task(model.FAIL())
        await entered.wait()
        second = await asyncio.create_task(model.ASK())
        return model.state, ledger(model).counts["taken(FAIL)"], [await first, second]

    assert asyncio.run(life()) == ("In_Flight", 1, [False, True])


def test_finals_of_an_async_machine_are_told() -> None:
    called: list[str] = []

    async def life() -> None:
        model: Any = Model()  # Any: its triggers are put on it
        told = {"on_final": lambda event: called.append(event.model.state)}
        Machine.from_toml(FETCH).to_transitions(model, cls=AsyncMachine, **told)
        await model.ASK()
        await model.ANSWER()

    asyncio.run(life())
    assert called == ["Done"]


# HierarchicalMachine


def test_families_are_no_nested_states() -> None:
    """A nested state takes the rows of the one around it; a member of a family has its own, so all are flat."""
    model: Any = Model()  # Any: its triggers are put on it
    made = Machine.from_toml(FETCH).to_transitions(model, cls=HierarchicalMachine)
    assert all(isinstance(state, NestedState) and not state.states for state in made.states.values())
    model.ASK()
    assert model.state == "In_Flight"  # no state In with a state Flight in it
    assert model.is_In_Flight()
    model.FAIL()
    assert model.state == "Waiting"
    with pytest.raises(transitions.MachineError, match="HALT"):
        model.HALT(carried="Pending")  # of Pending, but not of its member


def test_a_class_that_would_take_a_name_for_a_path() -> None:
    """It is refused, and it is said what would be right; with such a separator it is taken."""

    class Own(HierarchicalMachine):
        pass

    class Dotted(NestedState):
        separator = "."

    class Apart(HierarchicalMachine):
        state_cls = Dotted

    machine = Machine.from_toml(FETCH)
    with pytest.raises(ValueError, match=r"^fetch: Own takes 'In_Flight' for a nested state: .*such as '\.'$"):
        machine.to_transitions(cls=Own)
    assert type(machine.to_transitions(cls=Apart)) is Apart


# GraphMachine


@pytest.mark.parametrize("engine", ["mermaid", "graphviz"])
@pytest.mark.parametrize("cls", [GraphMachine, HierarchicalGraphMachine], ids=lambda cls: cls.__name__)
def test_graphs_have_every_edge(engine: str, cls: type[GraphMachine]) -> None:
    """Both engines draw the table, before and behind a trigger, with the names of its guards."""
    machine = Machine.from_toml(FETCH.replace("In_Flight", "Asked"))
    model: Any = Model()  # Any: its triggers are put on it
    machine.to_transitions(model, cls=cls, graph_engine=engine, show_conditions=True)
    assert model.ASK()
    graph = model.get_graph()
    source = graph.source if engine == "graphviz" else graph.draw(None)
    for cell in machine._table.cells.values():
        for target in cell.targets:
            assert cell.signal in source
            assert target in source
    assert "again" in source
    assert "carries Failed" in source
