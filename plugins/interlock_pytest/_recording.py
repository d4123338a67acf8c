"""What is recorded while the tests run, and what is told, written and judged when they have run."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from interlock import Machine
from interlock.testing import Coverage, Covered

SHIPPED = ("task-run", "flow-run")
SENT = "interlock_coverage"
"""Under this name a worker of pytest-xdist sends what it has recorded."""


class Recording:
    """The rows that runs take from the moment it is made until `end`."""

    def __init__(self) -> None:
        self._coverage = Coverage()
        self._coverage.__enter__()
        self._folder: Path | None = None
        self._wrong: list[str] = []

    def end(self) -> None:
        """Record no more."""
        self._coverage.__exit__()

    def prepare(self, config: pytest.Config) -> None:
        """Make the folder that is to be written to. Raises `UsageError` where that cannot be."""
        folder = config.getoption("interlock_coverage_to")
        if folder and not _is_worker(config):
            self._folder = path = config.invocation_params.dir / folder
            try:
                path.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise pytest.UsageError(f"--interlock-coverage-to={folder}: {error.strerror or error}") from None

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        """Take what a worker of pytest-xdist has recorded. Any: its types are not needed here."""
        if SENT in (sent := getattr(node, "workeroutput", {})):
            self._coverage.add(sent[SENT])

    @pytest.hookimpl(trylast=True)  # the workers of pytest-xdist end in this hook, too
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Send, or write and judge, what was recorded."""
        config = session.config
        if _is_worker(config):
            config.workeroutput[SENT] = self._coverage.dumps()  # type: ignore[attr-defined]  # xdist puts it there
            return
        found = self._coverage.lifecycles
        self._write(found)
        if not config.getoption("collectonly"):
            self._wrong += judged(found, config.getoption("interlock_coverage_fail_under"))
        if self._wrong and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Tell what was recorded."""
        terminalreporter.section("rows of life cycles")
        for line in told(self._coverage.lifecycles):
            terminalreporter.line(line)
        for line in self._wrong:
            terminalreporter.line(f"FAIL {line}", red=True)

    def _write(self, found: list[Covered]) -> None:
        if self._folder is None:
            return
        for name, covered in named(found):
            path = self._folder / name
            text = json.dumps(covered.to_dict(), indent=2)
            try:
                Path(f"{path}.json").write_text(f"{text}\n", encoding="utf-8")
                Path(f"{path}.mmd").write_text(f"{covered.mermaid()}\n", encoding="utf-8")
            except OSError as error:
                self._wrong.append(f"{path}: could not be written: {error.strerror or error}")


def told(found: list[Covered]) -> Iterator[str]:
    """Yield what is told of life cycles: how many rows were taken, and those that were not."""
    if not found:
        yield "No run took any."
    for covered in found:
        yield str(covered)
        for row in covered.missing:
            yield f"    {row}"


def judged(found: list[Covered], least: float | None) -> Iterator[str]:
    """Yield what is wrong where so many of a hundred rows are to be taken.

    The life cycles that come with Interlock are not judged: a project that uses flows is not there to test them.
    """
    if least is None:
        return
    own = [covered for covered in found if covered.machine not in map(Machine.load, SHIPPED)]
    if not own:
        yield f"no row of a life cycle of the project was taken; at least {least:g} % must be"
    for covered in own:
        if covered.percent < least:
            yield f"{covered}; at least {least:g} % must be"


def named(found: list[Covered]) -> Iterator[tuple[str, Covered]]:
    """Yield life cycles with a name for the files of each: those that share a name have their spec hashes behind it."""
    names = [re.sub(r"[^\w.-]", "_", covered.machine.name).lstrip(".") or "_" for covered in found]
    for name, covered in zip(names, found, strict=True):
        alone = [other.casefold() for other in names].count(name.casefold()) == 1
        yield name if alone else f"{name}-{covered.machine.hash[:8]}", covered


def _is_worker(config: pytest.Config) -> bool:
    return hasattr(config, "workerinput")
