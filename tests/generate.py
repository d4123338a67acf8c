"""Generates the parts of the documentation that come from the tables: `python -m tests.generate`.

A part stands between `<!-- generated: NAME -->` and `<!-- end -->`. A test holds every part equal to what this makes.
"""

from __future__ import annotations

import importlib
import re
import sys
from pathlib import Path

from interlock import Extension, Machine, _mermaid
from interlock._grid_markdown import markdown

ROOT = Path(__file__).parent.parent
PLUGINS = tuple(ROOT / "plugins" / f"interlock_{name}" for name in ("approval", "quarantine", "ratelimit"))
FILES = (ROOT / "README.md", ROOT / "spec" / "README.md", *(folder / "README.md" for folder in PLUGINS))
PART = re.compile(r"(<!-- generated: (\S+) -->\n).*?(<!-- end -->)", re.DOTALL)


def part(name: str) -> str:
    """Return one generated part."""
    lifecycle, _, form = name.partition("/")
    if lifecycle == "rows":
        return rows(importlib.import_module(form).EXTENSION)
    machine = Machine.load(lifecycle)
    picture = f"```mermaid\n{_mermaid.mermaid(machine)}\n```\n"
    if form == "picture":
        return picture
    return f"{markdown(machine)}\n\n{picture}"


def rows(extension: Extension) -> str:
    """Return the rows that a plugin adds, as a grid."""
    lines = ["| in | on | goes to | because |", "| --- | --- | --- | --- |"]
    machine = Machine.load(extension.lifecycle).extend(extension)
    for section, cells in extension.table["from"].items():
        state = machine._table.groups.get(section, (section,))[0]
        for signal in cells:
            cell = machine.rows[state][signal]
            to = "refused" if cell.refused else " or ".join(f"`{target}`" for target in cell.targets)
            lines.append(f"| `{section}` | `{signal}` | {to} | {cell.because} |")
    return "\n".join(lines) + "\n"


def generated(text: str) -> str:
    """Return a document with all its parts made anew."""
    return PART.sub(lambda found: found[1] + part(found[2]) + found[3], text)


def main() -> None:
    """Write the documents whose parts have changed."""
    for file in FILES:
        old = file.read_text(encoding="utf-8")
        new = generated(old)
        if new != old:
            file.write_text(new, encoding="utf-8")
            sys.stdout.write(f"{file.relative_to(ROOT)}\n")


if __name__ == "__main__":
    main()
