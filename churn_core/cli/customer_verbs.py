"""Verbs about one customer: moved."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from churn_core.cli.options import Verbs, add_verb, opened_workspace, positive
from churn_core.cli.output import show

if TYPE_CHECKING:
    from churn_core.customers.movement import Movement


def add_verbs(verbs: Verbs) -> None:
    """Add moved to the parser."""
    moved = add_verb(verbs, "moved", why_moved, "Say why a customer's risk moved between two score runs.")
    moved.add_argument("customer", metavar="CUSTOMER", help="id of the customer")
    moved.add_argument("--from", dest="from_run", type=positive, metavar="RUN", help="default: the last but one")
    moved.add_argument("--to", dest="to_run", type=positive, metavar="RUN", help="default: the last")


def why_moved(args: argparse.Namespace) -> int:
    """``churn moved``."""
    from churn_core.customers.movement import why_moved as explained

    found = explained(opened_workspace(args), args.customer, from_run=args.from_run, to_run=args.to_run)
    return show(args, found.to_dict(), _lines(found))


def _lines(found: Movement) -> list[str]:
    lines = [found.sentence]
    for part in found.parts:
        lines.append(f"{_points(part.shown_points)}  {part.label}. {part.words}")
        lines += [
            f"        {_points(cause.shown_points)}  {cause.words}" for cause in part.causes if cause.shown_points
        ]
    return [*lines, *found.notes]


def _points(points: float) -> str:
    return f"{points:+6.1f}" if points else f"{0:6.1f}"
