"""The runner of one flow run: signals in, commands out.

It holds no thread, reads no clock and calls no body. The flow's own life follows its table; its task runs end or rest
before it does.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any

from interlock import states
from interlock._board import Board
from interlock._commands import Call, Command, Done, Look, Store, Wait
from interlock._data import Record
from interlock._ends import FAST, STOPPED, for_a_person, kept_children, wakes
from interlock._flow_hooks import of_flow
from interlock._flow_life import FlowLife
from interlock._hooks import Hooks
from interlock._machine import Machine
from interlock._maps import lengths_of
from interlock._places import Places
from interlock._plan import Node, Plan
from interlock._results import TaskStates
from interlock._resume import begin_with, going_on, put_back, rebased
from interlock._run import KEEP, Run
from interlock._story import Cut, origin
from interlock._task_payload import FRESH
from interlock._task_runner import TaskRunner
from interlock._timers import Timers
from interlock.signals import CANCEL, FAIL, GATHER, MAP, RESUME, SCHEDULE, SKIP, START, TRIGGERFAIL, Signal
from interlock.states import State

Watch = Callable[[TaskRunner], None]
NOTHING: Mapping[str, Signal] = MappingProxyType({})


class FlowRunner:
    """One flow run.

    Args:
        plan: the flow.
        layers: the context of the flow run, its parameters under "parameters". Any: the user's.
        tasks: the table of its task runs; the shipped one otherwise.
        flow: the table of the flow run itself; the shipped one otherwise.
        hooks: the plugins' hooks.
        tag_limits: by tag: how many task runs that have it may be under way at once.
    """

    def __init__(
        self,
        plan: Plan,
        layers: Mapping[str, Any],
        *,
        tasks: Machine | None = None,
        flow: Machine | None = None,
        hooks: Hooks | None = None,
        tag_limits: Mapping[str, int] | None = None,
    ) -> None:
        self.plan = plan
        self.board = Board(plan, self._make)
        self.hooks = hooks = of_flow(hooks, layers)
        self._life = FlowLife(self.board, layers, flow, hooks, self._end_all)
        self._machine = tasks or Machine.load("task-run")
        self._layers = layers
        self._turn = [hooks]  # of all the task runs: each is a mutable list less to make and to walk
        self.watch: Watch | None = None  # told of every task run that has changed its state
        self._ready: deque[TaskRunner] = deque()
        self.places = Places(tag_limits, self._ready) if tag_limits else None
        self._timers = Timers()
        self._begins: float | None = None  # when the flow run is to begin, while it waits for that
        self._flying = 0  # bodies under way
        self._said: dict[TaskRunner, Signal] = {}  # by run: what a person says of it next, in the place of its gates
        self._given: dict[TaskRunner, State] = {}  # by run: a kept result, or children, that it was given to begin with
        self._behind: deque[Call] = deque()  # what follows on looks and turns, and comes before outcomes
        self._cuts: list[Cut | None] = [None] * len(plan.budgets)  # where the runs with a budget begin

    def _make(self, node: Node, index: int | None) -> TaskRunner:
        cut = self._cuts[node.budget]
        if cut is None:
            known = {name: n for name, n in self.plan.budgets[node.budget].items() if name in self._machine.limits}
            cut = self._cuts[node.budget] = origin(self._machine._compile(known), KEEP)
        runner = TaskRunner(node, Run._of(self._machine, cut, node.guards, self.hooks, self._turn), index)
        if node.handled:
            runner.handle(self.hooks, self._layers)
        return runner

    @property
    def state(self) -> State:
        """The state of the flow run."""
        return self._life.state

    @property
    def run(self) -> Run:
        """Its own life."""
        return self._life.run

    # Signals in

    def start(self, now: float, given: Mapping[str, State] | None = None, at: datetime | None = None) -> None:
        """Begin the flow run.

        Args:
            now: the time.
            given: by slug: states that task runs begin in. One that is final stays: the task is not run.
            at: when it is to begin; at once otherwise.

        Raises:
            FlowError: no run can begin in such a state; nothing has begun.
        """
        if given:
            begin_with(self.board, given, self._given, self._said)
        self._open(SCHEDULE._of(start_time=at) if at is not None and at.timestamp() > now else START._of(), now)

    def _open(self, signal: Signal, now: float) -> None:
        """Begin, or wait for a time: that of the signal, or of what a plugin says in its place."""
        self._life.send(signal, now)
        state = self.state
        self._begins = None
        if isinstance(state, states.Running):
            self._ready.extend(self._said)
            self._ready.extend(runner for runner in map(self.board.runner, self.plan.roots) if runner not in self._said)
        elif isinstance(state, states.Scheduled) and state.start_time is not None and not self.run.closed:
            self._begins = state.start_time.timestamp()

    def receive(self, call: Call, signal: Signal, now: float) -> None:
        """Take what a body did, or what a look or store did."""
        self._flying -= 1
        if call.runner.node.keeping is not None:
            kept = self._kept(call, signal, now)
            if kept is None:
                return
            signal = kept
        if self.places is not None:
            self.places.leave(call.runner)
        runner, inputs = call.runner, call.inputs if type(call) is Store else call.arguments
        if runner.receive(signal, call.attempt, now, call.layers, inputs):
            if type(runner.state) is states.Looped and self.places is None and not self._timers.held:
                again = runner.again(call, now)
                if again is not None:
                    if self.watch is not None:
                        self.watch(runner)
                    self._behind.append(again)
                    return
            self._settle(runner, now)

    def _kept(self, call: Call, signal: Signal, now: float) -> Signal | None:
        """Return the outcome of an attempt; None if there is none yet, for something is to be done before."""
        runner = call.runner
        if isinstance(call, Look):
            if not runner.over:  # else it was cancelled meanwhile
                body = runner.looked(call, signal, now)
                if body is not None:
                    self._behind.append(body)
                elif self.places is not None:
                    self.places.leave(runner)
                self._settle(runner, now)
            return None
        if isinstance(call, Store):
            return runner.stored(call, signal)
        store = runner.stores(call, signal)
        if store is not None:
            self._behind.append(store)
        return signal if store is None else None

    def take_back(self, command: Command) -> None:
        """Take a call back that nobody has begun."""
        if isinstance(command, Call):
            self._flying -= 1
            self._behind.appendleft(command)

    def late(self, call: Call, signal: Signal, now: float) -> None:
        """Take what a body did that was given up: it counts for nothing, but its run need not wait for it any more."""
        call.runner.receive(signal, call.attempt, now, call.layers)
        if self._timers.release(call.runner, call.attempt, now) and not call.runner.over:
            self._settle(call.runner, now)

    def hold(self, call: Call, until: float) -> None:
        """Start no further attempt of a call's run before a time: its body may still be at work."""
        self._timers.held[call.runner] = call.attempt, until

    def cancel(self, now: float) -> None:
        """End the flow run: what runs is asked to stop, and nothing starts any more."""
        if self.run.is_final:
            return
        self._begins = None
        if isinstance(self.state, states.Running):
            self._life.send(CANCEL._of(STOPPED), now)
        self.stop(now)
        if not self.run.is_final and not isinstance(self.state, states.Running):
            self._life.send(CANCEL._of(STOPPED), now)

    def stop(self, now: float, failing: bool = False) -> None:
        """End the task runs: what runs is asked to stop, and nothing starts any more.

        `failing`: whether that is because one has failed, so that for those that have not begun it is a gate's verdict.
        """
        self._ready.clear()
        self._timers.clear()
        self.board.make_all()
        self._end_all(now, failing)
        for call in [call for call in self._behind if not isinstance(call, Store)]:  # bodies that nobody called yet
            self._behind.remove(call)
            self._flying += 1
            self.receive(call, FAIL._of("The work was cancelled before it began"), now)

    def _end_all(self, now: float, failing: bool = False) -> None:
        """Cancel every task run that is not over."""
        if not self.board.unended:
            return
        for runner in self.board.all():
            if not runner.over and not (failing and runner.children):  # a parent ends with its children
                if runner.run.closed:
                    runner.run.reopen()
                if failing and not runner.run._open() and "TRIGGERFAIL" in runner.run.accepts():
                    runner.apply(TRIGGERFAIL._of(FAST), now)
                if not runner.over:
                    runner.apply(CANCEL._of(FAST if failing else STOPPED), now)
                self._settle(runner, now)
            if runner.children is not None and not runner.left and not runner.over:
                self._ready.append(runner)
        while self._ready:  # parents whose children are over; whatever else is in it is over too
            self._begin(self._ready.popleft(), now)

    def resume(
        self, rested: TaskStates, chosen: Iterable[str] | None, now: float, said: Mapping[str, Signal] = NOTHING
    ) -> None:
        """Go on where an earlier flow run rested. `chosen` and `said`, and what it raises, as for `going_on`."""
        put_back(self.board, rested, self._restored)
        going = going_on(self.board, chosen, said)
        assert rested.run is not None
        self._life.restore(rested.run)
        self._life.send(RESUME._of(), now)
        if not isinstance(self.state, states.Running):
            return
        for runner in list(self.board.all()):
            if runner.children is not None and not runner.over:
                lengths_of(runner, self.board, self._layers)
        self._let_go_on(going)
        self._ready.extend(self.board.fresh())

    def say(self, said: Mapping[str, Signal]) -> None:
        """Let task runs go on that wait for a person. `said`, and what it raises, as for `going_on`."""
        if isinstance(self.state, states.Running) and not isinstance(self.state, states.Cancelling):
            self._let_go_on(going_on(self.board, said, said))

    def _let_go_on(self, going: Mapping[TaskRunner, Signal | None]) -> None:
        for runner, answer in going.items():
            runner.own().resumed = True
            if answer is not None:
                self._said[runner] = answer
            self._ready.append(runner)

    def _restored(self, node: Node, record: Record, index: int | None) -> TaskRunner:
        run = rebased(record.run, self._machine)._again(node.guards, self.hooks)
        runner = TaskRunner(node, run, index)
        if node.handled:
            runner.handle(self.hooks, self._layers)
        return runner

    # Commands out

    def next(self, now: float) -> Command:
        """Return what is to be done now."""
        while True:
            if self._behind:
                self._flying += 1
                return self._behind.popleft()
            while self._ready:
                call = self._begin(self._ready.popleft(), now)
                if call is not None:
                    self._flying += 1
                    return call
            due = self._timers.earliest()
            if due is not None and due <= now:
                self._ready.append(self._timers.pop())
            elif self._flying or due is not None:
                return Wait(due)
            elif self._begins is None:
                self._life.finish(now)
                return Done(self.state)
            elif self._begins > now:
                return Wait(self._begins)
            else:
                self._open(START._of(), now)

    def _begin(self, runner: TaskRunner, now: float) -> Call | None:
        """Go on with a run that is due, and return the call of its body if that is what comes next."""
        if self._timers.held and self._timers.holds(runner, now):
            return None
        state = runner.state
        usual = state is FRESH or type(state) is states.Looped
        if not usual or self._said or (runner.index is None and runner.node.mapped):
            asks = self._otherwise(runner, now)
            if not asks:
                if asks is not None:
                    self._settle(runner, now)
                return None
        if self.places is not None and not self.places.take(runner):
            return None
        given = self._given.get(runner) if self._given else None
        call = runner.ask(self.board.upstreams(runner), now, self._layers, given)
        if call is None:
            if self.places is not None:
                self.places.leave(runner)
            self._settle(runner, now)
        elif self.watch is not None and type(call) is not Look:
            self.watch(runner)
        return call

    def _otherwise(self, runner: TaskRunner, now: float) -> bool | None:
        """Go on with a run that may have something else to do than to ask its gates; return whether it has to ask them.

        None where it is not time for anything.
        """
        fresh = runner.state is FRESH
        if not fresh and not self._goes_on(runner, now):
            return None
        if not fresh and isinstance(runner.state, states.Paused):
            runner.apply(wakes(runner, self._said), now)
        elif self._said and runner in self._said:
            runner.apply(self._said.pop(runner), now)
        elif runner.children is not None:
            if runner.left or (not runner.children and self.board.waits(runner.node)):
                return None
            ended = tuple(child.state for child in runner.children)
            runner.apply(GATHER._of(map_states=ended, result=[state.result for state in ended]), now)
        elif isinstance(runner.state, states.Scheduled) and self.board.missing(runner):
            return None  # its time has come, but not that of its upstreams
        elif runner.node.mapped and runner.index is None:
            return False if self._expand(runner, now) else None
        else:
            return True
        return False

    def _goes_on(self, runner: TaskRunner, now: float) -> bool:
        """Open a new pass of a run that was sealed; return whether it can go on now."""
        if runner.over or type(runner.state) is states.Running:  # its body is under way
            return False
        if isinstance(runner.state, states.Scheduled):
            due = runner.due()
            if due is not None and due > now:
                self._timers.add(due, runner)
                return False
            if for_a_person(runner) and not runner.data.resumed:
                return False
        if runner.run.closed:
            runner.run.reopen()
        return True

    def _settle(self, runner: TaskRunner, now: float) -> None:
        """Look at where a run is now: it is over, or due, or waits."""
        if self.watch is not None:
            self.watch(runner)
        state = runner.state
        if runner.over:
            ready = self.board.over(runner)
            if len(ready) > 1:
                ready.reverse()
            self._ready.extendleft(ready)
        elif isinstance(state, states.Scheduled):
            self._schedule(runner, now)
        elif not isinstance(state, states.Running):
            self._ready.appendleft(runner)
        elif isinstance(state, states.Mapping) and runner.children is None:
            # A trigger or a plugin said MAP of a task that is mapped over nothing: there is nothing to wait for.
            runner.children = []
            self._ready.appendleft(runner)

    def _schedule(self, runner: TaskRunner, now: float) -> None:
        due = runner.due()
        if due is None and for_a_person(runner):
            return
        due = now if due is None else due
        if due <= now and not runner.run.closed:
            self._ready.append(runner)
        else:
            self._timers.add(due, runner)

    # Mapped tasks

    def _expand(self, parent: TaskRunner, now: float) -> bool:
        """Make the children of a mapped task, or send the verdict on it; return whether it was time for either."""
        lengths = lengths_of(parent, self.board, self._layers)
        if isinstance(lengths, SKIP) and self.board.waits(parent.node):
            return False  # another upstream may fail yet, and a failure is never hidden by a skip
        parent.apply(lengths if isinstance(lengths, Signal) else MAP._of(), now)
        if isinstance(parent.state, states.Mapping) and not isinstance(lengths, Signal):
            self._ready.extendleft(reversed(self.board.expand(parent, min(lengths))))
            if parent in self._given:
                self._said.update(kept_children(parent, self._given[parent]))
        return True
