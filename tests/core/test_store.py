"""A run stored as JSON, pickled and copied; loaded under its table, a larger one or another; damaged on the way."""

from __future__ import annotations

import copy
import json
import math
import pickle
import re
import tomllib
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from interlock import InterlockError, Machine, NoTransition, Run, RunView, SpecMismatch, StoredError, hookimpl

TEXT = """
lifecycle = "visa"
initial = "Asked"
attempt = ["Reading", "Leaving"]
[states]
Asked.means = "a form came in"
Reading.means = "somebody reads it"
Unclear.means = "it waits"
Parked.means = "it waits"
Leaving.means = "taken back while somebody reads"
Over = { means = "over", final = true, abstract = true }
Granted = { means = "yes", is = "Over" }
Denied = { means = "no", is = "Over" }
[signals]
READ = { means = "somebody takes it", recurs = "forms are put down and taken up again" }
QUERY.means = "a question"
PUT = { means = "put it down", recurs = "as above" }
GRANT.means = "yes"
DENY.means = "no"
LEAVE.means = "taken back"
PARK = { means = "not in this pass", seals = true }
[limits]
queries = { default = 2, means = "questions" }
puts = { default = inf, means = "how often it may be put down" }
[guards]
polite = { when = "?", default = true, means = "they will answer" }
may_query = { when = "entered(Unclear) < queries and polite", means = "a question is allowed" }
may_put = { when = "entered(Parked) < puts", means = "it may lie" }
[from]
Asked.READ = "Reading"
Asked.PUT = { to = ["Parked if may_put", "refused"], because = "it has lain long enough" }
Asked.PARK.carries = ["Parked", "Denied"]
Unclear.READ = "Reading"
Unclear.DENY = "Denied"
Parked.READ = "Reading"
Parked.DENY = "Denied"
Reading.QUERY = ["Unclear if may_query", "Denied"]
Reading.PUT = ["Parked if may_put", "Denied"]
Reading.GRANT = "Granted"
Reading.DENY = "Denied"
Reading.LEAVE = "Leaving"
Reading.PARK.carries = ["Parked", "Denied"]
Leaving.READ = { to = "Leaving", because = "they are asked again whether they mean it" }
Leaving.DENY = "Denied"
"""
VISA = Machine.from_toml(TEXT)
LARGER = VISA.extend(
    tomllib.loads("""
states.Appealed = { is = "Parked", means = "another one reads it" }
signals.APPEAL.means = "read it again"
limits.appeals = { default = 1, means = "appeals" }
guards.may_appeal = { when = "taken(APPEAL) < appeals", means = "one is left" }
from.Reading.APPEAL = ["Appealed if may_appeal", "Denied"]
from.Appealed = { READ = "Reading", DENY = "Denied" }
""")
)
CHANGED = Machine.from_toml(TEXT.replace('Unclear.DENY = "Denied"', 'Unclear.DENY = "Granted"'))
MERGED = Machine.from_toml("\n".join(dict.fromkeys(re.sub("Unclear|Parked", "Open", TEXT).splitlines())))


class Clerk:
    """A plugin that puts down what should be granted late."""

    @hookimpl
    def before_step(self, run: RunView, signal: object, now: float | None) -> object:
        return "PUT" if signal == "GRANT" and now is not None else None


def visa(path: str, machine: Machine = VISA, **options: Any) -> Run:
    """Return a run that took the signals of `path`: "PARK:Parked" carries, "GRANT@2" has a time. Any: as for `Run`."""
    run = Run(machine, **options)
    for word in path.split():
        if word == "reopen":
            run.reopen()
            continue
        word, _, at = word.partition("@")
        signal, _, carried = word.partition(":")
        run.send(signal, float(at) if at else None, carried=carried or None)
    return run


PATHS: list[tuple[str, dict[str, Any]]] = [
    ("", {}),
    ("READ QUERY READ@2.5", {"limits": {"queries": 3, "puts": 7}}),
    ("READ PUT READ PUT READ LEAVE READ READ", {"story": 3}),
    ("READ@1 GRANT@2 READ GRANT@4 READ@5 GRANT", {"plugins": [Clerk()]}),
    ("PARK:Parked", {}),
    ("READ@9 PARK:Parked", {"story": 0}),
    ("READ PARK:Parked reopen READ QUERY", {"story": 2}),
    ("PARK:Denied", {}),
    ("READ@1 PUT " * 40, {"story": 5}),
]
each_path = pytest.mark.parametrize(("path", "options"), PATHS, ids=[path[:30] or "nothing" for path, _ in PATHS])


def stored(path: str, **options: Any) -> dict[str, Any]:
    """Return what came back from JSON. Any: JSON, and the options of `Run`."""
    data: dict[str, Any] = json.loads(json.dumps(visa(path, **options).to_dict(), allow_nan=False))
    return data


# There and back


@each_path
def test_a_run_comes_back_equal(path: str, options: dict[str, Any]) -> None:
    """A run loaded from its JSON is equal to it in all that can be read, and goes on like it."""
    run = visa(path, **options)
    run.deliver("GRANT", attempt=-1)
    again = Run.from_dict(VISA, json.loads(json.dumps(run.to_dict(), sort_keys=True, allow_nan=False)))
    assert again == run
    assert (again.story, again.counts, again.limits) == (run.story, run.counts, run.limits)
    assert (again.state, again.attempt, again.dropped, again.closed) == (run.state, run.attempt, 1, run.closed)
    assert again.accepts() == run.accepts()
    if run.closed and not run.is_final:
        for one in (run, again):
            with pytest.raises(NoTransition, match="sealed"):
                one.send("READ")
            one.reopen()
    for signal in run.accepts():
        one, other = copy.copy(run), copy.copy(again)
        assert (one.send(signal, carried="Parked"), one) == (other.send(signal, carried="Parked"), other)


FORM = """{
"format": 1, "lifecycle": "visa", "state": "Parked", "closed": false, "attempts": 1, "open": true, "dropped": 1,
"counts": {"entered(Unclear)": 0, "entered(Parked)": 1}, "limits": {"queries": 1, "puts": "inf"}, "keep": 1000,
"story": {
    "start": "Asked", "skipped": 0, "attempts": 0, "open": false,
    "counts": {"entered(Unclear)": 0, "entered(Parked)": 0},
    "steps": [
        {"number": 1, "before": "Asked", "signal": "READ", "after": "Reading", "attempt": 1, "at": 1.0},
        {"number": 2, "before": "Reading", "signal": "PUT", "after": "Parked", "attempt": 1, "at": 2.0,
         "asked": "GRANT", "plugin": "Clerk"}
    ]
}}"""


def test_the_json_form() -> None:
    """The form is stable: another version, another language, a person may read it."""
    run = visa("READ@1 GRANT@2", plugins=[Clerk()], limits={"queries": 1})
    run.deliver("GRANT", attempt=1)
    assert run.to_dict() == {**json.loads(FORM), "spec": VISA.hash, "facts": VISA.facts}


def test_guards_and_plugins_are_bound_anew() -> None:
    """What is code is not stored: whoever loads a run binds its own."""
    data = stored("READ")
    run = Run.from_dict(VISA, data, guards={"polite": lambda run, signal: False}, plugins=[Clerk()])
    assert copy.copy(run).send("QUERY") == "Denied"
    assert run.send("GRANT", at=1.0) == "Parked"
    with pytest.raises(ValueError, match="unknown opaque guard 'polit'"):
        Run.from_dict(VISA, data, guards={"polit": lambda run, signal: False})


@each_path
@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_run_survives_pickling(path: str, options: dict[str, Any], protocol: int) -> None:
    """A pickled run is equal, with a table of its own, and goes on; guards and plugins stay behind."""
    run = visa(path, guards={"polite": lambda run, signal: True}, **options)
    again = pickle.loads(pickle.dumps(run, protocol))
    assert again == run
    assert (again.machine, again.story) == (run.machine, run.story)
    assert again.accepts() == run.accepts()


@each_path
@pytest.mark.parametrize("how", [copy.copy, copy.deepcopy])
def test_a_copy_goes_its_own_way(path: str, options: dict[str, Any], how: Any) -> None:
    """A copy is equal, shares the table, keeps guards and plugins, and neither sees what the other does after."""
    answer = True
    run = visa(path, guards={"polite": lambda run, signal: answer}, **options)
    answer, other = False, how(run)
    assert other == run
    assert other.machine is run.machine
    was = run.to_dict()
    if other.closed and not other.is_final:
        other.reopen()
        assert (other == run, run.closed) == (False, True)
    while other.accepts():
        other.send(other.accepts()[-1], at=3.0, carried="Denied")
    assert run.to_dict() == was
    if run.state == "Reading":
        assert how(run).send("QUERY") == "Denied"


def test_runs_are_equal_by_what_they_are() -> None:
    """State, story, limits, drops and the table count, guards and identity do not; a run has no hash."""
    run = visa("READ QUERY")
    assert run == visa("READ QUERY", guards={"polite": lambda run, signal: True})
    assert all(run != visa(path) for path in ("READ", "READ QUERY READ", "READ@1 QUERY", "READ PUT"))
    assert run != visa("READ QUERY", limits={"queries": 3})
    assert run != visa("READ QUERY", LARGER)
    assert run != visa("READ QUERY", story=5)
    assert run != run.to_dict()
    with pytest.raises(TypeError, match="unhashable"):
        hash(run)


def test_an_error_survives_pickling_whole() -> None:
    """A refusal that crosses a process boundary says there what it said here."""
    with pytest.raises(NoTransition) as caught:
        visa("", limits={"puts": 0}).send("PUT")
    again = pickle.loads(pickle.dumps(caught.value))
    assert (str(again), again.accepts) == (str(caught.value), ("READ", "PARK"))


# Another table


@each_path
def test_a_table_that_only_adds_loads_as_it_is(path: str, options: dict[str, Any]) -> None:
    """A run goes on in a table with more states, signals, limits, guards and rows, with story and counts."""
    run = visa(path, **options)
    again = Run.from_dict(LARGER, stored(path, **options))
    assert (again.state, list(again.story), again.closed) == (run.state, list(run.story), run.closed)
    assert again.counts == {**run.counts, "taken(APPEAL)": 0}
    assert again.limits == {**run.limits, "appeals": 1}
    assert Run.from_dict(LARGER, again.to_dict()) == again
    if run.state == "Reading":
        assert [again.send("APPEAL"), again.send("READ"), again.send("APPEAL")] == ["Appealed", "Reading", "Denied"]


def test_a_table_with_less_does_not() -> None:
    """A run of the larger table is none of the smaller one, and the error says what to map."""
    data = visa("READ APPEAL READ", LARGER).to_dict()
    with pytest.raises(SpecMismatch) as caught:
        Run.from_dict(VISA, data)
    head = f"visa: the run was stored under spec {LARGER.hash[:12]}, this is spec {VISA.hash[:12]}"
    assert str(caught.value) == f"{head}; states that are gone: Appealed; map them with states={{'Appealed': ...}}"
    assert Run.from_dict(VISA, data, states={}).state == "Reading"


def test_a_changed_row_is_another_table() -> None:
    """Where a row has changed, a run is loaded only by somebody who says so; then it goes on under the new rows."""
    data = stored("READ PUT READ QUERY", limits={"queries": 5})
    with pytest.raises(SpecMismatch, match="permit: the run was stored under spec"):
        Run.from_dict(Machine.from_toml(TEXT.replace('"visa"', '"permit"')), data)
    with pytest.raises(SpecMismatch) as caught:
        Run.from_dict(CHANGED, data)
    head = f"visa: the run was stored under spec {VISA.hash[:12]}, this is spec {CHANGED.hash[:12]}"
    told = "its states are all known, but rows have changed: pass states={} to go on under the new rows"
    assert str(caught.value) == f"{head}; states that are gone: none; {told}"
    run = Run.from_dict(CHANGED, data, states={})
    assert (run.state, list(run.story), run.story.skipped) == ("Unclear", [], 4)
    assert (run.counts, run.limits["queries"]) == ({"entered(Unclear)": 1, "entered(Parked)": 1}, 5)
    assert run.attempt == 2
    assert run.send("DENY") == "Granted"
    assert run.story[0].number == 5
    assert Run.from_dict(CHANGED, run.to_dict()) == run


def test_states_are_mapped_to_new_names() -> None:
    """Old states get their new names, in the counts too; two that become one are counted together."""
    data = stored("READ PUT READ QUERY READ QUERY")
    with pytest.raises(SpecMismatch) as caught:
        Run.from_dict(MERGED, data)
    assert caught.value.unknown == ("Unclear", "Parked")
    with pytest.raises(SpecMismatch, match="states that are gone: Unclear; map them"):
        Run.from_dict(MERGED, data, states={"Parked": "Open"})
    with pytest.raises(SpecMismatch):
        Run.from_dict(MERGED, data, states={"Parked": "Open", "Unclear": "Over"})
    run = Run.from_dict(MERGED, data, states={"Parked": "Open", "Unclear": "Open"})
    assert (run.state, run.counts) == ("Open", {"entered(Open)": 3})
    assert Run.from_dict(MERGED, run.to_dict()) == run


def test_an_open_attempt_and_a_seal_are_carried_over() -> None:
    """Under another table, too, the open attempt is heard, and a sealed run waits for a new pass."""
    run = Run.from_dict(CHANGED, stored("READ PUT READ"), states={})
    assert run.deliver("GRANT", attempt=1) is None
    assert run.deliver("GRANT", attempt=2) == "Granted"
    sealed = Run.from_dict(CHANGED, stored("PARK:Parked"), states={})
    assert (sealed.closed, sealed.accepts()) == (True, ())
    with pytest.raises(NoTransition, match="sealed"):
        sealed.send("READ")
    sealed.reopen()
    assert sealed.send("READ") == "Reading"
    assert Run.from_dict(CHANGED, stored("READ"), states={"Reading": "Parked"}).deliver("DENY", attempt=1) is None


# Damage

DAMAGE: list[tuple[str, Any, str]] = [
    ("format", 2, "its format is 2; this version reads 1"),
    ("format", "1", "'format' is '1'; it must be of type int"),
    ("format", True, "'format' is True; it must be of type int"),
    ("lifecycle", None, "'lifecycle' is None; it must be of type str"),
    ("story", [], "'story' is []; it must be of type dict"),
    ("closed", 0, "'closed' is 0; it must be of type bool"),
    ("closed", True, "it is closed, and its last step, Unclear -READ-> Reading, seals nothing"),
    ("story.start", "Nowhere", "its story starts in 'Nowhere', which is no state of visa"),
    ("story.start", "Over", "its story starts in 'Over', which is no state of visa"),
    ("story.steps", {}, "'steps' is {}; it must be of type list"),
    ("story.steps", [1], "1 is no step; a step has 'before', 'signal' and 'after'"),
    # From here on only that they are refused is settled.
    ("keep", -1, ""),
    ("state", "Parked", ""),
    ("facts", "", ""),
    ("limits", {"queries": 3}, ""),
    ("limits", {"queries": math.nan, "puts": 7}, ""),
    ("limits", {"queries": 3, "puts": 7, "x": 1}, ""),
    ("story.skipped", -3, ""),
    ("story.counts", {"entered(Unclear)": "1", "entered(Parked)": 0}, ""),
    ("story.counts", {"entered(Unclear)": 1, "entered(Parked)": 0}, ""),
    ("story.steps", [], ""),
    ("story.steps.2.at", "noon", ""),
    ("story.steps.2.number", 9, ""),
    ("story.steps.2.plugin", "nobody", ""),
]


@pytest.mark.parametrize(("place", "value", "message"), DAMAGE, ids=lambda value: repr(value)[:40])
def test_damage_is_named(place: str, value: Any, message: str) -> None:
    """What is no stored run is a `StoredError`, and so is one whose parts do not fit each other."""
    path, options = PATHS[1]
    data = stored(path, **options)
    *parents, key = place.split(".")
    parent: Any = data
    for name in parents:
        parent = parent[int(name) if name.isdigit() else name]
    parent[key] = value
    with pytest.raises(StoredError) as caught:
        Run.from_dict(VISA, data)
    assert not message or str(caught.value) == f"not a stored run: {message}"


@pytest.mark.parametrize("data", [None, [], "run"])
def test_what_is_no_mapping_is_no_run(data: Any) -> None:
    """Only a mapping can be a stored run."""
    with pytest.raises(StoredError, match=f"not a stored run: it is '{type(data).__name__}', not a mapping"):
        Run.from_dict(VISA, data)


def places(data: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the way to every part of some JSON."""
    for key, value in data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ():
        yield (*path, key)
        yield from places(value, (*path, key))


STORED = [stored(path, **options) for path, options in PATHS]
SOFT = {"at", "asked", "plugin", "dropped", "keep", "closed", "limits", "skipped", "queries", "puts"}
WORDS = ["", "inf", "Parked", "Reading", "Denied", "READ", "PARK", "entered(Parked)", VISA.hash, LARGER.facts]
WORD = st.sampled_from(WORDS)
JUNK = st.none() | st.booleans() | st.integers(-3, 5) | st.just(10**400) | st.floats() | WORD | st.text(max_size=3)
VALUES = st.recursive(JUNK, lambda part: st.lists(part, max_size=2) | st.dictionaries(WORD, part, max_size=2))


@settings(derandomize=True, deadline=None, database=None, max_examples=1000)
@given(st.data())
def test_damage_is_refused_or_harmless(data: st.DataObject) -> None:
    """A part lost or replaced gives an error of ours, or a run that is sound, and equal where that can be known."""
    whole = data.draw(st.sampled_from(STORED))
    damaged = copy.deepcopy(whole)
    *parents, key = data.draw(st.sampled_from(list(places(whole))))
    parent = damaged
    for name in parents:
        parent = parent[name]
    if data.draw(st.booleans()):
        del parent[key]
    else:
        parent[key] = data.draw(VALUES)
    machine = data.draw(st.sampled_from([VISA, LARGER, CHANGED]))
    try:
        run = Run.from_dict(machine, damaged, states={} if machine is CHANGED else None)
    except InterlockError as error:
        event(type(error).__name__)
        return
    event("loaded")
    assert Run.from_dict(machine, json.loads(json.dumps(run.to_dict(), allow_nan=False))) == run
    assert (run.story.replay().state, str(run)) == (run.state, repr(run))
    if machine is VISA and not SOFT & {key, *parents}:
        assert run == Run.from_dict(VISA, whole)
    for signal in run.accepts():
        copy.copy(run).send(signal, carried="Denied")
    if run.closed and not run.is_final:
        run.reopen()
