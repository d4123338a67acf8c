"""An order of a shop. Whoever is to be refunded was thought of, but too late."""

from transitions import Machine

machine = Machine(
    model=None,
    name="order",
    states=[
        "placed",
        "paid",
        "shipped",
        {"name": "delivered", "final": True},
        {"name": "cancelled", "final": True},
        {"name": "refunded", "final": True},
    ],
    initial="placed",
    transitions=[
        {"trigger": "pay", "source": "placed", "dest": "paid", "conditions": "is_paid_in_full"},
        {"trigger": "ship", "source": "paid", "dest": "shipped", "before": "print_label"},
        {"trigger": "deliver", "source": "shipped", "dest": "delivered"},
        {"trigger": "cancel", "source": ["placed", "paid"], "dest": "cancelled"},
        {"trigger": "cancel", "source": "paid", "dest": "refunded"},
    ],
)
