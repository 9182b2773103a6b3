"""What a season adds goes in part to those who bought in it a year ago."""

from __future__ import annotations

from datetime import datetime, timedelta

import numpy as np
import pandas as pd
import pytest

from churn_core.intake.derived import refresh_derived
from churn_core.models import worth, worth_shapes
from churn_core.models.worth_level import Level, Said
from churn_core.models.worth_period import (
    LAST_SEASON,
    YEAR_DAYS,
    frame_at,
    last_season,
    learned_from,
    period_at,
    plain_features,
)
from churn_core.models.worth_rhythm import ORDERS, SPEND
from churn_core.models.worth_shapes import with_season
from churn_core.warehouse import Warehouse

START, CUTOFF, DAYS = datetime(2023, 1, 1), datetime(2025, 10, 1), 90
END = CUTOFF + timedelta(days=DAYS)


@pytest.fixture(scope="module")
def shop() -> Warehouse:
    """As many who come each month as come once a year, before Christmas; some of both stop for good."""
    draw = np.random.default_rng(8)
    rows = []
    for number in range(600):
        only_christmas = number % 2 == 0
        leaves = float(draw.exponential(2_500)) + 300
        gap, first = (365.0, 320.0) if only_christmas else (30.0, float(draw.uniform(0, 300)))
        day = first + float(draw.uniform(0, 25))
        while day < min(leaves, (END - START).days):
            rows.append((f"{'x' if only_christmas else 'm'}{number}", day, float(draw.gamma(4, 12))))
            day = day + gap + float(draw.normal(0, 4))
    frame = pd.DataFrame(rows, columns=["customer_id", "day", "amount"])
    at = (pd.Timestamp(START) + pd.to_timedelta(frame.pop("day"), unit="D")).dt.floor("s").astype("datetime64[us]")
    frame = frame.assign(order_time=at, order_id=[f"o{number}" for number in range(len(frame))])
    warehouse = Warehouse.open(None)
    with warehouse.transaction() as tx:
        tx.append("orders", frame)
        tx.append(
            "returns",
            frame[frame["customer_id"] == "x0"].assign(
                return_id=lambda found: found["order_id"], return_time=lambda found: found["order_time"], amount=5.0
            )[["return_id", "customer_id", "return_time", "amount"]],
        )
        refresh_derived(tx)
        tx.bump_data_version()
    return warehouse


def test_a_share_of_what_the_season_adds_goes_to_its_customers_by_hand() -> None:
    frame = pd.DataFrame({LAST_SEASON[SPEND]: [0.0, 2.0], LAST_SEASON[ORDERS]: [3.0, 1.0]})
    shape = np.array([3.0, 1.0])
    assert with_season(shape, frame, SPEND, 0.4) == pytest.approx([0.6, 0.4])
    assert with_season(shape, frame, ORDERS, 0.4) == pytest.approx([0.75, 0.25])
    assert with_season(shape, frame, SPEND, 0.0) == pytest.approx([0.75, 0.25])
    assert with_season(shape, 0.0 * frame, SPEND, 0.4) == pytest.approx([0.75, 0.25])
    assert with_season(shape, frame[[]], SPEND, 0.4) == pytest.approx([0.75, 0.25])


def test_a_season_adds_what_it_brings_over_an_average_one() -> None:
    assert Said(average=0.9, last_year=1.5).level(1.0).added == pytest.approx(0.4)
    assert Said(average=0.9, last_year=1.5).level(0.0).added == 0.0
    assert Said(average=0.9, last_year=0.6).level(1.0).added == 0.0
    assert Said(average=0.9, last_year=None).level(1.0).added == 0.0
    assert Level(ratio=1.0, rule="none", trust=0.0).added == 0.0


def test_last_season_is_the_same_days_a_year_before_less_returns(shop: Warehouse) -> None:
    frame = frame_at(shop, CUTOFF, DAYS)
    since = CUTOFF - timedelta(days=YEAR_DAYS)
    inside = shop.frame(
        "SELECT customer_id, sum(amount)::DOUBLE AS spend, count(DISTINCT order_time::DATE) AS days FROM orders "
        "WHERE order_time >= $since AND order_time < $until GROUP BY customer_id",
        {"since": since, "until": since + timedelta(days=DAYS)},
    ).set_index("customer_id")
    inside.loc["x0", "spend"] -= 5.0
    expected = inside.reindex(frame.index).fillna(0.0)
    assert last_season(frame, SPEND) == pytest.approx(expected["spend"].to_numpy(), rel=1e-6)
    assert last_season(frame, ORDERS) == pytest.approx(expected["days"].to_numpy())
    assert not set(learned_from(frame)) & set(LAST_SEASON.values())
    assert set(learned_from(frame)) | set(LAST_SEASON.values()) == set(frame.columns)


def test_last_season_is_left_out_where_it_would_reach_beyond_the_cutoff(shop: Warehouse) -> None:
    assert not set(LAST_SEASON.values()) & set(frame_at(shop, CUTOFF, YEAR_DAYS + 1).columns)
    assert not set(LAST_SEASON.values()) & set(frame_at(shop, CUTOFF, DAYS, features=plain_features(shop)).columns)
    assert not last_season(frame_at(shop, datetime(2023, 10, 1), DAYS), SPEND).any()


@pytest.mark.usefixtures("quick_worth")
def test_who_comes_once_a_year_is_expected_when_the_time_comes(
    shop: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = period_at(shop, CUTOFF, DAYS)
    model = worth.fit_worth(worth.History(shop, DAYS, CUTOFF), CUTOFF, target.frame)
    assert model.level.added > 0.2
    of_christmas = target.frame.index.str.startswith("x")
    came = target.outcome[SPEND]
    said = model.amounts(target.frame)
    monkeypatch.setattr(worth_shapes, "OF_LAST_SEASON", 0.0)
    as_ever = model.amounts(target.frame)
    assert said.sum() == pytest.approx(as_ever.sum())
    assert abs(said[of_christmas].sum() / came[of_christmas].sum() - 1) < abs(
        as_ever[of_christmas].sum() / came[of_christmas].sum() - 1
    )
    assert np.abs(said - came).mean() < 0.95 * np.abs(as_ever - came).mean()
