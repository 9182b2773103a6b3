"""The way to the first list as a first visit sees it: what is done, what is next, what comes later."""

from __future__ import annotations

from pathlib import Path

from streamlit.testing.v1 import AppTest

from churn_core.features.definition import save_definition
from churn_core.timeline import ChurnDefinition
from churn_core.workspaces import create_workspace, open_workspace
from tests.customers.order_days import fill
from tests.pages.conftest import App

TODAY = "pages/today/today.py"


def _lines(visit: AppTest) -> list[str]:
    assert not visit.exception
    assert not visit.error
    return [element.value for element in visit.markdown]


def test_the_next_step_moves_on_with_what_is_done(churn_home: Path, app: App) -> None:
    create_workspace("New").close()
    assert any(line.startswith(":blue[**→**] **1. Import your orders**") for line in _lines(app(TODAY)))

    warehouse = open_workspace("New")
    fill(warehouse, {"a": ["2024-01-05", "2024-02-10"], "b": ["2024-01-07", "2024-03-10"]})
    said = _lines(app(TODAY))
    assert ":green[✓] 1. Import your orders :gray[· done]" in said
    assert any(line.startswith(":blue[**→**] **2. Say what churned means**") for line in said)

    save_definition(warehouse, ChurnDefinition(horizon_days=30, activity_days=60))
    said = _lines(app(TODAY))
    assert ":green[✓] 2. Say what churned means :gray[· done]" in said
    assert any(line.startswith(":blue[**→**] **3. Train a model**") for line in said)
    assert any(line.startswith(":gray[○ 4. Score your customers") for line in said)
