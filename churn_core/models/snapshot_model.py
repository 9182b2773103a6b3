"""Models of a table without time: one per fold, so that every labelled row is scored by a model that never saw it.

Weights of the blend for a fold are learnt from the held-out answers in the other folds. New rows get the average
of the folds' models.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from churn_core.errors import InputError
from churn_core.intake.snapshot_frame import SnapshotTable
from churn_core.jobs import Progress, no_progress
from churn_core.models.backtest import Backtest
from churn_core.models.blend import Blend
from churn_core.models.calibration import Weights, fit_votes, fit_weights
from churn_core.models.decision_tree import rules_of
from churn_core.models.estimators import Contributions, Estimator, sigmoid
from churn_core.models.evaluation import Evaluation, evaluate
from churn_core.models.folds import stratified_folds
from churn_core.models.leakage import suspected_leaks
from churn_core.models.preparation_unusual import UNUSUAL
from churn_core.models.recipe import TABLE_LEARNERS, Recipe
from churn_core.stats.columns import is_number
from churn_core.stats.twins import Twins, find_twins

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

MOST_ROWS_FOR_LARGE = 20_000
"""Rows up to which the larger boosting is tried; beyond, explaining it takes too long."""
FOLD = "model of the fold"
"""Name of the constant by which the models of the folds start from different levels."""
SETTINGS: dict[str, dict[str, Any]] = {
    "logistic": {"strength": 0.1, "n_knots": 2, "tells_rare_apart": True},
    "lightgbm": {"n_trees": 150, "n_leaves": 6, "depth": -1, "learning_rate": 0.05, "least_in_leaf": 50},
    "lightgbm_large": {},
    "random_forest": {"n_leaves": 255, "depth": -1, "least_in_leaf": 2},
}
"""Settings that tables without time want instead of an estimator's own."""
LARGE = ("lightgbm_large", "random_forest")
"""Learners whose trees are many and deep on a table without time."""


@dataclass(frozen=True, kw_only=True)
class SnapshotModel:
    """A blend per fold and who belongs to which."""

    folds: tuple[Blend, ...]
    fold_of: Mapping[str, int]
    """Customer id -> the fold whose model never saw the customer."""
    kinds: Mapping[str, str]
    """Column -> number or category, as it was read in training."""

    @property
    def feature_names(self) -> tuple[str, ...]:
        """Inputs in order, and the constant of the folds."""
        return (*dict.fromkeys(name for blend in self.folds for name in blend.feature_names), FOLD)

    def contributions(self, frame: pd.DataFrame) -> Contributions:
        """Contributions to the calibrated log-odds, each customer by the model that never saw it."""
        names = self.feature_names
        position = {name: index for index, name in enumerate(names)}
        member = np.array([self.fold_of.get(str(customer), -1) for customer in frame.index])
        values = np.zeros((len(frame), len(names)))
        starts = np.zeros(len(frame))
        bases = np.zeros(len(self.folds))
        variance = np.zeros(len(names))
        for number, blend in enumerate(self.folds):
            rows = np.flatnonzero((member == number) | (member < 0))
            share = np.where(member[rows] < 0, 1.0 / len(self.folds), 1.0)
            # Somebody answers for a fold that none of the customers belongs to: its base is needed for the average.
            part = blend.contributions(frame.iloc[rows if len(rows) else [0]])
            columns = [position[name] for name in part.feature_names]
            if len(rows):
                values[rows[:, None], columns] += share[:, None] * part.values
            starts[rows] += share * part.base
            if part.standard_error is not None:
                variance[columns] += len(rows) / max(len(frame), 1) * part.standard_error**2
            bases[number] = part.base
        base = float(bases.mean())
        values[:, position[FOLD]] = starts - base
        error = np.sqrt(variance) if variance.any() else None
        return Contributions(base=base, values=values, feature_names=names, standard_error=error)

    def with_made(self, frame: pd.DataFrame) -> pd.DataFrame:
        """The frame with the flag of unusual customers where there is one: as most models that may answer see them."""
        if UNUSUAL not in self.feature_names or UNUSUAL in frame.columns:
            return frame
        fold = np.array([self.fold_of.get(str(customer), -1) for customer in frame.index])
        flagged = [blend.with_made(frame).get(UNUSUAL) for blend in self.folds]
        made = np.column_stack([np.zeros(len(frame)) if flags is None else flags.to_numpy() for flags in flagged])
        own = made[np.arange(len(frame)), np.maximum(fold, 0)]
        return frame.assign(**{UNUSUAL: np.where(fold < 0, np.median(made, axis=1).round(), own)})

    def log_odds(self, frame: pd.DataFrame) -> NDArray[np.float64]:
        """Calibrated log-odds, each customer by the model that never saw it; what the contributions add up to."""
        member = np.array([self.fold_of.get(str(customer), -1) for customer in frame.index])
        made = np.zeros(len(frame))
        for number, blend in enumerate(self.folds):
            rows = np.flatnonzero((member == number) | (member < 0))
            if len(rows):
                share = np.where(member[rows] < 0, 1.0 / len(self.folds), 1.0)
                made[rows] += share * blend.log_odds(frame.iloc[rows])
        return made

    @classmethod
    def of(cls, table: SnapshotTable, folds: NDArray[np.int64], blends: Sequence[Blend]) -> SnapshotModel:
        """The model of these blends, each fitted without the rows of its fold."""
        frame = table.frame
        return cls(
            folds=tuple(blends),
            fold_of={str(customer): int(fold) for customer, fold in zip(frame.index, folds, strict=True)},
            kinds={str(name): "number" if is_number(frame[name]) else "category" for name in frame.columns},
        )

    def to_json(self) -> dict[str, Any]:
        """Everything needed to answer again."""
        return {
            "folds": [blend.to_json() for blend in self.folds],
            "fold_of": dict(self.fold_of),
            "kinds": dict(self.kinds),
        }

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> SnapshotModel:
        """The model that :meth:`to_json` described."""
        return cls(
            folds=tuple(Blend.from_json(blend) for blend in stored["folds"]),
            fold_of={str(customer): int(fold) for customer, fold in stored["fold_of"].items()},
            kinds=dict(stored["kinds"]),
        )


@dataclass(frozen=True, kw_only=True)
class FittedSnapshot:
    """The model with its judgement."""

    model: SnapshotModel
    backtest: Backtest
    rules: list[dict[str, Any]] | None = None
    """The decision tree of the first fold in words; None where no tree was tried."""


def fit_snapshot(
    table: SnapshotTable,
    *,
    n_folds: int = 5,
    recipe: Recipe | None = None,
    seed: int = 42,
    with_strict: bool = False,
    progress: Progress = no_progress,
) -> FittedSnapshot:
    """Fit and judge by stratified folds that keep twins together; choose by held-out log loss.

    ``with_strict`` also judges with rows kept together that differ in a few columns only, where there are such.
    """
    if len(set(table.frame.index)) < len(table.frame):
        raise InputError("a customer id occurs more than once; give one row per customer, or another id column.")
    progress(0.0, "looking for rows that repeat each other")
    twins = find_twins(table.frame)
    folds = stratified_folds(table.churned, twins.group, n_folds=n_folds, seed=seed)
    recipe = recipe or Recipe()
    members = _members(len(table.frame), recipe)
    fitted, unseen = _cross_fit(table, folds, members, recipe, seed, progress)
    candidates = {**{name: (name,) for name in members}, "stacking": members, "blend": members}
    blends = {
        name: _fold_blends(name, parts, members, fitted, unseen, folds, table) for name, parts in candidates.items()
    }
    evaluations = {
        name: evaluate(table.churned, sigmoid(_held_out(made, parts, members, unseen, folds)))
        for (name, parts), made in zip(candidates.items(), blends.values(), strict=True)
    }
    chosen = min(evaluations, key=lambda name: evaluations[name].log_loss.value)
    notes = [*twins.notes(), *table.notes]
    notes += [leak.note for leak in suspected_leaks(table.frame, table.churned)]
    if with_strict and twins.n_alike:
        notes.append(_strict_note(table, twins, evaluations[chosen], members, recipe, n_folds, seed))
    model = SnapshotModel.of(table, folds, blends[chosen])
    progress(1.0, "judged")
    details = {"folds": n_folds, "twins": twins_json(twins), "weights": _mean_slopes(blends["stacking"])}
    backtest = Backtest(evaluations=evaluations, chosen=chosen, notes=tuple(notes), details=details)
    return FittedSnapshot(model=model, backtest=backtest, rules=rules_of(fitted[0]))


def _members(n_rows: int, recipe: Recipe) -> tuple[str, ...]:
    """The learners asked for; among the usual ones the larger boosting only where it can be explained in time."""
    usual = [name for name in TABLE_LEARNERS if name not in LARGE or n_rows <= MOST_ROWS_FOR_LARGE]
    return recipe.learners(usual)


def _cross_fit(
    table: SnapshotTable,
    folds: NDArray[np.int64],
    members: tuple[str, ...],
    recipe: Recipe,
    seed: int,
    progress: Progress,
) -> tuple[list[list[Estimator]], NDArray[np.float64]]:
    """Members fitted without each fold, and their answers on it."""
    n_folds = int(folds.max()) + 1
    unseen = np.zeros((len(folds), len(members)))
    fitted: list[list[Estimator]] = []
    for fold in range(n_folds):
        held = folds == fold
        row = []
        for position, name in enumerate(members):
            progress(0.05 + 0.9 * (fold + position / len(members)) / n_folds, f"{name}, fold {fold + 1} of {n_folds}")
            estimator = recipe.make(name, **SETTINGS.get(name, {}))
            estimator.fit(table.frame[~held], table.churned[~held], seed=seed)
            unseen[held, position] = estimator.log_odds(table.frame[held])
            row.append(estimator)
        fitted.append(row)
    return fitted, unseen


def _fold_weights(
    candidate: str, unseen: NDArray[np.float64], churned: NDArray[np.bool_], folds: NDArray[np.int64], fold: int
) -> Weights:
    others = folds != fold
    learnt = fit_votes if candidate == "blend" else fit_weights
    return learnt(unseen[others], churned[others], np.zeros(int(others.sum()), dtype=np.int64))


def _fold_blends(
    candidate: str,
    parts: tuple[str, ...],
    members: tuple[str, ...],
    fitted: list[list[Estimator]],
    unseen: NDArray[np.float64],
    folds: NDArray[np.int64],
    table: SnapshotTable,
) -> list[Blend]:
    columns = [members.index(name) for name in parts]
    made = []
    for fold, estimators in enumerate(fitted):
        weights = _fold_weights(candidate, unseen[:, columns], table.churned, folds, fold)
        made.append(
            Blend(members=[estimators[i] for i in columns], slopes=weights.slopes, level=weights.levels[0], recipe={})
        )
    return made


def _held_out(
    blends: list[Blend],
    parts: tuple[str, ...],
    members: tuple[str, ...],
    unseen: NDArray[np.float64],
    folds: NDArray[np.int64],
) -> NDArray[np.float64]:
    columns = [members.index(name) for name in parts]
    made = np.zeros(len(folds))
    for fold, blend in enumerate(blends):
        held = folds == fold
        made[held] = unseen[np.ix_(held, columns)] @ np.asarray(blend.slopes) + blend.level
    return made


def _strict_note(
    table: SnapshotTable,
    twins: Twins,
    judged: Evaluation,
    members: tuple[str, ...],
    recipe: Recipe,
    n_folds: int,
    seed: int,
) -> str:
    folds = stratified_folds(table.churned, twins.strict_group, n_folds=n_folds, seed=seed)
    _, unseen = _cross_fit(table, folds, members, recipe, seed, no_progress)
    answers = np.zeros(len(folds))
    for fold in range(n_folds):
        weights = _fold_weights("stacking", unseen, table.churned, folds, fold)
        held = folds == fold
        answers[held] = unseen[held] @ np.asarray(weights.slopes) + weights.levels[0]
    strict = evaluate(table.churned, sigmoid(answers))
    return (
        f"{twins.n_alike:,} rows differ from another row in a few columns only. Kept in one fold as well, the AUC is "
        f"{strict.auc.value:.3f} instead of {judged.auc.value:.3f} and the log loss {strict.log_loss.value:.3f} "
        f"instead of {judged.log_loss.value:.3f}: expect the former on customers unlike any in the table."
    )


def twins_json(twins: Twins) -> dict[str, Any]:
    """What was found about rows that repeat each other, as plain JSON."""
    return {
        "n_groups": len(np.unique(twins.group)),
        "n_exact": twins.n_exact,
        "n_near": twins.n_near,
        "n_shifted": twins.n_shifted,
        "n_alike": twins.n_alike,
        "shift": twins.shift,
    }


def _mean_slopes(blends: list[Blend]) -> dict[str, float]:
    slopes = np.mean([blend.slopes for blend in blends], axis=0)
    return {member.name: float(slope) for member, slope in zip(blends[0].members, slopes, strict=True)}
