"""What a feature is: one fact about a customer before the cutoff, with the words to speak about it.

Kept apart from the entries so that each group of them can be a plain list. SQL of features keeps to the subset that
DuckDB and Spark share: count, sum, avg, min, max, stddev and arg_max with FILTER, CASE, plain arithmetic with
``nullif`` under every division and float literals such as ``86400e0``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Literal

GROUPS: dict[str, str] = {
    "recency": "Time since the last order",
    "rhythm": "Own buying rhythm",
    "frequency": "Number of orders",
    "spend": "Spend",
    "trends": "Trend of orders and spend",
    "basket": "Basket",
    "discounts": "Discounts",
    "returns": "Returns",
    "breadth": "Breadth of products and channels",
    "browsing": "Browsing",
    "carts": "Carts without an order",
    "email": "E-mail engagement",
    "tickets": "Service requests and waiting",
    "ratings": "Ratings",
    "tenure": "Time as a customer",
    "season": "Season",
}
"""Every group of features by name, with its heading."""

UNITS: dict[str, str] = {
    "days": "days",
    "hours": "hours",
    "count": "a number of things, named by the label",
    "currency": "amount in the shop's currency",
    "share": "part of a whole in [0, 1], shown as percent",
    "ratio": "one number over another; 1 means no difference",
    "points": "points of a rating scale",
    "flag": "1 for yes, 0 for no",
}
"""Every unit by name, with its meaning."""

_WORD = re.compile(r"[a-z_][a-z0-9_]*")


@dataclass(frozen=True, kw_only=True)
class Measure:
    """A number that features are calculated from and that is no feature itself."""

    name: str
    """Name in SQL."""
    source: str
    """The rows it is aggregated over (``features.sources``)."""
    sql: str
    """Aggregate over the rows of one customer."""
    needs: tuple[str, ...] = ()
    """Optional columns ("table.column") without which it means nothing."""
    fill_zero: bool = False
    """Whether a customer without such rows has 0; otherwise the value is missing."""


@dataclass(frozen=True, kw_only=True)
class Feature:
    """One fact about a customer before the cutoff."""

    name: str
    """Column name; a window in days comes last."""
    group: str
    """Key of GROUPS."""
    table: str
    """The user table it belongs to; it is left out where that table is empty."""
    sql: str
    """Aggregate over the rows of one customer or, where ``source`` is None, arithmetic with other names."""
    unit: str
    """Key of UNITS."""
    label: str
    """Short name for tables and charts."""
    meaning: str
    """What it is and when it is missing, in a sentence."""
    words_high: str
    """Reason when the value is high: ``{value}`` is the number, ``[day|days]`` its singular and plural."""
    words_low: str
    """Reason when the value is low, written the same way."""
    words_missing: str = ""
    """Reason when there is no value; empty where a value is always there."""
    scale: Literal["log", "identity"] = "log"
    """How linear models should take it: log(1 + value) for amounts, counts and ratios, else as it is."""
    source: str | None = None
    """The rows it is aggregated over (``features.sources``); None when it is derived from other names."""
    needs: tuple[str, ...] = field(default=())
    """Optional columns ("table.column") without which it means nothing."""
    fill_zero: bool = False
    """Whether a customer without such rows has 0; otherwise the value is missing."""
    signal: str = ""
    """The group of time-series signals it belongs to (``features.signals``), used where the workspace asks for it;
    empty for the usual features."""
    revision: int = 1
    """Counts the meanings it has had; models keep which one they learned from."""

    @property
    def is_derived(self) -> bool:
        """Whether it is calculated from measures and other features instead of rows."""
        return self.source is None


def mentioned(sql: str) -> set[str]:
    """The names that an expression mentions (among words of SQL).

    >>> sorted(mentioned("n_orders * 30e0 / nullif(days_since_first_order, 0)"))
    ['days_since_first_order', 'e0', 'n_orders', 'nullif']
    """
    return set(_WORD.findall(sql))
