"""Which inputs are worth keeping, judged on training rows: four ways to tell signal from chance.

Each way has a threshold that chance rarely passes, so nobody has to say how many inputs to keep.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from churn_core.models.preparation import Preparation, design, fit_preparation, tree_matrix

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

MOST_ROWS = 20_000
MOST_ROWS_FOR_INFORMATION = 4_000
MOST_ROWS_OF_SUBSAMPLE = 4_000
LEAST_KEPT = 3
"""Inputs that are kept at least: the strongest, whatever chance might do."""
N_BINS = 10
LEVEL = 0.05
"""Chance that an input without signal passes (chi-square: any of them; mutual information: each)."""
N_SUBSAMPLES = 30
STABLE_SHARE = 0.6
"""Share of the subsamples that must pick an input."""
LEAST_MOMENTS = 4
"""Cutoffs from which subsamples are made of whole cutoffs."""


@dataclass(frozen=True, kw_only=True)
class Selection:
    """The inputs kept and how strongly each spoke."""

    how: str
    """mutual_information, chi_square, l1 or stability."""
    kept: tuple[str, ...]
    strength: Mapping[str, float]
    """Input -> mutual information in nats, chi-square over its degrees of freedom, largest absolute weight, or share
    of subsamples that picked it."""
    threshold: float
    """Strength from which an input is kept; for chi-square the p-value below which it is."""
    by: str = "rows"
    """What stability was judged over: rows or cutoffs."""

    def to_json(self) -> dict[str, Any]:
        """What was found."""
        return {**asdict(self), "kept": list(self.kept), "strength": dict(self.strength)}

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Self:
        """The selection that :meth:`to_json` described."""
        return cls(**{**stored, "kept": tuple(stored["kept"])})


def select_inputs(
    frame: pd.DataFrame,
    churned: NDArray[np.bool_],
    *,
    how: str,
    seed: int,
    moment: NDArray[np.int64] | None = None,
) -> Selection:
    """The inputs that tell who churned beyond chance; ``moment`` is the number of the cutoff of each row.

    NotEnoughData when no column varies.
    """
    draw = np.random.default_rng(seed)
    some = np.sort(draw.permutation(len(frame))[:MOST_ROWS])
    rows, outcome = frame.iloc[some], np.asarray(churned, dtype=bool)[some]
    preparation = fit_preparation(rows)
    names = preparation.names
    passes: NDArray[np.bool_]
    by, threshold = "rows", 0.0
    if how == "mutual_information":
        strength, threshold = _information(preparation, rows, outcome, seed)
        passes = strength > threshold
    elif how == "chi_square":
        strength, p_values = _chi_square(preparation, rows, outcome)
        threshold = LEVEL / len(names)
        passes = p_values < threshold
    elif how == "l1":
        matrix, owners = design(preparation, rows)
        strength = _largest_weight(matrix, owners, outcome, len(names))
        passes = strength > 0
    else:
        by = _halves_of(None if moment is None else moment[some])[0]
        strength = _stability(preparation, rows, outcome, None if moment is None else moment[some], draw)
        threshold = STABLE_SHARE
        passes = strength >= threshold
    order = np.argsort(-strength, kind="stable")
    kept = set(np.flatnonzero(passes)) | set(order[:LEAST_KEPT])
    return Selection(
        how=how,
        kept=tuple(name for index, name in enumerate(names) if index in kept),
        strength={name: float(value) for name, value in zip(names, strength, strict=True)},
        threshold=threshold,
        by=by,
    )


def _information(
    preparation: Preparation, rows: pd.DataFrame, outcome: NDArray[np.bool_], seed: int
) -> tuple[NDArray[np.float64], float]:
    """Mutual information by nearest neighbours (Ross, 2014), and what shuffled outcomes would pass for."""
    from sklearn.feature_selection import mutual_info_classif

    step = max(1, -(-len(rows) // MOST_ROWS_FOR_INFORMATION))
    matrix = tree_matrix(preparation, rows.iloc[::step])
    medians = np.array([column.median for column in preparation.columns])
    matrix = np.where(np.isnan(matrix), medians, matrix)
    is_category = np.array([column.kind == "category" for column in preparation.columns])
    some = outcome[::step]
    found = mutual_info_classif(matrix, some, discrete_features=is_category, random_state=seed)
    shuffled = np.random.default_rng(seed).permutation(some)
    chance = mutual_info_classif(matrix, shuffled, discrete_features=is_category, random_state=seed)
    return np.asarray(found), float(np.quantile(chance, 1.0 - LEVEL))


def _chi_square(
    preparation: Preparation, rows: pd.DataFrame, outcome: NDArray[np.bool_]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Pearson's chi-square of outcome by tenths of a number (missing apart) or by category, with its p-value."""
    from scipy.stats import chi2

    matrix = tree_matrix(preparation, rows)
    statistics, p_values = np.zeros(matrix.shape[1]), np.ones(matrix.shape[1])
    for place, column in enumerate(preparation.columns):
        values = matrix[:, place]
        code = values.astype(int) if column.kind == "category" else _tenths(values)
        n = np.bincount(code).astype(float)
        hits = np.bincount(code, outcome)[n > 0]
        n = n[n > 0]
        rate = outcome.mean()
        freedom = len(n) - 1
        if freedom > 0:
            total = float(((hits - n * rate) ** 2 / (n * rate * (1 - rate))).sum())
            statistics[place], p_values[place] = total / freedom, chi2.sf(total, freedom)
    return statistics, p_values


def _tenths(values: NDArray[np.float64]) -> NDArray[np.int64]:
    known = values[~np.isnan(values)]
    edges = np.unique(np.quantile(known, np.linspace(0, 1, N_BINS + 1)[1:-1]))
    return np.where(np.isnan(values), len(edges) + 1, np.searchsorted(edges, values, side="left")).astype(np.int64)


def _largest_weight(
    matrix: NDArray[np.float64], owners: NDArray[np.int64], outcome: NDArray[np.bool_], n_names: int
) -> NDArray[np.float64]:
    """Largest absolute weight of each input under an L1 penalty that pure chance does not overcome.

    The penalty is the universal one: what the largest of as many random slopes reaches (Bickel, Ritov and Tsybakov,
    2009).
    """
    from sklearn.linear_model import LogisticRegression

    spread = matrix.std(axis=0)
    matrix = (matrix - matrix.mean(axis=0)) / np.where(spread > 1e-12, spread, 1.0)
    n, p = matrix.shape
    rate = outcome.mean()
    penalty = np.sqrt(rate * (1 - rate) * 2 * np.log(max(p, 2)) / n)
    solver = LogisticRegression(
        C=1.0 / (n * penalty), l1_ratio=1.0, solver="liblinear", tol=1e-3, max_iter=300, random_state=0
    )
    solver.fit(matrix, outcome)
    strength = np.zeros(n_names)
    np.maximum.at(strength, owners, np.abs(solver.coef_[0]))
    return strength


def _stability(
    preparation: Preparation,
    rows: pd.DataFrame,
    outcome: NDArray[np.bool_],
    moment: NDArray[np.int64] | None,
    draw: np.random.Generator,
) -> NDArray[np.float64]:
    """Share of random halves in which the L1 penalty keeps an input (Meinshausen and Bühlmann, 2010)."""
    matrix, owners = design(preparation, rows)
    _, unit = _halves_of(moment)
    unit = np.arange(len(outcome)) if unit is None else unit
    units = np.unique(unit)
    picked, n_made = np.zeros(len(preparation.names)), 0
    for _ in range(N_SUBSAMPLES):
        half = np.isin(unit, draw.permutation(units)[: max(1, len(units) // 2)])
        chosen = draw.permutation(np.flatnonzero(half))[:MOST_ROWS_OF_SUBSAMPLE]
        some = outcome[chosen]
        if some.all() or not some.any():
            continue
        picked += _largest_weight(matrix[chosen], owners, some, len(picked)) > 0
        n_made += 1
    return picked / max(n_made, 1)


def _halves_of(moment: NDArray[np.int64] | None) -> tuple[str, NDArray[np.int64] | None]:
    """What halves are made of: whole cutoffs where there are enough of them, else rows."""
    if moment is not None and len(np.unique(moment)) >= LEAST_MOMENTS:
        return "cutoffs", moment
    return "rows", None
