"""The control table as a page of HTML that needs nothing else, on a light ground or a dark one, as the reader has it.

The signals that the work raises stand out. What a state, a signal or a guard means, and why something is refused, is
shown where the pointer rests, and stands below the table for whoever has none.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from html import escape
from typing import TYPE_CHECKING

from interlock._flat import prose
from interlock._grid import USER, Grid, Part, Row
from interlock._machine import Machine
from interlock._table import REFUSED, SignalDef

if TYPE_CHECKING:
    from interlock._focus import Focus

STYLE = """
:root { color-scheme: light dark; --ground: #ffffff; --ink: #1f2328; --faint: #57606a; --pale: #d0d4d9; --band: #f3f5f7;
  --name: 24%; }
@media (prefers-color-scheme: dark) {
  :root { --ground: #0f1216; --ink: #e6e9ed; --faint: #9aa4af; --pale: #333a42; --band: #191e24; --name: 46%; }
}
* { box-sizing: border-box; }
body { margin: 0; padding: 1.5rem; width: max-content; min-width: 100%; background: var(--ground); color: var(--ink);
  font: 13px/1.35 system-ui, "Segoe UI", Helvetica, Arial, sans-serif; }
h1 { font-size: 1.5rem; margin: 0 0 .25rem; }
h2 { font-size: 1rem; margin: 1.5rem 0 .4rem; }
.wide { position: sticky; left: 1.5rem; max-width: min(72rem, calc(100vw - 3rem)); }
p { margin: .25rem 0 1rem; color: var(--faint); }
table { border-collapse: separate; border-spacing: 0; }
th, td { padding: .3rem .35rem; text-align: left; vertical-align: top; border-bottom: 1px solid var(--pale);
  background: var(--ground); }
thead th { position: sticky; z-index: 2; }
thead tr:first-child th { top: 0; height: 1.7rem; border: 0; color: var(--faint); font-weight: normal; }
thead tr:last-child th { top: 1.7rem; border-bottom: 2px solid var(--faint); font-weight: normal; }
thead tr:first-child th.user { color: var(--ink); font-weight: bold; }
thead tr:last-child th.user { background: var(--ink); color: var(--ground); font-weight: bold; }
th:first-child { position: sticky; left: 0; z-index: 1; border-right: 2px solid var(--faint); }
thead th:first-child { z-index: 3; }
.edge { border-left: 2px solid var(--pale); }
tbody td.user { background: var(--band); }
.state { display: inline-block; padding: 0 .35em; border-left: 4px solid var(--line); border-radius: 3px;
  background: color-mix(in srgb, var(--line) var(--name), var(--ground)); color: var(--ink); white-space: nowrap; }
.final { border: 3px double var(--line); }
th .state { font-weight: bold; margin: 1px 0; }
.part { margin: 1px 0; white-space: nowrap; }
.part small { display: block; color: var(--faint); font-weight: normal; padding-left: .4em; }
.no { color: var(--faint); }
td[title] .no { text-decoration: underline dotted; }
.set { font-weight: bold; }
[title] { cursor: help; }
.focused .part { opacity: .38; }
.focused .part.lit { opacity: 1; font-weight: bold; }
.focused .part.lit .state { outline: 2px solid var(--ink); }
.now .state { background: var(--dark); color: #ffffff; }
dl { display: grid; grid-template-columns: max-content minmax(0, 1fr); gap: .25rem .8rem; margin: 0; }
dt, dd { margin: 0; }
code { font-family: ui-monospace, Consolas, Menlo, monospace; font-size: .95em; }
.legend { display: grid; grid-template-columns: repeat(auto-fit, minmax(28rem, 1fr)); gap: 0 2.5rem; }
@media print { body { width: auto; } th { position: static !important; } }
"""


def html(machine: Machine, focus: Focus | None = None) -> str:
    """Return a whole page with the control table.

    Args:
        machine: the life cycle.
        focus: what stands out; all else is faint.
    """
    page = _Page(Grid(machine, focus))
    return "\n".join(page.lines()) + "\n"


class _Page:
    """What is known of a grid while it is written."""

    def __init__(self, grid: Grid) -> None:
        self.grid = grid
        self.states = grid.table.states
        self.kinds = {colour: f"c{number}" for number, colour in enumerate(dict.fromkeys(grid.colours.values()))}
        """A class of the style for each colour."""
        self.reasons = {(state, why.signal): why.because for why in grid.reasons() for state in why.states}

    def lines(self) -> Iterator[str]:
        yield '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">'
        yield '<meta name="viewport" content="width=device-width, initial-scale=1">'
        yield f"<title>{escape(self.grid.name)}</title>"
        yield f"<style>{STYLE}{''.join(self._colours())}</style>\n</head>"
        yield f"<body>\n<h1>{escape(self.grid.name)}</h1>"
        yield f'<p class="wide">{self._about()}</p>'
        yield f"<table{'' if self.grid.focus is None else _class('focused')}>"
        yield from self.head()
        yield from self.body()
        yield '</table>\n<div class="wide legend">'
        yield from self._legend()
        yield "</div>\n</body>\n</html>"

    def _colours(self) -> Iterator[str]:
        for colour, kind in self.kinds.items():
            yield f".{kind} {{ --line: {colour.line}; --dark: {colour.dark}; }}\n"

    def _about(self) -> str:
        told = f"A run begins in {self._state(self.grid.table.initial)}. In the state at the left, the signal above"
        told += " leads to the state in the cell; where a cell has several, to the first whose guard says yes."
        return f"{told} <strong>{escape(self.grid.told)}</strong>" if self.grid.told else told

    # The table

    def head(self) -> Iterator[str]:
        yield "<thead>"
        bands = [
            (f'colspan="{len(those)}"{_class(*self._kinds(those[0]))}', f"raised by {who}" if who else "")
            for who, those in self.grid.raised()
        ]
        yield f"<tr><th></th>{''.join(f'<th {how}>{escape(told)}</th>' for how, told in bands)}</tr>"
        heads = "".join(
            f"<th{_class(*self._kinds(signal))}{_title(signal.means)}>{escape(signal.name)}</th>"
            for signal in self.grid.signals
        )
        yield f"<tr><th>state</th>{heads}</tr>\n</thead>"

    def _kinds(self, signal: SignalDef) -> Iterator[str]:
        """Yield the classes of a signal's column."""
        if signal.raised_by == USER:
            yield "user"
        if any(those[0] is signal for _, those in self.grid.raised()):
            yield "edge"

    def body(self) -> Iterator[str]:
        yield "<tbody>"
        for row in self.grid.rows:
            heads = "<br>".join(map(self._named, row.states))
            cells = "".join(self._cell(row, signal) for signal in self.grid.signals)
            yield f"<tr><th>{heads}</th>{cells}</tr>"
        finals = " ".join(map(self._named, self.grid.finals))
        wide = len(self.grid.signals)
        yield f'<tr><th>final</th><td colspan="{wide}">{finals} <span class="no">refuse everything</span></td></tr>'
        yield "</tbody>"

    def _cell(self, row: Row, signal: SignalDef) -> str:
        parts = row.cells[signal.name]
        told = self.reasons.get((row.states[0], signal.name), "")
        shown = "".join(map(self._part, parts)) or '<span class="no" title="refused">&middot;</span>'
        return f"<td{_class(*self._kinds(signal))}{_title(told)}>{shown}</td>"

    def _part(self, part: Part) -> str:
        kinds = ("part", "lit") if part.lit else ("part",)
        note = f' <span class="note">{escape(part.note)}</span>' if part.note else ""
        return f"<div{_class(*kinds)}>{self._target(part.target)}{note}{self._asked(part.guard)}</div>"

    def _target(self, target: str) -> str:
        if target == REFUSED:
            return '<span class="no">refused</span>'
        if target in self.states:
            return self._state(target)
        carried = next(states for states, name in self.grid.sets.items() if name == target)
        return f'<span class="set"{_title("carries one of " + ", ".join(carried))}>{escape(target)}</span>'

    def _asked(self, guard: str | None) -> str:
        if guard is None:
            return ""
        return f" <small{_title(self.grid.table.guards[guard].means)}>if {escape(guard)}</small>"

    def _state(self, name: str) -> str:
        kinds = ["state", self.kinds[self.grid.colours[name]], *(["final"] if self.states[name].final else [])]
        return f"<span{_class(*kinds)}{_title(self.states[name].means)}>{escape(name)}</span>"

    def _named(self, name: str) -> str:
        """Return a state where it is told of itself: also whether a run is in it."""
        here = self.grid.here(name)
        return f'<span class="now">{self._state(name)} {escape(here)}</span>' if here else self._state(name)

    # Below

    def _legend(self) -> Iterator[str]:
        table = self.grid.table
        yield from _terms("States", ((self._named(n), self._means(n)) for n in table.concrete()))
        signals = ((f"<code>{escape(s.name)}</code>", _told(s)) for s in self.grid.signals)
        yield from _terms("Signals", signals)
        guards = ((f"<code>{escape(g.name)}</code>", self._guard(g.name)) for g in table.guards.values())
        yield from _terms("Guards", guards)
        sets = ((escape(name), " ".join(map(self._state, states))) for states, name in self.grid.sets.items())
        yield from _terms("What a signal carries one of", sets)
        limits = table.limits.values()
        told = ((f"<code>{escape(limit.name)}</code>", f"{_prose(limit.means)}: {limit.default:g}") for limit in limits)
        yield from _terms("Limits and their defaults", told)
        yield from _terms("Why", self._whys())

    def _means(self, state: str) -> str:
        known = self.states[state]
        return _prose(known.means) + (f" <small>(is {escape(known.is_)})</small>" if known.is_ else "")

    def _guard(self, name: str) -> str:
        guard = self.grid.table.guards[name]
        asked = f"answered by the host, else {guard.default}".lower() if guard.when == "?" else guard.when
        return f"{_prose(guard.means)}<br><code>{escape(asked)}</code>"

    def _whys(self) -> Iterator[tuple[str, str]]:
        for why in self.grid.reasons():
            refused = " refused" if why.refused else ""
            states = " ".join(map(self._state, why.states))
            yield f"<code>{escape(why.signal)}</code>{refused}", f"{_prose(why.because)}<br>{states}"


def _told(signal: SignalDef) -> str:
    return _prose(signal.means) + (f" <small>(recurs: {_prose(signal.recurs)})</small>" if signal.recurs else "")


def _terms(title: str, items: Iterable[tuple[str, str]]) -> Iterator[str]:
    shown = "".join(f"<dt>{term}</dt><dd>{told}</dd>\n" for term, told in items)
    if shown:
        yield f"<section><h2>{title}</h2>\n<dl>\n{shown}</dl></section>"


def _prose(text: str) -> str:
    return escape(prose(text))


def _title(text: str) -> str:
    return f' title="{_prose(text)}"' if text else ""


def _class(*kinds: str) -> str:
    return f' class="{" ".join(kinds)}"' if kinds else ""
