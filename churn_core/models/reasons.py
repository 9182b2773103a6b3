"""Reasons in words: what moves a customer's risk, with the customer's own number and what is usual.

Two rules keep reasons readable. Of each group of features only the strongest speaks, so that three reasons are
three different things and not the same silence said three times. And a number speaks only in the direction it has
for customers in general: where features overlap, a model may give one of them too much and take it back with
another, and "105 days since the last order" is then no reason to expect loyalty. The contributions themselves are
stored complete, whatever is told of them. Texts are made per distinct value, not per customer, which is what makes
a million of them cheap.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from churn_core.features.attributes import PREFIX
from churn_core.features.words import feature_words, range_text
from churn_core.models.families import ATTRIBUTE_GROUP, CONSTANTS, feature_entry, group_of
from churn_core.models.preparation import is_number, numbers
from churn_core.stats.ranking import mid_ranks

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

__all__ = [
    "ATTRIBUTE_GROUP",
    "CONSTANTS",
    "ReasonTexts",
    "ReasonWriter",
    "Usual",
    "feature_entry",
    "group_of",
    "usual_ranges",
]

N_UP = 3
N_DOWN = 2
LEAST = 0.05
"""Log-odds below which a contribution is no reason."""


@dataclass(frozen=True, kw_only=True)
class Usual:
    """What is usual among the eligible customers, for one feature."""

    low: float
    """25th percentile."""
    middle: float
    high: float
    """75th percentile."""


@dataclass(frozen=True, kw_only=True)
class ReasonTexts:
    """The reasons of a chunk of customers; None where there is none."""

    up: tuple[NDArray[np.object_], ...]
    down: tuple[NDArray[np.object_], ...]
    main_feature: NDArray[np.object_]
    """Feature that raises the risk most."""
    main_group: NDArray[np.object_]
    """Its group."""


def usual_ranges(frame: pd.DataFrame) -> dict[str, Usual]:
    """The usual range of every number among these customers; all-missing columns have none."""
    made = {}
    for name in frame.columns:
        if not is_number(frame[name]):
            continue
        values = numbers(frame[name])
        known = values[~np.isnan(values)]
        if len(known):
            low, middle, high = np.quantile(known, [0.25, 0.5, 0.75])
            made[str(name)] = Usual(low=float(low), middle=float(middle), high=float(high))
    return made


class ReasonWriter:
    """Turns contributions and values into texts; remembers the texts of values it has met."""

    def __init__(self, feature_names: Sequence[str], usual: Mapping[str, Usual], *, currency: str = "") -> None:
        self.feature_names = tuple(feature_names)
        self._usual = usual
        self._currency = currency
        self._texts: dict[tuple[int, Any], str] = {}
        self._groups = [group_of(name) for name in self.feature_names]
        self._speaking = np.array([name not in CONSTANTS for name in self.feature_names])
        self._directions: dict[int, float] = {}

    def learn_directions(self, frame: pd.DataFrame, log_odds: NDArray[np.float64]) -> None:
        """Find out which way each number goes with the risk among these customers."""
        centred = log_odds - log_odds.mean()
        for position, name in enumerate(self.feature_names):
            usual = self._usual.get(name)
            if usual is None or name not in frame.columns or not is_number(frame[name]):
                continue
            values = np.nan_to_num(numbers(frame[name]), nan=usual.middle)
            ranks = mid_ranks(values)
            self._directions[position] = float(np.sign(np.dot(ranks - ranks.mean(), centred)))

    def write(self, frame: pd.DataFrame, contributions: NDArray[np.float64]) -> ReasonTexts:
        """The reasons of these customers, strongest first."""
        sides = self._sides(frame)
        up_feature, up_size = self._strongest(np.where(sides >= 0, contributions, 0.0), N_UP)
        down_feature, down_size = self._strongest(np.where(sides <= 0, -contributions, 0.0), N_DOWN)
        texts = self._texts_of(frame, np.column_stack([up_feature, down_feature]))
        has_up, has_down = up_size >= LEAST, down_size >= LEAST
        main = np.where(has_up[:, 0], up_feature[:, 0], -1)
        names = np.array([*self.feature_names, None], dtype=object)
        groups = np.array([*(group.split(":")[0] for group in self._groups), None], dtype=object)
        return ReasonTexts(
            up=tuple(_told(texts[:, i], has_up[:, i]) for i in range(N_UP)),
            down=tuple(_told(texts[:, N_UP + i], has_down[:, i]) for i in range(N_DOWN)),
            main_feature=names[main],
            main_group=groups[main],
        )

    def _sides(self, frame: pd.DataFrame) -> NDArray[np.int8]:
        """For each value: 1 where its side of the middle goes with risk in general, -1 against it, 0 unknown."""
        sides = np.zeros((len(frame), len(self.feature_names)), dtype=np.int8)
        for position, direction in self._directions.items():
            name = self.feature_names[position]
            away = np.nan_to_num(numbers(frame[name]) - self._usual[name].middle, nan=0.0)
            sides[:, position] = np.sign(away) * direction
        return sides

    def _strongest(
        self, contributions: NDArray[np.float64], n_most: int
    ) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """The strongest feature of each of the strongest groups, with its size; size 0 where there are too few."""
        distinct = list(dict.fromkeys(g for g, speaks in zip(self._groups, self._speaking, strict=True) if speaks))
        n_rows = len(contributions)
        best = np.zeros((n_rows, max(len(distinct), n_most)))
        which = np.zeros((n_rows, max(len(distinct), n_most)), dtype=np.int64)
        for position, group in enumerate(distinct):
            members = np.array(
                [i for i, found in enumerate(self._groups) if found == group and self._speaking[i]], dtype=np.int64
            )
            part = contributions[:, members]
            top = part.argmax(axis=1)
            best[:, position] = part[np.arange(n_rows), top]
            which[:, position] = members[top]
        order = np.argsort(-best, axis=1, kind="stable")[:, :n_most]
        return np.take_along_axis(which, order, axis=1), np.take_along_axis(best, order, axis=1)

    def _texts_of(self, frame: pd.DataFrame, features: NDArray[np.int64]) -> NDArray[np.object_]:
        texts = np.full(features.shape, None, dtype=object)
        for position in np.unique(features):
            rows, slots = np.nonzero(features == position)
            name = self.feature_names[position]
            if name in frame.columns and len(rows):
                texts[rows, slots] = self._texts_of_feature(int(position), frame[name].iloc[rows])
        return texts

    def _texts_of_feature(self, position: int, values: pd.Series) -> NDArray[np.object_]:
        import pandas as pd

        keys = _rounded(numbers(values)) if is_number(values) else values.astype(object).to_numpy()
        code, distinct = pd.factorize(keys, use_na_sentinel=False)
        made = np.empty(len(distinct), dtype=object)
        for index, value in enumerate(distinct):
            missing = value is None or value != value
            key = (position, None if missing else value)
            if key not in self._texts:
                self._texts[key] = self._text(self.feature_names[position], None if missing else value)
            made[index] = self._texts[key]
        return np.asarray(made[code], dtype=object)

    def _text(self, name: str, value: Any) -> str:
        entry, usual = feature_entry(name), self._usual.get(name)
        if entry is None:
            return _attribute_text(name, value, usual)
        number = float("nan") if value is None else float(value)
        is_high = usual is None or number > usual.middle or (number == usual.middle and number > 0)
        words = feature_words(entry, number, is_high=is_high, currency=self._currency)
        if usual is None:
            return words
        return f"{words}; usual {range_text(entry.unit, usual.low, usual.high, currency=self._currency)}"


def _told(texts: NDArray[np.object_], is_reason: NDArray[np.bool_]) -> NDArray[np.object_]:
    """The texts that are reasons, None for the others."""
    made = texts.copy()
    made[~is_reason] = None
    return made


def _attribute_text(name: str, value: Any, usual: Usual | None) -> str:
    column = name.removeprefix(PREFIX).replace("_", " ")
    if value is None:
        return f"{column} is not known"
    if usual is None:
        return f"{column}: {value}"
    return f"{column} {_plain(float(value))}; usual {_plain(usual.low)}-{_plain(usual.high)}"


def _plain(value: float) -> str:
    """A number without a unit and without false digits.

    >>> _plain(3.0), _plain(1234.5), _plain(0.125)
    ('3', '1,234', '0.12')
    """
    if value == round(value) or abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def _rounded(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Values as they will be shown, so that equal texts are made once."""
    size = np.abs(values)
    fine = np.where(size < 10, np.round(values, 3), np.round(values, 2))
    return np.where(size >= 100, np.round(values), fine)
