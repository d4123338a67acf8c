"""What a guard of a table may not say, each mistake with the whole text of its error."""

from __future__ import annotations

import pytest
from parcel import Case, cases, complaint

WHEN = 'when = "taken(RETURN) < returns and insured"'
NO_TEST = "is no test; write a comparison, a guard's name, and, or, not"
NO_NUMBER = "is no number; write entered(STATE), taken(SIGNAL), a limit, a constant from 0 to 1000, + or -"

# An expression, and what the error says of it behind "guards.may_return: ".
EXPRESSIONS = {
    "limit-as-test": ("returns", f"'returns' {NO_TEST}"),
    "number-as-test": ("1", f"'1' {NO_TEST}"),
    "count-as-test": ("taken(RETURN)", f"'taken(RETURN)' {NO_TEST}"),
    "truth": ("True", f"'True' {NO_TEST}"),
    "text": ('"insured"', f"\"'insured'\" {NO_TEST}"),
    "lambda": ("lambda: insured", f"'lambda: insured' {NO_TEST}"),
    "call": ("insured()", f"'insured()' {NO_TEST}"),
    "attribute": ("run.insured", f"'run.insured' {NO_TEST}"),
    "choice": ("insured if insured else insured", f"'insured if insured else insured' {NO_TEST}"),
    "assignment": ("(x := insured)", f"'(x := insured)' {NO_TEST}"),
    "bits": ("insured & insured", f"'insured & insured' {NO_TEST}"),
    "list": ("[insured]", f"'[insured]' {NO_TEST}"),
    "comprehension": ("[x for x in insured]", f"'[x for x in insured]' {NO_TEST}"),
    "chained": ("0 < taken(RETURN) < returns", f"'0 < taken(RETURN) < returns' {NO_TEST}"),
    "membership": ("taken(RETURN) in returns", f"'taken(RETURN) in returns' {NO_TEST}"),
    "identity": ("taken(RETURN) is returns", f"'taken(RETURN) is returns' {NO_TEST}"),
    "wrong-inside": ("insured and not (insured or 1)", f"'1' {NO_TEST}"),
    "float": ("taken(RETURN) < 1.5", f"'1.5' {NO_NUMBER}"),
    "negative": ("-1 < taken(RETURN)", f"'-1' {NO_NUMBER}"),
    "large": ("taken(RETURN) < 1001", f"'1001' {NO_NUMBER}"),
    "truth-as-number": ("taken(RETURN) < True", f"'True' {NO_NUMBER}"),
    "text-as-number": ('taken(RETURN) < "2"', f"\"'2'\" {NO_NUMBER}"),
    "product": ("taken(RETURN) * 2 < returns", f"'taken(RETURN) * 2' {NO_NUMBER}"),
    "test-as-number": ("(insured and insured) < 1", f"'insured and insured' {NO_NUMBER}"),
    "other-function": ("len(RETURN) < returns", f"'len(RETURN)' {NO_NUMBER}"),
    "function-of-a-module": ("os.system(RETURN) < returns", f"'os.system(RETURN)' {NO_NUMBER}"),
    "count-of-nothing": ("taken() < returns", f"'taken()' {NO_NUMBER}"),
    "count-of-two": ("taken(RETURN, SEND) < returns", f"'taken(RETURN, SEND)' {NO_NUMBER}"),
    "count-of-a-text": ('taken("RETURN") < returns', f"\"taken('RETURN')\" {NO_NUMBER}"),
    "count-by-keyword": ("taken(signal=RETURN) < returns", f"'taken(signal=RETURN)' {NO_NUMBER}"),
    "count-of-many": ("taken(*RETURN) < returns", f"'taken(*RETURN)' {NO_NUMBER}"),
    "half": ("taken(RETURN) <", "'taken(RETURN) <' is no expression"),
    "statement": ("insured = 1", "'insured = 1' is no expression"),
    "two-lines": ("insured\\nand insured", "'insured\\nand insured' is no expression"),
    "NUL": ("insured\\u0000", "'insured\\x00' is no expression"),
    "nested-parentheses": ("(" * 240 + "1" + ")" * 240, f"'{'(' * 240}1{')' * 240}' is no expression"),
    "nested-operators": (
        "-" * 480 + "1 < returns",
        f"'{'-' * 480}1 < returns' is nested too deeply; 50 levels are enough for a guard",
    ),
    "long": ("insured" + " " * 493 + "#", "is 501 characters long; 500 are enough for a guard"),
    "unknown-guard": ("insurd", "unknown guard 'insurd'. Did you mean 'insured'?"),
    "unknown-guard-like-a-limit": ("insured and retuns", "unknown guard 'retuns'. Did you mean 'returns'?"),
    "unknown-limit": ("taken(RETURN) < retuns", "unknown limit 'retuns'. Did you mean 'returns'?"),
    "guard-as-number": ("taken(RETURN) < insured", "unknown limit 'insured'."),
    "unknown-state": ("entered(Pakced) < returns", "unknown state 'Pakced'. Did you mean 'Packed'?"),
    "unknown-signal": ("taken(RETRUN) < returns", "unknown signal 'RETRUN'. Did you mean 'RETURN'?"),
    "signal-entered": ("entered(RETURN) < returns", "unknown state 'RETURN'."),
    "state-taken": ("taken(Packed) < returns", "unknown signal 'Packed'."),
    "group-entered": ("entered(waiting) < returns", "unknown state 'waiting'."),
    "abstract-state-entered": ("entered(Over) < returns", "entered(Over): Over is abstract: no run can be in it"),
    "itself": ("insured and may_return", "asks itself: may_return -> may_return"),
}


def written(expression: str) -> str:
    """Return the guard with another expression, in TOML."""
    return 'when = "' + expression.replace('"', '\\"') + '"'


def guards(**when: str) -> str:
    """Return TOML for further guards, as the end of the section that they stand in."""
    return "\n".join(f'{name} = {{ when = "{text}", means = "it may" }}' for name, text in when.items())


SINGLE: dict[str, Case] = {
    name: (WHEN, written(expression), f"guards.may_return: {problem}")
    for name, (expression, problem) in EXPRESSIONS.items()
}

MAY_RETURN = f'may_return = {{ {WHEN}, means = "it is sent once more" }}'
SUM = "taken(RETURN)" + "-0" * 200 + " < returns"
NOT = "not " * 110 + "taken(RETURN) >= returns"

SEVERAL: dict[str, Case] = {
    "opaque-without-default": (
        'when = "?", default = true',
        'when = "?"',
        "guards.insured: an opaque guard ('?') has a default, and no other has one",
    ),
    "not-opaque-with-default": (
        WHEN,
        f"{WHEN}, default = false",
        "guards.may_return: an opaque guard ('?') has a default, and no other has one",
    ),
    "default-number": (
        'when = "?", default = true',
        'when = "?", default = 1',
        "guards.insured.default: is 1; it must be true or false",
    ),
    "wrong-within-another": (
        MAY_RETURN,
        guards(may_return="inner and insured", inner="1"),
        f"guards.inner: '1' {NO_TEST}",
    ),
    "unknown-within-another": (
        MAY_RETURN,
        guards(may_return="inner and insured", inner="insurd"),
        "guards.inner: unknown guard 'insurd'. Did you mean 'insured'?",
    ),
    "circle": (
        MAY_RETURN,
        guards(may_return="other", other="insured or not may_return"),
        "guards.may_return: asks itself: may_return -> other -> may_return",
    ),
    "circle-that-another-leads-into": (
        MAY_RETURN,
        guards(may_return="one", one="two", two="insured and one"),
        "guards.one: asks itself: one -> two -> one",
    ),
    "long-sum": (
        WHEN,
        f'when = "{SUM}"',
        f"guards.may_return: '{SUM}' is nested too deeply; 50 levels are enough for a guard",
    ),
    "long-denial": (
        MAY_RETURN,
        guards(may_return="not " * 110 + "other and insured", other=NOT),
        f"guards.may_return: '{'not ' * 110}other and insured' is nested too deeply; 50 levels are enough for a guard",
        f"guards.other: '{NOT}' is nested too deeply; 50 levels are enough for a guard",
    ),
    "guards-in-a-long-chain": (
        MAY_RETURN,
        guards(
            may_return="g0",
            **{f"g{n}": f"g{n + 1}" for n in range(300)},
            g300="taken(RETURN) < returns and insured",
        ),
        *(f"guards.g{n}: asks guards that ask guards, more than 50 deep" for n in range(48, 300, 50)),
    ),
    "guard-that-doubles": (
        MAY_RETURN,
        guards(
            may_return="g0",
            **{f"g{n}": f"g{n + 1} and g{n + 1}" for n in range(12)},
            g12="taken(RETURN) < returns and insured",
        ),
        "guards.g4: has 1535 parts on 11 levels with the guards that it asks; 1000 on 50 are enough for a guard",
    ),
}


WRONG = cases({**SINGLE, **SEVERAL})


@pytest.mark.parametrize(("text", "error"), WRONG.values(), ids=WRONG)
def test_one_mistake_gives_the_lines_that_name_it(text: str, error: str) -> None:
    """A table with one guard that is none is refused with the guard, what is wrong and what would be right."""
    assert complaint(text) == error
