"""BG/NBD: how often customers buy while they are customers, and when they silently stop.

Each customer buys at an own random rate and, after each purchase, leaves with an own probability; the rates are
gamma and the probabilities beta distributed over customers (Fader, Hardie & Lee, 2005, "Counting your customers
the easy way"). Three numbers per customer suffice: repeat purchases x, time of the last one t_x, age T.

The probability of being alive is not used as risk, because one-time buyers look immortal; the probability of no
purchase within the horizon is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from churn_core.errors import NotEnoughData
from churn_core.models.estimators import Contributions, logit
from churn_core.models.preparation import require_columns
from churn_core.models.shapley import shapley_values
from churn_core.stats.columns import numbers

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import ArrayLike, NDArray

RECENCY = "days_since_last_order"
TENURE = "days_since_first_order"
ORDER_DAYS = "n_order_days"
INPUTS = (RECENCY, TENURE, ORDER_DAYS)
"""The features it needs: days since the last order day, days since the first one, number of order days."""
DAYS_PER_UNIT = 7.0
LOG_BOUNDS = ((-7.0, 7.0), (-7.0, 12.0), (-7.0, 6.0), (-7.0, 6.0))
"""Logarithms the parameters may have; data where nobody ever leaves would push them without end."""
LARGEST_SHAPE = 950.0
"""Beta shapes beyond this are as good as this; their quadrature would overflow."""
N_NODES = 24
"""Quadrature nodes over the probability of leaving; more change nothing in the sixth digit."""


@dataclass(frozen=True, kw_only=True)
class BgNbdParameters:
    """The four parameters, in the unit of time of the data they were fitted on."""

    r: float
    """Shape of the gamma distribution of purchase rates."""
    alpha: float
    """Its scale, in units of time."""
    a: float
    b: float
    """Shapes of the beta distribution of the probability of leaving after a purchase."""


def fit_bgnbd(x: ArrayLike, t_x: ArrayLike, age: ArrayLike) -> BgNbdParameters:
    """Parameters of highest likelihood (Fader, Hardie & Lee, 2005, equation 6).

    ``x`` repeat purchases, ``t_x`` time from the first to the last, ``age`` time from the first purchase to now.
    NotEnoughData when nobody bought twice.
    """
    from scipy.optimize import minimize
    from scipy.special import betaln, gammaln

    rows = np.column_stack([np.asarray(part, dtype=float) for part in (x, t_x, age)])
    if not len(rows) or rows[:, 0].max() < 1:
        raise NotEnoughData("no customer bought twice, so there is no rhythm to learn; more history is needed.")
    distinct, counts = np.unique(rows, axis=0, return_counts=True)
    repeat, last, total = distinct.T
    weight = counts / counts.sum()

    def loss(logs: NDArray[np.float64]) -> float:
        r, alpha, a, b = np.exp(logs)
        common = gammaln(r + repeat) - gammaln(r) + r * np.log(alpha)
        alive = betaln(a, b + repeat) - betaln(a, b) - (r + repeat) * np.log(alpha + total)
        left = betaln(a + 1, b + np.maximum(repeat, 1) - 1) - betaln(a, b) - (r + repeat) * np.log(alpha + last)
        both = np.where(repeat > 0, np.logaddexp(alive, left), alive)
        # A faint pull to moderate values keeps the optimum finite where the data leave a direction open.
        return float(-(weight * (common + both)).sum() + 1e-6 * (logs**2).sum())

    start = np.log([1.0, max(float(np.average(total, weights=weight)), 1e-3), 1.0, 2.0])
    found = minimize(loss, start, method="L-BFGS-B", bounds=LOG_BOUNDS, options={"maxiter": 500, "ftol": 1e-12})
    r, alpha, a, b = np.exp(found.x)
    return BgNbdParameters(r=float(r), alpha=float(alpha), a=float(a), b=float(b))


def share_alive(p: BgNbdParameters, x: ArrayLike, t_x: ArrayLike, age: ArrayLike) -> NDArray[np.float64]:
    """Probability of not having left by ``age`` (Fader, Hardie & Lee, 2008, note on P(alive))."""
    repeat, last, total = (np.asarray(part, dtype=float) for part in (x, t_x, age))
    odds_left = np.where(
        repeat > 0,
        p.a
        / (p.b + np.maximum(repeat, 1) - 1)
        * np.exp((p.r + repeat) * (np.log(p.alpha + total) - np.log(p.alpha + last))),
        0.0,
    )
    return np.asarray(1.0 / (1.0 + odds_left))


def no_purchase(
    p: BgNbdParameters, x: ArrayLike, t_x: ArrayLike, age: ArrayLike, horizon: float, lead: float = 0.0
) -> NDArray[np.float64]:
    """Probability of no purchase in ``(age + lead, age + lead + horizon]``.

    Without lead: whoever is alive leaves only right after a purchase, so no purchase means the next waiting time
    exceeds the horizon, and with rate ~ Gamma(r + x, alpha + T) that has probability
    ``((alpha + T) / (alpha + T + horizon)) ** (r + x)``; whoever has left buys nothing. With lead the customer must
    also survive the purchases within it, which is integrated over the probability of leaving.
    """
    repeat, last, total = (np.asarray(part, dtype=float) for part in (x, t_x, age))
    alive = share_alive(p, repeat, last, total)
    if lead <= 0:
        quiet = np.exp((p.r + repeat) * (np.log(p.alpha + total) - np.log(p.alpha + total + horizon)))
        return np.asarray(1.0 - alive * (1.0 - quiet))

    def buys(leaving: NDArray[np.float64], scale: NDArray[np.float64], shape: NDArray[np.float64]) -> Any:
        survives = (scale / (scale + leaving * lead)) ** shape
        return survives - (scale / (scale + leaving * lead + horizon)) ** shape

    return np.asarray(1.0 - alive * _over_leaving(p, repeat, total, buys))


def expected_purchases(
    p: BgNbdParameters, x: ArrayLike, t_x: ArrayLike, age: ArrayLike, horizon: float
) -> NDArray[np.float64]:
    """Expected purchases within ``horizon`` from now (Fader, Hardie & Lee, 2005, equation 10, by quadrature).

    Given the probability of leaving q, a customer alive makes ``E[(1 - exp(-rate q t)) / q]`` purchases.
    """
    repeat, last, total = (np.asarray(part, dtype=float) for part in (x, t_x, age))

    def purchases(leaving: NDArray[np.float64], scale: NDArray[np.float64], shape: NDArray[np.float64]) -> Any:
        exponent = shape * (np.log(scale) - np.log(scale + leaving * horizon))
        return -np.expm1(exponent) / leaving

    return np.asarray(share_alive(p, repeat, last, total) * _over_leaving(p, repeat, total, purchases))


def _over_leaving(
    p: BgNbdParameters, repeat: NDArray[np.float64], total: NDArray[np.float64], value: Any
) -> NDArray[np.float64]:
    """Mean of ``value`` over the probability of leaving of a customer alive, Beta(a, b + x): Gauss-Jacobi."""
    from scipy.special import roots_jacobi

    made = np.empty(len(repeat))
    order = np.argsort(repeat, kind="stable")
    starts = np.flatnonzero(np.diff(repeat[order], prepend=np.nan) != 0)
    for members in np.split(order, starts[1:]):
        if not len(members):
            continue
        x = repeat[members[0]]
        nodes, weights = roots_jacobi(N_NODES, min(p.b + x, LARGEST_SHAPE - p.a) - 1.0, p.a - 1.0)
        leaving = np.clip((nodes + 1.0) / 2.0, 1e-12, 1.0)
        scale = (p.alpha + total[members])[:, None]
        made[members] = value(leaving[None, :], scale, np.full((1, 1), p.r + x)) @ (weights / weights.sum())
    return made


class BgNbd:
    """BG/NBD as an estimator: log-odds of no purchase within the horizon."""

    name = "bgnbd"
    feature_names: tuple[str, ...] = INPUTS

    def __init__(self, *, horizon_days: int = 90, lead_days: int = 0) -> None:
        self.horizon_days = horizon_days
        self.lead_days = lead_days
        self.parameters = BgNbdParameters(r=1.0, alpha=1.0, a=1.0, b=1.0)
        self.typical = np.zeros(3)

    def fit(self, frame: pd.DataFrame, churned: NDArray[np.bool_] | None = None, *, seed: int = 0) -> Self:
        """Fit to rhythm and age alone; the outcomes are not looked at."""
        inputs = self._inputs(frame)
        self.parameters = fit_bgnbd(*_statistics(inputs))
        self.typical = np.median(inputs, axis=0)
        return self

    def log_odds(self, frame: pd.DataFrame) -> NDArray[np.float64]:
        """Log-odds of no purchase within the horizon, one per row."""
        return self._answer(self._inputs(frame))

    def expected(self, frame: pd.DataFrame) -> NDArray[np.float64]:
        """Expected purchases within the horizon, one per row."""
        return expected_purchases(self.parameters, *_statistics(self._inputs(frame)), self.horizon_days / DAYS_PER_UNIT)

    def contributions(self, frame: pd.DataFrame) -> Contributions:
        """Exact Shapley values of the three inputs against the typical customer."""
        base, values = shapley_values(self._answer, self._inputs(frame), self.typical)
        return Contributions(base=base, values=values, feature_names=self.feature_names)

    def to_json(self) -> dict[str, Any]:
        """Everything needed to answer again."""
        return {
            "name": self.name,
            "horizon_days": self.horizon_days,
            "lead_days": self.lead_days,
            "parameters": asdict(self.parameters),
            "typical": self.typical.tolist(),
        }

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Self:
        """The model that :meth:`to_json` described."""
        made = cls(horizon_days=stored["horizon_days"], lead_days=stored["lead_days"])
        made.parameters = BgNbdParameters(**stored["parameters"])
        made.typical = np.asarray(stored["typical"], dtype=float)
        return made

    def _answer(self, inputs: NDArray[np.float64]) -> NDArray[np.float64]:
        horizon, lead = self.horizon_days / DAYS_PER_UNIT, self.lead_days / DAYS_PER_UNIT
        return logit(no_purchase(self.parameters, *_statistics(inputs), horizon, lead), floor=1e-6)

    def _inputs(self, frame: pd.DataFrame) -> NDArray[np.float64]:
        require_columns(self.feature_names, frame)
        made = np.column_stack([numbers(frame[name]) for name in self.feature_names])
        return np.asarray(np.nan_to_num(made, nan=0.0))


def _statistics(
    inputs: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """x, t_x and T in weeks from recency, tenure and order days; mixtures of customers are made possible ones."""
    recency, tenure, order_days = inputs.T
    x = np.maximum(order_days - 1.0, 0.0)
    age = np.maximum(tenure, 0.0) / DAYS_PER_UNIT
    last = np.where(x > 0, np.clip(tenure - recency, 0.0, None) / DAYS_PER_UNIT, 0.0)
    return x, np.minimum(last, age), age
