"""The runner of one task run: signals in, commands out.

It holds no thread, reads no clock and calls no body. The table says what follows a signal; the runner only decides
which signal is sent: the verdict of the gates before the start, what the body did after it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import attrs

from interlock._capture import Answer, capture, failure, text_of
from interlock._commands import Call, Look, Store
from interlock._context import context, current
from interlock._data import Found
from interlock._elements import flattened
from interlock._errors import ESCAPES, NoTransition, shown
from interlock._handlers import Handled, observe
from interlock._hooks import Hooks
from interlock._keeping import Keeping
from interlock._options import delays, seconds
from interlock._run import ANY
from interlock._task_payload import BARE, broken, kind_of, moment, payload
from interlock._task_run import TaskRun
from interlock.signals import (
    BROKEN,
    FAIL,
    LOOP,
    SKIP,
    START,
    SUCCESS,
    TRIGGERFAIL,
    Signal,
    cached,
    made,
)
from interlock.states import Looped, Retrying, Scheduled, State, Success, looped, success
from interlock.triggers import each

if TYPE_CHECKING:
    from interlock._context import Layers
    from interlock._rows import Row

_START = START._of()
_SUCCESS, _LOOPED = Success.__name__, Looped.__name__


class TaskRunner(TaskRun):
    """One task run, and what leads it on."""

    __slots__ = ()

    def handle(self, hooks: Hooks | None, layers: Mapping[str, Any]) -> None:
        """Let the task's handlers see the changes of the run, behind the plugins' hooks."""
        task = self.node.task
        proposed = partial(payload, self)
        self.run._bind(Handled(hooks, task.state_handlers, task, (layers, self), proposed, lambda: self.state))

    # Signals in

    def ask(
        self, upstreams: Sequence[State], now: float, layers: Mapping[str, Any], given: State | None = None
    ) -> Call | None:
        """Ask the gates, send their verdict, and return the call of the body if they are all open.

        Where results are kept, what is returned may be a `Look`; see `looked`.

        Args:
            upstreams: the states of the upstreams, all over, one for each edge.
            now: the time, in seconds since 1970.
            layers: the context of the flow run. Any: the user's.
            given: a kept result that the run was given to begin with.
        """
        node = self.node
        own = (layers, self)
        verdict: Signal | None = None
        if not node.usual:
            verdict = self._verdict(upstreams, own)
        else:
            for state in upstreams:  # `_verdict` on what is usual, written out: all that most tasks need
                if type(state) is not Success:
                    verdict = self._verdict(upstreams, own)
                    break
        if node.special:
            verdict = self._prepared(upstreams, own) or verdict
            if verdict is None and node.keeping is not None and self._looks(node.keeping, given):
                inputs = self._inputs(upstreams)
                look = partial(node.keeping.look, inputs, given, moment(now))
                return Look(self, self.run.attempt, look, {}, own, inputs)
        row = None if verdict is not None else self.run._quick(START, now)
        if row is None:
            row = self.apply(verdict or _START, now)
        else:  # what `apply` does, written out
            self.state = BARE[row.after]
            self.over = row.final
        attempt = self.run._counts[1]
        if not row.opens or self.called == attempt:
            return None
        self.called = attempt
        arguments = node.constants.copy()
        for key, place in node.keyed:
            arguments[key] = upstreams[place].result
        if node.special:
            arguments.update(self._flattened(upstreams))
        return Call(self, attempt, node.body, arguments, own)

    def _looks(self, keeping: Keeping, given: State | None) -> bool:
        """Return whether something may serve in the place of the work: not between turns, and nothing of its own."""
        found = self.data.found
        return self.data.turn == 1 and keeping.looks(given) and not (found is not None and found.stored)

    def again(self, call: Call, now: float) -> Call | None:
        """Begin the next turn of a loop, and return its call: what `ask` does, where there is nothing to ask anew.

        It is the call of the last turn, which has landed.
        """
        node = self.node
        if node.special or node.handled or not node.usual:
            return None
        row = self.run._quick(START, now)
        if row is None:
            return None
        self.state = BARE[row.after]
        self.over = row.final
        if not row.opens:
            return None
        call.attempt = self.called = self.run._counts[1]
        return call

    def looked(self, look: Look, signal: Signal, now: float) -> Call | None:
        """Take what a look found, and return the call of the body if there is nothing that serves."""
        found = signal.result
        if not isinstance(signal, SUCCESS) or not isinstance(found, Found):
            why = f"Before the start, looking for a kept result: {signal.message or signal.name}"
            self.apply(FAIL._of(why, result=found), now)
            return None
        self.own().found = found
        row = self.apply(_START if found.kept is None else cached(found.kept), now)
        attempt = self.run.attempt
        if not row.opens or self.called == attempt:
            return None
        self.called = attempt
        return Call(self, attempt, self.node.body, look.inputs, look.layers)

    def stores(self, call: Call, signal: Signal) -> Store | None:
        """Return what is to be stored before an outcome counts; None if that is nothing."""
        keeping, value = self.node.keeping, signal.result
        if keeping is None or not keeping.stores or value is None or not isinstance(signal, SUCCESS | LOOP):
            return None
        if not self.run._awaits(call.attempt):
            return None
        location = None if self.data.found is None else self.data.found.location
        store = partial(keeping.store, location, call.arguments, value, isinstance(signal, LOOP))
        return Store(self, call.attempt, store, {}, call.layers, signal, call.arguments)

    def stored(self, store: Store, signal: Signal) -> Signal:
        """Return the outcome that counts when a result was stored, or could not be."""
        if isinstance(signal, SUCCESS):
            self.own().found = attrs.evolve(self.data.found or Found(), stored=True)
            return store.outcome
        why = f"Its result could not be stored: {signal.message or signal.name}"
        return FAIL._of(why, result=signal.result)

    def apply(self, signal: Signal, now: float) -> Row:
        """Send a signal of a gate, the engine or a person. What the table refuses is a failure, with its reason.

        Returns the row that was taken.
        """
        taken = self._stepped(signal, now, TRIGGERFAIL)
        assert taken is not None  # only a message of an attempt can be dropped
        row, said = taken
        old = self.state
        self._enter(row, said, now)
        if self.node.handled:
            self._told(row, old)
        return row

    def receive(
        self, signal: Signal, attempt: int, now: float, layers: Layers, inputs: Mapping[str, Any] | None = None
    ) -> bool:
        """Take what the body of an attempt did. Returns whether it counted: what comes late is dropped.

        `inputs`: what the body was called with, for plugins. Any: the user's.
        """
        said: object = signal
        row = self.run._quick(type(signal), now, attempt)
        if row is None:
            taken = self._stepped(signal, now, FAIL, attempt, inputs)
            if taken is None:
                return False
            row, said = taken
        old = self.state
        if row.after == _SUCCESS and type(said) is SUCCESS:  # what `_enter` does, written out
            self.state = success(said.message, said.fields.get("result"))
            self.over = row.final
        elif row.after == _LOOPED and type(said) is LOOP:  # so it is here
            own, fields = self.own(), said.fields
            result, count = fields.get("result"), fields.get("loop_count") or own.turn
            self.state = looped(said.message, result, count)
            own.turn, own.tries, own.loop_result = count + 1, 1, result
        else:
            self._enter(row, said, now, layers)
        if self.node.handled:
            self._told(row, old)
        if row.held and self.run._open():
            # The work has ended and said nothing that ends the attempt: nobody else will.
            message = made(said, self.run._machine).message or "The work ended without an outcome"
            self.receive(FAIL._of(message), attempt, now, layers)
        return True

    def _stepped(
        self,
        signal: Signal,
        now: float,
        refused: type[Signal],
        attempt: object = ANY,
        inputs: Mapping[str, Any] | None = None,
    ) -> tuple[Row, object] | None:
        """Send a signal, or what follows where the table refuses it, or where it cannot be sent. Any: as above."""
        hooks, token = self.run._hooks, None
        if hooks is not None:
            known = hooks.layers if inputs is None else {**hooks.layers, "task_inputs": inputs}
            token = current.set((known, self))
        try:
            for instead in (refused, BROKEN):
                try:
                    return self.run._apply(signal, now, None, attempt)
                except NoTransition as refusal:
                    signal = instead._of(str(refusal))
                except ESCAPES:
                    raise
                except BaseException as error:  # noqa: BLE001  # a plugin or guard failed: the run is told so
                    signal = broken(error)
            return self.run._apply(signal, now, None, attempt)
        finally:
            if token is not None:
                current.reset(token)

    # The gates

    def _verdict(self, upstreams: Sequence[State], layers: Layers) -> Signal | None:
        """Return what the gates say, or None if they are open."""
        node = self.node
        failed = skipped = False
        successful = True
        for state in each(upstreams):
            if not state.is_successful():
                successful = False
                failed = failed or state.is_failed()
            elif state.is_skipped():
                skipped = True
        if skipped and not failed:
            if node.task.skip_on_upstream_skip:
                return SKIP._of("An upstream run was skipped; skip_on_upstream_skip is set")
            if node.conditions and self._untaken(upstreams):
                return SKIP._of("This branch was not taken")
        if node.usual and successful:
            return None
        return self._trigger(upstreams, layers)

    def _untaken(self, upstreams: Sequence[State]) -> bool:
        pairs = zip(self.node.upstream, upstreams, strict=True)
        return any(state.is_skipped() and edge.upstream.gates for (edge, _), state in pairs)

    def _prepared(self, upstreams: Sequence[State], layers: Layers) -> Signal | None:
        """Make the name of the run, and see that its inputs can be had. Returns the failure of what cannot be made."""

        def name() -> str | None:
            node = self.node
            if node.naming is None:
                self._flattened(upstreams)  # whether it can be done
                return None
            made = node.naming({**context, **context.get("parameters", {}), **self._inputs(upstreams)})
            if not isinstance(made, str) or not made:
                raise TypeError(f"task_run_name gave {shown(made)}, which is no name")
            return made

        said = capture(name, {}, layers, Answer, failure)
        if not isinstance(said, Answer):
            return FAIL._of(f"Before the start: {said.message}", result=said.result)
        if said.value is not None:
            self.own().run_name = said.value
        return None

    def _inputs(self, upstreams: Sequence[State]) -> dict[str, Any]:
        inputs = {**self.node.constants, **{key: upstreams[place].result for key, place in self.node.keyed}}
        inputs.update(self._flattened(upstreams))
        return inputs

    def _flattened(self, upstreams: Sequence[State]) -> dict[str, Any]:
        return {key: flattened(upstreams[place].result) for key, place in self.node.keyed if key in self.node.flat}

    def _trigger(self, upstreams: Sequence[State], layers: Layers) -> Signal | None:
        states = {edge: state for (edge, _), state in zip(self.node.upstream, upstreams, strict=True)}
        said = capture(partial(self.node.task.trigger, states), {}, layers, Answer, _trigger_raised)
        if isinstance(said, Answer):
            return None if said.value is True else TRIGGERFAIL._of(f"The trigger answered {shown(said.value)}")
        return said

    # What a step leaves

    def _enter(self, row: Row, signal: object, now: float, layers: Layers | None = None) -> None:
        machine = self.run._machine
        kind, signal, old = kind_of(row.after, machine), made(signal, machine), self.state
        wait: float | BROKEN = 0.0
        if layers is not None and issubclass(kind, Retrying) and signal.leads_to is not kind:
            wait = self._wait(layers)
        state = self.state = payload(self, row.after, signal, now + (0.0 if isinstance(wait, BROKEN) else wait))
        self.over = row.final  # behind the state: who looks on from another thread sees a final state then
        if isinstance(state, Looped):
            own = self.own()
            own.turn, own.tries, own.loop_result = (state.loop_count or own.turn) + 1, 1, signal.result
        elif isinstance(state, Retrying):
            self.own().tries += 1
            if isinstance(wait, BROKEN):
                self.apply(wait, now)
                return
        if machine._table.signals[row.signal].raised_by == "person" and not row.final:
            own = self.own()
            own.resumed, own.answer, own.answered = True, signal, old
        elif self.data.resumed and isinstance(state, Scheduled) and (state.start_time is None or state.is_paused()):
            self.data.resumed, self.data.answer, self.data.answered = False, None, None  # a person must say so again

    def _told(self, row: Row, old: State) -> None:
        """Tell the task's handlers of a step that they were not asked about, and of a failure in the end."""
        hooks, task = self.run._hooks, self.node.task
        assert isinstance(hooks, Handled)
        hooks.ended(row, self.run.machine, old, self.state)
        if self.over and self.state.is_failed() and task.on_failure is not None:
            observe(partial(task.on_failure, task, self.state), (hooks.layers, self), task.on_failure)

    def _wait(self, layers: Layers) -> float | BROKEN:
        """Return how long to wait before the next attempt, or why that cannot be said."""
        delay = delays(self.node.task.name, self.node.task.retry_delay)
        said = capture(partial(delay, self.data.tries), {}, layers, Answer, failure)
        if not isinstance(said, Answer):
            return BROKEN._of(f"retry_delay: {said.message}", result=said.result)
        wait = seconds(said.value)
        return BROKEN._of(f"retry_delay gave {shown(said.value)}, which is no time to wait") if wait is None else wait


def _trigger_raised(error: BaseException) -> Signal:
    return TRIGGERFAIL._of(f"The trigger raised {text_of(error)}", result=error)
