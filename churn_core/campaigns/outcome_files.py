"""Outcomes of a campaign from a file: matched to the customers who were drawn, and stored whole or not at all.

For shops whose orders are not in the workspace, and for outcomes that are no orders. An outcome of a file is measured
under its own name; where that is the name of an outcome counted from orders, it takes its place.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from churn_core.campaigns.goals import OUTCOMES
from churn_core.campaigns.outcome_checks import Match, due, matched
from churn_core.campaigns.outcome_rows import OutcomeColumns, id_column_of, kinds_of, read_rows, without_apostrophes
from churn_core.campaigns.store import Campaign, required_locked
from churn_core.errors import NotFound, unknown_name
from churn_core.features.definition import known_until
from churn_core.intake.source import Source
from churn_core.jobs import Progress, no_progress
from churn_core.warehouse import Transaction, Warehouse, acting_person, utc_now

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True, kw_only=True)
class OutcomeImport:
    """What came of bringing a file of outcomes."""

    outcome_id: int
    campaign_id: str
    file_name: str
    id_column: str
    """Column of the customer id, given or found."""
    metrics: Mapping[str, str]
    """Outcomes by the name they are measured under, with their kind."""
    replaced: tuple[str, ...]
    """Of these, outcomes that an earlier file had brought."""
    from_orders: tuple[str, ...]
    """Of these, outcomes that orders would tell as well; the file takes their place."""
    n_rows: int
    match: Match
    missing_is_zero: bool
    """Whether customers who are missing in the file count as 0."""

    @property
    def message(self) -> str:
        """The same in a few sentences."""
        found = self.match
        told = [f"{_names(self.metrics)} of {_counted(found.n_matched, 'customer')} came from {self.file_name}."]
        if found.n_missing:
            are, count = ("is", "counts") if found.n_missing == 1 else ("are", "count")
            told.append(f"{_counted(found.n_missing, 'customer')} {are} not in it and {count} as 0, as chosen.")
        if found.n_unknown:
            examples = ", ".join(map(repr, found.unknown_ids[:3]))
            others = _counted(found.n_unknown, "row")
            told.append(f"About others, so left out: {others} (first: {examples}).")
        if found.n_duplicate:
            told.append(f"Said twice, so counted once: {_counted(found.n_duplicate, 'row')}.")
        if found.n_open:
            told.append(
                f"Left out because their window is not over: {_counted(found.n_open, 'customer')}; bring the file "
                "again then."
            )
        if self.replaced:
            told.append(f"{_names(self.replaced)} of an earlier file was replaced.")
        if self.from_orders:
            told.append(f"{_names(self.from_orders)} is read from the file from now on, not from the orders.")
        return " ".join(told)

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON."""
        return {**asdict(self), "message": self.message}


def import_outcomes(
    warehouse: Warehouse,
    campaign_id: str,
    source: Source,
    *,
    metrics: Mapping[str, str],
    id_column: str | None = None,
    arm_column: str | None = None,
    time_column: str | None = None,
    missing_is_zero: bool = False,
    progress: Progress = no_progress,
) -> OutcomeImport:
    """Match a file's outcomes to the customers of a campaign and keep them; a metric brought again is replaced whole.

    ``metrics`` are columns with their kind (rate, mean, or empty to find out). Without ``id_column`` the column that
    holds most of the campaign's ids is taken. Everybody who was drawn counts: customers who are missing in the file
    are refused with their number, unless ``missing_is_zero`` says that nothing happened to them. Rows that say the same
    of a customer twice count once; rows that contradict each other are refused. Only customers whose window is over
    are taken. InputError, with one sentence, for anything else that does not fit; nothing is written then.
    """
    campaign = required_locked(warehouse, campaign_id)
    progress(0.0, f"reading {source.name}")
    kinds = kinds_of(source, metrics)
    drawn = _ids(warehouse, campaign)
    columns = OutcomeColumns(
        id_column=id_column or id_column_of(source, drawn),
        metrics=metrics,
        arm_column=arm_column,
        time_column=time_column,
    )
    rows = without_apostrophes(read_rows(source, columns, kinds, empty_is_zero=missing_is_zero), drawn)
    progress(0.5, "matching customers")
    now = max(utc_now(), known_until(warehouse) or datetime.min)
    with warehouse.transaction() as tx, tx.view("incoming", rows):
        match = matched(tx, campaign, len(kinds), now, missing_is_zero=missing_is_zero)
        progress(0.8, "keeping the outcomes")
        result = OutcomeImport(
            outcome_id=tx.next_number("outcome_files", "outcome_id"),
            campaign_id=campaign_id,
            file_name=source.name,
            id_column=columns.id_column,
            metrics=kinds,
            replaced=tuple(sorted(kinds.keys() & _stored(tx, campaign_id))),
            from_orders=tuple(name for name in kinds if name in OUTCOMES),
            n_rows=int(rows.num_rows),
            match=match,
            missing_is_zero=missing_is_zero,
        )
        _keep(tx, campaign, result, source.sha256, now)
    progress(1.0, f"{match.n_matched:,} customers matched")
    return result


def forget_outcomes(warehouse: Warehouse, campaign_id: str, name: str) -> None:
    """Take back an outcome that came in a file; where orders tell it too, they do so again."""
    with warehouse.transaction() as tx:
        required_locked(tx, campaign_id)
        stored = _stored(tx, campaign_id)
        if not stored:
            raise NotFound("no outcome of this campaign came in a file; there is nothing to take back.")
        if name not in stored:
            raise unknown_name("outcome of a file", name, stored)
        tx.execute("DELETE FROM outcomes WHERE campaign_id = $id AND metric = $name", {"id": campaign_id, "name": name})
        tx.audit("campaign outcomes taken back", {"campaign_id": campaign_id, "metric": name})


def outcome_files(warehouse: Warehouse, campaign_id: str) -> list[dict[str, Any]]:
    """The files that were brought for a campaign, newest first, with their counts."""
    return warehouse.records(
        "SELECT * REPLACE (CAST(metrics AS VARCHAR) AS metrics) FROM outcome_files WHERE campaign_id = $id "
        "ORDER BY outcome_id DESC",
        {"id": campaign_id},
    )


def _ids(warehouse: Warehouse, campaign: Campaign) -> pa.Table:
    import pyarrow as pa

    sql = "SELECT customer_id FROM assignments WHERE campaign_id = $id"
    return pa.Table.from_batches(list(warehouse.arrow_batches(sql, {"id": campaign.campaign_id})))


def _stored(tx: Transaction, campaign_id: str) -> set[str]:
    rows = tx.rows("SELECT DISTINCT metric FROM outcomes WHERE campaign_id = $id", {"id": campaign_id})
    return {str(row[0]) for row in rows}


def _keep(tx: Transaction, campaign: Campaign, result: OutcomeImport, sha256: str, now: datetime) -> None:
    """Replace the metrics whole: a row for every customer whose window is over."""
    asked = {"id": campaign.campaign_id, "now": now, "outcome_id": result.outcome_id}
    for number, name in enumerate(result.metrics):
        tx.execute("DELETE FROM outcomes WHERE campaign_id = $id AND metric = $name", {**asked, "name": name})
        tx.execute(
            "INSERT INTO outcomes BY NAME SELECT $id AS campaign_id, $name AS metric, drawn.customer_id, "
            "coalesce(told.value, 0) AS value, $outcome_id AS outcome_id FROM assignments AS drawn "
            f"LEFT JOIN (SELECT customer_id, any_value(x{number}) AS value FROM incoming GROUP BY 1) AS told "
            f"USING (customer_id) WHERE drawn.campaign_id = $id AND {due(campaign)}",
            {**asked, "name": name},
        )
    found = result.match
    row = {
        **asked,
        "at": utc_now(),
        "person": acting_person(),
        "file": result.file_name,
        "sha256": sha256,
        "n_rows": result.n_rows,
        "n_matched": found.n_matched,
        "n_missing": found.n_missing,
        "n_unknown": found.n_unknown,
        "n_duplicate": found.n_duplicate,
        "metrics": json.dumps(dict(result.metrics), ensure_ascii=False),
    }
    tx.execute(
        "INSERT INTO outcome_files VALUES ($outcome_id, $id, $at, $person, $file, $sha256, $n_rows, $n_matched, "
        "$n_missing, $n_unknown, $n_duplicate, $metrics)",
        row,
    )
    counts = {name: row[name] for name in ("n_rows", "n_matched", "n_missing", "n_unknown", "n_duplicate")}
    tx.audit(
        "campaign outcomes imported",
        {"campaign_id": campaign.campaign_id, "file": result.file_name, "metrics": dict(result.metrics), **counts},
    )


def _counted(n: int, noun: str) -> str:
    return f"{n:,} {noun}{'' if n == 1 else 's'}"


def _names(names: Iterable[str]) -> str:
    return ", ".join(names)
