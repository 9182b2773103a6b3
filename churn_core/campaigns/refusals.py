"""Why a campaign cannot be drawn as it is: one sentence each, the same in the preview and at the lock."""

from __future__ import annotations

from datetime import timedelta

from churn_core.campaigns.drawn import Drawn
from churn_core.campaigns.exclusions import Eligibility
from churn_core.campaigns.plan import Plan, problems
from churn_core.campaigns.start import default_start, history_days, is_over, known_too_late
from churn_core.warehouse import Transaction, Warehouse

MOST_WAVES = 260
"""Five years of weekly waves; what takes longer is a mistake of the weekly volume."""


def refusals(warehouse: Warehouse | Transaction, plan: Plan, eligibility: Eligibility, drawn: Drawn) -> tuple[str, ...]:
    """Everything that keeps the campaign from being locked, the first thing to do first."""
    told = [f"step {step!r} of the plan: {found[0]}" for step, found in problems(plan).items()]
    told += _of_start(warehouse, plan)
    told += _of_window(warehouse, plan)
    told += _of_audience(plan, eligibility) or _of_arms(plan, drawn)
    return tuple(told)


def _of_start(warehouse: Warehouse | Transaction, plan: Plan) -> list[str]:
    if plan.starts_on is None:
        return []
    late = known_too_late(warehouse, plan)
    if late is not None:
        after = max(default_start(warehouse), late.last.date() + timedelta(days=1))
        return [
            f"the campaign starts on {plan.starts_on:%-d %b %Y}, but {late.table} are known up to "
            f"{late.last:%-d %b %Y, %H:%M}, and outcomes from before the draw prove nothing; "
            f"start on {after:%-d %b %Y} or later."
        ]
    if is_over(warehouse, plan.starts_on):
        return [
            f"the campaign starts on {plan.starts_on:%-d %b %Y}, a day that is over, and nobody is contacted before "
            f"the draw; start on {default_start(warehouse):%-d %b %Y} or later."
        ]
    return []


def _of_window(warehouse: Warehouse | Transaction, plan: Plan) -> list[str]:
    days = history_days(warehouse)
    if days is None or plan.goal.window_days <= days:
        return []
    return [
        f"the outcome window is {plan.goal.window_days} days, but the workspace knows only {days} days of orders; "
        "choose a window that the history could fill."
    ]


def _of_audience(plan: Plan, found: Eligibility) -> list[str]:
    if found.n_left == 0:
        return [found.note]
    if found.n_left == 1:
        return ["one customer is left, who cannot be compared with anybody; widen the audience."]
    if found.n_left < len(plan.arms):
        return [
            f"{found.n_left:,} customers are left for {len(plan.arms)} arms; widen the audience or take fewer arms."
        ]
    return []


def _of_arms(plan: Plan, drawn: Drawn) -> list[str]:
    told = []
    empty = next((arm for arm in drawn.arms if not arm.n_customers), None)
    if drawn.n_customers and empty is not None:
        told.append(
            f"arm {empty.arm!r} gets none of {drawn.n_customers:,} customers with a share of "
            f"{100 * empty.planned_share:.3g} %; widen the audience or raise its share."
        )
    if len(drawn.waves) > MOST_WAVES:
        volume = "one customer" if plan.per_week == 1 else f"{plan.per_week:,} customers"
        told.append(
            f"at {volume} a week it takes {len(drawn.waves):,} weeks until everybody has started; raise the weekly "
            "volume or choose fewer customers."
        )
    return told
