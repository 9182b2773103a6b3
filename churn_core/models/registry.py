"""Trained models as rows of ``model_versions``: stored whole as JSON text, checked by digest before use.

A model is data, never a pickle, so opening a workspace from somebody else runs nobody's code. One version is
the champion, which scores; the one before it stays as challenger, and older ones are archived.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from churn_core.errors import InputError, NotFound
from churn_core.warehouse import acting_person, utc_now

if TYPE_CHECKING:
    from churn_core.warehouse import Transaction, Warehouse


@dataclass(frozen=True, kw_only=True)
class ModelVersion:
    """A trained model as the registry knows it, without the model itself."""

    model_version: int
    trained_at: datetime
    source: str
    """orders or snapshots."""
    estimator: str
    """The estimator the backtest chose."""
    status: str
    """champion, challenger or archived."""
    data_version: int
    definition_version: int
    feature_names: tuple[str, ...]
    summary: dict[str, Any]
    """What the Model quality page shows; docs/models.md describes the keys."""


_COLUMNS = (
    "model_version, trained_at, source, estimator, status, data_version, definition_version, feature_names, summary"
)


def model_versions(warehouse: Warehouse) -> list[ModelVersion]:
    """All versions, newest first."""
    rows = warehouse.records(f"SELECT {_COLUMNS} FROM model_versions ORDER BY model_version DESC")
    return [_version(row) for row in rows]


def model_version(warehouse: Warehouse, number: int) -> ModelVersion:
    """One version; NotFound when there is none of that number."""
    rows = warehouse.records(f"SELECT {_COLUMNS} FROM model_versions WHERE model_version = $number", {"number": number})
    if not rows:
        raise NotFound(f"there is no model version {number} in this workspace; train a model first.")
    return _version(rows[0])


def champion(warehouse: Warehouse) -> ModelVersion | None:
    """The version that scores; None before the first training."""
    rows = warehouse.records(
        f"SELECT {_COLUMNS} FROM model_versions WHERE status = 'champion' ORDER BY model_version DESC LIMIT 1"
    )
    return _version(rows[0]) if rows else None


def store_model(
    tx: Transaction,
    *,
    source: str,
    estimator: str,
    data_version: int,
    definition_version: int,
    feature_names: tuple[str, ...],
    summary: dict[str, Any],
    artifact: dict[str, Any],
) -> int:
    """Keep a trained model and make it champion; its number. The champion so far becomes challenger."""
    text = json.dumps(artifact, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    number = tx.next_number("model_versions", "model_version")
    tx.execute("UPDATE model_versions SET status = 'archived' WHERE status = 'challenger'")
    tx.execute("UPDATE model_versions SET status = 'challenger' WHERE status = 'champion'")
    tx.execute(
        f"INSERT INTO model_versions ({_COLUMNS}, artifact, sha256, trained_by) VALUES ($model_version, $trained_at, "
        "$source, $estimator, 'champion', $data_version, $definition_version, $feature_names, $summary, $artifact, "
        "$sha256, $trained_by)",
        {
            "model_version": number,
            "trained_at": utc_now(),
            "source": source,
            "estimator": estimator,
            "data_version": data_version,
            "definition_version": definition_version,
            "feature_names": list(feature_names),
            "summary": json.dumps(summary, ensure_ascii=False, allow_nan=False),
            "artifact": text,
            "sha256": hashlib.sha256(text.encode()).hexdigest(),
            "trained_by": acting_person(),
        },
    )
    tx.audit("train", {"model_version": number, "source": source, "estimator": estimator})
    return number


def load_artifact(warehouse: Warehouse, number: int) -> dict[str, Any]:
    """The stored model as JSON; InputError when it is not what was stored."""
    rows = warehouse.rows(
        "SELECT artifact, sha256 FROM model_versions WHERE model_version = $number", {"number": number}
    )
    if not rows:
        raise NotFound(f"there is no model version {number} in this workspace; train a model first.")
    text, digest = rows[0]
    if hashlib.sha256(text.encode()).hexdigest() != digest:
        raise InputError(
            f"model version {number} was changed after it was trained (its digest differs) and is not used; "
            "train a new model."
        )
    artifact: dict[str, Any] = json.loads(text)
    return artifact


def _version(row: dict[str, Any]) -> ModelVersion:
    return ModelVersion(
        **{
            **row,
            "feature_names": tuple(row["feature_names"]),
            "summary": json.loads(row["summary"]),
        }
    )
