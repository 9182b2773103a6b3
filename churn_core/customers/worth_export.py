"""The list of what customers are worth as a file: complete or refused, and safe to open in a spreadsheet."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from churn_core.customers.targets import NUMBER, TEXT, hand_over, mark_as_utf8, safe_cell
from churn_core.customers.worth_view import WORTH_ROWS, order_sql, required_worth, run_beside
from churn_core.errors import InputError
from churn_core.jobs import Progress, no_progress

if TYPE_CHECKING:
    from churn_core.customers.worth_view import WorthRun
    from churn_core.warehouse import Warehouse

COLUMNS: dict[str, tuple[str, bool]] = {
    "customer_id": ("p.customer_id", TEXT),
    "expected_orders": ("round(p.expected_orders, 4)", NUMBER),
    "expected_spend": ("round(p.expected_spend, 2)", NUMBER),
    "typical_spend": ("round(p.typical_spend, 2)", NUMBER),
    "expected_margin": ("round(p.expected_margin, 2)", NUMBER),
    "lifetime_value": ("round(p.lifetime_value, 2)", NUMBER),
    "next_order_at": ("CAST(p.next_order_at AS DATE)", NUMBER),
    "next_order_low": ("CAST(p.next_order_low AS DATE)", NUMBER),
    "next_order_high": ("CAST(p.next_order_high AS DATE)", NUMBER),
    "risk": ("round(p.risk, 4)", NUMBER),
    "tier": ("p.tier", TEXT),
    "value_at_risk": ("round(p.value_at_risk, 2)", NUMBER),
    "as_of": ("CAST($as_of AS DATE)", NUMBER),
    "horizon_days": ("$horizon_days::INTEGER", NUMBER),
    "lifetime_years": ("$lifetime_years::DOUBLE", NUMBER),
    "discount_rate": ("$discount_rate::DOUBLE", NUMBER),
    "worth_id": ("$worth_id::INTEGER", NUMBER),
}
"""Columns of the file in order: SQL text, and whether a cell is text that a spreadsheet could take for a formula."""


@dataclass(frozen=True, kw_only=True)
class WorthExport:
    """A list of values that left the product."""

    export_id: int
    n_rows: int
    """Customers in the file, the header not counted."""
    path: Path
    sha256: str
    """Digest of the file's bytes."""
    worth_id: int


def worth_file_name(run: WorthRun) -> str:
    """A file name that says what the list is and how many rows it has."""
    return f"customer-values-run{run.worth_id}-{run.n_customers}rows.csv"


def write_worth(
    warehouse: Warehouse,
    path: Path,
    *,
    sort: str = "expected_margin",
    worth_id: int | None = None,
    progress: Progress = no_progress,
) -> WorthExport:
    """Write all customers of the newest run as CSV: the whole list or no file.

    ``path`` is the file, or a folder that gets a file named after its rows. ``worth_id`` says which run the person saw;
    NotFound when there is another one by now.
    """
    run = required_worth(warehouse, worth_id=worth_id)
    if not path.parent.is_dir():
        raise InputError(f"the folder {path.parent} does not exist; create it or choose another.")
    progress(0.1, "writing the list")
    whole = warehouse.file(f"export-{uuid.uuid4().hex}.part")
    try:
        n_rows = _write(warehouse, run, sort, whole)
        if n_rows != run.n_customers:
            raise InputError(
                f"{n_rows:,} of {run.n_customers:,} customers could be written; value them again, then export."
            )
        mark_as_utf8(whole)
        target = path / worth_file_name(run) if path.is_dir() else path
        filters = {"worth_id": run.worth_id}
        export_id, digest = hand_over(warehouse, whole, target, n_rows=n_rows, filters=filters, run_id=None)
        return WorthExport(export_id=export_id, n_rows=n_rows, path=target, sha256=digest, worth_id=run.worth_id)
    finally:
        whole.unlink(missing_ok=True)
        whole.with_suffix(".marked").unlink(missing_ok=True)


def _write(warehouse: Warehouse, run: WorthRun, sort: str, target: Path) -> int:
    cells = [f'{safe_cell(sql) if is_text else sql} AS "{name}"' for name, (sql, is_text) in COLUMNS.items()]
    ordered = ", ".join(f"p.{part.strip()}" for part in order_sql(sort).split(","))
    sql = f"SELECT {', '.join(cells)} FROM ({WORTH_ROWS}) p ORDER BY {ordered}"
    parameters = {
        "worth_id": run.worth_id,
        "run_id": run_beside(warehouse),
        "as_of": run.as_of,
        "horizon_days": run.plan.horizon_days,
        "lifetime_years": run.plan.lifetime_years,
        "discount_rate": run.plan.discount_rate,
    }
    return warehouse.write_file(sql, parameters, target, options="FORMAT csv, HEADER")
