"""Approvals: a task run proposes something, and goes on when somebody has approved it.

`approved("delete 3 rows")` in a body returns what the approver said, or proposes it. The answer comes from another
thread (`handle.send`), from `flow.resume(signals=...)`, or from the command line.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import attrs

from interlock import Extension, RunView, context, hookimpl
from interlock.signals import START, Signal
from interlock.states import Failed, Paused, Scheduled

__all__ = ["APPROVE", "EXTENSION", "PROPOSE", "REJECT", "Approval", "AwaitingApproval", "approved"]


@attrs.frozen(repr=False)
class AwaitingApproval(Paused):
    """Waits until somebody has approved or rejected what is proposed: `message` says what that is.

    Attributes:
        proposal: what the approver is to see of it. Any: whatever can be pickled.
        granted: what was approved before in the same turn, with the answers.
        turn: the turn of a loop in which it is proposed: an approval does not hold for the next one.
    """

    proposal: Any = None
    granted: Mapping[str, Signal] = attrs.field(factory=dict)
    turn: int = 1


class PROPOSE(Signal):
    """Somebody must approve this first. The body is called again then, from its beginning.

    `PROPOSE("delete 3 rows", proposal=rows)`: the fields are those of `AwaitingApproval`.
    """

    __slots__ = ()
    leads_to = AwaitingApproval

    def __init__(self, message: Any = None, *args: Any, **fields: Any) -> None:
        # What was approved before goes along: a second proposal must not make the run forget the first.
        super().__init__(message, *args, **{"granted": granted(), "turn": turn(), **fields})


class APPROVE(Signal):
    """It may be done. The body finds this signal, with its message, as `context.answer`."""

    __slots__ = ()
    leads_to = Scheduled


class REJECT(Signal):
    """It must not be done: the task run fails."""

    __slots__ = ()
    leads_to = Failed


EXTENSION = Extension.load(
    Path(__file__).with_name("approval.toml"), module=__name__, classes=[AwaitingApproval, PROPOSE, APPROVE, REJECT]
)


def turn() -> int:
    """Return the turn of a loop that the task run is in."""
    return int(context.get("task_loop_count", 1))


def granted() -> dict[str, Signal]:
    """Return what was approved to the task run in this turn, with the answers."""
    asked, answer = context.get("answered"), context.get("answer")
    if not isinstance(asked, AwaitingApproval) or not isinstance(answer, APPROVE) or asked.turn != turn():
        return {}
    return {**asked.granted, str(asked.message): answer}


def approved(message: str, proposal: Any = None) -> Signal:
    """Return the approver's answer if this was approved to the task run; else propose it.

    The body is called again when somebody has answered, so this belongs before what must not be done twice. An approval
    is one of the message: whatever may change between the two calls and matters to the approver belongs there.

    Args:
        message: what is to be done.
        proposal: what the approver is to see of it. Any: whatever can be pickled.

    Raises:
        PROPOSE: nobody has approved it yet.
    """
    answer = granted().get(message)
    if answer is None:
        raise PROPOSE(message, proposal=proposal)
    return answer


class Approval:
    """The plugin.

    Args:
        tags: task runs that have one of these are proposed before they start, once in each turn: a name or several.
    """

    def __init__(self, tags: str | Iterable[str] = ()) -> None:
        self._tags = frozenset([tags] if isinstance(tags, str) else tags)

    @hookimpl
    def extend(self, lifecycle: str) -> Extension | None:
        """Add PROPOSE, APPROVE, REJECT and AwaitingApproval to task runs."""
        return EXTENSION if lifecycle == EXTENSION.lifecycle else None

    @hookimpl
    def before_step(self, run: RunView, signal: object) -> Signal | None:
        """Propose what is dangerous before it starts."""
        if not self._tags or not isinstance(signal, START) or run.lifecycle != EXTENSION.lifecycle:
            return None
        if self._tags.isdisjoint(context.get("task_tags", ())):
            return None
        said = f"start {context.task_full_name}"
        return None if said in granted() else PROPOSE(said)
