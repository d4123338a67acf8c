"""The first example of nearly every library: three lights, one event, round and round."""

from transitions import Machine

machine = Machine(
    model=None,
    name="traffic light",
    states=["green", "yellow", "red"],
    initial="green",
    transitions=[["slow_down", "green", "yellow"], ["stop", "yellow", "red"], ["go", "red", "green"]],
)
