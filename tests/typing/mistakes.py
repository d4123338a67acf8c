"""Mistakes that a user's type checker finds: each line that ends in `# error` is one, and no other line is."""

from interlock import Flow, Machine, Run, task
from interlock.signals import FIAL  # error
from interlock.states import Succes  # error


@task
def add(x: int, y: int = 1) -> int:
    return x + y


@task
def greet(name: str) -> str:
    return name


with Flow("mistakes"):
    add("one")  # error
    add(1, z=2)  # error
    greet(add(1))  # error

run = Run(Machine.load("task-run"))
run.send()  # error
run.send("START", at="now")  # error
run.state.is_failed()  # error
