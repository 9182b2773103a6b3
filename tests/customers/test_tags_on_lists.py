"""Tags on lists of customers: asked for, shown, and in every file that leaves."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from churn_core.customers.at_risk import count_and_totals, page
from churn_core.customers.segmentation import Asked, fit_segmentation
from churn_core.customers.segmentation_export import members_csv
from churn_core.customers.selection import CustomerFilter, described
from churn_core.customers.tags import delete_tag, give_tag
from churn_core.customers.targets import write_targets
from churn_core.warehouse import Warehouse

from .conftest import HOSTILE


@pytest.fixture
def tagged(shop: Warehouse) -> Warehouse:
    """Three customers with a tag or two."""
    give_tag(shop, "VIP", ["C001", "C002"])
    give_tag(shop, "=wine; red", ["C002", "C003"])
    return shop


def listed(warehouse: Warehouse, *tags: str) -> set[str]:
    return set(page(warehouse, CustomerFilter(tags=tags))["customer_id"])


def rows_of(content: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(content.decode("utf-8-sig").splitlines()))


def test_several_tags_mean_any_of_them(tagged: Warehouse) -> None:
    assert listed(tagged, "VIP") == {"C001", "C002"}
    assert listed(tagged, "VIP", "=wine; red") == {"C001", "C002", "C003"}
    assert count_and_totals(tagged, CustomerFilter(tags=("VIP",))).n_customers == 2
    assert described(CustomerFilter(tags=("VIP", "wine"))) == "tagged VIP or wine"
    assert not CustomerFilter(tags=("VIP",)).is_everybody
    delete_tag(tagged, "VIP")
    assert listed(tagged, "VIP") == set()


def test_every_row_of_a_list_says_its_tags(tagged: Warehouse) -> None:
    found = page(tagged, CustomerFilter()).set_index("customer_id")["tags"].dropna().to_dict()
    assert found == {"C001": "VIP", "C002": "=wine; red; VIP", "C003": "=wine; red"}


def test_a_file_of_targets_holds_tags_that_no_spreadsheet_runs(tagged: Warehouse, tmp_path: Path) -> None:
    export = write_targets(tagged, CustomerFilter(tags=("VIP",)), tmp_path / "vip.csv")
    rows = {row["customer_id"]: row["tags"] for row in rows_of(export.path.read_bytes())}
    assert rows == {"C001": "VIP", "C002": "'=wine; red; VIP"}
    everybody = write_targets(tagged, CustomerFilter(), tmp_path / "all.csv")
    assert sum(bool(row["tags"]) for row in rows_of(everybody.path.read_bytes())) == 3
    assert everybody.n_rows == 40


def test_members_of_a_segment_leave_with_their_tags(demo_copy: Warehouse) -> None:
    made = fit_segmentation(
        demo_copy, Asked(features=("n_orders", "mean_order_amount", "days_since_last_order"), k=2, with_past=False)
    )
    first = str(demo_copy.value("SELECT min(customer_id) FROM segmentation_members"))
    before = {row["customer_id"]: row["tags"] for row in rows_of(members_csv(demo_copy, made.segmentation_id))}
    give_tag(demo_copy, "=cmd", [first])
    after = {row["customer_id"]: row["tags"] for row in rows_of(members_csv(demo_copy, made.segmentation_id))}
    assert after[first].startswith("'=cmd")
    assert {customer for customer in after if after[customer] != before[customer]} == {first}


def test_a_hostile_tag_finds_its_own_customer(shop: Warehouse) -> None:
    for number, text in enumerate(HOSTILE):
        give_tag(shop, text, [f"C{number:03d}"])
    for number, text in enumerate(HOSTILE):
        assert listed(shop, " ".join(text.split())) == {f"C{number:03d}"}
    assert shop.n_rows("scores") == 40
