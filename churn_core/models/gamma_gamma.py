"""Gamma-Gamma: what one order of a customer is worth, from the orders so far.

Amounts of a customer's orders vary around an own mean; the means vary over customers (Fader, Hardie & Lee, 2005,
"RFM and CLV: using iso-value curves"; Fader & Hardie, 2013, "The Gamma-Gamma Model of Monetary Value"). A customer
with few orders is drawn towards the shop's average, one with many is taken at their word. How much is spent per
order is assumed not to depend on how often somebody orders.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from churn_core.errors import NotEnoughData

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

LEAST_CUSTOMERS = 10
"""Customers with a positive mean amount that three parameters are read from."""
LOG_BOUNDS = ((-4.0, 6.0), (0.01, 6.0), (-12.0, 12.0))
"""Logarithms of p, q and gamma over the mean amount; q above 1, because the mean exists from there on only."""


@dataclass(frozen=True, kw_only=True)
class GammaGammaParameters:
    """The three parameters, gamma in the currency of the amounts."""

    p: float
    """Shape of the amounts of one customer's orders."""
    q: float
    """Shape of the distribution of customers' scales; above 1."""
    gamma: float
    """Its scale, in currency."""

    @property
    def mean(self) -> float:
        """Mean amount per order over all customers."""
        return self.p * self.gamma / (self.q - 1.0)


def fit_gamma_gamma(n: ArrayLike, mean_amount: ArrayLike) -> GammaGammaParameters:
    """Parameters of highest likelihood (Fader & Hardie, 2013, equation 1a).

    ``n`` orders and their mean amount per customer; customers without a positive amount are left out.
    NotEnoughData when fewer than ten remain.
    """
    from scipy.optimize import minimize
    from scipy.special import gammaln

    orders, amounts = np.asarray(n, dtype=float), np.asarray(mean_amount, dtype=float)
    usable = np.isfinite(amounts) & (amounts > 0) & (orders > 0)
    if int(usable.sum()) < LEAST_CUSTOMERS:
        raise NotEnoughData(
            f"{int(usable.sum())} customers have orders with an amount above zero and {LEAST_CUSTOMERS} are needed to "
            "say what an order is worth; import orders with amounts."
        )
    x, m = orders[usable], amounts[usable]
    unit = float(m.mean())
    m = m / unit

    def loss(logs: NDArray[np.float64]) -> float:
        p, q, gamma = np.exp(logs)
        likelihood = (
            gammaln(p * x + q) - gammaln(p * x) - gammaln(q) + q * np.log(gamma) + (p * x - 1.0) * np.log(m)
            + p * x * np.log(x) - (p * x + q) * np.log(gamma + m * x)
        )  # fmt: skip
        return float(-likelihood.mean())

    start = np.log([2.0, 2.0, 1.0])
    found = minimize(loss, start, method="L-BFGS-B", bounds=LOG_BOUNDS, options={"maxiter": 500, "ftol": 1e-13})
    p, q, gamma = np.exp(found.x)
    return GammaGammaParameters(p=float(p), q=float(q), gamma=float(gamma) * unit)


def expected_amount(parameters: GammaGammaParameters, n: ArrayLike, mean_amount: ArrayLike) -> NDArray[np.float64]:
    """Expected amount of a customer's next order (Fader & Hardie, 2013, equation 5).

    The weighted mean of what the customer spent per order and what customers spend on average; without an order with
    an amount it is that average.
    """
    orders = np.asarray(n, dtype=float)
    amounts = np.asarray(mean_amount, dtype=float)
    known = np.isfinite(amounts) & (amounts > 0)
    x = np.where(known, orders, 0.0)
    total = parameters.gamma + x * np.where(known, amounts, 0.0)
    return np.asarray(parameters.p * total / (parameters.p * x + parameters.q - 1.0))
