"""Score runs against what happened, on a shop of five customers that can be counted by hand."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime, timedelta

import pytest
from statsmodels.stats.proportion import proportion_confint

from churn_core.customers.proof import Lived, lived, proof
from churn_core.features.definition import save_definition
from churn_core.features.labels import build_labels
from churn_core.intake.derived import refresh_derived
from churn_core.models.outcomes import CutoffOutcome, Outcome
from churn_core.timeline import ChurnDefinition
from churn_core.warehouse import Warehouse

from .conftest import AS_OF, add_orders, add_run

DEFINITION = ChurnDefinition(horizon_days=60, activity_days=180, version=1)
ORDERS: dict[str, Sequence[int]] = {
    "stays": range(190, 0, -21),
    "warned in time": (200, 180, 160, 140),
    "warned late": (190, 160, 130),
    "never warned": (125,),
    "came back": (170, 100, 50),
}
"""Days before AS_OF on which each customer ordered, at noon."""
RUNS = {
    150: {"stays": 0.1, "warned in time": 0.3, "warned late": 0.2, "came back": 0.8},
    120: {"stays": 0.1, "warned in time": 0.9, "warned late": 0.2, "never warned": 0.1, "came back": 0.8},
    90: {"stays": 0.1, "warned in time": 0.95, "warned late": 0.7, "never warned": 0.3, "came back": 0.2},
    60: {"stays": 0.1, "warned in time": 0.95, "warned late": 0.8, "never warned": 0.6, "came back": 0.2},
}
"""Risks by days before AS_OF."""


def day(days_before: int) -> datetime:
    """The midnight so many days before AS_OF."""
    return AS_OF - timedelta(days=days_before)


def live(warehouse: Warehouse, runs: dict[int, dict[str, float]] = RUNS) -> dict[int, int]:
    """The shop as it lived: at each run only the orders so far were there; run numbers by days before AS_OF."""
    save_definition(warehouse, DEFINITION)
    numbers, before = {}, 10_000
    for age in [*sorted(runs, reverse=True), 0]:
        add_orders(
            warehouse,
            {name: [days for days in ages if age < days <= before] for name, ages in ORDERS.items()},
        )
        before = age
        if age in runs:
            numbers[age] = add_run(warehouse, runs[age], as_of=day(age))
    with warehouse.transaction() as tx:
        refresh_derived(tx)
    return numbers


def at(found: Lived, age: int) -> CutoffOutcome:
    """The judgement of the run so many days before AS_OF."""
    return next(outcome for outcome in found.cutoffs if outcome.as_of == day(age))


def test_each_tier_is_what_counting_by_hand_gives(warehouse: Warehouse) -> None:
    live(warehouse)
    found = lived(warehouse)
    assert [outcome.as_of for outcome in found.cutoffs] == [day(150), day(120), day(90), day(60)]
    assert {outcome.kind for outcome in found.cutoffs} == {"lived"}
    judged = at(found, 120)
    assert judged.tiers["high"] == Outcome(n=2, n_churned=1, risk_sum=pytest.approx(1.7))
    assert judged.tiers["medium"] == Outcome()
    assert judged.tiers["low"] == Outcome(n=3, n_churned=2, risk_sum=pytest.approx(0.4))
    assert judged.tiers["high"].interval == pytest.approx(proportion_confint(1, 2, method="wilson"))
    assert judged.tiers["medium"].interval is None
    assert {number: outcome.n for number, outcome in judged.bins.items()} == {10: 2, 20: 1, 80: 1, 90: 1}


def test_happened_agrees_with_the_labels(warehouse: Warehouse) -> None:
    live(warehouse)
    for outcome in lived(warehouse).cutoffs:
        labels = build_labels(warehouse, outcome.as_of, DEFINITION)["churned"]
        assert outcome.everybody.n == len(labels)
        assert outcome.everybody.n_churned == labels.sum()


def test_money_that_left_and_money_that_stayed(warehouse: Warehouse) -> None:
    live(warehouse)
    money = at(lived(warehouse), 120).money
    assert (money.lost_value, money.lost_value_high) == (300.0, 100.0)
    assert money.captured_share == pytest.approx(1 / 3)
    n_orders = sum(60 < days <= 120 for days in (*ORDERS["stays"], *ORDERS["came back"]))
    assert (money.stayed_value, money.stayed_spent) == (200.0, 20.0 * n_orders)


def test_every_warned_customer_counts_once_at_the_first_warning(warehouse: Warehouse) -> None:
    live(warehouse)
    assert lived(warehouse).warned == Outcome(n=3, n_churned=2, risk_sum=pytest.approx(0.8 + 0.9 + 0.7))


def test_who_was_warned_after_a_whole_horizon_of_silence_is_told_apart(warehouse: Warehouse) -> None:
    assert (lived(warehouse).warned_late, lived(warehouse).warned) == (Outcome(), Outcome())
    live(warehouse, {**RUNS, 60: {**RUNS[60], "never warned": 0.9}})
    found = lived(warehouse)
    assert found.warned.n == 4
    assert found.warned_late == Outcome(n=1, n_churned=1, risk_sum=pytest.approx(0.9))


def test_lead_times_are_counted_from_the_last_order(warehouse: Warehouse) -> None:
    live(warehouse)
    leads = lived(warehouse).leads
    assert leads is not None
    assert (leads.since, leads.until) == (day(150).date(), day(120).date())
    assert leads.n == 3
    assert leads.silent_days == {20: 1, 40: 1}
    assert (leads.silent_quantile(0.5), leads.early_quantile(0.5)) == (20, 40)
    assert (leads.early_quantile(1.0), leads.span_days) == (20, 60)
    assert (leads.n_with_rhythm, leads.n_within_gap) == (2, 1)
    assert (leads.never.n, leads.never.n_churned) == (3, 1)


def test_a_warning_after_the_horizon_is_none(warehouse: Warehouse) -> None:
    late = {age: dict(risks) for age, risks in RUNS.items()}
    late[120]["warned in time"] = late[90]["warned in time"] = 0.3
    live(warehouse, late)
    leads = lived(warehouse).leads
    assert leads is not None
    assert leads.silent_days == {40: 1}
    assert leads.never.n_churned == 2


def test_of_several_runs_of_a_day_the_last_counts(warehouse: Warehouse) -> None:
    live(warehouse)
    before = lived(warehouse)
    again = add_run(warehouse, {"stays": 0.9, "came back": 0.9}, as_of=day(150))
    found = lived(warehouse)
    assert (before.n_superseded, found.n_superseded) == (0, 1)
    assert len(found.cutoffs) == len(before.cutoffs)
    assert at(found, 150).run_id == again


def test_a_run_dated_back_is_called_replayed(warehouse: Warehouse) -> None:
    live(warehouse)
    add_run(warehouse, RUNS[120], as_of=day(118))
    found = lived(warehouse)
    assert at(found, 118).kind == "replayed"
    assert at(found, 120).kind == "lived"
    assert found.warned.n == 3


def test_a_run_is_judged_by_its_own_definition(warehouse: Warehouse) -> None:
    numbers = live(warehouse)
    save_definition(warehouse, ChurnDefinition(horizon_days=30, activity_days=180, lead_days=5))
    with warehouse.transaction() as tx:
        tx.execute("UPDATE score_runs SET definition_version = 2 WHERE run_id = $run_id", {"run_id": numbers[150]})
    judged = at(lived(warehouse), 150)
    assert (judged.definition.horizon_days, judged.definition.lead_days) == (30, 5)
    assert judged.known_at == day(115)
    # In the 30 days from day 145 before AS_OF on: one order each of "stays", "warned in time" and "warned late".
    assert judged.everybody.n_churned == 1
    assert at(lived(warehouse), 120).definition.horizon_days == 60


def test_an_open_run_waits_for_its_day(warehouse: Warehouse) -> None:
    live(warehouse, {**RUNS, 10: RUNS[60]})
    found = lived(warehouse)
    assert (found.n_open, found.next_known_at) == (1, day(-50))
    assert len(found.cutoffs) == len(RUNS)


def test_a_model_that_knew_the_outcome_proves_nothing(warehouse: Warehouse) -> None:
    live(warehouse)
    with warehouse.transaction() as tx:
        tx.execute(
            "INSERT INTO model_versions BY NAME SELECT 4 AS model_version, $now AS trained_at, 'orders' AS source, "
            "'blend' AS estimator, 'archived' AS status, 1 AS data_version, 1 AS definition_version, "
            "['x'] AS feature_names, $summary AS summary, '{}' AS artifact, '' AS sha256, '' AS trained_by",
            {"now": AS_OF, "summary": json.dumps({"known_until": day(100).isoformat()})},
        )
    found = lived(warehouse)
    assert [outcome.as_of for outcome in found.cutoffs] == [day(90), day(60)]
    assert found.n_hindsight == 2


def test_customers_whose_orders_were_corrected_away_are_not_called_churned(warehouse: Warehouse) -> None:
    live(warehouse)
    before = at(lived(warehouse), 120)
    with warehouse.transaction() as tx:
        tx.execute("DELETE FROM orders WHERE customer_id = 'warned in time'")
    after = at(lived(warehouse), 120)
    assert (before.n_gone, after.n_gone) == (0, 1)
    assert after.tiers["high"].n_churned == before.tiers["high"].n_churned - 1
    assert after.everybody.n == before.everybody.n - 1


def test_customers_imported_later_change_nothing(warehouse: Warehouse) -> None:
    live(warehouse)
    before = lived(warehouse)
    add_orders(warehouse, {"newcomer": (160, 30)})
    assert lived(warehouse).cutoffs == before.cutoffs


def test_a_judgement_survives_being_written_down(warehouse: Warehouse) -> None:
    live(warehouse)
    for outcome in lived(warehouse).cutoffs:
        assert CutoffOutcome.from_json(json.loads(json.dumps(outcome.to_json()))) == outcome


def test_without_a_model_there_is_no_replay(warehouse: Warehouse) -> None:
    found = proof(warehouse)
    assert (found.source, found.replay) == ("", None)
    assert "train one first" in found.obstacle


def test_of_daily_runs_one_a_week_is_judged(warehouse: Warehouse) -> None:
    live(warehouse)
    daily = [day(age) for age in range(150, 59, -1)]
    for as_of in daily:
        add_run(warehouse, {"stays": 0.1, "came back": 0.8}, as_of=as_of)
    found = lived(warehouse)
    last_of_week = {as_of.isocalendar()[:2]: as_of for as_of in daily}
    assert [outcome.as_of for outcome in found.cutoffs] == list(last_of_week.values())
    assert found.n_left_out == len(daily) - len(last_of_week)
