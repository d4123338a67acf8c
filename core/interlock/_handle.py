"""A flow run that goes on in a thread of its own."""

from __future__ import annotations

import contextvars
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TYPE_CHECKING

from interlock._interrupts import Interrupts
from interlock.states import State

if TYPE_CHECKING:
    from interlock._flow_runner import FlowRunner


class Handle:
    """A flow run that was started by `Flow.start`: what asks for its end, and waits for it. For any thread.

    The program does not end before the flow run does.
    """

    def __init__(self, name: str, begun: FlowRunner | State, work: Callable[[Interrupts], State]) -> None:
        self._name = name
        self._begun = begun
        self._interrupts = Interrupts()
        self._ended: Future[State] = Future()
        self._work = work
        context = contextvars.copy_context()
        threading.Thread(target=context.run, args=(self._run,), name=f"interlock {name}").start()

    def _run(self) -> None:
        try:
            state = self._work(self._interrupts)
        except BaseException as error:  # noqa: BLE001  # it is raised again in the thread that asks for the result
            self._ended.set_exception(error)
        else:
            self._ended.set_result(state)

    @property
    def state(self) -> State:
        """The present state of the flow run."""
        return self._begun if isinstance(self._begun, State) else self._begun.state

    def cancel(self) -> None:
        """Ask the flow run to stop; it ends in `Cancelled`, or rests, as soon as what is under way has ended."""
        self._interrupts.ask()

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
        return f"<Handle of {self._name!r}: {self.state!r}>"
