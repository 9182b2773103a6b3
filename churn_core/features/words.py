"""Features in words: a value with its unit, a usual range, and what a high or a low value says about a customer."""

from __future__ import annotations

import math
import re

from churn_core.currency import currency_sign, money_text
from churn_core.features.feature import Feature
from churn_core.features.shop_habits import MOST

_STRESS = re.compile(r"\b(only|already) ")
_COUNTED = re.compile(r"\[([^|\]]*)\|([^\]]*)\]")


def value_text(unit: str, value: float, *, currency: str = "") -> str:
    """A number in its unit, without false digits.

    >>> value_text("days", 62.0), value_text("share", 0.256), value_text("currency", 1234.5, currency="GBP")
    ('62', '25.6 %', '£1.23k')
    >>> value_text("ratio", 2.96), value_text("points", 4.25), value_text("count", 12_000)
    ('3.0', '4.2', '12,000')
    """
    if math.isnan(value):
        return "unknown"
    if unit == "share":
        return f"{100 * value:.1f} %"
    if unit == "flag":
        return "yes" if value >= 0.5 else "no"
    if unit == "currency":
        return money_text(value, currency)
    if unit in ("ratio", "points"):
        return f"{value:,.1f}" if abs(value) >= 1 or value == 0 else f"{value:.2f}"
    return f"{value:,.0f}"


def range_text(unit: str, low: float, high: float, *, currency: str = "") -> str:
    """A usual range in its unit.

    >>> range_text("days", 21, 40), range_text("currency", 5, 12.5, currency="GBP"), range_text("count", 2, 2)
    ('21-40', '£5.00-12', '2')
    """
    first, last = value_text(unit, low, currency=currency), value_text(unit, high, currency=currency)
    if first == last:
        return first
    if unit == "share":
        first = first.removesuffix(" %")
    if unit == "currency" and low >= 0:
        last = last.removeprefix(currency_sign(currency))
    return f"{first} to {last}" if low < 0 else f"{first}-{last}"


def silence_words(
    days: float, gap: float, n_order_days: int, *, due_days: float | None = None, is_of_shop: bool = False
) -> str:
    """The silence of a customer beside the usual gap.

    ``due_days`` are the days within which 8 of 10 customers alike order again, given where they have passed. A single
    order day has no gap, so the usual one is that of customers who came in the same year, or ``is_of_shop``.

    >>> silence_words(62, 21, 9, due_days=34)
    '62 days since the last order; usual gap 21, 8 of 10 like them order again within 34'
    >>> silence_words(60, 35, 1)
    '60 days since the only order; usual gap of those who came that year 35'
    >>> silence_words(3, 30, 2), silence_words(1, 35, 1, is_of_shop=True)
    ('3 days since the last order; usual gap 30', '1 day since the only order; usual gap in the shop 35')
    """
    counted = f"{days:,.0f} {'day' if round(days) == 1 else 'days'}"
    since, whose = "the last order", ""
    if n_order_days <= 1:
        since, whose = "the only order", "in the shop " if is_of_shop else "of those who came that year "
    due = "" if due_days is None else f", {MOST} like them order again within {due_days:,.0f}"
    return f"{counted} since {since}; usual gap {whose}{gap:,.0f}{due}"


def feature_words(feature: Feature, value: float, *, is_high: bool, is_usual: bool = False, currency: str = "") -> str:
    """What the value says about the customer: high or low against what is usual, or missing.

    A usual value is told without "only" and the like.

    >>> from churn_core.features.registry import FEATURES
    >>> feature_words(FEATURES["days_since_last_order"], 62.0, is_high=True)
    '62 days since the last order'
    >>> feature_words(FEATURES["n_order_days_90"], 1.0, is_high=False)
    'only 1 order day in the last 90 days'
    >>> feature_words(FEATURES["spend_amount_30"], 0.0, is_high=False, currency="GBP")
    'spent nothing in the last 30 days'
    >>> feature_words(FEATURES["mean_gap_days"], float("nan"), is_high=True)
    'no second order yet'
    >>> feature_words(FEATURES["n_order_days_90"], 2.0, is_high=False, is_usual=True)
    '2 order days in the last 90 days'
    """
    if math.isnan(value):
        return feature.words_missing or f"{feature.label[:1].lower()}{feature.label[1:]} is not known"
    text = value_text(feature.unit, value, currency=currency)
    words = feature.words_high if is_high else feature.words_low
    if value == 0 and not is_high:
        words = _without_zero(feature.unit, words)
    if is_usual:
        words = _STRESS.sub("", words).replace("down to {value}", "at {value}")
    noun = r"\1" if text == "1" else r"\2"
    return _COUNTED.sub(noun, words).replace("{value}", text)


def _without_zero(unit: str, words: str) -> str:
    if unit == "count":
        return re.sub(r"^only \{value\} (?=(\w+ )?\[)", "no ", words)
    if unit == "currency":
        return words.replace("spent only {value}", "spent nothing")
    if unit == "share":
        return re.sub(r"^only \{value\} of ", "none of ", words)
    return words
