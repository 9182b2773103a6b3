"""The level of values on public data before Christmas: the total, the order of the tenths and the errors."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest

from benchmarks.value import judged_at
from churn_core.intake.formats import open_source
from churn_core.intake.load import import_file
from churn_core.intake.mapping import propose_mapping
from churn_core.models.worth_check import HoldOut
from churn_core.warehouse import Warehouse

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def before_christmas(real_data: Path, tmp_path_factory: pytest.TempPathFactory) -> HoldOut:
    warehouse = Warehouse.open(None, folder=tmp_path_factory.mktemp("retail"))
    source = open_source(real_data / "online_retail_II.parquet")
    import_file(warehouse, source, propose_mapping(source).mapping)
    return judged_at(warehouse, datetime(2011, 9, 11))


def test_online_retail_before_christmas(before_christmas: HoldOut) -> None:
    found = before_christmas
    assert found.n_customers == 5281
    assert found.is_net
    assert found.ratio == pytest.approx(1.0, abs=0.15)
    assert found.decile_correlation is not None
    assert found.decile_correlation >= 0.95
    assert found.mae < found.mae_same
    assert found.mae < found.mae_rhythm
    # One order of 168,470 was cancelled within minutes.
    assert found.actual_gross is not None
    assert found.actual_gross - found.actual > 168_469


def test_the_typical_amount_is_nearer_than_both_simple_answers(before_christmas: HoldOut) -> None:
    found = before_christmas
    assert found.mae_typical is not None
    assert found.mae_typical < min(found.mae_same, found.mae_rhythm)
    assert found.typical_gain_rhythm is not None
    assert found.typical_gain_rhythm[0] > 0
