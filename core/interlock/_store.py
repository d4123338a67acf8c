"""Runs stored as JSON and rebuilt, under the same table, a larger one, or another one with its states mapped."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

import attrs

from interlock._errors import SpecMismatch, StoredError, listed, shown
from interlock._rows import FIRST, Compiled, Row, Values
from interlock._story import Cut, Story, walk

if TYPE_CHECKING:
    from interlock._machine import Machine

FORMAT = 1
T = TypeVar("T")
Data = Mapping[str, Any]  # JSON


def stored(machine: Machine, story: Story, dropped: int) -> dict[str, Any]:
    """Return the JSON form of a run. Any: JSON."""
    state, values = story.end()
    return {
        "format": FORMAT,
        "lifecycle": machine.name,
        "spec": machine.hash,
        "facts": machine.facts,
        "state": state,
        "closed": story.closed,
        "counts": dict(zip(machine.counters, values[FIRST:], strict=True)),
        "attempts": values[1],
        "open": bool(values[2]),
        "limits": {name: "inf" if value == math.inf else value for name, value in story.limits.items()},
        "keep": story._cut.keep,
        "dropped": dropped,
        "story": story.to_dict(),
    }


@attrs.define
class Loaded:
    """What a run is filled with."""

    limits: Mapping[str, float]
    keep: int
    dropped: int
    closed: bool
    start: str
    skipped: int
    counts: Mapping[str, int]
    attempts: int
    open: bool
    steps: list[tuple[str, str, str]]
    times: list[float | None] | None = None
    notes: dict[int, tuple[str, str]] | None = None
    now: Mapping[str, int] | None = None
    """What the counts must be behind the last step, where that is known."""

    def path(self, compiled: Compiled) -> tuple[list[Cut | Row], Values]:
        """Return the rows that the steps take, and the counts behind the last one.

        Raises:
            ReplayError: they are no path of the table.
            StoredError: the run is said to be sealed, and its last step seals nothing.
        """
        values = compiled.values(self.counts, self.attempts, self.open)
        cut = Cut(compiled, self.start, self.skipped, values, self.keep)
        rows: list[Cut | Row] = [cut, *walk(cut, self.steps)]
        for row in rows[1:]:
            assert isinstance(row, Row)
            values = row.bump(values, 0) if row.bump else values
        counted = dict(zip(map(str, compiled.counts), values[FIRST:], strict=True))
        if self.now is not None and any(counted.get(name) != count for name, count in self.now.items()):
            raise StoredError(f"its counts are {dict(self.now)}; by its story they are {counted}")
        last = rows[-1]
        if isinstance(last, Row):
            if self.closed and not last.closed:
                raise StoredError(f"it is closed, and its last step, {last}, seals nothing")
            rows[-1] = last if self.closed else last.opened
        elif self.closed:
            last.closed, last.cells, last.kinds = True, {}, {}
        return rows, values


def told(story: Story, dropped: int) -> Loaded:
    """Return what a run with this story is filled with."""
    cut = story._cut
    steps = [(row.before, row.signal, row.after) for row in story._rows]
    return Loaded(
        limits=story.limits,
        keep=cut.keep,
        dropped=dropped,
        closed=story.closed,
        start=story.start,
        skipped=story.skipped,
        counts=story.counts,
        attempts=cut.values[1],
        open=bool(cut.values[2]),
        steps=steps,
        times=None if story._times is None else list(story._times),
        notes=dict(story._notes) or None,
    )


def loaded(machine: Machine, data: Data, states: Mapping[str, str] | None) -> Loaded:
    """Return what a stored run is filled with; see `Run.from_dict`."""
    if not isinstance(data, Mapping):
        raise StoredError(f"it is {type(data).__name__!r}, not a mapping")
    if (form := _field(data, "format", int)) != FORMAT:
        raise StoredError(f"its format is {form}; this version reads {FORMAT}")
    story = _field(data, "story", dict)
    skipped = _whole(story, "skipped")
    steps = [_step(step, number) for number, step in enumerate(_field(story, "steps", list), start=skipped + 1)]
    limits = {name: math.inf if value == "inf" else value for name, value in _field(data, "limits", dict).items()}
    if states is not None or not _knows(machine, data):
        return _mapped(machine, data, steps, limits, states)
    if data["spec"] == machine.hash:  # a smaller table may lack some of these
        _complete("limits", limits, machine.limits)
        _complete("counts", _field(story, "counts", dict), machine.counters)
    end = steps[-1]["after"] if steps else _field(story, "start", str)
    if _field(data, "state", str) != end:
        raise StoredError(f"'state' is {data['state']!r}; its story ends in {end!r}")
    times, notes = _sides(steps, skipped)
    return Loaded(
        limits=_limits(machine, limits),
        keep=_whole(data, "keep"),
        dropped=_whole(data, "dropped"),
        closed=_field(data, "closed", bool),
        start=_state(machine, _field(story, "start", str)),
        skipped=skipped,
        counts=_counts(machine, story),
        attempts=_whole(story, "attempts"),
        open=_field(story, "open", bool),
        steps=[(step["before"], step["signal"], step["after"]) for step in steps],
        times=times,
        notes=notes,
        now=_counts(machine, data),
    )


def _knows(machine: Machine, data: Data) -> bool:
    """Return whether a machine is the one of a stored run, or only adds to it."""
    spec, facts = _field(data, "spec", str), _field(data, "facts", str)
    if _field(data, "lifecycle", str) != machine.name:
        return False
    if spec == machine.hash and facts != machine.facts:
        raise StoredError("'facts' are not those of its spec")
    return bool(facts) and set(facts.split()) <= set(machine.facts.split())


def _mapped(
    machine: Machine, data: Data, steps: list[dict[str, Any]], limits: Data, states: Mapping[str, str] | None
) -> Loaded:
    state = _field(data, "state", str)
    renamed = {**{name: name for name in machine.rows}, **(states or {})}
    used = [state] if states is not None else [state, *(s[end] for s in steps for end in ("before", "after"))]
    unknown = tuple(dict.fromkeys(name for name in used if renamed.get(name) not in machine.rows))
    if states is None or unknown:
        raise SpecMismatch(machine.name, _field(data, "spec", str), machine.hash, unknown)
    counts: dict[str, int] = {}
    for name in _field(data, "counts", dict):
        new = _renamed(str(name), renamed)
        counts[new] = counts.get(new, 0) + _whole(data["counts"], name)
    return Loaded(
        limits=_limits(machine, {name: value for name, value in limits.items() if name in machine.limits}),
        keep=_whole(data, "keep"),
        dropped=_whole(data, "dropped"),
        closed=_field(data, "closed", bool),
        start=renamed[state],
        skipped=_whole(data["story"], "skipped") + len(steps),
        counts=counts,
        attempts=_whole(data, "attempts"),
        open=_field(data, "open", bool) and renamed[state] in machine._table.attempt,
        steps=[],
    )


def _renamed(count: str, states: Mapping[str, str]) -> str:
    kind, _, name = count.removesuffix(")").partition("(")
    return f"{kind}({states.get(name, name)})" if kind == "entered" else count


def _limits(machine: Machine, limits: Data) -> Data:
    """Return limits that the machine takes; those that a larger table has beside them have their defaults."""
    try:
        return machine._checked(limits)
    except ValueError as error:
        raise StoredError(f"'limits' do not fit: {error}") from None


def _counts(machine: Machine, story: Data) -> dict[str, int]:
    counts = _field(story, "counts", dict)
    for name in counts:
        if name not in machine.counters:
            raise StoredError(f"'counts' has {name!r}; {machine.name} counts: {listed(machine.counters)}")
        _whole(counts, name)
    return counts


def _complete(what: str, given: Data, names: Iterable[str]) -> None:
    for name in names:
        if name not in given:
            raise StoredError(f"{what!r} lacks {name!r}")


def _state(machine: Machine, name: str) -> str:
    if name not in machine.rows:
        raise StoredError(f"its story starts in {name!r}, which is no state of {machine.name}")
    return name


def _field(data: Data, key: str, kind: type[T]) -> T:
    value = data.get(key)
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise StoredError(f"{key!r} is {shown(value)}; it must be of type {kind.__name__}")
    return value


def _whole(data: Data, key: str) -> int:
    """Return a field that counts something."""
    value = _field(data, key, int)
    if value < 0:
        raise StoredError(f"{key!r} is {value}; it must be a whole number from 0 on")
    return value


def _step(step: object, number: int) -> dict[str, Any]:
    """Return a step, if it is one and the one with this number."""
    if not isinstance(step, dict) or not all(isinstance(step.get(key), str) for key in ("before", "signal", "after")):
        raise StoredError(f"{shown(step)} is no step; a step has 'before', 'signal' and 'after'")
    at = step.get("at")
    if at is not None and (isinstance(at, bool) or not isinstance(at, int | float)):
        raise StoredError(f"step {number}: 'at' is {shown(at)}; it must be a number of seconds")
    if step.get("number", number) != number:
        raise StoredError(f"step {number}: 'number' is {shown(step['number'])}")
    if ("asked" in step) is not ("plugin" in step):
        raise StoredError(f"step {number}: 'asked' and 'plugin' come together")
    return step


def _sides(
    steps: list[dict[str, Any]], skipped: int
) -> tuple[list[float | None] | None, dict[int, tuple[str, str]] | None]:
    """Return the times and the notes of some steps."""
    times = [step.get("at") for step in steps]
    numbered = enumerate(steps, start=skipped + 1)
    notes = {number: (step["asked"], step["plugin"]) for number, step in numbered if "asked" in step}
    return ([skipped, *times] if any(at is not None for at in times) else None), notes or None
