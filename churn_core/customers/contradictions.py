"""Which numbers of a customer contradict each other: windows within windows, the last of something, gaps of orders.

Apart from :mod:`possible`, which judges single numbers and warns: every rule here holds for whatever a shop's data can
hold, because it follows from how the features are calculated.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from churn_core.customers.profile import feature_label
from churn_core.models.families import feature_entry

Value = float | str | None
Values = Mapping[str, Value]

RECENCY, TENURE = "days_since_last_order", "days_since_first_order"
_WINDOW = re.compile(r"(?P<stem>.+)_(?P<days>\d+)$")
_ROUNDING = 0.005


@dataclass(frozen=True, kw_only=True)
class Contradiction:
    """Numbers that cannot stand together."""

    names: frozenset[str]
    """The features whose numbers they are."""
    words: str
    """What contradicts what, and what to do about it, as a sentence."""


@dataclass(frozen=True, kw_only=True)
class _Last:
    """The days since something, and the counts of windows that it decides on."""

    noun: str
    remedy: str
    counted: tuple[str, ...] = ()
    """Counts of exactly that: the window holds one where the last lies within it, and none otherwise."""
    among: tuple[str, ...] = ()
    """Counts of a part of that: one in the window means that the last lies within it."""


_MOVE_ALL = "move these numbers together"
_LAST: dict[str, _Last] = {
    RECENCY: _Last(
        noun="order",
        remedy="suppose an order or more days of silence instead, which move all of these numbers together",
        counted=("n_order_days",),
    ),
    "days_since_last_visit": _Last(
        noun="visit",
        remedy="suppose visits or more days of silence instead, which move all of these numbers together",
        counted=("n_events",),
        among=("n_visits", "n_views", "n_searches", "n_wishlist", "n_carts"),
    ),
    "days_since_last_cart": _Last(noun="cart", remedy=_MOVE_ALL, counted=("n_carts",)),
    "days_since_last_return": _Last(noun="return", remedy=_MOVE_ALL, counted=("n_returns",)),
    "days_since_last_ticket": _Last(noun="service request", remedy=_MOVE_ALL, counted=("n_tickets",)),
    "days_since_last_open": _Last(noun="opened e-mail", remedy=_MOVE_ALL, among=("n_opened", "n_clicked")),
}
_PART_OF = (
    *((f"{part}_{days}", f"n_events_{days}") for part in ("n_visits", "n_views", "n_carts") for days in (30, 90)),
    ("n_searches_90", "n_events_90"),
    ("n_wishlist_90", "n_events_90"),
    ("n_new_products_180", "n_products"),
    ("n_returns_since_order", "n_returns"),
)
"""Counts of which the first is a part of the second."""
_NOT_ABOVE = (
    (RECENCY, TENURE, "the last cannot lie before the first"),
    ("mean_gap_days", "longest_gap_days", "no mean is above the longest"),
    ("last_gap_days", "longest_gap_days", "no gap is above the longest"),
    ("gap_spread_days", "longest_gap_days", "gaps do not differ by more than the longest"),
    ("longest_gap_days", TENURE, "no gap is longer than the whole history"),
    ("mean_order_amount", "largest_order_amount", "no mean is above the largest"),
)
"""Days or amounts of which the first cannot be more than the second, and why."""


def contradictions(values: Values) -> Iterator[Contradiction]:
    """What contradicts what among the numbers of a customer; features that are not among them are not judged."""
    yield from _windows(values)
    yield from _parts(values)
    yield from _limits(values)
    for name, last in _LAST.items():
        if name in values:
            yield from _within(values, name, last)
    yield from _order_days(values)


def _windows(values: Values) -> Iterator[Contradiction]:
    """Counts and amounts of a shorter window that pass those of a longer one, the whole past being the longest."""
    families: dict[str, list[tuple[int, str]]] = {}
    for name in values:
        match, entry = _WINDOW.match(name), feature_entry(name)
        if match and entry is not None and entry.unit in ("count", "currency") and not entry.is_derived:
            families.setdefault(match["stem"], []).append((int(match["days"]), name))
    for stem, windows in families.items():
        whole = [(10**6, stem)] if stem in values else []
        ordered = [name for _, name in sorted([*windows, *whole])]
        for shorter, longer in itertools.pairwise(ordered):
            few, many = number(values, shorter), number(values, longer)
            if few is not None and many is not None and few > many + _ROUNDING:
                yield Contradiction(
                    names=frozenset({shorter, longer}),
                    words=f"{feature_label(shorter)} would be {shown(few)} and {feature_label(longer)} {shown(many)}, "
                    "and the shorter time lies within the longer; raise the one or lower the other.",
                )


def _parts(values: Values) -> Iterator[Contradiction]:
    for part, whole in _PART_OF:
        few, many = number(values, part), number(values, whole)
        if few is not None and many is not None and few > many:
            yield Contradiction(
                names=frozenset({part, whole}),
                words=f"{feature_label(part)} would be {few:,.0f} and {feature_label(whole)} {many:,.0f}, and the ones "
                "are a part of the others; raise the one or lower the other.",
            )


def _limits(values: Values) -> Iterator[Contradiction]:
    for name, most, why in _NOT_ABOVE:
        given, limit = number(values, name), number(values, most)
        if given is not None and limit is not None and given > limit + _ROUNDING:
            words = f"{feature_label(name)} would be {shown(given)} and {feature_label(most)} {shown(limit)}"
            if name == RECENCY:
                words = f"the last order would be {given:,.0f} days ago and the first {limit:,.0f}"
            yield Contradiction(names=frozenset({name, most}), words=f"{words}; {why}.")


def _within(values: Values, name: str, last: _Last) -> Iterator[Contradiction]:
    """Windows that hold something though the last lies before them, or hold nothing though it lies in them."""
    age = number(values, name)
    for count in values:
        match, n = _WINDOW.match(count), number(values, count)
        if not match or n is None or match["stem"] not in (*last.counted, *last.among):
            continue
        days, is_counted = int(match["days"]), match["stem"] in last.counted
        is_in = age is not None and age <= days
        if (n > 0 and not is_in) or (is_counted and n == 0 and is_in):
            when = "unknown" if age is None else f"{age:,.0f} days ago"
            can = "hold one" if n else "be without one"
            yield Contradiction(
                names=frozenset({name, count}),
                words=f"with the last {last.noun} {when}, the last {days} days cannot {can}; {last.remedy}.",
            )


def _order_days(values: Values) -> Iterator[Contradiction]:
    """Order days beside orders, beside the days there were, and beside what was spent in them."""
    n_days, n_orders = number(values, "n_order_days"), number(values, "n_orders")
    if n_days is not None and n_orders is not None and n_days > n_orders:
        yield Contradiction(
            names=frozenset({"n_order_days", "n_orders"}),
            words=f"there would be {n_orders:,.0f} orders on {n_days:,.0f} days; every day needs an order of its own.",
        )
    recency, tenure = number(values, RECENCY), number(values, TENURE)
    if n_days is not None and recency is not None and tenure is not None and n_days > max(tenure - recency, 0) + 1:
        yield Contradiction(
            names=frozenset({"n_order_days", RECENCY, TENURE}),
            words=f"there would be {n_days:,.0f} order days in the {max(tenure - recency, 0) + 1:,.0f} days from the "
            "first order to the last; lower the one or raise the other.",
        )
    for name in values:
        match, n = _WINDOW.match(name), number(values, name)
        if not match or match["stem"] != "n_order_days" or n is None:
            continue
        days, spend = int(match["days"]), number(values, f"spend_amount_{match['days']}")
        if n > days + 1:
            yield Contradiction(
                names=frozenset({name}), words=f"there would be {n:,.0f} order days in {days} days; lower their number."
            )
        if n == 0 and spend is not None and spend > 0:
            yield Contradiction(
                names=frozenset({name, f"spend_amount_{days}"}),
                words=f"there would be no order in the last {days} days and {spend:,.2f} spent in them; move both.",
            )


def number(values: Values, name: str) -> float | None:
    """A value that is a number; None for a text, for what is not known and for what is not among them."""
    value = values.get(name)
    return None if value is None or isinstance(value, str) else float(value)


def shown(value: float) -> str:
    """A number as people write it.

    >>> shown(1e6), shown(2734.4), shown(0.12345), shown(3.0)
    ('1,000,000', '2,734', '0.1235', '3')
    """
    return f"{value:,.0f}" if abs(value) >= 1000 or value == round(value) else f"{value:,.4g}"
