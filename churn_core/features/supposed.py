"""Features of one customer when single numbers are supposed to be others: what follows from them is calculated anew.

Apart from ``build`` because nothing is read from rows here but the aggregates that derived features rest on. The
arithmetic is the registry's own, so a supposed number means the same as a recorded one.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING

from churn_core.features.build import parameters_of, sources_seen
from churn_core.features.feature import Feature
from churn_core.features.query import features_sql
from churn_core.features.registry import FEATURES, MEASURES, aggregate, parts_of
from churn_core.features.sources import SOURCES
from churn_core.timeline import ChurnDefinition

if TYPE_CHECKING:
    from churn_core.warehouse import Warehouse


def following(name: str) -> tuple[str, ...]:
    """The features that are calculated from a feature.

    >>> following("longest_gap_days")
    ('longest_gap_ratio',)
    """
    return tuple(feature.name for feature in FEATURES.values() if feature.is_derived and name in parts_of(feature.name))


def recalculated(
    warehouse: Warehouse,
    cutoff: datetime,
    definition: ChurnDefinition,
    customer_id: str,
    moved: Mapping[str, float | None],
) -> dict[str, float | None]:
    """The derived features of a customer that rest on moved numbers, each with its new value; None where undefined.

    A derived feature that is moved itself keeps the value it was given.
    """
    found = {name for given in moved for name in following(given)} - moved.keys()
    derived = [feature for feature in FEATURES.values() if feature.name in found]
    if not derived:
        return {}
    parts = sorted({part for feature in derived for part in parts_of(feature.name)})
    known = _aggregates(warehouse, cutoff, definition, customer_id, parts) | {
        name: value for name, value in moved.items() if name in parts
    }
    columns = ", ".join(f"CAST(${name} AS DOUBLE) AS {name}" for name in parts)
    answers = ", ".join(f"CAST({feature.sql} AS FLOAT) AS {feature.name}" for feature in derived)
    return warehouse.records(f"SELECT {answers} FROM (SELECT {columns})", known)[0]


def _aggregates(
    warehouse: Warehouse, cutoff: datetime, definition: ChurnDefinition, customer_id: str, parts: list[str]
) -> dict[str, float | None]:
    """The aggregates of a customer by name; None where there is no value."""
    entries = [_as_feature(part) for part in parts]
    sql = features_sql(
        entries,
        definition,
        sources_seen=sources_seen(warehouse, cutoff, entries),
        is_restricted=True,
    )
    parameters = parameters_of(warehouse, entries, cutoff, cutoff)
    rows = warehouse.records(sql, parameters | {"customer_ids": [customer_id]})
    return {part: rows[0][part] if rows else None for part in parts}


def _as_feature(part: str) -> Feature:
    """An aggregate as something that can be asked for, be it a feature or only a measure."""
    if part not in MEASURES:
        return FEATURES[part]
    measure = MEASURES[part]
    return Feature(
        name=part,
        group="",
        table=SOURCES[measure.source].table,
        source=measure.source,
        sql=aggregate(part).sql,
        unit="",
        label=part,
        meaning="",
        words_high="",
        words_low="",
        needs=measure.needs,
        fill_zero=measure.fill_zero,
    )
