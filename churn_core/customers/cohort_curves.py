"""How long until customers order again, and until they churn, cohort by cohort, with those still waiting counted so.

Counts per day and cohort are added up in one query; curves and test come from :mod:`churn_core.stats.survival`. Every
customer counts once, so that the test's assumption of independent times holds: the time to the next order is that
from the first order to the second, churn is the first silence longer than the horizon.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from churn_core.customers.cohort_members import MONTH, members
from churn_core.errors import InputError, unknown_name
from churn_core.features.definition import active_definition, propose_definition
from churn_core.features.gaps import end_of_orders
from churn_core.stats.survival import LifeTable, SurvivalCurve, kaplan_meier, log_rank
from churn_core.timeline import ChurnDefinition, seen_before
from churn_core.warehouse import Warehouse

Event = Literal["order", "churn"]

EVENTS: dict[Event, str] = {"order": "ordered again", "churn": "churned"}
"""What is waited for, as a participle."""
FEWEST_EXPECTED = 5
"""Expected events per cohort below which the chi-square of the log-rank test is not to be trusted."""
ALPHA = 0.05


@dataclass(frozen=True, kw_only=True)
class CohortCurve:
    """How long it takes the customers of one cohort."""

    label: str
    n_customers: int
    n_events: int
    """Customers to whom it has happened."""
    table: LifeTable
    curve: SurvivalCurve

    @property
    def median_days(self) -> float | None:
        """Days after which it has happened to half of them; None while it was seen of fewer."""
        return self.curve.quantile(0.5)


@dataclass(frozen=True, kw_only=True)
class CohortCurves:
    """The curves of all cohorts of a grouping."""

    event: Event
    horizon_days: int
    """Days without an order that count as churn."""
    is_saved: bool
    """Whether the horizon is that of a saved churn definition; else it is a proposal."""
    end: datetime
    curves: tuple[CohortCurve, ...]
    """Months in their order, values by size; cohorts that were watched for no day are left out."""

    def curve(self, label: str) -> CohortCurve:
        """The curve of a cohort; NotFound with the nearest name when there is none."""
        for found in self.curves:
            if found.label == label:
                return found
        raise unknown_name("cohort", label, [found.label for found in self.curves])


@dataclass(frozen=True, kw_only=True)
class CohortComparison:
    """Two cohorts beside each other."""

    first: CohortCurve
    second: CohortCurve
    p_value: float | None
    """Of the log-rank test; None where it cannot be trusted or told."""
    sentence: str
    """What was found, or why nothing can be said."""


def definition_in_force(warehouse: Warehouse) -> tuple[ChurnDefinition, bool]:
    """The saved churn definition, or else the proposed one; whether it was saved."""
    saved = active_definition(warehouse)
    return (saved, True) if saved else (propose_definition(warehouse).definition, False)


def cohort_curves(
    warehouse: Warehouse, event: Event = "order", by: str = MONTH, *, as_of: datetime | None = None
) -> CohortCurves:
    """Kaplan-Meier curves of every cohort with the orders before ``as_of`` (default: all).

    Days count from the day of the first order. Churn is dated on the day the silence reaches the horizon, because only
    then it can be known: dated earlier, a customer who is still waited for would be left out for having been silent.
    """
    end = end_of_orders(warehouse, as_of)
    who = members(warehouse, by, end)
    definition, is_saved = definition_in_force(warehouse)
    happened = (
        "second_day - first_day"
        if event == "order"
        else "coalesce(silent_since, CASE WHEN today - last_day > $horizon THEN last_day END) + $horizon - first_day"
    )
    rows = warehouse.rows(
        f"WITH members AS ({who.sql}), days AS (SELECT customer_id, CAST(order_time AS DATE) AS day, gap_days "
        f"FROM orders WHERE is_new_day AND {seen_before('order_time')}), "
        "spans AS (SELECT customer_id, min(day) AS first_day, max(day) AS last_day, "
        "min(day) FILTER (gap_days IS NOT NULL) AS second_day, "
        "min(day - gap_days) FILTER (gap_days > $horizon) AS silent_since, CAST($cutoff AS DATE) AS today "
        "FROM days GROUP BY customer_id), "
        f"waits AS (SELECT customer_id, {happened} AS happened, today - 1 - first_day AS watched FROM spans) "
        "SELECT cohort, coalesce(happened, watched) AS days, count(happened), count(*) - count(happened) "
        "FROM waits JOIN members USING (customer_id) GROUP BY ALL ORDER BY ALL",
        who.parameters | {"horizon": definition.horizon_days},
    )
    by_cohort: dict[int, list[tuple[int, int, int]]] = defaultdict(list)
    for cohort, days, n_events, n_censored in rows:
        by_cohort[cohort].append((days, n_events, n_censored))
    order = sorted(by_cohort) if who.labels is None else [number for number in who.labels if number in by_cohort]
    curves = [_curve(who.label(number), by_cohort[number]) for number in order]
    return CohortCurves(
        event=event,
        horizon_days=definition.horizon_days,
        is_saved=is_saved,
        end=end,
        curves=tuple(found for found in curves if found.curve.last_time > 0),
    )


def compare_cohorts(found: CohortCurves, first: str, second: str) -> CohortComparison:
    """Two cohorts by the log-rank test; NotFound for unknown names, InputError for the same cohort twice."""
    if first == second:
        raise InputError(f"{first!r} was chosen twice; choose two different cohorts to compare.")
    sides = found.curve(first), found.curve(second)
    p_value, verdict = _verdict(found.event, *sides)
    halves = " and ".join(median_words(side, found.event) for side in sides)
    return CohortComparison(first=sides[0], second=sides[1], p_value=p_value, sentence=f"{halves}; {verdict}")


def median_words(side: CohortCurve, event: Event) -> str:
    """After how many days it happened to half of a cohort, or that it was seen of fewer."""
    who = f"{side.label} (n {side.n_customers:,})"
    if side.median_days is None:
        return f"fewer than half of {who} were seen to have {EVENTS[event]}"
    return (
        f"half of {who} had {EVENTS[event]} after {side.median_days:,.0f} {'day' if side.median_days == 1 else 'days'}"
    )


def _verdict(event: Event, first: CohortCurve, second: CohortCurve) -> tuple[float | None, str]:
    """The p-value, and what may be said."""
    try:
        test = log_rank({"first": first.table, "second": second.table})
    except InputError:
        return None, f"nobody in either has {EVENTS[event]} yet, so there is nothing to compare."
    if min(test.expected.values()) < FEWEST_EXPECTED:
        return None, (
            f"too few of them have {EVENTS[event]} to compare the two: in one cohort fewer than {FEWEST_EXPECTED} "
            "would be expected."
        )
    p_words = "p < .001" if test.p_value < 0.001 else f"p {test.p_value:.3f}"
    if test.p_value >= ALPHA:
        return test.p_value, (
            f"the log-rank test does not tell the two apart ({p_words}), which does not mean that they are alike."
        )
    is_sooner = test.observed["first"] > test.expected["first"]
    sooner = (first if is_sooner else second).label
    return test.p_value, f"over the whole time watched, {sooner} did so sooner (log-rank {p_words})."


def _curve(label: str, rows: list[tuple[int, int, int]]) -> CohortCurve:
    table = LifeTable(
        times=tuple(float(days) for days, _, _ in rows),
        n_events=tuple(n for _, n, _ in rows),
        n_censored=tuple(n for _, _, n in rows),
    )
    return CohortCurve(
        label=label, n_customers=table.n, n_events=sum(table.n_events), table=table, curve=kaplan_meier(table)
    )
