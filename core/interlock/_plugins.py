"""Plugin objects, put together for runs: registered with pluggy, and compiled to tuples of functions."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from types import CodeType
from typing import Any

import pluggy

from interlock import _extend
from interlock._errors import PluginError, SpecError, shown
from interlock._extend import Part
from interlock._hooks import ESCAPES, Hooks, HookSpecs, Impl, blamed, without
from interlock._machine import Machine

ARGUMENTS: Mapping[str, tuple[str, ...]] = {
    "before_step": ("run", "signal", "now"),
    "after_step": ("run", "step"),
    "after_flow": ("run", "state"),
    "extend": ("lifecycle",),
    "make_executor": ("name", "workers"),
    "add_commands": (),
}
"""The hooks, and what each is called with, in order."""

SLOW = 1.0  # seconds in a hook from which on a plugin is reported


class Plugins:
    """Plugin objects whose hooks runs call.

    `Plugins(recorder, limiter)` registers objects with methods (or modules with functions) marked by `hookimpl`. One
    object may serve any number of runs, in any thread.

    Raises:
        PluginError: an object implements no hook, one that does not exist, or one with arguments that it does not have.
    """

    def __init__(self, *plugins: object) -> None:
        self._manager = pluggy.PluginManager("interlock")
        self._manager.add_hookspecs(HookSpecs)
        self._compiled: dict[str, tuple[Impl, ...]] = {}
        self._machines: dict[Machine, Machine] = {}
        self._compile()
        for plugin in plugins:
            self.register(plugin)

    def register(self, plugin: object, name: str | None = None) -> None:
        """Add a plugin. Runs that began before do not call it."""
        named = self._name(plugin, name)
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
        self._compile()

    def unregister(self, plugin: object) -> None:
        """Remove a plugin. Runs that began before still call it.

        Raises:
            PluginError: it is not registered.
        """
        if not self._manager.is_registered(plugin):
            raise PluginError(self._name(plugin, None), "unregister", "it is not registered")
        self._manager.unregister(plugin)
        self._compile()

    def _name(self, plugin: object, name: str | None) -> str:
        kind = plugin if isinstance(plugin, type) else type(plugin)
        named = str(name or getattr(plugin, "__name__", None) or kind.__name__)
        return f"{named}-{id(plugin):x}" if self._manager.has_plugin(named) else named

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the plugins, in the order in which they were registered."""
        return tuple(name for name, _ in self._manager.list_name_plugin())

    def hooks_of(self, name: str) -> tuple[str, ...]:
        """Return the hooks that a plugin implements."""
        callers = self._manager.get_hookcallers(self._manager.get_plugin(name)) or []
        return tuple(caller.name for caller in callers)

    def machine(self, lifecycle: str | Machine) -> Machine:
        """Return a life cycle with all that the plugins add to it.

        Args:
            lifecycle: the name of a shipped one, or a machine.

        Raises:
            PluginError: a plugin adds what it may not, or two add the same; both are named.
        """
        base = lifecycle if isinstance(lifecycle, Machine) else Machine.load(lifecycle)
        made = self._machines.get(base)
        if made is None:
            made = self._machines[base] = self._extended(base)
        return made

    def _extended(self, base: Machine) -> Machine:
        # One extension may come from several objects: two of a class, each with options of its own.
        added = list({id(part): (name, part) for name, part in self.extensions(base.name)}.values())
        for what, first, second in _extend.clashes((name, part.table) for name, part in added):
            raise PluginError(second, "extend", f"{what}: plugin {first!r} adds it to {base.name}, too")
        machine = base
        for name, part in added:
            try:
                machine = machine.extend(part)
            except (SpecError, ValueError) as error:
                raise PluginError(name, "extend", str(error)) from error
        return machine

    def extensions(self, lifecycle: str) -> Iterable[tuple[str, Part]]:
        """Yield what plugins add to a life cycle, each with the plugin's name.

        Raises:
            PluginError: a plugin raised, or answered with something that is no extension of it.
        """
        for name, function in reversed(self._compiled["extend"]):  # as they were registered
            part = _called(name, "extend", function, lifecycle)
            for each in _each(function, part):
                if each is None:
                    continue
                if not isinstance(each, Part):
                    raise PluginError(name, "extend", f"returned {shown(each)}; it must be an Extension, or None")
                if each.lifecycle != lifecycle:
                    what = f"returned an extension of {each.lifecycle!r} for {lifecycle!r}; return None for others"
                    raise PluginError(name, "extend", what)
                if missing := each.missing():
                    raise PluginError(name, "extend", "; ".join(missing))
                yield name, each

    def hooks(self, clock: Callable[[], float] | None = None) -> Hooks | None:
        """Return the hooks for one run, or None if there is nothing to call.

        `clock` tells the seconds: then it is logged of a plugin that is slow that it is.
        """
        before, after, rest = (self._timed(hook, clock) for hook in ("before_step", "after_step", "after_flow"))
        return Hooks(before, after, rest) if before or after or rest else None

    def _timed(self, hook: str, clock: Callable[[], float] | None) -> tuple[Impl, ...]:
        impls = self._compiled[hook]
        return impls if clock is None else tuple((name, Timed(name, hook, call, clock)) for name, call in impls)

    def executor(self, name: str, workers: int | None) -> Any:
        """Return what the first plugin that knows such an executor makes of the name; None if none does.

        Any: an `Executor`, which is declared above this module.

        Raises:
            PluginError: a plugin raised, or answered with something that is no executor.
        """
        for plugin, function in self._compiled["make_executor"]:
            made = _called(plugin, "make_executor", function, name, workers)
            if made is not None:
                if not callable(getattr(made, "submit", None)):
                    problem = f"returned {shown(made)}, which has no submit; see interlock.executors.Executor"
                    raise PluginError(plugin, "make_executor", problem)
                return made
        return None

    def commands(self) -> Iterable[tuple[str, object] | PluginError]:
        """Yield what plugins add to the command line, each with the plugin's name; an error for one that raised."""
        for plugin, function in self._compiled["add_commands"]:
            try:
                answers = _each(function, _called(plugin, "add_commands", function))
            except PluginError as error:
                yield error
                continue
            for made in answers:
                if isinstance(made, list | tuple):
                    yield from ((plugin, command) for command in made)
                else:
                    problem = f"returned {shown(made)}; it must be a list of click commands"
                    yield PluginError(plugin, "add_commands", problem)

    def _compile(self) -> None:
        self._compiled = {hook: self._impls(hook) for hook in ARGUMENTS}
        self._machines = {}

    def _impls(self, hook: str, gone: frozenset[str] = frozenset()) -> tuple[Impl, ...]:
        """Return the functions of a hook, those of some plugins left out, in the order in which pluggy calls them."""
        arguments, caller = ARGUMENTS[hook], getattr(self._manager.hook, hook)
        impls = [impl for impl in caller.get_hookimpls() if impl.plugin_name not in gone]
        if any(impl.wrapper or impl.hookwrapper for impl in impls):
            left_out = (self._manager.get_plugin(name) for name in gone)
            through = self._manager.subset_hook_caller(hook, [plugin for plugin in left_out if plugin is not None])
            return ((", ".join(impl.plugin_name for impl in impls), _Through(self, hook, through, impls, gone)),)
        return tuple((impl.plugin_name, _fitted(impl, arguments)) for impl in reversed(impls))


class _Through:
    """Calls all plugins of a hook by pluggy itself: wrappers see the calls of all others."""

    def __init__(
        self,
        plugins: Plugins,
        hook: str,
        caller: pluggy.HookCaller,
        impls: Iterable[pluggy.HookImpl],
        gone: frozenset[str],
    ) -> None:
        self._plugins = plugins
        self._hook = hook
        self._caller = caller
        self._gone = gone
        self.names: dict[CodeType | None, str] = {
            getattr(impl.function, "__code__", None): impl.plugin_name for impl in impls
        }
        """The plugins, by the code of their functions."""

    def __call__(self, *values: object) -> object:
        return self._caller(**dict(zip(ARGUMENTS[self._hook], values, strict=True)))

    def without(self, name: str) -> tuple[Impl, ...]:
        """Return what calls all but one of them."""
        return self._plugins._impls(self._hook, self._gone | {name})


class Timed:
    """An implementation of a hook that is reported, once, when it takes long: everything waits for it."""

    __slots__ = ("_call", "_clock", "_hook", "_name", "_reported")

    def __init__(self, name: str, hook: str, call: Callable[..., object], clock: Callable[[], float]) -> None:
        self._name = name
        self._hook = hook
        self._call = call
        self._clock = clock
        self._reported = False

    def __call__(self, *values: object) -> object:
        began = self._clock()
        try:
            return self._call(*values)
        finally:
            took = self._clock() - began
            if took >= SLOW and not self._reported:
                self._reported = True
                import logging  # here, as hardly a run needs it

                said = "plugin %r, %s: took %.1f s, and everything waited for it"
                logging.getLogger("interlock.plugins").warning(said, self._name, self._hook, took)

    @property
    def names(self) -> Mapping[object, str]:
        """The plugins that it calls, by the code of their functions, where they are several."""
        return getattr(self._call, "names", {})

    def without(self, name: str) -> tuple[Impl, ...]:
        """Return what calls all but one of them."""
        return tuple((left, Timed(left, self._hook, call, self._clock)) for left, call in without(self._call, name))


def _fitted(impl: pluggy.HookImpl, arguments: tuple[str, ...]) -> Callable[..., object]:
    """Return an implementation that takes all arguments of its hook by position."""
    function = impl.function
    if tuple(impl.argnames) == arguments:
        return function
    places = [arguments.index(name) for name in impl.argnames]
    return lambda *values: function(*[values[place] for place in places])


def _called(name: str, hook: str, function: Callable[..., object], *arguments: object) -> object:
    try:
        return function(*arguments)
    except ESCAPES:
        raise
    except BaseException as error:  # as in `Hooks`: a stranger's code
        raise PluginError(blamed(name, function, error), hook, f"raised {error!r}") from error


def _each(function: Callable[..., object], answer: object) -> list[object]:
    """Return the answers of the plugins that a function calls: behind wrappers, pluggy lists them."""
    return list(answer) if isinstance(function, _Through) and isinstance(answer, list) else [answer]


def plugins_of(plugins: Any) -> Plugins | None:
    """Return what `plugins=...` was given as `Plugins`: nothing, `Plugins`, or a list of plugin objects.

    Any: plugin objects have no common type.

    Raises:
        TypeError: it is none of these.
    """
    if plugins is None or isinstance(plugins, Plugins):
        return plugins
    if isinstance(plugins, list | tuple):
        return Plugins(*plugins) if plugins else None
    raise TypeError(f"plugins: {plugins!r}; give Plugins(...), or a list of plugin objects")


def hooks_of(plugins: Any) -> Hooks | None:
    """Return the hooks for what `Run(plugins=...)` was given. Any: as above, and hooks."""
    if plugins is None or isinstance(plugins, Hooks):
        return plugins
    put_together = plugins_of(plugins)
    return None if put_together is None else put_together.hooks()
