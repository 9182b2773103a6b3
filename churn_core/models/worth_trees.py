"""Who will bring how much, relative to the others: small boosted trees on outcomes from which the level was taken.

They answer with shares of a total. How large the total is depends on the season and is said elsewhere
(``worth_level``), because trees that saw one Christmas cannot know the next one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from churn_core.errors import NotEnoughData
from churn_core.models.boosted import N_PREDICTING_THREADS
from churn_core.models.worth_period import ORDERS, SPEND, learned_from

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import pandas as pd
    from numpy.typing import NDArray

    from churn_core.models.worth_period import WorthPeriod

METHODS = ("tweedie", "two_part")
"""Ways to learn spend: one model of the whole distribution, or who orders at all times what those spend who do."""
TWEEDIE_POWER = 1.5
"""Between counting (1) and amounts alone (2); powers from 1.3 to 1.7 rank alike."""
N_TREES = 200
TREES_BETWEEN_LOOKS = 10
"""Trees after which it is asked whether to go on, which is less than a second apart."""
N_SEEDS = 3
"""Times the trees that are used are grown, each time from other samples; their mean scatters less than one of them."""
CHUNK = 100_000
"""Customers predicted at a time."""
LEAST_ROWS = 200
LEAST_BUYERS = 50
"""Customers and cutoffs, and those of them who bought something, that trees are grown from."""
_SETTINGS = {
    "learning_rate": 0.045, "num_leaves": 31, "lambda_l2": 10.0, "feature_fraction": 0.5, "bagging_fraction": 0.8,
    "bagging_freq": 1, "max_bin": 63, "deterministic": True, "force_col_wise": True, "num_threads": 1, "verbose": -1,
}  # fmt: skip
"""Histograms are built column by column: the same trees as row by row, a sixth sooner."""


class WorthTrees:
    """Shares of spend (by one of METHODS) or of order days among the customers of a cutoff."""

    def __init__(self, method: str, *, what: str = SPEND) -> None:
        self.method = method
        self.what = what
        self.names: tuple[str, ...] = ()
        self._forests: list[list[Any]] = []

    def fit(
        self, periods: Sequence[WorthPeriod], *, n_seeds: int = 1, look_up: Callable[[], None] | None = None
    ) -> WorthTrees:
        """Learn from past cutoffs, each divided by its level; NotEnoughData where too little was bought after them.

        ``n_seeds`` times, from other samples of rows and features; the mean of these is the answer. ``look_up`` is
        called now and then, and raises what should end it.
        """
        usable = [(period, period.levels[self.what]) for period in periods]
        known = [(period, level) for period, level in usable if level is not None]
        n_rows = sum(len(period.frame) for period, _ in known)
        n_buyers = sum(int((period.outcome[self.what] > 0).sum()) for period, _ in known)
        if n_rows < LEAST_ROWS or n_buyers < LEAST_BUYERS:
            raise NotEnoughData(
                f"after the past cutoffs {n_buyers} customers bought something and {LEAST_BUYERS} are needed to learn "
                "from; import a longer history."
            )
        self.names = learned_from(known[0][0].frame)
        matrix = np.concatenate([matrix_of(period.frame, self.names) for period, _ in known])
        outcome = np.concatenate([period.outcome[self.what] / level for period, level in known])
        self._forests = [self._forest(matrix, outcome, seed, look_up) for seed in range(1, n_seeds + 1)]
        return self

    def _forest(
        self, matrix: NDArray[np.float32], outcome: NDArray[np.float64], seed: int, look_up: Callable[[], None] | None
    ) -> list[Any]:
        """The trees of one seed: their predictions are multiplied."""
        if self.what == ORDERS:
            return [grow("poisson", matrix, outcome, seed, look_up)]
        if self.method != "two_part":
            return [grow("tweedie", matrix, outcome, seed, look_up, tweedie_variance_power=TWEEDIE_POWER)]
        bought = outcome > 0
        return [
            grow("binary", matrix, bought.astype(float), seed, look_up),
            grow("gamma", matrix[bought], outcome[bought], seed, look_up),
        ]

    def shape(self, frame: pd.DataFrame) -> NDArray[np.float64]:
        """What each customer brings in proportion to the others: not negative, in no unit."""
        made = np.zeros(len(frame))
        for start in range(0, len(frame), CHUNK):
            chunk = matrix_of(frame.iloc[start : start + CHUNK], self.names)
            for forest in self._forests:
                parts = [booster.predict(chunk, num_threads=N_PREDICTING_THREADS) for booster in forest]
                made[start : start + CHUNK] += np.prod(parts, axis=0) / len(self._forests)
        return made


def matrix_of(frame: pd.DataFrame, names: Sequence[str]) -> NDArray[np.float32]:
    """Features as trees take them; what is missing stays so."""
    return frame.reindex(columns=list(names)).to_numpy(dtype=np.float32)


def grow(
    objective: str,
    matrix: NDArray[np.float32],
    outcome: NDArray[np.float64],
    seed: int,
    look_up: Callable[[], None] | None = None,
    **further: float,
) -> Any:
    """Small boosted trees (LightGBM) of one objective and one seed."""
    import lightgbm

    def between(state: Any) -> None:
        if look_up is not None and state.iteration % TREES_BETWEEN_LOOKS == 0:
            look_up()

    rows = lightgbm.Dataset(matrix, label=outcome, free_raw_data=True, params={"verbose": -1})
    asked = {
        **_SETTINGS, **further, "objective": objective, "seed": seed,
        "min_data_in_leaf": max(5, min(50, len(outcome) // 50)),
    }  # fmt: skip
    return lightgbm.train(asked, rows, num_boost_round=N_TREES, callbacks=[between])
