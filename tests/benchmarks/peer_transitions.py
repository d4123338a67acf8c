"""`transitions`, the Python library for state machines that is used most, in its two cheapest forms.

Shared: one machine for all, driven by its events with a slotted object that it does not know; this is faster than a
registered model. Own: a machine for each run, which is its own model. Neither has a story or counts; no callbacks.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

from .clock import Measure, imported, lives, per_operation

REQUIRES = ("transitions==0.9.3",)

STATES = ["pending", "running", "retrying", "success"]
TRANSITIONS = [
    ["start", "pending", "running"],
    ["fail", "running", "retrying"],
    ["retry", "retrying", "pending"],
    ["succeed", "running", "success"],
]


class Model:
    """What a shared machine moves. Any: the library has no types."""

    __slots__ = ("state",)

    def __init__(self) -> None:
        self.state: Any = "pending"


def _machine(**options: Any) -> Any:
    kind = importlib.import_module("transitions").Machine
    return kind(states=STATES, transitions=TRANSITIONS, initial="pending", auto_transitions=False, **options)


def _shared() -> Callable[[], Model]:
    events = _machine(model=None).events
    start, fail, retry, succeed = (events[name].trigger for name in ("start", "fail", "retry", "succeed"))

    def life() -> Model:
        model = Model()
        start(model)
        fail(model)
        retry(model)
        start(model)
        succeed(model)
        return model

    return life


def _own() -> Any:
    machine = _machine()
    machine.start()
    machine.fail()
    machine.retry()
    machine.start()
    machine.succeed()
    return machine


def shared_step(seconds: float) -> list[float]:
    """Measure a step of a shared machine."""
    events = _machine(model=None).events
    start, fail, retry = (events[name].trigger for name in ("start", "fail", "retry"))
    model = Model()

    def steps(number: int) -> None:
        for _ in range(number):
            start(model)
            fail(model)
            retry(model)

    return per_operation(steps, 3, seconds)


def own_step(seconds: float) -> list[float]:
    """Measure a step of a machine that is its own model."""
    machine = _machine()
    start, fail, retry = machine.start, machine.fail, machine.retry

    def steps(number: int) -> None:
        for _ in range(number):
            start()
            fail()
            retry()

    return per_operation(steps, 3, seconds)


def trigger(seconds: float) -> list[float]:
    """Measure a trigger that is bound to a registered model, as most people use the library."""
    model: Any = Registered()
    _machine(model=model)
    start, fail, retry = model.start, model.fail, model.retry

    def steps(number: int) -> None:
        for _ in range(number):
            start()
            fail()
            retry()

    return per_operation(steps, 3, seconds)


class Registered:
    """What a machine knows: it puts its triggers on it."""


MEASURES = [
    Measure("step", "transitions, shared machine", shared_step),
    Measure("step", "transitions, machine per run", own_step),
    Measure("trigger", "transitions", trigger),
    *lives("transitions, shared machine", _shared),
    *lives("transitions, machine per run", lambda: _own),
    Measure("import", "transitions", imported("transitions")),
]
