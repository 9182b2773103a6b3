"""The SQL that calculates chosen features: one aggregate query per source, joined per customer, derived ones on top.

Kept apart from ``build`` so that the same text can be looked at by tests and run by another engine. The parameters are
``$cutoff``, ``$known_until`` (the same instant, or an earlier one up to which rows are seen) and, where only some
customers are asked for, ``$n_most`` or ``$customer_ids``.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from churn_core.features.feature import Feature
from churn_core.features.registry import aggregate, parts_of
from churn_core.features.sources import SOURCES, age_days
from churn_core.timeline import ChurnDefinition, known_before


def eligible_sql(definition: ChurnDefinition, *, is_sample: bool = False, is_restricted: bool = False) -> str:
    """SELECT of the eligible customers with ``last_order_age``, the days since their last order.

    A sample (``$n_most``) takes the customers with the smallest digests of their ids, so it is the same customers at
    every cutoff as long as they are eligible. Restricted means only those in ``$customer_ids``.
    """
    condition = known_before("order_time", days=definition.activity_days)
    if is_restricted:
        condition += " AND customer_id IN (SELECT unnest($customer_ids))"
    eligible = (
        f"SELECT customer_id, min({age_days('order_time')}) AS last_order_age "
        f"FROM orders WHERE {condition} GROUP BY customer_id"
    )
    return f"{eligible} ORDER BY md5(customer_id), customer_id LIMIT $n_most" if is_sample else eligible


def features_sql(
    features: Sequence[Feature],
    definition: ChurnDefinition,
    *,
    sources_seen: Iterable[str],
    is_sample: bool = False,
    is_restricted: bool = False,
) -> str:
    """SELECT of ``customer_id`` and a FLOAT column per feature, ordered by customer.

    Features that need a source without rows at this cutoff (not in ``sources_seen``) are NULL: nothing was recorded
    yet, which is not the same as none.
    """
    seen = set(sources_seen)
    parts = {part for feature in features for part in parts_of(feature.name)}
    by_source = {
        source: sorted(part for part in parts if aggregate(part).source == source)
        for source in SOURCES
        if source in seen
    }
    by_source = {source: names for source, names in by_source.items() if names}
    eligible = eligible_sql(definition, is_sample=is_sample, is_restricted=is_restricted)
    relations = [f"customers_asked AS ({eligible})"]
    is_part = is_sample or is_restricted
    relations += [
        f"from_{source} AS ({_source_sql(source, names, is_part=is_part)})" for source, names in by_source.items()
    ]
    joined = _joined_sql(by_source)
    columns = "".join(f", {_feature_sql(feature, by_source)} AS {feature.name}" for feature in features)
    return f"WITH {', '.join(relations)} SELECT customer_id{columns} FROM ({joined}) ORDER BY customer_id"


def _source_sql(source: str, names: Sequence[str], *, is_part: bool) -> str:
    columns = ", ".join(f"{aggregate(name).sql} AS {name}" for name in names)
    rows = SOURCES[source].rows(is_restricted=is_part)
    if SOURCES[source].is_shop:
        return f"SELECT {columns} FROM ({rows})"
    return f"SELECT customer_id, {columns} FROM ({rows}) GROUP BY customer_id"


def _joined_sql(by_source: dict[str, list[str]]) -> str:
    columns = ["customers_asked.customer_id"]
    joins = []
    for source, names in by_source.items():
        relation = f"from_{source}"
        columns += [_number(f"{relation}.{name}", name) for name in names]
        if SOURCES[source].is_shop:
            joins.append(f"CROSS JOIN {relation}")
        else:
            joins.append(f"LEFT JOIN {relation} ON {relation}.customer_id = customers_asked.customer_id")
    return f"SELECT {', '.join(columns)} FROM customers_asked {' '.join(joins)}"


def _number(column: str, name: str) -> str:
    value = f"coalesce({column}, 0)" if aggregate(name).fill_zero else column
    return f"CAST({value} AS DOUBLE) AS {name}"


def _feature_sql(feature: Feature, by_source: dict[str, list[str]]) -> str:
    present = {name for names in by_source.values() for name in names}
    if not parts_of(feature.name) <= present:
        return "CAST(NULL AS FLOAT)"
    return f"CAST({feature.name if feature.source else feature.sql} AS FLOAT)"
