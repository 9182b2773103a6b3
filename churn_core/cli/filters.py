"""The options that choose customers, shared by every verb that is about a part of those scored."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import TYPE_CHECKING

from churn_core.cli.options import amount, probability
from churn_core.errors import InputError, unknown_name

if TYPE_CHECKING:
    from churn_core.customers.selection import CustomerFilter
    from churn_core.warehouse import Warehouse

TIERS = ("high", "medium", "low")


def add_filter_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that choose customers."""
    parser.add_argument("--tier", action="append", choices=TIERS, help="only this tier; can be given more than once")
    parser.add_argument("--min-value", type=amount, metavar="AMOUNT", help="least value at risk")
    parser.add_argument("--max-value", type=amount, metavar="AMOUNT", help="greatest value at risk")
    parser.add_argument("--min-risk", type=probability, metavar="RISK", help="least risk, from 0 to 1")
    parser.add_argument(
        "--reason", action="append", metavar="GROUP", help="only customers whose main reason is of this group"
    )
    parser.add_argument(
        "--attribute",
        action="append",
        metavar="NAME=VALUE",
        help="only customers with this attribute, like country=France",
    )
    parser.add_argument("--segment", metavar="NAME", help="only members of this saved segment")
    parser.add_argument(
        "--tag", action="append", metavar="TAG", help="only customers with this tag; more than one mean any of them"
    )
    parser.add_argument("--with-left", action="store_true", help="also customers whose label says that they have left")


def chosen_filter(args: argparse.Namespace, warehouse: Warehouse, *, sort: str = "value_at_risk") -> CustomerFilter:
    """The customers that the options mean; NotFound for a reason, an attribute, a segment or a tag
    that nobody has.
    """
    from churn_core.customers.selection import CustomerFilter

    wanted = tuple(_attribute(text) for text in args.attribute or ())
    _check_names(warehouse, args.reason or (), wanted)
    return CustomerFilter(
        tiers=tuple(args.tier or ()),
        min_value=args.min_value,
        max_value=args.max_value,
        min_risk=args.min_risk,
        reason_groups=tuple(args.reason or ()),
        attributes=wanted,
        segment_id=_segment_id(warehouse, args.segment) if args.segment else None,
        tags=_known_tags(warehouse, args.tag or ()),
        with_left=args.with_left,
        sort=sort,
        descending=sort != "customer_id",
    )


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


def _known_tags(warehouse: Warehouse, wanted: Sequence[str]) -> tuple[str, ...]:
    from churn_core.customers.tags import tags

    known = [found.tag for found in tags(warehouse)] if wanted else []
    for tag in wanted:
        if tag not in known:
            raise unknown_name("tag", tag, known)
    return tuple(wanted)


def _segment_id(warehouse: Warehouse, name: str) -> int:
    from churn_core.customers.segments import segments

    by_name = {segment.name: segment.segment_id for segment in segments(warehouse)}
    if name not in by_name:
        raise unknown_name("segment", name, by_name)
    return by_name[name]
