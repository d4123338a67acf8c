"""Handlers that tell somebody."""

from __future__ import annotations

from typing import Any

import pytest
from acts import does, flow_of, refused

from interlock import Flow, task
from interlock.notifications import callback_factory
from interlock.signals import FAIL
from interlock.states import State


def test_somebody_is_told_of_the_states_that_fit() -> None:
    """The function is called with the task and the new state, once for each that fits, and changes nothing."""
    told: list[tuple[object, State]] = []

    def notify(it: object, state: State) -> State:
        told.append((it, state))
        return state

    handler = callback_factory(notify, lambda state: state.is_retrying() or state.is_failed())
    flow, (bad, good) = flow_of(does(FAIL("no")), does(1), max_retries=1, state_handlers=[handler])
    result = flow.run().result
    assert [(it, type(state).__name__) for it, state in told] == [(bad, "Retrying"), (bad, "Failed")]
    assert told[1][1] == result[bad]
    assert (result[good].result, handler.__name__) == (1, "notify")


def test_a_flow_tells_too() -> None:
    """A flow's handler is given the flow."""
    told: list[object] = []
    handler = callback_factory(lambda it, state: told.append(it), lambda state: state.is_finished())
    flow = Flow("told", state_handlers=handler, tasks=[task(does(1))])
    flow.run()
    assert told == [flow]


@pytest.mark.parametrize("name", ["fn", "check"])
def test_what_cannot_be_called_is_refused(name: str) -> None:
    """Both must be callables."""
    given: Any = {"fn": print, "check": bool, name: "mail"}
    assert refused(lambda: callback_factory(**given)) == f"callback_factory: {name}='mail'; it must be a callable"
