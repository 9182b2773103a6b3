"""What every estimator can do, and which estimators there are.

A model answers in log-odds and can say how it got there. That is what lets a blend and its calibration stay
additive: the contributions of the whole are weighted sums of the contributions of its members.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any, Protocol, Self

import numpy as np

from churn_core.errors import InputError, unknown_name

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray


@dataclass(frozen=True, kw_only=True)
class Contributions:
    """Where log-odds come from: ``base + values.sum(axis=1)`` are the log-odds."""

    base: float
    """Log-odds before anything is known about the customer."""
    values: NDArray[np.float64]
    """One row per customer, one column per feature, in log-odds."""
    feature_names: tuple[str, ...]
    """The features, in the order of the columns."""
    standard_error: NDArray[np.float64] | None = None
    """Standard error of the values of each feature (root mean square over the rows), None where they are exact."""

    def total(self) -> NDArray[np.float64]:
        """The log-odds they add up to."""
        return self.base + self.values.sum(axis=1)

    def importance(self, *, leave_out: Collection[str] = ()) -> list[dict[str, Any]]:
        """Mean absolute contribution of each feature around its average, the largest first, as plain JSON.

        Where contributions are sampled, the ``standard_error`` of single values stands beside it.
        """
        sizes = np.abs(self.values - self.values.mean(axis=0)).mean(axis=0)
        order = np.argsort(-sizes, kind="stable")
        named: list[dict[str, Any]] = [
            {"name": self.feature_names[i], "mean_absolute": float(sizes[i])}
            | ({} if self.standard_error is None else {"standard_error": float(self.standard_error[i])})
            for i in order
        ]
        return [entry for entry in named if entry["name"] not in leave_out]


class Estimator(Protocol):
    """One way to get from features to log-odds of churning."""

    name: str
    """Name in the registry, in tables and on pages."""
    feature_names: tuple[str, ...]
    """The columns it was fitted on, in order."""

    def fit(self, frame: pd.DataFrame, churned: NDArray[np.bool_], *, seed: int) -> Self:
        """Learn from features and outcomes; the fitted estimator (itself)."""

    def log_odds(self, frame: pd.DataFrame) -> NDArray[np.float64]:
        """Log-odds of churning, one per row."""

    def contributions(self, frame: pd.DataFrame) -> Contributions:
        """How each feature moves the log-odds of each row; sampled with an error where ``SAMPLED`` says so."""

    def to_json(self) -> dict[str, Any]:
        """Everything needed to answer again, as plain JSON."""

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Self:
        """The estimator that :meth:`to_json` described."""


ESTIMATORS: dict[str, tuple[str, str, str]] = {
    "recency": ("churn_core.models.lateness", "Recency", "Days since the last order alone"),
    "lateness": ("churn_core.models.lateness", "Lateness", "How late a customer is against the own rhythm"),
    "bgnbd": ("churn_core.models.bgnbd", "BgNbd", "BG/NBD: expected purchases from rhythm and age"),
    "logistic": ("churn_core.models.logistic", "Logistic", "Logistic regression on log-transformed features"),
    "lightgbm": ("churn_core.models.boosted", "Boosted", "Small regularised gradient boosting (LightGBM)"),
    "lightgbm_large": (
        "churn_core.models.boosted",
        "BoostedLarge",
        "Larger gradient boosting, for tables without time",
    ),
    "decision_tree": ("churn_core.models.decision_tree", "DecisionTree", "One small tree that can be read as rules"),
    "random_forest": ("churn_core.models.random_forest", "RandomForest", "Random forest: many trees, one vote each"),
    "linear_svm": ("churn_core.models.linear_svm", "LinearSvm", "Linear support vector machine, calibrated"),
    "neural_network": ("churn_core.models.neural_network", "NeuralNetwork", "Small neural network, calibrated"),
    "blend": ("churn_core.models.blend", "Blend", "Soft voting: equal shares of the others in log-odds, calibrated"),
    "stacking": ("churn_core.models.blend", "Stacking", "The others with learnt shares in log-odds, calibrated"),
}
"""Name -> (module, class, what it is in words)."""

PREPARED = ("churn_core.models.prepared", "Prepared")
"""Module and class of what a stored ``prepared`` is: any estimator inside recorded steps of preparation."""

SAMPLED = frozenset({"neural_network"})
"""Estimators whose contributions are sampled: their sum is exact, each value has a standard error."""


def make_estimator(name: str, **settings: Any) -> Estimator:
    """A new, unfitted estimator of the registry; NotFound for a name that is not in it."""
    return _estimator_class(name)(**settings)


def estimator_from_json(stored: Mapping[str, Any]) -> Estimator:
    """A fitted estimator from its JSON, which says in ``name`` what it is."""
    if "name" not in stored:
        raise InputError("the stored model does not say which estimator it is; train a new one.")
    if stored["name"] == "prepared":
        module, class_name = PREPARED
        wrapped: Estimator = getattr(import_module(module), class_name).from_json(stored)
        return wrapped
    return _estimator_class(stored["name"]).from_json(stored)


def _estimator_class(name: str) -> Any:
    if name not in ESTIMATORS:
        raise unknown_name("estimator", name, ESTIMATORS)
    module, class_name, _ = ESTIMATORS[name]
    return getattr(import_module(module), class_name)


def sigmoid(log_odds: NDArray[np.float64]) -> NDArray[np.float64]:
    """Probability from log-odds, without overflow at either end."""
    return 0.5 * (1.0 + np.tanh(0.5 * np.asarray(log_odds, dtype=float)))


def logit(probability: NDArray[np.float64] | float, *, floor: float = 1e-9) -> NDArray[np.float64]:
    """Log-odds from a probability, kept ``floor`` away from 0 and 1."""
    clipped = np.clip(np.asarray(probability, dtype=float), floor, 1.0 - floor)
    result: NDArray[np.float64] = np.log(clipped) - np.log1p(-clipped)
    return result
