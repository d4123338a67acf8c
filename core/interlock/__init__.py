"""Interlock: a formally specified life cycle for runs of work.

A signal and the state that a run is in give the next state, by one table that is written down, checked, drawn and
enforced. `Machine` and `Run` are that core, for any life cycle; `task` and `Flow` are a small engine on top of it.
"""

import typing as _typing

from interlock import cache_validators, control_flow, notifications, results, signals, states, triggers
from interlock._apply import apply_map
from interlock._context import context
from interlock._discovery import load_plugins
from interlock._edges import flatten, mapped, tags, unmapped
from interlock._errors import (
    FlowError,
    GuardError,
    InterlockError,
    NestedSend,
    NoTransition,
    PluginError,
    ReplayError,
    SpecError,
    SpecMismatch,
    StoredError,
)
from interlock._exports import draw
from interlock._extension import Extension
from interlock._flow import Flow
from interlock._hooks import RunView, hookimpl
from interlock._imported import Import
from interlock._machine import Machine
from interlock._options import exponential_backoff
from interlock._plugins import Plugins
from interlock._resources import resource_manager
from interlock._run import Run
from interlock._story import Step, Story
from interlock._tasks import Task, task
from interlock._values import DateTimeParameter, Parameter
from interlock.control_flow import case, ifelse, merge, pause_task, switch

__all__ = [
    "DateTimeParameter",
    "Extension",
    "Flow",
    "FlowError",
    "GuardError",
    "Import",
    "InterlockError",
    "Machine",
    "NestedSend",
    "NoTransition",
    "Parameter",
    "PluginError",
    "Plugins",
    "ReplayError",
    "Run",
    "RunView",
    "SpecError",
    "SpecMismatch",
    "Step",
    "StoredError",
    "Story",
    "Task",
    "apply_map",
    "cache_validators",
    "case",
    "context",
    "control_flow",
    "draw",
    "exponential_backoff",
    "flatten",
    "hookimpl",
    "ifelse",
    "load_plugins",
    "mapped",
    "merge",
    "notifications",
    "pause_task",
    "resource_manager",
    "results",
    "signals",
    "states",
    "switch",
    "tags",
    "task",
    "triggers",
    "unmapped",
]

if not _typing.TYPE_CHECKING:  # a type checker is to say itself that a name is not there

    def __getattr__(name: str) -> object:
        from interlock import _gone

        if name in ("executors", "testing"):  # parts that are loaded when they are used
            import importlib

            return importlib.import_module(f"interlock.{name}")
        if name in _gone.NAMES:
            # An ImportError, for of an AttributeError `from interlock import ...` tells nothing.
            raise ImportError(_gone.sentence("interlock", name, _gone.NAMES[name]), name=f"interlock.{name}")
        raise AttributeError(f"module 'interlock' has no attribute {name!r}")
