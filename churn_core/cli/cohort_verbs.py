"""Verbs about cohorts and own rhythm: cohorts, rhythm."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from churn_core.cli.options import Verbs, add_verb, date, new_file, opened_workspace, positive
from churn_core.cli.output import show, table
from churn_core.errors import InputError

if TYPE_CHECKING:
    from churn_core.customers.cohort_curves import CohortComparison, CohortCurve
    from churn_core.customers.cohorts import Cell, Triangle
    from churn_core.customers.personal_rhythm import Rhythm

VIEWS = ("retention", "revenue", "cumulated", "whole")
SORT_NAMES = {"lateness": "lateness_ratio", "spend": "spend_amount_365"}
N_COLUMNS = 13


def add_verbs(verbs: Verbs) -> None:
    """Add cohorts and rhythm to the parser."""
    verb = add_verb(
        verbs, "cohorts", cohorts, "Who comes back: retention and revenue per cohort, two cohorts compared."
    )
    verb.add_argument("--by", default="month", metavar="WHAT", help="month (default), channel, or an attribute's name")
    verb.add_argument("--what", choices=VIEWS, default="retention", help="what is printed (default: retention)")
    verb.add_argument("--compare", nargs=2, metavar=("COHORT", "COHORT"), help="two cohorts by the log-rank test")
    verb.add_argument(
        "--event", choices=("order", "churn"), default="order", help="compare days until (default: order)"
    )
    verb.add_argument("--as-of", type=date, metavar="DATE", help="look at orders before this day only")
    verb.add_argument("--csv", type=new_file, metavar="FILE", help="write the whole triangle to a file")
    verb = add_verb(verbs, "rhythm", rhythm, "Who is late by their own rhythm; no model is needed.")
    verb.add_argument("--customer", metavar="ID", help="the rhythm of one customer")
    verb.add_argument("--sort", choices=SORT_NAMES, default="lateness", help="latest or most spending first")
    verb.add_argument("--top", type=positive, default=20, metavar="N", help="customers listed (default: 20)")
    verb.add_argument("--as-of", type=date, metavar="DATE", help="look at orders before this day only")


def cohorts(args: argparse.Namespace) -> int:
    """``churn cohorts``."""
    from churn_core.customers.cohort_curves import cohort_curves, compare_cohorts
    from churn_core.customers.cohorts import triangle, triangle_csv
    from churn_core.figures.cohorts import triangle_sentence

    warehouse = opened_workspace(args)
    found = triangle(warehouse, args.by, as_of=args.as_of)
    compared = None
    if args.compare:
        curves = cohort_curves(warehouse, args.event, args.by, as_of=args.as_of)
        compared = compare_cohorts(curves, *args.compare)
    lines = [f"{triangle_sentence(found, args.what, warehouse.setting('currency', '') or '')}."]
    lines += table(("cohort", "n", *map(str, _months(found))), _rows(found, args.what))
    lines.append("Months since the first order; below, by how many customers the month is over; - is not over yet.")
    lines += table(("n", "", *map(str, _months(found))), _rows(found, "n"))
    if compared:
        lines.append(f"{compared.sentence[:1].upper()}{compared.sentence[1:]}")
    if args.csv:
        args.csv.write_bytes(triangle_csv(found))
        lines.append(f"The whole triangle was written to {args.csv.name}.")
    return show(args, {**_json(found), "comparison": compared and _comparison(compared)}, lines)


def rhythm(args: argparse.Namespace) -> int:
    """``churn rhythm``."""
    from churn_core.customers.personal_rhythm import late_customers, rhythm_words
    from churn_core.customers.personal_rhythm import rhythm as rhythm_of

    warehouse = opened_workspace(args)
    if args.customer:
        one = rhythm_of(warehouse, args.customer, as_of=args.as_of)
        if one is None:
            raise InputError(f"customer {args.customer!r} has no order; search for another id.")
        return show(args, _rhythm(one), [f"{args.customer}: {rhythm_words(one)}."])
    sort: Any = SORT_NAMES[args.sort]
    found = late_customers(warehouse, sort=sort, limit=args.top, as_of=args.as_of)
    lines = [
        f"{found.n_late:,} of {found.n_customers:,} customers with a rhythm of their own and an order in the last "
        f"{found.activity_days} days are late by it.",
        *(f"{entry.customer_id}: {rhythm_words(entry)}." for entry in found.rhythms),
    ]
    result = {
        "as_of": found.end,
        "n_late": found.n_late,
        "n_customers": found.n_customers,
        "activity_days": found.activity_days,
        "customers": [_rhythm(entry) for entry in found.rhythms],
    }
    return show(args, result, lines)


def _months(found: Triangle) -> range:
    return range(min(N_COLUMNS, found.n_months + 1))


def _rows(found: Triangle, what: str) -> list[tuple[str, ...]]:
    return [
        (cohort.label, f"{cohort.n_customers:,}", *(_shown(cohort.cells[month], what) for month in _months(found)))
        for cohort in found.cohorts
    ]


def _shown(cell: Cell, what: str) -> str:
    if not cell.n:
        return "-"
    if what == "n":
        return f"{cell.n:,}"
    if what == "retention":
        return f"{cell.retention_rate:.0%}"
    value = {
        "revenue": cell.revenue_per_customer,
        "cumulated": cell.cumulated_per_customer,
        "whole": cell.revenue_amount,
    }[what]
    return "-" if value is None else f"{value:,.0f}"


def _json(found: Triangle) -> dict[str, Any]:
    return {
        "by": found.grouping.name,
        "as_of": found.end,
        "cohorts": [
            {
                "cohort": cohort.label,
                "n_customers": cohort.n_customers,
                "revenue": cohort.revenue_amount,
                "months": [
                    {
                        "months_since": month,
                        "n": cell.n,
                        "n_ordering": cell.n_ordering if cell.n else None,
                        "retention_rate": cell.retention_rate,
                        "revenue_per_customer": cell.revenue_per_customer,
                        "cumulated_per_customer": cell.cumulated_per_customer,
                        "revenue": cell.revenue_amount if cell.n else None,
                    }
                    for month, cell in enumerate(cohort.cells)
                ],
            }
            for cohort in found.cohorts
        ],
    }


def _comparison(compared: CohortComparison) -> dict[str, Any]:
    return {
        "cohorts": [_side(compared.first), _side(compared.second)],
        "p_value": compared.p_value,
        "sentence": compared.sentence,
    }


def _side(side: CohortCurve) -> dict[str, Any]:
    return {
        "cohort": side.label,
        "n_customers": side.n_customers,
        "n_events": side.n_events,
        "median_days": side.median_days,
    }


def _rhythm(entry: Rhythm) -> dict[str, Any]:
    from churn_core.customers.personal_rhythm import rhythm_words

    derived = {"lateness_ratio": entry.lateness_ratio, "due_date": entry.due_date, "is_late": entry.is_late}
    return {**asdict(entry), **derived, "words": rhythm_words(entry)}
