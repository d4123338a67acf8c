"""A Hypothesis state machine for a life cycle: a run is driven, alone or in step with the user's own engine."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from copy import copy
from typing import Any, ClassVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule

from interlock._errors import NoTransition, shown
from interlock._machine import Machine
from interlock._run import Run
from interlock._step import Guard
from interlock.testing._strategies import Sent, answering, opaque, took, ways

NOWHERE = "Nowhere"  # carried where it must be refused


Kinds = type[Exception] | tuple[type[Exception], ...]


class Driven(RuleBasedStateMachine):
    """A run that is sent signals, and perhaps an implementation beside it.

    What `state_machine` returns is a subclass of it, to be subclassed again: rules and invariants can be added, `begin`
    and `make` can be replaced. `state_machine` says what is checked.

    Attributes:
        run: the run.
        subject: what `make` returned; None where there is nothing beside the run.
        answers: what the opaque guards answer at present that nothing is bound to.
    """

    machine: ClassVar[Machine]
    limits: ClassVar[Mapping[str, float] | None]
    guards: ClassVar[Mapping[str, Guard]]
    refuses: ClassVar[Kinds]
    anything: ClassVar[st.SearchStrategy[Sent]]

    def __init__(self) -> None:
        super().__init__()
        free = [name for name in opaque(self.machine) if name not in self.guards]
        self.answers = {name: self.machine._table.guards[name].default for name in free}
        self.run = self.begin()
        self.subject = self.make()
        if self.subject is not None:
            self._check_subject(free)
        self._seen: tuple[object, ...] = ()
        self._check("nothing")

    def begin(self) -> Run:
        """Return the run to drive. Whoever replaces this binds `self.bound` to its guards."""
        return Run(self.machine, self.limits, self.bound)

    def make(self) -> Any:
        """Return what is driven beside the run; None for nothing. Any: it is the user's."""
        return None

    @property
    def bound(self) -> dict[str, Guard]:
        """The guards of the run: those that were given, and for the others what is drawn."""
        return {**{name: answering(self.answers, name) for name in self.answers}, **self.guards}

    def _check_subject(self, free: list[str]) -> None:
        where = f"state_machine({self.machine.name}): make returned {shown(self.subject)}"
        for name, needed in (("state", True), ("send", True), ("answer", bool(free)), ("reopen", self._seals)):
            if needed and not hasattr(self.subject, name):
                why = f"; or bind the guard {free[0]!r}: guards={{...}}" if name == "answer" else ""
                raise TypeError(f"{where}, which has no {name!r}; see interlock.testing.state_machine{why}")

    @property
    def _seals(self) -> bool:
        return any(signal.seals for signal in self.machine.signals.values())

    # Rules

    @precondition(lambda self: self.run.accepts())
    @rule(sent=st.runner().flatmap(lambda self: st.sampled_from(ways(self.run))))
    def send(self, sent: Sent) -> None:
        """Send a signal that the run accepts, if its opaque guards allow it."""
        self._send(*sent)

    @rule(sent=st.runner().flatmap(lambda self: self.anything))
    def send_anything(self, sent: Sent) -> None:
        """Send any signal: most are refused."""
        self._send(*sent)

    @precondition(lambda self: self.answers)
    @rule(guard=st.runner().flatmap(lambda self: st.sampled_from(sorted(self.answers))), yes=st.booleans())
    def answer(self, guard: str, yes: bool) -> None:
        """Let an opaque guard answer so from now on."""
        self.answers[guard] = yes
        if self.subject is not None:
            self.subject.answer(guard, yes)

    @precondition(lambda self: self.run.closed and not self.run.is_final)
    @rule()
    def reopen(self) -> None:
        """Begin a new pass behind a signal that sealed the run."""
        self.run.reopen()
        if self.subject is not None:
            self.subject.reopen()
        self._check("reopen()")

    # What is checked

    def _send(self, signal: str, carried: str | None) -> None:
        said = f"{signal}({carried})" if self.machine.signals[signal].seals else signal
        was, closed, before = self.run.state, self.run.closed, _look(self.run)
        try:
            self.run.send(signal, carried=carried)
        except NoTransition:
            same = _look(self.run) == before
            assert same, f"{said} was refused in {was}, and something has changed: {before} is {_look(self.run)}"
            taken = False
        else:
            cell = self.machine.rows[was].get(signal)
            allowed = cell is not None and self.run.state in cell.targets and not closed
            assert allowed, f"{was} -{said}-> {self.run.state} is no row of {self.machine.name}"
            taken = True
        if self.subject is not None:
            refusal = self._sent(signal, carried)
            assert not (taken and refusal), self._told(said, f"refuses it: {shown(refusal)}")
        self._check(said)

    def _sent(self, signal: str, carried: str | None) -> Exception | None:
        """Send to the implementation, and return what it refuses the signal with."""
        more = (carried,) if self.machine.signals[signal].seals else ()
        try:
            self.subject.send(signal, *more)
        except self.refuses as error:
            return error
        return None

    def _check(self, said: str) -> None:
        """See that all is well behind something. What a run has been through is looked at when there is more of it."""
        if self.subject is not None:
            alike = self.subject.state == self.run.state
            assert alike, self._told(said, f"is in {shown(self.subject.state)}")
        look = _look(self.run)
        if look != self._seen:
            self._seen = look
            self._check_final()
            self._check_story()
            self._check_stored()

    def _told(self, said: str, found: str) -> str:
        return (
            f"{self.machine.name}: behind {said} the run is in {self.run.state}, "
            f"and what make returned {found}; the run's story: {self.run.story}"
        )

    def _check_final(self) -> None:
        """A final state refuses every signal."""
        for signal in self.machine.signals if self.run.is_final else ():
            for carried in self.machine.rows if self.machine.signals[signal].seals else (None,):
                trial = copy(self.run)
                assert took(trial, signal, carried) is None, (
                    f"{self.run.state} is final, and {signal} leads on to {trial.state}"
                )

    def _check_story(self) -> None:
        """The story leads to the same state, with the same counts."""
        again = self.run.story.replay()
        assert _look(again) == _look(self.run), f"replayed, {_look(self.run)} is {_look(again)}"

    def _check_stored(self) -> None:
        """Stored as JSON and loaded, it is the same run."""
        stored = self.run.to_dict()
        loaded = type(self.run).from_dict(self.machine, json.loads(json.dumps(stored))).to_dict()
        assert loaded == stored, f"stored and loaded, {stored} is {loaded}"


def _look(run: Run) -> tuple[object, ...]:
    """Return what there is to see of a run."""
    return run.state, run.closed, run.attempt, dict(run.counts), len(run.story)


def _made(machine: Machine, make: Callable[[], Any]) -> Any:
    made = make()
    if made is None:
        raise TypeError(f"state_machine({machine.name}): make returned None; it must return what is to be driven")
    return made


def _anything(machine: Machine) -> st.SearchStrategy[Sent]:
    """Return any signal, each as likely as the others, and what it may carry or not."""
    named = st.sampled_from([None, *machine.rows, NOWHERE])
    each = [st.tuples(st.just(name), named if signal.seals else st.none()) for name, signal in machine.signals.items()]
    return st.one_of(each)


def state_machine(
    machine: Machine,
    make: Callable[[], Any] | None = None,
    *,
    limits: Mapping[str, float] | None = None,
    guards: Mapping[str, Guard] | None = None,
    refuses: Kinds = Exception,
) -> type[Driven]:
    """Return a Hypothesis state machine that sends signals to a run of a life cycle, in many orders.

    Its `TestCase` is a test for pytest and unittest::

        TestOrders = state_machine(machine, Shop).TestCase

    Checked after each step: the step is a row of the table; what is refused changes nothing; a final state is final for
    ever; the story replays to the same state; stored as JSON and loaded, the run is the same. With `make`, whatever it
    returns is sent the same signals, and must take and refuse the same ones, and be in the same state.

    Args:
        machine: the life cycle.
        make: returns an implementation in its first state: anything with a `state` and `send(signal)`, so a class of
            a few lines around an engine of your own, or another `Run`. Where the life cycle has signals that seal, it
            is `send(signal, carried)`, and `reopen()` is called before a new pass. Any: what else it has is its own.
        limits: the limits of the run; the others have their defaults.
        guards: callables for opaque guards, as for a `Run`. What the others answer is drawn, and an implementation is
            told by `answer(guard, yes)`.
        refuses: what an implementation raises to refuse a signal. One that stays where it is refuses it, too.

    Raises:
        ValueError: a limit or guard has no such name or value.
    """
    Run(machine, limits, guards)  # that they fit is said here, and not by the first example
    fields: dict[str, Any] = {  # Any: class attributes have no common type
        "machine": machine,
        "limits": limits,
        "guards": dict(guards or {}),
        "refuses": refuses,
        "anything": _anything(machine),
        "__doc__": f"Runs of {machine.name}.",
        "__module__": __name__,
    }
    if make is not None:
        fields["make"] = lambda self: _made(machine, make)
    return type("".join(part.title() for part in machine.name.split("-")) or "Runs", (Driven,), fields)
