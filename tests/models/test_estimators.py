"""Every estimator: contributions add up, what is stored answers the same, a missing column is refused."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pandas as pd
import pytest

from churn_core.errors import InputError, NotEnoughData, NotFound
from churn_core.features.definition import known_until
from churn_core.models.blend import EXPECTED, SEASON, Blend, Stacking
from churn_core.models.estimators import ESTIMATORS, Estimator, estimator_from_json, make_estimator, sigmoid
from churn_core.models.periods import Period, build_periods, fit_rhythm, stacked, usable_cutoffs
from churn_core.models.preparation import Preparation, design, fit_preparation, tree_matrix
from churn_core.models.shapley import shapley_values
from churn_core.warehouse import Warehouse

from .conftest import DEFINITION

NEW = ("decision_tree", "random_forest", "linear_svm", "neural_network")


@pytest.fixture(scope="module")
def periods(demo_shop: Warehouse) -> list[Period]:
    end = known_until(demo_shop)
    assert end is not None
    return build_periods(demo_shop, DEFINITION, usable_cutoffs(demo_shop, DEFINITION, end)[-3:])


@pytest.fixture(scope="module")
def fitted(demo_shop: Warehouse, periods: list[Period]) -> dict[str, Estimator]:
    frame, churned, _ = stacked(periods)
    rhythm = fit_rhythm(demo_shop, DEFINITION, periods[-1].cutoff)
    inputs = frame.assign(**{EXPECTED: rhythm.expected(frame)})
    made: dict[str, Estimator] = {}
    for name in ("recency", "lateness", "bgnbd", "logistic", "lightgbm", "lightgbm_large", *NEW):
        made[name] = make_estimator(name).fit(inputs, churned, seed=1)
    parts: dict[str, Any] = {
        "members": [made["bgnbd"], made["logistic"], made["lightgbm"]],
        "slopes": [0.3, 0.4, 0.5],
        "level": -0.2,
        "season": 0.15,
        "rhythm": rhythm,
    }
    made["blend"], made["stacking"] = Blend(**parts), Stacking(**parts)
    return made


@pytest.mark.parametrize("name", sorted(ESTIMATORS))
def test_contributions_add_up_to_the_log_odds(name: str, fitted: dict[str, Estimator], periods: list[Period]) -> None:
    model = fitted[name]
    frame = periods[-1].frame.iloc[:200]
    inputs = frame if name in ("blend", "stacking") else frame.assign(**{EXPECTED: 0.7})
    made = model.contributions(inputs)
    assert made.feature_names == model.feature_names
    assert made.values.shape == (len(frame), len(model.feature_names))
    assert np.abs(made.total() - model.log_odds(inputs)).max() < 1e-6


@pytest.mark.parametrize("name", sorted(ESTIMATORS))
def test_what_is_stored_answers_the_same(name: str, fitted: dict[str, Estimator], periods: list[Period]) -> None:
    frame = periods[-1].frame.iloc[:50].assign(**{EXPECTED: 0.7})
    stored = json.loads(json.dumps(fitted[name].to_json(), allow_nan=False))
    again = estimator_from_json(stored)
    assert (again.log_odds(frame) == fitted[name].log_odds(frame)).all()
    assert (again.contributions(frame).values == fitted[name].contributions(frame).values).all()


@pytest.mark.parametrize("name", ["bgnbd", "lateness", "lightgbm", "logistic", "recency", *NEW])
def test_a_missing_column_is_refused(name: str, fitted: dict[str, Estimator], periods: list[Period]) -> None:
    model = fitted[name]
    frame = periods[-1].frame.assign(**{EXPECTED: 0.7}).drop(columns=[model.feature_names[0]])
    with pytest.raises(InputError, match="trained with"):
        model.log_odds(frame)


def test_the_season_is_the_same_for_everybody(fitted: dict[str, Estimator], periods: list[Period]) -> None:
    made = fitted["blend"].contributions(periods[-1].frame)
    assert (made.values[:, made.feature_names.index(SEASON)] == 0.15).all()


def test_unknown_estimators_are_named() -> None:
    with pytest.raises(NotFound, match="did you mean 'logistic'"):
        make_estimator("logistc")


def _mixed(n: int = 400, seed: int = 0) -> tuple[pd.DataFrame, np.ndarray]:
    draw = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "amount": np.where(draw.random(n) < 0.2, np.nan, draw.lognormal(3, 1, n)),
            "kind": draw.choice(["a", "b", "c", None], n),
            "constant": 1.0,
        }
    )
    churned = draw.random(n) < sigmoid(np.nan_to_num(np.log(frame["amount"]) - 3) + (frame["kind"] == "a"))
    return frame, churned


def test_preparation_is_recorded_and_repeats_itself() -> None:
    frame, _ = _mixed()
    made = fit_preparation(frame, n_knots=2)
    again = Preparation.from_json(json.loads(json.dumps(made.to_json())))
    assert again == made
    assert made.names == ("amount", "kind")
    assert made.columns[0].has_missing
    assert made.columns[0].is_log
    assert (design(again, frame)[0] == design(made, frame)[0]).all()


def test_new_categories_and_missing_values_are_answered() -> None:
    frame, churned = _mixed()
    strange = pd.DataFrame({"amount": [np.nan, np.inf, -5.0], "kind": ["never seen", None, "a"], "constant": 1.0})
    for name in ("logistic", "lightgbm"):
        model = make_estimator(name).fit(frame, churned, seed=0)
        assert np.isfinite(model.log_odds(strange)).all()
        assert model.contributions(strange).total() == pytest.approx(model.log_odds(strange), abs=1e-6)


def test_trees_see_missing_as_missing() -> None:
    frame, _ = _mixed()
    assert np.isnan(tree_matrix(fit_preparation(frame), frame)[:, 0]).sum() == frame["amount"].isna().sum()


def test_constant_columns_alone_teach_nothing() -> None:
    with pytest.raises(NotEnoughData, match="constant"):
        fit_preparation(pd.DataFrame({"a": [1.0, 1.0], "b": ["x", "x"]}))


def test_shapley_values_are_fair() -> None:
    """Symmetric inputs get the same, an input that does nothing gets nothing."""
    base, values = shapley_values(
        lambda z: z[:, 0] * z[:, 1] + z[:, 0] + z[:, 1], np.array([[2.0, 2.0, 9.0]]), np.ones(3)
    )
    assert base == 3.0
    assert values[0, 0] == pytest.approx(values[0, 1])
    assert values[0, 2] == pytest.approx(0.0)
    assert base + values.sum() == pytest.approx(8.0)


def test_a_blend_fitted_across_folds_is_calibrated() -> None:
    frame, churned = _mixed(1500, seed=2)
    blend = Blend(recipe={"logistic": {}, "lightgbm": {}}).fit(frame[:1000], churned[:1000], seed=1)
    risk = sigmoid(blend.log_odds(frame[1000:]))
    assert abs(risk.mean() - churned[1000:].mean()) < 0.06
    assert blend.contributions(frame).total() == pytest.approx(blend.log_odds(frame), abs=1e-6)


def test_a_blend_needs_both_outcomes() -> None:
    frame, churned = _mixed()
    with pytest.raises(NotEnoughData, match="same outcome"):
        Blend().fit(frame, np.ones_like(churned), seed=1)
