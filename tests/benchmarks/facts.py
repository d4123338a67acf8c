"""What one must know to read the numbers: when and where they were measured, how, and of which versions."""

from __future__ import annotations

import os
import platform
import shlex
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from .subjects import Pace, Peer


def about(pace: Pace, peers: Sequence[Peer], arguments: Sequence[str]) -> dict[str, Any]:
    """Return what is known before something is measured. Any: JSON."""
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": shlex.join(["python", "-m", "tests.benchmarks", *arguments]),
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "platform": f"{platform.system()} {platform.machine()}",
        "processor": _processor(),
        "processors": os.cpu_count(),
        "rounds": pace.rounds,
        "seconds_per_subject_and_round": pace.seconds,
        "peers": {peer.name: {"python": peer.version, "requires": peer.requires} for peer in peers},
        "load_before": load(),
    }


def _processor() -> str | None:
    """Return what the processors call themselves, where the system tells it."""
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            return next((line.partition(":")[2].strip() for line in file if line.startswith("model name")), None)
    except OSError:
        return platform.processor() or None


def load() -> list[float] | None:
    """Return how many processes wanted to run, lately."""
    return [round(load, 2) for load in os.getloadavg()] if hasattr(os, "getloadavg") else None


def machine(facts: dict[str, Any]) -> str:
    """Return on what was measured."""
    kind = f" {facts['processor']}" if facts["processor"] else ""
    return f"{facts['platform']}, {facts['processors']}{kind} processors"


def busy(facts: dict[str, Any]) -> str:
    """Return how busy the machine was, where that is known; what is measured makes for a load of one by itself."""
    if not facts["load_before"]:
        return ""
    return f"; load {facts['load_before'][0]} before, {facts['load_after'][0]} after"


def footer(facts: dict[str, Any]) -> str:
    """Return what stands below the table."""
    peers = [
        f"{' with '.join(peer['requires'])} (Python {peer['python']})"
        for peer in facts["peers"].values()
        if peer["python"]
    ]
    told = (
        f"{facts['date']}, {facts['python']}, {machine(facts)}{busy(facts)}.\n"
        f"{facts['rounds']} rounds of fresh processes in {facts['seconds']} s; wall time, garbage collector on; "
        "budgets are meant for an idle machine."
    )
    if not peers:
        return told
    return (
        f"{told}\nPeers: {', '.join(peers)}.\n"
        "The libraries for state machines have neither story nor counts, and no safety between threads."
    )
