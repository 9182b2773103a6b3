"""The campaign that would give evidence about who responds: how many customers and days it takes.

To see that one half of the customers responds more than the other takes four times the customers that it takes to see
the same effect at all: each half has half of them, and the difference of two differences has twice the variance of each
(Brookes et al., 2004, on interactions of subgroups).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from churn_core.campaigns.goals import OUTCOMES
from churn_core.campaigns.plan import CONTROL, Arm, Goal, Plan
from churn_core.campaigns.store import Campaign, begin_draft
from churn_core.customers.selection import CustomerFilter
from churn_core.stats.power import Design, days_needed, size_for_means, size_for_rates

if TYPE_CHECKING:
    from churn_core.campaigns.uplift_store import StoredUplift
    from churn_core.warehouse import Warehouse

TIMES = 4
"""Customers for the difference of two halves, as a multiple of those for the effect itself."""
WINDOW_DAYS = 60
LEAST_DIFFERENCE = 0.05
"""Difference between the halves that is looked for where no campaign says what is usual: 5 points."""
USUAL_RATE = 0.3
"""Rate of the control where nothing is known."""


@dataclass(frozen=True, kw_only=True)
class Proposal:
    """What to run in order to learn who can be saved."""

    plan: Plan
    n_needed: int
    """Customers in both arms."""
    n_available: int | None
    """Customers scored; None when nothing was scored yet."""
    difference: float
    """Difference in effect between the better and the other half that it would find."""
    is_rate: bool
    days: int
    """Days until the last outcome window is over."""
    told: str
    """The proposal in words."""

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON."""
        return {name: value for name, value in asdict(self).items() if name != "plan"}


def proposed_campaign(
    warehouse: Warehouse, *, before: Campaign | None = None, learnt: StoredUplift | None = None
) -> Proposal:
    """The campaign to run: as the one before where there is one, to everybody scored, half of them control."""
    goal = before.plan.goal if before else Goal(window_days=WINDOW_DAYS, smallest_effect=LEAST_DIFFERENCE)
    is_rate = OUTCOMES[goal.outcome].kind == "rate"
    study = learnt.study if learnt else None
    difference = goal.smallest_effect or LEAST_DIFFERENCE
    if study and is_rate:
        difference = max(difference, abs(study["treatment_mean"] - study["control_mean"]), 0.01)
    design = Design(control_share=0.5)
    n_needed = TIMES * _size(study, difference, design, is_rate=is_rate)
    plan = _plan(before, goal, difference)
    weeks = days_needed(n_needed, plan.per_week) if plan.per_week else 0
    days = goal.window_days + weeks
    n_available = warehouse.value("SELECT n_customers FROM score_runs ORDER BY run_id DESC LIMIT 1")
    return Proposal(
        plan=plan,
        n_needed=n_needed,
        n_available=n_available,
        difference=difference,
        is_rate=is_rate,
        days=days,
        told=_told(n_needed, n_available, difference, days, is_rate=is_rate),
    )


def begin_proposed(warehouse: Warehouse, proposal: Proposal) -> Campaign:
    """A draft of the proposed campaign, to be finished step by step; the one begun before while nobody changed it."""
    return begin_draft(warehouse, proposal.plan)


def _size(study: Mapping[str, Any] | None, difference: float, design: Design, *, is_rate: bool) -> int:
    if is_rate:
        rate = study["control_mean"] if study else USUAL_RATE
        rate = min(max(rate, 0.01), 0.99 - difference) if difference < 0.9 else 0.05
        return size_for_rates(rate, rate + difference, design).n_total
    deviation = study["control_deviation"] if study else 3 * difference
    return size_for_means(difference, deviation, design).n_total


def _plan(before: Campaign | None, goal: Goal, difference: float) -> Plan:
    """As the campaign before, to everybody of every risk, half of them control.

    Its smallest effect is half the difference of the halves: the effect on all that takes as many customers.
    """
    goal = replace(goal, smallest_effect=float(f"{difference / TIMES**0.5:.3g}"))
    arms = (
        Arm(name=CONTROL, share=0.5),
        Arm(name="coupon", share=0.5, action="coupon", channel="email"),
    )
    name = "Who can be saved"
    if before is None:
        return Plan(name=name, goal=goal, arms=arms, audience=CustomerFilter())
    treatment = before.plan.treatments[0]
    return replace(
        before.plan,
        name=f"{name}: {before.name}"[:80],
        audience=CustomerFilter(),
        is_listed=False,
        starts_on=None,
        arms=(arms[0], replace(treatment, share=0.5)),
        no_control_reason="",
        goal=goal,
    )


def _told(n_needed: int, n_available: int | None, difference: float, days: int, *, is_rate: bool) -> str:
    size = f"{100 * difference:.1f} points" if is_rate else f"{difference:,.2f}"
    told = (
        f"A campaign to {n_needed:,} customers of every tier, half of them control, would find with 80 % power a "
        f"difference of {size} between the half that responds more and the other; its answer takes {days} days."
    )
    if n_available is not None and n_available < n_needed:
        told += (
            f" {n_available:,} customers are scored now: contact all of them, and learn from several campaigns or a "
            "stronger offer."
        )
    return told
