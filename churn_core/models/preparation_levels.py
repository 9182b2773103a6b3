"""What a rare category says about leaving: one number per category, learnt from the rows of training.

A column of a thousand towns holds more than the few that are frequent enough for a column of their own. The others get
an effect each, drawn towards zero by how little is known of them. It enters a regression as one more column, which in
training holds what the other rows said, so that no row tells its own outcome.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from churn_core.models.preparation import Preparation, PreparedColumn, texts
from churn_core.stats.columns import is_number

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

N_PARTS = 5
"""Parts of the rows; the effects that a row sees are those of the other parts."""
LEAST_ROWS = 2
"""Rows a category needs to be told apart."""
LEAST_SHARED = 0.2
"""Share of the rows that must be in such categories; below, the column is more of a name than of a group."""


def with_level_effects(
    preparation: Preparation, frame: pd.DataFrame, churned: NDArray[np.bool_]
) -> tuple[Preparation, dict[str, NDArray[np.float64]]]:
    """The preparation with effects of rare categories, and per column what each row sees of them in training.

    Columns whose rare categories leave no more differently than chance has it are left as they are.
    """
    known = {column.name: column for column in preparation.columns}
    unseen: dict[str, NDArray[np.float64]] = {}
    for name in frame.columns:
        if is_number(frame[name]):
            continue
        column = known.get(str(name), PreparedColumn(name=str(name), kind="category"))
        found = _effects(column, frame[name], churned)
        if found is not None:
            known[column.name], unseen[column.name] = found
    return Preparation(columns=tuple(known.values())), unseen


def _effects(
    column: PreparedColumn, values: pd.Series, churned: NDArray[np.bool_]
) -> tuple[PreparedColumn, NDArray[np.float64]] | None:
    import pandas as pd

    text = texts(values)
    counts = text.value_counts()
    rare = sorted(str(level) for level in counts.index[counts >= LEAST_ROWS] if level not in column.levels)
    place = np.asarray(pd.Index(rare, dtype=object).get_indexer(pd.Index(text)))
    inside = place >= 0
    if len(rare) < 2 or inside.mean() < LEAST_SHARED:
        return None
    surprise = churned - churned.mean()
    each = float(churned.mean() * (1.0 - churned.mean()))
    total, known = _sums(place[inside], surprise[inside], each, len(rare))
    if _spread(total, known) <= 0:
        return None
    seen = np.zeros(len(values))
    part = np.random.default_rng(0).permutation(len(values)) % N_PARTS
    for number in range(N_PARTS):
        held, others = inside & (part == number), inside & (part != number)
        sums = _sums(place[others], surprise[others], each, len(rare))
        seen[held] = _drawn(*sums)[place[held]]
    effects = tuple(round(float(effect), 6) for effect in _drawn(total, known))
    return replace(column, rare_levels=tuple(rare), effects=effects), seen


def _sums(
    place: NDArray[np.int64], surprise: NDArray[np.float64], each: float, n_levels: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Per category: how many more left than on the average, and the information that rests on."""
    total = np.bincount(place, surprise, minlength=n_levels).astype(float)
    return total, np.bincount(place, minlength=n_levels).astype(float) * each


def _spread(total: NDArray[np.float64], known: NDArray[np.float64]) -> float:
    """Variance of the effects in log-odds beyond chance, by moments (DerSimonian and Laird, 1986)."""
    return float((total**2 - known).sum() / (known**2).sum())


def _drawn(total: NDArray[np.float64], known: NDArray[np.float64]) -> NDArray[np.float64]:
    """Effects in log-odds, drawn towards zero by what chance explains."""
    spread = _spread(total, known)
    return total / (known + 1.0 / spread) if spread > 0 else np.zeros(len(total))
