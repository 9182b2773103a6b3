"""Two versions side by side: the same customers, or no difference at all."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from churn_core.errors import InputError, NotFound
from churn_core.features.definition import save_definition
from churn_core.models.compare import Comparison, compare_versions, rank_correlation, why_not_comparable
from churn_core.models.model_file import add_model, model_file
from churn_core.models.present import present_risks
from churn_core.models.recipe import Recipe
from churn_core.models.registry import model_version
from churn_core.models.training import train_model
from churn_core.timeline import ChurnDefinition
from churn_core.warehouse import Warehouse

from .conftest import fill_snapshots, members

THRESHOLDS = {"high_from": 0.6, "medium_from": 0.3}


QUICK = Recipe(estimators=("logistic",))


@pytest.fixture(scope="module")
def two_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A labelled table with a logistic regression and a boosting as versions 1 and 2."""
    path = tmp_path_factory.mktemp("two") / "members.duckdb"
    opened = Warehouse.open(path)
    fill_snapshots(opened, members())
    for name in ("logistic", "lightgbm"):
        train_model(opened, recipe=Recipe(estimators=(name,)))
    opened.checkpoint()
    opened.close()
    return path


@pytest.fixture
def two(two_file: Path, tmp_path: Path) -> Iterator[Warehouse]:
    """A copy of it that the test may change."""
    opened = Warehouse.open(shutil.copy(two_file, tmp_path / "members.duckdb"))
    yield opened
    opened.close()


def compared(warehouse: Warehouse, a: int = 1, b: int = 2, **options: int) -> Comparison:
    return compare_versions(warehouse, a, b, **THRESHOLDS, **options)


def test_versions_judged_on_the_same_rows_are_set_against_each_other(two: Warehouse) -> None:
    found = compared(two)
    assert found.not_comparable == ""
    assert [pair.name for pair in found.metrics] == ["auc", "pr_auc", "log_loss", "brier", "precision_top10"]
    for pair in found.metrics:
        assert pair.a is not None
        assert pair.b is not None
        assert pair.difference is not None
        assert pair.difference.value == pytest.approx(pair.b.value - pair.a.value)
        widest = max(pair.a.high - pair.a.low, pair.b.high - pair.b.low)
        assert pair.difference.high - pair.difference.low > widest, "cautious: wider than either interval"
        assert pair.is_clear == (pair.difference.low > 0 or pair.difference.high < 0)


def test_swapping_the_versions_swaps_the_signs(two: Warehouse) -> None:
    there, back = compared(two), compared(two, 2, 1)
    assert there.present is not None
    assert back.present is not None
    for one, other in zip(there.metrics, back.metrics, strict=True):
        assert one.difference is not None
        assert other.difference is not None
        assert one.difference.value == pytest.approx(-other.difference.value)
    assert np.array(there.present.tiers).T.tolist() == np.array(back.present.tiers).tolist()
    assert there.present.rank_correlation == pytest.approx(back.present.rank_correlation)


def test_the_present_customers_are_counted_tier_by_tier(two: Warehouse) -> None:
    present = compared(two).present
    assert present is not None
    assert not present.is_sample
    first, second = (present_risks(two, model_version(two, number)) for number in (1, 2))
    tier = lambda risks: np.where(risks >= 0.6, 0, np.where(risks >= 0.3, 1, 2))  # noqa: E731
    for row in range(3):
        for column in range(3):
            n = int(((tier(first) == row) & (tier(second.loc[first.index]) == column)).sum())
            assert present.tiers[row][column] == n
    assert present.n == 600
    assert present.n_changed == int((tier(first) != tier(second.loc[first.index])).sum()) > 0
    ranks = first.rank().corr(second.loc[first.index].rank())
    assert present.rank_correlation == pytest.approx(ranks)
    assert 0.5 < ranks < 1


def test_customers_come_page_by_page_the_largest_change_first(two: Warehouse) -> None:
    present = compared(two).present
    assert present is not None
    everybody = [*present.changes(0, 250), *present.changes(250, 250), *present.changes(500, 250)]
    sizes = [abs(row["change"]) for row in everybody]
    assert sizes == sorted(sizes, reverse=True)
    assert {row["customer_id"] for row in everybody} == set(members()["customer"])
    assert everybody[0]["change"] == pytest.approx(everybody[0]["risk_b"] - everybody[0]["risk_a"])


def test_many_customers_are_compared_on_the_same_sample(two: Warehouse) -> None:
    found = compared(two, n_most=100).present
    assert found is not None
    assert found.is_sample
    assert found.n <= 100
    again = compared(two, n_most=100).present
    assert again is not None
    assert list(found.customer_ids) == list(again.customer_ids)


def test_a_version_against_its_equal_differs_nowhere(two: Warehouse) -> None:
    train_model(two, recipe=Recipe(estimators=("lightgbm",)))
    found = compared(two, 2, 3)
    assert found.present is not None
    assert found.present.rank_correlation == pytest.approx(1.0)
    assert found.present.n_changed == 0
    assert all(pair.is_clear is False and pair.b_is_better is None for pair in found.metrics)


def test_other_data_is_not_compared_by_measures(two: Warehouse) -> None:
    fill_snapshots(two, members(500))
    train_model(two, recipe=QUICK)
    found = compared(two, 2, 3)
    assert "were judged on different data" in found.not_comparable
    assert all(pair.difference is None and pair.is_clear is None for pair in found.metrics)
    assert found.present is not None, "the customers of today can still be scored by both"


def test_other_definitions_are_not_compared_by_measures(trained_copy: Warehouse) -> None:
    save_definition(trained_copy, ChurnDefinition(horizon_days=60, activity_days=730))
    train_model(trained_copy, recipe=QUICK)
    found = compared(trained_copy)
    assert "different definitions of churn: 'no order within 90 days" in found.not_comparable
    assert found.present is not None
    assert found.present.rank_correlation is not None
    assert found.present.rank_correlation > 0.7


def test_versions_judged_at_other_cutoffs_say_which(trained_shop: Warehouse) -> None:
    version = model_version(trained_shop, 1)
    periods = version.summary["periods"]
    assert len(periods) > 1
    earlier = replace(version, model_version=2, summary={**version.summary, "periods": periods[:1]})
    said = why_not_comparable(version, earlier)
    assert f"judged at {len(periods)} cutoffs from {periods[0]['cutoff'][:10]} to" in said
    assert f"model 2 at the cutoff of {periods[0]['cutoff'][:10]}" in said


def test_a_version_whose_inputs_are_gone_is_said_so(two: Warehouse) -> None:
    fill_snapshots(two, members().drop(columns="calls"))
    found = compared(two)
    assert found.present is None
    assert "'calls', which the table no longer has" in found.not_present
    assert found.not_comparable == ""


def test_an_imported_version_is_judged_elsewhere(two: Warehouse, tmp_path: object) -> None:
    other = Warehouse.open(None)
    try:
        fill_snapshots(other, members(seed=5))
        train_model(other, recipe=QUICK)
        add_model(two, model_file(other, 1), "theirs.json")
    finally:
        other.close()
    assert "different workspaces" in compared(two, 1, 3).not_comparable


def test_what_cannot_be_compared_at_all(two: Warehouse) -> None:
    with pytest.raises(InputError, match="given twice"):
        compared(two, 1, 1)
    with pytest.raises(NotFound, match="no model version 8"):
        compared(two, 1, 8)


def test_rank_correlation_against_scipy() -> None:
    """Golden: scipy.stats.spearmanr on values with ties."""
    from scipy.stats import spearmanr

    draw = np.random.default_rng(4)
    first = draw.integers(0, 20, 300).astype(float)
    second = first + draw.normal(0, 8, 300).round()
    assert rank_correlation(first, second) == pytest.approx(spearmanr(first, second).statistic, abs=1e-12)
    assert rank_correlation(first, np.ones(300)) is None
