"""The difference of two rankings of the same customers and its error."""

from __future__ import annotations

import numpy as np
import pytest

from churn_core.errors import NotEnoughData
from churn_core.stats.paired import auc_difference
from churn_core.stats.ranking import auc


def test_the_error_is_that_of_the_bootstrap() -> None:
    draw = np.random.default_rng(2)
    outcome = draw.random(600) < 0.4
    first = outcome + draw.normal(0, 1.2, 600)
    second = 0.6 * first + draw.normal(0, 0.8, 600)
    found = auc_difference(outcome, first, second)
    again = []
    for _ in range(400):
        rows = draw.integers(0, 600, 600)
        again.append(auc(outcome[rows], first[rows]) - auc(outcome[rows], second[rows]))
    assert found.value == pytest.approx(auc(outcome, first) - auc(outcome, second))
    assert found.error == pytest.approx(np.std(again), rel=0.15)


def test_a_ranking_does_not_differ_from_itself() -> None:
    outcome = np.arange(40) % 3 == 0
    score = np.sin(np.arange(40.0))
    found = auc_difference(outcome, score, 2 * score)
    assert (found.value, found.error) == (0, 0)


def test_one_customer_of_an_outcome_is_too_few() -> None:
    with pytest.raises(NotEnoughData, match="at least two"):
        auc_difference([True, False, False], [3, 2, 1], [1, 2, 3])
