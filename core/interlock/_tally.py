"""How far a flow run is: what has ended and what is under way, task by task, and what the others wait for.

It is looked at from another thread: nobody tells of anything, so that the driver has no more to do than without. What
is read here is one reference at a time, and a run is over before anybody sees that it is.
"""

from __future__ import annotations

import heapq
import itertools
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from operator import attrgetter, not_
from typing import TYPE_CHECKING

import attrs

from interlock._task_payload import FRESH
from interlock.states import Failed, Paused, Retrying, Scheduled, State, Success

if TYPE_CHECKING:
    from interlock._board import Board
    from interlock._flow_runner import FlowRunner
    from interlock._plan import Node
    from interlock._task_runner import TaskRunner

MOST = 40  # tasks that have a line each; of more, those of one name share one
SHOWN = 5  # of the slowest runs
SLOW = 1.0  # seconds from which on a run is called slow
NAMED = 2  # upstreams that are named where a task waits for several
EXACT = 1_000  # runs under way whose states are looked at one by one
FEW = 10_000  # runs that ended between two looks: of more, none can be asked how long it took
INDEX, SLUG, NAME = attrgetter("index"), attrgetter("slug"), attrgetter("task.name")
STATE = attrgetter("state")


class Line:
    """How far the runs of a task are: its children, where it is mapped.

    Args:
        name: what it is called.
        nodes: the task's node; or those of all tasks of one name.
    """

    def __init__(self, name: str, nodes: Sequence[Node]) -> None:
        self.name = name
        self.node = nodes[0] if len(nodes) == 1 else None
        """The task's node, where it is for one."""
        self.ended: dict[type[State], int] = {}
        self.under_way: Sequence[TaskRunner] = ()
        """Those that something has happened to, and that are not over."""
        self.began: float | None = None
        """When something was first seen of it, in the seconds of a clock that nobody sets."""
        self.before = 0
        """Runs that were over at the first look: of a flow run that goes on, perhaps most."""
        self.last = 0.0
        """When something was last seen of it."""
        self._maps: dict[int, list[TaskRunner] | None] = {node.index: None for node in nodes if node.mapped}
        plain = [node for node in nodes if not node.mapped] if self._maps else nodes
        self._plain = list(map(INDEX, plain))  # those that are not over
        self._rough: dict[int, int] = {}  # by mapped task: children that are over, and were not yet looked at
        self.total = len(self._plain)
        """Runs that there are to be, as far as that is known."""
        self._seen = (self.total, self.counts())

    @property
    def done(self) -> int:
        """How many runs are over."""
        return sum(self.ended.values()) + sum(self._rough.values())

    def size(self, board: Board) -> int:
        """Return how many runs a look is at."""
        parents = ((board.runners[place], rest) for place, rest in self._maps.items())
        return len(self._plain) + sum(
            len(rest) if rest is not None else len(parent.children or ())
            for parent, rest in parents
            if parent is not None
        )

    @property
    def waiting(self) -> bool:
        """Whether there is something that is not over."""
        return bool(self._plain or self._maps)

    def counts(self) -> Counter[str]:
        """Return by the name of a state how many runs are in it; of those that something has happened to."""
        found = Counter({kind.__name__: number for kind, number in self.ended.items()})
        if len(self.under_way) <= EXACT:
            found.update(type(runner.state).__name__ for runner in self.under_way if not runner.over)
        else:
            found["under way"] = len(self.under_way)
        if more := sum(self._rough.values()):
            found["over"] = more
        return found

    def changed(self) -> bool:
        """Return whether it is another than when this was asked the last time."""
        seen = (self.total, self.counts())
        changed, self._seen = seen != self._seen, seen
        return changed

    def left(self, now: float) -> float | None:
        """Return for how many seconds it will go on, if it goes on as it went; None if that cannot be told yet."""
        if self.began is None:
            return None
        return left(self.done - self.before, self.total - self.done, now - self.began)

    def glance(self, board: Board) -> None:
        """Take note of how many children are over, by what their parents count: it takes no time."""
        for place, rest in self._maps.items():
            parent = board.runners[place]
            if parent is None or not parent.children:
                continue
            if rest is None:
                rest = self._expanded(place, parent)
            self._rough[place] = max(0, len(rest) - parent.left)

    def _expanded(self, place: int, parent: TaskRunner) -> list[TaskRunner]:
        rest = self._maps[place] = list(parent.children or ())
        self.total += len(rest)
        return rest

    def look(self, board: Board) -> tuple[list[TaskRunner], list[TaskRunner]]:
        """Take note of what has ended and what is under way. Returns the runs that have ended, and the tasks."""
        self._rough.clear()
        ended: list[TaskRunner] = []
        tops: list[TaskRunner] = []
        begun: list[TaskRunner] = []
        if self._plain:
            self._look_at_plain(board, tops, begun)
            ended += tops
        for place, rest in list(self._maps.items()):
            parent = board.runners[place]
            if parent is not None:
                self._look_at_map(place, parent, rest, (ended, tops, begun))
        for kind, number in Counter(map(type, map(STATE, ended))).items():
            self.ended[kind] = self.ended.get(kind, 0) + number
        self.under_way = begun
        return ended, tops

    def _look_at_plain(self, board: Board, ended: list[TaskRunner], begun: list[TaskRunner]) -> None:
        runners = list(map(board.runners.__getitem__, self._plain))
        over = [runner is not None and runner.over for runner in runners]
        if all(over):
            self._plain = []
            ended += runners  # type: ignore[arg-type]  # none is missing
            return
        if any(over):
            self._plain = list(itertools.compress(self._plain, map(not_, over)))
            ended += [runner for runner in itertools.compress(runners, over) if runner is not None]
            runners = list(itertools.compress(runners, map(not_, over)))
        begun += [runner for runner in runners if runner is not None and runner.state is not FRESH]

    def _look_at_map(
        self,
        place: int,
        parent: TaskRunner,
        rest: list[TaskRunner] | None,
        found: tuple[list[TaskRunner], list[TaskRunner], list[TaskRunner]],
    ) -> None:
        """Look at the children of a mapped task that were not over; one without any counts itself."""
        ended, tops, begun = found
        last = parent.over  # before its children are looked at: then they are over, too
        if rest is None and parent.children:
            rest = self._expanded(place, parent)
        if last:
            ended += rest or ()
        elif rest:
            over = [child.over for child in rest]
            ended += itertools.compress(rest, over)
            self._maps[place] = rest = list(itertools.compress(rest, map(not_, over))) if any(over) else rest
            begun += [child for child in rest if child.state is not FRESH]
        if last:
            del self._maps[place]
            tops.append(parent)
            if not parent.children:
                self.total += 1
                ended.append(parent)


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
    """The tasks that are over, in the order of their ends; none of so many that they share lines."""
    failed: Sequence[TaskRunner]
    """The runs that have failed, likewise; a child, and not what gathers it."""


class Tally:
    """Looks at a flow run.

    Attributes:
        runner: the flow run.
        name: the flow's.
        tasks: how many it has.
        lines: in the order of the flow.
        shared: whether tasks of one name share a line, as there are many.
    """

    def __init__(self) -> None:
        self.runner: FlowRunner | None = None
        self.name = ""
        self.tasks = 0
        self.lines: Sequence[Line] = ()
        self.shared = False
        self._slow: dict[str, float] = {}
        self._looked: float | None = None
        self._seen = False

    def looks_at(self, runner: FlowRunner) -> None:
        """Take note of the flow run that is to be looked at."""
        nodes = runner.plan.nodes
        self.name, self.tasks = runner.plan.flow.name, len(nodes)
        self.shared = len(nodes) > MOST
        named: dict[str, list[Node]] = {}
        for name, same in itertools.groupby(nodes, NAME if self.shared else SLUG):
            named.setdefault(name, []).extend(same)
        self.lines = [Line(name, same) for name, same in named.items()]
        self.runner = runner

    @property
    def size(self) -> int:
        """How many runs a look is at."""
        runner = self.runner
        return 0 if runner is None else sum(line.size(runner.board) for line in self.lines)

    def glance(self, now: float) -> News:
        """Return what can be told of maps without a look at their children: how many are over. `now`: as below."""
        moved: list[Line] = []
        if self.runner is not None:
            for line in self.lines:
                line.glance(self.runner.board)
                if line.changed():
                    moved.append(line)
                    self._stamp(line, now)
        self._seen = self._seen or self.runner is not None
        return News(moved, (), ())

    def take(self, now: float) -> News:
        """Return what has happened since the last look. `now`: in the seconds of a clock that nobody sets."""
        if self.runner is None:
            return News((), (), ())
        moved: list[Line] = []
        over: list[TaskRunner] = []
        failed: list[TaskRunner] = []
        for line in self.lines:
            if line.waiting:
                before = line.under_way
                ended, tops = line.look(self.runner.board)
                self._note(before, ended, now)
                over += () if self.shared else tops
                failed += _failing(line, ended)
                if tops or line.changed():
                    moved.append(line)
                    self._stamp(line, now)
        self._looked = now
        self._seen = True
        return News(moved, sorted(over, key=_at), sorted(failed, key=_at))

    def _stamp(self, line: Line, now: float) -> None:
        line.began = now if line.began is None else line.began
        line.before = line.before if self._seen else line.done
        line.last = now

    def _note(self, before: Sequence[TaskRunner], ended: Sequence[TaskRunner], now: float) -> None:
        """Take note of those that took long. One that began and ended between two quick looks did not."""
        suspects: Iterable[TaskRunner] = ended
        if self._looked is None or now - self._looked < SLOW or len(ended) > FEW:
            suspects = (runner for runner in before if runner.over)
        for runner in suspects:
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
        waits = next((text for run in line.under_way[:EXACT] if (text := _waits(run, now))), "")
        if waits or line.under_way:
            return waits
        node, board = line.node, self.runner.board
        runner = board.runners[node.index]
        if runner is not None and (text := _waits(runner, now)):
            return text
        upstreams = _named(source.slug for source in _unended(self.runner, node))
        return upstreams or self._place(node)

    def _place(self, node: Node) -> str:
        """Return which of its tags have no place left."""
        places = None if self.runner is None else self.runner.places
        full = [] if places is None else [tag for tag in node.task.tags if places.full(tag)]
        return f"a place: {', '.join(sorted(full))}" if full else ""


def _at(runner: TaskRunner) -> float:
    return runner.at()


def _failing(line: Line, ended: Sequence[TaskRunner]) -> list[TaskRunner]:
    """Return the runs that have failed. Most flows have none, and then none is looked at."""
    kinds = {kind for kind in line.ended if kind is not Success and issubclass(kind, Failed)}
    return [runner for runner in ended if type(runner.state) in kinds] if kinds else []


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
