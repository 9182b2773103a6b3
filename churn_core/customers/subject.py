"""One scored customer with everything needed to score again: run, model, inputs as the model takes them.

Apart from the what-if so that a page loads the model once and asks many questions.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from churn_core.customers.attributes import attribute_table, attribute_value
from churn_core.errors import InputError, NotEnoughData, NotFound
from churn_core.features.attributes import PREFIX
from churn_core.features.build import build_features
from churn_core.features.definition import active_definition
from churn_core.features.registry import FEATURES
from churn_core.intake.snapshot_frame import coerced
from churn_core.models.bgnbd import INPUTS
from churn_core.models.order_model import OrderModel
from churn_core.models.runs import ScoreRun, latest_run
from churn_core.models.snapshot_model import SnapshotModel
from churn_core.models.training import load_fitted
from churn_core.timeline import ChurnDefinition

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

    from churn_core.warehouse import Warehouse

N_LEVELS_MOST = 500
"""Texts of a column that can be chosen, the most frequent ones."""


@dataclass(frozen=True, kw_only=True)
class Subject:
    """A customer of the latest run and the model that scored it."""

    customer_id: str
    run: ScoreRun
    model: OrderModel | SnapshotModel
    definition: ChurnDefinition | None
    """What churned means; None for a table that brings its own label."""
    risk: float
    """As stored."""
    log_odds: float
    contributions: Mapping[str, float]
    """As stored: against the average customer, by input."""
    data_version: int
    """Data that the inputs were read from."""
    frame: pd.DataFrame
    """The inputs as they are in the data now; one row, not to be changed."""

    def completed(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Inputs with those that the model makes itself, such as the orders expected."""
        return self.model.blend.with_made(frame) if isinstance(self.model, OrderModel) else self.model.with_made(frame)


def subject(warehouse: Warehouse, customer_id: str, *, model: OrderModel | SnapshotModel | None = None) -> Subject:
    """A scored customer; ``model`` is the run's where it is loaded already.

    NotEnoughData before the first scoring, NotFound when the customer was not scored, InputError when the churn
    definition is not the one that was scored with.
    """
    run = latest_run(warehouse)
    if run is None:
        raise NotEnoughData("no customers were scored yet; train a model and score first.")
    rows = warehouse.rows(
        "SELECT risk, log_odds, contributions FROM scores JOIN contributions USING (run_id, customer_id) "
        "WHERE run_id = $run_id AND customer_id = $customer_id",
        {"run_id": run.run_id, "customer_id": customer_id},
    )
    if not rows:
        raise NotFound(f"the customer {customer_id!r} was not scored in the latest run; choose one who was.")
    definition = None
    if run.source != "snapshots":
        definition = active_definition(warehouse)
        if definition is None or definition.version != run.definition_version:
            raise InputError("the churn definition has changed since the scoring; train and score again, then ask.")
    risk, log_odds, contributions = rows[0]
    fitted = model or load_fitted(warehouse, run.model_version)
    return Subject(
        customer_id=customer_id,
        run=run,
        model=fitted,
        definition=definition,
        risk=float(risk),
        log_odds=float(log_odds),
        contributions=dict(zip(run.feature_names, map(float, contributions), strict=True)),
        data_version=warehouse.data_version,
        frame=_frame(warehouse, run, fitted, definition, customer_id),
    )


def inputs(warehouse: Warehouse, of: Subject) -> pd.DataFrame:
    """The inputs of the customer as the reader sees them, as scoring would read them; one row.

    InputError when the data no longer holds the customer.
    """
    return _frame(warehouse, of.run, of.model, of.definition, of.customer_id)


def text_levels(warehouse: Warehouse, of: Subject, name: str) -> tuple[str, ...] | None:
    """The texts an input may be given, the most frequent first; None for a number."""
    if isinstance(of.model, SnapshotModel):
        if of.model.kinds.get(name) != "category":
            return None
    elif not name.startswith(PREFIX) or name in (of.run.summary.get("usual") or {}):
        return None
    value, parameters = attribute_value(name.removeprefix(PREFIX), of.run.source, "attribute")
    rows = warehouse.rows(
        f"SELECT text FROM (SELECT trim(CAST({value} AS VARCHAR)) AS text FROM {attribute_table(of.run.source)}) "
        "WHERE text <> '' GROUP BY text ORDER BY count(*) DESC, text LIMIT $n_most",
        {**parameters, "n_most": N_LEVELS_MOST},
    )
    return tuple(row[0] for row in rows)


def _frame(
    warehouse: Warehouse,
    run: ScoreRun,
    model: OrderModel | SnapshotModel,
    definition: ChurnDefinition | None,
    customer_id: str,
) -> pd.DataFrame:
    if isinstance(model, SnapshotModel) or definition is None or run.as_of is None:
        return _table_row(warehouse, model, customer_id)
    asked = [name for name in run.feature_names if name in FEATURES or name.startswith(PREFIX)]
    frame = build_features(warehouse, run.as_of, definition, features=[*asked, *INPUTS], customer_ids=[customer_id])
    if not len(frame):
        raise InputError(f"the data no longer holds an eligible customer {customer_id!r}; score the customers again.")
    return model.blend.with_made(frame)


def _table_row(warehouse: Warehouse, model: OrderModel | SnapshotModel, customer_id: str) -> pd.DataFrame:
    import pandas as pd

    assert isinstance(model, SnapshotModel)
    text = warehouse.value(
        "SELECT CAST(attributes AS VARCHAR) FROM snapshots WHERE customer_id = $customer_id",
        {"customer_id": customer_id},
    )
    if text is None:
        raise InputError(f"the table no longer holds the customer {customer_id!r}; score the customers again.")
    found: dict[str, Any] = json.loads(text)
    row = {
        name: [_number_or_nothing(found.get(name)) if kind == "number" else found.get(name)]
        for name, kind in model.kinds.items()
    }
    index = pd.Index([customer_id], name="customer_id")
    return coerced(pd.DataFrame(row, index=index, dtype=object), dict(model.kinds))


def _number_or_nothing(value: object) -> object:
    """A value of a column of numbers; a stray text in it is not known, as in scoring."""
    import pandas as pd

    number = pd.to_numeric(pd.Series([value], dtype=object).astype(str).str.strip(), errors="coerce")
    return None if number.isna().iloc[0] else value
