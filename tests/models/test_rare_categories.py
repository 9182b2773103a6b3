"""A column of many categories tells what it knows: effects drawn towards zero, learnt without a row's own outcome."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from churn_core.models.estimators import estimator_from_json, make_estimator
from churn_core.models.logistic import Logistic
from churn_core.models.preparation import fit_preparation
from churn_core.models.preparation_levels import with_level_effects
from churn_core.stats.ranking import auc

SETTINGS = {"strength": 0.1}


def towns(n: int = 3_000, *, n_towns: int = 600, spread: float = 1.0) -> tuple[pd.DataFrame, NDArray[np.bool_]]:
    draw = np.random.default_rng(4)
    effect = spread * draw.normal(size=n_towns)
    town, spend = draw.integers(0, n_towns, n), draw.normal(size=n)
    frame = pd.DataFrame({"town": [f"town {number}" for number in town], "spend": spend})
    return frame, draw.random(n) < 1 / (1 + np.exp(-(effect[town] - 0.5 * spend - 1)))


def fitted(frame: pd.DataFrame, churned: NDArray[np.bool_], *, apart: bool) -> Logistic:
    made = make_estimator("logistic", **SETTINGS, tells_rare_apart=apart).fit(frame, churned, seed=1)
    assert isinstance(made, Logistic)
    return made


def test_many_categories_rank_customers_the_model_has_not_seen() -> None:
    frame, churned = towns()
    learns, held = slice(0, 2_400), slice(2_400, None)
    plain, telling = (fitted(frame[learns], churned[learns], apart=apart) for apart in (False, True))
    gain = auc(churned[held], telling.log_odds(frame[held])) - auc(churned[held], plain.log_odds(frame[held]))
    assert gain > 0.03
    weight = telling.weights[-2]
    assert 0.7 < weight < 1.4, "effects of other rows are neither believed too much nor too little"


def test_effects_are_exact_in_the_contributions_and_kept_with_the_model() -> None:
    frame, churned = towns()
    made = fitted(frame, churned, apart=True)
    asked = pd.DataFrame({"town": ["town 1", "town 2", "nowhere", None], "spend": [0.0, 1.0, 0.0, 0.0]})
    explained = made.contributions(asked)
    assert np.abs(explained.total() - made.log_odds(asked)).max() < 1e-9
    assert explained.values[0, 0] != explained.values[1, 0]
    assert explained.values[2, 0] == explained.values[3, 0], "a new town is told like an unknown one"
    back = estimator_from_json(json.loads(json.dumps(made.to_json(), allow_nan=False)))
    assert np.array_equal(back.log_odds(asked), made.log_odds(asked))


def test_a_row_never_sees_its_own_outcome() -> None:
    frame, churned = towns()
    base = fit_preparation(frame)
    _, seen = with_level_effects(base, frame, churned)
    other = churned.copy()
    other[0] = not other[0]
    _, again = with_level_effects(base, frame, other)
    changed = np.abs(again["town"] - seen["town"])
    same_town = (frame["town"] == frame["town"].iloc[0]).to_numpy()
    assert changed[0] < 0.2 * changed[same_town].max()


def test_names_and_categories_that_say_nothing_have_no_effect() -> None:
    frame, _ = towns()
    chance = np.random.default_rng(0).random(len(frame)) < 0.3
    names = frame.assign(town=[f"customer {number}" for number in range(len(frame))])
    _, seen = with_level_effects(fit_preparation(names), names, chance)
    assert seen == {}
    made = fitted(frame, chance, apart=True)
    assert np.ptp(made.contributions(frame).values[:, 0]) < 0.5
