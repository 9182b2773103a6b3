"""``churn experiment plan``: a campaign of a workspace sized up, and kept as a draft when asked for."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from churn_core.cli.filters import add_filter_options, chosen_filter
from churn_core.cli.options import Verbs, add_verb, amount, date, opened_workspace, positive, probability
from churn_core.cli.output import show, table
from churn_core.errors import InputError

if TYPE_CHECKING:
    from churn_core.campaigns.plan import Arm, Plan
    from churn_core.campaigns.playbook import Suggestion
    from churn_core.campaigns.sizing import PlanSize
    from churn_core.campaigns.store import Campaign
    from churn_core.warehouse import Warehouse

GOALS = ("retained", "orders", "spend", "margin", "repurchase")


def add_plan(verbs: Verbs) -> None:
    """Add ``plan`` to the verbs of ``churn experiment``."""
    plan = add_verb(verbs, "plan", plan_campaign, "Size up a campaign on the customers of a workspace.")
    plan.add_argument("--goal", choices=GOALS, default="retained", help="what it is for (default: retained)")
    plan.add_argument("--window", type=positive, default=60, metavar="DAYS", help="outcome window (default 60)")
    effect = plan.add_mutually_exclusive_group()
    effect.add_argument("--points", type=amount, help="smallest effect on a rate, .02 for 2 points")
    effect.add_argument("--lift", type=amount, help="smallest effect as a part of the baseline, .1 for 10 percent more")
    effect.add_argument("--amount", type=amount, help="smallest effect on an amount or number per customer")
    add_filter_options(plan)
    plan.add_argument(
        "--ids", type=Path, metavar="FILE", help="only the customers whose ids are in this file, instead of a filter"
    )
    plan.add_argument("--treatments", type=positive, default=1, help="treatments besides the control (default 1)")
    plan.add_argument(
        "--control-share", type=probability, metavar="SHARE", help="share of the control (default: equal arms)"
    )
    plan.add_argument(
        "--per-week",
        type=positive,
        metavar="N",
        help="customers of the audience who start per week, those of the control counted",
    )
    plan.add_argument("--start", type=date, metavar="DATE", help="first day of contact (default: proposed)")
    plan.add_argument("--power", type=probability, default=0.8, help="chance to find the effect (default .8)")
    plan.add_argument("--alpha", type=probability, default=0.05, help="chance to find what is not there (default .05)")
    plan.add_argument("--save", metavar="NAME", help="keep it as a draft of this name")


def plan_campaign(args: argparse.Namespace) -> int:
    """``churn experiment plan``."""
    from churn_core.campaigns.audience import audience_total
    from churn_core.campaigns.exclusions import required_eligible
    from churn_core.campaigns.playbook import suggestions
    from churn_core.campaigns.sizing import plan_size
    from churn_core.campaigns.store import create_draft
    from churn_core.settings import settings

    warehouse = opened_workspace(args)
    with _asked(warehouse, args) as (asked, told):
        total = audience_total(warehouse, asked)
        left = required_eligible(warehouse, asked)
        size = plan_size(warehouse, asked)
        proposed = suggestions(warehouse, asked)
    kept = None if args.save is None else asked if args.ids is not None else create_draft(warehouse, asked.plan)
    result: dict[str, Any] = {
        "campaign_id": kept.campaign_id if kept else None,
        "audience": asdict(total),
        "exclusions": [asdict(step) for step in left.steps],
        "n_left": left.n_left,
        "size": size.to_dict(),
        "suggestions": [asdict(entry) for entry in proposed],
        "plan": asked.plan.to_json(),
    }
    lines = [
        *[told] * bool(told),
        f"Audience: {total.n_customers:,} customers.",
        *table(
            ("exclusion", "left out", "left"),
            [(step.label, f"{step.n_excluded:,}", f"{step.n_left:,}") for step in left.steps],
        ),
        *[f"{step.label}: {step.note}" for step in left.steps if step.is_warning],
        "",
        *_size_lines(size, asked.plan, settings(warehouse).currency),
    ]
    lines += ["", "What fits this audience:", *[_suggested(entry) for entry in proposed]] * bool(proposed)
    lines += [f"Kept as draft {kept.campaign_id} ({kept.name})."] if kept else []
    return show(args, result, lines)


def _suggested(entry: Suggestion) -> str:
    from churn_core.campaigns.plan import ACTIONS

    return f'- {entry.label}: {ACTIONS[entry.arm.action or ""].lower()}, "{entry.arm.text}". {entry.why}'


@contextmanager
def _asked(warehouse: Warehouse, args: argparse.Namespace) -> Iterator[tuple[Campaign, str]]:
    """The draft that the options describe, and what was understood of a list of ids.

    A list belongs to a draft that is kept, so it makes one, which is forgotten again unless ``--save`` names it. A
    filter makes a draft that is kept nowhere.
    """
    from churn_core.campaigns.store import campaign, create_draft, delete_draft, save_draft

    if args.ids is None:
        yield _described(warehouse, args), ""
        return
    described = _described(warehouse, args)
    kept = create_draft(warehouse, described.plan)
    is_kept = False
    try:
        told = _give_ids(warehouse, kept.campaign_id, args.ids)
        if args.lift is not None:
            save_draft(warehouse, kept.campaign_id, _with_lift(warehouse, kept, args.lift), step=kept.step)
        yield campaign(warehouse, kept.campaign_id), told
        is_kept = args.save is not None
    finally:
        if not is_kept:
            delete_draft(warehouse, kept.campaign_id)


def _give_ids(warehouse: Warehouse, campaign_id: str, path: Path) -> str:
    """Give a draft the ids of a file; what was understood of it."""
    from churn_core.campaigns.id_lists import give_list_of_file
    from churn_core.intake.formats import open_source

    return give_list_of_file(warehouse, campaign_id, "audience", open_source(path)).message


def _described(warehouse: Warehouse, args: argparse.Namespace) -> Campaign:
    """The plan that the options describe, as a draft that is kept nowhere."""
    from churn_core.campaigns.plan import Goal, Plan
    from churn_core.campaigns.start import default_start
    from churn_core.campaigns.store import Campaign
    from churn_core.customers.selection import CustomerFilter
    from churn_core.warehouse import acting_person, utc_now

    _check_effect(args)
    audience = chosen_filter(args, warehouse)
    if args.ids is not None and audience != CustomerFilter():
        raise InputError("--ids names the customers themselves; leave out the options that filter, or --ids.")
    plan = Plan(
        name=" ".join((args.save or "").split()),
        goal=Goal(outcome=args.goal, window_days=args.window, smallest_effect=args.points or args.amount),
        audience=audience,
        is_listed=args.ids is not None,
        arms=_arms(args.treatments, args.control_share),
        starts_on=args.start.date() if args.start else default_start(warehouse),
        per_week=args.per_week,
        power=args.power,
        alpha=args.alpha,
    )
    now = utc_now()
    asked = Campaign(
        campaign_id="", status="draft", plan=plan, step=1, created_at=now, created_by=acting_person(), changed_at=now
    )
    if args.lift is None or args.ids is not None:
        return asked
    return replace(asked, plan=_with_lift(warehouse, asked, args.lift))


def _check_effect(args: argparse.Namespace) -> None:
    from churn_core.campaigns.goals import OUTCOMES

    is_rate = OUTCOMES[args.goal].kind == "rate"
    if args.amount is not None and is_rate:
        raise InputError(f"the goal {args.goal!r} is a rate; give its effect as --points .02 or --lift .1.")
    if args.points is not None and not is_rate:
        raise InputError(f"the goal {args.goal!r} is no rate; give its effect as --amount 2.5 or --lift .1.")


def _arms(n_treatments: int, control_share: float | None) -> tuple[Arm, ...]:
    from churn_core.campaigns.plan import CONTROL, Arm
    from churn_core.campaigns.sizing import equal_shares

    names = ["coupon", *(f"coupon {number}" for number in range(2, n_treatments + 1))]
    control = Arm(name=CONTROL, share=1.0)
    treatments = tuple(Arm(name=name, share=1.0, action="coupon", channel="email") for name in names)
    if control_share is None:
        return equal_shares((control, *treatments))
    if not 0 < control_share < 1:
        raise InputError(f"the control's share is {control_share:g}; choose a share between 0 and 1.")
    each = (1 - control_share) / n_treatments
    return (replace(control, share=control_share), *(replace(arm, share=each) for arm in treatments))


def _with_lift(warehouse: Warehouse, asked: Campaign, lift: float) -> Plan:
    """The plan with its effect as a part of the baseline."""
    from churn_core.campaigns.sizing import plan_baseline

    used, _, why = plan_baseline(warehouse, asked)
    if used is None:
        raise InputError(f"--lift is a part of a baseline that is not known: {why}")
    return replace(asked.plan, goal=replace(asked.plan.goal, smallest_effect=lift * used.value))


def _size_lines(size: PlanSize, plan: Plan, currency: str) -> list[str]:
    from churn_core.campaigns.sizing import effect_words

    lines = [size.verdict[:1].upper() + size.verdict[1:]]
    lines += [f"- {remedy}" for remedy in size.remedies]
    if size.baseline is not None:
        level = f"{100 * size.baseline.value:.1f} %" if plan.goal.outcome in ("retained", "repurchase") else None
        lines.append(
            f"Without the campaign: {level or f'{size.baseline.value:,.2f} per customer'}, {size.baseline.told}"
        )
    if size.mde is not None:
        lines.append(f"Smallest effect found: {effect_words(size.outcome, size.mde, currency)}.")
    if size.needed:
        rows = [(arm, f"{n:,}", f"{size.available[arm]:,}") for arm, n in size.needed.items()]
        lines += table(("arm", "needed", "there are"), rows)
    days = f"{size.days_until_answer:,} days from the first contact to the answer"
    return [*lines, f"{days}, {size.days_to_contact:,} of them to contact everybody." if plan.per_week else f"{days}."]
