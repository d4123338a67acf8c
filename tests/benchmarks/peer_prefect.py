"""Prefect 3, with the server that it starts for itself where there is none.

What is measured is measured inside a flow: to begin and to end a flow run takes over a second, which is told to the
server, and would be most of what so few tasks take. A loop is a loop of Python that calls a task. The version is the
newest whose requirements could be met when it was pinned; it does not work with a fastapi that is newer than this one.
"""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .clock import Level, Measure, imported, per_part, proved

REQUIRES = ("prefect==3.8.8", "fastapi==0.150.0")

SIZE = 100
ROUNDS = 2
"""A process takes long, for it waits until its server is there."""


def _settle() -> None:
    """Say where Prefect keeps its database (beside itself, for to make one takes long), and that it tells nobody."""
    os.environ.update(
        DO_NOT_TRACK="1",
        PREFECT_HOME=str(Path(sys.prefix) / "home"),
        PREFECT_LOGGING_LEVEL="CRITICAL",
        PREFECT_LOGGING_TO_API_ENABLED="false",
        PREFECT_SERVER_ALLOW_EPHEMERAL_MODE="true",
        PREFECT_SERVER_ANALYTICS_ENABLED="false",
        PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS="120",
        PREFECT_SERVER_LOGGING_LEVEL="CRITICAL",
    )
    for name in ("PREFECT_API_URL", "PREFECT_API_KEY", "PREFECT_PROFILE"):
        os.environ.pop(name, None)


def _inc(x: int) -> int:
    return x + 1


def _measured(prepare: Callable[[Any], Callable[[], object]], wanted: object, seconds: float) -> list[float]:
    """Measure some work inside a flow. Any: the library is imported here; what is handed over is a task."""
    _settle()
    library = importlib.import_module("prefect")
    work = prepare(library.task(_inc))

    def flow() -> list[float]:
        return per_part(proved(work, wanted), SIZE, seconds)

    found: list[float] = library.flow(flow)()
    return found


def chain(seconds: float) -> list[float]:
    """Measure a task that is called with the result of the one before."""

    def prepare(inc: Any) -> Callable[[], object]:
        def work() -> object:
            x = 0
            for _ in range(SIZE):
                x = inc(x)
            return x

        return work

    return _measured(prepare, SIZE, seconds)


def turn(seconds: float) -> list[float]:
    """Measure a task that is called until it has done enough."""

    def prepare(inc: Any) -> Callable[[], object]:
        def work() -> object:
            x = 0
            while x < SIZE:
                x = inc(x)
            return x

        return work

    return _measured(prepare, SIZE, seconds)


def child(seconds: float) -> list[float]:
    """Measure a task that is mapped, in threads."""

    def prepare(inc: Any) -> Callable[[], object]:
        return lambda: inc.map(range(SIZE)).result()

    return _measured(prepare, list(range(1, SIZE + 1)), seconds)


def import_(seconds: float) -> list[float]:
    """Measure the import."""
    _settle()
    return imported("prefect")(seconds)


MEASURES = [
    Measure("chain", f"Prefect 3, {SIZE} tasks", chain, level=Level.SLOW, rounds=ROUNDS),
    Measure("child", f"Prefect 3, {SIZE} children", child, level=Level.SLOW, rounds=ROUNDS),
    Measure("turn", f"Prefect 3, {SIZE} turns", turn, level=Level.SLOW, rounds=ROUNDS),
    Measure("import", "Prefect 3", import_, level=Level.SLOW),
]
