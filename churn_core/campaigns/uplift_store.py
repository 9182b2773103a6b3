"""Uplift models as they are kept: what each learnt from which campaign, and which one lists show."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from churn_core.campaigns.uplift_data import CampaignMoney, CampaignTrial, money_from_json
from churn_core.campaigns.uplift_learners import UpliftModel
from churn_core.errors import InputError, NotFound
from churn_core.warehouse import utc_now

if TYPE_CHECKING:
    from collections.abc import Mapping

    from churn_core.warehouse import Transaction, Warehouse


@dataclass(frozen=True, kw_only=True)
class StoredUplift:
    """An uplift model with what it showed out of fold."""

    uplift_version: int
    made_at: datetime
    campaign_id: str
    arm: str
    learner: str
    is_active: bool
    study: Mapping[str, Any]
    """The study as plain JSON, see :class:`churn_core.campaigns.uplift_study.UpliftStudy`."""
    money: CampaignMoney
    n_assigned: int
    n_incomplete: int
    n_unseen: int
    silent_days: tuple[float, float]
    """Fewest and most days since the last order among its customers; others are not valued."""

    @property
    def has_evidence(self) -> bool:
        """Whether its campaign showed that customers differ in their response."""
        return bool(self.study["has_evidence"])


def insert_uplift(
    tx: Transaction,
    *,
    campaign_id: str,
    arm: str,
    model: UpliftModel,
    summary: Mapping[str, Any],
    is_active: bool,
) -> int:
    """Keep a model; an active one takes the place of the one before. Its number."""
    number = tx.next_number("uplift_models", "uplift_version")
    artifact = json.dumps(model.to_json(), allow_nan=False)
    if is_active:
        tx.execute("UPDATE uplift_models SET is_active = false WHERE is_active")
    tx.execute(
        "INSERT INTO uplift_models (uplift_version, made_at, campaign_id, arm, learner, summary, artifact, sha256, "
        "is_active) VALUES ($number, $now, $campaign_id, $arm, $learner, $summary, $artifact, $sha256, $is_active)",
        {
            "number": number,
            "now": utc_now(),
            "campaign_id": campaign_id,
            "arm": arm,
            "learner": model.learner,
            "summary": json.dumps(summary, allow_nan=False),
            "artifact": artifact,
            "sha256": hashlib.sha256(artifact.encode()).hexdigest(),
            "is_active": is_active,
        },
    )
    return number


def uplift_models(warehouse: Warehouse) -> tuple[StoredUplift, ...]:
    """All uplift models, the newest first."""
    rows = warehouse.records(f"{_COLUMNS} ORDER BY uplift_version DESC")
    return tuple(_stored(row) for row in rows)


def active_uplift(warehouse: Warehouse | Transaction) -> StoredUplift | None:
    """The model whose answers lists show; None when there is none."""
    rows = warehouse.records(f"{_COLUMNS} WHERE is_active ORDER BY uplift_version DESC")
    return _stored(rows[0]) if rows else None


def load_uplift(warehouse: Warehouse, number: int) -> UpliftModel:
    """The fitted model; InputError when it was changed after learning."""
    rows = warehouse.rows(
        "SELECT artifact, sha256 FROM uplift_models WHERE uplift_version = $number", {"number": number}
    )
    if not rows:
        raise NotFound(f"there is no uplift model {number} in this workspace; learn one from a finished campaign.")
    artifact, digest = rows[0]
    if hashlib.sha256(artifact.encode()).hexdigest() != digest:
        raise InputError(f"uplift model {number} was changed after it was learnt; learn it again.")
    return UpliftModel.from_json(json.loads(artifact))


_COLUMNS = "SELECT uplift_version, made_at, campaign_id, arm, learner, summary, is_active FROM uplift_models"


def summary_of(study: Mapping[str, Any], rows: CampaignTrial) -> dict[str, Any]:
    """What is kept beside a model."""
    return {
        "study": study,
        "money": asdict(rows.money),
        "n_assigned": rows.n_assigned,
        "n_incomplete": rows.n_incomplete,
        "n_unseen": rows.n_unseen,
        "silent_days": list(rows.silent_days),
    }


def _stored(row: Mapping[str, Any]) -> StoredUplift:
    values = dict(row)
    summary = json.loads(values.pop("summary"))
    kept = {"money": money_from_json(summary["money"]), "silent_days": tuple(summary["silent_days"])}
    return StoredUplift(**values, **{**summary, **kept})
