"""A morning at the queue in a real browser: opened by click and by key, taken, put off, done, undone; two at once."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import running_app
from tests.browser.tables import click_cell
from tests.browser.test_looks import wait_until_quiet
from tests.pages.queue_shop import N_ALERTS, build_queue

pytestmark = pytest.mark.browser

Visit = Callable[..., Page]
SHOTS = Path(__file__).parent / "shots"
LONG = 60_000
NEXT_DAY = re.compile("^(Tomorrow|Next working day), ")
"""On a Friday tomorrow is not offered."""


@pytest.fixture(scope="module")
def queue_files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with a small queue, made once."""
    home = tmp_path_factory.mktemp("queue-files") / "home"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CHURN_HOME", str(home))
        build_queue("Queue")
    return home


@pytest.fixture
def queue_app(queue_files: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The app with a queue of its own, which nobody has touched."""
    monkeypatch.setenv("CHURN_USER", "Ada")
    shutil.copytree(queue_files, tmp_path / "home")
    with running_app(tmp_path / "home") as address:
        yield address


def opened(visit: Visit, address: str, **window: object) -> Page:
    page = visit(address, **window)
    expect(panel(page).get_by_role("heading").first).to_be_visible(timeout=LONG)
    wait_until_quiet(page)
    return page


def panel(page: Page) -> Locator:
    return page.locator(".st-key-alert_panel")


def expect_open(page: Page, customer: str) -> None:
    expect(panel(page).get_by_role("heading").first).to_contain_text(customer, timeout=LONG)
    wait_until_quiet(page)


def click_row(page: Page, row: int, *, box: bool = False) -> None:
    """Click the customer of a row, or the box at its left."""
    grid = page.locator(".st-key-queue_list").get_by_test_id("stDataFrame")
    click_cell(grid, row, 17 if box else 70)
    wait_until_quiet(page)


def test_a_morning_at_the_queue(queue_app: str, visit: Visit) -> None:
    page = opened(visit, f"{queue_app}/alerts")
    expect_open(page, "C059")
    panel(page).get_by_role("button", name="Take it").click()
    expect(panel(page)).to_contain_text("with Ada", timeout=LONG)
    note = panel(page).get_by_placeholder(re.compile("^Note"))
    note.fill("Calls back in spring")
    note.press("Alt+1")
    expect_open(page, "C058")
    expect(page.get_by_text("C059 is done: reached.")).to_be_visible()
    expect(panel(page).get_by_placeholder(re.compile("^Note"))).to_have_value("")
    panel(page).get_by_role("button", name="Put off").click()
    page.get_by_role("button", name=NEXT_DAY).click()
    expect_open(page, "C057")
    expect(page.get_by_role("button", name=NEXT_DAY)).to_have_count(0)
    expect(page.get_by_text(re.compile("C058 is put off until"))).to_be_visible()
    page.reload()
    expect_open(page, "C057")
    todo = page.get_by_test_id("stMetric").filter(has_text="taken")
    expect(todo.get_by_test_id("stMetricValue")).to_have_text(str(N_ALERTS - 2))
    page.get_by_text("Done", exact=True).first.click()
    expect_open(page, "C059")
    page.get_by_text("More reasons and history").or_(page.get_by_text("History", exact=True)).first.click()
    expect(page.get_by_text("Calls back in spring")).to_be_visible(timeout=LONG)
    expect(page.get_by_test_id("stException")).to_have_count(0)


def test_rows_are_opened_by_click_and_by_arrow_keys(queue_app: str, visit: Visit) -> None:
    page = opened(visit, f"{queue_app}/alerts")
    click_row(page, 2)
    expect_open(page, "C057")
    page.keyboard.press("ArrowDown")
    expect_open(page, "C056")
    page.keyboard.press("ArrowUp")
    expect_open(page, "C057")
    page.keyboard.press("Alt+3")
    expect_open(page, "C056")
    page.get_by_role("button", name="Undo").click()
    expect_open(page, "C057")
    page.reload()
    expect_open(page, "C057")


def test_a_draft_waits_with_its_alert(queue_app: str, visit: Visit) -> None:
    page = opened(visit, f"{queue_app}/alerts")
    note = panel(page).get_by_placeholder(re.compile("^Note"))
    note.fill("Calls back in spring")
    click_row(page, 2)
    expect_open(page, "C057")
    expect(note).to_have_value("")
    click_row(page, 0)
    expect_open(page, "C059")
    expect(note).to_have_value("Calls back in spring")
    note.fill("Calls back in summer")
    page.get_by_test_id("stSidebarNav").get_by_role("link", name="Today").click()
    expect(page.get_by_role("heading", name="Today").first).to_be_visible(timeout=LONG)
    wait_until_quiet(page)
    page.get_by_test_id("stSidebarNav").get_by_role("link", name="Alerts").click()
    expect_open(page, "C059")
    expect(note).to_have_value("Calls back in summer")
    note.press("Alt+1")
    expect_open(page, "C058")
    expect(note).to_have_value("")


def test_not_reached_comes_back_and_is_taken_back(queue_app: str, visit: Visit) -> None:
    page = opened(visit, f"{queue_app}/alerts")
    note = panel(page).get_by_placeholder(re.compile("^Note"))
    note.fill("Engaged")
    note.press("Alt+2")
    expect_open(page, "C058")
    expect(page.get_by_text(re.compile("C059 not reached, attempt 1: back "))).to_be_visible()
    page.get_by_role("button", name="Undo").click()
    expect_open(page, "C059")
    page.keyboard.press("Alt+2")
    expect_open(page, "C058")
    panel(page).get_by_role("button", name="Hand over").click()
    owner = page.get_by_role("combobox", name="To")
    owner.fill("Grace")
    owner.press("Enter")
    wait_until_quiet(page)
    page.get_by_test_id("stPopoverBody").get_by_role("button", name="Hand over").click()
    expect_open(page, "C057")
    page.get_by_role("button", name="Undo").click()
    expect_open(page, "C058")
    expect(panel(page)).to_contain_text("nobody has taken it")
    page.get_by_text("Put off", exact=True).first.click()
    expect_open(page, "C059")
    expect(panel(page)).to_contain_text("tried once")
    panel(page).get_by_text(re.compile("istory$")).first.click()
    expect(panel(page)).to_contain_text("not reached, attempt 1; put off until")
    expect(panel(page)).to_contain_text("the attempt does not count")
    expect(page.get_by_test_id("stException")).to_have_count(0)


def test_ticks_stay_with_their_alerts(queue_app: str, visit: Visit) -> None:
    page = opened(visit, f"{queue_app}/alerts")
    click_row(page, 1, box=True)
    click_row(page, 3, box=True)
    expect(page.get_by_role("button", name=re.compile("Plan a campaign for 2 ticked"))).to_be_visible(timeout=LONG)
    expect_open(page, "C059")
    page.keyboard.press("Alt+2")
    expect_open(page, "C058")
    expect(page.get_by_role("button", name=re.compile("Plan a campaign for 2 ticked"))).to_be_visible()
    page.locator(".st-key-bulk_take").get_by_role("button").click()
    expect(page.get_by_text("2 alerts taken.")).to_be_visible(timeout=LONG)
    expect_open(page, "C058")
    expect(panel(page)).to_contain_text("with Ada")
    click_row(page, 2)
    expect_open(page, "C056")
    expect(panel(page)).to_contain_text("with Ada")
    click_row(page, 1)
    expect_open(page, "C057")
    expect(panel(page)).to_contain_text("nobody has taken it")


def test_two_people_at_once(queue_app: str, visit: Visit) -> None:
    first, second = opened(visit, f"{queue_app}/alerts"), opened(visit, f"{queue_app}/alerts")
    name = second.get_by_role("textbox", name="You are")
    name.fill("Grace O'Hopper")
    name.press("Enter")
    wait_until_quiet(second)
    panel(first).get_by_role("button", name="Take it").click()
    expect(panel(first)).to_contain_text("with Ada", timeout=LONG)
    panel(second).get_by_role("button", name="Take it").click()
    said = second.get_by_test_id("stAlertContentError")
    expect(said).to_contain_text("Ada", timeout=LONG)
    expect(panel(second)).to_contain_text("with Ada")
    wait_until_quiet(second)
    click_row(second, 1)
    expect_open(second, "C058")
    panel(second).get_by_role("button", name="Take it").click()
    expect(panel(second)).to_contain_text("with Grace O'Hopper", timeout=LONG)
    second.reload()
    expect(second.get_by_role("textbox", name="You are")).to_have_value("Grace O'Hopper", timeout=LONG)


@pytest.mark.parametrize("width", [1280, 800])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_open_alert_is_seen_without_scrolling(queue_app: str, visit: Visit, scheme: str, width: int) -> None:
    page = opened(visit, f"{queue_app}/alerts", width=width, height=900, scheme=scheme)
    SHOTS.mkdir(exist_ok=True)
    page.screenshot(path=SHOTS / f"alerts-open-{scheme}-{width}.png")
    place = panel(page).bounding_box()
    assert place is not None
    assert place["y"] < 620
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), "the page scrolls sideways"


def test_tab_reaches_the_outcome(queue_app: str, visit: Visit) -> None:
    page = opened(visit, f"{queue_app}/alerts")
    panel(page).get_by_placeholder(re.compile("^Note")).focus()
    for _ in range(4):
        page.keyboard.press("Tab")
        if "Reached" in str(page.evaluate("document.activeElement.innerText")):
            break
    else:
        pytest.fail("Tab did not reach 'Reached' from the note")
    page.keyboard.press("Enter")
    expect_open(page, "C058")
    expect(page.get_by_text("C059 is done: reached.")).to_be_visible()
