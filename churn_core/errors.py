"""The errors a person can do something about.

One base class, a handful of subclasses. A message says what was found, what was expected and what to do
next, in one sentence; pages and the command line show it as it stands.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class ChurnError(Exception):
    """Base of every error that is meant to be read by the person using the product."""


class InputError(ChurnError):
    """A file, a value or a choice that cannot be used as it is."""


class NotEnoughData(ChurnError):
    """The data is fine but too little for what was asked."""


class NotFound(ChurnError):
    """Something named does not exist."""


class WorkspaceBusy(ChurnError):
    """Another process holds the workspace file."""


class JobCancelled(ChurnError):
    """The person asked a running job to stop."""


def unknown_name(kind: str, found: str, known: Iterable[str]) -> NotFound:
    """The error for a name that is not among the known ones, with the nearest as a suggestion.

    >>> str(unknown_name("column", "ordr_date", ["order_date", "amount"]))
    "column 'ordr_date' not found; did you mean 'order_date'?"
    """
    choices = sorted(known)
    near = difflib.get_close_matches(found, choices, n=1)
    if near:
        return NotFound(f"{kind} {found!r} not found; did you mean {near[0]!r}?")
    listed = ", ".join(repr(choice) for choice in choices[:12]) or "none"
    return NotFound(f"{kind} {found!r} not found; there is: {listed}.")
