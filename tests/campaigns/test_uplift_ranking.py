"""Rankings by uplift: the same numbers by two routes, and intervals that say what is not known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from churn_core.campaigns.uplift_learners import Trial
from churn_core.campaigns.uplift_ranking import judge_ranking, within_folds
from churn_core.campaigns.uplift_study import chosen_learners, response_groups, study
from churn_core.campaigns.uplift_words import verdict
from churn_core.stats.uplift_curves import qini_curve, qini_score, uplift_at, uplift_score
from tests.campaigns.planted_trial import planted_trial


@pytest.mark.parametrize("digits", [8, 1])
@pytest.mark.parametrize("share", [0.5, 0.2, 0.9])
def test_areas_agree_with_the_unweighted_route_ties_included(digits: int, share: float) -> None:
    # The other route, churn_core.stats.uplift_curves, is held against scikit-uplift 0.5.1 in tests/stats.
    trial, effect = planted_trial(700, seed=9, share=share)
    score = np.round(effect + np.random.default_rng(2).normal(0, 0.3, len(effect)), digits)
    found = judge_ranking(trial, score, n_draws=5)
    y, arm = trial.outcome.astype(int), trial.treated.astype(int)
    assert found.qini.value == pytest.approx(qini_score(y, score, arm), abs=1e-12)
    assert found.auuc.value == pytest.approx(uplift_score(y, score, arm), abs=1e-12)
    assert found.top_effect.value == pytest.approx(uplift_at(y, score, arm, share=0.3), abs=1e-12)
    assert found.average_effect.value == pytest.approx(uplift_at(y, score, arm, share=1.0), abs=1e-12)
    assert found.curve[-1].gain == pytest.approx(qini_curve(y, score, arm).gain[-1])
    assert found.curve[-1].low == found.curve[-1].high == pytest.approx(found.curve[-1].gain)


def test_a_ranking_that_knows_has_evidence_and_its_reverse_is_worse_than_chance() -> None:
    trial, effect = planted_trial(3_000)
    knows, reverse = judge_ranking(trial, effect), judge_ranking(trial, -effect)
    assert knows.has_evidence
    assert not reverse.has_evidence
    assert reverse.qini.high is not None
    assert reverse.qini.high < 0
    assert knows.top_gain.low is not None
    assert knows.top_gain.low > 0
    assert knows.top_effect.value == pytest.approx(0.35, abs=0.08)


def test_equal_scores_rank_nobody() -> None:
    trial, _ = planted_trial(1_000)
    found = judge_ranking(trial, np.zeros(len(trial)))
    assert found.qini.value == pytest.approx(0, abs=1e-12)
    assert not found.has_evidence


def test_folds_with_different_averages_are_not_ranked_against_each_other() -> None:
    fold = np.repeat(np.arange(5), 20)
    assert np.ptp(within_folds(fold.astype(float), fold)) == 0
    place = within_folds(np.tile(np.arange(20.0), 5) + 100 * fold, fold)
    assert (place == np.tile((np.arange(20) + 0.5) / 20, 5)).all()


def test_amounts_scale_with_their_unit() -> None:
    trial, effect = planted_trial(1_000, is_rate=False)
    euros = judge_ranking(trial, effect, n_draws=20)
    cents = judge_ranking(replace(trial, outcome=100 * trial.outcome), effect, n_draws=20)
    assert not euros.is_normalised
    assert euros.qini.value is not None
    assert euros.qini.value > 0
    for one, hundred in ((euros.qini, cents.qini), (euros.top_gain, cents.top_gain)):
        assert hundred.value == pytest.approx(100 * one.value)
        assert hundred.low == pytest.approx(100 * one.low)


def test_shares_that_differ_by_stratum_are_weighted_out() -> None:
    draw = np.random.default_rng(12)
    n = 30_000
    heavy = draw.random(n) < 0.5
    share = np.where(heavy, 0.8, 0.2)
    treated = draw.random(n) < share
    outcome = (draw.random(n) < 0.2 + 0.4 * heavy + 0.05 * treated).astype(float)
    trial, _ = planted_trial(n)
    uneven = Trial(frame=trial.frame, outcome=outcome, treated=treated, propensity=share, is_rate=True)
    found = judge_ranking(uneven, draw.random(n), n_draws=20)
    assert found.average_effect.value == pytest.approx(0.05, abs=0.02)


def test_a_study_is_the_same_again_and_says_what_it_found() -> None:
    trial, effect = planted_trial(2_000)
    tiers = np.where(effect > 0, "high", "low")
    first = study(trial, tiers=list(tiers), names=("dr_logistic", "t_logistic"), least_effect=0.05)
    again = study(trial, tiers=list(tiers), names=("dr_logistic", "t_logistic"), least_effect=0.05)
    assert first == again
    assert first.has_evidence
    assert sum(entry.n_folds_chosen for entry in first.learners) == 5
    assert [part.label for part in first.tiers] == ["high", "low"]
    high, low = first.tiers
    assert high.difference.value == pytest.approx(0.35, abs=0.1)
    assert low.difference.value == pytest.approx(-0.15, abs=0.1)
    assert len(first.deciles) == 10
    assert sum(part.n_control + part.n_treatment for part in first.deciles) == 2_000
    assert first.deciles[0].predicted > first.deciles[-1].predicted
    assert sum(group.share for group in first.responses) == pytest.approx(1)
    told = verdict(first.to_dict())
    assert told.startswith("Customers differ in how they respond")
    assert "out of fold" in told


def test_the_learner_of_a_fold_is_chosen_without_that_fold() -> None:
    from churn_core.campaigns.uplift_learners import cross_fitted

    trial, _ = planted_trial(1_000, is_rate=False)
    fitted = cross_fitted(trial, ("t_logistic", "x_logistic"))
    by_fold, _ = chosen_learners(fitted)
    inside = fitted.fold == 0
    spoilt = np.where(inside, 1e3, fitted.score)
    assert chosen_learners(replace(fitted, score=spoilt))[0][0] == by_fold[0]


def test_groups_follow_from_effect_and_from_the_chance_without_contact() -> None:
    groups = response_groups(np.array([0.2, 0.9, 0.1, 0.8]), np.array([0.2, 0.0, 0.01, -0.3]), moved_from=0.05)
    assert groups.tolist() == ["persuadable", "sure thing", "lost cause", "do not disturb"]


def test_without_a_planted_difference_the_verdict_says_target_by_value() -> None:
    trial, _ = planted_trial(1_500, seed=3, heterogeneity=0.0)
    found = study(trial, names=("dr_logistic",))
    assert not found.has_evidence
    assert "target by value" in verdict(found.to_dict()).casefold()


@pytest.mark.slow
def test_without_a_planted_difference_the_qini_interval_covers_zero_at_the_stated_rate() -> None:
    n_runs, covered, positive = 200, 0, 0
    for seed in range(n_runs):
        trial, _ = planted_trial(1_500, seed=1_000 + seed, heterogeneity=0.0)
        found = study(trial, names=("dr_logistic", "x_logistic", "t_logistic"), seed=seed).ranking
        assert found.qini.low is not None
        assert found.qini.high is not None
        covered += found.qini.low <= 0 <= found.qini.high
        positive += found.has_evidence
    # 95 % of 200 with three standard errors of a binomial; false evidence is the upper half of the rest.
    assert covered / n_runs == pytest.approx(0.95, abs=3 * (0.05 * 0.95 / n_runs) ** 0.5)
    assert positive / n_runs < 0.025 + 3 * (0.025 * 0.975 / n_runs) ** 0.5
