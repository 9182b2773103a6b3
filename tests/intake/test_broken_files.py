"""Files that once ended the program, took minutes or were loaded wrongly: one sentence, or loaded as meant."""

from __future__ import annotations

import io
import random
import zipfile
from collections.abc import Callable

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from churn_core.errors import ChurnError, InputError
from churn_core.intake.formats import Source
from churn_core.intake.load import ImportResult, import_file
from churn_core.intake.mapping import propose_mapping
from churn_core.schema import TABLES
from churn_core.warehouse import Warehouse

Read = Callable[..., Source]
Load = Callable[..., ImportResult]
HEADER = "customer_id,order_id,order_time,amount"


def orders(n: int = 40, separator: str = ",") -> str:
    lines = [HEADER, *(f"C{nr % 9},o{nr},2024-{nr % 12 + 1:02d}-{nr % 28 + 1:02d},{10 + nr}.50" for nr in range(n))]
    return "\n".join(lines).replace(",", separator) + "\n"


def workbook(fill: Callable[[openpyxl.worksheet.worksheet.Worksheet], None]) -> bytes:
    book, target = openpyxl.Workbook(), io.BytesIO()
    fill(book.active)
    book.save(target)
    return target.getvalue()


def table(sheet: openpyxl.worksheet.worksheet.Worksheet) -> None:
    for line in orders().splitlines():
        sheet.append(line.split(","))


def far_cell(sheet: openpyxl.worksheet.worksheet.Worksheet) -> None:
    table(sheet)
    sheet["XFD1048576"] = "stray"


def formulas(sheet: openpyxl.worksheet.worksheet.Worksheet) -> None:
    table(sheet)
    for row in range(2, 42):
        sheet.cell(row, 4).value = "=ROW()*2"


def parquet(frame: pa.Table) -> bytes:
    target = io.BytesIO()
    pq.write_table(frame, target)
    return target.getvalue()


def packed(compression: int, *, spoiled: bool = False) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", compression) as archive:
        archive.writestr("orders.csv", orders(400))
    content = bytearray(target.getvalue())
    if spoiled:
        content[60:110] = bytes(50)
    return bytes(content)


QUOTED = "".join(f'"{line}"\n' for line in orders().splitlines())
CHINESE = orders().replace("C", "张").replace("customer_id", "客户编号")
BROKEN: dict[str, tuple[bytes, str, str]] = {
    "a cell in the last corner": (workbook(far_cell), "file.xlsx", "reaches as far as cell XFD1048576"),
    "parquet without columns": (parquet(pa.table({})), "file.parquet", "has no columns"),
    "a header of a million characters": (b"id," + b"a" * 200_000 + b"\n1,2\n", "file.csv", "a column name of 200,000"),
    "caret between values": (orders(separator="^").encode(), "file.csv", r"separated by a '\^'"),
    "blanks between values": (orders(separator=" ").encode(), "file.csv", "separated by a space"),
    "every line quoted": (QUOTED.encode(), "file.csv", "stands in quotation marks as a whole"),
    "GB18030 cut in a character": (CHINESE.encode("gb18030") + b"\x81", "file.csv", "in the middle of a character"),
    "UTF-16 cut in a character": (CHINESE.encode("utf-16")[:-1], "file.csv", "in the middle of a character"),
    "spoiled lzma": (packed(zipfile.ZIP_LZMA, spoiled=True), "file.zip", "damaged"),
    "spoiled bzip2": (packed(zipfile.ZIP_BZIP2, spoiled=True), "file.zip", "damaged"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_broken_files_are_answered_with_one_sentence(read: Read, case: str) -> None:
    content, name, words = BROKEN[case]
    with pytest.raises(InputError, match=words) as caught:
        read(content, name)
    sentence = str(caught.value)
    assert name in sentence
    assert sentence.endswith(".")
    assert "\n" not in sentence
    assert "\0" not in sentence
    assert len(sentence) < 400


def test_cells_that_are_only_coloured_do_not_count(read: Read) -> None:
    def coloured(sheet: openpyxl.worksheet.worksheet.Worksheet) -> None:
        table(sheet)
        sheet["XFD1048576"].fill = openpyxl.styles.PatternFill("solid", fgColor="FFFF00")

    assert read(workbook(coloured), "file.xlsx").n_rows == 40


def test_formulas_that_hold_no_result_are_told(read: Read) -> None:
    assert not read(workbook(table), "file.xlsx").notes
    [note] = read(workbook(formulas), "file.xlsx").notes
    assert note.startswith("40 formulas are without a saved result and read as empty")


def test_utf32_is_read(warehouse: Warehouse, load: Load) -> None:
    result = load(CHINESE.encode("utf-32"))
    assert (result.n_added, result.n_rejected) == (40, 0)
    assert warehouse.value("SELECT min(customer_id) FROM orders") == "张0"


def test_a_number_of_thousands_of_digits_and_half_a_character_spoil_one_line_of_json_only(
    warehouse: Warehouse, load: Load
) -> None:
    lines = [f'{{"customer_id": "c{nr}", "order_time": "2024-01-0{nr}", "amount": {nr}}}' for nr in range(1, 6)]
    lines += ['{"customer_id": "c6", "order_time": "2024-01-06", "amount": ' + "9" * 5000 + "}"]
    lines += ['{"customer_id": "\\ud800", "order_time": "2024-01-07", "amount": 7}']
    result = load("\n".join(lines), "file.jsonl")
    assert (result.n_added, result.n_rejected) == (6, 1)
    assert [row[0] for row in warehouse.rows("SELECT customer_id FROM orders ORDER BY order_time")][-1] == "?"


def test_a_column_name_over_two_lines_is_a_name(warehouse: Warehouse, load: Load) -> None:
    content = orders().replace("order_id", '"order\nid"', 1)
    result = load(content)
    assert (result.n_rows, result.n_added, result.n_rejected) == (40, 40, 0)


def test_ids_with_blanks_in_a_file_of_one_column_are_not_taken_for_several(read: Read) -> None:
    source = read("customer id\nanna b\ncarl d\n")
    assert [column.name for column in source.columns] == ["customer id"]
    assert source.n_rows == 2


def spoiled(seed: int) -> bytes:
    """A small order file with bytes changed, lost and added at random."""
    chance = random.Random(seed)
    encoding = chance.choice(["utf-8", "utf-16", "gb18030", "latin-1"])
    content = bytearray(orders(60, chance.choice(",;\t|")).encode(encoding))
    added = [b'"', b"\0", b"\r", b"\n\n", b",,", b"\xff\xfe", b"\x80", b'""', b"'''", b"\t"]
    for _ in range(chance.randint(1, 25)):
        place, kind = chance.randrange(len(content)), chance.random()
        if kind < 0.4:
            content[place] = chance.randrange(256)
        elif kind < 0.7:
            del content[place : place + chance.randint(1, 30)]
        else:
            content[place:place] = chance.choice(added)
    return bytes(content)


@pytest.mark.parametrize("seed", range(30))
def test_a_spoiled_file_is_loaded_or_answered_and_nothing_is_half_loaded(
    warehouse: Warehouse, read: Read, seed: int
) -> None:
    result, sentence = None, ""
    try:
        source = read(spoiled(seed))
        result = import_file(warehouse, source, propose_mapping(source).mapping)
    except ChurnError as error:
        sentence = str(error)
    if result is None:
        assert sentence.endswith(".")
        assert "\n" not in sentence
        assert {table: warehouse.n_rows(table) for table in TABLES if warehouse.n_rows(table)} == {}
    else:
        assert 0 < result.n_added + result.n_rejected <= result.n_rows
