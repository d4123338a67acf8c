"""Prefect 1, in the caller's thread (`LocalExecutor`, which it takes if nothing is said). It needs an older Python.

A flow is built once and run again and again, as Interlock's is. What is here must run under Python 3.8.
"""

from __future__ import annotations

import importlib
import os
from typing import Any

from .clock import Level, Measure, imported, per_part, proved

REQUIRES = ("prefect==1.4.1",)
PYTHONS = ("3.10", "3.9", "3.8")
"""The interpreters that it takes, and the one it is measured with is the first of them that is found."""

SIZE = 50


def _inc(x: int) -> int:
    return x + 1


def _library() -> Any:
    """Return the library. Any: it is imported here."""
    os.environ["PREFECT__LOGGING__LEVEL"] = "CRITICAL"
    return importlib.import_module("prefect")


def chain(seconds: float) -> list[float]:
    """Measure a task in a chain."""
    library = _library()
    inc = library.task(_inc)
    with library.Flow("chain") as flow:
        x = inc(0)
        for _ in range(SIZE - 1):
            x = inc(x)

    def work() -> object:
        return flow.run().result[x].result

    return per_part(proved(work, SIZE), SIZE, seconds)


def child(seconds: float) -> list[float]:
    """Measure a task that is mapped."""
    library = _library()
    with library.Flow("fan") as flow:
        mapped = library.task(_inc).map(list(range(SIZE)))

    def work() -> object:
        return flow.run().result[mapped].result

    return per_part(proved(work, list(range(1, SIZE + 1))), SIZE, seconds)


def turn(seconds: float) -> list[float]:
    """Measure a task that raises LOOP."""
    library = _library()
    loop = importlib.import_module("prefect.engine.signals").LOOP

    def turns() -> int:
        number: int = library.context.get("task_loop_result", 1)
        if number < SIZE:
            raise loop(result=number + 1)
        return number

    with library.Flow("loop") as flow:
        last = library.task(turns)()

    def work() -> object:
        return flow.run().result[last].result

    return per_part(proved(work, SIZE), SIZE, seconds)


MEASURES = [
    Measure("chain", f"Prefect 1, {SIZE} tasks", chain, level=Level.SLOW),
    Measure("child", f"Prefect 1, {SIZE} children", child, level=Level.SLOW),
    Measure("turn", f"Prefect 1, {SIZE} turns", turn, level=Level.SLOW),
    Measure("import", "Prefect 1", imported("prefect"), level=Level.SLOW),
]
