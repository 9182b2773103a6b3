"""Leaf by leaf, contributions are those of LightGBM to the last digits, whatever the trees look like."""

from __future__ import annotations

import itertools
from math import factorial

import lightgbm
import numpy as np
import pandas as pd
import pytest

from churn_core.models import boosted
from churn_core.models.boosted import Boosted, BoostedLarge
from churn_core.models.tree_paths import contributions, read_paths


def table(n_rows: int = 700, seed: int = 4) -> tuple[pd.DataFrame, np.ndarray]:
    draw = np.random.default_rng(seed)
    frame = pd.DataFrame({f"f{number}": draw.normal(size=n_rows) for number in range(6)})
    frame["n_calls"] = draw.poisson(1, n_rows)
    frame["plan"] = draw.choice(["monthly", "yearly", "trial"], n_rows)
    frame.loc[draw.random(n_rows) < 0.15, "f3"] = np.nan
    odds = frame["f0"] * frame["f1"] + frame["f2"].abs() - 1 + (frame["plan"] == "trial") + frame["f3"].isna()
    return frame, draw.random(n_rows) < 1 / (1 + np.exp(-odds.to_numpy()))


def both(made: Boosted, frame: pd.DataFrame) -> tuple[np.ndarray, np.ndarray, float, float]:
    """Contributions and base by LightGBM, and leaf by leaf."""
    matrix, _ = made._matrix(frame)
    theirs = np.asarray(made.booster.predict(matrix, pred_contrib=True))
    paths = read_paths(made.text)
    assert paths is not None
    return theirs[:, :-1], contributions(paths, matrix), float(theirs[0, -1]), paths.base


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_many_deep_trees_are_explained_as_lightgbm_does(seed: int) -> None:
    frame, churned = table(seed=seed)
    theirs, ours, their_base, our_base = both(BoostedLarge(n_trees=25).fit(frame, churned, seed=seed), frame)
    np.testing.assert_allclose(ours, theirs, atol=1e-12)
    assert our_base == pytest.approx(their_base, abs=1e-12)


def test_few_small_trees_are_explained_as_lightgbm_does() -> None:
    frame, churned = table()
    numbers = frame.drop(columns="plan")
    theirs, ours, *_ = both(Boosted(n_trees=20).fit(numbers, churned, seed=1), numbers)
    np.testing.assert_allclose(ours, theirs, atol=1e-12)


def test_values_on_a_threshold_missing_and_endless_ones_go_where_lightgbm_sends_them() -> None:
    frame, churned = table()
    made = BoostedLarge(n_trees=10).fit(frame, churned, seed=1)
    thresholds = [
        float(number)
        for line in made.text.splitlines()
        if line.startswith("threshold=")
        for number in line.removeprefix("threshold=").split()
    ]
    matrix, _ = made._matrix(frame.iloc[: len(thresholds)])
    odd = [*thresholds[: len(matrix) - 4], np.nan, np.inf, -np.inf, 0.0]
    for column in range(matrix.shape[1]):
        asked = matrix[: len(odd)].copy()
        asked[:, column] = odd
        theirs = np.asarray(made.booster.predict(asked, pred_contrib=True))[:, :-1]
        paths = read_paths(made.text)
        assert paths is not None
        np.testing.assert_allclose(contributions(paths, asked), theirs, atol=1e-12)


def test_a_tree_by_hand_has_the_shapley_values_of_its_definition() -> None:
    draw = np.random.default_rng(5)
    matrix = draw.normal(size=(400, 3))
    label = matrix[:, 0] * matrix[:, 1] + (matrix[:, 2] > 0.3)
    rows = lightgbm.Dataset(matrix, label=label, params={"verbose": -1})
    settings = {"num_leaves": 8, "min_data_in_leaf": 5, "verbose": -1, "num_threads": 1, "deterministic": True}
    booster = lightgbm.train(settings, rows, num_boost_round=1)
    root = booster.dump_model()["tree_info"][0]["tree_structure"]

    def answer(node: dict, row: np.ndarray, known: frozenset[int]) -> float:
        if "leaf_value" in node:
            return float(node["leaf_value"])
        left, right = node["left_child"], node["right_child"]
        if node["split_feature"] in known:
            return answer(left if row[node["split_feature"]] <= node["threshold"] else right, row, known)
        counts = [child.get("internal_count", child.get("leaf_count")) for child in (left, right)]
        parts = [answer(child, row, known) for child in (left, right)]
        return float(np.average(parts, weights=counts))

    expected = np.zeros((5, 3))
    for number, feature in itertools.product(range(5), range(3)):
        others = [other for other in range(3) if other != feature]
        for size in range(3):
            weight = factorial(size) * factorial(2 - size) / factorial(3)
            for chosen in map(frozenset, itertools.combinations(others, size)):
                gain = answer(root, matrix[number], chosen | {feature}) - answer(root, matrix[number], chosen)
                expected[number, feature] += weight * gain
    paths = read_paths(booster.model_to_string())
    assert paths is not None
    np.testing.assert_allclose(contributions(paths, matrix[:5]), expected, atol=1e-12)


def test_splits_by_category_are_left_to_lightgbm() -> None:
    frame, churned = table()
    made = Boosted(n_trees=5, least_in_leaf=5).fit(frame[["plan"]], churned, seed=1)
    assert read_paths(made.text) is None
    assert np.abs(made.contributions(frame[["plan"]]).values).max() > 0


def test_a_model_answers_the_same_by_either_way(monkeypatch: pytest.MonkeyPatch) -> None:
    frame, churned = table()
    made = BoostedLarge(n_trees=15).fit(frame, churned, seed=1)
    few = made.contributions(frame)
    monkeypatch.setattr(boosted, "LEAST_LEAF_VISITS", 1)
    many = made.contributions(frame)
    np.testing.assert_allclose(many.values, few.values, atol=1e-12)
    assert many.base == pytest.approx(few.base, abs=1e-12)
    np.testing.assert_allclose(many.total(), made.log_odds(frame), atol=1e-9)


def test_more_rows_than_are_taken_at_once_and_leaves_of_many_features(monkeypatch: pytest.MonkeyPatch) -> None:
    frame, churned = table()
    made = BoostedLarge(n_trees=10).fit(frame, churned, seed=1)
    matrix, _ = made._matrix(frame)
    paths = read_paths(made.text)
    assert paths is not None
    whole = contributions(paths, matrix)
    monkeypatch.setattr("churn_core.models.tree_paths.N_ROWS_AT_ONCE", 99)
    monkeypatch.setattr("churn_core.models.tree_paths.MOST_REMEMBERED", 2)
    np.testing.assert_allclose(contributions(paths, matrix), whole, atol=1e-12)
