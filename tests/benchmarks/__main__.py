"""The command line: `python -m tests.benchmarks [--quick | --large] [--json FILE] [--chart FILE.svg] ...`."""

from __future__ import annotations

import argparse
import importlib.util
import json
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from . import chart, report
from .environment import usual
from .facts import about, footer, load
from .subjects import FULL, LARGE, QUICK, Pace, environ, peers, round_, subjects


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print the table, and return 0; 1 if one of our own subjects did not work at all."""
    given = sys.argv[1:] if arguments is None else list(arguments)
    parser = _parser()
    options = parser.parse_args(given)
    if options.chart and importlib.util.find_spec("matplotlib") is None:
        parser.error("--chart needs matplotlib, which comes with interlock[bench]")
    if options.given:
        if not options.chart:
            parser.error("--from draws a chart: name it with --chart")
        found, works = json.loads(options.given.read_text(encoding="utf-8")), True
    else:
        pace = QUICK if options.quick else LARGE if options.large else FULL
        found, works = measured(pace, (options.peers or usual()).absolute(), options.only.lower(), given)
    if options.json:
        options.json.write_text(report.written(found), encoding="utf-8")
    if options.chart:
        chart.draw(found, options.chart)
    return int(not works)


def _parser() -> argparse.ArgumentParser:
    description = "Measure Interlock and others side by side, and print a table."
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=description)
    paces = parser.add_mutually_exclusive_group()
    paces.add_argument(
        "--quick", action="store_true", help="a rougher measurement of what is quick, in a minute or two"
    )
    paces.add_argument("--large", action="store_true", help="only how cost grows to a million: about twenty minutes")
    parser.add_argument("--only", metavar="WORD", default="", help="only rows and subjects with this word")
    parser.add_argument("--peers", type=Path, metavar="DIR", help="where peers are, or get, installed")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all that was measured to a file")
    parser.add_argument("--chart", type=Path, metavar="FILE.svg", help="draw the costs of tasks, children and turns")
    parser.add_argument("--from", dest="given", type=Path, metavar="FILE", help="draw what an earlier --json wrote")
    return parser


def measured(pace: Pace, folder: Path, word: str, arguments: Sequence[str]) -> tuple[dict[str, Any], bool]:
    """Measure and print the table. Return it as JSON (hence Any), and whether all that is ours could be measured."""
    chosen = list(peers(pace, word, folder))
    known = about(pace, chosen, arguments)
    everything = list(subjects(pace, word, chosen))
    began = time.perf_counter()
    with tempfile.TemporaryDirectory() as kept:
        for number in range(pace.rounds):
            sys.stderr.write(f"round {number + 1} of {pace.rounds}\n")
            round_(everything, number, pace, environ(kept))
    known |= {"load_after": load(), "seconds": round(time.perf_counter() - began, 1)}
    results = [subject.result for subject in everything]
    sys.stdout.write(report.table(results) + "\n\n" + footer(known) + "\n")
    works = all(result.measured for result in results if result.measure.ours)
    return {"facts": known, "rows": report.data(results)}, works


if __name__ == "__main__":
    sys.exit(main())
