"""The finished campaign of the demo is the simulated one, as the shop could have drawn it, and finds what is true."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pandas as pd
import pytest

from churn_core.campaigns.assignment import bucket
from churn_core.campaigns.demo_campaigns import keep_finished, scores_then
from churn_core.campaigns.holdout import current_holdout, refresh_holdout
from churn_core.campaigns.plan import Plan, problems
from churn_core.campaigns.readout import campaign_readout
from churn_core.campaigns.start import start_of
from churn_core.campaigns.store import Campaign, campaign
from churn_core.features.definition import save_definition
from churn_core.intake.simulate import ShopPlan, load_shop
from churn_core.timeline import ChurnDefinition
from churn_core.warehouse import Warehouse

SHOP = ShopPlan(n_customers=9_000, n_years=2, seed=5)


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Warehouse, Campaign, pd.DataFrame]]:
    folder: Path = tmp_path_factory.mktemp("finished")
    opened = Warehouse.open(None, folder=folder)
    load_shop(opened, SHOP, truth_path=folder / "truth.parquet")
    save_definition(opened, ChurnDefinition(horizon_days=90, activity_days=180))
    kept = keep_finished(opened, SHOP, scores_then(opened, start_of(SHOP.campaign_date)))
    yield opened, kept, pd.read_parquet(folder / "truth.parquet").set_index("customer_id")
    opened.close()


Finished = tuple[Warehouse, Campaign, pd.DataFrame]


def test_the_arms_follow_from_what_the_shop_knew_and_are_those_that_were_lived(finished: Finished) -> None:
    warehouse, kept, truth = finished
    drawn = warehouse.frame("SELECT customer_id, arm FROM assignments").set_index("customer_id")["arm"]
    lived = truth["campaign_arm"].dropna()
    assert len(drawn) > 1_000
    pd.testing.assert_series_equal(drawn.sort_index(), lived.sort_index(), check_names=False)
    assert all((arm == "control") == (bucket(kept.campaign_id, one) < 0.5) for one, arm in drawn.items())


def test_the_plan_is_whole_and_its_counts_add_up(finished: Finished) -> None:
    warehouse, kept, _ = finished
    again = campaign(warehouse, kept.campaign_id)
    assert problems(again.plan) == {}
    assert Plan.from_json(again.plan.to_json()) == again.plan
    assert again.plan.sha256 == again.plan_sha256
    assert again.plan_sha256[:12] in again.plan_text
    left = again.counts["audience"]
    for step in again.counts["exclusions"]:
        left -= step["n_excluded"]
        assert left == step["n_left"]
    assert left == again.counts["n_left"] == sum(again.counts["arms"].values())
    assert {step["rule"] for step in again.counts["exclusions"] if step["n_excluded"]} == {"holdout", "no_consent"}


def test_it_was_locked_before_anything_of_it_could_be_known(finished: Finished) -> None:
    warehouse, kept, _ = finished
    assert kept.locked_at is not None
    assert kept.starts_at is not None
    assert kept.locked_at < kept.starts_at == start_of(SHOP.campaign_date)
    assert kept.ends_at == kept.starts_at + timedelta(days=kept.plan.goal.window_days)
    latest = warehouse.value(
        "SELECT max(last) FROM (SELECT max(order_time) FILTER (order_time < $start) AS last FROM orders "
        "WHERE customer_id IN (SELECT customer_id FROM assignments) GROUP BY customer_id)",
        {"start": kept.starts_at},
    )
    assert latest < kept.starts_at - timedelta(days=29)


def test_the_readout_finds_the_planted_effect(finished: Finished) -> None:
    warehouse, kept, truth = finished
    read = campaign_readout(warehouse, kept.campaign_id)
    met = truth[truth["campaign_arm"].notna()]
    planted = ((met["orders_with_offer"] > 0).astype(float) - (met["orders_without_offer"] > 0)).mean()
    difference = next(result for result in read.results if result.is_primary).comparison.difference
    assert planted > 0.04
    assert difference.low is not None
    assert difference.high is not None
    assert difference.low < planted < difference.high
    assert [check.level for check in read.health] == ["ok"] * len(read.health)
    unsubscribed = next(rail for rail in read.guardrails if rail.outcome == "unsubscribed")
    assert unsubscribed.comparison.difference.value is not None
    assert unsubscribed.comparison.difference.value > 0, "the offer puts some customers off"


def test_tiers_are_those_of_the_day_before_it_began(finished: Finished) -> None:
    warehouse, _, truth = finished
    drawn = warehouse.frame("SELECT customer_id, tier, risk FROM assignments").set_index("customer_id").join(truth)
    assert set(drawn["tier"].dropna()) == {"high", "medium", "low"}
    scored = drawn.dropna(subset=["risk"])
    gone = scored["had_left_before_campaign"].astype(bool)
    assert scored.loc[gone, "risk"].mean() > scored.loc[~gone, "risk"].mean() + 0.05


def test_the_holdout_is_the_simulated_one_and_grows_with_the_shop(finished: Finished) -> None:
    warehouse, kept, _ = finished
    running = current_holdout(warehouse)
    assert running is not None
    assert running.share == SHOP.holdout
    assert running.started_at == start_of(SHOP.holdout_date)
    rows = warehouse.rows("SELECT customer_id, is_held_out FROM holdout_members")
    assert all(is_held_out == (bucket("holdout-1", one) < running.share) for one, is_held_out in rows)
    held_out = {one for one, is_held_out in rows if is_held_out}
    drawn = {
        row[0]
        for row in warehouse.rows(
            "SELECT customer_id FROM assignments WHERE campaign_id = $id", {"id": kept.campaign_id}
        )
    }
    assert len(held_out) >= 1_000
    assert not held_out & drawn
    assert running.n_waiting > 0, "customers who came after the campaign are drawn before the next one"
    assert running.n_customers + running.n_waiting == SHOP.n_customers


def test_a_small_shop_has_the_campaign_without_a_holdout(warehouse: Warehouse, tmp_path: Path) -> None:
    small = ShopPlan(n_customers=600, n_years=1)
    load_shop(warehouse, small, truth_path=tmp_path / "truth.parquet")
    kept = keep_finished(warehouse, small)
    assert current_holdout(warehouse) is None
    assert refresh_holdout(warehouse) == 0
    assert kept.counts["n_left"] > 20
    assert warehouse.rows("SELECT DISTINCT tier FROM assignments") == [(None,)]
