"""The usual gap between a customer's order days: own gaps, leaning on those of customers who came when they did.

Apart from the rest of a shop's habits because features ask for it at every cutoff. It is shrunk by empirical Bayes:
gaps of customer i are gamma distributed around the customer's own mean, and those means are inverse-gamma distributed
around the cohort's mean m. The posterior mean is then

    usual = (w m + sum of own gaps) / (w + number of own gaps),

exactly linear (Jewell 1974), with w = variance within customers / variance between customers, estimated by moments
(Buehlmann & Straub 1970; Buehlmann & Gisler 2005, ch. 4): no gaps give the cohort's gap, many give the own. m is the
mean of customers' mean gaps weighted by n / (n + w), so that frequent buyers do not speak for everybody.

A cohort is made of the customers whose first order fell into the same year, if that year ended at least a year before
the last order: of younger ones only the quick repeat orders are known, so they lean on the shop.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from churn_core.features.gaps import FEWEST_GAPS
from churn_core.timeline import seen_before
from churn_core.warehouse import Warehouse

N_SAMPLED = 100_000
"""Customers of a large shop whose habits are looked at, drawn by a digest of their ids."""
MOST_COHORTS = 20
"""Years that have a gap of their own, the latest ones."""

WEIGHT = "CAST($gap_weight AS DOUBLE)"
"""SQL text of the weight."""

Sums = tuple[int, int, int, float, float, float]
"""Year, gaps per customer, customers, sum of mean gaps, sum of squared mean gaps, sum of squared gaps."""


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
        if mean is None or self.weight is None or not self.weight + n_gaps:
            return mean
        return (self.weight * mean + gap_sum) / (self.weight + n_gaps)


def shrunk_gap_sql(n_gaps: str, gap_sum: str, weight: str, mean: str) -> str:
    """SQL text of the usual gap from its four parts; the mean alone where there is no weight, or nothing to weigh.

    >>> shrunk_gap_sql("n", "total", "w", "m")
    'coalesce((total + w * m) / nullif(n + w, 0), m)'
    """
    return f"coalesce(({gap_sum} + {weight} * {mean}) / nullif({n_gaps} + {weight}, 0), {mean})"


def usual_gap_sql(n_gaps: str, gap_sum: str, cohort_year: str = "cohort_year") -> str:
    """SQL text of the usual gap from the year of the first order; its parameters are :func:`gap_parameters`."""
    mean = (
        "coalesce(list_extract(CAST($cohort_gaps AS DOUBLE[]), list_position(CAST($cohort_years AS BIGINT[]), "
        f"{cohort_year})), CAST($shop_gap AS DOUBLE))"
    )
    return shrunk_gap_sql(n_gaps, gap_sum, WEIGHT, mean)


def cohort_gap_sql(first_age: str) -> str:
    """SQL text of the mean gap leaned on, from the days between first order and cutoff; for :func:`gap_parameters`.

    Plain enough for any engine: the years are told apart by the ages of their first days.
    """
    years = " ".join(
        f"WHEN {first_age} > CAST($cohort_age_{nr} AS INTEGER) THEN CAST($cohort_gap_{nr} AS DOUBLE)"
        for nr in range(MOST_COHORTS + 1)
    )
    return f"CASE {years} ELSE CAST($shop_gap AS DOUBLE) END"


def gap_parameters(found: Shrinkage, cutoff: datetime) -> dict[str, Any]:
    """What :func:`usual_gap_sql` refers to, and :func:`cohort_gap_sql` for ages at a cutoff."""
    years = sorted(found.cohort_gap_days)
    ages: list[int | None] = [None] * (MOST_COHORTS + 1)
    gaps: list[float | None] = [None] * (MOST_COHORTS + 1)
    spanned = range(years[0] - 1, years[-1] + 1) if years else ()
    for nr, year in enumerate(spanned):
        ages[nr] = (cutoff.date() - date(year + 1, 1, 1)).days
        gaps[nr] = found.cohort_gap_days.get(year, found.shop_gap_days)
    return {
        "gap_weight": found.weight,
        "shop_gap": found.shop_gap_days,
        "cohort_years": years,
        "cohort_gaps": [found.cohort_gap_days[year] for year in years],
        **{f"cohort_age_{nr}": age for nr, age in enumerate(ages)},
        **{f"cohort_gap_{nr}": gap for nr, gap in enumerate(gaps)},
    }


def shrinkage(warehouse: Warehouse, until: datetime) -> Shrinkage:
    """The shrinkage as known at an instant; nothing to lean on where nobody had ordered twice by then."""
    return shrinkage_from(warehouse, sampled_days(count_buyers(warehouse, until)), until)


def count_buyers(warehouse: Warehouse, until: datetime) -> int:
    """Customers with an order before an instant."""
    sql = f"SELECT count(*) FROM orders WHERE is_new_day AND gap_days IS NULL AND {seen_before('order_time')}"
    return int(warehouse.value(sql, {"cutoff": until}))


def sampled_days(n_customers: int) -> str:
    """SELECT of customer_id, day and gap_days of the order days looked at; all of them in a shop that is not large."""
    n_parts = -(-n_customers // N_SAMPLED)
    sampled = f" AND hash(customer_id) % {n_parts} = 0" if n_parts > 1 else ""
    return (
        "SELECT customer_id, CAST(order_time AS DATE) AS day, gap_days FROM orders "
        f"WHERE is_new_day AND {seen_before('order_time')}{sampled}"
    )


def shrinkage_from(warehouse: Warehouse, days: str, until: datetime) -> Shrinkage:
    """The shrinkage of the customers whose order days these are (:func:`sampled_days`)."""
    rows = warehouse.rows(
        "SELECT cohort_year, n, count(*), sum(total / nullif(n, 0)), sum(pow(total / nullif(n, 0), 2)), "
        "CAST(sum(squares) AS DOUBLE), max(last_day) FROM (SELECT customer_id, year(min(day)) AS cohort_year, "
        "count(gap_days) AS n, CAST(coalesce(sum(gap_days), 0) AS DOUBLE) AS total, "
        "coalesce(sum(CAST(gap_days AS DOUBLE) * gap_days), 0) AS squares, max(day) AS last_day "
        f"FROM ({days}) GROUP BY customer_id) GROUP BY cohort_year, n ORDER BY cohort_year, n",
        {"cutoff": until},
    )
    if not rows:
        return shrinkage_of((), last_year=0)
    return shrinkage_of([row[:6] for row in rows], last_year=_last_old_year(max(row[6] for row in rows)))


def shrinkage_of(rows: Iterable[Sums], last_year: int) -> Shrinkage:
    """The shrinkage from sums over customers with gaps, by year of the first order and number of gaps.

    Years after ``last_year`` are too young for a gap of their own.
    """
    known = [row for row in rows if row[1] > 0]
    n_customers, n_gaps = sum(row[2] for row in known), sum(row[1] * row[2] for row in known)
    if not n_gaps:
        return Shrinkage(weight=None, shop_gap_days=None, cohort_gap_days={})
    weight = _weight(known, n_customers, n_gaps)
    years = sorted({row[0] for row in known if last_year - MOST_COHORTS < row[0] <= last_year})
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


def _last_old_year(last_order: date) -> int:
    """The last year that had ended a year before the day after the last order.

    >>> _last_old_year(date(2011, 12, 9)), _last_old_year(date(2011, 12, 31))
    (2009, 2010)
    """
    return (last_order + timedelta(days=1)).year - 2


def _weight(rows: list[Sums], n_customers: int, n_gaps: int) -> float | None:
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


def _mean_gap(rows: list[Sums], weight: float | None) -> float:
    """Mean of customers' mean gaps, each weighted by how well it is known; by the number of gaps if all are alike."""
    trust = [n if weight is None else n / (n + weight) for _, n, *_ in rows]
    below = sum(share * row[2] for share, row in zip(trust, rows, strict=True))
    return sum(share * row[3] for share, row in zip(trust, rows, strict=True)) / below
