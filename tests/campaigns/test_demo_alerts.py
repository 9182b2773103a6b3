"""The demo's queue: raised by the rules at two past days, worked by the usual functions, judged by what came after."""

from __future__ import annotations

from datetime import timedelta

from churn_core.campaigns.demo_alerts import DESKS, fill_alerts
from churn_core.customers.alert_model import AlertFilter
from churn_core.customers.alert_policy import AlertPolicy, save_alert_policy
from churn_core.customers.alert_summary import alert_summary
from churn_core.customers.alerts import alert_history, alerts
from churn_core.features.gaps import known_until
from churn_core.warehouse import Warehouse


def test_the_queue_is_half_worked_and_the_past_one_is_finished(demo_copy: Warehouse) -> None:
    save_alert_policy(demo_copy, AlertPolicy(top_share=1.0))
    end = known_until(demo_copy)
    assert end is not None
    fill_alerts(demo_copy, end - timedelta(days=30))
    found = alerts(demo_copy, AlertFilter(statuses=()), page_size=200)
    assert {row.owner for row in found.rows} == {"", *DESKS}
    assert (found.counts["taken"], found.counts["snoozed"], found.counts["expired"]) == (4, 2, 0)
    assert found.counts["done"] == 21
    before = [row for row in found.rows if row.as_of == end - timedelta(days=30)]
    assert {row.status for row in before} == {"done"}
    assert {row.outcome for row in before} == {"reached", "not_reached", "no_need"}
    assert alert_summary(demo_copy).n_overdue == 0
    for row in before:
        assert row.last_order_at is not None
        assert row.last_order_at < row.as_of
        attempts = ["not reached"] * 3 if row.outcome == "not_reached" else []
        happened = [line.action for line in alert_history(demo_copy, row.alert_id)]
        assert happened == ["done", *attempts, "taken", "raised"]
    assert [row.n_tried for row in found.rows if row.as_of == end and row.n_tried] == [1]


def test_a_shop_that_was_scored_once_has_the_queue_of_today_alone(demo_copy: Warehouse) -> None:
    fill_alerts(demo_copy)
    assert len({row.as_of for row in alerts(demo_copy, AlertFilter(statuses=()), page_size=200).rows}) == 1
