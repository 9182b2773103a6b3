"""Alerts beside campaigns: who a control group or the holdout needs is not alerted, counted, and told at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from churn_core.campaigns.alerting import HELD_OUT, held_back, renew_alerts
from churn_core.campaigns.draw import cancel_campaign, lock_campaign
from churn_core.campaigns.holdout import end_holdout, refresh_holdout, start_holdout
from churn_core.campaigns.plan import Goal
from churn_core.campaigns.store import Campaign, create_draft
from churn_core.customers.alert_model import AlertFilter
from churn_core.customers.alert_policy import AlertPolicy, save_alert_policy
from churn_core.customers.alerts import alert_history, alerts
from churn_core.customers.selection import CustomerFilter
from churn_core.warehouse import Warehouse, utc_now
from tests.campaigns.scored_shop import PLAN, SHAPES, fill_shop

IDS = SHAPES["zero-padded"](300)
MOST = AlertPolicy(top_share=1.0, n_most=1000, n_valuable=1000)


@pytest.fixture
def shop(warehouse: Warehouse) -> Warehouse:
    """A scored shop whose whole high tier may be alerted."""
    fill_shop(warehouse, IDS)
    save_alert_policy(warehouse, MOST)
    return warehouse


def locked(warehouse: Warehouse) -> Campaign:
    """A campaign on the high tier, drawn."""
    plan = replace(PLAN, audience=CustomerFilter(tiers=("high",)))
    return lock_campaign(warehouse, create_draft(warehouse, plan).campaign_id)


def arms(warehouse: Warehouse) -> Mapping[str, str]:
    return dict(warehouse.rows("SELECT customer_id, arm FROM assignments"))


def queue(warehouse: Warehouse) -> dict[str, str]:
    """Customers in the queue, and why they must not be contacted."""
    return {entry.customer_id: entry.held_back for entry in alerts(warehouse, page_size=1000).rows}


def test_all_arms_of_a_running_campaign_are_left_alone_and_counted(shop: Warehouse) -> None:
    locked(shop)
    drawn = arms(shop)
    high = {row[0] for row in shop.rows("SELECT customer_id FROM scores WHERE tier = 'high'")}
    assert len(high) > 20
    found = renew_alerts(shop)
    assert set(queue(shop)).isdisjoint(drawn)
    assert found.n_held_back == len(high & set(drawn))
    assert found.n_new == found.n_live


def test_where_the_policy_says_so_only_the_control_group_is_left_alone(shop: Warehouse) -> None:
    save_alert_policy(shop, replace(MOST, pause_in_campaigns=False))
    locked(shop)
    drawn = arms(shop)
    found = renew_alerts(shop)
    assert {drawn[customer] for customer in queue(shop) if customer in drawn} == {"coupon", "call"}
    control = {customer for customer, arm in drawn.items() if arm == "control"}
    assert set(queue(shop)).isdisjoint(control)
    assert found.n_held_back == len(control)


def test_an_alert_says_at_once_when_its_customer_is_drawn_and_when_the_campaign_is_called_off(shop: Warehouse) -> None:
    renew_alerts(shop)
    assert set(queue(shop).values()) == {""}
    running = locked(shop)
    drawn, told = arms(shop), queue(shop)
    assert drawn
    for customer, arm in drawn.items():
        if arm == "control":
            assert told[customer] == "control group of the campaign Win back until 30 Jul 2024: no contact"
        else:
            assert told[customer] == (
                f"in the campaign Win back ({arm}) until 30 Jul 2024: a call would be counted as its effect"
            )
    assert alerts(shop, AlertFilter(held_back=True)).n_all == len(drawn)
    cancel_campaign(shop, running.campaign_id, "the voucher was printed wrongly")
    assert set(queue(shop).values()) == {""}
    one = alerts(shop).rows[0].alert_id
    assert [line.action for line in alert_history(shop, one)] == ["held back", "held back", "raised"]


def test_customers_are_free_again_when_their_window_is_over(shop: Warehouse) -> None:
    locked(shop)
    drawn = arms(shop)
    over = datetime(2024, 6, 1) + timedelta(days=PLAN.goal.window_days)
    assert _held(shop, over - timedelta(seconds=1)) == set(drawn)
    assert _held(shop, over) == set()


def test_a_campaign_without_a_control_measures_nothing_that_a_call_could_spoil(shop: Warehouse) -> None:
    plan = replace(
        PLAN,
        audience=CustomerFilter(tiers=("high",)),
        goal=Goal(outcome="retained", window_days=60, smallest_effect=0.05),
        arms=(replace(PLAN.arms[1], share=1.0),),
        no_control_reason="everybody is to get it, whatever it brings",
    )
    lock_campaign(shop, create_draft(shop, plan).campaign_id)
    assert arms(shop)
    assert renew_alerts(shop).n_held_back == 0


def test_who_is_held_out_is_not_alerted_and_is_told_at_once(shop: Warehouse) -> None:
    renew_alerts(shop)
    start_holdout(shop, 0.3)
    held = {row[0] for row in shop.rows("SELECT customer_id FROM holdout_members WHERE is_held_out")}
    told = queue(shop)
    assert held & set(told)
    assert {customer for customer, why in told.items() if why} == held & set(told)
    assert {why for why in told.values() if why} == {HELD_OUT}
    end_holdout(shop)
    assert set(queue(shop).values()) == {""}


def test_who_appeared_since_the_holdout_was_drawn_is_held_out_by_the_same_hash(shop: Warehouse) -> None:
    start_holdout(shop, 0.3)
    with shop.transaction() as tx:
        tx.execute("DELETE FROM holdout_members WHERE customer_id <= '0000000150'")
    expected = _held(shop, utc_now())
    refresh_holdout(shop)
    drawn = {row[0] for row in shop.rows("SELECT customer_id FROM holdout_members WHERE is_held_out")}
    assert expected == drawn


def test_without_alerts_a_draw_has_nothing_to_mark(shop: Warehouse) -> None:
    locked(shop)
    assert shop.n_rows("alert_log") == 0


def test_hostile_names_of_campaigns_are_told_as_they_are(shop: Warehouse) -> None:
    renew_alerts(shop)
    plan = replace(PLAN, name="'; DROP TABLE alerts; -- $x", audience=CustomerFilter(tiers=("high",)))
    lock_campaign(shop, create_draft(shop, plan).campaign_id)
    assert any("'; DROP TABLE alerts; -- $x" in why for why in queue(shop).values())


def _held(warehouse: Warehouse, moment: datetime) -> set[str]:
    found = held_back(warehouse, at=moment)
    return {
        row[0]
        for row in warehouse.rows(
            f"WITH asked AS (SELECT customer_id FROM customers) SELECT customer_id FROM ({found.sql})", found.parameters
        )
    }
