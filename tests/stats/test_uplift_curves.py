"""Qini and uplift curves against scikit-uplift, and on rankings whose answer is known."""

from __future__ import annotations

import numpy as np
import pytest

from churn_core.errors import InputError, NotEnoughData
from churn_core.stats.uplift_curves import qini_curve, qini_score, uplift_at, uplift_curve, uplift_score

NUMBER = np.arange(1, 201)
OUTCOME = ((NUMBER * 7919) % 13 < 4).astype(int)
TREATED = ((NUMBER * 104729) % 17 < 8).astype(int)
SCORE = np.round(((NUMBER * 31337) % 101) / 101, 2)


def test_scores_agree_with_scikit_uplift() -> None:
    # scikit-uplift 0.5.1 on these columns: qini_auc_score, uplift_auc_score, uplift_at_k(strategy="overall", k=0.3);
    # the second row with the score rounded to one decimal, so that many are equal.
    for score, qini, auuc in [
        (SCORE, -0.04648484630493807, -0.04366124346957054),
        (np.round(SCORE, 1), -0.06193598718282181, -0.05820428599581521),
    ]:
        assert qini_score(OUTCOME, score, TREATED) == pytest.approx(qini, abs=1e-12)
        assert uplift_score(OUTCOME, score, TREATED) == pytest.approx(auuc, abs=1e-12)
    assert uplift_at(OUTCOME, SCORE, TREATED, share=0.3) == pytest.approx(-0.006734006734006759, abs=1e-12)


def test_curves_agree_with_scikit_uplift() -> None:
    # The sixth and the last point of qini_curve and uplift_curve of scikit-uplift 0.5.1.
    assert qini_curve(OUTCOME, SCORE, TREATED).gain[[5, -1]] == pytest.approx([-1.0, 0.62264151])
    assert uplift_curve(OUTCOME, SCORE, TREATED).gain[[5, -1]] == pytest.approx([-2.0, 1.32476917])


def test_a_score_that_knows_beats_one_that_does_not_and_its_reverse_is_worse_than_chance() -> None:
    draw = np.random.default_rng(1)
    effect = draw.random(20_000)
    treated = draw.random(20_000) < 0.5
    outcome = (draw.random(20_000) < 0.2 + 0.3 * effect * treated).astype(int)
    arm = treated.astype(int)
    knows, guesses, reverse = (qini_score(outcome, s, arm) for s in (effect, draw.random(20_000), -effect))
    assert knows > 0.05
    assert abs(guesses) < 0.03
    assert reverse < -0.05
    assert uplift_at(outcome, effect, arm, share=0.3) == pytest.approx(0.3 * 0.85, abs=0.03)
    assert uplift_at(outcome, effect, arm, share=1.0) == pytest.approx(0.15, abs=0.02)


def test_one_arm_or_other_values_are_refused() -> None:
    with pytest.raises(NotEnoughData, match="one arm"):
        qini_curve([0, 1], [0.1, 0.2], [1, 1])
    with pytest.raises(InputError, match="0 or 1"):
        qini_curve([0, 2], [0.1, 0.2], [0, 1])
    with pytest.raises(InputError, match="0 or 1"):
        qini_curve([0, 1], [0.1, float("nan")], [0, 1])
    with pytest.raises(InputError, match="as long"):
        qini_curve([0], [0.1, 0.2], [0, 1])
