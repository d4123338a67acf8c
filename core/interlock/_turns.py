"""Whose turn it is to step a run.

A run holds one token in a list. `list.pop` takes it, `list.append` gives it back; both are atomic, and four times
cheaper than a lock. CPython lets an interrupt in only behind a call, so a token is out of the
list either because a step is under way, or for the time of one exception handler. Who finds the list empty waits here.
"""

from __future__ import annotations

import sys
import time
from types import CodeType
from typing import TypeVar

Token = TypeVar("Token")

LONGEST_NAP = 0.001  # seconds: what a waiter may lose, against a processor kept busy


def wait(turn: list[Token], token: Token) -> Token:
    """Return the token as soon as it is there. `token` is what is put back if an interrupt cuts the taking short."""
    nap = 0.0
    while True:
        try:
            return turn.pop()
        except IndexError:
            time.sleep(nap)
            nap = min(LONGEST_NAP, nap + LONGEST_NAP / 100)
        except BaseException:  # let in right behind the pop: the token is out, and nobody has it
            turn.append(token)
            raise


def nested(turn: list[Token], steps: frozenset[CodeType]) -> bool:
    """Return whether this thread has the turn already: the call stack is the owner's mark.

    `steps` are the codes of the methods of a run that take its turn; the innermost of them is the caller's own. Several
    runs may share a turn.
    """
    frame = sys._getframe(1)
    found = 0
    while frame is not None:
        if frame.f_code in steps and frame.f_locals["self"]._turn is turn:
            found += 1
        frame = frame.f_back  # type: ignore[assignment]  # None ends the loop
    return found > 1
