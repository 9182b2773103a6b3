"""A small neural network on prepared features, calibrated; its contributions are sampled, and say how exactly.

Offered for comparison: on tables of customers it rarely beats the others. Its answer is no sum over features, so the
contributions are Shapley values sampled over orders of the features: their sum is exact, each one has an error.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from churn_core.errors import NotEnoughData
from churn_core.models.estimators import Contributions
from churn_core.models.platt import platt
from churn_core.models.preparation import Preparation, design, fit_preparation

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

MOST_ROWS = 40_000
"""Rows it is fitted on; an even part of them where there are more."""
HELD_SHARE = 0.2
"""Share of the rows kept out of the fit for slope and level."""
N_PAIRS = 4
"""Pairs of an order of the features and its reverse that contributions are averaged over."""


class NeuralNetwork:
    """Two hidden layers of rectified units, then Platt scaling on rows it had not seen."""

    name = "neural_network"

    def __init__(self, *, n_first: int = 24, n_second: int = 12, decay: float = 1.0, n_epochs: int = 30) -> None:
        self.n_first = n_first
        self.n_second = n_second
        self.decay = decay
        """Pull of all weights towards zero."""
        self.n_epochs = n_epochs
        self.keeps_scale = False
        """Whether numbers are taken on the scale they are given in, because a step before has chosen it."""
        self.preparation = Preparation(columns=())
        self.layers: tuple[NDArray[np.float64], ...] = ()
        self.biases: tuple[NDArray[np.float64], ...] = ()
        self.centre = np.zeros(0)
        self.slope = 1.0
        self.level = 0.0

    @property
    def feature_names(self) -> tuple[str, ...]:
        """The columns it was fitted on, in order."""
        return self.preparation.names

    def fit(
        self,
        frame: pd.DataFrame,
        churned: NDArray[np.bool_],
        *,
        seed: int,
        weight: NDArray[np.float64] | None = None,
    ) -> Self:
        """Learn on four fifths of the rows, slope and level on the rest; ``weight``: how much each row counts."""
        from sklearn.exceptions import ConvergenceWarning
        from sklearn.neural_network import MLPClassifier

        outcome = np.asarray(churned, dtype=bool)
        if min(outcome.sum(), (~outcome).sum()) < 10:
            raise NotEnoughData(
                "a neural network needs at least 10 customers who left and 10 who stayed; "
                "leave it out or add customers."
            )
        some = np.arange(0, len(outcome), max(1, -(-len(outcome) // MOST_ROWS)))
        frame, outcome = frame.iloc[some], outcome[some]
        counted = np.ones(len(outcome)) if weight is None else weight[some]
        self.preparation = fit_preparation(frame, keeps_scale=self.keeps_scale)
        matrix, _ = design(self.preparation, frame)
        self.centre = matrix.mean(axis=0)
        held = _held_out(outcome, seed)
        network = MLPClassifier(
            hidden_layer_sizes=(self.n_first, self.n_second),
            alpha=self.decay,
            batch_size=min(256, int((~held).sum())),
            max_iter=self.n_epochs,
            learning_rate_init=0.003,
            random_state=seed,
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            network.fit(matrix[~held] - self.centre, outcome[~held], sample_weight=counted[~held])
        self.layers = tuple(layer.astype(float) for layer in network.coefs_)
        self.biases = tuple(bias.astype(float) for bias in network.intercepts_)
        self.slope, self.level = platt(self._score(self._first(matrix[held])), outcome[held], counted[held])
        return self

    def log_odds(self, frame: pd.DataFrame) -> NDArray[np.float64]:
        """Log-odds of churning, one per row."""
        matrix, _ = design(self.preparation, frame)
        return self.slope * self._score(self._first(matrix)) + self.level

    def contributions(self, frame: pd.DataFrame) -> Contributions:
        """Shapley values against the average training row, sampled over orders (Strumbelj and Kononenko, 2014).

        Along every order the steps add up to the answer, so the sums are exact; orders come in pairs with their
        reverse, and the spread of the pairs gives the standard error of each feature's values.
        """
        matrix, owners = design(self.preparation, frame)
        moved = matrix - self.centre
        n_features = len(self.feature_names)
        steps = [moved[:, owners == j] @ self.layers[0][owners == j] for j in range(n_features)]
        start = self._score(self.biases[0][None, :])[0]
        draw = np.random.default_rng(0)
        total, squared = np.zeros((len(frame), n_features)), np.zeros((len(frame), n_features))
        for _ in range(N_PAIRS):
            order = draw.permutation(n_features)
            pair = (self._along(order, steps, start) + self._along(order[::-1], steps, start)) / 2
            total += pair
            squared += pair**2
        values = total / N_PAIRS
        variance = np.maximum(squared / N_PAIRS - values**2, 0.0) / (N_PAIRS - 1)
        error = self.slope * np.sqrt(variance.mean(axis=0)) if len(frame) else np.zeros(n_features)
        return Contributions(
            base=float(self.slope * start + self.level),
            values=self.slope * values,
            feature_names=self.feature_names,
            standard_error=error,
        )

    def to_json(self) -> dict[str, Any]:
        """Everything needed to answer again."""
        return {
            "name": self.name,
            "n_first": self.n_first,
            "n_second": self.n_second,
            "decay": self.decay,
            "n_epochs": self.n_epochs,
            "preparation": self.preparation.to_json(),
            "layers": [layer.tolist() for layer in self.layers],
            "biases": [bias.tolist() for bias in self.biases],
            "centre": self.centre.tolist(),
            "slope": self.slope,
            "level": self.level,
        }

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Self:
        """The network that :meth:`to_json` described."""
        made = cls(**{key: stored[key] for key in ("n_first", "n_second", "decay", "n_epochs")})
        made.preparation = Preparation.from_json(stored["preparation"])
        made.layers = tuple(np.asarray(layer, dtype=float) for layer in stored["layers"])
        made.biases = tuple(np.asarray(bias, dtype=float) for bias in stored["biases"])
        made.centre = np.asarray(stored["centre"], dtype=float)
        made.slope, made.level = float(stored["slope"]), float(stored["level"])
        return made

    def _first(self, matrix: NDArray[np.float64]) -> NDArray[np.float64]:
        """What arrives at the first hidden layer."""
        made: NDArray[np.float64] = (matrix - self.centre) @ self.layers[0] + self.biases[0]
        return made

    def _score(self, arriving: NDArray[np.float64]) -> NDArray[np.float64]:
        """The network's own log-odds from what arrives at the first hidden layer."""
        signal = np.maximum(arriving, 0.0)
        signal = np.maximum(signal @ self.layers[1] + self.biases[1], 0.0)
        made: NDArray[np.float64] = (signal @ self.layers[2] + self.biases[2])[:, 0]
        return made

    def _along(
        self, order: NDArray[np.int64], steps: Sequence[NDArray[np.float64]], start: float
    ) -> NDArray[np.float64]:
        """What each feature adds when features are put in one after the other."""
        arriving = np.tile(self.biases[0], (len(steps[0]), 1))
        before = np.full(len(arriving), start)
        added = np.zeros((len(arriving), len(steps)))
        for feature in order:
            arriving += steps[feature]
            after = self._score(arriving)
            added[:, feature] = after - before
            before = after
        return added


def _held_out(outcome: NDArray[np.bool_], seed: int) -> NDArray[np.bool_]:
    """A fifth of each outcome, drawn at random."""
    draw = np.random.default_rng(seed)
    held = np.zeros(len(outcome), dtype=bool)
    for value in (False, True):
        rows = np.flatnonzero(outcome == value)
        held[draw.permutation(rows)[: max(1, round(HELD_SHARE * len(rows)))]] = True
    return held
