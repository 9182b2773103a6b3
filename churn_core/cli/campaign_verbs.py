"""Verbs about campaigns of a workspace: list and show; what is done with one is in modules of its own."""

from __future__ import annotations

import argparse

from churn_core.cli import draw_verbs, holdout_verbs, outcome_verbs, readout_verbs, uplift_verbs
from churn_core.cli.options import Verbs, add_verb, opened_workspace
from churn_core.cli.output import show, table


def add_verbs(verbs: Verbs) -> None:
    """Add ``campaign`` with its own verbs to the parser."""
    summary = "Campaigns of a workspace: draw, export, outcomes, readout, decision."
    parser = verbs.add_parser("campaign", help=summary, description=summary)
    own = parser.add_subparsers(dest="campaign_verb", metavar="VERB", required=True)
    add_verb(own, "list", list_campaigns, "All campaigns, the one changed last first.")
    one = add_verb(own, "show", show_campaign, "The plan of one campaign and where it stands.")
    one.add_argument("campaign", metavar="ID", help="id of the campaign")
    draw_verbs.add_to_campaign(own)
    holdout_verbs.add_to_campaign(own)
    uplift_verbs.add_to_campaign(own)
    outcome_verbs.add_to_campaign(own)
    readout_verbs.add_to_campaign(own)


def list_campaigns(args: argparse.Namespace) -> int:
    """``churn campaign list``."""
    from churn_core.campaigns.over import status_words
    from churn_core.campaigns.store import campaigns
    from churn_core.features.definition import known_until

    warehouse = opened_workspace(args)
    found, end = campaigns(warehouse), known_until(warehouse)
    rows = [
        {"campaign_id": entry.campaign_id, "name": entry.name, "status": entry.status, "starts_at": entry.starts_at}
        for entry in found
    ]
    lines = table(
        ("id", "name", "status", "start"),
        [
            (
                entry.campaign_id,
                entry.name,
                status_words(entry, end).split(":")[0].lower(),
                f"{entry.starts_at:%Y-%m-%d}" if entry.starts_at else "-",
            )
            for entry in found
        ],
    )
    return show(args, {"campaigns": rows}, lines if found else ["There is no campaign in this workspace yet."])


def show_campaign(args: argparse.Namespace) -> int:
    """``churn campaign show``."""
    from churn_core.campaigns.over import status_words
    from churn_core.campaigns.store import campaign
    from churn_core.features.definition import known_until

    warehouse = opened_workspace(args)
    found = campaign(warehouse, args.campaign)
    stands = status_words(found, known_until(warehouse)).split(":")[0].lower()
    result = {
        "campaign_id": found.campaign_id,
        "name": found.name,
        "status": found.status,
        "step": found.step,
        "plan": found.plan.to_json(),
        "plan_sha256": found.plan_sha256,
        "locked_at": found.locked_at,
        "locked_by": found.locked_by,
        "counts": found.counts,
    }
    return show(args, result, [f"{found.name} ({found.campaign_id}), {stands}.", found.plan_text])
