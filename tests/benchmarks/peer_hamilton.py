"""Hamilton: functions, whose arguments name those that they need; a driver, built once, runs those that are asked for.

It has no loops. The map goes through its dynamic execution with the executors that it has if nothing is said (threads);
what a child takes grows with the number of children. A longer chain than this is more than Python may recurse.
"""

from __future__ import annotations

import importlib
import os
from typing import Any

from .clock import Level, Measure, imported, per_part, proved

REQUIRES = ("apache-hamilton==1.90.0",)

LONG = 500
WIDE = 1_000

FIRST = """
def task_1() -> int:
    return 1
"""
NEXT = """
def task_{number}(task_{before}: int) -> int:
    return task_{before} + 1
"""
MAPPED = """
from hamilton.htypes import Collect, Parallelizable

def number(numbers: list) -> Parallelizable[int]:
    yield from numbers

def increased(number: int) -> int:
    return number + 1

def collected(increased: Collect[int]) -> list:
    return list(increased)
"""


def _builder(source: str) -> Any:
    """Return what builds a driver for some functions. Any: the library is imported here."""
    os.environ["HAMILTON_TELEMETRY_ENABLED"] = "false"
    module = importlib.import_module("hamilton.ad_hoc_utils").module_from_source(source)
    return importlib.import_module("hamilton.driver").Builder().with_modules(module)


def chain(seconds: float) -> list[float]:
    """Measure a function in a chain."""
    source = FIRST + "".join(NEXT.format(number=number, before=number - 1) for number in range(2, LONG + 1))
    driver, last = _builder(source).build(), f"task_{LONG}"

    def work() -> object:
        return driver.execute([last])

    return per_part(proved(work, {last: LONG}), LONG, seconds)


def child(seconds: float) -> list[float]:
    """Measure a function that is mapped."""
    driver = _builder(MAPPED).enable_dynamic_execution(allow_experimental_mode=True).build()
    numbers = list(range(WIDE))

    def work() -> object:
        return driver.execute(["collected"], inputs={"numbers": numbers})["collected"]

    return per_part(proved(work, list(range(1, WIDE + 1))), WIDE, seconds)


MEASURES = [
    Measure("chain", f"Hamilton, {LONG} tasks", chain),
    Measure("child", f"Hamilton, {WIDE:,} children", child, level=Level.SLOW),
    Measure("import", "Hamilton", imported("hamilton.driver")),
]
