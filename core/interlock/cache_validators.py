"""Whether a kept result serves: what `cache_validator` of a task may be.

A validator is called with a kept state, the inputs that the task is about to be called with, and the parameters of the
flow run, and answers with True or False. One that has expired is never asked about.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeAlias

from interlock._errors import listed, suggest
from interlock.states import Cached

__all__ = [
    "Validator",
    "all_inputs",
    "all_parameters",
    "duration_only",
    "never_use",
    "partial_inputs_only",
    "partial_parameters_only",
]

Validator: TypeAlias = Callable[[Cached, Mapping[str, Any], Mapping[str, Any]], bool]
"""validator(kept state, inputs, parameters). Any: the user's values."""


def never_use(state: Cached, inputs: Mapping[str, Any], parameters: Mapping[str, Any]) -> bool:
    """No kept result serves."""
    return False


def duration_only(state: Cached, inputs: Mapping[str, Any], parameters: Mapping[str, Any]) -> bool:
    """Whatever was kept serves until it expires, whatever the inputs are."""
    return True


def all_inputs(state: Cached, inputs: Mapping[str, Any], parameters: Mapping[str, Any]) -> bool:
    """What was made of the same inputs serves."""
    return partial_inputs_only()(state, inputs, parameters)


def all_parameters(state: Cached, inputs: Mapping[str, Any], parameters: Mapping[str, Any]) -> bool:
    """What was made in a flow run with the same parameters serves."""
    return partial_parameters_only()(state, inputs, parameters)


def partial_inputs_only(validate_on: Iterable[str] | None = None) -> Validator:
    """Return a validator that looks at some inputs only; at all where `validate_on` is None.

    Raises:
        ValueError: when it is asked: the task has no such input, so that the task fails.
    """
    names = None if validate_on is None else tuple(validate_on)

    def partial_inputs(state: Cached, inputs: Mapping[str, Any], parameters: Mapping[str, Any]) -> bool:
        known = inputs.digests if isinstance(inputs, Inputs) else digests(inputs)
        kept = state.hashed_inputs or {}
        asked = {*known, *kept} if names is None else _named("partial_inputs_only: the task has no input", names, known)
        return all(kept.get(name) == known.get(name) and known.get(name) != UNKNOWN for name in asked)

    return partial_inputs


def partial_parameters_only(validate_on: Iterable[str] | None = None) -> Validator:
    """Return a validator that looks at some parameters only; at all where `validate_on` is None.

    Raises:
        ValueError: when it is asked: the flow has no such parameter, so that the task fails.
    """
    names = None if validate_on is None else tuple(validate_on)

    def partial_parameters(state: Cached, inputs: Mapping[str, Any], parameters: Mapping[str, Any]) -> bool:
        kept = state.cached_parameters or {}
        asked = {*kept, *parameters}
        if names is not None:
            asked = _named("partial_parameters_only: the flow has no parameter", names, parameters)
        return all(
            name in kept and name in parameters and digest(kept[name]) == digest(parameters[name]) != UNKNOWN
            for name in asked
        )

    return partial_parameters


def _named(problem: str, names: Iterable[str], known: Iterable[str]) -> set[str]:
    for name in names:
        if name not in known:
            raise ValueError(f"{problem} {name!r}; it has: {listed(known, 'none')}.{suggest(name, known)}")
    return set(names)


class Inputs(dict[str, Any]):
    """The inputs of a task, with their digests, worked out once. Any: the user's."""

    def __init__(self, inputs: Mapping[str, Any]) -> None:
        super().__init__(inputs)
        self.digests = digests(inputs)


UNKNOWN = ""
"""The digest of what has none: it is equal to nothing."""


def digests(inputs: Mapping[str, Any]) -> dict[str, str]:
    """Return the digest of each input, in the order of their names. Any: the user's."""
    return {name: digest(inputs[name]) for name in sorted(inputs)}


def digest(value: Any) -> str:
    """Return a digest of a value, `UNKNOWN` where it cannot be pickled. Any: the user's.

    It is that of the value's content, of which an object's pickle is taken to be all there is. Values of the same
    content may have different ones where pickling tells them apart: then work is done again.
    """
    import hashlib

    state = hashlib.sha256()
    try:
        for part in _framed(value):
            state.update(part)
    except Exception:  # noqa: BLE001  # pickling calls code of the value's class, which may raise anything
        return UNKNOWN
    return state.hexdigest()


def _parts(value: Any) -> Iterable[bytes]:
    """Yield bytes that tell a value apart from others; sets and dictionaries whatever their order is."""
    kind = type(value)
    if kind in (str, int, float, bool, complex, bytes, type(None)):
        yield f"{kind.__name__} {value!r}".encode("utf-8", "surrogatepass")
    elif kind in (list, tuple):
        yield f"{kind.__name__} {len(value)}".encode()
        for item in value:
            yield from _parts(item)
    elif kind in (dict, set, frozenset):
        items = value.items() if kind is dict else value
        yield f"{kind.__name__} {len(value)}".encode()
        yield from sorted(b"".join(_framed(item)) for item in items)
    else:
        import cloudpickle

        yield b"pickle " + cloudpickle.dumps(value)


def _framed(value: Any) -> Iterable[bytes]:
    for part in _parts(value):
        yield len(part).to_bytes(8, "little")
        yield part
