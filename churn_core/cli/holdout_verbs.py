"""Verbs about the global holdout: campaign holdout."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from typing import TYPE_CHECKING

from churn_core.cli.options import Verbs, add_verb, date, opened_workspace, probability
from churn_core.cli.output import show, table
from churn_core.errors import InputError

if TYPE_CHECKING:
    from churn_core.campaigns.holdout import Holdout
    from churn_core.warehouse import Warehouse

ACTIONS = ("show", "start", "reshuffle", "end")


def add_to_campaign(own: Verbs) -> None:
    """Add ``holdout`` to the verbs of ``churn campaign``."""
    parser = add_verb(own, "holdout", run_holdout, "Customers kept out of all campaigns: show, start, reshuffle, end.")
    parser.add_argument("action", nargs="?", choices=ACTIONS, default="show", help="what to do (default: show)")
    parser.add_argument("--share", type=probability, metavar="SHARE", help="share of customers, like .05 (start)")
    parser.add_argument(
        "--reshuffle-on", type=date, metavar="DATE", help="day for which a new draw is planned (start, reshuffle)"
    )
    parser.add_argument("--never", action="store_true", help="plan no further draw (reshuffle)")
    parser.add_argument("--customer", metavar="ID", help="in which generations this customer was (show)")


def run_holdout(args: argparse.Namespace) -> int:
    """``churn campaign holdout``."""
    from churn_core.campaigns.holdout import end_holdout, reshuffle, start_holdout

    _check_options(args)
    warehouse = opened_workspace(args)
    if args.action == "show":
        return _show_customer(args, warehouse) if args.customer else _show(args, warehouse)
    day = args.reshuffle_on.date() if args.reshuffle_on else None
    if args.action == "start":
        found, verb = start_holdout(warehouse, args.share, day), "Started"
    elif args.action == "reshuffle":
        found, verb = reshuffle(warehouse, day, share=args.share, is_last=args.never), "Reshuffled"
    else:
        found, verb = end_holdout(warehouse), "Ended"
    return show(args, asdict(found), [f"{verb}: {_words(found)}"])


def _check_options(args: argparse.Namespace) -> None:
    if args.customer and args.action != "show":
        raise InputError("--customer belongs to 'holdout show'.")
    if args.action in ("show", "end") and (args.share is not None or args.reshuffle_on):
        raise InputError(f"--share and --reshuffle-on belong to start and reshuffle, not to 'holdout {args.action}'.")
    if args.never and (args.action != "reshuffle" or args.reshuffle_on):
        raise InputError("--never belongs to 'holdout reshuffle', in place of --reshuffle-on; start without a day.")


def _show(args: argparse.Namespace, warehouse: Warehouse) -> int:
    from churn_core.campaigns.holdout import holdout_history, propose_share

    history = holdout_history(warehouse)
    running = next((found for found in history if found.ended_at is None), None)
    proposal = None if running else propose_share(warehouse)
    lines = [_words(running)] if running else ["Nobody is held out."]
    if proposal and proposal.share is not None:
        lines.append(f"Proposed: {proposal.why}")
    elif proposal:
        lines.append(f"No holdout is proposed: {proposal.why}")
    if running and running.is_due:
        lines.append("The planned reshuffle is due: churn campaign holdout reshuffle.")
    if history:
        lines += table(
            ("generation", "share", "held out", "drawn", "from", "until"), [_row(found) for found in history]
        )
    result = {
        "current": asdict(running) if running else None,
        "proposal": asdict(proposal) if proposal else None,
        "history": [asdict(found) for found in history],
    }
    return show(args, result, lines)


def _show_customer(args: argparse.Namespace, warehouse: Warehouse) -> int:
    from churn_core.campaigns.holdout import memberships

    found = memberships(warehouse, args.customer)
    lines = [
        f"Generation {entry.generation}: {'held out' if entry.is_held_out else 'not held out'} since "
        f"{entry.since:%Y-%m-%d}{f' until {entry.until:%Y-%m-%d}' if entry.until else ''}."
        for entry in found
    ]
    result = {"customer_id": args.customer, "memberships": [asdict(entry) for entry in found]}
    return show(args, result, lines or [f"Customer {args.customer!r} was never drawn for a holdout."])


def _words(found: Holdout) -> str:
    planned = f", reshuffle planned for {found.reshuffle_at:%Y-%m-%d}" if found.reshuffle_at else ""
    waiting = f", {found.n_waiting:,} new customers are drawn before the next campaign" if found.n_waiting else ""
    small = (
        "; so few tell the effect of the whole programme only roughly" if found.is_small and not found.ended_at else ""
    )
    return (
        f"generation {found.generation} holds out {found.n_held_out:,} of {found.n_customers:,} customers "
        f"({100 * found.share:g} % asked for) from {found.started_at:%Y-%m-%d}"
        f"{f' until {found.ended_at:%Y-%m-%d}' if found.ended_at else planned}{waiting}{small}."
    )


def _row(found: Holdout) -> tuple[str, ...]:
    return (
        str(found.generation),
        f"{100 * found.share:g} %",
        f"{found.n_held_out:,}",
        f"{found.n_customers:,}",
        f"{found.started_at:%Y-%m-%d}",
        f"{found.ended_at:%Y-%m-%d}" if found.ended_at else "-",
    )
