"""Generates the parts of the documentation that come from the tables: `python -m tests.generate`.

A part stands between `<!-- generated: NAME -->` and `<!-- end -->`. A test holds every part equal to what this makes.
Pictures are files beside; each ends with the hash of the text that graphviz drew it from, which the test holds equal:
another release of graphviz draws other curves.
"""

from __future__ import annotations

import hashlib
import importlib
import re
import sys
from pathlib import Path

from interlock import Extension, Machine, _mermaid, draw
from interlock._grid_markdown import markdown

ROOT = Path(__file__).parent.parent
PLUGINS = tuple(ROOT / "plugins" / f"interlock_{name}" for name in ("approval", "quarantine", "ratelimit"))
FILES = (ROOT / "spec" / "README.md", *(folder / "README.md" for folder in PLUGINS))
PICTURES = {ROOT / "spec" / f"{name}.svg": name for name in ("task-run", "flow-run")}
PART = re.compile(r"(<!-- generated: (\S+) -->\n).*?(<!-- end -->)", re.DOTALL)


def part(name: str) -> str:
    """Return one generated part."""
    lifecycle, _, form = name.partition("/")
    if lifecycle == "rows":
        return rows(importlib.import_module(form).EXTENSION)
    machine = Machine.load(lifecycle)
    told = f"[As graphviz draws it]({lifecycle}.svg); as a flowchart:"
    return f"{markdown(machine)}\n\n{told}\n\n```mermaid\n{_mermaid.mermaid(machine)}\n```\n"


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


def stamp(name: str) -> str:
    """Return what the picture of a life cycle ends with."""
    source = draw(Machine.load(name), "dot")
    return f"<!-- {name}: {hashlib.sha256(source.encode()).hexdigest()} -->\n"


def main() -> None:
    """Write the documents whose parts have changed, and the pictures of what has."""
    for file in FILES:
        old = file.read_text(encoding="utf-8")
        new = generated(old)
        if new != old:
            file.write_text(new, encoding="utf-8")
            sys.stdout.write(f"{file.relative_to(ROOT)}\n")
    for file, name in PICTURES.items():
        if not file.exists() or not file.read_text(encoding="utf-8").endswith(stamp(name)):
            file.write_text(draw(Machine.load(name), "svg") + stamp(name), encoding="utf-8")
            sys.stdout.write(f"{file.relative_to(ROOT)}\n")


if __name__ == "__main__":
    main()
