"""python-statemachine: a class declares states and events, an object of it is a run. No story, no counts."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from types import new_class
from typing import Any

from .clock import Measure, imported, lives, per_operation

REQUIRES = ("python-statemachine==3.2.2",)


def _kind() -> Any:
    """Return the class of the life cycle. Any: the library is imported here."""
    library = importlib.import_module("statemachine")

    def body(names: dict[str, Any]) -> None:
        pending, running = library.State(initial=True), library.State()
        retrying, success = library.State(), library.State(final=True)
        names.update(pending=pending, running=running, retrying=retrying, success=success)
        names["start"] = pending.to(running)
        names["fail"] = running.to(retrying)
        names["retry"] = retrying.to(pending)
        names["succeed"] = running.to(success)

    return new_class("Life", (library.StateMachine,), exec_body=body)


def _lived() -> Callable[[], object]:
    make = _kind()

    def life() -> object:
        run = make()
        run.start()
        run.fail()
        run.retry()
        run.start()
        run.succeed()
        return run

    return life


def step(seconds: float) -> list[float]:
    """Measure a step."""
    run = _kind()()
    start, fail, retry = run.start, run.fail, run.retry

    def steps(number: int) -> None:
        for _ in range(number):
            start()
            fail()
            retry()

    return per_operation(steps, 3, seconds)


MEASURES = [
    Measure("step", "python-statemachine", step),
    *lives("python-statemachine", _lived),
    Measure("import", "python-statemachine", imported("statemachine")),
]
