"""What a model learned by heart, and rows unlike those it learned from."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from churn_core.models.overfit import open_row, outside, overfit_row, rows_from_json, rows_to_json
from churn_core.models.registry import champion
from churn_core.warehouse import Warehouse

N = 1_500


def _rows(seed: int, n: int = N) -> tuple[pd.DataFrame, np.ndarray]:
    draw = np.random.default_rng(seed)
    frame = pd.DataFrame(draw.normal(size=(n, 5)), columns=list("abcde"))
    return frame, draw.random(n) < 1 / (1 + np.exp(-frame["a"]))


def test_a_model_that_remembers_its_rows_shows_a_large_gap() -> None:
    (train, left), (later, gone) = _rows(1), _rows(2)
    remembered = np.where(left, 2.0, -2.0)
    found = overfit_row("2025-01-01", [(train, left, remembered)], (later, gone, later["a"].to_numpy()), seed=0)
    assert found.train is not None
    assert found.train.auc == 1
    assert found.auc_gap == pytest.approx(1 - found.judged.auc)  # type: ignore[union-attr]
    assert found.gap_verdict == "large"


def test_a_model_that_learned_the_rule_shows_none() -> None:
    (train, left), (later, gone) = _rows(1), _rows(2)
    found = overfit_row(
        "2025-01-01", [(train, left, train["a"].to_numpy())], (later, gone, later["a"].to_numpy()), seed=0
    )
    assert found.gap_verdict == "small"
    assert found.train is not None
    assert found.judged is not None
    assert found.train.log_loss == pytest.approx(found.judged.log_loss, abs=0.05)


def test_the_season_plays_no_part_in_the_log_loss() -> None:
    (train, left), (later, gone) = _rows(1), _rows(2)
    answers = later["a"].to_numpy()
    right = overfit_row("x", [(train, left, train["a"].to_numpy())], (later, gone, answers), seed=0)
    off = overfit_row("x", [(train, left, train["a"].to_numpy())], (later, gone, answers + 1.5), seed=0)
    assert off.judged == right.judged


def test_rows_of_the_same_kind_are_as_unusual_as_expected_and_others_are_not() -> None:
    same = [np.divide(*outside(_rows(seed)[0], _rows(seed + 50)[0], seed=seed)) for seed in range(6)]
    assert 0.005 < np.mean(same) < 0.02
    far, _ = _rows(3)
    assert open_row("now", _rows(1)[0], far + 4.0, seed=0).outside_verdict == "far outside"
    assert open_row("now", _rows(1)[0], far, seed=0).outside_verdict == "usual"


def test_few_rows_are_not_judged() -> None:
    found = open_row("now", _rows(1)[0], _rows(2, 50)[0] + 4.0, seed=0)
    assert found.outside_verdict == "too few to say"
    assert found.gap_verdict == "outcome open"
    assert found.auc_gap is None


def test_training_keeps_a_row_per_judged_cutoff_and_one_for_now(trained_shop: Warehouse) -> None:
    version = champion(trained_shop)
    assert version is not None
    rows = rows_from_json(version.summary["guard"]["overfit"])
    judged = [period["cutoff"][:10] for period in version.summary["periods"]]
    assert [row.where for row in rows] == [*judged, "now"]
    assert all(row.train and row.train.auc > 0.6 for row in rows[:-1])
    assert rows_to_json(rows) == version.summary["guard"]["overfit"]
