"""The Demand page: both measures, other numbers of weeks, too short a history; the same numbers without a browser."""

from __future__ import annotations

from datetime import timedelta

import pandas as pd
import pytest

from churn_core.customers.at_risk import count_and_totals
from churn_core.customers.demand import forecast_demand
from churn_core.customers.selection import CustomerFilter
from churn_core.figures.theme import count, money
from churn_core.intake.derived import refresh_derived
from churn_core.workspaces import create_workspace, open_workspace
from tests.pages.conftest import App, Home
from tests.pages.test_every_page import everything_said

PAGE = "pages/segments/demand.py"


def test_the_page_shows_the_numbers_of_the_core(demo_home: Home, app: App) -> None:
    warehouse = open_workspace("Demo shop")
    demand = forecast_demand(warehouse, 8)
    high = count_and_totals(warehouse, CustomerFilter(tiers=("high",)))
    warehouse.close()
    assert demand.revenue is not None
    visit = app(PAGE, demand_weeks="8")
    assert not visit.exception
    assert not visit.error
    shown = {metric.label: metric.value for metric in visit.metric}
    first, last = demand.revenue.totals
    begins = demand.revenue.ahead[0].start
    four, eight = (f"{begins:%-d %b} to {begins + timedelta(days=7 * weeks - 1):%-d %b}" for weeks in (4, 8))
    assert shown[f"4 weeks, {four}"] == money(first.expected, "EUR")
    assert shown[f"8 weeks, {eight}"] == money(last.expected, "EUR")
    assert shown["Counted on, high tier"] == money(last.at_stake, "EUR")
    backtest = next(table.value for table in visit.dataframe if "Method" in table.value.columns)
    assert backtest["Method"].str.contains("· used").sum() == 1
    assert backtest["Method"].iloc[0].startswith("Same week last year")
    weeks = next(table.value for table in visit.dataframe if "Week of" in table.value.columns)
    assert len(weeks) == 8
    said = everything_said(visit)
    assert "without the customers at risk" in said
    assert "The data end on 31 Oct 2026" in said
    assert f"**{shown['Counted on, high tier']}** counted on from them: missing from the forecast of 8 weeks" in said
    assert "at risk in these weeks: risk x what they would bring by staying, in 8 weeks" in said
    assert f"**{money(high.value_at_risk, 'EUR')}** value at risk: risk x what they would bring by staying" in said
    assert "at stake" not in said.lower()

    visit.segmented_control(key="measure").set_value("orders").run()
    assert not visit.exception
    shown = {metric.label: metric.value for metric in visit.metric}
    assert shown[f"8 weeks, {eight}"] == count(demand.orders.totals[-1].expected)


@pytest.mark.parametrize(
    ("n_weeks", "amount", "words"),
    [
        (9, 20.0, "at least 12 are needed to foresee the next ones"),
        (20, None, "no amounts above zero"),
        (20, 20.0, "Nobody was scored yet"),
    ],
)
def test_a_small_shop_is_told_what_is_missing(
    churn_home: Home, app: App, n_weeks: int, amount: float | None, words: str
) -> None:
    warehouse = create_workspace("Corner shop")
    frame = pd.DataFrame(
        {
            "customer_id": [f"C{number % 7}" for number in range(5 * n_weeks)],
            "order_id": [f"O{number}" for number in range(5 * n_weeks)],
            "order_time": pd.date_range("2024-01-01", periods=5 * n_weeks, freq="33h").astype("datetime64[us]"),
            "amount": amount,
        }
    )
    with warehouse.transaction() as tx:
        tx.append("orders", frame)
        refresh_derived(tx)
        tx.bump_data_version()
    warehouse.close()
    visit = app(PAGE)
    assert not visit.exception
    assert not visit.error
    assert words in everything_said(visit)
