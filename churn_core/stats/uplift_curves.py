"""How well an uplift score puts those first whom the treatment moves: Qini and uplift curves.

As scikit-uplift 0.5 defines them (Radcliffe, 2007; Devriendt, Guns & Verbeke, 2020); raw areas and normalised ones
cannot be compared with each other, so both carry their name.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from churn_core.errors import InputError, NotEnoughData

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray


@dataclass(frozen=True, kw_only=True)
class Curve:
    """Cumulative gain over customers contacted, best score first."""

    n_contacted: NDArray[np.int64]
    gain: NDArray[np.float64]
    """Further outcomes: among the treated for the Qini curve, among all for the uplift curve."""

    @property
    def area(self) -> float:
        """Area under the curve by trapezoids."""
        return float(np.trapezoid(self.gain, self.n_contacted))

    @property
    def random_area(self) -> float:
        """Area under the straight line to the same end."""
        return float(self.n_contacted[-1] * self.gain[-1] / 2)


def qini_curve(outcome: ArrayLike, uplift: ArrayLike, treated: ArrayLike) -> Curve:
    """Outcomes of the treated minus those of the controls scaled to as many, among the first of the ranking."""
    y, score, arm = _columns(outcome, uplift, treated)
    places, n_treated, n_control, hits, control_hits = _cumulative(y, score, arm)
    scale = np.divide(n_treated, n_control, out=np.zeros_like(n_treated), where=n_control > 0)
    return _from_zero(places, hits - control_hits * scale)


def uplift_curve(outcome: ArrayLike, uplift: ArrayLike, treated: ArrayLike) -> Curve:
    """Difference of the arms' rates among the first of the ranking, times their number."""
    y, score, arm = _columns(outcome, uplift, treated)
    places, n_treated, n_control, hits, control_hits = _cumulative(y, score, arm)
    first = np.divide(hits, n_treated, out=np.zeros_like(hits), where=n_treated > 0)
    second = np.divide(control_hits, n_control, out=np.zeros_like(hits), where=n_control > 0)
    return _from_zero(places, (first - second) * places)


def qini_score(outcome: ArrayLike, uplift: ArrayLike, treated: ArrayLike) -> float:
    """Area between Qini curve and random line, as a share of the perfect one (with negative effects)."""
    y, score, arm = _columns(outcome, uplift, treated)
    perfect = qini_curve(y, y * arm - y * (1 - arm), arm)
    return _normalised(qini_curve(y, score, arm), perfect)


def uplift_score(outcome: ArrayLike, uplift: ArrayLike, treated: ArrayLike) -> float:
    """Area between uplift curve and random line, as a share of the perfect one (AUUC, normalised)."""
    y, score, arm = _columns(outcome, uplift, treated)
    n_control_hits, n_treated_misses = (y * (1 - arm)).sum(), ((1 - y) * arm).sum()
    perfect = uplift_curve(y, 2 * (y == arm) + (y if n_control_hits > n_treated_misses else arm), arm)
    return _normalised(uplift_curve(y, score, arm), perfect)


def uplift_at(outcome: ArrayLike, uplift: ArrayLike, treated: ArrayLike, *, share: float) -> float:
    """Difference of the arms' rates among the best share of all customers.

    NotEnoughData when an arm has nobody there.
    """
    y, score, arm = _columns(outcome, uplift, treated)
    if not 0 < share <= 1:
        raise InputError(f"the share is {share:g}; choose more than 0 and at most 1.")
    first = np.argsort(score, kind="stable")[::-1][: max(1, int(len(y) * share))]
    n_treated = arm[first].sum()
    if n_treated in (0, len(first)):
        raise NotEnoughData(
            "one arm has no customer among the best share, so no effect can be told; take a larger one."
        )
    return float(y[first] @ arm[first] / n_treated - y[first] @ (1 - arm[first]) / (len(first) - n_treated))


def _columns(
    outcome: ArrayLike, uplift: ArrayLike, treated: ArrayLike
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    y, score, arm = (np.asarray(column, dtype=float) for column in (outcome, uplift, treated))
    if not len(y) == len(score) == len(arm) or not len(y):
        raise InputError("outcome, score and arm must be as long as each other, with at least one customer.")
    if not np.isin(y, (0, 1)).all() or not np.isin(arm, (0, 1)).all() or not np.isfinite(score).all():
        raise InputError("outcome and arm must be 0 or 1 and every customer needs a score.")
    if arm.all() or not arm.any():
        raise NotEnoughData("all customers are in one arm, so no uplift can be told.")
    return y, score, arm


def _cumulative(y: NDArray[np.float64], score: NDArray[np.float64], arm: NDArray[np.float64]) -> tuple[np.ndarray, ...]:
    """Counts up to the end of each group of equal scores, best first."""
    order = np.argsort(score, kind="stable")[::-1]
    ends = np.append(np.flatnonzero(np.diff(score[order])), len(y) - 1)
    n_treated = np.cumsum(arm[order])[ends]
    hits = np.cumsum((y * arm)[order])[ends]
    control_hits = np.cumsum((y * (1 - arm))[order])[ends]
    return ends + 1, n_treated, ends + 1 - n_treated, hits, control_hits


def _from_zero(places: NDArray[np.int64], gain: NDArray[np.float64]) -> Curve:
    return Curve(n_contacted=np.append(0, places), gain=np.append(0.0, gain))


def _normalised(found: Curve, perfect: Curve) -> float:
    best = perfect.area - perfect.random_area
    if best == 0:
        raise NotEnoughData("the outcomes leave no room for a better ranking, so the score is not defined.")
    return (found.area - found.random_area) / best
