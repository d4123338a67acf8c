"""Whatever is given as a table, the answer is a machine that works, or a `SpecError`: never another exception."""

from __future__ import annotations

import contextlib
import copy
import datetime
import functools
import importlib.resources
import itertools
import math
import tomllib
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from parcel import PARCEL

from interlock._errors import NoTransition, SpecError
from interlock._machine import Machine

Spot = tuple[str | int, ...]
"""The keys and indexes that lead somewhere in a mapping."""

TEXT = importlib.resources.files("interlock_spec").joinpath("task_run.toml").read_text(encoding="utf-8")
TABLE: dict[str, Any] = tomllib.loads(TEXT)  # Any: what a TOML file may hold
PARTS = ["states", "groups", "signals", "limits", "guards", "from"]

# The same examples in every run, so that a failure is there again in the next one.
SETTINGS = settings(deadline=None, max_examples=200, derandomize=True, report_multiple_bugs=False)


def spots(value: object, way: Spot = ()) -> Iterator[Spot]:
    """Yield the way to everything in a mapping that something else can stand for."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, part in inner:
        yield (*way, key)
        yield from spots(part, (*way, key))


def parts(mapping: dict[str, Any]) -> list[Spot]:
    """Return the way to the first thing in each part of a mapping, and in each part of these."""
    return list({way[:-1]: way for way in reversed([*spots(mapping)])}.values())


SPOTS = list(spots(TABLE))
NAMES = sorted({key for way in SPOTS for key in way if isinstance(key, str)} | {"refused", "", " "})

# What means something in some place of a table, and is a mistake in every other.
names = st.sampled_from(NAMES)
numbers = st.sampled_from([*TABLE["limits"], "0", "1000", "1001", "inf", "retryable"])
counts = st.builds("{}({})".format, st.sampled_from(["entered", "taken", "len"]), names)
comparisons = st.builds(
    "{} {} {}".format, counts, st.sampled_from(["<", "<=", "!=", "+", "and", "<<"]), numbers | counts
)
words = st.one_of(
    names,
    st.builds("{} if {}".format, names, names),
    comparisons,
    st.sampled_from(
        ["?", "not " * 60 + "retryable", "retryable or not retryable", "-" * 400 + "1 < 2", "0 < max_turns"]
    ),
    st.text(max_size=20),
)
others = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.sampled_from([10**400, -(10**400)]),
    st.floats(),
    st.dates(),
    st.binary(max_size=5),
)
scalars = st.booleans().flatmap(lambda word: words if word else others)
keys = st.one_of(words, st.integers(), st.none(), st.floats())
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=4) | st.tuples(inner, inner),
    max_leaves=8,
)


def put(mapping: Any, way: Spot, value: object, key: object) -> None:
    """Let a value stand in a spot, or beside it under another key. Any: a part of a mapping of any shape."""
    for step in way[:-1]:
        items: Any = mapping if isinstance(mapping, dict) else dict(enumerate(mapping))
        mapping = items.get(step)
        if not isinstance(mapping, dict | list):
            return  # what led there is gone
    if isinstance(mapping, dict):
        mapping[way[-1] if key is None else key] = value
    else:
        place = way[-1] if isinstance(way[-1], int) else 0
        mapping[place : place + (key is None)] = [value]


def inside(mapping: Any, way: Spot) -> object:
    """Return what stands in a spot. Any: a part of a mapping of any shape."""
    for step in way:
        mapping = mapping[step]
    return mapping


def outcome(make: Callable[[], Machine]) -> Machine | SpecError:
    """Return the machine, or the one error that may come in its place."""
    try:
        return make()
    except SpecError as error:
        return error


def try_it(make: Callable[[], Machine]) -> None:
    """Make a machine: it answers every signal in every state, or is refused with lines that differ from each other."""
    made = outcome(make)
    if isinstance(made, SpecError):
        assert all(problem.strip() for problem in made.problems)
        assert len({*made.problems}) == len(made.problems) > 0
        assert str(made).count(made.file) >= len(made.problems)
        return
    for state in made.rows:
        for signal in made.signals:
            with contextlib.suppress(NoTransition):
                assert made.next(state, signal) in made.states


def deep(levels: int) -> object:
    """Return a list in a list in a list."""
    value: list[object] = []
    for _ in range(levels):
        value = [value]
    return value


NASTY: dict[str, object] = {
    "none": None,
    "true": True,
    "zero": 0,
    "number": 5,
    "negative": -1,
    "large": 10**400,
    "unprintable": 10**5000,
    "float": 0.5,
    "inf": math.inf,
    "nan": math.nan,
    "blank": " ",
    "state": "Moving",
    "group": "waiting",
    "signal": "STOP",
    "guard": "may_return",
    "refused": "refused",
    "choice": "Packed if may_return",
    "half-a-choice": "Packed if ",
    "half-a-letter": "\ud800",
    "expression": "taken(RETURN) < returns",
    "bytes": b"Moving",
    "date": datetime.date(1979, 5, 27),
    "object": object(),
    "list": [],
    "numbers": [5],
    "lists": [["Moving"], []],
    "tuple": ("Moving", "Lost"),
    "set": {"Moving"},
    "deep": deep(5_000),
    "table": {},
    "numbered": {5: {5: 5}},
    "tables": {"to": {}, "carries": {}, "is": [], "when": [], "default": [], "means": []},
}


@pytest.mark.parametrize("value", NASTY.values(), ids=NASTY)
def test_every_spot_of_a_mapping(value: object) -> None:
    """A small table with a bad value in any one spot, or beside what stands in any part, is refused or works."""
    table = tomllib.loads(PARCEL)
    for way, key in [*((way, None) for way in spots(table)), *itertools.product(parts(table), ("Moving", 5))]:
        mapping = copy.deepcopy(table)
        put(mapping, way, value, key)
        try_it(functools.partial(Machine.from_mapping, mapping))


KEYS: dict[str, object] = {
    "none": None,
    "true": True,
    "number": 5,
    "unprintable": 10**5000,
    "nan": math.nan,
    "blank": "",
    "words": "two words",
    "quotes": "'\"'",
    "lines": "a\nb",
    "half-a-letter": "\ud800",
    "state": "Moving",
    "signal": "STOP",
    "refused": "refused",
    "keyword": "lambda",
    "bytes": b"Moving",
    "tuple": ("Moving",),
    "object": object(),
}


@pytest.mark.parametrize("key", KEYS.values(), ids=KEYS)
def test_every_place_for_a_key(key: object) -> None:
    """A small table with a bad name in any part, for what stands there under a good one, is refused or works."""
    table = tomllib.loads(PARCEL)
    for way in parts(table):
        for value in ({}, "Lost", inside(table, way)):
            mapping = copy.deepcopy(table)
            put(mapping, way, value, key)
            try_it(functools.partial(Machine.from_mapping, mapping))


@SETTINGS
@given(data=st.data())
def test_any_value_anywhere_in_a_mapping(data: st.DataObject) -> None:
    """Anything may stand anywhere in a mapping, which stays as it is."""
    mapping = copy.deepcopy(TABLE)
    changes = st.sampled_from([1, 1, 1, 2, 3])  # mostly one, for a mistake in an entry hides those in the rows
    for _ in range(data.draw(changes)):
        beside = data.draw(st.sampled_from([False, False, True]))
        put(mapping, data.draw(st.sampled_from(SPOTS)), data.draw(values), data.draw(keys) if beside else None)
    before = copy.deepcopy(mapping)
    try_it(lambda: Machine.from_mapping(mapping))
    assert mapping == before


@SETTINGS
@given(part=st.sampled_from([*PARTS, "initial", "attempt", "lifecycle"]), value=values)
def test_any_value_as_a_part_of_a_mapping(part: str, value: object) -> None:
    """Anything may stand for a whole part of a table."""
    try_it(lambda: Machine.from_mapping({**TABLE, part: value}))


@SETTINGS
@given(mapping=values)
def test_any_value_as_a_mapping(mapping: Any) -> None:
    """Anything may be given as a mapping. Any: most are none."""
    try_it(lambda: Machine.from_mapping(mapping))


@SETTINGS
@given(extension=st.dictionaries(st.sampled_from(PARTS), st.dictionaries(keys, values, max_size=3) | values) | values)
def test_any_value_as_an_extension(extension: Any) -> None:
    """Anything may be given as an extension, and the machine stays as it is. Any: most are none."""
    machine = Machine.load("task-run")
    before = machine._table.hash()  # not `machine.hash`, which is made once
    try_it(lambda: machine.extend(extension))
    assert machine._table.hash() == before


@SETTINGS
@given(when=words | st.builds("{} {} {}".format, comparisons, st.sampled_from(["and", "or", "and not"]), comparisons))
def test_any_text_as_a_guard(when: str) -> None:
    """Anything may be written as a guard."""
    mapping = copy.deepcopy(TABLE)
    mapping["guards"]["turns_left"]["when"] = when
    try_it(lambda: Machine.from_mapping(mapping))


def spliced(text: str, cuts: list[tuple[int, int, str]]) -> str:
    """Return the text with some passages of it replaced."""
    for start, length, new in cuts:
        text = text[:start] + new + text[start + length :]
    return text


pieces = st.one_of(
    st.sampled_from(
        ["[", "]", "{", "}", '"', "=", "\n", "#", "'''", "[[a]]", "[from.Running]", "0x" + "f" * 5000, "inf"]
    ),
    st.sampled_from(TEXT.split()),
    st.text(max_size=10),
)
places = st.integers(0, len(TEXT))
cuts = st.lists(st.tuples(places, st.integers(0, 40), pieces), min_size=1, max_size=4)


@SETTINGS
@given(text=st.text() | st.lists(pieces).map(" ".join) | st.builds(spliced, st.just(TEXT), cuts))
def test_any_text(text: str) -> None:
    """Anything may be given as a text: a table, what is left of one, and what never was one."""
    try_it(lambda: Machine.from_toml(text))


@SETTINGS
@given(
    data=st.binary()
    | st.builds(lambda text, tail: text.encode() + tail, st.builds(spliced, st.just(TEXT), cuts), st.binary())
)
def test_any_file(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    """Anything may stand in a file."""
    path = tmp_path_factory.getbasetemp() / "fuzz.toml"
    path.write_bytes(data)
    try_it(lambda: Machine.load(path))


@SETTINGS
@given(source=st.text())
def test_any_name(source: str) -> None:
    """Anything may be given as a name; what is neither shipped nor a file is refused."""
    try_it(lambda: Machine.load(f"\0{source}"))
    try_it(lambda: Machine.load(f"no such folder/{source}"))
