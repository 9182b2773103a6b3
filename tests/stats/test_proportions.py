"""Shares and rankings against numbers made elsewhere."""

from __future__ import annotations

import numpy as np
import pytest

from churn_core.errors import InputError, NotEnoughData
from churn_core.stats.proportions import wilson_interval
from churn_core.stats.ranking import auc, auc_interval, average_precision, precision_recall, roc


def test_wilson_agrees_with_newcombe_1998() -> None:
    # Newcombe (1998), Statistics in Medicine 17:857-872, table I, method 3 (score without continuity correction).
    for hits, n, low, high in [
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ]:
        assert wilson_interval(hits, n) == pytest.approx((low, high), abs=5e-5)


def test_wilson_agrees_with_statsmodels() -> None:
    from statsmodels.stats.proportion import proportion_confint

    for hits, n in [(0, 5), (3, 7), (50, 1000), (7, 7)]:
        assert wilson_interval(hits, n) == pytest.approx(proportion_confint(hits, n, method="wilson"), abs=1e-9)


@pytest.mark.parametrize(("hits", "n"), [(0, 0), (3, 2), (-1, 5)])
def test_no_share_of_nothing(hits: int, n: int) -> None:
    with pytest.raises(InputError, match="not a share"):
        wilson_interval(hits, n)


def _sample(seed: int, n: int = 400, n_values: int = 40) -> tuple[np.ndarray, np.ndarray]:
    draw = np.random.default_rng(seed)
    outcome = draw.random(n) < 0.3
    score = np.round((draw.normal(size=n) + outcome) * n_values / 8) / n_values
    return outcome, score


@pytest.mark.parametrize("seed", range(5))
def test_ranking_agrees_with_scikit_learn(seed: int) -> None:
    from sklearn.metrics import average_precision_score, roc_auc_score

    outcome, score = _sample(seed)
    assert auc(outcome, score) == pytest.approx(roc_auc_score(outcome, score), abs=1e-12)
    assert average_precision(outcome, score) == pytest.approx(average_precision_score(outcome, score), abs=1e-12)


def test_auc_is_the_area_under_the_roc_curve() -> None:
    outcome, score = _sample(1)
    false_rate, true_rate = roc(outcome, score)
    assert np.trapezoid(true_rate, false_rate) == pytest.approx(auc(outcome, score), abs=1e-12)
    assert (false_rate[0], true_rate[0], false_rate[-1], true_rate[-1]) == (0, 0, 1, 1)


def test_auc_turns_around_with_the_score() -> None:
    outcome, score = _sample(2)
    assert auc(outcome, -score) == pytest.approx(1 - auc(outcome, score), abs=1e-12)


def test_auc_interval_covers_the_truth() -> None:
    from scipy.stats import norm

    truth = norm.cdf(1 / np.sqrt(2))
    draw = np.random.default_rng(3)
    n_covered = 0
    for _ in range(300):
        score = np.concatenate([draw.normal(1, 1, 60), draw.normal(0, 1, 140)])
        low, high = auc_interval(np.arange(200) < 60, score)
        n_covered += low <= truth <= high
    assert 0.91 <= n_covered / 300 <= 0.985


def test_recall_ends_at_one() -> None:
    recall, precision = precision_recall(*_sample(4))
    assert recall[-1] == 1.0
    assert (np.diff(recall) >= 0).all()
    assert precision[-1] == pytest.approx(_sample(4)[0].mean())


def test_one_outcome_cannot_be_ranked() -> None:
    with pytest.raises(NotEnoughData, match="all outcomes are the same"):
        auc([1, 1, 1], [0.1, 0.2, 0.3])


def test_a_perfect_ranking_keeps_an_honest_interval() -> None:
    # 10 of 10: Wilson's lower end is n / (n + z^2) = 10 / 13.84 (Brown, Cai & DasGupta, 2001, equation 4).
    low, high = auc_interval([False] * 30 + [True] * 10, range(40))
    assert (round(low, 4), round(high, 4)) == (0.7225, 1.0)
    low, high = auc_interval([True] * 10 + [False] * 30, range(40))
    assert (round(low, 4), round(high, 4)) == (0.0, 0.2775)
