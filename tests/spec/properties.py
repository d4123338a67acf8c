"""What must hold of a run, each property as a function of a machine: it raises AssertionError where it is broken.

The properties speak of signals, states and families by name, and of what a run answers. They do not read what the table
says, so that a table with one wrong cell, or a `Run` with one protection less, is seen: `kind` is the run to try.
R9 (a payload is set once) is not here: a bare run has no payloads.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Iterable
from typing import Protocol

import attrs

from interlock._hooks import RunView, hookimpl
from interlock._machine import Machine
from interlock._run import Run
from interlock._story import Step

from .moves import CARRYING, WALKED, WITH_MESSAGES, WORKING, Judge, Move, move, sample, walk

GATED = ("Pending", "Scheduled", "Retrying", "Looped")
"""Where the gates are asked: a signal here is a gate's verdict."""


class Property(Protocol):
    """Raises AssertionError where a machine, or the kind of run, breaks it."""

    __name__: str

    def __call__(self, machine: Machine, kind: type[Run] = Run) -> None: ...


def of_each_move(*, messages: bool = False, sampled: bool = False) -> Callable[[Judge], Property]:
    """Make a property of a judge of single moves.

    It holds if the judge finds no fault in any move that a walk makes, and if it finds some moves that it is about.

    Args:
        messages: walk with messages of attempts too, where the life cycle has attempts.
        sampled: try long stretches of moves too.
    """

    def made(judge: Judge) -> Property:
        @functools.wraps(judge)
        def holds(machine: Machine, kind: type[Run] = Run) -> None:
            walks = [walk(machine, kind, limits) for limits in WALKED[machine.name]]
            if messages and machine.name in WITH_MESSAGES:
                walks.append(walk(machine, kind, WITH_MESSAGES[machine.name], messages=True))
            if not sum(judge(made) for moves in walks for made in moves):
                raise LookupError(f"{judge.__name__}: no move was of the kind that it is about")
            if sampled:
                sample(machine, kind, judge)

        return holds

    return made


def finished(machine: Machine) -> set[str]:
    """Return the states that are over, by their family."""
    return set(machine.family("Finished"))


# The table


@of_each_move()
def holds_T1(made: Move) -> bool:
    """T1: every cell answers exactly once: one state or one refusal, and the same when it is asked again."""
    if made.how != "send":
        return False
    again = move(made.was, made.past, made.how, made.signal, made.carried)
    assert made.refused is (made.after is None), made
    assert made.refused or made.after == made.run.state, made
    assert (again.after, again.refused) == (made.after, made.refused), made
    return True


def holds_T2(machine: Machine, kind: type[Run] = Run) -> None:
    """T2: every state is reachable, every state can end, every row can fire.

    The rows are what is to be fired, so here, and nowhere else, it is read which rows there are.
    """
    fired = {
        (made.was.state, made.signal, made.after)
        for limits in WALKED[machine.name]
        for made in walk(machine, kind, limits)
        if made.after is not None and made.how == "send"
    }
    ways = {(before, after) for before, signal, after in fired if signal != CARRYING}
    concrete = {name for name, state in machine.states.items() if not state.abstract}
    assert _reached([machine.initial], ways) == concrete, "some state is never reached"
    assert _reached(finished(machine), {(b, a) for a, b in ways}) >= concrete, "some state cannot end"
    rows = {(name, signal, to) for name, row in machine.rows.items() for signal in row for to in row[signal].targets}
    assert fired == rows, f"rows that never fire: {sorted(rows - fired)}"


def _reached(start: Iterable[str], ways: set[tuple[str, str]]) -> set[str]:
    reached = set(start)
    while new := {after for before, after in ways if before in reached} - reached:
        reached |= new
    return reached


@of_each_move()
def holds_T3(made: Move) -> bool:
    """T3: final states accept nothing."""
    if made.how != "send" or made.was.state not in finished(made.run.machine):
        return False
    assert made.refused, made
    return True


# The run


@of_each_move(messages=True, sampled=True)
def holds_R1(made: Move) -> bool:
    """R1: a final state is for ever."""
    if made.was.state not in finished(made.run.machine):
        return False
    assert made.after is None, made
    assert made.run.state == made.was.state, made
    assert made.run.is_final, made
    return True


@of_each_move(messages=True)
def holds_R2(made: Move) -> bool:
    """R2: a refused or dropped signal changes nothing; that a message was dropped is counted."""
    dropped = made.how == "deliver" and made.after is None and not made.refused
    if not (made.refused or dropped):
        return False
    assert made.run.to_dict() == {**made.was.to_dict(), "dropped": made.was.dropped + dropped}, made
    return True


@of_each_move()
def holds_R3(made: Move) -> bool:
    """R3: only START enters Running, never out of Paused."""
    if not made.stepped or made.run.state != "Running" or made.was.state == "Running":
        return False
    assert made.signal == "START", made
    assert made.was.state != "Paused", made
    return True


@of_each_move()
def holds_R4(made: Move) -> bool:
    """R4: plain Success is entered only from a gate's verdict, the Running family or by ENDRUN."""
    if made.after != "Success":
        return False
    gate = made.signal == "SUCCESS" and made.was.state in GATED
    assert gate or made.was.state in made.run.machine.family("Running") or made.signal == CARRYING, made
    return True


@of_each_move(sampled=True)
def holds_R5(made: Move) -> bool:
    """R5: failure retries, RETRYs and turns keep within their limits; each step raises a count by at most one."""
    if not made.stepped:
        return False
    limits = made.run.limits
    assert made.now.charged <= limits["max_retries"], made
    assert made.now.granted <= limits["retry_limit"], made
    assert made.now.looped == 0 or made.now.looped + 1 <= limits["max_turns"], made  # a turn before, and one behind
    for name, count in made.was.counts.items():
        assert made.run.counts[name] - count in (0, 1), made
    return made.run.counts != made.was.counts


@of_each_move()
def holds_R6(made: Move) -> bool:
    """R6: Paused is left only by RESUME, CANCEL, BROKEN or ENDRUN."""
    if made.was.state != "Paused" or made.run.state == "Paused":
        return False
    assert made.signal in ("RESUME", "CANCEL", "BROKEN", CARRYING), made
    return True


@of_each_move()
def holds_R7(made: Move) -> bool:
    """R7: CANCEL is accepted in every state that is not final, unless the run is sealed."""
    if made.how != "send" or made.signal != "CANCEL" or made.was.closed:
        return False
    assert made.refused is (made.was.state in finished(made.run.machine)), made
    return not made.refused


@of_each_move(sampled=True)
def holds_R8(made: Move) -> bool:
    """R8: the same story from the same start gives the same run, and one that goes on in the same way."""
    if made.refused:
        return False
    run = made.run
    told = run.story.replay()
    assert {**told.to_dict(), "dropped": run.dropped} == run.to_dict(), made
    assert type(run).from_dict(run.machine, json.loads(json.dumps(run.to_dict()))) == run, made
    for signal in run.accepts():
        one, other = (move(each, made.now, "send", signal, "Paused") for each in (run, told))
        assert (one.after, one.refused) == (other.after, other.refused), made
    return True


# ENDRUN


@of_each_move(messages=True)
def holds_E1(made: Move) -> bool:
    """E1: behind ENDRUN the state is exactly the one carried, and the run is sealed."""
    if made.signal != CARRYING or not made.stepped:
        return False
    assert made.after == made.carried == made.run.state, made
    assert made.run.closed, made
    return True


@of_each_move(messages=True, sampled=True)
def holds_E2(made: Move) -> bool:
    """E2: nothing that could change the state follows in the pass, and no plugin is asked; observers are told once."""
    if made.how == "send" and made.signal == CARRYING and made.stepped:
        _not_meddled_with(made)
    if not made.was.closed:
        return made.signal == CARRYING and made.stepped
    assert made.after is None, made
    assert made.run.state == made.was.state, made
    assert made.run.counts == made.was.counts, made
    assert len(made.run.story) == len(made.was.story), made
    assert made.run.closed or made.how == "reopen", made
    return True


@attrs.define
class Meddler:
    """A plugin that would rather go on, and remembers what it was asked and told."""

    asked: list[object] = attrs.field(factory=list)
    told: list[Step] = attrs.field(factory=list)

    @hookimpl
    def before_step(self, signal: object) -> str:
        self.asked.append(signal)
        return "SUCCESS"

    @hookimpl
    def after_step(self, run: RunView, step: Step) -> None:
        self.told.append(step)


def _not_meddled_with(made: Move) -> None:
    meddler = Meddler()
    run = type(made.was).from_dict(made.was.machine, made.was.to_dict(), plugins=[meddler])
    run.send(made.signal, carried=made.carried)
    for signal in ("SUCCESS", "FAIL", "CANCEL", CARRYING):
        assert move(run, made.now, "send", signal, "Failed").refused, made
    assert run.state == made.carried, made
    assert meddler.asked == [], made
    assert [(step.signal, step.after) for step in meddler.told] == [(made.signal, made.carried)], made


@of_each_move(sampled=True)
def holds_E3(made: Move) -> bool:
    """E3: a final state that was carried is for ever: no signal, no message and no new pass moves it."""
    if not made.was.closed or made.was.state not in finished(made.run.machine):
        return False
    assert made.after is None, made
    assert made.refused or made.how == "deliver", made
    assert (made.run.state, made.run.closed) == (made.was.state, True), made
    return True


@of_each_move()
def holds_E4(made: Move) -> bool:
    """E4: a state that may not be carried is refused where it is raised.

    Carried may be what is over, but no state that needs a kept result or children; and `Scheduled` or `Paused`, but not
    out of `Paused` into a time, nor by what cannot be taken back.
    """
    if made.how != "send" or made.signal != CARRYING or made.was.closed:
        return False
    state, machine = made.was.state, made.run.machine
    may = {name for name in finished(machine) if not machine.states[name].abstract} - {"Cached", "Mapped"}
    if state not in ("Mapping", "Cancelling"):
        may |= {"Paused"} if state == "Paused" else {"Paused", "Scheduled"}
    if made.carried not in may:
        assert made.refused, made
        assert made.run.state == state, made
    return made.refused


# Attempts


@of_each_move(messages=True, sampled=True)
def holds_A1(made: Move) -> bool:
    """A1: only messages of the open attempt count: they are as good as signals; all others are dropped."""
    if made.how != "deliver":
        return False
    if made.past.open and made.attempt == made.past.opened:
        sent = move(made.was, made.past, "send", made.signal, made.carried)
        assert (made.after, made.refused) == (sent.after, sent.refused), made
    else:
        assert made.after is None, made
        assert not made.refused, made
        assert made.run.dropped == made.was.dropped + 1, made
    assert made.run.attempt == made.now.opened, made
    return True


@of_each_move(messages=True, sampled=True)
def holds_A2(made: Move) -> bool:
    """A2: an attempt has one outcome: once a message has taken the work out of it, no other one of it counts."""
    if made.how != "deliver" or not made.stepped:
        return False
    assert made.attempt not in made.past.outcomes, made
    return made.was.state in WORKING
