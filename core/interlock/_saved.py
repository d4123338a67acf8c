"""States of flow runs in files, for the command line: what did not succeed can be gone on with, all can be drawn."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

import attrs

from interlock._errors import FlowError, shown
from interlock._flow import Flow
from interlock._results import TaskStates
from interlock.results import LocalResult
from interlock.signals import RESUME
from interlock.states import State

SHOWN = 5  # tasks that wait for an answer


def usual(state: State) -> Path:
    """Return the file that a flow run is kept in unless told otherwise."""
    name = state.result.context.get("flow_run_name") if isinstance(state.result, TaskStates) else None
    return Path.home() / ".interlock" / "runs" / f"{_plain(str(name or 'flow'))}.state"


def asking(state: State) -> list[tuple[str, list[str]]]:
    """Return the tasks that wait for a person's answer, by slug, with the signals that may be it: the first few."""
    result = state.result
    if state.is_finished() or not isinstance(result, TaskStates):
        return []
    found: list[tuple[str, list[str]]] = []
    for slug, record in result.records().items():
        runs = [(slug, record), *((f"{slug}[{place}]", child) for place, child in enumerate(record.children or ()))]
        for place, each in runs:
            if len(found) < SHOWN and each.state.is_paused() and not each.run.closed:
                signals = each.run.machine.signals
                people = [name for name in each.run.accepts() if signals[name].raised_by == "person"]
                if RESUME.__name__ not in people:
                    found.append((place, people))
    return found


def _plain(name: str) -> str:
    return "".join(letter if letter.isalnum() or letter in "-_." else "-" for letter in name)[:100]


def save(flow: Flow, state: State, path: Path) -> None:
    """Write the state in which a flow rests to a file.

    What has failed is kept without what it raised; what succeeded without results, which nobody goes on with. What was
    in the file stays there where this cannot be kept.

    Raises:
        FlowError: it cannot be written, or could not be read again.
    """
    place = LocalResult(path.parent)
    part = path.with_name(f".{path.name[:100]}.{os.urandom(8).hex()}")
    try:
        place.write(part.name, (flow.name, _kept(state)))
        place.read(part.name)
        part.replace(path)
    except Exception as error:  # results are the user's, and pickling them may raise anything
        raise FlowError(f"{path}: the state cannot be kept: {type(error).__name__}: {error}") from error
    finally:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)


def _kept(state: State) -> State:
    result = state.result
    if not (state.is_finished() and isinstance(result, TaskStates)):
        return state
    return attrs.evolve(state, result=result.without_results() if state.is_successful() else result.without_errors())


def is_done(flow: Flow, state: State) -> bool:
    """Return whether there is nothing to go on with: each task of the flow is over, and the run has succeeded."""
    result = state.result
    return (
        state.is_successful() and isinstance(result, TaskStates) and set(result.by_slug()) == set(flow.slugs.values())
    )


def load(flow: Flow, path: Path) -> State:
    """Return the state that a file holds.

    Raises:
        FlowError: it holds none, or one of another flow.
    """
    try:
        found = LocalResult(path.parent).read(path.name)
    except FileNotFoundError:
        raise FlowError(f"{path}: there is no such file") from None
    except Exception as error:  # a pickle may raise anything
        raise FlowError(f"{path}: no state can be read from it: {type(error).__name__}: {error}") from error
    if not (isinstance(found, tuple) and len(found) == 2 and isinstance(found[1], State)):
        raise FlowError(f"{path}: it holds {shown(found)}, no state of a flow run")
    if found[0] != flow.name:
        raise FlowError(f"{path}: it is of flow {found[0]!r}, not of {flow.name!r}")
    state: State = found[1]
    return state
