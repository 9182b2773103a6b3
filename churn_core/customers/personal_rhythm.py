"""Each customer's own rhythm: the usual gap, how late the next order is, and by when those like them had ordered.

Readable without any model, so that a shop too small for one still has a list to work with. The shop's habits are read
once (from a sample of a large shop); the rhythm of all customers then follows in one query.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Literal

from churn_core.customers.cohort_curves import definition_in_force
from churn_core.errors import InputError
from churn_core.features.shop_habits import DUE_GAPS, MOST, Habits, habits, usual_gap_sql
from churn_core.timeline import seen_before
from churn_core.warehouse import Warehouse

Sort = Literal["lateness_ratio", "spend_amount_365"]
SORTS: dict[Sort, str] = {"lateness_ratio": "how late, in own gaps", "spend_amount_365": "spend in the last 365 days"}
"""What the list of the latest can be sorted by."""
LATE_GAPS = 2.0
"""Own gaps of silence that are late where no date can be given by which most would have ordered."""


@dataclass(frozen=True, kw_only=True)
class Rhythm:
    """How often one customer orders, and how late the next order is."""

    customer_id: str
    n_gaps: int
    """Gaps between order days; 0 with a single order day."""
    last_order: date
    days_since: int
    """Days since the last order, at the end of the orders."""
    usual_gap_days: float | None
    """Own gaps, leaning on the cohort's where they are few; None where nobody in the shop ordered twice."""
    cohort_year: int
    """Year of the first order: whose usual gap it leans on."""
    due_days: int | None
    """Days after which 8 of 10 customers like this one have ordered again; None where fewer did within four gaps."""
    alike: str
    """Who is like this customer, in words."""
    spend_amount_365: float | None
    """What the customer paid in the last 365 days, in the shop's currency; None without amounts."""
    is_cohort_known: bool = True
    """Whether customers of that year have a usual gap of their own; otherwise it leans on the shop's."""

    @property
    def lateness_ratio(self) -> float | None:
        """Days since the last order in own usual gaps; above 1 the next order is late."""
        return self.days_since / self.usual_gap_days if self.usual_gap_days else None

    @property
    def due_date(self) -> date | None:
        """By when 8 of 10 customers like this one would have ordered."""
        return None if self.due_days is None else self.last_order + timedelta(days=self.due_days)

    @property
    def is_late(self) -> bool:
        """Whether that date has passed; where there is none, whether the silence is longer than two own gaps."""
        if not self.n_gaps:
            return False
        if self.due_days is not None:
            return self.days_since > self.due_days
        return self.lateness_ratio is not None and self.lateness_ratio > LATE_GAPS


@dataclass(frozen=True, kw_only=True)
class LateCustomers:
    """Customers who are late by their own rhythm, the latest or the most valuable first."""

    end: datetime
    n_late: int
    """All who are late among those looked at."""
    n_customers: int
    """Customers looked at: with a rhythm of their own and an order within the activity window."""
    activity_days: int
    """Days within which the last order lies: the activity window, or two horizons where the definition has none."""
    rhythms: tuple[Rhythm, ...]


def rhythm_words(found: Rhythm) -> str:
    """The rhythm as a reason, in one sentence without its full stop.

    >>> found = Rhythm(customer_id="C1", n_gaps=9, last_order=date(2011, 8, 20), days_since=62, usual_gap_days=21.2,
    ...     cohort_year=2010, due_days=23, alike="", spend_amount_365=None)
    >>> rhythm_words(found)
    'late: 62 days since the last order, usually 21; 8 of 10 like them would have ordered by 12 Sep 2011'
    >>> from dataclasses import replace
    >>> rhythm_words(replace(found, days_since=9))
    'not late: 9 days since the last order, usually 21; unusual only after 12 Sep 2011, by when 8 of 10 like them have \
ordered again'
    """
    since = f"{_days(found.days_since)} since the {'last' if found.n_gaps else 'only'} order"
    if found.usual_gap_days is None:
        return f"{since}; nobody in the shop has ordered on two days yet, so there is no usual gap"
    usual = f"{since}, usually {found.usual_gap_days:,.0f}"
    if not found.n_gaps:
        whose = f"of customers who came in {found.cohort_year}" if found.is_cohort_known else "in the shop"
        usual = f"{since}; the usual gap {whose} is {found.usual_gap_days:,.0f}"
    start = "late" if found.is_late else "not late"
    if found.due_date is None:
        then = f"fewer than {MOST} like them were seen to order again within {DUE_GAPS:g} usual gaps"
    elif found.days_since > (found.due_days or 0):
        then = f"{MOST} like them would have ordered by {found.due_date:%-d %b %Y}"
    else:
        then = f"unusual only after {found.due_date:%-d %b %Y}, by when {MOST} like them have ordered again"
    return f"{start}: {usual}; {then}" if found.n_gaps else f"{usual}; {then}"


def rhythm(
    warehouse: Warehouse, customer_id: str, *, known: Habits | None = None, as_of: datetime | None = None
) -> Rhythm | None:
    """The rhythm of one customer; None for somebody without an order.

    ``known`` are the habits of the shop where they were read before. NotEnoughData when the shop has no orders.
    """
    found = known or habits(warehouse, as_of=as_of)
    sql, parameters = rhythms_sql(found, "customer_id = $customer_id")
    rows = warehouse.records(sql, parameters | {"customer_id": customer_id})
    return rhythm_from(rows[0], found, _spent(rows[0])) if rows else None


def late_customers(
    warehouse: Warehouse,
    *,
    known: Habits | None = None,
    sort: Sort = "lateness_ratio",
    limit: int = 100,
    as_of: datetime | None = None,
) -> LateCustomers:
    """Who is late by the own rhythm, of customers with at least two order days and the last one in the activity window.

    Whoever has been silent for longer has left already and is no news. NotEnoughData when the shop has no orders.
    """
    if sort not in SORTS:
        raise InputError(f"a list cannot be sorted by {sort!r}; choose one of {', '.join(SORTS)}.")
    found = known or habits(warehouse, as_of=as_of)
    definition, _ = definition_in_force(warehouse)
    window = definition.activity_days or 2 * definition.horizon_days
    sql, parameters = rhythms_sql(found)
    looked = (
        "SELECT *, days_since / nullif(usual_gap_days, 0) AS lateness_ratio, "
        "coalesce(days_since > due_days, days_since > $late_gaps * usual_gap_days, false) AS is_late "
        f"FROM ({sql}) WHERE n_gaps > 0 AND {seen_before('last_time', window)}"
    )
    parameters |= {"late_gaps": LATE_GAPS, "limit": limit}
    counted = f"SELECT count(*), count(*) FILTER (is_late) FROM ({looked})"
    n_looked, n_late = warehouse.rows(counted, parameters)[0]
    rows = warehouse.records(
        f"SELECT * FROM ({looked}) WHERE is_late ORDER BY {sort} DESC NULLS LAST, customer_id LIMIT $limit", parameters
    )
    return LateCustomers(
        end=found.end,
        n_late=n_late,
        n_customers=n_looked,
        activity_days=window,
        rhythms=tuple(rhythm_from(row, found, _spent(row)) for row in rows),
    )


def rhythms_sql(found: Habits, condition: str = "true") -> tuple[str, dict[str, Any]]:
    """SELECT of the rhythm of each customer with an order before the habits' end, and its parameters.

    Columns: customer_id, n_gaps, gap_sum, last_time, last_order (date), days_since, cohort_year, spend_amount_365,
    n_amounts, usual_gap_days, alike (position in ``found.alike``), due_days; as the fields of :class:`Rhythm` say.
    ``condition`` narrows down whose, in terms of ``orders``; its parameters are added by the caller.
    """
    last_year = seen_before("order_time", days=365)
    return (
        "SELECT *, list_extract(CAST($due AS INTEGER[]), alike + 1) AS due_days FROM (SELECT *, "
        f"{alike_sql(found, 'n_gaps', 'usual_gap_days')} AS alike FROM (SELECT *, "
        f"{usual_gap_sql('n_gaps', 'gap_sum')} AS usual_gap_days FROM (SELECT customer_id, count(gap_days) AS n_gaps, "
        "coalesce(sum(gap_days), 0) AS gap_sum, max(order_time) AS last_time, "
        "CAST(max(order_time) AS DATE) AS last_order, CAST($cutoff AS DATE) - CAST(max(order_time) AS DATE) "
        "AS days_since, year(min(order_time)) AS cohort_year, "
        f"CAST(sum(amount) FILTER ({last_year}) AS DOUBLE) AS spend_amount_365, count(amount) AS n_amounts "
        f"FROM orders WHERE {seen_before('order_time')} AND {condition} GROUP BY customer_id)))",
        found.parameters | alike_parameters(found),
    )


def alike_sql(found: Habits, n_gaps: str, usual_gap_days: str) -> str:
    """SQL text of the position in ``found.alike`` of somebody with such gaps; for :func:`alike_parameters`."""
    group = " + ".join(["1", *(f"CAST({usual_gap_days} > $edge_{nr} AS INTEGER)" for nr in range(len(found.edges)))])
    return f"CASE WHEN {n_gaps} = 0 OR {usual_gap_days} IS NULL THEN 0 ELSE {group} END"


def alike_parameters(found: Habits) -> dict[str, Any]:
    """What :func:`alike_sql` refers to, and as ``due`` the days by which 8 of 10 of each group had ordered."""
    edges = {f"edge_{nr}": edge for nr, edge in enumerate(found.edges)}
    return {"due": [entry.due_days for entry in found.alike], **edges}


def rhythm_from(row: Mapping[str, Any], found: Habits, spend_amount_365: float | None) -> Rhythm:
    """The rhythm of a customer from a row of :func:`rhythms_sql`."""
    return Rhythm(
        customer_id=row["customer_id"],
        n_gaps=int(row["n_gaps"]),
        last_order=row["last_order"],
        days_since=int(row["days_since"]),
        usual_gap_days=row["usual_gap_days"],
        cohort_year=int(row["cohort_year"]),
        due_days=row["due_days"],
        alike=found.alike[row["alike"]].words,
        spend_amount_365=spend_amount_365,
        is_cohort_known=int(row["cohort_year"]) in found.shrinkage.cohort_gap_days,
    )


def _spent(row: Mapping[str, Any]) -> float | None:
    return (row["spend_amount_365"] or 0.0) if row["n_amounts"] else None


def _days(number: float) -> str:
    return f"{number:,.0f} {'day' if round(number) == 1 else 'days'}"
