"""Trained models as rows of ``model_versions``: stored whole as JSON text, checked by digest before use.

A model is data, never a pickle, so opening a workspace from somebody else runs nobody's code. One version is
the champion, which scores; the one before it stays as challenger, and older ones are archived. Who becomes what is
decided in ``promotion``.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from churn_core.errors import InputError, NotFound
from churn_core.timeline import ChurnDefinition
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
    sha256: str
    """Digest of all that scoring depends on, checked before the model is used."""
    trained_by: str
    """Who trained it; empty where that was not kept."""

    @property
    def learned(self) -> ChurnDefinition | None:
        """The churn definition it learned; None for a table with its own label."""
        stored = self.summary.get("definition")
        if self.source != "orders" or not stored:
            return None
        days = {name: stored.get(name) for name in ("horizon_days", "activity_days", "lead_days")}
        return ChurnDefinition(**{**days, "lead_days": days["lead_days"] or 0}, version=self.definition_version)

    def answers(self, definition: ChurnDefinition) -> bool:
        """Whether it learned this definition: the same days, whatever number they were saved under."""
        learned = self.learned
        if learned is None:
            return self.definition_version == definition.version
        return _days(learned) == _days(definition)


_COLUMNS = (
    "model_version, trained_at, source, estimator, status, data_version, definition_version, feature_names, summary, "
    "sha256, trained_by"
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


def champion(warehouse: Warehouse | Transaction) -> ModelVersion | None:
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
    tx.execute("UPDATE model_versions SET status = 'archived' WHERE status = 'challenger'")
    tx.execute("UPDATE model_versions SET status = 'challenger' WHERE status = 'champion'")
    number = insert_model(
        tx,
        {
            "trained_at": utc_now(),
            "trained_by": acting_person(),
            "source": source,
            "estimator": estimator,
            "status": "champion",
            "data_version": data_version,
            "definition_version": definition_version,
            "feature_names": list(feature_names),
            "summary": summary,
        },
        artifact_text(artifact),
    )
    tx.audit("train", {"model_version": number, "source": source, "estimator": estimator})
    return number


def insert_model(tx: Transaction, record: Mapping[str, Any], artifact: str) -> int:
    """A new row of ``model_versions`` with its digest; its number. ``record`` holds the columns of a version."""
    number = tx.next_number("model_versions", "model_version")
    tx.execute(
        f"INSERT INTO model_versions ({_COLUMNS}, artifact) VALUES ($model_version, $trained_at, $source, $estimator, "
        "$status, $data_version, $definition_version, $feature_names, $summary, $sha256, $trained_by, $artifact)",
        {
            **record,
            "model_version": number,
            "summary": json.dumps(record["summary"], ensure_ascii=False, allow_nan=False),
            "artifact": artifact,
            "sha256": digest_of(record, artifact),
        },
    )
    return number


def artifact_text(artifact: Mapping[str, Any]) -> str:
    """A fitted model as the text that is stored and digested."""
    return json.dumps(artifact, ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def stored_artifact(warehouse: Warehouse, number: int) -> str:
    """The text of a stored model; InputError when it, or what it is applied to, is not what was stored."""
    version = model_version(warehouse, number)
    text = str(
        warehouse.value("SELECT artifact FROM model_versions WHERE model_version = $number", {"number": number}) or ""
    )
    is_older = not version.sha256.startswith(_DIGEST)
    found = hashlib.sha256(text.encode()).hexdigest() if is_older else digest_of(vars(version), text)
    if found != version.sha256:
        raise InputError(
            f"model version {number} was changed after it was trained (its digest differs) and is not used; "
            "train a new model."
        )
    return text


def load_artifact(warehouse: Warehouse, number: int) -> dict[str, Any]:
    """The stored model as JSON; InputError when it is not what was stored."""
    artifact: dict[str, Any] = json.loads(stored_artifact(warehouse, number))
    return artifact


_DIGEST = "v2:"
"""How digests begin that cover more than the artifact; versions stored before have the digest of the artifact alone."""


def digest_of(record: Mapping[str, Any], artifact: str) -> str:
    """Digest of what a score depends on: the model, its inputs in order, the question and the definition it learned.

    Not of the number or the moment, so that training again on the same data gives the same digest.
    """
    covered = {
        "source": record["source"],
        "definition_version": record["definition_version"],
        "definition": record["summary"].get("definition"),
        "feature_names": list(record["feature_names"]),
        "artifact": artifact,
    }
    text = json.dumps(covered, ensure_ascii=False, allow_nan=False, sort_keys=True, separators=(",", ":"))
    return _DIGEST + hashlib.sha256(text.encode()).hexdigest()


def _days(definition: ChurnDefinition) -> tuple[int, int | None, int]:
    return definition.horizon_days, definition.activity_days, definition.lead_days


def _version(row: dict[str, Any]) -> ModelVersion:
    return ModelVersion(
        **{
            **row,
            "feature_names": tuple(row["feature_names"]),
            "summary": json.loads(row["summary"]),
            "trained_by": row["trained_by"] or "",
        }
    )
