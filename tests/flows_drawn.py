"""Drawn flows: random graphs, maps, gates and bodies that do as a script says."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from functools import cache
from typing import Any

import attrs
from hypothesis import strategies as st

from interlock import Flow, Task, context, signals, states, triggers
from interlock.signals import ENDRUN
from interlock.states import BY_NAME

PAST = datetime(2000, 1, 1, tzinfo=UTC)

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
