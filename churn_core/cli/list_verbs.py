"""Verbs about lists of customers: targets."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from churn_core.cli.options import Verbs, add_verb, amount, new_list, opened_workspace, probability
from churn_core.cli.output import ProgressLine, show
from churn_core.errors import InputError, unknown_name
from churn_core.warehouse import Warehouse

TIERS = ("high", "medium", "low")


def add_verbs(verbs: Verbs) -> None:
    """Add targets to the parser."""
    targets = add_verb(verbs, "targets", write_targets, "Write the list of customers at risk as CSV.")
    targets.add_argument("--out", type=new_list, required=True, metavar="FILE", help="file to write, or a folder")
    targets.add_argument("--tier", action="append", choices=TIERS, help="only this tier; can be given more than once")
    targets.add_argument("--min-value", type=amount, metavar="AMOUNT", help="least value at risk")
    targets.add_argument("--max-value", type=amount, metavar="AMOUNT", help="greatest value at risk")
    targets.add_argument("--min-risk", type=probability, metavar="RISK", help="least risk, from 0 to 1")
    targets.add_argument(
        "--reason", action="append", metavar="GROUP", help="only customers whose main reason is of this group"
    )
    targets.add_argument(
        "--attribute",
        action="append",
        metavar="NAME=VALUE",
        help="only customers with this attribute, like country=France",
    )
    targets.add_argument("--segment", metavar="NAME", help="only members of this saved segment")
    targets.add_argument("--with-contact", action="store_true", help="add name, e-mail address and telephone number")
    targets.add_argument(
        "--sort", default="value_at_risk", metavar="COLUMN", help="order of the rows (default value_at_risk)"
    )


def write_targets(args: argparse.Namespace) -> int:
    """``churn targets``."""
    from churn_core.customers.selection import CustomerFilter
    from churn_core.customers.targets import write_targets as write

    warehouse = opened_workspace(args)
    wanted = tuple(_attribute(text) for text in args.attribute or ())
    _check_names(warehouse, args.reason or (), wanted)
    chosen = CustomerFilter(
        tiers=tuple(args.tier or ()),
        min_value=args.min_value,
        max_value=args.max_value,
        min_risk=args.min_risk,
        reason_groups=tuple(args.reason or ()),
        attributes=wanted,
        segment_id=_segment_id(warehouse, args.segment) if args.segment else None,
        sort=args.sort,
        descending=args.sort != "customer_id",
    )
    progress = ProgressLine()
    export = write(warehouse, chosen, args.out, with_contact=args.with_contact, progress=progress)
    progress.end()
    result = {"path": str(export.path), "n_rows": export.n_rows, "sha256": export.sha256, "run_id": export.run_id}
    return show(args, result, [export.message])


def _check_names(warehouse: Warehouse, reasons: Sequence[str], wanted: Sequence[tuple[str, str]]) -> None:
    """Refuse a reason or an attribute that nobody has, instead of an empty list."""
    from churn_core.customers.at_risk import reason_totals, required_run
    from churn_core.customers.attributes import attributes
    from churn_core.customers.selection import CustomerFilter

    known_reasons = {total.name for total in reason_totals(warehouse, CustomerFilter())} if reasons else set()
    for reason in reasons:
        if reason not in known_reasons:
            raise unknown_name("main reason", reason, known_reasons)
    known = {entry.name for entry in attributes(warehouse, required_run(warehouse).source)} if wanted else set()
    for name, _ in wanted:
        if name not in known:
            raise unknown_name("attribute", name, known)


def _attribute(text: str) -> tuple[str, str]:
    name, sign, value = text.partition("=")
    if not sign or not name:
        raise InputError(f"{text!r} is not an attribute and its value; write it like country=France.")
    return name, value


def _segment_id(warehouse: Warehouse, name: str) -> int:
    from churn_core.customers.segments import segments

    by_name = {segment.name: segment.segment_id for segment in segments(warehouse)}
    if name not in by_name:
        raise unknown_name("segment", name, by_name)
    return by_name[name]
