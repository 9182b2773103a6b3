"""The simple steps of preparation: rare categories, cut tails, one scale.

Each is fitted on training rows, keeps what it learnt as plain JSON, and does the same to new rows. Columns are numbers
(NaN where missing) or text (None where missing), as :func:`typed_inputs` makes them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Protocol, Self

import numpy as np

from churn_core.models.preparation import OTHER, require_columns
from churn_core.stats.columns import is_number, numbers

if TYPE_CHECKING:
    import pandas as pd

NUMBER, CATEGORY = "number", "category"
RARE_SHARES = {"one_percent": 0.01, "five_percent": 0.05}
CUT_SHARES = (0.01, 0.99)


class Step(Protocol):
    """One recorded step of preparation."""

    def transform(self, frame: pd.DataFrame) -> pd.DataFrame:
        """The frame after the step, by what was learnt from the training rows."""

    def to_json(self) -> dict[str, Any]:
        """What was learnt, as plain JSON."""

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Self:
        """The step that :meth:`to_json` described."""


def kinds_of(frame: pd.DataFrame) -> dict[str, str]:
    """Column -> number or category, for the columns that vary; constant and empty ones are left out."""
    kinds = {}
    for name in frame.columns:
        values = frame[name]
        known = values.dropna()
        if is_number(values):
            known = known[np.isfinite(known.to_numpy(dtype=float))]
        if not len(known) or (len(known) == len(values) and known.nunique() < 2):
            continue
        kinds[str(name)] = NUMBER if is_number(values) else CATEGORY
    return kinds


def typed_inputs(frame: pd.DataFrame, kinds: Mapping[str, str]) -> pd.DataFrame:
    """The inputs by their kind as it was in training; InputError when one of them is not there."""
    import pandas as pd

    require_columns(tuple(kinds), frame)
    made = {
        name: numbers(frame[name])
        if kind == NUMBER
        else frame[name].astype(object).where(frame[name].notna(), None).map(str, na_action="ignore")
        for name, kind in kinds.items()
    }
    return pd.DataFrame(made, index=frame.index)


def with_columns(frame: pd.DataFrame, columns: Mapping[str, Any]) -> pd.DataFrame:
    """The frame with these columns in place of, or beside, the old ones."""
    import pandas as pd

    # All at once: adding a hundred columns one by one leaves a frame of a hundred pieces.
    made: dict[str, Any] = {str(name): frame[name] for name in frame.columns}
    return pd.DataFrame(made | dict(columns), index=frame.index) if columns else frame


@dataclass(frozen=True, kw_only=True)
class RareCategories:
    """Categories below a share of the training rows, put together."""

    share: float
    """Share of the training rows below which a category is rare."""
    kept: Mapping[str, tuple[str, ...]]
    """Column -> categories that stay as they are."""
    n_rare: int = 0
    """Categories put together, over all columns."""

    @classmethod
    def fit(cls, frame: pd.DataFrame, categories: Sequence[str], *, share: float) -> Self:
        """Find the categories of each column that reach the share."""
        kept, n_rare = {}, 0
        for name in categories:
            shares = frame[name].value_counts() / len(frame)
            frequent = sorted(str(level) for level in shares.index[shares >= share])
            kept[name] = tuple(frequent)
            n_rare += len(shares) - len(frequent)
        return cls(share=share, kept=kept, n_rare=n_rare)

    def transform(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Rare and new categories become one; missing ones stay missing."""
        made = {}
        for name, levels in self.kept.items():
            values = frame[name]
            made[name] = values.where(values.isin(levels) | values.isna(), OTHER)
        return with_columns(frame, made)

    def to_json(self) -> dict[str, Any]:
        """What was learnt."""
        return {
            "share": self.share,
            "kept": {name: list(levels) for name, levels in self.kept.items()},
            "n_rare": self.n_rare,
        }

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Self:
        """The step that :meth:`to_json` described."""
        kept = {name: tuple(levels) for name, levels in stored["kept"].items()}
        return cls(share=stored["share"], kept=kept, n_rare=stored["n_rare"])


@dataclass(frozen=True, kw_only=True)
class Winsorise:
    """Numbers cut at two quantiles of the training rows (Tukey, 1962)."""

    bounds: Mapping[str, tuple[float, float]]
    """Column -> lowest and highest value that stays; columns whose quantiles coincide are left alone."""

    @classmethod
    def fit(cls, frame: pd.DataFrame, names: Sequence[str]) -> Self:
        """Find the 1 % and 99 % quantile of each number."""
        bounds = {}
        for name in names:
            values = frame[name].to_numpy(dtype=float)
            low, high = np.nanquantile(values, CUT_SHARES)
            if low < high:
                bounds[name] = (float(low), float(high))
        return cls(bounds=bounds)

    def transform(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Values beyond a bound become the bound."""
        return with_columns(frame, {name: frame[name].clip(low, high) for name, (low, high) in self.bounds.items()})

    def to_json(self) -> dict[str, Any]:
        """What was learnt."""
        return {"bounds": {name: list(pair) for name, pair in self.bounds.items()}}

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Self:
        """The step that :meth:`to_json` described."""
        return cls(bounds={name: (float(low), float(high)) for name, (low, high) in stored["bounds"].items()})


@dataclass(frozen=True, kw_only=True)
class Scaling:
    """Numbers brought to one scale: ``(value - centre) / spread``."""

    how: str
    """standard (mean, standard deviation), robust (median, interquartile range) or none."""
    centre: Mapping[str, float]
    spread: Mapping[str, float]

    @classmethod
    def fit(cls, frame: pd.DataFrame, names: Sequence[str], *, how: str) -> Self:
        """Find centre and spread of each number; a spread of 0 counts as the standard deviation, or else as 1."""
        centre, spread = {}, {}
        for name in names if how != "none" else ():
            values = frame[name].to_numpy(dtype=float)
            deviation = float(np.nanstd(values))
            if how == "standard":
                centre[name], found = float(np.nanmean(values)), deviation
            else:
                low, middle, high = np.nanquantile(values, [0.25, 0.5, 0.75])
                centre[name], found = float(middle), float(high - low)
            spread[name] = next((width for width in (found, deviation) if width > 1e-12), 1.0)
        return cls(how=how, centre=centre, spread=spread)

    def transform(self, frame: pd.DataFrame) -> pd.DataFrame:
        """The numbers on their new scale; missing ones stay missing."""
        return with_columns(
            frame, {name: (frame[name] - middle) / self.spread[name] for name, middle in self.centre.items()}
        )

    def to_json(self) -> dict[str, Any]:
        """What was learnt."""
        return asdict(self)

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Self:
        """The step that :meth:`to_json` described."""
        return cls(how=stored["how"], centre=dict(stored["centre"]), spread=dict(stored["spread"]))
