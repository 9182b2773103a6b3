"""Options that several verbs take, and how their values are understood."""

from __future__ import annotations

import argparse
import math
import os
from datetime import datetime
from pathlib import Path
from typing import Any

from churn_core import workspaces
from churn_core.errors import InputError, NotFound
from churn_core.warehouse import Warehouse

Verbs = Any

NOT_GIVEN: dict[str, Any] = {"json": False, "workspace": None}
"""Defaults of the options that every verb takes, set once by the parser of all verbs."""


def add_verb(verbs: Verbs, name: str, run: Any, summary: str, *, workspace: bool = True) -> argparse.ArgumentParser:
    """A verb with ``--json`` and, when it works on one, ``--workspace``.

    Where they are not given nothing is set (:data:`NOT_GIVEN` holds what is meant then), so that a verb within a verb
    does not take back what was given before its name.
    """
    parser: argparse.ArgumentParser = verbs.add_parser(name, help=summary, description=summary)
    parser.set_defaults(run=run)
    parser.add_argument("--json", action="store_true", default=argparse.SUPPRESS, help="print the result as JSON")
    if workspace:
        parser.add_argument(
            "--workspace",
            "-w",
            metavar="NAME",
            default=argparse.SUPPRESS,
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


def choices(text: str) -> dict[str, str]:
    """Choices with their options, given as ``missing=knn,outliers=winsorise``.

    >>> choices("missing=knn, outliers=winsorise")
    {'missing': 'knn', 'outliers': 'winsorise'}
    """
    found = {}
    for part in filter(None, (entry.strip() for entry in text.split(","))):
        name, sign, option = part.partition("=")
        if not sign or not name.strip() or not option.strip():
            raise argparse.ArgumentTypeError(f"{part!r} is not a choice; write it like missing=knn")
        found[name.strip()] = option.strip()
    return found


def port(text: str) -> int:
    """A port number.

    >>> port("8501")
    8501
    """
    number = int(text) if text.isascii() and text.isdigit() else 0
    if not 1 <= number <= 65_535:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port; choose a number from 1 to 65535")
    return number


def days(text: str) -> int:
    """A number of days, zero included.

    >>> days("0")
    0
    """
    if not (text.isascii() and text.isdigit()):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of days")
    return int(text)


def amount(text: str) -> float:
    """A finite number.

    >>> amount("49.90")
    49.9
    """
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise argparse.ArgumentTypeError(f"{text!r} is not an amount; write it like 49.90")
    return number


def new_file(text: str) -> Path:
    """A file that can be written: its folder exists."""
    path = Path(text)
    if not path.parent.is_dir():
        raise argparse.ArgumentTypeError(f"the folder of {text!r} does not exist; create it or choose another")
    if path.is_dir():
        raise argparse.ArgumentTypeError(f"{text!r} is a folder; name a file in it")
    return path


def new_list(text: str) -> Path:
    """A file that can be written, or a folder that gets a file named after its rows."""
    if Path(text).is_dir():
        return Path(text)
    if text.endswith(("/", os.sep)):
        raise argparse.ArgumentTypeError(f"the folder {text!r} does not exist; create it or name a file")
    return new_file(text)


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
