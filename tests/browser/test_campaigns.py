"""From a list of customers at risk to a decision: planned, drawn, exported, brought back, read out, decided."""

from __future__ import annotations

import csv
import hashlib
import json
import re
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import running_app
from tests.browser.test_journey import go_to
from tests.browser.test_looks import wait_until_quiet

pytestmark = pytest.mark.browser

Visit = Callable[..., Page]
LONG = 120_000
LONG_AGO = date(2025, 6, 30)
"""Last day of the shop: by now every outcome window after it is over, so that outcomes can be brought."""
Row = dict[str, str]


@pytest.fixture(scope="module")
def own_app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The app with a small demo shop of the past that the journey may change."""
    from churn_core.campaigns.demo import build_demo_workspace

    home = tmp_path_factory.mktemp("campaigns") / "home"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CHURN_HOME", str(home))
        build_demo_workspace(n_customers=3_000, until=LONG_AGO)
    with running_app(home) as address:
        yield address


def test_from_at_risk_to_a_decision(own_app: str, visit: Visit, tmp_path: Path) -> None:
    page = visit(f"{own_app}/at-risk")
    page.get_by_role("button", name=re.compile("^Plan a campaign for all")).click()
    expect(page.get_by_role("heading", name="Plan", exact=True, level=1)).to_be_visible(timeout=LONG)
    plan(page)
    lock(page)
    rows, manifest = export(page, tmp_path)
    check_list(rows, manifest)
    outcomes = outcome_file(tmp_path / "outcomes.csv", rows)
    page.get_by_role("button", name="Readout", exact=True).click()
    expect(page.get_by_role("heading", name="Readout", exact=True, level=1)).to_be_visible(timeout=LONG)
    bring(page, outcomes)
    read(page, rows)
    decide(page)
    go_to(page, "Programme")
    learned = page.get_by_test_id("stMarkdown").filter(has_text="Autumn recommendation")
    expect(learned.first).to_be_visible(timeout=LONG)
    expect(page.get_by_text(re.compile("They answer to what was picked for them")).first).to_be_visible(timeout=LONG)


def test_the_finished_campaign_of_the_demo_can_be_read_out_at_once(own_app: str, visit: Visit) -> None:
    page = visit(f"{own_app}/readout?campaign=win-back-voucher-1")
    expect(page.get_by_role("heading", name="Readout", exact=True, level=1)).to_be_visible(timeout=LONG)
    expect(page.get_by_text(re.compile(r"between [+-]\d+\.\d and [+-]\d+\.\d")).first).to_be_visible(timeout=LONG)
    expect(page.get_by_test_id("stException")).to_have_count(0)


def plan(page: Page) -> None:
    """All steps up to the lock."""
    fill(page, page.get_by_role("textbox", name="Name", exact=True), "Autumn recommendation")
    fill(page, page.get_by_role("spinbutton", name="Smallest effect worth having, points"), "10")
    step(page, "Audience")
    expect(page.get_by_test_id("stMetric").filter(has_text="Customers").first).to_be_visible(timeout=LONG)
    step(page, "Exclusions")
    expect(page.get_by_text("A customer is counted at the first rule that applies", exact=False)).to_be_visible()
    step(page, "Arms")
    page.get_by_role("button", name="Add", exact=True).first.click()
    wait_until_quiet(page)
    channel = page.get_by_label(re.compile("Channel"))
    expect(channel).to_have_count(1, timeout=LONG)
    page.get_by_role("button", name="Share equally").click()
    wait_until_quiet(page)
    expect(page.get_by_text("Shares add up to")).to_contain_text("100 %")
    step(page, "Power")
    expect(page.get_by_text(re.compile(r"^(Enough|Too small)")).first).to_be_visible(timeout=LONG)
    step(page, "Draw")
    expect(page.get_by_text(re.compile(r"[\d,]+ customers would be drawn"))).to_be_visible(timeout=LONG)


def lock(page: Page) -> None:
    step(page, "Lock")
    expect(page.get_by_text(re.compile("How it will be read"))).to_be_visible(timeout=LONG)
    page.get_by_text(re.compile("^I have read the plan")).click()
    wait_until_quiet(page)
    page.get_by_role("button", name="Lock the plan and draw the arms").click()
    expect(page.get_by_text(re.compile("Locked: arms are drawn")).first).to_be_visible(timeout=LONG)
    wait_until_quiet(page)


def export(page: Page, folder: Path) -> tuple[list[Row], dict[str, Any]]:
    """The list with the control and contact details, and its manifest, as they are downloaded."""
    if not page.get_by_role("button", name="Make the target list").is_visible():
        step(page, "Export")
    page.get_by_text(re.compile("^With the control")).click()
    wait_until_quiet(page)
    page.get_by_text("With name, e-mail and telephone number").click()
    wait_until_quiet(page)
    page.get_by_role("button", name="Make the target list").click()
    listed = download(page, "Download the list", folder)
    manifest = download(page, "Download the manifest", folder)
    told = json.loads(manifest.read_text(encoding="utf-8"))
    assert told["file"]["sha256"] == hashlib.sha256(listed.read_bytes()).hexdigest()
    with listed.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file)), told


def check_list(rows: list[Row], manifest: dict[str, Any]) -> None:
    """The list is what the manifest says, whole, and the control is not to be contacted."""
    assert Counter(row["arm"] for row in rows) == {arm["arm"]: arm["in_this_list"] for arm in manifest["arms"]}
    assert all(arm["drawn"] == arm["in_this_list"] for arm in manifest["arms"])
    left = manifest["audience"]
    for rule in manifest["exclusions"]:
        assert rule["before"] == left
        left = rule["after"]
        assert rule["before"] - rule["left_out"] == left
    assert left == len(rows) == len({row["customer_id"] for row in rows}) > 50
    assert {row["campaign_id"] for row in rows} == {manifest["campaign_id"]}
    assert [int(row["row_no"]) for row in rows] == list(range(1, len(rows) + 1))
    for row in rows:
        assert (row["is_control"] == "yes") == (row["arm"] == "control")
        assert bool(row["email"]) == (row["is_control"] == "no")


def outcome_file(path: Path, rows: list[Row]) -> Path:
    """Of the control every fifth came back, of the others every second."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["customer_id", "arm", "retained"])
        seen: Counter[str] = Counter()
        for row in rows:
            seen[row["arm"]] += 1
            every = 5 if row["is_control"] == "yes" else 2
            writer.writerow([row["customer_id"], row["arm"], int(seen[row["arm"]] % every == 0)])
    return path


def bring(page: Page, outcomes: Path) -> None:
    """The file of outcomes, matched before it is stored."""
    wait_until_quiet(page)
    page.locator("input[type=file]").last.set_input_files(outcomes)
    expect(page.get_by_text(re.compile("matched")).first).to_be_visible(timeout=LONG)
    page.get_by_role("button", name="Bring these outcomes").click()


def read(page: Page, rows: list[Row]) -> None:
    """The verdict names the difference that the file holds."""
    expect(page.get_by_text(re.compile(r"kept \d+\.\d points more customers")).first).to_be_visible(timeout=LONG)
    wait_until_quiet(page)
    of = Counter(row["arm"] for row in rows)
    treated, control = next(arm for arm in of if arm != "control"), "control"
    points = 100 * ((of[treated] // 2) / of[treated] - (of[control] // 5) / of[control])
    expect(page.get_by_text(f"kept {points:.1f} points more customers").first).to_be_visible()
    expect(page.get_by_text("Sample ratio").first).to_be_visible()
    expect(page.get_by_test_id("stException")).to_have_count(0)


def decide(page: Page) -> None:
    page.get_by_text("Ship: do it from now on").click()
    page.get_by_label("Why (needed)").fill("Three times as many came back.")
    page.get_by_label("What was learned").fill("They answer to what was picked for them.")
    page.get_by_role("button", name="Write it down").click()
    expect(page.get_by_text("The readout then:", exact=False)).to_be_visible(timeout=LONG)


def step(page: Page, name: str) -> None:
    """On to the next step."""
    onwards = page.get_by_role("button", name=re.compile(f"Next: {name}$"))
    expect(onwards).to_have_count(1, timeout=LONG)
    onwards.click()
    wait_until_quiet(page)
    expect(onwards).to_have_count(0, timeout=LONG)


def fill(page: Page, field: Locator, text: str) -> None:
    field.fill(text)
    field.press("Enter")
    wait_until_quiet(page)


def download(page: Page, label: str, folder: Path) -> Path:
    button = page.get_by_role("button", name=label)
    expect(button).to_be_visible(timeout=LONG)
    wait_until_quiet(page)
    with page.expect_download() as started:
        button.click()
    target = folder / started.value.suggested_filename
    started.value.save_as(target)
    return target
