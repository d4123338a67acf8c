"""Quarantine: an element of a map that fails too often is set aside, and the rest goes on, with a report."""

from __future__ import annotations

import json
import logging
import reprlib
import traceback
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import attrs

from interlock import Extension, RunView, Step, context, hookimpl
from interlock.signals import FAIL, LOST, TIMEOUT, TRIGGERFAIL, VALIDATIONFAIL, Signal
from interlock.states import Retrying, Running, Skipped

__all__ = ["EXTENSION", "QUARANTINE", "Quarantine", "Quarantined", "SetAside"]


@attrs.frozen(repr=False)
class Quarantined(Skipped):
    """Its element was set aside: `message` says how it failed last.

    Attributes:
        error: what was raised then, with its traceback, as text: it can be read in every process.
        failures: how often it failed.
    """

    error: str | None = None
    failures: int = 0


class QUARANTINE(Signal):
    """This element is to be set aside. A body may raise it, too, where it knows that no retry will help."""

    __slots__ = ()
    leads_to = Quarantined


EXTENSION = Extension.load(
    Path(__file__).with_name("quarantine.toml"), module=__name__, classes=[Quarantined, QUARANTINE]
)
FAILURES = (FAIL, VALIDATIONFAIL, TRIGGERFAIL, TIMEOUT, LOST)
"""The signals that are failures. RETRY is none: the work asked for another attempt itself."""
NAMES = frozenset(kind.__name__ for kind in FAILURES)


@attrs.frozen
class SetAside:
    """An element that was set aside.

    Attributes:
        flow_run_id: the flow run that it was set aside in.
        flow: the name of the flow.
        task: the slug of the mapped task.
        index: the number of the element, from 0; None where a task that is not mapped said QUARANTINE.
        inputs: what the body was called with. Any: the user's.
        error: how it failed last, in a line.
        traceback: what was raised then, with its traceback.
        failures: how often it failed.
        at: when it was set aside, in seconds since 1970.
    """

    flow_run_id: str
    flow: str
    task: str
    index: int | None
    inputs: Mapping[str, Any]
    error: str | None
    traceback: str | None
    failures: int
    at: float | None

    @property
    def name(self) -> str:
        """Its task and number, as `interlock resume` and `handle.send` name them."""
        return self.task if self.index is None else f"{self.task}[{self.index}]"

    def to_json(self) -> str:
        """Return a line of JSON; of the inputs it has a short text each."""
        inputs = {name: reprlib.repr(value) for name, value in self.inputs.items()}
        return json.dumps({**attrs.asdict(self, recurse=False), "inputs": inputs})


class Quarantine:
    """The plugin.

    Args:
        after: with which failure an element is set aside, whether it would be given another attempt or not.
        last: whether its last failure is enough, where its task gives it fewer attempts than that.
        at_most: how many elements of one map are set aside; the others fail as they would. All otherwise.
        tags: only of tasks that have one of these, a name or several; of all otherwise.
        to: a file to which a line of JSON is added for each element, when its flow run rests.

    Raises:
        ValueError: a number has no meaning.
    """

    def __init__(
        self,
        after: int = 3,
        last: bool = False,
        at_most: int | None = None,
        tags: str | Iterable[str] | None = None,
        to: str | Path | None = None,
    ) -> None:
        for name, number, least in (("after", after, 1), ("at_most", 0 if at_most is None else at_most, 0)):
            if type(number) is not int or number < least:
                raise ValueError(f"{name}={number!r}; it must be a whole number from {least} on")
        self._after = after
        self._last = last
        self._most = at_most
        self._tags = None if tags is None else frozenset([tags] if isinstance(tags, str) else tags)
        self._to = None if to is None else Path(to)
        self._said: dict[str, Quarantined] = {}  # by task run: what is about to be set aside
        self._found: list[SetAside] = []
        self._untold: list[SetAside] = []
        self._counts: Counter[tuple[str, str]] = Counter()  # by flow run and task: how many were set aside

    def report(self, flow_run_id: str | None = None) -> tuple[SetAside, ...]:
        """Return what was set aside, in order: in one flow run, or in all that used this object."""
        return tuple(each for each in list(self._found) if flow_run_id in (None, each.flow_run_id))

    def clear(self) -> None:
        """Forget what was set aside: for programs that run flows for ever."""
        self._found.clear()

    @hookimpl
    def extend(self, lifecycle: str) -> Extension | None:
        """Add QUARANTINE and Quarantined to task runs."""
        return EXTENSION if lifecycle == EXTENSION.lifecycle else None

    @hookimpl
    def before_step(self, run: RunView, signal: object) -> Signal | None:
        """Set an element aside that has failed too often."""
        if not isinstance(signal, Signal) or run.lifecycle != EXTENSION.lifecycle or run.state != Running.__name__:
            return None
        who = context.get("task_run_id")
        if who is None or not (self._tags is None or self._tags.intersection(context.task_tags)):
            return None
        answer = self._failed(run, signal) if isinstance(signal, FAILURES) else None
        said = answer or signal
        if isinstance(said, QUARANTINE):
            self._said[who] = Quarantined(said.message, **said.fields)
        return answer

    def _failed(self, run: RunView, signal: Signal) -> QUARANTINE | None:
        if context.map_index is None:
            return None
        if self._most is not None and self._counts[context.flow_run_id, context.task_slug] >= self._most:
            return None
        failures = 1 + sum(step.signal in NAMES for step in run.story)
        hopeless = self._last and run.next(signal) != Retrying.__name__
        if failures < self._after and not hopeless:
            return None
        return QUARANTINE(signal.message, error=_text(signal), failures=failures)

    @hookimpl
    def after_step(self, run: RunView, step: Step) -> None:
        """Take note of what was set aside."""
        if step.after != Quarantined.__name__ or run.lifecycle != EXTENSION.lifecycle:
            return
        state = self._said.pop(context.get("task_run_id"), None)
        if state is None:
            return  # another plugin set it aside
        found = SetAside(
            flow_run_id=context.flow_run_id,
            flow=context.flow_name,
            task=context.task_slug,
            index=context.map_index,
            inputs=context.get("task_inputs", {}),
            error=state.message,
            traceback=state.error,
            failures=state.failures,
            at=step.at,
        )
        self._counts[found.flow_run_id, found.task] += 1
        self._found.append(found)
        self._untold.append(found)

    @hookimpl
    def after_flow(self) -> None:
        """Log what was set aside in a flow run that rests, and add it to the file."""
        mine = [each for each in list(self._untold) if each.flow_run_id == context.flow_run_id]
        for each in mine:
            self._untold.remove(each)
        if not mine:
            return
        mine.sort(key=lambda each: (each.task, -1 if each.index is None else each.index))
        names = ", ".join(f"{each.name} ({each.error})" for each in mine[:10])
        more = f" and {len(mine) - 10} more" if len(mine) > 10 else ""
        logging.getLogger("interlock.quarantine").warning(
            "flow %r: set aside %d of its elements: %s%s", context.flow_name, len(mine), names, more
        )
        if self._to is not None:
            with self._to.open("a", encoding="utf-8") as file:
                file.writelines(f"{each.to_json()}\n" for each in mine)


def _text(signal: Signal) -> str | None:
    """Return what was raised, with its traceback, as text."""
    if isinstance(signal.result, BaseException):
        return "".join(traceback.format_exception(signal.result))
    return signal.message
