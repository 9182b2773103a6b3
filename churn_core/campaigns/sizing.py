"""Whether the audience is large enough for the question: customers needed, what can be found, and how long it takes.

Arithmetic on a baseline (:mod:`churn_core.campaigns.baseline`) with ``stats.power``; the answer is one sentence, and
where it is too small, what would suffice.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from math import ceil
from typing import Any

from churn_core.campaigns.baseline import Baseline, audience_baseline
from churn_core.campaigns.goals import Outcome, outcome
from churn_core.campaigns.plan import Arm, Goal, Plan
from churn_core.campaigns.store import Campaign
from churn_core.currency import money_text
from churn_core.customers.selection import Condition
from churn_core.errors import ChurnError, InputError
from churn_core.settings import settings
from churn_core.stats.power import (
    Design,
    days_needed,
    mean_power,
    rate_power,
    size_for_means,
    size_for_rates,
    smallest_mean_effect,
    smallest_rate_effect,
)
from churn_core.warehouse import Warehouse

LONGER_WINDOWS = (30, 60, 90, 120, 180, 270, 365)
"""Windows that are tried, in days, when the chosen one is too short."""
MOST_TRIED = 3


@dataclass(frozen=True, kw_only=True)
class PlanSize:
    """What a plan can tell with the audience it has."""

    outcome: str
    """Name of the goal in OUTCOMES."""
    window_days: int
    baseline: Baseline | None
    """What customers do without the campaign; None with the reason in ``verdict``."""
    compared: Baseline | None
    """The baseline by the other way of knowing it; None where there is one way only."""
    n_available: int
    """Customers of the audience after all exclusions."""
    available: dict[str, int]
    """Of these, per arm by its share, before rounding inside strata."""
    smallest_effect: float | None
    """Smallest effect worth having, as in the plan."""
    target: float | None
    """What a treated customer would have to do on average for it; None while no effect was chosen."""
    n_needed: int | None
    """Customers needed to find it; None where that cannot be said."""
    needed: dict[str, int]
    """Of these, per arm; empty where that cannot be said."""
    power: float | None
    """Chance to find the smallest effect with the customers there are, in the weakest comparison."""
    mde: float | None
    """Smallest effect that is found with the power asked for, with the customers there are; None if there is none."""
    days_to_contact: int
    """Days until everybody of the audience was contacted at the weekly volume; 1 where all go at once."""
    days_until_answer: int
    """Days from the first contact until the last outcome window is complete."""
    level: str
    """enough, too_small, not_measurable or unknown."""
    verdict: str
    """The answer in one sentence."""
    remedies: tuple[str, ...] = ()
    """What would suffice, each in one sentence; only where it is too small."""

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON."""
        return asdict(self)


def plan_size(warehouse: Warehouse, campaign: Campaign, *, among: Condition | None = None) -> PlanSize:
    """Size up a campaign's plan; what cannot be known is None with the reason in the verdict.

    ``among`` is a query with customer_id and risk of those who may be drawn; by default the audience after exclusions.
    """
    from churn_core.campaigns.exclusions import eligible_sql

    audience = among or eligible_sql(warehouse, campaign)
    n = int(warehouse.value(f"SELECT count(*) FROM ({audience.sql})", audience.parameters))
    found = size_by(campaign.plan, n, *plan_baseline(warehouse, campaign, among=audience))
    if found.level != "too_small":
        return found
    longer = _longer(warehouse, campaign.plan, found, audience)
    return replace(found, remedies=_remedies(campaign.plan, found, settings(warehouse).currency) + longer)


def size_by(plan: Plan, n: int, baseline: Baseline | None, compared: Baseline | None, why: str) -> PlanSize:
    """The size of a plan from what is known already, without what would help; arguments as :func:`plan_baseline` says.

    What cannot be known is None with the reason in the verdict.
    """
    missing = _missing(plan, n) or ("" if baseline is not None else why)
    if missing or baseline is None:
        return _unknown(plan, n, "not_measurable" if plan.control is None else "unknown", missing)
    try:
        return replace(size_of(plan, baseline, n), compared=compared)
    except ChurnError as error:
        return _unknown(plan, n, "unknown", str(error))


def plan_baseline(
    warehouse: Warehouse, campaign: Campaign, *, among: Condition | None = None
) -> tuple[Baseline | None, Baseline | None, str]:
    """The baseline used, the other one beside it, and why there is none; known before arms are.

    ``among`` is as in :func:`plan_size`.
    """
    from churn_core.campaigns.exclusions import eligible_sql

    try:
        used, compared = audience_baseline(warehouse, campaign.plan.goal, among or eligible_sql(warehouse, campaign))
    except ChurnError as error:
        return None, None, str(error)
    return used, compared, ""


def size_of(plan: Plan, baseline: Baseline, n: int) -> PlanSize:
    """The arithmetic alone: a plan with control and treatments, a baseline and the number of customers there are.

    InputError when the effect cannot be: a share above one, or an outcome that nobody differs in.
    """
    entry = outcome(plan.goal.outcome)
    _check_baseline(entry, baseline)
    pairs = [_Pair.of(plan, arm) for arm in plan.treatments]
    effect = plan.goal.smallest_effect
    mde = _weakest([pair.mde(entry, baseline, n) for pair in pairs])
    plain = replace(_unknown(plan, n, "unknown", "say which effect is the smallest worth having."), baseline=baseline)
    plain = replace(plain, mde=mde)
    if effect is None:
        return plain
    target = baseline.value + (-effect if entry.is_lower_better else effect)
    check_effect(entry, baseline, effect)
    n_needed = max(ceil(pair.n_total(entry, baseline, target)) for pair in pairs)
    needed = {arm.name: ceil(n_needed * arm.share - 1e-9) for arm in plan.arms}
    power = min(pair.power(entry, baseline, target, n) for pair in pairs)
    is_enough = n >= n_needed
    return replace(
        plain,
        target=target,
        n_needed=n_needed,
        needed=needed,
        power=power,
        level="enough" if is_enough else "too_small",
        verdict=_verdict(plan, n, n_needed, power),
    )


@dataclass(frozen=True, kw_only=True)
class _Pair:
    """One treatment against the control, as a two-arm design with its part of alpha."""

    design: Design
    share: float
    """Share of the audience in both arms together."""

    @classmethod
    def of(cls, plan: Plan, arm: Arm) -> _Pair:
        assert plan.control is not None
        share = plan.control.share + arm.share
        design = Design(
            power=plan.power, alpha=plan.alpha / len(plan.treatments), control_share=plan.control.share / share
        )
        return cls(design=design, share=share)

    def n_total(self, entry: Outcome, baseline: Baseline, target: float) -> float:
        """Customers that the whole audience needs for this pair."""
        if entry.kind == "rate":
            size = size_for_rates(baseline.value, target, self.design)
        else:
            size = size_for_means(target - baseline.value, baseline.deviation, self.design)
        return size.n_total / self.share

    def mde(self, entry: Outcome, baseline: Baseline, n: int) -> float | None:
        """Smallest effect to be found with ``n`` customers in the whole audience, as a size."""
        if entry.kind == "rate":
            found = smallest_rate_effect(
                baseline.value, n * self.share, self.design, is_increase=not entry.is_lower_better
            )
        else:
            found = smallest_mean_effect(baseline.deviation, n * self.share, self.design)
        return None if found is None else abs(found)

    def power(self, entry: Outcome, baseline: Baseline, target: float, n: int) -> float:
        """Chance to find the target with ``n`` customers in the whole audience."""
        first = n * self.share * self.design.share_of_control
        second = n * self.share * self.design.share_of_treatment
        if min(first, second) < 1 or first + second <= 2:
            return self.design.alpha
        if entry.kind == "rate":
            return rate_power(baseline.value, target, first, second, alpha=self.design.alpha_each)
        return mean_power(target - baseline.value, baseline.deviation, first, second, alpha=self.design.alpha_each)


def _weakest(found: list[float | None]) -> float | None:
    known = [size for size in found if size is not None]
    return max(known) if len(known) == len(found) else None


def _missing(plan: Plan, n: int) -> str:
    """Why nothing can be sized yet, in one sentence; empty when it can."""
    if plan.control is None:
        return "without a control nobody will know what the campaign did, however many customers it reaches."
    if not plan.treatments:
        return "add a treatment first; how many customers it takes depends on the arms and their shares."
    total = sum(arm.share for arm in plan.arms)
    if abs(total - 1) > 1e-9:
        return f"the shares add up to {100 * total:.6g} %; they must add up to 100 % before customers can be counted."
    if n < 2:
        left = "one customer is" if n else "nobody is"
        return f"{left} left after the exclusions, so there is nothing to compare; widen the audience."
    return ""


def check_effect(entry: Outcome, baseline: Baseline, effect: float) -> None:
    """InputError when an effect of this size cannot be, because it would lead to a share of none or of all and more."""
    target = baseline.value + (-effect if entry.is_lower_better else effect)
    if entry.kind == "rate" and not 0 < target < 1:
        raise InputError(
            f"{100 * baseline.value:.1f} % do it anyway, so an effect of {100 * effect:g} points would lead to "
            f"{100 * target:.1f} %, which cannot be; choose a smaller one."
        )


def _check_baseline(entry: Outcome, baseline: Baseline) -> None:
    if entry.kind == "rate" and not 0 < baseline.value < 1:
        raise InputError(
            f"{100 * baseline.value:.0f} % of customers like these do it anyway, which leaves nothing to plan with; "
            "choose another goal, window or audience."
        )
    if entry.kind == "mean" and not baseline.deviation > 0:
        raise InputError(
            f"customers like these do not differ in {entry.label} within the window, so nothing can be calculated; "
            "choose a longer window or another goal."
        )


def _unknown(plan: Plan, n: int, level: str, verdict: str) -> PlanSize:
    per_week = plan.per_week
    weeks = ceil(n / per_week) if per_week else 1
    return PlanSize(
        outcome=plan.goal.outcome,
        window_days=plan.goal.window_days,
        baseline=None,
        compared=None,
        n_available=n,
        available=_shared_out(plan, n),
        smallest_effect=plan.goal.smallest_effect,
        target=None,
        n_needed=None,
        needed={},
        power=None,
        mde=None,
        days_to_contact=days_needed(n, per_week) if per_week else 1,
        days_until_answer=7 * max(0, weeks - 1) + plan.goal.window_days,
        level=level,
        verdict=verdict,
    )


def _shared_out(plan: Plan, n: int) -> dict[str, int]:
    """Customers per arm as whole numbers that add up, where the shares do."""
    counts: dict[str, int] = {}
    share, before = 0.0, 0
    for arm in plan.arms:
        share += arm.share
        counts[arm.name] = round(n * share) - before
        before += counts[arm.name]
    return counts


def _verdict(plan: Plan, n: int, n_needed: int, power: float) -> str:
    each = "" if len(plan.treatments) == 1 else " in every treatment"
    if n >= n_needed:
        return (
            f"Enough: {n:,} customers, and {n_needed:,} find the smallest effect worth having with "
            f"{100 * plan.power:.0f} % chance{each}."
        )
    return (
        f"Too small: {n:,} customers, but the smallest effect worth having takes {n_needed:,}; with those there are "
        f"it would be found with {_chance(power)} chance instead of {100 * plan.power:.0f} %."
    )


def _chance(power: float) -> str:
    return "less than 1 %" if power < 0.01 else f"{100 * power:.0f} %"


def _remedies(plan: Plan, found: PlanSize, currency: str) -> tuple[str, ...]:
    """More customers, a larger effect, fewer arms, other shares: each alone."""
    assert found.baseline is not None
    assert found.n_needed is not None
    told = [f"More customers: {found.n_needed - found.n_available:,} more."]
    if found.mde is not None:
        told.append(f"A larger effect: from {effect_words(found.outcome, found.mde, currency)} on it is found.")
    others = []
    if len(plan.treatments) > 1:
        one = _one_treatment(plan)
        others.append(("One treatment instead of " + str(len(plan.treatments)), one))
    even = _evenly(plan)
    if even.shares != plan.shares:
        others.append(("Arms of equal size", even))
    for words, other in others:
        n_needed = size_of(other, found.baseline, found.n_available).n_needed
        if n_needed is not None and n_needed < found.n_needed:
            suffices = ", which there are" if n_needed <= found.n_available else ", still more than there are"
            told.append(f"{words}: {n_needed:,} customers{suffices}.")
    return tuple(told)


def _one_treatment(plan: Plan) -> Plan:
    """The plan with its first treatment alone, which takes the shares of the others."""
    assert plan.control is not None
    only = replace(plan.treatments[0], share=1 - plan.control.share)
    return replace(plan, arms=(plan.control, only))


def _evenly(plan: Plan) -> Plan:
    return replace(plan, arms=equal_shares(plan.arms))


def equal_shares(arms: tuple[Arm, ...]) -> tuple[Arm, ...]:
    """The arms with shares in whole tenths of a percent that are as equal as can be and add up to one.

    >>> [arm.share for arm in equal_shares((Arm(name="a", share=1), Arm(name="b", share=1), Arm(name="c", share=1)))]
    [0.334, 0.333, 0.333]
    """
    each, rest = divmod(1000, len(arms) or 1)
    return tuple(replace(arm, share=(each + (nr < rest)) / 1000) for nr, arm in enumerate(arms))


def _longer(warehouse: Warehouse, plan: Plan, found: PlanSize, audience: Condition) -> tuple[str, ...]:
    """The first longer window in which the same relative effect is found, if there is one."""
    baseline, effect = found.baseline, found.smallest_effect
    assert baseline is not None
    assert effect is not None
    if baseline.value <= 0:
        return ()
    lift = effect / baseline.value
    for days in [days for days in LONGER_WINDOWS if days > plan.goal.window_days][:MOST_TRIED]:
        goal: Goal = replace(plan.goal, window_days=days)
        try:
            longer, _ = audience_baseline(warehouse, goal, audience)
            other = replace(plan, goal=replace(goal, smallest_effect=lift * longer.value))
            n_needed = size_of(other, longer, found.n_available).n_needed
        except ChurnError:
            return ()
        if n_needed is not None and n_needed <= found.n_available:
            return (
                f"A longer window: over {days} days the same relative effect ({100 * lift:+.1f} %) takes {n_needed:,}.",
            )
    return ()


def effect_words(name: str, size: float, currency: str = "") -> str:
    """An effect in the words of its outcome: points for rates, else in its unit.

    >>> effect_words("retained", 0.0213), effect_words("spend", 4.5, "EUR"), effect_words("orders", 0.1234)
    ('2.1 points', '€4.50 per customer', '0.123 orders per customer')
    """
    entry = outcome(name)
    if entry.kind == "rate":
        return f"{100 * size:.2g} points" if size < 0.0095 else f"{100 * size:.1f} points"
    amount = money_text(size, currency) if entry.unit == "currency" else f"{size:.3g} orders"
    return f"{amount} per customer"
