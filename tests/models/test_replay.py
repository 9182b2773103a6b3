"""The past played again: what was known then decides the risks, what came after only whether they were right."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from churn_core.customers.proof import proof, replay_workspace
from churn_core.customers.tiers import CapacityRule, policy_with, save, save_policy
from churn_core.errors import InputError, JobCancelled, NotEnoughData, NotFound
from churn_core.features.build import build_features
from churn_core.features.definition import known_until, save_definition
from churn_core.features.labels import build_labels
from churn_core.intake.derived import refresh_derived
from churn_core.intake.simulate import ShopPlan, load_shop
from churn_core.models.replay import Replay, latest_replay, replayable, replayed_scores, too_short
from churn_core.models.replay_scores import Scored
from churn_core.models.training import train_model
from churn_core.timeline import ChurnDefinition
from churn_core.warehouse import Warehouse

from .conftest import DEFINITION, fill_orders, fill_snapshots, members

HIGH_FROM = 0.6


@pytest.fixture(scope="module")
def replayed_with(
    trained_file: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Warehouse, Replay, list[Scored]]]:
    """The trained shop with its last five cutoffs replayed, and the scores behind it; to read only."""
    opened = Warehouse.open(shutil.copy(trained_file, tmp_path_factory.mktemp("replayed") / "shop.duckdb"))
    save_policy(opened, high_from=HIGH_FROM, medium_from=0.3)
    scored: list[Scored] = []

    def overheard(*given: Any, **named: Any) -> list[Scored]:
        scored.extend(replayed_scores(*given, **named))
        return scored

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("churn_core.models.replay.replayed_scores", overheard)
        made = replay_workspace(opened, n_cutoffs=5)
    yield opened, made, scored
    opened.close()


@pytest.fixture
def replayed(replayed_with: tuple[Warehouse, Replay, list[Scored]]) -> tuple[Warehouse, Replay]:
    return replayed_with[:2]


def test_cutoffs_lie_thirty_days_apart_and_end_where_the_outcome_is_known(replayed: tuple[Warehouse, Replay]) -> None:
    warehouse, made = replayed
    end = known_until(warehouse)
    assert end is not None
    assert [outcome.as_of for outcome in made.cutoffs] == [
        end - timedelta(days=90 + 30 * steps) for steps in (4, 3, 2, 1, 0)
    ]
    assert {outcome.kind for outcome in made.cutoffs} == {"replayed"}


def test_everybody_eligible_is_judged_by_the_labels(replayed: tuple[Warehouse, Replay]) -> None:
    warehouse, made = replayed
    for outcome in made.cutoffs:
        labels = build_labels(warehouse, outcome.as_of, DEFINITION)["churned"]
        assert outcome.everybody.n == len(labels)
        assert outcome.everybody.happened == pytest.approx(labels.mean())


def test_lead_times_agree_with_counting_customer_by_customer(
    replayed_with: tuple[Warehouse, Replay, list[Scored]],
) -> None:
    warehouse, made, scored = replayed_with
    _, definition = replayable(warehouse)
    assert len(scored) == 5
    seen: dict[tuple[str, float], list[tuple[float, bool, bool]]] = {}
    for entry in scored:
        labels = build_labels(warehouse, entry.cutoff, definition)["churned"]
        silent = build_features(warehouse, entry.cutoff, definition, features=["days_since_last_order"]).iloc[:, 0]
        risks = entry.table.to_pandas().set_index("customer_id")["risk"]
        for customer, risk in risks.items():
            last_order = (entry.cutoff - timedelta(days=float(silent[customer]))).timestamp()
            seen.setdefault((customer, last_order), []).append(
                (float(silent[customer]), bool(risk >= HIGH_FROM), bool(labels[customer]))
            )
    first, last = made.cutoffs[0].as_of - timedelta(days=30), made.cutoffs[-1].as_of - timedelta(days=90)
    left = [views for (_, when), views in seen.items() if first.timestamp() <= when < last.timestamp() and views[0][2]]
    warned = [min((days for days, is_high, _ in views if is_high and days <= 90), default=None) for views in left]
    assert made.leads is not None
    assert made.leads.n == len(left) > 20
    counted = pd.Series([days for days in warned if days is not None]).value_counts().to_dict()
    assert made.leads.silent_days == counted


def test_what_came_after_a_cutoff_changes_outcomes_and_no_risk(trained_copy: Warehouse) -> None:
    end = known_until(trained_copy)
    assert end is not None
    version, definition = replayable(trained_copy)
    until = end - timedelta(days=60)
    asked = {"n_cutoffs": 2, "until": until, "most_customers": 300}
    before = replayed_scores(trained_copy, version, definition, **asked)
    cutoff = before[0].cutoff
    customers = before[0].table["customer_id"].to_pylist()
    _everybody_orders(trained_copy, customers, cutoff + timedelta(days=1))
    after = replayed_scores(trained_copy, version, definition, **asked)
    assert before[0].table.equals(after[0].table)
    assert not before[1].table.equals(after[1].table)
    assert not build_labels(trained_copy, cutoff, definition)["churned"].loc[customers].any()


def test_nothing_is_left_in_the_scores(replayed: tuple[Warehouse, Replay]) -> None:
    warehouse, _ = replayed
    assert warehouse.value("SELECT count(*) FROM scores") == warehouse.value("SELECT n_customers FROM score_runs")


def test_a_replay_is_kept_as_it_was_made(trained_copy: Warehouse) -> None:
    made = replay_workspace(trained_copy, n_cutoffs=2, most_customers=300)
    assert latest_replay(trained_copy) == made
    assert made.n_customers == 300
    assert all(outcome.everybody.n == 300 for outcome in made.cutoffs)


def test_a_cancelled_replay_leaves_nothing(trained_copy: Warehouse) -> None:
    def stop(share: float, message: str) -> None:
        if share >= 0.95:
            raise JobCancelled("cancelled; nothing was changed.")

    with pytest.raises(JobCancelled):
        replay_workspace(trained_copy, stop, n_cutoffs=1, most_customers=200)
    assert latest_replay(trained_copy) is None
    assert trained_copy.value("SELECT count(*) FROM scores WHERE run_id < 0") == 0


def test_it_says_what_changed_since(trained_copy: Warehouse) -> None:
    replay_workspace(trained_copy, n_cutoffs=1, most_customers=200)
    assert proof(trained_copy).outdated == ()
    save_policy(trained_copy, high_from=0.55, medium_from=0.25)
    assert proof(trained_copy).outdated == ("the tiers were drawn anew",)
    with trained_copy.transaction() as tx:
        tx.bump_data_version()
    assert proof(trained_copy).outdated == ("data was imported", "the tiers were drawn anew")


def test_tiers_by_capacity_hold_as_many_as_can_be_called(trained_copy: Warehouse) -> None:
    save(trained_copy, policy_with(trained_copy, capacity=CapacityRule(per_day=10, n_days=5)))
    made = replay_workspace(trained_copy, n_cutoffs=1, most_customers=300)
    outcome = made.cutoffs[0]
    assert (outcome.tiers["high"].n, outcome.tiers["medium"].n) == (50, 50)
    # Places go by value at risk, so the tier is the list of that length.
    assert outcome.tops[50].n_churned == outcome.tiers["high"].n_churned


def test_a_small_shop_is_replayed_by_lateness(warehouse: Warehouse) -> None:
    fill_orders(warehouse, 60)
    save_definition(warehouse, ChurnDefinition(horizon_days=60, activity_days=180))
    assert train_model(warehouse).estimator == "lateness"
    made = replay_workspace(warehouse, n_cutoffs=3)
    assert {outcome.estimator for outcome in made.cutoffs} == {"lateness"}
    for outcome in made.cutoffs:
        labels = build_labels(warehouse, outcome.as_of, made.cutoffs[0].definition)["churned"]
        assert (outcome.everybody.n, outcome.everybody.n_churned) == (len(labels), labels.sum())


def test_too_short_a_history_says_when_it_will_do(warehouse: Warehouse) -> None:
    definition = ChurnDefinition(horizon_days=60, activity_days=180)
    fill_orders(warehouse, 60, days=200)
    first = warehouse.value("SELECT min(order_time) FROM orders")
    assert too_short(warehouse, definition) == ""
    with warehouse.transaction() as tx:
        tx.execute("DELETE FROM orders WHERE order_time > $until", {"until": first + timedelta(days=179)})
    said = too_short(warehouse, definition)
    assert f"possible once they reach until {first + timedelta(days=179):%-d %b %Y}" in said


def test_without_a_model_and_for_a_labelled_table_it_says_why(warehouse: Warehouse) -> None:
    with pytest.raises(NotFound, match="train one first"):
        replayable(warehouse)
    fill_snapshots(warehouse, members())
    train_model(warehouse)
    with pytest.raises(InputError, match="says who left once"):
        replayable(warehouse)
    assert proof(warehouse).lived is None


def test_a_replay_of_too_short_a_history_is_refused(trained_copy: Warehouse) -> None:
    end = known_until(trained_copy)
    assert end is not None
    with trained_copy.transaction() as tx:
        tx.execute("DELETE FROM orders WHERE order_time < $since", {"since": end - timedelta(days=200)})
    with pytest.raises(NotEnoughData, match="will be possible once"):
        replay_workspace(trained_copy)


@pytest.mark.slow
def test_in_a_shop_of_known_truth_the_warned_really_left(tmp_path: Path) -> None:
    warehouse = Warehouse.open(None)
    load_shop(warehouse, ShopPlan(n_customers=12_000, seed=21), truth_path=tmp_path / "truth.parquet")
    definition = save_definition(warehouse, ChurnDefinition(horizon_days=90, activity_days=120))
    version = train_model(warehouse)
    made = replay_workspace(warehouse)
    truth = pd.read_parquet(tmp_path / "truth.parquet").set_index("customer_id")["left_at"]

    warned = made.warned
    assert warned.predicted == pytest.approx(warned.happened, abs=0.05)
    judged = [outcome.tiers[tier] for outcome in made.cutoffs for tier in outcome.tiers]
    near = [abs((group.predicted or 0) - (group.happened or 0)) < 0.06 for group in judged]
    assert np.mean(near) > 0.8
    for outcome in made.cutoffs:
        shares = [outcome.tiers[tier].happened for tier in ("high", "medium", "low")]
        assert shares == sorted(shares, reverse=True)

    for entry in replayed_scores(warehouse, version, definition, n_cutoffs=2):
        risks = entry.table.to_pandas().set_index("customer_id")["risk"]
        gone = truth.reindex(risks.index) < entry.cutoff + timedelta(days=definition.span_days)
        assert gone[risks >= HIGH_FROM].mean() > 2 * gone[risks < HIGH_FROM].mean()
    warehouse.close()


def _everybody_orders(warehouse: Warehouse, customers: list[str], when: datetime) -> None:
    """One more order of each of these customers."""
    frame = pd.DataFrame(
        {
            "customer_id": customers,
            "order_id": [f"more/{customer}" for customer in customers],
            "order_time": pd.Series([when] * len(customers)).astype("datetime64[us]"),
            "amount": 10.0,
        }
    )
    with warehouse.transaction() as tx:
        tx.append("orders", frame)
        refresh_derived(tx)
        tx.bump_data_version()
