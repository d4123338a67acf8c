"""Interlock as a state machine: a step, a short life, what a run keeps, an observer, an import, the shipped tables."""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter

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
    *lives("Interlock", _lived, ours=True),
    Measure("observer", "Interlock", observer, ours=True),
    Measure("import", "Interlock", imported("interlock"), ours=True),
    Measure("load", "Interlock", load, ours=True),
]
