"""The loggers of task runs."""

from __future__ import annotations

import logging
from collections.abc import MutableMapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    Adapter = logging.LoggerAdapter[logging.Logger]
else:
    Adapter = logging.LoggerAdapter


class TaskLogger(Adapter):
    """The logger of a task run: each record says which run it is of, beside what is given as `extra`.

    Any: what a record says has no common type.
    """

    def __init__(self, task: str, run: dict[str, Any]) -> None:
        super().__init__(logging.getLogger(f"interlock.task.{task}"), run)

    def process(self, msg: Any, kwargs: MutableMapping[str, Any]) -> tuple[Any, MutableMapping[str, Any]]:
        kwargs["extra"] = {**(self.extra or {}), **(kwargs.get("extra") or {})}
        return msg, kwargs
