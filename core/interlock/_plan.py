"""A flow compiled for running: what each task needs, worked out once and shared by all runs of the flow."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from inspect import Parameter, iscoroutinefunction
from typing import TYPE_CHECKING, Any

from interlock._edges import Edge
from interlock._errors import FlowError
from interlock._keeping import Keeping, keeping_of
from interlock._options import limit, template
from interlock._tasks import Task
from interlock.signals import TIMEOUT
from interlock.triggers import all_successful

if TYPE_CHECKING:
    from interlock._flow import Flow

BUDGET = ("max_retries", "retry_limit", "max_turns", "caching")
"""The limits of a task run that a task sets: its options of these names."""

MANY = (Parameter.VAR_KEYWORD, Parameter.VAR_POSITIONAL)
BEHIND = ("downstream", "mapped_downstream", "measured", "flat_downstream")
"""What a node knows of those behind it: its attributes of these names."""


class Node:
    """One task of a plan."""

    __slots__ = (
        "awaits",
        "body",
        "budget",
        "conditions",
        "constants",
        "downstream",
        "flat",
        "flat_downstream",
        "guards",
        "handled",
        "index",
        "keeping",
        "keyed",
        "leaves",
        "limit",
        "logs",
        "mapped",
        "mapped_downstream",
        "measured",
        "naming",
        "plain",
        "slug",
        "sources",
        "special",
        "task",
        "upstream",
        "usual",
    )

    def __init__(self, index: int, task: Task, slug: str, edges: list[Edge], constants: Mapping[str, Any]) -> None:
        self.index = index
        self.task = task
        self.slug = slug
        self.body: Callable[..., Any] = task.run
        self.awaits = iscoroutinefunction(self.body)
        """Whether the body is async."""
        self.constants = dict(constants)
        self.usual = task.trigger is all_successful
        """Whether the trigger asks only if all succeeded, which the runner knows without calling it."""
        self.upstream: tuple[tuple[Edge, Node], ...] = ()
        self.sources: tuple[Node, ...] = ()
        """The nodes of the upstreams, one for each edge."""
        self.keyed: tuple[tuple[str, int], ...] = ()
        """Arguments, with the place of the upstream that gives them."""
        self.conditions = any(edge.upstream.gates for edge in edges)
        """Whether an upstream says which branch is taken."""
        self.flat = tuple(edge.key for edge in edges if edge.flattened and edge.key is not None and not edge.mapped)
        """Arguments that lose a level of nesting."""
        self.mapped = any(edge.mapped for edge in edges)
        self.plain: tuple[Node, ...] = ()
        """Upstreams that each child of a mapped task, or the task itself, takes whole."""
        self.downstream: tuple[Node, ...] = ()
        """Tasks that wait for this one to be over, once for each edge."""
        self.mapped_downstream: tuple[Node, ...] = ()
        """Mapped tasks whose children each wait for this one's child, once for each edge."""
        self.measured: tuple[Node, ...] = ()
        """Mapped tasks whose lengths this one's end makes known, once for each edge."""
        self.flat_downstream: tuple[Node, ...] = ()
        """Mapped tasks whose children take what is in this one's results: known when it is over, once for each edge."""
        self.naming = template(task.name, "task_run_name", task.task_run_name)
        self.keeping: Keeping | None = None
        """How results are kept; None where they are not."""
        self.special = bool(self.naming is not None or self.flat)
        """Whether something is to be made before the start."""
        self.logs = task.log_stdout
        self.limit = limit(task.name, "timeout", task.timeout)
        """How long the body may take, in seconds."""
        self.leaves = self.limit is not None
        """Whether nobody is to call the body here: it may have to be left behind."""
        self.handled = bool(task.state_handlers or task.on_failure)
        """Whether somebody else is to see each change of a run's state."""
        self.budget = 0
        """Which of the plan's sets of limits the task's runs have."""
        self.guards = _guards(task)

    def __repr__(self) -> str:
        return f"<Node {self.index}: {self.task.name}>"


Behind = dict[str, defaultdict[Node, list[Node]]]
"""By name, by node: those behind it."""


class Plan:
    """The nodes of a flow in an order in which they may run."""

    __slots__ = (
        "budgets",
        "caching",
        "flow",
        "mapped",
        "missing",
        "nodes",
        "references",
        "roots",
        "slug_of",
        "slugs",
        "unknown",
    )

    def __init__(self, flow: Flow) -> None:
        self.flow = flow
        edges = {task: list(flow.edges_to(task)) for task in flow.sorted_tasks()}
        self.slug_of = flow.slugs
        """What identifies each task in this flow."""
        self.nodes = [
            Node(index, task, self.slug_of[task], edges[task], flow.constants.get(task, {}))
            for index, task in enumerate(edges)
        ]
        by_task = {node.task: node for node in self.nodes}
        behind: Behind = {name: defaultdict(list) for name in BEHIND}
        for node in self.nodes:
            _connect(node, edges[node.task], by_task, behind)
            apart = {edge.key for edge in edges[node.task] if edge.mapped and edge.key} if node.mapped else None
            node.keeping = keeping_of(node.task, flow, node.slug, apart)
            node.special = node.special or node.keeping is not None
        for name, found in behind.items():  # tuples, for most are empty: a million tasks would have millions of lists
            for source, nodes in found.items():
                setattr(source, name, tuple(nodes))
        self.missing = [len(node.plain) for node in self.nodes]
        """By node: how many upstreams that go whole to it must be over, edges counted one by one."""
        self.unknown = [len(node.sources) - len(node.plain) for node in self.nodes]
        """By node: how many lengths must be known for it to be expanded."""
        budgets: dict[tuple[float, ...], int] = {}
        for node in self.nodes:
            limits = tuple(getattr(node.task, name) for name in BUDGET)
            node.budget = budgets.setdefault(limits, len(budgets))
        self.budgets = [dict(zip(BUDGET, limits, strict=True)) for limits in budgets]
        """The different sets of limits that tasks set."""
        self.roots = [node for node in self.nodes if not node.sources]
        self.references = [by_task[task] for task in flow.reference_tasks()]
        self.mapped = [node for node in self.nodes if node.mapped]
        self.caching = [node for node in self.nodes if node.task.caching]
        self.slugs = {node.slug: node.task for node in self.nodes}


def _connect(node: Node, edges: list[Edge], by_task: Mapping[Task, Node], behind: Behind) -> None:
    """Join a node to its upstreams, and take note of it as one behind each."""
    node.sources = tuple(by_task[edge.upstream] for edge in edges)
    node.upstream = tuple(zip(edges, node.sources, strict=True))
    node.keyed = tuple((edge.key, place) for place, edge in enumerate(edges) if edge.key is not None)
    node.plain = tuple(source for edge, source in node.upstream if not edge.mapped) if node.mapped else node.sources
    for edge, source in node.upstream:
        if edge.mapped:
            behind["measured"][source].append(node)
            behind["flat_downstream" if edge.flattened else "mapped_downstream"][source].append(node)
        else:
            behind["downstream"][source].append(node)
    given = {key for key, _ in node.keyed} | node.constants.keys()
    for name, parameter in node.task.signature.parameters.items():
        if parameter.default is parameter.empty and parameter.kind not in MANY and name not in given:
            raise FlowError(f"task {node.task.name!r}: argument {name!r} has no value and no source")


def plan(flow: Flow) -> Plan:
    """Return the plan of a flow, kept until the flow changes."""
    if flow._plan is None:
        flow._plan = Plan(flow)
    return flow._plan


def _guards(task: Task) -> dict[str, Callable[[Any, Any], bool]] | None:
    """Return what `retry_on` makes of the opaque guard: a failure without an exception is told by its signal.

    One that took too long is told by both: by `TIMEOUT`, and by `TimeoutError`.
    """
    kinds = task.retry_on
    if kinds is None:
        return None

    def retryable(_run: object, signal: object) -> bool:
        return isinstance(_cause(signal), kinds) or (isinstance(signal, TIMEOUT) and isinstance(signal, kinds))

    return {"retryable": retryable}


def _cause(signal: object) -> object:
    """Return the exception that a failure comes from; where there is none, the signal itself."""
    result = getattr(signal, "result", None)
    return result if isinstance(result, BaseException) else signal
