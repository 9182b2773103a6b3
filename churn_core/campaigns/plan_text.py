"""The plan in the words that a manager signs: what, for whom, against whom, how sure, and how it will be judged.

Markdown, written at the lock and never again: it holds what was known then. The same function shows it before.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime

from churn_core.campaigns.drawn import ArmDrawn, Drawn
from churn_core.campaigns.exclusions import Eligibility
from churn_core.campaigns.goals import OUTCOMES, Outcome
from churn_core.campaigns.plan import ACTIONS, CHANNELS, ENTRIES, Arm, Plan
from churn_core.campaigns.sizing import PlanSize, plan_size
from churn_core.campaigns.store import Campaign
from churn_core.currency import exact_text
from churn_core.customers.segments import segment
from churn_core.customers.selection import described
from churn_core.errors import NotFound
from churn_core.settings import settings
from churn_core.warehouse import Warehouse

TERMS = "By name"
"""Heading of the section that names the methods, for whoever checks them; the text before it says what they do."""
_RATE_TEST = "a z-test of two shares, two-sided, with Newcombe's interval; Fisher's exact test for very few customers"
_SEQUENCE = "Looking earlier is allowed at any time: the range shown is wide enough to hold at every look."
_SEQUENCE_TERM = "Looks: an asymptotic confidence sequence, tuned to the number drawn."
_LOOKS = (
    "Looks before the end are shown with ranges that hold at all planned looks together and decide nothing; only the "
    "whole window decides."
)
_LOOKS_TERM = "Looks before the end: Bonferroni's correction over all planned looks."
_MEAN_TEST = "Welch's test of two averages, two-sided, with its interval"


def plan_text(
    warehouse: Warehouse,
    campaign: Campaign,
    eligibility: Eligibility,
    drawn: Drawn,
    *,
    size: PlanSize | None = None,
    locked_at: datetime | None = None,
    locked_by: str = "",
) -> str:
    """The plan as Markdown; ``size`` is worked out when it is not given, and without ``locked_at`` it is a draft's."""
    plan, currency = campaign.plan, settings(warehouse).currency
    parts = [
        [f"# {_line(campaign.name)}", _signature(campaign, locked_at, locked_by)],
        ["## Goal", *_goal(plan, currency)],
        ["## Audience", _audience(warehouse, plan, eligibility), *_left_out(eligibility)],
        ["## Arms", _arms(plan, drawn, currency), *_without_control(plan), _how_drawn(drawn)],
        ["## Time", *_time(plan, drawn)],
        ["## How sure", *_how_sure(plan), _upper((size or plan_size(warehouse, campaign)).verdict)],
        ["## How it will be read", *_reading(plan, drawn, currency)],
        [f"## {TERMS}", _bullets(_terms(plan, drawn))],
    ]
    return "\n\n".join("\n\n".join(paragraphs) for paragraphs in parts) + "\n"


def _signature(campaign: Campaign, locked_at: datetime | None, locked_by: str) -> str:
    digest = f"Campaign `{campaign.campaign_id}`, plan `{campaign.plan.sha256[:12]}`"
    if locked_at is None:
        return f"{digest}. A draft: nothing is drawn yet."
    who = f" by {_line(locked_by)}" if locked_by else ""
    return f"{digest}. Locked on {locked_at:%-d %b %Y, %H:%M} UTC{who}; from then on nothing of it changes."


def _goal(plan: Plan, currency: str) -> list[str]:
    goal, entry = plan.goal, OUTCOMES[plan.goal.outcome]
    told = [
        f"**{_upper(entry.label)}**, {'lower' if entry.is_lower_better else 'higher'} is better. "
        f"{entry.meaning.format(days=goal.window_days)} The days count from each customer's own start, the same in "
        "every arm."
    ]
    if goal.smallest_effect is not None:
        told.append(f"Smallest effect worth having: {_size(entry, goal.smallest_effect, currency)}.")
    if goal.cap is not None:
        told.append(f"Amounts above {_money(goal.cap, currency)} count as that in all arms; both versions are shown.")
    return told


def _audience(warehouse: Warehouse, plan: Plan, found: Eligibility) -> str:
    if plan.is_listed:
        words = "a list of customer ids given to the campaign"
    else:
        words = described(plan.audience, segment_name=_segment_name(warehouse, plan))
    return f"{_upper(_line(words))}: {_counted(found.n_audience, 'customer')}."


def _segment_name(warehouse: Warehouse, plan: Plan) -> str:
    if plan.audience.segment_id is None:
        return ""
    try:
        return segment(warehouse, plan.audience.segment_id).name
    except NotFound:
        return f"{plan.audience.segment_id} (deleted)"


def _left_out(found: Eligibility) -> list[str]:
    asked = [step for step in found.steps if step.is_on]
    told = [f"**{_line(step.label)}.** {_line(step.note)}" for step in asked if step.is_warning]
    off = [step.label.lower() for step in found.steps if not step.is_on]
    if off:
        told.append(f"Not asked for: {', '.join(map(_line, off))}.")
    if not asked:
        return ["Nobody is left out.", *told]
    rows = [
        (
            f"{_line(step.label)}{'' if step.is_checked else ' (not checked)'}",
            f"{step.n_excluded:,}",
            f"{step.n_left:,}",
        )
        for step in asked
    ]
    return ["Left out before the draw, one after the other:", _table(("rule", "left out", "left"), rows), *told]


def _arms(plan: Plan, drawn: Drawn, currency: str) -> str:
    counts = {arm.arm: arm for arm in drawn.arms}
    rows = [_arm_row(arm, counts.get(arm.name), currency) for arm in plan.arms]
    return _table(("arm", "share", "customers", "what", "how", "per contact", "per buyer"), rows)


def _arm_row(arm: Arm, drawn: ArmDrawn | None, currency: str) -> tuple[str, ...]:
    n = f"{drawn.n_customers:,}" if drawn else "-"
    if arm.action is None:
        return (_line(arm.name), _percent(arm.share), n, "nothing: the control", "-", "-", "-")
    return (
        _line(arm.name),
        _percent(arm.share),
        n,
        _offer(ACTIONS[arm.action], _line(arm.text)),
        CHANNELS[arm.channel] if arm.channel else "-",
        _money(arm.contact_cost, currency),
        _money(arm.offer_cost, currency),
    )


def _offer(action: str, text: str) -> str:
    """Action and text, as "Call: ask what went wrong"; a text that begins with the action's word says it already.

    >>> _offer("Call", "Call: ask what went wrong"), _offer("Coupon", "10 % off"), _offer("Survey", "")
    ('Call: ask what went wrong', 'Coupon: 10 % off', 'Survey')
    """
    first = re.split(r"\W", text, maxsplit=1)[0]
    return text if first.casefold() == action.casefold() else f"{action}: {text}" if text else action


def _without_control(plan: Plan) -> list[str]:
    if plan.is_measurable:
        return []
    return [
        f"**There is no control, so what the campaign changes cannot be measured.** Reason given: "
        f"{_line(plan.no_control_reason)}"
    ]


def _how_drawn(drawn: Drawn) -> str:
    strata = "" if len(drawn.strata) < 2 else f", balanced within {len(drawn.strata)} groups of like tier and value"
    return (
        f"Who gets which arm is drawn by lot{strata}. The lot follows from the campaign's id and the customer's id "
        "alone, so anybody can draw again and gets the same."
    )


def _time(plan: Plan, drawn: Drawn) -> list[str]:
    told = [f"First day of contact: {plan.starts_on:%-d %b %Y}." if plan.starts_on else "The first day is not set yet."]
    if plan.per_week is not None:
        weeks = _counted(len(drawn.waves), "week")
        told.append(
            f"At most {plan.per_week:,} customers a week, controls counted: {weeks}, each with every arm in its share. "
            "A customer's days begin with the customer's own week."
        )
    return [*told, f"{ENTRIES[plan.entry]}."]


def _how_sure(plan: Plan) -> list[str]:
    if not plan.is_measurable:
        return []
    several = f", shared by {len(plan.treatments)} treatments" if len(plan.treatments) > 1 else ""
    return [
        f"The smallest effect is to be found with {_percent(plan.power)} chance if it is there; an effect that is not "
        f"there is found with {_percent(plan.alpha)} at most{several}."
    ]


def _reading(plan: Plan, drawn: Drawn, currency: str) -> list[str]:
    entry = OUTCOMES[plan.goal.outcome]
    if not plan.is_measurable:
        return ["Counts, contacts and orders are shown; an effect is not, because there is nobody to compare with."]
    told = [
        f"What decides: {entry.label}, each treatment minus the control, compared within the groups of the draw and "
        f"shown with the range that the true difference is in with {_percent(1 - plan.alpha)} confidence.",
        "Everybody who was drawn counts, contacted or not, once the customer's days are over.",
    ]
    if entry.kind == "mean":
        told.append(
            "What each customer did in as many days before the start is taken into account, which takes off a part of "
            "the chance in the numbers."
        )
    if len(plan.treatments) > 1:
        told.append(f"With {len(plan.treatments)} treatments one may look good by chance, so each has to show more.")
    told += [
        f"Guardrail: {OUTCOMES[rail.outcome].label} may get worse by less than "
        f"{_size(OUTCOMES[rail.outcome], rail.margin, currency)}."
        for rail in plan.goal.guardrails
    ]
    told += [
        "All other outcomes are hints for the next campaign and decide nothing; among many some look good by chance, "
        "which is corrected for.",
        _SEQUENCE if _is_sequence(plan, drawn) else _LOOKS,
        "No verdict is given while the arms are clearly not as large as they were drawn or customers are in several of "
        "them.",
    ]
    return [_bullets(told)]


def _terms(plan: Plan, drawn: Drawn) -> list[str]:
    """The methods by their names, for whoever checks them."""
    lot = "The lot: a hash of the customer's id with the campaign's id as the seed."
    if not plan.is_measurable:
        return [lot]
    kind = OUTCOMES[plan.goal.outcome].kind
    told = [lot, f"What decides: {_RATE_TEST if kind == 'rate' else _MEAN_TEST}."]
    if kind == "mean":
        told.append("What each customer did before the start: CUPED.")
    if len(plan.treatments) > 1:
        told.append("Several treatments: Holm's correction.")
    if plan.goal.guardrails:
        told.append("Guardrails: one-sided tests of non-inferiority, not corrected.")
    return [
        *told,
        "All other outcomes: exploratory, Benjamini-Hochberg.",
        _SEQUENCE_TERM if _is_sequence(plan, drawn) else _LOOKS_TERM,
        "Sizes of the arms: tested with p < .001.",
    ]


def _is_sequence(plan: Plan, drawn: Drawn) -> bool:
    """Whether looks are read with a confidence sequence: customers begin at different times."""
    return plan.entry == "rolling" or len(drawn.waves) > 1


def _bullets(lines: Sequence[str]) -> str:
    return "\n".join(f"- {line}" for line in lines)


def _size(entry: Outcome, size: float, currency: str) -> str:
    if entry.unit == "share":
        return f"{100 * size:.3g} points"
    if entry.unit == "currency":
        return f"{_money(size, currency)} per {'order' if entry.kind == 'ratio' else 'customer'}"
    return f"{size:.3g} per customer"


def _money(amount: float, currency: str) -> str:
    return exact_text(amount, currency)


def _percent(share: float) -> str:
    return f"{100 * share:.4g} %"


def _counted(n: int, noun: str) -> str:
    return f"{n:,} {noun}{'' if n == 1 else 's'}"


def _upper(text: str) -> str:
    return text[:1].upper() + text[1:]


def _line(text: str) -> str:
    """Text that a person typed, as one line that breaks no table."""
    return " ".join(text.split()).replace("|", "\\|")


def _table(header: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    lines = [header, tuple("---" for _ in header), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
