"""One usual gap: what models learn from, reasons tell and the rhythm shows is one number, known at the cutoff."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import numpy as np
import pandas as pd
import pytest

from churn_core.customers.personal_rhythm import Rhythm, rhythm, rhythm_words, rhythms_sql
from churn_core.features.build import build_features
from churn_core.features.shop_habits import habits
from churn_core.features.supposed import recalculated
from churn_core.features.usual_gap import MOST_COHORTS, gap_parameters, shrinkage, shrinkage_of
from churn_core.timeline import ChurnDefinition
from churn_core.warehouse import Warehouse
from tests.customers.order_days import fill

EVERYBODY = ChurnDefinition(horizon_days=60)
RHYTHM = ["days_since_last_order", "usual_gap_days", "lateness_ratio"]


def as_features(warehouse: Warehouse, cutoff: datetime, **asked: object) -> pd.DataFrame:
    return build_features(warehouse, cutoff, EVERYBODY, features=RHYTHM, **asked).astype("float64")  # type: ignore[arg-type]


def as_rhythm(warehouse: Warehouse, as_of: datetime) -> pd.DataFrame:
    sql, parameters = rhythms_sql(habits(warehouse, as_of=as_of))
    return warehouse.frame(sql, parameters).set_index("customer_id").sort_index()


def end_of(warehouse: Warehouse) -> datetime:
    last: datetime = warehouse.value("SELECT max(order_time) FROM orders")
    return datetime(last.year, last.month, last.day) + timedelta(days=1)


@pytest.mark.parametrize("days_ago", [0, 1, 200, 700, -500])
def test_features_and_rhythm_say_the_same(demo_shop: Warehouse, days_ago: int) -> None:
    cutoff = end_of(demo_shop) - timedelta(days=days_ago)
    features, shown = as_features(demo_shop, cutoff), as_rhythm(demo_shop, cutoff)
    assert len(features) == len(shown) > 400
    assert list(features.index) == list(shown.index)
    np.testing.assert_allclose(features["usual_gap_days"], shown["usual_gap_days"], rtol=1e-6)
    if days_ago >= 0:
        late = shown["days_since"] / shown["usual_gap_days"]
        np.testing.assert_allclose(features["lateness_ratio"], late, rtol=1e-6)
        assert (features["days_since_last_order"] == shown["days_since"]).all()


def test_a_large_shop_is_sampled_alike_on_both_routes(demo_shop: Warehouse, monkeypatch: pytest.MonkeyPatch) -> None:
    end = end_of(demo_shop)
    whole = as_features(demo_shop, end)["usual_gap_days"]
    monkeypatch.setattr("churn_core.features.usual_gap.N_SAMPLED", 500)
    sampled = as_features(demo_shop, end)["usual_gap_days"]
    np.testing.assert_allclose(sampled, as_rhythm(demo_shop, end)["usual_gap_days"], rtol=1e-6)
    assert (sampled != whole).mean() > 0.9


def test_orders_from_the_cutoff_on_change_nothing(demo_copy: Warehouse) -> None:
    cutoff = end_of(demo_copy) - timedelta(days=400)
    before, leaning = as_features(demo_copy, cutoff), shrinkage(demo_copy, cutoff)
    with demo_copy.transaction() as tx:
        tx.execute("DELETE FROM orders WHERE order_time >= $cutoff", {"cutoff": cutoff})
    assert shrinkage(demo_copy, cutoff) == leaning
    pd.testing.assert_frame_equal(as_features(demo_copy, cutoff), before)


def test_a_customer_alone_is_told_as_among_all(demo_shop: Warehouse) -> None:
    cutoff = end_of(demo_shop) - timedelta(days=90)
    everybody = as_features(demo_shop, cutoff)
    some = list(everybody.index[::300])
    pd.testing.assert_frame_equal(as_features(demo_shop, cutoff, customer_ids=some), everybody.loc[some])
    drawn = as_features(demo_shop, cutoff, n_most=7)
    pd.testing.assert_frame_equal(drawn, everybody.loc[drawn.index])


def test_time_passes_while_nothing_becomes_known(demo_shop: Warehouse) -> None:
    known = end_of(demo_shop) - timedelta(days=120)
    then, later = (
        as_features(demo_shop, known),
        as_features(demo_shop, known + timedelta(days=40), known_until=known),
    )
    assert (later["days_since_last_order"] == then["days_since_last_order"] + 40).all()
    pd.testing.assert_series_equal(later["usual_gap_days"], then["usual_gap_days"])
    np.testing.assert_allclose(
        later["lateness_ratio"], later["days_since_last_order"] / later["usual_gap_days"], rtol=1e-6
    )


def test_a_supposed_silence_is_measured_by_the_same_gap(demo_shop: Warehouse) -> None:
    end = end_of(demo_shop)
    customer = demo_shop.value("SELECT customer_id FROM orders GROUP BY customer_id HAVING count(*) = 4 ORDER BY 1")
    found = recalculated(demo_shop, end, EVERYBODY, customer, {"days_since_last_order": 77.0})
    shown = rhythm(demo_shop, customer)
    assert shown is not None
    assert shown.usual_gap_days is not None
    assert found["lateness_ratio"] == pytest.approx(77 / shown.usual_gap_days, rel=1e-6)


def test_few_gaps_lean_more_than_many(demo_shop: Warehouse) -> None:
    end = end_of(demo_shop)
    frame = build_features(demo_shop, end, EVERYBODY, features=["mean_gap_days", "usual_gap_days", "n_order_days"])
    shop = shrinkage(demo_shop, end).shop_gap_days
    assert shop is not None
    moved = (frame["usual_gap_days"] - frame["mean_gap_days"]).abs() / (shop - frame["mean_gap_days"]).abs()
    assert moved[frame["n_order_days"] == 2].median() > 3 * moved[frame["n_order_days"] > 15].median()


def test_a_shop_where_nobody_ordered_twice_has_no_usual_gap(warehouse: Warehouse) -> None:
    fill(warehouse, {f"c{nr}": [f"2024-01-0{1 + nr % 9}"] for nr in range(20)})
    found = as_features(warehouse, datetime(2024, 1, 20))
    assert found["usual_gap_days"].isna().all()
    assert found["lateness_ratio"].isna().all()
    assert found["days_since_last_order"].notna().all()
    assert shrinkage(warehouse, datetime(2023, 1, 1)).shop_gap_days is None


def test_customers_who_are_all_alike_have_the_gap_of_the_shop(warehouse: Warehouse) -> None:
    fill(
        warehouse, {f"c{nr}": ["2024-01-01", "2024-01-11", "2024-01-31"] for nr in range(9)} | {"once": ["2024-01-05"]}
    )
    end = end_of(warehouse)
    assert shrinkage(warehouse, end).weight is None
    assert (as_features(warehouse, end)["usual_gap_days"] == 15).all()


def test_a_shop_of_perfectly_regular_customers_still_tells_newcomers(warehouse: Warehouse) -> None:
    start = date(2024, 1, 1)
    days = {
        f"c{nr}-{step}": [f"{start + timedelta(days=step * n)}" for n in range(5)]
        for nr in range(5)
        for step in (10, 30)
    }
    fill(warehouse, days | {"once": ["2024-01-05"]})
    end = end_of(warehouse)
    assert shrinkage(warehouse, end).weight == 0
    assert shrinkage(warehouse, end).usual_gap_days(0, 0, 2024) == 20
    found = as_features(warehouse, end)["usual_gap_days"]
    assert found.loc[["c0-10", "c0-30", "once"]].tolist() == [10, 30, 20]
    assert as_rhythm(warehouse, end)["usual_gap_days"].loc[["c0-10", "once"]].tolist() == [10, 20]


def test_a_single_order_says_whose_gap_it_is() -> None:
    facts = {"customer_id": "a", "n_gaps": 0, "last_order": date(2024, 5, 1), "days_since": 60, "due_days": None}
    found = Rhythm(**facts, usual_gap_days=35.0, cohort_year=2024, alike="", spend_amount_365=None)  # type: ignore[arg-type]
    assert rhythm_words(found).startswith(
        "60 days since the only order; the usual gap of customers who came in 2024 is 35"
    )
    young = Rhythm(
        **facts,
        usual_gap_days=35.0,
        cohort_year=2024,
        alike="",
        spend_amount_365=None,
        is_cohort_known=False,  # type: ignore[arg-type]
    )
    assert rhythm_words(young).startswith("60 days since the only order; the usual gap in the shop is 35")


def test_each_year_has_its_own_gap_and_the_rest_lean_on_the_shop(warehouse: Warehouse) -> None:
    first = {2018: 20, 2019: 50, 2021: 35, 2023: 12}
    days = {
        f"{year}-{nr}": [f"{date(year, 2, 1) + timedelta(days=(gap + nr % 3) * step)}" for step in range(4)]
        for year, gap in first.items()
        for nr in range(25)
    }
    fill(warehouse, days | {f"once {year}": [f"{year}-12-31"] for year in range(2017, 2024)} | {"z": ["2023-12-31"]})
    end = end_of(warehouse)
    leaning = shrinkage(warehouse, end)
    assert sorted(leaning.cohort_gap_days) == [2018, 2019, 2021]
    assert leaning.shop_gap_days is not None
    found = as_features(warehouse, end)["usual_gap_days"]
    for year in range(2017, 2024):
        expected = leaning.cohort_gap_days.get(year, leaning.shop_gap_days)
        assert found[f"once {year}"] == pytest.approx(expected, rel=1e-6), year
    np.testing.assert_allclose(found, as_rhythm(warehouse, end)["usual_gap_days"], rtol=1e-6)


def test_only_the_latest_years_have_a_gap_of_their_own() -> None:
    rows = [(year, 1, 60, 60 * 30.0, 60 * 900.0, 60 * 900.0) for year in range(1980, 2021)]
    found = shrinkage_of(rows, last_year=2019)
    assert sorted(found.cohort_gap_days) == list(range(2020 - MOST_COHORTS, 2020))
    parameters = gap_parameters(found, datetime(2021, 1, 1))
    assert parameters[f"cohort_age_{MOST_COHORTS}"] == (date(2021, 1, 1) - date(2020, 1, 1)).days
    assert parameters["cohort_gap_0"] == found.shop_gap_days
