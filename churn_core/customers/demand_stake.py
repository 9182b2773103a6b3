"""What a forecast of the coming weeks counts on from the customers at risk.

Not everything they ever brought: a forecast of the whole shop knows from the past that some leave. What it counts on
from a customer is what the value model expects of them, which learned from customers who left as well; that is gone
when they all leave. Risk x what they would bring by staying is told beside it: where customers were valued it is of
another model, so the two do not add up to what they would bring.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from churn_core.customers.at_risk import current_run
from churn_core.customers.selection import CustomerFilter, condition
from churn_core.customers.worth_view import latest_worth
from churn_core.models.runs import latest_run
from churn_core.settings import settings
from churn_core.timeline import seen_before

if TYPE_CHECKING:
    from datetime import datetime

    from churn_core.models.runs import ScoreRun
    from churn_core.warehouse import Warehouse

AT_RISK = CustomerFilter(tiers=("high",))
"""Whom "the customers at risk" means here."""


@dataclass(frozen=True, kw_only=True)
class Counted:
    """What is counted on per day from the customers of the high tier."""

    run_id: int
    as_of: datetime | None
    """Cutoff of the score run."""
    n_customers: int
    """Customers of the high tier."""
    n_unknown: int
    """Of these, customers whose expected spend is not known; they count as nothing."""
    orders_per_day: float | None
    """Order days expected per day, with who leaves in it."""
    revenue_per_day: float | None
    """Spend expected per day, with who leaves in it; None where no value is known."""
    kept_per_day: float | None
    """Their value at risk per day, as spend: risk x what they would bring by staying."""
    value_at_risk: float | None
    """The same as the page At risk counts it: margin, over the days of the scores; None where no value is known."""
    scored_days: int
    """Days that the scores look ahead."""
    horizon_days: int
    """Days that the expectation was made for."""
    is_valued: bool
    """Whether customers were valued (Value page); otherwise (1 - risk) x expected value stands in."""


@dataclass(frozen=True, kw_only=True)
class Valued:
    """What the Value page expects of everybody who ever bought, to be held against the forecast of the whole shop."""

    n_customers: int
    spend: float
    """Within the horizon, in the shop's currency; less returns where these are known."""
    horizon_days: int


def valued_with(warehouse: Warehouse) -> Valued | None:
    """The newest values; None where there are none of these data, or none in money."""
    worth = latest_worth(warehouse)
    if worth is None or worth.total_spend is None or worth.data_version != warehouse.data_version:
        return None
    return Valued(n_customers=worth.n_customers, spend=worth.total_spend, horizon_days=worth.plan.horizon_days)


def counted_on(warehouse: Warehouse) -> Counted | str:
    """What the forecast counts on from the high tier; a sentence where that is not known."""
    run = latest_run(warehouse)
    if run is None:
        return "Nobody was scored yet, so it is not known what the forecast counts on from customers at risk."
    horizon = _horizon(warehouse, run)
    if run.source != "orders" or run.as_of is None or horizon is None:
        return "The latest scores are of a labelled table, so they say nothing about the orders foreseen here."
    key = current_run(warehouse)
    assert key is not None
    where = condition(AT_RISK, key)
    margin = settings(warehouse).margin_rate
    row = warehouse.records(
        "SELECT count(*) AS n, count(expected_value) AS n_known, sum((1 - risk) * expected_value) AS counted, "
        f"sum(risk * expected_value) AS kept FROM scores WHERE {where.sql}",
        where.parameters,
    )[0]
    kept = None if row["kept"] is None else row["kept"] / margin / horizon
    of_run = {"run_id": run.run_id, "as_of": run.as_of, "n_customers": row["n"], "kept_per_day": kept,
              "value_at_risk": row["kept"], "scored_days": horizon}  # fmt: skip
    worth = latest_worth(warehouse)
    if worth is not None and worth.data_version == run.data_version:
        valued = warehouse.records(
            "SELECT count(expected_spend) AS n_known, sum(expected_orders) AS orders, sum(expected_spend) AS spend "
            "FROM worth WHERE worth_id = $worth_id AND customer_id IN "
            f"(SELECT customer_id FROM scores WHERE {where.sql})",
            where.parameters | {"worth_id": worth.worth_id},
        )[0]
        days = worth.plan.horizon_days
        return Counted(
            **of_run, n_unknown=row["n"] - valued["n_known"], horizon_days=days, is_valued=True,
            orders_per_day=(valued["orders"] or 0.0) / days,
            revenue_per_day=None if valued["spend"] is None and row["n"] else (valued["spend"] or 0.0) / days,
        )  # fmt: skip
    counted = None if row["counted"] is None and row["n"] else (row["counted"] or 0.0) / margin / horizon
    return Counted(
        **of_run, n_unknown=row["n"] - row["n_known"], horizon_days=horizon, is_valued=False,
        orders_per_day=_recent_orders(warehouse, where.sql, where.parameters, run, horizon) / horizon,
        revenue_per_day=counted,
    )  # fmt: skip


def _recent_orders(
    warehouse: Warehouse, where: str, parameters: dict[str, object], run: ScoreRun, horizon: int
) -> float:
    """Order days of the last horizon, each times the chance that its customer stays."""
    found = warehouse.value(
        f"SELECT sum(1 - risk) FROM scores JOIN orders USING (customer_id) WHERE {where} AND is_new_day "
        f"AND {seen_before('order_time', days=horizon)}",
        parameters | {"cutoff": run.as_of},
    )
    return float(found or 0.0)


def _horizon(warehouse: Warehouse, run: ScoreRun) -> int | None:
    found = warehouse.value(
        "SELECT horizon_days FROM churn_definitions WHERE version = $version", {"version": run.definition_version}
    )
    return None if found is None else int(found)
