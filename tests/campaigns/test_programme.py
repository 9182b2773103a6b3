"""The programme: the holdout's effect per quarter with a planted difference, and every campaign on record."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from churn_core.campaigns.decision import decide
from churn_core.campaigns.holdout_effect import HELD_OUT, OPEN, quarters_between
from churn_core.campaigns.plan import Plan
from churn_core.campaigns.programme import programme
from churn_core.campaigns.results import reading
from churn_core.campaigns.store import Campaign, create_draft
from churn_core.settings import Settings, save_settings
from churn_core.warehouse import Warehouse
from tests.campaigns.planted_campaign import planted

Make = Callable[..., Campaign]
Put = Callable[..., None]
STARTED = datetime(2024, 1, 1)


def held_out(warehouse: Warehouse, put: Put, *, n: int = 4_000, effect: float = 0.1, share: float = 0.2) -> None:
    """A holdout since 1 January, orders until the middle of May: the others order more often by ``effect``."""
    draw = np.random.default_rng(8)
    ids = [f"c{number:05d}" for number in range(n)]
    is_out = draw.random(n) < share
    with warehouse.transaction() as tx:
        tx.execute(
            "INSERT INTO holdouts VALUES (1, $share, $start, NULL, NULL, 'tester')", {"share": share, "start": STARTED}
        )
    members = pd.DataFrame({"generation": 1, "customer_id": ids, "is_held_out": is_out, "since": STARTED})
    late = pd.DataFrame(
        {"generation": 1, "customer_id": ["late"], "is_held_out": [False], "since": [STARTED + timedelta(days=60)]}
    )
    put(warehouse, "holdout_members", pd.concat([members, late]))
    rows = [
        (customer, STARTED + timedelta(days=float(draw.uniform(start, start + 40))), 20.0)
        for customer, out in zip(ids, is_out, strict=True)
        for start in (0, 91)
        if draw.random() < 0.4 + effect * (not out)
    ]
    frame = pd.DataFrame(rows, columns=["customer_id", "order_time", "amount"])
    frame["order_id"] = [f"o{number}" for number in range(len(frame))]
    frame["order_time"] = frame["order_time"].dt.floor("s").astype("datetime64[us]")
    put(warehouse, "orders", frame)


def test_a_planted_effect_of_the_programme_is_found_quarter_by_quarter(warehouse: Warehouse, put: Put) -> None:
    save_settings(warehouse, Settings(currency="GBP", margin_rate=0.5))
    held_out(warehouse, put)
    found = programme(warehouse)
    first, second = found.quarters
    assert (first.label, second.label) == ("2024 Q1", "2024 Q2")
    assert first.is_complete
    assert not second.is_complete
    assert "so far" in second.told
    assert (first.n_held_out + first.n_open, second.n_held_out + second.n_open) == (4_000, 4_001)
    by_name = {result.metric: result for result in first.results}
    assert list(by_name) == ["margin", "retained", "orders", "spend"]
    rate = by_name["retained"].comparison
    assert rate.difference.low is not None
    assert rate.difference.high is not None
    assert rate.difference.low < 0.1 < rate.difference.high
    assert reading(by_name["margin"]) == "better"
    assert first.money.value == pytest.approx((by_name["margin"].comparison.difference.value or 0) * first.n_open)
    assert by_name["margin"].comparison.difference.value == pytest.approx(10 * (rate.difference.value or 0))
    assert found.told == first.told
    assert first.told.startswith("2024 Q1: the programme brought £")
    assert " margin than no campaigns" in first.told


def test_the_same_numbers_by_hand(warehouse: Warehouse, put: Put) -> None:
    held_out(warehouse, put)
    first = programme(warehouse).quarters[0]
    rows = warehouse.frame(
        "SELECT m.customer_id, m.is_held_out, count(o.order_id) AS n FROM holdout_members m LEFT JOIN orders o ON "
        "o.customer_id = m.customer_id AND o.order_time < TIMESTAMP '2024-04-01' "
        "WHERE m.since <= TIMESTAMP '2024-01-01' GROUP BY ALL"
    )
    means = rows.groupby("is_held_out")["n"].mean()
    found = next(result for result in first.results if result.metric == "orders").comparison
    assert (found.control, found.treatment) == pytest.approx((means[True], means[False]))
    assert (first.n_held_out, first.n_open) == tuple((rows["is_held_out"] == out).sum() for out in (True, False))


def test_where_nothing_was_planted_nothing_is_claimed(warehouse: Warehouse, put: Put) -> None:
    held_out(warehouse, put, effect=0.0)
    found = programme(warehouse)
    assert "no clear difference in revenue" in found.told
    assert "summed over everybody open to campaigns in 2024 Q1, it lies between" in found.told
    assert "margin" not in found.told
    assert "lies between -" in found.told
    assert not any(quarter.is_clear for quarter in found.quarters)


def test_groups_that_are_not_as_drawn_hide_the_effect(warehouse: Warehouse, put: Put) -> None:
    held_out(warehouse, put)
    with warehouse.transaction() as tx:
        tx.execute("UPDATE holdouts SET share = 0.05")
    first = programme(warehouse).quarters[0]
    assert not first.is_valid
    assert not first.is_clear
    assert "not the 5 % that were drawn" in first.told


def test_a_quarter_counts_only_when_it_began_after_the_draw() -> None:
    spans = quarters_between(datetime(2023, 10, 1), datetime(2024, 4, 2))
    assert [start for start, _ in spans] == [datetime(2023, 10, 1), datetime(2024, 1, 1), datetime(2024, 4, 1)]
    assert [end for _, end in spans][-1] == datetime(2024, 7, 1)
    assert quarters_between(datetime(2024, 1, 2), datetime(2024, 3, 31)) == []


def test_without_a_holdout_the_programme_says_what_to_do(warehouse: Warehouse) -> None:
    found = programme(warehouse)
    assert "start a global holdout" in found.told
    assert (found.quarters, found.campaigns, found.holdout) == ((), (), None)


def test_every_campaign_stands_with_its_decision(
    warehouse: Warehouse, made_campaign: Make, put: Put, small_plan: Plan
) -> None:
    made = planted(warehouse, made_campaign, put, small_plan, n=600, chance={"control": 0.3, "coupon": 0.45})
    create_draft(warehouse)
    decide(warehouse, made.campaign_id, "continue", "One more month.")
    decide(warehouse, made.campaign_id, "ship", "It pays.", "Coupons work.")
    done, draft = programme(warehouse).campaigns
    assert (done.decision, done.why, done.learned, done.n_customers) == ("ship", "It pays.", "Coupons work.", 600)
    assert (draft.status, draft.decision, draft.starts_on) == ("draft", "", None)
    [effect] = done.effects
    assert effect.arm == "coupon"
    assert effect.difference.low is not None
    assert effect.difference.low > 0
    assert done.net is not None
    assert done.net.value is not None
    assert {HELD_OUT, OPEN} == {"held out", "open to campaigns"}


def test_a_programme_is_plain_json(warehouse: Warehouse, put: Put, tmp_path: Path) -> None:
    import json

    held_out(warehouse, put, n=400)
    text = json.dumps(programme(warehouse).to_dict(), allow_nan=False)
    assert json.loads(text)["quarters"][0]["label"] == "2024 Q1"
