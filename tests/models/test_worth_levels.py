"""The level of values on public data before Christmas: the total, the order of the tenths and the errors."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest

from benchmarks.value import judged_at
from churn_core.intake.formats import open_source
from churn_core.intake.load import import_file
from churn_core.intake.mapping import propose_mapping
from churn_core.warehouse import Warehouse


@pytest.mark.slow
def test_online_retail_before_christmas(real_data: Path, tmp_path: Path) -> None:
    warehouse = Warehouse.open(None, folder=tmp_path)
    source = open_source(real_data / "online_retail_II.parquet")
    import_file(warehouse, source, propose_mapping(source).mapping)
    found = judged_at(warehouse, datetime(2011, 9, 11))
    assert found.n_customers == 5281
    assert found.is_net
    assert found.ratio == pytest.approx(1.0, abs=0.15)
    assert found.decile_correlation is not None
    assert found.decile_correlation >= 0.95
    assert found.mae < found.mae_same
    # The mean error is smallest for a median, and BG/NBD says 0.64 of the total for it: docs/adr/0022.
    assert found.mae_typical is not None
    assert found.mae_typical < min(found.mae_same, found.mae_rhythm)
    assert found.typical_gain_rhythm is not None
    assert found.typical_gain_rhythm[0] > 0
    # One order of 168,470 was cancelled within minutes.
    assert found.actual_gross is not None
    assert found.actual_gross - found.actual > 168_469
