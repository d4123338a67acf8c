"""The compiled `transitions.Machine` and the plain one do the same, whatever is changed on both between triggers.

The plain one is what `to_transitions(compiled=False)` makes: a `transitions.Machine`, and nothing of ours but
conditions and callbacks.
"""

from __future__ import annotations

import copy
import logging
import pickle
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import Enum
from functools import cache
from typing import Any

import hypothesis.strategies as st
import pytest
import strategies
import transitions
from hypothesis import Phase, given, settings
from transitions.core import Condition, EventData

from interlock import Machine
from interlock._fast import FastEvent, FastMachine, Watched, _long
from interlock._ledger import Ledger, ledger

# No shrinking: a life that differs is short enough to be read, and a shorter one takes minutes to be found.
QUIET = settings(derandomize=True, deadline=None, database=None, phases=[Phase.generate])
Change = Callable[["Life"], None]

DOOR = """
lifecycle = "door"
initial = "Shut"

[states]
Shut = { means = "nobody gets through" }
Open = { means = "everybody gets through" }
Gone = { means = "broken out", final = true }

[signals]
PUSH = { means = "somebody pushes", recurs = "people come and go" }
PULL = { means = "somebody pulls", recurs = "people come and go" }
KICK = { means = "somebody kicks it" }
HALT = { means = "it is left as it is", seals = true }

[limits]
most = { default = 2, means = "pulls that it stands" }

[guards]
holds = { when = "taken(PULL) < most and not rusty", means = "it can be pulled" }
rusty = { when = "?", default = false, means = "it is rusty" }

[from.Shut]
PUSH = "Open"
KICK = "Gone"
HALT = { carries = ["Shut", "Gone"] }
[from.Open]
PULL = ["Shut if holds", "Gone"]
KICK = ["Gone if rusty", "refused"]
"""


def door() -> Machine:
    return Machine.from_toml(DOOR)


class Model:
    """What is moved. Its methods are callbacks that are given by name."""

    state: Any  # the user's own states may be members of an Enum
    status: Any
    interlock: Ledger

    def __init__(self) -> None:
        self.trace: list[object] = []

    def by_name(self, event: EventData) -> None:
        self.trace.append(("by name", event.event.name, self.state))


class Life:
    """One machine, its model, and what is called on it. The answers of guards are the same for both lives."""

    def __init__(self, machine: Machine, answers: dict[str, bool], compiled: bool, **options: Any) -> None:
        self.model = Model()
        self.answers = answers
        names = [name for name, guard in machine._table.guards.items() if guard.when == "?"]
        guards = {name: self.guard(name) for name in names}
        self.machine = machine.to_transitions(self.model, guards=guards, compiled=compiled, **options)
        self.held: list[Any] = []  # a list of callbacks that somebody else holds

    def guard(self, name: str) -> Callable[[Model, str], bool]:
        def asked(model: Model, event: str) -> bool:
            model.trace.append((name, event, model.state))
            return self.answers[name]

        return asked

    def call(self, name: str) -> Callable[[EventData], bool]:
        def called(event: EventData) -> bool:
            self.model.trace.append((name, event.event.name, self.model.state, event.kwargs))
            if name == "raises":
                raise ZeroDivisionError(name)
            return name != "refuses"

        return called

    def trigger(self, name: str, **given: Any) -> object:
        """Return what a trigger returns or raises, and what it left behind."""
        try:
            done: object = getattr(self.model, name)(**given)
        except Exception as error:  # noqa: BLE001  # whatever one machine raises, the other must raise
            done = (type(error), str(error))
        kept = ledger(self.model)
        return done, self.model.state, self.model.trace, dict(kept.counts), kept.closed

    def quick(self, name: str) -> bool:
        """Return whether the trigger does without `transitions` in the present state, so far as that is not logged."""
        event = self.machine.events[name]
        assert isinstance(event, FastEvent)
        return (event.rows.get(self.model.state) or event.learn(self.model)) is not _long


# What may be changed, each as a strategy for a change that is made to both lives.

WORDS = ("one", "other", "raises", "refuses")
MACHINES = ("prepare_event", "before_state_change", "after_state_change", "finalize_event", "on_exception", "on_final")


def every(source: str, dest: str, dest_: str | None, signal: str, word: str, number: int, place: str) -> list[Change]:
    """Return all that a user may do to a machine that is running."""

    def ways(life: Life) -> list[Any]:
        found = life.machine.events.get(signal)
        here = found.transitions[source] if found and source in found.transitions else []
        return here or [way for each in (found.transitions.values() if found else ()) for way in each]

    def way(life: Life) -> Any:
        found = ways(life)
        return found[number % len(found)] if found else transitions.Transition("a", "b")

    def state(life: Life) -> Any:
        return life.machine.states.get(source, transitions.State("none"))

    def removed(life: Life) -> None:
        if signal in life.machine.events:
            life.machine.remove_transition(signal, source)

    def replaced(life: Life) -> None:
        name = source if number % 2 else dest
        life.machine.add_states(transitions.State(name) if number < 2 else name, on_enter=life.call(word))

    def held(life: Life) -> None:
        setattr(life.machine, place, life.held)

    return [
        lambda life: life.machine.add_transition(signal, source, dest_),
        lambda life: life.machine.add_transition(signal, source, dest, before=life.call(word)),
        lambda life: life.machine.add_transition(signal, source, dest, conditions=life.call(word), after="by_name"),
        lambda life: life.machine.add_transition(signal, source, dest, before=life.held, after=[]),
        lambda life: life.machine.add_transitions([[signal, [source, dest], dest]]),
        replaced,
        removed,
        lambda life: getattr(life.machine, place).append(life.call(word)),
        lambda life: setattr(life.machine, place, life.call(word)),
        lambda life: setattr(life.machine, place, None),
        held,
        lambda life: life.held.append(life.call(word)),
        lambda life: life.held.clear(),
        lambda life: state(life).add_callback("enter", life.call(word)),
        lambda life: state(life).on_exit.append("by_name"),
        lambda life: setattr(state(life), "on_enter", [life.call(word)]),
        lambda life: setattr(state(life), "on_exit", []),
        lambda life: setattr(state(life), "enter", lambda event: life.call(word)(event)),
        lambda life: setattr(state(life), "final", True),
        lambda life: life.machine.events[signal].add_callback("after", life.call(word)) if ways(life) else None,
        lambda life: setattr(way(life), "dest", dest),
        lambda life: way(life).before.insert(0, life.call(word)),
        lambda life: way(life).prepare.extend([life.call(word)]),
        lambda life: way(life).conditions.append(Condition(life.call(word), number < 3)),
        lambda life: way(life).conditions.clear(),
        lambda life: way(life).after.clear(),
        lambda life: setattr(way(life), "before", []),
        lambda life: life.machine.events[signal].transitions[source].clear() if ways(life) else None,
        lambda life: setattr(life.machine, "ignore_invalid_triggers", True),
        lambda life: setattr(life.machine, "send_event", True),
        lambda life: life.machine.set_state(source) if source in life.machine.states else None,
    ]


@st.composite
def changes(draw: st.DrawFn, table: Machine, sent: str, at: str) -> Change:
    """Return something that a user may do, mostly where it is felt at once."""
    states, signals = st.sampled_from([*table.rows, "Later", "Nowhere"]), st.sampled_from([*table.signals, "own"])
    source, dest = draw(st.one_of(st.just(at), states)), draw(states)
    signal, word = draw(st.one_of(st.just(sent), signals)), draw(st.sampled_from(WORDS))
    number, place = draw(st.integers(0, 5)), draw(st.sampled_from(MACHINES))
    dest_ = draw(st.sampled_from([dest, dest, "=", None]))
    return draw(st.sampled_from(every(source, dest, dest_, signal, word, number, place)))


def made(change: Change, life: Life) -> object:
    """Make a change, and return what it raised."""
    try:
        change(life)
    except Exception as error:  # noqa: BLE001  # whatever one machine raises, the other must raise
        return type(error), str(error)
    return None


def hold(data: st.DataObject, table: Machine, mapping: Any) -> Counter[str]:
    """Draw triggers and changes, and make them on both machines. Any: what a TOML file holds."""
    seen = Counter[str]()
    answers: dict[str, bool] = {}
    option = data.draw(st.sampled_from(["", "", "", "", "queued", "ignore_invalid_triggers"]))
    lives = [Life(table, answers, compiled, **{option: True} if option else {}) for compiled in (False, True)]
    changing = data.draw(st.booleans())
    for name, carried in data.draw(strategies.signals(table), label="signals"):
        answers.update(data.draw(strategies.answers(mapping)))
        if changing and data.draw(st.integers(0, 2)) == 0:
            for event in lives[1].machine.events:
                lives[1].quick(event)  # so that all that is known by now can be wrong behind the change
            change = data.draw(changes(table, name, str(lives[0].model.state)))
            told = [made(change, life) for life in lives]
            assert told[0] == told[1]
            seen["changed"] += 1
        events = [list(life.machine.events) for life in lives]
        assert events[0] == events[1]
        for each in {name, "own"} & {*events[0]}:
            was = len(lives[0].model.trace)
            plain = lives[0].trigger(each, carried=carried)
            fast = lives[1].quick(each)
            assert lives[1].trigger(each, carried=carried) == plain, f"{each}({carried})"
            called = len(lives[0].model.trace) > was
            seen.update(["sent", "quick" if fast else "long", "called" if called else "nobody called"])
            seen["quick behind a change"] += fast and seen["changed"] > 0
    return seen


@pytest.fixture(autouse=True, scope="module")
def silence() -> Iterator[None]:
    """Keep what `transitions` warns of out of the report: thousands of lines."""
    logging.getLogger("transitions.core").setLevel(logging.ERROR)
    yield
    logging.getLogger("transitions.core").setLevel(logging.NOTSET)


@cache
def held() -> Counter[str]:
    """Compare both machines over drawn tables, and return what came up how often."""
    seen = Counter[str]()

    @settings(QUIET, max_examples=400)
    @given(data=st.data())
    def compare(data: st.DataObject) -> None:
        mapping = data.draw(strategies.mappings(), label="table")
        seen.update(hold(data, Machine.from_mapping(mapping), mapping))

    compare()
    return seen


def test_both_machines_do_the_same() -> None:
    """Whatever the table, the guards' answers and the changes: result, error, state, calls and ledger are equal."""
    assert held()["sent"] > 3000


@pytest.mark.parametrize("kind", ["quick", "long", "called", "changed", "quick behind a change"])
def test_both_ways_are_compared_often(kind: str) -> None:
    """Many triggers do without `transitions`, many do not, many call somebody, many come behind a change."""
    assert held()[kind] * 15 > held()["sent"]


WHERE = [
    (source, dest, dest_, signal, "one", number, place)
    for source, dest, signal in [("Shut", "Open", "PUSH"), ("Open", "Shut", "PULL"), ("Shut", "Gone", "KICK")]
    for dest_, number, place in [(None, 0, "on_final"), ("=", 3, "finalize_event"), (dest, 1, "prepare_event")]
]
CHANGES = len(every(*WHERE[0]))


@pytest.mark.parametrize("number", range(CHANGES))
def test_every_change_is_felt_at_once(number: int) -> None:
    """Each change is made to a door that knows by heart what is changed; then all is sent to it."""
    for where in WHERE:
        for second in ((), (every(*where)[11],)):
            lives = [Life(door(), {"rusty": False}, compiled) for compiled in (False, True)]
            for life in lives:
                life.machine.after_state_change = life.held
            for state in ("Shut", "Open", "Shut"):
                lives[1].machine.set_state(state)
                for event in lives[1].machine.events:
                    lives[1].quick(event)
            for change in (every(*where)[number], *second):
                told = [made(change, life) for life in lives]
                assert told[0] == told[1], where
            for signal in [where[3], "PUSH", "PULL", "PUSH", "KICK"]:
                found = [life.trigger(signal) for life in lives]
                assert found[0] == found[1], (where, signal)


# What is looked at in particular


def taught(**options: Any) -> tuple[FastMachine, Model]:
    """Return a door that has learned to be pushed and pulled."""
    model = Model()
    machine = door().to_transitions(model, **options)
    assert isinstance(machine, FastMachine)
    for name in ("PUSH", "PULL"):
        machine.events[name].trigger(model)
    return machine, model


@contextmanager
def nobody_called() -> Iterator[None]:
    """Fail if `transitions` makes the object that all its ways through a trigger need."""

    def fails(*_arguments: object, **_given: object) -> None:
        raise AssertionError("transitions was asked")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(transitions.core.EventData, "__init__", fails)
        yield


def test_nobody_to_call_means_that_nobody_is_called() -> None:
    """Triggers without callbacks do without `transitions`: also guarded ones, counted ones, and those that seal."""
    machine, model = taught()
    machine.events["HALT"].trigger(model, carried="Nowhere")  # learned, and refused
    with nobody_called():
        assert machine.events["PUSH"].trigger(model)
        assert machine.events["PULL"].trigger(model)
        assert model.state == "Shut"
        assert machine.events["HALT"].trigger(model, carried="Shut")
        assert not machine.events["PUSH"].trigger(model)  # it is sealed
    assert ledger(model).counts == {"taken(PULL)": 2}
    assert ledger(model).closed


@pytest.mark.parametrize(
    "listens",
    [
        lambda machine, call: machine.on_enter_Open(call),
        lambda machine, call: machine.before_PUSH(call),
        lambda machine, call: machine.after_state_change.append(call),
        lambda machine, call: setattr(machine, "prepare_event", call),
        lambda machine, call: machine.states["Shut"].on_exit.__iadd__([call]),
        lambda machine, call: machine.get_transitions("PUSH")[0].prepare.__setitem__(slice(0, 0), [call]),
    ],
)
def test_whoever_comes_later_is_called(listens: Callable[[Any, object], object]) -> None:
    """A callback holds from the next trigger on, however it was added, and the ledger goes on."""
    machine, model = taught()
    called: list[str] = []
    listens(machine, lambda event: called.append(event.event.name))
    machine.events["PUSH"].trigger(model)
    assert called == ["PUSH"]
    assert machine.events["PULL"].trigger(model)
    assert ledger(model).counts == {"taken(PULL)": 2}


def test_who_goes_is_forgotten() -> None:
    """Where the last callback was removed, nobody is called again, and what follows needs no `transitions`."""
    machine, model = taught()
    called: list[object] = []
    machine.states["Open"].on_enter.append(called.append)
    machine.events["PUSH"].trigger(model)
    assert len(called) == 1
    machine.states["Open"].on_enter.pop()
    machine.events["PULL"].trigger(model)
    machine.events["PUSH"].trigger(model)  # it is learned anew
    machine.events["PULL"].trigger(model)
    machine.set_state("Shut")
    with nobody_called():
        machine.events["PUSH"].trigger(model)
    assert len(called) == 1


def test_what_is_removed_or_replaced_is_forgotten() -> None:
    """A transition that is gone is refused, and a state that takes the place of another is the one that is entered."""
    machine, model = taught()
    called: list[object] = []
    machine.add_states("Open", on_enter=called.append)
    machine.events["PUSH"].trigger(model)
    assert len(called) == 1
    machine.remove_transition("PULL", "Open", "Shut")
    machine.events["PULL"].trigger(model)
    assert model.state == "Gone"
    machine.set_state("Shut")
    machine.remove_transition("PUSH")
    assert not hasattr(model, "PUSH")


def test_lists_let_all_be_learned_anew() -> None:
    """Every method of a list that changes it is noticed."""
    items = [3, 1, 2]
    changing: dict[str, Callable[[Watched], object]] = {
        "append": lambda one: one.append(4),
        "extend": lambda one: one.extend([4]),
        "insert": lambda one: one.insert(0, 4),
        "remove": lambda one: one.remove(3),
        "pop": lambda one: one.pop(0),
        "clear": lambda one: one.clear(),
        "sort": lambda one: one.sort(),
        "reverse": lambda one: one.reverse(),
        "__setitem__": lambda one: one.__setitem__(0, 4),
        "__delitem__": lambda one: one.__delitem__(0),
        "__iadd__": lambda one: one.__iadd__([4]),
        "__imul__": lambda one: one.__imul__(2),
    }
    plain = {*dir([])} - {*dir(())} - {"copy", "__reversed__"}
    assert {*changing} == plain
    for change in changing.values():
        rows: dict[Any, Any] = {"state": "row"}
        watched, list_ = Watched(items), list(items)
        watched.rest(rows)
        change(watched)
        change(list_)  # type: ignore[arg-type]  # a list has the same methods
        assert watched == list_ != items
        assert rows == {}


def test_what_is_logged_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    """Where somebody listens to what `transitions` says, it says the same."""
    said: list[list[str]] = []
    for compiled in (True, False):
        model = Model()
        machine = door().to_transitions(model, compiled=compiled)
        machine.events["PUSH"].trigger(model)
        caplog.clear()
        with caplog.at_level(logging.DEBUG, "transitions.core"):
            machine.events["PULL"].trigger(model)
        said.append([record.getMessage().partition(" object at ")[0] for record in caplog.records])
    assert said[0] == said[1] != []


def test_another_attribute_and_a_queue() -> None:
    """They go through `transitions`."""
    model = Model()
    given_options: list[dict[str, Any]] = [{"model_attribute": "status"}, {"queued": True}]
    for options in given_options:
        machine = door().to_transitions(model, **options)
        with pytest.raises(AssertionError, match="transitions was asked"), nobody_called():
            machine.events["PUSH"].trigger(model)
        assert machine.events["PUSH"].trigger(model)
    assert (model.status, model.state) == ("Open", "Open")


class Colour(Enum):
    RED = 1


def test_states_that_are_members_of_an_enum() -> None:
    """The model gets the member, as it does there, and leaves it."""
    machine, model = taught()
    machine.add_states(Colour.RED)
    machine.add_transition("paint", "Shut", Colour.RED)
    machine.add_transition("scrape", Colour.RED, "Shut")
    for _ in range(2):
        assert machine.events["paint"].trigger(model)
        assert machine.is_state(Colour.RED, model)
        assert machine.events["scrape"].trigger(model)
        assert machine.is_state("Shut", model)


def test_a_subclass_is_asked() -> None:
    """A subclass may do anything with a trigger, so it does it."""

    class Own(FastMachine):
        def set_state(self, state: Any, model: Any = None) -> None:
            super().set_state("Gone" if state == "Open" else state, model)

    model = Model()
    machine = Own(model, ["Shut", "Open", "Gone"], "Shut", [["PUSH", "Shut", "Open"]], auto_transitions=False)
    assert machine.events["PUSH"].trigger(model)
    assert model.state == "Gone"


def test_copies_learn_for_themselves() -> None:
    """A copy and a pickle of a machine have all that it had, and what is changed in them stays in them."""
    machine, _ = taught()
    for other in (copy.deepcopy(machine), pickle.loads(pickle.dumps(machine))):
        model = other.models[0]
        assert (model.state, ledger(model).counts) == ("Shut", {"taken(PULL)": 1})
        called: list[str] = []
        other.states["Open"].on_enter.append(lambda event, called=called: called.append(event.event.name))
        model.PUSH()
        model.PULL()
        assert model.state == "Shut"
        assert not model.__dict__.get("closed")
        assert called == ["PUSH"]
    assert machine.states["Open"].on_enter == []


def test_models_that_are_not_registered() -> None:
    """A slotted object is moved, and nothing is put on it where there is nothing to count."""

    class Slotted:
        __slots__ = ("state",)
        state: str

    machine = door().to_transitions([])
    model = Slotted()
    model.state = "Shut"
    with pytest.raises(AttributeError, match="interlock"):
        machine.events["PUSH"].trigger(model)  # the door can be sealed, which must be remembered
    plain = Machine.from_toml(DOOR.split("HALT")[0] + PLAIN).to_transitions([])
    assert plain.events["PUSH"].trigger(model)
    assert plain.events["KICK"].trigger(model)
    assert model.state == "Gone"


PLAIN = """
[from.Shut]
PUSH = "Open"
[from.Open]
PULL = "Shut"
KICK = "Gone"
"""


@pytest.mark.parametrize("name", ["states", "transitions", "initial", "send_event", "auto_transitions"])
def test_what_the_table_says_is_no_option(name: str) -> None:
    """It is refused with its name."""
    options: dict[str, Any] = {name: True}
    with pytest.raises(TypeError, match=f"door: '{name}' is not for you to say: it follows from the table"):
        door().to_transitions(**options)
