"""What the Model quality page draws."""

from __future__ import annotations

import json

import numpy as np
import pytest

from churn_core.errors import InputError, NotEnoughData
from churn_core.models.evaluation import confusion, evaluate, evaluation_from_dict


def _outcomes(seed: int = 0, n: int = 3_000) -> tuple[np.ndarray, np.ndarray]:
    draw = np.random.default_rng(seed)
    risk = draw.beta(1.2, 2.5, n)
    return draw.random(n) < risk, risk


def test_metrics_agree_with_scikit_learn() -> None:
    from sklearn.metrics import brier_score_loss, log_loss

    churned, risk = _outcomes()
    found = evaluate(churned, risk)
    assert found.log_loss.value == pytest.approx(log_loss(churned, risk), abs=1e-12)
    assert found.brier.value == pytest.approx(brier_score_loss(churned, risk), abs=1e-12)
    for metric in (found.auc, found.pr_auc, found.log_loss, found.brier, found.precision_top10):
        assert metric.low < metric.value < metric.high


def test_confusion_from_the_histogram_is_the_direct_count() -> None:
    churned, risk = _outcomes(1)
    found = evaluate(churned, risk)
    for threshold in (0.01, 0.25, 0.5, 0.9):
        called = risk >= threshold
        counts = confusion(found, threshold)
        assert counts.n_true_positive == int((called & churned).sum())
        assert counts.n_false_positive == int((called & ~churned).sum())
        assert counts.n_false_negative == int((~called & churned).sum())
        assert counts.precision == pytest.approx(churned[called].mean())
        assert counts.recall == pytest.approx(called[churned].mean())


def test_nobody_called_has_no_precision() -> None:
    found = evaluate([True, False, True, False], [0.2, 0.3, 0.4, 0.1])
    counts = confusion(found, 1.0)
    assert counts.precision is None
    assert counts.recall == 0.0
    assert counts.f1 == 0.0


def test_calibrated_risks_lie_on_the_diagonal() -> None:
    churned, risk = _outcomes(2, 20_000)
    bins = evaluate(churned, risk).calibration
    assert len(bins) == 10
    assert sum(part.n for part in bins) == 20_000
    assert sum(part.happened_low - 0.01 <= part.predicted <= part.happened_high + 0.01 for part in bins) >= 9


def test_capacity_counts_the_riskiest() -> None:
    churned, risk = _outcomes(3, 1_000)
    tenth = next(row for row in evaluate(churned, risk).capacity if row.share == 0.1)
    riskiest = np.argsort(-risk)[:100]
    assert tenth.k == 100
    assert tenth.n_caught == churned[riskiest].sum()
    assert tenth.lift_ratio == pytest.approx(churned[riskiest].mean() / churned.mean())


def test_curves_are_short_and_complete() -> None:
    found = evaluate(*_outcomes(4))
    assert len(found.roc) <= 100
    assert len(found.pr) <= 100
    assert found.roc[0] == (0.0, 0.0)
    assert found.roc[-1] == (1.0, 1.0)
    assert found.gain[0] == (0.0, 0.0)
    assert found.gain[-1] == (1.0, 1.0)


def test_stored_and_read_again_it_is_the_same() -> None:
    found = evaluate(*_outcomes(5))
    assert evaluation_from_dict(json.loads(json.dumps(found.to_dict()))) == found


@pytest.mark.parametrize("risk", [[0.2, 1.2], [0.2, float("nan")], [-0.1, 0.5]])
def test_risks_are_probabilities(risk: list[float]) -> None:
    with pytest.raises(InputError, match="outside 0 to 1"):
        evaluate([True, False], risk)


def test_one_outcome_cannot_be_judged() -> None:
    with pytest.raises(NotEnoughData):
        evaluate([True, True], [0.2, 0.4])
    with pytest.raises(NotEnoughData, match="no customer"):
        evaluate([], [])
