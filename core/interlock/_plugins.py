"""Plugin objects, put together for runs: registered with pluggy, and compiled to tuples of functions."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Container, Iterable, Mapping
from types import FrameType
from typing import Any

import pluggy

from interlock import _extend
from interlock._errors import ESCAPES, PluginError, SpecError, listed, shown, suggest
from interlock._extend import Part
from interlock._hooks import Hooks, HookSpecs, Impl, blamed, without
from interlock._machine import Machine
from interlock._owned import OwnedExecutor, OwnedPart

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
        self._manager = _managed()
        self._compiled: dict[str, tuple[Impl, ...]] = {}
        self._machines: dict[Machine, Machine] = {}
        self._compile()
        for plugin in plugins:
            self.register(plugin)

    def register(self, plugin: object, name: str | None = None) -> None:
        """Add a plugin. Runs that began before do not call it."""
        named = self._name(plugin, name)
        if plugin is None or self._manager.is_registered(plugin):
            raise PluginError(named, "register", "is no plugin" if plugin is None else "it is registered already")
        try:
            self._manager.register(plugin, named)
            callers = self._manager.get_hookcallers(plugin) or []
            pairs = [(caller, impl) for caller in callers for impl in caller.get_hookimpls() if impl.plugin is plugin]
            problems = [problem for pair in pairs if (problem := _unfit(*pair))]
            if not pairs:
                problems = ["it implements no hook; mark its methods with @hookimpl"]
            if problems:
                raise ValueError("; ".join(problems))
            self._manager.check_pending()
        except (pluggy.PluginValidationError, ValueError) as error:
            if self._manager.is_registered(plugin):
                self._manager.unregister(plugin)
            raise PluginError(named, "register", str(error).replace("\n", " ")) from None
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

    def machine(self, lifecycle: str | Machine, clock: Callable[[], float] | None = None) -> Machine:
        """Return a life cycle with all that the plugins add to it.

        Args:
            lifecycle: the name of a shipped one, or a machine.
            clock: tells the seconds, as for `hooks`.

        Raises:
            PluginError: a plugin adds what it may not, or two add the same; both are named.
        """
        base = lifecycle if isinstance(lifecycle, Machine) else Machine.load(lifecycle)
        machines = self._machines  # a plugin may register or remove others while it is asked
        made = machines.get(base)
        if made is None:
            made = machines[base] = self._extended(base, clock)
        return made

    def _extended(self, base: Machine, clock: Callable[[], float] | None) -> Machine:
        # One extension may come from several objects: two of a class, each with options of its own.
        added = list({id(part): (name, part) for name, part in self.extensions(base.name, clock)}.values())
        for what, first, second in _extend.clashes((name, part.table) for name, part in added):
            raise PluginError(second, "extend", f"{what}: plugin {first!r} adds it to {base.name}, too")
        machine = base
        for name, part in added:
            try:
                machine = machine.extend(OwnedPart(part, name))
            except (SpecError, ValueError) as error:
                raise PluginError(name, "extend", str(error)) from error
        return machine

    def extensions(self, lifecycle: str, clock: Callable[[], float] | None = None) -> Iterable[tuple[str, Part]]:
        """Yield what plugins add to a life cycle, each with the plugin's name. `clock` as for `hooks`.

        Raises:
            PluginError: a plugin raised, or answered with something that is no extension of it.
        """
        # As they were registered: who came later may build on who was there, and is to blame where they disagree.
        for name, function in reversed(self._timed("extend", clock)):
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

    def executor(
        self, name: str, workers: int | None, clock: Callable[[], float] | None = None
    ) -> OwnedExecutor | None:
        """Return what the first plugin that knows such an executor makes of the name; None if none does.

        `clock` as for `hooks`.

        Raises:
            PluginError: a plugin raised, or answered with something that is no executor.
        """
        for plugin, function in self._timed("make_executor", clock):
            made = _called(plugin, "make_executor", function, name, workers)
            if made is not None:
                if not callable(_called(plugin, "make_executor", getattr, made, "submit", None)):
                    problem = f"returned {shown(made)}, which has no submit; see interlock.executors.Executor"
                    raise PluginError(plugin, "make_executor", problem)
                return OwnedExecutor(made, plugin)
        return None

    def commands(self, clock: Callable[[], float] | None = None) -> Iterable[tuple[str, object] | PluginError]:
        """Yield what plugins add to the command line, each with the plugin's name; an error for one that raised.

        `clock` as for `hooks`.
        """
        for plugin, function in self._timed("add_commands", clock):
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
        self._compiled = {hook: _impls(hook, self._manager) for hook in ARGUMENTS}
        self._machines = {}


def _managed() -> pluggy.PluginManager:
    manager = pluggy.PluginManager("interlock")
    manager.add_hookspecs(HookSpecs)
    return manager


def _impls(hook: str, manager: pluggy.PluginManager) -> tuple[Impl, ...]:
    """Return the functions of a hook, in the order in which pluggy calls them."""
    impls: list[pluggy.HookImpl] = getattr(manager.hook, hook).get_hookimpls()
    if any(impl.wrapper or impl.hookwrapper for impl in impls):
        # A manager of its own: what is registered or removed later is for later runs.
        names = [impl.plugin_name for impl in impls]
        return ((", ".join(names), _Through(hook, _copied(manager, names))),)
    return tuple((impl.plugin_name, _fitted(impl, ARGUMENTS[hook])) for impl in reversed(impls))


def _copied(manager: pluggy.PluginManager, names: Container[str]) -> pluggy.PluginManager:
    """Return a manager of the plugins with these names, in the same order."""
    copied = _managed()
    for name, plugin in manager.list_name_plugin():
        if name in names:
            copied.register(plugin, name)
    return copied


class _Through:
    """Calls all plugins of a hook by pluggy itself: wrappers see the calls of all others."""

    def __init__(self, hook: str, manager: pluggy.PluginManager) -> None:
        self._hook = hook
        self._manager = manager
        self._caller: pluggy.HookCaller = getattr(manager.hook, hook)

    def __call__(self, *values: object) -> object:
        return self._caller(**dict(zip(ARGUMENTS[self._hook], values, strict=True)))

    def owner(self, frame: FrameType) -> str | None:
        """Return the plugin whose implementation a frame is a call of."""
        for impl in self._caller.get_hookimpls():
            function = impl.function
            if getattr(function, "__code__", None) is frame.f_code:
                first = frame.f_code.co_varnames[:1]  # plugins of one class share their code
                if not inspect.ismethod(function) or frame.f_locals.get(*first) is function.__self__:
                    return impl.plugin_name
        return None

    def without(self, name: str) -> tuple[Impl, ...]:
        """Return what calls all but one of them; nothing, where nobody can say which one it is."""
        names = {known for known, _ in self._manager.list_name_plugin()}
        return _impls(self._hook, _copied(self._manager, names - {name})) if name in names else ()


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
    def owner(self) -> Callable[[FrameType], str | None] | None:
        """Tells whose call a frame is, where it calls several plugins."""
        return getattr(self._call, "owner", None)

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


def _unfit(caller: pluggy.HookCaller, impl: pluggy.HookImpl) -> str | None:
    """Return why an implementation could never do what it is there for, if that is so."""
    function, hook = impl.function, caller.name
    if not caller.has_spec() and not impl.optionalhook:
        return f"unknown hook {hook!r}.{suggest(hook, ARGUMENTS)} There are: {listed(ARGUMENTS)}"
    if inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function):
        return f"{hook} is async, and nobody awaits a hook"
    if inspect.isgeneratorfunction(function) and not (impl.wrapper or impl.hookwrapper):
        return f"{hook} has a yield, and is no wrapper: nobody would go through it"
    if isinstance(impl.plugin, type) and next(iter(inspect.signature(function).parameters), None) == "self":
        return f"{hook} needs an object; give {impl.plugin.__name__}(...), not the class"
    return None


def _called(name: str, hook: str, function: Callable[..., object], *arguments: object) -> object:
    try:
        return function(*arguments)
    except ESCAPES:
        raise
    except BaseException as error:  # as in `Hooks`: a stranger's code
        raise PluginError(blamed(name, function, error), hook, f"raised {shown(error)}") from error


def _each(function: Callable[..., object], answer: object) -> list[object]:
    """Return the answers of the plugins that a function calls: behind wrappers, pluggy lists them."""
    several = getattr(function, "owner", None) is not None
    return list(answer) if several and isinstance(answer, list) else [answer]


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
