"""Plugins that are installed: found by their entry points, loaded by name, blocked by name.

An entry point of the group "interlock" is a plugin object, a module, or a class; a class is called with the options
that are given for it. Those of this distribution itself are loaded only by name. A plugin that is blocked is not even
imported.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Collection, Iterable, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

import attrs

from interlock._errors import ESCAPES, InterlockError, PluginError, listed, shown, suggest
from interlock._plugins import Plugins

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

GROUP = "interlock"
BLOCK = "INTERLOCK_BLOCK_PLUGINS"
"""The environment variable with the names of plugins that are not to be loaded, with commas between; * blocks all."""
SHIPPED_BY = "interlock"  # the distribution whose plugins are loaded only by name

Options = Mapping[str, Any]
"""What the class of a plugin is called with. Any: its arguments."""
Names = Iterable[str] | Mapping[str, Options] | None


@attrs.frozen
class Found:
    """A plugin that is installed."""

    name: str
    entry: EntryPoint
    distribution: str
    """The name of the distribution that it came with. Read once: each time its metadata are parsed anew."""
    version: str
    """The version of that distribution."""
    others: tuple[str, ...] = ()
    """Other distributions that have a plugin of the same name."""

    @property
    def shipped(self) -> bool:
        """Whether it came with Interlock itself."""
        return self.distribution == SHIPPED_BY

    def load(self, options: Options | None = None) -> object:
        """Import it, and return the plugin object.

        Raises:
            PluginError: it cannot be imported or made, or takes no options.
        """
        if self.others:
            both = listed((self.distribution, *self.others))
            raise PluginError(self.name, "load", f"is the name of plugins of several distributions: {both}; block it")
        try:
            loaded = self.entry.load()
            if isinstance(loaded, type):
                return loaded(**(options or {}))
        except ESCAPES:
            raise
        except ModuleNotFoundError as error:
            raise PluginError(self.name, "load", self._missing(error)) from error
        except BaseException as error:  # importing it runs a stranger's code
            raise PluginError(self.name, "load", f"raised {shown(error)}") from error
        if options:
            raise PluginError(self.name, "load", f"takes no options; it was given: {listed(options)}")
        return loaded

    def _missing(self, error: ModuleNotFoundError) -> str:
        """Return what has to be installed: the extra of the entry point, where it names one."""
        extras = ",".join(self.entry.extras)
        need = f"pip install '{self.distribution}[{extras}]'" if extras else f"install {error.name}"
        return f"needs {error.name}, which is not installed: {need}"


def found() -> tuple[Found, ...]:
    """Return the plugins that are installed, in the order of their names."""
    return _found(tuple(sys.path))


@cache
def _found(path: tuple[str, ...]) -> tuple[Found, ...]:
    from importlib.metadata import entry_points  # here, as `import interlock` is to be quick

    every: dict[str, list[Found]] = {}
    for entry in entry_points(group=GROUP):
        name, version = ("", "") if entry.dist is None else (entry.dist.name, entry.dist.version)
        every.setdefault(entry.name, []).append(Found(entry.name, entry, name, version))
    return tuple(
        attrs.evolve(first, others=tuple(other.distribution for other in others))
        for _, (first, *others) in sorted(every.items())
    )


def blocked(more: Collection[str] = ()) -> frozenset[str]:
    """Return the names of the plugins that are blocked, by the environment or by `more`."""
    said = {name.strip() for name in os.environ.get(BLOCK, "").split(",")} - {""}
    return frozenset(said.union(more))


def load_plugins(names: Names = None, block: Collection[str] = ()) -> Plugins:
    """Return installed plugins, loaded and registered.

    Args:
        names: those to load; or by name the options that the plugin's class is called with:
            `{"ratelimit": {"rate": 5}}`. Otherwise all that are installed, but for those that ship with Interlock. Any:
            the options are the plugin's.
        block: names of plugins that are not to be loaded, beside those in `INTERLOCK_BLOCK_PLUGINS`.

    Raises:
        PluginError: a plugin that was named is not installed, is blocked, cannot be loaded, or breaks a rule. One that
            was not named is logged then, and left out.
    """
    if isinstance(names, str):
        raise TypeError(f"load_plugins: names={names!r}; give a list of names, as in load_plugins([{names!r}])")
    wanted: Mapping[str, Options] = names if isinstance(names, Mapping) else {name: {} for name in names or ()}
    plugins = Plugins()
    if names is None:
        for plugin in found():
            if not plugin.shipped and not _stopped(plugin.name, blocked(block)):
                try:
                    _add(plugins, plugin, {})
                except PluginError as error:
                    import logging  # here, as hardly a program needs it

                    logging.getLogger("interlock.plugins").error("%s; it is left out", error)
        return plugins
    for name, options in wanted.items():
        _add(plugins, _named(name, blocked(block)), options)
    return plugins


def load_beside(named: Mapping[str, Options]) -> Plugins:
    """Return the plugins that every flow run uses, and beside them those that are named, with their options.

    Raises:
        PluginError: as `load_plugins` for those that are named.
    """
    plugins = load_plugins(None, named)
    for name, options in named.items():
        _add(plugins, _named(name, blocked()), options)
    return plugins


def _stopped(name: str, stopped: Collection[str]) -> bool:
    return name in stopped or "*" in stopped


def _named(name: str, stopped: Collection[str]) -> Found:
    known = {plugin.name: plugin for plugin in found()}
    if name not in known:
        problem = f"is not installed.{suggest(name, known)} There are: {listed(known)}"
        raise PluginError(shown(name)[1:-1] if isinstance(name, str) else shown(name), "load", problem)
    if _stopped(name, stopped):
        raise PluginError(name, "load", f"is blocked, by block=... or {BLOCK}")
    return known[name]


def _add(plugins: Plugins, plugin: Found, options: Options) -> None:
    """Load a plugin, and register it where it fits those that are there already."""
    made = plugin.load(options)
    plugins.register(made, plugin.name)
    try:
        for lifecycle in ("task-run", "flow-run"):
            plugins.machine(lifecycle)
    except InterlockError:
        plugins.unregister(made)
        raise


def installed() -> Plugins | None:
    """Return the plugins that every flow run uses unless told otherwise; None if there are none."""
    return _installed(os.environ.get(BLOCK, ""), tuple(sys.path))


@cache
def _installed(_blocked: str, _path: tuple[str, ...]) -> Plugins | None:
    plugins = load_plugins()
    return plugins if plugins.names else None
