"""A life cycle that has nothing to do with tasks, with `Machine` and `Run` alone."""

from interlock import Machine, Run

DOOR = """
lifecycle = "door"
initial = "Shut"
[states]
Shut = { means = "nobody can walk through, anybody can open it" }
Open = { means = "one can walk through" }
Gone = { means = "it was taken off its hinges", final = true }
[signals]
OPEN = { means = "somebody opens it", recurs = "people come and go" }
SHUT = { means = "somebody shuts it" }
LIFT = { means = "somebody takes it off" }
[from.Shut]
OPEN = "Open"
[from.Open]
SHUT = "Shut"
LIFT = "Gone"
"""

if __name__ == "__main__":
    door = Run(Machine.from_toml(DOOR))
    for signal in ("OPEN", "SHUT", "OPEN", "LIFT"):
        door.send(signal)
    print(door.story)  # noqa: T201  # Shut -OPEN-> Open -SHUT-> Shut -OPEN-> Open -LIFT-> Gone
