"""Generates the parts of the documentation that come from the tables: `python -m tests.generate`.

A part stands between `<!-- generated: NAME -->` and `<!-- end -->`. A test holds every part equal to what this makes.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

from interlock import Machine, _draw

ROOT = Path(__file__).parent.parent
FILES = (ROOT / "README.md", ROOT / "spec" / "README.md")
PART = re.compile(r"(<!-- generated: (\S+) -->\n).*?(<!-- end -->)", re.DOTALL)


def part(name: str) -> str:
    """Return one generated part."""
    lifecycle, _, form = name.partition("/")
    machine = Machine.load(lifecycle)
    picture = f"```mermaid\n{_draw.mermaid(machine)}\n```\n"
    if form == "picture":
        return picture
    return f"{_draw.markdown_grid(machine)}\n\n{picture}"


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
