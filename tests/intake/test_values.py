"""Dates and numbers are read as people write them, and what is none is not made into one."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from churn_core.errors import InputError
from churn_core.intake.dates import date_sql, fast_formats
from churn_core.intake.values import boolean_sql, check_single_currency, number_sql
from churn_core.warehouse import Warehouse

RELAXED = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(scope="module")
def reader() -> Iterator[Warehouse]:
    opened = Warehouse.open(None)
    yield opened
    opened.close()


def read_date(reader: Warehouse, text: str, order: str = "dmy", first: tuple[str, ...] = ()) -> Any:
    return reader.value(f"SELECT {date_sql('t', order, first=first)} FROM (SELECT $text::VARCHAR AS t)", {"text": text})


def read_number(reader: Warehouse, text: str, decimal: str = ".") -> Any:
    return reader.value(f"SELECT {number_sql('t', decimal)} FROM (SELECT $text::VARCHAR AS t)", {"text": text})


@pytest.mark.parametrize(
    ("text", "order", "expected"),
    [
        ("2024-05-17", "dmy", datetime(2024, 5, 17)),
        ("2024-05-17 14:03", "dmy", datetime(2024, 5, 17, 14, 3)),
        ("2024-05-17T14:03:09", "mdy", datetime(2024, 5, 17, 14, 3, 9)),
        ("2024-05-17T14:03:09.250Z", "dmy", datetime(2024, 5, 17, 14, 3, 9, 250_000)),
        ("2024-05-17T14:03:09+02:00", "dmy", datetime(2024, 5, 17, 12, 3, 9)),
        ("2024-05-17 14:03:09 +0200", "dmy", datetime(2024, 5, 17, 12, 3, 9)),
        ("2024-05-17T14:03+02", "dmy", datetime(2024, 5, 17, 12, 3)),
        ("2024-05-17 14:03:09-0530", "dmy", datetime(2024, 5, 17, 19, 33, 9)),
        ("2024-05-17 14:03:09 UTC", "dmy", datetime(2024, 5, 17, 14, 3, 9)),
        ("2024/05/17", "dmy", datetime(2024, 5, 17)),
        ("2024/5/7 9:05", "mdy", datetime(2024, 5, 7, 9, 5)),
        ("2024.05.17", "dmy", datetime(2024, 5, 17)),
        ("2024.05.17 10:00:00", "dmy", datetime(2024, 5, 17, 10)),
        ("20240517", "dmy", datetime(2024, 5, 17)),
        ("20240517140309", "dmy", datetime(2024, 5, 17, 14, 3, 9)),
        ("1715954589", "dmy", datetime(2024, 5, 17, 14, 3, 9)),
        ("1715954589250", "dmy", datetime(2024, 5, 17, 14, 3, 9, 250_000)),
        ("17/05/2024", "dmy", datetime(2024, 5, 17)),
        ("03/04/2024", "dmy", datetime(2024, 4, 3)),
        ("03/04/2024", "mdy", datetime(2024, 3, 4)),
        ("5/7/24 9:05", "mdy", datetime(2024, 5, 7, 9, 5)),
        ("12/1/2010 8:26", "mdy", datetime(2010, 12, 1, 8, 26)),
        ("17.05.2024 18:30:15", "dmy", datetime(2024, 5, 17, 18, 30, 15)),
        ("17.5.24", "dmy", datetime(2024, 5, 17)),
        ("05/17/2024 02:03 PM", "mdy", datetime(2024, 5, 17, 14, 3)),
        ("17 May 2024", "dmy", datetime(2024, 5, 17)),
        ("17-May-2024", "dmy", datetime(2024, 5, 17)),
        ("17-May-24", "dmy", datetime(2024, 5, 17)),
        ("May 17, 2024", "dmy", datetime(2024, 5, 17)),
        ("September 3, 2024", "dmy", datetime(2024, 9, 3)),
        ("2024年5月17日", "dmy", datetime(2024, 5, 17)),
        ("2024年5月17日 14:03", "dmy", datetime(2024, 5, 17, 14, 3)),
        ("20240517 14:03", "dmy", datetime(2024, 5, 17, 14, 3)),
        ("240517", "ymd", datetime(2024, 5, 17)),
        ("930101", "dmy", datetime(1993, 1, 1)),
        ("24-05-17", "ymd", datetime(2024, 5, 17)),
        ("946684800", "dmy", datetime(2000, 1, 1)),
        ("1715954589.25", "dmy", datetime(2024, 5, 17, 14, 3, 9, 250_000)),
        ("1715954589.0", "dmy", datetime(2024, 5, 17, 14, 3, 9)),
        ("1715954589250000", "dmy", datetime(2024, 5, 17, 14, 3, 9, 250_000)),
        ("1715954589250000000", "dmy", datetime(2024, 5, 17, 14, 3, 9, 250_000)),
        ("20240517.0", "dmy", datetime(2024, 5, 17)),
        ("45429", "dmy", datetime(2024, 5, 17)),
        ("45429.0", "mdy", datetime(2024, 5, 17)),
        ("45429.5", "dmy", datetime(2024, 5, 17, 12)),
        ("45429,25", "dmy", datetime(2024, 5, 17, 6)),
        ("45429.58552083", "dmy", datetime(2024, 5, 17, 14, 3, 9)),
        ("2024-05-17 14:03:09,250", "dmy", datetime(2024, 5, 17, 14, 3, 9, 250_000)),
        ("2024-05-17T14:03:09 CEST", "dmy", datetime(2024, 5, 17, 12, 3, 9)),
        ("2024-05-17 14:03 EST", "dmy", datetime(2024, 5, 17, 19, 3)),
        ("2024-05-17 14:03:09 Europe/Berlin", "dmy", datetime(2024, 5, 17, 12, 3, 9)),
        ("2024-05-17 14:03:09 Nowhere/Else", "dmy", None),
        ("17.05.2024 14:03:09 MESZ", "dmy", datetime(2024, 5, 17, 12, 3, 9)),
        ("17/05/2024 14:03 +0200", "dmy", datetime(2024, 5, 17, 12, 3)),
        ("17/05/2024 14:03:09-05:30", "dmy", datetime(2024, 5, 17, 19, 33, 9)),
        ("5/17/2024 2:03:09 PM +02:00", "mdy", datetime(2024, 5, 17, 12, 3, 9)),
        ("5/17/2024 2:03:09pm", "mdy", datetime(2024, 5, 17, 14, 3, 9)),
        ("5/17/2024, 2:03 p.m.", "mdy", datetime(2024, 5, 17, 14, 3)),
        ("Fri, 17 May 2024 14:03:09 +0200", "dmy", datetime(2024, 5, 17, 12, 3, 9)),
        ("Fri, 17 May 2024 14:03:09 GMT", "dmy", datetime(2024, 5, 17, 14, 3, 9)),
        ("Fri May 17 2024 14:03:09 GMT+0200 (CEST)", "dmy", datetime(2024, 5, 17, 12, 3, 9)),
        ("Friday, May 17, 2024", "dmy", datetime(2024, 5, 17)),
        ("May 17th, 2024 at 2:03 PM", "dmy", datetime(2024, 5, 17, 14, 3)),
        ("17th May 2024", "dmy", datetime(2024, 5, 17)),
        ("17.05.2024, 14:03 Uhr", "dmy", datetime(2024, 5, 17, 14, 3)),
        ("17. Mai 2024", "dmy", datetime(2024, 5, 17)),
        ("Fr, 1. März 2024 um 14:03 Uhr", "dmy", datetime(2024, 3, 1, 14, 3)),
        ("01. Dez. 2024", "dmy", datetime(2024, 12, 1)),
        ("Di., 31. Dezember 2024 14:03", "dmy", datetime(2024, 12, 31, 14, 3)),
        ("1er août 2024", "dmy", datetime(2024, 8, 1)),
        ("17 févr. 2024 14:03", "dmy", datetime(2024, 2, 17, 14, 3)),
        ("17 de mayo de 2024", "dmy", datetime(2024, 5, 17)),
        ("Sept 3, 2024", "dmy", datetime(2024, 9, 3)),
        ("2024-May-17", "dmy", datetime(2024, 5, 17)),
        ("17 Foo 2024", "dmy", None),
        ("2024-05-17 XYZ", "dmy", None),
        ("12345", "dmy", None),
        ("45429.5.1", "dmy", None),
        ("1234567", "dmy", None),
        ("99999999", "dmy", None),
        ("31/02/2024", "dmy", None),
        ("2024-02-30", "dmy", None),
        ("17/05/2024", "mdy", None),
        ("soon", "dmy", None),
        ("12", "dmy", None),
        ("12.50", "dmy", None),
        ("", "dmy", None),
    ],
)
def test_dates_as_people_write_them(reader: Warehouse, text: str, order: str, expected: datetime | None) -> None:
    assert read_date(reader, text, order) == expected


@given(when=st.datetimes(datetime(1990, 1, 1), datetime(2040, 12, 31)), form=st.sampled_from(fast_formats("dmy")))
@RELAXED
def test_trying_a_format_first_does_not_change_what_is_read(reader: Warehouse, when: datetime, form: str) -> None:
    text = when.strftime(form)
    assert (
        read_date(reader, text, "dmy", first=(form,)) == read_date(reader, text, "dmy") == datetime.strptime(text, form)
    )


@given(when=st.datetimes(datetime(1990, 1, 1), datetime(2040, 12, 31)), order=st.sampled_from(["dmy", "mdy", "ymd"]))
@RELAXED
def test_iso_dates_mean_the_same_in_every_order(reader: Warehouse, when: datetime, order: str) -> None:
    assert read_date(reader, when.isoformat(sep=" "), order) == when
    assert read_date(reader, f"{when.isoformat()}Z", order) == when


@pytest.mark.parametrize(
    ("text", "decimal", "expected"),
    [
        ("12", ".", 12.0),
        ("12.50", ".", 12.5),
        ("-12.50", ".", -12.5),
        ("12.50-", ".", -12.5),
        ("(12.50)", ".", -12.5),
        ("1,234.50", ".", 1234.5),
        ("1,234,567", ".", 1234567.0),
        ("$1,234.50", ".", 1234.5),
        ("-$5.00", ".", -5.0),
        ("£ 3", ".", 3.0),
        ("GBP 3.20", ".", 3.2),
        ("3.20 EUR", ".", 3.2),
        ("1'234.50", ".", 1234.5),
        ("1e3", ".", 1000.0),
        ("1.234,50", ",", 1234.5),
        ("1 234,50 €", ",", 1234.5),
        ("1\u202f234,50", ",", 1234.5),
        ("-0,99", ",", -0.99),
        ("1.234", ",", 1234.0),
        ("12.5", ",", 12.5),
        ("12", ",", 12.0),
        ("¥1200", ".", 1200.0),
        ("12,3", ".", None),
        ("1.2.3", ".", None),
        ("C489449", ".", None),
        ("abc", ".", None),
        ("12 boxes", ".", None),
        ("1-2", ".", None),
        ("", ".", None),
        ("-", ".", None),
        (".", ".", None),
    ],
)
def test_numbers_as_people_write_them(reader: Warehouse, text: str, decimal: str, expected: float | None) -> None:
    assert read_number(reader, text, decimal) == expected


@given(cents=st.integers(-(10**13), 10**13), sign=st.sampled_from(["", "€", "$", "£"]))
@RELAXED
def test_grouped_amounts_come_back(reader: Warehouse, cents: int, sign: str) -> None:
    english = f"{abs(cents) / 100:,.2f}"
    german = english.translate(str.maketrans(",.", ".,"))
    minus = "-" if cents < 0 else ""
    assert read_number(reader, f"{minus}{sign}{english}", ".") == pytest.approx(cents / 100)
    assert read_number(reader, f"{minus}{german} {sign}", ",") == pytest.approx(cents / 100)


@given(text=st.text(max_size=40).filter(lambda text: "\x00" not in text))
@RELAXED
def test_no_text_breaks_the_readers(reader: Warehouse, text: str) -> None:
    for decimal in ".,":
        assert isinstance(read_number(reader, text, decimal), (float, type(None)))
    for order in ("dmy", "mdy", "ymd"):
        assert isinstance(read_date(reader, text, order), (datetime, type(None)))


@pytest.mark.parametrize(
    ("text", "expected"), [("Yes", True), ("nein", False), ("是", True), ("否", False), ("maybe", None)]
)
def test_yes_and_no_in_several_languages(reader: Warehouse, text: str, expected: bool | None) -> None:
    assert reader.value(f"SELECT {boolean_sql('t')} FROM (SELECT $text AS t)", {"text": text}) is expected


def test_signs_and_codes_of_one_currency_are_one() -> None:
    assert check_single_currency([("€", 3), ("eur", 2)], "amount", "x.csv") == "EUR"
    assert check_single_currency([], "amount", "x.csv") is None
    with pytest.raises(InputError, match=r"EUR 3 times, USD 2 times"):
        check_single_currency([("€", 3), ("$", 2)], "amount", "x.csv")
