"""What holds for every flow, whatever its tasks do: random graphs, maps, gates and bodies, run in one process."""

from __future__ import annotations

import pickle
from collections.abc import Iterator, Mapping

from flows_drawn import Drawn, Scripted, World, built, flows
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from interlock import Flow, Machine, hookimpl, states
from interlock._capture import capture
from interlock._commands import Call, Command, Done
from interlock._edges import Edge
from interlock._flow_runner import FlowRunner
from interlock._hooks import RunView
from interlock._plan import plan
from interlock._plugins import hooks_of
from interlock._run import Run
from interlock._story import Step
from interlock._task_payload import moment
from interlock._task_runner import TaskRunner
from interlock.signals import Signal
from interlock.states import State

TASK, FLOW = Machine.load("task-run"), Machine.load("flow-run")
ROWS = {
    machine.name: {
        (cell.state, cell.signal, target)
        for row in machine.rows.values()
        for cell in row.values()
        for target in cell.targets
    }
    for machine in (TASK, FLOW)
}
GOOD = set(TASK.family("Success"))
BAD = set(TASK.family("Failed"))
USUAL = settings(derandomize=True, deadline=None, phases=[Phase.generate, Phase.shrink])
RESUMPTIONS = 200  # more than all scripts of a flow have acts

# What is watched while it runs


class Checked(FlowRunner):
    """A flow runner whose every call and step is held against what must hold."""

    stop_at: int | None = None
    """At which command, or outcome of a body, the flow is cancelled."""
    seen = 0
    steps = 0

    def next(self, now: float) -> Command:
        self._stop(now)
        command = super().next(now)
        if isinstance(command, Call):
            self.check_call(command)
        return command

    def receive(self, call: Call, signal: Signal, now: float) -> None:
        self._stop(now)
        super().receive(call, signal, now)

    def _stop(self, now: float) -> None:
        self.seen += 1
        if self.seen == self.stop_at:
            self.cancel(now)

    def check_call(self, call: Call) -> None:
        """F2, F3: a body is called only while the flow runs, its upstreams are final, and its gates said yes."""
        runner = call.runner
        assert self.run.state == "Running"
        assert runner.run.state == "Running"
        assert runner.children is None
        found = [(edge, self.above(edge, runner)) for edge, _ in runner.node.upstream]
        assert len(found) == len(self.plan.flow.edges_to(runner.node.task))
        assert all(type(state).__name__ in TASK.final for _, state in found)
        assert call.arguments == {edge.key: state.result for edge, state in found if edge.key is not None}
        kinds = [type(state).__name__ for _, above in found for state in expanded(above)]
        task = runner.node.task
        assert isinstance(task, Scripted)
        skipped = "Skipped" in kinds and not BAD & set(kinds)
        assert not (skipped and task.skip_on_upstream_skip)
        if task.spec.gates is None:
            assert says_yes(task.spec.trigger, kinds, bool(found))

    def above(self, edge: Edge, runner: TaskRunner) -> State:
        """Return the state that a run takes of an upstream: its own element's, where the edge is mapped."""
        node = next(node for node in self.plan.nodes if node.task is edge.upstream)
        source = self.board.runners[node.index]
        assert source is not None
        if not edge.mapped:
            return source.state
        assert runner.index is not None
        if source.children is not None:
            return source.children[runner.index].state
        assert source.over
        return states.Success(None, source.state.result[runner.index])

    def taken(self) -> int:
        """Return how many steps the flow run and its task runs have taken together."""
        return sum(map(steps_of, [self.run, *(runner.run for runner in self.board.all())]))


class Watcher:
    """Holds every step against the tables, and sees that it changed one run."""

    def __init__(self) -> None:
        self.runner: Checked | None = None
        self.total = 0

    @hookimpl
    def after_step(self, run: RunView, step: Step) -> None:
        assert (step.before, step.signal, step.after) in ROWS[run.lifecycle]
        runner = self.runner
        assert runner is not None
        if run.lifecycle == "task-run" and step.signal == "START":
            assert runner.run.state == "Running"
        total = runner.taken()
        assert total == self.total + 1
        self.total = total


def steps_of(run: Run) -> int:
    """Return how many steps a run has taken: read from its list of rows, as making a story each time takes long."""
    return int(run._rows[0].number) + len(run._rows) - 1


def expanded(state: State) -> list[State]:
    return list(state.map_states) if isinstance(state, states.Mapped) else [state]


def says_yes(trigger: str, kinds: list[str], upstreams: bool) -> bool:
    """Return what a shipped trigger says of states with these names."""
    good, bad = [kind in GOOD for kind in kinds], [kind in BAD for kind in kinds]
    return {
        "all_successful": all(good),
        "all_finished": True,
        "any_failed": any(bad) or not upstreams,
        "any_successful": any(good) or not upstreams,
        "not_all_skipped": all(good) and (not kinds or any(kind != "Skipped" for kind in kinds)),
        "manual_only": True,
    }[trigger]


def end_of(found: list[State], stopped: bool) -> str:
    """F4: return the name of the state that a flow ends in, by the states of its reference tasks."""
    kinds = [type(state).__name__ for each in found for state in expanded(each)]
    if any(kind in BAD for kind in kinds):
        return "Cancelled" if stopped else "Failed"
    if "Cancelled" in kinds:
        return "Cancelled"
    return "Skipped" if kinds and all(kind == "Skipped" for kind in kinds) else "Success"


def driven(runner: FlowRunner, now: float) -> State:
    """Carry out the commands of a flow runner on a clock that only it moves."""
    while True:
        command = runner.next(now)
        if isinstance(command, Done):
            return command.state
        if isinstance(command, Call):
            outcome = capture(command.function, command.arguments, command.layers)
            now += 1
            runner.receive(command, outcome, now)
        else:
            assert command.until is not None
            assert command.until > now
            now = command.until


def passes(
    flow: Flow, stop_at: int | None = None, store: bool = False, given: Mapping[str, State] | None = None
) -> Iterator[tuple[Checked, State]]:
    """Run a flow, and resume it until it is over; yield the runner and the state of each pass."""
    state, now = None, 1000.0
    for _ in range(RESUMPTIONS):
        watcher = Watcher()
        runner = watcher.runner = Checked(plan(flow), {"parameters": {}}, hooks=hooks_of([watcher]))
        runner.stop_at = stop_at
        if state is None:
            runner.start(now, given)
        else:
            resumed_by(watcher, runner, pickle.loads(pickle.dumps(state)) if store else state, now)
        state = driven(runner, now)
        yield runner, state
        if type(state) is not states.Paused:
            return
        now += 1000
    raise AssertionError("the flow goes round for ever")


def resumed_by(watcher: Watcher, runner: Checked, state: State, now: float) -> None:
    """Resume a flow, with the steps of the passes before counted."""
    records = list(state.result.records().values())
    while records:
        record = records.pop()
        watcher.total += steps_of(record.run)
        records += record.children or []
    watcher.total += steps_of(state.result.run)
    runner.resume(state.result, None, now)


def check_rest(runner: Checked, state: State) -> None:
    """F1, F4, and what every pass leaves: stories that replay, states that fit their runs, an end that follows."""
    runs = list(runner.board.all())
    for each in runs:
        assert type(each.state).__name__ == each.run.state
        assert each.over is each.run.is_final
        assert each.run.story.replay() == each.run
        assert all((s.before, s.signal, s.after) in ROWS["task-run"] for s in each.run.story)
        if isinstance(each.state, states.Mapped):
            assert each.state.map_states == tuple(child.state for child in each.children or ())
    assert runner.run.story.replay() == runner.run
    assert runner.run.state == type(state).__name__
    for node, own in zip(runner.plan.nodes, runner.board.runners, strict=True):
        shown = state.result[node.task]
        assert type(shown) is (type(own.state) if own is not None else states.Pending)
    waiting = [each for each in runs if not each.over]
    if type(state) is states.Paused:
        assert waiting
        return
    assert state.is_finished()
    assert not waiting
    assert None not in runner.board.runners
    stopped = any(step.signal == "CANCEL" and step.after == "Cancelling" for step in runner.run.story)
    references = [state.result[task] for task in runner.plan.flow.reference_tasks()]
    assert type(state).__name__ == end_of(references, stopped and runner.stop_at is not None)


@settings(USUAL, max_examples=200)
@given(drawn=flows(), store=st.booleans())
def test_every_flow_keeps_the_invariants(drawn: Drawn, store: bool) -> None:
    """Every call, step and end of any flow is as it must be, and it ends or rests until a person resumes it."""
    ended: set[str] = set()
    for runner, state in passes(built(drawn, World()), store=store):
        check_rest(runner, state)
        over = {f"{each.name}" for each in runner.board.all() if each.over}
        assert ended <= over
        ended = over


GIVEN: list[State] = [
    states.Scheduled(start_time=moment(500.0)),
    states.Scheduled(start_time=moment(1003.0)),
    states.Scheduled(start_time=moment(5000.0)),
    states.Scheduled(),
    states.Retrying(start_time=moment(1002.0)),
    states.Paused(),
    states.Paused(start_time=moment(1004.0)),
    states.Success(result=[7]),
    states.Skipped(),
    states.Failed("given"),
]


@settings(USUAL, max_examples=150)
@given(drawn=flows(8), given=st.dictionaries(st.integers(0, 7), st.sampled_from(GIVEN), min_size=1, max_size=4))
def test_a_flow_that_is_given_states_keeps_the_invariants(drawn: Drawn, given: dict[int, State]) -> None:
    """Task runs that begin in a state wait for its time, for a person, and for their upstreams as any others."""
    flow = built(drawn, World())
    slugs = [node.slug for node in plan(flow).nodes]
    begun = {slugs[place % len(slugs)]: state for place, state in given.items()}
    for number, (runner, state) in enumerate(passes(flow, given=begun)):
        check_rest(runner, state)
        final = {slug: kept for slug, kept in begun.items() if kept.is_finished()}
        assert {slug: state.result[slug] for slug in final} == final
        if not number:
            paused = [slug for slug, kept in begun.items() if kept.is_scheduled() and kept.start_time is None]  # type: ignore[attr-defined]
            assert all(type(state.result[slug]) is type(begun[slug]) for slug in paused)


@settings(USUAL, max_examples=120)
@given(drawn=flows(8), stop_at=st.integers(1, 25))
def test_a_cancelled_flow_ends(drawn: Drawn, stop_at: int) -> None:
    """Whenever a flow is cancelled, also with paused tasks, nothing starts any more, and it ends with all its runs."""
    for runner, state in passes(built(drawn, World()), stop_at):
        check_rest(runner, state)
        if runner.seen > stop_at:
            assert state.is_finished()


@settings(USUAL, max_examples=40)
@given(drawn=flows(8))
def test_a_flow_does_the_same_each_time(drawn: Drawn) -> None:
    """The same flow gives the same states, with and without an observer, stored in between or not."""
    told = []
    for store in (False, False, True):
        told.append([repr(state.result) for _, state in passes(built(drawn, World()), store=store)])
    bare = []
    flow, state, now = built(drawn, World()), None, 1000.0
    while state is None or type(state) is states.Paused:
        runner = FlowRunner(plan(flow), {"parameters": {}})
        runner.start(now) if state is None else runner.resume(state.result, None, now)
        state = driven(runner, now)
        bare.append(repr(state.result))
        now += 1000
    assert told == [bare] * 3
