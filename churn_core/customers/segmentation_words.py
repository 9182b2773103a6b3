"""A segment in words, from what sets it apart most: "large baskets, long gaps, mostly discounts".

Proposed only: names belong to whoever works with the segments.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from churn_core.customers.segmentation_inputs import feature_named

PHRASES: dict[str, tuple[str, str]] = {
    "days_since_last_order": ("long silent", "ordered lately"),
    "usual_gap_days": ("long gaps", "short gaps"),
    "mean_gap_days": ("long gaps", "short gaps"),
    "lateness_ratio": ("late against own rhythm", "on time"),
    "n_orders": ("many orders", "few orders"),
    "n_order_days": ("many orders", "few orders"),
    "n_order_days_90": ("many orders lately", "few orders lately"),
    "n_order_days_365": ("many orders in a year", "few orders in a year"),
    "order_days_per_month": ("orders often", "orders seldom"),
    "spend_amount": ("high spend", "low spend"),
    "spend_amount_90": ("high spend lately", "low spend lately"),
    "spend_amount_365": ("high spend in a year", "low spend in a year"),
    "spend_per_month": ("high spend a month", "low spend a month"),
    "mean_order_amount": ("large baskets", "small baskets"),
    "mean_items": ("many pieces per order", "few pieces per order"),
    "mean_unit_price": ("dear articles", "cheap articles"),
    "discounted_order_share": ("many discounts", "hardly any discounts"),
    "discount_rate": ("deep discounts", "nearly full price"),
    "return_order_ratio": ("many returns", "hardly any returns"),
    "return_amount_ratio": ("much sent back", "little sent back"),
    "n_products": ("many products", "few products"),
    "n_categories": ("many categories", "few categories"),
    "top_category_share": ("one favourite category", "mixed categories"),
    "repeat_product_share": ("buys the same again", "buys something new"),
    "days_since_first_order": ("long-standing", "new customers"),
}
"""Words for a high and for a low value, by feature."""

STRONG = 0.5
"""Robust units from which a segment stands out."""
N_WORDS = 3
MOSTLY = 0.5
AVERAGE = "close to the average"
_SHARE = "discounted_order_share"


def segment_words(deviations: Mapping[str, float], medians: Mapping[str, float | None]) -> str:
    """The strongest deviations of a segment in words, at most one of each group of features.

    >>> segment_words({"mean_order_amount": 1.4, "usual_gap_days": 0.8, "spend_amount": 0.2}, {})
    'large baskets, long gaps'
    >>> segment_words({"discounted_order_share": 2.1, "n_orders": -0.9}, {"discounted_order_share": 0.8})
    'mostly discounts, few orders'
    >>> segment_words({"n_orders": 0.1}, {})
    'close to the average'
    """
    said: list[str] = []
    groups: set[str] = set()
    is_mostly = deviations.get(_SHARE, 0.0) >= STRONG and (medians.get(_SHARE) or 0.0) >= MOSTLY
    rank = {name: abs(size) for name, size in deviations.items()}
    if is_mostly:
        rank[_SHARE] = max(size for name, size in rank.items() if feature_named(name).group == "discounts")
    for name in sorted(rank, key=lambda one: (-rank[one], one != _SHARE, one)):
        size = deviations[name]
        feature = feature_named(name)
        group = feature.group if feature.unit else name
        if abs(size) < STRONG or len(said) == N_WORDS:
            break
        if group in groups:
            continue
        groups.add(group)
        said.append(_phrase(name, is_high=size > 0, median=medians.get(name)))
    return ", ".join(said) or AVERAGE


def named_apart(words: Sequence[str]) -> tuple[str, ...]:
    """Names of all segments, with a number where two would be the same; the first letter is a capital.

    >>> named_apart(["short gaps", "short gaps", "many returns"])
    ('Short gaps', 'Short gaps (2)', 'Many returns')
    """
    seen: dict[str, int] = {}
    made = []
    for text in words:
        seen[text] = seen.get(text, 0) + 1
        name = text[:1].upper() + text[1:]
        made.append(name if seen[text] == 1 else f"{name} ({seen[text]})")
    return tuple(made)


def _phrase(name: str, *, is_high: bool, median: float | None) -> str:
    if name == _SHARE and is_high and (median or 0.0) >= MOSTLY:
        return "mostly discounts"
    if name in PHRASES:
        return PHRASES[name][0 if is_high else 1]
    return f"{'high' if is_high else 'low'} {feature_named(name).label_within}"
