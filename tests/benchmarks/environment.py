"""The environment in which peers are installed, apart from the project's own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

PIP = ("-m", "pip", "install", "--quiet", "--disable-pip-version-check")
LONGEST = 600  # seconds for one call of pip

VERSIONS = """
import importlib.metadata, json
found = {d.metadata["Name"].lower(): d.version for d in importlib.metadata.distributions()}
print(json.dumps(found))
"""


def usual() -> Path:
    """Return the folder where peers are kept from run to run: in the user's cache, else among temporary files."""
    name = f"interlock-benchmarks-{sys.version_info.major}.{sys.version_info.minor}"
    cache = Path(os.environ.get("XDG_CACHE_HOME") or os.environ.get("LOCALAPPDATA") or Path.home() / ".cache")
    try:
        cache.mkdir(parents=True, exist_ok=True)
        if os.access(cache, os.W_OK):
            return cache / name
    except OSError:
        pass
    return Path(tempfile.gettempdir()) / name


class Environment:
    """A virtual environment that is made, and filled, when something is first asked of it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")

    def missing(self, requires: Sequence[str]) -> str | None:
        """Install what is required, in the pinned versions, and return why it cannot be had, or None."""
        try:
            if not self.python.exists():
                _run(sys.executable, "-m", "venv", str(self.folder))
            if not self._has(requires):
                _run(str(self.python), *PIP, *requires)
        except subprocess.CalledProcessError as error:
            return last_line(error.stderr) or f"pip gave up: {error.returncode}"
        except (OSError, subprocess.TimeoutExpired) as error:
            return str(error)
        return None

    def _has(self, requires: Sequence[str]) -> bool:
        found: dict[str, str] = json.loads(_run(str(self.python), "-c", VERSIONS))
        wanted = dict(pin.split("==") for pin in requires)
        return all(found.get(name.lower()) == version for name, version in wanted.items())


def _run(*command: str) -> str:
    done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=LONGEST)
    return done.stdout


def last_line(text: str) -> str:
    """Return the last line that says something: of a traceback, what went wrong."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else ""
