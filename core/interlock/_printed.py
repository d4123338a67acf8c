"""A few lines at the foot of a terminal that change, and above them what is printed meanwhile.

What is printed is not written at once, since the lines must be taken away before and drawn again behind it, which takes
a thousand times as long as to print: it is written when the lines are drawn the next time, a moment later.
"""

from __future__ import annotations

import itertools
import logging
import sys
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, TextIO

from rich.console import Console, RenderableType
from rich.control import Control
from rich.segment import ControlType, SegmentLines

AWAY = ((ControlType.CURSOR_UP, 1), (ControlType.ERASE_IN_LINE, 2))
"""To the line above, and clear it."""
SOON = 0.1  # seconds: who flushes sees what was printed before at once, if that was not seen to for so long


class Foot:
    """The lowest lines of a terminal.

    Args:
        console: the terminal.
    """

    def __init__(self, console: Console) -> None:
        self._console = console
        self._lines = 0
        self._drawn: RenderableType = ""
        self._printed: list[tuple[TextIO, str]] = []
        self._rest: dict[TextIO, str] = {}  # by stream: the beginning of a line that is not complete
        self._lock = threading.RLock()
        self._last = 0.0

    @contextmanager
    def shown(self) -> Iterator[None]:
        """Keep the lines for as long as the block lasts; what goes to the terminal meanwhile is shown above them."""
        streams = {name: getattr(sys, name) for name in ("stdout", "stderr")}
        above = {name: Above(self, real) for name, real in streams.items() if real.isatty()}
        logs = [handler for handler in logging.getLogger().handlers if type(handler) is logging.StreamHandler]
        logged = [(handler, handler.stream) for handler in logs if handler.stream is streams["stderr"]]
        for name, stream in above.items():
            setattr(sys, name, stream)
        for handler, stream in logged:
            handler.setStream(above.get("stderr", stream))
        self._console.show_cursor(False)
        try:
            yield
        finally:
            for handler, stream in logged:
                handler.setStream(stream)
            for name, stream in above.items():
                if getattr(sys, name) is stream:
                    setattr(sys, name, streams[name])
            self.draw("", last=True)
            self._console.show_cursor(True)

    def put(self, stream: TextIO, text: str) -> None:
        """Take what is to be written above the lines."""
        self._printed.append((stream, text))

    def flush(self) -> None:
        """Write what was taken, if that was not done for a while."""
        if time.monotonic() - self._last > SOON:
            self.draw(self._drawn)

    def draw(self, lines: RenderableType, last: bool = False) -> None:
        """Write what was taken, and draw the lines anew. `last`: there are no more, and nothing is kept back."""
        with self._lock:
            self._last = time.monotonic()
            frame = [] if last else self._console.render_lines(lines, pad=False)
            self._console.control(Control(ControlType.CARRIAGE_RETURN, *AWAY * self._lines))
            for stream, text in self._taken(last):
                stream.write(text)
                stream.flush()
            self._console.print(SegmentLines(frame, new_lines=True), end="")
            self._drawn, self._lines = lines, len(frame)

    def _taken(self, last: bool) -> Iterator[tuple[TextIO, str]]:
        """Yield what is to be written: whole lines, so that ours begin on one of their own."""
        taken = self._printed[:]
        del self._printed[: len(taken)]
        for stream, parts in itertools.groupby(taken, key=lambda part: part[0]):
            text = self._rest.pop(stream, "") + "".join(text for _, text in parts)
            lines, end, rest = text.rpartition("\n")
            yield stream, lines + end
            if rest:
                self._rest[stream] = rest.rpartition("\r")[2]  # what was written over is not seen anyway
        if last:
            yield from self._rest.items()


class Above:
    """Stands for a stream that goes to the terminal, and writes above the lines at its foot."""

    def __init__(self, foot: Foot, stream: TextIO) -> None:
        self._foot = foot
        self._stream = stream
        self.rich_proxied_file = stream  # what a console of rich writes to, which draws the foot

    def __getattr__(self, name: str) -> Any:
        """Return what else there is of the stream. Any: no matter what."""
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        """Have it written in a moment."""
        self._foot.put(self._stream, text)
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        """Have them written in a moment."""
        self.write("".join(lines))

    def flush(self) -> None:
        """Have it written now, unless that was just done."""
        self._foot.flush()
