"""Options that several verbs take, and how their values are understood."""

from __future__ import annotations

import argparse
import os
from datetime import datetime
from typing import Any

from churn_core import workspaces
from churn_core.errors import InputError, NotFound
from churn_core.warehouse import Warehouse

Verbs = Any


def add_verb(verbs: Verbs, name: str, run: Any, summary: str, *, workspace: bool = True) -> argparse.ArgumentParser:
    """A verb with ``--json`` and, when it works on one, ``--workspace``."""
    parser: argparse.ArgumentParser = verbs.add_parser(name, help=summary, description=summary)
    parser.set_defaults(run=run)
    parser.add_argument("--json", action="store_true", help="print the result as JSON")
    if workspace:
        parser.add_argument(
            "--workspace",
            "-w",
            metavar="NAME",
            help="workspace to work on (default: $CHURN_WORKSPACE, or the only one)",
        )
    return parser


def chosen_workspace(args: argparse.Namespace) -> str:
    """The workspace asked for, from the environment, or the only one there is."""
    name = args.workspace or os.environ.get("CHURN_WORKSPACE")
    if name:
        return str(name)
    names = [workspace.name for workspace in workspaces.list_workspaces()]
    if len(names) == 1:
        return names[0]
    if not names:
        raise NotFound("there is no workspace yet; make one with 'churn workspaces create NAME' or 'churn demo'.")
    raise InputError(f"there are {len(names)} workspaces; choose one with --workspace: {', '.join(map(repr, names))}.")


def opened_workspace(args: argparse.Namespace) -> Warehouse:
    """The warehouse of the workspace asked for."""
    return workspaces.open_workspace(chosen_workspace(args))


def date(text: str) -> datetime:
    """A date given as 2011-09-11, as the midnight it starts with.

    >>> date("2011-09-11")
    datetime.datetime(2011, 9, 11, 0, 0)
    """
    try:
        return datetime.strptime(text, "%Y-%m-%d")
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is not a date; write it like 2011-09-11") from error


def positive(text: str) -> int:
    """A whole number above zero.

    >>> positive("90")
    90
    """
    try:
        number = int(text)
    except ValueError:
        number = 0
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number above zero")
    return number


def probability(text: str) -> float:
    """A number from 0 to 1.

    >>> probability("0.25")
    0.25
    """
    try:
        number = float(text)
    except ValueError:
        number = -1.0
    if not 0 <= number <= 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 0 to 1")
    return number
