"""Every bad input is answered with one clear sentence and changes nothing."""

from __future__ import annotations

import gzip
import io
import os
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from churn_core.errors import ChurnError, InputError
from churn_core.intake.container import MAX_RATIO
from churn_core.intake.formats import Source, open_source
from churn_core.intake.load import ImportResult, import_file
from churn_core.intake.mapping import propose_mapping
from churn_core.schema import TABLES
from churn_core.warehouse import Warehouse

Read = Callable[..., Source]
Load = Callable[..., ImportResult]

HEADER = "customer_id,order_id,order_time,amount\n"


def zipped(files: dict[str, bytes]) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return target.getvalue()


def encrypted_workbook() -> bytes:
    """The beginning of an Office file that needs a password: a compound file with an EncryptedPackage stream."""
    return b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(504) + "EncryptedPackage".encode("utf-16-le") + bytes(512)


def locked_zip() -> bytes:
    content = bytearray(zipped({"orders.csv": b"a,b\n1,2\n"}))
    for marker, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        content[content.index(marker) + offset] |= 1
    return bytes(content)


UNREADABLE: dict[str, tuple[bytes, str, str]] = {
    "empty file": (b"", "file.csv", "is empty"),
    "blank file": (b"\n \n\n", "file.csv", "is empty"),
    "header only": (HEADER.encode(), "file.csv", "no rows below"),
    "random bytes": (os.urandom(1) + bytes(range(256)) * 20, "file.csv", "binary data"),
    "picture": (b"\x89PNG\r\n\x1a\n" + bytes(200), "file.csv", "a PNG picture"),
    "document": (b"%PDF-1.7\n...", "file.csv", "a PDF document"),
    "truncated zip": (zipped({"a.csv": b"a,b\n" + os.urandom(3000)})[:1500], "file.zip", "ends too early"),
    "truncated gzip": (gzip.compress(b"a,b\n" + os.urandom(3000))[:1500], "file.csv.gz", "ends too early"),
    "zip bomb": (zipped({"a.csv": b"0" * (80 * 1024**2)}), "file.zip", f"more than {MAX_RATIO} times its size"),
    "gzip bomb": (gzip.compress(b"0" * (80 * 1024**2)), "file.csv.gz", f"more than {MAX_RATIO} times its size"),
    "several files": (zipped({"a.csv": b"a\n1\n", "b.csv": b"a\n1\n"}), "file.zip", "holds 2 files"),
    "empty zip": (zipped({}), "file.zip", "holds 0 files"),
    "zip in zip": (zipped({"a.zip": zipped({"a.csv": b"a\n1\n"})}), "file.zip", "another packed file"),
    "traversal": (zipped({"../../etc/cron.csv": b"a\n1\n"}), "file.zip", "points outside its folder"),
    "windows path": (zipped({"C:\\x\\a.csv": b"a\n1\n"}), "file.zip", "points outside its folder"),
    "locked zip": (locked_zip(), "file.zip", "protected by a password"),
    "locked workbook": (encrypted_workbook(), "file.xlsx", "protected by a password"),
    "damaged workbook": (
        zipped({"xl/workbook.xml": b"<nothing", "[Content_Types].xml": b""}),
        "file.xlsx",
        "damaged workbook",
    ),
    "text document": (
        zipped({"word/document.xml": b"<w/>", "[Content_Types].xml": b""}),
        "file.docx",
        "not a workbook",
    ),
    "damaged parquet": (b"PAR1" + bytes(300), "file.parquet", "damaged Parquet"),
    "too many columns": ((",".join(f"c{n}" for n in range(5000)) + "\n").encode() * 2, "file.csv", "5,000 columns"),
    "repeated name": (b"id,amount,amount\n1,2,3\n", "file.csv", "column name 'amount' 2 times"),
    "no header": (b"17850,2010-12-01,15.3\n17851,2010-12-02,20.1\n", "file.csv", "no line of column names"),
    "open quote": (b'id,text\n1,"open\n' + b"2,x\n" * 10, "file.csv", "never closed"),
    "open quote in the first column": (b'id,text\n"1,open\n' + b"2,x\n" * 10, "file.csv", "never closed"),
    "huge value": (b'id,text\n1,"open\n' + b"2,x\n" * 6_000_000, "file.csv", "never closed"),
    "json list": (b'[{"a": 1}, {"a": 2}]', "file.json", "one object per line"),
    "mostly torn": (b"a;b\n" + b"1;2;3;4\n2;3;4\n" * 5 + b"1;2\n", "file.csv", "values"),
}


@pytest.mark.parametrize("case", UNREADABLE)
def test_unreadable_files_are_answered_with_one_sentence(read: Read, case: str) -> None:
    content, name, words = UNREADABLE[case]
    with pytest.raises(InputError) as caught:
        read(content, name)
    sentence = str(caught.value)
    assert words in sentence
    assert name in sentence
    assert sentence.endswith(".")
    assert "\n" not in sentence
    assert len(sentence) < 400


def test_a_missing_file_and_a_folder_are_answered(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="does not exist"):
        open_source(tmp_path / "missing.csv")
    with pytest.raises(InputError, match="is a folder"):
        open_source(tmp_path)


def rows(*lines: str) -> str:
    return HEADER + "".join(f"{line}\n" for line in lines)


UNUSABLE: dict[str, tuple[str, str]] = {
    "no usable date": (rows("1,a,soon,5", "2,b,later,6"), "no usable date in column 'order_time'"),
    "no date at all": ("customer_id,order_id,amount\n1,a,5\n2,b,6\n", "none with a date|no column with a date"),
    "all dates in the future": (rows("1,a,2999-01-01,5", "2,b,2999-02-01,6"), "lie in the future"),
    "one customer only": (rows("1,a,2024-01-01,5", "1,b,2024-02-01,6"), "one customer only"),
    "no customer id": ("order_id,order_time,amount\na,2024-01-01,5\nb,2024-01-02,6\n", "no column with a customer id"),
    "only impossible amounts": (rows("1,a,2024-01-01,NaN", "2,b,2024-02-01,inf"), "not a possible amount"),
    "mixed currency signs": (
        rows("1,a,2024-01-01,€5.10", "2,b,2024-01-02,$6.20", "3,c,2024-01-02,$7.20"),
        "USD 2 times, EUR 1 times",
    ),
    "mixed currency column": (
        "customer_id,order_time,amount,currency\n1,2024-01-01,5,EUR\n2,2024-01-02,6,GBP\n3,2024-01-02,6,gbp\n",
        "GBP 2 times, EUR 1 times",
    ),
    "label never true": ("customer_id,churn,x\n1,no,3\n2,no,4\n3,no,4\n", "holds only 'no'; customers who left and"),
}


@pytest.mark.parametrize("case", UNUSABLE)
def test_unusable_tables_are_answered_with_one_sentence_and_change_nothing(
    warehouse: Warehouse, load: Load, case: str
) -> None:
    content, words = UNUSABLE[case]
    with pytest.raises(ChurnError, match=words) as caught:
        load(content)
    assert str(caught.value).endswith(".")
    assert "\n" not in str(caught.value)
    for table in TABLES:
        assert warehouse.n_rows(table) == 0, table
    assert not list(warehouse.file("x").parent.glob("*.parquet"))


def test_one_order_per_customer_loads_and_says_that_nothing_repeats(warehouse: Warehouse, load: Load) -> None:
    result = load(rows("1,a,2024-01-01,5", "2,b,2024-02-01,6"))
    assert warehouse.n_rows("orders") == 2
    assert "no repeat buying" in result.message


HOSTILE = [
    "007",
    "inner space",
    "Ünïcödé 张",
    "😀",
    'double "quote"',
    "o'brien",
    "'; DROP TABLE orders; --",
    "=1+1",
    "+49",
    "-5",
    "@x",
    "<script>",
    "{{x}}",
    "%s",
    "$cutoff",
    "a\\b",
    "NaNa",
    "1e5",
    "0x1F",
    "TRUE",
]


def test_hostile_ids_stay_as_they_are(warehouse: Warehouse, load: Load) -> None:
    import csv

    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(["customer_id", "order_id", "order_time", "amount"])
    writer.writerows([value, f"o-{value}", f"2024-01-{day + 1:02d}", "5"] for day, value in enumerate(HOSTILE))
    load(text.getvalue())
    assert [row[0] for row in warehouse.rows("SELECT customer_id FROM orders ORDER BY order_time")] == HOSTILE


def test_hostile_column_names_are_kept_as_attributes(warehouse: Warehouse, load: Load) -> None:
    import json

    names = ['a"; DROP TABLE customers; --', "b'c", "$name", "{x}", "😀", "line", "c0001", "select"]
    quoted = ",".join('"' + name.replace('"', '""') + '"' for name in names)
    load(f"customer_id,email,{quoted}\n1,a@example.org{',1' * 8}\n2,b@example.org{',2' * 8}\n", kind="customers")
    attributes = json.loads(warehouse.value("SELECT attributes FROM customers ORDER BY customer_id LIMIT 1"))
    assert set(attributes) == set(names)


def test_impossible_rows_are_set_aside_with_line_column_and_cause(warehouse: Warehouse, load: Load) -> None:
    from churn_core.intake.load import rejected_rows

    result = load(
        rows(
            "1,a,2024-01-01,5",
            "2,b,31/31/2024,5",
            ",c,2024-01-01,5",
            "3,d,2024-01-02,NaN",
            "4,e,2024-01-02,1e300",
            "5,f,1970-01-01,5",
            "6,g,2999-01-01,5",
            "7,h,2024-01-01,abc",
            "8,i,2024-01-05,6",
            "9,j",
        )
    )
    assert (result.n_rows, result.n_added, result.n_rejected) == (10, 2, 8)
    found = rejected_rows(warehouse, result.import_id)
    assert found[["line_no", "column_name", "cause"]].values.tolist() == [
        [3, "order_time", "'31/31/2024' is not a date that can be read"],
        [4, "customer_id", "the customer id is missing"],
        [5, "amount", "'NaN' is not a possible amount"],
        [6, "amount", "'1e300' is not a possible amount"],
        [7, "order_time", "'1970-01-01' lies before 1990"],
        [8, "order_time", "'2999-01-01' lies in the future"],
        [9, "amount", "'abc' is not a number"],
        [11, "", "2 values where the header has 4 columns"],
    ]


def test_a_mapping_to_a_column_that_is_not_there_suggests_the_nearest(warehouse: Warehouse, read: Read) -> None:
    from dataclasses import replace

    source = read(rows("1,a,2024-01-01,5", "2,b,2024-02-01,6"))
    mapping = propose_mapping(source).mapping
    with pytest.raises(ChurnError, match="did you mean 'order_time'"):
        import_file(warehouse, source, replace(mapping, fields={**mapping.fields, "order_time": "ordr_time"}))


def test_tables_of_other_formats_with_a_header_only_are_answered(read: Read) -> None:
    import pandas as pd

    for name in ("file.parquet", "file.xlsx"):
        target = io.BytesIO()
        frame = pd.DataFrame({"customer_id": [], "order_time": []})
        if name.endswith("xlsx"):
            frame.to_excel(target, index=False)
        else:
            frame.to_parquet(target)
        with pytest.raises(InputError, match="no rows below"):
            read(target.getvalue(), name)
