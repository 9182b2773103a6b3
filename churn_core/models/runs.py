"""Score runs as they stand in the warehouse: who was scored when, with what."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from churn_core.warehouse import Transaction, Warehouse


@dataclass(frozen=True, kw_only=True)
class ScoreRun:
    """One scoring of all eligible customers."""

    run_id: int
    scored_at: datetime
    as_of: datetime | None
    """Cutoff: nothing from here on was seen; None for tables without time."""
    source: str
    """orders or snapshots."""
    model_version: int
    data_version: int
    definition_version: int
    n_customers: int
    base_log_odds: float
    """Where every force plot starts: the calibrated log-odds before anything is known about a customer."""
    feature_names: tuple[str, ...]
    """Order of the values and contributions of each customer."""
    summary: dict[str, Any]
    """tiers {tier: n}, thresholds, usual {feature: [p25, p75]}, churn_rate of training, notes; standard_error of each
    feature's contributions where they are sampled, None where they are exact."""


def latest_run(warehouse: Warehouse | Transaction) -> ScoreRun | None:
    """The newest score run; None before the first."""
    runs = score_runs(warehouse, limit=1)
    return runs[0] if runs else None


def score_runs(warehouse: Warehouse | Transaction, limit: int = 100) -> list[ScoreRun]:
    """Score runs, newest first."""
    rows = warehouse.records("SELECT * FROM score_runs ORDER BY run_id DESC LIMIT $limit", {"limit": limit})
    return [
        ScoreRun(
            **{**row, "feature_names": tuple(row["feature_names"]), "summary": json.loads(row["summary"])},
        )
        for row in rows
    ]
