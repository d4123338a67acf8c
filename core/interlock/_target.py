"""Finding the flow that a command line names."""

from __future__ import annotations

import importlib
import importlib.util
import sys
import traceback
from pathlib import Path
from types import ModuleType

from interlock._errors import FlowError, listed, suggest
from interlock._flow import Flow


class UserCodeError(Exception):
    """The user's module raised while it was imported. The text is its own traceback, without frames of ours."""


def find(target: str) -> Flow:
    """Return the flow of a target: `file.py`, `file.py:flow`, `package.module` or `package.module:flow`.

    Raises:
        FlowError: there is no such file, module or flow, or no single one.
        UserCodeError: the module raised.
    """
    place, _, name = target.rpartition(":")
    if not place or name.startswith(("/", "\\")):  # "C:\\flows.py" has a colon, and no flow behind it
        place, name = target, ""
    module = _file(Path(place)) if place.endswith(".py") else _module(place)
    flows = {key: value for key, value in vars(module).items() if isinstance(value, Flow)}
    if name:
        if name not in flows:
            raise FlowError(f"{place}: has no flow {name!r}; its flows: {listed(flows, 'none')}.{suggest(name, flows)}")
        return flows[name]
    different = {id(flow): flow for flow in flows.values()}
    if len(different) != 1:
        found = (
            f"has several flows: {', '.join(flows)}; name one: {place}:{next(iter(flows))}" if flows else "has no flow"
        )
        raise FlowError(f"{place}: {found}")
    return next(iter(different.values()))


def _file(path: Path) -> ModuleType:
    if not path.is_file():
        near = suggest(path.name, [other.name for other in path.parent.glob("*.py")] if path.parent.is_dir() else [])
        raise FlowError(f"{path}: there is no such file.{near}")
    sys.path.insert(0, str(path.parent.resolve()))
    name = path.stem if path.stem not in sys.modules else f"interlock_target_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise FlowError(f"{path}: is no Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:  # noqa: BLE001  # whatever the user's code raises is shown as theirs
        raise UserCodeError(_own_traceback(error)) from None
    return module


def _module(name: str) -> ModuleType:
    if "" not in sys.path and str(Path.cwd()) not in sys.path:
        sys.path.insert(0, str(Path.cwd()))
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is not None and (name == error.name or name.startswith(error.name + ".")):
            raise FlowError(f"{name}: there is no such module; a file is named with its ending: {name}.py") from None
        raise UserCodeError(_own_traceback(error)) from None
    except (TypeError, ValueError) as error:  # an empty or relative name
        raise FlowError(f"{name!r}: is no module: {error}") from None
    except (Exception, SystemExit) as error:  # noqa: BLE001  # as above
        raise UserCodeError(_own_traceback(error)) from None


def _own_traceback(error: BaseException) -> str:
    """Return an exception as text, from the first frame on that is neither ours nor the import system's."""
    trace = error.__traceback__
    ours = (__file__, importlib.__file__)
    while trace is not None:
        file = trace.tb_frame.f_code.co_filename
        if file not in ours and not file.startswith("<frozen importlib"):
            break
        trace = trace.tb_next
    return "".join(traceback.format_exception(type(error), error, trace)).rstrip()
