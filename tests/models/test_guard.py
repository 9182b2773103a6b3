"""The leak guard: each check warns of what was planted and passes where nothing was."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest

from churn_core.features.definition import known_until
from churn_core.features.registry import FEATURES
from churn_core.models import guard
from churn_core.models.logistic import Logistic
from churn_core.models.periods import Period
from churn_core.models.registry import champion
from churn_core.models.seen import NewestSeen, newest_seen
from churn_core.models.training import train_model
from churn_core.warehouse import Warehouse

from .conftest import fill_snapshots, members

N = 1_200


@pytest.fixture
def table() -> tuple[pd.DataFrame, np.ndarray]:
    made = members(N)
    return made.drop(columns=["customer", "churned"]), (made["churned"] == "Yes").to_numpy()


class Memory:
    """A learner that remembers every row it saw and guesses half for the others: what leaks by chance, it shows."""

    name = "memory"

    def fit(self, frame: pd.DataFrame, churned: np.ndarray, *, seed: int) -> Memory:
        self.known = dict(zip(frame["customer"], churned, strict=True))
        return self

    def log_odds(self, frame: pd.DataFrame) -> np.ndarray:
        return np.array([float(self.known.get(customer, 0.5)) for customer in frame["customer"]])


def test_the_newest_row_seen_is_the_newest_row_there_is_before_the_cutoff(demo_shop: Warehouse) -> None:
    end = known_until(demo_shop)
    assert end is not None
    cutoff = end - timedelta(days=200)
    found = {entry.table: entry for entry in newest_seen(demo_shop, [cutoff], FEATURES)}
    orders = demo_shop.value("SELECT max(order_time) FROM orders WHERE order_time < $moment", {"moment": cutoff})
    answered = demo_shop.value(
        "SELECT max(moment) FROM (SELECT unnest([opened_at, first_reply_at]) AS moment FROM tickets "
        "WHERE opened_at < $moment) WHERE moment < $moment",
        {"moment": cutoff},
    )
    assert found["orders"].newest == orders
    assert found["tickets"].newest == answered
    assert found["orders"].n_features > 20
    assert {"orders", "order_lines", "events", "returns", "tickets", "feedback", "contacts"} <= found.keys()
    assert guard.seen_check(list(found.values())).status == "passed"


def test_a_row_from_the_cutoff_on_is_a_warning() -> None:
    cutoff = datetime(2025, 3, 1)
    late = NewestSeen(table="orders", cutoff=cutoff, newest=cutoff, n_features=3)
    found = guard.seen_check([late])
    assert found.status == "warning"
    assert "orders" in found.meaning


def test_shuffled_outcomes_pass_for_an_honest_learner(table: tuple[pd.DataFrame, np.ndarray]) -> None:
    found = guard.shuffled_check(Logistic, *table, seed=1)
    assert found.status == "passed"
    assert abs(found.details["auc"] - 0.5) < 4 * found.details["error"]


def test_shuffled_outcomes_expose_a_learner_that_sees_what_it_is_judged_on(
    table: tuple[pd.DataFrame, np.ndarray], monkeypatch: pytest.MonkeyPatch
) -> None:
    def leaking(make: Any, frame: Any, churned: Any, *, seed: int, n_times: int = 3) -> tuple[float, float]:
        return 0.61, 0.015

    monkeypatch.setattr(guard, "shuffled_auc", leaking)
    assert guard.shuffled_check(Logistic, *table, seed=1).status == "warning"


def test_planted_columns_are_all_found(table: tuple[pd.DataFrame, np.ndarray]) -> None:
    found = guard.planted_check(*table, None, seed=1)
    assert found.status == "passed"
    assert len(found.details["found"]) == 3


def test_a_blind_detector_is_noticed(table: tuple[pd.DataFrame, np.ndarray], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard, "suspected_leaks", lambda frame, churned: [])
    found = guard.planted_check(*table, None, seed=1)
    assert found.status == "warning"
    assert "planted date of leaving" in found.meaning


def test_a_random_split_flatters_a_learner_that_remembers_customers() -> None:
    draw = np.random.default_rng(0)
    nature = draw.random(600) < 0.5
    periods = [
        Period(
            cutoff=datetime(2025, 1, 1) + timedelta(days=30 * number),
            frame=pd.DataFrame({"customer": np.arange(600), "noise": draw.normal(size=600)}),
            churned=np.where(draw.random(600) < 0.9, nature if number > 2 else draw.random(600) < 0.5, ~nature),
            future_amount=np.zeros(600),
        )
        for number in range(6)
    ]
    found = guard.split_check(periods[:2], periods, periods[-1], Memory, seed=1)  # type: ignore[arg-type]
    assert found.details["gap"] > 0.1
    assert found.details["time"] == pytest.approx(0.5, abs=0.1)
    assert "promised much" in found.meaning
    assert found.status == "for information"


def test_the_suspected_column_is_named(table: tuple[pd.DataFrame, np.ndarray]) -> None:
    frame, churned = table
    closing = np.where(churned, 100.0, np.nan)
    found = guard.too_good_check(frame.assign(closing_fee=closing), churned, 0.97, [])
    assert found.status == "warning"
    assert found.details["suspects"] == ["closing_fee"]


def test_a_model_too_good_to_be_true_names_its_first_input(table: tuple[pd.DataFrame, np.ndarray]) -> None:
    found = guard.too_good_check(*table, 0.995, [{"name": "tenure", "mean_absolute": 2.0}])
    assert found.status == "warning"
    assert "'tenure'" in found.meaning
    assert guard.too_good_check(*table, 0.85, []).status == "passed"


def test_ids_in_the_order_of_the_outcome_are_noticed() -> None:
    draw = np.random.default_rng(0)
    assert guard.order_check(draw.random(800) < 0.3).status == "passed"
    assert guard.order_check(np.arange(800) < 200).status == "warning"


def test_few_customers_leave_checks_undone_with_the_reason() -> None:
    churned = np.arange(40) < 5
    frame = pd.DataFrame({"x": np.arange(40.0)})
    for found in (
        guard.shuffled_check(Logistic, frame, churned, seed=1),
        guard.planted_check(frame, churned, None, seed=1),
        guard.order_check(churned),
    ):
        assert found.status == "not made"
        assert "too few" in found.meaning


def test_training_keeps_the_guard_of_an_order_history(trained_shop: Warehouse) -> None:
    version = champion(trained_shop)
    assert version is not None
    checks = guard.checks_from_json(version.summary["guard"]["checks"])
    assert [check.name for check in checks] == ["seen", "shuffled", "planted", "split", "too_good"]
    assert {check.status for check in checks} == {"passed", "for information"}


def test_training_keeps_the_guard_of_a_table_and_says_what_has_no_meaning(warehouse: Warehouse) -> None:
    made = members(500)
    made["cancelled_on"] = np.where(made["churned"] == "Yes", "2025-03", None)
    fill_snapshots(warehouse, made)
    version = train_model(warehouse)
    checks = {check.name: check for check in guard.checks_from_json(version.summary["guard"]["checks"])}
    assert checks["seen"].status == checks["split"].status == "not made"
    assert "no times" in checks["seen"].meaning
    assert checks["planted"].status == "passed"
    assert checks["too_good"].status == "warning"
    assert "cancelled_on" in checks["too_good"].meaning
    assert any("cancelled_on" in note for note in version.summary["notes"])
