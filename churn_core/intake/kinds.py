"""What an uploaded file may hold: the kinds of file and the fields a column can be mapped to.

Fields come from the schema's mappable columns; a few more are understood beside them: the currency of a row,
and who the customer is where an order file says so. The words by which headers are recognised are in
``synonyms``.
"""

from __future__ import annotations

from dataclasses import dataclass

from churn_core.errors import unknown_name
from churn_core.schema import TABLES

CUSTOMER_EXTRAS = ("name", "email", "country", "city")
"""Columns of ``customers`` that order files often carry; their fields are called customer_<column>."""


@dataclass(frozen=True, kw_only=True)
class Field:
    """Something a column of a file can be mapped to."""

    name: str
    """Name in a mapping."""
    type: str
    """id, text, time, money, number or boolean."""
    meaning: str
    """What it holds."""
    required: bool = False
    """Whether the file cannot be loaded without it."""
    table: str = ""
    """Table it is written to, when not the kind's own."""

    @property
    def words(self) -> str:
        """What a person calls it in a sentence."""
        return _WORDS.get(self.name, self.name.removeprefix("n_").removesuffix("_amount").replace("_", " "))


_WORDS = {
    "n_items": "number of items",
    "kind": "what happened",
    "churned": "churn label",
    "order_id": "order number",
    "product_id": "article number",
    "product_name": "article",
    "opened_at": "time of opening",
    "first_reply_at": "time of the first reply",
    "resolved_at": "time of settling",
}


@dataclass(frozen=True, kw_only=True)
class Kind:
    """A kind of file."""

    name: str
    """Name in a mapping."""
    label: str
    """What a person calls it."""
    meaning: str
    """One row is ..."""
    table: str
    """The table it fills first."""
    time: str | None
    """The field that says when."""
    fields: tuple[Field, ...]
    """Fields in the order of the page."""
    identity: tuple[str, ...] = ()
    """Fields that make the id of a row when the file has none."""

    def field(self, name: str) -> Field:
        """The field of that name; NotFound with a suggestion when there is none."""
        for field in self.fields:
            if field.name == name:
                return field
        raise unknown_name("field", name, [field.name for field in self.fields])

    @property
    def field_names(self) -> tuple[str, ...]:
        """Names of all fields."""
        return tuple(field.name for field in self.fields)

    @property
    def required(self) -> tuple[str, ...]:
        """Fields without which the file cannot be loaded."""
        return tuple(field.name for field in self.fields if field.required)

    @property
    def id_field(self) -> str:
        """The field that identifies a row."""
        return TABLES[self.table].key[0]


def _type_of(name: str, sql_type: str) -> str:
    if name.endswith("_id") or name in {"name", "email", "phone"}:
        return "id" if name.endswith("_id") else "text"
    return {"TIMESTAMP": "time", "DOUBLE": "number", "BOOLEAN": "boolean", "VARCHAR": "text"}.get(sql_type, "money")


_NOT_REQUIRED = {("order_lines", "order_id")}
_CURRENCY = Field(name="currency", type="text", meaning="Currency of the row; one per workspace")


def _fields(table_name: str, *, currency: bool = False, customer: bool = False) -> tuple[Field, ...]:
    fields = [
        Field(
            name=column.name,
            type=_type_of(column.name, column.type),
            meaning=column.meaning,
            required=column.required and (table_name, column.name) not in _NOT_REQUIRED,
        )
        for column in TABLES[table_name].mappable
    ]
    if table_name == "order_lines":
        channel = TABLES["orders"].column("channel")
        fields.append(Field(name="channel", type="text", meaning=channel.meaning, table="orders"))
    if currency:
        fields.append(_CURRENCY)
    if customer:
        known = TABLES["customers"]
        fields += [
            Field(
                name=f"customer_{name}",
                type="text",
                meaning=f"{known.column(name).meaning} of the customer",
                table="customers",
            )
            for name in CUSTOMER_EXTRAS
        ]
    return tuple(fields)


def _kind(name: str, label: str, meaning: str, *identity: str, currency: bool = False, customer: bool = False) -> Kind:
    return Kind(
        name=name,
        label=label,
        meaning=meaning,
        table=name,
        time=TABLES[name].time,
        fields=_fields(name, currency=currency, customer=customer),
        identity=identity,
    )


KINDS: dict[str, Kind] = {
    kind.name: kind
    for kind in (
        _kind("orders", "Orders", "one row per order", "customer_id", "order_time", "amount",
              currency=True, customer=True),
        _kind("order_lines", "Order lines", "one row per article in an order", "customer_id", "order_time",
              currency=True, customer=True),
        _kind("returns", "Returns and cancellations", "one row per return or cancellation",
              "customer_id", "return_time", "order_id", "amount", currency=True),
        _kind("events", "Events", "one row per visit, product view, cart or search",
              "customer_id", "event_time", "kind", "product_id", "session_id"),
        _kind("feedback", "Reviews and survey answers", "one row per review or answer",
              "customer_id", "feedback_time", "product_id", "text"),
        _kind("tickets", "Service tickets", "one row per request to customer service",
              "customer_id", "opened_at", "topic"),
        _kind("contacts", "Marketing contacts", "one row per message and what became of it",
              "customer_id", "contact_time", "kind", "channel", "campaign"),
        _kind("customers", "Customers", "one row per customer, as known today"),
        _kind("snapshots", "Customers with a churn label", "one row per customer with a column that says who left",
              currency=True),
    )
}  # fmt: skip


def kind_of(name: str) -> Kind:
    """The kind of that name; NotFound with a suggestion when there is none."""
    if name not in KINDS:
        raise unknown_name("kind of file", name, KINDS)
    return KINDS[name]
