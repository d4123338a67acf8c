"""Several mistakes in one table: all of a kind at once, each once."""

from __future__ import annotations

import pytest
from parcel import changed, complaint, lines

# The text is read in turns, so that one mistake does not drag others behind it: first what each entry is, then what it
# names, then what the parts make together, and last where the states lead. Each turn reports all that it finds.

ENTRIES = changed(
    'initial = "Packed"',
    'initial = "Paked"\nretries = 3',
    changed(
        "default = 2,",
        "default = -1,",
        changed(
            'Moving = { means = "on its way" }',
            "Moving = { abstract = 0 }",
            changed('RELEASE = { raised_by = "depot"', 'RELEASE = "again"\nRELEASED = { raised = "depot"'),
        ),
    ),
)

NAMES = changed(
    'initial = "Packed"\nattempt = ["Moving"]',
    'initial = "Paked"\nattempt = ["Movin"]',
    changed(
        '["Packed", "Held"]',
        '["Packed", "Held", "Hold"]',
        changed(
            '"taken(RETURN) < returns and insured"',
            '"taken(RETRUN) < returns and insured"',
            changed(
                'LOSE = "Lost"\nSTOP = { carries = ["waiting", "Lost"] }',
                'LOOSE = "Lost"\nSTOP = { carries = ["Waiting", "Lots"] }',
                changed('["Packed if may_return", "Lost"]', '["Packt if may_retrun", 7]'),
            ),
        ),
    ),
)

RULES = changed(
    'initial = "Packed"\nattempt = ["Moving"]',
    'initial = "Lost"\nattempt = ["Over", "Moving"]',
    changed(
        '["Packed if may_return", "Lost"]',
        '["Packed", "Lost if may_return"]',
        changed(
            'WAIT = { to = "Moving", because = "it goes on when the road is free" }',
            'WAIT = "Moving"',
            changed(
                'STOP = { carries = ["Lost"] }',
                'STOP = { carries = ["Over", "Moving"] }\n[from.Delivered]\nLOSE = "Lost"\n'
                '[limits.days]\ndefault = 3\nmeans = "how long it is kept"',
                changed('HOLD = { to = "refused", because = "it is held already" }', 'HOLD = "refused"'),
            ),
        ),
    ),
)

WAYS = changed(
    "default = 2",
    "default = inf",
    changed(
        'STOP = { carries = ["Lost"] }',
        'STOP = { carries = ["Lost"] }\n'
        '[states.Found]\nis = "Over"\nmeans = "it turned up"\n'
        '[states.Idle]\nabstract = true\nmeans = "nothing happens"',
    ),
)

FOUND = {
    "entries": (
        ENTRIES,
        [
            "the top level: unknown key 'retries'.",
            "states.Moving.abstract: is 0; it must be true or false",
            "states.Moving: 'means' is missing; it must be a text that is not empty",
            "signals.RELEASE: is 'again'; it must be a table such as { means = '...' }",
            "signals.RELEASED: unknown key 'raised'. Did you mean 'raised_by'?",
            "limits.returns.default: is -1; it must be a number from 0 on, or inf",
        ],
    ),
    "names": (
        NAMES,
        [
            "groups.waiting: unknown state 'Hold'. Did you mean 'Held'?",
            "guards.may_return: unknown signal 'RETRUN'. Did you mean 'RETURN'?",
            "initial: unknown state 'Paked'. Did you mean 'Packed'?",
            "attempt: unknown state 'Movin'. Did you mean 'Moving'?",
            "from.waiting: unknown signal 'LOOSE'. Did you mean 'LOSE'?",
            "from.waiting.STOP: unknown state or group 'Waiting'. Did you mean 'waiting'?",
            "from.waiting.STOP: unknown state or group 'Lots'. Did you mean 'Lost'?",
            "from.Moving.RETURN: unknown state 'Packt'. Did you mean 'Packed'?",
            "from.Moving.RETURN: unknown guard 'may_retrun'. Did you mean 'may_return'?",
            "from.Moving.RETURN: 7 is no choice; write 'STATE' or 'STATE if GUARD'",
        ],
    ),
    "rules": (
        RULES,
        [
            "initial: Lost is final; it must be a state to go on from",
            "attempt: Over is abstract; it must be a state to go on from",
            "from.Delivered.LOSE: Delivered is final; over is over",
            "from.Moving.RETURN: its last choice 'Lost if may_return' has a guard; add what follows when it says no",
            "from.Moving.RETURN: nothing behind 'Packed' is ever chosen, for it asks nothing",
            "from.Held.HOLD: a refusal is written for its reason; add because = '...' or drop the cell",
            "from.Moving.WAIT: Moving stays where it is; a self-loop says why: add because = '...'",
            "from.Moving.STOP: Over is abstract: no run can be in it; its members: Delivered, Lost",
            "from.Moving.STOP: carries Over, in which an attempt is open; a sealed run has none",
            "from.Moving.STOP: carries Moving, in which an attempt is open; a sealed run has none",
            "limits.days: is used nowhere; use it or drop it",
        ],
    ),
    "ways": (
        WAYS,
        [
            "states.Found: cannot be reached from Packed; give some cell the target 'Found'",
            "states.Idle: is abstract and has no members; some state must say is = 'Idle'",
            "from.waiting.SEND: the cycle Packed -SEND-> Moving -RETURN-> Packed has no end: "
            "let one of its signals recur, with the reason, "
            "or guard a choice by a finite limit on what it raises: taken(its signal) or entered(its target)",
        ],
    ),
}


@pytest.mark.parametrize(("text", "problems"), FOUND.values(), ids=FOUND)
def test_all_mistakes_of_a_turn_are_reported_at_once(text: str, problems: list[str]) -> None:
    """One error names every mistake of the first turn that finds any, and each one once."""
    assert complaint(text) == lines(*problems)


def test_mistakes_of_a_later_turn_wait() -> None:
    """A mistake in an entry is mended before the rules are asked, which could not make sense of it."""
    text = changed("default = 2", "default = inf", changed('means = "on its way"', 'means = ""'))
    assert complaint(text) == lines("states.Moving.means: is ''; it must be a text that is not empty")


def test_a_mistake_in_the_row_of_a_group_is_reported_once() -> None:
    """A row of a group is one row, however many states share it."""
    text = changed('SEND = "Moving"', 'SEND = "Movin"')
    assert complaint(text) == lines("from.waiting.SEND: unknown state 'Movin'. Did you mean 'Moving'?")
