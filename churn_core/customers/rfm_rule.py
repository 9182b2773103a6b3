"""How recency, frequency and money become scores from 1 to 5, and scores become a group with a name.

Separate from the query that counts, so that a rule can be looked at, changed and tested without a shop. Groups are a
grid of recency against the mean of frequency and money, so every combination of scores belongs to exactly one group.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any

from churn_core.errors import InputError, unknown_name

GROUPS = {
    "champions": "ordered lately, often and for much",
    "loyal": "order regularly or for much",
    "promising": "ordered lately, so far rarely or for little",
    "needs attention": "in between: silent for a while, of middling or little worth",
    "at risk": "good customers who have gone silent",
    "hibernating": "gone silent with few orders or little money, or once good and silent longest",
    "lost": "silent longest, with the fewest orders and the least money",
}
"""The groups, the most welcome first, and who is in them."""

SCORES = (1, 2, 3, 4, 5)
KINDS = {"quintile": "by fifths of the customers", "rule": "by own thresholds"}

_DEFAULT_GRID = (
    ("lost", "lost", "hibernating", "hibernating", "hibernating"),
    ("hibernating", "hibernating", "at risk", "at risk", "at risk"),
    ("needs attention", "needs attention", "needs attention", "loyal", "loyal"),
    ("promising", "promising", "loyal", "loyal", "champions"),
    ("promising", "promising", "loyal", "champions", "champions"),
)


@dataclass(frozen=True, kw_only=True)
class Thresholds:
    """From where on which score is given; each has the limits of the scores 2, 3, 4 and 5, None where nobody has it."""

    recency: tuple[float | None, ...]
    """Days since the last order, at most."""
    frequency: tuple[float | None, ...]
    """Orders, at least."""
    money: tuple[float | None, ...]
    """Spend in the shop's currency, at least."""

    def scores(self, recency_days: float, n_orders: float, spend_amount: float | None) -> tuple[int, int, int]:
        """R, F and M of a customer; where the spend is not known, M is F.

        >>> limits = Thresholds(recency=(90, 60, 30, 10), frequency=(2, 3, 5, 9), money=(50, 100, 200, 500))
        >>> limits.scores(30, 1, 120.0), limits.scores(400, 9, None)
        ((4, 1, 3), (1, 5, 5))
        """
        recency = 1 + sum(limit is not None and recency_days <= limit for limit in self.recency)
        frequency = 1 + sum(limit is not None and n_orders >= limit for limit in self.frequency)
        if spend_amount is None:
            return recency, frequency, frequency
        return recency, frequency, 1 + sum(limit is not None and spend_amount >= limit for limit in self.money)


@dataclass(frozen=True, kw_only=True)
class RfmRule:
    """How customers are scored and grouped."""

    kind: str = "quintile"
    """quintile (scores follow from the customers of the day) or rule (own thresholds)."""
    thresholds: Thresholds | None = None
    """The own thresholds; None for quintiles."""
    base_days: int | None = 365
    """Fifths are those of customers with an order in so many days; whoever is silent longer gets R 1. None: of all."""
    window_days: int | None = None
    """Orders and spend are counted over so many days before the day; None for all of them."""
    grid: tuple[tuple[str, ...], ...] = _DEFAULT_GRID
    """Group by R (1 to 5, rows) and by the mean of F and M, rounded up (1 to 5, columns)."""
    version: int = 0
    """Counts the saved rules of a workspace; 0 for the proposed one."""
    saved_at: datetime | None = None
    """When it was saved (UTC)."""

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise unknown_name("kind of RFM rule", self.kind, KINDS)
        if (self.kind == "rule") != (self.thresholds is not None):
            raise InputError("own thresholds belong to a rule of the kind 'rule', and to no other.")
        for name, days in (("window", self.window_days), ("base of the fifths", self.base_days)):
            if days is not None and not 1 <= days <= 3650:
                raise InputError(f"the {name} is {days} days; choose between 1 and 3650, or none for all.")
        if self.thresholds is not None:
            _check_thresholds(self.thresholds)
        if [len(row) for row in self.grid] != [5] * 5:
            raise InputError("the grid of groups needs five rows (R) and five columns (F and M).")
        for row in self.grid:
            for group in row:
                if group not in GROUPS:
                    raise unknown_name("RFM group", group, GROUPS)

    def group(self, recency: int, frequency: int, money: int) -> str:
        """The group of three scores.

        >>> RfmRule().group(5, 5, 4), RfmRule().group(1, 1, 2), RfmRule().group(2, 3, 3)
        ('champions', 'lost', 'at risk')
        """
        for name, score in (("R", recency), ("F", frequency), ("M", money)):
            if score not in SCORES:
                raise InputError(f"the score {name} is {score}; scores are from 1 to 5.")
        return self.grid[recency - 1][worth_score(frequency, money) - 1]

    def to_json(self) -> dict[str, Any]:
        """What is stored; :meth:`from_json` is the way back."""
        return {
            "kind": self.kind,
            "thresholds": asdict(self.thresholds) if self.thresholds else None,
            "base_days": self.base_days,
            "window_days": self.window_days,
            "grid": [list(row) for row in self.grid],
        }

    @classmethod
    def from_json(cls, stored: dict[str, Any], **kept: Any) -> RfmRule:
        """The rule that was stored."""
        limits = stored.get("thresholds")
        return cls(
            kind=stored["kind"],
            thresholds=Thresholds(**{name: tuple(values) for name, values in limits.items()}) if limits else None,
            base_days=stored.get("base_days"),
            window_days=stored.get("window_days"),
            grid=tuple(tuple(row) for row in stored["grid"]),
            **kept,
        )


def worth_score(frequency: int, money: int) -> int:
    """The mean of F and M, rounded up.

    >>> worth_score(1, 1), worth_score(1, 2), worth_score(5, 4)
    (1, 2, 5)
    """
    return (frequency + money + 1) // 2


def same_rule(one: RfmRule, other: RfmRule) -> bool:
    """Whether two rules say the same, whatever their versions."""
    ours, theirs = (replace(rule, version=0, saved_at=None) for rule in (one, other))
    if one.kind == other.kind == "rule":
        ours, theirs = (replace(rule, base_days=None) for rule in (ours, theirs))
    return ours == theirs


def rule_words(rule: RfmRule) -> str:
    """The rule as a sentence.

    >>> rule_words(RfmRule())
    'Scores by fifths of those who ordered in the last 365 days; orders and spend of all time.'
    """
    counted = "of all time" if rule.window_days is None else f"of the last {rule.window_days:,} days"
    base = "all customers" if rule.base_days is None else f"those who ordered in the last {rule.base_days:,} days"
    own = "by own thresholds" if rule.kind == "rule" else f"by fifths of {base}"
    moved = "" if rule.grid == _DEFAULT_GRID else "; own grid of groups"
    return f"Scores {own}; orders and spend {counted}{moved}."


def _check_thresholds(limits: Thresholds) -> None:
    for name, values, sign in (
        ("recency", limits.recency, -1),
        ("orders", limits.frequency, 1),
        ("spend", limits.money, 1),
    ):
        known = [sign * value for value in values if value is not None and math.isfinite(value)]
        if len(values) != 4 or len(known) != 4:
            raise InputError(f"the thresholds of {name} need a number for each of the scores 2, 3, 4 and 5.")
        if known != sorted(set(known)):
            order = "fewer days" if sign < 0 else "more"
            raise InputError(
                f"the thresholds of {name} are {', '.join(f'{value:g}' for value in values)}; a higher score must ask "
                f"for {order} than the one below it."
            )
