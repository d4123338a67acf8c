"""What Prefect 1 has and Interlock has not, by name: what to use instead.

People move flows over by their import line; a name that is not kept says so where it is used.
"""

from __future__ import annotations

from collections.abc import Callable

RUN = "start the flow from cron, systemd or whatever starts things where you are: interlock run flow.py"
FILE = "a flow is a Python file or module that can be imported where it runs: interlock run flow.py:flow"
PLACE = "whoever starts the flow chooses where: in a container, a job, a virtual machine"
SERVER = "there is no server; keep the state that flow.run() returns, it pickles, and go on with flow.resume(state)"
SECRET = "read os.environ in the task that needs it; what is an argument or a result is written down"
OPTIONS = "options belong to tasks and flows: @task(max_retries=3), flow.run(context={...})"
PLUGIN = "write a plugin with before_step or after_step: flow.run(plugins=[...])"

PLACES = "write a place of your own: an object with exists, read, write and location, see interlock.results.Result"
BYTES = "write a serializer of your own: an object with dump and load, see interlock.results.Serializer"
WORKERS = "it is a state of servers and their workers, and there are none"
HERE = 'say it where the flow is run: flow.run(executor="threads"); see interlock.executors'

NAMES: dict[str, str] = {
    "Client": SERVER,
    "Schedule": RUN,
    "api": SERVER,
    "client": SERVER + "; secrets: " + SECRET,
    "config": OPTIONS,
    "engine": "its parts are interlock.signals, interlock.states, interlock.results and interlock.cache_validators",
    "environments": PLACE,
    "models": SERVER,
    "plugins": PLUGIN,
    "run_configs": PLACE,
    "schedules": RUN,
    "storage": FILE,
    "tasks": "control flow is in interlock.control_flow, operators are written as such; secrets: " + SECRET,
    "utilities": "its parts are interlock.notifications, tags, exponential_backoff and raise_on_exception of flow.run",
}
"""By name in the package."""

PARTS: dict[str, dict[str, str]] = {
    "executors": {
        "DaskExecutor": "give flow.run(executor=...) what has a submit, such as client.get_executor() of Dask",
        "LocalDaskExecutor": 'say flow.run(executor="threads")',
        "LocalExecutor": "it is what flow.run() does unless told otherwise",
    },
    "results": {
        "AzureResult": PLACES,
        "CompressedSerializer": BYTES,
        "ConstantResult": "a constant is a value: give it to the task",
        "DateTimeSerializer": BYTES,
        "GCSResult": PLACES,
        "PandasSerializer": BYTES,
        "PrefectResult": SERVER,
        "S3Result": PLACES,
        "SecretResult": SECRET,
    },
    "signals": {
        "PrefectSignal": "every signal is an interlock.signals.Signal",
        "TaskTimeoutSignal": "a body that takes too long gets no signal; the engine says TIMEOUT",
        "VersionLockMismatchSignal": SERVER,
    },
    "states": {
        "ClientFailed": WORKERS,
        "Queued": WORKERS,
        "Resume": "a person says flow.resume(state, tasks=[...])",
        "Submitted": WORKERS,
    },
}
"""By module, and name in it."""

FLOW_OPTIONS: dict[str, str] = {
    "environment": PLACE,
    "executor": HERE,
    "run_config": PLACE,
    "schedule": RUN,
    "storage": FILE,
    "validate": "every edge is checked when it is added",
}
"""By option of `Flow`."""

RUN_OPTIONS: dict[str, str] = {
    "flow_run_name": "names are made by the run; name what you know as a key of context={...}",
    "return_tasks": "the states of all tasks are returned: state.result[task]",
    "flow_run_id": "ids are made by the run; name what you know as a key of context={...}",
    "run_on_schedule": RUN,
    "runner_cls": PLUGIN,
    "task_contexts": "one context={...} is for the whole flow run",
    "task_runner_state_handlers": "give state_handlers to tasks, or " + PLUGIN,
}
"""By option of `Flow.run`."""

METHODS: dict[str, str] = {
    "load": FILE,
    "register": SERVER,
    "run_agent": SERVER,
    "save": FILE,
    "serialize": SERVER,
    "serialized_hash": SERVER,
}
"""By method of a flow."""


def of(module: str) -> Callable[[str], object]:
    """Return the `__getattr__` of a module."""

    def missing(name: str) -> object:
        if name in PARTS[module]:
            raise ImportError(sentence(f"interlock.{module}", name, PARTS[module][name]), name=f"interlock.{module}")
        raise AttributeError(f"module 'interlock.{module}' has no attribute {name!r}")

    return missing


def sentence(place: str, name: str, instead: str) -> str:
    """Return the sentence about a name that is not kept."""
    return f"{place}: {name} of Prefect 1 is not kept; {instead}"
