"""Cohorts: the triangle by hand and by a loop, curves and test against statsmodels, and what is not known yet."""

from __future__ import annotations

import csv
import io
from datetime import datetime, timedelta

import numpy as np
import pandas as pd
import pytest
from statsmodels.duration.survfunc import SurvfuncRight, survdiff

from churn_core.customers.cohort_curves import cohort_curves, compare_cohorts
from churn_core.customers.cohort_members import CHANNEL, MONTH, OTHERS, UNKNOWN, groupings
from churn_core.customers.cohorts import csv_name, triangle, triangle_csv
from churn_core.errors import InputError, NotEnoughData, NotFound
from churn_core.features.definition import save_definition
from churn_core.figures.cohorts import curves_figure, curves_sentence, triangle_figure, triangle_sentence
from churn_core.timeline import ChurnDefinition
from churn_core.warehouse import Warehouse
from tests.customers.conftest import HOSTILE, add_customers
from tests.customers.order_days import fill, order_days

BY_HAND = {
    "a": ["2024-01-05", "2024-01-20", "2024-02-10", "2024-04-01"],
    "b": ["2024-01-31", "2024-03-03"],
    "c": ["2024-02-02", "2024-03-15"],
    "d": ["2024-04-10"],
}
"""Orders end on 10 April 2024: April is not over, January to March are."""


def test_the_triangle_by_hand(warehouse: Warehouse) -> None:
    fill(warehouse, BY_HAND)
    found = triangle(warehouse)
    assert [(cohort.label, cohort.n_customers) for cohort in found.cohorts] == [
        ("Jan 2024", 2), ("Feb 2024", 1), ("Apr 2024", 1),
    ]  # fmt: skip
    january, february, april = found.cohorts
    assert [(cell.n, cell.n_ordering) for cell in january.cells] == [(2, 2), (2, 1), (2, 1), (0, 0)]
    assert [cell.retention_rate for cell in january.cells] == [1.0, 0.5, 0.5, None]
    assert [cell.revenue_per_customer for cell in january.cells] == [15.0, 5.0, 5.0, None]
    assert [cell.cumulated_per_customer for cell in january.cells] == [15.0, 20.0, 25.0, None]
    assert [cell.retention_rate for cell in february.cells] == [1.0, 1.0, None, None]
    assert [cell.retention_rate for cell in april.cells] == [None] * 4
    assert found.n_months == 2
    assert (found.whole(1).n, found.whole(1).n_ordering) == (3, 2)


def test_a_month_that_is_just_over_counts(warehouse: Warehouse) -> None:
    fill(warehouse, BY_HAND | {"e": ["2024-04-30"]})
    assert triangle(warehouse).cohorts[0].cells[3].retention_rate == 0.5


def test_a_quiet_month_is_zero_and_one_that_is_not_over_is_not(warehouse: Warehouse) -> None:
    fill(warehouse, {"a": ["2024-01-05"], "b": ["2024-03-05"]})
    cells = triangle(warehouse).cohorts[0].cells
    assert [cell.retention_rate for cell in cells] == [1.0, 0.0, None]
    assert cells[1].cumulated_per_customer == 10.0


def test_without_amounts_there_is_retention_and_no_revenue(warehouse: Warehouse) -> None:
    fill(warehouse, BY_HAND, amount=None)
    found = triangle(warehouse)
    assert not found.has_amounts
    assert found.cohorts[0].cells[1].retention_rate == 0.5
    assert found.cohorts[0].cells[1].revenue_per_customer is None
    assert "cannot be told" in triangle_sentence(found, "revenue")


@pytest.mark.parametrize("by", [MONTH, "country", CHANNEL])
def test_the_triangle_agrees_with_a_loop(demo_shop: Warehouse, by: str) -> None:
    found = triangle(demo_shop, by)
    expected = _loop(demo_shop, by)
    assert sum(cohort.n_customers for cohort in found.cohorts) == 1_500
    n_compared = 0
    for cohort in found.cohorts:
        for month, cell in enumerate(cohort.cells):
            n, n_ordering, revenue, cumulated = expected.get((cohort.label, month), (0, 0, 0.0, 0.0))
            assert (cell.n, cell.n_ordering) == (n, n_ordering)
            if n:
                assert cell.revenue_amount == pytest.approx(revenue)
                assert cell.cumulated_amount == pytest.approx(cumulated)
                n_compared += 1
    assert n_compared > 90


def _loop(warehouse: Warehouse, by: str) -> dict[tuple[str, int], tuple[int, int, float, float]]:
    """The triangle customer by customer and month by month, in pandas."""
    orders = warehouse.frame(
        "SELECT customer_id, order_time, CAST(amount AS DOUBLE) AS amount, channel, country FROM orders "
        "LEFT JOIN (SELECT customer_id, country FROM customers) USING (customer_id) ORDER BY order_time, order_id"
    )
    end = orders["order_time"].max() + timedelta(days=1)
    over = 12 * end.year + end.month
    first: dict[str, tuple[int, str]] = {}
    paid: dict[tuple[str, int], float] = {}
    for row in orders.itertuples():
        month = 12 * row.order_time.year + row.order_time.month
        label = f"{row.order_time:%b %Y}" if by == MONTH else getattr(row, by)
        first.setdefault(row.customer_id, (month, label))
        paid[row.customer_id, month] = paid.get((row.customer_id, month), 0.0) + row.amount
    cells: dict[tuple[str, int], list[tuple[bool, float, float]]] = {}
    for customer, (start, label) in first.items():
        total = 0.0
        for month in range(start, over):
            now = paid.get((customer, month))
            total += now or 0.0
            cells.setdefault((label, month - start), []).append((now is not None, now or 0.0, total))
    return {
        key: (len(rows), sum(row[0] for row in rows), sum(row[1] for row in rows), sum(row[2] for row in rows))
        for key, rows in cells.items()
    }


@pytest.mark.parametrize("by", [MONTH, "language"])
def test_orders_after_the_day_change_nothing(demo_copy: Warehouse, by: str) -> None:
    day = datetime(*demo_copy.value("SELECT max(order_time) FROM orders").timetuple()[:3]) - timedelta(days=200)
    save_definition(demo_copy, ChurnDefinition(horizon_days=60))
    before = triangle(demo_copy, by, as_of=day)
    curves = cohort_curves(demo_copy, "churn", by, as_of=day)
    with demo_copy.transaction() as tx:
        tx.execute("DELETE FROM orders WHERE order_time >= $day", {"day": day})
    after = triangle(demo_copy, by, as_of=day)
    assert before == after
    assert curves == cohort_curves(demo_copy, "churn", by, as_of=day)
    assert before.n_months > 5


@pytest.mark.parametrize("event", ["order", "churn"])
def test_curves_and_test_agree_with_statsmodels_on_the_rows(demo_copy: Warehouse, event: str) -> None:
    horizon = 60
    save_definition(demo_copy, ChurnDefinition(horizon_days=horizon))
    rows = _waits(demo_copy, event, horizon)
    found = cohort_curves(demo_copy, event, "country")  # type: ignore[arg-type]
    assert sum(side.n_customers for side in found.curves) == len(rows) == 1_500
    for side in found.curves[:3]:
        own = rows[rows["country"] == side.label]
        theirs = SurvfuncRight(own["days"], own["happened"])
        mine = dict(zip(side.curve.times, side.curve.survival, strict=True))
        assert [mine[time] for time in theirs.surv_times if time in mine] == pytest.approx(
            [left for time, left in zip(theirs.surv_times, theirs.surv_prob, strict=True) if time in mine]
        )
        assert len(mine) > 20
        assert side.median_days == theirs.surv_times[theirs.surv_prob <= 0.5 + 1e-9][0]
    first, second = (side.label for side in found.curves[:2])
    both = rows[rows["country"].isin([first, second])]
    statistic, p_value = survdiff(both["days"], both["happened"], both["country"])
    assert compare_cohorts(found, first, second).p_value == pytest.approx(p_value)
    assert statistic > 0


def _waits(warehouse: Warehouse, event: str, horizon: int) -> pd.DataFrame:
    """A row per customer: days watched, and whether it happened then."""
    days = order_days(warehouse)
    last = days["day"].max()
    country = warehouse.frame("SELECT customer_id, country FROM customers").set_index("customer_id")["country"]
    rows = []
    for customer, own in days.groupby("customer_id")["day"]:
        dates = list(own)
        ends = [*dates[1:], last + timedelta(days=1)]
        happened = [
            (begin - dates[0]).days + horizon
            for begin, end in zip(dates, ends, strict=True)
            if (end - begin).days > horizon
        ]
        if event == "order":
            happened = [(dates[1] - dates[0]).days] if len(dates) > 1 else []
        watched = (last - dates[0]).days
        rows.append((country[customer], happened[0] if happened else watched, bool(happened)))
    return pd.DataFrame(rows, columns=["country", "days", "happened"])


def test_churn_is_dated_on_the_day_the_silence_reaches_the_horizon(warehouse: Warehouse) -> None:
    save_definition(warehouse, ChurnDefinition(horizon_days=30))
    fill(
        warehouse,
        {
            "in time": ["2024-01-01", "2024-01-31", "2024-02-20", "2024-03-10"],  # gaps of 30, 20 and 19 days
            "a day late": ["2024-01-01", "2024-02-01", "2024-02-25", "2024-03-10"],  # a gap of 31 days: churned
            "silent": ["2024-01-01"],
        },
    )
    [side] = cohort_curves(warehouse, "churn").curves
    assert (side.n_customers, side.n_events) == (3, 2)
    assert side.curve.times == (30,)
    assert side.curve.survival == pytest.approx([1 / 3])
    assert side.table.times == (30, 69)


def test_two_cohorts_that_differ_are_told_apart(warehouse: Warehouse) -> None:
    draw = np.random.default_rng(4)
    begin = datetime(2024, 1, 1)
    days, people = {}, []
    for nr in range(160):
        country, gap = ("Quick", 10) if nr % 2 else ("Slow", 40)
        first = begin + timedelta(days=int(draw.integers(0, 60)))
        second = first + timedelta(days=1 + int(draw.exponential(gap)))
        days[f"c{nr}"] = [f"{first:%Y-%m-%d}", f"{second:%Y-%m-%d}"]
        people.append({"customer_id": f"c{nr}", "country": country})
    fill(warehouse, days)
    add_customers(warehouse, people)
    compared = compare_cohorts(cohort_curves(warehouse, "order", "country"), "Slow", "Quick")
    assert compared.p_value is not None
    assert compared.p_value < 0.001
    assert compared.sentence.endswith("over the whole time watched, Quick did so sooner (log-rank p < .001).")
    assert f"after {compared.second.median_days:,.0f} days" in compared.sentence


def test_what_cannot_be_told_apart_is_not_called_alike(demo_shop: Warehouse) -> None:
    found = cohort_curves(demo_shop, "order", "country")
    told = [compare_cohorts(found, found.curves[0].label, side.label) for side in found.curves[1:]]
    close = [compared for compared in told if compared.p_value is not None and compared.p_value >= 0.05]
    assert close
    for compared in close:
        assert "does not tell the two apart" in compared.sentence
        assert "no difference" not in compared.sentence


def test_too_few_are_not_tested(warehouse: Warehouse) -> None:
    fill(warehouse, BY_HAND)
    found = cohort_curves(warehouse)
    compared = compare_cohorts(found, "Jan 2024", "Feb 2024")
    assert compared.p_value is None
    assert "too few of them have ordered again" in compared.sentence
    with pytest.raises(InputError, match="chosen twice"):
        compare_cohorts(found, "Jan 2024", "Jan 2024")
    with pytest.raises(NotFound, match="did you mean 'Jan 2024'"):
        compare_cohorts(found, "Jan 2023", "Feb 2024")


def test_one_order_per_customer_has_nothing_to_compare_yet(warehouse: Warehouse) -> None:
    fill(warehouse, {f"c{nr}": [f"2024-0{1 + nr % 3}-1{nr % 10}"] for nr in range(30)})
    found = cohort_curves(warehouse)
    assert {side.n_events for side in found.curves} == {0}
    compared = compare_cohorts(found, "Jan 2024", "Feb 2024")
    assert compared.p_value is None
    assert "nobody in either has ordered again yet" in compared.sentence
    assert curves_sentence(found, found.curves[:1]) == "Fewer than half have ordered again so far: Jan 2024"
    assert triangle(warehouse).whole(1).retention_rate == 0.0


def test_all_immature_says_so(warehouse: Warehouse) -> None:
    fill(warehouse, {"a": ["2024-01-05", "2024-01-20"], "b": ["2024-01-07"]})
    found = triangle(warehouse)
    assert [cell.retention_rate for cohort in found.cohorts for cell in cohort.cells] == [None]
    assert "nothing can be said" in triangle_sentence(found, "retention")
    assert triangle_figure(found, "retention").layout.title.text


def test_rare_values_are_one_cohort_and_unknown_ones_another(warehouse: Warehouse) -> None:
    people = [{"customer_id": f"c{nr}", "country": f"Land {min(nr // 2, 19):02d}"} for nr in range(40)]
    people += [{"customer_id": "odd", "country": OTHERS}, {"customer_id": "odd2", "country": OTHERS}]
    add_customers(warehouse, [*people, {"customer_id": "x", "country": None}])
    fill(warehouse, {str(row["customer_id"]): ["2024-01-05"] for row in people} | {"x": ["2024-01-05"]})
    labels = [cohort.label for cohort in triangle(warehouse, "country").cohorts]
    assert labels[-2:] == [OTHERS, UNKNOWN]
    assert len(labels) == 14
    assert len(set(labels)) == 14


def test_hostile_values_stay_text(warehouse: Warehouse) -> None:
    name = "Plan\"/Type'; DROP TABLE orders; --"
    add_customers(
        warehouse, [{"customer_id": f"c{nr}", "attributes": {name: value}} for nr, value in enumerate(HOSTILE)]
    )
    fill(warehouse, {f"c{nr}": ["2024-01-05", "2024-03-01"] for nr in range(len(HOSTILE))})
    found = triangle(warehouse, name)
    assert {cohort.label for cohort in found.cohorts} == set(HOSTILE)
    assert triangle_figure(found, "retention").to_json().count("<b>") == 0
    rows = list(csv.reader(io.StringIO(triangle_csv(found).decode("utf-8-sig"))))
    assert "'=1+1" in {row[0] for row in rows}
    assert "=1+1" not in {row[0] for row in rows}
    assert csv_name(found) == f"cohorts-Plan-Type-DROP-TABLE-orders-{len(rows) - 1}rows.csv"


def test_the_file_holds_every_cell_and_leaves_immature_ones_empty(warehouse: Warehouse) -> None:
    fill(warehouse, BY_HAND)
    rows = list(csv.DictReader(io.StringIO(triangle_csv(triangle(warehouse)).decode("utf-8-sig"))))
    assert len(rows) == 3 * 4
    january = [row for row in rows if row["month"] == "Jan 2024"]
    assert [row["retention_rate"] for row in january] == ["1", "0.5", "0.5", ""]
    assert [(row["n"], row["n_ordering"]) for row in january] == [("2", "2"), ("2", "1"), ("2", "1"), ("0", "")]


def test_without_orders_and_with_unknown_names_one_sentence_says_so(warehouse: Warehouse) -> None:
    for ask in (triangle, cohort_curves):
        with pytest.raises(NotEnoughData, match="there are no orders yet"):
            ask(warehouse)
    fill(warehouse, BY_HAND)
    with pytest.raises(NotEnoughData, match="no orders before 1 Jan 2020"):
        triangle(warehouse, as_of=datetime(2020, 1, 1))
    with pytest.raises(NotFound, match="attribute 'moth' not found; did you mean 'month'"):
        triangle(warehouse, "moth")


def test_numbers_with_many_values_are_cut_into_quarters_of_the_customers(warehouse: Warehouse) -> None:
    fill(warehouse, {f"c{nr}": ["2024-01-05", "2024-03-01"] for nr in range(42)}, channel="web")
    people = [{"customer_id": f"c{nr}", "attributes": {"Age": 20 + nr}} for nr in range(40)]
    add_customers(warehouse, [*people, {"customer_id": "c40", "attributes": {"Age": "NaN"}}])
    assert [grouping.name for grouping in groupings(warehouse)] == [MONTH, CHANNEL, "Age"]
    found = triangle(warehouse, "Age")
    assert [(cohort.label, cohort.n_customers) for cohort in found.cohorts] == [
        ("up to 29", 10), ("above 29 to 39", 10), ("above 39 to 49", 10), ("above 49", 10), (UNKNOWN, 2),
    ]  # fmt: skip
    assert [side.label for side in cohort_curves(warehouse, "order", "Age").curves][:2] == [
        "up to 29",
        "above 29 to 39",
    ]


def test_equal_numbers_are_never_parted(warehouse: Warehouse) -> None:
    fill(warehouse, {f"c{nr}": ["2024-01-05"] for nr in range(40)})
    ages = [30] * 27 + list(range(31, 44))
    add_customers(warehouse, [{"customer_id": f"c{nr}", "attributes": {"Age": age}} for nr, age in enumerate(ages)])
    counts = {cohort.label: cohort.n_customers for cohort in triangle(warehouse, "Age").cohorts}
    assert counts == {"up to 30": 27, "above 30 to 33": 3, "above 33": 10}


def test_the_revenue_of_a_whole_cohort_is_what_all_its_customers_paid(warehouse: Warehouse) -> None:
    fill(warehouse, BY_HAND)
    paid = warehouse.value("SELECT CAST(sum(amount) AS DOUBLE) FROM orders WHERE order_time < DATE '2024-04-01'")
    found = triangle(warehouse)
    told = [cohort.revenue_amount for cohort in found.cohorts]
    assert sum(amount or 0 for amount in told) == pytest.approx(paid)
    assert "has brought the most so far" in triangle_sentence(found, "whole", "EUR")
    assert triangle_figure(found, "whole", currency="EUR").data[1].z[0][0] == found.cohorts[0].cells[0].revenue_amount


def test_the_drawn_triangle_has_n_under_every_rate_and_grey_where_nothing_is_known(warehouse: Warehouse) -> None:
    fill(warehouse, BY_HAND)
    figure = triangle_figure(triangle(warehouse), "retention")
    grey, cells = figure.data
    assert cells.text[0][1].startswith("50 %<br>")
    assert "n 2" in cells.text[0][1]
    assert [list(row) for row in grey.z] == [[None, None, None], [None, None, 1], [1, 1, 1]]
    assert cells.text[1][2] == ""
    assert cells.z[1][2] is None
    assert "1 of 2 for whom it is over" in cells.customdata[0][1]


def test_the_drawn_curves_begin_at_zero_and_stay_inside_their_bands(demo_shop: Warehouse) -> None:
    found = cohort_curves(demo_shop, "order", "country")
    labels = [side.label for side in found.curves[:2]]
    low, high, line = curves_figure(found, labels, mode="dark").data[:3]
    assert (line.x[0], line.y[0]) == (0, 0)
    assert all(below <= share <= above for below, share, above in zip(low.y, line.y, high.y, strict=True))
    assert line.x[-1] == found.curves[0].curve.last_time
