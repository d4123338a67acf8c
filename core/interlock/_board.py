"""Who waits for whom: the task runs of one flow run, and how many upstreams each still waits for.

Every run that ends tells those behind it, so that work per edge is constant. A mapped task is expanded as soon as the
lengths are known; its children wait each for its own upstream child, so that chains of maps go depth first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from interlock._elements import Ended
from interlock._plan import Node, Plan
from interlock._task_runner import TaskRunner
from interlock.states import State, Success


class Board:
    """The runners of a flow run.

    Args:
        plan: the flow.
        make: returns the runner of a node, or of its child with a number.
    """

    def __init__(self, plan: Plan, make: Callable[[Node, int | None], TaskRunner]) -> None:
        self.plan = plan
        self.runners: list[TaskRunner | None] = [None] * len(plan.nodes)
        self._make = make
        self._missing = list(plan.missing)
        self._unknown = list(plan.unknown)
        self.unended = len(plan.nodes)
        """How many runs are not over, those not yet made among them."""
        self.elements: dict[tuple[int, int | str], Sequence[Any]] = {}
        """By mapped node, and argument or upstream node: what its children are made of, where no children of the
        upstream are. Any: the user's."""

    def runner(self, node: Node) -> TaskRunner:
        """Return the runner of a node, made when it is first asked for."""
        runner = self.runners[node.index]
        if runner is None:
            runner = self.runners[node.index] = self._make(node, None)
        return runner

    def make_all(self) -> None:
        """Make the runners of all nodes."""
        for node in self.plan.nodes:
            self.runner(node)

    def all(self) -> Iterator[TaskRunner]:
        """Yield the runners that were made, each parent before its children."""
        for runner in self.runners:
            if runner is not None:
                yield runner
                yield from runner.children or ()

    def upstreams(self, runner: TaskRunner) -> list[State]:
        """Return the states of a runner's upstreams, one for each edge: for a child those of its own elements."""
        runners = self.runners
        states: list[State] = []
        if runner.index is None:
            for source in runner.node.sources:
                states.append(runners[source.index].state)  # type: ignore[union-attr]  # over
            return states
        for edge, source in runner.node.upstream:
            upstream = runners[source.index]
            assert upstream is not None  # it is over, or expanded
            if not edge.mapped:
                states.append(upstream.state)
            elif upstream.children is not None and not edge.flattened:
                states.append(upstream.children[runner.index].state)
            else:
                element = self.elements[runner.node.index, edge.key or source.index][runner.index]
                states.append(element.state if isinstance(element, Ended) else Success(None, element))
        return states

    def expand(self, parent: TaskRunner, length: int) -> list[TaskRunner]:
        """Make the children of a mapped task, and return the runs that are ready now."""
        node = parent.node
        sources = self._child_sources(node)
        children = []
        for index in range(length):
            child = self._make(node, index)
            child.missing = sum(not source[index].over for source in sources)
            children.append(child)
        parent.children = children
        parent.left = length
        self.unended += length
        known = [runner for below in node.mapped_downstream for runner in self._known(below)]
        if not length:
            return known if self._missing[node.index] else [parent, *known]
        free = [] if self._missing[node.index] else [child for child in children if not child.missing]
        # What maps over these children is expanded first, so that its children follow theirs one by one.
        return [*known, *free]

    def over(self, runner: TaskRunner) -> list[TaskRunner]:
        """Take note, once, that a run is over, and return the runs that are ready now."""
        self.unended -= 1
        if runner.index is not None:
            return self._child_over(runner)
        ready: list[TaskRunner] = []
        own, missing = runner.node, self._missing
        for node in own.downstream:
            place = node.index
            left = missing[place] - 1
            missing[place] = left
            if left:
                continue
            if node.mapped:
                ready += self._released(node)
            else:
                below = self.runners[place]
                if below is None:  # `runner`, written out
                    below = self.runners[place] = self._make(node, None)
                ready.append(below)
        if own.measured:
            expanded = own.mapped and runner.children is not None
            for node in own.flat_downstream if expanded else own.measured:
                ready += self._known(node)
        return ready

    def _child_sources(self, node: Node) -> list[list[TaskRunner]]:
        """Return the children of the upstreams that each child of a node waits for one of."""
        waits = [self.runners[source.index] for edge, source in node.upstream if edge.mapped and not edge.flattened]
        return [up.children for up in waits if up is not None and up.children is not None]

    def _child_over(self, runner: TaskRunner) -> list[TaskRunner]:
        ready: list[TaskRunner] = []
        index = runner.index or 0
        for node in runner.node.mapped_downstream:
            below = self.runners[node.index]
            if below is not None and below.children is not None and index < len(below.children):
                child = below.children[index]
                child.missing -= 1
                if not child.missing and not self._missing[node.index]:
                    ready.append(child)
        parent = self.runners[runner.node.index]
        assert parent is not None
        parent.left -= 1
        if not parent.left:
            ready.append(parent)
        return ready

    def _released(self, node: Node) -> list[TaskRunner]:
        parent = self.runner(node)
        if parent.children is None or not parent.children:
            # It waited for its other upstreams to know how it ends, or has nothing else to wait for.
            return [] if self._unknown[node.index] else [parent]
        return [child for child in parent.children if not child.missing and not child.over]

    def _known(self, node: Node) -> list[TaskRunner]:
        self._unknown[node.index] -= 1
        return [] if self._unknown[node.index] else [self.runner(node)]

    def waits(self, node: Node) -> bool:
        """Return whether upstreams that go whole to a node are not over."""
        return bool(self._missing[node.index])

    def missing(self, runner: TaskRunner) -> bool:
        """Return whether a run has upstreams that are not over, or a mapped task ones that are of unknown length."""
        place = runner.node.index
        return bool(self._missing[place] or (self._unknown[place] if runner.index is None else runner.missing))

    def fresh(self) -> list[TaskRunner]:
        """Return the runs of nodes that wait for nothing and that nothing has happened to."""
        return [
            self.runner(node)
            for node in self.plan.nodes
            if self.runners[node.index] is None and not self._missing[node.index] and not self._unknown[node.index]
        ]

    def recount(self) -> None:
        """Work out who waits for whom from the states, for a flow run that was restored."""
        for node in self.plan.nodes:
            self._missing[node.index] = sum(not self._over(source) for source in node.plain)
            self._unknown[node.index] = sum(
                not (self._over(source) or (self._expanded(source) and not edge.flattened))
                for edge, source in node.upstream
                if edge.mapped
            )
        self.unended = sum(runner is None or not runner.over for runner in self.runners)
        for parent in self.runners:
            if parent is None or parent.children is None:
                continue
            sources = self._child_sources(parent.node)
            parent.left = sum(not child.over for child in parent.children)
            self.unended += parent.left
            for child in parent.children:
                child.missing = sum(not source[child.index or 0].over for source in sources)

    def _over(self, node: Node) -> bool:
        runner = self.runners[node.index]
        return runner is not None and runner.over

    def _expanded(self, node: Node) -> bool:
        runner = self.runners[node.index]
        return runner is not None and runner.children is not None
