"""What is installed: the packages, what importing them costs, and what a user may rely on."""

from __future__ import annotations

import importlib.metadata
import importlib.resources
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import interlock

ROOT = Path(__file__).parent.parent
PLUGINS = ("approval", "ratelimit", "quarantine")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def python(code: str) -> str:
    """Return what a fresh interpreter prints for some code."""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_the_tests_run_against_what_is_installed() -> None:
    """Where the wheel is to be tested, the package comes from the environment and not from the checkout."""
    place = Path(interlock.__file__).resolve()
    if os.environ.get("INTERLOCK_FROM_WHEEL"):
        assert Path(sys.prefix).resolve() in place.parents
    else:
        assert place.name == "__init__.py"


def test_run_time_dependencies_are_these() -> None:
    """The core needs six packages; everything else is an extra."""
    names = {re.split(r"[<>=!~ ;]", need)[0] for need in PROJECT["dependencies"]}
    assert names == {"attrs", "click", "cloudpickle", "pluggy", "rich", "transitions"}


def test_types_tables_and_the_notebook_are_shipped() -> None:
    """All packages carry `py.typed`, tables come with the spec and the plugins, and the notebook with the examples."""
    for package in ("interlock", "interlock_pytest", "interlock_spec", *(f"interlock_{name}" for name in PLUGINS)):
        assert importlib.resources.files(package).joinpath("py.typed").is_file()
    for table in ("task_run.toml", "flow_run.toml"):
        assert importlib.resources.files("interlock_spec").joinpath(table).is_file()
    for name in PLUGINS:
        assert importlib.resources.files(f"interlock_{name}").joinpath(f"{name}.toml").is_file()
    assert importlib.resources.files("interlock").joinpath("examples", "tour.ipynb").is_file()


def test_the_plugins_that_ship_are_found_and_used_only_by_name() -> None:
    """Each has an entry point with its name; it is loaded by that alone, and takes its options."""
    points = {point.name: point.value for point in importlib.metadata.entry_points(group="interlock")}
    shipped = PROJECT["entry-points"]["interlock"]
    assert {name: points[name] for name in PLUGINS} == shipped
    assert set(interlock.load_plugins().names) & set(PLUGINS) == set()
    options = {"approval": {"tags": "a"}, "ratelimit": {"rate": 2, "tags": "b"}, "quarantine": {"after": 1}}
    assert interlock.load_plugins(options).names == PLUGINS
    assert interlock.load_plugins(PLUGINS).machine("task-run").check().ok


def test_import_is_light() -> None:
    """`import interlock` loads neither the command line nor the heavy packages, and starts no thread."""
    heavy = ("rich", "click", "transitions", "cloudpickle", "asyncio", "concurrent.futures", "interlock._cli")
    shows = ("graphviz", "interlock._notebook", "interlock._dot", "interlock._visualize")
    loaded = python("import interlock, sys, threading; print(*sys.modules); print(threading.active_count())")
    modules, threads = loaded.splitlines()
    assert {*heavy, *shows} & set(modules.split()) == set()
    assert threads == "1"


def test_import_scans_no_entry_points() -> None:
    """What else is installed makes no difference to `import interlock`."""
    code = (
        "import importlib.metadata as m\n"
        "def no(*a, **k): raise AssertionError('scanned')\n"
        "m.entry_points = m.distributions = m.Distribution.discover = no\n"
        "import interlock\n"
        "interlock.Run(interlock.Machine.load('task-run')).send('START')\n"
        "print('ok')"
    )
    assert python(code) == "ok"


def test_the_plugin_of_pytest_is_an_entry_point_and_loads_nothing() -> None:
    """It is found where the wheel is installed; of Interlock it imports nothing before it is asked."""
    assert PROJECT["entry-points"]["pytest11"] == {"interlock": "interlock_pytest"}
    if os.environ.get("INTERLOCK_FROM_WHEEL"):
        (point,) = importlib.metadata.entry_points(group="pytest11", name="interlock")
        assert point.value == "interlock_pytest"
    code = "import interlock_pytest, sys; print(*(name for name in sys.modules if name.startswith('interlock')))"
    assert python(code) == "interlock_pytest"


def test_the_public_names_are_those_of_all() -> None:
    """Every name in `__all__` exists, and every public name is in it."""
    public = {name for name in vars(interlock) if name[0] not in "_@"}  # with "@": what pytest puts into plugins
    parts = {"examples", "executors", "testing"}  # loaded when they are used
    assert set(interlock.__all__) == public - parts - {"annotations"}


def test_the_version_is_told() -> None:
    """The installed version is that of the project file."""
    assert importlib.metadata.version("interlock") == PROJECT["version"]
