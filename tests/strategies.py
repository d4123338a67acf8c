"""What our own tests draw beside the strategies of `interlock.testing`: limits and answers, from raw tables."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from hypothesis import strategies as st

from interlock.testing import machines, signals
from interlock.testing._drafts import Raw
from interlock.testing._strategies import Sent, mappings, took

__all__ = ["Raw", "Sent", "answers", "limits", "machines", "mappings", "opaque", "signals", "took"]


def limits(mapping: Mapping[str, Any]) -> st.SearchStrategy[dict[str, float]]:
    """Return numbers for some limits; infinity only where it is the default, as others may refuse it."""
    small: list[float] = [0, 1, 2, 3]
    given = {
        name: st.sampled_from([*small, math.inf] if math.isinf(limit["default"]) else small)
        for name, limit in mapping.get("limits", {}).items()
    }
    return st.fixed_dictionaries({}, optional=given)


def opaque(mapping: Mapping[str, Any]) -> list[str]:
    """Return the names of a table's opaque guards."""
    return [name for name, guard in mapping.get("guards", {}).items() if guard["when"] == "?"]


def answers(mapping: Mapping[str, Any]) -> st.SearchStrategy[dict[str, bool]]:
    """Return an answer for each opaque guard."""
    return st.fixed_dictionaries({name: st.booleans() for name in opaque(mapping)})
