"""What a search is judged by: answers on rows that an estimator could not have learnt from.

For an order history these are later cutoffs, each answered by what was known there; for a labelled table folds that
keep twins together. Order histories are never split at random.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from churn_core.models.blend import EXPECTED
from churn_core.models.calibration import fit_weights
from churn_core.models.estimators import Estimator
from churn_core.models.folds import stratified_folds

if TYPE_CHECKING:
    from datetime import datetime

    import pandas as pd
    from numpy.typing import NDArray

    from churn_core.models.walk_forward import WalkForward

N_FOLDS = 5
"""Folds that settings are compared in."""


class Judge(Protocol):
    """Rows in parts, each with rows to learn from that are fit for it."""

    parts: Sequence[NDArray[Any]]
    """The rows of each part, as positions in ``churned``."""
    churned: NDArray[np.bool_]
    level_of: NDArray[Any]
    """Which level each row's log-odds may have: one per cutoff, or one for all."""

    def answer(self, number: int, make: Callable[[], Estimator]) -> NDArray[np.float64]:
        """Log-odds of the rows of a part by an estimator fitted on what the part allows."""


class LaterCutoffs:
    """Past cutoffs as parts, each answered by what was known there."""

    def __init__(self, forward: WalkForward, cutoffs: Sequence[datetime]) -> None:
        by_cutoff = {period.cutoff: period for period in forward.periods}
        self._rows: list[tuple[pd.DataFrame, NDArray[np.bool_], pd.DataFrame]] = []
        self.cutoffs: list[datetime] = []
        self.rhythm: list[NDArray[np.float64]] = []
        """Log-odds of the purchase model for each part; it has no settings to search."""
        outcomes: list[NDArray[np.bool_]] = []
        self.seed = forward.seed
        for cutoff in cutoffs:
            rows = forward.rows_at(cutoff)
            period = by_cutoff[cutoff]
            if rows is None or not period.has_both:
                continue
            held = period.frame.assign(**{EXPECTED: rows.rhythm.expected(period.frame)})
            self._rows.append((rows.frame, rows.churned, held))
            self.rhythm.append(rows.rhythm.log_odds(held))
            self.cutoffs.append(cutoff)
            outcomes.append(period.churned)
        self.churned = np.concatenate(outcomes) if outcomes else np.zeros(0, dtype=bool)
        sizes = [len(outcome) for outcome in outcomes]
        self.level_of: NDArray[Any] = np.repeat(np.arange(len(sizes)), sizes)
        self.parts: Sequence[NDArray[Any]] = (
            np.split(np.arange(len(self.churned)), np.cumsum(sizes)[:-1]) if sizes else []
        )

    def answer(self, number: int, make: Callable[[], Estimator]) -> NDArray[np.float64]:
        """Log-odds at a cutoff by an estimator fitted on what was known there."""
        frame, churned, held = self._rows[number]
        return make().fit(frame, churned, seed=self.seed).log_odds(held)


class HeldOutFolds:
    """Stratified folds as parts; rows of a group stay together."""

    def __init__(
        self, frame: pd.DataFrame, churned: NDArray[np.bool_], group: NDArray[np.int64] | None, *, seed: int
    ) -> None:
        self.churned = np.asarray(churned, dtype=bool)
        self.level_of: NDArray[Any] = np.zeros(len(self.churned), dtype=np.int64)
        folds = stratified_folds(self.churned, group, n_folds=N_FOLDS, seed=seed)
        self.parts: Sequence[NDArray[Any]] = [np.flatnonzero(folds == fold) for fold in range(int(folds.max()) + 1)]
        self._frame, self._folds, self.seed = frame, folds, seed

    def answer(self, number: int, make: Callable[[], Estimator]) -> NDArray[np.float64]:
        """Log-odds of a fold by an estimator fitted on the other folds."""
        held = self._folds == number
        return make().fit(self._frame[~held], self.churned[~held], seed=self.seed).log_odds(self._frame[held])


def calibrated_loss(judge: Judge, answers: NDArray[np.float64], n_parts: int | None = None) -> float:
    """Mean log loss of answers with one slope and the levels of the judge; of the first parts only when asked."""
    rows = np.concatenate(judge.parts[:n_parts])
    return fit_weights(answers[rows, None], judge.churned[rows], judge.level_of[rows]).log_loss


def row_losses(judge: Judge, answers: NDArray[np.float64]) -> NDArray[np.float64]:
    """Log loss of every row, calibrated as in :func:`calibrated_loss`."""
    weights = fit_weights(answers[:, None], judge.churned, judge.level_of)
    combined = weights.slopes[0] * answers + np.asarray(weights.levels)[judge.level_of]
    losses: NDArray[np.float64] = np.logaddexp(0.0, combined) - judge.churned * combined
    return losses
