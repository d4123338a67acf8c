"""A run: where one life in a machine is, and its story.

The rules that this module keeps:

1. A step is committed by one append (`_record`), so that an interrupt cannot tear a run.
2. One thread at a time takes a step; a second one waits. A `send` from inside a step of the same run is refused.
3. The table alone gives the next state. Guards answer yes or no, plugins choose signals.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping
from types import CodeType
from typing import Any, Self

from interlock import _store
from interlock._errors import NestedSend, NoTransition, PluginError
from interlock._hooks import Hooks
from interlock._machine import Machine
from interlock._plugins import Plugins, hooks_of
from interlock._rows import Row
from interlock._step import Guard, Stepper, text_of
from interlock._story import Cut, Story, origin
from interlock._turns import nested, wait

ANY = object()  # stands for whichever attempt is open, or for none
_new = object.__new__
KEEP = 1000  # steps that a story keeps unless told otherwise


class Run(Stepper):
    """One life in a machine. Safe to use from several threads.

    Where several send, each acts by what its own `send` returned: `state` may be another's by then.

    Args:
        machine: the table.
        limits: numbers for the table's limits; the others have their defaults.
        guards: callables for the table's opaque guards; the others answer with their defaults.
        plugins: `Plugins`, or a list of plugin objects; nothing that is merely installed is looked at.
        story: how many steps the story keeps.

    Raises:
        ValueError: a limit or guard has no such name or value.
        PluginError: a plugin object is none.
    """

    __slots__ = ("_dropped", "_turn")

    def __init__(
        self,
        machine: Machine,
        limits: Mapping[str, float] | None = None,
        guards: Mapping[str, Guard] | None = None,
        plugins: Plugins | Hooks | list[object] | None = None,
        *,
        story: int = KEEP,
    ) -> None:
        compiled = machine._compile(limits) if limits else machine._plain
        if guards:
            machine._check_guards(guards)
        if type(story) is not int or story < 0:
            raise ValueError(f"story: {story!r}; it must be a number of steps from 0 on")
        self._machine = machine
        self._rows = [origin(compiled, story)]
        self._counts = self._older = compiled.start
        self._times = None
        self._notes = None
        self._guards = guards
        self._hooks = None if plugins is None else hooks_of(plugins)
        self._turn: list[Hooks | None] = [self._hooks]
        self._dropped = 0

    @classmethod
    def _of(
        cls,
        machine: Machine,
        cut: Cut,
        guards: Mapping[str, Guard] | None,
        hooks: Hooks | None,
        turn: list[Hooks | None],
    ) -> Self:
        """Return a new run from parts that are known to fit: what runners make a million of.

        Runs that are stepped by one owner may share a turn, which holds their hooks: none is stepped inside another.
        """
        run: Self = _new(cls)
        run._machine = machine
        run._rows = [cut]
        run._counts = run._older = cut.values
        run._times = [cut.number]  # runners tell the time of every step
        run._notes = None
        run._guards = guards
        run._hooks = hooks
        run._turn = turn
        run._dropped = 0
        return run

    # Sending

    def send(self, signal: object, at: float | None = None, *, carried: str | None = None) -> str:
        """Take one step and return the new state.

        Args:
            signal: a signal's name, class or instance; an instance reaches guards and plugins as it is.
            at: the time of the step, in seconds; it is kept in the story, nothing is measured by it.
            carried: the state that a sealing signal carries, where the signal itself does not say it.

        Raises:
            NoTransition: the table refuses the signal; nothing has changed.
            NestedSend: this was called from inside a step of the same run.
            ValueError: there is no such signal.
            PluginError: a plugin failed or answered what it may not; nothing has changed.
            GuardError: an opaque guard answered neither True nor False; nothing has changed.
        """
        try:
            hooks = self._turn.pop()
        except IndexError:
            late = self._late(signal, at, carried)
            assert late is not None  # only a message can be dropped
            return late[0].after
        except BaseException:  # let in right behind the pop: give the token back
            self._give_back()
            raise
        try:
            if (hooks is None or not hooks.before) and at is None:
                rows = self._rows
                try:
                    row = rows[-1].cells[signal]
                except (KeyError, TypeError):
                    row = None  # a class or an instance, or refused: `_step` finds out
                if row is not None and self._times is None and self._notes is None:
                    if row.quick:
                        rows.append(row)
                        if hooks is not None:
                            hooks.tell(self)
                        return row.after  # type: ignore[no-any-return]  # see _rows
                    # `_choose` and `_commit`, written out: with their calls a guarded step would take twice as long.
                    cut = rows[0]
                    number = cut.number + len(rows)
                    values = self._counts if self._counts[0] < number else self._older
                    if row.decide is not None:
                        row = row.decide(values, self, signal, carried)
                        if row is None:
                            raise self._refusal(str(signal), carried)
                    if row.bump is not None:
                        self._older = values
                        self._counts = row.bump(values, number)
                    rows.append(row)
                    if len(rows) > cut.most:
                        self._trim()
                    if hooks is not None:
                        hooks.tell(self)
                    return row.after  # type: ignore[no-any-return]  # see _rows
            return self._step(signal, at, carried, hooks)[0].after
        finally:
            self._turn.append(hooks)

    def deliver(
        self, signal: object, attempt: int, at: float | None = None, *, carried: str | None = None
    ) -> str | None:
        """Take one step on a worker's message, and return the new state; None if the message was dropped.

        A message names the attempt that it belongs to. One of any attempt that is not open is dropped and counted,
        whatever it says: the worker was given up, or has answered already.

        Raises:
            As `send`.
        """
        if not self._machine._table.attempt:
            raise ValueError(f"{self._machine.name}: declares no attempt, so no message can belong to one")
        applied = self._apply(signal, at, carried, attempt)
        return None if applied is None else applied[0].after

    def reopen(self) -> None:
        """Begin a new pass after a sealing signal that carried an unfinished state.

        Raises:
            NoTransition: the run is not sealed, or it is final: then it is over for ever.
            NestedSend: this was called from inside a step of the same run.
        """
        hooks = self._take("reopen")
        try:
            last = self._rows[-1]
            if not last.closed or last.after in self._machine.final:
                why = "it is final" if last.after in self._machine.final else "it is not sealed"
                raise NoTransition(self._machine.name, last.after, "reopen()", why, self._accepts(), self._told())
            self._rows[-1] = last.opened
        finally:
            self._turn.append(hooks)

    def _apply(
        self,
        signal: object,
        at: float | None,
        carried: str | None = None,
        attempt: object = ANY,
        prepare: Callable[[Row], None] | None = None,
    ) -> tuple[Row, object] | None:
        """Take one step, and return the row taken and the signal applied, which a plugin may have chosen.

        With an attempt: None where it is not open, and the message is dropped. `prepare` is told of the row before it
        is taken, and may not refuse it.
        """
        try:
            hooks = self._turn.pop()
        except IndexError:
            return self._late(signal, at, carried, attempt, prepare)
        except BaseException:  # as in `send`
            self._give_back()
            raise
        try:
            if attempt is not ANY and not self._awaits(attempt):
                self._dropped += 1
                return None
            return self._step(signal, at, carried, hooks, prepare)
        finally:
            self._turn.append(hooks)

    def _late(
        self,
        signal: object,
        at: float | None,
        carried: str | None,
        attempt: object = ANY,
        prepare: Callable[[Row], None] | None = None,
    ) -> tuple[Row, object] | None:
        """Step behind another thread. Apart, as the end of an `except` may be a jump that lets an interrupt in."""
        hooks = self._wait(signal)
        try:
            if attempt is not ANY and not self._awaits(attempt):
                self._dropped += 1
                return None
            return self._step(signal, at, carried, hooks, prepare)
        finally:
            self._turn.append(hooks)

    def _awaits(self, attempt: object) -> bool:
        values = self._values()
        return bool(attempt == values[1] and values[2] and self._rows[-1].held)

    def _take(self, signal: object) -> Hooks | None:
        try:
            return self._turn.pop()
        except IndexError:
            return self._wait(signal)
        except BaseException:  # as in `send`
            self._give_back()
            raise

    def _wait(self, signal: object) -> Hooks | None:
        if nested(self._turn, STEPS):
            raise NestedSend(self._machine.name, self.state, text_of(signal))
        return wait(self._turn, self._hooks)

    def _give_back(self) -> None:
        if not self._turn:
            self._turn.append(self._hooks)

    # Reading

    @property
    def dropped(self) -> int:
        """How many messages came for an attempt that was not open."""
        return self._dropped

    @property
    def failures(self) -> tuple[PluginError, ...]:
        """What went wrong in observers, in order."""
        return tuple(self._hooks.failures) if self._hooks is not None else ()

    def __repr__(self) -> str:
        closed = ", closed" if self.closed else ""
        return (
            f"<Run of {self._machine.name}: {self.state}{closed}, {self._rows[0].number + len(self._rows) - 1} steps>"
        )

    def _repr_mimebundle_(
        self, include: Container[str] | None = None, exclude: Container[str] | None = None
    ) -> dict[str, str]:
        """Return what a notebook shows, by MIME type."""
        from interlock import _notebook

        return _notebook.run(self, include, exclude)

    # Storing

    def to_dict(self) -> dict[str, Any]:
        """Return the stable JSON form of the run. Guards and plugins are not part of it. Any: JSON."""
        return _store.stored(self._machine, self.story, self._dropped)

    @classmethod
    def from_dict(
        cls,
        machine: Machine,
        data: Mapping[str, Any],
        states: Mapping[str, str] | None = None,
        *,
        guards: Mapping[str, Guard] | None = None,
        plugins: Plugins | Hooks | list[object] | None = None,
    ) -> Self:
        """Return the run that `to_dict` stored. Any: JSON.

        Args:
            machine: the table that the run goes on in. One that only adds to the stored run's table is taken as it is.
            data: what `to_dict` returned.
            states: for any other table: new names for old states. The story before is dropped, its counts are kept.
            guards: as for a new run; they are never stored.
            plugins: as for a new run; they are never stored.

        Raises:
            SpecMismatch: the table is another one, and `states` is not given or does not say enough.
            StoredError: the data is no stored run.
            ReplayError: the stored story is no path of the table.
        """
        loaded = _store.loaded(machine, data, states)
        run = cls(machine, loaded.limits, guards, plugins, story=loaded.keep)
        run._fill(loaded)
        return run

    def _from_story(self, story: Story) -> Run:
        run = type(self)(self._machine, story.limits, self._guards, story=story._cut.keep)
        run._fill(_store.told(story, 0))
        return run

    def _fill(self, loaded: _store.Loaded) -> None:
        rows, values = loaded.path(self._rows[0].compiled)
        self._rows = rows
        self._counts = self._older = values
        self._times, self._notes, self._dropped = loaded.times, loaded.notes, loaded.dropped

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Run):
            return NotImplemented
        return self._machine == other._machine and self.to_dict() == other.to_dict()

    __hash__ = None  # type: ignore[assignment]  # it changes, and compares by what it is

    def __copy__(self) -> Self:
        return self._copied(self._guards)

    def __deepcopy__(self, memo: object) -> Self:
        return self._copied(self._guards)

    def _copied(self, guards: Mapping[str, Guard] | None) -> Self:
        hooks = self._take("copy")
        try:
            copied = type(self).__new__(type(self))
            copied._machine, copied._guards, copied._hooks = self._machine, guards, self._hooks
            copied._rows = list(self._rows)
            copied._counts = copied._older = self._values()
            copied._times = None if self._times is None else list(self._times)
            copied._notes = None if self._notes is None else dict(self._notes)
            copied._dropped = self._dropped
            copied._turn = [self._hooks]
            return copied
        finally:
            self._turn.append(hooks)

    def _bind(self, hooks: Hooks | None) -> None:
        """Give a run that nobody else knows yet other hooks."""
        self._hooks, self._turn = hooks, [hooks]

    def _again(self, guards: Mapping[str, Guard] | None, hooks: Hooks | None) -> Self:
        """Return a copy for a new pass in another place: guards and plugins are bound anew."""
        copied = self._copied(guards)
        copied._bind(hooks)
        return copied

    def __reduce__(self) -> tuple[Any, ...]:
        # Guards and plugins are code, and stay behind: whoever loads the run binds its own.
        return type(self).from_dict, (self._machine, self.to_dict())


STEPS: frozenset[CodeType] = frozenset(method.__code__ for method in (Run.send, Run.reopen, Run._apply, Run._copied))
"""The methods that take the turn; each frame of one on a thread's stack is a step under way there."""
