"""What a table may not say: its parts, their entries and its cells, each mistake with the whole text of its error.

Groups and cells stand in `test_notation_cells`, guards in `test_notation_guards`, the rules that the parts must keep
together in `test_notation_rules`, and files and mappings in `test_notation_sources`.
"""

from __future__ import annotations

import pytest
from parcel import Case, cases, changed, complaint, lines

PARTS: dict[str, Case] = {
    "lifecycle-number": (
        'lifecycle = "parcel"',
        "lifecycle = 3",
        "lifecycle: is 3; it must be the name of the life cycle",
    ),
    "lifecycle-blank": (
        'lifecycle = "parcel"',
        'lifecycle = " "',
        "lifecycle: is ' '; it must be the name of the life cycle",
    ),
    "lifecycle-missing": (
        'lifecycle = "parcel"',
        "",
        "lifecycle: is None; it must be the name of the life cycle",
    ),
    "initial-unknown": (
        'initial = "Packed"',
        'initial = "Paked"',
        "initial: unknown state 'Paked'. Did you mean 'Packed'?",
    ),
    "initial-number": (
        'initial = "Packed"',
        "initial = 1979-05-27",
        "initial: unknown state datetime.date(1979, 5, 27).",
    ),
    "initial-missing": (
        'initial = "Packed"',
        "",
        "initial: is missing; it must be a state",
    ),
    "attempt-unknown": (
        'attempt = ["Moving"]',
        'attempt = ["Movin"]',
        "attempt: unknown state 'Movin'. Did you mean 'Moving'?",
    ),
    "attempt-text": (
        'attempt = ["Moving"]',
        'attempt = "Moving"',
        "attempt: is 'Moving'; it must be a list of states",
    ),
    "attempt-number": (
        'attempt = ["Moving"]',
        "attempt = [3]",
        "attempt: unknown state 3.",
    ),
    "part-unknown": (
        'initial = "Packed"',
        'initial = "Packed"\nattempts = ["Moving"]',
        "the top level: unknown key 'attempts'. Did you mean 'attempt'?",
    ),
    "part-unlike-any": (
        'initial = "Packed"',
        'initial = "Packed"\nversion = 1',
        "the top level: unknown key 'version'.",
    ),
    "number-beyond-64-bits": (
        'initial = "Packed"',
        "initial = 0x" + "f" * 5000,
        "holds a whole number of more than 64 bits",
    ),
}

ENTRIES: dict[str, Case] = {
    "means-missing": (
        'Moving = { means = "on its way" }',
        "Moving = {}",
        "states.Moving: 'means' is missing; it must be a text that is not empty",
    ),
    "means-blank": (
        'means = "on its way"',
        'means = ""',
        "states.Moving.means: is ''; it must be a text that is not empty",
    ),
    "means-number": (
        'means = "on its way"',
        "means = 3",
        "states.Moving.means: is 3; it must be a text that is not empty",
    ),
    "signal-means-missing": (
        'LOSE = { raised_by = "driver", means = "it is gone" }',
        'LOSE = { raised_by = "driver" }',
        "signals.LOSE: 'means' is missing; it must be a text that is not empty",
    ),
    "limit-means-and-default-missing": (
        'returns = { default = 2, means = "journeys that a parcel is given once more" }',
        "returns = {}",
        "limits.returns: 'means' is missing; it must be a text that is not empty",
        "limits.returns: 'default' is missing; it must be a number from 0 on, or inf",
    ),
    "guard-means-and-when-missing": (
        'insured = { when = "?", default = true, means = "another journey is paid for" }',
        "insured = { default = true }",
        "guards.insured: 'means' is missing; it must be a text that is not empty",
        "guards.insured: 'when' is missing; it must be a text that is not empty",
    ),
    "state-key-unknown": (
        'Held = { is = "Packed"',
        'Held = { si = "Packed"',
        "states.Held: unknown key 'si'.",
    ),
    "signal-key-unknown": (
        "seals = true",
        "seal = true",
        "signals.STOP: unknown key 'seal'. Did you mean 'seals'?",
    ),
    "limit-key-unknown": (
        "default = 2,",
        "default = 2, unit = 1,",
        "limits.returns: unknown key 'unit'.",
    ),
    "guard-key-unknown": (
        'insured = { when = "?"',
        'insured = { whn = "?"',
        "guards.insured: unknown key 'whn'. Did you mean 'when'?",
        "guards.insured: 'when' is missing; it must be a text that is not empty",
    ),
    "entry-text": (
        'Moving = { means = "on its way" }',
        'Moving = "on its way"',
        "states.Moving: is 'on its way'; it must be a table such as { means = '...' }",
    ),
    "entry-list": (
        'WAIT = { raised_by = "driver", means = "the road is blocked" }',
        "WAIT = [1]",
        "signals.WAIT: is [1]; it must be a table such as { means = '...' }",
    ),
    "family-list": (
        'Held = { is = "Packed"',
        'Held = { is = ["Packed"]',
        "states.Held.is: is ['Packed']; it must be a text that is not empty",
    ),
    "final-text": (
        "final = true, abstract = true",
        'final = "yes", abstract = 1',
        "states.Over.final: is 'yes'; it must be true or false",
        "states.Over.abstract: is 1; it must be true or false",
    ),
    "seals-text": (
        "seals = true",
        'seals = "true"',
        "signals.STOP.seals: is 'true'; it must be true or false",
    ),
    "recurs-flag": (
        'recurs = "a depot may hold it as often as it likes"',
        "recurs = true",
        "signals.RELEASE.recurs: is True; it must be a text that is not empty",
    ),
    "plugins-unknown": (
        'HOLD = { raised_by = "depot"',
        'HOLD = { plugins = "ask"',
        "signals.HOLD.plugins: is 'ask'; it must be one of 'free', 'asked', 'told'",
    ),
    "plugins-list": (
        'HOLD = { raised_by = "depot"',
        'HOLD = { plugins = ["free"]',
        "signals.HOLD.plugins: is ['free']; it must be one of 'free', 'asked', 'told'",
    ),
    "limit-negative": (
        "default = 2",
        "default = -1",
        "limits.returns.default: is -1; it must be a number from 0 on, or inf",
    ),
    "limit-text": (
        "default = 2",
        'default = "2"',
        "limits.returns.default: is '2'; it must be a number from 0 on, or inf",
    ),
    "limit-flag": (
        "default = 2",
        "default = true",
        "limits.returns.default: is True; it must be a number from 0 on, or inf",
    ),
    "limit-not-a-number": (
        "default = 2",
        "default = nan",
        "limits.returns.default: is nan; it must be a number from 0 on, or inf",
    ),
    "limit-beyond-64-bits": (
        "default = 2",
        "default = 1" + "0" * 400,
        "holds a whole number of more than 64 bits",
    ),
    "name-of-two-words": (
        "Lost = {",
        '"Lost at sea" = {',
        "states.Lost at sea: 'Lost at sea' is no name; a name is a word of letters, digits and _, not 'refused'",
    ),
    "name-refused": (
        "WAIT = { raised_by",
        "refused = { raised_by",
        "signals.refused: 'refused' is no name; a name is a word of letters, digits and _, not 'refused'",
    ),
    "name-number": (
        "returns = {",
        "2 = {",
        "limits.2: '2' is no name; a name is a word of letters, digits and _, not 'refused'",
    ),
    "family-unknown": (
        'Lost = { is = "Over"',
        'Lost = { is = "Ovre"',
        "states.Lost.is: unknown state 'Ovre'. Did you mean 'Over'?",
    ),
    "families-in-a-circle": (
        'Packed = { means = "ready to leave" }',
        'Packed = { is = "Held", means = "ready to leave" }',
        "states.Packed: its families go round in a circle: Packed is Held is Packed",
    ),
    "family-itself": (
        'Moving = { means = "on its way" }',
        'Moving = { is = "Moving", means = "on its way" }',
        "states.Moving: its families go round in a circle: Moving is Moving",
    ),
    "families-into-a-circle": (
        "Over = { final = true",
        'Over = { is = "Lost", final = true',
        "states.Over: its families go round in a circle: Over is Lost is Over",
    ),
}


WRONG = cases({**PARTS, **ENTRIES})


@pytest.mark.parametrize(("text", "error"), WRONG.values(), ids=WRONG)
def test_one_mistake_gives_the_lines_that_name_it(text: str, error: str) -> None:
    """A table with one mistake is refused with the place, what is wrong and what would be right."""
    assert complaint(text) == error


def test_families_in_a_long_chain_hide_no_mistake() -> None:
    """A state may belong to a family of a family of a family, as deep as a file may go."""
    chain = "".join(f'[states.S{n}]\nis = "S{n + 1}"\nmeans = "one of many"\n' for n in range(1000))
    text = changed('initial = "Packed"', 'initial = "Paked"') + chain + '[states.S1000]\nmeans = "the last"\n'
    assert complaint(text) == lines("initial: unknown state 'Paked'. Did you mean 'Packed'?")
