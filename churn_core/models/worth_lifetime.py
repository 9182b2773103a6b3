"""How the level of spend goes on after the first horizon, and how right that was at past dates.

A shop that is looked at after Christmas does not go on at Christmas pace, and BG/NBD fitted then expects too much for
the whole year. What the customers of the same date a year ago brought in each horizon of the year since, over what
BG/NBD had expected for it, corrects both: each later horizon gets the level of its own season.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np

from churn_core.models.worth_level import YEAR_DAYS, year_average
from churn_core.models.worth_period import spend_within
from churn_core.models.worth_rhythm import SPEND

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from churn_core.models.worth import History, WorthModel
    from churn_core.models.worth_period import WorthPeriod

LEAST_WINDOWS = 2
"""Horizons, one after the other, that a check spans at least: the first alone is checked elsewhere."""
LEAST_LEVEL = 0.05
"""A level is not taken for lower than this, so that one empty season does not end a lifetime."""


@dataclass(frozen=True, kw_only=True)
class LifetimeCheck:
    """What the customers of a past date brought since, beside what would have been said, not discounted."""

    cutoff: datetime
    days: int
    """Length of the time that is looked at."""
    predicted: float
    actual: float
    """Totals in the shop's currency."""
    knows_seasons: bool = True
    """Whether each season had been seen once by then; a lifetime value is only said where that is so."""

    @property
    def ratio(self) -> float:
        """Predicted over actual total."""
        return self.predicted / self.actual

    def to_json(self) -> dict[str, Any]:
        """The check as plain JSON."""
        return {**asdict(self), "cutoff": self.cutoff.isoformat()}

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> LifetimeCheck:
        """The check that :meth:`to_json` described."""
        return cls(**{**stored, "cutoff": datetime.fromisoformat(stored["cutoff"])})


def level_of_window(later: Sequence[float], number: int, usual: float) -> float:
    """The level of a horizon, counted from 0; the year repeats, and where it is not known it is as ``usual``.

    >>> [level_of_window((0.5, 1.5), number, 1.0) for number in range(4)], level_of_window((), 3, 0.9)
    ([0.5, 1.5, 0.5, 1.5], 0.9)
    """
    return later[number % len(later)] if later else usual


def year_known_from(history: History) -> datetime:
    """The first day on which customers of a date with enough history before it were watched for a whole year."""
    assert history.first is not None
    return history.first + timedelta(days=YEAR_DAYS)


def knows_seasons(history: History, cutoff: datetime, later: Sequence[float]) -> bool:
    """Whether a lifetime may be said: each later horizon has its season's level, or a horizon spans the seasons."""
    spans = history.horizon_days > YEAR_DAYS // 2
    return bool(later) or (spans and cutoff >= year_known_from(history))


def later_levels(history: History, cutoff: datetime, trust: float) -> tuple[float, ...]:
    """The levels of all horizons of a year from a cutoff on, as a year ago; empty where they are not known.

    They are believed as far as the season repeats (``trust``) and as far as a year lay before the date a year ago; the
    rest is the average level of a year.
    """
    before, days = cutoff - timedelta(days=YEAR_DAYS), history.horizon_days
    usual = year_average(history.levels_at(cutoff, SPEND))
    if usual is None or history.first is None or before < history.first or days > YEAR_DAYS // 2:
        return ()
    past = history.plain(before)
    share = trust * min(1.0, (before - history.start).days / YEAR_DAYS)
    n_windows = YEAR_DAYS // days
    if past.rhythm is None:
        return ()
    expected = past.rhythm.expected_spend(past.frame, days) @ past.rhythm.fading(past.frame, days, n_windows).T
    came = np.diff([_came(history, past, (number + 1) * days) for number in range(n_windows)], prepend=0.0)
    found = np.maximum(came / np.maximum(expected, 1e-12), LEAST_LEVEL)
    return tuple(float(level) for level in np.exp(share * np.log(found) + (1.0 - share) * np.log(usual)))


def lifetime_checks(history: History, years: float) -> tuple[LifetimeCheck, ...]:
    """Past dates, a horizon apart, with what was foreseen for all the time since, the longest first; may be empty."""
    made: list[LifetimeCheck] = []
    days = history.horizon_days
    most = int(np.ceil(years * 365.0 / days))
    for cutoff in history.grid[:: max(1, -(-days // 30))]:
        n_windows = min((history.as_of - cutoff).days // days, most)
        past = history.period(cutoff)
        usual = year_average(history.levels_at(cutoff, SPEND))
        if n_windows < LEAST_WINDOWS or usual is None or past.rhythm is None or past.rhythm.amounts is None:
            continue
        actual = _came(history, past, n_windows * days)
        if actual <= 0:
            continue
        later = later_levels(history, cutoff, 1.0)
        levels = [level_of_window(later, number, usual) for number in range(n_windows)]
        levels[0] = history.said_at(cutoff, SPEND).level(1.0).ratio
        expected = past.rhythm.expected_spend(past.frame, days) @ past.rhythm.fading(past.frame, days, n_windows).T
        made.append(
            LifetimeCheck(
                cutoff=cutoff, days=n_windows * days, predicted=float(expected @ np.array(levels)), actual=actual,
                knows_seasons=knows_seasons(history, cutoff, later),
            )
        )  # fmt: skip
    return tuple(made)


def low_and_high(total: float, checks: Sequence[LifetimeCheck]) -> tuple[float, float] | None:
    """The total if it is as far off, either way, as at the worst past date that knew the seasons; None below two.

    No interval with a level: the past dates are few, and the times since them overlap.
    """
    ratios = [check.ratio for check in checks if check.knows_seasons]
    if len(ratios) < 2 or min(ratios) <= 0:
        return None
    worst = max(*ratios, 1.0 / min(ratios))
    return total / worst, total * worst


def levels_for(history: History, model: WorthModel) -> tuple[float, ...]:
    """The later levels that belong to a fitted model; empty where it knows no amounts or nothing was learned."""
    if model.what != SPEND or not model.is_learned:
        return ()
    return later_levels(history, model.cutoff, model.level.trust if model.level.rule == "last_year" else 1.0)


def _came(history: History, past: WorthPeriod, days: int) -> float:
    """What the customers of a past date spent within so many days after it, in total."""
    return float(spend_within(history.warehouse, past.cutoff, days, past.frame.index).sum())
