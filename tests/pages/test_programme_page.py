"""The Programme page: the holdout's effect per quarter, every campaign, what was decided and learned."""

from __future__ import annotations

from datetime import datetime, timedelta

import numpy as np
import pandas as pd
import pytest

from churn_core.campaigns.decision import decide
from churn_core.campaigns.plan import Plan
from churn_core.campaigns.programme import programme
from churn_core.campaigns.store import create_draft
from churn_core.figures.programme import quarters_figure
from churn_core.warehouse import Warehouse
from churn_core.workspaces import create_workspace, open_workspace
from tests.campaigns.conftest import SMALL_PLAN, make_campaign, put_rows
from tests.campaigns.planted_campaign import planted
from tests.pages.conftest import App, Home
from tests.pages.test_every_page import everything_said

PAGE = "pages/campaigns/programme.py"
BEGUN = datetime(2023, 12, 20)


@pytest.fixture
def shop(churn_home: Home) -> Warehouse:
    create_workspace("Shop")
    return open_workspace("Shop")


def hold_out(shop: Warehouse, *, gain: float = 30.0, n: int = 4_000, share_drawn: float = 0.25) -> None:
    """A holdout of a quarter since December, and what both groups bought from January to May."""
    draw = np.random.default_rng(3)
    ids = [f"h{number:05d}" for number in range(n)]
    held = np.arange(n) < round(n * share_drawn)
    days = draw.uniform(12, 150, n)
    bought = pd.DataFrame(
        {
            "customer_id": ids,
            "order_id": [f"q{number}" for number in range(n)],
            "order_time": pd.Series([BEGUN + timedelta(days=float(day)) for day in days]).astype("datetime64[us]"),
            "amount": (draw.gamma(4, 20, n) + gain * ~held).round(2),
        }
    )
    put_rows(shop, "orders", bought)
    with shop.transaction() as tx:
        tx.execute(
            "INSERT INTO holdouts (generation, share, started_at, person) VALUES (1, 0.25, $at, 'tester')",
            {"at": BEGUN},
        )
        tx.append(
            "holdout_members",
            pd.DataFrame({"generation": 1, "customer_id": ids, "is_held_out": held, "since": pd.Timestamp(BEGUN)}),
        )
        tx.audit("campaign holdout started", {"generation": 1})


def test_every_quarter_has_its_effect_with_interval_and_n(shop: Warehouse, app: App) -> None:
    hold_out(shop)
    visit = app(PAGE)
    assert not visit.exception
    words = everything_said(visit).replace("\\", "")
    assert "2024 Q1: the programme brought" in words
    assert "Held out of all campaigns 1,000" in words
    assert "more revenue than no campaigns at all" in words
    assert "Revenue (no margin is set) before the costs" in words
    table = next(frame.value for frame in visit.dataframe if "Quarter" in frame.value)
    assert list(table["Quarter"]) == ["2024 Q2 so far", "2024 Q1"]
    assert "Revenue per customer" in table
    first = programme(shop).quarters[0]
    assert table.iloc[1]["Held out"] == f"{first.n_held_out:,}"
    assert table.iloc[1]["Open"] == f"{first.n_open:,}"
    assert first.is_clear


def test_quarters_are_drawn_as_told_and_broken_ones_as_a_cross(shop: Warehouse) -> None:
    hold_out(shop)
    found = programme(shop)
    drawn = quarters_figure(found.quarters, told=found.told)
    assert list(drawn.data[0].x) == ["2024 Q1", "2024 Q2 so far"]
    assert list(drawn.data[0].y) == pytest.approx([entry.money.value for entry in found.quarters])
    assert not len(drawn.data[1].x)
    assert drawn.layout.title.text == found.told.rstrip(".")


def test_a_holdout_of_another_size_than_drawn_is_not_told(shop: Warehouse, app: App) -> None:
    hold_out(shop, share_drawn=0.32)
    visit = app(PAGE)
    words = everything_said(visit).replace("\\", "")
    assert "so no effect is told" in words
    table = next(frame.value for frame in visit.dataframe if "Quarter" in frame.value)
    assert set(table["Whole programme"]) == {"not valid"}
    drawn = quarters_figure(programme(shop).quarters, told="x")
    assert not len(drawn.data[0].x)
    assert len(drawn.data[1].x) == len(table)


def test_all_campaigns_stand_with_effect_decision_and_what_was_learned(shop: Warehouse, app: App) -> None:
    planted(shop, make_campaign, put_rows, SMALL_PLAN, n=1_200, chance={"control": 0.3, "coupon": 0.45})
    create_draft(shop, Plan(name="Autumn idea"))
    decide(shop, "camp-spring", "ship", "It worked.", "Coupons keep people.")
    visit = app(PAGE)
    assert not visit.exception
    table = next(frame.value for frame in visit.dataframe if "Campaign" in frame.value)
    assert list(table["Campaign"]) == ["Spring coupon", "Autumn idea"]
    spring = table.iloc[0]
    assert spring["Status"] == "▲ ship"
    assert spring["Start"].endswith(", 1,200 drawn")
    assert spring["Effect"].startswith("retained customers: +")
    assert spring["Effect"].endswith("n 1,200")
    assert table.iloc[1][["Status", "Start"]].tolist() == ["Draft", "not drawn yet"]
    assert table.iloc[1]["Effect"] == "retained customers: not decided yet"
    words = everything_said(visit)
    assert "It worked. Learned: Coupons keep people." in words
    assert "▲ ship on " in words


def test_without_a_holdout_the_page_says_where_to_start_one(shop: Warehouse, app: App) -> None:
    words = everything_said(app(PAGE)).replace("\\", "")
    assert "No global holdout" in words
    assert "cannot be measured" in words
    assert "There is no campaign yet." in words
