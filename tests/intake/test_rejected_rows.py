"""Rejected rows can be downloaded, corrected and imported again."""

from __future__ import annotations

import csv
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from churn_core.errors import NotFound
from churn_core.intake.formats import Source, open_source
from churn_core.intake.load import ImportResult, import_file, rejected_causes, rejected_rows, write_rejected
from churn_core.intake.mapping import propose_mapping, remembered_mapping
from churn_core.intake.rejected import safe_cell
from churn_core.warehouse import Warehouse

Load = Callable[..., ImportResult]
Read = Callable[..., Source]

ORDERS = "customer_id,order_id,order_time,amount\n"


def corrected(path: Path, changes: dict[str, tuple[str, str]]) -> None:
    """Change cells of the file by the value of its first column, as a person would in a spreadsheet program."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.reader(file))
    for row in rows[1:]:
        column, value = changes[row[0]]
        row[rows[0].index(column)] = value
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        csv.writer(file).writerows(rows)


def test_a_corrected_file_is_loaded_with_the_remembered_mapping(
    warehouse: Warehouse, load: Load, tmp_path: Path
) -> None:
    first = load(ORDERS + '1,a,2024-01-01,5\n=2,b,soon,6\n"3,4",c,2024-01-03,abc\n5,d,2024-01-05,7\n')
    assert first.n_rejected == 2
    path = tmp_path / "rejected.csv"
    assert write_rejected(warehouse, first.import_id, path) == 2
    assert path.read_text("utf-8-sig").splitlines() == [
        "customer_id,order_id,order_time,amount,rejected_line,rejected_column,rejected_cause",
        "'=2,b,soon,6,3,order_time,'soon' is not a date that can be read",
        "\"3,4\",c,2024-01-03,abc,4,amount,'abc' is not a number",
    ]
    corrected(path, {"'=2": ("order_time", "2024-01-02"), "3,4": ("amount", "8")})
    source = open_source(path)
    assert source.is_correction
    mapping = remembered_mapping(warehouse, source)
    assert mapping is not None
    result = import_file(warehouse, source, mapping)
    assert (result.n_added, result.n_rejected) == (2, 0)
    assert warehouse.rows("SELECT customer_id, amount FROM orders ORDER BY order_id") == [
        ("1", Decimal("5.00")), ("=2", Decimal("6.00")), ("3,4", Decimal("8.00")), ("5", Decimal("7.00")),
    ]  # fmt: skip
    assert import_file(warehouse, source, mapping).is_repeat


def test_a_row_still_wrong_is_rejected_with_its_first_line(warehouse: Warehouse, load: Load, tmp_path: Path) -> None:
    first = load(ORDERS + "1,a,2024-01-01,5\n2,b,soon,6\n3,c,later,8\n4,c2,2024-01-01,5\n")
    path = tmp_path / "rejected.csv"
    write_rejected(warehouse, first.import_id, path)
    corrected(path, {"2": ("order_time", "2024-01-02"), "3": ("order_time", "much later")})
    source = open_source(path)
    second = import_file(warehouse, source, propose_mapping(source, kind="orders").mapping)
    found = rejected_rows(warehouse, second.import_id)
    assert found[["line_no", "column_name"]].values.tolist() == [[4, "order_time"]]
    assert "rejected_line" not in found["raw"][0]


def test_corrected_lines_are_added_to_their_order(warehouse: Warehouse, load: Load, tmp_path: Path) -> None:
    head = "customer_id,order_id,order_time,sku,quantity,unit_price\n"
    first = load(head + "1,A,2024-01-01,x,1,5\n1,A,2024-01-01,y,one,7\n2,B,2024-01-02,x,1,1\n2,B,2024-01-02,y,1,1\n")
    assert warehouse.value("SELECT amount FROM orders WHERE order_id = 'A'") == Decimal("5.00")
    path = tmp_path / "rejected.csv"
    write_rejected(warehouse, first.import_id, path)
    corrected(path, {"1": ("quantity", "1")})
    source = open_source(path)
    result = import_file(warehouse, source, propose_mapping(source, kind="order_lines").mapping)
    assert result.n_rejected == 0
    assert warehouse.rows("SELECT order_id, amount, n_lines FROM orders ORDER BY 1") == [
        ("A", Decimal("12.00"), 2),
        ("B", Decimal("2.00"), 2),
    ]


def test_rows_of_the_wrong_width_come_back_as_far_as_they_go(warehouse: Warehouse, load: Load, tmp_path: Path) -> None:
    first = load(ORDERS + "1,a,2024-01-01,5\n2,b,2024-01-02\n3,c,2024-01-03,1,50\n4,d,2024-01-04,5\n")
    path = tmp_path / "rejected.csv"
    assert write_rejected(warehouse, first.import_id, path) == 2
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.reader(file))
    assert rows[1][:5] == ["2", "b", "2024-01-02", "", "3"]
    assert rows[2][:5] == ["3", "c", "2024-01-03", "1,50", "4"]


def test_causes_are_counted(warehouse: Warehouse, load: Load) -> None:
    result = load(ORDERS + "1,a,2024-01-01,5\n2,b,soon,6\n3,c,later,8\n,c2,2024-01-01,5\n4,e,2024-01-01,5\n")
    assert rejected_causes(warehouse, result.import_id).values.tolist() == [
        ["order_time", "a value is not a date that can be read", 2, 3],
        ["customer_id", "the customer id is missing", 1, 5],
    ]


def test_an_import_without_rejected_rows_says_so(warehouse: Warehouse, load: Load, tmp_path: Path) -> None:
    result = load(ORDERS + "1,a,2024-01-01,5\n2,b,2024-01-02,6\n")
    with pytest.raises(NotFound, match="no rejected rows"):
        write_rejected(warehouse, result.import_id, tmp_path / "rejected.csv")


@pytest.mark.parametrize("cell", ["=1+1", "+49 30", "-x", "@me", "\tx", "\rx", "'=1", "''-"])
def test_cells_are_safe_and_come_back_the_same(cell: str) -> None:
    safe = safe_cell(cell)
    assert safe == f"'{cell}"
    assert safe[1:] == cell


@pytest.mark.parametrize("cell", ["5", "-5.00", "+7", "-1.234,50", "plain", "'quoted", ""])
def test_numbers_and_plain_text_stay(cell: str) -> None:
    assert safe_cell(cell) == cell


def test_a_mapping_is_never_proposed_for_the_columns_that_say_why(read: Read) -> None:
    source = read(
        "customer_id,order_time,amount,rejected_line,rejected_column,rejected_cause\n1,2024-01-01,5,3,amount,x\n"
    )
    proposal = propose_mapping(source)
    assert proposal.mapping.kind == "orders"
    assert not set(proposal.mapping.fields.values()) & {"rejected_line", "rejected_column", "rejected_cause"}
    assert source.shape_key == read("customer_id,order_time,amount\n1,2024-01-01,5\n", "other.csv").shape_key
    assert replace(proposal.mapping).kind == "orders"


def test_corrected_rows_of_two_imports_can_be_put_together(warehouse: Warehouse, read: Read) -> None:
    head = "customer_id,order_id,order_time,amount,rejected_line,rejected_column,rejected_cause\n"
    source = read(
        head + "1,a,2024-01-01,5,3,amount,x\n2,b,2024-01-02,6,3,amount,x\n"
        "2,b,2024-01-02,6,3,amount,x\n,c,2024-01-02,6,3,amount,x\n"
    )
    result = import_file(warehouse, source, propose_mapping(source, kind="orders").mapping)
    assert (result.n_added, result.n_unchanged, result.n_rejected) == (2, 1, 1)
    assert rejected_rows(warehouse, result.import_id)["line_no"].tolist() == [5]
