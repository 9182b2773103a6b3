"""Columns that are the label in disguise are found, honest ones are left alone."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from churn_core.intake.snapshot_frame import read_snapshot
from churn_core.models.disguise import suspicion
from churn_core.models.leakage import suspected_leaks

N = 2_000


@pytest.fixture
def churned() -> np.ndarray:
    return np.random.default_rng(0).random(N) < 0.2


def test_a_column_that_agrees_in_nearly_every_row_is_found(churned: np.ndarray) -> None:
    draw = np.random.default_rng(1)
    status = np.where(draw.random(N) < 0.97, churned, ~churned)
    for values in (status.astype(float), np.where(status, "closed", "open").astype(object)):
        assert "agrees with the outcome" in suspicion(pd.Series(values), churned)


def test_agreement_with_a_rare_outcome_is_not_had_by_saying_stayed_to_all() -> None:
    draw = np.random.default_rng(1)
    rare = draw.random(N) < 0.03
    assert suspicion(pd.Series(draw.random(N) < 0.001).astype(float), rare) == ""


def test_a_column_filled_in_for_some_of_those_who_left_is_found(churned: np.ndarray) -> None:
    draw = np.random.default_rng(2)
    reason = np.where(churned & (draw.random(N) < 0.5), draw.choice(["price", "moved"], N), None)
    assert "is filled in for" in suspicion(pd.Series(reason), churned)


def test_a_column_missing_for_one_outcome_only_is_found(churned: np.ndarray) -> None:
    draw = np.random.default_rng(3)
    plan = pd.Series(np.where(churned & (draw.random(N) < 0.4), np.nan, draw.normal(30, 5, N)))
    found = suspicion(plan, churned)
    assert "is missing for" in found
    assert "all of whom left" in found


def test_a_value_that_gives_the_outcome_away_is_found(churned: np.ndarray) -> None:
    draw = np.random.default_rng(4)
    state = np.where(churned & (draw.random(N) < 0.5), "terminated", draw.choice(["new", "usual"], N))
    assert "is terminated for" in suspicion(pd.Series(state), churned)


def test_a_number_of_the_row_in_a_file_sorted_by_outcome_is_found() -> None:
    outcome = np.arange(N) < 0.3 * N
    outcome[::9] = ~outcome[::9]
    assert "numbers the rows" in suspicion(pd.Series(np.arange(N, dtype=float)), outcome)


def test_few_customers_of_a_value_share_their_outcome_by_chance(churned: np.ndarray) -> None:
    values = np.full(N, "usual", dtype=object)
    values[np.flatnonzero(~churned)[:40]] = "rare"
    assert suspicion(pd.Series(values), churned) == ""


def test_computed_features_may_hold_a_value_nobody_survives(churned: np.ndarray) -> None:
    draw = np.random.default_rng(5)
    silent = np.where(churned & (draw.random(N) < 0.5), np.nan, draw.exponential(30, N))
    frame = pd.DataFrame({"days_since_last_cart": silent, "days since closing": silent})
    assert [leak.name for leak in suspected_leaks(frame, churned)] == ["days since closing"]


def test_strong_honest_columns_are_left_alone(churned: np.ndarray) -> None:
    draw = np.random.default_rng(6)
    assert suspicion(pd.Series(churned + draw.normal(0, 0.6, N)), churned) == ""


def test_no_column_of_the_public_tables_is_suspected(real_data: Path) -> None:
    telco = read_snapshot(
        pd.read_csv(real_data / "Telco-Customer-Churn.csv", dtype=str), label="Churn", id_column="customerID"
    )
    assert suspected_leaks(telco.frame, telco.churned) == []


def test_a_category_that_nearly_everybody_has_tells_nothing(churned: np.ndarray) -> None:
    values = np.full(N, "usual", dtype=object)
    values[:3] = "other"
    assert suspicion(pd.Series(values), churned) == ""
