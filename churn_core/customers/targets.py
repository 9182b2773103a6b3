"""Lists that leave the product: complete or refused, and safe to open in a spreadsheet.

The page's export and ``churn targets`` write the same file here. The file gets its name only when it is
whole; what left is kept in ``exports`` with its digest.
"""

from __future__ import annotations

import codecs
import hashlib
import json
import os
import shutil
import uuid
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from churn_core.customers.at_risk import DAYS_SINCE, LAST_ORDER, NET_VALUES, TAGS_OF, required_run
from churn_core.customers.selection import CustomerFilter, RunKey, condition
from churn_core.customers.still_there import still_there
from churn_core.errors import InputError, NotEnoughData
from churn_core.jobs import Progress, no_progress
from churn_core.warehouse import Warehouse, utc_now

CHUNK_BYTES = 1 << 20

TEXT, NUMBER = True, False

COLUMNS: dict[str, tuple[str, bool]] = {
    "customer_id": ("s.customer_id", TEXT),
    "name": ("c.name", TEXT),
    "email": ("c.email", TEXT),
    "phone": ("c.phone", TEXT),
    "country": ("c.country", TEXT),
    "city": ("c.city", TEXT),
    "language": ("c.language", TEXT),
    "email_consent": ("CASE c.email_consent WHEN true THEN 'yes' WHEN false THEN 'no' END", TEXT),
    "tier": ("s.tier", TEXT),
    "risk": ("round(s.risk, 4)", NUMBER),
    "expected_value": ("round(s.expected_value, 2)", NUMBER),
    "value_at_risk": ("round(s.value_at_risk, 2)", NUMBER),
    "main_reason": ("r.up_1", TEXT),
    "main_reason_key": ("s.main_reason", TEXT),
    "up_1": ("r.up_1", TEXT),
    "up_2": ("r.up_2", TEXT),
    "up_3": ("r.up_3", TEXT),
    "down_1": ("r.down_1", TEXT),
    "down_2": ("r.down_2", TEXT),
    "tags": ("t.tags", TEXT),
    "last_order": ("CAST(o.last_order AS DATE)", NUMBER),
    "days_since_last_order": (DAYS_SINCE, NUMBER),
    "as_of": ("CAST($cutoff AS DATE)", NUMBER),
    "run_id": ("$run_id::INTEGER", NUMBER),
    "model_version": ("$model_version::INTEGER", NUMBER),
    "reasons_from": ("$reasons_from::VARCHAR", TEXT),
}
"""Columns of the file in order: SQL text, and whether a cell is text that a spreadsheet could take for a formula.

``main_reason`` is the sentence that the list shows under that name; ``main_reason_key`` is the name of its feature,
for programs. ``reasons_from`` says whether the contributions behind the reasons are exact or sampled, with their error.
``has_left`` follows where those who have left are in the file.
"""

PERSONAL = ("name", "email", "phone")
"""Columns that only leave when they are asked for."""

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
"""Characters with which a spreadsheet starts a formula, also in full width."""

HARMLESS = "[+-]?[0-9]+([.][0-9]+)?|[+][(]?[0-9][0-9 ()./-]*"
"""Numbers and telephone numbers: what may start like a formula and still stays as it is."""


@dataclass(frozen=True, kw_only=True)
class Export:
    """A list that left the product."""

    export_id: int
    n_rows: int
    """Customers in the file, the header not counted."""
    path: Path
    sha256: str
    """Digest of the file's bytes."""
    run_id: int

    @property
    def message(self) -> str:
        """What happened, as a sentence."""
        who = "1 customer" if self.n_rows == 1 else f"{self.n_rows:,} customers"
        return f"{who} of score run {self.run_id} written to {self.path.name}."


def export_name(run_id: int, n_rows: int, tiers: tuple[str, ...] = ()) -> str:
    """A file name that says what the list is and how many rows it has.

    >>> export_name(3, 2345, ("high",))
    'customers-high-run3-2345rows.csv'
    """
    return f"customers-{''.join(f'{tier}-' for tier in tiers)}run{run_id}-{n_rows}rows.csv"


def safe_cell(sql: str) -> str:
    """SQL text of a cell that no spreadsheet runs: an apostrophe before what would start a formula.

    A number (an id such as -5) and a telephone number (+49 555 000-12) stay as they are: a CRM or a dialler reads the
    cell literally, and without a letter, a quote, ``=``, ``!`` or ``|`` there is no function to call, no cell to
    read and no program to start; the worst a spreadsheet could do is to show the result of a subtraction.
    """
    starts = ", ".join(str(ord(start)) for start in FORMULA_STARTS)
    return (
        f"CASE WHEN ascii({sql}) IN ({starts}) AND NOT regexp_full_match({sql}, '{HARMLESS}') "
        f"THEN '''' || {sql} ELSE {sql} END"
    )


def write_targets(
    warehouse: Warehouse,
    chosen: CustomerFilter,
    path: Path,
    *,
    with_contact: bool = False,
    run_id: int | None = None,
    n_expected: int | None = None,
    progress: Progress = no_progress,
) -> Export:
    """Write all customers the filter means, in its order, as CSV: the whole list or no file.

    ``path`` is the file, or a folder that gets a file named after its row count. ``with_contact`` adds name,
    e-mail and telephone number. ``run_id`` and ``n_expected`` say what the person saw before asking: the
    export is refused (InputError) when the run or the number of customers is another by now. NotEnoughData
    when nobody is meant.
    """
    run = required_run(warehouse, run_id=run_id)
    if not path.parent.is_dir():
        raise InputError(f"the folder {path.parent} does not exist; create it or choose another.")
    progress(0.05, "writing the list")
    whole = warehouse.file(f"export-{uuid.uuid4().hex}.part")
    try:
        n_rows = _write(warehouse, chosen, run, whole, with_contact=with_contact)
        progress(0.8, "checking the file")
        if n_rows == 0:
            raise NotEnoughData("no customer matches, so there is nothing to export; widen the filter first.")
        if n_expected is not None and n_rows != n_expected:
            raise InputError(
                f"the list has {n_rows:,} customers by now and not {n_expected:,}; reload the page and export again."
            )
        mark_as_utf8(whole)
        target = path / export_name(run.run_id, n_rows, chosen.tiers) if path.is_dir() else path
        export_id, digest = hand_over(
            warehouse, whole, target, n_rows=n_rows, filters=asdict(chosen), run_id=run.run_id
        )
        return Export(export_id=export_id, n_rows=n_rows, path=target, sha256=digest, run_id=run.run_id)
    finally:
        whole.unlink(missing_ok=True)
        whole.with_suffix(".marked").unlink(missing_ok=True)


def _write(warehouse: Warehouse, chosen: CustomerFilter, run: RunKey, target: Path, *, with_contact: bool) -> int:
    where = condition(chosen, run)
    cells = [
        f'{safe_cell(sql) if is_text else sql} AS "{name}"' for name, (sql, is_text) in _columns(with_contact).items()
    ]
    if chosen.with_left:
        cells.append(f"CASE WHEN {still_there(own='s.customer_id')} THEN 'no' ELSE 'yes' END AS has_left")
    direction = "DESC" if chosen.descending else "ASC"
    beside = {"days_since_last_order": DAYS_SINCE, "net_value": "u.net_value"}
    key = beside.get(chosen.sort, f"s.{chosen.sort}")
    sql = (
        f"SELECT {', '.join(cells)} FROM (SELECT * FROM scores WHERE {where.sql}) s "
        "LEFT JOIN (SELECT * FROM reasons WHERE run_id = $run_id) r ON r.customer_id = s.customer_id "
        "LEFT JOIN customers c ON c.customer_id = s.customer_id "
        f"LEFT JOIN ({LAST_ORDER} GROUP BY customer_id) o ON o.customer_id = s.customer_id "
        f"LEFT JOIN ({NET_VALUES}) u ON u.customer_id = s.customer_id "
        f"LEFT JOIN ({TAGS_OF} GROUP BY customer_id) t ON t.customer_id = s.customer_id "
        f"ORDER BY {key} {direction} NULLS LAST, s.customer_id"
    )
    model = warehouse.value("SELECT model_version FROM score_runs WHERE run_id = $run_id", {"run_id": run.run_id})
    parameters = where.parameters | {
        "cutoff": run.as_of,
        "net_run_id": run.net_run_id,
        "model_version": model,
        "reasons_from": _reasons_from(warehouse, run),
    }
    return warehouse.write_file(sql, parameters, target, options="FORMAT csv, HEADER")


def _reasons_from(warehouse: Warehouse, run: RunKey) -> str:
    """Whether the run's contributions are exact or sampled, with the largest standard error."""
    kept = json.loads(warehouse.value("SELECT summary FROM score_runs WHERE run_id = $run_id", {"run_id": run.run_id}))
    errors = kept.get("standard_error") or {}
    if not errors:
        return "exact contributions"
    return f"sampled contributions, standard error up to {max(errors.values()):.2g} log-odds"


def _columns(with_contact: bool) -> dict[str, tuple[str, bool]]:
    return {name: column for name, column in COLUMNS.items() if with_contact or name not in PERSONAL}


def mark_as_utf8(file: Path) -> None:
    """Put a byte order mark before text that is not plain ASCII, without which spreadsheets misread it."""
    with file.open("rb") as content:
        if all(chunk.isascii() for chunk in iter(lambda: content.read(CHUNK_BYTES), b"")):
            return
        content.seek(0)
        marked = file.with_suffix(".marked")
        with marked.open("wb") as target:
            target.write(codecs.BOM_UTF8)
            shutil.copyfileobj(content, target, CHUNK_BYTES)
    os.replace(marked, file)


def hand_over(
    warehouse: Warehouse, whole: Path, target: Path, *, n_rows: int, filters: Mapping[str, object], run_id: int | None
) -> tuple[int, str]:
    """Record a finished list and give the file its name, together; the export's number and the file's digest.

    ``filters`` say what was selected; ``run_id`` is the score run, None for a list that does not rest on one.
    """
    with whole.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    beside = target.with_name(f".{target.name}.{uuid.uuid4().hex[:8]}.part")
    try:
        shutil.move(whole, beside)
        with warehouse.transaction() as tx:
            export_id = tx.next_number("exports", "export_id")
            tx.execute(
                "INSERT INTO exports (export_id, exported_at, file_name, n_rows, filters, run_id, sha256) "
                "VALUES ($export_id, $now, $file_name, $n_rows, $filters, $run_id, $sha256)",
                {
                    "export_id": export_id,
                    "now": utc_now(),
                    "file_name": target.name,
                    "n_rows": n_rows,
                    "filters": json.dumps(filters, ensure_ascii=False),
                    "run_id": run_id,
                    "sha256": digest,
                },
            )
            tx.audit("export", {"export_id": export_id, "file_name": target.name, "n_rows": n_rows, "sha256": digest})
            os.replace(beside, target)
    finally:
        beside.unlink(missing_ok=True)
    return export_id, digest
