"""What triggers answer, beside the answers of Prefect 1.4.1: equal, or listed with the reason."""

from __future__ import annotations

import inspect
import tomllib
from pathlib import Path
from typing import Any

import pytest

from interlock import Task, states, triggers
from interlock._edges import Edge
from interlock.signals import Signal
from interlock.states import State

HERE = Path(__file__).parent
ORIGINAL: dict[str, dict[str, str]] = tomllib.loads((HERE / "triggers.toml").read_text(encoding="utf-8"))["triggers"]
DIFFERENT: dict[str, dict[str, Any]] = tomllib.loads((HERE.parent / "differences.toml").read_text(encoding="utf-8"))[
    "triggers"
]
LETTERS: dict[str, type[State]] = {
    "S": states.Success,
    "F": states.Failed,
    "K": states.Skipped,
    "C": states.Cancelled,
}
CELLS = [(trigger, found) for trigger, row in ORIGINAL.items() for found in row]


def ours(trigger: str, found: str) -> str:
    """Return what a trigger of ours answers."""
    name, _, arguments = trigger.partition("(")
    made: Any = getattr(triggers, name)
    if arguments:
        bound, _, number = arguments.removesuffix(")").partition("=")
        made = made(**{bound: float(number) if "." in number else int(number)})
    downstream = Task("downstream")
    upstreams = {Edge(Task(f"t{place}"), downstream): LETTERS[letter]() for place, letter in enumerate(found)}
    try:
        answer = made(upstreams)
    except Signal as signal:
        return signal.name
    assert answer is True
    return "yes"


def test_every_trigger_is_in_the_table() -> None:
    """The table has every shipped trigger; `always_run` is another name of one."""
    named = {trigger.partition("(")[0] for trigger in ORIGINAL}
    functions = {name for name, value in vars(triggers).items() if inspect.isfunction(value)}
    assert named == {name for name in functions if not name.startswith("_")} - {"each", "always_run"}
    assert triggers.always_run is triggers.all_finished


NAMES = [f"{trigger} of {found or 'none'}" for trigger, found in CELLS]


@pytest.mark.parametrize(
    ("trigger", "found"), CELLS, ids=[f"{trigger} of {found or 'none'}" for trigger, found in CELLS]
)
def test_a_cell_is_equal_or_listed(trigger: str, found: str) -> None:
    """A trigger answers as in the original, or what the list of differences says, with a reason."""
    answer, original = ours(trigger, found), ORIGINAL[trigger][found]
    listed = [entry for entry in DIFFERENT.values() if trigger == entry["trigger"] and found in entry["upstreams"]]
    if answer == original:
        assert listed == [], "it is no difference"
        return
    assert len(listed) == 1, f"{original} became {answer}, and no entry, or more than one, says why"
    assert listed[0]["ours"] == answer
    assert listed[0]["because"]
