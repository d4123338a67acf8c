"""Tasks that only hold values: parameters, constants, and collections that other tasks' results are put in."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any, Self, TypeVar, overload

import attrs

from interlock._errors import FlowError, shown
from interlock._tasks import Task

R = TypeVar("R")

_REQUIRED = object()
_READ: dict[tuple[type, type], Callable[[Any], Any]] = {
    (float, int): float,
    (timedelta, int): lambda value: timedelta(seconds=value),
    (timedelta, float): lambda value: timedelta(seconds=value),
    (datetime, str): datetime.fromisoformat,
    (date, str): date.fromisoformat,
    (time, str): time.fromisoformat,
}
"""How a value of one class is read from one of another, as it may come from a command line. Any: values."""


class ParameterTask(Task):
    """A value that a flow is run with: what `Parameter` makes.

    Args:
        name: how `flow.run` and the command line call it.
        default: what it is where nothing is given; without one it must be given. Any: the user's.
        required: whether it must be given though it has a default.
        tags: words to find it by.
        type: the class that its value must be of. A number may stand for a float or, in seconds, for a timedelta; a
            text for a datetime, date or time (ISO 8601) or a path. Anything is taken otherwise.

    Raises:
        FlowError: the name is none, or the default is not of the class.
    """

    def __init__(
        self,
        name: str,
        default: Any = _REQUIRED,
        *,
        required: bool | None = None,
        tags: Iterable[str] = (),
        type: type[Any] | None = None,  # noqa: A002  # what other parsers of arguments call it
    ) -> None:
        if not isinstance(name, str) or not name:
            raise FlowError(f"Parameter: {name!r} is no name")
        self.required = default is _REQUIRED if required is None else required
        self.type = type
        super().__init__(name, slug=name, tags=tags, checkpoint=False)
        self.default = None if default is _REQUIRED or default is None else self.taken(default)

    def taken(self, value: Any) -> Any:
        """Return a value that was given, as one of the parameter's class. Any: the user's.

        Raises:
            FlowError: it is none, and stands for none.
        """
        kind = self.type
        if kind is None or (isinstance(value, kind) and not (isinstance(value, bool) and kind in (int, float))):
            return value
        made: Callable[[Any], Any] | None = _READ.get((kind, type(value)))
        if isinstance(value, str) and hasattr(kind, "__fspath__"):
            made = self.type
        try:
            if made is not None:
                return made(value)
        except (ValueError, OverflowError) as error:
            raise FlowError(f"parameter {self.name!r} is {shown(value)}: {error}") from None
        raise FlowError(f"parameter {self.name!r} is {shown(value)}; it must be of type {kind.__name__}")

    def run(self) -> Any:
        """Return the value that the flow runs with. Any: the user's."""
        from interlock._context import context

        return context["parameters"][self.name]

    def copy(self, **options: Any) -> Self:
        """Return the same parameter: there is one of a name in a flow. Any: as for `Task.copy`."""
        return self

    def __repr__(self) -> str:
        return f"<Parameter: {self.name}>"


if TYPE_CHECKING:
    # In a flow a parameter stands for its value, as the call of a task stands for its result.
    @overload
    def Parameter(name: str, *, required: bool | None = None, tags: Iterable[str] = ()) -> Any: ...
    @overload
    def Parameter(name: str, *, required: bool | None = None, tags: Iterable[str] = (), type: type[R]) -> R: ...
    @overload
    def Parameter(name: str, default: R, *, required: bool | None = None, tags: Iterable[str] = ()) -> R: ...
    @overload
    def Parameter(
        name: str, default: object, *, required: bool | None = None, tags: Iterable[str] = (), type: type[R]
    ) -> R: ...
    def Parameter(
        name: str,
        default: Any = None,
        *,
        required: bool | None = None,
        tags: Iterable[str] = (),
        type: type[Any] | None = None,  # noqa: A002  # as above
    ) -> Any: ...
else:
    Parameter = ParameterTask


def DateTimeParameter(name: str, required: bool = True, tags: Iterable[str] = ()) -> Any:
    """Return a parameter that is a datetime, or a text in ISO 8601. Any: in a flow it stands for its value."""
    return ParameterTask(name, None, required=required, tags=tags, type=datetime)


class Constant(Task):
    """A value that is known when the flow is built. Any: the user's."""

    def __init__(self, value: Any, name: str | None = None) -> None:
        self.value = value
        super().__init__(name or type(value).__name__, checkpoint=False)

    def run(self) -> Any:
        """Return the value. Any: the user's."""
        return self.value


class Collection(Task):
    """A list, tuple, set or dict, nested as it may be, some of whose items are tasks. Any: the items are the user's."""

    def __init__(self, template: Any) -> None:
        self.template = template
        super().__init__(type(template).__name__.capitalize(), checkpoint=False)

    def run(self, **items: Any) -> Any:
        """Return the collection with the tasks' results in their places."""
        return _filled(self.template, items)


@attrs.frozen
class Slot:
    """The place of a task's result in a collection."""

    key: str


def collect(value: Any) -> tuple[Collection, dict[str, Task]] | None:
    """Return a task that puts a collection together, and the tasks in it by key; None where there are none in it."""
    tasks: dict[str, Task] = {}
    template = _emptied(value, tasks)
    return (Collection(template), tasks) if tasks else None


def _emptied(value: Any, tasks: dict[str, Task]) -> Any:
    match value:
        case Task():
            key = next((key for key, other in tasks.items() if other is value), f"item_{len(tasks)}")
            tasks[key] = value
            return Slot(key)
        case list() | tuple() | set() | frozenset() if type(value) in (list, tuple, set, frozenset):
            return type(value)(_emptied(item, tasks) for item in value)
        case dict() if type(value) is dict:
            return {_emptied(key, tasks): _emptied(item, tasks) for key, item in value.items()}
        case _:
            return value


def _filled(template: Any, items: Mapping[str, Any]) -> Any:
    match template:
        case Slot(key=key):
            return items[key]
        case list() | tuple() | set() | frozenset() if type(template) in (list, tuple, set, frozenset):
            return type(template)(_filled(item, items) for item in template)
        case dict() if type(template) is dict:
            return {_filled(key, items): _filled(item, items) for key, item in template.items()}
        case _:
            return template
