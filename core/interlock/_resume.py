"""How a flow run goes on that rested: its task runs are put back, and those that wait for a person are found."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING

from interlock._ends import for_a_person
from interlock._errors import FlowError

if TYPE_CHECKING:
    from collections.abc import Callable

    from interlock._board import Board
    from interlock._data import Record
    from interlock._plan import Node
    from interlock._results import TaskStates
    from interlock._task_runner import TaskRunner

    Make = Callable[[Node, Record, int | None], TaskRunner]
    """make(node, record, number of the child): the runner of a task run that rested."""


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
