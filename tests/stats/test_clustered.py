"""Changes between two answers: the error knows which rows belong to one customer."""

from __future__ import annotations

import numpy as np
import pytest

from churn_core.errors import NotEnoughData
from churn_core.stats.clustered import auc_difference, mean_difference
from churn_core.stats.paired import auc_difference as paired_auc_difference


@pytest.fixture
def answers() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    draw = np.random.default_rng(1)
    churned = draw.random(600) < 0.4
    first = churned + draw.normal(size=600)
    return churned, first, 0.7 * first + 0.5 * churned + 0.6 * draw.normal(size=600)


def test_rows_of_their_own_give_the_usual_standard_error(answers: tuple[np.ndarray, ...]) -> None:
    _, first, second = answers
    found = mean_difference(first, second, np.arange(600))
    assert found.value == pytest.approx((second - first).mean())
    assert found.error == pytest.approx((second - first).std(ddof=1) / np.sqrt(600))
    assert found.high - found.low == pytest.approx(2 * 1.959964 * found.error, rel=1e-5)


def test_a_row_that_is_there_twice_says_nothing_new(answers: tuple[np.ndarray, ...]) -> None:
    churned, first, second = answers
    once, twice = np.arange(600), np.tile(np.arange(600), 2)
    for compare in (
        lambda n, cluster: mean_difference(np.tile(first, n), np.tile(second, n), cluster),
        lambda n, cluster: auc_difference(np.tile(churned, n), np.tile(first, n), np.tile(second, n), cluster),
    ):
        assert compare(2, twice).error == pytest.approx(compare(1, once).error, rel=1e-6)
        assert compare(2, np.arange(1_200)).error < 0.75 * compare(1, once).error


def test_without_clusters_it_is_the_difference_of_delong(answers: tuple[np.ndarray, ...]) -> None:
    churned, first, second = answers
    ours = auc_difference(churned, first, second, np.arange(600))
    theirs = paired_auc_difference(churned, second, first)
    assert ours.value == pytest.approx(theirs.value)
    assert ours.error == pytest.approx(theirs.error, rel=0.01)


def test_clustered_error_agrees_with_drawing_customers_again(answers: tuple[np.ndarray, ...]) -> None:
    churned, first, second = (np.repeat(part, 2) for part in answers)
    draw = np.random.default_rng(3)
    second = second + 0.3 * draw.normal(size=1_200)
    customer = np.repeat(np.arange(600), 2)
    found = auc_difference(churned, first, second, customer)
    again = []
    for _ in range(400):
        chosen = draw.integers(0, 600, 600)
        rows = np.concatenate([2 * chosen, 2 * chosen + 1])
        again.append(auc_difference(churned[rows], first[rows], second[rows], np.arange(1_200)).value)
    assert found.error == pytest.approx(np.std(again), rel=0.15)


def test_ranking_is_within_groups(answers: tuple[np.ndarray, ...]) -> None:
    churned, first, second = answers
    halves = [np.arange(300), np.arange(300, 600)]
    shifted = second + np.where(np.arange(600) < 300, 100.0, 0.0)
    within = auc_difference(churned, first, shifted, np.arange(600), halves)
    assert within.value == pytest.approx(auc_difference(churned, first, second, np.arange(600), halves).value)
    assert within.value > auc_difference(churned, first, shifted, np.arange(600)).value + 0.05
    one_sided = [*halves, np.flatnonzero(churned)[:5]]
    assert np.isfinite(auc_difference(churned, first, second, np.arange(600), one_sided).value)


def test_the_same_answers_differ_by_nothing(answers: tuple[np.ndarray, ...]) -> None:
    churned, first, _ = answers
    found = auc_difference(churned, first, first, np.arange(600))
    assert (found.value, found.error) == (0.0, 0.0)


def test_one_customer_says_nothing_about_others() -> None:
    with pytest.raises(NotEnoughData, match="one customer"):
        mean_difference([1.0, 2.0], [1.0, 3.0], ["a", "a"])
    with pytest.raises(NotEnoughData, match="same"):
        auc_difference([1, 1], [1.0, 3.0], [1.0, 2.0], ["a", "b"])
