"""Write the module map of CONTRIBUTING.md from the first line of every module's docstring.

``python docs/module_map.py`` rewrites it; a test compares it with what is committed.
"""

from __future__ import annotations

import ast
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
GUIDE = ROOT / "CONTRIBUTING.md"
START, END = "<!-- module map: start -->", "<!-- module map: end -->"
FOLDERS = ("churn_core", "ui", "pages", "benchmarks")


def module_map() -> str:
    """One line per module: its path and what it is for."""
    files = [ROOT / "app.py"]
    for folder in FOLDERS:
        files += sorted((ROOT / folder).rglob("*.py"), key=lambda file: (file.parent.as_posix(), file.name))
    lines = ["| module | what it is for |", "| --- | --- |"]
    for file in files:
        docstring = ast.get_docstring(ast.parse(file.read_text(encoding="utf-8")))
        if docstring:
            name = file.relative_to(ROOT).as_posix().removesuffix("/__init__.py")
            lines.append(f"| `{name}` | {docstring.splitlines()[0].replace('|', ' or ')} |")
    return "\n".join(lines)


def guide_with_map() -> str:
    """The text of CONTRIBUTING.md with the map brought up to date."""
    before, rest = GUIDE.read_text(encoding="utf-8").split(START)
    after = rest.split(END)[1]
    return f"{before}{START}\n{module_map()}\n{END}{after}"


if __name__ == "__main__":
    GUIDE.write_text(guide_with_map(), encoding="utf-8")
