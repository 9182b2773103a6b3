"""The arithmetic behind the comparison of signals."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.signals import auc_difference, auc_parts, clustered


def test_the_components_average_to_the_auc() -> None:
    from sklearn.metrics import roc_auc_score

    draw = np.random.default_rng(4)
    churned = draw.random(300) < 0.3
    first, second = draw.normal(churned, 1.0), draw.normal(churned, 2.0).round(1)
    for answers in (first, second):
        for part in auc_parts(answers, churned):
            assert part.mean() == pytest.approx(roc_auc_score(churned, answers))
    difference, error = auc_difference(first, second, churned)
    assert difference == pytest.approx(roc_auc_score(churned, first) - roc_auc_score(churned, second))
    assert error > 0
    assert auc_difference(first, first, churned) == (0.0, 0.0)


def test_rows_of_one_customer_count_once() -> None:
    values = np.random.default_rng(1).normal(size=400)
    customers = [str(number) for number in range(400)]
    mean, error = clustered([(customers, values)])
    assert mean == pytest.approx(values.mean())
    assert error == pytest.approx(values.std() / 20)
    twice = clustered([(customers, values), (customers, values)])
    assert twice == pytest.approx((mean, error)), "the same rows again say nothing new"
