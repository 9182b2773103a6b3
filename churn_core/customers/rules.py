"""What a rule is: lines of field, operator and value, joined by and / or in groups; as data and as JSON.

Separate from the fields (what can be asked) and from the SQL (how it is answered): a rule is a value that is stored,
compared and shown, and knows no database.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date
from typing import Any, Literal

from churn_core.errors import InputError, unknown_name

Value = str | float | bool
Join = Literal["all", "any"]

N_VALUES: dict[str, tuple[int, int]] = {
    "is": (1, 1),
    "is_not": (1, 1),
    "one_of": (1, 1000),
    "none_of": (1, 1000),
    "at_least": (1, 1),
    "at_most": (1, 1),
    "between": (2, 2),
    "contains": (1, 1),
    "in_last_days": (1, 1),
    "not_in_last_days": (1, 1),
    "known": (0, 0),
    "unknown": (0, 0),
}
"""Every operator with the fewest and the most values it takes."""

MOST_LINES = 200
DEEPEST = 8
LONGEST_TEXT = 200
MOST_DAYS = 36_500


@dataclass(frozen=True, kw_only=True)
class Line:
    """One comparison of a field with values."""

    field: str
    """Name of a field, as in the registry; ``attribute:NAME`` for a column of the user's files."""
    operator: str
    """A key of N_VALUES."""
    values: tuple[Value, ...] = ()
    """Numbers, texts, yes and no (booleans), or days as 2026-11-20."""

    def __post_init__(self) -> None:
        if self.operator not in N_VALUES:
            raise unknown_name("operator", self.operator, N_VALUES)
        fewest, most = N_VALUES[self.operator]
        if not fewest <= len(self.values) <= most:
            wanted = str(most) if fewest == most else f"{fewest} to {most}"
            raise InputError(
                f"the line {self.field!r} {self.operator} has {len(self.values)} values; give it {wanted}."
            )
        for value in self.values:
            _check_value(self.field, value)


@dataclass(frozen=True, kw_only=True)
class Rule:
    """Lines and further groups, all of which must hold, or any one of them."""

    join: Join = "all"
    """all (and) or any (or)."""
    parts: tuple[Line | Rule, ...] = ()

    def __post_init__(self) -> None:
        if self.join not in ("all", "any"):
            raise unknown_name("way to join lines", str(self.join), ("all", "any"))
        if not self.parts:
            raise InputError("the rule has a group without a line; add one, or take the group out.")
        if self.depth > DEEPEST:
            raise InputError(f"the rule has groups within groups {self.depth} deep; {DEEPEST} is the most.")
        n_lines = sum(1 for _ in self.lines())
        if n_lines > MOST_LINES:
            raise InputError(f"the rule has {n_lines} lines; {MOST_LINES} is the most.")
        if self.join == "all":
            _check_together(tuple(part for part in self.parts if isinstance(part, Line)))

    @property
    def depth(self) -> int:
        """Groups within groups; 1 for lines alone."""
        return 1 + max((part.depth for part in self.parts if isinstance(part, Rule)), default=0)

    def lines(self) -> Iterator[Line]:
        """Every line, in order, whatever group it stands in."""
        for part in self.parts:
            if isinstance(part, Line):
                yield part
            else:
                yield from part.lines()

    def named(self, field: str) -> tuple[str, ...]:
        """The values that lines about a field compare with, such as the segments a rule builds on."""
        return tuple(str(value) for line in self.lines() if line.field == field for value in line.values)

    def renamed(self, field: str, old: str, new: str) -> Rule:
        """The same rule where lines about a field compare with another name."""
        parts: list[Line | Rule] = []
        for part in self.parts:
            if isinstance(part, Rule):
                parts.append(part.renamed(field, old, new))
            elif part.field == field:
                parts.append(replace(part, values=tuple(new if value == old else value for value in part.values)))
            else:
                parts.append(part)
        return replace(self, parts=tuple(parts))


def rule_json(rule: Rule) -> str:
    """A rule as JSON text.

    >>> rule_json(Rule(parts=(Line(field="risk", operator="at_least", values=(0.5,)),)))
    '{"all": [{"field": "risk", "operator": "at_least", "values": [0.5]}]}'
    """
    return json.dumps(_as_data(rule), ensure_ascii=False)


def rule_from_json(text: str) -> Rule:
    """The rule of a JSON text; InputError in one sentence when it is none."""
    try:
        return _from_data(json.loads(text), 1)
    except (json.JSONDecodeError, RecursionError) as error:
        raise InputError(
            f"the rule is not JSON ({error}); "
            'write it like {"all": [{"field": "risk", "operator": "at_least", "values": [0.5]}]}.'
        ) from error


def is_number(value: Value) -> bool:
    """Whether a value is a number; yes and no are none."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def as_day(value: Value) -> date | None:
    """The day a text names as 2026-11-20; None when it names none."""
    try:
        return date.fromisoformat(value) if isinstance(value, str) and len(value) == 10 else None
    except ValueError:
        return None


def _as_data(part: Line | Rule) -> dict[str, Any]:
    if isinstance(part, Line):
        return {"field": part.field, "operator": part.operator, "values": list(part.values)}
    return {part.join: [_as_data(inner) for inner in part.parts]}


def _from_data(found: Any, depth: int) -> Rule:
    if depth > DEEPEST:
        raise InputError(f"the rule has groups within groups more than {DEEPEST} deep; {DEEPEST} is the most.")
    joins = [join for join in ("all", "any") if isinstance(found, dict) and join in found]
    if len(joins) != 1 or len(found) != 1 or not isinstance(found[joins[0]], list):
        raise InputError('a group of a rule is {"all": [...]} or {"any": [...]} with its lines; this one is not.')
    parts = found[joins[0]]
    return Rule(
        join=joins[0],  # type: ignore[arg-type]
        parts=tuple(
            _line(part) if isinstance(part, dict) and "field" in part else _from_data(part, depth + 1) for part in parts
        ),
    )


def _line(found: dict[str, Any]) -> Line:
    strange = sorted(str(key) for key in found.keys() - {"field", "operator", "values"})
    if strange:
        raise InputError(f"a line of the rule has {strange[0]!r}; a line has field, operator and values.")
    field, operator, values = found["field"], found.get("operator"), found.get("values", [])
    if not isinstance(field, str) or not isinstance(operator, str) or not isinstance(values, list):
        raise InputError("a line of the rule needs a field and an operator as text, and values as a list.")
    return Line(field=field, operator=operator, values=tuple(values))


def _check_value(field: str, value: object) -> None:
    if not isinstance(value, str | int | float):
        raise InputError(f"a value of {field!r} is {value!r}; give it a number, a text, or yes or no.")
    if isinstance(value, str) and len(value) > LONGEST_TEXT:
        raise InputError(f"a value of {field!r} has {len(value)} characters; {LONGEST_TEXT} is the most.")
    if isinstance(value, str) and ("\0" in value or not _is_writable(value)):
        raise InputError(f"a value of {field!r} holds characters that no text can hold; type it anew.")
    if isinstance(value, int | float) and not (math.isfinite(value) and abs(value) <= 1e15):
        raise InputError(f"a value of {field!r} is {value:g}; give it a finite number.")


def _is_writable(text: str) -> bool:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _check_together(lines: tuple[Line, ...]) -> None:
    """Refuse ranges of one field that no customer can meet together."""
    for name in {line.field for line in lines}:
        lows, highs = [], []
        for line in (line for line in lines if line.field == name):
            low, high = _bounds(line)
            lows += [low] if low is not None else []
            highs += [high] if high is not None else []
        for kind in (str, float):
            low = max((value for value in lows if _is_kind(value, kind)), default=None, key=_key)
            high = min((value for value in highs if _is_kind(value, kind)), default=None, key=_key)
            if low is not None and high is not None and _key(low) > _key(high):
                raise InputError(
                    f"{name!r} is asked to be at least {low} and at most {high}, which nobody can be; "
                    "change one of them, or join the lines by or."
                )


def _bounds(line: Line) -> tuple[Value | None, Value | None]:
    if line.operator == "at_least":
        return line.values[0], None
    if line.operator == "at_most":
        return None, line.values[0]
    if line.operator == "between":
        return line.values[0], line.values[1]
    return None, None


def _is_kind(value: Value, kind: type) -> bool:
    return as_day(value) is not None if kind is str else is_number(value)


def _key(value: Value) -> Any:
    return value
