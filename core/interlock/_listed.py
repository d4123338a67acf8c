"""What the command line tells of installed plugins, and the commands that they add to it."""

from __future__ import annotations

import json
from collections.abc import Container, Iterator
from typing import TYPE_CHECKING

import attrs

from interlock._discovery import BLOCK, Found, blocked, found, installed
from interlock._errors import PluginError, listed, shown
from interlock._machine import Machine
from interlock._plugins import Plugins

if TYPE_CHECKING:
    import click

LIFECYCLES = ("task-run", "flow-run")


@attrs.frozen
class Listed:
    """What is told of one plugin. Its fields are the keys of the JSON form."""

    name: str
    version: str
    distribution: str
    status: str
    """"loaded" by every flow run, "by name" only, "blocked", or "broken"."""
    why: str
    """Why it is blocked or broken."""
    hooks: tuple[str, ...] = ()
    adds: dict[str, dict[str, list[str]]] = attrs.field(factory=dict)
    """By life cycle: the signals and states that it adds."""


def plugins() -> Iterator[Listed]:
    """Yield what is told of each plugin that is installed. One that is blocked is not imported."""
    stopped = blocked()
    for plugin in found():
        if plugin.name in stopped or "*" in stopped:
            yield Listed(plugin.name, plugin.version, plugin.distribution, "blocked", f"by {BLOCK}")
            continue
        try:
            yield _of(plugin)
        except PluginError as error:
            yield Listed(plugin.name, plugin.version, plugin.distribution, "broken", str(error))


def _of(plugin: Found) -> Listed:
    alone = Plugins()
    alone.register(plugin.load(), plugin.name)
    adds = {}
    for name in LIFECYCLES:
        base, machine = Machine.load(name), alone.machine(name)
        signals = [signal for signal in machine.signals if signal not in base.signals]
        states = [state for state in machine.states if state not in base.states]
        if signals or states:
            adds[name] = {"signals": signals, "states": states}
    status = "by name" if plugin.shipped else "loaded"
    return Listed(plugin.name, plugin.version, plugin.distribution, status, "", alone.hooks_of(plugin.name), adds)


def as_json() -> Iterator[str]:
    """Yield a line of JSON for each plugin."""
    for plugin in plugins():
        yield json.dumps(attrs.asdict(plugin))


def as_text() -> Iterator[str]:
    """Yield what a person reads."""
    none = True
    for plugin in plugins():
        none = False
        use = f", --plugin {plugin.name}" if plugin.status == "by name" else ""
        why = f": {plugin.why}" if plugin.why else ""
        yield f"{plugin.name} {plugin.version} ({plugin.distribution}), {plugin.status}{use}{why}"
        if plugin.hooks:
            yield f"  hooks: {listed(plugin.hooks)}"
        for lifecycle, added in plugin.adds.items():
            parts = [f"{kind} {listed(names)}" for kind, names in added.items() if names]
            yield f"  adds to {lifecycle}: {'; '.join(parts)}"
    if none:
        yield "No plugin is installed."


def commands(own: Container[str]) -> dict[str, click.Command]:
    """Return the commands that installed plugins add, by name. Of what cannot be had a warning is printed."""
    import click

    from interlock._drive import steady

    chosen = installed()
    added: dict[str, click.Command] = {}
    for found_one in () if chosen is None else chosen.commands(steady):
        problem: object = found_one
        if not isinstance(found_one, PluginError):
            plugin, command = found_one
            if not isinstance(command, click.Command) or not command.name:
                problem = PluginError(plugin, "add_commands", f"returned {shown(command)}, which is no click command")
            elif command.name in own or command.name in added:
                problem = PluginError(plugin, "add_commands", f"there is a command {command.name!r} already")
            else:
                added[command.name] = command
                continue
        click.echo(f"Warning: {problem}", err=True)
    return added
