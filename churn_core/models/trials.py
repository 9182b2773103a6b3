"""What was tried before training, kept: which kind of trial, on which data, with what result."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from churn_core.errors import InputError
from churn_core.warehouse import utc_now

if TYPE_CHECKING:
    from churn_core.state import WorkspaceState
    from churn_core.warehouse import Warehouse

KINDS = ("preparation", "search")


@dataclass(frozen=True, kw_only=True)
class Trial:
    """One trial as it was stored."""

    trial_id: int
    made_at: datetime
    kind: str
    """preparation or search."""
    source: str
    """orders or snapshots."""
    data_version: int
    definition_version: int
    """Churn definition it was about; 0 for a labelled table."""
    result: Mapping[str, Any]

    def is_stale(self, state: WorkspaceState) -> bool:
        """Whether the data or the churn definition has changed since."""
        redefined = self.source == "orders" and self.definition_version != state.definition_version
        return redefined or self.data_version != state.data_version


def store_trial(
    warehouse: Warehouse,
    *,
    kind: str,
    source: str,
    data_version: int,
    definition_version: int,
    result: Mapping[str, Any],
) -> int:
    """Keep a trial and note it in the log, both or neither; its number."""
    if kind not in KINDS:
        raise InputError(f"{kind!r} is no kind of trial; choose one of {', '.join(KINDS)}.")
    with warehouse.transaction() as tx:
        number = tx.next_number("trials", "trial_id")
        tx.execute(
            "INSERT INTO trials (trial_id, made_at, kind, source, data_version, definition_version, result) VALUES "
            "($trial_id, $made_at, $kind, $source, $data_version, $definition_version, $result)",
            {
                "trial_id": number,
                "made_at": utc_now(),
                "kind": kind,
                "source": source,
                "data_version": data_version,
                "definition_version": definition_version,
                "result": json.dumps(result, ensure_ascii=False, allow_nan=False),
            },
        )
        tx.audit("trial", {"trial_id": number, "kind": kind, "source": source})
    return number


def latest_trial(warehouse: Warehouse, kind: str, *, source: str | None = None) -> Trial | None:
    """The newest trial of a kind (about a source, when asked); None before the first."""
    rows = warehouse.records(
        "SELECT trial_id, made_at, kind, source, data_version, definition_version, result FROM trials "
        "WHERE kind = $kind AND ($source IS NULL OR source = $source) ORDER BY trial_id DESC LIMIT 1",
        {"kind": kind, "source": source},
    )
    return Trial(**{**rows[0], "result": json.loads(rows[0]["result"])}) if rows else None
