"""Measures one subject and prints what it found: `python -m benchmarks.worker MODULE NUMBER SECONDS`.

It runs in a fresh process, under the interpreter of the peer that it measures, and imports nothing else.
"""

from __future__ import annotations

import importlib
import json
import sys

from .clock import Measure

MARK = "measured: "
"""Begins the line with what was found: libraries may print lines of their own."""


def main(module: str, number: str, seconds: str) -> None:
    measures: list[Measure] = importlib.import_module(f".{module}", __package__).MEASURES
    sys.stdout.write(MARK + json.dumps(measures[int(number)].sample(float(seconds))) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
