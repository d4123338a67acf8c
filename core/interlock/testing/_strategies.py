"""Hypothesis strategies: life cycles, what a run of one may be sent, and the stories of such runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from copy import copy
from typing import Any

from hypothesis import strategies as st

from interlock._errors import NoTransition
from interlock._machine import Machine
from interlock._run import Run
from interlock._story import Story
from interlock.testing._coverage import DRAWN, Scout
from interlock.testing._drafts import Draft, Raw

Limits = Mapping[str, float]
Sent = tuple[str, str | None]
"""A signal, and the state that it carries."""

LENGTHS = (6, 12, 18, 25)  # of lists of signals; drawn from a range, most would be of the least length


@st.composite
def mappings(draw: st.DrawFn) -> Raw:
    """Return a life cycle in the shape of the notation that keeps every rule of it."""
    return Draft(draw).mapping()


def machines() -> st.SearchStrategy[Machine]:
    """Return life cycles: with groups, families, guards, limits, signals that recur, attempts, and one that seals.

    Each keeps every rule of the notation. It is for those who write something that must work with any life cycle.
    """
    return mappings().map(lambda mapping: Machine.from_mapping(mapping, DRAWN))


@st.composite
def signals(draw: st.DrawFn, machine: Machine, limits: Limits | None = None) -> list[Sent]:
    """Return what a run with such limits may be sent: mostly on and on, with refused and illegal signals strewn in.

    Each is a signal's name and the state that it carries, or None. A sealing signal carries any name, one that is no
    state too, or nothing. The path goes on behind it, as if a new pass were opened; behind a final state little
    follows. Opaque guards answer with their defaults where the path is drawn.

    Args:
        draw: as Hypothesis gives it.
        machine: the life cycle.
        limits: the limits of the run; the others have their defaults.
    """
    sent: list[Sent] = []
    scout = Scout(machine, limits, story=0)
    names, carried = st.sampled_from(list(machine.signals)), st.sampled_from([None, *machine.states, "Nowhere"])
    for _ in range(draw(st.sampled_from(LENGTHS))):
        ways = [] if draw(st.integers(0, 5)) == 0 else onward(scout)
        sent.append(draw(st.sampled_from(ways)) if ways else (draw(names), draw(carried)))
        took(scout, *sent[-1])
        if scout.is_final and draw(st.booleans()):
            break
        if scout.closed and not scout.is_final:
            scout.reopen()
    return sent


@st.composite
def stories(draw: st.DrawFn, machine: Machine, limits: Limits | None = None) -> Story:
    """Return the stories of runs that were sent what `signals` draws; opaque guards answer as drawn for each signal.

    Some have times, as of a run that was told them. What was refused is in no story.

    Args:
        draw: as Hypothesis gives it.
        machine: the life cycle.
        limits: the limits of the runs; the others have their defaults.
    """
    answers: dict[str, bool] = {}
    run = Scout(machine, limits, {name: answering(answers, name) for name in opaque(machine)})
    drawn = st.fixed_dictionaries({name: st.booleans() for name in opaque(machine)})
    timed = draw(st.booleans())
    for number, (signal, carried) in enumerate(draw(signals(machine, limits))):
        answers.update(draw(drawn))
        took(run, signal, carried, float(number) if timed else None)
        if run.closed and not run.is_final:
            run.reopen()
    return Run.from_dict(machine, run.to_dict()).story


def ways(run: Run) -> list[Sent]:
    """Return the signals that a run accepts, each with a state to carry if it carries any.

    Opaque guards are not asked: what they may refuse is among them.
    """
    cells = run.machine.rows[run.state]
    return [(signal, carried) for signal in run.accepts() for carried in cells[signal].carries or (None,)]


def onward(run: Run) -> list[Sent]:
    """Return the signals that leave a run unfinished, each with a state to carry if it carries any."""
    found: list[Sent] = []
    for signal, carried in ways(run):
        trial = copy(run)
        if took(trial, signal, carried) is not None and not trial.is_final:
            found.append((signal, carried))
    return found


def took(run: Run, signal: str, carried: str | None = None, at: float | None = None) -> str | None:
    """Send, and return the state that the run is in then; None for a refusal."""
    try:
        return run.send(signal, at, carried=carried)
    except NoTransition:
        return None


def opaque(machine: Machine) -> list[str]:
    """Return the names of a life cycle's opaque guards."""
    return [name for name, guard in machine._table.guards.items() if guard.when == "?"]


def answering(answers: Mapping[str, bool], name: str) -> Callable[[Any, Any], bool]:
    """Return a guard that answers what is in `answers` when it is asked. Any: the run and the signal, as for guards."""
    return lambda run, signal: answers[name]
