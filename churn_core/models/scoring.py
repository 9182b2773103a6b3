"""Every eligible customer gets risk, value, tier and reasons; all of a run is written at once or not at all."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

import numpy as np

from churn_core.errors import InputError, NotEnoughData, NotFound
from churn_core.features.build import build_features
from churn_core.features.clock import require_steady_clock
from churn_core.features.definition import known_until
from churn_core.features.shop_habits import Habits, habits
from churn_core.intake.snapshot_frame import snapshot_to_score
from churn_core.jobs import Progress, no_progress, part
from churn_core.models.drift import drift_at_scoring
from churn_core.models.estimators import sigmoid
from churn_core.models.learned_kinds import require_kinds
from churn_core.models.meanings import improved_since
from churn_core.models.order_model import OrderModel
from churn_core.models.reasons import ReasonWriter, usual_ranges
from churn_core.models.registry import ModelVersion, champion
from churn_core.models.registry import model_version as version_of
from churn_core.models.runs import ScoreRun, latest_run, score_runs
from churn_core.models.scoring_notes import category_counts, scoring_notes
from churn_core.models.snapshot_model import SnapshotModel
from churn_core.models.training import definition_in_force, load_fitted
from churn_core.warehouse import utc_now

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa
    from numpy.typing import NDArray

    from churn_core.warehouse import Transaction, Warehouse

__all__ = ["ScoreRun", "latest_run", "score_customers", "score_runs"]

CENTRED_ON = 10_000
"""Customers that stand for the average one."""
CHUNK = 100_000
"""Customers explained at a time, which bounds the memory."""


@dataclass(frozen=True, kw_only=True)
class _Scored:
    """A run before it is stored."""

    frame: pd.DataFrame
    """Inputs of all customers, as the model takes them."""
    amount: NDArray[np.float64]
    """Expected amount if the customer stays, before the margin."""
    as_of: datetime | None
    definition_version: int
    notes: tuple[str, ...] = ()
    habits: Habits | None = None
    """How often the shop's customers ordered at that instant; None for a table."""
    tables: dict[str, list[pa.Table]] = field(
        default_factory=lambda: {"scores": [], "reasons": [], "contributions": []}
    )


def score_customers(
    warehouse: Warehouse,
    *,
    model_version: int | None = None,
    as_of: datetime | None = None,
    high_from: float,
    medium_from: float,
    retier: Callable[[Transaction, int], dict[str, int]] | None = None,
    progress: Progress = no_progress,
) -> ScoreRun:
    """Score with a model version (default: the champion) as of a cutoff (default: the end of the data).

    A customer is in the high tier from the risk ``high_from`` on, in the medium tier from ``medium_from`` on, unless
    ``retier`` draws the tiers of the run anew: it is called inside the transaction that stores the run, with the run's
    number, and returns how many customers each tier got. Rows of a labelled table are scored by the model that never
    saw them. NotFound without a model; NotEnoughData when nobody is eligible; InputError when the churn definition is
    another one than the model learned.
    """
    if not 0 < medium_from < high_from <= 1:
        raise InputError(f"high starts at {high_from:g} and medium at {medium_from:g}; choose 0 < medium < high <= 1.")
    data_version = warehouse.data_version
    version = _asked_version(warehouse, model_version)
    progress(0.0, "reading the model")
    model = load_fitted(warehouse, version.model_version)
    progress(0.02, "features of all eligible customers")
    scored = (
        _snapshot_inputs(warehouse, model)
        if isinstance(model, SnapshotModel)
        else _order_inputs(warehouse, model, version, as_of)
    )
    names = model.feature_names
    usual = usual_ranges(scored.frame)
    currency = str(warehouse.setting("currency", "") or "")
    writer = ReasonWriter(names, usual, currency=currency, known=scored.habits)
    margin = float(warehouse.setting("margin_rate", 1.0))
    variance = np.zeros(len(names))
    steps = part(progress, 0.2, 0.85)
    base, tiers, risk_sum = 0.0, {"high": 0, "medium": 0, "low": 0}, 0.0
    for start, chunk in _chunks(scored.frame):
        steps(start / len(scored.frame), f"scoring {len(scored.frame):,} customers")
        made = model.contributions(chunk)
        log_odds = made.total()
        if made.standard_error is not None:
            variance += made.standard_error**2 * len(chunk) / len(scored.frame)
        if start == 0:
            centre = _average_contributions(model, scored.frame, made.values)
            base = made.base + float(centre.sum())
            writer.learn_directions(chunk, log_odds)
        against_average = made.values - centre
        risk = sigmoid(log_odds)
        tier = np.where(risk >= high_from, "high", np.where(risk >= medium_from, "medium", "low"))
        for name in tiers:
            tiers[name] += int((tier == name).sum())
        risk_sum += float(risk.sum())
        texts = writer.write(chunk, against_average, is_high=tier == "high")
        amount = scored.amount[start : start + len(chunk)] * margin
        _keep(scored, chunk, names, against_average, log_odds, risk, tier, amount, texts)
    categories = category_counts(scored.frame)
    run = ScoreRun(
        run_id=0,
        scored_at=utc_now(),
        as_of=scored.as_of,
        source=version.source,
        model_version=version.model_version,
        data_version=data_version,
        definition_version=scored.definition_version,
        n_customers=len(scored.frame),
        base_log_odds=base,
        feature_names=names,
        summary={
            "tiers": tiers,
            "high_from": high_from,
            "medium_from": medium_from,
            "mean_risk": risk_sum / len(scored.frame),
            "usual": {name: [found.low, found.high] for name, found in usual.items()},
            "margin_rate": margin,
            "currency": currency,
            "standard_error": dict(zip(names, np.sqrt(variance).tolist(), strict=True)) if variance.any() else None,
            "categories": categories,
            "drift": drift_at_scoring(version, scored.frame, _risks(scored), categories),
            "notes": [
                *scored.notes,
                *_improved_note(version),
                *scoring_notes(scored.frame, version.summary.get("population")),
            ],
        },
    )
    return _store(warehouse, run, scored, retier, part(progress, 0.85, 1.0))


def _asked_version(warehouse: Warehouse, number: int | None) -> ModelVersion:
    if number is not None:
        return version_of(warehouse, number)
    found = champion(warehouse)
    if found is None:
        raise NotFound("there is no model yet; train one first.")
    return found


def _order_inputs(warehouse: Warehouse, model: OrderModel, version: ModelVersion, as_of: datetime | None) -> _Scored:
    cutoff = as_of or known_until(warehouse)
    if cutoff is None:
        raise NotEnoughData("there are no orders yet; import an order history first.")
    if as_of is None:
        require_steady_clock(warehouse)
    definition = definition_in_force(warehouse)
    if not version.answers(definition):
        raise InputError(
            f"model {version.model_version} learned churn definition {version.definition_version} and definition "
            f"{definition.version} is in force now; train again, then score."
        )
    frame = build_features(warehouse, cutoff, definition)
    if not len(frame):
        raise NotEnoughData(
            f"no customer is eligible on {cutoff:%-d %b %Y}; widen the activity window or import newer orders."
        )
    require_kinds(frame, version.summary.get("population"))
    frame = model.blend.with_made(frame)
    amount = np.concatenate([model.value.expected_amount(chunk) for _, chunk in _chunks(frame)])
    return _Scored(
        frame=frame,
        amount=amount,
        as_of=cutoff,
        definition_version=definition.version,
        habits=habits(warehouse, as_of=cutoff),
    )


def _snapshot_inputs(warehouse: Warehouse, model: SnapshotModel) -> _Scored:
    frame, worth = snapshot_to_score(warehouse, model.kinds)
    frame = model.with_made(frame)
    n_new = sum(str(customer) not in model.fold_of for customer in frame.index)
    who = f"{n_new:,} customers were" if n_new > 1 else "1 customer was"
    who = "None of the customers was" if n_new == len(frame) else f"{who} not"
    notes = (f"{who} learned from (new, or without a label); they get the average of the models.",) if n_new else ()
    amount = worth if worth is not None else np.full(len(frame), np.nan)
    return _Scored(frame=frame, amount=amount, as_of=None, definition_version=0, notes=notes)


def _improved_note(version: ModelVersion) -> tuple[str, ...]:
    improved = improved_since(version)
    return (f"{improved} Train again, then score.",) if improved else ()


def _risks(scored: _Scored) -> NDArray[np.float64]:
    """The risks of all chunks, in the order of the customers."""
    return np.concatenate([table["risk"].to_numpy() for table in scored.tables["scores"]])


def _average_contributions(
    model: OrderModel | SnapshotModel, frame: pd.DataFrame, first: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Mean contribution of each input among these customers: reasons tell what sets somebody apart from them.

    Taken off every customer and added to the base, so the sums stay exact and the base is the average customer.
    ``first`` are the contributions of the first chunk; where it holds everybody, nothing is asked twice.
    """
    step = max(1, len(frame) // CENTRED_ON)
    if len(first) == len(frame):
        return np.asarray(first[::step].mean(axis=0))
    return np.asarray(model.contributions(frame.iloc[::step]).values.mean(axis=0))


def _chunks(frame: pd.DataFrame) -> Iterator[tuple[int, pd.DataFrame]]:
    for start in range(0, len(frame), CHUNK):
        yield start, frame.iloc[start : start + CHUNK]


def _keep(
    scored: _Scored,
    chunk: pd.DataFrame,
    names: tuple[str, ...],
    contributions: NDArray[np.float64],
    log_odds: NDArray[np.float64],
    risk: NDArray[np.float64],
    tier: NDArray[Any],
    amount: NDArray[np.float64],
    texts: Any,
) -> None:
    """Add a chunk's rows, column by column, as they will be stored."""
    import pyarrow as pa

    customers = pa.array(np.asarray(chunk.index, dtype=object), pa.string())
    unknown = np.isnan(amount)
    scored.tables["scores"].append(
        pa.table(
            {
                "customer_id": customers,
                "risk": risk,
                "log_odds": log_odds,
                "expected_value": pa.array(amount, mask=unknown),
                "value_at_risk": pa.array(risk * amount, mask=unknown),
                "tier": pa.array(tier.astype(object), pa.string()),
                "main_reason": pa.array(texts.main_feature, pa.string()),
                "main_group": pa.array(texts.main_group, pa.string()),
            }
        )
    )
    words = {f"up_{i + 1}": column for i, column in enumerate(texts.up)}
    words |= {f"down_{i + 1}": column for i, column in enumerate(texts.down)}
    scored.tables["reasons"].append(
        pa.table({"customer_id": customers, **{key: pa.array(column, pa.string()) for key, column in words.items()}})
    )
    scored.tables["contributions"].append(
        pa.table(
            {
                "customer_id": customers,
                "feature_values": _lists(_value_matrix(chunk, names)),
                "contributions": _lists(contributions.astype(np.float32)),
            }
        )
    )


def _value_matrix(chunk: pd.DataFrame, names: tuple[str, ...]) -> NDArray[np.float32]:
    """Values in the run's order; NaN where a value is not a number."""
    made = np.full((len(chunk), len(names)), np.nan, dtype=np.float32)
    for position, name in enumerate(names):
        if name in chunk.columns and chunk[name].dtype.kind in "biuf":
            made[:, position] = chunk[name].to_numpy(dtype=np.float32, na_value=np.nan)
    return made


def _lists(matrix: NDArray[np.float32]) -> pa.Array:
    """A matrix as a column of lists; NaN becomes an empty value."""
    import pyarrow as pa

    flat = matrix.ravel()
    values = pa.array(flat, pa.float32(), mask=np.isnan(flat))
    offsets = np.arange(0, flat.size + 1, matrix.shape[1], dtype=np.int32)
    return pa.ListArray.from_arrays(pa.array(offsets), values)


def _store(
    warehouse: Warehouse,
    run: ScoreRun,
    scored: _Scored,
    retier: Callable[[Transaction, int], dict[str, int]] | None,
    progress: Progress,
) -> ScoreRun:
    import pyarrow as pa

    with warehouse.transaction() as tx:
        run_id = tx.next_number("score_runs", "run_id")
        for number, (name, tables) in enumerate(scored.tables.items()):
            for table in tables:
                progress(number / 3, f"writing {name}")
                numbered = table.append_column("run_id", pa.array(np.full(len(table), run_id, dtype=np.int32)))
                tx.append(name, numbered)
            tables.clear()
        tx.execute(
            "INSERT INTO score_runs (run_id, scored_at, as_of, source, model_version, data_version, "
            "definition_version, n_customers, base_log_odds, feature_names, summary) VALUES ($run_id, $scored_at, "
            "$as_of, $source, $model_version, $data_version, $definition_version, $n_customers, $base_log_odds, "
            "$feature_names, $summary)",
            {
                **{key: getattr(run, key) for key in _RUN_COLUMNS},
                "run_id": run_id,
                "feature_names": list(run.feature_names),
                "summary": _plain_json(run.summary),
            },
        )
        if retier is not None:
            drawn = run.summary | {"tiers": retier(tx, run_id), "high_from": None, "medium_from": None}
            tx.execute(
                "UPDATE score_runs SET summary = $summary WHERE run_id = $run_id",
                {"run_id": run_id, "summary": _plain_json(drawn)},
            )
        tx.audit("score", {"run_id": run_id, "model_version": run.model_version, "n_customers": run.n_customers})
    progress(1.0, f"{run.n_customers:,} customers scored")
    return score_runs(warehouse, limit=1)[0]


def _plain_json(summary: dict[str, Any]) -> str:
    return json.dumps(summary, ensure_ascii=False, allow_nan=False)


_RUN_COLUMNS = (
    "scored_at", "as_of", "source", "model_version", "data_version", "definition_version", "n_customers",
    "base_log_odds",
)  # fmt: skip
