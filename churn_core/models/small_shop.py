"""Very small shops: lateness against the own rhythm, bent and judged by the outcomes there are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from churn_core.errors import NotEnoughData
from churn_core.features.build import build_features
from churn_core.models.blend import Blend
from churn_core.models.calibration import level_of
from churn_core.models.estimators import sigmoid
from churn_core.models.evaluation import Evaluation, evaluate
from churn_core.models.lateness import Lateness
from churn_core.models.periods import Period, learnt_by, stacked

if TYPE_CHECKING:
    import pandas as pd

    from churn_core.timeline import ChurnDefinition
    from churn_core.warehouse import Warehouse

LEAST_TO_CALIBRATE = 20
"""Outcomes of each kind needed before a level is read from the past."""


@dataclass(frozen=True, kw_only=True)
class SmallShop:
    """Lateness, calibrated as far as outcomes allow, with its judgement."""

    blend: Blend
    notes: tuple[str, ...]
    evaluation: Evaluation | None
    """Quality at the latest cutoff whose outcome is known, with what was known there; None when one outcome is all."""
    judged_at: datetime | None
    training_cutoffs: tuple[datetime, ...]
    """The cutoffs whose outcomes were known when it was judged."""


def fit_lateness(
    warehouse: Warehouse, definition: ChurnDefinition, periods: Sequence[Period], end: datetime
) -> SmallShop:
    """Lateness as of ``end``; past outcomes bend it as far as there are any. NotEnoughData when nobody is eligible."""
    now = build_features(warehouse, end, definition)
    if not len(now):
        raise NotEnoughData("no customer is eligible now; widen the activity window or import newer orders.")
    blend, note = _calibrated(periods, definition, now)
    latest = periods[-1] if periods else None
    judged, known = None, []
    if latest is not None and latest.has_both:
        known = learnt_by(periods, latest.cutoff, definition)
        then, _ = _calibrated(known, definition, latest.frame)
        judged = evaluate(latest.churned, sigmoid(then.log_odds(latest.frame)))
    about = (
        f"Judged at {latest.cutoff:%-d %b %Y} on {judged.n:,} customers, with what was known then{_few(latest)}."
        if judged and latest
        else "Not judged: no past cutoff knows both outcomes."
    )
    return SmallShop(
        blend=blend,
        notes=(note, about),
        evaluation=judged,
        judged_at=latest.cutoff if judged and latest else None,
        training_cutoffs=tuple(period.cutoff for period in known),
    )


def _calibrated(periods: Sequence[Period], definition: ChurnDefinition, now: pd.DataFrame) -> tuple[Blend, str]:
    """Lateness fitted to these periods, and where its level comes from."""
    estimator = Lateness(horizon_days=definition.horizon_days)
    shift, note = 0.0, "The level rests on a general rule, because there are too few known outcomes to read it from."
    if not periods:
        estimator.fit(now)
        return Blend(members=[estimator], slopes=[1.0], level=shift, recipe={}), note
    frame, churned, _ = stacked(periods)
    estimator.fit(frame, churned)
    if min(churned.sum(), (~churned).sum()) >= LEAST_TO_CALIBRATE:
        shift = level_of(estimator.log_odds(frame), churned)
        n_customers = len(set().union(*(period.frame.index for period in periods)))
        note = (
            f"The level is read from {len(churned):,} known outcomes of {n_customers:,} customers at {len(periods)} "
            f"cutoffs ({shift:+.2f} log-odds on the rule)."
        )
    return Blend(members=[estimator], slopes=[1.0], level=shift, recipe={}), note


def _few(period: Period) -> str:
    """That a judgement on a handful of customers says next to nothing; empty where there are enough."""
    n_rarer = int(min(period.churned.sum(), (~period.churned).sum()))
    return "" if n_rarer >= LEAST_TO_CALIBRATE else "; on so few its measures are left to chance"
