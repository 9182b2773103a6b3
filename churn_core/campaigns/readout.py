"""The readout of a campaign: health first, then one sentence, then everything behind it.

Puts together what other modules measure and compare; what may be said at all is decided in
:mod:`churn_core.campaigns.standing`.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from churn_core.campaigns.asked import UNCAPPED, file_kinds
from churn_core.campaigns.cells import AddUp
from churn_core.campaigns.funnel import STEPS, funnel
from churn_core.campaigns.goals import OUTCOMES, Outcome
from churn_core.campaigns.guardrails import guardrail_results
from churn_core.campaigns.health import campaign_health
from churn_core.campaigns.looks import measure_over_time
from churn_core.campaigns.measure import Measured, measure, measure_slices, pre_period
from churn_core.campaigns.money import by_arm, campaign_money
from churn_core.campaigns.one_pass import OnePass
from churn_core.campaigns.overlap import overlap
from churn_core.campaigns.plan import ACTIONS, CHANNELS, Arm, Plan
from churn_core.campaigns.readout_model import (
    ArmResult,
    ArmSize,
    CampaignReadout,
    GuardrailResult,
    HealthCheck,
    Money,
    Reached,
    SegmentCut,
    Sequential,
)
from churn_core.campaigns.results import all_results
from churn_core.campaigns.segments import CUTS, segment_cuts
from churn_core.campaigns.sequence import LookPlan, end_alpha, sequential
from churn_core.campaigns.standing import Standing, is_over, standing_words, status_of_campaign
from churn_core.campaigns.store import Campaign, required_locked
from churn_core.campaigns.verdicts import SPENT, effect_size_words
from churn_core.settings import settings
from churn_core.warehouse import Warehouse, utc_now

ALWAYS = ("retained", "orders", "spend", "margin")
"""Outcomes that every readout measures besides the goal: for the exploratory rows and for money."""


def campaign_readout(warehouse: Warehouse, campaign_id: str, *, now: datetime | None = None) -> CampaignReadout:
    """Everything that can be said of a campaign as the data stands.

    InputError while it is a draft; whatever else keeps an effect from being told is in status, verdict and health.
    """
    found = required_locked(warehouse, campaign_id)
    goal = found.plan.goal
    rails = [rail.outcome for rail in goal.guardrails]
    filed = tuple(file_kinds(warehouse, found))
    names = tuple(dict.fromkeys((goal.outcome, *ALWAYS, *rails, *filed)))
    add_up = OnePass(warehouse, found, names, filed)
    measured = measure(warehouse, found, names, add_up=add_up)
    health = _health(warehouse, found, measured, now or utc_now(), add_up)
    in_waves = _is_in_waves(warehouse, found)
    is_margin = settings(warehouse).margin_rate < 1 or "margin" in measured.from_files
    words = _words(found.plan, is_margin=is_margin)
    results = _results(found, measured, words, end_alpha(found.plan.alpha) if in_waves else found.plan.alpha)
    looks = _sequential(warehouse, found, measured, words, in_waves, add_up) if results else None
    standing = Standing(campaign=found, measured=measured, health=health, results=results, sequential=looks)
    status = status_of_campaign(standing)
    currency = settings(warehouse).currency
    reached = _reached(warehouse, found)
    money = _money(warehouse, found, measured, results, reached, is_margin=is_margin)
    return CampaignReadout(
        name=found.name,
        campaign=found,
        as_of=measured.known_until,
        currency=currency,
        control=found.plan.control.name if found.plan.control else None,
        health=health,
        status=status,
        verdict=standing_words(standing, status, money.arms if money else (), currency),
        arms=_arms(found.plan, measured),
        results=results,
        guardrails=_guardrails(found.plan, measured, currency),
        sequential=looks,
        segments=_segments(warehouse, found, words, add_up) if results and standing.red is None else (),
        money=money,
        reached=reached,
        notes=_notes(standing, status, currency),
    )


def _health(
    warehouse: Warehouse, found: Campaign, measured: Measured, now: datetime, add_up: AddUp
) -> tuple[HealthCheck, ...]:
    last_import = warehouse.value("SELECT max(imported_at) FROM imports")
    before = pre_period(warehouse, found, within_strata=True, add_up=add_up)
    met = overlap(warehouse, found)
    return campaign_health(found.plan, measured, before, met, last_import=last_import, now=now)


def _is_in_waves(warehouse: Warehouse, found: Campaign) -> bool:
    """Whether customers started on different days, so that there are looks at whole windows before the end."""
    n_starts = warehouse.value(
        "SELECT count(DISTINCT starts_at) FROM assignments WHERE campaign_id = $id", {"id": found.campaign_id}
    )
    return int(n_starts) > 1


def _results(found: Campaign, measured: Measured, words: dict[str, Outcome], alpha: float) -> tuple[ArmResult, ...]:
    """The goal at its alpha and what is exploratory; guardrails that are neither have their own place."""
    plan = found.plan
    if plan.control is None or plan.goal.outcome not in measured.outcomes:
        return ()
    own = (plan.goal.outcome, f"{plan.goal.outcome}{UNCAPPED}", *ALWAYS, *measured.from_files)
    asked = [measured.outcomes[name] for name in dict.fromkeys(own) if name in measured.outcomes]
    if words["margin"].label == SPENT and plan.goal.outcome != "margin" and plan.goal.cap is None:
        asked = [entry for entry in asked if entry.metric.name != "margin" or "spend" in measured.from_files]
    return all_results(
        asked,
        control=plan.control.name,
        treatments=[arm.name for arm in plan.treatments],
        words=words,
        alpha=alpha,
    )


def _words(plan: Plan, *, is_margin: bool) -> dict[str, Outcome]:
    """Names of all outcomes; the goal says its cap, and the amounts beside it that they have none.

    Where the shop set no margin, what would be margin is called spend.
    """
    named = dict(OUTCOMES) if is_margin else OUTCOMES | {"margin": replace(OUTCOMES["margin"], label=SPENT)}
    goal = named[plan.goal.outcome]
    if plan.goal.cap is None:
        return named
    return named | {
        goal.name: replace(goal, label=f"{goal.label}, at most {plan.goal.cap:g} counted"),
        f"{goal.name}{UNCAPPED}": replace(goal, name=f"{goal.name}{UNCAPPED}", label=f"{goal.label}, without a cap"),
    }


def _sequential(
    warehouse: Warehouse,
    found: Campaign,
    measured: Measured,
    words: dict[str, Outcome],
    in_waves: bool,
    add_up: AddUp,
) -> Sequential | None:
    plan = found.plan
    if plan.control is None:
        return None
    is_open = plan.entry == "rolling" and found.status == "locked"
    end = None if is_open or measured.last_end is None else (measured.last_end - timedelta(days=1)).date()
    named = words[plan.goal.outcome]
    return sequential(
        measure_over_time(warehouse, found, plan.goal.outcome, add_up=add_up),
        LookPlan(
            n_drawn=measured.n_assigned,
            end=end,
            window_days=plan.goal.window_days,
            alpha=plan.alpha,
            is_in_waves=in_waves,
            is_over=is_over(found, measured),
        ),
        control=plan.control.name,
        treatments=[arm.name for arm in plan.treatments],
        label=named.label,
        unit=named.unit,
    )


def _money(
    warehouse: Warehouse,
    found: Campaign,
    measured: Measured,
    results: tuple[ArmResult, ...],
    reached: tuple[Reached, ...],
    *,
    is_margin: bool,
) -> Money | None:
    """None where orders or their amounts are not known; without a margin set, margin is what was spent."""
    capped = {}
    margin = by_arm(results, f"margin{UNCAPPED}")
    if margin:
        capped = {"margin_capped": by_arm(results, "margin")}
    margin = margin or by_arm(results, "margin") or ({} if is_margin else by_arm(results, "spend"))
    comparisons = {"orders": by_arm(results, "orders"), "margin": margin, **capped}
    is_counted = measured.known_until is not None and any(measured.n_complete.values())
    if not is_counted or not all(comparisons.values()):
        return None
    ordered = measured.outcomes.get("retained")
    is_rate = ordered is not None and ordered.metric.kind == "rate"
    n_ordered = {arm: ordered.rate(arm).n_hits for arm in measured.n_assigned} if ordered and is_rate else {}
    sent = {entry.arm: n for entry in reached if (n := dict(entry.steps).get(STEPS["sent"], 0))}
    chosen = settings(warehouse)
    return campaign_money(found.plan, comparisons, n_ordered=n_ordered, n_sent=sent, chosen=chosen, is_margin=is_margin)


def _reached(warehouse: Warehouse, found: Campaign) -> tuple[Reached, ...]:
    """The contacts of every arm that were imported, and the orders of those reached; no effect."""
    made = []
    for arm, entry in funnel(warehouse, found).items():
        if not any(step.n_customers for step in entry.steps):
            continue
        steps = tuple((step.label, step.n_customers) for step in entry.steps)
        made.append(Reached(arm=arm, steps=steps, n_reached=entry.reached.n, n_ordered=entry.reached.n_hits))
    return tuple(made)


def _guardrails(plan: Plan, measured: Measured, currency: str) -> tuple[GuardrailResult, ...]:
    if plan.control is None:
        return ()
    return guardrail_results(
        plan.goal.guardrails,
        measured.outcomes,
        control=plan.control.name,
        treatments=[arm.name for arm in plan.treatments],
        currency=currency,
        unknown=measured.unknown,
    )


def _segments(
    warehouse: Warehouse, found: Campaign, words: dict[str, Outcome], add_up: AddUp
) -> tuple[SegmentCut, ...]:
    plan = found.plan
    if plan.control is None:
        return ()
    slices = measure_slices(warehouse, found, plan.goal.outcome, tuple(CUTS), add_up=add_up)
    return segment_cuts(
        slices,
        control=plan.control.name,
        treatments=[arm.name for arm in plan.treatments],
        labels=CUTS,
        named=words[plan.goal.outcome],
    )


def _arms(plan: Plan, measured: Measured) -> tuple[ArmSize, ...]:
    ordered = sorted(plan.arms, key=lambda arm: not arm.is_control)
    return tuple(
        ArmSize(
            name=arm.name,
            is_control=arm.is_control,
            share=arm.share,
            n_assigned=measured.n_assigned.get(arm.name, 0),
            n_complete=measured.n_complete.get(arm.name, 0),
            offer=_offer(arm),
        )
        for arm in ordered
    )


def _offer(arm: Arm) -> str:
    if arm.action is None:
        return ""
    by = f" by {CHANNELS[arm.channel]}" if arm.channel else ""
    return f"{ACTIONS[arm.action]}{by}"


def _notes(standing: Standing, status: str, currency: str) -> tuple[str, ...]:
    measured, plan = standing.measured, standing.campaign.plan
    told = [f"{_label(name)} came in a file{_instead(name)}." for name in measured.from_files]
    elsewhere = {plan.goal.outcome, *(rail.outcome for rail in plan.goal.guardrails if plan.control)}
    told += [f"{why[:1].upper()}{why[1:]}" for name, why in measured.unknown.items() if name not in elsewhere]
    if any(measured.n_complete.values()) and standing.results and not standing.is_over:
        told.append(
            "Before the planned end the p-values and intervals of the table are not meant to be acted on: looked at "
            "again and again they find what is not there. The chart of looks allows for that."
        )
    if measured.is_within_strata:
        told.append(
            "The shares of the arms differ between strata, so differences are taken within strata and may not be "
            "the difference of the two values beside them."
        )
    told += _level_words(standing) + _size_words(standing, status, currency)
    is_told = standing.is_over and status in ("better", "worse", "no_clear_difference")
    return (*told, *(_against_the_plan(standing, currency) if is_told else ()))


def _level_words(standing: Standing) -> list[str]:
    """At which level the goal is judged, where it is another than 5 %."""
    goal = next((result for result in standing.results if result.is_primary), None)
    plan = standing.campaign.plan
    if goal is None or goal.alpha == 0.05:
        return []
    if goal.alpha == plan.alpha:
        return [f"The goal is judged at {100 * plan.alpha:g} %, as planned; its intervals are of that level."]
    return [
        f"The goal is judged at {100 * goal.alpha:.3g} % at the end, and its intervals are of that level: the looks "
        f"before the end use the rest of the planned {100 * plan.alpha:g} %."
    ]


def _size_words(standing: Standing, status: str, currency: str) -> list[str]:
    """That fewer were drawn than the plan needed, where nothing clear was found."""
    plan, needed = standing.campaign.plan, standing.campaign.counts.get("n_needed")
    n_drawn, smallest = sum(standing.measured.n_assigned.values()), plan.goal.smallest_effect
    is_open = status in ("running", "too_small", "no_clear_difference")
    if not needed or smallest is None or n_drawn >= needed or not is_open:
        return []
    size = effect_size_words(smallest, OUTCOMES[plan.goal.outcome].unit, currency)
    return [
        f"The plan needed {needed:,} customers to find {size} with {100 * plan.power:.0f} % power, "
        f"and {n_drawn:,} were drawn: "
        "an effect of that size may well be missed."
    ]


def _against_the_plan(standing: Standing, currency: str) -> list[str]:
    """Whether the smallest effect worth having is ruled out, per treatment."""
    smallest = standing.campaign.plan.goal.smallest_effect
    told = []
    for result in standing.results:
        low, high = result.comparison.difference.low, result.comparison.difference.high
        best = None if low is None or high is None else -low if result.is_lower_better else high
        if result.is_primary and smallest is not None and best is not None and best < smallest:
            size = effect_size_words(smallest, result.unit, currency)
            told.append(f"{result.arm}: the smallest effect that was worth having, {size}, is ruled out.")
    return told


def _label(name: str) -> str:
    words = OUTCOMES[name].label if name in OUTCOMES else name
    return f"{words[:1].upper()}{words[1:]}"


def _instead(name: str) -> str:
    return ", which takes the place of what the orders say" if name in OUTCOMES else ""
