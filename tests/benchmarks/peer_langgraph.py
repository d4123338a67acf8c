"""LangGraph: nodes that update a state, compiled once, and run without a checkpointer.

A loop is an edge that leads back on a condition, a map sends each element to a node, in threads.
"""

from __future__ import annotations

import importlib
import operator
import os
from itertools import pairwise
from typing import Annotated, Any, TypedDict

from .clock import Measure, imported, per_part, proved

REQUIRES = ("langgraph==1.2.22",)

SIZE = 1_000
DEEP = {"recursion_limit": SIZE + 1}
"""So many steps a run may take; at first it may take 25 or some more."""


class Number(TypedDict):
    """The state of a chain and of a loop, and what a child is sent."""

    x: int


class Numbers(TypedDict):
    """The state of a map."""

    given: list[int]
    found: Annotated[list[int], operator.add]


def _inc(state: Number) -> Number:
    return {"x": state["x"] + 1}


def _child(state: Number) -> dict[str, list[int]]:
    return {"found": [state["x"] + 1]}


def _library() -> Any:
    """Return the module with the graphs. Any: the library is imported here."""
    os.environ.update(LANGSMITH_TRACING="false", LANGCHAIN_TRACING_V2="false")
    return importlib.import_module("langgraph.graph")


def chain(seconds: float) -> list[float]:
    """Measure a node in a chain."""
    library = _library()
    names = [f"task_{number}" for number in range(SIZE)]
    graph = library.StateGraph(Number)
    for name in names:
        graph.add_node(name, _inc)
    path = [library.START, *names, library.END]
    for one, other in pairwise(path):
        graph.add_edge(one, other)
    compiled = graph.compile()

    def work() -> object:
        return compiled.invoke({"x": 0}, DEEP)

    return per_part(proved(work, {"x": SIZE}), SIZE, seconds)


def turn(seconds: float) -> list[float]:
    """Measure a node that is gone back to."""
    library = _library()
    graph = library.StateGraph(Number)
    graph.add_node("turn", _inc)
    graph.add_edge(library.START, "turn")
    graph.add_conditional_edges("turn", lambda state: library.END if state["x"] == SIZE else "turn")
    compiled = graph.compile()

    def work() -> object:
        return compiled.invoke({"x": 0}, DEEP)

    return per_part(proved(work, {"x": SIZE}), SIZE, seconds)


def child(seconds: float) -> list[float]:
    """Measure a node to which each element is sent."""
    library = _library()
    send = importlib.import_module("langgraph.types").Send
    graph = library.StateGraph(Numbers)
    graph.add_node("inc", _child)
    graph.add_conditional_edges(library.START, lambda state: [send("inc", {"x": x}) for x in state["given"]], ["inc"])
    graph.add_edge("inc", library.END)
    compiled, numbers = graph.compile(), list(range(SIZE))

    def work() -> object:
        return compiled.invoke({"given": numbers, "found": []})["found"]

    return per_part(proved(work, list(range(1, SIZE + 1))), SIZE, seconds)


MEASURES = [
    Measure("chain", f"LangGraph, {SIZE:,} tasks", chain),
    Measure("child", f"LangGraph, {SIZE:,} children", child),
    Measure("turn", f"LangGraph, {SIZE:,} turns", turn),
    Measure("import", "LangGraph", imported("langgraph.graph")),
]
