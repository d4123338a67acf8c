"""The walk in plugins/README.md: the plugin that it describes is built, installed into a fresh environment, and run."""

from __future__ import annotations

import importlib.metadata
import os
import re
import shlex
import subprocess
import sys
import sysconfig
import tomllib
import venv
import zipfile
from pathlib import Path

import pytest

README = Path(__file__).parent.parent.parent / "plugins" / "README.md"
FILE = re.compile(r"`([\w/.]+\.\w+)`[^`\n]*:?\n\n```(\w+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
SHELL = re.compile(r"^```sh\n(.*?)^```$", re.DOTALL | re.MULTILINE)
ENVIRON = {name: value for name, value in os.environ.items() if name != "INTERLOCK_BLOCK_PLUGINS"}


def files() -> dict[str, str]:
    """Return the files that the page describes, by name."""
    text = README.read_text(encoding="utf-8")
    return {found[1]: found[3] for found in FILE.finditer(text)}


def commands() -> list[str]:
    """Return the commands that the page tells."""
    return [line for block in SHELL.findall(README.read_text(encoding="utf-8")) for line in block.splitlines()]


def called(*command: object, cwd: Path, **environ: str) -> tuple[int, str]:
    """Call a program; return its exit code, and all that it says."""
    line = list(map(str, command))
    env = {**ENVIRON, "PYTHONUTF8": "1", **environ}
    done = subprocess.run(line, cwd=cwd, env=env, capture_output=True, text=True, encoding="utf-8", check=False)
    return done.returncode, done.stdout + done.stderr


def good(*command: object, cwd: Path, **environ: str) -> str:
    """Call a program that must succeed, and return what it says."""
    code, said = called(*command, cwd=cwd, **environ)
    assert code == 0, said
    return said


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of the plugin, as the page describes it."""
    folder = tmp_path_factory.mktemp("interlock-dryrun")
    for name, text in files().items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    (folder / "interlock_dryrun" / "py.typed").touch()
    return folder


@pytest.fixture(scope="module")
def python(project: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the interpreter of a fresh environment that has the plugin's wheel.

    Interlock and what it needs are those of the environment that the tests run in: nothing is fetched.
    """
    good(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", "dist", cwd=project)
    (wheel,) = (project / "dist").glob("*.whl")
    home = tmp_path_factory.mktemp("fresh")
    venv.create(home, symlinks=os.name != "nt")
    made = home / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    site = good(made, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", cwd=home).strip()
    ours = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
    lines = [f"import site; site.addsitedir({place!r})" for place in sorted(ours)]
    (Path(site) / "ours.pth").write_text("\n".join(lines) + "\n", encoding="utf-8")
    install = ["-m", "pip", "--python", made, "install", "--no-index", "--disable-pip-version-check", wheel]
    good(sys.executable, *install, cwd=home)
    return made


def test_the_page_tells_all_files_and_commands() -> None:
    """What is tried below is what stands there."""
    assert list(files()) == ["interlock_dryrun/__init__.py", "test_dryrun.py", "pyproject.toml", "copying.py"]
    assert commands() == [
        "python -m pip install -e .",
        "python -m pytest test_dryrun.py",
        "python -m build",
        "python -m twine check --strict dist/*",
        "python -m twine upload dist/*",
        "interlock plugins",
        "interlock run copying.py -p dry_run=true",
        "interlock run copying.py -p dry_run=true --plugin dryrun:tag=other",
        "interlock draw task-run --as grid --plugin dryrun",
    ]


def test_the_wheel_has_what_it_needs(project: Path, python: Path) -> None:
    """The package, its types, and the entry point; what it says of itself can be shown."""
    (wheel,) = (project / "dist").glob("*.whl")
    with zipfile.ZipFile(wheel) as opened:
        names = set(opened.namelist())
        points = opened.read("interlock_dryrun-0.1.0.dist-info/entry_points.txt").decode()
        about = opened.read("interlock_dryrun-0.1.0.dist-info/METADATA").decode()
    assert {"interlock_dryrun/__init__.py", "interlock_dryrun/py.typed"} <= names
    assert points == "[interlock]\ndryrun = interlock_dryrun:DryRun\n"
    assert "Requires-Dist: interlock>=0.1" in about
    assert "Description-Content-Type: text/markdown" in about
    told = tomllib.loads(files()["pyproject.toml"])["project"]
    assert told["name"] == "interlock-dryrun"


def test_its_tests_pass_there(python: Path, tmp_path: Path) -> None:
    """The tests of the page, against what is installed."""
    (tmp_path / "test_dryrun.py").write_text(files()["test_dryrun.py"], encoding="utf-8")
    said = good(python, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_dryrun.py", cwd=tmp_path)
    assert "3 passed" in said


def test_its_commands_run_there(python: Path, tmp_path: Path) -> None:
    """The command line finds it, lists it, uses it and draws it."""
    (tmp_path / "copying.py").write_text(files()["copying.py"], encoding="utf-8")
    lines = [line for line in commands() if line.startswith("interlock ")]
    listed, dry, other, drawn = (good(python, "-m", *shlex.split(line), cwd=tmp_path) for line in lines)
    assert "dryrun 0.1.0 (interlock-dryrun), loaded" in listed
    assert "adds to task-run: signals REHEARSE; states Rehearsed" in listed
    assert "copying a" not in dry
    assert "copying a" in other
    assert "copying b" in other
    assert "Rehearsed" in drawn
    assert "copying a" in good(python, "-m", "interlock", "run", "copying.py", cwd=tmp_path)


def test_it_can_be_kept_out(python: Path, tmp_path: Path) -> None:
    """Blocked, it is not imported, and everything is written; named all the same, that is an error."""
    (tmp_path / "copying.py").write_text(files()["copying.py"], encoding="utf-8")
    run = [python, "-m", "interlock", "run", "copying.py", "-p", "dry_run=true"]
    assert "copying a" in good(*run, cwd=tmp_path, INTERLOCK_BLOCK_PLUGINS="dryrun")
    code, said = called(*run, "--plugin", "dryrun", cwd=tmp_path, INTERLOCK_BLOCK_PLUGINS="other,dryrun")
    assert (code, "plugin 'dryrun', load: is blocked" in said) == (2, True), said
    listed = good(python, "-m", "interlock", "plugins", cwd=tmp_path, INTERLOCK_BLOCK_PLUGINS="*")
    assert "dryrun 0.1.0 (interlock-dryrun), blocked: by INTERLOCK_BLOCK_PLUGINS" in listed


def test_it_is_used_by_every_flow_run_there_and_nowhere_else(python: Path, tmp_path: Path) -> None:
    """Installed, it is loaded without being named; here it is not installed."""
    code = "from interlock import load_plugins; print(load_plugins().names)"
    assert "dryrun" in good(python, "-c", code, cwd=tmp_path)
    assert "dryrun" not in {point.name for point in importlib.metadata.entry_points(group="interlock")}


def test_a_broken_one_is_told_of_and_left_out(python: Path, tmp_path: Path) -> None:
    """A plugin that cannot be imported keeps no flow from running."""
    (tmp_path / "interlock_dryrun.py").write_text("raise RuntimeError('not today')\n", encoding="utf-8")
    (tmp_path / "copying.py").write_text(files()["copying.py"], encoding="utf-8")
    where = {"PYTHONPATH": os.pathsep.join([str(tmp_path), *filter(None, [os.environ.get("PYTHONPATH")])])}
    listed = good(python, "-m", "interlock", "plugins", cwd=tmp_path, **where)
    assert "dryrun 0.1.0 (interlock-dryrun), broken" in listed
    assert "not today" in listed
    said = good(python, "-m", "interlock", "run", "copying.py", cwd=tmp_path, **where)
    assert "it is left out" in said
    assert "copying a" in said
