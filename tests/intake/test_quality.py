"""Every quality check fires on a planted defect, with the right count, and none fires on a clean shop."""

from __future__ import annotations

import json
from datetime import date, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from churn_core.intake.formats import open_source
from churn_core.intake.load import import_file
from churn_core.intake.mapping import propose_mapping
from churn_core.intake.quality import QualityReport, check_quality
from churn_core.intake.quality_checks import CHECKS, DIMENSIONS, SEVERITIES
from churn_core.intake.quality_series import DailyCounts, jumps, silences
from churn_core.intake.snapshot_frame import workspace_snapshot
from churn_core.schema import TABLES
from churn_core.stats.twins import find_twins
from churn_core.warehouse import Warehouse

FIRST_FIVE = "(SELECT {key} FROM {table} ORDER BY {key} LIMIT 5)"

# check -> (table, statements that plant five cases of it, or more where a share matters)
DEFECTS: dict[tuple[str, str], list[str]] = {
    ("orders", "amount_missing"): ["UPDATE orders SET amount = NULL WHERE order_id IN {orders}"],
    ("orders", "amount_not_positive"): ["UPDATE orders SET amount = 0 WHERE order_id IN {orders}"],
    ("orders", "amount_extreme"): ["UPDATE orders SET amount = 999999 WHERE order_id IN {orders}"],
    ("orders", "duplicates"): [
        "INSERT INTO orders SELECT * REPLACE (order_id || '-again' AS order_id) FROM orders WHERE order_id IN {orders}"
    ],
    ("orders", "similar_ids"): [
        "UPDATE orders SET customer_id = lower(customer_id) || ' ' WHERE order_id = 'A-000000001'"
    ],
    ("orders", "placeholder_id"): ["UPDATE orders SET customer_id = 'Guest' WHERE order_id IN {orders}"],
    ("orders", "dominant_id"): [
        "UPDATE orders SET customer_id = 'till 1' WHERE order_id IN (SELECT order_id FROM orders LIMIT 3000)"
    ],
    ("orders", "very_old"): ["UPDATE orders SET order_time = TIMESTAMP '1970-01-01' WHERE order_id IN {orders}"],
    ("orders", "date_only"): ["UPDATE orders SET order_time = date_trunc('day', order_time)"],
    ("orders", "lines_do_not_sum"): ["UPDATE orders SET amount = amount + 5 WHERE order_id IN {orders}"],
    ("orders", "orders_without_lines"): ["DELETE FROM order_lines WHERE hash(order_id) % 10 < 2"],
    ("orders", "customers_unknown"): ["DELETE FROM customers WHERE customer_id IN {customers}"],
    ("customers", "without_orders"): ["DELETE FROM orders WHERE customer_id IN {customers}"],
    ("customers", "email_missing"): ["UPDATE customers SET email = NULL WHERE hash(customer_id) % 10 < 3"],
    ("customers", "email_unusable"): ["UPDATE customers SET email = 'nobody' WHERE customer_id IN {customers}"],
    ("customers", "same_email"): ["UPDATE customers SET email = 'one@example.org' WHERE customer_id IN {customers}"],
    ("customers", "signup_after_order"): [
        "UPDATE customers SET signup_time = TIMESTAMP '2026-10-30' WHERE customer_id IN {customers}"
    ],
    ("order_lines", "product_missing"): [
        "UPDATE order_lines SET product_id = NULL, product_name = NULL WHERE order_id IN {orders}"
    ],
    ("order_lines", "category_missing"): ["UPDATE order_lines SET category = NULL"],
    ("order_lines", "amount_off"): ["UPDATE order_lines SET unit_price = unit_price * 2 WHERE order_id IN {orders}"],
    ("order_lines", "quantity_not_positive"): ["UPDATE order_lines SET quantity = -1 WHERE order_id IN {orders}"],
    ("order_lines", "orders_unknown"): ["DELETE FROM orders WHERE order_id IN {orders}"],
    ("returns", "amount_unusable"): ["UPDATE returns SET amount = -1 WHERE return_id IN {returns}"],
    ("returns", "before_order"): [
        "UPDATE returns SET return_time = return_time - INTERVAL 400 DAY WHERE return_id IN {returns}"
    ],
    ("returns", "customers_unknown"): ["UPDATE returns SET customer_id = 'x' WHERE return_id IN {returns}"],
    ("events", "kind_unknown"): ["UPDATE events SET kind = 'hover' WHERE event_id IN {events}"],
    ("events", "date_only"): ["UPDATE events SET event_time = date_trunc('day', event_time)"],
    ("events", "customers_unknown"): ["UPDATE events SET customer_id = 'x' WHERE event_id IN {events}"],
    ("feedback", "rating_missing"): ["UPDATE feedback SET rating = NULL"],
    ("feedback", "rating_off_scale"): ["UPDATE feedback SET rating = 85 WHERE feedback_id IN {feedback}"],
    ("feedback", "customers_unknown"): ["UPDATE feedback SET customer_id = 'x' WHERE feedback_id IN {feedback}"],
    ("tickets", "replied_before_opened"): [
        "UPDATE tickets SET first_reply_at = opened_at - INTERVAL 1 HOUR WHERE ticket_id IN {tickets}"
    ],
    ("tickets", "resolved_before_opened"): [
        "UPDATE tickets SET resolved_at = opened_at - INTERVAL 1 HOUR WHERE ticket_id IN {tickets}"
    ],
    ("tickets", "never_answered"): ["UPDATE tickets SET first_reply_at = NULL, resolved_at = NULL"],
    ("tickets", "customers_unknown"): ["UPDATE tickets SET customer_id = 'x' WHERE ticket_id IN {tickets}"],
    ("contacts", "kind_unknown"): ["UPDATE contacts SET kind = 'fax' WHERE contact_id IN {contacts}"],
    ("contacts", "customers_unknown"): ["UPDATE contacts SET customer_id = 'x' WHERE contact_id IN {contacts}"],
    ("orders", "in_the_future"): [
        "UPDATE settings SET value = 'false' WHERE name = 'is_demo'",
        "UPDATE imports SET imported_at = TIMESTAMP '2026-10-01'",
    ],
    ("events", "in_the_future"): [
        "UPDATE settings SET value = 'false' WHERE name = 'is_demo'",
        "UPDATE imports SET imported_at = TIMESTAMP '2026-10-01'",
    ],
    ("orders", "freshness"): [
        "UPDATE settings SET value = 'false' WHERE name = 'is_demo'",
        "UPDATE imports SET imported_at = TIMESTAMP '2027-02-01'",
    ],
    ("orders", "silent_days"): [
        "DELETE FROM orders WHERE order_time >= TIMESTAMP '2025-03-03' AND order_time < TIMESTAMP '2025-03-08'"
    ],
    ("events", "silent_days"): [
        "DELETE FROM events WHERE event_time >= TIMESTAMP '2025-03-03' AND event_time < TIMESTAMP '2025-03-04'"
    ],
    ("orders", "level_shift"): [
        "DELETE FROM orders WHERE order_time >= TIMESTAMP '2025-06-01' AND hash(order_id) % 4 > 0"
    ],
    ("events", "level_shift"): [
        "DELETE FROM events WHERE event_time < TIMESTAMP '2025-06-01' AND hash(event_id) % 4 > 0"
    ],
    ("orders", "rejected_rows"): [
        "UPDATE imports SET n_rejected = 3 WHERE tables[1] = 'orders'",
        "INSERT INTO rejected_rows SELECT import_id, range, 'order_time', 'unreadable date', NULL "
        "FROM imports, range(3) WHERE n_rejected = 3",
    ],
}  # fmt: skip

FIVE_EXACTLY = {
    ("orders", "amount_missing"), ("orders", "amount_not_positive"), ("orders", "amount_extreme"),
    ("orders", "duplicates"), ("orders", "placeholder_id"), ("orders", "very_old"), ("orders", "lines_do_not_sum"),
    ("orders", "customers_unknown"), ("customers", "without_orders"), ("customers", "email_unusable"),
    ("customers", "same_email"), ("returns", "amount_unusable"), ("returns", "before_order"),
    ("returns", "customers_unknown"), ("events", "kind_unknown"), ("events", "customers_unknown"),
    ("feedback", "rating_off_scale"), ("feedback", "customers_unknown"), ("tickets", "replied_before_opened"),
    ("tickets", "resolved_before_opened"), ("tickets", "customers_unknown"), ("contacts", "kind_unknown"),
    ("contacts", "customers_unknown"),
}  # fmt: skip


def plant(warehouse: Warehouse, statements: list[str]) -> None:
    firsts = {
        name: FIRST_FIVE.format(key=table.key[0], table=name) for name, table in TABLES.items() if len(table.key) == 1
    }
    with warehouse.transaction() as tx:
        for statement in statements:
            tx.execute(statement.format(**firsts))


def found(report: QualityReport, table: str, check: str) -> list[int]:
    return [finding.n_affected for finding in report.findings if (finding.table, finding.check) == (table, check)]


def load_snapshots(warehouse: Warehouse, attributes: list[dict[str, object]], churned: list[bool]) -> None:
    rows = pd.DataFrame(
        {
            "customer_id": [f"s{number}" for number in range(len(attributes))],
            "churned": churned,
            "attributes": [json.dumps(row) for row in attributes],
            "row_no": range(len(attributes)),
            "value_amount": 1.0,
        }
    )
    with warehouse.transaction() as tx:
        tx.append("snapshots", rows)


def distinct_rows(n: int) -> list[dict[str, object]]:
    return [{"plan": "gold", **{f"x{column}": number * (column + 7) for column in range(10)}} for number in range(n)]


def test_a_clean_shop_gives_no_finding(demo_shop: Warehouse) -> None:
    report = check_quality(demo_shop)
    assert report.findings == ()
    assert report.n_checks > 40
    assert {table.table for table in report.tables} == set(TABLES) & {
        "customers", "orders", "order_lines", "returns", "events", "feedback", "tickets", "contacts",
    }  # fmt: skip


def test_an_empty_workspace_gives_an_empty_report(warehouse: Warehouse) -> None:
    report = check_quality(warehouse)
    assert (report.findings, report.tables, report.daily) == ((), (), ())


@pytest.mark.parametrize(("table", "check"), DEFECTS, ids=lambda value: value)
def test_a_planted_defect_is_found(demo_copy: Warehouse, table: str, check: str) -> None:
    plant(demo_copy, DEFECTS[table, check])
    report = check_quality(demo_copy)
    affected = found(report, table, check)
    assert len(affected) == 1
    assert affected[0] > 0
    if (table, check) in FIVE_EXACTLY:
        assert affected == [5]
    finding = next(finding for finding in report.findings if (finding.table, finding.check) == (table, check))
    assert finding.n_affected <= finding.n_rows
    assert len(finding.examples) <= 5
    assert finding.examples or check == "freshness"
    assert finding.message.endswith(".")
    assert finding.effect_on_model.endswith(".")
    assert finding.severity in SEVERITIES
    assert finding.dimension in DIMENSIONS


def test_every_registered_check_has_a_planted_defect() -> None:
    of_snapshots = {("snapshots", name) for name in ("value_missing", "label_missing", "one_class")}
    assert {(check.table, check.name) for check in CHECKS} - of_snapshots <= set(DEFECTS)
    assert len({(check.table, check.name) for check in CHECKS}) == len(CHECKS)


def test_snapshot_checks_fire_and_stay_silent(warehouse: Warehouse) -> None:
    load_snapshots(warehouse, distinct_rows(40), [number % 4 == 0 for number in range(40)])
    assert check_quality(warehouse).findings == ()
    plant(warehouse, ["UPDATE snapshots SET churned = true, value_amount = NULL"])
    report = check_quality(warehouse)
    assert found(report, "snapshots", "one_class") == [40]
    assert found(report, "snapshots", "value_missing") == [40]
    plant(warehouse, ["UPDATE snapshots SET churned = NULL WHERE row_no < 7"])
    report = check_quality(warehouse)
    assert found(report, "snapshots", "label_missing") == [7]
    assert found(report, "snapshots", "one_class") == [33]
    assert report.findings[0].severity == "problem"


def test_twins_in_a_labelled_table_are_found(warehouse: Warehouse) -> None:
    draw = np.random.default_rng(1)
    rows = [{"plan": "gold", **{f"x{n}": int(x) for n, x in enumerate(draw.integers(0, 999, 6))}} for _ in range(200)]
    shifted = [{name: value if name == "plan" else value + 1 for name, value in row.items()} for row in rows[:60]]
    labels = [number % 4 == 0 for number in range(200)]
    load_snapshots(warehouse, rows + shifted + rows[120:123], labels + labels[:60] + labels[120:123])
    report = check_quality(warehouse)
    assert found(report, "snapshots", "exact_twins") == [6]
    assert found(report, "snapshots", "shifted_twins") == [120]
    twins = find_twins(workspace_snapshot(warehouse).frame)
    assert (twins.n_exact, twins.n_shifted) == (6, 120)
    for finding in report.findings:
        assert len(finding.examples) in (3, 5)


def test_twins_of_public_data_are_those_that_training_groups(warehouse: Warehouse, real_data: Path) -> None:
    source = open_source(real_data / "E_Commerce_Dataset.xlsx")
    import_file(warehouse, source, propose_mapping(source).mapping)
    twins = find_twins(workspace_snapshot(warehouse).frame)
    (finding,) = [f for f in check_quality(warehouse).findings if f.check == "shifted_twins"]
    assert finding.n_affected == twins.n_shifted > 0.8 * finding.n_rows


def test_the_worst_comes_first(demo_copy: Warehouse) -> None:
    plant(
        demo_copy,
        [
            "UPDATE orders SET amount = NULL WHERE hash(order_id) % 3 = 0",
            "UPDATE customers SET email = NULL WHERE hash(customer_id) % 10 < 3",
        ],
    )
    severities = [finding.severity for finding in check_quality(demo_copy).findings]
    assert severities == sorted(severities, key=SEVERITIES.index)
    assert severities[0] == "problem"


def test_daily_counts_hold_every_row_and_every_day(demo_shop: Warehouse) -> None:
    report = check_quality(demo_shop)
    series = report.daily_of("orders")
    assert series is not None
    assert sum(series.counts) == demo_shop.n_rows("orders")
    assert series.days[-1] == date(2026, 10, 31)
    assert (series.days[-1] - series.days[0]).days + 1 == len(series.counts)
    assert report.daily_of("customers") is None


def test_the_report_is_json(demo_copy: Warehouse) -> None:
    plant(demo_copy, DEFECTS["orders", "amount_missing"])
    written = json.loads(json.dumps(check_quality(demo_copy).to_dict()))
    finding = next(finding for finding in written["findings"] if finding["check"] == "amount_missing")
    assert finding["share"] == pytest.approx(finding["n_affected"] / finding["n_rows"])
    assert written["n_findings"]["warning"] >= 1
    assert written["daily"]["orders"][0].keys() == {"day", "n_rows"}


def test_a_weekly_closing_day_is_no_silence() -> None:
    counts = tuple(0 if day % 7 == 6 else 30 for day in range(140))
    assert silences(DailyCounts(table="orders", first_day=date(2026, 1, 5), counts=counts)) == []


def test_one_day_without_orders_is_told_where_days_are_alike() -> None:
    counts = [8] * 500
    counts[250] = 0
    (silence,) = silences(DailyCounts(table="orders", first_day=date(2024, 1, 1), counts=tuple(counts)))
    assert (silence.first_day, silence.n_days, silence.n_expected) == (date(2024, 9, 7), 1, 8)


def test_chance_is_not_taken_for_a_missing_day() -> None:
    n_told = 0
    for seed in range(40):
        counts = np.random.default_rng(seed).poisson(4, size=700)
        n_told += bool(silences(DailyCounts(table="orders", first_day=date(2024, 1, 1), counts=tuple(counts.tolist()))))
    assert n_told <= 6


def test_a_missing_week_is_one_silence_with_its_expectation() -> None:
    counts = [30] * 140
    counts[70:77] = [0] * 7
    (silence,) = silences(DailyCounts(table="orders", first_day=date(2026, 1, 1), counts=tuple(counts)))
    assert (silence.first_day, silence.n_days, silence.n_expected) == (date(2026, 3, 12), 7, 210)


def test_a_rare_table_may_have_days_without_rows() -> None:
    counts = tuple(1 if day % 5 == 0 else 0 for day in range(400))
    assert silences(DailyCounts(table="tickets", first_day=date(2026, 1, 1), counts=counts)) == []


def test_a_season_is_no_jump_but_a_missing_half_is() -> None:
    season = tuple(int(100 + 50 * abs((day % 364) - 182) / 182) for day in range(728))
    assert jumps(DailyCounts(table="orders", first_day=date(2025, 1, 1), counts=season)) == []
    halved = tuple(100 if day < 203 else 40 for day in range(406))
    (jump,) = jumps(DailyCounts(table="orders", first_day=date(2025, 1, 1), counts=halved))
    assert jump.day == date(2025, 1, 1) + timedelta(days=203)
    assert jump.ratio == pytest.approx(0.4)


def test_a_real_shop_shows_its_known_oddities(warehouse: Warehouse, real_data: Path) -> None:
    lines = pd.read_csv(
        real_data / "online_retail_II_orders.csv", dtype={"customer_id": str, "order_id": str},
        parse_dates=["order_time"], usecols=["customer_id", "order_id", "order_time", "amount"],
    )  # fmt: skip
    with warehouse.transaction() as tx:
        tx.append("orders", lines)
        tx.execute(
            "INSERT INTO imports (import_id, imported_at, file_name, tables, n_rows, n_rejected) "
            "VALUES (1, $now, 'orders.csv', ['orders'], 1, 0)",
            {"now": datetime(2026, 1, 1)},
        )
    report = check_quality(warehouse)
    assert found(report, "orders", "freshness") == [1]
    assert found(report, "orders", "amount_extreme")[0] < 40
    silent = next(finding for finding in report.findings if finding.check == "silent_days")
    assert any("Dec 2009" in example or "Dec 2010" in example for example in silent.examples)
