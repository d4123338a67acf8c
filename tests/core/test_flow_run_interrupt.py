"""Ctrl-C: it cancels the flow run, and every task's state is known."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable

import pytest

from interlock import Flow, Task, _drive, hookimpl, states, task, triggers
from interlock._hooks import RunView
from interlock._story import Step
from interlock.signals import ENDRUN, FAIL, PAUSE
from interlock.states import Cancelled, Failed, Mapped, Paused, State, Success

STOPPED = Cancelled("The flow run was cancelled")


def ctrl_c() -> None:
    """Do what a person's Ctrl-C does."""
    signal.raise_signal(signal.SIGINT)


def raises() -> None:
    raise KeyboardInterrupt


class Presses:
    """Presses Ctrl-C when a step was taken, as often as told."""

    def __init__(self, at: str, times: int = 1, lifecycle: str = "task-run") -> None:
        self.at, self.times, self.lifecycle = at, times, lifecycle

    @hookimpl
    def after_step(self, run: RunView, step: Step) -> None:
        if run.lifecycle == self.lifecycle and self.times and str(step) == self.at:
            self.times -= 1
            ctrl_c()


STOPS: list[Callable[[], None]] = [ctrl_c, raises]


@pytest.mark.parametrize("stop", STOPS)
def test_an_interrupt_cancels_the_flow(stop: Callable[[], None]) -> None:
    """What is over stays, the body that was called is cancelled, nothing else starts, and all states are known."""
    ran: list[str] = []

    def note(text: str) -> str:
        ran.append(text)
        return text

    noted = task(note)
    with Flow("stopped") as flow:
        waits = task(_waits)()
        done = noted("done")
        failed = Task.__call__(task(_fails), upstream_tasks=[done])
        stopped = Task.__call__(task(trigger=triggers.all_failed)(stop), upstream_tasks=[failed])
        behind = Task.__call__(noted, "behind", upstream_tasks=[stopped])
        later = Task.__call__(noted, "later", upstream_tasks=[behind, done])
        mapped = noted.map([stopped, 1])
        over = noted.map(done)
    state = flow.run()
    assert type(state) is Cancelled
    assert ran[0] == "done"
    assert not {"behind", "later"} & set(ran)
    result = state.result
    assert (result[done], result[failed]) == (Success(None, "done"), Failed("no"))
    assert type(result[stopped]) is Cancelled
    assert [result[node] for node in (waits, behind, later, mapped)] == [STOPPED] * 4
    assert result[over].is_finished()
    assert all(each.is_finished() for each in result.values())
    assert result.run.is_final


def _fails() -> None:
    raise FAIL("no")


def _waits() -> None:
    raise PAUSE("look first")


@pytest.mark.parametrize("stop", STOPS)
def test_an_interrupt_in_a_child(stop: Callable[[], None]) -> None:
    """The children that are over stay as they are, the others and the parent are cancelled."""
    ran: list[int] = []

    def body(x: int) -> int:
        ran.append(x)
        if x == 2:
            stop()
        return x

    with Flow("stopped") as flow:
        node = task(body).map([1, 2, 3])
        behind = task(lambda x: x).map(node)
    state = flow.run()
    assert (type(state), ran) == (Cancelled, [1, 2])
    assert type(state.result[node]) is Cancelled
    assert type(state.result[behind]) is Cancelled


def test_an_interrupt_that_a_body_swallows() -> None:
    """A body that catches the `KeyboardInterrupt` keeps its value, for it finished first; the flow is cancelled."""
    ran: list[int] = []

    def body() -> str:
        try:
            ctrl_c()
        except KeyboardInterrupt:
            return "finished all the same"
        raise AssertionError

    with Flow("stopped") as flow:
        node = task(body)()
        behind = task(lambda x: ran.append(x))(node)
    state = flow.run()
    assert state.result[node] == Success(None, "finished all the same")
    assert (type(state), state.result[behind], ran) == (Cancelled, STOPPED, [])


@pytest.mark.parametrize("at", ["Pending -START-> Running", "Running -SUCCESS-> Success", "Running -FAIL-> Retrying"])
def test_an_interrupt_between_bodies_is_kept(at: str) -> None:
    """An interrupt that comes while the runner works waits until the runner is whole, and cancels the flow then."""
    ran: list[int] = []

    def body() -> None:
        ran.append(1)
        if at.endswith("Retrying"):
            raise FAIL("no")

    with Flow("stopped") as flow:
        nodes = [task(max_retries=2, retry_delay=3600)(body)() for _ in range(3)]
    state = flow.run(plugins=[Presses(at)])
    assert type(state) is Cancelled
    assert len(ran) == (0 if "START" in at else 1)
    ended = [type(state.result[node]).__name__ for node in nodes]
    assert ended == [("Success" if "SUCCESS" in at else "Cancelled"), "Cancelled", "Cancelled"]


@pytest.mark.parametrize(
    ("at", "times"),
    [
        ("Pending -MAP-> Mapping", 1),
        ("Running -SUCCESS-> Success", 1),
        ("Running -SUCCESS-> Success", 2),
        ("Running -SUCCESS-> Success", 3),
        ("Mapping -GATHER-> Mapped", 1),
    ],
)
def test_an_interrupt_at_any_time_of_a_map(at: str, times: int) -> None:
    """Whenever the interrupt comes, between the making of the children and their gathering, parent and flow end."""

    class Nth(Presses):
        """Presses at the n-th such step."""

        @hookimpl
        def after_step(self, run: RunView, step: Step) -> None:
            if run.lifecycle == "task-run" and str(step) == self.at:
                self.times -= 1
                if not self.times:
                    ctrl_c()

    with Flow("stopped") as flow:
        node = task(lambda x: x).map([1, 2])
        task(lambda x: x)(node)
    state = flow.run(plugins=[Nth(at, times)])
    assert type(state) is Cancelled
    assert type(state.result[node]) in (Cancelled, Mapped)
    assert all(each.is_finished() for each in state.result.values())


def test_an_interrupt_while_nothing_is_due(monkeypatch: pytest.MonkeyPatch) -> None:
    """An interrupt while the flow waits for a time ends the wait."""

    class Sleeper:
        """Stands in the place of the `time` module: somebody presses Ctrl-C while it sleeps."""

        now = 1000.0
        slept = 0

        def time(self) -> float:
            return self.now

        def sleep(self, seconds: float) -> None:
            self.slept += 1
            ctrl_c()

    clock = Sleeper()
    monkeypatch.setattr(_drive, "time", clock)
    with Flow("stopped") as flow:
        node = task(max_retries=1, retry_delay=100)(_fails)()
    state = flow.run()
    assert (type(state), state.result[node], clock.slept) == (Cancelled, STOPPED, 1)


@pytest.mark.parametrize("carried", [Paused("wait"), states.Scheduled("wait")], ids=repr)
def test_an_interrupt_ends_what_was_put_aside(carried: State) -> None:
    """A run that was ended unfinished is cancelled with the others: it is not left closed for ever."""

    def aside() -> None:
        raise ENDRUN(carried)

    with Flow("stopped") as flow:
        node = task(aside)()
        task(raises)()
    state = flow.run()
    assert (type(state), state.result[node]) == (Cancelled, STOPPED)


@pytest.mark.parametrize("second", ["Running -CANCEL-> Cancelling", "Pending -CANCEL-> Cancelled"])
def test_a_second_interrupt_leaves_at_once(second: str) -> None:
    """A second Ctrl-C, while the first is being seen to, is for the program: it ends the call of `run`."""
    with Flow("stopped") as flow:
        task(ctrl_c)()
        task(ctrl_c)()
    with pytest.raises(KeyboardInterrupt):
        flow.run(plugins=[Presses(second)])


def test_an_interrupt_behind_the_end_is_the_program_s() -> None:
    """An interrupt that comes when the flow is over ends no task; it is raised, or the flow stays as it ended."""
    with Flow("over") as flow:
        node = task(lambda: 1)()
    try:
        state = flow.run(plugins=[Presses("Running -SUCCESS-> Success", lifecycle="flow-run")])
    except KeyboardInterrupt:
        return
    assert (type(state), state.result[node]) == (Success, Success(None, 1))


def test_a_flow_in_another_thread() -> None:
    """In another thread no handler is touched; a body that raises `KeyboardInterrupt` cancels the flow there too."""
    ended: list[State] = []
    with Flow("elsewhere") as flow:
        task(raises)()
    thread = threading.Thread(target=lambda: ended.append(flow.run()))
    thread.start()
    thread.join()
    assert [type(state) for state in ended] == [Cancelled]


def test_somebody_else_s_handler_is_left_alone() -> None:
    """Where the program handles Ctrl-C itself, its handler is called, and the flow goes on."""
    calls: list[int] = []
    usual = signal.signal(signal.SIGINT, lambda number, frame: calls.append(number))
    try:
        with Flow("handled") as flow:
            task(ctrl_c)()
        assert flow.run().is_successful()
    finally:
        signal.signal(signal.SIGINT, usual)
    assert calls == [signal.SIGINT]


def test_a_flow_inside_a_body_is_cancelled_with_it() -> None:
    """An interrupt of a flow that runs in a body cancels the inner flow; the outer one goes by what the body does."""
    inner_ended: list[State] = []
    with Flow("inner") as inner:
        task(ctrl_c)()

    def body() -> None:
        inner_ended.append(inner.run())

    with Flow("outer") as outer:
        task(body)()
    outer.run()
    assert [type(state) for state in inner_ended] == [Cancelled]


def test_a_cancelled_flow_stays_cancelled() -> None:
    """A flow run that was cancelled is over; to resume it begins another."""
    left = [KeyboardInterrupt()]

    def body() -> str:
        if left:
            raise left.pop()
        return "done"

    with Flow("again") as flow:
        node = task(body)()
    state = flow.run()
    assert type(state) is Cancelled
    again = flow.resume(state)
    assert again.result[node] == Success(None, "done")
    assert state.result[node].is_cancelled()
    assert again.result.context["flow_run_id"] != state.result.context["flow_run_id"]
