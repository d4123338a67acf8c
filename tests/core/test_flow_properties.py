"""What holds for every flow, whatever its tasks do: random graphs, maps, gates and bodies, run in one process."""

from __future__ import annotations

import pickle
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from functools import cache
from typing import Any

import attrs
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from interlock import Flow, Machine, Task, context, hookimpl, signals, states, triggers
from interlock._capture import capture
from interlock._commands import Call, Command, Done
from interlock._edges import Edge
from interlock._flow_runner import FlowRunner
from interlock._hooks import RunView, hooks_of
from interlock._plan import plan
from interlock._run import Run
from interlock._story import Step
from interlock._task_payload import moment
from interlock._task_runner import TaskRunner
from interlock.signals import ENDRUN, Signal
from interlock.states import BY_NAME, State

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
PAST = datetime(2000, 1, 1, tzinfo=UTC)
GOOD = set(TASK.family("Success"))
BAD = set(TASK.family("Failed"))
USUAL = settings(derandomize=True, deadline=None, phases=[Phase.generate, Phase.shrink])
RESUMPTIONS = 200  # more than all scripts of a flow have acts

# What a task does: acts by name, so that a failing example can be read.

ENDS = ["Success", "Skipped", "Failed", "TimedOut", "TriggerFailed", "ValidationFailed", "Cancelled"]
FINAL = ["SUCCESS", "SKIP", "FAIL", "TRIGGERFAIL", "VALIDATIONFAIL", *(f"ENDRUN {name}" for name in ENDS)]
WAITING = ["RETRY", "PAUSE", "PAUSE then", "ENDRUN Paused", "ENDRUN Scheduled", "ENDRUN Scheduled then"]
BODY_FIRST = ["LOOP", "LOOP", "FAIL", "VALIDATIONFAIL", "TIMEOUT", "LOST", "ValueError", *WAITING]
BODY_LAST = ["return"] * 12 + ["BROKEN", "START", "RESUME", "LOOP", "SystemExit", *FINAL]
GATE_FIRST = ["yes", "yes", "yes", "SCHEDULE", *WAITING]
GATE_LAST = ["yes"] * 12 + ["no", "LOOP", "ValueError", *FINAL]
TRIGGERS = ["all_successful"] * 4 + ["all_finished", "any_failed", "any_successful", "not_all_skipped", "manual_only"]


@attrs.frozen
class Spec:
    """One task of a drawn flow."""

    upstreams: tuple[tuple[int, str], ...]
    """Tasks before it, and what is taken of them: "wait", "value" or "each"."""
    scripts: tuple[tuple[str, ...], ...]
    """What the body does: the first script by the task or its first child, and so on, round again."""
    gates: tuple[str, ...] | None
    """What a trigger of its own says; None where it is a shipped one."""
    trigger: str
    length: int
    """How long a list the body returns."""
    options: dict[str, Any]  # Any: options have no common type


@attrs.frozen
class Drawn:
    """A drawn flow."""

    specs: tuple[Spec, ...]
    references: tuple[int, ...]


def acts(names: list[str]) -> st.SearchStrategy[list[str]]:
    return st.lists(st.sampled_from(names), max_size=3)


@cache
def specs(index: int) -> st.SearchStrategy[Spec]:
    """Return a task that stands behind `index` others."""
    kinds = st.sampled_from(["wait", "value", "value", "each", "each"])
    upstream = st.tuples(st.integers(max(0, index - 4), max(0, index - 1)), kinds)
    script = st.builds(lambda first, last: (*first, last), acts(BODY_FIRST), st.sampled_from(BODY_LAST))
    gate = st.builds(lambda first, last: (*first, last), acts(GATE_FIRST), st.sampled_from(GATE_LAST))
    options = st.fixed_dictionaries(
        {},
        optional={
            "max_retries": st.integers(0, 2),
            "retry_limit": st.integers(0, 2),
            "max_turns": st.integers(1, 3),
            "skip_on_upstream_skip": st.booleans(),
        },
    )
    return st.builds(
        Spec,
        upstreams=st.lists(upstream, min_size=1, max_size=3).map(tuple) if index % 6 else st.just(()),
        scripts=st.lists(script, min_size=1, max_size=3).map(tuple),
        gates=st.none() | gate,
        trigger=st.sampled_from(TRIGGERS),
        length=st.integers(0, 3),
        options=options,
    )


@st.composite
def flows(draw: st.DrawFn, most: int = 12) -> Drawn:
    """Return a flow of up to `most` tasks."""
    count = draw(st.integers(1, most))
    chosen = draw(st.lists(st.integers(0, count - 1), max_size=3, unique=True))
    return Drawn(tuple(draw(specs(index)) for index in range(count)), tuple(chosen))


class World:
    """What the tasks of one flow have done so far."""

    def __init__(self) -> None:
        self.done: Counter[tuple[str, int, int | None]] = Counter()

    def act(self, kind: str, place: int, script: tuple[str, ...]) -> str | None:
        """Return the next act of a task, gate or child; None behind the end."""
        key = (kind, place, context.map_index)
        self.done[key] += 1
        return script[self.done[key] - 1] if self.done[key] <= len(script) else None


class Scripted(Task):
    """A task that does as its script says."""

    def __init__(self, place: int, spec: Spec, world: World) -> None:
        self.place, self.spec, self.world = place, spec, world
        trigger = getattr(triggers, spec.trigger) if spec.gates is None else self.gate
        super().__init__(f"t{place}", trigger=trigger, **spec.options)

    def run(self, **inputs: object) -> list[int]:
        script = self.spec.scripts[(context.map_index or 0) % len(self.spec.scripts)]
        act = self.world.act("body", self.place, script)
        if act in (None, "return"):
            return list(range(self.spec.length))
        raise raised(str(act))

    def gate(self, upstreams: object) -> bool:
        act = self.world.act("gate", self.place, self.spec.gates or ())
        if act in (None, "yes", "no"):
            return act != "no"
        raise raised(str(act))


def raised(act: str) -> BaseException:
    """Return what an act raises."""
    name, _, carried = act.partition(" ")
    if name == "ENDRUN":
        timed = states.Scheduled("later", start_time=PAST) if carried == "Scheduled then" else None
        return ENDRUN(timed or BY_NAME[carried]("ended"))
    if name == "PAUSE" and carried:
        return signals.PAUSE("soon", start_time=PAST)
    builtin = {"ValueError": ValueError, "SystemExit": SystemExit}.get(name)
    return builtin(name) if builtin else getattr(signals, name)(name, result=[7])


def built(drawn: Drawn, world: World) -> Flow:
    """Return the flow that was drawn."""
    flow = Flow("drawn")
    nodes: list[Task] = []
    for place, spec in enumerate(drawn.specs):
        node = flow.add_task(Scripted(place, spec, world))
        for number, (above, kind) in enumerate(spec.upstreams):
            flow.add_edge(nodes[above], node, None if kind == "wait" else f"a{number}", kind == "each")
        nodes.append(node)
    if drawn.references:
        flow.set_reference_tasks([nodes[place] for place in drawn.references])
    return flow


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
