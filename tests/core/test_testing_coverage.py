"""`interlock.testing.Coverage`: every row that is taken is recorded, however it is, and nothing is when it is off."""

from __future__ import annotations

import json
import pickle
import threading
from collections import Counter
from typing import Literal

import pytest
import strategies
from acts import Told, does
from hypothesis import given, settings
from hypothesis import strategies as st
from orders import order, parcel

from interlock import Flow, Machine, NestedSend, Run, StoredError, task
from interlock._record import Record
from interlock._step import Stepper
from interlock.testing import Coverage, Covered, machines

QUIET = settings(derandomize=True, deadline=None, database=None)


def counted(coverage: Coverage, name: str) -> dict[str, int]:
    """Return how often the rows of a life cycle were taken, as arrows; none that was not."""
    (found,) = [covered for covered in coverage.lifecycles if covered.machine.name == name]
    return {f"{before} -{signal}-> {after}": times for (before, signal, after), times in found.taken.items() if times}


def test_steps_of_runs() -> None:
    """Plain, guarded, counted, with times, under other limits: each counts once, and what is refused not at all."""
    machine = order()
    run, other = Run(machine), Run(machine, {"reminders": 0})
    with Coverage() as coverage:
        for signal in ("WAIT", "WAIT", "PAY"):
            run.send(signal)
        other.send("WAIT", at=1.0)
        assert strategies.took(run, "PAY") is None
    Run(machine).send("PAY")
    assert counted(coverage, "order") == {
        "New -WAIT-> Reminded": 1,
        "New -WAIT-> Lost": 1,
        "Reminded -PAY-> Paid": 1,
        "Reminded -WAIT-> Reminded": 1,
    }


def test_carried_states_count_each() -> None:
    """A row is a state, a signal and the state behind it, so one that carries a state has many; messages count."""
    machine = parcel()
    run = Run(machine)
    with Coverage() as coverage:
        run.send("STOP", carried="Kept")
        run.reopen()
        run.send("GO")
        assert run.deliver("HAND", attempt=7) is None
        run.deliver("HAND", attempt=1)
    assert counted(coverage, "parcel") == {
        "Packed -STOP-> Kept": 1,
        "Kept -GO-> OnTour": 1,
        "OnTour -HAND-> There": 1,
    }
    (covered,) = coverage.lifecycles
    assert covered.missing == ("Packed -GO-> OnTour", "Packed -STOP-> There", "OnTour -BACK-> Kept")
    assert covered.percent == 50
    assert str(covered) == "parcel: 3 of 6 rows were taken (50 %)"


@QUIET
@given(data=st.data())
def test_all_that_a_story_tells_is_recorded(data: st.DataObject) -> None:
    """Whatever the table: as many steps as the story has of a row, of runs with times and observers too."""
    machine = Machine.from_mapping(data.draw(strategies.mappings()))
    told = Counter[str]()
    with Coverage() as coverage:
        for told_of, timed in ((False, False), (False, True), (True, False)):
            run = Run(machine, plugins=[Told()] if told_of else None)
            for number, (signal, carried) in enumerate(data.draw(strategies.signals(machine))):
                strategies.took(run, signal, carried, float(number) if timed else None)
                if run.closed and not run.is_final:
                    run.reopen()
            told.update(f"{step.before} -{step.signal}-> {step.after}" for step in run.story)
            copied = pickle.loads(pickle.dumps(run))
            assert copied.story.replay() == copied  # was taken before, so it does not count again
    assert (counted(coverage, machine.name) if told else {}) == dict(told)


@pytest.mark.parametrize("executor", [None, "threads", "async"])
def test_steps_of_flows(executor: Literal["threads", "async"] | None) -> None:
    """Those of task runs, children and the flow run, by the short ways and the long ones."""
    fails = does(ValueError("no"), [1, 2, 3])
    with Flow("rows") as flow:
        task(lambda x: x).map(task(max_retries=1)(fails)())
    with Coverage() as coverage:
        assert flow.run(executor=executor).is_successful()
    assert counted(coverage, "flow-run") == {"Pending -START-> Running": 1, "Running -SUCCESS-> Success": 1}
    assert counted(coverage, "task-run") == {
        "Pending -START-> Running": 4,
        "Pending -MAP-> Mapping": 1,
        "Retrying -START-> Running": 1,
        "Running -SUCCESS-> Success": 4,
        "Running -FAIL-> Retrying": 1,
        "Mapping -GATHER-> Mapped": 1,
    }


def test_steps_of_many_threads() -> None:
    """None is lost."""
    machine = parcel()

    def go() -> None:
        run = Run(machine)
        for _ in range(500):
            run.send("GO")
            run.send("BACK")

    with Coverage() as coverage:
        threads = [threading.Thread(target=go) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert counted(coverage, "parcel") == {
        "Packed -GO-> OnTour": 4,
        "OnTour -BACK-> Kept": 2000,
        "Kept -GO-> OnTour": 1996,
    }


def test_nothing_is_left_when_it_is_off() -> None:
    """Behind it, the methods are those that were there before; two at once record the same."""
    before = [vars(owner)[name] for owner, name in ((Run, "send"), (Stepper, "_quick"), (Record, "_commit"))]
    with Coverage() as one:
        with Coverage() as two:
            assert Run.send is not before[0]
            Run(order()).send("PAY")
        Run(order()).send("PAY")
    assert [Run.send, Stepper._quick, Record._commit] == before
    assert (counted(one, "order"), counted(two, "order")) == ({"New -PAY-> Paid": 2}, {"New -PAY-> Paid": 1})


def test_a_send_from_inside_a_step_is_refused_as_ever() -> None:
    """What is recorded changes nothing that a run does."""
    runs: list[Run] = []

    def known(run: object, signal: object) -> bool:
        runs[0].send("PAY")
        return True

    runs.append(Run(order(), guards={"known": known}))
    with Coverage() as coverage, pytest.raises(NestedSend):
        runs[0].send("WAIT")
    assert coverage.lifecycles == []


@settings(QUIET, max_examples=5)
@given(machine=machines())
def test_drawn_life_cycles_are_left_out(machine: Machine) -> None:
    """They are nobody's."""
    with Coverage() as coverage:
        Run(machine).send(next(iter(Run(machine).accepts())))
    assert coverage.lifecycles == []


def recorded() -> Covered:
    with Coverage() as coverage:
        Run(order()).send("WAIT")
    (covered,) = coverage.lifecycles
    return covered


def test_it_can_be_stored() -> None:
    """As JSON, with all rows in the order of the table."""
    covered = recorded()
    stored = json.loads(json.dumps(covered.to_dict()))
    assert Covered.from_dict(order(), stored) == covered
    assert (stored["format"], stored["lifecycle"], stored["spec"]) == (1, "order", order().hash)
    assert stored["rows"][:2] == [
        {"before": "New", "signal": "PAY", "after": "Paid", "taken": 0},
        {"before": "New", "signal": "WAIT", "after": "Reminded", "taken": 1},
    ]


def test_what_was_stored_of_another_is_refused() -> None:
    """So is what is none."""
    stored = recorded().to_dict()
    with pytest.raises(StoredError, match="its rows are of 'order', and not of this 'parcel'"):
        Covered.from_dict(parcel(), stored)
    with pytest.raises(StoredError, match="it must be what a recording of rows has written"):
        Covered.from_dict(order(), {})


def test_it_goes_to_another_process_as_a_text() -> None:
    """What two have recorded is added up; each knows its tables."""
    here, there = Coverage(), Coverage()
    for coverage in (here, there):
        with coverage:
            Run(order()).send("PAY")
    with there:
        Run(parcel()).send("GO")
    here.add(there.dumps())
    assert counted(here, "order") == {"New -PAY-> Paid": 2}
    assert counted(here, "parcel") == {"Packed -GO-> OnTour": 1}


def test_the_picture() -> None:
    """Rows that were taken have thick arrows and how often they were; all others are dashed."""
    with Coverage() as coverage:
        for _ in range(2):
            Run(parcel()).send("GO")
        Run(parcel()).send("STOP", carried="Kept")
    (covered,) = coverage.lifecycles
    arrows = [line.strip() for line in covered.mermaid().splitlines() if "=>" in line or ".->" in line]
    assert arrows == [
        'Packed ==>|"<b>GO\N{NO-BREAK SPACE}(2\N{NO-BREAK SPACE}times)</b>"| OnTour',
        'Packed ==>|"<b>STOP\N{NO-BREAK SPACE}(once)</b>\N{NO-BREAK SPACE}carries\N{NO-BREAK SPACE}Kept"| Kept',
        'OnTour -.->|"BACK"| Kept',
        "OnTour -.-> There",
        'Kept -.->|"GO"| OnTour',
    ]
    text = covered.mermaid().replace("\N{NO-BREAK SPACE}", " ").replace("<br>", " ")
    assert "parcel: 2 of 6 rows were taken (33 #37;); these stand out." in text
