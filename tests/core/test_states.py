"""States: the class tree is that of the spec, the predicates follow it, and a payload is set once."""

from __future__ import annotations

import copy
import inspect
import multiprocessing
import pickle
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import attrs
import cloudpickle
import pytest

from interlock import Machine, states
from interlock.states import BY_NAME, State

TASK, FLOW = Machine.load("task-run"), Machine.load("flow-run")
NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
NAMES = list(TASK.states)
each_state = pytest.mark.parametrize("name", NAMES)

PREDICATES: dict[str, str | None] = {
    "is_pending": "Pending",
    "is_scheduled": "Scheduled",
    "is_retrying": "Retrying",
    "is_paused": "Paused",
    "is_running": "Running",
    "is_mapping": "Mapping",
    "is_looped": "Looped",
    "is_finished": "Finished",
    "is_successful": "Success",
    "is_cached": "Cached",
    "is_mapped": "Mapped",
    "is_skipped": "Skipped",
    "is_failed": "Failed",
    "is_timed_out": "TimedOut",
    "is_cancelled": "Cancelled",
    "is_queued": None,
    "is_submitted": None,
    "is_meta_state": None,
}
"""By predicate: the family that it is true of, if any."""

TIMED = {"start_time": NOON}
PAYLOADS: dict[str, dict[str, Any]] = {  # Any: fields have no common type
    "Scheduled": TIMED,
    "Retrying": {**TIMED, "run_count": 3},
    "Paused": TIMED,
    "Mapping": {"map_states": (states.Pending("first"), states.Failed("second", 2))},
    "Looped": {"loop_count": 7},
    "Cached": {
        "cached_parameters": {"x": 1},
        "cached_result_expiration": NOON + timedelta(days=1),
        "hashed_inputs": {"x": "abc"},
    },
    "Mapped": {"map_states": (states.Success(None, 1), states.Skipped("none"))},
}
"""By state: the fields that it has beside message and result, in their order, each with a value."""


def full(name: str) -> State:
    """Return a state whose every field is set."""
    return BY_NAME[name]("why", ["a", 1], **PAYLOADS.get(name, {}))


# The class tree


def test_the_classes_are_the_states_of_the_spec() -> None:
    """There is a class for each state of the task table, and no other; the flow table names some of them."""
    assert list(BY_NAME) == NAMES
    assert set(FLOW.states) < set(NAMES)
    public = {name: kind for name, kind in vars(states).items() if not name.startswith("_")}
    found = {name for name, kind in public.items() if inspect.isclass(kind) and issubclass(kind, State)}
    assert found == {"State", *NAMES}
    assert all(kind.__name__ == name for name, kind in BY_NAME.items())


@each_state
def test_the_class_tree_is_that_of_the_task_table(name: str) -> None:
    """A class stands right under the class of the state that the spec says it is, or under `State`."""
    above = TASK.states[name].is_
    assert BY_NAME[name].__bases__ == (BY_NAME[above] if above else State,)


@pytest.mark.parametrize("name", FLOW.states)
def test_the_families_of_the_flow_table_are_those_of_the_classes(name: str) -> None:
    """What a state of a flow run is, is what its class is, and what the task table says."""
    above = FLOW.states[name].is_
    assert BY_NAME[name].__bases__ == (BY_NAME[above] if above else State,)
    assert above == TASK.states[name].is_
    assert FLOW.states[name].final == TASK.states[name].final


@each_state
def test_a_docstring_begins_with_what_the_spec_says(name: str) -> None:
    """The first sentence of a state's docstring is its meaning in the task table."""
    means = TASK.states[name].means
    doc = inspect.getdoc(BY_NAME[name])
    assert doc is not None
    assert doc.startswith(f"{means[0].upper()}{means[1:]}.")


# Predicates


def test_every_predicate_is_accounted_for() -> None:
    """`PREDICATES` has each predicate that a state has, and each documented."""
    found = {name: getattr(State, name) for name in dir(State) if name.startswith("is_")}
    assert set(found) == set(PREDICATES)
    assert all(method.__doc__ for method in found.values())


@pytest.mark.parametrize("predicate", PREDICATES)
@each_state
def test_predicates_follow_the_families(predicate: str, name: str) -> None:
    """A predicate is true of exactly the states of its family, by the spec."""
    family = PREDICATES[predicate]
    answer = getattr(BY_NAME[name](), predicate)()
    assert answer is (family is not None and name in TASK.family(family))


@pytest.mark.parametrize("predicate", PREDICATES)
def test_a_bare_state_is_nothing(predicate: str) -> None:
    """`State` itself is in no family."""
    assert getattr(State("x"), predicate)() is False


def test_final_states_are_the_finished_ones() -> None:
    """`is_finished` says what the table calls final."""
    assert {name for name in NAMES if BY_NAME[name]().is_finished()} == {
        name for name in NAMES if TASK.states[name].final
    }


# Payload


@each_state
def test_fields_and_their_order(name: str) -> None:
    """A state takes message, result, and then its own fields, by place or by name; each has a default."""
    fields = [field.name for field in attrs.fields(BY_NAME[name])]
    assert fields == ["message", "result", *PAYLOADS.get(name, {})]
    by_place = BY_NAME[name]("why", ["a", 1], *PAYLOADS.get(name, {}).values())
    assert by_place == full(name)
    assert [getattr(by_place, field) for field in fields] == ["why", ["a", 1], *PAYLOADS.get(name, {}).values()]
    empty = BY_NAME[name]()
    assert [getattr(empty, field) for field in fields[:2]] == [None, None]
    assert all(getattr(empty, field) in (None, ()) for field in fields[2:])


@each_state
def test_a_state_is_frozen(name: str) -> None:
    """No field can be set or deleted, and none added."""
    state = full(name)
    for field in [field.name for field in attrs.fields(BY_NAME[name])] + ["other"]:
        with pytest.raises(attrs.exceptions.FrozenInstanceError):
            setattr(state, field, "x")
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        delattr(state, "message")
    assert not hasattr(state, "__dict__")
    assert state == full(name)


def test_a_success_made_in_haste_is_like_any() -> None:
    """What runners make a million of is the same as what the class makes, and as closed."""
    made = states.success("why", ["a", 1])
    assert type(made) is states.Success
    assert made == states.Success("why", ["a", 1])
    assert repr(made) == repr(states.Success("why"))
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        assert pickle.loads(pickle.dumps(made, protocol)) == made
    for field in ("result", "other"):
        with pytest.raises(attrs.exceptions.FrozenInstanceError):
            setattr(made, field, 2)
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        delattr(made, "result")


@each_state
def test_states_are_equal_by_class_and_payload(name: str) -> None:
    """Two states are equal if their class and all their fields are."""
    kind = BY_NAME[name]
    assert kind("a") == kind("a")
    assert hash(kind("a")) == hash(kind("a"))
    assert kind("a") != kind("b")
    assert all(kind("a") != other("a") for other in BY_NAME.values() if other is not kind)
    for field, value in PAYLOADS.get(name, {}).items():
        assert kind("a", **{field: value}) != kind("a")


@each_state
def test_a_state_as_text(name: str) -> None:
    """As text, a state is its name, and its message if it has one; a result may be long and stays out."""
    assert repr(BY_NAME[name]()) == str(BY_NAME[name]()) == f"<{name}>"
    assert repr(full(name)) == str(full(name)) == f'<{name}: "why">'
    assert repr(BY_NAME[name](None, 5)) == f"<{name}>"


def test_the_number_of_children() -> None:
    """A mapped state says how many children there were."""
    assert states.Mapped().n_map_states == 0
    mapped = full("Mapped")
    assert isinstance(mapped, states.Mapped)
    assert mapped.n_map_states == 2


@pytest.mark.parametrize("name", ["Scheduled", "Retrying", "Paused"])
@pytest.mark.parametrize("value", [datetime(2026, 5, 1), "tomorrow", 5, 0, False])
def test_a_start_time_without_a_zone_is_refused(name: str, value: object) -> None:
    """A start time is a datetime that says where it holds; anything else is refused with what would be right."""
    kind: Any = BY_NAME[name]  # Any: each class has fields of its own
    with pytest.raises(TypeError) as caught:
        kind("why", start_time=value)
    assert str(caught.value) == (
        f"{name}: start_time is {value!r}; it must be a datetime with a time zone, such as "
        "datetime.now(timezone.utc) + timedelta(minutes=5)"
    )


def test_a_start_time_may_be_of_any_zone() -> None:
    """A start time is kept as it was given."""
    there = datetime(2026, 5, 1, 14, tzinfo=timezone(timedelta(hours=2)))
    state = states.Scheduled(start_time=there)
    assert state.start_time is there
    assert state == states.Scheduled(start_time=NOON)


@each_state
def test_an_unknown_field_is_refused(name: str) -> None:
    """A state takes its own fields only."""
    kind: Any = BY_NAME[name]  # Any: the call is wrong on purpose
    with pytest.raises(TypeError, match=re.escape(f"{name}.__init__() got an unexpected keyword argument 'reason'")):
        kind(reason="x")


# Pickling


def same(one: State, other: State) -> None:
    """Hold that two states are the same, of the same class, in different places."""
    assert type(one) is type(other)
    assert one == other
    assert one is not other


@each_state
def test_a_state_is_pickled(name: str) -> None:
    """Every protocol of pickle, cloudpickle and copying bring back an equal state, frozen again."""
    state = full(name)
    texts = [pickle.dumps(state, protocol) for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1)]
    for again in [*map(pickle.loads, [*texts, cloudpickle.dumps(state)]), copy.copy(state), copy.deepcopy(state)]:
        same(again, state)
        with pytest.raises(attrs.exceptions.FrozenInstanceError):
            again.message = "other"


@pytest.fixture(scope="module")
def elsewhere() -> Iterator[Any]:
    """Start another process, which shares nothing with this one. Any: a pool has no public type."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        yield pool


def test_states_travel_between_processes(elsewhere: Any) -> None:
    """A state that was sent to another process is there what it was here, and so it is on its way back."""
    sent = [full(name) for name in NAMES] + [kind() for kind in BY_NAME.values()]
    assert elsewhere.map(repr, sent) == [repr(state) for state in sent]
    for state, back in zip(sent, elsewhere.map(copy.copy, sent), strict=True):
        same(back, state)


@pytest.mark.parametrize("value", [0, -1, 1.5, "2", True])
@pytest.mark.parametrize(("kind", "field"), [(states.Looped, "loop_count"), (states.Retrying, "run_count")])
def test_a_count_is_a_whole_number(kind: Any, field: str, value: object) -> None:
    """The number of a turn or an attempt is a whole number from 1 on, or is not said."""
    with pytest.raises(TypeError) as caught:
        kind(**{field: value})
    assert str(caught.value) == f"{kind.__name__}: {field} is {value!r}; it must be a whole number from 1 on"
    assert getattr(kind(**{field: 7}), field) == 7
