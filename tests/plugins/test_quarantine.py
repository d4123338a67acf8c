"""The plugin `quarantine`: a poisonous element of a map is set aside, the rest goes on, and it is told."""

from __future__ import annotations

import json
import logging
import pickle
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from acts import Told, it
from hypothesis import given
from hypothesis import strategies as st

from interlock import Flow, Plugins, Run, hookimpl, pause_task, states, task
from interlock.control_flow import FilterTask
from interlock.signals import CANCEL, FAIL, LOOP, PAUSE, RETRY, TRIGGERFAIL, VALIDATIONFAIL, Signal
from interlock.states import State
from interlock_quarantine import EXTENSION, QUARANTINE, Quarantine, Quarantined


class Poison:
    """A body that fails for some elements, and counts its calls."""

    def __init__(self, *poisonous: int, by: Callable[[int], BaseException] | None = None) -> None:
        self.calls: Counter[int] = Counter()
        self._poisonous = poisonous
        self._by = by or (lambda x: ValueError(f"{x} is odd"))

    def __call__(self, x: int) -> int:
        self.calls[x] += 1
        if x in self._poisonous:
            raise self._by(x)
        return x * 10


def run(body: Callable[..., object], quarantine: object, **options: Any) -> tuple[State, State]:
    """Run a flow of a task mapped over 0 to 3; return its state, and that of the task. Any: options of the task."""
    with Flow("of rows") as flow:
        node = it(task(name="load", tags=["rows"], **options)(body).map([0, 1, 2, 3]))
    state = flow.run(plugins=[quarantine])
    return state, state.result[node]


def kinds(state: State) -> list[str]:
    return [type(child).__name__ for child in getattr(state, "map_states", ())]


# What is set aside


def test_the_nth_failure_sets_an_element_aside() -> None:
    """It is called so often and no more, though its task would give it more; the others are done."""
    quarantine, body = Quarantine(after=3), Poison(1)
    state, node = run(body, quarantine, max_retries=10)
    assert (type(state), type(node)) == (states.Success, states.Mapped)
    assert kinds(node) == ["Success", "Quarantined", "Success", "Success"]
    assert node.result == [0, None, 20, 30]
    assert body.calls == {0: 1, 1: 3, 2: 1, 3: 1}
    aside = node.map_states[1]  # type: ignore[attr-defined]
    assert (aside.message, aside.failures, aside.result) == ("ValueError: 1 is odd", 3, None)
    assert "raise self._by(x)" in aside.error
    assert (aside.is_skipped(), aside.is_successful(), aside.is_failed()) == (True, True, False)


@pytest.mark.parametrize(
    ("after", "last", "retries", "calls", "kind"),
    [
        (1, False, 0, 1, "Quarantined"),
        (1, False, 5, 1, "Quarantined"),
        (2, False, 1, 2, "Quarantined"),
        (3, False, 1, 2, "Failed"),
        (3, True, 1, 2, "Quarantined"),
        (3, True, 0, 1, "Quarantined"),
        (3, True, 5, 3, "Quarantined"),
    ],
)
def test_failures_and_attempts(after: int, last: bool, retries: int, calls: int, kind: str) -> None:
    """With fewer attempts than that an element fails as it would; where its last failure is enough, it does not."""
    body = Poison(1)
    _, node = run(body, Quarantine(after=after, last=last), max_retries=retries)
    assert (kinds(node)[1], body.calls[1]) == (kind, calls)


def test_the_last_failure_is_that_of_the_table() -> None:
    """What `retry_on` does not name is a last failure, too: the table is asked, not counted after."""
    body = Poison(1)
    _, node = run(body, Quarantine(last=True), max_retries=5, retry_on=KeyError)
    assert (kinds(node)[1], body.calls[1]) == ("Quarantined", 1)


@pytest.mark.parametrize("signal", [FAIL("no"), VALIDATIONFAIL("no"), TRIGGERFAIL("no")], ids=lambda each: each.name)
def test_every_failure_counts(signal: Signal) -> None:
    """In whatever way an element fails, it has failed; what it said is kept."""
    _, node = run(Poison(1, 2, by=lambda x: signal), Quarantine(after=2), max_retries=1)
    assert kinds(node) == ["Success", "Quarantined", "Quarantined", "Success"]
    assert node.map_states[1] == Quarantined("no", error="no", failures=2)  # type: ignore[attr-defined]


def test_a_timeout_counts() -> None:
    """An element whose work never ends is set aside as one that fails."""
    go = threading.Event()
    with Flow("slow") as flow:
        node = it(task(timeout=0.05, max_retries=1)(lambda x: go.wait(30) if x else x).map([0, 1]))
    quarantine = Quarantine(after=1)
    state = flow.run(plugins=[quarantine], grace=0.01)
    go.set()
    assert kinds(state.result[node]) == ["Success", "Quarantined"]
    assert "longer than 0.05 s" in str(quarantine.report()[0].error)


def test_what_is_no_failure_does_not_count() -> None:
    """Attempts that the work asks for, turns of a loop and pauses are none."""
    acts: list[object] = [RETRY("a"), LOOP(result=1), PAUSE("b"), FAIL("c"), RETRY("d"), 5]

    def body(x: int) -> object:
        act = acts.pop(0)
        if isinstance(act, BaseException):
            raise act
        return act

    plugins = Plugins(Quarantine(after=2))
    with Flow("acts") as flow:
        node = it(task(max_retries=1)(body).map([0]))
    state = flow.resume(flow.run(plugins=plugins), plugins=plugins)
    assert state.result[node].result == [5]


def test_what_is_not_mapped_fails_as_it_would() -> None:
    """A task that is not mapped has no element to set aside; but its body may say that it is to be."""
    plugins = Plugins(Quarantine(after=1))
    with Flow("single") as flow:
        bad = it(task(lambda: 1 / 0)())
        said = it(task(raises(QUARANTINE("poison")))())
    state = flow.run(plugins=plugins)
    assert type(state.result[bad]) is states.Failed
    assert state.result[said] == Quarantined("poison")


def raises(error: BaseException) -> Callable[..., object]:
    def body(x: object = None) -> object:
        raise error

    return body


def test_a_body_may_say_so_itself() -> None:
    """No retry follows on QUARANTINE, and the report has it."""
    quarantine = Quarantine()
    _, node = run(Poison(2, by=lambda x: QUARANTINE("no such row")), quarantine, max_retries=5)
    assert kinds(node) == ["Success", "Success", "Quarantined", "Success"]
    (found,) = quarantine.report()
    assert (found.name, found.error, found.failures) == ("load-1[2]", "no such row", 0)


def test_only_tasks_with_a_tag() -> None:
    """Where tags are given, others fail as they would."""
    assert kinds(run(Poison(1), Quarantine(1, tags="rows"))[1])[1] == "Quarantined"
    assert kinds(run(Poison(1), Quarantine(1, tags=["other"]))[1])[1] == "Failed"


def test_no_more_than_so_many_of_a_map() -> None:
    """Where everything fails it is not the elements: those over the number fail as they would, in each map anew."""
    quarantine = Quarantine(1, at_most=2)
    for _ in range(2):
        state, node = run(Poison(0, 1, 2, 3), quarantine)
        assert kinds(node) == ["Quarantined", "Quarantined", "Failed", "Failed"]
        assert state.is_failed()
    assert kinds(run(Poison(1), Quarantine(1, at_most=0))[1])[1] == "Failed"


def test_a_gate_that_says_no_is_not_the_element() -> None:
    """What fails before its body was called fails as it would."""

    def no(upstreams: object) -> bool:
        raise FAIL("not today")

    quarantine = Quarantine(after=1)
    _, node = run(Poison(), quarantine, trigger=no)
    assert node.map_states == (states.Failed("not today"),) * 4  # type: ignore[attr-defined]
    assert quarantine.report() == ()


def test_what_was_told_is_not_told_again(tmp_path: Path) -> None:
    """A flow run that rests for a person and goes on adds each element to the file once."""
    file, plugins = tmp_path / "aside.jsonl", Plugins(Quarantine(after=1, to=tmp_path / "aside.jsonl"))
    with Flow("rests") as flow:
        task(Poison(1)).map([0, 1])
        task(pause_task)()
    rested = flow.run(plugins=plugins)
    assert rested.is_paused()
    assert flow.resume(rested, plugins=plugins).is_successful()
    assert len(file.read_text(encoding="utf-8").splitlines()) == 1


def test_another_plugin_may_have_set_it_aside() -> None:
    """What another object did is in its report alone."""

    class Other:
        @hookimpl
        def before_step(self, signal: object) -> object:
            return QUARANTINE("mine") if isinstance(signal, FAIL) else None

    quarantine = Quarantine(1)
    with Flow("others") as flow:
        node = it(task(Poison(1)).map([0, 1]))
    state = flow.run(plugins=[quarantine, Other()])
    assert state.result[node].map_states[1] == Quarantined("mine")
    assert quarantine.report() == ()


# The rest


def test_the_rest_goes_on() -> None:
    """In a chain of maps what comes behind is skipped for that element; `FilterTask` leaves it out of a whole."""
    with Flow("rest") as flow:
        rows = it(task(name="load")(Poison(1)).map([0, 1, 2]))
        after = it(task(lambda x: x + 1).map(rows))
        clean = it(FilterTask()(rows))
        total = it(task(lambda xs: sum(xs))(clean))
        whole = it(task(lambda xs: xs)(rows))
        asked = it(task(skip_on_upstream_skip=False)(lambda xs: xs)(rows))
    state = flow.run(plugins=[Quarantine(after=1)])
    assert state.is_successful()
    result = state.result
    assert (result[after].result, kinds(result[after])) == ([1, None, 21], ["Success", "Skipped", "Success"])
    assert (result[clean].result, result[total].result) == ([0, 20], 20)
    assert type(result[whole]) is states.Skipped
    assert result[asked].result == [0, None, 20]


def test_what_is_being_cancelled_is_not_set_aside() -> None:
    """Whatever the work says, it was stopped."""
    machine = Plugins(Quarantine()).machine("task-run")
    assert machine.check().ok
    run = Run(machine, plugins=[Quarantine(1)])
    for signal in ("START", CANCEL(), QUARANTINE("no")):
        run.send(signal)
    assert run.state == "Cancelled"
    assert EXTENSION.missing() == []


@given(
    chances=st.lists(st.integers(0, 5), max_size=8),
    after=st.integers(1, 4),
    retries=st.integers(0, 4),
    last=st.booleans(),
)
def test_every_element_ends_as_it_must(chances: list[int], after: int, retries: int, last: bool) -> None:
    """Whatever fails how often: who fails `after` times is set aside, who runs out of attempts before fails."""
    left = dict(enumerate(chances))

    def body(x: int) -> int:
        if left[x]:
            left[x] -= 1
            raise ValueError(x)
        return x

    quarantine = Quarantine(after, last=last)
    with Flow("drawn") as flow:
        node = it(task(max_retries=retries)(body).map(list(range(len(chances)))))
    found = flow.run(plugins=[quarantine]).result[node]
    for place, (child, chance) in enumerate(zip(found.map_states, chances, strict=True)):
        allowed = min(after, retries + 1)
        ends = "Quarantined" if last or after <= retries + 1 else "Failed"
        assert type(child).__name__ == ("Success" if chance < allowed else ends)
        assert left[place] == max(0, chance - allowed)
    aside = [each.index for each in quarantine.report()]
    assert sorted(aside, key=str) == [p for p, child in enumerate(found.map_states) if isinstance(child, Quarantined)]


# The report


def test_the_report(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """It has each element with what its body was called with; a line is logged, and the file has one for each."""
    file = tmp_path / "set aside.jsonl"
    quarantine = Quarantine(after=2, to=file)
    with caplog.at_level(logging.WARNING, "interlock.quarantine"):
        state, _ = run(Poison(1, 3), quarantine, max_retries=5)
    first, second = sorted(quarantine.report(), key=lambda each: each.name)
    assert (first.flow, first.task, first.index, first.failures) == ("of rows", "load-1", 1, 2)
    assert (first.inputs, second.inputs) == ({"x": 1}, {"x": 3})
    assert (first.error, first.flow_run_id) == ("ValueError: 1 is odd", state.result.context["flow_run_id"])
    assert [record.getMessage() for record in caplog.records] == [
        "flow 'of rows': set aside 2 of its elements: "
        "load-1[1] (ValueError: 1 is odd), load-1[3] (ValueError: 3 is odd)"
    ]
    lines = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    assert [(line["task"], line["index"], line["inputs"]) for line in lines] == [
        ("load-1", 1, {"x": "1"}),
        ("load-1", 3, {"x": "3"}),
    ]
    assert "raise self._by(x)" in lines[0]["traceback"]


def test_each_flow_run_has_its_own(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The file grows, a report can be asked for one flow run, and what was told is not told again."""
    file = tmp_path / "aside.jsonl"
    quarantine = Quarantine(after=1, to=str(file))
    ended = [run(Poison(x), quarantine)[0] for x in (1, 2)]
    ids = [state.result.context["flow_run_id"] for state in ended]
    assert [[each.index for each in quarantine.report(one)] for one in ids] == [[1], [2]]
    assert len(file.read_text(encoding="utf-8").splitlines()) == 2
    caplog.clear()
    run(Poison(), quarantine)
    assert caplog.records == []
    quarantine.clear()
    assert quarantine.report() == ()


def test_many_are_told_in_a_line(caplog: pytest.LogCaptureFixture) -> None:
    """Ten are named, the others counted."""
    with Flow("many") as flow:
        task(name="bad")(raises(FAIL("no"))).map(list(range(13)))
    flow.run(plugins=[Quarantine(after=1)])
    assert caplog.records[0].getMessage().endswith("bad-1[9] (no) and 3 more")


def test_a_file_that_cannot_be_written_is_reported(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The flow run is as it is; what went wrong is logged with the plugin's name."""
    state, _ = run(Poison(1), Quarantine(after=1, to=tmp_path / "no" / "file"))
    assert state.is_successful()
    assert any("Quarantine" in record.getMessage() and "after_flow" in record.getMessage() for record in caplog.records)


def test_in_threads(tmp_path: Path) -> None:
    """Where bodies are under way at once, the same elements are set aside."""
    quarantine = Quarantine(after=2)
    with Flow("threads") as flow:
        node = it(task(max_retries=3)(lambda x: 1 / (x % 7)).map(list(range(100))))
    state = flow.run(executor="threads", plugins=[quarantine])
    assert [each.index for each in sorted(quarantine.report(), key=lambda each: each.index or 0)] == list(
        range(0, 100, 7)
    )
    assert kinds(state.result[node]).count("Quarantined") == 15


@pytest.mark.parametrize("thing", [QUARANTINE("x", error="e", failures=2), Quarantined("x", error="e", failures=2)])
def test_what_it_adds_pickles(thing: Any) -> None:
    """States and signals can be sent to another process. Any: either."""
    again = pickle.loads(pickle.dumps(thing))
    assert (type(again), again.message, repr(again)) == (type(thing), "x", repr(thing))


@pytest.mark.parametrize("options", [{"after": 0}, {"after": 1.5}, {"at_most": -1}, {"after": True}])
def test_numbers_without_a_meaning(options: dict[str, Any]) -> None:
    """What is no number of failures is refused where it is made. Any: so."""
    (name,) = options
    with pytest.raises(ValueError, match=f"{name}={options[name]!r}; it must be a whole number"):
        Quarantine(**options)


def test_told_steps_say_who_chose() -> None:
    """The story of a child says what came, and that the plugin chose."""
    told = Told()
    with Flow("told") as flow:
        task(Poison(0)).map([0])
    flow.run(plugins=[Quarantine(after=1), told])
    assert "Running -QUARANTINE-> Quarantined (asked: FAIL, chosen by Quarantine)" in told.tasks


# The command line

SOURCE = """
from interlock import Flow, task

@task(max_retries=5)
def load(row):
    return int(row)

with Flow("loading") as flow:
    load.map(["1", "two"])
"""


def test_the_command_line_has_options(tmp_path: Path) -> None:
    """A number and a file are given with the name, and what was set aside is told."""
    (tmp_path / "loading.py").write_text(SOURCE, encoding="utf-8")
    words = ["run", "loading.py", "--plugin", "quarantine:after=2,to=aside.jsonl"]
    line = [sys.executable, "-m", "interlock", *words]
    done = subprocess.run(line, cwd=tmp_path, capture_output=True, text=True, encoding="utf-8", check=False)
    assert done.returncode == 0, done.stderr
    assert "set aside 1 of its elements: load-1[1] (ValueError" in done.stderr
    (found,) = (json.loads(line) for line in (tmp_path / "aside.jsonl").read_text(encoding="utf-8").splitlines())
    assert (found["index"], found["inputs"], found["failures"]) == (1, {"row": "'two'"}, 2)
