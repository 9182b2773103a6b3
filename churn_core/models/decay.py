"""Whether scores held what training promised: runs whose outcome is known by now, against the judgement in training."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from churn_core.errors import NotEnoughData
from churn_core.features.gaps import known_until
from churn_core.features.labels import build_labels
from churn_core.models.evaluation import Metric, evaluate
from churn_core.models.runs import ScoreRun, score_runs
from churn_core.timeline import ChurnDefinition

if TYPE_CHECKING:
    from churn_core.warehouse import Warehouse

MOST_CUSTOMERS = 20_000
"""Customers of a run that are judged; the same ones for every run."""
MOST_RUNS = 24
"""Runs that are judged, the newest."""
LEAST_OF_EACH = 30
"""Customers of either outcome that a judgement needs."""
LOST_FROM = 0.03
"""AUC below what training promised from which a model is said to have lost its touch; its interval must agree."""

AS_PROMISED, WORSE, OPEN = "as promised", "worse than promised", "too few to say"


@dataclass(frozen=True, kw_only=True)
class Decay:
    """One run, now that what became of its customers is known."""

    run_id: int
    model_version: int
    as_of: datetime
    n: int
    """Customers judged."""
    churn_rate: float
    mean_risk: float
    auc: Metric | None
    """With its 95 % interval; None when too few of one outcome."""
    log_loss: Metric | None
    promised_auc: float | None
    """AUC at the cutoffs judged in training; None for a version that could not be judged."""
    promised_log_loss: float | None

    @property
    def verdict(self) -> str:
        """as promised, worse than promised or too few to say."""
        if self.auc is None or self.promised_auc is None:
            return OPEN
        lost = self.promised_auc - self.auc.value
        return WORSE if lost >= LOST_FROM and self.auc.high < self.promised_auc else AS_PROMISED

    def to_dict(self) -> dict[str, Any]:
        """As plain JSON."""
        return {**asdict(self), "as_of": self.as_of.isoformat(), "verdict": self.verdict}


def decay_of_runs(warehouse: Warehouse, source: str) -> tuple[tuple[Decay, ...], str]:
    """Every run of an order history whose outcome is known, oldest first, and what they say together."""
    if source != "orders":
        return (), "A table without time brings no later outcomes, so its scores cannot be judged afterwards."
    end = known_until(warehouse)
    runs = [run for run in score_runs(warehouse) if run.source == source and run.as_of is not None]
    definitions = _definitions(warehouse)
    mature, due = [], []
    for run in runs[:MOST_RUNS]:
        definition = definitions.get(run.definition_version)
        if definition is None or run.as_of is None or end is None:
            continue
        known_at = definition.outcome_known_at(run.as_of)
        if known_at <= end:
            mature.append((run, definition))
        else:
            due.append(known_at)
    promised = _promised(warehouse)
    found = tuple(_judged(warehouse, run, definition, promised) for run, definition in reversed(mature))
    return found, _note(found, min(due, default=None))


def _judged(
    warehouse: Warehouse, run: ScoreRun, definition: ChurnDefinition, promised: dict[int, tuple[float, float]]
) -> Decay:
    assert run.as_of is not None
    scored = warehouse.frame(
        "SELECT customer_id, risk FROM scores WHERE run_id = $run ORDER BY md5(customer_id), customer_id LIMIT $n_most",
        {"run": run.run_id, "n_most": MOST_CUSTOMERS},
    ).set_index("customer_id")
    churned = build_labels(warehouse, run.as_of, definition, scored)["churned"].to_numpy(dtype=bool)
    risk = scored["risk"].to_numpy()
    found = None
    if min(churned.sum(), (~churned).sum()) >= LEAST_OF_EACH:
        try:
            found = evaluate(churned, risk)
        except NotEnoughData:
            found = None
    auc, loss = promised.get(run.model_version, (None, None))
    return Decay(
        run_id=run.run_id,
        model_version=run.model_version,
        as_of=run.as_of,
        n=len(risk),
        churn_rate=float(churned.mean()),
        mean_risk=float(risk.mean()),
        auc=found.auc if found else None,
        log_loss=found.log_loss if found else None,
        promised_auc=auc,
        promised_log_loss=loss,
    )


def _promised(warehouse: Warehouse) -> dict[int, tuple[float, float]]:
    rows = warehouse.rows(
        "SELECT model_version, CAST(json_extract(summary, '$.evaluation.auc.value') AS DOUBLE), "
        "CAST(json_extract(summary, '$.evaluation.log_loss.value') AS DOUBLE) FROM model_versions"
    )
    return {number: (auc, loss) for number, auc, loss in rows if auc is not None}


def _definitions(warehouse: Warehouse) -> dict[int, ChurnDefinition]:
    rows = warehouse.records("SELECT horizon_days, activity_days, lead_days, version FROM churn_definitions")
    return {row["version"]: ChurnDefinition(**row) for row in rows}


def _note(found: tuple[Decay, ...], due: datetime | None) -> str:
    if not found:
        when = f"the first one is known on {due:%-d %b %Y}" if due else "nothing was scored yet"
        return f"No run can be judged yet, because its horizon has not passed: {when}."
    worse = [entry for entry in found if entry.verdict == WORSE]
    if not worse:
        return f"{len(found)} {'run' if len(found) == 1 else 'runs'} with a known outcome; none is worse than promised."
    last = found[-1].verdict == WORSE
    return (
        f"{len(worse)} of {len(found)} runs with a known outcome ranked worse than training promised"
        f"{', the latest one among them: train again' if last else ', but not the latest one'}."
    )
