"""A list that changes begins on its first page, and Streamlit has nothing to warn of."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest
from streamlit.elements.lib import policies

from churn_core.workspaces import create_workspace
from tests.customers.conftest import add_orders, add_run
from tests.pages.conftest import App

AT_RISK = "pages/customers/at_risk.py"


class _Kept(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())


@pytest.fixture
def warned(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """What Streamlit's widgets warn of; once in a process it says so, so it is asked to begin anew."""
    monkeypatch.setattr(policies, "_shown_default_value_warning", False)
    kept = _Kept()
    policies._LOGGER.addHandler(kept)
    yield kept.lines
    policies._LOGGER.removeHandler(kept)


@pytest.mark.usefixtures("churn_home")
def test_another_filter_begins_on_the_first_page_without_a_warning(app: App, warned: list[str]) -> None:
    warehouse = create_workspace("Long list")
    names = [f"C{nr:03d}" for nr in range(120)]
    add_orders(warehouse, {name: [3 + nr] for nr, name in enumerate(names)})
    add_run(warehouse, {name: 0.05 + nr / 200 for nr, name in enumerate(names)})
    warehouse.close()
    visit = app(AT_RISK)
    visit.session_state["page"] = 2
    visit.run()
    assert any("51 to 100 of 120 customers" in caption.value for caption in visit.caption)
    visit.text_input(key="find").set_value("c").run()
    assert not visit.exception
    assert any("1 to 50 of 120 customers" in caption.value for caption in visit.caption)
    assert warned == []
