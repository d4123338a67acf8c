"""Processes in which something is measured: each ends with all that it has begun, however it ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, NamedTuple


class Done(NamedTuple):
    """A process that has ended, and what it wrote."""

    status: int
    output: str
    errors: str


def finished(command: Sequence[str], folder: Path, environ: Mapping[str, str], longest: float) -> Done:
    """Run a process to its end. One that takes too long is killed, and is a `TimeoutError`.

    It writes to files, for what it has begun (a server) may outlive it, and a pipe would stay open as long.
    """
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
        process = subprocess.Popen(
            command,
            cwd=folder,
            env=environ,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=errors,
            start_new_session=True,
        )
        try:
            status = process.wait(longest)
        except subprocess.TimeoutExpired:
            raise TimeoutError(f"it took longer than {longest:g} s") from None
        finally:
            _end(process)
        return Done(status, _text(output), _text(errors))


def _text(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read().decode(errors="replace")


def _end(process: subprocess.Popen[bytes]) -> None:
    if sys.platform == "win32":
        process.kill()
    else:
        with suppress(ProcessLookupError, PermissionError):  # there is none any more, or macOS has not buried it yet
            os.killpg(process.pid, signal.SIGKILL)
    process.wait()
