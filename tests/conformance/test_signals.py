"""Events at every site, beside what Prefect 1.4.1 was seen to do with them: equal, or listed with the reason."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from acts import Told

from interlock import Flow, signals, states, task
from interlock.cache_validators import never_use
from interlock.states import State

HERE = Path(__file__).parent
ORIGINAL: dict[str, dict[str, str]] = tomllib.loads((HERE / "signals.toml").read_text(encoding="utf-8"))["events"]
DIFFERENT: dict[str, dict[str, Any]] = tomllib.loads((HERE.parent / "differences.toml").read_text(encoding="utf-8"))[
    "signals"
]
SITES = ["body", "retries", "caching", "trigger", "running", "success", "failure", "raising"]
CELLS = [(event, site) for event in ORIGINAL for site in SITES]


class AnotherBase(BaseException):
    """An exception beside `Exception`."""


def act(event: str) -> object:
    """Return what an event returns, or raise it."""
    if event.startswith("return"):
        return event == "return"
    made: dict[str, BaseException] = {
        "Exception": ValueError("no"),
        "ENDRUN": signals.ENDRUN(states.Cancelled("end")),
        "KeyboardInterrupt": KeyboardInterrupt(),
        "GeneratorExit": GeneratorExit(),
        "another base": AnotherBase(),
        "SystemExit": SystemExit(3),
    }
    raise made.get(event) or getattr(signals, event)()


class Once:
    """Lets an event happen the first time that it is asked, and nothing after that."""

    def __init__(self, event: str, fits: Callable[[State], bool] | None = None) -> None:
        self.event = event
        self.fits = fits
        self.done = False

    def body(self) -> object:
        if self.done:
            return "done"
        self.done = True
        return act(self.event)

    def trigger(self, upstreams: object) -> object:
        if self.done:
            return True
        self.done = True
        return act(self.event)

    def handler(self, it: object, old: State, new: State) -> State | None:
        assert self.fits is not None
        if self.done or not self.fits(new):
            return None
        self.done = True
        act(self.event)
        return None


def failing() -> None:
    raise ValueError("no")


FITS: dict[str, Callable[[State], bool]] = {
    "running": State.is_running,
    "success": State.is_successful,
    "failure": State.is_failed,
}


def ours(event: str, site: str) -> str:
    """Return what Interlock makes of an event at a site: the states from there to the next call of the body."""
    once, told = Once(event, FITS.get(site)), Told()
    options: dict[str, Any] = {}
    if site == "trigger":
        options["trigger"] = once.trigger
    if site in FITS:
        options["state_handlers"] = [once.handler]
    if site == "caching":
        options |= {"cache_for": 60, "cache_validator": never_use}
    in_body = site in ("body", "retries", "caching", "raising")
    body = once.body if in_body else failing if site == "failure" else lambda: "done"
    with Flow("one") as flow:
        task(max_retries=int(site == "retries"), **options)(body)()
    try:
        flow.run(plugins=[told], raise_on_exception=site == "raising")
    except (ValueError, KeyboardInterrupt, SystemExit, GeneratorExit, AnotherBase):
        return "raises"
    path = [step.partition(" (")[0].rpartition("> ")[2] for step in told.tasks]
    if site not in ("trigger", "running"):
        path = path[path.index("Running") + 1 :]
    ends = [place for place, name in enumerate(path) if name == "Running"]
    if ends:
        path = path[: ends[0]] or ["Running"]
    return " -> ".join(path)


@pytest.mark.parametrize(("event", "site"), CELLS, ids=[f"{event} in {site}" for event, site in CELLS])
def test_a_cell_is_equal_or_listed(event: str, site: str) -> None:
    """An event at a site does what it does in the original, or what the list of differences says, with a reason."""
    found, original = ours(event, site), ORIGINAL[event][site]
    listed = [entry for entry in DIFFERENT.values() if site in entry["sites"] and event in entry["events"]]
    if found == original:
        assert listed == [], "it is no difference"
        return
    assert len(listed) == 1, f"{original} became {found}, and no entry, or more than one, says why"
    assert listed[0]["ours"] == found
    assert listed[0]["because"]


def test_every_entry_is_of_some_cell() -> None:
    """The list of differences names events and sites that there are."""
    for entry in DIFFERENT.values():
        assert set(entry["events"]) <= set(ORIGINAL)
        assert set(entry["sites"]) <= set(SITES)
