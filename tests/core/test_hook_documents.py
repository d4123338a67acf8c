"""The page of the hooks: each one is there with its exact signature, all that is to be said of it, and an example."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import pytest
from misbehaving import HOOKS

from interlock._hooks import HookSpecs, hookspec
from interlock._plugins import ARGUMENTS

PAGE = (Path(__file__).parents[2] / "plugins" / "HOOKS.md").read_text(encoding="utf-8")
SECTIONS = {
    part.partition("\n")[0].strip(): part.partition("\n")[2] for part in re.split(r"^## ", PAGE, flags=re.M)[1:]
}
SAID = [
    "kind",
    "called",
    "thread",
    "context",
    "may",
    "returns",
    "raises",
    "answers wrongly",
    "slow",
    "stops the program",
]


def signature(hook: str) -> str:
    """Return the signature of a hook, as it is called: without `self`."""
    whole = inspect.signature(getattr(HookSpecs, hook))
    called = whole.replace(parameters=[each for name, each in whole.parameters.items() if name != "self"])
    return hook + str(called).replace("'", "")


def test_every_hook_has_its_section() -> None:
    """A hook without a section, and a section without a hook, fail here; so does a hook that is not compiled."""
    assert list(SECTIONS) == list(HOOKS) == list(ARGUMENTS)


@pytest.mark.parametrize("hook", HOOKS)
def test_a_hook_is_documented_with_its_exact_signature(hook: str) -> None:
    """The signature stands first, as `HookSpecs` has it."""
    assert SECTIONS[hook].strip().splitlines()[0] == f"`{signature(hook)}`"
    assert tuple(inspect.signature(getattr(HookSpecs, hook)).parameters)[1:] == ARGUMENTS[hook]


@pytest.mark.parametrize("hook", HOOKS)
def test_all_is_said_of_a_hook(hook: str) -> None:
    """When it is called, where, what it may do, and what happens otherwise; whether the first answer counts."""
    rows = re.findall(r"^\| ([a-z ]+) \| (.+) \|$", SECTIONS[hook], re.M)
    assert [name for name, _ in rows] == SAID
    kind = dict(rows)["kind"]
    options = getattr(getattr(HookSpecs, hook), f"{hookspec.project_name}_spec")
    assert kind.endswith("; the first answer counts") is options["firstresult"]
    assert kind.split(";")[0] in ("observe", "override", "extend")
    assert (dict(rows)["returns"].startswith("nothing")) is (kind == "observe")


@pytest.mark.parametrize("hook", HOOKS)
def test_a_hook_has_an_example(hook: str) -> None:
    """`tests/test_documents.py` runs it; here it is seen that it implements this very hook."""
    (code,) = re.findall(r"^```python\n(.*?)^```$", SECTIONS[hook], re.DOTALL | re.M)
    assert re.search(rf"@hookimpl\n    def {hook}\(self", code)
    assert "assert " in code
