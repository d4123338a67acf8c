"""How a flow run begins with states it is given, or goes on that rested: task runs are put where they were."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import TYPE_CHECKING

from interlock._ends import begins_as_given, for_a_person, signal_to
from interlock._errors import FlowError

if TYPE_CHECKING:
    from collections.abc import Callable

    from interlock._board import Board
    from interlock._data import Record
    from interlock._plan import Node
    from interlock._results import TaskStates
    from interlock._task_runner import TaskRunner
    from interlock.signals import Signal
    from interlock.states import State

    Make = Callable[[Node, Record, int | None], TaskRunner]
    """make(node, record, number of the child): the runner of a task run that rested."""


def begin_with(
    board: Board, given: Mapping[str, State], keeps: dict[TaskRunner, State], said: dict[TaskRunner, Signal]
) -> None:
    """Take note of the states that task runs are to begin in: kept results and children, or signals that lead there.

    Raises:
        FlowError: no run can begin in such a state; nothing has begun.
    """
    for node in board.plan.nodes:
        state = given.get(node.slug)
        if state is None:
            continue
        if begins_as_given(node, state):
            keeps[board.runner(node)] = state
        elif (signal := signal_to(state)) is not None:
            said[board.runner(node)] = signal
            board.runner(node).own().tries = (getattr(state, "run_count", None) or 0) + 1


def put_back(board: Board, rested: TaskStates, make: Make) -> None:
    """Put the task runs back as they were."""

    def restored(node: Node, record: Record, index: int | None) -> TaskRunner:
        runner = make(node, record, index)
        runner.restore(record)
        if record.children is not None:
            runner.children = [restored(node, child, place) for place, child in enumerate(record.children)]
        return runner

    records = rested.records()
    for node in board.plan.nodes:
        if (record := records.get(node.slug)) is not None:
            board.runners[node.index] = restored(node, record, None)
    board.recount()


def going_on(board: Board, chosen: Iterable[str] | None, said: Collection[str]) -> list[TaskRunner]:
    """Return the runs that wait for a person and may go on: all of them, or those of the slugs that are named.

    Raises:
        FlowError: a task named waits for no person.
    """
    wanted = None if chosen is None else set(chosen)
    waiting = [runner for runner in board.all() if for_a_person(runner)]
    slugs = {runner.node.slug for runner in waiting}
    for slug in {*(wanted or ()), *said}:
        if slug not in slugs:
            raise FlowError(f"flow {board.plan.flow.name!r}: task {slug!r} does not wait for a person")
    return [runner for runner in waiting if wanted is None or runner.node.slug in wanted]
