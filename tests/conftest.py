"""What holds for the whole suite: the rows that it takes are recorded, and judged if all of it was run."""

from __future__ import annotations

import signal
from collections.abc import Iterator, Sequence

import pytest
from acts import Gate
from hypothesis import settings
from row_coverage import Recorder, judged, read, whole

from interlock import _begin

settings.register_profile("untimed", settings.default, deadline=None)  # no test is held to a time
settings.load_profile("untimed")

RECORDER = Recorder()
FOUND: list[str] = []
LEFT_OUT: list[object] = []


@pytest.fixture
def gate() -> Iterator[Gate]:
    """Return a gate that is opened at the end, so that no thread stays."""
    gate = Gate()
    yield gate
    gate.event.set()


@pytest.fixture(autouse=True)
def _usual_handler() -> Iterator[None]:
    """Let Ctrl-C be handled as in a program that does nothing about it, and see that a test leaves it so.

    A shell that starts the tests in the background has them ignore it.
    """
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    signal.signal(signal.SIGINT, before)


def pytest_configure() -> None:
    """Record from the first test on."""
    setattr(_begin, "driven", RECORDER.around(_begin.driven))  # noqa: B010  # to a type checker it is a function


def pytest_deselected(items: Sequence[object]) -> None:
    """Take note that some tests are left out."""
    LEFT_OUT.extend(items)


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Judge, where every test was run and passed."""
    config = session.config
    all_of_it = whole(config.args, config.rootpath, config.option.keyword, config.option.markexpr, len(LEFT_OUT))
    if all_of_it and exitstatus == pytest.ExitCode.OK and session.testscollected:
        FOUND.extend(judged(RECORDER.taken(), read()))
        if FOUND:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Tell what was found."""
    if FOUND:
        terminalreporter.section("rows of the tables")
        for line in FOUND:
            terminalreporter.line(line)
