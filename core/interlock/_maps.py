"""How many children a mapped task has."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from interlock._elements import elements_of
from interlock.signals import FAIL, SKIP, TRIGGERFAIL, Signal
from interlock.triggers import each

if TYPE_CHECKING:
    from interlock._board import Board
    from interlock._task_runner import TaskRunner


def lengths_of(parent: TaskRunner, board: Board, layers: Mapping[str, Any]) -> list[int] | Signal:
    """Return the lengths of what a task is mapped over, or the verdict where one will never be known.

    Any: the context of the flow run.
    """
    pairs = [(edge, board.runner(node)) for edge, node in parent.node.upstream if edge.mapped]
    ended = [(edge, runner) for edge, runner in pairs if runner.children is None or edge.flattened]
    for _, runner in ended:
        if not runner.state.is_successful():
            return TRIGGERFAIL._of(f"There is nothing to map over: {runner.name} ended in {runner.state!r}")
    if any(runner.state.is_skipped() for _, runner in ended):
        others = [board.runner(node).state for edge, node in parent.node.upstream if not edge.mapped]
        if any(state.is_failed() for state in each(others)):
            return TRIGGERFAIL._of("There is nothing to map over, and an upstream run failed")
        return SKIP._of("There is nothing to map over: an upstream run was skipped")
    lengths = [len(r.children) for edge, r in pairs if r.children is not None and not edge.flattened]
    for edge, runner in ended:
        elements = elements_of(runner.state, edge.flattened, (layers, None))
        if isinstance(elements, Signal):
            why = f"Cannot map over the result of {runner.name}: {elements.message}"
            return FAIL._of(why, result=elements.result)
        board.elements[parent.node.index, edge.key or runner.node.index] = elements
        lengths.append(len(elements))
    return lengths
