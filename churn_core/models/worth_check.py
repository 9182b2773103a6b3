"""The hold-out check: what would have been said at a past cutoff beside what came, in total and by decile.

Everything that was said rests on what was known then; nothing of the horizon that is judged was seen.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

N_DECILES = 10
LEAST_TO_JUDGE = 50
"""Customers that a hold-out check needs."""
N_DRAWS = 1000
"""Times the customers are drawn again for an interval."""


@dataclass(frozen=True, kw_only=True)
class Decile:
    """A tenth of the customers, by what was predicted."""

    n: int
    predicted: float
    actual: float
    """Means per customer."""


@dataclass(frozen=True, kw_only=True)
class DateCheck:
    """How often the next order had come by a date that was said to be reached with some probability."""

    probability: float
    """Share that should have ordered by their date."""
    n: int
    """Customers whose date lay within the horizon."""
    happened: float
    """Share of them that had ordered by it."""


@dataclass(frozen=True, kw_only=True)
class HoldOut:
    """Predicted against actual at a past cutoff."""

    cutoff: datetime
    horizon_days: int
    what: str
    """spend (in the shop's currency), or orders (order days, where no amounts are known)."""
    method: str
    """How it was predicted, chosen by what was known at the cutoff."""
    level_rule: str
    """Where the level was taken from."""
    n_customers: int
    """Everybody who had bought before the cutoff, or a sample of them."""
    n_bought: int
    """Of them, those who bought within the horizon."""
    predicted: float
    actual: float
    """Totals."""
    mae: float
    """Mean absolute error per customer."""
    mae_same: float
    """That of "the same as in as many days before"."""
    mae_rhythm: float
    """That of BG/NBD with Gamma-Gamma as it comes."""
    deciles: tuple[Decile, ...]
    """From the least to the most predicted."""
    decile_correlation: float | None
    """Rank correlation of predicted and actual means over the deciles; None where all are alike."""
    orders_predicted: float
    orders_actual: float
    """Order days in total."""
    dates: tuple[DateCheck, ...] = ()
    """The dates of the next order."""
    is_net: bool = False
    """Whether spend is less returns, predicted and actual, and in the answers it is compared with."""
    actual_gross: float | None = None
    """Spend that came before returns were taken off; None where none are known."""
    gross_correlation: float | None = None
    """Rank correlation of the same tenths with spend before returns; None where none are known or all are alike."""
    gain_same: tuple[float, float] | None = None
    gain_rhythm: tuple[float, float] | None = None
    """95 % intervals of how much larger the mean errors of the two simple answers are, over customers drawn again."""
    mae_typical: float | None = None
    """Mean absolute error of the typical amount, a median; None where none was said."""
    typical_gain_same: tuple[float, float] | None = None
    typical_gain_rhythm: tuple[float, float] | None = None
    """The same intervals for the typical amount."""

    @property
    def ratio(self) -> float | None:
        """Predicted over actual total; None when nothing came."""
        return self.predicted / self.actual if self.actual > 0 else None

    def to_json(self) -> dict[str, Any]:
        """The check as plain JSON."""
        return {**asdict(self), "cutoff": self.cutoff.isoformat(), "ratio": self.ratio}

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> HoldOut:
        """The check that :meth:`to_json` described."""
        values = {name: value for name, value in stored.items() if name != "ratio"}
        values["cutoff"] = datetime.fromisoformat(values["cutoff"])
        values["deciles"] = tuple(Decile(**entry) for entry in values["deciles"])
        values["dates"] = tuple(DateCheck(**entry) for entry in values["dates"])
        for name in ("gain_same", "gain_rhythm", "typical_gain_same", "typical_gain_rhythm"):
            values[name] = tuple(values[name]) if values.get(name) else None
        return cls(**values)


def deciles(predicted: NDArray[np.float64], actual: NDArray[np.float64]) -> tuple[Decile, ...]:
    """Ten groups of equal size by what was predicted."""
    groups = np.array_split(np.argsort(predicted, kind="stable"), N_DECILES)
    return tuple(
        Decile(n=len(group), predicted=float(predicted[group].mean()), actual=float(actual[group].mean()))
        for group in groups
        if len(group)
    )


def decile_correlation(found: Sequence[Decile]) -> float | None:
    """Spearman's rank correlation of predicted and actual means; None where either does not vary.

    >>> made = [Decile(n=5, predicted=float(i), actual=float(i * i)) for i in range(10)]
    >>> decile_correlation(made)
    1.0
    """
    from scipy.stats import spearmanr

    predicted, actual = [entry.predicted for entry in found], [entry.actual for entry in found]
    if len(set(predicted)) < 2 or len(set(actual)) < 2:
        return None
    return round(float(spearmanr(predicted, actual).statistic), 12)


def scaled_error(shape: NDArray[np.float64], actual: NDArray[np.float64]) -> float:
    """Mean absolute error over the mean, once the total is right: so that saying too little earns nothing.

    >>> scaled_error(np.array([1.0, 3.0]), np.array([10.0, 30.0]))
    0.0
    """
    total = float(actual.sum())
    said = shape * (total / max(float(shape.sum()), 1e-12))
    return float(np.abs(said - actual).mean() / max(total / len(actual), 1e-12))


def mean_interval(values: NDArray[np.float64]) -> tuple[float, float]:
    """95 % interval of a mean by drawing customers again, so that one large order is not taken for a rule.

    Percentile bootstrap (Efron, 1979) with a fixed seed: the same customers, the same interval.

    >>> mean_interval(np.full(50, 2.0))
    (2.0, 2.0)
    """
    draw = np.random.default_rng(0)
    means = [float(values[draw.integers(0, len(values), len(values))].mean()) for _ in range(N_DRAWS)]
    low, high = np.quantile(means, (0.025, 0.975))
    return float(low), float(high)


def date_checks(
    days: Mapping[float, NDArray[np.float64]], happened: NDArray[np.float64], horizon_days: int
) -> tuple[DateCheck, ...]:
    """For each probability, how many had ordered by their date, of those whose date lies within the horizon.

    ``days`` gives each customer's days to that date by probability, ``happened`` the days to the order that came.
    """
    made = []
    for probability, said in days.items():
        inside = np.isfinite(said) & (said <= horizon_days)
        if inside.sum() >= LEAST_TO_JUDGE:
            came = happened[inside] + 0.5 <= said[inside]
            made.append(DateCheck(probability=probability, n=int(inside.sum()), happened=float(came.mean())))
    return tuple(made)
