"""Rules in simple words, as they are typed: ``risk at_least 50%``, ``country one_of France,Spain``."""

from __future__ import annotations

import math
from collections.abc import Sequence

from churn_core.customers.rule_fields import FIELDS, Field, field_named
from churn_core.customers.rules import N_VALUES, Join, Line, Rule, Value
from churn_core.errors import InputError, unknown_name
from churn_core.features.attributes import PREFIX

_YES_NO = {"yes": True, "true": True, "no": False, "false": False}


def rule_from_lines(lines: Sequence[str], *, join: Join = "all") -> Rule:
    """The rule of several lines, all of which must hold, or any."""
    return Rule(join=join, parts=tuple(line_from_text(text) for text in lines))


def line_from_text(text: str) -> Line:
    """One line as it is typed: a field, an operator, and its values separated by commas.

    Raises InputError in one sentence when it is none, NotFound for an unknown field.

    >>> line_from_text("risk at least 50%")
    Line(field='risk', operator='at_least', values=(0.5,))
    >>> line_from_text("country one_of France, Spain").values
    ('France', 'Spain')
    >>> line_from_text("n_orders between 3 and 9").values
    (3, 9)
    >>> line_from_text("attribute:loyalty card is gold")
    Line(field='attribute:loyalty card', operator='is', values=('gold',))
    """
    words = text.split()
    if not words:
        raise InputError("a line of the rule is empty; write it like 'risk at_least 50%'.")
    for n_field in range(1, len(words)) if words[0].startswith(PREFIX) else (1,):
        for n_operator in (4, 3, 2, 1):
            operator = "_".join(words[n_field : n_field + n_operator]).lower()
            if len(words) >= n_field + n_operator and operator in N_VALUES:
                field = field_named(" ".join(words[:n_field]))
                if field is None:
                    raise unknown_name("field", words[0], FIELDS)
                values = _values(field, operator, " ".join(words[n_field + n_operator :]))
                return Line(field=field.name, operator=operator, values=values)
    if field_named(words[0]) is None:
        raise unknown_name("field", words[0], FIELDS)
    raise InputError(f"{text!r} has no operator; write it like 'risk at_least 50%'. Operators: {', '.join(N_VALUES)}.")


def _values(field: Field, operator: str, text: str) -> tuple[Value, ...]:
    if operator in ("known", "unknown"):
        return (text,) if text else ()
    if operator == "between":
        parts = text.split(" and ") if " and " in text else text.split(",")
    else:
        parts = text.split(",") if operator in ("one_of", "none_of") else [text]
    is_counted = operator in ("at_least", "at_most", "between", "in_last_days", "not_in_last_days")
    return tuple(_value(field, part.strip(), is_counted=is_counted) for part in parts if part.strip())


def _value(field: Field, text: str, *, is_counted: bool) -> Value:
    """A value as its field takes it; the text itself where it cannot be read so, for the check to say."""
    if field.kind == "yes_no":
        return _YES_NO.get(text.lower(), text)
    if field.kind == "number" or (is_counted and (field.kind == "attribute" or text.isdigit())):
        return _number(text, is_share=field.unit == "share")
    return text


def _number(text: str, *, is_share: bool) -> Value:
    try:
        number = float(text.rstrip("%").strip())
    except ValueError:
        return text
    if is_share and text.endswith("%"):
        number = round(number / 100, 10)
    if not math.isfinite(number):
        return text
    return int(number) if number.is_integer() and "." not in text and not text.endswith("%") else number
