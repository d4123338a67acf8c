"""Operators on tasks: `a + b`, `a[0]`, `a > b` make a task that does that with the results."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from interlock._errors import FlowError


class Operators:
    """What a task can be written with inside a flow. `==` compares tasks, `is_equal` their results.

    Any: results are the user's.
    """

    name: str
    nout: int | None

    def _made(self, name: str, function: Callable[[Any, Any], Any], x: object, y: object) -> Any:
        raise NotImplementedError  # `Task` knows how to make a task

    def __add__(self, other: object) -> Any:
        return self._made("Add", lambda x, y: x + y, self, other)

    def __radd__(self, other: object) -> Any:
        return self._made("Add", lambda x, y: x + y, other, self)

    def __sub__(self, other: object) -> Any:
        return self._made("Sub", lambda x, y: x - y, self, other)

    def __rsub__(self, other: object) -> Any:
        return self._made("Sub", lambda x, y: x - y, other, self)

    def __mul__(self, other: object) -> Any:
        return self._made("Mul", lambda x, y: x * y, self, other)

    def __rmul__(self, other: object) -> Any:
        return self._made("Mul", lambda x, y: x * y, other, self)

    def __truediv__(self, other: object) -> Any:
        return self._made("Div", lambda x, y: x / y, self, other)

    def __rtruediv__(self, other: object) -> Any:
        return self._made("Div", lambda x, y: x / y, other, self)

    def __floordiv__(self, other: object) -> Any:
        return self._made("FloorDiv", lambda x, y: x // y, self, other)

    def __rfloordiv__(self, other: object) -> Any:
        return self._made("FloorDiv", lambda x, y: x // y, other, self)

    def __mod__(self, other: object) -> Any:
        return self._made("Mod", lambda x, y: x % y, self, other)

    def __rmod__(self, other: object) -> Any:
        return self._made("Mod", lambda x, y: x % y, other, self)

    def __pow__(self, other: object) -> Any:
        return self._made("Pow", lambda x, y: x**y, self, other)

    def __rpow__(self, other: object) -> Any:
        return self._made("Pow", lambda x, y: x**y, other, self)

    def __and__(self, other: object) -> Any:
        return self._made("And", lambda x, y: x and y, self, other)

    def __rand__(self, other: object) -> Any:
        return self._made("And", lambda x, y: x and y, other, self)

    def __lt__(self, other: object) -> Any:
        return self._made("LessThan", lambda x, y: x < y, self, other)

    def __le__(self, other: object) -> Any:
        return self._made("LessThanOrEqual", lambda x, y: x <= y, self, other)

    def __gt__(self, other: object) -> Any:
        return self._made("GreaterThan", lambda x, y: x > y, self, other)

    def __ge__(self, other: object) -> Any:
        return self._made("GreaterThanOrEqual", lambda x, y: x >= y, self, other)

    def __getitem__(self, key: object) -> Any:
        return self._made("GetItem", lambda x, y: x[y], self, key)

    def is_equal(self, other: object) -> Any:
        """Return a task: whether the results are equal."""
        return self._made("Equal", lambda x, y: x == y, self, other)

    def is_not_equal(self, other: object) -> Any:
        """Return a task: whether the results differ."""
        return self._made("NotEqual", lambda x, y: x != y, self, other)

    def or_(self, other: object) -> Any:
        """Return a task: this result if it is true, else the other one; `|` sets an order."""
        return self._made("Or", lambda x, y: x or y, self, other)

    def not_(self) -> Any:
        """Return a task: whether the result is false."""
        return self._made("Not", lambda x, y: not x, self, None)

    def __iter__(self) -> Iterator[Any]:
        if self.nout is None:
            raise FlowError(
                f"task {self.name!r}: how many results it has is not known before it runs; say so with nout=..., "
                "or return a tuple[...] of known length"
            )
        return (self[place] for place in range(self.nout))
