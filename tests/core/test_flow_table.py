"""The table is the only source of behaviour: change one row, and the flow goes where the changed row says.

For each row of the two tables that a flow can take there is a small flow that takes it. The same flow is run once more
under a table in which that one row leads elsewhere, with the same code.
"""

from __future__ import annotations

import contextlib
import signal as interrupt
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import attrs
import pytest

from interlock import Flow, Machine, Task, hookimpl, signals, task
from interlock._commands import Call, Command, Done, Wait
from interlock._drive import carry_out
from interlock._flow_runner import FlowRunner
from interlock._hooks import RunView
from interlock._plan import plan
from interlock._plugins import hooks_of
from interlock._story import Step
from interlock._table import Cell, Choice, Table
from interlock.cache_validators import never_use
from interlock.signals import (
    CACHE,
    ENDRUN,
    FAIL,
    GATHER,
    LOOP,
    MAP,
    PAUSE,
    RESUME,
    RETRY,
    SCHEDULE,
    SKIP,
    START,
    SUCCESS,
    Signal,
)
from interlock.states import BY_NAME, Paused, Scheduled, State

Row = tuple[str, str, str]
"""A state, a signal, and the state behind it."""

TASK, FLOW = Machine.load("task-run"), Machine.load("flow-run")
PAST, FAR = datetime(2000, 1, 1, tzinfo=UTC), datetime(3000, 1, 1, tzinfo=UTC)
STARTABLE = ["Pending", "Scheduled", "Retrying", "Looped"]
FAILURES = ["FAIL", "VALIDATIONFAIL", "TRIGGERFAIL", "TIMEOUT", "LOST"]


def rows(machine: Machine) -> list[Row]:
    """Return every row of a table."""
    cells = [cell for row in machine.rows.values() for cell in row.values()]
    return [(cell.state, cell.signal, target) for cell in cells for target in cell.targets]


# What no flow can take yet, with the reason. A row that comes within reach is taken from here.

NOT_YET: dict[str, dict[Row, str]] = {
    "task-run": {
        **dict.fromkeys(
            [row for row in rows(TASK) if row[:2] == ("Mapping", "ENDRUN")],
            "bodies and gates raise it, and the parent of children has neither",
        ),
        **dict.fromkeys(
            [row for row in rows(TASK) if row[:2] == ("Paused", "ENDRUN")],
            "bodies and gates raise it, and a run that waits for a person has neither until it is resumed",
        ),
    },
    "flow-run": {
        **dict.fromkeys(
            [row for row in rows(FLOW) if row[1] == "ENDRUN"],
            "a flow has no work of its own that could raise it, and it is no answer of plugins and handlers",
        ),
        **dict.fromkeys(
            [("Pending", "CANCEL", "Cancelled")],
            "Ctrl-C reaches a flow from its first step on, and nobody else can cancel one yet",
        ),
    },
}


# Scenarios


Answers = Sequence[tuple[str, str, type[Signal], Signal | None]]
"""What a plugin answers: life cycle, state, asked, answered; None where it raises."""


@attrs.frozen
class Scenario:
    """What a flow of one task does, by itself and by those around it."""

    gate: list[Signal | None] = attrs.field(factory=list)
    """What the trigger raises each time it is asked; None is a yes, and so is everything behind the end."""
    body: list[Signal | None] = attrs.field(factory=list)
    """What the body raises each time it is called; None is a return, and so is everything behind the end."""
    options: dict[str, Any] = attrs.field(factory=dict)
    mapped: bool = False
    answers: Answers = ()
    """What a plugin answers, each once."""
    stop: str | None = None
    """The state in which a person stops the flow: of the task, or "flow" and that of the flow."""
    presses: int = 1
    resumed: bool = False
    beside: Signal | None = None
    """What a second task does, which decides how the flow ends: it is over when a person stops the first."""


class Stopped(FlowRunner):
    """A flow runner that is cancelled when its task is in a state, also while a body is under way."""

    when: str | None = None
    presses = 0

    def next(self, now: float) -> Command:
        self._press(now)
        command = super().next(now)
        return super().next(now) if isinstance(command, Wait | Done) and self._press(now) else command

    def receive(self, call: Call, signal: Signal, now: float) -> None:
        self._press(now)
        super().receive(call, signal, now)

    def _press(self, now: float) -> bool:
        there = [runner.run.state for runner in self.board.all() if runner.node.task.name == "main"]
        there.append(f"flow {self.run.state}")
        pressed = self.when in there and self.presses > 0
        while pressed and self.presses:
            self.presses -= 1
            self.cancel(now)
        return pressed


class Around:
    """The plugin of a scenario: it answers as told, and takes note of every step."""

    def __init__(self, answers: Answers) -> None:
        self.left = list(answers)
        self.seen: list[tuple[str, Row]] = []

    @hookimpl
    def before_step(self, run: RunView, signal: object) -> object:
        for place, (lifecycle, state, asked, answer) in enumerate(self.left):
            if (run.lifecycle, run.state, type(signal)) == (lifecycle, state, asked):
                del self.left[place]
                if answer is None:
                    raise ValueError("broken")
                return answer
        return None

    @hookimpl
    def after_step(self, run: RunView, step: Step) -> None:
        self.seen.append((run.lifecycle, (step.before, step.signal, step.after)))

    def of(self, lifecycle: str) -> list[Row]:
        return [row for of, row in self.seen if of == lifecycle]


def acts(script: list[Signal | None]) -> Callable[..., bool]:
    """Return a callable that raises one of these after the other, and returns True for None and behind the end."""
    left = list(script)

    def act(*_: object, **__: object) -> bool:
        signal = left.pop(0) if left else None
        if signal is not None:
            raise signal
        return True

    return act


def played(scenario: Scenario, tasks: Machine = TASK, flows: Machine = FLOW) -> tuple[State, State, Around]:
    """Play a scenario under two tables; return the states of the flow and of its task, and what was seen."""
    trigger, body = acts(scenario.gate), acts(scenario.body)
    main = task(name="main", trigger=trigger, **scenario.options)(lambda x: body())
    with Flow("scenario") as flow:
        beside = acts([scenario.beside])
        above = [task(lambda: beside())()] if scenario.beside else []
        node = Task.__call__(main, [1] if scenario.mapped else 1, mapped=scenario.mapped, upstream_tasks=above)
    if above:
        flow.set_reference_tasks(above)
    around = Around(scenario.answers)

    def runner() -> Stopped:
        made = Stopped(plan(flow), {"parameters": {}}, tasks=tasks, flow=flows, hooks=hooks_of([around]))
        made.when, made.presses = scenario.stop, scenario.presses
        return made

    first = runner()
    first.start(time.time())
    state = carry_out(first)
    if scenario.resumed:
        again = runner()
        again.resume(state.result, None, time.time())
        state = carry_out(again)
        first = again
    found = first.board.runners[next(n.index for n in first.plan.nodes if n.task is node)]
    return state, found.state if found is not None else BY_NAME["Pending"](), around


def press() -> bool:
    """Do as Ctrl-C does; what it raises is swallowed, as a body may."""
    with contextlib.suppress(KeyboardInterrupt):
        interrupt.raise_signal(interrupt.SIGINT)
    return True


class Pressing(Around):
    """The plugin of a scenario in which a person presses Ctrl-C when a run comes into a state."""

    def __init__(self, answers: Answers, when: str | None) -> None:
        super().__init__(answers)
        self.when = when

    @hookimpl
    def after_step(self, run: RunView, step: Step) -> None:
        super().after_step(run, step)
        if self.when in (step.after if run.lifecycle == "task-run" else f"flow {step.after}",):
            press()


def by_flow_run(scenario: Scenario) -> Around:
    """Play a scenario by `flow.run` and `flow.resume`; return what was seen."""
    trigger, body = acts(scenario.gate), acts(scenario.body)
    busy = scenario.stop in ("Running", "Mapping")
    main = task(name="main", trigger=trigger, **scenario.options)(lambda x: (press() if busy else True) and body())
    with Flow("scenario") as flow:
        beside = acts([scenario.beside])
        above = [task(lambda: beside())()] if scenario.beside else []
        if scenario.stop == "Pending":
            above.append(task(lambda: press())())
        Task.__call__(main, [1] if scenario.mapped else 1, mapped=scenario.mapped, upstream_tasks=above)
    if scenario.beside:
        flow.set_reference_tasks(above)
    around = Pressing(scenario.answers, None if busy else scenario.stop)
    state = flow.run(plugins=[around])
    if scenario.resumed:
        flow.resume(state, plugins=[around])
    return around


def changed(machine: Machine, row: Row, other: str) -> Machine:
    """Return the machine with one row leading elsewhere, whatever the rules of the notation say of it."""
    table = machine._table
    cell = table.cells[row[0], row[1]]
    if cell.carries:
        cell = attrs.evolve(cell, carries=tuple(other if name == row[2] else name for name in cell.carries))
    else:
        cell = attrs.evolve(
            cell,
            choices=tuple(Choice(other, c.guard) if c.target == row[2] else c for c in cell.choices),
        )
    return Machine(_with(table, cell))


def _with(table: Table, cell: Cell) -> Table:
    return attrs.evolve(table, cells={**table.cells, (cell.state, cell.signal): cell})


def elsewhere(target: str) -> Iterator[str]:
    """Yield final states that a row to `target` does not lead to."""
    yield from (name for name in ("Skipped", "Failed") if name != target)


# Task runs


def signal(name: str) -> Signal:
    """Return a signal by its name."""
    made: Signal = getattr(signals, name)()
    return made


def before(state: str, due: datetime = PAST) -> tuple[list[Signal | None], list[Signal | None]]:
    """Return what gate and body do until the task is in a state that it starts from."""
    if state == "Scheduled":
        return [ENDRUN(Scheduled(start_time=due))], []
    if state == "Retrying":
        return [RETRY(start_time=due)], []
    return ([None], [LOOP()]) if state == "Looped" else ([], [])


def put_off(state: str) -> list[tuple[str, str, type[Signal], Signal | None]]:
    """Return what a plugin answers until a mapped task is in a state that it makes its children from."""
    by: dict[str, Signal] = {"Scheduled": SCHEDULE(), "Retrying": RETRY()}
    return [("task-run", "Pending", MAP, by[state])] if state in by else []


def of_task(row: Row) -> Scenario:
    """Return a scenario that takes a row of the task table."""
    state, name, target = row
    if state in STARTABLE:
        return of_gate(row)
    if state == "Paused":
        answers: Answers = [("task-run", "Paused", RESUME, None)] if name == "BROKEN" else []
        return Scenario(
            body=[PAUSE()], answers=answers, resumed=name != "CANCEL", stop="Paused" if name == "CANCEL" else None
        )
    if state == "Mapping":
        answers = [("task-run", "Mapping", GATHER, None)] if name == "BROKEN" else []
        return Scenario(mapped=True, answers=answers, stop="Mapping" if name == "CANCEL" else None)
    if name in ("CANCEL", "GATHER"):
        mapped = name == "GATHER"
        presses = 2 if state == "Cancelling" and not mapped else 1
        return Scenario(mapped=mapped, stop="Mapping" if mapped else "Running", presses=presses)
    stop = "Running" if state == "Cancelling" else None
    options = of_budget(row) if target != "Cached" else {"cache_for": 60, "cache_validator": never_use}
    if name == "ENDRUN":
        return Scenario(body=[ENDRUN(BY_NAME[target]("why"))], stop=stop)
    if name in ("BROKEN", "TIMEOUT", "LOST"):
        answer = None if name == "BROKEN" else signal(name)
        answers = [("task-run", state, FAIL, answer)]
        return Scenario(body=[FAIL()], answers=answers, stop=stop, options=options)
    return Scenario(body=[None if name == "SUCCESS" else signal(name)], stop=stop, options=options)


def of_budget(row: Row) -> dict[str, Any]:
    """Return the options under which a signal of a body is granted, or is not."""
    _, name, target = row
    granted = target in ("Retrying", "Looped")
    if name in FAILURES:
        return {"max_retries": int(granted)}
    return {} if granted or target == "Cancelled" else {"retry_limit": 0, "max_turns": 1}


def of_gate(row: Row) -> Scenario:
    """Return a scenario that takes a row of a state that the task starts from."""
    state, name, target = row
    gate, body = before(state)
    if name == "MAP":
        return Scenario(mapped=True, answers=put_off(state))
    if name == "CANCEL":
        return Scenario(*before(state, FAR), stop=state)
    if name in ("SCHEDULE", "CACHE", "BROKEN"):
        answer = {"SCHEDULE": SCHEDULE(start_time=PAST), "CACHE": CACHE(), "BROKEN": None}[name]
        return Scenario(gate, body, answers=[("task-run", state, START, answer)])
    if name == "START":
        return Scenario(gate, body)
    verdict = ENDRUN(BY_NAME[target]("why")) if name == "ENDRUN" else signal(name)
    used = 1 if state == "Retrying" else 0
    options = {"retry_limit": used} if (name, target) == ("RETRY", "Failed") else {}
    return Scenario([*gate, verdict], body, options=options)


# Flow runs


def of_flow(row: Row) -> Scenario:
    """Return a scenario that takes a row of the flow table."""
    state, name, _ = row
    broken = name == "BROKEN"
    if state in ("Pending", "Scheduled"):
        answer = None if broken else SCHEDULE(start_time=PAST) if name == "SCHEDULE" else signal(name)
        stops = name == "CANCEL"
        put_off = SCHEDULE(start_time=FAR if stops else PAST)
        first: Answers = [("flow-run", "Pending", START, put_off)] if state == "Scheduled" else []
        then: Answers = [] if name == "START" or stops else [("flow-run", state, START, answer)]
        return Scenario(answers=[*first, *then], stop="flow Scheduled" if stops else None)
    if state == "Paused":
        answers: Answers = [("flow-run", "Paused", RESUME, None)] if broken else []
        stops = name == "CANCEL"
        return Scenario(body=[PAUSE()], resumed=not stops, answers=answers, stop="flow Paused" if stops else None)
    if state == "Running":
        body: dict[str, list[Signal | None]] = {"FAIL": [FAIL()], "SKIP": [SKIP()], "PAUSE": [PAUSE()]}
        answers = [("flow-run", "Running", SUCCESS, None if broken else signal(name))]
        return Scenario(
            body=body.get(name, []),
            answers=answers if name in ("BROKEN", "TIMEOUT") else [],
            stop="Running" if name == "CANCEL" else None,
        )
    answers = [("flow-run", "Cancelling", FAIL, None if broken else signal(name))]
    return Scenario(
        body=[FAIL()],
        answers=answers if name in ("BROKEN", "TIMEOUT") else [],
        stop="Running",
        presses=2 if name == "CANCEL" else 1,
        beside=SUCCESS() if name == "SUCCESS" else SKIP() if name == "SKIP" else None,
        options={"skip_on_upstream_skip": False},
    )


SCENARIOS: Mapping[str, Callable[[Row], Scenario]] = {"task-run": of_task, "flow-run": of_flow}
MACHINES = {"task-run": TASK, "flow-run": FLOW}
TAKEN = [(name, row) for name, machine in MACHINES.items() for row in rows(machine) if row not in NOT_YET[name]]
each_row = pytest.mark.parametrize(("lifecycle", "row"), TAKEN, ids=[f"{name}-{'-'.join(row)}" for name, row in TAKEN])


@each_row
def test_a_flow_takes_the_row(lifecycle: str, row: Row) -> None:
    """The scenario of a row takes it, and what it leads to is what the task or the flow is then."""
    state, main, around = played(SCENARIOS[lifecycle](row))
    assert row in around.of(lifecycle)
    if BY_NAME[row[2]]().is_finished():
        assert type(main if lifecycle == "task-run" else state) is BY_NAME[row[2]]
    assert type(state) in (Paused, Scheduled) or state.is_finished()


# Who cancels a flow there is its driver's own clock, or a second Ctrl-C, which leaves at once.
NOT_BY_CTRL_C = {
    ("task-run", "Cancelling", "CANCEL"),
    ("flow-run", "Cancelling", "CANCEL"),
    ("flow-run", "Scheduled", "CANCEL"),
}


@pytest.mark.parametrize(
    ("lifecycle", "row"),
    [place for place in TAKEN if (place[0], *place[1][:2]) not in NOT_BY_CTRL_C],
    ids=lambda value: value if isinstance(value, str) else "-".join(value),
)
def test_flow_run_takes_the_row(lifecycle: str, row: Row) -> None:
    """So it does through `flow.run`, where Ctrl-C is what stops it."""
    assert row in by_flow_run(SCENARIOS[lifecycle](row)).of(lifecycle)


@each_row
def test_the_changed_row_is_obeyed(lifecycle: str, row: Row) -> None:
    """Under a table in which the row leads elsewhere, the same flow goes there: up to the row all is as before."""
    scenario = SCENARIOS[lifecycle]
    usual = played(scenario(row))[2].of(lifecycle)
    place = usual.index(row)
    for other in elsewhere(row[2]):
        machine = changed(MACHINES[lifecycle], row, other)
        machines = {"tasks": machine} if lifecycle == "task-run" else {"flows": machine}
        state, main, around = played(scenario(row), **machines)
        seen = around.of(lifecycle)
        assert seen[:place] == usual[:place]
        if row[1] == "ENDRUN":
            refused = "TRIGGERFAIL" if row[0] in STARTABLE else "FAIL"
            assert seen[place] == (row[0], refused, TASK.next(row[0], refused))
            assert f"ENDRUN is refused in {row[0]}: it carries {row[2]}; here it may carry: " in str(main.message)
        else:
            assert seen[place] == (row[0], row[1], other)
            assert type(main if lifecycle == "task-run" else state) is BY_NAME[other]
        assert row not in seen
        quiet = over(around.seen)
        assert not [step for of, step in quiet if of == "task-run" and step[1] == "START"]


def over(seen: list[tuple[str, Row]]) -> list[tuple[str, Row]]:
    """Return the steps behind the end of the flow."""
    ends = [place for place, (of, row) in enumerate(seen) if of == "flow-run" and row[2] in FLOW.final]
    return seen[ends[0] + 1 :] if ends else []


@pytest.mark.parametrize("lifecycle", MACHINES)
def test_the_list_of_what_no_flow_takes_is_exact(lifecycle: str) -> None:
    """A row is taken by a scenario or listed with its reason; no scenario takes a row that is listed."""
    listed = NOT_YET[lifecycle]
    assert set(listed) <= set(rows(MACHINES[lifecycle]))
    assert all(listed.values())
    seen = {row for name, row in TAKEN for row in played(SCENARIOS[name](row))[2].of(lifecycle)}
    assert sorted(seen & set(listed)) == []
    assert seen | set(listed) == set(rows(MACHINES[lifecycle]))


def test_a_machine_of_an_unchanged_table_behaves_alike() -> None:
    """A machine that is built from the tables as they are does in every scenario what the shipped ones do."""
    tasks, flows = Machine(TASK._table), Machine(FLOW._table)
    assert (tasks, flows) == (TASK, FLOW)
    for lifecycle, row in TAKEN:
        usual, again = played(SCENARIOS[lifecycle](row)), played(SCENARIOS[lifecycle](row), tasks, flows)
        assert usual[2].seen == again[2].seen
        assert [type(state) for state in usual[:2]] == [type(state) for state in again[:2]]
