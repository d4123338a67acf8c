"""The test kit in a project outside of this one: a life cycle in a file, tests of a shop, and the plugin for pytest."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from orders import ORDER

from interlock import Machine
from interlock.testing import Covered

ROOT = Path(__file__).parent.parent.parent

INI = ("pytest.ini", "[pytest]\n")
CONFTEST = """
import pytest
from interlock import Machine, Run

MACHINE = Machine.load("order.toml")  # compiled before the tests begin
SEND = Run(MACHINE).send

@pytest.fixture
def machine():
    return MACHINE
"""
TESTS = """
import threading
from interlock import Flow, Run, task
from conftest import SEND

def test_paid(machine):
    run = Run(machine)
    run.send("WAIT")
    assert run.send("PAY") == "Paid"

def test_bound_early():
    assert SEND("PAY") == "Paid"

def test_in_a_thread(machine):
    thread = threading.Thread(target=lambda: Run(machine).send("WAIT", at=1.0))
    thread.start()
    thread.join()

def test_flow():
    with Flow("a flow") as flow:
        task(lambda x: x).map([1, 2])
    assert flow.run().is_successful()
"""
KIT = """
from interlock import Machine
from interlock.testing import Clock, assert_equivalent, state_machine

class Shop:
    state = "New"
    reminders = 0

    def send(self, signal):
        if self.state in ("Paid", "Lost"):
            raise ValueError("it is over")
        if signal == "PAY":
            self.state = "Paid"
        elif self.reminders {limit}:
            self.reminders += 1
            self.state = "Reminded"
        else:
            self.state = "Lost"

ORDER = Machine.load("order.toml")
TestOrders = state_machine(ORDER, Shop, guards={{"known": lambda run, signal: True}}, refuses=ValueError).TestCase

def test_the_same():
    assert_equivalent(ORDER, Machine.load("order.toml"))
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Return a folder with a life cycle and tests, and nothing of this project."""
    for name, text in (("order.toml", ORDER), ("conftest.py", CONFTEST), ("test_order.py", TESTS), INI):
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


def run(folder: Path, *options: str, loaded: bool = True) -> subprocess.CompletedProcess[str]:
    """Run pytest there; what is installed beside is not loaded, and the plugin by its name."""
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "COLUMNS": "200"}
    if loaded:
        environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
        options = ("-p", "interlock_pytest", *options)
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *options]
    return subprocess.run(
        command, cwd=folder, env=environ, capture_output=True, text=True, encoding="utf-8", check=False
    )


def told(output: str) -> list[str]:
    """Return the lines about a project's own life cycle."""
    lines = [line.rstrip() for line in output.splitlines()]
    first = next(place for place, line in enumerate(lines) if line.startswith("order: "))
    rest = lines[first + 1 :]
    return [lines[first], *rest[: next(place for place, line in enumerate(rest) if not line.startswith("    "))]]


def test_rows_that_no_test_takes_are_told(project: Path) -> None:
    """How many were taken, and each that was not; flows and their task runs are told of, too."""
    done = run(project, "--interlock-coverage")
    assert done.returncode == 0, done.stdout + done.stderr
    assert told(done.stdout) == [
        "order: 3 of 6 rows were taken (50 %)",
        "    New -WAIT-> Lost",
        "    Reminded -WAIT-> Reminded",
        "    Reminded -WAIT-> Lost",
    ]
    assert "task-run: " in done.stdout
    assert "    Pending -SKIP-> Skipped" in done.stdout
    assert "    Pending -START-> Running" not in done.stdout


def test_it_is_off_until_it_is_asked(project: Path) -> None:
    """Then nothing is told, judged or written, and of Interlock nothing is loaded but the plugin."""
    (project / "conftest.py").write_text("", encoding="utf-8")
    (project / "test_order.py").write_text(
        "import sys\n\ndef test_none():\n"
        "    assert [name for name in sys.modules if name.startswith('interlock')] == ['interlock_pytest']\n"
        "    assert 'hypothesis' not in sys.modules\n",
        encoding="utf-8",
    )
    done = run(project, "--interlock-coverage-to=rows", "--interlock-coverage-fail-under=100")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "rows of life cycles" not in done.stdout
    assert not (project / "rows").exists()


def test_what_is_written(project: Path) -> None:
    """For each life cycle its rows with their counts, and its diagram."""
    done = run(project, "--interlock-coverage", "--interlock-coverage-to=out/rows")
    assert done.returncode == 0, done.stdout + done.stderr
    folder = project / "out" / "rows"
    names = ["flow-run.json", "flow-run.mmd", "order.json", "order.mmd", "task-run.json", "task-run.mmd"]
    assert sorted(file.name for file in folder.iterdir()) == names
    data = json.loads((folder / "order.json").read_text(encoding="utf-8"))
    covered = Covered.from_dict(Machine.from_toml(ORDER), data)
    assert covered.taken["New", "WAIT", "Reminded"] == 2
    assert covered.taken["New", "PAY", "Paid"] == 1
    assert (folder / "order.mmd").read_text(encoding="utf-8") == covered.mermaid() + "\n"
    tasks = Covered.from_dict(Machine.load("task-run"), json.loads((folder / "task-run.json").read_text("utf-8")))
    assert tasks.taken["Pending", "MAP", "Mapping"] == 1
    assert tasks.taken["Running", "SUCCESS", "Success"] == 3  # the list, and two children


def test_too_few_rows_fail(project: Path) -> None:
    """The life cycles of the project are judged, and those that come with Interlock are not."""
    assert run(project, "--interlock-coverage", "--interlock-coverage-fail-under=50").returncode == 0
    done = run(project, "--interlock-coverage", "--interlock-coverage-fail-under=50.5")
    assert done.returncode == 1
    assert "FAIL order: 3 of 6 rows were taken (50 %); at least 50.5 % must be" in done.stdout
    assert "FAIL task-run" not in done.stdout
    done = run(project, "--interlock-coverage", "--interlock-coverage-fail-under=1", "-k", "flow")
    assert done.returncode == 1
    assert "FAIL no row of a life cycle of the project was taken; at least 1 % must be" in done.stdout


def test_two_of_one_name(project: Path) -> None:
    """They are told apart by their spec hashes."""
    other = 'from interlock import Machine, Run\n\ndef test_other():\n    text = open("order.toml").read()\n'
    other += '    Run(Machine.from_toml(text.replace("default = 2", "default = 3"))).send("PAY")\n'
    (project / "test_other.py").write_text(other, encoding="utf-8")
    assert run(project, "--interlock-coverage", "--interlock-coverage-to=rows").returncode == 0
    spec = Machine.from_toml(ORDER).hash[:8]
    found = sorted(file.name for file in (project / "rows").glob("order*.json"))
    assert len(found) == 2
    assert f"order-{spec}.json" in found


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("--interlock-coverage-fail-under=many", "'many'; it must be a number from 0 to 100"),
        ("--interlock-coverage-fail-under=101", "'101'; it must be a number from 0 to 100"),
        ("--interlock-coverage-to=order.toml", "ERROR: --interlock-coverage-to=order.toml: "),
    ],
)
def test_misuse_is_told(project: Path, option: str, message: str) -> None:
    done = run(project, "--interlock-coverage", option)
    assert done.returncode == pytest.ExitCode.USAGE_ERROR
    assert message in done.stderr
    assert "Traceback" not in done.stderr


WORKERS = """
import json, sys
import pytest
from interlock import Machine, Run
from interlock.testing import Coverage

class Node:
    def __init__(self):
        with Coverage() as coverage:
            Run(Machine.load("order.toml"), {"reminders": 0}).send("WAIT")
        self.workeroutput = {"interlock_coverage": coverage.dumps()}

class Dead:
    pass

@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish(session):
    plugin = session.config.pluginmanager.get_plugin("interlock-coverage")
    for node in (Node(), Dead()):
        plugin.pytest_testnodedown(node)
"""


def test_what_workers_send_is_added(project: Path) -> None:
    """As pytest-xdist has it: a worker puts its rows where they are sent, and who started it adds them up."""
    file = project / "conftest.py"
    file.write_text(CONFTEST.replace("MACHINE =", "x = 0\nMACHINE =") + WORKERS, encoding="utf-8")
    assert told(run(project, "--interlock-coverage").stdout) == [
        "order: 4 of 6 rows were taken (66 %)",
        "    Reminded -WAIT-> Reminded",
        "    Reminded -WAIT-> Lost",
    ]
    worker = "def pytest_configure(config):\n    config.workerinput, config.workeroutput = {}, {}\n"
    worker += "def pytest_unconfigure(config):\n    print('SENT', config.workeroutput['interlock_coverage'])\n"
    file.write_text(CONFTEST + worker, encoding="utf-8")
    done = run(project, "--interlock-coverage", "--interlock-coverage-fail-under=100", "-s")
    assert done.returncode == 0, done.stdout + done.stderr
    (sent,) = [line for line in done.stdout.splitlines() if line.startswith("SENT ")]
    assert '"lifecycle": "order"' in sent


@pytest.mark.parametrize(("limit", "passes"), [("< 2", True), ("<= 2", False), ("< 1", False)])
def test_a_wrong_shop_is_caught(project: Path, limit: str, passes: bool) -> None:
    """The kit, as a user writes it: a few lines around an engine, in step with the table."""
    (project / "test_kit.py").write_text(KIT.format(limit=limit), encoding="utf-8")
    done = run(project, "test_kit.py")
    assert (done.returncode == 0) is passes, done.stdout
    if not passes:
        assert "order: behind WAIT the run is in " in done.stdout
        assert "state = Order()" in done.stdout


def test_it_is_found_by_its_entry_point(project: Path) -> None:
    """Where the distribution is installed, pytest loads the plugin by itself; here its metadata are made by hand."""
    points = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["entry-points"]
    assert points["pytest11"] == {"interlock": "interlock_pytest"}
    info = project / "installed-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: installed\nVersion: 1\n", encoding="utf-8")
    (info / "entry_points.txt").write_text("[pytest11]\ninterlock = interlock_pytest\n", encoding="utf-8")
    done = run(project, "--interlock-coverage", loaded=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert told(done.stdout)[0] == "order: 3 of 6 rows were taken (50 %)"
    assert run(project, "--interlock-coverage", "-p", "no:interlock", loaded=False).returncode != 0
