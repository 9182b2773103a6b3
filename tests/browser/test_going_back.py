"""The browser's own buttons and addresses: going back keeps where one was, a wrong address is said."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.test_journey import go_to
from tests.browser.test_looks import wait_until_quiet

pytestmark = pytest.mark.browser

Visit = Callable[..., Page]


def test_going_back_keeps_page_and_workspace(demo_app: str, visit: Visit) -> None:
    page = visit(demo_app)
    expect(page.get_by_role("heading", name="Today", exact=True, level=1)).to_be_visible()
    for title in ("At risk", "Import"):
        go_to(page, title)
        wait_until_quiet(page)
    page.go_back()
    expect(page.get_by_role("heading", name="At risk", exact=True, level=1)).to_be_visible()
    wait_until_quiet(page)
    expect(page.get_by_role("combobox", name="Workspace")).to_have_value("Demo shop")
    expect(page.get_by_role("button", name="Create workspace")).to_have_count(0)
    expect(page.get_by_test_id("stDataFrame").first).to_be_visible()


def test_a_workspace_that_does_not_exist_is_said_and_no_other_is_shown(demo_app: str, visit: Visit) -> None:
    page = visit(f"{demo_app}/at-risk?workspace=Nix")
    said = page.get_by_test_id("stAlertContentError")
    expect(said).to_have_count(1)
    expect(said).to_contain_text("Nix")
    wait_until_quiet(page)
    expect(page.get_by_test_id("stDataFrame")).to_have_count(0)
    expect(page.get_by_text("C-0")).to_have_count(0)
