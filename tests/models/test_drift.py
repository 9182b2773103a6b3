"""Drift: planted shifts are found, none where none is, and more customers never make one larger."""

from __future__ import annotations

import json
from datetime import timedelta

import numpy as np
import pandas as pd
import pytest

from churn_core.errors import InputError, NotFound
from churn_core.models.drift import drift, newest_verdict
from churn_core.models.drift_advice import advice_on, stopped_tables
from churn_core.models.drift_sizes import (
    DISTANCE_STRONG,
    LEAST_ROWS,
    PSI_SHIFTED,
    Shift,
    category_shift,
    number_shift,
    overall,
    verdict,
)
from churn_core.models.population import describe_categories, describe_numbers, describe_population
from churn_core.models.recipe import Recipe
from churn_core.models.runs import latest_run
from churn_core.models.scoring import score_customers
from churn_core.models.training import train_model
from churn_core.warehouse import Warehouse

from .conftest import fill_snapshots, members


def _normal(seed: int, n: int, move: float = 0.0) -> np.ndarray:
    return np.random.default_rng(seed).normal(move, 1, n)


def _shift(then: np.ndarray, now: np.ndarray, *, weight: float = 0.1) -> Shift:
    return number_shift("x", describe_numbers(then), now, weight=weight)


@pytest.mark.parametrize(
    ("move", "expected"), [(0.0, "stable"), (0.15, "stable"), (0.4, "shifted"), (0.7, "strongly shifted")]
)
def test_a_planted_move_gets_its_word_and_its_size(move: float, expected: str) -> None:
    found = _shift(_normal(1, 8_000), _normal(2, 8_000, move))
    assert found.verdict == expected
    assert found.distance == pytest.approx(move, abs=0.06)
    assert found.psi == pytest.approx(move**2, rel=0.25, abs=0.015)


def test_ten_times_the_rows_get_the_same_word() -> None:
    then, now = _normal(1, 2_000), _normal(2, 600, 0.4)
    few, many = _shift(then, now), _shift(then, np.tile(now, 10))
    assert few.psi == pytest.approx(many.psi)
    assert few.distance == pytest.approx(many.distance, abs=0.01)
    assert few.verdict == many.verdict


def test_chance_alone_is_not_called_a_shift_at_the_smallest_size() -> None:
    words = [_shift(_normal(seed, 1_000), _normal(seed + 500, LEAST_ROWS)).verdict for seed in range(200)]
    assert words.count("stable") >= 0.95 * len(words)


def test_too_few_customers_are_not_judged() -> None:
    assert _shift(_normal(1, 5_000), _normal(2, LEAST_ROWS - 1, 3.0)).verdict == "too few to say"
    assert verdict(9.0, 9.0, LEAST_ROWS - 1, 10_000) == "too few to say"


def test_values_that_go_missing_count_in_full() -> None:
    then, now = _normal(1, 3_000), _normal(2, 3_000)
    now[:2_000] = np.nan
    found = _shift(then, now)
    assert found.distance == pytest.approx(0.0, abs=0.06)
    assert found.verdict == "strongly shifted"
    assert found.is_broken


def test_a_constant_that_changes_is_noticed() -> None:
    found = _shift(np.full(2_000, 5.0), np.full(2_000, 4.0))
    assert found.distance is None
    assert found.verdict == "strongly shifted"
    assert _shift(np.full(2_000, 5.0), np.full(2_000, 5.0)).psi == 0


def test_neighbouring_bins_that_swap_do_not_make_a_strong_shift() -> None:
    """Ages of a mailing to everybody: seen three days later, each stands in the next bin."""
    draw = np.random.default_rng(0)
    sent = draw.choice(np.arange(0, 900, 30.0), 4_000)
    found = _shift(np.concatenate([sent + 14, sent + 2]), sent + 27)
    assert found.psi is not None
    assert found.distance is not None
    assert found.distance < DISTANCE_STRONG
    assert found.verdict != "strongly shifted"


def test_categories_are_compared_by_their_shares() -> None:
    draw = np.random.default_rng(0)
    then = describe_categories(pd.Series(draw.choice(list("ABCD"), 3_000)))
    same = describe_categories(pd.Series(draw.choice(list("ABCD"), 3_000)))
    new = describe_categories(pd.Series(draw.choice(list("ABXY"), 3_000)))
    assert category_shift("plan", then, same, weight=0.1).verdict == "stable"
    assert category_shift("plan", then, new, weight=0.1).verdict == "strongly shifted"
    unknown = category_shift("plan", then, None, weight=0.1)
    assert unknown.psi is None
    assert unknown.verdict == "too few to say"


def test_two_thousand_categories_do_not_drift_by_chance() -> None:
    draw = np.random.default_rng(0)
    levels = [f"street {number}" for number in range(2_000)]
    then, now = (describe_categories(pd.Series(draw.choice(levels, 2_000))) for _ in range(2))
    assert category_shift("street", then, now, weight=0.1).verdict == "stable"


def test_the_whole_is_judged_by_what_the_model_rests_on() -> None:
    calm, moved = _shift(_normal(1, 3_000), _normal(2, 3_000)), _normal(2, 3_000, 1.0)
    assert overall(calm, [_shift(_normal(1, 3_000), moved, weight=0.02)]) == "stable"
    assert overall(calm, [_shift(_normal(1, 3_000), moved, weight=0.3)]) == "strongly shifted"
    assert overall(_shift(_normal(1, 3_000), _normal(2, 3_000, 0.4)), [calm]) == "shifted"


def test_the_description_is_plain_json_whatever_the_columns_hold() -> None:
    frame = pd.DataFrame(
        {"gone": [np.nan] * 4, "one": [1.0] * 4, "odd": [np.inf, 1, 2, np.nan], "text": ["a", None, "b", "a"]}
    )
    found = describe_population(frame, np.array([0.1, 0.2, 0.3, 0.4]))
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    assert found["numbers"]["gone"]["missing_share"] == 1
    assert found["numbers"]["odd"]["missing_share"] == 0.5
    assert sum(found["numbers"]["odd"]["shares"]) == pytest.approx(1)
    assert found["categories"]["text"]["names"] == ["a", "b"]


def test_a_shop_that_went_on_as_before_is_stable(trained_shop: Warehouse) -> None:
    report = drift(trained_shop)
    assert report.verdict == "stable"
    assert report.risk.verdict == "stable"
    assert report.advice == ()
    assert json.loads(json.dumps(report.to_dict(), allow_nan=False))["verdict"] == "stable"
    assert sum(shift.weight for shift in report.inputs) == pytest.approx(1, abs=0.01)


def test_the_verdict_kept_at_scoring_is_the_one_found_in_the_stored_run(trained_shop: Warehouse) -> None:
    report = drift(trained_shop)
    assert newest_verdict(trained_shop) == (report.verdict, report.reason)


def test_a_sample_takes_the_same_customers_from_memory_and_from_the_table(
    trained_copy: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("churn_core.models.drift.MOST_CUSTOMERS", 400)
    run = score_customers(trained_copy, high_from=0.6, medium_from=0.3)
    report = drift(trained_copy)
    assert report.n_looked_at == 400 < run.n_customers
    assert newest_verdict(trained_copy) == (report.verdict, report.reason)


def test_a_planted_shift_of_what_the_model_rests_on_is_reported(trained_copy: Warehouse) -> None:
    before = drift(trained_copy)
    heavy = sorted((s for s in before.inputs if s.mean_now), key=lambda s: -s.weight)[:6]
    for shift in heavy:
        _change(trained_copy, shift.name, f"x + {3 * (abs(shift.mean_now or 0.0) + 1)}")
    report = drift(trained_copy)
    assert report.verdict == "strongly shifted"
    assert {shift.name for shift in heavy} <= {s.name for s in report.inputs if s.verdict == "strongly shifted"}
    assert report.advice
    assert report.advice[-1].kind in ("retrain", "season")


def test_an_input_that_lost_its_values_points_to_the_import(trained_copy: Warehouse) -> None:
    _change(trained_copy, "n_order_days_90", "NULL")
    report = drift(trained_copy)
    assert report.verdict in ("shifted", "strongly shifted")
    assert report.advice[0].kind == "import"
    assert "missing for 100 %" in report.advice[0].why


def test_a_table_that_stopped_is_named(trained_copy: Warehouse) -> None:
    run = latest_run(trained_copy)
    assert run is not None
    assert run.as_of is not None
    assert stopped_tables(trained_copy, run.as_of, run.feature_names) == ()
    with trained_copy.transaction() as tx:
        tx.execute("DELETE FROM events WHERE event_time > $moment", {"moment": run.as_of - timedelta(days=40)})
    found = stopped_tables(trained_copy, run.as_of, run.feature_names)
    assert [entry.table for entry in found] == ["events"]
    assert found[0].days_silent >= 40


def test_activity_that_stood_alike_a_year_before_is_the_season(trained_shop: Warehouse) -> None:
    run = latest_run(trained_shop)
    assert run is not None
    assert run.as_of is not None
    then = _normal(1, 4_000)
    moved = [
        number_shift(name, describe_numbers(then), _normal(2, 4_000, 1.0), weight=0.2)
        for name in ("n_order_days_90", "spend_amount_90", "days_since_last_order")
    ]
    numbers = {shift.name: describe_numbers(then) for shift in moved}
    a_year_ago = {"cutoff": (run.as_of - timedelta(days=360)).isoformat(), "n": 100}
    alike = {"numbers": numbers, "cutoffs": [{**a_year_ago, "means": {shift.name: 1.0 for shift in moved}}]}
    unlike = {"numbers": numbers, "cutoffs": [{**a_year_ago, "means": {shift.name: 0.0 for shift in moved}}]}
    assert [advice.kind for advice in advice_on("shifted", moved, (), alike, run)] == ["season"]
    assert [advice.kind for advice in advice_on("shifted", moved, (), unlike, run)] == ["retrain"]
    unknown = advice_on("shifted", moved, (), {"numbers": numbers, "cutoffs": []}, run)
    assert "nobody can tell yet" in unknown[0].why


def test_a_table_scored_again_with_other_customers_is_compared(warehouse: Warehouse) -> None:
    fill_snapshots(warehouse, members(900))
    train_model(warehouse, recipe=Recipe(estimators=("logistic",)))
    score_customers(warehouse, high_from=0.6, medium_from=0.3)
    assert drift(warehouse).verdict == "stable"
    other = members(900, seed=8)
    other["plan"], other["tenure"] = "monthly", other["tenure"] * 5
    other["customer"] = [f"N{number}" for number in range(900)]
    fill_snapshots(warehouse, other)
    score_customers(warehouse, high_from=0.6, medium_from=0.3)
    report = drift(warehouse)
    assert report.verdict == "strongly shifted"
    assert newest_verdict(warehouse) == (report.verdict, report.reason)
    words = {shift.name: shift.verdict for shift in report.inputs}
    assert words["plan"] == words["tenure"] == "strongly shifted"
    assert words["region"] == "stable"
    assert "no later outcomes" in report.decay_note


def test_without_runs_or_records_there_is_one_sentence(warehouse: Warehouse, trained_copy: Warehouse) -> None:
    assert newest_verdict(warehouse) is None
    with pytest.raises(NotFound, match="no customer was scored"):
        drift(warehouse)
    with pytest.raises(NotFound, match="no score run 77"):
        drift(trained_copy, run_id=77)
    with trained_copy.transaction() as tx:
        tx.execute("UPDATE model_versions SET summary = json_merge_patch(summary, '{\"population\": null}')")
    with pytest.raises(InputError, match="before this check existed"):
        drift(trained_copy)


def _change(warehouse: Warehouse, name: str, expression: str) -> None:
    """Put other values of one input into the newest run."""
    run = latest_run(warehouse)
    assert run is not None
    position = run.feature_names.index(name) + 1
    with warehouse.transaction() as tx:
        tx.execute(
            f"UPDATE contributions SET feature_values = list_transform(feature_values, "
            f"lambda x, i: CASE WHEN i = {position} THEN {expression} ELSE x END) WHERE run_id = {run.run_id}"
        )


def test_thresholds_agree_where_both_sizes_measure_the_same() -> None:
    assert pytest.approx(0.25) == DISTANCE_STRONG**2
    assert pytest.approx(0.3**2, abs=0.011) == PSI_SHIFTED
