"""Own rhythm: shrinkage by hand and by a second route, lateness, the date of the many, and what is not known."""

from __future__ import annotations

from collections import defaultdict
from datetime import date, datetime, timedelta

import numpy as np
import pytest
from statsmodels.duration.survfunc import SurvfuncRight

from churn_core.customers.lifecycle import LAPSED_GAPS, stage_of
from churn_core.customers.personal_rhythm import LATE_GAPS, late_customers, rhythm, rhythm_words
from churn_core.errors import InputError, NotEnoughData
from churn_core.features.definition import save_definition
from churn_core.features.shop_habits import Shrinkage, habits
from churn_core.features.usual_gap import shrinkage_of
from churn_core.timeline import ChurnDefinition
from churn_core.warehouse import Warehouse
from tests.customers.order_days import fill, order_days

Sums = list[tuple[int, int, int, float, float, float]]


def sums(gaps_of: dict[str, list[float]], year: int = 2020) -> Sums:
    """What the warehouse hands to the shrinkage, from gaps per customer."""
    by_n: dict[int, list[list[float]]] = defaultdict(list)
    for gaps in gaps_of.values():
        by_n[len(gaps)].append(gaps)
    return [
        (
            year,
            n,
            len(rows),
            sum(float(np.mean(gaps)) for gaps in rows),
            sum(float(np.mean(gaps)) ** 2 for gaps in rows),
            sum(gap * gap for gaps in rows for gap in gaps),
        )
        for n, rows in by_n.items()
    ]


def test_the_usual_gap_by_hand() -> None:
    # Within: (8-10)^2 + (12-10)^2 + (28-30)^2 + (32-30)^2 = 16 over 2 degrees of freedom, so 8.
    # Between: 2 (10-20)^2 + 2 (30-20)^2 = 400, less 1 x 8, over 4 - 8/4 = 2, so 196. Weight 8/196.
    found = shrinkage_of(sums({"a": [8, 12], "b": [28, 32]}), last_year=2020)
    assert found.weight == pytest.approx(8 / 196)
    assert found.shop_gap_days == pytest.approx(20)
    assert found.cohort_gap_days == {}
    assert found.usual_gap_days(2, 20, 2020) == pytest.approx((8 / 196 * 20 + 20) / (8 / 196 + 2))


def test_without_gaps_the_cohort_speaks_and_with_many_the_customer() -> None:
    found = Shrinkage(weight=2.0, shop_gap_days=40.0, cohort_gap_days={2020: 30.0})
    assert found.usual_gap_days(0, 0, 2020) == 30.0
    assert found.usual_gap_days(0, 0, 2021) == 40.0
    assert found.usual_gap_days(2, 20, 2020) == 20.0
    assert found.usual_gap_days(10_000, 70_000, 2020) == pytest.approx(7, abs=0.01)


def test_a_planted_weight_is_found_again() -> None:
    # Gaps are gamma with shape 2 around the customer's mean, means inverse-gamma with shape 5: w = (5 - 1) / 2 = 2.
    draw = np.random.default_rng(8)
    means = 4 * 30 / draw.gamma(5, 1, 6_000)
    gaps = {str(nr): list(draw.gamma(2, mean / 2, 1 + nr % 9)) for nr, mean in enumerate(means)}
    found = shrinkage_of(sums(gaps), last_year=2020)
    assert found.weight == pytest.approx(2, rel=0.2)
    assert found.shop_gap_days == pytest.approx(30, rel=0.05)
    assert found.cohort_gap_days[2020] == found.shop_gap_days


def test_the_shrunk_gap_foretells_the_next_one_better_than_the_own_and_the_shops() -> None:
    draw = np.random.default_rng(9)
    means = 3 * 30 / draw.gamma(4, 1, 4_000)
    gaps = {str(nr): list(draw.gamma(1.5, mean / 1.5, 2)) for nr, mean in enumerate(means)}
    found = shrinkage_of(sums(gaps), last_year=2020)
    usual = np.array([found.usual_gap_days(2, sum(own), 2020) for own in gaps.values()])
    own = np.array([np.mean(gap) for gap in gaps.values()])
    errors = [np.mean((guess - means) ** 2) for guess in (usual, own, np.full(len(own), found.shop_gap_days))]
    assert errors[0] == min(errors)
    assert errors[0] < 0.95 * errors[1]


def test_customers_who_do_not_differ_have_the_gap_of_all() -> None:
    found = shrinkage_of(sums({"a": [10, 30], "b": [30, 10], "c": [20, 20]}), last_year=2020)
    assert found.weight is None
    assert found.usual_gap_days(2, 60, 2020) == pytest.approx(20)
    assert shrinkage_of(sums({"a": [10]}), last_year=2020).usual_gap_days(1, 10, 2020) == 10
    assert shrinkage_of([], last_year=2020).usual_gap_days(0, 0, 2020) is None


def test_the_warehouse_and_the_rows_give_the_same_shrinkage(demo_shop: Warehouse) -> None:
    found = habits(demo_shop)
    gaps = defaultdict(dict)  # type: ignore[var-annotated]
    for customer, days in order_days(demo_shop).groupby("customer_id")["day"]:
        gaps[days.iloc[0].year][customer] = list(days.diff().dt.days.dropna())
    rows = [row for year, own in gaps.items() for row in sums({c: g for c, g in own.items() if g}, year)]
    again = shrinkage_of(rows, last_year=max(found.shrinkage.cohort_gap_days))
    assert found.n_sampled == found.n_customers == 1_500
    assert found.shrinkage.weight == pytest.approx(again.weight)
    assert found.shrinkage.shop_gap_days == pytest.approx(again.shop_gap_days)
    assert found.shrinkage.cohort_gap_days == pytest.approx(again.cohort_gap_days)


def test_a_young_cohort_leans_on_the_shop(demo_shop: Warehouse) -> None:
    found = habits(demo_shop)
    years = {row[0] for row in demo_shop.rows("SELECT DISTINCT year(order_time) FROM orders")}
    assert max(found.shrinkage.cohort_gap_days) == found.end.year - 2
    assert max(years) == found.end.year


def test_the_date_of_the_many_agrees_with_statsmodels_on_the_gaps(demo_shop: Warehouse) -> None:
    found = habits(demo_shop)
    days = order_days(demo_shop)
    last = days["day"].max()
    gaps: dict[int, list[tuple[int, bool]]] = defaultdict(list)
    for _, own in days.groupby("customer_id")["day"]:
        dates = list(own)
        for nr, day in enumerate(dates):
            usual = found.shrinkage.usual_gap_days(nr, (day - dates[0]).days, dates[0].year)
            assert usual is not None
            group = 0 if nr == 0 else 1 + sum(usual > edge for edge in found.edges)
            is_ended = nr + 1 < len(dates)
            gaps[group].append((((dates[nr + 1] if is_ended else last) - day).days, is_ended))
    assert sorted(gaps) == list(range(6))
    for group, alike in enumerate(found.alike):
        times, ended = zip(*gaps[group], strict=True)
        assert (alike.n_gaps, alike.n_ended) == (len(times), sum(ended))
        theirs = SurvfuncRight(np.array(times), np.array(ended))
        assert alike.due_days == theirs.surv_times[theirs.surv_prob <= 0.2 + 1e-9][0]


def test_a_date_that_fewer_reached_is_not_told(warehouse: Warehouse) -> None:
    fill(warehouse, {f"c{nr}": ["2024-01-05"] + ["2024-01-25"] * (nr < 3) for nr in range(10)} | {"z": ["2024-06-01"]})
    found = rhythm(warehouse, "c9")
    assert found is not None
    assert (found.due_days, found.due_date) == (None, None)
    assert "fewer than 8 of 10 like them were seen to order again within 4 usual gaps" in rhythm_words(found)
    assert not found.is_late


def test_a_date_far_beyond_the_usual_gap_is_not_told(warehouse: Warehouse) -> None:
    begin = date(2023, 1, 1)
    fill(
        warehouse,
        {
            f"c{nr}": [f"{begin + timedelta(days=day)}" for day in (0, 10, 20, 30, 40, 340)[: 5 + (nr < 14)]]
            for nr in range(40)
        }
        | {
            "waits": [f"{begin + timedelta(days=day)}" for day in range(200, 310, 10)],
            "z": [f"{begin + timedelta(days=399)}"],
        },
    )
    known = habits(warehouse)
    times = [10] * 129 + [300] * 14 + [99] + [359] * 26 + [59] * 14
    theirs = SurvfuncRight(np.array(times), np.array([1] * 143 + [0] * 41))
    assert theirs.quantile(0.8) == 300
    assert (known.alike[1].n_gaps, known.alike[1].n_ended, known.alike[1].due_days) == (184, 143, None)
    found = rhythm(warehouse, "waits", known=known)
    assert found is not None
    assert found.days_since / LAPSED_GAPS < found.usual_gap_days < found.days_since / LATE_GAPS
    assert found.is_late
    assert "fewer than 8 of 10 like them were seen to order again within 4 usual gaps" in rhythm_words(found)
    stage = stage_of(warehouse, "waits", known=known)
    assert stage is not None
    assert stage.stage == "late"


def test_the_rhythm_by_hand(warehouse: Warehouse) -> None:
    begin = date(2024, 1, 1)
    days = {f"r{nr}": [f"{begin + timedelta(days=10 * step)}" for step in range(20)] for nr in range(20)}
    days |= {f"s{nr}": [f"{begin + timedelta(days=30 * step)}" for step in range(7)] for nr in range(20)}
    days["gone"] = days["r0"][:10]
    fill(warehouse, days)
    found, regular = rhythm(warehouse, "gone"), rhythm(warehouse, "s1")
    assert found is not None
    assert regular is not None
    assert found.usual_gap_days == pytest.approx(10, abs=0.1)
    assert regular.usual_gap_days == pytest.approx(30, abs=0.1)
    assert found.last_order == date(2024, 3, 31)
    assert found.days_since == (date(2024, 7, 10) - date(2024, 3, 31)).days
    assert found.due_days == 10
    assert found.is_late
    assert not regular.is_late
    assert rhythm_words(found) == (
        "late: 101 days since the last order, usually 10; 8 of 10 like them would have ordered by 10 Apr 2024"
    )
    save_definition(warehouse, ChurnDefinition(horizon_days=90, activity_days=150))
    listed = late_customers(warehouse)
    assert [entry.customer_id for entry in listed.rhythms] == ["gone"]
    assert (listed.n_late, listed.n_customers) == (1, 41)
    assert listed.rhythms[0].spend_amount_365 == 100.0


def test_the_list_is_what_each_customer_says_of_themselves(demo_copy: Warehouse) -> None:
    save_definition(demo_copy, ChurnDefinition(horizon_days=90, activity_days=150))
    known = habits(demo_copy)
    listed = late_customers(demo_copy, known=known, limit=5_000)
    ids = [
        row[0] for row in demo_copy.rows("SELECT DISTINCT customer_id FROM orders ORDER BY md5(customer_id) LIMIT 300")
    ]
    drawn = [found for customer in ids if (found := rhythm(demo_copy, customer, known=known))]
    late = {found.customer_id for found in drawn if found.n_gaps and found.days_since <= 150 and found.is_late}
    assert len(drawn) == 300
    assert {found.customer_id for found in listed.rhythms} & set(ids) == late
    assert len(late) > 3
    assert all(found.is_late and found.n_gaps and found.days_since <= 150 for found in listed.rhythms)
    assert listed.n_late == len(listed.rhythms) < listed.n_customers < 1_500
    ratios = [found.lateness_ratio or 0 for found in listed.rhythms]
    assert ratios == sorted(ratios, reverse=True)
    richest = late_customers(demo_copy, known=known, sort="spend_amount_365", limit=1).rhythms[0]
    assert richest.spend_amount_365 == max(found.spend_amount_365 or 0 for found in listed.rhythms)


def test_orders_after_the_day_change_nothing(demo_copy: Warehouse) -> None:
    day = datetime(*demo_copy.value("SELECT max(order_time) FROM orders").timetuple()[:3]) - timedelta(days=150)
    save_definition(demo_copy, ChurnDefinition(horizon_days=60, activity_days=120))
    then, listed = habits(demo_copy, as_of=day), late_customers(demo_copy, as_of=day)
    with demo_copy.transaction() as tx:
        tx.execute("DELETE FROM orders WHERE order_time >= $day", {"day": day})
    assert habits(demo_copy, as_of=day) == then
    assert late_customers(demo_copy, as_of=day) == listed
    assert listed.n_late > 5


def test_one_order_per_customer_is_said_to_be_no_rhythm(warehouse: Warehouse) -> None:
    fill(warehouse, {f"c{nr}": [f"2024-01-0{1 + nr % 9}"] for nr in range(20)})
    found = rhythm(warehouse, "c0")
    assert found is not None
    assert (found.usual_gap_days, found.lateness_ratio, found.is_late) == (None, None, False)
    assert rhythm_words(found).startswith("9 days since the only order; nobody in the shop has ordered on two days")
    listed = late_customers(warehouse)
    assert (listed.n_customers, listed.n_late, listed.rhythms) == (0, 0, ())


def test_a_single_order_is_told_beside_the_gap_of_the_cohort(demo_shop: Warehouse) -> None:
    known = habits(demo_shop)
    single = demo_shop.rows(
        "SELECT year(order_time), min(customer_id) FROM orders WHERE customer_id IN "
        "(SELECT customer_id FROM orders GROUP BY customer_id HAVING count(*) = 1) GROUP BY year(order_time)"
    )
    told = {}
    for year, customer in single:
        found = rhythm(demo_shop, customer, known=known)
        assert found is not None
        assert (found.n_gaps, found.cohort_year) == (0, year)
        assert found.usual_gap_days == pytest.approx(known.shrinkage.usual_gap_days(0, 0, year))
        told[found.is_cohort_known] = rhythm_words(found)
        assert found.is_cohort_known == (year in known.shrinkage.cohort_gap_days)
    assert "the usual gap of customers who came in 20" in told[True]
    assert "the usual gap in the shop is" in told[False]


def test_a_large_shop_is_sampled_and_says_so(demo_shop: Warehouse, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = habits(demo_shop)
    monkeypatch.setattr("churn_core.features.usual_gap.N_SAMPLED", 500)
    part = habits(demo_shop)
    assert part.n_customers == 1_500
    assert 350 < part.n_sampled < 650
    assert part.shrinkage.shop_gap_days == pytest.approx(whole.shrinkage.shop_gap_days, rel=0.25)


def test_nobody_and_nothing_are_told_in_a_sentence(warehouse: Warehouse) -> None:
    with pytest.raises(NotEnoughData, match="there are no orders yet"):
        habits(warehouse)
    fill(warehouse, {"a": ["2024-01-01", "2024-02-01"]})
    assert rhythm(warehouse, "nobody") is None
    with pytest.raises(InputError, match="cannot be sorted by 'name'"):
        late_customers(warehouse, sort="name")  # type: ignore[arg-type]
    assert LATE_GAPS > 1
