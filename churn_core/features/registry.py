"""The one list of all features, and which of them the data of a workspace supports.

Adding a feature is adding one entry to its group's module. What an entry needs is found from its SQL: a derived feature
needs whatever the names it mentions need, so a table or an optional column that was not uploaded removes exactly the
features that rest on it.
"""

from __future__ import annotations

from collections.abc import Iterable

from churn_core.errors import unknown_name
from churn_core.features import baskets, browsing, orders, rhythm, service, signals
from churn_core.features.feature import GROUPS, UNITS, Feature, Measure, mentioned
from churn_core.features.sources import SOURCES
from churn_core.schema import quote
from churn_core.warehouse import Warehouse

__all__ = [
    "FEATURES",
    "GROUPS",
    "MEASURES",
    "UNITS",
    "USUAL",
    "Feature",
    "Measure",
    "available_features",
    "chosen_features",
]

_MODULES = (orders, rhythm, baskets, browsing, service, signals)

MEASURES: dict[str, Measure] = {measure.name: measure for module in _MODULES for measure in module.MEASURES}
"""Numbers that features are derived from, by name."""

_ENTRIES = [entry for module in _MODULES for entry in module.ENTRIES]

FEATURES: dict[str, Feature] = {entry.name: entry for group in GROUPS for entry in _ENTRIES if entry.group == group}
"""Every feature by name, group by group."""


USUAL: dict[str, Feature] = {name: feature for name, feature in FEATURES.items() if not feature.signal}
"""The features that are there unless asked otherwise: all but the time-series signals."""


def parts_of(name: str) -> frozenset[str]:
    """The aggregates (measures, and features that are not derived) a feature is calculated from."""
    feature = FEATURES.get(name)
    if feature is None or not feature.is_derived:
        return frozenset({name})
    return frozenset(word for word in mentioned(feature.sql) if word in MEASURES or word in FEATURES)


def aggregate(name: str) -> Measure | Feature:
    """The measure or feature of that name that is aggregated over rows."""
    return MEASURES[name] if name in MEASURES else FEATURES[name]


def tables_of(feature: Feature) -> frozenset[str]:
    """The user tables a feature reads."""
    sources = (aggregate(part).source for part in parts_of(feature.name))
    return frozenset({feature.table, *(SOURCES[source].table for source in sources if source)})


def needs_of(feature: Feature) -> frozenset[str]:
    """The optional columns ("table.column") a feature rests on."""
    return frozenset(need for part in parts_of(feature.name) for need in aggregate(part).needs)


def available_features(warehouse: Warehouse) -> tuple[Feature, ...]:
    """The features that the uploaded tables and columns support, in the order of the registry.

    Time-series signals are among them where the workspace asks for their group.
    """
    asked = {"", *signals.asked_signals(warehouse)}
    offered = [feature for feature in FEATURES.values() if feature.signal in asked]
    tables = {table for feature in offered for table in tables_of(feature)}
    filled = {table for table in tables if _has_value(warehouse, table, None)}
    columns = {need for feature in offered for need in needs_of(feature)}
    known = {need for need in columns if _has_value(warehouse, *need.split(".", 1))}
    return tuple(feature for feature in offered if tables_of(feature) <= filled and needs_of(feature) <= known)


def chosen_features(names: Iterable[str | Feature]) -> tuple[Feature, ...]:
    """The features of those names, in the order of the registry; NotFound when a name is not in it."""
    asked = {name.name if isinstance(name, Feature) else name for name in names}
    for name in sorted(asked - FEATURES.keys()):
        raise unknown_name("feature", name, FEATURES)
    return tuple(feature for feature in FEATURES.values() if feature.name in asked)


def _has_value(warehouse: Warehouse, table: str, column: str | None) -> bool:
    condition = f"WHERE {quote(column)} IS NOT NULL" if column else ""
    return bool(warehouse.rows(f"SELECT 1 FROM {quote(table)} {condition} LIMIT 1"))
