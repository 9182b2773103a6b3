"""What a workspace holds right now, in one query: the versions that every cached answer depends on.

Separate from the areas that write those versions, because the frame of the app asks for all of them on
every rerun and must not pull in any of the areas to do so.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from churn_core.schema import USER_TABLES
from churn_core.warehouse import Warehouse


@dataclass(frozen=True, kw_only=True)
class WorkspaceState:
    """Versions and times of a workspace; equal states give equal answers."""

    created_at: datetime
    """When the file was made (UTC); tells a new workspace from a deleted one of the same name."""
    data_version: int
    """Changes with every import; 0 before the first."""
    imported_at: datetime | None
    """When a file was last imported (UTC)."""
    last_order_at: datetime | None
    """Newest order."""
    n_snapshots: int
    """Customers of an uploaded table with a churn label."""
    n_labelled: int
    """Of these, customers whose label is known."""
    definition_version: int
    """Active churn definition; 0 when none was saved."""
    model_version: int
    """Champion; 0 when no model was trained."""
    model_data_version: int
    """Data the champion learned from; 0 when there is none."""
    model_definition_version: int
    """Churn definition the champion learned, the newest of the same days; 0 when there is none or it learned a table's
    own label."""
    run_id: int
    """Newest score run; 0 when nothing was scored."""
    run_data_version: int
    """Data the newest score run used; 0 when there is none."""
    run_model_version: int
    """Model that made the newest score run; 0 when there is none."""
    scored_at: datetime | None
    """When customers were last scored (UTC)."""
    policy_version: int
    """Active tier policy; 0 while the default holds."""
    settings_changed_at: datetime | None
    """When a setting was last changed (UTC)."""
    last_entry: int
    """Newest line of the audit log; 0 when it is empty."""

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to score yet: no order and no labelled customer."""
        return self.last_order_at is None and self.n_snapshots == 0


_STATE = """
SELECT
    (SELECT min(applied_at) FROM schema_migrations) AS created_at,
    (SELECT coalesce(max(CAST(value AS INTEGER)), 0) FROM settings WHERE name = 'data_version') AS data_version,
    (SELECT max(imported_at) FROM imports) AS imported_at,
    (SELECT max(order_time) FROM orders) AS last_order_at,
    (SELECT count(*) FROM snapshots) AS n_snapshots,
    (SELECT count(churned) FROM snapshots) AS n_labelled,
    (SELECT coalesce(max(version), 0) FROM churn_definitions) AS definition_version,
    (SELECT coalesce(max(model_version), 0) FROM model_versions WHERE status = 'champion') AS model_version,
    (SELECT coalesce(arg_max(data_version, model_version), 0) FROM model_versions WHERE status = 'champion')
        AS model_data_version,
    (SELECT coalesce(max(same.version), max(model.definition_version), 0)
        FROM model_versions AS model
        LEFT JOIN churn_definitions AS learned ON learned.version = model.definition_version
        LEFT JOIN churn_definitions AS same
            ON same.horizon_days = learned.horizon_days
            AND same.activity_days IS NOT DISTINCT FROM learned.activity_days
            AND same.lead_days IS NOT DISTINCT FROM learned.lead_days
        WHERE model.status = 'champion' AND model.source = 'orders') AS model_definition_version,
    (SELECT coalesce(max(run_id), 0) FROM score_runs) AS run_id,
    (SELECT coalesce(arg_max(data_version, run_id), 0) FROM score_runs) AS run_data_version,
    (SELECT coalesce(arg_max(model_version, run_id), 0) FROM score_runs) AS run_model_version,
    (SELECT arg_max(scored_at, run_id) FROM score_runs) AS scored_at,
    (SELECT coalesce(max(version) FILTER (is_active), max(version), 0) FROM tier_policies) AS policy_version,
    (SELECT max(changed_at) FROM settings) AS settings_changed_at,
    (SELECT coalesce(max(entry), 0) FROM audit_log) AS last_entry
"""


def workspace_state(warehouse: Warehouse) -> WorkspaceState:
    """The state of a workspace; cheap enough to ask for on every rerun."""
    return WorkspaceState(**warehouse.records(_STATE)[0])


def table_counts(warehouse: Warehouse) -> list[tuple[str, int]]:
    """Rows in each of the user's tables that has any."""
    counts = [(table.name, warehouse.n_rows(table.name)) for table in USER_TABLES]
    return [(name, n_rows) for name, n_rows in counts if n_rows]


def recent_changes(warehouse: Warehouse, limit: int = 50) -> list[dict[str, Any]]:
    """The newest lines of the audit log: at, action, detail."""
    return warehouse.records(
        'SELECT "at", action, CAST(detail AS VARCHAR) AS detail FROM audit_log ORDER BY entry DESC LIMIT $limit',
        {"limit": limit},
    )
