"""A rule as a sentence, line by line the same as its SQL."""

from __future__ import annotations

from datetime import date

from churn_core.customers.rule_fields import Field
from churn_core.customers.rule_sql import field_of
from churn_core.customers.rules import Line, Rule, Value, as_day, is_number

WORDS = {
    "is": "is",
    "is_not": "is not",
    "one_of": "is one of",
    "none_of": "is none of",
    "at_least": "is at least",
    "at_most": "is at most",
    "between": "is between",
    "contains": "contains",
    "in_last_days": "is in the last",
    "not_in_last_days": "is not in the last",
    "known": "is known",
    "unknown": "is not known",
}
"""Every operator in words."""

_PLURALS = ("orders", "returns", "reviews", "categories", "service requests")
"""How labels begin of which several are said."""

_OF_DATES = {"at_least": "is on or after", "at_most": "is on or before"}


def operator_words(field: Field, operator: str) -> str:
    """An operator as it is said of a field.

    >>> from churn_core.customers.rule_fields import FIELDS
    >>> operator_words(FIELDS["risk"], "at_least"), operator_words(FIELDS["last_order"], "at_least")
    ('is at least', 'is on or after')
    """
    words = _OF_DATES.get(operator, WORDS[operator]) if field.kind == "date" else WORDS[operator]
    is_many = field.kind == "number" and field.label.lower().startswith(_PLURALS)
    return f"are{words.removeprefix('is')}" if is_many else words


def rule_sentence(rule: Rule) -> str:
    """A rule as a sentence.

    >>> risk = Line(field="risk", operator="at_least", values=(0.5,))
    >>> country = Line(field="country", operator="one_of", values=("France", "Spain"))
    >>> orders = Line(field="n_orders", operator="between", values=(3, 9))
    >>> rule_sentence(Rule(parts=(risk, Rule(join="any", parts=(country, orders)))))
    "Customers whose risk is at least 50 %, and (country is one of 'France' or 'Spain', or orders are between 3 and 9)."
    """
    return f"Customers whose {_group(rule)}."


def _group(rule: Rule) -> str:
    parts = [line_words(part) if isinstance(part, Line) else f"({_group(part)})" for part in rule.parts]
    return (", and " if rule.join == "all" else ", or ").join(parts)


def line_words(line: Line) -> str:
    """One line in words.

    >>> line_words(Line(field="last_order", operator="in_last_days", values=(30,)))
    'last order is in the last 30 days'
    >>> line_words(Line(field="email_consent", operator="is", values=(True,)))
    'e-mail consent is yes'
    """
    field = field_of(line)
    label = field.label if field.kind == "attribute" else field.label[:1].lower() + field.label[1:]
    words = f"{label} {operator_words(field, line.operator)}"
    values = [value_words(field, value) for value in line.values]
    if line.operator in ("in_last_days", "not_in_last_days"):
        return f"{words} {values[0]} {'day' if values[0] == '1' else 'days'}"
    if line.operator == "between":
        return f"{words} {values[0]} and {values[1]}"
    if len(values) > 1:
        return f"{words} {', '.join(values[:-1])} or {values[-1]}"
    return " ".join([words, *values])


def value_words(field: Field, value: Value) -> str:
    """One value as it is said of a field: shares as percent, days as dates, texts in quotes."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if is_number(value):
        number = float(value)
        return f"{round(100 * number, 6):,.10g} %" if field.unit == "share" else f"{number:,.12g}"
    day = as_day(value) if field.kind == "date" else None
    return _day(day) if day else f"'{value}'"


def _day(day: date) -> str:
    return f"{day.day} {day:%b %Y}"
