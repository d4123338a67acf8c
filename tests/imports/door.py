"""A door with a lock. The wildcard also leads out of the state that it leads to."""

from enum import Enum

from transitions import Machine


class Door(Enum):
    OPEN = 1
    CLOSED = 2
    LOCKED = 3
    BROKEN = 4


machine = Machine(
    model=None,
    name="door",
    states=Door,
    initial=Door.CLOSED,
    auto_transitions=False,
    transitions=[
        {"trigger": "open", "source": Door.CLOSED, "dest": Door.OPEN},
        {"trigger": "close", "source": Door.OPEN, "dest": Door.CLOSED},
        {"trigger": "lock", "source": Door.CLOSED, "dest": Door.LOCKED},
        {"trigger": "unlock", "source": Door.LOCKED, "dest": Door.CLOSED, "conditions": "has_key"},
        {"trigger": "kick_in", "source": "*", "dest": Door.BROKEN},
    ],
)
