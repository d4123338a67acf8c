"""What stands out in a picture of a life cycle."""

from __future__ import annotations

import re
from typing import Any

import pytest
from parcel import PARCEL

from interlock import Machine, Run
from interlock._draw import ways
from interlock._focus import of, of_run
from interlock.testing import Covered

TASK = Machine.load("task-run")


def lit(machine: Machine = TASK, **asked: Any) -> list[str]:
    """Return the rows that stand out, as arrows. Any: the arguments of `of`."""
    focus = of(machine, **asked)
    assert focus is not None
    return [f"{b} -{s}-> {a}" for b, s, a in ways(machine._table) if (b, s, a) in focus.lit]


def walked(machine: Machine, *signals: str) -> Run:
    """Return a run that was sent these."""
    run = Run(machine)
    for signal in signals:
        run.send(signal)
    return run


def test_nothing_stands_out_unasked() -> None:
    """No option is no focus, and so the picture as it is."""
    assert of(TASK) is None
    assert of(TASK, (), ()) is None


def test_a_state_a_group_a_family() -> None:
    """A state's rows are its own; a group's and an abstract family's are those of its members."""
    assert {arrow.split()[0] for arrow in lit(from_="Running")} == {"Running"}
    assert {arrow.split()[0] for arrow in lit(from_="Pending")} == {"Pending"}
    assert {arrow.split()[0] for arrow in lit(from_=["Paused", "Looped"])} == {"Paused", "Looped"}
    group, members = next(iter(TASK._table.groups.items()))
    assert lit(from_=group) == lit(from_=members)
    assert lit(from_="Finished") == []


def test_signals_and_both() -> None:
    """Signals stand out wherever they are sent; with a state, only there."""
    assert {arrow.split("-")[1] for arrow in lit(only=["SKIP", "PAUSE"])} == {"SKIP", "PAUSE"}
    assert lit(from_="Running", only="SUCCESS") == ["Running -SUCCESS-> Cached", "Running -SUCCESS-> Success"]


def test_the_legend_says_what_was_asked_for() -> None:
    """As it was named: a family by its own name."""
    wanted: list[tuple[dict[str, Any], str]] = [  # Any: the arguments of `of`
        ({"from_": "Finished"}, "What leads out of Finished stands out."),
        ({"from_": ["Paused", "Looped"]}, "What leads out of Paused, Looped stands out."),
        ({"only": iter(["SKIP", "PAUSE"])}, "What stands out: SKIP, PAUSE."),
        ({"only": "SKIP", "from_": "Running"}, "What stands out: SKIP, sent in Running."),
    ]
    for asked, told in wanted:
        focus = of(TASK, **asked)
        assert focus is not None
        assert focus.told == told


def test_a_story() -> None:
    """The rows that a run took stand out with the numbers of its steps, and where it is."""
    run = walked(TASK, "START", "LOOP", "START", "LOOP", "START", "LOOP", "START", "LOOP", "START")
    focus = of(TASK, story=run)
    assert focus == of(TASK, story=run.story) == of_run(run)
    assert focus is not None
    assert focus.notes == {
        ("Pending", "START", "Running"): "1",
        ("Running", "LOOP", "Looped"): "2, 4, 6, ...",
        ("Looped", "START", "Running"): "3, 5, 7, ...",
    }
    assert (focus.now, focus.here, focus.lit) == ("Running", "now", frozenset(focus.notes))
    assert lit(story=run, only="LOOP") == ["Running -LOOP-> Looped"]
    run.send("ENDRUN", carried="Paused")
    assert of_run(run).here == "now, sealed"
    run = walked(TASK, "SKIP")
    assert of_run(run).here == "now"


def test_coverage() -> None:
    """The rows that were taken stand out, with how often."""
    taken = dict.fromkeys(ways(TASK._table), 0)
    taken |= {("Pending", "START", "Running"): 12_000, ("Running", "SKIP", "Skipped"): 1}
    focus = of(TASK, coverage=Covered(TASK, taken))
    assert focus is not None
    assert focus.notes == {("Pending", "START", "Running"): "12,000 times", ("Running", "SKIP", "Skipped"): "once"}
    assert focus.now is None
    assert focus.told == f"task-run: 2 of {len(taken)} rows were taken (1 %); these stand out."
    assert lit(coverage=Covered(TASK, taken), from_="Running") == ["Running -SKIP-> Skipped"]
    nothing = of(TASK, coverage=Covered(TASK, {}))
    assert nothing is not None
    assert nothing.told == f"task-run: 0 of {len(taken)} rows were taken (0 %); these stand out."


def test_mistakes_are_told() -> None:
    """What is unknown, of another life cycle or contradicts is said, with the nearest name."""
    parcel = Machine.from_toml(PARCEL)
    run = walked(TASK, "START")
    wrong: list[tuple[dict[str, Any], str]] = [  # Any: the arguments of `of`
        ({"from_": "Runing"}, "draw: unknown state 'Runing'. Did you mean 'Running'? There are: Pending, "),
        ({"only": ["SKIP", "PUASE"]}, "draw: unknown signal 'PUASE'. Did you mean 'PAUSE'? There are: "),
        ({"from_": 3 * ["Running"] + [7]}, "draw: unknown state 7. There are: "),
        ({"story": "run.json"}, "draw: 'run.json' is no run and no story"),
        ({"story": walked(parcel)}, "draw: the story is of 'parcel', and not of this 'task-run'"),
        ({"coverage": Covered(parcel, {})}, "draw: the coverage is of 'parcel', and not of this 'task-run'"),
        ({"story": run, "coverage": Covered(TASK, {})}, "draw: give a story or the coverage of many; one picture"),
    ]
    for asked, told in wrong:
        with pytest.raises(ValueError, match=f"^{re.escape(told)}"):
            of(TASK, **asked)
