"""Extensions: what a plugin adds to a life cycle, the classes that it makes, and how runs go by them."""

from __future__ import annotations

import copy
import pickle
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import attrs
import cloudpickle
import pytest
from acts import Told, flow_of, it, refused
from hypothesis import given, settings
from hypothesis import strategies as st

from interlock import (
    Extension,
    Flow,
    Machine,
    NoTransition,
    PluginError,
    Plugins,
    Run,
    SpecError,
    context,
    hookimpl,
    signals,
    states,
    task,
)
from interlock.signals import ENDRUN, RESUME, SKIP, Signal
from interlock.states import Failed, Paused, Scheduled, State

TABLE = """
lifecycle = "task-run"
[states]
Checked  = { is = "Paused",  means = "waits for somebody to look at what was found" }
Accepted = { is = "Success", means = "somebody has seen it" }
[signals]
CHECK    = { raised_by = "user",   means = "somebody must look at this" }
ACCEPT   = { raised_by = "person", means = "it is as it should be" }
REDO     = { raised_by = "person", means = "do it again", recurs = "people look as often as they like" }
[from.Running]
CHECK    = "Checked"
[from.Checked]
ACCEPT   = "Accepted"
REDO     = "Scheduled"
RESUME   = { to = "refused", because = "somebody must say ACCEPT or REDO" }
CANCEL   = "Cancelled"
BROKEN   = "Failed"
ENDRUN   = { carries = ["Checked", "endings"] }
"""
MODULE = "checks_of_a_plugin"


class Checks:
    """The plugin."""

    def __init__(self, extension: Extension) -> None:
        self.extension = extension

    @hookimpl
    def extend(self, lifecycle: str) -> Extension | None:
        return self.extension if lifecycle == self.extension.lifecycle else None


class Module(ModuleType):
    """The plugin's module, as it would be imported. Any: what it holds is made while it is."""

    EXTENSION: Extension
    CHECK: type[Signal]
    ACCEPT: type[Signal]
    REDO: type[Signal]
    Checked: type[State]
    Accepted: type[State]


@pytest.fixture
def checks() -> Iterator[Module]:
    """Return the module, which is there to be imported."""
    module = Module(MODULE)
    module.EXTENSION = Extension.from_toml(TABLE, module=MODULE)
    for name, kind in module.EXTENSION.classes.items():
        setattr(module, name, kind)
    sys.modules[MODULE] = module
    yield module
    del sys.modules[MODULE]


def odd(checks: Module) -> Any:
    """Return a body that asks somebody to look, and returns what was said. Any: a result."""

    def body() -> str:
        if not context.get("resume"):
            raise checks.CHECK("3 rows are odd", result=[1, 2, 3])
        return f"{context.answer.name}: {context.answer.message}"

    return body


# The classes


def test_a_class_for_each_state_and_signal(checks: Module) -> None:
    """They are as those that are there: in their families, with their meanings, of the plugin's module."""
    assert set(checks.EXTENSION.states) == {"Checked", "Accepted"}
    assert set(checks.EXTENSION.signals) == {"CHECK", "ACCEPT", "REDO"}
    assert issubclass(checks.Checked, Paused)
    assert issubclass(checks.Accepted, states.Success)
    assert checks.Checked.__doc__ == "waits for somebody to look at what was found"
    assert checks.CHECK.__doc__ == "somebody must look at this"
    assert {kind.__module__ for kind in checks.EXTENSION.classes.values()} == {MODULE}
    leads = {name: kind.leads_to.__name__ for name, kind in checks.EXTENSION.signals.items()}
    assert leads == {"CHECK": "Checked", "ACCEPT": "Accepted", "REDO": "Scheduled"}


def test_states_and_signals_are_values(checks: Module) -> None:
    """A state is frozen, equal and hashed as all are, and predicates know its family; both can be pickled."""
    state = checks.Checked("odd", [1])
    assert (repr(state), state.is_paused(), state.is_scheduled(), state.is_running()) == (
        '<Checked: "odd">',
        True,
        True,
        False,
    )
    assert (state == checks.Checked("odd", [1]), hash(state)) == (True, hash(checks.Checked("odd", [2])))
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        state.message = "even"  # type: ignore[misc]  # what the type checker says, too
    signal = checks.CHECK("odd", result=5)
    assert repr(signal) == "CHECK('odd', result=5)"
    assert repr(signal.state) == '<Checked: "odd">'
    for value in (state, signal, checks.Checked):
        for dump in (pickle.dumps, cloudpickle.dumps):
            loaded = pickle.loads(dump(value))
            assert (type(loaded), repr(loaded)) == (type(value), repr(value))
    with pytest.raises(TypeError, match=r"^CHECK: unknown field 'start'; it takes: message, result, start_time\. Did"):
        checks.CHECK("odd", start=5)


@attrs.frozen(repr=False)
class Held(Paused):
    """Waits for a key."""

    key: str = ""


class HOLD(Signal):
    """Wait for a key."""

    __slots__ = ()
    leads_to = Held

    def __init__(self, key: str) -> None:
        super().__init__(None, key=key)


HOLDING = """
lifecycle = "task-run"
[states]
Held = { is = "Paused", means = "waits for a key" }
[signals]
HOLD = { raised_by = "user", means = "wait for a key" }
FREE = { raised_by = "person", means = "here is the key", recurs = "doors close again" }
[from.Running]
HOLD = "Held"
[from.Held]
FREE = "Scheduled"
CANCEL = "Cancelled"
BROKEN = "Failed"
"""


def test_classes_written_by_hand() -> None:
    """A state may have fields of its own, and its signal takes them."""
    extension = Extension.from_toml(HOLDING, module=__name__, classes=[Held, HOLD])
    assert (extension.states["Held"], extension.signals["HOLD"]) == (Held, HOLD)
    globals()["FREE"] = extension.signals["FREE"]
    try:

        def body() -> None:
            raise HOLD("brass")

        flow, (node,) = flow_of(body)
        state = flow.run(plugins=[Checks(extension)])
        assert state.result[node] == Held(key="brass")
        assert hash(state.result[node]) == hash(Held(key="iron"))
    finally:
        del globals()["FREE"]


def test_a_life_cycle_without_classes_has_names() -> None:
    """What extends a life cycle of somebody's own has no classes, and its machine takes it."""
    order = Machine.from_toml(
        'lifecycle = "order"\ninitial = "New"\n[states]\nNew = { means = "n" }\nDone = { means = "d", final = true }\n'
        '[signals]\nEND = { means = "end" }\n[from.New]\nEND = "Done"\n'
    )
    extension = Extension(
        {
            "lifecycle": "order",
            "signals": {"BURN": {"means": "it burns"}},
            "from": {"New": {"BURN": "Done"}},
        },
        module=__name__,
    )
    assert (dict(extension.states), dict(extension.signals)) == ({}, {})
    assert repr(extension) == "<Extension of order: BURN>"
    burning = Plugins(Checks(extension)).machine(order)
    run = Run(burning)
    assert run.send("BURN") == "Done"
    assert Plugins(Checks(extension)).machine("task-run") == Machine.load("task-run")


def test_an_opaque_guard_of_an_extension_is_answered() -> None:
    """Its callable answers on bare runs and in flows; one that is bound to the run comes first."""
    table = {
        "lifecycle": "task-run",
        "signals": {"CHECKED": {"raised_by": "user", "means": "looked at"}},
        "guards": {"fine": {"when": "?", "default": False, "means": "nothing is odd"}},
        "from": {"Running": {"CHECKED": ["Success if fine", "Failed"]}},
    }

    def fine(run: Any, signal: Any) -> bool:
        return isinstance(signal, Signal) and signal.message == "fine"

    extension = Extension(table, module=__name__, guards={"fine": fine})
    kind = extension.signals["CHECKED"]
    machine = Machine.load("task-run").extend(extension)
    for message, bound, after in (
        ("fine", None, "Success"),
        ("odd", None, "Failed"),
        ("fine", {"fine": lambda run, signal: False}, "Failed"),
    ):
        run = Run(machine, guards=bound)
        run.send("START")
        assert run.send(kind(message)) == after
    unknown = Extension({**table, "guards": table["guards"]}, module=__name__, guards={"find": fine})
    with pytest.raises(ValueError, match=r"unknown opaque guard 'find'. Did you mean 'fine'\?"):
        Machine.load("task-run").extend(unknown)


# What is refused


def changed(old: str, new: str) -> str:
    """Return the table with a line changed."""
    assert TABLE.count(old) == 1
    return TABLE.replace(old, new)


@pytest.mark.parametrize(
    ("table", "problem"),
    [
        (changed('lifecycle = "task-run"\n', ""), "lifecycle: is None; it must be the name of the one that it adds to"),
        (changed('is = "Paused",  means', "means"), "states.Checked: belongs to no family; say is = 'STATE'."),
        (
            changed('is = "Paused"', 'is = "Pause"'),
            "states.Checked: belongs to no family; say is = 'STATE'. Did you mean 'Paused'?",
        ),
        (
            changed('is = "Paused"', 'is = "Running"'),
            "states.Checked: is a Running; only the work itself, or the engine, leads out of that family",
        ),
        (
            changed('is = "Paused"', 'is = "Checked"'),
            "states.Checked: belongs to no family; say is = 'STATE'.",
        ),
        (
            TABLE.replace("Accepted", "Success"),
            "states.Success: the name of a class of its own is needed, and this is none, or taken",
        ),
        (
            changed('REDO     = { raised_by = "person"', 'SKIP     = { raised_by = "person"'),
            "signals.SKIP: the name of a class of its own is needed, and this is none, or taken",
        ),
        (
            changed('CHECK    = "Checked"', 'CHECK    = "Cheked"'),
            "from.Running.CHECK: unknown state 'Cheked'. Did you mean 'Checked'?",
        ),
        (
            changed('CHECK    = "Checked"\n', ""),
            "signals.CHECK: no row of it leads anywhere; give it one under [from.STATE], or a class",
        ),
        ("lifecycle = ", "is not TOML: Invalid value (at end of document)"),
    ],
)
def test_a_table_that_is_none_is_refused(table: str, problem: str) -> None:
    """What is wrong with the vocabulary is said when the extension is made."""
    with pytest.raises(SpecError) as caught:
        Extension.from_toml(table, module=MODULE)
    assert str(caught.value).startswith(f"extension of {MODULE}: {problem}")


@attrs.frozen
class Checked(State):
    """In no family."""


class Accepted(states.Success):
    """No class of attrs."""


class CHECK:
    """No signal."""


class Other(Paused):
    """Nothing that it adds."""


@pytest.mark.parametrize(
    ("kind", "problem"),
    [
        (Checked, "class Checked: must be an @attrs.frozen class under Paused, as its family is"),
        (Accepted, "class Accepted: must be an @attrs.frozen class under Success, as its family is"),
        (CHECK, "class CHECK: must be a class under interlock.signals.Signal"),
        (
            Other,
            "class Other: the extension adds no such state or signal; it adds: Checked, Accepted, CHECK, ACCEPT, ",
        ),
    ],
)
def test_a_class_that_does_not_fit_is_refused(kind: type, problem: str) -> None:
    """A class by hand stands where its family does."""
    with pytest.raises(SpecError) as caught:
        Extension.from_toml(TABLE, module=MODULE, classes=[kind])
    assert str(caught.value).startswith(f"extension of {MODULE}: {problem}")


@pytest.mark.parametrize(
    ("table", "problem"),
    [
        (
            changed('CANCEL   = "Cancelled"\n', ""),
            "from.Checked: refuses CANCEL, which every state of task-run accepts that is not final; give it a row",
        ),
        (
            changed('CHECK    = "Checked"', 'CHECK    = "Checked"\nSKIP = "Checked"'),
            "from.Running.SKIP: the answer of Running to SKIP is closed",
        ),
        (
            changed('REDO     = "Scheduled"', 'REDO     = "Running"'),
            "from.Checked.REDO: enters Running, but only START opens an attempt",
        ),
        (
            changed('CANCEL   = "Cancelled"', 'CANCEL   = "Cancelling"'),
            "from.Checked.CANCEL: enters Cancelling, but only START opens an attempt",
        ),
        (changed(', recurs = "people look as often as they like"', ""), "the cycle "),
    ],
    ids=["cannot-be-cancelled", "closed", "jumps-the-gates", "held-without-work", "no-end"],
)
def test_a_table_that_breaks_a_rule_is_refused_when_it_is_put_to_use(
    checks: Module, table: str, problem: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error names the plugin, the table, the row, and why."""
    extension = Extension.from_toml(table, module=MODULE, file="checks.toml")
    for name, kind in extension.classes.items():
        setattr(checks, name, kind)
    flow, _ = flow_of(lambda: 1)
    with pytest.raises(PluginError) as caught:
        flow.run(plugins=[Checks(extension)])
    assert str(caught.value).startswith("plugin 'Checks', extend: ")
    assert problem in str(caught.value)
    assert "checks.toml" in str(caught.value)


def test_classes_that_cannot_be_imported_are_refused(checks: Module) -> None:
    """What cannot be found under its name cannot be pickled: the error says what to write."""
    del checks.CHECK
    checks.Checked = Checked
    with pytest.raises(PluginError) as caught:
        Plugins(Checks(checks.EXTENSION)).machine("task-run")
    assert str(caught.value) == (
        f"plugin 'Checks', extend: {MODULE} must have Checked, so that it can be imported and pickled: write "
        f"Checked = EXTENSION.states['Checked']; {MODULE} must have CHECK, so that it can be imported and pickled: "
        "write CHECK = EXTENSION.signals['CHECK']"
    )


def test_two_that_add_the_same_are_both_named(checks: Module, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two plugins that disagree: an error that names both; one that was unregistered disagrees with nobody."""

    class Twin(Checks):
        pass

    same = Plugins(Checks(checks.EXTENSION), Twin(checks.EXTENSION))  # one extension, put to use by two objects
    assert same.machine("task-run") == Plugins(Checks(checks.EXTENSION)).machine("task-run")
    other = Extension.from_toml(TABLE, module=MODULE)
    monkeypatch.setattr(Extension, "missing", lambda self: [])  # a module has one class of a name
    twin = Twin(other)
    plugins = Plugins(Checks(checks.EXTENSION), twin)
    with pytest.raises(PluginError) as caught:
        plugins.machine("task-run")
    assert str(caught.value) == "plugin 'Twin', extend: states.Checked: plugin 'Checks' adds it to task-run, too"
    plugins.unregister(twin)
    assert "Checked" in plugins.machine("task-run").rows
    assert plugins.machine("task-run") is plugins.machine("task-run")


def test_a_file_is_read_and_named(tmp_path: Path) -> None:
    """A file that is there is read; one that is not is named."""
    path = tmp_path / "checks.toml"
    path.write_text(TABLE, encoding="utf-8")
    assert Extension.load(path, module=MODULE).file == "checks.toml"
    with pytest.raises(SpecError, match=r"nothing.toml: No such file"):
        Extension.load(tmp_path / "nothing.toml", module=MODULE)


# Runs


def test_a_body_raises_a_plugins_signal(checks: Module) -> None:
    """It leads to the plugin's state, whose payload it brings; a person's signal goes on from there."""
    told = Told()
    plugins = Plugins(Checks(checks.EXTENSION), told)
    flow, (node,) = flow_of(odd(checks))
    rested = flow.run(plugins=plugins)
    assert rested.is_paused()
    assert rested.result[node] == checks.Checked("3 rows are odd", [1, 2, 3])
    again = flow.resume(rested, signals={node: checks.REDO("Ann")}, plugins=plugins)
    assert again.result[node].result == "REDO: Ann"
    assert told.tasks == [
        "Pending -START-> Running",
        "Running -CHECK-> Checked",
        "Checked -REDO-> Scheduled",
        "Scheduled -START-> Running",
        "Running -SUCCESS-> Success",
    ]
    over = flow.resume(rested, signals={node: checks.ACCEPT("Bob", result=7)}, plugins=plugins)
    assert (type(over.result[node]), over.result[node].result) == (checks.Accepted, 7)
    assert over.is_successful()


def test_what_waits_for_another_answer_keeps_waiting(checks: Module) -> None:
    """`resume` without an answer leaves it as it is; to name it without one, or with a wrong one, is refused."""
    plugins = Plugins(Checks(checks.EXTENSION))
    flow, (node, other) = flow_of(odd(checks), lambda: context.get("resume") or _raise(signals.PAUSE("look")))
    rested = flow.run(plugins=plugins)
    again = flow.resume(rested, plugins=plugins)
    assert (again.result[node].is_paused(), again.result[other].result) == (True, True)
    assert refused(lambda: flow.resume(rested, [node], plugins=plugins)) == (
        "flow 'of tasks': task 'body-1': it is Checked, and waits for: CANCEL, ACCEPT, REDO; "
        "give signals={'body-1': ...}"
    )
    for wrong in (SKIP("no"), RESUME()):
        with pytest.raises(
            ValueError, match=rf"{wrong.name} is refused in Checked.* people may say: CANCEL, ACCEPT, R"
        ):
            flow.resume(rested, signals={node: wrong}, plugins=plugins)
    assert flow.resume(rested, signals={node: signals.CANCEL()}, plugins=plugins).result[node].is_cancelled()


def test_children_are_answered_one_by_one(checks: Module) -> None:
    """A place such as "slug[1]" is one child; a slug alone is all of them."""
    plugins = Plugins(Checks(checks.EXTENSION))

    @task
    def each(number: int) -> object:
        if not context.get("resume"):
            raise checks.CHECK(f"look at {number}")
        return context.answer.message

    with Flow("mapped") as flow:
        node = it(each.map([5, 6, 7]))
    rested = flow.run(plugins=plugins)
    slug = node.slug
    one = flow.resume(rested, signals={f"{slug}[1]": checks.REDO("one")}, plugins=plugins)
    assert [repr(state) for state in one.result.children(node)] == [
        '<Checked: "look at 5">',
        "<Success>",
        '<Checked: "look at 7">',
    ]
    done = flow.resume(one, signals={node: checks.REDO("rest")}, plugins=plugins)
    assert done.result[node].result == ["rest", "one", "rest"]
    for wrong in (f"{slug}[3]", f"{slug}[1]"):
        why = refused(lambda place=wrong: flow.resume(one, signals={place: checks.REDO()}, plugins=plugins))  # type: ignore[misc]  # as above
        assert why == f"flow 'mapped': task {wrong!r} does not wait for a person"


def test_a_rest_is_pickled_and_goes_on_elsewhere(checks: Module) -> None:
    """The table goes with the state: with the plugin or without it, the run goes on by the rows that it began by."""
    plugins = Plugins(Checks(checks.EXTENSION))
    flow, (node,) = flow_of(odd(checks))
    rested = pickle.loads(cloudpickle.dumps(flow.run(plugins=plugins)))
    given: Any
    for given in (plugins, []):
        again = flow.resume(rested, signals={node: checks.REDO("Ann")}, plugins=given)
        assert again.result[node].result == "REDO: Ann"


def test_a_plugin_may_come_later(checks: Module) -> None:
    """A run that rested under the plain table goes on under the extended one, which only adds to it."""
    flow, (node,) = flow_of(
        lambda: _raise(checks.CHECK("odd")) if context.get("resume") else _raise(signals.PAUSE("look"))
    )
    rested = flow.run(plugins=[])
    state = flow.resume(rested, plugins=[Checks(checks.EXTENSION)])
    assert state.result[node] == checks.Checked("odd")


def _raise(signal: Signal) -> bool:
    raise signal


def test_a_signal_of_a_plugin_that_is_not_used_fails_the_task(checks: Module) -> None:
    """Its name is unknown there: the task fails, and says so."""
    flow, (node,) = flow_of(odd(checks))
    state = flow.run(plugins=[]).result[node]
    assert state.is_failed()
    assert "unknown signal CHECK" in (state.message or "")


def test_endrun_carries_a_plugins_state_where_its_rows_say_so(checks: Module) -> None:
    """Only the rows of the new state may carry it: elsewhere it is refused, with the reason."""
    machine = Machine.load("task-run").extend(checks.EXTENSION)
    run = Run(machine)
    run.send("START")
    with pytest.raises(NoTransition, match="ENDRUN is refused in Running: it carries Checked"):
        run.send(ENDRUN(checks.Checked("still")))
    run.send(checks.CHECK("look"))
    assert run.send(ENDRUN(checks.Checked("still"))) == "Checked"
    assert run.closed


def test_the_extended_machine_is_a_value(checks: Module) -> None:
    """It is equal to one made again, and a copy or a pickle of it has its classes."""
    machine = Machine.load("task-run").extend(checks.EXTENSION)
    assert machine == Plugins(Checks(checks.EXTENSION)).machine("task-run")
    assert machine != Machine.load("task-run")
    for other in (pickle.loads(pickle.dumps(machine)), copy.deepcopy(machine)):
        assert other == machine
        flow, (node,) = flow_of(odd(checks))
        rested = flow.run(plugins=[Checks(checks.EXTENSION)])
        assert repr(rested.result[node]) == '<Checked: "3 rows are odd">'
        assert Run(other).machine._classes["CHECK"] is checks.CHECK


def test_a_plugin_answers_with_its_own_signal(checks: Module) -> None:
    """By name, class or instance: a plugin's signal takes the place of another where its rows say so."""
    for answer in ("CHECK", checks.CHECK, checks.CHECK("odd")):

        class Looks(Checks):
            @hookimpl
            def before_step(self, signal: object, answer: object = answer) -> object:
                return answer if isinstance(signal, signals.FAIL) else None

        flow, (node,) = flow_of(lambda: 1 / 0)
        state = flow.run(plugins=[Looks(checks.EXTENSION)])
        assert type(state.result[node]) is checks.Checked


def test_a_handler_may_return_a_plugins_state(checks: Module) -> None:
    """The signal that leads to it is the plugin's, and it is taken where the plugin is used."""

    def looks(_task: object, _old: State, new: State) -> State | None:
        return checks.Checked("odd") if isinstance(new, Failed) else None

    flow, (node,) = flow_of(lambda: 1 / 0, state_handlers=[looks])
    assert flow.run(plugins=[Checks(checks.EXTENSION)]).result[node] == checks.Checked("odd")
    assert flow.run(plugins=[]).result[node].is_failed()
    assert signals.signal_from_state(checks.Checked("odd")) is checks.CHECK
    assert signals.signal_from_state(Failed("x")) is signals.FAIL
    with pytest.raises(ValueError, match="no signal leads to <Scheduled>"):
        signals.signal_from_state(Scheduled())


PARTS: dict[str, Any] = tomllib.loads(TABLE)
SPOTS = [
    *((key,) for key in PARTS),
    *((key, name) for key in PARTS if key != "lifecycle" for name in PARTS[key]),
    *((key, name, entry) for key in PARTS if key != "lifecycle" for name in PARTS[key] for entry in PARTS[key][name]),
]
WORDS = st.sampled_from(
    ["Paused", "Running", "Checked", "Failed", "CHECK", "RESUME", "refused", "", " ", "a b", "é", "X if y"]
)
VALUES = st.recursive(
    WORDS | st.none() | st.booleans() | st.integers() | st.floats() | st.binary(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS | st.integers(), inner, max_size=3),
    max_leaves=5,
)


@settings(deadline=None, derandomize=True, max_examples=400)
@given(spot=st.sampled_from(SPOTS), key=st.none() | WORDS | st.integers(), value=VALUES)
def test_whatever_stands_in_an_extension_it_works_or_is_refused(
    spot: tuple[str, ...], key: str | int | None, value: object
) -> None:
    """Any value in any place of a table: an extension that a machine can be made of, or `SpecError`."""
    table = copy.deepcopy(PARTS)
    place: Any = table
    for step in spot[:-1]:
        place = place[step]
    place[spot[-1] if key is None else key] = value
    try:
        extension = Extension(table, module=MODULE)
        machine = Machine.load(extension.lifecycle).extend(extension)
    except SpecError:
        return
    assert {*extension.signals} == {*machine.signals} - {*Machine.load("task-run").signals}
    assert {*extension.states} == {*machine.states} - {*Machine.load("task-run").states}
