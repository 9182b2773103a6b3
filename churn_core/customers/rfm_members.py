"""The customers of an RFM group or of a square of its grid, kept as a segment.

Separate because from here on they are a list like any other: At risk, campaigns and exports know segments.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from churn_core.customers.rfm import orders_until, scored_sql, thresholds
from churn_core.customers.rfm_rule import GROUPS, SCORES, rule_words
from churn_core.customers.rfm_rules import active_rule
from churn_core.customers.segments import Segment, clean_name, new_segment, segment, segments
from churn_core.errors import InputError, NotEnoughData, unknown_name
from churn_core.warehouse import Warehouse


@dataclass(frozen=True, kw_only=True)
class RfmChoice:
    """Which customers are meant: a group, or those of one R and one F."""

    group: str | None = None
    recency: int | None = None
    frequency: int | None = None

    def __post_init__(self) -> None:
        if self.group is not None and self.group not in GROUPS:
            raise unknown_name("RFM group", self.group, GROUPS)
        scores = (self.recency, self.frequency)
        if (self.group is None) == (scores == (None, None)) or any(s not in (None, *SCORES) for s in scores):
            raise InputError("choose an RFM group, or scores from 1 to 5 for R and F.")

    @classmethod
    def from_words(cls, words: str) -> RfmChoice:
        """The choice that has these words; InputError when none has.

        >>> RfmChoice.from_words("R 2, F 5") == RfmChoice(recency=2, frequency=5)
        True
        """
        squares = [cls(recency=r, frequency=f) for r in (None, *SCORES) for f in (None, *SCORES) if r or f]
        known = {choice.words: choice for choice in (*(cls(group=name) for name in GROUPS), *squares)}
        if words not in known:
            raise unknown_name("RFM group", words, GROUPS)
        return known[words]

    @property
    def words(self) -> str:
        """The choice in words.

        >>> RfmChoice(group="at risk").words, RfmChoice(recency=2, frequency=5).words
        ('at risk', 'R 2, F 5')
        """
        if self.group is not None:
            return self.group
        scores = (("R", self.recency), ("F", self.frequency))
        return ", ".join(f"{name} {score}" for name, score in scores if score is not None)


def save_choice(
    warehouse: Warehouse, choice: RfmChoice, name: str | None = None, *, as_of: datetime | None = None
) -> Segment:
    """Keep the customers of a choice as of a day (default: the end of the orders) as a segment.

    Without a name it is called after the choice and the day, and one that holds the same already is used again.
    NotEnoughData when nobody is meant, InputError when the name is empty, too long or taken.
    """
    day, rule = orders_until(warehouse, as_of), active_rule(warehouse)
    meaning = (
        f"RFM {choice.words} as of {day:%-d %b %Y}: {rule_words(rule)[:-1]} "
        f"(rule {rule.version}, data {warehouse.data_version})"
    )
    saved = segments(warehouse)
    if name is None:
        known = next((entry for entry in saved if entry.meaning == meaning), None)
        if known is not None:
            return known
    called = clean_name(name if name is not None else _free_name(f"RFM {choice.words}, {day:%-d %b %Y}", saved))
    scored = scored_sql(rule, thresholds(warehouse, rule, day), day)
    parts = {"rfm_group": choice.group, "recency": choice.recency, "frequency": choice.frequency}
    where = " AND ".join(f"{column} = $only_{column}" for column, value in parts.items() if value is not None)
    with warehouse.transaction() as tx:
        segment_id = new_segment(tx, called, meaning)
        n_members = tx.execute(
            "INSERT INTO segment_members (segment_id, customer_id) "
            f"SELECT $new_segment, customer_id FROM ({scored.sql}) WHERE {where}",
            scored.parameters | {f"only_{name}": value for name, value in parts.items()} | {"new_segment": segment_id},
        )
        if not n_members:
            raise NotEnoughData(f"nobody is in RFM {choice.words}, so there is nothing to save; choose another group.")
        tx.audit("segment saved", {"segment_id": segment_id, "name": called, "n_members": n_members})
    return segment(warehouse, segment_id)


def _free_name(name: str, saved: tuple[Segment, ...]) -> str:
    """The name, with a number where it is taken."""
    taken = {entry.name.lower() for entry in saved}
    if name.lower() not in taken:
        return name
    number = 2
    while f"{name} ({number})".lower() in taken:
        number += 1
    return f"{name} ({number})"
