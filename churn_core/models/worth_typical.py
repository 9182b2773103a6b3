"""What a customer typically spends within the horizon: the amount that half of such customers stay below.

The expected amount is a mean: it adds up to the right total, and for most customers it lies between the nothing that
they will spend and the order that few of them will place. The mean absolute error rewards the median, which is often
nothing. So the typical amount is said apart, by a robust model: who orders at all, and the logarithm of what those
spend who do, which a few large orders cannot pull.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from churn_core.errors import NotEnoughData
from churn_core.models.boosted import N_PREDICTING_THREADS
from churn_core.models.worth_period import learned_from
from churn_core.models.worth_rhythm import SPEND
from churn_core.models.worth_trees import CHUNK, LEAST_BUYERS, grow, matrix_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import pandas as pd
    from numpy.typing import NDArray

    from churn_core.models.worth_period import WorthPeriod

SMALLEST = 0.01
"""Share of the mean amount that smaller amounts are taken for on the logarithmic scale."""


class WorthTypical:
    """Medians of spend, as if it were nothing or else log-normal."""

    def __init__(self) -> None:
        self.names: tuple[str, ...] = ()
        self.spread = 0.0
        """Standard deviation of the logarithm of an amount around what is said of it."""
        self._who: Any = None
        self._amount: Any = None

    def fit(self, periods: Sequence[WorthPeriod], *, look_up: Callable[[], None] | None = None) -> WorthTypical:
        """Learn from past cutoffs, amounts divided by their level; NotEnoughData where too few bought after them.

        ``look_up`` is called now and then, and raises what should end it.
        """
        known = [(period, period.levels[SPEND]) for period in periods if period.levels[SPEND] is not None]
        amounts = [period.outcome[SPEND] / level for period, level in known if level is not None]
        outcome = np.concatenate(amounts) if amounts else np.zeros(0)
        bought = outcome > 0
        if bought.sum() < LEAST_BUYERS or bought.all():
            raise NotEnoughData(f"{int(bought.sum())} past customers bought something; {LEAST_BUYERS} are needed.")
        self.names = learned_from(known[0][0].frame)
        matrix = np.concatenate([matrix_of(period.frame, self.names) for period, _ in known])
        logs = np.log(np.maximum(outcome[bought], SMALLEST * outcome[bought].mean()))
        self._who = grow("binary", matrix, bought.astype(float), 1, look_up)
        self._amount = grow("regression", matrix[bought], logs, 1, look_up)
        self.spread = float(np.std(logs - self._amount.predict(matrix[bought], num_threads=1)))
        return self

    def amounts(self, frame: pd.DataFrame, level: float) -> NDArray[np.float64]:
        """The median of each customer's spend at a level of the season; 0 where fewer than half will order."""
        from scipy.special import ndtri

        made = np.zeros(len(frame))
        for start in range(0, len(frame), CHUNK):
            chunk = matrix_of(frame.iloc[start : start + CHUNK], self.names)
            chance = self._who.predict(chunk, num_threads=N_PREDICTING_THREADS)
            likely = chance > 0.5
            if not likely.any():
                continue
            said = self._amount.predict(chunk[likely], num_threads=N_PREDICTING_THREADS)
            place = ndtri((chance[likely] - 0.5) / chance[likely])
            made[start : start + CHUNK][likely] = np.exp(said + self.spread * place) * level
        return made
