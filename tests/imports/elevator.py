"""An elevator with nested states. The alarm is taken wherever it moves."""

from transitions.extensions import HierarchicalMachine

machine = HierarchicalMachine(
    model=None,
    name="elevator",
    states=[
        {"name": "standing", "initial": "closed", "children": ["open", "closed"]},
        {"name": "moving", "initial": "up", "children": ["up", "down"]},
        {"name": "halted"},
    ],
    initial="standing",
    auto_transitions=False,
    transitions=[
        ["open_doors", "standing_closed", "standing_open"],
        ["close_doors", "standing_open", "standing_closed"],
        ["go_up", "standing_closed", "moving_up"],
        ["go_down", "standing_closed", "moving_down"],
        ["arrive", "moving", "standing_closed"],
        ["alarm", "moving", "halted"],
    ],
)
