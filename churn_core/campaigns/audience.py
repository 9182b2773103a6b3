"""Who a campaign is about before anybody is left out: a filter over the latest score run, or a list of ids.

The audience is one SELECT over the tables; counting it, excluding from it and drawing from it all start here, so they
cannot be about different customers. Listed customers need not be scored, but the workspace must know them.
"""

from __future__ import annotations

from dataclasses import dataclass

from churn_core.campaigns.id_lists import (
    IS_KNOWN,
    KINDS,
    ListGiven,
    clear_list,
    give_list,
    give_list_of_file,
    ids_from_text,
    list_kept,
)
from churn_core.campaigns.store import Campaign
from churn_core.customers.at_risk import current_run, required_run
from churn_core.customers.selection import Condition, RunKey, condition
from churn_core.customers.tiers import TIERS
from churn_core.warehouse import Transaction, Warehouse

__all__ = [
    "KINDS",
    "AudienceTotal",
    "ListGiven",
    "TierPart",
    "audience_sql",
    "audience_total",
    "clear_list",
    "give_list",
    "give_list_of_file",
    "ids_from_text",
    "list_kept",
]

COLUMNS = (
    "customer_id", "tier", "risk", "expected_value", "value_at_risk", "main_group", "main_reason",
)  # fmt: skip
"""Columns of the audience; all but the id are empty for a listed customer who was not scored."""

NOT_SCORED = "not scored"
"""What stands for the tier of a customer without a score."""


@dataclass(frozen=True, kw_only=True)
class TierPart:
    """One tier of an audience."""

    tier: str
    """high, medium, low, or "not scored"."""
    n_customers: int


@dataclass(frozen=True, kw_only=True)
class AudienceTotal:
    """How many customers a campaign is about and what is at stake."""

    n_customers: int
    """Customers meant, before anybody is left out."""
    n_scored: int
    """Of these, customers of the latest score run."""
    n_value_known: int
    """Of these, customers whose expected value is known."""
    value_at_risk: float | None
    """Sum of risk x expected value, in the shop's currency; None when no value is known."""
    expected_value: float | None
    """Sum of expected value, in the shop's currency; None when no value is known."""
    mean_risk: float | None
    """Average risk of those scored; None when nobody is."""
    tiers: tuple[TierPart, ...]
    """Always high, medium and low; customers without a score last, where there are any."""
    run_id: int | None
    """Score run they were chosen from; None for a list where nothing was scored yet."""
    n_listed: int | None = None
    """Ids on the campaign's list; None when the audience is a filter."""

    @property
    def n_unknown(self) -> int:
        """Listed ids that the workspace does not know, so that nobody can be drawn for them."""
        return 0 if self.n_listed is None else self.n_listed - self.n_customers


def audience_sql(warehouse: Warehouse | Transaction, campaign: Campaign) -> Condition:
    """A SELECT of the audience with COLUMNS, a row per customer, and its parameters.

    Raises NotEnoughData when the audience is a filter and nothing was scored yet.
    """
    if campaign.plan.is_listed:
        return _listed(campaign, current_run(warehouse))
    run = required_run(warehouse)
    where = condition(campaign.plan.audience, run)
    return Condition(sql=f"SELECT {', '.join(COLUMNS)} FROM scores WHERE {where.sql}", parameters=where.parameters)


def _listed(campaign: Campaign, run: RunKey | None) -> Condition:
    columns = ", ".join(f"s.{name}" for name in COLUMNS[1:])
    return Condition(
        sql=f"SELECT l.customer_id, {columns} FROM (SELECT DISTINCT customer_id FROM campaign_lists "
        "WHERE campaign_id = $audience_campaign AND kind = 'audience') l "
        "LEFT JOIN (SELECT * FROM scores WHERE run_id = $audience_run) s ON s.customer_id = l.customer_id "
        f"WHERE {IS_KNOWN.format(id='l.customer_id')}",
        parameters={"audience_campaign": campaign.campaign_id, "audience_run": run.run_id if run else None},
    )


def audience_total(warehouse: Warehouse | Transaction, campaign: Campaign) -> AudienceTotal:
    """Count the audience and sum what is at stake; an empty audience is counted, not refused.

    Raises NotEnoughData when the audience is a filter and nothing was scored yet.
    """
    asked = audience_sql(warehouse, campaign)
    rows = warehouse.records(
        "SELECT tier, count(*) AS n, count(risk) AS n_scored, count(expected_value) AS n_known, sum(risk) AS risk, "
        f"sum(value_at_risk) AS at_risk, sum(expected_value) AS expected FROM ({asked.sql}) GROUP BY tier",
        asked.parameters,
    )
    by_tier = {row["tier"]: row["n"] for row in rows}
    n_scored = sum(row["n_scored"] for row in rows)
    n_others = sum(n for tier, n in by_tier.items() if tier not in TIERS)
    parts = [TierPart(tier=tier, n_customers=by_tier.get(tier, 0)) for tier in TIERS]
    run = current_run(warehouse)
    return AudienceTotal(
        n_customers=sum(by_tier.values()),
        n_scored=n_scored,
        n_value_known=sum(row["n_known"] for row in rows),
        value_at_risk=_sum_known([row["at_risk"] for row in rows]),
        expected_value=_sum_known([row["expected"] for row in rows]),
        mean_risk=sum(row["risk"] or 0.0 for row in rows) / n_scored if n_scored else None,
        tiers=(*parts, TierPart(tier=NOT_SCORED, n_customers=n_others)) if n_others else tuple(parts),
        run_id=run.run_id if run else None,
        n_listed=_n_listed(warehouse, campaign) if campaign.plan.is_listed else None,
    )


def _n_listed(warehouse: Warehouse | Transaction, campaign: Campaign) -> int:
    return int(
        warehouse.value(
            "SELECT count(DISTINCT customer_id) FROM campaign_lists WHERE campaign_id = $id AND kind = 'audience'",
            {"id": campaign.campaign_id},
        )
    )


def _sum_known(amounts: list[float | None]) -> float | None:
    known = [float(amount) for amount in amounts if amount is not None]
    return sum(known) if known else None
