"""The estimators offered beside the usual ones: rules that are true, votes, borders and sampled contributions."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from churn_core.errors import NotEnoughData
from churn_core.models.backtest import backtest_snapshot
from churn_core.models.decision_tree import Condition, DecisionTree, rules_of
from churn_core.models.estimators import SAMPLED, make_estimator, sigmoid
from churn_core.models.linear_svm import LinearSvm
from churn_core.models.neural_network import NeuralNetwork
from churn_core.models.platt import platt
from churn_core.models.random_forest import RandomForest
from churn_core.models.recipe import Recipe
from churn_core.stats.ranking import auc

from .conftest import members

NEW = ("decision_tree", "random_forest", "linear_svm", "neural_network")


def table(n: int = 3_000, seed: int = 3) -> tuple[pd.DataFrame, np.ndarray]:
    """Features and outcomes with known causes, some values missing."""
    frame = members(n, seed)
    churned = (frame["churned"] == "Yes").to_numpy()
    features = frame.drop(columns=["customer", "churned"]).astype({"plan": "category", "region": "category"})
    gaps = np.random.default_rng(seed).random(n) < 0.1
    return features.assign(visits=features["visits"].where(~gaps)), churned


def own_log_odds(n: int = 3_000, seed: int = 9) -> float:
    """AUC of the truth itself on new customers: the most anybody can reach."""
    frame = members(n, seed)
    truth = 0.3 - 0.06 * frame["tenure"] + 0.5 * frame["calls"] + np.where(frame["plan"] == "monthly", 0.8, -0.8)
    return auc((frame["churned"] == "Yes").to_numpy(), truth.to_numpy())


@pytest.mark.parametrize("name", NEW)
def test_each_comes_near_the_best_possible_ranking_of_new_customers(name: str) -> None:
    frame, churned = table()
    fresh, outcome = table(seed=9)
    model = make_estimator(name).fit(frame, churned, seed=1)
    reached = auc(outcome, model.log_odds(fresh))
    assert reached > own_log_odds() - (0.05 if name == "decision_tree" else 0.02)


@pytest.mark.parametrize("name", ["linear_svm", "neural_network", "decision_tree"])
def test_the_calibrated_ones_predict_the_share_that_leaves(name: str) -> None:
    frame, churned = table()
    fresh, outcome = table(seed=9)
    risk = sigmoid(make_estimator(name).fit(frame, churned, seed=1).log_odds(fresh))
    assert abs(risk.mean() - outcome.mean()) < 0.03
    high = risk > np.quantile(risk, 0.8)
    assert abs(risk[high].mean() - outcome[high].mean()) < 0.06


@pytest.mark.parametrize("name", NEW)
def test_the_same_seed_gives_the_same_answers(name: str) -> None:
    frame, churned = table(800)
    first = make_estimator(name).fit(frame, churned, seed=5).log_odds(frame)
    again = make_estimator(name).fit(frame, churned, seed=5).log_odds(frame)
    assert (first == again).all()


def test_every_rule_of_the_tree_is_true_of_the_rows_it_speaks_of() -> None:
    frame, churned = table()
    tree = DecisionTree().fit(frame, churned, seed=1)
    rules = tree.rules()
    assert len(rules) >= 5
    assert sum(rule.n for rule in rules) == len(frame)
    assert [rule.risk for rule in rules] == sorted((rule.risk for rule in rules), reverse=True)
    for rule in rules:
        rows = np.ones(len(frame), dtype=bool)
        for condition in rule.conditions:
            rows &= _fulfilled(frame, condition)
        assert rows.sum() == rule.n, rule.conditions
        assert np.allclose(sigmoid(tree.log_odds(frame[rows])), rule.risk)
        expected = (churned[rows].sum() + 20 * churned.mean()) / (rule.n + 20)
        assert rule.risk == pytest.approx(expected, abs=1e-9)


def test_rules_are_found_among_the_estimators_as_plain_data() -> None:
    frame, churned = table(800)
    tree = DecisionTree().fit(frame, churned, seed=1)
    stored = rules_of([RandomForest(n_trees=3).fit(frame, churned, seed=1), tree])
    assert stored is not None
    assert [(entry["n"], entry["risk"]) for entry in stored] == [(rule.n, rule.risk) for rule in tree.rules()]
    assert rules_of([RandomForest()]) is None


def _fulfilled(frame: pd.DataFrame, condition: Condition) -> np.ndarray:
    values = frame[condition.name]
    if condition.relation in ("is", "is not"):
        inside = values.astype(str).isin(condition.value.split(", ")).to_numpy()
        return inside if condition.relation == "is" else ~inside
    # Bounds are written with six digits; values are rounded to three, so no value lies between both.
    bound = float(condition.value) + 1e-6
    met = values <= bound if condition.relation == "at most" else values > bound
    return (met | (values.isna() & condition.or_missing)).to_numpy()


def test_a_forest_votes_between_its_trees() -> None:
    frame, churned = table(800)
    forest = RandomForest(n_trees=40).fit(frame, churned, seed=1)
    assert forest.booster.num_trees() == 40
    one_by_one = [
        forest.booster.predict(_matrix(forest, frame), raw_score=True, start_iteration=i, num_iteration=1)
        for i in range(40)
    ]
    assert np.allclose(np.mean(one_by_one, axis=0), forest.log_odds(frame))


def _matrix(forest: RandomForest, frame: pd.DataFrame) -> np.ndarray:
    from churn_core.models.preparation import tree_matrix

    return tree_matrix(forest.preparation, frame)


def test_sampled_contributions_say_their_error_and_keep_it() -> None:
    frame, churned = table(1_500)
    network = NeuralNetwork().fit(frame, churned, seed=1)
    few = frame.iloc[:150]
    sampled = network.contributions(few)
    assert "neural_network" in SAMPLED
    assert all(entry["standard_error"] > 0 for entry in sampled.importance() if entry["mean_absolute"] > 0)
    assert sampled.standard_error is not None
    assert np.abs(sampled.total() - network.log_odds(few)).max() < 1e-9
    exact = _exact(network, few)
    missed = np.sqrt(((sampled.values - exact) ** 2).mean(axis=0))
    moves = exact.std(axis=0) > 0.01
    assert moves.sum() >= 4
    assert (missed[moves] < 3 * sampled.standard_error[moves] + 0.02).all()
    assert (sampled.standard_error[moves] < 3 * missed[moves] + 0.02).all()


def _exact(network: NeuralNetwork, frame: pd.DataFrame) -> np.ndarray:
    """Shapley values by all orders of the six features, the long way round."""
    from itertools import permutations

    from churn_core.models.preparation import design

    matrix, owners = design(network.preparation, frame)
    names = network.feature_names
    total = np.zeros((len(frame), len(names)))
    orders = list(permutations(range(len(names))))
    answers: dict[frozenset[int], np.ndarray] = {}

    def answer(chosen: frozenset[int]) -> np.ndarray:
        if chosen not in answers:
            mixed = np.where(np.isin(owners, list(chosen)), matrix, network.centre)
            signal = np.maximum((mixed - network.centre) @ network.layers[0] + network.biases[0], 0)
            signal = np.maximum(signal @ network.layers[1] + network.biases[1], 0)
            answers[chosen] = network.slope * (signal @ network.layers[2] + network.biases[2])[:, 0] + network.level
        return answers[chosen]

    for order in orders:
        before: frozenset[int] = frozenset()
        for feature in order:
            after = before | {feature}
            total[:, feature] += answer(after) - answer(before)
            before = after
    return total / len(orders)


def test_exact_estimators_claim_no_error() -> None:
    frame, churned = table(800)
    for name in set(NEW) - SAMPLED:
        assert make_estimator(name).fit(frame, churned, seed=1).contributions(frame).standard_error is None


def test_platt_turns_any_ranking_score_into_log_odds() -> None:
    draw = np.random.default_rng(2)
    truth = draw.normal(size=20_000)
    churned = draw.random(20_000) < sigmoid(1.5 * truth - 0.7)
    slope, level = platt(1000.0 * truth, churned)
    assert slope * 1000.0 == pytest.approx(1.5, abs=0.06)
    assert level == pytest.approx(-0.7, abs=0.06)


@pytest.mark.parametrize("name", NEW)
def test_rows_that_count_more_move_the_level_as_if_there_were_more_of_them(name: str) -> None:
    frame, churned = table()
    weight = np.where(churned, 3.0, 1.0)
    risk = sigmoid(make_estimator(name).fit(frame, churned, seed=1, weight=weight).log_odds(frame))
    plain = sigmoid(make_estimator(name).fit(frame, churned, seed=1).log_odds(frame))
    assert np.average(risk, weights=weight) == pytest.approx(np.average(churned, weights=weight), abs=0.05)
    assert risk.mean() > plain.mean() + 0.1


@pytest.mark.parametrize("model", [LinearSvm(), NeuralNetwork()])
def test_one_outcome_only_is_refused_in_a_sentence(model: LinearSvm | NeuralNetwork) -> None:
    frame, churned = table(100)
    with pytest.raises(NotEnoughData, match="customers who left"):
        model.fit(frame, np.zeros_like(churned), seed=1)


def test_all_of_them_can_be_tried_on_a_table() -> None:
    judged = backtest_snapshot(
        members(1_200), label="churned", id_column="customer", recipe=Recipe(estimators=("logistic", *NEW))
    )
    assert set(judged.evaluations) == {"logistic", *NEW, "stacking", "blend"}
    assert judged.evaluation.log_loss.value <= min(found.log_loss.value for found in judged.evaluations.values())
    assert all(abs(found.mean_predicted - found.churn_rate) < 0.03 for found in judged.evaluations.values())
