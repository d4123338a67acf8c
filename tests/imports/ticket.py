"""A ticket of a support desk, which is reopened though it is closed for good."""

from transitions import Machine

machine = Machine(
    model=None,
    name="ticket",
    states=["new", "open", "waiting", "resolved", {"name": "closed", "final": True}],
    initial="new",
    auto_transitions=False,
    ignore_invalid_triggers=True,
    after_state_change="notify_customer",
    transitions=[
        ["assign", "new", "open"],
        ["ask", "open", "waiting"],
        ["answer", "waiting", "open"],
        ["resolve", ["open", "waiting"], "resolved"],
        ["close", "resolved", "closed"],
        ["reopen", ["resolved", "closed"], "open"],
    ],
)
