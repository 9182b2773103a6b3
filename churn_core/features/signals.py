"""Time-series signals: averages that fade, differences of averages, slopes, and changes against the season a year ago.

Apart from the other features because they have to earn their place: each belongs to a group of SIGNALS, and
``benchmarks/signals.py`` prints what every group does to the backtest. Groups that do not help are offered, not used:
they are learned from where the workspace asks for them (:data:`SETTING`). A slope is that of the least squares line
through the counts of blocks of 30 days, which is a weighted sum of the orders themselves; blocks of the young past
before a customer's first order would tilt it, so it is missing for newer customers.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING

from churn_core.errors import unknown_name
from churn_core.features.feature import Feature, Measure

if TYPE_CHECKING:
    from churn_core.warehouse import Warehouse

SETTING = "signals"
"""Workspace setting: names of the groups of signals that are learned from beside the usual features."""

SIGNALS: dict[str, str] = {
    "fading": "Averages that fade (EWMA) of orders, spend and gaps",
    "differences": "Differences of moving averages over 30, 90, 180 and 365 days",
    "slopes": "Slopes of monthly orders and spend over half a year and a year",
    "year_ago": "Changes against the same season a year ago",
    "shop_season": "Own change against the season of the shop",
    "click_signals": "Fading average and slope of clicks",
}
"""Every group of signals by name, in words."""


def asked_signals(warehouse: Warehouse) -> tuple[str, ...]:
    """The groups of signals that models of this workspace learn from, in the order of SIGNALS; usually none."""
    asked = set(warehouse.setting(SETTING, []))
    return tuple(name for name in SIGNALS if name in asked)


def choose_signals(warehouse: Warehouse, names: Iterable[str]) -> tuple[str, ...]:
    """Say which groups of signals are learned from, from the next training on; NotFound for an unknown one."""
    wanted = set(names)
    for name in sorted(wanted - SIGNALS.keys()):
        raise unknown_name("group of signals", name, SIGNALS)
    before = asked_signals(warehouse)
    chosen = tuple(name for name in SIGNALS if name in wanted)
    if chosen != before:
        with warehouse.transaction() as tx:
            tx.save_setting(SETTING, list(chosen))
            tx.audit("signals chosen", {SETTING: [list(before), list(chosen)]})
    return chosen


_AMOUNT = ("orders.amount",)
_BLOCK_DAYS = 30
_SEASON_DAYS = 90
_YEAR = 365
_LAST_YEAR = f"age_days > {_YEAR} AND age_days <= {_YEAR + _SEASON_DAYS}"
"""The window of 90 days that ended a year ago."""
_COMING_LAST_YEAR = f"age_days > {_YEAR - _SEASON_DAYS} AND age_days <= {_YEAR}"
"""The 90 days that followed the same date a year ago."""


def fading(half_life_days: int) -> str:
    """SQL: the weight of a row that halves every so many days.

    >>> fading(30)
    'exp(-0.0231049060e0 * age_days)'
    """
    return f"exp(-{math.log(2) / half_life_days:.10f}e0 * age_days)"


def _slope(n_blocks: int, value: str) -> str:
    """SQL: least squares slope per block of the sums of a value over the last blocks (0 where there is no row).

    With block 0 the youngest, sum((mean - block) * y) / sum((mean - block)^2), and the latter is n (n^2 - 1) / 12.
    """
    mean = (n_blocks - 1) / 2
    weight = f"({mean}e0 - floor((age_days - 1) / {_BLOCK_DAYS}e0))"
    within = f"FILTER (WHERE age_days <= {n_blocks * _BLOCK_DAYS})"
    return f"12e0 * sum({weight} * {value}) {within} / {n_blocks * (n_blocks**2 - 1)}e0"


def _orders(name: str, sql: str) -> Measure:
    return Measure(name=name, source="orders", sql=sql, fill_zero=True)


def _spend(name: str, sql: str) -> Measure:
    return Measure(name=name, source="orders", sql=sql, needs=_AMOUNT, fill_zero=True)


_DAY = "CASE WHEN is_new_day THEN 1 ELSE 0 END"

MEASURES: tuple[Measure, ...] = (
    _orders("fading_days_30", f"sum({fading(30)}) FILTER (WHERE is_new_day)"),
    _orders("fading_days_180", f"sum({fading(180)}) FILTER (WHERE is_new_day)"),
    _orders("fading_gap_sum", f"sum(gap_days * {fading(180)})"),
    _orders("fading_gap_weight", f"sum({fading(180)}) FILTER (WHERE gap_days IS NOT NULL)"),
    _orders("day_slope_180", _slope(6, _DAY)),
    _orders("day_slope_360", _slope(12, _DAY)),
    _spend("amount_slope_180", _slope(6, "amount")),
    _orders("n_days_last_year", f"count(*) FILTER (WHERE is_new_day AND {_LAST_YEAR})"),
    _orders("n_coming_last_year", f"count(*) FILTER (WHERE is_new_day AND {_COMING_LAST_YEAR})"),
    _spend("amount_last_year", f"sum(amount) FILTER (WHERE {_LAST_YEAR})"),
    Measure(name="shop_days_90", source="shop", sql="count(*) FILTER (WHERE is_new_day AND age_days <= 90)"),
    Measure(name="shop_days_180", source="shop", sql="count(*) FILTER (WHERE is_new_day AND age_days <= 180)"),
    Measure(name="shop_days_last_year", source="shop", sql=f"count(*) FILTER (WHERE is_new_day AND {_LAST_YEAR})"),
    Measure(
        name="shop_coming_last_year", source="shop", sql=f"count(*) FILTER (WHERE is_new_day AND {_COMING_LAST_YEAR})"
    ),
    Measure(name="shop_oldest_age", source="shop", sql="max(age_days)"),
    Measure(name="click_slope", source="events", sql=_slope(6, "1"), fill_zero=True),
    Measure(name="fading_clicks_90", source="events", sql=f"sum({fading(90)})", fill_zero=True),
)  # fmt: skip

_HAS_YEAR = f"days_since_first_order >= {_YEAR + _SEASON_DAYS}"
_SHOP_HAS_YEAR = f"shop_oldest_age >= {_YEAR + _SEASON_DAYS}"
_NEWER = "not long enough a customer for a year ago"


FADING: tuple[Feature, ...] = (
    Feature(
        name="order_ewma_30",
        signal="fading",
        group="trends",
        table="orders",
        sql="fading_days_30",
        unit="ratio",
        label="Orders lately, fading within 30 days",
        meaning="Order days, each counting half as much for every 30 days that have passed since (EWMA).",
        words_high="{value} order days when older ones fade within 30 days",
        words_low="only {value} order days when older ones fade within 30 days",
    ),
    Feature(
        name="order_ewma_180",
        signal="fading",
        group="trends",
        table="orders",
        sql="fading_days_180",
        unit="ratio",
        label="Orders lately, fading within 180 days",
        meaning="Order days, each counting half as much for every 180 days that have passed since (EWMA).",
        words_high="{value} order days when older ones fade within 180 days",
        words_low="only {value} order days when older ones fade within 180 days",
    ),
    Feature(
        name="order_momentum_30",
        signal="fading",
        group="trends",
        table="orders",
        sql="(fading_days_30 * 6e0 + 0.5e0) / nullif(fading_days_180 + 0.5e0, 0)",
        unit="ratio",
        label="Orders of a month against half a year, fading",
        meaning="Pace of orders fading within 30 days over the pace fading within 180 days, half of one added to both.",
        words_high="orders at {value} times the pace of the last half year",
        words_low="orders at only {value} times the pace of the last half year",
    ),
    Feature(
        name="spend_ewma_90",
        signal="fading",
        group="trends",
        table="orders",
        source="orders",
        sql=f"sum(amount * {fading(90)})",
        unit="currency",
        label="Spend lately, fading within 90 days",
        meaning="Spend, each order counting half as much for every 90 days that have passed since (EWMA).",
        words_high="spent {value} when older orders fade within 90 days",
        words_low="spent only {value} when older orders fade within 90 days",
        needs=_AMOUNT,
        fill_zero=True,
    ),
    Feature(
        name="gap_ewma_days",
        signal="fading",
        group="rhythm",
        table="orders",
        sql="fading_gap_sum / nullif(fading_gap_weight, 0)",
        unit="days",
        label="Gap lately, older ones fading",
        meaning="Mean days between order days, a gap counting half as much for every 180 days since it ended; missing "
        "with a single order day.",
        words_high="lately orders every {value} [day|days]",
        words_low="lately orders as often as every {value} [day|days]",
        words_missing="no second order yet",
    ),
    Feature(
        name="lateness_ewma_ratio",
        signal="fading",
        group="rhythm",
        table="orders",
        sql="days_since_last_order * fading_gap_weight / nullif(fading_gap_sum, 0)",
        unit="ratio",
        label="Lateness in gaps of lately",
        meaning="Days since the last order over the mean gap, older ones fading; missing with a single order day.",
        words_high="silent for {value} times the gap of lately",
        words_low="silent for only {value} times the gap of lately",
        words_missing="no second order yet",
    ),
)

DIFFERENCES: tuple[Feature, ...] = (
    *(
        Feature(
            name=f"order_average_change_{short}_{long}",
            signal="differences",
            group="trends",
            table="orders",
            sql=f"n_order_days_{short} * 30e0 / {short}e0 - n_order_days_{long} * 30e0 / {long}e0",
            unit="points",
            label=f"Orders a month, {short} against {long} days",
            meaning=f"Order days a month in the last {short} days minus those in the last {long} days.",
            words_high=f"{{value}} order days a month more in {short} days than in {long}",
            words_low=f"{{value}} order days a month more in {short} days than in {long}",
            scale="identity",
        )
        for short, long in ((30, 90), (90, 180), (180, 365))
    ),
    Feature(
        name="spend_average_change_90_365",
        signal="differences",
        group="trends",
        table="orders",
        sql="spend_amount_90 / 3e0 - spend_amount_365 * 30e0 / 365e0",
        unit="currency",
        label="Spend a month, 90 against 365 days",
        meaning="Spend a month in the last 90 days minus that in the last 365 days.",
        words_high="{value} a month more in 90 days than in a year",
        words_low="{value} a month more in 90 days than in a year",
        scale="identity",
    ),
)


def _slope_feature(name: str, sql: str, days: int, unit: str, what: str) -> Feature:
    return Feature(
        name=name,
        signal="slopes",
        group="trends",
        table="orders",
        sql=f"CASE WHEN days_since_first_order >= {days} THEN {sql} END",
        unit=unit,
        label=f"Slope of {what} a month, {days} days",
        meaning=f"Change of {what} from one block of 30 days to the next, by the least squares line through the last "
        f"{days} days; missing for newer customers.",
        words_high=f"{what} change by {{value}} a month over {days} days",
        words_low=f"{what} change by {{value}} a month over {days} days",
        words_missing=f"a customer for less than {days} days",
        scale="identity",
    )


SLOPES: tuple[Feature, ...] = (
    _slope_feature("order_slope_180", "day_slope_180", 180, "points", "order days"),
    _slope_feature("order_slope_360", "day_slope_360", 360, "points", "order days"),
    _slope_feature("spend_slope_180", "amount_slope_180", 180, "currency", "spend"),
)

YEAR_AGO: tuple[Feature, ...] = (
    Feature(
        name="order_change_year_90",
        signal="year_ago",
        group="season",
        table="orders",
        sql=f"CASE WHEN {_HAS_YEAR} THEN (n_order_days_90 + 0.5e0) / nullif(n_days_last_year + 0.5e0, 0) END",
        unit="ratio",
        label="Orders against a year ago, 90 days",
        meaning="Order days of the last 90 days over those of the same days a year ago, half of one added to both; "
        "missing for newer customers.",
        words_high="ordered {value} times as often as in the same 90 days a year ago",
        words_low="ordered only {value} times as often as in the same 90 days a year ago",
        words_missing=_NEWER,
    ),
    Feature(
        name="spend_change_year_90",
        signal="year_ago",
        group="season",
        table="orders",
        sql=f"CASE WHEN {_HAS_YEAR} THEN (spend_amount_90 + 1e0) / nullif(amount_last_year + 1e0, 0) END",
        unit="ratio",
        label="Spend against a year ago, 90 days",
        meaning="Spend of the last 90 days over that of the same days a year ago, one added to both; missing for newer "
        "customers.",
        words_high="spent {value} times as much as in the same 90 days a year ago",
        words_low="spent only {value} times as much as in the same 90 days a year ago",
        words_missing=_NEWER,
    ),
    Feature(
        name="season_lift_last_year",
        signal="year_ago",
        group="season",
        table="orders",
        sql=f"CASE WHEN {_HAS_YEAR} THEN (n_coming_last_year + 0.5e0) / nullif(n_days_last_year + 0.5e0, 0) END",
        unit="ratio",
        label="What the coming season did a year ago",
        meaning="Order days in the 90 days after this date a year ago over those in the 90 days before it, half of one "
        "added to both; missing for newer customers.",
        words_high="a year ago orders grew to {value} times in the coming season",
        words_low="a year ago orders grew to only {value} times in the coming season",
        words_missing=_NEWER,
    ),
)

SHOP_SEASON: tuple[Feature, ...] = (
    Feature(
        name="order_trend_shop_90",
        signal="shop_season",
        group="season",
        table="orders",
        sql="(n_order_days_90 + 0.5e0) / nullif(n_order_days_180 - n_order_days_90 + 0.5e0, 0) "
        "* (shop_days_180 - shop_days_90) / nullif(shop_days_90, 0)",
        unit="ratio",
        label="Order trend against the shop's, 90 days",
        meaning="The customer's order trend over 90 days divided by the shop's, so that a season that moves everybody "
        "does not count; missing where the shop had no order in 90 days.",
        words_high="order trend {value} times that of the shop",
        words_low="order trend only {value} times that of the shop",
        words_missing="no order in the shop in the last 90 days",
    ),
    Feature(
        name="order_change_year_shop_90",
        signal="shop_season",
        group="season",
        table="orders",
        sql=f"CASE WHEN {_HAS_YEAR} THEN (n_order_days_90 + 0.5e0) / nullif(n_days_last_year + 0.5e0, 0) "
        "* shop_days_last_year / nullif(shop_days_90, 0) END",
        unit="ratio",
        label="Orders against a year ago and the shop, 90 days",
        meaning="Order days of the last 90 days over those a year ago, divided by the same ratio of the shop; missing "
        "for newer customers.",
        words_high="{value} times the shop's change against a year ago",
        words_low="only {value} times the shop's change against a year ago",
        words_missing=_NEWER,
    ),
    Feature(
        name="season_orders_expected_90",
        signal="shop_season",
        group="season",
        table="orders",
        sql=f"CASE WHEN {_SHOP_HAS_YEAR} THEN n_order_days_90 * shop_coming_last_year "
        "/ nullif(shop_days_last_year, 0) END",
        unit="ratio",
        label="Own pace carried into the shop's coming season",
        meaning="Order days of the last 90 days times what the coming season did to the shop a year ago; missing where "
        "the shop is younger than that.",
        words_high="{value} orders in the coming season at the own pace",
        words_low="only {value} orders in the coming season at the own pace",
        words_missing="the shop is too young to know its season",
    ),
)

CLICKS: tuple[Feature, ...] = (
    Feature(
        name="event_ewma_14",
        signal="click_signals",
        group="browsing",
        table="events",
        source="events",
        sql=f"sum({fading(14)})",
        unit="ratio",
        label="Clicks lately, fading within 14 days",
        meaning="Clicks of the last 365 days, each counting half as much for every 14 days that have passed since.",
        words_high="{value} clicks when older ones fade within 14 days",
        words_low="only {value} clicks when older ones fade within 14 days",
        fill_zero=True,
    ),
    Feature(
        name="event_momentum_14",
        signal="click_signals",
        group="browsing",
        table="events",
        sql="(event_ewma_14 * 90e0 / 14e0 + 1e0) / nullif(fading_clicks_90 + 1e0, 0)",
        unit="ratio",
        label="Clicks of two weeks against a quarter, fading",
        meaning="Pace of clicks fading within 14 days over the pace fading within 90 days, one added to both.",
        words_high="clicks at {value} times the pace of the last quarter",
        words_low="clicks at only {value} times the pace of the last quarter",
    ),
    Feature(
        name="event_slope_180",
        signal="click_signals",
        group="browsing",
        table="events",
        sql="click_slope",
        unit="points",
        label="Slope of clicks a month, 180 days",
        meaning="Change of the clicks from one block of 30 days to the next, by least squares over 180 days.",
        words_high="clicks change by {value} a month over 180 days",
        words_low="clicks change by {value} a month over 180 days",
        scale="identity",
    ),
)

ENTRIES: tuple[Feature, ...] = (*FADING, *DIFFERENCES, *SLOPES, *YEAR_AGO, *SHOP_SEASON, *CLICKS)
