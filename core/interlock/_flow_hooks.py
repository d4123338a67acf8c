"""The hooks of a flow run: an answer of a plugin must be a signal that a run of ours can take."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import attrs

from interlock._capture import text_of
from interlock._context import current
from interlock._errors import ESCAPES, PluginError
from interlock._hooks import Hooks, RunView
from interlock._results import TaskStates
from interlock.signals import ENDRUN, Signal

if TYPE_CHECKING:
    from interlock._flow_runner import FlowRunner
    from interlock.states import State


class FlowHooks(Hooks):
    """The hooks of one flow run and of its task runs.

    Args:
        hooks: the plugins' hooks.
        layers: the context of the flow run, in which they are called. Any: the user's.
    """

    __slots__ = ()

    def __init__(self, hooks: Hooks, layers: Mapping[str, Any]) -> None:
        super().__init__(hooks.before, hooks.after, hooks.rest)
        self.layers = layers

    def ask(self, view: RunView, signal: object, now: float | None) -> tuple[object, str] | None:
        """Return the first answer and the plugin that gave it.

        Raises:
            PluginError: an implementation raised, or answered with a signal whose fields its state does not take.
        """
        answer = super().ask(view, signal, now)
        if answer is None:
            return None
        chosen, name = answer
        if isinstance(chosen, Signal) and not isinstance(chosen, ENDRUN):
            try:
                chosen.leads_to(chosen.message, **chosen.fields)
            except ESCAPES:
                raise
            except BaseException as error:  # the class of a signal is a stranger's code too
                raise PluginError(name, "before_step", f"answered {type(chosen).__name__}: {text_of(error)}") from error
        return answer


def of_flow(hooks: Hooks | None, layers: Mapping[str, Any]) -> Hooks | None:
    """Return the hooks of a flow run. Any: as above."""
    return None if hooks is None else FlowHooks(hooks, layers)


def tell_rest(runner: FlowRunner, state: State) -> None:
    """Tell the plugins that a flow run rests."""
    hooks = runner.hooks
    if hooks is None or not hooks.rest:
        return
    run = runner.run
    if isinstance(state.result, TaskStates) and state.result.run is not None:
        state = attrs.evolve(state, result=state.result.apart())
        run = state.result.run
    token = current.set((hooks.layers, None))
    try:
        hooks.tell_rest(run, state)
    finally:
        current.reset(token)
