"""Demand: what was planted is found, the past never sees the future, and nobody at risk takes more than there is."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import numpy as np
import pandas as pd
import pytest

from churn_core.customers.demand import MOST_WEEKS, Foreseen, forecast_demand, foresee
from churn_core.customers.demand_backtest import asked_at, choose, foreseen, origins
from churn_core.customers.demand_methods import CANDIDATES, METHODS, SAME_WEEK, YEAR
from churn_core.customers.demand_stake import Counted, counted_on
from churn_core.customers.demand_weeks import complete_weeks
from churn_core.customers.demand_words import choice_words, note_words
from churn_core.customers.worth import WorthPlan, value_customers
from churn_core.errors import InputError, NotEnoughData
from churn_core.figures.demand import known_customers_sentence, stake_sums
from churn_core.figures.theme import money
from churn_core.intake.derived import refresh_derived
from churn_core.warehouse import Warehouse
from tests.customers.conftest import AS_OF, add_run

MONDAY = datetime(2024, 1, 1)


def fill_weeks(
    warehouse: Warehouse, n_orders: list[int], *, first: datetime = MONDAY, amount: float | None = 10.0
) -> None:
    """So many orders in each week, spread from Monday to Sunday; customers take turns."""
    rows = [
        (
            f"C{number % 30:02d}",
            f"O{week}-{number}",
            first + timedelta(weeks=week, minutes=number * 10_000 // max(n, 1)),
        )
        for week, n in enumerate(n_orders)
        for number in range(n)
    ]
    frame = pd.DataFrame(rows, columns=["customer_id", "order_id", "order_time"])
    frame["order_time"] = frame["order_time"].astype("datetime64[us]")
    frame["amount"] = amount
    with warehouse.transaction() as tx:
        tx.append("orders", frame)
        refresh_derived(tx)
        tx.bump_data_version()


def season(n_weeks: int, *, growth: float = 0.0, seed: int = 1, noise: float = 3.0) -> np.ndarray:
    """Weeks around 100 with a yearly wave of 40 and a growth per week."""
    number = np.arange(n_weeks)
    wave = 40 * np.sin(2 * np.pi * number / YEAR)
    return np.maximum(100 + growth * number + wave + np.random.default_rng(seed).normal(0, noise, n_weeks), 0)


def test_a_planted_season_and_trend_are_found() -> None:
    truth = season(168, growth=0.4, noise=0.0)
    past = season(156, growth=0.4)
    choice = choose(past, 12)
    assert choice.name in ("season", "season_trend", "last_year_level")
    assert choice.row.against_same_week is not None
    assert choice.row.against_same_week < 0.5
    ahead = foreseen(past, 12, choice.method)
    assert ahead is not None
    assert np.abs(ahead.centre / truth[156:] - 1).max() < 0.08


def test_a_planted_trend_without_a_season_beats_the_same_week_last_year() -> None:
    past = 50 + 2.0 * np.arange(110) + np.random.default_rng(3).normal(0, 2, 110)
    choice = choose(past, 12)
    assert not choice.is_yardstick
    ahead = foreseen(past, 12, choice.method)
    assert ahead is not None
    assert ahead.centre.sum() == pytest.approx(sum(50 + 2.0 * number for number in range(110, 122)), rel=0.06)


def test_a_season_that_repeats_itself_needs_nothing_better_than_last_year() -> None:
    one_year = np.random.default_rng(2).integers(20, 200, YEAR).astype(float)
    choice = choose(np.tile(one_year, 2), 12)
    assert choice.is_yardstick
    assert choice.row.error_share == pytest.approx(0.0, abs=1e-12)
    assert choice.rows[0].name == SAME_WEEK.name
    ahead = foreseen(np.tile(one_year, 2), 12, choice.method)
    assert ahead is not None
    np.testing.assert_allclose(ahead.centre, one_year[:12])


@pytest.mark.parametrize("method", [SAME_WEEK, *CANDIDATES], ids=lambda method: method.name)
def test_weeks_after_the_origin_change_nothing(method: object) -> None:
    chosen = METHODS[method.name]  # type: ignore[attr-defined]
    past = season(120, growth=0.3)
    for later in (np.full(30, 9_999.0), np.zeros(30), season(30, seed=9)):
        then = asked_at(np.concatenate([past, later]), 120, 12, chosen)
        alone = foreseen(past, 12, chosen)
        assert then is not None
        assert alone is not None
        np.testing.assert_array_equal(then.centre, alone.centre)
        np.testing.assert_array_equal(then.paths, alone.paths)


@pytest.mark.parametrize("n_known", [12, 13, 20, 51, 52, 60, 104, 156, 260])
@pytest.mark.parametrize("n_weeks", [4, 12, 26])
def test_past_windows_are_over_and_begin_after_some_history(n_known: int, n_weeks: int) -> None:
    found, window = origins(n_known, n_weeks)
    assert found
    assert window <= n_weeks
    assert min(found) >= 8
    assert max(found) + window == n_known


@pytest.mark.parametrize(
    "past",
    [np.zeros(30), np.full(40, 5.0), np.random.default_rng(4).poisson(0.3, 60).astype(float), np.arange(12.0)],
    ids=["nothing", "constant", "sparse", "short"],
)
def test_odd_histories_are_foreseen_with_ordered_intervals(past: np.ndarray) -> None:
    found = _foresee(past)
    for week in found.ahead:
        assert 0 <= week.low_95 <= week.low_80 <= week.expected <= week.high_80 <= week.high_95 < 1e4
    for total in found.totals:
        assert 0 <= total.low_95 <= total.low_80 <= total.expected <= total.high_80 <= total.high_95
    assert sum(week.expected for week in found.ahead) == pytest.approx(found.totals[-1].expected)


def test_where_most_weeks_are_empty_nothing_is_not_the_best_answer() -> None:
    past = np.random.default_rng(5).poisson(0.3, 120).astype(float)
    assert _foresee(past).totals[-1].expected > 0.3 * 12 / 4


@pytest.mark.parametrize("per_day", [0.0, 1.0, 13.0, 1e9])
def test_without_the_customers_at_risk_is_never_negative_and_never_more(per_day: float) -> None:
    found = _foresee(season(80), at_stake_per_day=per_day)
    assert found.share_at_stake is not None
    assert 0 <= found.share_at_stake <= 1
    for week in found.ahead:
        assert week.without is not None
        assert 0 <= week.without <= week.expected
    total = found.totals[-1]
    assert total.at_stake == pytest.approx(min(per_day * 7 * 12, total.expected))


def test_incomplete_weeks_are_left_out_and_empty_weeks_are_zeros(warehouse: Warehouse) -> None:
    fill_weeks(warehouse, [14, 14, 0, 0, *[14] * 12, 1], first=MONDAY + timedelta(days=2))
    weeks = complete_weeks(warehouse)
    assert weeks.starts[0].isoformat() == "2024-01-08"
    assert {start.weekday() for start in weeks.starts} == {0}
    end = warehouse.value("SELECT max(order_time) FROM orders")
    assert datetime.combine(weeks.next_start, datetime.min.time()) <= end
    by_hand = [
        warehouse.value(
            "SELECT count(*) FROM orders WHERE order_time >= $a AND order_time < $a + INTERVAL 7 DAY", {"a": start}
        )
        for start in weeks.starts
    ]
    assert weeks.orders.tolist() == by_hand
    assert weeks.n_empty == 1
    assert weeks.revenue is not None
    np.testing.assert_allclose(weeks.revenue, 10.0 * weeks.orders)


def test_weeks_that_begin_on_monday_and_end_on_sunday_all_count(warehouse: Warehouse) -> None:
    fill_weeks(warehouse, [70] * 13)
    assert len(complete_weeks(warehouse).starts) == 13


def test_too_short_a_history_and_odd_weeks_are_one_sentence(warehouse: Warehouse) -> None:
    with pytest.raises(NotEnoughData, match="no orders"):
        forecast_demand(warehouse)
    fill_weeks(warehouse, [20] * 8)
    with pytest.raises(NotEnoughData, match=r"complete weeks \(Monday to Sunday\); at least 12"):
        forecast_demand(warehouse)
    for n_weeks in (3, MOST_WEEKS + 1):
        with pytest.raises(InputError, match="choose between 4 and 26"):
            forecast_demand(warehouse, n_weeks)


def test_without_amounts_orders_are_foreseen_and_that_is_said(warehouse: Warehouse) -> None:
    fill_weeks(warehouse, [20] * 20, amount=None)
    demand = forecast_demand(warehouse, 4)
    assert demand.revenue is None
    assert "no amounts" in demand.why_no_revenue
    assert demand.orders.totals[-1].expected == pytest.approx(80, rel=0.05)
    assert "Nobody was scored" in demand.why_no_stake
    assert len(note_words(demand)) == 3
    assert "mean of the last 4 weeks" in choice_words(demand.orders)


def test_revenue_is_after_the_returns_of_the_same_week(warehouse: Warehouse) -> None:
    fill_weeks(warehouse, [20] * 20)
    before = forecast_demand(warehouse, 4)
    assert not before.is_net
    returned = [(2, 50.0), (2, 30.0), (5, 1e6), (7, None)]
    frame = pd.DataFrame(
        {
            "return_id": [f"R{number}" for number in range(len(returned))],
            "customer_id": "C01",
            "return_time": [MONDAY + timedelta(weeks=week, days=6, hours=23) for week, _ in returned],
            "amount": [amount for _, amount in returned],
        }
    )
    frame["return_time"] = frame["return_time"].astype("datetime64[us]")
    with warehouse.transaction() as tx:
        tx.append("returns", frame)
        tx.bump_data_version()
    after = forecast_demand(warehouse, 4)
    assert before.revenue is not None
    assert after.revenue is not None
    assert after.is_net
    expected = list(before.revenue.past)
    expected[2], expected[5] = expected[2] - 80.0, 0.0
    assert after.revenue.past == pytest.approx(expected)
    assert after.orders.past == before.orders.past
    told = [note for note in note_words(after) if "after returns" in note]
    assert len(told) == 1
    assert not any("after returns" in note for note in note_words(before))


def test_at_stake_is_what_is_expected_of_the_high_tier(warehouse: Warehouse) -> None:
    fill_weeks(warehouse, [60] * 44)
    _define(warehouse, horizon_days=70)
    add_run(
        warehouse,
        {"C00": 0.9, "C01": 0.8, "C02": 0.2},
        values={"C00": 100.0, "C01": 50.0, "C02": 900.0},
        as_of=MONDAY + timedelta(weeks=44),
    )
    found = counted_on(warehouse)
    assert isinstance(found, Counted)
    assert not found.is_valued
    assert (found.n_customers, found.n_unknown) == (2, 0)
    assert found.revenue_per_day == pytest.approx((0.1 * 100 + 0.2 * 50) / 70)
    assert found.kept_per_day == pytest.approx((0.9 * 100 + 0.8 * 50) / 70)
    by_hand = {
        customer: warehouse.value(
            "SELECT count(DISTINCT CAST(order_time AS DATE)) FROM orders WHERE customer_id = $c AND order_time >= $a",
            {"c": customer, "a": MONDAY + timedelta(weeks=34)},
        )
        for customer in ("C00", "C01")
    }
    assert found.orders_per_day == pytest.approx((0.1 * by_hand["C00"] + 0.2 * by_hand["C01"]) / 70)
    demand = forecast_demand(warehouse, 10)
    assert demand.revenue is not None
    assert demand.revenue.totals[-1].at_stake == pytest.approx(20.0)
    assert (found.value_at_risk, found.scored_days) == (pytest.approx(0.9 * 100 + 0.8 * 50), 70)
    sums = stake_sums(demand, demand.revenue, currency="EUR")
    assert [(name, amount) for name, amount, _ in sums] == [
        ("Counted on from them", "€20"),
        ("At risk in these weeks", "about €130"),
        ("Value at risk", "€130"),
    ]
    assert sums[1][2] == "risk x what they would bring by staying, in 10 weeks"
    assert sums[-1][2].startswith("risk x what they would bring by staying, in the 70 days of the scores, as on")
    assert [name for name, *_ in stake_sums(demand, demand.orders)] == ["Counted on from them"]
    valued = replace(demand, counted=replace(found, is_valued=True))
    assert "does not add up with the value model's sum" in stake_sums(valued, demand.revenue)[1][2]


def test_at_stake_follows_the_worth_run_where_there_is_one(warehouse: Warehouse) -> None:
    fill_weeks(warehouse, [60] * 44)
    _define(warehouse, horizon_days=70)
    add_run(warehouse, {"C00": 0.9, "C01": 0.8, "C02": 0.2}, as_of=MONDAY + timedelta(weeks=44))
    _value(warehouse, {"C00": (1.5, 30.0), "C01": (0.5, None), "C02": (9.0, 400.0)}, horizon_days=90)
    found = counted_on(warehouse)
    assert isinstance(found, Counted)
    assert found.is_valued
    assert found.n_unknown == 1
    assert found.revenue_per_day == pytest.approx(30 / 90)
    assert found.orders_per_day == pytest.approx(2 / 90)


def test_the_forecast_is_held_against_what_customers_are_worth(warehouse: Warehouse) -> None:
    fill_weeks(warehouse, [60] * 44)
    assert known_customers_sentence(forecast_demand(warehouse, 10)) == ""
    value_customers(warehouse, WorthPlan(horizon_days=90))
    expected = warehouse.value("SELECT sum(expected_spend) FROM worth") * 70 / 90
    demand = forecast_demand(warehouse, 10)
    assert demand.revenue is not None
    assert demand.valued is not None
    assert demand.of_known_customers == pytest.approx(expected)
    low = replace(demand, valued=replace(demand.valued, spend=0.5 * demand.revenue.totals[-1].expected * 90 / 70))
    total, came = demand.revenue.totals[-1].expected, sum(demand.revenue.past[-10:])
    said = known_customers_sentence(low, currency="EUR")
    assert "(spread evenly from its 90 days)" in said
    assert f"the pages Value and Demand differ by {money(0.5 * total, 'EUR')}: Value expects" in said
    assert (
        f"Demand {money(total, 'EUR')} from the whole shop. The 10 weeks before brought {money(came, 'EUR')}." in said
    )
    assert said.endswith("If both are right, newcomers bring the difference, 50.0 % of Demand's revenue.")
    high = replace(demand, valued=replace(demand.valued, spend=9.0 * total))
    said = known_customers_sentence(high, currency="EUR")
    assert f"differ by {money((9.0 * 70 / 90 - 1) * total, 'EUR')}:" in said
    assert f"The 10 weeks before brought {money(came, 'EUR')}." in said
    assert said.endswith("they cannot both be right, and which is nearer is not known.")
    young = replace(demand.revenue, past=demand.revenue.past[-9:])
    assert "before brought" not in known_customers_sentence(replace(low, revenue=young), currency="EUR")
    with warehouse.transaction() as tx:
        tx.bump_data_version()
    assert forecast_demand(warehouse, 10).of_known_customers is None


def test_a_worth_run_of_older_data_is_not_used(warehouse: Warehouse) -> None:
    fill_weeks(warehouse, [60] * 44)
    _define(warehouse, horizon_days=70)
    _value(warehouse, {"C00": (1.5, 30.0)}, horizon_days=90)
    with warehouse.transaction() as tx:
        tx.bump_data_version()
    add_run(warehouse, {"C00": 0.9}, as_of=MONDAY + timedelta(weeks=44))
    found = counted_on(warehouse)
    assert isinstance(found, Counted)
    assert not found.is_valued


def test_scores_of_a_labelled_table_say_nothing_about_orders(warehouse: Warehouse) -> None:
    fill_weeks(warehouse, [60] * 20)
    _define(warehouse, horizon_days=70)
    add_run(warehouse, {"C00": 0.9}, source="snapshots", as_of=None)
    assert "labelled table" in forecast_demand(warehouse, 4).why_no_stake


def test_the_weeks_before_christmas_of_a_real_shop_are_foreseen(real_data: object, warehouse: Warehouse) -> None:
    frame = pd.read_csv(f"{real_data}/online_retail_II_orders.csv", parse_dates=["order_time"], dtype={"order_id": str})
    known = frame[frame["order_time"] < "2011-10-03"].rename(columns={"items": "n_items"})
    known["customer_id"] = known["customer_id"].astype(str)
    known["order_time"] = known["order_time"].astype("datetime64[us]")
    with warehouse.transaction() as tx:
        tx.append("orders", known)
        refresh_derived(tx)
        tx.bump_data_version()
    demand = forecast_demand(warehouse, 9)
    later = frame[(frame["order_time"] >= "2011-10-03") & (frame["order_time"] < "2011-12-05")]
    assert demand.orders.ahead[0].start.isoformat() == "2011-10-03"
    assert demand.orders.totals[-1].expected == pytest.approx(len(later), rel=0.15)
    summer = sum(demand.orders.past[-20:]) / 20
    assert max(week.expected for week in demand.orders.ahead) > 1.4 * summer


@pytest.mark.slow
@pytest.mark.parametrize(("n_weeks_known", "most_80"), [(40, 0.97), (130, 0.95)])
def test_intervals_hold_at_least_about_as_often_as_they_say(n_weeks_known: int, most_80: float) -> None:
    # Before a season is known, methods that follow the level expect it to wander: intervals are on the wide side.
    held = {"80": [], "95": [], "total": []}  # type: dict[str, list[bool]]
    for seed in range(60):
        rng = np.random.default_rng(seed)
        level = 100 + np.cumsum(rng.normal(0, 2, n_weeks_known + 8))
        wave = 1 + 0.3 * np.sin(2 * np.pi * np.arange(n_weeks_known + 8) / YEAR)
        whole = rng.poisson(np.maximum(level * wave, 1)).astype(float)
        found = _foresee(whole[:n_weeks_known], n_weeks=8)
        for week, came in zip(found.ahead, whole[n_weeks_known:], strict=True):
            held["80"].append(week.low_80 <= came <= week.high_80)
            held["95"].append(week.low_95 <= came <= week.high_95)
        total = found.totals[-1]
        held["total"].append(total.low_80 <= whole[n_weeks_known:].sum() <= total.high_80)
    shares = {name: float(np.mean(values)) for name, values in held.items()}
    assert 0.72 <= shares["80"] <= most_80, shares
    assert 0.89 <= shares["95"] <= 1.0, shares
    assert shares["total"] >= 0.65, shares


def _foresee(past: np.ndarray, *, n_weeks: int = 12, at_stake_per_day: float | None = None) -> Foreseen:
    from churn_core.customers.demand_weeks import WEEK, Weeks

    first = AS_OF.date() - len(past) * WEEK
    weeks = Weeks(
        starts=tuple(first + number * WEEK for number in range(len(past))), orders=past, revenue=None,
        orders_per_day=1.0, n_empty=0, is_net=False,
    )  # fmt: skip
    return foresee("orders", weeks, past, n_weeks, at_stake_per_day=at_stake_per_day)


def _define(warehouse: Warehouse, *, horizon_days: int) -> None:
    from churn_core.features.definition import save_definition
    from churn_core.timeline import ChurnDefinition

    assert save_definition(warehouse, ChurnDefinition(horizon_days=horizon_days)).version == 1


def _value(warehouse: Warehouse, worth: dict[str, tuple[float, float | None]], *, horizon_days: int) -> None:
    """A run of the Value page with these expected orders and this expected spend."""
    value_customers(warehouse, WorthPlan(horizon_days=horizon_days))
    with warehouse.transaction() as tx:
        tx.execute("UPDATE worth SET expected_orders = 0, expected_spend = 0")
        for customer, (orders, spend) in worth.items():
            tx.execute(
                "UPDATE worth SET expected_orders = $orders, expected_spend = $spend WHERE customer_id = $customer",
                {"orders": orders, "spend": spend, "customer": customer},
            )
