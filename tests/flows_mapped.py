"""Tasks and bodies that the tests of maps share."""

from __future__ import annotations

from collections.abc import Callable

from interlock import context, task, triggers


@task
def same(x: object) -> object:
    return x


@task
def double(x: int) -> int:
    return x * 2


@task
def add(x: int, y: int) -> int:
    return x + y


@task(skip_on_upstream_skip=False, trigger=triggers.all_finished)
def gather(values: object) -> object:
    return values


def each(*acts: object) -> Callable[[int], object]:
    """Return a body whose child with number n does the n-th of these: raises what is an exception, returns the rest."""

    def child(x: int) -> object:
        act = acts[context.map_index]
        if isinstance(act, BaseException):
            raise act
        return act

    return child
