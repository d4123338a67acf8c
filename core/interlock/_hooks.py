"""Plugins of a run: what they may be asked and told, and how they are called.

The specifications below are those of pluggy; the calls are compiled to tuples of plain functions, for an idle pluggy
call costs as much as ten steps. A plugin chooses signals, never states.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import pluggy

from interlock._errors import PluginError

if TYPE_CHECKING:
    from interlock._record import Record
    from interlock._story import Step, Story

hookspec = pluggy.HookspecMarker("interlock")
hookimpl = pluggy.HookimplMarker("interlock")
"""Marks a function of a plugin as the implementation of a hook."""


ESCAPES = (KeyboardInterrupt, SystemExit, GeneratorExit)
"""What no plugin is blamed for: somebody wants the whole program to stop."""


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


class Plugins:
    """Plugin objects whose hooks a run calls.

    `Plugins(recorder, limiter)` registers objects with methods (or modules with functions) marked by `hookimpl`.

    Raises:
        PluginError: an object implements no hook, one that does not exist, or one with arguments that it does not have.
    """

    def __init__(self, *plugins: object) -> None:
        self._manager = pluggy.PluginManager("interlock")
        self._manager.add_hookspecs(HookSpecs)
        for plugin in plugins:
            self.register(plugin)

    def register(self, plugin: object, name: str | None = None) -> None:
        """Add a plugin. Runs that began before do not call it."""
        kind = plugin if isinstance(plugin, type) else type(plugin)
        named = name or getattr(plugin, "__name__", None) or kind.__name__
        if self._manager.has_plugin(named):
            named = f"{named}-{id(plugin):x}"
        if self._manager.is_registered(plugin):
            raise PluginError(named, "register", "it is registered already")
        try:
            self._manager.register(plugin, named)
            self._manager.check_pending()
        except (pluggy.PluginValidationError, ValueError) as error:
            if self._manager.is_registered(plugin):
                self._manager.unregister(plugin)
            raise PluginError(named, "register", str(error).replace("\n", " ")) from None
        if not self._manager.get_hookcallers(plugin):
            self._manager.unregister(plugin)
            raise PluginError(named, "register", "it implements no hook; mark its methods with @hookimpl")

    def unregister(self, plugin: object) -> None:
        """Remove a plugin. Runs that began before still call it."""
        self._manager.unregister(plugin)

    def hooks(self) -> Hooks | None:
        """Return the hooks for one run, or None if there is nothing to call."""
        hooks = Hooks(
            self._compiled("before_step", ("run", "signal", "now")), self._compiled("after_step", ("run", "step"))
        )
        return hooks if hooks.before or hooks.after else None

    def _compiled(self, hook: str, arguments: tuple[str, ...]) -> tuple[tuple[str, Callable[..., object]], ...]:
        caller = getattr(self._manager.hook, hook)
        impls = [impl for impl in caller.get_hookimpls() if impl.plugin is not self]
        if any(impl.wrapper or impl.hookwrapper for impl in impls):
            # Wrappers see the calls of all others: pluggy itself makes the call.
            names = ", ".join(impl.plugin_name for impl in impls)
            return ((names, lambda *values: caller(**dict(zip(arguments, values, strict=True)))),)
        return tuple((impl.plugin_name, _fitted(impl, arguments)) for impl in reversed(impls))


def _fitted(impl: pluggy.HookImpl, arguments: tuple[str, ...]) -> Callable[..., object]:
    """Return an implementation that takes all arguments of its hook by position."""
    function = impl.function
    if tuple(impl.argnames) == arguments:
        return function
    places = [arguments.index(name) for name in impl.argnames]
    return lambda *values: function(*[values[place] for place in places])


class Hooks:
    """The compiled hooks of one run, or of all runs of one flow run."""

    __slots__ = ("after", "before", "failures")

    def __init__(
        self,
        before: tuple[tuple[str, Callable[..., object]], ...],
        after: tuple[tuple[str, Callable[..., object]], ...],
    ) -> None:
        self.before = before
        self.after = after
        self.failures: list[PluginError] = []
        """What went wrong in observers, in order."""

    def ask(self, view: RunView, signal: object, now: float | None) -> tuple[object, str] | None:
        """Return the first answer and the plugin that gave it.

        Raises:
            PluginError: an implementation raised.
        """
        for name, function in self.before:
            try:
                answer = function(view, signal, now)
            except ESCAPES:
                raise
            except BaseException as error:  # a plugin is a stranger's code: whatever it raises is its failure, not ours
                raise PluginError(name, "before_step", f"raised {error!r}") from error
            if answer is not None:
                return answer, name
        return None

    def tell(self, run: Record) -> None:
        """Tell every observer of a run's last step. One that raises is reported, and told nothing more."""
        if not self.after:
            return
        view, step = RunView(run), run._last_step()
        for name, function in self.after:
            try:
                function(view, step)
            except ESCAPES:
                raise
            except BaseException as error:  # as above; and the step is taken already, so the run must go on
                self.after = tuple(item for item in self.after if item[1] is not function)
                failure = PluginError(name, "after_step", f"raised {error!r}; it is told nothing more of this run")
                self.failures.append(failure)
                import logging  # here, as hardly a run needs it

                logging.getLogger("interlock.plugins").error("%s", failure, exc_info=error)


def hooks_of(plugins: Any) -> Hooks | None:
    """Return the hooks for what `Run(plugins=...)` was given: nothing, `Plugins`, `Hooks`, or plugin objects.

    Any: plugin objects have no common type.
    """
    if plugins is None or isinstance(plugins, Hooks):
        return plugins
    if isinstance(plugins, Plugins):
        return plugins.hooks()
    if isinstance(plugins, list | tuple):
        return Plugins(*plugins).hooks()
    raise TypeError(f"plugins: {plugins!r}; give Plugins(...), or a list of plugin objects")
