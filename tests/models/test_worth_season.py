"""The season is read from the whole shop where customers cannot tell it yet, and a lifetime follows it."""

from __future__ import annotations

from datetime import datetime, timedelta

import numpy as np
import pandas as pd
import pytest

from churn_core.intake.derived import refresh_derived
from churn_core.models import worth, worth_shapes
from churn_core.models.worth_check import mean_interval
from churn_core.models.worth_level import Said, both_readings, shop_season
from churn_core.models.worth_lifetime import (
    LifetimeCheck,
    later_levels,
    level_of_window,
    lifetime_checks,
    low_and_high,
    year_known_from,
)
from churn_core.models.worth_period import NEWCOMERS, period_at, shop_within, spend_within
from churn_core.models.worth_rhythm import ORDERS, SPEND
from churn_core.warehouse import Warehouse

START, END = datetime(2023, 1, 1), datetime(2025, 7, 1)
DAYS = 90
BUSY = 4.0
"""Times as many orders a day in the last quarter of a year as in the others."""


@pytest.fixture(scope="module")
def shop() -> Warehouse:
    """Customers who come all the time, stay about a year and a half, and buy four times as often before Christmas."""
    draw = np.random.default_rng(5)
    n_days = (END - START).days
    rows = []
    for number in range(700):
        first = float(draw.uniform(0, n_days - 5))
        leaves = first + float(draw.exponential(550))
        rows.append((f"c{number}", first, 20.0))
        days = np.arange(np.floor(first) + 1, min(leaves, n_days))
        bought = days[draw.random(len(days)) < np.where(days % 365 >= 274, BUSY, 1.0) / 60]
        rows += [(f"c{number}", float(day) + 0.5, float(draw.gamma(4, 5))) for day in bought]
    frame = pd.DataFrame(rows, columns=["customer_id", "day", "amount"])
    frame["order_time"] = (pd.Timestamp(START) + pd.to_timedelta(frame.pop("day"), unit="D")).dt.floor("s")
    frame["order_time"] = frame["order_time"].astype("datetime64[us]")
    frame["order_id"] = [f"o{number}" for number in range(len(frame))]
    warehouse = Warehouse.open(None)
    with warehouse.transaction() as tx:
        tx.append("orders", frame)
        refresh_derived(tx)
        tx.bump_data_version()
    return warehouse


def came(warehouse: Warehouse, since: datetime, days: int, *, known: datetime) -> float:
    """Spend within a window of those who had bought before a day, in SQL of its own."""
    return float(
        warehouse.value(
            "SELECT sum(amount)::DOUBLE FROM orders WHERE order_time >= $since AND order_time < $until AND customer_id "
            "IN (SELECT customer_id FROM orders WHERE order_time < $known)",
            {"since": since, "until": since + timedelta(days=days), "known": known},
        )
    )


def test_what_the_whole_shop_sold_is_counted_with_its_newcomers(shop: Warehouse) -> None:
    cutoff = datetime(2024, 3, 1)
    found = shop_within(shop, cutoff, 30)
    orders = shop.frame(
        "SELECT customer_id, order_time, amount::DOUBLE AS amount, min(order_time) OVER (PARTITION BY customer_id) AS "
        "first FROM orders"
    )
    inside = orders[(orders["order_time"] >= cutoff) & (orders["order_time"] < cutoff + timedelta(days=30))]
    assert found[SPEND] == pytest.approx(inside["amount"].sum())
    assert found[NEWCOMERS] == inside.loc[inside["first"] >= cutoff, "customer_id"].nunique()
    assert found[ORDERS] == len(
        inside.assign(day=inside["order_time"].dt.date)[["customer_id", "day"]].drop_duplicates()
    )
    customers = pd.Index(sorted(orders.loc[orders["first"] < cutoff, "customer_id"].unique()))
    assert spend_within(shop, cutoff, 30, customers).sum() == pytest.approx(came(shop, cutoff, 30, known=cutoff))


def test_the_level_before_christmas_is_known_from_the_shop_before_customers_can_tell(shop: Warehouse) -> None:
    cutoff = datetime(2024, 2, 1)
    history = worth.History(shop, DAYS, cutoff)
    assert history.last_year(cutoff, SPEND) is None
    said = history.said_at(cutoff, SPEND)
    assert said.is_of_shop
    assert said.level(1.0).rule == "shop_season"
    actual = worth.History(shop, DAYS, END).plain(cutoff).levels[SPEND]
    assert said.average is not None
    assert said.last_year is not None
    assert actual is not None
    assert abs(np.log(said.last_year / actual)) < 0.5 * abs(np.log(said.average / actual))


def test_a_shop_that_wins_nobody_any_more_says_nothing_of_the_season(shop: Warehouse) -> None:
    frozen = Warehouse.open(None)
    known = shop.frame("SELECT customer_id, order_id, order_time, amount FROM orders")
    first = known.groupby("customer_id")["order_time"].transform("min")
    with frozen.transaction() as tx:
        tx.append("orders", known[first < datetime(2023, 4, 1)])
        refresh_derived(tx)
        tx.bump_data_version()
    cutoff = datetime(2024, 2, 1)
    assert worth.History(frozen, DAYS, cutoff).season(cutoff, SPEND) is None
    assert worth.History(shop, DAYS, cutoff).season(cutoff, SPEND) is not None


def test_a_past_date_read_quickly_says_the_same_level(shop: Warehouse) -> None:
    cutoff = datetime(2024, 6, 1)
    quick, whole = worth.History(shop, DAYS, END).plain(cutoff), period_at(shop, cutoff, DAYS)
    assert len(quick.frame.columns) < len(whole.frame.columns)
    assert quick.levels == pytest.approx(whole.levels)


def test_readings_of_the_season_by_hand() -> None:
    assert shop_season([1.0, 2.0], [100.0, 200.0], 50.0) == pytest.approx(0.5)
    assert shop_season([1.0], [0.0], 50.0) is None
    assert both_readings(None, None, 10) is None
    assert both_readings(2.0, None, 0) == 2.0
    assert both_readings(2.0, 0.5, 91) == pytest.approx(2.0**0.25 * 0.5**0.75)
    assert Said(average=1.0, last_year=0.5).level(1.0).rule == "last_year"


def test_later_seasons_are_those_of_the_year_before(shop: Warehouse) -> None:
    history = worth.History(shop, DAYS, END)
    cutoff = datetime(2025, 1, 5)
    levels = later_levels(history, cutoff, 1.0)
    assert len(levels) == 4
    assert np.argmax(levels) == 3
    assert levels[3] > 2.5 * min(levels[:3])
    assert [level_of_window(levels, number, 9.0) for number in (4, 7)] == [levels[0], levels[3]]
    flat = later_levels(history, cutoff, 0.0)
    assert flat == pytest.approx([flat[0]] * 4)
    assert later_levels(history, datetime(2023, 9, 1), 1.0) == ()


def test_a_lifetime_measured_at_christmas_is_not_taken_for_the_whole_year(shop: Warehouse) -> None:
    cutoff = datetime(2024, 9, 30)
    history = worth.History(shop, DAYS, cutoff)
    later = worth.History(shop, DAYS, END)
    past = later.plain(cutoff)
    assert past.rhythm is not None
    levels = list(later_levels(history, cutoff, 1.0))[:3]
    expected = past.rhythm.expected_spend(past.frame, DAYS) @ past.rhythm.fading(past.frame, DAYS, 3).T
    actual = came(shop, cutoff, 3 * DAYS, known=cutoff)
    carried = float(expected.sum()) * levels[0]
    assert float(expected @ np.array(levels)) == pytest.approx(actual, rel=0.25)
    assert carried > 1.4 * actual


def test_lifetimes_are_checked_over_all_the_time_since(shop: Warehouse) -> None:
    history = worth.History(shop, DAYS, END)
    found = lifetime_checks(history, 2.0)
    assert len(found) >= 3
    assert [check.days for check in found] == sorted((check.days for check in found), reverse=True)
    for check in found:
        assert check.cutoff + timedelta(days=check.days) <= END
        assert check.actual == pytest.approx(came(shop, check.cutoff, check.days, known=check.cutoff))
        assert LifetimeCheck.from_json(check.to_json()) == check
    known = [check.ratio for check in found if check.knows_seasons]
    assert len(known) >= 3
    assert known == pytest.approx([1.0] * len(known), abs=0.4)
    too_early = [check for check in found if not check.knows_seasons]
    assert max(check.ratio for check in too_early) > 3
    assert max(check.cutoff for check in too_early) < year_known_from(history) <= END
    assert all(check.days <= 5 * DAYS for check in lifetime_checks(history, 1.0))


def test_low_and_high_are_as_far_off_as_the_worst_past_dates() -> None:
    def check(predicted: float) -> LifetimeCheck:
        return LifetimeCheck(cutoff=START, days=180, predicted=predicted, actual=100.0)

    assert low_and_high(1000.0, [check(125.0), check(80.0), check(100.0)]) == pytest.approx((800.0, 1250.0))
    assert low_and_high(1000.0, [check(125.0), check(200.0)]) == pytest.approx((500.0, 2000.0))
    unknown = LifetimeCheck(cutoff=START, days=180, predicted=400.0, actual=100.0, knows_seasons=False)
    assert low_and_high(1000.0, [check(125.0), check(80.0), unknown]) == pytest.approx((800.0, 1250.0))
    assert low_and_high(1000.0, [check(125.0), unknown]) is None
    assert low_and_high(1000.0, [check(125.0)]) is None


def test_a_mix_follows_the_trees_and_what_customers_spent_themselves(monkeypatch: pytest.MonkeyPatch) -> None:
    frame = pd.DataFrame({"spend_amount_90": [0.0, 100.0, 0.0], "spend_amount_365": [0.0, 100.0, 300.0]})

    class Known:
        def shape(self, _: pd.DataFrame) -> np.ndarray:
            return np.array([1.0, 1.0, 2.0])

    trees = dict.fromkeys(("tweedie", "two_part"), Known())
    made = worth_shapes.shape_by("mix", trees, None, frame, SPEND, 90)  # type: ignore[arg-type]
    assert made == pytest.approx([0.65 * 0.25, 0.65 * 0.25 + 0.2 + 0.15 * 0.25, 0.65 * 0.5 + 0.15 * 0.75])
    silent = worth_shapes.shape_by("mix", trees, None, 0.0 * frame, SPEND, 90)  # type: ignore[arg-type]
    assert silent == pytest.approx([0.25, 0.25, 0.5])


def test_an_interval_of_a_mean_holds_the_mean_and_widens_with_one_large_order() -> None:
    values = np.random.default_rng(1).normal(10, 5, 400)
    low, high = mean_interval(values)
    assert low < values.mean() < high
    assert high - low == pytest.approx(2 * 1.96 * 5 / 20, rel=0.2)
    wide = mean_interval(np.append(values, 5_000.0))
    assert wide[1] - wide[0] > 10 * (high - low)
    assert mean_interval(values) == (low, high)
