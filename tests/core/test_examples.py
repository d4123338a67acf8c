"""The examples that are shipped, run as a user runs them."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

PAGE = """
import prefect
from prefect import task, Flow
from prefect.engine.signals import LOOP

@task
def accumulate(x: int) -> int:
    current = prefect.context.get("task_loop_result", x)
    if current < 100:
        # if current < 100, rerun this task with the task's loop result incremented
        # by 5
        raise LOOP(result=current + 5)
    return current

with Flow("Looper") as flow:
    output = accumulate(5)

flow_state = flow.run()
print(flow_state.result[output].result) # '100'
"""


def python(*words: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    home = {} if cwd is None else {"HOME": str(cwd), "USERPROFILE": str(cwd)}  # where failed runs are kept
    env = {**os.environ, **home}
    command = [sys.executable, *words]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, encoding="utf-8", check=False, env=env)


def test_the_page_s_program_runs_with_its_imports_changed(tmp_path: Path) -> None:
    """The program of the page prints 100 once its import lines name this package."""
    text = PAGE.replace("import prefect\n", "import interlock as prefect\n")
    text = text.replace("from prefect import", "from interlock import").replace(
        "from prefect.engine.", "from interlock."
    )
    file = tmp_path / "looper.py"
    file.write_text(text, encoding="utf-8")
    done = python(str(file))
    assert (done.stdout, done.stderr) == ("100\n", "")


def test_looper() -> None:
    """The looper prints 100, and runs from the command line."""
    assert python("-m", "interlock.examples.looper").stdout == "100\n"
    assert python("-m", "interlock", "run", "interlock.examples.looper").returncode == 0


def test_door() -> None:
    """The door opens and shuts with `Machine` and `Run` alone."""
    done = python("-m", "interlock.examples.door")
    assert done.stdout == "Shut -OPEN-> Open -SHUT-> Shut -OPEN-> Open -LIFT-> Gone\n"


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A folder with three installed distributions: a small one, one of ten files, one without a RECORD."""
    for name, files in (("small", 1), ("big", 10)):
        lines = []
        for number in range(files):
            file = tmp_path / "site" / name / f"file{number}.py"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(f"x = {number}\n".encode() * 100)
            digest = base64.urlsafe_b64encode(hashlib.sha256(file.read_bytes()).digest()).rstrip(b"=").decode()
            lines.append(f"{name}/{file.name},sha256={digest},{file.stat().st_size}")
        info = tmp_path / "site" / f"{name}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n", encoding="utf-8")
        (info / "RECORD").write_text("\n".join([*lines, f"{name}-1.0.dist-info/RECORD,,"]), encoding="utf-8")
    bare = tmp_path / "site" / "bare-1.0.dist-info"
    bare.mkdir()
    (bare / "METADATA").write_text("Metadata-Version: 2.1\nName: bare\nVersion: 1.0\n", encoding="utf-8")
    return tmp_path / "site"


def audit(site: Path, *words: str) -> subprocess.CompletedProcess[str]:
    paths = f"paths={json.dumps([str(site)])}"
    return python("-m", "interlock", "run", "interlock.examples.audit", "-p", paths, *words, cwd=site.parent)


def test_an_intact_installation_passes(site: Path) -> None:
    """Files that are what the RECORD says are intact; a distribution without one is skipped."""
    done = audit(site, "-p", "out=report.json")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "3 distributions, 11 files, 0.0 MB read in 2 slices" in done.stdout
    report = {found["name"]: found["verdict"] for found in json.loads((site.parent / "report.json").read_text())}
    assert report == {"bare 1.0": "without a RECORD", "big 1.0": "intact", "small 1.0": "intact"}


@pytest.mark.parametrize("name", ["small/file0.py", "big/file7.py"])
@pytest.mark.parametrize("size", [1_000_000, 1000])
def test_a_tampered_file_is_named(site: Path, name: str, size: int) -> None:
    """One byte more fails the flow with the file's name, also in a distribution that is read in slices."""
    with (site / name).open("a") as file:
        file.write("#")
    done = audit(site, "-p", f"slice={size}")
    assert done.returncode == 1
    assert f"ALTERED {name.split('/')[0]} 1.0: {name}: its sha256 differs" in done.stdout
    assert f": Failed: {name.split('/')[0]} 1.0: {name}: its sha256 differs" in done.stdout
    assert ("read in 2 slices" in done.stdout) is (size == 1_000_000)


def test_a_missing_file_is_named(site: Path) -> None:
    """A file that is gone fails the flow too."""
    (site / "big" / "file3.py").unlink()
    done = audit(site)
    assert done.returncode == 1
    assert "big/file3.py: is missing" in done.stdout


def test_a_file_that_cannot_be_read_is_tried_again(site: Path) -> None:
    """What cannot be read is retried as often as `RETRY` is granted, and then fails with the reason."""
    (site / "small" / "file0.py").unlink()
    (site / "small" / "file0.py").mkdir()
    done = audit(site)
    assert done.returncode == 1
    assert "RETRY was not granted: " in done.stdout
    assert "file0.py could not be read: " in done.stdout
    assert "not readable: 1" in done.stdout


def test_the_installation_that_runs_the_tests_can_be_audited() -> None:
    """The audit goes through every distribution that is installed here, and says what it found."""
    done = python("-m", "interlock", "run", "interlock.examples.audit", "--json")
    assert done.returncode in (0, 1), done.stderr
    tasks = json.loads(done.stdout.splitlines()[-1])["tasks"]
    assert tasks["report-1"]["state"] == "Success"
    assert tasks["check-1"]["children"]["Success"] > 5
