"""The alert queue as a file: complete or refused, safe to open in a spreadsheet, and recorded like every list."""

from __future__ import annotations

import uuid
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

from churn_core.customers.alert_model import LEAVE_ALONE, SORTS, AlertFilter
from churn_core.customers.alerts import CURRENT, TRIED, condition, ordered
from churn_core.customers.targets import NUMBER, TEXT, hand_over, mark_as_utf8, safe_cell
from churn_core.errors import InputError, NotEnoughData, unknown_name
from churn_core.warehouse import Warehouse

COLUMNS: dict[str, tuple[str, bool]] = {
    "alert_id": ("a.alert_id", NUMBER),
    "customer_id": ("a.customer_id", TEXT),
    "name": ("c.name", TEXT),
    "email": ("c.email", TEXT),
    "phone": ("c.phone", TEXT),
    "status": ("a.status", TEXT),
    "owner": ("a.owner", TEXT),
    "due_at": ("a.due_on", NUMBER),
    "is_overdue": ("CASE WHEN a.is_overdue THEN 'yes' ELSE 'no' END", TEXT),
    "must_not_contact": ("a.held_back", TEXT),
    "stake": ("round(a.stake, 2)", NUMBER),
    "stake_kind": ("a.stake_kind", TEXT),
    "risk": ("round(a.risk, 4)", NUMBER),
    "tier": ("a.tier", TEXT),
    "rules": ("array_to_string(a.rules, ', ')", TEXT),
    "why_1": ("list_concat(a.rule_words, a.reasons)[1]", TEXT),
    "why_2": ("list_concat(a.rule_words, a.reasons)[2]", TEXT),
    "why_3": ("list_concat(a.rule_words, a.reasons)[3]", TEXT),
    "next_step": (
        f"CASE WHEN a.held_back <> '' AND a.closed_at IS NULL THEN '{LEAVE_ALONE}' ELSE a.next_step END",
        TEXT,
    ),
    "raised_at": ("CAST(a.raised_at AS DATE)", NUMBER),
    "snoozed_until": ("CAST(a.snoozed_until AS DATE)", NUMBER),
    "attempts_not_reached": ("coalesce(t.n_tried, 0)", NUMBER),
    "outcome": ("a.outcome", TEXT),
    "closed_at": ("CAST(a.closed_at AS DATE)", NUMBER),
    "last_order": ("CAST(a.last_order_at AS DATE)", NUMBER),
    "run_id": ("a.run_id", NUMBER),
}
"""Columns of the file in order: SQL text, and whether a cell is text that a spreadsheet could take for a formula."""

PERSONAL = ("name", "email", "phone")
"""Columns that only leave when they are asked for."""


@dataclass(frozen=True, kw_only=True)
class AlertExport:
    """A list of alerts that left the product."""

    export_id: int
    n_rows: int
    """Alerts in the file, the header not counted."""
    path: Path
    sha256: str
    """Digest of the file's bytes."""

    @property
    def message(self) -> str:
        """What happened, as a sentence."""
        return f"{self.n_rows:,} {'alert' if self.n_rows == 1 else 'alerts'} written to {self.path.name}."


def alerts_file_name(n_rows: int) -> str:
    """A file name that says what the list is and how many rows it has.

    >>> alerts_file_name(23)
    'alerts-23rows.csv'
    """
    return f"alerts-{n_rows}rows.csv"


def write_alerts(
    warehouse: Warehouse,
    path: Path,
    chosen: AlertFilter | None = None,
    *,
    sort: str = "stake",
    with_contact: bool = False,
    n_expected: int | None = None,
    now: datetime | None = None,
) -> AlertExport:
    """Write all alerts that a filter means, in their order, as CSV: the whole list or no file.

    ``path`` is the file, or a folder that gets a file named after its rows. ``with_contact`` adds name, e-mail and
    telephone number. ``n_expected`` is what the person saw: InputError when it is another number by now.
    NotEnoughData when no alert is meant.
    """
    chosen = chosen or AlertFilter()
    if sort not in SORTS:
        raise unknown_name("order", sort, SORTS)
    if not path.parent.is_dir():
        raise InputError(f"the folder {path.parent} does not exist; create it or choose another.")
    whole = warehouse.file(f"export-{uuid.uuid4().hex}.part")
    try:
        sql, values = _selected(chosen, sort, with_contact, now)
        n_rows = warehouse.write_file(sql, values, whole, options="FORMAT csv, HEADER")
        if not n_rows:
            raise NotEnoughData("no alert matches, so there is nothing to export; widen the filter first.")
        if n_expected is not None and n_rows != n_expected:
            raise InputError(f"the queue has {n_rows:,} such alerts by now and not {n_expected:,}; look at it again.")
        mark_as_utf8(whole)
        target = path / alerts_file_name(n_rows) if path.is_dir() else path
        filters = {"alerts": asdict(chosen), "sort": sort, "with_contact": with_contact}
        export_id, digest = hand_over(warehouse, whole, target, n_rows=n_rows, filters=filters, run_id=None)
        return AlertExport(export_id=export_id, n_rows=n_rows, path=target, sha256=digest)
    finally:
        whole.unlink(missing_ok=True)
        whole.with_suffix(".marked").unlink(missing_ok=True)


def _selected(
    chosen: AlertFilter, sort: str, with_contact: bool, now: datetime | None
) -> tuple[str, dict[str, object]]:
    where, values = condition(chosen, now=now)
    cells = ", ".join(
        f'{safe_cell(sql) if is_text else sql} AS "{name}"'
        for name, (sql, is_text) in COLUMNS.items()
        if with_contact or name not in PERSONAL
    )
    return (
        f"SELECT {cells} FROM ({CURRENT}) a LEFT JOIN customers c ON c.customer_id = a.customer_id "
        f"LEFT JOIN ({TRIED}) t ON t.alert_id = a.alert_id WHERE {where} "
        f"AND a.status IN (SELECT unnest($statuses::VARCHAR[])) ORDER BY {ordered(sort)}",
        values,
    )
