"""What the columns of an experiment's file probably are: a start for the person who chooses, never a decision.

Separate from reading the experiment, because a guess may be wrong and is always shown for confirmation.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from churn_core.intake.source import Source, SourceColumn

MOST_ARMS = 20
"""Different values above which a column is not taken for the arms."""

_ARM_NAME = re.compile(
    r"\b(arm|arms|group|variant|variation|treatment|segment|cell|bucket|assignment|test group)\b", re.I
)
_CONTROL = re.compile(r"(control|ctrl|hold ?out|placebo|baseline|untreated|none|nothing|kontroll.*|no\b.*)", re.I)
_OUTCOME_NAME = re.compile(
    r"\b(visits?|visited|conversion|converted|convert|outcome|ordered|orders|order count|purchased?|bought|"
    r"retained|returned|churned|spend|spent|revenue|sales|amount|margin|profit|click|clicked|opened|subscribed)\b",
    re.I,
)
_BEFORE_NAME = re.compile(r"\b(before|pre|prior|previous|past|last|earlier|history|baseline)\b", re.I)
_ID_NAME = re.compile(
    r"\b(customer id|customer|user id|user|client id|client|member id|member|id|customer no|email)\b", re.I
)


@dataclass(frozen=True, kw_only=True)
class ExperimentGuess:
    """What a file's columns probably are."""

    arm: str | None
    """Column of the arm; None where no column looks like one."""
    customer_id: str | None
    """Column of the customer; None where no column looks like one."""
    outcomes: tuple[str, ...]
    """Columns named like outcomes, in the order of the file."""


def guess_experiment(source: Source) -> ExperimentGuess:
    """Which columns hold the arm, the customer and the outcomes, by their names and values."""
    arm = _best_arm(source)
    customer = next((column.name for column in source.columns if _is_id(column)), None)
    taken = {arm, customer}
    outcomes = tuple(
        column.name
        for column in source.columns
        if column.name not in taken and column.kind != "empty" and _is_outcome(column)
    )
    return ExperimentGuess(arm=arm, customer_id=customer, outcomes=outcomes)


def guess_control(arms: Sequence[str]) -> str:
    """The arm that is named like a control, else the first one.

    >>> guess_control(["Mens E-Mail", "No E-Mail"]), guess_control(["a", "b"]), guess_control(["coupon", "Control"])
    ('No E-Mail', 'a', 'Control')
    """
    return next((arm for arm in arms if _CONTROL.fullmatch(arm.strip())), arms[0] if arms else "")


def _is_id(column: SourceColumn) -> bool:
    """Named like a customer, with mostly different values; that some occur twice is for the readout to say."""
    return bool(_ID_NAME.search(_words(column.name))) and 2 * column.n_distinct > column.n_looked_at > 0


def _is_outcome(column: SourceColumn) -> bool:
    """Named like something that came of a customer, and not like what was before."""
    words = _words(column.name)
    return bool(_OUTCOME_NAME.search(words)) and not _BEFORE_NAME.search(words)


def _best_arm(source: Source) -> str | None:
    rated = [(_arm_points(source, column), -place) for place, column in enumerate(source.columns)]
    points, place = max(rated, default=(0, 0))
    return source.columns[-place].name if points > 0 else None


def _arm_points(source: Source, column: SourceColumn) -> int:
    """0 for what cannot be the arm; a value like "control" says more than the column's name."""
    if not 2 <= column.n_distinct <= MOST_ARMS or column.n_distinct >= max(column.n_looked_at, 3):
        return 0
    named = 2 if _ARM_NAME.search(_words(column.name)) else 0
    has_control = any(_CONTROL.fullmatch(value.strip()) for value, _ in source.counted(column.name))
    return named + (3 if has_control else 0)


def _words(name: str) -> str:
    """A column's name with its parts set apart.

    >>> _words("order_count"), _words("customerId")
    ('order count', 'customer Id')
    """
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", re.sub(r"[_\\W]+", " ", name))
