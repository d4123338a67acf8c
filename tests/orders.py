"""A small life cycle for the tests of `interlock.testing`, and shops that keep it, or do not."""

from __future__ import annotations

from interlock import Machine

ORDER = """
lifecycle = "order"
initial = "New"
limits.reminders = { default = 2, means = "how often a customer is reminded" }
[states]
New.means = "nobody has paid"
Reminded.means = "nobody has paid, and we said so"
Paid = { means = "it can be sent", final = true }
Lost = { means = "nobody will pay", final = true }
[signals]
PAY.means = "the money is there"
WAIT.means = "a month has gone by"
[guards]
patient = { when = "entered(Reminded) < reminders and known", means = "it is worth another month" }
known = { when = "?", means = "we know the customer", default = true }
[from.New]
PAY = "Paid"
WAIT = ["Reminded if patient", "Lost"]
[from.Reminded]
PAY = "Paid"
WAIT = { to = ["Reminded if patient", "Lost"], because = "some need to be told again" }
"""

SEALED = """
lifecycle = "parcel"
initial = "Packed"
attempt = ["OnTour"]
[states]
Packed.means = "it waits"
OnTour.means = "somebody carries it"
Kept.means = "it lies at the post office"
There = { means = "it was handed over", final = true }
[signals]
GO = { means = "somebody takes it", recurs = "nobody may be at home" }
HAND.means = "somebody is at home"
BACK.means = "nobody is"
STOP = { means = "a clerk decides", seals = true }
[from.Packed]
GO = "OnTour"
STOP = { carries = ["Kept", "There"] }
[from.OnTour]
HAND = "There"
BACK = "Kept"
[from.Kept]
GO = "OnTour"
"""


def order(*changes: tuple[str, str]) -> Machine:
    """Return the life cycle of an order, with some of its text changed."""
    return _changed(ORDER, changes)


def parcel(*changes: tuple[str, str]) -> Machine:
    """Return the life cycle of a parcel, likewise."""
    return _changed(SEALED, changes)


def _changed(text: str, changes: tuple[tuple[str, str], ...]) -> Machine:
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    return Machine.from_toml(text)
