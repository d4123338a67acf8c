"""The states of many tasks in little room: those that went as usual are counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from interlock import states
from interlock.states import State

MOST = 40  # rows that are shown one by one


def picked(rows: Iterable[tuple[str, State]]) -> tuple[list[tuple[str, State]], Counter[str]]:
    """Return the tasks that are shown, with their states, and how the others ended, by the states' names."""
    shown = rows = list(rows)
    if len(rows) > MOST:
        shown = [(slug, ended) for slug, ended in rows if type(ended) is not states.Success][:MOST]
    told = {slug for slug, _ in shown}
    return shown, Counter(type(ended).__name__ for slug, ended in rows if slug not in told)


def children(state: State) -> Sequence[State]:
    """Return the states of a map's children, where its own state has them: see `TaskStates.children`."""
    return (state.map_states or ()) if isinstance(state, states.Mapped | states.Mapping) else ()


def counts(states: Iterable[State]) -> str:
    """Return how many states there are of each kind, in words; of none, nothing."""
    return counted(Counter(type(state).__name__ for state in states))


def counted(counts: Counter[str]) -> str:
    """Return counts as words: "2 Success, 1 Failed"."""
    return ", ".join(f"{count:,} {name}" for name, count in counts.most_common())
