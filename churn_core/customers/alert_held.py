"""Who must not be contacted now, as alerts are told it: handed down as SQL by those who know about campaigns.

Apart from the refresh because a draw, a decision and the holdout change it at once, without any new data.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from churn_core.customers.alert_log import log
from churn_core.customers.alert_model import LIVE
from churn_core.warehouse import Transaction

HELD = "alert_held"
"""Temporary table: who of those asked about must not be contacted, and why."""
LIVE_SQL = f"status IN ({', '.join(repr(status) for status in LIVE)})"
"""SQL condition: somebody still has to look at the alert."""
LIVE_CUSTOMERS = f"SELECT customer_id FROM alerts WHERE {LIVE_SQL}"


@dataclass(frozen=True, kw_only=True)
class HeldBack:
    """Who must not be contacted."""

    sql: str
    """SELECT of customer_id and why (a sentence without full stop) of those in the relation ``asked`` (customer_id)
    who must not be contacted; several rows of one customer are several reasons, of which one is told."""
    parameters: dict[str, object] = field(default_factory=dict)


NOBODY = HeldBack(sql="SELECT customer_id, NULL::VARCHAR AS why FROM asked WHERE false")


def fill_held(tx: Transaction, held_back: HeldBack | None, asked: str) -> None:
    """Find who of the customers of a SELECT must not be contacted; the temporary table is the caller's to drop."""
    found = held_back or NOBODY
    tx.execute(f"DROP TABLE IF EXISTS {HELD}")
    tx.execute(
        f"CREATE TEMP TABLE {HELD} AS WITH asked AS MATERIALIZED ({asked}) "
        f"SELECT customer_id, min(why) AS why FROM ({found.sql}) GROUP BY customer_id",
        found.parameters,
    )


def mark_held(tx: Transaction, now: datetime) -> int:
    """Say on the alerts in the queue who must not be contacted, and who may be again; how many changed."""
    rows = tx.rows(
        f"SELECT alert_id, owner, coalesce(why, '') FROM alerts LEFT JOIN {HELD} USING (customer_id) "
        f"WHERE {LIVE_SQL} AND held_back <> coalesce(why, '') ORDER BY alert_id"
    )
    if rows:
        tx.execute(
            f"UPDATE alerts SET held_back = coalesce((SELECT why FROM {HELD} h "
            "WHERE h.customer_id = alerts.customer_id), '') WHERE alert_id IN (SELECT unnest($ids::INTEGER[]))",
            {"ids": [row[0] for row in rows]},
        )
        log(tx, now, "held back", [(nr, owner, why or "may be contacted again") for nr, owner, why in rows])
    return len(rows)


def mark_now(tx: Transaction, held_back: HeldBack, now: datetime) -> int:
    """The same without a refresh, as a part of a change that decides who may be contacted."""
    if not tx.rows(f"{LIVE_CUSTOMERS} LIMIT 1"):
        return 0
    fill_held(tx, held_back, LIVE_CUSTOMERS)
    n_changed = mark_held(tx, now)
    tx.execute(f"DROP TABLE {HELD}")
    return n_changed
