"""What a rule can ask: every field with its kind, its SQL and its meaning.

Columns stand under short names: ``f`` for the facts of a customer, ``s`` for the score of the latest run, ``c`` for who
the customer is, ``g`` for the groups by RFM and lifecycle. A field is one entry here; columns of the
user's own files are fields too, as ``attribute:NAME``, and reach SQL as parameters alone.
"""

from __future__ import annotations

from dataclasses import dataclass

from churn_core.customers.facts import NIGHT_WORDS, TABLE_OF
from churn_core.customers.lifecycle import STAGES
from churn_core.customers.rfm_rule import GROUPS
from churn_core.customers.tiers import TIERS
from churn_core.features.attributes import PREFIX
from churn_core.features.sources import age_days

_NAMES = ("is", "is_not", "one_of", "none_of", "contains", "known", "unknown")

OPERATORS: dict[str, tuple[str, ...]] = {
    "number": ("at_least", "at_most", "between", "is", "is_not", "known", "unknown"),
    "date": ("in_last_days", "not_in_last_days", "at_least", "at_most", "between", "known", "unknown"),
    "choice": _NAMES,
    "yes_no": ("is", "known", "unknown"),
    "member": ("is", "is_not", "one_of", "none_of"),
    "attribute": (*_NAMES[:5], "at_least", "at_most", "between", "known", "unknown"),
}
"""What can be asked of each kind of field, the most usual first."""


@dataclass(frozen=True, kw_only=True)
class Field:
    """One thing that a rule can ask of a customer."""

    name: str
    label: str
    """Its name in words."""
    kind: str
    """number, date, choice, yes_no, member or attribute."""
    meaning: str
    sql: str = ""
    """SQL of the value; empty for members and attributes, which are made where they are used."""
    unit: str = ""
    """count, currency, days, share, ratio, or empty."""
    table: str = ""
    """The table that must hold something; empty when none must."""
    facts: frozenset[str] = frozenset()
    """Facts that the SQL reads."""
    options: tuple[str, ...] = ()
    """All values there can be; empty when that depends on the data."""

    @property
    def operators(self) -> tuple[str, ...]:
        """What can be asked of it."""
        return OPERATORS[self.kind]


def _score(name: str, label: str, unit: str, meaning: str) -> Field:
    return Field(name=name, label=label, kind="number", unit=unit, meaning=meaning, sql=f"s.{name}", table="scores")


def _fact(name: str, label: str, unit: str, sql: str, meaning: str, *facts: str) -> Field:
    used = frozenset(facts or (name,))
    return Field(
        name=name, label=label, kind="number", unit=unit, sql=sql, meaning=meaning, facts=used,
        table=TABLE_OF[min(used)],
    )  # fmt: skip


def _number(name: str, label: str, unit: str, meaning: str) -> Field:
    """A count or a sum, 0 for customers without any."""
    return _fact(name, label, unit, f"coalesce(f.{name}, 0)", meaning)


def _date(name: str, label: str, meaning: str) -> Field:
    return Field(
        name=name, label=label, kind="date", sql=f"f.{name}", meaning=meaning, facts=frozenset({name}),
        table=TABLE_OF[name],
    )  # fmt: skip


def _person(name: str, label: str, meaning: str) -> Field:
    return Field(name=name, label=label, kind="choice", sql=f"c.{name}", meaning=meaning, table="customers")


_FIELDS: tuple[Field, ...] = (
    _score("risk", "Risk", "share", "Probability of churning within the horizon, from the latest scoring."),
    Field(
        name="tier", label="Tier", kind="choice", sql="s.tier", table="scores", options=TIERS,
        meaning="Tier of the latest scoring by the policy in force.",
    ),
    _score("value_at_risk", "Value at risk", "currency", "Risk x expected value, from the latest scoring."),
    _score("expected_value", "Expected value", "currency", "Expected margin within the horizon if the customer stays."),
    Field(
        name="main_reason", label="Main reason", kind="choice", sql="s.main_group", table="scores",
        meaning="Group of the signal that raises the risk most, from the latest scoring.",
    ),
    _fact(
        "days_since_last_order", "Days since last order", "days", age_days("f.last_order"),
        "Days from the last order to the end of the data.", "last_order",
    ),
    _fact(
        "days_since_first_order", "Days since first order", "days", age_days("f.first_order"),
        "Days from the first order to the end of the data.", "first_order",
    ),
    _number("n_orders", "Orders", "count", "Orders so far."),
    _number("n_orders_90", "Orders of the last 90 days", "count", "Orders of the last 90 days."),
    _number("n_orders_365", "Orders of the last 365 days", "count", "Orders of the last 365 days."),
    _fact(
        "orders_per_year", "Orders per year", "ratio",
        f"f.n_orders * 365e0 / greatest({age_days('f.first_order')}, 90)",
        "Orders so far by years since the first order; customers of less than 90 days count as 90 days.",
        "n_orders", "first_order",
    ),
    _number("spend_amount", "Spend", "currency", "What was paid for all orders so far."),
    _number("spend_365", "Spend of the last 365 days", "currency", "What was paid in the last 365 days."),
    _fact(
        "mean_order_amount", "Mean order", "currency", "f.spend_amount / nullif(f.n_orders, 0)",
        "Spend by orders; not known without orders.", "spend_amount", "n_orders",
    ),
    _fact(
        "discount_rate", "Discount share", "share",
        "f.discount_amount / nullif(f.discount_amount + f.spend_amount, 0)",
        "Discounts granted as a part of what the orders would have cost.", "discount_amount", "spend_amount",
    ),
    _fact(
        "discounted_order_share", "Orders with a discount", "share", "f.n_discounted_orders / nullif(f.n_orders, 0)",
        "Part of the orders that had a discount.", "n_discounted_orders", "n_orders",
    ),
    _fact(
        "night_order_share", "Orders at night", "share", "f.n_night_orders / nullif(f.n_timed_orders, 0)",
        f"Part of the orders placed {NIGHT_WORDS}; orders without a time of day do not count.",
        "n_night_orders", "n_timed_orders",
    ),
    _number("n_returns", "Returns", "count", "Returns and cancellations so far."),
    Field(
        name="returns_per_order", label="Returns per order", kind="number", unit="ratio",
        sql="coalesce(f.n_returns, 0) / nullif(f.n_orders, 0)", table="returns",
        meaning="Returns so far by orders so far.", facts=frozenset({"n_returns", "n_orders"}),
    ),
    _number("n_tickets", "Service requests", "count", "Requests to customer service so far."),
    _number("n_reviews", "Reviews", "count", "Reviews and survey answers so far."),
    _fact("mean_rating", "Mean rating", "ratio", "f.mean_rating", "Mean of the ratings given."),
    _fact("n_categories", "Categories", "count", "f.n_categories", "Article categories bought from."),
    _date("first_order", "First order", "Day of the first order."),
    _date("last_order", "Last order", "Day of the last order."),
    _date("last_return", "Last return", "Day of the last return."),
    _date("last_ticket", "Last service request", "Day of the last request to customer service."),
    _date("last_review", "Last review", "Day of the last review."),
    _date("last_message", "Last message", "Day on which a marketing message was last sent."),
    _date("last_opened", "Last opened message", "Day on which a message was last opened or clicked."),
    _date("last_visit", "Last visit", "Day of the last visit, view, cart or search."),
    Field(
        name="signup_time", label="Signed up", kind="date", sql="c.signup_time", table="customers",
        meaning="Day on which the account was opened.",
    ),
    Field(
        name="email_consent", label="E-mail consent", kind="yes_no", sql="c.email_consent", table="customers",
        meaning="Whether e-mail marketing is allowed.",
    ),
    _person("country", "Country", "Country, as known today."),
    _person("city", "City", "City, as known today."),
    _person("language", "Language", "Language of correspondence."),
    Field(
        name="customer_id", label="Customer id", kind="choice", sql="f.customer_id",
        meaning="The id as given in the files.",
    ),
    Field(
        name="rfm_group", label="RFM group", kind="choice", sql="g.rfm_group", table="orders", options=tuple(GROUPS),
        meaning="Group by recency, frequency and money, by the RFM rule in force.",
    ),
    Field(
        name="lifecycle_stage", label="Lifecycle stage", kind="choice", sql="g.lifecycle_stage", table="orders",
        options=tuple(STAGES), meaning="Stage of the life with the shop, by the customer's own rhythm.",
    ),
    Field(name="tag", label="Tag", kind="member", meaning="Words that customers are marked with."),
    Field(name="segment", label="Segment", kind="member", meaning="Saved segments of any kind."),
)  # fmt: skip

FIELDS: dict[str, Field] = {field.name: field for field in _FIELDS}
"""Every field that does not come from the user's own columns, by name."""

_PERSON_COLUMNS = ("country", "city", "language", "email_consent", "signup_time")


def attribute_field(name: str) -> Field:
    """The field of a column of the user's files.

    >>> attribute_field("loyalty card").name
    'attribute:loyalty card'
    """
    return Field(
        name=PREFIX + name, label=name, kind="attribute",
        meaning="A column of the uploaded file, as known when it was imported.",
    )  # fmt: skip


def field_named(name: str) -> Field | None:
    """The field of that name; None when there is none."""
    if name.startswith(PREFIX) and len(name) > len(PREFIX):
        return attribute_field(name.removeprefix(PREFIX))
    return FIELDS.get(name)


def person_column(field: Field) -> str | None:
    """The column of ``customers`` that the field reads; None when it reads none."""
    return field.name if field.name in _PERSON_COLUMNS else None
