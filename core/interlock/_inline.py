"""The in-line driver: carries out the commands of a flow runner one after the other, in the caller's thread.

This is one of the few places that read the clock, make ids, sleep, and mind Ctrl-C.
"""

from __future__ import annotations

import signal
import threading
import time
import uuid
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from types import CoroutineType, FrameType, TracebackType
from typing import Any, Self

from interlock._capture import capture, failure
from interlock._commands import Call, Done, Look, Store
from interlock._edges import building
from interlock._ends import begins_over, kept
from interlock._errors import FlowError, listed, suggest
from interlock._flow import Flow
from interlock._flow_runner import FlowRunner, Watch
from interlock._gone import RUN_OPTIONS, sentence
from interlock._hooks import hooks_of
from interlock._plan import Plan, plan
from interlock._results import rested
from interlock._task_payload import moment
from interlock._tasks import Task
from interlock._timed import GRACE, LOOK, Behind, timed
from interlock.results import caches
from interlock.signals import Signal
from interlock.states import Scheduled, State

LONGEST_NAP = 3600.0  # seconds: the clock may be set while we sleep, so it is read again now and then


def run(
    flow: Flow,
    parameters: Mapping[str, Any],
    context: Mapping[str, Any],
    plugins: Any,
    watch: Watch | None = None,
    task_states: Mapping[object, State] | None = None,
    state: State | None = None,
) -> State:
    """Run a flow from its beginning. See `Flow.run`; any: as there."""
    if building.get() is flow:
        raise FlowError(f"flow {flow.name!r} is still being built; run it behind its `with` block")
    if state is not None and begins_over(flow, state):
        return state
    layers = {**_layers(flow, _given(flow, parameters), context.get("date")), **context}
    layers["date"] = _date(flow, layers["date"])
    runner = FlowRunner(plan(flow), layers, hooks=hooks_of(plugins), watch=watch)
    earlier = state.result if state is not None and isinstance(state.result, Mapping) else {}
    given = _given_states(flow, runner.plan, {**earlier, **(task_states or {})})
    runner.start(time.time(), given, state.start_time if isinstance(state, Scheduled) else None)
    return drive(runner)


def resume(
    flow: Flow,
    state: State,
    tasks: Iterable[object] | None,
    plugins: Any,
    watch: Watch | None = None,
    signals: Mapping[object, Signal] | None = None,
    context: Mapping[str, Any] | None = None,
) -> State:
    """Go on with a flow that rests. See `Flow.resume`; any: as there."""
    nodes = plan(flow)
    result = rested(state, flow.name, nodes.slugs)
    said = {_slug(nodes, task): given for task, given in (signals or {}).items()}
    for slug, given in said.items():
        if not isinstance(given, Signal):
            raise FlowError(
                f"flow {flow.name!r}: signals: {given!r}, for {slug!r}, is no signal; give one such as SKIP()"
            )
    one = isinstance(tasks, Task | str)  # what a person most likely has at hand
    chosen = None if tasks is None else [*(_slug(nodes, task) for task in ([tasks] if one else tasks)), *said]
    layers = {**_layers(flow, result.parameters), **result.context, **(context or {})}
    runner = FlowRunner(nodes, layers, hooks=hooks_of(plugins), watch=watch)
    runner.resume(result, chosen, time.time(), said)
    return drive(runner)


def _slug(nodes: Plan, task: object) -> str:
    if isinstance(task, Task) and task in nodes.slug_of:
        return nodes.slug_of[task]
    return task if isinstance(task, str) else str(getattr(task, "slug", task))


def drive(runner: FlowRunner) -> State:
    """Carry out a runner's commands until its flow run rests, and return the state.

    Ctrl-C cancels the flow run: the body that is being called gets the `KeyboardInterrupt`, and nothing else starts. A
    second one, while the first is being seen to, leaves at once.
    """
    behind = Behind()
    with Interrupts() as interrupts:
        now = time.time()
        while True:
            if behind.bodies:
                for ended in behind.ended():
                    runner.release(ended, now)
            if interrupts.pending:
                interrupts.pending = False
                runner.cancel(now)
            command = runner.next(now)
            if isinstance(command, Call):
                if command.runner.node.limit is None or isinstance(command, Look | Store):
                    outcome = _outcome(command, interrupts)
                    now = time.time()
                else:
                    outcome, left = _limited(command, command.runner.node.limit, interrupts, behind)
                    now = time.time()
                    if left:
                        runner.hold(command.runner, now + GRACE)
                if interrupts.pending:
                    interrupts.pending = False
                    runner.cancel(now)
                runner.receive(command, outcome, now)
            elif isinstance(command, Done):
                if interrupts.pending and not runner.run.is_final:
                    continue  # Ctrl-C came while the last thing was decided: what rests is cancelled too
                behind.tell()
                if runner.plan.caching:
                    _keep(runner, moment(now))
                return command.state
            else:
                assert command.until is not None  # nothing is under way beside us
                _sleep(min(command.until - now, LOOK) if behind.bodies else command.until - now, interrupts)
                now = time.time()


def _keep(runner: FlowRunner, now: datetime) -> None:
    """Keep results for later flow runs of this process."""
    caches.expire(now)
    for key, state in kept(runner.plan, runner.board.runners):
        caches.keep(key, state)


def _limited(call: Call, limit: float, interrupts: Interrupts, behind: Behind) -> tuple[Signal, bool]:
    try:
        interrupts.let_in()
        outcome, left = timed(call, limit, _called, behind)
        interrupts.allowed = False
        return outcome, left
    except KeyboardInterrupt as error:
        interrupts.allowed = False
        interrupts.pending = True
        return failure(error), False


def _called(call: Call) -> Signal:
    outcome = _logged(call) if call.runner.node.logs else capture(call.function, call.arguments, call.layers)
    if type(outcome.fields.get("result")) is CoroutineType:
        outcome = capture(_finished, {"work": outcome.result}, call.layers)
    return outcome


def _outcome(call: Call, interrupts: Interrupts) -> Signal:
    try:
        interrupts.allowed = True  # `let_in`, written out
        if interrupts.pending:
            raise KeyboardInterrupt
        outcome = _logged(call) if call.runner.node.logs else capture(call.function, call.arguments, call.layers)
        if type(outcome.fields.get("result")) is CoroutineType:
            outcome = capture(_finished, {"work": outcome.result}, call.layers)
        interrupts.allowed = False
        return outcome
    except KeyboardInterrupt as error:
        interrupts.allowed = False
        interrupts.pending = True
        return failure(error)


def _logged(call: Call) -> Signal:
    from interlock._stdout import logged

    with logged(call.layers):
        outcome = capture(call.function, call.arguments, call.layers)
        if type(outcome.fields.get("result")) is CoroutineType:
            outcome = capture(_finished, {"work": outcome.result}, call.layers)
        return outcome


def _finished(work: CoroutineType[Any, Any, Any]) -> Any:
    """Return what an async body gives. Any: the user's."""
    import asyncio

    return asyncio.run(work)


def _sleep(seconds: float, interrupts: Interrupts) -> None:
    try:
        interrupts.let_in()
        time.sleep(max(0.0, min(seconds, LONGEST_NAP)))
        interrupts.allowed = False
    except KeyboardInterrupt:
        interrupts.allowed = False
        interrupts.pending = True


class Interrupts:
    """Keeps Ctrl-C away from the runner: it is let through while a body is called or nothing is done, else kept.

    Outside of the main thread, or where somebody else handles the signal, nothing is changed.
    """

    def __init__(self) -> None:
        self.pending = False
        """Whether a Ctrl-C came that the runner does not know of."""
        self.allowed = False
        """Whether one that comes now is raised where we are."""
        self._came = 0
        self._ours = False

    def let_in(self) -> None:
        """From here on, raise what comes, and what has come."""
        self.allowed = True
        if self.pending:
            raise KeyboardInterrupt

    def __enter__(self) -> Self:
        main = threading.current_thread() is threading.main_thread()
        self._ours = main and signal.getsignal(signal.SIGINT) is signal.default_int_handler
        if self._ours:
            signal.signal(signal.SIGINT, self._handle)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._ours:
            signal.signal(signal.SIGINT, signal.default_int_handler)

    def _handle(self, number: int, frame: FrameType | None) -> None:
        self._came += 1
        self.pending = True  # also where it is raised: the body may swallow it
        if self.allowed or self._came > 1:
            raise KeyboardInterrupt


def _given_states(flow: Flow, nodes: Plan, given: Mapping[object, State]) -> dict[str, State]:
    """Return states that task runs are to begin in, by slug."""
    found: dict[str, State] = {}
    for task, state in given.items():
        slug = _slug(nodes, task)
        if slug not in nodes.slugs:
            raise FlowError(
                f"flow {flow.name!r}: task_states: no task has the slug {slug!r}.{suggest(slug, nodes.slugs)}"
            )
        if not isinstance(state, State):
            raise FlowError(f"flow {flow.name!r}: task_states: {state!r}, for {slug!r}, is no state")
        found[slug] = state
    return found


def raised_by(flow: Flow, state: State) -> BaseException:
    """Return what a failed flow run is to be raised as: what the first of its failed tasks raised."""
    failed = [(task, ended) for task, ended in state.result.items() if ended.is_failed()] if state.result else []
    for _, ended in failed:
        if isinstance(ended.result, BaseException) and not isinstance(ended.result, Signal):
            return ended.result
    why = "".join(f"; {task!r} ended in {ended!r}" for task, ended in failed[:1])
    return FlowError(f"flow {flow.name!r}: it ended in {state!r}{why}")


def _given(flow: Flow, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Return a value for each parameter of a flow."""
    known = {parameter.name: parameter for parameter in flow.parameters()}
    for name in parameters:
        if name in RUN_OPTIONS and name not in known:
            raise FlowError(sentence(f"flow {flow.name!r}", f"run({name}=...)", RUN_OPTIONS[name]))
        if name not in known:
            near = suggest(name, known)
            raise FlowError(f"flow {flow.name!r} has no parameter {name!r}; it has: {listed(known, 'none')}.{near}")
    missing = [name for name, parameter in known.items() if parameter.required and name not in parameters]
    if missing:
        raise FlowError(f"flow {flow.name!r} needs a value for its parameter {missing[0]!r}: run({missing[0]}=...)")
    return {
        name: parameter.taken(parameters[name]) if name in parameters else parameter.default
        for name, parameter in known.items()
    }


def _date(flow: Flow, given: object) -> datetime:
    """Return the date that a flow run is for, as it was given in the context; now otherwise."""
    if given is None:
        return datetime.now(UTC)
    try:
        date = datetime.fromisoformat(given) if isinstance(given, str) else given
    except ValueError:
        date = None
    if not isinstance(date, datetime):
        raise FlowError(f"flow {flow.name!r}: context: date={given!r}; it must be a datetime, or a text in ISO 8601")
    return date.replace(tzinfo=UTC) if date.tzinfo is None else date


def _layers(flow: Flow, parameters: Mapping[str, Any], given: object = None) -> dict[str, Any]:
    """Return the context of a flow run. Any: the values have no common type."""
    date = _date(flow, given)
    days = {"yesterday": date - timedelta(days=1), "today": date, "tomorrow": date + timedelta(days=1)}
    identity = str(uuid.uuid4())
    return {
        "caches": caches,
        "flow_id": flow.name,
        "flow_name": flow.name,
        "flow_run_id": identity,
        "flow_run_name": f"{flow.name}-{identity[:8]}",
        "parameters": dict(parameters),
        "date": date,
        "scheduled_start_time": date,
        **{name: day.strftime("%Y-%m-%d") for name, day in days.items()},
        **{f"{name}_nodash": day.strftime("%Y%m%d") for name, day in days.items()},
    }
