"""The Bayesian view: how likely a treatment is better, and what choosing it would cost if it is not."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt
from typing import Any

import numpy as np

from churn_core.errors import InputError
from churn_core.stats.moments import Moments, Rate
from churn_core.stats.rates import two_sided_z

NODES = 400
"""Points of the numerical integration."""


@dataclass(frozen=True, kw_only=True)
class Posterior:
    """What is believed of treatment minus control after the data."""

    chance_to_beat: float
    """Probability that the treatment's true value is above the control's."""
    expected_loss: float
    """What is lost on average by choosing the treatment: the mean of what it may be worse by."""
    expected_loss_of_control: float
    """What is lost on average by staying with the control."""
    low: float
    """Ends of the credible interval of the difference."""
    high: float


def compare_rates_bayes(control: Rate, treatment: Rate, *, confidence: float = 0.95) -> Posterior:
    """Two rates with uniform priors Beta(1, 1), by numerical integration over the exact posteriors."""
    from scipy.optimize import brentq
    from scipy.stats import beta

    two_sided_z(confidence)
    first = beta(1 + treatment.n_hits, 1 + treatment.n - treatment.n_hits)
    second = beta(1 + control.n_hits, 1 + control.n - control.n_hits)
    x, weight = _grid(first, second)
    density, below_first, below_second = first.pdf(x), first.cdf(x), second.cdf(x)
    own_x, own_weight = _grid(second)
    own_density = second.pdf(own_x)

    def chance_below(difference: float) -> float:
        return float((own_weight * own_density * first.cdf(own_x + difference)).sum())

    tail = (1 - confidence) / 2
    return Posterior(
        chance_to_beat=float(np.clip((weight * density * below_second).sum(), 0.0, 1.0)),
        expected_loss=float((weight * below_first * (1 - below_second)).sum()),
        expected_loss_of_control=float((weight * below_second * (1 - below_first)).sum()),
        low=float(brentq(lambda d: chance_below(d) - tail, -1.0, 1.0, xtol=1e-10)),
        high=float(brentq(lambda d: chance_below(d) - 1 + tail, -1.0, 1.0, xtol=1e-10)),
    )


def compare_means_bayes(control: Moments, treatment: Moments, *, confidence: float = 0.95) -> Posterior:
    """Two means with flat priors: the difference is normal around the observed one (large samples)."""
    from scipy.stats import norm

    if min(control.n, treatment.n) < 2 or control.variance + treatment.variance == 0:
        raise InputError("not enough data: an arm has fewer than two customers, or nobody's value differs.")
    z = two_sided_z(confidence)
    error = sqrt(control.variance / control.n + treatment.variance / treatment.n)
    difference = treatment.mean - control.mean
    half = z * error
    z = difference / error
    return Posterior(
        chance_to_beat=float(norm.cdf(z)),
        expected_loss=float(error * norm.pdf(z) - difference * norm.sf(z)),
        expected_loss_of_control=float(error * norm.pdf(z) + difference * norm.cdf(z)),
        low=difference - half,
        high=difference + half,
    )


def _grid(*distributions: Any) -> tuple[np.ndarray, np.ndarray]:
    """Points and weights over where any of the distributions has weight."""
    low = min(float(found.ppf(1e-13)) for found in distributions)
    high = max(float(found.isf(1e-13)) for found in distributions)
    # Each distribution has edges where its own weight begins and ends: arms far apart leave a gap between them.
    bends = [found.ppf([1e-13, 0.001, 0.1, 0.5, 0.9, 0.999]) for found in distributions]
    ends = [float(found.isf(1e-13)) for found in distributions]
    edges = np.unique(np.concatenate([[low, high], ends, *bends]))
    nodes, weights = np.polynomial.legendre.leggauss(NODES // 8)
    half = np.diff(edges) / 2
    middle = (edges[1:] + edges[:-1]) / 2
    return (middle[:, None] + half[:, None] * nodes).ravel(), (half[:, None] * weights).ravel()
