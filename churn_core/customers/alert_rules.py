"""The rules that raise alerts: name, words, what each needs, and its SQL over one row per customer.

A rule is a condition on ``alert_pool`` (:mod:`churn_core.customers.alert_pool`), the instant at which what it found
became news, and a sentence with the customer's own numbers. Where the workspace holds nothing that a rule could look
at, it says so and names nobody.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from churn_core.currency import money_text
from churn_core.customers.alert_model import day_words
from churn_core.customers.alert_policy import RULE_NAMES, AlertPolicy, alert_policy, save_alert_policy
from churn_core.customers.personal_rhythm import LATE_GAPS
from churn_core.features.shop_habits import Habits

__all__ = [
    "BY_THEMSELVES",
    "RULES",
    "URGENT",
    "AlertPolicy",
    "AlertRule",
    "AlertSituation",
    "alert_policy",
    "save_alert_policy",
]

URGENT = "unhappy"
"""The rule whose customers get every other place of a day, the first one included, and are due the next day."""
BY_THEMSELVES = (URGENT, "late")
"""Rules that rest on what customers did and on no risk: for them spend counts beside value at risk."""


@dataclass(frozen=True, kw_only=True)
class AlertSituation:
    """What the rules can look at, gathered once before they are asked."""

    policy: AlertPolicy
    as_of: datetime | None
    """End of what is known: the midnight after the last order; None without orders."""
    habits: Habits | None
    """The rhythm of the shop; None without orders."""
    run_id: int | None
    """Newest score run; None when nothing was scored."""
    run_moment: datetime | None
    """What that run speaks of: its cutoff, or for tables without time when it was made."""
    scored_at: datetime | None
    """When that run was made."""
    before_id: int | None
    """The run that it is compared with; None while there is no earlier one."""
    before_moment: datetime | None
    """The same of that run."""
    has_values: bool
    """Whether the newest run knows the value of anybody."""
    n_high: int
    """Customers in the high tier of the newest run whose value is known; all of the tier where none is."""
    low_rating: float | None
    """Ratings up to here are low in this shop; None without ratings, or where all are alike."""
    share_above_low: float | None
    """Share of the shop's ratings above it."""
    top_rating: float | None
    """Highest rating given in the shop: what a rating is told beside."""
    has_requests: bool
    """Whether an open or unanswered request to customer service could be told."""
    currency: str

    @property
    def words_of_low(self) -> str:
        """What a low rating is here."""
        if self.low_rating is None or self.share_above_low is None:
            return ""
        return f"{100 * self.share_above_low:.0f} % of the ratings here are above {self.low_rating:g}"


@dataclass(frozen=True, kw_only=True)
class AlertRule:
    """One reason to look at a customer today."""

    name: str
    label: str
    """As it is shown."""
    meaning: str
    """Whom it names, in one sentence."""
    needs: str
    """What it needs, in words."""
    missing: Callable[[AlertSituation], str]
    """Why it cannot be asked here, in a sentence; empty when it can."""
    sql: Callable[[AlertSituation], str]
    """Condition on a row ``p`` of ``alert_pool``."""
    news_at: str
    """SQL of the instant at which it became news."""
    words: Callable[[Mapping[str, Any], AlertSituation], str]
    """What it found, from a row of the pool: a sentence without its full stop."""


def _no_orders(situation: AlertSituation) -> str:
    if situation.habits is None:
        return "it needs an order history"
    if situation.habits.shrinkage.shop_gap_days is None:
        return "nobody has ordered on two days yet, so there is no rhythm"
    return ""


def _no_scores(situation: AlertSituation) -> str:
    return "nobody was scored yet" if situation.run_id is None else ""


def _no_run_before(situation: AlertSituation) -> str:
    return _no_scores(situation) or (
        "there is no earlier scoring to compare with" if situation.before_id is None else ""
    )


def _nothing_said(situation: AlertSituation) -> str:
    if situation.habits is None:
        return "it needs an order history"
    if situation.low_rating is None and not situation.has_requests:
        return "it needs ratings, or requests to customer service with the time of the answer"
    return ""


def _late_sql(situation: AlertSituation) -> str:
    """The due day, or two own gaps where there is none, passed lately; nobody with a single order day."""
    due = f"coalesce(p.due_days, {LATE_GAPS:g} * p.usual_gap_days)"
    return f"p.n_gaps > 0 AND p.days_since > {due} AND p.days_since <= {due} + {situation.policy.recent_days:d}"


def _late_words(row: Mapping[str, Any], situation: AlertSituation) -> str:
    return str(row["rhythm_words"])


def _new_high_words(row: Mapping[str, Any], situation: AlertSituation) -> str:
    before = row["risk_before"]
    then = "not scored" if before is None else f"{100 * before:.0f} %"
    return f"new in the high tier: risk {100 * row['risk']:.0f} %, {then} in the scoring of {_day(situation)}"


def _jump_words(row: Mapping[str, Any], situation: AlertSituation) -> str:
    before, risk = row["risk_before"], row["risk"]
    return (
        f"risk up by {100 * (risk - before):.0f} points since the scoring of {_day(situation)}, from "
        f"{100 * before:.0f} % to {100 * risk:.0f} %"
    )


def _valuable_sql(situation: AlertSituation) -> str:
    """The first places by value at risk; where the run knows no values, by risk."""
    known = " AND p.value_at_risk IS NOT NULL" if situation.has_values else ""
    return f"p.value_place <= {situation.policy.n_valuable:d}{known}"


def _valuable_words(row: Mapping[str, Any], situation: AlertSituation) -> str:
    if not situation.has_values:
        return f"number {row['value_place']:,} of {situation.n_high:,} in the high tier by risk; no values are known"
    return (
        f"number {row['value_place']:,} of {situation.n_high:,} in the high tier by value at risk: "
        f"{money_text(row['value_at_risk'], situation.currency)}"
    )


def _unhappy_words(row: Mapping[str, Any], situation: AlertSituation) -> str:
    told = []
    if row["asked_at"] is not None:
        about = f' ("{row["asked_topic"]}")' if row["asked_topic"] else ""
        state = "open" if row["is_answered"] else "unanswered"
        told.append(f"a request{about} of {day_words(row['asked_at'])} is still {state}")
    if row["rated_at"] is not None:
        of_top = "" if situation.top_rating is None else f" of {situation.top_rating:g}"
        told.append(f"rated {row['rating']:g}{of_top} on {day_words(row['rated_at'])} ({situation.words_of_low})")
    return f"{' and '.join(told)}; no order since"


def _day(situation: AlertSituation) -> str:
    return day_words(situation.before_moment) if situation.before_moment else "before"


RULES: dict[str, AlertRule] = {
    rule.name: rule
    for rule in (
        AlertRule(
            name=URGENT,
            label="Unhappy",
            meaning="A low rating, or a request that is still open, lately, and no order since. Texts are not read.",
            needs="ratings, or requests to customer service with the time of the answer",
            missing=_nothing_said,
            sql=lambda situation: "(p.rated_at IS NOT NULL OR p.asked_at IS NOT NULL)",
            news_at="greatest(coalesce(p.rated_at, p.asked_at), coalesce(p.asked_at, p.rated_at))",
            words=_unhappy_words,
        ),
        AlertRule(
            name="late",
            label="Late by the own rhythm",
            meaning="Past the day by which 8 of 10 customers like them would have ordered, since lately.",
            needs="an order history in which customers ordered twice; no model",
            missing=_no_orders,
            sql=_late_sql,
            news_at=f"p.last_time + to_days(CAST(floor(coalesce(p.due_days, {LATE_GAPS:g} * p.usual_gap_days)) "
            "AS INTEGER) + 1)",
            words=_late_words,
        ),
        AlertRule(
            name="new_high",
            label="New in the high tier",
            meaning="In the high tier of the newest scoring, and not in the one they are compared with.",
            needs="two scorings",
            missing=_no_run_before,
            sql=lambda situation: "p.tier = 'high' AND NOT p.was_high",
            news_at="$run_moment",
            words=_new_high_words,
        ),
        AlertRule(
            name="risk_jump",
            label="Risk jumped",
            meaning="The risk rose by many points since the scoring it is compared with.",
            needs="two scorings",
            missing=_no_run_before,
            sql=lambda situation: f"100 * (p.risk - p.risk_before) >= {situation.policy.jump_points:g}",
            news_at="$run_moment",
            words=_jump_words,
        ),
        AlertRule(
            name="valuable_high",
            label="Most valuable in the high tier",
            meaning="In the high tier of the newest scoring, among those with the most value at risk; by risk where no "
            "values are known.",
            needs="a scoring",
            missing=_no_scores,
            sql=_valuable_sql,
            news_at="$run_moment",
            words=_valuable_words,
        ),
    )
}
"""Every rule by name, in the order in which they are told."""

assert tuple(RULES) == RULE_NAMES
