"""The larger boosting: each category a column of the trees, each feature one contribution."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from churn_core.models.boosted import Boosted, BoostedLarge
from churn_core.models.estimators import estimator_from_json


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    draw = np.random.default_rng(2)
    return pd.DataFrame(
        {
            "plan": draw.choice(["monthly", "yearly", "trial", None], 800),
            "tenure": draw.exponential(20, 800),
            "calls": np.where(draw.random(800) < 0.1, np.nan, draw.poisson(2, 800)),
        }
    )


@pytest.fixture(scope="module")
def churned(frame: pd.DataFrame) -> np.ndarray:
    log_odds = np.where(frame["plan"] == "trial", 2.0, -0.5) - 0.05 * frame["tenure"]
    return np.random.default_rng(3).random(len(frame)) < 1 / (1 + np.exp(-log_odds))


def test_contributions_are_those_of_the_features_and_sum_to_the_log_odds(
    frame: pd.DataFrame, churned: np.ndarray
) -> None:
    made = BoostedLarge(n_trees=30).fit(frame, churned, seed=1)
    assert made.splits_categories
    asked = pd.concat([frame.iloc[:50], frame.iloc[:1].assign(plan="never seen")])
    told = made.contributions(asked)
    assert told.feature_names == ("plan", "tenure", "calls")
    np.testing.assert_allclose(told.total(), made.log_odds(asked), atol=1e-9)
    assert np.abs(told.values[:, 0]).max() > 0.2


def test_a_stored_model_answers_as_before(frame: pd.DataFrame, churned: np.ndarray) -> None:
    made = BoostedLarge(n_trees=20).fit(frame, churned, seed=1)
    again = estimator_from_json(json.loads(json.dumps(made.to_json())))
    np.testing.assert_array_equal(again.log_odds(frame), made.log_odds(frame))


def test_a_model_stored_before_categories_were_split_is_read_as_it_was(
    frame: pd.DataFrame, churned: np.ndarray
) -> None:
    together = Boosted(n_trees=20).fit(frame, churned, seed=1)
    stored = {**together.to_json(), "name": "lightgbm_large"}
    del stored["splits_categories"]
    read = estimator_from_json(stored)
    np.testing.assert_array_equal(read.log_odds(frame), together.log_odds(frame))
    np.testing.assert_allclose(read.contributions(frame).total(), together.log_odds(frame), atol=1e-9)
