"""The quality of risks over several cutoffs: what a user of one list gets on average.

A user ranks the customers of one moment. Risks of several cutoffs stand at different levels (before Christmas
everybody's is lower), so ranking all of them as one list would judge an order nobody uses: AUC, precision and lift are
taken within each cutoff. Errors of the level are what log loss, Brier score and calibration are for; those stay pooled.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from churn_core.models.evaluation import Capacity, Evaluation, Metric, evaluate
from churn_core.stats.proportions import wilson_interval

if TYPE_CHECKING:
    from numpy.typing import NDArray

Points = tuple[tuple[float, float], ...]


def evaluate_cutoffs(parts: Sequence[tuple[NDArray[np.bool_], NDArray[np.float64]]]) -> Evaluation:
    """Outcomes and risks of each cutoff as one evaluation; ranking is judged within cutoffs, weighted by customers.

    Intervals take the cutoffs as independent; neighbouring ones share customers, so they are somewhat too narrow.
    NotEnoughData when a cutoff knows only one outcome.
    """
    single = [evaluate(churned, risk) for churned, risk in parts]
    if len(single) == 1:
        return single[0]
    pooled = evaluate(np.concatenate([churned for churned, _ in parts]), np.concatenate([risk for _, risk in parts]))
    customers = np.array([found.n for found in single], dtype=float)
    churners = np.array([found.n_churned for found in single], dtype=float)
    capacity = tuple(_capacity([found.capacity[i] for found in single], pooled) for i in range(len(single[0].capacity)))
    top10 = next(row for row in capacity if row.share == 0.1)
    return replace(
        pooled,
        auc=_mean([found.auc for found in single], customers),
        pr_auc=_mean([found.pr_auc for found in single], customers),
        precision_top10=Metric(value=top10.precision, low=top10.precision_low, high=top10.precision_high),
        capacity=capacity,
        roc=_mean_curve([found.roc for found in single], customers),
        pr=_mean_curve([found.pr for found in single], customers),
        gain=_mean_curve([found.gain for found in single], churners),
    )


def _mean(metrics: Sequence[Metric], weight: NDArray[np.float64]) -> Metric:
    share = weight / weight.sum()
    value = float(sum(w * metric.value for w, metric in zip(share, metrics, strict=True)))
    below = float(np.sqrt(sum((w * (m.value - m.low)) ** 2 for w, m in zip(share, metrics, strict=True))))
    above = float(np.sqrt(sum((w * (m.high - m.value)) ** 2 for w, m in zip(share, metrics, strict=True))))
    return Metric(value=value, low=max(0.0, value - below), high=min(1.0, value + above))


def _capacity(rows: Sequence[Capacity], pooled: Evaluation) -> Capacity:
    """The same share contacted at every cutoff."""
    k, n_caught = sum(row.k for row in rows), sum(row.n_caught for row in rows)
    low, high = wilson_interval(n_caught, k)
    return Capacity(
        k=k,
        share=rows[0].share,
        n_caught=n_caught,
        precision=n_caught / k,
        precision_low=low,
        precision_high=high,
        recall=n_caught / pooled.n_churned,
        lift_ratio=(n_caught / k) / pooled.churn_rate,
    )


def _mean_curve(curves: Sequence[Points], weight: NDArray[np.float64]) -> Points:
    """The mean height of the curves at every percent of their common axis."""
    grid = np.linspace(0.0, 1.0, 101)
    share = weight / weight.sum()
    height = np.zeros(len(grid))
    for w, curve in zip(share, curves, strict=True):
        x, y = np.array(curve, dtype=float).T
        order = np.argsort(x, kind="stable")
        height += w * np.interp(grid, x[order], y[order])
    return tuple((round(float(x), 6), round(float(y), 6)) for x, y in zip(grid, height, strict=True))
