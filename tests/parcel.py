"""One small table that keeps every rule, for tests that break it in one place at a time."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from interlock._errors import SpecError
from interlock._machine import Machine

FILE = "parcel.toml"

Case = tuple[str, ...]
"""One mistake: a passage of the table, what stands there instead, and the problems that this gives."""

PARCEL = """\
lifecycle = "parcel"
initial = "Packed"
attempt = ["Moving"]

[states]
Packed = { means = "ready to leave" }
Held = { is = "Packed", means = "kept back at the depot" }
Moving = { means = "on its way" }
Over = { final = true, abstract = true, means = "over" }
Delivered = { is = "Over", means = "handed over" }
Lost = { is = "Over", means = "nobody knows where it is" }

[groups]
waiting = ["Packed", "Held"]

[signals]
SEND = { raised_by = "depot", means = "it leaves" }
HOLD = { raised_by = "depot", means = "it stays" }
RELEASE = { raised_by = "depot", means = "it may leave", recurs = "a depot may hold it as often as it likes" }
DELIVER = { raised_by = "driver", means = "somebody took it" }
RETURN = { raised_by = "driver", means = "nobody was in" }
WAIT = { raised_by = "driver", means = "the road is blocked" }
LOSE = { raised_by = "driver", means = "it is gone" }
STOP = { raised_by = "sender", means = "all handling stops", seals = true }

[limits]
returns = { default = 2, means = "journeys that a parcel is given once more" }

[guards]
insured = { when = "?", default = true, means = "another journey is paid for" }
may_return = { when = "taken(RETURN) < returns and insured", means = "it is sent once more" }

[from.waiting]
SEND = "Moving"
LOSE = "Lost"
STOP = { carries = ["waiting", "Lost"] }

[from.Packed]
HOLD = "Held"

[from.Held]
HOLD = { to = "refused", because = "it is held already" }
RELEASE = "Packed"

[from.Moving]
DELIVER = "Delivered"
RETURN = ["Packed if may_return", "Lost"]
WAIT = { to = "Moving", because = "it goes on when the road is free" }
LOSE = "Lost"
STOP = { carries = ["Lost"] }
"""


def changed(old: str, new: str, text: str = PARCEL) -> str:
    """Return the table with one passage replaced, which must stand in it exactly once."""
    assert text.count(old) == 1, f"{old!r} stands in the table {text.count(old)} times"
    return text.replace(old, new)


def complaint(text: str) -> str:
    """Return the whole text of the error that a table is refused with."""
    with pytest.raises(SpecError) as caught:
        Machine.from_toml(text, FILE)
    return str(caught.value)


def lines(*problems: str) -> str:
    """Return the text of an error with these problems, in this order."""
    return "\n".join(f"{FILE}: {problem}" for problem in problems)


def cases(mistakes: Mapping[str, Case]) -> dict[str, tuple[str, str]]:
    """Return by its id each mistake as the text of the table and that of the error."""
    return {name: (changed(old, new), lines(*problems)) for name, (old, new, *problems) in mistakes.items()}
