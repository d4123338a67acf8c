"""The environments in which peers are installed: one for each, apart from the project's own and from each other."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
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
    name = f"interlock-peers-{sys.version_info.major}.{sys.version_info.minor}"
    cache = Path(os.environ.get("XDG_CACHE_HOME") or os.environ.get("LOCALAPPDATA") or Path.home() / ".cache")
    try:
        cache.mkdir(parents=True, exist_ok=True)
        if os.access(cache, os.W_OK):
            return cache / name
    except OSError:
        pass
    return Path(tempfile.gettempdir()) / name


def interpreter(versions: Sequence[str]) -> str | None:
    """Return an interpreter of one of some versions, the first that is found: on PATH, else the newest of pyenv's.

    It must run and be able to make environments: pyenv's stand-ins on PATH, and some of Debian's, do not.
    """
    for version in versions:
        for found in (*_on_path(version), *_of_pyenv(version)):
            try:
                _run(found, "-c", "import ensurepip, venv")
            except (OSError, subprocess.SubprocessError):
                continue
            return found
    return None


def _on_path(version: str) -> Iterator[str]:
    for folder in os.environ.get("PATH", os.defpath).split(os.pathsep):
        if found := shutil.which(f"python{version}", path=folder):
            yield found


def _of_pyenv(version: str) -> list[str]:
    """Return the interpreters of a version, newest first. Only plain ones: none for debugging, none unfinished."""
    root = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv") / "versions"
    patches = [match for folder in root.glob(f"{version}.*") if (match := re.fullmatch(r"(.+\.)(\d+)", folder.name))]
    patches.sort(key=lambda match: int(match[2]), reverse=True)
    return [str(root / match[0] / "bin" / "python") for match in patches]


class Environment:
    """A virtual environment that is made, and filled, when something is first asked of it."""

    def __init__(self, folder: Path, versions: Sequence[str] = ()) -> None:
        self.folder = folder
        self.versions = versions
        """The versions of Python that it may have, the best one first; else that which runs this."""
        self.python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")

    def missing(self, requires: Sequence[str]) -> str | None:
        """Install what is required, in the pinned versions, and return why it cannot be had, or None."""
        try:
            if not self.python.exists():
                base = interpreter(self.versions) if self.versions else sys.executable
                if base is None:
                    return f"no Python {', '.join(self.versions)} that works is on PATH or in pyenv"
                _run(base, "-m", "venv", str(self.folder))
            if not self._has(requires):
                _run(str(self.python), *PIP, *requires)
        except subprocess.CalledProcessError as error:
            return last_line(error.stderr) or f"pip gave up: {error.returncode}"
        except subprocess.TimeoutExpired as error:
            return f"pip took longer than {error.timeout:g} s"
        except OSError as error:
            return str(error)
        return None

    def version(self) -> str:
        """Return the version of its Python, where nothing is missing."""
        return _run(str(self.python), "-c", "import platform; print(platform.python_version())").strip()

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
