"""Verbs about what became of a campaign's customers: outcomes from a file, and the funnel of its messages."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from pathlib import Path

from churn_core.cli.data_verbs import add_reading_options, opened_source
from churn_core.cli.options import Verbs, add_verb, opened_workspace
from churn_core.cli.output import ProgressLine, show, table
from churn_core.errors import InputError


def add_to_campaign(own: Verbs) -> None:
    """Add outcomes and funnel to ``churn campaign``."""
    outcomes = add_verb(own, "outcomes", bring_outcomes, "Bring a campaign's outcomes from a file, or take them back.")
    outcomes.add_argument("campaign", metavar="ID", help="id of the campaign")
    outcomes.add_argument(
        "file", type=Path, metavar="FILE", nargs="?", help="one row per customer: the id and what came of it"
    )
    add_reading_options(outcomes)
    outcomes.add_argument(
        "--metric", action="append", default=[], metavar="COLUMN[:rate|mean]", help="an outcome; repeatable"
    )
    outcomes.add_argument("--id", metavar="COLUMN", help="column of the customer id (default: found by its values)")
    outcomes.add_argument("--arm", metavar="COLUMN", help="column of the arm, to check against the draw")
    outcomes.add_argument("--time", metavar="COLUMN", help="column of the outcome's date, to check against the window")
    outcomes.add_argument(
        "--missing-is-zero", action="store_true", help="customers missing in the file, and empty values, count as 0"
    )
    outcomes.add_argument("--forget", metavar="METRIC", help="take back an outcome that came in a file")
    one = add_verb(own, "funnel", show_funnel, "What became of a campaign's messages, per arm; no effect.")
    one.add_argument("campaign", metavar="ID", help="id of the campaign")


def bring_outcomes(args: argparse.Namespace) -> int:
    """``churn campaign outcomes``."""
    from churn_core.campaigns.outcome_files import forget_outcomes, import_outcomes
    from churn_core.campaigns.store import required_locked

    warehouse = opened_workspace(args)
    if args.forget is not None:
        if args.file is not None or args.metric:
            raise InputError("--forget takes back an outcome and --metric brings one; give one of them.")
        forget_outcomes(warehouse, args.campaign, args.forget)
        return show(args, {"forgotten": args.forget}, [f"{args.forget} of a file was taken back."])
    if args.file is None or not args.metric:
        raise InputError("give the file and at least one --metric COLUMN of it, or --forget METRIC.")
    required_locked(warehouse, args.campaign)
    metrics: dict[str, str] = {}
    for asked in args.metric:
        column, _, kind = asked.rpartition(":") if asked.endswith((":rate", ":mean")) else (asked, "", "")
        metrics[column] = kind
    progress = ProgressLine()
    source, _ = opened_source(args, progress)
    found = import_outcomes(
        warehouse,
        args.campaign,
        source,
        metrics=metrics,
        id_column=args.id,
        arm_column=args.arm,
        time_column=args.time,
        missing_is_zero=args.missing_is_zero,
    )
    progress.end()
    return show(args, found.to_dict(), [found.message])


def show_funnel(args: argparse.Namespace) -> int:
    """``churn campaign funnel``."""
    from churn_core.campaigns.funnel import REACHED_NOTE, funnel
    from churn_core.campaigns.store import required_locked

    warehouse = opened_workspace(args)
    found = funnel(warehouse, required_locked(warehouse, args.campaign))
    result = {"arms": {arm: asdict(entry) for arm, entry in found.items()}, "reached_note": REACHED_NOTE}
    if not any(step.n_contacts for entry in found.values() for step in entry.steps):
        words = "No contacts of this campaign are in the workspace; import them with the campaign's id as campaign."
        return show(args, result, [words])
    rows = [
        (entry.arm, f"{entry.n_assigned:,}", step.label, f"{step.n_customers:,}", _percent(step.of_assigned),
         _percent(step.of_sent))
        for entry in found.values() for step in entry.steps if step.n_customers
    ]  # fmt: skip
    lines = table(("arm", "drawn", "message", "customers", "of drawn", "of sent"), rows)
    reached = [entry for entry in found.values() if entry.reached.n]
    if reached:
        told = ", ".join(f"{entry.arm} {_percent(entry.reached.value)} of {entry.reached.n:,}" for entry in reached)
        lines += ["", f"Ordered among those reached: {told}.", REACHED_NOTE]
    return show(args, result, lines)


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{share:.1%}"
