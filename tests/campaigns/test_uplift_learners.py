"""Learners find a planted effect, nobody is judged by a model that saw them, and small campaigns are refused."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from churn_core.campaigns.uplift_data import drawn_shares
from churn_core.campaigns.uplift_learners import (
    LEARNERS,
    UpliftModel,
    cross_fitted,
    doubly_robust,
    fit_learner,
    folds_of,
)
from churn_core.errors import NotEnoughData, NotFound
from tests.campaigns.planted_trial import planted_trial


@pytest.mark.parametrize("name", LEARNERS)
@pytest.mark.parametrize("is_rate", [True, False])
def test_every_learner_finds_the_planted_effect_out_of_fold(name: str, is_rate: bool) -> None:
    trial, effect = planted_trial(2_000, is_rate=is_rate)
    found = cross_fitted(trial, (name,)).uplift[name]
    assert np.corrcoef(found, effect)[0, 1] > 0.5
    assert found.mean() == pytest.approx(effect.mean(), abs=0.05 if is_rate else 1.0)


@pytest.mark.parametrize("name", ["dr_logistic", "x_logistic", "t_logistic"])
def test_the_own_outcome_reaches_nobodys_own_uplift_but_that_of_others(name: str) -> None:
    trial, _ = planted_trial(800, is_rate=False)
    place = 17
    outcome = trial.outcome.copy()
    outcome[place] += 500.0
    before = cross_fitted(trial, (name,), seed=3)
    after = cross_fitted(replace(trial, outcome=outcome), (name,), seed=3)
    assert (before.fold == after.fold).all()
    inside = before.fold == before.fold[place]
    assert after.uplift[name][inside] == pytest.approx(before.uplift[name][inside], abs=1e-9)
    assert np.abs(after.uplift[name] - before.uplift[name])[~inside].max() > 0.1
    assert after.without[place] == pytest.approx(before.without[place], abs=1e-9)


def test_the_doubly_robust_score_is_unbiased_where_plain_differences_are_not() -> None:
    draw = np.random.default_rng(4)
    trial, _ = planted_trial(40_000, seed=4, heterogeneity=0.0)
    is_heavy = trial.frame["level"].to_numpy() > 0
    share = np.where(is_heavy, 0.8, 0.3)
    treated = draw.random(len(trial)) < share
    outcome = (draw.random(len(trial)) < 0.3 + 0.3 * is_heavy + 0.1 * treated).astype(float)
    uneven = replace(trial, outcome=outcome, treated=treated, propensity=share)
    nothing = np.zeros(len(trial))
    score = doubly_robust(uneven, nothing, nothing)
    naive = outcome[treated].mean() - outcome[~treated].mean()
    assert naive > 0.2
    assert score.mean() == pytest.approx(0.1, abs=4 * score.std() / np.sqrt(len(score)))
    assert drawn_shares(treated, np.where(is_heavy, "heavy", "light").astype(object)) == pytest.approx(share, abs=0.01)
    even = draw.random(len(trial)) < 0.5
    assert np.ptp(drawn_shares(even, np.where(is_heavy, "heavy", "light").astype(object))) == 0


def test_a_good_guess_of_the_outcomes_makes_the_score_less_noisy() -> None:
    trial, effect = planted_trial(4_000, is_rate=False)
    chance = np.clip(0.4 + 0.12 * trial.frame["level"].to_numpy(), 0.05, 0.95)
    known = doubly_robust(trial, 20 * chance + 6, 20 * chance + 6 + effect)
    guessed = doubly_robust(trial, np.zeros(len(trial)), np.zeros(len(trial)))
    assert known.std() < 0.5 * guessed.std()
    assert known.mean() == pytest.approx(effect.mean(), abs=0.5)


@pytest.mark.parametrize("name", LEARNERS)
def test_a_model_is_the_same_after_a_round_trip_through_json(name: str) -> None:
    trial, _ = planted_trial(800)
    model = fit_learner(name, trial)
    again = UpliftModel.from_json(model.to_json())
    assert again.uplift(trial.frame) == pytest.approx(model.uplift(trial.frame), abs=1e-12)
    for first, second in zip(model.expected(trial.frame), again.expected(trial.frame), strict=True):
        assert second == pytest.approx(first, abs=1e-12)


def test_folds_hold_every_arm_and_outcome_in_its_share_and_follow_the_seed() -> None:
    trial, _ = planted_trial(1_003)
    fold = folds_of(trial, seed=5)
    assert (fold == folds_of(trial, seed=5)).all()
    assert (fold != folds_of(trial, seed=6)).any()
    for arm in (False, True):
        for hit in (0.0, 1.0):
            counts = np.bincount(fold[(trial.treated == arm) & (trial.outcome == hit)], minlength=5)
            assert np.ptp(counts) <= 1


def test_small_campaigns_are_refused_in_one_sentence() -> None:
    trial, _ = planted_trial(500)
    with pytest.raises(NotEnoughData, match="at least 300 per arm") as refused:
        cross_fitted(trial, ("t_logistic",))
    assert str(refused.value).count(".") == 1
    rare, _ = planted_trial(2_000)
    outcome = np.where(np.arange(2_000) < 20, 1.0, 0.0)
    with pytest.raises(NotEnoughData, match="run a larger campaign"):
        cross_fitted(replace(rare, outcome=outcome), ("t_logistic",))


def test_an_unknown_learner_is_named() -> None:
    trial, _ = planted_trial(1_000)
    with pytest.raises(NotFound, match="t_logistc"):
        fit_learner("t_logistc", trial)
