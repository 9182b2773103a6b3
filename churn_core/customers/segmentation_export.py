"""Members of segments as a file: complete, safe to open in a spreadsheet, and recorded like every list that leaves."""

from __future__ import annotations

import hashlib
import json
import uuid

from churn_core.customers.at_risk import TAGS_OF
from churn_core.customers.segmentation_store import segmentation
from churn_core.customers.still_there import still_there, those_left
from churn_core.customers.targets import mark_as_utf8, safe_cell
from churn_core.errors import NotEnoughData
from churn_core.models.runs import latest_run
from churn_core.warehouse import Warehouse, utc_now


def members_csv(warehouse: Warehouse, segmentation_id: int, no: int | None = None) -> bytes:
    """The customers of a segment (None: of all) at the newest date, with tags, and with risk and money where scored.

    Where the label says of some of them that they have left, a column ``has_left`` says of whom, and these have
    neither risk nor money. NotEnoughData when nobody is in it.
    """
    found = segmentation(warehouse, segmentation_id)
    run = latest_run(warehouse)
    names = [(entry.no, entry.name) for entry in found.segments]
    parameters: dict[str, object] = {
        "id": segmentation_id,
        "no": no,
        "run_id": run.run_id if run else None,
        "nos": [entry[0] for entry in names],
        "names": [entry[1] for entry in names],
    }
    n_left = warehouse.value(_N_LEFT, {name: parameters[name] for name in ("id", "no", "run_id")})
    part = warehouse.file(f"segments-{uuid.uuid4().hex}.part")
    try:
        n_rows = warehouse.write_file(_sql(with_left=n_left > 0), parameters, part, options="FORMAT csv, HEADER")
        if not n_rows:
            raise NotEnoughData("nobody is in this segment any more, so there is nothing to export.")
        mark_as_utf8(part)
        content = part.read_bytes()
    finally:
        part.unlink(missing_ok=True)
        part.with_suffix(".marked").unlink(missing_ok=True)
    _record(warehouse, csv_name(found.name, no, n_rows), n_rows, parameters, content)
    return content


def csv_name(name: str, no: int | None, n_rows: int) -> str:
    """A file name that says what the list is and how many rows it has.

    >>> csv_name("Autumn: who buys how?", 2, 1204)
    'segments-autumn-who-buys-how-2-1204rows.csv'
    """
    words = "".join(letter if letter.isalnum() else " " for letter in name.lower()).split()
    part = "" if no is None else f"-{no}"
    return f"segments-{'-'.join(words)}{part}-{n_rows}rows.csv"


_MEMBERS = (
    "(SELECT * FROM segmentation_members WHERE segmentation_id = $id AND as_of = (SELECT max(as_of) "
    "FROM segmentation_members WHERE segmentation_id = $id) AND ($no::INTEGER IS NULL OR segment_no = $no::INTEGER))"
)
_N_LEFT = f"SELECT count(*) FROM {_MEMBERS} m JOIN ({those_left()}) l ON l.customer_id = m.customer_id"


def _sql(*, with_left: bool) -> str:
    has_left = ", CASE WHEN l.customer_id IS NULL THEN 'no' ELSE 'yes' END AS has_left" if with_left else ""
    return (
        f"SELECT {safe_cell('m.customer_id')} AS customer_id, m.segment_no, {safe_cell('n.name')} AS segment, "
        "round(m.probability, 4) AS probability, CAST(m.as_of AS DATE) AS as_of, s.tier, round(s.risk, 4) AS risk, "
        "round(s.expected_value, 2) AS expected_value, round(s.value_at_risk, 2) AS value_at_risk, "
        f"{safe_cell('t.tags')} AS tags{has_left} "
        f"FROM {_MEMBERS} m "
        "JOIN (SELECT unnest($nos::INTEGER[]) AS no, unnest($names::VARCHAR[]) AS name) n ON n.no = m.segment_no "
        f"LEFT JOIN (SELECT * FROM scores WHERE run_id = $run_id AND {still_there()}) s "
        "ON s.customer_id = m.customer_id "
        f"LEFT JOIN ({those_left()}) l ON l.customer_id = m.customer_id "
        f"LEFT JOIN ({TAGS_OF} GROUP BY customer_id) t ON t.customer_id = m.customer_id "
        "ORDER BY m.segment_no, m.customer_id"
    )


def _record(warehouse: Warehouse, file_name: str, n_rows: int, parameters: dict[str, object], content: bytes) -> None:
    digest = hashlib.sha256(content).hexdigest()
    with warehouse.transaction() as tx:
        export_id = tx.next_number("exports", "export_id")
        tx.execute(
            "INSERT INTO exports (export_id, exported_at, file_name, n_rows, filters, run_id, sha256) "
            "VALUES ($export_id, $now, $file_name, $n_rows, $filters, $run_id, $sha256)",
            {
                "export_id": export_id,
                "now": utc_now(),
                "file_name": file_name,
                "n_rows": n_rows,
                "filters": json.dumps({"segmentation_id": parameters["id"], "segment_no": parameters["no"]}),
                "run_id": parameters["run_id"],
                "sha256": digest,
            },
        )
        tx.audit("export", {"export_id": export_id, "file_name": file_name, "n_rows": n_rows, "sha256": digest})
