"""What the body of a task prints, as lines of its log: each task's own, also where several run at once."""

from __future__ import annotations

import io
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from interlock._context import context, current

if TYPE_CHECKING:
    from interlock._context import Layers


class Lines(io.TextIOBase):
    """A stream that logs each line written to it."""

    def __init__(self, logger: Any) -> None:
        self._logger = logger
        self._rest = ""

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        *lines, self._rest = (self._rest + text).split("\n")
        for line in lines:
            self._logger.info("%s", line)
        return len(text)

    def finish(self) -> None:
        """Log what has no end of line."""
        if self._rest:
            self._logger.info("%s", self._rest)
            self._rest = ""


_present: ContextVar[Lines | None] = ContextVar("interlock.stdout", default=None)
_lock = threading.Lock()
_users = 0


class _Split(io.TextIOBase):
    """Stands for `sys.stdout` while some task is logged: what others print goes where it always went."""

    def __init__(self, usual: Any) -> None:
        self.usual = usual

    def write(self, text: str) -> int:
        written: int = (_present.get() or self.usual).write(text)
        return written

    def flush(self) -> None:
        self.usual.flush()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.usual, name)


@contextmanager
def logged(layers: Layers) -> Iterator[None]:
    """Log what is printed inside, by the logger of a task run."""
    global _users
    whose = current.set(layers)
    lines = Lines(context.logger)
    current.reset(whose)
    with _lock:
        _users += 1
        if not isinstance(sys.stdout, _Split):
            sys.stdout = _Split(sys.stdout)
    token = _present.set(lines)
    try:
        yield
    finally:
        _present.reset(token)
        lines.finish()
        with _lock:
            _users -= 1
            if not _users and isinstance(sys.stdout, _Split):
                sys.stdout = sys.stdout.usual
