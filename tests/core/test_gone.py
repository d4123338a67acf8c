"""What Prefect 1 has and Interlock has not says so by name, and what to use instead."""

from __future__ import annotations

import importlib
from typing import Any

import pytest
from acts import does, flow_of, refused

import interlock
from interlock import Flow, _gone

MODULES = ["client", "engine", "environments", "run_configs", "schedules", "storage", "tasks", "utilities"]
PARTS = [(module, name) for module, names in _gone.PARTS.items() for name in names]


@pytest.mark.parametrize("name", _gone.NAMES)
def test_a_name_that_is_not_kept(name: str) -> None:
    """Importing it from the package, or reading it there, says what to use instead."""
    text = f"interlock: {name} of Prefect 1 is not kept; {_gone.NAMES[name]}"
    with pytest.raises(ImportError) as caught:
        getattr(interlock, name)
    assert str(caught.value) == text
    with pytest.raises(ImportError) as caught:
        exec(f"from interlock import {name}", {})
    assert str(caught.value) == text


@pytest.mark.parametrize("name", MODULES)
def test_a_module_that_is_not_kept(name: str) -> None:
    """Importing from such a module says the same."""
    with pytest.raises(ImportError, match=f"^interlock: {name} of Prefect 1 is not kept; "):
        importlib.import_module(f"interlock.{name}")


@pytest.mark.parametrize(("module", "name"), PARTS)
def test_a_part_of_a_module_that_is_not_kept(module: str, name: str) -> None:
    """A class of results, signals or states that is not there says so too."""
    with pytest.raises(ImportError) as caught:
        exec(f"from interlock.{module} import {name}", {})
    assert str(caught.value) == f"interlock.{module}: {name} of Prefect 1 is not kept; {_gone.PARTS[module][name]}"
    assert not hasattr(importlib.import_module(f"interlock.{module}"), "nonsense")


def test_what_nobody_has_is_an_attribute_error() -> None:
    """Any other name is missing in the usual way."""
    assert not hasattr(interlock, "nonsense")
    with pytest.raises(ImportError, match="cannot import name 'nonsense'"):
        exec("from interlock import nonsense", {})


@pytest.mark.parametrize("option", _gone.FLOW_OPTIONS)
def test_an_option_of_a_flow_that_is_not_kept(option: str) -> None:
    """`Flow(schedule=...)` and its like are refused with what to use; a misspelt option as ever."""
    options: Any = {option: object()}
    assert refused(lambda: Flow("nightly", **options)) == (
        f"flow 'nightly': {option}=... of Prefect 1 is not kept; {_gone.FLOW_OPTIONS[option]}"
    )
    wrong: Any = {"nonsense": 1}
    with pytest.raises(TypeError, match="unexpected keyword argument 'nonsense'"):
        Flow("nightly", **wrong)


@pytest.mark.parametrize("option", _gone.RUN_OPTIONS)
def test_an_option_of_a_run_that_is_not_kept(option: str) -> None:
    """An option of `flow.run` is refused with what to use, unless the flow has a parameter of that name."""
    flow, _ = flow_of(does(1))
    given: Any = {option: object()}
    assert refused(lambda: flow.run(**given)) == (
        f"flow 'of tasks': run({option}=...) of Prefect 1 is not kept; {_gone.RUN_OPTIONS[option]}"
    )
    flow.add_task(interlock.Parameter(option))
    assert flow.run(**given).is_successful()


@pytest.mark.parametrize("method", _gone.METHODS)
def test_a_method_of_a_flow_that_is_not_kept(method: str) -> None:
    """A method that is not there says what to use; to ask whether it is there is no error."""
    flow, _ = flow_of(does(1))
    assert not hasattr(flow, method)
    with pytest.raises(AttributeError) as caught:
        getattr(flow, method)
    assert str(caught.value) == f"flow 'of tasks': {method}() of Prefect 1 is not kept; {_gone.METHODS[method]}"
    with pytest.raises(AttributeError, match="'Flow' object has no attribute 'nonsense'"):
        getattr(flow, "nonsense")  # noqa: B009  # a type checker would say it before
