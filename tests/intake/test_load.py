"""Loading is all or nothing, counted, idempotent, and adds up what belongs together."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from pathlib import Path

import pytest

from churn_core.errors import InputError, JobCancelled
from churn_core.intake.formats import Source, open_source
from churn_core.intake.load import ImportResult, import_file, refresh_derived
from churn_core.intake.mapping import propose_mapping
from churn_core.schema import TABLES
from churn_core.warehouse import Warehouse

Read = Callable[..., Source]
Load = Callable[..., ImportResult]

ORDERS = "customer_id,order_id,order_time,amount\n"
LINES = "customer_id,order_id,order_time,product_id,quantity,unit_price\n"


def counts(result: ImportResult) -> tuple[int, int, int, int]:
    return result.n_added, result.n_updated, result.n_unchanged, result.n_rejected


def contents(warehouse: Warehouse) -> dict[str, list[tuple[object, ...]]]:
    return {name: sorted(warehouse.rows(f"SELECT * FROM {name}"), key=repr) for name in TABLES}


def test_orders_arrive_as_they_stand(warehouse: Warehouse, load: Load) -> None:
    result = load(ORDERS + "007,a,2024-01-01 10:00,5.10\n007,b,2024-01-31T08:00:00+02:00,6\n8,c,2024-02-01,7.999\n")
    assert counts(result) == (3, 0, 0, 0)
    assert result.data_version == warehouse.data_version == 1
    assert warehouse.rows(
        "SELECT customer_id, order_id, order_time, amount, gap_days, is_new_day, import_id FROM orders ORDER BY 2"
    ) == [
        ("007", "a", datetime(2024, 1, 1, 10), Decimal("5.10"), None, True, 1),
        ("007", "b", datetime(2024, 1, 31, 6), Decimal("6.00"), 30, True, 1),
        ("8", "c", datetime(2024, 2, 1), Decimal("8.00"), None, True, 1),
    ]
    (row,) = warehouse.records("SELECT * FROM imports")
    assert (row["file_name"], row["n_rows"], row["n_added"], row["tables"]) == ("file.csv", 3, 3, ["orders"])
    assert warehouse.rows("SELECT action FROM audit_log") == [("import",)]


def test_the_same_file_again_changes_nothing_and_says_so(warehouse: Warehouse, load: Load) -> None:
    text = ORDERS + "1,a,2024-01-01,5\n2,b,2024-02-01,6\n"
    load(text)
    before = contents(warehouse)
    again = load(text, "renamed.csv")
    assert again.is_repeat
    assert counts(again) == (0, 0, 2, 0)
    assert "nothing was changed" in again.message
    assert contents(warehouse) == before


def test_the_same_rows_in_other_bytes_change_nothing(warehouse: Warehouse, load: Load) -> None:
    load(ORDERS + "1,a,2024-01-01,5\n2,b,2024-02-01,6\n")
    again = load(ORDERS + "2,b,2024-02-01,6.00\n1,a,2024-01-01,5\n")
    assert counts(again) == (0, 0, 2, 0)
    assert again.data_version == 1
    assert not again.is_repeat


def test_an_overlapping_file_adds_what_is_new_and_updates_what_changed(warehouse: Warehouse, load: Load) -> None:
    load(ORDERS + "1,a,2024-01-01,5\n2,b,2024-02-01,6\n1,c,2024-02-15,6\n")
    result = load(ORDERS + "2,b,2024-02-01,60\n1,c,2024-02-15,6\n1,d,2024-03-01,7\n3,e,2024-03-02,8\n")
    assert counts(result) == (2, 1, 1, 0)
    assert result.data_version == 2
    assert warehouse.rows("SELECT order_id, amount, gap_days, import_id FROM orders ORDER BY 1") == [
        ("a", Decimal("5.00"), None, 1),
        ("b", Decimal("60.00"), None, 2),
        ("c", Decimal("6.00"), 45, 1),
        ("d", Decimal("7.00"), 15, 2),
        ("e", Decimal("8.00"), None, 2),
    ]


def test_a_file_with_fewer_columns_leaves_the_others_alone(warehouse: Warehouse, load: Load) -> None:
    load("customer_id,order_id,order_time,amount,channel\n1,a,2024-01-01,5,web\n2,b,2024-01-01,5,app\n")
    load(ORDERS + "1,a,2024-01-01,9\n")
    assert warehouse.rows("SELECT amount, channel FROM orders WHERE order_id = 'a'") == [(Decimal("9.00"), "web")]


def test_orders_without_numbers_get_them_from_their_content(warehouse: Warehouse, load: Load) -> None:
    head = "customer_id,order_time,amount\n"
    load(head + "1,2024-01-01,5\n1,2024-01-01,5\n1,2024-01-01,7\n2,2024-01-02,6\n")
    assert warehouse.rows("SELECT order_id FROM orders ORDER BY 1") == [
        ("1@2024-01-01 5.00",), ("1@2024-01-01 5.00 (2)",), ("1@2024-01-01 7.00",), ("2@2024-01-02 6.00",),
    ]  # fmt: skip
    result = load(head + "1,2024-01-01,5\n1,2024-01-01,5\n2,2024-01-02,6\n2,2024-01-09,6\n")
    assert counts(result) == (1, 0, 3, 0)


def test_a_number_used_twice_for_different_orders_is_set_aside(warehouse: Warehouse, load: Load) -> None:
    result = load(ORDERS + "1,a,2024-01-01,5\n2,b,2024-01-02,5\n1,a,2024-01-01,5\n2,a,2024-01-03,9\n", kind="orders")
    assert counts(result) == (2, 0, 1, 1)
    assert warehouse.rows("SELECT line_no, cause FROM rejected_rows") == [
        (5, "the same order id stands on line 2 with other values")
    ]


def test_lines_are_added_up_to_orders(warehouse: Warehouse, load: Load) -> None:
    result = load(
        LINES
        + "1,A,2024-01-01 10:00,x,2,1.50\n1,A,2024-01-01 10:01,y,1,4\n1,A,2024-01-01 10:01,y,1,4\n"
        + "2,B,2024-01-02,x,1,1\n2,B,2024-01-02,gift,1,0\n"
    )
    assert [(part.table, part.n_added) for part in result.tables] == [("orders", 2), ("order_lines", 5)]
    assert warehouse.rows("SELECT order_id, order_time, amount, n_items, n_lines FROM orders ORDER BY 1") == [
        ("A", datetime(2024, 1, 1, 10), Decimal("11.00"), 4.0, 3),
        ("B", datetime(2024, 1, 2), Decimal("1.00"), 2.0, 2),
    ]
    assert warehouse.rows("SELECT line_no, product_id, amount FROM order_lines WHERE order_id = 'A' ORDER BY 1") == [
        (1, "x", Decimal("3.00")), (2, "y", Decimal("4.00")), (3, "y", Decimal("4.00")),
    ]  # fmt: skip


def test_lines_taken_back_become_returns(warehouse: Warehouse, load: Load) -> None:
    lines = "".join(f"1,{number},2024-01-0{number},x,2,5\n" for number in range(1, 6))
    result = load(
        LINES + lines + "1,C2,2024-01-07,x,-1,5\n1,C2,2024-01-07,y,-1,2\n2,6,2024-01-08,x,3,5\n2,6,2024-01-09,x,-1,5\n"
    )
    assert result.n_rejected == 0
    assert warehouse.rows("SELECT return_id, customer_id, return_time, amount, order_id FROM returns ORDER BY 1") == [
        ("6", "2", datetime(2024, 1, 9), Decimal("5.00"), "6"),
        ("C2", "1", datetime(2024, 1, 7), Decimal("7.00"), None),
    ]
    assert warehouse.value("SELECT sum(amount) FROM orders") == Decimal("65.00")
    assert warehouse.value("SELECT count(*) FROM order_lines WHERE quantity < 0") == 0


def test_negative_orders_become_returns(warehouse: Warehouse, load: Load) -> None:
    load(ORDERS + "1,a,2024-01-01,5\n2,b,2024-01-02,6\n1,R1,2024-01-05,-5\n")
    assert warehouse.n_rows("orders") == 2
    assert warehouse.rows("SELECT return_id, amount FROM returns") == [("R1", Decimal("5.00"))]


def test_an_order_without_a_paid_line_is_left_out_and_said(warehouse: Warehouse, load: Load) -> None:
    result = load(LINES + "1,A,2024-01-01,x,1,5\n1,A,2024-01-01,y,1,5\n2,B,2024-01-02,x,1,0\n2,B,2024-01-02,y,1,0\n")
    assert warehouse.rows("SELECT order_id FROM orders") == [("A",)]
    assert "1 order without a paid line was left out." in result.message


def test_lines_in_a_new_file_replace_those_of_the_same_order(warehouse: Warehouse, load: Load) -> None:
    load(LINES + "1,A,2024-01-01,x,1,5\n1,A,2024-01-01,y,1,5\n2,B,2024-01-02,x,1,1\n2,B,2024-01-02,y,1,1\n")
    result = load(
        LINES
        + "1,A,2024-01-01,x,1,5\n2,B,2024-01-02,x,1,1\n2,B,2024-01-02,y,1,1\n"
        + "3,D,2024-01-05,x,1,1\n3,D,2024-01-05,x,1,1\n"
    )
    assert counts(result) == (1, 1, 1, 0)
    assert warehouse.rows("SELECT order_id, amount, n_lines FROM orders ORDER BY 1") == [
        ("A", Decimal("5.00"), 1), ("B", Decimal("2.00"), 2), ("D", Decimal("2.00"), 2),
    ]  # fmt: skip
    assert warehouse.n_rows("order_lines") == 5


def test_an_order_number_of_two_customers_stays_with_the_first(warehouse: Warehouse, load: Load) -> None:
    result = load(
        LINES
        + "1,A,2024-01-01,x,1,5\n1,A,2024-01-01,y,1,5\n2,A,2024-01-02,x,1,1\n"
        + "2,B,2024-01-02,y,1,1\n2,B,2024-01-02,y,1,1\n"
    )
    assert result.n_rejected == 1
    assert warehouse.rows("SELECT line_no, column_name, cause FROM rejected_rows") == [
        (4, "order_id", "an earlier line gives this order to customer 1")
    ]
    assert warehouse.rows("SELECT order_id, customer_id FROM orders ORDER BY 1") == [("A", "1"), ("B", "2")]


def test_lines_without_order_numbers_make_an_order_per_customer_and_time(warehouse: Warehouse, load: Load) -> None:
    load(
        "customer_id,order_time,sku,quantity,unit_price\n1,2024-01-01,x,1,5\n1,2024-01-01,y,1,5\n2,2024-01-02,x,1,1\n",
        kind="order_lines",
    )
    assert warehouse.rows("SELECT order_id, amount FROM orders ORDER BY 1") == [
        ("1@2024-01-01", Decimal("10.00")),
        ("2@2024-01-02", Decimal("1.00")),
    ]


def test_who_the_customer_is_is_taken_from_order_files(warehouse: Warehouse, load: Load) -> None:
    head = "customer_id,order_id,order_time,amount,country\n"
    load(head + "1,a,2024-01-01,5,France\n2,b,2024-01-01,5,\n1,c,2024-01-02,5,France\n")
    load(head + "1,d,2024-02-01,5,Spain\n2,e,2024-02-01,5,Italy\n")
    assert warehouse.rows("SELECT customer_id, country FROM customers ORDER BY 1") == [("1", "France"), ("2", "Italy")]


EVENTS = "customer_id,event_type,timestamp,product_id\n"


def test_events_get_ids_that_survive_overlapping_files(warehouse: Warehouse, load: Load) -> None:
    first = "1,page_view,2024-01-01 10:00:00,\n1,view_item,2024-01-01 10:00:05,x\n1,view_item,2024-01-01 10:00:05,x\n"
    assert counts(load(EVENTS + first)) == (3, 0, 0, 0)
    second = (
        "1,view_item,2024-01-01 10:00:05,x\n1,view_item,2024-01-01 10:00:05,x\n2,add_to_cart,2024-01-02 09:00:00,x\n"
    )
    assert counts(load(EVENTS + second)) == (1, 0, 2, 0)
    assert warehouse.rows("SELECT kind, count(*) FROM events GROUP BY 1 ORDER BY 1") == [
        ("cart", 1),
        ("view", 2),
        ("visit", 1),
    ]


def test_a_log_without_kinds_counts_as_visits(warehouse: Warehouse, load: Load) -> None:
    load("user_id,session_id,timestamp\n1,s1,2024-01-01 10:00\n2,s2,2024-01-01 11:00\n", kind="events")
    assert warehouse.rows("SELECT DISTINCT kind FROM events") == [("visit",)]


def test_reviews_tickets_and_contacts_load(warehouse: Warehouse, load: Load) -> None:
    load("customer_id,review_date,stars,review_text\n1,2024-01-01,4,good\n2,2024-01-02,,\n", "reviews.csv")
    load(
        "Ticket ID,Customer ID,Created,Resolved At,Subject\nT1,1,2024-01-01,,late\nT2,2,2024-01-02,2024-01-05,broken\n",
        "tickets.csv",
    )
    load("customer_id,campaign,event,sent_at\n1,June,open,2024-06-01\n2,June,sent,2024-06-01\n", "contacts.csv")
    assert warehouse.rows("SELECT customer_id, rating, text FROM feedback ORDER BY 1") == [
        ("1", 4.0, "good"),
        ("2", None, None),
    ]
    assert warehouse.rows("SELECT ticket_id, resolved_at, topic FROM tickets ORDER BY 1") == [
        ("T1", None, "late"),
        ("T2", datetime(2024, 1, 5), "broken"),
    ]
    assert warehouse.rows("SELECT kind FROM contacts ORDER BY customer_id") == [("opened",), ("sent",)]


def test_a_ticket_that_is_settled_later_is_updated(warehouse: Warehouse, load: Load) -> None:
    head = "customer_id,opened_at,resolved_at,topic\n"
    load(head + "1,2024-01-01,,late\n2,2024-01-02,,broken\n")
    result = load(head + "1,2024-01-01,2024-01-03,late\n2,2024-01-02,,broken\n")
    assert counts(result) == (0, 1, 1, 0)


def test_returns_are_positive_however_they_are_written(warehouse: Warehouse, load: Load) -> None:
    load("customer_id,return_id,return_date,amount\n1,R1,2024-01-01,-5\n2,R2,2024-01-02,6\n")
    assert warehouse.rows("SELECT amount FROM returns ORDER BY return_id") == [(Decimal("5.00"),), (Decimal("6.00"),)]


def test_further_columns_of_customers_are_kept_as_attributes(warehouse: Warehouse, load: Load) -> None:
    load(
        "customer_id,email,signup_date,level,points,newsletter,zip\n1,a@example.org,2020-01-05,gold,12,yes,01234\n2,b@example.org,,tin,,no,99999\n"
    )
    rows = warehouse.rows("SELECT email, signup_time, email_consent, attributes FROM customers ORDER BY customer_id")
    assert rows[0][:3] == ("a@example.org", datetime(2020, 1, 5), True)
    assert json.loads(rows[0][3]) == {"level": "gold", "points": 12, "zip": "01234"}
    assert json.loads(rows[1][3])["points"] is None


def test_a_labelled_table_keeps_label_value_and_attributes(warehouse: Warehouse, load: Load) -> None:
    result = load(
        "customerID,tenure,MonthlyCharges,Contract,Churn\n0001,5,29.85,One year,No\n0002,,70,Month-to-month,Yes\n"
    )
    assert [part.table for part in result.tables] == ["snapshots"]
    rows = warehouse.rows("SELECT customer_id, churned, value_amount, attributes, row_no FROM snapshots ORDER BY 1")
    assert rows[0][:3] == ("0001", False, Decimal("29.85"))
    assert json.loads(rows[0][3]) == {"tenure": 5, "MonthlyCharges": 29.85, "Contract": "One year"}
    assert rows[1][1:3] == (True, Decimal("70.00"))
    again = load(
        "customerID,tenure,MonthlyCharges,Contract,Churn\n0001,6,29.85,One year,No\n0002,,70,Month-to-month,Yes\n"
    )
    assert counts(again) == (0, 1, 1, 0)


def test_a_label_that_divides_nobody_is_refused(read: Read, warehouse: Warehouse) -> None:
    source = read("customer_id,churn\n1,yes\n2,no\n")
    mapping = replace(propose_mapping(source).mapping, label_positive=("maybe",))
    with pytest.raises(InputError, match="nobody left"):
        import_file(warehouse, source, mapping)


def test_the_currency_of_a_file_becomes_the_workspaces(warehouse: Warehouse, load: Load) -> None:
    load("customer_id,order_time,amount,currency\n1,2024-01-01,5,gbp\n2,2024-01-02,6,GBP\n")
    assert warehouse.setting("currency") == "GBP"
    with pytest.raises(InputError, match="is in EUR but this workspace holds amounts in GBP"):
        load("customer_id,order_time,amount\n1,2024-01-01,€5.20\n2,2024-01-02,€6.10\n")


def test_amounts_as_people_write_them(warehouse: Warehouse, load: Load) -> None:
    load(
        "Kunde;Datum;Betrag\n1;13.01.2024;1.234,50 €\n2;14.01.2024;-3,20 €\n3;15.01.24 10:30;€ "
        "0,99\n4;16.01.2024;(5,00)\n5;17.01.2024;12\n"
    )
    assert warehouse.rows("SELECT customer_id, amount FROM orders ORDER BY 1") == [
        ("1", Decimal("1234.50")), ("3", Decimal("0.99")), ("5", Decimal("12.00")),
    ]  # fmt: skip
    assert warehouse.rows("SELECT customer_id, amount FROM returns ORDER BY 1") == [
        ("2", Decimal("3.20")),
        ("4", Decimal("5.00")),
    ]
    assert warehouse.setting("currency") == "EUR"


@pytest.mark.parametrize("share", [0.0, 0.02, 0.45, 0.5, 0.85, 0.9, 0.97])
def test_an_import_that_is_stopped_anywhere_leaves_the_tables_as_they_were(
    warehouse: Warehouse, load: Load, read: Read, share: float
) -> None:
    load(LINES + "1,A,2024-01-01,x,1,5\n1,A,2024-01-01,y,1,5\n2,B,2024-01-02,x,1,1\n2,B,2024-01-02,x,1,1\n")
    before = contents(warehouse)
    source = read(
        LINES + "1,A,2024-01-01,x,1,9\n1,A,2024-01-01,y,1,5\n2,D,soon,x,1,1\n2,E,2024-01-03,x,1,1\n", "second.csv"
    )

    def stop(done: float, message: str) -> None:
        if done >= share:
            raise JobCancelled("cancelled; nothing was changed.")

    with pytest.raises(JobCancelled):
        import_file(warehouse, source, propose_mapping(source, kind="order_lines").mapping, progress=stop)
    assert contents(warehouse) == before
    assert warehouse.folder is not None
    assert not list(warehouse.folder.iterdir())
    assert import_file(warehouse, source, propose_mapping(source, kind="order_lines").mapping).n_updated == 1


def test_progress_goes_forward_and_ends_near_one(warehouse: Warehouse, save: Callable[..., Path]) -> None:
    seen: list[float] = []
    source = open_source(
        save(ORDERS + "1,a,2024-01-01,5\n2,b,2024-02-01,6\n"), progress=lambda share, _: seen.append(share)
    )
    assert seen == sorted(seen)
    assert seen[-1] == 1.0
    seen.clear()
    import_file(warehouse, source, propose_mapping(source).mapping, progress=lambda share, _: seen.append(share))
    assert seen == sorted(seen)
    assert len(seen) >= 5


def test_derived_columns_follow_from_the_order_days(warehouse: Warehouse) -> None:
    with warehouse.transaction() as tx:
        tx.execute(
            "INSERT INTO orders (customer_id, order_id, order_time) VALUES ('1','a','2024-01-01 09:00'), "
            "('1','b','2024-01-01 18:00'), "
            "('1','c','2024-01-11'), ('2','d','2024-01-05'), ('1','e','2024-01-11 10:00')"
        )
        assert refresh_derived(tx) == 5
        assert refresh_derived(tx) == 0
    assert warehouse.rows("SELECT order_id, gap_days, is_new_day FROM orders ORDER BY 1") == [
        ("a", None, True), ("b", None, False), ("c", 10, True), ("d", None, True), ("e", None, False),
    ]  # fmt: skip


def test_an_order_in_between_changes_the_gap_of_the_next(warehouse: Warehouse, load: Load) -> None:
    load(ORDERS + "1,a,2024-01-01,5\n1,c,2024-01-31,5\n2,x,2024-01-01,5\n")
    load(ORDERS + "1,b,2024-01-11,5\n")
    assert warehouse.rows("SELECT order_id, gap_days FROM orders WHERE customer_id = '1' ORDER BY 1") == [
        ("a", None),
        ("b", 10),
        ("c", 20),
    ]


def test_lines_and_the_shops_own_order_table_give_the_same_orders(
    real_data: Path, warehouse: Warehouse, tmp_path: Path
) -> None:
    lines = open_source(real_data / "online_retail_II.parquet")
    result = import_file(warehouse, lines, propose_mapping(lines).mapping)
    assert (result.n_rows, result.n_rejected) == (1_044_847, 235_287)
    other = Warehouse.open(None, folder=tmp_path / "other")
    for name in ("online_retail_II_orders.csv", "online_retail_II_returns.csv"):
        source = open_source(real_data / name)
        import_file(other, source, propose_mapping(source).mapping)
    for table, key, time in (("orders", "order_id", "order_time"), ("returns", "return_id", "return_time")):
        sql = f"SELECT {key}, customer_id, {time}, CAST(round(amount, 2) AS DOUBLE) AS amount FROM {table} ORDER BY 1"
        ours, theirs = warehouse.frame(sql), other.frame(sql)
        assert ours[[key, "customer_id", time]].equals(theirs[[key, "customer_id", time]])
        assert (ours["amount"] - theirs["amount"]).abs().max() < 0.011
    other.close()


def test_attributes_of_two_files_are_kept_side_by_side(warehouse: Warehouse, load: Load) -> None:
    load("customer_id,email,level\n1,a@example.org,gold\n2,b@example.org,\n")
    second = "customer_id,email,points\n1,a@example.org,5\n2,b@example.org,\n"
    load(second, "points.csv")
    rows = warehouse.rows("SELECT attributes FROM customers ORDER BY customer_id")
    assert json.loads(rows[0][0]) == {"level": "gold", "points": 5}
    assert counts(load(second + "3,c@example.org,7\n", "more.csv")) == (1, 0, 2, 0)


KILLED = """
import os, signal, sys
from pathlib import Path
from churn_core.intake.formats import open_source
from churn_core.intake.load import import_file
from churn_core.intake.mapping import propose_mapping
from churn_core.warehouse import Warehouse

def kill(share, message):
    if share >= 0.9:
        os.kill(os.getpid(), signal.SIGKILL)

source = open_source(Path(sys.argv[2]))
import_file(Warehouse.open(Path(sys.argv[1])), source, propose_mapping(source).mapping, progress=kill)
"""


def test_an_import_killed_before_its_end_leaves_nothing(save: Callable[..., Path], tmp_path: Path) -> None:
    path = save(
        ORDERS + "".join(f"{number % 50},o{number},2024-01-{number % 28 + 1:02d},5\n" for number in range(5000))
    )
    workspace = tmp_path / "shop.duckdb"
    run = subprocess.run([sys.executable, "-c", KILLED, str(workspace), str(path)], capture_output=True, check=False)
    assert run.returncode == -signal.SIGKILL
    opened = Warehouse.open(workspace)
    try:
        assert all(opened.n_rows(name) == 0 for name in TABLES)
        assert opened.folder is not None
        assert list(opened.folder.iterdir())
        source = open_source(path)
        assert import_file(opened, source, propose_mapping(source).mapping).n_added == 5000
        assert not list(opened.folder.iterdir())
    finally:
        opened.close()
