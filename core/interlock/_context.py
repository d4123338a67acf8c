"""The ambient view of the current run: `interlock.context`.

A `contextvars` variable holds whose context it is; a key is looked up when it is asked for, so that entering a task
costs one tuple.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from interlock._bodies import Seen
    from interlock._task_runner import TaskRunner

    Layers = tuple[Mapping[str, Any], TaskRunner | Seen | None]
    """The context of a flow run, and the task run in it that is under way. Any: the values have no common type."""

current: ContextVar[Layers] = ContextVar("interlock.context")
"""The layers of the run that is under way; who calls a body sets it, and sets it back."""
_NOTHING: Layers = ({}, None)


class Context(Mapping[str, Any]):
    """What a task, trigger or handler may know of the run that it is called in.

    Read it as a mapping or by attributes: `context.get("task_loop_result", 0)`, `context["parameters"]`,
    `context.map_index`. Outside of a run it is empty. Any: the values have no common type.
    """

    def __getitem__(self, key: str) -> Any:
        flow, runner = current.get(_NOTHING)
        if runner is not None and (known := KEYS.get(key)) is not None and (value := known(runner, flow)) is not ABSENT:
            return value
        return flow[key]

    def get(self, key: str, default: Any = None) -> Any:
        """Return the value of a key, or something else where there is none."""
        flow, runner = current.get(_NOTHING)
        if runner is not None and (known := KEYS.get(key)) is not None and (value := known(runner, flow)) is not ABSENT:
            return value
        return flow.get(key, default)

    def __getattr__(self, key: str) -> Any:
        try:
            return self[key]
        except KeyError:
            known = ", ".join(sorted(self)) or "nothing: no run is under way here"
            raise AttributeError(f"the context has no {key!r}; it has: {known}") from None

    def __setattr__(self, key: str, value: object) -> None:
        raise AttributeError(f"the context is only looked at: give {key}=... to flow.run(context={{...}})")

    def __iter__(self) -> Iterator[str]:
        flow, runner = current.get(_NOTHING)
        yield from flow
        if runner is not None:
            yield from (key for key, known in KEYS.items() if key not in flow and known(runner, flow) is not ABSENT)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def to_dict(self) -> dict[str, Any]:
        """Return all keys and values, as they are now."""
        return dict(self)

    def __repr__(self) -> str:
        return f"<Context: {', '.join(sorted(self))}>"


context = Context()
ABSENT = object()
"""Says that a task run has nothing under a key now."""


def _logger(runner: TaskRunner | Seen, flow: Mapping[str, Any]) -> Any:
    from interlock._log import TaskLogger

    return TaskLogger(
        runner.node.task.name,
        {
            "flow": flow.get("flow_name"),
            "flow_run_id": flow.get("flow_run_id"),
            "task": runner.node.task.name,
            "run": runner.name,
            "map_index": runner.index,
            "attempt": runner.attempt,
        },
    )


def _run_id(runner: TaskRunner | Seen, flow: Mapping[str, Any]) -> str:
    child = "" if runner.index is None else f"[{runner.index}]"
    return f"{flow.get('flow_run_id')}/{runner.node.slug}{child}"


def _said(runner: TaskRunner | Seen, key: str) -> Any:
    said = getattr(runner.data, key) if runner.data.resumed else None
    return ABSENT if said is None else said


KEYS: dict[str, Any] = {
    "task_name": lambda runner, _flow: runner.node.task.name,
    "task_full_name": lambda runner, _flow: runner.name,
    "task_id": lambda runner, _flow: runner.node.slug,
    "task_run_id": lambda runner, flow: _run_id(runner, flow),
    "task_slug": lambda runner, _flow: runner.node.slug,
    "task_tags": lambda runner, _flow: runner.node.task.tags,
    "task_run_name": lambda runner, _flow: ABSENT if runner.data.run_name is None else runner.data.run_name,
    "task_start_time": lambda runner, _flow: runner.began(),
    "map_index": lambda runner, _flow: runner.index,
    "task_run_count": lambda runner, _flow: runner.data.tries,
    "task_loop_count": lambda runner, _flow: runner.data.turn if runner.data.turn > 1 else ABSENT,
    "task_loop_result": lambda runner, _flow: runner.data.loop_result if runner.data.turn > 1 else ABSENT,
    "resume": lambda runner, _flow: True if runner.data.resumed else ABSENT,
    "answer": lambda runner, _flow: _said(runner, "answer"),
    "answered": lambda runner, _flow: _said(runner, "answered"),
    "checkpointing": lambda runner, _flow: runner.node.keeping is not None and runner.node.keeping.stores,
    "logger": _logger,
}
"""What a task run adds to the context of its flow run, by key. Any: each gives what it gives."""
