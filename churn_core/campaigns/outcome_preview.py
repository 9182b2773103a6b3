"""What bringing a file of outcomes would match, before anything is stored.

Separate from the import because a missing customer is no reason to refuse a look: the number is shown, and the person
says what it means.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from churn_core.campaigns.outcome_checks import Match, matched
from churn_core.campaigns.outcome_rows import OutcomeColumns, kinds_of, read_rows
from churn_core.campaigns.store import required_locked
from churn_core.features.definition import known_until
from churn_core.intake.source import Source
from churn_core.warehouse import Warehouse, utc_now


@dataclass(frozen=True, kw_only=True)
class OutcomePreview:
    """What a file would bring."""

    kinds: Mapping[str, str]
    """Outcomes by the name they are measured under, with their kind."""
    n_rows: int
    match: Match


def preview_outcomes(
    warehouse: Warehouse, campaign_id: str, source: Source, columns: OutcomeColumns, *, missing_is_zero: bool = False
) -> OutcomePreview:
    """Match a file as the import would, writing nothing; InputError for what the import would refuse.

    Only customers who are missing in the file are not refused here: they are counted in ``match.n_missing``.
    """
    campaign = required_locked(warehouse, campaign_id)
    kinds = kinds_of(source, columns.metrics)
    rows = read_rows(source, columns, kinds, empty_is_zero=missing_is_zero)
    now = max(utc_now(), known_until(warehouse) or datetime.min)
    with warehouse.supposed() as tx, tx.view("incoming", rows):
        match = matched(tx, campaign, len(kinds), now, missing_is_zero=True)
    return OutcomePreview(kinds=kinds, n_rows=int(rows.num_rows), match=match)


def stored_outcomes(warehouse: Warehouse, campaign_id: str) -> tuple[str, ...]:
    """Names of the outcomes that files brought and that are in force."""
    rows = warehouse.rows(
        "SELECT DISTINCT metric FROM outcomes WHERE campaign_id = $id ORDER BY metric", {"id": campaign_id}
    )
    return tuple(str(row[0]) for row in rows)
