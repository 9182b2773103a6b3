"""The table of features at one cutoff: a row per eligible customer, a column per feature.

Everything is calculated by one query in the database; what comes back is numbers in float32, never objects, so that a
million customers fit into memory. Customer attributes that the user marked as stable come as further columns.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from churn_core.errors import InputError
from churn_core.features.attributes import PREFIX, attribute_columns, stable_attributes
from churn_core.features.feature import Feature
from churn_core.features.query import features_sql
from churn_core.features.registry import FEATURES, available_features, chosen_features, parts_of, tables_of
from churn_core.features.rhythm import LEANING
from churn_core.features.sources import SOURCES
from churn_core.features.usual_gap import gap_parameters, shrinkage
from churn_core.timeline import ChurnDefinition, known_before
from churn_core.warehouse import Warehouse

if TYPE_CHECKING:
    import pandas as pd


def build_features(
    warehouse: Warehouse,
    cutoff: datetime,
    definition: ChurnDefinition,
    *,
    features: Iterable[str | Feature] | None = None,
    n_most: int | None = None,
    customer_ids: Sequence[str] | None = None,
    known_until: datetime | None = None,
) -> pd.DataFrame:
    """Features of the eligible customers, seen strictly before the cutoff.

    Indexed by ``customer_id`` (text) in its order; columns in float32 in the order of the registry, then
    ``attribute:<name>`` columns (float, or category for text). A missing value is NaN.

    ``features`` are names of features and attribute columns (default: those a model would learn from, see
    :func:`learnable`, and the time-series signals that a model in use learned from); ``n_most`` takes that many
    customers, the same ones at every cutoff as long as they are eligible; ``customer_ids`` restricts to these
    customers. ``known_until`` hides what happened from an earlier instant on, so that only time has passed since.
    Raises NotFound for a feature that is not in the registry, InputError when ``known_until`` lies after the cutoff.
    """
    known = cutoff if known_until is None else known_until
    if known > cutoff:
        raise InputError(f"what is known until {known:%-d %b %Y} lies after the cutoff, {cutoff:%-d %b %Y}.")
    entries, attributes = _asked(warehouse, features)
    sql = features_sql(
        entries,
        definition,
        sources_seen=sources_seen(warehouse, known, entries),
        is_sample=n_most is not None,
        is_restricted=customer_ids is not None,
    )
    parameters = {
        **parameters_of(warehouse, entries, cutoff, known),
        "n_most": n_most,
        "customer_ids": None if customer_ids is None else list(customer_ids),
    }
    frame = warehouse.frame(sql, parameters).set_index("customer_id")
    return attribute_columns(warehouse, frame, attributes) if attributes else frame


def learnable(warehouse: Warehouse) -> tuple[str, ...]:
    """What a model would learn from now: features that the data supports, chosen signals, stable attributes."""
    features = [feature.name for feature in available_features(warehouse)]
    return (*features, *(PREFIX + name for name in stable_attributes(warehouse)))


def parameters_of(
    warehouse: Warehouse, features: Iterable[Feature], cutoff: datetime, known_until: datetime
) -> dict[str, Any]:
    """What the SQL of these features refers to, whoever is asked for: both instants and, where one of them rests on
    it, what usual gaps lean on."""
    instants = {"cutoff": cutoff, "known_until": known_until}
    if all(parts_of(feature.name).isdisjoint(LEANING) for feature in features):
        return instants
    return instants | gap_parameters(shrinkage(warehouse, known_until), cutoff)


def sources_seen(warehouse: Warehouse, known_until: datetime, features: Iterable[Feature]) -> frozenset[str]:
    """The sources (``features.sources``) of which at least one row was known before an instant."""
    tables = {table for feature in features for table in tables_of(feature)}
    return frozenset(
        source.name
        for source in SOURCES.values()
        if source.table in tables
        and warehouse.rows(
            f"SELECT 1 FROM {source.table} WHERE {known_before(source.time)} LIMIT 1", {"known_until": known_until}
        )
    )


def _asked(
    warehouse: Warehouse, features: Iterable[str | Feature] | None
) -> tuple[tuple[Feature, ...], tuple[str, ...]]:
    if features is None:
        features = (*learnable(warehouse), *_signals_in_use(warehouse))
    names = [feature.name if isinstance(feature, Feature) else feature for feature in features]
    attributes = tuple(name.removeprefix(PREFIX) for name in names if name.startswith(PREFIX))
    return chosen_features(name for name in names if not name.startswith(PREFIX)), attributes


def _signals_in_use(warehouse: Warehouse) -> tuple[str, ...]:
    """Time-series signals that the champion or the challenger learned from, whatever is chosen for the next one."""
    rows = warehouse.rows(
        "SELECT DISTINCT unnest(feature_names) FROM model_versions WHERE status IN ('champion', 'challenger')"
    )
    return tuple(name for (name,) in rows if name in FEATURES and FEATURES[name].signal)
