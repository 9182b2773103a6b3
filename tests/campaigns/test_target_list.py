"""A target list leaves with its manifest or not at all, is safe in a spreadsheet, and is always the same."""

from __future__ import annotations

import csv
import hashlib
import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from churn_core.campaigns import target_list, target_workbook
from churn_core.campaigns.draw import cancel_campaign, join_campaign, lock_campaign
from churn_core.campaigns.store import Campaign, campaigns, create_draft
from churn_core.campaigns.target_columns import COLUMNS, PERSONAL
from churn_core.campaigns.target_list import CampaignExport, export_campaign, exports_of, manifest_beside, remove_lists
from churn_core.customers.selection import CustomerFilter
from churn_core.errors import ChurnError, InputError, NotEnoughData, NotFound
from churn_core.warehouse import Warehouse
from tests.campaigns.scored_shop import CALL, CONTROL, COUPON, PLAN, SHAPES, fill_shop, score

HOSTILE = [
    "=1+1",
    "@SUM(A1)",
    "+cmd|'/C calc'!A0",
    "'; DROP TABLE assignments; --",
    'a"b',
    "c,d",
    "线\n线",
    "\u3000e",
    "-5",
]
IDS = [*HOSTILE, *SHAPES["zero-padded"](191)]


@pytest.fixture(scope="module")
def locked_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with 200 scored customers, some with hostile ids, and one locked campaign; closed."""
    path = tmp_path_factory.mktemp("locked") / "shop.duckdb"
    opened = Warehouse.open(path)
    fill_shop(opened, IDS)
    arms = (CONTROL, replace(COUPON, text='=HYPERLINK("x")'), CALL)
    lock_campaign(opened, create_draft(opened, replace(PLAN, arms=arms, per_week=100)).campaign_id)
    opened.checkpoint()
    opened.close()
    return path


@pytest.fixture
def shop(locked_file: Path, tmp_path: Path) -> Iterator[Warehouse]:
    """A copy that the test may change."""
    opened = Warehouse.open(shutil.copy(locked_file, tmp_path / "shop.duckdb"))
    yield opened
    opened.close()


@pytest.fixture
def locked(shop: Warehouse) -> Campaign:
    """The locked campaign."""
    [found] = campaigns(shop)
    return found


def rows_of(exported: CampaignExport) -> list[dict[str, str]]:
    with exported.path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def n_treated(found: Campaign) -> int:
    return 200 - int(found.counts["arms"]["control"])


def bytes_of(exported: CampaignExport) -> tuple[bytes, bytes]:
    return exported.path.read_bytes(), exported.manifest_path.read_bytes()


def test_a_list_holds_who_gets_what_and_why(shop: Warehouse, locked: Campaign, tmp_path: Path) -> None:
    exported = export_campaign(shop, locked.campaign_id, tmp_path)
    rows = rows_of(exported)
    kept = {
        row["customer_id"]: row
        for row in shop.records("SELECT * FROM assignments WHERE arm <> 'control' ORDER BY row_no")
    }
    assert len(rows) == exported.n_rows == len(kept) == n_treated(locked)
    assert [int(row["row_no"]) for row in rows] == [row["row_no"] for row in kept.values()]
    for row, drawn in zip(rows, kept.values(), strict=True):
        assert row["customer_id"].lstrip("'") == drawn["customer_id"].lstrip("'")
        assert (row["arm"], row["is_control"], row["campaign_id"]) == (drawn["arm"], "no", locked.campaign_id)
        assert row["action"] == {"coupon": "Coupon", "call": "Call"}[row["arm"]]
        assert row["channel"] == {"coupon": "E-mail", "call": "Phone"}[row["arm"]]
        assert row["tier"] == drawn["tier"]
        assert float(row["risk"]) == pytest.approx(drawn["risk"], abs=1e-4)
        assert float(row["value_at_risk"]) == pytest.approx(drawn["risk"] * drawn["expected_value"], abs=0.006)
        assert row["starts_on"] == f"{drawn['starts_at']:%Y-%m-%d}"
        assert row["reason_1"] == f"last order {IDS.index(drawn['customer_id'])} days ago in run 1"
        assert row["reason_3"] == ""
    assert not set(PERSONAL) & rows[0].keys()


def test_cells_start_no_formula_and_ids_come_back_unharmed(shop: Warehouse, locked: Campaign, tmp_path: Path) -> None:
    exported = export_campaign(shop, locked.campaign_id, tmp_path, with_control=True)
    assert exported.path.read_bytes().startswith(b"\xef\xbb\xbf")
    rows = rows_of(exported)
    for row in rows:
        assert not any(cell.startswith(("=", "@", "+", "\t")) for cell in row.values())
    ids = {row["customer_id"] for row in rows}
    assert ids >= {
        "'=1+1",
        "'@SUM(A1)",
        "'+cmd|'/C calc'!A0",
        "'; DROP TABLE assignments; --",
        'a"b',
        "c,d",
        "线\n线",
        "-5",
    }
    assert {row["offer"] for row in rows if row["arm"] == "coupon"} == {'\'=HYPERLINK("x")'}


def test_control_rows_are_marked_and_carry_no_address(shop: Warehouse, locked: Campaign, tmp_path: Path) -> None:
    without = export_campaign(shop, locked.campaign_id, tmp_path, with_contact=True)
    assert {row["arm"] for row in rows_of(without)} == {"coupon", "call"}
    assert all(row["email"].endswith("@example.org") and row["email_consent"] == "yes" for row in rows_of(without))
    rows = rows_of(export_campaign(shop, locked.campaign_id, tmp_path, with_contact=True, with_control=True))
    control = [row for row in rows if row["arm"] == "control"]
    assert len(control) == locked.counts["arms"]["control"]
    for row in control:
        assert row["is_control"] == "yes"
        assert "do not contact" in row["action"]
        assert {row[name] for name in ("name", "email", "phone", "email_consent", "offer", "channel")} == {""}


def test_arms_and_weeks_can_be_exported_by_themselves(shop: Warehouse, locked: Campaign, tmp_path: Path) -> None:
    call = export_campaign(shop, locked.campaign_id, tmp_path, arms=("call",))
    first = export_campaign(shop, locked.campaign_id, tmp_path, waves=(1,))
    second = export_campaign(shop, locked.campaign_id, tmp_path, waves=(2,))
    control = export_campaign(shop, locked.campaign_id, tmp_path, arms=("control",))
    assert {row["arm"] for row in rows_of(call)} == {"call"}
    assert {row["arm"] for row in rows_of(control)} == {"control"}
    assert {row["wave"] for row in rows_of(first)} == {"1"}
    assert first.n_rows + second.n_rows == n_treated(locked)
    assert len({exported.path for exported in (call, first, second, control)}) == 4


def test_the_manifest_says_what_the_list_is(shop: Warehouse, locked: Campaign, tmp_path: Path) -> None:
    exported = export_campaign(shop, locked.campaign_id, tmp_path / "spring.csv", arms=("coupon",), with_control=True)
    assert exported.manifest_path == manifest_beside(tmp_path / "spring.csv")
    manifest = json.loads(exported.manifest_path.read_text(encoding="utf-8"))
    assert manifest == exported.manifest
    assert (manifest["campaign_id"], manifest["campaign"]) == (locked.campaign_id, "Win back")
    assert manifest["plan_sha256"] == locked.plan.sha256
    assert (manifest["score_run"], manifest["model_version"], manifest["data_version"]) == (1, 3, 1)
    assert locked.locked_at is not None
    assert manifest["drawn_at"] == f"{locked.locked_at:%Y-%m-%dT%H:%M:%S}Z"
    assert manifest["audience"] == manifest["exclusions"][0]["before"] == 200
    for before, after in zip(manifest["exclusions"], manifest["exclusions"][1:], strict=False):
        assert before["before"] - before["left_out"] == before["after"] == after["before"]
    assert manifest["exclusions"][-1]["after"] == sum(arm["drawn"] for arm in manifest["arms"])
    drawn = locked.counts["arms"]
    assert {arm["arm"]: arm["drawn"] for arm in manifest["arms"]} == drawn
    assert {arm["arm"]: arm["in_this_list"] for arm in manifest["arms"]} == drawn | {"call": 0}
    file = manifest["file"]
    assert (file["name"], file["rows"], file["form"]) == ("spring.csv", drawn["control"] + drawn["coupon"], "csv")
    assert file["sha256"] == hashlib.sha256(exported.path.read_bytes()).hexdigest() == exported.sha256
    assert file["columns"] == list(rows_of(exported)[0])
    assert manifest["choice"]["control_rows"] is True


def later(warehouse: Warehouse) -> None:
    """New data, new scores of everybody, and everybody another address."""
    with warehouse.transaction() as tx:
        tx.execute("UPDATE orders SET order_time = order_time + INTERVAL 40 DAY WHERE hash(order_id) % 5 = 0")
        tx.execute("UPDATE customers SET email = 'new-' || email")
        tx.execute("UPDATE scores SET tier = 'low' WHERE run_id = 1")
        tx.bump_data_version()
    score(warehouse, IDS, run_id=2)


@pytest.mark.parametrize("form", ["csv", "xlsx"])
def test_the_same_choice_gives_the_same_bytes_whenever_it_is_asked_for(
    shop: Warehouse, locked: Campaign, tmp_path: Path, form: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = bytes_of(export_campaign(shop, locked.campaign_id, tmp_path, form=form, with_control=True))
    later(shop)
    monkeypatch.setattr("churn_core.warehouse.utc_now", lambda: datetime(2031, 5, 6, 7, 8, 9))
    monkeypatch.setenv("CHURN_USER", "Somebody else")
    for _ in range(2):
        assert bytes_of(export_campaign(shop, locked.campaign_id, tmp_path, form=form, with_control=True)) == first


def test_addresses_are_those_of_the_day_and_nothing_else_changes(
    shop: Warehouse, locked: Campaign, tmp_path: Path
) -> None:
    first = export_campaign(shop, locked.campaign_id, tmp_path, with_contact=True)
    rows, content = rows_of(first), bytes_of(first)
    assert bytes_of(export_campaign(shop, locked.campaign_id, tmp_path, with_contact=True)) == content
    later(shop)
    again = rows_of(export_campaign(shop, locked.campaign_id, tmp_path, with_contact=True))
    assert [row | {"email": f"new-{row['email']}"} for row in rows] == again


def test_a_workbook_holds_the_cells_of_the_csv_file(shop: Warehouse, locked: Campaign, tmp_path: Path) -> None:
    as_text = rows_of(export_campaign(shop, locked.campaign_id, tmp_path, with_contact=True, with_control=True))
    book = export_campaign(shop, locked.campaign_id, tmp_path, with_contact=True, with_control=True, form="xlsx")
    sheet = openpyxl.load_workbook(book.path).active
    assert sheet is not None
    header, *lines = sheet.iter_rows(values_only=True)
    assert list(header) == list(COLUMNS)
    assert len(lines) == 200
    for line, row in zip(lines, as_text, strict=True):
        for name, cell in zip(header, line, strict=True):
            if isinstance(cell, datetime):
                assert f"{cell:%Y-%m-%d}" == row[name]
            elif isinstance(cell, int | float):
                assert float(cell) == float(row[name])
            else:
                assert (cell or "") == row[name]
    assert all(cell.data_type != "f" for line in sheet.iter_rows() for cell in line)


def test_every_export_is_recorded_with_its_manifest(shop: Warehouse, locked: Campaign, tmp_path: Path) -> None:
    first = export_campaign(shop, locked.campaign_id, tmp_path, arms=("call",))
    second = export_campaign(shop, locked.campaign_id, tmp_path)
    kept = exports_of(shop, locked.campaign_id)
    assert [entry.export_id for entry in kept] == [second.export_id, first.export_id]
    assert [entry.sha256 for entry in kept] == [second.sha256, first.sha256]
    assert kept[1].manifest == first.manifest
    assert exports_of(shop, "camp-other") == ()
    assert shop.value("SELECT action FROM audit_log ORDER BY entry DESC LIMIT 1") == "campaign exported"


def test_lists_in_the_workspaces_folder_are_removed_and_nothing_else(
    shop: Warehouse, locked: Campaign, tmp_path: Path
) -> None:
    folder = shop.file("x").parent
    first, second = (export_campaign(shop, locked.campaign_id, folder, arms=(arm,)) for arm in ("coupon", "call"))
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    away = export_campaign(shop, locked.campaign_id, elsewhere / "truth.csv")
    (folder / "truth.csv").write_text("a file of the same name that is no list", encoding="utf-8")
    assert remove_lists(shop, locked.campaign_id, but=second.path.name) == 1
    assert not first.path.exists()
    assert not first.manifest_path.exists()
    assert all(path.exists() for path in (second.path, second.manifest_path, away.path, folder / "truth.csv"))
    assert remove_lists(shop, locked.campaign_id) == 1
    assert not second.path.exists()
    assert len(exports_of(shop, locked.campaign_id)) == 3
    assert export_campaign(shop, locked.campaign_id, folder, arms=("coupon",)).sha256 == first.sha256


def test_those_who_joined_are_listed_with_the_reasons_of_their_own_run(shop: Warehouse, tmp_path: Path) -> None:
    free = replace(PLAN.exclusions, other_campaign=False, contacted_days=None)
    rolling = replace(PLAN, exclusions=free, entry="rolling", audience=CustomerFilter(tiers=("high",)))
    found = lock_campaign(shop, create_draft(shop, rolling).campaign_id)
    first = rows_of(export_campaign(shop, found.campaign_id, tmp_path, with_control=True))
    score(shop, IDS, run_id=2)
    joined = join_campaign(shop, found.campaign_id)
    score(shop, IDS, run_id=3)
    exported = export_campaign(shop, found.campaign_id, tmp_path, with_control=True)
    rows = rows_of(exported)
    assert rows[: len(first)] == first
    assert len(rows) == len(first) + joined.n_customers
    assert {row["reason_1"].split()[-1] for row in rows[: len(first)]} == {"1"}
    assert {row["reason_1"].split()[-1] for row in rows[len(first) :]} == {"2"}
    assert exported.manifest["joined_later"][0]["n_customers"] == joined.n_customers


def nothing_left(folder: Path, warehouse: Warehouse) -> bool:
    assert warehouse.folder is not None
    return not [file for file in (*folder.iterdir(), *warehouse.folder.iterdir()) if file != warehouse.folder]


def test_bad_choices_are_one_sentence_and_write_nothing(shop: Warehouse, locked: Campaign, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    draft = create_draft(shop, PLAN)
    for error, told, campaign_id, path, choice in (
        (NotFound, "did you mean 'coupon'", locked.campaign_id, out, {"arms": ("coupn",)}),
        (NotEnoughData, "choose others", locked.campaign_id, out, {"waves": (9,)}),
        (InputError, "counted from 1", locked.campaign_id, out, {"waves": (0,)}),
        (InputError, "does not exist", locked.campaign_id, out / "none" / "list.csv", {}),
        (InputError, "give the file the ending .xlsx", locked.campaign_id, out / "list.csv", {"form": "xlsx"}),
        (InputError, "choose csv or xlsx", locked.campaign_id, out, {"form": "ods"}),
        (InputError, "still a draft", draft.campaign_id, out, {}),
        (NotFound, "there is no campaign", "camp-none", out, {}),
    ):
        with pytest.raises(error) as caught:
            export_campaign(shop, campaign_id, path, **choice)  # type: ignore[arg-type]
        assert told in str(caught.value)
        assert "\n" not in str(caught.value)
    cancel_campaign(shop, locked.campaign_id, "The budget was cut.")
    with pytest.raises(InputError, match="called off"):
        export_campaign(shop, locked.campaign_id, out)
    assert nothing_left(out, shop)
    assert shop.n_rows("exports") == 0


def test_a_workbook_of_too_many_rows_is_refused_before_anything_is_written(
    shop: Warehouse, locked: Campaign, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert target_workbook.MOST_ROWS == 1_048_575
    n_rows = n_treated(locked)
    monkeypatch.setattr(target_list, "MOST_ROWS", n_rows - 1)
    out = tmp_path / "out"
    out.mkdir()
    with pytest.raises(InputError, match=rf"has {n_rows} rows and a sheet holds {n_rows - 1}; export as CSV"):
        export_campaign(shop, locked.campaign_id, out, form="xlsx")
    assert nothing_left(out, shop)
    assert (
        export_campaign(shop, locked.campaign_id, out, form="xlsx", arms=("call",)).n_rows
        == locked.counts["arms"]["call"]
    )


def test_a_text_too_long_for_a_cell_is_refused(shop: Warehouse, tmp_path: Path) -> None:
    arms = (CONTROL, replace(COUPON, text="x" * 40_000), CALL)
    free = replace(PLAN.exclusions, other_campaign=False, contacted_days=None)
    found = lock_campaign(shop, create_draft(shop, replace(PLAN, arms=arms, exclusions=free)).campaign_id)
    out = tmp_path / "out"
    out.mkdir()
    with pytest.raises(InputError, match="40,000 characters in 'offer'"):
        export_campaign(shop, found.campaign_id, out, form="xlsx")
    assert nothing_left(out, shop)
    assert export_campaign(shop, found.campaign_id, out).n_rows == n_treated(found)


def test_a_folder_that_takes_no_file_is_told_and_nothing_is_recorded(
    shop: Warehouse, locked: Campaign, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    (out / "list.csv.manifest.json").mkdir(parents=True)
    with pytest.raises(ChurnError, match="cannot be written"):
        export_campaign(shop, locked.campaign_id, out / "list.csv")
    assert shop.n_rows("exports") == 0
    assert [file.name for file in out.iterdir()] == ["list.csv.manifest.json"]
