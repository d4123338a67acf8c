"""What the commands share: exit codes, mistakes, and what some words of a command line mean."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from interlock._plugins import Plugins

SUCCESS, FAILED, MISUSE, PAUSED, CANCELLED = range(5)


class Misuse(click.ClickException):
    """A mistake of the user."""

    exit_code = MISUSE


PLUGIN = click.option(
    "--plugin", multiple=True, metavar="NAME[:KEY=VALUE,...]", help="An installed plugin to use, with its options."
)


def chosen_plugins(texts: tuple[str, ...]) -> Plugins | None:
    """Return the plugins that were asked for, beside those that are installed; None for these alone."""
    if not texts:
        return None
    from interlock._discovery import load_beside

    named: dict[str, dict[str, Any]] = {}
    for text in texts:
        name, _, options = text.partition(":")
        named[name] = {}
        for option in filter(None, options.split(",")):
            key, equals, _value = option.partition("=")
            if not equals or not key.isidentifier():
                raise Misuse(f"--plugin {text!r}: write NAME or NAME:KEY=VALUE,..., as in --plugin ratelimit:rate=5")
            named[name][key] = parameter(option)[1]
    return load_beside(named)


def parameter(text: str) -> tuple[str, Any]:
    """Return the name and value of a parameter. Any: whatever the JSON says."""
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise Misuse(f"--param {text!r}: write NAME=VALUE, as in --param size=3")
    try:
        return name, json.loads(value)
    except ValueError:
        return name, value
