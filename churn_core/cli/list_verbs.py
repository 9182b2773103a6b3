"""Verbs about lists of customers: targets."""

from __future__ import annotations

import argparse

from churn_core.cli.filters import add_filter_options, chosen_filter
from churn_core.cli.options import Verbs, add_verb, new_list, opened_workspace
from churn_core.cli.output import ProgressLine, show


def add_verbs(verbs: Verbs) -> None:
    """Add targets to the parser."""
    targets = add_verb(verbs, "targets", write_targets, "Write the list of customers at risk as CSV.")
    targets.add_argument("--out", type=new_list, required=True, metavar="FILE", help="file to write, or a folder")
    add_filter_options(targets)
    targets.add_argument("--with-contact", action="store_true", help="add name, e-mail address and telephone number")
    targets.add_argument(
        "--sort", default="value_at_risk", metavar="COLUMN", help="order of the rows (default value_at_risk)"
    )


def write_targets(args: argparse.Namespace) -> int:
    """``churn targets``."""
    from churn_core.customers.targets import write_targets as write

    warehouse = opened_workspace(args)
    chosen = chosen_filter(args, warehouse, sort=args.sort)
    progress = ProgressLine()
    export = write(warehouse, chosen, args.out, with_contact=args.with_contact, progress=progress)
    progress.end()
    result = {"path": str(export.path), "n_rows": export.n_rows, "sha256": export.sha256, "run_id": export.run_id}
    words = f"{export.n_rows:,} customers of score run {export.run_id} written to {export.path}."
    return show(args, result, [words])
