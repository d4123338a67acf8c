"""The judge of the rows that the suite takes, judged itself."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from acts import does, flow_of
from row_coverage import Recorder, every, judged, listed, read, told, whole

from interlock import _begin

ROOT = Path(__file__).parent.parent
NONE: dict[str, object] = {"never": []}
START = ("task-run", "Pending", "START", "Running")


def test_the_list_is_of_rows_and_reasons() -> None:
    """Every entry names a row that there is, once, and a reason."""
    found, wrong = listed(read())
    assert wrong == []
    assert len(found) == sum(len(entry["rows"]) for entry in read()["never"])


def test_every_row_is_taken_or_listed() -> None:
    """A row in neither is told, and so is one in both, and an entry of no row or without a reason."""
    found, _ = listed(read())
    assert judged(every() - found, read()) == []
    assert judged(every() - found - {START}, read()) == [
        "task-run: Pending -START-> Running: no test takes it through flow.run, and rows.toml does not say why"
    ]
    again = sorted(found)[0]
    assert judged((every() - found) | {again}, read()) == [
        f"{told(again)}: it is taken after all; take it from rows.toml"
    ]
    entry = {"of": "task-run", "because": "", "rows": ["Pending -START-> Nowhere"]}
    assert judged(every(), {"never": [entry]}) == [
        f"rows.toml: {entry} gives no reason",
        "rows.toml: task-run: Pending -START-> Nowhere is no row of the table",
    ]


def test_what_flow_run_does_is_recorded(monkeypatch: pytest.MonkeyPatch) -> None:
    """The rows of a flow run and of its task runs are, children too; a flow under another table is not."""
    recorder = Recorder()
    monkeypatch.setattr(_begin, "driven", recorder.around(_begin.driven))
    flow, _ = flow_of(does(ValueError("no"), 1), max_retries=1)
    assert recorder.taken() == set()
    assert flow.run().is_successful()
    assert {told(row) for row in recorder.taken()} == {
        "task-run: Pending -START-> Running",
        "task-run: Running -FAIL-> Retrying",
        "task-run: Retrying -START-> Running",
        "task-run: Running -SUCCESS-> Success",
        "flow-run: Pending -START-> Running",
        "flow-run: Running -SUCCESS-> Success",
    }


@pytest.mark.parametrize(
    ("arguments", "keyword", "marker", "left_out", "judges"),
    [
        ([], "", "", 0, True),
        (["tests"], "", "", 0, True),
        ([str(ROOT)], "", "", 0, True),
        (["tests/core"], "", "", 0, False),
        (["tests/core/test_run.py::test_one"], "", "", 0, False),
        (["tests"], "run", "", 0, False),
        (["tests"], "", "not scale", 0, False),
        (["tests"], "", "", 1, False),
    ],
)
def test_only_the_whole_suite_judges(
    arguments: list[str], keyword: str, marker: str, left_out: int, judges: bool
) -> None:
    """A part of the suite, by whatever means it is chosen, does not judge."""
    assert whole(arguments, ROOT, keyword, marker, left_out) is judges


def test_a_part_of_the_suite_passes() -> None:
    """So it is in a run of pytest: what a part does not take is not held against it."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/core/test_gone.py"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    assert "rows of the tables" not in done.stdout
