"""The at-risk list: how many, how much money, and one page of customers.

Works on a million customers: counts and totals are one pass over the run's scores, and everything that a
page shows beyond its scores is looked up for the rows of that page only.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from churn_core.customers.selection import Condition, CustomerFilter, RunKey, condition
from churn_core.customers.still_there import n_left, still_there
from churn_core.customers.tiers import TIERS, active_policy, tier_rule
from churn_core.errors import InputError, NotEnoughData
from churn_core.features.sources import age_days
from churn_core.models.runs import latest_run
from churn_core.timeline import seen_before
from churn_core.warehouse import Transaction, Warehouse

if TYPE_CHECKING:
    import pandas as pd

N_PAGE_MOST = 1000
"""Rows of one page at most; whole lists leave as an export."""

LAST_ORDER = f"SELECT customer_id, max(order_time) AS last_order FROM orders WHERE {seen_before('order_time')}"
"""Last order of each customer before ``$cutoff``; to be completed by further conditions and GROUP BY."""

RECENCY = "days_since_last_order"
"""The feature that a page takes from the run where it is there: the same number without reading all orders."""

DAYS_SINCE = age_days("last_order")
"""Calendar days from the last order to ``$cutoff``, as features count them."""


NET_VALUES = "SELECT customer_id, net_value FROM uplift_scores WHERE run_id = $net_run_id"
"""Net value of contacting each customer, as far as a campaign taught it."""

TAGS_OF = "SELECT customer_id, string_agg(tag, '; ' ORDER BY lower(tag)) AS tags FROM customer_tags"
"""All tags of each customer in one text; to be completed by a condition and GROUP BY customer_id."""


@dataclass(frozen=True, kw_only=True)
class TierTotal:
    """One tier of a choice of customers."""

    tier: str
    n_customers: int
    value_at_risk: float | None
    """Sum over customers whose value is known, in the shop's currency; None when no value is known."""


@dataclass(frozen=True, kw_only=True)
class Totals:
    """How many customers a filter means and what is at stake."""

    run_id: int
    n_customers: int
    """Customers the filter means."""
    n_scored: int
    """Customers of the run."""
    n_left: int
    """Of these, customers whose label says that they have left; a filter leaves them out unless it asks for them."""
    n_value_known: int
    """Customers whose expected value is known."""
    value_at_risk: float | None
    """Sum of risk x expected value, in the shop's currency; None when no value is known."""
    expected_value: float | None
    """Sum of expected value, in the shop's currency; None when no value is known."""
    mean_risk: float | None
    """Average risk; None when there is nobody."""
    tiers: tuple[TierTotal, ...]
    """Always all three, the most urgent first."""

    @property
    def n_there(self) -> int:
        """Customers of the run who are still there."""
        return self.n_scored - self.n_left

    def tier(self, name: str) -> TierTotal:
        """The totals of one tier."""
        return self.tiers[TIERS.index(name)]


@dataclass(frozen=True, kw_only=True)
class ReasonTotal:
    """Customers whose risk is raised most by the same group of features, or by the same feature."""

    name: str
    """Group or feature, as in the feature registry."""
    is_feature: bool
    n_customers: int
    value_at_risk: float | None
    """Sum over customers whose value is known, in the shop's currency; None when no value is known."""


def current_run(warehouse: Warehouse | Transaction, *, run_id: int | None = None) -> RunKey | None:
    """The latest score run as conditions need it; None when nothing was scored yet.

    With ``run_id`` the run must still be the latest: InputError otherwise, so that a list and its export
    cannot come from two runs.
    """
    run = latest_run(warehouse)
    if run_id is not None and (run is None or run.run_id != run_id):
        raise InputError("customers were scored again in the meantime; reload the page and export again.")
    if run is None:
        return None
    previous = warehouse.value(
        "SELECT max(run_id) FROM score_runs WHERE run_id < $run_id AND source = $source",
        {"run_id": run.run_id, "source": run.source},
    )
    was_high = None
    if previous is not None:
        was_high = partial(tier_rule, warehouse, active_policy(warehouse), previous, suffix="_before")
    return RunKey(
        run_id=run.run_id,
        source=run.source,
        as_of=run.as_of,
        previous_run_id=previous,
        was_high=was_high,
        net_run_id=warehouse.value("SELECT max(run_id) FROM uplift_scores"),
        recency_place=run.feature_names.index(RECENCY) + 1 if RECENCY in run.feature_names else None,
    )


def required_run(warehouse: Warehouse | Transaction, *, run_id: int | None = None) -> RunKey:
    """The latest score run; NotEnoughData when nothing was scored yet."""
    run = current_run(warehouse, run_id=run_id)
    if run is None:
        raise NotEnoughData("no customers were scored yet; train a model and score first.")
    return run


def count_and_totals(warehouse: Warehouse, chosen: CustomerFilter) -> Totals:
    """How many customers the filter means, with the money, in total and per tier.

    Raises NotEnoughData when nothing was scored yet.
    """
    run = required_run(warehouse)
    where = condition(chosen, run)
    rows = warehouse.records(
        "SELECT tier, count(*) AS n, count(value_at_risk) AS n_known, sum(value_at_risk) AS at_risk, "
        f"sum(expected_value) AS expected, sum(risk) AS risk FROM scores WHERE {where.sql} GROUP BY tier",
        where.parameters,
    )
    by_tier = {row["tier"]: row for row in rows}
    n_customers = sum(row["n"] for row in rows)
    return Totals(
        run_id=run.run_id,
        n_customers=n_customers,
        n_scored=int(warehouse.value("SELECT count(*) FROM scores WHERE run_id = $run_id", {"run_id": run.run_id})),
        n_left=n_left(warehouse, run.run_id) if run.source == "snapshots" else 0,
        n_value_known=sum(row["n_known"] for row in rows),
        value_at_risk=_sum_known(row["at_risk"] for row in rows),
        expected_value=_sum_known(row["expected"] for row in rows),
        mean_risk=sum(row["risk"] for row in rows) / n_customers if n_customers else None,
        tiers=tuple(
            TierTotal(
                tier=tier,
                n_customers=by_tier[tier]["n"] if tier in by_tier else 0,
                value_at_risk=by_tier[tier]["at_risk"] if tier in by_tier else None,
            )
            for tier in TIERS
        ),
    )


def reason_totals(warehouse: Warehouse, chosen: CustomerFilter, *, by_feature: bool = False) -> tuple[ReasonTotal, ...]:
    """Main reasons of the customers a filter means, the most frequent first, by group or by feature.

    Customers whose risk nothing raises have no main reason and are left out. Raises NotEnoughData when nothing
    was scored yet.
    """
    where = condition(chosen, required_run(warehouse))
    column = "main_reason" if by_feature else "main_group"
    rows = warehouse.records(
        f"SELECT {column} AS name, count(*) AS n_customers, sum(value_at_risk) AS value_at_risk FROM scores "
        f"WHERE {where.sql} AND {column} IS NOT NULL GROUP BY {column} ORDER BY n_customers DESC, name",
        where.parameters,
    )
    return tuple(ReasonTotal(is_feature=by_feature, **row) for row in rows)


def page(warehouse: Warehouse, chosen: CustomerFilter, *, offset: int = 0, limit: int = 50) -> pd.DataFrame:
    """One page of the list, in the filter's order; ties are broken by customer id, so paging is stable.

    Columns: customer_id, name, country, risk, tier, expected_value, value_at_risk, main_reason, main_group,
    reason (in words), days_since_last_order, net_value (of contacting, empty while no campaign taught it), tags (in
    one text), and has_left where those who have left are meant as well. Raises NotEnoughData when nothing was scored
    yet.
    """
    if not 0 < limit <= N_PAGE_MOST or offset < 0:
        raise InputError(f"a page of {limit} rows from {offset} was asked for; take 1 to {N_PAGE_MOST} rows from 0 on.")
    run = required_run(warehouse)
    where = condition(chosen, run)
    parameters = where.parameters | {"limit": limit, "offset": offset, "cutoff": run.as_of}
    parameters["net_run_id"] = run.net_run_id
    if run.recency_place is not None:
        parameters["place"] = run.recency_place
    all_days = _DAYS_FROM_ORDERS if run.recency_place is None else _DAYS_FROM_RUN
    beside = {RECENCY: (all_days, "days"), "net_value": (NET_VALUES, "net_value")}.get(chosen.sort)
    picked = _picked_beside(where, chosen, *beside) if beside else _picked(where, chosen)
    on_page = "customer_id IN (SELECT customer_id FROM picked)"
    days = f"SELECT * FROM ({all_days}) WHERE {on_page}"
    has_left = f", NOT ({still_there(own='p.customer_id')}) AS has_left" if chosen.with_left else ""
    tagged = f"{TAGS_OF} WHERE {on_page} GROUP BY customer_id"
    return warehouse.frame(
        f"WITH picked AS MATERIALIZED ({picked}), days AS ({days}), tagged AS ({tagged}) "
        "SELECT p.customer_id, c.name, c.country, p.risk, p.tier, p.expected_value, p.value_at_risk, p.main_reason, "
        "p.main_group, r.up_1 AS reason, CAST(d.days AS INTEGER) AS days_since_last_order, u.net_value, t.tags"
        f"{has_left} "
        "FROM picked p LEFT JOIN customers c ON c.customer_id = p.customer_id "
        "LEFT JOIN reasons r ON r.run_id = $run_id AND r.customer_id = p.customer_id "
        "LEFT JOIN days d ON d.customer_id = p.customer_id LEFT JOIN tagged t ON t.customer_id = p.customer_id "
        f"LEFT JOIN ({NET_VALUES}) u ON u.customer_id = p.customer_id ORDER BY p.place",
        parameters,
    )


_COLUMNS = "customer_id, risk, tier, expected_value, value_at_risk, main_reason, main_group"


_DAYS_FROM_RUN = (
    "SELECT customer_id, nullif(feature_values[$place], 'NaN'::FLOAT) AS days FROM contributions WHERE run_id = $run_id"
)
_DAYS_FROM_ORDERS = f"SELECT customer_id, {DAYS_SINCE} AS days FROM ({LAST_ORDER} GROUP BY customer_id)"


def _picked(where: Condition, chosen: CustomerFilter) -> str:
    direction = "DESC" if chosen.descending else "ASC"
    ties = "" if chosen.sort == "customer_id" else ", customer_id"
    return (
        f"SELECT *, row_number() OVER () AS place FROM (SELECT {_COLUMNS} FROM scores WHERE {where.sql} "
        f"ORDER BY {chosen.sort} {direction} NULLS LAST{ties} LIMIT $limit OFFSET $offset)"
    )


def _picked_beside(where: Condition, chosen: CustomerFilter, beside: str, column: str) -> str:
    """Sorted by ids and what lies beside the scores, so that the columns of a page are read for its rows only."""
    direction = "DESC" if chosen.descending else "ASC"
    columns = ", ".join(f"s.{column}" for column in _COLUMNS.split(", "))
    return (
        f"SELECT {columns}, o.place FROM (SELECT *, row_number() OVER () AS place FROM (SELECT m.customer_id "
        f"FROM (SELECT customer_id FROM scores WHERE {where.sql}) m "
        f"LEFT JOIN ({beside}) d ON d.customer_id = m.customer_id "
        f"ORDER BY {column} {direction} NULLS LAST, m.customer_id LIMIT $limit OFFSET $offset)) o "
        "JOIN scores s ON s.run_id = $run_id AND s.customer_id = o.customer_id"
    )


def _sum_known(amounts: object) -> float | None:
    known = [float(amount) for amount in amounts if amount is not None]  # type: ignore[attr-defined]
    return sum(known) if known else None
