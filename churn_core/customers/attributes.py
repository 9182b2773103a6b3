"""What is known about a customer apart from behaviour: names, kinds and values to filter by.

Separate because an attribute's name comes from the user's file: it reaches SQL only as a parameter (a JSON
pointer), never as an identifier.
"""

from __future__ import annotations

from dataclasses import dataclass

from churn_core.warehouse import Warehouse

CUSTOMER_COLUMNS = {
    "country": "country",
    "city": "city",
    "language": "language",
    "email_consent": "CASE email_consent WHEN true THEN 'yes' WHEN false THEN 'no' END",
}
"""Attributes with a column of their own in ``customers``, as SQL text."""

N_OPTIONS = 200
"""Most frequent values offered for an attribute; others can be typed."""

N_SAMPLED = 100_000
"""Customers looked at to list values of JSON attributes."""


@dataclass(frozen=True, kw_only=True)
class Attribute:
    """One thing customers can be filtered by."""

    name: str
    """As in the file."""
    is_number: bool
    """Whether all its values are numbers and there are too many to list."""
    options: tuple[str, ...]
    """Its values, the most frequent first; empty for a number."""
    low: float | None
    """Smallest value of a number."""
    high: float | None
    """Largest value of a number."""


def attribute_table(source: str) -> str:
    """The table that holds the attributes when customers are scored from that source."""
    return "snapshots" if source == "snapshots" else "customers"


def attribute_value(name: str, source: str, parameter: str) -> tuple[str, dict[str, object]]:
    """SQL text of an attribute's value and the parameters it needs.

    >>> attribute_value("country", "orders", "name_0")
    ('country', {})
    >>> attribute_value("Tenure/Months", "snapshots", "name_0")
    ('json_extract_string(attributes, $name_0)', {'name_0': '/Tenure~1Months'})
    """
    if source != "snapshots" and name in CUSTOMER_COLUMNS:
        return CUSTOMER_COLUMNS[name], {}
    return f"json_extract_string(attributes, ${parameter})", {parameter: json_pointer(name)}


def json_pointer(name: str) -> str:
    """The JSON pointer of a key, whatever characters it holds (RFC 6901).

    >>> json_pointer("a/b~c")
    '/a~1b~0c'
    """
    return "/" + name.replace("~", "~0").replace("/", "~1")


def attributes(warehouse: Warehouse, source: str) -> tuple[Attribute, ...]:
    """All attributes that at least one customer has, with the values to choose from."""
    table = attribute_table(source)
    names = [] if source == "snapshots" else list(CUSTOMER_COLUMNS)
    keys = warehouse.rows(
        f"SELECT key, min(nr) FROM (SELECT unnest(json_keys(attributes)) AS key, "
        f"generate_subscripts(json_keys(attributes), 1) AS nr FROM (SELECT attributes FROM {table} "
        f"WHERE attributes IS NOT NULL LIMIT {N_SAMPLED // 10})) GROUP BY key ORDER BY 2, 1"
    )
    names += [key for key, _ in keys if key not in names]
    found = [_attribute(warehouse, name, source) for name in names]
    return tuple(attribute for attribute in found if attribute is not None)


def _attribute(warehouse: Warehouse, name: str, source: str) -> Attribute | None:
    value, parameters = attribute_value(name, source, "name")
    rows = warehouse.rows(
        f"SELECT value, count(*) AS n, try_cast(value AS DOUBLE) AS amount FROM "
        f"(SELECT {value} AS value FROM (SELECT * FROM {attribute_table(source)} LIMIT {N_SAMPLED})) "
        "WHERE value IS NOT NULL GROUP BY value ORDER BY n DESC, value",
        parameters,
    )
    if not rows:
        return None
    amounts = [amount for _, _, amount in rows if amount is not None]
    if len(amounts) == len(rows) > 12:
        return Attribute(name=name, is_number=True, options=(), low=min(amounts), high=max(amounts))
    options = tuple(str(text) for text, _, _ in rows[:N_OPTIONS])
    return Attribute(name=name, is_number=False, options=options, low=None, high=None)
