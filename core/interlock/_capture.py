"""The one place where code of the user is called: whatever it does becomes a signal."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar, overload

import attrs

from interlock._context import current
from interlock.signals import FAIL, Signal, succeeded

if TYPE_CHECKING:
    from interlock._context import Layers

T = TypeVar("T")
U = TypeVar("U")


@attrs.frozen
class Answer:
    """What a trigger, or another question to the user's code, returned. Any: whatever that was."""

    value: Any


@attrs.frozen
class Raised:
    """What it raised, where that is no signal."""

    error: BaseException


@overload
def capture(function: Callable[..., Any], arguments: Mapping[str, Any], layers: Layers) -> Signal: ...
@overload
def capture(
    function: Callable[..., Any],
    arguments: Mapping[str, Any],
    layers: Layers,
    returned: Callable[[Any], T],
    raised: Callable[[BaseException], U],
) -> Signal | T | U: ...
def capture(
    function: Callable[..., Any],
    arguments: Mapping[str, Any],
    layers: Layers,
    returned: Callable[[Any], Any] = succeeded,
    raised: Callable[[BaseException], Any] | None = None,
) -> Any:
    """Call a function in a context, and return what it did as a signal. Any: it is the user's.

    `returned` makes something of a value that the function returned, `raised` of an exception. `KeyboardInterrupt`
    passes through: a person speaks to the whole program.
    """
    token = current.set(layers)
    try:
        value = function(**arguments)
    except Signal as signal:
        return without_frames(signal)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # noqa: BLE001  # user code may raise anything, sys.exit too: it fails this task
        return ended_by(error) if raised is None else raised(without_frames(error))
    finally:
        current.reset(token)
    return returned(value)


def ended_by(error: BaseException) -> Signal:
    """Return what a body did that raised: the signal itself, or the failure."""
    return without_frames(error) if isinstance(error, Signal) else failure(error)


def failure(error: BaseException) -> FAIL:
    """Return the signal for an exception: its text as the message, itself as the result."""
    return FAIL._of(text_of(error), result=without_frames(error))


def text_of(error: BaseException) -> str:
    """Return the name and the text of an exception, whatever its own `str` does."""
    name = type(error).__name__
    try:
        text = str(error)
    except Exception as second:  # noqa: BLE001  # an exception of the user's may be unable to say what it is
        text = f"<its text raised {type(second).__name__}>"
    return f"{name}: {text}" if text else name


def without_frames(error: Any) -> Any:
    """Take our own frame, the outermost, from an exception's traceback. Any: the same type comes back."""
    if error.__traceback__ is not None:
        error.__traceback__ = error.__traceback__.tb_next
    return error
