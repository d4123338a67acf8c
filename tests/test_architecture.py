"""The structure of the project, held by tests: layers, cycles, sizes, and who may read the clock."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from interlock import Machine
from interlock.states import BY_NAME

ROOT = Path(__file__).parent.parent
CORE = ROOT / "core" / "interlock"
MODULES = sorted(CORE.rglob("*.py"))
ALL = sorted([*MODULES, *(file for folder in ("spec", "plugins") for file in (ROOT / folder).rglob("*.py"))])

# The layers of the design, lowest first. A module may import from its own layer and those below.
LAYERS: list[set[str]] = [
    {
        "_gone",
        "schedules",
        "storage",
        "run_configs",
        "environments",
        "client",
        "engine",
        "executors",
        "tasks",
        "utilities",
    },
    {
        "_errors",
        "_guards",
        "_table",
        "_notation",
        "_rules",
        "_extend",
        "_rows",
        "_turns",
        "_ledger",
        "_fast",
        "_variants",
        "_transitions",
        "_draft",
        "_import_transitions",
        "_import_scxml",
        "_import_xstate",
        "_bring",
    },
    {
        "_flat",
        "_ecmascript",
        "_exports",
        "_export_json",
        "_export_markup",
        "markup",
        "_export_plantuml",
        "_export_scxml",
        "_export_tla",
        "_export_xstate",
        "_machine",
        "_imported",
        "_explore",
        "_draw",
        "_colours",
        "_grid",
        "_grid_html",
        "_grid_markdown",
        "_grid_text",
        "_dot",
        "_dot_cards",
        "_dot_places",
        "_dot_rows",
        "_focus",
        "_folds",
        "_mermaid",
        "_covered",
        "_hooks",
        "_owned",
        "_plugins",
        "_story",
        "_store",
        "_record",
        "_step",
        "_run",
    },
    {"states", "signals", "_context", "_log"},
    {
        "results",
        "cache_validators",
        "_options",
        "triggers",
        "_edges",
        "_order",
        "_operators",
        "_runnable",
        "_tasks",
        "_values",
        "_graph",
        "_flow",
        "_data",
        "_results",
        "_brief",
        "_extension",
    },
    {
        "control_flow",
        "notifications",
        "_apply",
        "_resources",
        "_visualize",
        "_notebook",
        "_flow_draw",
        "_flow_picture",
        "_flow_text",
    },
    {
        "_capture",
        "_commands",
        "_elements",
        "_handlers",
        "_flow_hooks",
        "_keeping",
        "_ends",
        "_maps",
        "_plan",
        "_flow_life",
        "_task_payload",
        "_task_run",
        "_task_runner",
        "_timers",
        "_board",
        "_flow_runner",
        "_stdout",
        "_places",
        "_again",
        "_resume",
    },
    {"_discovery", "executors", "_interrupts", "_bodies", "_flights", "_given", "_drive", "_handle", "_begin"},
    {
        "__init__",
        "_saved",
        "_target",
        "_tally",
        "_events",
        "_printed",
        "_summary",
        "_progress",
        "_listed",
        "_words",
        "_drawing",
        "_cli",
        "__main__",
    },
    {
        "testing._executors",
        "testing._clock",
        "testing._coverage",
        "testing._forms",
        "testing._equivalent",
        "testing._drafts",
        "testing._strategies",
        "testing._stateful",
        "testing",
    },
    {
        "examples",
        "examples.looper",
        "examples.audit",
        "examples.door",
        "examples.job_queue",
        "examples.orders",
        "examples.agent",
    },
]
# Imports upwards, made when a function is called: the method belongs to its class, the work does not.
LATE = {
    ("_machine", "_explore"),
    ("_bring", "_export_json"),
    ("_machine", "_extend"),
    ("_bring", "_imported"),
    ("_runnable", "_begin"),
    ("_flow", "_visualize"),
    ("_exports", "_flow_draw"),
    ("_machine", "_notebook"),
    ("_run", "_notebook"),
    ("states", "_notebook"),
    ("_flow", "_notebook"),
}

# Who may know of time, threads and chance, and why.
CLOCKS = {"time", "threading", "_thread", "asyncio", "concurrent", "signal", "random", "uuid", "multiprocessing"}
DRIVERS = {
    "executors": "threads for bodies",
    "_interrupts": "Ctrl-C",
    "_bodies": "event loops for async bodies",
    "_drive": "the drivers",
    "_given": "ids and dates of flow runs",
    "testing._executors": "waits for other people's executors",
    "testing._clock": "stands in the place of time",
    "testing._coverage": "records in every thread",
    "_handle": "a thread for a flow run that is started",
    "_begin": "an event loop for a flow run",
    "_stdout": "keeps apart what threads print",
    "_turns": "waits for the thread that is taking a step",
    "_progress": "progress is drawn a few times a second",
    "_printed": "what is printed meanwhile waits a moment",
    "examples.audit": "a task's body is the user's code",
    "examples.job_queue": "the core is embedded: threads and leases are the user's",
    "examples.orders": "the core is embedded: the event loop is the user's",
}


def name_of(module: Path) -> str:
    return ".".join(module.relative_to(CORE).with_suffix("").parts).removesuffix(".__init__")


def parsed(module: Path) -> ast.Module:
    return ast.parse(module.read_text(encoding="utf-8"), str(module))


def imports(module: Path) -> Iterator[tuple[str, bool]]:
    """Yield what a module imports, and whether only when a function is called; those for type checkers do not count."""

    def walk(node: ast.AST, late: bool) -> Iterator[tuple[str, bool]]:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
                continue
            if isinstance(child, ast.Import):
                yield from ((alias.name, late) for alias in child.names)
            elif isinstance(child, ast.ImportFrom) and child.module:
                yield child.module, late
                yield from ((f"{child.module}.{alias.name}", late) for alias in child.names)
            yield from walk(child, late or isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef))

    return walk(parsed(module), False)


def own(module: Path) -> set[tuple[str, bool]]:
    """Return the modules of ours that a module imports."""
    names = {name_of(other) for other in MODULES}
    found = {(name.removeprefix("interlock."), late) for name, late in imports(module) if name.startswith("interlock.")}
    return {(name, late) for name, late in found if name in names}


def layer(name: str) -> int:
    return next(number for number, names in enumerate(LAYERS) if name in names)


def test_every_module_has_a_layer() -> None:
    """The picture of the layers names every module of the core, and no other."""
    assert {name_of(module) for module in MODULES} == set().union(*LAYERS)


@pytest.mark.parametrize("module", MODULES, ids=name_of)
def test_imports_point_down(module: Path) -> None:
    """No module imports from a layer above its own."""
    name = name_of(module)
    upward = {other for other, late in own(module) if layer(other) > layer(name) and (name, other) not in LATE}
    assert upward == set()


def test_late_imports_are_late_and_there() -> None:
    """The imports that are excepted because they are late exist, and none of them runs at import time."""
    found = {(name_of(module), other) for module in MODULES for other, late in own(module) if late}
    assert found >= LATE
    assert not {(name_of(m), other) for m in MODULES for other, late in own(m) if not late} & LATE


def test_no_import_cycle() -> None:
    """Modules of the core do not import each other in a circle, late imports included but for those upwards."""
    graph = {
        name_of(m): {other for other, _ in own(m) if other != name_of(m) and (name_of(m), other) not in LATE}
        for m in MODULES
    }
    done: set[str] = set()

    def visit(name: str, path: tuple[str, ...]) -> None:
        assert name not in path, " -> ".join([*path, name])
        if name not in done:
            for other in graph[name]:
                visit(other, (*path, name))
            done.add(name)

    for name in graph:
        visit(name, ())


def test_the_core_knows_no_plugin_and_the_spec_nobody() -> None:
    """Core imports no plugin package; the spec package imports nothing at all."""
    for module in MODULES:
        assert not [name for name, _ in imports(module) if name.startswith("interlock_") and name != "interlock_spec"]
    for module in (ROOT / "spec").rglob("*.py"):
        assert list(imports(module)) == []


def test_plugins_use_public_names_only() -> None:
    """A shipped plugin imports what a third party may import."""
    for module in (ROOT / "plugins").rglob("*.py"):
        private = [
            n for n, _ in imports(module) if n.startswith("interlock.") and any(p[0] == "_" for p in n.split("."))
        ]
        assert private == []


@pytest.mark.parametrize("module", MODULES, ids=name_of)
def test_only_drivers_know_of_time_threads_and_chance(module: Path) -> None:
    """No module but the drivers imports a clock, threads, an event loop, signals of the system, or randomness."""
    used = {name.split(".")[0] for name, _ in imports(module)} & CLOCKS
    now = {
        ast.unparse(node.func)
        for node in ast.walk(parsed(module))
        if isinstance(node, ast.Call)
        and ast.unparse(node.func).split(".")[-1] in {"now", "utcnow", "today", "monotonic"}
    }
    if name_of(module) not in DRIVERS:
        assert used == set()
        assert now == set()


@pytest.mark.parametrize("module", MODULES, ids=name_of)
def test_no_state_is_named_outside_of_states_and_signals(module: Path) -> None:
    """A state's name stands as a literal in `states` and `signals` alone; everybody else asks the table."""
    states = {name for life in ("task-run", "flow-run") for name in Machine.load(life).states} | set(BY_NAME)
    literals = {
        node.value
        for node in ast.walk(parsed(module))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    if name_of(module) not in {"states", "signals"}:
        assert literals & states == set()


@pytest.mark.parametrize("module", ALL, ids=lambda module: str(module.relative_to(ROOT)))
def test_functions_and_modules_are_small(module: Path) -> None:
    """No function has over 70 lines without its docstring, no module over 400."""
    assert len(module.read_text(encoding="utf-8").splitlines()) <= 400
    for node in ast.walk(parsed(module)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            first = node.body[1] if ast.get_docstring(node) and len(node.body) > 1 else node.body[0]
            assert (node.end_lineno or 0) - first.lineno + 1 <= 70, node.name
