"""Guards in the words that ECMAScript and most readers of SCXML share.

There is no `!`: some readers take a guard for Python once `&&` and `||` are replaced. What is negated is turned round
instead, down to the comparisons, none of which meets a number that is none.
"""

from __future__ import annotations

from collections.abc import Callable

from interlock._flat import number
from interlock._guards import Both, Compare, Const, Count, Limit, Not, Number, Opaque, Sum, Test

OPPOSITE = {"<": ">=", "<=": ">", ">": "<=", ">=": "<", "==": "!=", "!=": "=="}
WORDS = {"and": "&&", "or": "||"}
OTHER = {"and": "or", "or": "and"}

Named = Callable[[Count | Limit | Opaque], str]
"""What a count, a limit, or an opaque guard is called; the guard's name stands for 1 or 0, or for true or false."""


def expression(tree: Test | bool, named: Named, no: bool = False) -> str:
    """Return a test as an expression; with `no`, its opposite."""
    match tree:
        case bool():
            return "true" if tree is not no else "false"
        case Not():
            return expression(tree.test, named, not no)
        case Both(word=word):
            sign = WORDS[OTHER[word] if no else word]
            return f"({expression(tree.left, named, no)} {sign} {expression(tree.right, named, no)})"
        case Compare(sign=sign):
            return f"{_number(tree.left, named)} {OPPOSITE[sign] if no else sign} {_number(tree.right, named)}"
        case Opaque():
            return f"{named(tree)} == {'0' if no else '1'}"  # true == 1 in Python and ECMAScript alike


def _number(tree: Number, named: Named) -> str:
    match tree:
        case Sum():
            right = _number(tree.right, named)
            return f"{_number(tree.left, named)} {tree.sign} {f'({right})' if isinstance(tree.right, Sum) else right}"
        case Const():
            return number(tree.value)
        case Count() | Limit():
            return named(tree)
