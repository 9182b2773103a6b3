"""The past played again: at each past cutoff the model is fitted with what was known then and everybody is scored.

It answers what a shop wants to know on the first day - would the warnings have been right and early? - without waiting
for a horizon to pass. Nothing of it stands in ``scores``: the scores are supposed, judged by the same SQL as lived
ones, and only the judgement is kept.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from math import ceil
from typing import TYPE_CHECKING, Any

import numpy as np

from churn_core.errors import InputError, NotEnoughData, NotFound
from churn_core.features.definition import STEP_DAYS, first_cutoff, known_until
from churn_core.jobs import Progress, no_progress, part
from churn_core.models.judging import ScoredAt, first_warnings, judge_cutoff, lead_times, look_up
from churn_core.models.outcomes import CutoffOutcome, LeadTimes, Outcome
from churn_core.models.registry import ModelVersion, champion
from churn_core.models.replay_scores import MOST_CUSTOMERS, N_CUTOFFS, Scored, replayed_scores
from churn_core.warehouse import utc_now

if TYPE_CHECKING:
    from churn_core.timeline import ChurnDefinition
    from churn_core.warehouse import Transaction, Warehouse

__all__ = ["MOST_CUSTOMERS", "Replay", "latest_replay", "replay", "replayable", "replayed_scores", "too_short"]

MOST_CUTOFFS = 12


@dataclass(frozen=True, kw_only=True)
class Replay:
    """What a replay found."""

    replay_id: int
    made_at: datetime
    model_version: int
    """Model whose estimator and recipe were fitted again at each cutoff."""
    data_version: int
    definition_version: int
    estimator: str
    tiers_by: str
    """The rule of the tiers in words; it is today's, also at past cutoffs."""
    n_customers: int | None
    """Customers scored at each cutoff where only a sample was; None when it was everybody."""
    cutoffs: tuple[CutoffOutcome, ...]
    """Oldest first."""
    warned: Outcome
    """Customers in the high tier at any cutoff, each judged at the first."""
    warned_late: Outcome
    """Of these, who had been silent for longer than the horizon by then."""
    leads: LeadTimes | None
    """None when the cutoffs do not reach over a horizon, or nobody left in that time."""


def replay(
    warehouse: Warehouse,
    *,
    high_from: float,
    medium_from: float,
    tiers_by: str,
    retier: Callable[[Transaction, int], object] | None = None,
    n_cutoffs: int | None = None,
    most_customers: int = MOST_CUSTOMERS,
    until: datetime | None = None,
    seed: int = 42,
    progress: Progress = no_progress,
) -> Replay:
    """Score past cutoffs as if on that day, every 30 days, judge them and keep the judgement.

    At most ``n_cutoffs`` cutoffs whose outcome was known at ``until`` (default: the end of the data; and as many
    cutoffs as reach over a horizon, 6 to 12). Tiers follow from the two risks, or from ``retier``, which draws the
    tiers of rows of ``scores`` anew by their run number. NotFound without a model, InputError for a labelled table,
    NotEnoughData when the history is too short.
    """
    data_version = warehouse.data_version
    version, definition = replayable(warehouse)
    scored = replayed_scores(
        warehouse,
        version,
        definition,
        n_cutoffs=n_cutoffs or usual_cutoffs(definition),
        most_customers=most_customers,
        until=until,
        seed=seed,
        progress=part(progress, 0.0, 0.9),
    )
    margin = float(warehouse.setting("margin_rate", 1.0))
    asked = [
        ScoredAt(run_id=-number, as_of=entry.cutoff, definition=definition) for number, entry in enumerate(scored, 1)
    ]
    with warehouse.supposed() as tx:
        for at, entry in zip(asked, scored, strict=True):
            progress(0.9, f"tiers as of {at.as_of:%-d %b %Y}")
            _suppose(tx, at, entry, high_from, medium_from)
            if retier is not None:
                retier(tx, at.run_id)
        progress(0.93, "what became of everybody")
        look_up(tx, asked)
        judged = [
            judge_cutoff(
                tx,
                at,
                kind="replayed",
                model_version=version.model_version,
                estimator=entry.estimator,
                margin_rate=margin,
            )
            for at, entry in zip(asked, scored, strict=True)
        ]
        progress(0.97, "how early the warnings were")
        warned, late = first_warnings(tx, asked), first_warnings(tx, asked, only_late=True)
        leads = lead_times(tx, asked, before_days=STEP_DAYS)
    n_most = max(len(entry.table) for entry in scored)
    made = Replay(
        replay_id=0,
        made_at=utc_now(),
        model_version=version.model_version,
        data_version=data_version,
        definition_version=definition.version,
        estimator=version.estimator,
        tiers_by=tiers_by,
        n_customers=n_most if n_most == most_customers else None,
        cutoffs=tuple(replace(outcome, run_id=None) for outcome in judged),
        warned=warned,
        warned_late=late,
        leads=leads,
    )
    progress(0.99, "keeping the result")
    return _store(warehouse, made)


def replayable(warehouse: Warehouse) -> tuple[ModelVersion, ChurnDefinition]:
    """The model that would be replayed and its definition.

    NotFound without a model, InputError for a labelled table, NotEnoughData when the history is too short.
    """
    version = champion(warehouse)
    if version is None:
        raise NotFound("there is no model yet; train one first.")
    definition = version.learned
    if definition is None:
        raise InputError(
            "a labelled table says who left once and holds no later outcome, so there is no past to replay; "
            "Model quality shows how its held-out rows were judged."
        )
    short = too_short(warehouse, definition)
    if short:
        raise NotEnoughData(short)
    return version, definition


def too_short(warehouse: Warehouse, definition: ChurnDefinition) -> str:
    """Why the history is too short for a replay and when it will do, in one sentence; empty when it does."""
    first, end = first_cutoff(warehouse, definition), known_until(warehouse)
    if first is None or end is None:
        return "there are no orders yet; import an order history first."
    rounds = definition.span_days + STEP_DAYS * ceil(definition.span_days / STEP_DAYS)
    possible = first + timedelta(days=rounds)
    if end >= possible:
        return ""
    return (
        f"a replay needs a past day whose outcome is known and an earlier one to learn from, each followed by "
        f"{definition.span_days} days; the orders reach until {end - timedelta(days=1):%-d %b %Y}, and it will be "
        f"possible once they reach until {possible - timedelta(days=1):%-d %b %Y}."
    )


def usual_cutoffs(definition: ChurnDefinition) -> int:
    """Cutoffs every 30 days that reach over more than a horizon, so that departures can be followed; 6 to 12.

    >>> from churn_core.timeline import ChurnDefinition
    >>> [usual_cutoffs(ChurnDefinition(horizon_days=days)) for days in (30, 90, 180, 365)]
    [6, 6, 9, 12]
    """
    return min(max(N_CUTOFFS, ceil(definition.horizon_days / STEP_DAYS) + 3), MOST_CUTOFFS)


def _suppose(tx: Transaction, at: ScoredAt, entry: Scored, high_from: float, medium_from: float) -> None:
    """Put replayed scores among the others, as far as this transaction goes."""
    import pyarrow as pa

    risk = entry.table["risk"].to_numpy()
    tier = np.where(risk >= high_from, "high", np.where(risk >= medium_from, "medium", "low"))
    numbered = entry.table.append_column("run_id", pa.array(np.full(len(risk), at.run_id, dtype=np.int32)))
    tx.append("scores", numbered.append_column("tier", pa.array(tier.astype(object), pa.string())))


def latest_replay(warehouse: Warehouse) -> Replay | None:
    """The replay made last; None before the first."""
    rows = warehouse.records("SELECT * FROM replays ORDER BY replay_id DESC LIMIT 1")
    return _replay(rows[0]) if rows else None


def _store(warehouse: Warehouse, made: Replay) -> Replay:
    with warehouse.transaction() as tx:
        number = tx.next_number("replays", "replay_id")
        tx.execute(
            "INSERT INTO replays (replay_id, made_at, as_of, model_version, data_version, definition_version, result) "
            "VALUES ($replay_id, $made_at, $as_of, $model_version, $data_version, $definition_version, $result)",
            {
                "replay_id": number,
                "made_at": made.made_at,
                "as_of": made.cutoffs[-1].as_of,
                "model_version": made.model_version,
                "data_version": made.data_version,
                "definition_version": made.definition_version,
                "result": json.dumps(_result(made), ensure_ascii=False, allow_nan=False),
            },
        )
        tx.audit("replay", {"replay_id": number, "model_version": made.model_version, "n_cutoffs": len(made.cutoffs)})
    return replace(made, replay_id=number)


def _result(made: Replay) -> dict[str, Any]:
    return {
        "estimator": made.estimator,
        "tiers_by": made.tiers_by,
        "n_customers": made.n_customers,
        "cutoffs": [outcome.to_json() for outcome in made.cutoffs],
        "warned": asdict(made.warned),
        "warned_late": asdict(made.warned_late),
        "leads": made.leads.to_json() if made.leads else None,
    }


def _replay(row: Mapping[str, Any]) -> Replay:
    stored = json.loads(row["result"])
    return Replay(
        **{name: row[name] for name in ("replay_id", "made_at", "model_version", "data_version", "definition_version")},
        estimator=stored["estimator"],
        tiers_by=stored["tiers_by"],
        n_customers=stored["n_customers"],
        cutoffs=tuple(CutoffOutcome.from_json(outcome) for outcome in stored["cutoffs"]),
        warned=Outcome(**stored["warned"]),
        warned_late=Outcome(**stored.get("warned_late", {})),
        leads=LeadTimes.from_json(stored["leads"]) if stored["leads"] else None,
    )
