"""The demo shop was trained and scored twice, a month apart, and knew nothing too early; its pages show the change."""

from __future__ import annotations

from datetime import datetime, timedelta

from churn_core.campaigns.demo import DAYS_BETWEEN_SCORINGS
from churn_core.campaigns.over import over_first
from churn_core.campaigns.plan import problems
from churn_core.campaigns.readout import campaign_readout
from churn_core.campaigns.store import campaigns
from churn_core.customers.at_risk import page
from churn_core.customers.selection import CustomerFilter
from churn_core.customers.today import today
from churn_core.features.definition import known_until
from churn_core.models.registry import model_versions
from churn_core.models.runs import score_runs
from churn_core.workspaces import open_workspace
from tests.pages.conftest import App, Home


def test_the_demo_was_trained_and_scored_a_month_apart_with_what_was_known(demo_home: Home) -> None:
    warehouse = open_workspace("Demo shop")
    end = known_until(warehouse)
    assert end is not None
    now, before = score_runs(warehouse)
    assert now.as_of == end
    assert before.as_of == end - timedelta(days=DAYS_BETWEEN_SCORINGS)
    assert (before.model_version, now.model_version) == (1, 2)
    known = {model.model_version: datetime.fromisoformat(model.summary["known_until"])
             for model in model_versions(warehouse)}  # fmt: skip
    assert known == {1: before.as_of, 2: now.as_of}, "no model saw more than the day it scored for"
    found = today(warehouse)
    assert found.changes is not None
    assert found.changes.n_entered > 0
    assert found.changes.n_left > 0
    assert not found.is_behind


def test_today_and_the_customer_show_the_change(demo_home: Home, app: App) -> None:
    visit = app()
    assert not visit.exception
    figures = {metric.label: metric.value for metric in visit.metric}
    assert int(figures["New in the high tier"].replace(",", "")) > 0
    assert any("Changes are against the scoring as of" in text.value for text in visit.caption)
    chosen = CustomerFilter(sort="days_since_last_order")
    customer = page(open_workspace("Demo shop"), chosen, limit=1)["customer_id"].iloc[0]
    visit = app("pages/customers/customer.py", customer=customer)
    assert [chart.key for chart in visit.get("plotly_chart")] == ["history", "contributions"]


def test_one_campaign_is_over_one_runs_and_one_is_being_planned(demo_home: Home) -> None:
    warehouse = open_workspace("Demo shop")
    end = known_until(warehouse)
    assert end is not None
    (draft,), (running, finished) = campaigns(warehouse, "draft"), campaigns(warehouse, "locked")
    assert finished.ends_at is not None
    assert finished.ends_at < end
    assert campaign_readout(warehouse, finished.campaign_id).verdict
    assert running.starts_at is not None
    assert running.starts_at >= end, "nothing of its outcome is known yet"
    assert sum(running.counts["arms"].values()) == running.counts["n_left"] > 0
    assert any(step["n_excluded"] for step in running.counts["exclusions"])
    assert problems(draft.plan) == {}
    assert draft.plan.treatments[0].action is not None, "the playbook's first suggestion"


def test_pages_about_outcomes_open_with_the_campaign_that_is_over(demo_home: Home, app: App) -> None:
    warehouse = open_workspace("Demo shop")
    found = campaigns(warehouse, "locked", "decided")
    assert [entry.name for entry in found] != [entry.name for entry in over_first(warehouse, found)]
    for page_file in ("pages/campaigns/readout.py", "pages/campaigns/who_to_save.py"):
        visit = app(page_file)
        assert not visit.exception
        assert visit.selectbox[0].value == over_first(warehouse, found)[0].campaign_id == "win-back-voucher-1"


def test_a_locked_campaign_that_is_over_is_finished_on_every_page(demo_home: Home, app: App) -> None:
    listed = [text.value.replace("\\", "") for text in app("pages/campaigns/plan.py").markdown]
    assert "**Win-back voucher** · Finished" in listed
    assert "**Free delivery, United Kingdom** · Locked: arms are drawn" in listed
    captions = [text.value for text in app("pages/campaigns/plan.py", campaign="win-back-voucher-1").caption]
    assert any(text.startswith("Finished · ") for text in captions)
    options = app("pages/campaigns/readout.py").selectbox[0].options
    assert [option.split("  ·  ")[:2] for option in options] == [
        ["Win-back voucher", "finished"],
        ["Free delivery, United Kingdom", "locked"],
    ]
    (table,) = [entry.value for entry in app("pages/campaigns/programme.py").dataframe if "Campaign" in entry.value]
    assert dict(zip(table["Campaign"], table["Status"], strict=True))["Win-back voucher"] == "Finished"


def test_the_alerts_of_the_demo_are_there_to_be_worked(demo_home: Home, app: App) -> None:
    visit = app("pages/alerts/alerts.py")
    assert not visit.exception
    assert int({metric.label: metric.value for metric in visit.metric}["To do"]) > 0
    assert any("Does it help?" in text.value for text in visit.caption)
