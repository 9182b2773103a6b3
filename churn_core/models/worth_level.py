"""How much all customers together will bring: what BG/NBD expects of them times what the season does to it.

BG/NBD knows who is new and who has left, but no season. What customers brought over what it expected is known for past
cutoffs: 0.6 after Christmas, 1.5 before it in a gift shop. The level to use now is the one at the same date a year ago
where that is known, else the average of the past. A season is believed to repeat until past cutoffs say otherwise.

In the first two years of a history the level a year ago rests on few weeks or is not known at all. What the whole shop
sold a year ago is, so then the season is read from that too: the average level of the past, times sales of the same
season a year ago over sales after the past cutoffs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np

from churn_core.models.season import RATIO_REPEATS
from churn_core.models.worth_period import YEAR_DAYS

TRUST_SPREAD = 0.3
"""Standard deviation of the share of last year's deviation that repeats, around all of it, before anything is seen."""
LEAST_ERROR = 0.1
"""Standard deviation of the log level from one year to the next that is assumed at least."""


@dataclass(frozen=True, kw_only=True)
class Said:
    """What past levels say about the level at a cutoff."""

    average: float | None
    """Mean of the past levels known then; None before the first."""
    last_year: float | None
    """The level of the same season a year before; None where nothing was known of it."""
    is_of_shop: bool = False
    """Whether that is read from what the whole shop sold alone, because no level was known a year before."""

    def level(self, trust: float) -> Level:
        """The level to use: last year's as far as it is trusted, the average for the rest."""
        if self.average is None and self.last_year is None:
            return Level(ratio=1.0, rule="none", trust=0.0)
        if self.last_year is None or self.average is None:
            known = self.average if self.last_year is None else self.last_year
            assert known is not None
            return Level(ratio=known, rule="average" if self.last_year is None else self._rule, trust=0.0)
        mixed = (1.0 - trust) * np.log(self.average) + trust * np.log(self.last_year)
        return Level(ratio=float(np.exp(mixed)), rule=self._rule, trust=trust, average=self.average)

    @property
    def _rule(self) -> str:
        return "shop_season" if self.is_of_shop else "last_year"


@dataclass(frozen=True, kw_only=True)
class Level:
    """The level used at a cutoff, and where it is from."""

    ratio: float
    """What customers bring over what BG/NBD expects."""
    rule: str
    """last_year, shop_season (the season as the whole shop's sales show it), average, or none (no past is known, so
    what BG/NBD expects stands)."""
    trust: float
    """Share of last year's deviation from the average that is used."""
    average: float | None = None
    """Mean of the past levels; None where no season is told from it."""

    @property
    def added(self) -> float:
        """Share of what will come that the season adds to an average one; 0 in a season that takes.

        >>> Level(ratio=1.5, rule="last_year", trust=1.0, average=0.9).added
        0.4
        >>> Level(ratio=0.6, rule="last_year", trust=1.0, average=0.9).added
        0.0
        """
        return 0.0 if self.average is None else max(0.0, 1.0 - self.average / self.ratio)


def average_level(known: Sequence[float]) -> float | None:
    """Geometric mean of past levels; None when there are none.

    >>> average_level([0.5, 2.0]), average_level([])
    (1.0, None)
    """
    return float(np.exp(np.mean(np.log(known)))) if len(known) else None


def shop_season(levels: Sequence[float], sales: Sequence[float], a_year_ago: float) -> float | None:
    """The level of a season from the shop's sales: past levels, each over the sales after its cutoff, times those of
    the season a year ago; None where any of these is unknown.

    >>> round(shop_season([1.2, 0.6], [200.0, 100.0], 50.0), 3)
    0.3
    >>> shop_season([], [], 50.0) is None
    True
    """
    if not len(levels) or min(sales) <= 0 or a_year_ago <= 0:
        return None
    return float(np.exp(np.mean(np.log(levels) - np.log(sales))) * a_year_ago)


def both_readings(last_year: float | None, season: float | None, history_days: float) -> float | None:
    """The level a year ago and that of the shop's season as one: the first counts as far as a year lay before it.

    BG/NBD that saw a few weeks expects too little or too much, and the level then measures that and no season.

    >>> both_readings(2.0, 0.5, 182.0), both_readings(2.0, 0.5, 400.0), both_readings(None, 0.5, 0.0)
    (1.0, 2.0, 0.5)
    """
    if last_year is None or season is None:
        return season if last_year is None else last_year
    share = min(1.0, max(0.0, history_days) / YEAR_DAYS)
    return float(np.exp(share * np.log(last_year) + (1.0 - share) * np.log(season)))


def trust_in_season(past: Sequence[tuple[Said, float]]) -> float:
    """How much of last year's deviation from the average repeats, in [0, 1], from past cutoffs and what came there.

    The slope of a regression through the origin, drawn towards 1 by the prior (normal-normal, error variance
    ``RATIO_REPEATS ** 2``): cutoffs at which last year was like the average say nothing about it.

    >>> trust_in_season([])
    1.0
    """
    both = [(said, came) for said, came in past if said.average is not None and said.last_year is not None]
    x = np.array([np.log(said.last_year / said.average) for said, _ in both])  # type: ignore[operator]
    y = np.array([np.log(came / said.average) for said, came in both])  # type: ignore[operator]
    prior = RATIO_REPEATS**2 / TRUST_SPREAD**2
    return float(np.clip(((x * y).sum() + prior) / ((x * x).sum() + prior), 0.0, 1.0))


def year_average(known: Mapping[datetime, float]) -> float | None:
    """The mean level over the latest year of past cutoffs, for totals that span all seasons; None when none is known.

    >>> year_average({datetime(2010, 1, 1): 5.0, datetime(2011, 6, 1): 0.5, datetime(2011, 9, 1): 1.5})
    1.0
    """
    if not known:
        return None
    since = max(known) - timedelta(days=YEAR_DAYS)
    return float(np.mean([ratio for cutoff, ratio in known.items() if cutoff > since]))


def total_interval(total: float, ratios: Sequence[float]) -> tuple[float, float] | None:
    """80 % interval of a total from predicted over actual totals of past cutoffs whose horizons do not overlap.

    Student's t on the logarithm, with the mean error left in, so that a method that was off is not trusted more for
    being off alike each time. None below two past cutoffs.
    """
    from scipy.stats import t

    if len(ratios) < 2:
        return None
    errors = np.log(np.asarray(ratios, dtype=float))
    spread = max(float(np.sqrt((errors**2).mean())), LEAST_ERROR) * float(np.sqrt(1.0 + 1.0 / len(errors)))
    width = float(t.ppf(0.9, len(errors))) * spread
    return total * float(np.exp(-width)), total * float(np.exp(width))
