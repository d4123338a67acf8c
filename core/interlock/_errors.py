"""Every error that a user of the library can see, and the sentence that each one prints.

Form of a message: where, what was wrong with the value quoted, what would have been right.
Imports nothing of ours, so that every other module may import it.
"""

from __future__ import annotations

from collections.abc import Iterable

import attrs

LONGEST = 200  # characters of a value that an error shows
ESCAPES = (KeyboardInterrupt, SystemExit, GeneratorExit)
"""What no code of a stranger is blamed for: somebody wants the whole program to stop."""


class InterlockError(Exception):
    """The base of all errors that Interlock raises on purpose."""


def suggest(name: object, known: Iterable[object]) -> str:
    """Return " Did you mean 'x'?" for the known name nearest to `name`, or nothing."""
    import difflib  # here, as only mistakes need it

    text = name if isinstance(name, str) else shown(name)
    near = difflib.get_close_matches(text, [other for other in known if isinstance(other, str)], 1)
    return f" Did you mean {near[0]!r}?" if near else ""


def shown(value: object) -> str:
    """Return a value as text for an error, whatever its own `repr` does."""
    try:
        text = repr(value)
    except ESCAPES:
        raise
    except BaseException as error:  # noqa: BLE001  # a repr of the user's may raise anything, and must not hide the error
        return f"<{type(value).__name__}, whose repr raised {type(error).__name__}>"
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}..."


def listed(names: Iterable[str], nothing: str = "nothing") -> str:
    """Return the names with commas between them, or `nothing` where there are none."""
    return ", ".join(names) or nothing


@attrs.define
class SpecError(InterlockError, ValueError):
    """A table breaks the rules of the notation. All breaches of a file come at once."""

    file: str
    problems: tuple[str, ...]
    """One breach each: place, what is wrong, what would be right."""

    def __str__(self) -> str:
        return "\n".join(f"{self.file}: {problem}" for problem in self.problems)


@attrs.define
class NoTransition(InterlockError):
    """The table refuses this signal in this state. Nothing has changed."""

    lifecycle: str
    state: str
    signal: str
    because: str
    """The table's own reason, or what else stands in the way; empty where the cell is just absent."""
    accepts: tuple[str, ...]
    story: str = ""
    """The end of the run's story as arrows; empty outside a run."""

    def __str__(self) -> str:
        reason = f": {self.because}" if self.because else ""
        told = f"; the story ends: {self.story}" if self.story else ""
        return (
            f"{self.lifecycle}: {self.signal} is refused in {self.state}{reason}; "
            f"{self.state} accepts: {listed(self.accepts)}{told}"
        )


@attrs.define
class NestedSend(InterlockError):
    """A hook, a guard or a signal handler sent to the very run that was just taking a step."""

    lifecycle: str
    state: str
    signal: str

    def __str__(self) -> str:
        return (
            f"{self.lifecycle}: {self.signal} was sent in {self.state} from inside a step of the same run; "
            "answer with a signal, or send after the step"
        )


@attrs.define
class GuardError(InterlockError):
    """A callable bound to an opaque guard answered with something that is neither True nor False."""

    guard: str
    answer: str

    def __str__(self) -> str:
        return f"guard {self.guard!r} answered {self.answer}; it must answer True or False"


@attrs.define
class PluginError(InterlockError):
    """A plugin failed, or answered what it may not. Nothing has changed."""

    plugin: str
    hook: str
    problem: str

    def __str__(self) -> str:
        return f"plugin {self.plugin!r}, {self.hook}: {self.problem}"


@attrs.define
class ReplayError(InterlockError):
    """A story is no path of the table."""

    lifecycle: str
    number: int
    """The step that does not fit, counted from 1 over the whole life of the run."""
    problem: str

    def __str__(self) -> str:
        return f"{self.lifecycle}: step {self.number}: {self.problem}"


@attrs.define
class SpecMismatch(InterlockError):
    """A stored run comes from another table, and this one does not merely add to it."""

    lifecycle: str
    stored: str
    present: str
    unknown: tuple[str, ...]
    """Names of states that the stored run uses and this table lacks: what `states=` must map."""

    def __str__(self) -> str:
        todo = (
            f"map them with states={{{', '.join(f'{name!r}: ...' for name in self.unknown)}}}"
            if self.unknown
            else "its states are all known, but rows have changed: pass states={} to go on under the new rows"
        )
        return (
            f"{self.lifecycle}: the run was stored under spec {self.stored[:12]}, this is spec {self.present[:12]}; "
            f"states that are gone: {listed(self.unknown, 'none')}; {todo}"
        )


@attrs.define
class StoredError(InterlockError, ValueError):
    """What was given to be read as a stored run or story is not one."""

    problem: str

    def __str__(self) -> str:
        return f"not a stored run: {self.problem}"


@attrs.define
class FlowError(InterlockError, ValueError):
    """A flow or task is put together, or started, in a way that has no meaning."""

    problem: str

    def __str__(self) -> str:
        return self.problem
