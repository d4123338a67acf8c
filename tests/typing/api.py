"""What a user's type checker sees: checked by mypy and pyright, from an editable install too, and never run."""

from __future__ import annotations

from typing import assert_type

from interlock import Flow, Machine, Parameter, Run, Step, Story, draw, task, unmapped
from interlock.signals import FAIL, RETRY
from interlock.states import Failed, State


@task
def add(x: int, y: int = 1) -> int:
    return x + y


@task(max_retries=3, retry_on=ValueError)
def greet(name: str) -> str:
    if not name:
        raise FAIL("no name")
    raise RETRY("later")


@task
async def fetch(url: str) -> bytes:
    return url.encode()


@task(name="other")
async def count(data: bytes) -> int:
    return len(data)


with Flow("types") as flow:
    size = Parameter("size", default=3)
    assert_type(size, int)
    assert_type(add(1, 2), int)
    assert_type(add(add(1), y=size), int)
    assert_type(greet("x"), str)
    assert_type(fetch("u"), bytes)
    assert_type(count(fetch("u")), int)
    assert_type(add.map([1, 2], unmapped(3)), list[int])
    assert_type(fetch.map(["u"]), list[bytes])

assert_type(flow.run(), State)

run = Run(Machine.load("task-run"), limits={"max_retries": 1})
assert_type(run.send("START"), str)
assert_type(run.send(FAIL("why")), str)
assert_type(run.deliver("SUCCESS", attempt=1), str | None)
assert_type(run.story, Story)
assert_type(run.story[0], Step)
assert_type(run.accepts(), tuple[str, ...])
assert_type(Failed("why").message, str | None)

assert_type(draw(run.machine), str)
assert_type(draw(run.machine, "tla", limits={"max_retries": 1}), str)
assert_type(draw(run.machine, "png"), bytes)
assert_type(draw(run.machine, "svg", from_="Running", only=["SKIP"], story=run), str)
assert_type(draw(flow), str)
assert_type(draw(flow, "text", state=flow.run()), str)
assert_type(draw(flow, "png"), bytes)
form: str = input()
assert_type(draw(flow, form), str | bytes)
assert_type(draw(run.machine, form), str | bytes)
