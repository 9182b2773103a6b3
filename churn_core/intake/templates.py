"""Upload templates: one CSV per kind of file with the columns that are understood and example rows.

Generated from the schema, so a template cannot ask for a column that the product does not know. The committed
files in ``data/templates`` are compared with these by a test.
"""

from __future__ import annotations

import csv
import io
from pathlib import Path

from churn_core.intake.kinds import KINDS, Kind
from churn_core.schema import TABLES

_OTHERS = {
    "order_id": {"orders": "A-1002", "order_lines": "A-1001", "returns": "A-1002"},
    "return_id": "R-78",
    "order_time": {"orders": "2025-06-02 10:15", "order_lines": "2025-05-17 14:03"},
    "return_time": "2025-06-09",
    "event_time": "2025-06-01 18:22",
    "feedback_time": "2025-06-05",
    "opened_at": "2025-06-03 11:20",
    "first_reply_at": "",
    "resolved_at": "",
    "contact_time": "2025-06-01 08:00",
    "churned": "yes",
    "kind": {"events": "cart", "contacts": "sent"},
    "name": "Alan Turing",
    "email": "alan@example.org",
    "signup_time": "2024-11-20",
    "email_consent": "no",
    "product_id": "22041",
    "product_name": "Record frame",
    "quantity": "1",
    "unit_price": "2.10",
    "amount": {"orders": "120.00", "order_lines": "", "returns": "120.00"},
}

_NEXT_ORDER = {"order_id": "A-1002", "customer_id": "C-00043", "order_time": "2025-06-02 10:15"}
"""An order of another customer below the two lines of the first."""


def template(kind: Kind) -> str:
    """The template of a kind of file as CSV text: a header and example rows."""
    columns = [column for column in TABLES[kind.table].mappable if column.name in kind.field_names]
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([column.name for column in columns])
    writer.writerow([column.example for column in columns])
    writer.writerow([_other(kind, column.name, column.example) for column in columns])
    if kind.name == "order_lines":
        writer.writerow([_NEXT_ORDER.get(column.name, column.example) for column in columns])
    return text.getvalue()


def write_templates(folder: Path) -> list[Path]:
    """Write the template of every kind of file to ``<folder>/<kind>.csv``; the files written."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for kind in KINDS.values():
        path = folder / f"{kind.name}.csv"
        path.write_text(template(kind), encoding="utf-8", newline="")
        written.append(path)
    return written


def _other(kind: Kind, name: str, example: str) -> str:
    if name == "customer_id":
        return example if kind.name == "order_lines" else "C-00043"
    other = _OTHERS.get(name, example)
    return str(other.get(kind.name, example)) if isinstance(other, dict) else str(other)
