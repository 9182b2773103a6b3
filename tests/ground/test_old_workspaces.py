"""A workspace written by the first released schema opens, keeps what is in it, and can be worked with."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from pathlib import Path

import pytest

from churn_core import schema
from churn_core.campaigns.alerting import renew_alerts
from churn_core.customers.alert_policy import AlertPolicy, save_alert_policy
from churn_core.customers.alert_work import take
from churn_core.customers.alerts import alerts
from churn_core.customers.segments import segments
from churn_core.customers.tiers import active_policy
from churn_core.features.definition import active_definition, known_until, months
from churn_core.state import workspace_state
from churn_core.warehouse import Warehouse, migrations

FIRST_RELEASE = Path(__file__).parent / "files" / "first_release.duckdb.gz"


@pytest.fixture
def old(tmp_path: Path) -> Iterator[Warehouse]:
    """A workspace of the first release: 40 simulated customers with a definition, a policy and a segment."""
    path = tmp_path / "old.duckdb"
    path.write_bytes(gzip.decompress(FIRST_RELEASE.read_bytes()))
    opened = Warehouse.open(path)
    yield opened
    opened.close()


def test_it_has_every_table_of_today(old: Warehouse) -> None:
    declared = {(table.name, column) for table in schema.TABLES.values() for column in table.column_names}
    found = old.rows(
        "SELECT table_name, column_name FROM duckdb_columns() WHERE NOT internal AND table_name != 'schema_migrations'"
    )
    assert set(found) == declared
    assert [row[0] for row in old.rows("SELECT name FROM schema_migrations ORDER BY name")] == list(migrations())


def test_what_was_in_it_is_still_there(old: Warehouse) -> None:
    assert {name: old.n_rows(name) for name in ("customers", "orders", "events", "imports")} == {
        "customers": 40,
        "orders": 202,
        "events": 1699,
        "imports": 8,
    }
    definition, policy = active_definition(old), active_policy(old)
    assert definition is not None
    assert (definition.horizon_days, definition.activity_days, definition.lead_days) == (60, 120, 7)
    assert (policy.high_from, policy.medium_from, policy.version) == (0.6, 0.3, 1)
    assert [(segment.name, segment.n_members) for segment in segments(old)] == [("Kept", 5)]
    assert old.setting("currency") == "EUR"


def test_it_can_be_worked_with(old: Warehouse) -> None:
    definition = active_definition(old)
    assert definition is not None
    assert known_until(old) is not None
    assert sum(month.n_eligible for month in months(old, definition)) > 0
    with old.transaction() as tx:
        tx.execute("DELETE FROM orders WHERE order_id IN (SELECT order_id FROM orders LIMIT 2)")
        tx.bump_data_version()
    assert old.n_rows("orders") == 200
    assert workspace_state(old).data_version == 2


def test_its_alert_queue_fills_and_is_worked(old: Warehouse) -> None:
    assert alerts(old).n_all == 0
    save_alert_policy(old, AlertPolicy(top_share=1.0, recent_days=365))
    found = renew_alerts(old)
    assert found.n_new == alerts(old).n_all > 0
    take(old, alerts(old).rows[0].alert_id, "North desk")
    assert alerts(old).counts["taken"] == 1
