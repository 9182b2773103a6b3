"""What a customer is expected to spend within the horizon if they stay, less what they send back of it.

Spend is after returns where these are known, as everywhere (``features/net_spend``). Learnt on past label windows from
those who stayed, on a logarithmic scale so that a few large accounts do not rule, then scaled so that predicted and
actual totals of the past agree.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from churn_core.models.preparation import Preparation, design, fit_preparation
from churn_core.stats.columns import numbers

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from churn_core.models.periods import Period

LEAST_STAYERS = 100
"""Customers with known spend after the cutoff that are needed to learn from."""
LEAST_TO_SCALE = 20
"""Customers with known spend after the cutoff from which past spend per month is scaled to what stayers spent."""
MOST_ROWS = 40_000
RIDGE = 20.0
MONTHLY_SPEND, RETURNED = "spend_per_month", "return_amount_ratio"


@dataclass(frozen=True, kw_only=True)
class ValueModel:
    """Expected spend within the horizon of those who stay."""

    kind: str
    """regression (learnt), rate (past spend per month carried forward) or none (no amounts are known)."""
    horizon_days: int
    preparation: Preparation = field(default_factory=lambda: Preparation(columns=()))
    weights: tuple[float, ...] = ()
    centre: tuple[float, ...] = ()
    intercept: float = 0.0
    highest: float = 0.0
    """Logarithm of the largest spend that is predicted."""
    factor: float = 1.0
    """Actual over predicted total in training."""
    n_rows: int = 0
    """Customers and cutoffs it was learnt from."""

    def expected_amount(self, frame: pd.DataFrame) -> NDArray[np.float64]:
        """Expected spend within the horizon if the customer stays, in the shop's currency; NaN when unknown."""
        if self.kind == "regression":
            matrix, _ = design(self.preparation, frame)
            logs = self.intercept + (matrix - np.asarray(self.centre)) @ np.asarray(self.weights)
            return np.asarray(np.expm1(np.clip(logs, 0.0, self.highest)) * self.factor)
        if self.kind == "rate" and MONTHLY_SPEND in frame.columns:
            return _kept_per_month(frame) * self.horizon_days / 30.0 * self.factor
        return np.full(len(frame), np.nan)

    def to_json(self) -> dict[str, Any]:
        """Everything needed to answer again."""
        return {
            "kind": self.kind,
            "horizon_days": self.horizon_days,
            "preparation": self.preparation.to_json(),
            "weights": list(self.weights),
            "centre": list(self.centre),
            "intercept": self.intercept,
            "highest": self.highest,
            "factor": self.factor,
            "n_rows": self.n_rows,
        }

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> ValueModel:
        """The model that :meth:`to_json` described."""
        values = dict(stored)
        values["preparation"] = Preparation.from_json(stored["preparation"])
        values["weights"] = tuple(stored["weights"])
        values["centre"] = tuple(stored["centre"])
        return cls(**values)


def fit_value(periods: Sequence[Period], *, horizon_days: int) -> ValueModel:
    """Learn from the stayers of past periods; without enough of them the past spend per month is carried forward."""
    import pandas as pd

    frames, amounts = [], []
    for period in periods:
        known = _stayers(period)
        frames.append(period.frame[known])
        amounts.append(period.future_amount[known])
    n_rows = sum(map(len, amounts))
    has_spend = any(MONTHLY_SPEND in frame.columns for frame in frames)
    if n_rows < LEAST_STAYERS:
        rate = ValueModel(kind="rate" if has_spend or not frames else "none", horizon_days=horizon_days)
        return _scaled_rate(rate, frames, amounts)
    frame, amount = pd.concat(frames, ignore_index=True), np.concatenate(amounts)
    step = max(1, -(-n_rows // MOST_ROWS))
    frame, amount = frame.iloc[::step], amount[::step]
    preparation = fit_preparation(frame)
    matrix, _ = design(preparation, frame)
    centre = matrix.mean(axis=0)
    centred = matrix - centre
    logs = np.log1p(amount)
    gram = centred.T @ centred + RIDGE * np.eye(centred.shape[1])
    weights = np.linalg.solve(gram, centred.T @ (logs - logs.mean()))
    highest = float(np.quantile(logs, 0.999))
    predicted = np.expm1(np.clip(logs.mean() + centred @ weights, 0.0, highest))
    return ValueModel(
        kind="regression",
        horizon_days=horizon_days,
        preparation=preparation,
        weights=tuple(float(weight) for weight in weights),
        centre=tuple(float(value) for value in centre),
        intercept=float(logs.mean()),
        highest=highest,
        factor=float(amount.sum() / max(predicted.sum(), 1e-9)),
        n_rows=len(amount),
    )


@dataclass(frozen=True, kw_only=True)
class ValueJudged:
    """Expected spend of past stayers, as it would have been said then, beside what they spent."""

    n_stayers: int
    """Customers and cutoffs that were judged."""
    predicted: float
    actual: float
    """Totals in the shop's currency."""

    @property
    def ratio(self) -> float:
        """Predicted over actual total."""
        return self.predicted / self.actual

    def to_json(self) -> dict[str, float]:
        """The totals with their ratio."""
        return {"n_stayers": self.n_stayers, "predicted": self.predicted, "actual": self.actual, "ratio": self.ratio}


def judge_value(rounds: Sequence[tuple[Sequence[Period], Period]], *, horizon_days: int) -> ValueJudged | None:
    """Learn from the periods known at a cutoff and judge at that cutoff, for each of these rounds.

    None where no stayer's spend is known.
    """
    n_stayers, predicted, actual = 0, 0.0, 0.0
    for known, judged in rounds:
        stayed = _stayers(judged)
        said = fit_value(known, horizon_days=horizon_days).expected_amount(judged.frame[stayed])
        usable = np.isfinite(said)
        n_stayers += int(usable.sum())
        predicted += float(said[usable].sum())
        actual += float(judged.future_amount[stayed][usable].sum())
    return ValueJudged(n_stayers=n_stayers, predicted=predicted, actual=actual) if n_stayers and actual > 0 else None


def _stayers(period: Period) -> NDArray[np.bool_]:
    """Who ordered again for a known amount; who sent all of it back stayed too, and brought nothing."""
    known = ~period.churned & np.isfinite(period.future_amount) & (period.future_amount >= 0)
    return np.asarray(known, dtype=bool)


def _kept_per_month(frame: pd.DataFrame) -> NDArray[np.float64]:
    """Past spend per month less the part of it that was sent back; not below 0."""
    spent = np.maximum(numbers(frame[MONTHLY_SPEND]), 0.0)
    if RETURNED not in frame.columns:
        return spent
    return np.asarray(spent * (1.0 - np.clip(np.nan_to_num(numbers(frame[RETURNED])), 0.0, 1.0)))


def _scaled_rate(
    rate: ValueModel, frames: Sequence[pd.DataFrame], amounts: Sequence[NDArray[np.float64]]
) -> ValueModel:
    """Stayers spend more than the average of their past says, because leavers are in it: as much as they did so far."""
    n_rows = sum(map(len, amounts))
    if rate.kind != "rate" or n_rows < LEAST_TO_SCALE:
        return rate
    predicted = sum(float(np.nansum(rate.expected_amount(frame))) for frame in frames)
    actual = sum(float(amount.sum()) for amount in amounts)
    return replace(rate, factor=float(np.clip(actual / max(predicted, 1e-9), 0.5, 3.0)), n_rows=n_rows)
