"""What a flow run is given: parameters, context, states to begin in."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from interlock._drive import now
from interlock._errors import FlowError, listed, suggest
from interlock._flow import Flow
from interlock._gone import RUN_OPTIONS, sentence
from interlock._plan import Plan
from interlock._task_payload import moment
from interlock._tasks import Task
from interlock.results import caches
from interlock.states import State


def parameters_of(flow: Flow, parameters: Mapping[str, Any]) -> dict[str, Any]:
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


def layers_of(flow: Flow, parameters: Mapping[str, Any], given: object = None) -> dict[str, Any]:
    """Return the context of a flow run. Any: the values have no common type."""
    date = date_of(flow, given)
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


def date_of(flow: Flow, given: object) -> datetime:
    """Return the date that a flow run is for, as it was given in the context; now otherwise."""
    if given is None:
        return moment(now())
    try:
        date = datetime.fromisoformat(given) if isinstance(given, str) else given
    except ValueError:
        date = None
    if not isinstance(date, datetime):
        raise FlowError(f"flow {flow.name!r}: context: date={given!r}; it must be a datetime, or a text in ISO 8601")
    return date.replace(tzinfo=UTC) if date.tzinfo is None else date


def states_of(flow: Flow, nodes: Plan, given: Mapping[object, State]) -> dict[str, State]:
    """Return states that task runs are to begin in, by slug."""
    found: dict[str, State] = {}
    for task, state in given.items():
        slug = slug_of(nodes, task)
        if slug not in nodes.slugs:
            raise FlowError(
                f"flow {flow.name!r}: task_states: no task has the slug {slug!r}.{suggest(slug, nodes.slugs)}"
            )
        if not isinstance(state, State):
            raise FlowError(f"flow {flow.name!r}: task_states: {state!r}, for {slug!r}, is no state")
        found[slug] = state
    return found


def slug_of(nodes: Plan, task: object) -> str:
    if isinstance(task, Task) and task in nodes.slug_of:
        return nodes.slug_of[task]
    return task if isinstance(task, str) else str(getattr(task, "slug", task))
