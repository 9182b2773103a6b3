"""The search for a labelled table, nested: within the rows that a fold learns from, never on the rows it answers.

Each fold has a search of its own, with its own share of the budget. Weights of the blend come from held-out answers
within the fold's training rows, then the members are fitted on all of these rows. So whatever is said about a row was
made without it: neither fitted, nor weighed, nor searched.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from churn_core.jobs import Progress, no_progress
from churn_core.models.blend import Blend
from churn_core.models.calibration import fit_votes, fit_weights
from churn_core.models.recipe import TABLE_LEARNERS, Recipe
from churn_core.models.search_run import Found, search
from churn_core.models.search_judge import HeldOutFolds
from churn_core.models.snapshot_model import LARGE, MOST_ROWS_FOR_LARGE, SETTINGS

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

SEARCHED = (*TABLE_LEARNERS, "random_forest", "neural_network")
"""Learners that are searched unless others are asked for."""


@dataclass(frozen=True, kw_only=True)
class SearchedRows:
    """What was made of the training rows of one fold."""

    blends: Mapping[str, Blend]
    """Every candidate, calibrated, fitted on all of these rows."""
    inner_log_loss: Mapping[str, float]
    """Log loss of each candidate on held-out answers within these rows."""
    found: Found

    @property
    def chosen(self) -> str:
        """The candidate of least log loss within these rows."""
        return min(self.inner_log_loss, key=lambda name: self.inner_log_loss[name])


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

    def looked_for(seconds: float | None, tries: int | None, seen: Progress) -> Found:
        return search(
            judge,
            names,
            source="snapshots",
            recipe=asked,
            usual=SETTINGS,
            budget_seconds=seconds,
            n_tries=tries,
            seed=seed,
            progress=seen,
        )

    if budget_seconds is None and n_tries is None:
        names = asked.learners([name for name in TABLE_LEARNERS if name in names])
        n_tries = len(names)
    found = looked_for(budget_seconds, n_tries, progress)
    if not found.best:
        names = asked.learners([name for name in TABLE_LEARNERS if name in names])
        found = looked_for(None, len(names), no_progress)
    return _fitted(frame, judge, found, asked, seed)


def _fitted(frame: pd.DataFrame, judge: HeldOutFolds, found: Found, asked: Recipe, seed: int) -> SearchedRows:
    recipe = found.recipe(asked, keep_all=True)
    answers = {name: tried.answers for name, tried in found.best.items()}
    members = {
        name: recipe.make(name, **SETTINGS.get(name, {})).fit(frame, judge.churned, seed=seed) for name in answers
    }
    everybody = tuple(answers)
    candidates = {**{name: (name,) for name in everybody}, "stacking": everybody, "blend": found.kept}
    blends, losses = {}, {}
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
        losses[name] = weights.log_loss
    return SearchedRows(blends=blends, inner_log_loss=losses, found=found)
