"""Exports as shops, programs and countries write them are understood without a change by hand."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from churn_core.errors import InputError
from churn_core.intake import scratch
from churn_core.intake.formats import ReadOptions, Source
from churn_core.intake.load import ImportResult, preview
from churn_core.intake.mapping import Mapping, propose_mapping
from churn_core.warehouse import Warehouse

Read = Callable[..., Source]
Load = Callable[..., ImportResult]
Write = Callable[[int, datetime], str]

N = 60


def rows(header: str, line: Write) -> str:
    """A header and a row per order: 20 customers, an order every six days."""
    start = datetime(2024, 1, 1, 9, 30)
    return "\n".join([header, *(line(number, start + timedelta(days=6 * number)) for number in range(N))]) + "\n"


EXPORTS: dict[str, tuple[str, Write, dict[str, str]]] = {
    "shop with one address per order": (
        "ID,Purchase Point,Purchase Date,Grand Total (Base),Status,Customer Email",
        lambda n, t: (
            f'{n + 1:09d},Main,"{t:%b} {t.day}, {t:%Y %I:%M:%S %p}",${20 + n}.00,complete,u{n % 20}@example.org'
        ),
        {"customer_id": "Customer Email", "order_id": "ID", "order_time": "Purchase Date"},
    ),
    "an id that is new on every order beside one that returns": (
        "order_id,customer_unique_id,customer_id,order_purchase_timestamp,payment_value",
        lambda n, t: f"o{n},u{n % 20},c{n},{t},25.5",
        {"customer_id": "customer_unique_id", "order_id": "order_id", "amount": "payment_value"},
    ),
    "bookkeeping": (
        "Kunden-Nr.;Beleg-Nr.;Belegdatum;Umsatz brutto (EUR);Umsatz netto (EUR)",
        lambda n, t: f"{n % 20:06d};RE-{n};{t:%d.%m.%y};1.{100 + n},90 €;{900 + n},00 €",
        {"customer_id": "Kunden-Nr.", "order_id": "Beleg-Nr.", "amount": "Umsatz brutto (EUR)"},
    ),
    "a Chinese market place": (
        "订单编号,买家会员名,订单付款时间,买家实际支付金额,宝贝种类",
        lambda n, t: f"{10**15 + n},会员{n % 20},{t:%Y/%m/%d %H:%M},¥{100 + n}.50,1",
        {
            "customer_id": "买家会员名",
            "order_id": "订单编号",
            "order_time": "订单付款时间",
            "amount": "买家实际支付金额",
        },
    ),
    "a Chinese till": (
        "会员卡号,小票号,消费日期,消费金额(元)",
        lambda n, t: f"{10**9 + n % 20},T{n},{t:%Y年%m月%d日},{100 + n}.5元",
        {"customer_id": "会员卡号", "order_id": "小票号", "order_time": "消费日期", "amount": "消费金额(元)"},
    ),
}


@pytest.mark.parametrize("case", EXPORTS)
@pytest.mark.parametrize("encoding", ["utf-8", "gb18030"])
def test_exports_of_shops_are_understood(read: Read, case: str, encoding: str) -> None:
    header, line, fields = EXPORTS[case]
    source = read(rows(header, line), encoding=encoding)
    proposal = propose_mapping(source)
    assert proposal.problem is None
    assert proposal.mapping.kind == "orders"
    assert fields.items() <= dict(proposal.mapping.fields).items()
    frame = preview(source, proposal.mapping, n_rows=N)
    assert frame["problem"].isna().all()
    assert frame["order_time"].dt.strftime("%Y-%m-%d").tolist()[:2] == ["2024-01-01", "2024-01-07"]
    assert frame["amount"].ge(20).all()


@pytest.mark.parametrize(
    ("form", "days_only"),
    [
        ("%d/%m/%y %H:%M", False),
        ("%y-%m-%d", True),
        ("%y%m%d", True),
        ("%Y-%m-%dT%H:%M:%S+00:00", False),
        ("%a, %d %b %Y %H:%M:%S GMT", False),
        ("%d.%m.%Y, %H:%M Uhr", False),
        ("%d %b %Y", True),
    ],
)
def test_dates_of_exports_are_read_as_meant(read: Read, form: str, days_only: bool) -> None:
    text = rows("customer_id;order_id;order_date;amount", lambda n, t: f"C{n % 20};O{n};{t.strftime(form)};5.00")
    source = read(text)
    frame = preview(source, propose_mapping(source).mapping, n_rows=N)
    start = datetime(2024, 1, 1) if days_only else datetime(2024, 1, 1, 9, 30)
    assert frame["order_time"].tolist() == [start + timedelta(days=6 * number) for number in range(N)]


@pytest.mark.parametrize(("decimal", "share"), [(".", ""), (".", ".5"), (",", ",5")])
def test_days_of_a_spreadsheet_program_are_read(read: Read, decimal: str, share: str) -> None:
    text = rows(
        "customer_id;order_id;order_date;amount", lambda n, t: f"C{n % 20};O{n};{45292 + n}{share};5{decimal}00"
    )
    source = read(text)
    proposal = propose_mapping(source)
    assert proposal.mapping.fields["order_time"] == "order_date"
    first = preview(source, proposal.mapping, n_rows=1)["order_time"][0]
    assert first == datetime(2024, 1, 1, 12 if share else 0)


@pytest.mark.parametrize(("factor", "ending"), [(1, ""), (1, ".25"), (1000, ""), (10**6, ""), (10**9, "")])
def test_moments_since_1970_in_event_logs_are_read(read: Read, factor: int, ending: str) -> None:
    text = rows("user,event,ts,item", lambda n, t: f"{n % 20},view,{(1704101400 + n) * factor}{ending},{n}")
    source = read(text)
    proposal = propose_mapping(source)
    assert proposal.mapping.kind == "events"
    assert proposal.mapping.fields == {"customer_id": "user", "kind": "event", "event_time": "ts", "product_id": "item"}
    assert f"{preview(source, proposal.mapping)['event_time'][0]:%Y-%m-%d %H:%M:%S}" == "2024-01-01 09:30:00"


@pytest.mark.parametrize(
    ("amount", "expected"),
    [
        ("1 234,50", 1234.5),
        ("1\u202f234,50 €", 1234.5),
        ("1'234.50 CHF", 1234.5),
        ("1.234,50 Euro", 1234.5),
        ("1,234.50usd", 1234.5),
        ("-EUR 5.00", -5.0),
        ("12,-", 12.0),
        ("1.234,- €", 1234.0),
    ],
)
def test_amounts_of_exports_are_read(read: Read, amount: str, expected: float) -> None:
    source = read(rows("customer;Date;Total", lambda n, t: f"C{n % 20};{t:%Y-%m-%d};{amount}"))
    proposal = propose_mapping(source)
    assert proposal.mapping.fields["amount"] == "Total"
    frame = preview(source, proposal.mapping)
    assert frame["problem"].isna().all()
    assert frame["amount"].tolist() == [expected] * 10


def test_amounts_that_cannot_be_read_are_told_and_not_left_out(warehouse: Warehouse, load: Load) -> None:
    with pytest.raises(InputError, match="'5 # 3' is not a number"):
        load(rows("customer,date,Total", lambda n, t: f"C{n % 20},{t:%Y-%m-%d},5 # 3"))


@pytest.mark.parametrize(
    ("header", "amount", "currency"),
    [
        ("客户编号,订单时间,金额", "¥123.40", "CNY"),
        ("客户编号,订单时间,金额", "￥123.40", "CNY"),
        ("customer,date,amount", "¥1200", ""),
        ("customer,date,amount", "1200円", "JPY"),
        ("customer,date,amount", "12.50 Euro", "EUR"),
        ("customer,date,amount", "₱12.50", "PHP"),
        ("customer,date,amount", "₡12.50", ""),
    ],
)
def test_the_currency_of_signs_is_a_code_or_left_open(
    warehouse: Warehouse, load: Load, header: str, amount: str, currency: str
) -> None:
    load(rows(header, lambda n, t: f"C{n % 20},{t:%Y-%m-%d},{amount}"))
    assert warehouse.setting("currency", "") == currency
    assert warehouse.value("SELECT count(amount) FROM orders") == N


def test_a_row_of_totals_is_set_aside(warehouse: Warehouse, load: Load) -> None:
    text = rows("customer_id,order_id,order_date,amount", lambda n, t: f"C{n % 20},O{n},{t:%Y-%m-%d},5.00")
    result = load(text + "Total,,,300.00\n")
    assert (result.n_added, result.n_rejected) == (N, 1)
    assert warehouse.value("SELECT sum(amount) FROM orders") == 5 * N


def test_mixed_line_endings_are_survived(warehouse: Warehouse, load: Load) -> None:
    lines = rows("customer_id,order_id,order_date,amount", lambda n, t: f"C{n % 20},O{n},{t:%Y-%m-%d},5").splitlines()
    assert load("".join(line + ("\r\n", "\n")[n % 2] for n, line in enumerate(lines))).n_added == N


def test_a_separator_at_the_end_of_every_row_is_survived(read: Read) -> None:
    source = read(rows("customer_id,order_id,order_date,amount", lambda n, t: f"C{n % 20},O{n},{t:%Y-%m-%d},5,"))
    assert source.n_rows == N
    assert source.columns[4].kind == "empty"


def test_the_total_of_an_order_on_every_line_is_not_added_up(warehouse: Warehouse, load: Load) -> None:
    load(
        rows(
            "Order Number,Customer,Order Date,Order Total Amount,SKU,Quantity,Item Cost",
            lambda n, t: (
                f"{n // 2},C{n // 2 % 20},{t.replace(month=1 + n // 2 % 12, day=1):%Y-%m-%d},34.90,S{n},1,15.00"
            ),
        )
    )
    assert warehouse.value("SELECT max(amount) FROM orders") == 30


def test_ids_written_as_decimal_numbers_are_the_ids_of_other_files(warehouse: Warehouse, load: Load) -> None:
    load(rows("customer_id,order_id,order_date,amount", lambda n, t: f"{12346 + n % 20}.0,O{n},{t:%Y-%m-%d},5"))
    assert warehouse.value("SELECT min(customer_id) FROM orders") == "12346"


def test_ids_with_a_point_of_their_own_stay(warehouse: Warehouse, load: Load) -> None:
    load(rows("customer_id,order_id,order_date,amount", lambda n, t: f"{n % 20}.{n % 2},O{n},{t:%Y-%m-%d},5"))
    assert warehouse.value("SELECT min(customer_id) FROM orders") == "0.0"


def test_lists_are_not_proposed_as_numbers(read: Read) -> None:
    source = read(
        rows("customer_id;order_id;order_date;amount;items", lambda n, t: f"C{n % 20};O{n};{t:%Y-%m-%d};5;[1, 2]")
    )
    assert "n_items" not in propose_mapping(source).mapping.fields


@pytest.mark.parametrize("n_customers", [1, 2])
def test_a_customer_column_is_known_by_its_name_however_few_they_are(read: Read, n_customers: int) -> None:
    text = rows("order_id,customer_id,order_date,amount", lambda n, t: f"O{n},C{n % n_customers},{t:%Y-%m-%d},5")
    proposal = propose_mapping(read(text))
    assert proposal.problem is None
    assert proposal.mapping.fields["customer_id"] == "customer_id"


def test_one_customer_only_is_told_as_such(warehouse: Warehouse, load: Load) -> None:
    with pytest.raises(InputError, match="holds one customer only"):
        load(rows("order_id,customer_id,order_date,amount", lambda n, t: f"O{n},C000,{t:%Y-%m-%d},5"))
    assert warehouse.n_rows("orders") == 0


@pytest.mark.parametrize("encoding", ["klingon", "base64", "rot13", "", 5])
def test_an_unknown_encoding_is_told_with_examples(encoding: object) -> None:
    with pytest.raises(InputError, match=r"is not known; use one such as utf-8, gb18030, latin-1"):
        ReadOptions(encoding=encoding)  # type: ignore[arg-type]
    text = f'kind = "orders"\n[options]\nencoding = {encoding if isinstance(encoding, int) else repr(encoding)}\n'
    with pytest.raises(InputError, match="is not known"):
        Mapping.from_toml(text)


def test_other_options_of_the_wrong_type_are_told() -> None:
    with pytest.raises(InputError, match="header line is 'x'"):
        Mapping.from_toml('kind = "orders"\n[options]\nheader_line = "x"\n')
    with pytest.raises(InputError, match="separator is 5"):
        Mapping.from_toml('kind = "orders"\n[options]\nseparator = 5\n')


def test_a_separator_that_splits_nothing_is_told(read: Read) -> None:
    text = rows("customer_id,order_id,order_date,amount", lambda n, t: f"C{n % 20},O{n},{t:%Y-%m-%d},5")
    with pytest.raises(InputError, match=r"separated by a semicolon, .* seem to be separated by a comma"):
        read(text, separator=";")


@pytest.mark.parametrize(
    ("content", "name", "words"),
    [
        ("hello not excel", "orders.xlsx", "has the name of a workbook"),
        ("hello\nworld\n", "orders.parquet", "has the name of a workbook or Parquet file"),
        ("hello", "orders.csv", "one line and no rows below it"),
        ("<html><table><tr><td>1</td></tr></table></html>", "orders.xls", "a web page"),
        ('<?xml version="1.0"?><Workbook/>', "orders.xls", "an XML document"),
    ],
)
def test_files_that_are_not_what_their_name_says_are_told(read: Read, content: str, name: str, words: str) -> None:
    with pytest.raises(InputError, match=words) as caught:
        read(content, name)
    assert str(caught.value).startswith(name)


def test_a_text_table_named_as_a_workbook_is_read_and_said_to_be_one(read: Read) -> None:
    source = read("customer_id\torder_date\n1\t2024-01-01\n2\t2024-01-02\n", "orders.xls")
    assert source.n_rows == 2
    assert any("is no text file, but it is one" in note for note in source.notes)


def test_an_empty_upload_is_told_by_its_own_name(tmp_path: Path) -> None:
    from churn_core.intake.formats import open_source

    (tmp_path / "upload-0123").touch()
    with pytest.raises(InputError, match=r"^empty\.csv is empty"):
        open_source(tmp_path / "upload-0123", name="empty.csv")


def test_the_reason_for_a_kind_speaks_in_words(read: Read) -> None:
    text = rows("customer_id,order_id,order_time,amount,items", lambda n, t: f"C{n % 20},O{n},{t:%Y-%m-%d},5,2")
    reason = propose_mapping(read(text)).kind_reason
    assert "order time in 'order_time'" in reason
    assert "number of items in 'items'" in reason
    assert not re.search(r"n_items \(", reason)


def test_rows_without_a_label_are_kept_with_what_that_means(warehouse: Warehouse, load: Load) -> None:
    labels = ["Yes", "No", "", "No", "Unknown", "?"]
    result = load("id,tenure,Churn\n" + "".join(f"C{n},{n},{labels[n % 6]}\n" for n in range(N)))
    assert (result.n_added, result.n_rejected) == (60, 0)
    assert "'Yes' in 'Churn' means that the customer left" in result.message
    assert "30 customers have no label" in result.message
    assert "nothing is learned from them, and they are scored" in result.message
    assert warehouse.value("SELECT count(*) FROM snapshots WHERE churned IS NULL") == 30


def test_labels_of_having_and_not_having_are_both_known(warehouse: Warehouse, load: Load) -> None:
    load("客户编号,年龄,流失\n" + "".join(f"C{n},{20 + n},{'有无'[n % 2]}\n" for n in range(N)))
    assert warehouse.rows("SELECT churned, count(*) FROM snapshots GROUP BY 1 ORDER BY 1") == [(False, 30), (True, 30)]


def test_customers_with_a_status_are_customers_and_with_figures_a_labelled_table(read: Read) -> None:
    described = "customer_id,country,status,gender\n" + "".join(
        f"C{n},{'UK' if n % 3 else 'DE'},{'closed' if n % 4 == 0 else 'active'},{'fm'[n % 2]}\n" for n in range(N)
    )
    assert propose_mapping(read(described)).mapping.kind == "customers"
    measured = "customer_id,tenure,charges,status\n" + "".join(
        f"C{n},{n % 30},{n % 7}.5,{'closed' if n % 4 == 0 else 'active'}\n" for n in range(N)
    )
    assert propose_mapping(read(measured, "measured.csv")).mapping.kind == "snapshots"


def test_folders_of_killed_processes_are_removed(read: Read, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scratch.tempfile, "gettempdir", lambda: str(tmp_path))
    gone, young, own = (tmp_path / f"churn-intake-{name}" for name in ("99999999-a", "99999998-b", f"{os.getpid()}-c"))
    for folder in (gone, young, own):
        folder.mkdir()
    for folder in (gone, own):
        os.utime(folder, (time.time() - 7200, time.time() - 7200))
    scratch.scratch_folder().rmdir()
    assert (gone.exists(), young.exists(), own.exists()) == (False, True, True)
