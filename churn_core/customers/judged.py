"""How the model behind a score run did on the past that it was judged on, beside what its risks promise.

Separate because it counts what happened, while everything else about cut-offs is what the risks lead one to expect.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from churn_core.models.evaluation import Confusion, Evaluation, confusion, evaluation_from_dict
from churn_core.models.registry import model_versions
from churn_core.stats.proportions import wilson_interval

if TYPE_CHECKING:
    from churn_core.warehouse import Warehouse


@dataclass(frozen=True, kw_only=True)
class Rate:
    """A share that was counted, with its denominator."""

    value: float
    low: float
    high: float
    """95 % interval (Wilson, 1927)."""
    n: int
    """Cases it is a share of."""


@dataclass(frozen=True, kw_only=True)
class JudgedCutoff:
    """What calling everybody from a risk on would have meant on the judged past."""

    counts: Confusion
    n: int
    """Customers judged, over all cutoffs."""
    is_past: bool
    """Whether they were judged at past cutoffs, rather than as held-out rows of a table without time."""
    precision: Rate | None
    """Churners among the called; None when nobody would have been called."""
    recall: Rate | None
    """Called among the churners; None when nobody churned."""


@dataclass(frozen=True, kw_only=True)
class Judged:
    """The judgement that is kept with a model version."""

    evaluation: Evaluation
    n_periods: int
    """Cutoffs it was judged at; 0 for a table without time."""
    level_error: float
    """How far the mean risk was from the share that churned: root mean square over the periods, as a share."""
    level_half_width: float | None = None
    """The level of all risks is within so many log-odds of the right one, with 95 % confidence, as the model reads it
    from the seasons of the past; None where it has no seasons to read."""

    def at(self, threshold: float) -> JudgedCutoff:
        """Precision and recall on the past at a threshold, which is rounded to a whole percent."""
        counts = confusion(self.evaluation, threshold)
        called = counts.n_true_positive + counts.n_false_positive
        churned = counts.n_true_positive + counts.n_false_negative
        return JudgedCutoff(
            counts=counts,
            n=self.evaluation.n,
            is_past=self.n_periods > 0,
            precision=_rate(counts.n_true_positive, called),
            recall=_rate(counts.n_true_positive, churned),
        )


def judged_model(warehouse: Warehouse, model_version: int) -> Judged | None:
    """How a model version did on the past; None when it was not judged or is not there any more."""
    version = next((found for found in model_versions(warehouse) if found.model_version == model_version), None)
    stored = version.summary.get("evaluation") if version else None
    if version is None or not stored:
        return None
    evaluation = evaluation_from_dict(stored)
    periods = version.summary.get("periods") or ()
    gaps = [float(period["churn_rate"]) - float(period["mean_predicted"]) for period in periods]
    gaps = gaps or [evaluation.churn_rate - evaluation.mean_predicted]
    return Judged(
        evaluation=evaluation,
        n_periods=len(periods),
        level_error=math.sqrt(sum(gap * gap for gap in gaps) / len(gaps)),
        level_half_width=_half_width(version.summary),
    )


def _half_width(summary: Mapping[str, Any]) -> float | None:
    season = (summary.get("calibration") or {}).get("season") or {}
    width = season.get("half_width")
    return None if width is None else float(width)


def _rate(n_hits: int, n: int) -> Rate | None:
    if not n:
        return None
    low, high = wilson_interval(n_hits, n)
    return Rate(value=n_hits / n, low=low, high=high, n=n)
