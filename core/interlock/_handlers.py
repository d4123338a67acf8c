"""State handlers: callables of a task or flow that see each change of its state before it counts.

They stand on the hook that plugins have: a handler proposes a state, and what is taken is the signal that leads there,
if the table has it. All handlers are asked, in order, each about the state that the last one left.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import attrs

from interlock._capture import Answer, Raised, capture
from interlock._errors import ESCAPES, PluginError, shown
from interlock._hooks import Hooks, RunView
from interlock._options import Handler
from interlock.signals import BROKEN, ENDRUN, Signal, made, signal_from_state
from interlock.states import State

if TYPE_CHECKING:
    from interlock._context import Layers
    from interlock._machine import Machine
    from interlock._record import Record
    from interlock._rows import Row


class Handled(Hooks):
    """The hooks of a run with state handlers: those of the plugins, and the handlers behind them.

    Args:
        base: the plugins' hooks.
        handlers: what is asked, in order.
        owner: the task or flow that they are of. Any: what handlers are given first.
        layers: the context to call them in.
        proposed: returns the state that a signal would lead to: proposed(name of the state, signal, now).
        old: returns the state before the step.
    """

    __slots__ = ("_base", "_handlers", "_layers", "_old", "_owner", "_proposed")

    def __init__(
        self,
        base: Hooks | None,
        handlers: Sequence[Handler],
        owner: Any,
        layers: Layers,
        proposed: Callable[[str, Signal, float], State],
        old: Callable[[], State],
    ) -> None:
        super().__init__((("state_handlers", self._never),), ())
        if base is not None:
            self.failures = base.failures
        self._base = base
        self._handlers = handlers
        self._owner = owner
        self._layers = layers
        self.layers = layers[0]
        self._proposed = proposed
        self._old = old

    def _never(self, *arguments: object) -> None:
        raise NotImplementedError  # `ask` is what is called; this only says that there is something to ask

    def ask(self, view: RunView, signal: object, now: float | None) -> tuple[object, str] | None:
        """Return the signal that plugins and handlers choose, and who did.

        Raises:
            PluginError: a plugin or handler raised, or a handler gave a state that nothing leads to.
        """
        answer = self._base.ask(view, signal, now) if self._base is not None and self._base.before else None
        chosen = signal if answer is None else answer[0]
        try:
            row = view._run._would_take(chosen)
        except ESCAPES:
            raise
        except BaseException:
            if answer is None:
                raise
            return answer  # a plugin's answer that is none: the run says so itself
        taken = made(chosen, view._run.machine)
        new = self._proposed(row.after, taken, now or 0.0)
        state, last = self._asked(self._old(), new)
        if state is new:
            return answer
        kind = type(taken)
        if type(state) is not type(new) or view._run.machine.signals[row.signal].plugins != "free":
            try:
                kind = signal_from_state(state)
            except ValueError as error:
                raise PluginError(last, "state_handler", f"returned {state!r}: {error}") from None
        fields = {field.name: getattr(state, field.name) for field in attrs.fields(kind.leads_to)}
        return kind._of(fields.pop("message"), **fields), last

    def _asked(self, old: State, new: State) -> tuple[State, str]:
        """Return the state that the handlers leave proposed, and the name of the last one that changed it."""
        last = ""
        for handler in self._handlers:
            name = name_of(handler)

            def call(handler: Handler = handler, new: State = new) -> State | None:
                return handler(self._owner, old, new)

            said = capture(call, {}, self._layers, Answer, Raised)
            if isinstance(said, Raised):
                raise PluginError(name, "state_handler", f"raised {shown(said.error)}") from said.error
            if isinstance(said, ENDRUN):
                raise PluginError(name, "state_handler", f"raised {said!r}; only the work itself may end its run")
            answer = said.value if isinstance(said, Answer) else said.state
            if answer is None:
                continue
            if not isinstance(answer, State):
                raise PluginError(name, "state_handler", f"returned {shown(answer)}; it must be a state, or None")
            if answer is not new:
                new, last = answer, name
        return new, last

    def tell(self, run: Record) -> None:
        """Tell the observers."""
        if self._base is not None:
            self._base.tell(run)

    def ended(self, row: Row, machine: Machine, old: State, new: State) -> None:
        """Tell the handlers of a step that they were not asked about. What they say is ignored, with a warning."""
        if machine.signals[row.signal].plugins != "told":
            return
        import logging

        log = logging.getLogger("interlock.handlers")
        try:
            state, last = self._asked(old, new)
        except PluginError as error:
            self.failures.append(error)
            log.error("%s", error)
            return
        if state is not new:
            log.warning("state handler %r returned %r for %r, which nothing may change", last, state, new)


def observe(call: Callable[[], object], layers: Layers, who: object) -> None:
    """Tell somebody who may change nothing; what he raises is logged."""
    said = capture(call, {}, layers, Answer, Raised)
    if not isinstance(said, Answer):
        import logging

        error = said.error if isinstance(said, Raised) else said
        logging.getLogger("interlock.handlers").error("%s raised %r, which changes nothing", name_of(who), error)


def answered(said: Answer | Raised | Signal, who: str, accepts: Sequence[str]) -> Signal:
    """Return the signal that leads to a state which a handler gave; `BROKEN`, with the reason, where none does."""
    if isinstance(said, Raised):
        return BROKEN._of(f"{who} raised {shown(said.error)}", result=said.error)
    state = said.value if isinstance(said, Answer) else said.state
    if not isinstance(state, State):
        return BROKEN._of(f"{who} returned {shown(state)}; it must be a state, or None")
    try:
        kind = signal_from_state(state)
    except ValueError as error:
        return BROKEN._of(f"{who} returned {state!r}: {error}")
    if kind.__name__ not in accepts:
        return BROKEN._of(f"{who} returned {state!r}; {kind.__name__} is refused here")
    return kind._of(state.message)


def name_of(handler: object) -> str:
    """Return what a handler is called."""
    return str(getattr(handler, "__name__", None) or type(handler).__name__)
