"""What the command line shows when a flow rests: how it ended, what took longest, and why it failed."""

from __future__ import annotations

import traceback
from collections.abc import Iterable, Iterator, Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from interlock._brief import children, counted, counts, picked
from interlock._colours import of_kind
from interlock._flow import Flow
from interlock._results import TaskStates
from interlock.states import BY_NAME, State

CAUSES = 3  # failures whose tracebacks are shown


def summary(flow: Flow, state: State, console: Console, slowest: Iterable[tuple[float, str]] = ()) -> None:
    """Print a table of tasks and states, what took longest, and why the flow failed: what one screen can hold."""
    result = state.result
    if isinstance(result, TaskStates) and len(result):
        _table(flow, result, console)
    slow = [f"{name} {took:,.1f} s" for took, name in slowest]
    if slow:
        console.print(Text(f"slowest: {', '.join(slow)}"), soft_wrap=True)
    console.print(
        Text.assemble(f"{flow.name}: ", styled(type(state).__name__), f": {state.message}" if state.message else "")
    )
    if state.is_failed() and isinstance(result, TaskStates):
        for line in _why(result.causes()):
            console.print(line, soft_wrap=True)


def _table(flow: Flow, result: TaskStates, console: Console) -> None:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("task", "state", "message"):
        table.add_column(column, overflow="fold")
    shown, rest = picked((slug, result[slug]) for slug in flow.slugs.values())
    for slug, ended in shown:
        table.add_row(
            Text(slug), styled(type(ended).__name__), Text(counts(result.children(slug)) or ended.message or "")
        )
    if rest:
        table.add_row(Text(f"{rest.total():,} more"), Text(""), Text(counted(rest)))
    console.print(table)


def styled(name: str) -> Text:
    """Return the name of a state in its colour."""
    kind = BY_NAME.get(name)
    colour = None if kind is None else of_kind(kind)
    return Text(name, style="" if colour is None else colour.tone)


def said(state: State) -> str:
    """Return a state in words: with the counts of its children, else its message."""
    text = counts(children(state)) or state.message
    return f"{type(state).__name__}: {text}" if text else type(state).__name__


def _why(causes: Sequence[tuple[str, State]]) -> Iterator[Text]:
    """Yield the first failures, each with its own traceback."""
    for name, state in causes[:CAUSES]:
        yield Text(f"{name}: {said(state)}")
        if isinstance(state.result, BaseException):
            yield Text("".join(traceback.format_exception(state.result)).rstrip())
    if len(causes) > CAUSES:
        yield Text(f"{len(causes) - CAUSES:,} more failed")
