"""The model of an order history: a calibrated blend, what a stayer is worth, and the judgement that chose it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

import numpy as np

from churn_core.errors import NotEnoughData
from churn_core.features.build import build_features
from churn_core.features.definition import known_until
from churn_core.jobs import Progress, no_progress, part
from churn_core.models.backtest import Backtest, choice_details, choice_range, spaced
from churn_core.models.blend import Blend
from churn_core.models.decision_tree import rules_of
from churn_core.models.estimators import Contributions, sigmoid
from churn_core.models.evaluation import Evaluation, evaluate
from churn_core.models.leakage import suspected_leaks
from churn_core.models.periods import (
    TRAINING_PERIODS,
    TRAINING_ROWS,
    Period,
    build_periods,
    sample_size,
    usable_cutoffs,
)
from churn_core.models.recipe import Recipe
from churn_core.models.season import Season, season_words
from churn_core.models.several import evaluate_cutoffs
from churn_core.models.small_shop import SmallShop, fit_lateness
from churn_core.models.value import ValueJudged, ValueModel, fit_value, judge_value
from churn_core.models.walk_forward import Choice, Fitted, Unseen, WalkForward, walk

if TYPE_CHECKING:
    import pandas as pd

    from churn_core.timeline import ChurnDefinition
    from churn_core.warehouse import Warehouse

RANGE_CUSTOMERS = 5_000
"""Customers whose mean risk is given with its range."""
N_JUDGED = 3
"""Past cutoffs at which the candidates are judged."""


@dataclass(frozen=True, kw_only=True)
class OrderModel:
    """Risk and value of the customers of an order history."""

    blend: Blend
    value: ValueModel

    @property
    def feature_names(self) -> tuple[str, ...]:
        """Inputs in order, the expected orders and the season included where they are used."""
        return self.blend.feature_names

    def contributions(self, frame: pd.DataFrame) -> Contributions:
        """Contributions that sum to the calibrated log-odds."""
        return self.blend.contributions(frame)

    def to_json(self) -> dict[str, Any]:
        """Everything needed to answer again."""
        return {"blend": self.blend.to_json(), "value": self.value.to_json()}

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> OrderModel:
        """The model that :meth:`to_json` described."""
        return cls(blend=Blend.from_json(stored["blend"]), value=ValueModel.from_json(stored["value"]))


@dataclass(frozen=True, kw_only=True)
class FittedOrders:
    """The model, its estimator's name and the summary that goes with it."""

    model: OrderModel
    chosen: str
    summary: dict[str, Any]
    periods: tuple[Period, ...] = ()
    """The cutoffs it was fitted and judged on, oldest first."""
    judged: tuple[Judged, ...] = ()
    """The cutoffs it was judged at; none where it could not be judged."""


@dataclass(frozen=True, kw_only=True)
class Judged:
    """One past cutoff at which the candidates were judged with what was known then."""

    cutoff: datetime
    training_cutoffs: tuple[datetime, ...]
    evaluations: Mapping[str, Evaluation]
    risks: Mapping[str, np.ndarray]
    churned: np.ndarray
    blends: Mapping[str, Blend] = field(default_factory=dict)
    """Every candidate as it was made from what was known then."""


def fit_orders(
    warehouse: Warehouse,
    definition: ChurnDefinition,
    *,
    method: str,
    seed: int,
    recipe: Recipe | None = None,
    as_of: datetime | None = None,
    progress: Progress = no_progress,
) -> FittedOrders:
    """Fit the method the data allows: full, bgnbd or lateness, with what was known at ``as_of`` (default: all).

    Raises NotEnoughData when nothing can be fitted.
    """
    end = as_of or known_until(warehouse)
    if end is None:
        raise NotEnoughData("there are no orders yet; import an order history first.")
    cutoffs = usable_cutoffs(warehouse, definition, end, n_most=TRAINING_PERIODS)
    periods = build_periods(
        warehouse,
        definition,
        cutoffs,
        n_most=sample_size(len(cutoffs), TRAINING_ROWS),
        progress=part(progress, 0.0, 0.4),
    )
    value = fit_value(periods, horizon_days=definition.horizon_days)
    if method == "lateness":
        small = fit_lateness(warehouse, definition, periods, end)
        made = OrderModel(blend=small.blend, value=value)
        summary = _small_summary(small, made, periods)
        return FittedOrders(model=made, chosen="lateness", summary=summary, periods=tuple(periods))
    forward = WalkForward(
        warehouse=warehouse,
        definition=definition,
        periods=periods,
        seed=seed,
        recipe=recipe or Recipe(),
        only_rhythm=method == "bgnbd",
    )
    walked = walk(forward, spaced([period.cutoff for period in periods], N_JUDGED), part(progress, 0.4, 0.85))
    judged = _judge(forward, walked)
    progress(0.85, "fitting on all that is known")
    fitted = forward.fit(end, part(progress, 0.85, 0.95))
    choice = _by_the_table(forward.choose(fitted, [unseen for _, unseen in walked]), _overall(judged))
    model = OrderModel(blend=choice.blends[choice.chosen], value=value)
    by_cutoff = {period.cutoff: period for period in periods}
    rounds = [(made.periods, by_cutoff[made.cutoff]) for made, _ in walked if made.periods]
    worth = judge_value(rounds, horizon_days=definition.horizon_days)
    progress(0.98, "judged")
    summary = _summary(choice, fitted, judged, periods, model)
    now = build_features(warehouse, end, definition, n_most=RANGE_CUSTOMERS)
    summary["calibration"] = choice_details(choice, now)
    summary["notes"].insert(0, season_words(choice.season[choice.chosen], choice_range(choice, now)))
    summary["value"] |= {"held_out": worth.to_json() if worth else None}
    summary["notes"] += _value_notes(worth)
    return FittedOrders(
        model=model, chosen=choice.chosen, summary=summary, periods=tuple(periods), judged=tuple(judged)
    )


def _by_the_table(choice: Choice, overall: Mapping[str, Evaluation]) -> Choice:
    """The choice with the candidate of least log loss among those judged, which is what the table shows."""
    judged = [name for name in choice.blends if name in overall]
    if not judged:
        return choice
    return replace(choice, chosen=min(judged, key=lambda name: overall[name].log_loss.value))


def _judge(forward: WalkForward, walked: Sequence[tuple[Fitted, Unseen]]) -> list[Judged]:
    """Every candidate at every walked cutoff, calibrated only with what was known there."""
    by_cutoff = {period.cutoff: period for period in forward.periods}
    made = []
    for number, (fitted, _) in enumerate(walked):
        period = by_cutoff[fitted.cutoff]
        if not period.has_both:
            continue
        choice = forward.choose(fitted, [unseen for _, unseen in walked[:number]])
        risks = {name: sigmoid(blend.log_odds(period.frame)) for name, blend in choice.blends.items()}
        made.append(
            Judged(
                cutoff=fitted.cutoff,
                training_cutoffs=tuple(entry.cutoff for entry in fitted.periods),
                evaluations={name: evaluate(period.churned, risk) for name, risk in risks.items()},
                risks=risks,
                churned=period.churned,
                blends=choice.blends,
            )
        )
    return made


def _overall(judged: Sequence[Judged]) -> dict[str, Evaluation]:
    """Each candidate over all judged cutoffs together."""
    if not judged:
        return {}
    shared = [name for name in judged[-1].risks if all(name in entry.risks for entry in judged)]
    return {name: evaluate_cutoffs([(entry.churned, entry.risks[name]) for entry in judged]) for name in shared}


def _summary(
    choice: Choice, fitted: Fitted, judged: Sequence[Judged], periods: Sequence[Period], model: OrderModel
) -> dict[str, Any]:
    overall = _overall(judged)
    backtest = (
        Backtest(
            evaluations=overall,
            chosen=choice.chosen if choice.chosen in overall else list(overall)[-1],
            cutoff=judged[-1].cutoff,
            training_cutoffs=judged[-1].training_cutoffs,
            details=choice_details(choice),
        )
        if overall
        else None
    )
    notes: list[str] = []
    if periods:
        leaks = suspected_leaks(periods[-1].frame, periods[-1].churned) if periods[-1].has_both else []
        notes += [leak.note for leak in leaks]
    if len(judged) > 1:
        notes.append(
            f"Judged on {len(judged)} past days, each by models that knew only what was known then. Ranking is "
            "judged within each day and averaged; neighbouring days share customers, so the intervals of all days "
            "together are somewhat too narrow."
        )
    if len(overall) > 1:
        notes.append(
            "The candidate with the least of these log losses is used, so its own is a little flattered by the choice."
        )
    return {
        "chosen": choice.chosen,
        "backtest": backtest.to_dict() if backtest else None,
        "evaluation": backtest.evaluation.to_dict() if backtest else None,
        "candidates": {name: found.to_dict() for name, found in overall.items()},
        "periods": [_period_json(entry, choice.chosen) for entry in judged],
        "cutoffs": [period.cutoff.isoformat() for period in fitted.periods],
        "n_training_rows": int(sum(len(period.churned) for period in fitted.periods)),
        "value": {key: value for key, value in model.value.to_json().items() if key in ("kind", "factor", "n_rows")},
        "parameters": _parameters(model.blend),
        "importance": _importance(model.blend, periods),
        "rules": rules_of(fitted.members.values()),
        "notes": notes,
    }


def _period_json(entry: Judged, chosen: str) -> dict[str, Any]:
    name = chosen if chosen in entry.evaluations else list(entry.evaluations)[-1]
    return {
        "cutoff": entry.cutoff.isoformat(),
        "training_cutoffs": [moment.isoformat() for moment in entry.training_cutoffs],
        **_quality(name, entry.evaluations),
    }


def _quality(name: str, evaluations: Mapping[str, Evaluation]) -> dict[str, Any]:
    found = evaluations[name]
    return {
        "n": found.n,
        "churn_rate": found.churn_rate,
        "mean_predicted": found.mean_predicted,
        **found.metrics(),
        "models": {name: made.intervals() for name, made in evaluations.items()},
        "evaluation": found.to_dict(),
    }


def _parameters(blend: Blend) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for member, slope in zip(blend.members, blend.slopes, strict=True):
        stored = member.to_json()
        kept = {key: value for key, value in stored.items() if isinstance(value, int | float | str) and key != "text"}
        made[member.name] = {**kept, **stored.get("parameters", {}), "weight": slope}
    return made


def _importance(blend: Blend, periods: Sequence[Period]) -> list[dict[str, Any]]:
    """What moves the risks at the latest known cutoff."""
    return blend.contributions(periods[-1].frame.iloc[:5_000]).importance() if periods else []


def _value_notes(worth: ValueJudged | None) -> list[str]:
    if worth is None:
        return []
    return [
        f"Expected value: said beforehand for the {worth.n_stayers:,} customers who then stayed, it was in total "
        f"{100 * worth.ratio:.0f} % of what they spent. It does not know the season."
    ]


def _small_summary(small: SmallShop, model: OrderModel, periods: Sequence[Period]) -> dict[str, Any]:
    """The summary of a shop that is ranked by lateness."""
    found, value = small.evaluation, model.value
    season = Season(level=small.blend.level, level_error=0.0, reason="not looked at: the shop is too small.")
    backtest = (
        Backtest(
            evaluations={"lateness": found},
            chosen="lateness",
            cutoff=small.judged_at,
            training_cutoffs=small.training_cutoffs,
        )
        if found
        else None
    )
    judged = {
        "cutoff": small.judged_at.isoformat() if small.judged_at else None,
        "training_cutoffs": [moment.isoformat() for moment in small.training_cutoffs],
    }
    return {
        "chosen": "lateness",
        "backtest": backtest.to_dict() if backtest else None,
        "evaluation": found.to_dict() if found else None,
        "candidates": {"lateness": found.to_dict()} if found else {},
        "periods": [judged | _quality("lateness", {"lateness": found})] if found else [],
        "cutoffs": [period.cutoff.isoformat() for period in periods],
        "n_training_rows": int(sum(len(period.churned) for period in periods)),
        "calibration": {"season": season.to_json()},
        "value": {"kind": value.kind, "factor": value.factor, "n_rows": value.n_rows},
        "parameters": _parameters(model.blend),
        "importance": _importance(model.blend, periods),
        "notes": list(small.notes),
    }
