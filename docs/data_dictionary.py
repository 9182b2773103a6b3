"""Write docs/data-dictionary.md from the schema.

``python docs/data_dictionary.py`` rewrites it; a test compares it with what is committed.
"""

from __future__ import annotations

from pathlib import Path

from churn_core.schema import SYSTEM_TABLES, USER_TABLES, Table

TARGET = Path(__file__).resolve().parent / "data-dictionary.md"

INTRODUCTION = """# Data dictionary

Every table of a workspace, written by `python docs/data_dictionary.py` from `churn_core/schema.py`.
Ids are text exactly as given, times are UTC without a zone, money is in the workspace's currency.
"""


def data_dictionary() -> str:
    """The document as Markdown."""
    parts = [INTRODUCTION, "## Tables you fill\n", *(_table(table) for table in USER_TABLES)]
    parts += ["## Tables the product keeps\n", *(_table(table) for table in SYSTEM_TABLES)]
    return "\n".join(parts)


def _table(table: Table) -> str:
    adds = f" Adds: {table.adds}." if table.adds else ""
    lines = [f"### {table.name}\n", f"{table.meaning} Key: {', '.join(table.key)}.{adds}\n"]
    lines += ["| column | type | meaning |", "| --- | --- | --- |"]
    for column in table.columns:
        marks = [word for word, on in (("required", column.required), ("personal", column.personal)) if on]
        meaning = f"{column.meaning} ({', '.join(marks)})" if marks else column.meaning
        lines.append(f"| `{column.name}` | {column.type} | {meaning} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    TARGET.write_text(data_dictionary(), encoding="utf-8")
