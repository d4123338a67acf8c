"""Ctrl-C, and other requests to stop."""

from __future__ import annotations

import signal
import threading
from collections import deque
from collections.abc import Callable, Mapping
from types import FrameType, TracebackType
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from interlock.signals import Signal


class Interrupts:
    """Keeps Ctrl-C away from the runner: it is let through while a body is called or nothing is done, else kept.

    Outside of the main thread, or where somebody else handles the signal, nothing is changed.
    """

    def __init__(self) -> None:
        self.pending = False
        """Whether there is a reason to stop that the runner does not know of."""
        self.work: Callable[[], object] | None = None
        """Stops the async body that is under way here: an event loop must not be torn by what is raised in it."""
        self.said: deque[tuple[str, Signal]] = deque()
        """By slug: what people say to task runs that wait for them, and the runner does not know of."""
        self.allowed = False
        """Whether a Ctrl-C that comes now is raised where we are."""
        self.ring: Callable[[], object] | None = None
        """Wakes who waits, from any thread."""
        self._came = 0
        self.ours = False
        """Whether Ctrl-C comes here."""

    def ask(self) -> None:
        """Ask to stop, from any thread."""
        self.pending = True
        if (work := self.work) is not None:
            work()
        if self.ring is not None:
            self.ring()

    def say(self, slug: str, signal: Signal) -> None:
        """Say something to a task run that waits for a person, from any thread."""
        self.said.append((slug, signal))
        if self.ring is not None:
            self.ring()

    @property
    def leaving(self) -> bool:
        """Whether Ctrl-C came more than once: nobody waits for anything any more."""
        return self._came > 1

    def stops(self, work: Callable[[], object]) -> None:
        """Take note of what stops the async body that has begun."""
        self.work = work

    def let_in(self) -> None:
        """From here on, raise what comes, and what has come."""
        self.allowed = True
        if self.pending:
            raise KeyboardInterrupt

    def __enter__(self) -> Self:
        main = threading.current_thread() is threading.main_thread()
        self.ours = main and signal.getsignal(signal.SIGINT) is signal.default_int_handler
        if self.ours:
            signal.signal(signal.SIGINT, self._handle)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.ours:
            signal.signal(signal.SIGINT, signal.default_int_handler)

    def _handle(self, number: int, frame: FrameType | None) -> None:
        self._came += 1
        self.pending = True  # also where it is raised: the body may swallow it
        if self.allowed or self.leaving:
            raise KeyboardInterrupt
        if self.work is not None:
            self.work()


def late(said: Mapping[str, Signal], why: object) -> None:
    """Log that what people said came too late: the task run has gone on meanwhile."""
    import logging  # here, as hardly a flow run needs it

    logging.getLogger("interlock.flow").warning("%s; what was said comes too late: %s", why, dict(said))
