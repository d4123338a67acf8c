"""What a run may be put through, one move at a time: all of it, by a walk, and long stretches of it, by sampling.

Nothing here reads a table. A move is made on a real run, and a judge looks at the run before and after it. What a judge
must remember of a life is counted here too, from the moves alone, by the names of the task run's states.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Mapping
from copy import copy
from typing import ClassVar, Literal

import attrs
import hypothesis.strategies as st
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from interlock._errors import NoTransition
from interlock._machine import Machine
from interlock._run import Run

Limits = Mapping[str, float]

WALKED: dict[str, list[Limits]] = {
    "task-run": [
        {"max_retries": 0, "retry_limit": 0, "max_turns": 0, "caching": 0},
        {"max_retries": 1, "retry_limit": 1, "max_turns": 2, "caching": 1},
        {"max_retries": 2, "retry_limit": 0, "max_turns": 1, "caching": 0},
    ],
    "flow-run": [{}],
}
WITH_MESSAGES: dict[str, Limits] = {"task-run": {"max_retries": 1, "retry_limit": 0, "max_turns": 2, "caching": 0}}
"""The life cycles that have attempts."""
CARRYING = "ENDRUN"
"""The signal that carries a state."""
OPAQUE = {"task-run": ("retryable",), "flow-run": ()}
WORKING = ("Running", "Cancelling")
"""Where the work of an attempt is under way. `Mapping` is not among them: its children have attempts of their own."""
MOST = 3
"""Beyond this, counting makes no difference to a walk: every finite limit walked with is below it."""


def settings_for(kind: type[Run], examples: int) -> settings:
    """Return what Hypothesis shall do; that a mutant fails is expected, and its failure is not shrunk."""
    return settings(
        derandomize=True,
        deadline=None,
        database=None,
        max_examples=examples,
        stateful_step_count=40,
        phases=(Phase.generate, Phase.shrink) if kind is Run else (Phase.generate,),
        suppress_health_check=[HealthCheck.too_slow],
    )


@attrs.frozen
class Past:
    """What a task run has been through, counted by names."""

    opened: int = 0
    """How often `Running` was entered: the number of the attempt."""
    open: bool = False
    """Whether the work of that attempt is under way."""
    charged: int = 0
    """Further attempts that failures were given: ways into `Retrying`, but by `RETRY`."""
    granted: int = 0
    """Further attempts that `RETRY` was given."""
    looped: int = 0
    """How often the work was between two turns."""
    outcomes: tuple[int, ...] = ()
    """For each message that took the work out of its attempt: the attempt that the message named."""

    def then(self, before: str, signal: str, after: str, attempt: int | None) -> Past:
        """Return the past behind one more step; `attempt` is what its message named."""
        opens = after == "Running" and before != "Running"
        ends = attempt is not None and before in WORKING and after not in WORKING
        return Past(
            opened=self.opened + opens,
            open=opens or (self.open and after in WORKING),
            charged=self.charged + (after == "Retrying" and signal != "RETRY"),
            granted=self.granted + (after == "Retrying" and signal == "RETRY"),
            looped=self.looped + (after == "Looped"),
            outcomes=(*self.outcomes, attempt or 0) if ends else self.outcomes,
        )


How = Literal["send", "deliver", "reopen"]


@attrs.frozen
class Move:
    """One thing done to a run."""

    how: How
    signal: str
    carried: str | None
    attempt: int | None
    """What a message names."""
    was: Run
    """The run before the move."""
    run: Run
    """The run behind it: another object."""
    after: str | None
    """The state that was returned; None for a message that was dropped, and for what was refused."""
    refused: bool
    past: Past
    """Before the move."""
    now: Past
    """Behind it."""

    @property
    def stepped(self) -> bool:
        """Whether a step was taken."""
        return self.after is not None

    def __repr__(self) -> str:
        what = f"{self.signal}({self.carried or ''})" + ("" if self.attempt is None else f" of attempt {self.attempt}")
        end = self.after or ("refused" if self.refused else "no step")
        return f"{self.how} {what} -> {end}, in {self.was!r} of {dict(self.was.limits)} with the story {self.was.story}"


Judge = Callable[[Move], bool]
"""Raises AssertionError where a move breaks a property; returns whether the move was one that the property is about."""
Answers = dict[str, bool]


def begin(machine: Machine, kind: type[Run], limits: Limits, answers: Answers) -> Run:
    """Return a new run; its opaque guards answer what stands in `answers` when they are asked."""
    answers.update(dict.fromkeys(OPAQUE[machine.name], True))
    return kind(machine, limits, bound(machine, answers))


def bound(machine: Machine, answers: Answers) -> dict[str, Callable[[object, object], bool]]:
    """Return guards that answer what stands in `answers` when they are asked."""
    return {name: _bound(name, answers) for name in OPAQUE[machine.name]}


def _bound(name: str, answers: Answers) -> Callable[[object, object], bool]:
    return lambda run, signal: answers[name]


def move(was: Run, past: Past, how: How, signal: str = "", carried: str | None = None, attempt: int = 0) -> Move:
    """Do one thing to a copy of a run, and return what came of it. Only messages look at `attempt`."""
    run = copy(was)
    after: str | None = None
    refused = False
    try:
        if how == "reopen":
            run.reopen()
        elif how == "deliver":
            after = run.deliver(signal, attempt, carried=carried)
        else:
            after = run.send(signal, carried=carried)
    except NoTransition:
        refused = True
    named = attempt if how == "deliver" else None
    now = past if after is None else past.then(was.state, signal, after, named)
    return Move(how, signal, carried, named, was, run, after, refused, past, now)


def walk(machine: Machine, kind: type[Run], limits: Limits, messages: bool = False) -> Iterator[Move]:
    """Yield every move in every situation that a run with these limits can be in.

    Situations are told apart by what the run says and by the counts of its past, up to `MOST`. With `messages`, signals
    also come as messages of every attempt up to the one after the second, and the attempts of the past count too.
    """
    answers: Answers = {}
    first = begin(machine, kind, limits, answers)
    todo = [(first, Past())]
    seen = {_situation(first, Past(), messages)}
    for run, past in todo:
        for how, signal, carried, attempt in _moves(machine, past, messages):
            for answer in (True, False) if answers and carried is None else (True,):
                answers.update(dict.fromkeys(answers, answer))
                made = move(run, past, how, signal, carried, attempt)
                yield made
                if made.after is None and how != "reopen":
                    continue
                situation = _situation(made.run, made.now, messages)
                if situation not in seen and made.now.opened <= (2 if messages else math.inf):
                    seen.add(situation)
                    todo.append((made.run, made.now))


def _moves(machine: Machine, past: Past, messages: bool) -> Iterator[tuple[How, str, str | None, int]]:
    carried = (None, "Paused", "Failed") if messages else (None, *machine.states, "Nowhere")
    yield "reopen", "", None, 0
    for signal in machine.signals:
        for state in carried if signal == CARRYING else (None,):
            yield "send", signal, state, 0
            for attempt in range(past.opened + 2) if messages else ():
                yield "deliver", signal, state, attempt


def _situation(run: Run, past: Past, messages: bool) -> tuple[object, ...]:
    numbers = () if run.is_final else (*run.counts.values(), past.charged, past.granted, past.looped)
    attempts = (past.opened, past.open, past.opened in past.outcomes) if messages else ()
    return run.state, run.closed, tuple(min(number, MOST) for number in numbers), attempts


class Sampled(RuleBasedStateMachine):
    """A run with any limits that goes on and on, under a judge that looks at each move."""

    machine: ClassVar[Machine]
    kind: ClassVar[type[Run]]
    judge: ClassVar[Judge]

    def __init__(self) -> None:
        super().__init__()
        self.answers: Answers = {}
        self.limits: Limits = {}
        self.begin_again()

    @initialize(data=st.data())
    def begin(self, data: st.DataObject) -> None:
        """Begin with some limits."""
        small = st.sampled_from((0, 1, 2, 4))
        self.limits = data.draw(st.fixed_dictionaries({}, optional=dict.fromkeys(self.machine.limits, small)))
        self.begin_again()

    def begin_again(self) -> None:
        self.run = begin(self.machine, self.kind, self.limits, self.answers)
        self.past = Past()
        self.over = 0
        """How many moves were made since the run was final."""

    @rule(data=st.data(), message=st.booleans())
    def go_on(self, data: st.DataObject, message: bool) -> None:
        """Send a signal that leaves the run unfinished, if there is one, or deliver it as a message of its attempt."""
        signal = data.draw(self.onward())
        if message and self.past.opened and self.machine.name in WITH_MESSAGES:
            self.do("deliver", signal, attempt=self.past.opened)
        else:
            self.do("send", signal)

    @rule(data=st.data(), what=st.sampled_from(("send", "send", "send", "deliver", "deliver", "reopen", "store")))
    def do_anything(self, data: st.DataObject, what: str) -> None:
        """Send anything, or deliver it as a message of any attempt, or open a new pass, or store and load the run."""
        if what == "reopen":
            self.do("reopen")
            return
        if what == "store":
            stored = json.loads(json.dumps(self.run.to_dict()))
            self.run = self.kind.from_dict(self.machine, stored, guards=bound(self.machine, self.answers))
            return
        self.answers.update(dict.fromkeys(self.answers, data.draw(st.booleans())))
        signal = data.draw(st.sampled_from(list(self.machine.signals)))
        states = [None, *self.machine.states, "Nowhere"] if signal == CARRYING else [None]
        carried = data.draw(st.sampled_from(states))
        if what == "deliver" and self.machine.name in WITH_MESSAGES:
            self.do("deliver", signal, carried, data.draw(st.integers(0, self.past.opened + 1)))
        else:
            self.do("send", signal, carried)

    def do(self, how: How, signal: str = "", carried: str | None = None, attempt: int = 0) -> None:
        """Make a move; leave a run that has been over for a while for another one."""
        made = move(self.run, self.past, how, signal, carried, attempt)
        type(self).judge(made)
        self.run, self.past = made.run, made.now
        self.over += self.run.is_final
        if self.over > 2:
            self.begin_again()

    def onward(self) -> st.SearchStrategy[str]:
        ways: list[str] = []
        for signal in self.machine.signals:
            trial = move(self.run, self.past, "send", signal)
            if trial.stepped and not trial.run.is_final:
                ways.append(signal)
        return st.sampled_from(ways or list(self.machine.signals))


def sample(machine: Machine, kind: type[Run], judge: Judge) -> None:
    """Hold a judge against long stretches of moves, with any limits, all kinds of messages, and storing in between."""

    class Held(Sampled):
        pass

    Held.machine, Held.kind, Held.judge = machine, kind, judge
    run_state_machine_as_test(Held, settings=settings_for(kind, 30))
