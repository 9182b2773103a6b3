"""A finished campaign of the workspace: what is learnt from it, what is not, and what lists make of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from churn_core.campaigns.measure import measure
from churn_core.campaigns.plan import Arm, Goal
from churn_core.campaigns.store import Campaign, campaign, campaigns, create_draft
from churn_core.campaigns.uplift import (
    deactivate_uplift,
    latest_uplift,
    learn_from_campaign,
    studied_campaigns,
)
from churn_core.campaigns.uplift_data import VALUES, CampaignMoney, campaign_trial
from churn_core.campaigns.uplift_net import net_state, net_value_of, net_value_where
from churn_core.campaigns.uplift_proposal import begin_proposed, proposed_campaign
from churn_core.campaigns.uplift_scores import net_values, refresh_net_values
from churn_core.campaigns.uplift_store import load_uplift
from churn_core.customers.at_risk import count_and_totals, page
from churn_core.customers.selection import CustomerFilter, described
from churn_core.customers.targets import write_targets
from churn_core.errors import InputError, NotEnoughData
from churn_core.features.definition import save_definition
from churn_core.intake.derived import refresh_derived
from churn_core.stats.moments import JointMoments, Rate
from churn_core.warehouse import Warehouse
from tests.campaigns.conftest import START, MakeCampaign, make_campaign
from tests.campaigns.uplift_shop import DEFINITION, ONE, PLAN, N, fill, score


@pytest.fixture(scope="module")
def taught(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Warehouse]:
    """The shop after learning; read it only."""
    opened = Warehouse.open(None, folder=tmp_path_factory.mktemp("taught"))
    fill(opened)
    learn_from_campaign(opened, "camp-spring", learners=ONE)
    yield opened
    opened.close()


@pytest.fixture
def shop(warehouse: Warehouse) -> Warehouse:
    """The shop before learning."""
    fill(warehouse)
    return warehouse


def test_the_planted_difference_is_found_and_kept(taught: Warehouse) -> None:
    found = latest_uplift(taught)
    assert found is not None
    assert found.is_active
    assert found.has_evidence
    assert (found.n_assigned, found.n_incomplete, found.n_unseen) == (N, 0, 0)
    model = load_uplift(taught, found.uplift_version)
    rows = campaign_trial(taught, campaign(taught, "camp-spring")).trial
    is_bargain = rows.frame["discount_rate"].to_numpy() > 0
    uplift = model.uplift(rows.frame)
    assert uplift[is_bargain].mean() == pytest.approx(0.35, abs=0.12)
    assert uplift[~is_bargain].mean() == pytest.approx(-0.15, abs=0.12)
    shares = {entry["response"]: entry["share"] for entry in found.study["responses"]}
    assert shares["persuadable"] == pytest.approx(0.5, abs=0.1)
    assert shares["do not disturb"] == pytest.approx(0.5, abs=0.15)


def test_lists_sort_and_filter_by_the_net_value_that_the_campaign_taught(taught: Warehouse, tmp_path: Path) -> None:
    by_net = CustomerFilter(sort="net_value")
    first, last = (page(taught, by_net, offset=offset, limit=400) for offset in (0, N - 400))
    assert first["net_value"].is_monotonic_decreasing
    assert first["net_value"].min() > 0 > last["net_value"].max()
    positive = CustomerFilter(min_net_value=0.01)
    n_positive = count_and_totals(taught, positive).n_customers
    worth = net_value_where(taught, CustomerFilter())
    assert 0 < n_positive < N
    assert n_positive == pytest.approx(worth.n_positive, abs=2)
    assert (page(taught, positive, limit=1_000)["net_value"] >= 0.01).all()
    assert "net value of contacting from 0.01" in described(positive)
    export = write_targets(taught, by_net, tmp_path / "list.csv")
    ids = pd.read_csv(export.path, dtype=str)["customer_id"].tolist()
    assert ids[:400] == first["customer_id"].tolist()


def test_the_audience_of_a_plan_is_worth_the_sum_of_its_customers(taught: Warehouse) -> None:
    draft = next(iter(campaigns(taught)))
    stored = taught.frame("SELECT net_value FROM uplift_scores")["net_value"]
    found = net_value_of(taught, replace(draft, plan=replace(PLAN, audience=CustomerFilter())))
    assert (found.n_customers, found.n_known) == (N, N)
    assert found.total == pytest.approx(stored.sum())
    assert found.n_positive == int((stored > 0).sum())
    assert found.total_positive == pytest.approx(stored[stored > 0].sum())
    assert found.reason == ""


def test_net_value_is_margin_less_contact_and_offer_times_the_chance_to_order() -> None:
    money = CampaignMoney(
        outcome="retained",
        margin_rate=0.5,
        value_scale=0.8,
        is_scale_measured=True,
        discount_per_buyer=2.0,
        share_ordering=0.4,
        margin_per_order=11.0,
        contact_cost=0.5,
        offer_cost=1.0,
    )
    uplift, without, value = np.array([0.1, 0.0]), np.array([0.3, 0.95]), np.array([50.0, 50.0])
    by_hand = [0.1 * 0.8 * 50 - 0.5 - 3 * 0.4, 0.0 - 0.5 - 3 * 0.95]
    assert net_values(money, uplift, without, value) == pytest.approx(by_hand)
    assert net_values(replace(money, outcome="margin"), uplift, without, value) == pytest.approx(
        [0.1 - 0.5 - 0.4, -0.5 - 0.4]
    )
    assert net_values(replace(money, outcome="spend"), uplift, without, value) == pytest.approx(
        [0.05 - 0.5 - 0.4 * 2.0, -0.5 - 0.4 * 2.0]
    )
    assert net_values(replace(money, outcome="orders"), uplift, without, value) == pytest.approx(
        [1.1 - 0.5 - 1.2, -0.5 - 1.2]
    )
    assert np.isnan(net_values(money, uplift, without, np.array([np.nan, 50.0]))).tolist() == [True, False]


@pytest.mark.parametrize("goal", VALUES)
def test_outcomes_per_customer_add_up_to_what_is_measured(taught: Warehouse, goal: str) -> None:
    kept = campaign(taught, "camp-spring")
    asked = replace(kept, plan=replace(kept.plan, goal=Goal(outcome=goal, window_days=30)))
    rows = campaign_trial(taught, asked).trial
    found = measure(taught, asked, [goal]).outcomes[goal]
    for is_treated, arm in ((False, "control"), (True, "coupon")):
        own = rows.outcome[rows.treated == is_treated]
        cells = list(found.cells[arm].values())
        assert sum(cell.n for cell in cells) == len(own)
        total = sum(
            cell.n_hits if isinstance(cell, Rate) else cell.means[0] * cell.n
            for cell in cells
            if isinstance(cell, Rate | JointMoments)
        )
        assert own.sum() == pytest.approx(total)
    assert rows.is_rate == (goal in ("retained", "repurchase"))


def test_what_happened_from_the_start_on_changes_no_feature(shop: Warehouse) -> None:
    before = campaign_trial(shop, campaign(shop, "camp-spring")).trial
    later = pd.DataFrame(
        {
            "customer_id": before.frame.index[:300],
            "order_id": [f"late{number}" for number in range(300)],
            "order_time": pd.Series([START] * 300).astype("datetime64[us]"),
            "amount": 999.0,
        }
    )
    with shop.transaction() as tx:
        tx.append("orders", later)
        refresh_derived(tx)
    after = campaign_trial(shop, campaign(shop, "camp-spring")).trial
    pd.testing.assert_frame_equal(before.frame, after.frame)
    assert after.outcome[:300].all()


def test_outcomes_from_a_file_take_the_place_of_orders(shop: Warehouse) -> None:
    ids = shop.frame("SELECT customer_id FROM assignments ORDER BY customer_id")["customer_id"]
    filed = pd.DataFrame(
        {"campaign_id": "camp-spring", "metric": "retained", "customer_id": ids[:1_000], "value": 1.0, "outcome_id": 1}
    )
    with shop.transaction() as tx:
        tx.append("outcomes", filed)
    found = campaign_trial(shop, campaign(shop, "camp-spring"))
    assert len(found.trial) == 1_000
    assert found.n_incomplete == N - 1_000
    assert found.trial.outcome.all()


def test_customers_unlike_those_of_the_campaign_are_not_valued(shop: Warehouse) -> None:
    learn_from_campaign(shop, "camp-spring", learners=ONE)
    assert shop.n_rows("uplift_scores") == N
    values = shop.frame("SELECT customer_id, expected_value, tier FROM scores")
    score(shop, values, START + timedelta(days=29), run_id=2)
    assert "scored again" in net_state(shop).told
    done = refresh_net_values(shop)
    assert done is not None
    found = latest_uplift(shop)
    assert found is not None
    low, _ = found.silent_days
    silent = shop.frame(
        "SELECT customer_id, date_diff('day', max(order_time), $day) AS days FROM orders WHERE order_time < $day "
        "GROUP BY 1",
        {"day": START + timedelta(days=29)},
    ).set_index("customer_id")["days"]
    stored = shop.frame("SELECT customer_id, run_id FROM uplift_scores")
    assert set(stored["run_id"]) == {2}
    assert 0 < len(stored) < N
    assert silent[stored["customer_id"]].min() >= low
    assert net_state(shop).told == ""


def test_a_model_can_be_taken_back(shop: Warehouse) -> None:
    learn_from_campaign(shop, "camp-spring", learners=ONE)
    deactivate_uplift(shop)
    assert shop.n_rows("uplift_scores") == 0
    assert not net_state(shop).is_known
    assert "switched off" in net_state(shop).told
    assert page(shop, CustomerFilter(sort="net_value"))["net_value"].isna().all()
    assert count_and_totals(shop, CustomerFilter(min_net_value=0.0)).n_customers == 0


def test_without_evidence_nothing_is_shown_and_a_campaign_is_proposed(warehouse: Warehouse) -> None:
    fill(warehouse)
    shuffled = np.random.default_rng(8)
    with warehouse.transaction() as tx:
        ids = warehouse.frame("SELECT customer_id FROM assignments ORDER BY customer_id")["customer_id"]
        tx.append(
            "outcomes",
            pd.DataFrame(
                {
                    "campaign_id": "camp-spring",
                    "metric": "retained",
                    "customer_id": ids,
                    "value": (shuffled.random(N) < 0.3).astype(float),
                    "outcome_id": 1,
                }
            ),
        )
    found = learn_from_campaign(warehouse, "camp-spring", learners=ONE)
    assert not found.has_evidence
    assert not found.is_active
    assert warehouse.n_rows("uplift_scores") == 0
    state = net_state(warehouse)
    assert not state.is_known
    assert "no evidence" in state.told
    kept = campaign(warehouse, "camp-spring")
    proposal = proposed_campaign(warehouse, before=kept, learnt=found)
    assert proposal.n_needed > N
    assert proposal.days >= PLAN.goal.window_days
    assert f"{proposal.n_needed:,}" in proposal.told
    draft = begin_proposed(warehouse, proposal)
    assert draft.is_draft
    assert [arm.share for arm in draft.plan.arms] == [0.5, 0.5]
    assert draft.plan.audience.is_everybody
    assert draft.plan.goal.smallest_effect == pytest.approx(proposal.difference / 2, rel=0.01)
    assert draft.plan.treatments[0].contact_cost == 0.5


def test_campaigns_that_cannot_teach_say_why(warehouse: Warehouse, made_campaign: MakeCampaign) -> None:
    def refused(kept: Campaign, error: type[Exception], words: str, arm: str | None = None) -> None:
        with pytest.raises(error, match=words) as told:
            campaign_trial(warehouse, kept, arm)
        assert str(told.value).count("\n") == 0

    kept = made_campaign(warehouse, PLAN, 40)
    refused(kept, NotEnoughData, "holds no orders")
    orders = pd.DataFrame(
        {
            "customer_id": ["c0000", "x"],
            "order_id": ["a", "b"],
            "order_time": pd.Series([START, START + timedelta(days=10)]).astype("datetime64[us]"),
            "amount": 10.0,
        }
    )
    with warehouse.transaction() as tx:
        tx.append("orders", orders)
        refresh_derived(tx)
    save_definition(warehouse, DEFINITION)
    refused(kept, NotEnoughData, "no outcome window .* is over yet")
    with warehouse.transaction() as tx:
        tx.append("orders", orders.assign(order_id=["c", "d"], order_time=orders["order_time"] + timedelta(days=90)))
        refresh_derived(tx)
    refused(kept, NotEnoughData, "had ordered before it started")
    refused(create_draft(warehouse, PLAN), InputError, "is draft")
    alone = replace(kept, plan=replace(PLAN, arms=PLAN.arms[1:], no_control_reason="because we must not"))
    refused(alone, InputError, "no control")
    two = replace(PLAN, arms=(*PLAN.arms, Arm(name="call", share=0.1, action="call", channel="phone")))
    refused(replace(kept, plan=two), InputError, "2 treatments")
    refused(kept, Exception, "cupon", "cupon")


def test_only_campaigns_with_a_control_that_were_drawn_are_offered(warehouse: Warehouse) -> None:
    create_draft(warehouse, PLAN)
    assert studied_campaigns(warehouse) == ()
    make_campaign(warehouse, PLAN, 10)
    assert [entry.campaign_id for entry in studied_campaigns(warehouse)] == ["camp-spring"]


def test_a_model_that_was_changed_is_not_asked(shop: Warehouse) -> None:
    found = learn_from_campaign(shop, "camp-spring", learners=ONE)
    with shop.transaction() as tx:
        tx.execute("UPDATE uplift_models SET artifact = replace(CAST(artifact AS VARCHAR), '0.1', '0.2')")
    with pytest.raises(InputError, match="was changed after it was learnt"):
        load_uplift(shop, found.uplift_version)
