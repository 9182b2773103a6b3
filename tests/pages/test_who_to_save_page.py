"""Who can be saved, as a page: learning, what it taught, and the way to the list and to the next campaign."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from churn_core.campaigns.store import campaigns
from churn_core.campaigns.uplift import latest_uplift, learn_from_campaign
from churn_core.warehouse import Warehouse
from churn_core.workspaces import create_workspace, open_workspace
from tests.campaigns.conftest import make_campaign
from tests.campaigns.uplift_shop import ONE, PLAN, N, fill
from tests.pages.conftest import App, Home
from tests.pages.test_every_page import everything_said

PAGE = "pages/campaigns/who_to_save.py"
AT_RISK = "pages/customers/at_risk.py"


@pytest.fixture
def shop(churn_home: Home) -> Warehouse:
    """A workspace with a finished campaign whose customers differ in their response."""
    opened = create_workspace("Shop")
    fill(opened)
    return opened


def spoil(warehouse: Warehouse) -> None:
    """Outcomes from a file that nothing explains."""
    draw = np.random.default_rng(8)
    ids = warehouse.frame("SELECT customer_id FROM assignments ORDER BY customer_id")["customer_id"]
    value = (draw.random(N) < 0.3).astype(float)
    with warehouse.transaction() as tx:
        tx.append(
            "outcomes",
            pd.DataFrame(
                {
                    "campaign_id": "camp-spring",
                    "metric": "retained",
                    "customer_id": ids,
                    "value": value,
                    "outcome_id": 1,
                }
            ),
        )
        tx.audit("outcomes")


def test_what_was_learnt_is_told_with_its_net_value(shop: Warehouse, app: App) -> None:
    learn_from_campaign(shop, "camp-spring", learners=ONE)
    shop.close()
    at = app(PAGE)
    assert not at.exception
    said = everything_said(at)
    assert "Customers differ in how they respond" in said
    assert "a model's estimate" in said
    labels = {metric.label for metric in at.metric}
    assert {"Qini", "AUUC", "Top 30 %, points", "Worth contacting"} <= labels
    at.button(key="stop_showing").click().run()
    assert "Worth contacting" not in {metric.label for metric in at.metric}
    assert open_workspace("Shop").n_rows("uplift_scores") == 0


def test_before_learning_the_page_offers_it(shop: Warehouse, app: App) -> None:
    shop.close()
    at = app(PAGE)
    assert "Nothing was learnt from this campaign yet" in everything_said(at)
    assert at.button(key="learn").label == "Learn who responds"


def test_without_evidence_the_page_says_so_and_begins_the_campaign_that_would_tell(shop: Warehouse, app: App) -> None:
    spoil(shop)
    learn_from_campaign(shop, "camp-spring", learners=ONE)
    found = latest_uplift(shop)
    assert found is not None
    assert not found.is_active
    shop.close()
    at = app(PAGE)
    said = everything_said(at)
    assert "no evidence that customers differ" in said
    assert "half of them control" in said
    assert "The four groups are not told without evidence" in said
    at.button(key="begin_draft").click().run()
    assert not at.exception
    assert not at.error
    [draft] = campaigns(open_workspace("Shop"), "draft")
    assert draft.name == "Who can be saved: Spring coupon"
    assert at.query_params["campaign"] in (draft.campaign_id, [draft.campaign_id])


def test_the_campaign_looked_at_lives_in_the_address(shop: Warehouse, app: App) -> None:
    make_campaign(shop, replace(PLAN, name="Autumn call"), 10, campaign_id="camp-autumn")
    shop.close()
    at = app(PAGE, campaign="camp-spring")
    assert at.selectbox(key="uplift_campaign").value == "camp-spring"
    at.selectbox(key="uplift_campaign").set_value("camp-autumn").run()
    assert at.query_params["campaign"] in ("camp-autumn", ["camp-autumn"])
    assert app(PAGE, campaign="camp-autumn").selectbox(key="uplift_campaign").value == "camp-autumn"


def test_the_list_shows_the_net_value_or_says_why_not(shop: Warehouse, app: App) -> None:
    shop.close()
    at = app(AT_RISK)
    assert not at.exception
    assert "net value of contacting is not known yet" in everything_said(at)
    assert "campaign 'Spring coupon' is finished" in everything_said(at)
    assert "Highest net value first" not in at.selectbox(key="order").options
    at.run()
    opened = open_workspace("Shop")
    learn_from_campaign(opened, "camp-spring", learners=ONE)
    at = app(AT_RISK, order="Highest net value first")
    assert not at.exception
    [frame] = [entry.value for entry in at.dataframe if "net_value" in entry.value]
    assert frame["net_value"].is_monotonic_decreasing
    assert frame["net_value"].notna().all()
    assert "as campaign 'Spring coupon' taught" in everything_said(at)
    at.number_input(key="net_from").set_value(1.0).run()
    n_worth = opened.value("SELECT count(*) FROM uplift_scores WHERE net_value >= 1")
    assert at.metric[0].value == f"{n_worth:,}"


def test_a_shop_without_campaigns_is_told_what_to_run(empty_home: Home, app: App) -> None:
    assert "No campaign with a control group" in everything_said(app(PAGE))


def test_a_shop_without_orders_is_told_that_it_cannot_be_learnt_there(empty_home: Home, app: App) -> None:
    at = app(PAGE)
    assert "learnt from order histories; this workspace holds none" in everything_said(at)
    assert not [button for button in at.button if button.key == "begin_draft"]
