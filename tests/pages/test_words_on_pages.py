"""Words that all pages share: one sign before every amount, and where to choose a currency that is not set."""

from __future__ import annotations

import re

import pytest

from churn_core.features.words import value_text
from churn_core.figures.theme import money
from churn_core.settings import save_settings, settings
from churn_core.workspaces import open_workspace
from tests.pages.conftest import PAGES, App, Home
from tests.pages.test_every_page import everything_said

HINT = "Amounts have no currency yet"
WITH_MONEY = (
    "pages/today/today.py",
    "pages/customers/at_risk.py",
    "pages/segments/rfm.py",
    "pages/segments/value.py",
    "pages/segments/demand.py",
    "pages/models/cutoffs.py",
)


@pytest.fixture
def home_without_currency(demo_home: Home) -> Home:
    """The demo shop with its currency taken away."""
    warehouse = open_workspace("Demo shop")
    chosen = settings(warehouse)
    save_settings(warehouse, type(chosen)(currency="", margin_rate=chosen.margin_rate))
    warehouse.close()
    return demo_home


def hints(app: App, page: str) -> list[str]:
    """Page behind each hint about the currency."""
    visit = app(page)
    assert not visit.exception
    return [link.proto.page for link in visit.get("page_link") if HINT in link.proto.label]


@pytest.mark.usefixtures("home_without_currency")
def test_where_money_has_no_currency_a_page_says_once_where_to_choose_one(app: App) -> None:
    assert {page: hints(app, page) for page in WITH_MONEY} == {page: ["settings"] for page in WITH_MONEY}
    assert hints(app, "pages/data/quality.py") == []


@pytest.mark.usefixtures("demo_home")
def test_with_a_currency_nothing_is_said_about_it(app: App) -> None:
    assert {page: hints(app, page) for page in WITH_MONEY} == {page: [] for page in WITH_MONEY}


@pytest.mark.parametrize("amount", [0.0, 4.5, 47.68, 118.2, 1234.5, -12.0, 2_400_000.0])
@pytest.mark.parametrize("currency", ["", "EUR", "CHF"])
def test_reasons_write_an_amount_as_figures_do(amount: float, currency: str) -> None:
    assert value_text("currency", amount, currency=currency) == money(amount, currency)


@pytest.mark.usefixtures("demo_home")
def test_no_page_calls_value_at_risk_by_another_name_or_writes_a_code_before_an_amount(app: App) -> None:
    for page in PAGES:
        said = everything_said(app(page))
        assert not re.search(r"(?i)money at risk", said), page
        assert not re.search(r"\bEUR -?\d", said), f"{page}: {re.findall(r'.{30}EUR -?[0-9.,]+', said)[:3]}"
