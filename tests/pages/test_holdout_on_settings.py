"""The Settings page starts, reshuffles and ends the global holdout and says who is held out."""

from __future__ import annotations

from datetime import timedelta

import pytest
from streamlit.testing.v1 import AppTest

from churn_core.campaigns.holdout import current_holdout, holdout_history, start_holdout
from churn_core.campaigns.start import default_start
from churn_core.warehouse import Warehouse
from churn_core.workspaces import create_workspace, open_workspace
from tests.pages.conftest import App, Home

SETTINGS = "pages/settings/settings.py"


NAME = "Tea & Things"


def shop() -> Warehouse:
    return open_workspace(NAME)


@pytest.fixture
def shop_home(churn_home: Home) -> Home:
    """A home with one workspace of 2,500 customers, none held out."""
    warehouse = create_workspace(NAME)
    with warehouse.transaction() as tx:
        tx.execute("INSERT INTO customers BY NAME SELECT 'c' || i AS customer_id FROM range(2500) t(i)")
        tx.bump_data_version()
    warehouse.close()
    return churn_home


def words(page: AppTest) -> str:
    return "\n".join(element.value for kind in ("markdown", "caption") for element in page.get(kind))


@pytest.mark.usefixtures("shop_home")
def test_a_holdout_is_started_reshuffled_and_ended(app: App) -> None:
    page = app(SETTINGS)
    assert "Nobody is held out" in words(page)
    page.number_input(key="holdout_share").set_value(12.5)
    page.button(key="holdout_start_now").click().run()
    assert not page.exception
    running = current_holdout(shop())
    assert running is not None
    assert running.share == 0.125
    assert running.reshuffle_at is not None
    assert f"**{running.n_held_out}** of {running.n_customers:,} customers" in words(page)
    assert "Fewer than 1,000 are held out" in words(page)

    page.button(key="holdout_reshuffle_now").click().run()
    again = current_holdout(shop())
    assert again is not None
    assert (again.generation, again.share) == (2, 0.125)

    page.button(key="holdout_end_now").click().run()
    assert current_holdout(shop()) is None
    assert [entry.generation for entry in holdout_history(shop())] == [2, 1]
    assert "Nobody is held out" in words(page)
    assert not page.exception


@pytest.mark.usefixtures("shop_home")
def test_no_new_draw_need_be_planned(app: App) -> None:
    page = app(SETTINGS)
    page.number_input(key="holdout_share").set_value(20.0)
    page.segmented_control(key="holdout_planned").set_value(False).run()
    assert not page.date_input
    page.button(key="holdout_start_now").click().run()
    assert not page.exception
    assert "A new draw is planned" not in words(page)
    [running] = holdout_history(shop())
    assert running.reshuffle_at is None

    page.segmented_control(key="holdout_planned").set_value(True).run()
    page.button(key="holdout_reshuffle_now").click().run()
    assert holdout_history(shop())[0].reshuffle_at is not None
    page.segmented_control(key="holdout_planned").set_value(False).run()
    page.button(key="holdout_reshuffle_now").click().run()
    assert not page.exception
    assert [found.reshuffle_at is None for found in holdout_history(shop())] == [True, False, True]


@pytest.mark.usefixtures("shop_home")
def test_what_cannot_be_started_is_said_beside_the_button(app: App) -> None:
    page = app(SETTINGS)
    start_holdout(shop(), 0.2)
    page.button(key="holdout_start_now").click().run()
    assert [error.value for error in page.error] == [
        "A holdout of 20 % is in force since "
        f"{holdout_history(shop())[0].started_at:%-d %b %Y}; end it or reshuffle it instead of starting another."
    ]
    assert len(holdout_history(shop())) == 1


@pytest.mark.usefixtures("shop_home")
def test_new_customers_and_the_planned_draw_are_announced(app: App) -> None:
    warehouse = shop()
    start_holdout(warehouse, 0.2, default_start(warehouse) + timedelta(days=40))
    with warehouse.transaction() as tx:
        tx.execute("INSERT INTO customers (customer_id) VALUES ('new 1'), ('new 2')")
        tx.bump_data_version()
    told = words(app(SETTINGS))
    assert "2 new customers will be drawn before the next campaign" in told
    assert "A new draw is planned for" in told
    with warehouse.transaction() as tx:
        tx.execute("UPDATE holdouts SET reshuffle_at = started_at - INTERVAL 1 DAY")
        tx.audit("reshuffle planned")
    assert "is due; it happens when you ask for it" in words(app(SETTINGS))


def test_an_empty_workspace_says_what_to_do(app: App, empty_home: Home) -> None:
    assert "Nobody is held out. Import customers or orders first." in words(app(SETTINGS))
