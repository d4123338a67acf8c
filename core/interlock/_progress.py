"""What the command line shows while a flow runs: on a terminal a line for each task, elsewhere lines of plain text."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from types import TracebackType
from typing import Protocol, Self

from rich.console import Console, Group, RenderableType
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from interlock._brief import counted
from interlock._printed import Foot
from interlock._summary import said, styled
from interlock._tally import SHOWN, Line, News, Tally, left

OFTEN = 0.1  # seconds between two looks
SHARE = 60  # of all the time of the processor, looks take no more than one part in so many
EACH = 0.5e-6  # seconds that a look takes for each run, at the most
RARELY = 5.0  # seconds between two lines that say how far a flow of many tasks is
BAR = 20  # columns
NARROW = 60  # columns of a terminal in which there is no room for bars


class View(Protocol):
    """What shows how far a flow run is."""

    def open(self) -> None:
        """Make ready."""

    def show(self, tally: Tally, news: News, now: float, time: float) -> None:
        """Show what has happened. `now`: seconds of a clock that nobody sets; `time`: seconds since 1970."""

    def close(self) -> None:
        """Put away what is not to stay."""


class Watcher:
    """Looks at a flow run now and then, in a thread of its own, and has it shown.

    Args:
        view: what shows it.
        clock: tells the seconds on a clock that nobody sets.
    """

    def __init__(self, view: View, clock: Callable[[], float] = time.monotonic) -> None:
        self.tally = Tally()
        """What is to be told of the flow run."""
        self._view = view
        self._clock = clock
        self._over = threading.Event()
        self._gone = False  # the pipe or terminal that it is shown on
        self._thread = threading.Thread(target=self._look, name="interlock progress", daemon=True)

    def __enter__(self) -> Self:
        self._view.open()
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()
        try:
            self.look()
        finally:
            with suppress(OSError):
                self._view.close()

    def _look(self) -> None:
        pause, opened, spent = OFTEN, time.monotonic(), 0.0
        while not self._over.wait(pause):
            began = time.thread_time()
            earned = (time.monotonic() - opened) / SHARE - spent
            closely = self.tally.size * EACH <= max(earned, OFTEN / SHARE)
            self.look(closely)
            took = time.thread_time() - began
            spent += took if closely else 0.0
            pause = max(OFTEN, took * SHARE)

    def look(self, closely: bool = True) -> None:
        """Show what has happened, unless nobody looks any more: the flow run goes on all the same.

        Args:
            closely: whether each run is looked at; else only how many children are over.
        """
        now = self._clock()
        news = self.tally.take(now) if closely else self.tally.glance(now)
        if self.tally.runner is not None and not self._gone:
            try:
                self._view.show(self.tally, news, now, time.time())
            except OSError:
                self._gone = True


class Lines:
    """Plain text: a line for each task that is over, and for the first children that fail.

    Of many tasks only the first that fail have a line; and now and then it is said how far all are.
    """

    def __init__(self, console: Console) -> None:
        self._console = console
        self._told = 0
        self._next: float | None = None

    def open(self) -> None:
        """Nothing to be made ready."""

    def show(self, tally: Tally, news: News, now: float, time: float) -> None:
        """Print what is new."""
        failed = [runner for runner in news.failed if tally.shared or runner.index is not None]
        told = failed[: SHOWN - self._told]
        self._told += len(told)
        for runner in told if tally.shared else (*told, *news.over):
            self._say(f"{runner.name}: {said(runner.state)}")
        if self._next is None:
            self._next = now + RARELY
        elif now >= self._next:
            self._next = now + RARELY
            self._say(f"{tally.name}: {_far(tally)}")

    def close(self) -> None:
        """Nothing to be put away."""

    def _say(self, line: str) -> None:
        self._console.print(Text(line), soft_wrap=True)


def _far(tally: Tally) -> str:
    over, total = tally.totals()
    counts: Counter[str] = Counter()
    for line in tally.lines:
        counts.update(line.counts())
    return f"{over:,} of {total:,} are over: {counted(counts)}"


class Bars:
    """A terminal: a line for each task, as many as fit, drawn again and again in the same place."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._foot = Foot(console)
        self._shown = self._foot.shown()
        self._began: float | None = None

    def open(self) -> None:
        """Take the lowest lines of the terminal."""
        self._shown.__enter__()

    def show(self, tally: Tally, news: News, now: float, time: float) -> None:
        """Draw how far all is."""
        if self._began is None:
            self._began = now
        chosen = _chosen(tally.lines, max(1, self._console.height - 4))
        bar = min(BAR, max(0, self._console.width - NARROW))
        table = Table.grid(padding=(0, 1), pad_edge=False)
        table.add_column(no_wrap=True, overflow="ellipsis")
        for _ in range(4):
            table.add_column(no_wrap=True, overflow="crop")
        for line in chosen:
            table.add_row(*_row(tally, line, bar, now, time))
        parts: list[RenderableType] = [table]
        if len(chosen) < len(tally.lines):
            drawn = set(chosen)
            rest = [line for line in tally.lines if line not in drawn]
            over = sum(not line.waiting for line in rest)
            parts.append(Text(f"{len(rest):,} more: {over:,} over, {len(rest) - over:,} not", style="dim"))
        parts.append(_head(tally, now - self._began, tally.begins_in(time)))
        self._foot.draw(Group(*parts))

    def close(self) -> None:
        """Give the lines back."""
        self._shown.__exit__(None, None, None)


def _chosen(lines: Sequence[Line], most: int) -> Sequence[Line]:
    """Return the lines that are most worth a look, in their order: what is under way, what ended last, what waits."""
    if len(lines) <= most:
        return lines

    def rank(numbered: tuple[int, Line]) -> tuple[int, float]:
        line = numbered[1]
        if line.began is not None and line.waiting:
            return 0, -line.last
        return (2, float(numbered[0])) if line.began is None else (1, -line.last)

    first = sorted(sorted(enumerate(lines), key=rank)[:most])
    return [line for _, line in first]


def _row(tally: Tally, line: Line, width: int, now: float, time: float) -> tuple[RenderableType, ...]:
    counts = Text(", ").join(
        Text.assemble(f"{number:,} " if line.total > 1 else "", styled(name))
        for name, number in line.counts().most_common()
    )
    waits = tally.why(line, time)
    if waits:
        counts = Text.assemble(counts, " " if counts else "", (f"waits for {waits}", "dim"))
    if line.total <= 1:
        return Text(line.name), "", "", _lasted(line, now), counts
    bar = ProgressBar(total=max(1, line.total), completed=line.done, width=width) if width > 2 else ""
    return Text(line.name), bar, f"{line.done:,}/{line.total:,}", _lasted(line, now), counts


def _lasted(line: Line, now: float) -> Text:
    if line.began is None:
        return Text()
    lasted = clock((now if line.waiting else line.last) - line.began)
    more = line.left(now) if line.waiting else None
    return Text.assemble(lasted, ("" if more is None else f", {clock(more)} left", "dim"))


def _head(tally: Tally, seconds: float, waits: float | None) -> Text:
    if waits is not None:
        return Text(f"{tally.name}: begins in {clock(waits)}", style="bold")
    over, total = tally.totals()
    more = left(over - sum(line.before for line in tally.lines), total - over, seconds)
    text = f"{tally.name}: {over:,} of {total:,}, {clock(seconds)}"
    return Text(text if more is None else f"{text}, about {clock(more)} left", style="bold")


def clock(seconds: float) -> str:
    """Return a time in hours, minutes and seconds: 0:07, 12:30, 1:02:03."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
