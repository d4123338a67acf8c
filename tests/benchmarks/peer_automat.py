"""Automat with its typed builder: a machine class is built once, and makes an object for each run.

It has no story and no counts. It looks for a transition in a set, so that its cost depends on how texts are hashed,
which differs from process to process.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any, Protocol

from .clock import Measure, imported, lives, per_operation

REQUIRES = ("automat==25.4.16",)


class Inputs(Protocol):
    """What may happen."""

    def start(self) -> None:
        """Begin."""

    def fail(self) -> None:
        """It failed."""

    def retry(self) -> None:
        """Once more."""

    def succeed(self) -> None:
        """It is done."""


class Core:
    """The data of a run: none."""

    __slots__ = ()


def _factory() -> Any:
    """Return what makes a run from its data. Any: the library is imported here."""
    builder = importlib.import_module("automat").TypeMachineBuilder(Inputs, Core)
    pending, running, retrying, success = map(builder.state, ("pending", "running", "retrying", "success"))
    pending.upon(Inputs.start).to(running).returns(None)
    running.upon(Inputs.fail).to(retrying).returns(None)
    retrying.upon(Inputs.retry).to(pending).returns(None)
    running.upon(Inputs.succeed).to(success).returns(None)
    return builder.build()


def _lived() -> Callable[[], object]:
    make = _factory()

    def life() -> object:
        run = make(Core())
        run.start()
        run.fail()
        run.retry()
        run.start()
        run.succeed()
        return run

    return life


def step(seconds: float) -> list[float]:
    """Measure a step."""
    run = _factory()(Core())
    start, fail, retry = run.start, run.fail, run.retry

    def steps(number: int) -> None:
        for _ in range(number):
            start()
            fail()
            retry()

    return per_operation(steps, 3, seconds)


MEASURES = [
    Measure("step", "Automat", step),
    *lives("Automat", _lived),
    Measure("import", "Automat", imported("automat")),
]
