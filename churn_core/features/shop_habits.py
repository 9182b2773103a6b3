"""How often the customers of a shop order: the gap that somebody's own gaps lean on, and who is like whom.

Separate from the rhythm of single customers because it is read once for the whole shop. A usual gap is shrunk towards
the cohort's by empirical Bayes: gaps of customer i are gamma distributed around the customer's own mean, and those
means are inverse-gamma distributed around the cohort's mean m. The posterior mean is then

    usual = (w m + sum of own gaps) / (w + number of own gaps),

exactly linear (Jewell 1974), with w = variance within customers / variance between customers, estimated by moments
(Buehlmann & Straub 1970; Buehlmann & Gisler 2005, ch. 4): no gaps give the cohort's gap, many give the own. m is the
mean of customers' mean gaps weighted by n / (n + w), so that frequent buyers do not speak for everybody.

A cohort is made of the customers whose first order fell into the same year, if that year ended at least a year before
the end of the orders: of younger ones only the quick repeat orders are known, so they lean on the shop.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Any

from churn_core.features.gaps import FEWEST_GAPS, end_of_orders
from churn_core.stats.survival import LifeTable, kaplan_meier
from churn_core.timeline import seen_before
from churn_core.warehouse import Warehouse

DUE_SHARE = 0.8
"""Share of customers alike who would have ordered by the date that is told."""
N_SAMPLED = 100_000
"""Customers of a large shop whose habits are looked at, drawn by a digest of their ids."""
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
    """Days by which 8 of 10 gaps ended (Kaplan-Meier, open gaps censored); None where fewer were seen to."""


@dataclass(frozen=True, kw_only=True)
class Shrinkage:
    """What the usual gap of a customer leans on, and how strongly."""

    weight: float | None
    """Gaps of their own that the cohort's gap is worth; None where customers do not differ: own gaps count nothing."""
    shop_gap_days: float | None
    """Mean gap of the shop's customers; None where nobody ordered twice."""
    cohort_gap_days: dict[int, float]
    """Year of the first order -> mean gap; years too young or with too few gaps are left out."""

    def usual_gap_days(self, n_gaps: int, gap_sum: float, cohort_year: int) -> float | None:
        """The usual gap of a customer with such gaps; None where nobody ordered twice.

        >>> Shrinkage(weight=2.0, shop_gap_days=40.0, cohort_gap_days={2020: 30.0}).usual_gap_days(2, 20, 2020)
        20.0
        """
        mean = self.cohort_gap_days.get(cohort_year, self.shop_gap_days)
        if mean is None or self.weight is None:
            return mean
        return (self.weight * mean + gap_sum) / (self.weight + n_gaps)


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
        return _parameters(self.shrinkage, self.end)


def usual_gap_sql(n_gaps: str, gap_sum: str, cohort_year: str = "cohort_year") -> str:
    """SQL text of the usual gap; its parameters are those of :class:`Habits`."""
    mean = (
        "coalesce(list_extract(CAST($cohort_gaps AS DOUBLE[]), list_position(CAST($cohort_years AS BIGINT[]), "
        f"{cohort_year})), CAST($shop_gap AS DOUBLE))"
    )
    weight = "CAST($weight AS DOUBLE)"
    return f"CASE WHEN {weight} IS NULL THEN {mean} ELSE ({weight} * {mean} + {gap_sum}) / ({weight} + {n_gaps}) END"


def habits(warehouse: Warehouse, *, as_of: datetime | None = None) -> Habits:
    """The habits with the orders before ``as_of`` (default: all); NotEnoughData without orders."""
    end = end_of_orders(warehouse, as_of)
    seen = f"is_new_day AND {seen_before('order_time')}"
    n_customers = int(
        warehouse.value(f"SELECT count(*) FROM orders WHERE gap_days IS NULL AND {seen}", {"cutoff": end})
    )
    n_parts = -(-n_customers // N_SAMPLED)
    sampled = f"{seen} AND hash(customer_id) % {n_parts} = 0" if n_parts > 1 else seen
    days = f"SELECT customer_id, CAST(order_time AS DATE) AS day, gap_days FROM orders WHERE {sampled}"
    shrunk, n_sampled = _shrinkage(warehouse, days, end)
    edges, alike = _groups(warehouse, days, _parameters(shrunk, end))
    return Habits(end=end, n_customers=n_customers, n_sampled=n_sampled, shrinkage=shrunk, edges=edges, alike=alike)


def shrinkage_of(rows: Iterable[tuple[int, int, int, float, float, float]], last_year: int) -> Shrinkage:
    """The shrinkage from sums over customers with gaps, by year of the first order and number of gaps.

    A row is (year, gaps per customer, customers, sum of mean gaps, sum of squared mean gaps, sum of squared gaps).
    Years after ``last_year`` are too young for a gap of their own.
    """
    known = [row for row in rows if row[1] > 0]
    n_customers, n_gaps = sum(row[2] for row in known), sum(row[1] * row[2] for row in known)
    if not n_gaps:
        return Shrinkage(weight=None, shop_gap_days=None, cohort_gap_days={})
    weight = _weight(known, n_customers, n_gaps)
    years = sorted({row[0] for row in known if row[0] <= last_year})
    by_year = {year: [row for row in known if row[0] == year] for year in years}
    return Shrinkage(
        weight=weight,
        shop_gap_days=_mean_gap(known, weight),
        cohort_gap_days={
            year: _mean_gap(own, weight)
            for year, own in by_year.items()
            if sum(row[1] * row[2] for row in own) >= FEWEST_GAPS
        },
    )


def _weight(rows: list[tuple[int, int, int, float, float, float]], n_customers: int, n_gaps: int) -> float | None:
    """Variance within customers over variance between them; None where they cannot be told to differ."""
    within_sum = sum(squares - n * means_squared for _, n, _, _, means_squared, squares in rows)
    freedom = n_gaps - n_customers
    balance = n_gaps - sum(n * n * customers for _, n, customers, *_ in rows) / n_gaps
    if freedom < 1 or balance <= 0:
        return None
    within = max(within_sum, 0.0) / freedom
    total = sum(n * means for _, n, _, means, _, _ in rows)
    spread = sum(n * means_squared for _, n, _, _, means_squared, _ in rows) - total * total / n_gaps
    between = (spread - (n_customers - 1) * within) / balance
    return within / between if between > 0 else None


def _mean_gap(rows: list[tuple[int, int, int, float, float, float]], weight: float | None) -> float:
    """Mean of customers' mean gaps, each weighted by how well it is known; by the number of gaps if all are alike."""
    trust = [n if weight is None else n / (n + weight) for _, n, *_ in rows]
    below = sum(share * row[2] for share, row in zip(trust, rows, strict=True))
    return sum(share * row[3] for share, row in zip(trust, rows, strict=True)) / below


def _shrinkage(warehouse: Warehouse, days: str, end: datetime) -> tuple[Shrinkage, int]:
    """The shrinkage, and how many customers it was read from."""
    rows = warehouse.rows(
        f"SELECT cohort_year, n, count(*), sum(total / nullif(n, 0)), sum(pow(total / nullif(n, 0), 2)), "
        "CAST(sum(squares) AS DOUBLE) FROM (SELECT customer_id, year(min(day)) AS cohort_year, count(gap_days) AS n, "
        "CAST(coalesce(sum(gap_days), 0) AS DOUBLE) AS total, "
        "coalesce(sum(CAST(gap_days AS DOUBLE) * gap_days), 0) AS squares "
        f"FROM ({days}) GROUP BY customer_id) GROUP BY ALL ORDER BY ALL",
        {"cutoff": end},
    )
    last_year = end.replace(year=end.year - 1, day=min(end.day, 28)).year - 1
    return shrinkage_of(rows, last_year), sum(row[2] for row in rows)


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
        "days, count(*) FILTER (is_ended), count(*) FILTER (NOT is_ended) "
        "FROM gaps, edges GROUP BY alike, days ORDER BY alike, days",
        parameters | {"shares": shares},
    )
    edges = tuple(float(edge) for edge in rows[0][0] or ()) if rows else ()
    words = _words(edges)
    return edges, tuple(_alike(words[nr], [row[2:] for row in rows if row[1] == nr]) for nr in range(len(words)))


def _alike(words: str, rows: list[tuple[int, int, int]]) -> Alike:
    if not rows:
        return Alike(words=words, n_gaps=0, n_ended=0, due_days=None)
    table = LifeTable(
        times=tuple(float(days) for days, _, _ in rows),
        n_events=tuple(n for _, n, _ in rows),
        n_censored=tuple(n for _, _, n in rows),
    )
    due = kaplan_meier(table).quantile(DUE_SHARE)
    return Alike(words=words, n_gaps=table.n, n_ended=sum(table.n_events), due_days=None if due is None else round(due))


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


def _parameters(shrunk: Shrinkage, end: datetime) -> dict[str, Any]:
    return {
        "cutoff": end,
        "weight": shrunk.weight,
        "shop_gap": shrunk.shop_gap_days,
        "cohort_years": list(shrunk.cohort_gap_days),
        "cohort_gaps": list(shrunk.cohort_gap_days.values()),
    }
