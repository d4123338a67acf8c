"""What a flow run that failed or was cancelled leaves for another: what need not be done again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from interlock.states import Cached, Cancelled, Mapped, State, Success

if TYPE_CHECKING:
    from interlock._plan import Node, Plan
    from interlock._results import TaskStates

_ANEW = Cancelled("To be done again")


def kept(plan: Plan, ended: TaskStates) -> dict[str, State]:
    """Return, by slug, the states of task runs that stand: they ended well, and so did all that they stand on.

    Of a mapped task those children stand. A resource is set up again for what is done again with it.
    """
    given: dict[str, State] = {}
    whole: set[Node] = set()
    children: dict[Node, list[bool]] = {}
    for node in plan.nodes:  # upstreams come first
        if any(source not in whole for source in node.plain):
            continue
        state = ended[node.slug]
        stands = state.is_successful()
        if node.mapped and (states := ended.children(node.slug)):
            good = children[node] = _standing(node, states, whole, children)
            stands = stands and all(good)
            given[node.slug] = Mapped(
                state.message,
                map_states=tuple(_given(child) if ok else _ANEW for child, ok in zip(states, good, strict=True)),
            )
        elif stands:
            given[node.slug] = _given(state)
        if stands:
            whole.add(node)
    for node in plan.nodes:
        if node.task.tidies and node not in whole:
            for edge, source in node.upstream:
                if edge.key is not None:
                    given.pop(source.slug, None)
    return given


def _standing(node: Node, states: Sequence[State], whole: set[Node], children: Mapping[Node, list[bool]]) -> list[bool]:
    """Return which children of a mapped task stand: each on its own upstream children."""
    good = [state.is_successful() for state in states]
    for edge, source in node.upstream:
        if not edge.mapped or source in whole:
            continue
        above = [] if edge.flattened else children.get(source, [])  # in a flattened list places may have moved
        good = [ok and place < len(above) and above[place] for place, ok in enumerate(good)]
    return good


def _given(state: State) -> State:
    """Return a state as one that is given: what was looked up once is not looked at again."""
    return Success(state.message, state.result) if isinstance(state, Cached) else state
