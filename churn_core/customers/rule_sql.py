"""A rule as SQL: who is meant, with every value as a parameter and every identifier from the registry of fields.

A line holds only for customers whose value is known; "is not known" asks for the others. Lines about tags and segments
are always known: a customer is in it or not.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from churn_core.customers.attributes import attribute_table, json_pointer
from churn_core.customers.fact_groups import GROUP_COLUMNS, GROUPS_TABLE, groups_relation
from churn_core.customers.facts import TABLE, facts_as_of, facts_relation
from churn_core.customers.rule_fields import FIELDS, Field, field_named, person_column
from churn_core.customers.rules import MOST_DAYS, Line, Rule, Value, as_day, is_number
from churn_core.customers.still_there import still_there
from churn_core.errors import InputError, NotFound, unknown_name
from churn_core.features.attributes import PREFIX
from churn_core.features.sources import age_days
from churn_core.models.runs import latest_run
from churn_core.schema import quote

if TYPE_CHECKING:
    from churn_core.warehouse import Transaction, Warehouse

_SIGNS = {"is": "=", "is_not": "<>", "at_least": ">=", "at_most": "<="}


@dataclass(frozen=True, kw_only=True)
class Scope:
    """What rules of a workspace are asked of right now."""

    as_of: datetime
    """The midnight after the last order: days are counted up to here."""
    run_id: int | None
    """Latest score run; None before the first."""
    source: str
    """orders or snapshots: where attributes are looked up."""


@dataclass(frozen=True, kw_only=True)
class RuleSql:
    """The customers a rule means, as SQL."""

    sql: str
    """SELECT of their ids, from the relation that is read now."""
    shown: str
    """The same to read: a clause per line, from the kept table of facts."""
    parameters: dict[str, object]
    """Everything that came from a person, by the name it has in the SQL."""


def scope_of(reader: Warehouse | Transaction) -> Scope:
    """What rules are asked of in this workspace now."""
    run = latest_run(reader)
    if run is not None:
        source = run.source
    else:
        has_orders = reader.value("SELECT 1 FROM orders LIMIT 1") is not None
        is_table = not has_orders and reader.value("SELECT 1 FROM snapshots LIMIT 1") is not None
        source = "snapshots" if is_table else "orders"
    return Scope(as_of=facts_as_of(reader), run_id=None if run is None else run.run_id, source=source)


def rule_sql(reader: Warehouse | Transaction, rule: Rule, scope: Scope | None = None) -> RuleSql:
    """The SQL of a rule in this workspace.

    Raises NotFound for a field, tag or segment that there is not, InputError for an operator or a value that does not
    fit its field, and for a field of which nothing is in the workspace (any more).
    """
    asked = scope or scope_of(reader)
    check_rule(reader, rule, asked)
    writer = _Writer(asked)
    where = writer.group(rule)
    fields = [field_of(line) for line in rule.lines()]
    facts = frozenset(name for field in fields for name in field.facts)
    joins = _joins(fields, asked)
    parameters = writer.parameters | {"cutoff": asked.as_of, "run_id": asked.run_id}
    found, named = [], []
    if any(field.name in GROUP_COLUMNS for field in fields):
        groups = groups_relation(reader)
        parameters |= groups.parameters
        found = [f"LEFT JOIN {groups.sql} AS g ON g.customer_id = f.customer_id"]
        named = [f"LEFT JOIN {GROUPS_TABLE} AS g ON g.customer_id = f.customer_id"]
    relation = facts_relation(reader, facts)
    sql = " ".join(["SELECT f.customer_id", f"FROM {relation} AS f", *joins, *found, f"WHERE {where}"])
    shown = "\n".join(["SELECT f.customer_id", f"FROM {TABLE} AS f", *joins, *named, f"WHERE {writer.lines(rule)}"])
    return RuleSql(sql=sql, shown=shown, parameters=parameters)


def check_rule(reader: Warehouse | Transaction, rule: Rule, scope: Scope | None = None) -> None:
    """Whether a rule can be asked in this workspace; the errors of :func:`rule_sql`."""
    asked = scope or scope_of(reader)
    for line in rule.lines():
        field = field_of(line)
        if line.operator not in field.operators:
            words = ", ".join(operator.replace("_", " ") for operator in field.operators)
            raise InputError(f"{field.label!r} cannot be asked with {line.operator!r}; it takes: {words}.")
        _check_values(field, line)
        _check_there(reader, field, line, asked)


def field_of(line: Line) -> Field:
    """The field of a line; NotFound when there is none of that name."""
    field = field_named(line.field)
    if field is None:
        raise unknown_name("field", line.field, FIELDS)
    return field


def _joins(fields: list[Field], scope: Scope) -> list[str]:
    joins = []
    if any(field.table == "scores" for field in fields):
        there = f" AND {still_there(own='s.customer_id')}" if scope.source == "snapshots" else ""
        joins.append(f"LEFT JOIN scores AS s ON s.run_id = $run_id AND s.customer_id = f.customer_id{there}")
    if any(person_column(field) for field in fields):
        joins.append("LEFT JOIN customers AS c ON c.customer_id = f.customer_id")
    if any(field.kind == "attribute" for field in fields):
        joins.append(f"LEFT JOIN {attribute_table(scope.source)} AS a ON a.customer_id = f.customer_id")
    return joins


class _Writer:
    """Writes lines and groups, collecting the values as parameters."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope
        self._nr = 0
        self.parameters: dict[str, object] = {}

    def group(self, rule: Rule) -> str:
        """A group as one condition."""
        parts = [self.line(part) if isinstance(part, Line) else f"({self.group(part)})" for part in rule.parts]
        return (" AND " if rule.join == "all" else " OR ").join(parts)

    def lines(self, rule: Rule) -> str:
        """The same with a clause per line, as people read it."""
        return _Writer(self._scope)._shown(rule, "  ")

    def _shown(self, rule: Rule, indent: str) -> str:
        parts = [
            self.line(part) if isinstance(part, Line) else f"({self._shown(part, indent + '  ')})"
            for part in rule.parts
        ]
        return f"\n{indent}{'AND' if rule.join == 'all' else 'OR'} ".join(parts)

    def line(self, line: Line) -> str:
        """One line as a condition that is true or not."""
        field = field_of(line)
        if field.kind == "member":
            return self._member(field, line)
        if field.kind == "attribute":
            return self._attribute(field, line)
        if field.kind == "date":
            return self._date(field, line)
        return self._compared(field.sql, line.operator, line.values)

    def _parameter(self, value: object) -> str:
        name = f"value_{self._nr}"
        self._nr += 1
        self.parameters[name] = value
        return f"${name}"

    def _compared(self, sql: str, operator: str, values: tuple[Value, ...]) -> str:
        if operator in ("known", "unknown"):
            return f"{sql} IS {'NOT ' if operator == 'known' else ''}NULL"
        if operator in _SIGNS:
            return f"{sql} {_SIGNS[operator]} {self._parameter(values[0])}"
        if operator == "between":
            return f"{sql} BETWEEN {self._parameter(values[0])} AND {self._parameter(values[1])}"
        if operator == "contains":
            return f"contains(lower({sql}), lower({self._parameter(values[0])}))"
        is_in = f"list_contains({self._parameter([str(value) for value in values])}::VARCHAR[], {sql})"
        return f"NOT {is_in}" if operator == "none_of" else is_in

    def _date(self, field: Field, line: Line) -> str:
        if line.operator in ("in_last_days", "not_in_last_days"):
            is_recent = f"{age_days(field.sql)} <= {self._parameter(int(line.values[0]))}"
            return is_recent if line.operator == "in_last_days" else f"NOT {is_recent}"
        if line.operator in ("known", "unknown"):
            return self._compared(field.sql, line.operator, ())
        days: tuple[object, ...] = tuple(as_day(value) for value in line.values)
        return self._compared(f"CAST({field.sql} AS DATE)", line.operator, days)  # type: ignore[arg-type]

    def _attribute(self, field: Field, line: Line) -> str:
        pointer = self._parameter(json_pointer(field.name.removeprefix(PREFIX)))
        sql = f"json_extract_string(a.attributes, {pointer})"
        is_counted = line.operator in ("at_least", "at_most", "between")
        if is_counted or (line.operator in ("is", "is_not") and is_number(line.values[0])):
            return self._compared(f"try_cast({sql} AS DOUBLE)", line.operator, line.values)
        texts = tuple(_attribute_text(value) for value in line.values)
        return self._compared(f"nullif({sql}, '')", line.operator, texts)

    def _member(self, field: Field, line: Line) -> str:
        names = self._parameter([str(value) for value in line.values])
        if field.name == "tag":
            chosen = f"SELECT customer_id FROM customer_tags WHERE list_contains({names}::VARCHAR[], tag)"
        else:
            chosen = (
                "SELECT m.customer_id FROM segment_members AS m JOIN segments AS g ON g.segment_id = m.segment_id "
                f"WHERE list_contains({names}::VARCHAR[], g.name)"
            )
        is_out = line.operator in ("is_not", "none_of")
        return f"f.customer_id {'NOT ' if is_out else ''}IN ({chosen})"


def _attribute_text(value: Value) -> str:
    """A value as it stands in JSON attributes read as text."""
    return str(value).lower() if isinstance(value, bool) else f"{value:.15g}" if is_number(value) else str(value)


def _check_values(field: Field, line: Line) -> None:
    """Whether the values of a line fit the kind of its field."""
    if line.operator in ("in_last_days", "not_in_last_days"):
        days = line.values[0]
        if not is_number(days) or float(days) != int(days) or not 1 <= float(days) <= MOST_DAYS:
            raise InputError(
                f"{field.label!r} in the last {days} days was asked; give whole days from 1 to {MOST_DAYS}."
            )
    elif field.kind == "number":
        _check_numbers(field, line)
    elif field.kind == "date":
        for value in line.values:
            if as_day(value) is None:
                raise InputError(f"{field.label!r} is compared with {value!r}; give a day like 2026-11-20.")
    elif field.kind == "yes_no":
        if any(not isinstance(value, bool) for value in line.values):
            raise InputError(f"{field.label!r} is compared with {line.values[0]!r}; give yes or no (true or false).")
    elif field.kind == "attribute" and line.operator in ("at_least", "at_most", "between"):
        _check_numbers(field, line)
    elif field.kind in ("choice", "member"):
        _check_texts(field, line)
    if line.operator == "between" and line.values[0] > line.values[1]:  # type: ignore[operator]
        raise InputError(
            f"{field.label!r} is asked to be between {line.values[0]} and {line.values[1]}; give the smaller one first."
        )


def _check_numbers(field: Field, line: Line) -> None:
    for value in line.values:
        if not is_number(value):
            raise InputError(f"{field.label!r} is compared with {value!r}; give a number.")
        if field.unit == "share" and not 0 <= float(value) <= 1:
            raise InputError(f"{field.label!r} is compared with {value:g}; it lies between 0 and 1 (0 and 100 %).")


def _check_texts(field: Field, line: Line) -> None:
    for value in line.values:
        if not isinstance(value, str) or not value:
            raise InputError(f"{field.label!r} is compared with {value!r}; give a text.")
        if field.options and line.operator != "contains" and value not in field.options:
            raise unknown_name(field.label.lower(), value, field.options)


def _check_there(reader: Warehouse | Transaction, field: Field, line: Line, scope: Scope) -> None:
    """Whether the workspace holds what the field is about."""
    if field.kind == "member":
        _check_names(reader, field, line)
        return
    if field.kind == "attribute":
        name = field.name.removeprefix(PREFIX)
        table = attribute_table(scope.source)
        there = reader.value(
            f"SELECT 1 FROM {table} WHERE json_exists(attributes, $pointer) LIMIT 1", {"pointer": json_pointer(name)}
        )
        if there is None:
            raise NotFound(f"no customer has a column {name!r} (any more); {_REMEDY}")
        return
    column = person_column(field)
    if column is not None:
        if reader.value(f"SELECT 1 FROM customers WHERE {quote(column)} IS NOT NULL LIMIT 1") is None:
            raise NotFound(f"no customer has a {field.label.lower()} (any more); {_REMEDY}")
    elif field.table == "scores":
        if scope.run_id is None:
            raise NotFound(f"{field.label!r} is not known before customers are scored; score them, or {_TAKE_OUT}")
    elif field.table and reader.value(f"SELECT 1 FROM {quote(field.table)} LIMIT 1") is None:
        words = field.table.replace("_", " ")
        raise NotFound(
            f"{field.label!r} is not known, because the workspace holds no {words}; import them, or {_TAKE_OUT}"
        )


_TAKE_OUT = "take the line out."
_REMEDY = f"import a file that has it, or {_TAKE_OUT}"


def _check_names(reader: Warehouse | Transaction, field: Field, line: Line) -> None:
    sql = "SELECT tag FROM tags" if field.name == "tag" else "SELECT name FROM segments"
    known = {name for (name,) in reader.rows(sql)}
    for value in line.values:
        if value not in known:
            raise unknown_name(field.label.lower(), str(value), known)
