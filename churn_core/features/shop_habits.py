"""The habits of a shop's customers: what their usual gaps lean on, who is like whom, and how long those take.

Separate from the rhythm of single customers because it is read once for the whole shop.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Any

from churn_core.features.gaps import end_of_orders
from churn_core.features.usual_gap import (
    Shrinkage,
    count_buyers,
    gap_parameters,
    sampled_days,
    shrinkage_from,
    usual_gap_sql,
)
from churn_core.stats.survival import LifeTable, kaplan_meier
from churn_core.warehouse import Warehouse

__all__ = ["DUE_GAPS", "DUE_SHARE", "MOST", "Alike", "Habits", "Shrinkage", "habits", "usual_gap_sql"]

DUE_SHARE = 0.8
"""Share of customers alike who would have ordered by the date that is told."""
MOST = f"{10 * DUE_SHARE:.0f} of 10"
"""That share in words."""
DUE_GAPS = 4.0
"""Usual gaps within which they must have ordered: where many never come back, that share is reached years later if at
all, and such a date says nothing about the rhythm."""
GAPS_PER_GROUP = 200
"""Gaps that a group of customers alike has at least, and how many groups there are at most."""
MOST_GROUPS = 5


@dataclass(frozen=True, kw_only=True)
class Alike:
    """Customers with about the same rhythm, and how long they take until the next order."""

    words: str
    """Who they are."""
    n_gaps: int
    """Gaps looked at, those still open included."""
    n_ended: int
    """Of these, ended by an order."""
    due_days: int | None
    """Days by which 8 of 10 gaps ended (Kaplan-Meier, open gaps censored); None where fewer were seen to end within
    four of their usual gaps."""


@dataclass(frozen=True, kw_only=True)
class Habits:
    """The habits of a shop's customers."""

    end: datetime
    """Orders are known up to here."""
    n_customers: int
    """Customers with an order."""
    n_sampled: int
    """Customers whose gaps were looked at."""
    shrinkage: Shrinkage
    edges: tuple[float, ...]
    """Usual gaps, in days, at which one group of repeat customers ends and the next begins."""
    alike: tuple[Alike, ...]
    """Those with a single order first, then the groups of repeat customers, the quickest first."""

    @property
    def parameters(self) -> dict[str, Any]:
        """What :func:`usual_gap_sql` refers to, and the end of the orders."""
        return {"cutoff": self.end, **gap_parameters(self.shrinkage, self.end)}


def habits(warehouse: Warehouse, *, as_of: datetime | None = None) -> Habits:
    """The habits with the orders before ``as_of`` (default: all); NotEnoughData without orders."""
    end = end_of_orders(warehouse, as_of)
    n_customers = count_buyers(warehouse, end)
    days = sampled_days(n_customers)
    shrunk = shrinkage_from(warehouse, days, end)
    n_sampled = int(warehouse.value(f"SELECT count(*) FROM ({days}) WHERE gap_days IS NULL", {"cutoff": end}))
    edges, alike = _groups(warehouse, days, {"cutoff": end, **gap_parameters(shrunk, end)})
    return Habits(end=end, n_customers=n_customers, n_sampled=n_sampled, shrinkage=shrunk, edges=edges, alike=alike)


def _groups(warehouse: Warehouse, days: str, parameters: dict[str, Any]) -> tuple[tuple[float, ...], tuple[Alike, ...]]:
    """Groups of customers by the usual gap they had before each gap, and how long their gaps last."""
    usual = usual_gap_sql("n_before", "(day - first_day)")
    gaps = (
        "SELECT n_before, usual, coalesce(next_day - day, CAST($cutoff AS DATE) - 1 - day) AS days, "
        f"next_day IS NOT NULL AS is_ended FROM (SELECT *, {usual} AS usual FROM (SELECT day, "
        "lead(day) OVER own AS next_day, row_number() OVER own - 1 AS n_before, "
        "min(day) OVER own AS first_day, year(min(day) OVER own) AS cohort_year "
        f"FROM ({days}) WINDOW own AS (PARTITION BY customer_id ORDER BY day)))"
    )
    n_repeat = int(warehouse.value(f"SELECT count(gap_days) FROM ({days})", parameters))
    n_groups = max(1, min(MOST_GROUPS, n_repeat // GAPS_PER_GROUP))
    shares = [nr / n_groups for nr in range(1, n_groups)]
    rows = warehouse.rows(
        f"WITH gaps AS MATERIALIZED ({gaps}), edges AS (SELECT CASE WHEN len(CAST($shares AS DOUBLE[])) = 0 "
        "THEN CAST([] AS DOUBLE[]) ELSE list_filter(list_distinct(quantile_disc(usual, $shares)), "
        "lambda edge: edge < max(usual)) END AS edges FROM gaps "
        "WHERE n_before > 0) SELECT list_sort(any_value(edges)), "
        "CASE WHEN n_before = 0 THEN 0 ELSE 1 + len(list_filter(edges, lambda edge: usual > edge)) END AS alike, "
        "days, count(*) FILTER (is_ended), count(*) FILTER (NOT is_ended), sum(usual) "
        "FROM gaps, edges GROUP BY alike, days ORDER BY alike, days",
        parameters | {"shares": shares},
    )
    edges = tuple(float(edge) for edge in rows[0][0] or ()) if rows else ()
    words = _words(edges)
    return edges, tuple(_alike(words[nr], [row[2:] for row in rows if row[1] == nr]) for nr in range(len(words)))


def _alike(words: str, rows: list[tuple[int, int, int, float | None]]) -> Alike:
    """A group from its gaps by their days: how many of so many ended and did not, and the sum of their usual gaps."""
    if not rows:
        return Alike(words=words, n_gaps=0, n_ended=0, due_days=None)
    table = LifeTable(
        times=tuple(float(days) for days, *_ in rows),
        n_events=tuple(row[1] for row in rows),
        n_censored=tuple(row[2] for row in rows),
    )
    usual = sum(row[3] or 0.0 for row in rows) / table.n
    due = kaplan_meier(table).quantile(DUE_SHARE)
    due_days = None if due is None or due > DUE_GAPS * usual else round(due)
    return Alike(words=words, n_gaps=table.n, n_ended=sum(table.n_events), due_days=due_days)


def _words(edges: tuple[float, ...]) -> list[str]:
    """Who belongs to each group.

    >>> for words in _words((12.2, 30.0)):
    ...     print(words)
    customers with a single order day
    customers with a usual gap of up to 12 days
    customers with a usual gap of 12 to 30 days
    customers with a usual gap of more than 30 days
    """
    if not edges:
        return ["customers with a single order day", "customers with several order days"]
    shown = [f"{edge:,.0f}" for edge in edges]
    ranges = (f"up to {shown[0]}", *(f"{low} to {high}" for low, high in pairwise(shown)), f"more than {shown[-1]}")
    return [
        "customers with a single order day",
        *(f"customers with a usual gap of {words} days" for words in ranges),
    ]
