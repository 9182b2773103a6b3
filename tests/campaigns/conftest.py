"""Small campaigns that are locked by hand: what was drawn stands in the test, nothing of the draw has to run."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, timedelta

import pandas as pd
import pytest

from churn_core.campaigns.assignment import assign_arms
from churn_core.campaigns.plan import Arm, Goal, Plan
from churn_core.campaigns.store import Campaign, campaign
from churn_core.warehouse import Warehouse

MakeCampaign = Callable[..., Campaign]

START = datetime(2024, 3, 1)
"""First instant of the outcome windows of the first wave."""

SMALL_PLAN = Plan(
    name="Spring coupon",
    goal=Goal(outcome="retained", window_days=30, smallest_effect=0.05),
    arms=(Arm(name="control", share=0.5), Arm(name="coupon", share=0.5, action="coupon", channel="email")),
    starts_on=START.date(),
)


def make_campaign(
    warehouse: Warehouse,
    plan: Plan = SMALL_PLAN,
    n: int = 0,
    *,
    assigned: Sequence[Mapping[str, object]] | pd.DataFrame | None = None,
    campaign_id: str = "camp-spring",
    status: str = "locked",
) -> Campaign:
    """A locked campaign with its assignments, written straight into the tables.

    ``n`` customers ``c0000, c0001, ...`` are drawn by the campaign's hash in exactly the planned shares, or
    ``assigned`` says who is in which arm: rows with customer_id and arm, and what else of stratum, wave, starts_at,
    tier, value_band, main_group, risk and expected_value matters to the test.
    """
    start = datetime.combine(plan.starts_on or date(2024, 3, 1), datetime.min.time())
    rows = _drawn(plan, n, campaign_id) if assigned is None else pd.DataFrame(assigned)
    rows = pd.DataFrame(rows).assign(campaign_id=campaign_id, assigned_at=start - timedelta(hours=8))
    rows["row_no"] = range(1, len(rows) + 1)
    rows["stratum"] = rows["stratum"].fillna("") if "stratum" in rows else ""
    rows["wave"] = rows["wave"].fillna(1) if "wave" in rows else 1
    rows["starts_at"] = pd.to_datetime(rows["starts_at"].fillna(start) if "starts_at" in rows else start)
    last = rows["starts_at"].max() + timedelta(days=plan.goal.window_days) if len(rows) else None
    with warehouse.transaction() as tx:
        tx.append("assignments", rows)
        tx.execute(
            "INSERT INTO campaigns BY NAME SELECT $campaign_id AS campaign_id, $status AS status, $name AS name, "
            "$plan AS plan, 8 AS step, $made AS created_at, 'tester' AS created_by, $made AS changed_at, "
            "'As planned.' AS plan_text, $sha256 AS plan_sha256, $made AS locked_at, 'tester' AS locked_by, "
            "$start AS starts_at, $ends AS ends_at, 0 AS data_version, $counts AS counts",
            {
                "campaign_id": campaign_id,
                "status": status,
                "name": plan.name,
                "plan": json.dumps(plan.to_json()),
                "sha256": plan.sha256,
                "made": start - timedelta(hours=8),
                "start": start,
                "ends": None if last is None or plan.entry == "rolling" else last.to_pydatetime(),
                "counts": json.dumps({"arms": rows["arm"].value_counts().to_dict()}),
            },
        )
    return campaign(warehouse, campaign_id)


def put_rows(warehouse: Warehouse, table: str, rows: Sequence[Mapping[str, object]] | pd.DataFrame) -> None:
    """Add rows to a table of the workspace as an import would leave them."""
    frame = pd.DataFrame(rows)
    with warehouse.transaction() as tx:
        tx.append(table, frame)
        tx.bump_data_version()


def _drawn(plan: Plan, n: int, campaign_id: str) -> pd.DataFrame:
    ids = [f"c{number:04d}" for number in range(n)]
    return pd.DataFrame({"customer_id": ids, "arm": assign_arms(ids, plan.shares, salt=campaign_id, strata=[""] * n)})


@pytest.fixture
def made_campaign() -> MakeCampaign:
    """:func:`make_campaign`, for tests in this folder: ``made_campaign(warehouse, plan, n)``."""
    return make_campaign


@pytest.fixture
def put() -> Callable[..., None]:
    """:func:`put_rows`: ``put(warehouse, "orders", rows)``."""
    return put_rows


@pytest.fixture
def small_plan() -> Plan:
    """Coupon against control in equal shares, retained within 30 days from 1 March 2024."""
    return SMALL_PLAN
