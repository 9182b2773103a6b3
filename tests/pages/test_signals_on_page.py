"""Time-series signals are offered where there is an order history, and chosen for the next training."""

from __future__ import annotations

from pathlib import Path

from churn_core.features.signals import asked_signals
from churn_core.workspaces import open_workspace
from tests.pages.conftest import App

TRAIN = "pages/models/train.py"


def test_signals_are_chosen_on_the_train_page(demo_home: Path, app: App) -> None:
    visit = app(TRAIN)
    assert not visit.exception
    assert visit.multiselect(key="signals_chosen").value == []
    visit.multiselect(key="signals_chosen").set_value(["slopes", "fading"]).run()
    assert not visit.exception
    assert asked_signals(open_workspace("Demo shop")) == ("fading", "slopes")


def test_a_labelled_table_is_not_offered_signals(snapshot_home: Path, app: App) -> None:
    visit = app(TRAIN)
    assert not visit.exception
    assert "signals_chosen" not in {choice.key for choice in visit.multiselect}
