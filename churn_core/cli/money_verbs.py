"""Verbs about money: cutoffs, policy."""

from __future__ import annotations

import argparse
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

from churn_core.cli.options import Verbs, add_verb, amount, opened_workspace, positive, probability
from churn_core.cli.output import show, table
from churn_core.warehouse import Warehouse

if TYPE_CHECKING:
    from churn_core.customers.cutoffs import BestCutoff
    from churn_core.customers.scenario import Scenario
    from churn_core.customers.tiers import TierPolicy

TIER_HEADER = ("tier", "customers", "churners, expected", "value at risk")


def add_verbs(verbs: Verbs) -> None:
    """Add cutoffs and policy to the parser."""
    cutoffs = add_verb(verbs, "cutoffs", show_cutoffs, "What contacting everybody from a risk on costs and brings.")
    cutoffs.add_argument(
        "--threshold", type=probability, metavar="RISK", help="contact from this risk on (default: the high tier's)"
    )
    _add_scenario_options(cutoffs)
    cutoffs.add_argument("--save", action="store_true", help="remember these inputs as the scenario")

    policy = add_verb(verbs, "policy", list_policies, "Who counts as high, medium and low risk: list or change it.")
    kinds = policy.add_subparsers(dest="kind", metavar="KIND", help="list when none is named")
    add_verb(kinds, "list", list_policies, "All versions of the tier policy, and which one is active.")
    by_risk = add_verb(kinds, "probability", save_probability, "High and medium from these risks on.")
    by_risk.add_argument("--high", type=probability, required=True, metavar="RISK", help="high from this risk on")
    by_risk.add_argument("--medium", type=probability, required=True, metavar="RISK", help="medium from this risk on")
    by_places = add_verb(kinds, "capacity", save_capacity, "High is whom you can contact before the next scoring.")
    by_places.add_argument("--per-day", type=positive, required=True, metavar="N", help="customers contacted on a day")
    by_places.add_argument("--days", type=positive, default=5, metavar="N", help="days until the next scoring (5)")
    by_places.add_argument(
        "--by", choices=("value_at_risk", "risk"), default="value_at_risk", help="whom first (default value_at_risk)"
    )
    by_profit = add_verb(kinds, "profit", save_profit, "High is whose contact is expected to pay.")
    _add_scenario_options(by_profit)
    again = add_verb(kinds, "activate", activate, "Make an earlier version the active one again.")
    again.add_argument("number", type=positive, metavar="VERSION", help="as 'churn policy list' numbers them")


def _add_scenario_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--contact-cost", type=amount, metavar="AMOUNT", help="cost of one contact")
    parser.add_argument(
        "--offer-cost", type=amount, metavar="AMOUNT", help="cost of the offer per customer who takes it"
    )
    parser.add_argument(
        "--chance", type=_chance, metavar="SHARE", help="chance that the offer saves a churner, 0 to 1, or 'unknown'"
    )
    parser.add_argument("--margin", type=amount, metavar="AMOUNT", help="margin per customer instead of expected value")
    parser.add_argument("--per-day", type=positive, metavar="N", help="customers that can be contacted on a day")
    parser.add_argument("--days", type=positive, metavar="N", help="days of contacting before the next scoring")


def _chance(text: str) -> float | str:
    return text if text == "unknown" else probability(text)


def show_cutoffs(args: argparse.Namespace) -> int:
    """``churn cutoffs``."""
    from churn_core.customers.cutoff_words import cost_words, outcome_sentences
    from churn_core.customers.cutoffs import best_cutoff, outcome, reachable_outcome
    from churn_core.customers.risk_counts import risk_counts
    from churn_core.customers.scenario import save_scenario
    from churn_core.customers.tiers import active_policy

    warehouse = opened_workspace(args)
    scenario = _scenario(warehouse, args)
    counts = risk_counts(warehouse)
    threshold = args.threshold if args.threshold is not None else active_policy(warehouse).high_from
    found, best = outcome(counts, scenario, threshold), best_cutoff(counts, scenario)
    feasible, reachable = best_cutoff(counts, scenario, within_capacity=True), reachable_outcome(counts, scenario)
    unknown = dict(found.unknown)
    if found.cost is None:
        unknown["cost"] = f"{cost_words(found, _number)}, depending on how many take the offer: {unknown['cost']}"
    if args.save:
        save_scenario(warehouse, "A", scenario)
    result = {
        "run_id": counts.run_id,
        "scenario": asdict(scenario),
        **asdict(found),
        "unknown": unknown,
        "reachable": asdict(reachable) if reachable else None,
        "best": asdict(best) if best else None,
        "best_within_capacity": asdict(feasible) if feasible else None,
    }
    rows = [("cost", cost_words(found, _number)), ("saved margin", _number(found.saved_margin))]
    rows += [("profit", _number(found.profit))]
    rows += [(name, _share(getattr(found, name))) for name in ("precision", "recall", "f1")]
    lines = [*outcome_sentences(found, reachable=reachable), "", *table(("measure, expected", "value"), rows)]
    lines += [f"Unknown: {reason}" for reason in dict.fromkeys(found.unknown.values())]
    if best:
        lines.append(f"Most profit: {_best_words(best)}")
    if feasible and feasible != best:
        lines.append(f"Most within the {found.capacity or 0:,} that can be contacted: {_best_words(feasible)}")
    return show(args, result, lines)


def _best_words(best: BestCutoff) -> str:
    where = f"from a risk of {_share(best.threshold)} on" if best.threshold is not None else "with contacting nobody"
    return f"{_number(best.profit)} {where}, {best.n_contacted:,} contacts."


def list_policies(args: argparse.Namespace) -> int:
    """``churn policy list``."""
    from churn_core.customers.tiers import active_policy, policy_words, saved_policies

    warehouse = opened_workspace(args)
    found = saved_policies(warehouse)
    result = [
        {
            "version": saved.policy.version,
            "kind": saved.policy.kind,
            "rule": policy_words(saved.policy),
            "is_active": saved.is_active,
            "saved_at": saved.policy.saved_at,
            "saved_by": saved.saved_by,
        }
        for saved in found
    ]
    if not found:
        return show(args, result, [f"Nothing was saved yet; proposed: {policy_words(active_policy(warehouse))}"])
    lines = [
        f"{saved.policy.version}{' (active)' if saved.is_active else ''}: {policy_words(saved.policy)}"
        for saved in found
    ]
    return show(args, result, lines)


def save_probability(args: argparse.Namespace) -> int:
    """``churn policy probability``."""
    from churn_core.customers.tiers import TierPolicy

    return _saved(args, opened_workspace(args), TierPolicy(high_from=args.high, medium_from=args.medium))


def save_capacity(args: argparse.Namespace) -> int:
    """``churn policy capacity``."""
    from churn_core.customers.tiers import CapacityRule, policy_with

    warehouse = opened_workspace(args)
    rule = CapacityRule(per_day=args.per_day, n_days=args.days, order=args.by)
    return _saved(args, warehouse, policy_with(warehouse, capacity=rule))


def save_profit(args: argparse.Namespace) -> int:
    """``churn policy profit``."""
    from churn_core.customers.tiers import policy_with

    warehouse = opened_workspace(args)
    return _saved(args, warehouse, policy_with(warehouse, profit=_scenario(warehouse, args)))


def activate(args: argparse.Namespace) -> int:
    """``churn policy activate``."""
    from churn_core.customers.tiers import activate_policy

    warehouse = opened_workspace(args)
    return _shown(args, warehouse, activate_policy(warehouse, args.number))


def _scenario(warehouse: Warehouse, args: argparse.Namespace) -> Scenario:
    """The remembered scenario A with what was given."""
    from churn_core.customers.scenario import saved_scenarios

    given: dict[str, Any] = {
        name: getattr(args, option)
        for name, option in (
            ("contact_cost", "contact_cost"),
            ("offer_cost", "offer_cost"),
            ("chance", "chance"),
            ("margin", "margin"),
            ("per_day", "per_day"),
            ("n_days", "days"),
        )
        if getattr(args, option) is not None
    }
    if given.get("chance") == "unknown":
        given["chance"] = None
    return replace(saved_scenarios(warehouse)["A"], **given)


def _saved(args: argparse.Namespace, warehouse: Warehouse, policy: TierPolicy) -> int:
    from churn_core.customers.tiers import save

    return _shown(args, warehouse, save(warehouse, policy))


def _shown(args: argparse.Namespace, warehouse: Warehouse, policy: TierPolicy) -> int:
    """The active policy with what it did to the latest run."""
    from churn_core.customers.tiers import policy_words, tier_counts
    from churn_core.models.runs import latest_run

    counts = tier_counts(warehouse, policy) if latest_run(warehouse) else ()
    result = {
        "version": policy.version,
        "kind": policy.kind,
        "rule": policy_words(policy),
        "tiers": [asdict(found) for found in counts],
    }
    lines = [
        f"Tier policy {policy.version} is active. {policy_words(policy)}",
        "The alert queue follows with the next scoring or 'churn alerts refresh'.",
    ]
    lines += (
        table(
            TIER_HEADER,
            [
                (found.tier, f"{found.n_customers:,}", f"{found.churners:,.0f}", _number(found.value_at_risk))
                for found in counts
            ],
        )
        if counts
        else ["It will be applied by the next scoring."]
    )
    return show(args, result, lines)


def _number(value: float | None) -> str:
    return "unknown" if value is None else f"{value:,.2f}"


def _share(value: float | None) -> str:
    return "unknown" if value is None else f"{100 * value:.1f} %"
