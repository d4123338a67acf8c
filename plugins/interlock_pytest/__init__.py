"""Tells which rows of life cycles the tests of a project take: `pytest --interlock-coverage`.

pytest loads this with every run of every project that has Interlock installed, so it imports nothing until it is asked.
"""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from interlock_pytest._recording import Recording

NAME = "interlock-coverage"
KEPT: pytest.StashKey[Recording] = pytest.StashKey()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options."""
    group = parser.getgroup("interlock", "rows of life cycles that are taken")
    group.addoption(
        "--interlock-coverage",
        action="store_true",
        help="Record the rows of life cycles that runs take, and print those that none took.",
    )
    group.addoption(
        "--interlock-coverage-to",
        metavar="FOLDER",
        help="Write the rows of each life cycle as NAME.json, and its diagram as NAME.mmd. With --interlock-coverage.",
    )
    group.addoption(
        "--interlock-coverage-fail-under",
        metavar="PERCENT",
        type=_percent,
        help="Fail if fewer rows of a life cycle of the project were taken. With --interlock-coverage.",
    )


def _percent(text: str) -> float:
    try:
        percent = float(text)
    except ValueError:
        percent = -1.0
    if not 0 <= percent <= 100:
        raise argparse.ArgumentTypeError(f"{text!r}; it must be a number from 0 to 100")
    return percent


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> None:
    """Record from here on: a conftest may run a life cycle, too."""
    _begin(early_config, early_config.known_args_namespace.interlock_coverage)


def pytest_configure(config: pytest.Config) -> None:
    """Record from here on, where this was loaded too late for the above."""
    _begin(config, bool(config.getoption("interlock_coverage")))
    if KEPT in config.stash:
        config.stash[KEPT].prepare(config)
        config.pluginmanager.register(config.stash[KEPT], NAME)


def pytest_unconfigure(config: pytest.Config) -> None:
    """Record no more."""
    if KEPT in config.stash:
        config.stash[KEPT].end()
        del config.stash[KEPT]


def _begin(config: pytest.Config, asked: bool) -> None:
    if asked and KEPT not in config.stash:
        from interlock_pytest._recording import Recording

        config.stash[KEPT] = Recording()
