"""The control table for a terminal: as wide as that is, and in colours where it has some.

The states that share a row stand on a line of their own above its cells, so that they take no width from them. Where
the signals do not fit side by side, they go into several blocks, those of the work apart from the others.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import TYPE_CHECKING

from rich.cells import cell_len
from rich.text import Text

from interlock._flat import prose
from interlock._grid import USER, Grid, Part, Reason, Row
from interlock._machine import Machine
from interlock._table import REFUSED, SignalDef

if TYPE_CHECKING:
    from interlock._focus import Focus

LONG = 120  # columns of a line of the legend, where no terminal says how many it has
SHORT = 3  # columns of the shortest rule
FAINT = "dim"

Block = Sequence[SignalDef]


def grid(machine: Machine, width: int | None = None, focus: Focus | None = None) -> str:
    """Return the control table as plain text.

    Args:
        machine: the life cycle.
        width: columns of the terminal; where the table is wider, signals go into several blocks. None: one block.
        focus: what stands out: it has an asterisk before it.
    """
    return text(machine, width, focus).plain


def text(machine: Machine, width: int | None = None, focus: Focus | None = None, rule: str = "-") -> Text:
    """Return the control table as text with colours; arguments as for `grid`. `rule`: what lines are made of."""
    return _Sheet(Grid(machine, focus), width, rule).text()


class _Sheet:
    """What is known of a grid while its lines are written."""

    def __init__(self, grid: Grid, width: int | None, rule: str) -> None:
        self.grid = grid
        self.width = width
        self.rule = rule
        self.cells = {signal.name: [self._cell(row.cells[signal.name]) for row in grid.rows] for signal in grid.signals}
        """By signal: the lines of each row's cell."""
        self.widths = {
            name: max(cell_len(name), *(line.cell_len for lines in cells for line in lines))
            for name, cells in self.cells.items()
        }
        self.gap = "  "
        loose = self._blocks()
        self.gap = " "
        tight = self._blocks()
        self.blocks = tight if len(tight) < len(loose) else loose
        self.gap = " " if len(tight) < len(loose) else "  "

    def text(self) -> Text:
        blocks = [Text("\n").join(self._block(block)) for block in self.blocks]
        return Text("\n\n").join([*blocks, Text("\n").join(self._legend())])

    # Blocks

    def _blocks(self) -> list[Block]:
        """Return the signals that stand side by side; those of the work apart, where that takes no more blocks."""
        signals = self.grid.signals
        packed = self._packed(signals)
        apart = [block for _, those in groupby(signals, lambda s: s.raised_by == USER) for block in self._packed(those)]
        return apart if len(apart) == len(packed) else packed

    def _packed(self, signals: Iterable[SignalDef]) -> list[Block]:
        blocks: list[list[SignalDef]] = [[]]
        used = 0
        for signal in signals:
            used += self.widths[signal.name] + len(self.gap)
            if self.width is not None and used - len(self.gap) > self.width and blocks[-1]:
                blocks.append([])
                used = self.widths[signal.name] + len(self.gap)
            blocks[-1].append(signal)
        return [*blocks]

    def _block(self, block: Block) -> Iterator[Text]:
        if any(signal.raised_by for signal in block):
            yield self._band(block)
        yield self._line([(Text(s.name, "bold" if s.raised_by == USER else ""), self.widths[s.name]) for s in block])
        wide = self._wide(block)
        for place, row in enumerate(self.grid.rows):
            yield from self._title(row, wide)
            cells = [self.cells[signal.name][place] for signal in block]
            for line in range(max(map(len, cells))):
                parts = [cell[line] if line < len(cell) else Text() for cell in cells]
                yield self._line(list(zip(parts, (self.widths[signal.name] for signal in block), strict=True)))

    def _wide(self, block: Iterable[SignalDef]) -> int:
        return sum(self.widths[signal.name] + len(self.gap) for signal in block) - len(self.gap)

    def _band(self, block: Block) -> Text:
        """Return the line that says who raises the signals below it."""
        parts = []
        for who, those in groupby(block, lambda signal: signal.raised_by):
            wide = self._wide(those)
            told = Text(f"raised by {prose(who)} ", "bold" if who == USER else "")
            if told.cell_len > wide:
                told = told[len("raised by ") :]
                told.truncate(wide)
            parts.append(told.append(self.rule * (wide - told.cell_len), FAINT))
        return Text(self.gap).join(parts)

    def _title(self, row: Row, wide: int) -> Iterator[Text]:
        """Yield the states of a row, and a rule behind them."""
        line = Text()
        for state in row.states:
            here = self.grid.here(state)
            told = Text.assemble(self._state(state, "bold"), f" ({here})" if here else "")
            if self.width is not None and line and line.cell_len + told.cell_len + 2 + SHORT > self.width:
                yield line.append(",")
                line = Text()
            line = Text(", ").join([line, told]) if line else told
        yield line.append(" " + self.rule * max(SHORT, wide - line.cell_len - 1), FAINT)

    def _line(self, cells: Iterable[tuple[Text, int]]) -> Text:
        line = Text()
        for cell, wide in cells:
            line.append_text(cell).append(" " * (wide - cell.cell_len) + self.gap)
        line.rstrip()
        return line

    # Cells

    def _cell(self, parts: Iterable[Part]) -> list[Text]:
        """Return the lines of a cell: its answers, and below one what is said behind it, so that cells stay narrow."""
        lines: list[Text] = []
        for part in parts:
            lines.append(self._part(part))
            if part.note:
                lines.append(Text(f"({part.note})"))
        return lines or [Text(".", FAINT)]

    def _part(self, part: Part) -> Text:
        grid = self.grid
        shown = "x" if part.target == REFUSED else part.target
        shown += f"?{grid.guards[part.guard]}" if part.guard else ""
        if grid.focus is None:
            return Text(shown, self._colour(part.target))
        return Text(f"*{shown}", f"bold {self._colour(part.target)}") if part.lit else Text(shown, FAINT)

    def _state(self, name: str, style: str = "") -> Text:
        return Text(name, f"{style} {self._colour(name)}")

    def _colour(self, target: str) -> str:
        colour = self.grid.colours.get(target)
        return "" if colour is None else colour.tone

    # Below

    def _legend(self) -> Iterator[Text]:
        grid = self.grid
        if grid.focus is not None:
            yield from self._wrapped("*", f"stands out. {grid.told}")
        for states, name in grid.sets.items():
            yield from self._wrapped(name, f"carries one of {', '.join(states)}")
        for name, number in grid.guards.items():
            means = prose(grid.table.guards[name].means)
            yield from self._wrapped(f"?{number}", f"if {name}: {means}; else what stands below")
        yield from self._wrapped(".", "refused")
        for why in grid.reasons():
            if why.refused:
                yield from self._wrapped("x", _refusal(why))
        finals = ", ".join(f"{state} ({grid.here(state)})" if grid.here(state) else state for state in grid.finals)
        yield from self._wrapped("", f"Final, and refuse everything: {finals}")

    def _wrapped(self, sign: str, told: str) -> Iterator[Text]:
        """Yield lines of the legend, with the names of states in their colours."""
        lines = textwrap.wrap(
            f"{sign:<4}{told}" if sign else told,
            max(self.width or LONG, 20),
            subsequent_indent="    " if sign else "  ",
            break_on_hyphens=False,
        )
        for line in lines:
            shown = Text(line)
            for name, colour in self.grid.colours.items():
                shown.highlight_regex(rf"(?<!\w){name}(?!\w)", colour.tone)
            yield shown


def _refusal(why: Reason) -> str:
    return f"{why.signal} refused in {', '.join(why.states)}: {why.because}"
