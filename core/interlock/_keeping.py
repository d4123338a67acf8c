"""Kept results: what is looked at before a body is called, and what is stored behind it."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import attrs

from interlock import cache_validators
from interlock._capture import Answer, capture, failure
from interlock._context import context, current
from interlock._data import Found
from interlock._errors import FlowError, shown
from interlock._options import limit, template
from interlock.cache_validators import Inputs, Validator
from interlock.results import LocalResult, Result, caches
from interlock.signals import FAIL
from interlock.states import Cached, State

if TYPE_CHECKING:
    from interlock._flow import Flow
    from interlock._tasks import Task

OWN = ("map_index", "task_full_name", "task_run_name", "task_run_id")
"""Keys of the context that differ between the children of a mapped task."""


@attrs.frozen
class Keeping:
    """How the results of a task are kept."""

    result: Result
    place: Callable[[Mapping[str, Any]], object]
    """The location, from what is known of a run. Any: its context and inputs."""
    target: bool
    """Whether what is there already serves."""
    stores: bool
    cache_for: float | None
    """For how many seconds a result serves other runs."""
    validator: Validator
    asks: bool
    """Whether the task says when a result serves; else one that is given does."""
    slug: str
    key: str
    """What tasks that share their results have in common."""

    def looks(self, given: State | None) -> bool:
        """Return whether there is something to look at before the start."""
        return self.target or self.cache_for is not None or given is not None

    def look(self, inputs: Mapping[str, Any], given: State | None, now: datetime) -> Found:
        """Return what serves in the place of the work. May raise whatever the user's code and the place raise.

        Args:
            inputs: what the body would be called with. Any: the user's.
            given: a state that the run was given to begin in.
            now: the time: what has expired serves nobody.
        """
        location = self._location(inputs) if self.target else None
        if location is not None and self.result.exists(location):
            return Found(Cached(f"The target {location} exists", _done(location, self.result.read, location)))
        if self.cache_for is None and given is None:
            return Found(None, location)
        known, parameters = Inputs(inputs), context.get("parameters", {})
        for state in self._candidates(known, given):
            expires = state.cached_result_expiration
            if (expires is None or expires > now) and _done(
                "cache_validator", self.validator, state, known, parameters
            ):
                return Found(state)
        return Found(None, location, known.digests, copied(parameters))

    def _candidates(self, inputs: Inputs, given: State | None) -> Iterator[Cached]:
        if isinstance(given, Cached):
            yield given
        if self.target or self.cache_for is None:
            return
        same = caches.with_inputs(self.key, inputs.digests)
        if same is not None:
            yield same
        if self.validator is not cache_validators.all_inputs:
            yield from caches.last(self.key)

    def store(self, location: str | None, inputs: Mapping[str, Any], value: object, turn: bool) -> str:
        """Store a result, and return where; that of a turn of a loop never at the target, for it is not the last one.

        May raise whatever the user's code and the place raise.
        """
        if turn and self.target:
            place = _own_place(self.slug)
        else:
            place = self._location(inputs) if location is None else location
        _done(place, self.result.write, place, value)
        return place

    def _location(self, inputs: Mapping[str, Any]) -> str:
        place = self.place({**context, **context.get("parameters", {}), **inputs})
        if not isinstance(place, str) or not place:
            raise TypeError(f"the location of its result is {shown(place)}; it must be a text")
        return place


def keeping_of(task: Task, flow: Flow, slug: str, mapped: set[str] | None) -> Keeping | None:
    """Return how a task's results are kept; None if they are not.

    Args:
        task: the task.
        flow: its flow.
        slug: what it is called there.
        mapped: the arguments that differ between its children, where it is mapped.

    Raises:
        FlowError: all children of a mapped task would have the same place.
    """
    result = flow.result if task.result is None else task.result
    stores = task.checkpoint is not False and not (result is None and task.target is None and task.checkpoint is None)
    if not stores and task.target is None and task.cache_for is None and task.cache_validator is None:
        return None
    result = LocalResult() if result is None else result
    given = result.location if task.target is None else task.target
    if mapped is not None and stores:
        _check_apart(task, given, mapped)
    return Keeping(
        result,
        template(task.name, "location", given) or (lambda _known: _own_place(slug)),
        task.target is not None,
        stores,
        limit(task.name, "cache_for", task.cache_for),
        task.cache_validator or cache_validators.all_inputs,
        task.cache_for is not None or task.cache_validator is not None,
        slug,
        task.cache_key or f"{flow.name}/{slug}",
    )


def _done(where: str, function: Callable[..., Any], *arguments: Any) -> Any:
    """Call what is the user's, and say where it was if it fails. Any: it is the user's."""
    said = capture(partial(function, *arguments), {}, current.get(), Answer, failure)
    if isinstance(said, Answer):
        return said.value
    raise FAIL._of(f"{where}: {said.message or said.name}", result=said.result)


def _own_place(slug: str) -> str:
    """Return the place of the run that is under way, whatever its inputs and parameters are called."""
    child = "" if context["map_index"] is None else f"-{context['map_index']}"
    return f"{_folder(context['flow_name'])}/{_folder(str(context['flow_run_id']))}/{_folder(slug)}{child}"


def _folder(name: str) -> str:
    quoted = quote(name, safe=" ")
    return quoted if quoted.strip(".") else quoted.replace(".", "%2E")


def copied(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Return copies of those parameters that can be copied; the others are equal to nothing later. Any: the user's."""
    found = {}
    for name, value in parameters.items():
        said = capture(partial(copy.deepcopy, value), {}, current.get(), Answer, failure)
        if isinstance(said, Answer):
            found[name] = said.value
    return found


def _check_apart(task: Task, location: object, mapped: set[str]) -> None:
    import string

    if not isinstance(location, str):
        return
    names = {str(name).partition(".")[0].partition("[")[0] for _, name, _, _ in string.Formatter().parse(location)}
    if not names & {*OWN, *mapped}:
        raise FlowError(
            f"task {task.name!r}: its children would all be stored at {location!r}; "
            "name what tells them apart, such as {map_index}"
        )
