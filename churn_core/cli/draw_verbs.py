"""Verbs about drawing a campaign and its target list: lock, export, join, cancel."""

from __future__ import annotations

import argparse

from churn_core.cli.options import Verbs, add_verb, new_list, opened_workspace, positive
from churn_core.cli.output import ProgressLine, show, table


def add_to_campaign(own: Verbs) -> None:
    """Add lock, export, join and cancel to ``campaign``."""
    lock = add_verb(own, "lock", lock_campaign, "Freeze the plan and draw the arms; done once, never again.")
    lock.add_argument("campaign", metavar="ID", help="id of the campaign")
    lock.add_argument("--dry-run", action="store_true", help="show what would be drawn and change nothing")
    export = add_verb(own, "export", export_list, "Write the target list with its manifest.")
    export.add_argument("campaign", metavar="ID", help="id of the campaign")
    export.add_argument("--out", type=new_list, required=True, metavar="FILE", help="file to write, or a folder")
    export.add_argument("--arm", action="append", default=[], metavar="ARM", help="only this arm (may be repeated)")
    export.add_argument(
        "--wave", action="append", type=positive, default=[], metavar="N", help="only this week (may be repeated)"
    )
    export.add_argument("--with-contact", action="store_true", help="add name, e-mail address and telephone number")
    export.add_argument("--with-control", action="store_true", help="add the control group, marked as such")
    export.add_argument("--form", choices=("csv", "xlsx"), help="default: by the ending of FILE, else csv")
    join = add_verb(own, "join", join_campaign, "Let customers who newly fit the audience join a rolling campaign.")
    join.add_argument("campaign", metavar="ID", help="id of the campaign")
    cancel = add_verb(own, "cancel", cancel_campaign, "Call off a locked campaign; its customers are free for others.")
    cancel.add_argument("campaign", metavar="ID", help="id of the campaign")
    cancel.add_argument("--why", required=True, metavar="TEXT", help="the reason, in a sentence")


def lock_campaign(args: argparse.Namespace) -> int:
    """``churn campaign lock``."""
    from churn_core.campaigns.draw import lock_campaign as lock

    if args.dry_run:
        return _preview(args)
    progress = ProgressLine()
    locked = lock(opened_workspace(args), args.campaign, progress)
    progress.end()
    result = {
        "campaign_id": locked.campaign_id,
        "name": locked.name,
        "status": locked.status,
        "plan_sha256": locked.plan_sha256,
        "locked_at": locked.locked_at,
        "locked_by": locked.locked_by,
        "starts_at": locked.starts_at,
        "ends_at": locked.ends_at,
        "counts": locked.counts,
    }
    return show(args, result, [locked.plan_text.rstrip()])


def _preview(args: argparse.Namespace) -> int:
    from churn_core.campaigns.draw import preview_draw
    from churn_core.campaigns.plan import reminders
    from churn_core.campaigns.store import campaign

    warehouse = opened_workspace(args)
    shown = preview_draw(warehouse, args.campaign)
    lines = table(
        ("arm", "share", "customers"),
        [(arm.arm, f"{100 * arm.planned_share:.4g} %", f"{arm.n_customers:,}") for arm in shown.arms],
    )
    lines += [f"Cannot be locked: {told}" for told in shown.refusals] or ["Can be locked as it is."]
    lines += [f"Look again: {told}" for told in reminders(campaign(warehouse, args.campaign).plan)]
    return show(args, shown.to_dict(), lines)


def export_list(args: argparse.Namespace) -> int:
    """``churn campaign export``."""
    from churn_core.campaigns.target_list import export_campaign

    progress = ProgressLine()
    exported = export_campaign(
        opened_workspace(args),
        args.campaign,
        args.out,
        arms=tuple(args.arm),
        waves=tuple(args.wave),
        with_contact=args.with_contact,
        with_control=args.with_control,
        form=args.form or ("xlsx" if args.out.suffix.lower() == ".xlsx" else "csv"),
        progress=progress,
    )
    progress.end()
    result = {
        "path": str(exported.path),
        "manifest_path": str(exported.manifest_path),
        "n_rows": exported.n_rows,
        "sha256": exported.sha256,
        "manifest": exported.manifest,
    }
    words = f"{exported.n_rows:,} customers written to {exported.path}, the manifest to {exported.manifest_path.name}."
    return show(args, result, [words])


def join_campaign(args: argparse.Namespace) -> int:
    """``churn campaign join``."""
    from churn_core.campaigns.draw import join_campaign as join

    progress = ProgressLine()
    joined = join(opened_workspace(args), args.campaign, progress=progress)
    progress.end()
    if not joined.n_customers:
        return show(args, joined.to_dict(), ["Nobody new fits the audience, so nobody joined."])
    arms = ", ".join(f"{arm} {n:,}" for arm, n in joined.arms.items())
    return show(
        args, joined.to_dict(), [f"{joined.n_customers:,} customers joined ({arms}) and start on {joined.starts_on}."]
    )


def cancel_campaign(args: argparse.Namespace) -> int:
    """``churn campaign cancel``."""
    from churn_core.campaigns.draw import cancel_campaign as cancel

    found = cancel(opened_workspace(args), args.campaign, args.why)
    result = {"campaign_id": found.campaign_id, "status": found.status, "counts": found.counts}
    return show(args, result, [f"{found.name} is called off; its draw is kept, its customers are free."])
