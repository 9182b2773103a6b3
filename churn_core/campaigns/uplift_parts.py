"""The two things an uplift learner is built from: a chance of an outcome, and an amount.

A chance is learnt by the estimators of the product, which answer in log-odds. Amounts - spend, margin, and the effects
that the second stage of a learner is fitted to - need a regression, which the product has no other use for.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from churn_core.errors import NotEnoughData
from churn_core.models.estimators import estimator_from_json, make_estimator, sigmoid
from churn_core.models.preparation import Preparation, design, fit_preparation, tree_matrix

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

BASES: dict[str, str] = {"logistic": "regression", "lightgbm": "small trees"}
"""What the parts of a learner are made of: key of the estimator registry -> words."""

STRENGTH = 0.02
"""Inverse ridge penalty of chances: the rows of a campaign are independent customers, unlike overlapping cutoffs."""
PENALTIES = tuple(10.0**exponent for exponent in range(7))
"""Ridge penalties tried for amounts, as weights of so many rows."""
N_TREES = 60


class Part(Protocol):
    """Something that predicts a number per customer."""

    def predict(self, frame: pd.DataFrame) -> NDArray[np.float64]:
        """The expected outcome of each row."""

    def to_json(self) -> dict[str, Any]:
        """Everything needed to answer again."""


class Constant:
    """The same for everybody: where one arm has one outcome only, or nothing varies."""

    def __init__(self, value: float) -> None:
        self.value = value

    def predict(self, frame: pd.DataFrame) -> NDArray[np.float64]:
        """The same number for every row."""
        return np.full(len(frame), self.value)

    def to_json(self) -> dict[str, Any]:
        """Everything needed to answer again."""
        return {"part": "constant", "value": self.value}


class Chance:
    """The chance of an outcome, by an estimator of the registry."""

    def __init__(self, estimator: Any) -> None:
        self.estimator = estimator

    def predict(self, frame: pd.DataFrame) -> NDArray[np.float64]:
        """Chance of each row."""
        return sigmoid(self.estimator.log_odds(frame))

    def to_json(self) -> dict[str, Any]:
        """Everything needed to answer again."""
        return {"part": "chance", "estimator": self.estimator.to_json()}


class Ridge:
    """Linear regression with a ridge penalty chosen by generalised cross-validation (Golub, Heath & Wahba, 1979).

    Where the features explain nothing the largest penalty wins and everybody gets the average.
    """

    def __init__(self, preparation: Preparation, weights: NDArray[np.float64], intercept: float) -> None:
        self.preparation = preparation
        self.weights = weights
        self.intercept = intercept

    @classmethod
    def fitted(cls, frame: pd.DataFrame, outcome: NDArray[np.float64], *, n_knots: int = 0) -> Ridge:
        """Learn from rows and their amounts."""
        preparation = fit_preparation(frame, n_knots=n_knots)
        matrix, _ = design(preparation, frame)
        centre = matrix.mean(axis=0)
        centred, mean = matrix - centre, float(outcome.mean())
        values, vectors = np.linalg.eigh(centred.T @ centred)
        values = np.maximum(values, 0.0)
        along = vectors.T @ (centred.T @ (outcome - mean))
        total, n_rows = float(((outcome - mean) ** 2).sum()), len(outcome)
        judged = [_generalised_error(values, along, total, n_rows, penalty) for penalty in PENALTIES]
        best = PENALTIES[int(np.argmin(judged))]
        weights = vectors @ (along / (values + best))
        return cls(preparation, weights, mean - float(centre @ weights))

    def predict(self, frame: pd.DataFrame) -> NDArray[np.float64]:
        """Expected amount of each row."""
        matrix, _ = design(self.preparation, frame)
        return np.asarray(self.intercept + matrix @ self.weights)

    def to_json(self) -> dict[str, Any]:
        """Everything needed to answer again."""
        return {
            "part": "ridge",
            "preparation": self.preparation.to_json(),
            "weights": self.weights.tolist(),
            "intercept": self.intercept,
        }


class Trees:
    """Small regularised LightGBM on squared error; kept in its own text format."""

    def __init__(self, preparation: Preparation, text: str) -> None:
        self.preparation = preparation
        self.text = text
        self._booster: Any = None

    @classmethod
    def fitted(cls, frame: pd.DataFrame, outcome: NDArray[np.float64], *, seed: int) -> Trees:
        """Grow the trees."""
        import lightgbm

        preparation = fit_preparation(frame)
        categories = [place for place, column in enumerate(preparation.columns) if column.kind == "category"]
        settings = {
            "objective": "regression", "learning_rate": 0.08, "num_leaves": 6, "max_depth": 3, "verbose": -1,
            "min_data_in_leaf": max(20, len(frame) // 50), "lambda_l2": 10.0, "feature_fraction": 0.7,
            "bagging_fraction": 0.8, "bagging_freq": 1, "max_bin": 63, "num_threads": 1, "deterministic": True,
            "force_row_wise": True, "seed": seed,
        }  # fmt: skip
        rows = lightgbm.Dataset(
            tree_matrix(preparation, frame),
            label=outcome,
            categorical_feature=categories,
            params={"verbose": -1, "max_bin": 63},
        )
        return cls(preparation, lightgbm.train(settings, rows, num_boost_round=N_TREES).model_to_string())

    def predict(self, frame: pd.DataFrame) -> NDArray[np.float64]:
        """Expected amount of each row."""
        import lightgbm

        if self._booster is None:
            self._booster = lightgbm.Booster(model_str=self.text)
        return np.asarray(self._booster.predict(tree_matrix(self.preparation, frame), num_threads=2), dtype=float)

    def to_json(self) -> dict[str, Any]:
        """Everything needed to answer again."""
        return {"part": "trees", "preparation": self.preparation.to_json(), "text": self.text}


def fitted_outcome(
    base: str, frame: pd.DataFrame, outcome: NDArray[np.float64], *, is_rate: bool, seed: int, n_knots: int = 0
) -> Part:
    """The expected outcome: a chance where it is yes or no, else an amount."""
    if not is_rate:
        return fitted_amount(base, frame, outcome, seed=seed, n_knots=n_knots)
    if outcome.min() == outcome.max():
        return Constant(float(outcome[0]))
    settings = {"strength": STRENGTH, "n_knots": n_knots} if base == "logistic" else {"n_trees": N_TREES}
    try:
        return Chance(make_estimator(base, **settings).fit(frame, outcome > 0, seed=seed))
    except NotEnoughData:
        return Constant(float(outcome.mean()))


def fitted_amount(base: str, frame: pd.DataFrame, outcome: NDArray[np.float64], *, seed: int, n_knots: int = 0) -> Part:
    """The expected amount, or effect."""
    if outcome.min() == outcome.max():
        return Constant(float(outcome[0]))
    try:
        if base == "logistic":
            return Ridge.fitted(frame, outcome, n_knots=n_knots)
        return Trees.fitted(frame, outcome, seed=seed)
    except NotEnoughData:
        return Constant(float(outcome.mean()))


def part_from_json(stored: Mapping[str, Any]) -> Part:
    """The part that ``to_json`` described."""
    kind = stored["part"]
    if kind == "constant":
        return Constant(float(stored["value"]))
    if kind == "chance":
        return Chance(estimator_from_json(stored["estimator"]))
    preparation = Preparation.from_json(stored["preparation"])
    if kind == "ridge":
        return Ridge(preparation, np.asarray(stored["weights"], dtype=float), float(stored["intercept"]))
    return Trees(preparation, stored["text"])


def _generalised_error(
    values: NDArray[np.float64], along: NDArray[np.float64], total: float, n_rows: int, penalty: float
) -> float:
    """Generalised cross-validation of a penalty: squared error over the square of the freedom left."""
    shrunk = values + penalty
    error = total - float((along**2 * (2.0 / shrunk - values / shrunk**2)).sum())
    freedom = n_rows - 1.0 - float((values / shrunk).sum())
    return max(error, 0.0) / max(freedom, 1.0) ** 2
