"""The plugin `approval`: something is proposed, and done when somebody has approved it."""

from __future__ import annotations

import pickle
import subprocess
import sys
import threading
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from acts import Told, it, refused

from interlock import Flow, Machine, Plugins, Task, context, states, task
from interlock.signals import CANCEL, ENDRUN, FAIL, LOOP, PAUSE, RESUME, SKIP, Signal
from interlock.states import State
from interlock_approval import APPROVE, EXTENSION, PROPOSE, REJECT, Approval, AwaitingApproval, approved

PLUGINS = Plugins(Approval())


@task
def delete() -> str:
    answer = approved("delete 3 rows", proposal=[1, 2, 3])
    return f"approved by {answer.message}"


def deleting() -> tuple[Flow, Task]:
    with Flow("deleting") as flow:
        node = it(delete())
    return flow, node


# The life cycle


def test_the_extended_table_keeps_all_rules() -> None:
    """The table with the plugin's rows passes every check that the shipped one passes."""
    machine = PLUGINS.machine("task-run")
    assert machine.check().ok
    assert machine.next("Running", PROPOSE) == "AwaitingApproval"
    assert machine.next("AwaitingApproval", APPROVE) == "Scheduled"
    assert machine.next("AwaitingApproval", REJECT) == "Failed"
    assert machine.next("Cancelling", PROPOSE) == "Cancelled"
    assert PLUGINS.machine("flow-run") == Machine.load("flow-run")


def test_the_classes_are_those_of_the_table() -> None:
    """Every signal and state has its class here, under the family that the table gives, and takes its fields."""
    assert EXTENSION.missing() == []
    assert issubclass(AwaitingApproval, states.Paused)
    state = PROPOSE("x", proposal=1).state
    assert state == AwaitingApproval("x", proposal=1)
    assert (state.is_paused(), hash(state)) == (True, hash(AwaitingApproval("x")))
    with pytest.raises(TypeError, match=r"unknown field 'proposl'.*Did you mean 'proposal'"):
        PROPOSE("x", proposl=1)


@pytest.mark.parametrize("thing", [PROPOSE("x", proposal=[1]), APPROVE("ok"), AwaitingApproval("x", proposal=[1])])
def test_what_it_adds_pickles(thing: State | Signal) -> None:
    """States and signals can be sent to another process."""
    again = pickle.loads(pickle.dumps(thing))
    assert (type(again), again.message, again.result) == (type(thing), thing.message, thing.result)
    assert getattr(again, "proposal", None) == getattr(thing, "proposal", None)


# Answers


def test_an_approval_lets_the_body_do_it() -> None:
    """The flow rests, with what is proposed; the answer is what the body finds when it is called again."""
    told = Told()
    flow, node = deleting()
    plugins = Plugins(Approval(), told)
    rested = flow.run(plugins=plugins)
    assert type(rested) is states.Paused
    assert rested.result[node] == AwaitingApproval("delete 3 rows", proposal=[1, 2, 3])
    assert rested.result.waiting() == {"delete-1": rested.result[node]}
    ended = flow.resume(rested, signals={node: APPROVE("Ann")}, plugins=plugins)
    assert ended.result[node].result == "approved by Ann"
    start = "Pending -START-> Running"
    asked, answered = "Running -PROPOSE-> AwaitingApproval", "AwaitingApproval -APPROVE-> Scheduled"
    assert told.tasks == [start, asked, answered, "Scheduled -START-> Running", "Running -SUCCESS-> Success"]


ENDS = [(REJECT("too many"), "Failed"), (SKIP("not needed"), "Skipped"), (APPROVE("Ann"), "Success")]


@pytest.mark.parametrize(("answer", "after"), ENDS, ids=[after for _, after in ENDS])
def test_answers(answer: Signal, after: str) -> None:
    """A rejection fails the task run, a skip leaves out what is proposed; both keep their message."""
    flow, node = deleting()
    state = flow.resume(flow.run(plugins=PLUGINS), signals={node: answer}, plugins=PLUGINS).result[node]
    assert type(state).__name__ == after
    assert state.message == (None if after == "Success" else answer.message)


def test_it_cannot_be_waved_through() -> None:
    """RESUME is refused with its reason, and a resume without an answer leaves it where it is."""
    flow, node = deleting()
    rested = flow.run(plugins=PLUGINS)
    said = refused(lambda: flow.resume(rested, signals={node: RESUME()}, plugins=PLUGINS))
    assert "a proposal is answered, not waved through: APPROVE it, or REJECT it" in said
    assert said.endswith("people may say: CANCEL, APPROVE, REJECT")
    assert "APPROVE, REJECT" in refused(lambda: flow.resume(rested, [node], plugins=PLUGINS))
    still = flow.resume(rested, plugins=PLUGINS)
    assert still.result[node] == rested.result[node]


def test_a_flow_that_ends_cancels_what_waits() -> None:
    """Where a task run fails and the flow fails fast, a proposal is no longer one."""
    both = threading.Barrier(2, timeout=30)

    def bad() -> None:
        both.wait()
        raise FAIL("no")

    with Flow("fails fast") as flow:
        first = task(lambda: (approved("go"), both.wait()))()
        task(bad)()
    handle = flow.start(executor="threads", fail_fast=True, plugins=PLUGINS)
    while not handle.waiting():
        assert not handle.done()
    both.wait()
    state = handle.result(30)
    assert (type(state), type(state.result[first])) == (states.Failed, states.Cancelled)


@pytest.mark.parametrize("signal", [CANCEL(), ENDRUN(states.Success("as it is"))])
def test_rows_of_the_waiting_state(signal: Signal) -> None:
    """What waits can be cancelled, and ended; not ended as what still waits, for nobody could answer it then."""
    machine = PLUGINS.machine("task-run")
    carried = signal.carried if isinstance(signal, ENDRUN) else None
    assert machine.next("AwaitingApproval", signal.name, carried=carried) in ("Cancelled", "Success")
    assert "AwaitingApproval" not in machine.rows["AwaitingApproval"]["ENDRUN"].carries


# Several proposals


def test_proposals_of_one_body_add_up() -> None:
    """A second proposal does not make the run forget the first; each is asked once."""
    asked: list[str | None] = []

    @task(max_retries=1)
    def twice() -> list[str | None]:
        answers = [approved("stop the service").message, approved("delete it").message]
        if context.task_run_count == 1:
            raise ValueError("another attempt needs no other approval")
        return answers

    with Flow("twice") as flow:
        node = it(twice())
    state = flow.run(plugins=PLUGINS)
    for name in ("Ann", "Bob"):
        asked.append(state.result[node].message)
        state = flow.resume(state, signals={node: APPROVE(name)}, plugins=PLUGINS)
    assert asked == ["stop the service", "delete it"]
    assert state.result[node].result == ["Ann", "Bob"]


def test_an_approval_holds_for_one_turn() -> None:
    """In each turn of a loop it is proposed anew."""

    @task
    def turns() -> str | None:
        name = approved("go on").message
        if context.get("task_loop_count", 1) == 1:
            raise LOOP(result=name)
        return name

    with Flow("turns") as flow:
        node = it(turns())
    state = flow.run(plugins=PLUGINS)
    state = flow.resume(state, signals={node: APPROVE("Ann")}, plugins=PLUGINS)
    assert isinstance(state.result[node], AwaitingApproval)
    assert flow.resume(state, signals={node: APPROVE("Bob")}, plugins=PLUGINS).result[node].result == "Bob"


def test_an_approval_of_something_else_is_none() -> None:
    """What is approved is the message: another one is proposed again. A pause in between makes the run forget."""
    rows = [3]

    @task
    def deletes() -> int:
        approved(f"delete {rows[0]} rows")
        if rows[0] == 5:
            rows[0] = 6
            raise PAUSE("look")
        return rows[0]

    with Flow("changes") as flow:
        node = it(deletes())
    state = flow.run(plugins=PLUGINS)
    rows[0] = 5
    state = flow.resume(state, signals={node: APPROVE("Ann")}, plugins=PLUGINS)
    assert state.result[node].message == "delete 5 rows"
    state = flow.resume(state, signals={node: APPROVE("Ann")}, plugins=PLUGINS)
    assert type(state.result[node]) is states.Paused
    state = flow.resume(state, plugins=PLUGINS)
    assert state.result[node].message == "delete 6 rows"


# Before the start


def test_a_task_with_a_tag_is_proposed_before_it_starts() -> None:
    """Its body is not called before; a proposal of its own is another one, and no retry is asked about again."""
    told, called = Told(), [0]

    @task(tags=["dangerous"], max_retries=1)
    def launch() -> str | None:
        called[0] += 1
        if called[0] == 1:
            raise FAIL("again")
        return approved("launch 2").message

    with Flow("launching") as flow:
        harmless = it(task(lambda: 1)())
        node = it(launch())
    plugins = Plugins(Approval(tags="dangerous"), told)
    state = flow.run(plugins=plugins)
    assert (called, state.result[harmless].result) == ([0], 1)
    assert state.result[node] == AwaitingApproval("start launch")
    state = flow.resume(state, signals={node: APPROVE("Ann")}, plugins=plugins)
    assert (called, state.result[node].message) == ([2], "launch 2")
    state = flow.resume(state, signals={node: APPROVE("Bob")}, plugins=plugins)
    assert (called, state.result[node].result) == ([3], "Bob")
    assert told.tasks.count("Scheduled -PROPOSE-> AwaitingApproval (asked: START, chosen by Approval)") == 0


def test_a_rejected_start_calls_nothing() -> None:
    """What is rejected before its start fails without having begun."""
    called: list[int] = []
    with Flow("rejected") as flow:
        node = it(task(tags=["dangerous"])(lambda: called.append(1))())
    plugins = Plugins(Approval(tags=["dangerous", "costly"]))
    state = flow.resume(flow.run(plugins=plugins), signals={node: REJECT("no")}, plugins=plugins)
    assert (called, type(state.result[node])) == ([], states.Failed)


# Children, threads, processes


@task
def check(x: int) -> str:
    return f"{x} by {approved(f'delete {x}').message}" if x % 2 else str(x)


def test_children_propose_one_by_one() -> None:
    """A child is answered by its number; an answer to the task goes to all of its children that wait."""
    with Flow("children") as flow:
        node = it(check.map([0, 1, 2, 3, 4, 5]))
    state = flow.run(plugins=PLUGINS)
    waiting = state.result.waiting()
    assert list(waiting) == ["check-1[1]", "check-1[3]", "check-1[5]"]
    assert "check-1[0]" in refused(lambda: flow.resume(state, signals={"check-1[0]": APPROVE()}, plugins=PLUGINS))
    state = flow.resume(state, signals={"check-1[3]": REJECT("not 3")}, plugins=PLUGINS)
    assert list(state.result.waiting()) == ["check-1[1]", "check-1[5]"]
    state = flow.resume(state, signals={node: APPROVE("Ann")}, plugins=PLUGINS)
    found = state.result[node]
    assert found.result == ["0", "1 by Ann", "2", None, "4", "5 by Ann"]
    assert found.map_states[3] == states.Failed("not 3")


def test_answers_from_another_thread_while_others_run_and_at_rest() -> None:
    """What waits is answered while other children are under way, and when the flow rests: it goes on by itself."""
    go = threading.Event()

    @task
    def some(x: int) -> object:
        return approved("go").message if x else go.wait(30)

    with Flow("handled") as flow:
        node = it(some.map([0, 1, 2]))
    handle = flow.start(executor="threads", plugins=PLUGINS)
    while len(handle.waiting()) < 2:
        assert not handle.done()
    assert "APPROVE, REJECT" in refused(lambda: handle.send(node, RESUME()))
    handle.send("some-1[1]", APPROVE("while it runs"))
    while "some-1[1]" in handle.waiting():
        assert not handle.done()
    go.set()
    rested = handle.result(30)
    assert list(rested.result.waiting()) == list(handle.waiting()) == ["some-1[2]"]
    handle.send(node, APPROVE("at rest"))
    assert handle.result(30).result[node].result == [True, "while it runs", "at rest"]
    assert handle.waiting() == {}
    assert "it ended in <Success" in refused(lambda: handle.send(node, APPROVE("late")))


def test_a_body_in_another_process_proposes() -> None:
    """What is proposed there and what was answered comes back and forth."""
    flow, node = deleting()
    with ProcessPoolExecutor(1) as pool:
        rested = flow.run(executor=pool, plugins=PLUGINS)
        assert rested.result[node] == AwaitingApproval("delete 3 rows", proposal=[1, 2, 3])
        state = flow.resume(rested, signals={node: APPROVE("Ann")}, executor=pool, plugins=PLUGINS)
    assert state.result[node].result == "approved by Ann"


# The command line

SOURCE = """
from interlock import Flow, task
from interlock_approval import approved

@task
def delete():
    return approved("delete 3 rows", proposal=[1, 2, 3]).message

with Flow("deleting") as flow:
    delete()
"""


def command(*words: str, cwd: Path) -> tuple[int, str]:
    """Call the command line in a process of its own; return its exit code, and all that it says."""
    line = [sys.executable, "-m", "interlock", *words, "--plugin", "approval"]
    done = subprocess.run(line, cwd=cwd, capture_output=True, text=True, encoding="utf-8", check=False)
    return done.returncode, done.stdout + done.stderr


def test_the_command_line_answers(tmp_path: Path) -> None:
    """A flow that rests in a file is answered by another process, by name and text."""
    (tmp_path / "deleting.py").write_text(SOURCE, encoding="utf-8")
    code, said = command("run", "deleting.py", "--save", "kept.state", cwd=tmp_path)
    assert (code, "delete 3 rows" in said) == (3, True), said
    code, said = command("resume", "deleting.py", "kept.state", cwd=tmp_path)
    assert code == 3, said
    code, said = command("resume", "deleting.py", "kept.state", "--signal", "delete-1=RESUME", cwd=tmp_path)
    assert (code, "APPROVE it, or REJECT it" in said) == (2, True), said
    code, said = command("resume", "deleting.py", "kept.state", "--signal", "delete-1=APPROVE:ok", cwd=tmp_path)
    assert code == 0, said


def test_options_are_refused_with_their_name() -> None:
    """What a tag is may be one name or several; nothing else is an option."""
    wrong: Any = {"tag": "dangerous"}
    with pytest.raises(TypeError, match="tag"):
        Approval(**wrong)


def test_the_plugin_changes_nothing_for_others(monkeypatch: pytest.MonkeyPatch) -> None:
    """A flow that proposes nothing does the same with the plugin as without."""

    def state_of(plugins: Any) -> State:
        with Flow("same") as flow:
            task(lambda x: x).map([1, 2])
        return flow.run(plugins=plugins)

    assert repr(state_of([]).result) == repr(state_of(PLUGINS).result)
