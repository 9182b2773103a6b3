"""Every customer has a window of whole days from a start of their own, and one module cuts it."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from churn_core.campaigns import windows
from churn_core.warehouse import Warehouse

START = datetime(2024, 3, 1)
SECOND = timedelta(seconds=1)


def holds(warehouse: Warehouse, condition: str, instant: datetime) -> bool:
    sql = f"SELECT {condition} FROM (SELECT $instant::TIMESTAMP AS t, $start::TIMESTAMP AS starts_at) AS drawn"
    return bool(warehouse.value(sql, {"instant": instant, "start": START, "data_until": instant}))


@pytest.mark.parametrize(
    ("instant", "is_inside", "is_before"),
    [
        (START, True, False),
        (START - SECOND, False, True),
        (START + timedelta(days=30) - SECOND, True, False),
        (START + timedelta(days=30), False, False),
        (START - timedelta(days=30), False, True),
        (START - timedelta(days=30) - SECOND, False, False),
    ],
)
def test_the_start_is_in_the_window_and_the_end_is_not(
    warehouse: Warehouse, instant: datetime, is_inside: bool, is_before: bool
) -> None:
    assert holds(warehouse, windows.in_window("t", 30), instant) == is_inside
    assert holds(warehouse, windows.in_pre_period("t", 30), instant) == is_before


def test_a_window_is_complete_when_the_data_reaches_its_end(warehouse: Warehouse) -> None:
    end = START + timedelta(days=30)
    assert holds(warehouse, windows.is_complete(30), end)
    assert not holds(warehouse, windows.is_complete(30), end - SECOND)
    assert not holds(warehouse, windows.has_started(), START)
    assert holds(warehouse, windows.has_started(), START + SECOND)


@pytest.mark.parametrize(("days_later", "touches"), [(-20, False), (-19, True), (0, True), (29, True), (30, False)])
def test_windows_of_two_campaigns_touch_while_they_share_an_instant(
    warehouse: Warehouse, days_later: int, touches: bool
) -> None:
    condition = windows.overlap(30, "t", "20")
    assert holds(warehouse, condition, START + timedelta(days=days_later)) == touches


@pytest.mark.parametrize(("known", "left"), [(30, 0), (29, 1), (45, 0), (0, 30)])
def test_days_left_are_days_of_data(known: int, left: int) -> None:
    assert windows.days_left(START + timedelta(days=30), START + timedelta(days=known)) == left


def test_a_part_of_a_day_that_is_missing_counts_as_a_day() -> None:
    assert windows.days_left(START + timedelta(days=30), START + timedelta(days=28, hours=5)) == 2


START_OF = r"\{?(?:\w+\.)?starts_at\}?"
COMPARED = re.compile(rf"[<>]=?\s*{START_OF}|{START_OF}\s*(?:\+ INTERVAL[^\"']*)?[<>]", re.IGNORECASE)


def test_no_other_module_of_campaigns_compares_with_the_start_in_sql() -> None:
    folder = Path(windows.__file__).parent
    ours = ["asked", "cells", "counted", "funnel", "looks", "measure", "outcome_checks", "outcome_files", "overlap"]
    found = [
        name for name in [*ours, "windows"] if COMPARED.search((folder / f"{name}.py").read_text(encoding="utf-8"))
    ]
    assert found == ["windows"]


@pytest.mark.parametrize("sql", ["t >= drawn.starts_at", "{STARTS_AT} > t", "t < {starts_at} + 1", "starts_at <= t"])
def test_the_guard_would_notice(sql: str) -> None:
    assert COMPARED.search(sql)
