"""Groups of customers in the browser: the grid of RFM is edited by hand, and tags stand on the list."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.tables import choose_in_cell
from tests.browser.test_looks import wait_until_quiet

pytestmark = pytest.mark.browser

Visit = Callable[..., Page]


def test_a_square_of_the_grid_gets_another_group_and_the_old_rule_back(demo_app: str, visit: Visit) -> None:
    page = visit(f"{demo_app}/rfm?part=Thresholds")
    expect(page.get_by_text("This is the rule in force")).to_be_visible()
    wait_until_quiet(page)
    choose_in_cell(page.get_by_test_id("stDataFrame").nth(1), 0, 150, "lost")
    save = page.get_by_role("button", name="Save and use")
    expect(save).to_be_visible()
    save.click()
    expect(page.get_by_text("own grid of groups").first).to_be_visible()
    expect(page.get_by_text("This is the rule in force")).to_be_visible()
    page.get_by_role("button", name="Use again").click()
    expect(page.get_by_text("Proposed rule: scores by fifths")).to_be_visible()


def test_tags_are_shown_and_asked_for(demo_app: str, visit: Visit) -> None:
    page = visit(f"{demo_app}/at-risk")
    page.get_by_text("Tags", exact=True).click()
    wait_until_quiet(page)
    assert "tags=true" in page.url
    page.get_by_role("button", name="More filters").click()
    page.get_by_role("combobox", name="Tags").click()
    page.get_by_role("option", name="discount hunter").click()
    page.keyboard.press("Escape")
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="More filters (1)")).to_be_visible()
    wait_until_quiet(page)
    assert "tag=discount" in page.url
    assert page.get_by_test_id("stAlertContentError").count() == 0
