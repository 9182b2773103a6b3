"""Reasons in words: what moves a customer's risk, with the customer's own number and what is usual.

Features that say the same thing are weighed together: what counts is the net contribution of their family, and the
most telling number of the family speaks for it. A number speaks only in the direction it has for customers in general,
and rather when it lies outside what is usual; silence speaks beside the gap that is usual for this customer. The
contributions themselves are stored complete, whatever is told of them. Texts are made per distinct value, not per
customer, which is what makes a million of them cheap.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from churn_core.features.attributes import PREFIX
from churn_core.features.words import feature_words, range_text, silence_words, value_text
from churn_core.models.families import ATTRIBUTE_GROUP, CONSTANTS, family_label, family_of, feature_entry, group_of
from churn_core.models.preparation_unusual import UNUSUAL
from churn_core.models.telling import (
    KNOWN_DIRECTIONS,
    SILENCE,
    SILENT,
    TIER_USUAL,
    TIER_WEAK,
    Usual,
    own_gaps,
    silence_tiers,
    telling_tiers,
)
from churn_core.stats.columns import is_number, numbers
from churn_core.stats.ranking import mid_ranks

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from churn_core.features.shop_habits import Habits

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
"""Log-odds below which a contribution is no reason, unless it is the only one of a customer above the average."""

NOTHING_STANDS_OUT = "no single number stands out, small differences add up"
HIGH_FOR_ALL = "nothing sets this customer apart, the risk is high for most customers here"


@dataclass(frozen=True, kw_only=True)
class ReasonTexts:
    """The reasons of a chunk of customers; None where there is none."""

    up: tuple[NDArray[np.object_], ...]
    down: tuple[NDArray[np.object_], ...]
    main_feature: NDArray[np.object_]
    """Feature that speaks first of those that raise the risk."""
    main_group: NDArray[np.object_]
    """Its family."""


@dataclass(frozen=True, kw_only=True)
class _Speakers:
    """Who speaks for each family in one direction: a row per customer, a column per family."""

    feature: NDArray[np.int64]
    """Position of the feature; the number of features stands for the sentence about silence."""
    tier: NDArray[np.int8]
    """How telling it is; 0 means no number of the family speaks in this direction."""


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

    def __init__(
        self,
        feature_names: Sequence[str],
        usual: Mapping[str, Usual],
        *,
        currency: str = "",
        known: Habits | None = None,
    ) -> None:
        """``known`` are the habits of the shop at the instant of the values: silence is told beside them."""
        self.feature_names = tuple(feature_names)
        self._known = known
        self._usual = usual
        self._currency = currency
        self._texts: dict[tuple[int, Any], str] = {}
        self._directions: dict[str, float] = {}
        spoken = [family_of(name) for name in self.feature_names if name not in CONSTANTS]
        self._families = tuple(dict.fromkeys(spoken))
        self._members = [
            np.array([i for i, name in enumerate(self.feature_names) if family_of(name) == family], dtype=np.int64)
            for family in self._families
        ]

    def learn_directions(self, frame: pd.DataFrame, log_odds: NDArray[np.float64]) -> None:
        """Find out which way each number goes with the risk among these customers."""
        centred = log_odds - log_odds.mean()
        for name in self.feature_names:
            usual = self._usual.get(name)
            if usual is None or name not in frame.columns or not is_number(frame[name]):
                continue
            values = np.nan_to_num(numbers(frame[name]), nan=usual.middle)
            ranks = mid_ranks(values)
            self._directions[name] = float(np.sign(np.dot(ranks - ranks.mean(), centred)))

    def write(
        self, frame: pd.DataFrame, contributions: NDArray[np.float64], *, is_high: NDArray[np.bool_] | None = None
    ) -> ReasonTexts:
        """The reasons of these customers, strongest first; contributions are against the average customer.

        Customers above the average and those of the high tier (``is_high``) have at least one reason up.
        """
        rows = np.arange(len(frame))
        net = np.column_stack([contributions[:, members].sum(axis=1) for members in self._members])
        raising, lowering = telling_tiers(frame, self.feature_names, self._usual, self._directions)
        up = self._speakers(frame, contributions, raising, 1.0)
        down = self._speakers(frame, -contributions, lowering, -1.0)
        up_family, up_size = _strongest(np.where(up.tier > 0, net, 0.0), N_UP)
        down_family, down_size = _strongest(np.where(down.tier > 0, -net, 0.0), N_DOWN)
        needs_one = contributions.sum(axis=1) > 0
        silent = (up_size[:, 0] < LEAST) & (needs_one if is_high is None else needs_one | is_high)
        told = np.where(up.tier[silent] > 0, np.maximum(net[silent], 0.0) * 1e3, 0.0) + net[silent]
        up_family[silent, 0] = told.argmax(axis=1)
        up_size[silent, 0] = LEAST
        features = np.column_stack(
            [up.feature[rows, family] for family in up_family.T] + [down.feature[rows, f] for f in down_family.T]
        )
        texts = self._texts_of(frame, features)
        unspoken = np.flatnonzero(silent & (up.tier[rows, up_family[:, 0]] == 0))
        for row in unspoken:
            family = up_family[row, 0]
            label = family_label(self._families[family])
            texts[row, 0] = f"{label}: {NOTHING_STANDS_OUT}" if net[row, family] > 0 else HIGH_FOR_ALL
        has_up, has_down = up_size >= LEAST, down_size >= LEAST
        names = np.array([*self.feature_names, SILENT], dtype=object)
        groups = np.array([family.split(":")[0] for family in self._families], dtype=object)
        return ReasonTexts(
            up=tuple(_told(texts[:, i], has_up[:, i]) for i in range(N_UP)),
            down=tuple(_told(texts[:, N_UP + i], has_down[:, i]) for i in range(N_DOWN)),
            main_feature=_told(names[features[:, 0]], has_up[:, 0]),
            main_group=_told(groups[up_family[:, 0]], has_up[:, 0]),
        )

    def _speakers(
        self, frame: pd.DataFrame, pushes: NDArray[np.float64], tiers: NDArray[np.int8], direction: float
    ) -> _Speakers:
        """The most telling number of each family; ``pushes`` are contributions in the direction asked for.

        Silence and the orders so far share what they contribute as a model happens to split it: where no number of
        their own push can be told, one that everybody knows to point that way speaks for the sum.
        """
        rows = np.arange(len(frame))
        spoken = np.where(pushes > 0, tiers, 0)
        score = spoken * 1_000.0 + np.clip(pushes, -400.0, 400.0)
        about_silence = silence_tiers(frame, direction)
        feature = np.zeros((len(frame), len(self._families)), dtype=np.int64)
        tier = np.zeros((len(frame), len(self._families)), dtype=np.int8)
        for position, (family, members) in enumerate(zip(self._families, self._members, strict=True)):
            allowed = members
            if about_silence is not None and family == "silence":
                quiet = [i for i in members if self.feature_names[i] not in SILENCE]
                allowed = np.array(quiet or list(members), dtype=np.int64)
            best = allowed[score[:, allowed].argmax(axis=1)]
            feature[:, position], tier[:, position] = best, spoken[rows, best]
            stand_in = [i for i in allowed if family == "silence" and self.feature_names[i] in KNOWN_DIRECTIONS]
            if stand_in:
                second = np.array(stand_in)[tiers[:, stand_in].argmax(axis=1)]
                speaks = (tier[:, position] == 0) & (tiers[rows, second] >= TIER_USUAL)
                feature[speaks, position], tier[speaks, position] = second[speaks], TIER_WEAK
            if about_silence is not None and family == "silence":
                speaks = about_silence > 1
                feature[speaks, position] = len(self.feature_names)
                tier[speaks, position] = about_silence[speaks]
        return _Speakers(feature=feature, tier=tier)

    def _texts_of(self, frame: pd.DataFrame, features: NDArray[np.int64]) -> NDArray[np.object_]:
        texts = np.full(features.shape, None, dtype=object)
        for position in np.unique(features):
            rows, slots = np.nonzero(features == position)
            if position == len(self.feature_names):
                texts[rows, slots] = self._texts_of_silence(frame.iloc[rows])
                continue
            name = self.feature_names[position]
            if name in frame.columns and len(rows):
                texts[rows, slots] = self._texts_of_feature(int(position), frame[name].iloc[rows])
        return texts

    def _texts_of_silence(self, frame: pd.DataFrame) -> NDArray[np.object_]:
        gaps = own_gaps(frame, self._known)
        assert gaps is not None, "asked for only where the gaps are known"
        silent, is_single = numbers(frame[SILENT]).round(), gaps.n_order_days <= 1
        due = np.where(silent > gaps.due_days, gaps.due_days, -1.0)
        facts = np.column_stack([silent, np.maximum(gaps.days, 1).round(), is_single, due, is_single & gaps.is_of_shop])
        distinct, code = np.unique(facts, axis=0, return_inverse=True)
        made = np.array([_silence(*row) for row in distinct], dtype=object)
        return np.asarray(made[code.ravel()], dtype=object)

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
        if entry is None or isinstance(value, str):
            return _attribute_text(name, value, usual)
        number = float("nan") if value is None else float(value)
        if usual is None or value is None:
            return feature_words(entry, number, is_high=True, currency=self._currency)
        is_high = number > usual.middle or (number == usual.middle and number > 0)
        shown = {value_text(entry.unit, edge, currency=self._currency) for edge in (usual.low, usual.high)}
        own = value_text(entry.unit, number, currency=self._currency)
        is_usual = usual.low <= number <= usual.high or own in shown
        words = feature_words(entry, number, is_high=is_high, is_usual=is_usual, currency=self._currency)
        if name == UNUSUAL:
            return words
        told = f"{words}; usual {range_text(entry.unit, usual.low, usual.high, currency=self._currency)}"
        middle = value_text(entry.unit, usual.middle, currency=self._currency)
        # Inside the usual range only the middle shows on which side a number lies.
        return f"{told}, middle {middle}" if is_usual and len(shown) > 1 and middle != own else told


def _silence(days: float, gap: float, is_single: float, due: float, is_of_shop: float) -> str:
    n_order_days, passed = (1 if is_single else 2), None if due < 0 else due
    return silence_words(days, gap, n_order_days, due_days=passed, is_of_shop=bool(is_of_shop))


def _strongest(sizes: NDArray[np.float64], n_most: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """The strongest families of each row, with their sizes; size 0 where there are too few."""
    if sizes.shape[1] < n_most:
        sizes = np.pad(sizes, ((0, 0), (0, n_most - sizes.shape[1])))
    order = np.argsort(-sizes, axis=1, kind="stable")[:, :n_most]
    found = np.take_along_axis(sizes, order, axis=1)
    return np.where(found > 0, order, 0), found


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
