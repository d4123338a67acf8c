"""What plugins may be asked and told, and how a run calls them.

The specifications below are those of pluggy; the calls are compiled to tuples of plain functions (`_plugins`), for an
idle pluggy call costs as much as ten steps. A plugin chooses signals, never states.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import FrameType
from typing import TYPE_CHECKING, Any

import pluggy

from interlock._errors import ESCAPES, NoTransition, PluginError, shown
from interlock._owned import as_shown

if TYPE_CHECKING:
    from interlock._record import Record
    from interlock._story import Step, Story

hookspec = pluggy.HookspecMarker("interlock")
hookimpl = pluggy.HookimplMarker("interlock")
"""Marks a function of a plugin as the implementation of a hook."""


_view = object.__new__


class RunView:
    """A run as plugins see it: everything to read, nothing to change."""

    __slots__ = ("_run",)

    def __init__(self, run: Record) -> None:
        self._run = run

    @property
    def lifecycle(self) -> str:
        """The name of the life cycle."""
        return self._run.machine.name

    @property
    def state(self) -> str:
        """The present state."""
        return self._run.state

    @property
    def story(self) -> Story:
        """The steps so far."""
        return self._run.story

    @property
    def closed(self) -> bool:
        """Whether the run is sealed."""
        return self._run.closed

    @property
    def is_final(self) -> bool:
        """Whether the state has no way out."""
        return self._run.is_final

    @property
    def attempt(self) -> int:
        """How many attempts were opened."""
        return self._run.attempt

    @property
    def counts(self) -> Mapping[str, int]:
        """What the guards have counted."""
        return self._run.counts

    @property
    def limits(self) -> Mapping[str, float]:
        """The limits of the run."""
        return self._run.limits

    def accepts(self) -> tuple[str, ...]:
        """Return the signals that the run accepts now."""
        return self._run.accepts()

    def next(self, signal: object) -> str | None:
        """Return the state that a signal would lead to now; None if it would be refused.

        Guards are asked, plugins are not.

        Raises:
            ValueError: there is no such signal.
        """
        try:
            return self._run._would_take(signal).after
        except NoTransition:
            return None

    def __repr__(self) -> str:
        return f"<view of {self._run!r}>"


class HookSpecs:
    """The hooks. Their names and arguments are the contract; an implementation may take fewer arguments."""

    @hookspec(firstresult=True)
    def before_step(self, run: RunView, signal: object, now: float | None) -> object:
        """Answer with the signal to take instead of `signal`, or None. The first answer counts.

        Asked before a signal that the state accepts, except signals that plugins are only told of (`ENDRUN`, `CANCEL`,
        `BROKEN`). The answer must be accepted in the present state, may not be a signal that is no answer (`START`,
        `RESUME` and those three), and must close the attempt where `signal` would.
        """

    @hookspec
    def after_step(self, run: RunView, step: Step) -> None:
        """Be told of a step that was taken. An implementation that raises is reported and not told again."""

    @hookspec
    def after_flow(self, run: RunView, state: object) -> None:
        """Be told that a flow run rests: it is over, or waits for a person. `state` has the states of its tasks."""

    @hookspec
    def extend(self, lifecycle: str) -> object:
        """Return an `Extension` of a life cycle, or None. Asked once for each, when plugins are put to use."""

    @hookspec(firstresult=True)
    def make_executor(self, name: str, workers: int | None) -> object:
        """Return an executor for `flow.run(executor=name, workers=workers)`, or None. The first answer counts."""

    @hookspec
    def add_commands(self) -> object:
        """Return a list of `click` commands for the command line, beside `interlock run`."""


Impl = tuple[str, Callable[..., object]]
"""A plugin's name, and a function that takes the arguments of a hook by position."""


class Hooks:
    """The compiled hooks of one run, or of all runs of one flow run."""

    __slots__ = ("after", "before", "failures", "layers", "rest")

    def __init__(self, before: Sequence[Impl] = (), after: Sequence[Impl] = (), rest: Sequence[Impl] = ()) -> None:
        self.before = tuple(before)
        """Those of `before_step`."""
        self.after = tuple(after)
        """Those of `after_step`."""
        self.rest = tuple(rest)
        """Those of `after_flow`."""
        self.failures: list[PluginError] = []
        """What went wrong in observers, in order."""
        self.layers: Mapping[str, Any] = {}
        """The context of the flow run that they are for. Any: the user's."""

    def ask(self, view: RunView, signal: object, now: float | None) -> tuple[object, str] | None:
        """Return the first answer and the plugin that gave it.

        Raises:
            PluginError: an implementation raised.
        """
        for name, function in self.before:
            try:
                answer = function(view, as_shown(signal), now)
            except ESCAPES:
                raise
            except BaseException as error:  # a plugin is a stranger's code: whatever it raises is its failure, not ours
                raise PluginError(blamed(name, function, error), "before_step", f"raised {shown(error)}") from error
            if answer is not None:
                return answer, name
        return None

    def tell(self, run: Record) -> None:
        """Tell every observer of a run's last step. One that raises is reported, and told nothing more."""
        told = self.after
        if told:
            view, step = _view(RunView), run._last_step()
            view._run = run  # `RunView(run)` without a call: an observer may take no longer than a microsecond
            for impl in told:
                try:
                    impl[1](view, step)
                except ESCAPES:
                    raise
                except BaseException as error:  # noqa: BLE001  # as above; and the step is taken, so the run must go on
                    self.after = self._less(self.after, impl, "after_step", error)

    def tell_rest(self, run: Record, state: object) -> None:
        """Tell every observer that a flow run rests; one that raises likewise."""
        view = RunView(run)
        for impl in self.rest:
            try:
                impl[1](view, state)
            except ESCAPES:
                raise
            except BaseException as error:  # noqa: BLE001  # as above
                self.rest = self._less(self.rest, impl, "after_flow", error)

    def _less(self, told: tuple[Impl, ...], failed: Impl, hook: str, error: BaseException) -> tuple[Impl, ...]:
        """Report an observer that raised, and return the others."""
        name = blamed(*failed, error)
        failure = PluginError(name, hook, f"raised {shown(error)}; it is told nothing more of this run")
        self.failures.append(failure)
        import logging  # here, as hardly a run needs it

        logging.getLogger("interlock.plugins").error("%s", failure, exc_info=error)
        left = without(failed[1], name)
        return tuple(other for impl in told for other in (left if impl is failed else (impl,)))


def blamed(name: str, function: Callable[..., object], error: BaseException) -> str:
    """Return the plugin that an error came from, where a function calls several."""
    owner: Callable[[FrameType], str | None] | None = getattr(function, "owner", None)
    trace = error.__traceback__
    while owner is not None and trace is not None:
        name = owner(trace.tb_frame) or name
        trace = trace.tb_next
    return name


def without(function: Callable[..., object], name: str) -> tuple[Impl, ...]:
    """Return what is left of a function that calls several plugins, without one of them."""
    rest: Callable[[str], tuple[Impl, ...]] | None = getattr(function, "without", None)
    return () if rest is None else rest(name)
