"""What must hold of a run with plugins: beside it, always, stands the same run without any.

As in `properties`, nothing is read from the table: what a signal does is what it does to the run without plugins.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from copy import copy
from typing import ClassVar

import hypothesis.strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from interlock._errors import NoTransition, PluginError
from interlock._hooks import RunView, hookimpl
from interlock._machine import Machine
from interlock._run import Run
from interlock._story import Step

from .moves import CARRYING, OPAQUE, Answers, bound, settings_for


class Twins(RuleBasedStateMachine):
    """A run with plugins, and its twin without; `step` says what happens to both."""

    machine: ClassVar[Machine]
    kind: ClassVar[type[Run]]

    def __init__(self) -> None:
        super().__init__()
        self.answers: Answers = dict.fromkeys(OPAQUE[self.machine.name], True)
        self.limits: dict[str, float] = {}
        self.begin_again()

    def plugins(self) -> list[object]:
        """Return new plugins for a new run."""
        raise NotImplementedError

    @initialize(retries=st.integers(0, 2))
    def begin(self, retries: int) -> None:
        """Begin with some limits."""
        self.limits = dict.fromkeys(self.machine.limits, retries)
        self.begin_again()

    def begin_again(self) -> None:
        guards = bound(self.machine, self.answers)
        self.plain = self.kind(self.machine, self.limits, guards)
        self.run = self.kind(self.machine, self.limits, guards, self.plugins())

    @rule(data=st.data(), at=st.sampled_from((None, 1.0, 2.5)), onward=st.booleans())
    def go(self, data: st.DataObject, at: float | None, onward: bool) -> None:
        """Take a step, then leave a run that is over for another one, and open a new pass of one that is sealed."""
        self.answers.update(dict.fromkeys(self.answers, data.draw(st.booleans())))
        ways = [name for name in self.machine.signals if self.leaves_open(name)] if onward else []
        signal = data.draw(st.sampled_from(ways or list(self.machine.signals)))
        carried = data.draw(st.sampled_from([None, *self.machine.states])) if signal == CARRYING else None
        self.step(data, signal, carried, at)
        if self.run.is_final:
            self.begin_again()
        elif self.run.closed:
            self.run.reopen()
            self.plain.reopen()

    def step(self, data: st.DataObject, signal: str, carried: str | None, at: float | None) -> None:
        """Send a signal to the run and to its twin, and see that what must hold holds."""
        raise NotImplementedError

    def leaves_open(self, signal: str) -> bool:
        trial = copy(self.plain)
        return isinstance(outcome(trial, signal), str) and not trial.is_final


def outcome(run: Run, signal: str, carried: str | None = None, at: float | None = None) -> str | PluginError | None:
    """Send, and return the state that follows; None for a refusal; the error where a plugin failed."""
    try:
        return run.send(signal, at, carried=carried)
    except NoTransition:
        return None
    except PluginError as error:
        return error


def taken(run: Run) -> list[tuple[str, str, str]]:
    """Return the steps of a run, without what plugins had to do with them."""
    return [(step.before, step.signal, step.after) for step in run.story]


def _try(twins: type[Twins], machine: Machine, kind: type[Run]) -> None:
    twins.machine, twins.kind = machine, kind
    logging.disable()  # plugins that fail are reported, and here they do little else
    try:
        run_state_machine_as_test(twins, settings=settings_for(kind, 20))
    finally:
        logging.disable(logging.NOTSET)


class Substitute:
    """Answers with a signal that it was told to answer with."""

    answer: str | None = None

    @hookimpl
    def before_step(self) -> str | None:
        return self.answer


def holds_P1(machine: Machine, kind: type[Run] = Run) -> None:
    """P1: every step is a row enabled for the signal that was applied: it leads where it leads without plugins."""

    class Overridden(Twins):
        def plugins(self) -> list[object]:
            self.plugin = Substitute()
            return [self.plugin]

        def step(self, data: st.DataObject, signal: str, carried: str | None, at: float | None) -> None:
            answer = self.plugin.answer = data.draw(st.sampled_from([None, *self.machine.signals]))
            before = self.run.to_dict()
            after = outcome(self.run, signal, carried, at)
            if not isinstance(after, str):
                assert self.run.to_dict() == before
                assert after is None or answer is not None
                return
            last = self.run.story[-1]
            assert outcome(self.plain, last.signal, last.after) == last.after == after == self.run.state
            assert (last.asked, last.plugin) in ((None, None), (signal, "Substitute"))
            assert last.signal == (signal if last.plugin is None else answer)
            assert taken(self.run) == taken(self.plain)

    _try(Overridden, machine, kind)


class Reader:
    """Reads all that there is to read."""

    def __init__(self) -> None:
        self.read: list[object] = []

    @hookimpl
    def after_step(self, run: RunView, step: Step) -> None:
        self.read.append((run.state, run.counts, run.limits, run.accepts(), run.closed, run.attempt, list(run.story)))


class Pusher:
    """Tries to push the very run that it is told of: each try fails, and changes nothing."""

    push: Callable[[], object] = staticmethod(lambda: None)

    @hookimpl
    def after_step(self) -> None:
        self.push()


def holds_P2(machine: Machine, kind: type[Run] = Run) -> None:
    """P2: with and without observers the story is equal, to its times."""

    class Observed(Twins):
        def plugins(self) -> list[object]:
            self.reader, pusher = Reader(), Pusher()
            pusher.push = lambda: self.run.send("CANCEL")
            return [self.reader, pusher]

        def step(self, data: st.DataObject, signal: str, carried: str | None, at: float | None) -> None:
            told = len(self.reader.read)
            after = outcome(self.run, signal, carried, at)
            assert after == outcome(self.plain, signal, carried, at)
            assert self.run.to_dict() == self.plain.to_dict()
            assert len(self.reader.read) == told + (after is not None)

    _try(Observed, machine, kind)


class Fragile:
    """Breaks where it was told to."""

    breaks: str | None = None
    told = 0

    @hookimpl
    def before_step(self) -> None:
        if self.breaks == "before":
            raise RuntimeError("broken before")

    @hookimpl
    def after_step(self) -> None:
        self.told += 1
        if self.breaks == "after":
            raise RuntimeError("broken after")


def holds_P3(machine: Machine, kind: type[Run] = Run) -> None:
    """P3: a plugin that fails leaves a story that is a path and says who failed."""

    class Failing(Twins):
        def plugins(self) -> list[object]:
            self.plugin = Fragile()
            return [self.plugin]

        def step(self, data: st.DataObject, signal: str, carried: str | None, at: float | None) -> None:
            breaks = self.plugin.breaks = data.draw(st.sampled_from((None, None, "before", "after")))
            failed = [(one.plugin, one.hook) for one in self.run.failures]
            told, before = self.plugin.told, self.run.to_dict()
            after = outcome(self.run, signal, carried, at)
            if isinstance(after, PluginError):
                assert (after.plugin, after.hook, breaks) == ("Fragile", "before_step", "before")
                assert self.run.to_dict() == before
            else:
                assert after == outcome(self.plain, signal, carried, at)
                listens = after is not None and not failed
                assert self.plugin.told == told + listens
                fails = [("Fragile", "after_step")] if listens and breaks == "after" else []
                assert [(one.plugin, one.hook) for one in self.run.failures] == [*failed, *fails]
            assert list(self.run.story) == list(self.plain.story)
            path = [self.machine.initial, *(step.after for step in self.run.story)]
            assert [step.before for step in self.run.story] == path[:-1]
            assert self.run.story.replay().state == self.run.state == path[-1]

    _try(Failing, machine, kind)
