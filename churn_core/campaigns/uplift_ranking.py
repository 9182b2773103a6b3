"""How well a ranking by uplift puts those first whom the treatment moves, and how sure that is.

The curves are those of :mod:`churn_core.stats.uplift_curves`, as scikit-uplift defines them; here customers may weigh
more or less, which is what a bootstrap and unequal shares of the arms need. The order is sorted once: a draw of the
bootstrap changes only how often each customer counts (Hanley & MacGibbon, 2006: weights from a Poisson draw).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from churn_core.stats.estimate import Estimate

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from churn_core.campaigns.uplift_learners import Trial

N_DRAWS = 500
N_POINTS = 50
"""Places along the ranking at which the curve is kept."""
TOP_SHARE = 0.3
"""Share of the ranking whose effect is held against the average."""
STRETCH = float(np.sqrt(2.0))
"""By how much intervals of what was cross-fitted are wider than the bootstrap of fixed scores says.

Each part of the customers judges models that learnt from the others, and the other way round, so every chance likeness
of two parts is counted twice: where nobody differs the variance is twice that of judging by strangers, whatever the
number of folds (the degenerate case of Luedtke & van der Laan, 2016). Where customers do differ this is cautious.
"""


@dataclass(frozen=True, kw_only=True)
class CurvePoint:
    """One place along the ranking."""

    share: float
    """Share of all customers, best first."""
    gain: float
    """Further outcomes among the treated so far; a total."""
    low: float
    """Lower end of a 95 % interval of the distance from the random line, drawn from that line."""
    high: float
    """Upper end."""
    random: float
    """The same for a ranking by chance."""


@dataclass(frozen=True, kw_only=True)
class Ranking:
    """A ranking judged."""

    qini: Estimate
    """Area between Qini curve and random line: as a share of the perfect one for yes or no, else per treated
    customer in the outcome's unit; with a 95 % bootstrap interval."""
    auuc: Estimate
    """The same for the uplift curve."""
    top_share: float
    """Share of customers taken from the top."""
    top_effect: Estimate
    """Difference of the arms among them."""
    average_effect: Estimate
    """Difference of the arms among all."""
    top_gain: Estimate
    """The one minus the other, with the interval of the difference: both are of the same customers."""
    curve: tuple[CurvePoint, ...]
    is_normalised: bool
    """Whether the areas are shares of the perfect one."""

    @property
    def has_evidence(self) -> bool:
        """Whether the ranking is better than chance beyond noise."""
        return self.qini.low is not None and self.qini.low > 0


@dataclass(frozen=True)
class _Sums:
    """Weighted totals from the best place on, after each place."""

    n: NDArray[np.float64]
    n_treated: NDArray[np.float64]
    hits: NDArray[np.float64]
    hits_treated: NDArray[np.float64]


class _Sorted:
    """The customers in the order of the ranking."""

    def __init__(self, trial: Trial, score: NDArray[np.float64]) -> None:
        order = np.argsort(score, kind="stable")[::-1]
        self.y = trial.outcome[order]
        self.t = trial.treated[order].astype(float)
        share = float(trial.propensity.mean())
        chance = trial.propensity[order]
        self.base = np.where(self.t == 1, share / chance, (1 - share) / (1 - chance))
        self.ends = np.append(np.flatnonzero(np.diff(score[order])), len(order) - 1)
        self.is_rate = trial.is_rate

    def sums(self, weight: NDArray[np.float64]) -> _Sums:
        treated = weight * self.t
        return _Sums(np.cumsum(weight), np.cumsum(treated), np.cumsum(weight * self.y), np.cumsum(treated * self.y))

    def areas(self, sums: _Sums) -> tuple[float, float]:
        """Qini and AUUC."""
        n, n_treated, hits, hits_treated = (
            np.append(0.0, column[self.ends]) for column in (sums.n, sums.n_treated, sums.hits, sums.hits_treated)
        )
        qini = qini_gain(n, n_treated, hits, hits_treated)
        uplift = _difference(n, n_treated, hits, hits_treated) * n
        found = [_above_chance(n, gain) for gain in (qini, uplift)]
        if not self.is_rate:
            return found[0] / (n[-1] * n_treated[-1]), found[1] / n[-1] ** 2
        best = _perfect(n[-1], n_treated[-1], hits[-1], hits_treated[-1])
        return (found[0] / best[0] if best[0] else np.nan, found[1] / best[1] if best[1] else np.nan)


def judge_ranking(
    trial: Trial, score: NDArray[np.float64], *, n_draws: int = N_DRAWS, seed: int = 0, top_share: float = TOP_SHARE
) -> Ranking:
    """Qini, AUUC and the effect of the best share of a ranking, with 95 % percentile bootstrap intervals."""
    ranked = _Sorted(trial, score)
    whole = ranked.sums(ranked.base)
    qini, auuc = ranked.areas(whole)
    place = max(1, int(len(trial) * top_share)) - 1
    places = np.unique(np.linspace(0, len(trial), N_POINTS + 1).astype(int)[1:]) - 1
    shares = (places + 1) / len(trial)
    gains = _gains(whole, places)
    draw = np.random.default_rng(seed)
    drawn = np.empty((n_draws, 5))
    curves = np.empty((n_draws, len(places)))
    for number in range(n_draws):
        sums = ranked.sums(ranked.base * draw.poisson(1.0, len(trial)))
        drawn[number, :2] = ranked.areas(sums)
        top, average = _effect(sums, place), _effect(sums, -1)
        drawn[number, 2:] = top, average, top - average
        curves[number] = _over_random(_gains(sums, places), shares) * len(trial) / sums.n[-1]
    top, average = _effect(whole, place), _effect(whole, -1)
    values = (qini, auuc, top, average, top - average)
    stretched = (True, True, True, False, True)
    told = [_estimate(value, drawn[:, i], STRETCH if stretched[i] else 1.0) for i, value in enumerate(values)]
    return Ranking(
        qini=told[0],
        auuc=told[1],
        top_share=top_share,
        top_effect=told[2],
        average_effect=told[3],
        top_gain=told[4],
        curve=_points(gains, curves, shares),
        is_normalised=trial.is_rate,
    )


def _over_random(gains: NDArray[np.float64], shares: NDArray[np.float64]) -> NDArray[np.float64]:
    """How far a curve lies above the straight line to its end."""
    return np.asarray(gains - shares * gains[-1])


def _points(
    gains: NDArray[np.float64], curves: NDArray[np.float64], shares: NDArray[np.float64]
) -> tuple[CurvePoint, ...]:
    random, above = shares * gains[-1], _over_random(gains, shares)
    low, high = (above + STRETCH * (ends - above) for ends in np.quantile(curves, (0.025, 0.975), axis=0))
    columns = (shares, gains, random + low, random + high, random)
    return tuple(
        CurvePoint(share=share, gain=gain, low=lower, high=upper, random=line)
        for share, gain, lower, upper, line in zip(*(column.tolist() for column in columns), strict=True)
    )


def within_folds(score: NDArray[np.float64], fold: NDArray[np.int64]) -> NDArray[np.float64]:
    """Each score as its place within its fold, in (0, 1); equal scores share a place.

    Models of different folds have different averages - the lower, the better the part left out responded - so their
    raw scores in one order would rank the folds, backwards.
    """
    from scipy.stats import rankdata

    made = np.zeros(len(score))
    for number in np.unique(fold):
        rows = fold == number
        made[rows] = (rankdata(score[rows]) - 0.5) / rows.sum()
    return made


def qini_gain(
    n: NDArray[np.float64],
    n_treated: NDArray[np.float64],
    hits: NDArray[np.float64],
    hits_treated: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Outcomes of the treated minus those of the controls scaled to as many (Radcliffe, 2007)."""
    n_control = n - n_treated
    scale = np.divide(n_treated, n_control, out=np.zeros_like(n), where=n_control > 0)
    return np.asarray(hits_treated - (hits - hits_treated) * scale)


def _gains(sums: _Sums, places: NDArray[np.int64]) -> NDArray[np.float64]:
    return qini_gain(*(column[places] for column in (sums.n, sums.n_treated, sums.hits, sums.hits_treated)))


def _difference(
    n: NDArray[np.float64],
    n_treated: NDArray[np.float64],
    hits: NDArray[np.float64],
    hits_treated: NDArray[np.float64],
) -> NDArray[np.float64]:
    n_control, control = n - n_treated, hits - hits_treated
    first = np.divide(hits_treated, n_treated, out=np.zeros_like(n), where=n_treated > 0)
    second = np.divide(control, n_control, out=np.zeros_like(n), where=n_control > 0)
    return np.asarray(first - second)


def _effect(sums: _Sums, place: int) -> float:
    n, n_treated = sums.n[place], sums.n_treated[place]
    if n_treated <= 0 or n - n_treated <= 0:
        return float("nan")
    return float(sums.hits_treated[place] / n_treated - (sums.hits[place] - sums.hits_treated[place]) / (n - n_treated))


def _perfect(n: float, n_treated: float, hits: float, hits_treated: float) -> tuple[float, float]:
    """Areas of the perfect orders above chance, from the four cells of arm and outcome, as scikit-uplift orders them.

    Qini: treated with the outcome, then whom nothing moves, then controls with it. AUUC: as its source orders them.
    """
    control_hits = hits - hits_treated
    treated_misses, control_misses = n_treated - hits_treated, n - n_treated - control_hits
    cells = {
        "treated hit": (hits_treated, hits_treated, hits_treated, hits_treated),
        "treated miss": (treated_misses, treated_misses, 0.0, 0.0),
        "control hit": (control_hits, 0.0, control_hits, 0.0),
        "control miss": (control_misses, 0.0, 0.0, 0.0),
    }
    best_first = [["treated hit"], ["treated miss", "control miss"], ["control hit"]]
    found = _steps(cells, best_first)
    qini = _above_chance(found[0], qini_gain(found[0], found[1], found[2], found[3]))
    last = ["control hit", "treated miss"] if control_hits > treated_misses else ["treated miss", "control hit"]
    found = _steps(cells, [["treated hit"], ["control miss"], *([name] for name in last)])
    return qini, _above_chance(found[0], _difference(found[0], found[1], found[2], found[3]) * found[0])


def _steps(cells: Mapping[str, tuple[float, ...]], best_first: list[list[str]]) -> NDArray[np.float64]:
    """Customers, treated, outcomes and outcomes of the treated after each group of a ranking, from zero."""
    groups = [np.sum([cells[name] for name in together], axis=0) for together in best_first]
    return np.cumsum([np.zeros(4), *groups], axis=0).T


def _above_chance(n: NDArray[np.float64], gain: NDArray[np.float64]) -> float:
    return float(np.trapezoid(gain, n) - n[-1] * gain[-1] / 2)


def _estimate(value: float, drawn: NDArray[np.float64], stretch: float) -> Estimate:
    known = drawn[np.isfinite(drawn)]
    if not np.isfinite(value) or len(known) < len(drawn) // 2:
        return Estimate.undefined("one arm has nobody there, or the outcomes leave no room for a better ranking.")
    low, high = (value + stretch * (float(end) - value) for end in np.quantile(known, (0.025, 0.975)))
    return Estimate(value=float(value), low=low, high=high)
