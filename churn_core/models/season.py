"""What the season does to the level of all risks, read from past cutoffs, and how far off that may be.

Ranking survives the seasons, levels do not: before Christmas nearly everybody buys, after it hardly anybody. The level
to use now is the average of the past; where the past has gone once round the year, last year's order ratio moves it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import numpy as np

from churn_core.models.estimators import sigmoid

if TYPE_CHECKING:
    from numpy.typing import NDArray

RIDGE = 0.005
"""Variance of log ratios below which the season's effect is drawn to nothing."""
LEAST_CUTOFFS = 6
"""Past cutoffs a season's effect is read from at least."""
ROUND_DAYS = 330
"""Days between the first and the last past cutoff from which, a month apart, every season has been seen once."""
EASING_DAYS = 90
"""Days over which the effect then enters: by a third when every season was seen once, at the start of the history."""
STEP_OF_EASING = 30
BEYOND = 0.25
"""How far beyond the log ratios of the past last year's one may count."""
RATIO_REPEATS = 0.15
"""Standard deviation of a log ratio from one year to the next, where it cannot be seen yet."""
LEAST_SPREAD = 0.2
"""Standard deviation of past levels that is assumed at least where the season is unknown, in log-odds."""
WIDEST = 3.0
"""Largest half width of the range, in log-odds."""


@dataclass(frozen=True, kw_only=True)
class PastLevel:
    """The level at one past cutoff."""

    cutoff: datetime
    level: float
    """What had to be added to the log-odds so that the mean risk was the share that churned."""
    ratio: float | None
    """Log ratio of the shop's orders in the label window to those in the window before; None when unknown."""


@dataclass(frozen=True, kw_only=True)
class Season:
    """What the season does to the level, read from past cutoffs."""

    level: float
    """Average level of the past cutoffs, in log-odds: used when the season is unknown."""
    level_error: float
    """Standard deviation of the past levels around what the season explains."""
    slope: float = 0.0
    """Change of the level per unit of the log ratio of orders in the label window to the window before."""
    mean_ratio: float = 0.0
    """Average log ratio over the past cutoffs."""
    last_year_ratio: float | None = None
    """That log ratio one year before the cutoff in question; None when it cannot be known."""
    half_width: float | None = None
    """The level is within this many log-odds of the one used, with 95 % confidence; None where nothing is known."""
    reason: str = ""
    """Why the season is used or not, in one sentence."""

    @property
    def is_known(self) -> bool:
        """Whether the season moves the level."""
        return self.last_year_ratio is not None

    @property
    def offset(self) -> float:
        """What the season adds to the log-odds of every customer; 0 when it is unknown."""
        if self.last_year_ratio is None:
            return 0.0
        return self.slope * (self.last_year_ratio - self.mean_ratio)

    def to_json(self) -> dict[str, Any]:
        """The season as plain JSON, with its offset and the levels it may be between."""
        used = self.level + self.offset
        width = self.half_width
        return {
            **asdict(self),
            "offset": self.offset,
            "is_known": self.is_known,
            "level_low": None if width is None else used - width,
            "level_high": None if width is None else used + width,
        }


@dataclass(frozen=True, kw_only=True)
class RiskRange:
    """The mean risk of some customers, and between what it may lie for not knowing the level better."""

    n: int
    predicted: float
    predicted_low: float
    predicted_high: float


def risk_range(log_odds: NDArray[np.float64], season: Season) -> RiskRange | None:
    """The range of the mean risk when the level is as far off as it may be; None where that is not known."""
    if season.half_width is None or not len(log_odds):
        return None
    low, middle, high = (float(sigmoid(log_odds + by).mean()) for by in (-season.half_width, 0.0, season.half_width))
    return RiskRange(n=len(log_odds), predicted=middle, predicted_low=low, predicted_high=high)


def season_words(season: Season, found: RiskRange | None) -> str:
    """What is known about the season, and what that means for the share that may leave, in sentences."""
    if found is None:
        return f"Season: {season.reason}"
    known = "the season known" if season.is_known else "the season unknown"
    return (
        f"Season: {season.reason} With {known}, between {100 * found.predicted_low:.0f} % and "
        f"{100 * found.predicted_high:.0f} % of the customers may leave; predicted {100 * found.predicted:.0f} %."
    )


def fit_season(past: Sequence[PastLevel], last_year_ratio: float | None, *, horizon_days: int) -> Season:
    """The level to use now, from the levels of past cutoffs and the shop's order ratios at them.

    The season is used when the past cutoffs go once round the year and the same window a year ago is known; else the
    average level stands, so less history is never worse than leaving the season out. Just after that it enters in
    part, because each season was seen once only, when the history was young.
    """
    known = [entry for entry in past if entry.ratio is not None]
    levels = np.array([entry.level for entry in past], dtype=float)
    span = (known[-1].cutoff - known[0].cutoff).days if known else 0
    if last_year_ratio is None or len(known) < LEAST_CUTOFFS or span < ROUND_DAYS:
        return _unknown(levels, _windows(past, horizon_days))
    x = np.array([entry.ratio for entry in known], dtype=float)
    y = np.array([entry.level for entry in known], dtype=float)
    spread = x - x.mean()
    slope = float((spread * (y - y.mean())).sum() / ((spread**2).sum() + RIDGE * len(x)))
    # The season is not known better than it was ever seen: no extrapolation beyond the ratios of the past.
    seen = float(np.clip(last_year_ratio, x.min() - BEYOND, x.max() + BEYOND))
    error = float(np.sqrt(((y - y.mean() - slope * spread) ** 2).sum() / (len(x) - 2)))
    trust = min(1.0, (span - ROUND_DAYS + STEP_OF_EASING) / EASING_DAYS)
    n_windows = _windows(known, horizon_days)
    return Season(
        level=float(levels.mean()),
        level_error=error,
        slope=trust * slope,
        mean_ratio=float(x.mean()),
        last_year_ratio=seen,
        half_width=_known_width(spread, slope, error, seen - float(x.mean()), n_windows, trust),
        reason="the same season a year ago is known and moves the level of all risks"
        + (
            "."
            if trust == 1.0
            else f", by {100 * trust:.0f} % of what it did: it was seen once only, when the history was young."
        ),
    )


def _windows(past: Sequence[PastLevel], horizon_days: int) -> float:
    """How many label windows the past cutoffs are worth: neighbouring ones overlap."""
    if not past:
        return 0.0
    span = (past[-1].cutoff - past[0].cutoff).days + STEP_OF_EASING
    return float(min(len(past), max(1.0, span / horizon_days)))


def _unknown(levels: NDArray[np.float64], n_windows: float) -> Season:
    error = float(levels.std(ddof=1)) if len(levels) > 1 else 0.0
    return Season(
        level=float(levels.mean()),
        level_error=error,
        half_width=_unknown_width(error, n_windows),
        reason="the history is too short to know what this season does, so the average of the past is used.",
    )


def _unknown_width(spread: float, n_windows: float) -> float:
    """Half of the 95 % prediction interval of a level drawn like the few independent ones of the past."""
    from scipy.stats import t

    few = max(2.0, n_windows)
    width = float(t.ppf(0.975, max(1.0, few - 1.0))) * max(spread, LEAST_SPREAD) * float(np.sqrt(1.0 + 1.0 / few))
    return min(width, WIDEST)


def _known_width(
    spread: NDArray[np.float64], slope: float, error: float, distance: float, n_windows: float, trust: float
) -> float:
    """Half of the 95 % interval: residual, slope, last year's ratio not repeating, and the part not trusted yet."""
    few = max(2.0, n_windows)
    slope_variance = error**2 / (float((spread**2).sum()) * few / len(spread) + 1e-12)
    variance = error**2 * (1.0 + 1.0 / few) + slope_variance * distance**2 + (slope * RATIO_REPEATS) ** 2
    variance += ((1.0 - trust) * slope) ** 2 * (distance**2 + float((spread**2).mean()))
    return min(1.96 * float(np.sqrt(variance)), WIDEST)
