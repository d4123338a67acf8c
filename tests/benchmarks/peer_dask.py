"""Dask with its threads: calls that are put off (`delayed`), and made when their results are asked for.

The graph is built once; what is measured is what is asked of it again and again. It has no loops.
"""

from __future__ import annotations

import importlib
from typing import Any

from .clock import Measure, imported, per_part, proved

REQUIRES = ("dask==2026.8.0",)

SIZE = 1_000


def _inc(x: int) -> int:
    return x + 1


def _library() -> Any:
    """Return the library. Any: it is imported here."""
    return importlib.import_module("dask")


def chain(seconds: float) -> list[float]:
    """Measure a task in a chain."""
    inc = _library().delayed(_inc)
    x = inc(0)
    for _ in range(SIZE - 1):
        x = inc(x)

    def work() -> object:
        return x.compute(scheduler="threads")

    return per_part(proved(work, SIZE), SIZE, seconds)


def child(seconds: float) -> list[float]:
    """Measure a task of many beside each other."""
    library = _library()
    inc = library.delayed(_inc)
    fan = [inc(number) for number in range(SIZE)]

    def work() -> object:
        return library.compute(*fan, scheduler="threads")

    return per_part(proved(work, tuple(range(1, SIZE + 1))), SIZE, seconds)


MEASURES = [
    Measure("chain", f"Dask threads, {SIZE:,} tasks", chain),
    Measure("child", f"Dask threads, {SIZE:,} children", child),
    Measure("import", "Dask", imported("dask")),
]
