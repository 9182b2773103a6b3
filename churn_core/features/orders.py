"""Features of the order history: recency, frequency, spend, trends, tenure and season.

Orders are counted as days with an order, so that an order split into several invoices counts once.
"""

from __future__ import annotations

from churn_core.features.feature import Feature, Measure
from churn_core.features.sources import within

WINDOWS = (7, 30, 90, 180, 365)
"""The windows, in days, that frequency and spend are counted in."""

_SEASON_DAYS = 90
_YEAR = "(age_days - 1) % 365"


def _frequency(days: int) -> Feature:
    return Feature(
        name=f"n_order_days_{days}",
        group="frequency",
        table="orders",
        source="orders",
        sql=f"count(*) FILTER (WHERE is_new_day AND {within(days)})",
        unit="count",
        label=f"Order days, last {days} days",
        meaning=f"Days with an order in the last {days} days before the cutoff.",
        words_high=f"{{value}} order [day|days] in the last {days} days",
        words_low=f"only {{value}} order [day|days] in the last {days} days",
        fill_zero=True,
    )


def _spend(days: int) -> Feature:
    return Feature(
        name=f"spend_amount_{days}",
        group="spend",
        table="orders",
        source="orders",
        sql=f"sum(amount) FILTER (WHERE {within(days)})",
        unit="currency",
        label=f"Spend, last {days} days",
        meaning=f"Amount of the orders in the last {days} days before the cutoff.",
        words_high=f"spent {{value}} in the last {days} days",
        words_low=f"spent only {{value}} in the last {days} days",
        needs=("orders.amount",),
        fill_zero=True,
    )


MEASURES: tuple[Measure, ...] = (
    Measure(
        name="n_season_days",
        source="orders",
        sql=f"count(*) FILTER (WHERE is_new_day AND {_YEAR} >= {365 - _SEASON_DAYS})",
        fill_zero=True,
    ),
    Measure(
        name="n_season_days_last_year",
        source="orders",
        sql=f"count(*) FILTER (WHERE is_new_day AND age_days > {365 - _SEASON_DAYS} AND {within(365)})",
        fill_zero=True,
    ),
    Measure(
        name="season_amount_last_year",
        source="orders",
        sql=f"sum(amount) FILTER (WHERE age_days > {365 - _SEASON_DAYS} AND {within(365)})",
        needs=("orders.amount",),
        fill_zero=True,
    ),
    Measure(
        name="signup_age",
        source="customers",
        sql="max(age_days)",
        needs=("customers.signup_time",),
    ),
)

RECENCY: tuple[Feature, ...] = (
    Feature(
        name="days_since_last_order",
        group="recency",
        table="orders",
        source="orders",
        sql="min(age_days)",
        unit="days",
        label="Days since last order",
        meaning="Calendar days from the last order to the cutoff.",
        words_high="{value} [day|days] since the last order",
        words_low="only {value} [day|days] since the last order",
    ),
    Feature(
        name="days_since_previous_order",
        group="recency",
        table="orders",
        sql="days_since_last_order + last_gap_days",
        unit="days",
        label="Days since the order before the last",
        meaning="Calendar days from the last order day but one to the cutoff; missing with a single order day.",
        words_high="{value} [day|days] since the order before the last",
        words_low="only {value} [day|days] since the order before the last",
        words_missing="no second order yet",
    ),
)

FREQUENCY: tuple[Feature, ...] = (
    Feature(
        name="n_orders",
        group="frequency",
        table="orders",
        source="orders",
        sql="count(*)",
        unit="count",
        label="Orders",
        meaning="Orders before the cutoff.",
        words_high="{value} [order|orders] so far",
        words_low="only {value} [order|orders] so far",
        fill_zero=True,
    ),
    Feature(
        name="n_order_days",
        group="frequency",
        table="orders",
        source="orders",
        sql="count(*) FILTER (WHERE is_new_day)",
        unit="count",
        label="Order days",
        meaning="Days with at least one order before the cutoff.",
        words_high="{value} order [day|days] so far",
        words_low="only {value} order [day|days] so far",
        fill_zero=True,
    ),
    *(_frequency(days) for days in WINDOWS),
    Feature(
        name="order_days_per_month",
        group="frequency",
        table="orders",
        sql="n_order_days * 30e0 / nullif(days_since_first_order + 30e0, 0)",
        unit="ratio",
        label="Order days per month",
        meaning="Order days per 30 days since the first order; 30 days are added so that newcomers do not stand out.",
        words_high="{value} order days a month on average",
        words_low="only {value} order days a month on average",
    ),
)

SPEND: tuple[Feature, ...] = (
    Feature(
        name="spend_amount",
        group="spend",
        table="orders",
        source="orders",
        sql="sum(amount)",
        unit="currency",
        label="Spend",
        meaning="Amount of all orders before the cutoff.",
        words_high="spent {value} so far",
        words_low="spent only {value} so far",
        needs=("orders.amount",),
        fill_zero=True,
    ),
    *(_spend(days) for days in WINDOWS),
    Feature(
        name="spend_per_month",
        group="spend",
        table="orders",
        sql="spend_amount * 30e0 / nullif(days_since_first_order + 30e0, 0)",
        unit="currency",
        label="Spend per month",
        meaning="Spend per 30 days since the first order; 30 days are added so that newcomers do not stand out.",
        words_high="spends {value} a month on average",
        words_low="spends only {value} a month on average",
    ),
)

TRENDS: tuple[Feature, ...] = (
    Feature(
        name="order_trend_30",
        group="trends",
        table="orders",
        sql="(n_order_days_30 + 0.5e0) / nullif((n_order_days_90 - n_order_days_30) / 2e0 + 0.5e0, 0)",
        unit="ratio",
        label="Order trend, 30 days",
        meaning="Order days in the last 30 days over the average of the two 30 days before, half a day added to both.",
        words_high="orders of the last 30 days at {value} times the 60 days before",
        words_low="orders of the last 30 days down to {value} times the 60 days before",
    ),
    Feature(
        name="order_trend_90",
        group="trends",
        table="orders",
        sql="(n_order_days_90 + 0.5e0) / nullif(n_order_days_180 - n_order_days_90 + 0.5e0, 0)",
        unit="ratio",
        label="Order trend, 90 days",
        meaning="Order days in the last 90 days over those in the 90 days before, half a day added to both.",
        words_high="orders of the last 90 days at {value} times the 90 days before",
        words_low="orders of the last 90 days down to {value} times the 90 days before",
    ),
    Feature(
        name="order_trend_180",
        group="trends",
        table="orders",
        sql="(n_order_days_180 + 0.5e0) / nullif((n_order_days_365 - n_order_days_180) * 180e0 / 185e0 + 0.5e0, 0)",
        unit="ratio",
        label="Order trend, half a year",
        meaning="Order days in the last 180 days over those in the half year before, half a day added to both.",
        words_high="orders of the last half year at {value} times the half year before",
        words_low="orders of the last half year down to {value} times the half year before",
    ),
    Feature(
        name="pace_ratio_90",
        group="trends",
        table="orders",
        sql="(n_order_days_90 + 0.5e0) / "
        "nullif(n_order_days * 90e0 / nullif(days_since_first_order + 30e0, 0) + 0.5e0, 0)",
        unit="ratio",
        label="Pace of the last 90 days",
        meaning="Order days in the last 90 days over those expected at the customer's own pace so far.",
        words_high="orders of the last 90 days at {value} times the own pace",
        words_low="orders of the last 90 days down to {value} times the own pace",
    ),
    Feature(
        name="spend_share_90_of_180",
        group="trends",
        table="orders",
        sql="spend_amount_90 / nullif(spend_amount_180, 0)",
        unit="share",
        label="Recent share of half a year's spend",
        meaning="Part of the last 180 days' spend that fell into the last 90; missing without spend in 180 days.",
        words_high="{value} of the half year's spend fell into the last 90 days",
        words_low="only {value} of the half year's spend fell into the last 90 days",
        words_missing="no spend in the last 180 days",
        scale="identity",
    ),
    Feature(
        name="spend_share_180_of_365",
        group="trends",
        table="orders",
        sql="spend_amount_180 / nullif(spend_amount_365, 0)",
        unit="share",
        label="Recent share of a year's spend",
        meaning="Part of the last 365 days' spend that fell into the last 180; missing without spend in 365 days.",
        words_high="{value} of the year's spend fell into the last half year",
        words_low="only {value} of the year's spend fell into the last half year",
        words_missing="no spend in the last 365 days",
        scale="identity",
    ),
)

TENURE: tuple[Feature, ...] = (
    Feature(
        name="days_since_first_order",
        group="tenure",
        table="orders",
        source="orders",
        sql="max(age_days)",
        unit="days",
        label="Days since first order",
        meaning="Calendar days from the first order to the cutoff.",
        words_high="customer for {value} [day|days]",
        words_low="customer for only {value} [day|days]",
    ),
    Feature(
        name="order_span_days",
        group="tenure",
        table="orders",
        sql="days_since_first_order - days_since_last_order",
        unit="days",
        label="Days from first to last order",
        meaning="Calendar days between the first and the last order; 0 with a single order day.",
        words_high="{value} [day|days] between first and last order",
        words_low="only {value} [day|days] between first and last order",
    ),
    Feature(
        name="days_since_signup",
        group="tenure",
        table="customers",
        sql="signup_age",
        unit="days",
        label="Days since sign-up",
        meaning="Calendar days from opening the account to the cutoff; missing where the date is unknown.",
        words_high="account opened {value} [day|days] ago",
        words_low="account opened only {value} [day|days] ago",
        words_missing="no known sign-up date",
    ),
    Feature(
        name="days_signup_to_order",
        group="tenure",
        table="customers",
        sql="CASE WHEN signup_age >= days_since_first_order THEN signup_age - days_since_first_order END",
        unit="days",
        label="Days from sign-up to first order",
        meaning="Calendar days from opening the account to the first order; missing without a known sign-up.",
        words_high="first order {value} [day|days] after sign-up",
        words_low="first order only {value} [day|days] after sign-up",
        words_missing="no known sign-up date before the first order",
    ),
)

SEASON: tuple[Feature, ...] = (
    Feature(
        name="season_order_days_last_year",
        group="season",
        table="orders",
        sql="CASE WHEN days_since_first_order >= 365 THEN n_season_days_last_year END",
        unit="count",
        label="Order days in the coming season a year ago",
        meaning="Order days in the 90 days that followed the same date a year ago; missing for newer customers.",
        words_high="{value} order [day|days] in this season a year ago",
        words_low="only {value} order [day|days] in this season a year ago",
        words_missing="not yet a customer a year ago",
    ),
    Feature(
        name="season_spend_last_year",
        group="season",
        table="orders",
        sql="CASE WHEN days_since_first_order >= 365 THEN season_amount_last_year END",
        unit="currency",
        label="Spend in the coming season a year ago",
        meaning="Spend in the 90 days that followed the same date a year ago; missing for newer customers.",
        words_high="spent {value} in this season a year ago",
        words_low="spent only {value} in this season a year ago",
        words_missing="not yet a customer a year ago",
    ),
    Feature(
        name="season_order_share",
        group="season",
        table="orders",
        sql="CASE WHEN days_since_first_order >= 365 THEN n_season_days / nullif(n_order_days, 0) END",
        unit="share",
        label="Share of order days in the coming season",
        meaning="Part of the order days in the 90 days after this date of the year; missing for newer customers.",
        words_high="{value} of the orders so far fell into this season",
        words_low="only {value} of the orders so far fell into this season",
        words_missing="not yet a customer a year ago",
        scale="identity",
    ),
)

ENTRIES: tuple[Feature, ...] = (*RECENCY, *FREQUENCY, *SPEND, *TRENDS, *TENURE, *SEASON)
