"""What plugins give to be called later, with the plugin's name on it: guards of an extension, and executors.

Whatever such a thing does wrong is a `PluginError` that says whose it is.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from typing import Any

import attrs

from interlock._errors import ESCAPES, PluginError, shown
from interlock._extend import Part


def as_shown(signal: object) -> object:
    """Return a signal as a plugin sees it: a copy where it can be copied, for what a plugin changes must not count."""
    return copy.copy(signal) if hasattr(type(signal), "__copy__") else signal


@attrs.frozen
class OwnedGuard:
    """A guard that an extension binds. Any: a run and a signal of whatever kind."""

    plugin: str
    name: str
    function: Callable[[Any, Any], bool]

    def __call__(self, run: Any, signal: Any) -> bool:
        """Ask it.

        Raises:
            PluginError: it raised, or answered neither True nor False.
        """
        try:
            answer: object = self.function(run, as_shown(signal))
        except ESCAPES:
            raise
        except BaseException as error:  # a stranger's code, as all of a plugin's
            raise PluginError(self.plugin, "extend", f"guard {self.name!r} raised {shown(error)}") from error
        if answer is True or answer is False:
            return answer
        problem = f"guard {self.name!r} answered {shown(answer)}; it must answer True or False"
        raise PluginError(self.plugin, "extend", problem)


class OwnedPart(Part):
    """An extension whose guards have the plugin's name on them."""

    def __init__(self, part: Part, plugin: str) -> None:
        self._part = part
        self.file, self.lifecycle, self.table = part.file, part.lifecycle, part.table
        self.guards = {
            name: OwnedGuard(plugin, name, guard) if callable(guard) else guard for name, guard in part.guards.items()
        }

    @property
    def classes(self) -> Mapping[str, type]:
        """The classes of its states and signals."""
        return self._part.classes

    def missing(self) -> list[str]:
        """Return what keeps its classes from being imported by name."""
        return self._part.missing()


class OwnedExecutor:
    """An executor that a plugin made for one flow run. Any: an `Executor`, which is declared above this module."""

    def __init__(self, executor: Any, plugin: str) -> None:
        self._executor = executor
        self._plugin = plugin

    def submit(self, function: Callable[..., Any], /, *args: Any) -> Any:
        """Have a function called, and return the future. Any: as for an executor.

        Raises:
            PluginError: the executor raised, or returned no future.
        """
        try:
            future = self._executor.submit(function, *args)
            if callable(getattr(future, "add_done_callback", None)):
                return future
        except ESCAPES:
            raise
        except BaseException as error:  # as above
            raise self._error(f"its submit raised {shown(error)}") from error
        raise self._error(f"its submit returned {shown(future)}, which is no future")

    def shutdown(self) -> None:
        """Shut it down, where it can be. What it raises then is logged: the flow run is over."""
        try:
            end = getattr(self._executor, "shutdown", None)
            if callable(end):
                end()
        except ESCAPES:
            raise
        except BaseException as error:  # as above
            import logging  # here, as hardly a run needs it

            problem = self._error(f"its shutdown raised {shown(error)}")
            logging.getLogger("interlock.plugins").error("%s", problem, exc_info=error)

    def _error(self, problem: str) -> PluginError:
        return PluginError(self._plugin, "make_executor", problem)
