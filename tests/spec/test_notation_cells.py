"""What a table's groups and cells may not say, each mistake with the whole text of its error."""

from __future__ import annotations

import pytest
from parcel import Case, cases, complaint

GROUPS: dict[str, Case] = {
    "group-text": (
        'waiting = ["Packed", "Held"]',
        'waiting = "Packed"',
        "groups.waiting: is 'Packed'; it must be a list of states",
    ),
    "group-empty": (
        'waiting = ["Packed", "Held"]',
        'waiting = ["Packed", "Held"]\nnone = []',
        "groups.none: is []; it must be a list of states",
    ),
    "group-member-unknown": (
        'waiting = ["Packed", "Held"]',
        'waiting = ["Packed", "Hold"]',
        "groups.waiting: unknown state 'Hold'. Did you mean 'Held'?",
    ),
    "group-member-number": (
        'waiting = ["Packed", "Held"]',
        'waiting = ["Packed", "Held", 3]',
        "groups.waiting: unknown state 3.",
    ),
    "group-member-twice": (
        'waiting = ["Packed", "Held"]',
        'waiting = ["Packed", "Held", "Packed"]',
        "groups.waiting: 'Packed' stands in it twice",
    ),
    "group-in-group": (
        'waiting = ["Packed", "Held"]',
        'waiting = ["Packed", "Held"]\nlive = [["waiting"], "Moving"]',
        "groups.live: unknown state ['waiting'].",
    ),
    "group-named-like-a-state": (
        'waiting = ["Packed", "Held"]',
        'waiting = ["Packed", "Held"]\nLost = ["Lost"]',
        "groups.Lost: is a state too; one name, one thing",
    ),
    "group-name-blank": (
        'waiting = ["Packed", "Held"]',
        'waiting = ["Packed", "Held"]\n"" = ["Held"]',
        "groups.: '' is no name; a name is a word of letters, digits and _, not 'refused'",
    ),
    "group-name-refused": (
        'waiting = ["Packed", "Held"]',
        'waiting = ["Packed", "Held"]\nrefused = ["Held"]',
        "groups.refused: 'refused' is no name; a name is a word of letters, digits and _, not 'refused'",
    ),
    "guard-named-like-a-limit": (
        "[guards]",
        '[guards]\nreturns = { when = "?", default = true, means = "it may" }',
        "guards.returns: is a limit too; one name, one thing",
    ),
}

CELLS: dict[str, Case] = {
    "row-of-unknown-state": (
        "[from.Held]",
        "[from.Helt]",
        "from.Helt: unknown state or group 'Helt'. Did you mean 'Held'?",
    ),
    "row-of-unknown-group": (
        "[from.waiting]",
        "[from.Waiting]",
        "from.Waiting: unknown state or group 'Waiting'. Did you mean 'waiting'?",
    ),
    "row-number": (
        '[from.Packed]\nHOLD = "Held"',
        "[from]\nPacked = 3",
        "from.Packed: is 3; it must be a section [from.Packed]",
    ),
    "cell-of-unknown-signal": (
        'DELIVER = "Delivered"',
        'DELIVR = "Delivered"',
        "from.Moving: unknown signal 'DELIVR'. Did you mean 'DELIVER'?",
    ),
    "target-unknown": (
        'DELIVER = "Delivered"',
        'DELIVER = "Deliverd"',
        "from.Moving.DELIVER: unknown state 'Deliverd'. Did you mean 'Delivered'?",
    ),
    "target-unlike-any": (
        'DELIVER = "Delivered"',
        'DELIVER = "Xyz"',
        "from.Moving.DELIVER: unknown state 'Xyz'.",
    ),
    "target-group": (
        'RELEASE = "Packed"',
        'RELEASE = "waiting"',
        "from.Held.RELEASE: unknown state 'waiting'.",
    ),
    "guard-unknown": (
        "Packed if may_return",
        "Packed if may_retrun",
        "from.Moving.RETURN: unknown guard 'may_retrun'. Did you mean 'may_return'?",
    ),
    "guard-written-in-the-cell": (
        "Packed if may_return",
        "Packed if taken(RETURN) < 2",
        "from.Moving.RETURN: unknown guard 'taken(RETURN) < 2'.",
    ),
    "choice-without-guard-name": (
        'DELIVER = "Delivered"',
        'DELIVER = "Delivered if "',
        "from.Moving.DELIVER: unknown state 'Delivered if'. Did you mean 'Delivered'?",
    ),
    "choice-number": (
        '["Packed if may_return", "Lost"]',
        '["Packed if may_return", 3]',
        "from.Moving.RETURN: 3 is no choice; write 'STATE' or 'STATE if GUARD'",
    ),
    "choices-none": (
        'DELIVER = "Delivered"',
        "DELIVER = []",
        "from.Moving.DELIVER: has no choice; write the state that follows, or 'refused' with a reason",
    ),
    "cell-number": (
        'DELIVER = "Delivered"',
        "DELIVER = 5",
        "from.Moving.DELIVER.to: is 5; it must be a state or a list of choices",
    ),
    "cell-flag": (
        'DELIVER = "Delivered"',
        "DELIVER = true",
        "from.Moving.DELIVER.to: is True; it must be a state or a list of choices",
    ),
    "cell-zero": (
        'DELIVER = "Delivered"',
        "DELIVER = 0",
        "from.Moving.DELIVER.to: is 0; it must be a state or a list of choices",
    ),
    "cell-to-number": (
        'DELIVER = "Delivered"',
        "DELIVER = { to = 5 }",
        "from.Moving.DELIVER.to: is 5; it must be a state or a list of choices",
    ),
    "cell-key-unknown": (
        'because = "it is held already"',
        'becaus = "it is held already"',
        "from.Held.HOLD: unknown key 'becaus'. Did you mean 'because'?",
    ),
    "cell-without-answer": (
        'HOLD = { to = "refused", because = "it is held already" }',
        'HOLD = { because = "it is held already" }',
        "from.Held.HOLD: says neither 'to' nor 'carries'; a cell says one",
    ),
    "cell-with-both-answers": (
        'STOP = { carries = ["Lost"] }',
        'STOP = { to = "Lost", carries = ["Lost"] }',
        "from.Moving.STOP: says both 'to' and 'carries'; a cell says one",
    ),
    "cell-because-number": (
        'because = "it is held already"',
        "because = 3",
        "from.Held.HOLD.because: is 3; it must be a text that is not empty",
    ),
    "cell-carries-text": (
        'STOP = { carries = ["Lost"] }',
        'STOP = { carries = "Lost" }',
        "from.Moving.STOP.carries: is 'Lost'; it must be a list of states and groups",
    ),
    "cell-carries-nothing": (
        'STOP = { carries = ["Lost"] }',
        "STOP = { carries = [] }",
        "from.Moving.STOP: carries nothing; write the states that it may carry",
    ),
    "cell-carries-unknown": (
        'carries = ["waiting", "Lost"]',
        'carries = ["Waiting", "Lost"]',
        "from.waiting.STOP: unknown state or group 'Waiting'. Did you mean 'waiting'?",
    ),
    "cell-carries-number": (
        'carries = ["waiting", "Lost"]',
        "carries = [3]",
        "from.waiting.STOP: unknown state or group 3.",
    ),
    "cell-twice-by-state-and-group": (
        'HOLD = "Held"',
        'HOLD = "Held"\nLOSE = "Lost"',
        "from.Packed.LOSE: Packed has this cell already, from from.waiting.LOSE",
    ),
    "cell-twice-by-two-groups": (
        'waiting = ["Packed", "Held"]',
        'waiting = ["Packed", "Held"]\nearly = ["Packed"]\n[from.early]\nLOSE = "Lost"',
        "from.waiting.LOSE: Packed has this cell already, from from.early.LOSE",
    ),
}


WRONG = cases({**GROUPS, **CELLS})


@pytest.mark.parametrize(("text", "error"), WRONG.values(), ids=WRONG)
def test_one_mistake_gives_the_lines_that_name_it(text: str, error: str) -> None:
    """A table with one mistake is refused with the place, what is wrong and what would be right."""
    assert complaint(text) == error
