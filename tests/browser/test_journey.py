"""From a raw order file to a list somebody can act on, as a person does it."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.browser

Visit = Callable[..., Page]
LONG = 240_000


def order_file(path: Path, n_customers: int = 1600, seed: int = 5) -> Path:
    """Two years of orders of customers with rhythms of their own, who stop one after the other."""
    random = np.random.default_rng(seed)
    first = datetime(2023, 1, 1)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, delimiter=";")
        writer.writerow(["Order No", "Client", "Order date", "Total paid", "Pieces"])
        number = 0
        for customer in range(n_customers):
            gap, moment = random.gamma(2, 16) + 4, random.uniform(0, 560)
            while moment < 730:
                number += 1
                amount = f"{random.lognormal(3.6, 0.5):.2f}".replace(".", ",")
                placed = (first + timedelta(days=float(moment))).strftime("%d.%m.%Y %H:%M")
                writer.writerow([f"A-{number:06d}", f"{customer:05d}", placed, amount, random.integers(1, 9)])
                if random.random() < 0.09:
                    break
                moment += random.exponential(gap)
    return path


def test_from_an_own_order_file_to_an_exported_list(new_app: str, visit: Visit, tmp_path: Path) -> None:
    exported = journey(visit(new_app), order_file(tmp_path / "orders 2024.csv"), tmp_path)
    assert exported.is_file()


def test_from_online_retail_to_an_exported_list(new_app: str, visit: Visit, tmp_path: Path, real_data: Path) -> None:
    exported = journey(visit(new_app), real_data / "online_retail_II_orders.csv", tmp_path)
    assert exported.is_file()


def journey(page: Page, file: Path, folder: Path) -> Path:
    """From the file to the exported list, which is checked and returned."""
    create_workspace(page, "My shop")
    upload(page, file)
    define(page)
    train(page)
    open_the_first_customer(page)
    look_at_the_force_plot(page)
    exported = export(page, folder)
    check_export(exported)
    return exported


def go_to(page: Page, title: str) -> None:
    page.get_by_test_id("stSidebarNav").get_by_role("link", name=title, exact=True).click()
    expect(page.get_by_role("heading", name=title, exact=True, level=1)).to_be_visible()


def create_workspace(page: Page, name: str) -> None:
    page.get_by_label("Name of your business or shop").fill(name)
    page.get_by_role("button", name="Create workspace").click()
    expect(page.get_by_role("heading", name="Import", exact=True)).to_be_visible()


def upload(page: Page, file: Path) -> None:
    go_to(page, "Import")
    page.locator("input[type=file]").set_input_files(file)
    expect(page.get_by_text("Ten rows as they will be understood")).to_be_visible(timeout=LONG)
    page.get_by_role("button", name=re.compile(r"^Import [\d,]+ rows$")).click()
    expect(page.get_by_test_id("stAlertContentSuccess")).to_be_visible(timeout=LONG)
    expect(page.get_by_role("link", name="Next: say what churned means")).to_be_visible()


def define(page: Page) -> None:
    go_to(page, "Churn definition")
    page.get_by_role("button", name="Save this definition").click()
    expect(page.get_by_text("Saved as definition 1.").first).to_be_visible()


def train(page: Page) -> None:
    go_to(page, "Train")
    page.get_by_role("button", name="Train and score").click()
    expect(page.get_by_test_id("stAlertContentSuccess")).to_be_visible(timeout=LONG)


def open_the_first_customer(page: Page) -> None:
    """Tick the first row of the list, which is drawn on a canvas, and open who stands there."""
    go_to(page, "At risk")
    table = page.get_by_test_id("stDataFrame").first
    expect(table).to_be_visible()
    page.wait_for_timeout(1500)
    table.click(position={"x": 18, "y": 55})
    page.get_by_role("button", name="Open customer").click()
    expect(page.get_by_role("heading", name="Customer", exact=True, level=1)).to_be_visible()


def look_at_the_force_plot(page: Page) -> None:
    plot = page.frame_locator("iframe").first
    expect(plot.locator("svg").first).to_be_visible(timeout=LONG)
    expect(plot.locator("svg text").nth(3)).to_be_attached()


def export(page: Page, folder: Path) -> Path:
    """Back in the list the ticked customer is still ticked; taken back, the whole list is exported."""
    go_to(page, "At risk")
    expect(page.get_by_role("button", name="Export 1 selected")).to_be_visible()
    page.get_by_role("button", name="Clear selection", exact=True).click()
    page.get_by_role("button", name=re.compile(r"Export all [\d,]+")).click()
    with page.expect_download(timeout=LONG) as waiting:
        page.get_by_role("button", name="Download CSV").click()
    target = folder / waiting.value.suggested_filename
    waiting.value.save_as(target)
    return target


def check_export(file: Path) -> None:
    """As many rows as the name says, with what a list needs, and nothing a spreadsheet would run."""
    with file.open(encoding="utf-8-sig", newline="") as lines:
        header, *rows = list(csv.reader(lines))
    announced = re.search(r"-(\d+)rows[.]csv$", file.name)
    assert announced
    assert len(rows) == int(announced[1]) > 0
    assert {"customer_id", "risk", "tier", "value_at_risk", "run_id", "model_version"} <= set(header)
    assert all(len(row) == len(header) for row in rows)
    risks = [float(row[header.index("risk")]) for row in rows]
    assert all(0 < risk < 1 for risk in risks)
