"""Files of every format, encoding and style are opened as what they are."""

from __future__ import annotations

import datetime as dt
import gzip
import io
import json
import zipfile
from collections.abc import Callable

import pandas as pd
import pytest

from churn_core.errors import InputError
from churn_core.intake.formats import ReadOptions, Source, open_source

Read = Callable[..., Source]

ORDERS = (
    "customer;order;date;amount\nMüller;A1;13.01.2024;1.234,50\nÅsa;A2;02.02.2024;5,00\nMüller;A3;03.03.2024;7,25\n"
)


@pytest.mark.parametrize(
    ("encoding", "found"),
    [
        ("utf-8", "utf-8"),
        ("utf-8-sig", "utf-8-sig"),
        ("latin-1", "cp1252"),
        ("utf-16", "utf-16"),
        ("utf-16-le", "utf-16-le"),
    ],
)
def test_western_encodings_are_found_out(read: Read, encoding: str, found: str) -> None:
    source = read(ORDERS, encoding=encoding)
    assert source.encoding == found
    assert source.columns[0].name == "customer"
    assert source.columns[0].samples == ("Müller", "Åsa")


def test_chinese_encodings_are_found_out(read: Read) -> None:
    text = "客户编号,订单日期,金额\n张三,2024-01-05,12.5\n李四,2024-01-06,8\n王五,2024-02-01,3\n"
    source = read(text, encoding="gb18030")
    assert source.encoding == "gb18030"
    assert [column.name for column in source.columns] == ["客户编号", "订单日期", "金额"]
    assert source.columns[0].samples == ("张三", "李四", "王五")


def test_a_letter_that_is_not_utf8_far_into_the_file_is_noticed(read: Read) -> None:
    rows = "".join(f"C{number},2024-01-01,{number}\n" for number in range(60_000))
    source = read(f"customer,date,amount\n{rows}Müller,2024-01-02,1\n", encoding="latin-1")
    assert source.encoding == "cp1252"
    assert source.n_rows == 60_001


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_separators_are_found_out(read: Read, separator: str) -> None:
    rows = [["customer", "note", "amount"], ["1", '"a, b; c"', "2"], ["2", '"say ""hi"""', "3"]]
    source = read("\n".join(separator.join(row) for row in rows))
    assert source.separator == separator
    assert source.columns[1].samples == ("a, b; c", 'say "hi"')


def test_line_breaks_inside_quotes_belong_to_the_value(read: Read) -> None:
    source = read('customer,text\n1,"two\nlines"\n2,one\n')
    assert source.n_rows == 2
    assert source.columns[1].samples == ("two\nlines", "one")


@pytest.mark.parametrize(
    ("dates", "order"),
    [
        (["03/04/2024", "25/12/2024"], "dmy"),
        (["03/04/2024", "12/25/2024"], "mdy"),
        (["2024-04-03", "2024-12-25"], "ymd"),
        (["03.04.2024", "05.06.2024"], "dmy"),
        (["01/02/2024", "01/09/2024", "02/03/2024", "02/11/2024", "03/01/2024"], "mdy"),
        (["02/01/2024", "09/01/2024", "03/02/2024", "11/02/2024", "01/03/2024"], "dmy"),
    ],
)
def test_the_order_of_day_and_month_is_found_out(read: Read, dates: list[str], order: str) -> None:
    source = read("customer,date\n" + "".join(f"{number},{date}\n" for number, date in enumerate(dates)))
    assert source.date_order == order
    assert source.columns[1].kind == "date"


def test_one_telling_date_at_the_end_decides(read: Read) -> None:
    rows = "".join(f"{number},0{number % 9 + 1}/02/2024\n" for number in range(50_000))
    source = read(f"customer,date\n{rows}9,31/01/2024\n")
    assert source.date_order == "dmy"
    assert any("day first: 1 date of" in note for note in source.notes)


def test_undecidable_dates_are_said_to_be_so_and_can_be_overruled(read: Read) -> None:
    text = "customer,date\n1,01/02/2024\n"
    assert any("day first or month first" in note for note in read(text).notes)
    assert read(text, date_order="mdy").date_order == "mdy"


@pytest.mark.parametrize(
    ("amounts", "decimal"),
    [
        (["1234.50", "2.5"], "."),
        (["1.234,50", "2,5"], ","),
        (["1,234.50", "12"], "."),
        (["12", "13"], "."),
        (["€ 1.234,50", "€ 3,00"], ","),
    ],
)
def test_the_decimal_mark_is_found_out(read: Read, amounts: list[str], decimal: str) -> None:
    source = read("customer;amount\n" + "".join(f"{number};{amount}\n" for number, amount in enumerate(amounts)))
    assert source.decimal == decimal
    assert source.columns[1].kind in ("number", "integer")


def test_every_finding_can_be_overruled(save: Callable[..., object]) -> None:
    path = save("title\na|b\n1,5|x\n2,5|y\n")
    options = ReadOptions(separator="|", header_line=2, decimal=",", encoding="latin-1", date_order="mdy")
    source = open_source(path, options=options)  # type: ignore[arg-type]
    assert [column.name for column in source.columns] == ["a", "b"]
    assert (source.decimal, source.encoding, source.header_line) == (",", "iso8859-1", 2)


def test_titles_before_the_header_are_survived(read: Read) -> None:
    source = read("Sales report 2024\n\ncustomer,date,amount\n1,2024-01-01,5\n2,2024-01-02,6\n")
    assert source.header_line == 3
    assert [column.name for column in source.columns] == ["customer", "date", "amount"]
    assert source.n_rows == 2


def _workbook() -> bytes:
    from openpyxl import Workbook

    book = Workbook()
    words = book.active
    words.append(["column", "meaning"])
    words.append(["id", "Customer"])
    data = book.create_sheet("Orders 2024")
    data["B1"] = "Orders of the shop"
    for row, values in enumerate(
        [("id", "when", "amount"), ("007", dt.datetime(2024, 1, 31, 9, 30), 12.5), (8, dt.date(2024, 2, 1), 3)], 3
    ):
        for column, value in enumerate(values, 2):
            data.cell(row, column, value)
    target = io.BytesIO()
    book.save(target)
    return target.getvalue()


def test_workbooks_with_title_rows_and_a_dictionary_sheet_are_survived(read: Read) -> None:
    source = read(_workbook(), "orders.xlsx")
    assert (source.format, source.sheet, source.header_line) == ("xlsx", "Orders 2024", 3)
    assert source.sheets == ("Sheet", "Orders 2024")
    assert any(note.endswith("the other is 'Sheet'.") for note in source.notes)
    assert [column.samples for column in source.columns] == [
        ("007", "8"),
        ("2024-01-31 09:30:00", "2024-02-01"),
        ("12.5", "3"),
    ]
    assert read(_workbook(), "orders.xlsx", sheet="Sheet").n_rows == 1


def test_an_unknown_sheet_is_answered_with_the_nearest(read: Read) -> None:
    with pytest.raises(InputError, match="did you mean 'Orders 2024'"):
        read(_workbook(), "orders.xlsx", sheet="Orders 2042")


def test_parquet_columns_of_every_type_become_text(save: Callable[..., object], tmp_path: object) -> None:
    frame = pd.DataFrame(
        {
            "id": [1.0, None, 3.0],
            "when": pd.to_datetime(["2024-01-01 10:00", "2024-01-02 00:00", None]).tz_localize("Europe/Berlin"),
            "category": pd.Categorical(["a", "b", "a"]),
            "flag": [True, False, True],
            "tags": [["x"], [], None],
        }
    )
    target = io.BytesIO()
    frame.to_parquet(target)
    source = open_source(save(target.getvalue(), "orders.parquet"))  # type: ignore[arg-type]
    rows = next(iter(source.batches())).to_pylist()
    assert rows[0] == {
        "line": 1,
        "id": "1",
        "when": "2024-01-01 09:00:00",
        "category": "a",
        "flag": "true",
        "tags": '["x"]',
    }
    assert rows[1]["id"] is None
    assert source.header_line == 0


def test_json_lines_with_nested_and_late_keys(read: Read) -> None:
    records = [{"id": 1, "customer": {"name": "Ada"}}, {"id": 2, "late": True}]
    source = read("\n".join(json.dumps(record) for record in records) + "\nnot json\n", "events.jsonl")
    assert source.format == "jsonl"
    assert [column.name for column in source.columns] == ["id", "customer.name", "late"]
    assert source.malformed == ((3, "not json", "the line is not a JSON object"),)
    assert source.n_rows == 3


def test_json_columns_that_appear_late_are_not_lost(read: Read, monkeypatch: pytest.MonkeyPatch) -> None:
    from churn_core.intake import json_lines

    monkeypatch.setattr(json_lines, "N_FIRST", 1)
    source = read('{"id": 1}\n{"id": 2, "late": "x"}\n', "events.jsonl")
    assert [column.name for column in source.columns] == ["id", "late"]
    assert source.columns[1].samples == ("x",)


@pytest.mark.parametrize("packing", ["zip", "gzip"])
def test_packed_files_are_unpacked(read: Read, packing: str) -> None:
    if packing == "gzip":
        content = gzip.compress(ORDERS.encode())
    else:
        target = io.BytesIO()
        with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("__MACOSX/._orders.csv", b"clutter")
            archive.writestr("folder/orders.csv", ORDERS)
        content = target.getvalue()
    source = read(content, f"orders.csv.{packing}")
    assert (source.packing, source.format, source.n_rows) == (packing, "csv", 3)


def test_rows_that_do_not_fit_the_header_are_set_aside_with_their_line(read: Read) -> None:
    source = read("a,b\n1,2\n\n3,4,5\n6,7\n8\n9,10\n")
    assert [(line, text) for line, text, _ in source.malformed] == [(4, "3,4,5"), (6, "8")]
    assert source.malformed[0][2] == "3 values where the header has 2 columns"
    lines = [row["line"] for batch in source.batches() for row in batch.to_pylist() if row["a"]]
    assert lines == [2, 5, 7]
    assert source.n_rows == 5


def test_empty_rows_and_columns_do_not_count(read: Read) -> None:
    source = read("a,b,\n1,2,\n,,\n   ,,\n3,4,\n")
    assert source.n_rows == 2
    assert [column.name for column in source.columns] == ["a", "b", "column_3"]
    assert source.columns[2].kind == "empty"


def test_closing_a_source_deletes_its_staged_copy(read: Read) -> None:
    source = read("a,b\n1,2\n")
    folder = source.staged.parent
    assert folder.exists()
    del source
    assert not folder.exists()
