"""What the definition, training and quality pages say about what changed, what is new and what was counted."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from churn_core.features.definition import active_definition, save_definition
from churn_core.intake.formats import open_source
from churn_core.intake.load import import_file
from churn_core.intake.mapping import propose_mapping
from churn_core.models.registry import model_versions
from churn_core.settings import settings
from churn_core.state import workspace_state
from churn_core.workspaces import DEMO, create_workspace, open_workspace
from tests.pages.conftest import App, Home
from tests.pages.test_every_page import everything_said
from ui.model_results import is_sample, periods_of
from ui.session import Stamp

TRAIN = "pages/models/train.py"
DEFINITION = "pages/data/churn_definition.py"


def test_the_header_says_that_the_definition_changed_since_the_training(demo_home: Home, app: App) -> None:
    warehouse = open_workspace(DEMO)
    assert "definition has changed" not in app(TRAIN).caption[0].value
    definition = active_definition(warehouse)
    assert definition is not None
    save_definition(warehouse, replace(definition, horizon_days=definition.horizon_days + 7))
    assert "definition has changed since: train again" in app(TRAIN).caption[0].value


def test_training_again_on_the_same_data_is_said_to_bring_nothing(demo_home: Home, app: App) -> None:
    assert any("Nothing new to learn" in caption.value for caption in app(TRAIN).caption)
    warehouse = open_workspace(DEMO)
    with warehouse.transaction() as tx:
        tx.bump_data_version()
    assert not any("Nothing new to learn" in caption.value for caption in app(TRAIN).caption)


def test_it_is_said_that_several_days_are_added_up_in_what_a_model_was_judged_on(demo_home: Home, app: App) -> None:
    newest = model_versions(open_workspace(DEMO))[0]
    days = [period.n for period in periods_of(newest)]
    assert len(days) > 1
    assert sum(days) == newest.summary["backtest"]["n"]
    added = f"(model {newest.model_version}: {' + '.join(f'{n:,}' for n in days)})"
    assert any(f"adds up the customers of several past days {added}" in found.value for found in app(TRAIN).caption)


def test_a_shop_without_repeat_orders_gets_a_sentence_for_a_chart(churn_home: Home, app: App, tmp_path: Path) -> None:
    first = datetime(2024, 1, 1)
    file = tmp_path / "orders.csv"
    lines = [f"C-{n:03d},O-{n},{first + timedelta(days=n):%Y-%m-%d},10.00" for n in range(60)]
    file.write_text("\n".join(["customer_id,order_id,order_date,amount", *lines]), encoding="utf-8")
    create_workspace("Once only")
    source = open_source(file)
    import_file(open_workspace("Once only"), source, propose_mapping(source).mapping)
    visit = app(DEFINITION)
    assert not visit.exception
    said = everything_said(visit)
    assert "No customer has ordered on two different days yet" in said
    assert "days since the previous order" not in said


def test_two_counts_of_eligible_customers_are_explained(demo_home: Home, app: App) -> None:
    assert "Counted on the first of each month" in everything_said(app(DEFINITION))


@pytest.mark.parametrize("page", ["pages/settings/settings.py", TRAIN])
def test_a_currency_that_is_no_code_can_be_corrected(demo_home: Home, app: App, page: str) -> None:
    warehouse = open_workspace(DEMO)
    with warehouse.transaction() as tx:
        tx.save_setting("currency", "¥")
    assert settings(warehouse).currency == ""
    visit = app(page)
    assert not visit.error
    assert not visit.exception


def test_a_model_that_was_judged_on_fewer_customers_than_were_eligible_says_so(demo_home: Home) -> None:
    warehouse = open_workspace(DEMO)
    stamp = Stamp(workspace=DEMO, state=workspace_state(warehouse))
    version = model_versions(warehouse)[0]
    periods = periods_of(version)
    assert not is_sample(stamp, version, periods)
    assert is_sample(stamp, version, [*periods[:-1], replace(periods[-1], n=periods[-1].n // 2)])
    assert not is_sample(stamp, version, [])
