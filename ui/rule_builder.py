"""The inputs of a rule: rows of field, operator and value in groups joined by and / or."""

from __future__ import annotations

from datetime import date
from typing import Any

import streamlit as st

from churn_core.customers.rule_choices import FieldChoice
from churn_core.customers.rule_fields import Field, field_named
from churn_core.customers.rule_words import operator_words
from churn_core.customers.rules import as_day, is_number
from churn_core.figures.theme import currency_sign
from ui import rule_draft as drafts
from ui import session
from ui.rule_draft import Draft, GroupDraft, Row

JOINS = {"all": "and", "any": "or"}
_REQUIRED: dict[str, Any] = {"required": True, "label_visibility": "collapsed"}


def builder_block(found: Draft, choices: tuple[FieldChoice, ...]) -> None:
    """All groups with their rows, and the buttons that add to them."""
    by_name = {choice.field.name: choice for choice in choices}
    for place, group in enumerate(found.groups):
        if place:
            _join_of_groups(found, place)
        with st.container(border=len(found.groups) > 1, key=f"rule_group_{group.nr}", gap="small"):
            _group(found, group, by_name)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button(
            "Add a group", icon=":material/add_box:", key="rule_add_group", on_click=drafts.add_group, args=(found,),
            help="Lines of a group belong together, as in brackets.",
        )  # fmt: skip
        st.button("Clear", type="tertiary", key="rule_clear", on_click=drafts.clear)


def _joined(join: str) -> str:
    return JOINS[join]


def _of_these(join: str) -> str:
    return f"{join} of these"


def _join_of_groups(found: Draft, place: int) -> None:
    """How groups are joined: chosen once, said between all of them."""
    if place > 1:
        st.markdown(f":gray[{JOINS[found.join]}]")
        return
    key = "rule_join"
    _start(key, found.join)
    found.join = str(st.segmented_control("Between groups", list(JOINS), format_func=_joined, key=key, **_REQUIRED))


def _group(found: Draft, group: GroupDraft, by_name: dict[str, FieldChoice]) -> None:
    if len(group.rows) > 1:
        key = f"rule_join_{group.nr}"
        _start(key, group.join)
        group.join = str(st.segmented_control("Lines", list(JOINS), format_func=_of_these, key=key, **_REQUIRED))
    for row in list(group.rows):
        _row(found, group, row, by_name)
    st.button(
        "Add a line", icon=":material/add:", type="tertiary", key=f"rule_add_{group.nr}", on_click=drafts.add_row,
        args=(group,),
    )  # fmt: skip


def _row(found: Draft, group: GroupDraft, row: Row, by_name: dict[str, FieldChoice]) -> None:
    names = list(by_name)
    if row.field and row.field not in names:
        names.append(row.field)
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        key = f"rule_field_{row.nr}"
        if key not in st.session_state:
            st.session_state[key] = row.field
        labels = _labels(names)
        chosen = st.selectbox(
            "Field", names, index=None, format_func=labels.__getitem__, key=key, placeholder="Choose what to ask",
            label_visibility="collapsed", width=240,
        )  # fmt: skip
        if chosen != row.field:
            row.field, row.operator, row.values = chosen, None, []
        field = by_name[row.field].field if row.field in by_name else field_named(row.field or "")
        if field is not None:
            _operator(row, field)
            options = by_name[field.name].options if field.name in by_name else ()
            row.values = _values(row, field, options)
        st.button(
            ":material/close:", type="tertiary", key=f"rule_remove_{row.nr}", on_click=drafts.remove_row,
            args=(found, group, row), help="Take this line out",
        )  # fmt: skip


def _labels(names: list[str]) -> dict[str, str]:
    """What each field is called, with the unit in which it is asked."""
    sign = currency_sign(session.currency()).strip()
    labels = {}
    for name in names:
        field = field_named(name)
        unit = {"share": "%", "currency": sign}.get(field.unit, "") if field is not None else ""
        label = field.label if field is not None else name
        labels[name] = f"{label}, {unit}" if unit else label
    return labels


def _operator_label(field: Field, operator: str) -> str:
    words = operator_words(field, operator)
    return f"{words} ... days" if operator in ("in_last_days", "not_in_last_days") else words


def _operator(row: Row, field: Field) -> None:
    key = f"rule_operator_{row.nr}_{field.name}"
    if key not in st.session_state:
        st.session_state[key] = row.operator if row.operator in field.operators else field.operators[0]
    chosen = st.selectbox(
        "Operator", field.operators, format_func=lambda operator: _operator_label(field, operator), key=key,
        label_visibility="collapsed", width=185,
    )  # fmt: skip
    if chosen != row.operator:
        row.operator = chosen
        row.values = []


def _values(row: Row, field: Field, options: tuple[str, ...]) -> list[Any]:
    """The values of a row as far as they are given; None where one is missing."""
    key = f"rule_value_{row.nr}_{field.name}_{row.operator}"
    if row.operator in ("known", "unknown"):
        return []
    if row.operator in ("in_last_days", "not_in_last_days"):
        _start(f"{key}_0", _held(row, 0))
        return [st.number_input("Days", 1, 36_500, None, 1, key=f"{key}_0", placeholder="days", **_SMALL)]
    n_values = 2 if row.operator == "between" else 1
    if field.kind == "yes_no":
        _start(f"{key}_0", _held(row, 0) if isinstance(_held(row, 0), bool) else None)
        return [st.selectbox("Value", [True, False], None, _yes_no, key=f"{key}_0", placeholder="Choose", **_SMALL)]
    if field.kind == "date":
        return [_day(f"{key}_{place}", _held(row, place)) for place in range(n_values)]
    if field.kind == "number" or row.operator in ("at_least", "at_most", "between"):
        return [_number(f"{key}_{place}", _held(row, place), field) for place in range(n_values)]
    if row.operator in ("one_of", "none_of"):
        return _several(key, row, options)
    return [_text(f"{key}_0", _held(row, 0), options)]


_SMALL: dict[str, Any] = {"label_visibility": "collapsed", "width": 135}
_WIDE: dict[str, Any] = {"label_visibility": "collapsed", "width": 260}


def _yes_no(value: bool) -> str:
    return "yes" if value else "no"


def _held(row: Row, place: int) -> Any:
    """What a row holds at a place; None where it holds nothing yet."""
    return row.values[place] if len(row.values) > place else None


def _start(key: str, value: Any) -> None:
    """Let an input that is drawn for the first time start with what the row holds."""
    if key not in st.session_state and value is not None:
        st.session_state[key] = value


def _number(key: str, held: Any, field: Field) -> float | None:
    """A number; a share is asked in percent."""
    is_share = field.unit == "share"
    _start(key, round(float(held) * (100 if is_share else 1), 8) if is_number(held) else None)
    sign = currency_sign(session.currency()).strip()
    unit = {"share": "percent", "currency": sign or "amount", "days": "days"}.get(field.unit, "number")
    low, high = (0.0, 100.0) if is_share else (None, None)
    found = st.number_input(unit.capitalize(), low, high, None, format="%0.10g", key=key, placeholder=unit, **_SMALL)
    if found is None:
        return None
    if is_share:
        return round(float(found) / 100, 10)
    return int(found) if float(found).is_integer() else float(found)


def _day(key: str, held: Any) -> str | None:
    _start(key, None if held is None else as_day(held))
    found: date | None = st.date_input(
        "Day", None, date(1970, 1, 1), date(2100, 1, 1), key=key, format="YYYY-MM-DD", **_SMALL
    )
    return found.isoformat() if found else None


def _several(key: str, row: Row, options: tuple[str, ...]) -> list[Any]:
    _start(key, [str(value) for value in row.values])
    offered = list(dict.fromkeys([*options, *st.session_state[key]]))
    return list(
        st.multiselect("Values", offered, key=key, accept_new_options=True, placeholder="Choose or type", **_WIDE)
    )


def _text(key: str, held: Any, options: tuple[str, ...]) -> str | None:
    _start(key, None if held is None else f"{held:g}" if is_number(held) else str(held))
    if not options or key.endswith("_contains_0"):
        return st.text_input("Value", key=key, placeholder="text", **_WIDE) or None
    now = st.session_state.get(key)
    offered = list(dict.fromkeys([*options, *([str(now)] if now else [])]))
    found: str | None = st.selectbox(
        "Value", offered, None, key=key, accept_new_options=True, placeholder="Choose or type", **_WIDE
    )
    return found
