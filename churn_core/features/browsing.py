"""Features of the click log: visits and views, carts that did not become an order.

Only the last 365 days are looked at: older clicks say nothing more and the log is by far the largest table.
"""

from __future__ import annotations

from churn_core.features.feature import Feature, Measure
from churn_core.features.sources import LONGEST_WINDOW_DAYS, within

_YEAR = f"the last {LONGEST_WINDOW_DAYS} days"


_NOUNS = {
    "event": ("click", "clicks"),
    "visit": ("visit", "visits"),
    "view": ("product view", "product views"),
    "search": ("search", "searches"),
    "wishlist": ("article put on the wish list", "articles put on the wish list"),
    "cart": ("article put into the cart", "articles put into the cart"),
}


def _clicks(kind: str, name: str, days: int) -> Feature:
    """Events of a kind in a window; the kind "event" stands for all of them."""
    noun, nouns = _NOUNS[kind]
    heading = f"{nouns[0].upper()}{nouns[1:]}"
    is_any = kind in ("event", "cart")
    condition = within(days) if is_any else f"kind = '{kind}' AND {within(days)}"
    return Feature(
        name=f"n_{name}_{days}",
        group="carts" if kind == "cart" else "browsing",
        table="events",
        source="carts" if kind == "cart" else "events",
        sql=f"count(*) FILTER (WHERE {condition})",
        unit="count",
        label=f"{heading}, last {days} days",
        meaning=f"{heading} in the last {days} days before the cutoff"
        + (" (events of every kind)." if kind == "event" else "."),
        words_high=f"{{value}} [{noun}|{nouns}] in the last {days} days",
        words_low=f"only {{value}} [{noun}|{nouns}] in the last {days} days",
        fill_zero=True,
    )


MEASURES: tuple[Measure, ...] = ()

BROWSING: tuple[Feature, ...] = (
    Feature(
        name="days_since_last_visit",
        group="browsing",
        table="events",
        source="events",
        sql="min(age_days)",
        unit="days",
        label="Days since last visit",
        meaning=f"Calendar days from the last event of any kind to the cutoff; missing without one in {_YEAR}.",
        words_high="{value} [day|days] since the last visit",
        words_low="only {value} [day|days] since the last visit",
        words_missing=f"no visit in {_YEAR}",
    ),
    _clicks("event", "events", 7),
    _clicks("event", "events", 30),
    _clicks("event", "events", 90),
    _clicks("event", "events", 180),
    _clicks("visit", "visits", 30),
    _clicks("visit", "visits", 90),
    _clicks("view", "views", 30),
    _clicks("view", "views", 90),
    _clicks("search", "searches", 90),
    _clicks("wishlist", "wishlist", 90),
    Feature(
        name="event_trend_30",
        group="browsing",
        table="events",
        sql="(n_events_30 + 1e0) / nullif((n_events_90 - n_events_30) / 2e0 + 1e0, 0)",
        unit="ratio",
        label="Browsing trend, 30 days",
        meaning="Clicks of the last 30 days over the average of the two 30 days before, one click added to both.",
        words_high="browsing of the last 30 days at {value} times the 60 days before",
        words_low="browsing of the last 30 days down to {value} times the 60 days before",
    ),
    Feature(
        name="event_trend_90",
        group="browsing",
        table="events",
        sql="(n_events_90 + 1e0) / nullif(n_events_180 - n_events_90 + 1e0, 0)",
        unit="ratio",
        label="Browsing trend, 90 days",
        meaning="Clicks of the last 90 days over those of the 90 days before, one click added to both.",
        words_high="browsing of the last 90 days at {value} times the 90 days before",
        words_low="browsing of the last 90 days down to {value} times the 90 days before",
    ),
    Feature(
        name="visit_after_order_days",
        group="browsing",
        table="events",
        sql="greatest(days_since_last_order - days_since_last_visit, 0)",
        unit="days",
        label="Visits after the last order",
        meaning=f"Calendar days from the last order to the last visit in {_YEAR}; 0 without a visit after the order.",
        words_high="still visited {value} [day|days] after the last order",
        words_low="last visit only {value} [day|days] after the last order",
    ),
    Feature(
        name="events_per_order_180",
        group="browsing",
        table="events",
        sql="n_events_180 / nullif(n_order_days_180 + 1e0, 0)",
        unit="ratio",
        label="Clicks per order, last 180 days",
        meaning="Clicks of the last 180 days per order day, one order day added.",
        words_high="{value} clicks per order in the last half year",
        words_low="only {value} clicks per order in the last half year",
    ),
)

CARTS: tuple[Feature, ...] = (
    _clicks("cart", "carts", 30),
    _clicks("cart", "carts", 90),
    Feature(
        name="n_carts_since_order",
        group="carts",
        table="events",
        source="carts",
        sql="count(*) FILTER (WHERE age_days < last_order_age)",
        unit="count",
        label="Carts since the last order",
        meaning=f"Articles put into the cart on days after the last order and not bought, within {_YEAR}.",
        words_high="{value} [article|articles] put into the cart and not bought since the last order",
        words_low="only {value} [article|articles] put into the cart since the last order",
        fill_zero=True,
    ),
    Feature(
        name="days_since_last_cart",
        group="carts",
        table="events",
        source="carts",
        sql="min(age_days)",
        unit="days",
        label="Days since last cart",
        meaning=f"Calendar days since something was put into the cart; missing without it in {_YEAR}.",
        words_high="{value} [day|days] since something was put into the cart",
        words_low="only {value} [day|days] since something was put into the cart",
        words_missing=f"nothing put into the cart in {_YEAR}",
    ),
    Feature(
        name="cart_order_ratio_90",
        group="carts",
        table="events",
        sql="(n_carts_90 + 0.5e0) / nullif(n_order_days_90 + 0.5e0, 0)",
        unit="ratio",
        label="Carts per order, last 90 days",
        meaning="Articles put into the cart per order day in the last 90 days, half of one added to both.",
        words_high="{value} carts for each order in the last 90 days",
        words_low="only {value} carts for each order in the last 90 days",
    ),
)

ENTRIES: tuple[Feature, ...] = (*BROWSING, *CARTS)
