"""How a flow run begins with states it is given, or goes on that rested: task runs are put where they were."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from interlock._ends import begins_as_given, for_a_person, refuses_resume, signal_to
from interlock._errors import FlowError, NoTransition, SpecMismatch, listed, shown, suggest
from interlock._run import Run
from interlock.signals import RESUME
from interlock.states import Paused

if TYPE_CHECKING:
    from collections.abc import Callable

    from interlock._board import Board
    from interlock._data import Record
    from interlock._machine import Machine
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


def going_on(board: Board, chosen: Iterable[str] | None, said: Mapping[str, Signal]) -> dict[TaskRunner, Signal | None]:
    """Return the runs that wait for a person and may go on, each with what is said of it.

    Args:
        board: the task runs.
        chosen: the places of those that may go on; all of them otherwise, but for those that wait for another answer
            than RESUME.
        said: by place: what is said. A place is a slug, for all runs of the task, or "slug[3]", for one child.

    Raises:
        FlowError: a task named waits for no person, or for another answer.
    """
    going: dict[TaskRunner, Signal | None] = {}
    if chosen is None:
        going.update((run, None) for run in board.all() if for_a_person(run) and not refuses_resume(run))
    for name in dict.fromkeys([*(chosen or ()), *said]):
        answer = said.get(name)
        for runner in waiting_at(board, name):
            _check_answer(board, name, runner, answer)
            # What is only let go on goes by its gates; a paused one is let go on by this signal itself.
            plain = isinstance(answer, RESUME) and not isinstance(runner.state, Paused)
            going[runner] = None if plain else answer
    return going


def waiting(board: Board) -> dict[str, State]:
    """Return the states of the runs that wait for a person, by place: a slug, or "slug[3]" for one child."""
    found = [runner for runner in board.all() if for_a_person(runner)]
    return {
        runner.node.slug if runner.index is None else f"{runner.node.slug}[{runner.index}]": runner.state
        for runner in found
    }


def waiting_at(board: Board, name: str) -> list[TaskRunner]:
    """Return the runs at a place that wait for a person.

    Raises:
        FlowError: there are none.
    """
    where = f"flow {board.plan.flow.name!r}"
    nodes = dict(zip(board.plan.slugs, board.plan.nodes, strict=True))
    slug, _, child = (name, "", "") if name in nodes else name.rstrip("]").rpartition("[")
    if slug not in nodes:
        raise FlowError(f"{where}: there is no task {shown(name)}.{suggest(name, nodes)}")
    runner = board.runners[nodes[slug].index]
    children = (runner.children or []) if runner is not None else []
    among = [run for run in children if not child or str(run.index) == child]
    if runner is not None and not child:
        among.append(runner)
    found = [run for run in among if for_a_person(run)]
    if not found:
        raise FlowError(f"{where}: task {name!r} does not wait for a person")
    return found


def _check_answer(board: Board, name: str, runner: TaskRunner, answer: Signal | None) -> None:
    if not refuses_resume(runner):
        return
    where, state = f"flow {board.plan.flow.name!r}: task {name!r}", type(runner.state).__name__
    signals = runner.run._machine._table.signals
    people = [each for each in runner.run.accepts() if signals[each].raised_by == "person"]
    if answer is None:
        raise FlowError(f"{where}: it is {state}, and waits for: {listed(people)}; give signals={{{name!r}: ...}}")
    try:
        runner.run._would_take(answer)
    except (NoTransition, ValueError) as error:
        raise FlowError(f"{where}: {error}; people may say: {listed(people)}") from None


def rebased(run: Run, machine: Machine) -> Run:
    """Return a run that rested, under the table that is in force now where that only adds to its own.

    Where it does not, since a plugin is not loaded now, the run goes on by the table that it began by.
    """
    if run.machine is machine or run.machine == machine:
        return run
    try:
        return Run.from_dict(machine, run.to_dict())
    except SpecMismatch:
        return run
