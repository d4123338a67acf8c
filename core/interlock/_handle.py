"""A flow run that goes on in a thread of its own."""

from __future__ import annotations

import contextvars
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from typing import TYPE_CHECKING, TypeAlias

from interlock._errors import FlowError, shown
from interlock._given import slug_of
from interlock._interrupts import Interrupts, late
from interlock._plan import plan
from interlock._results import TaskStates
from interlock._resume import going_on, waiting
from interlock.signals import Signal
from interlock.states import State

if TYPE_CHECKING:
    from interlock._flow import Flow
    from interlock._flow_runner import FlowRunner

Work: TypeAlias = Callable[[Interrupts], State]
Begun: TypeAlias = "tuple[FlowRunner | State, Work]"
"""A flow run that has begun, or the state where it is over already; and what carries it out."""
Again: TypeAlias = "Callable[[State, Mapping[str, Signal]], Begun]"
"""again(state, said): begins to go on from where the flow run rests, with what people say."""


class Handle:
    """A flow run that was started by `Flow.start`: what speaks to it, asks for its end, and waits for it.

    For any thread. The program does not end before the flow run does.
    """

    def __init__(self, flow: Flow, begun: Begun, again: Again) -> None:
        self._flow = flow
        self._begun, work = begun
        self._again = again
        self._lock = threading.Lock()  # of what is said, against the flow run coming to rest
        self._interrupts = Interrupts()
        self._ended: Future[State] = Future()
        self._go(work)

    def _go(self, work: Work) -> None:
        self._ended = Future()
        target = contextvars.copy_context().run
        threading.Thread(target=target, args=(self._run, work), name=f"interlock {self._flow.name}").start()

    def _run(self, work: Work) -> None:
        try:
            state = work(self._interrupts)
            while (said := self._rests(state)) is not None:
                try:
                    self._begun, work = self._again(state, said)
                except FlowError as error:
                    late(said, error)
                else:
                    state = work(self._interrupts)
        except BaseException as error:  # noqa: BLE001  # it is raised again in the thread that asks for the result
            self._ended.set_exception(error)

    def _rests(self, state: State) -> Mapping[str, Signal] | None:
        """Let the flow run rest; or return what was said meanwhile, by which it goes on."""
        with self._lock:
            said = dict(self._interrupts.said)
            self._interrupts.said.clear()
            if said and not state.is_finished():
                return said
            self._begun = state
            self._ended.set_result(state)
        if said:
            late(said, f"flow {self._flow.name!r} is over")
        return None

    @property
    def state(self) -> State:
        """The present state of the flow run."""
        return self._begun if isinstance(self._begun, State) else self._begun.state

    def cancel(self) -> None:
        """Ask the flow run to stop; it ends in `Cancelled`, or rests, as soon as what is under way has ended."""
        self._interrupts.ask()

    def send(self, task: object, signal: Signal) -> None:
        """Say to a task run that waits for a person what happens to it: RESUME(), SKIP(), or a plugin's signal.

        It may wait while others go on; a flow run that rests goes on by it, and `result` waits for its end then.

        Args:
            task: the task or its slug; or "slug[3]", one child of a mapped task.
            signal: what is said.

        Raises:
            FlowError: it waits for no person, refuses that signal, or the flow run is over.
        """
        where = f"flow {self._flow.name!r}"
        if not isinstance(signal, Signal):
            raise FlowError(f"{where}: {shown(signal)} is no signal; send one such as RESUME()")
        said = {slug_of(plan(self._flow), task): signal}
        with self._lock:
            if isinstance(self._begun, State):
                self._begun, work = self._again(self._begun, said)
                self._go(work)
            else:
                going_on(self._begun.board, said, said)  # what it raises is for who sends
                self._interrupts.say(*said.popitem())

    def waiting(self) -> dict[str, State]:
        """Return the states of the task runs that wait for a person now, by what `send` takes: "slug", "slug[3]"."""
        begun = self._begun
        if isinstance(begun, State):
            return begun.result.waiting() if isinstance(begun.result, TaskStates) else {}
        return waiting(begun.board)

    def done(self) -> bool:
        """Return whether the flow run has come to rest."""
        return self._ended.done()

    def result(self, timeout: float | None = None) -> State:
        """Wait until the flow run rests, and return the state. `timeout` is in seconds.

        Raises:
            TimeoutError: it does not rest within that time; it goes on.
        """
        return self._ended.result(timeout)

    def __repr__(self) -> str:
        return f"<Handle of {self._flow.name!r}: {self.state!r}>"
