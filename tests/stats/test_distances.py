"""Sizes of drift against foreign numbers, and the properties that make them effect sizes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import rel_entr
from scipy.stats import norm, wasserstein_distance

from churn_core.errors import InputError
from churn_core.stats.distances import N_QUANTILES, quantile_grid, stability_index, transport_distance


def test_the_index_is_the_symmetrised_divergence_of_scipy() -> None:
    draw = np.random.default_rng(4)
    for _ in range(20):
        expected, actual = draw.dirichlet(np.full(10, 5.0), 2)
        foreign = rel_entr(actual, expected).sum() + rel_entr(expected, actual).sum()
        assert stability_index(expected, actual) == pytest.approx(foreign, rel=1e-12)


def test_the_index_of_moved_normals_is_the_squared_move() -> None:
    """Jeffreys divergence of N(0, 1) and N(d, 1) is d squared; 100 narrow bins come close to the integral."""
    edges = np.concatenate([[-np.inf], np.linspace(-3, 3.5, 99), [np.inf]])
    for move in (0.1, 0.316, 0.5):
        then, now = np.diff(norm.cdf(edges)), np.diff(norm.cdf(edges - move))
        assert stability_index(then, now) == pytest.approx(move**2, rel=0.05)


def test_an_empty_bin_counts_as_a_small_share() -> None:
    assert stability_index([0.9, 0.1], [1.0, 0.0]) == pytest.approx(0.1 * np.log(1 / 0.9) + 0.0999 * np.log(1000))
    assert stability_index([1.0, 0.0], [1.0, 0.0]) == 0


def test_different_bins_are_refused() -> None:
    with pytest.raises(InputError, match="both need the same bins"):
        stability_index([0.5, 0.5], [1.0])
    with pytest.raises(InputError, match="both need the same number"):
        transport_distance([1.0, 2.0], [1.0])


def test_the_distance_of_two_grids_is_that_of_scipy() -> None:
    draw = np.random.default_rng(5)
    for _ in range(10):
        first, second = quantile_grid(draw.gamma(2, 3, 900)), quantile_grid(draw.normal(5, 2, 400))
        assert transport_distance(first, second) == pytest.approx(wasserstein_distance(first, second), rel=1e-9)


def test_a_hundred_quantiles_come_close_to_the_samples_themselves() -> None:
    draw = np.random.default_rng(6)
    first, second = draw.normal(0, 1, 5_000), draw.normal(0.4, 1.3, 5_000)
    found = transport_distance(quantile_grid(first), quantile_grid(second))
    assert found == pytest.approx(wasserstein_distance(first, second), rel=0.03)


@given(st.lists(st.floats(-1e6, 1e6), min_size=3, max_size=50), st.floats(-1e3, 1e3))
def test_moving_everything_moves_the_distance_by_as_much(values: list[float], move: float) -> None:
    grid = quantile_grid(values)
    assert len(grid) == N_QUANTILES
    assert transport_distance(grid, grid + move) == pytest.approx(abs(move), abs=1e-6)
    assert transport_distance(grid, grid + move) == pytest.approx(transport_distance(grid + move, grid), abs=1e-9)
