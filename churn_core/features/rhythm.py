"""Features of the customer's own rhythm: how long the gaps between orders are and how late the next order is.

A gap is the number of days between two days with an order. Few gaps say little, so the usual gap leans on that of the
customers who came in the same year (``features.usual_gap``).
"""

from __future__ import annotations

from churn_core.features.feature import Feature, Measure
from churn_core.features.sources import within
from churn_core.features.usual_gap import WEIGHT, cohort_gap_sql, shrunk_gap_sql

_USUAL = shrunk_gap_sql("n_gaps", "gap_sum", "gap_weight", "cohort_gap_days")
_NO_GAP = "no second order yet"

MEASURES: tuple[Measure, ...] = (
    Measure(name="gap_sum", source="orders", sql="sum(gap_days)", fill_zero=True),
    Measure(name="n_gaps", source="orders", sql="count(gap_days)", fill_zero=True),
    Measure(name="gap_weight", source="orders", sql=WEIGHT),
    Measure(name="cohort_gap_days", source="orders", sql=cohort_gap_sql("max(age_days)")),
    Measure(name="mean_gap_days_365", source="orders", sql=f"avg(gap_days) FILTER (WHERE {within(365)})"),
)

LEANING = frozenset({"gap_weight", "cohort_gap_days"})
"""The measures whose SQL refers to what usual gaps lean on (``usual_gap.gap_parameters``)."""

RHYTHM: tuple[Feature, ...] = (
    Feature(
        name="mean_gap_days",
        group="rhythm",
        table="orders",
        source="orders",
        sql="avg(gap_days)",
        unit="days",
        label="Mean gap",
        meaning="Mean days between order days; missing with a single order day.",
        words_high="orders every {value} [day|days] on average",
        words_low="orders as often as every {value} [day|days] on average",
        words_missing=_NO_GAP,
    ),
    Feature(
        name="usual_gap_days",
        group="rhythm",
        table="orders",
        sql=_USUAL,
        unit="days",
        label="Usual gap",
        meaning="Days between order days to expect of the customer: own gaps, leaning on the mean gap of customers who "
        "came in the same year (or of the shop) the more, the less customers differ; missing only where nobody in the "
        "shop ordered twice.",
        words_high="usual gap of {value} [day|days] between orders",
        words_low="usual gap of only {value} [day|days] between orders",
        words_missing="nobody in the shop has ordered twice yet",
        revision=2,
    ),
    Feature(
        name="gap_spread_days",
        group="rhythm",
        table="orders",
        source="orders",
        sql="stddev(gap_days)",
        unit="days",
        label="Spread of gaps",
        meaning="Standard deviation of the days between order days; missing below three order days.",
        words_high="gaps between orders vary by {value} [day|days]",
        words_low="gaps between orders vary by only {value} [day|days]",
        words_missing="fewer than three order days",
    ),
    Feature(
        name="gap_variation_ratio",
        group="rhythm",
        table="orders",
        sql="gap_spread_days / nullif(mean_gap_days, 0)",
        unit="ratio",
        label="Irregularity of gaps",
        meaning="Spread of the gaps over their mean; missing below three order days.",
        words_high="irregular orders: gaps vary by {value} times their mean",
        words_low="regular orders: gaps vary by only {value} times their mean",
        words_missing="fewer than three order days",
    ),
    Feature(
        name="last_gap_days",
        group="rhythm",
        table="orders",
        source="orders",
        sql="max(gap_days) FILTER (WHERE age_days = last_order_age)",
        unit="days",
        label="Last gap",
        meaning="Days between the last two order days; missing with a single order day.",
        words_high="{value} [day|days] between the last two orders",
        words_low="only {value} [day|days] between the last two orders",
        words_missing=_NO_GAP,
    ),
    Feature(
        name="longest_gap_days",
        group="rhythm",
        table="orders",
        source="orders",
        sql="max(gap_days)",
        unit="days",
        label="Longest gap",
        meaning="Longest time between two order days; missing with a single order day.",
        words_high="once stayed away for {value} [day|days] and came back",
        words_low="never stayed away for more than {value} [day|days] before",
        words_missing=_NO_GAP,
    ),
    Feature(
        name="lateness_ratio",
        group="rhythm",
        table="orders",
        sql=f"days_since_last_order / nullif({_USUAL}, 0)",
        unit="ratio",
        label="Lateness in own gaps",
        meaning="Days since the last order over the usual gap: above 1 the next order is late; "
        "missing only where nobody in the shop ordered twice.",
        words_high="silent for {value} times the own usual gap",
        words_low="silent for only {value} times the own usual gap",
        words_missing="nobody in the shop has ordered twice yet",
        revision=2,
    ),
    Feature(
        name="lateness_spreads",
        group="rhythm",
        table="orders",
        sql="(days_since_last_order - mean_gap_days) / nullif(gap_spread_days + 1e0, 0)",
        unit="ratio",
        label="Lateness in own spreads",
        meaning="Days beyond the mean gap over the spread of the gaps (one day added); missing below three order days.",
        words_high="late by {value} spreads of the own gaps",
        words_low="not late: {value} spreads of the own gaps",
        words_missing="fewer than three order days",
        scale="identity",
    ),
    Feature(
        name="longest_gap_ratio",
        group="rhythm",
        table="orders",
        sql="days_since_last_order / nullif(longest_gap_days, 0)",
        unit="ratio",
        label="Silence over longest gap",
        meaning="Days since the last order over the longest gap so far; missing with a single order day.",
        words_high="silent for {value} times the longest gap so far",
        words_low="silent for only {value} times the longest gap so far",
        words_missing=_NO_GAP,
    ),
    Feature(
        name="last_gap_ratio",
        group="rhythm",
        table="orders",
        sql="last_gap_days / nullif(mean_gap_days, 0)",
        unit="ratio",
        label="Last gap over mean gap",
        meaning="The last gap over the mean gap: above 1 the rhythm slows down; missing with a single order day.",
        words_high="slowing down: last gap {value} times the mean gap",
        words_low="speeding up: last gap only {value} times the mean gap",
        words_missing=_NO_GAP,
    ),
    Feature(
        name="gap_trend_365",
        group="rhythm",
        table="orders",
        sql="mean_gap_days_365 / nullif(mean_gap_days, 0)",
        unit="ratio",
        label="Gaps of the last year over all",
        meaning="Mean gap that ended in the last 365 days over the mean of all gaps; missing without such a gap.",
        words_high="gaps of the last year {value} times the lifetime mean",
        words_low="gaps of the last year only {value} times the lifetime mean",
        words_missing="no repeat order in the last 365 days",
    ),
)

ENTRIES: tuple[Feature, ...] = RHYTHM
