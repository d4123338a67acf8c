"""Where a table comes from: a text, a file, a mapping or the shipped ones; and what each of them may not be."""

from __future__ import annotations

import copy
import re
import tomllib
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest
from parcel import FILE, PARCEL, complaint, lines

from interlock._errors import InterlockError, SpecError
from interlock._machine import Machine

START = "a table starts with lifecycle, initial, [states], [signals], [from.STATE]"

NO_TOML = {
    "prose": "once upon a time",
    "key-twice": "a = 1\na = 2\n",
    "section-twice": "[states]\n[states]\n",
    "section-over-a-key": "states = 3\n[states]\n",
    "open-text": 'a = "',
    "open-list": "a = [",
    "byte-order-mark": "\ufeffa = 1",
    "control-character": "a = 1\x00",
    "more-digits-than-python-reads": f"a = {'9' * 5000}",
}


def no_toml(text: str) -> str:
    """Return what is said of a text that is no TOML: the reader's own words, which differ between Pythons."""
    with pytest.raises(ValueError, match=r".") as caught:
        tomllib.loads(text)
    return f"is not TOML: {caught.value}"


@pytest.mark.parametrize("text", NO_TOML.values(), ids=NO_TOML)
def test_a_text_that_is_not_toml(text: str) -> None:
    """What the reader of TOML says is passed on, with the name of the file."""
    assert complaint(text) == lines(no_toml(text))


def test_a_key_given_twice_in_a_good_table() -> None:
    """A second answer to a signal in one section is TOML's own error, which names the line."""
    text = PARCEL + 'WAIT = "Lost"\n'
    assert complaint(text).startswith(lines(f"is not TOML: Cannot overwrite a value (at line {text.count(chr(10))}, "))


@pytest.mark.parametrize("text", ["", "\n", "# nothing but a remark\n"], ids=["empty", "blank", "remark"])
def test_an_empty_text(text: str) -> None:
    """A table without anything in it is told how one starts."""
    assert complaint(text) == lines(f"is empty; {START}")


def test_a_text_that_no_file_can_hold() -> None:
    """Half a surrogate pair is no text."""
    assert complaint("a = '\ud800'") == lines("is not UTF-8: byte 0xed at offset 5")


@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ("{ a = ", "}")], ids=["arrays", "tables"])
def test_a_text_nested_too_deeply(opening: str, closing: str) -> None:
    """Brackets in brackets end in an error, not in the depth of Python's stack."""
    text = f"a = {opening * 50_000}1{closing * 50_000}"
    assert complaint(text) == lines("is nested too deeply; a table is three levels deep")


def test_sections_nested_too_deeply() -> None:
    """A section in a section in a section, 5,000 times, is an error too."""
    text = f"{PARCEL}\n[groups{'.x' * 5000}]\n"
    assert complaint(text) == lines("is nested too deeply; a table is three levels deep")


def test_a_text_of_ten_megabytes() -> None:
    """A text that is no table by its size alone is not read."""
    assert complaint("#" * 10_000_000) == lines("is 10,000,000 bytes long; a table has at most 1,000,000")


def test_a_text_as_long_as_a_table_may_be() -> None:
    """The size that is named is let through, and one byte more is not."""
    text = PARCEL + "#" * (1_000_000 - len(PARCEL))
    assert Machine.from_toml(text) == Machine.from_toml(PARCEL)
    assert complaint(text + "#") == lines("is 1,000,001 bytes long; a table has at most 1,000,000")


def test_a_file(tmp_path: Path) -> None:
    """A table is loaded from a path, given as a path or as a text."""
    path = tmp_path / FILE
    path.write_text(PARCEL, encoding="utf-8")
    assert Machine.load(path) == Machine.load(str(path)) == Machine.from_toml(PARCEL)


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"\xff\xfe\x00", "is not UTF-8: byte 0xff at offset 0"),
        (b"lifecycle = 'p\xe4ckchen'", "is not UTF-8: byte 0xe4 at offset 14"),
        (b"", f"is empty; {START}"),
        (b"#" * 10_000_000, "is 10,000,000 bytes long; a table has at most 1,000,000"),
        (b"a = 1\na = 2\n", no_toml("a = 1\na = 2\n")),
    ],
    ids=["UTF-16", "Latin-1", "empty", "large", "not-TOML"],
)
def test_a_file_that_is_none(tmp_path: Path, data: bytes, problem: str) -> None:
    """A file that holds no table is refused under its own name."""
    path = tmp_path / FILE
    path.write_bytes(data)
    with pytest.raises(SpecError) as caught:
        Machine.load(path)
    assert str(caught.value) == f"{path}: {problem}"


SHIPPED = "neither a file nor a shipped life cycle (flow-run, task-run)."


@pytest.mark.parametrize(
    ("source", "error"),
    [
        ("task-rnu", f"task-rnu: No such file or directory; {SHIPPED} Did you mean 'task-run'?"),
        ("task_run", f"task_run: No such file or directory; {SHIPPED} Did you mean 'task-run'?"),
        ("Flow-Run", f"Flow-Run: No such file or directory; {SHIPPED} Did you mean 'flow-run'?"),
        ("parcel.toml", f"parcel.toml: No such file or directory; {SHIPPED}"),
        (Path("no/parcel.toml"), f"{Path('no/parcel.toml')}: No such file or directory; {SHIPPED}"),
    ],
    ids=["misspelt", "underscore", "capitals", "missing", "path-missing"],
)
def test_a_name_that_leads_nowhere(
    source: str | Path, error: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name that is neither a file nor shipped gives what is shipped, and the nearest of it."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SpecError) as caught:
        Machine.load(source)
    assert str(caught.value) == error


def test_a_name_that_no_file_can_have() -> None:
    """A name with a NUL in it is shown as Python writes it, with the system's own word for it."""
    with pytest.raises(SpecError) as caught:
        Machine.load("task\0run")
    assert str(caught.value).startswith("'task\\x00run': embedded null ")


def test_a_folder(tmp_path: Path) -> None:
    """A folder is no table; the system's own word for it stands in the error."""
    with pytest.raises(SpecError) as caught:
        Machine.load(tmp_path)
    assert re.fullmatch(f"{re.escape(str(tmp_path))}: [^;]+; {re.escape(SHIPPED)}", str(caught.value))


@pytest.mark.parametrize("name", ["task-run", "flow-run"])
def test_a_shipped_life_cycle(name: str) -> None:
    """A shipped table is read once, and is the same however it is asked for."""
    assert Machine.load(name) is Machine.load(name)
    assert Machine.load(name).name == name


@pytest.mark.parametrize(
    ("source", "problem"),
    [
        (None, "is 'NoneType', not a mapping"),
        ([], "is 'list', not a mapping"),
        ("states", "is 'str', not a mapping"),
        (3, "is 'int', not a mapping"),
        ({}, "is empty"),
        (MappingProxyType({}), "is empty"),
    ],
    ids=["None", "list", "text", "number", "empty", "empty-proxy"],
)
def test_a_mapping_that_is_none(source: Any, problem: str) -> None:
    """What is no mapping, or holds nothing, is told how a table starts. Any: it is wrong on purpose."""
    with pytest.raises(SpecError) as caught:
        Machine.from_mapping(source, FILE)
    assert str(caught.value) == lines(f"{problem}; {START}")


@pytest.mark.parametrize("part", ["states", "signals", "limits", "guards", "from", "groups"])
@pytest.mark.parametrize("value", [3, "x", ["Packed"], None, True])
def test_a_section_that_is_none(part: str, value: object) -> None:
    """A section that holds no entries is named, and nothing that only follows from it."""
    with pytest.raises(SpecError) as caught:
        Machine.from_mapping({**tomllib.loads(PARCEL), part: value}, FILE)
    assert str(caught.value) == lines(f"{part}: is {value!r}; it must be a section [{part}]")


@pytest.mark.parametrize("part", ["states", "signals", "limits", "guards", "groups"])
def test_a_name_that_is_no_text(part: str) -> None:
    """A mapping, unlike TOML, may have a number where a name should be; it is refused like any other."""
    mapping = tomllib.loads(PARCEL)
    mapping[part][3] = next(iter(mapping[part].values()))
    mapping["from"]["Mowing"] = {}
    with pytest.raises(SpecError) as caught:
        Machine.from_mapping(mapping, FILE)
    first, *_ = caught.value.problems
    assert first == f"{part}.3: 3 is no name; a name is a word of letters, digits and _, not 'refused'"


def test_a_mapping_nested_too_deeply() -> None:
    """A mapping that is deeper than Python's stack is refused like a text that is."""
    deep: list[object] = []
    for _ in range(100_000):
        deep = [deep]
    with pytest.raises(SpecError) as caught:
        Machine.from_mapping({**tomllib.loads(PARCEL), "attempt": {"deep": deep}}, FILE)
    assert str(caught.value) == lines("is nested too deeply; a table is three levels deep")


def read_only(value: Any) -> Any:
    """Return the value with every mapping in it read-only. Any: what a TOML file may hold."""
    if isinstance(value, dict):
        return MappingProxyType({key: read_only(inner) for key, inner in value.items()})
    return value


def test_a_mapping_of_mappings_that_are_no_dictionaries() -> None:
    """Any kind of mapping will do, on every level."""
    mapping = tomllib.loads(
        PARCEL.replace('carries = ["Lost"]', 'carries = ["ends"]').replace("[signals]", 'ends = ["Lost"]\n[signals]')
    )
    assert Machine.from_mapping(read_only(mapping)) == Machine.from_mapping(mapping)


def test_a_machine_does_not_change_with_its_mapping() -> None:
    """What happens to a mapping later is nothing to the machine that was made from it."""
    mapping = tomllib.loads(PARCEL)
    machine = Machine.from_mapping(mapping)
    mapping["states"].clear()
    mapping["from"]["Moving"]["DELIVER"] = "Lost"
    assert machine.extend({}) == machine == Machine.from_toml(PARCEL)
    assert copy.deepcopy(machine).next("Moving", "DELIVER") == "Delivered"


def test_the_error_is_a_value_error_of_the_library() -> None:
    """Who catches either kind of error catches this one."""
    assert issubclass(SpecError, InterlockError)
    assert issubclass(SpecError, ValueError)
