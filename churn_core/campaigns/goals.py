"""What a campaign can be about: the outcomes that are counted for every customer, each with its words.

One registry, so that the plan, the readout, the documents and the command line name and count the same things.
"""

from __future__ import annotations

from dataclasses import dataclass

from churn_core.errors import unknown_name


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """Something counted per customer within the outcome window."""

    name: str
    """Key in plans, tables and on the command line."""
    label: str
    """As it is shown."""
    kind: str
    """rate, mean or ratio, as in :class:`churn_core.campaigns.metrics.Metric`."""
    unit: str
    """share, count or currency."""
    meaning: str
    """What is counted, in one sentence; ``{days}`` stands for the length of the window."""
    is_lower_better: bool = False
    """Whether less of it is better; turns the verdict, never the sign of a number."""
    is_goal: bool = True
    """Whether it can be the goal of a campaign; all others are guardrails."""
    needs: str = "orders"
    """Table that it is counted from."""


_ENTRIES = (
    Outcome(
        name="retained",
        label="retained customers",
        kind="rate",
        unit="share",
        meaning="Customers with at least one order within {days} days.",
    ),
    Outcome(
        name="orders",
        label="orders per customer",
        kind="mean",
        unit="count",
        meaning="Orders within {days} days, customers without any counted as 0.",
    ),
    Outcome(
        name="spend",
        label="spend per customer",
        kind="mean",
        unit="currency",
        meaning="What a customer paid within {days} days, 0 without an order.",
    ),
    Outcome(
        name="margin",
        label="margin per customer",
        kind="mean",
        unit="currency",
        meaning="Margin of what a customer paid within {days} days: the margin rate of the undiscounted amount, "
        "less the discounts.",
    ),
    Outcome(
        name="repurchase",
        label="repeat buyers",
        kind="rate",
        unit="share",
        meaning="Customers who ordered on at least two days within {days} days.",
    ),
    Outcome(
        name="order_value",
        label="spend per order",
        kind="ratio",
        unit="currency",
        meaning="What was paid per order within {days} days; customers are the unit of the error.",
        is_goal=False,
    ),
    Outcome(
        name="discount_share",
        label="discount per undiscounted amount",
        kind="ratio",
        unit="share",
        meaning="Discounts within {days} days per amount before discounts.",
        is_lower_better=True,
        is_goal=False,
    ),
    Outcome(
        name="unsubscribed",
        label="unsubscribed customers",
        kind="rate",
        unit="share",
        meaning="Customers who took back their consent to messages within {days} days.",
        is_lower_better=True,
        is_goal=False,
        needs="contacts",
    ),
    Outcome(
        name="returned",
        label="customers with a return",
        kind="rate",
        unit="share",
        meaning="Customers who sent something back within {days} days.",
        is_lower_better=True,
        is_goal=False,
        needs="returns",
    ),
    Outcome(
        name="complained",
        label="customers with a ticket",
        kind="rate",
        unit="share",
        meaning="Customers who turned to customer service within {days} days.",
        is_lower_better=True,
        is_goal=False,
        needs="tickets",
    ),
)

OUTCOMES: dict[str, Outcome] = {entry.name: entry for entry in _ENTRIES}
"""Everything that can be counted, by name."""

GOALS: tuple[str, ...] = tuple(name for name, entry in OUTCOMES.items() if entry.is_goal)
"""Outcomes that can be the goal of a campaign."""


def outcome(name: str) -> Outcome:
    """The outcome of that name; NotFound with the nearest name otherwise."""
    if name not in OUTCOMES:
        raise unknown_name("outcome", name, OUTCOMES)
    return OUTCOMES[name]
