"""Burr: actions that read and write a state, and transitions between them.

A graph is built once; each run is an application of its own, as it is there, which is built within what is measured.
The map runs in the threads that it has if nothing is said, and asks for pydantic, which a bare Burr comes without.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from itertools import pairwise
from types import new_class
from typing import Any

from .clock import Measure, imported, per_part, proved

REQUIRES = ("apache-burr==0.43.0", "pydantic==2.14.3")

SIZE = 1_000


def _inc(state: Any) -> Any:
    """Return the state with a larger number. Any: the library is imported below."""
    return state.update(x=state["x"] + 1)


def _same(state: Any) -> Any:
    return state


def _action(function: Callable[[Any], Any]) -> Any:
    return importlib.import_module("burr.core").action(reads=["x"], writes=["x"])(function)


def _run(graph: Any, first: str, last: str, **state: object) -> Any:
    """Return the state in which a run of a graph ends."""
    builder = importlib.import_module("burr.core").ApplicationBuilder()
    application = builder.with_graph(graph).with_state(**state).with_entrypoint(first).build()
    return application.run(halt_after=[last])[2]


def chain(seconds: float) -> list[float]:
    """Measure an action in a chain."""
    names = [f"task_{number}" for number in range(SIZE)]
    actions = {name: _action(_inc) for name in names}
    builder = importlib.import_module("burr.core").GraphBuilder()
    graph = builder.with_actions(**actions).with_transitions(*pairwise(names)).build()

    def work() -> object:
        return _run(graph, names[0], names[-1], x=0)["x"]

    return per_part(proved(work, SIZE), SIZE, seconds)


def turn(seconds: float) -> list[float]:
    """Measure a transition of an action to itself."""
    library = importlib.import_module("burr.core")
    again, else_ = library.expr(f"x < {SIZE}"), library.default
    builder = library.GraphBuilder().with_actions(turn=_action(_inc), done=_action(_same))
    graph = builder.with_transitions(("turn", "turn", again), ("turn", "done", else_)).build()

    def work() -> object:
        return _run(graph, "turn", "done", x=0)["x"]

    return per_part(proved(work, SIZE), SIZE, seconds)


def _mapped() -> Any:
    """Return the action that maps another one over the numbers of the state."""
    inc = importlib.import_module("burr.core.action").create_action(_action(_inc), name="inc")

    def states(_self: object, state: Any, _context: object, _inputs: object) -> Iterator[Any]:
        for number in state["numbers"]:
            yield state.update(x=number)

    def reduce(_self: object, state: Any, states: Iterator[Any]) -> Any:
        return state.update(found=[each["x"] for each in states])

    def body(names: dict[str, Any]) -> None:
        names.update(states=states, reduce=reduce, action=lambda _self, _state, _inputs: inc)
        names.update(reads=["numbers"], writes=["found"])

    return new_class("Mapped", (importlib.import_module("burr.core.parallelism").MapStates,), exec_body=body)()


def child(seconds: float) -> list[float]:
    """Measure an action that is mapped over states."""
    graph = importlib.import_module("burr.core").GraphBuilder().with_actions(mapped=_mapped()).build()
    numbers = list(range(SIZE))

    def work() -> object:
        return _run(graph, "mapped", "mapped", numbers=numbers)["found"]

    return per_part(proved(work, list(range(1, SIZE + 1))), SIZE, seconds)


MEASURES = [
    Measure("chain", f"Burr, {SIZE:,} tasks", chain),
    Measure("child", f"Burr, {SIZE:,} children", child),
    Measure("turn", f"Burr, {SIZE:,} turns", turn),
    Measure("import", "Burr", imported("burr.core")),
]
