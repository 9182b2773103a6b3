"""Ways to foresee a row of weekly numbers: the season of last year, exponential smoothing, ARIMA, drift.

Numbers in, a centre and possible paths out. All methods work on square roots: a busy week scatters more than a quiet
one, an empty week stays zero, and nothing foreseen falls below zero. Separate from the backtest, which only knows
that a method answers for so many weeks from what it is given.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Numbers = NDArray[np.float64]

YEAR = 52
"""Weeks until the same week comes again."""
RECENT = 4
"""Weeks whose mean stands in for a season that is not known yet."""
LEVEL_WEEKS = 8
"""Weeks by which this year's level is held against last year's."""
LEVEL_BOUNDS = (0.2, 5.0)
"""Growth over a year beyond these bounds is not carried forward."""
N_PATHS = 800
LEAST_ERRORS = 8
"""Errors in the past that are needed to know how far a plain rule is off."""
SEED = 20_111


@dataclass(frozen=True, kw_only=True)
class Ahead:
    """What one method says of the coming weeks, on the scale of the numbers given."""

    centre: Numbers
    """What is expected, week by week."""
    paths: Numbers
    """Ways it may go, one row each, on the scale of square roots."""

    def interval(self, level: float, *, widening: float = 1.0) -> tuple[Numbers, Numbers]:
        """Lower and upper bound of each week."""
        return self._bounds(_widened(self, widening) ** 2, level)

    def total_interval(self, n_weeks: int, level: float, *, widening: float = 1.0) -> tuple[float, float]:
        """Lower and upper bound of the sum of the first weeks."""
        sums = (_widened(self, widening)[:, :n_weeks] ** 2).sum(axis=1, keepdims=True)
        low, high = self._bounds(sums, level)
        return float(low[0]), float(high[0])

    @staticmethod
    def _bounds(paths: Numbers, level: float) -> tuple[Numbers, Numbers]:
        low, high = np.quantile(paths, [(1 - level) / 2, (1 + level) / 2], axis=0)
        return low, high


@dataclass(frozen=True, kw_only=True)
class Method:
    """A way to foresee."""

    name: str
    label: str
    meaning: str
    """What it does, in words."""
    least_weeks: int
    """Weeks of history it needs."""
    answer: Callable[[Numbers, int, np.random.Generator], tuple[Numbers, Numbers]]
    """Square roots of the past, weeks ahead and a source of chance in; centre and paths of square roots out."""

    def ahead(self, past: Numbers, n_weeks: int) -> Ahead:
        """What the method says after these weeks; the same past gives the same answer."""
        roots = np.sqrt(np.clip(past, 0.0, None))
        centre, paths = self.answer(roots, n_weeks, np.random.default_rng([SEED, len(past)]))
        return Ahead(centre=np.clip(centre, 0.0, None) ** 2, paths=paths)


def _widened(ahead: Ahead, widening: float) -> Numbers:
    middle = ahead.paths.mean(axis=0)
    return np.clip(middle + widening * (ahead.paths - middle), 0.0, None)


def _same_week(roots: Numbers, n_weeks: int) -> Numbers:
    """The same weeks a year ago; before there is a year, the mean of the last weeks."""
    if len(roots) < YEAR:
        return np.full(n_weeks, np.sqrt(np.mean(roots[-RECENT:] ** 2)))
    return roots[len(roots) - YEAR :][:n_weeks]


def _last_year_at_level(roots: Numbers, n_weeks: int) -> Numbers:
    """The same weeks a year ago, times how this year's last weeks stand to the same weeks a year ago."""
    now, then = (roots[len(roots) - back - LEVEL_WEEKS :][:LEVEL_WEEKS] for back in (0, YEAR))
    growth = float((now**2).sum() / max(float((then**2).sum()), 1e-9))
    return _same_week(roots, n_weeks) * np.sqrt(np.clip(growth, *LEVEL_BOUNDS))


def _drifting(roots: Numbers, n_weeks: int) -> Numbers:
    """The last week, and as much more each week as on average so far."""
    slope = (roots[-1] - roots[0]) / (len(roots) - 1)
    return np.asarray(roots[-1] + slope * np.arange(1, n_weeks + 1))


def _by_rule(
    rule: Callable[[Numbers, int], Numbers], least_weeks: int
) -> Callable[[Numbers, int, np.random.Generator], tuple[Numbers, Numbers]]:
    """A plain rule with paths that are off as the same rule was off at earlier weeks of the past it is given."""

    def answer(roots: Numbers, n_weeks: int, rng: np.random.Generator) -> tuple[Numbers, Numbers]:
        centre = rule(roots, n_weeks)
        errors = _past_errors(rule, roots, n_weeks, least_weeks if len(roots) >= least_weeks else RECENT)
        if np.isfinite(errors).sum() < LEAST_ERRORS:
            errors = _past_errors(_recent_mean, roots, n_weeks, RECENT)
        return centre, centre + _scatter(errors, rng)

    return answer


def _recent_mean(roots: Numbers, n_weeks: int) -> Numbers:
    return np.full(n_weeks, np.sqrt(np.mean(roots[-RECENT:] ** 2)))


def _past_errors(rule: Callable[[Numbers, int], Numbers], roots: Numbers, n_weeks: int, least: int) -> Numbers:
    """Row by row how far the rule was off after each week of the last year, from ``least`` weeks of history on.

    NaN where the weeks are not known yet.
    """
    made = []
    for origin in range(max(least, len(roots) - YEAR), len(roots)):
        known = roots[origin : origin + n_weeks]
        row = np.full(n_weeks, np.nan)
        row[: len(known)] = known - rule(roots[:origin], n_weeks)[: len(known)]
        made.append(row)
    return np.asarray(made).reshape(-1, n_weeks)


def _scatter(errors: Numbers, rng: np.random.Generator) -> Numbers:
    """Random errors as large as the past ones, week by week, and as much alike within a window as they were."""
    n_weeks = errors.shape[1]
    known = np.isfinite(errors)
    squares = np.where(known, errors, 0.0) ** 2
    seen = known.sum(axis=0)
    sizes = np.sqrt(squares.sum(axis=0) / np.maximum(seen, 1))
    sizes[seen < LEAST_ERRORS] = np.sqrt(squares.sum() / max(int(known.sum()), 1))
    sizes = np.maximum.accumulate(np.maximum(sizes, 1e-6))
    whole = errors[known.all(axis=1)] / sizes
    alike = 0.5
    if n_weeks > 1 and len(whole) >= LEAST_ERRORS:
        alike = float(np.clip((n_weeks * np.mean(whole.mean(axis=1) ** 2) - 1) / (n_weeks - 1), 0.0, 1.0))
    common = rng.standard_normal((N_PATHS, 1))
    own = rng.standard_normal((N_PATHS, n_weeks))
    return np.asarray(sizes * (np.sqrt(alike) * common + np.sqrt(1 - alike) * own))


def _smoothing(
    *, trend: bool = False, season: bool = False
) -> Callable[[Numbers, int, np.random.Generator], tuple[Numbers, Numbers]]:
    """Exponential smoothing with additive errors (Hyndman, Koehler, Ord and Snyder 2008), any trend damped."""

    def answer(roots: Numbers, n_weeks: int, rng: np.random.Generator) -> tuple[Numbers, Numbers]:
        from statsmodels.tsa.exponential_smoothing.ets import ETSModel

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            fitted = ETSModel(
                roots + _ripple(roots),
                error="add",
                trend="add" if trend else None,
                damped_trend=trend,
                seasonal="add" if season else None,
                seasonal_periods=YEAR if season else None,
                initialization_method="heuristic",
            ).fit(disp=False)
            centre = np.asarray(fitted.forecast(n_weeks))
            paths = fitted.simulate(n_weeks, anchor="end", repetitions=N_PATHS, rng=rng)
        return _around(centre, np.asarray(paths).reshape(n_weeks, N_PATHS).T)

    return answer


def _arima(roots: Numbers, n_weeks: int, rng: np.random.Generator) -> tuple[Numbers, Numbers]:
    """ARIMA(1, 1, 1) by maximum likelihood (Box and Jenkins 1970)."""
    from statsmodels.tsa.arima.model import ARIMA

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fitted = ARIMA(roots + _ripple(roots), order=(1, 1, 1)).fit()
        centre = np.asarray(fitted.forecast(n_weeks))
        paths = fitted.simulate(n_weeks, anchor="end", repetitions=N_PATHS, rng=rng)
    return _around(centre, np.asarray(paths).reshape(n_weeks, N_PATHS).T)


def _ripple(roots: Numbers) -> Numbers:
    """Next to nothing, alternating: a row of equal numbers has no variance that a likelihood could be made of."""
    return np.asarray(1e-6 * max(float(roots.max()), 1.0) * (-1.0) ** np.arange(len(roots)))


def _around(centre: Numbers, paths: Numbers) -> tuple[Numbers, Numbers]:
    """Centre and paths of a fitted model; the mean of a square is the square of the mean and the variance."""
    if not (np.isfinite(centre).all() and np.isfinite(paths).all()):
        raise FloatingPointError("the fit gave no finite numbers")
    return np.sqrt(np.clip(centre, 0.0, None) ** 2 + paths.var(axis=0)), paths


SAME_WEEK = Method(
    name="same_week",
    label="Same week last year",
    meaning="each week brings what the same week brought a year ago; before there is a year, the mean of the last 4",
    least_weeks=RECENT,
    answer=_by_rule(_same_week, YEAR),
)
"""What every other method has to beat (seasonal-naive)."""

CANDIDATES = (
    Method(
        name="last_year_level",
        label="Last year at this year's level",
        meaning=f"the same weeks a year ago, times growth of the last {LEVEL_WEEKS} weeks over a year",
        least_weeks=YEAR + LEVEL_WEEKS,
        answer=_by_rule(_last_year_at_level, YEAR + LEVEL_WEEKS),
    ),
    Method(
        name="level",
        label="Smoothed level",
        meaning="exponential smoothing without trend or season (ETS A,N,N)",
        least_weeks=8,
        answer=_smoothing(),
    ),
    Method(
        name="trend",
        label="Smoothed level and trend",
        meaning="exponential smoothing with a trend that fades (ETS A,Ad,N)",
        least_weeks=12,
        answer=_smoothing(trend=True),
    ),
    Method(
        name="season",
        label="Smoothed level and season",
        meaning="exponential smoothing with a season of 52 weeks (ETS A,N,A)",
        least_weeks=2 * YEAR,
        answer=_smoothing(season=True),
    ),
    Method(
        name="season_trend",
        label="Smoothed level, trend and season",
        meaning="exponential smoothing with a fading trend and a season of 52 weeks (ETS A,Ad,A)",
        least_weeks=2 * YEAR,
        answer=_smoothing(trend=True, season=True),
    ),
    Method(
        name="arima",
        label="ARIMA(1,1,1)",
        meaning="changes from week to week, explained by the change and the error of the week before",
        least_weeks=16,
        answer=_arima,
    ),
    Method(
        name="drift",
        label="Drift",
        meaning="the last week, and as much more each week as on average so far",
        least_weeks=8,
        answer=_by_rule(_drifting, 8),
    ),
)
"""What may be used instead."""

METHODS = {method.name: method for method in (SAME_WEEK, *CANDIDATES)}
