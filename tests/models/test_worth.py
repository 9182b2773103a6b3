"""What customers are worth: nothing of the future is seen, the level knows the season, dates are what they say."""

from __future__ import annotations

from datetime import datetime, timedelta

import numpy as np
import pandas as pd
import pytest

from churn_core.errors import NotEnoughData
from churn_core.intake.derived import refresh_derived
from churn_core.models import worth
from churn_core.models.bgnbd import BgNbdParameters, share_alive
from churn_core.models.worth_check import HoldOut, date_checks, decile_correlation, deciles, scaled_error
from churn_core.models.worth_level import Said, average_level, total_interval, trust_in_season
from churn_core.models.worth_period import frame_at, period_at
from churn_core.models.worth_rhythm import ORDERS, SPEND, WorthRhythm
from churn_core.warehouse import Warehouse

END = datetime(2025, 1, 1)


def fitted(warehouse: Warehouse, cutoff: datetime, horizon_days: int = 60) -> worth.WorthModel:
    history = worth.History(warehouse, horizon_days, cutoff)
    return worth.fit_worth(history, cutoff, frame_at(warehouse, cutoff, horizon_days))


@pytest.mark.usefixtures("quick_worth")
def test_orders_after_the_cutoff_change_nothing(worth_shop: Warehouse) -> None:
    cutoff = END - timedelta(days=60)
    frame = frame_at(worth_shop, cutoff, 60)
    before = fitted(worth_shop, cutoff).amounts(frame)
    later = pd.DataFrame({"customer_id": frame.index, "order_id": [f"later{i}" for i in range(len(frame))]})
    later = later.assign(order_time=cutoff + timedelta(days=1), amount=9_999.0)
    with worth_shop.transaction() as tx:
        tx.append("orders", later)
        refresh_derived(tx)
    after = fitted(worth_shop, cutoff).amounts(frame_at(worth_shop, cutoff, 60))
    assert after == pytest.approx(before, rel=1e-9)


@pytest.mark.usefixtures("quick_worth")
def test_the_total_is_that_of_bgnbd_at_the_level_of_the_past(worth_shop: Warehouse) -> None:
    cutoff = END - timedelta(days=60)
    model, frame = fitted(worth_shop, cutoff), frame_at(worth_shop, cutoff, 60)
    assert model.is_learned
    said = model.rhythm.expected_spend(frame, 60).sum() * model.level.ratio
    assert model.amounts(frame).sum() == pytest.approx(said)
    target = period_at(worth_shop, cutoff, 60)
    found = worth.judge_worth(model, target)
    assert found is not None
    assert found.actual == pytest.approx(target.outcome[SPEND].sum())
    assert found.ratio == pytest.approx(1.0, abs=0.3)
    assert found.mae < found.mae_same
    assert sum(entry.n for entry in found.deciles) == found.n_customers
    assert HoldOut.from_json(found.to_json()) == found


def test_a_short_history_is_answered_by_dates_and_amounts_alone(worth_shop: Warehouse) -> None:
    cutoff = datetime(2023, 5, 1)
    model = fitted(worth_shop, cutoff, 90)
    assert not model.is_learned
    assert model.method == worth.RHYTHM
    frame = frame_at(worth_shop, cutoff, 90)
    assert model.amounts(frame) == pytest.approx(model.rhythm.expected_spend(frame, 90))
    assert model.rounds == ()


def test_one_order_per_customer_has_no_rhythm() -> None:
    warehouse = Warehouse.open(None)
    orders = pd.DataFrame({"customer_id": [f"c{i}" for i in range(60)], "order_id": [f"o{i}" for i in range(60)]})
    times = [END - timedelta(days=5 * i + 1) for i in range(60)]
    with warehouse.transaction() as tx:
        tx.append("orders", orders.assign(order_time=times, amount=10.0))
        refresh_derived(tx)
    with pytest.raises(NotEnoughData, match="no customer bought twice"):
        fitted(warehouse, END)


def test_negative_amounts_count_as_nothing(worth_shop: Warehouse) -> None:
    cutoff = END - timedelta(days=60)
    with worth_shop.transaction() as tx:
        tx.execute("UPDATE orders SET amount = -amount")
    target = period_at(worth_shop, cutoff, 60)
    assert target.outcome[SPEND].sum() == 0
    assert target.outcome[ORDERS].sum() > 0
    assert target.rhythm is not None
    assert target.rhythm.amounts is None


def test_a_season_is_trusted_until_the_past_says_otherwise() -> None:
    repeated = [(Said(average=1.0, last_year=ratio), ratio) for ratio in (0.5, 1.6)]
    broken = [(Said(average=1.0, last_year=ratio), 1.0) for ratio in (0.4, 2.5, 0.4, 2.5)]
    unclear = [(Said(average=1.0, last_year=1.01), 0.97)]
    assert trust_in_season(repeated) == pytest.approx(1.0)
    assert trust_in_season(broken) < 0.15
    assert trust_in_season(unclear) > 0.99
    assert Said(average=0.8, last_year=None).level(1.0).rule == "average"
    assert Said(average=0.8, last_year=1.4).level(1.0).ratio == pytest.approx(1.4)
    assert Said(average=0.8, last_year=1.4).level(0.0).ratio == pytest.approx(0.8)
    assert Said(average=None, last_year=None).level(1.0).ratio == 1.0
    assert average_level([0.5, 2.0]) == pytest.approx(1.0)


def test_the_interval_of_a_total_grows_with_the_errors_of_the_past() -> None:
    assert total_interval(100.0, [1.1]) is None
    close, far = total_interval(100.0, [1.0, 1.0, 1.0]), total_interval(100.0, [0.6, 1.5, 0.7])
    assert close is not None
    assert far is not None
    assert far[0] < close[0] < 100.0 < close[1] < far[1]
    assert close[0] * close[1] == pytest.approx(100.0**2)


def test_dates_of_the_next_order_are_reached_as_often_as_they_say() -> None:
    draw = np.random.default_rng(2)
    p, n, age = BgNbdParameters(r=0.9, alpha=5.0, a=0.8, b=2.5), 60_000, 40.0
    rate, leaves = draw.gamma(p.r, 1 / p.alpha, n), draw.beta(p.a, p.b, n)
    x, last, following = np.zeros(n), np.zeros(n), np.full(n, np.nan)
    clock, alive = np.zeros(n), np.ones(n, dtype=bool)
    while alive.any():
        clock = clock + draw.exponential(1.0, n) / rate
        now = alive & (clock <= age)
        following[alive & (clock > age)] = clock[alive & (clock > age)] - age
        x[now] += 1
        last[now] = clock[now]
        alive = now & (draw.random(n) >= leaves)
    frame = pd.DataFrame(
        {
            "days_since_last_order": 7 * (age - last),
            "days_since_first_order": np.full(n, 7 * age),
            "n_order_days": x + 1,
        }
    )
    rhythm = WorthRhythm(orders=p, amounts=None)
    for probability in (0.1, 0.5, 0.9):
        days = rhythm.next_order_days(frame, probability)
        known = np.isfinite(days)
        assert known.sum() > 300
        came = following[known] * 7 <= days[known]
        assert came.mean() == pytest.approx(probability, abs=3 * 0.5 / np.sqrt(known.sum()) + 0.004)
    never = np.isnan(rhythm.next_order_days(frame, 0.9))
    assert (never == (share_alive(p, x, last, np.full(n, age)) <= 0.9)).all()


def test_orders_fade_and_windows_add_up_to_the_whole(worth_shop: Warehouse) -> None:
    frame = frame_at(worth_shop, END, 60)
    rhythm = period_at(worth_shop, END - timedelta(days=60), 60).rhythm
    assert rhythm is not None
    fading = rhythm.fading(frame, 60, 4)
    assert (fading[0] == 1).all()
    assert (np.diff(fading, axis=0) < 0).all()
    first = rhythm.expected_orders(frame, 60)
    assert (fading.sum(axis=0) * first) == pytest.approx(rhythm.expected_orders(frame, 240))


def test_deciles_and_errors_by_hand() -> None:
    predicted = np.arange(20.0)
    found = deciles(predicted, predicted[::-1] * 2)
    assert [(entry.n, entry.predicted, entry.actual) for entry in found[:2]] == [(2, 0.5, 37.0), (2, 2.5, 33.0)]
    assert decile_correlation(found) == pytest.approx(-1.0)
    assert decile_correlation(deciles(predicted, np.zeros(20))) is None
    assert scaled_error(np.array([1.0, 1.0]), np.array([0.0, 4.0])) == pytest.approx(1.0)


def test_dates_beyond_the_horizon_are_not_judged() -> None:
    said = np.concatenate([np.full(60, 10.0), np.full(60, 200.0), np.full(5, np.nan)])
    happened = np.concatenate([np.full(30, 3.0), np.full(30, np.nan), np.full(65, 1.0)])
    [found] = date_checks({0.5: said}, happened, 90)
    assert (found.n, found.happened) == (60, 0.5)
    assert date_checks({0.9: np.full(125, 400.0)}, happened, 90) == ()
