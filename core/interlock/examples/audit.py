"""Check the files of every installed Python distribution against the hashes in its own RECORD.

    interlock run interlock.examples.audit
    interlock run interlock.examples.audit --param out=report.json

It exits with 1 and names the file if one was tampered with.
"""

from __future__ import annotations

import base64
import csv
import hashlib
import json
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from importlib.metadata import Distribution, distributions
from pathlib import Path
from typing import Any

import attrs

from interlock import Flow, Parameter, context, task, triggers, unmapped
from interlock.signals import FAIL, LOOP, RETRY, SKIP

SLICE = 8_000_000  # bytes of one distribution that are read in one turn


@attrs.define
class Finding:
    """What is known of one distribution."""

    name: str
    files: int = 0
    """Files checked so far."""
    size: int = 0
    """Bytes read so far."""
    slices: int = 1
    altered: list[str] = attrs.field(factory=list)
    """Files that are not what the RECORD says, with what is wrong."""
    verdict: str = "intact"


@task
def installed(paths: list[str] | None) -> list[Distribution]:
    """Return the distributions on some paths, or on those that Python imports from, each once."""
    found = distributions(path=sys.path if paths is None else paths)
    by_place = {(str(d.locate_file("")), d.metadata["Name"], d.version): d for d in found}
    return [by_place[place] for place in sorted(by_place, key=lambda place: (str(place[1]).lower(), place))]


@task(retry_limit=3)
def check(distribution: Distribution, size: int) -> Finding:
    """Read the files of a distribution, `size` bytes a turn, and compare their hashes."""
    name = f"{distribution.metadata['Name']} {distribution.version}"
    record = distribution.read_text("RECORD")
    if record is None:
        raise SKIP(f"{name} has no RECORD", result=Finding(name, verdict="without a RECORD"))
    before: Finding = context.get("task_loop_result", Finding(name))
    finding = attrs.evolve(before, altered=list(before.altered))
    entries = list(_entries(record))
    read = 0
    for path, expected in entries[finding.files :]:
        if read >= size:
            finding.slices += 1
            raise LOOP(f"{name}: {finding.files} of {len(entries)} files", result=finding)
        wrong, length = _compare(Path(str(distribution.locate_file(path))), expected)
        finding.altered += [f"{path}: {wrong}"] if wrong else []
        finding.files, finding.size, read = finding.files + 1, finding.size + length, read + length
    if finding.altered:
        finding.verdict = "altered"
        raise FAIL(f"{name}: {'; '.join(finding.altered)}", result=finding)
    return finding


def _entries(record: str) -> Iterator[tuple[str, str]]:
    """Yield the paths of a RECORD that come with a hash, and the hash."""
    for row in csv.reader(record.splitlines()):
        if len(row) >= 2 and "=" in row[1]:
            yield row[0], row[1]


def _compare(file: Path, expected: str) -> tuple[str | None, int]:
    """Return what is wrong with a file, or None, and how many bytes were read."""
    algorithm, _, digest = expected.partition("=")
    try:
        data = file.read_bytes()
    except FileNotFoundError:
        return "is missing", 0
    except OSError as error:
        soon = datetime.now(UTC) + timedelta(seconds=0.2)
        raise RETRY(f"{file} could not be read: {error.strerror}", start_time=soon) from None
    if algorithm not in hashlib.algorithms_available:
        return f"has a hash of an unknown kind, {algorithm!r}", 0
    found = base64.urlsafe_b64encode(hashlib.new(algorithm, data).digest()).rstrip(b"=").decode()
    return (None if found == digest.rstrip("=") else f"its {algorithm} differs"), len(data)


@task(trigger=triggers.always_run, skip_on_upstream_skip=False)
def report(findings: list[Any], out: str | None) -> str:
    """Tell what was found, whatever happened; write it as JSON too, if asked to.

    Any: of a distribution that could not be checked there is no `Finding`, but an exception, or nothing.
    """
    known = [finding for finding in findings if isinstance(finding, Finding)]
    files, size = sum(f.files for f in known), sum(f.size for f in known)
    slices = sum(f.slices for f in known if f.files)
    lines = [f"{len(findings)} distributions, {files:,} files, {size / 1e6:,.1f} MB read in {slices} slices"]
    for verdict in ("intact", "without a RECORD", "altered"):
        lines.append(f"  {verdict}: {sum(f.verdict == verdict for f in known)}")
    lines.append(f"  not readable: {len(findings) - len(known)}")
    lines += [f"  ALTERED {finding.name}: {problem}" for finding in known for problem in finding.altered]
    text = "\n".join(lines)
    if out is not None:
        Path(out).write_text(json.dumps([attrs.asdict(f) for f in known], indent=1) + "\n", encoding="utf-8")
    print(text)  # noqa: T201  # this is what the example is for
    return text


with Flow("audit") as flow:
    paths = Parameter("paths", default=None)
    size = Parameter("slice", default=SLICE)
    out = Parameter("out", default=None)
    findings = check.map(installed(paths), unmapped(size))
    told = report(findings, out)

flow.set_reference_tasks([findings, told])
