"""The search for a labelled table, nested: within the rows that a fold learns from, never on the rows it answers.

Each fold has a search of its own, with its own share of the budget. Weights of the blend come from held-out answers
within the fold's training rows, then the members are fitted on all of these rows. So whatever is said about a row was
made without it: neither fitted, nor weighed, nor searched.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from churn_core.errors import InputError, JobCancelled
from churn_core.jobs import Progress, no_progress, part
from churn_core.models.backtest import Backtest
from churn_core.models.blend import Blend
from churn_core.models.calibration import fit_votes, fit_weights
from churn_core.models.decision_tree import rules_of
from churn_core.models.estimators import sigmoid
from churn_core.models.evaluation import evaluate
from churn_core.models.folds import stratified_folds
from churn_core.models.leakage import suspected_leaks
from churn_core.models.recipe import TABLE_LEARNERS, Recipe
from churn_core.models.search_judge import HeldOutFolds
from churn_core.models.search_run import LEAST_GAIN, Found, search
from churn_core.models.snapshot_model import (
    LARGE,
    MOST_ROWS_FOR_LARGE,
    SETTINGS,
    FittedSnapshot,
    SnapshotModel,
    twins_json,
)
from churn_core.stats.twins import Twins, find_twins

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from churn_core.intake.snapshot_frame import SnapshotTable

N_OUTER = 5
"""Folds of a searched table."""
NESTED = (
    "Settings were searched, and the candidate chosen, within the rows that each fold learns from; no row played a "
    "part in the settings it is judged by."
)

STEADY = "stacking"
"""The candidate that the others must beat."""
SEARCHED = (*TABLE_LEARNERS, "random_forest", "neural_network")
"""Learners that are searched unless others are asked for."""


@dataclass(frozen=True, kw_only=True)
class SearchedRows:
    """What was made of the training rows of one fold."""

    blends: Mapping[str, Blend]
    """Every candidate, calibrated, fitted on all of these rows."""
    inner_log_loss: Mapping[str, float]
    """Log loss of each candidate on held-out answers within these rows."""
    inner_error: Mapping[str, float]
    """Standard error of its difference from stacking, row by row."""
    found: Found

    @property
    def chosen(self) -> str:
        """The candidate chosen within these rows."""
        return preferred(self.inner_log_loss, self.inner_error)


@dataclass(frozen=True, kw_only=True)
class SearchedTable:
    """A table fitted and judged with a search in every fold."""

    fitted: FittedSnapshot
    found: tuple[Found, ...]
    """What the search of each fold came back with."""
    was_stopped: bool = False
    """Whether a person stopped it before the budget was used up."""


def fit_searched(
    table: SnapshotTable,
    *,
    n_folds: int = N_OUTER,
    recipe: Recipe | None = None,
    budget_seconds: float | None = None,
    n_tries: int | None = None,
    seed: int = 42,
    progress: Progress = no_progress,
) -> SearchedTable:
    """Fit and judge by folds that keep twins together, each with a search within its training rows.

    The budget is shared by the folds, the number of tries is each fold's. Once stopped, the folds that are left are
    fitted with the usual settings.
    """
    if len(set(table.frame.index)) < len(table.frame):
        raise InputError("a customer id occurs more than once; give one row per customer, or another id column.")
    is_stopped = _asks_to_stop(progress)
    started = time.monotonic()
    twins = find_twins(table.frame)
    folds = stratified_folds(table.churned, twins.group, n_folds=n_folds, seed=seed)
    made: list[SearchedRows] = []
    for fold in range(n_folds):
        rest = None if budget_seconds is None else budget_seconds - (time.monotonic() - started)
        is_over = is_stopped or (rest is not None and rest <= 0)
        learns = folds != fold
        made.append(
            search_rows(
                table.frame[learns],
                table.churned[learns],
                twins.group[learns],
                recipe=recipe,
                budget_seconds=None if is_over or rest is None else rest / (n_folds - fold),
                n_tries=None if is_over else n_tries,
                seed=seed,
                progress=no_progress if is_over else _of_fold(progress, fold, n_folds),
            )
        )
        is_stopped = is_stopped or made[-1].found.was_stopped
    return SearchedTable(
        fitted=_judged(table, twins, folds, made),
        found=tuple(rows.found for rows in made),
        was_stopped=is_stopped,
    )


def _asks_to_stop(progress: Progress) -> bool:
    try:
        progress(0.0, "looking for rows that repeat each other")
    except JobCancelled:
        return True
    return False


def _of_fold(progress: Progress, fold: int, n_folds: int) -> Progress:
    inner = part(progress, fold / n_folds, (fold + 1) / n_folds)

    def report(share: float, message: str) -> None:
        inner(share, f"fold {fold + 1} of {n_folds}: {message}")

    return report


def _judged(
    table: SnapshotTable, twins: Twins, folds: NDArray[np.int64], made: Sequence[SearchedRows]
) -> FittedSnapshot:
    """Every candidate on the rows it has not seen; the one of least loss within the training rows is chosen."""
    names = [name for name in made[0].blends if all(name in rows.blends for rows in made)]
    answers = {name: np.zeros(len(folds)) for name in names}
    for fold, rows in enumerate(made):
        held = folds == fold
        for name in names:
            answers[name][held] = rows.blends[name].log_odds(table.frame[held])
    inner = {name: float(np.mean([rows.inner_log_loss[name] for rows in made])) for name in names}
    chosen = preferred(inner, {name: float(np.mean([rows.inner_error[name] for rows in made])) for name in names})
    details = {
        "folds": len(made),
        "twins": twins_json(twins),
        "unseen_log_loss": inner,
        "weights": _mean_shares([rows.blends["stacking"] for rows in made]),
    }
    notes = [*twins.notes(), *table.notes, *(leak.note for leak in suspected_leaks(table.frame, table.churned)), NESTED]
    return FittedSnapshot(
        model=SnapshotModel.of(table, folds, [rows.blends[chosen] for rows in made]),
        backtest=Backtest(
            evaluations={name: evaluate(table.churned, sigmoid(found)) for name, found in answers.items()},
            chosen=chosen,
            notes=tuple(notes),
            details=details,
        ),
        rules=rules_of(list(made[0].blends["stacking"].members)),
    )


def _mean_shares(blends: Sequence[Blend]) -> dict[str, float]:
    names = dict.fromkeys(member.name for blend in blends for member in blend.members)
    slopes = [
        {member.name: slope for member, slope in zip(blend.members, blend.slopes, strict=True)} for blend in blends
    ]
    return {name: float(np.mean([found.get(name, 0.0) for found in slopes])) for name in names}


def preferred(log_loss: Mapping[str, float], error: Mapping[str, float]) -> str:
    """Stacking, or the candidate of least log loss among those that beat it by half a standard error.

    Where few customers left, the least of several nearly equal losses is the luckiest one; stacking leans on all.

    >>> preferred({"logistic": 0.40, "stacking": 0.41}, {"logistic": 0.03, "stacking": 0.0})
    'stacking'
    >>> preferred({"logistic": 0.40, "stacking": 0.41}, {"logistic": 0.01, "stacking": 0.0})
    'logistic'
    """
    better = [name for name in log_loss if log_loss[STEADY] - log_loss[name] > LEAST_GAIN * error[name]]
    return min(better or [STEADY], key=lambda name: log_loss[name])


def searched_learners(n_rows: int, recipe: Recipe) -> tuple[str, ...]:
    """The learners asked for, else the usual ones and a few that differ from them, as far as the rows allow."""
    return recipe.learners([name for name in SEARCHED if name not in LARGE or n_rows <= MOST_ROWS_FOR_LARGE])


def search_rows(
    frame: pd.DataFrame,
    churned: NDArray[np.bool_],
    group: NDArray[np.int64] | None,
    *,
    recipe: Recipe | None = None,
    budget_seconds: float | None = None,
    n_tries: int | None = None,
    seed: int = 42,
    progress: Progress = no_progress,
) -> SearchedRows:
    """Search within these rows and fit on all of them; usual settings where neither time nor tries are given."""
    asked = recipe or Recipe()
    names = searched_learners(len(frame), asked)
    judge = HeldOutFolds(frame, churned, group, seed=seed)

    def looked_for(learners: Sequence[str], seconds: float | None, tries: int | None, seen: Progress) -> Found:
        return search(
            judge,
            learners,
            source="snapshots",
            recipe=asked,
            usual=SETTINGS,
            budget_seconds=seconds,
            n_tries=tries,
            seed=seed,
            progress=seen,
        )

    needed = asked.learners([name for name in TABLE_LEARNERS if name in names])
    if budget_seconds is None and n_tries is None:
        names = ()
    found = looked_for(names, budget_seconds, n_tries, progress) if names else None
    missing = [name for name in needed if found is None or name not in found.best]
    if missing:
        # A budget too small for a first try must not cost a learner that training would have used anyway.
        usual = looked_for(missing, None, len(missing), no_progress)
        found = found.joined(judge, usual) if found else usual
    assert found is not None
    return _fitted(frame, judge, found, asked, seed)


def _fitted(frame: pd.DataFrame, judge: HeldOutFolds, found: Found, asked: Recipe, seed: int) -> SearchedRows:
    recipe = found.recipe(asked, tuple(found.best))
    answers = {name: tried.answers for name, tried in found.best.items()}
    members = {
        name: recipe.make(name, **SETTINGS.get(name, {})).fit(frame, judge.churned, seed=seed) for name in answers
    }
    everybody = tuple(answers)
    candidates = {**{name: (name,) for name in everybody}, "stacking": everybody, "blend": found.kept}
    blends: dict[str, Blend] = {}
    losses: dict[str, NDArray[np.float64]] = {}
    for name, parts in candidates.items():
        unseen = np.column_stack([answers[part] for part in parts])
        weights = (fit_votes if name == "blend" else fit_weights)(unseen, judge.churned, judge.level_of)
        used = [index for index, slope in enumerate(weights.slopes) if slope > 0]
        blends[name] = Blend(
            members=[members[parts[index]] for index in used],
            slopes=[weights.slopes[index] for index in used],
            level=weights.levels[0],
            recipe={},
        )
        losses[name] = _row_losses(unseen @ np.asarray(weights.slopes) + weights.levels[0], judge.churned)
    gains = {name: losses[STEADY] - each for name, each in losses.items()}
    return SearchedRows(
        blends=blends,
        inner_log_loss={name: float(each.mean()) for name, each in losses.items()},
        inner_error={name: float(gain.std(ddof=1)) / np.sqrt(len(gain)) for name, gain in gains.items()},
        found=found,
    )


def _row_losses(log_odds: NDArray[np.float64], churned: NDArray[np.bool_]) -> NDArray[np.float64]:
    made: NDArray[np.float64] = np.logaddexp(0.0, log_odds) - churned * log_odds
    return made
