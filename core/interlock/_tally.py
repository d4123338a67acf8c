"""How far a flow run is: what has ended and what is under way, task by task, and what the others wait for."""

from __future__ import annotations

import heapq
import itertools
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from collections.abc import Mapping as Mapping_
from operator import attrgetter
from typing import TYPE_CHECKING

import attrs

from interlock.states import Failed, Mapping, Paused, Retrying, Scheduled, State, Success

if TYPE_CHECKING:
    from interlock._flow_runner import FlowRunner
    from interlock._plan import Node
    from interlock._task_runner import TaskRunner

MOST = 40  # tasks that have a line each; of more, those of one name share one
SHOWN = 5  # of the slowest runs
SLOW = 1.0  # seconds from which on a run is called slow
NAMED = 2  # upstreams that are named where a task waits for several
NAME, NODE, PLACE, STATE = map(attrgetter, ("task.name", "node.index", "place", "state"))
EXACT = 1_000  # runs under way whose states are looked at one by one


class Line:
    """How far the runs of a task are: its children, where it is mapped.

    Args:
        place: its number.
        name: what it is called.
        tasks: how many tasks of that name it is for.
        node: the task's node, where it is for one.
    """

    def __init__(self, place: int, name: str, tasks: int, node: Node | None = None) -> None:
        self.place = place
        self.name = name
        self.node = node
        self.total = tasks
        """Runs that there are to be, as far as that is known."""
        self.mapped = 0
        """Mapped tasks that are not over."""
        self.ended: dict[type[State], int] = {}
        self.under_way: set[TaskRunner] = set()
        """Those that something has happened to, and that are not over."""
        self.began: float | None = None
        """When something was first seen of it, in the seconds of a clock that nobody sets."""
        self.before = 0
        """Runs that were over at the first look: of a flow run that goes on, perhaps most."""
        self.last = 0.0
        """When something was last seen of it."""

    @property
    def done(self) -> int:
        """How many runs are over."""
        return sum(self.ended.values())

    @property
    def waiting(self) -> bool:
        """Whether there is something that is not over."""
        return self.mapped > 0 or self.done < self.total

    def counts(self) -> Counter[str]:
        """Return by the name of a state how many runs are in it; of those that something has happened to."""
        found = Counter({kind.__name__: number for kind, number in self.ended.items()})
        if len(self.under_way) <= EXACT:
            found.update(type(runner.state).__name__ for runner in tuple(self.under_way))
        else:
            found["under way"] = len(self.under_way)
        return found

    def left(self, now: float) -> float | None:
        """Return for how many seconds it will go on, if it goes on as it went; None if that cannot be told yet."""
        if self.began is None:
            return None
        return left(self.done - self.before, self.total - self.done, now - self.began)


def left(done: int, more: int, seconds: float) -> float | None:
    """Return for how many seconds something will go on of which so much was done in so many, and so much is to do."""
    if done < 3 or seconds < 1.0 or seconds / done * more < 1.0:
        return None  # too early to tell, or not worth it
    return seconds / done * more


@attrs.frozen
class News:
    """What has happened since the last look."""

    lines: Sequence[Line]
    """Those of which something has changed, in their order."""
    over: Sequence[TaskRunner]
    """The tasks that are over, in their order, where each has a line."""
    failed: Sequence[TaskRunner]
    """The runs that have failed, in their order; a child, and not what gathers it."""


class Tally:
    """Looks on. The driver only adds to two lists, which is all that a short task can afford; the work is done here.

    Attributes:
        changed: takes a run that has changed its state.
        ended: takes a run that is over.
        runner: the flow run.
        name: the flow's.
        tasks: how many it has.
        lines: in the order of the flow.
        shared: whether tasks of one name share a line, as there are many.
    """

    def __init__(self) -> None:
        self.runner: FlowRunner | None = None
        self.lines: Sequence[Line] = ()
        self._slow: dict[str, float] = {}
        self.name = ""
        self.tasks = 0
        self._changed: list[TaskRunner] = []
        self._ended: list[TaskRunner] = []
        self.changed = self._changed.append
        self.ended = self._ended.append
        self._line_of: list[Line] = []
        self._expanded: set[TaskRunner] = set()
        self._looked: float | None = None
        self.shared = False
        self._maps = False

    def begins(self, runner: FlowRunner) -> None:
        """Take note of the flow run, before anything has happened to it."""
        nodes = runner.plan.nodes
        self.name, self.tasks = runner.plan.flow.name, len(nodes)
        if len(nodes) <= MOST:
            self._line_of = [Line(node.index, node.slug, 1, node) for node in nodes]
            self.lines = self._line_of
        else:
            self.shared = True
            names = list(map(NAME, nodes))
            counts = enumerate(Counter(names).items())
            lines = {name: Line(place, name, tasks) for place, (name, tasks) in counts}
            self.lines = list(lines.values())
            self._line_of = list(map(lines.__getitem__, names))
        for node in runner.plan.mapped:
            line = self._line_of[node.index]
            line.total -= 1
            line.mapped += 1
        self._maps = bool(runner.plan.mapped)
        self.runner = runner

    def take(self, now: float) -> News:
        """Return what has happened since the last look. `now`: in the seconds of a clock that nobody sets."""
        ended, changed = _taken(self._ended), _taken(self._changed)
        moved: dict[Line, None] = {}
        for runner in [runner for runner in changed if not runner.over]:
            line = self._line_of[runner.node.index]
            moved[line] = None
            self._moved(line, runner)
        counts = self._counted(ended)
        for (line, kind), number in counts.items():
            moved[line] = None
            line.ended[kind] = line.ended.get(kind, 0) + number
        tops = [run for run in ended if run.index is None] if self._maps or not self.shared else []
        for runner in tops if self._maps else ():
            if runner.node.mapped:
                self._gathered(self._line_of[runner.node.index], runner)
        if self._looked is None:
            for line in moved:
                line.before = line.done
        elif now - self._looked >= SLOW:  # what is slow may have begun since, too
            self._note(ended)
        self._looked = now
        for line in moved:
            self._settled(line, ended, now)
        failing = {kind for _, kind in counts if kind is not Success and issubclass(kind, Failed)}
        failed = [run for run in ended if type(run.state) in failing and not run.children] if failing else []
        return News(sorted(moved, key=PLACE), [] if self.shared else tops, failed)

    def _counted(self, ended: Sequence[TaskRunner]) -> Mapping_[tuple[Line, type[State]], int]:
        """Count runs by line and state. For short tasks this is the dearest part; so it is left to what is compiled."""
        lines = map(self._line_of.__getitem__, map(NODE, ended))
        kinds = Counter(map(type, map(STATE, ended)))
        if len(kinds) > 1:
            return Counter(zip(lines, map(type, map(STATE, ended)), strict=True))
        return {(line, kind): number for kind in kinds for line, number in Counter(lines).items()}

    def _moved(self, line: Line, runner: TaskRunner) -> None:
        if runner.index is not None or not runner.node.mapped:
            line.under_way.add(runner)
        elif runner.children is not None and isinstance(runner.state, Mapping) and runner not in self._expanded:
            self._expanded.add(runner)
            line.total += len(runner.children)

    def _gathered(self, line: Line, parent: TaskRunner) -> None:
        """Count a mapped task that is over: by its children, or as one run where it has none."""
        line.mapped -= 1
        if not parent.children:
            line.total += 1
            return
        kind = type(parent.state)
        line.ended[kind] -= 1
        if not line.ended[kind]:
            del line.ended[kind]
        if parent not in self._expanded:  # it was over before this flow run
            line.total += len(parent.children)

    def _settled(self, line: Line, ended: Sequence[TaskRunner], now: float) -> None:
        if line.began is None:
            line.began = now
        line.last = now
        if line.under_way:
            self._note(line.under_way.intersection(ended))
            line.under_way.difference_update(ended)

    def _note(self, runners: Iterable[TaskRunner]) -> None:
        """Take note of those that took long. One that began and ended between two quick looks did not."""
        for runner in runners:
            if not runner.children and (took := runner.took()) >= SLOW:
                self._slow[runner.name] = took

    @property
    def slowest(self) -> list[tuple[float, str]]:
        """The runs that took longest, in seconds, with their names."""
        return heapq.nlargest(SHOWN, ((took, name) for name, took in self._slow.items()))

    def begins_in(self, now: float) -> float | None:
        """Return in how many seconds the flow run begins, where it waits for that. `now`: since 1970."""
        state = None if self.runner is None else self.runner.state
        if not isinstance(state, Scheduled) or state.start_time is None:
            return None
        return max(0.0, state.start_time.timestamp() - now)

    def totals(self) -> tuple[int, int]:
        """Return how many runs are over, and how many there are to be."""
        return sum(line.done for line in self.lines), sum(line.total for line in self.lines)

    def why(self, line: Line, now: float) -> str:
        """Return what a task waits for, in a few words; nothing if it waits for nothing. `now`: since 1970."""
        if self.runner is None or not line.waiting or line.node is None:
            return ""
        waits = next((text for run in tuple(line.under_way)[:EXACT] if (text := _waits(run, now))), "")
        if waits or line.under_way:
            return waits
        node, board = line.node, self.runner.board
        runner = board.runners[node.index]
        if runner is not None and (text := _waits(runner, now)):
            return text
        upstreams = _named(self._line_of[source.index].name for source in _unended(self.runner, node))
        return upstreams or self._place(node)

    def _place(self, node: Node) -> str:
        """Return which of its tags have no place left."""
        places = None if self.runner is None else self.runner.places
        full = [] if places is None else [tag for tag in node.task.tags if places.full(tag)]
        return f"a place: {', '.join(sorted(full))}" if full else ""


def _taken(found: list[TaskRunner]) -> list[TaskRunner]:
    """Return what is in a list, and take it out, while another thread adds to it."""
    taken = found[:]
    del found[: len(taken)]
    return taken


def _waits(runner: TaskRunner, now: float) -> str:
    state = runner.state
    if not isinstance(state, Scheduled) or runner.over:
        return ""
    due = runner.due()
    if due is not None:
        what = "its retry" if isinstance(state, Retrying) else "its time"
        return f"{what}, in {max(0.0, due - now):,.0f} s"
    return "a person" if isinstance(state, Paused) or runner.run.closed else ""


def _unended(runner: FlowRunner, node: Node) -> Iterator[Node]:
    """Yield the upstreams that a node waits for."""
    for source in dict.fromkeys(node.sources):
        upstream = runner.board.runners[source.index]
        if upstream is None or not upstream.over:
            yield source


def _named(names: Iterator[str]) -> str:
    first = list(itertools.islice(names, NAMED))
    more = sum(1 for _ in names)
    return ", ".join(first) + (f" and {more:,} more" if more else "")
