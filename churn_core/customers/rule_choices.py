"""What a rule can ask in one workspace: the fields that hold something there, with the values to choose from."""

from __future__ import annotations

from dataclasses import dataclass, replace

from churn_core.customers.attributes import CUSTOMER_COLUMNS, Attribute, attributes
from churn_core.customers.rule_fields import FIELDS, Field, attribute_field, person_column
from churn_core.customers.rule_sql import Scope, scope_of
from churn_core.schema import quote
from churn_core.warehouse import Warehouse

MOST_OPTIONS = 200


@dataclass(frozen=True, kw_only=True)
class FieldChoice:
    """A field that can be asked of a workspace."""

    field: Field
    options: tuple[str, ...]
    """Values to choose from, the most frequent first; empty where they are typed."""


def field_choices(warehouse: Warehouse) -> tuple[FieldChoice, ...]:
    """Every field that something is known of, those of the registry first, then the user's own columns."""
    scope = scope_of(warehouse)
    own = {found.name: found for found in attributes(warehouse, scope.source)}
    choices = [
        FieldChoice(field=field, options=_options(warehouse, field, scope, own))
        for field in FIELDS.values()
        if _is_there(warehouse, field, scope)
    ]
    for name, found in own.items():
        if scope.source == "snapshots" or name not in CUSTOMER_COLUMNS:
            field = attribute_field(name)
            choices.append(FieldChoice(field=replace(field, label=name), options=found.options))
    return tuple(choices)


def _is_there(warehouse: Warehouse, field: Field, scope: Scope) -> bool:
    if field.kind == "member":
        table = "tags" if field.name == "tag" else "segments"
        return warehouse.value(f"SELECT 1 FROM {table} LIMIT 1") is not None
    column = person_column(field)
    if column is not None:
        return warehouse.value(f"SELECT 1 FROM customers WHERE {quote(column)} IS NOT NULL LIMIT 1") is not None
    if field.table == "scores":
        return scope.run_id is not None
    return not field.table or warehouse.value(f"SELECT 1 FROM {quote(field.table)} LIMIT 1") is not None


def _options(warehouse: Warehouse, field: Field, scope: Scope, own: dict[str, Attribute]) -> tuple[str, ...]:
    if field.options:
        return field.options
    if field.name in own:
        return own[field.name].options if field.kind == "choice" else ()
    if field.name == "main_reason":
        sql = (
            "SELECT main_group FROM scores WHERE run_id = $run_id AND main_group IS NOT NULL "
            f"GROUP BY main_group ORDER BY count(*) DESC, main_group LIMIT {MOST_OPTIONS}"
        )
        return tuple(name for (name,) in warehouse.rows(sql, {"run_id": scope.run_id}))
    if field.kind == "member":
        sql = (
            "SELECT tag FROM tags ORDER BY lower(tag)"
            if field.name == "tag"
            else "SELECT name FROM segments ORDER BY lower(name)"
        )
        return tuple(name for (name,) in warehouse.rows(sql))
    return ()
