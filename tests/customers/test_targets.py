"""An exported list is complete or refused, opens safely in a spreadsheet and says where it came from."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import re
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from churn_core.customers.at_risk import page
from churn_core.customers.selection import CustomerFilter
from churn_core.customers.targets import (
    COLUMNS,
    FORMULA_STARTS,
    HARMLESS,
    PERSONAL,
    export_name,
    safe_cell,
    write_targets,
)
from churn_core.errors import InputError, JobCancelled, NotEnoughData
from churn_core.warehouse import Transaction, Warehouse

from .conftest import add_customers, add_orders, add_run

WAREHOUSE = Warehouse.open(None)


def _rows(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(path.read_bytes().decode("utf-8-sig"), newline="")))


def _nothing_left(warehouse: Warehouse, folder: Path) -> bool:
    assert warehouse.folder is not None
    return not list(folder.iterdir()) and not list(warehouse.folder.iterdir()) and warehouse.n_rows("exports") == 0


@pytest.fixture
def out(tmp_path: Path) -> Path:
    folder = tmp_path / "out"
    folder.mkdir()
    return folder


@pytest.mark.parametrize(
    "chosen",
    [
        CustomerFilter(),
        CustomerFilter(tiers=("high",), sort="risk", descending=False),
        CustomerFilter(attributes=(("country", "France"),), sort="days_since_last_order"),
        CustomerFilter(sort="days_since_last_order", descending=False),
        CustomerFilter(sort="customer_id", descending=False, min_value=40),
    ],
)
def test_the_file_holds_the_rows_of_the_page_in_the_same_order(
    shop: Warehouse, out: Path, chosen: CustomerFilter
) -> None:
    export = write_targets(shop, chosen, out / "list.csv")
    on_page = page(shop, chosen, limit=1000)
    rows = _rows(export.path)
    assert [row["customer_id"] for row in rows] == list(on_page["customer_id"])
    assert export.n_rows == len(rows) == len(on_page)
    numbers = pd.read_csv(export.path, dtype={"customer_id": str})
    assert list(numbers["risk"]) == pytest.approx(list(on_page["risk"]), abs=1e-4)
    assert numbers["value_at_risk"].sum() == pytest.approx(on_page["value_at_risk"].sum(), abs=0.5)
    assert set(numbers["run_id"]) == {1}
    assert set(numbers["model_version"]) == {4}
    assert set(numbers["as_of"]) == {"2026-11-01"}


def test_the_file_says_whether_reasons_rest_on_exact_or_sampled_contributions(shop: Warehouse, out: Path) -> None:
    exact = write_targets(shop, CustomerFilter(), out / "exact.csv")
    assert {row["reasons_from"] for row in _rows(exact.path)} == {"exact contributions"}
    with shop.transaction() as tx:
        tx.execute(
            "UPDATE score_runs SET summary = $summary",
            {"summary": json.dumps({"usual": {}, "standard_error": {"visits": 0.02, "spend": 0.0413}})},
        )
    sampled = write_targets(shop, CustomerFilter(), out / "sampled.csv")
    said = {row["reasons_from"] for row in _rows(sampled.path)}
    assert said == {"sampled contributions, standard error up to 0.041 log-odds"}


def test_every_text_that_starts_like_a_formula_is_neutralised_and_numbers_stay_numbers(
    warehouse: Warehouse, out: Path
) -> None:
    ids = [f"{start}cmd|' /C calc'!A0" for start in FORMULA_STARTS]
    add_customers(warehouse, [{"customer_id": i, "name": i, "city": i, "phone": "+44 20 1234-56"} for i in ids])
    add_run(warehouse, dict.fromkeys(ids, 0.6), main_reason={i: i for i in ids})
    export = write_targets(warehouse, CustomerFilter(), out / "x.csv", with_contact=True)
    rows = _rows(export.path)
    assert {row["customer_id"] for row in rows} == {f"'{i}" for i in ids}
    for row in rows:
        for name, (_, is_text) in COLUMNS.items():
            cell = row[name]
            if is_text and name != "phone":
                assert not cell.startswith(FORMULA_STARTS), (name, cell)
            elif not is_text and cell and name not in {"as_of", "last_order"}:
                float(cell)
        assert row["phone"] == "+44 20 1234-56", "a telephone number is no formula"
        assert row["up_2"].startswith("'=cmd")


@pytest.mark.parametrize(
    ("text", "is_neutralised"),
    [
        ("+49 555 0006646", False),
        ("+1 (800) 555-0100", False),
        ("+(44) 20.1234/56", False),
        ("-5", False),
        ("+4.5", False),
        ("-1+1", True),
        ("+1+1", True),
        ("+1-800-FLOWERS", True),
        ("+A1", True),
        ("+49 555 ext. 3", True),
        ("+1|2", True),
        ("+1!2", True),
        ("+1\n=1", True),
        ("+١٢٣", True),
        ("+", True),
        ("=1", True),
        ("- 5", True),
    ],
)
def test_telephone_numbers_leave_as_they_are_and_nothing_that_could_run_does(text: str, is_neutralised: bool) -> None:
    ((cell,),) = WAREHOUSE.rows(f"SELECT {safe_cell('text')} FROM (SELECT $text AS text)", {"text": text})
    assert cell == (f"'{text}" if is_neutralised else text)


def test_the_main_reason_is_the_sentence_of_the_list_and_its_key_the_feature(shop: Warehouse, out: Path) -> None:
    on_page = page(shop, CustomerFilter(), limit=1000)
    rows = _rows(write_targets(shop, CustomerFilter(), out / "x.csv").path)
    assert [row["main_reason"] for row in rows] == list(on_page["reason"])
    assert [row["main_reason_key"] for row in rows] == list(on_page["main_reason"])


def test_ids_come_back_as_they_were(warehouse: Warehouse, out: Path) -> None:
    ids = ["00042", "-5", 'say "hi", ok', "two\nlines", "with;semicolon", " inner  space", "💥", "O'Hara", "1e5"]
    add_run(warehouse, dict.fromkeys(ids, 0.5))
    export = write_targets(warehouse, CustomerFilter(), out / "x.csv")
    assert {row["customer_id"] for row in _rows(export.path)} == set(ids)
    by_pandas = pd.read_csv(export.path, dtype=str)
    assert set(by_pandas["customer_id"]) == set(ids)


def test_contact_fields_leave_only_when_asked_for(shop: Warehouse, out: Path) -> None:
    without = _rows(write_targets(shop, CustomerFilter(), out / "a.csv").path)
    with_contact = _rows(write_targets(shop, CustomerFilter(), out / "b.csv", with_contact=True).path)
    assert not set(PERSONAL) & set(without[0])
    assert "@example.org" not in (out / "a.csv").read_text(encoding="utf-8")
    assert with_contact[0]["email"].endswith("@example.org")
    assert list(with_contact[0]) == list(COLUMNS)


def test_an_export_is_recorded_with_its_digest(shop: Warehouse, out: Path) -> None:
    chosen = CustomerFilter(tiers=("high",), search="c")
    export = write_targets(shop, chosen, out)
    assert export.path == out / export_name(1, export.n_rows, ("high",))
    assert str(export.n_rows) in export.path.name
    (row,) = shop.records("SELECT * FROM exports")
    assert row["sha256"] == export.sha256 == hashlib.sha256(export.path.read_bytes()).hexdigest()
    assert (row["file_name"], row["n_rows"], row["run_id"]) == (export.path.name, export.n_rows, 1)
    assert json.loads(row["filters"])["tiers"] == ["high"]
    assert shop.value("SELECT count(*) FROM audit_log WHERE action = 'export'") == 1
    assert list(out.iterdir()) == [export.path]
    assert shop.folder is not None
    assert list(shop.folder.iterdir()) == []


def test_a_refused_export_leaves_no_file_and_no_record(shop: Warehouse, out: Path) -> None:
    with pytest.raises(NotEnoughData, match="no customer matches"):
        write_targets(shop, CustomerFilter(search="nobody has this"), out / "x.csv")
    with pytest.raises(InputError, match="40 customers by now and not 39"):
        write_targets(shop, CustomerFilter(), out / "x.csv", n_expected=39)
    with pytest.raises(InputError, match="scored again in the meantime"):
        write_targets(shop, CustomerFilter(), out / "x.csv", run_id=7)
    with pytest.raises(InputError, match="does not exist"):
        write_targets(shop, CustomerFilter(), out / "missing" / "x.csv")
    assert _nothing_left(shop, out)


def test_a_cancelled_export_leaves_no_file(shop: Warehouse, out: Path) -> None:
    def cancel(share: float, message: str) -> None:
        if share > 0.5:
            raise JobCancelled("cancelled; nothing was changed.")

    with pytest.raises(JobCancelled):
        write_targets(shop, CustomerFilter(), out / "x.csv", progress=cancel)
    assert _nothing_left(shop, out)


def test_an_export_that_cannot_be_recorded_leaves_the_earlier_file(
    shop: Warehouse, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (out / "x.csv").write_text("earlier")
    monkeypatch.setattr(Transaction, "audit", lambda *_, **__: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        write_targets(shop, CustomerFilter(), out / "x.csv")
    assert (out / "x.csv").read_text() == "earlier"
    assert list(out.iterdir()) == [out / "x.csv"]
    assert shop.n_rows("exports") == 0


@pytest.mark.parametrize(("customer", "mark"), [("plain", b""), ("客户", b"\xef\xbb\xbf")])
def test_a_mark_tells_spreadsheets_that_text_is_utf8_where_it_matters(
    warehouse: Warehouse, out: Path, customer: str, mark: bytes
) -> None:
    add_run(warehouse, {customer: 0.5})
    export = write_targets(warehouse, CustomerFilter(), out / "x.csv")
    assert export.path.read_bytes().startswith(mark + b"customer_id,")
    assert _rows(export.path)[0]["customer_id"] == customer
    assert warehouse.folder is not None
    assert not list(warehouse.folder.iterdir())


def test_every_customer_appears_once_whatever_else_is_known(warehouse: Warehouse, out: Path) -> None:
    add_orders(warehouse, {"a": [3, 3, 90], "b": []})
    add_run(warehouse, {"a": 0.2, "b": 0.6})
    add_run(warehouse, {"a": 0.3, "b": 0.7, "c": 0.5})
    rows = _rows(write_targets(warehouse, CustomerFilter(sort="customer_id", descending=False), out / "x.csv").path)
    assert [(row["customer_id"], row["days_since_last_order"]) for row in rows] == [("a", "3"), ("b", ""), ("c", "")]


@settings(max_examples=60, deadline=None)
@given(texts=st.lists(st.text(min_size=1), min_size=1, max_size=30))
def test_any_text_is_safe_and_comes_back_without_its_apostrophe(texts: list[str]) -> None:
    """Property: what is written never starts a formula unless it is a number, and nothing else changes."""
    sql = f"SELECT text, {safe_cell('text')} FROM (SELECT unnest($texts) AS text)"
    for text, cell in WAREHOUSE.rows(sql, {"texts": texts}):
        assert cell in (text, f"'{text}")
        assert not cell.startswith(FORMULA_STARTS) or re.fullmatch(HARMLESS, cell)
        assert cell == text or text.startswith(FORMULA_STARTS)
