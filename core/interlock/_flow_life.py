"""The flow run's own life: its state, what is sent to it, and the verdict in the end."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import attrs

from interlock._board import Board
from interlock._capture import Answer, Raised, capture
from interlock._context import current
from interlock._ends import result_of, verdict_of
from interlock._errors import ESCAPES, NoTransition
from interlock._handlers import Handled, answered, name_of, observe
from interlock._hooks import Hooks
from interlock._machine import Machine
from interlock._resume import rebased
from interlock._rows import Row
from interlock._run import Run
from interlock._task_payload import FRESH, broken, kind_of, moment
from interlock.signals import ENDRUN, PAUSE, Signal, made
from interlock.states import Cancelling, Paused, Running, Scheduled, State


class FlowLife:
    """The life of one flow run.

    Args:
        board: its task runs.
        layers: the context. Any: the user's.
        machine: the table; the shipped one otherwise.
        hooks: the plugins' hooks.
        end_all: ends every task run that is not over: end_all(now). It is called before the flow run ends.
    """

    def __init__(
        self,
        board: Board,
        layers: Mapping[str, Any],
        machine: Machine | None,
        hooks: Hooks | None,
        end_all: Callable[[float], None],
    ) -> None:
        self.state: State = FRESH
        self._flow = flow = board.plan.flow
        self._board = board
        self._layers = layers
        self._end_all = end_all
        self._hooks = hooks
        if flow.state_handlers:
            self._hooks = Handled(hooks, flow.state_handlers, flow, (layers, None), self._proposed, lambda: self.state)
        self.run = Run(machine or Machine.load("flow-run"), plugins=self._hooks)

    def restore(self, run: Run) -> None:
        """Go on from where an earlier flow run rested."""
        self.run = rebased(run, self.run.machine)._again(None, self._hooks)
        if self.run.closed:
            self.run.reopen()

    def send(self, signal: Signal, now: float) -> None:
        """Take one step. What a plugin makes impossible is `BROKEN`.

        Raises:
            NoTransition: the table refuses the signal.
        """

        def prepare(row: Row) -> None:
            if row.final:  # its task runs come first
                self._end_all(now)

        token = None if self._hooks is None else current.set((self._layers, None))
        try:
            taken = self.run._apply(signal, now, prepare=prepare)
        except (NoTransition, *ESCAPES):
            raise
        except BaseException as error:  # noqa: BLE001  # a plugin failed: the flow run is told so
            taken = self.run._apply(broken(error), now, prepare=prepare)
        finally:
            if token is not None:
                current.reset(token)
        assert taken is not None  # only a message of an attempt can be dropped
        row, applied = taken[0], made(taken[1], self.run._machine)
        old, self.state = self.state, self._proposed(row.after, applied, now)
        if isinstance(self._hooks, Handled):
            self._hooks.ended(row, self.run.machine, old, self.state)
        if row.final and self.state.is_failed() and (tell := self._flow.on_failure) is not None:
            observe(partial(tell, self._flow, self.state), (self._layers, None), tell)

    def finish(self, now: float) -> None:
        """Let the flow run end, or rest until a person acts, when there is nothing left to do."""
        if self.run.is_final or not isinstance(self.state, Running):
            return
        if self._board.unended:
            self.send(PAUSE._of("Nothing can go on until a person resumes a task"), now)
            return
        # A cancelled reference task takes two steps: the flow is cancelled, and then ends.
        for _ in range(2):
            if isinstance(self.state, Running):
                self.send(self.verdict(), now)

    def verdict(self) -> Signal:
        """Return the verdict on the flow run, or what its `terminal_state_handler` makes of it."""
        board, flow = self._board, self._flow
        ended = [board.runner(node).state for node in board.plan.references]
        verdict = verdict_of(ended, isinstance(self.state, Cancelling))
        handler = flow.terminal_state_handler
        if handler is None:
            return verdict
        state = self._proposed(verdict.leads_to.__name__, verdict, 0.0)
        said = capture(partial(handler, flow, state, tuple(ended)), {}, (self._layers, None), Answer, Raised)
        if isinstance(said, Answer) and said.value is None:
            return verdict
        return answered(said, name_of(handler), self.run.accepts())

    def _proposed(self, after: str, signal: Signal, now: float) -> State:
        """Return the state that a signal would bring the flow run to."""
        kind = kind_of(after, self.run._machine)
        if isinstance(signal, ENDRUN):
            state = signal.state
        elif issubclass(kind, Scheduled):
            time = signal.fields.get("start_time")
            if time is None and not issubclass(kind, Paused):
                time = moment(now)  # at once, as for a task run: nobody else would say when
            state = kind(signal.message, start_time=time)
        else:
            state = kind(signal.message)
        if isinstance(state, Running):
            return state
        board = self._board
        return attrs.evolve(state, result=result_of(board.plan, board.runners, self._layers, self.run))
