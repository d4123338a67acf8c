"""What the parts of a table may not make together, each mistake with the whole text of its error."""

from __future__ import annotations

import pytest
from parcel import PARCEL, Case, cases, changed, complaint

from interlock._machine import Machine

RETURN = 'RETURN = ["Packed if may_return", "Lost"]'
WAIT = 'WAIT = { to = "Moving", because = "it goes on when the road is free" }'
GROUP = 'waiting = ["Packed", "Held"]'
LAST = 'STOP = { carries = ["Lost"] }'  # the end of the file: what is written behind it opens sections of its own
MAY_RETURN = 'when = "taken(RETURN) < returns and insured"'
ENDLESS = (
    "has no end: let one of its signals recur, with the reason, "
    "or guard a choice by a finite limit on what it raises: taken(its signal) or entered(its target)"
)

STATES: dict[str, Case] = {
    "initial-final": (
        'initial = "Packed"',
        'initial = "Lost"',
        "initial: Lost is final; it must be a state to go on from",
    ),
    "initial-abstract": (
        'initial = "Packed"',
        'initial = "Over"',
        "initial: Over is abstract; it must be a state to go on from",
    ),
    "attempt-twice": (
        'attempt = ["Moving"]',
        'attempt = ["Moving", "Moving"]',
        "attempt: 'Moving' stands in it twice",
    ),
    "open-in-a-final-family": (
        'Lost = { is = "Over", means',
        'Lost = { is = "Over", final = false, means',
        "states.Lost.final: is false, but its family is final; drop one of both",
    ),
    "carried-twice": (
        LAST,
        'STOP = { carries = ["Lost", "Delivered", "Lost"] }',
        "from.Moving.STOP: 'Lost' stands in it twice",
    ),
    "sealing-and-free": (
        "seals = true }",
        'seals = true, plugins = "free" }',
        "signals.STOP.plugins: is 'free'; of a signal that seals plugins are told",
    ),
    "guard-used-in-a-remark": (
        MAY_RETURN,
        f'{MAY_RETURN[:-1]} # and heavy", means = "once more" }}\n'
        'heavy = { when = "?", default = true, means = "it weighs a lot" }\n#',
        "guards.heavy: is used nowhere; use it or drop it",
    ),
    "attempt-final": (
        'attempt = ["Moving"]',
        'attempt = ["Moving", "Delivered"]',
        "attempt: Delivered is final; it must be a state to go on from",
    ),
    "attempt-initial": (
        'attempt = ["Moving"]\n',
        'attempt = ["Moving", "Packed"]\n',
        "attempt: Packed is the initial state; an attempt is opened by entering Moving",
        "from.waiting.STOP: carries Packed, in which an attempt is open; a sealed run has none",
    ),
    "unfinished-without-cells": (
        f'{WAIT}\nLOSE = "Lost"\n{LAST}',
        f'WAIT = "Stuck"\nLOSE = "Lost"\n{LAST}\n[states.Stuck]\nmeans = "in a ditch"',
        "states.Stuck: is not final and accepts nothing; write [from.Stuck], or final = true",
    ),
    "unfinished-with-nothing-but-refusals": (
        f'{WAIT}\nLOSE = "Lost"\n{LAST}',
        f'WAIT = "Stuck"\nLOSE = "Lost"\n{LAST}\n'
        '[states.Stuck]\nmeans = "in a ditch"\n[from.Stuck]\nSEND = { to = "refused", because = "it is stuck" }',
        "states.Stuck: is not final and accepts nothing; write [from.Stuck], or final = true",
    ),
    "no-state-is-final": (
        "final = true, abstract = true",
        "abstract = true",
        "states.Delivered: is not final and accepts nothing; write [from.Delivered], or final = true",
        "states.Lost: is not final and accepts nothing; write [from.Lost], or final = true",
    ),
    "unreachable": (
        LAST,
        f'{LAST}\n[states.Found]\nis = "Over"\nmeans = "it turned up"',
        "states.Found: cannot be reached from Packed; give some cell the target 'Found'",
    ),
    "reachable-only-when-carried": (
        LAST,
        'STOP = { carries = ["Lost", "Found"] }\n[states.Found]\nis = "Over"\nmeans = "it turned up"',
        "states.Found: cannot be reached from Packed; give some cell the target 'Found'",
    ),
    "unreachable-island": (
        LAST,
        f'{LAST}\n[states.Stuck]\nmeans = "in a ditch"\n[from.Stuck]\nSEND = "Moving"',
        "states.Stuck: cannot be reached from Packed; give some cell the target 'Stuck'",
    ),
    "trap": (
        f'{WAIT}\nLOSE = "Lost"\n{LAST}',
        f'WAIT = "Stuck"\nLOSE = "Lost"\n{LAST}\n'
        '[states.Stuck]\nmeans = "in a ditch"\n[from.Stuck]\nWAIT = { to = "Stuck", because = "it cannot move" }',
        "states.Stuck: is a trap: no final state can be reached from it (Delivered, Lost)",
    ),
    "trap-that-only-a-carried-state-leaves": (
        f'{WAIT}\nLOSE = "Lost"\n{LAST}',
        f'WAIT = "Stuck"\nLOSE = "Lost"\n{LAST}\n[states.Stuck]\nmeans = "in a ditch"\n[from.Stuck]\n{LAST}',
        "states.Stuck: is a trap: no final state can be reached from it (Delivered, Lost)",
    ),
    "abstract-without-members": (
        LAST,
        f'{LAST}\n[states.Idle]\nabstract = true\nmeans = "nothing happens"',
        "states.Idle: is abstract and has no members; some state must say is = 'Idle'",
    ),
}

CELLS: dict[str, Case] = {
    "cell-of-a-final-state": (
        LAST,
        f'{LAST}\n[from.Lost]\nRELEASE = "Packed"',
        "from.Lost.RELEASE: Lost is final; over is over",
    ),
    "refusal-of-a-final-state": (
        LAST,
        f'{LAST}\n[from.Lost]\nRELEASE = {{ to = "refused", because = "it is lost" }}',
        "from.Lost.RELEASE: Lost is final; over is over",
    ),
    "cell-of-a-group-of-final-states": (
        GROUP,
        f'{GROUP}\nends = ["Delivered", "Lost"]\n[from.ends]\nRELEASE = "Packed"',
        "from.ends.RELEASE: Delivered is final; over is over",
        "from.ends.RELEASE: Lost is final; over is over",
    ),
    "cell-of-an-abstract-state": (
        LAST,
        f'{LAST}\n[states.Idle]\nabstract = true\nmeans = "nothing happens"\n[from.Idle]\nSEND = "Moving"',
        "from.Idle.SEND: Idle is abstract; no run is in it",
    ),
    "target-abstract": (
        WAIT,
        'WAIT = "Over"',
        "from.Moving.WAIT: Over is abstract: no run can be in it; its members: Delivered, Lost",
    ),
    "last-choice-with-a-guard": (
        RETURN,
        'RETURN = ["Packed if may_return", "Lost if insured"]',
        "from.Moving.RETURN: its last choice 'Lost if insured' has a guard; add what follows when it says no",
    ),
    "only-choice-with-a-guard": (
        RETURN,
        'RETURN = "Packed if may_return"',
        "from.Moving.RETURN: its last choice 'Packed if may_return' has a guard; add what follows when it says no",
    ),
    "choice-behind-one-without-a-guard": (
        RETURN,
        'RETURN = ["Packed if may_return", "Lost", "Held"]',
        "from.Moving.RETURN: nothing behind 'Lost' is ever chosen, for it asks nothing",
    ),
    "choice-shadowed-by-the-same-guard": (
        RETURN,
        'RETURN = ["Packed if may_return", "Held if may_return", "Lost"]',
        "from.Moving.RETURN: 'Held if may_return' is shadowed: the choices before it always answer first",
    ),
    "choice-shadowed-by-half-of-its-guard": (
        RETURN,
        'RETURN = ["Packed if insured", "Held if may_return", "Lost"]',
        "from.Moving.RETURN: 'Held if may_return' is shadowed: the choices before it always answer first",
    ),
    "choice-whose-guard-is-never-true": (
        f'{RETURN}\n{WAIT}\nLOSE = "Lost"\n{LAST}',
        'RETURN = ["Held if odd", "Packed if may_return", "Lost"]\n'
        f'{WAIT}\nLOSE = "Lost"\n{LAST}\n[guards.odd]\nwhen = "insured and not insured"\nmeans = "it is and is not"',
        "from.Moving.RETURN: 'Held if odd' is never chosen: its guard is never true",
    ),
    "last-choice-shadowed-by-a-guard-and-its-opposite": (
        f'{RETURN}\n{WAIT}\nLOSE = "Lost"\n{LAST}',
        'RETURN = ["Packed if may_return", "Delivered if insured", "Held if bare", "Lost"]\n'
        f'{WAIT}\nLOSE = "Lost"\n{LAST}\n[guards.bare]\nwhen = "not insured"\nmeans = "nobody pays"',
        "from.Moving.RETURN: 'Lost' is shadowed: the choices before it always answer first",
    ),
    "choice-that-asks-too-much": (
        f'{RETURN}\n{WAIT}\nLOSE = "Lost"\n{LAST}',
        'RETURN = ["Packed if may_return", "Held if many", "Lost"]\n'
        f'{WAIT}\nLOSE = "Lost"\n{LAST}\n[guards.many]\nmeans = "too much"\n'
        f'when = "{" and ".join(f"taken(SEND) != {number}" for number in range(9))}"',
        "from.Moving.RETURN: asks 11 different comparisons and opaque guards; at most 10 can be checked",
    ),
    "refused-in-the-middle": (
        RETURN,
        'RETURN = ["Packed if may_return", "refused if insured", "Lost"]',
        "from.Moving.RETURN: 'refused' is a last choice without a guard, or none",
    ),
    "refused-first-without-a-guard": (
        RETURN,
        'RETURN = ["refused", "Packed if may_return", "Lost"]',
        "from.Moving.RETURN: nothing behind 'refused' is ever chosen, for it asks nothing",
        "from.Moving.RETURN: 'refused' is a last choice without a guard, or none",
    ),
    "refused-last-with-a-guard": (
        RETURN,
        'RETURN = ["Packed if may_return", "refused if insured"]',
        "from.Moving.RETURN: its last choice 'refused if insured' has a guard; add what follows when it says no",
        "from.Moving.RETURN: 'refused' is a last choice without a guard, or none",
    ),
    "refusal-without-a-reason": (
        'HOLD = { to = "refused", because = "it is held already" }',
        'HOLD = "refused"',
        "from.Held.HOLD: a refusal is written for its reason; add because = '...' or drop the cell",
    ),
    "self-loop-without-a-reason": (
        WAIT,
        'WAIT = "Moving"',
        "from.Moving.WAIT: Moving stays where it is; a self-loop says why: add because = '...'",
    ),
    "self-loop-among-choices-without-a-reason": (
        WAIT,
        'WAIT = ["Moving if insured", "Lost"]',
        "from.Moving.WAIT: Moving stays where it is; a self-loop says why: add because = '...'",
    ),
}

SEALING: dict[str, Case] = {
    "sealing-signal-without-carries": (
        LAST,
        'STOP = "Lost"',
        "from.Moving.STOP: STOP seals the run in the state that it carries; write carries = [...]",
    ),
    "carries-without-sealing-signal": (
        ", seals = true",
        "",
        "from.waiting.STOP: STOP carries a state; signals.STOP must say seals = true",
        "from.Moving.STOP: STOP carries a state; signals.STOP must say seals = true",
    ),
    "one-cell-carries-without-sealing-signal": (
        'LOSE = "Lost"\n' + LAST,
        'LOSE = { carries = ["Lost"] }\n' + LAST,
        "from.Moving.LOSE: LOSE carries a state; signals.LOSE must say seals = true",
    ),
    "carries-an-attempt": (
        LAST,
        'STOP = { carries = ["Lost", "Moving"] }',
        "from.Moving.STOP: carries Moving, in which an attempt is open; a sealed run has none",
    ),
    "carries-an-abstract-state": (
        LAST,
        'STOP = { carries = ["Over"] }',
        "from.Moving.STOP: Over is abstract: no run can be in it; its members: Delivered, Lost",
    ),
}

UNUSED: dict[str, Case] = {
    "signal-unused": (
        LAST,
        f'{LAST}\n[signals.BURN]\nmeans = "it is on fire"',
        "signals.BURN: is used nowhere; use it or drop it",
    ),
    "signal-only-refused": (
        LAST,
        f'{LAST}\nBURN = {{ to = "refused", because = "it does not burn" }}\n[signals.BURN]\nmeans = "it is on fire"',
        "signals.BURN: is used nowhere; use it or drop it",
    ),
    "guard-unused": (
        LAST,
        f'{LAST}\n[guards.heavy]\nwhen = "?"\ndefault = false\nmeans = "it weighs much"',
        "guards.heavy: is used nowhere; use it or drop it",
    ),
    "limit-unused": (
        LAST,
        f'{LAST}\n[limits.days]\ndefault = 3\nmeans = "how long it is kept"',
        "limits.days: is used nowhere; use it or drop it",
    ),
    "group-unused": (
        'waiting = ["Packed", "Held"]',
        'waiting = ["Packed", "Held"]\nends = ["Delivered", "Lost"]',
        "groups.ends: is used nowhere; use it or drop it",
    ),
}

CYCLES: dict[str, Case] = {
    "cycle-without-a-bound": (
        WAIT,
        'WAIT = "Packed"',
        f"from.waiting.SEND: the cycle Packed -SEND-> Moving -WAIT-> Packed {ENDLESS}",
    ),
    "cycle-whose-limit-is-infinite": (
        "default = 2",
        "default = inf",
        f"from.waiting.SEND: the cycle Packed -SEND-> Moving -RETURN-> Packed {ENDLESS}",
    ),
    "cycle-whose-signal-does-not-recur": (
        ', recurs = "a depot may hold it as often as it likes"',
        "",
        f"from.Packed.HOLD: the cycle Packed -HOLD-> Held -RELEASE-> Packed {ENDLESS}",
    ),
    "cycle-whose-bound-is-an-alternative": (
        MAY_RETURN,
        'when = "taken(RETURN) < returns or insured"',
        f"from.waiting.SEND: the cycle Packed -SEND-> Moving -RETURN-> Packed {ENDLESS}",
    ),
    "cycle-whose-bound-is-denied": (
        MAY_RETURN,
        'when = "not taken(RETURN) < returns and insured"',
        f"from.waiting.SEND: the cycle Packed -SEND-> Moving -RETURN-> Packed {ENDLESS}",
    ),
    "cycle-whose-bound-is-turned-round": (
        MAY_RETURN,
        'when = "taken(RETURN) > returns and insured"',
        f"from.waiting.SEND: the cycle Packed -SEND-> Moving -RETURN-> Packed {ENDLESS}",
    ),
    "cycle-that-counts-what-it-does-not-take": (
        MAY_RETURN,
        'when = "taken(WAIT) < returns and insured"',
        f"from.waiting.SEND: the cycle Packed -SEND-> Moving -RETURN-> Packed {ENDLESS}",
    ),
    "cycle-that-takes-back-what-it-counts": (
        MAY_RETURN,
        'when = "taken(RETURN) - taken(SEND) < returns and insured"',
        f"from.waiting.SEND: the cycle Packed -SEND-> Moving -RETURN-> Packed {ENDLESS}",
    ),
    "cycle-whose-self-loop-takes-back-what-it-counts": (
        MAY_RETURN,
        'when = "taken(RETURN) - taken(WAIT) < returns and insured"',
        f"from.waiting.SEND: the cycle Packed -SEND-> Moving -RETURN-> Packed {ENDLESS}",
    ),
}

GOOD = {
    "as-it-is": PARCEL,
    "sealing-signal-refused": changed(LAST, 'STOP = { to = "refused", because = "it is under way" }'),
    "group-used-only-to-be-carried": changed(
        LAST, 'STOP = { carries = ["ends"] }', changed(GROUP, f'{GROUP}\nends = ["Delivered", "Lost"]')
    ),
    "self-loop-that-does-not-recur": changed(WAIT, 'WAIT = { to = ["Moving if insured", "Lost"], because = "it may" }'),
    "refused-as-last-choice": changed(RETURN, 'RETURN = ["Packed if may_return", "refused"]'),
    "bound-of-zero": changed("default = 2", "default = 0"),
    "bound-turned-round": changed(MAY_RETURN, 'when = "insured and returns > taken(RETURN)"'),
    "bound-on-entries": changed(MAY_RETURN, 'when = "entered(Packed) <= returns and insured"'),
    "bound-with-a-constant": changed(MAY_RETURN, 'when = "taken(RETURN) + 1 < returns + 3 and insured"'),
    "bound-that-counts-more-than-it-takes-back": changed(
        MAY_RETURN, 'when = "taken(RETURN) + taken(RETURN) - entered(Packed) < returns and insured"'
    ),
}


WRONG = cases({**STATES, **CELLS, **SEALING, **UNUSED, **CYCLES})


@pytest.mark.parametrize(("text", "error"), WRONG.values(), ids=WRONG)
def test_one_mistake_gives_the_lines_that_name_it(text: str, error: str) -> None:
    """A table with one mistake is refused with the place, what is wrong and what would be right."""
    assert complaint(text) == error


@pytest.mark.parametrize("text", GOOD.values(), ids=GOOD)
def test_no_rule_asks_for_more_than_it_says(text: str) -> None:
    """A table near a mistake is let through, and every one of its rows can fire."""
    assert Machine.from_toml(text).check().silent == ()
