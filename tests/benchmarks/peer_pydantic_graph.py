"""pydantic-graph: async steps and edges between them; a loop is a node that returns another of its kind.

A graph is built once. Each run begins and ends on an event loop, as it does where the caller has none (`run_sync`).
"""

from __future__ import annotations

import importlib
from itertools import pairwise
from types import new_class
from typing import Any

from .clock import Measure, imported, per_part, proved

REQUIRES = ("pydantic-graph==2.68.0",)

SIZE = 1_000


async def _inc(context: Any) -> int:
    """Return the number after the one that is handed in. Any: the library is imported below."""
    number: int = context.inputs
    return number + 1


def chain(seconds: float) -> list[float]:
    """Measure a step in a chain."""
    builder = importlib.import_module("pydantic_graph").GraphBuilder(input_type=int, output_type=int)
    steps = [builder.step(_inc, node_id=f"task_{number}") for number in range(SIZE)]
    path = [builder.start_node, *steps, builder.end_node]
    builder.add(*(builder.edge_from(one).to(other) for one, other in pairwise(path)))
    graph = builder.build()

    def work() -> object:
        return graph.run_sync(inputs=0)

    return per_part(proved(work, SIZE), SIZE, seconds)


def child(seconds: float) -> list[float]:
    """Measure a step that is mapped; the results come in the order in which they end."""
    library = importlib.import_module("pydantic_graph")
    builder = library.GraphBuilder(input_type=list[int], output_type=list[int])
    inc = builder.step(_inc)
    collected = builder.join(library.reduce_list_append, initial_factory=list[int])
    builder.add(
        builder.edge_from(builder.start_node).map().to(inc),
        builder.edge_from(inc).to(collected),
        builder.edge_from(collected).to(builder.end_node),
    )
    graph, numbers = builder.build(), list(range(SIZE))

    def work() -> object:
        return sorted(graph.run_sync(inputs=numbers))

    return per_part(proved(work, list(range(1, SIZE + 1))), SIZE, seconds)


def _turning(library: Any) -> Any:
    """Return the class of a node that returns another of its kind, up to a number, and then the end."""

    def begin(self: Any, x: int) -> None:
        self.x = x

    async def run(self: Any, _context: object) -> Any:
        return library.End(self.x) if self.x == SIZE else kind(self.x + 1)

    def body(names: dict[str, Any]) -> None:
        names.update(__init__=begin, run=run)

    kind: Any = new_class("Turn", (library.BaseNode,), exec_body=body)
    run.__annotations__["return"] = kind | library.End[int]  # the edges are read from it
    return kind


def turn(seconds: float) -> list[float]:
    """Measure a node that leads to itself."""
    library = importlib.import_module("pydantic_graph")
    kind = _turning(library)
    builder = library.GraphBuilder(input_type=kind, output_type=int)
    builder.add(builder.edge_from(builder.start_node).to(kind), builder.node(kind))
    graph = builder.build()

    def work() -> object:
        return graph.run_sync(inputs=kind(0))

    return per_part(proved(work, SIZE), SIZE, seconds)


MEASURES = [
    Measure("chain", f"pydantic-graph, {SIZE:,} tasks", chain),
    Measure("child", f"pydantic-graph, {SIZE:,} children", child),
    Measure("turn", f"pydantic-graph, {SIZE:,} turns", turn),
    Measure("import", "pydantic-graph", imported("pydantic_graph")),
]
