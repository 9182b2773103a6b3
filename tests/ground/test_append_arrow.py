"""Loading Arrow tables in many parts of one transaction."""

from __future__ import annotations

import pyarrow as pa
import pytest

from churn_core.warehouse import Warehouse


def test_rows_are_matched_by_name_and_missing_columns_stay_empty(warehouse: Warehouse) -> None:
    with warehouse.transaction() as tx:
        n_rows = tx.append_arrow("segments", pa.table({"name": ["loyal", "new"], "segment_id": [1, 2]}))
    assert n_rows == 2
    assert warehouse.rows("SELECT segment_id, name, meaning FROM segments ORDER BY 1") == [
        (1, "loyal", None),
        (2, "new", None),
    ]


def test_an_unknown_column_is_refused(warehouse: Warehouse) -> None:
    with pytest.raises(KeyError, match="no column 'colour'"), warehouse.transaction() as tx:
        tx.append_arrow("segments", pa.table({"colour": ["red"]}))


def test_memory_is_not_kept_until_the_transaction_ends(warehouse: Warehouse) -> None:
    before = pa.total_allocated_bytes()
    with warehouse.transaction() as tx:
        for part in range(5):
            tx.append_arrow("segments", pa.table({"segment_id": range(part * 50_000, (part + 1) * 50_000)}))
        assert pa.total_allocated_bytes() < before + 1_000_000
    assert warehouse.n_rows("segments") == 250_000
