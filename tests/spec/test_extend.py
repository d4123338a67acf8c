"""What an extension may add to a table, and that it changes nothing that is there."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from parcel import FILE, PARCEL, changed

from interlock._errors import NoTransition, SpecError
from interlock._machine import Machine

Extension = dict[str, Any]  # Any: what a TOML file may hold

PLUGIN = "plugin.toml"

SNOOZE: Extension = {
    "signals": {"SNOOZE": {"raised_by": "person", "means": "not now", "recurs": "people may put it off for ever"}},
    "from": {"startable": {"SNOOZE": {"to": "Scheduled", "because": "a time can be moved"}}},
}

QUARANTINE: Extension = {
    "states": {"Quarantined": {"is": "Scheduled", "means": "waits until it was looked at"}},
    "groups": {"suspect": ["Quarantined", "Running"]},
    "signals": {
        "SUSPECT": {"raised_by": "plugin", "means": "it may do harm"},
        "CLEAR": {"raised_by": "person", "means": "it does no harm"},
        "CONDEMN": {"raised_by": "person", "means": "it does harm"},
    },
    "limits": {"suspicions": {"default": 2, "means": "how often it is looked at"}},
    "guards": {
        "trusted": {"when": "?", "default": False, "means": "whoever wrote it is known"},
        "suspicious": {"when": "taken(SUSPECT) < suspicions and not trusted", "means": "it is looked at once more"},
    },
    "from": {
        "Running": {"SUSPECT": ["Quarantined if suspicious", "Failed"]},
        "suspect": {"CONDEMN": "Failed"},
        "Quarantined": {
            "CLEAR": "Scheduled",
            "CANCEL": "Cancelled",
            "BROKEN": "Failed",
            "START": {"to": "refused", "because": "it was not looked at"},
        },
    },
}

EXTENSIONS = {"a-signal": SNOOZE, "a-state-and-more": QUARANTINE}


def parcel() -> Machine:
    """Return the small table."""
    return Machine.from_toml(PARCEL, FILE)


def refusal(extension: Any, machine: Machine | None = None) -> str:
    """Return the whole text of the error that an extension is refused with. Any: some are wrong on purpose."""
    with pytest.raises(SpecError) as caught:
        (machine or parcel()).extend(extension, PLUGIN)
    return str(caught.value)


def test_a_signal_for_a_group() -> None:
    """A new signal gets an answer in every state of the group, and in no other."""
    snoozing = Machine.load("task-run").extend(SNOOZE)
    assert [state for state in snoozing.rows if "SNOOZE" in snoozing.accepts(state)] == [
        "Pending",
        "Scheduled",
        "Retrying",
        "Looped",
    ]
    assert {snoozing.next(state, "SNOOZE") for state in ("Pending", "Scheduled", "Retrying", "Looped")} == {"Scheduled"}


def test_a_state_with_limits_and_guards() -> None:
    """A new state belongs to its family, and what leads there is decided by the new guards under the new limits."""
    machine = Machine.load("task-run").extend(QUARANTINE)
    assert "Quarantined" in machine.family("Pending")
    assert machine.limits["suspicions"] == 2
    assert machine.next("Running", "SUSPECT") == "Quarantined"
    assert machine.next("Running", "SUSPECT", counts={"taken(SUSPECT)": 2}) == "Failed"
    assert machine.next("Running", "SUSPECT", limits={"suspicions": 0}) == "Failed"
    assert machine.next("Running", "SUSPECT", guards={"trusted": True}) == "Failed"
    assert machine.next("Quarantined", "CONDEMN") == "Failed"
    with pytest.raises(NoTransition, match="START is refused in Quarantined: it was not looked at"):
        machine.next("Quarantined", "START")


def test_a_new_state_may_answer_old_signals_as_it_likes() -> None:
    """Nothing is closed in a state that was not there."""
    machine = Machine.load("task-run").extend(QUARANTINE)
    assert machine.accepts("Quarantined") == ("BROKEN", "CANCEL", "CLEAR", "CONDEMN")


@pytest.mark.parametrize("extension", EXTENSIONS.values(), ids=EXTENSIONS)
def test_what_was_there_is_as_it_was(extension: Extension) -> None:
    """Every state, signal, limit and cell of the table stands unchanged in the extended one."""
    old = Machine.load("task-run")
    new = old.extend(extension)
    assert dict(old.states).items() <= dict(new.states).items()
    assert dict(old.signals).items() <= dict(new.signals).items()
    assert dict(old.limits).items() <= dict(new.limits).items()
    assert {state: {signal: new.rows[state].get(signal) for signal in old.signals} for state in old.rows} == {
        state: {signal: old.rows[state].get(signal) for signal in old.signals} for state in old.rows
    }


def said(machine: Machine) -> tuple[object, ...]:
    """Return all that a machine says of itself."""
    rows = {state: dict(row) for state, row in machine.rows.items()}
    return machine.hash, machine.facts, dict(machine.states), dict(machine.signals), machine.limits, rows


@pytest.mark.parametrize("extension", EXTENSIONS.values(), ids=EXTENSIONS)
def test_the_original_is_unchanged(extension: Extension) -> None:
    """A machine stays what it is when another one is made from it, and so does the extension."""
    machine = Machine.load("task-run")
    before, given = said(machine), copy.deepcopy(extension)
    extended = machine.extend(extension)
    assert said(machine) == before
    assert extension == given
    assert extended != machine


@pytest.mark.parametrize("extension", EXTENSIONS.values(), ids=EXTENSIONS)
def test_an_extension_gives_another_hash(extension: Extension) -> None:
    """The extended table is another one, the same for the same extension, and only adds to the facts of the old one."""
    old = Machine.load("task-run")
    new = old.extend(extension)
    assert new.hash != old.hash
    assert new.hash == old.extend(extension).hash
    assert {*old.facts.split()} < {*new.facts.split()}


@pytest.mark.parametrize("extension", [{}, {"states": {}}, {"from": {}}, {"from": {"startable": {}}}])
def test_an_empty_extension_adds_nothing(extension: Extension) -> None:
    """An extension without anything in it gives an equal table."""
    old = Machine.load("task-run")
    assert old.extend(extension) == old


@pytest.mark.parametrize(
    ("name", "extension"),
    [("flow-run", SNOOZE), ("flow-run", QUARANTINE), ("task-run", SNOOZE)],
    ids=["flow-run-a-signal", "flow-run-a-state-and-more", "task-run-a-signal"],
)
def test_every_row_of_the_extended_table_can_fire(name: str, extension: Extension) -> None:
    """The extended table is explored like any other, and the exploration finds the new rows."""
    machine = Machine.load(name)
    report = machine.extend(extension).check()
    assert report.ok
    assert report.silent == ()
    assert report.steps > machine.check().steps


def test_two_extensions_in_either_order() -> None:
    """Extensions that do not touch each other make one table, whichever comes first."""
    machine = Machine.load("task-run")
    assert machine.extend(SNOOZE).extend(QUARANTINE) == machine.extend(QUARANTINE).extend(SNOOZE)


def test_an_extension_of_an_extension() -> None:
    """What one extension has added, the next one may use, and may not change."""
    snoozing = parcel().extend(
        {"signals": {"BURN": {"means": "fire"}}, "from": {"Moving": {"BURN": "Lost"}}}, "fire.toml"
    )
    assert snoozing.extend({"from": {}}) == snoozing
    assert refusal({"from": {"Held": {"BURN": "Lost"}}}, snoozing) == (
        "plugin.toml: from.Held.BURN: the answer of Held to BURN is closed; "
        "rows are only for a new signal or from a new state"
    )
    assert refusal({"limits": {"heat": {"default": 1, "means": "degrees"}}}, snoozing) == (
        "parcel.toml + fire.toml + plugin.toml: limits.heat: is used nowhere; use it or drop it"
    )


def test_a_table_without_optional_parts() -> None:
    """An extension may bring the first group, limit and guard of a table."""
    door = Machine.from_mapping(
        {
            "lifecycle": "door",
            "initial": "Shut",
            "states": {"Shut": {"means": "closed"}, "Gone": {"means": "over", "final": True}},
            "signals": {"BREAK": {"means": "it is broken"}},
            "from": {"Shut": {"BREAK": "Gone"}},
        }
    )
    extended = door.extend(
        {
            "states": {"Open": {"is": "Shut", "means": "open"}},
            "groups": {"whole": ["Shut", "Open"]},
            "signals": {"OPEN": {"means": "it opens"}, "SHUT": {"means": "it shuts"}, "BURN": {"means": "it burns"}},
            "limits": {"uses": {"default": 3, "means": "how often it opens"}},
            "guards": {"lasts": {"when": "taken(OPEN) < uses", "means": "it opens once more"}},
            "from": {
                "Shut": {"OPEN": ["Open if lasts", "Gone"]},
                "Open": {"SHUT": "Shut"},
                "whole": {"BURN": "Gone"},
            },
        }
    )
    assert extended.check().ok
    assert extended.next("Open", "BURN") == extended.next("Shut", "OPEN", counts={"taken(OPEN)": 3}) == "Gone"


CLOSED = "has it already; an extension adds and changes nothing"
ROWS = "rows are only for a new signal or from a new state"

REFUSED: dict[str, tuple[Any, list[str]]] = {
    "not-a-mapping": ([], ["is 'list', not a mapping"]),
    "nothing": (None, ["is 'NoneType', not a mapping"]),
    "text": ("[states]", ["is 'str', not a mapping"]),
    "part-unknown": ({"state": {}}, ["unknown key 'state'. Did you mean 'states'?"]),
    "part-that-no-extension-has": (
        {"initial": "Held", "attempt": ["Held"], "lifecycle": "x"},
        ["unknown key 'initial'.", "unknown key 'attempt'.", "lifecycle: adds to 'x', not to 'parcel'"],
    ),
    "part-number": ({3: {}}, ["unknown key 3."]),
    "section-list": ({"states": []}, ["states: is []; it must be a section"]),
    "section-none": (
        {"guards": None, "from": 3},
        ["guards: is None; it must be a section", "from: is 3; it must be a section"],
    ),
    "state-again": ({"states": {"Held": {"is": "Packed", "means": "x"}}}, [f"states.Held: parcel {CLOSED}"]),
    "state-again-as-it-is": (
        {"states": {"Held": {"is": "Packed", "means": "kept back at the depot"}}},
        [f"states.Held: parcel {CLOSED}"],
    ),
    "state-again-without-family": ({"states": {"Held": {"means": "x"}}}, [f"states.Held: parcel {CLOSED}"]),
    "group-again": ({"groups": {"waiting": ["Packed", "Held", "Moving"]}}, [f"groups.waiting: parcel {CLOSED}"]),
    "signal-again": ({"signals": {"STOP": {"means": "x"}}}, [f"signals.STOP: parcel {CLOSED}"]),
    "limit-again": ({"limits": {"returns": {"default": 9, "means": "x"}}}, [f"limits.returns: parcel {CLOSED}"]),
    "guard-again": ({"guards": {"insured": {"when": "?", "default": False}}}, [f"guards.insured: parcel {CLOSED}"]),
    "all-again": (
        {
            "guards": {"insured": {}},
            "limits": {"returns": {}},
            "signals": {"WAIT": {}, "HOLD": {}},
            "states": {"Lost": 3},
        },
        [
            f"states.Lost: parcel {CLOSED}",
            f"signals.WAIT: parcel {CLOSED}",
            f"signals.HOLD: parcel {CLOSED}",
            f"limits.returns: parcel {CLOSED}",
            f"guards.insured: parcel {CLOSED}",
        ],
    ),
    "answer-changed": (
        {"from": {"Moving": {"DELIVER": "Lost"}}},
        [f"from.Moving.DELIVER: the answer of Moving to DELIVER is closed; {ROWS}"],
    ),
    "answer-where-none-is": (
        {"from": {"Packed": {"DELIVER": "Delivered"}}},
        [f"from.Packed.DELIVER: the answer of Packed to DELIVER is closed; {ROWS}"],
    ),
    "answer-where-it-is-refused": (
        {"from": {"Held": {"HOLD": {"to": "Held", "because": "it is held already"}}}},
        [f"from.Held.HOLD: the answer of Held to HOLD is closed; {ROWS}"],
    ),
    "answer-of-a-final-state": (
        {"from": {"Lost": {"RELEASE": "Packed"}}},
        [f"from.Lost.RELEASE: the answer of Lost to RELEASE is closed; {ROWS}"],
    ),
    "answer-of-an-old-group": (
        {"from": {"waiting": {"DELIVER": "Delivered"}}},
        [f"from.waiting.DELIVER: the answer of Packed to DELIVER is closed; {ROWS}"],
    ),
    "answer-of-a-new-group-with-an-old-state": (
        {
            "states": {"Found": {"is": "Packed", "means": "it turned up"}},
            "groups": {"odd": ["Found", "Held"]},
            "from": {"odd": {"DELIVER": "Delivered"}},
        },
        [f"from.odd.DELIVER: the answer of Held to DELIVER is closed; {ROWS}"],
    ),
    "state-without-family": (
        {"states": {"Found": {"means": "it turned up"}}},
        ["states.Found: belongs to no family; say is = 'STATE'."],
    ),
    "state-of-an-unknown-family": (
        {"states": {"Found": {"is": "Pakced", "means": "it turned up"}}},
        ["states.Found: belongs to no family; say is = 'STATE'. Did you mean 'Packed'?"],
    ),
    "state-of-a-family-that-is-a-list": (
        {"states": {"Found": {"is": ["Packed"], "means": "it turned up"}}},
        ["states.Found: belongs to no family; say is = 'STATE'. Did you mean 'Packed'?"],
    ),
    "several": (
        {
            "states": {"Found": {"means": "it turned up"}, "Held": {"is": "Packed", "means": "x"}},
            "from": {"Packed": {"WAIT": "Lost", "SEND": "Lost"}},
        },
        [
            f"states.Held: parcel {CLOSED}",
            "states.Found: belongs to no family; say is = 'STATE'.",
            f"from.Packed.WAIT: the answer of Packed to WAIT is closed; {ROWS}",
            f"from.Packed.SEND: the answer of Packed to SEND is closed; {ROWS}",
        ],
    ),
}

BURN = {"means": "it is on fire"}

# What may be added in itself, but makes no good table: the error names both files.
BROKEN: dict[str, tuple[Extension, list[str]]] = {
    "entry-number": (
        {"states": {"Found": 3}},
        ["states.Found: is 3; it must be a table such as { means = '...' }"],
    ),
    "row-number": ({"from": {"Held": 3}}, ["from.Held: is 3; it must be a section [from.Held]"]),
    "row-of-an-unknown-state": (
        {"signals": {"BURN": BURN}, "from": {"Hold": {"BURN": "Lost"}}},
        ["from.Hold: unknown state or group 'Hold'. Did you mean 'Held'?"],
    ),
    "group-number": (
        {"groups": {"odd": 5}, "from": {"odd": {"WAIT": "Lost"}}},
        ["groups.odd: is 5; it must be a list of states"],
    ),
    "group-in-group": (
        {"groups": {"odd": [["Held"]]}, "from": {"odd": {"WAIT": "Lost"}}},
        ["groups.odd: unknown state ['Held']. Did you mean 'Held'?"],
    ),
    "signal-without-an-answer": ({"signals": {"BURN": BURN}}, ["signals.BURN: is used nowhere; use it or drop it"]),
    "new-answer-of-a-final-state": (
        {"signals": {"BURN": BURN}, "from": {"Lost": {"BURN": "Delivered"}}},
        ["from.Lost.BURN: Lost is final; over is over"],
    ),
    "state-that-cannot-be-reached": (
        {"states": {"Found": {"is": "Delivered", "means": "it turned up"}}},
        ["states.Found: cannot be reached from Packed; give some cell the target 'Found'"],
    ),
    "families-in-a-circle": (
        {"states": {"Found": {"is": "Found", "means": "it turned up"}}},
        ["states.Found: its families go round in a circle: Found is Found"],
    ),
    "guard-named-like-an-old-limit": (
        {"guards": {"returns": {"when": "?", "default": True, "means": "x"}}},
        ["guards.returns: is a limit too; one name, one thing"],
    ),
    "group-named-like-an-old-state": (
        {"groups": {"Lost": ["Packed"]}},
        ["groups.Lost: is a state too; one name, one thing"],
    ),
    "way-back-without-a-bound": (
        {"signals": {"BURN": BURN}, "from": {"Moving": {"BURN": "Packed"}}},
        [
            "from.waiting.SEND: the cycle Packed -SEND-> Moving -BURN-> Packed has no end: "
            "let one of its signals recur, with the reason, "
            "or guard a choice by a finite limit on what it raises: taken(its signal) or entered(its target)"
        ],
    ),
}


@pytest.mark.parametrize(("extension", "problems"), REFUSED.values(), ids=REFUSED)
def test_an_extension_that_touches_what_is_there(extension: Any, problems: list[str]) -> None:
    """An extension is refused with all that it may not do, under its own name. Any: some are wrong on purpose."""
    assert refusal(extension) == "\n".join(f"{PLUGIN}: {problem}" for problem in problems)


@pytest.mark.parametrize(("extension", "problems"), BROKEN.values(), ids=BROKEN)
def test_an_extension_that_makes_no_good_table(extension: Extension, problems: list[str]) -> None:
    """The extended table is held against every rule, and what is wrong is said under both names."""
    assert refusal(extension) == "\n".join(f"{FILE} + {PLUGIN}: {problem}" for problem in problems)


def test_an_extension_may_not_undo_the_bound_of_an_old_cycle() -> None:
    """A new way that lowers what a guard of the table counts would let an old cycle go on for longer than it says."""
    text = changed("taken(RETURN) <", "taken(RETURN) - entered(Held) <")
    machine = Machine.from_toml(changed('HOLD = { raised_by = "depot"', 'HOLD = { recurs = "it may"', text), FILE)
    extension = {
        "signals": {"KEEP": {"means": "it is taken back to the depot"}},
        "limits": {"keeps": {"default": 1, "means": "how often it is taken back"}},
        "guards": {"may_keep": {"when": "taken(KEEP) < keeps", "means": "it is taken back once more"}},
        "from": {"Moving": {"KEEP": ["Held if may_keep", "Lost"]}},
    }
    assert refusal(extension, machine) == (
        "parcel.toml + plugin.toml: from.waiting.SEND: the cycle Packed -SEND-> Moving -RETURN-> Packed has no end: "
        "let one of its signals recur, with the reason, "
        "or guard a choice by a finite limit on what it raises: taken(its signal) or entered(its target)"
    )
