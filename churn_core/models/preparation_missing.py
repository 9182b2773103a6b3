"""What is put in place of missing values: median, most frequent value, neighbours, or a regression on the others.

Whatever is put in, an indicator stays beside it: that a value is missing often says more than the value would.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from churn_core.models.preparation_steps import NUMBER, with_columns

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

N_NEIGHBOURS = 5
MOST_REFERENCES = 1_000
"""Training rows that neighbours are looked for among; they are part of the model."""
MOST_ROWS = 20_000
"""Training rows that the regressions are fitted on."""
N_ROUNDS = 3
"""Times every regression is repeated with the others' latest answers (as in MICE; van Buuren, 2011)."""
RIDGE = 0.01
"""Penalty of the regressions, per row."""


def fill_missing(
    frame: pd.DataFrame, kinds: Mapping[str, str], *, how: str, seed: int
) -> tuple[Missing, dict[str, str]]:
    """Learn what to put in; also the indicator columns that appear, with the column each belongs to."""
    names = [name for name, kind in kinds.items() if kind == NUMBER]
    values: dict[str, float | str] = {name: _middle(frame[name], how) for name in names}
    with_gaps = [name for name in names if frame[name].isna().any()]
    if how == "mode":
        texts = [name for name, kind in kinds.items() if kind != NUMBER and frame[name].isna().any()]
        values.update({name: str(frame[name].mode().iloc[0]) for name in texts})
        with_gaps += texts
    indicators = {name: _free_name(f"{name} is missing", frame.columns) for name in with_gaps}
    guess: Neighbours | Regressions | None = None
    gaps_in_numbers = [name for name in with_gaps if kinds[name] == NUMBER]
    if gaps_in_numbers and how == "knn":
        guess = Neighbours.fit(frame, names, seed=seed)
    elif gaps_in_numbers and how == "iterative" and len(names) > 1:
        guess = Regressions.fit(frame, names, gaps_in_numbers, seed=seed)
    made = Missing(how=how, values=values, indicators=indicators, guess=guess)
    return made, {column: name for name, column in indicators.items()}


@dataclass(frozen=True, kw_only=True)
class Missing:
    """What is put in, column by column, and the indicators."""

    how: str
    """median, mode, knn or iterative."""
    values: Mapping[str, float | str]
    """Column -> what is put in where nothing better is known."""
    indicators: Mapping[str, str]
    """Column with missing training values -> name of its indicator."""
    guess: Neighbours | Regressions | None = None
    """How numbers are guessed from the other columns."""

    def transform(self, frame: pd.DataFrame) -> pd.DataFrame:
        """The frame without missing numbers, and an indicator for each column that had some in training."""
        was_missing = {column: frame[name].isna().astype(float) for name, column in self.indicators.items()}
        known = frame.notna()
        guessed = self.guess.answers(frame) if self.guess is not None else {}
        filled = with_columns(frame, {name: frame[name].where(known[name], guessed[name]) for name in guessed})
        filled = with_columns(filled, {name: filled[name].fillna(value) for name, value in self.values.items()})
        return with_columns(filled, was_missing)

    def to_json(self) -> dict[str, Any]:
        """What was learnt."""
        return {
            "how": self.how,
            "values": dict(self.values),
            "indicators": dict(self.indicators),
            "guess": self.guess.to_json() if self.guess is not None else None,
        }

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Self:
        """The step that :meth:`to_json` described."""
        kinds: dict[str, type[Neighbours | Regressions]] = {"knn": Neighbours, "iterative": Regressions}
        guess = kinds[stored["how"]].from_json(stored["guess"]) if stored["guess"] else None
        return cls(how=stored["how"], values=dict(stored["values"]), indicators=dict(stored["indicators"]), guess=guess)


@dataclass(frozen=True, kw_only=True)
class Neighbours:
    """Mean of the five nearest training rows, by the columns that both know (Troyanskaya et al., 2001)."""

    names: tuple[str, ...]
    mean: NDArray[np.float64]
    spread: NDArray[np.float64]
    rows: NDArray[np.float64]
    """Training rows to look among, standardised; NaN where missing."""

    @classmethod
    def fit(cls, frame: pd.DataFrame, names: Sequence[str], *, seed: int) -> Self:
        """Keep a sample of the training rows."""
        matrix, mean, spread = _standardised(frame, names)
        kept = np.sort(np.random.default_rng(seed).permutation(len(matrix))[:MOST_REFERENCES])
        return cls(names=tuple(names), mean=mean, spread=spread, rows=matrix[kept].round(4))

    def answers(self, frame: pd.DataFrame) -> dict[str, NDArray[np.float64]]:
        """Guesses for every number, used where it is missing."""
        from sklearn.impute import KNNImputer

        matrix = (_matrix(frame, self.names) - self.mean) / self.spread
        rows = np.flatnonzero(np.isnan(matrix).any(axis=1))
        if len(rows):
            imputer = KNNImputer(n_neighbors=N_NEIGHBOURS, keep_empty_features=True).fit(self.rows)
            matrix[rows] = imputer.transform(matrix[rows])
        return dict(zip(self.names, (matrix * self.spread + self.mean).T, strict=True))

    def to_json(self) -> dict[str, Any]:
        """The rows to look among; a missing value is null."""
        rows = [[None if np.isnan(value) else float(value) for value in row] for row in self.rows]
        return {"names": list(self.names), "mean": self.mean.tolist(), "spread": self.spread.tolist(), "rows": rows}

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Self:
        """The neighbours that :meth:`to_json` described."""
        return cls(
            names=tuple(stored["names"]),
            mean=np.asarray(stored["mean"], dtype=float),
            spread=np.asarray(stored["spread"], dtype=float),
            rows=np.array(stored["rows"], dtype=float),
        )


@dataclass(frozen=True, kw_only=True)
class Regressions:
    """A ridge regression per column with missing values on all other numbers, repeated a few rounds."""

    names: tuple[str, ...]
    mean: NDArray[np.float64]
    spread: NDArray[np.float64]
    weights: Mapping[str, NDArray[np.float64]]
    """Column -> intercept and weights of all numbers, standardised; its own weight is 0."""
    bounds: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    """Column -> lowest and highest training value, standardised: guesses stay inside."""

    @classmethod
    def fit(cls, frame: pd.DataFrame, names: Sequence[str], with_gaps: Sequence[str], *, seed: int) -> Self:
        """Start from the means, then regress each column in turn on the others."""
        some = np.sort(np.random.default_rng(seed).permutation(len(frame))[:MOST_ROWS])
        known, mean, spread = _standardised(frame.iloc[some], names)
        filled = np.nan_to_num(known)
        weights: dict[str, NDArray[np.float64]] = {}
        bounds = {}
        for _ in range(N_ROUNDS):
            for name in with_gaps:
                place = names.index(name)
                missing = np.isnan(known[:, place])
                if missing.all():
                    continue
                inputs = _with_intercept(filled, place)
                weights[name] = _ridge(inputs[~missing], known[~missing, place])
                seen = known[~missing, place]
                bounds[name] = (float(seen.min()), float(seen.max()))
                filled[missing, place] = np.clip(inputs[missing] @ weights[name], *bounds[name])
        return cls(names=tuple(names), mean=mean, spread=spread, weights=weights, bounds=bounds)

    def answers(self, frame: pd.DataFrame) -> dict[str, NDArray[np.float64]]:
        """Guesses for every column that was regressed, used where it is missing."""
        known = (_matrix(frame, self.names) - self.mean) / self.spread
        filled = np.nan_to_num(known)
        for _ in range(N_ROUNDS):
            for name, weights in self.weights.items():
                place = self.names.index(name)
                missing = np.isnan(known[:, place])
                if missing.any():
                    inputs = _with_intercept(filled[missing], place)
                    filled[missing, place] = np.clip(inputs @ weights, *self.bounds[name])
        made = filled * self.spread + self.mean
        return {name: made[:, self.names.index(name)] for name in self.weights}

    def to_json(self) -> dict[str, Any]:
        """The regressions as plain JSON."""
        return {
            "names": list(self.names),
            "mean": self.mean.tolist(),
            "spread": self.spread.tolist(),
            "weights": {name: weights.tolist() for name, weights in self.weights.items()},
            "bounds": {name: list(pair) for name, pair in self.bounds.items()},
        }

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Self:
        """The regressions that :meth:`to_json` described."""
        return cls(
            names=tuple(stored["names"]),
            mean=np.asarray(stored["mean"], dtype=float),
            spread=np.asarray(stored["spread"], dtype=float),
            weights={name: np.asarray(weights, dtype=float) for name, weights in stored["weights"].items()},
            bounds={name: (float(low), float(high)) for name, (low, high) in stored["bounds"].items()},
        )


def _middle(values: pd.Series, how: str) -> float:
    return float(values.mode().iloc[0]) if how == "mode" else float(values.median())


def _free_name(wanted: str, taken: Any) -> str:
    while wanted in taken:
        wanted += " (indicator)"
    return wanted


def _matrix(frame: pd.DataFrame, names: Sequence[str]) -> NDArray[np.float64]:
    return np.column_stack([frame[name].to_numpy(dtype=float) for name in names])


def _standardised(
    frame: pd.DataFrame, names: Sequence[str]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Columns with mean 0 and standard deviation 1 over the known values; columns without one stay empty."""
    matrix = _matrix(frame, names)
    n_known = np.maximum((~np.isnan(matrix)).sum(axis=0), 1).astype(float)
    mean = np.nansum(matrix, axis=0) / n_known
    spread = np.sqrt(np.nansum((matrix - mean) ** 2, axis=0) / n_known)
    spread[spread <= 1e-12] = 1.0
    return (matrix - mean) / spread, mean, spread


def _with_intercept(filled: NDArray[np.float64], place: int) -> NDArray[np.float64]:
    """The other columns, with ones in front and zeros in place of the column itself."""
    made = np.column_stack([np.ones(len(filled)), filled])
    made[:, place + 1] = 0.0
    return made


def _ridge(inputs: NDArray[np.float64], target: NDArray[np.float64]) -> NDArray[np.float64]:
    penalty = np.full(inputs.shape[1], RIDGE * len(inputs))
    penalty[0] = 1e-9
    return np.asarray(np.linalg.solve(inputs.T @ inputs + np.diag(penalty), inputs.T @ target), dtype=float)
