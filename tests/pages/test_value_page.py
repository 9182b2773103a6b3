"""The Value page: the start, the check, the cells that open At risk, the list, a labelled table."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

import pytest

from churn_core.customers import worth
from churn_core.customers.demand import forecast_demand
from churn_core.customers.worth_view import required_worth
from churn_core.figures.demand import known_customers_sentence
from churn_core.figures.theme import money
from churn_core.models import worth as worth_model
from churn_core.models import worth_trees
from churn_core.warehouse import Warehouse
from churn_core.workspaces import open_workspace
from tests.pages.conftest import App
from tests.pages.test_every_page import everything_said
from ui import session

PAGE = "pages/segments/value.py"


@pytest.fixture(scope="module")
def valued_files(demo_files: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo shop, valued once with few trees."""
    home = tmp_path_factory.mktemp("valued") / "home"
    shutil.copytree(demo_files, home)
    [path] = home.glob("*.duckdb")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(worth_trees, "N_TREES", 20)
        patch.setattr(worth_model, "N_PERIODS", 3)
        patch.setattr(worth_model, "N_ROUNDS", 2)
        warehouse = Warehouse.open(path)
        worth.value_customers(warehouse, worth.WorthPlan(horizon_days=60))
        warehouse.close()
    return home


@pytest.fixture
def valued_home(valued_files: Path, churn_home: Path) -> Path:
    """A home with a copy of the valued demo shop."""
    shutil.copytree(valued_files, churn_home)
    return churn_home


@pytest.mark.usefixtures("valued_home")
def test_the_check_stands_beside_the_forecast(app: App) -> None:
    visit = app(PAGE)
    assert not visit.exception
    said = everything_said(visit)
    assert "Would it have been right?" in said
    assert "with nothing but what was known then" in said
    assert next(metric.label for metric in visit.metric) == "Spend after returns"
    assert "Expected in the 60 days after" in said
    assert "taken off" not in said
    assert "neither sum can be reckoned from the other" in said
    warehouse = open_workspace("Demo shop")
    assert known_customers_sentence(forecast_demand(warehouse), currency="EUR") in said.replace("\\", "")
    run = required_worth(open_workspace("Demo shop"))
    assert run.hold_out is not None
    assert "Assumed" in said
    assert "as the purchase model BG/NBD says" in said.replace("\\", "")


@pytest.mark.usefixtures("valued_home")
def test_a_cell_of_the_matrix_opens_its_customers(app: App) -> None:
    from churn_core.customers.worth_stake import value_at_stake
    from ui.value_blocks import _address

    stake = value_at_stake(open_workspace("Demo shop"))
    cell = max(stake.cells, key=lambda cell: (cell.low is not None and cell.below is not None, cell.n_customers))
    visit = app("pages/customers/at_risk.py", **_address(cell))
    assert not visit.exception
    assert [metric.value for metric in visit.metric if metric.label == "Customers"] == [f"{cell.n_customers:,}"]


@pytest.mark.usefixtures("valued_home")
def test_the_list_is_ordered_by_the_address(app: App) -> None:
    from churn_core.customers.worth_view import worth_page

    visit = app(PAGE, worth_order="Next order soonest first")
    assert not visit.exception
    shown = [frame.value for frame in visit.dataframe if "next_order_at" in frame.value]
    first = worth_page(open_workspace("Demo shop"), sort="next_order_at", limit=25)
    assert list(shown[0]["customer_id"]) == list(first["customer_id"])


@pytest.mark.usefixtures("valued_home")
def test_the_customer_page_says_what_the_customer_is_worth(app: App) -> None:
    from churn_core.customers.worth_view import worth_page

    first = worth_page(open_workspace("Demo shop"), limit=1).iloc[0]
    visit = app("pages/customers/customer.py", customer=str(first["customer_id"]))
    assert not visit.exception
    said = everything_said(visit).replace("\\", "")
    assert f"{first['expected_orders']:.1f} order days in the 60 days" in said
    assert f"of margin (typically {money(first['typical_spend'], 'EUR')}: half of such customers stay below)" in said
    assert "which does not know the risk model's answer, expects on average of customers like them: " in said
    high = "For somebody in the high tier the risk is the more current answer."
    assert (high in said) == (first["tier"] == "high")
    by_risk = worth_page(open_workspace("Demo shop"), limit=2000)
    endangered = by_risk[by_risk["tier"] == "high"].iloc[0]
    visit = app("pages/customers/customer.py", customer=str(endangered["customer_id"]))
    assert high in everything_said(visit)
    silent = worth_page(open_workspace("Demo shop"), sort="expected_orders", offset=1, limit=2000).iloc[-1]
    assert silent["typical_spend"] == 0
    visit = app("pages/customers/customer.py", customer=str(silent["customer_id"]))
    assert "(typically none: most such customers do not order)" in everything_said(visit).replace("\\", "")


@pytest.mark.usefixtures("demo_home")
def test_values_are_made_in_the_background(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worth_trees, "N_TREES", 5)
    monkeypatch.setattr(worth_model, "N_PERIODS", 2)
    monkeypatch.setattr(worth_model, "N_ROUNDS", 1)
    visit = app(PAGE)
    assert "Customers were not valued yet" in everything_said(visit)
    visit.number_input(key="worth_days").set_value(45)
    visit.button(key="value_customers").click().run()
    assert not visit.exception
    runner, until = session._opened("Demo shop").runner, time.monotonic() + 240
    while runner.unfinished() and time.monotonic() < until:
        time.sleep(0.05)
    assert runner.recent()[0].status == "done", runner.recent()[0].message
    run = required_worth(open_workspace("Demo shop"))
    assert run.plan.horizon_days == 45


@pytest.mark.usefixtures("snapshot_home")
def test_a_labelled_table_says_what_value_is_there(app: App) -> None:
    visit = app(PAGE)
    assert not visit.exception
    said = everything_said(visit)
    assert "own value column" in said
    assert "Where the value at risk is" in said
