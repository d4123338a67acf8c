"""What is known of a task run beside its state: which turn of a loop it is in, what a look found, and the like."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import attrs

if TYPE_CHECKING:
    from interlock._run import Run
    from interlock.states import Cached, State


@attrs.frozen
class Found:
    """What a look found, and what is to be known when the work is done."""

    kept: Cached | None = None
    """The result that serves."""
    location: str | None = None
    """The target, where the task has one."""
    digests: Mapping[str, str] | None = None
    """Of the inputs, where the result is kept for other runs."""
    parameters: Mapping[str, Any] | None = None
    """Of the flow run, there too: copies, as they were before the work. Any: the user's."""
    stored: bool = False
    """Whether the run has stored a result since: what it finds then is its own."""


@attrs.define
class Data:
    """The data of a task run that is no state."""

    tries: int = 1
    """Attempts in this turn of a loop."""
    turn: int = 1
    loop_result: Any = None  # Any: the user's
    resumed: bool = False
    """Whether a person let it go on."""
    answer: Any = None
    """The signal that did: `RESUME`, or one of a plugin's. Any: this module knows no signal."""
    answered: Any = None
    """The state in which it waited for that signal. Any: so here."""
    run_name: str | None = None
    """What `task_run_name` made."""
    found: Found | None = None
    """What the last look found, where results are kept."""


PLAIN = Data()
"""That of every task run of which there is nothing to say; see `TaskRunner.own`."""


@attrs.define
class Record:
    """One task run at rest."""

    state: State
    run: Run
    called: int = 0
    data: Data = PLAIN
    children: list[Record] | None = None
