"""The drawings of a table: which states share a row or a frame."""

from __future__ import annotations

from interlock import Machine, _draw

MADE = """
lifecycle = "made"
initial = "A"
[states]
A = { means = "one" }
B = { means = "another" }
Y = { means = "a good end", final = true }
Z = { means = "the end", final = true }
[signals]
GO = { means = "on" }
NEXT = { means = "to the other" }
[guards]
one = { when = "?", default = true, means = "one says yes" }
two = { when = "?", default = true, means = "two says yes" }
[from.A]
GO = ["Y if one", "Z"]
NEXT = "B"
[from.B]
GO = ["Y if two", "Z"]
NEXT = { to = "B", because = "it is there already" }
"""


def test_states_with_other_guards_are_drawn_apart() -> None:
    """States that lead to the same ones by different guards share neither a row nor a frame, nor a guard."""
    machine = Machine.from_toml(MADE)
    assert _draw.alike(machine._table) == [("A",), ("B",)]


def test_states_with_the_same_guards_are_drawn_together() -> None:
    """States that answer every signal alike share a frame, whatever the reasons that are given."""
    lines = [line for line in MADE.replace("Y if two", "Y if one").splitlines() if not line.startswith("two =")]
    machine = Machine.from_toml("\n".join(lines))
    assert _draw.alike(machine._table) == [("A", "B")]
