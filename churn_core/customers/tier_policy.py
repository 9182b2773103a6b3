"""What a tier policy is: the shop's answer to who counts as high, medium and low risk.

Three kinds. By probability: from these risks on. By capacity: as many as can be contacted. By expected profit: whoever
is worth contacting. Separate from saving and applying, so that a policy can be looked at before it is either.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from churn_core.customers.scenario import CHANCE_UNKNOWN, Scenario, scenario_of
from churn_core.errors import InputError, unknown_name

TIERS = ("high", "medium", "low")
"""From the most to the least urgent."""

KINDS = {"probability": "by probability", "capacity": "by capacity", "profit": "by expected profit"}
"""The kinds of policy with their words."""

ORDERS = {"value_at_risk": "value at risk", "risk": "risk"}
"""By what a capacity is filled, with its words: most first."""

HIGH_ODDS_RATIO = 3.0
"""Until the shop sets its own: high is at least three times the shop's usual odds of leaving, medium at least usual."""

FALLBACK = (0.7, 0.4)
"""Thresholds when no base rate was ever measured (a method that was not judged on the past)."""

TIMES_BETTER = 2.0
"""By expected profit, medium is who would be worth it if the offer saved so many times as many churners."""


@dataclass(frozen=True, kw_only=True)
class CapacityRule:
    """High is whom the shop can contact before the next scoring, medium the same number after them."""

    per_day: int
    """Customers that can be contacted on a day."""
    n_days: int = 5
    """Days until customers are scored again."""
    order: str = "value_at_risk"
    """By what the places are filled, most first: value_at_risk (where a contact saves most money) or risk."""

    def __post_init__(self) -> None:
        Scenario(per_day=self.per_day, n_days=self.n_days)
        if self.order not in ORDERS:
            raise unknown_name("order", self.order, ORDERS)

    @property
    def n_customers(self) -> int:
        """Customers in the high tier."""
        return self.per_day * self.n_days


@dataclass(frozen=True, kw_only=True)
class TierPolicy:
    """The rule that turns a score into a tier."""

    high_from: float
    """Risk from which a customer is in the high tier. Policies by capacity or profit keep the last such thresholds:
    they hold where only a risk is known."""
    medium_from: float
    """Risk from which a customer is in the medium tier; below it is low."""
    capacity: CapacityRule | None = None
    """Set for a policy by capacity."""
    profit: Scenario | None = None
    """Set for a policy by expected profit; its chance is known."""
    version: int = 0
    """Counts the saved policies of a workspace; 0 for the default, which was not saved."""
    saved_at: datetime | None = None
    """When it was saved (UTC)."""

    def __post_init__(self) -> None:
        if not 0 < self.medium_from < self.high_from <= 1:
            raise InputError(
                f"high starts at {self.high_from:g} and medium at {self.medium_from:g}; "
                "choose 0 < medium < high <= 1 (risks, not percent)."
            )
        if self.profit is not None and self.profit.chance is None:
            raise InputError(f"tiers by expected profit cannot be drawn: {CHANCE_UNKNOWN}")

    @property
    def kind(self) -> str:
        """probability, capacity or profit."""
        return "capacity" if self.capacity else "profit" if self.profit else "probability"

    @property
    def settings(self) -> dict[str, Any]:
        """What is kept with a policy by capacity or profit, as JSON."""
        rule = self.capacity or self.profit
        return {name: value for name, value in asdict(rule).items() if value is not None} if rule else {}

    def tier(self, risk: float) -> str:
        """The tier of a risk by the thresholds.

        >>> policy = TierPolicy(high_from=0.7, medium_from=0.4)
        >>> policy.tier(0.7), policy.tier(0.5), policy.tier(0.1)
        ('high', 'medium', 'low')
        """
        return "high" if risk >= self.high_from else "medium" if risk >= self.medium_from else "low"


def policy_of(kind: str, settings: dict[str, Any], **stored: Any) -> TierPolicy:
    """The policy that was stored under its kind and settings."""
    if kind not in KINDS:
        raise unknown_name("kind of policy", kind, KINDS)
    capacity = CapacityRule(**settings) if kind == "capacity" else None
    profit = scenario_of(settings) if kind == "profit" else None
    return TierPolicy(capacity=capacity, profit=profit, **stored)


def policy_words(policy: TierPolicy) -> str:
    """The rule as a sentence.

    >>> policy_words(TierPolicy(high_from=0.7, medium_from=0.4))
    'High from a risk of 70 %, medium from 40 %.'
    >>> policy_words(TierPolicy(high_from=0.7, medium_from=0.4, capacity=CapacityRule(per_day=40)))
    'High are the 200 customers with the most value at risk (40 a day, 5 days), medium the next 200.'
    """
    if policy.capacity is not None:
        rule = policy.capacity
        most = "the most value at risk" if rule.order == "value_at_risk" else "the highest risk"
        return (
            f"High {'is the 1 customer' if rule.n_customers == 1 else f'are the {rule.n_customers:,} customers'} with "
            f"{most} ({rule.per_day:,} a day, "
            f"{rule.n_days} day{'' if rule.n_days == 1 else 's'}), medium the next {rule.n_customers:,}."
        )
    if policy.profit is not None:
        scenario = policy.profit
        margin = "the expected value" if scenario.margin is None else f"a margin of {scenario.margin:g}"
        most = f", at most the {scenario.capacity:,} most profitable" if scenario.capacity is not None else ""
        chance = f"the offer saves {100 * (scenario.chance or 0):g} % of churners"
        return (
            f"High is whose contact is expected to pay (contact {scenario.contact_cost:g}, offer "
            f"{scenario.offer_cost:g}, {margin}, {chance}){most}; "
            "medium is whose contact would pay if the offer saved twice as many."
        )
    return f"High from a risk of {100 * policy.high_from:g} %, medium from {100 * policy.medium_from:g} %."


def default_policy(churn_rate: float | None) -> TierPolicy:
    """Thresholds that fit a shop of this churn rate, as multiples of the odds, rounded to 5 percentage points.

    A fixed threshold would call everybody high in a shop where most one-time buyers leave and nobody in a
    subscription with 5 % churn.

    >>> policy = default_policy(0.265)
    >>> policy.high_from, policy.medium_from
    (0.5, 0.25)
    >>> default_policy(0.57).high_from, default_policy(None).high_from
    (0.8, 0.7)
    """
    if churn_rate is None or not 0 < churn_rate < 1:
        high_from, medium_from = FALLBACK
    else:
        odds = HIGH_ODDS_RATIO * churn_rate / (1 - churn_rate)
        high_from, medium_from = _to_step(odds / (1 + odds)), _to_step(churn_rate)
    high_from = min(max(high_from, 0.10), 0.95)
    return TierPolicy(high_from=high_from, medium_from=min(max(medium_from, 0.05), round(high_from - 0.05, 2)))


def _to_step(share: float) -> float:
    return round(round(share / 0.05) * 0.05, 2)
