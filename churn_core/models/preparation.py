"""From a feature frame to numbers an estimator can use: recorded steps, fitted on training rows only.

Numbers: missing values become the median plus an indicator, long tails are drawn in by a signed logarithm where
that makes them more symmetric, then all are standardised and cut at five standard deviations. Categories: the
frequent ones are kept, the rest share one bucket. The record is plain JSON, so new rows get the same treatment.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from churn_core.errors import InputError, NotEnoughData
from churn_core.stats.columns import is_number, numbers

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

MOST_LEVELS = 40
"""Categories kept of one column; the others share a bucket."""
LEAST_ROWS_OF_LEVEL = 10
"""Rows a category needs to be kept."""
SKEW_ROWS = 20_000
"""Rows that are looked at to decide on the logarithm."""
CUT_AT = 5.0
"""Standard deviations beyond which a value counts as this many."""
OTHER = "(other)"
MISSING = "(missing)"


@dataclass(frozen=True, kw_only=True)
class PreparedColumn:
    """How one feature is treated."""

    name: str
    kind: str
    """number or category."""
    median: float = 0.0
    """Put in place of a missing number."""
    has_missing: bool = False
    """Whether missing values occurred in training and get an indicator."""
    is_log: bool = False
    """Whether the signed logarithm is taken."""
    mean: float = 0.0
    scale: float = 1.0
    """Mean and standard deviation after the logarithm."""
    knots: tuple[float, ...] = ()
    """Standardised values at which the slope may change."""
    levels: tuple[str, ...] = ()
    """Categories kept; what is not among them is (other)."""
    rare_levels: tuple[str, ...] = ()
    """Categories that are told apart by their effect alone."""
    effects: tuple[float, ...] = ()
    """Their effects in log-odds."""
    cut_at: float | None = CUT_AT
    """Standard deviations beyond which a value counts as this many; None where the scale is kept as given."""


_LISTS = ("knots", "levels", "rare_levels", "effects")


@dataclass(frozen=True, kw_only=True)
class Preparation:
    """The treatment of all features, in order."""

    columns: tuple[PreparedColumn, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """The features used."""
        return tuple(column.name for column in self.columns)

    def to_json(self) -> list[dict[str, Any]]:
        """The record as plain JSON."""
        return [asdict(column) for column in self.columns]

    @classmethod
    def from_json(cls, stored: Sequence[Mapping[str, Any]]) -> Preparation:
        """The preparation that :meth:`to_json` recorded."""
        return cls(
            columns=tuple(
                PreparedColumn(**{**entry, **{name: tuple(entry.get(name, ())) for name in _LISTS}}) for entry in stored
            )
        )


def fit_preparation(frame: pd.DataFrame, *, n_knots: int = 0, keeps_scale: bool = False) -> Preparation:
    """Learn the treatment from training rows; constant columns are left out.

    ``n_knots`` places where the slope of a number may change, at its quantiles. ``keeps_scale`` takes numbers as they
    are given: no logarithm, no standardising, no cut. NotEnoughData when no column varies.
    """
    columns = [_fit_column(frame[name], str(name), n_knots, keeps_scale) for name in frame.columns]
    kept = tuple(column for column in columns if column is not None)
    if not kept:
        raise NotEnoughData(
            "every column is constant or holds rare values only, so there is nothing to learn from; add columns that "
            "vary."
        )
    return Preparation(columns=kept)


def design(preparation: Preparation, frame: pd.DataFrame) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """The design matrix and, for each of its columns, the position of the feature it belongs to."""
    require_columns(preparation.names, frame)
    blocks: list[NDArray[np.float64]] = []
    owners: list[int] = []
    for position, column in enumerate(preparation.columns):
        made = _number_columns(column, frame[column.name]) if column.kind == "number" else _dummies(column, frame)
        blocks.extend(made)
        owners.extend([position] * len(made))
    return np.column_stack(blocks), np.asarray(owners)


def tree_matrix(preparation: Preparation, frame: pd.DataFrame) -> NDArray[np.float64]:
    """One column per feature for trees: numbers as they are, categories as their position."""
    require_columns(preparation.names, frame)
    made = np.empty((len(frame), len(preparation.columns)))
    for position, column in enumerate(preparation.columns):
        values = frame[column.name]
        made[:, position] = _codes(column, values) if column.kind == "category" else numbers(values)
    return made


def split_matrix(preparation: Preparation, frame: pd.DataFrame) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Numbers as they are and a column per category, and the position of the feature each column belongs to."""
    require_columns(preparation.names, frame)
    blocks: list[NDArray[np.float64]] = []
    owners: list[int] = []
    for position, column in enumerate(preparation.columns):
        made = _dummies(column, frame) if column.kind == "category" else [numbers(frame[column.name])]
        blocks.extend(made)
        owners.extend([position] * len(made))
    return np.column_stack(blocks), np.asarray(owners)


def require_columns(names: Sequence[str], frame: pd.DataFrame) -> None:
    """InputError when a feature the model was trained on is not in the frame."""
    absent = [name for name in names if name not in frame.columns]
    if absent:
        raise InputError(
            f"the model was trained with {absent[0]!r}"
            + (f" and {len(absent) - 1} more columns" if len(absent) > 1 else "")
            + " which the data no longer has; train again on the data as it is."
        )


def signed_log(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Logarithm of one plus the size, with the sign kept.

    >>> signed_log(np.array([-np.e + 1, 0.0, np.e - 1])).round(6).tolist()
    [-1.0, 0.0, 1.0]
    """
    made: NDArray[np.float64] = np.sign(values) * np.log1p(np.abs(values))
    return made


def _fit_column(values: pd.Series, name: str, n_knots: int, keeps_scale: bool) -> PreparedColumn | None:
    if not is_number(values):
        return _fit_category(values, name)
    raw = numbers(values)
    missing = np.isnan(raw)
    if missing.all():
        return None
    known = raw[~missing]
    if known.min() == known.max() and not missing.any():
        return None
    median = float(np.median(known))
    if keeps_scale:
        knots = _knots(np.where(missing, median, raw), n_knots)
        return PreparedColumn(
            name=name, kind="number", median=median, has_missing=bool(missing.any()), knots=knots, cut_at=None
        )
    some = known[:: max(1, len(known) // SKEW_ROWS)]
    is_log = abs(_skewness(signed_log(some))) < abs(_skewness(some))
    filled = np.where(missing, median, raw)
    filled = signed_log(filled) if is_log else filled
    mean, scale = float(filled.mean()), float(filled.std())
    scale = scale if scale > 1e-12 else 1.0
    standard = np.clip((filled - mean) / scale, -CUT_AT, CUT_AT)
    return PreparedColumn(
        name=name,
        kind="number",
        median=median,
        has_missing=bool(missing.any()),
        is_log=is_log,
        mean=mean,
        scale=scale,
        knots=_knots(standard, n_knots),
    )


def _fit_category(values: pd.Series, name: str) -> PreparedColumn | None:
    counts = texts(values).value_counts()
    counts = counts.loc[sorted(counts.index, key=lambda level: (-counts[level], level))]
    kept = counts[counts >= LEAST_ROWS_OF_LEVEL].head(MOST_LEVELS)
    if len(counts) < 2 or not len(kept):
        return None
    return PreparedColumn(name=name, kind="category", levels=tuple(str(level) for level in kept.index))


def _knots(standard: NDArray[np.float64], n_knots: int) -> tuple[float, ...]:
    if n_knots < 1 or len(np.unique(standard)) < 4 * n_knots:
        return ()
    places = np.quantile(standard, np.linspace(0, 1, n_knots + 2)[1:-1])
    inside = np.unique(np.round(places, 4))
    return tuple(float(place) for place in inside if standard.min() < place < standard.max())


def _skewness(values: NDArray[np.float64]) -> float:
    centred = values - values.mean()
    squared = centred * centred
    spread = float(np.sqrt(squared.mean()))
    # Products, not a power: the power of an array costs some fifty times as much.
    return float((squared * centred).mean()) / spread**3 if spread > 0 else 0.0


def _number_columns(column: PreparedColumn, values: pd.Series) -> list[NDArray[np.float64]]:
    raw = numbers(values)
    missing = np.isnan(raw)
    filled = np.where(missing, column.median, raw)
    filled = signed_log(filled) if column.is_log else filled
    standard = (filled - column.mean) / column.scale
    standard = standard if column.cut_at is None else np.clip(standard, -column.cut_at, column.cut_at)
    made = [standard, *(np.maximum(standard - knot, 0.0) for knot in column.knots)]
    return [*made, missing.astype(float)] if column.has_missing else made


def texts(values: pd.Series) -> pd.Series:
    """Categories as text; what is missing is a category of its own."""
    return values.astype(object).where(values.notna(), MISSING).astype(str)


def _codes(column: PreparedColumn, values: pd.Series) -> NDArray[np.float64]:
    import pandas as pd

    position = pd.Index(column.levels).get_indexer(pd.Index(texts(values)))
    return np.where(position < 0, len(column.levels), position).astype(float)


def _dummies(column: PreparedColumn, frame: pd.DataFrame) -> list[NDArray[np.float64]]:
    import pandas as pd

    codes = _codes(column, frame[column.name])
    made = [(codes == position).astype(float) for position in range(len(column.levels) + 1)]
    if column.effects:
        place = pd.Index(column.rare_levels).get_indexer(pd.Index(texts(frame[column.name])))
        made.append(np.append(column.effects, 0.0)[place])
    return made
