"""Scores of past days by models that knew only what was known there: the champion's estimator, fitted again.

Separate from the replay that judges them, because here nobody looks at what happened afterwards: outcomes enter only
where they were known by the cutoff.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from math import ceil
from typing import TYPE_CHECKING

import numpy as np

from churn_core.errors import NotEnoughData
from churn_core.features.build import build_features
from churn_core.features.definition import STEP_DAYS, count_at, known_until
from churn_core.jobs import Progress, no_progress, part
from churn_core.models.estimators import sigmoid
from churn_core.models.periods import (
    TRAINING_PERIODS,
    TRAINING_ROWS,
    Period,
    build_periods,
    learnt_by,
    sample_size,
    usable_cutoffs,
)
from churn_core.models.recipe import NOT_LEARNERS, Recipe
from churn_core.models.value import fit_value
from churn_core.models.walk_forward import Unseen, WalkForward

if TYPE_CHECKING:
    import pyarrow as pa

    from churn_core.models.blend import Blend
    from churn_core.models.registry import ModelVersion
    from churn_core.timeline import ChurnDefinition
    from churn_core.warehouse import Warehouse

N_CUTOFFS = 6
MOST_CUSTOMERS = 50_000
"""Customers scored at a cutoff; of more, a sample of that size is taken, the same customers at every cutoff."""
N_UNSEEN = 3
"""Earlier cutoffs from which the weights of a blend are learnt, as in training."""
N_LOOKS = 2
"""Cutoffs before the first replayed one that are fitted for these weights alone."""


@dataclass(frozen=True, kw_only=True)
class Scored:
    """The scores of one replayed cutoff."""

    cutoff: datetime
    estimator: str
    table: pa.Table
    """Columns of ``scores``: customer_id, risk, log_odds, expected_value, value_at_risk."""


def replayed_scores(
    warehouse: Warehouse,
    version: ModelVersion,
    definition: ChurnDefinition,
    *,
    n_cutoffs: int = N_CUTOFFS,
    most_customers: int = MOST_CUSTOMERS,
    until: datetime | None = None,
    seed: int = 42,
    progress: Progress = no_progress,
) -> list[Scored]:
    """Risk and value of the eligible customers at each past cutoff, by models that knew only what was known there."""
    end = until or known_until(warehouse)
    if end is None:
        raise NotEnoughData("there are no orders yet; import an order history first.")
    behind = ceil(definition.span_days / STEP_DAYS)
    grid = usable_cutoffs(warehouse, definition, end, n_most=TRAINING_PERIODS + behind + n_cutoffs - 1)
    periods = build_periods(
        warehouse,
        definition,
        grid,
        n_most=min(sample_size(min(len(grid), TRAINING_PERIODS), TRAINING_ROWS), most_customers),
        progress=part(progress, 0.0, 0.3),
    )
    cutoffs = [period.cutoff for period in periods if learnt_by(periods, period.cutoff, definition)][-n_cutoffs:]
    if not cutoffs:
        raise NotEnoughData(
            "no past day with customers to score has an earlier one to learn from; import a longer history."
        )
    learner = _Learner(warehouse, version, definition, periods, seed)
    earlier = [period.cutoff for period in learnt_by(periods, cutoffs[0], definition)][::-1][: 2 * N_LOOKS : 2][::-1]
    steps = len(earlier) + len(cutoffs)
    for number, cutoff in enumerate(earlier):
        learner.look(cutoff, part(progress, 0.3 + 0.7 * number / steps, 0.3 + 0.7 * (number + 1) / steps))
    made = []
    for number, cutoff in enumerate(cutoffs, len(earlier)):
        step = part(progress, 0.3 + 0.7 * number / steps, 0.3 + 0.7 * (number + 1) / steps)
        made.append(_score(warehouse, learner, cutoff, most_customers, step))
    return made


class _Learner:
    """Fits the champion's estimator again at cutoffs, oldest first, and remembers what it said unseen."""

    def __init__(
        self,
        warehouse: Warehouse,
        version: ModelVersion,
        definition: ChurnDefinition,
        periods: Sequence[Period],
        seed: int,
    ) -> None:
        stored = version.summary.get("recipe")
        recipe = Recipe.from_json(stored) if stored else Recipe()
        self.definition = definition
        self.chosen = version.estimator
        self.periods = {period.cutoff: period for period in periods}
        self.margin = float(warehouse.setting("margin_rate", 1.0))
        self._seen: list[Unseen] = []
        self._forward = WalkForward(
            warehouse=warehouse,
            definition=definition,
            periods=periods,
            seed=seed,
            recipe=_only(recipe, version.estimator),
            only_rhythm=version.estimator == "bgnbd",
        )

    def look(self, cutoff: datetime, progress: Progress) -> None:
        """Fit at an earlier cutoff only to learn weights from it later."""
        if self.chosen != "lateness" and self.known(cutoff):
            forward = self._at(cutoff)
            self._seen.append(forward.unseen(forward.fit(cutoff, progress), self.periods[cutoff]))

    def fit(self, cutoff: datetime, progress: Progress) -> tuple[Blend, str]:
        """The calibrated model as it would have been at a cutoff, and the estimator it is made by."""
        if self.chosen == "lateness":
            from churn_core.models.small_shop import fit_lateness

            found = fit_lateness(self._forward.warehouse, self.definition, self.known(cutoff), cutoff)
            return found.blend, "lateness"
        forward = self._at(cutoff)
        fitted = forward.fit(cutoff, progress)
        usable = [entry for entry in self._seen if self.definition.outcome_known_at(entry.cutoff) <= cutoff]
        choice = forward.choose(fitted, usable[-N_UNSEEN:])
        self._seen.append(forward.unseen(fitted, self.periods[cutoff]))
        name = self.chosen if self.chosen in choice.blends else choice.chosen
        return choice.blends[name], name

    def known(self, cutoff: datetime) -> list[Period]:
        """The periods a model of that day would have learnt from."""
        return learnt_by(list(self.periods.values()), cutoff, self.definition)[-TRAINING_PERIODS:]

    def _at(self, cutoff: datetime) -> WalkForward:
        return replace(self._forward, periods=self.known(cutoff))


def _only(recipe: Recipe, chosen: str) -> Recipe:
    """The recipe without learners that play no part in the chosen candidate."""
    if chosen in NOT_LEARNERS:
        return replace(recipe, estimators=("logistic",)) if chosen == "recency" else recipe
    return replace(recipe, estimators=(chosen,))


def _score(
    warehouse: Warehouse, learner: _Learner, cutoff: datetime, most_customers: int, progress: Progress
) -> Scored:
    """All eligible customers of a cutoff (a sample beyond the most), scored with what was known there."""
    import pyarrow as pa

    blend, estimator = learner.fit(cutoff, part(progress, 0.0, 0.8))
    progress(0.8, f"scoring as of {cutoff:%-d %b %Y}")
    n_asked = min(count_at(warehouse, learner.definition, cutoff).n_eligible, most_customers)
    frame = learner.periods[cutoff].frame
    if len(frame) < n_asked:
        frame = build_features(warehouse, cutoff, learner.definition, n_most=n_asked)
    log_odds = blend.log_odds(frame)
    value = fit_value(learner.known(cutoff), horizon_days=learner.definition.horizon_days)
    amount = value.expected_amount(frame) * learner.margin
    unknown, risk = np.isnan(amount), sigmoid(log_odds)
    table = pa.table(
        {
            "customer_id": pa.array(np.asarray(frame.index, dtype=object), pa.string()),
            "risk": risk,
            "log_odds": log_odds,
            "expected_value": pa.array(amount, mask=unknown),
            "value_at_risk": pa.array(risk * amount, mask=unknown),
        }
    )
    return Scored(cutoff=cutoff, estimator=estimator, table=table)
