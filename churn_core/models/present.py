"""Risks of the present customers by any version, in memory: to try a version before it scores, and to compare two.

Separate from scoring because nothing is stored and no reasons are written; inputs and answers are the same.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import numpy as np

from churn_core.errors import InputError, NotEnoughData
from churn_core.features.build import build_features
from churn_core.features.definition import active_definition, known_until
from churn_core.intake.snapshot_frame import snapshot_to_score
from churn_core.models.estimators import sigmoid
from churn_core.models.learned_kinds import require_kinds
from churn_core.models.snapshot_model import SnapshotModel
from churn_core.models.training import load_fitted

if TYPE_CHECKING:
    import pandas as pd

    from churn_core.models.registry import ModelVersion
    from churn_core.timeline import ChurnDefinition
    from churn_core.warehouse import Warehouse

logger = logging.getLogger(__name__)

TRIED = 50
"""Customers a version is tried on before it is promoted."""


def obstacle(warehouse: Warehouse, version: ModelVersion) -> str:
    """Why a version cannot score the customers as they are now, in one sentence; empty when it can."""
    if version.source == "orders":
        definition = active_definition(warehouse)
        if definition is not None and not version.answers(definition):
            return (
                f"model {version.model_version} learned {definition_words(version.learned)}, and the definition in "
                f"force is {definition_words(definition)}; save that definition again, or train a new model."
            )
    try:
        risks = risks_of(warehouse, version, present_inputs(warehouse, version, n_most=TRIED), is_explained=True)
    except (InputError, NotEnoughData) as error:
        return f"model {version.model_version} cannot score the customers as they are: {error}"
    except Exception as error:
        logger.exception("trying model %s failed", version.model_version)
        return (
            f"model {version.model_version} cannot be used, because trying it ended with an unexpected "
            f"{type(error).__name__}; train a new model."
        )
    if not np.isfinite(risks.to_numpy()).all():
        return f"model {version.model_version} gives no risk for some customers; train a new model."
    return ""


def present_risks(warehouse: Warehouse, version: ModelVersion, *, n_most: int | None = None) -> pd.Series:
    """Risk of each eligible customer of today by id; ``n_most`` takes that many, the same ones for every version.

    Each version answers for the definition it learned. InputError when the version was changed or its inputs are not
    there any more, NotEnoughData when nobody is eligible.
    """
    return risks_of(warehouse, version, present_inputs(warehouse, version, n_most=n_most))


def present_inputs(warehouse: Warehouse, version: ModelVersion, *, n_most: int | None = None) -> pd.DataFrame:
    """What a version would be asked about today: features of the eligible customers, or the columns it learned."""
    if version.source == "snapshots":
        model = load_fitted(warehouse, version.model_version)
        assert isinstance(model, SnapshotModel)
        table, _ = snapshot_to_score(warehouse, model.kinds)
        return table.iloc[:: -(-len(table) // n_most)] if n_most else table
    end = known_until(warehouse)
    definition = version.learned or active_definition(warehouse)
    if end is None or definition is None:
        raise NotEnoughData("there are no orders yet; import an order history first.")
    frame = build_features(warehouse, end, definition, n_most=n_most)
    if not len(frame):
        raise NotEnoughData(
            f"no customer is eligible on {end:%-d %b %Y}; widen the activity window or import newer orders."
        )
    return frame


def risks_of(
    warehouse: Warehouse, version: ModelVersion, inputs: pd.DataFrame, *, is_explained: bool = False
) -> pd.Series:
    """Risk by customer id for these inputs, by one version; ``is_explained`` takes the longer way of scoring."""
    import pandas as pd

    model = load_fitted(warehouse, version.model_version)
    if isinstance(model, SnapshotModel):
        log_odds = model.contributions(inputs).total() if is_explained else model.log_odds(inputs)
        return pd.Series(sigmoid(log_odds), index=inputs.index)
    require_kinds(inputs, version.summary.get("population"))
    return pd.Series(sigmoid(model.blend.log_odds(inputs)), index=inputs.index)


def definition_words(definition: ChurnDefinition | None) -> str:
    """A definition in words, short.

    >>> from churn_core.timeline import ChurnDefinition
    >>> definition_words(ChurnDefinition(horizon_days=90, activity_days=180, lead_days=7))
    "'no order within 90 days after 7 days to act, of customers active in the 180 days before'"
    """
    if definition is None:
        return "another definition of churn"
    lead = f" after {definition.lead_days} days to act" if definition.lead_days else ""
    of = f"customers active in the {definition.activity_days} days before" if definition.activity_days else "all buyers"
    return f"'no order within {definition.horizon_days} days{lead}, of {of}'"
