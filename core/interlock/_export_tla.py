r"""A table as a module of TLA+: the table as operators, and the behaviour of one run.

The operators are pure, so that a specification of many runs can use them: `Answer(state, signal, carried, n, ask)` is
the state that follows, `n` what was counted, `ask` the answers of opaque guards. `Init` and `Next` are those of one run
that is sent any signal at any time; fairness is for whoever says what must come about. Where a run is sealed it stays
so: `reopen` begins a new pass, and is no step.

TLA+ counts in integers. A guard that compares with an infinite limit is decided here; a limit that is no whole number
is replaced by the whole number that tells the same counts apart.
"""

from __future__ import annotations

import math
import re
import textwrap
from collections.abc import Iterable, Iterator

from interlock import _guards
from interlock._draw import alike
from interlock._flat import Flat, prose, unique
from interlock._guards import Both, Compare, Const, Count, Limit, Not, Number, Opaque, Sum, Test
from interlock._table import Cell

WIDTH = 100
OPERATORS = {"and": r"/\ ", "or": r"\/ "}
SIGNS = {"<": "<", "<=": "<=", ">": ">", ">=": ">=", "==": "=", "!=": "#"}
WORDS = (
    "ASSUME ASSUMPTION AXIOM BOOLEAN BY CASE CHOOSE CONSTANT CONSTANTS COROLLARY DEF DEFINE DEFS DOMAIN ELSE ENABLED "
    "EXCEPT EXTENDS FALSE HAVE HIDE IF IN INSTANCE Int LAMBDA LEMMA LET LOCAL MODULE NEW Nat OBVIOUS OMITTED ONLY "
    "OTHER PICK PROOF PROPOSITION PROVE QED RECURSIVE SF_ STATE STEP STRING SUBSET SUFFICES TAKE TEMPORAL THEN THEOREM "
    "TRUE UNCHANGED UNION USE VARIABLE VARIABLES WF_ WITH WITNESS"
)
OWN = (
    "States Initial Final Families Signals Sealing Opaque Refused Nothing Counted NoCounts Family Answer Counts Send "
    "Init Next Spec TypeOK FinalIsForEver SealedIsForEver state counts sealed vars signal carried n ask after name"
)


def tla(flat: Flat) -> str:
    """Return the module."""
    return "\n".join(_Module(flat).lines()) + "\n"


def module_name(name: str) -> str:
    """Return what the module of a life cycle is called; its file must have the same name."""
    words = re.findall("[A-Za-z0-9]+", name)
    joined = "".join(word[0].upper() + word[1:] for word in words)
    return joined if joined[:1].isalpha() else f"Life{joined}"


class _Module:
    def __init__(self, flat: Flat) -> None:
        self.flat = flat
        self.table = flat.table
        self.names: dict[str, str] = {}
        """By limit and guard: what its operator is called."""
        self.rows = {states: f"From{place}" for place, states in enumerate(alike(flat.table), start=1)}
        """By states that answer alike: the operator that answers for them."""
        carried = dict.fromkeys(cell.carries for cell in flat.table.cells.values() if cell.carries)
        self.carried = {states: f"Carried{place}" for place, states in enumerate(carried, start=1)}
        """By the states that a signal may carry: the operator that names them."""
        used = {*WORDS.split(), *OWN.split(), *self.rows.values(), *self.carried.values()}
        for name in [*flat.table.limits, *flat.table.guards]:
            wanted = name if re.fullmatch("[A-Za-z][A-Za-z0-9_]*", name) else f"ask_{len(self.names)}"
            if re.match("WF_|SF_", wanted):
                wanted = f"ask_{wanted}"
            self.names[name] = unique(wanted, {*used, *self.names.values()})

    def lines(self) -> Iterator[str]:
        title = f" MODULE {module_name(self.flat.name)} "
        yield title.center(WIDTH, "-")
        yield from _remark(f"The life cycle {self.flat.name}, generated from spec {self.flat.machine.hash}.")
        yield from ("EXTENDS Integers", "")
        yield from self._vocabulary()
        yield from self._guards()
        yield from self._answers()
        yield "-" * WIDTH
        yield from RUN.strip("\n").splitlines()
        yield "=" * WIDTH

    def _vocabulary(self) -> Iterator[str]:
        table, final = self.table, self.flat.machine.final
        for state in self.flat.states:
            yield from _remark(f"{state}: {table.states[state].means}")
        yield from _set("States", self.flat.states)
        yield f"Initial == {_text(table.initial)}"
        yield from _set("Final", [state for state in self.flat.states if state in final])
        yield ""
        for signal in table.signals.values():
            yield from _remark(f"{signal.name}: {signal.means}")
        yield from _set("Signals", table.signals)
        yield from _remark("Signals that seal the run in the state that they carry.")
        yield from _set("Sealing", [signal.name for signal in table.signals.values() if signal.seals])
        yield ""
        yield from _remark("Family[name] is what a state or family that is called so has in it.")
        families = [(name, [s for s in table.family(name) if s in self.flat.states]) for name in table.states]
        yield from _set("Families", [name for name, _ in families])
        yield "Family == [name \\in Families |->"
        told = [(f"name = {_text(name)}", f"{{{', '.join(map(_text, states))}}}") for name, states in families]
        yield from [*_case(told), "  ]"]
        yield ""

    def _guards(self) -> Iterator[str]:
        table = self.table
        for limit in table.limits.values():
            value = self.flat.limits[limit.name]
            yield from _remark(f"{limit.name}: {limit.means}")
            if not _whole(value):
                yield from _remark(f"It is {value}, which is no integer: guards that ask it are decided below.")
            else:
                yield f"{self.names[limit.name]} == {int(value)}"
        yield from _remark("What is counted: entries, the initial state being none, and signals.")
        yield from _set("Counted", map(str, self.flat.counts))
        yield "NoCounts == [name \\in Counted |-> 0]"
        yield from self._counts()
        yield from _remark("Guards that are no expression: any step may answer them either way.")
        yield from _set("Opaque", self.flat.opaque)
        yield ""
        for name in table.guards:
            yield from _remark(f"{name}: {table.guards[name].means}")
            test = self.flat.asked().get(name)
            if test is not None:
                yield f"{self.names[name]}(n, ask) == {self._test(test)}"
        yield ""

    def _counts(self) -> Iterator[str]:
        yield "Counts(n, signal, after) =="
        grows = [
            (
                f"name = {_text(str(one))}",
                f"n[name] + IF {'after' if one.kind == 'entered' else 'signal'} = {_text(one.name)} THEN 1 ELSE 0",
            )
            for one in self.flat.counts
        ]
        yield from [r"  [name \in Counted |->", *_case(grows, "    "), "  ]"] if grows else ["  n"]

    def _answers(self) -> Iterator[str]:
        yield 'Refused == "refused"'
        yield from _remark("What is carried by a signal that carries nothing.")
        yield 'Nothing == "nothing"'
        for carries, name in self.carried.items():
            yield from _set(name, carries)
        yield ""
        for states, name in self.rows.items():
            yield from _remark(f"From {', '.join(states)}:")
            yield f"{name}(signal, carried, n, ask) =="
            cells = [cell for cell in self.table.row(states[0]).values() if not cell.refused]
            answers = [(f"signal = {_text(cell.signal)}", self._cell(cell)) for cell in cells]
            yield from [*_case(answers), "    [] OTHER -> Refused", ""]
        yield from _remark("The state that follows, or Refused: then nothing changes.")
        yield "Answer(state, signal, carried, n, ask) =="
        yield from _case(
            [
                (f"state \\in {{{', '.join(map(_text, states))}}}", f"{name}(signal, carried, n, ask)")
                for states, name in self.rows.items()
            ]
        )
        yield from ["    [] OTHER -> Refused", ""]

    def _cell(self, cell: Cell) -> str:
        if cell.carries:
            return f"IF carried \\in {self.carried[cell.carries]} THEN carried ELSE Refused"
        text = ""
        for choice in cell.choices:
            target = _text(choice.target) if choice.target in self.flat.states else "Refused"
            text += f"IF {self.names[choice.guard]}(n, ask) THEN {target} ELSE " if choice.guard else target
        return text

    def _test(self, test: Test | bool) -> str:
        match test:
            case bool():
                return str(test).upper()
            case Both():
                return f"({self._test(test.left)} {OPERATORS[test.word]}{self._test(test.right)})"
            case Not():
                return f"~({self._test(test.test)})"
            case Opaque():
                return f"ask[{_text(test.name)}]"
            case Compare():
                whole = self._whole(test)
                if isinstance(whole, bool):
                    return str(whole).upper()
                return f"{self._number(whole.left)} {SIGNS[whole.sign]} {self._number(whole.right)}"

    def _whole(self, test: Compare) -> Compare | bool:
        """Return a comparison that says the same with whole numbers."""
        limits = [leaf.name for leaf in _guards.leaves(test) if isinstance(leaf, Limit)]
        if all(_whole(self.flat.limits[name]) for name in limits):
            return test
        folded = _guards.fold(test, self.flat.limits)
        if not isinstance(folded, Compare):
            return bool(folded)
        # counts SIGN bound: everything that is counted to the left, everything else to the right
        factors = _guards.linear(Sum("-", folded.left, folded.right))
        bound = _constant(folded.right) - _constant(folded.left)
        counted: Number = Const(0)
        for count, factor in factors.items():
            for _ in range(abs(factor)):
                counted = Sum("+" if factor > 0 else "-", counted, count)
        if folded.sign in ("==", "!="):
            return Compare(folded.sign, counted, Const(bound)) if _whole(bound) else folded.sign == "!="
        up = folded.sign in ("<", ">=")  # 1 < 1.5 as 1 < 2, and 1 <= 1.5 as 1 <= 1
        return Compare(folded.sign, counted, Const(math.ceil(bound) if up else math.floor(bound)))

    def _number(self, number: Number) -> str:
        match number:
            case Sum():
                right = self._number(number.right)
                right = f"({right})" if isinstance(number.right, Sum) else right
                return f"{self._number(number.left)} {number.sign} {right}"
            case Count():
                return f"n[{_text(str(number))}]"
            case Limit():
                return self.names[number.name]
            case Const():
                return str(int(number.value))


def _constant(number: Number) -> float:
    """Return what a number is where nothing was counted."""
    match number:
        case Const():
            return number.value
        case Sum():
            left, right = _constant(number.left), _constant(number.right)
            return left + right if number.sign == "+" else left - right
        case _:
            return 0


def _whole(value: float) -> bool:
    return float(value).is_integer()


def _remark(text: str) -> Iterator[str]:
    for line in textwrap.wrap(prose(text), WIDTH - 3, break_on_hyphens=False):
        yield rf"\* {line}"


def _text(text: str) -> str:
    return f'"{text}"'


def _set(name: str, members: Iterable[str]) -> list[str]:
    return _wrapped(f"{name} == {{{', '.join(map(_text, members))}}}")


def _case(answers: Iterable[tuple[str, str]], indent: str = "  ") -> Iterator[str]:
    for place, (asked, answer) in enumerate(answers):
        first = f"{indent}  [] " if place else f"{indent}CASE "
        yield from _wrapped(f"{asked} -> {answer}", first, f"{indent}       ")


def _wrapped(text: str, first: str = "", others: str = "  ") -> list[str]:
    return textwrap.wrap(
        text, WIDTH, initial_indent=first, subsequent_indent=others, break_long_words=False, break_on_hyphens=False
    )


RUN = r"""
\* One run: where it is, what was counted, and whether it is sealed.
VARIABLES state, counts, sealed
vars == <<state, counts, sealed>>

Init == state = Initial /\ counts = NoCounts /\ sealed = FALSE

\* A signal is sent, carries a state if it is one that does, and finds the opaque guards answering as `ask` says.
Send(signal, carried, ask) ==
  LET after == Answer(state, signal, carried, counts, ask)
  IN /\ ~sealed
     /\ after # Refused
     /\ state' = after
     /\ counts' = Counts(counts, signal, after)
     /\ sealed' = (signal \in Sealing)

Next == \E signal \in Signals, carried \in States \cup {Nothing}, ask \in [Opaque -> BOOLEAN] :
          /\ (carried = Nothing) # (signal \in Sealing)
          /\ Send(signal, carried, ask)

Spec == Init /\ [][Next]_vars

TypeOK == state \in States /\ counts \in [Counted -> Nat] /\ sealed \in BOOLEAN
FinalIsForEver == [][state \notin Final]_vars
SealedIsForEver == [][~sealed]_vars
"""
