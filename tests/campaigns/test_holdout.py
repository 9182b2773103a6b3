"""The global holdout: the same customers on any machine, written down, kept until somebody asks for a new draw."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta
from math import sqrt

import pytest

from churn_core.campaigns import holdout as module
from churn_core.campaigns.assignment import bucket
from churn_core.campaigns.holdout import (
    Holdout,
    current_holdout,
    end_holdout,
    holdout_history,
    memberships,
    propose_share,
    refresh_holdout,
    refresh_within,
    reshuffle,
    start_holdout,
)
from churn_core.errors import InputError, NotEnoughData, NotFound
from churn_core.warehouse import Warehouse, utc_now

Put = Callable[..., None]

HOSTILE = ["it's", '"; DROP TABLE holdouts; --', "客户 1", "007", "7", "a:b", "holdout-1:c1", "\u00a0odd\u2003"]


def in_days(days: int) -> date:
    return utc_now().date() + timedelta(days=days)


def known(warehouse: Warehouse, put: Put, n: int, prefix: str = "c") -> list[str]:
    ids = [f"{prefix}{nr}" for nr in range(n)]
    put(warehouse, "customers", [{"customer_id": customer} for customer in ids])
    return ids


def drawn(warehouse: Warehouse, generation: int = 1) -> dict[str, bool]:
    rows = warehouse.rows(
        "SELECT customer_id, is_held_out FROM holdout_members WHERE generation = $generation",
        {"generation": generation},
    )
    found = dict(rows)
    assert len(found) == len(rows)
    return found


def test_who_is_held_out_follows_from_generation_and_id_alone(warehouse: Warehouse, put: Put) -> None:
    ids = known(warehouse, put, 400)
    put(warehouse, "customers", [{"customer_id": customer} for customer in HOSTILE])
    start_holdout(warehouse, 0.2)
    expected = {customer: bucket("holdout-1", customer) < 0.2 for customer in (*ids, *HOSTILE)}
    assert drawn(warehouse) == expected
    reshuffle(warehouse)
    assert drawn(warehouse, 2) == {customer: bucket("holdout-2", customer) < 0.2 for customer in expected}
    assert drawn(warehouse) == expected


def test_customers_of_every_table_are_drawn_once(warehouse: Warehouse, put: Put) -> None:
    known(warehouse, put, 50)
    orders = [
        {"customer_id": f"c{nr}", "order_id": str(nr), "order_time": datetime(2026, 1, 1)} for nr in range(40, 80)
    ]
    put(warehouse, "orders", orders)
    put(warehouse, "snapshots", [{"customer_id": f"m{nr}", "churned": False} for nr in range(20)])
    assert start_holdout(warehouse, 0.3).n_customers == 100


def test_generations_know_nothing_of_each_other(warehouse: Warehouse, put: Put) -> None:
    n, share = 4_000, 0.25
    known(warehouse, put, n)
    start_holdout(warehouse, share)
    for _ in range(3):
        reshuffle(warehouse)
    members = [{customer for customer, is_in in drawn(warehouse, g).items() if is_in} for g in (1, 2, 3, 4)]
    error = sqrt(n * share**2 * (1 - share**2))
    for nr, first in enumerate(members):
        assert abs(len(first) - n * share) < 4 * sqrt(n * share * (1 - share))
        for second in members[nr + 1 :]:
            assert abs(len(first & second) - n * share**2) < 4 * error


def test_new_customers_are_drawn_when_they_appear_and_nobody_else_moves(warehouse: Warehouse, put: Put) -> None:
    known(warehouse, put, 100)
    started = start_holdout(warehouse, 0.2)
    before = drawn(warehouse)
    known(warehouse, put, 60, prefix="new")
    waiting = current_holdout(warehouse)
    assert waiting is not None
    assert (waiting.n_customers, waiting.n_waiting) == (100, 60)
    assert refresh_holdout(warehouse) == 60
    after = drawn(warehouse)
    assert {customer: after[customer] for customer in before} == before
    assert after["new7"] == (bucket("holdout-1", "new7") < 0.2)
    since = {row[0] for row in warehouse.rows("SELECT since FROM holdout_members WHERE customer_id LIKE 'new%'")}
    assert min(since) > started.started_at


def test_drawing_nobody_new_leaves_no_trace(warehouse: Warehouse, put: Put) -> None:
    assert refresh_holdout(warehouse) == 0
    known(warehouse, put, 100)
    start_holdout(warehouse, 0.2)
    entries = warehouse.n_rows("audit_log")
    assert refresh_holdout(warehouse) == 0
    assert warehouse.n_rows("audit_log") == entries


def test_a_refresh_is_undone_with_what_it_was_part_of(warehouse: Warehouse, put: Put) -> None:
    known(warehouse, put, 100)
    start_holdout(warehouse, 0.2)
    known(warehouse, put, 10, prefix="new")
    with warehouse.supposed() as tx:
        assert refresh_within(tx) == 10
    assert len(drawn(warehouse)) == 100


def test_a_small_shop_is_told_why_none_is_proposed(warehouse: Warehouse, put: Put) -> None:
    known(warehouse, put, 900)
    proposal = propose_share(warehouse)
    assert (proposal.share, proposal.n_held_out, proposal.n_customers) == (None, None, 900)
    assert "more than a fifth" in proposal.why
    with pytest.raises(NotEnoughData, match="no holdout is proposed: the shop has 900 customers"):
        start_holdout(warehouse)
    assert holdout_history(warehouse) == ()


@pytest.mark.parametrize(("n", "least", "most"), [(12_000, 0.078, 0.09), (30_000, 0.05, 0.05)])
def test_the_share_is_raised_until_enough_are_held_out(warehouse: Warehouse, n: int, least: float, most: float) -> None:
    with warehouse.transaction() as tx:
        tx.execute("INSERT INTO customers BY NAME SELECT 'c' || i AS customer_id FROM range($n) t(i)", {"n": n})
    proposal = propose_share(warehouse)
    assert proposal.share is not None
    assert proposal.n_held_out is not None
    assert least <= proposal.share <= most
    assert proposal.n_held_out >= 1_000
    assert ("raised" in proposal.why) == (n == 12_000)
    started = start_holdout(warehouse)
    assert (started.share, started.n_held_out) == (proposal.share, proposal.n_held_out)
    assert not started.is_small


@pytest.mark.parametrize("share", [0.0, -0.1, 0.51, float("nan")])
def test_impossible_shares_are_refused(warehouse: Warehouse, put: Put, share: float) -> None:
    known(warehouse, put, 100)
    with pytest.raises(InputError, match="more than 0 % and at most 50 %"):
        start_holdout(warehouse, share)
    assert holdout_history(warehouse) == ()


@pytest.mark.parametrize(("n", "told"), [(0, "nobody"), (1, "nobody|everybody")])
def test_a_holdout_needs_somebody_in_it_and_somebody_not(warehouse: Warehouse, put: Put, n: int, told: str) -> None:
    if n:
        known(warehouse, put, n)
    with pytest.raises(NotEnoughData, match=told):
        start_holdout(warehouse, 0.1)
    assert warehouse.n_rows("holdouts") == warehouse.n_rows("holdout_members") == 0


def test_one_holdout_at_a_time(warehouse: Warehouse, put: Put) -> None:
    known(warehouse, put, 100)
    with pytest.raises(InputError, match="no holdout is in force"):
        end_holdout(warehouse)
    with pytest.raises(InputError, match="no holdout is in force"):
        reshuffle(warehouse)
    start_holdout(warehouse, 0.2)
    with pytest.raises(InputError, match="a holdout of 20 % is in force"):
        start_holdout(warehouse, 0.1)
    end_holdout(warehouse)
    assert current_holdout(warehouse) is None
    assert start_holdout(warehouse, 0.1).generation == 2


def test_membership_is_kept_for_every_generation(warehouse: Warehouse, put: Put) -> None:
    known(warehouse, put, 100)
    first = start_holdout(warehouse, 0.2)
    second = reshuffle(warehouse, share=0.4)
    end_holdout(warehouse)
    history = holdout_history(warehouse)
    assert [(entry.generation, entry.share, entry.n_held_out) for entry in history] == [
        (2, 0.4, second.n_held_out), (1, 0.2, first.n_held_out),
    ]  # fmt: skip
    assert all(entry.ended_at is not None and not entry.is_due and entry.n_waiting == 0 for entry in history)
    found = memberships(warehouse, " c3 ")
    assert [(entry.generation, entry.is_held_out) for entry in found] == [
        (2, bucket("holdout-2", "c3") < 0.4), (1, bucket("holdout-1", "c3") < 0.2),
    ]  # fmt: skip
    assert all(entry.until is not None and entry.until >= entry.since for entry in found)
    assert memberships(warehouse, "stranger") == ()
    with pytest.raises(NotFound, match="no generation 9"):
        module.holdout(warehouse, 9)


def test_a_due_reshuffle_is_announced_and_not_done(
    warehouse: Warehouse, put: Put, monkeypatch: pytest.MonkeyPatch
) -> None:
    known(warehouse, put, 100)
    planned = start_holdout(warehouse, 0.2, in_days(90))
    assert (planned.reshuffle_at, planned.is_due) == (
        datetime.combine(in_days(90), datetime.min.time()), False,
    )  # fmt: skip
    later = utc_now() + timedelta(days=91)
    monkeypatch.setattr(module, "utc_now", lambda: later)
    due = current_holdout(warehouse)
    assert due is not None
    assert (due.generation, due.is_due) == (1, True)
    refresh_holdout(warehouse)
    assert [entry.generation for entry in holdout_history(warehouse)] == [1]
    following = reshuffle(warehouse)
    assert following.generation == 2
    assert following.reshuffle_at is not None
    assert 88 <= (following.reshuffle_at - later).days <= 91, "planned as far ahead as the one before"


@pytest.mark.parametrize("days", [0, -3])
def test_a_reshuffle_lies_ahead(warehouse: Warehouse, put: Put, days: int) -> None:
    known(warehouse, put, 100)
    with pytest.raises(InputError, match="has come already"):
        start_holdout(warehouse, 0.2, in_days(days))
    start_holdout(warehouse, 0.2)
    with pytest.raises(InputError, match="has come already"):
        reshuffle(warehouse, in_days(days))
    running = current_holdout(warehouse)
    assert running is not None
    assert (running.generation, running.ended_at) == (1, None), "a refused reshuffle ends nothing"


def test_in_a_workspace_of_old_data_the_holdout_begins_after_it(warehouse: Warehouse, put: Put) -> None:
    times = [datetime(2010, 12, 1) + timedelta(days=nr) for nr in range(100)]
    orders = [{"customer_id": f"c{nr}", "order_id": str(nr), "order_time": time} for nr, time in enumerate(times)]
    put(warehouse, "orders", orders)
    started = start_holdout(warehouse, 0.2, date(2011, 9, 1))
    assert started.started_at == datetime(2011, 3, 11)
    assert not started.is_due


def test_every_change_is_in_the_audit_log(warehouse: Warehouse, put: Put) -> None:
    known(warehouse, put, 100)
    start_holdout(warehouse, 0.2)
    known(warehouse, put, 5, prefix="new")
    refresh_holdout(warehouse)
    reshuffle(warehouse)
    end_holdout(warehouse)
    told = [row[0] for row in warehouse.rows("SELECT action FROM audit_log ORDER BY entry")]
    assert told == ["holdout started", "holdout refreshed", "holdout reshuffled", "holdout ended"]


def test_a_small_holdout_says_so(warehouse: Warehouse, put: Put) -> None:
    known(warehouse, put, 100)
    found: Holdout = start_holdout(warehouse, 0.2)
    assert found.is_small
