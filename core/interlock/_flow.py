"""Flows: tasks that depend on each other, put together by calling them, and run."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Sequence
from contextvars import Token
from types import TracebackType
from typing import TYPE_CHECKING, Any, Never, Self

from interlock._edges import Edge, building
from interlock._errors import FlowError
from interlock._gone import FLOW_OPTIONS, METHODS, sentence
from interlock._options import Handler, called, handlers, place
from interlock._runnable import Runnable
from interlock._tasks import Task

if TYPE_CHECKING:
    from pathlib import Path

    from interlock.results import Result
    from interlock.states import State


class Flow(Runnable):
    """Tasks and the edges between them.

    Inside `with Flow("name") as flow:`, calling a task adds it. Building a flow runs nothing; `flow.run()` does.

    Args:
        name: how it is called.
        tasks: tasks that it has from the start.
        edges: edges that it has from the start, and their tasks.
        reference_tasks: the tasks whose states decide how the flow ends; those with no downstream task otherwise.
        state_handlers: callables (flow, old state, new state) that see each change before it counts, as for a task.
        on_failure: a callable (flow, state) that is told once if the flow run ends in a failure.
        terminal_state_handler: a callable (flow, state, states of the reference tasks) that may return another state
            for the flow run to end in. Its result stays the states of the tasks.
        result: where the results of its tasks are stored that do not say so themselves, as for a task.

    Raises:
        FlowError: an argument has no meaning.
    """

    def __init__(
        self,
        name: str,
        *,
        tasks: Iterable[Task] = (),
        edges: Iterable[Edge] = (),
        reference_tasks: Iterable[object] | None = None,
        state_handlers: Sequence[Handler] | Handler | None = None,
        on_failure: Callable[[Any, Any], object] | None = None,
        terminal_state_handler: Callable[[Any, Any, Any], State | None] | None = None,
        result: Result | None = None,
        **unknown: Never,
    ) -> None:
        super().__init__()
        for option in unknown:
            if option in FLOW_OPTIONS:
                raise FlowError(sentence(f"flow {name!r}", f"{option}=...", FLOW_OPTIONS[option]))
            raise TypeError(f"Flow.__init__() got an unexpected keyword argument {option!r}")
        if not isinstance(name, str) or not name:
            raise FlowError(f"Flow: {name!r} is no name; give a text, as in Flow('nightly')")
        self.name = name
        self.state_handlers = handlers(f"flow {name!r}", state_handlers)
        self.on_failure = called(f"flow {name!r}", "on_failure", on_failure)
        self.terminal_state_handler = called(f"flow {name!r}", "terminal_state_handler", terminal_state_handler)
        self.result: Result | None = place(f"flow {name!r}", result)
        self._entered: list[Token[Flow | None]] = []
        for task in tasks:
            self.add_task(task)
        for edge in edges:
            self.add_edge(edge.upstream, edge.downstream, edge.key, edge.mapped, edge.flattened)
        if reference_tasks is not None:
            self.set_reference_tasks(reference_tasks)

    def __getstate__(self) -> dict[str, Any]:
        return {**super().__getstate__(), "_entered": []}  # nobody is inside a copy's `with` block

    def copy(self) -> Self:
        """Return another flow of the same tasks and edges."""
        twin = super().copy()
        twin._entered = []
        return twin

    __copy__ = copy

    def __setattr__(self, name: str, value: Any) -> None:
        if name in FLOW_OPTIONS:
            raise FlowError(sentence(f"flow {self.__dict__.get('name')!r}", name, FLOW_OPTIONS[name]))
        super().__setattr__(name, value)

    if not TYPE_CHECKING:  # a type checker is to say itself that a method is not there

        def __getattr__(self, name: str) -> object:
            if name in METHODS:
                raise AttributeError(sentence(f"flow {self.__dict__.get('name')!r}", f"{name}()", METHODS[name]))
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    def __enter__(self) -> Self:
        self._entered.append(building.set(self))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        building.reset(self._entered.pop())

    def visualize(
        self,
        flow_state: State | None = None,
        filename: str | Path | None = None,
        format: str | None = None,  # noqa: A002  # what graphviz calls it
        *,
        horizontal: bool = False,
    ) -> Any:
        """Return a picture of the flow, as a `graphviz.Digraph`. Any: graphviz ships no types.

        Mapped tasks are boxes, parameters houses, everything else is an ellipse; mapped edges are dashed.

        Args:
            flow_state: what a run of the flow returned: tasks have the names and colours of their states then.
            filename: where to write it: .dot or .gv for the text of graphviz; .png, .svg or .pdf, which the program dot
                makes.
            format: what to write, where the name does not say it; PDF otherwise.
            horizontal: whether it goes from left to right.

        Raises:
            FlowError: graphviz is not installed, or the file's name has another end.
        """
        from interlock import _visualize

        return _visualize.visualize(self, flow_state, filename, horizontal, format)

    def _repr_mimebundle_(
        self, include: Container[str] | None = None, exclude: Container[str] | None = None
    ) -> dict[str, str]:
        """Return what a notebook shows, by MIME type."""
        from interlock import _notebook

        return _notebook.flow(self, include, exclude)
