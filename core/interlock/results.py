"""Where results are kept: files of this machine, or whatever has the three methods of `Result`.

A task with `result=...`, a task with `target=...`, and every task of a flow with `result=...` stores what it returns.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, BinaryIO, Protocol, TypeAlias, runtime_checkable

import attrs

from interlock import _gone
from interlock.states import Cached

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["JSONSerializer", "LocalResult", "PickleSerializer", "Result", "Serializer", "caches"]

Location: TypeAlias = str | Callable[..., str] | None
"""A template such as "{flow_name}/{date:%Y-%m-%d}/{task_slug}", or a callable that takes such keys."""

MOST = 10_000  # results of one task that are kept in the process: a bound, so that no service grows for ever
ASKED = 100  # of them that a validator is asked about, the last ones: a bound, so that no lookup grows with the rest


@runtime_checkable
class Result(Protocol):
    """A place for results. A location is a text that the place understands.

    `location` is where a task's result goes that has no `target`: a template, a callable, or None for a place of its
    own in every flow run.
    """

    @property
    def location(self) -> Location: ...

    def exists(self, location: str) -> bool:
        """Return whether something is stored there."""
        ...

    def read(self, location: str) -> Any:
        """Return what is stored there. Any: whatever that was. May raise what it likes: the task run fails with it."""
        ...

    def write(self, location: str, value: Any) -> None:
        """Store a value, whole or not at all. May raise what it likes: the attempt fails with it."""
        ...


class Serializer(Protocol):
    """How a value becomes bytes."""

    def dump(self, value: Any, file: BinaryIO) -> None:
        """Write a value to a file. Any: the user's."""
        ...

    def load(self, file: BinaryIO) -> Any:
        """Return the value that a file holds. Any: the user's."""
        ...


@attrs.frozen
class PickleSerializer:
    """Any value that `cloudpickle` knows. Read only what you trust: loading a pickle can run code."""

    def dump(self, value: Any, file: BinaryIO) -> None:
        """Write a value to a file. Any: the user's."""
        import cloudpickle

        cloudpickle.dump(value, file)

    def load(self, file: BinaryIO) -> Any:
        """Return the value that a file holds. Any: the user's."""
        import pickle

        return pickle.load(file)


def _check_keys(value: object) -> None:
    """Raise `TypeError` where JSON would make texts of keys."""
    if isinstance(value, dict):
        for key, item in value.items():
            if not isinstance(key, str):
                raise TypeError(f"the key {key!r} is no text, and JSON has no other")
            _check_keys(item)
    elif isinstance(value, list | tuple):
        for item in value:
            _check_keys(item)


@attrs.frozen
class JSONSerializer:
    """Values that JSON has: texts, numbers, True, False, None, lists and dictionaries of them; in UTF-8.

    A tuple is read back as a list.
    """

    def dump(self, value: Any, file: BinaryIO) -> None:
        """Write a value to a file. Any: the user's. Raises `TypeError` or `ValueError` where JSON has no such value."""
        import json

        _check_keys(value)
        file.write(json.dumps(value, ensure_ascii=False, allow_nan=False).encode())

    def load(self, file: BinaryIO) -> Any:
        """Return the value that a file holds. Any: the user's."""
        import json

        return json.loads(file.read())


def _absolute(folder: str | os.PathLike[str]) -> Path:
    from pathlib import Path  # as everything heavy: where it is used

    return Path(folder).absolute()


@attrs.frozen
class LocalResult:
    """Files of this machine.

    A file is written beside its place and then moved there, so that nobody reads half a result.

    Args:
        dir: the folder that locations are relative to, made when it is first needed; `~/.interlock/results` otherwise.
            It stays where it is now, wherever the process goes.
        location: where a task's result goes that has no `target`; see `Result`.
        serializer: how a value becomes bytes.
    """

    dir: Path | None = attrs.field(default=None, converter=attrs.converters.optional(_absolute))
    location: Location = attrs.field(default=None, kw_only=True)
    serializer: Serializer = attrs.field(factory=PickleSerializer, kw_only=True)

    def path(self, location: str) -> Path:
        """Return the file that a location means."""
        from pathlib import Path

        return (Path.home() / ".interlock" / "results" if self.dir is None else self.dir) / location

    def exists(self, location: str) -> bool:
        """Return whether there is such a file."""
        return self.path(location).is_file()

    def read(self, location: str) -> Any:
        """Return what a file holds. Any: whatever was written.

        Raises:
            OSError: it cannot be read.
            Exception: whatever the serializer raises for what it did not write.
        """
        with self.path(location).open("rb") as file:
            return self.serializer.load(file)

    def write(self, location: str, value: Any) -> None:
        """Write a value to a file. Any: the user's.

        Raises:
            OSError: it cannot be written.
            Exception: whatever the serializer raises for a value that it cannot write.
        """
        path = self.path(location)
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(f".{path.name[:100]}.{os.urandom(8).hex()}")  # ours alone, also among containers
        with part.open("xb") as file:
            try:
                self.serializer.dump(value, file)
            except BaseException:
                file.close()
                part.unlink()
                raise
        try:
            part.replace(path)
        except BaseException:
            part.unlink(missing_ok=True)
            raise


class Caches(Mapping[str, Sequence[Cached]]):
    """The results that this process keeps, by cache key, the oldest first. They are shared by all flow runs in it."""

    def __init__(self) -> None:
        self._kept: dict[str, dict[object, Cached]] = {}

    def __getitem__(self, key: str) -> Sequence[Cached]:
        return list(self._kept[key].values())

    def __iter__(self) -> Iterator[str]:
        return iter(list(self._kept))

    def __len__(self) -> int:
        return len(self._kept)

    def last(self, key: str) -> list[Cached]:
        """Return the last results that were kept under a key, the newest first."""
        return list(itertools.islice(reversed(self._kept.get(key, {}).values()), ASKED))

    def with_inputs(self, key: str, digests: Mapping[str, str]) -> Cached | None:
        """Return the last result that was kept under a key for inputs with these digests."""
        return self._kept.get(key, {}).get(tuple(digests.items()))

    def keep(self, key: str, state: Cached) -> None:
        """Keep a result; it takes the place of one with the same inputs."""
        kept = self._kept.setdefault(key, {})
        inputs = tuple((state.hashed_inputs or {}).items())
        kept.pop(inputs, None)
        kept[inputs] = state
        while len(kept) > MOST:
            kept.pop(next(iter(kept)), None)

    def expire(self, now: datetime) -> None:
        """Forget what has expired."""
        for kept in list(self._kept.values()):
            for inputs, state in list(kept.items()):
                if state.cached_result_expiration is not None and state.cached_result_expiration <= now:
                    kept.pop(inputs, None)

    def clear(self) -> None:
        """Forget them all."""
        self._kept.clear()

    def __repr__(self) -> str:
        return "<Caches: " + ", ".join(f"{key} {len(kept)}" for key, kept in self._kept.items()) + ">"


caches = Caches()
"""What this process keeps for tasks with `cache_for`; `caches.clear()` forgets it."""

if not TYPE_CHECKING:  # a type checker is to say itself that a name is not there
    __getattr__ = _gone.of("results")
