"""Folds for tables without time: stratified by outcome, groups of twins never split."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from churn_core.errors import NotEnoughData

if TYPE_CHECKING:
    from numpy.typing import NDArray


def stratified_folds(
    churned: NDArray[np.bool_], group: NDArray[np.int64] | None, *, n_folds: int, seed: int
) -> NDArray[np.int64]:
    """The fold of each row, from 0; every fold has about the same share of churners.

    NotEnoughData when there are fewer churners, stayers or groups than folds.
    """
    from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

    outcome = np.asarray(churned, dtype=bool)
    rarer = int(min(outcome.sum(), (~outcome).sum()))
    if n_folds < 2 or rarer < n_folds:
        raise NotEnoughData(
            f"{int(outcome.sum()):,} customers left and {int((~outcome).sum()):,} stayed; a model is judged in "
            f"{n_folds} parts (folds), and each needs both kinds: add customers until there are {max(n_folds, 2)} of "
            "each at least."
        )
    empty = np.zeros((len(outcome), 1))
    if group is None or len(np.unique(group)) == len(group):
        splits = StratifiedKFold(n_folds, shuffle=True, random_state=seed).split(empty, outcome)
    else:
        splits = StratifiedGroupKFold(n_folds, shuffle=True, random_state=seed).split(empty, outcome, group)
    folds = np.zeros(len(outcome), dtype=np.int64)
    for number, (_, held) in enumerate(splits):
        folds[held] = number
        rest = np.ones(len(outcome), dtype=bool)
        rest[held] = False
        if outcome[rest].all() or not outcome[rest].any():
            raise NotEnoughData(
                "the rows repeat each other so much that a fold would hold every customer of one outcome; "
                "remove the duplicates or add customers."
            )
    return folds
