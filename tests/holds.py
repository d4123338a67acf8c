"""What must hold of a run, read from its story alone: the list of the design, as predicates over steps."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator

from interlock import Run, Step
from interlock._flow_runner import FlowRunner
from interlock.states import Paused, State

Rule = Callable[[Run, list[Step]], bool]


def path(run: Run, steps: list[Step]) -> bool:
    """P1, R2, R8: each step begins where the last one ended, is a choice of its cell, and replayed gives this run."""
    cells = run.machine.rows
    joined = all(after.before == before.after for before, after in itertools.pairwise(steps))
    known = all(step.after in cells[step.before][step.signal].targets for step in steps)
    return joined and known and run.story.replay() == run


def final_for_ever(run: Run, steps: list[Step]) -> bool:
    """R1: nothing leaves a final state."""
    return not any(step.before in run.machine.final for step in steps)


def started(run: Run, steps: list[Step]) -> bool:
    """R3: of a task run only START enters Running, never out of Paused; a flow run may be resumed, too."""
    entered = [step for step in steps if step.after == "Running"]
    if run.machine.name == "flow-run":
        return all(step.signal in ("START", "RESUME") for step in entered)
    return all(step.signal == "START" and step.before != "Paused" for step in entered)


def earned(run: Run, steps: list[Step]) -> bool:
    """R4: plain Success is entered from a gate's verdict, the Running family, or by ENDRUN."""
    family = run.machine.family
    gates = {*family("Pending"), *(family("Looped") if "Looped" in run.machine.states else ())} - {*family("Paused")}
    from_here = gates | {*family("Running")}
    return all(step.signal == "ENDRUN" or step.before in from_here for step in steps if step.after == "Success")


def bounded(run: Run, steps: list[Step]) -> bool:
    """R5: failures are retried as often as `max_retries` says, RETRY as `retry_limit`, and turns as `max_turns`."""
    retried = [step.signal == "RETRY" for step in steps if step.after == "Retrying"]
    turns = sum(step.after == "Looped" for step in steps)
    asked, failed = sum(retried), len(retried) - sum(retried)
    limits = run.limits
    within = [("max_retries", failed), ("retry_limit", asked), ("max_turns", turns + 1)]
    return all(count <= limits.get(name, count) for name, count in within)


def waits_for_a_person(_run: Run, steps: list[Step]) -> bool:
    """R6: Paused is left by RESUME, CANCEL, BROKEN or ENDRUN alone."""
    ways = {"RESUME", "CANCEL", "BROKEN", "ENDRUN"}
    return all(step.signal in ways for step in steps if step.before == "Paused")


def can_be_cancelled(run: Run, steps: list[Step]) -> bool:
    """R7: CANCEL is accepted wherever the run was, but where it is over."""
    seen = {run.machine.initial, *(step.after for step in steps)} - run.machine.final
    return all("CANCEL" in run.machine.accepts(state) for state in seen)


def one_outcome(run: Run, steps: list[Step]) -> bool:
    """A2: an attempt is left once, where there are attempts."""
    held = run.machine.family("Running")
    left = [step.attempt for step in steps if step.attempt and step.before in held and step.after not in held]
    return len(left) == len(set(left))


def carried(run: Run, steps: list[Step]) -> bool:
    """E1, E4: ENDRUN leads where it may, and nowhere else."""
    cells = run.machine.rows
    return all(step.after in cells[step.before]["ENDRUN"].carries for step in steps if step.signal == "ENDRUN")


def chosen(run: Run, steps: list[Step]) -> bool:
    """P1: a plugin replaces and chooses only signals that it may; every substitution names who made it."""
    signals = run.machine.signals
    swaps = [step for step in steps if step.asked is not None or step.plugin is not None]
    return all(
        step.plugin and signals[step.signal].plugins == "free" and signals[str(step.asked)].plugins != "told"
        for step in swaps
    )


RULES: tuple[Rule, ...] = (
    path,
    final_for_ever,
    started,
    earned,
    bounded,
    waits_for_a_person,
    can_be_cancelled,
    one_outcome,
    carried,
    chosen,
)


def broken_rules(run: Run) -> list[str]:
    """Return the names of the rules that the story of a run does not keep."""
    steps = list(run.story)
    assert run.story.skipped == 0  # else a predicate sees but the end of it
    return [rule.__name__ for rule in RULES if not rule(run, steps)]


def runs_of(runner: FlowRunner) -> Iterator[Run]:
    """Yield the run of a flow, and those of its tasks and their children."""
    yield runner.run
    yield from (each.run for each in runner.board.all())


def check(runner: FlowRunner, state: State | None = None) -> None:
    """See that all runs of a flow keep the rules; and where it has come to rest in a state, that it is one to rest in.

    F1: a flow that is over has task runs that are over or closed.
    """
    broken = {f"{run.machine.name}: {run.story}": broken_rules(run) for run in runs_of(runner)}
    assert {story: rules for story, rules in broken.items() if rules} == {}
    if state is None:
        return
    for each in runner.board.all():
        assert type(each.state).__name__ == each.run.state
        assert each.over is each.run.is_final
    assert type(state).__name__ == runner.run.state
    open_runs = [each for each in runner.board.all() if not each.run.is_final and not each.run.closed]
    if state.is_finished():
        assert open_runs == []
    else:
        assert isinstance(state, Paused)
