"""Small tasks that the tests of building flows share."""

from __future__ import annotations

from interlock import task


@task
def add(x: int, y: int = 1) -> int:
    """Add two numbers."""
    return x + y


@task
def echo(value: object) -> object:
    return value


@task
def pair(x: object, y: object) -> object:
    return x, y


@task
def seven() -> int:
    return 7
