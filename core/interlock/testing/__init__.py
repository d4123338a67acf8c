"""For the tests of those who write life cycles, engines around them, and executors.

What draws examples needs Hypothesis: `pip install interlock[testing]`. The rest needs nothing.
"""

from __future__ import annotations

import typing as _typing

from interlock._covered import Covered
from interlock.testing._clock import Clock
from interlock.testing._coverage import Coverage
from interlock.testing._equivalent import assert_equivalent
from interlock.testing._executors import check_executor

if _typing.TYPE_CHECKING:
    from interlock.testing._stateful import state_machine
    from interlock.testing._strategies import machines, signals, stories

__all__ = [
    "Clock",
    "Coverage",
    "Covered",
    "assert_equivalent",
    "check_executor",
    "machines",
    "signals",
    "state_machine",
    "stories",
]

_DRAWING = {"machines": "_strategies", "signals": "_strategies", "state_machine": "_stateful", "stories": "_strategies"}
"""The modules of the names that need Hypothesis."""

if not _typing.TYPE_CHECKING:  # a type checker is to see the real types

    def __getattr__(name: str) -> object:
        if name not in _DRAWING:
            raise AttributeError(f"module 'interlock.testing' has no attribute {name!r}")
        import importlib

        try:
            import hypothesis  # noqa: F401  # whether it is there: what is wrong inside of it is told as it is
        except ImportError:
            why = f"interlock.testing.{name} needs Hypothesis: pip install interlock[testing]"
            raise ImportError(why, name="hypothesis") from None
        return getattr(importlib.import_module(f"interlock.testing.{_DRAWING[name]}"), name)
