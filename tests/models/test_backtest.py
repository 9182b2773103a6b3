"""The judge of order histories."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import pairwise

import numpy as np
import pytest

from churn_core.errors import NotEnoughData
from churn_core.features.definition import known_until
from churn_core.models.backtest import Backtest, backtest_orders, spaced
from churn_core.models.calibration import fit_weights, level_of
from churn_core.models.capacity import at_share
from churn_core.models.estimators import sigmoid
from churn_core.models.evaluation import evaluate
from churn_core.models.periods import order_ratio
from churn_core.models.several import evaluate_cutoffs
from churn_core.timeline import ChurnDefinition
from churn_core.warehouse import Warehouse

from .conftest import DEFINITION, fill_orders, plant_orders


@pytest.fixture(scope="module")
def judged(demo_shop: Warehouse) -> Backtest:
    end = known_until(demo_shop)
    assert end is not None
    return backtest_orders(demo_shop, DEFINITION, end - timedelta(days=DEFINITION.span_days), step_days=60)


def test_every_training_window_ends_before_the_cutoff(judged: Backtest) -> None:
    assert judged.cutoff is not None
    assert judged.training_cutoffs
    assert all(DEFINITION.outcome_known_at(moment) <= judged.cutoff for moment in judged.training_cutoffs)


def test_learnt_models_beat_recency(judged: Backtest) -> None:
    loss = {name: found.log_loss.value for name, found in judged.evaluations.items()}
    assert set(loss) == {"recency", "bgnbd", "logistic", "lightgbm", "stacking", "blend"}
    assert loss["blend"] < loss["recency"] - 0.02
    assert judged.chosen != "recency"


def test_the_json_has_what_the_command_line_prints(judged: Backtest) -> None:
    printed = judged.to_dict()
    assert set(printed) >= {"n", "churn_rate", "mean_predicted", "models", "chosen"}
    assert set(printed["models"]["blend"]) == {"auc", "pr_auc", "log_loss", "brier", "precision_top10"}
    assert printed["n"] == judged.evaluation.n > 500
    assert abs(printed["mean_predicted"] - printed["churn_rate"]) < 0.1


def test_the_same_data_gives_the_same_numbers(demo_shop: Warehouse, judged: Backtest) -> None:
    assert judged.cutoff is not None
    again = backtest_orders(demo_shop, DEFINITION, judged.cutoff, step_days=60)
    assert again.to_dict() == judged.to_dict()


def test_a_cutoff_without_a_past_is_refused(demo_shop: Warehouse) -> None:
    first = demo_shop.value("SELECT min(order_time) FROM orders")
    with pytest.raises(NotEnoughData, match="no outcome was known before"):
        backtest_orders(demo_shop, DEFINITION, first + timedelta(days=100))


def test_a_cutoff_before_all_orders_is_refused(demo_shop: Warehouse) -> None:
    with pytest.raises(NotEnoughData, match="no customer is eligible"):
        backtest_orders(demo_shop, DEFINITION, datetime(2001, 1, 1))


def test_a_handful_of_customers_gets_a_sentence(warehouse: Warehouse) -> None:
    fill_orders(warehouse, 10)
    end = known_until(warehouse)
    assert end is not None
    definition = ChurnDefinition(horizon_days=60)
    found = backtest_orders(warehouse, definition, end - timedelta(days=60))
    assert found.evaluation.n <= 10
    assert found.chosen == "bgnbd"


def test_one_outcome_only_gets_a_sentence(warehouse: Warehouse) -> None:
    fill_orders(warehouse, 40, gap=1e6)
    end = known_until(warehouse)
    assert end is not None
    with pytest.raises(NotEnoughData, match=r"all outcomes are the same|bought twice"):
        backtest_orders(warehouse, ChurnDefinition(horizon_days=30), end - timedelta(days=30))


def test_weights_are_learnt_at_spaced_cutoffs() -> None:
    cutoffs = [datetime(2025, 1, 1) + timedelta(days=30 * number) for number in range(12)]
    found = spaced(cutoffs)
    assert found[-1] == cutoffs[-1]
    assert len(found) == 4
    assert all((later - earlier).days == 60 for earlier, later in pairwise(found))


def test_weights_prefer_the_member_that_knows() -> None:
    draw = np.random.default_rng(0)
    truth = draw.normal(0, 1.5, 4_000)
    churned = draw.random(4_000) < sigmoid(truth)
    period = np.repeat([0, 1], 2_000)
    found = fit_weights(np.column_stack([truth + 0.5 * period, draw.normal(size=4_000)]), churned, period)
    assert found.slopes[0] == pytest.approx(1.0, abs=0.1)
    assert found.slopes[1] < 0.08
    assert found.levels[1] == pytest.approx(-0.5, abs=0.2)


def test_the_level_meets_the_rate() -> None:
    draw = np.random.default_rng(0)
    log_odds = draw.normal(0, 2, 500)
    churned = draw.random(500) < 0.2
    assert sigmoid(log_odds + level_of(log_odds, churned)).mean() == pytest.approx(churned.mean(), abs=1e-9)


def test_a_horizon_of_a_year_does_not_look_into_the_future(warehouse: Warehouse) -> None:
    """Orders of new customers from the cutoff on are in last year's window by a day; they must change nothing."""
    fill_orders(warehouse, 400, days=1_500, gap=60.0)
    definition = ChurnDefinition(horizon_days=365)
    cutoff = datetime(2025, 1, 1) - timedelta(days=370)
    a_year_ago = cutoff - timedelta(days=364)
    assert order_ratio(warehouse, definition, a_year_ago, known_at=cutoff) is None
    earlier = a_year_ago - timedelta(days=30)
    before = order_ratio(warehouse, definition, earlier, known_at=cutoff)
    assert before is not None
    plant_orders(warehouse, 1_500, cutoff)
    assert order_ratio(warehouse, definition, a_year_ago, known_at=cutoff) is None
    assert order_ratio(warehouse, definition, earlier, known_at=cutoff) == before


def test_planted_future_orders_change_no_answer_of_a_backtest(warehouse: Warehouse) -> None:
    fill_orders(warehouse, 400, days=1_500, gap=60.0)
    definition = ChurnDefinition(horizon_days=365)
    cutoff = datetime(2025, 1, 1) - timedelta(days=370)
    before = backtest_orders(warehouse, definition, cutoff, step_days=120)
    plant_orders(warehouse, 1_500, cutoff)
    after = backtest_orders(warehouse, definition, cutoff, step_days=120)
    assert after.to_dict() == before.to_dict()


def test_the_candidate_is_chosen_on_cutoffs_left_out(judged: Backtest) -> None:
    losses = judged.details["unseen_log_loss"]
    assert judged.chosen == min(losses, key=losses.get)
    assert set(losses) == set(judged.evaluations)


def test_ranking_over_several_cutoffs_is_what_one_list_gives() -> None:
    draw = np.random.default_rng(1)
    parts = []
    for level in (-2.0, 0.0, 2.0):
        log_odds = draw.normal(level, 1.0, 3_000)
        parts.append((draw.random(3_000) < sigmoid(log_odds), sigmoid(log_odds)))
    single = [evaluate(*part) for part in parts]
    found = evaluate_cutoffs(parts)
    values = [part.auc.value for part in single]
    assert min(values) < found.auc.value < max(values)
    assert evaluate(np.concatenate([p[0] for p in parts]), np.concatenate([p[1] for p in parts])).auc.value > max(
        values
    )
    assert found.auc.low < found.auc.value < found.auc.high
    top = next(row for row in found.capacity if row.share == 0.1)
    assert top.n_caught == sum(row.n_caught for part in single for row in part.capacity if row.share == 0.1)
    assert found.precision_top10.value == pytest.approx(top.precision)
    assert found.log_loss.value == pytest.approx(np.mean([part.log_loss.value for part in single]))
    assert np.trapezoid([y for _, y in found.roc], [x for x, _ in found.roc]) == pytest.approx(
        found.auc.value, abs=0.01
    )
    assert at_share(found, 0.1).n_caught == pytest.approx(top.n_caught, abs=3)
