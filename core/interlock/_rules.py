"""The rules that the parts of a table must keep together, each as a function that yields its breaches.

They are rules 2 to 6 of the notation (`spec/README.md`). Cells that carry a state are left out of reachability and
cycles: `ENDRUN` would hide every island and trap, and it ends the pass.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Iterator

from interlock import _guards
from interlock._errors import SpecError, listed
from interlock._guards import BadGuard, Count, Limit, Number, Sum
from interlock._table import REFUSED, Cell, Choice, Table

Edge = tuple[Cell, Choice]
Graph = dict[str, set[str]]


def check(table: Table) -> None:
    """Hold a table against every rule.

    Raises:
        SpecError: with all breaches.
    """
    problems = [problem for rule in RULES for problem in rule(table)]
    if not problems:
        problems = [problem for rule in LATER_RULES for problem in rule(table)]
    if problems:
        raise SpecError(table.file, tuple(dict.fromkeys(problems)))


def _heads(table: Table) -> Iterator[str]:
    """The initial state and the attempt states are states that a run can work in."""
    for place, names in (("initial", (table.initial,)), ("attempt", table.attempt)):
        for name in names:
            state = table.states[name]
            if state.abstract or state.final:
                kind = "abstract" if state.abstract else "final"
                yield f"{place}: {name} is {kind}; it must be a state to go on from"
    if table.initial in table.attempt:
        yield f"attempt: {table.initial} is the initial state; an attempt is opened by entering {table.attempt[0]}"


def _answers(table: Table) -> Iterator[str]:
    """Rule 2: a final or abstract state has no cell, every other state has some."""
    for cell in table.cells.values():
        state = table.states[cell.state]
        if state.final or state.abstract:
            kind = "final" if state.final else "abstract"
            yield f"{cell.place}: {cell.state} is {kind}; {'over is over' if state.final else 'no run is in it'}"
    for name in table.concrete():
        row = table.row(name)
        if not table.states[name].final and all(cell.refused for cell in row.values()):
            yield f"states.{name}: is not final and accepts nothing; write [from.{name}], or final = true"


def _choices(table: Table) -> Iterator[str]:
    """Rule 4: a cell always has an answer, and each of its choices can be it."""
    for cell in table.cells.values():
        if not cell.choices:
            continue
        *before, last = cell.choices
        if last.guard:
            yield f"{cell.place}: its last choice {str(last)!r} has a guard; add what follows when it says no"
        for choice in before:
            if choice.guard is None:
                yield f"{cell.place}: nothing behind {str(choice)!r} is ever chosen, for it asks nothing"
        for choice in cell.choices:
            if choice.target == REFUSED and (choice is not last or choice.guard):
                yield f"{cell.place}: {REFUSED!r} is a last choice without a guard, or none"
        if not last.guard and all(choice.guard for choice in before):
            yield from _shadowed(table, cell)


def _shadowed(table: Table, cell: Cell) -> Iterator[str]:
    try:
        chosen = _guards.selectable([table.test(choice) for choice in cell.choices])
    except BadGuard as error:
        yield f"{cell.place}: {error}"
        return
    for index in sorted({*range(len(cell.choices))} - chosen):
        choice = cell.choices[index]
        alone = _guards.selectable([table.test(choice)])
        why = (
            "shadowed: the choices before it always answer first" if alone else "never chosen: its guard is never true"
        )
        yield f"{cell.place}: {str(choice)!r} is {why}"


def _targets(table: Table) -> Iterator[str]:
    """A run can be in every target; a self-loop and a refusal say why."""
    for cell in table.cells.values():
        for target in cell.targets:
            if table.states[target].abstract:
                members = [name for name in table.family(target) if not table.states[name].abstract]
                yield f"{cell.place}: {target} is abstract: no run can be in it; its members: {listed(members)}"
        if cell.refused and not cell.because:
            yield f"{cell.place}: a refusal is written for its reason; add because = '...' or drop the cell"
        if cell.state in cell.targets and not cell.carries and not cell.because:
            yield f"{cell.place}: {cell.state} stays where it is; a self-loop says why: add because = '...'"


def _sealing(table: Table) -> Iterator[str]:
    """A signal that seals carries the state it seals, and no other signal carries one."""
    for cell in table.cells.values():
        seals = table.signals[cell.signal].seals
        if seals and cell.choices and not cell.refused:
            yield f"{cell.place}: {cell.signal} seals the run in the state that it carries; write carries = [...]"
        if cell.carries and not seals:
            yield f"{cell.place}: {cell.signal} carries a state; signals.{cell.signal} must say seals = true"
        for name in cell.carries:
            if name in table.attempt:
                yield f"{cell.place}: carries {name}, in which an attempt is open; a sealed run has none"


def _used(table: Table) -> Iterator[str]:
    """Rule 3, second half: every signal, guard, limit and group is used."""
    cells = [cell for cell in table.cells.values() if not cell.refused]
    chosen = {choice.guard for cell in table.cells.values() for choice in cell.choices if choice.guard}
    asked = chosen | {other for name in table.guards for other in _asks(table, name)}
    limits = {leaf.name for g in table.guards.values() for leaf in _guards.leaves(g.test) if isinstance(leaf, Limit)}
    rows = table.source.get("from", {}).values()
    carried = {name for row in rows for cell in row.values() for name in _named(cell)}
    groups = {cell.section for cell in table.cells.values()} | carried
    for kind, names, used in (
        ("signals", table.signals, {cell.signal for cell in cells}),
        ("guards", table.guards, asked),
        ("limits", table.limits, limits),
        ("groups", table.groups, groups),
    ):
        for name in names:
            if name not in used:
                yield f"{kind}.{name}: is used nowhere; use it or drop it"


def _asks(table: Table, name: str) -> set[str]:
    when = re.sub("#.*", "", table.guards[name].when)  # a remark uses nothing
    words = when.replace("(", " ").replace(")", " ").split()
    return {word for word in words if word in table.guards and word != name}


def _named(cell: object) -> Iterable[str]:
    carries = cell.get("carries", ()) if isinstance(cell, dict) else ()
    return [name for name in carries if isinstance(name, str)]


def reach(start: Iterable[str], graph: Graph) -> set[str]:
    """Return the states that lie on some way from `start`, itself included."""
    seen = set(start)
    todo = list(seen)
    while todo:
        new = graph.get(todo.pop(), set()) - seen
        seen |= new
        todo += new
    return seen


def _ways(edges: Iterable[tuple[str, str]]) -> Graph:
    graph: Graph = {}
    for before, after in edges:
        graph.setdefault(before, set()).add(after)
    return graph


def _reachable(table: Table) -> Iterator[str]:
    """Rule 3, first half: every state can be reached, and can end, by cells that carry nothing."""
    edges = [(cell.state, choice.target) for cell, choice in table.edges()]
    reached = reach([table.initial], _ways(edges))
    final = [name for name in table.concrete() if table.states[name].final]
    ending = reach(final, _ways((after, before) for before, after in edges))
    for name in table.concrete():
        if name not in reached:
            yield f"states.{name}: cannot be reached from {table.initial}; give some cell the target {name!r}"
        elif name not in ending:
            yield f"states.{name}: is a trap: no final state can be reached from it ({listed(final, 'there is none')})"
    for name, state in table.states.items():
        if state.abstract and len(table.family(name)) == 1:
            yield f"states.{name}: is abstract and has no members; some state must say is = {name!r}"


def _grows(number: Number, edge: Edge) -> int:
    """By how much taking an edge changes a number."""
    cell, choice = edge
    factors = _guards.linear(number)
    return factors.get(Count("entered", choice.target), 0) + factors.get(Count("taken", cell.signal), 0)


def bounding(table: Table, edge: Edge, around: list[Edge]) -> set[str] | None:
    """Return the limits that let an edge be taken finitely often among the edges `around` it; None if nothing does.

    A conjunct `A < B` of its guard does so if taking the edge raises A - B, no edge around lowers it, and the limits in
    it are finite.
    """
    test = table.test(edge[1])
    for left, right in _guards.bounds(test) if test is not None else ():
        difference = Sum("-", left, right)
        limits = {leaf.name for leaf in _guards.leaves(difference) if isinstance(leaf, Limit)}
        finite = all(table.limits[name].default != math.inf for name in limits)
        if finite and _grows(difference, edge) > 0 and all(_grows(difference, other) >= 0 for other in around):
            return limits
    return None


def knots(table: Table) -> Iterator[list[Edge]]:
    """Yield the edges of each strongly connected part, without those whose signals recur."""
    edges = [edge for edge in table.edges() if table.signals[edge[0].signal].recurs is None]
    part = _parts(table.concrete(), _ways((cell.state, choice.target) for cell, choice in edges))
    found: dict[str, list[Edge]] = {}
    for edge in edges:
        if part[edge[0].state] == part[edge[1].target]:
            found.setdefault(part[edge[0].state], []).append(edge)
    yield from found.values()


def _parts(names: Iterable[str], graph: Graph) -> dict[str, str]:
    """Return a name for the strongly connected part of each state: that of one of its states.

    Kosaraju and Sharir's two searches, without recursion: a life cycle may be a long line.
    """
    left: dict[str, None] = {}  # in the order in which the first search leaves the states
    seen: set[str] = set()
    for name in names:
        way = [(name, iter(sorted(graph.get(name, ()))))] if name not in seen else []
        seen.add(name)
        while way:
            state, ahead = way[-1]
            for other in ahead:
                if other not in seen:
                    seen.add(other)
                    way.append((other, iter(sorted(graph.get(other, ())))))
                    break
            else:
                left[state] = None
                way.pop()
    back = _ways((after, before) for before, targets in graph.items() for after in targets)
    part: dict[str, str] = {}
    for name in reversed(left):
        todo = [name] if name not in part else []
        for state in todo:
            if state not in part:
                part[state] = name
                todo += back.get(state, ())
    return part


def _cycles(table: Table) -> Iterator[str]:
    """Rule 6: every cycle but a self-loop contains a signal that recurs, or a choice that a finite limit bounds."""
    for part in knots(table):
        unbounded = [(c, o) for c, o in part if c.state != o.target and bounding(table, (c, o), part) is None]
        if cycle := _cycle(unbounded):
            path = " ".join(f"{cell.state} -{cell.signal}->" for cell, _ in cycle) + f" {cycle[0][0].state}"
            yield (
                f"{cycle[0][0].place}: the cycle {path} has no end: "
                "let one of its signals recur, with the reason, "
                "or guard a choice by a finite limit on what it raises: taken(its signal) or entered(its target)"
            )


def _cycle(edges: list[Edge]) -> list[Edge]:
    """Return some cycle among the edges, the shortest from its first state, or nothing."""
    for start, _ in edges:
        paths: dict[str, list[Edge]] = {start.state: []}
        todo = [start.state]
        for name in todo:
            for edge in edges:
                if edge[0].state != name:
                    continue
                if edge[1].target == start.state:
                    return [*paths[name], edge]
                if edge[1].target not in paths:
                    paths[edge[1].target] = [*paths[name], edge]
                    todo.append(edge[1].target)
    return []


def bounding_limits(table: Table) -> frozenset[str]:
    """Return the limits that end a cycle: a run may not set them to infinity."""
    return frozenset(name for part in knots(table) for edge in part for name in bounding(table, edge, part) or ())


RULES: tuple[Callable[[Table], Iterator[str]], ...] = (_heads, _answers, _choices, _targets, _sealing, _used)
# Asked only of a table that keeps the rules above: an island is often just the shadow of another mistake.
LATER_RULES: tuple[Callable[[Table], Iterator[str]], ...] = (_reachable, _cycles)
