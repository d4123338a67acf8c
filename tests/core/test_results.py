"""Results that are stored: where, when, what a target spares, and what happens if storing or reading fails."""

from __future__ import annotations

import json
import pickle
import threading
from pathlib import Path
from typing import Any

import attrs
import pytest
from acts import Told, does, flow_of, it, placed, refused

from interlock import Flow, Parameter, Task, case, context, pause_task, signals, states, task, unmapped
from interlock._commands import Call, Look, Store
from interlock._data import Found
from interlock._flow_runner import FlowRunner
from interlock._plan import plan
from interlock.results import JSONSerializer, LocalResult, PickleSerializer, Result
from interlock.signals import FAIL, LOOP, SUCCESS
from interlock.states import Cached, Failed, State, Success


def files(folder: Path) -> dict[str, bytes]:
    """Return the files in a folder and below, by path, and what is in them."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def noted(calls: list[int], number: int) -> int:
    """Take note of a call, and return its argument."""
    calls.append(number)
    return number


@attrs.define
class Memory:
    """A place that is no file system, and takes note of what it is asked."""

    location: str | None = None
    held: dict[str, Any] = attrs.Factory(dict)
    asked: list[str] = attrs.Factory(list)
    full: bool = False

    def exists(self, location: str) -> bool:
        self.asked.append(f"exists {location}")
        return location in self.held

    def read(self, location: str) -> Any:
        self.asked.append(f"read {location}")
        return self.held[location]

    def write(self, location: str, value: Any) -> None:
        self.asked.append(f"write {location}")
        if self.full:
            raise OSError("no space left")
        self.held[location] = value


# Files

VALUES: list[Any] = [1, 1.5, "a\nb \ud7ff é", None, True, [1, [2]], {"a": {"b": []}}]


@pytest.mark.parametrize("value", VALUES)
@pytest.mark.parametrize("serializer", [PickleSerializer(), JSONSerializer()], ids=["pickle", "json"])
def test_a_file_holds_a_value(tmp_path: Path, serializer: Any, value: object) -> None:
    """What was written is read back, and nothing but the file is left; folders are made."""
    place = LocalResult(tmp_path / "new", serializer=serializer)
    assert not place.exists("a/b")
    place.write("a/b", value)
    assert place.exists("a/b")
    assert place.read("a/b") == value
    place.write("a/b", [value])
    assert place.read("a/b") == [value]
    assert list(files(tmp_path)) == ["new/a/b"]
    assert isinstance(place, Result)


def test_pickles_hold_what_a_module_does_not(tmp_path: Path) -> None:
    """A function that is in no module is pickled too; JSON is as a person would write it."""
    place = LocalResult(tmp_path)
    place.write("f", lambda x: x + 1)
    assert place.read("f")(1) == 2
    LocalResult(tmp_path, serializer=JSONSerializer()).write("j", {"a": "é"})
    assert (tmp_path / "j").read_text(encoding="utf-8") == '{"a": "é"}'


def test_a_file_that_cannot_be_written_is_as_before(tmp_path: Path) -> None:
    """Nothing is left of a value that cannot be written, and what was there stays."""
    place = LocalResult(tmp_path)
    place.write("x", 1)
    with pytest.raises(TypeError, match="cannot pickle"):
        place.write("x", [b"much" * 10**6, threading.Lock()])
    with pytest.raises(TypeError, match="not JSON serializable"):
        LocalResult(tmp_path, serializer=JSONSerializer()).write("y", object())
    assert place.read("x") == 1
    assert list(files(tmp_path)) == ["x"]


def test_where_files_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Locations are relative to the folder; without one they are in the user's own."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    assert LocalResult().path("a") == tmp_path / ".interlock" / "results" / "a"
    assert LocalResult("here").path("a") == Path.cwd() / "here" / "a"
    assert LocalResult("here").path(str(tmp_path / "b")) == tmp_path / "b"


# What is stored, and where


def test_a_result_is_stored_at_a_place_of_its_own(tmp_path: Path) -> None:
    """Without a location, each run of a task and each child has a file of its own; None is not stored."""
    with Flow("a/b") as flow:
        task(result=LocalResult(tmp_path), name="x y")(lambda: 1)()
        task(result=LocalResult(tmp_path))(lambda n: n).map([1, 2])
        task(result=LocalResult(tmp_path), name="nothing")(lambda: None)()
    first, second = (flow.run(context={"flow_run_id": name}) for name in ("one", "two"))
    assert first.is_successful()
    assert second.is_successful()
    each = ("%3Clambda%3E-1-0", "%3Clambda%3E-1-1", "x y-1")
    assert set(files(tmp_path)) == {f"a%2Fb/{run}/{name}" for run in ("one", "two") for name in each}
    assert LocalResult(tmp_path).read("a%2Fb/two/%3Clambda%3E-1-1") == 2


@pytest.mark.parametrize("where", ["{flow_name}/{day}-{n}", lambda flow_name, day, n, **_: f"{flow_name}/{day}-{n}"])
def test_a_location_is_made_of_what_is_known(where: Any) -> None:
    """A location is a template or a callable of the context, the parameters and the inputs."""
    place = Memory(where)
    with Flow("made") as flow:
        placed(task(result=place)(lambda n, day: n * 2), n=3, day=Parameter("day"))
    assert flow.run(day="mon").is_successful()
    assert place.held == {"made/mon-3": 6}


def test_who_stores(tmp_path: Path) -> None:
    """The flow's place is for every task that has none of its own, but not for parameters, constants and the like."""
    mine, flows = Memory("mine"), Memory("{task_slug}")
    with Flow("who", result=flows) as flow:
        task(result=mine)(lambda: 1)()
        x = task(name="x")(lambda p: p)(Parameter("p", 2))
        y = task(name="y", checkpoint=False)(lambda x: [x])([x, 1])
        with case(x, 2):
            task(name="z")(lambda y: y)(y[0])
    assert flow.run().is_successful()
    assert mine.held == {"mine": 1}
    assert flows.held == {"x-1": 2, "z-1": [2, 1]}
    asked: list[bool] = []
    for options in ({}, {"result": mine}, {"target": str(tmp_path / "t")}, {"result": mine, "checkpoint": False}):
        flow_of(lambda: asked.append(context.checkpointing), **options)[0].run()
    assert asked == [False, True, True, False]


def test_checkpoint_alone_stores_in_the_folder_of_the_user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`checkpoint=True` is never silently nothing."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    assert flow_of(lambda: 1, checkpoint=True)[0].run().is_successful()
    assert len(files(tmp_path / ".interlock" / "results")) == 1


def test_what_is_no_result_of_work_is_not_stored() -> None:
    """What a skip, a failure or ENDRUN carries is not stored; what SUCCESS and LOOP carry is."""
    acts = {
        "skip": signals.SKIP("no"),
        "fail": FAIL(result=1),
        "endrun": signals.ENDRUN(Success(result=1)),
        "success": SUCCESS(result=1),
    }
    for name, act in acts.items():
        place = Memory("here")
        flow_of(does(act), result=place)[0].run()
        assert place.held == ({"here": 1} if name == "success" else {}), name


def test_every_turn_is_stored() -> None:
    """What a turn of a loop hands on is stored before the next one begins."""
    place, seen = Memory("here"), list[object]()

    def turn() -> int:
        number: int = context.get("task_loop_result", 0)
        seen.append(dict(place.held))
        if number < 2:
            raise LOOP(result=number + 1)
        return number * 10

    assert flow_of(turn, result=place)[0].run().is_successful()
    assert seen == [{}, {"here": 1}, {"here": 2}]
    assert place.held == {"here": 20}


# Targets


def test_a_target_that_exists_spares_the_work(tmp_path: Path) -> None:
    """What is there is read, the body is not called, and the task ends in Cached; those behind it get the result."""
    calls: list[int] = []
    options: dict[str, Any] = {"target": "{n}.json", "result": LocalResult(tmp_path, serializer=JSONSerializer())}
    with Flow("once") as flow:
        first = placed(task(**options)(lambda n: {"n": noted(calls, n)}), 3)
        behind = it(task(lambda x: x["n"] + 1)(first))
    told = Told()
    state = flow.run(plugins=[told])
    assert state.result[first] == Success(None, {"n": 3})
    assert json.loads((tmp_path / "3.json").read_bytes()) == {"n": 3}
    assert told.tasks[:2] == ["Pending -START-> Running", "Running -SUCCESS-> Success"]
    state, told = flow.run(plugins=[told := Told()]), told
    assert state.result[first] == Cached("The target 3.json exists", {"n": 3})
    assert told.tasks[0] == "Pending -CACHE-> Cached"
    assert state.result[behind].result == 4
    assert calls == [3]


def test_each_child_has_its_target(tmp_path: Path) -> None:
    """A mapped task looks for the target of each child; where the template says nothing of a child it is refused."""
    calls: list[int] = []
    place = LocalResult(tmp_path)
    work = task(target="{n}.bin", result=place)(lambda n: noted(calls, n))
    for numbers in ([1, 2], [2, 3]):
        with Flow("each") as flow:
            node = it(work.map(numbers))
        children = flow.run().result[node].map_states
    assert [type(child) for child in children] == [Cached, Success]
    assert calls == [1, 2, 3]
    with Flow("same") as flow:
        task(name="w", target="{flow_name}/all.bin")(lambda n: n).map([1])
    assert refused(flow.run) == (
        "task 'w': its children would all be stored at '{flow_name}/all.bin'; name what tells them apart, such as "
        "{map_index}"
    )


def test_gates_come_before_the_target() -> None:
    """A task whose upstream failed or was skipped does not look; one that has no target there is not asked twice."""
    for first, end in ((FAIL("no"), states.TriggerFailed), (signals.SKIP("no"), states.Skipped)):
        place = Memory(held={"t": 1})
        with Flow("gates") as flow:
            node = it(task(target="t", result=place)(lambda x: x)(task(does(first))()))
        assert type(flow.run().result[node]) is end
        assert place.asked == []
    place = Memory()
    assert flow_of(lambda: 1, target="t", result=place)[0].run().is_successful()
    assert place.asked == ["exists t", "write t"]


def test_a_retry_looks_again() -> None:
    """All gates are asked again whenever a run becomes due: a target that came meanwhile serves."""
    place = Memory()

    def body() -> None:
        place.held["t"] = "from elsewhere"
        raise ValueError("no")

    flow, (node,) = flow_of(body, target="t", result=place, max_retries=1)
    assert flow.run().result[node] == Cached("The target t exists", "from elsewhere")


def test_a_turn_is_never_the_target() -> None:
    """What turns hand on is stored at a place of the run; between turns no target serves, nor what a turn left."""
    place, seen = Memory(), list[object]()

    def turn() -> object:
        seen.append(context.get("task_loop_result"))
        if len(seen) < 3:
            raise LOOP(result=len(seen))
        return "final"

    flow, (node,) = flow_of(turn, target="t", result=place)
    known = {"flow_run_id": "one"}
    assert flow.run(context=known).result[node] == Success(None, "final")
    assert seen == [None, 1, 2]
    assert place.held == {"of tasks/one/turn-1": 2, "t": "final"}
    assert flow.run(context=known).result[node] == Cached("The target t exists", "final")


def test_what_a_run_stored_itself_does_not_serve_it() -> None:
    """A handler that lets a success be done again is heard: the work is called again, and stored again."""
    place, calls = Memory(), list[int]()

    def body() -> str:
        return "good" if noted(calls, 1) and len(calls) > 1 else "bad"

    def checks(it: object, old: State, new: State) -> State | None:
        return states.Retrying("again") if isinstance(new, Success) and new.result == "bad" else None

    flow, (node,) = flow_of(body, target="t", result=place, state_handlers=[checks])
    assert flow.run().result[node] == Success(None, "good")
    assert (calls, place.held) == ([1, 1], {"t": "good"})


def test_places_of_runs_are_their_own(tmp_path: Path) -> None:
    """No input or parameter that is called like a key of the context leads to another place."""
    with Flow("..", result=LocalResult(tmp_path / "in")) as flow:
        Task.map(task(name="g")(lambda x, map_index, flow_name: x), [1, 2], unmapped(0), unmapped(5))
        task(name="h")(lambda p: p)(Parameter("flow_run_id"))
    assert flow.run(flow_run_id="../../out", context={"flow_run_id": "r"}).is_successful()
    assert set(files(tmp_path)) == {f"in/%2E%2E/r/{name}" for name in ("g-1-0", "g-1-1", "h-1")}


def test_a_resumed_flow_run_is_the_same_one() -> None:
    """Its context and its id are those that it began with, also from another process; more can be given."""
    place = Memory()

    def body() -> str:
        pause_task("look")
        return f"{context.flow_run_id} {context.get('shade')}"

    flow, (node,) = flow_of(body, target="{colour}", result=place)
    first = flow.run(context={"colour": "red", "lock": threading.Lock()})
    state = flow.resume(pickle.loads(pickle.dumps(first)), context={"shade": "dark"})
    assert place.held == {"red": f"{first.result.context['flow_run_id']} dark"}
    assert state.result[node].result == place.held["red"]


def test_json_changes_no_value_unseen(tmp_path: Path) -> None:
    """What JSON has not is refused: keys that are no texts, and numbers that are none."""
    place = LocalResult(tmp_path, serializer=JSONSerializer())
    for value, why in (({"a": [{1: 2}]}, "the key 1 is no text"), (float("nan"), "not JSON compliant")):
        with pytest.raises((TypeError, ValueError), match=why):
            place.write("x", value)
    assert files(tmp_path) == {}


# What goes wrong


class Unreadable:
    """A value whose pickle cannot be read back."""

    def __reduce__(self) -> Any:
        return _raise, ()


def _raise() -> None:
    raise RuntimeError("made elsewhere")


def test_a_result_that_cannot_be_stored_fails_the_attempt(tmp_path: Path) -> None:
    """It fails as the body would have, retries and all; the message says where and why, the result is the error."""
    place = Memory("here", full=True)
    flow, (node,) = flow_of(lambda: 1, result=place, max_retries=2)
    state = flow.run().result[node]
    assert state.message == "Its result could not be stored: here: OSError: no space left"
    assert isinstance(state.result, OSError)
    assert place.asked == ["write here"] * 3
    calls = iter([True, True, False])

    class Later(Memory):
        def write(self, location: str, value: Any) -> None:
            self.full = next(calls)
            super().write(location, value)

    flow, (node,) = flow_of(lambda: 1, result=Later("here"), max_retries=2)
    assert flow.run().result[node] == Success(None, 1)
    flow, (node,) = flow_of(lambda: threading.Lock(), target="x", result=LocalResult(tmp_path))
    state = flow.run().result[node]
    assert str(state.message).startswith("Its result could not be stored: x: TypeError: cannot pickle")
    assert files(tmp_path) == {}


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"{", "UnpicklingError: invalid load key, '{'."),
        (b"", "EOFError: Ran out of input"),
        (pickle.dumps(Unreadable()), "RuntimeError: made elsewhere"),
    ],
    ids=["nonsense", "empty", "raises"],
)
def test_a_target_that_cannot_be_read_fails_the_task_and_is_kept(tmp_path: Path, content: bytes, why: str) -> None:
    """What is there and cannot be read is nothing to write over: the task fails, and says which file it is."""
    (tmp_path / "t").write_bytes(content)
    flow, (node,) = flow_of(lambda: 1, target="t", result=LocalResult(tmp_path), max_retries=3)
    told = Told()
    state = flow.run(plugins=[told]).result[node]
    assert state.message == f"Before the start, looking for a kept result: t: {why}"
    assert told.tasks == ["Pending -FAIL-> Failed"]
    assert files(tmp_path) == {"t": content}


@pytest.mark.parametrize(
    ("where", "why"),
    [
        ("{nobody}", "KeyError: 'nobody'"),
        (lambda **known: 5, "TypeError: the location of its result is 5; it must be a text"),
        (lambda **known: "", "TypeError: the location of its result is ''; it must be a text"),
        (does(ValueError("no")), "TypeError: does.<locals>.work() got an unexpected keyword argument "),
        (lambda **known: does(signals.SKIP("no"))(), "no"),
    ],
    ids=["key", "number", "empty", "arguments", "signal"],
)
def test_a_location_that_cannot_be_made(where: Any, why: str) -> None:
    """A template or callable that fails fails the task: before the start as a target, behind it as a location."""
    flow, (node,) = flow_of(lambda: 1, target=where, result=Memory())
    state = flow.run().result[node]
    assert isinstance(state, Failed)
    assert str(state.message).startswith(f"Before the start, looking for a kept result: {why}")
    flow, (node,) = flow_of(lambda: 1, result=Memory(where))
    assert str(flow.run().result[node].message).startswith(f"Its result could not be stored: {why}")


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"result": 3}, "result=3; it must be a place for results, such as LocalResult('folder')"),
    (
        {"result": LocalResult},
        "result=<class 'interlock.results.LocalResult'>; it must be a place for results, such as LocalResult('folder')",
    ),
    ({"target": 3}, "target=3; it must be a template such as 'load {table}', or a callable"),
    ({"target": "{"}, "target='{': Single '{' encountered in format string"),
    ({"checkpoint": 1}, "checkpoint=1; it must be True, False or None"),
]


@pytest.mark.parametrize(("options", "message"), REFUSED, ids=[str(options) for options, _ in REFUSED])
def test_options_are_refused_when_the_task_is_made(options: dict[str, Any], message: str) -> None:
    """Bad values are refused at once, with what would have been right."""
    assert refused(lambda: task(name="t", **options)(lambda: 1)) == f"task 't': {message}"


def test_a_flow_takes_no_other_place() -> None:
    """As a task does."""
    assert refused(lambda: Flow("f", result="folder")) == (  # type: ignore[arg-type]
        "flow 'f': result='folder'; it must be a place for results, such as LocalResult('folder')"
    )


# Commands


@pytest.fixture
def stepped() -> tuple[FlowRunner, Memory]:
    place = Memory()
    flow, _ = flow_of(lambda: 1, target="t", result=place)
    return FlowRunner(plan(flow), {"flow_name": "f", "parameters": {}}), place


def test_the_store_precedes_the_outcome(stepped: tuple[FlowRunner, Memory]) -> None:
    """A runner asks for a look, then for the body, then for the store; only behind that the task has succeeded."""
    runner, _ = stepped
    runner.start(0.0)
    look = runner.next(0.0)
    assert isinstance(look, Look)
    (run,) = runner.board.all()
    assert run.run.state == "Pending"
    runner.receive(look, SUCCESS(result=Found(None, "t")), 1.0)
    call = runner.next(1.0)
    assert type(call) is Call
    assert run.run.state == "Running"
    runner.receive(call, SUCCESS(result=5), 2.0)
    assert run.run.state == "Running"
    store = runner.next(2.0)
    assert isinstance(store, Store)
    assert store.outcome.result == 5
    runner.receive(store, SUCCESS(), 3.0)
    assert run.state == Success(None, 5)


def test_a_flow_that_is_cancelled_meanwhile(stepped: tuple[FlowRunner, Memory]) -> None:
    """Before the start nothing starts any more, at whatever moment; behind it what was done may be kept."""
    for moment in range(4):
        runner = FlowRunner(stepped[0].plan, {"flow_name": "f", "parameters": {}})
        runner.start(0.0)
        answers = iter([SUCCESS(result=Found(None, "t")), SUCCESS(result=5), SUCCESS()])
        (run,) = runner.board.all()
        command, bodies = runner.next(0.0), 0
        for number in range(4):
            if number == moment:
                runner.cancel(1.0)
            if not isinstance(command, Call):
                break
            runner.receive(command, next(answers), 1.0)
            if number == moment - 1 and moment == 1:
                runner.cancel(1.0)
            command = runner.next(1.0)
            bodies += type(command) is Call
        assert runner.run.is_final
        ends = ["Cancelled", "Cancelled", "Success", "Success"]
        assert (moment, run.run.state, bodies) == (moment, ends[moment], int(moment > 1))


def test_a_state_is_what_it_is() -> None:
    """A result that is a state or a signal is data as any other."""
    place = Memory("here")
    given: State = states.Failed("data")
    flow, (node,) = flow_of(lambda: given, result=place)
    assert flow.run().result[node] == Success(None, given)
    assert place.held == {"here": given}
