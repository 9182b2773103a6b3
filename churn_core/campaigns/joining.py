"""Customers who come to fit the audience of a running campaign: they join by the same hash, or the plan says no.

Apart from the draw because those who join are not ranked among others: their own place in [0, 1) decides, so that it
does not matter who joins with whom, and nobody who was drawn before changes the arm.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from typing import Any

from churn_core.campaigns.alerting import mark_alerts
from churn_core.campaigns.arms_sql import Pool, fill_drawn
from churn_core.campaigns.drawn import counted
from churn_core.campaigns.exclusions import eligible_sql
from churn_core.campaigns.holdout import refresh_within
from churn_core.campaigns.start import default_start, known_too_late, start_of
from churn_core.campaigns.store import Campaign, required_locked
from churn_core.errors import InputError
from churn_core.jobs import Progress, no_progress
from churn_core.models.runs import latest_run
from churn_core.schema import quote
from churn_core.warehouse import Transaction, Warehouse, utc_now

JOINING = "joining"
"""Temporary table of the customers who join."""


@dataclass(frozen=True, kw_only=True)
class Joined:
    """Customers who joined a running campaign together."""

    campaign_id: str
    n_customers: int
    """0 when nobody new fits the audience; nothing was written then."""
    arms: dict[str, int]
    """Of these, per arm."""
    starts_on: date
    """First day of contact and of the outcome window."""
    from_row: int | None
    """First row of the target list that is theirs; None when nobody joined."""
    to_row: int | None
    """Last row of the target list that is theirs; None when nobody joined."""

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON."""
        return asdict(self)


def join_campaign(warehouse: Warehouse, campaign_id: str, *, progress: Progress = no_progress) -> Joined:
    """Let customers who newly fit the audience of a rolling campaign join; those drawn before keep their arms.

    They start on the first day of which nothing is known, and never before the campaign itself. InputError when the
    campaign is a draft, over, or fixed.
    """
    _required_rolling(warehouse, campaign_id)
    progress(0.05, "looking at the audience")
    with warehouse.transaction() as tx:
        running = _required_rolling(tx, campaign_id)
        refresh_within(tx)
        starts_at = start_of(_first_day(tx, running))
        left = eligible_sql(tx, running, joins_at=starts_at)
        pool = Pool(
            sql=f"SELECT * FROM ({left.sql}) WHERE customer_id NOT IN "
            "(SELECT customer_id FROM assignments WHERE campaign_id = $draw_salt)",
            parameters=left.parameters,
        )
        progress(0.4, "drawing the arms")
        n = fill_drawn(tx, JOINING, pool, running.plan.shares, salt=campaign_id, is_ranked=False)
        if n == 0:
            return Joined(
                campaign_id=campaign_id, n_customers=0, arms={}, starts_on=starts_at.date(), from_row=None, to_row=None
            )
        joined = _keep(warehouse, tx, running, starts_at)
        progress(0.9, "keeping the draw")
    return joined


def _required_rolling(warehouse: Warehouse | Transaction, campaign_id: str) -> Campaign:
    found = required_locked(warehouse, campaign_id)
    if found.status != "locked":
        raise InputError(f"campaign {found.name!r} is {found.status}, so nobody joins it any more.")
    if found.plan.entry != "rolling":
        raise InputError(
            f"campaign {found.name!r} is fixed: its plan says that nobody joins after the draw; plan a new campaign."
        )
    return found


def _first_day(tx: Transaction, running: Campaign) -> date:
    """The first day nothing is known of, but not before the campaign starts."""
    assert running.starts_at is not None
    day = max(default_start(tx), running.starts_at.date())
    late = known_too_late(tx, running.plan, from_day=day)
    return day if late is None else late.last.date() + timedelta(days=1)


def _keep(warehouse: Warehouse, tx: Transaction, running: Campaign, starts_at: datetime) -> Joined:
    """Write the arms of those who join after those who were drawn before, and count them."""
    assert running.starts_at is not None
    id_ = {"id": running.campaign_id}
    last_row = int(tx.value("SELECT coalesce(max(row_no), 0) FROM assignments WHERE campaign_id = $id", id_))
    now, drawn = utc_now(), counted(tx, JOINING, running.plan)
    tx.execute(
        "INSERT INTO assignments BY NAME SELECT $id AS campaign_id, customer_id, arm, stratum, $wave::INTEGER AS wave, "
        "$now::TIMESTAMP AS assigned_at, $starts_at::TIMESTAMP AS starts_at, row_no + $last_row AS row_no, tier, "
        f"value_band, main_group, risk, expected_value FROM {quote(JOINING)} ORDER BY row_no",
        id_
        | {
            "wave": 1 + (starts_at - running.starts_at).days // 7,
            "now": now,
            "starts_at": starts_at,
            "last_row": last_row,
        },
    )
    joined = Joined(
        campaign_id=running.campaign_id,
        n_customers=drawn.n_customers,
        arms={arm.arm: arm.n_customers for arm in drawn.arms},
        starts_on=starts_at.date(),
        from_row=last_row + 1,
        to_row=last_row + drawn.n_customers,
    )
    run = latest_run(warehouse)
    kept = {
        "joined_at": now.isoformat(timespec="seconds"),
        "run_id": run.run_id if run else None,
        "model_version": run.model_version if run else None,
        "data_version": tx.data_version,
        "starts_on": joined.starts_on.isoformat(),
        "n_customers": joined.n_customers,
        "arms": joined.arms,
        "from_row": joined.from_row,
        "to_row": joined.to_row,
    }
    counts = running.counts | {"joins": [*running.counts.get("joins", []), kept]}
    tx.execute(
        "UPDATE campaigns SET counts = $counts, changed_at = $now WHERE campaign_id = $id",
        id_ | {"counts": json.dumps(counts, ensure_ascii=False), "now": now},
    )
    mark_alerts(tx)
    tx.audit("campaign joined", {"campaign_id": running.campaign_id, "n_customers": joined.n_customers})
    return joined
