"""The rule that is being built: rows in groups, two levels, kept for the visit and told by the address.

Separate from the inputs because a draft may be unfinished: a rule never is.
"""

from __future__ import annotations

from dataclasses import dataclass
from dataclasses import field as of_each
from typing import Any

import streamlit as st

from churn_core.customers.rule_sql import field_of
from churn_core.customers.rules import Line, Rule, rule_from_json, rule_json
from churn_core.errors import InputError
from ui.errors import errors_shown

RULE = "rule"
"""Parameter of the address: the rule as JSON, so that a link carries it."""

LONGEST_IN_ADDRESS = 1500

_DRAFT, _WRITTEN, _NUMBER = "rule_draft", "rule_in_address", "rule_number"


@dataclass
class Row:
    """One row of the builder, finished or not."""

    nr: int
    """Which row it is as long as it is there; part of the keys of its inputs."""
    field: str | None = None
    operator: str | None = None
    values: list[Any] = of_each(default_factory=list)


@dataclass
class GroupDraft:
    """Rows that belong together."""

    nr: int
    join: str = "all"
    rows: list[Row] = of_each(default_factory=list)


@dataclass
class Draft:
    """The whole rule as far as it was built."""

    join: str = "all"
    groups: list[GroupDraft] = of_each(default_factory=list)


def draft() -> Draft:
    """The draft of this visit: that of the address when it names another one, else a first empty row."""
    told = st.query_params.get(RULE)
    if told and told != st.session_state.get(_WRITTEN):
        st.session_state[_WRITTEN] = told
        with errors_shown():
            load(rule_from_json(told))
    if _DRAFT not in st.session_state:
        st.session_state[_DRAFT] = Draft(groups=[GroupDraft(nr=_next(), rows=[Row(nr=_next())])])
    found: Draft = st.session_state[_DRAFT]
    return found


def load(rule: Rule) -> None:
    """Put a rule into the builder; InputError when its groups are nested deeper than the page shows."""
    groups = []
    own = [part for part in rule.parts if isinstance(part, Line)]
    if own:
        groups.append(_group(rule.join, own))
    for part in rule.parts:
        if isinstance(part, Rule):
            lines = [inner for inner in part.parts if isinstance(inner, Line)]
            if len(lines) < len(part.parts):
                raise InputError(
                    "the rule has groups within groups, deeper than this page shows; work on it with 'churn rules'."
                )
            groups.append(_group(part.join, lines))
    st.session_state[_DRAFT] = Draft(join=rule.join, groups=groups)
    st.session_state.pop("rule_join", None)


def clear() -> None:
    """Begin anew, with inputs that remember nothing."""
    st.session_state.pop("rule_join", None)
    st.session_state.pop(_DRAFT, None)
    st.session_state.pop(_WRITTEN, None)
    st.query_params.pop(RULE, None)


def tell(rule: Rule | None) -> None:
    """Let the address carry the rule."""
    text = rule_json(rule) if rule is not None else ""
    if text and len(text) <= LONGEST_IN_ADDRESS:
        st.session_state[_WRITTEN] = text
        st.query_params[RULE] = text
    else:
        st.session_state.pop(_WRITTEN, None)
        st.query_params.pop(RULE, None)


def add_row(group: GroupDraft) -> None:
    """One more row in a group."""
    group.rows.append(Row(nr=_next()))


def remove_row(found: Draft, group: GroupDraft, row: Row) -> None:
    """Take a row out, and its group with the last one."""
    group.rows.remove(row)
    if not group.rows:
        found.groups.remove(group)


def add_group(found: Draft) -> None:
    """One more group with an empty row, joined the other way round than the rule, as that is what groups are for."""
    found.groups.append(GroupDraft(nr=_next(), join="any" if found.join == "all" else "all", rows=[Row(nr=_next())]))


def unfinished(found: Draft) -> str:
    """What is missing before the rule can be asked, in words; empty when nothing is."""
    rows = [row for group in found.groups for row in group.rows]
    if not rows:
        return "Add a line to begin."
    for place, row in enumerate(rows, start=1):
        if not row.field or not row.operator:
            return "Choose what customers are asked for." if len(rows) == 1 else f"Line {place} needs a field."
        if any(value is None or value == "" for value in row.values):
            return f"Line {place} needs a value."
        if not row.values and row.operator not in ("known", "unknown"):
            return f"Line {place} needs a value."
    return ""


def built(found: Draft) -> Rule:
    """The rule of a finished draft; ChurnError when it cannot be one."""
    groups = [
        Rule(join=group.join, parts=tuple(_line(row) for row in group.rows))  # type: ignore[arg-type]
        for group in found.groups
    ]
    if len(groups) == 1:
        return groups[0]
    parts: list[Line | Rule] = []
    for group in groups:
        parts += group.parts if group.join == found.join or len(group.parts) == 1 else (group,)
    return Rule(join=found.join, parts=tuple(parts))  # type: ignore[arg-type]


def _line(row: Row) -> Line:
    line = Line(field=str(row.field), operator=str(row.operator), values=tuple(row.values))
    field_of(line)
    return line


def _group(join: str, lines: list[Line]) -> GroupDraft:
    rows = [Row(nr=_next(), field=line.field, operator=line.operator, values=list(line.values)) for line in lines]
    return GroupDraft(nr=_next(), join=join, rows=rows)


def _next() -> int:
    number: int = st.session_state.get(_NUMBER, 0) + 1
    st.session_state[_NUMBER] = number
    return number
