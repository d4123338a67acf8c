"""Interlock as a state machine: a step, a short life, what a run keeps, an observer, an import, the shipped tables."""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter
from typing import Any

import interlock

from .clock import Measure, imported, lives, paired, per_operation

TABLE = """
lifecycle = "life"
initial = "pending"

[states]
pending = { means = "not begun" }
running = { means = "under way" }
retrying = { means = "failed, to be tried again" }
success = { final = true, means = "done" }
failed = { final = true, means = "failed for good" }

[signals]
start = { means = "begin" }
fail = { means = "it failed" }
retry = { means = "once more" }
succeed = { means = "it is done" }

[limits]
failures = { default = 1_000_000_000_000, means = "failures that are forgiven" }

[guards]
forgiven = { when = "taken(fail) < failures", means = "it may be tried again" }

[from]
pending.start = "running"
running.fail = ["retrying if forgiven", "failed"]
running.succeed = "success"
retrying.retry = "pending"
"""


PLAIN = (
    TABLE.partition("[limits]")[0].replace('"once more"', '"once more", recurs = "it may"')
    + """
[from]
pending.start = "running"
running.fail = "retrying"
running.succeed = "success"
retrying.retry = "pending"
retrying.fail = "failed"
"""
)
"""The same without the guard: nothing is counted."""


class Model:
    """What `transitions` moves. Any: its triggers are put on it."""


class Observer:
    """Is told of every step, and does nothing."""

    @interlock.hookimpl
    def after_step(self, run: interlock.RunView, step: interlock.Step) -> None:
        pass


def steps(make: Callable[[], interlock.Run], cycle: tuple[str, str, str], seconds: float) -> list[float]:
    """Measure a step of one run that goes round: `Run.send`, safe for threads, with story and counts."""
    send = make().send
    first, second, third = cycle

    def turns(number: int) -> None:
        for _ in range(number):
            send(first)
            send(second)
            send(third)

    return per_operation(turns, 3, seconds)


CYCLE = ("start", "fail", "retry")


def step(seconds: float) -> list[float]:
    """Measure a step: one of three is guarded by a count, and is counted."""
    machine = interlock.Machine.from_toml(TABLE)
    return steps(lambda: interlock.Run(machine), CYCLE, seconds)


def task_step(seconds: float) -> list[float]:
    """Measure a step in the shipped table, which also counts the attempts: a task that fails and fails."""
    machine = interlock.Machine.load("task-run")
    return steps(lambda: interlock.Run(machine, {"retry_limit": 10**12}), ("START", "RETRY", "SCHEDULE"), seconds)


def triggers(guarded: bool, compiled: bool) -> Callable[[float], list[float]]:
    """Return what measures a trigger of the machine that `to_transitions` makes; where guarded, one of three is."""
    text = TABLE if guarded else PLAIN

    def measure(seconds: float) -> list[float]:
        model: Any = Model()
        interlock.Machine.from_toml(text).to_transitions(model, compiled=compiled)
        first, second, third = (getattr(model, signal) for signal in CYCLE)

        def turns(number: int) -> None:
            for _ in range(number):
                first()
                second()
                third()

        return per_operation(turns, 3, seconds)

    return measure


def observer(seconds: float) -> list[float]:
    """Measure how much more a step takes with one observer."""
    machine = interlock.Machine.from_toml(TABLE)
    return paired(
        lambda part: steps(lambda: interlock.Run(machine, plugins=[Observer()]), CYCLE, part),
        lambda part: steps(lambda: interlock.Run(machine), CYCLE, part),
        seconds,
    )


def _lived() -> Callable[[], interlock.Run]:
    machine = interlock.Machine.from_toml(TABLE)

    def life() -> interlock.Run:
        run = interlock.Run(machine)
        send = run.send
        send("start")
        send("fail")
        send("retry")
        send("start")
        send("succeed")
        return run

    return life


def load(_seconds: float) -> list[float]:
    """Measure reading, checking and compiling both shipped tables, in milliseconds: once in a process."""
    begin = perf_counter()
    interlock.Machine.load("task-run")
    interlock.Machine.load("flow-run")
    return [(perf_counter() - begin) * 1e3]


MEASURES = [
    Measure("step", "Interlock", step, ours=True),
    Measure("step", "Interlock, task-run table", task_step, ours=True),
    Measure("trigger", "Interlock, compiled", triggers(False, True), ours=True),
    Measure("trigger", "Interlock, compiled, one of three guarded and counted", triggers(True, True), ours=True),
    Measure("trigger", "Interlock, not compiled", triggers(False, False), ours=True, budgeted=False),
    *lives("Interlock", _lived, ours=True),
    Measure("observer", "Interlock", observer, ours=True),
    Measure("import", "Interlock", imported("interlock"), ours=True),
    Measure("load", "Interlock", load, ours=True),
]
