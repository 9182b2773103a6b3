"""What customers are worth, as pages and the command line read it: the run, its totals, who is worth most.

Separate from the calculation, which is heavy and runs as a job; everything here is a query or two.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from churn_core.customers.still_there import still_there
from churn_core.customers.worth import WorthPlan
from churn_core.errors import NotFound, unknown_name
from churn_core.models.worth_check import HoldOut
from churn_core.models.worth_lifetime import LifetimeCheck

if TYPE_CHECKING:
    import pandas as pd

    from churn_core.warehouse import Transaction, Warehouse

SORTS = {
    "expected_margin": "Highest expected margin first",
    "lifetime_value": "Highest lifetime value first",
    "value_at_risk": "Most value at risk first",
    "expected_orders": "Most expected orders first",
    "next_order_at": "Next order soonest first",
    "customer_id": "Customer id",
}
"""What the list of customers can be ordered by, with its words."""
ASCENDING = ("next_order_at", "customer_id")

WORTH_ROWS = (
    "SELECT w.*, s.risk, s.tier, s.value_at_risk FROM (SELECT * FROM worth WHERE worth_id = $worth_id) w "
    "LEFT JOIN (SELECT customer_id, risk, tier, value_at_risk FROM scores WHERE run_id = $run_id "
    f"AND {still_there()}) s USING (customer_id)"
)
"""Customers of a run of values beside their scores of the latest score run, as far as they have any."""


@dataclass(frozen=True, kw_only=True)
class WorthRun:
    """One run that valued all past buyers."""

    worth_id: int
    made_at: datetime
    as_of: datetime
    """Cutoff: nothing from here on was seen."""
    method: str
    """tweedie, two_part, blend, mix or bgnbd."""
    data_version: int
    n_customers: int
    plan: WorthPlan
    what: str
    """spend, or orders where no amounts are known."""
    is_learned: bool
    """Whether outcomes of the past were learned from; else order dates and amounts alone speak."""
    level_rule: str
    """last_year, shop_season, average or none."""
    total_orders: float
    """Order days expected within the horizon."""
    total_spend: float | None
    total_margin: float | None
    total_lifetime: float | None
    """Totals in the shop's currency; None where they are not known, as a lifetime before all seasons were seen."""
    lifetime_bounds: tuple[float, float] | None
    """That total if it is as far off, either way, as at the worst past date; None below two of them."""
    lifetime_checks: tuple[LifetimeCheck, ...]
    """Past dates with what was foreseen for all the time since, the longest time first; may be empty."""
    knows_seasons: bool
    """Whether later horizons of the lifetime are at the level of their own season."""
    is_net: bool
    """Whether spend, and all that follows from it, is less returns; they are taken off where they are known."""
    interval: tuple[float, float] | None
    """80 % interval of the total of ``what``, from how far off it was at past dates; None below two of them."""
    n_checked: int
    """Past dates that the interval rests on."""
    margin_rate: float
    hold_out: HoldOut | None
    """Predicted against actual at the latest past date whose horizon is over; None where there is none."""
    rounds: tuple[dict[str, Any], ...]
    """Past cutoffs at which method and level were chosen: cutoff, errors, said, actual."""
    notes: tuple[str, ...]
    """What should be known before the numbers are used, in sentences."""


def latest_worth(warehouse: Warehouse | Transaction) -> WorthRun | None:
    """The newest run; None before the first."""
    found = warehouse.records("SELECT * FROM worth_runs ORDER BY worth_id DESC LIMIT 1")
    if not found:
        return None
    row, kept = found[0], json.loads(found[0]["summary"])
    totals, long = kept["totals"], kept.get("lifetime", {})
    return WorthRun(
        worth_id=row["worth_id"],
        made_at=row["made_at"],
        as_of=row["as_of"],
        method=row["method"],
        data_version=row["data_version"],
        n_customers=row["n_customers"],
        plan=WorthPlan(**kept["plan"]),
        what=kept["what"],
        is_learned=kept["is_learned"],
        level_rule=kept["level"]["rule"],
        total_orders=totals["orders"],
        total_spend=totals["spend"],
        total_margin=totals["margin"],
        total_lifetime=totals["lifetime"],
        lifetime_bounds=tuple(long["bounds"]) if long.get("bounds") else None,
        lifetime_checks=tuple(LifetimeCheck.from_json(entry) for entry in long.get("checks", ())),
        knows_seasons=bool(long.get("levels")),
        is_net=kept.get("is_net", False),
        interval=tuple(kept["interval"]) if kept["interval"] else None,
        n_checked=kept["n_checked"],
        margin_rate=kept["margin_rate"],
        hold_out=HoldOut.from_json(kept["hold_out"]) if kept["hold_out"] else None,
        rounds=tuple(kept["rounds"]),
        notes=tuple(kept["notes"]),
    )


def required_worth(warehouse: Warehouse, *, worth_id: int | None = None) -> WorthRun:
    """The newest run; NotFound when there is none, or when it is another one than was seen."""
    found = latest_worth(warehouse)
    if found is None:
        raise NotFound("customers were not valued yet; do so on the Value page or with 'churn value --run'.")
    if worth_id is not None and found.worth_id != worth_id:
        raise NotFound(f"customers were valued again since (run {found.worth_id}); reload the page.")
    return found


def run_beside(warehouse: Warehouse) -> int:
    """The latest score run of the order history, whose risks stand beside values; 0 when there is none."""
    return int(warehouse.value("SELECT coalesce(max(run_id), 0) FROM score_runs WHERE source = 'orders'") or 0)


def sorts_of(run: WorthRun) -> dict[str, str]:
    """What the list of a run can be ordered by, with its words, the first one first: nothing that it does not know."""
    unknown = {
        "expected_margin": run.total_margin is None,
        "lifetime_value": run.total_lifetime is None,
        "value_at_risk": run.total_margin is None,
    }
    return {name: words for name, words in SORTS.items() if not unknown.get(name)}


def order_sql(sort: str) -> str:
    """ORDER BY of the list; NotFound for an order that is not offered."""
    if sort not in SORTS:
        raise unknown_name("order", sort, SORTS)
    direction = "ASC" if sort in ASCENDING else "DESC"
    return f"{sort} {direction} NULLS LAST, customer_id"


def worth_page(
    warehouse: Warehouse, *, sort: str = "expected_margin", offset: int = 0, limit: int = 25
) -> pd.DataFrame:
    """Customers of the newest run, with name, risk and tier where they are known."""
    run = required_worth(warehouse)
    return warehouse.frame(
        "WITH shown AS (SELECT * FROM (" + WORTH_ROWS + f") ORDER BY {order_sql(sort)} LIMIT $limit OFFSET $offset) "
        "SELECT shown.*, (SELECT max(name) FROM customers WHERE customers.customer_id = shown.customer_id) AS name "
        f"FROM shown ORDER BY {order_sql(sort)}",
        {"worth_id": run.worth_id, "run_id": run_beside(warehouse), "limit": limit, "offset": offset},
    )


def worth_of(warehouse: Warehouse, customer_id: str) -> dict[str, Any] | None:
    """The row of one customer in the newest run; None without a run, or for somebody who was not valued."""
    rows = warehouse.records(
        "SELECT * FROM worth WHERE customer_id = $customer_id AND worth_id = (SELECT max(worth_id) FROM worth_runs)",
        {"customer_id": customer_id},
    )
    return rows[0] if rows else None
