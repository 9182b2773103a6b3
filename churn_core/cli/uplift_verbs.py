"""Verbs about who can be saved: campaign uplift, and experiment uplift on any file."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from churn_core.cli.data_verbs import add_reading_options, opened_source
from churn_core.cli.options import Verbs, add_verb, opened_workspace
from churn_core.cli.output import ProgressLine, show, table
from churn_core.errors import NotFound

if TYPE_CHECKING:
    from churn_core.campaigns.uplift_store import StoredUplift


def add_to_campaign(own: Verbs) -> None:
    """Add ``campaign uplift``."""
    uplift = add_verb(own, "uplift", uplift_of_campaign, "Learn from a finished campaign who responds, or show it.")
    uplift.add_argument("what", choices=("learn", "show"), help="learn from a campaign, or show what was learnt")
    uplift.add_argument("campaign", metavar="ID", nargs="?", help="id of the campaign (show: default the newest)")
    uplift.add_argument("--arm", metavar="NAME", help="treatment, where there are several")


def add_to_experiment(own: Verbs) -> None:
    """Add ``experiment uplift``."""
    uplift = add_verb(own, "uplift", uplift_of_file, "Who responds to a treatment, from any file.", workspace=False)
    uplift.add_argument("file", type=Path, metavar="FILE", help="one row per customer: arm, outcome, what was known")
    add_reading_options(uplift)
    uplift.add_argument("--arm", required=True, metavar="COLUMN", help="column of the arm")
    uplift.add_argument("--control", required=True, metavar="VALUE", help="the arm that got nothing")
    uplift.add_argument("--treatment", metavar="VALUE", help="the arm that is learnt about, where there are several")
    uplift.add_argument("--outcome", required=True, metavar="COLUMN", help="what came of it: yes or no, or an amount")
    uplift.add_argument(
        "--feature", action="append", default=[], metavar="COLUMN", help="learn from this column, and those named alike"
    )
    uplift.add_argument(
        "--leave-out", action="append", default=[], metavar="COLUMN", help="not known before the draw; repeatable"
    )
    uplift.add_argument("--seed", type=int, default=0, help="seed of folds and bootstrap (default 0)")


def uplift_of_campaign(args: argparse.Namespace) -> int:
    """``churn campaign uplift learn|show``."""
    from churn_core.campaigns.uplift import latest_uplift, learn_from_campaign

    warehouse = opened_workspace(args)
    if args.what == "learn":
        if not args.campaign:
            raise NotFound("say from which campaign to learn: its id stands in 'churn campaign list'.")
        progress = ProgressLine()
        found: StoredUplift | None = learn_from_campaign(warehouse, args.campaign, args.arm, progress)
        progress.end()
    else:
        found = latest_uplift(warehouse, args.campaign)
    if found is None:
        raise NotFound("nothing was learnt from a campaign yet; 'churn campaign uplift learn ID' does that.")
    currency = str(warehouse.setting("currency", "") or "")
    return show(args, _as_dict(warehouse, found, currency), _campaign_lines(warehouse, found, currency))


def uplift_of_file(args: argparse.Namespace) -> int:
    """``churn experiment uplift``."""
    from churn_core.campaigns.uplift_file import file_trial
    from churn_core.campaigns.uplift_study import study
    from churn_core.campaigns.uplift_words import verdict

    progress = ProgressLine()
    source, _ = opened_source(args, progress)
    rows = file_trial(
        source,
        arm=args.arm,
        control=args.control,
        treatment=args.treatment,
        outcome=args.outcome,
        features=args.feature,
        leave_out=args.leave_out,
    )
    found = study(rows.trial, seed=args.seed, progress=progress).to_dict()
    progress.end()
    told = verdict(found)
    result = {
        "verdict": told,
        "features": list(rows.features),
        "left_out": [{"column": name, "reason": why} for name, why in rows.left_out],
        **found,
    }
    lines = [told, "", f"Learnt from {', '.join(rows.features)}."]
    lines += [f"Left out: {name} ({why})." for name, why in rows.left_out]
    return show(args, result, [*lines, "", *study_lines(found)])


def study_lines(found: Mapping[str, Any], currency: str = "") -> list[str]:
    """Qini, the best share against the average, tenths of the ranking and the learners, as lines of text."""
    from churn_core.campaigns.uplift_words import between, effect, number, qini_name

    ranking = found["ranking"]
    lines = []
    for name, entry in ((qini_name(found), ranking["qini"]), ("AUUC", ranking["auuc"])):
        lines.append(
            f"{name}: not defined: {entry['reason']}"
            if entry["value"] is None
            else f"{name}: {number(entry['value'])} (95 % between {number(entry['low'])} and {number(entry['high'])})."
        )
    share = f"{100 * ranking['top_share']:.0f} %"
    lines += [
        f"Effect among the top {share}: {between(ranking['top_effect'], found, currency)}.",
        f"Effect on average: {between(ranking['average_effect'], found, currency)}.",
        f"Difference of the two: {between(ranking['top_gain'], found, currency)}.",
        "",
    ]
    rows = [
        (
            entry["label"],
            f"{entry['n_control']:,}",
            f"{entry['n_treatment']:,}",
            between(entry["difference"], found, currency),
            effect(entry["predicted"], found, currency),
        )
        for entry in (*found["deciles"], *found["tiers"])
    ]
    lines += table(("part", "control", "treated", "effect", "expected"), rows)
    if found["responses"]:
        lines += ["", *_response_lines(found["responses"])]
    lines += ["", f"Learner: {found['learner']}."]
    return lines


def _response_lines(responses: Sequence[Mapping[str, Any]]) -> list[str]:
    from churn_core.campaigns.uplift_words import MODEL_WORDS

    parts = [f"{entry['response']} {100 * entry['share']:.0f} %" for entry in responses]
    return [f"By the model's estimate: {', '.join(parts)}.", MODEL_WORDS]


def _as_dict(warehouse: Any, found: StoredUplift, currency: str) -> dict[str, Any]:
    from churn_core.campaigns.uplift_words import verdict

    return {
        "uplift_version": found.uplift_version,
        "campaign_id": found.campaign_id,
        "arm": found.arm,
        "learner": found.learner,
        "is_active": found.is_active,
        "verdict": verdict(found.study, currency=currency),
        "proposal": _proposal(warehouse, found),
        "study": dict(found.study),
        "money": asdict(found.money),
        "n_assigned": found.n_assigned,
        "n_incomplete": found.n_incomplete,
        "n_unseen": found.n_unseen,
    }


def _campaign_lines(warehouse: Any, found: StoredUplift, currency: str) -> list[str]:
    from churn_core.campaigns.uplift_words import verdict

    proposal = _proposal(warehouse, found)
    lines = [verdict(found.study, currency=currency), *([proposal["told"]] if proposal else []), ""]
    lines += study_lines(found.study, currency)
    lines.append(
        f"{found.n_assigned:,} customers were drawn; {found.n_incomplete:,} have no complete window or no outcome, "
        f"{found.n_unseen:,} had no order before the start."
    )
    return lines


def _proposal(warehouse: Any, found: StoredUplift) -> dict[str, Any] | None:
    from churn_core.campaigns.store import campaign
    from churn_core.campaigns.uplift_proposal import proposed_campaign

    if found.has_evidence:
        return None
    return proposed_campaign(warehouse, before=campaign(warehouse, found.campaign_id), learnt=found).to_dict()
