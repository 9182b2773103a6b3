"""Looks before the end and the test at the end together err in at most the plan's alpha, by exact integration."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm

from churn_core.campaigns.sequence import EARLY_SHARE, end_alpha
from churn_core.stats.sequential import confidence_sequence, crossing_chance


def bounds(shares: np.ndarray, alpha: float) -> np.ndarray:
    """|z| from which on the sequence leaves out zero, at parts of the planned information."""
    planned = 1_000_000
    return np.array([confidence_sequence(0.0, 1.0, round(s * planned), planned, alpha=alpha).high for s in shares])


@pytest.mark.parametrize("alpha", [0.01, 0.05, 0.1])
@pytest.mark.parametrize("n_looks", [2, 8, 26, 100])
def test_looks_and_the_end_together_keep_the_planned_alpha(alpha: float, n_looks: int) -> None:
    shares = np.linspace(1 / n_looks, 1, n_looks)
    early = bounds(shares, alpha * EARLY_SHARE)[:-1]
    at_end = float(norm.isf(end_alpha(alpha) / 2))
    assert crossing_chance(early, shares[:-1]) <= alpha * EARLY_SHARE
    assert crossing_chance([*early, at_end], shares) <= alpha


def test_the_full_alpha_at_the_end_would_be_too_much() -> None:
    shares = np.linspace(0.04, 1, 25)
    early = bounds(shares, 0.05 * EARLY_SHARE)[:-1]
    together = crossing_chance([*early, float(norm.isf(0.025))], shares)
    assert 0.05 < together < 0.051


def test_the_level_at_the_end_costs_hardly_any_power() -> None:
    # The drift that a plan with 80 % power at 5 % has.
    drift = float(norm.isf(0.025) + norm.ppf(0.8))
    at_end = float(norm.isf(end_alpha(0.05) / 2))
    assert crossing_chance([at_end], [1.0], drift=drift) > 0.797
    shares = np.linspace(0.125, 1, 8)
    assert crossing_chance([*bounds(shares, 0.01)[:-1], at_end], shares, drift=drift) > 0.797
