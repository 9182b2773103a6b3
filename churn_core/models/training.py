"""From a workspace to a stored model: judge, choose, fit on all that is known, keep.

The chosen model and its judgement come from the same walk through the past; the first version becomes champion,
each further one takes over and leaves the old champion as challenger.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import version as installed_version
from typing import TYPE_CHECKING, Any

from churn_core.errors import InputError, NotEnoughData
from churn_core.features.clock import require_steady_clock
from churn_core.features.definition import (
    Readiness,
    active_definition,
    known_until,
    propose_definition,
    readiness,
    save_definition,
)
from churn_core.intake.snapshot_frame import coerced, workspace_snapshot
from churn_core.jobs import Progress, no_progress
from churn_core.models.families import CONSTANTS
from churn_core.models.health import order_health, table_health
from churn_core.models.meanings import revisions_of
from churn_core.models.order_model import FittedOrders, fit_orders
from churn_core.models.overfit import every
from churn_core.models.recipe import Recipe
from churn_core.models.registry import (
    ModelVersion,
    champion,
    load_artifact,
    model_version,
    model_versions,
    store_model,
)
from churn_core.models.snapshot_model import FittedSnapshot, SnapshotModel, fit_snapshot

if TYPE_CHECKING:
    from churn_core.models.order_model import OrderModel
    from churn_core.timeline import ChurnDefinition
    from churn_core.warehouse import Warehouse

__all__ = ["ModelVersion", "Trained", "champion", "load_fitted", "model_versions", "train_model"]

EXPLAINED_ROWS = 1_000
"""Rows of a labelled table that stand for all when the inputs are ranked; its many deep trees are slow to explain."""
LIBRARIES = ("lightgbm", "numpy", "pandas", "scikit-learn", "scipy")


@dataclass(frozen=True, kw_only=True)
class Trained:
    """A trained model before it is stored."""

    source: str
    estimator: str
    definition_version: int
    feature_names: tuple[str, ...]
    summary: dict[str, Any]
    artifact: dict[str, Any]


def train_model(
    warehouse: Warehouse,
    *,
    seed: int = 42,
    source: str | None = None,
    as_of: datetime | None = None,
    recipe: Recipe | None = None,
    searched: Mapping[str, Any] | None = None,
    fitted: FittedSnapshot | None = None,
    progress: Progress = no_progress,
) -> ModelVersion:
    """Train on the workspace's data and keep the result as the new champion.

    ``source`` is orders or snapshots; by default the setting of that name, else what is loaded. ``as_of`` trains with
    what was known then, as if it were that day. ``recipe`` says what is tried (default: the usual). ``searched`` is the
    record of the search that found the recipe, ``fitted`` a labelled table that it fitted on the way. Writes once, at
    the end. NotEnoughData says what is missing; InputError when ``as_of`` lies after the end of the orders or is
    asked of a table without time.
    """
    data_version = warehouse.data_version
    asked = source or default_source(warehouse)
    if asked == "snapshots":
        if as_of is not None:
            raise InputError("a labelled table has no time, so there is no earlier state of it to train on.")
        trained = _train_snapshots(warehouse, seed, recipe or Recipe(), fitted, progress)
    else:
        trained = _train_orders(warehouse, seed, as_of, recipe or Recipe(), progress)
    if searched is not None:
        trained.summary["search"] = dict(searched)
        trained.summary["notes"] = [*trained.summary["notes"], *searched["notes"]]
    progress(0.99, "storing the model")
    with warehouse.transaction() as tx:
        number = store_model(
            tx,
            source=trained.source,
            estimator=trained.estimator,
            data_version=data_version,
            definition_version=trained.definition_version,
            feature_names=trained.feature_names,
            summary=trained.summary,
            artifact=trained.artifact,
        )
    progress(1.0, f"model {number} is ready")
    return model_version(warehouse, number)


def load_fitted(warehouse: Warehouse, number: int) -> OrderModel | SnapshotModel:
    """The fitted model of a version; InputError when it was changed after it was stored."""
    return fitted_from(load_artifact(warehouse, number))


def fitted_from(artifact: Mapping[str, Any]) -> OrderModel | SnapshotModel:
    """The fitted model that a stored artifact describes."""
    from churn_core.models.order_model import OrderModel

    if artifact["kind"] == "snapshots":
        return SnapshotModel.from_json(artifact["model"])
    return OrderModel.from_json(artifact["model"])


def default_source(warehouse: Warehouse) -> str:
    """Which question is asked: the setting, else snapshots where there are no orders but a labelled table."""
    chosen = warehouse.setting("source")
    if chosen in ("orders", "snapshots"):
        return str(chosen)
    has_orders = warehouse.rows("SELECT 1 FROM orders LIMIT 1")
    has_snapshots = warehouse.rows("SELECT 1 FROM snapshots LIMIT 1")
    if not has_orders and not has_snapshots:
        raise NotEnoughData("there is nothing to learn from yet; import orders, or a table with a churn column.")
    return "orders" if has_orders else "snapshots"


def definition_in_force(warehouse: Warehouse) -> ChurnDefinition:
    """The active definition; the proposed one is saved when there is none yet."""
    return active_definition(warehouse) or save_definition(warehouse, propose_definition(warehouse).definition)


def _train_orders(
    warehouse: Warehouse, seed: int, as_of: datetime | None, recipe: Recipe, progress: Progress
) -> Trained:
    end = known_until(warehouse)
    if end is None:
        raise NotEnoughData("there are no orders yet; import an order history first.")
    if as_of is not None and as_of > end:
        raise InputError(
            f"orders are known until {end:%-d %b %Y}; choose a moment before that instead of {as_of:%-d %b %Y}."
        )
    if as_of is None:
        require_steady_clock(warehouse)
    definition = definition_in_force(warehouse)
    ready = readiness(warehouse, definition, as_of=as_of)
    if ready.method == "none":
        raise NotEnoughData(f"{ready.reason.rstrip('.')}. {ready.missing}".strip())
    fitted = fit_orders(
        warehouse, definition, method=ready.method, seed=seed, recipe=recipe, as_of=as_of, progress=progress
    )
    summary = {
        "method": ready.method,
        "method_reason": _method_reason(ready, fitted),
        "known_until": (as_of or end).isoformat(),
        **fitted.summary,
        "definition": {
            "horizon_days": definition.horizon_days,
            "activity_days": definition.activity_days,
            "lead_days": definition.lead_days,
            "version": definition.version,
        },
        "revisions": revisions_of(fitted.model.feature_names),
        **_provenance(seed, recipe),
        **order_health(warehouse, definition, fitted, end=as_of or end, recipe=recipe, seed=seed),
    }
    return Trained(
        source="orders",
        estimator=fitted.chosen,
        definition_version=definition.version,
        feature_names=fitted.model.feature_names,
        summary=summary,
        artifact={"kind": "orders", "model": fitted.model.to_json()},
    )


def _train_snapshots(
    warehouse: Warehouse, seed: int, recipe: Recipe, fitted: FittedSnapshot | None, progress: Progress
) -> Trained:
    table = workspace_snapshot(warehouse)
    fitted = fitted or fit_snapshot(table, seed=seed, recipe=recipe, progress=progress)
    judged = fitted.backtest
    reason = (
        f"The table says itself who left ({int(table.churned.sum()):,} of {len(table.churned):,}); every customer is "
        f"scored by a model that never saw them, and {judged.chosen} was best in the folds."
    )
    definition = active_definition(warehouse)
    some = coerced(table.frame.iloc[every(len(table.frame), EXPLAINED_ROWS)], dict(fitted.model.kinds))
    summary = {
        "method": "full",
        "method_reason": reason,
        "chosen": judged.chosen,
        "backtest": judged.to_dict(),
        "evaluation": judged.evaluation.to_dict(),
        "candidates": {name: found.to_dict() for name, found in judged.evaluations.items()},
        "periods": [],
        "n_training_rows": len(table.churned),
        "notes": list(judged.notes),
        "parameters": [member.name for member in fitted.model.folds[0].members],
        "rules": fitted.rules,
        "importance": fitted.model.contributions(some).importance(leave_out=CONSTANTS),
        **_provenance(seed, recipe),
        **table_health(table, fitted, recipe=recipe, seed=seed),
    }
    return Trained(
        source="snapshots",
        estimator=judged.chosen,
        definition_version=definition.version if definition else 0,
        feature_names=fitted.model.feature_names,
        summary=summary,
        artifact={"kind": "snapshots", "model": fitted.model.to_json()},
    )


def _method_reason(ready: Readiness, fitted: FittedOrders) -> str:
    """Why this method and this candidate; says nothing was judged where nothing was."""
    reason = ready.reason[:1].upper() + ready.reason[1:]
    if ready.method != "full":
        return f"{reason} {ready.missing}".strip()
    n_judged = len(fitted.summary["periods"])
    if not n_judged:
        return (
            f"{reason} The candidates could not be compared on a day they had not seen, so {fitted.chosen} is used "
            "unjudged."
        )
    where = "the past day" if n_judged == 1 else f"the {n_judged} past days"
    return (
        f"{reason} Of the candidates, {fitted.chosen} had the least log loss on {where} it had not seen, "
        "as the table of candidates shows."
    )


def _provenance(seed: int, recipe: Recipe) -> dict[str, Any]:
    return {
        "seed": seed,
        "recipe": recipe.to_json(),
        "libraries": {name: installed_version(name) for name in LIBRARIES},
    }
