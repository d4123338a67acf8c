"""Signals: exceptions that carry a message and the fields of the state that they lead to."""

from __future__ import annotations

import copy
import inspect
import multiprocessing
import pickle
from datetime import UTC, datetime
from typing import Any

import cloudpickle
import pytest

from interlock import Machine, signals, states
from interlock.signals import (
    ENDRUN,
    FAIL,
    TRIGGERFAIL,
    VALIDATIONFAIL,
    Signal,
    signal_from_state,
)
from interlock.states import BY_NAME, State

TASK, FLOW = Machine.load("task-run"), Machine.load("flow-run")
NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
CLASSES: dict[str, type[Signal]] = {
    name: kind for name, kind in vars(signals).items() if inspect.isclass(kind) and issubclass(kind, Signal)
}
ORDINARY = [name for name in TASK.signals if name != "ENDRUN"]
each_signal = pytest.mark.parametrize("name", ORDINARY)

LEADS_TO = {
    "SUCCESS": "Success",
    "FAIL": "Failed",
    "VALIDATIONFAIL": "ValidationFailed",
    "TRIGGERFAIL": "TriggerFailed",
    "RETRY": "Retrying",
    "LOOP": "Looped",
    "SKIP": "Skipped",
    "PAUSE": "Paused",
    "SCHEDULE": "Scheduled",
    "START": "Running",
    "CACHE": "Cached",
    "MAP": "Mapping",
    "GATHER": "Mapped",
    "TIMEOUT": "TimedOut",
    "LOST": "Failed",
    "BROKEN": "Failed",
    "RESUME": "Scheduled",
    "CANCEL": "Cancelled",
}
CARRIED = [
    "Scheduled",
    "Paused",
    "Success",
    "Skipped",
    "Failed",
    "TimedOut",
    "TriggerFailed",
    "ValidationFailed",
    "Cancelled",
]
"""The states that ENDRUN may carry, in the order in which the tables name them."""

FIELDS: dict[str, dict[str, Any]] = {  # Any: fields have no common type
    "RETRY": {"start_time": NOON, "run_count": 2},
    "PAUSE": {"start_time": NOON},
    "SCHEDULE": {"start_time": NOON},
    "RESUME": {"start_time": NOON},
    "LOOP": {"loop_count": 3},
    "CACHE": {"cached_parameters": {}, "cached_result_expiration": NOON, "hashed_inputs": {"x": "y"}},
    "MAP": {"map_states": (states.Pending(),)},
    "GATHER": {"map_states": (states.Success(None, 1),)},
}
"""By signal: the fields that its state has beside message and result, in their order."""


def make(name: str, *args: object, **fields: object) -> Signal:
    """Return a signal by its name."""
    return CLASSES[name](*args, **fields)


def full(name: str) -> Signal:
    """Return a signal whose every field is set."""
    return make(name, "why", ["a", 1], **FIELDS.get(name, {}))


def same(one: Signal, other: Signal) -> None:
    """Hold that two signals say the same, in different places."""
    assert one is not other
    assert type(one) is type(other)
    assert (one.message, one.fields, one.args) == (other.message, other.fields, other.args)
    assert (one.state, repr(one), str(one)) == (other.state, repr(other), str(other))


# The classes


def test_the_classes_are_the_signals_of_the_tables() -> None:
    """There is a class for each signal of the two tables, and no other."""
    assert CLASSES.pop("PrefectStateSignal") is Signal, "a name that is known from elsewhere"
    assert set(CLASSES) - {"Signal"} == set(TASK.signals) | set(FLOW.signals)
    assert all(kind.__name__ == name for name, kind in CLASSES.items())


@pytest.mark.parametrize("name", TASK.signals)
def test_a_docstring_begins_with_what_the_spec_says(name: str) -> None:
    """The first sentence of a signal's docstring is its meaning in the task table."""
    means = TASK.signals[name].means
    doc = inspect.getdoc(CLASSES[name])
    assert doc is not None
    assert doc.startswith(f"{means[0].upper()}{means[1:]}.")


@each_signal
def test_a_signal_leads_to_a_state(name: str) -> None:
    """The state whose fields a signal takes is the one that it leads to where nothing else is said."""
    assert CLASSES[name].leads_to is BY_NAME[LEADS_TO[name]]
    assert type(make(name).state) is BY_NAME[LEADS_TO[name]]
    targets = {target for row in TASK.rows.values() if name in row for target in row[name].targets}
    assert LEADS_TO[name] in targets


def test_the_failures_are_a_family() -> None:
    """`VALIDATIONFAIL` and `TRIGGERFAIL` are kinds of `FAIL`; every other signal stands by itself."""
    assert {kind for kind in CLASSES.values() if issubclass(kind, FAIL)} == {FAIL, VALIDATIONFAIL, TRIGGERFAIL}
    assert all(
        kind.__bases__ == (Signal,) for kind in CLASSES.values() if not issubclass(kind, FAIL) | (kind is Signal)
    )


# What it carries


@each_signal
def test_message_and_fields(name: str) -> None:
    """`FAIL("m", *args, **fields)` gives message and fields of the state that it leads to, in their order."""
    values = list(FIELDS.get(name, {}).values())
    for signal in (full(name), make(name, "why", ["a", 1], *values)):
        assert (signal.name, signal.message, signal.result) == (name, "why", ["a", 1])
        assert signal.fields == {"result": ["a", 1], **FIELDS.get(name, {})}
        assert signal.state == BY_NAME[LEADS_TO[name]]("why", ["a", 1], *values)
        assert signal.args == ("why",)


@each_signal
def test_a_signal_that_says_nothing(name: str) -> None:
    """Without arguments a signal has no message and no result: it never puts itself into the result."""
    signal = make(name)
    assert (signal.message, signal.fields, signal.result, signal.args) == (None, {}, None, ())
    assert signal.state == BY_NAME[LEADS_TO[name]]()
    assert (str(signal), repr(signal)) == ("", f"{name}()")


@pytest.mark.parametrize(
    ("message", "text"), [(5, "5"), (None, None), ("", ""), (ValueError("x"), "x"), (["a"], "['a']")]
)
def test_a_message_becomes_text(message: object, text: str | None) -> None:
    """Whatever is given as a message is kept as its text."""
    assert FAIL(message).message == text
    assert FAIL(message).state == states.Failed(text)
    assert FAIL(message=message).message == text


@each_signal
def test_a_signal_as_text(name: str) -> None:
    """As text a signal is its message; its repr shows name, message and fields."""
    assert str(make(name, "why")) == "why"
    assert repr(make(name, "why")) == f"{name}('why')"
    assert repr(make(name, result=5)) == f"{name}(result=5)"
    assert repr(make(name, "why", 5)) == f"{name}('why', result=5)"


# What it refuses


def complaint(name: str, *args: object, **fields: object) -> str:
    """Return the text of the error that a signal is refused with."""
    with pytest.raises(TypeError) as caught:
        make(name, *args, **fields)
    return str(caught.value)


@each_signal
def test_an_unknown_field_is_refused(name: str) -> None:
    """A field that the state does not have is named, with those that it has, and the nearest."""
    takes = ", ".join(["message", "result", *FIELDS.get(name, {})])
    assert complaint(name, "m", zzz=1) == f"{name}: unknown field 'zzz'; it takes: {takes}."
    assert complaint(name, reslt=1) == f"{name}: unknown field 'reslt'; it takes: {takes}. Did you mean 'result'?"


@each_signal
def test_a_field_given_twice_is_refused(name: str) -> None:
    """A field by place and by name is refused."""
    assert complaint(name, "m", 1, result=2) == f"{name}: field 'result' is given twice"


@each_signal
def test_too_many_fields_are_refused(name: str) -> None:
    """More values than the state has fields are refused, and counted."""
    takes = ["message", "result", *FIELDS.get(name, {})]
    assert complaint(name, *range(len(takes) + 1)) == (
        f"{name}: takes at most {len(takes)} fields, not {len(takes) + 1}: {', '.join(takes)}"
    )
    assert make(name, "m", *[None] * (len(takes) - 1)).fields == dict.fromkeys(takes[1:])


# ENDRUN


@pytest.mark.parametrize("name", CARRIED)
def test_endrun_carries_a_state(name: str) -> None:
    """`ENDRUN` has the state that it was given, its message and its result."""
    state = BY_NAME[name]("why", 5)
    for signal in (ENDRUN(state), ENDRUN(state=state)):
        assert signal.state is state
        assert (signal.carried, signal.message, signal.result) == (name, "why", 5)
        assert (signal.name, str(signal), repr(signal)) == ("ENDRUN", "why", f'ENDRUN(<{name}: "why">)')
    assert (str(ENDRUN(BY_NAME[name]())), repr(ENDRUN(BY_NAME[name]()))) == ("", f"ENDRUN(<{name}>)")


def test_what_endrun_may_carry_is_what_the_tables_say() -> None:
    """A state may be carried if some cell of a table says so."""
    tables = (TASK, FLOW)
    found = {name for table in tables for row in table.rows.values() for cell in row.values() for name in cell.carries}
    assert found == set(CARRIED)


@pytest.mark.parametrize("name", [name for name in BY_NAME if name not in CARRIED])
def test_a_state_that_may_not_be_carried_is_refused(name: str) -> None:
    """A state that no run may be ended in is refused where it is raised, with those that may be carried."""
    with pytest.raises(ValueError, match="ENDRUN") as caught:
        ENDRUN(BY_NAME[name]("why"))
    assert str(caught.value) == f"ENDRUN: no run may be ended in {name}; it may carry: {', '.join(CARRIED)}"


def test_the_base_of_states_may_not_be_carried() -> None:
    """`State` itself is no state that a run can be in."""
    with pytest.raises(ValueError, match=r"^ENDRUN: no run may be ended in State; it may carry: Scheduled, Paused, "):
        ENDRUN(State("why"))


@pytest.mark.parametrize("given", [states.Failed, "Failed", None, 5, FAIL("x")])
def test_endrun_without_a_state_is_refused(given: Any) -> None:
    """What is no state is refused, with what would be right. Any: what no type checker would let through."""
    with pytest.raises(TypeError) as caught:
        ENDRUN(given)
    assert str(caught.value) == (f"ENDRUN: {given!r} is no state; give one such as Failed('why') from interlock.states")


def test_endrun_takes_nothing_but_a_state() -> None:
    """`ENDRUN` is made of one state: without it, or with more, it is refused."""
    kind: Any = ENDRUN  # Any: the calls are wrong on purpose
    with pytest.raises(TypeError, match="missing 1 required positional argument: 'state'"):
        kind()
    with pytest.raises(TypeError, match="takes 2 positional arguments but 3 were given"):
        kind(states.Failed(), "why")
    with pytest.raises(TypeError, match="unexpected keyword argument 'message'"):
        kind(states.Failed(), message="why")


# From a state to a signal


def test_the_signal_of_a_state() -> None:
    """A state that a user's signal leads to has that signal; payload does not count."""
    for name in ("SUCCESS", "FAIL", "VALIDATIONFAIL", "TRIGGERFAIL", "RETRY", "LOOP", "SKIP", "PAUSE"):
        assert signal_from_state(full(name).state) is CLASSES[name]
        assert signal_from_state(make(name).state) is CLASSES[name]


@pytest.mark.parametrize(
    "name",
    [
        "Pending",
        "Scheduled",
        "Running",
        "Mapping",
        "Cancelling",
        "Finished",
        "Cached",
        "Mapped",
        "TimedOut",
        "Cancelled",
    ],
)
def test_a_state_without_a_signal_is_refused(name: str) -> None:
    """A state that no user's signal leads to is refused, with those that have one."""
    with pytest.raises(ValueError, match="no signal") as caught:
        signal_from_state(BY_NAME[name]("why"))
    head, _, known = str(caught.value).partition("; there is one for: ")
    assert head == f'no signal leads to <{name}: "why">'
    assert list(dict.fromkeys(known.split(", "))) == [
        "Success",
        "Failed",
        "ValidationFailed",
        "TriggerFailed",
        "Retrying",
        "Looped",
        "Skipped",
        "Paused",
    ]


# As exceptions


@pytest.mark.parametrize("name", TASK.signals)
def test_except_exception_does_not_catch_a_signal(name: str) -> None:
    """A signal goes through a user's `except Exception`, and is caught by its class and by `Signal`."""
    signal = ENDRUN(states.Failed("why")) if name == "ENDRUN" else make(name, "why")
    by: list[type] = []
    try:
        try:
            raise signal
        except Exception:  # noqa: BLE001  # it is the point
            by.append(Exception)
    except CLASSES[name]:
        by.append(CLASSES[name])
    assert by == [CLASSES[name]]
    assert isinstance(signal, Signal)
    assert not issubclass(CLASSES[name], Exception)


def test_a_kind_of_failure_is_caught_as_a_failure() -> None:
    """`except FAIL` catches each kind of failure, and no other signal."""
    for name in ORDINARY:
        caught = False
        try:
            raise make(name)
        except FAIL:
            caught = True
        except Signal:
            pass
        assert caught is (name in ("FAIL", "VALIDATIONFAIL", "TRIGGERFAIL"))


# Pickling

EVERY = [*map(full, ORDINARY), *map(make, ORDINARY), *(ENDRUN(BY_NAME[name]("why", 5)) for name in CARRIED)]


@pytest.mark.parametrize("signal", EVERY, ids=repr)
def test_a_signal_is_pickled(signal: Signal) -> None:
    """Every protocol of pickle, cloudpickle and copying bring back a signal that says the same."""
    texts = [pickle.dumps(signal, protocol) for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1)]
    for again in [*map(pickle.loads, [*texts, cloudpickle.dumps(signal)]), copy.copy(signal), copy.deepcopy(signal)]:
        same(again, signal)


def test_signals_travel_between_processes() -> None:
    """A signal that was sent to another process says there what it said here, and so it does on its way back."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        assert pool.map(repr, EVERY) == [repr(signal) for signal in EVERY]
        for signal, back in zip(EVERY, pool.map(copy.copy, EVERY), strict=True):
            same(back, signal)
